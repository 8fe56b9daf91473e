package dubbo_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	dubboclient "dubbo.apache.org/dubbo-go/v3/client"
	"dubbo.apache.org/dubbo-go/v3/common/constant"
	"dubbo.apache.org/dubbo-go/v3/config/generic"
	_ "dubbo.apache.org/dubbo-go/v3/imports"
	"dubbo.apache.org/dubbo-go/v3/protocol"
	dubboserver "dubbo.apache.org/dubbo-go/v3/server"
	hessian "github.com/apache/dubbo-go-hessian2"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/internal/freeport"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/x/dubbo"
)

// The types of shop.thrift as dubbo-go has them.
type (
	Point struct {
		X int32
		Y int32
	}
	Everything struct {
		Flag   bool
		Tiny   int8
		Small  int16
		Number int32
		Big    int64
		Ratio  float64
		Name   string
		Data   []byte
		Point  *Point
		Longs  []int64
		Words  []string
		Places map[string]*Point
		Path   []*Point
		Answer int32
	}
	NotFound struct {
		DetailMessage string
		Key           string
		Code          int32
	}
	Color int32
)

func (Point) JavaClassName() string      { return "com.acme.shop.Point" }
func (Everything) JavaClassName() string { return "com.acme.shop.Everything" }
func (NotFound) JavaClassName() string   { return "com.acme.shop.NotFound" }
func (e NotFound) Error() string         { return "not found: " + e.Key }
func (Color) JavaClassName() string      { return "com.acme.shop.Color" }

const (
	red   Color = 1
	green Color = 2
)

func (c Color) String() string { return map[Color]string{red: "RED", green: "GREEN"}[c] }
func (Color) EnumValue(s string) hessian.JavaEnum {
	return hessian.JavaEnum(map[string]Color{"RED": red, "GREEN": green}[s])
}

var registerShop = sync.OnceFunc(func() {
	for _, x := range []hessian.POJO{&Point{}, &Everything{}, &NotFound{}} {
		hessian.RegisterPOJO(x)
	}
	hessian.RegisterJavaEnum(red)
})

var loadShop = sync.OnceValue(func() *schema.File { return thriftkit.MustLoad("../../x/dubbo/testdata/shop.thrift") })

// shop is our handler of Shop.
type shop struct{ logged chan string }

func (shop) Ping(context.Context) (string, error) { return "pong", nil }

func (shop) Echo(_ context.Context, v map[string]any) (map[string]any, error) {
	switch v["name"] {
	case "missing":
		return nil, &missing{"missing", 7}
	case "undeclared":
		return nil, errors.New("a secret")
	}
	return v, nil
}

type missing struct {
	Key  string
	Code int32
}

func (*missing) Error() string      { return "missing" }
func (*missing) ThriftName() string { return "NotFound" }

func (shop) Add(_ context.Context, a, b int32) (int64, error) { return int64(a) + int64(b), nil }

func (shop) Names(_ context.Context, count int32) ([]string, error) {
	return slices.Repeat([]string{"n"}, int(count)), nil
}

func (shop) Where(_ context.Context, who string) (map[string]Point, error) {
	return map[string]Point{who: {1, 2}}, nil
}

func (shop) Favourite(_ context.Context, c int32) (int32, error) { return c, nil }

func (shop) Unique(_ context.Context, all []int32) ([]int32, error) {
	slices.Sort(all)
	return slices.Compact(all), nil
}

func (shop) Nothing(context.Context) error { return nil }

func (s shop) Log(_ context.Context, line string) error {
	s.logged <- line
	return nil
}

func (shop) Metadata(ctx context.Context, reply map[string]string) (map[string]string, error) {
	for k, v := range reply {
		thriftkit.SetReplyMetadata(ctx, k, v)
	}
	return thriftkit.Metadata(ctx), nil
}

