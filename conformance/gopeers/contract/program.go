package contract

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// A Route is one way to talk: protocol/transport/socket.
type Route struct{ Protocol, Transport, Socket string }

func (r Route) String() string { return r.Protocol + "/" + r.Transport + "/" + r.Socket }

// ParseRoute reads what String returns.
func ParseRoute(s string) Route {
	parts := append(strings.SplitN(s, "/", 3), "", "")
	return Route{parts[0], parts[1], parts[2]}
}

// Options are what both programs are told.
type Options struct {
	TLS  string // the folder of the certificates
	Unix string // the folder for sockets
}

// A Conn is what checks call: clients of the library, with the methods of the services, on a connection of their own.
type Conn struct {
	Conformance, Later, Base any
	Close                    func()
}

// A Peer is a library.
type Peer struct {
	// Listen opens a listener for each route, serves them, and tells their addresses.
	Listen func(o Options, tell func(route, address string)) error
	// Stop ends what Listen serves when calls under way have been answered. It may be nil.
	Stop func()
	// Connect connects to a route.
	Connect func(o Options, r Route, address string) (*Conn, error)
	// More returns checks that only this library has; they are all that there are of a route that is not one of the matrix. Or nil.
	More func(r Route, address string) []Check
	// Skip says why a check cannot be made with the library, "" if it can. It may be nil.
	Skip func(check string, r Route) string
	// Type returns the type of the application exception in err, -1 if there is none.
	Type func(err error) int32
}

// Main runs the program that the arguments ask for, and exits.
func (p *Peer) Main() {
	var o Options
	flags := flag.NewFlagSet("peer", flag.ExitOnError)
	flags.StringVar(&o.TLS, "tls", "", "`folder` of the certificates")
	flags.StringVar(&o.Unix, "unix", "", "`folder` for sockets")
	program := append(os.Args, "")[1]
	flags.Parse(os.Args[min(2, len(os.Args)):])
	switch program {
	case "server":
		p.serve(o)
	case "client":
		os.Exit(p.check(o, flags.Args()))
	}
	fmt.Fprintln(os.Stderr, "usage: peer server|client [flags] [ROUTE=ADDRESS...]")
	os.Exit(2)
}

// serve serves until the standard input closes.
func (p *Peer) serve(o Options) {
	err := p.Listen(o, func(route, address string) { fmt.Println("ROUTE", route, address) })
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("READY")
	io.Copy(io.Discard, os.Stdin)
	if p.Stop != nil {
		p.Stop()
	}
	os.Exit(0)
}

// check makes all checks of all targets and returns the exit code.
func (p *Peer) check(o Options, targets []string) int {
	var ok, failed, skipped int
	for _, target := range targets {
		name, address, _ := strings.Cut(target, "=")
		r := ParseRoute(name)
		for _, c := range p.checks(o, r, address) {
			why := ""
			if p.Skip != nil {
				why = p.Skip(c.Name, r)
			}
			if why != "" {
				skipped++
				fmt.Printf("%s skip %s: %s\n", r, c.Name, why)
			} else if err := c.run(); err != nil {
				failed++
				fmt.Printf("%s FAIL %s: %s\n", r, c.Name, strings.ReplaceAll(err.Error(), "\n", " "))
			} else {
				ok++
				fmt.Printf("%s ok %s\n", r, c.Name)
			}
		}
	}
	fmt.Printf("done %d ok, %d failed, %d skipped\n", ok, failed, skipped)
	return min(failed, 1)
}

func (p *Peer) checks(o Options, r Route, address string) []Check {
	var all []Check
	if r.Protocol == "binary" || r.Protocol == "compact" || r.Protocol == "json" {
		all = p.common(r, func() (*Conn, error) { return p.Connect(o, r, address) })
	}
	if p.More != nil {
		all = append(all, p.More(r, address)...)
	}
	return all
}

func sleep(ctx context.Context, ms int32) error {
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
