// Package zookeeper keeps the instances of services in ZooKeeper: servers register with ephemeral nodes, clients watch.
//
//	client, err := thriftkit.Dial(ctx, "zookeeper://a:2181,b:2181/PingPong", thriftkit.WithResolver("zookeeper", zookeeper.Scheme))
//
//	reg, err := zookeeper.NewRegistrar([]string{"a:2181", "b:2181"}, zookeeper.Options{})
//	registration, err := reg.Register(ctx, "PingPong", discovery.Instance{Addr: "10.0.0.1:9090"})
//
// An instance is the node "/thriftkit/SERVICE/ADDR", with ADDR escaped as in a URL's path, whose data is a [discovery.Instance] as JSON. With
// [Dubbo] and [Motan] the nodes are those of these frameworks, so that their clients and servers and those of thriftkit find each other.
package zookeeper

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/thriftkit/thriftkit/discovery"
)

// Options say how instances are kept. The zero value is right for most.
type Options struct {
	Layout *Layout // nil is thriftkit's own

	// Prefix of the nodes in thriftkit's own layout, without a slash at the end; "" means "/thriftkit".
	Prefix string

	// SessionTimeout is after how long ZooKeeper removes the instances of a server that is gone; 0 means 10 seconds. ZooKeeper
	// has limits of its own, usually 4 and 40 seconds.
	SessionTimeout time.Duration

	// ConnectTimeout bounds the first connection of a resolver; 0 means 10 seconds.
	ConnectTimeout time.Duration

	// OnError learns of what has no caller: nodes that are no instances, sessions that were lost. Several goroutines may call
	// it. nil drops it.
	OnError func(error)
}

func (opts Options) withDefaults() Options {
	if opts.Prefix == "" {
		opts.Prefix = "/thriftkit"
	}
	if opts.Layout == nil {
		opts.Layout = thriftkit(opts.Prefix)
	}
	if opts.SessionTimeout <= 0 {
		opts.SessionTimeout = 10 * time.Second
	}
	if opts.ConnectTimeout <= 0 {
		opts.ConnectTimeout = 10 * time.Second
	}
	if opts.OnError == nil {
		opts.OnError = func(error) {}
	}
	return opts
}

// silent is the logger of connections: what matters comes as an error.
type silent struct{}

func (silent) Printf(string, ...any) {}

// A link is a connection that makes itself, until it has been without a session for twice the session timeout: then the session is
// over, and it closes. A client must not go on then: ZooKeeper whose data was lost refuses clients that have seen more than it has.
type link struct {
	*zk.Conn
	ready chan struct{} // closed with the first session
	lost  chan struct{} // closed when there is no session any more

	mu     sync.Mutex
	closed bool
	once   sync.Once
	timer  *time.Timer
}

func connect(servers []string, opts Options) (*link, error) {
	l := &link{ready: make(chan struct{}), lost: make(chan struct{})}
	limit := 2 * opts.SessionTimeout
	var known sync.WaitGroup
	known.Add(1)
	c, _, err := zk.Connect(servers, opts.SessionTimeout, zk.WithLogger(silent{}), zk.WithLogInfo(false), zk.WithEventCallback(func(e zk.Event) {
		known.Wait()
		if e.Type != zk.EventSession {
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		switch {
		case l.closed:
		case e.State == zk.StateHasSession:
			l.once.Do(func() { close(l.ready) })
			if l.timer != nil {
				l.timer.Stop()
				l.timer = nil
			}
		case e.State == zk.StateDisconnected && l.timer == nil:
			l.timer = time.AfterFunc(limit, func() {
				close(l.lost)
				l.Conn.Close()
			})
		}
	}))
	if err != nil {
		return nil, fmt.Errorf("zookeeper: %w", err)
	}
	l.Conn = c
	known.Done()
	return l, nil
}

// wait waits for the first session.
func (l *link) wait(ctx context.Context, servers []string, opts Options) error {
	select {
	case <-l.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(opts.ConnectTimeout):
		return fmt.Errorf("zookeeper: no session with %s within %s", strings.Join(servers, ","), opts.ConnectTimeout)
	}
}

// Close ends the session, and with it its ephemeral nodes.
func (l *link) Close() {
	l.mu.Lock()
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
	}
	l.mu.Unlock()
	l.Conn.Close()
}

// Scheme makes resolvers of "zookeeper://a:2181,b:2181/Name", for thriftkit.WithResolver.
func Scheme(u *url.URL) (discovery.Resolver, error) { return scheme(u, Options{}) }

// DubboScheme is Scheme for the layout of Dubbo, with any group and version: "zookeeper+dubbo://a:2181/com.acme.Shop".
func DubboScheme(u *url.URL) (discovery.Resolver, error) {
	return scheme(u, Options{Layout: Dubbo(ProviderOptions{})})
}

