package rpc_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire"
	wirebinary "github.com/thriftkit/thriftkit/wire/binary"
)

const testIDL = `
struct User { 1: required string name, 2: optional i32 age }
exception Denied { 1: string why }
exception Gone { 1: i32 since }
service Parent { string ping() }
service Test extends Parent {
  string echo(1: string text),
  User get(1: i32 id) throws (1: Denied denied, 2: Gone gone),
  void check(1: bool ok) throws (1: Denied denied),
  void wait(1: i32 ms),
  oneway void notify(1: string text),
  oneway i32 odd(),
  string greet(1: string name = "world"),
}
service Other { string ping(), i32 other() }
`

func load(t testing.TB) *schema.File {
	t.Helper()
	f, diags := compile.Compile("test.thrift", compile.Options{Source: compile.Texts{"test.thrift": testIDL}})
	if f == nil {
		t.Fatal(diags)
	}
	return f
}

type User struct {
	Name string
	Age  *int32
}

type Denied struct{ Why string }

func (d *Denied) Error() string { return "denied: " + d.Why }

type handler struct {
	notified chan string
	waiting  atomic.Int32
}

func newHandler() *handler { return &handler{notified: make(chan string, 100)} }

func (h *handler) Ping(ctx context.Context) (string, error)              { return "pong", nil }
func (h *handler) Echo(ctx context.Context, text string) (string, error) { return text, nil }
func (h *handler) Greet(ctx context.Context, name string) (string, error) {
	return "hello " + name, nil
}

func (h *handler) Get(ctx context.Context, id int32) (*User, error) {
	switch id {
	case 0:
		return nil, nil
	case 1:
		return nil, fmt.Errorf("wrapped: %w", &Denied{"not you"})
	case 2:
		panic("secret")
	case 3:
		return nil, errors.New("secret")
	case 4:
		return nil, rpc.Errorf(rpc.CodeProtocol, "as asked")
	}
	return &User{Name: fmt.Sprint("user ", id), Age: &id}, nil
}

func (h *handler) Check(ctx context.Context, ok bool) error {
	if !ok {
		return &Denied{"not ok"}
	}
	return nil
}

func (h *handler) Wait(ctx context.Context, ms int32) error {
	h.waiting.Add(1)
	defer h.waiting.Add(-1)
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *handler) Notify(ctx context.Context, text string) error {
	h.notified <- text
	return nil
}

// Odd is void: a oneway method has no result, whatever its IDL says.
func (h *handler) Odd(ctx context.Context) error {
	h.notified <- "odd"
	return nil
}

type client struct {
	Ping   func(context.Context) (string, error)
	Echo   func(context.Context, string) (string, error)
	Get    func(context.Context, int32) (*User, error)
	Check  func(context.Context, bool) error
	Wait   func(context.Context, int32) error
	Notify func(context.Context, string) error
}

// leaks fails the test if goroutines are left at its end.
func leaks(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		deadline := time.Now().Add(5 * time.Second)
		for runtime.NumGoroutine() > before {
			if time.Now().After(deadline) {
				buf := make([]byte, 1<<20)
				t.Errorf("goroutines are left:\n%s", buf[:runtime.Stack(buf, true)])
				return
			}
			time.Sleep(time.Millisecond)
		}
	})
}

// errorLog collects what a server reports.
type errorLog struct {
	mu   sync.Mutex
	errs []error
}

func (l *errorLog) add(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, err)
}

// waitFor waits until the log has text.
func (l *errorLog) waitFor(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !strings.Contains(l.String(), text); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %q in %s", text, l)
		}
	}
}

func (l *errorLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprint(l.errs)
}

func serve(t *testing.T, l net.Listener, h any, opts rpc.ServerOptions) (*rpc.Server, *schema.Service) {
	t.Helper()
	svc := load(t).Service("Test")
	s := rpc.NewServer(opts)
	if err := s.Register(svc, h); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; err != rpc.ErrServerClosed {
			t.Errorf("Serve: %v", err)
		}
	})
	return s, svc
}

