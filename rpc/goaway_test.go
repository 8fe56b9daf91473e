package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/header"
)

// goodbye is the last message of a server to a client of thriftkit.
func goodbye() []byte { return message("goodbye", wire.Exception, 1<<30, "00") }

// TestGoodbye has a server part from its clients instead of answering a call.
func TestGoodbye(t *testing.T) {
	for _, tt := range []struct {
		what    string
		partsN  int // connections that end with a goodbye
		want    string
		code    rpc.Code
		outcome rpc.Outcome
		calls   int // that the server sees
	}{
		{"one server goes", 1, "2.0", 0, 0, 2},
		{"two go", 2, "3.0", 0, 0, 3},
		{"all go", 100, "", rpc.CodeUnavailable, rpc.OutcomeRefused, 3},
	} {
		t.Run(tt.what, func(t *testing.T) {
			leaks(t)
			var calls atomic.Int32
			ping := pinger(t, fake(t, func(r request) bool {
				calls.Add(1)
				if r.conn < tt.partsN {
					r.nc.Write(goodbye())
					return false
				}
				r.nc.Write(pong(fmt.Sprintf("%d.%d", r.conn+1, r.n), r.SeqID))
				return true
			}), rpc.ClientOptions{MaxConns: 1})
			got, err := ping(context.Background())
			if got != tt.want || tt.want != "" && err != nil {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
			if tt.want == "" && (code(err) != tt.code || outcome(err) != tt.outcome || !strings.Contains(err.Error(), "before it began the call")) {
				t.Errorf("%v, %s, %s", err, code(err), outcome(err))
			}
			if n := int(calls.Load()); n != tt.calls {
				t.Errorf("the call was sent %d times, want %d", n, tt.calls)
			}
		})
	}
}

// TestGoodbyeAmongReplies has a server answer a part of what is under way: the rest is sent again, and nothing twice
// that was answered.
func TestGoodbyeAmongReplies(t *testing.T) {
	leaks(t)
	const calls = 20
	var seen sync.Map // text of the reply -> times
	begun := make(chan struct{})
	var first atomic.Int32
	ping := pinger(t, fake(t, func(r request) bool {
		if r.conn > 0 {
			r.nc.Write(pong("again", r.SeqID))
			return true
		}
		if first.Add(1) <= calls/2 {
			r.nc.Write(pong(fmt.Sprint(r.SeqID), r.SeqID))
			return true
		}
		if r.n == calls-1 {
			close(begun)
			r.nc.Write(goodbye())
			return false
		}
		return true
	}), rpc.ClientOptions{MaxConns: 1})
	var wg sync.WaitGroup
	var again atomic.Int32
	for range calls {
		wg.Go(func() {
			got, err := ping(context.Background())
			if err != nil {
				t.Error(err)
			}
			if got == "again" {
				again.Add(1)
			} else if _, twice := seen.LoadOrStore(got, true); twice {
				t.Errorf("the reply %q came twice", got)
			}
		})
	}
	<-begun
	wg.Wait()
	if n := again.Load(); n != calls/2 {
		t.Errorf("%d calls went over another connection, want %d", n, calls/2)
	}
}

// TestShutdownLosesNothing replaces servers on one port while calls are under way, in each dialect.
func TestShutdownLosesNothing(t *testing.T) {
	leaks(t)
	for _, query := range []string{"", "?transport=framed", "?transport=header", "?transport=ttheader", "?protocol=compact", "?compression=zlib", "?protocol=json"} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			l := listenTCP(t).(*net.TCPListener)
			file, err := l.File() // which keeps the port, and what waits there, when a server closes its own
			if err != nil {
				t.Fatal(err)
			}
			addr := l.Addr().String()
			l.Close()
			defer file.Close()
			next := func() *rpc.Server {
				own, err := net.FileListener(file)
				if err != nil {
					t.Fatal(err)
				}
				s, _ := serve(t, own, newHandler(), rpc.ServerOptions{})
				return s
			}
			s := next()
			c := bind(t, dial(t, "tcp://"+addr+query, rpc.ClientOptions{}), load(t).Service("Test"))
			stop := make(chan struct{})
			var wg sync.WaitGroup
			for g := range 4 {
				wg.Go(func() {
					for i := 0; ; i++ {
						select {
						case <-stop:
							return
						default:
						}
						text := fmt.Sprint(g, " ", i)
						if got, err := c.Echo(context.Background(), text); got != text || err != nil {
							t.Errorf("%q, %v", got, err)
							return
						}
						time.Sleep(time.Duration(i%3) * time.Millisecond) // so that some find an idle connection
					}
				})
			}
			for range 4 {
				time.Sleep(30 * time.Millisecond)
				old := s
				s = next()
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				if err := old.Shutdown(ctx); err != nil {
					t.Error(err)
				}
				cancel()
			}
			close(stop)
			wg.Wait()
		})
	}
}

