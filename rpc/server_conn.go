package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire/detect"
)

// serverConn is one connection of a server.
type serverConn struct {
	s   *Server
	nc  net.Conn // below TLS
	out net.Conn // what the calls come over: nc, or TLS
	r   *transport.Reader
	ctx context.Context // of its calls

	framing transport.Framing
	proto   protocol.Protocol
	replies outbox

	readBound  timeBound
	writeBound timeBound // guarded by replies.mu

	draining atomic.Bool
	http     atomic.Bool // net/http has the connection
}

func (s *Server) start(nc net.Conn) {
	c := &serverConn{s: s, nc: nc, out: nc}
	c.ctx = context.WithValue(s.ctx, peerKey{}, Peer{Addr: nc.RemoteAddr()})
	c.r = transport.NewReader(nc, s.opts.MaxMessageBytes)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		nc.Close()
		return
	}
	s.conns[c] = struct{}{}
	s.wg.Add(1)
	go c.serve()
}

// drain makes the connection end as soon as it has answered what has arrived.
func (c *serverConn) drain() {
	c.draining.Store(true)
	if !c.http.Load() {
		c.nc.SetReadDeadline(past)
	}
}

// past is a deadline that ends a read at once.
var past = time.Unix(1, 0)

// setReadDeadline bounds the next read, unless the connection is to end. drain may come at any
// point: whichever of the two is later sees what the other did.
func (c *serverConn) setReadDeadline(d time.Duration) {
	now := time.Now()
	if c.draining.Load() || c.readBound.holds(now, d) {
		return
	}
	c.nc.SetReadDeadline(c.readBound.set(now, d))
	if c.draining.Load() {
		c.nc.SetReadDeadline(past)
	}
}

// timeBound remembers a deadline, so that it need not be set anew for every message: one that
// is short by an eighth of its time will do.
type timeBound struct {
	at time.Time
	d  time.Duration
}

func (t *timeBound) holds(now time.Time, d time.Duration) bool {
	return !t.at.IsZero() && t.d == d && (d == 0 || now.Sub(t.at) <= d/8)
}

// set returns the deadline d from now; none if d is 0.
func (t *timeBound) set(now time.Time, d time.Duration) (deadline time.Time) {
	t.at, t.d = now, d
	if d > 0 {
		deadline = now.Add(d)
	}
	return deadline
}

func (c *serverConn) serve() {
	defer func() {
		c.nc.Close()
		c.s.mu.Lock()
		delete(c.s.conns, c)
		c.s.mu.Unlock()
		c.s.wg.Done()
	}()
	err := c.detect()
	switch {
	case err != nil:
	case c.http.Load():
		c.serveHTTP()
	default:
		err = c.loop()
	}
	if err != nil && !c.endsQuietly(err) {
		c.s.opts.ErrorLog(fmt.Errorf("rpc: connection from %s: %w", c.nc.RemoteAddr(), err))
	}
}

// endsQuietly reports whether err is how connections end: closed between messages by either
// side, or idle for too long.
func (c *serverConn) endsQuietly(err error) bool {
	between := c.r.Unread() == 0 && (errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ECONNRESET))
	return between || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed)
}

// peek returns the bytes that tell what the peer speaks.
func (c *serverConn) peek() ([]byte, error) {
	first, err := c.r.Peek(1)
	if err != nil {
		return first, err
	}
	return c.r.Peek(detect.Size(first[0]))
}

// detect finds out which dialect the peer speaks.
func (c *serverConn) detect() error {
	if err := c.awaitMessage(); err != nil {
		return err
	}
	c.setReadDeadline(c.s.opts.ReadTimeout)
	first, err := c.peek()
	if err == nil && c.s.opts.TLS != nil && transport.IsTLS(first) {
		if err = c.startTLS(); err == nil {
			first, err = c.peek()
		}
	} else if err == nil && c.s.opts.RequireTLS {
		return errors.New("the client does not speak TLS")
	}
	if err != nil {
		if len(first) > 0 && errors.Is(err, io.EOF) {
			return fmt.Errorf("%w after the bytes % x", io.ErrUnexpectedEOF, first)
		}
		return err
	}
	if transport.IsHTTP(first) {
		c.http.Store(true)
		return nil
	}
	d, ok := detect.Bytes(first, c.s.opts.MaxMessageBytes)
	if !ok {
		return fmt.Errorf("no dialect of Thrift starts with the bytes % x", first)
	}
	if d.Framed {
		c.framing = transport.Framed
	}
	c.proto = protocol.Of(d)
	c.r.Start(c.framing, c.proto.NewSplitter(c.s.opts.MaxMessageBytes))
	return nil
}

// startTLS shakes hands, and reads what TLS carries from then on.
func (c *serverConn) startTLS() error {
	tc := c.r.Server(c.nc, c.s.opts.TLS)
	if err := tc.Handshake(); err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	state := tc.ConnectionState()
	c.ctx = context.WithValue(c.s.ctx, peerKey{}, Peer{Addr: c.nc.RemoteAddr(), TLS: &state})
	c.out = tc
	c.r = transport.NewReader(tc, c.s.opts.MaxMessageBytes)
	return nil
}

// awaitMessage waits, as long as the connection may rest, for the first byte of a message.
func (c *serverConn) awaitMessage() error {
	if c.r.Unread() == 0 {
		c.setReadDeadline(c.s.opts.IdleTimeout)
		if _, err := c.r.Peek(1); err != nil {
			return err
		}
	}
	return nil
}

func (c *serverConn) loop() error {
	defer c.replies.stop()
	var reply []byte
	var msg []byte
	for {
		var err error
		if msg == nil {
			if msg, err = c.recv(); err != nil {
				return err
			}
		}
		reply = c.framing.Begin(reply[:0])
		head := len(reply)
		if reply, err = c.s.answer(c.ctx, reply, c.proto, msg); err != nil {
			c.replies.flush(c.send)
			return err
		}
		if len(reply) == head { // oneway
			reply = reply[:0]
		} else {
			c.framing.End(reply, 0)
		}
		// What has arrived together is answered together.
		if msg, err = c.r.Next(); err != nil {
			c.replies.add(reply)
			c.replies.flush(c.send)
			return err
		}
		if msg != nil {
			c.replies.add(reply)
			c.replies.flushSoon(c.send)
		} else if err := c.replies.flushWith(reply, c.send); err != nil {
			return err
		}
		const keep = 64 << 10
		if cap(reply) > keep {
			reply = nil
		}
	}
}

// recv returns the next message. What has arrived is taken even when the connection is to end.
func (c *serverConn) recv() ([]byte, error) {
	if err := c.awaitMessage(); err != nil {
		return nil, err
	}
	if msg, err := c.r.Next(); msg != nil || err != nil {
		return msg, err
	}
	c.setReadDeadline(c.s.opts.ReadTimeout)
	return c.r.Recv()
}

func (c *serverConn) send(b []byte) error {
	if now, d := time.Now(), c.s.opts.WriteTimeout; d > 0 && !c.writeBound.holds(now, d) {
		c.nc.SetWriteDeadline(c.writeBound.set(now, d))
	}
	_, err := c.out.Write(b)
	return err
}
