package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	wirebinary "github.com/thriftkit/thriftkit/wire/binary"
)

// request is a call as a fake server sees it.
type request struct {
	wire.Header
	conn int // from 0, in the order of connecting
	n    int // from 0, on its connection
	nc   net.Conn
}

// fake is a server that a test writes by hand: answer gets every call of every connection, in
// order, and writes what it likes. If it returns false the connection is closed.
func fake(t *testing.T, answer func(request) bool) string {
	t.Helper()
	l := listen(t)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				stop := context.AfterFunc(t.Context(), func() { nc.Close() })
				defer stop()
				defer nc.Close()
				p, _ := protocol.ByName("binary")
				r := msgio.NewReader(nc, 1<<20)
				r.Start(wire.Buffered, p.NewSplitter(1<<20))
				for n := 0; ; n++ {
					msg, err := r.Recv()
					if err != nil {
						return
					}
					h, _, err := wirebinary.ConsumeHeader(msg)
					if err != nil || !answer(request{h, i, n, nc}) {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String()
}

// pong answers with a text and a sequence id.
func pong(text string, seq int32) []byte {
	return message("ping", wire.Reply, seq, fmt.Sprintf("0b0000 %08x %x 00", len(text), text))
}

func pinger(t *testing.T, target string, opts rpc.ClientOptions) func(context.Context) (string, error) {
	t.Helper()
	var c struct {
		Ping func(context.Context) (string, error)
	}
	if err := dial(t, target, opts).Bind(load(t).Service("Test"), &c); err != nil {
		t.Fatal(err)
	}
	return c.Ping
}

func code(err error) rpc.Code {
	var e *rpc.Error
	if !errors.As(err, &e) {
		return 999
	}
	return e.Code
}

func outcome(err error) rpc.Outcome {
	var e *rpc.Error
	if !errors.As(err, &e) {
		return 99
	}
	return e.Outcome
}

// TestLateReply is the classic fault: a call times out, and its reply must not answer the next.
func TestLateReply(t *testing.T) {
	for _, cancel := range []bool{false, true} {
		t.Run(fmt.Sprintf("cancel=%v", cancel), func(t *testing.T) {
			leaks(t)
			release := make(chan struct{})
			ping := pinger(t, fake(t, func(r request) bool {
				if r.conn == 0 && r.n == 1 {
					<-release
				}
				r.nc.Write(pong(fmt.Sprintf("%d.%d", r.conn, r.n), r.SeqID))
				return true
			}), rpc.ClientOptions{})
			if got, err := ping(context.Background()); got != "0.0" || err != nil {
				t.Fatalf("%q, %v", got, err)
			}
			ctx, stop := context.WithTimeout(context.Background(), 20*time.Millisecond)
			want, wantCode := context.DeadlineExceeded, rpc.CodeTimeout
			if cancel {
				stop()
				ctx, stop = context.WithCancel(context.Background())
				time.AfterFunc(20*time.Millisecond, stop)
				want, wantCode = context.Canceled, rpc.CodeCanceled
			}
			defer stop()
			if _, err := ping(ctx); !errors.Is(err, want) || code(err) != wantCode {
				t.Fatalf("%v, want %v", err, want)
			}
			close(release)
			for i := range 3 {
				if got, err := ping(context.Background()); got != fmt.Sprintf("1.%d", i) || err != nil {
					t.Errorf("after it: %q, %v", got, err)
				}
			}
			if _, err := ping(ctx); !errors.Is(err, want) {
				t.Errorf("a context that is over: %v", err)
			}
		})
	}
}

// TestTimeoutAmongOthers lets one of several calls on a connection give up; the others get
// their replies.
func TestTimeoutAmongOthers(t *testing.T) {
	leaks(t)
	release := make(chan struct{})
	arrived := make(chan struct{}, 10)
	ping := pinger(t, fake(t, func(r request) bool {
		arrived <- struct{}{}
		if r.n == 0 {
			<-release
		}
		r.nc.Write(pong("x", r.SeqID))
		return true
	}), rpc.ClientOptions{MaxConns: 1})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	first := make(chan error, 1)
	go func() { _, err := ping(ctx); first <- err }() // this one reads, and gives the reading up
	<-arrived
	others := make(chan error, 3)
	for range 3 {
		go func() { _, err := ping(context.Background()); others <- err }()
	}
	if err := <-first; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the first: %v", err)
	}
	close(release)
	for range 3 {
		if err := <-others; err != nil {
			t.Errorf("another: %v", err)
		}
	}
}

// TestDeadConnections has a network lose all connections without a word: that costs one call its time, not one for each
// connection.
func TestDeadConnections(t *testing.T) {
	leaks(t)
	var dead, conns atomic.Int32
	ping := pinger(t, fake(t, func(r request) bool {
		if r.n == 0 {
			conns.Add(1)
		}
		if int32(r.conn) < dead.Load() {
			return true
		}
		time.Sleep(10 * time.Millisecond) // which makes connections congested
		r.nc.Write(pong("x", r.SeqID))
		return true
	}), rpc.ClientOptions{Timeout: time.Second})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := ping(context.Background()); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(5 * time.Millisecond)
	}
	wg.Wait()
	if conns.Load() < 2 {
		t.Fatalf("%d connections, more are wanted", conns.Load())
	}
	dead.Store(conns.Load())
	if _, err := ping(context.Background()); code(err) != rpc.CodeTimeout {
		t.Errorf("%v", err)
	}
	for range 3 {
		if got, err := ping(context.Background()); got != "x" || err != nil {
			t.Errorf("after it: %q, %v", got, err)
		}
	}
}

