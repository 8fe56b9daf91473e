package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/header"
)

// ClientOptions say how a Client behaves. The zero value is right for most.
type ClientOptions struct {
	Interceptors []Interceptor // the first is the outermost

	// Timeout bounds each call as a whole, whatever its interceptors do, unless its context has an
	// earlier deadline; 0 means no bound. A timeout or cancellation may be noticed up to 4 ms late.
	Timeout time.Duration

	// AttemptTimeout bounds each attempt of a call: what an interceptor that retries calls several
	// times. 0 means no bound besides that of the whole call.
	AttemptTimeout time.Duration

	// Lazy makes Dial return without a connection: the first call makes one. For servers that may be
	// down when the client is created.
	Lazy bool

	// DialTimeout bounds dialling a connection; 0 means 10 seconds, negative no bound.
	DialTimeout time.Duration

	// MaxMessageBytes is the longest message accepted or sent; 0 means 16 MiB. A longer reply
	// ends its connection; a longer call is not sent.
	MaxMessageBytes int

	// MaxDepth is how deep structs and containers may nest in a message of the binary or the compact protocol, sent or received;
	// 0 means 256, negative is an error. Each level takes some stack while a message is read: [MaxMaxDepth] is the most. Types that
	// hold themselves in lists have two levels for each struct.
	MaxDepth int

	// Cookies keeps the cookies that servers set over HTTP, and says which go with calls; nil: none are kept. The package
	// net/http/cookiejar has one.
	Cookies http.CookieJar

	// TLS is what the TLS of tls and https targets starts from: certificates, authorities. The target's
	// own keys come on top; TLS 1.2 is the oldest version accepted. nil is the system's defaults.
	TLS *tls.Config

	// AttemptInterceptors run around each attempt, within Interceptors and all that retries, the first one outermost. Stats learns of
	// an attempt within them.
	AttemptInterceptors []Interceptor

	// Stats learns of connections and attempts; nil: nobody does.
	Stats Stats

	// Dialer makes connections in place of [transport.Target.Dial], whose arguments it gets: by way
	// of a proxy, for example. What it returns must have done all that t says about
	// TLS and compression, as Target.DialBy does. nil does what Target.Dial does.
	Dialer func(ctx context.Context, t transport.Target, config *tls.Config) (net.Conn, error)

	// SASLUser and SASLPassword make the client negotiate with SASL's mechanism PLAIN, as servers of
	// Hive and Impala want it, when SASLUser is not "". The password goes over the connection as it
	// is: the target should be tls.
	SASLUser, SASLPassword string

	// Transforms are what the payloads of THeader may go through, besides zlib.
	Transforms []header.Transform

	// Dialects are protocols besides Thrift's own, for targets of their schemes; see [ClientDialect].
	Dialects []Dialect

	// RequireMetadata makes calls fail with CodeArgument if their context has metadata that the
	// target's transport cannot carry. By default such metadata is not sent, silently. Names that begin with
	// "thriftkit-" are hints of thriftkit itself, such as the mark of a retry: they never make a call fail.
	RequireMetadata bool

	// MaxConns is how many connections a client opens to the server; 0 means 128, negative is an error. Classic servers
	// answer the calls of one connection one after the other. So calls that are made at the same time have
	// connections of their own, unless the server has answered calls of their method within 300 microseconds, or
	// answers in any order: then they share one until its oldest call has waited for 2 milliseconds. Connections that
	// are idle for 5 seconds are closed, except the last one. HTTP/1.1 has a connection for each pending call: the
	// calls above the limit wait.
	MaxConns int

	// Exclusive gives each pending call a connection of its own, as most Thrift clients do, for
	// servers or networks that want it so; the calls above MaxConns wait. Without it calls share
	// connections, which costs less.
	Exclusive bool

	// MaxConnAge is how old a connection may become, varied at random by ±10 %; 0 means any age. After it the connection takes no new
	// calls and is closed when those it has are answered: so calls reach servers that were added to a load balancer of
	// connections. Over HTTP it does nothing.
	MaxConnAge time.Duration

	// MaxConnIdle is how long a connection may be idle before it is closed; 0 means no limit for the last one. Over HTTP
	// it is 2 seconds at most. Set it below the time after which a server or a firewall on the way drops idle connections.
	MaxConnIdle time.Duration

	// Target is what [Client.Target] returns of a client of NewClient; Dial has an argument for it.
	Target string

	// OnClose runs with the first Close of a client of NewClient, which returns its error: it closes what the handler uses, such as
	// the connections of a group of servers. nil does nothing.
	OnClose func() error
}

