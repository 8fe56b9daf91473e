package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/wire"
)

// serverConn is one connection of a server. It is open, then draining or going away, then closed:
//
//	        detect      Shutdown          last call replied
//	accept ───────► open ───────► draining ───────► going away ──► closed
//	   │             │                                   ▲           ▲
//	   │             └──────── idle timeout ─────────────┘           │
//	   └── unknown start, refused, error at any point ───────────────┘
//
// One goroutine at a time reads it and decodes calls: the one that serve runs on, until the watchdog
// offloads a slow handler (offload.go) and starts another. All goroutines of the connection are counted
// in users; the last one closes it, outside of locks.
//
//	read half                        calls                       write half
//	Reader ─► decode ─► prepare ─► execute ─► append ─► replies ─► flush ─► sendLocked
//	                       └────── goroutines of slow calls ─► replyQueue ─┘
type serverConn struct {
	s   *Server
	nc  net.Conn                 // below TLS
	out net.Conn                 // what the calls come over: nc, or what lies above it: TLS, zlib, SASL
	in  atomic.Pointer[net.Conn] // the same, for drain
	r   *msgio.Reader
	ctx context.Context // of its calls

	framing wire.Framing
	headers *msgio.HeaderCodec // of a header dialect, else nil
	proto   protocol.Protocol  // of the others
	begun   atomic.Bool        // a message has come
	mayRest bool               // the peer is not in the middle of a handshake: it may be idle

	isThriftkit bool     // the peer is a client of thriftkit: see msgio.FirstSequenceID
	tracked     *tracked // of a client of thriftpy2 that tracks its calls, else nil

	// Replies that are to be written, in one of the server's buffers; of whoever reads.
	replies  []byte
	replyBuf *[]byte

	// turn is odd while a handler runs on the goroutine that reads, and changes when it starts and
	// when it returns. When the watchdog changes it meanwhile, that goroutine no longer reads.
	turn      atomic.Uint32
	method    *boundMethod // that runs then
	watched   atomic.Bool
	lastTurn  uint32 // of the watchdog
	idleTicks int    // of the watchdog

	mu       sync.Mutex
	users    int // goroutines that serve the connection: the last one ends it
	queue    replyQueue
	capacity sync.Cond // calls under way have become fewer

	readBound timeBound // of whoever reads

	writeMu    sync.Mutex // before mu
	writeBound timeBound
	writeErr   error

	source  source                      // of its calls, for Stats
	cause   error                       // why it ends, of whoever notices first; nil between two messages
	dialect ConnDialect                 // that serves the connection, or nil
	foreign atomic.Pointer[dialectConn] // what the dialect reads; nil until then

	state atomic.Int32 // a connState
	http  atomic.Bool  // net/http has the connection
}

// A connState is a state of a serverConn.
type connState int32

const (
	connOpen      connState = iota
	connDraining            // the server shuts down: it answers the calls that it has
	connGoingAway           // the server closes it between two messages, and says so to clients of thriftkit
	connClosed
)

// is reports whether the connection is in the state s or a later one.
func (c *serverConn) is(s connState) bool { return connState(c.state.Load()) >= s }

// enter makes the connection enter the state s, unless it is in a later one.
func (c *serverConn) enter(s connState) {
	for {
		now := c.state.Load()
		if connState(now) >= s || c.state.CompareAndSwap(now, int32(s)) {
			return
		}
	}
}

func (s *Server) start(nc net.Conn) {
	c := &serverConn{s: s, nc: nc, out: nc, users: 1}
	c.capacity.L = &c.mu
	c.in.Store(&nc)
	c.ctx = context.WithValue(s.ctx, peerKey{}, Peer{Addr: nc.RemoteAddr()})
	c.source.conn = s.connIDs.Add(1)
	c.r = msgio.NewReader(nc, s.opts.MaxMessageBytes)
	if !s.enlist(c) {
		s.counters.refusedConns.Add(1)
		nc.Close()
		if s.opts.Stats != nil {
			s.opts.Stats.HandleConn(c.event(ConnRefused, errTooManyConns))
		}
		return
	}
	go c.serve()
}

