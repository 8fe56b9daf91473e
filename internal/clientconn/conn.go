package clientconn

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/wire"
)

// A state is where a connection is in its life; the package comment draws it.
type state uint8

const (
	open     state = iota // takes calls
	draining              // takes no more calls, and closes when nobody waits for a reply
	closed
)

// A Conn is one connection of a client, shared by calls. The package comment says how.
type Conn struct {
	ID   uint64
	pool *Pool
	nc   net.Conn
	seq  atomic.Uint32 // number of the last call

	mu       sync.Mutex
	state    state
	err      error // why the connection is not open any more; set when it is closed
	shut     bool  // nc.Close was called, or is about to be
	reserved int   // calls that chose this connection and are not pending yet
	work     work
	order    int64     // among the connections of the pool, by when they were made; it is the pool's
	retireAt time.Time // when it has reached its age, zero: never; likewise
	pending  pendingTable
	lastUsed time.Time
	trial    *trial // that it carries; nil: none
	read     readHalf
	write    writeHalf
}

func newConn(p *Pool, id uint64, nc net.Conn) *Conn {
	c := &Conn{ID: id, pool: p, nc: nc, lastUsed: time.Now()}
	c.read.r = msgio.NewReader(nc, p.opts.MaxMessageBytes)
	c.read.r.Start(p.opts.Framing, p.opts.Protocol.NewSplitter(p.opts.MaxMessageBytes))
	c.write.resumes = msgio.CanResume(nc)
	return c
}

// unlock releases mu, and then closes what has become closed: never under a lock, because closing
// TLS writes to the network.
func (c *Conn) unlock() {
	shut := c.state == closed && !c.shut
	if shut {
		c.shut = true
	}
	c.mu.Unlock()
	if shut {
		c.nc.Close()
		c.pool.connClosed(c)
	}
}

// call sends f, for which the connection was reserved, and waits for its reply; for none if f is oneway.
func (c *Conn) call(f *Pending) error {
	f.Conn = c.ID
	buf := c.pool.opts.Buffers.Get()
	for {
		f.seq = c.nextSequenceID()
		msg, n, err := c.encode((*buf)[:0], f)
		*buf = msg
		if max := c.pool.opts.MaxMessageBytes; err == nil && n > max {
			err = msgio.TooLarge(n, max)
		}
		if err != nil {
			c.unreserve(f)
			c.pool.opts.Buffers.Put(buf)
			return &ArgumentError{err}
		}
		entered, err := c.enter(f)
		if err != nil {
			c.pool.opts.Buffers.Put(buf)
			return &NotSentError{err}
		}
		if entered {
			f.Sent = len(msg)
			break
		}
	}
	err := c.writeMessage(f, buf)
	switch {
	case err != nil:
		err = c.writeError(f, err)
	case !f.Oneway:
		err = c.wait(f)
	}
	if f.stopTimer != nil {
		f.stopTimer()
	}
	return err
}

// writeError ends the connection after the error of a write: at once, or, when f only gave up, with
// the last call that waits. f may have been answered nevertheless, while the messages of others
// were being written.
func (c *Conn) writeError(f *Pending, err error) error {
	if gaveUp, ok := err.(errGaveUp); ok {
		c.drain()
		return gaveUp.error
	}
	cause := err
	if unsent, ok := err.(*NotSentError); ok {
		cause = unsent.Err // this call was not sent; those that wait were
	}
	c.fail(cause)
	if f.Oneway {
		return err
	}
	<-f.wake
	if f.err == nil || errors.Is(f.err, ErrGoAway) {
		return f.err
	}
	return err
}

func (c *Conn) nextSequenceID() int32 {
	for {
		if id := msgio.SequenceID(c.seq.Add(1)); id != msgio.GoAwayID {
			return id
		}
	}
}

// encode appends f as it goes over the connection; n is the length of the message in it.
func (c *Conn) encode(dst []byte, f *Pending) (out []byte, n int, err error) {
	o := &c.pool.opts
	if o.Headers != nil {
		return o.encodeHeader(dst, f)
	}
	dst = o.Framing.Begin(dst)
	head := len(dst)
	if dst, err = f.encode(dst, o.Protocol); err == nil {
		o.Framing.End(dst, 0)
	}
	return dst, len(dst) - head, err
}

