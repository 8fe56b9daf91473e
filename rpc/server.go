package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire"
)

// ServerOptions say how a Server behaves. The zero value is right for most.
type ServerOptions struct {
	Interceptors []Interceptor // the first is the outermost

	// MaxMessageBytes is the longest message taken or sent; 0 means 16 MiB. A longer call
	// ends its connection; a longer reply becomes an internal error.
	MaxMessageBytes int

	// IdleTimeout is how long a connection may rest between calls; 0 means 10 minutes,
	// negative without end. (thriftpy2's servers end it after 3 seconds.)
	IdleTimeout time.Duration

	// ReadTimeout is how long a message may take from its first byte to its last, and
	// WriteTimeout a reply; 0 means 1 minute, negative without end.
	ReadTimeout, WriteTimeout time.Duration

	// TLS lets clients speak TLS, on the same port as those that do not; nil: none may.
	// [transport.ServerTLS] makes one from files. Nothing older than TLS 1.2 is spoken, and a
	// handshake may take as long as a message.
	TLS *tls.Config

	// RequireTLS refuses connections without TLS.
	RequireTLS bool

	// ExposeErrors sends the text of undeclared errors to the caller. Without it a caller
	// learns only that there was an internal error.
	ExposeErrors bool

	// ErrorLog is told what has no caller on this side: panics with their stacks, errors that
	// handlers did not declare, calls of methods that do not exist, connections that ended badly. It may be called by many
	// goroutines at once. nil drops them.
	ErrorLog func(error)
}

// A Server answers calls. Register services first, then Serve; all methods but Register may be
// called by any number of goroutines.
type Server struct {
	opts     ServerOptions
	app      *plan.Type
	services map[string]*boundService
	methods  map[string]*boundMethod // of the first service registered with that method

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[*serverConn]struct{}
	draining  bool
	wg        sync.WaitGroup // of connections and of calls over HTTP
	ctx       context.Context
	cancel    context.CancelFunc

	http  *http.Server  // of the connections that speak it
	later chan struct{} // holds one for each oneway call that goes on after its answer
}

type boundService struct {
	svc     *schema.Service
	methods map[string]*boundMethod
}

