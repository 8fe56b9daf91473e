package gentest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/gen/gentest/coded/common"
	"github.com/thriftkit/thriftkit/gen/gentest/coded/things"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/thrifttest"
)

// handler is what a program has that binds at run time. It fits the generated interface as it is.
type handler struct{ notified chan string }

var _ things.Things = handler{}

func (handler) Ping(context.Context) (string, error) { return "pong", nil }
func (h handler) Notify(_ context.Context, token string) error {
	h.notified <- token
	return nil
}
func (h handler) Notified(_ context.Context, token string) (int32, error) {
	if got := <-h.notified; got != token {
		return 0, fmt.Errorf("notified of %q", got)
	}
	return 1, nil
}
func (handler) EchoBool(_ context.Context, v bool) (bool, error)                  { return v, nil }
func (handler) EchoI32(_ context.Context, v int32) (int32, error)                 { return v, nil }
func (handler) Echo(_ context.Context, v string) (string, error)                  { return v, nil }
func (handler) EchoBinary(_ context.Context, v []byte) ([]byte, error)            { return v, nil }
func (handler) EchoUUID(_ context.Context, v [16]byte) ([16]byte, error)          { return v, nil }
func (handler) EchoColor(_ context.Context, v things.Color) (things.Color, error) { return v, nil }
func (handler) EchoPoint(_ context.Context, v *common.Point) (*common.Point, error) {
	return v, nil
}
func (handler) EchoInts(_ context.Context, v []int32) ([]int32, error)    { return v, nil }
func (handler) EchoWords(_ context.Context, v []string) ([]string, error) { return v, nil }
func (handler) EchoCounts(_ context.Context, v map[string]int32) (map[string]int32, error) {
	return v, nil
}
func (handler) EchoContainers(_ context.Context, v *things.Containers) (*things.Containers, error) {
	return v, nil
}
func (handler) EchoStrange(_ context.Context, v *things.HoldsStrange) (*things.HoldsStrange, error) {
	return v, nil
}
func (handler) EchoByList(_ context.Context, v *dynamic.Map) (*dynamic.Map, error)  { return v, nil }
func (handler) EchoShape(_ context.Context, v *things.Shape) (*things.Shape, error) { return v, nil }
func (handler) EchoDefaults(_ context.Context, v *things.Defaults) (*things.Defaults, error) {
	return v, nil
}
func (handler) Fail(_ context.Context, kind string) (int32, error) {
	switch kind {
	case "missing":
		return 0, &things.NotFound{Name: "lamp", Code: 4}
	case "unavailable":
		return 0, &common.Unavailable{Message: "closed"}
	case "error":
		return 0, &things.Error{Error_: "odd"}
	case "other":
		return 0, errors.New("secret")
	}
	return 5, nil
}
func (h handler) FailVoid(ctx context.Context, kind string) error {
	_, err := h.Fail(ctx, kind)
	return err
}
func (handler) Join(_ context.Context, ctx_ string, type_ string, result_ string, call_ string) (string, error) {
	return ctx_ + type_ + result_ + call_, nil
}
func (handler) Reset(context.Context) error { return nil }

// boundClient has some of the methods, for binding.
type boundClient struct {
	Ping         func(ctx context.Context) (string, error)
	Notify       func(ctx context.Context, token string) error
	Notified     func(ctx context.Context, token string) (int32, error)
	EchoBool     func(ctx context.Context, v bool) (bool, error)
	Echo         func(ctx context.Context, v string) (string, error)
	EchoBinary   func(ctx context.Context, v []byte) ([]byte, error)
	EchoUUID     func(ctx context.Context, v [16]byte) ([16]byte, error)
	EchoColor    func(ctx context.Context, v things.Color) (things.Color, error)
	EchoPoint    func(ctx context.Context, v *common.Point) (*common.Point, error)
	EchoI32      func(ctx context.Context, v int32) (int32, error)
	EchoWords    func(ctx context.Context, v []string) ([]string, error)
	EchoStrange  func(ctx context.Context, v *things.HoldsStrange) (*things.HoldsStrange, error)
	EchoInts     func(ctx context.Context, v []int32) ([]int32, error)
	EchoCounts   func(ctx context.Context, v map[string]int32) (map[string]int32, error)
	EchoByList   func(ctx context.Context, v *dynamic.Map) (*dynamic.Map, error)
	EchoShape    func(ctx context.Context, v *things.Shape) (*things.Shape, error)
	EchoDefaults func(ctx context.Context, v *things.Defaults) (*things.Defaults, error)
	Fail         func(ctx context.Context, kind string) (int32, error)
	FailVoid     func(ctx context.Context, kind string) error
	Join         func(ctx context.Context, ctx_, type_, result_, call_ string) (string, error)
	Reset        func(ctx context.Context) error
}

