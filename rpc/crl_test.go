package rpc_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/transport"
)

// revoke returns a list of the authority, in PEM, of the certificates with these serial numbers, after change.
func (a *authority) revoke(t *testing.T, change func(*x509.RevocationList), certs ...*x509.Certificate) []byte {
	t.Helper()
	now := time.Now()
	list := &x509.RevocationList{Number: big.NewInt(now.UnixNano()), ThisUpdate: now.Add(-2 * time.Hour), NextUpdate: now.Add(time.Hour)}
	for _, c := range certs {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: now.Add(-time.Minute), ReasonCode: 1})
	}
	if change != nil {
		change(list)
	}
	issuer := *a.cert
	issuer.KeyUsage = x509.KeyUsageCRLSign
	der, err := x509.CreateRevocationList(rand.Reader, list, &issuer, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func der(text []byte) []byte {
	block, _ := pem.Decode(text)
	return block.Bytes
}

// TestRevocation has what lists say of a certificate, once for a server whose client has it and once for a client whose server has it.
func TestRevocation(t *testing.T) {
	leaks(t)
	ca, other := newAuthority(t, "authority"), newAuthority(t, "other")
	alice, _ := ca.sign(t, "foo.test", "alice")
	bob, _ := ca.sign(t, "foo.test", "bob")
	ca.sign(t, "foo.test", "server")
	forged := &authority{dir: other.dir, cert: ca.cert, key: other.key} // says that it is ca, and signs with another key
	critical := func(oid ...int) func(*x509.RevocationList) {
		return func(l *x509.RevocationList) {
			l.ExtraExtensions = append(l.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier(oid), Critical: true, Value: []byte{5, 0}})
		}
	}
	for _, tt := range []struct {
		what string
		list []byte
		err  string // of the handshake
		bad  string // of the file
	}{
		{what: "an empty list", list: ca.revoke(t, nil)},
		{what: "another certificate", list: ca.revoke(t, nil, bob)},
		{what: "the certificate", list: ca.revoke(t, nil, bob, alice), err: "was revoked on "},
		{what: "the certificate, in DER", list: der(ca.revoke(t, nil, alice)), err: "was revoked on "},
		{what: "in the second list", list: append(other.revoke(t, nil), ca.revoke(t, nil, alice)...), err: "was revoked on "},
		{what: "the same number of another issuer", list: other.revoke(t, nil, alice)},
		{what: "out of date", list: ca.revoke(t, func(l *x509.RevocationList) { l.NextUpdate = time.Now().Add(-time.Minute) }),
			err: "the revocation list of CN=authority is out of date: the next was due "},
		{what: "out of date, and revoked", list: ca.revoke(t, func(l *x509.RevocationList) { l.NextUpdate = time.Now().Add(-time.Minute) }, alice),
			err: "was revoked on "},
		{what: "of the future", list: ca.revoke(t, func(l *x509.RevocationList) { l.ThisUpdate = time.Now().Add(time.Minute) }),
			err: "the revocation list of CN=authority is of the future, "},
		{what: "signed by another", list: forged.revoke(t, nil), bad: "the revocation list is not one of CN=authority: "},
		{what: "a delta", list: ca.revoke(t, critical(2, 5, 29, 27)), bad: "list 1: a delta list, which is not supported: use the complete one"},
		{what: "of a distribution point", list: ca.revoke(t, critical(2, 5, 29, 28)), bad: "list 1: a list of one distribution point, which is not supported: use the complete one"},
		{what: "an unknown extension", list: ca.revoke(t, critical(1, 2, 3)), bad: "list 1: unknown critical extension 1.2.3"},
		{what: "cut off", list: append(ca.revoke(t, nil), ca.revoke(t, nil, alice)[:200]...), bad: "list 2: not PEM"},
		{what: "no list", list: nil, bad: "not a revocation list: "},
		{what: "a certificate", list: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: alice.Raw}), bad: "want blocks of PEM called X509 CRL, got one called CERTIFICATE"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			crl := ca.file("list.crl")
			writeFile(t, crl, tt.list)
			checkServersLists(t, ca, crl, tt.err, tt.bad)

			writeFile(t, crl, tt.list)
			l := listenTCP(t)
			_, svc := serve(t, l, newHandler(), rpc.ServerOptions{TLS: ca.serverTLS(t, "alice", "")})
			c, err := rpc.Dial(t.Context(), target(l, "ca", ca.file("ca.pem"), "servername", "foo.test", "crl", crl), rpc.ClientOptions{})
			if err == nil {
				_, err = rpc.Invoke[string](t.Context(), c, svc.Method("ping"))
				c.Close()
			}
			switch want := tt.err + tt.bad; {
			case want == "" && err != nil:
				t.Errorf("the client: %v", err)
			case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
				t.Errorf("the client: %v, want %s", err, want)
			}
		})
	}
}

