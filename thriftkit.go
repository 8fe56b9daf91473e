// Package thriftkit serves and calls Thrift services that are described by a .thrift file
// alone: the file is read when the program runs, and no code is generated.
//
// # A server and a client
//
//	foo := thriftkit.MustLoad("foo.thrift").MustService("PingPong")
//
//	type pingPong struct{}
//
//	func (pingPong) Ping(ctx context.Context) (string, error) { return "pong", nil }
//	func (pingPong) Login(ctx context.Context, username, password string) (string, error) { … }
//
//	log.Fatal(thriftkit.ListenAndServe(":9000", foo, pingPong{}))
//
// and, in another program,
//
//	client, err := thriftkit.Dial(ctx, "localhost:9000")
//	var c struct {
//		Ping  func(ctx context.Context) (string, error)
//		Login func(ctx context.Context, username, password string) (string, error)
//	}
//	err = client.Bind(foo, &c)
//	s, err := c.Login(ctx, "root", "pwd")
//
// Bind, and a server's Register, check the Go side against the IDL and report
// every mismatch at once, with the IDL's line and the Go path.
//
// # Go types
//
//	bool i8 i16 i32 i64 double   bool int8 int16 int32 int64 float64
//	string, binary               string or []byte, either for both
//	uuid                         [16]byte
//	enum                         any type made of int32; unknown values are kept
//	list<T>                      []T
//	set<T>                       []T or map[T]struct{}
//	map<K,V>                     map[K]V where Go compares K by its value; else a slice of structs of
//	                             two fields, Key and Value, whose Key may be a pointer
//	struct, exception            a struct or a pointer to one; an exception's type has an Error method
//	union                        a struct of pointers, slices and maps of which exactly one is not nil
//	optional fields              a pointer, slice or map, nil when unset; or a plain type with the
//	                             tag `thrift:",omitzero"`, unset when zero
//	anything                     any, dynamic.Value; a struct also *dynamic.Struct or map[string]any
//
// A Go field stands for the IDL field that its tag names, `thrift:"name"` or `thrift:"3"`, else
// for the one with the same name, ignoring case and underscores; `thrift:"-"` leaves it out. A
// field of type wire.UnknownFields keeps what the schema, or the Go struct, does not know. Package
// schema describes when a field is set, unset or has its default.
//
// Decoded strings and []byte share the memory of the message they came in, which is never
// reused: safe to keep, but a small part keeps the whole message. Clone what outlives it.
//
// # Without Go types
//
//	s, err := thriftkit.Invoke[string](ctx, client, foo.Method("login"), "root", "pwd")
//	v, err := thriftkit.Invoke[*dynamic.Struct](ctx, client, svc.Method("get"), map[string]any{"id": 7})
//
// and a [DynamicHandler] serves any service. Package dynamic has the values and their JSON form.
//
// # Errors
//
// A failed call is an exception that the IDL declares, found with errors.As as the user's own
// Go type or as [*Exception]; or an [*Error] with a code that says what happened, whether
// the server said so, and by its Outcome whether the call may have been executed: what to look at before calling
// again. Errors of contexts stay findable with errors.Is. Mistakes in IDL text are
// [*syntax.Diagnostic], mistakes in bytes *wire.Error.
//
// # Peers
//
// thriftkit speaks standard Thrift: existing programs work unchanged. It is tested against
// thriftpy2, Apache Thrift and the other implementations in docs/dialects.md. A server detects the
// dialect of each connection from its first bytes and answers in it. A client's target names its
// dialect:
//
//	localhost:9000                              binary, buffered: the default of thriftpy2 and of Apache's tutorials
//	tcp://localhost:9000?protocol=compact&transport=framed
//	tls://foo.example.com:9000?ca=ca.pem&cert=me.pem&key=me.key
//	unix:///run/foo.sock
//	http://foo.example.com/thrift               each call a POST; https takes the keys of tls
//	localhost:9000?service=PingPong             where services share a connection
//	a:9000,b:9000?transport=framed              several instances of one service
//	dns:///foo.example.com:9000                 all addresses of a name; dns+srv:///_foo._tcp.example.com SRV records
//	registry://a:9000,b:9000/PingPong           registries, see package discovery/registry
//	file:///etc/foo.yaml                        a list that is read again when it changes; docs/governance.md
//
//	protocol=      binary (strict; old, too, when it comes), compact (Apache's; fbthrift's when it
//	               comes), json (Apache's), thriftpy2-json, simple-json
//	transport=     buffered, framed, header (THeader), ttheader (Kitex's), http
//	compression=   zlib: a stream in each direction, or with header each message
//
// A server accepts HTTP on the same port, with any path; [Server.HTTPHandler] puts it next to
// other handlers of an http.Server. [WithAccept] restricts a server to some dialects.
// docs/dialects.md describes all dialects and how a server detects them.
//
// # Metadata
//
// Names and values beside a call, such as ids of traces, and its deadline travel in the
// transports header, ttheader and http: [AddMetadata] and [AddPersistentMetadata] give them to
// calls, [Metadata] reads them in a handler, [SetReplyMetadata] and [ReceiveMetadata] are the way
// back. A deadline of the caller's context becomes the deadline of the handler's. Bare framed and
// buffered connections carry none of it.
package thriftkit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/discovery/registry"
	"github.com/thriftkit/thriftkit/govern"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/reflection"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
)

