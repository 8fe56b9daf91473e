package rpc

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(2, time.Second)
		for range 2 {
			if ok, _ := l.acquire(t.Context()); !ok {
				t.Fatal("there is no room for two")
			}
		}
		start := time.Now()
		if ok, _ := l.acquire(t.Context()); ok {
			t.Error("there is room for a third")
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("it waited %v, want 1 s", d)
		}
		time.AfterFunc(300*time.Millisecond, l.release)
		start = time.Now()
		if ok, _ := l.acquire(t.Context()); !ok || time.Since(start) != 300*time.Millisecond {
			t.Errorf("what was released was there after %v, want 300 ms", time.Since(start))
		}
		l.release()
		l.release()
		if l.n.Load() != 0 || l.waiting.Load() != 0 || len(l.queue) != 0 {
			t.Errorf("left: %d, %d, %d", l.n.Load(), l.waiting.Load(), len(l.queue))
		}
	})
}

func TestNoLimit(t *testing.T) {
	for _, max := range []int{0, -1} {
		l := newLimiter(max, 0)
		for range 100 {
			if ok, _ := l.acquire(t.Context()); !ok {
				t.Fatal("there is a bound")
			}
		}
	}
}

// TestLimiterBusy has many more callers than room: never are there too many, and all have their turn.
func TestLimiterBusy(t *testing.T) {
	const max, callers, calls = 3, 50, 200
	l := newLimiter(max, time.Minute)
	var running, most atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range calls {
				if ok, _ := l.acquire(t.Context()); !ok {
					t.Error("no room within a minute")
					return
				}
				n := running.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				running.Add(-1)
				l.release()
			}
		})
	}
	wg.Wait()
	if most.Load() > max || l.n.Load() != 0 || l.waiting.Load() != 0 {
		t.Errorf("at most %d at once, want %d; left %d, %d", most.Load(), max, l.n.Load(), l.waiting.Load())
	}
}
