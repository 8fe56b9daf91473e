// Command rpcx serves an echo with rpcx.
package main

import (
	"context"
	"net"

	"github.com/smallnest/rpcx/log"
	"github.com/smallnest/rpcx/server"

	"github.com/thriftkit/thriftkit/bench/internal/child"
	"github.com/thriftkit/thriftkit/bench/internal/gen/pb"
)

// Bench is the service.
type Bench struct{}

// Echo returns its argument.
func (Bench) Echo(_ context.Context, b *pb.Blob, reply *pb.Blob) error {
	reply.V = b.V
	return nil
}

func main() {
	log.SetDummyLogger()
	child.Serve(func(l net.Listener, ready func()) error {
		s := server.NewServer()
		if err := s.RegisterName("Bench", Bench{}, ""); err != nil {
			return err
		}
		ready()
		return s.ServeListener("tcp", l)
	})
}
