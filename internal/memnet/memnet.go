// Package memnet has connections and listeners in memory, for tests and for clients and servers in
// one process. Unlike net.Pipe, a connection buffers what is written, as the kernel does, and can
// be closed in one direction. All of it works in virtual time (package testing/synctest).
package memnet

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// bufferBytes is how much a direction of a connection holds before a Write waits.
const bufferBytes = 64 << 10

// A Listener accepts the connections that its Dial makes.
type Listener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

// Listen returns a Listener.
func Listen() *Listener {
	return &Listener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial returns a connection whose other end Accept returns. It waits for Accept. The error is
// net.ErrClosed after Close, or ctx's.
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) {
	client, server := Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "dial", Net: "memory", Addr: addr{}, Err: net.ErrClosed}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements [net.Listener].
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: "memory", Addr: addr{}, Err: net.ErrClosed}
	}
}

// Close implements [net.Listener].
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements [net.Listener].
func (l *Listener) Addr() net.Addr { return addr{} }

type addr struct{}

func (addr) Network() string { return "memory" }
func (addr) String() string  { return "memory" }

// Pipe returns the two ends of a connection.
func Pipe() (a, b net.Conn) {
	ab, ba := newBuffer(), newBuffer()
	return &conn{in: ba, out: ab}, &conn{in: ab, out: ba}
}

// A conn is one end of a connection.
type conn struct{ in, out *buffer }

func (c *conn) Read(b []byte) (int, error)  { return c.in.read(b) }
func (c *conn) Write(b []byte) (int, error) { return c.out.write(b) }

// Close ends both directions. The peer reads what was written before.
func (c *conn) Close() error {
	c.in.closeRead()
	c.out.closeWrite(net.ErrClosed)
	return nil
}

// CloseWrite lets the peer read io.EOF after what was written before.
func (c *conn) CloseWrite() error {
	c.out.closeWrite(io.ErrClosedPipe)
	return nil
}

func (c *conn) LocalAddr() net.Addr                { return addr{} }
func (c *conn) RemoteAddr() net.Addr               { return addr{} }
func (c *conn) SetReadDeadline(t time.Time) error  { c.in.reader.set(t); return nil }
func (c *conn) SetWriteDeadline(t time.Time) error { c.out.writer.set(t); return nil }

func (c *conn) SetDeadline(t time.Time) error {
	c.in.reader.set(t)
	c.out.writer.set(t)
	return nil
}

// A buffer is one direction of a connection.
type buffer struct {
	mu             sync.Mutex
	changed        sync.Cond
	data           []byte
	writeErr       error // of further writes; nil while the writer may write
	readClosed     bool
	reader, writer deadline
}

func newBuffer() *buffer {
	b := new(buffer)
	b.changed.L = &b.mu
	b.reader.buffer, b.writer.buffer = b, b
	return b
}

func (b *buffer) read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		switch {
		case b.readClosed:
			return 0, net.ErrClosed
		case b.reader.passed:
			return 0, os.ErrDeadlineExceeded
		case len(b.data) > 0:
			n := copy(p, b.data)
			if b.data = b.data[n:]; len(b.data) == 0 {
				b.data = nil
			}
			b.changed.Broadcast()
			return n, nil
		case b.writeErr != nil:
			return 0, io.EOF
		case len(p) == 0:
			return 0, nil
		}
		b.changed.Wait()
	}
}

func (b *buffer) write(p []byte) (n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		switch {
		case b.writeErr != nil:
			return n, b.writeErr
		case b.readClosed:
			return n, io.ErrClosedPipe
		case b.writer.passed:
			return n, os.ErrDeadlineExceeded
		}
		if free := bufferBytes - len(b.data); free > 0 {
			m := min(free, len(p)-n)
			b.data = append(b.data, p[n:n+m]...)
			n += m
			b.changed.Broadcast()
		}
		if n == len(p) {
			return n, nil
		}
		b.changed.Wait()
	}
}

func (b *buffer) closeRead() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.readClosed = true
	b.reader.stopLocked()
	b.changed.Broadcast()
}

func (b *buffer) closeWrite(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writeErr = err
	b.writer.stopLocked()
	b.changed.Broadcast()
}

// A deadline ends the reads or the writes of a buffer; the buffer's mutex guards it.
type deadline struct {
	buffer *buffer
	timer  *time.Timer
	number int // of the deadline that is set: an old timer may still fire
	passed bool
}

func (d *deadline) stopLocked() {
	d.number++
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

func (d *deadline) set(t time.Time) {
	d.buffer.mu.Lock()
	defer d.buffer.mu.Unlock()
	d.stopLocked()
	wait := time.Until(t)
	d.passed = !t.IsZero() && wait <= 0
	if d.buffer.changed.Broadcast(); t.IsZero() || d.passed {
		return
	}
	number := d.number
	d.timer = time.AfterFunc(wait, func() {
		d.buffer.mu.Lock()
		defer d.buffer.mu.Unlock()
		if d.number == number {
			d.passed = true
			d.buffer.changed.Broadcast()
		}
	})
}
