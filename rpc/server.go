package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/internal/serverconn"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/header"
)

// ServerOptions say how a Server behaves. The zero value is right for most.
type ServerOptions struct {
	Interceptors []Interceptor // the first is the outermost

	// Gates decide which calls begin. They are asked in their order.
	Gates []Gate

	// MaxMessageBytes is the longest message accepted or sent; 0 means 16 MiB. A longer call
	// ends its connection; a longer reply becomes an internal error.
	MaxMessageBytes int

	// MaxDepth is how deep structs and containers may nest in a message of the binary or the compact protocol, received or sent;
	// 0 means 256. Each level takes some stack while a message is read, so that MaxMaxDepth is the most; Serve returns an error for
	// more, or less than 0. Types that hold themselves in lists have two levels for each struct. A call that nests deeper is answered
	// with CodeProtocol.
	MaxDepth int

	// IdleTimeout is how long a connection may be idle between calls; 0 means 10 minutes,
	// negative no limit. (thriftpy2's servers close it after 3 seconds.)
	IdleTimeout time.Duration

	// ReadTimeout is how long a message may take from its first byte to its last, and
	// WriteTimeout a reply; 0 means 1 minute, negative no limit.
	ReadTimeout, WriteTimeout time.Duration

	// HandshakeTimeout is how long a handshake of TLS, or a negotiation of SASL, may take; 0 means
	// 10 seconds, negative no limit.
	HandshakeTimeout time.Duration

	// MaxConns is how many connections there may be; 0 means 20,000, negative without bound. What
	// comes above is closed at once, and counted.
	MaxConns int

	// MaxCalls is how many handlers may run at once, of all connections; 0 means 10,000, negative without
	// bound. The calls above wait for QueueTimeout, 0 meaning 1 second, and are then refused with
	// CodeOverloaded.
	MaxCalls     int
	QueueTimeout time.Duration

	// MaxBufferedBytes bounds the memory that all connections together have for messages above 32 KiB that have not come whole, of Thrift, in
	// the bodies of HTTP, and of each [ConnDialect] that uses its [MessageHolder];
	// 0 means 1 GiB, or a quarter of the limit that GOMEMLIMIT sets if that is less; negative means no bound. When it is used up, the
	// connections whose messages come most slowly are closed, and counted as ServerStats.SlowConns. It should be some times
	// MaxMessageBytes.
	MaxBufferedBytes int

	// TLS lets clients speak TLS, on the same port as those that do not; nil: none may.
	// [transport.ServerTLS] makes one from files. TLS 1.2 is the oldest version accepted.
	TLS *tls.Config

	// RequireTLS refuses connections without TLS.
	RequireTLS bool

	// SASLPlain verifies the users of clients that negotiate with SASL's mechanism PLAIN (RFC
	// 4616), as those of Hive and Impala do, and of requests over HTTP with Basic authentication; [PeerOf] tells handlers who it
	// was. nil: no user is accepted. ctx is the connection's, or the request's. RequireSASL refuses connections, and requests, without it.
	SASLPlain   func(ctx context.Context, user, password string) error
	RequireSASL bool

	// ProxyProtocol lists the networks in which proxies are trusted to say who the client is, by a header of the PROXY protocol,
	// version 1 or 2, before everything else (haproxy, NGINX, Envoy, load balancers of clouds): [PeerOf] then tells handlers the
	// client. Sockets of unix are trusted, too, when there is any network. A connection from there that has no header is served as
	// any other, such as a check of the server's health; a header from elsewhere ends its connection. nil: nobody is trusted.
	ProxyProtocol []netip.Prefix

	// HealthPath is a path, such as "/healthz", at which a GET or HEAD over HTTP is answered with status 200, and with 503 after
	// Shutdown was called; "" means none. It says that the server accepts calls, not that its handlers are well.
	HealthPath string

	// Accept lists the dialects that are accepted: names of transports (buffered, framed, header, framed-header,
	// ttheader, http, udp), of protocols (binary, compact, json, thriftpy2-json, simple-json), or both as
	// in "compact/framed". nil: all. Connections that speak others are closed and counted.
	Accept []string

	// Transforms are what payloads of THeader may have gone through, besides zlib.
	Transforms []header.Transform

	// MaxCallsPerConn is how many calls of one connection may be under way at once, replies that
	// wait for those of earlier calls included; 0 means 1024, negative without bound. A client that sends more is not read
	// from until there are fewer.
	MaxCallsPerConn int

	// Dialects are protocols besides Thrift's own; see [Dialect].
	Dialects []Dialect

	// Stats learns of connections and calls; nil: nobody does.
	Stats Stats

	// BuiltIn services answer the calls that no registered service answers. See [BuiltIn].
	BuiltIn []BuiltIn

	// ExposeErrors sends the text of undeclared errors to the caller. Without it a caller
	// learns only that there was an internal error.
	ExposeErrors bool

	// ErrorLog gets what has no caller on this side: panics with their stacks, errors that
	// handlers did not declare, calls of methods that do not exist, connections that ended badly. It may be called by many
	// goroutines at once. nil drops them.
	ErrorLog func(error)
}

