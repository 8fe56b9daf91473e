package clientconn

import "time"

// unserved is how long a call on a connection that was never answered may wait before other connections are given up for
// it: some servers (TSimpleServer) serve one connection until its end before they accept the next, others as many as they
// have threads.
const unserved = 100 * time.Millisecond

// unservedCheck is how often the pool looks again while such a call waits.
const unservedCheck = 20 * time.Millisecond

// surplusTimeout is how long a connection besides the last used one may be idle.
const surplusTimeout = 5 * time.Second

// answered is called when the first call on x was answered.
func (p *Pool) answered(x *Conn) {
	for {
		last := p.lastAnswered.Load()
		if x.order <= last || p.lastAnswered.CompareAndSwap(last, x.order) {
			return
		}
	}
}

// upkeepAt makes the pool look after its connections at that time, if it does not do so earlier.
func (p *Pool) upkeepAt(at time.Time) {
	if earlier(&p.nextUpkeep, at) {
		p.checkAt(at)
	}
}

// upkeep looks after the connections when it is time to.
func (p *Pool) upkeep(now time.Time, conns []*Conn) {
	due := p.nextUpkeep.Load()
	if due == 0 {
		return
	}
	if now.UnixNano() < due {
		p.checkAt(time.Unix(0, due))
		return
	}
	p.nextUpkeep.Store(0)
	p.freeServer(now, conns)
	p.closeSurplus(now, conns)
	p.retire(now, conns)
}

// retire ends the connections that have reached their age, as soon as their calls are answered, and those that have been idle for as
// long as they may.
func (p *Pool) retire(now time.Time, conns []*Conn) {
	for _, c := range conns {
		if at := c.retireAt; !at.IsZero() && c.isOpen() {
			if now.Before(at) {
				p.upkeepAt(at)
			} else {
				c.drain()
			}
		}
		if p.opts.MaxIdle <= 0 {
			continue
		}
		used, ok := c.usedLast(now)
		if !ok {
			continue
		}
		if due := used.Add(p.opts.MaxIdle); now.Before(due) {
			p.upkeepAt(due)
		} else {
			c.failIdle()
		}
	}
}

// freeServer ends connections that keep a server from accepting the next: those without a call at once, one with calls as soon as
// they are answered.
//
// A connection may be waiting to be accepted only if none that was made later was answered. If the server has accepted it and
// is slow, nothing is lost but an idle connection.
func (p *Pool) freeServer(now time.Time, conns []*Conn) {
	last := p.lastAnswered.Load()
	waits := false
	for _, c := range conns {
		since, unanswered := c.unansweredSince()
		if !unanswered || c.order <= last {
			continue
		}
		if due := since.Add(unserved); now.Before(due) {
			p.upkeepAt(due)
		} else {
			waits = true
		}
	}
	if !waits {
		return
	}
	p.upkeepAt(now.Add(unservedCheck))
	var busy *Conn
	for _, c := range conns {
		switch _, unanswered := c.unansweredSince(); {
		case unanswered || !c.isOpen():
		case !c.failIdle():
			busy = c
		}
	}
	if busy != nil && p.mayFree(now) {
		busy.drain()
	}
}

// mayFree reports whether a connection with calls may be ended for others: not too often.
func (p *Pool) mayFree(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.freed) < unserved {
		return false
	}
	p.freed = now
	return true
}

// unansweredSince returns when the oldest call began on a connection that was never answered, and false if it was, or has none.
func (c *Conn) unansweredSince() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.read.replies > 0 || c.pending.first == nil {
		return time.Time{}, false
	}
	return c.pending.first.start, true
}

// closeSurplus closes the connections that were idle for surplusTimeout, except the one that was used last.
func (p *Pool) closeSurplus(now time.Time, conns []*Conn) {
	var last *Conn // that was used
	var lastUsed time.Time
	open := 0
	for _, c := range conns {
		if used, ok := c.usedLast(now); ok {
			if open++; last == nil || !used.Before(lastUsed) {
				last, lastUsed = c, used
			}
		}
	}
	if open < 2 {
		return
	}
	for _, c := range conns {
		used, ok := c.usedLast(now)
		if !ok || c == last {
			continue
		}
		if due := used.Add(surplusTimeout); now.Before(due) {
			p.upkeepAt(due)
		} else {
			c.failIdle()
		}
	}
}

// usedLast returns when a call used an open connection last, which is now if one does.
func (c *Conn) usedLast(now time.Time) (at time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending.n+c.reserved > 0 || c.write.active {
		return now, c.state == open
	}
	at = c.lastUsed
	if c.read.lastReply.After(at) {
		at = c.read.lastReply
	}
	return at, c.state == open
}
