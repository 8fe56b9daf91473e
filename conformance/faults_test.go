package conformance

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/rpc"
)

// TestTimeout shows that a reply that comes too late never reaches another call. thriftpy2's own
// client is out of step after it.
func TestTimeout(t *testing.T) {
	python(t)
	file := mustLoad(t)
	for _, w := range routes() {
		if w.socket != "tcp" || w.isJSON() {
			continue // as slow, and makes no difference
		}
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			_, addr := servePython(t, w)
			for _, conns := range []int{1, 16} {
				_, f := dial(t, file, w.target(addr), thriftkit.WithMaxConns(conns))
				for round := range int32(2) {
					ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
					err := f.Sleep(ctx, 2000) // far apart: a busy machine may stop for a while
					cancel()
					wantError(t, err, rpc.CodeTimeout, "")
					if !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("%v is no context.DeadlineExceeded", err)
					}
					for i := range int32(5) {
						want := 100*round + i
						if got, err := f.EchoI32(t.Context(), want); err != nil || got != want {
							t.Errorf("the call afterwards: got %d, %v, want %d", got, err, want)
						}
					}
				}
			}
		})
	}
}

// TestCancel shows the same for a context that is cancelled, among calls that are not.
func TestCancel(t *testing.T) {
	file := mustLoad(t)
	w := route{"binary", "buffered", "tcp", false}
	_, addr := servePython(t, w)
	_, f := dial(t, file, w.target(addr), thriftkit.WithMaxConns(1))
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { wantError(t, f.Sleep(ctx, 3000), rpc.CodeCanceled, "") })
	time.Sleep(50 * time.Millisecond) // the server is busy with it
	for i := range int32(10) {
		group.Go(func() {
			if got, err := f.EchoI32(t.Context(), i); err != nil || got != i {
				t.Errorf("a call behind it: got %d, %v, want %d", got, err, i)
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	cancel()
	group.Wait()
}

// TestIdle lets the server close idle connections: the caller does not notice.
func TestIdle(t *testing.T) {
	python(t)
	file := mustLoad(t)
	for _, tt := range []struct {
		name  string
		route route
		flags []string
		times int
	}{
		{"500 ms, tcp", route{"binary", "buffered", "tcp", false}, []string{"--client-timeout", "500"}, 3},
		{"500 ms, unix", route{"binary", "framed", "unix", false}, []string{"--client-timeout", "500"}, 3},
		{"the default of 3 s", route{"binary", "buffered", "tcp", false}, []string{"--client-timeout", "3000"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, addr := servePython(t, tt.route, tt.flags...)
			_, f := dial(t, file, tt.route.target(addr))
			for range tt.times {
				if _, err := f.Ping(t.Context()); err != nil {
					t.Error(err)
				}
				waitIdle(t, addr)
				var group sync.WaitGroup
				for i := range int32(5) { // at the same time
					group.Go(func() {
						if got, err := f.EchoI32(t.Context(), i); err != nil || got != i {
							t.Errorf("after a rest: got %d, %v, want %d", got, err, i)
						}
					})
				}
				group.Wait()
				waitIdle(t, addr)
				if err := f.Notify(t.Context(), "after a rest"); err != nil {
					t.Error(err)
				}
			}
			if got, err := f.Notified(t.Context(), "after a rest"); err != nil || int(got) != tt.times {
				t.Errorf("%d oneway calls arrived, %v, want %d", got, err, tt.times)
			}
		})
	}
}

// waitIdle waits until the server at addr has closed a connection that says nothing, and thus all that have been
// idle for longer.
func waitIdle(t *testing.T, addr string) {
	t.Helper()
	network := "tcp"
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, addr = "unix", path
	}
	nc, err := net.Dial(network, addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patient))
	if _, err := nc.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("an idle connection: %v", err)
	}
	time.Sleep(100 * time.Millisecond) // for the others, whose time is over too
}

