package clientconn

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// quick is how long a server works at most on a call whose connection is worth sharing for the work that it saves.
	quick = 300 * time.Microsecond

	// unknownTime stands for the time of a call of a method of which none was answered yet.
	unknownTime = 10 * time.Millisecond

	// A method that was seen only by calls which had their connections for themselves, and took longer than quick but no longer
	// than maybeQuick, may be quick: calls of it share a connection to find out, so many at once.
	maybeQuick = 5 * time.Millisecond
	maybeCalls = 4

	// How long it counts what calls took that were queued, if they were quick or not.
	quickCounts = time.Second
	slowCounts  = 10 * time.Second
)

// A speed is what a client expects of a call.
type speed uint8

const (
	isUnknown speed = iota // no call of the method was answered yet
	isQuick
	isMaybe // seems to be slow
	isSlow
)

// A Latency is how long a server works on a call of one method, as far as a client can see: without the time on the way,
// and without the calls before it. The zero value knows nothing. It may be used by any number of goroutines.
//
// A call that had its connection for itself shows at most how long it can have taken: where client or server are short of
// processor time, most of that was waiting. Replies that follow one another show the time itself, because the server began
// with a call when it had answered the one before.
type Latency struct {
	alone  average
	queued average
	until  atomic.Int64 // how long queued counts, in Unix nanoseconds

	settled  atomic.Int64 // until when few replies say nothing, likewise
	wasQuick atomic.Bool  // many replies at once have shown that it was, and no trial since has shown that it is not
}

// An average of durations; 0 is none, and anything else one nanosecond more.
type average struct{ ns atomic.Int64 }

func (a *average) get() (time.Duration, bool) {
	ns := a.ns.Load()
	return time.Duration(ns - 1), ns != 0
}

// add notes a duration, which counts for half, and reports whether it is the first.
func (a *average) add(d time.Duration) (first bool) {
	old, known := a.get()
	if known {
		d = old + (d-old)/2
	}
	if !known || d != old {
		a.ns.Store(int64(max(d, 0)) + 1)
	}
	return !known
}

// estimate returns the time of a call and what to think of it. now is any time of the last moments.
func (l *Latency) estimate(now time.Time) (time.Duration, speed) {
	if l == nil {
		return unknownTime, isUnknown
	}
	alone, known := l.alone.get()
	queued, measured := l.queued.get()
	measured = measured && now.UnixNano() < l.until.Load()
	switch {
	case known && alone <= quick && (!measured || alone <= queued):
		return alone, isQuick
	case measured && queued <= quick:
		return queued, isQuick
	case measured:
		return queued, isSlow
	case !known:
		return unknownTime, isUnknown
	case alone <= maybeQuick:
		return alone, isMaybe
	}
	return alone, isSlow
}

// add notes the time of a call, which was queued after others or alone, and ended at the time now, with n in all. It reports whether
// it is the first of the method.
func (l *Latency) add(d time.Duration, n int, queued bool, now time.Time) (first bool) {
	if l == nil {
		return false
	}
	if !queued {
		return l.alone.add(d)
	}
	if n < settledCalls && d > quick && now.UnixNano() < l.settled.Load() {
		return false
	}
	if n >= minTrial && d <= quick && !l.wasQuick.Load() {
		l.wasQuick.Store(true)
	}
	if old, known := l.queued.get(); known && old <= quick {
		d = min(d, 4*old+quick/4) // one pause, of the garbage collection or of the scheduler, does not make a method slow
	}
	first = l.queued.add(d)
	counts := quickCounts
	if d, _ := l.queued.get(); d > quick {
		counts = slowCounts
	}
	const step = int64(quickCounts / 16) // so that not every call writes
	if until, old := now.Add(counts).UnixNano(), l.until.Load(); until-old > step || old-until > step {
		l.until.Store(until)
	}
	return first
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

// expect notes what is expected of f, when it is about to use a connection.
func (f *Pending) expect() {
	if f.Oneway { // nobody knows, and nobody waits
		f.expected, f.speed = 0, isQuick
		return
	}
	f.expected, f.speed = f.Latency.estimate(f.start)
}

// work is what a connection has to do: calls that have chosen it and are not answered yet.
type work struct {
	calls    int
	slow     int           // of them not known to be quick, nor maybe
	maybe    int           // of them
	expected time.Duration // that all take together
}

// add adds f n times.
func (w *work) add(f *Pending, n int) {
	w.calls += n
	w.expected += time.Duration(n) * f.expected
	switch f.speed {
	case isUnknown, isSlow:
		w.slow += n
	case isMaybe:
		w.maybe += n
	}
}

// shares reports whether f may wait for what is there on a connection that is answered in order.
func (w *work) shares(f *Pending) bool {
	switch {
	case w.calls == 0:
		return true
	case w.slow > 0 || f.speed == isUnknown || f.speed == isSlow:
		return false
	case w.maybe > 0 || f.speed == isMaybe:
		return w.calls < maybeCalls
	}
	return true
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

// flush ends a read: its calls share the time. It reports whether one was the first of its method.
func (m *meter) flush() (first bool) {
	if len(m.calls) == 0 {
		return false
	}
	each := m.elapsed / time.Duration(len(m.calls))
	for i, l := range m.calls {
		first = l.add(each, len(m.calls), m.queued, m.now) || first
		m.calls[i] = nil
	}
	m.calls = m.calls[:0]
	return first
}