func (shop) Wait(ctx context.Context, ms int32) (int32, error) {
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		return ms, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (shop) Business(_ context.Context, code int32) (string, error) {
	return "", &rpc.BusinessError{Code: code, Message: "没有钱"}
}

// serveOurs serves Shop and returns the address.
func serveOurs(t *testing.T) (string, shop) {
	t.Helper()
	h := shop{make(chan string, 10)}
	s := thriftkit.NewServer(thriftkit.WithDialects(dubbo.Dialect()), thriftkit.WithErrorLog(func(err error) { t.Log(err) }))
	if err := s.Register(loadShop().Service("Shop"), h); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String(), h
}

const shopInterface = "com.acme.shop.Shop"

var dialect = dubbo.Dialect()

// goShopProxy has methods as funcs, whose calls take attachments along.
type goShopProxy struct {
	Metadata func(ctx context.Context, reply map[any]any) (map[any]any, error) `dubbo:"metadata"`
	Wait     func(ctx context.Context, ms int32) (int32, error)                `dubbo:"wait"`
}

func newGoClient(t *testing.T, addr string) *dubboclient.Client {
	t.Helper()
	cli, err := dubboclient.NewClient(dubboclient.WithClientURL("dubbo://"+addr), dubboclient.WithClientProtocolDubbo(), dubboclient.WithClientRetries(0))
	if err != nil {
		t.Fatal(err)
	}
	return cli
}

func dialGo(t *testing.T, addr string, opts ...dubboclient.ReferenceOption) *dubboclient.Connection {
	t.Helper()
	conn, err := newGoClient(t, addr).Dial(shopInterface, append(opts, dubboclient.WithSerialization(constant.Hessian2Serialization))...)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func goEverything() *Everything {
	return &Everything{Flag: true, Tiny: -8, Small: -300, Number: 1 << 30, Big: -1 << 60, Ratio: 0.1, Name: "名字😀" + strings.Repeat("x", 70_000), Data: make([]byte, 70_000),
		Point: &Point{1, -2}, Longs: []int64{1, 1 << 40}, Words: []string{"a", ""}, Places: map[string]*Point{"here": {3, 4}}, Path: []*Point{{5, 6}}, Answer: 7}
}

// TestGoClient calls our server by dubbo-go's client.
func TestGoClient(t *testing.T) {
	registerShop()
	addr, h := serveOurs(t)
	conn := dialGo(t, addr)
	ctx := t.Context()
	call := func(method string, resp any, args ...any) error { return conn.CallUnary(ctx, args, resp, method) }

	var text string
	if err := call("ping", &text); err != nil || text != "pong" {
		t.Fatalf("ping: %q, %v", text, err)
	}
	var sum int64
	if err := call("add", &sum, int32(2), int32(3)); err != nil || sum != 5 {
		t.Errorf("add: %d, %v", sum, err)
	}
	got := new(Everything)
	if err := call("echo", got, goEverything()); err != nil || !reflect.DeepEqual(got, goEverything()) {
		t.Errorf("echo: %+v, %v", got, err)
	}
	names := []any{} // dubbo-go takes no other elements at the top, from servers in Java as well
	if err := call("names", &names, int32(3)); err != nil || len(names) != 3 {
		t.Errorf("names: %v, %v", names, err)
	}
	where := map[any]any{}
	if err := call("where", &where, "me"); err != nil || !reflect.DeepEqual(where["me"], &Point{1, 2}) {
		t.Errorf("where: %v, %v", where, err)
	}
	var color Color
	if err := call("favourite", &color, green); err != nil || color != green {
		t.Errorf("favourite: %v, %v", color, err)
	}
	unique := []any{}
	if err := call("unique", &unique, []int32{1, 2, 1}); err != nil || len(unique) != 2 {
		t.Errorf("unique: %v, %v", unique, err)
	}
	if err := call("nothing", &text); err != nil {
		t.Errorf("nothing: %v", err)
	}
	if err := call("log", &text, "a line"); err != nil || <-h.logged != "a line" {
		t.Errorf("log: %v", err)
	}

	var notFound *NotFound
	err := call("echo", got, &Everything{Name: "missing"})
	if !errors.As(err, &notFound) || notFound.Key != "missing" || notFound.Code != 7 {
		t.Errorf("a declared exception: %T %v", err, err)
	}
	if err := call("echo", got, &Everything{Name: "undeclared"}); err == nil || err.Error() != "internal error" {
		t.Errorf("an undeclared error: %T %v", err, err)
	}
	if err := call("business", &text, int32(42)); err == nil || !strings.Contains(err.Error(), "business error 42: 没有钱") {
		t.Errorf("a business error: %T %v", err, err)
	}
	if err := call("nope", &text); err == nil || !strings.Contains(err.Error(), `unknown method "nope"`) {
		t.Errorf("an unknown method: %v", err)
	}
	if err := call("add", &sum, "x", int32(3)); err == nil || !strings.Contains(err.Error(), "want an integer, got a string") {
		t.Errorf("another type: %v", err)
	}

	proxy := new(goShopProxy)
	with := context.WithValue(ctx, constant.AttachmentKey, map[string]any{"trace": "1"})
	if _, err := newGoClient(t, addr).DialWithService(shopInterface, proxy, dubboclient.WithSerialization(constant.Hessian2Serialization)); err != nil {
		t.Fatal(err)
	}
	if md, err := proxy.Metadata(with, map[any]any{}); err != nil || md["trace"] != "1" {
		t.Errorf("attachments: %v, %v", md, err)
	}

	brief := context.WithValue(ctx, constant.AttachmentKey, map[string]any{constant.TimeoutKey: "100ms"})
	if _, err := proxy.Wait(brief, 5000); err == nil || !strings.Contains(err.Error(), "timeout") && !strings.Contains(err.Error(), "not done in 100ms") {
		t.Errorf("a timeout: %v", err)
	}

	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			var sum int64
			if err := call("add", &sum, int32(i), int32(1)); err != nil || sum != int64(i)+1 {
				t.Errorf("%d: %d, %v", i, sum, err)
			}
		})
	}
	wg.Wait()
}

