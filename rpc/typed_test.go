package rpc_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/schema"
)

// What follows is the code that a generator would write for the service Test.

type (
	noArgs    struct{}
	noReply   struct{}
	pingReply struct {
		Success *string
		success string
	}
	echoArgs struct{ Text string }
	getArgs  struct{ ID int32 }
	goneType struct{ Since int32 }
	getReply struct {
		Success *User
		Denied  *Denied
		Gone    *goneType
	}
	checkArgs  struct{ OK bool }
	checkReply struct{ Denied *Denied }
	waitArgs   struct{ Ms int32 }
	greetArgs  struct{ Name string }
)

func (*goneType) Error() string { return "gone" }

type testHandler interface {
	Ping(ctx context.Context) (string, error)
	Echo(ctx context.Context, text string) (string, error)
	Get(ctx context.Context, id int32) (*User, error)
	Check(ctx context.Context, ok bool) error
	Wait(ctx context.Context, ms int32) error
	Notify(ctx context.Context, text string) error
	Odd(ctx context.Context) error
	Greet(ctx context.Context, name string) (string, error)
}

type testServer struct{ h testHandler }

func (s testServer) Routes() []thriftimpl.Route {
	h := s.h
	return []thriftimpl.Route{
		thriftimpl.NewRoute("ping", func(ctx context.Context, _ *noArgs, r *pingReply) (err error) {
			r.success, err = h.Ping(ctx)
			r.Success = &r.success
			return err
		}),
		thriftimpl.NewRoute("echo", func(ctx context.Context, a *echoArgs, r *pingReply) (err error) {
			r.success, err = h.Echo(ctx, a.Text)
			r.Success = &r.success
			return err
		}),
		thriftimpl.NewRoute("get", func(ctx context.Context, a *getArgs, r *getReply) (err error) {
			r.Success, err = h.Get(ctx, a.ID)
			return err
		}),
		thriftimpl.NewRoute("check", func(ctx context.Context, a *checkArgs, _ *checkReply) error { return h.Check(ctx, a.OK) }),
		thriftimpl.NewRoute("wait", func(ctx context.Context, a *waitArgs, _ *noReply) error { return h.Wait(ctx, a.Ms) }),
		thriftimpl.NewRoute("notify", func(ctx context.Context, a *echoArgs, _ *noReply) error { return h.Notify(ctx, a.Text) }),
		thriftimpl.NewRoute("odd", func(ctx context.Context, _ *noArgs, _ *noReply) error { return h.Odd(ctx) }),
		thriftimpl.NewRoute("greet", func(ctx context.Context, a *greetArgs, r *pingReply) (err error) {
			r.success, err = h.Greet(ctx, a.Name)
			r.Success = &r.success
			return err
		}),
	}
}

type testClient struct {
	echo   *thriftimpl.Stub[echoArgs, pingReply]
	get    *thriftimpl.Stub[getArgs, getReply]
	notify *thriftimpl.Stub[echoArgs, noReply]
}

func newTestClient(t testing.TB, c *rpc.Client, svc *schema.Service) *testClient {
	t.Helper()
	var x testClient
	var errs [3]error
	x.echo, errs[0] = thriftimpl.NewStub[echoArgs, pingReply](c, svc, "echo")
	x.get, errs[1] = thriftimpl.NewStub[getArgs, getReply](c, svc, "get")
	x.notify, errs[2] = thriftimpl.NewStub[echoArgs, noReply](c, svc, "notify")
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	return &x
}

func (c *testClient) Echo(ctx context.Context, text string) (string, error) {
	call := c.echo.New()
	defer call.Free()
	call.Args.Text = text
	if err := call.Do(ctx); err != nil {
		return "", err
	}
	return *call.Reply.Success, nil
}

func (c *testClient) Get(ctx context.Context, id int32) (*User, error) {
	call := c.get.New()
	defer call.Free()
	call.Args.ID = id
	err := call.Do(ctx)
	return call.Reply.Success, err
}

func (c *testClient) Notify(ctx context.Context, text string) error {
	call := c.notify.New()
	defer call.Free()
	call.Args.Text = text
	return call.Do(ctx)
}

