package limit

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// QueueOptions are the settings of a [Queue].
type QueueOptions struct {
	// InFlight is how many calls may run at once, of all methods and callers. It must be above 0, unless Adaptive is set: then it is
	// what the limit begins with, 0 meaning 40.
	InFlight int

	// Adaptive finds the limit while the server runs, from how many calls end in a second and how long they take. It stays between
	// MinInFlight and MaxInFlight; 0 means 4 and 10,000.
	Adaptive                 bool
	MinInFlight, MaxInFlight int

	// QueueTime is how long a call may wait at most; 0 means 100 ms. When the queue has not been empty for that time, the server has
	// more to do than it can: from then on calls are refused after a twentieth of it (CoDel's idea of a standing queue), except a few
	// which keep the server busy.
	QueueTime time.Duration

	// MaxQueue is how many calls may wait at once; 0 means 1,000. A call above takes the place of one that is less important, or that
	// is the last of a caller with more of them; else it is refused.
	MaxQueue int

	// Key is the name of metadata that tells callers apart, as in [Rule]; "" takes their principals, or addresses.
	Key string

	// Priority returns the priority of a call, such as one that the method or the principal decides; nil means what the
	// caller asks for, who should be one that is trusted ([rpc.AskedPriority]), else what the IDL says ([rpc.DeclaredPriority]).
	Priority func(ctx context.Context, svc *schema.Service, m *schema.Method) rpc.Priority
}

// withDefaults returns the options with the defaults in place of zeros, or what is wrong with them.
func (o QueueOptions) withDefaults() (QueueOptions, error) {
	switch {
	case o.InFlight < 0 || o.MinInFlight < 0 || o.MaxInFlight < 0 || o.QueueTime < 0 || o.MaxQueue < 0:
		return o, errors.New("limit: a bound of the queue is less than 0")
	case o.InFlight == 0 && !o.Adaptive:
		return o, errors.New("limit: the queue has no InFlight, and is not Adaptive")
	case !o.Adaptive && (o.MinInFlight > 0 || o.MaxInFlight > 0):
		return o, errors.New("limit: MinInFlight and MaxInFlight are for an Adaptive queue")
	}
	o.QueueTime = cmp.Or(o.QueueTime, 100*time.Millisecond)
	o.MaxQueue = cmp.Or(o.MaxQueue, 1000)
	if o.Priority == nil {
		o.Priority = func(ctx context.Context, svc *schema.Service, m *schema.Method) rpc.Priority {
			p, ok := rpc.AskedPriority(ctx)
			if !ok {
				p, _ = rpc.DeclaredPriority(svc, m)
			}
			return p
		}
	}
	if o.Adaptive {
		o.InFlight, o.MinInFlight, o.MaxInFlight = cmp.Or(o.InFlight, 40), cmp.Or(o.MinInFlight, 4), cmp.Or(o.MaxInFlight, 10_000)
		if o.MinInFlight > o.MaxInFlight {
			return o, errors.New("limit: MinInFlight is more than MaxInFlight")
		}
		o.InFlight = min(max(o.InFlight, o.MinInFlight), o.MaxInFlight)
	}
	return o, nil
}

// A Queue is a [rpc.Gate] that bounds how many calls of a server run at once, and for how long the others wait for their turn.
//
//	queue, err := limit.NewQueue(limit.QueueOptions{Adaptive: true})
//	server := thriftkit.NewServer(thriftkit.WithGate(guard, limits, queue))
//
// The most important calls go first, see [rpc.Priority]; among calls of one priority callers take turns, each with the call that waits
// longest, so that one with many calls does not hold up those with few. A call whose time is over in the queue, or for which the queue has no room, is
// refused with [rpc.CodeOverloaded] and a push-back: it was not begun. It should be the last gate of a server, since calls that others
// refuse need no turn. A Queue is safe for concurrent use.
type Queue struct {
	refused atomic.Int64

	mu      sync.Mutex
	opts    QueueOptions
	limit   int
	auto    limiter // nil: the limit does not change
	running int
	waiting int
	classes [rpc.NumPriorities]class
	filled  time.Time // when the queue was last empty, if there is a call in it
	shed    time.Time // when calls that have waited too long were last looked for
}

