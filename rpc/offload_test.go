package rpc_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	wirebinary "github.com/thriftkit/thriftkit/wire/binary"
)

// blocker answers echo with its text, when release is closed if that begins with "slow", and counts
// the calls under way.
type blocker struct {
	release chan struct{}
	now     atomic.Int32
	most    atomic.Int32
}

func (b *blocker) handle(ctx context.Context, m *schema.Method, args *dynamic.Struct) (any, error) {
	n := b.now.Add(1)
	defer b.now.Add(-1)
	for most := b.most.Load(); n > most && !b.most.CompareAndSwap(most, n); most = b.most.Load() {
	}
	if len(args.Schema().Fields) == 0 {
		return "pong", nil
	}
	text := args.At(0)
	if text.Kind() == schema.KindString && len(text.Text()) >= 4 && text.Text()[:4] == "slow" {
		<-b.release
	}
	if m.Name == "echo" {
		return text, nil
	}
	return nil, nil
}

// byHand is a connection on which a test writes calls by hand and reads replies.
type byHand struct {
	t  *testing.T
	nc net.Conn
	r  *msgio.Reader
}

func connect(t *testing.T, l net.Listener, f wire.Framing) *byHand {
	t.Helper()
	nc := connectTo(t, l)
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	p, _ := protocol.ByName("binary")
	r := msgio.NewReader(nc, 1<<20)
	r.Start(f, p.NewSplitter(1<<20))
	return &byHand{t, nc, r}
}

func (c *byHand) send(b ...[]byte) {
	c.t.Helper()
	if _, err := c.nc.Write(bytes.Join(b, nil)); err != nil {
		c.t.Fatal(err)
	}
}

// next returns the text and the sequence id of the next reply.
func (c *byHand) next() (string, int32) {
	c.t.Helper()
	msg, err := c.r.Recv()
	if err != nil {
		c.t.Fatal(err)
	}
	h, off, err := wirebinary.ConsumeHeader(msg)
	if err != nil || h.Type != wire.Reply {
		c.t.Fatalf("%+v, %v", h, err)
	}
	if len(msg) < off+7 {
		return "", h.SeqID
	}
	return string(msg[off+7 : len(msg)-1]), h.SeqID
}

func echoCall(name, text string, seq int32) []byte {
	kind := wire.Call
	if name == "notify" {
		kind = wire.Oneway
	}
	return message(name, kind, seq, fmt.Sprintf("0b0001 %08x %x 00", len(text), text))
}

// ours returns the sequence ids of a client of this package, which accepts replies in any order; counted those of others.
func ours(i int32) int32    { return msgio.SequenceID(uint32(1 + i)) }
func counted(i int32) int32 { return 1 + i }

// highly returns ids as those of a counter of a whole process, that has come to where ours are.
func highly(i int32) int32 { return 1<<30 + 77 + i }