// encodeHeader is encode for a header dialect.
func (o *Options) encodeHeader(dst []byte, f *Pending) (out []byte, n int, err error) {
	headers := o.Headers
	e := headers.Envelope(f.seq, o.Protocol.Name())
	e.Service, e.Method = f.Service, f.Method
	e.Transient, e.Persistent = f.Transient, f.Persistent
	if !f.deadline.IsZero() {
		e.Timeout = max(time.Until(f.deadline), 1)
	}
	start := len(dst)
	dst, payload, err := headers.Begin(dst, e)
	if err == nil {
		dst, err = f.encode(dst, o.Protocol)
	}
	if err != nil {
		return dst, 0, err
	}
	n = len(dst) - payload
	dst, err = headers.End(dst, start, payload, e)
	return dst, n, err
}

// decode is the inverse of encode, for a reply.
func (o *Options) decode(frame []byte) (Reply, error) {
	if o.Headers == nil {
		return Reply{Message: frame, Protocol: o.Protocol}, nil
	}
	e, msg, err := o.Headers.Decode(frame)
	if err != nil {
		return Reply{}, err
	}
	return Reply{msg, o.Protocols.InHeader(e.Protocol, msg), e}, nil
}

// reserve counts f, which is about to use the connection, so that others see it coming.
func (c *Conn) reserve(f *Pending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reserveLocked(f)
}

func (c *Conn) reserveLocked(f *Pending) {
	c.reserved++
	c.work.add(f, 1)
	c.lastUsed = f.start
}

// unreserve undoes reserve for a call that is not sent.
func (c *Conn) unreserve(f *Pending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unreserveLocked(f)
}

func (c *Conn) unreserveLocked(f *Pending) {
	c.reserved--
	c.work.add(f, -1)
}

// removeLocked takes a pending call out of the table.
func (c *Conn) removeLocked(f *Pending) {
	c.pending.remove(f)
	c.work.add(f, -1)
}

// enter makes a call that was encoded pending. It reports false if the call needs another sequence id.
// A oneway call is recorded only because some servers answer even it.
//
// Calls are pending in the order of the writes, because enter and the queueing of the message
// happen under one lock: see writeMessage.
func (c *Conn) enter(f *Pending) (bool, error) {
	c.mu.Lock()
	switch {
	case c.state == closed:
		c.unreserveLocked(f)
		err := c.err
		c.mu.Unlock()
		return false, err
	case f.Oneway:
		c.read.oneway = true
		c.work.add(f, -1)
	case !c.pending.add(f):
		c.mu.Unlock()
		return false, nil
	}
	c.reserved--
	if f.canEnd() {
		c.pool.checkAt(f.firstCheck())
	}
	if c.read.replies == 0 && !f.Oneway {
		c.pool.upkeepAt(f.start.Add(unserved))
	}
	return true, nil // writeMessage unlocks
}

// drainTimeout bounds what is being written on a draining connection when nobody waits any more:
// else a server that does not read would cost a connection, and the queued messages, for each call
// that gives up.
const drainTimeout = 10 * time.Second

// closeIfDrainedLocked closes a draining connection when nobody waits for a reply any more and
// nothing, such as a oneway call, is being written on it.
func (c *Conn) closeIfDrainedLocked() {
	switch {
	case c.state != draining || c.pending.waiting > 0:
	case !c.write.active:
		c.state, c.err = closed, errDraining
	case c.write.owner == nil: // else its own deadline is set, or it may take all its time
		c.nc.SetWriteDeadline(time.Now().Add(drainTimeout))
	}
}

// drain lets the connection take no new calls.
func (c *Conn) drain() {
	c.mu.Lock()
	c.drainLocked()
	c.unlock()
}

func (c *Conn) drainLocked() {
	if c.state == open {
		c.state = draining
	}
	c.closeIfDrainedLocked()
}

// silentSince returns when the call with that sequence id began, and whether the server has answered nothing in the later half of
// the time since then.
func (c *Conn) silentSince(f *Pending, seq int32) (since time.Time, silent bool) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending.get(seq) != f {
		return time.Time{}, false
	}
	return f.start, c.read.lastReply.Before(f.start.Add(now.Sub(f.start) / 2))
}

// fail closes the connection and ends every call that waits with err.
func (c *Conn) fail(err error) {
	c.mu.Lock()
	if c.state != closed {
		c.state = closed
		c.err = err
	}
	for f := c.pending.first; f != nil; f = c.pending.first {
		abandoned := f.abandoned
		c.removeLocked(f)
		if abandoned {
			continue
		}
		f.err, f.done = err, true
		if c.read.owner != f {
			f.wake <- struct{}{}
		}
	}
	c.unlock()
}