// A limiter finds a limit.
type limiter interface {
	// ended learns that a call has ended at now, which took d, and whether it failed, with the limit as it was. It returns the limit from
	// now on.
	ended(now time.Time, d time.Duration, failed bool, running, limit int) int
}

// A class has the calls of one priority that wait.
type class struct {
	lines []*line          // not empty; the next call is the first one of the first
	of    map[string]*line // the same, by caller
}

// A line has the calls of one caller that wait, the one that has waited longest first.
type line struct {
	caller string
	calls  []*waiter
}

// A waiter is a call that waits.
type waiter struct {
	answer chan bool // of capacity 1: whether it has a turn
	since  time.Time
}

// NewQueue returns an empty queue.
func NewQueue(opts QueueOptions) (*Queue, error) {
	q := new(Queue)
	if err := q.Set(opts); err != nil {
		return nil, err
	}
	return q, nil
}

// Set replaces the settings for the calls from now on, and begins with their InFlight. Calls that wait stay where they are. After an
// error the settings are as before.
func (q *Queue) Set(opts QueueOptions) error {
	opts, err := opts.withDefaults()
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.opts, q.limit, q.auto = opts, opts.InFlight, nil
	if opts.Adaptive {
		q.auto = newAdaptive()
	}
	q.admitLocked()
	return nil
}

// QueueStats are the numbers of a [Queue].
type QueueStats struct {
	Limit   int   // how many calls may run
	Running int   // how many do
	Waiting int   // calls in the queue
	Refused int64 // calls that were refused since the queue was made
}

// Stats returns the numbers of the queue now.
func (q *Queue) Stats() QueueStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	return QueueStats{Limit: q.limit, Running: q.running, Waiting: q.waiting, Refused: q.refused.Load()}
}

// Admit implements [rpc.Gate].
func (q *Queue) Admit(ctx context.Context, svc *schema.Service, m *schema.Method) (context.Context, rpc.Leave, error) {
	if q.begin() {
		return nil, q.leave(), nil
	}
	q.mu.Lock()
	opts := q.opts
	q.mu.Unlock()
	rank, caller := opts.Priority(ctx, svc, m).Rank(), callerOf(ctx, opts.Key)
	if !q.wait(ctx, rank, caller, opts.QueueTime) {
		q.refused.Add(1)
		rpc.PushBack(ctx, opts.QueueTime)
		return nil, nil, errTooMany
	}
	return nil, q.leave(), nil
}

// begin has a call begin if there is room and no other waits for it, and reports whether it does.
func (q *Queue) begin() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running >= q.limit || q.waiting > 0 {
		return false
	}
	q.running++
	return true
}

// leave returns what ends a call that begins now. Calls that were refused after all say nothing of how long calls take.
func (q *Queue) leave() rpc.Leave {
	begun := time.Now()
	return func(outcome rpc.Outcome, err error) {
		now := time.Now()
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.auto != nil && outcome != rpc.OutcomeRefused {
			q.limit = min(max(q.auto.ended(now, now.Sub(begun), err != nil, q.running, q.limit), q.opts.MinInFlight), q.opts.MaxInFlight)
		}
		q.running--
		q.shedLocked(now)
		q.admitLocked()
	}
}

// wait has a call wait for its turn, and reports whether that came. Then it is among those that run.
func (q *Queue) wait(ctx context.Context, rank int, caller string, most time.Duration) bool {
	w := q.enter(rank, caller)
	if w == nil {
		return false
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case ok := <-w.answer:
		return ok
	case <-timer.C:
	case <-ctx.Done():
	}
	return q.abandon(w, rank, caller)
}

// enter puts a call into the queue; nil if there is no room.
func (q *Queue) enter(rank int, caller string) *waiter {
	w := &waiter{answer: make(chan bool, 1), since: time.Now()}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.shedLocked(w.since)
	if q.waiting >= q.opts.MaxQueue && !q.makeRoomLocked(rank, caller) {
		return nil
	}
	q.pushLocked(w, rank, caller)
	q.admitLocked()
	return w
}

