// Command rpcx serves an echo with rpcx.
package main

import (
	"context"
	"errors"
	"net"

	"github.com/smallnest/rpcx/log"
	"github.com/smallnest/rpcx/server"

	"github.com/thriftkit/thriftkit/bench/internal/child"
	"github.com/thriftkit/thriftkit/bench/internal/gen/apache/bench"
	"github.com/thriftkit/thriftkit/bench/internal/gen/pb"
)

// Bench is the service.
type Bench struct{}

// Echo returns its argument.
func (Bench) Echo(_ context.Context, b *pb.Blob, reply *pb.Blob) error {
	reply.V = b.V
	return nil
}

// BenchThrift is the service in the serializations Thrift and msgpack.
type BenchThrift struct{}

// Echo returns its argument.
func (BenchThrift) Echo(_ context.Context, args *bench.BenchEchoArgs, reply *bench.BenchEchoResult) error {
	reply.Success = args.V
	return nil
}

func main() {
	log.SetDummyLogger()
	child.Serve(func(l net.Listener, ready func()) error {
		s := server.NewServer()
		if err := errors.Join(s.RegisterName("Bench", Bench{}, ""), s.RegisterName("BenchThrift", BenchThrift{}, "")); err != nil {
			return err
		}
		ready()
		return s.ServeListener("tcp", l)
	})
}
