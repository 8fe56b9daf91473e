package registry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/rpc"
)

// ClientOptions say how a Client behaves. The zero value is right for most.
type ClientOptions struct {
	// TTL of leases; 0 leaves it to the registry, whose default is 10 seconds. They are kept alive three times as often.
	TTL time.Duration

	// Client is for the connections to the registries.
	Client rpc.ClientOptions

	// OnError learns of what has no caller: a registry that cannot be reached, a lease that was lost. Several goroutines may
	// call it. nil drops it.
	OnError func(error)
}

// callTimeout bounds a call other than watch, and what watch takes beyond its wait.
const callTimeout = 5 * time.Second

// watchWait is how long a watch waits: less than what a proxy between may allow.
const watchWait = 20 * time.Second

// A Client registers instances with one or more registries, and watches them. It is a [discovery.Registrar]. Its methods may be called
// by any number of goroutines.
type Client struct {
	opts    ClientOptions
	peers   []*peer
	ctx     context.Context // until Close
	cancel  context.CancelFunc
	keeping sync.WaitGroup
}

var _ discovery.Registrar = (*Client)(nil)

// A peer is one registry.
type peer struct {
	addr   string
	client *rpc.Client
	stub   struct {
		Register   func(ctx context.Context, service string, in *instance, ttlMs int64) (*leased, error)
		KeepAlive  func(ctx context.Context, lease int64) error
		Release    func(ctx context.Context, lease int64) error
		Deregister func(ctx context.Context, service, addr string) (bool, error)
		Instances  func(ctx context.Context, service string) (*listing, error)
		Watch      func(ctx context.Context, service string, epoch, revision, waitMs int64) (*changes, error)
		Services   func(ctx context.Context) (map[string]int32, error)
	}
}

// Connect returns a Client of the registries at addrs, which have commas between them: "a:9000,b:9000". It makes no connection: the first
// call does. Close ends it.
func Connect(addrs string, opts ClientOptions) (*Client, error) {
	if opts.OnError == nil {
		opts.OnError = func(error) {}
	}
	c := &Client{opts: opts}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	each := opts.Client
	each.Lazy = true
	svc := Service()
	for addr := range strings.SplitSeq(addrs, ",") {
		addr = strings.TrimSpace(addr)
		target := addr
		if !strings.Contains(addr, "?") {
			target += "?transport=header" // which carries deadlines
		}
		client, err := rpc.Dial(context.Background(), target, each)
		if err != nil {
			c.Close()
			return nil, fmt.Errorf("registry %q: %w", addr, err)
		}
		p := &peer{addr: addr, client: client}
		c.peers = append(c.peers, p)
		if err := client.Bind(svc, &p.stub, &invalid{}, &noLease{}, &compacted{}); err != nil {
			panic(err) // the stub does not fit registry.thrift
		}
	}
	return c, nil
}

// Close ends the connections. Registrations that were not ended are no longer kept alive: their leases end.
func (c *Client) Close() error {
	c.cancel()
	var errs []error
	for _, p := range c.peers {
		errs = append(errs, p.client.Close())
	}
	c.keeping.Wait()
	return errors.Join(errs...)
}

// Scheme makes resolvers of "registry://a:9000,b:9000/Name", for discovery.ParseTarget.
func Scheme(u *url.URL) (discovery.Resolver, error) {
	name := strings.TrimPrefix(u.Path, "/")
	if u.Host == "" || name == "" {
		return nil, fmt.Errorf("want registry://host:port/Name")
	}
	if err := checkService(name); err != nil {
		return nil, err
	}
	c, err := Connect(u.Host, ClientOptions{}) // reports what is wrong with the addresses
	if err != nil {
		return nil, err
	}
	c.Close()
	return discovery.ResolverFunc(func(ctx context.Context, report func(discovery.Snapshot)) error {
		c, err := Connect(u.Host, ClientOptions{})
		if err != nil {
			return err
		}
		defer c.Close()
		return c.Resolver(name).Watch(ctx, report)
	}), nil
}

