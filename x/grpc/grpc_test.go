package grpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/x/grpc"
)

type (
	Point    struct{ X, Y int32 }
	Plain    struct{ Why string }
	NotFound struct {
		Key  string
		Code int32
	}
)

func (e *Plain) Error() string    { return "plain: " + e.Why }
func (e *NotFound) Error() string { return "not found: " + e.Key }

// shop is the handler of Shop. It is bound to the IDL, except for Everything, which is dynamic.
type shop struct{ logged chan string }

func (shop) Ping(context.Context) (string, error) { return "pong", nil }

func (shop) Echo(_ context.Context, value *dynamic.Struct) (*dynamic.Struct, error) {
	switch value.Get("name").Text() {
	case "missing":
		return nil, &NotFound{"missing", 7}
	case "plain":
		return nil, &Plain{"100% é"}
	case "panic":
		panic("on purpose")
	case "undeclared":
		return nil, errors.New("a secret")
	}
	return value, nil
}

func (shop) EchoDirect(_ context.Context, value *dynamic.Struct) (*dynamic.Struct, error) {
	return value, nil
}

func (shop) Add(_ context.Context, a, b int32) (int64, error) { return int64(a) + int64(b), nil }

func (shop) Names(_ context.Context, count int32) (names []string, err error) {
	for i := range count {
		names = append(names, fmt.Sprint("n", i))
	}
	return names, nil
}

func (shop) Where(_ context.Context, who string) (map[string]Point, error) {
	return map[string]Point{who: {1, 2}}, nil
}

func (shop) Favourite(context.Context) (int32, error) { return 2, nil }

func (shop) Nothing(_ context.Context, why string) error {
	if why != "" {
		return &Plain{why}
	}
	return nil
}

func (s shop) Log(_ context.Context, line string) error {
	s.logged <- line
	return nil
}

func (shop) Metadata(ctx context.Context, key string) (string, error) {
	thriftkit.SetReplyMetadata(ctx, "x-reply", "r")
	thriftkit.SetReplyMetadata(ctx, "x-reply-bin", "\x00\xff")
	return thriftkit.Metadata(ctx)[key], nil
}

// Wait waits, or returns how the context ended.
func (shop) Wait(ctx context.Context, millis int32) (int32, error) {
	deadline, ok := ctx.Deadline()
	if millis == 0 {
		if !ok {
			return -1, nil
		}
		return int32(time.Until(deadline).Milliseconds()), nil
	}
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(time.Duration(millis) * time.Millisecond):
		return millis, nil
	}
}

func (shop) Count(_ context.Context, upTo int32, out *rpc.Sender[Point]) error {
	for n := range upTo {
		if n == 1000 {
			return &Plain{"enough"}
		}
		if err := out.Send(Point{n, -n}); err != nil {
			return err
		}
	}
	return nil
}

func (shop) Sum(_ context.Context, in *rpc.Receiver[Point]) (sum int32, err error) {
	for p, err := range in.All() {
		switch {
		case err != nil:
			return 0, err
		case p.X < 0:
			return 0, &Plain{"negative"}
		}
		sum += p.X
	}
	return sum, nil
}

