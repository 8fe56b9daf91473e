package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire"
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
	sealer  *transport.Sealer // of a header dialect, else nil
	proto   protocol.Protocol // of the others
	begun   bool              // a message has come
	greeted bool              // the peer is not in the middle of a greeting: it may rest
	tracked *tracked          // of a client of thriftpy2 that tracks its calls, else nil
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
		c.out.Close() // what lies above it has goroutines of its own, maybe
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
	between := c.greeted && c.r.Unread() == 0 && (errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ECONNRESET))
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
	c.greeted = true
	if err := c.awaitMessage(); err != nil {
		return err
	}
	c.greeted = false
	c.setReadDeadline(c.s.opts.ReadTimeout)
	first, err := c.peek()
	if err == nil && c.s.opts.TLS != nil && transport.IsTLS(first) {
		if err = c.startTLS(); err == nil {
			first, err = c.peek()
		}
	} else if err == nil && c.s.opts.RequireTLS {
		return errors.New("the client does not speak TLS")
	}
	if err == nil && transport.IsZlib(first) {
		c.over(transport.Zlib(c.r.Conn(c.out)))
		first, err = c.peek()
	}
	if err != nil {
		if len(first) > 0 && errors.Is(err, io.EOF) {
			return fmt.Errorf("%w after the bytes % x", io.ErrUnexpectedEOF, first)
		}
		return err
	}
	if transport.IsHTTP(first) {
		if c.s.opts.RequireSASL {
			return errNoSASL
		}
		if !c.s.accepts("http", "") {
			return c.notAccepted("http", "")
		}
		c.http.Store(true)
		return nil
	}
	d, ok := detect.Bytes(first, c.s.opts.MaxMessageBytes)
	if !ok {
		return c.unknownStart(first)
	}
	c.greeted = d.Envelope != detect.SASL
	if c.s.opts.RequireSASL && d.Envelope != detect.SASL {
		return errNoSASL
	}
	return c.start(d)
}

var errNoSASL = errors.New("the client does not negotiate SASL")

// unknownStart counts a connection that speaks nothing known.
func (c *serverConn) unknownStart(first []byte) error {
	c.s.stats.unknownStarts.Add(1)
	hint := ""
	if name := detect.Foreign(first); name != "" {
		hint = ", but " + name + " does"
	}
	return fmt.Errorf("no dialect of Thrift starts with the bytes % x%s", first, hint)
}

// notAccepted counts a connection that speaks what the options leave out.
func (c *serverConn) notAccepted(framing, protocol string) error {
	c.s.stats.refusedDialects.Add(1)
	return fmt.Errorf("the client speaks %s, which this server does not accept", strings.TrimPrefix(protocol+"/"+framing, "/"))
}

// over makes the connection go on over nc, which has what was read and not used.
func (c *serverConn) over(nc net.Conn) {
	c.out = nc
	c.r = transport.NewReader(nc, c.s.opts.MaxMessageBytes)
}

// start makes ready to read messages of the dialect d.
func (c *serverConn) start(d detect.Dialect) (err error) {
	switch d.Envelope {
	case detect.SASL:
		return c.startSASL()
	case detect.THeader:
		c.framing = transport.Header
	case detect.TTHeader:
		c.framing = transport.TTHeader
	default:
		return c.startBare(d)
	}
	if !c.s.accepts(c.framing.String(), "") {
		return c.notAccepted(c.framing.String(), "")
	}
	c.sealer, err = transport.NewSealer(c.framing, c.s.codec, "", c.s.opts.MaxMessageBytes)
	c.r.Start(c.framing, nil)
	return err
}

// startBare is start for a dialect without an envelope.
func (c *serverConn) startBare(d detect.Dialect) error {
	if d.Framed {
		c.framing = transport.Framed
	}
	c.proto = protocol.Of(d)
	if !c.s.accepts(c.framing.String(), c.proto.Name()) {
		return c.notAccepted(c.framing.String(), c.proto.Name())
	}
	c.r.Start(c.framing, c.proto.NewSplitter(c.s.opts.MaxMessageBytes))
	return nil
}

// startSASL negotiates, and finds out what is spoken in the frames that follow.
func (c *serverConn) startSASL() error {
	verify := c.s.opts.SASLPlain
	if verify == nil {
		verify = func(context.Context, string, string) error { return errors.New("this server takes no SASL") }
	}
	nc, user, err := transport.ServeSASL(c.r.Conn(c.out), func(user, password string) error { return verify(c.ctx, user, password) })
	if err != nil {
		return err
	}
	peer, _ := PeerOf(c.ctx)
	peer.User = user
	c.ctx = context.WithValue(c.ctx, peerKey{}, peer)
	c.over(nc)
	c.greeted = true
	if err := c.awaitMessage(); err != nil {
		return err
	}
	c.setReadDeadline(c.s.opts.ReadTimeout)
	first, err := c.peek()
	if err != nil {
		return err
	}
	d, ok := detect.Bytes(first, c.s.opts.MaxMessageBytes)
	if !ok || d.Envelope == detect.SASL {
		return c.unknownStart(first)
	}
	return c.start(d)
}

// startTLS shakes hands, and reads what TLS carries from then on.
func (c *serverConn) startTLS() error {
	tc := c.r.Server(c.nc, c.s.opts.TLS)
	if err := tc.Handshake(); err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	state := tc.ConnectionState()
	c.ctx = context.WithValue(c.s.ctx, peerKey{}, Peer{Addr: c.nc.RemoteAddr(), TLS: &state})
	c.over(tc)
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
		if reply, err = c.answer(reply[:0], msg); err != nil {
			c.replies.flush(c.send)
			return err
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

// answer appends the reply to msg as it goes over the connection; nothing for oneway.
func (c *serverConn) answer(dst, msg []byte) ([]byte, error) {
	if c.sealer != nil {
		return c.answerSealed(dst, msg)
	}
	if c.tracked != nil {
		return c.answerTracked(dst, msg)
	}
	if !c.begun {
		c.begun = true
		if out, ok, err := c.upgrade(dst, msg); ok {
			return out, err
		}
	}
	dst = c.framing.Begin(dst)
	head := len(dst)
	dst, err := c.s.answer(c.ctx, dst, c.proto, msg, nil)
	if err != nil || len(dst) == head {
		return dst[:0], err
	}
	c.framing.End(dst, 0)
	return dst, nil
}

// answerSealed is answer for a header dialect.
func (c *serverConn) answerSealed(dst, frame []byte) ([]byte, error) {
	in, msg, err := c.sealer.Open(frame)
	unknown := errors.Is(err, transport.ErrProtocol)
	if err != nil && !unknown {
		return dst, err
	}
	x := &exchange{in: in, sealer: c.sealer, answer: in.Answer()}
	x.answer.CloseSoon = c.draining.Load()
	p := protocol.Sealed(in.Protocol, msg)
	if unknown {
		dst = c.s.refuse(dst, p, wire.Header{SeqID: in.SeqID}, x, Errorf(CodeInvalidProtocol, "%s", err))
		return x.end(dst)
	}
	if !c.s.accepts(c.framing.String(), p.Name()) {
		return dst, c.notAccepted(c.framing.String(), p.Name())
	}
	ctx, cancel := x.context(c.ctx)
	defer cancel()
	if dst, err = c.s.answer(ctx, dst, p, msg, x); err != nil || len(dst) == 0 {
		return dst, err
	}
	return x.end(dst)
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
