package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/internal/serverconn"
	"github.com/thriftkit/thriftkit/wire"
)

// A serverConn is one connection of a server: what it speaks, and how its messages become calls. Package
// serverconn has the rest: reading, running calls, replies in their order, states.
type serverConn struct {
	*serverconn.Conn
	s       *Server
	ctx     context.Context    // of its calls, which ends when nobody can get replies any more
	lasting context.Context    // of its oneway calls, which does not
	gone    context.CancelFunc // ends ctx
	peer    Peer               // which ctx has, too; of the goroutine that serves

	framing wire.Framing
	headers *msgio.HeaderCodec // of a header dialect, else nil
	proto   protocol.Protocol  // of the others

	begun       bool // a message was decoded
	isThriftkit bool // the peer is a client of thriftkit, as far as its sequence ids say; see msgio.Sequence
	ids         msgio.Sequence
	anyOrder    bool     // the peer has said that it accepts replies in any order
	tracked     *tracked // of a client of thriftpy2 that tracks its calls, else nil

	notHTTP     atomic.Bool                 // the connection is known to speak something else
	http        atomic.Bool                 // net/http serves the connection
	multiplexes atomic.Bool                 // by HTTP/2
	dialect     ConnDialect                 // that serves it, or nil
	foreign     atomic.Pointer[dialectConn] // what the dialect reads; nil until then
	source      source                      // of its calls, for Stats
}

// start serves nc. It runs on the goroutine that accepts: whatever may wait for the client, even its address where another
// program's listener finds that out, happens on the connection's own.
func (s *Server) start(nc net.Conn) {
	c := &serverConn{s: s, ctx: s.ctx}
	c.source.conn = s.connIDs.Add(1)
	if !s.enlist(c, nc) {
		s.counters.refusedConns.Add(1)
		go c.refuse(nc)
		return
	}
	go c.serve()
}

// refuse ends a connection that is not among those of the server.
func (c *serverConn) refuse(nc net.Conn) {
	nc.Close()
	if c.s.opts.Stats != nil {
		c.peer.Addr = nc.RemoteAddr()
		c.s.opts.Stats.HandleConn(c.event(nc, ConnRefused, errTooManyConns))
	}
}

// setPeer says who the client is.
func (c *serverConn) setPeer(p Peer) {
	c.peer = p
	c.lasting = context.WithValue(c.s.ctx, peerKey{}, p)
	if c.gone != nil {
		c.gone()
	}
	c.ctx, c.gone = context.WithCancel(c.lasting)
}

// enlist adds c to the connections of the server, unless there are too many or it is closed.
func (s *Server) enlist(c *serverConn, nc net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == serverClosed || s.limits.MaxConns > 0 && len(s.conns) >= s.limits.MaxConns {
		return false
	}
	c.Conn = serverconn.New(&s.group, nc, c) // the WaitGroup is not 0: Serve counts
	s.conns[c] = struct{}{}
	if s.state >= serverDraining {
		c.drain()
	}
	return true
}

var errTooManyConns = errors.New("too many connections")

// event returns what happened to the connection.
func (c *serverConn) event(nc net.Conn, kind ConnEventKind, err error) ConnEvent {
	return ConnEvent{
		Kind: kind, Time: time.Now(), ID: c.source.conn, Local: nc.LocalAddr(), Peer: c.peer.Addr, TLS: c.peer.TLS,
		Dialect: c.source.dialect, Err: err,
	}
}

// report tells Stats what happened to the connection.
func (c *serverConn) report(kind ConnEventKind, err error) {
	if c.s.opts.Stats != nil {
		c.s.opts.Stats.HandleConn(c.event(c.NetConn(), kind, err))
	}
}

// drain makes the connection end as soon as it has answered what has arrived.
func (c *serverConn) drain() {
	c.Drain()
	switch d := c.foreign.Load(); {
	case d != nil:
		d.drain()
	case !c.http.Load():
		c.Cut()
	}
}

// serve serves the connection. What it needs of the stack while it waits for the first byte is little:
// many connections never say anything.
func (c *serverConn) serve() {
	c.setPeer(Peer{Addr: c.NetConn().RemoteAddr()})
	c.report(ConnOpened, nil)
	c.detected(c.detect())
}

// detected goes on when the dialect is known, or with the error if it is not.
func (c *serverConn) detected(err error) {
	if !c.http.Load() {
		c.notHTTP.Store(true)
	}
	switch {
	case err != nil:
		defer c.Leave()
		c.Fail(err)
	case c.http.Load():
		defer c.Leave()
		c.serveHTTP()
	case c.dialect != nil:
		defer c.Leave()
		if err := c.serveDialect(); err != nil {
			c.Fail(err)
		}
	default:
		c.Serve(c)
	}
}

// Failed implements [serverconn.Owner].
func (c *serverConn) Failed(err error) {
	var refused *refusedConn
	if errors.As(err, &refused) {
		c.report(ConnRefused, err)
	}
	c.s.logClient(fmt.Errorf("rpc: connection from %s: %w", c.peer.Addr, err))
}

// Gone implements [serverconn.Owner].
func (c *serverConn) Gone() { c.gone() }

// Closed implements [serverconn.Owner].
func (c *serverConn) Closed(err error) {
	c.gone()
	c.report(ConnClosed, err)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	delete(c.s.conns, c)
}