// TestIdleLosesNothing calls at about the time at which the server closes idle connections.
func TestIdleLosesNothing(t *testing.T) {
	leaks(t)
	l := listen(t)
	const idle = 20 * time.Millisecond
	_, svc := serve(t, l, newHandler(), rpc.ServerOptions{IdleTimeout: idle})
	c := bind(t, dial(t, l.Addr().String(), rpc.ClientOptions{}), svc)
	for i := range 60 {
		if _, err := c.Echo(context.Background(), "x"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(idle - 3*time.Millisecond + time.Duration(i)*100*time.Microsecond)
	}
}

// TestOutcomes has one row for each way in which a call fails.
func TestOutcomes(t *testing.T) {
	leaks(t)
	exception := func(code byte) func(request) bool {
		return func(r request) bool {
			r.nc.Write(message("ping", wire.Exception, r.SeqID, fmt.Sprintf("080002 000000%02x 00", code)))
			return true
		}
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for _, tt := range []struct {
		what   string
		ctx    context.Context
		answer func(request) bool
		want   rpc.Outcome
	}{
		{"a context that is over", over, exception(6), rpc.OutcomeNotSent},
		{"an unknown method", nil, exception(1), rpc.OutcomeRefused},
		{"a protocol that the server does not have", nil, exception(9), rpc.OutcomeRefused},
		{"too much to do", nil, exception(11), rpc.OutcomeRefused},
		{"an internal error", nil, exception(6), rpc.OutcomeExecuted},
		{"an empty result", nil, func(r request) bool { r.nc.Write(message("ping", wire.Reply, r.SeqID, "00")); return true }, rpc.OutcomeExecuted},
		{"a result that cannot be read", nil, func(r request) bool {
			r.nc.Write(message("ping", wire.Reply, r.SeqID, "0b0000 ffffffff 00"))
			return true
		}, rpc.OutcomeExecuted},
		{"no answer", nil, func(request) bool { return false }, rpc.OutcomeUnknown},
		{"no answer in time", nil, func(request) bool { return true }, rpc.OutcomeUnknown},
	} {
		t.Run(tt.what, func(t *testing.T) {
			timeout := 20 * time.Second
			if tt.what == "no answer in time" {
				timeout = 200 * time.Millisecond
			}
			ping := pinger(t, fake(t, tt.answer), rpc.ClientOptions{Timeout: timeout})
			if tt.ctx == nil {
				tt.ctx = context.Background()
			}
			if _, err := ping(tt.ctx); err == nil || outcome(err) != tt.want {
				t.Errorf("%v: %s, want %s", err, outcome(err), tt.want)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		l := listen(t)
		addr := l.Addr().String()
		s, svc := serve(t, l, newHandler(), rpc.ServerOptions{})
		c := bind(t, dial(t, addr, rpc.ClientOptions{}), svc)
		if _, err := c.Ping(context.Background()); err != nil { // so that the server knows the connection
			t.Fatal(err)
		}
		s.Close()
		waitFor(t, "the end of the server", func() bool { return s.Stats().Connections == 0 })
		for range 5 { // some of them while the client waits before it connects again
			if _, err := c.Echo(context.Background(), "x"); outcome(err) != rpc.OutcomeNotSent || code(err) != rpc.CodeUnavailable {
				t.Errorf("%v: %s", err, outcome(err))
			}
		}
	})
}

// onewayTransform undoes, and cannot do, when it is a server's.
type onewayTransform struct{ fails bool }

func (onewayTransform) ID() uint32   { return 77 }
func (onewayTransform) Name() string { return "oneway" }

func (t onewayTransform) Append(dst, src []byte) ([]byte, error) {
	if t.fails {
		return dst, errors.New("it cannot be done")
	}
	return append(dst, src...), nil
}

func (onewayTransform) Undo(src []byte, _ int) ([]byte, error) { return slices.Clone(src), nil }

// TestNoGoodbyeForBegunCalls has a server shut down while the reply to a call cannot be made: the client must not
// take it for one that was not begun.
func TestNoGoodbyeForBegunCalls(t *testing.T) {
	leaks(t)
	l := listen(t)
	var s *rpc.Server
	var calls atomic.Int32
	stopped := make(chan error, 1)
	s, svc := serve(t, l, rpc.DynamicHandler(func(context.Context, *schema.Method, *dynamic.Struct) (any, error) {
		calls.Add(1)
		go func() { stopped <- s.Shutdown(context.Background()) }()
		for s.Stats().Serving {
			runtime.Gosched()
		}
		return "pong", nil
	}), rpc.ServerOptions{Transforms: []header.Transform{onewayTransform{fails: true}}})
	c := bind(t, dial(t, l.Addr().String()+"?transport=header&compression=oneway", rpc.ClientOptions{Transforms: []header.Transform{onewayTransform{}}}), svc)
	if _, err := c.Ping(context.Background()); code(err) != rpc.CodeConnectionLost || outcome(err) != rpc.OutcomeUnknown {
		t.Errorf("%v, %s", err, outcome(err))
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("the handler ran %d times", n)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