// A BuiltIn is a service by which a server describes itself. Its methods are found last, after those of
// all registered services, and whatever service a call names; so it never hides a user's method.
// Interceptors see its calls as they see all others.
type BuiltIn struct {
	Service *schema.Service
	Handler func(*Server) DynamicHandler // called once for each server, when that is made
}

// A serverState is where a server is in its life. It never goes back.
type serverState uint8

const (
	serverOpen     serverState = iota
	serverStopping             // no more connections; those that there are go on
	serverDraining             // no more connections, and on those that there are no more calls
	serverRefusing             // no more calls over HTTP either, whose connections were given time for a last answer
	serverClosed
)

// enterLocked makes the server enter a state, unless it is in a later one. mu is held.
func (s *Server) enterLocked(to serverState) { s.state = max(s.state, to) }

// A Server answers calls. Register services first, then Serve; all methods but Register may be
// called by any number of goroutines.
type Server struct {
	opts     ServerOptions
	app      *plan.Type
	track    *trackPlans
	services map[string]*boundService
	methods  map[string]*boundMethod // of the first service registered with that method
	served   []*schema.Service       // in the order in which they were registered
	builtIn  map[string]*boundMethod // of the built-in services

	mu        sync.Mutex
	listeners map[net.Listener]chan struct{} // which is closed when Serve does not accept any more
	conns     map[*serverConn]struct{}
	state     serverState
	limits    Limits
	wg        sync.WaitGroup // of Serve, of connections and of calls over HTTP
	ctx       context.Context
	cancel    context.CancelFunc

	codec       *header.Codec
	protocols   *protocol.Set
	counters    serverCounters
	clientLog   clientLog
	callIDs     atomic.Uint64 // of Stats
	heard       callListeners // likewise
	clock       clock         // likewise
	callStats   sync.Pool     // of *callStats
	connIDs     atomic.Uint64 // likewise
	compressors msgio.Compressors
	group       serverconn.Group
	limiter     *limiter // of MaxCalls
	handshakes  msgio.Turns

	connDialects []ConnDialect
	httpDialects []HTTPDialect
	drained      chan struct{} // closed when it enters serverDraining

	http     *http.Server  // of the connections that speak it
	detached chan struct{} // holds one for each oneway call that goes on after its answer
}

type boundService struct {
	svc     *schema.Service
	methods map[string]*boundMethod
}

// boundMethod is what the call path needs of a method.
type boundMethod struct {
	*signature
	svc      *schema.Service
	handler  Handler       // with the interceptors around it
	calls    sync.Pool     // of *Call
	receiver reflect.Value // of the method that is called by reflection; invalid if none is
	slow     atomic.Int32  // more than 0: its calls get goroutines of their own

	thrown sync.Map // reflect.Type of an error -> int, its place among the exceptions, or -1
}

