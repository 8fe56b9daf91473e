package motan_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	motango "github.com/weibocom/motan-go"
	"github.com/weibocom/motan-go/config"
	motancore "github.com/weibocom/motan-go/core"
	vlog "github.com/weibocom/motan-go/log"
	mpro "github.com/weibocom/motan-go/protocol"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/internal/freeport"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/x/motan"
)

// TestMain sends what motan-go logs, which it does into files, out of the tree.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "motan-go")
	if err == nil {
		err = flag.Set("log_dir", dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	vlog.LogInit(nil)
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

type (
	Book struct {
		Title     string
		PageCount *int32
		Kind      int32
		Tags      []string
		Notes     map[string]string
		Cover     []byte
		Chapters  []Chapter
	}
	Chapter struct {
		Heading string
		Page    int32
	}
	NoBook struct{ Why string }
)

func (e *NoBook) Error() string { return "no book: " + e.Why }

// shop is our handler.
type shop struct{ notified chan string }

func (shop) Greet(_ context.Context, name string) (string, error) {
	if name == "" {
		return "", &NoBook{"没有名字"}
	}
	return "你好, " + name, nil
}

func (shop) All(_ context.Context, b bool, i8 int8, i16 int16, i32 int32, i64 int64, d float64, s string, bin []byte, list []string, names map[string]string) (string, error) {
	return describe(b, i8, i16, i32, i64, d, s, bin, list, names), nil
}

func describe(b bool, i8 int8, i16 int16, i32 int32, i64 int64, d float64, s string, bin []byte, list []string, names map[string]string) string {
	return fmt.Sprintf("%v %d %d %d %d %v %.100s %d %x %v %v", b, i8, i16, i32, i64, d, s, len(s), bin, list, names)
}

func (shop) EchoNames(_ context.Context, x map[string]string) (map[string]string, error) {
	return x, nil
}
func (shop) EchoStrings(_ context.Context, x []string) ([]string, error) { return x, nil }
func (shop) EchoBytes(_ context.Context, x []byte) ([]byte, error)       { return x, nil }
func (shop) EchoLong(_ context.Context, x int64) (int64, error)          { return x, nil }
func (shop) EchoDouble(_ context.Context, x float64) (float64, error)    { return x, nil }
func (shop) EchoBool(_ context.Context, x bool) (bool, error)            { return x, nil }
func (shop) EchoShort(_ context.Context, x int16) (int16, error)         { return x, nil }
func (shop) Store(_ context.Context, b *Book) (*Book, error)             { return b, nil }
func (shop) Nothing(context.Context) error                               { return nil }
func (shop) Fail(_ context.Context, text string) error {
	return rpc.Errorf(rpc.CodeInternal, "failed: %s", text)
}
func (s shop) Notify(_ context.Context, text string) error { s.notified <- text; return nil }
func (shop) Metadata(ctx context.Context, name string) (string, error) {
	return rpc.Metadata(ctx)[name], nil
}
func (shop) Wait(ctx context.Context, ms int32) (int32, error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(time.Duration(ms) * time.Millisecond):
		return ms, nil
	}
}

func serveOurs(t *testing.T, o motan.Options) (port int, h shop) {
	t.Helper()
	h = shop{make(chan string, 10)}
	s := thriftkit.NewServer(thriftkit.WithDialects(motan.New(o)), thriftkit.WithErrorLog(nil))
	if err := s.Register(thriftkit.MustLoad("testdata/peer.thrift").MustService("Shop"), h); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(watched{l})
	t.Cleanup(func() { s.Close() })
	return l.Addr().(*net.TCPAddr).Port, h
}

// sawGzip says that a message has come whose body is compressed.
var sawGzip atomic.Bool

// watched looks at what its connections read.
type watched struct{ net.Listener }

func (w watched) Accept() (net.Conn, error) {
	nc, err := w.Listener.Accept()
	return watchedConn{nc}, err
}

type watchedConn struct{ net.Conn }

func (w watchedConn) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if bytes.Contains(b[:n], []byte{0xf1, 0xf1, 0x08, 0x08}) {
		sawGzip.Store(true)
	}
	return n, err
}

