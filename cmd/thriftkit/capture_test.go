package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/capture/pcapfile"
	"github.com/thriftkit/thriftkit/internal/capturetest"
)

// ChaCha20-Poly1305 is decrypted as well, which needs what the library does without.
func TestCaptureChaCha20(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	a, b := net.Pipe()
	network := &capturetest.Network{}
	var keyLog bytes.Buffer
	call, reply := "\x80\x01\x00\x01\x00\x00\x00\x04ping\x00\x00\x00\x01\x00", "\x80\x01\x00\x02\x00\x00\x00\x04ping\x00\x00\x00\x01\x0b\x00\x00\x00\x00\x00\x04pong\x00"
	client := tls.Client(network.Record(a), &tls.Config{
		InsecureSkipVerify: true, KeyLogWriter: &keyLog, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256},
	})
	server := tls.Server(b, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert}, PrivateKey: key}}})
	done := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(server, make([]byte, len(call)))
		if err == nil {
			_, err = io.WriteString(server, reply)
		}
		done <- err
	}()
	if _, err := io.WriteString(client, call); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(client, make([]byte, len(reply))); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	f, err := os.Create("tls.pcap")
	if err != nil {
		t.Fatal(err)
	}
	w := pcapfile.NewWriter(f, 1)
	for _, p := range network.Packets() {
		if err := w.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	f.Close()
	write(t, "keys.log", keyLog.String())
	var out, errOut strings.Builder
	if code := run([]string{"capture", "--keylog", "keys.log", "tls.pcap"}, nil, &out, &errOut); code != 0 || !strings.Contains(out.String(), `ping {} → {"0":{"string":"pong"}}`) {
		t.Errorf("exit code %d: %s%s", code, out.String(), errOut.String())
	}
	out.Reset()
	if code := run([]string{"capture", "tls.pcap"}, nil, &out, &errOut); code != 0 || out.String() != "" || !strings.Contains(errOut.String(), "1 connection is encrypted, without the keys") {
		t.Errorf("exit code %d: %s%s", code, out.String(), errOut.String())
	}
}
