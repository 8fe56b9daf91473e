package capture_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/capture/pcapfile"
	"github.com/thriftkit/thriftkit/internal/capturetest"
	"github.com/thriftkit/thriftkit/transport"
)

// recordTLS makes calls over TLS and returns their packets and the log of their keys.
func recordTLS(t *testing.T, version, suite uint16) (packets []pcapfile.Packet, keyLog []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"a"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	server := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert}, PrivateKey: key}}, MinVersion: version, MaxVersion: version, CipherSuites: []uint16{suite}}
	var log bytes.Buffer
	client := &tls.Config{InsecureSkipVerify: true, KeyLogWriter: &log}
	network := &capturetest.Network{}
	l := capturetest.NewListener()
	svc := service(t)
	done := make(chan error, 1)
	go func() {
		done <- thriftkit.Serve(tls.NewListener(l, server), svc, thriftkit.DynamicHandler(users{}.handle))
	}()
	conn, err := thriftkit.Dial(t.Context(), "10.0.0.2:9090?transport=framed", thriftkit.WithExclusiveConns(),
		thriftkit.WithDialer(func(ctx context.Context, _ transport.Target, _ *tls.Config) (net.Conn, error) {
			nc, err := l.Dial()
			if err != nil {
				return nil, err
			}
			c := tls.Client(network.Record(nc), client)
			return c, c.HandshakeContext(ctx)
		}))
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := thriftkit.Invoke[any](t.Context(), conn, svc.Method("get"), "a user", true); err != nil {
			t.Fatal(err)
		}
	}
	conn.Close()
	l.Close()
	<-done
	return network.Packets(), log.Bytes()
}

func TestTLS(t *testing.T) {
	svc := service(t)
	for name, v := range map[string]struct{ version, suite uint16 }{
		"1.3":             {tls.VersionTLS13, 0},
		"1.2 AES-128-GCM": {tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		"1.2 AES-256-GCM": {tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384},
	} {
		t.Run(name, func(t *testing.T) {
			packets, keyLog := recordTLS(t, v.version, v.suite)
			secrets, err := capture.ReadKeyLog(bytes.NewReader(keyLog))
			if err != nil {
				t.Fatal(err)
			}
			check := func(calls []*capture.Call) {
				t.Helper()
				if len(calls) != 5 {
					t.Fatalf("%d calls", len(calls))
				}
				for _, c := range calls {
					if k := describe(t, svc, c); k.method != "get" || k.args != `{"name":"a user","full":true}` || c.Status != capture.StatusOK || c.Request.Over != "tls" {
						t.Errorf("%+v", k)
					}
				}
			}
			calls, counters := analyze(packets, capture.Options{Secrets: secrets})
			check(calls)
			if counters.Encrypted != 0 {
				t.Errorf("%+v", counters)
			}
			// The same with the keys in the file.
			f, err := capture.Open(bytes.NewReader(pcapng(packets, keyLog)))
			if err != nil {
				t.Fatal(err)
			}
			calls = nil
			for c, err := range capture.Calls(f, capture.Options{}) {
				if err != nil {
					t.Fatal(err)
				}
				calls = append(calls, c)
			}
			check(calls)
			// Without keys there is nothing to see, and it is said.
			calls, counters = analyze(packets, capture.Options{})
			if len(calls) != 0 || counters.Encrypted != 1 {
				t.Errorf("%d calls, %+v", len(calls), counters)
			}
		})
	}
}

// pcapng returns a file with keys and packets.
func pcapng(packets []pcapfile.Packet, keyLog []byte) []byte {
	le := binary.LittleEndian
	block := func(out []byte, kind uint32, body []byte) []byte {
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
		n := uint32(len(body) + 12)
		out = le.AppendUint32(le.AppendUint32(out, kind), n)
		return le.AppendUint32(append(out, body...), n)
	}
	section := le.AppendUint64([]byte{0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0}, ^uint64(0))
	out := block(nil, 0x0a0d0d0a, section)
	out = block(out, 10, append(le.AppendUint32(le.AppendUint32(nil, 0x544c534b), uint32(len(keyLog))), keyLog...))
	out = block(out, 1, []byte{1, 0, 0, 0, 0, 0, 4, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0}) // Ethernet, nanoseconds
	for _, p := range packets {
		stamp := uint64(p.Time.UnixNano())
		b := le.AppendUint32(nil, 0)
		b = le.AppendUint32(le.AppendUint32(b, uint32(stamp>>32)), uint32(stamp))
		b = le.AppendUint32(le.AppendUint32(b, uint32(len(p.Data))), uint32(p.Length))
		out = block(out, 6, append(b, p.Data...))
	}
	return out
}

func TestKeyLogMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"# nothing\n\nCLIENT_RANDOM 00":        "line 3: want LABEL RANDOM SECRET, got 2 words",
		"CLIENT_RANDOM zz 00":                  "line 1: CLIENT_RANDOM: encoding/hex: invalid byte: U+007A 'z'",
		"CLIENT_RANDOM 00 00":                  "line 1: CLIENT_RANDOM: want 32 random bytes, got 1",
		"EXPORTER_SECRET 00 00\nCLIENT_RANDOM": "line 2: want LABEL RANDOM SECRET, got 1 words",
	} {
		if _, err := capture.ReadKeyLog(bytes.NewReader([]byte(text))); err == nil || err.Error() != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}
