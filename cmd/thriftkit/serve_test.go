package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestServeProxyProtocol has the server behind a proxy: the calls have the client's address.
func TestServeProxyProtocol(t *testing.T) {
	dir := t.TempDir()
	idl, log := filepath.Join(dir, "p.thrift"), filepath.Join(dir, "calls.jsonl")
	if err := os.WriteFile(idl, []byte("service P { string ping() }"), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := startServer(t, "--listen", "127.0.0.1:0", "--proxy-protocol", "10.0.0.0/8,127.0.0.0/8", "--log", log, idl)
	for _, header := range []string{
		"PROXY TCP4 192.0.2.1 192.0.2.2 56324 9090\r\n",
		"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x03\xc0\x00\x02\x02\xdc\x04\x23\x82",
	} {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := nc.Write([]byte(header + "\x80\x01\x00\x01\x00\x00\x00\x04ping\x00\x00\x00\x01\x00")); err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Read(make([]byte, 100)); err != nil {
			t.Errorf("%q: %v", header, err)
		}
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"192.0.2.1:56324"`, `"192.0.2.3:56324"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the log lacks %s:\n%s", want, text)
		}
	}
}

func TestAccepted(t *testing.T) {
	for _, tt := range []struct{ names, want string }{
		{"buffered framed udp binary compact", "binary, compact over buffered, framed"},
		{"buffered udp binary grpc rpcx", "binary over buffered; grpc, rpcx"},
		{"binary/framed compact/header", "binary/framed, compact/header"},
		{"framed grpc", "framed, grpc"},
		{"binary", "binary"},
	} {
		if got := accepted(strings.Fields(tt.names)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.names, got, tt.want)
		}
	}
}