// A Client calls the methods of services; [Dial] and [NewClient] return one.
type Client = rpc.Client

// A Server answers calls; [NewServer] returns one.
type Server = rpc.Server

// A Call is one call, as a [Handler] or an [Interceptor] sees it.
type Call = rpc.Call

// A Handler handles a call: a method of a server, the exchange of messages of a client, and
// everything between.
type Handler = rpc.Handler

// An Interceptor wraps a Handler.
type Interceptor = rpc.Interceptor

// A DynamicHandler answers every method of a service without Go types.
type DynamicHandler = rpc.DynamicHandler

// A Peer is the other side of a connection; [PeerOf] returns it.
type Peer = rpc.Peer

// Dialect is a protocol other than Thrift that a server speaks; see [rpc.Dialect].
type Dialect = rpc.Dialect

// Stats learns what a client or a server does; see [rpc.Stats].
type Stats = rpc.Stats

// An Error is a failed call, other than by a declared exception.
type Error = rpc.Error

// A Code says what kind of failure an Error is.
type Code = rpc.Code

// An Outcome says whether the server may have executed a failed call: it decides whether calling
// again is safe.
type Outcome = rpc.Outcome

// A BusinessError is an error of the called program's own kind that the IDL does not declare.
type BusinessError = rpc.BusinessError

// An HTTPError is what a client got over HTTP in place of a reply: its status, its header and the beginning of its body.
type HTTPError = rpc.HTTPError

// An Exception is a declared exception for which no Go type was given.
type Exception = rpc.Exception

// A Mismatch is one reason why Go types do not fit the IDL.
type Mismatch = rpc.Mismatch

