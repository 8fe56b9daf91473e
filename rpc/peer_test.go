package rpc_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/transport"
)

// whoCalls answers Test.ping with who called: the address, by way of which proxy, with TLS or not.
func whoCalls(next rpc.Handler) rpc.Handler {
	return func(ctx context.Context, call *rpc.Call) error {
		peer, _ := rpc.PeerOf(ctx)
		text := peer.Addr.String()
		if peer.Proxy != nil {
			text += " by way of a proxy"
		}
		if peer.TLS != nil {
			text += " with TLS"
		}
		return call.SetResult(text)
	}
}

// TestProxyProtocol has a proxy in front of the server that says who the client is.
func TestProxyProtocol(t *testing.T) {
	leaks(t)
	ca := newAuthority(t, "authority")
	ca.sign(t, "foo.test", "server")
	var log errorLog
	opts := rpc.ServerOptions{
		TLS: ca.serverTLS(t, "server", ""), ErrorLog: log.add, Interceptors: []rpc.Interceptor{whoCalls},
		ProxyProtocol: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}
	trusting, other := listenTCP(t), listenTCP(t)
	_, svc := serve(t, trusting, newHandler(), opts)
	opts.ProxyProtocol = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	serve(t, other, newHandler(), opts)
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	const (
		one   = "PROXY TCP4 192.0.2.1 192.0.2.2 56324 9090\r\n"
		two   = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\xdc\x04\x23\x82"
		local = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
	)
	for _, test := range []struct {
		what, header, query string
		l                   net.Listener
		want                string // how the answer begins
	}{
		{"version 1", one, "", trusting, "192.0.2.1:56324 by way of a proxy"},
		{"version 2", two, "?transport=framed", trusting, "192.0.2.1:56324 by way of a proxy"},
		{"TLS after it", two, "tls", trusting, "192.0.2.1:56324 by way of a proxy with TLS"},
		{"HTTP after it", one, "?transport=http", trusting, "192.0.2.1:56324 by way of a proxy"},
		{"the proxy speaks for itself", local, "", trusting, "127.0.0.1:"},
		{"no header", "", "", trusting, "127.0.0.1:"},
		{"not trusted", one, "", other, ""},
		{"wrong", "PROXY me\r\n", "", trusting, ""},
	} {
		t.Run(test.what, func(t *testing.T) {
			target := test.l.Addr().String() + test.query
			if test.query == "tls" {
				target = "tls://" + test.l.Addr().String()
			}
			c := dial(t, target, rpc.ClientOptions{Lazy: true, Dialer: func(ctx context.Context, to transport.Target, _ *tls.Config) (net.Conn, error) {
				nc, err := new(net.Dialer).DialContext(ctx, "tcp", to.Address)
				if err != nil {
					return nil, err
				}
				if _, err := nc.Write([]byte(test.header)); err != nil {
					return nil, err
				}
				if to.TLS {
					return tls.Client(nc, &tls.Config{RootCAs: roots, ServerName: "foo.test"}), nil
				}
				return nc, nil
			}})
			got, err := rpc.Invoke[string](t.Context(), c, svc.Method("ping"))
			if want := test.want; want == "" && err == nil || want != "" && (err != nil || !strings.HasPrefix(got, want)) {
				t.Errorf("%q, %v; want %q", got, err, want)
			}
		})
	}
	for _, want := range []string{
		"but the PROXY protocol does: it is accepted from proxies that WithProxyProtocol (thriftkit serve: --proxy-protocol) names",
		`PROXY protocol: the line "PROXY me"`,
	} {
		log.waitFor(t, want)
	}
}

// TestTLSListener serves a listener that makes TLS by itself.
func TestTLSListener(t *testing.T) {
	leaks(t)
	ca := newAuthority(t, "authority")
	ca.sign(t, "foo.test", "server")
	for _, query := range []string{"", "&transport=http"} {
		l := listenTCP(t)
		_, svc := serve(t, tls.NewListener(l, ca.serverTLS(t, "server", "")), newHandler(), rpc.ServerOptions{
			RequireTLS: true, HandshakeTimeout: 3 * time.Second, Interceptors: []rpc.Interceptor{whoCalls},
		})
		silent, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		c := dial(t, target(l, "ca", ca.file("ca.pem"), "servername", "foo.test")+query, rpc.ClientOptions{})
		if got, err := rpc.Invoke[string](t.Context(), c, svc.Method("ping")); !strings.HasSuffix(got, " with TLS") || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if n, err := silent.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Error("a handshake that does not begin is waited for")
		}
	}
}

// A slowAddrConn has an address that is known only when the client has said something, as behind listeners that read a header
// in front of the connection.
type slowAddrConn struct{ net.Conn }

func (c slowAddrConn) RemoteAddr() net.Addr {
	time.Sleep(20 * time.Second)
	return c.Conn.RemoteAddr()
}

// TestAcceptDoesNotWait has clients whose addresses take long: others are served beside them, also one above the limit.
func TestAcceptDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := listen(t)
		s := rpc.NewServer(rpc.ServerOptions{MaxConns: 3, Stats: &openedConns{}})
		svc := load(t).Service("Test")
		if err := s.Register(svc, newHandler()); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() { s.Serve(&halfSlow{Listener: l}) })
		for range 2 {
			defer connectTo(t, l).Close()
		}
		start := time.Now()
		c := dial(t, l.Addr().String(), inMemory(rpc.ClientOptions{MaxConns: 1}))
		defer connectTo(t, l).Close() // one too many
		if _, err := rpc.Invoke[string](t.Context(), c, svc.Method("ping")); err != nil || time.Since(start) > time.Second {
			t.Errorf("%v, after %v", err, time.Since(start))
		}
		c.Close()
		s.Close()
		wg.Wait()
		time.Sleep(time.Minute) // until the addresses are known
	})
}

// A halfSlow listener has a slowAddrConn for each connection except the third.
type halfSlow struct {
	net.Listener
	n int
}

func (l *halfSlow) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if l.n++; l.n == 3 || err != nil {
		return nc, err
	}
	return slowAddrConn{nc}, nil
}
