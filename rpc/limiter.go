package rpc

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// errOverloaded answers a call for which there was no room in time.
var errOverloaded = &Error{Code: CodeOverloaded, Message: "too many calls are under way"}

// errTooLate answers a call whose time was over before its handler could begin.
var errTooLate = &Error{Code: CodeOverloaded, Message: "the time of the call was over before it could begin"}

// A limiter bounds how many handlers run at once. Below the bound it costs a call two additions.
type limiter struct {
	max     atomic.Int64 // not above 0: no bound
	timeout atomic.Int64 // a time.Duration

	n       atomic.Int64 // that run
	waiting atomic.Int64 // len(queue)
	mu      sync.Mutex
	queue   []chan struct{} // of capacity 1: who waits, the first first
}

func newLimiter(max int, timeout time.Duration) *limiter {
	l := new(limiter)
	l.set(max, timeout)
	return l
}

// set replaces the bound, and how long the calls from now on wait. Calls that wait are let in if there is room then.
func (l *limiter) set(max int, timeout time.Duration) {
	l.max.Store(int64(max))
	l.timeout.Store(int64(timeout))
	l.admit()
}

func (l *limiter) wait() time.Duration { return time.Duration(l.timeout.Load()) }

// acquire waits for room, and reports whether there was some in time, which is over at the latest when ctx ends, and whether it had to
// wait. With it goes one release.
func (l *limiter) acquire(ctx context.Context) (ok, waited bool) {
	if l.tryAcquire() {
		return true, false
	}
	return l.await(ctx), true
}

func (l *limiter) tryAcquire() bool {
	if n, max := l.n.Add(1), l.max.Load(); n <= max || max <= 0 {
		return true
	}
	l.n.Add(-1)
	return false
}

func (l *limiter) await(ctx context.Context) bool {
	l.mu.Lock()
	turn := make(chan struct{}, 1)
	l.queue = append(l.queue, turn)
	l.waiting.Add(1)
	l.mu.Unlock()
	l.admit() // room may have come before release could see that somebody waits
	timer := time.NewTimer(l.wait())
	defer timer.Stop()
	select {
	case <-turn:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.queue, turn)
	if i < 0 { // its turn came at the last moment
		return true
	}
	l.queue = slices.Delete(l.queue, i, i+1)
	l.waiting.Add(-1)
	return false
}

func (l *limiter) release() {
	l.n.Add(-1)
	if l.waiting.Load() > 0 {
		l.admit()
	}
}

// admit lets those who wait longest in, as long as there is room.
func (l *limiter) admit() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) > 0 && l.tryAcquire() {
		l.queue[0] <- struct{}{}
		l.queue = slices.Delete(l.queue, 0, 1)
		l.waiting.Add(-1)
	}
}
