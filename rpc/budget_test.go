package rpc_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/transport"
)

// TestMaxBufferedBytes has strangers each send much of a message that never ends, and a client send whole ones: the server holds no
// more than the bound, closes the strangers and counts them, and answers the client.
func TestMaxBufferedBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bound, message, strangers = 32 << 20, 15 << 20, 20
		s, l := serveDialects(t, newHandler(), rpc.ServerOptions{MaxBufferedBytes: bound})
		var wg sync.WaitGroup
		part := make([]byte, 8<<20)
		binary.BigEndian.PutUint32(part, message)
		copy(part[4:], "\x80\x01\x00\x01\x00\x00\x00\x04echo\x00\x00\x00\x01\x0b\x00\x01\x00\xe0\x00\x00")
		for range strangers {
			nc := memDial(t, l)
			wg.Go(func() {
				defer nc.Close()
				if _, err := nc.Write(part); err != nil {
					return
				}
				io.Copy(io.Discard, nc) // until it is closed
			})
			time.Sleep(time.Second)
			if used := s.Stats().BufferedBytes; used > bound {
				t.Errorf("the server holds %d bytes, at most %d are allowed", used, bound)
			}
		}
		if n := s.Stats().SlowConns; n < strangers-bound/(8<<20) {
			t.Errorf("%d connections were closed, %d strangers need more than the bound", n, strangers)
		}
		before := s.Stats().SlowConns
		client := dial(t, "tcp://memory:1?transport=framed", rpc.ClientOptions{Dialer: func(ctx context.Context, _ transport.Target, _ *tls.Config) (net.Conn, error) {
			return l.Dial(ctx)
		}})
		echo := load(t).Service("Test").Method("echo")
		text := strings.Repeat("x", 14<<20)
		for range 3 {
			if got, err := rpc.Invoke[string](t.Context(), client, echo, text); err != nil || got != text {
				t.Fatalf("a correct client: %d bytes, %v", len(got), err)
			}
		}
		if after := s.Stats(); after.SlowConns == before || after.BufferedBytes > bound {
			t.Errorf("the client had room without that a stranger was closed: %+v", after)
		}
		s.Close()
		wg.Wait()
		synctest.Wait()
		if used := s.Stats().BufferedBytes; used != 0 {
			t.Errorf("%d bytes are held after the end", used)
		}
	})
}
