package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/wire"
)

// conn is one connection of a client, shared by calls. Calls are written as they come, the
// pending ones in one write, and replies are matched by sequence id; a server that answers one
// call after the other never notices.
//
// Nobody reads while no call waits. The first caller who finds nobody reading reads: its own
// reply, and on the way those of others, to whom it hands them; with its own reply it passes
// the reading on to another waiting call. So a lone caller needs no second goroutine. It is the
// same with writing.
//
// A caller that gives up leaves its sequence id behind as abandoned: the late reply is dropped
// when it comes, and the connection takes no new calls.
//
// A call that takes a while gets a guard, which makes it give up when its context ends: see
// [pool.tick]. A call that does not costs no more for having a deadline.
type conn struct {
	nc      net.Conn
	framing wire.Framing
	sealer  *msgio.HeaderCodec // of a header dialect, else nil
	proto   protocol.Protocol
	max     int  // bytes of a message
	resumes bool // a write that was interrupted can go on with the rest
	scratch *scratch
	seq     atomic.Int32

	onGuardable func(look time.Time)  // is called, with mu, when a call is entered that may need a guard
	onSilence   func(since time.Time) // is called when a call timed out and nothing was answered since it began

	r *msgio.Reader // of whoever reads

	mu       sync.Mutex
	claims   int // calls that chose this connection and are not entered yet
	flights  flightTable
	oneway   bool    // a oneway call was sent
	reader   *flight // who reads, nil if nobody does
	cut      bool    // a read deadline was set, to make the reader give up
	echoes   echo
	overtake bool // the server has answered calls in another order
	replied  time.Time
	answers  uint64 // replies that have come
	lastUsed time.Time
	err      error

	// out is what is to be written, while somebody is writing, by whoever that is. retired says
	// that the connection takes no new calls and ends with the last one that waits.
	out      outQueue
	writing  bool
	writer   *flight // nil also when a goroutine of its own writes
	writeCut bool
	retired  bool
}

// echo says whether the server repeats sequence ids in its replies.
type echo uint8

const (
	echoUnknown echo = iota
	echoYes
	echoNo // replies come in the order of the calls, whatever ids they bear
)

// firstSequenceID is where a client begins to count its calls, up to the largest id and again
// from here. Ids so high say to a server of ours that the client takes replies in any order;
// others repeat what they get. (Negative ids cannot be written by some peers.)
const firstSequenceID = 1 << 30

// A response is a reply, which its receiver owns.
type response struct {
	msg      []byte
	proto    protocol.Protocol
	envelope *msgio.Envelope // of a header dialect and of HTTP, else nil
}

