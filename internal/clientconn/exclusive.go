package clientconn

import (
	"slices"
	"time"
)

// With Options.Exclusive a connection carries one call at a time.

// exclusive returns a connection for f alone, which release takes back.
func (p *Pool) exclusive(f *Pending) (*Conn, error) {
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, ErrClosed
		}
		if n := len(p.idle); n > 0 {
			x := p.idle[n-1]
			p.idle = p.idle[:n-1]
			p.mu.Unlock()
			if x.tryReserve(f) {
				return x, nil
			}
			if x.stale(f.start) {
				x.failIdle()
			}
			if x.isOpen() {
				x.reserve(f)
				return x, nil
			}
			p.drop(x)
			continue
		}
		if len(p.conns)+p.dialing < p.opts.MaxConns {
			if wait := p.backoff.err(f.start); wait != nil {
				p.mu.Unlock()
				return nil, wait
			}
			p.dialing++
			p.mu.Unlock()
			return p.dialExclusive(f)
		}
		waiting := make(chan *Conn, 1)
		p.waiting = append(p.waiting, waiting)
		p.mu.Unlock()
		if x, err := p.await(f, waiting); x != nil || err != nil {
			return x, err
		}
	}
}

// dialExclusive makes a connection for f, for which dialing was counted.
func (p *Pool) dialExclusive(f *Pending) (*Conn, error) {
	x, err := p.dialFor(f)
	p.mu.Lock()
	p.dialing--
	p.backoff.dialled(f, err)
	switch {
	case err != nil:
		p.nextLocked(nil)
		p.mu.Unlock()
		return nil, err
	case p.closed:
		p.mu.Unlock()
		x.fail(ErrClosed)
		return nil, ErrClosed
	}
	f.start = time.Now()
	x.reserve(f)
	p.addLocked(x)
	p.mu.Unlock()
	return x, nil
}

// await waits for a connection that another call gives back; nil means that it is worthwhile to look
// again.
func (p *Pool) await(f *Pending, waiting chan *Conn) (*Conn, error) {
	ctx, cancel := f.context()
	defer cancel()
	select {
	case x := <-waiting:
		if x != nil {
			x.reserve(f)
		}
		return x, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, waiting); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	} else if x := <-waiting; x != nil {
		p.releaseLocked(x)
	} else {
		p.nextLocked(nil)
	}
	return nil, ctx.Err()
}

// release takes back a connection that exclusive returned.
func (p *Pool) release(x *Conn) {
	if !x.isOpen() {
		p.drop(x)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.releaseLocked(x)
}

func (p *Pool) releaseLocked(x *Conn) {
	if !p.nextLocked(x) && !p.closed {
		p.idle = append(p.idle, x)
	}
}

// nextLocked gives x, or with nil the chance to dial, to the call that has waited longest, and reports
// whether one waits.
func (p *Pool) nextLocked(x *Conn) bool {
	if len(p.waiting) == 0 {
		return false
	}
	p.waiting[0] <- x
	p.waiting = slices.Delete(p.waiting, 0, 1)
	return true
}

// drop removes a connection that takes no more calls.
func (p *Pool) drop(x *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.conns, x); i >= 0 {
		p.conns = slices.Delete(p.conns, i, i+1)
	}
	p.nextLocked(nil)
}
