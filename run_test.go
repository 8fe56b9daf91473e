package thriftkit_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/ops"
)

// A held server has a handler that takes as long as the test wants.
type held struct {
	begun   chan struct{}
	release chan struct{}
}

func (h held) Ping(ctx context.Context) (string, error) {
	close(h.begun)
	select {
	case <-h.release:
		return "pong", nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (held) Login(context.Context, string, string) (string, error) { panic("boom") }

// TestRun ends servers while a call is under way.
func TestRun(t *testing.T) {
	foo, err := thriftkit.Parse("foo.thrift", fooThrift)
	if err != nil {
		t.Fatal(err)
	}
	svc := foo.Service("PingPong")
	for _, test := range []struct {
		about  string
		signal os.Signal // nil: the context ends
		grace  time.Duration
		want   error
	}{
		{"context", nil, time.Minute, nil},
		{"signal", os.Interrupt, time.Minute, nil},
		{"no grace", nil, 0, context.DeadlineExceeded},
	} {
		t.Run(test.about, func(t *testing.T) {
			if test.signal != nil && runtime.GOOS == "windows" {
				t.Skip("a process cannot interrupt itself on Windows")
			}
			h := held{make(chan struct{}), make(chan struct{})}
			s := thriftkit.NewServer(thriftkit.WithErrorLog(nil))
			if err := s.Register(svc, h); err != nil {
				t.Fatal(err)
			}
			l, err := thriftkit.Listen("127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- thriftkit.Run(ctx, s, l, test.grace) }()
			c, err := thriftkit.Dial(t.Context(), l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			answered := make(chan error, 1)
			go func() {
				_, err := thriftkit.Invoke[string](t.Context(), c, svc.Method("ping"))
				answered <- err
			}()
			<-h.begun
			if test.signal == nil {
				cancel()
			} else if p, err := os.FindProcess(os.Getpid()); err != nil || p.Signal(test.signal) != nil {
				t.Fatal("the process cannot send itself a signal")
			}
			for { // until nobody listens any more
				nc, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					break
				}
				nc.Close()
			}
			if test.want == nil {
				select {
				case err := <-ended:
					t.Fatalf("Run returned %v before the call was answered", err)
				default:
				}
				close(h.release)
			}
			if err := <-answered; (err == nil) != (test.want == nil) {
				t.Errorf("the call: %v", err)
			}
			if err := <-ended; !errors.Is(err, test.want) {
				t.Errorf("Run: %v, want %v", err, test.want)
			}
		})
	}
	l, err := thriftkit.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := thriftkit.Run(t.Context(), thriftkit.NewServer(), l, time.Minute); !errors.Is(err, net.ErrClosed) {
		t.Errorf("on a listener that is closed: %v", err)
	}
}

// TestDefaultErrorLog has a handler panic in a server without options: the default logger tells of it, the caller learns
// that it was an internal error.
func TestDefaultErrorLog(t *testing.T) {
	foo, err := thriftkit.Parse("foo.thrift", fooThrift)
	if err != nil {
		t.Fatal(err)
	}
	svc := foo.Service("PingPong")
	var log lockedBuffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	s := thriftkit.NewServer()
	if err := s.Register(svc, held{}); err != nil {
		t.Fatal(err)
	}
	_, err = thriftkit.Invoke[string](t.Context(), thriftkit.NewClient(s.Handle), svc.Method("login"))
	if want := "PingPong.login: internal error (from the server)"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if got := log.String(); !strings.Contains(got, "level=ERROR") || !strings.Contains(got, "PingPong.login panicked: boom") || !strings.Contains(got, "run_test.go") {
		t.Errorf("log: %s", got)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// orderedRegistrar notes when a server is registered, and whether it is ready then.
type orderedRegistrar struct {
	health *ops.Health
	events chan string
	fails  error
}

func (r *orderedRegistrar) note(what string) {
	ready := "ready"
	if r.health.Err(context.Background()) != nil {
		ready = "not ready"
	}
	r.events <- what + ", " + ready
}

func (r *orderedRegistrar) Register(_ context.Context, service string, in discovery.Instance) (discovery.Registration, error) {
	r.note("register " + service + " " + in.Addr)
	if r.fails != nil {
		return nil, r.fails
	}
	return r, nil
}

func (r *orderedRegistrar) Deregister(ctx context.Context) error {
	r.note("deregister")
	return ctx.Err()
}

// TestRunOrder looks at the order in which a server starts and stops.
func TestRunOrder(t *testing.T) {
	health := ops.NewHealth()
	r := &orderedRegistrar{health: health, events: make(chan string, 10)}
	foo, err := thriftkit.Parse("foo.thrift", fooThrift)
	if err != nil {
		t.Fatal(err)
	}
	s := thriftkit.NewServer(thriftkit.WithHealth(health))
	if err := s.Register(foo.Service("PingPong"), held{make(chan struct{}), nil}); err != nil {
		t.Fatal(err)
	}
	l, err := thriftkit.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	const delay = 50 * time.Millisecond
	go func() {
		ended <- thriftkit.Run(ctx, s, l, time.Minute, thriftkit.WithHealth(health), thriftkit.WithStopDelay(delay),
			thriftkit.WithRegistration(r, "PingPong", discovery.Instance{Addr: "a:1"}))
	}()
	if got, want := <-r.events, "register PingPong a:1, ready"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	c, err := thriftkit.Dial(t.Context(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	begun := time.Now()
	cancel()
	if got, want := <-r.events, "deregister, not ready"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	if took := time.Since(begun); took < delay {
		t.Errorf("the stop took %v, want at least %v", took, delay)
	}
	// A registration that fails stops the server.
	r.fails = errors.New("no such registry")
	if l, err = thriftkit.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	err = thriftkit.Run(t.Context(), thriftkit.NewServer(), l, time.Minute, thriftkit.WithHealth(health), thriftkit.WithRegistration(r, "PingPong", discovery.Instance{}))
	if !errors.Is(err, r.fails) {
		t.Errorf("Run: %v, want %v", err, r.fails)
	}
	if health.Err(t.Context()) == nil {
		t.Error("a program whose server has stopped is ready")
	}
}
