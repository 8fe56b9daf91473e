package serverconn

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A server runs the handlers of a connection one after the other, on the goroutine that reads it, and sends
// the replies to calls that arrived together in one write. A handler that runs for longer than offloadAfter
// has kept others waiting for long enough: the watchdog offloads it. It starts another goroutine, which
// goes on reading, and the handler keeps the old one. From then on calls of that method get goroutines of
// their own, until they are quick again.
//
// Replies still leave in the order of the calls, unless the peer has shown that it accepts them in any
// order: see replyQueue.

// offloadAfter is how long a handler may run before the calls after it are not to wait any more.
// The watchdog looks that often, so it is up to twice as long before it notices.
const offloadAfter = time.Millisecond

// watchdog looks after the connections of a server on which something happens. Its goroutine runs
// as long as there are such connections.
type watchdog struct {
	mu      sync.Mutex
	conns   []*Conn
	running bool
}

// watch has the watchdog look after c. It is called when a handler starts and c is not watched.
func (g *Group) watch(c *Conn) {
	d := &g.watchdog
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.run.watched.Load() { // look has kept it, after all
		return
	}
	c.run.watched.Store(true)
	c.run.idleTicks = 0
	d.conns = append(d.conns, c)
	if !d.running {
		d.running = true
		g.WaitGroup.Add(1) // it is not 0: c counts
		go func() {
			defer g.WaitGroup.Done()
			for d.look() {
				pause(offloadAfter)
			}
		}()
	}
}

// look looks at every connection once. It reports false when there are none left.
func (d *watchdog) look() bool {
	const patience = 16 // looks at a connection on which nothing happens
	d.mu.Lock()
	defer d.mu.Unlock()
	kept := d.conns[:0]
	for _, c := range d.conns {
		turn := c.run.turn.Load()
		switch running := turn&1 == 1; {
		case turn != c.run.lastTurn:
			c.run.idleTicks = 0
		case running: // as the last time
			if !c.offload(turn) {
				continue
			}
		default:
			c.run.idleTicks++
		}
		c.run.lastTurn = turn
		if c.run.idleTicks >= patience {
			c.run.watched.Store(false)
			if c.run.turn.Load() == turn { // else a handler has started that saw c watched
				continue
			}
			c.run.watched.Store(true)
		}
		kept = append(kept, c)
	}
	clear(d.conns[len(kept):])
	d.conns = kept
	d.running = len(kept) > 0
	return d.running
}

// offload has another goroutine read c, unless the handler that was running in that turn has returned. It
// reports false if c is closed.
func (c *Conn) offload(turn uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users == 0 { // the handler has ended its goroutine
		return false
	}
	if !c.run.turn.CompareAndSwap(turn, turn+1) {
		return true
	}
	c.users++
	if c.run.slow != nil {
		c.run.slow.Store(slowFor)
	}
	if r := c.enqueueLocked(); r != nil {
		c.queue.offloaded[turn] = r
	}
	go func() {
		c.flush() // if it fails, so does what follows
		c.serve()
	}()
	return true
}

// slowFor is how many quick calls of a method that was slow it takes until it runs in place again.
const slowFor = 64

// offloadedReply returns the place of the reply to the call of that turn, when it was offloaded.
func (c *Conn) offloadedReply(turn uint32) *queuedReply {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.queue.offloaded[turn]
	delete(c.queue.offloaded, turn)
	return r
}

// spawn runs a call of a slow method on a goroutine of its own.
func (c *Conn) spawn(in Call, slow *atomic.Int32) {
	c.mu.Lock()
	c.users++
	r := c.enqueueLocked()
	c.mu.Unlock()
	go func() {
		returned := false
		defer func() { c.quit(returned) }()
		start := time.Now()
		in.Execute()
		if time.Since(start) < offloadAfter {
			slow.Add(-1)
		} else {
			slow.Store(slowFor)
		}
		c.complete(in, r)
		returned = true
	}()
}

// A replyQueue has the calls of a connection that do not run on the goroutine that reads, and their
// replies. The connection's mu guards it. For peers that want replies in order, those that are ready wait
// for the ones before them.
type replyQueue struct {
	ordered   bool                    // set before the first call
	busy      atomic.Bool             // there is anything in the queue
	broken    bool                    // a handler has ended its goroutine: its reply never comes, and the connection closes
	calls     int                     // that run
	waiting   []*queuedReply          // in the order of their calls, if ordered
	ready     []byte                  // replies to write, if not ordered
	bytes     int                     // of the replies in waiting
	offloaded map[uint32]*queuedReply // by the turn in which the watchdog found the call
}

