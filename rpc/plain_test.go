package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

const plainIDL = `
service Plain {
  void nothing(),
  string text(1: string v),
  binary bytes(1: binary v),
  i32 int(1: i32 v),
  i64 long(1: i64 v),
  bool flag(1: bool v),
  i64 length(1: string v),
  string join(1: string a, 2: string b),
  void take(1: i64 v),
  string constant(),
}`

// plainHandler has methods that are called without reflection.
type plainHandler struct{ taken chan int64 }

func (plainHandler) Nothing(context.Context) error { return nil }
func (plainHandler) Text(_ context.Context, v string) (string, error) {
	switch v {
	case "bad":
		return "", &rpc.Error{Code: rpc.CodeProtocol, Message: "as asked"}
	case "panic":
		panic("as asked")
	}
	return v, nil
}
func (plainHandler) Bytes(_ context.Context, v []byte) ([]byte, error)   { return v, nil }
func (plainHandler) Int(_ context.Context, v int32) (int32, error)       { return v, nil }
func (plainHandler) Long(_ context.Context, v int64) (int64, error)      { return v, nil }
func (plainHandler) Flag(_ context.Context, v bool) (bool, error)        { return v, nil }
func (plainHandler) Length(_ context.Context, v string) (int64, error)   { return int64(len(v)), nil }
func (plainHandler) Join(_ context.Context, a, b string) (string, error) { return a + "-" + b, nil }
func (h plainHandler) Take(_ context.Context, v int64) error             { h.taken <- v; return nil }
func (plainHandler) Constant(context.Context) (string, error)            { return "pong", nil }

type (
	text  string
	whole int64
)

// renamedHandler is the same with types of its own.
type renamedHandler struct{ plainHandler }

func (h renamedHandler) Text(ctx context.Context, v text) (text, error) {
	got, err := h.plainHandler.Text(ctx, string(v))
	return text(got), err
}
func (h renamedHandler) Join(ctx context.Context, a text, b string) (text, error) {
	return a + "-" + text(b), nil
}
func (h renamedHandler) Long(_ context.Context, v whole) (whole, error) { return v, nil }
func (h renamedHandler) Take(ctx context.Context, v whole) error {
	return h.plainHandler.Take(ctx, int64(v))
}
func (h renamedHandler) Constant(context.Context) (text, error) { return "pong", nil }

// The funcs of plainClient and renamedClient are the same, but for the names of their types.
type plainClient struct {
	Nothing  func(context.Context) error
	Text     func(context.Context, string) (string, error)
	Bytes    func(context.Context, []byte) ([]byte, error)
	Int      func(context.Context, int32) (int32, error)
	Long     func(context.Context, int64) (int64, error)
	Flag     func(context.Context, bool) (bool, error)
	Length   func(context.Context, string) (int64, error)
	Join     func(ctx context.Context, a, b string) (string, error)
	Take     func(context.Context, int64) error
	Constant func(context.Context) (string, error)
}

type (
	nothingFunc  func(context.Context) error
	textFunc     func(context.Context, string) (string, error)
	bytesFunc    func(context.Context, []byte) ([]byte, error)
	intFunc      func(context.Context, int32) (int32, error)
	longFunc     func(context.Context, int64) (int64, error)
	flagFunc     func(context.Context, bool) (bool, error)
	lengthFunc   func(context.Context, string) (int64, error)
	joinFunc     func(ctx context.Context, a, b string) (string, error)
	takeFunc     func(context.Context, int64) error
	constantFunc func(context.Context) (string, error)
)

type renamedClient struct {
	Nothing  nothingFunc
	Text     textFunc
	Bytes    bytesFunc
	Int      intFunc
	Long     longFunc
	Flag     flagFunc
	Length   lengthFunc
	Join     joinFunc
	Take     takeFunc
	Constant constantFunc
}

// TestPlain makes the same calls with and without reflection on either side: nobody notices the difference.
func TestPlain(t *testing.T) {
	for _, plain := range [][2]bool{{true, true}, {true, false}, {false, true}, {false, false}} {
		t.Run(fmt.Sprintf("server %v, client %v", plain[0], plain[1]), func(t *testing.T) { testPlain(t, plain[0], plain[1]) })
	}
}

