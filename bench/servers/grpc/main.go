// Command grpc serves bench.proto with grpc-go.
package main

import (
	"context"
	"net"

	"google.golang.org/grpc"

	"github.com/thriftkit/thriftkit/bench/internal/child"
	gen "github.com/thriftkit/thriftkit/bench/internal/gen/grpc"
	"github.com/thriftkit/thriftkit/bench/internal/gen/pb"
)

type handler struct{ gen.UnimplementedBenchServer }

func (handler) Echo(_ context.Context, b *pb.Blob) (*pb.Blob, error) { return b, nil }

func main() {
	child.Serve(func(l net.Listener, ready func()) error {
		s := grpc.NewServer()
		gen.RegisterBenchServer(s, handler{})
		ready()
		return s.Serve(l)
	})
}
