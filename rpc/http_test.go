package rpc_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// mount serves the handler of a server for Test by an http.Server of its own.
func mount(t *testing.T, h any, opts rpc.ServerOptions, start func(*httptest.Server)) (*rpc.Server, *schema.Service, *httptest.Server) {
	t.Helper()
	svc := load(t).Service("Test")
	s := rpc.NewServer(opts)
	if err := s.Register(svc, h); err != nil {
		t.Fatal(err)
	}
	hs := httptest.NewUnstartedServer(s.HTTPHandler())
	start(hs)
	t.Cleanup(func() {
		s.Close()
		hs.Close()
	})
	return s, svc, hs
}

// post sends a request with nothing of net/http's client around it and returns the response.
func post(t *testing.T, addr, head string, body []byte) (*http.Response, string) {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	go nc.Write(append([]byte(head), body...))
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatalf("%s: %v", head, err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: %v", head, err)
	}
	return resp, string(b)
}

// TestHTTPAnswers sends requests to the port of a server and to its handler elsewhere.
func TestHTTPAnswers(t *testing.T) {
	leaks(t)
	opts := rpc.ServerOptions{MaxMessageBytes: 1000, ReadTimeout: time.Second}
	l := listenTCP(t)
	serve(t, l, newHandler(), opts)
	_, _, mounted := mount(t, newHandler(), opts, (*httptest.Server).Start)
	ping, pong := message("ping", wire.Call, 5, "00"), string(message("ping", wire.Reply, 5, "0b0000 00000004 706f6e67 00"))
	framed := append([]byte{0, 0, 0, byte(len(ping))}, ping...)
	const head = " HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n"
	length := func(start string, n int) string { return fmt.Sprintf(start+head, n) }
	for _, test := range []struct {
		what, head string
		body       []byte
		status     int
		want       string
	}{
		{"a call", length("POST /", len(ping)), ping, 200, pong},
		{"another path", length("POST /a/b?c=d", len(ping)), ping, 200, pong},
		{"compact", length("POST /", 9), []byte("\x82\x21\x05\x04ping\x00"), 200, "\x82\x41\x05\x04ping\x08\x00\x04pong\x00"},
		{"HTTP/1.0", fmt.Sprintf("POST / HTTP/1.0\r\nContent-Length: %d\r\n\r\n", len(ping)), ping, 200, pong},
		{"another content type", fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", len(ping)), ping, 200, pong},
		{"chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", []byte(fmt.Sprintf("5\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", ping[:5], len(ping)-5, ping[5:])), 200, pong},
		{"an unknown method", length("POST /", 17), message("nope", wire.Call, 1, "00"), 200, string(message("nope", wire.Exception, 1, "0b0001 00000015 756e6b6e6f776e206d6574686f6420226e6f706522 080002 00000001 00"))},
		{"an unknown oneway method", length("POST /", 17), message("nope", wire.Oneway, 1, "00"), 200, ""},
		{"oneway", length("POST /", 19), message("notify", wire.Oneway, 1, "00"), 200, ""},
		{"oneway sent as a call", length("POST /", 19), message("notify", wire.Call, 1, "00"), 200, ""},
		{"empty", length("POST /", 0), nil, 400, "the body is empty: want a Thrift message\n"},
		{"three bytes", length("POST /", 3), []byte{0x80, 1, 0}, 400, "the body is not a Thrift message\n"},
		{"a form", length("POST /", 11), []byte("name=value&"), 400, "the body is not a Thrift message\n"},
		{"half a header", length("POST /", 10), ping[:10], 400, "at byte 4: unexpected end of message: length 4, but only 2 bytes left\n"},
		{"framed", length("POST /", len(framed)), framed, 400, "the body is a framed message: over HTTP there are no frames\n"},
		{"announced too long", length("POST /", 1001), nil, 413, "too large: message of 1001 bytes exceeds the limit of 1000\n"},
		{"too long", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", []byte("3e9\r\n" + strings.Repeat("x", 1001)), 413, "too large: at most 1000 bytes are accepted\n"},
		{"less than announced", length("POST /", 100), ping, 408, "the body takes too long\n"},
		{"a chunk without a length", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", []byte("x\r\n"), 400, "the body cannot be read\n"},
		{"GET", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", nil, 405, "a call is a POST\n"},
		{"PUT", length("PUT /", len(ping)), ping, 405, "a call is a POST\n"},
		{"OPTIONS", "OPTIONS / HTTP/1.1\r\nHost: h\r\n\r\n", nil, 405, "a call is a POST\n"},
		{"DELETE", "DELETE / HTTP/1.1\r\nHost: h\r\n\r\n", nil, 405, "a call is a POST\n"},
	} {
		for where, addr := range map[string]string{"same port": l.Addr().String(), "mounted": mounted.Listener.Addr().String()} {
			resp, got := post(t, addr, test.head, test.body)
			if resp.StatusCode != test.status || got != test.want && test.want != "" {
				t.Errorf("%s, %s: %s, %q; want %d, %q", where, test.what, resp.Status, got, test.status, test.want)
			}
			wantType := "application/x-thrift"
			if test.status != 200 {
				wantType = "text/plain; charset=utf-8"
			}
			if got := resp.Header.Get("Content-Type"); got != wantType || resp.ContentLength < 0 {
				t.Errorf("%s, %s: Content-Type %q, length %d", where, test.what, got, resp.ContentLength)
			}
			if got := resp.Header.Get("Allow"); (test.status == 405) != (got == "POST") {
				t.Errorf("%s, %s: Allow %q", where, test.what, got)
			}
		}
	}
}

// TestHTTPOrigin has a browser's page of another origin call a server that listens on a port.
func TestHTTPOrigin(t *testing.T) {
	leaks(t)
	l := listenTCP(t)
	serve(t, l, newHandler(), rpc.ServerOptions{})
	ping := message("ping", wire.Call, 5, "00")
	for header, want := range map[string]int{"Sec-Fetch-Site: cross-site": 403, "Origin: http://elsewhere": 403, "Sec-Fetch-Site: same-origin": 200, "Origin: http://here": 200} {
		resp, _ := post(t, l.Addr().String(), fmt.Sprintf("POST / HTTP/1.1\r\nHost: here\r\n%s\r\nContent-Length: %d\r\n\r\n", header, len(ping)), ping)
		if resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", header, resp.Status, want)
		}
	}
}

// TestHTTPHeaderLimits sends headers that are too long and too slow to the port of a server.
func TestHTTPHeaderLimits(t *testing.T) {
	leaks(t)
	l := listenTCP(t)
	serve(t, l, newHandler(), rpc.ServerOptions{ReadTimeout: time.Second})
	resp, _ := post(t, l.Addr().String(), "POST / HTTP/1.1\r\nHost: h\r\nX: "+strings.Repeat("x", 100<<10)+"\r\n\r\n", nil)
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Error(resp.Status)
	}
	for _, start := range []string{
		"POST / HTTP/1.1\r\nHost:", "PRI * HTTP/2.0\r\n", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n",
		"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n",
	} {
		nc, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		nc.Write([]byte(start))
		nc.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := io.Copy(io.Discard, nc); errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%q: the connection is still open", start)
		}
		nc.Close()
	}
}

// TestHTTPReplies has the client meet every kind of answer.
func TestHTTPReplies(t *testing.T) {
	leaks(t)
	svc := load(t).Service("Test")
	type answer struct {
		status      int
		contentType string
		body        string
		location    string
	}
	var now atomic.Pointer[answer]
	var requests atomic.Int32
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		a := now.Load()
		w.Header().Set("Content-Type", a.contentType)
		if a.location != "" {
			w.Header().Set("Location", a.location)
		}
		w.WriteHeader(a.status)
		io.WriteString(w, a.body)
	}))
	defer hs.Close()
	c := dial(t, hs.URL, rpc.ClientOptions{MaxMessageBytes: 1000})
	const thrift, html = "application/x-thrift", "text/html"
	pong := string(message("ping", wire.Reply, 0, "0b0000 00000004 706f6e67 00"))
	void := string(message("check", wire.Reply, 0, "00"))
	for _, test := range []struct {
		what, method string
		answer       answer
		code         rpc.Code
		want         string // of the error; "" for none
	}{
		{"ok", "ping", answer{200, thrift, pong, ""}, 0, ""},
		{"another content type", "ping", answer{200, html, pong, ""}, 0, ""},
		{"500 with a reply", "ping", answer{500, "Application/X-Thrift; charset=x", pong, ""}, 0, ""},
		{"void", "check", answer{200, thrift, void, ""}, 0, ""},
		{"empty", "ping", answer{200, thrift, "", ""}, rpc.CodeProtocol, "Parent.ping: protocol error: server answered 200 OK with an empty body"},
		{"a page", "ping", answer{200, html, "<h1>It works!</h1>\r\nX: y", ""}, rpc.CodeProtocol, `Parent.ping: protocol error: server answered 200 OK without a message of the protocol binary: "<h1>It works!</h1>\r\nX: y"`},
		{"404", "ping", answer{404, html, " no such page\n", ""}, rpc.CodeProtocol, `Parent.ping: protocol error: server answered 404 Not Found: "no such page"`},
		{"500 with another content type", "ping", answer{500, html, pong, ""}, rpc.CodeProtocol, `Parent.ping: protocol error: server answered 500 Internal Server Error: "\x80\x01\x00\x02\x00\x00\x00\x04ping\x00\x00\x00\x00\v\x00\x00\x00\x00\x00\x04pong\x00"`},
		{"500, Thrift only by name", "ping", answer{500, thrift, "oops", ""}, rpc.CodeProtocol, `Parent.ping: protocol error: server answered 500 Internal Server Error: "oops"`},
		{"long", "ping", answer{418, html, strings.Repeat("x", 900), ""}, rpc.CodeProtocol, `Parent.ping: protocol error: server answered 418 I'm a teapot: "` + strings.Repeat("x", 200) + `"…`},
		{"a redirect", "ping", answer{307, html, "", "http://elsewhere/"}, rpc.CodeProtocol, `Parent.ping: protocol error: server answered 307 Temporary Redirect, which points to "http://elsewhere/"`},
		{"no content", "ping", answer{204, "", "", ""}, rpc.CodeProtocol, "Parent.ping: protocol error: server answered 204 No Content"},
		{"429", "ping", answer{429, html, "", ""}, rpc.CodeUnavailable, "Parent.ping: unavailable: server answered 429 Too Many Requests"},
		{"503", "ping", answer{503, html, "busy", ""}, rpc.CodeUnavailable, `Parent.ping: unavailable: server answered 503 Service Unavailable: "busy"`},
		{"502", "ping", answer{502, html, "", ""}, rpc.CodeConnectionLost, "Parent.ping: connection lost: server answered 502 Bad Gateway"},
		{"504", "ping", answer{504, html, "", ""}, rpc.CodeConnectionLost, "Parent.ping: connection lost: server answered 504 Gateway Timeout"},
		{"too long", "ping", answer{200, thrift, strings.Repeat("x", 1001), ""}, rpc.CodeProtocol, "Parent.ping: protocol error: the reply is too large: message of 1001 bytes exceeds the limit of 1000 (MaxMessageBytes)"},
		{"too long and not announced", "ping", answer{200, thrift, strings.Repeat("x", 50_000), ""}, rpc.CodeProtocol, "Parent.ping: protocol error: the reply is too large: message exceeds the limit of 1000 bytes (MaxMessageBytes)"},
		{"too long, with a status", "ping", answer{500, thrift, strings.Repeat("x", 1001), ""}, rpc.CodeProtocol, "Parent.ping: protocol error: server answered 500 Internal Server Error"},
		{"oneway", "notify", answer{200, thrift, "", ""}, 0, ""},
		{"oneway, answered nevertheless", "notify", answer{200, thrift, pong, ""}, 0, ""},
		{"oneway, 202", "notify", answer{202, "", "", ""}, 0, ""},
		{"oneway, 404", "notify", answer{404, html, "", ""}, rpc.CodeProtocol, "Test.notify: protocol error: server answered 404 Not Found"},
		{"oneway, 503", "notify", answer{503, html, "", ""}, rpc.CodeUnavailable, "Test.notify: unavailable: server answered 503 Service Unavailable"},
	} {
		now.Store(&test.answer)
		before := requests.Load()
		_, err := rpc.Invoke[any](context.Background(), c, svc.Method(test.method))
		if test.want == "" && err != nil || test.want != "" && (err == nil || err.Error() != test.want || code(err) != test.code) {
			t.Errorf("%s: %v, want %s", test.what, err, test.want)
		}
		if n := requests.Load() - before; n != 1 {
			t.Errorf("%s: %d requests", test.what, n)
		}
	}
}

