package muxconn

import (
	"sync"
	"time"
)

// A Watchdog looks after connections whose goroutines that read answer messages themselves: when one takes long over it, another
// goroutine reads on. One is for all connections of a dialect. The zero value is ready.
type Watchdog struct {
	mu    sync.Mutex
	conns map[*served]*watch
}

// A watch is what the watchdog knows of a connection.
type watch struct {
	turn  uint64 // at the last tick
	idle  int    // ticks in which nothing has changed
	slow  int    // ticks for which messages have goroutines of their own once more, after the last answer that took long
	quick int    // ticks since they have had them
}

// An answer that takes long once may have been held up by the machine. So messages have goroutines of their own for a short time at
// first, and for longer each time that it comes again.
const (
	tick      = time.Millisecond
	leastSlow = 16
	mostSlow  = 1024
	idleTicks = 100 // after which a connection is not looked at until it has another message
)

// watch makes w look at c.
func (w *Watchdog) watch(c *served) {
	if c.watched.Load() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	c.watched.Store(true)
	if w.conns == nil {
		w.conns = make(map[*served]*watch)
		go w.run()
	}
	w.conns[c] = &watch{turn: c.turn.Load()}
}

// run looks at the connections until there are none.
func (w *Watchdog) run() {
	for {
		time.Sleep(tick)
		w.mu.Lock()
		for c, x := range w.conns {
			w.look(c, x)
		}
		if len(w.conns) == 0 {
			w.conns = nil
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
	}
}

func (w *Watchdog) look(c *served, x *watch) {
	turn := c.turn.Load()
	if turn != x.turn {
		x.turn, x.idle = turn, 0
		if x.quick++; x.quick > mostSlow {
			x.slow = 0
		}
		return
	}
	x.idle++
	switch {
	case turn%2 == 1 && x.idle > 1: // the same message as two ticks ago
		if c.turn.CompareAndSwap(turn, turn+1) {
			c.slow.Store(true)
			x.turn, x.idle = turn+1, 0
			c.average = 0
			go c.read()
		}
	case c.slow.Load():
		if x.slow == 0 || x.quick > 0 { // it has become so
			x.slow, x.quick, x.idle = min(max(2*x.slow, leastSlow), mostSlow), 0, 0
		}
		if x.idle > x.slow {
			c.slow.Store(false)
			x.quick = 1
		}
	case x.idle > idleTicks:
		delete(w.conns, c)
		c.watched.Store(false)
	}
}