func testPlain(t *testing.T, server, client bool) {
	file, diags := compile.Compile("plain.thrift", compile.Options{Source: compile.Texts(map[string]string{"plain.thrift": plainIDL})})
	if file == nil {
		t.Fatal(diags.Errors())
	}
	svc := file.Service("Plain")
	for _, handler := range []any{plainHandler{make(chan int64, 1)}, renamedHandler{plainHandler{make(chan int64, 1)}}} {
		for _, bound := range []any{new(plainClient), new(renamedClient)} {
			for _, intercepted := range []bool{false, true} {
				t.Run(fmt.Sprintf("%T, %T, intercepted %v", handler, bound, intercepted), func(t *testing.T) {
					leaks(t)
					var opts rpc.ClientOptions
					var serverOpts rpc.ServerOptions
					var seen []any
					if intercepted {
						note := func(next rpc.Handler) rpc.Handler {
							return func(ctx context.Context, call *rpc.Call) error {
								err := next(ctx, call)
								seen = append(seen, fmt.Sprint(call.Result()))
								return err
							}
						}
						opts.Interceptors = []rpc.Interceptor{note}
						serverOpts.Interceptors = []rpc.Interceptor{func(next rpc.Handler) rpc.Handler { return next }}
					}
					s := rpc.NewServer(serverOpts)
					if err := rpc.BindPlain(server, func() error { return s.Register(svc, handler) }); err != nil {
						t.Fatal(err)
					}
					l := listen(t)
					go s.Serve(l)
					t.Cleanup(func() { s.Close() })
					c := dial(t, l.Addr().String(), opts)
					if err := rpc.BindPlain(client, func() error { return c.Bind(svc, bound) }); err != nil {
						t.Fatal(err)
					}
					funcs := reflect.ValueOf(bound).Elem()
					ctx := reflect.ValueOf(context.Background())
					for range 3 { // what a call leaves behind is not seen by the next
						for _, tt := range []struct {
							name string
							args []any
							want any
							code rpc.Code
						}{
							{"Nothing", nil, nil, 0},
							{"Text", []any{"红楼梦"}, "红楼梦", 0},
							{"Text", []any{""}, "", 0},
							{"Text", []any{"bad"}, "", rpc.CodeProtocol},
							{"Text", []any{"panic"}, "", rpc.CodeInternal},
							{"Bytes", []any{[]byte{0, 255}}, []byte{0, 255}, 0},
							{"Int", []any{int32(-1 << 31)}, int32(-1 << 31), 0},
							{"Long", []any{int64(1<<63 - 1)}, int64(1<<63 - 1), 0},
							{"Flag", []any{true}, true, 0},
							{"Flag", []any{false}, false, 0},
							{"Length", []any{"abc"}, int64(3), 0},
							{"Join", []any{"a", "b"}, "a-b", 0},
							{"Take", []any{int64(7)}, nil, 0},
							{"Constant", nil, "pong", 0},
						} {
							in := []reflect.Value{ctx}
							for _, a := range tt.args {
								in = append(in, reflect.ValueOf(a))
							}
							out := funcs.FieldByName(tt.name).Call(in)
							err, _ := out[len(out)-1].Interface().(error)
							var e *rpc.Error
							if (err != nil) != (tt.code != 0) || err != nil && (!errors.As(err, &e) || e.Code != tt.code) {
								t.Errorf("%s%v: %v", tt.name, tt.args, err)
							}
							if tt.want != nil && !reflect.DeepEqual(out[0].Interface(), tt.want) {
								t.Errorf("%s%v: %v, want %v", tt.name, tt.args, out[0], tt.want)
							}
							if tt.name == "Take" {
								taken := handler
								if r, ok := handler.(renamedHandler); ok {
									taken = r.plainHandler
								}
								if got := <-taken.(plainHandler).taken; got != 7 {
									t.Errorf("Take took %d", got)
								}
							}
						}
					}
					if intercepted && (len(seen) != 3*14 || seen[1] != "红楼梦" || seen[13] != "pong") {
						t.Errorf("the interceptor saw %v", seen)
					}
				})
			}
		}
	}
}

const pairIDL = `
struct Pair { 1: string left, 2: i64 right }
exception RefusedPair { 1: string why }
service Pairs {
  Pair swap(1: Pair p) throws (1: RefusedPair r),
  void take(1: Pair p),
  Pair make(1: i64 n),
  i64 sum(1: Pair p),
  Pair none(),
}
service Names { string name(1: string s) }`

func compilePairs(t *testing.T) *schema.File {
	t.Helper()
	file, diags := compile.Compile("pairs.thrift", compile.Options{Source: compile.Texts(map[string]string{"pairs.thrift": pairIDL})})
	if file == nil {
		t.Fatal(diags.Errors())
	}
	return file
}

type pair struct {
	Left  string
	Right int64
}

type refusedPair struct{ Why string }

func (r *refusedPair) Error() string { return r.Why }

type pairHandler struct{}

func (pairHandler) Swap(_ context.Context, p *pair) (*pair, error) {
	if p.Left == "bad" {
		return nil, &refusedPair{"as asked"}
	}
	return &pair{strconv.FormatInt(p.Right, 10), int64(len(p.Left))}, nil
}
func (pairHandler) Take(context.Context, *pair) error              { return nil }
func (pairHandler) Make(_ context.Context, n int64) (*pair, error) { return &pair{"made", n}, nil }
func (pairHandler) Sum(_ context.Context, p *pair) (int64, error) {
	return p.Right + int64(len(p.Left)), nil
}
func (pairHandler) None(context.Context) (*pair, error) { return nil, nil }

