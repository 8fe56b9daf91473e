// Package raw is the floors of calls: frames that are echoed, with nothing around them.
//
// A frame is the length of what follows, 4 bytes, an id, 4 bytes, and the payload.
package raw

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	head       = 8 // length and id
	bufferSize = 64 << 10
)

// ServeGo echoes frame by frame, with a goroutine for each connection.
func ServeGo(l net.Listener) error {
	return accept(l, func(conn net.Conn) error {
		r := bufio.NewReaderSize(conn, bufferSize)
		var frame []byte
		var err error
		for {
			if frame, err = readFrame(r, frame); err != nil {
				return err
			}
			if _, err := conn.Write(frame); err != nil {
				return err
			}
		}
	})
}

// ServeMux answers all the frames of one read with one write.
func ServeMux(l net.Listener) error {
	return accept(l, func(conn net.Conn) error {
		buf := make([]byte, bufferSize)
		n := 0
		for {
			if n == len(buf) {
				buf = append(buf, make([]byte, len(buf))...)
			}
			m, err := conn.Read(buf[n:])
			if err != nil {
				return err
			}
			n += m
			whole := 0
			for n-whole >= head {
				size := 4 + int(binary.BigEndian.Uint32(buf[whole:]))
				if n-whole < size {
					break
				}
				whole += size
			}
			if whole == 0 {
				continue
			}
			if _, err := conn.Write(buf[:whole]); err != nil {
				return err
			}
			n = copy(buf, buf[whole:n])
		}
	})
}

func accept(l net.Listener, serve func(net.Conn) error) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			serve(conn) // ends with the connection
		}()
	}
}

// readFrame reads a frame, head included, into dst if it is large enough.
func readFrame(r *bufio.Reader, dst []byte) ([]byte, error) {
	h, err := r.Peek(4)
	if err != nil {
		return nil, err
	}
	size := 4 + int(binary.BigEndian.Uint32(h))
	if cap(dst) < size {
		dst = make([]byte, size)
	}
	dst = dst[:size]
	_, err = io.ReadFull(r, dst)
	return dst, err
}

// A Conn is a connection of one caller.
type Conn struct {
	conn    net.Conn
	r       *bufio.Reader
	out, in []byte
}

// Dial connects.
func Dial(addr string) (*Conn, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &Conn{conn: conn, r: bufio.NewReaderSize(conn, bufferSize)}, nil
}

// Call sends v and returns what comes back, which is good until the next call. With a timeout that is
// not 0 it fails when that is over.
func (c *Conn) Call(v []byte, timeout time.Duration) ([]byte, error) {
	if timeout != 0 {
		if err := c.conn.SetDeadline(time.Now().Add(timeout)); err != nil {
			return nil, err
		}
	}
	c.out = binary.BigEndian.AppendUint32(c.out[:0], uint32(4+len(v)))
	c.out = append(c.out, 0, 0, 0, 0)
	c.out = append(c.out, v...)
	if _, err := c.conn.Write(c.out); err != nil {
		return nil, err
	}
	var err error
	if c.in, err = readFrame(c.r, c.in); err != nil {
		return nil, err
	}
	return c.in[head:], nil
}

// Close ends the connection.
func (c *Conn) Close() error { return c.conn.Close() }

// A Mux is one connection for many callers.
type Mux struct {
	conn    net.Conn
	callers []caller

	mu           sync.Mutex
	pending, out []byte // frames to be written, and the buffer that is being written
	writing      bool
	err          error
}

type caller struct {
	done  chan struct{} // holds the reply's arrival
	reply []byte
}

// DialMux connects so many callers.
func DialMux(addr string, callers int) (*Mux, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	m := &Mux{conn: conn, callers: make([]caller, callers)}
	for i := range m.callers {
		m.callers[i].done = make(chan struct{}, 1)
	}
	go m.read()
	return m, nil
}

// Call sends v for the caller of that number, who makes one call at a time, and returns what
// comes back, which is good until the caller's next call. Whoever finds nobody writing writes what
// all have to send.
func (m *Mux) Call(number int, v []byte) ([]byte, error) {
	c := &m.callers[number]
	m.mu.Lock()
	if m.err != nil {
		defer m.mu.Unlock()
		return nil, m.err
	}
	m.pending = binary.BigEndian.AppendUint32(m.pending, uint32(4+len(v)))
	m.pending = binary.BigEndian.AppendUint32(m.pending, uint32(number))
	m.pending = append(m.pending, v...)
	if !m.writing {
		m.writing = true
		for len(m.pending) > 0 && m.err == nil {
			m.pending, m.out = m.out[:0], m.pending
			m.mu.Unlock()
			_, err := m.conn.Write(m.out)
			m.mu.Lock()
			if err != nil && m.err == nil {
				m.err = err
			}
		}
		m.writing = false
	}
	m.mu.Unlock()
	if _, ok := <-c.done; !ok {
		return nil, m.failure()
	}
	return c.reply, nil
}

func (m *Mux) failure() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// read hands replies to their callers, until the connection ends.
func (m *Mux) read() {
	r := bufio.NewReaderSize(m.conn, bufferSize)
	var frame []byte
	var err error
	for {
		if frame, err = readFrame(r, frame); err != nil {
			break
		}
		number := int(binary.BigEndian.Uint32(frame[4:]))
		if number >= len(m.callers) {
			err = errors.New("raw: reply to nobody")
			break
		}
		c := &m.callers[number]
		c.reply = append(c.reply[:0], frame[head:]...)
		c.done <- struct{}{}
	}
	m.mu.Lock()
	if m.err == nil {
		m.err = err
	}
	m.mu.Unlock()
	for i := range m.callers {
		close(m.callers[i].done)
	}
}

// Close ends the connection; calls fail.
func (m *Mux) Close() error { return m.conn.Close() }