// MotanScheme is Scheme for the layout of Motan: "zookeeper+motan://a:2181/GROUP/com.acme.Shop", or without "GROUP/" for its default group.
func MotanScheme(u *url.URL) (discovery.Resolver, error) {
	group, name, ok := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if !ok {
		return scheme(u, Options{Layout: Motan(ProviderOptions{})})
	}
	named := *u
	named.Path = name
	return scheme(&named, Options{Layout: Motan(ProviderOptions{Group: group})})
}

func scheme(u *url.URL, opts Options) (discovery.Resolver, error) {
	name := strings.TrimPrefix(u.Path, "/")
	if u.Host == "" || name == "" || strings.Contains(name, "/") {
		return nil, fmt.Errorf("want %s://host:port/Name", u.Scheme)
	}
	return Resolver(strings.Split(u.Host, ","), name, opts), nil
}

// Resolver returns what reports the instances of a service. Each Watch has a connection of its own. While ZooKeeper cannot be reached, the
// last list stays.
func Resolver(servers []string, service string, opts Options) discovery.Resolver {
	opts = opts.withDefaults()
	return discovery.ResolverFunc(func(ctx context.Context, report func(discovery.Snapshot)) error {
		l, err := connect(servers, opts)
		if err != nil {
			return err
		}
		defer l.Close()
		defer context.AfterFunc(ctx, l.Close)() // it ends what waits for ZooKeeper
		if err := l.wait(ctx, servers, opts); err != nil {
			return err
		}
		for revision := uint64(1); ; revision++ {
			list, changed, err := read(l.Conn, opts.Layout.folder(service), opts)
			if err == nil {
				report(discovery.Snapshot{Revision: revision, Instances: list})
			}
			if err != nil && !errors.Is(err, zk.ErrSessionExpired) && !errors.Is(err, zk.ErrConnectionClosed) {
				return fmt.Errorf("zookeeper: %w", err)
			}
			if err != nil { // the next request waits for a connection
				soon := make(chan zk.Event)
				time.AfterFunc(100*time.Millisecond, func() { close(soon) })
				changed = soon
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-l.lost:
				return fmt.Errorf("zookeeper: no session with %s for %s", strings.Join(servers, ","), 2*opts.SessionTimeout)
			case <-changed: // or the session was lost, and with it the watch
			}
		}
	})
}

// readers is how many nodes are read at once.
const readers = 32

// read returns the instances in a folder, and a channel by which a change comes.
func read(c *zk.Conn, folder string, opts Options) ([]discovery.Instance, <-chan zk.Event, error) {
	names, _, changed, err := c.ChildrenW(folder)
	for errors.Is(err, zk.ErrNoNode) { // nobody has registered yet
		var exists bool
		if exists, _, changed, err = c.ExistsW(folder); err != nil || !exists {
			return nil, changed, err
		}
		names, _, changed, err = c.ChildrenW(folder) // it was made meanwhile
	}
	if err != nil {
		return nil, nil, err
	}
	slices.Sort(names)
	list, errs := make([]discovery.Instance, len(names)), make([]error, len(names))
	var wg sync.WaitGroup
	for k := range min(readers, len(names)) {
		wg.Go(func() {
			for i := k; i < len(names); i += readers {
				list[i], errs[i] = opts.Layout.read(c, folder, names[i])
			}
		})
	}
	wg.Wait()
	good := make([]discovery.Instance, 0, len(list))
	for i, in := range list {
		var bad *valueError
		switch err := errs[i]; {
		case err == nil:
			good = append(good, in)
		case errors.Is(err, errOther):
		case errors.Is(err, zk.ErrNoNode): // it left meanwhile, and changed tells so
		case errors.As(err, &bad):
			opts.OnError(fmt.Errorf("zookeeper: skipped node %s: %w", path.Join(folder, names[i]), bad.err))
		default:
			return nil, nil, err
		}
	}
	return good, changed, nil
}

// A valueError says why the data of a node is no instance.
type valueError struct{ err error }

func (e *valueError) Error() string { return e.err.Error() }

// A Registrar registers instances in ZooKeeper. Its methods may be called by any number of goroutines.
type Registrar struct {
	servers []string
	opts    Options
	ctx     context.Context // until Close
	cancel  context.CancelFunc
	running sync.WaitGroup
}

var _ discovery.Registrar = (*Registrar)(nil)

// NewRegistrar returns a Registrar with servers, host:port each. Each registration has a connection of its own. Close ends it.
func NewRegistrar(servers []string, opts Options) (*Registrar, error) {
	if len(servers) == 0 {
		return nil, errors.New("zookeeper: there are no servers")
	}
	r := &Registrar{servers: servers, opts: opts.withDefaults()}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r, nil
}

