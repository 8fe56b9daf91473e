package ops_test

import (
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/ops"
	"github.com/thriftkit/thriftkit/rpc"
)

// BenchmarkEcho compares calls with and without what listens to them, 16 at a time.
func BenchmarkEcho(b *testing.B) {
	log := slog.New(slog.NewJSONHandler(io.Discard, nil))
	tracer := ops.NewTracer(ops.TracerOptions{Sample: 0.01, Export: func(*ops.Span) {}})
	admin := ops.NewAdmin(ops.AdminOptions{})
	defer admin.Close()
	for _, side := range []struct {
		name   string
		stats  rpc.Stats
		around []rpc.Interceptor
	}{
		{"bare", nil, nil},
		{"metrics", ops.NewMetrics().Server(), nil},
		{"metrics+log+traces", rpc.JoinStats(ops.NewMetrics().Server(), ops.AccessLog(log, ops.AccessLogOptions{Sample: -1, Slow: time.Second}), tracer.Stats()), []rpc.Interceptor{tracer.ServerInterceptor()}},
		{"metrics+log", rpc.JoinStats(ops.NewMetrics().Server(), ops.AccessLog(log, ops.AccessLogOptions{Sample: -1, Slow: time.Second})), nil},
		{"admin", admin.Server(), nil},
	} {
		b.Run(side.name, func(b *testing.B) {
			s := rpc.NewServer(rpc.ServerOptions{Stats: side.stats, Interceptors: side.around})
			if err := s.Register(shop(b), shopHandler{}); err != nil {
				b.Fatal(err)
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			go s.Serve(l)
			defer s.Close()
			conn, err := rpc.Dial(b.Context(), l.Addr().String(), rpc.ClientOptions{})
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			var c shopClient
			if err := conn.Bind(shop(b), &c); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetParallelism(8)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if _, err := c.Echo(b.Context(), ""); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
