// Command rpcx is a server of rpcx with its defaults, for the comparison of what servers withstand. It prints READY and its
// address, and ends with its standard input.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/smallnest/rpcx/log"
	"github.com/smallnest/rpcx/server"
)

// Conformance has the one method that correct clients call, in raw bytes.
type Conformance struct{}

// Ping answers "pong".
func (Conformance) Ping(_ context.Context, _ *[]byte, reply *[]byte) error {
	*reply = []byte("pong")
	return nil
}

func main() {
	log.SetDummyLogger()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s := server.NewServer()
	if err := s.RegisterName("Conformance", Conformance{}, ""); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go s.ServeListener("tcp", l)
	fmt.Println("READY", l.Addr())
	io.Copy(io.Discard, os.Stdin)
}