// TestHTTPRequest looks at what the client sends.
func TestHTTPRequest(t *testing.T) {
	leaks(t)
	l := listenTCP(t)
	defer l.Close()
	c := dial(t, "http://"+l.Addr().String()+"/a%0d%0aX:%20y/b?service=S", rpc.ClientOptions{})
	go rpc.Invoke[any](context.Background(), c, load(t).Service("Test").Method("ping"))
	var buf bytes.Buffer
	for range 2 { // the first connection is that of Dial, and says nothing
		nc, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		nc.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		io.Copy(&buf, nc)
		nc.Close()
	}
	head, body, _ := strings.Cut(buf.String(), "\r\n\r\n")
	want := "POST /a%0d%0aX:%20y/b HTTP/1.1\r\nHost: " + l.Addr().String() + "\r\nUser-Agent: thriftkit\r\nContent-Length: 19\r\nAccept: application/x-thrift\r\nContent-Type: application/x-thrift"
	if head != want || body != string(message("S:ping", wire.Call, 1, "00")) {
		t.Errorf("got %q\n%q\nwant %q", head, body, want)
	}
}

// classic answers like the HTTP server of thriftpy2: HTTP/1.0, one connection at a time, closed
// after the response, whose length nothing tells.
func classic(t *testing.T, answer func(*http.Request) string) string {
	l := listenTCP(t)
	done := make(chan struct{})
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			if r, err := http.ReadRequest(bufio.NewReader(nc)); err == nil {
				body, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(body))
				if text := answer(r); text != "" {
					io.WriteString(nc, "HTTP/1.0 200 OK\r\nServer: BaseHTTP/0.6 Python/3.11.7\r\ncontent-type: application/x-thrift\r\n\r\n"+text)
				}
			}
			nc.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