// TestPlainPointers is TestPlain for structs, while memory that nothing seems to point to is freed.
func TestPlainPointers(t *testing.T) {
	svc := compilePairs(t).Service("Pairs")
	for _, plain := range [][2]bool{{true, true}, {true, false}, {false, true}, {false, false}} {
		t.Run(fmt.Sprintf("server %v, client %v", plain[0], plain[1]), func(t *testing.T) {
			s := rpc.NewServer(rpc.ServerOptions{})
			if err := rpc.BindPlain(plain[0], func() error { return s.Register(svc, pairHandler{}) }); err != nil {
				t.Fatal(err)
			}
			l := listen(t)
			go s.Serve(l)
			t.Cleanup(func() { s.Close() })
			var funcs struct {
				Swap func(context.Context, *pair) (*pair, error)
				Take func(context.Context, *pair) error
				Make func(context.Context, int64) (*pair, error)
				Sum  func(context.Context, *pair) (int64, error)
				None func(context.Context) (*pair, error)
			}
			c := dial(t, l.Addr().String(), rpc.ClientOptions{})
			if err := rpc.BindPlain(plain[1], func() error { return c.Bind(svc, &funcs, new(refusedPair)) }); err != nil {
				t.Fatal(err)
			}
			ctx := t.Context()
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					for n := range int64(20) {
						runtime.GC()
						if p, err := funcs.Swap(ctx, &pair{"left", n}); err != nil || *p != (pair{strconv.FormatInt(n, 10), 4}) {
							t.Errorf("swap: %v, %v", p, err)
						}
						var refused *refusedPair
						if p, err := funcs.Swap(ctx, &pair{"bad", n}); p != nil || !errors.As(err, &refused) || refused.Why != "as asked" {
							t.Errorf("swap bad: %v, %v", p, err)
						}
						if err := funcs.Take(ctx, &pair{}); err != nil {
							t.Error("take:", err)
						}
						if p, err := funcs.Make(ctx, n); err != nil || *p != (pair{"made", n}) {
							t.Errorf("make: %v, %v", p, err)
						}
						if got, err := funcs.Sum(ctx, &pair{"abc", n}); err != nil || got != n+3 {
							t.Errorf("sum: %d, %v", got, err)
						}
						if p, err := funcs.None(ctx); p != nil || err == nil {
							t.Errorf("none: %v, %v", p, err)
						}
					}
				})
			}
			all.Wait()
			if err := funcs.Take(ctx, nil); err != nil { // an argument that is left out
				t.Error("take:", err)
			}
		})
	}
}

// Handlers of every kind of Go type.
type (
	nameValue    struct{ name string }
	namePointer  struct{ name string }
	nameString   string
	nameFunc     func() string
	nameMap      map[string]string
	nameEmbedded struct {
		_ [10]int64
		nameValue
	}
	nameFurther struct {
		n int
		*namePointer
	}
	namer interface {
		Name(context.Context, string) (string, error)
	}
	nameInterface struct{ namer }
)

func (h nameValue) Name(_ context.Context, s string) (string, error)    { return h.name + s, nil }
func (h *namePointer) Name(_ context.Context, s string) (string, error) { return h.name + s, nil }
func (h nameString) Name(_ context.Context, s string) (string, error)   { return string(h) + s, nil }
func (h nameFunc) Name(_ context.Context, s string) (string, error)     { return h() + s, nil }
func (h nameMap) Name(_ context.Context, s string) (string, error)      { return h["name"] + s, nil }

// TestPlainReceivers registers handlers of every kind: their methods have them as receivers.
func TestPlainReceivers(t *testing.T) {
	svc := compilePairs(t).Service("Names")
	later := &namePointer{"not yet "}
	for _, handler := range []any{
		nameValue{"me "}, &nameValue{"me "}, &namePointer{"me "}, later, nameString("me "), nameFunc(func() string { return "me " }),
		nameMap{"name": "me "}, nameEmbedded{nameValue: nameValue{"me "}}, &nameEmbedded{nameValue: nameValue{"me "}},
		nameFurther{1, &namePointer{"me "}}, &nameFurther{1, &namePointer{"me "}}, nameInterface{nameValue{"me "}}, nameInterface{&namePointer{"me "}},
	} {
		s := rpc.NewServer(rpc.ServerOptions{})
		if err := s.Register(svc, handler); err != nil {
			t.Fatal(err)
		}
		later.name = "me "
		var c struct {
			Name func(context.Context, string) (string, error)
		}
		l := listen(t)
		go s.Serve(l)
		t.Cleanup(func() { s.Close() })
		if err := dial(t, l.Addr().String(), rpc.ClientOptions{}).Bind(svc, &c); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if got, err := c.Name(t.Context(), "too"); err != nil || got != "me too" {
				t.Errorf("%T: %q, %v", handler, got, err)
			}
		}
	}
}