// Close ends all registrations.
func (r *Registrar) Close() error {
	r.cancel()
	r.running.Wait()
	return nil
}

// Register implements [discovery.Registrar].
func (r *Registrar) Register(ctx context.Context, service string, in discovery.Instance) (discovery.Registration, error) {
	if service == "" || strings.ContainsAny(service, "/ ") {
		return nil, fmt.Errorf("zookeeper: the name of the service is %q, want one without spaces and slashes", service)
	}
	if err := in.Validate(); err != nil {
		return nil, fmt.Errorf("zookeeper: %w", err)
	}
	name, data, err := r.opts.Layout.encode(service, in.Announced(time.Now()))
	if err != nil {
		return nil, fmt.Errorf("zookeeper: %w", err)
	}
	keeping, cancel := context.WithCancel(r.ctx)
	x := &registration{r: r, node: r.opts.Layout.folder(service) + "/" + name, data: data, cancel: cancel, done: make(chan struct{})}
	first := make(chan struct{})
	r.running.Go(func() { x.run(keeping, first) })
	select {
	case <-first:
		return x, nil
	case <-r.ctx.Done():
		cancel()
		return nil, errors.New("zookeeper: the registrar is closed")
	case <-ctx.Done():
		cancel()
		return nil, fmt.Errorf("zookeeper: %w", ctx.Err())
	}
}

// A registration keeps a node.
type registration struct {
	r      *Registrar
	node   string
	data   []byte
	cancel context.CancelFunc
	done   chan struct{}
}

// run keeps the node, with one connection after the other, until ctx ends.
func (x *registration) run(ctx context.Context, first chan struct{}) {
	defer close(x.done)
	notify := func() { close(first) }
	for ctx.Err() == nil {
		l, err := connect(x.r.servers, x.r.opts)
		if err == nil {
			stop := context.AfterFunc(ctx, l.Close) // it ends what waits for ZooKeeper, and the node
			x.keep(ctx, l, func() { notify(); notify = func() {} })
			stop()
			l.Close()
			err = errors.New("the session was lost")
		}
		if ctx.Err() == nil {
			x.r.opts.OnError(fmt.Errorf("zookeeper: %s: %w", x.node, err))
			sleep(ctx, 500*time.Millisecond+rand.N(500*time.Millisecond))
		}
	}
}

// keep makes the node, and makes it again when it or the session was lost, until ctx or the connection ends.
func (x *registration) keep(ctx context.Context, l *link, made func()) {
	pause := 100 * time.Millisecond
	for ctx.Err() == nil {
		gone, err := x.ensure(l.Conn)
		if err == nil {
			pause = 100 * time.Millisecond
			made()
			select {
			case <-ctx.Done():
			case <-l.lost:
				return
			case <-gone:
			}
			continue
		}
		select {
		case <-l.lost:
			return
		default:
		}
		if ctx.Err() == nil {
			x.r.opts.OnError(fmt.Errorf("zookeeper: %s: %w", x.node, err))
			sleep(ctx, pause/2+rand.N(pause/2))
			pause = min(2*pause, 5*time.Second)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// ensure makes the node unless it is there, and returns a channel by which its end comes.
func (x *registration) ensure(c *zk.Conn) (<-chan zk.Event, error) {
	for {
		exists, stat, gone, err := c.ExistsW(x.node)
		if err != nil {
			return nil, err
		}
		if exists && stat.EphemeralOwner == c.SessionID() {
			return gone, nil
		}
		if exists { // of a session that this server had before
			if err := c.Delete(x.node, -1); err != nil && !errors.Is(err, zk.ErrNoNode) {
				return nil, err
			}
		}
		_, err = c.Create(x.node, x.data, zk.FlagEphemeral, zk.WorldACL(zk.PermAll))
		if errors.Is(err, zk.ErrNoNode) {
			if err = makeFolder(c, path.Dir(x.node)); err == nil {
				continue
			}
		}
		if err != nil && !errors.Is(err, zk.ErrNodeExists) {
			return nil, err
		}
	}
}

// makeFolder makes a node and those above it.
func makeFolder(c *zk.Conn, folder string) error {
	_, err := c.Create(folder, nil, 0, zk.WorldACL(zk.PermAll))
	if errors.Is(err, zk.ErrNoNode) {
		if err := makeFolder(c, path.Dir(folder)); err != nil {
			return err
		}
		_, err = c.Create(folder, nil, 0, zk.WorldACL(zk.PermAll))
	}
	if errors.Is(err, zk.ErrNodeExists) {
		return nil
	}
	return err
}

// Deregister implements [discovery.Registration].
func (x *registration) Deregister(ctx context.Context) error {
	x.cancel()
	select {
	case <-x.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("zookeeper: %w", ctx.Err()) // the node goes when its session has ended
	}
}
