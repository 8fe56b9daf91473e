// Command netrpc serves an echo with Go's net/rpc.
package main

import (
	"net"
	"net/rpc"

	"github.com/thriftkit/thriftkit/bench/internal/child"
)

// Bench is the service.
type Bench struct{}

// Echo returns its argument.
func (Bench) Echo(v []byte, reply *[]byte) error {
	*reply = v
	return nil
}

func main() {
	child.Serve(func(l net.Listener, ready func()) error {
		s := rpc.NewServer()
		if err := s.Register(Bench{}); err != nil {
			return err
		}
		ready()
		s.Accept(l)
		return nil
	})
}