// NewCall implements [serverconn.Codec].
func (c *serverConn) NewCall() serverconn.Call { return &incoming{conn: c} }

// Decode implements [serverconn.Call].
func (in *incoming) Decode(msg []byte) error {
	c := in.conn
	ended := in.ended
	*in = incoming{conn: c, ctx: c.ctx, p: c.proto, msg: msg, from: &c.source}
	if c.Follows() {
		in.arrived = ended
	}
	switch {
	case c.headers != nil:
		return c.decodeHeader(in)
	case c.tracked != nil:
		return c.decodeTracked(in)
	}
	if !c.begun {
		c.begun = true
		if done, err := c.first(in); done || err != nil {
			return err
		}
	}
	return c.prepare(in)
}

// prepare is Server.prepare for a call over c.
func (c *serverConn) prepare(in *incoming) error {
	if err := c.s.prepare(in); err != nil {
		return err
	}
	if c.isThriftkit && !c.ids.Follows(in.h.SeqID) { // as the calls of other clients that come over the same connection
		if c.isThriftkit = false; !c.anyOrder {
			c.KeepOrder()
		}
	}
	if in.m == nil || !in.m.method.Oneway {
		return nil
	}
	if in.ctx = c.lasting; in.x != nil {
		in.cancel()
		in.ctx, in.cancel = in.x.context(c.lasting)
	}
	return nil
}

// first learns from the first call whether the peer takes replies in any order: a client of ours
// does, and shows it by its sequence ids. The call may be one that begins to track; then it is answered.
func (c *serverConn) first(in *incoming) (done bool, err error) {
	h, off, err := c.proto.ConsumeHeader(in.msg)
	if err != nil {
		return false, err
	}
	if c.isThriftkit = c.ids.Begins(h.SeqID); c.isThriftkit {
		c.AcceptAnyOrder()
	}
	return c.upgrade(in, h, off)
}

// decodeHeader is Decode for a header dialect.
func (c *serverConn) decodeHeader(in *incoming) error {
	envelope, msg, err := c.headers.Decode(in.msg)
	unknown := errors.Is(err, msgio.ErrProtocol)
	if err != nil && !unknown {
		return err
	}
	if !c.begun {
		c.begun = true
		c.isThriftkit, c.anyOrder = c.ids.Begins(envelope.SeqID), envelope.OutOfOrder()
		if c.isThriftkit || c.anyOrder {
			c.AcceptAnyOrder()
		}
	}
	in.x = &exchange{in: envelope, headers: c.headers, answer: envelope.Answer()}
	in.x.answer.CloseSoon = c.IsDraining()
	in.p, in.msg = c.s.protocols.InHeader(envelope.Protocol, msg), msg
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
	return c.prepare(in)
}

// Refuse implements [serverconn.Codec].
func (c *serverConn) Refuse(head []byte, err error) serverconn.Call {
	var unreadable *wire.Error
	if !errors.As(err, &unreadable) || c.tracked != nil {
		return nil
	}
	in := &incoming{conn: c, ctx: c.ctx, p: c.proto, from: &c.source}
	if c.headers != nil {
		if head = in.openHead(head); head == nil {
			return nil
		}
	}
	h, _, headErr := in.p.ConsumeHeader(head)
	if headErr != nil || h.Type != wire.Call {
		return nil
	}
	m, unknown := c.s.lookup(in.x.service(), h.Name)
	if unknown != nil { // it may be no message at all
		return nil
	}
	if i := strings.IndexByte(h.Name, ':'); i >= 0 {
		h.Name = h.Name[i+1:]
	}
	if c.begun { // who it is says what it is told when the connection ends
		c.isThriftkit = c.isThriftkit && c.ids.Follows(h.SeqID)
	} else {
		c.isThriftkit = c.ids.Begins(h.SeqID)
	}
	in.h = h
	in.err = &Error{Code: CodeProtocol, Message: err.Error(), Cause: err}
	in.stats = c.s.received(in.ctx, in.from, m, h.Name, len(head), time.Time{})
	in.stats.refused(in.ctx, in.err)
	return in
}

// openHead returns the beginning of the message in the beginning of a frame of a header dialect; nil if it cannot be told.
func (in *incoming) openHead(head []byte) []byte {
	c := in.conn
	if c.framing == wire.FramedTHeader && len(head) >= 4 {
		head = head[4:]
	}
	envelope, msg, err := c.headers.Decode(head)
	if err != nil {
		return nil
	}
	in.x = &exchange{in: envelope, headers: c.headers, answer: envelope.Answer()}
	in.x.answer.CloseSoon = true
	in.p = c.s.protocols.InHeader(envelope.Protocol, msg)
	return msg
}

// Slow implements [serverconn.Call].
func (in *incoming) Slow() *atomic.Int32 {
	if in.m == nil {
		return nil
	}
	return &in.m.slow
}

// Execute implements [serverconn.Call].
func (in *incoming) Execute() { in.execute() }

// forget releases what an idle connection does not need.
func (in *incoming) forget() {
	if in.cancel != nil {
		in.cancel()
	}
	in.msg, in.h, in.x, in.call, in.err = nil, wire.Header{}, nil, nil, nil // the name in the header is a part of the message
}

// AppendReply implements [serverconn.Call].
func (in *incoming) AppendReply(dst []byte) ([]byte, error) {
	c := in.conn
	defer in.forget()
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