// ErrServerClosed is returned by Serve after Shutdown or Close.
var ErrServerClosed = errors.New("rpc: server closed")

// NewServer returns a Server without services.
func NewServer(opts ServerOptions) *Server {
	if opts.MaxMessageBytes == 0 {
		opts.MaxMessageBytes = wire.DefaultMaxMessageBytes
	}
	opts.IdleTimeout = orDefault(opts.IdleTimeout, 10*time.Minute)
	opts.ReadTimeout = orDefault(opts.ReadTimeout, time.Minute)
	opts.WriteTimeout = orDefault(opts.WriteTimeout, time.Minute)
	opts.HandshakeTimeout = orDefault(opts.HandshakeTimeout, 10*time.Second)
	if opts.MaxConns == 0 {
		opts.MaxConns = 20_000
	}
	if opts.MaxCalls == 0 {
		opts.MaxCalls = 10_000
	}
	if opts.MaxBufferedBytes == 0 {
		opts.MaxBufferedBytes = int(min(1<<30, debug.SetMemoryLimit(-1)/4))
	}
	if opts.MaxCallsPerConn == 0 {
		opts.MaxCallsPerConn = 1024
	}
	if opts.ErrorLog == nil {
		opts.ErrorLog = func(error) {}
	}
	s := &Server{
		opts:      opts,
		app:       newApplicationPlan(),
		track:     newTrackPlans(),
		services:  make(map[string]*boundService),
		methods:   make(map[string]*boundMethod),
		listeners: make(map[net.Listener]chan struct{}),
		conns:     make(map[*serverConn]struct{}),
	}
	s.group = serverconn.Group{
		MaxMessageBytes: opts.MaxMessageBytes, MaxCalls: opts.MaxCallsPerConn, WaitGroup: &s.wg,
		IdleTimeout: opts.IdleTimeout, ReadTimeout: opts.ReadTimeout, WriteTimeout: opts.WriteTimeout,
		Budget: msgio.NewBudget(int64(opts.MaxBufferedBytes)),
	}
	s.heard = callListenersOf(opts.Stats)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.drained = make(chan struct{})
	s.addDialects()
	s.codec = header.NewCodec(opts.Transforms...)
	s.handshakes = make(msgio.Turns, max(1, runtime.GOMAXPROCS(0)/2))
	s.protocols = protocol.WithDepth(max(0, min(opts.MaxDepth, MaxMaxDepth)))
	s.limits = Limits{opts.MaxConns, opts.MaxCalls, orDefault(opts.QueueTimeout, time.Second), opts.MaxBufferedBytes}
	s.limiter = newLimiter(opts.MaxCalls, s.limits.QueueTimeout)
	s.http = s.newHTTPServer()
	s.detached = make(chan struct{}, maxDetached)
	s.builtIn = make(map[string]*boundMethod)
	for _, b := range opts.BuiltIn {
		methods, _ := bindHandler(b.Service, b.Handler(s)) // a DynamicHandler fits every service
		s.enter(s.builtIn, b.Service, methods)
	}
	return s
}

// MaxMaxDepth is the most that MaxDepth may be.
const MaxMaxDepth = 1 << 16

func checkDepth(n int) error {
	if n < 0 || n > MaxMaxDepth {
		return fmt.Errorf("rpc: MaxDepth is %d, want 0 to %d", n, MaxMaxDepth)
	}
	return nil
}

// checkOptions returns what is wrong with the options.
func (s *Server) checkOptions() error {
	return errors.Join(checkDialects(s.opts.Dialects), checkAccept(s.opts.Accept, s.opts.Dialects), checkDepth(s.opts.MaxDepth))
}

// Accepts returns what the server accepts, in the words of [ServerOptions.Accept]: that list, or else all transports, protocols and Dialects.
func (s *Server) Accepts() []string {
	if s.opts.Accept != nil {
		return slices.Clone(s.opts.Accept)
	}
	list := slices.Concat(transport.Names(), protocol.Names())
	for _, d := range s.opts.Dialects {
		list = append(list, d.Name())
	}
	return list
}

