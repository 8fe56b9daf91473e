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