func newConn(nc net.Conn, framing wire.Framing, sealer *msgio.HeaderCodec, p protocol.Protocol, maxMessageBytes int, s *scratch) *conn {
	c := &conn{
		nc: nc, framing: framing, sealer: sealer, proto: p, max: maxMessageBytes, scratch: s,
		resumes:  msgio.CanResume(nc),
		r:        msgio.NewReader(nc, maxMessageBytes),
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

// errGaveUp marks the error of a oneway call that gave up while its message was being written, with which a goroutine
// goes on.
type errGaveUp struct{ error }

func (e errGaveUp) Unwrap() error { return e.error }

// call sends f, which was claimed, and waits for its reply, which f has then; none for oneway.
func (c *conn) call(f *flight) error {
	buf := c.scratch.buffer()
	for {
		f.seq = c.nextSequenceID()
		msg, n, err := c.encode((*buf)[:0], f)
		*buf = msg
		if err == nil && n > c.max {
			err = tooLarge(n, c.max)
		}
		if err != nil {
			c.unclaim()
			c.scratch.putBuffer(buf)
			return errArgument{err}
		}
		entered, err := c.enter(f)
		if err != nil {
			c.scratch.putBuffer(buf)
			return errNotSent{err}
		}
		if entered {
			break
		}
	}
	err := c.write(f, buf)
	switch {
	case err != nil:
		err = c.unwritten(f, err)
	case !f.oneway:
		err = c.wait(f)
	}
	if f.unguard != nil {
		f.unguard()
	}
	return err
}

// unwritten ends the connection after the error of a write, at once or, when f only gave up, with the last call
// that waits. f may have been answered nevertheless, while what others had to send was being written.
func (c *conn) unwritten(f *flight, err error) error {
	if gaveUp, ok := err.(errGaveUp); ok {
		c.retire()
		return gaveUp.error
	}
	cause := err
	if unsent, ok := err.(errNotSent); ok {
		cause = unsent.error // this call was not sent; those that wait were
	}
	c.fail(cause)
	if f.oneway {
		return err
	}
	<-f.woken
	if f.err == nil || errors.Is(f.err, errGoodbye) {
		return f.err
	}
	return err
}

func (c *conn) nextSequenceID() int32 {
	for {
		if id := firstSequenceID | c.seq.Add(1)&(firstSequenceID-1); id != goodbyeID {
			return id
		}
	}
}

// encode appends f as it goes over the connection; n is the length of the message in it.
func (c *conn) encode(dst []byte, f *flight) (out []byte, n int, err error) {
	if c.sealer != nil {
		return c.seal(dst, f)
	}
	dst = c.framing.Begin(dst)
	head := len(dst)
	if dst, err = f.encode(dst, c.proto); err == nil {
		c.framing.End(dst, 0)
	}
	return dst, len(dst) - head, err
}

// seal is encode for a header dialect.
func (c *conn) seal(dst []byte, f *flight) (out []byte, n int, err error) {
	e := c.sealer.Envelope(f.seq, c.proto.Name())
	e.Service, e.Method = f.service, f.method
	o := outgoingFor(f.ctx)
	o.fill(f.deadline, e)
	start := len(dst)
	dst, payload, err := c.sealer.Begin(dst, e)
	if err == nil {
		dst, err = f.encode(dst, c.proto)
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
	e, msg, err := c.sealer.Decode(frame)
	if err != nil {
		return response{}, err
	}
	return response{msg, protocol.Sealed(e.Protocol, msg), e}, nil
}

// claim counts a call that is about to use the connection, so that others see it coming.
func (c *conn) claim(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.claimLocked(now)
}

func (c *conn) claimLocked(now time.Time) {
	c.claims++
	c.lastUsed = now
}

func (c *conn) unclaim() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.claims--
}

// enter enters a call that was claimed and is about to be written. It reports false if the call needs
// another sequence id. A oneway call is entered only so far as some servers answer even it.
//
// What is entered is in the order of the writes, because f is entered and its message queued
// while mu is held: see write.
func (c *conn) enter(f *flight) (bool, error) {
	c.mu.Lock()
	switch {
	case c.err != nil:
		c.claims--
		c.mu.Unlock()
		return false, c.err
	case f.oneway:
		c.oneway = true
	case !c.flights.add(f):
		c.mu.Unlock()
		return false, nil
	}
	f.answers = c.answers
	c.claims--
	if f.guardable() {
		c.onGuardable(f.firstLook())
	}
	return true, nil // write unlocks
}

// write sends the message in buf, which it takes, together with what others have to send. mu is held
// when it is called, and not when it returns. If somebody is writing already, it only leaves the
// message there. When f gives up while the server does not read, the rest is written by a goroutine
// of its own, so that the stream stays whole; wait then notices that f has given up.
func (c *conn) write(f *flight, buf *[]byte) error {
	if c.writing {
		c.out.add(buf, c.scratch)
		c.mu.Unlock()
		return nil
	}
	if c.writing = true; !c.resumes && f.guardable() {
		c.out.add(buf, c.scratch)
		c.mu.Unlock()
		return c.writeBehind(f)
	}
	c.writer = f
	var n int
	var err error
	if alone := c.flights.n <= 1; alone {
		c.mu.Unlock()
		n, err = c.writeAlone(buf)
	} else {
		c.out.add(buf, c.scratch)
		c.mu.Unlock()
		// Those who have just got their replies are about to call again: what they send goes
		// along, in the same write.
		runtime.Gosched()
		n, err = c.writeOut()
	}
	if err == nil {
		return nil
	}
	return c.writeFailed(f, n, err)
}

// writeAlone writes what is in buf, without copying it, and then what has come meanwhile. n is how
// much of all that was written.
func (c *conn) writeAlone(buf *[]byte) (n int, err error) {
	n, err = c.nc.Write(*buf)
	c.mu.Lock()
	if err != nil {
		c.out.pushFront((*buf)[n:])
		c.mu.Unlock()
		return n, err
	}
	c.scratch.putBuffer(buf)
	if c.out.empty() {
		c.wroteLocked()
		c.mu.Unlock()
		return n, nil
	}
	c.mu.Unlock()
	m, err := c.writeOut()
	return n + m, err
}

// writeFailed deals with the error of a write of which n bytes went out.
func (c *conn) writeFailed(f *flight, n int, err error) error {
	c.mu.Lock()
	c.writer = nil
	c.mu.Unlock()
	if !msgio.IsTimeout(err) {
		if n == 0 {
			err = errNotSent{err}
		}
		return err
	}
	go func() {
		if _, err := c.writeOut(); err != nil {
			c.fail(err)
		}
	}()
	if f.oneway {
		return errGaveUp{contextError(f.ctx)}
	}
	return nil
}

// writeBehind writes what there is on a goroutine of its own: f may give up, and the write must not, because what was
// written in part could not go on, and would take the other calls of the connection with it. A oneway call waits for
// the end of the write as long as it may.
func (c *conn) writeBehind(f *flight) error {
	written := make(chan error, 1)
	entered := !f.oneway // f may be another call by the time the write ends
	go func() {
		n, err := c.writeOut()
		if err != nil && n == 0 {
			c.failUnsent(err, entered)
			err = errNotSent{err}
		} else if err != nil {
			c.fail(err)
		}
		written <- err
	}()
	if entered {
		return nil
	}
	ctx, cancel := f.context()
	defer cancel()
	select {
	case err := <-written:
		return err
	case <-ctx.Done():
		return errGaveUp{contextError(ctx)}
	}
}

// failUnsent is fail after a write of which nothing went out. entered says that the call which was to be written
// is entered: if it is the only one, it may go over another connection. Calls besides it may have been sent.
func (c *conn) failUnsent(err error, entered bool) {
	c.mu.Lock()
	alone := entered && c.flights.n == 1
	c.mu.Unlock()
	if alone {
		err = errNotSent{err}
	}
	c.fail(err)
}

// writeOut writes until nothing is left, or puts what is left back for whoever goes on. n is
// how much was written; the caller's own message was at the front.
func (c *conn) writeOut() (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writeCut && c.writer == nil {
		c.nc.SetWriteDeadline(time.Time{})
		c.writeCut = false
		c.endIfDoneLocked() // bounds the write if nobody waits any more
	}
	for !c.out.empty() {
		batch := c.out.take()
		c.mu.Unlock()
		m, err := batch.writeTo(c.nc)
		c.mu.Lock()
		n += m
		if err != nil {
			c.out.putBack(batch)
			return n, err
		}
		c.out.done(batch, c.scratch)
	}
	c.wroteLocked()
	return n, nil
}

// wroteLocked ends the writing.
func (c *conn) wroteLocked() {
	c.writing, c.writer = false, nil
	if c.writeCut {
		c.nc.SetWriteDeadline(time.Time{})
		c.writeCut = false
	}
	c.endIfDoneLocked()
}

// contextError returns why ctx ended. The timer of a call may be a moment ahead of the
// context's.
func contextError(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return context.DeadlineExceeded
}

// wait returns when f has its reply, reading if nobody else does.
func (c *conn) wait(f *flight) error {
	c.mu.Lock()
	switch {
	case f.done:
		c.mu.Unlock()
		<-f.woken
	case c.reader != nil:
		f.waits = true
		c.mu.Unlock()
		<-f.woken
		c.mu.Lock()
		if c.reader != f {
			c.mu.Unlock()
			break
		}
		fallthrough
	default:
		c.reader = f
		done := f.done // while it was to be woken to read
		c.mu.Unlock()
		if !done {
			c.read(f)
		}
		c.stopReading(f)
	}
	return f.err
}

// read reads replies until f is done.
func (c *conn) read(f *flight) {
	var answered flightList // to be woken
	done := false
	for {
		msg, err := c.r.Next()
		if msg == nil && err == nil {
			answered.wake() // all that came with one read are woken before the next
			if done {
				return
			}
			msg, err = c.r.Recv()
		}
		if msgio.IsTimeout(err) {
			if c.wasCut(f) {
				return
			}
			continue
		}
		if err == nil {
			var mine bool
			mine, err = c.deliver(f, msg, &answered)
			done = done || mine
		} else if errors.Is(err, io.EOF) {
			err = fmt.Errorf("the server closed the connection: %w", io.ErrUnexpectedEOF)
		}
		if err != nil {
			answered.wake()
			c.fail(err)
			return // with f.err, which may be of an earlier failure
		}
	}
}

// wasCut makes the connection readable again after a time-out, and reports whether f has given up.
func (c *conn) wasCut(f *flight) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uncutLocked()
	return f.done
}

func (c *conn) uncutLocked() {
	if c.cut {
		c.nc.SetReadDeadline(time.Time{})
		c.cut = false
	}
}

// deliver gives a reply to the call that it answers, and reports whether that is f; others are added
// to answered.
func (c *conn) deliver(f *flight, msg []byte, answered *flightList) (mine bool, err error) {
	reply, err := c.open(msg)
	if err != nil {
		return false, err
	}
	h, _, err := reply.proto.ConsumeHeader(reply.msg)
	if err != nil {
		return false, err
	}
	if isGoodbye(h) {
		return false, errNotSent{errGoodbye}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if reply.envelope != nil && reply.envelope.CloseSoon {
		c.retired = true
		if h.SeqID == 0 { // of no call: Kitex may say so in a frame of its own
			return false, nil
		}
	}
	x := c.matchLocked(h)
	if x == nil {
		if c.answersOnewayLocked(h) {
			return false, nil
		}
		return false, Errorf(CodeBadSequenceID, "a reply with sequence id %d, which no call has", h.SeqID)
	}
	c.answers++
	if x != c.flights.first {
		c.overtake = true
		c.replied = time.Now()
	}
	abandoned := x.abandoned
	c.flights.remove(x)
	if !abandoned {
		x.reply, x.done = reply, true
		if x != f {
			answered.add(x)
		}
	}
	c.endIfDoneLocked()
	return x == f, nil
}

// matchLocked returns the call that the reply with header h answers, nil if there is none. The
// first reply shows whether the server repeats ids.
func (c *conn) matchLocked(h wire.Header) *flight {
	x := c.flights.get(h.SeqID)
	if x != nil {
		if c.echoes == echoUnknown {
			c.echoes = echoYes
		}
	} else if c.echoes == echoUnknown && !c.answersOnewayLocked(h) {
		c.echoes = echoNo
	}
	if c.echoes == echoNo && c.flights.first != nil {
		return c.flights.first
	}
	return x
}

// answersOnewayLocked reports whether a reply to no call that waits may answer a oneway call:
// thriftpy2 answers one of a method that it does not know.
func (c *conn) answersOnewayLocked(h wire.Header) bool {
	const window = 1 << 20 // ids: that long ago is never
	age := (c.seq.Load() - h.SeqID) & (firstSequenceID - 1)
	return c.oneway && h.Type == wire.Exception && h.SeqID >= firstSequenceID && age < window
}

// writePatience is how long what is being written on a retired connection may take when nobody waits any more: else
// a server that does not read would cost a connection, and what was to be sent, for each call that gives up.
const writePatience = 10 * time.Second

// endIfDoneLocked closes a retired connection for which nobody waits any more, as soon as nothing, such as a oneway
// call, is being written on it.
func (c *conn) endIfDoneLocked() {
	switch {
	case !c.retired || c.flights.waiting > 0 || c.err != nil:
	case !c.writing:
		c.err = errRetired
		c.nc.Close()
	case c.writer == nil: // else its own time-out is set, or it has all the time
		c.nc.SetWriteDeadline(time.Now().Add(writePatience))
	}
}

// retire lets the connection take no new calls.
func (c *conn) retire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retired = true
	c.endIfDoneLocked()
}

var errRetired = errors.New("the connection takes no more calls")

// stopReading gives the reading to a call that waits, if there is one.
func (c *conn) stopReading(f *flight) {
	c.mu.Lock()
	c.uncutLocked()
	next := c.flights.first // the oldest: its reply is likely the next
	for next != nil && !next.waits {
		next = next.next
	}
	c.reader = next
	c.mu.Unlock()
	if next != nil {
		next.woken <- struct{}{}
	}
}

// isSilent reports whether nothing was answered since that call began, and when that was.
func (c *conn) isSilent(f *flight, seq int32) (since time.Time, silent bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flights.get(seq) != f {
		return time.Time{}, false
	}
	return f.start, f.answers == c.answers
}

// giveUp ends the call with that sequence id, if it is still under way: its reply is to be dropped
// when it comes.
func (c *conn) giveUp(f *flight, seq int32, err error) {
	if errors.Is(err, context.DeadlineExceeded) {
		if since, silent := c.isSilent(f, seq); silent {
			c.onSilence(since)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writer == f && f.seq == seq && !c.writeCut {
		c.writeCut = true
		c.nc.SetWriteDeadline(past)
	}
	if c.flights.get(seq) != f {
		return
	}
	c.flights.abandon(f)
	c.retired = true
	f.err, f.done = err, true
	if c.reader != f {
		f.woken <- struct{}{}
	} else {
		c.cut = true
		c.nc.SetReadDeadline(past)
	}
	c.endIfDoneLocked()
}

// fail ends the connection and every call that waits.
func (c *conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
	c.nc.Close()
	for f := c.flights.first; f != nil; f = c.flights.first {
		abandoned := f.abandoned
		c.flights.remove(f)
		if abandoned {
			continue
		}
		f.err, f.done = err, true
		if c.reader != f {
			f.woken <- struct{}{}
		}
	}
}

// ended reports whether the connection is closed.
func (c *conn) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err != nil
}

// load returns how many replies are outstanding, whether calls had better go elsewhere, and false if the
// connection takes no new calls.
func (c *conn) load(now time.Time) (calls int, busy, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flights.n + c.claims, c.busyLocked(now), c.err == nil && !c.retired
}

// busyLocked reports whether the connection is congested: the oldest call has waited for long, and where
// the server lets calls overtake each other, no other was answered meanwhile either.
func (c *conn) busyLocked(now time.Time) bool {
	f := c.flights.first
	if f == nil || now.Sub(f.start) < congested {
		return false
	}
	return !c.overtake || now.Sub(c.replied) >= congested
}

// tryClaim claims the connection, unless another one may be better.
func (c *conn) tryClaim(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil || c.retired || c.busyLocked(now) || c.mayBeStaleLocked(now) {
		return false
	}
	c.claimLocked(now)
	return true
}

// mayBeStaleLocked reports whether the server may have closed the connection unnoticed: not one
// to which a call went a moment ago, since looking costs a system call.
func (c *conn) mayBeStaleLocked(now time.Time) bool {
	const believed = time.Millisecond
	return c.flights.n+c.claims == 0 && c.reader == nil && now.Sub(c.lastUsed) >= believed
}

// unproven reports whether nothing is under way on the connection, and was not since then: whether it still works
// nobody knows.
func (c *conn) unproven(since time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flights.n+c.claims == 0 && c.lastUsed.Before(since)
}

// stale reports whether the server has closed the connection while it was idle.
func (c *conn) stale(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mayBeStaleLocked(now) && !msgio.Alive(c.nc)
}
