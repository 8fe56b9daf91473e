package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"reflect"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/header"
)

// ClientOptions say how a Client behaves. The zero value is right for most.
type ClientOptions struct {
	Interceptors []Interceptor // the first is the outermost

	// Timeout bounds each call that has no earlier deadline in its context; 0 means none. Calls end
	// up to 4 milliseconds late when they time out or are cancelled.
	Timeout time.Duration

	// DialTimeout bounds the making of a connection; 0 means 10 seconds, negative none.
	DialTimeout time.Duration

	// MaxMessageBytes is the longest message taken or sent; 0 means 16 MiB. A longer reply
	// ends its connection; a longer call is not sent.
	MaxMessageBytes int

	// TLS is what the TLS of tls and https targets starts from: certificates, authorities. The target's
	// own keys come on top; nothing older than TLS 1.2 is spoken. nil is the system's defaults.
	TLS *tls.Config

	// Dialer makes connections in place of [transport.Target.Dial], whose arguments it gets: by way
	// of a proxy, or with an eye on what is sent. What it returns must have done all that t says about
	// TLS and compression. nil is Target.Dial.
	Dialer func(ctx context.Context, t transport.Target, config *tls.Config) (net.Conn, error)

	// SASLUser and SASLPassword make the client negotiate with SASL's mechanism PLAIN, as servers of
	// Hive and Impala want it, when SASLUser is not "". The password goes over the connection as it
	// is: the target should be tls.
	SASLUser, SASLPassword string

	// Transforms are what the payloads of THeader may go through, besides zlib.
	Transforms []header.Transform

	// RequireMetadata makes calls fail with CodeArgument whose context has metadata that the
	// target's transport has no room for. Without it such metadata stays behind, silently.
	RequireMetadata bool

	// MaxConns is how many connections a client opens to the server; 0 means 16, negative is an error. Calls share
	// a connection; another one is opened when the oldest call on each has waited for more
	// than 2 milliseconds, because classic servers answer the calls of one connection one
	// after the other; from servers that answer in any order, another one is opened only when
	// none at all was answered for so long. HTTP/1.1 has a connection for each call in flight: the
	// calls above the limit wait.
	MaxConns int

	// Exclusive gives each call in flight a connection of its own, as most Thrift clients do, for
	// servers or networks that want it so; the calls above MaxConns wait. Without it calls share
	// connections, which costs less.
	Exclusive bool
}

// A Client calls the methods of one server. It may be used by any number of goroutines.
//
// It connects when it is made, and again when it must: after the server closed a connection or
// was restarted, the next call makes a new one. A call is sent at most once: when its
// connection ends before the reply, the error has [CodeConnectionLost], and whether to try
// again is the caller's decision. After a time-out or a cancelled context the connection of
// that call takes no new ones, so that a late reply never reaches another call.
//
// Over HTTP a call is a request. A status other than 200 is an error, unless the body is a
// reply nevertheless: CodeUnavailable for 429 and 503, which mean that nothing was done,
// CodeConnectionLost for 502 and 504, by which a gateway says that it lost the server, else
// CodeProtocol. Redirects are not followed, proxies of the environment not used. A oneway call
// returns when the server has answered that it has it.
type Client struct {
	target transport.Target
	proto  protocol.Protocol
	opts   ClientOptions
	app    *plan.Type

	handler Handler // with interceptors around it; nil without
	scratch scratch

	// What brings messages to the server is one of these. As an interface it would cost each
	// call two allocations: arguments of its methods escape.
	pool *pool
	http *httpCarrier
}

