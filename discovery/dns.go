package discovery

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Lookup is what resolvers ask of DNS; a *[net.Resolver] has it.
type Lookup interface {
	LookupHost(ctx context.Context, host string) (addrs []string, err error)
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, addrs []*net.SRV, err error)
}

// DNSOptions say how names are resolved. The zero value is right for most.
type DNSOptions struct {
	// Refresh is the time between look-ups; 0 means 30 seconds.
	Refresh time.Duration

	// Lookup asks DNS; nil is [net.DefaultResolver].
	Lookup Lookup
}

// lookupTimeout bounds one look-up.
const lookupTimeout = 10 * time.Second

// DNS returns a Resolver that reports the A and AAAA records of the host of hostport, each with its port.
func DNS(hostport string, opts DNSOptions) (Resolver, error) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil || host == "" || port == "" {
		return nil, fmt.Errorf("DNS name %q: want name:port", hostport)
	}
	return poll(opts, func(ctx context.Context, l Lookup) ([]Instance, error) {
		addrs, err := l.LookupHost(ctx, host)
		if err != nil {
			return nil, err
		}
		var list []Instance
		for _, a := range slices.Sorted(slices.Values(addrs)) { // DNS shuffles
			list = append(list, Instance{Addr: net.JoinHostPort(a, port)})
		}
		return list, nil
	}), nil
}

// SRV returns a Resolver that reports the SRV records of name (RFC 2782), such as _thrift._tcp.example.com: their priorities
// and weights are those of the instances, except that weight 0 becomes 1.
func SRV(name string, opts DNSOptions) (Resolver, error) {
	if name == "" {
		return nil, fmt.Errorf("SRV name is missing: want a name such as _thrift._tcp.example.com")
	}
	return poll(opts, func(ctx context.Context, l Lookup) ([]Instance, error) {
		_, records, err := l.LookupSRV(ctx, "", "", name)
		if err != nil && len(records) == 0 {
			return nil, err
		}
		var list []Instance
		for _, r := range records {
			list = append(list, Instance{
				Addr:   net.JoinHostPort(strings.TrimSuffix(r.Target, "."), strconv.Itoa(int(r.Port))),
				Weight: max(1, int(r.Weight)), Priority: int(r.Priority),
			})
		}
		slices.SortFunc(list, func(a, b Instance) int { return strings.Compare(a.Addr, b.Addr) })
		return list, nil
	}), nil
}

// poll returns a Resolver that asks again and again.
func poll(opts DNSOptions, ask func(context.Context, Lookup) ([]Instance, error)) Resolver {
	if opts.Refresh <= 0 {
		opts.Refresh = 30 * time.Second
	}
	if opts.Lookup == nil {
		opts.Lookup = net.DefaultResolver
	}
	return ResolverFunc(func(ctx context.Context, report func(Snapshot)) error {
		for revision := uint64(1); ; revision++ {
			asking, cancel := context.WithTimeout(ctx, lookupTimeout)
			list, err := ask(asking, opts.Lookup)
			cancel()
			if err != nil {
				return err
			}
			report(Snapshot{Revision: revision, Instances: list})
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(opts.Refresh):
			}
		}
	})
}

// serverLookup returns a Lookup that asks the DNS server at addr, whose port may be missing.
func serverLookup(addr string) Lookup {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		addr = net.JoinHostPort(strings.Trim(addr, "[]"), "53")
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
}