// each runs f for all registries at once, and returns the errors in their order.
func (c *Client) each(f func(*peer) error) error {
	errs := make([]error, len(c.peers))
	var wg sync.WaitGroup
	for i, p := range c.peers {
		wg.Go(func() {
			if err := f(p); err != nil {
				errs[i] = fmt.Errorf("registry %s: %w", p.addr, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Services returns the names of the services that have instances, with how many at most in one registry. The error is of the
// registries that did not answer; the result is of the others.
func (c *Client) Services(ctx context.Context) (map[string]int, error) {
	var mu sync.Mutex
	all := make(map[string]int)
	err := c.each(func(p *peer) error {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		found, err := p.stub.Services(ctx)
		mu.Lock()
		defer mu.Unlock()
		for name, n := range found {
			all[name] = max(all[name], int(n))
		}
		return err
	})
	return all, err
}

// List returns the instances of a service in any of the registries, by address. The error is of the registries that did not answer; the
// result is of the others.
func (c *Client) List(ctx context.Context, service string) ([]discovery.Instance, error) {
	var mu sync.Mutex
	all := make(map[string]discovery.Instance)
	err := c.each(func(p *peer) error {
		l, err := p.list(ctx, service)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, in := range l.Instances {
			all[in.Addr] = fromWire(in)
		}
		return nil
	})
	return byAddr(all), err
}

func byAddr(all map[string]discovery.Instance) (list []discovery.Instance) {
	for _, addr := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[addr])
	}
	return list
}

func (p *peer) list(ctx context.Context, service string) (*listing, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return p.stub.Instances(ctx, service)
}

// Deregister removes the instance with an address from all registries, whoever registered it, and reports whether one had it. A server
// that keeps its lease alive registers again.
func (c *Client) Deregister(ctx context.Context, service, addr string) (bool, error) {
	var mu sync.Mutex
	any := false
	err := c.each(func(p *peer) error {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		found, err := p.stub.Deregister(ctx, service, addr)
		mu.Lock()
		defer mu.Unlock()
		any = any || found
		return err
	})
	return any, err
}

// Register implements [discovery.Registrar]: it registers in with all registries, and keeps its leases alive. It returns when one of them
// has it; with an error if none has it before ctx ends, or if all say that it is invalid.
func (c *Client) Register(ctx context.Context, service string, in discovery.Instance) (discovery.Registration, error) {
	if err := checkService(service); err != nil {
		return nil, err
	}
	if err := checkInstance(in); err != nil {
		return nil, err
	}
	in = in.Announced(time.Now())
	keeping, cancel := context.WithCancel(c.ctx)
	r := &registration{cancel: cancel}
	first := make(chan error, len(c.peers))
	for _, p := range c.peers {
		k := &keeper{peer: p, c: c, service: service, in: toWire(in)}
		r.keepers = append(r.keepers, k)
		c.keeping.Add(1)
		r.running.Go(func() {
			defer c.keeping.Done()
			k.run(keeping, first)
		})
	}
	var errs []error
	for range c.peers {
		select {
		case err := <-first:
			if err == nil {
				return r, nil
			}
			errs = append(errs, err)
		case <-ctx.Done():
			r.Deregister(context.WithoutCancel(ctx))
			return nil, fmt.Errorf("registry: %w", ctx.Err())
		case <-c.ctx.Done():
			return nil, errors.New("registry: the client is closed")
		}
	}
	r.Deregister(ctx)
	return nil, errors.Join(errs...)
}

// A registration keeps leases alive.
type registration struct {
	cancel  context.CancelFunc
	running sync.WaitGroup
	keepers []*keeper
}

// Deregister implements [discovery.Registration].
func (r *registration) Deregister(ctx context.Context) error {
	r.cancel()
	r.running.Wait()
	errs := make([]error, len(r.keepers))
	var wg sync.WaitGroup
	for i, k := range r.keepers {
		wg.Go(func() {
			if k.lease == 0 {
				return
			}
			ctx, cancel := context.WithTimeout(ctx, callTimeout)
			defer cancel()
			if err := k.peer.stub.Release(ctx, k.lease); err != nil {
				errs[i] = fmt.Errorf("registry %s: %w", k.peer.addr, err) // the lease ends by itself
			}
			k.lease = 0
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// A keeper keeps an instance registered with one registry.
type keeper struct {
	peer    *peer
	c       *Client
	service string
	in      *instance
	lease   int64
}

// run registers, and registers again when the lease was lost, until ctx ends. first gets nil when the registry has the instance, or
// the error by which it never will.
func (k *keeper) run(ctx context.Context, first chan<- error) {
	pause, notified := 100*time.Millisecond, false
	for ctx.Err() == nil {
		lasts, err := k.register(ctx)
		var wrong *invalid
		switch {
		case err == nil:
			if pause = 100 * time.Millisecond; !notified {
				first <- nil
				notified = true
			}
			err = k.keep(ctx, lasts)
		case errors.As(err, &wrong):
			if !notified {
				first <- fmt.Errorf("registry %s: %w", k.peer.addr, err)
				return
			}
		}
		if ctx.Err() != nil {
			return
		}
		wait := pause/2 + rand.N(pause/2)
		k.c.opts.OnError(fmt.Errorf("registry %s: %w (registering again in %s)", k.peer.addr, err, wait.Round(time.Millisecond)))
		pause = min(2*pause, 5*time.Second)
		if !sleep(ctx, wait) {
			return
		}
	}
}

func (k *keeper) register(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout) // a lease must not be left behind
	defer cancel()
	l, err := k.peer.stub.Register(ctx, k.service, k.in, k.c.opts.TTL.Milliseconds())
	if err != nil {
		return 0, err
	}
	k.lease = l.ID
	return time.Duration(l.TTLMs) * time.Millisecond, nil
}

// keep keeps the lease alive until ctx ends or the lease is lost.
func (k *keeper) keep(ctx context.Context, lasts time.Duration) error {
	renewed := time.Now()
	for {
		if !sleep(ctx, lasts/3) {
			return ctx.Err()
		}
		bounded, cancel := context.WithTimeout(ctx, max(lasts/3, minTTL))
		err := k.peer.stub.KeepAlive(bounded, k.lease)
		cancel()
		var gone *noLease
		switch {
		case err == nil:
			renewed = time.Now()
		case errors.As(err, &gone), time.Since(renewed) > lasts:
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// Resolver returns what watches a service in all registries. An instance is there if a registry that can be reached has it; while none
// can be reached the last list stays.
func (c *Client) Resolver(service string) discovery.Resolver {
	return discovery.ResolverFunc(func(ctx context.Context, report func(discovery.Snapshot)) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		views := make(chan view)
		var watching sync.WaitGroup
		defer watching.Wait()
		defer cancel()
		for i, p := range c.peers {
			watching.Go(func() { p.follow(ctx, i, service, views, c.opts.OnError) })
		}
		lists := make([]map[string]discovery.Instance, len(c.peers)) // nil: cannot be reached
		failed := make([]error, len(c.peers))
		revision := uint64(0)
		for {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case v := <-views:
				lists[v.peer], failed[v.peer] = v.list, v.err
			}
			merged, reached := merge(lists)
			switch {
			case reached:
				revision++
				report(discovery.Snapshot{Revision: revision, Instances: merged})
			case revision == 0 && !slices.Contains(failed, nil):
				return errors.Join(failed...) // nobody knows: whoever runs this decides what to do
			}
		}
	})
}

// merge returns the instances of all lists, and whether there is a list.
func merge(lists []map[string]discovery.Instance) (merged []discovery.Instance, any bool) {
	all := make(map[string]discovery.Instance)
	for _, l := range lists {
		any = any || l != nil
		for addr, in := range l {
			if _, has := all[addr]; !has {
				all[addr] = in
			}
		}
	}
	return byAddr(all), any
}

// A view is what a registry has.
type view struct {
	peer int
	list map[string]discovery.Instance // nil: it cannot be reached
	err  error
}

// follow reports the view of one registry, until ctx ends.
func (p *peer) follow(ctx context.Context, at int, service string, views chan<- view, onError func(error)) {
	send := func(v view) bool {
		v.peer = at
		select {
		case views <- v:
			return true
		case <-ctx.Done():
			return false
		}
	}
	pause := 100 * time.Millisecond
	for {
		err := p.watch(ctx, service, func(list map[string]discovery.Instance) bool {
			pause = 100 * time.Millisecond
			return send(view{list: list})
		})
		var old *compacted
		if errors.As(err, &old) {
			continue
		}
		err = fmt.Errorf("registry %s: %w", p.addr, err)
		if ctx.Err() != nil || !send(view{err: err}) {
			return
		}
		onError(err)
		if !sleep(ctx, pause/2+rand.N(pause/2)) {
			return
		}
		pause = min(2*pause, 5*time.Second)
	}
}

// watch lists, and reports the list after each change, until something fails.
func (p *peer) watch(ctx context.Context, service string, report func(map[string]discovery.Instance) bool) error {
	l, err := p.list(ctx, service)
	if err != nil {
		return err
	}
	list := make(map[string]discovery.Instance, len(l.Instances))
	for _, in := range l.Instances {
		list[in.Addr] = fromWire(in)
	}
	revision := l.Revision
	for changed := true; ; {
		if changed && !report(maps.Clone(list)) {
			return ctx.Err()
		}
		bounded, cancel := context.WithTimeout(ctx, watchWait+callTimeout)
		c, err := p.stub.Watch(bounded, service, l.Epoch, revision, watchWait.Milliseconds())
		cancel()
		if err != nil {
			return err
		}
		for _, one := range c.Changes {
			if one.Removed {
				delete(list, one.Instance.Addr)
			} else {
				list[one.Instance.Addr] = fromWire(one.Instance)
			}
		}
		revision, changed = c.Revision, len(c.Changes) > 0
	}
}
