package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/internal/serverconn"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
)

// A Dialect is a protocol besides Thrift's own by which a server answers calls: it is a
// [ConnDialect], an [HTTPDialect] or both. What it does is read and write bytes. The server does the
// rest for it: TLS, limits, deadlines, interceptors, panics, statistics, shutdown.
type Dialect interface {
	// Name is the dialect's name in ServerOptions.Accept, in errors and in statistics, such as "rpcx".
	Name() string
}

// A ConnDialect answers the calls of connections that begin with bytes of its own.
type ConnDialect interface {
	Dialect

	// Match reports whether a connection that begins with first is one of the dialect's. It is asked
	// as bytes come, with 1 to 8 of them, and answers false as long as it is not sure. Dialects of
	// Thrift that begin with a version or a magic number are recognised before, those without one after.
	Match(first []byte) bool

	// ServeConn reads calls from nc, from its first byte on, hands them to s and writes the replies.
	// When it returns, the connection is closed; an error other than io.EOF goes to the error log. ctx
	// ends with the server, and [PeerOf] knows the client.
	//
	// A read fails with os.ErrDeadlineExceeded after ServerOptions.IdleTimeout without a byte, unless nc.SetReadDeadline has set
	// a deadline, and a write after WriteTimeout. When the server shuts down, reads return io.EOF as soon as no Invoke is
	// under way, unless the dialect asked for Draining: then it ends the connection itself.
	ServeConn(ctx context.Context, nc net.Conn, s Invoker) error
}

// A MessageHolder is what the connection of a [ConnDialect] is as well. By it a dialect says what memory it has for messages that have not
// come whole, so that it counts in ServerOptions.MaxBufferedBytes. The bodies of requests for an [HTTPDialect] count without it.
type MessageHolder interface {
	// Hold says that the dialect is about to have size bytes for the message that it reads, of which came bytes have come; 0 says that
	// the message has come whole. An error ends the connection: too much is held, and this message comes most slowly. It is called
	// by the goroutine that reads.
	Hold(size, came int) error
}

// An HTTPDialect answers calls that come as HTTP requests: REST, Connect, gRPC.
type HTTPDialect interface {
	Dialect

	// MatchHTTP reports whether r is a request of the dialect. It must not read the body. Requests that
	// no dialect matches are calls of Thrift over HTTP.
	MatchHTTP(r *http.Request) bool

	// ServeHTTP answers r by calls of s. It bounds what it reads of the body by MaxMessageBytes. A server
	// that shuts down waits for it; a long request ends when Draining is closed.
	ServeHTTP(w http.ResponseWriter, r *http.Request, s Invoker)
}

// A ClientDialect makes the calls of a client that has a target of its scheme.
type ClientDialect interface {
	Dialect

	// Dials reports whether the dialect has the targets whose Foreign is that scheme.
	Dials(scheme string) bool

	// DialTarget connects to t and returns what makes the calls, of methods that stream too, and what ends the
	// connections. opts have no zero values where there are defaults; what they say about interceptors, timeouts of calls
	// and statistics is done around the Handler. An error of the network is an *Error with CodeUnavailable.
	DialTarget(ctx context.Context, t transport.Target, opts ClientOptions) (h Handler, close func(), err error)
}

// dialForeign is Dial for a target of a dialect.
func dialForeign(ctx context.Context, t transport.Target, opts ClientOptions) (*Client, error) {
	for _, d := range opts.Dialects {
		if x, ok := d.(ClientDialect); ok && x.Dials(t.Foreign) {
			h, closeConns, err := x.DialTarget(ctx, t, opts)
			if err != nil {
				return nil, err
			}
			opts.Target, opts.OnClose = t.String(), func() error {
				closeConns()
				return nil
			}
			return NewClient(h, opts), nil
		}
	}
	return nil, fmt.Errorf("target %q: the client has no dialect for it: WithDialects takes grpc.Dialect() of module x/grpc for grpc and connect, and those of packages x/dubbo, x/motan and x/rpcx for dubbo, motan2 and rpcx", t)
}

