package clientconn

import (
	"sync/atomic"
	"time"
)

// A trial has a connection carry many calls at once of a method that seems to be slow. Where client or server are short of processor
// time, calls wait for it: one alone on its connection seems to take long, and so do a few that share one, however little there is to do.
// So many calls with connections of their own can keep a machine so busy that none ever seems to be quick. What many calls on one
// connection take together tells. If the method is slow indeed, they wait for each other: so trials are rare.
type trial struct {
	latency *Latency
	size    int
	joined  int       // calls; guarded by the pool's mutex
	at      time.Time // when its first call chose the connection
	outcome atomic.Int32

	// What follows is guarded by the connection's mutex.
	conn    *Conn
	began   time.Time // zero: calls from before are not answered yet
	before  int       // calls from before
	replies int
}

const (
	trialRuns int32 = iota
	trialQuick
	trialSlow
)

const (
	// A trial is made at the earliest after so many calls that seemed to be slow; after each one that found nothing, twice as many.
	// For a method that was quick, fewer are enough: a pause of the machine may have changed that.
	trialEvery    = 4_000
	maxTrialEvery = 64 * trialEvery
	trialAgain    = 200

	// How many calls a trial has. It is made when there are twice as many connections.
	minTrial = 8
	maxTrial = 32

	// How long a trial may take, by what its calls are expected to take.
	maxTrialTime = 200 * time.Millisecond

	// trialTimeout is when a trial has failed whose calls are not answered.
	trialTimeout = time.Second

	// After a trial that found a method quick, connections still have calls from before: for so long, only what so many
	// replies say together counts.
	settling     = 200 * time.Millisecond
	settledCalls = 4
)

// joinTrialLocked returns the connection that f, which seems to be slow, uses for a trial; nil in most cases.
func (p *Pool) joinTrialLocked(f *Pending) *Conn {
	if f.speed != isMaybe && f.speed != isSlow || f.Latency == nil || p.anyOrder.Load() {
		return nil
	}
	if t := p.trial; t != nil {
		switch t.outcome.Load() {
		case trialQuick:
			p.trial, p.trialEvery = nil, trialEvery
		case trialRuns:
			if f.start.Sub(t.at) < trialTimeout {
				if t.latency == f.Latency && t.joined < t.size && t.conn.isOpen() && f.hasTimeFor(t.size) {
					t.joined++
					return t.conn
				}
				return nil
			}
			t.conn.endTrial()
			t.latency.wasQuick.Store(false)
			fallthrough
		case trialSlow:
			p.trial, p.trialEvery = nil, min(2*p.trialEvery, maxTrialEvery)
		}
	}
	size := min(len(p.conns)/2, maxTrial)
	every := p.trialEvery
	if f.Latency.wasQuick.Load() {
		every = trialAgain
	}
	if p.sinceTrial++; p.sinceTrial < every || size < minTrial || time.Duration(size)*f.expected > maxTrialTime || !f.hasTimeFor(size) {
		return nil
	}
	x, _ := p.bestLocked(f)
	if x == nil {
		return nil
	}
	p.sinceTrial = 0
	p.trial = &trial{latency: f.Latency, size: size, joined: 1, at: f.start, conn: x}
	x.beginTrial(p.trial)
	return x
}

// hasTimeFor reports whether f may wait for n calls such as it.
func (f *Pending) hasTimeFor(n int) bool {
	return f.deadline.IsZero() || f.deadline.Sub(f.start) > 4*time.Duration(n)*f.expected
}

func (c *Conn) beginTrial(t *trial) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trial = t
	if t.before = c.pending.n + c.reserved; t.before == 0 {
		t.began = t.at
	}
}

func (c *Conn) endTrial() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trial = nil
}

// answeredLocked notes a reply that came at the time now on the connection of the trial.
func (t *trial) answeredLocked(now time.Time) {
	if t.replies++; t.began.IsZero() {
		if t.replies == t.before {
			t.began, t.replies = now, 0
		}
		return
	}
	if t.replies < t.size {
		return
	}
	c := t.conn
	c.trial = nil
	each := max(0, now.Sub(t.began)-time.Duration(c.pool.rtt.Load())) / time.Duration(t.size)
	if each > quick {
		t.latency.wasQuick.Store(false)
		t.outcome.Store(trialSlow)
		return
	}
	t.latency.foundQuick(each, now)
	c.pool.preferred.Store(c)
	t.outcome.Store(trialQuick)
}

// foundQuick notes that a trial has found the method quick.
func (l *Latency) foundQuick(each time.Duration, now time.Time) {
	l.settled.Store(now.Add(settling).UnixNano())
	l.queued.ns.Store(int64(each) + 1)
	l.until.Store(now.Add(quickCounts).UnixNano())
	l.wasQuick.Store(true)
}
