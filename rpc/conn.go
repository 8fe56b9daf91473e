package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire"
)

// conn is one connection of a client, shared by calls. Calls are written as they come, the
// pending ones in one write, and replies are matched by sequence id; a server that answers one
// call after the other never notices.
//
// Nobody reads while no call waits. The first caller who finds nobody reading reads: its own
// reply, and on the way those of others, to whom it hands them; with its own reply it passes
// the reading on to another waiting call. So a lone caller needs no second goroutine.
//
// A caller that gives up leaves its sequence id behind as abandoned: the late reply is dropped
// when it comes, and the connection takes no new calls.
type conn struct {
	nc      net.Conn
	framing transport.Framing
	sealer  *transport.Sealer // of a header dialect, else nil
	proto   protocol.Protocol
	max     int // bytes of a message
	scratch *scratch
	seq     atomic.Int32

	r         *transport.Reader // of whoever reads
	readBound bool              // a read deadline may be set; of whoever reads

	wmu     sync.Mutex
	out     []byte // to be written by whoever writes
	spare   []byte
	writing atomic.Bool // changed under wmu
	// A write deadline may be set; of whoever writes.
	writeBound bool

	mu        sync.Mutex
	claims    int               // calls that chose this connection and are not entered yet
	pending   map[int32]*waiter // calls that wait, by sequence id
	abandoned map[int32]struct{}
	order     []int32 // sequence ids of both, oldest first
	oneway    bool    // a oneway call was sent
	oldest    time.Time
	reading   bool
	echoes    echo
	retired   atomic.Bool // takes no new calls, ends with the last one that waits; changed under mu
	err       error
	lastUsed  time.Time
}

// echo says whether the server repeats sequence ids in its replies.
type echo uint8

const (
	echoUnknown echo = iota
	echoYes
	echoNo // replies come in the order of the calls, whatever ids they bear
)

// waiter is a call that waits for its reply.
type waiter struct {
	seq   int32
	start time.Time
	ch    chan delivery // of capacity 2: the reading may come, and one reply or error does
}

// delivery is what a waiter gets: the reply, an error, or the reading.
type delivery struct {
	response
	err  error
	lead bool
}

// answered returns the reply that w has got, nil if there is none.
func (w *waiter) answered() *response {
	for {
		select {
		case d := <-w.ch:
			if !d.lead && d.err == nil {
				return &d.response
			}
		default:
			return nil
		}
	}
}

// A request says what is called.
type request struct {
	method  *schema.Method
	service string
}

// An encoder appends the message of a call, with the sequence id that it is given. It is no part
// of request, where it would have to be allocated.
type encoder func(dst []byte, seq int32) ([]byte, error)

// A response is a reply, which its receiver owns.
type response struct {
	msg      []byte
	proto    protocol.Protocol
	envelope *transport.Envelope // of a header dialect and of HTTP, else nil
}

func newConn(nc net.Conn, framing transport.Framing, sealer *transport.Sealer, p protocol.Protocol, maxMessageBytes int, s *scratch) *conn {
	c := &conn{
		nc: nc, framing: framing, sealer: sealer, proto: p, max: maxMessageBytes, scratch: s,
		r:       transport.NewReader(nc, maxMessageBytes),
		pending: make(map[int32]*waiter), abandoned: make(map[int32]struct{}),
		lastUsed: time.Now(),
	}
	c.r.Start(framing, p.NewSplitter(maxMessageBytes))
	return c
}

// errNotSent marks the error of a call that never left, so that it may go over another connection.
type errNotSent struct{ error }

func (e errNotSent) Unwrap() error { return e.error }

// errArgument marks the error of a message that could not be made.
type errArgument struct{ error }

func (e errArgument) Unwrap() error { return e.error }

// tooLarge is the error for a message of our own above the limit.
func tooLarge(n, max int) error {
	return wire.Errorf(-1, wire.ErrTooLarge, "a message of %d bytes, at most %d are sent", n, max)
}