// accepts reports whether the options take a dialect. A part that is "" is not known yet.
func (s *Server) accepts(framing, protocol string) bool {
	if s.opts.Accept == nil {
		return true
	}
	for _, name := range s.opts.Accept {
		p, f, both := strings.Cut(name, "/")
		if both && f == framing && (protocol == "" || p == protocol) || !both && (name == framing || protocol == "" || name == protocol) {
			return true
		}
	}
	return false
}

// checkAccept returns an error if a name in the list stands for nothing.
func checkAccept(list []string, dialects []Dialect) error {
	transports := transport.Names()
	for _, name := range list {
		if slices.ContainsFunc(dialects, func(d Dialect) bool { return d.Name() == name }) {
			continue
		}
		p, t, both := strings.Cut(name, "/")
		ok := slices.Contains(protocol.Names(), p) && (!both || slices.Contains(transports, t)) || !both && slices.Contains(transports, p)
		if !ok {
			var own []string
			for _, d := range dialects {
				own = append(own, d.Name())
			}
			slices.Sort(own)
			others := ""
			if own != nil {
				others = ", the dialects " + strings.Join(own, ", ")
			}
			return fmt.Errorf("rpc: unknown dialect %q: there are the transports %s, the protocols %s%s, and pairs such as compact/framed",
				name, strings.Join(transports, ", "), strings.Join(protocol.Names(), ", "), others)
		}
	}
	return nil
}

type serverCounters struct{ unknownStarts, refusedDialects, refusedConns, refusedCalls, revokedConns atomic.Int64 }

// ServerStats are numbers since the server was made.
type ServerStats struct {
	Connections     int   // now open
	UnknownStarts   int64 // connections whose first bytes were of no known dialect
	RefusedDialects int64 // connections that spoke a dialect which the options do not accept
	RefusedConns    int64 // connections above MaxConns, or after Close
	RefusedCalls    int64 // calls that waited for QueueTimeout because of MaxCalls
	RevokedConns    int64 // connections whose certificates the revocation lists of [transport.ServerTLS] refused
	SlowConns       int64 // connections that were closed because of MaxBufferedBytes
	BufferedBytes   int64 // now used of MaxBufferedBytes
	Serving         bool  // Serve accepts connections, and neither Shutdown nor Close was called: for checks of readiness
}

// Stats returns how the server is doing.
func (s *Server) Stats() ServerStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return ServerStats{
		Connections:     len(s.conns),
		UnknownStarts:   s.counters.unknownStarts.Load(),
		RefusedDialects: s.counters.refusedDialects.Load(),
		RefusedConns:    s.counters.refusedConns.Load(),
		RefusedCalls:    s.counters.refusedCalls.Load(),
		RevokedConns:    s.counters.revokedConns.Load(),
		SlowConns:       s.group.Budget.Evicted(),
		BufferedBytes:   s.group.Budget.Used(),
		Serving:         len(s.listeners) > 0 && s.state == serverOpen,
	}
}

func orDefault(d, dflt time.Duration) time.Duration {
	switch {
	case d == 0:
		return dflt
	case d < 0:
		return 0
	}
	return d
}

// Register lets handler answer the calls of svc. handler has a method for each method of the
// IDL, inherited ones included, with the same name except for case and underscores:
//
//	func (h *H) Login(ctx context.Context, username, password string) (string, error)
//
// or is a [DynamicHandler], or what generated code made of a handler. Everything that does not fit
// is reported at once, as joined *Mismatch errors. To throw a declared exception, a method returns an error, maybe wrapped,
// whose Go type has the exception's name and fields, or an *[Exception].
//
// When several services are registered, a call may name its own, as in "Service:method"; a
// bare method name goes to the first registered service that has the method.
func (s *Server) Register(svc *schema.Service, handler any) error {
	if svc == nil {
		return errors.New("rpc: Register: service is nil")
	}
	return s.RegisterAs(svc.Name, svc, handler)
}