// TestGoGeneric calls our server by dubbo-go without types.
func TestGoGeneric(t *testing.T) {
	registerShop()
	addr, _ := serveOurs(t)
	cli := newGoClient(t, addr)
	svc := generic.NewGenericService(shopInterface)
	if _, err := cli.DialWithService(shopInterface, svc, dubboclient.WithGeneric(), dubboclient.WithSerialization(constant.Hessian2Serialization)); err != nil {
		t.Fatal(err)
	}
	got, err := svc.Invoke(t.Context(), "add", []string{"int", "int"}, []hessian.Object{int32(2), int32(3)})
	if err != nil || got != int64(5) {
		t.Errorf("add: %v, %v", got, err)
	}
	point := map[string]hessian.Object{"class": "com.acme.shop.Point", "x": int32(1), "y": int32(2)}
	got, err = svc.Invoke(t.Context(), "echo", []string{"com.acme.shop.Everything"}, []hessian.Object{map[string]hessian.Object{"name": "é", "point": point, "color": "GREEN"}})
	text := fmt.Sprint(got)
	for _, want := range []string{"name:é", "class:com.acme.shop.Everything", "color:GREEN", "class:com.acme.shop.Point"} {
		if !strings.Contains(text, want) {
			t.Errorf("echo: %v, %v: want %s", got, err, want)
		}
	}
	if _, err = svc.Invoke(t.Context(), "echo", []string{"com.acme.shop.Everything"}, []hessian.Object{map[string]hessian.Object{"name": "missing"}}); err == nil || !strings.Contains(err.Error(), "com.acme.shop.NotFound") {
		t.Errorf("an exception: %v", err)
	}
}

// GoShop is dubbo-go's handler of Shop.
type GoShop struct{}

func (*GoShop) Ping(context.Context) (string, error) { return "pong", nil }

func (*GoShop) Add(_ context.Context, a, b int32) (int64, error) { return int64(a) + int64(b), nil }

func (*GoShop) Echo(_ context.Context, v *Everything) (*Everything, error) {
	if v.Name == "missing" {
		return nil, fmt.Errorf("it is missing")
	}
	return v, nil
}

func (*GoShop) Names(_ context.Context, count int32) ([]string, error) {
	return slices.Repeat([]string{"n"}, int(count)), nil
}

func (*GoShop) Where(_ context.Context, who string) (map[string]*Point, error) {
	return map[string]*Point{who: {1, 2}}, nil
}

func (*GoShop) Metadata(ctx context.Context, _ map[any]any) (map[string]string, error) {
	md := map[string]string{}
	if all, ok := ctx.Value(constant.AttachmentKey).(map[string]any); ok {
		for k, v := range all {
			md[k] = fmt.Sprint(v)
		}
	}
	return md, nil
}

func (*GoShop) Wait(_ context.Context, ms int32) (int32, error) {
	time.Sleep(time.Duration(ms) * time.Millisecond)
	return ms, nil
}

func (*GoShop) MethodMapper() map[string]string {
	m := map[string]string{}
	t := reflect.TypeFor[*GoShop]()
	for i := range t.NumMethod() {
		m[t.Method(i).Name] = strings.ToLower(t.Method(i).Name)
	}
	return m
}

// goServer is the one server of dubbo-go in this process: a second one does not always begin to listen.
var goServer struct {
	once sync.Once
	port int
	err  error
}

