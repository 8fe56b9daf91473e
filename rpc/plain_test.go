package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/rpc"
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

// reflectedHandler is the same with types of its own, so that reflection calls it.
type reflectedHandler struct{ plainHandler }

func (h reflectedHandler) Text(ctx context.Context, v text) (text, error) {
	got, err := h.plainHandler.Text(ctx, string(v))
	return text(got), err
}
func (h reflectedHandler) Join(ctx context.Context, a text, b string) (text, error) {
	return a + "-" + text(b), nil
}
func (h reflectedHandler) Long(_ context.Context, v whole) (whole, error) { return v, nil }
func (h reflectedHandler) Take(ctx context.Context, v whole) error {
	return h.plainHandler.Take(ctx, int64(v))
}
func (h reflectedHandler) Constant(context.Context) (text, error) { return "pong", nil }

// plainClient's funcs call without reflection, those of reflectedClient with it: their types have names.
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

type reflectedClient struct {
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
	file, diags := compile.Compile("plain.thrift", compile.Options{Source: compile.Texts(map[string]string{"plain.thrift": plainIDL})})
	if file == nil {
		t.Fatal(diags.Errors())
	}
	svc := file.Service("Plain")
	for _, handler := range []any{plainHandler{make(chan int64, 1)}, reflectedHandler{plainHandler{make(chan int64, 1)}}} {
		for _, bound := range []any{new(plainClient), new(reflectedClient)} {
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
					if err := s.Register(svc, handler); err != nil {
						t.Fatal(err)
					}
					l := listen(t)
					go s.Serve(l)
					t.Cleanup(func() { s.Close() })
					if err := dial(t, l.Addr().String(), opts).Bind(svc, bound); err != nil {
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
								if r, ok := handler.(reflectedHandler); ok {
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