// boundMethod is what the call path needs of a method.
type boundMethod struct {
	*signature
	svc     *schema.Service
	handler Handler // with the interceptors around it

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
	if opts.ErrorLog == nil {
		opts.ErrorLog = func(error) {}
	}
	s := &Server{
		opts:      opts,
		app:       newApplicationPlan(),
		services:  make(map[string]*boundService),
		methods:   make(map[string]*boundMethod),
		listeners: make(map[net.Listener]struct{}),
		conns:     make(map[*serverConn]struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.http = s.newHTTPServer()
	s.later = make(chan struct{}, maxLater)
	return s
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
// IDL, inherited ones included, with the same name but for case and underscores:
//
//	func (h *H) Login(ctx context.Context, username, password string) (string, error)
//
// or is a [DynamicHandler]. Everything that does not fit is reported at once, as joined
// *Mismatch errors. To throw a declared exception, a method returns an error, maybe wrapped,
// whose Go type has the exception's name and fields, or an *[Exception].
//
// When several services are registered, a call may name its own, as in "Service:method"; a
// bare method name goes to the first registered service that has the method.
func (s *Server) Register(svc *schema.Service, handler any) error {
	if svc == nil {
		return errors.New("rpc: Register of a service that does not exist")
	}
	if _, ok := s.services[svc.Name]; ok {
		return fmt.Errorf("rpc: service %s is registered already", svc.Name)
	}
	methods, err := bindHandler(svc, handler)
	if err != nil {
		return err
	}
	bound := &boundService{svc: svc, methods: make(map[string]*boundMethod)}
	s.services[svc.Name] = bound
	for m, b := range methods {
		b.svc = svc
		b.handler = chain(s.opts.Interceptors, s.contain(b.handler))
		bound.methods[m.Name] = b
		if _, ok := s.methods[m.Name]; !ok {
			s.methods[m.Name] = b
		}
	}
	return nil
}

// contain turns a panic of the handler into an error for the one call.
func (s *Server) contain(h Handler) Handler {
	return func(ctx context.Context, call *Call) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = &panicError{method: call.Method.String(), value: p, stack: debug.Stack()}
			}
		}()
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

// lookup returns the method that a message names.
func (s *Server) lookup(name string) (*boundMethod, *Error) {
	if m, ok := s.methods[name]; ok {
		return m, nil
	}
	service, method, multiplexed := strings.Cut(name, ":")
	if !multiplexed {
		return nil, Errorf(CodeUnknownMethod, "unknown method %q", name)
	}
	bound, ok := s.services[service]
	if !ok {
		return nil, Errorf(CodeUnknownMethod, "unknown service %q", service)
	}
	if m, ok := bound.methods[method]; ok {
		return m, nil
	}
	return nil, Errorf(CodeUnknownMethod, "service %s has no method %q", service, method)
}

// RoundTrip answers one call message in this process; see [RoundTripper]. The error is a
// *wire.Error for a message whose header cannot be read.
func (s *Server) RoundTrip(ctx context.Context, msg *Message) (*Message, error) {
	out, err := s.answer(ctx, nil, msg.Protocol, msg.Bytes)
	if err != nil || len(out) == 0 {
		return nil, err
	}
	return &Message{Bytes: out, Protocol: msg.Protocol}, nil
}

// answer runs the call in msg and appends its reply to dst; nothing for oneway. It fails only
// if the header cannot be read.
func (s *Server) answer(ctx context.Context, dst []byte, p protocol.Protocol, msg []byte) ([]byte, error) {
	h, off, err := p.ConsumeHeader(msg)
	if err != nil {
		return dst, err
	}
	m, unknown := s.lookup(h.Name)
	if _, bare, ok := strings.Cut(h.Name, ":"); ok {
		h.Name = bare // a reply carries the method's name alone
	}
	switch {
	case h.Type != wire.Call && h.Type != wire.Oneway:
		return exceptionMessage(dst, p, s.app, h, Errorf(CodeInvalidMessageType, "a call is wanted, not a %s", h.Type)), nil
	case unknown != nil && h.Type == wire.Oneway:
		s.logUnknown(ctx, unknown)
		return dst, nil
	case unknown != nil:
		s.logUnknown(ctx, unknown)
		return exceptionMessage(dst, p, s.app, h, unknown), nil
	}
	call, err := s.run(ctx, m, p, msg, off)
	if m.method.Oneway {
		if err != nil {
			s.report(m, err)
		}
		return dst, nil
	}
	if err != nil {
		if err = s.throw(m, call, err); err != nil {
			return exceptionMessage(dst, p, s.app, h, s.conceal(m, err)), nil
		}
	}
	h.Type = wire.Reply
	start := len(dst)
	dst, err = p.AppendMessage(dst, h, m.reply, pointer(call.reply))
	if n := len(dst) - start; err == nil && n > s.opts.MaxMessageBytes {
		err = tooLarge(n, s.opts.MaxMessageBytes)
	}
	if err != nil {
		return exceptionMessage(dst[:start], p, s.app, h, s.conceal(m, fmt.Errorf("the result cannot be sent: %w", err))), nil
	}
	return dst, nil
}

// logUnknown tells the error log of a call that no interceptor sees.
func (s *Server) logUnknown(ctx context.Context, err *Error) {
	if peer, ok := PeerOf(ctx); ok {
		s.opts.ErrorLog(fmt.Errorf("rpc: call from %s: %w", peer.Addr, err))
		return
	}
	s.opts.ErrorLog(fmt.Errorf("rpc: %w", err))
}

// run reads the arguments and calls the handler.
func (s *Server) run(ctx context.Context, m *boundMethod, p protocol.Protocol, msg []byte, off int) (*Call, error) {
	call := &Call{Method: m.method, Service: m.svc, args: reflect.New(m.args.Go).Elem(), reply: reflect.New(m.reply.Go).Elem()}
	end, err := p.ConsumeValue(msg, off, m.args, pointer(call.args))
	if err == nil {
		end, err = p.ConsumeTrailer(msg, end)
	}
	if err == nil && end != len(msg) {
		err = wire.Errorf(end, wire.ErrInvalid, "%d bytes behind the arguments", len(msg)-end)
	}
	if err != nil {
		return call, &Error{Code: CodeProtocol, Message: err.Error(), Cause: err}
	}
	if m.reply.Op == plan.OpDynStruct {
		call.reply.Set(reflect.ValueOf(dynamic.New(m.method.Reply())))
	}
	return call, m.handler(ctx, call)
}

// throw puts err into the reply if the method declares it; else it returns err.
func (s *Server) throw(m *boundMethod, call *Call, err error) error {
	first := 0 // the place of the first exception in the reply
	if m.method.Result.Kind != schema.KindVoid {
		first = 1
	}
	for e := range unwrapped(err) {
		i, thrown := m.declared(e)
		if i < 0 {
			continue
		}
		reply := reflect.New(m.reply.Go).Elem()
		if m.reply.Op == plan.OpDynStruct {
			s := dynamic.New(m.method.Reply())
			if s.Set(m.method.Throws[i].Name, thrown) != nil {
				return err
			}
			reply.Set(reflect.ValueOf(s))
		} else {
			reply.Field(first + i).Set(reflect.ValueOf(thrown))
		}
		call.reply = reply
		return nil
	}
	return err
}

// unwrapped ranges over err and everything it wraps.
func unwrapped(err error) func(yield func(error) bool) {
	return func(yield func(error) bool) { walk(err, yield) }
}

func walk(err error, yield func(error) bool) bool {
	if err == nil {
		return true
	}
	if !yield(err) {
		return false
	}
	switch x := err.(type) {
	case interface{ Unwrap() error }:
		return walk(x.Unwrap(), yield)
	case interface{ Unwrap() []error }:
		for _, e := range x.Unwrap() {
			if !walk(e, yield) {
				return false
			}
		}
	}
	return true
}

// declared returns the place of e among the exceptions of m and what to send for it, or -1.
func (m *boundMethod) declared(e error) (int, any) {
	if x, ok := e.(*Exception); ok {
		for i, f := range m.method.Throws {
			if x.Value != nil && f.Type.Struct == x.Value.Schema() {
				return i, x.Value
			}
		}
		return -1, nil
	}
	t := reflect.TypeOf(e)
	i, ok := m.thrown.Load(t)
	if !ok {
		i, _ = m.thrown.LoadOrStore(t, m.match(t))
	}
	return i.(int), e
}

// match finds the declared exception that the Go type t stands for: by name, and if its fields fit.
func (m *boundMethod) match(t reflect.Type) int {
	for i, f := range m.method.Throws {
		if !plan.SameName(f.Type.Struct.Name, typeName(t)) {
			continue
		}
		if _, err := plan.ForType(t, f.Type); err == nil {
			return i
		}
	}
	return -1
}

// report hands an error that no caller sees to the error log.
func (s *Server) report(m *boundMethod, err error) {
	var p *panicError
	if !errors.As(err, &p) {
		err = fmt.Errorf("rpc: %s: %w", m.method, err)
	}
	s.opts.ErrorLog(err)
}

// conceal returns what the caller learns of err: an *Error as it is, of any other error only
// that there was one, unless the options say otherwise.
func (s *Server) conceal(m *boundMethod, err error) *Error {
	var e *Error
	if errors.As(err, &e) && e.Code >= 0 && !e.Remote {
		return e
	}
	s.report(m, err)
	var p *panicError
	switch {
	case errors.As(err, &p):
		return Errorf(CodeInternal, "internal error")
	case s.opts.ExposeErrors:
		return Errorf(CodeInternal, "%s", err)
	}
	return Errorf(CodeInternal, "internal error")
}

// Serve accepts connections from l and answers their calls, in whatever dialect each of them
// speaks, HTTP with any path among them (see [Server.HTTPHandler]), until l fails, or Shutdown or Close
// is called: then it returns ErrServerClosed. It closes l. Errors of accept that pass, such as
// too many open files, are waited out.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.draining {
		s.mu.Unlock()
		l.Close()
		return ErrServerClosed
	}
	s.listeners[l] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, l)
		s.mu.Unlock()
		l.Close()
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
		if s.isDraining() {
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

func (s *Server) isDraining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

// ListenAndServe listens on addr, a target as [transport.Listen] takes, and serves.
func (s *Server) ListenAndServe(addr string) error {
	l, err := transport.Listen(addr)
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// Shutdown stops accepting connections and calls, waits until the calls in flight have been
// answered, and closes everything. If ctx ends first, it closes the rest at once, cancels the
// contexts of their handlers and returns ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopAccepting()
	done := make(chan struct{})
	go func() {
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
// a handler returns because it was cancelled reaches nobody. It does not wait.
func (s *Server) Close() error {
	s.stopAccepting()
	s.mu.Lock()
	for c := range s.conns {
		c.nc.Close()
	}
	s.mu.Unlock()
	s.cancel()
	return nil
}

func (s *Server) stopAccepting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
	for l := range s.listeners {
		l.Close()
	}
	for c := range s.conns {
		c.drain()
	}
}

var _ RoundTripper = (*Server)(nil)
