package rpc

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
)

// A Stub calls one method with Go structs that stand for its arguments and for its reply, without
// reflection: what generated clients are made of. Programs written by hand are better off with
// [Client.Bind].
//
// A has a field for each parameter. R has a field Success for the result, unless there is none, and
// one for each declared exception, all of them pointers, slices or maps, of which a reply sets one;
// the exceptions' types have an Error method. Both may have unexported fields, which are left
// alone. A Stub may be used by any number of goroutines.
//
//	type echoArgs struct{ Text string }
//	type echoReply struct{ Success *string }
//
//	func (c *Client) Echo(ctx context.Context, text string) (result string, err error) {
//		call := c.echo.New()
//		defer call.Free()
//		call.Args.Text = text
//		if err := call.Do(ctx); err != nil {
//			return "", err
//		}
//		return *call.Reply.Success, nil
//	}
type Stub[A, R any] struct {
	client *Client
	svc    *schema.Service
	sig    *signature
	calls  sync.Pool
}

// NewStub prepares calls of svc's method of that name, as the IDL has it, over c. The error holds
// *Mismatch errors if A or R do not fit.
func NewStub[A, R any](c *Client, svc *schema.Service, method string) (*Stub[A, R], error) {
	m := svc.Method(method)
	if m == nil {
		return nil, fmt.Errorf("rpc: service %s has no method %q", svc.Name, method)
	}
	sig, err := typedSignature[A, R](m)
	if err != nil {
		return nil, err
	}
	return &Stub[A, R]{client: c, svc: svc, sig: sig}, nil
}

// MustStub is NewStub for generated code, in which all fits. It panics where it does not.
func MustStub[A, R any](c *Client, svc *schema.Service, method string) *Stub[A, R] {
	s, err := NewStub[A, R](c, svc, method)
	if err != nil {
		panic(err.Error())
	}
	return s
}

// A StubCall is a call by a Stub: set Args, call Do, and take what is wanted out of Reply. Not for
// concurrent use.
type StubCall[A, R any] struct {
	Args  A
	Reply R

	stub *Stub[A, R]
	call Call
}

// New returns a call with zero Args.
func (s *Stub[A, R]) New() *StubCall[A, R] {
	if x, ok := s.calls.Get().(*StubCall[A, R]); ok {
		return x
	}
	x := &StubCall[A, R]{stub: s}
	x.call = Call{Method: s.sig.method, Service: s.svc, sig: s.sig, args: mem.To(&x.Args), reply: mem.To(&x.Reply)}
	return x
}

// Do makes the call. When it returns nil, Reply has the result, if the method has one. Errors
// are as for bound calls, see [Client.Bind].
func (x *StubCall[A, R]) Do(ctx context.Context) error { return x.stub.client.run(ctx, &x.call) }

// Free lets another call use the memory of x, which is not to be used any more. What the fields of
// Reply point to is the caller's and stays.
func (x *StubCall[A, R]) Free() {
	if !x.call.reset() {
		return
	}
	x.Args, x.Reply = *new(A), *new(R)
	x.stub.calls.Put(x)
}

// A Dispatcher is a handler that says by itself which func answers which method, without
// reflection: what generated servers are made of. [Server.Register] takes it as any other handler.
type Dispatcher interface {
	// Routes returns a Route for each method of the service, inherited ones included.
	Routes() []Route
}

// A Route pairs a method with the func that answers it. NewRoute makes one.
type Route struct {
	method string
	bind   func(*schema.Method) (*boundMethod, error)
}

// NewRoute returns the Route by which answer answers the method of that name, as the IDL has it. A
// and R are as for [Stub]. answer puts the result into the reply's Success, or a declared exception
// into its field, or it returns an error, as a bound method does. The structs themselves are used
// again when it has returned; what they point to is not.
//
//	type echoReply struct {
//		Success *string
//		success string // room for it
//	}
//
//	rpc.NewRoute("echo", func(ctx context.Context, args *echoArgs, reply *echoReply) (err error) {
//		reply.success, err = h.Echo(ctx, args.Text)
//		reply.Success = &reply.success
//		return err
//	})
func NewRoute[A, R any](method string, answer func(ctx context.Context, args *A, reply *R) error) Route {
	return Route{method, func(m *schema.Method) (*boundMethod, error) {
		sig, err := typedSignature[A, R](m)
		if err != nil {
			return nil, err
		}
		type typedCall struct {
			Call
			a A
			r R
		}
		return &boundMethod{
			signature: sig,
			handler: func(ctx context.Context, call *Call) error {
				return answer(ctx, mem.As[A](call.args), mem.As[R](call.reply))
			},
			make: func() *Call {
				x := new(typedCall)
				x.args, x.reply = mem.To(&x.a), mem.To(&x.r)
				return &x.Call
			},
		}, nil
	}}
}

// typedSignature returns the signature of m with the structs A and R.
func typedSignature[A, R any](m *schema.Method) (*signature, error) {
	if m.Stream != schema.Unary {
		return nil, &Mismatch{Pos: m.Pos, IDL: m.String(), Go: reflect.TypeFor[A]().String(), Message: "the method streams: bind it with Client.Bind or Server.Register"}
	}
	args, err1 := plan.ForType(reflect.TypeFor[A](), m.Args.Type())
	reply, err2 := plan.ForType(reflect.TypeFor[R](), m.Reply().Type())
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
func bindRoutes(svc *schema.Service, d Dispatcher) (map[*schema.Method]*boundMethod, error) {
	routes := make(map[string]Route)
	var errs []error
	for _, r := range d.Routes() {
		if _, ok := routes[r.method]; ok {
			errs = append(errs, fmt.Errorf("service %s: two routes for method %q", svc.Name, r.method))
		}
		routes[r.method] = r
	}
	bound := make(map[*schema.Method]*boundMethod)
	for _, m := range svc.AllMethods() {
		r, ok := routes[m.Name]
		if !ok && m.Stream != schema.Unary { // which is not generated: the server does not know it
			continue
		}
		if !ok {
			errs = append(errs, &Mismatch{Pos: m.Pos, IDL: m.String(), Go: fmt.Sprintf("%T", d), Message: "the handler has no route for it"})
			continue
		}
		delete(routes, m.Name)
		b, err := r.bind(m)
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
