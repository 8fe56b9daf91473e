package conformance

import (
	"testing"

	"github.com/thriftkit/thriftkit/internal/certtest"
)

// certificates returns a folder with ca.pem, the certificates of an authority, and of a server and a
// client that it vouches for: server.pem, server.key, client.pem, client.key.
func certificates(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	ca, caKey := certtest.Write(t, dir, "ca", "ca", nil, nil)
	certtest.Write(t, dir, "server", "server", ca, caKey)
	certtest.Write(t, dir, "client", "client", ca, caKey)
	return dir
}
