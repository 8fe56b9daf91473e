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

// freeServer ends connections that keep a server from accepting the next: those without a call at once, one with calls as soon as
// they are answered. It returns when to look again, zero if no connection waits to be served.
//
// A connection may be waiting to be accepted only if none that was made later was answered. If the server has accepted it and
// is slow, nothing is lost but an idle connection.
func (p *Pool) freeServer(now time.Time, conns []*Conn) time.Time {
	last := p.lastAnswered.Load()
	var next time.Time
	waits := false
	for _, c := range conns {
		since, unanswered := c.unansweredSince()
		if !unanswered || c.order <= last {
			continue
		}
		if due := since.Add(unserved); now.Before(due) {
			next = earlier(next, due)
		} else {
			waits = true
			next = earlier(next, now.Add(unservedCheck))
		}
	}
	if !waits {
		return next
	}
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
	return next
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

// closeSurplus closes the connections that were idle for surplusTimeout, except the one that was used last. It returns when to look
// again, zero if that is not needed.
func (p *Pool) closeSurplus(now time.Time, conns []*Conn) (next time.Time) {
	var last *Conn
	var lastUsed time.Time
	used := make([]time.Time, len(conns))
	open := 0
	for i, c := range conns {
		var ok bool
		if used[i], ok = c.usedLast(now); !ok {
			continue
		}
		if open++; last == nil || !used[i].Before(lastUsed) {
			last, lastUsed = c, used[i]
		}
	}
	if open < 2 {
		return time.Time{}
	}
	for i, c := range conns {
		if c == last || used[i].IsZero() {
			continue
		}
		if due := used[i].Add(surplusTimeout); now.Before(due) {
			next = earlier(next, due)
		} else {
			c.failIdle()
		}
	}
	return next
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

// earlier returns the earlier of two times, of which zero ones do not count.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// upkeep looks after the connections, and returns when to do so again, zero if that is not needed.
func (p *Pool) upkeep(now time.Time, conns []*Conn) time.Time {
	next := p.freeServer(now, conns)
	next = earlier(next, p.closeSurplus(now, conns))
	return next
}
