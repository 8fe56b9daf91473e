package rpc_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
)

// waiter's methods wait until their contexts end.
type waiter struct {
	*handler
	begun, ended chan string
}

func (w waiter) Wait(ctx context.Context, ms int32) error {
	w.begun <- "wait"
	select {
	case <-ctx.Done():
		w.ended <- "cancelled"
	case <-time.After(time.Minute):
		w.ended <- "not cancelled"
	}
	return ctx.Err()
}

func (w waiter) Notify(ctx context.Context, text string) error {
	w.begun <- "notify"
	select {
	case <-ctx.Done():
		w.ended <- "cancelled"
	case <-time.After(200 * time.Millisecond):
		w.ended <- "not cancelled"
	}
	return nil
}

// TestClientGone has clients that leave while handlers run: those for a reply are told, and those of oneway calls go on.
func TestClientGone(t *testing.T) {
	for _, query := range []string{
		"", "?transport=framed", "?protocol=compact", "?transport=header", "?transport=ttheader", "?protocol=json", "?compression=zlib", "?transport=http",
	} {
		t.Run(query, func(t *testing.T) {
			leaks(t)
			l := listen(t)
			if query == "?transport=http" {
				l = listenTCP(t)
			}
			w := waiter{newHandler(), make(chan string), make(chan string)}
			_, svc := serve(t, l, w, rpc.ServerOptions{})
			for method, want := range map[string]string{"wait": "cancelled", "notify": "not cancelled"} {
				c, err := rpc.Dial(t.Context(), l.Addr().String()+query, inMemory(rpc.ClientOptions{}))
				if err != nil {
					t.Fatal(err)
				}
				var args any = 5
				if method == "notify" {
					args = "x"
				}
				var wg sync.WaitGroup
				wg.Go(func() { rpc.Invoke[any](t.Context(), c, svc.Method(method), args) })
				<-w.begun
				c.Close()
				if got := <-w.ended; got != want {
					t.Errorf("%s: %s, want %s", method, got, want)
				}
				wg.Wait()
			}
		})
	}
}

// TestQueueDeadline has a server that is busy for longer than a call has time: the call is never begun.
func TestQueueDeadline(t *testing.T) {
	for _, query := range []string{"?transport=header", "?transport=ttheader"} {
		synctest.Test(t, func(t *testing.T) {
			l := listen(t)
			s := rpc.NewServer(rpc.ServerOptions{MaxCalls: 1, QueueTimeout: time.Minute})
			svc := load(t).Service("Test")
			h := newHandler()
			if err := s.Register(svc, h); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			wg.Go(func() { s.Serve(l) })
			c, err := rpc.Dial(t.Context(), l.Addr().String()+query, inMemory(rpc.ClientOptions{}))
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() { rpc.Invoke[any](t.Context(), c, svc.Method("wait"), 2000) })
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := rpc.Invoke[any](ctx, c, svc.Method("echo"), "x"); code(err) != rpc.CodeTimeout && code(err) != rpc.CodeOverloaded {
				t.Errorf("%v", err)
			}
			time.Sleep(100 * time.Millisecond)
			if n := s.Stats().RefusedCalls; n != 1 {
				t.Errorf("%d calls were refused, want 1: at the end of the time of the call", n)
			}
			c.Close()
			s.Close()
			wg.Wait()
		})
	}
}
