package rpc

import (
	"testing"
	"time"
)

// TestDefaults holds the limits to what docs/hardening.md says.
func TestDefaults(t *testing.T) {
	o := NewServer(ServerOptions{}).opts
	c, err := ClientOptions{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
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
		{"MaxBufferedBytes", o.MaxBufferedBytes, 1 << 30},
		{"MaxCallsPerConn", o.MaxCallsPerConn, 1024},
		{"client's MaxMessageBytes", c.MaxMessageBytes, 16 << 20},
		{"client's MaxConns", c.MaxConns, 128},
		{"client's DialTimeout", c.DialTimeout, 10 * time.Second},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %v, want %v", tt.what, tt.got, tt.want)
		}
	}
	if s := NewServer(ServerOptions{}); s.limiter.wait() != time.Second {
		t.Errorf("QueueTimeout: %v, want 1 s", s.limiter.wait())
	}
}
