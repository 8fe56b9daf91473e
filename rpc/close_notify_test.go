package rpc_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
)

// TestCloseNotify has a server that ends idle connections as TLS says (RFC 8446, section 6.1): the next call must go over
// another connection, as after a bare end of the stream. Tickets that came unasked are no end.
func TestCloseNotify(t *testing.T) {
	ca := newAuthority(t, "authority")
	ca.sign(t, "foo.test", "server")
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			leaks(t)
			l := listenTCP(t)
			config := ca.serverTLS(t, "server", "")
			config.MaxVersion = version
			_, svc := serve(t, l, newHandler(), rpc.ServerOptions{})
			tlsl := listenTCP(t)
			defer tlsl.Close()
			ended := make(chan struct{}, 10)
			notify := make(chan struct{})
			defer close(notify)
			go forward(tls.NewListener(tlsl, config), l.Addr().String(), notify, ended)
			var conns openedConns
			c := bind(t, dial(t, target(tlsl, "ca", ca.file("ca.pem"), "servername", "foo.test"), rpc.ClientOptions{Stats: &conns}), svc)
			echo := func() {
				t.Helper()
				if got, err := c.Echo(context.Background(), "x"); got != "x" || err != nil {
					t.Fatalf("%q, %v", got, err)
				}
			}
			for range 3 {
				time.Sleep(3 * time.Millisecond) // until the client does not believe in the connection without a look
				echo()
			}
			if n := conns.n.Load(); n != 1 {
				t.Errorf("%d connections, want one", n)
			}
			for range 3 {
				notify <- struct{}{}
				<-ended
				time.Sleep(3 * time.Millisecond)
				echo()
			}
			if n := conns.n.Load(); n != 4 {
				t.Errorf("%d connections, want 4", n)
			}
		})
	}
}

// openedConns counts the connections of a client.
type openedConns struct{ n atomic.Int64 }

func (o *openedConns) HandleConn(e rpc.ConnEvent) {
	if e.Kind == rpc.ConnOpened {
		o.n.Add(1)
	}
}
func (*openedConns) HandleCall(context.Context, rpc.CallEvent) {}

// forward accepts one connection of TLS after the other and passes it on to addr. At a notify it ends it, but leaves
// the socket below open.
func forward(l net.Listener, addr string, notify <-chan struct{}, ended chan<- struct{}) {
	for {
		from, err := l.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		go func() { io.Copy(to, from); to.Close(); from.(*tls.Conn).NetConn().Close() }()
		go func() { io.Copy(from, to) }()
		go func() {
			<-notify
			from.(*tls.Conn).CloseWrite()
			ended <- struct{}{}
		}()
	}
}

// TestServerCloseNotify reads from connections that a server ends, idle or draining: a client must learn that the stream ends.
func TestServerCloseNotify(t *testing.T) {
	leaks(t)
	ca := newAuthority(t, "authority")
	ca.sign(t, "foo.test", "server")
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	for name, opts := range map[string]rpc.ServerOptions{"idle": {IdleTimeout: time.Second}, "shutdown": {}} {
		t.Run(name, func(t *testing.T) {
			l := listenTCP(t)
			opts.TLS = ca.serverTLS(t, "server", "")
			s, _ := serve(t, l, newHandler(), opts)
			nc, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: roots, ServerName: "foo.test"})
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			if _, err := nc.Write([]byte("\x80\x01\x00\x01\x00\x00\x00\x04ping\x00\x00\x00\x01\x00")); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(nc, make([]byte, 5)); err != nil {
				t.Fatal(err)
			}
			if name == "shutdown" {
				go s.Shutdown(t.Context())
			}
			if _, err := io.Copy(io.Discard, nc); err != nil { // an unexpected EOF if nothing is said
				t.Error(err)
			}
		})
	}
}
