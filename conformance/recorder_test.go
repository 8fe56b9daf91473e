package conformance

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/capture/pcapfile"
	"github.com/thriftkit/thriftkit/internal/capturetest"
	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/transport"
)

// recordingDialer returns the option of a client whose connections are recorded as packets of network, as they are on the wire.
func recordingDialer(network *capturetest.Network, dial func(ctx context.Context, target transport.Target) (net.Conn, error)) thriftkit.ClientOption {
	return thriftkit.WithDialer(func(ctx context.Context, target transport.Target, _ *tls.Config) (net.Conn, error) {
		nc, err := dial(ctx, target)
		if err != nil {
			return nil, err
		}
		nc = network.Record(nc)
		if target.Compression != "" && !target.Framing.HasHeader() && !target.HTTP {
			nc = msgio.Zlib(nc)
		}
		return nc, nil
	})
}

// writeCapture writes a pcap file and returns its name.
func writeCapture(t *testing.T, packets []pcapfile.Packet) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "trace.pcap")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := pcapfile.NewWriter(f, 1)
	for _, p := range packets {
		if err := w.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

// recordingProxy passes connections on to addr and records them on network. It returns its own address.
func recordingProxy(t *testing.T, network *capturetest.Network, addr string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() {
		l.Close()
		cancel()
		group.Wait()
	})
	group.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", addr)
			if err != nil {
				client.Close()
				continue
			}
			context.AfterFunc(ctx, func() { client.Close(); server.Close() })
			c := network.Open()
			group.Go(func() { passOn(c, 0, server, client) })
			group.Go(func() { passOn(c, 1, client, server) })
		}
	})
	return l.Addr().String()
}

// passOn copies what src sends to dst and records it before dst can answer.
func passOn(c *capturetest.Conn, dir int, dst, src net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			c.Send(dir, buf[:n])
			if _, err := dst.Write(buf[:n]); err != nil {
				src.Close()
				return
			}
		}
		if err != nil {
			if half, ok := dst.(*net.TCPConn); ok {
				half.CloseWrite()
			}
			return
		}
	}
}