// call, which starts now, sends r, made by encode, and returns the reply; an empty one for oneway.
func (c *conn) call(ctx context.Context, now time.Time, r request, encode encoder) (response, error) {
	const positive = 1<<31 - 1 // some peers cannot write a negative id
	seq := c.seq.Add(1) & positive
	buf := c.scratch.buffer()
	defer c.scratch.putBuffer(buf)
	msg, n, err := c.encode(ctx, (*buf)[:0], seq, r, encode)
	*buf = msg
	if err == nil && n > c.max {
		err = tooLarge(n, c.max)
	}
	if err != nil {
		c.unclaim()
		return response{}, errArgument{err}
	}
	w := c.scratch.waiter()
	w.seq, w.start = seq, now
	if err := c.register(w, r.method.Oneway); err != nil {
		return response{}, errNotSent{err}
	}
	if err := c.write(ctx, msg); err != nil {
		cause := err
		if unsent, ok := err.(errNotSent); ok {
			cause = unsent.error // this call was not sent; those that wait were
		}
		answered := w.answered() // while what others had to send was being written
		c.fail(cause)
		if answered != nil {
			return *answered, nil
		}
		return response{}, err
	}
	if r.method.Oneway {
		return response{}, nil
	}
	reply, err := c.wait(ctx, w)
	if err == nil { // nobody else knows w any more, and nothing more will come
		c.scratch.waiters.Put(w)
	}
	return reply, err
}

// encode appends r as it goes over the connection; n is the length of the message in it.
func (c *conn) encode(ctx context.Context, dst []byte, seq int32, r request, encode encoder) (out []byte, n int, err error) {
	if c.sealer != nil {
		return c.seal(ctx, dst, seq, r, encode)
	}
	dst = c.framing.Begin(dst)
	head := len(dst)
	if dst, err = encode(dst, seq); err == nil {
		c.framing.End(dst, 0)
	}
	return dst, len(dst) - head, err
}

// seal is encode for a header dialect.
func (c *conn) seal(ctx context.Context, dst []byte, seq int32, r request, encode encoder) (out []byte, n int, err error) {
	e := c.sealer.Envelope(seq, c.proto.Name())
	e.Service, e.Method = r.service, r.method.Name
	o := outgoingFor(ctx)
	o.fill(ctx, e)
	start := len(dst)
	dst, payload, err := c.sealer.Begin(dst, e)
	if err == nil {
		dst, err = encode(dst, seq)
	}
	if err != nil {
		return dst, 0, err
	}
	n = len(dst) - payload
	dst, err = c.sealer.End(dst, start, payload, e)
	return dst, n, err
}

// open is the inverse of encode, for a reply.
func (c *conn) open(frame []byte) (response, error) {
	if c.sealer == nil {
		return response{msg: frame, proto: c.proto}, nil
	}
	e, msg, err := c.sealer.Open(frame)
	if err != nil {
		return response{}, err
	}
	return response{msg, protocol.Sealed(e.Protocol, msg), e}, nil
}

// scratch is what calls of a client use again.
type scratch struct {
	waiters sync.Pool // of *waiter, with nothing in their channels
	buffers sync.Pool // of *[]byte, for messages that are made
}

func (s *scratch) waiter() *waiter {
	if w, ok := s.waiters.Get().(*waiter); ok {
		return w
	}
	return &waiter{ch: make(chan delivery, 2)}
}

func (s *scratch) buffer() *[]byte {
	if b, ok := s.buffers.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, 512)
	return &b
}

func (s *scratch) putBuffer(b *[]byte) {
	const keep = 64 << 10
	if cap(*b) <= keep {
		s.buffers.Put(b)
	}
}

// claim counts a call that is about to use the connection, so that others see it coming.
func (c *conn) claim(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.claims++; c.claims == 1 && len(c.order) == 0 {
		c.oldest = now
	}
	c.lastUsed = now
}

func (c *conn) unclaim() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.claims--
}

// register enters a call that was claimed. A oneway call is entered only so far as some servers answer even it.
func (c *conn) register(w *waiter, oneway bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.claims--
	if c.err != nil {
		return c.err
	}
	if oneway {
		c.oneway = true
		return nil
	}
	c.pending[w.seq] = w
	c.order = append(c.order, w.seq)
	if len(c.order) == 1 {
		c.oldest = w.start
	}
	return nil
}

// write sends msg together with what others have to send. If somebody is writing already, it
// only leaves msg there. When ctx ends while the server does not read, the rest is written by
// a goroutine of its own, so that the stream stays whole; wait then notices that ctx has ended.
func (c *conn) write(ctx context.Context, msg []byte) error {
	c.wmu.Lock()
	c.out = append(c.out, msg...)
	if c.writing.Load() {
		c.wmu.Unlock()
		return nil
	}
	c.writing.Store(true)
	c.wmu.Unlock()
	n, err := c.writeOut(ctx)
	switch {
	case err == nil:
		if c.retired.Load() {
			c.endIfDone()
		}
		return nil
	case !transport.IsTimeout(err):
		if n == 0 {
			err = errNotSent{err}
		}
		return err
	case !transport.CanResume(c.nc):
		c.fail(fmt.Errorf("another call gave up while it was writing: %w", net.ErrClosed))
		return contextError(ctx)
	}
	go func() {
		if _, err := c.writeOut(context.Background()); err != nil {
			c.fail(err)
		}
		c.endIfDone()
	}()
	return nil
}

