package rpc

import (
	"context"
	"slices"
	"time"
)

// Time-outs and cancelled contexts cost a call nothing as long as it is short. A client whose calls
// may give up looks at its connections now and then, and gives those a guard that have been under way for
// a while: a timer, or a func that runs when their context ends.
//
// A context may end at any moment: while there are calls with such contexts it looks every tick, and a call
// gives up at most two ticks late. A time-out of the client's own comes when it comes: there it looks when half of the time that is
// left has passed, so that hardly ever a timer is near. (A near one costs every wait for the network a
// timer of the kernel's.)
const tick = 2 * time.Millisecond

// lookAt makes the client look at its connections at that time, if it does not do so earlier.
func (p *pool) lookAt(at time.Time) {
	due := at.UnixNano()
	for {
		next := p.nextLook.Load()
		if next != 0 && next <= due {
			return
		}
		if p.nextLook.CompareAndSwap(next, due) {
			p.ticker.Reset(time.Until(at))
			return
		}
	}
}

// tick gives guards to calls, and sets the ticker again if there are calls that may need some.
// Whoever enters such a call while it looks sets the ticker itself.
func (p *pool) tick() {
	p.nextLook.Store(0)
	now := time.Now()
	p.mu.Lock()
	p.all = slices.DeleteFunc(p.all, (*conn).ended)
	conns := slices.Clone(p.all)
	p.mu.Unlock()
	for _, c := range conns {
		if next := c.guard(now); !next.IsZero() {
			p.lookAt(next)
		}
	}
}

// look returns when f is to be looked at, seen from now: zero when it needs a guard now.
func (f *flight) look(now time.Time) time.Time {
	const while = tick / 2
	if f.ctx.Done() != nil {
		if now.Sub(f.start) >= while {
			return time.Time{}
		}
		return now.Add(tick)
	}
	left := f.deadline.Sub(now)
	if left <= 2*tick {
		return time.Time{}
	}
	return now.Add(left / 2)
}

// firstLook is look when f is entered.
func (f *flight) firstLook() time.Time {
	if at := f.look(f.start); !at.IsZero() {
		return at
	}
	return f.start
}

// guard gives guards to the calls that need one, and returns when to look again; zero if there is no
// call that may need one.
func (c *conn) guard(now time.Time) (next time.Time) {
	var old []guarded
	see := func(f *flight) {
		if f.watched || f.abandoned || !f.guardable() {
			return
		}
		if at := f.look(now); !at.IsZero() {
			if next.IsZero() || at.Before(next) {
				next = at
			}
			return
		}
		f.watched = true
		old = append(old, guarded{f, f.seq, f.ctx, f.deadline, f.own})
	}
	c.mu.Lock()
	for f := c.flights.first; f != nil; f = f.next {
		see(f)
		if !next.IsZero() && next.Sub(now) <= tick {
			break // the others are younger, and it is soon enough for them
		}
	}
	if c.writer != nil && c.writer.oneway {
		see(c.writer)
	}
	c.mu.Unlock()
	for _, g := range old {
		c.attach(g)
	}
	return next
}

// guarded is what a guard needs of a call, which may end meanwhile.
type guarded struct {
	f        *flight
	seq      int32
	ctx      context.Context
	deadline time.Time
	own      bool
}

// attach gives a guard to a call, if it is still under way.
func (c *conn) attach(g guarded) {
	stopContext := func() bool { return true }
	if g.ctx.Done() != nil {
		stopContext = context.AfterFunc(g.ctx, func() { c.giveUp(g.f, g.seq, g.ctx.Err()) })
	}
	stopTimer := func() bool { return true }
	if g.own {
		t := time.AfterFunc(time.Until(g.deadline), func() { c.giveUp(g.f, g.seq, contextError(g.ctx)) })
		stopTimer = t.Stop
	}
	stop := func() { stopContext(); stopTimer() }
	c.mu.Lock()
	underWay := c.flights.get(g.seq) == g.f || c.writer == g.f && g.f.seq == g.seq
	if underWay {
		g.f.unguard = stop
	}
	c.mu.Unlock()
	if !underWay {
		stop()
	}
}