// The codes that programs test most; package rpc has all.
const (
	// CodeUnknownMethod means that the server has no such method.
	CodeUnknownMethod = rpc.CodeUnknownMethod

	// CodeInternal means that the handler failed with an error that the IDL does not declare, or panicked.
	CodeInternal = rpc.CodeInternal

	// CodeProtocol means that a message could not be decoded.
	CodeProtocol = rpc.CodeProtocol

	// CodeOverloaded means that the server had too many calls and did not begin this one.
	CodeOverloaded = rpc.CodeOverloaded

	// CodeUnauthenticated means that the server does not know who calls, and did not begin the call.
	CodeUnauthenticated = rpc.CodeUnauthenticated

	// CodePermissionDenied means that the caller may not call the method, and that the server did not begin the call.
	CodePermissionDenied = rpc.CodePermissionDenied

	// CodeUnavailable means that no connection could be made, or that the server refused the call (HTTP 429, 503).
	CodeUnavailable = rpc.CodeUnavailable

	// CodeConnectionLost means that the connection closed before the reply; the call may have been executed.
	CodeConnectionLost = rpc.CodeConnectionLost

	// CodeTimeout means that the deadline passed; the error matches context.DeadlineExceeded with errors.Is.
	CodeTimeout = rpc.CodeTimeout

	// CodeCanceled means that the context was canceled; the error matches context.Canceled with errors.Is.
	CodeCanceled = rpc.CodeCanceled

	// CodeClosed means that the client is closed.
	CodeClosed = rpc.CodeClosed

	// CodeArgument means that the call cannot be sent, such as for an argument that cannot be encoded.
	CodeArgument = rpc.CodeArgument
)

// The outcomes of failed calls.
const (
	// OutcomeUnknown means that the server may have executed the call.
	OutcomeUnknown = rpc.OutcomeUnknown

	// OutcomeNotSent means that the call never left this process.
	OutcomeNotSent = rpc.OutcomeNotSent

	// OutcomeRefused means that the server did not begin the call.
	OutcomeRefused = rpc.OutcomeRefused

	// OutcomeExecuted means that the server answered.
	OutcomeExecuted = rpc.OutcomeExecuted
)

// ErrServerClosed is returned by Serve and ListenAndServe after Shutdown or Close; test with errors.Is.
var ErrServerClosed = rpc.ErrServerClosed

// Errorf returns an *Error with a code, for handlers: the caller sees code and text.
func Errorf(code Code, format string, args ...any) *Error { return rpc.Errorf(code, format, args...) }

// OutcomeOf returns the outcome of the call that returned err; err may be nil.
func OutcomeOf(err error) Outcome { return rpc.OutcomeOf(err) }

// Load reads the IDL file at path and all it includes. The error is a syntax.Diagnostics with
// every mistake in every file, each with its line and column.
func Load(path string, opts ...LoadOption) (*schema.File, error) {
	var c loadConfig
	for _, o := range opts {
		o.applyLoad(&c)
	}
	file, diags := compile.Compile(path, c.Options)
	if c.warn != nil {
		for _, d := range diags {
			if d.Severity == syntax.Warning {
				c.warn(d)
			}
		}
	}
	if file == nil {
		return nil, diags.Errors()
	}
	return file, nil
}

// MustLoad is Load for programs that cannot go on without the file: it panics on an error.
func MustLoad(path string, opts ...LoadOption) *schema.File {
	f, err := Load(path, opts...)
	if err != nil {
		panic("thriftkit: " + err.Error())
	}
	return f
}

// Parse is Load for the text of a file that is not in a file system: name stands in messages,
// and its base name is what the file is called. Includes are looked up as by Load.
func Parse(name, text string, opts ...LoadOption) (*schema.File, error) {
	return Load(name, append(opts, rootText{name, text})...)
}

// NewServer returns a server; Register gives it services, Serve or ListenAndServe run it.
func NewServer(opts ...ServerOption) *Server {
	o := rpc.ServerOptions{ErrorLog: func(err error) { slog.Error(err.Error()) }}
	for _, opt := range opts {
		opt.applyServer(&o)
	}
	return rpc.NewServer(o)
}

// ListenAndServe serves svc with handler on addr, such as ":9000" or "unix:///run/foo.sock". It
// returns when that fails: because the handler does not fit the service, with every mismatch,
// or because of the network.
func ListenAndServe(addr string, svc *schema.Service, handler any, opts ...ServerOption) error {
	s := NewServer(opts...)
	if err := s.Register(svc, handler); err != nil {
		return err
	}
	return s.ListenAndServe(addr)
}

