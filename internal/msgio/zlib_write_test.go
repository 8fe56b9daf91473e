package msgio

import (
	"bytes"
	"compress/zlib"
	"io"
	"math/rand/v2"
	"net"
	"testing"
)

// shortConn takes so many bytes, and fails then.
type shortConn struct {
	net.Conn
	room, writes int
}

func (c *shortConn) Write(b []byte) (int, error) {
	c.writes++
	n := min(len(b), c.room)
	c.room -= n
	if n < len(b) {
		return n, io.ErrClosedPipe
	}
	return n, nil
}

// TestZlibWrite has the network fail after so many bytes: what was written in part must not count as not written.
func TestZlibWrite(t *testing.T) {
	random := make([]byte, 100_000)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	for _, message := range [][]byte{[]byte("x"), bytes.Repeat([]byte("thrift"), 10_000), random} {
		for _, room := range []int{0, 1, 5, 50, 500, 50_000} {
			nc := &shortConn{room: room}
			c := &zlibConn{Conn: nc}
			c.w = zlib.NewWriter(&c.deflated)
			n, err := c.Write(message)
			switch {
			case err == nil && (n != len(message) || nc.writes != 1):
				t.Errorf("%d bytes: %d of them in %d writes", len(message), n, nc.writes)
			case err != nil && (n > 0) != (room > 0):
				t.Errorf("%d bytes, of which %d may leave: %d, %v", len(message), room, n, err)
			}
		}
	}
}
