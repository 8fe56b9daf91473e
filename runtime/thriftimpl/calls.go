package thriftimpl

import (
	"context"
	"reflect"
	"sync"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/schema"
)

// A Caller makes calls for a [Stub]. *rpc.Client is one.
type Caller interface {
	// Prepare returns a func that makes calls of svc's method of that name, as the IDL has it, with
	// structs of the types args and reply: it gets pointers to them. The error holds *rpc.Mismatch errors
	// if they do not fit.
	Prepare(svc *schema.Service, method string, args, reply reflect.Type) (func(args, reply any) Call, error)

	// PrepareStreams fills the fields of the struct that funcs points to as rpc.Client.Bind does. All are for methods that stream; if the
	// connections of the client do not carry streams, the funcs return an error.
	PrepareStreams(svc *schema.Service, funcs any, exceptions ...error) error
}

// MustBindStreams fills the fields of the struct that funcs points to with funcs that call the methods of svc that stream, over c, each
// the one that the field's tag names. exceptions are values of the types of those that the methods throw. It panics where they do not fit.
func MustBindStreams(c Caller, svc *schema.Service, funcs any, exceptions ...error) {
	if err := c.PrepareStreams(svc, funcs, exceptions...); err != nil {
		panic(err.Error())
	}
}

// A Call is a call whose arguments and reply are in the structs that it was made with. Not for
// concurrent use.
type Call interface {
	// Do makes the call. When it returns nil, the reply has the result, if the method has one.
	Do(ctx context.Context) error

	// Reset reports whether the call and its structs may be used again: not if an attempt that still
	// runs may hold them.
	Reset() bool
}

// A Stub calls one method with Go structs that stand for its arguments and for its reply, without
// reflection: what generated clients are made of.
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
	prepare func(args, reply any) Call
	calls   sync.Pool // of *StubCall[A, R]
}

// NewStub prepares calls of svc's method of that name, as the IDL has it, over c. The error holds
// *rpc.Mismatch errors if A or R do not fit.
func NewStub[A, R any](c Caller, svc *schema.Service, method string) (*Stub[A, R], error) {
	prepare, err := c.Prepare(svc, method, reflect.TypeFor[A](), reflect.TypeFor[R]())
	if err != nil {
		return nil, err
	}
	return &Stub[A, R]{prepare: prepare}, nil
}

// MustStub is NewStub for code in which all fits. It panics where it does not.
func MustStub[A, R any](c Caller, svc *schema.Service, method string) *Stub[A, R] {
	s, err := NewStub[A, R](c, svc, method)
	if err != nil {
		panic(err.Error())
	}
	return s
}

// A StubCall is a call by a Stub: set Args, call Do, read Reply. Not for concurrent use.
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
	x.call = s.prepare(&x.Args, &x.Reply)
	return x
}

// Do makes the call. When it returns nil, Reply has the result, if the method has one. Errors
// are as for bound calls, see rpc.Client.Bind.
func (x *StubCall[A, R]) Do(ctx context.Context) error { return x.call.Do(ctx) }

// Free lets another call use the memory of x, which is not to be used any more. What the fields of
// Reply point to is the caller's and stays.
func (x *StubCall[A, R]) Free() {
	if !x.call.Reset() {
		return
	}
	x.Args, x.Reply = *new(A), *new(R)
	x.stub.calls.Put(x)
}

// A Dispatcher is a handler that supplies its own method table, without reflection: generated
// servers are built on it. A server's Register accepts it like any other handler.
type Dispatcher interface {
	// Routes returns a Route for each method of the service, inherited ones included.
	Routes() []Route
}

// A Route pairs a method with the func that answers it. [NewRoute] makes one.
type Route struct {
	Method      string       // its name, as the IDL has it
	Args, Reply reflect.Type // structs
	Answer      func(ctx context.Context, args, reply mem.Pointer) error

	// Stream is in place of the others for a method that streams: a func like the method of a handler, see rpc.Server.Register.
	Stream any
}

// NewStreamRoute returns the Route by which f, a func like the method of a handler, answers a method that streams.
func NewStreamRoute(method string, f any) Route { return Route{Method: method, Stream: f} }

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
//	thriftimpl.NewRoute("echo", func(ctx context.Context, args *echoArgs, reply *echoReply) (err error) {
//		reply.success, err = h.Echo(ctx, args.Text)
//		reply.Success = &reply.success
//		return err
//	})
func NewRoute[A, R any](method string, answer func(ctx context.Context, args *A, reply *R) error) Route {
	return Route{
		Method: method, Args: reflect.TypeFor[A](), Reply: reflect.TypeFor[R](),
		Answer: func(ctx context.Context, args, reply mem.Pointer) error {
			return answer(ctx, mem.As[A](args), mem.As[R](reply))
		},
	}
}
