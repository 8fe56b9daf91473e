package rpc

import (
	"context"
	"reflect"
	"sync"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/schema"
)

// Funcs and methods whose parameters and results are of the commonest types are bound without package reflect: it makes a call
// take half again as long, and allocate. What is here stands for [Client.stub] and [caller] above, which serve all others.

var usePlain = true // false, in tests: all funcs are bound by reflection

// plainFunc is how funcs of one type are bound.
type plainFunc struct {
	stub   func(*plainStubs) reflect.Value // a func of the type that calls
	handle func(fn reflect.Value) Handler  // a Handler that calls fn
	method func(m mem.BoundMethod) Handler // a Handler that calls m
}

// plainFor returns how funcs of type t are bound, and false if that takes reflection.
func plainFor(t reflect.Type) (plainFunc, bool) {
	if !usePlain || t.IsVariadic() || t.NumIn() > 3 {
		return plainFunc{}, false
	}
	like := func(n int, of func(int) reflect.Type) []reflect.Type {
		all := make([]reflect.Type, n)
		for i := range all {
			all[i] = plainType(of(i))
		}
		return all
	}
	p, ok := plainFuncs()[reflect.FuncOf(like(t.NumIn(), t.In), like(t.NumOut(), t.Out), false)]
	return p, ok
}

// plainType returns the type in plainFuncs that stands for t: values of both lie in memory, and are passed, in the same way.
func plainType(t reflect.Type) reflect.Type {
	switch t.Kind() {
	case reflect.Bool:
		return reflect.TypeFor[bool]()
	case reflect.Int32:
		return reflect.TypeFor[int32]()
	case reflect.Int64:
		return reflect.TypeFor[int64]()
	case reflect.String:
		return reflect.TypeFor[string]()
	case reflect.Pointer:
		return reflect.TypeFor[mem.Address]()
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return reflect.TypeFor[[]byte]()
		}
	}
	return t
}