// TestSlowBesideFast has a call on a connection that does not end before others on it have been
// answered, at once.
func TestSlowBesideFast(t *testing.T) {
	for _, query := range []string{"?transport=buffered", "?transport=framed&protocol=compact", "?transport=header", "?transport=ttheader"} {
		t.Run(query, func(t *testing.T) {
			leaks(t)
			l := listen(t)
			b := &blocker{release: make(chan struct{})}
			_, svc := serve(t, l, rpc.DynamicHandler(b.handle), rpc.ServerOptions{})
			c := bind(t, dial(t, l.Addr().String()+query, rpc.ClientOptions{MaxConns: 1}), svc)
			slow := make(chan error, 2)
			for range 2 { // the second one gets a goroutine at once
				go func() {
					got, err := c.Echo(context.Background(), "slow")
					if err == nil && got != "slow" {
						err = errors.New(got)
					}
					slow <- err
				}()
			}
			for i := range 200 {
				start := time.Now()
				if got, err := c.Ping(context.Background()); got != "pong" || err != nil {
					t.Fatalf("%q, %v", got, err)
				}
				if d := time.Since(start); d > 500*time.Millisecond {
					t.Errorf("quick call %d took %v", i, d)
				}
			}
			close(b.release)
			for range 2 {
				if err := <-slow; err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestOrder pipelines calls as a classic client does, slow ones among them: the answers come in order.
func TestOrder(t *testing.T) {
	for _, test := range []struct {
		what string
		seq  func(i int) int32
	}{
		{"no ids", func(int) int32 { return 0 }},
		{"ids from 1", func(i int) int32 { return int32(i) + 1 }},
		{"negative ids", func(i int) int32 { return -1 - int32(i) }},
	} {
		t.Run(test.what, func(t *testing.T) {
			leaks(t)
			l := listen(t)
			h := newHandler()
			serve(t, l, h, rpc.ServerOptions{})
			c := connect(t, l, wire.Buffered)
			for range 3 {
				var all []byte
				var want []string
				for i := range 60 {
					seq := test.seq(i)
					switch {
					case i%20 == 3:
						all = append(all, message("wait", wire.Call, seq, fmt.Sprintf("080001 %08x 00", 1+i%7*2))...)
						want = append(want, "")
					case i%20 == 5:
						all = append(all, echoCall("notify", "n", seq)...)
					default:
						all = append(all, echoCall("echo", fmt.Sprint(i), seq)...)
						want = append(want, fmt.Sprint(i))
					}
				}
				c.send(all)
				for i, text := range want {
					if got, _ := c.next(); got != text {
						t.Fatalf("reply %d is %q, want %q", i, got, text)
					}
				}
				for range 3 {
					<-h.notified
				}
			}
		})
	}
}

// TestOutOfOrder has replies overtake each other where the peer has said that it takes them so.
func TestOutOfOrder(t *testing.T) {
	flagged := func(magic uint16, head string) func(call []byte) []byte {
		return func(call []byte) []byte {
			b := binary.BigEndian.AppendUint16(nil, magic)
			b = append(b, unhex("0001 00000001 0001"+head)...)
			return frame(append(b, call...))
		}
	}
	for _, test := range []struct {
		what    string
		framing wire.Framing
		seq     func(int32) int32
		wrap    func([]byte) []byte
		skip    int // bytes of a reply's header
	}{
		{"ids of ours", wire.Buffered, ours, func(b []byte) []byte { return b }, 0},
		{"ids of ours, framed", wire.Framed, ours, func(b []byte) []byte { return frame(b) }, 0},
		{"THeader's flag", wire.Framed, counted, flagged(0x0fff, "00000000"), 14},
		{"TTHeader's flag", wire.Framed, counted, flagged(0x1000, "00000000"), 14},
	} {
		t.Run(test.what, func(t *testing.T) {
			leaks(t)
			l := listen(t)
			b := &blocker{release: make(chan struct{})}
			serve(t, l, rpc.DynamicHandler(b.handle), rpc.ServerOptions{})
			c := connect(t, l, test.framing)
			c.send(test.wrap(echoCall("echo", "first", test.seq(0))), test.wrap(echoCall("echo", "slow", test.seq(1))),
				test.wrap(echoCall("echo", "quick", test.seq(2))), test.wrap(echoCall("notify", "x", test.seq(3))), test.wrap(echoCall("echo", "other", test.seq(4))))
			// Calls of a method that was slow a moment ago run side by side.
			for i, want := range [][]string{{"first"}, {"quick", "other"}, {"quick", "other"}, {"slow"}} {
				if want[0] == "slow" {
					close(b.release)
				}
				msg, err := c.r.Recv()
				if err != nil || !slices.ContainsFunc(want, func(text string) bool { return bytes.Contains(msg[test.skip:], []byte(text)) }) {
					t.Errorf("reply %d is %q, %v; want %s", i, msg, err, want)
				}
			}
		})
	}
}

// TestForeignIDs has clients of others whose ids are as high as ours, or among which one of ours is, behind a proxy: replies come in
// the order of the calls, and no message that was not asked for comes when the server ends.
func TestForeignIDs(t *testing.T) {
	for name, id := range map[string]func(int32) int32{
		"counted": counted, "a counter as high": highly,
		"one of ours before others": func(i int32) int32 {
			if i == 0 {
				return ours(0)
			}
			return counted(i)
		},
	} {
		t.Run(name, func(t *testing.T) {
			leaks(t)
			l := listen(t)
			b := &blocker{release: make(chan struct{})}
			s, _ := serve(t, l, rpc.DynamicHandler(b.handle), rpc.ServerOptions{})
			c := connect(t, l, wire.Buffered)
			c.send(echoCall("echo", "first", id(0)), echoCall("echo", "slow", id(1)), echoCall("echo", "quick", id(2)))
			waitFor(t, "the slow call", func() bool { return b.now.Load() > 0 })
			time.AfterFunc(30*time.Millisecond, func() { close(b.release) })
			for i, want := range []string{"first", "slow", "quick"} {
				if got, seq := c.next(); got != want || seq != id(int32(i)) {
					t.Errorf("reply %d is %q to %d, want %q", i, got, seq, want)
				}
			}
			ended := make(chan error, 1)
			go func() { ended <- s.Shutdown(t.Context()) }()
			if rest, err := io.ReadAll(c.nc); len(rest) > 0 || err != nil {
				t.Errorf("at the end comes %q, %v", rest, err)
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestFlood sends many calls that do not end: no more than the limit are under way at a time, and
// all are answered in the end.
func TestFlood(t *testing.T) {
	for name, id := range map[string]func(int32) int32{"counted": counted, "ours": ours} {
		for _, method := range []string{"echo", "notify"} {
			t.Run(method+", "+name, func(t *testing.T) {
				leaks(t)
				l := listen(t)
				b := &blocker{release: make(chan struct{})}
				const limit, calls = 8, 500
				serve(t, l, rpc.DynamicHandler(b.handle), rpc.ServerOptions{MaxCallsPerConn: limit})
				c := connect(t, l, wire.Buffered)
				var all []byte
				for i := range int32(calls) {
					all = append(all, echoCall(method, "slow", id(i))...)
				}
				c.send(all, message("ping", wire.Call, id(calls), "00"))
				for deadline := time.Now().Add(5 * time.Second); b.now.Load() < limit && time.Now().Before(deadline); {
					time.Sleep(time.Millisecond)
				}
				time.Sleep(20 * time.Millisecond)
				if most := b.most.Load(); most < 2 || most > limit {
					t.Errorf("%d calls were under way, at most %d may be", most, limit)
				}
				close(b.release)
				seen := make(map[int32]bool)
				n := calls + 1
				if method == "notify" {
					n = 1
				}
				for range n {
					_, seq := c.next()
					seen[seq] = true
				}
				if len(seen) != n {
					t.Errorf("%d of %d calls were answered", len(seen), n)
				}
			})
		}
	}
}

// TestLateBytes has many replies wait for an earlier one: of what would be more than their bound nothing is read.
func TestLateBytes(t *testing.T) {
	leaks(t)
	l := listen(t)
	release := make(chan struct{})
	var executed atomic.Int32
	serve(t, l, rpc.DynamicHandler(func(_ context.Context, _ *schema.Method, args *dynamic.Struct) (any, error) {
		if args.At(0).Text() == "slow" {
			<-release
		} else {
			executed.Add(1)
		}
		return args.At(0), nil
	}), rpc.ServerOptions{})
	c := connect(t, l, wire.Buffered)
	const calls, size, bound = 200, 64 << 10, 1 << 20
	c.send(echoCall("echo", "slow", 1))
	time.Sleep(20 * time.Millisecond) // until the call has been offloaded
	long := strings.Repeat("x", size)
	sent := make(chan error, 1)
	go func() {
		for i := range int32(calls) {
			if _, err := c.nc.Write(echoCall("echo", long, 2+i)); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	waitFor(t, "the bound", func() bool { return executed.Load() >= bound/size })
	time.Sleep(100 * time.Millisecond)
	if n := executed.Load(); n > 2*bound/size {
		t.Errorf("%d calls of %d bytes were executed while their replies had to wait, about %d may be", n, size, bound/size)
	}
	close(release)
	for i := range int32(calls + 1) {
		if _, seq := c.next(); seq != 1+i {
			t.Fatalf("reply %d is to call %d", i, seq)
		}
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// TestShutdownOffloaded stops a server while an offloaded handler runs: one that returns
// is waited for and answered; one that does not is left.
func TestShutdownOffloaded(t *testing.T) {
	for _, returns := range []bool{true, false} {
		t.Run(fmt.Sprint(returns), func(t *testing.T) {
			leaks(t)
			l := listen(t)
			b := &blocker{release: make(chan struct{})}
			s, _ := serve(t, l, rpc.DynamicHandler(b.handle), rpc.ServerOptions{})
			c := connect(t, l, wire.Buffered)
			c.send(echoCall("echo", "slow", ours(0)), message("ping", wire.Call, ours(1), "00"))
			if got, _ := c.next(); got != "pong" { // so the other one was offloaded
				t.Fatalf("%q", got)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if !returns {
				ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
				defer cancel()
			}
			done := make(chan error, 1)
			start := time.Now()
			go func() { done <- s.Shutdown(ctx) }()
			if returns {
				time.AfterFunc(30*time.Millisecond, func() { close(b.release) })
				if got, _ := c.next(); got != "slow" {
					t.Errorf("%q", got)
				}
				if err := <-done; err != nil {
					t.Error(err)
				}
				return
			}
			if err := <-done; err != context.DeadlineExceeded || time.Since(start) > 5*time.Second {
				t.Errorf("%v after %v", err, time.Since(start))
			}
			close(b.release)
		})
	}
}

// TestGoexit has handlers end their goroutines, at once and after a while: their connections end,
// and the server goes on.
func TestGoexit(t *testing.T) {
	leaks(t)
	l := listen(t)
	_, svc := serve(t, l, rpc.DynamicHandler(func(_ context.Context, m *schema.Method, args *dynamic.Struct) (any, error) {
		switch m.Name {
		case "echo":
			runtime.Goexit()
		case "wait":
			time.Sleep(10 * time.Millisecond)
			runtime.Goexit()
		}
		return "pong", nil
	}), rpc.ServerOptions{MaxCallsPerConn: 1}) // so that a call which never ends takes all the room
	for range 3 {
		for _, dialect := range []string{"", "?transport=framed"} {
			c := bind(t, dial(t, l.Addr().String()+dialect, rpc.ClientOptions{}), svc)
			if _, err := c.Echo(context.Background(), "x"); code(err) != rpc.CodeConnectionLost {
				t.Errorf("at once: %v", err)
			}
			if err := c.Wait(context.Background(), 1); code(err) != rpc.CodeConnectionLost {
				t.Errorf("after a while: %v", err)
			}
			if got, err := c.Ping(context.Background()); got != "pong" || err != nil {
				t.Errorf("afterwards: %q, %v", got, err)
			}
		}
	}
}

// TestOffloadStorm has calls of random length from many callers share few connections; each gets
// its own answer.
func TestOffloadStorm(t *testing.T) {
	leaks(t)
	l := listen(t)
	h := newHandler()
	_, svc := serve(t, l, h, rpc.ServerOptions{MaxCallsPerConn: 16})
	for _, query := range []string{"?transport=framed", "?transport=header"} {
		c := bind(t, dial(t, l.Addr().String()+query, rpc.ClientOptions{MaxConns: 2, Timeout: 10 * time.Second}), svc)
		var wg sync.WaitGroup
		for g := range 24 {
			wg.Go(func() {
				for i := range 60 {
					if i%9 == g%9 {
						if err := c.Wait(context.Background(), int32(i%5)); err != nil {
							t.Errorf("wait: %v", err)
						}
						continue
					}
					text := fmt.Sprint(g, " ", i)
					if got, err := c.Echo(context.Background(), text); got != text || err != nil {
						t.Errorf("%q, %v, want %q", got, err, text)
					}
				}
			})
		}
		wg.Wait()
	}
}

// TestExclusive gives each call in flight a connection of its own, up to the limit.
func TestExclusive(t *testing.T) {
	leaks(t)
	var mu sync.Mutex
	now, addrs := make(map[string]int), make(map[string]bool)
	look := func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, call *rpc.Call) error {
			peer, _ := rpc.PeerOf(ctx)
			addr := peer.Addr.String()
			mu.Lock()
			addrs[addr] = true
			if now[addr]++; now[addr] > 1 {
				t.Errorf("%d calls on one connection", now[addr])
			}
			mu.Unlock()
			err := next(ctx, call)
			mu.Lock()
			now[addr]--
			mu.Unlock()
			return err
		}
	}
	l := listenTCP(t)
	_, svc := serve(t, l, newHandler(), rpc.ServerOptions{Interceptors: []rpc.Interceptor{look}})
	c := bind(t, dial(t, l.Addr().String(), rpc.ClientOptions{MaxConns: 3, Exclusive: true}), svc)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for range 5 {
				if err := c.Wait(context.Background(), 4); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if len(addrs) != 3 {
		t.Errorf("%d connections, 3 are wanted", len(addrs))
	}
	// Calls that wait for a connection give up in time, and one that gave up while it was sent
	// takes its connection with it.
	for range 3 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			defer cancel()
			if err := c.Wait(ctx, 300); code(err) != rpc.CodeTimeout {
				t.Errorf("%v", err)
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Ping(ctx); code(err) != rpc.CodeUnavailable && code(err) != rpc.CodeTimeout {
		t.Errorf("a call that waits: %v", err)
	}
	wg.Wait()
	if got, err := c.Ping(context.Background()); got != "pong" || err != nil {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}

// TestGuards makes calls with deadlines and cancellable contexts: none of them is late by much.
func TestGuards(t *testing.T) {
	leaks(t)
	l := listen(t)
	_, svc := serve(t, l, newHandler(), rpc.ServerOptions{})
	for _, query := range []string{"?transport=framed", "?transport=ttheader", "?transport=http"} {
		c := bind(t, dial(t, l.Addr().String()+query, rpc.ClientOptions{Timeout: 60 * time.Millisecond}), svc)
		for _, test := range []struct {
			what string
			ctx  func() (context.Context, context.CancelFunc)
			code rpc.Code
			want error
		}{
			{"the client's", func() (context.Context, context.CancelFunc) { return context.Background(), func() {} }, rpc.CodeTimeout, context.DeadlineExceeded},
			{"the context's", func() (context.Context, context.CancelFunc) {
				return context.WithTimeout(context.Background(), 30*time.Millisecond)
			}, rpc.CodeTimeout, context.DeadlineExceeded},
			{"cancelled", func() (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(context.Background())
				time.AfterFunc(30*time.Millisecond, cancel)
				return ctx, cancel
			}, rpc.CodeCanceled, context.Canceled},
		} {
			for range 3 {
				ctx, cancel := test.ctx()
				start := time.Now()
				err := c.Wait(ctx, 5000)
				if code(err) != test.code || !errors.Is(err, test.want) {
					t.Errorf("%s, %s: %v", query, test.what, err)
				}
				if d := time.Since(start); d < 25*time.Millisecond || d > time.Second {
					t.Errorf("%s, %s: after %v", query, test.what, d)
				}
				cancel()
			}
		}
	}
}
