package rpc_test

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
	"testing"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/transport"
)

// countingConn counts the bytes that are written.
type countingConn struct {
	net.Conn
	written *atomic.Int64
}

func (c countingConn) Write(b []byte) (int, error) {
	c.written.Add(int64(len(b)))
	return c.Conn.Write(b)
}

// TestDialer goes to a server by another address than the target's, and sees what is sent.
func TestDialer(t *testing.T) {
	leaks(t)
	l := listenTCP(t)
	_, svc := serve(t, l, newHandler(), rpc.ServerOptions{})
	for _, target := range []string{"nowhere.test:1", "nowhere.test:1?transport=framed&compression=zlib", "http://nowhere.test/x"} {
		var written atomic.Int64
		c := dial(t, target, rpc.ClientOptions{Dialer: func(ctx context.Context, to transport.Target, config *tls.Config) (net.Conn, error) {
			if want, _ := transport.ParseTarget(target); to != want {
				t.Errorf("dials %v, want %v", to, want)
			}
			to.Network, to.Address = "tcp", l.Addr().String()
			nc, err := to.Dial(ctx, config)
			return countingConn{nc, &written}, err
		}})
		if got, err := rpc.Invoke[string](context.Background(), c, svc.Method("ping")); got != "pong" || err != nil {
			t.Errorf("%s: %q, %v", target, got, err)
		}
		if written.Load() == 0 {
			t.Errorf("%s: nothing went over the dialer's connection", target)
		}
	}
}
