package rpc

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/schema"
)

// Prepare is for generated code, whose stubs ([thriftimpl.NewStub]) call it; [Client.Bind] and
// [Invoke] are for programs. It returns a func that makes calls of svc's method of that name with
// structs of the types args and reply: it gets pointers to them, or panics. The error holds *Mismatch
// errors if they do not fit.
func (c *Client) Prepare(svc *schema.Service, method string, args, reply reflect.Type) (func(args, reply any) thriftimpl.Call, error) {
	m := svc.Method(method)
	if m == nil {
		return nil, fmt.Errorf("rpc: service %s has no method %q", svc.Name, method)
	}
	sig, err := typedSignature(m, args, reply)
	if err != nil {
		return nil, err
	}
	return func(args, reply any) thriftimpl.Call {
		call := Call{Method: m, Service: svc, sig: sig, args: pointerTo(args, sig.args.Go), reply: pointerTo(reply, sig.reply.Go)}
		return &preparedCall{client: c, call: call}
	}, nil
}

// PrepareStreams is for generated code, whose clients call it; [Client.Bind] is for programs. The error holds *Mismatch errors.
func (c *Client) PrepareStreams(svc *schema.Service, funcs any, exceptions ...error) error {
	other := *c
	other.unary = false // the methods that do not stream are of use without the others
	return other.bindClient(svc, funcs, exceptions)
}

// pointerTo returns p, which must be a *t.
func pointerTo(p any, t reflect.Type) mem.Pointer {
	v := reflect.ValueOf(p)
	if got := v.Type(); got.Kind() != reflect.Pointer || got.Elem() != t {
		panic(fmt.Sprintf("rpc: a call is made with a %s instead of a *%s", got, t))
	}
	return mem.Of(v)
}

// preparedCall is a call by a stub.
type preparedCall struct {
	client *Client
	call   Call
}

func (x *preparedCall) Do(ctx context.Context) error { return x.client.run(ctx, &x.call) }

func (x *preparedCall) Reset() bool { return x.call.reset() }

// bindRoute pairs m with its route.
func bindRoute(m *schema.Method, r thriftimpl.Route) (*boundMethod, error) {
	if fn := reflect.ValueOf(r.Stream); fn.IsValid() && fn.Kind() == reflect.Func && m.Stream != schema.Unary {
		sig, err := bindStream(m, fn.Type(), "the route of "+m.Name, anyException, true)
		if err != nil {
			return nil, err
		}
		return &boundMethod{signature: sig, handler: streamCaller(m, fn, 1), receiver: fn}, nil
	}
	if r.Args == nil || r.Reply == nil {
		return nil, &Mismatch{Pos: m.Pos, IDL: m.String(), Go: fmt.Sprintf("%T", r.Stream), Message: "the method does not stream, and its route does"}
	}
	sig, err := typedSignature(m, r.Args, r.Reply)
	if err != nil {
		return nil, err
	}
	b := &boundMethod{
		signature: sig,
		handler:   func(ctx context.Context, call *Call) error { return r.Answer(ctx, call.args, call.reply) },
	}
	return b, nil
}

// typedSignature returns the signature of m with the structs argsType and replyType.
func typedSignature(m *schema.Method, argsType, replyType reflect.Type) (*signature, error) {
	if m.Stream != schema.Unary {
		return nil, &Mismatch{Pos: m.Pos, IDL: m.String(), Go: argsType.String(), Message: "the method streams: bind it with Client.Bind or Server.Register"}
	}
	args, err1 := plan.ForType(argsType, m.Args.Type())
	reply, err2 := plan.ForType(replyType, m.Reply().Type())
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	if args.Op != plan.OpStruct || reply.Op != plan.OpStruct {
		return nil, &Mismatch{Pos: m.Pos, IDL: m.String(), Go: args.Go.String() + " and " + reply.Go.String(), Message: "want structs"}
	}
	sig := &signature{method: m, args: args, reply: reply}
	var errs []error
	for i := range reply.Struct.Fields {
		f := &reply.Struct.Fields[i]
		isResult := i == 0 && m.Result.Kind != schema.KindVoid
		message := ""
		switch {
		case f.Presence == plan.NotZero:
			message = "it must be a pointer, slice or map, which is nil when it is not set"
		case !isResult && f.Type.Go != dynamicType && !f.Type.Go.Implements(errorType):
			message = "it has no Error method"
		}
		if message != "" {
			errs = append(errs, &Mismatch{Pos: f.Schema.Pos, IDL: m.String() + "." + f.Schema.Name, Go: reply.Go.String(), Message: message})
		}
		if isResult {
			sig.holds = f.Type.Op == plan.OpPointer && f.Type.Elem.Op != plan.OpStruct
		}
	}
	return sig, errors.Join(errs...)
}

// bindRoutes pairs the methods of svc with their routes.
func bindRoutes(svc *schema.Service, d thriftimpl.Dispatcher) (map[*schema.Method]*boundMethod, error) {
	routes := make(map[string]thriftimpl.Route)
	var errs []error
	for _, r := range d.Routes() {
		if _, ok := routes[r.Method]; ok {
			errs = append(errs, fmt.Errorf("service %s: two routes for method %q", svc.Name, r.Method))
		}
		routes[r.Method] = r
	}
	bound := make(map[*schema.Method]*boundMethod)
	for _, m := range svc.AllMethods() {
		r, ok := routes[m.Name]
		if !ok && noStream(m) != nil { // which is not generated: the server does not know it
			continue
		}
		if !ok {
			errs = append(errs, &Mismatch{Pos: m.Pos, IDL: m.String(), Go: fmt.Sprintf("%T", d), Message: "the handler has no route for it"})
			continue
		}
		delete(routes, m.Name)
		b, err := bindRoute(m, r)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		bound[m] = b
	}
	for name := range routes {
		errs = append(errs, fmt.Errorf("service %s: a route for method %q, which it does not have", svc.Name, name))
	}
	return bound, errors.Join(errs...)
}
