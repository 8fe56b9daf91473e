package rpcx_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/x/rpcx"
)

// message returns a call of Shop.echo, with a payload as it is.
func message(flags, serialization byte, method string, payload []byte) []byte {
	b := []byte{8, 0, flags, serialization << 4, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0}
	for _, part := range []string{"Shop", method, "", string(payload)} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
	}
	binary.BigEndian.PutUint32(b[12:], uint32(len(b)-16))
	return b
}

// echo is the payload of a call of Shop.echo in Thrift.
var echo = []byte{11, 0, 1, 0, 0, 0, 2, 'h', 'i', 0}

// say sends b and returns all that comes back until the connection ends, or nothing comes for a while.
func say(t *testing.T, addr string, b []byte) []byte {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	nc.Write(b)
	nc.(*net.TCPConn).CloseWrite()
	got, _ := io.ReadAll(nc)
	return got
}

// alive fails unless the server still answers.
func alive(t *testing.T, addr string) {
	t.Helper()
	if got := say(t, addr, message(0, 4, "echo", echo)); !bytes.Contains(got, []byte("hi")) || got[2] != 0x80 {
		t.Errorf("afterwards: %q", got)
	}
}

// TestHostile sends what no client sends.
func TestHostile(t *testing.T) {
	var log strings.Builder
	addr, _, _ := serve(t, rpcx.Options{}, thriftkit.WithMaxMessageBytes(1<<20), thriftkit.WithErrorLog(func(err error) {
		if strings.Contains(err.Error(), "panic") {
			log.WriteString(err.Error())
		}
	}))
	good := message(0, 4, "echo", echo)
	for i := range good {
		say(t, addr, good[:i])
	}
	for i := range good {
		for bit := range 8 {
			b := bytes.Clone(good)
			b[i] ^= 1 << bit
			say(t, addr, b)
		}
	}
	alive(t, addr)
	for i := range 4 { // each length in turn
		for _, n := range []uint32{0xffffffff, 0x80000000, 0x7fffffff, 1 << 20, 0} {
			b := bytes.Clone(good)
			at := []int{12, 16, 24, 32}[i]
			binary.BigEndian.PutUint32(b[at:], n)
			say(t, addr, b)
		}
	}
	alive(t, addr)
	if log.Len() > 0 {
		t.Error(log.String())
	}
}

// TestErrorsOnTheWire has an answer of rpcx for what is wrong, where one can be given.
func TestErrorsOnTheWire(t *testing.T) {
	addr, _, _ := serve(t, rpcx.Options{}, thriftkit.WithMaxMessageBytes(1<<20), thriftkit.WithErrorLog(nil))
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	w.Write(make([]byte, 4<<20))
	w.Close()
	long := message(0, 4, "echo", nil)[:16]
	binary.BigEndian.PutUint32(long[12:], 0xfffffff0)
	broken := message(0, 4, "echo", echo)
	broken[19] = 99 // the length of the path
	for _, test := range []struct {
		name, want string
		b          []byte
	}{
		{"no such method", `unknown method "nope"`, message(0, 4, "nope", nil)},
		{"raw bytes", "raw bytes, has no types", message(0, 0, "echo", nil)},
		{"unknown serialization", "unknown serialization 9", message(0, 9, "echo", nil)},
		{"unknown compression", "unknown compression 7", message(0x1c, 4, "echo", nil)},
		{"a bomb of gzip", "exceeds 1048576 bytes when decompressed", message(4, 4, "echo", bomb.Bytes())},
		{"not gzip", "the payload is not gzip", message(4, 4, "echo", []byte("x"))},
		{"payload that is cut", "unexpected end of message", message(0, 4, "echo", echo[:5])},
		{"payload of another type", "want string", message(0, 3, "echo", []byte("\x81\xa4text\x01"))},
		{"bytes after the payload", "unexpected bytes", message(0, 4, "echo", append(bytes.Clone(echo), 0))},
		{"too long", "exceeds 1048576 bytes", long},
		{"a part that is too long", "the path claims 99 bytes", broken},
	} {
		got := say(t, addr, test.b)
		if len(got) < 16 || got[2]&0x81 != 0x81 || !bytes.Contains(got, []byte("__rpcx_error__")) || !strings.Contains(string(got), test.want) {
			t.Errorf("%s: %q, want %s", test.name, got, test.want)
		}
	}
	whole := message(0, 4, "echo", make([]byte, 8<<20)) // with all that it claims
	if got := say(t, addr, whole); !bytes.Contains(got, []byte("exceeds 1048576 bytes")) {
		t.Errorf("too long, and sent: %q", got)
	}
	if got := say(t, addr, message(0x20, 4, "nope", nil)); len(got) > 0 {
		t.Errorf("a oneway call is answered: %q", got)
	}
	if got := say(t, addr, message(0x40, 3, "", []byte("\xd3\x00\x00\x00\x00\x00\x00\x00\x07"))); len(got) < 16 || got[2] != 0xc0 || !bytes.HasSuffix(got, []byte("\x00\x07")) {
		t.Errorf("a heartbeat: %q", got)
	}
	alive(t, addr)
}