// failIdle closes the connection if no call uses it, and reports whether it is closed.
func (c *Conn) failIdle() bool {
	c.mu.Lock()
	if c.state != closed && c.pending.n+c.reserved == 0 && !c.write.active {
		c.state, c.err = closed, errDraining
	}
	isClosed := c.state == closed
	c.unlock()
	return isClosed
}

// isClosed reports whether the connection is closed.
func (c *Conn) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == closed
}

// isOpen reports whether the connection takes new calls.
func (c *Conn) isOpen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == open
}

// A load is the work of a connection as seen by a call that looks for one.
type load struct {
	work
	shares   bool // the call may use the connection beside it
	lastUsed time.Time
}

// load returns the load as f sees it, and false if the connection takes no new calls.
func (c *Conn) load(f *Pending) (load, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return load{c.work, c.sharesLocked(f), c.lastUsed}, c.state == open
}

// less reports whether a call had better use the connection with the load a than that with b: one that it may share; one that is
// expected to be free earlier; the one used last, so that the others come to their ends.
func (a load) less(b load) bool {
	switch {
	case a.shares != b.shares:
		return a.shares
	case a.expected != b.expected:
		return a.expected < b.expected
	case a.calls != b.calls:
		return a.calls < b.calls
	}
	return a.lastUsed.After(b.lastUsed)
}

// sharesLocked reports whether f may use the connection beside the calls that it has: if it is expected not to wait long for
// them, and as long as it is not congested: its oldest call has not waited for long, or, where the server answers in any order,
// another one was answered meanwhile.
func (c *Conn) sharesLocked(f *Pending) bool {
	anyOrder := c.pool.anyOrder.Load()
	if !anyOrder && !c.work.shares(f) {
		return false
	}
	first := c.pending.first
	return first == nil || f.start.Sub(first.start) < congested || anyOrder && f.start.Sub(c.read.lastReply) < congested
}

// tryReserve reserves the connection, unless another one may be better.
func (c *Conn) tryReserve(f *Pending) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != open || !c.sharesLocked(f) || c.mayBeStaleLocked(f.start) {
		return false
	}
	c.reserveLocked(f)
	return true
}

// mayBeStaleLocked reports whether the server may have closed the connection unnoticed. One that was
// used a moment ago is believed, because looking costs a system call.
func (c *Conn) mayBeStaleLocked(now time.Time) bool {
	const believed = time.Millisecond
	return c.pending.n+c.reserved == 0 && c.read.owner == nil && now.Sub(c.lastUsed) >= believed
}

// stale reports whether the server has closed the connection while it was idle.
func (c *Conn) stale(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mayBeStaleLocked(now) && !msgio.Alive(c.nc)
}

// matchLocked returns the call that the reply with header h answers, nil if there is none. The
// first reply shows whether the server repeats sequence ids. A server that seemed not to, because
// that reply had a damaged id, is found out by the first one that names a pending call: nobody
// repeats ids so high by chance. If it is not the call whose turn it is, replies are out of order,
// and those matched by order would be given to the wrong calls: then there is no match.
func (c *Conn) matchLocked(h wire.Header) *Pending {
	x := c.pending.get(h.SeqID)
	switch {
	case c.read.echo == echoUnknown && x != nil:
		c.read.echo = echoesID
	case c.read.echo == echoUnknown && !c.answersOnewayLocked(h):
		c.read.echo = echoesNothing
	case c.read.echo == echoesNothing && x != nil:
		if x != c.pending.first {
			return nil
		}
		c.read.echo = echoesID
	}
	if c.read.echo == echoesNothing && c.pending.first != nil {
		return c.pending.first
	}
	return x
}

// answersOnewayLocked reports whether a reply to no pending call may answer a oneway call: thriftpy2
// answers one of a method that it does not know.
func (c *Conn) answersOnewayLocked(h wire.Header) bool {
	const window = 1 << 20 // ids: older calls are not waited for
	n, ok := msgio.SequenceNumber(h.SeqID)
	age := (c.seq.Load() - n) % (1 << 30)
	return c.read.oneway && h.Type == wire.Exception && ok && age < window
}