// An Invoker is what a [Dialect] may ask of the server, for one connection or request. It is safe for
// concurrent use.
type Invoker interface {
	// Lookup returns the method of that name: of the service, or, if that is "" or not registered, of
	// the first one that has the method. The error is an *Error with CodeUnknownMethod.
	Lookup(service, method string) (*schema.Service, *schema.Method, error)

	// Services returns the services that were registered, in their order. The caller must not change the slice.
	Services() []*schema.Service

	// Invoke runs a call and returns its result, which is to be released. It waits while
	// ServerOptions.MaxCallsPerConn calls of the connection are under way.
	Invoke(ctx context.Context, in *Invocation) *Result

	// MaxMessageBytes is the longest message that the dialect should read or write.
	MaxMessageBytes() int

	// MessageTimeouts returns how long reading and writing one message may take, from its first byte to its last; 0 means
	// without bound. A ConnDialect need not see to writing.
	MessageTimeouts() (read, write time.Duration)

	// Draining returns a channel that is closed when the server shuts down.
	Draining() <-chan struct{}
}

// An Invocation is a call that a [Dialect] has received.
type Invocation struct {
	Service string // "" if the message names none
	Method  string

	// Args reads the arguments into call, by [Call.SetArg] or decoding into what [Call.Arguments] returns; nil if there are none.
	// Arguments that it does not set have their defaults. If it fails the call is refused with the
	// error's text and CodeProtocol, or with the error itself if that is an *Error.
	Args func(call *Call) error

	// Stream is the server's side of the streams of a method that streams; else nil. Its Recv returns io.EOF
	// when the client has ended what it sends. What the handler returned is in the Result: also the one
	// message with which a method ends to which only the client streams.
	Stream Stream

	Metadata           map[string]string // for the handler; see the func Metadata
	PersistentMetadata map[string]string // and for those that it calls
	Timeout            time.Duration     // that the caller gives the call from now; 0 if it says nothing
	Bytes              int               // of the request, for Stats
}

// A Result is what became of a call that a [Dialect] has received.
type Result struct {
	// Call has the result: see [Call.Result]. nil if the method is unknown.
	Call *Call

	// Err is what the caller is to learn: nil, an *Exception that the method declares, a
	// *BusinessError, or an *Error. Undeclared errors have been concealed as the options say.
	Err error

	// Metadata was set by the handler for the reply.
	Metadata map[string]string

	// Bytes is the size of the reply, for Stats. The dialect sets it before Release.
	Bytes int

	method *boundMethod
	stats  *callStats
	ctx    context.Context
	cause  error // that the handler returned
}

// Release ends the use of the result: its Call serves another one.
func (r *Result) Release() {
	if r.method == nil {
		return
	}
	_, declared := r.Err.(*Exception)
	r.stats.replied(r.ctx, r.Call, r.Bytes, r.cause, declared)
	r.method.release(r.Call)
	r.Call, r.method = nil, nil
}

// An invoker is the Invoker of a connection or of an HTTP request.
type invoker struct {
	s     *Server
	from  source
	slots chan struct{} // holds one for each call under way; nil: no bound
	conn  *dialectConn  // nil over HTTP
}

func (v *invoker) Lookup(service, method string) (*schema.Service, *schema.Method, error) {
	m, err := v.s.lookup(service, method)
	if err != nil {
		return nil, nil, err
	}
	return m.svc, m.method, nil
}

func (v *invoker) Services() []*schema.Service { return v.s.served }

func (v *invoker) MaxMessageBytes() int { return v.s.opts.MaxMessageBytes }

func (v *invoker) MessageTimeouts() (read, write time.Duration) {
	return v.s.opts.ReadTimeout, v.s.opts.WriteTimeout
}

func (v *invoker) Draining() <-chan struct{} {
	if v.conn != nil {
		v.conn.leaveDraining()
	}
	return v.s.drained
}

