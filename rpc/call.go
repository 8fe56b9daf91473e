// Package rpc calls and serves the methods of a schema over connections.
//
// Most programs use it through the root package. The parts:
//
//   - [Handler] is what handles a [Call]: a method of a server, the exchange of messages of a
//     client, and everything between. Both sides share the type.
//   - [Interceptor] wraps a Handler.
//   - [Client] makes calls through a Handler: Bind fills a struct of funcs, Invoke takes and
//     returns dynamic values. [Dial] makes a client of one server, [NewClient] of any Handler.
//   - [Server] answers calls; Register binds a handler, Serve accepts connections.
//   - Generated code calls and serves without reflection, see package
//     [github.com/thriftkit/thriftkit/runtime/thriftimpl].
//   - [Error] and [Exception] are what can go wrong.
//
// # Interceptors
//
// The first interceptor in the list is the outermost on both sides:
//
//	client: c.Login() -> A -> B -> write … read -> B -> A -> result
//	server: read -> A -> B -> handler.Login() -> B -> A -> write
//
// An interceptor of a client may call the next Handler several times, one call after the other or side
// by side: see [Call.Clone]. Each attempt begins with an empty reply, and what the last one left
// counts.
//
// An interceptor sees errors as the code around it does: declared exceptions as the Go types
// bound to them or as [Exception], everything else as [Error] or as the handler returned it.
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
	"github.com/thriftkit/thriftkit/internal/callvalues"
	"github.com/thriftkit/thriftkit/internal/clientconn"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/schema"
)

// A Call is one call. It belongs to the goroutine that runs the handler, and only until that
// returns: then its memory serves other calls. (A program built with the race detector panics when
// it uses a Call too late.) Attempts side by side use Clone.
type Call struct {
	Method  *schema.Method
	Service *schema.Service // the service that was bound; Method may be inherited

	sig   *signature
	args  mem.Pointer // the arguments as one value of the type sig.args
	reply mem.Pointer // the reply likewise, of sig.reply; what a handler leaves there is sent
	bound *boundCall  // of a handler that was bound, else nil
	rooms []plan.Room // where args and reply are, if they are used again

	// What the client that made the call last keeps for the next one.
	pending   *clientconn.Pending
	latency   *clientconn.Latency
	latencyOf *connector

	stream   Stream        // of a method that streams
	as       string        // the name under which the service is called; "": what the target says
	attempt  int           // of the client that makes it; 0 before the first
	numbered bool          // a clone that has its number already
	shared   bool          // there were clones, which use the arguments: the memory is not reused
	server   bool          // a server runs it
	released bool          // with the race detector: its handler has returned
	timeout  time.Duration // of the client, if there are no interceptors between
	instance string
	outcome  Outcome
	trace    fmt.Stringer // see SetTrace; nil if there is none
}

// SetTrace notes the trace that a tracer has given the call, whose String is as W3C Trace Context writes it: for listeners, which see the
// call as [CallEvent.Values].
func (c *Call) SetTrace(t fmt.Stringer) { c.trace = t }

// Trace returns what SetTrace noted, else nil.
func (c *Call) Trace() fmt.Stringer { return c.trace }

// Attempt returns the number of the attempt that a client is making or made last, counted from 1; 0
// before the first. A client within another one counts its own.
func (c *Call) Attempt() int { return c.attempt }

// Instance returns the address of the server to which the last attempt went, "" if none did.
func (c *Call) Instance() string { return c.instance }

// SetInstance sets what Instance returns, for handlers that choose among instances. A client of [Dial] sets it as well.
func (c *Call) SetInstance(addr string) { c.instance = addr }

// Outcome returns what became of the last attempt of a client; see [OutcomeOf].
func (c *Call) Outcome() Outcome { return c.outcome }

// serviceName returns the name under which the service is called.
func (c *Call) serviceName() string {
	if c.as != "" {
		return c.as
	}
	return c.Service.Name
}

// newCall returns a call that can be used again, after reset and empty.
func newCall(svc *schema.Service, sig *signature) Call {
	rooms := []plan.Room{sig.args.NewRoom(), sig.reply.NewRoom()}
	return Call{Method: sig.method, Service: svc, sig: sig, rooms: rooms, args: rooms[0].At(), reply: rooms[1].At()}
}

// empty clears the arguments and the reply.
func (c *Call) empty() {
	for i := range c.rooms {
		c.rooms[i].Empty()
	}
}