// TestRestart kills the server and starts another one in its place.
func TestRestart(t *testing.T) {
	python(t)
	file := mustLoad(t)
	for _, aio := range []bool{false, true} {
		w := route{"binary", "buffered", "tcp", aio}
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			server, addr := servePython(t, w)
			_, port, err := net.SplitHostPort(addr)
			if err != nil {
				t.Fatal(err)
			}
			_, f := dial(t, file, w.target(addr))

			// At rest: no caller notices.
			for range 2 {
				if _, err := f.Ping(t.Context()); err != nil {
					t.Fatal(err)
				}
				server.kill()
				server, _ = servePython(t, w, "--port", port)
				for range 5 {
					if got, err := f.Ping(t.Context()); err != nil || got != "pong" {
						t.Errorf("after a restart: %q, %v", got, err)
					}
				}
			}

			// With calls in flight: those are lost, and while nobody is there the error says so.
			var group sync.WaitGroup
			for range 3 {
				group.Go(func() {
					var e *thriftkit.Error
					err := f.Sleep(t.Context(), 10000)
					if errors.As(err, &e) && e.Code == rpc.CodeUnavailable {
						return // the machine is so busy that it was not under way
					}
					wantError(t, err, rpc.CodeConnectionLost, "")
				})
			}
			time.Sleep(time.Second) // until they are under way
			server.kill()
			group.Wait()
			for range 3 {
				_, err := f.Ping(t.Context())
				wantError(t, err, rpc.CodeUnavailable, "")
			}
			servePython(t, w, "--port", port)
			for range 5 {
				if got, err := f.Ping(t.Context()); err != nil || got != "pong" {
					t.Errorf("after a restart: %q, %v", got, err)
				}
			}
		})
	}
}

// A watcher is a proxy for framed messages that lets no reply pass before it has seen so many requests.
type watcher struct {
	mu       sync.Mutex
	conns    int
	requests int
	enough   chan struct{} // closed when all requests have come
}

func (w *watcher) add(all int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.requests++; w.requests == all {
		close(w.enough)
	}
}

// watch returns the address of a watcher before the server at addr.
func watch(t *testing.T, addr string, requests int) (*watcher, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	w := &watcher{enough: make(chan struct{})}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", addr)
			if err != nil {
				client.Close()
				return
			}
			w.mu.Lock()
			w.conns++
			w.mu.Unlock()
			go copyFrames(server, client, func() { w.add(requests) })
			go copyFrames(client, server, func() { <-w.enough })
		}
	}()
	return w, l.Addr().String()
}

// copyFrames copies frames until either side ends, and then closes both. It calls seen for each.
func copyFrames(dst, src net.Conn, seen func()) {
	defer dst.Close()
	defer src.Close()
	for {
		var head [4]byte
		if _, err := io.ReadFull(src, head[:]); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[:]))
		if _, err := io.ReadFull(src, body); err != nil {
			return
		}
		seen()
		if _, err := dst.Write(append(head[:], body...)); err != nil {
			return
		}
	}
}

// TestPipelining shows that many calls are sent on one connection before the first is answered, to a server that answers
// one after the other.
func TestPipelining(t *testing.T) {
	python(t)
	file := mustLoad(t)
	for _, aio := range []bool{false, true} {
		w := route{"binary", "framed", "tcp", aio}
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			_, addr := servePython(t, w)
			const calls = 8
			seen, proxy := watch(t, addr, calls)
			_, f := dial(t, file, w.target(proxy), thriftkit.WithMaxConns(1), thriftkit.WithTimeout(patient))
			var group sync.WaitGroup
			for i := range int32(calls) {
				group.Go(func() {
					if i%2 == 0 {
						if err := f.Sleep(t.Context(), 50); err != nil {
							t.Error(err)
						}
						return
					}
					if got, err := f.EchoI32(t.Context(), i); err != nil || got != i {
						t.Errorf("got %d, %v, want %d", got, err, i)
					}
				})
			}
			group.Wait()
			seen.mu.Lock()
			defer seen.mu.Unlock()
			if seen.conns != 1 || seen.requests != calls {
				t.Errorf("%d calls on %d connections, want %d on 1", seen.requests, seen.conns, calls)
			}
		})
	}
}

// TestWrongTransport calls a server of the other transport: the error comes soon and is no
// result.
func TestWrongTransport(t *testing.T) {
	python(t)
	file := mustLoad(t)
	for _, w := range []route{{"binary", "buffered", "tcp", false}, {"binary", "framed", "tcp", false}} {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			_, addr := servePython(t, w)
			other := route{"binary", "framed", "tcp", false}
			if w.transport == "framed" {
				other.transport = "buffered"
			}
			_, f := dial(t, file, other.target(addr))
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			got, err := f.Ping(ctx)
			var e *thriftkit.Error
			if !errors.As(err, &e) || e.Remote || strings.Contains(got, "pong") {
				t.Errorf("got %q, %v, want an error of this side", got, err)
			}
			t.Log(err)
		})
	}
}