// serveGo returns the address of dubbo-go's server, which may still be starting.
func serveGo(t *testing.T) string {
	t.Helper()
	goServer.once.Do(func() {
		registerShop()
		goServer.port = freeport.TCP(t)
		srv, err := dubboserver.NewServer(dubboserver.WithServerProtocol(protocol.WithPort(goServer.port), protocol.WithDubbo()), dubboserver.WithServerSerialization(constant.Hessian2Serialization))
		if err == nil {
			err = srv.RegisterService(&GoShop{}, dubboserver.WithInterface(shopInterface), dubboserver.WithNotRegister())
		}
		if goServer.err = err; err == nil {
			go srv.Serve()
		}
	})
	if goServer.err != nil {
		t.Fatal(goServer.err)
	}
	return "127.0.0.1:" + strconv.Itoa(goServer.port)
}

// A caller has the methods that dubbo-go's server has.
type caller struct {
	Ping      func(context.Context) (string, error)
	Echo      func(context.Context, map[string]any) (map[string]any, error)
	Add       func(ctx context.Context, a, b int32) (int64, error)
	Names     func(context.Context, int32) ([]string, error)
	Where     func(context.Context, string) (map[string]Point, error)
	Favourite func(context.Context, int32) (int32, error)
	Metadata  func(context.Context, map[string]string) (map[string]string, error)
	Wait      func(context.Context, int32) (int32, error)
}

// dialOurs calls a server, which may still be starting, by our client.
func dialOurs(t *testing.T, target string) (c caller) {
	t.Helper()
	for i := 0; ; i++ {
		conn, err := thriftkit.Dial(t.Context(), target, thriftkit.WithDialects(dubbo.Dialect()))
		if err == nil {
			t.Cleanup(func() { conn.Close() })
			if err := conn.Bind(loadShop().Service("Shop"), &c); err != nil {
				t.Fatal(err)
			}
			return c
		}
		if i == 1200 { // two minutes: a busy machine starts slowly
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// checkServer makes the calls that every server of Dubbo answers alike. (That of dubbo-go takes no enum as an argument.)
func checkServer(t *testing.T, c caller) {
	ctx := t.Context()
	if got, err := c.Ping(ctx); got != "pong" || err != nil {
		t.Fatalf("ping: %q, %v", got, err)
	}
	if got, err := c.Add(ctx, 2, 3); got != 5 || err != nil {
		t.Errorf("add: %d, %v", got, err)
	}
	want := map[string]any{
		"flag": true, "tiny": int8(-8), "small": int16(-300), "number": int32(1 << 30), "big": int64(-1 << 60), "ratio": 0.1, "name": "名字😀" + strings.Repeat("x", 70_000),
		"data": make([]byte, 70_000), "point": map[string]any{"x": int32(1), "y": int32(-2)}, "longs": []any{int64(1), int64(1 << 40)}, "answer": int32(7),
		"places": map[any]any{"here": map[string]any{"x": int32(3), "y": int32(4)}}, "path": []any{map[string]any{"x": int32(5), "y": int32(6)}},
	}
	got, err := c.Echo(ctx, want)
	if err != nil {
		t.Errorf("echo: %v", err)
	}
	for k, v := range want {
		if fmt.Sprint(got[k]) != fmt.Sprint(v) {
			t.Errorf("echo: %s is %.200v, want %.200v", k, got[k], v)
		}
	}
	if got, err := c.Names(ctx, 3); len(got) != 3 || err != nil {
		t.Errorf("names: %v, %v", got, err)
	}
	if got, err := c.Where(ctx, "é"); got["é"] != (Point{1, 2}) || err != nil {
		t.Errorf("where: %v, %v", got, err)
	}
	if got, err := c.Metadata(thriftkit.AddMetadata(ctx, map[string]string{"trace": "1"}), map[string]string{}); got["trace"] != "1" || err != nil {
		t.Errorf("metadata: %v, %v", got, err)
	}
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if _, err := c.Wait(short, 1000); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a timeout: %v", err)
	}
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if n, err := c.Add(ctx, int32(i), 1); n != int64(i)+1 || err != nil {
				t.Errorf("%d: %d, %v", i, n, err)
			}
		})
	}
	wg.Wait()
}

// TestGoServer calls dubbo-go's server by our client.
func TestGoServer(t *testing.T) {
	c := dialOurs(t, "dubbo://"+serveGo(t))
	checkServer(t, c)
	var e *rpc.Error
	if _, err := c.Echo(t.Context(), map[string]any{"name": "missing"}); !errors.As(err, &e) || !strings.Contains(e.Message, "it is missing") || !e.Remote {
		t.Errorf("an error: %v", err)
	}
}