// Clone returns a call with the same arguments and a reply of its own, for an attempt beside others:
// the first one that is to count is given to Adopt.
//
//	twin := call.Clone()
//	if err := next(ctx, twin); err == nil {
//		call.Adopt(twin)
//	}
//
// The clone may outlive the call. Cloning is for the goroutine that owns the call; then each of the
// two belongs to a goroutine of its own.
func (c *Call) Clone() *Call {
	c.check()
	c.shared = true
	c.attempt++
	x := &Call{
		Method: c.Method, Service: c.Service, sig: c.sig, args: c.args, shared: true, server: c.server,
		as: c.as, attempt: c.attempt, numbered: true, timeout: c.timeout, stream: c.stream,
		reply: mem.Of(reflect.New(c.sig.reply.Go)),
	}
	if x.clearReply(); c.bound != nil {
		x.bound = newBoundCall(x, c.bound.in[0])
	}
	return x
}

// Adopt makes the reply and the outcome of x, a clone of c whose handler has returned, those of c.
func (c *Call) Adopt(x *Call) {
	c.check()
	t := c.sig.reply.Go
	c.reply.Value(t).Set(x.reply.Value(t))
	c.instance, c.outcome, c.stream = x.instance, x.outcome, x.stream
}

// begin starts an attempt: what an earlier one left in the reply is gone.
func (c *Call) begin(instance string) {
	c.check()
	if c.numbered {
		c.numbered = false
	} else if c.attempt++; c.attempt > 1 {
		c.clearReply()
	}
	if instance != "" {
		c.instance = instance
	}
	if !c.server {
		c.stream = nil
	}
}

// clearReply empties the reply.
func (c *Call) clearReply() {
	c.sig.reply.Zero(c.reply)
	if c.server && c.sig.reply.Op == plan.OpDynStruct {
		*mem.As[*dynamic.Struct](c.reply) = dynamic.New(c.Method.Reply())
	}
}

// reset prepares c for another call, and reports whether that may use its memory.
func (c *Call) reset() bool {
	c.as, c.attempt, c.instance, c.outcome, c.stream, c.trace = "", 0, "", OutcomeUnknown, nil, nil
	if raceEnabled {
		c.released = true
	}
	return !c.shared && !raceEnabled
}

// check panics if c is used after its handler returned, where that is known.
func (c *Call) check() {
	if raceEnabled && c.released {
		panic("rpc: use of a Call of " + c.Method.String() + " after its handler returned")
	}
}

// adopt returns err with a declared exception as the Go type that was bound to it, for handlers that
// know no Go types.
func (c *Call) adopt(err error) error {
	var x *Exception
	if c.sig.reply.Op == plan.OpDynStruct || !errors.As(err, &x) || x.Value == nil {
		return err
	}
	for i := range c.sig.reply.Struct.Fields {
		f := &c.sig.reply.Struct.Fields[i]
		isResult := i == 0 && c.Method.Result.Kind != schema.KindVoid
		if isResult || f.Type.Go == dynamicType || f.Schema.Type.Struct != x.Value.Schema() {
			continue
		}
		at := c.reply.Add(f.Offset)
		plan.Assign(f.Type, at, dynamic.StructValue(x.Value))
		return thrown(at.Value(f.Type.Go))
	}
	return err
}

// SetArg sets argument i, in the order of the IDL, to v: a value of the Go type that was bound, a
// dynamic.Value, or what dynamic.Of converts to the parameter's type.
func (c *Call) SetArg(i int, v any) error {
	c.check()
	if n := c.NumArgs(); i < 0 || i >= n {
		return fmt.Errorf("%s has %s, there is no argument %d", c.Method, plural.Of(n, "parameter"), i)
	}
	if c.sig.args.Op == plan.OpDynStruct {
		s := mem.As[*dynamic.Struct](c.args)
		if *s == nil {
			*s = dynamic.New(c.Method.Args)
		}
		return (*s).Set(c.Method.Args.Fields[i].Name, v)
	}
	f := &c.sig.args.Struct.Fields[i]
	return assign(f.Type, c.args.Add(f.Offset), f.Schema.Type, v)
}

// Dialects of this project, whose walkers decode into the arguments and encode the reply, find both by package callvalues.
var _ = callvalues.Provide(func(call any) (*plan.Type, mem.Pointer) {
	c := call.(*Call)
	c.check()
	return c.sig.args, c.args
}, func(call any) (*plan.Type, mem.Pointer) {
	c := call.(*Call)
	c.check()
	return c.sig.reply, c.reply
})

// SetArgs sets all arguments, a value of Method.Args, for dialects that have no Go types: what is not set has its default, at any depth.
// The error is a *wire.Error: a value cannot be encoded, or a required field is missing.
func (c *Call) SetArgs(args *dynamic.Struct) error {
	c.check()
	return setArgs(c, args)
}

// DynamicArgs returns a copy of the arguments without their Go types: for logs and tools, which need not know them. The error is a
// *wire.Error: an argument cannot be encoded.
func (c *Call) DynamicArgs() (*dynamic.Struct, error) {
	c.check()
	return asDynamic(c.sig.args, c.args)
}

