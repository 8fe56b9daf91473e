// Command kitex is the service Conformance on Kitex: a server with every route that Kitex has, a client that checks one, and
// "peer http IDL ADDRESS", which makes generic calls over HTTP.
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/pkg/klog"
	"github.com/cloudwego/kitex/pkg/remote"
	"github.com/cloudwego/kitex/pkg/transmeta"
	"github.com/cloudwego/kitex/server"
	"github.com/cloudwego/kitex/transport"

	"peer/contract"
	"peer/gen/conformance/conformance"
	"peer/gen/conformance/shared/base"
	"peer/gen/later/later"
)

func main() {
	klog.SetOutput(io.Discard)
	if len(os.Args) == 4 && os.Args[1] == "http" {
		if err := requests(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	p := contract.Peer{
		Listen: listen, Stop: stop, Connect: connect, Type: typeOf, More: more,
		Skip: func(check string, r contract.Route) string {
			if check == "no result" {
				return "Kitex's client takes an empty result for an unset one"
			}
			return ""
		},
	}
	p.Main()
}

// stopping are the servers that end before the program does.
var stopping []server.Server

func stop() {
	var group sync.WaitGroup
	for _, s := range stopping {
		group.Go(func() { s.Stop() })
	}
	group.Wait()
}

// protocols are Kitex's names of the transports of routes.
var protocols = map[string]transport.Protocol{
	"buffered": transport.PurePayload, "framed": transport.Framed, "ttheader": transport.TTHeader, "ttheaderframed": transport.TTHeaderFramed,
}

// listen serves. A server takes all of Kitex's transports on one port, except for multiplexed connections.
func listen(o contract.Options, tell func(route, address string)) error {
	tcp, err1 := net.Listen("tcp", "127.0.0.1:0")
	mux, err2 := net.Listen("tcp", "127.0.0.1:0")
	unix, err3 := net.Listen("unix", filepath.Join(o.Unix, "kitex"))
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	for t := range protocols {
		tell("binary/"+t+"/tcp", tcp.Addr().String())
		tell("binary/"+t+"/unix", "unix:"+unix.Addr().String())
	}
	tell("binary/ttheader/mux", mux.Addr().String())
	headers, pooled, err1 := serveHeaders()
	headersMux, multiplexed, err2 := serveHeaders(server.WithMuxTransport())
	generics, err3 := serveGeneric()
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	stopping = []server.Server{pooled, multiplexed}
	tell("headers/ttheader/tcp", headers)
	tell("headers/ttheader/mux", headersMux)
	tell("generic/framed/tcp", generics)
	tell("generic/ttheader/tcp", generics)
	h := &contract.Handler{Application: func(message string) error { return remote.NewTransErrorWithMsg(remote.ProtocolError, message) }}
	for _, options := range [][]server.Option{{server.WithListener(tcp)}, {server.WithListener(unix)}, {server.WithListener(mux), server.WithMuxTransport()}} {
		go conformance.NewServer(h, append(options, serverOptions()...)...).Run()
	}
	return nil
}

func serverOptions() []server.Option {
	never := func() <-chan error { return make(chan error) }
	return []server.Option{
		server.WithMetaHandler(transmeta.ServerTTHeaderHandler), server.WithExitSignal(never), server.WithEnableContextTimeout(true),
	}
}

func clientOptions(r contract.Route, address string) []client.Option {
	options := []client.Option{
		client.WithHostPorts(strings.TrimPrefix(address, "unix:")), client.WithTransportProtocol(protocols[r.Transport]),
		client.WithMetaHandler(transmeta.ClientTTHeaderHandler),
	}
	if r.Socket == "mux" {
		options = append(options, client.WithMuxConnection(1))
	}
	return options
}

func connect(o contract.Options, r contract.Route, address string) (*contract.Conn, error) {
	options := clientOptions(r, address)
	c, err1 := conformance.NewClient("Conformance", options...)
	n, err2 := later.NewClient("Conformance", options...)
	b, err3 := base.NewClient("Base", options...)
	return &contract.Conn{Conformance: c, Later: n, Base: b, Close: func() {}}, errors.Join(err1, err2, err3)
}

// more returns the checks of routes that are not of the matrix.
func more(r contract.Route, address string) []contract.Check {
	switch r.Protocol {
	case "headers":
		return headersChecks(r, address)
	case "generic":
		return genericChecks(r, address)
	}
	return nil
}

func typeOf(err error) int32 {
	var e *remote.TransError
	if errors.As(err, &e) {
		return e.TypeID()
	}
	return -1
}
