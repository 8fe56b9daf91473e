package rpc_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"net"

	"github.com/thriftkit/thriftkit/rpc"
)

// BenchmarkEcho makes one call with a short string over TCP, from several callers at once.
func BenchmarkEcho(b *testing.B) {
	for _, callers := range []int{1, 16, 100} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			s := rpc.NewServer(rpc.ServerOptions{})
			svc := load(b).Service("Test")
			if err := s.Register(svc, newHandler()); err != nil {
				b.Fatal(err)
			}
			go s.Serve(l)
			defer s.Close()
			c, err := rpc.Dial(context.Background(), l.Addr().String(), rpc.ClientOptions{})
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			var funcs client
			if err := c.Bind(svc, &funcs); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			var left atomic.Int64
			left.Store(int64(b.N))
			done := make(chan error)
			for range callers {
				go func() {
					for left.Add(-1) >= 0 {
						if _, err := funcs.Echo(context.Background(), "hello"); err != nil {
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
		})
	}
}