// writeOut writes until nothing is left, or puts what is left back for whoever goes on. n is
// how much was written; the caller's own message was at the front.
func (c *conn) writeOut(ctx context.Context) (n int, err error) {
	binding := c.bindTo(ctx, true)
	defer binding.stop()
	c.wmu.Lock()
	defer c.wmu.Unlock()
	for len(c.out) > 0 {
		b := c.out
		c.out = c.spare[:0]
		c.wmu.Unlock()
		m, err := c.nc.Write(b)
		c.wmu.Lock()
		n += m
		if err != nil {
			c.out = append(b[m:], c.out...)
			c.spare = nil
			return n, err
		}
		const keep = 256 << 10
		if c.spare = b[:0]; cap(b) > keep {
			c.spare = nil
		}
	}
	binding.stop() // before another one may write
	c.writing.Store(false)
	return n, nil
}

// binding makes the reads or the writes of a connection end with a context, until stop.
type binding struct {
	cancel func() bool // nil: there is nothing to stop
	ended  chan struct{}
}

// bindTo binds the writes of c to ctx, or else the reads. Whoever writes, or reads, calls it.
func (c *conn) bindTo(ctx context.Context, write bool) binding {
	wasBound, set := &c.readBound, net.Conn.SetReadDeadline
	if write {
		wasBound, set = &c.writeBound, net.Conn.SetWriteDeadline
	}
	deadline, ok := ctx.Deadline()
	if ok || *wasBound {
		set(c.nc, deadline)
	}
	*wasBound = ctx.Done() != nil
	if !*wasBound {
		return binding{}
	}
	ended := make(chan struct{})
	return binding{ended: ended, cancel: context.AfterFunc(ctx, func() {
		set(c.nc, past)
		close(ended)
	})}
}

// stop ends the binding. When it returns, no deadline will be set any more.
func (b *binding) stop() {
	if b.cancel != nil && !b.cancel() {
		<-b.ended
	}
	b.cancel = nil
}

// contextError returns why ctx ended. The timer of a connection may be a moment ahead of the
// context's.
func contextError(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return context.DeadlineExceeded
}

// wait returns the reply to w, reading if nobody else does.
func (c *conn) wait(ctx context.Context, w *waiter) (response, error) {
	if !c.takeReading() {
		select {
		case d := <-w.ch:
			if !d.lead {
				return d.response, d.err
			}
		case <-ctx.Done():
			return c.giveUp(ctx, w)
		}
	}
	return c.lead(ctx, w)
}

func (c *conn) takeReading() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reading {
		return false
	}
	c.reading = true
	return true
}

// lead reads replies until w's own comes, then passes the reading on.
func (c *conn) lead(ctx context.Context, w *waiter) (response, error) {
	select {
	case d := <-w.ch: // it came, or the connection failed, before the reading was taken
		c.passOn()
		return d.response, d.err
	default:
	}
	binding := c.bindTo(ctx, false)
	reply, err := c.readOwn(w)
	binding.stop()
	if transport.IsTimeout(err) {
		reply, err = c.giveUp(ctx, w)
	}
	c.passOn()
	return reply, err
}

// readOwn reads replies until w's own comes. Unless the error is a time-out, it ended the connection.
func (c *conn) readOwn(w *waiter) (response, error) {
	for {
		var reply response
		msg, err := c.r.Recv()
		if transport.IsTimeout(err) {
			return reply, err
		}
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("the server closed the connection: %w", io.ErrUnexpectedEOF)
		}
		mine := false
		if err == nil {
			reply, err = c.open(msg)
		}
		if err == nil {
			mine, err = c.deliver(w, reply)
		}
		if err != nil {
			c.fail(err)
			return reply, (<-w.ch).err // which may be of an earlier failure
		}
		if mine {
			return reply, nil
		}
	}
}