// dialTheirs returns a client of motan-go, as its configuration makes one.
func dialTheirs(t *testing.T, port int, more string) *motango.Client {
	t.Helper()
	return theirClient(t, fmt.Sprintf("    protocol: direct\n    host: 127.0.0.1\n    port: %d\n", port), more)
}

// theirClient returns a client of motan-go with the configuration of a registry.
func theirClient(t *testing.T, registry, more string) *motango.Client {
	t.Helper()
	text := fmt.Sprintf(`
motan-client:
  log_dir: stdout
  application: client-test
motan-registry:
  where:
%smotan-refer:
  shop:
    path: com.example.Shop
    application: client-test
    group: demo
    protocol: motan2
    registry: where
    requestTimeout: 20000
    haStrategy: failover
    loadbalance: roundrobin
    serialization: simple
    retries: 0
    asyncInitConnection: false
%s`, registry, more)
	conf, err := config.NewConfigFromReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	mc := motango.NewClientContextFromConfig(conf)
	mc.Start(nil)
	return mc.GetClient("shop")
}

// TestTheirClient has motan-go's client call our server.
func TestTheirClient(t *testing.T) {
	for name, more := range map[string]string{"plain": "", "gzip": "    mingzSize: 100\n"} {
		t.Run(name, func(t *testing.T) {
			sawGzip.Store(false)
			port, h := serveOurs(t, motan.Options{Group: "demo"})
			c := dialTheirs(t, port, more)
			var text string
			if err := c.Call("greet", []any{"Ann"}, &text); err != nil || text != "你好, Ann" {
				t.Fatal(text, err)
			}
			long := strings.Repeat("长 long ", 100_000)
			strs, names := []string{"a", "长"}, map[string]string{"k": "值"}
			defer func() {
				if sawGzip.Load() != (name == "gzip") {
					t.Errorf("compressed: %v", sawGzip.Load())
				}
			}()
			if err := c.Call("all", []any{true, byte(0x80), int16(-2), int32(1 << 30), int64(-1 << 63), 0.1, long, []byte{0, 0xff}, strs, names}, &text); err != nil {
				t.Fatal(err)
			}
			if want := describe(true, -128, -2, 1<<30, -1<<63, 0.1, long, []byte{0, 0xff}, strs, names); text != want {
				t.Errorf("%s\nwant\n%s", text, want)
			}
			for _, test := range []struct {
				method string
				arg    any
			}{
				{"echoNames", names}, {"echoStrings", strs}, {"echoBytes", []byte{1, 0}}, {"echoLong", int64(1 << 60)}, {"echoDouble", 2.5}, {"echoBool", true}, {"echoShort", int16(-300)},
				{"EchoLong", int64(-7)}, {"echo_long", int64(0)},
			} {
				got := reflect.New(reflect.TypeOf(test.arg))
				if err := c.Call(test.method, []any{test.arg}, got.Interface()); err != nil || !reflect.DeepEqual(got.Elem().Interface(), test.arg) {
					t.Errorf("%s: %v, %v, want %v", test.method, got.Elem(), err, test.arg)
				}
			}
			book := map[any]any{
				"title": "Emma", "pageCount": int32(7), "kind": int32(2), "tags": strs, "notes": names, "cover": []byte{9}, "unknown": int64(1),
				"chapters": []any{map[any]any{"heading": "一", "page": int32(1)}},
			}
			var got map[any]any
			if err := c.Call("store", []any{book}, &got); err != nil {
				t.Fatal(err)
			}
			delete(book, "unknown")
			delete(book, "pageCount")
			book["page_count"] = int32(7)
			if !reflect.DeepEqual(got, book) {
				t.Errorf("%v\nwant\n%v", got, book)
			}
			if err := c.Call("nothing", nil, nil); err != nil {
				t.Errorf("void: %v", err)
			}
			if err := c.Call("greet", []any{""}, &text); err == nil || !strings.Contains(err.Error(), "没有名字") {
				t.Errorf("a declared exception: %v", err)
			}
			if err := c.Call("fail", []any{"x"}, &text); err == nil || !strings.Contains(err.Error(), "failed: x") {
				t.Errorf("an error: %v", err)
			}
			if err := c.Call("nope", nil, &text); err == nil || !strings.Contains(err.Error(), "unknown method") {
				t.Errorf("an unknown method: %v", err)
			}
			if err := c.Call("greet", []any{int32(1)}, &text); err == nil || !strings.Contains(err.Error(), "want string, got an int32") {
				t.Errorf("a wrong type: %v", err)
			}
			if err := c.Call("notify", []any{name}, nil); err != nil {
				t.Error(err)
			}
			if got := <-h.notified; got != name {
				t.Errorf("oneway: %q", got)
			}
			req := c.BuildRequest("metadata", []any{"trace"})
			req.SetAttachment("trace", "七")
			if err := c.BaseCall(req, &text); err != nil || text != "七" {
				t.Error(text, err)
			}
			req = c.BuildRequest("metadata", []any{motan.ApplicationMetadata})
			if err := c.BaseCall(req, &text); err != nil || text != "client-test" {
				t.Error(text, err)
			}
			var wg sync.WaitGroup
			for i := range 100 {
				wg.Go(func() {
					var n int64
					if err := c.Call("echoLong", []any{int64(i)}, &n); err != nil || n != int64(i) {
						t.Error(n, err)
					}
				})
			}
			wg.Wait()
		})
	}
}