// DynamicResult returns a copy of what the method returned without its Go type, unset for void and before there is a result: for dialects
// that have none. The error is a *wire.Error: the result cannot be encoded.
func (c *Call) DynamicResult() (dynamic.Value, error) {
	c.check()
	if c.Method.Result.Kind == schema.KindVoid || c.reply.IsNil() {
		return dynamic.Value{}, nil
	}
	reply, err := asDynamic(c.sig.reply, c.reply)
	if err != nil {
		return dynamic.Value{}, err
	}
	return reply.At(0), nil
}

// SetResult sets the result of the call: for handlers that are not methods bound to the IDL. v is as
// for SetArg. It is an error if the method is void.
func (c *Call) SetResult(v any) error {
	c.check()
	if c.Method.Result.Kind == schema.KindVoid {
		return fmt.Errorf("rpc: %s: SetResult of a void method", c.Method)
	}
	if c.sig.reply.Op == plan.OpDynStruct {
		s := mem.As[*dynamic.Struct](c.reply)
		if *s == nil {
			*s = dynamic.New(c.Method.Reply())
		}
		return (*s).Set("success", v)
	}
	f := &c.sig.reply.Struct.Fields[0]
	return assign(f.Type, c.reply.Add(f.Offset), f.Schema.Type, v)
}

// assign sets what is at a place of the type t, or what a pointer there is to point to.
func assign(t *plan.Type, at mem.Pointer, desc *schema.Type, v any) error {
	if rv := reflect.ValueOf(v); rv.IsValid() {
		switch {
		case rv.Type().AssignableTo(t.Go):
			at.Value(t.Go).Set(rv)
			return nil
		case t.Go.Kind() == reflect.Pointer && rv.Type().AssignableTo(t.Go.Elem()):
			p := reflect.New(t.Go.Elem())
			p.Elem().Set(rv)
			at.Value(t.Go).Set(p)
			return nil
		}
	}
	d, err := dynamic.Of(desc, v)
	if err != nil {
		return err
	}
	plan.Assign(t, at, d)
	return nil
}

// A Peer is the other side of a connection.
type Peer struct {
	Addr  net.Addr             // of the client, also if a proxy reported it; see [ServerOptions.ProxyProtocol]
	TLS   *tls.ConnectionState // nil without TLS; PeerCertificates says who the client is
	User  string               // that SASL verified; "" without SASL
	Proxy net.Addr             // of the proxy that said who the client is; nil without
}

type peerKey struct{}

// PeerOf returns the client whose call a handler or an interceptor of a server runs with ctx,
// and whether there is one: not in a call that never left the process.
func PeerOf(ctx context.Context) (Peer, bool) {
	p, ok := ctx.Value(peerKey{}).(Peer)
	return p, ok
}

// NumArgs returns the number of parameters of the method.
func (c *Call) NumArgs() int { return len(c.Method.Args.Fields) }

// Arg returns argument i, in the order of the IDL, with the Go type that was bound, or a
// dynamic.Value in a dynamic call. It must not be changed.
func (c *Call) Arg(i int) any {
	c.check()
	if c.sig.args.Op == plan.OpDynStruct {
		return (*mem.As[*dynamic.Struct](c.args)).At(i)
	}
	f := &c.sig.args.Struct.Fields[i]
	return c.args.Add(f.Offset).Value(f.Type.Go).Interface()
}

// Result returns what the method returned, with the Go type that was bound, or a dynamic.Value
// in a dynamic call; nil before there is a result and for void.
func (c *Call) Result() any {
	c.check()
	if c.Method.Result.Kind == schema.KindVoid || c.reply.IsNil() {
		return nil
	}
	if c.sig.reply.Op == plan.OpDynStruct {
		if s := *mem.As[*dynamic.Struct](c.reply); s != nil {
			return s.At(0)
		}
		return nil
	}
	f := &c.sig.reply.Struct.Fields[0]
	if !f.IsSet(c.reply) {
		return nil
	}
	v := c.reply.Add(f.Offset).Value(f.Type.Go)
	if c.sig.holds {
		v = v.Elem()
	}
	return v.Interface()
}

// A Handler runs a call: the innermost one is the user's method on a server, and the exchange
// of messages on a client. When it returns nil the call has its result.
type Handler func(ctx context.Context, call *Call) error

// An Interceptor wraps a Handler. It may return without calling the next one, call it again,
// or change the context and the error.
type Interceptor func(next Handler) Handler

// chain folds interceptors around h, the first one outermost.
func chain(interceptors []Interceptor, h Handler) Handler {
	for i := len(interceptors) - 1; i >= 0; i-- {
		h = interceptors[i](h)
	}
	return h
}