// RegisterAs is Register for a service that clients know under another name than its own: a server may have one service twice,
// with a handler for each name.
func (s *Server) RegisterAs(name string, svc *schema.Service, handler any) error {
	switch {
	case svc == nil:
		return errors.New("rpc: RegisterAs: service is nil")
	case name == "" || strings.Contains(name, ":"):
		return fmt.Errorf("rpc: RegisterAs: %q is no name of a service: it must not be empty, nor have a colon", name)
	}
	if _, ok := s.services[name]; ok {
		return fmt.Errorf("rpc: service %s is registered already", name)
	}
	if err := checkPriorities(svc); err != nil {
		return err
	}
	methods, err := bindHandler(svc, handler)
	if err != nil {
		return err
	}
	bound := &boundService{svc: svc, methods: make(map[string]*boundMethod)}
	s.services[name] = bound
	if !slices.Contains(s.served, svc) {
		s.served = append(s.served, svc)
	}
	s.enter(bound.methods, svc, methods)
	for name, b := range bound.methods {
		if _, ok := s.methods[name]; !ok {
			s.methods[name] = b
		}
	}
	return nil
}

// Options returns the options of the server with the defaults entered; timeouts without limit are 0. The caller must not change what
// they point to.
func (s *Server) Options() ServerOptions {
	o := s.opts
	l := s.Limits()
	o.MaxConns, o.MaxCalls, o.QueueTimeout, o.MaxBufferedBytes = l.MaxConns, l.MaxCalls, l.QueueTimeout, l.MaxBufferedBytes
	if o.MaxDepth == 0 {
		o.MaxDepth = wire.MaxDepth
	}
	return o
}

// Services returns the services that are registered, in the order in which they were. The caller
// must not change the slice.
func (s *Server) Services() []*schema.Service { return s.served }

// enter adds the methods of svc to a table, complete with what is around their handlers.
func (s *Server) enter(table map[string]*boundMethod, svc *schema.Service, methods map[*schema.Method]*boundMethod) {
	for m, b := range methods {
		b.svc = svc
		b.handler = s.contain(b.handler) // interceptors see a panic as an error
		if len(s.opts.Interceptors) > 0 {
			b.handler = s.contain(chain(s.opts.Interceptors, b.handler))
		}
		if _, ok := table[m.Name]; !ok {
			table[m.Name] = b
		}
	}
}

// contain turns a panic of the handler, or of an interceptor, into an error for the one call.
func (s *Server) contain(h Handler) Handler {
	return func(ctx context.Context, call *Call) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = &panicError{method: call.Method.String(), value: p, stack: debug.Stack()}
			}
		}()
		call.begin("")
		return h(ctx, call)
	}
}

// panicError is the panic of a handler. Its text goes to the error log, never to a caller.
type panicError struct {
	method string
	value  any
	stack  []byte
}

func (e *panicError) Error() string {
	return fmt.Sprintf("rpc: %s panicked: %v\n%s", e.method, e.value, e.stack)
}

// Serve accepts connections from l and answers their calls, in whatever dialect each of them
// speaks, HTTP with any path among them (see [Server.HTTPHandler]), until l fails, or Shutdown or Close
// is called: then it returns ErrServerClosed. It closes l. Temporary errors of Accept, such as
// too many open files, are retried with backoff.
//
// The handlers of one connection run one after the other as long as they are quick, oneway ones
// among them. When one has run for a millisecond or two, the calls after it are started beside it,
// and so are those of the same method from then on, until it is quick again: up to MaxCallsPerConn
// at once, each in the order of its arrival. Answers leave in the order of the calls, but overtake
// each other on connections whose clients say that they take them so: those of this package, and
// others by the flag that THeader and TTHeader have for it.
func (s *Server) Serve(l net.Listener) error {
	if pc, ok := packets(l); ok {
		return s.ServePacket(pc)
	}
	if err := s.checkOptions(); err != nil {
		l.Close()
		return err
	}
	s.mu.Lock()
	if s.state != serverOpen {
		s.mu.Unlock()
		l.Close()
		return ErrServerClosed
	}
	ended := make(chan struct{})
	s.listeners[l] = ended
	s.wg.Add(1) // so that Shutdown waits for connections that are being accepted
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, l)
		s.mu.Unlock()
		l.Close()
		close(ended)
		s.wg.Done()
	}()
	const firstDelay, maxDelay = 5 * time.Millisecond, time.Second
	delay := firstDelay
	for {
		nc, err := l.Accept()
		if err == nil {
			delay = firstDelay
			s.start(nc)
			continue
		}
		if !s.isOpen() {
			return ErrServerClosed
		}
		if !passes(err) {
			return err
		}
		s.opts.ErrorLog(fmt.Errorf("rpc: accept, next try in %v: %w", delay, err))
		select {
		case <-time.After(delay):
		case <-s.ctx.Done():
		}
		delay = min(2*delay, maxDelay)
	}
}

