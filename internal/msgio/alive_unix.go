//go:build unix

package msgio

import (
	"crypto/tls"
	"net"
	"syscall"
)

// Alive reports whether the peer of an idle connection has neither closed it nor sent anything
// that is not TLS's own. It takes nothing from the stream but what TLS has for itself, such as tickets, and
// costs one system call where there is nothing. Nobody may read the connection meanwhile.
func Alive(c net.Conn) bool {
	switch x := c.(type) {
	case *zlibConn:
		return !x.ended()
	case *tls.Conn:
		return tlsAlive(x)
	case interface{ Unwrap() net.Conn }: // one of ours, under which nothing comes unasked
		return Alive(x.Unwrap())
	case syscall.Conn:
		return peek(x) == peekNothing
	}
	return true
}

// tlsAlive is Alive for TLS: only its records say whether the bytes that have come are a ticket or the end of the stream.
func tlsAlive(c *tls.Conn) bool {
	below, ok := c.NetConn().(syscall.Conn)
	if !ok {
		return true
	}
	const records = 10 // more than any peer sends unasked
	wait := aliveWait
	for range records {
		switch peek(below) {
		case peekNothing:
			return true
		case peekEnd:
			return false
		}
		if !readRecord(c, wait) {
			return false
		}
		wait *= 2 // on a busy machine the time may be over before the read has looked
	}
	return false
}

// What a look at a socket shows.
type peeked uint8

const (
	peekNothing peeked = iota
	peekBytes
	peekEnd
)

// peek looks at what has come over an idle connection, and leaves it there.
func peek(c syscall.Conn) peeked {
	rc, err := c.SyscallConn()
	if err != nil {
		return peekEnd
	}
	found := peekEnd
	err = rc.Read(func(fd uintptr) bool {
		var b [1]byte
		switch n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK); {
		case n > 0:
			found = peekBytes
		case n < 0 && (err == syscall.EAGAIN || err == syscall.EWOULDBLOCK || err == syscall.EINTR):
			found = peekNothing
		}
		return true
	})
	if err != nil {
		return peekEnd
	}
	return found
}