// TestTyped calls a bound handler and a Dispatcher with bound funcs and with stubs, in every
// dialect, with and without interceptors: nothing differs.
func TestTyped(t *testing.T) {
	for _, dispatched := range []bool{false, true} {
		for _, intercepted := range []bool{false, true} {
			leaks(t)
			h := newHandler()
			var handler any = h
			if dispatched {
				handler = testServer{h}
			}
			var seen []any // by the interceptors
			var opts rpc.ServerOptions
			var clientOpts rpc.ClientOptions
			if intercepted {
				look := func(next rpc.Handler) rpc.Handler {
					return func(ctx context.Context, call *rpc.Call) error {
						err := next(ctx, call)
						if call.Method.Name == "get" {
							seen = append(seen, call.Arg(0), call.Result())
						}
						return err
					}
				}
				opts.Interceptors, clientOpts.Interceptors = []rpc.Interceptor{look}, []rpc.Interceptor{look}
			}
			l := listen(t)
			_, svc := serve(t, l, handler, opts)
			for _, dialect := range dialects {
				conn := dial(t, l.Addr().String()+dialect, clientOpts)
				bound, stubs := bind(t, conn, svc), newTestClient(t, conn, svc)
				ctx := context.Background()
				for i, echo := range []func(context.Context, string) (string, error){bound.Echo, stubs.Echo} {
					for _, text := range []string{"", "x", strings.Repeat("y", 100_000)} {
						if got, err := echo(ctx, text); got != text || err != nil {
							t.Errorf("%s: echo %d of %d bytes: %.10q, %v", dialect, i, len(text), got, err)
						}
					}
				}
				for i, get := range []func(context.Context, int32) (*User, error){bound.Get, stubs.Get} {
					seen = nil
					if got, err := get(ctx, 7); err != nil || got.Name != "user 7" || *got.Age != 7 {
						t.Errorf("%s: get %d: %+v, %v", dialect, i, got, err)
					}
					if intercepted {
						// One list: the handler's side is done before the client's.
						for j, v := range seen {
							if u, ok := v.(*User); v != int32(7) && (!ok || u.Name != "user 7") {
								t.Errorf("%s: get %d: an interceptor saw %v as number %d", dialect, i, v, j)
							}
						}
						if len(seen) != 4 {
							t.Errorf("%s: get %d: interceptors saw %v", dialect, i, seen)
						}
					}
					var denied *Denied
					if _, err := get(ctx, 1); !errors.As(err, &denied) || denied.Why != "not you" {
						t.Errorf("%s: get %d: a declared exception: %v", dialect, i, err)
					}
					var e *rpc.Error
					if _, err := get(ctx, 0); !errors.As(err, &e) || e.Code != rpc.CodeMissingResult {
						t.Errorf("%s: get %d: no result: %v", dialect, i, err)
					}
					if _, err := get(ctx, 2); !errors.As(err, &e) || e.Code != rpc.CodeInternal {
						t.Errorf("%s: get %d: a panic: %v", dialect, i, err)
					}
				}
				if err := stubs.Notify(ctx, "n"); err != nil || <-h.notified != "n" {
					t.Errorf("%s: oneway: %v", dialect, err)
				}
				if got, err := rpc.Invoke[string](ctx, conn, svc.Method("greet")); got != "hello world" || err != nil {
					t.Errorf("%s: a default: %q, %v", dialect, got, err)
				}
			}
		}
	}
}

// TestDispatcherThrows has a route return exceptions with all kinds of Go types.
func TestDispatcherThrows(t *testing.T) {
	leaks(t)
	l := listen(t)
	routes := testServer{newHandler()}.Routes()
	errs := map[int32]error{}
	get := thriftimpl.NewRoute("get", func(ctx context.Context, a *getArgs, r *getReply) error { return errs[a.ID] })
	for i := range routes {
		routes[i] = map[bool]thriftimpl.Route{true: get, false: routes[i]}[i == 2]
	}
	_, svc := serve(t, l, routesOnly(routes), rpc.ServerOptions{})
	x := dynamic.New(svc.Method("get").Throws[0].Type.Struct)
	x.Set("why", "dynamic")
	errs[1], errs[2], errs[3] = &Denied{"bound"}, &rpc.Exception{Value: x}, errors.New("secret")
	c := newTestClient(t, dial(t, l.Addr().String(), rpc.ClientOptions{}), svc)
	for id, want := range map[int32]string{1: "denied: bound", 2: "denied: dynamic", 3: "Test.get: internal error (from the server)"} {
		if _, err := c.Get(context.Background(), id); err == nil || err.Error() != want {
			t.Errorf("%d: %v; want %s", id, err, want)
		}
	}
}

type routesOnly []thriftimpl.Route

func (r routesOnly) Routes() []thriftimpl.Route { return r }

func TestMustStub(t *testing.T) {
	svc := load(t).Service("Test")
	c := dial(t, "nowhere:1", rpc.ClientOptions{Lazy: true})
	if thriftimpl.MustStub[noArgs, pingReply](c, svc, "ping") == nil {
		t.Error("no stub")
	}
	defer func() {
		if got, want := recover(), `rpc: service Test has no method "nope"`; got != want {
			t.Errorf("%v, want %s", got, want)
		}
	}()
	thriftimpl.MustStub[noArgs, noReply](c, svc, "nope")
}