// TestMemory claims 1 GiB from many connections: a server has no memory for what does not come.
func TestMemory(t *testing.T) {
	addr, _, _ := serve(t, rpcx.Options{}, thriftkit.WithMaxMessageBytes(2<<30-100))
	head := message(0, 4, "echo", nil)
	binary.BigEndian.PutUint32(head[12:], 1<<30)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 50 {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.Write(head)
	}
	alive(t, addr)
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 50<<20 {
		t.Errorf("%d MiB for nothing", grown>>20)
	}
}

// TestSlowMessage ends a connection whose message does not come to an end.
func TestSlowMessage(t *testing.T) {
	addr, _, _ := serve(t, rpcx.Options{}, thriftkit.WithMessageTimeout(300*time.Millisecond), thriftkit.WithErrorLog(nil))
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	good := message(0, 4, "echo", echo)
	buf := make([]byte, 1000)
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	nc.Write(good)
	if n, err := nc.Read(buf); n == 0 || err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond) // between messages a connection may rest
	nc.Write(good)
	if n, err := nc.Read(buf); n == 0 || err != nil {
		t.Fatal(err)
	}
	nc.Write(good[:20])
	if n, err := nc.Read(buf); n != 0 || err == nil {
		t.Errorf("%q, %v", buf[:n], err)
	}
}

// TestSlowCall has calls on one connection overtake a slow one, before it and after it is known to be slow.
func TestSlowCall(t *testing.T) {
	addr, _, _ := serve(t, rpcx.Options{})
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(60 * time.Second))
	wait := message(0, 4, "wait", []byte{8, 0, 1, 0, 0, 3, 0xe8, 0}) // a second
	wait[11] = 99
	var all []byte
	for range 3 {
		all = append(all, message(0, 4, "echo", echo)...)
	}
	all = append(all, wait...)
	for range 3 {
		all = append(all, message(0, 4, "echo", echo)...)
	}
	nc.Write(all)
	for i := range 7 {
		head := make([]byte, 16)
		if _, err := io.ReadFull(nc, head); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, nc, int64(binary.BigEndian.Uint32(head[12:]))); err != nil {
			t.Fatal(err)
		}
		if slow := head[11] == 99; slow != (i == 6) {
			t.Errorf("reply %d has the id %d", i, head[11])
		}
	}
}

// TestPartialMessage has the reply to a call not wait for a message that comes slowly after it.
func TestPartialMessage(t *testing.T) {
	addr, _, _ := serve(t, rpcx.Options{})
	for _, n := range []int{1, 15, 16, 20} {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		good := message(0, 4, "echo", echo)
		nc.SetDeadline(time.Now().Add(20 * time.Second))
		nc.Write(append(bytes.Clone(good), good[:n]...))
		buf := make([]byte, 1000)
		if got, err := nc.Read(buf); got == 0 || err != nil {
			t.Errorf("%d bytes of the next message: %v", n, err)
		}
	}
}

// TestGone ends the context of a handler whose client has gone.
func TestGone(t *testing.T) {
	ended := make(chan error, 1)
	addr, _, _ := serve(t, rpcx.Options{}, thriftkit.WithErrorLog(nil), thriftkit.WithInterceptors(func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, call *rpc.Call) error {
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		}
	}))
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	nc.Write(message(0, 4, "echo", echo))
	time.Sleep(50 * time.Millisecond)
	nc.Close()
	select {
	case err := <-ended:
		if err != context.Canceled {
			t.Error(err)
		}
	case <-time.After(60 * time.Second):
		t.Error("the handler waits for ever")
	}
}

// TestShutdown answers the calls that are under way.
func TestShutdown(t *testing.T) {
	file, err := thriftkit.Parse("shop.thrift", shopIDL)
	if err != nil {
		t.Fatal(err)
	}
	begun := make(chan struct{})
	s := thriftkit.NewServer(thriftkit.WithDialects(rpcx.Dialect()), thriftkit.WithInterceptors(func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, call *rpc.Call) error {
			close(begun)
			return next(ctx, call)
		}
	}))
	if err := s.Register(file.MustService("Shop"), shop{}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	c := dial(t, "rpcx://"+l.Addr().String())
	done := make(chan error)
	go func() {
		_, err := rpc.Invoke[int32](t.Context(), c, file.MustService("Shop").Method("wait"), 300)
		done <- err
	}()
	<-begun
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Errorf("the call under way: %v", err)
	}
}

