// Command raw is the server of the floors raw-go and, with the argument mux, raw-mux.
package main

import (
	"os"

	"github.com/thriftkit/thriftkit/bench/internal/child"
	"github.com/thriftkit/thriftkit/bench/internal/raw"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "mux" {
		child.Serve(raw.ServeMux)
	}
	child.Serve(raw.ServeGo)
}