func (v *invoker) Invoke(ctx context.Context, in *Invocation) *Result {
	if v.slots != nil {
		v.slots <- struct{}{}
		defer func() { <-v.slots }()
	}
	if v.conn != nil {
		v.conn.enter()
		defer v.conn.exit()
	}
	return v.s.invoke(ctx, &v.from, in)
}

// invoke runs a call of a dialect that is not Thrift's.
func (s *Server) invoke(ctx context.Context, from *source, in *Invocation) *Result {
	x := &exchange{in: &msgio.Envelope{
		Service: in.Service, Transient: in.Metadata, Persistent: in.PersistentMetadata, Timeout: in.Timeout,
	}}
	ctx, cancel := x.context(ctx)
	defer cancel()
	m, unknown := s.lookup(in.Service, in.Method)
	t := s.received(ctx, from, m, in.Method, in.Bytes, time.Time{})
	if unknown != nil {
		s.logRefused(ctx, unknown)
		t.refused(ctx, unknown)
		return &Result{Err: unknown}
	}
	if streams := m.method.Stream != schema.Unary; streams != (in.Stream != nil) {
		err := Errorf(CodeInvalidMessageType, "the method streams, and the call does not")
		if !streams {
			err = Errorf(CodeInvalidMessageType, "the call streams, and the method does not")
		}
		t.refused(ctx, err)
		return &Result{Err: err}
	}
	r := &Result{Call: m.newCall(), method: m, stats: t, ctx: ctx}
	if in.Stream != nil {
		r.Call.stream = in.Stream
		ctx = context.WithValue(ctx, streamKey{}, in.Stream)
	}
	call := &incoming{ctx: ctx, m: m, s: s, call: r.Call, stats: t, foreign: in}
	r.cause = call.run()
	r.ctx = call.ctx
	r.Metadata = x.replyMetadata()
	r.Err = s.outcome(ctx, m, r.Call, r.cause)
	if e, ok := r.Err.(*Error); ok && r.Metadata[retryAfterName] != "" {
		c := *e // which others may have, too
		pushedBack(&c, r.Metadata)
		r.Err = &c
	}
	return r
}

// readArgs sets the arguments of call.
func (in *Invocation) readArgs(call *Call) error {
	if t := call.sig.args; t.Op == plan.OpDynStruct {
		*mem.As[*dynamic.Struct](call.args) = dynamic.New(call.Method.Args)
	} else {
		t.Struct.SetDefaults(call.args)
	}
	if in.Args != nil {
		return in.Args(call)
	}
	return nil
}

// outcome returns what the caller of a call is to learn after its handler returned err.
func (s *Server) outcome(ctx context.Context, m *boundMethod, call *Call, err error) error {
	if m.method.Oneway {
		if err != nil {
			s.report(ctx, m, err)
		}
		return nil
	}
	if err != nil {
		err = s.throw(m, call, err)
	}
	var business *BusinessError
	switch {
	case errors.As(err, &business) && business.Code != 0:
		return business
	case err != nil:
		return s.conceal(ctx, m, err)
	}
	switch err := replyException(m.signature, call); e := err.(type) {
	case nil, *Exception, *Error:
		return err
	default:
		return s.conceal(ctx, m, fmt.Errorf("the result cannot be sent: %w", e))
	}
}

// replyException is replyError with exceptions as *Exception whatever their Go types are.
func replyException(sig *signature, call *Call) error {
	hasResult := sig.method.Result.Kind != schema.KindVoid
	needsResult := hasResult && !sig.method.Stream.ServerStreams()
	if sig.reply.Op == plan.OpDynStruct {
		err := replyError(sig, call.reply)
		if e, ok := err.(*Error); ok && e.Code == CodeMissingResult && !needsResult {
			return nil
		}
		return err
	}
	for i := range sig.reply.Struct.Fields {
		f := &sig.reply.Struct.Fields[i]
		switch {
		case !f.IsSet(call.reply):
		case i == 0 && hasResult:
			return nil
		default:
			v, err := asDynamic(f.Type, call.reply.Add(f.Offset))
			if err != nil {
				return err
			}
			return &Exception{Value: v}
		}
	}
	if needsResult {
		return missingResult(sig.method)
	}
	return nil
}

