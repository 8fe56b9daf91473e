// Command apache is the service Conformance on Apache Thrift's library: a server with every route that the library has, and a client
// that checks one.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/apache/thrift/lib/go/thrift"

	"peer/contract"
	"peer/gen/conformance"
	"peer/gen/conformance/shared"
	"peer/gen/later"
)

func main() {
	log.SetOutput(io.Discard)
	p := contract.Peer{Listen: listen, Connect: connect, Type: typeOf, Skip: skip}
	p.Main()
}

func skip(check string, r contract.Route) string {
	switch {
	case check == "unknown oneway method":
		return "Apache's Go sends a oneway call as a call, which is answered"
	case check == "strings that are not UTF-8" && r.Protocol == "json":
		return "strings in JSON are text"
	}
	return ""
}

// routes returns those that the library has.
func routes() []contract.Route {
	all := []contract.Route{{Protocol: "binary", Transport: "buffered", Socket: "mux"}}
	for _, protocol := range []string{"binary", "compact", "json"} {
		for _, transport := range []string{"buffered", "framed", "zlib", "header", "http"} {
			for _, socket := range []string{"tcp", "tls", "unix"} {
				if (protocol != "json" || transport != "header") && (transport != "http" || socket != "unix") {
					all = append(all, contract.Route{Protocol: protocol, Transport: transport, Socket: socket})
				}
			}
		}
	}
	return all
}

// factories returns what a route is made of.
func factories(r contract.Route) (thrift.TTransportFactory, thrift.TProtocolFactory) {
	var protocol thrift.TProtocolFactory = thrift.NewTBinaryProtocolFactoryConf(nil)
	id := thrift.THeaderProtocolBinary
	switch r.Protocol {
	case "compact":
		protocol, id = thrift.NewTCompactProtocolFactoryConf(nil), thrift.THeaderProtocolCompact
	case "json":
		protocol = thrift.NewTJSONProtocolFactory()
	}
	plain := thrift.NewTTransportFactory()
	switch r.Transport {
	case "framed":
		return thrift.NewTFramedTransportFactoryConf(plain, nil), protocol
	case "zlib":
		return thrift.NewTZlibTransportFactory(6), protocol
	case "header":
		conf := &thrift.TConfiguration{THeaderProtocolID: &id}
		return thrift.NewTHeaderTransportFactoryConf(plain, conf), thrift.NewTHeaderProtocolFactoryConf(conf)
	case "http":
		return plain, protocol
	}
	return thrift.NewTBufferedTransportFactory(4096), protocol
}

// processor returns the service, multiplexed or not.
func processor(r contract.Route, h conformance.Conformance) thrift.TProcessor {
	service := conformance.NewConformanceProcessor(h)
	if r.Socket != "mux" {
		return service
	}
	m := thrift.NewTMultiplexedProcessor()
	m.RegisterProcessor("Conformance", service)
	m.RegisterProcessor("Base", shared.NewBaseProcessor(h))
	return m
}

func listen(o contract.Options, tell func(route, address string)) error {
	h := &contract.Handler{Application: func(message string) error {
		return thrift.NewTApplicationException(thrift.PROTOCOL_ERROR, message)
	}}
	config, err := tlsConfig(o.TLS, "server")
	if err != nil {
		return err
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	for _, r := range routes() {
		network, address := "tcp", "127.0.0.1:0"
		if r.Socket == "unix" {
			network, address = "unix", filepath.Join(o.Unix, r.Protocol+r.Transport)
		}
		l, err := net.Listen(network, address)
		if err != nil {
			return err
		}
		tell(r.String(), shown(l.Addr()))
		if r.Socket == "tls" {
			l = tls.NewListener(l, config)
		}
		go serve(r, l, processor(r, h))
	}
	return nil
}

// shown returns an address as the tests want it.
func shown(a net.Addr) string {
	if a.Network() == "unix" {
		return "unix:" + a.String()
	}
	return a.String()
}

func serve(r contract.Route, l net.Listener, p thrift.TProcessor) error {
	transport, protocol := factories(r)
	if r.Transport == "http" {
		return http.Serve(l, http.HandlerFunc(thrift.NewThriftHandlerFunc(p, protocol, protocol)))
	}
	return thrift.NewTSimpleServer4(p, &listener{Listener: l}, transport, protocol).Serve()
}

// A listener is a TServerTransport: the library's own make sockets themselves.
type listener struct{ net.Listener }

func (*listener) Listen() error      { return nil }
func (l *listener) Interrupt() error { return l.Close() }

func (l *listener) Accept() (thrift.TTransport, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return thrift.NewTSocketFromConnConf(c, nil), nil
}

// tlsConfig returns the certificate called name, and the authority that the other side's must be of.
func tlsConfig(dir, name string) (*tls.Config, error) {
	cert, err1 := tls.LoadX509KeyPair(filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key"))
	ca, err2 := os.ReadFile(filepath.Join(dir, "ca.pem"))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, ClientCAs: pool}, errors.Join(err1, err2)
}

func connect(o contract.Options, r contract.Route, address string) (*contract.Conn, error) {
	transports, protocols := factories(r)
	socket, err := dial(o, r, address)
	if err != nil {
		return nil, err
	}
	transport, err := transports.GetTransport(socket)
	if err != nil {
		return nil, err
	}
	client := func(service string) thrift.TClient {
		p := protocols.GetProtocol(transport)
		if r.Socket == "mux" {
			return thrift.NewTStandardClient(p, thrift.NewTMultiplexedProtocol(p, service))
		}
		return thrift.NewTStandardClient(p, p)
	}
	c := client("Conformance")
	return &contract.Conn{
		Conformance: conformance.NewConformanceClient(c), Later: later.NewLaterClient(c), Base: shared.NewBaseClient(client("Base")),
		Close: func() { transport.Close() },
	}, nil
}

// dial returns an open connection.
func dial(o contract.Options, r contract.Route, address string) (thrift.TTransport, error) {
	conf := &thrift.TConfiguration{SocketTimeout: 30 * time.Second}
	if r.Socket == "tls" {
		var err error
		if conf.TLSConfig, err = tlsConfig(o.TLS, "client"); err != nil {
			return nil, err
		}
	}
	var t thrift.TTransport
	switch path, isUnix := strings.CutPrefix(address, "unix:"); {
	case r.Transport == "http":
		return dialHTTP(conf.TLSConfig, address)
	case isUnix:
		t = thrift.NewTSocketFromAddrConf(&net.UnixAddr{Net: "unix", Name: path}, conf)
	case r.Socket == "tls":
		t = thrift.NewTSSLSocketConf(address, conf)
	default:
		t = thrift.NewTSocketConf(address, conf)
	}
	return t, t.Open()
}

func dialHTTP(config *tls.Config, address string) (thrift.TTransport, error) {
	scheme := "http"
	if config != nil {
		scheme = "https"
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}, Timeout: 30 * time.Second}
	return thrift.NewTHttpClientWithOptions(scheme+"://"+address+"/thrift", thrift.THttpClientOptions{Client: client})
}

func typeOf(err error) int32 {
	var e thrift.TApplicationException
	if errors.As(err, &e) {
		return e.TypeId()
	}
	return -1
}