func TestHTTPClassicServer(t *testing.T) {
	leaks(t)
	svc := load(t).Service("Test")
	target := classic(t, func(r *http.Request) string {
		if r.ContentLength < 0 || r.Header.Get("Content-Type") != "application/x-thrift" || r.URL.Path != "/" {
			return ""
		}
		return string(message("ping", wire.Reply, 1, "0b0000 00000004 706f6e67 00"))
	})
	c := dial(t, target, rpc.ClientOptions{})
	other := dial(t, target, rpc.ClientOptions{}) // connecting must not keep the server busy
	for range 3 {
		for _, c := range []*rpc.Client{c, other} {
			if got, err := rpc.Invoke[string](context.Background(), c, svc.Method("ping")); got != "pong" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}
	}
	// A handler that fails: the connection ends without a word.
	c = dial(t, classic(t, func(*http.Request) string { return "" }), rpc.ClientOptions{})
	if _, err := rpc.Invoke[string](context.Background(), c, svc.Method("ping")); code(err) != rpc.CodeConnectionLost {
		t.Errorf("no response: %v", err)
	}
}

// TestHTTPBreaksOff has a server that announces more than it sends.
func TestHTTPBreaksOff(t *testing.T) {
	leaks(t)
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.Write(message("ping", wire.Reply, 1, "0b0000"))
	}))
	defer hs.Close()
	c := dial(t, hs.URL, rpc.ClientOptions{})
	_, err := rpc.Invoke[string](context.Background(), c, load(t).Service("Test").Method("ping"))
	if want := "Parent.ping: connection lost: incomplete reply: unexpected EOF"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestHTTPNobodyThere(t *testing.T) {
	leaks(t)
	l := listenTCP(t)
	addr := l.Addr().String()
	s, svc := serve(t, l, newHandler(), rpc.ServerOptions{})
	c := dial(t, "http://"+addr, rpc.ClientOptions{})
	s.Close()
	var err error
	waitFor(t, "the listener to close", func() bool {
		_, err = rpc.Dial(context.Background(), "http://"+addr, rpc.ClientOptions{})
		return err != nil
	})
	if code(err) != rpc.CodeUnavailable || !strings.HasPrefix(err.Error(), "unavailable: dial tcp "+addr) {
		t.Errorf("Dial: %v", err)
	}
	_, err = rpc.Invoke[string](context.Background(), c, svc.Method("ping"))
	if code(err) != rpc.CodeUnavailable || !strings.HasPrefix(err.Error(), "Parent.ping: unavailable: dial tcp "+addr) {
		t.Errorf("a call: %v", err)
	}
	_, err = rpc.Dial(context.Background(), "http://"+addr+"/?transport=framed", rpc.ClientOptions{})
	if err == nil || !strings.HasSuffix(err.Error(), "messages over HTTP are not framed") {
		t.Errorf("framed: %v", err)
	}
}