// TestTheirGroup is refused where the group is another one.
func TestTheirGroup(t *testing.T) {
	port, _ := serveOurs(t, motan.Options{Group: "other"})
	var text string
	err := dialTheirs(t, port, "").Call("greet", []any{"Ann"}, &text)
	if err == nil || !strings.Contains(err.Error(), `this server has the group \"other\", not \"demo\"`) && !strings.Contains(err.Error(), `this server has the group "other", not "demo"`) {
		t.Errorf("%v", err)
	}
}

// TestTheirHeaders sends what motan-go writes in serializations that it cannot fill, and is told why they cannot be read.
func TestTheirHeaders(t *testing.T) {
	port, _ := serveOurs(t, motan.Options{})
	nc, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(30 * time.Second))
	r := bufio.NewReader(nc)
	for _, test := range []struct {
		serialization int
		want          string
	}{{mpro.Hessian, "at byte 0"}, {8, "breeze is not supported"}, {3, "unknown serialization 3"}} {
		meta := motancore.NewStringMap(4)
		meta.Store(mpro.MPath, "com.example.Shop")
		meta.Store(mpro.MMethod, "greet")
		msg := &mpro.Message{Header: mpro.BuildHeader(mpro.Req, false, test.serialization, 7, mpro.Normal), Metadata: meta, Body: []byte("Tx")}
		nc.Write(msg.Encode().Bytes())
		got := read(t, r)
		if text := got.Metadata.LoadOrEmpty(mpro.MException); got.Header.GetStatus() != mpro.Exception || got.Header.RequestID != 7 || !strings.Contains(text, test.want) {
			t.Errorf("%d: %s, want %s", test.serialization, text, test.want)
		}
	}
	nc.Write(mpro.BuildHeartbeat(8, mpro.Req).Encode().Bytes())
	if got := read(t, r); !got.Header.IsHeartbeat() || got.Header.RequestID != 8 {
		t.Errorf("a heartbeat: %+v", got.Header)
	}
	nc.Write([]byte{0xf1, 0xf1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 0}) // of the first version
	if b, err := io.ReadAll(r); len(b) > 0 || err != nil {
		t.Errorf("version 1: %q, %v", b, err)
	}
}

