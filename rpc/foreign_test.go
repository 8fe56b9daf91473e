package rpc_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/internal/memnet"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/thrifttest"
)

// lines is a dialect of lines: a call is "CALL", the method and its arguments as JSON, a reply "OK" or "ERROR"
// and what there is to say.
type lines struct{}

func (lines) Name() string            { return "lines" }
func (lines) Match(first []byte) bool { return bytes.HasPrefix(first, []byte("CALL ")) }

func (lines) ServeConn(ctx context.Context, nc net.Conn, s rpc.Invoker) error {
	in := bufio.NewScanner(nc)
	in.Buffer(nil, s.MaxMessageBytes())
	for in.Scan() {
		_, rest, _ := strings.Cut(in.Text(), " ")
		method, args, _ := strings.Cut(rest, " ")
		r := s.Invoke(ctx, invocation(method, args))
		reply := fmt.Sprintf("ERROR %v\n", r.Err)
		if r.Err == nil {
			reply = fmt.Sprintf("OK %v\n", r.Call.Result())
		}
		r.Bytes = len(reply)
		r.Release()
		if _, err := io.WriteString(nc, reply); err != nil {
			return err
		}
	}
	return in.Err()
}

// invocation returns a call with arguments that are values of JSON.
func invocation(method, args string) *rpc.Invocation {
	in := &rpc.Invocation{Method: method, Bytes: len(args), Timeout: time.Minute}
	in.Args = func(call *rpc.Call) error {
		values := json.NewDecoder(strings.NewReader(args))
		values.UseNumber()
		for i := 0; values.More(); i++ {
			var v any
			if err := values.Decode(&v); err != nil {
				return err
			}
			if err := call.SetArg(i, v); err != nil {
				return err
			}
		}
		return nil
	}
	return in
}

// rest is a dialect of HTTP: a call is a GET whose path is the method and whose query the arguments, or a PUT whose body
// they are.
type rest struct{}

func (rest) Name() string { return "rest" }
func (rest) MatchHTTP(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodPut
}

func (rest) ServeHTTP(w http.ResponseWriter, r *http.Request, s rpc.Invoker) {
	args := r.URL.Query().Get("args")
	if r.Method == http.MethodPut {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(s.MaxMessageBytes())))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		args = string(body)
	}
	result := s.Invoke(r.Context(), invocation(r.URL.Path[1:], args))
	defer result.Release()
	if result.Err != nil {
		http.Error(w, result.Err.Error(), http.StatusBadRequest)
		return
	}
	result.Bytes, _ = fmt.Fprintln(w, result.Call.Result())
}

// serveDialects serves the Test service in memory, in all dialects.
func serveDialects(t *testing.T, h any, opts rpc.ServerOptions) (*rpc.Server, *memnet.Listener) {
	t.Helper()
	l := memnet.Listen()
	opts.Dialects = append(opts.Dialects, lines{}, rest{})
	s, _ := serve(t, l, h, opts)
	return s, l
}

