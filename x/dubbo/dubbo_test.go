package dubbo_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire/hessian2"
	"github.com/thriftkit/thriftkit/x/dubbo"
)

type (
	Color      int32
	Point      struct{ X, Y int32 }
	Everything struct {
		Flag   bool
		Tiny   int8
		Small  int16
		Number int32
		Big    int64
		Ratio  float64
		Name   string
		Data   []byte
		ID     [16]byte
		Color  Color
		Point  *Point
		Longs  []int64
		Words  []string
		Places map[string]*Point
		Path   []Point
		Answer *int32
		Lists  map[int32][]string
		Note   *string
	}
	NotFound struct {
		Key  string
		Code int32
	}
	Plain struct{ Why string }
)

func (e *NotFound) Error() string { return "not found: " + e.Key }
func (e *Plain) Error() string    { return "plain: " + e.Why }

// shop is the handler of Shop.
type shop struct{ logged chan string }

func (shop) Ping(context.Context) (string, error) { return "pong", nil }

func (shop) Echo(_ context.Context, v *Everything) (*Everything, error) {
	switch {
	case v == nil:
		return nil, errors.New("nothing to echo")
	case v.Name == "missing":
		return nil, &NotFound{"missing", 7}
	case v.Name == "plain":
		return nil, &Plain{"100% é"}
	case v.Name == "panic":
		panic("on purpose")
	case v.Name == "undeclared":
		return nil, errors.New("a secret")
	}
	if code, ok := codes[v.Name]; ok {
		return nil, rpc.Errorf(code, "no %s", v.Name)
	}
	return v, nil
}

// codes are those of the errors of Echo, by names.
var codes = map[string]rpc.Code{
	"internal": rpc.CodeInternal, "denied": rpc.CodePermissionDenied, "unauthenticated": rpc.CodeUnauthenticated, "unknown": rpc.CodeUnknown,
	"overloaded": rpc.CodeOverloaded, "transform": rpc.CodeInvalidTransform, "own": 4711,
}

func (shop) Add(_ context.Context, a, b int32) (int64, error) { return int64(a) + int64(b), nil }

func (shop) Names(_ context.Context, count int32) (names []string, err error) {
	names = []string{}
	for i := range count {
		names = append(names, fmt.Sprint("n", i))
	}
	return names, nil
}

func (shop) Where(_ context.Context, who string) (map[string]Point, error) {
	return map[string]Point{who: {1, 2}}, nil
}

func (shop) Favourite(_ context.Context, c Color) (Color, error) { return c, nil }

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
	md := maps.Clone(thriftkit.Metadata(ctx))
	if md == nil {
		md = map[string]string{}
	}
	if d, ok := ctx.Deadline(); ok && time.Until(d) < time.Hour {
		md["has-deadline"] = "yes"
	}
	return md, nil
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
	return "", &rpc.BusinessError{Code: code, Message: "没有钱", Extra: map[string]string{"account": "7"}}
}

var loadShop = sync.OnceValue(func() *schema.File { return thriftkit.MustLoad("testdata/shop.thrift") })

// serve serves Shop and returns the address.
func serve(t testing.TB, opts ...thriftkit.ServerOption) (addr string, h shop, s *thriftkit.Server) {
	t.Helper()
	h = shop{make(chan string, 10)}
	if len(opts) == 0 {
		opts = append(opts, thriftkit.WithDialects(dubbo.Dialect()))
	}
	s = thriftkit.NewServer(append(opts, thriftkit.WithErrorLog(func(error) {}))...)
	if err := s.Register(loadShop().Service("Shop"), h); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String(), h, s
}

// A client has the methods of Shop as funcs.
type client struct {
	Ping      func(context.Context) (string, error)
	Echo      func(context.Context, *Everything) (*Everything, error)
	Add       func(ctx context.Context, a, b int32) (int64, error)
	Names     func(context.Context, int32) ([]string, error)
	Where     func(context.Context, string) (map[string]Point, error)
	Favourite func(context.Context, Color) (Color, error)
	Unique    func(context.Context, []int32) (map[int32]struct{}, error)
	Nothing   func(context.Context) error
	Log       func(context.Context, string) error
	Metadata  func(context.Context, map[string]string) (map[string]string, error)
	Wait      func(context.Context, int32) (int32, error)
	Business  func(context.Context, int32) (string, error)
}

