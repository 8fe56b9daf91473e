//go:build !unix

package msgio

import "net"

// Alive reports whether the peer of an idle connection has neither closed it nor sent anything that is not TLS's own.
// Where the system offers no look without reading, it reads for a moment. Nobody may read the connection meanwhile.
func Alive(c net.Conn) bool {
	if z, ok := c.(*zlibConn); ok {
		return !z.ended()
	}
	return readRecord(c, aliveWait)
}
