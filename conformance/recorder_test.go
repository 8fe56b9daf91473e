package conformance

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
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