// A queuedReply is the place of a reply in the order. buf is nil until the reply is there.
type queuedReply struct{ buf *[]byte }

// maxQueuedBytes is how many bytes of replies may wait for one before them.
const maxQueuedBytes = 1 << 20

// enqueueLocked enters a call that does not run in place, after the replies that are ready, and
// returns the place of its reply, nil where order does not matter. The goroutine that reads calls it.
func (c *Conn) enqueueLocked() *queuedReply {
	l := &c.queue
	l.calls++
	l.busy.Store(true)
	if !l.ordered {
		return nil
	}
	if l.offloaded == nil {
		l.offloaded = make(map[uint32]*queuedReply)
	}
	if c.write.buf != nil {
		*c.write.buf = c.write.replies
		c.queueLocked(c.write.buf)
		c.write.replies, c.write.buf = nil, nil
	}
	r := new(queuedReply)
	l.waiting = append(l.waiting, r)
	return r
}

func (c *Conn) queueLocked(buf *[]byte) {
	c.queue.waiting = append(c.queue.waiting, &queuedReply{buf})
	c.queue.bytes += len(*buf)
}

// complete makes the reply to a call that did not run in place, and sends it as soon as its turn
// has come.
func (c *Conn) complete(in Call, r *queuedReply) {
	buf := c.group.buffers.Get()
	reply, err := in.AppendReply((*buf)[:0])
	*buf = reply
	if err != nil {
		c.failAsync(err)
	}
	c.mu.Lock()
	c.queue.calls--
	if r != nil {
		r.buf = buf
		c.queue.bytes += len(reply)
	} else {
		c.queue.ready = append(c.queue.ready, reply...)
		c.group.buffers.Put(buf)
	}
	c.mu.Unlock()
	c.flushQueue()
}

// failAsync closes the connection after an error that the goroutine that reads does not notice.
func (c *Conn) failAsync(err error) {
	c.nc.Close()
	if errors.Is(err, net.ErrClosed) {
		return
	}
	c.mu.Lock()
	if c.cause == nil {
		c.cause = err
	}
	c.mu.Unlock()
	c.owner.Failed(err)
}

// flushQueue writes the replies in the queue whose turn has come.
func (c *Conn) flushQueue() error {
	c.write.mu.Lock()
	defer c.write.mu.Unlock()
	earlier := c.write.err
	for {
		b := c.takeReady()
		if len(b) == 0 {
			break
		}
		c.sendLocked(b)
	}
	if earlier == nil && c.write.err != nil {
		c.failAsync(c.write.err)
	}
	return c.write.err
}

// takeReady returns the replies in the queue whose turn has come. writeMu is held: they are written
// before anything else.
func (c *Conn) takeReady() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := &c.queue
	b := l.ready
	l.ready = nil
	n := 0
	for ; n < len(l.waiting) && l.waiting[n].buf != nil; n++ {
		buf := l.waiting[n].buf
		b = append(b, *buf...)
		l.bytes -= len(*buf)
		c.group.buffers.Put(buf)
		l.waiting[n] = nil
	}
	if l.waiting = l.waiting[n:]; len(l.waiting) == 0 {
		l.waiting = nil
	}
	l.busy.Store(l.calls > 0 || len(l.waiting) > 0)
	c.capacity.Broadcast()
	return b
}

// replyInOrder puts the reply to a call that ran in place after those in the queue, if there still are any.
func (c *Conn) replyInOrder(in Call) error {
	buf := c.group.buffers.Get()
	reply, err := in.AppendReply((*buf)[:0])
	*buf = reply
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue.waiting) > 0 {
		c.queueLocked(buf)
		return err
	}
	c.write.replies = append(c.write.replies, reply...)
	if c.write.buf == nil {
		c.write.buf = buf
	}
	return err
}

// awaitCapacity waits until no more calls are under way, and replies in line, than one connection may
// have.
func (c *Conn) awaitCapacity() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.fullLocked() {
		c.mu.Unlock()
		c.flush()
		c.mu.Lock()
		if c.fullLocked() {
			c.capacity.Wait()
		}
	}
}

func (c *Conn) fullLocked() bool {
	l := &c.queue
	most := c.group.MaxCalls
	return !l.broken && (most > 0 && max(l.calls, len(l.waiting)) >= most || l.bytes >= maxQueuedBytes)
}
