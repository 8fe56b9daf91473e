// Command kitex serves bench.thrift with Kitex: every transport of its connection pools or, with
// the argument mux, multiplexed connections.
package main

import (
	"context"
	"io"
	"net"
	"os"
	"time"

	"github.com/cloudwego/kitex/pkg/klog"
	"github.com/cloudwego/kitex/server"

	"github.com/thriftkit/thriftkit/bench/internal/child"
	gen "github.com/thriftkit/thriftkit/bench/internal/gen/kitex/bench"
	"github.com/thriftkit/thriftkit/bench/internal/gen/kitex/bench/bench"
)

type handler struct{}

func (*handler) Echo(_ context.Context, v []byte) ([]byte, error) { return v, nil }

func (*handler) Login(_ context.Context, v *gen.Login) (*gen.Login, error) { return v, nil }

func (*handler) Nested(_ context.Context, v *gen.Nested) (*gen.Nested, error) { return v, nil }

func (*handler) Slow(_ context.Context, millis int32) (int32, error) {
	time.Sleep(time.Duration(millis) * time.Millisecond)
	return millis, nil
}

func main() {
	klog.SetOutput(io.Discard)
	child.Serve(func(l net.Listener, ready func()) error {
		server.RegisterStartHook(ready)
		options := []server.Option{server.WithListener(l), server.WithExitSignal(func() <-chan error { return make(chan error) })}
		if len(os.Args) > 1 && os.Args[1] == "mux" {
			options = append(options, server.WithMuxTransport())
		}
		return bench.NewServer(&handler{}, options...).Run()
	})
}
