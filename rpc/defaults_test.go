package rpc

import (
	"context"
	"net"
	"testing"
	"time"
)

// TestDefaults holds the limits to what docs/hardening.md says.
func TestDefaults(t *testing.T) {
	o := NewServer(ServerOptions{}).opts
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := Dial(context.Background(), l.Addr().String(), ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, tt := range []struct {
		what      string
		got, want any
	}{
		{"MaxMessageBytes", o.MaxMessageBytes, 16 << 20},
		{"IdleTimeout", o.IdleTimeout, 10 * time.Minute},
		{"ReadTimeout", o.ReadTimeout, time.Minute},
		{"WriteTimeout", o.WriteTimeout, time.Minute},
		{"HandshakeTimeout", o.HandshakeTimeout, 10 * time.Second},
		{"MaxConns", o.MaxConns, 20_000},
		{"MaxCalls", o.MaxCalls, 10_000},
		{"MaxCallsPerConn", o.MaxCallsPerConn, 1024},
		{"client's MaxMessageBytes", c.opts.MaxMessageBytes, 16 << 20},
		{"client's MaxConns", c.opts.MaxConns, 16},
		{"client's DialTimeout", c.opts.DialTimeout, 10 * time.Second},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %v, want %v", tt.what, tt.got, tt.want)
		}
	}
	if s := NewServer(ServerOptions{}); s.limiter.timeout != time.Second {
		t.Errorf("QueueTimeout: %v, want 1 s", s.limiter.timeout)
	}
}
