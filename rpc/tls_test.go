package rpc_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/transport"
)

// authority signs certificates for a test, and writes all in PEM files.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.cert, a.key = a.sign(t, name, "ca")
	return a
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// sign writes NAME.pem and NAME.key for a host or a client called cn.
func (a *authority) sign(t *testing.T, cn, name string) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: cn},
		DNSNames:     []string{cn},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IsCA:         a.cert == nil, BasicConstraintsValid: true,
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		name + ".pem": {Type: "CERTIFICATE", Bytes: der},
		name + ".key": {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(a.file(file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func (a *authority) serverTLS(t *testing.T, name, clientCA string) *tls.Config {
	t.Helper()
	config, err := transport.ServerTLS(transport.TLSFiles{Cert: a.file(name + ".pem"), Key: a.file(name + ".key"), CA: clientCA})
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// target is the tls target of l with these keys and values.
func target(l net.Listener, pairs ...string) string {
	q := make(url.Values)
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return "tls://" + l.Addr().String() + "?" + q.Encode()
}

func TestTLS(t *testing.T) {
	leaks(t)
	ca, stranger := newAuthority(t, "authority"), newAuthority(t, "stranger")
	ca.sign(t, "foo.test", "server")
	ca.sign(t, "alice", "alice")
	stranger.sign(t, "mallory", "mallory")
	open, mutual := listenTCP(t), listenTCP(t)
	var log errorLog
	var seen []string
	who := func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, call *rpc.Call) error {
			peer, _ := rpc.PeerOf(ctx)
			name := "plain"
			if peer.TLS != nil {
				name = "TLS"
				if len(peer.TLS.PeerCertificates) > 0 {
					name = peer.TLS.PeerCertificates[0].Subject.CommonName
				}
			}
			seen = append(seen, name)
			return next(ctx, call)
		}
	}
	opts := rpc.ServerOptions{TLS: ca.serverTLS(t, "server", ""), ErrorLog: log.add, Interceptors: []rpc.Interceptor{who}}
	_, svc := serve(t, open, newHandler(), opts)
	opts.TLS, opts.RequireTLS = ca.serverTLS(t, "server", ca.file("ca.pem")), true
	serve(t, mutual, newHandler(), opts)
	caFile, alice, mallory := ca.file("ca.pem"), ca.file("alice"), stranger.file("mallory")
	for _, test := range []struct {
		what, target, sees, err string
	}{
		{"TLS", target(open, "ca", caFile, "servername", "foo.test"), "TLS", ""},
		{"TLS, framed", target(open, "ca", caFile, "servername", "foo.test", "transport", "framed"), "TLS", ""},
		{"plain on the same port", open.Addr().String(), "plain", ""},
		{"mutual", target(mutual, "ca", caFile, "servername", "foo.test", "cert", alice+".pem", "key", alice+".key"), "alice", ""},
		{"another name", target(open, "ca", caFile, "servername", "bar.test"), "", "certificate is valid for foo.test, not bar.test"},
		{"the name of the target", target(open, "ca", caFile), "", "cannot validate certificate for 127.0.0.1"},
		{"an authority that is not known", target(open, "servername", "foo.test"), "", "certificate signed by unknown authority"},
		{"no certificate", target(mutual, "ca", caFile, "servername", "foo.test"), "", "Test.echo: connection lost: "},
		{"a stranger's certificate", target(mutual, "ca", caFile, "servername", "foo.test", "cert", mallory+".pem", "key", mallory+".key"), "", "Test.echo: connection lost: "},
		{"plain where TLS is required", mutual.Addr().String(), "", "Test.echo: connection lost: "},
		{"no file", target(open, "ca", "/nowhere"), "", "open /nowhere: "},
		{"not a certificate", target(open, "ca", alice+".key"), "", "no certificate in PEM form"},
		{"cert without key", target(open, "cert", alice+".pem"), "", "cert and key go together"},
	} {
		seen = nil
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		c, err := rpc.Dial(ctx, test.target, rpc.ClientOptions{})
		if err == nil {
			var got string
			got, err = rpc.Invoke[string](ctx, c, svc.Method("echo"), strings.Repeat("x", 100_000))
			if err == nil && len(got) != 100_000 {
				t.Errorf("%s: %d bytes came back", test.what, len(got))
			}
			time.Sleep(5 * time.Millisecond) // idle: tickets must not look like a fault
			if err == nil {
				_, err = rpc.Invoke[string](ctx, c, svc.Method("ping"))
			}
			c.Close()
		}
		cancel()
		switch {
		case test.err == "" && (err != nil || fmt.Sprint(seen) != fmt.Sprintf("[%s %[1]s]", test.sees)):
			t.Errorf("%s: %v, the server saw %v", test.what, err, seen)
		case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
			t.Errorf("%s: %v, want %s", test.what, err, test.err)
		}
	}
	for _, want := range []string{"the client does not speak TLS", "TLS: tls: client didn't provide a certificate", "TLS: remote error: tls: bad certificate"} {
		log.waitFor(t, want)
	}
}

func TestTLSVersion(t *testing.T) {
	leaks(t)
	ca := newAuthority(t, "authority")
	ca.sign(t, "foo.test", "server")
	l := listenTCP(t)
	serve(t, l, newHandler(), rpc.ServerOptions{TLS: ca.serverTLS(t, "server", "")})
	_, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	if err == nil || !strings.Contains(err.Error(), "protocol version not supported") {
		t.Errorf("TLS 1.1: %v", err)
	}
}

// TestTLSReload replaces the server's certificate while it runs.
func TestTLSReload(t *testing.T) {
	leaks(t)
	ca := newAuthority(t, "authority")
	ca.sign(t, "old.test", "server")
	l := listenTCP(t)
	serve(t, l, newHandler(), rpc.ServerOptions{TLS: ca.serverTLS(t, "server", "")})
	name := func() string {
		nc, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		return nc.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if got := name(); got != "old.test" {
		t.Errorf("the certificate is of %s", got)
	}
	if err := os.WriteFile(ca.file("server.pem"), []byte("half written"), 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond)
	if got := name(); got != "old.test" {
		t.Errorf("after a bad file the certificate is of %s", got)
	}
	ca.sign(t, "new.test", "server")
	deadline := time.Now().Add(10 * time.Second)
	for name() != "new.test" {
		if time.Now().After(deadline) {
			t.Fatal("the new certificate is not used")
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestTLSHandshakeTimeout has clients that begin a handshake and never go on: they end, and
// others are served meanwhile.
func TestTLSHandshakeTimeout(t *testing.T) {
	leaks(t)
	ca := newAuthority(t, "authority")
	ca.sign(t, "foo.test", "server")
	l := listenTCP(t)
	_, svc := serve(t, l, newHandler(), rpc.ServerOptions{TLS: ca.serverTLS(t, "server", ""), HandshakeTimeout: 200 * time.Millisecond})
	silent, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	silent.Write([]byte{22, 3, 1, 2, 0, 1, 0, 1, 0xfc})
	c := dial(t, target(l, "ca", ca.file("ca.pem"), "servername", "foo.test"), rpc.ClientOptions{})
	if _, err := rpc.Invoke[string](context.Background(), c, svc.Method("ping")); err != nil {
		t.Errorf("another client: %v", err)
	}
	silent.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := silent.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the silent connection is still open")
	}
}

// TestTLSTimeouts gives up while writing and while reading over TLS, whose stream cannot go on
// after a write that was interrupted.
func TestTLSTimeouts(t *testing.T) {
	leaks(t)
	ca := newAuthority(t, "authority")
	ca.sign(t, "foo.test", "server")
	l := listenTCP(t)
	_, svc := serve(t, l, newHandler(), rpc.ServerOptions{TLS: ca.serverTLS(t, "server", "")})
	c := bind(t, dial(t, target(l, "ca", ca.file("ca.pem"), "servername", "foo.test"), rpc.ClientOptions{}), svc)
	for i := range 20 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*time.Millisecond)
		if err := c.Wait(ctx, 300); code(err) != rpc.CodeTimeout {
			t.Errorf("wait: %v", err)
		}
		if _, err := c.Echo(ctx, strings.Repeat("x", 8<<20)); err == nil {
			t.Error("a call whose context is over was made")
		}
		cancel()
		if got, err := c.Echo(context.Background(), "x"); got != "x" || err != nil {
			t.Errorf("after it: %q, %v", got, err)
		}
	}
}

// TestTLSTurns has handshakes that say nothing, or wait for a function of the configuration: others do not wait for them.
func TestTLSTurns(t *testing.T) {
	leaks(t)
	a := newAuthority(t, "ca")
	a.sign(t, "server.test", "server")
	certificate, err := tls.LoadX509KeyPair(a.file("server.pem"), a.file("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	blocked, release := make(chan struct{}, 100), make(chan struct{})
	config := &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if hello.ServerName == "slow.test" {
			blocked <- struct{}{}
			<-release
		}
		return &certificate, nil
	}}
	l := listenTCP(t)
	_, svc := serve(t, l, newHandler(), rpc.ServerOptions{TLS: config})
	const many = 50 // more than there are turns
	var conns []net.Conn
	for range many {
		slow, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, slow)
		go tls.Client(slow, &tls.Config{ServerName: "slow.test", InsecureSkipVerify: true}).Handshake()
		silent, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, silent)
		silent.Write([]byte{22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3}) // the beginning of a handshake
	}
	waitFor(t, "the slow handshakes", func() bool { return len(blocked) == many })
	c := dial(t, target(l, "ca", a.file("ca.pem"), "servername", "server.test"), rpc.ClientOptions{Timeout: 20 * time.Second})
	if got, err := rpc.Invoke[string](context.Background(), c, svc.Method("ping")); got != "pong" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	close(release)
	for _, nc := range conns {
		nc.Close()
	}
}