// TestHTTPTooLarge sends what is above the limit, in both directions.
func TestHTTPTooLarge(t *testing.T) {
	leaks(t)
	l := listenTCP(t)
	_, svc := serve(t, l, newHandler(), rpc.ServerOptions{MaxMessageBytes: 1000})
	ctx := context.Background()
	_, err := rpc.Invoke[any](ctx, dial(t, "http://"+l.Addr().String(), rpc.ClientOptions{MaxMessageBytes: 1000}), svc.Method("echo"), strings.Repeat("x", 990))
	if want := "Test.echo: invalid argument: too large: message of 1014 bytes exceeds the limit of 1000"; err == nil || err.Error() != want || !errors.Is(err, wire.ErrTooLarge) {
		t.Errorf("%v, want %s", err, want)
	}
	c := dial(t, "http://"+l.Addr().String(), rpc.ClientOptions{})
	for range 10 { // with a body that is still on its way when the answer comes
		_, err = rpc.Invoke[any](ctx, c, svc.Method("echo"), strings.Repeat("x", 4<<20))
		if code(err) != rpc.CodeProtocol || !strings.Contains(err.Error(), "server answered 413 Request Entity Too Large") {
			t.Errorf("a call that the server does not take: %v", err)
		}
	}
	if _, err = rpc.Invoke[any](ctx, c, svc.Method("ping")); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

// TestHTTPContexts has calls end with their contexts, on both sides.
func TestHTTPContexts(t *testing.T) {
	leaks(t)
	l := listenTCP(t)
	h := newHandler()
	_, svc := serve(t, l, h, rpc.ServerOptions{ReadTimeout: time.Second})
	c := dial(t, "http://"+l.Addr().String(), rpc.ClientOptions{})
	f := bind(t, c, svc)
	if err := f.Wait(context.Background(), 1500); err != nil {
		t.Errorf("a handler that takes longer than a message may: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	if err := f.Wait(ctx, 60_000); code(err) != rpc.CodeTimeout || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("deadline: %v", err)
	}
	cancel()
	ctx, cancel = context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	if err := f.Wait(ctx, 60_000); code(err) != rpc.CodeCanceled || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := f.Wait(ctx, 1); code(err) != rpc.CodeCanceled {
		t.Errorf("cancelled before: %v", err)
	}
	waitFor(t, "the handlers to end as their clients went away", func() bool { return h.waiting.Load() == 0 })
	result := make(chan error, 1)
	go func() { result <- f.Wait(context.Background(), 60_000) }()
	waitFor(t, "the call", func() bool { return h.waiting.Load() == 1 })
	c.Close()
	if err := <-result; code(err) != rpc.CodeClosed {
		t.Errorf("closed: %v", err)
	}
	if err := f.Wait(context.Background(), 1); code(err) != rpc.CodeClosed {
		t.Errorf("closed before: %v", err)
	}
	// A server that never answers, and one that never ends its answer.
	stuck := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Length", "1000")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer stuck.Close()
	c = dial(t, stuck.URL, rpc.ClientOptions{Timeout: 100 * time.Millisecond})
	if _, err := rpc.Invoke[any](context.Background(), c, svc.Method("ping")); code(err) != rpc.CodeTimeout || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an answer without end: %v", err)
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// slowHandler takes its time for oneway calls.
type slowHandler struct {
	*handler
	release chan struct{}
	peers   chan string
}

func (h *slowHandler) Notify(ctx context.Context, text string) error {
	select {
	case <-h.release:
	case <-ctx.Done():
		text = ctx.Err().Error()
	}
	peer, _ := rpc.PeerOf(ctx)
	h.peers <- fmt.Sprint(peer.Addr)
	h.notified <- text
	return nil
}

// TestHTTPOneway makes oneway calls whose handlers go on: they are answered at once, outlive
// their requests, and Shutdown waits for them.
func TestHTTPOneway(t *testing.T) {
	leaks(t)
	const calls = 150 // more than go on after their answers
	h := &slowHandler{newHandler(), make(chan struct{}), make(chan string, calls)}
	h.notified = make(chan string, calls)
	l := listenTCP(t)
	s, svc := serve(t, l, h, rpc.ServerOptions{})
	c := dial(t, "http://"+l.Addr().String(), rpc.ClientOptions{MaxConns: calls})
	f := bind(t, c, svc)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for range 100 {
		if err := f.Notify(ctx, "n"); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := f.Ping(ctx); got != "pong" || err != nil {
		t.Errorf("between: %q, %v", got, err)
	}
	waits, cancelWait := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancelWait()
	if err := f.Notify(waits, "n"); code(err) != rpc.CodeTimeout {
		t.Errorf("a call too many: %v", err)
	}
	c.Close()
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(ctx) }()
	select {
	case err := <-down:
		t.Errorf("Shutdown did not wait: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(h.release)
	if err := <-down; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if len(h.notified) != 101 {
		t.Errorf("%d calls were made", len(h.notified))
	}
	for range len(h.notified) {
		if got := <-h.notified; got != "n" {
			t.Errorf("a handler got %q", got)
		}
		if peer := <-h.peers; !strings.HasPrefix(peer, "127.0.0.1:") {
			t.Errorf("a handler's peer is %q", peer)
		}
	}
}

// TestHTTPKeepAlive counts the connections of calls one after the other, and of many at once.
func TestHTTPKeepAlive(t *testing.T) {
	leaks(t)
	var conns atomic.Int32
	h := newHandler()
	_, svc, hs := mount(t, h, rpc.ServerOptions{}, func(hs *httptest.Server) {
		hs.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				conns.Add(1)
			}
		}
		hs.Start()
	})
	f := bind(t, dial(t, hs.URL+"/thrift", rpc.ClientOptions{MaxConns: 3}), svc)
	waitFor(t, "the connection of Dial", func() bool { return conns.Load() == 1 })
	for i := range 20 {
		f.Check(context.Background(), i%2 == 0)
		f.Get(context.Background(), 3)
		f.Notify(context.Background(), "n")
	}
	if n := conns.Load(); n != 2 {
		t.Errorf("%d connections", n)
	}
	errs := make(chan error)
	for range 12 {
		go func() { errs <- f.Wait(context.Background(), 20) }()
	}
	for range 12 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := conns.Load(); n > 4 {
		t.Errorf("%d connections for at most 3", n-1)
	}
}

// TestHTTPPeers calls over everything that carries HTTP and looks at whom the handler sees.
func TestHTTPPeers(t *testing.T) {
	leaks(t)
	ca := newAuthority(t, "authority")
	ca.sign(t, "foo.test", "server")
	ca.sign(t, "alice", "alice")
	seen := make(chan rpc.Peer, 1)
	opts := rpc.ServerOptions{TLS: ca.serverTLS(t, "server", ""), Interceptors: []rpc.Interceptor{func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, call *rpc.Call) error {
			peer, _ := rpc.PeerOf(ctx)
			seen <- peer
			return next(ctx, call)
		}
	}}}
	mutual := opts
	mutual.TLS, mutual.RequireTLS = ca.serverTLS(t, "server", ca.file("ca.pem")), true
	open, closed := listenTCP(t), listenTCP(t)
	_, svc := serve(t, open, newHandler(), opts)
	serve(t, closed, newHandler(), mutual)
	_, _, plain := mount(t, newHandler(), opts, (*httptest.Server).Start)
	var proto atomic.Value
	_, _, h2 := mount(t, newHandler(), opts, func(hs *httptest.Server) {
		hs.EnableHTTP2 = true // with a certificate of its own for example.com
		next := hs.Config.Handler
		hs.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			proto.Store(r.Proto)
			next.ServeHTTP(w, r)
		})
		hs.StartTLS()
	})
	roots := x509.NewCertPool()
	roots.AddCert(h2.Certificate())
	https := func(addr net.Addr, pairs ...string) string {
		q := url.Values{"ca": {ca.file("ca.pem")}, "servername": {"foo.test"}}
		for i := 0; i < len(pairs); i += 2 {
			q.Set(pairs[i], pairs[i+1])
		}
		return "https://" + addr.String() + "/path?" + q.Encode()
	}
	for _, test := range []struct {
		what, target, sees, err string
		roots                   *x509.CertPool
	}{
		{"same port", "http://" + open.Addr().String(), "plain", "", nil},
		{"same port, TLS", https(open.Addr()), "TLS", "", nil},
		{"plain where TLS is required", "http://" + closed.Addr().String(), "", "Test.echo: connection lost: ", nil},
		{"a certificate", https(closed.Addr(), "cert", ca.file("alice.pem"), "key", ca.file("alice.key")), "alice", "", nil},
		{"another name", https(open.Addr(), "servername", "bar.test"), "", "unavailable: tls: failed to verify certificate: x509: certificate is valid for foo.test, not bar.test", nil},
		{"mounted", plain.URL, "plain", "", nil},
		{"mounted, HTTP/2", h2.URL + "/?servername=example.com", "TLS", "", roots},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		c, err := rpc.Dial(ctx, test.target, rpc.ClientOptions{TLS: &tls.Config{RootCAs: test.roots}})
		for _, n := range []int{10, 300_000} {
			var got string
			if err == nil {
				got, err = rpc.Invoke[string](ctx, c, svc.Method("echo"), strings.Repeat("x", n))
			}
			if err != nil {
				continue
			}
			peer := <-seen
			sees := "plain"
			if peer.TLS != nil {
				sees = "TLS"
				if len(peer.TLS.PeerCertificates) > 0 {
					sees = peer.TLS.PeerCertificates[0].Subject.CommonName
				}
			}
			if _, ok := peer.Addr.(*net.TCPAddr); !ok || sees != test.sees || len(got) != n {
				t.Errorf("%s: %d bytes, the server saw %s %v, want %s", test.what, len(got), sees, peer.Addr, test.sees)
			}
		}
		switch {
		case test.err == "" && err != nil:
			t.Errorf("%s: %v", test.what, err)
		case test.err != "" && (err == nil || !strings.HasPrefix(err.Error(), test.err)):
			t.Errorf("%s: %v, want %s", test.what, err, test.err)
		}
		if c != nil {
			c.Close()
		}
		cancel()
	}
	if proto.Load() != "HTTP/2.0" {
		t.Errorf("the handler of an HTTP/2 server saw %v", proto.Load())
	}
}

