// Command raw is the server of the floors raw-go and, with the argument mux, raw-mux.
package main

import (
	"net"
	"os"

	"github.com/thriftkit/thriftkit/bench/internal/child"
	"github.com/thriftkit/thriftkit/bench/internal/raw"
)

func main() {
	child.Serve(func(l net.Listener, ready func()) error {
		ready()
		if len(os.Args) > 1 && os.Args[1] == "mux" {
			return raw.ServeMux(l)
		}
		return raw.ServeGo(l)
	})
}