// Dial connects to target, as [transport.ParseTarget] reads it. The error is an *Error with
// CodeUnavailable if there is no server, or says what is wrong with target or opts. Of an http or https
// target it learns only that somebody listens, and what TLS says: HTTP begins with the first
// call, on another connection, because a server that takes one at a time would wait on this one.
func Dial(ctx context.Context, target string, opts ClientOptions) (*Client, error) {
	t, err := transport.ParseTarget(target)
	if err != nil {
		return nil, err
	}
	p, err := protocol.ByName(t.Protocol)
	if err != nil {
		return nil, fmt.Errorf("target %q: %w", target, err)
	}
	if opts.MaxMessageBytes == 0 {
		opts.MaxMessageBytes = wire.DefaultMaxMessageBytes
	}
	switch {
	case opts.MaxConns == 0:
		opts.MaxConns = 16
	case opts.MaxConns < 0:
		return nil, fmt.Errorf("rpc: at most %d connections: a client needs one", opts.MaxConns)
	}
	opts.DialTimeout = orDefault(opts.DialTimeout, 10*time.Second)
	if opts.Dialer == nil {
		opts.Dialer = func(ctx context.Context, t transport.Target, config *tls.Config) (net.Conn, error) {
			return t.Dial(ctx, config)
		}
	}
	if opts.SASLUser != "" && t.HTTP {
		return nil, fmt.Errorf("target %q: there is no SASL over HTTP", target)
	}
	c := &Client{target: t, proto: p, opts: opts, app: newApplicationPlan()}
	if len(opts.Interceptors) > 0 {
		c.handler = chain(opts.Interceptors, c.exchange)
	}
	if t.HTTP {
		c.http, err = dialHTTP(ctx, t, p, opts)
	} else {
		c.pool, err = dialPool(ctx, t, p, opts, &c.scratch)
	}
	if err != nil {
		return nil, failure("", CodeUnavailable, err)
	}
	return c, nil
}

// Target returns where the client calls, in the form that Dial takes.
func (c *Client) Target() string { return c.target.String() }

// Close ends the connections. Calls in flight fail with CodeClosed.
func (c *Client) Close() error {
	if c.http != nil {
		c.http.close()
	} else {
		c.pool.close()
	}
	return nil
}

var errClosed = &Error{Code: CodeClosed}

// Bind fills every exported func field of the struct that target points to with a func that
// calls the method of svc of the same name but for case and underscores, or the one that the
// field's tag `thrift:"method"` names:
//
//	var c struct {
//		Login func(ctx context.Context, username, password string) (string, error)
//	}
//	err := client.Bind(svc, &c, &BadPassword{})
//
// A field tagged `thrift:"-"` is left alone. exceptions are values of the Go types, each with
// an Error method, that stand for declared exceptions of the same name: the funcs return
// pointers to such types. Others come as *[Exception]. Everything that does not fit is
// reported at once, as joined *Mismatch errors, and target is not changed then.
func (c *Client) Bind(svc *schema.Service, target any, exceptions ...error) error {
	if svc == nil {
		return errors.New("rpc: Bind of a service that does not exist")
	}
	return c.bindClient(svc, target, exceptions)
}