// TestHTTP2OnThePort has a client that begins with HTTP/2.
func TestHTTP2OnThePort(t *testing.T) {
	leaks(t)
	l := listenTCP(t)
	s, _ := serve(t, l, newHandler(), rpc.ServerOptions{})
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr}).Post("http://"+l.Addr().String(), "application/x-thrift", bytes.NewReader(message("ping", wire.Call, 5, "00")))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if want := string(message("ping", wire.Reply, 5, "0b0000 00000004 706f6e67 00")); string(body) != want || err != nil || resp.ProtoMajor != 2 {
		t.Errorf("%s %q, %v", resp.Proto, body, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// TestShutdownHTTPIdle ends a server with an idle connection: one of HTTP/1 is given time for another request, whose answer says that
// it is the last one; HTTP/2 has GOAWAY for that.
func TestShutdownHTTPIdle(t *testing.T) {
	for name, most := range map[string]time.Duration{"HTTP/1": 4 * time.Second, "HTTP/2": 1500 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := listen(t)
				s, _ := serve(t, l, newHandler(), rpc.ServerOptions{})
				tr := &http.Transport{
					Protocols:   new(http.Protocols),
					DialContext: func(context.Context, string, string) (net.Conn, error) { return connectTo(t, l), nil },
				}
				tr.Protocols.SetHTTP1(name == "HTTP/1")
				tr.Protocols.SetUnencryptedHTTP2(name == "HTTP/2")
				resp, err := (&http.Client{Transport: tr}).Post("http://server", "application/x-thrift", bytes.NewReader(message("ping", wire.Call, 5, "00")))
				if err != nil {
					t.Fatal(err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				start := time.Now()
				if err := s.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
				if took := time.Since(start); took > most || name == "HTTP/1" && took < 2*time.Second {
					t.Errorf("it took %v", took)
				}
				tr.CloseIdleConnections()
			})
		})
	}
}

