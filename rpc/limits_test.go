package rpc_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
)

// TestMaxCalls has more calls than handlers may run: those above are refused when they have waited for too long, and
// run when there is room before.
func TestMaxCalls(t *testing.T) {
	for _, tt := range []struct {
		what  string
		queue time.Duration
	}{
		{"no room in time", 50 * time.Millisecond},
		{"room in time", time.Minute},
	} {
		t.Run(tt.what, func(t *testing.T) {
			leaks(t)
			refused := tt.queue < time.Second
			l := listen(t)
			b := &blocker{release: make(chan struct{})}
			s, svc := serve(t, l, rpc.DynamicHandler(b.handle), rpc.ServerOptions{MaxCalls: 1, QueueTimeout: tt.queue})
			c := bind(t, dial(t, l.Addr().String(), rpc.ClientOptions{}), svc)
			first, second := make(chan error, 1), make(chan error, 1)
			echo := func(text string, result chan<- error) {
				got, err := c.Echo(context.Background(), text)
				if err == nil && got != text {
					err = errors.New(got)
				}
				result <- err
			}
			go echo("slow", first)
			waitFor(t, "the first call", func() bool { return b.now.Load() == 1 })
			go echo("x", second)
			if refused {
				if err := <-second; code(err) != rpc.CodeOverloaded || outcome(err) != rpc.OutcomeRefused ||
					err.Error() != "Test.echo: overloaded: too many calls are under way (from the server)" {
					t.Errorf("the second call: %v, %s", err, outcome(err))
				}
			} else {
				time.Sleep(20 * time.Millisecond) // so that it does wait; if it does not yet, all the same
			}
			close(b.release)
			if err := <-first; err != nil {
				t.Errorf("the first call: %v", err)
			}
			want := int64(1)
			if !refused {
				want = 0
				if err := <-second; err != nil {
					t.Errorf("the second call: %v", err)
				}
			}
			if n := s.Stats().RefusedCalls; n != want {
				t.Errorf("%d calls were refused, want %d", n, want)
			}
			if most := b.most.Load(); most != 1 {
				t.Errorf("%d handlers ran at once", most)
			}
		})
	}
}

// TestMaxServerConns opens more connections than there may be.
func TestMaxServerConns(t *testing.T) {
	leaks(t)
	l := listen(t)
	s, svc := serve(t, l, newHandler(), rpc.ServerOptions{MaxConns: 2})
	one := dial(t, l.Addr().String(), rpc.ClientOptions{})
	two := dial(t, l.Addr().String(), rpc.ClientOptions{})
	waitFor(t, "two connections", func() bool { return s.Stats().Connections == 2 })
	above := connectTo(t, l)
	defer above.Close()
	above.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := above.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("%d bytes, %v: the connection is served", n, err)
	}
	for _, c := range []*rpc.Client{one, two} {
		if _, err := rpc.Invoke[string](context.Background(), c, svc.Method("ping")); err != nil {
			t.Error(err)
		}
	}
	if n := s.Stats().RefusedConns; n != 1 {
		t.Errorf("%d connections were refused, want 1", n)
	}
}

// TestServing asks for readiness before, while and after there is something to be ready for.
func TestServing(t *testing.T) {
	leaks(t)
	s := rpc.NewServer(rpc.ServerOptions{})
	if err := s.Register(load(t).Service("Test"), newHandler()); err != nil {
		t.Fatal(err)
	}
	if s.Stats().Serving {
		t.Error("before Serve")
	}
	l := listen(t)
	done := make(chan struct{})
	go func() { s.Serve(l); close(done) }()
	waitFor(t, "readiness", func() bool { return s.Stats().Serving })
	s.Close()
	if s.Stats().Serving {
		t.Error("after Close")
	}
	<-done
}

// TestNegativeLimits has limits below 0: those of a server that may be so are none, a client's is a mistake.
func TestNegativeLimits(t *testing.T) {
	leaks(t)
	l := listen(t)
	_, svc := serve(t, l, newHandler(), rpc.ServerOptions{MaxConns: -1, MaxCalls: -1, MaxCallsPerConn: -1})
	c := bind(t, dial(t, l.Addr().String(), rpc.ClientOptions{MaxConns: 1, Timeout: 10 * time.Second}), svc)
	results := make(chan error, 8)
	for range cap(results) {
		go func() { results <- c.Wait(context.Background(), 20) }()
	}
	for range cap(results) {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if got, err := c.Ping(context.Background()); got != "pong" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	_, err := rpc.Dial(context.Background(), l.Addr().String(), inMemory(rpc.ClientOptions{MaxConns: -1}))
	if want := "rpc: MaxConns must not be negative"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
