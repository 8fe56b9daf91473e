package clientconn

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// quick is how long a server works on a call at most whose connection is worth sharing for the work that it saves.
	quick = 200 * time.Microsecond

	// quickWait is how long a quick call may be expected to wait for the others of its connection, slowWait how long any other.
	quickWait = 2 * time.Millisecond
	slowWait  = 100 * time.Microsecond

	// unknownTime stands for the time of a call of a method of which none was answered yet.
	unknownTime = 10 * time.Millisecond
)

// A Latency is how long a server works on a call of one method, as far as a client can see: without the time on the way,
// and without the calls before it. The zero value knows nothing. It may be used by any number of goroutines.
//
// A call that had its connection for itself shows at most how long it can have taken: where client or server are short of
// processor time, most of that was waiting. A reply that follows another one shows the time itself, because the server began
// with the call when it had answered the one before. So of methods that seem to be slow, a call now and then shares a connection.
type Latency struct {
	alone  average
	queued average
	until  atomic.Int64  // how long queued counts, in Unix nanoseconds
	calls  atomic.Uint64 // that were not to share a connection
}

const (
	queuedCounts = time.Second
	tryEvery     = 128                  // calls, one of which shares a connection for a measurement
	tryBelow     = 5 * time.Millisecond // of an estimate, because the call will wait for so long
)

// An average of durations; 0 is none, and anything else one nanosecond more.
type average struct{ ns atomic.Int64 }

func (a *average) get() (time.Duration, bool) {
	ns := a.ns.Load()
	return time.Duration(ns - 1), ns != 0
}

// add notes a duration, which counts for half.
func (a *average) add(d time.Duration) {
	old, known := a.get()
	if known {
		d = old + (d-old)/2
	}
	if !known || d != old {
		a.ns.Store(int64(max(d, 0)) + 1)
	}
}

// estimate returns the time of a call, and false if none was seen. now is any time of the last moments.
func (l *Latency) estimate(now time.Time) (time.Duration, bool) {
	if l == nil {
		return unknownTime, false
	}
	alone, known := l.alone.get()
	if queued, ok := l.queued.get(); ok && (!known || queued < alone) && now.UnixNano() < l.until.Load() {
		return queued, true
	}
	if !known {
		return unknownTime, false
	}
	return alone, true
}

// add notes the time of a call, which was queued after others or alone, and ended at the time now.
func (l *Latency) add(d time.Duration, queued bool, now time.Time) {
	switch {
	case l == nil:
	case queued:
		l.queued.add(d)
		if until := now.Add(queuedCounts).UnixNano(); until > l.until.Load()+int64(queuedCounts/16) {
			l.until.Store(until)
		}
	default:
		l.alone.add(d)
	}
}

// try reports whether a call that should not share a connection shall do so for once.
func (l *Latency) try(estimate time.Duration) bool {
	return l != nil && estimate < tryBelow && l.calls.Add(1)%tryEvery == 0
}

// Latencies keeps a Latency for each method, by a key that is the caller's choice. The zero value is ready. It forgets all when
// there are more methods than a program calls: then most are of schemas that were loaded again.
type Latencies struct {
	byMethod sync.Map // of *Latency
	n        atomic.Int64
}

const maxMethods = 10_000

// Of returns the Latency of a method.
func (l *Latencies) Of(method any) *Latency {
	if x, ok := l.byMethod.Load(method); ok {
		return x.(*Latency)
	}
	x, loaded := l.byMethod.LoadOrStore(method, new(Latency))
	if !loaded && l.n.Add(1) > maxMethods {
		l.byMethod.Clear()
		l.n.Store(0)
	}
	return x.(*Latency)
}

// expect notes how long f is expected to take, when it is about to use a connection.
func (f *Pending) expect() {
	f.tries = false
	if f.Oneway { // nobody knows
		f.expected, f.known = 0, true
		return
	}
	f.expected, f.known = f.Latency.estimate(f.start)
}

// patience is how long f may be expected to wait for other calls of its connection.
func (f *Pending) patience() time.Duration {
	switch {
	case !f.known:
		return 0
	case f.expected <= quick:
		return quickWait
	}
	return slowWait
}

// A meter tells how long the server worked on the calls whose replies one read has brought. It belongs to the owner of the
// read half.
type meter struct {
	calls   []*Latency
	elapsed time.Duration // since the first of them could be begun
	queued  bool          // it followed another reply, or others followed it
	now     time.Time
}

// arrived notes a reply to x that came at the time now, on a connection whose reply before came at last.
func (m *meter) arrived(x *Pending, now, last time.Time, rtt time.Duration) {
	switch {
	case len(m.calls) > 0:
		m.queued = true
	case x.start.Before(last):
		m.elapsed, m.queued, m.now = now.Sub(last), true, now
	default:
		m.elapsed, m.queued, m.now = max(0, now.Sub(x.start)-rtt), false, now
	}
	m.calls = append(m.calls, x.Latency)
}

// flush ends a read: its calls share the time.
func (m *meter) flush() {
	if len(m.calls) == 0 {
		return
	}
	each := m.elapsed / time.Duration(len(m.calls))
	for i, l := range m.calls {
		l.add(each, m.queued, m.now)
		m.calls[i] = nil
	}
	m.calls = m.calls[:0]
}