// A Client calls the methods of services through a [Handler]: one that Dial makes, over connections
// to one server, or any other. It may be used by any number of goroutines.
//
// A client of Dial connects when it is created, and again when it must: after the server closed a
// connection or was restarted, the next call makes a new one. A call is sent at most once: when
// its connection ends before the reply, the error has [CodeConnectionLost], and whether to try
// again is the caller's decision. After a timeout or a cancelled context the connection of that
// call takes no new ones, so that a late reply never reaches another call.
//
// Over HTTP a call is a request. A status other than 200 is an error, unless the body is a reply
// nevertheless: CodeUnavailable for 429 and 503, which mean that nothing was done,
// CodeConnectionLost for 502 and 504, by which a gateway says that it lost the server, else
// CodeProtocol. Redirects are not followed, proxies of the environment not used. A oneway call
// returns when the server has answered that it has it.
type Client struct {
	handler Handler // the attempt with interceptors around it
	plain   bool    // there are no interceptors
	timeout time.Duration
	target  string
	service string // see ForService
	unary   bool   // its connections do not carry streams
	close   func() error
}

// carries returns an error if the client cannot call m, which streams.
func (c *Client) carries(m *schema.Method, goPath string) error {
	if !c.unary {
		return nil
	}
	return &Mismatch{Pos: m.Pos, IDL: m.String(), Go: goPath, Message: "the method streams, which connections of Thrift do not carry: " + c.target}
}

// NewClient returns a Client whose calls h handles: another client, a group of them, a server in
// this process ([Server.Handle]), a client of another protocol. Of opts only Interceptors, AttemptInterceptors,
// Timeout, AttemptTimeout, Stats, Target and OnClose matter; the others are about dialling.
//
//	fleet := rpc.NewClient(func(ctx context.Context, call *rpc.Call) error {
//		return pick().Handle(ctx, call)
//	}, rpc.ClientOptions{})
func NewClient(h Handler, opts ClientOptions) *Client {
	c := newClient(attempt(h, opts.AttemptTimeout, opts.Stats), opts)
	c.target, c.close = opts.Target, func() error { return nil }
	if opts.OnClose != nil {
		c.close = sync.OnceValue(opts.OnClose)
	}
	return c
}

func newClient(h Handler, opts ClientOptions) *Client {
	return &Client{
		handler: chain(opts.Interceptors, chain(opts.AttemptInterceptors, h)),
		plain:   len(opts.Interceptors)+len(opts.AttemptInterceptors) == 0,
		timeout: opts.Timeout,
	}
}