func TestReplies(t *testing.T) {
	for _, test := range []struct {
		what  string
		reply func(request) []byte
		want  string // of the error; "" for none
		code  rpc.Code
	}{
		{"ids echoed", func(r request) []byte { return pong("x", r.SeqID) }, "", 0},
		{"ids not echoed", func(r request) []byte { return pong("x", 0) }, "", 0},
		{"another name", func(r request) []byte { return message("pong", wire.Reply, r.SeqID, "00") }, `Parent.ping: wrong method name: the answer is to "pong"`, rpc.CodeWrongMethodName},
		{"a call", func(r request) []byte { return message("ping", wire.Call, r.SeqID, "00") }, "Parent.ping: invalid message type: the answer is a call", rpc.CodeInvalidMessageType},
		{"an empty result", func(r request) []byte { return message("ping", wire.Reply, r.SeqID, "00") }, "Parent.ping: missing result: the reply has neither a result nor an exception", rpc.CodeMissingResult},
		{"an exception as thriftpy2 sends it", func(r request) []byte { return message("ping", wire.Exception, r.SeqID, "080002 00000001 00") }, "Parent.ping: unknown method (from the server)", rpc.CodeUnknownMethod},
		{"an exception without a type", func(r request) []byte { return message("ping", wire.Exception, r.SeqID, "0b0001 00000001 78 00") }, "Parent.ping: unknown: x (from the server)", rpc.CodeUnknown},
		{"a result of another type", func(r request) []byte { return message("ping", wire.Reply, r.SeqID, "080000 00000001 00") }, "Parent.ping: missing result: the reply has neither a result nor an exception", rpc.CodeMissingResult},
		{"another version", func(r request) []byte { return []byte{0x80, 2, 0, 2, 0, 0, 0, 0} }, "Parent.ping: connection lost: at byte 0: invalid data: version 0x8002, not 0x8001", rpc.CodeConnectionLost},
		{"HTTP", func(r request) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") }, "Parent.ping: connection lost: at byte 0: too large: the message has more than 16777216 bytes", rpc.CodeConnectionLost},
	} {
		t.Run(test.what, func(t *testing.T) {
			leaks(t)
			ping := pinger(t, fake(t, func(r request) bool { r.nc.Write(test.reply(r)); return true }), rpc.ClientOptions{})
			for range 3 { // the connection, or a new one, goes on
				got, err := ping(context.Background())
				switch {
				case test.want == "" && (got != "x" || err != nil):
					t.Errorf("%q, %v", got, err)
				case test.want != "" && (err == nil || err.Error() != test.want || code(err) != test.code):
					t.Errorf("%v\nwant %s", err, test.want)
				}
			}
		})
	}
}

// TestWrongSequenceIDs has a server answer calls that nobody made.
func TestWrongSequenceIDs(t *testing.T) {
	leaks(t)
	ping := pinger(t, fake(t, func(r request) bool {
		if r.n == 0 {
			r.nc.Write(pong("x", r.SeqID)) // it does echo
		} else {
			r.nc.Write(append(pong("wrong", r.SeqID+77), pong("x", r.SeqID)...))
		}
		return true
	}), rpc.ClientOptions{})
	if got, err := ping(context.Background()); got != "x" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	if got, err := ping(context.Background()); code(err) != rpc.CodeBadSequenceID {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := ping(context.Background()); got != "x" || err != nil {
		t.Errorf("a new connection: %q, %v", got, err)
	}
}

// TestDuplicateReplies has a server answer every call twice.
func TestDuplicateReplies(t *testing.T) {
	leaks(t)
	ping := pinger(t, fake(t, func(r request) bool {
		b := pong(fmt.Sprint(r.SeqID), r.SeqID)
		r.nc.Write(append(b, b...))
		return true
	}), rpc.ClientOptions{})
	for range 20 {
		got, err := ping(context.Background())
		if err != nil && code(err) != rpc.CodeBadSequenceID {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// TestAnsweredOneway is thriftpy2's fault: it answers a oneway call of an unknown method.
func TestAnsweredOneway(t *testing.T) {
	leaks(t)
	addr := fake(t, func(r request) bool {
		if r.Type == wire.Oneway {
			r.nc.Write(message(r.Name, wire.Exception, r.SeqID, "080002 00000001 00"))
		} else {
			r.nc.Write(message(r.Name, wire.Reply, r.SeqID, "0b0000 00000001 78 00"))
		}
		return true
	})
	var c struct {
		Ping   func(context.Context) (string, error)
		Notify func(context.Context, string) error
	}
	if err := dial(t, addr, rpc.ClientOptions{}).Bind(load(t).Service("Test"), &c); err != nil {
		t.Fatal(err)
	}
	for range 40 {
		if err := c.Notify(context.Background(), "x"); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 40 {
		if got, err := c.Ping(context.Background()); got != "x" || err != nil {
			t.Fatalf("call %d: %q, %v", i, got, err)
		}
		if err := c.Notify(context.Background(), "x"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReconnect(t *testing.T) {
	leaks(t)
	// The server closes each connection after two calls, when it has been idle for a moment.
	ping := pinger(t, fake(t, func(r request) bool {
		r.nc.Write(pong(fmt.Sprintf("%d.%d", r.conn, r.n), r.SeqID))
		return r.n < 1
	}), rpc.ClientOptions{})
	for i := range 6 {
		time.Sleep(10 * time.Millisecond)
		want := fmt.Sprintf("%d.%d", i/2, i%2)
		if got, err := ping(context.Background()); got != want || err != nil {
			t.Errorf("call %d: %q, %v, want %q", i, got, err, want)
		}
	}
}

func TestConnectionLost(t *testing.T) {
	leaks(t)
	ping := pinger(t, fake(t, func(r request) bool {
		if r.conn == 0 {
			r.nc.Write(pong("x", r.SeqID)[:10])
			return false
		}
		r.nc.Write(pong("x", r.SeqID))
		return true
	}), rpc.ClientOptions{})
	_, err := ping(context.Background())
	if code(err) != rpc.CodeConnectionLost || !strings.Contains(err.Error(), "the server closed the connection") && !strings.Contains(err.Error(), "unexpected EOF") {
		t.Errorf("%v", err)
	}
	if got, err := ping(context.Background()); got != "x" || err != nil {
		t.Errorf("the next call: %q, %v", got, err)
	}
}

func TestNobodyThere(t *testing.T) {
	leaks(t)
	l := listenTCP(t)
	addr := l.Addr().String()
	l.Close()
	_, err := rpc.Dial(context.Background(), addr, rpc.ClientOptions{})
	if code(err) != rpc.CodeUnavailable || !strings.HasPrefix(err.Error(), "unavailable: dial tcp "+addr) {
		t.Errorf("%v", err)
	}
}

func TestClosedClient(t *testing.T) {
	leaks(t)
	arrived := make(chan struct{}, 1)
	c := dial(t, fake(t, func(r request) bool { arrived <- struct{}{}; return true }), rpc.ClientOptions{})
	result := make(chan error, 1)
	go func() {
		_, err := rpc.Invoke[any](context.Background(), c, load(t).Service("Test").Method("ping"))
		result <- err
	}()
	<-arrived
	c.Close()
	if err := <-result; code(err) != rpc.CodeClosed {
		t.Errorf("the call in flight: %v", err)
	}
	if _, err := rpc.Invoke[any](context.Background(), c, load(t).Service("Test").Method("ping")); code(err) != rpc.CodeClosed {
		t.Errorf("a call afterwards: %v", err)
	}
}

// TestNeverReading has a server that reads nothing: writing must end with the context.
func TestNeverReading(t *testing.T) {
	leaks(t)
	l := listenTCP(t)
	defer l.Close()
	c := dial(t, l.Addr().String(), rpc.ClientOptions{Timeout: 100 * time.Millisecond})
	start := time.Now()
	_, err := rpc.Invoke[any](context.Background(), c, load(t).Service("Test").Method("echo"), strings.Repeat("x", 12<<20))
	if !errors.Is(err, context.DeadlineExceeded) || code(err) != rpc.CodeTimeout {
		t.Errorf("%v", err)
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("it took %v", d)
	}
}

// TestTooLarge sends what is above the limit, in both directions.
func TestTooLarge(t *testing.T) {
	leaks(t)
	l := listen(t)
	var log errorLog
	_, svc := serve(t, l, newHandler(), rpc.ServerOptions{MaxMessageBytes: 1000, ErrorLog: log.add})
	ctx := context.Background()
	long := strings.Repeat("x", 990)
	_, err := rpc.Invoke[any](ctx, dial(t, l.Addr().String(), rpc.ClientOptions{MaxMessageBytes: 1000}), svc.Method("echo"), long)
	if want := "Test.echo: invalid argument: too large: message of 1014 bytes exceeds the limit of 1000"; err == nil || err.Error() != want || !errors.Is(err, wire.ErrTooLarge) {
		t.Errorf("%v, want %s", err, want)
	}
	// The greeting makes the reply longer than the call.
	_, err = rpc.Invoke[any](ctx, dial(t, l.Addr().String(), rpc.ClientOptions{}), svc.Method("greet"), long[:975])
	if want := "Test.greet: internal error (from the server)"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	log.waitFor(t, "too large: message of 1006 bytes exceeds the limit of 1000")
	_, err = rpc.Invoke[any](ctx, dial(t, l.Addr().String(), rpc.ClientOptions{}), svc.Method("echo"), long)
	if want := "Test.echo: protocol error: at byte 19: too large: the message has more than 1000 bytes (from the server)"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestConcurrency makes calls of all kinds at once and checks every answer.
func TestConcurrency(t *testing.T) {
	for _, test := range []struct {
		what, framing string
		listen        func(testing.TB) net.Listener
	}{
		{"buffered", "buffered", listen}, {"framed", "framed", listen}, {"framed over TCP", "framed", listenTCP},
	} {
		t.Run(test.what, func(t *testing.T) {
			leaks(t)
			l := test.listen(t)
			h := newHandler()
			_, svc := serve(t, l, h, rpc.ServerOptions{})
			c := bind(t, dial(t, "tcp://"+l.Addr().String()+"?transport="+test.framing, rpc.ClientOptions{}), svc)
			var wg sync.WaitGroup
			for g := range 32 {
				wg.Go(func() {
					for i := range 100 {
						text := fmt.Sprint(g, " ", i)
						ctx := context.Background()
						switch i % 10 {
						case 3: // gives up
							ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
							if err := c.Wait(ctx, 5); err != nil && code(err) != rpc.CodeTimeout {
								t.Errorf("wait: %v", err)
							}
							cancel()
							continue
						case 5:
							ctx, cancel := context.WithTimeout(ctx, time.Minute)
							if got, err := c.Echo(ctx, text); got != text || err != nil {
								t.Errorf("echo: %q, %v", got, err)
							}
							cancel()
							continue
						case 7:
							var denied *Denied
							if err := c.Check(ctx, false); !errors.As(err, &denied) {
								t.Errorf("check: %v", err)
							}
						}
						if got, err := c.Echo(ctx, text); got != text || err != nil {
							t.Errorf("echo: %q, %v", got, err)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

// TestCongestion has a server that answers the calls of a connection one after the other, each
// after a while: the client must open more connections, but not too many.
func TestCongestion(t *testing.T) {
	leaks(t)
	l := listen(t)
	_, svc := serve(t, l, newHandler(), rpc.ServerOptions{})
	c := bind(t, dial(t, l.Addr().String(), rpc.ClientOptions{MaxConns: 8}), svc)
	start := time.Now()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := c.Wait(context.Background(), 100); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(5 * time.Millisecond)
	}
	wg.Wait()
	if d := time.Since(start); d > 500*time.Millisecond {
		t.Errorf("8 calls of 100 ms took %v: they stood in line", d)
	}
}

// mistyped is a handler with one method, whose name has a mistake.
type mistyped struct{}

func (mistyped) Ecoh(context.Context, string) (string, error) { return "", nil }

// TestMismatches binds what does not fit and reads what is said about it.
func TestMismatches(t *testing.T) {
	svc := load(t).Service("Test")
	s := rpc.NewServer(rpc.ServerOptions{})
	c := &rpc.Client{}
	type wrong struct{ Name int }
	for _, test := range []struct {
		what string
		err  error
		want []string
	}{
		{"a handler without methods", s.Register(svc, struct{}{}), []string{
			"test.thrift:5:25: Parent.ping and Go struct: the handler has no method for it",
			"test.thrift:7:10: Test.echo and Go struct: the handler has no method for it",
			"test.thrift:8:8: Test.get and Go struct: the handler has no method for it",
		}},
		{"a value whose pointer has the methods", s.Register(svc, handler{}), []string{
			"Parent.ping and Go rpc_test.handler: the handler has no method for it: pass a pointer, *rpc_test.handler has more methods"}},
		{"a mistyped method", s.Register(svc, mistyped{}), []string{
			"Test.echo and Go rpc_test.mistyped: the handler has no method for it: did you mean it by Ecoh?",
			"Parent.ping and Go rpc_test.mistyped: the handler has no method for it",
		}},
		{"nil", s.Register(svc, nil), []string{"service Test: the handler is nil"}},
		{"no service", s.Register(nil, newHandler()), []string{"rpc: Register: service is nil"}},
		{"all kinds of funcs", c.Bind(svc, &struct {
			Ping   func() string
			Echo   func(context.Context, int32) (string, error)
			Get    func(context.Context, int32) (*wrong, error)
			Check  func(context.Context) error
			Wait   func(context.Context, int32) (string, error)
			Greet  func(context.Context, ...string) (string, error)
			Nope   func(context.Context) error
			Ecoh   func(context.Context, string) (string, error)
			Tagged func(context.Context) error `thrift:"nothing"`
			Near   func(context.Context) error `thrift:"gte"`
		}{}), []string{
			"test.thrift:5:25: Parent.ping and Go struct.Ping (func() string): its first parameter must be context.Context; its last result must be error",
			".Echo: parameter 1 (int32): the Go type must be string or []byte",
			"test.thrift:2:34: User.name (string) and Go rpc_test.wrong.Name (int): the Go type must be string or []byte",
			"test.thrift:2:56: User.age (i32) and Go rpc_test.wrong: the Go struct has no field for it",
			".Check (func(context.Context) error): got 0 parameters after context.Context, the IDL has 1",
			".Wait (func(context.Context, int32) (string, error)): it must return error alone: the method is void",
			".Greet (func(context.Context, ...string) (string, error)): it must not be variadic",
			".Nope: the service has no method of this name\n",
			".Ecoh: the service has no method of this name: did you mean echo?",
			`.Tagged: its tag names method "nothing", which the IDL does not have` + "\n",
			`.Near: its tag names method "gte", which the IDL does not have: did you mean get?`,
		}},
		{"not a pointer", c.Bind(svc, client{}), []string{"bind Test: want a pointer to a struct of funcs, got rpc_test.client"}},
		{"no funcs", c.Bind(svc, &struct{ N int }{}), []string{"has no exported func field"}},
		{"no service to bind", c.Bind(nil, &client{}), []string{"rpc: Bind: service is nil"}},
		{"an exception that is not declared", c.Bind(svc, &client{}, &net.OpError{}), []string{
			"service Test and Go *net.OpError: the service declares no exception of this name"}},
	} {
		if test.err == nil {
			t.Errorf("%s: no error", test.what)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(test.err.Error(), want) {
				t.Errorf("%s: the error lacks\n%s\nin\n%v", test.what, want, test.err)
			}
		}
	}
	var m *rpc.Mismatch
	if err := s.Register(svc, struct{}{}); !errors.As(err, &m) || m.Pos != (schema.Position{File: "test.thrift", Line: 5, Column: 25}) {
		t.Errorf("the first mismatch: %+v", m)
	}
	if err := s.Register(svc, newHandler()); err != nil {
		t.Errorf("what fits: %v", err)
	}
	if err := s.Register(svc, newHandler()); err == nil {
		t.Error("a service was registered twice")
	}
}
