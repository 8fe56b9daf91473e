// Command drpc serves bench.proto with drpc.
package main

import (
	"context"
	"net"

	"storj.io/drpc/drpcmux"
	"storj.io/drpc/drpcserver"

	"github.com/thriftkit/thriftkit/bench/internal/child"
	gen "github.com/thriftkit/thriftkit/bench/internal/gen/drpc"
	"github.com/thriftkit/thriftkit/bench/internal/gen/pb"
)

type handler struct {
	gen.DRPCBenchUnimplementedServer
}

func (handler) Echo(_ context.Context, b *pb.Blob) (*pb.Blob, error) { return b, nil }

func main() {
	child.Serve(func(l net.Listener, ready func()) error {
		mux := drpcmux.New()
		if err := gen.DRPCRegisterBench(mux, handler{}); err != nil {
			return err
		}
		s := drpcserver.New(mux)
		ready()
		return s.Serve(context.Background(), l)
	})
}