// read reads a message as motan-go does.
func read(t *testing.T, r *bufio.Reader) *mpro.Message {
	t.Helper()
	buf := make([]byte, mpro.DefaultBufferSize)
	msg, err := mpro.Decode(r, &buf)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// theirShop is the service as a program of motan-go has it.
type theirShop struct{ notified chan string }

func (*theirShop) Greet(name string) string { return "你好, " + name }
func (*theirShop) All(b bool, i8 byte, i16 int16, i32 int32, i64 int64, d float64, s string, bin []byte, list []string, names map[string]string) string {
	return describe(b, int8(i8), i16, i32, i64, d, s, bin, list, names)
}
func (*theirShop) EchoNames(x map[string]string) map[string]string { return x }
func (*theirShop) EchoStrings(x []string) []string                 { return x }
func (*theirShop) EchoBytes(x []byte) []byte                       { return x }
func (*theirShop) EchoLong(x int64) int64                          { return x }
func (*theirShop) EchoDouble(x float64) float64                    { return x }
func (*theirShop) EchoBool(x bool) bool                            { return x }
func (*theirShop) EchoShort(x int16) int16                         { return x }
func (*theirShop) Store(x map[any]any) map[any]any                 { return x }
func (*theirShop) Fail(text string) string                         { panic(text) }
func (s *theirShop) Notify(text string) string                     { s.notified <- text; return "" }
func (*theirShop) Wait(ms int32) int32 {
	time.Sleep(time.Duration(ms) * time.Millisecond)
	return ms
}

// serveTheirs starts a server of motan-go. It takes the number of a port, which another program may have by then.
func serveTheirs(t *testing.T) (addr string, h *theirShop) {
	t.Helper()
	for range 5 {
		addr, h = startTheirs(t)
		for range 100 {
			if nc, err := net.Dial("tcp", addr); err == nil {
				nc.Close()
				return addr, h
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	t.Fatal("motan-go's server does not listen")
	return "", nil
}

func startTheirs(t *testing.T) (addr string, h *theirShop) {
	t.Helper()
	port := freeport.TCP(t)
	text := fmt.Sprintf(`
motan-server:
  log_dir: %s
  application: server-test
motan-registry:
  direct:
    protocol: direct
motan-service:
  shop:
    path: com.example.Shop
    group: demo
    registry: direct
    serialization: simple
    nodeType: server
    protocol: motan2
    ref: shop
    export: "motan2:%d"
`, t.TempDir(), port)
	conf, err := config.NewConfigFromReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	h = &theirShop{make(chan string, 10)}
	ms := motango.NewMotanServerContextFromConfig(conf)
	if err := ms.RegisterService(h, "shop"); err != nil {
		t.Fatal(err)
	}
	ms.Start(nil)
	ms.ServicesAvailable()
	return fmt.Sprint("127.0.0.1:", port), h
}

type shopClient struct {
	Greet       func(context.Context, string) (string, error)
	All         func(context.Context, bool, int8, int16, int32, int64, float64, string, []byte, []string, map[string]string) (string, error)
	EchoNames   func(context.Context, map[string]string) (map[string]string, error)
	EchoStrings func(context.Context, []string) ([]string, error)
	EchoBytes   func(context.Context, []byte) ([]byte, error)
	EchoLong    func(context.Context, int64) (int64, error)
	EchoDouble  func(context.Context, float64) (float64, error)
	EchoBool    func(context.Context, bool) (bool, error)
	EchoShort   func(context.Context, int16) (int16, error)
	Store       func(context.Context, *Book) (*Book, error)
	Nothing     func(context.Context) error
	Fail        func(context.Context, string) error
	Notify      func(context.Context, string) error
	Wait        func(context.Context, int32) (int32, error)
}

// TestTheirServer has our client call motan-go's server.
func TestTheirServer(t *testing.T) {
	addr, h := serveTheirs(t)
	for _, query := range []string{"", "?compression=gzip"} {
		t.Run(query, func(t *testing.T) {
			conn, err := thriftkit.Dial(t.Context(), "motan2://"+addr+query, thriftkit.WithDialects(motan.New(motan.Options{Group: "demo", Application: "test"})))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			var c shopClient
			if err := conn.Bind(thriftkit.MustLoad("testdata/peer.thrift").MustService("Shop"), &c); err != nil {
				t.Fatal(err)
			}
			ctx := t.Context()
			if got, err := c.Greet(ctx, "Ann"); got != "你好, Ann" || err != nil {
				t.Fatal(got, err)
			}
			long := strings.Repeat("长 long ", 100_000)
			strs, names := []string{"a", "长"}, map[string]string{"k": "值"}
			got, err := c.All(ctx, true, -128, -2, 1<<30, -1<<63, 0.1, long, []byte{0, 0xff}, strs, names)
			if want := describe(true, -128, -2, 1<<30, -1<<63, 0.1, long, []byte{0, 0xff}, strs, names); got != want || err != nil {
				t.Errorf("%s, %v\nwant\n%s", got, err, want)
			}
			if got, err := c.EchoNames(ctx, names); !reflect.DeepEqual(got, names) || err != nil {
				t.Error(got, err)
			}
			if got, err := c.EchoStrings(ctx, strs); !reflect.DeepEqual(got, strs) || err != nil {
				t.Error(got, err)
			}
			if got, err := c.EchoBytes(ctx, []byte{1, 0}); string(got) != "\x01\x00" || err != nil {
				t.Error(got, err)
			}
			if got, err := c.EchoLong(ctx, -1<<60); got != -1<<60 || err != nil {
				t.Error(got, err)
			}
			if got, err := c.EchoDouble(ctx, 2.5); got != 2.5 || err != nil {
				t.Error(got, err)
			}
			if got, err := c.EchoBool(ctx, true); !got || err != nil {
				t.Error(got, err)
			}
			if got, err := c.EchoShort(ctx, -300); got != -300 || err != nil {
				t.Error(got, err)
			}
			n := int32(7)
			book := &Book{Title: "Emma", PageCount: &n, Kind: 2, Tags: strs, Notes: names, Cover: []byte{9}, Chapters: []Chapter{{"一", 1}}}
			if got, err := c.Store(ctx, book); err != nil || !reflect.DeepEqual(got, book) {
				t.Errorf("%+v, %v", got, err)
			}
			var e *rpc.Error
			if err := c.Fail(ctx, "x"); !errors.As(err, &e) || !e.Remote || !strings.Contains(e.Message, "provider call panic") {
				t.Errorf("an error: %v", err)
			}
			if err := c.Nothing(ctx); !errors.As(err, &e) || e.Code != rpc.CodeUnknownMethod || e.Outcome != rpc.OutcomeRefused {
				t.Errorf("a method that this server does not have: %v", err)
			}
			if err := c.Notify(ctx, query); err != nil {
				t.Error(err)
			}
			select {
			case got := <-h.notified:
				if got != query {
					t.Errorf("oneway: %q", got)
				}
			case <-time.After(30 * time.Second):
				t.Error("no oneway call has come")
			}
			short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			if _, err := c.Wait(short, 500); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a deadline: %v", err)
			}
		})
	}
}

// TestTheirKeepalive has motan-go's client find us again, by heartbeats, after we were away.
func TestTheirKeepalive(t *testing.T) {
	port, _ := serveOurs(t, motan.Options{})
	url := &motancore.URL{Protocol: "motan2", Host: "127.0.0.1", Port: port, Path: "com.example.Shop", Group: "demo", Parameters: map[string]string{
		motancore.ErrorCountThresholdKey: "1", motancore.KeepaliveIntervalKey: "50", motancore.AsyncInitConnection: "false",
	}}
	ext := motango.GetDefaultExtFactory()
	ep := ext.GetEndPoint(url)
	ep.SetSerialization(motancore.GetSerialization(url, ext))
	ep.SetProxy(false)
	motancore.Initialize(ep)
	defer ep.Destroy()
	call := func(method string) motancore.Response {
		req := &motancore.MotanRequest{ServiceName: "com.example.Shop", Method: method, Arguments: []any{"Ann"}, Attachment: motancore.NewStringMap(4)}
		var text string
		req.GetRPCContext(true).Reply = &text
		return ep.Call(req)
	}
	if r := call("greet"); r.GetException() != nil {
		t.Fatal(r.GetException())
	}
	if r := call("nope"); r.GetException() == nil { // an exception of the service makes the endpoint unavailable
		t.Fatal("no exception")
	}
	for end := time.Now().Add(30 * time.Second); !ep.IsAvailable(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the endpoint stays unavailable: its heartbeats are not answered")
		}
	}
	if r := call("greet"); r.GetException() != nil {
		t.Error(r.GetException())
	}
}
