package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire"
)

// A Finding is what Probe learned of one dialect.
type Finding struct {
	Target string // in that dialect, as Dial takes it
	Speaks bool
	Err    error // why not; nil if it does
}

// probes are the dialects that Probe tries, as queries of targets: those that are met most first.
var probes = []string{
	"", "transport=framed",
	"protocol=compact&transport=framed", "protocol=compact",
	"transport=ttheader", "transport=header", "protocol=compact&transport=header",
	"protocol=json", "protocol=json&transport=framed", "protocol=thriftpy2-json",
	"compression=zlib",
	"transport=http", "protocol=compact&transport=http", "protocol=json&transport=http",
}

// foreignProbes are the schemes of the protocols besides Thrift's that Probe tries, if the options have a dialect for them.
var foreignProbes = []string{"dubbo", "grpc", "motan2", "rpcx"}

// probeMethod is a name that no service has.
const probeMethod = "thriftkit_probe_of_dialects"

// Probe detects which dialects the server at target speaks. It calls, in each, a method that
// no server has, so that none is executed: whoever answers that, speaks the dialect. target
// says where: of its query only what concerns TLS counts. A bare host:port is tried with TLS as
// well if it speaks nothing without; then no certificate is verified, as nothing secret is sent.
//
// The dialects are tried one after the other, for servers that accept one connection at a time,
// each on a new connection and for at most patience. Of the protocols of opts.Dialects it tries those of Dubbo, gRPC,
// which is Triple of Dubbo as well, Motan and rpcx. The error says why
// nothing could be tried: there is no server, or target is wrong.
func Probe(ctx context.Context, target string, patience time.Duration, opts ClientOptions) ([]Finding, error) {
	t, err := transport.ParseTarget(target)
	if err != nil {
		return nil, err
	}
	t.Protocol, t.Service, t.Compression, t.Framing = "", "", "", wire.Buffered
	t.Foreign, t.Group, t.Version = "", "", ""
	opts.Interceptors = nil
	opts.MaxConns = 1
	opts.Timeout = patience
	found, err := probe(ctx, t, opts)
	if err != nil || t.TLS || t.HTTP || t.Network != "tcp" || anySpoken(found) {
		return found, err
	}
	t.TLS = true
	opts.TLS = &tls.Config{InsecureSkipVerify: true} // nothing is sent but the name of no method
	more, err := probe(ctx, t, opts)
	var alert *net.OpError
	if errors.As(err, &alert) && alert.Op == "remote error" && len(more) == 0 { // the server uses TLS, and wants a certificate, for example
		more = []Finding{{Target: t.String(), Err: err}}
	}
	found = append(found, more...)
	return found, nil
}

func anySpoken(found []Finding) bool {
	for _, f := range found {
		if f.Speaks {
			return true
		}
	}
	return false
}

// probe tries every dialect that goes with t.
func probe(ctx context.Context, t transport.Target, opts ClientOptions) ([]Finding, error) {
	m := probedMethod()
	targets := make([]string, 0, len(probes)+len(foreignProbes))
	for _, query := range probes {
		overHTTP := strings.HasSuffix(query, "transport=http")
		if t.HTTP && !overHTTP || t.Network == "unix" && overHTTP || t.Network == "udp" && query != "" && query != "protocol=compact" {
			continue
		}
		targets = append(targets, withQuery(t, query))
	}
	for _, scheme := range foreignProbes {
		if t.Network == "tcp" && !t.HTTP && hasDialect(opts.Dialects, scheme) {
			x := t
			x.Foreign, x.Path = scheme, "/"
			targets = append(targets, x.String())
		}
	}
	var found []Finding
	for _, target := range targets {
		speaks, err := probeOne(ctx, target, m, opts)
		var e *Error
		if errors.As(err, &e) && e.Code == CodeUnavailable && len(found) == 0 {
			return nil, err
		}
		if ctx.Err() != nil {
			return found, ctx.Err()
		}
		found = append(found, Finding{target, speaks, err})
	}
	return found, nil
}

// hasDialect reports whether one of list has the targets of a scheme.
func hasDialect(list []Dialect, scheme string) bool {
	return slices.ContainsFunc(list, func(d Dialect) bool {
		x, ok := d.(ClientDialect)
		return ok && x.Dials(scheme)
	})
}

// withQuery returns the target t in the dialect that query names.
func withQuery(t transport.Target, query string) string {
	base := t.String()
	values, err := url.ParseQuery(query)
	if err != nil || query == "" {
		return base
	}
	if t.HTTP {
		values.Del("transport")
	}
	separator := "?"
	if strings.Contains(base, "?") {
		separator = "&"
	}
	parsed, err := transport.ParseTarget(base + separator + values.Encode())
	if err != nil {
		return base
	}
	return parsed.String()
}

// probeOne reports whether the server answers in the dialect of target.
func probeOne(ctx context.Context, target string, m *schema.Method, opts ClientOptions) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, opts.Timeout)
	defer cancel()
	c, err := Dial(ctx, target, opts)
	if err != nil {
		return false, err
	}
	defer c.Close()
	_, err = c.Invoke(ctx, m, dynamic.New(m.Args))
	var e *Error
	if err == nil || errors.As(err, &e) && (e.Remote || e.Code >= 0 && e.Code != CodeProtocol && e.Code != CodePermissionDenied) {
		return true, nil // a message came, whatever it says; HTTP's 403 may say that the dialect is not accepted
	}
	if e != nil {
		return false, failure("", e.Code, err) // without the name of a method that nobody called
	}
	return false, err
}

// probedMethod returns a method without parameters that no service has.
func probedMethod() *schema.Method {
	m := &schema.Method{Name: probeMethod, Args: &schema.Struct{Kind: schema.Arguments}, Result: schema.Base(schema.KindVoid)}
	svc := &schema.Service{Name: "Probe", Methods: []*schema.Method{m}}
	if err := schema.Link(&schema.File{Services: []*schema.Service{svc}}); err != nil {
		panic(err) // the literals above are wrong
	}
	return m
}