// Dial connects to target, as [transport.ParseTarget] reads it. The error is an *Error with
// CodeUnavailable if there is no server, or says what is wrong with target or opts. For an http
// or https target Dial only checks that the server accepts connections, and TLS.
func Dial(ctx context.Context, target string, opts ClientOptions) (*Client, error) {
	t, err := transport.ParseTarget(target)
	if err != nil {
		return nil, err
	}
	if opts, err = opts.withDefaults(); err != nil {
		return nil, err
	}
	if t.Foreign != "" {
		if opts.SASLUser != "" {
			return nil, fmt.Errorf("target %q: SASL does not work over %s", target, t.Foreign)
		}
		return dialForeign(ctx, t, opts)
	}
	p, err := protocol.WithDepth(opts.MaxDepth).ByName(t.Protocol)
	if err != nil {
		return nil, fmt.Errorf("target %q: %w", target, err)
	}
	if opts.SASLUser != "" && (t.HTTP || t.Network == "udp") {
		hint := ""
		if t.HTTP {
			hint = ": the target can have the user, as in http://user:password@host"
		}
		return nil, fmt.Errorf("target %q: SASL does not work over %s%s", target, strings.ToUpper(t.Transport()), hint)
	}
	x := &connector{target: t, opts: opts, app: newApplicationPlan()}
	if opts.Stats != nil {
		x.observer = newClientObserver(opts.Stats, t)
	}
	if x.carrier, err = newCarrier(t, p, opts, x.observer); err != nil {
		return nil, err
	}
	if !opts.Lazy {
		if err := x.carrier.Connect(ctx); err != nil {
			x.carrier.Close()
			return nil, failure("", CodeUnavailable, err)
		}
	}
	c := newClient(x.handle, opts)
	c.target, c.unary = t.String(), true
	c.close = func() error {
		x.carrier.Close()
		return nil
	}
	return c, nil
}

// withDefaults returns opts with the defaults for what is 0.
func (opts ClientOptions) withDefaults() (ClientOptions, error) {
	if err := checkDepth(opts.MaxDepth); err != nil {
		return opts, err
	}
	if opts.MaxMessageBytes == 0 {
		opts.MaxMessageBytes = wire.DefaultMaxMessageBytes
	}
	switch {
	case opts.MaxConns == 0:
		opts.MaxConns = 128
	case opts.MaxConns < 0:
		return opts, errors.New("rpc: MaxConns must not be negative")
	}
	opts.DialTimeout = orDefault(opts.DialTimeout, 10*time.Second)
	return opts, nil
}

// Target returns the target of a client of Dial, in the form that Dial reads; of a client of NewClient what
// its options say.
func (c *Client) Target() string { return c.target }

// Close closes the connections of a client of Dial: pending calls fail with CodeClosed. On a client of NewClient it
// does what [ClientOptions].OnClose says.
func (c *Client) Close() error { return c.close() }

// ForService returns a client that makes its calls over the connections of c, to the service that the server has under that
// name, whatever the target of c says: as Apache's TMultiplexedProtocol does, one for each service. To close it does
// nothing; close c.
func (c *Client) ForService(name string) *Client {
	other := *c
	other.service = name
	other.close = func() error { return nil }
	return &other
}

// Handle makes a call through c: it is a client as a [Handler].
func (c *Client) Handle(ctx context.Context, call *Call) error { return c.run(ctx, call) }

// Bind fills every exported func field of the struct that target points to with a func that
// calls the method of svc of the same name except for case and underscores, or the one that the
// field's tag `thrift:"method"` names:
//
//	var c struct {
//		Login func(ctx context.Context, username, password string) (string, error)
//	}
//	err := client.Bind(svc, &c, &BadPassword{})
//
// A field tagged `thrift:"-"` is left alone. exceptions are values of the Go types, each with
// an Error method, that stand for declared exceptions of the same name, which is what a
// method ThriftName() string says, if there is one, else the type's: the funcs return pointers
// to such types. Others come as *[Exception]. Everything that does not fit is
// reported at once, as joined *Mismatch errors, and target is not changed then.
func (c *Client) Bind(svc *schema.Service, target any, exceptions ...error) error {
	if svc == nil {
		return errors.New("rpc: Bind: service is nil")
	}
	return c.bindClient(svc, target, exceptions)
}

// Invoke calls m without Go types and returns its result, unset for void. Errors are as for
// bound calls; declared exceptions are *[Exception].
func (c *Client) Invoke(ctx context.Context, m *schema.Method, args *dynamic.Struct) (dynamic.Value, error) {
	call := newDynamicCall(m, args)
	defer call.reset()
	if err := c.run(ctx, call); err != nil {
		return dynamic.Value{}, err
	}
	result, _ := call.Result().(dynamic.Value)
	return result, nil
}