// memDial connects to l.
func memDial(t *testing.T, l *memnet.Listener) net.Conn {
	t.Helper()
	nc, err := l.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

// say writes text to nc, in pieces of a few bytes, and returns all that comes until the server closes.
func say(t *testing.T, nc net.Conn, text string, piece int) string {
	t.Helper()
	go func() {
		for len(text) > 0 {
			n := min(piece, len(text))
			io.WriteString(nc, text[:n])
			text = text[n:]
		}
		nc.(interface{ CloseWrite() error }).CloseWrite()
	}()
	b, err := io.ReadAll(nc)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// TestDialect makes calls in a dialect of connections.
func TestDialect(t *testing.T) {
	for _, test := range []struct{ call, want string }{
		{`ping`, "OK pong"},
		{`echo "hello you"`, "OK hello you"},
		{`greet`, "OK hello world"},
		{`check false`, "ERROR Denied: not ok"},
		{`check true`, "OK <nil>"},
		{`notify "x"`, "OK <nil>"},
		{`get 2`, "ERROR internal error"},
		{`get 3`, "ERROR internal error"},
		{`get 4`, "ERROR protocol error: as asked"},
		{`get "x"`, `ERROR protocol error: invalid value: want i32, got "x"`},
		{`get 1 2`, "ERROR protocol error: Test.get has 1 parameter, there is no argument 1"},
		{`nope`, `ERROR unknown method: unknown method "nope"`},
		{`info`, `ERROR unknown method: unknown method "info"`},
	} {
		_, l := serveDialects(t, newHandler(), rpc.ServerOptions{})
		for _, piece := range []int{1, 3, 1000} {
			if got := say(t, memDial(t, l), "CALL "+test.call+"\n", piece); got != test.want+"\n" {
				t.Errorf("%s, %d bytes at a time: %q, want %q", test.call, piece, got, test.want)
			}
		}
	}
}

// TestDialectHTTP makes calls in a dialect of HTTP, and one of Thrift on the same server.
func TestDialectHTTP(t *testing.T) {
	l := listenTCP(t)
	_, svc := serve(t, l, newHandler(), rpc.ServerOptions{Dialects: []rpc.Dialect{lines{}, rest{}}})
	for _, test := range []struct {
		path   string
		status int
		want   string
	}{
		{"/ping", 200, "pong\n"},
		{"/echo?args=%22x%22", 200, "x\n"},
		{"/nope", 400, "unknown method: unknown method \"nope\"\n"},
	} {
		r, err := http.Get("http://" + l.Addr().String() + test.path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r.Body)
		r.Body.Close()
		if r.StatusCode != test.status || string(b) != test.want || err != nil {
			t.Errorf("%s: %d, %q, %v", test.path, r.StatusCode, b, err)
		}
	}
	c := bind(t, dial(t, l.Addr().String()+"?transport=http", rpc.ClientOptions{}), svc)
	if got, err := c.Ping(t.Context()); got != "pong" || err != nil {
		t.Errorf("Thrift over HTTP beside it: %q, %v", got, err)
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestDialectIsServed has the server do for a dialect what it does for Thrift.
func TestDialectIsServed(t *testing.T) {
	t.Run("interceptors, deadline, peer", func(t *testing.T) {
		var saw []string
		_, l := serveDialects(t, newHandler(), rpc.ServerOptions{Interceptors: []rpc.Interceptor{func(next rpc.Handler) rpc.Handler {
			return func(ctx context.Context, call *rpc.Call) error {
				deadline, ok := ctx.Deadline()
				_, known := rpc.PeerOf(ctx)
				saw = append(saw, fmt.Sprintln(call.Method, call.Arg(0), ok && time.Until(deadline) > 0, known))
				return next(ctx, call)
			}
		}}})
		say(t, memDial(t, l), "CALL echo \"x\"\n", 100)
		if got := strings.Join(saw, ";"); got != "Test.echo x true true\n" {
			t.Error(got)
		}
	})
	t.Run("MaxCalls", func(t *testing.T) {
		h := newHandler()
		_, l := serveDialects(t, h, rpc.ServerOptions{MaxCalls: 1, QueueTimeout: time.Millisecond})
		busy := memDial(t, l)
		io.WriteString(busy, "CALL wait 60000\n")
		for h.waiting.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		if got := say(t, memDial(t, l), "CALL ping\n", 100); got != "ERROR overloaded: too many calls are under way\n" {
			t.Error(got)
		}
	})
	t.Run("MaxMessageBytes", func(t *testing.T) {
		var log errorLog
		_, l := serveDialects(t, newHandler(), rpc.ServerOptions{MaxMessageBytes: 100, ErrorLog: log.add})
		if got := say(t, memDial(t, l), "CALL echo \""+strings.Repeat("x", 200)+"\"\n", 1000); got != "" {
			t.Error(got)
		}
		log.waitFor(t, bufio.ErrTooLong.Error())
	})
	t.Run("IdleTimeout", func(t *testing.T) {
		_, l := serveDialects(t, newHandler(), rpc.ServerOptions{IdleTimeout: 20 * time.Millisecond})
		nc := memDial(t, l)
		io.WriteString(nc, "CALL ping\n")
		if b, err := io.ReadAll(nc); string(b) != "OK pong\n" || err != nil {
			t.Errorf("%q, %v", b, err)
		}
	})
	t.Run("TLS", func(t *testing.T) {
		ca := newAuthority(t, "authority")
		ca.sign(t, "foo.test", "server")
		_, l := serveDialects(t, newHandler(), rpc.ServerOptions{TLS: ca.serverTLS(t, "server", ""), RequireTLS: true})
		roots := x509.NewCertPool()
		roots.AddCert(ca.cert)
		tc := tls.Client(memDial(t, l), &tls.Config{RootCAs: roots, ServerName: "foo.test"})
		io.WriteString(tc, "CALL ping\n")
		tc.CloseWrite()
		if b, err := io.ReadAll(tc); string(b) != "OK pong\n" || err != nil {
			t.Errorf("%q, %v", b, err)
		}
		if got := say(t, memDial(t, l), "CALL ping\n", 100); got != "" {
			t.Errorf("without TLS: %q", got)
		}
	})
	t.Run("Accept", func(t *testing.T) {
		for accept, want := range map[string]string{"lines": "OK pong\n", "binary": ""} {
			s, l := serveDialects(t, newHandler(), rpc.ServerOptions{Accept: []string{accept}})
			if got := say(t, memDial(t, l), "CALL ping\n", 100); got != want {
				t.Errorf("%s: %q", accept, got)
			}
			if refused := s.Stats().RefusedDialects; refused == 0 != (want != "") {
				t.Errorf("%s: %d refused", accept, refused)
			}
		}
	})
	t.Run("panic", func(t *testing.T) {
		var log errorLog
		l := memnet.Listen()
		serve(t, l, newHandler(), rpc.ServerOptions{ErrorLog: log.add, Dialects: []rpc.Dialect{broken{}}})
		say(t, memDial(t, l), "CALL ping\n", 100)
		log.waitFor(t, "dialect broken panicked: as it is")
	})
}

type broken struct{ lines }

func (broken) Name() string { return "broken" }
func (broken) ServeConn(context.Context, net.Conn, rpc.Invoker) error {
	panic("as it is")
}

// TestDialectShutdown has a server shut down while a call is under way and other connections rest.
func TestDialectShutdown(t *testing.T) {
	leaks(t)
	h := newHandler()
	s, l := serveDialects(t, h, rpc.ServerOptions{})
	resting, busy := memDial(t, l), memDial(t, l)
	io.WriteString(resting, "CALL ping\n")
	if got := make([]byte, 8); true {
		if _, err := io.ReadFull(resting, got); err != nil || string(got) != "OK pong\n" {
			t.Fatalf("%q, %v", got, err)
		}
	}
	io.WriteString(busy, "CALL wait 20\n")
	for h.waiting.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if b, err := io.ReadAll(resting); len(b) > 0 || err != nil {
		t.Errorf("the resting one: %q, %v", b, err)
	}
	if b, err := io.ReadAll(busy); string(b) != "OK <nil>\n" || err != nil {
		t.Errorf("the busy one: %q, %v", b, err)
	}
}

// A caller sends requests of HTTP to a server in memory.
type caller struct {
	t      *testing.T
	client *http.Client
}

func newCaller(t *testing.T, l *memnet.Listener) caller {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return l.Dial(ctx) }}
	t.Cleanup(transport.CloseIdleConnections)
	return caller{t, &http.Client{Transport: transport}}
}

// do returns the status and the body of the response, or the error.
func (c caller) do(method, path, body string) string {
	r, err := http.NewRequestWithContext(c.t.Context(), method, "http://memory"+path, strings.NewReader(body))
	if err != nil {
		c.t.Error(err)
		return ""
	}
	response, err := c.client.Do(r)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Error(err)
	}
	return fmt.Sprint(response.StatusCode, " ", strings.TrimSpace(string(b)))
}

// TestDialectHTTPIsServed has the server do for a dialect of HTTP what it does for Thrift.
func TestDialectHTTPIsServed(t *testing.T) {
	run := func(name string, test func(t *testing.T)) {
		t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
	}
	run("interceptors, deadline, peer", func(t *testing.T) {
		var saw []string
		_, l := serveDialects(t, newHandler(), rpc.ServerOptions{Interceptors: []rpc.Interceptor{func(next rpc.Handler) rpc.Handler {
			return func(ctx context.Context, call *rpc.Call) error {
				deadline, ok := ctx.Deadline()
				_, known := rpc.PeerOf(ctx)
				saw = append(saw, fmt.Sprint(call.Method, " ", call.Arg(0), " ", ok, " ", time.Until(deadline), " ", known))
				return next(ctx, call)
			}
		}}})
		if got := newCaller(t, l).do("GET", "/echo?args=%22x%22", ""); got != "200 x" {
			t.Error(got)
		}
		if got := strings.Join(saw, ";"); got != "Test.echo x true 1m0s true" {
			t.Error(got)
		}
	})
	run("deadline", func(t *testing.T) {
		_, l := serveDialects(t, newHandler(), rpc.ServerOptions{})
		start := time.Now()
		// The handler returns the context's error, which clients do not see.
		if got := newCaller(t, l).do("GET", "/wait?args=120000", ""); got != "400 internal error" {
			t.Error(got)
		}
		if d := time.Since(start); d < time.Minute || d > 61*time.Second {
			t.Errorf("after %v, the deadline is a minute", d)
		}
	})
	run("MaxCalls", func(t *testing.T) {
		h := newHandler()
		_, l := serveDialects(t, h, rpc.ServerOptions{MaxCalls: 1, QueueTimeout: time.Millisecond})
		c := newCaller(t, l)
		busy := make(chan string)
		go func() { busy <- c.do("GET", "/wait?args=1000", "") }()
		synctest.Wait()
		if got := c.do("GET", "/ping", ""); got != "400 overloaded: too many calls are under way" {
			t.Error(got)
		}
		if got := <-busy; got != "200 <nil>" {
			t.Error(got)
		}
		if got := c.do("GET", "/ping", ""); got != "200 pong" {
			t.Error(got)
		}
	})
	run("MaxMessageBytes", func(t *testing.T) {
		_, l := serveDialects(t, newHandler(), rpc.ServerOptions{MaxMessageBytes: 100})
		c := newCaller(t, l)
		if got := c.do("PUT", "/echo", `"short"`); got != "200 short" {
			t.Error(got)
		}
		if got := c.do("PUT", "/echo", `"`+strings.Repeat("x", 200)+`"`); got != "413 http: request body too large" {
			t.Error(got)
		}
		time.Sleep(time.Second) // net/http takes half of it to close the connection
	})
	run("Accept", func(t *testing.T) {
		const refused = "403 this server does not accept rest"
		for accept, want := range map[string]string{"rest": "200 pong", "http": refused, "binary": refused} {
			s, l := serveDialects(t, newHandler(), rpc.ServerOptions{Accept: []string{accept}})
			if got := newCaller(t, l).do("GET", "/ping", ""); got != want {
				t.Errorf("%s: %s, want %s", accept, got, want)
			}
			if n := s.Stats().RefusedDialects; n == 0 != (accept == "rest") {
				t.Errorf("%s: %d refused", accept, n)
			}
		}
	})
	run("panic", func(t *testing.T) {
		var log errorLog
		l := memnet.Listen()
		serve(t, l, newHandler(), rpc.ServerOptions{ErrorLog: log.add, Dialects: []rpc.Dialect{brokenHTTP{}, rest{}}})
		c := newCaller(t, l)
		if got := c.do("GET", "/broken", ""); !strings.HasSuffix(got, "EOF") {
			t.Error(got)
		}
		log.waitFor(t, "as it is")
		for path, want := range map[string]string{"/get?args=2": "400 internal error", "/ping": "200 pong"} {
			if got := c.do("GET", path, ""); got != want {
				t.Errorf("%s: %s, want %s", path, got, want)
			}
		}
		log.waitFor(t, "secret") // a handler's
	})
	run("shutdown", func(t *testing.T) {
		h := newHandler()
		s, l := serveDialects(t, h, rpc.ServerOptions{})
		c := newCaller(t, l)
		busy := make(chan string)
		go func() { busy <- c.do("GET", "/wait?args=1000", "") }()
		synctest.Wait()
		if got := c.do("GET", "/ping", ""); got != "200 pong" { // over a connection that rests then
			t.Error(got)
		}
		if n := s.Stats().Connections; n != 2 {
			t.Errorf("%d connections, want 2", n)
		}
		start, ended := time.Now(), make(chan error, 1)
		go func() { ended <- s.Shutdown(t.Context()) }()
		if got := <-busy; got != "200 <nil>" {
			t.Error(got)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d < time.Second {
			t.Errorf("Shutdown returned after %v, the call took a second", d)
		}
		if got := c.do("GET", "/ping", ""); !strings.Contains(got, net.ErrClosed.Error()) {
			t.Errorf("after it: %s", got)
		}
	})
	run("Stats", func(t *testing.T) {
		var heard thrifttest.Recorder
		s, l := serveDialects(t, newHandler(), rpc.ServerOptions{Stats: &heard})
		c := newCaller(t, l)
		for _, path := range []string{"/nope", "/get?args=%22x%22", "/get?args=1", "/echo?args=%22x%22"} {
			c.do("GET", path, "")
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range heard.Calls() {
			got = append(got, fmt.Sprint(e.Kind, " ", e.Name, " ", e.Dialect, " ", e.RequestBytes, " ", e.ReplyBytes, " ", e.Err))
		}
		want := []string{
			"received nope rest 0 0 <nil>", `refused nope rest 0 0 unknown method: unknown method "nope"`,
			"received get rest 3 0 <nil>", `refused get rest 3 0 protocol error: invalid value: want i32, got "x"`,
			"received get rest 1 0 <nil>", "begun get rest 1 0 <nil>", "replied get rest 1 0 wrapped: denied: not you",
			"received echo rest 3 0 <nil>", "begun echo rest 3 0 <nil>", "replied echo rest 3 2 <nil>",
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		var kinds []string
		for _, e := range heard.Conns() {
			kinds = append(kinds, fmt.Sprint(e.Kind, " ", e.ID, " ", e.Err))
		}
		if got := strings.Join(kinds, ", "); got != "opened 1 <nil>, detected 1 <nil>, closed 1 <nil>" {
			t.Error(got)
		}
	})
}

// brokenHTTP panics.
type brokenHTTP struct{}

func (brokenHTTP) Name() string                                              { return "broken" }
func (brokenHTTP) MatchHTTP(r *http.Request) bool                            { return r.URL.Path == "/broken" }
func (brokenHTTP) ServeHTTP(http.ResponseWriter, *http.Request, rpc.Invoker) { panic("as it is") }

// TestDialectOrder has dialects that match everything: Thrift's sure starts come before them, its guesses after.
func TestDialectOrder(t *testing.T) {
	greedy := greedy{}
	for _, test := range []struct {
		query string
		ours  bool
	}{
		{"", true}, {"?protocol=compact", true}, {"?transport=framed", true}, {"?transport=header", true},
		{"?transport=ttheader", true}, {"?transport=http", true}, {"?compression=zlib", true}, {"?protocol=json", false},
	} {
		l := listen(t)
		_, svc := serve(t, l, newHandler(), rpc.ServerOptions{Dialects: []rpc.Dialect{greedy}})
		c := bind(t, dial(t, l.Addr().String()+test.query, rpc.ClientOptions{}), svc)
		if _, err := c.Ping(t.Context()); (err == nil) != test.ours {
			t.Errorf("%s: %v", test.query, err)
		}
	}
}

// greedy takes everything and answers nothing.
type greedy struct{}

func (greedy) Name() string            { return "greedy" }
func (greedy) Match(first []byte) bool { return true }
func (greedy) ServeConn(context.Context, net.Conn, rpc.Invoker) error {
	return errors.New("took it")
}

// TestDialectNames refuses dialects that cannot be served.
func TestDialectNames(t *testing.T) {
	for want, list := range map[string][]rpc.Dialect{
		`another dialect is called "lines"`:                           {lines{}, lines{}},
		`another dialect is called "compact"`:                         {named("compact")},
		`another dialect is called ""`:                                {named("")},
		`dialect "x" is neither a ConnDialect nor an HTTPDialect`:     {onlyNamed{}},
		`unknown dialect "nix": there are the transports buffered, f`: {lines{}},
	} {
		s := rpc.NewServer(rpc.ServerOptions{Dialects: list, Accept: []string{"lines", "nix"}})
		if err := s.Serve(memnet.Listen()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

type named string

func (n named) Name() string                                            { return string(n) }
func (named) MatchHTTP(*http.Request) bool                              { return false }
func (named) ServeHTTP(http.ResponseWriter, *http.Request, rpc.Invoker) {}

type onlyNamed struct{}

func (onlyNamed) Name() string { return "x" }

// TestStats is told of everything that happens on a server.
func TestStats(t *testing.T) {
	for _, test := range []struct {
		query, dialect string
	}{
		{"", "binary/buffered"}, {"?transport=framed&protocol=compact", "compact/framed"}, {"?transport=ttheader", "binary/ttheader"},
		{"?transport=http", "binary/http"},
	} {
		t.Run(test.dialect, func(t *testing.T) {
			var server, client thrifttest.Recorder
			l := listen(t)
			s, svc := serve(t, l, newHandler(), rpc.ServerOptions{Stats: &server})
			conn := dial(t, l.Addr().String()+test.query, rpc.ClientOptions{Stats: &client})
			c := bind(t, conn, svc)
			c.Echo(t.Context(), "x")
			c.Get(t.Context(), 1)
			c.Notify(t.Context(), "x")
			c.Ping(t.Context())
			conn.Close()
			if err := s.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			var got []string
			events := server.Calls()
			// A slow machine may begin a call before the one before it has ended.
			slices.SortStableFunc(events, func(a, b rpc.CallEvent) int { return strings.Compare(a.Name, b.Name) })
			for _, e := range events {
				got = append(got, fmt.Sprintf("%s %s %s %v", e.Kind, e.Name, e.Dialect, e.Err))
				if e.Method == nil || e.Service != svc || e.Call == 0 || e.RequestBytes == 0 || e.Time.IsZero() {
					t.Errorf("%+v", e)
				}
				if e.Kind == rpc.CallReplied && (e.Duration <= 0 || e.ReplyBytes == 0 != (e.Name == "notify")) {
					t.Errorf("%+v", e)
				}
			}
			var want []string
			for _, call := range []string{"echo", "get", "notify", "ping"} {
				end := "<nil>"
				if call == "get" {
					end = "wrapped: denied: not you"
				}
				for _, kind := range []string{"received", "begun", "replied"} {
					err := "<nil>"
					if kind == "replied" {
						err = end
					}
					want = append(want, fmt.Sprintf("%s %s %s %s", kind, call, test.dialect, err))
				}
			}
			if test.dialect != "binary/http" { // where a oneway call ends when it wants to
				if got, want := strings.Join(got, "\n"), strings.Join(want, "\n"); got != want {
					t.Errorf("server:\n%s\nwant\n%s", got, want)
				}
			}
			kinds := make(map[rpc.ConnEventKind]int)
			for _, e := range server.Conns() {
				kinds[e.Kind]++
				if e.ID == 0 || e.Peer == nil || e.Kind == rpc.ConnDetected && e.Dialect == "" {
					t.Errorf("%+v", e)
				}
			}
			if n := kinds[rpc.ConnOpened]; n == 0 || n != kinds[rpc.ConnClosed] {
				t.Errorf("connections of the server: %v", kinds)
			}
			got = nil
			for _, e := range client.Calls() {
				got = append(got, fmt.Sprintf("%s %s", e.Kind, e.Name))
				if e.Kind == rpc.AttemptEnded && (e.Conn == 0 || e.RequestBytes == 0 || e.Outcome != rpc.OutcomeExecuted || e.Attempt != 1 || e.Instance != l.Addr().String()) {
					t.Errorf("%+v", e)
				}
			}
			if got := strings.Join(got, ", "); got != "attempt begun echo, attempt ended echo, attempt begun get, attempt ended get, "+
				"attempt begun notify, attempt ended notify, attempt begun ping, attempt ended ping" {
				t.Errorf("client: %s", got)
			}
		})
	}
}

// TestStatsOfRefused is told of what no interceptor sees.
func TestStatsOfRefused(t *testing.T) {
	var heard thrifttest.Recorder
	s, l := serveDialects(t, newHandler(), rpc.ServerOptions{Stats: &heard, Accept: []string{"lines", "binary"}})
	say(t, memDial(t, l), "CALL nope\nCALL get \"x\"\nCALL echo \"x\"\n", 100)
	say(t, memDial(t, l), "nothing that is known", 100)
	say(t, memDial(t, l), "\x82\x21\x01\x04ping\x00", 100)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range heard.Calls() {
		var re *rpc.Error
		code := "-"
		if errors.As(e.Err, &re) {
			code = re.Code.String()
		}
		got = append(got, fmt.Sprint(e.Kind, " ", e.Name, " ", code))
	}
	want := "received nope -, refused nope unknown method, received get -, refused get protocol error, received echo -, begun echo -, replied echo -"
	if got := strings.Join(got, ", "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	var conns []string
	for _, e := range heard.Conns() {
		conns = append(conns, fmt.Sprint(e.Kind, " ", e.ID, " ", e.Err))
	}
	for _, want := range []string{
		"opened 1 <nil>", "detected 1 <nil>", "closed 1 <nil>", "refused 2 no dialect of Thrift starts with the bytes",
		"refused 3 the client speaks compact/buffered, which this server does not accept",
	} {
		if !strings.Contains(strings.Join(conns, "\n"), want) {
			t.Errorf("no %q in\n%s", want, strings.Join(conns, "\n"))
		}
	}
}
