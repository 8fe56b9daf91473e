//go:build !unix

package msgio

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"time"
)

// Alive reports whether the peer of an idle connection has neither closed it nor sent anything.
// Where the system offers no look without reading, it reads for a moment; a byte that arrives
// on an idle connection is a fault of the peer, so nothing is lost.
func Alive(c net.Conn) bool {
	if _, ok := c.(*tls.Conn); ok {
		return true // a timeout while reading would end its stream
	}
	c.SetReadDeadline(time.Now().Add(50 * time.Microsecond))
	defer c.SetReadDeadline(time.Time{})
	var b [1]byte
	n, err := c.Read(b[:])
	return n == 0 && errors.Is(err, os.ErrDeadlineExceeded)
}
