// Package rpc calls and serves the methods of a schema over connections.
//
// Most programs use it through the root package. The parts:
//
//   - [Client] sends calls, over as few connections as will do, and is safe for concurrent use;
//     Bind fills a struct of funcs, Invoke takes and returns dynamic values.
//   - [Server] answers them; Register binds a handler, Serve accepts connections.
//   - [Interceptor] wraps calls on either side; both sides share one type.
//   - [Stub] and [Dispatcher] are for generated code, which calls and serves without reflection.
//   - [Error] and [Exception] are what can go wrong.
//
// # Interceptors
//
// The first interceptor in the list is the outermost on both sides:
//
//	client: c.Login() -> A -> B -> write … read -> B -> A -> result
//	server: read -> A -> B -> handler.Login() -> B -> A -> write
//
// An interceptor sees errors as the code around it does: declared exceptions as the Go types
// bound to them or as [Exception], everything else as [Error] or as the handler returned it.
package rpc

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
)

// A Call is one call on its way. It belongs to the goroutine that runs the handler, and only until
// that returns.
type Call struct {
	Method  *schema.Method
	Service *schema.Service // the service that was bound; Method may be inherited

	sig   *signature
	args  mem.Pointer // the arguments as one value of the type sig.args
	reply mem.Pointer // the reply likewise, of sig.reply; what a handler leaves there is sent
	bound *boundCall  // of a handler that was bound, else nil
}

// A Peer is the other side of a connection.
type Peer struct {
	Addr net.Addr
	TLS  *tls.ConnectionState // nil without TLS; PeerCertificates says who the client is
	User string               // that SASL verified; "" without SASL
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
	if c.sig.args.Op == plan.OpDynStruct {
		return (*mem.As[*dynamic.Struct](c.args)).At(i)
	}
	f := &c.sig.args.Struct.Fields[i]
	return c.args.Add(f.Offset).Value(f.Type.Go).Interface()
}

// Result returns what the method returned, with the Go type that was bound, or a dynamic.Value
// in a dynamic call; nil before there is a result and for void.
func (c *Call) Result() any {
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