func dial(t testing.TB, target string, opts ...thriftkit.ClientOption) *thriftkit.Client {
	t.Helper()
	c, err := thriftkit.Dial(t.Context(), target, append(opts, thriftkit.WithDialects(dubbo.Dialect()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func bind(t testing.TB, c *thriftkit.Client) (x client) {
	t.Helper()
	if err := c.Bind(loadShop().Service("Shop"), &x, &NotFound{}, &Plain{}); err != nil {
		t.Fatal(err)
	}
	return x
}

func ptr[T any](v T) *T { return &v }

func everything() *Everything {
	return &Everything{
		Flag: true, Tiny: -8, Small: -300, Number: 1 << 30, Big: -1 << 60, Ratio: 0.1, Name: "名字😀" + strings.Repeat("x", 70_000), Data: bytes.Repeat([]byte{0, 255}, 40_000),
		ID: [16]byte{1, 2, 255}, Color: 2, Point: &Point{1, -2}, Longs: []int64{0, 1, -1, 1 << 40}, Words: []string{"a", ""}, Places: map[string]*Point{"here": {3, 4}},
		Path: []Point{{5, 6}, {7, 8}}, Answer: ptr(int32(7)), Lists: map[int32][]string{1: {"x"}, 2: {}},
	}
}

func TestCalls(t *testing.T) {
	addr, h, _ := serve(t)
	conn := dial(t, "dubbo://"+addr)
	c := bind(t, conn)
	ctx := t.Context()
	if s, err := c.Ping(ctx); s != "pong" || err != nil {
		t.Errorf("ping: %q, %v", s, err)
	}
	if got, err := c.Echo(ctx, everything()); err != nil || !reflect.DeepEqual(got, everything()) {
		t.Errorf("echo: %+v, %v", got, err)
	}
	if got, err := c.Echo(ctx, &Everything{}); err != nil || got.Answer == nil || *got.Answer != 42 {
		t.Errorf("echo of nothing: %+v, %v", got, err)
	}
	if n, err := c.Add(ctx, 2, 3); n != 5 || err != nil {
		t.Errorf("add: %d, %v", n, err)
	}
	if n, err := thriftkit.Invoke[int64](ctx, conn, loadShop().Service("Shop").Method("add"), 2); n != 7 || err != nil {
		t.Errorf("add with a default: %d, %v", n, err)
	}
	if names, err := c.Names(ctx, 2); !slices.Equal(names, []string{"n0", "n1"}) || err != nil {
		t.Errorf("names: %v, %v", names, err)
	}
	if where, err := c.Where(ctx, "me"); where["me"] != (Point{1, 2}) || err != nil {
		t.Errorf("where: %v, %v", where, err)
	}
	if x, err := c.Favourite(ctx, 2); x != 2 || err != nil {
		t.Errorf("favourite: %v, %v", x, err)
	}
	if x, err := c.Unique(ctx, []int32{1, 2, 1}); len(x) != 2 || err != nil {
		t.Errorf("unique: %v, %v", x, err)
	}
	if err := errors.Join(c.Nothing(ctx), c.Log(ctx, "a line")); err != nil {
		t.Error(err)
	}
	if got := <-h.logged; got != "a line" {
		t.Errorf("log: %q", got)
	}
	v := dynamic.New(loadShop().Struct("Everything"))
	if err := errors.Join(v.Set("name", "é"), v.Set("color", "GREEN"), v.Set("places", map[string]any{"a": map[string]any{"x": 1}})); err != nil {
		t.Fatal(err)
	}
	got, err := thriftkit.Invoke[*dynamic.Struct](ctx, conn, loadShop().Service("Shop").Method("echo"), v)
	if err != nil || got.Get("name").Text() != "é" || got.Get("color").Int() != 2 || got.Get("places").Map().Len() != 1 {
		t.Errorf("dynamic: %v, %v", got, err)
	}
}

func TestErrors(t *testing.T) {
	addr, _, _ := serve(t)
	conn := dial(t, "dubbo://"+addr)
	c := bind(t, conn)
	ctx := t.Context()
	var missing *NotFound
	if _, err := c.Echo(ctx, &Everything{Name: "missing"}); !errors.As(err, &missing) || *missing != (NotFound{"missing", 7}) {
		t.Errorf("a declared exception: %v", err)
	}
	var plain *Plain
	if _, err := c.Echo(ctx, &Everything{Name: "plain"}); !errors.As(err, &plain) || plain.Why != "100% é" {
		t.Errorf("an exception without a class: %v", err)
	}
	var business *rpc.BusinessError
	if _, err := c.Business(ctx, 42); !errors.As(err, &business) || business.Code != 42 || business.Message != "没有钱" || business.Extra["account"] != "7" {
		t.Errorf("a business error: %v", err)
	}
	for _, test := range []struct {
		name    string
		call    func() error
		code    rpc.Code
		outcome rpc.Outcome
		message string
	}{
		{"undeclared", func() error { _, err := c.Echo(ctx, &Everything{Name: "undeclared"}); return err }, rpc.CodeInternal, rpc.OutcomeExecuted, "internal error"},
		{"panic", func() error { _, err := c.Echo(ctx, &Everything{Name: "panic"}); return err }, rpc.CodeInternal, rpc.OutcomeExecuted, "internal error"},
		{"too large", func() error {
			_, err := c.Echo(ctx, &Everything{Data: make([]byte, 17<<20)})
			return err
		}, rpc.CodeArgument, rpc.OutcomeNotSent, "the call has 17825818 bytes, at most 16777216 are sent"},
		{"a string that is not UTF-8", func() error { _, err := c.Where(ctx, "\xff"); return err }, rpc.CodeArgument, rpc.OutcomeNotSent,
			`in Shop.where.who (field 1): invalid value: a string of Java must be UTF-8, got "\xff": binary holds other bytes`},
		{"metadata", func() error {
			_, err := c.Ping(thriftkit.AddMetadata(ctx, map[string]string{"path": "x"}))
			return err
		}, rpc.CodeArgument, rpc.OutcomeNotSent, `metadata "path": Dubbo uses this attachment itself`},
		{"canceled", func() error {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(20*time.Millisecond, cancel)
			_, err := c.Wait(ctx, 60_000)
			return err
		}, rpc.CodeCanceled, rpc.OutcomeUnknown, "context canceled"},
	} {
		err := test.call()
		var e *rpc.Error
		if !errors.As(err, &e) || e.Code != test.code || e.Outcome != test.outcome || !strings.Contains(e.Message, test.message) && test.name != "too large" {
			t.Errorf("%s: %#v", test.name, err)
		}
	}
	if got, err := c.Ping(ctx); got != "pong" || err != nil {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}

// TestCodes has errors of a handler keep their codes.
func TestCodes(t *testing.T) {
	addr, _, _ := serve(t)
	c := bind(t, dial(t, "dubbo://"+addr))
	for name, code := range codes {
		var back map[string]string
		_, err := c.Echo(thriftkit.ReceiveMetadata(t.Context(), &back), &Everything{Name: name})
		want := rpc.OutcomeRefused
		if code == rpc.CodeInternal || code == rpc.CodeUnknown || code == 4711 {
			want = rpc.OutcomeExecuted
		}
		var e *rpc.Error
		if !errors.As(err, &e) || e.Code != code || e.Outcome != want || e.Message != "no "+name || !e.Remote || len(back) > 0 {
			t.Errorf("%s: %#v, metadata %v", name, err, back)
		}
	}
}

func TestMetadata(t *testing.T) {
	addr, _, _ := serve(t)
	c := bind(t, dial(t, "dubbo://"+addr))
	ctx := thriftkit.AddMetadata(t.Context(), map[string]string{"trace": "1", "名": "值"})
	ctx = thriftkit.AddPersistentMetadata(ctx, map[string]string{"tenant": "a b"})
	var back map[string]string
	ctx, cancel := context.WithTimeout(thriftkit.ReceiveMetadata(ctx, &back), 30*time.Second)
	defer cancel()
	got, err := c.Metadata(ctx, map[string]string{"served-by": "me"})
	want := map[string]string{"trace": "1", "名": "值", "tenant": "a b", "has-deadline": "yes"}
	if err != nil || !maps.Equal(got, want) || back["served-by"] != "me" {
		t.Errorf("%v, back %v, %v", got, back, err)
	}
}

func TestDeadline(t *testing.T) {
	addr, _, _ := serve(t)
	c := bind(t, dial(t, "dubbo://"+addr))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := c.Wait(ctx, 60_000); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// TestManyCalls makes calls side by side on one connection: slow ones do not hold up others.
func TestManyCalls(t *testing.T) {
	addr, _, s := serve(t)
	c := bind(t, dial(t, "dubbo://"+addr))
	slow := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { _, err := c.Wait(ctx, 60_000); slow <- err }()
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			if n, err := c.Add(t.Context(), int32(i), 1); n != int64(i)+1 || err != nil {
				t.Errorf("%d: %d, %v", i, n, err)
			}
		})
	}
	wg.Wait()
	cancel()
	if err := <-slow; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if n := s.Stats().Connections; n != 1 {
		t.Errorf("%d connections", n)
	}
}

// TestTargets selects services by name, group and version.
func TestTargets(t *testing.T) {
	addr, _, _ := serve(t, thriftkit.WithDialects(dubbo.New(dubbo.Options{Group: "g", Version: "1.0"})))
	any, _, _ := serve(t)
	for _, test := range []struct{ target, want string }{
		{addr + "?group=g&version=1.0", ""}, {addr + "?version=1.0", "service com.acme.shop.Shop is served in the group g, not in \"\""},
		{addr + "?group=g", "service com.acme.shop.Shop is served in the version 1.0, not in \"\""},
		{any + "?group=h&version=2", ""}, {any + "?service=Shop", ""}, {any + "/com.acme.shop.Shop", ""}, {any + "?service=org.other.Shop", ""},
		{any + "/com.acme.Nope", `no service "com.acme.Nope": this server has com.acme.shop.Shop`},
	} {
		_, err := bind(t, dial(t, "dubbo://"+test.target)).Ping(t.Context())
		var e *rpc.Error
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.target, err)
		case test.want != "" && (!errors.As(err, &e) || e.Message != test.want || e.Code != rpc.CodeUnknownMethod || e.Outcome != rpc.OutcomeRefused):
			t.Errorf("%s: %v", test.target, err)
		}
	}
}

// TestTLS calls a server by TLS.
func TestTLS(t *testing.T) {
	certs := httptest.NewTLSServer(nil)
	certs.Close()
	addr, _, _ := serve(t, thriftkit.WithDialects(dubbo.Dialect()), thriftkit.WithTLS(&tls.Config{Certificates: certs.TLS.Certificates}), thriftkit.WithTLSOnly())
	roots := x509.NewCertPool()
	roots.AddCert(certs.Certificate())
	if got, err := bind(t, dial(t, "dubbos://"+addr, thriftkit.WithTLS(&tls.Config{RootCAs: roots}))).Ping(t.Context()); got != "pong" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := bind(t, dial(t, "dubbo://"+addr)).Ping(t.Context()); err == nil {
		t.Error("served without TLS")
	}
}

// TestReconnect calls a server that has been started again.
func TestReconnect(t *testing.T) {
	addr, _, s := serve(t)
	var now atomic.Value // where the server is: another port each time, since its old one may be another program's
	now.Store(addr)
	c := bind(t, dial(t, "dubbo://"+addr, thriftkit.WithDialer(func(ctx context.Context, _ transport.Target, _ *tls.Config) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", now.Load().(string))
	})))
	if _, err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	slow := make(chan error, 1)
	go func() { _, err := c.Wait(t.Context(), 100); slow <- err }()
	time.Sleep(20 * time.Millisecond)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-slow; err != nil {
		t.Errorf("a call that the shutdown waits for: %v", err)
	}
	_, err := c.Ping(t.Context())
	if e := (*rpc.Error)(nil); !errors.As(err, &e) || e.Outcome != rpc.OutcomeNotSent {
		t.Errorf("without a server: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	now.Store(l.Addr().String())
	again := thriftkit.NewServer(thriftkit.WithDialects(dubbo.Dialect()))
	defer again.Close()
	if err := again.Register(loadShop().Service("Shop"), shop{}); err != nil {
		t.Fatal(err)
	}
	go again.Serve(l)
	if got, err := c.Ping(t.Context()); got != "pong" || err != nil {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}

// message returns a message with a body.
func message(flags, status byte, id uint64, body []byte) []byte {
	b := []byte{0xda, 0xbb, flags, status}
	b = binary.BigEndian.AppendUint64(b, id)
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...)
}

// body returns the values of hessian2 one after the other.
func body(values ...any) []byte {
	e := hessian2.NewEncoder(nil)
	for _, v := range values {
		if err := e.Any(v); err != nil {
			panic(err)
		}
	}
	return e.Bytes()
}

// exchange sends bytes and returns what comes back, with the values of the bodies: n messages, or what comes after the client has closed its
// direction if n is 0.
func exchange(t *testing.T, addr string, msg []byte, n int) string {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	go func() {
		nc.Write(msg)
		if n == 0 {
			nc.(*net.TCPConn).CloseWrite()
		}
	}()
	var out []string
	for len(out) < n || n == 0 {
		head := make([]byte, 16)
		if _, err := io.ReadFull(nc, head); err != nil {
			break
		}
		b := make([]byte, binary.BigEndian.Uint32(head[12:]))
		if _, err := io.ReadFull(nc, b); err != nil {
			return err.Error()
		}
		d := hessian2.NewDecoder(b)
		text := fmt.Sprintf("%02x %d #%d", head[2], head[3], binary.BigEndian.Uint64(head[4:]))
		for d.More() {
			v, err := d.Any()
			if err != nil {
				return err.Error()
			}
			text += " " + show(v)
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

// show returns a value as text.
func show(v any) string {
	switch v := v.(type) {
	case *hessian2.Map:
		var parts []string
		for _, e := range v.Entries {
			parts = append(parts, show(e.Key)+":"+show(e.Value))
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, " ") + "}"
	case *hessian2.Object:
		var parts []string
		for _, f := range v.Fields {
			parts = append(parts, f.Name+":"+show(f.Value))
		}
		return v.Class + "{" + strings.Join(parts, " ") + "}"
	case *hessian2.List:
		return v.Type + show(v.Items)
	case []any:
		var parts []string
		for _, x := range v {
			parts = append(parts, show(x))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case string:
		return fmt.Sprintf("%q", v)
	}
	return fmt.Sprint(v)
}

const throwable = ` cause:<nil> stackTrace:[java.lang.StackTraceElement[] suppressedExceptions:<nil>}`

// TestBytes sends messages of Dubbo's clients.
func TestBytes(t *testing.T) {
	addr, _, _ := serve(t)
	call := func(method, types string, args ...any) []byte {
		return body(append([]any{"2.0.2", "com.acme.shop.Shop", "0.0.0", method, types}, args...)...)
	}
	generic := func(method string, args ...any) []byte {
		return call("$invoke", "Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/Object;", method, []string{}, &hessian2.List{Type: "[object", Items: args},
			map[string]any{"generic": "true"})
	}
	const obj = "Ljava/lang/Object;"
	for _, test := range []struct {
		name string
		msg  []byte
		want string
	}{
		{"a call", message(0xc2, 0, 7, call("add", "II", int32(1), int32(2), map[string]string{"path": "x"})), `02 20 #7 4 3 {}`},
		{"of an old client", message(0xc2, 0, 7, body("2.6.2", "com.acme.shop.Shop", "0.0.0", "add", "II", int32(1), int32(2), map[string]string{})), `02 20 #7 1 3`},
		{"without attachments", message(0xc2, 0, 7, call("add", "II", int32(1), int32(2))), `02 20 #7 4 3 {}`},
		{"null for a default", message(0xc2, 0, 7, call("add", "II", int32(1), nil)), `02 20 #7 4 6 {}`},
		{"void", message(0xc2, 0, 7, call("nothing", "")), `02 20 #7 5 {}`},
		{"two calls", append(message(0xc2, 0, 7, call("ping", "")), message(0x82, 0, 8, call("nothing", ""))...), `02 20 #7 4 "pong" {}`},
		{"a path with a context", message(0xc2, 0, 7, body("2.0.2", "ctx/com.acme.shop.Shop", "0.0.0", "ping", "")), `02 20 #7 4 "pong" {}`},
		{"an interface among the attachments", message(0xc2, 0, 7, body("2.0.2", "alias", "0.0.0", "ping", "", map[string]string{"interface": "com.acme.shop.Shop"})), `02 20 #7 4 "pong" {}`},
		{"an object", message(0xc2, 0, 7, call("where", "Ljava/lang/String;", "é")), `02 20 #7 4 {"é":com.acme.shop.Point{x:1 y:2}} {}`},
		{"an attachment that is a list", message(0xc2, 0, 7, call("metadata", "Ljava/util/Map;", map[string]string{}, map[string]any{"a": []string{"x", "y"}, "b": int32(7), "c": map[string]any{"d": []any{nil}}})),
			`02 20 #7 4 {"a":"x,y" "b":"7" "c":"{\"d\":[null]}"} {}`},
		{"a timeout", message(0xc2, 0, 7, call("wait", "I", int32(60_000), map[string]string{"timeout": "20"})), `02 31 #7 "Shop.wait: not done in 20ms"`},
		{"heartbeat", message(0xe2, 0, 7, []byte("N")), `22 20 #7 <nil>`},
		{"heartbeat in one direction", message(0xa2, 0, 7, []byte("N")), ``},
		{"heartbeat of another serialization", message(0xe0|23, 0, 7, []byte{1}), `22 20 #7 <nil>`},
		{"a response", message(0x02, 20, 7, []byte("N")), ``},
		{"$echo", message(0xc2, 0, 7, call("$echo", obj, "x")), `02 20 #7 4 "x" {}`},
		{"$echo of null", message(0xc2, 0, 7, call("$echo", obj, nil)), `02 20 #7 5 {}`},
		{"$invoke", message(0xc2, 0, 7, generic("add", int32(1), int64(2))), `02 20 #7 4 3 {}`},
		{"$invoke with a map", message(0xc2, 0, 7, generic("echo", map[string]any{"number": int32(3), "color": "GREEN", "point": map[string]any{"class": "com.acme.shop.Point", "x": int32(1)}})),
			`02 20 #7 4 {"answer":42 "big":0 "class":"com.acme.shop.Everything" "color":"GREEN" "data":[] "flag":false "id":"00000000-0000-0000-0000-000000000000" "lists":{} "longs":[] "name":"" "number":3 ` +
				`"path":[] "places":{} "point":{"class":"com.acme.shop.Point" "x":1 "y":0} "ratio":0 "small":0 "tiny":0 "words":[]} {}`},
		{"$invoke of an exception", message(0xc2, 0, 7, generic("echo", map[string]any{"name": "missing"})),
			`02 20 #7 3 org.apache.dubbo.rpc.service.GenericException{exceptionClass:"com.acme.shop.NotFound" exceptionMessage:"NotFound" detailMessage:"com.acme.shop.NotFound: NotFound"` + throwable +
				` {"thriftkit-exception":"NotFound"}`},
		{"an exception", message(0xc2, 0, 7, call("echo", "Lcom/acme/shop/Everything;", map[string]any{"name": "missing"})),
			`02 20 #7 3 com.acme.shop.NotFound{key:"missing" code:7 detailMessage:"NotFound"` + throwable + ` {"thriftkit-exception":"NotFound"}`},
		{"an undeclared error", message(0xc2, 0, 7, call("echo", "Lcom/acme/shop/Everything;", map[string]any{"name": "undeclared"})),
			`02 20 #7 3 java.lang.RuntimeException{detailMessage:"internal error"` + throwable + ` {"thriftkit-code":"6"}`},
		{"a business error", message(0xc2, 0, 7, call("business", "I", int32(42))),
			`02 20 #7 3 java.lang.RuntimeException{detailMessage:"business error 42: 没有钱"` + throwable + ` {"biz-extra":"{\"account\":\"7\"}" "biz-message":"没有钱" "biz-status":"42"}`},
		// statuses
		{"no method", message(0xc2, 0, 7, call("nope", "")), `02 60 #7 "unknown method \"nope\"" {"thriftkit-code":"1"}`},
		{"no service", message(0xc2, 0, 7, body("2.0.2", "com.acme.Nope", "0.0.0", "ping", "")), `02 60 #7 "no service \"com.acme.Nope\": this server has com.acme.shop.Shop"`},
		{"fastjson2", message(0xc0|23, 0, 7, []byte("{}")), `02 40 #7 "the serialization fastjson2 (23) is not supported: want hessian2 (2); in Java set dubbo.protocol.serialization=hessian2, or serialization=hessian2 in the URL of the reference"`},
		{"an unknown serialization", message(0xc0|31, 0, 7, nil), `02 40 #7 "the serialization 31 is not supported: want hessian2 (2); in Java set dubbo.protocol.serialization=hessian2, or serialization=hessian2 in the URL of the reference"`},
		{"too many arguments", message(0xc2, 0, 7, call("add", "III", int32(1), int32(2), int32(3))), `02 40 #7 "Shop.add has 2 parameters, got 3" {"thriftkit-code":"7"}`},
		{"too few", message(0xc2, 0, 7, generic("add", int32(1))), `02 40 #7 "Shop.add has 2 parameters, got 1" {"thriftkit-code":"7"}`},
		{"another type", message(0xc2, 0, 7, call("add", "II", "x", int32(2))), `"at byte 38, in Shop.add.a (field 1): invalid data: want an integer, got a string" {"thriftkit-code":"7"}`},
		{"a generic form", message(0xc2, 0, 7, call("$invoke", "Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/Object;", "add", []string{}, []any{}, map[string]string{"generic": "bean"})),
			`02 40 #7 "generic calls in the form \"bean\" are not supported: want generic=true"`},
		{"types without an end", message(0xc2, 0, 7, call("add", "Lx")), `02 40 #7 "parameter types \"Lx\": a class has no end"`},
		{"types that are none", message(0xc2, 0, 7, call("add", "I?")), `02 40 #7 "parameter types \"I?\": no type begins with '?'"`},
		{"an array of nothing", message(0xc2, 0, 7, call("add", "[[")), `02 40 #7 "parameter types \"[[\": a type is missing at the end"`},
		{"an empty body", message(0xc2, 0, 7, nil), `02 40 #7 "version of Dubbo: at byte 0: unexpected end of message"`},
		{"attachments that are a list", message(0xc2, 0, 7, call("ping", "", []any{})), `02 40 #7 "attachments: the attachments are no map"`},
		{"a cycle", message(0xc2, 0, 7, append(call("where", "Ljava/lang/String;"), 0x79, 0x51, 0x90)), `02 40 #7 "at byte 56, in Shop.where.who (field 1): invalid data: want a string, got a list" {"thriftkit-code":"7"}`},
		{"a cycle in a struct", message(0xc2, 0, 7, append(call("echo", "Lcom/acme/shop/Everything;"), unhex("48 05706f696e74 51 90 5a")...)), `a cycle: a reference to the value that began at byte 63" {"thriftkit-code":"7"}`},
		{"a reference to nowhere in $echo", message(0xc2, 0, 7, append(call("$echo", obj), 0x79, 0x51, 0x91)), `a reference to value 1 of 1"`},
		{"an object in $echo", message(0xc2, 0, 7, call("$echo", obj, &hessian2.List{Type: "x", Items: []any{&hessian2.Object{Class: "C", Fields: []hessian2.Field{{Name: "a", Value: int32(1)}}}}})), `02 20 #7 4 x[C{a:1}] {}`},
		{"in one direction", message(0x82, 0, 7, call("nope", "")), ``},
		{"a body that lies", message(0xc2, 0, 7, make([]byte, 10))[:20], ``},
		{"a body that is too long", append(message(0xc2, 0, 7, nil)[:12], 0x7f, 0xff, 0xff, 0xff), `02 40 #7 "a body of 2147483647 bytes, at most 16777200 are accepted"`},
		{"a negative body", append(message(0xc2, 0, 7, nil)[:12], 0xff, 0xff, 0xff, 0xff), `02 40 #7 "a body of -1 bytes, at most 16777200 are accepted"`},
		{"then no magic", append(message(0xc2, 0, 7, call("ping", "")), make([]byte, 16)...), `02 20 #7 4 "pong" {}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := 1
			if test.want == "" {
				n = 0
			}
			if got := exchange(t, addr, test.msg, n); got != test.want && (test.want == "" || !strings.HasSuffix(got, test.want)) {
				t.Errorf("%s\nwant %s", got, test.want)
			}
		})
	}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// TestTruncated cuts a call short at every byte, and flips every byte of it: the server answers others.
func TestTruncated(t *testing.T) {
	addr, _, _ := serve(t)
	msg := message(0xc2, 0, 7, body("2.0.2", "com.acme.shop.Shop", "0.0.0", "where", "Ljava/lang/String;", "é", map[string]string{"a": "b"}))
	for n := range msg {
		if got := exchange(t, addr, msg[:n], 0); got != "" {
			t.Errorf("%d bytes: %s", n, got)
		}
		flipped := bytes.Clone(msg)
		flipped[n] ^= 0xff
		exchange(t, addr, flipped, 0)
	}
	if got := exchange(t, addr, msg, 1); !strings.HasPrefix(got, "02 20 #7 4 ") {
		t.Error(got)
	}
}

// TestSlow sends messages that come slowly: the connection ends, whichever byte is late.
func TestSlow(t *testing.T) {
	addr, _, _ := serve(t, thriftkit.WithDialects(dubbo.Dialect()), thriftkit.WithMessageTimeout(50*time.Millisecond))
	msg := message(0xc2, 0, 7, body("2.0.2", "com.acme.shop.Shop", "0.0.0", "ping", ""))
	for _, n := range []int{15, 16, 17, len(msg) - 1} {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		nc.Write(msg)
		if _, err := io.ReadFull(nc, make([]byte, 16)); err != nil {
			t.Fatal(err)
		}
		nc.Write(msg[:n])
		if b, err := io.ReadAll(nc); errors.Is(err, os.ErrDeadlineExceeded) || len(b) > 20 {
			t.Errorf("%d bytes: %x, %v", n, b, err)
		}
		nc.Close()
	}
}

// TestStalled calls a server that reads nothing: a call that waits for a long one to be written ends with its context.
func TestStalled(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn := dial(t, "dubbo://"+l.Addr().String())
	c := bind(t, conn)
	long := make(chan error, 1)
	go func() { _, err := c.Echo(t.Context(), &Everything{Data: make([]byte, 15<<20)}); long <- err }()
	time.Sleep(20 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	conn.Close()
	if e := (*rpc.Error)(nil); !errors.As(<-long, &e) || e.Code != rpc.CodeClosed {
		t.Error(e)
	}
}

// TestGone has a client go away during a call: the handler's context ends, and the server does not wait.
func TestGone(t *testing.T) {
	began := make(chan struct{}, 1)
	note := func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, call *rpc.Call) error {
			began <- struct{}{}
			return next(ctx, call)
		}
	}
	addr, _, s := serve(t, thriftkit.WithDialects(dubbo.Dialect()), thriftkit.WithInterceptors(note))
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	nc.Write(message(0xc2, 0, 7, body("2.0.2", "com.acme.shop.Shop", "0.0.0", "wait", "I", int32(600_000))))
	<-began
	nc.Close()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestGoodbye has a server that shuts down say so to a client that is idle.
func TestGoodbye(t *testing.T) {
	addr, _, s := serve(t)
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.Write(message(0xe2, 0, 7, []byte("N")))
	if _, err := io.ReadFull(nc, make([]byte, 17)); err != nil {
		t.Fatal(err)
	}
	go s.Shutdown(t.Context())
	all, err := io.ReadAll(nc)
	if want := message(0xa2, 0, 0, []byte("\x01R")); !bytes.Equal(all, want) || err != nil {
		t.Errorf("%x, %v, want %x", all, err, want)
	}
}
