package clientconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/wire"
)

// A readHalf is what a connection knows of reading. r belongs to the owner, the rest is guarded by
// the connection's mutex.
type readHalf struct {
	r           *msgio.Reader
	owner       *Pending // the call whose caller reads, nil if nobody does
	interrupted bool     // a read deadline was set, to make the owner give up
	echo        echo
	oneway      bool      // a oneway call was sent
	lastReply   time.Time // when the last replies came
	replies     uint64    // that have come
	meter       meter     // the owner's
}

// An echo says whether the server repeats sequence ids in its replies.
type echo uint8

const (
	echoUnknown echo = iota
	echoesID
	echoesNothing // replies come in the order of the calls, whatever their ids
)

// past is a deadline that ends a read or a write at once.
var past = time.Unix(1, 0)

// wait returns when f has its reply, reading if nobody else does.
func (c *Conn) wait(f *Pending) error {
	c.mu.Lock()
	switch {
	case f.done:
		c.mu.Unlock()
		<-f.wake
	case c.read.owner != nil:
		f.waits = true
		c.mu.Unlock()
		<-f.wake
		c.mu.Lock()
		if c.read.owner != f {
			c.mu.Unlock()
			break
		}
		fallthrough
	default:
		c.read.owner = f
		done := f.done // while it was about to become the owner
		c.mu.Unlock()
		if !done {
			c.readReplies(f)
		}
		c.passReading()
	}
	return f.err
}

// readReplies reads until f is done.
func (c *Conn) readReplies(f *Pending) {
	var answered pendingList // to be woken
	done := false
	var now time.Time // when the replies came that are being delivered
	for {
		msg, err := c.read.r.Next()
		if msg == nil && err == nil {
			if c.read.meter.flush() {
				c.pool.wakeWaiting()
			}
			answered.wake() // all that came with one read are woken before the next
			if done {
				return
			}
			msg, err = c.read.r.Recv()
			now = time.Now()
		}
		if msgio.IsTimeout(err) {
			if c.wasInterrupted(f) {
				return
			}
			continue
		}
		if err == nil {
			var mine bool
			mine, err = c.deliver(f, msg, now, &answered)
			done = done || mine
		} else if errors.Is(err, io.EOF) {
			err = fmt.Errorf("server closed the connection: %w", io.ErrUnexpectedEOF)
		} else {
			err = c.refused(f, err, &answered)
		}
		if err != nil {
			answered.wake()
			c.fail(err)
			return // with f.err, which may be of an earlier failure
		}
	}
}

// refused returns the error of the connection after a reply that cannot be read to its end. The call that it answers, if the reply
// begins as one, gets an error of its own: it was executed.
func (c *Conn) refused(f *Pending, err error, answered *pendingList) error {
	var unreadable *wire.Error
	if !errors.As(err, &unreadable) {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if text, ok := msgio.SASLRefusal(c.read.r.Peeked()); ok && c.read.replies == 0 {
		return &SASLWantedError{text}
	}
	h, _, headerErr := c.pool.opts.Protocol.ConsumeHeader(c.read.r.Refused())
	if headerErr != nil {
		return err
	}
	x := c.matchLocked(h)
	if x == nil || !x.abandoned && h.Name != x.Header.Name {
		return err
	}
	c.removeLocked(x)
	if !x.abandoned {
		x.err, x.done = &UnreadableReplyError{err}, true
		if x != f {
			answered.add(x)
		}
	}
	return fmt.Errorf("after the reply to another call: %w", err)
}

// wasInterrupted makes the connection readable again after a timeout, and reports whether f gave up.
func (c *Conn) wasInterrupted(f *Pending) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resumeReadingLocked()
	return f.done
}

func (c *Conn) resumeReadingLocked() {
	if c.read.interrupted {
		c.nc.SetReadDeadline(time.Time{})
		c.read.interrupted = false
	}
}

// deliver gives a reply to the call that it answers, and reports whether that is f; another call is
// added to answered. now is when it came.
func (c *Conn) deliver(f *Pending, msg []byte, now time.Time, answered *pendingList) (mine bool, err error) {
	reply, err := c.pool.opts.decode(msg)
	if err != nil {
		return false, err
	}
	h, _, err := reply.Protocol.ConsumeHeader(reply.Message)
	if err != nil {
		return false, err
	}
	if msgio.IsGoAway(h) {
		return false, &NotSentError{ErrGoAway}
	}
	c.mu.Lock()
	defer c.unlock()
	if reply.Envelope != nil && reply.Envelope.CloseSoon {
		if c.state == open {
			c.state = draining
		}
		if h.SeqID == 0 { // of no call: Kitex may say so in a frame of its own
			return false, nil
		}
	}
	x := c.matchLocked(h)
	if x == nil {
		if c.answersOnewayLocked(h) {
			return false, nil
		}
		return false, &UnknownReplyError{h.SeqID}
	}
	if c.read.replies++; c.read.replies == 1 {
		c.pool.answered(c)
	}
	if x != c.pending.first && !c.pool.anyOrder.Load() {
		c.pool.anyOrder.Store(true)
	}
	abandoned := x.abandoned
	if !abandoned {
		c.read.meter.arrived(x, now, c.read.lastReply, time.Duration(c.pool.rtt.Load()))
	}
	c.read.lastReply = now
	c.removeLocked(x)
	if c.trial != nil {
		c.trial.answeredLocked(now)
	}
	if !abandoned {
		x.Reply, x.Received, x.done = reply, len(msg), true
		if x != f {
			answered.add(x)
		}
	}
	c.closeIfDrainedLocked()
	return x == f, nil
}

// passReading makes the oldest call that waits the reader: its reply is likely the next.
func (c *Conn) passReading() {
	c.mu.Lock()
	c.resumeReadingLocked()
	next := c.pending.first
	for next != nil && !next.waits {
		next = next.next
	}
	c.read.owner = next
	c.mu.Unlock()
	if next != nil {
		next.wake <- struct{}{}
	}
}

// giveUp ends the call with that sequence id, if it is still pending: its late reply is dropped.
func (c *Conn) giveUp(f *Pending, seq int32, err error) {
	if errors.Is(err, context.DeadlineExceeded) {
		if since, silent := c.silentSince(f, seq); silent {
			c.pool.suspect(since)
		}
	}
	c.mu.Lock()
	defer c.unlock()
	if c.write.owner == f && f.seq == seq && !c.write.interrupted {
		c.write.interrupted = true
		c.nc.SetWriteDeadline(past)
	}
	if c.pending.get(seq) != f {
		return
	}
	c.pending.abandon(f)
	if c.state == open {
		c.state = draining
	}
	f.err, f.done = err, true
	if c.read.owner != f {
		f.wake <- struct{}{}
	} else {
		c.read.interrupted = true
		c.nc.SetReadDeadline(past)
	}
	c.closeIfDrainedLocked()
}