func dial(t *testing.T, target string, opts rpc.ClientOptions) *rpc.Client {
	t.Helper()
	c, err := rpc.Dial(context.Background(), target, inMemory(opts))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func bind(t *testing.T, c *rpc.Client, svc *schema.Service) client {
	t.Helper()
	var funcs client
	if err := c.Bind(svc, &funcs, &Denied{}); err != nil {
		t.Fatal(err)
	}
	return funcs
}

func TestCalls(t *testing.T) {
	for _, query := range []string{"", "?transport=buffered", "?transport=framed", "?protocol=binary", "?protocol=compact", "?protocol=compact&transport=framed", "?service=Test", "?protocol=compact&service=Test", "?transport=http", "?transport=http&protocol=compact&service=Test"} {
		t.Run(query, func(t *testing.T) {
			leaks(t)
			var log errorLog
			l := listen(t)
			h := newHandler()
			_, svc := serve(t, l, h, rpc.ServerOptions{ErrorLog: log.add})
			conn := dial(t, "tcp://"+l.Addr().String()+query, rpc.ClientOptions{})
			if got := conn.Target(); !strings.Contains(got, "://"+l.Addr().String()) {
				t.Errorf("Target: %s", got)
			}
			c := bind(t, conn, svc)
			ctx := context.Background()

			if got, err := c.Ping(ctx); got != "pong" || err != nil {
				t.Errorf("inherited method: %q, %v", got, err)
			}
			for _, text := range []string{"", "héllo", "\xff\xfe", strings.Repeat("x", 1<<20)} {
				if got, err := c.Echo(ctx, text); got != text || err != nil {
					t.Errorf("echo of %d bytes: %d bytes, %v", len(text), len(got), err)
				}
			}
			if u, err := c.Get(ctx, 42); err != nil || u.Name != "user 42" || *u.Age != 42 {
				t.Errorf("struct: %+v, %v", u, err)
			}
			if err := c.Check(ctx, true); err != nil {
				t.Errorf("void: %v", err)
			}
			var denied *Denied
			if _, err := c.Get(ctx, 1); !errors.As(err, &denied) || denied.Why != "not you" {
				t.Errorf("declared exception, wrapped: %v", err)
			}
			if err := c.Check(ctx, false); !errors.As(err, &denied) || denied.Why != "not ok" {
				t.Errorf("declared exception of a void method: %v", err)
			}
			for _, test := range []struct {
				id   int32
				want string
			}{
				{0, "Test.get: missing result: the reply has neither a result nor an exception"},
				{2, "Test.get: internal error (from the server)"},
				{3, "Test.get: internal error (from the server)"},
				{4, "Test.get: protocol error: as asked (from the server)"},
			} {
				if _, err := c.Get(ctx, test.id); err == nil || err.Error() != test.want {
					t.Errorf("get %d: %v, want %s", test.id, err, test.want)
				}
			}
			if got := log.String(); !strings.Contains(got, "rpc: Test.get panicked: secret\n") || !strings.Contains(got, "rpc: Test.get: secret") || !strings.Contains(got, "rpc_test.go") {
				t.Errorf("the error log lacks the panic, its stack or the error: %s", got)
			}
			if err := c.Notify(ctx, "n"); err != nil {
				t.Errorf("oneway: %v", err)
			}
			if got := <-h.notified; got != "n" {
				t.Errorf("oneway: %q", got)
			}
			if got, err := c.Echo(ctx, "after"); got != "after" || err != nil {
				t.Errorf("after oneway: %q, %v", got, err)
			}
		})
	}
}

func TestUnixSocket(t *testing.T) {
	leaks(t)
	path := filepath.Join(t.TempDir(), "s.sock")
	for range 2 { // the second time the file of the first server is in the way
		l, err := transport.Listen("unix://" + path)
		if err != nil {
			t.Fatal(err)
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		s, svc := serve(t, l, newHandler(), rpc.ServerOptions{})
		c := bind(t, dial(t, "unix://"+path, rpc.ClientOptions{}), svc)
		if got, err := c.Ping(context.Background()); got != "pong" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		s.Close()
	}
}

func TestExposeErrors(t *testing.T) {
	leaks(t)
	l := listen(t)
	_, svc := serve(t, l, newHandler(), rpc.ServerOptions{ExposeErrors: true})
	c := bind(t, dial(t, l.Addr().String(), rpc.ClientOptions{}), svc)
	for id, want := range map[int32]string{2: "internal error", 3: "secret"} {
		var e *rpc.Error
		if _, err := c.Get(context.Background(), id); !errors.As(err, &e) || e.Message != want || e.Code != rpc.CodeInternal || !e.Remote {
			t.Errorf("get %d: %v, want the message %q", id, err, want)
		}
	}
}

func TestDynamicCalls(t *testing.T) {
	leaks(t)
	l := listen(t)
	_, svc := serve(t, l, newHandler(), rpc.ServerOptions{})
	c := dial(t, l.Addr().String(), rpc.ClientOptions{})
	ctx := context.Background()

	args := dynamic.New(svc.Method("get").Args)
	if err := args.Set("id", 5); err != nil {
		t.Fatal(err)
	}
	v, err := c.Invoke(ctx, svc.Method("get"), args)
	if err != nil || v.Struct().Get("name").Text() != "user 5" {
		t.Errorf("Invoke: %v, %v", v.Interface(), err)
	}
	if v, err := c.Invoke(ctx, svc.Method("check"), dynamic.New(svc.Method("check").Args)); v.IsSet() || err == nil {
		t.Errorf("void that throws: %v, %v", v.Interface(), err)
	}
	u, err := rpc.Invoke[*User](ctx, c, svc.Method("get"), 6)
	if err != nil || u.Name != "user 6" {
		t.Errorf("Do[*User]: %+v, %v", u, err)
	}
	m, err := rpc.Invoke[map[string]any](ctx, c, svc.Method("get"), int64(6))
	if err != nil || m["name"] != "user 6" || m["age"] != int32(6) {
		t.Errorf("Do[map]: %v, %v", m, err)
	}
	if got, err := rpc.Invoke[string](ctx, c, svc.Method("greet")); got != "hello world" || err != nil {
		t.Errorf("an argument left out: %q, %v", got, err)
	}
	if got, err := rpc.Invoke[any](ctx, c, svc.Method("greet"), nil); got != "hello world" || err != nil {
		t.Errorf("a nil argument: %q, %v", got, err)
	}
	_, err = rpc.Invoke[any](ctx, c, svc.Method("get"), 1)
	var exception *rpc.Exception
	if !errors.As(err, &exception) || exception.Error() != "Denied: not you" {
		t.Errorf("declared exception: %v", err)
	}
	var denied *Denied
	if !errors.As(err, &denied) || denied.Why != "not you" {
		t.Errorf("declared exception as a Go type: %v", denied)
	}
	var other *net.OpError
	if errors.As(err, &other) {
		t.Errorf("it is not a %T", other)
	}
	for _, test := range []struct {
		args []any
		want string
	}{
		{[]any{1, 2}, "Test.get: invalid argument: got 2 arguments, want at most 1"},
		{[]any{"one"}, `Test.get: invalid argument: in Test.get.id (field 1): invalid value: want i32, got "one"`},
		{[]any{int64(1) << 40}, "Test.get: invalid argument: in Test.get.id (field 1): invalid value: 1099511627776 is out of range for i32"},
	} {
		if _, err := rpc.Invoke[any](ctx, c, svc.Method("get"), test.args...); err == nil || err.Error() != test.want {
			t.Errorf("%v: %v, want %s", test.args, err, test.want)
		}
	}
	if _, err := rpc.Invoke[int32](ctx, c, svc.Method("echo"), "x"); err == nil || !strings.Contains(err.Error(), "test.thrift:") {
		t.Errorf("a result of the wrong type: %v", err)
	}
	if _, err := rpc.Invoke[any](ctx, c, svc.Method("nope")); err == nil {
		t.Error("a method that does not exist was called")
	}
}

func TestDynamicHandler(t *testing.T) {
	leaks(t)
	l := listen(t)
	_, svc := serve(t, l, rpc.DynamicHandler(func(ctx context.Context, m *schema.Method, args *dynamic.Struct) (any, error) {
		switch m.Name {
		case "echo":
			return args.Get("text"), nil
		case "greet":
			return args.Get("name").Text(), nil
		case "get":
			if args.Get("id").Int() == 1 {
				return nil, &Denied{"bound"}
			}
			return map[string]any{"name": "x"}, nil
		case "check":
			x := dynamic.New(m.Throws[0].Type.Struct)
			x.Set("why", "dynamic")
			return nil, &rpc.Exception{Value: x}
		case "ping":
			return 7, nil // not a string
		}
		return nil, nil
	}), rpc.ServerOptions{})
	c := bind(t, dial(t, l.Addr().String(), rpc.ClientOptions{}), svc)
	ctx := context.Background()
	if got, err := c.Echo(ctx, "x"); got != "x" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if u, err := c.Get(ctx, 2); err != nil || u.Name != "x" || u.Age != nil {
		t.Errorf("%+v, %v", u, err)
	}
	var denied *Denied
	if err := c.Check(ctx, true); !errors.As(err, &denied) || denied.Why != "dynamic" {
		t.Errorf("%v", err)
	}
	var e *rpc.Error
	if _, err := c.Ping(ctx); !errors.As(err, &e) || e.Code != rpc.CodeInternal {
		t.Errorf("a result that does not fit: %v", err)
	}
	if err := c.Wait(ctx, 1); err != nil {
		t.Errorf("void: %v", err)
	}
}

func TestInterceptors(t *testing.T) {
	leaks(t)
	var mu sync.Mutex
	var order []string
	say := func(s string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, s)
	}
	named := func(name string) rpc.Interceptor {
		return func(next rpc.Handler) rpc.Handler {
			return func(ctx context.Context, call *rpc.Call) error {
				say(fmt.Sprintf("%s> %s %v", name, call.Method, call.Arg(0)))
				err := next(ctx, call)
				say(fmt.Sprintf("<%s %v %v", name, call.Result(), err))
				return err
			}
		}
	}
	l := listen(t)
	_, svc := serve(t, l, newHandler(), rpc.ServerOptions{Interceptors: []rpc.Interceptor{named("c"), named("d")}})
	c := bind(t, dial(t, l.Addr().String(), rpc.ClientOptions{Interceptors: []rpc.Interceptor{named("a"), named("b")}}), svc)
	if _, err := c.Echo(context.Background(), "x"); err != nil {
		t.Fatal(err)
	}
	want := "a> Test.echo x,b> Test.echo x,c> Test.echo x,d> Test.echo x,<d x <nil>,<c x <nil>,<b x <nil>,<a x <nil>"
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(order, ","); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// message is a call in the binary protocol.
func message(name string, kind wire.MessageType, seq int32, body string) []byte {
	b := wirebinary.AppendHeader(nil, wire.Header{Name: name, Type: kind, SeqID: seq})
	raw, err := hex.DecodeString(strings.ReplaceAll(body, " ", ""))
	if err != nil {
		panic(err)
	}
	return append(b, raw...)
}

// TestAnswers sends bytes and looks at the bytes that come back.
func TestAnswers(t *testing.T) {
	leaks(t)
	h := newHandler()
	file := load(t)
	s := rpc.NewServer(rpc.ServerOptions{})
	if err := s.Register(file.Service("Test"), h); err != nil {
		t.Fatal(err)
	}
	if err := s.Register(file.Service("Other"), rpc.DynamicHandler(func(ctx context.Context, m *schema.Method, _ *dynamic.Struct) (any, error) {
		if m.Name == "ping" {
			return "other", nil
		}
		return 1, nil
	})); err != nil {
		t.Fatal(err)
	}
	p, err := protocol.ByName("binary")
	if err != nil {
		t.Fatal(err)
	}
	exception := func(text string, code byte) string {
		return fmt.Sprintf("0b0001%08x%x080002000000%02x00", len(text), text, code)
	}
	const echoX = "0b0001 00000001 78 00"
	for _, test := range []struct {
		what string
		in   []byte
		want []byte // nil: no reply
	}{
		{"a call", message("echo", wire.Call, 1, echoX), message("echo", wire.Reply, 1, "0b0000 00000001 78 00")},
		{"a negative sequence id", message("echo", wire.Call, -2, echoX), message("echo", wire.Reply, -2, "0b0000 00000001 78 00")},
		{"a default", message("greet", wire.Call, 0, "00"), message("greet", wire.Reply, 0, "0b0000 0000000b 68656c6c6f20776f726c64 00")},
		{"an unknown field and one of another type", message("echo", wire.Call, 1, "080001 00000001 080063 00000001 0b0001 00000001 78 00"),
			message("echo", wire.Reply, 1, "0b0000 00000001 78 00")},
		{"an unknown method", message("nope", wire.Call, 9, echoX), message("nope", wire.Exception, 9, exception(`unknown method "nope"`, 1))},
		{"an unknown oneway method", message("nope", wire.Oneway, 9, "00"), nil},
		{"oneway in the IDL, sent as a call", message("notify", wire.Call, 1, echoX), nil},
		{"not oneway in the IDL, sent as oneway", message("echo", wire.Oneway, 1, echoX), message("echo", wire.Reply, 1, "0b0000 00000001 78 00")},
		{"oneway with a result type", message("odd", wire.Oneway, 1, "00"), nil},
		{"a reply", message("echo", wire.Reply, 3, echoX), message("echo", wire.Exception, 3, exception("want a call, got a reply", 2))},
		{"an unknown type", message("echo", 9, 3, echoX), message("echo", wire.Exception, 3, exception("want a call, got a message type 9", 2))},
		{"arguments that end early", message("echo", wire.Call, 3, "0b0001 00000005 78"),
			message("echo", wire.Exception, 3, exception("at byte 19, in Test.echo.text (field 1): unexpected end of message: length 5, but only 1 byte left", 7))},
		{"bytes behind the arguments", message("echo", wire.Call, 3, echoX+"ff"),
			message("echo", wire.Exception, 3, exception("at byte 25: invalid data: 1 byte after the arguments", 7))},
		{"an unknown exception code", message("get", wire.Call, 1, "080001 00000003 00"), message("get", wire.Exception, 1, exception("internal error", 6))},
		{"a declared exception", message("get", wire.Call, 1, "080001 00000001 00"), message("get", wire.Reply, 1, "0c0001 0b0001 00000007 6e6f7420796f75 00 00")},
		{"the first service with the method", message("ping", wire.Call, 1, "00"), message("ping", wire.Reply, 1, "0b0000 00000004 706f6e67 00")},
		{"a named service", message("Other:ping", wire.Call, 1, "00"), message("ping", wire.Reply, 1, "0b0000 00000005 6f74686572 00")},
		{"the second service's own method", message("other", wire.Call, 1, "00"), message("other", wire.Reply, 1, "080000 00000001 00")},
		{"an unknown service", message("Nope:ping", wire.Call, 1, "00"), message("ping", wire.Exception, 1, exception(`unknown service "Nope"`, 1))},
		{"an unknown method of a service", message("Other:nope", wire.Call, 1, "00"), message("nope", wire.Exception, 1, exception(`service Other has no method "nope"`, 1))},
	} {
		got, err := s.Answer(test.in, p)
		if err != nil {
			t.Errorf("%s: %v", test.what, err)
			continue
		}
		if string(got) != string(test.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", test.what, got, test.want)
		}
	}
	if _, err := s.Answer([]byte{0x80, 2, 0, 1}, p); err == nil {
		t.Error("a header of another version was taken")
	}
}

// TestDialects sends the same call in every dialect of one port.
func TestDialects(t *testing.T) {
	leaks(t)
	var log errorLog
	l := listen(t)
	serve(t, l, newHandler(), rpc.ServerOptions{ErrorLog: log.add, ReadTimeout: 100 * time.Millisecond})
	frame := func(b []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...) }
	old := func(b []byte) []byte {
		h, off, err := wirebinary.ConsumeHeader(b)
		if err != nil {
			t.Fatal(err)
		}
		return append(wirebinary.AppendOldHeader(nil, h), b[off:]...)
	}
	raw := func(s string) []byte {
		b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	call, reply := message("ping", wire.Call, 5, "00"), message("ping", wire.Reply, 5, "0b0000 00000004 706f6e67 00")
	for _, test := range []struct {
		what     string
		in, want []byte
	}{
		{"strict", call, reply},
		{"framed strict", frame(call), frame(reply)},
		{"old", old(call), old(reply)},
		{"framed old", frame(old(call)), frame(old(reply))},
		{"two at once", append(call, call...), append(reply, reply...)},
		{"compact", raw("82 21 05 04 70696e67 00"), raw("82 41 05 04 70696e67 0800 04 706f6e67 00")},
		{"framed compact", frame(raw("82 21 05 04 70696e67 00")), frame(raw("82 41 05 04 70696e67 0800 04 706f6e67 00"))},
		{"compact version 2", raw("82 22 05 04 70696e67 00"), raw("82 42 05 04 70696e67 0800 04 706f6e67 00")},
		{"framed compact version 2", frame(raw("82 22 05 04 70696e67 00")), frame(raw("82 42 05 04 70696e67 0800 04 706f6e67 00"))},
		{"compact, the shortest message there is", raw("82 21 00 00 00"), raw("82 61 00 00 18 11 756e6b6e6f776e206d6574686f64202222 15 02 00")},
		{"two at once, compact", raw("82 21 05 04 70696e67 00 82 21 ffffffff0f 04 70696e67 00"),
			raw("82 41 05 04 70696e67 0800 04 706f6e67 00 82 41 ffffffff0f 04 70696e67 0800 04 706f6e67 00")},
		{"compact of another version", raw("82 23 05 04 70696e67 00"), nil},
		{"half a compact message", raw("82 21 05 04 7069"), nil},
		{"SMTP", []byte("EHLO example.com\r\n"), nil},
		{"TLS", []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc"), nil},
		{"a frame of 2 GiB", []byte("\x7f\xff\xff\xff\x80\x01\x00\x01"), nil},
		{"half a message", call[:len(call)-2], nil},
		{"three bytes", []byte{0x80, 1, 0}, nil},
	} {
		nc := connectTo(t, l)
		nc.SetDeadline(time.Now().Add(5 * time.Second))
		if _, err := nc.Write(test.in); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(test.want))
		if _, err := io.ReadFull(nc, got); err != nil || string(got) != string(test.want) {
			t.Errorf("%s: %v\ngot  %q\nwant %q", test.what, err, got, test.want)
		}
		if test.want == nil {
			if n, err := nc.Read(make([]byte, 1)); n != 0 || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: the connection is still open", test.what)
			}
		}
		nc.Close()
	}
	for _, want := range []string{"no dialect of Thrift starts with the bytes 45 48 4c 4f", "no dialect of Thrift starts with the bytes 16 03", "too large: frame of 2147483647 bytes, at most 16777216 are accepted"} {
		log.waitFor(t, want)
	}
}

// TestReplyBeforeSlowCall sends a fast and a slow call in one write: the reply to the first must
// not wait for the second.
func TestReplyBeforeSlowCall(t *testing.T) {
	leaks(t)
	l := listen(t)
	serve(t, l, newHandler(), rpc.ServerOptions{})
	nc := connectTo(t, l)
	defer nc.Close()
	const ms = 500
	ping, pong := message("ping", wire.Call, 1, "00"), message("ping", wire.Reply, 1, "0b0000 00000004 706f6e67 00")
	wait, waited := message("wait", wire.Call, 2, fmt.Sprintf("080001 %08x 00", ms)), message("wait", wire.Reply, 2, "00")
	start := time.Now()
	nc.Write(append(ping, wait...))
	for i, want := range [][]byte{pong, waited} {
		got := make([]byte, len(want))
		if _, err := io.ReadFull(nc, got); err != nil || string(got) != string(want) {
			t.Fatalf("reply %d: %q, %v, want %q", i+1, got, err, want)
		}
		if d := time.Since(start); i == 0 && d > ms/2*time.Millisecond {
			t.Errorf("the first reply came after %v", d)
		}
	}
}

func TestShutdown(t *testing.T) {
	leaks(t)
	l := listen(t)
	h := newHandler()
	s, svc := serve(t, l, h, rpc.ServerOptions{})
	c := bind(t, dial(t, l.Addr().String(), rpc.ClientOptions{}), svc)
	dial(t, l.Addr().String(), rpc.ClientOptions{}) // an idle connection
	result := make(chan error, 1)
	go func() { result <- c.Wait(context.Background(), 200) }()
	for h.waiting.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if h.waiting.Load() != 0 {
		t.Error("Shutdown returned before the call was finished")
	}
	if err := <-result; err != nil {
		t.Errorf("the call in flight: %v", err)
	}
	time.Sleep(10 * time.Millisecond) // a connection that was in use a moment ago is believed
	var e *rpc.Error
	if _, err := c.Ping(context.Background()); !errors.As(err, &e) || e.Code != rpc.CodeUnavailable {
		t.Errorf("a call afterwards: %v", err)
	}
	if err := s.Serve(listen(t)); err != rpc.ErrServerClosed {
		t.Errorf("Serve afterwards: %v", err)
	}
}

func TestShutdownGivesUp(t *testing.T) {
	leaks(t)
	l := listen(t)
	h := newHandler()
	s, svc := serve(t, l, h, rpc.ServerOptions{})
	c := bind(t, dial(t, l.Addr().String(), rpc.ClientOptions{}), svc)
	result := make(chan error, 1)
	go func() { result <- c.Wait(context.Background(), 60_000) }()
	for h.waiting.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	var e *rpc.Error
	if err := <-result; !errors.As(err, &e) || e.Code != rpc.CodeConnectionLost {
		t.Errorf("the call in flight: %v", err)
	}
}