// TestHTTPShutdown ends servers with calls in flight and connections at rest.
func TestHTTPShutdown(t *testing.T) {
	for _, where := range []string{"same port", "mounted"} {
		for _, patient := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, patient %v", where, patient), func(t *testing.T) {
				leaks(t)
				h := newHandler()
				var s *rpc.Server
				var svc *schema.Service
				var target string
				if where == "mounted" {
					var hs *httptest.Server
					s, svc, hs = mount(t, h, rpc.ServerOptions{}, (*httptest.Server).Start)
					target = hs.URL
				} else {
					l := listenTCP(t)
					s, svc = serve(t, l, h, rpc.ServerOptions{})
					target = "http://" + l.Addr().String()
				}
				f, idle := bind(t, dial(t, target, rpc.ClientOptions{}), svc), bind(t, dial(t, target, rpc.ClientOptions{}), svc)
				if _, err := idle.Ping(context.Background()); err != nil {
					t.Fatal(err)
				}
				ms, timeout := int32(1000), 10*time.Second
				if !patient {
					ms, timeout = 60_000, 50*time.Millisecond
				}
				result := make(chan error, 1)
				go func() { result <- f.Wait(context.Background(), ms) }()
				waitFor(t, "the call", func() bool { return h.waiting.Load() == 1 })
				ctx, cancel := context.WithTimeout(context.Background(), timeout)
				defer cancel()
				start := time.Now()
				err := s.Shutdown(ctx)
				if patient && err != nil || !patient && !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
					t.Errorf("Shutdown: %v after %v", err, time.Since(start))
				}
				if err := <-result; (err == nil) != patient {
					t.Errorf("the call: %v", err)
				}
				time.Sleep(50 * time.Millisecond) // until net/http has noticed the end of the idle connection
				if _, err := idle.Ping(context.Background()); code(err) != rpc.CodeUnavailable {
					t.Errorf("the next call: %v", err)
				}
			})
		}
	}
}

