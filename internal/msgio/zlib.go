package msgio

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/wire"
)

// Zlib returns nc with everything on it compressed: one zlib stream (RFC 1950) in each direction
// for the life of the connection, flushed at the end of each Write, as the zlib transports of
// Apache Thrift have it. It decompresses no more than what is read from it.
func Zlib(nc net.Conn) net.Conn { return new(Compressors).Zlib(nc) }

// Compressors keeps the compressors of connections that have ended for those that come: each takes 0.8 MiB. The zero
// value is ready; it may be used by any number of goroutines.
type Compressors struct{ idle sync.Pool } // of *zlib.Writer

// Zlib is [Zlib] with a compressor of p, which Close gives back.
func (p *Compressors) Zlib(nc net.Conn) net.Conn {
	c := &zlibConn{Conn: nc, compressors: p}
	c.plain, c.inflated = net.Pipe()
	go c.inflate()
	return c
}

// IsZlib reports whether the first bytes of a connection, at least 2, begin a zlib stream (RFC
// 1950, section 2.2) with a window of 32 KB, which is what everybody has. As the length of a
// frame they would be two gigabytes.
func IsZlib(first []byte) bool {
	return len(first) >= 2 && first[0] == 0x78 && (int(first[0])<<8|int(first[1]))%31 == 0
}

// zlibConn reads through a pipe, because a decompressor cannot go on after a timeout in the
// middle, and a connection can.
type zlibConn struct {
	net.Conn
	plain    net.Conn // what is read
	inflated net.Conn // the other end of it

	compressors *Compressors

	wmu      sync.Mutex
	w        *zlib.Writer // made for the first Write
	closed   bool
	deflated bytes.Buffer // what w wrote, which goes out at once: w writes little pieces

	mu  sync.Mutex
	err error // why the stream of the peer ended
}

func (c *zlibConn) inflate() {
	r, err := zlib.NewReader(c.Conn)
	if err == nil {
		_, err = io.Copy(c.inflated, r)
	}
	if err == nil || errors.Is(err, io.ErrUnexpectedEOF) { // most peers do not finish the stream before they close
		err = io.EOF
	}
	var corrupt flate.CorruptInputError
	if errors.As(err, &corrupt) || errors.Is(err, zlib.ErrHeader) || errors.Is(err, zlib.ErrChecksum) {
		err = wire.Errorf(-1, wire.ErrInvalid, "the compressed stream: %v", err)
	}
	c.mu.Lock()
	c.err = err
	c.mu.Unlock()
	c.inflated.Close()
}

func (c *zlibConn) Read(b []byte) (int, error) {
	n, err := c.plain.Read(b)
	if errors.Is(err, io.EOF) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.err != nil {
			return n, c.err
		}
	}
	return n, err
}

// Write returns 0 with an error only if nothing was written: the peer may have been able to decompress b from a
// part of what it became.
func (c *zlibConn) Write(b []byte) (int, error) {
	const keep = 64 << 10
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	if c.deflated.Reset(); c.deflated.Cap() > keep {
		c.deflated = bytes.Buffer{}
	}
	if c.w == nil {
		if w, ok := c.compressors.idle.Get().(*zlib.Writer); ok {
			w.Reset(&c.deflated)
			c.w = w
		} else {
			c.w = zlib.NewWriter(&c.deflated)
		}
	}
	if _, err := c.w.Write(b); err != nil {
		return 0, err
	}
	if err := c.w.Flush(); err != nil {
		return 0, err
	}
	if n, err := c.Conn.Write(c.deflated.Bytes()); err != nil {
		return min(n, len(b)), err
	}
	return len(b), nil
}

func (c *zlibConn) Close() error {
	err := c.Conn.Close() // which ends a Write
	c.plain.Close()
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if c.closed = true; c.w != nil {
		c.compressors.idle.Put(c.w)
		c.w = nil
	}
	return err
}

func (c *zlibConn) SetReadDeadline(t time.Time) error { return c.plain.SetReadDeadline(t) }

func (c *zlibConn) SetDeadline(t time.Time) error {
	return errors.Join(c.plain.SetReadDeadline(t), c.Conn.SetWriteDeadline(t))
}

// ended reports whether the peer has closed the connection.
func (c *zlibConn) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err != nil
}

// CanResume reports whether a write to c that a deadline interrupted may be continued with the
// rest: not where what was written is transformed on its way.
func CanResume(c net.Conn) bool {
	switch c.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	}
	return false // TLS, compression, or nobody knows what
}