// enlist adds c to the connections of the server, unless there are too many or it is closed.
func (s *Server) enlist(c *serverConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.opts.MaxConns > 0 && len(s.conns) >= s.opts.MaxConns {
		return false
	}
	s.conns[c] = struct{}{}
	s.wg.Add(1) // it is not 0: Serve counts
	if s.draining {
		c.drain()
	}
	return true
}

var errTooManyConns = errors.New("too many connections")

// event returns what happened to the connection.
func (c *serverConn) event(kind ConnEventKind, err error) ConnEvent {
	e := ConnEvent{Kind: kind, Time: time.Now(), ID: c.source.conn, Local: c.nc.LocalAddr(), Peer: c.nc.RemoteAddr(), Dialect: c.source.dialect, Err: err}
	if peer, ok := PeerOf(c.ctx); ok {
		e.TLS = peer.TLS
	}
	return e
}

// drain makes the connection end as soon as it has answered what has arrived.
func (c *serverConn) drain() {
	c.enter(connDraining)
	switch d := c.foreign.Load(); {
	case d != nil:
		d.drain()
	case !c.http.Load():
		c.cut()
	}
}

// cut ends the reading of a connection that drains: at once, but a new one may have its first call answered.
func (c *serverConn) cut() {
	if c.begun.Load() {
		c.reader().SetReadDeadline(past)
	} else {
		c.reader().SetReadDeadline(time.Now().Add(lingering))
	}
}

// reader returns the connection on which read deadlines are set.
func (c *serverConn) reader() net.Conn { return *c.in.Load() }

// past is a deadline that ends a read at once.
var past = time.Unix(1, 0)

// setReadDeadline bounds the next read, unless the connection is to end. drain may come at any
// point: whichever of the two is later sees what the other did.
func (c *serverConn) setReadDeadline(d time.Duration) {
	now := time.Now()
	if c.is(connDraining) || c.readBound.holds(now, d) {
		return
	}
	c.reader().SetReadDeadline(c.readBound.set(now, d))
	if c.is(connDraining) {
		c.cut()
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

// serve serves the connection. What it needs of the stack while it waits for the first byte is little:
// many connections never say anything.
func (c *serverConn) serve() {
	if c.s.opts.Stats != nil {
		c.s.opts.Stats.HandleConn(c.event(ConnOpened, nil))
	}
	c.detected(c.detect())
}

// detected goes on when the dialect is known, or with the error if it is not.
func (c *serverConn) detected(err error) {
	switch {
	case err != nil:
		defer c.leave()
		var refused *refusedConn
		if c.failed(err); c.s.opts.Stats != nil && errors.As(err, &refused) {
			c.s.opts.Stats.HandleConn(c.event(ConnRefused, err))
		}
	case c.http.Load():
		defer c.leave()
		c.serveHTTP()
	case c.dialect != nil:
		defer c.leave()
		if err := c.serveDialect(); err != nil {
			c.failed(err)
		}
	default:
		c.run()
	}
}

// run answers calls, until the connection ends or another goroutine does so.
func (c *serverConn) run() {
	returned := false
	defer func() { c.quit(returned) }()
	if offloaded, err := c.loop(); !offloaded {
		if c.endsByServer(err) {
			c.enter(connGoingAway)
		}
		c.failed(err)
	}
	returned = true
}

// quit is leave for a goroutine that runs handlers. One that has not returned has ended its goroutine
// (runtime.Goexit): there is no answer, so the connection ends.
func (c *serverConn) quit(returned bool) {
	if !returned {
		c.nc.Close()
		c.mu.Lock()
		c.queue.broken = true
		c.capacity.Broadcast()
		c.mu.Unlock()
	}
	c.leave()
}

// failed reports what ended the connection to the error log.
func (c *serverConn) failed(err error) {
	if !c.endsQuietly(err) {
		c.end(err)
		c.s.opts.ErrorLog(fmt.Errorf("rpc: connection from %s: %w", c.nc.RemoteAddr(), err))
	}
}

// leave ends the connection when nobody serves it any more: then all calls are answered.
func (c *serverConn) leave() {
	c.mu.Lock()
	c.users--
	last := c.users == 0
	c.mu.Unlock()
	if !last {
		return
	}
	if c.isThriftkit && c.is(connGoingAway) {
		c.sendGoAway()
	}
	c.nc.Close()
	c.out.Close() // what lies above it has goroutines of its own, maybe
	if c.s.opts.Stats != nil {
		c.s.opts.Stats.HandleConn(c.event(ConnClosed, c.cause))
	}
	c.s.mu.Lock()
	delete(c.s.conns, c)
	c.s.mu.Unlock()
	c.s.wg.Done()
}

// end notes why the connection ends, unless that was noted before.
func (c *serverConn) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause == nil {
		c.cause = err
	}
}

// endsQuietly reports whether err is how connections end: closed between messages by either
// side, or idle for too long.
func (c *serverConn) endsQuietly(err error) bool {
	between := c.mayRest && c.r.Unread() == 0 && (errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ECONNRESET))
	return between || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed)
}

