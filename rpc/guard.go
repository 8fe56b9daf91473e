package rpc

import (
	"context"
	"slices"
	"time"
)

// Time-outs and cancelled contexts cost a call nothing as long as it is short. A client whose calls
// have deadlines or contexts that can end looks at its connections every tick, while it has such
// calls; those that have been under way for most of one get a guard: a timer, or a func that runs
// when their context ends. So a call gives up at most two ticks late.
const tick = 2 * time.Millisecond

// startTicking sets the ticker, unless it is set.
func (p *pool) startTicking() {
	if !p.ticking.Load() && p.ticking.CompareAndSwap(false, true) {
		p.ticker.Reset(tick)
	}
}

// tick gives guards to calls, and sets the ticker again if there were calls that may need some.
// Whoever enters such a call while it looks sets the ticker itself.
func (p *pool) tick() {
	p.ticking.Store(false)
	now := time.Now()
	p.mu.Lock()
	p.all = slices.DeleteFunc(p.all, (*conn).ended)
	conns := slices.Clone(p.all)
	p.mu.Unlock()
	more := false
	for _, c := range conns {
		if c.guard(now) {
			more = true
		}
	}
	if more {
		p.startTicking()
	}
}

// guard gives guards to the calls that have been under way for a while. It reports whether there
// were calls that may need some since it last looked, or are.
func (c *conn) guard(now time.Time) (more bool) {
	const while = tick / 2
	var old []guarded
	c.mu.Lock()
	more = c.guarded
	c.guarded = false
	see := func(f *flight) {
		if f.watched || f.abandoned || !f.guardable() {
			return
		}
		more = true
		if now.Sub(f.start) >= while {
			f.watched = true
			old = append(old, guarded{f, f.seq, f.ctx, f.deadline, f.own})
		}
	}
	for f := c.flights.first; f != nil && now.Sub(f.start) >= while; f = f.next {
		see(f)
	}
	if c.writer != nil && c.writer.oneway {
		see(c.writer)
	}
	c.mu.Unlock()
	for _, g := range old {
		c.attach(g)
	}
	return more
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