// Invoke calls m without Go types and returns its result, unset for void. Errors are as for
// bound calls; declared exceptions are *[Exception].
func (c *Client) Invoke(ctx context.Context, m *schema.Method, args *dynamic.Struct) (dynamic.Value, error) {
	x := dynamicCall{args: args}
	call := &x.call
	*call = Call{Method: m, Service: m.Service, sig: dynamicSignature(m), args: mem.To(&x.args), reply: mem.To(&x.reply)}
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

type anyKey struct{ result reflect.Type }

// Do calls m with args in the order of the IDL, each of which may be anything that a field
// of type any may hold: plain Go values, structs that bind to the IDL's, dynamic values. nil
// and missing ones are not sent, so the server applies the IDL's defaults. T is any type that
// could be bound to the result, such as string, *Work, *dynamic.Struct, or any; for void it is
// not looked at.
func Do[T any](ctx context.Context, c *Client, m *schema.Method, args ...any) (T, error) {
	var result T
	if m == nil {
		return result, errors.New("rpc: a call of a method that does not exist")
	}
	sig, err := anySignature(m, reflect.TypeFor[T]())
	if err != nil {
		return result, err
	}
	if len(args) > len(m.Args.Fields) {
		return result, &Error{Outcome: OutcomeNotSent, Code: CodeArgument, Message: fmt.Sprintf("%d arguments for %d parameters", len(args), len(m.Args.Fields)), Method: m.String()}
	}
	call := &Call{Method: m, Service: m.Service, sig: sig, args: mem.Of(reflect.New(sig.args.Go)), reply: mem.Of(reflect.New(sig.reply.Go))}
	for i, a := range args {
		*mem.As[any](call.args.Add(sig.args.Struct.Fields[i].Offset)) = a
	}
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

// run runs a call: the exchange of messages, with the interceptors around it.
func (c *Client) run(ctx context.Context, call *Call) error {
	if c.handler != nil {
		return c.handler(ctx, call)
	}
	return c.exchange(ctx, call)
}

// exchange sends the call and reads its reply.
func (c *Client) exchange(ctx context.Context, call *Call) error {
	m := call.Method
	now := time.Now()
	f := c.scratch.flight()
	f.bound(ctx, now, c.opts.Timeout)
	if err := f.over(now); err != nil {
		return notSent(failure(m.String(), CodeUnknown, err))
	}
	f.head = wire.Header{Name: m.Name, Type: wire.Call}
	f.service, f.method = call.Service.Name, m.Name
	if c.target.Service != "" {
		f.service = c.target.Service
		if c.target.Framing != wire.TTHeader { // whose envelope names the service
			f.head.Name = f.service + ":" + m.Name
		}
	}
	if f.oneway = m.Oneway; f.oneway {
		f.head.Type = wire.Oneway
	}
	f.args, f.at = call.sig.args, call.args
	if c.opts.RequireMetadata && !c.target.HTTP && !c.target.Framing.HasHeader() {
		if o := outgoingFor(ctx); len(o.transient)+len(o.persistent) > 0 {
			return &Error{Outcome: OutcomeNotSent, Code: CodeArgument, Message: fmt.Sprintf("transport %s has no room for metadata", c.target.Framing), Method: m.String()}
		}
	}
	err := c.send(f)
	reply, deadline := f.reply, f.deadline
	c.scratch.putFlight(f)
	if err != nil {
		return sendFailure(m.String(), err)
	}
	if e := reply.envelope; e != nil {
		o := outgoingOf(ctx)
		o.received(e.Transient)
		if e.Status != nil {
			return &BusinessError{Code: e.Status.Code, Message: e.Status.Message, Extra: e.Status.Extra}
		}
	}
	if m.Oneway {
		return nil
	}
	err = ofAnswer(readReply(call, c.app, reply.msg, reply.proto))
	return tooLate(deadline, m, err)
}

// tooLate returns err, but for an internal error of a server that had the deadline of the call
// and has noticed a moment earlier that it passed: that is a time-out as any other.
func tooLate(deadline time.Time, m *schema.Method, err error) error {
	e, ok := err.(*Error)
	if !ok || !e.Remote || e.Code != CodeInternal {
		return err
	}
	if !deadline.IsZero() && !time.Now().Before(deadline) {
		late := failure(m.String(), CodeTimeout, fmt.Errorf("%w: %s", context.DeadlineExceeded, e.Message))
		late.Outcome = OutcomeExecuted
		return late
	}
	return err
}

// send sends f, which then has its reply; none for oneway. Its errors are for sendFailure.
func (c *Client) send(f *flight) error {
	if c.http != nil {
		return c.http.send(f)
	}
	return c.pool.send(f)
}

// notSent marks the error of a call that never left.
func notSent(e *Error) *Error {
	e.Outcome = OutcomeNotSent
	return e
}

// sendFailure is the error for a call of which no reply came.
func sendFailure(method string, err error) error {
	var (
		argument errArgument
		unsent   errNotSent
	)
	switch {
	case errors.As(err, &argument):
		return notSent(failure(method, CodeArgument, argument.error))
	case errors.Is(err, errGoodbye):
		e := failure(method, CodeUnavailable, errGoodbye)
		e.Outcome = OutcomeRefused
		return e
	case errors.As(err, &unsent):
		return notSent(failure(method, CodeUnavailable, unsent.error))
	}
	return failure(method, CodeConnectionLost, err)
}