// checkServersLists calls a server that has the lists in the file crl as alice.
func checkServersLists(t *testing.T, ca *authority, crl, wantErr, bad string) {
	t.Helper()
	config, err := transport.ServerTLS(transport.TLSFiles{Cert: ca.file("server.pem"), Key: ca.file("server.key"), CA: ca.file("ca.pem"), CRL: crl})
	if bad != "" {
		if err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("the server: %v, want %s", err, bad)
		}
		return
	}
	if err != nil {
		t.Errorf("the server: %v", err)
		return
	}
	var log errorLog
	var events connEvents
	l := listenTCP(t)
	s, svc := serve(t, l, newHandler(), rpc.ServerOptions{TLS: config, ErrorLog: log.add, Stats: &events})
	c, err := rpc.Dial(t.Context(), target(l, "ca", ca.file("ca.pem"), "servername", "foo.test", "cert", ca.file("alice.pem"), "key", ca.file("alice.key")), rpc.ClientOptions{})
	if err == nil {
		_, err = rpc.Invoke[string](t.Context(), c, svc.Method("ping"))
		c.Close()
	}
	if (err != nil) != (wantErr != "") {
		t.Errorf("the server let the client in: %v, want %q", err, wantErr)
	}
	if wantErr == "" {
		return
	}
	waitFor(t, "the connection to be counted", func() bool { return s.Stats().RevokedConns > 0 && events.has(rpc.ConnRefused) })
	log.waitFor(t, "TLS: certificate of CN=foo.test (serial number ")
	log.waitFor(t, wantErr)
}

// connEvents notes the events of connections.
type connEvents struct {
	mu    sync.Mutex
	kinds []rpc.ConnEventKind
}

func (c *connEvents) HandleCall(context.Context, rpc.CallEvent) {}

func (c *connEvents) HandleConn(e rpc.ConnEvent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kinds = append(c.kinds, e.Kind)
}

func (c *connEvents) has(kind rpc.ConnEventKind) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.kinds {
		if k == kind {
			return true
		}
	}
	return false
}

// TestRevocationReload revokes a certificate while the server runs. A client that has a session to resume is refused as well.
func TestRevocationReload(t *testing.T) {
	leaks(t)
	ca := newAuthority(t, "authority")
	alice, _ := ca.sign(t, "alice", "alice")
	ca.sign(t, "foo.test", "server")
	crl := ca.file("list.crl")
	writeFile(t, crl, ca.revoke(t, nil))
	config, err := transport.ServerTLS(transport.TLSFiles{Cert: ca.file("server.pem"), Key: ca.file("server.key"), CA: ca.file("ca.pem"), CRL: crl})
	if err != nil {
		t.Fatal(err)
	}
	l := listenTCP(t)
	s, svc := serve(t, l, newHandler(), rpc.ServerOptions{TLS: config})
	sessions := &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(8)}
	call := func() error {
		c, err := rpc.Dial(t.Context(), target(l, "ca", ca.file("ca.pem"), "servername", "foo.test", "cert", ca.file("alice.pem"), "key", ca.file("alice.key")), rpc.ClientOptions{TLS: sessions})
		if err == nil {
			defer c.Close()
			_, err = rpc.Invoke[string](t.Context(), c, svc.Method("ping"))
		}
		return err
	}
	for range 2 {
		if err := call(); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, crl, []byte("half written"))
	time.Sleep(1100 * time.Millisecond) // the server looks each second
	if err := call(); err != nil {
		t.Errorf("after a bad file: %v", err)
	}
	writeFile(t, crl, ca.revoke(t, nil, alice))
	deadline := time.Now().Add(time.Minute)
	for call() == nil {
		if time.Now().After(deadline) {
			t.Fatal("the new list is not used")
		}
		time.Sleep(50 * time.Millisecond)
	}
	waitFor(t, "the connection to be counted", func() bool { return s.Stats().RevokedConns > 0 })
}

// TestRevocationOptions has options that contradict.
func TestRevocationOptions(t *testing.T) {
	if _, err := transport.ServerTLS(transport.TLSFiles{Cert: "c", Key: "k", CRL: "l"}); err == nil || err.Error() != "revocation lists need the authorities of clients" {
		t.Error(err)
	}
	_, err := (transport.Target{TLS: true, Files: transport.TLSFiles{CRL: "l"}}).ClientTLS(&tls.Config{InsecureSkipVerify: true})
	if err == nil || err.Error() != "revocation lists are of no use where any certificate is accepted" {
		t.Error(err)
	}
}