func TestTypedMismatches(t *testing.T) {
	svc := load(t).Service("Test")
	c := dial(t, "nowhere:1", rpc.ClientOptions{Lazy: true})
	for _, test := range []struct {
		what string
		make func() error
		want string
	}{
		{"no method", func() error { _, err := thriftimpl.NewStub[noArgs, noReply](c, svc, "nope"); return err }, `rpc: service Test has no method "nope"`},
		{"a field of another type", func() error {
			_, err := thriftimpl.NewStub[struct{ Text int32 }, pingReply](c, svc, "echo")
			return err
		}, "the Go type must be string or []byte"},
		{"a field that is missing", func() error { _, err := thriftimpl.NewStub[echoArgs, noReply](c, svc, "echo"); return err }, "the Go struct has no field for it"},
		{"no struct", func() error { _, err := thriftimpl.NewStub[*echoArgs, pingReply](c, svc, "echo"); return err }, "want structs"},
		{"a result that cannot be missing", func() error {
			_, err := thriftimpl.NewStub[echoArgs, struct {
				Success string `thrift:",omitzero"`
			}](c, svc, "echo")
			return err
		}, "it must be a pointer, slice or map, which is nil when it is not set"},
		{"an exception that is no error", func() error {
			_, err := thriftimpl.NewStub[checkArgs, struct{ Denied *struct{ Why string } }](c, svc, "check")
			return err
		}, "it has no Error method"},
		{"a route that is missing", func() error {
			return rpc.NewServer(rpc.ServerOptions{}).Register(svc, routesOnly(testServer{newHandler()}.Routes()[1:]))
		}, "the handler has no route for it"},
		{"a route too many", func() error {
			r := testServer{newHandler()}.Routes()
			return rpc.NewServer(rpc.ServerOptions{}).Register(svc, routesOnly(append(r, r[0])))
		}, `two routes for method "ping"`},
		{"a route for nothing", func() error {
			r := thriftimpl.NewRoute("nope", func(context.Context, *noArgs, *noReply) error { return nil })
			return rpc.NewServer(rpc.ServerOptions{}).Register(svc, routesOnly(append(testServer{newHandler()}.Routes(), r)))
		}, `a route for method "nope", which it does not have`},
	} {
		if err := test.make(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v; want %s", test.what, err, test.want)
		}
	}
}

// TestAllocations bounds what a call allocates, on both sides together.
func TestAllocations(t *testing.T) {
	if raced {
		t.Skip("the race detector makes pools forget")
	}
	h := newHandler()
	ctx := context.Background()
	for _, test := range []struct {
		what    string
		handler any
		most    float64
		call    func(*rpc.Client, *schema.Service) func() error
	}{
		{"typed", testServer{h}, 2, func(c *rpc.Client, svc *schema.Service) func() error {
			stubs := newTestClient(t, c, svc)
			return func() error { _, err := stubs.Echo(ctx, ""); return err }
		}},
		{"bound", h, 8, func(c *rpc.Client, svc *schema.Service) func() error {
			funcs := bind(t, c, svc)
			return func() error { _, err := funcs.Echo(ctx, ""); return err }
		}},
		{"dynamic", rpc.DynamicHandler(func(_ context.Context, _ *schema.Method, args *dynamic.Struct) (any, error) {
			return args.At(0), nil
		}), 12, func(c *rpc.Client, svc *schema.Service) func() error {
			m := svc.Method("echo")
			return func() error {
				args := dynamic.New(m.Args)
				if err := args.Set("text", ""); err != nil {
					return err
				}
				_, err := c.Invoke(ctx, m, args)
				return err
			}
		}},
	} {
		l := listenTCP(t)
		_, svc := serve(t, l, test.handler, rpc.ServerOptions{})
		call := test.call(dial(t, l.Addr().String()+"?transport=framed", rpc.ClientOptions{}), svc)
		got := testing.AllocsPerRun(500, func() {
			if err := call(); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("%s: %v", test.what, got)
		if got > test.most {
			t.Errorf("%s: %v allocations of a call, at most %v are wanted", test.what, got, test.most)
		}
	}
}

// TestExceptionWithoutValue looks at an exception that a handler has forgotten to fill.
func TestExceptionWithoutValue(t *testing.T) {
	err := error(&rpc.Exception{})
	if got, want := err.Error(), "rpc: exception without a value"; got != want {
		t.Errorf("Error: %q, want %q", got, want)
	}
	var denied *Denied
	if errors.As(err, &denied) {
		t.Error("it is taken for a Denied")
	}
	if got := rpc.OutcomeOf(err); got != rpc.OutcomeExecuted {
		t.Errorf("outcome: %v", got)
	}
}