// deliver hands a reply to the call that it answers and reports whether that is w.
func (c *conn) deliver(w *waiter, reply response) (mine bool, err error) {
	h, _, err := reply.proto.ConsumeHeader(reply.msg)
	if err != nil {
		return false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if reply.envelope != nil && reply.envelope.CloseSoon {
		c.retired.Store(true)
		if h.SeqID == 0 { // of no call: Kitex may say so in a frame of its own
			return false, nil
		}
	}
	seq, ok := c.matchLocked(h)
	if !ok {
		if c.answersOnewayLocked(h) {
			return false, nil
		}
		return false, Errorf(CodeBadSequenceID, "a reply with sequence id %d, which no call has", h.SeqID)
	}
	x := c.forgetLocked(seq)
	if x == nil || x == w {
		return x == w, nil
	}
	x.ch <- delivery{response: reply}
	return false, nil
}

// matchLocked returns the sequence id of the call that the reply with header h answers, if
// there is one. The first reply shows whether the server repeats ids.
func (c *conn) matchLocked(h wire.Header) (int32, bool) {
	_, waits := c.pending[h.SeqID]
	_, left := c.abandoned[h.SeqID]
	if waits || left {
		if c.echoes == echoUnknown {
			c.echoes = echoYes
		}
	} else if c.echoes == echoUnknown && !c.answersOnewayLocked(h) {
		c.echoes = echoNo
	}
	if c.echoes == echoNo && len(c.order) > 0 {
		return c.order[0], true
	}
	return h.SeqID, waits || left
}

// answersOnewayLocked reports whether a reply to no call that waits may answer a oneway call:
// thriftpy2 answers one of a method that it does not know.
func (c *conn) answersOnewayLocked(h wire.Header) bool {
	return c.oneway && h.Type == wire.Exception && h.SeqID > 0 && h.SeqID <= c.seq.Load()
}

// forgetLocked removes a call and returns its waiter, nil if it was abandoned.
func (c *conn) forgetLocked(seq int32) *waiter {
	for i, s := range c.order {
		if s == seq {
			c.order = append(c.order[:i], c.order[i+1:]...)
			break
		}
	}
	if len(c.order) > 0 {
		if w, ok := c.pending[c.order[0]]; ok {
			c.oldest = w.start
		}
	}
	w := c.pending[seq]
	delete(c.pending, seq)
	delete(c.abandoned, seq)
	c.endIfDoneLocked()
	return w
}

// endIfDone is called when nothing is left to be written, in case that was what endIfDoneLocked
// waited for.
func (c *conn) endIfDone() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endIfDoneLocked()
}

// endIfDoneLocked closes a retired connection for which nobody waits any more and on which
// nothing, such as a oneway call, is being written.
func (c *conn) endIfDoneLocked() {
	if c.retired.Load() && len(c.pending) == 0 && c.err == nil && !c.writing.Load() {
		c.err = errRetired
		c.nc.Close()
	}
}

var errRetired = errors.New("the connection takes no more calls")

// passOn gives the reading to a call that waits, if there is one.
func (c *conn) passOn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, seq := range c.order { // the oldest first: its reply is likely the next
		if w, ok := c.pending[seq]; ok {
			w.ch <- delivery{lead: true}
			return
		}
	}
	c.reading = false
}

// giveUp leaves w's reply to be dropped when it comes, unless it has come at the last moment.
func (c *conn) giveUp(ctx context.Context, w *waiter) (response, error) {
	c.mu.Lock()
	_, waits := c.pending[w.seq]
	if waits {
		delete(c.pending, w.seq)
		c.abandoned[w.seq] = struct{}{}
		c.retired.Store(true)
		c.endIfDoneLocked()
	}
	c.mu.Unlock()
	for {
		select {
		case d := <-w.ch:
			if !d.lead {
				return d.response, d.err
			}
			c.passOn()
			continue
		default:
		}
		return response{}, contextError(ctx)
	}
}

// fail ends the connection and every call that waits.
func (c *conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
	c.nc.Close()
	for seq, w := range c.pending {
		delete(c.pending, seq)
		w.ch <- delivery{err: err}
	}
	c.order = nil
}

// load returns how many replies are outstanding and since when, or false if the connection
// takes no new calls.
func (c *conn) load() (calls int, since time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.order) + c.claims, c.oldest, c.err == nil && !c.retired.Load()
}

// stale reports whether the server has closed the connection while it was idle. It costs a
// system call, so a connection to which a call went a moment ago is believed.
func (c *conn) stale(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	const believed = time.Millisecond
	if len(c.order)+c.claims > 0 || c.reading || now.Sub(c.lastUsed) < believed {
		return false
	}
	if c.readBound { // nobody reads, so it is ours
		c.nc.SetReadDeadline(time.Time{})
		c.readBound = false
	}
	return !transport.Alive(c.nc)
}