// fewBytes is room for a small value, which spares growing to it in steps.
const fewBytes = 128

// asDynamic returns the struct of the type t at an address without its Go type.
func asDynamic(t *plan.Type, at mem.Pointer) (v *dynamic.Struct, err error) {
	p, err := protocol.ByName("")
	if err != nil {
		return nil, err
	}
	to, err := plan.ForType(dynamicType, t.Schema)
	if err != nil {
		return nil, err
	}
	b, err := p.AppendValue(make([]byte, 0, fewBytes), t, at)
	if err == nil {
		_, err = p.ConsumeValue(b, 0, to, mem.To(&v))
	}
	return v, err
}

// setArgs makes args the arguments of call, which takes the defaults for what is not set, at any depth, as if they had come in a message.
func setArgs(call *Call, args *dynamic.Struct) error {
	p, err := protocol.ByName("")
	if err != nil {
		return err
	}
	from, err := plan.ForType(dynamicType, call.Method.Args.Type())
	if err != nil {
		return err
	}
	b, err := p.AppendValue(make([]byte, 0, fewBytes), from, mem.To(&args))
	if err == nil {
		_, err = p.ConsumeValue(b, 0, call.sig.args, call.args)
	}
	return err
}

// A dialectConn is a connection that a ConnDialect serves.
type dialectConn struct {
	net.Conn
	c *serverConn

	mu     sync.Mutex
	active int  // calls under way
	drains bool // the server shuts down
	leaves bool // the dialect ends the connection itself
	cut    bool // reading has ended
	manual bool // the dialect sets read deadlines itself
	read   serverconn.TimeBound
	write  serverconn.TimeBound

	account *msgio.Account
	evicted atomic.Bool // the account's connection is to end
}

// Hold implements [MessageHolder].
func (d *dialectConn) Hold(size, came int) error { return d.account.Hold(size, came) }

// evict ends the connection: it is the slowest.
func (d *dialectConn) evict(error) {
	d.evicted.Store(true)
	d.c.NetConn().Close()
}

// Read implements [net.Conn].
func (d *dialectConn) Read(b []byte) (int, error) {
	d.mu.Lock()
	if d.cut {
		d.mu.Unlock()
		return 0, io.EOF
	}
	if now := time.Now(); !d.manual && !d.read.Holds(now, d.c.s.opts.IdleTimeout) {
		d.Conn.SetReadDeadline(d.read.Set(now, d.c.s.opts.IdleTimeout))
	}
	d.mu.Unlock()
	n, err := d.Conn.Read(b)
	if err != nil && d.evicted.Load() {
		return n, msgio.ErrBudget
	}
	if err != nil && msgio.IsTimeout(err) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.cut {
			err = io.EOF
		}
	}
	return n, err
}

// Write implements [net.Conn].
func (d *dialectConn) Write(b []byte) (int, error) {
	d.mu.Lock()
	if now := time.Now(); !d.write.Holds(now, d.c.s.opts.WriteTimeout) {
		d.Conn.SetWriteDeadline(d.write.Set(now, d.c.s.opts.WriteTimeout))
	}
	d.mu.Unlock()
	return d.Conn.Write(b)
}

// SetReadDeadline implements [net.Conn]. From then on reads have no other deadline, until t is the zero time.
func (d *dialectConn) SetReadDeadline(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.manual, d.read = !t.IsZero(), serverconn.TimeBound{}
	if d.cut {
		return nil
	}
	return d.Conn.SetReadDeadline(t)
}

// Drained reports whether reading has ended because the server shuts down.
func (d *dialectConn) Drained() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cut
}

// enter and exit count the calls under way.
func (d *dialectConn) enter() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.active++
}

func (d *dialectConn) exit() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.active--
	d.cutLocked()
}

// drain makes the connection end when no call is under way, unless the dialect sees to that.
func (d *dialectConn) drain() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drains = true
	d.cutLocked()
}