// passes reports whether an error of accept may be gone at the next try.
func passes(err error) bool {
	var ne net.Error
	return !errors.Is(err, net.ErrClosed) && errors.As(err, &ne)
}

func (s *Server) isOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == serverOpen
}

func (s *Server) isDraining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state >= serverDraining
}

// ListenAndServe listens on addr, a target as [transport.Listen] takes, and serves.
func (s *Server) ListenAndServe(addr string) error {
	l, err := transport.Listen(addr)
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// Shutdown stops accepting connections and calls, waits until the pending calls have been
// answered, and closes everything. Clients are notified: those of thriftkit lose no call, which makes rolling restarts
// safe for them; connections over HTTP end with an answer that says so, for which they have two and a half seconds; of header
// dialects the last answers ask the client to close. Other clients may lose a call that crosses the end of their connection. If ctx ends first, it closes the rest at once, cancels the
// contexts of their handlers and returns ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	closed := s.stopAccepting()
	select { // else clients that hear of it make connections that nobody accepts
	case <-closed:
	case <-time.After(stopPatience):
	case <-ctx.Done():
	}
	s.drain()
	done := make(chan struct{})
	go func() {
		<-closed
		s.drainHTTP(ctx)
		s.http.Shutdown(ctx)
		s.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		s.cancel()
		return nil
	case <-ctx.Done():
		s.Close()
		return ctx.Err()
	}
}

// Close ends all connections at once and cancels the contexts of handlers, in this order: what
// a handler returns because it was cancelled reaches nobody. It waits for the listeners to be closed, a second at most,
// and for nothing else.
func (s *Server) Close() error {
	closed := s.stopAccepting()
	s.drain()
	s.mu.Lock()
	s.enterLocked(serverClosed)
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.cancel()
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-closed:
	case <-timer.C:
	}
	return nil
}

// stopPatience is how long Shutdown waits for listeners to be closed before it tells clients to go elsewhere, and lastAccept for how
// long before that connections are accepted that the system has already made.
const (
	stopPatience = 500 * time.Millisecond
	lastAccept   = 5 * time.Millisecond
)

// stopAccepting closes the listeners; closed is closed when that is done. It may take for ever: a listener whose file another process
// has put into blocking mode is not closed while somebody waits for connections.
//
// What the system has accepted and Serve has not is lost when a listener is closed, and with it the calls that were sent over it.
// So Serve gets a deadline where the listener has one, and closes it when there is nothing left.
func (s *Server) stopAccepting() (closed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enterLocked(serverStopping)
	listeners := maps.Clone(s.listeners)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for l, ended := range listeners {
			d, ok := l.(interface{ SetDeadline(time.Time) error })
			if ok && d.SetDeadline(time.Now().Add(lastAccept)) == nil {
				select {
				case <-ended:
				case <-time.After(stopPatience / 2):
				case <-s.ctx.Done():
				}
			}
			l.Close()
		}
	}()
	return done
}

// drain makes all connections end.
func (s *Server) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state < serverDraining {
		s.enterLocked(serverDraining)
		close(s.drained)
	}
	for c := range s.conns {
		c.drain()
	}
}
