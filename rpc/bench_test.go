package rpc_test

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"testing"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

type echo func(ctx context.Context, text string) (string, error)

// BenchmarkEcho makes one call with a short string over TCP, from several callers at once, with
// funcs that are bound on both sides and with what generated code uses.
func BenchmarkEcho(b *testing.B) {
	for _, kind := range []struct {
		name    string
		handler any
		echo    func(*rpc.Client, *schema.Service) echo
	}{
		{"bound", newHandler(), func(c *rpc.Client, svc *schema.Service) echo {
			var funcs client
			if err := c.Bind(svc, &funcs); err != nil {
				b.Fatal(err)
			}
			return funcs.Echo
		}},
		{"typed", testServer{newHandler()}, func(c *rpc.Client, svc *schema.Service) echo {
			return newTestClient(b, c, svc).Echo
		}},
	} {
		for _, callers := range []int{1, 16, 100} {
			b.Run(fmt.Sprintf("%s/callers=%d", kind.name, callers), func(b *testing.B) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					b.Fatal(err)
				}
				s := rpc.NewServer(rpc.ServerOptions{})
				svc := load(b).Service("Test")
				if err := s.Register(svc, kind.handler); err != nil {
					b.Fatal(err)
				}
				go s.Serve(l)
				defer s.Close()
				c, err := rpc.Dial(context.Background(), l.Addr().String(), rpc.ClientOptions{})
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				benchmarkCalls(b, callers, kind.echo(c, svc))
			})
		}
	}
}

// benchmarkCalls makes b.N calls from that many goroutines.
func benchmarkCalls(b *testing.B, callers int, call echo) {
	b.ReportAllocs()
	b.ResetTimer()
	var left atomic.Int64
	left.Store(int64(b.N))
	done := make(chan error)
	for range callers {
		go func() {
			for left.Add(-1) >= 0 {
				if _, err := call(context.Background(), "hello"); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range callers {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
}