// plainFuncs has the types of funcs that need no reflection. Others that differ from them in names, or in what their pointers
// point to, are bound as they are.
var plainFuncs = sync.OnceValue(func() map[reflect.Type]plainFunc {
	all := make(map[reflect.Type]plainFunc)
	addPlain[string](all)
	addPlain[[]byte](all)
	addPlain[int32](all)
	addPlain[int64](all)
	addPlain[bool](all)
	addPlain[mem.Address](all)
	add(all, func(s *plainStubs) func(context.Context) error {
		return func(ctx context.Context) error {
			x := s.get()
			err := s.run(ctx, x)
			s.put(x)
			return err
		}
	}, func(f func(context.Context) error) Handler {
		return func(ctx context.Context, call *Call) error { return f(ctx) }
	}, func(to mem.Address, f func(mem.Address, context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error { return f(to, ctx) }
	})
	add(all, func(s *plainStubs) func(ctx context.Context, a, b string) (string, error) {
		return func(ctx context.Context, a, b string) (string, error) {
			x := s.get()
			*mem.As[string](x.args[0]), *mem.As[string](x.args[1]) = a, b
			return finish[string](s, ctx, x)
		}
	}, func(f func(ctx context.Context, a, b string) (string, error)) Handler {
		return func(ctx context.Context, call *Call) error {
			x := call.bound
			r, err := f(ctx, *mem.As[string](x.args[0]), *mem.As[string](x.args[1]))
			return store1(call, r, err)
		}
	}, func(to mem.Address, f func(to mem.Address, ctx context.Context, a, b string) (string, error)) func(ctx context.Context, a, b string) (string, error) {
		return func(ctx context.Context, a, b string) (string, error) { return f(to, ctx, a, b) }
	})
	return all
})

// add enters the type F. M is the same with a receiver before the parameters.
func add[F, M any](all map[reflect.Type]plainFunc, stub func(*plainStubs) F, handle func(F) Handler, method func(mem.Address, M) F) {
	t := reflect.TypeFor[F]()
	all[t] = plainFunc{
		stub:   func(s *plainStubs) reflect.Value { return reflect.ValueOf(stub(s)) },
		handle: func(fn reflect.Value) Handler { return handle(mem.Func(fn, t).Interface().(F)) },
		method: func(m mem.BoundMethod) Handler { return handle(method(m.Receiver, mem.MethodAs[M](m))) },
	}
}

// addPlain enters the funcs with one parameter of type A and any result, and those without parameters that return an A.
func addPlain[A any](all map[reflect.Type]plainFunc) {
	add1[A, string](all)
	add1[A, []byte](all)
	add1[A, int32](all)
	add1[A, int64](all)
	add1[A, bool](all)
	add1[A, mem.Address](all)
	add(all, func(s *plainStubs) func(context.Context) (A, error) {
		return func(ctx context.Context) (A, error) { return finish[A](s, ctx, s.get()) }
	}, func(f func(context.Context) (A, error)) Handler {
		return func(ctx context.Context, call *Call) error {
			r, err := f(ctx)
			return store1(call, r, err)
		}
	}, func(to mem.Address, f func(mem.Address, context.Context) (A, error)) func(context.Context) (A, error) {
		return func(ctx context.Context) (A, error) { return f(to, ctx) }
	})
	add(all, func(s *plainStubs) func(context.Context, A) error {
		return func(ctx context.Context, a A) error {
			x := s.get()
			*mem.As[A](x.args[0]) = a
			err := s.run(ctx, x)
			s.put(x)
			return err
		}
	}, func(f func(context.Context, A) error) Handler {
		return func(ctx context.Context, call *Call) error { return f(ctx, *mem.As[A](call.bound.args[0])) }
	}, func(to mem.Address, f func(mem.Address, context.Context, A) error) func(context.Context, A) error {
		return func(ctx context.Context, a A) error { return f(to, ctx, a) }
	})
}

func add1[A, R any](all map[reflect.Type]plainFunc) {
	add(all, func(s *plainStubs) func(context.Context, A) (R, error) {
		return func(ctx context.Context, a A) (R, error) {
			x := s.get()
			*mem.As[A](x.args[0]) = a
			return finish[R](s, ctx, x)
		}
	}, func(f func(context.Context, A) (R, error)) Handler {
		return func(ctx context.Context, call *Call) error {
			r, err := f(ctx, *mem.As[A](call.bound.args[0]))
			return store1(call, r, err)
		}
	}, func(to mem.Address, f func(mem.Address, context.Context, A) (R, error)) func(context.Context, A) (R, error) {
		return func(ctx context.Context, a A) (R, error) { return f(to, ctx, a) }
	})
}

// store1 puts the result of a handler into its reply, as [boundCall.storeResult] does.
func store1[R any](call *Call, r R, err error) error {
	if err != nil {
		return err
	}
	x := call.bound
	if p, ok := any(r).(mem.Address); ok && p == nil {
		return nil
	}
	*mem.As[R](x.room) = r
	x.success.Store(x.room)
	return nil
}

// plainStubs makes the calls of one func.
type plainStubs struct {
	client *Client
	svc    *schema.Service
	sig    *signature
	calls  sync.Pool // of *plainCall
}

// plainCall is a call with the places of its arguments and of the pointer to its result.
type plainCall struct {
	call   Call
	args   []mem.Pointer
	result mem.Pointer
}

func (s *plainStubs) get() *plainCall {
	if x, ok := s.calls.Get().(*plainCall); ok {
		return x
	}
	x := &plainCall{call: newCall(s.svc, s.sig)}
	x.args = fieldPlaces(s.sig, x.call.args)
	x.result = successPlace(s.sig, x.call.reply)
	return x
}

// fieldPlaces returns where the arguments are.
func fieldPlaces(sig *signature, args mem.Pointer) []mem.Pointer {
	var all []mem.Pointer
	for i := range sig.args.Struct.Fields {
		all = append(all, args.Add(sig.args.Struct.Fields[i].Offset))
	}
	return all
}

// successPlace returns where the pointer to the result is.
func successPlace(sig *signature, reply mem.Pointer) mem.Pointer {
	if sig.method.Result.Kind == schema.KindVoid {
		return mem.Pointer{}
	}
	return reply.Add(sig.reply.Struct.Fields[0].Offset)
}

func (s *plainStubs) run(ctx context.Context, x *plainCall) error {
	if ctx == nil {
		ctx = context.Background()
	}
	return s.client.run(ctx, &x.call)
}

// finish makes the call, and returns its result.
func finish[R any](s *plainStubs, ctx context.Context, x *plainCall) (r R, err error) {
	if err = s.run(ctx, x); err == nil {
		if p := x.result.Load(); !p.IsNil() {
			r = *mem.As[R](p)
		}
	}
	s.put(x)
	return r, err
}

func (s *plainStubs) put(x *plainCall) {
	if x.call.reset() {
		x.call.empty()
		s.calls.Put(x)
	}
}