// dynamicCall is a call with the memory for what it has.
type dynamicCall struct {
	call        Call
	args, reply *dynamic.Struct
}

func newDynamicCall(m *schema.Method, args *dynamic.Struct) *Call {
	x := &dynamicCall{args: args}
	x.call = Call{Method: m, Service: m.Service, sig: dynamicSignature(m), args: mem.To(&x.args), reply: mem.To(&x.reply)}
	return &x.call
}

type anyKey struct{ result reflect.Type }

// Invoke calls m with args in the order of the IDL, each of which may be anything that a field
// of type any may hold: plain Go values, structs that bind to the IDL's, dynamic values. nil
// and missing ones are not sent, so the server applies the IDL's defaults. T is any type that
// could be bound to the result, such as string, *Work, *dynamic.Struct, or any; for void it is
// not looked at.
func Invoke[T any](ctx context.Context, c *Client, m *schema.Method, args ...any) (T, error) {
	var result T
	if m == nil {
		return result, errors.New("rpc: Invoke: method is nil")
	}
	sig, err := anySignature(m, reflect.TypeFor[T]())
	if err != nil {
		return result, err
	}
	if len(args) > len(m.Args.Fields) {
		return result, &Error{Outcome: OutcomeNotSent, Code: CodeArgument, Message: fmt.Sprintf("got %s, want at most %d", plural.Of(len(args), "argument"), len(m.Args.Fields)), Method: m.String()}
	}
	call := &Call{Method: m, Service: m.Service, sig: sig, args: mem.Of(reflect.New(sig.args.Go)), reply: mem.Of(reflect.New(sig.reply.Go))}
	for i, a := range args {
		*mem.As[any](call.args.Add(sig.args.Struct.Fields[i].Offset)) = a
	}
	defer call.reset()
	if err := c.run(ctx, call); err != nil {
		return result, err
	}
	if got, ok := call.Result().(T); ok {
		result = got
	}
	return result, nil
}

// anySignature returns the signature of m with parameters of type any.
func anySignature(m *schema.Method, result reflect.Type) (*signature, error) {
	type made struct {
		sig *signature
		err error
	}
	r := m.Args.Type().Memo(anyKey{result}, func() any {
		var params []reflect.Type
		var paths []string
		for i := range m.Args.Fields {
			params = append(params, reflect.TypeFor[any]())
			paths = append(paths, fmt.Sprintf("argument %d", i+1))
		}
		args, err1 := tuple(m.Args, params, paths)
		if m.Result.Kind == schema.KindVoid {
			result = nil
		}
		reply, err2 := replyTuple(m, result, "result", exceptionTypes(nil).of)
		return made{&signature{method: m, args: args, reply: reply, holds: true}, errors.Join(err1, err2)}
	}).(made)
	return r.sig, r.err
}

// run makes a call: an attempt, with the interceptors around it. A call that passes through several
// clients has its attempts counted by each.
func (c *Client) run(ctx context.Context, call *Call) error {
	if call.Method.Stream != schema.Unary {
		return &Error{Outcome: OutcomeNotSent, Code: CodeArgument, Message: "the method streams: bind it or use OpenStream", Method: call.Method.String()}
	}
	if c.service != "" {
		call.as = c.service
	}
	outer, outerTimeout := call.attempt, call.timeout
	call.attempt, call.timeout = 0, 0
	if c.timeout > 0 {
		if c.plain {
			call.timeout = c.timeout
		} else {
			bounded := &callContext{parent: ctx, deadline: time.Now().Add(c.timeout)}
			defer bounded.end()
			ctx = bounded
		}
	}
	err := c.handler(ctx, call)
	call.attempt, call.timeout = outer, outerTimeout
	return err
}