// TestHTTPConnectStorm closes connections to the port at every point of a request.
func TestHTTPConnectStorm(t *testing.T) {
	leaks(t)
	ca := newAuthority(t, "authority")
	ca.sign(t, "foo.test", "server")
	l := listenTCP(t)
	_, svc := serve(t, l, newHandler(), rpc.ServerOptions{TLS: ca.serverTLS(t, "server", "")})
	ping := message("ping", wire.Call, 5, "00")
	whole := append([]byte(fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", len(ping))), ping...)
	for i := range whole {
		nc, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if i%4 == 0 {
			nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
		}
		nc.Write(whole[:i])
		nc.Close()
	}
	f := bind(t, dial(t, "http://"+l.Addr().String(), rpc.ClientOptions{}), svc)
	if got, err := f.Ping(context.Background()); got != "pong" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// A server next to the other handlers of a program.
func ExampleServer_HTTPHandler() {
	file, diags := compile.Compile("test.thrift", compile.Options{Source: compile.Texts{"test.thrift": testIDL}})
	if file == nil {
		fmt.Println(diags)
		return
	}
	server := rpc.NewServer(rpc.ServerOptions{})
	if err := server.Register(file.Service("Test"), newHandler()); err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/thrift", server.HTTPHandler())
	hs := httptest.NewServer(mux)
	defer hs.Close()

	client, err := rpc.Dial(context.Background(), hs.URL+"/thrift", rpc.ClientOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	fmt.Println(rpc.Invoke[string](context.Background(), client, file.Service("Test").Method("greet"), "HTTP"))
	// Output: hello HTTP <nil>
}