func (shop) Total(_ context.Context, in *rpc.Receiver[int32]) (sum int32, err error) {
	for n, err := range in.All() {
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

func (shop) Mirror(_ context.Context, in *rpc.Receiver[Point], out *rpc.Sender[Point]) error {
	for p, err := range in.All() {
		if err != nil {
			return err
		}
		if p.X < 0 {
			return &Plain{"negative"}
		}
		if err := out.Send(Point{p.Y, p.X}); err != nil {
			return err
		}
	}
	return nil
}

var loadShop = sync.OnceValue(func() *schema.File { return thriftkit.MustLoad("testdata/shop.thrift") })

// serve serves Shop on a free port and returns the address.
func serve(t testing.TB, opts ...thriftkit.ServerOption) (addr string, s *thriftkit.Server) {
	t.Helper()
	s = thriftkit.NewServer(append(opts, thriftkit.WithDialects(grpc.Dialect()))...)
	if err := s.Register(loadShop().Service("Shop"), shop{make(chan string, 10)}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-done })
	return l.Addr().String(), s
}

// post sends a request of Connect, and returns the status and the body of the answer.
func post(t testing.TB, addr, path, contentType, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://"+addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// TestConnectJSON calls methods as curl would.
func TestConnectJSON(t *testing.T) {
	addr, _ := serve(t)
	for _, test := range []struct {
		method, body string
		status       int
		want         string
	}{
		{"ping", `{}`, 200, `{"result":"pong"}`},
		{"add", `{"a": 2}`, 200, `{"result":"7"}`},
		{"add", `{"a": "2", "b": 1e1, "c": [{}]}`, 200, `{"result":"12"}`},
		{"add", `{"a": null, "b": 1}`, 200, `{"result":"1"}`},
		{"names", `{"count": 2}`, 200, `{"result":["n0","n1"]}`},
		{"names", `{"count": 0}`, 200, `{}`},
		{"where", `{"who": "me"}`, 200, `{"result":{"me":{"x":1,"y":2}}}`},
		{"favourite", `{}`, 200, `{"result":"COLOR_GREEN"}`},
		{"nothing", `{}`, 200, `{}`},
		{"log", `{"line": "a"}`, 200, `{}`},
		{"echo", `{"value": {"number": 1, "color": "RED", "shape": {"labels": {"items": ["a"]}}}}`, 200,
			`{"number":1,"color":"COLOR_RED","shape":{"labels":{"items":["a"]}},"answer":42,"greeting":"hello"}`},
		{"echo_direct", `{"number": 1, "answer": 0}`, 200, `{"number":1,"answer":0,"greeting":"hello"}`},
		{"add", `{"a": 1.5}`, 400, `{"code":"invalid_argument","message":"at byte 6, in Shop.add.a (field 1): invalid data: \"1.5\" is no number for int32"}`},
		{"add", `{"a": 1`, 400, `{"code":"invalid_argument","message":"at byte 7: unexpected end of message"}`},
		{"echo_direct", `{"tiny": 128}`, 400, `field 2`},
		{"nothing", `{"why": "no"}`, 500, `"type":"shop.v1.Plain"`},
		{"echo", `{"value": {"name": "missing"}}`, 404, `{"code":"not_found"`},
		{"echo", `{"value": {"name": "undeclared"}}`, 500, `{"code":"internal","message":"internal error"}`},
		{"echo", `{"value": {"name": "panic"}}`, 500, `{"code":"internal"`},
		{"gone", `{}`, 501, `{"code":"unimplemented","message":"unknown method /shop.v1.Shop/gone"}`},
	} {
		status, got := post(t, addr, "/shop.v1.Shop/"+test.method, "application/json", test.body)
		if status != test.status || got != test.want && !(status >= 400 && strings.Contains(got, test.want)) {
			t.Errorf("%s %s: %d %s, want %d %s", test.method, test.body, status, got, test.status, test.want)
		}
	}
}

// TestConnectProto sends bytes of protobuf.
func TestConnectProto(t *testing.T) {
	addr, _ := serve(t)
	if status, got := post(t, addr, "/shop.v1.Shop/add", "application/proto", "\x08\x02\x10\x03"); status != 200 || got != "\x08\x05" {
		t.Errorf("%d %q", status, got)
	}
	if status, got := post(t, addr, "/shop.v1.Shop/add", "application/proto", "\x08"); status != 400 || !strings.Contains(got, "invalid_argument") {
		t.Errorf("%d %q", status, got)
	}
}

// TestConnectGet calls a method that has no side effects by GET, and one that may have.
func TestConnectGet(t *testing.T) {
	addr, _ := serve(t)
	for method, want := range map[string]int{"favourite": http.StatusOK, "ping": http.StatusMethodNotAllowed} {
		resp, err := http.Get("http://" + addr + "/shop.v1.Shop/" + method + "?connect=v1&encoding=json&message=%7B%7D")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != want || want == http.StatusOK && string(b) != `{"result":"COLOR_GREEN"}` {
			t.Errorf("%s: %d %s, %v", method, resp.StatusCode, b, err)
		}
	}
}

// TestGRPCWeb sends a call as a browser does: the trailers are a frame of the body.
func TestGRPCWeb(t *testing.T) {
	addr, _ := serve(t)
	status, got := post(t, addr, "/shop.v1.Shop/add", "application/grpc-web+proto", "\x00\x00\x00\x00\x04\x08\x02\x10\x03", "X-Grpc-Web", "1")
	if status != 200 || !strings.HasPrefix(got, "\x00\x00\x00\x00\x02\x08\x05\x80") || !strings.Contains(got, "grpc-status: 0\r\n") {
		t.Errorf("%d %q", status, got)
	}
}

// TestThriftBeside calls a server by Thrift on the port that answers gRPC.
func TestThriftBeside(t *testing.T) {
	addr, _ := serve(t)
	for _, target := range []string{addr, "http://" + addr + "/shop.v1.Shop/add", addr + "?transport=header&protocol=compact"} {
		c, err := thriftkit.Dial(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got, err := thriftkit.Invoke[int64](t.Context(), c, loadShop().Service("Shop").Method("add"), int32(1), int32(2)); got != 3 || err != nil {
			t.Errorf("%s: %d, %v", target, got, err)
		}
	}
}

func TestLimits(t *testing.T) {
	addr, _ := serve(t, thriftkit.WithMaxMessageBytes(1000))
	long := `{"line": "` + strings.Repeat("x", 2000) + `"}`
	if status, got := post(t, addr, "/shop.v1.Shop/log", "application/json", long); status != 429 || !strings.Contains(got, "resource_exhausted") {
		t.Errorf("%d %s", status, got)
	}
	if status, got := post(t, addr, "/shop.v1.Shop/names", "application/json", `{"count": 1000}`); status != 429 || !strings.Contains(got, "resource_exhausted") {
		t.Errorf("%d %.100s", status, got)
	}
	unlimited, _ := serve(t)
	deep := strings.Repeat(`{"self":`, 1000) + "{}" + strings.Repeat("}", 1000)
	if status, got := post(t, unlimited, "/shop.v1.Shop/echo_direct", "application/json", deep); status != 400 || !strings.Contains(got, "nested too deep") {
		t.Errorf("%d %s", status, got)
	}
}

func TestConnectDeadline(t *testing.T) {
	addr, _ := serve(t)
	if status, got := post(t, addr, "/shop.v1.Shop/wait", "application/json", `{"millis": 60000}`, "Connect-Timeout-Ms", "20"); status != 504 || !strings.Contains(got, "deadline_exceeded") {
		t.Errorf("%d %s", status, got)
	}
	if _, got := post(t, addr, "/shop.v1.Shop/wait", "application/json", `{"millis": 0}`); got != `{"result":-1}` {
		t.Errorf("without a deadline: %s", got)
	}
}

func TestMetadata(t *testing.T) {
	addr, _ := serve(t)
	req, _ := http.NewRequest(http.MethodPost, "http://"+addr+"/shop.v1.Shop/metadata", bytes.NewReader([]byte(`{"key": "x-raw-bin"}`)))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Raw-Bin", "AGFi")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != `{"result":"\u0000ab"}` {
		t.Errorf("metadata of the call: %s", b)
	}
	if r, bin := resp.Header.Get("X-Reply"), resp.Header.Get("X-Reply-Bin"); r != "r" || bin != "AP8" {
		t.Errorf("metadata of the reply: %q, %q", r, bin)
	}
}