// TestHTTP calls by rpcx's gateway and by JSON-RPC 2.0.
func TestHTTP(t *testing.T) {
	addr, h, _ := serve(t, rpcx.Options{Auth: nil}, thriftkit.WithErrorLog(nil))
	do := func(path, body string, header ...string) (int, http.Header, string) {
		t.Helper()
		req, err := http.NewRequest("POST", "http://"+addr+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
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
		return resp.StatusCode, resp.Header, strings.TrimSpace(string(b))
	}
	gateway := func(method, serialization string, more ...string) []string {
		return append([]string{"X-RPCX-ServicePath", "Shop", "X-RPCX-ServiceMethod", method, "X-RPCX-SerializeType", serialization, "X-RPCX-MessageID", "12"}, more...)
	}
	status, header, body := do("/", `{"Text":"登"}`, gateway("Echo", "1", "X-RPCX-Meta", "trace=%E4%B8%83")...)
	if status != 200 || body != `{"Success":"登"}` || header.Get("X-RPCX-MessageID") != "12" || header.Get("X-RPCX-Meta") != "got-trace=%E4%B8%83" {
		t.Error(status, header, body)
	}
	status, _, body = do("/Shop", `{"text":"x"}`, "X-RPCX-ServiceMethod", "echo", "X-RPCX-SerializeType", "1")
	if status != 200 || body != `{"success":"x"}` {
		t.Error(status, body)
	}
	status, _, body = do("/", string(echo), gateway("echo", "4")...)
	if status != 200 || !strings.Contains(body, "hi") {
		t.Errorf("%d, %q", status, body)
	}
	status, header, body = do("/", `{"title":""}`, gateway("FindBook", "1")...)
	if status != 500 || header.Get("X-RPCX-MessageStatusType") != "Error" || !strings.Contains(header.Get("X-RPCX-ErrorMessage"), "NoBook") || body != `{"no":{"why":"没有书名"}}` {
		t.Error(status, header, body)
	}
	do("/", `{"text":"one way"}`, gateway("Notify", "1", "X-RPCX-Oneway", "1")...)
	if got := <-h.notified; got != "one way" {
		t.Error(got)
	}
	for want, more := range map[string][]string{
		"want a number of a serialization": gateway("Echo", "x"), "raw bytes": gateway("Echo", "0"), "is missing": {"X-RPCX-SerializeType", "1"}, "unknown method": gateway("Nope", "1"),
		"X-RPCX-Meta": gateway("Echo", "1", "X-RPCX-Meta", "%zz"), "want a number of a compression": gateway("Echo", "1", "X-RPCX-CompressType", "z"),
	} {
		if status, header, _ := do("/", "{}", more...); status < 400 || !strings.Contains(header.Get("X-RPCX-ErrorMessage"), want) {
			t.Errorf("%d, %v, want %s", status, header, want)
		}
	}
	for _, test := range []struct{ body, want string }{
		{`{"jsonrpc":"2.0","method":"Shop.Echo","params":{"text":"登"},"id":1}`, `{"jsonrpc":"2.0","result":{"success":"登"},"id":1}`},
		{`{"jsonrpc":"2.0","method":"Shop.Ping","id":"a"}`, `{"jsonrpc":"2.0","result":{"success":"pong"},"id":"a"}`},
		{`{"jsonrpc":"2.0","method":"Shop.notify","params":{"text":"x"}}`, ""},
		{`{"jsonrpc":"2.0","method":"Shop.nope","id":1}`, `{"jsonrpc":"2.0","error":{"code":-32601,"message":"unknown method \"nope\"`},
		{`{"jsonrpc":"2.0","method":"nope","id":1}`, `"code":-32601,"message":"want the method as \"Service.method\", got \"nope\""`},
		{`{"jsonrpc":"2.0","method":"Shop.echo","params":[1],"id":1}`, `"code":-32602`},
		{`{"jsonrpc":"1.0","method":"Shop.echo","id":1}`, `"code":-32600`},
		{`[]`, `"code":-32600`},
		{`{`, `"code":-32700`},
		{`{"jsonrpc":"2.0","method":"Shop.findBook","params":{},"id":1}`, `{"code":-32000,"message":"NoBook: `},
	} {
		if _, _, body := do("/", test.body, "X-JSONRPC-2.0", "true"); !strings.Contains(body, test.want) || test.want == "" && body != "" {
			t.Errorf("%s: %s, want %s", test.body, body, test.want)
		}
	}
	<-h.notified
}
