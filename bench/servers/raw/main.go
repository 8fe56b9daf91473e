// Command raw is the server of the floors raw-go and, with the argument mux, raw-mux, with http, raw-http.
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
		switch {
		case len(os.Args) > 1 && os.Args[1] == "mux":
			return raw.ServeMux(l)
		case len(os.Args) > 1 && os.Args[1] == "http":
			return raw.ServeHTTP(l)
		}
		return raw.ServeGo(l)
	})
}