func (d *dialectConn) cutLocked() {
	if d.drains && !d.leaves && !d.cut && d.active == 0 {
		d.cut = true
		d.Conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// leaveDraining leaves it to the dialect to end the connection.
func (d *dialectConn) leaveDraining() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.leaves = true
}

// serveDialect has c.dialect serve the connection.
func (c *serverConn) serveDialect() (err error) {
	d := c.dialect
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("dialect %s panicked: %v\n%s", d.Name(), p, debug.Stack())
		}
	}()
	nc := &dialectConn{Conn: c.Reader().Conn(c.Upper()), c: c}
	nc.account = c.s.group.Budget.NewAccount(nc.evict)
	defer nc.Hold(0, 0)
	v := &invoker{s: c.s, from: c.source, conn: nc}
	if most := c.s.opts.MaxCallsPerConn; most > 0 {
		v.slots = make(chan struct{}, most)
	}
	c.foreign.Store(nc)
	c.Uncut()
	if c.IsDraining() { // else drain sees that the dialect has the connection
		nc.drain()
	}
	return d.ServeConn(c.ctx, nc, v)
}

// matchDialect returns the dialect of a connection that begins with first, nil if there is none.
func (s *Server) matchDialect(first []byte) ConnDialect {
	for _, d := range s.connDialects {
		if d.Match(first) {
			return d
		}
	}
	return nil
}

// addDialects sorts the dialects of the options into those of connections and of HTTP.
func (s *Server) addDialects() {
	for _, d := range s.opts.Dialects {
		if x, ok := d.(ConnDialect); ok {
			s.connDialects = append(s.connDialects, x)
		}
		if x, ok := d.(HTTPDialect); ok {
			s.httpDialects = append(s.httpDialects, x)
		}
	}
}

// checkDialects returns an error if a dialect in the list cannot be served.
func checkDialects(list []Dialect) error {
	seen := append(transport.Names(), protocol.Names()...)
	for _, d := range list {
		_, overConn := d.(ConnDialect)
		_, overHTTP := d.(HTTPDialect)
		switch name := d.Name(); {
		case !overConn && !overHTTP:
			return fmt.Errorf("rpc: dialect %q is neither a ConnDialect nor an HTTPDialect", name)
		case name == "" || slices.Contains(seen, name):
			return fmt.Errorf("rpc: %T: another dialect is called %q", d, name)
		default:
			seen = append(seen, name)
		}
	}
	return nil
}

// serveHTTPDialect answers r if it is a request of a dialect, and reports whether it is.
func (s *Server) serveHTTPDialect(w http.ResponseWriter, r *http.Request) bool {
	i := slices.IndexFunc(s.httpDialects, func(d HTTPDialect) bool { return d.MatchHTTP(r) })
	if i < 0 {
		return false
	}
	d := s.httpDialects[i]
	if !s.acceptsDialect(d) {
		s.counters.refusedDialects.Add(1)
		http.Error(w, fmt.Sprintf("this server does not accept %s", d.Name()), http.StatusForbidden)
		return true
	}
	if !s.begin() {
		http.Error(w, "the server is shutting down", http.StatusServiceUnavailable)
		return true
	}
	defer s.wg.Done()
	ctx, cancel := s.callContext(withPeer(r.Context(), r))
	defer cancel()
	r = r.WithContext(ctx)
	d.ServeHTTP(w, r, &invoker{s: s, from: source{dialect: d.Name()}})
	return true
}

// acceptsHTTP reports whether the options accept anything that comes over HTTP.
func (s *Server) acceptsHTTP() bool {
	return s.accepts("http", "") || slices.ContainsFunc(s.httpDialects, func(d HTTPDialect) bool { return s.acceptsDialect(d) })
}

// acceptsDialect reports whether the options accept d.
func (s *Server) acceptsDialect(d Dialect) bool {
	return s.opts.Accept == nil || slices.Contains(s.opts.Accept, d.Name())
}