func load(t testing.TB) *schema.File {
	t.Helper()
	file, diags := compile.Compile("things.thrift", compile.Options{Source: compile.Texts{"things.thrift": thingsIDL, "common.thrift": commonIDL}})
	if file == nil {
		t.Fatal(diags)
	}
	return file
}

// serve serves a service with h in memory until the test is over.
func serve(t testing.TB, svc *schema.Service, h any) *thrifttest.Server {
	t.Helper()
	s := thrifttest.NewServer(t, svc, h)
	// Another service, of the other kind, on the same server.
	if err := s.Register(load(t).Service("Nothing"), struct{}{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Register(things.MoreService(), things.MoreHandler(struct{}{})); err != nil {
		t.Fatal(err)
	}
	return s
}

// call calls the method called name of client, a struct of funcs or one with methods.
func call(client any, name string, args ...any) (any, error) {
	v := reflect.ValueOf(client)
	f := v.MethodByName(name)
	if !f.IsValid() {
		f = v.Elem().FieldByName(name)
	}
	in := []reflect.Value{reflect.ValueOf(context.Background())}
	for _, a := range args {
		in = append(in, reflect.ValueOf(a))
	}
	out := f.Call(in)
	err, _ := out[len(out)-1].Interface().(error)
	if len(out) == 1 {
		return nil, err
	}
	return out[0].Interface(), err
}

// TestInterop calls bound and generated servers with bound and generated clients in many dialects.
func TestInterop(t *testing.T) {
	desc := load(t).Service("Things")
	label := "l"
	byList := things.STRANGE()
	servers := map[string]*thrifttest.Server{
		"bound":            serve(t, desc, handler{make(chan string, 1)}),
		"generated":        serve(t, things.ThingsService(), things.ThingsHandler(handler{make(chan string, 1)})),
		"generated, bound": serve(t, things.ThingsService(), handler{make(chan string, 1)}),
		"bound, generated": serve(t, desc, things.ThingsHandler(handler{make(chan string, 1)})),
	}
	tests := []struct {
		method string
		args   []any
		want   any
	}{
		{"Ping", nil, "pong"},
		{"Notify", []any{"n"}, nil},
		{"Notified", []any{"n"}, int32(1)},
		{"EchoBool", []any{true}, true},
		{"Echo", []any{""}, ""},
		{"Echo", []any{"text"}, "text"},
		{"EchoBinary", []any{[]byte{0, 1}}, []byte{0, 1}},
		{"EchoBinary", []any{[]byte(nil)}, []byte{}},
		{"EchoUUID", []any{[16]byte{1, 15: 2}}, [16]byte{1, 15: 2}},
		{"EchoColor", []any{things.Color_BLUE}, things.Color_BLUE},
		{"EchoColor", []any{things.Color(77)}, things.Color(77)},
		{"EchoPoint", []any{&common.Point{X: 1, Y: -1}}, &common.Point{X: 1, Y: -1}},
		{"EchoInts", []any{[]int32{1, 2}}, []int32{1, 2}},
		{"EchoInts", []any{[]int32(nil)}, []int32{}},
		{"EchoCounts", []any{map[string]int32{"a": 1}}, map[string]int32{"a": 1}},
		{"EchoCounts", []any{map[string]int32(nil)}, map[string]int32{}},
		{"EchoI32", []any{int32(3)}, int32(3)},
		{"EchoWords", []any{[]string{"a"}}, []string{"a"}},
		{"EchoStrange", []any{&things.HoldsStrange{Number: 3}}, &things.HoldsStrange{Number: 3}},
		{"EchoShape", []any{&things.Shape{Label: &label}}, &things.Shape{Label: &label}},
		{"EchoDefaults", []any{things.NewDefaults()}, things.NewDefaults()},
		{"Join", []any{"a", "b", "c", "d"}, "abcd"},
		{"Reset", nil, nil},
		{"Fail", []any{"none"}, int32(5)},
		{"Fail", []any{"missing"}, &things.NotFound{Name: "lamp", Code: 4}},
		{"FailVoid", []any{"missing"}, &things.NotFound{Name: "lamp", Code: 4}},
		{"FailVoid", []any{"none"}, nil},
		{"Fail", []any{"unavailable"}, &common.Unavailable{Message: "closed"}},
		{"Fail", []any{"error"}, &things.Error{Error_: "odd"}},
		{"Fail", []any{"other"}, "Things.fail: internal error (from the server)"},
	}
	for serverName, server := range servers {
		for _, dialect := range []string{
			"protocol=binary", "protocol=compact", "transport=framed", "transport=framed&protocol=compact",
			"transport=header", "transport=header&protocol=compact", "transport=ttheader", "transport=http", "transport=http&protocol=compact",
			"protocol=json",
		} {
			c := server.Dial(dialect)
			bound := new(boundClient)
			if err := c.Bind(desc, bound, (*things.NotFound)(nil), (*common.Unavailable)(nil), (*things.Error)(nil)); err != nil {
				t.Fatal(err)
			}
			for clientName, client := range map[string]any{"bound": bound, "generated": things.NewThingsClient(c)} {
				for _, test := range tests {
					got, err := call(client, test.method, test.args...)
					where := fmt.Sprintf("%s client, %s server, %s: %s%v", clientName, serverName, dialect, test.method, test.args)
					switch want := test.want.(type) {
					case error:
						if !reflect.DeepEqual(err, want) {
							t.Errorf("%s: %#v, want %#v", where, err, want)
						}
					case string:
						if text := fmt.Sprint(err); err != nil && text == want {
							break
						}
						if got != want || err != nil {
							t.Errorf("%s: %v, %v; want %q", where, got, err, want)
						}
					default:
						if !reflect.DeepEqual(got, want) || err != nil {
							t.Errorf("%s: %#v, %v; want %#v", where, got, err, want)
						}
					}
				}
				got, err := call(client, "EchoByList", byList)
				if m, ok := got.(*dynamic.Map); !ok || err != nil || !dynamic.Equal(dynamic.MapValue(m), dynamic.MapValue(byList)) {
					t.Errorf("%s client, %s server, %s: %v, %v", clientName, serverName, dialect, got, err)
				}
				_, err = call(client, "EchoPoint", (*common.Point)(nil))
				var e *thriftkit.Error
				if !errors.As(err, &e) {
					t.Errorf("%s client, %s server, %s: no result: %v", clientName, serverName, dialect, err)
				}
			}
			c.Close()
		}
	}
}

// TestAllocs counts what an echo of nothing allocates, client and server together.
func TestAllocs(t *testing.T) {
	if raced {
		t.Skip("the race detector allocates")
	}
	// Over sockets: a connection in memory allocates.
	s := thriftkit.NewServer()
	if err := s.Register(things.ThingsService(), things.ThingsHandler(handler{})); err != nil {
		t.Fatal(err)
	}
	l, err := thriftkit.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	defer s.Close()
	for _, dialect := range []string{"", "?transport=framed", "?protocol=compact&transport=framed"} {
		c, err := thriftkit.Dial(context.Background(), l.Addr().String()+dialect)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		client := things.NewThingsClient(c)
		ctx := context.Background()
		for name, echo := range map[string]func() error{
			"string": func() error { _, err := client.Echo(ctx, ""); return err },
			"binary": func() error { _, err := client.EchoBinary(ctx, nil); return err },
			"bool":   func() error { _, err := client.EchoBool(ctx, true); return err },
		} {
			n := testing.AllocsPerRun(500, func() {
				if err := echo(); err != nil {
					t.Fatal(err)
				}
			})
			t.Logf("%q, %s: %v allocations", dialect, name, n)
			if n > 2 {
				t.Errorf("%q, %s: %v allocations, more than 2", dialect, name, n)
			}
		}
	}
}