// Serve is ListenAndServe on a listener, which it closes.
func Serve(l net.Listener, svc *schema.Service, handler any, opts ...ServerOption) error {
	s := NewServer(opts...)
	if err := s.Register(svc, handler); err != nil {
		l.Close()
		return err
	}
	return s.Serve(l)
}

// Run serves s on l until ctx ends, or the process gets SIGINT or SIGTERM. Then it shuts s down: calls under way have the time
// grace to end, and clients are told to go elsewhere; see [Server.Shutdown]. It returns when all of that is done: nil if every
// call was answered, context.DeadlineExceeded if some had to be cut off, or the error of [Server.Serve] if that
// failed. While s shuts down, a second signal ends the process at once.
//
//	l, err := thriftkit.Listen(":9000")
//	…
//	log.Printf("listening on %s", l.Addr())
//	err = thriftkit.Run(ctx, s, l, 30*time.Second, thriftkit.WithHealth(health), thriftkit.WithRegistration(registrar, "PingPong", instance))
//
// Its options say who learns that the server is there. The order is
//
//	start: serve, ready ([WithHealth]), registered ([WithRegistration])
//	stop:  not ready, deregistered, a pause ([WithStopDelay]), clients told to go elsewhere, calls ended, closed
//
// so that nobody is sent to a server that is not there. All of the stop takes no longer than grace. A registration that fails stops
// the server; its error is returned.
//
// A program that calls Serve and Shutdown by itself must not end when Serve returns, but when Shutdown does.
func Run(ctx context.Context, s *Server, l net.Listener, grace time.Duration, opts ...RunOption) error {
	var c runConfig
	for _, o := range opts {
		o.applyRun(&c)
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	c.setReady(true)
	announced := c.announce(ctx)
	var err error
	select {
	case err = <-served:
	case err = <-announced.failed:
		err = fmt.Errorf("registration: %w", err)
	case <-ctx.Done():
		stop()
	}
	c.setReady(false)
	ends, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	withdrawn := announced.withdraw(ends)
	if err != nil && !errors.Is(err, ErrServerClosed) {
		s.Shutdown(ends)
		return err
	}
	if err == nil && c.stopDelay > 0 {
		select {
		case <-time.After(c.stopDelay):
		case <-ends.Done():
		}
	}
	if err := s.Shutdown(ends); err != nil || withdrawn == nil {
		return err
	}
	return fmt.Errorf("deregistration: %w", withdrawn)
}

// Listen listens on what addr names: ":port", host:port, or a target such as
// "unix:///run/foo.sock", whose file is removed first if its server is gone.
func Listen(addr string) (net.Listener, error) { return transport.Listen(addr) }

// ServerTLS returns the TLS configuration of a server whose certificate is in the PEM file cert
// and its key in key. With a file of authorities in clientCA, only clients with a certificate of
// theirs are accepted ([PeerOf] tells who calls); "" accepts all. The files are read again when they
// change, without a restart. [transport.ServerTLS] takes revocation lists as well.
func ServerTLS(cert, key, clientCA string) (*tls.Config, error) {
	return transport.ServerTLS(transport.TLSFiles{Cert: cert, Key: key, CA: clientCA})
}

// PeerOf returns the client whose call a handler or an interceptor of a server runs with ctx,
// and whether there is one.
func PeerOf(ctx context.Context) (Peer, bool) { return rpc.PeerOf(ctx) }

// Metadata returns the names and values that came with the call which a handler, or an
// interceptor of a server, runs with ctx; nil if there are none. They must not be changed. Over
// HTTP, where they are header fields, the names are in lower case.
func Metadata(ctx context.Context) map[string]string { return rpc.Metadata(ctx) }

// AddMetadata returns a context for calls of clients that takes names and values along, for the
// server that is called. They come on top of those that ctx has already.
func AddMetadata(ctx context.Context, md map[string]string) context.Context {
	return rpc.AddMetadata(ctx, md)
}

// AddPersistentMetadata is AddMetadata for names and values that the server passes on to those
// that it calls, and so on: handlers do so by calling with their context.
func AddPersistentMetadata(ctx context.Context, md map[string]string) context.Context {
	return rpc.AddPersistentMetadata(ctx, md)
}

// SetReplyMetadata adds a name and a value to the reply of the call that a handler runs with ctx.
// It reports whether the client's transport carries them.
func SetReplyMetadata(ctx context.Context, name, value string) bool {
	return rpc.SetReplyMetadata(ctx, name, value)
}

// ReceiveMetadata returns a context for one call, which sets *md to the metadata of the reply
// before it returns: nil if there is none.
func ReceiveMetadata(ctx context.Context, md *map[string]string) context.Context {
	return rpc.ReceiveMetadata(ctx, md)
}

// Dial connects to the server at target, or returns a client of all the instances that target names; the package comment shows
// the forms. ctx bounds the connecting only. The error is an *Error with CodeUnavailable if no connection can be made.
//
// For several instances Dial waits for their list, and connects to each with its first call. Calls are balanced by latency and
// load, instances that fail get no calls for a while, and a failed call is retried at another instance where that is
// safe: see [WithFleet], [WithRetry] and package govern.
func Dial(ctx context.Context, target string, opts ...ClientOption) (*Client, error) {
	c := clientConfigOf(opts)
	if c.schemes["registry"] == nil {
		WithResolver("registry", registry.Scheme).applyClient(&c)
	}
	if !discovery.IsTarget(target, c.schemes) {
		return rpc.Dial(ctx, target, c.ClientOptions)
	}
	t, err := discovery.ParseTarget(target, c.schemes)
	if err != nil {
		return nil, err
	}
	return govern.Dial(ctx, t, govern.DialOptions{Client: c.ClientOptions, Fleet: c.fleet, Retry: c.retry, Mode: c.mode, Hedge: c.hedge, Config: c.config})
}

func clientConfigOf(opts []ClientOption) (c clientConfig) {
	for _, opt := range opts {
		opt.applyClient(&c)
	}
	return c
}

// NewClient returns a client whose calls h handles: another client ([Client.Handle]), a choice among
// several, a server in this process ([Server.Handle]). Of opts, those about connections do not
// matter.
func NewClient(h Handler, opts ...ClientOption) *Client {
	return rpc.NewClient(h, clientConfigOf(opts).ClientOptions)
}

// ReflectedSchema is what [DialReflect] learns from a server.
type ReflectedSchema = reflection.Schema

// DialReflect connects to the server at target, as Dial does, and asks it for the schema of its
// services, which a server of this package returns if it was created with [WithReflection]:
//
//	client, reflected, err := thriftkit.DialReflect(ctx, "localhost:9000")
//	v, err := thriftkit.Invoke[any](ctx, client, reflected.File.Service("PingPong").Method("login"), "root", "pwd")
//
// ctx bounds both. The error matches [reflection.ErrUnsupported] if the server answers, but has
// no schema to return; others are those of a call.
func DialReflect(ctx context.Context, target string, opts ...ClientOption) (*Client, *ReflectedSchema, error) {
	c, err := Dial(ctx, target, opts...)
	if err != nil {
		return nil, nil, err
	}
	s, err := reflection.Fetch(ctx, c)
	if err != nil {
		c.Close()
		return nil, nil, err
	}
	return c, s, nil
}

// Invoke calls m with args, in the order of the IDL. Each may be anything that a field of type any may
// hold: plain Go values, structs that bind to the IDL's, map[string]any for a struct, dynamic
// values. nil and missing ones are not sent, so that the server applies the IDL's defaults. T is
// any type that could be bound to the result, such as string, *Work, *dynamic.Struct or any; it is
// ignored if m returns void.
func Invoke[T any](ctx context.Context, c *Client, m *schema.Method, args ...any) (T, error) {
	return rpc.Invoke[T](ctx, c, m, args...)
}
