//go:build unix

package msgio

import (
	"crypto/tls"
	"net"
	"syscall"
)

// Alive reports whether the peer of an idle connection has neither closed it nor sent anything
// that is not TLS's own.
// It costs one system call and takes nothing from the stream.
func Alive(c net.Conn) bool {
	switch x := c.(type) {
	case *zlibConn:
		return !x.ended()
	case *saslConn:
		return Alive(x.NetConn())
	}
	tc, isTLS := c.(*tls.Conn)
	if isTLS {
		c = tc.NetConn()
	}
	sc, ok := c.(syscall.Conn)
	if !ok {
		return true
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	alive := false
	err = rc.Read(func(fd uintptr) bool {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
		if n > 0 {
			alive = isTLS // which sends tickets unasked
			return true
		}
		alive = n < 0 && (err == syscall.EAGAIN || err == syscall.EWOULDBLOCK || err == syscall.EINTR)
		return true
	})
	return err == nil && alive
}