// awaitMessage waits, as long as the connection may rest, for the first byte of a message.
func (c *serverConn) awaitMessage() error {
	if c.r.Unread() == 0 {
		c.setReadDeadline(c.s.opts.IdleTimeout)
		for {
			_, err := c.r.Peek(1)
			if err == nil {
				return nil
			}
			if !msgio.IsTimeout(err) || c.is(connDraining) || !c.queue.busy.Load() {
				return err
			}
			c.readBound = timeBound{} // it does not rest while calls are under way
			c.setReadDeadline(c.s.opts.IdleTimeout)
		}
	}
	return nil
}

// loop answers calls until the connection ends, or until the watchdog has given the reading to another
// goroutine: then it returns true when the handler that took so long has returned.
func (c *serverConn) loop() (offloaded bool, err error) {
	in := new(incoming)
	var msg []byte
	for {
		if msg == nil {
			if msg, err = c.recv(); err != nil {
				return false, err
			}
		}
		if err := c.decode(in, msg); err != nil {
			c.flush()
			return false, err
		}
		if in.m != nil && in.m.slow.Load() > 0 {
			c.spawn(in)
			in = new(incoming)
		} else {
			c.method = in.m
			turn := c.turn.Load() + 1 // which is odd: a handler runs
			c.turn.Store(turn)
			if !c.watched.Load() {
				c.s.watch(c)
			}
			in.execute()
			if !c.turn.CompareAndSwap(turn, turn+1) {
				c.complete(in, c.offloadedReply(turn))
				return true, nil
			}
			if err := c.reply(in); err != nil {
				c.flush()
				return false, err
			}
		}
		// What has arrived together is answered together.
		if msg, err = c.r.Next(); err != nil {
			c.flush()
			return false, err
		}
		const much = 64 << 10
		if msg == nil || len(c.replies) >= much {
			if err := c.flush(); err != nil {
				return false, err
			}
		}
		if c.queue.busy.Load() {
			c.awaitCapacity()
		}
	}
}

// decode makes msg a call that can be executed.
func (c *serverConn) decode(in *incoming, msg []byte) error {
	*in = incoming{ctx: c.ctx, p: c.proto, msg: msg, from: &c.source}
	switch {
	case c.headers != nil:
		return c.decodeHeader(in)
	case c.tracked != nil:
		return c.decodeTracked(in)
	}
	if !c.begun.Load() {
		c.begun.Store(true)
		if done, err := c.first(in); done || err != nil {
			return err
		}
	}
	return c.s.prepare(in)
}

// first learns from the first call whether the peer takes replies in any order: a client of ours
// does, and shows it by high sequence ids. (No other client is known to begin there. If one did, it
// would have to have several calls under way without looking at the ids in the replies to notice
// anything.) The call may be one that begins to track; then it is answered.
func (c *serverConn) first(in *incoming) (done bool, err error) {
	h, off, err := c.proto.ConsumeHeader(in.msg)
	if err != nil {
		return false, err
	}
	c.isThriftkit = h.SeqID >= msgio.FirstSequenceID
	c.queue.ordered = !c.isThriftkit
	return c.upgrade(in, h, off)
}