// abandon takes a call out of the queue that waits no longer, and reports whether its turn came at the last moment.
func (q *Queue) abandon(w *waiter, rank int, caller string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case ok := <-w.answer:
		return ok
	default:
	}
	l := q.classes[rank].of[caller]
	q.removeLocked(rank, l, slices.Index(l.calls, w))
	return false
}

func (q *Queue) pushLocked(w *waiter, rank int, caller string) {
	if q.waiting == 0 {
		q.filled = w.since
	}
	q.waiting++
	c := &q.classes[rank]
	l := c.of[caller]
	if l == nil {
		if c.of == nil {
			c.of = make(map[string]*line)
		}
		l = &line{caller: caller}
		c.of[caller] = l
		c.lines = append(c.lines, l)
	}
	l.calls = append(l.calls, w)
}

// removeLocked takes a call out of the queue.
func (q *Queue) removeLocked(rank int, l *line, i int) *waiter {
	w := l.calls[i]
	l.calls = slices.Delete(l.calls, i, i+1)
	q.waiting--
	if len(l.calls) == 0 {
		c := &q.classes[rank]
		delete(c.of, l.caller)
		at := slices.Index(c.lines, l)
		c.lines = slices.Delete(c.lines, at, at+1)
	}
	return w
}

// refuseLocked ends the waiting of a call.
func (q *Queue) refuseLocked(rank int, l *line, i int) { q.removeLocked(rank, l, i).answer <- false }

// admitLocked lets in those whose turn it is, as long as there is room.
func (q *Queue) admitLocked() {
	for rank := 0; rank < len(q.classes) && q.running < q.limit; {
		c := &q.classes[rank]
		if len(c.lines) == 0 {
			rank++
			continue
		}
		l := c.lines[0]
		q.running++
		q.removeLocked(rank, l, 0).answer <- true
		if len(l.calls) > 0 { // it is the next caller's turn
			c.lines = append(slices.Delete(c.lines, 0, 1), l)
		}
	}
}

const (
	// shedEvery is how often calls that have waited too long are looked for at most: that looks at all callers.
	shedEvery = time.Millisecond

	// keepWaiting is how many calls are left in a standing queue, whatever they have waited: so that one that ends is followed by another.
	keepWaiting = 4
)

// shedLocked refuses what has waited too long in a standing queue, the least important calls first. QueueTime is not its concern.
func (q *Queue) shedLocked(now time.Time) {
	if q.waiting <= keepWaiting || now.Sub(q.filled) < q.opts.QueueTime || now.Sub(q.shed) < shedEvery {
		return
	}
	q.shed = now
	late := now.Add(-q.opts.QueueTime / 20)
	for rank := len(q.classes) - 1; rank >= 0; rank-- {
		lines := q.classes[rank].lines
		for i := len(lines) - 1; i >= 0; i-- { // from the last, as lines that get empty are removed
			for l := lines[i]; len(l.calls) > 0 && l.calls[0].since.Before(late); {
				if q.waiting <= keepWaiting {
					return
				}
				q.refuseLocked(rank, l, 0)
			}
		}
	}
}

// makeRoomLocked refuses a call that waits in favor of one with this rank and caller, unless that is as little worth.
func (q *Queue) makeRoomLocked(rank int, caller string) bool {
	for r := len(q.classes) - 1; r >= rank; r-- {
		c := &q.classes[r]
		if len(c.lines) == 0 {
			continue
		}
		longest := slices.MaxFunc(c.lines, func(a, b *line) int { return len(a.calls) - len(b.calls) })
		if own := c.of[caller]; r == rank && (own == nil && len(longest.calls) < 2 || own != nil && len(longest.calls) <= len(own.calls)+1) {
			return false
		}
		q.refuseLocked(r, longest, len(longest.calls)-1)
		return true
	}
	return false
}
