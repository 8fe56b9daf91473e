package clientconn

import (
	"context"
	"slices"
	"sync/atomic"
	"time"
)

// checkInterval is how often a pool checks calls whose context may end at any moment; such a call
// ends at most two intervals late.
//
// Timeouts and cancelled contexts cost a short call nothing. The pool checks its connections now and
// then, and gives calls that have been pending for a while a timer of their own, or a func that
// runs when their context ends. A timeout of the client's own comes at a known time: there the
// pool checks when half of the time that is left has passed, so that hardly ever a timer is near.
// (While one is near, every wait for the network costs a timer of the kernel.)
const checkInterval = 2 * time.Millisecond

// checkAt makes the pool check deadlines at that time, if it does not do so earlier.
func (p *Pool) checkAt(at time.Time) {
	if earlier(&p.nextCheck, at) {
		p.checkTimer.Reset(time.Until(at))
	}
}

// earlier makes next, a time in Unix nanoseconds or 0 for none, at if that is earlier, and reports whether it was.
func earlier(next *atomic.Int64, at time.Time) bool {
	due := at.UnixNano()
	for {
		old := next.Load()
		if old != 0 && old <= due {
			return false
		}
		if next.CompareAndSwap(old, due) {
			return true
		}
	}
}

// checkDeadlines gives deadline timers to calls that need one, and sets the check timer again if
// others may need one later. Whoever enters such a call meanwhile sets the check timer itself.
func (p *Pool) checkDeadlines() {
	p.nextCheck.Store(0)
	now := time.Now()
	p.mu.Lock()
	p.all = slices.DeleteFunc(p.all, (*Conn).isClosed)
	conns := slices.Clone(p.all)
	p.mu.Unlock()
	for _, c := range conns {
		if next := c.checkDeadlines(now); !next.IsZero() {
			p.checkAt(next)
		}
	}
	p.upkeep(now, conns)
}

// nextCheck returns when to check f, seen from now: zero when it needs a deadline timer now.
func (f *Pending) nextCheck(now time.Time) time.Time {
	const young = checkInterval / 2
	if f.ctx.Done() != nil {
		if now.Sub(f.start) >= young {
			return time.Time{}
		}
		return now.Add(checkInterval)
	}
	left := f.deadline.Sub(now)
	if left <= 2*checkInterval {
		return time.Time{}
	}
	return now.Add(left / 2)
}

// firstCheck is nextCheck when f is entered.
func (f *Pending) firstCheck() time.Time {
	if at := f.nextCheck(f.start); !at.IsZero() {
		return at
	}
	return f.start
}

// checkDeadlines gives deadline timers to the calls that need one, and returns when to check again;
// zero if no call may need one.
func (c *Conn) checkDeadlines(now time.Time) (next time.Time) {
	var due []deadlineCall
	check := func(f *Pending) {
		if f.hasTimer || f.abandoned || !f.canEnd() {
			return
		}
		if at := f.nextCheck(now); !at.IsZero() {
			if next.IsZero() || at.Before(next) {
				next = at
			}
			return
		}
		f.hasTimer = true
		due = append(due, deadlineCall{f, f.seq, f.ctx, f.deadline, f.own})
	}
	c.mu.Lock()
	for f := c.pending.first; f != nil; f = f.next {
		check(f)
		if !next.IsZero() && next.Sub(now) <= checkInterval {
			break // the others are younger, and it is soon enough for them
		}
	}
	if f := c.write.owner; f != nil && f.Oneway {
		check(f)
	}
	c.mu.Unlock()
	for _, d := range due {
		c.setTimer(d)
	}
	return next
}

// A deadlineCall is what a deadline timer needs of a call, which may end meanwhile.
type deadlineCall struct {
	f        *Pending
	seq      int32
	ctx      context.Context
	deadline time.Time
	own      bool
}

// setTimer gives a deadline timer to a call, if it is still pending or being written.
func (c *Conn) setTimer(d deadlineCall) {
	stopContext := func() bool { return true }
	if d.ctx.Done() != nil {
		stopContext = context.AfterFunc(d.ctx, func() { c.giveUp(d.f, d.seq, d.ctx.Err()) })
	}
	stopTimer := func() bool { return true }
	if d.own {
		t := time.AfterFunc(time.Until(d.deadline), func() { c.giveUp(d.f, d.seq, contextError(d.ctx)) })
		stopTimer = t.Stop
	}
	stop := func() { stopContext(); stopTimer() }
	c.mu.Lock()
	active := c.pending.get(d.seq) == d.f || c.write.owner == d.f && d.f.seq == d.seq
	if active {
		d.f.stopTimer = stop
	}
	c.mu.Unlock()
	if !active {
		stop()
	}
}
