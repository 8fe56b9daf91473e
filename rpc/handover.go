package rpc

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A server runs the handlers of a connection one after the other, on the goroutine that reads it,
// and answers what came together with one write. A handler that takes longer than handOverAfter has
// kept others waiting for long enough: the watchdog gives the reading to another goroutine, which
// goes on with the next call. From then on calls of that method get goroutines of their own at once,
// until they are quick again.
//
// Replies still leave in the order of the calls, unless the peer has shown that it takes them in
// any: see late.

// handOverAfter is how long a handler may run before the calls behind it are not to wait any more.
// The watchdog looks that often, so it is up to twice as long before it notices.
const handOverAfter = time.Millisecond

// watchdog looks after the connections of a server on which something happens. Its goroutine runs
// as long as there are such connections.
type watchdog struct {
	mu      sync.Mutex
	conns   []*serverConn
	running bool
}

// watch has the watchdog look after c. It is called when a handler starts and c is not watched.
func (s *Server) watch(c *serverConn) {
	d := &s.watchdog
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.watched.Load() { // look has kept it, after all
		return
	}
	c.watched.Store(true)
	c.quiet = 0
	d.conns = append(d.conns, c)
	if !d.running {
		d.running = true
		s.wg.Add(1) // it is not 0: c counts
		go func() {
			defer s.wg.Done()
			for d.look() {
				pause(handOverAfter)
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
		state := c.state.Load()
		switch running := state&1 == 1; {
		case state != c.seen:
			c.quiet = 0
		case running: // as the last time
			if !c.handOver(state) {
				continue
			}
		default:
			c.quiet++
		}
		c.seen = state
		if c.quiet >= patience {
			c.watched.Store(false)
			if c.state.Load() == state { // else a handler has started that saw c watched
				continue
			}
			c.watched.Store(true)
		}
		kept = append(kept, c)
	}
	clear(d.conns[len(kept):])
	d.conns = kept
	d.running = len(kept) > 0
	return d.running
}

// handOver gives the reading of c to another goroutine, unless the handler that was running in that
// state has returned. It reports false if c has ended.
func (c *serverConn) handOver(state uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users == 0 { // the handler has ended its goroutine
		return false
	}
	if !c.state.CompareAndSwap(state, state+1) {
		return true
	}
	c.users++
	c.method.slow.Store(slowFor)
	if r := c.addLateLocked(); r != nil {
		c.late.handed[state] = r
	}
	go func() {
		c.flush() // if it fails, so does what follows
		c.run()
	}()
	return true
}

// slowFor is how many quick calls of a method that was slow it takes until it runs in place again.
const slowFor = 64

// handed returns the place of the reply to the call that ran in that state, when it was handed over.
func (c *serverConn) handed(state uint32) *lateReply {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.late.handed[state]
	delete(c.late.handed, state)
	return r
}

// spawn runs a call of a slow method on a goroutine of its own.
func (c *serverConn) spawn(in *incoming) {
	c.mu.Lock()
	c.users++
	r := c.addLateLocked()
	c.mu.Unlock()
	go func() {
		returned := false
		defer func() { c.quit(returned) }()
		start := time.Now()
		in.execute()
		if time.Since(start) < handOverAfter {
			in.m.slow.Add(-1)
		} else {
			in.m.slow.Store(slowFor)
		}
		c.complete(in, r)
		returned = true
	}()
}

// late is what a connection has of calls that do not run in place, guarded by its mu. Replies to
// peers that want them in order wait in queue for those before them.
type late struct {
	ordered bool        // set before the first call
	busy    atomic.Bool // there is anything here
	broken  bool        // a handler has ended its goroutine: its call never ends, the connection does
	calls   int         // that run
	queue   []*lateReply
	ready   []byte // not ordered
	bytes   int    // of replies in queue
	handed  map[uint32]*lateReply
}

// lateReply is the place of a reply in the order. buf is nil until the reply is there.
type lateReply struct{ buf *[]byte }

// maxLateBytes is how many bytes of replies may wait for one before them.
const maxLateBytes = 1 << 20

// addLateLocked enters a call that does not run in place, behind the replies that are ready, and
// returns the place of its reply, nil where order does not matter. Whoever calls it has the
// reading.
func (c *serverConn) addLateLocked() *lateReply {
	l := &c.late
	l.calls++
	l.busy.Store(true)
	if !l.ordered {
		return nil
	}
	if l.handed == nil {
		l.handed = make(map[uint32]*lateReply)
	}
	if c.replyBuf != nil {
		*c.replyBuf = c.replies
		c.queueLocked(c.replyBuf)
		c.replies, c.replyBuf = nil, nil
	}
	r := new(lateReply)
	l.queue = append(l.queue, r)
	return r
}

func (c *serverConn) queueLocked(buf *[]byte) {
	c.late.queue = append(c.late.queue, &lateReply{buf})
	c.late.bytes += len(*buf)
}

// complete makes the reply to a call that did not run in place, and sends it as soon as its turn
// has come.
func (c *serverConn) complete(in *incoming, r *lateReply) {
	buf := c.s.buffers.Get()
	reply, err := c.append((*buf)[:0], in)
	*buf = reply
	if err != nil {
		c.failedLate(err)
	}
	c.mu.Lock()
	c.late.calls--
	if r != nil {
		r.buf = buf
		c.late.bytes += len(reply)
	} else {
		c.late.ready = append(c.late.ready, reply...)
		c.s.buffers.Put(buf)
	}
	c.mu.Unlock()
	c.drainLate()
}

// failedLate ends the connection with an error that whoever reads does not notice.
func (c *serverConn) failedLate(err error) {
	c.nc.Close()
	if !errors.Is(err, net.ErrClosed) {
		c.s.opts.ErrorLog(fmt.Errorf("rpc: connection from %s: %w", c.nc.RemoteAddr(), err))
	}
}

// drainLate writes the late replies whose turn has come.
func (c *serverConn) drainLate() error {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	earlier := c.writeErr
	for {
		b := c.takeLate()
		if len(b) == 0 {
			break
		}
		c.sendLocked(b)
	}
	if earlier == nil && c.writeErr != nil {
		c.failedLate(c.writeErr)
	}
	return c.writeErr
}

// takeLate returns the late replies whose turn has come. writeMu is held: what is taken is written
// before anything else.
func (c *serverConn) takeLate() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := &c.late
	b := l.ready
	l.ready = nil
	n := 0
	for ; n < len(l.queue) && l.queue[n].buf != nil; n++ {
		buf := l.queue[n].buf
		b = append(b, *buf...)
		l.bytes -= len(*buf)
		c.s.buffers.Put(buf)
		l.queue[n] = nil
	}
	if l.queue = l.queue[n:]; len(l.queue) == 0 {
		l.queue = nil
	}
	l.busy.Store(l.calls > 0 || len(l.queue) > 0)
	c.room.Broadcast()
	return b
}

// replyInOrder puts the reply to a call that ran in place behind late ones, if there still are any.
func (c *serverConn) replyInOrder(in *incoming) error {
	buf := c.s.buffers.Get()
	reply, err := c.append((*buf)[:0], in)
	*buf = reply
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.late.queue) > 0 {
		c.queueLocked(buf)
		return err
	}
	c.replies = append(c.replies, reply...)
	if c.replyBuf == nil {
		c.replyBuf = buf
	}
	return err
}

// awaitRoom waits until no more calls are under way, and replies in line, than one connection may
// have.
func (c *serverConn) awaitRoom() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.fullLocked() {
		c.mu.Unlock()
		c.flush()
		c.mu.Lock()
		if c.fullLocked() {
			c.room.Wait()
		}
	}
}

func (c *serverConn) fullLocked() bool {
	l := &c.late
	most := c.s.opts.MaxCallsPerConn
	return !l.broken && (most > 0 && max(l.calls, len(l.queue)) >= most || l.bytes >= maxLateBytes)
}