// decodeHeader is open for a header dialect.
func (c *serverConn) decodeHeader(in *incoming) error {
	envelope, msg, err := c.headers.Decode(in.msg)
	unknown := errors.Is(err, msgio.ErrProtocol)
	if err != nil && !unknown {
		return err
	}
	if !c.begun.Load() {
		c.begun.Store(true)
		c.isThriftkit = envelope.SeqID >= msgio.FirstSequenceID
		c.queue.ordered = !c.isThriftkit && !envelope.OutOfOrder()
	}
	in.x = &exchange{in: envelope, headers: c.headers, answer: envelope.Answer()}
	in.x.answer.CloseSoon = c.is(connDraining)
	in.p, in.msg = protocol.InHeader(envelope.Protocol, msg), msg
	if unknown {
		in.h = wire.Header{SeqID: envelope.SeqID}
		in.err = Errorf(CodeInvalidProtocol, "%s", err)
		return nil
	}
	if !c.s.accepts(c.framing.String(), in.p.Name()) {
		return c.notAccepted(c.framing.String(), in.p.Name())
	}
	if c.s.opts.Stats != nil {
		in.from = &source{c.source.conn, in.p.Name() + "/" + c.source.dialect}
	}
	in.ctx, in.cancel = in.x.context(c.ctx)
	return c.s.prepare(in)
}

// append appends the reply to a call that was executed, as it goes over the connection; nothing for
// oneway.
func (c *serverConn) append(dst []byte, in *incoming) ([]byte, error) {
	if in.cancel != nil {
		defer in.cancel()
	}
	start := len(dst)
	if in.ready != nil {
		dst = append(c.framing.Begin(dst), in.ready...)
		c.framing.End(dst, start)
		return dst, nil
	}
	if c.headers != nil {
		if dst = c.s.finish(dst, in); len(dst) == start {
			return dst, nil
		}
		out, err := in.x.end(dst, start)
		if err != nil {
			return dst[:start], err // what is in front is whole and goes out
		}
		return out, nil
	}
	dst = c.framing.Begin(dst)
	head := len(dst)
	if dst = c.s.finish(dst, in); len(dst) == head {
		return dst[:start], nil
	}
	c.framing.End(dst, start)
	return dst, nil
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

// reply makes the reply to a call that ran in place. flush sends it.
func (c *serverConn) reply(in *incoming) (err error) {
	if c.queue.ordered && c.queue.busy.Load() {
		return c.replyInOrder(in)
	}
	if c.replyBuf == nil {
		c.replyBuf = c.s.buffers.Get()
		c.replies = (*c.replyBuf)[:0]
	}
	c.replies, err = c.append(c.replies, in)
	return err
}

// flush writes the replies that are ready. It returns the error of this or an earlier write.
func (c *serverConn) flush() (err error) {
	if c.replyBuf != nil {
		*c.replyBuf = c.replies
		err = c.send(c.replies)
		c.s.buffers.Put(c.replyBuf)
		c.replyBuf, c.replies = nil, nil
	}
	if c.queue.busy.Load() {
		err = c.flushQueue()
	}
	return err
}

// send writes b.
func (c *serverConn) send(b []byte) error {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	return c.sendLocked(b)
}

// sendLocked is send with writeMu. After an error nothing is written any more: the peer would not
// understand it.
func (c *serverConn) sendLocked(b []byte) error {
	if c.writeErr != nil || len(b) == 0 {
		return c.writeErr
	}
	if now, d := time.Now(), c.s.opts.WriteTimeout; d > 0 && !c.writeBound.holds(now, d) {
		c.nc.SetWriteDeadline(c.writeBound.set(now, d))
	}
	_, c.writeErr = c.out.Write(b)
	return c.writeErr
}
