// Package muxconn serves and makes calls over connections of other frameworks, such as rpcx and Motan: each message
// says how long it is and has an id, and replies come in any order.
//
//	server: read a message -> a goroutine answers it -> replies are queued -> one write for those that are ready
//	client: calls are queued -> one write for those that are ready -> a goroutine reads replies and finds their calls
package muxconn

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
)

// A Format is how messages of a protocol are told apart.
type Format struct {
	// Head is how many bytes a message has at least.
	Head int

	// Size returns how long the message that begins with b is, as far as b, at least Head bytes, says: with
	// whole all of it, else how many bytes say more, which are more than len(b). It never returns less than Head.
	Size func(b []byte) (n int, whole bool, err error)
}

// A TooLong is the error of a message that is longer than the limit. Head is its beginning.
type TooLong struct {
	Head []byte
	Size int
	Max  int
}

// Error says both sizes.
func (e *TooLong) Error() string {
	return fmt.Sprintf("a message of %d bytes exceeds %d bytes", e.Size, e.Max)
}

// A reader reads messages.
type reader struct {
	*bufio.Reader
	format Format
	max    int
	holder rpc.MessageHolder // nil: nobody asks what it holds
}

// hold says what memory the message that is read has, of which came bytes have come.
func (r *reader) hold(size, came int) error {
	if r.holder == nil {
		return nil
	}
	return r.holder.Hold(size, came)
}

// next returns the next message, in memory of its own. io.EOF means that the connection ended between two. begun is called
// when a message has begun and has not come whole.
func (r *reader) next(begun func()) ([]byte, error) {
	if _, err := r.Peek(1); err != nil {
		return nil, err
	}
	if r.Buffered() < r.format.Head {
		begun()
	}
	head, err := r.Peek(r.format.Head)
	if err != nil {
		return nil, unexpected(err)
	}
	n, whole, err := r.format.Size(head)
	var msg []byte
	for {
		switch {
		case err != nil:
			return nil, err
		case n > r.max:
			return nil, &TooLong{Head: slices.Clone(head), Size: n, Max: r.max}
		}
		if r.Buffered() < n-len(msg) {
			begun()
		}
		if msg, err = r.fill(msg, n); err != nil {
			return nil, unexpected(err)
		}
		if whole {
			return msg, r.hold(0, n)
		}
		head = msg[:r.format.Head]
		n, whole, err = r.format.Size(msg)
	}
}

// fill reads until msg has n bytes. Memory is taken as bytes come: no more for what is only claimed than for what came.
func (r *reader) fill(msg []byte, n int) ([]byte, error) {
	const step = 64 << 10
	for len(msg) < n {
		have := len(msg)
		more := min(n-have, max(step, have))
		if err := r.hold(have+more, have); err != nil {
			return msg, err
		}
		if have == 0 {
			msg = make([]byte, more)
		} else {
			msg = slices.Grow(msg, more)[:have+more]
		}
		if _, err := io.ReadFull(r, msg[have:]); err != nil {
			return msg, err
		}
	}
	return msg, nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// A queue collects what goroutines write, so that one write has all that is ready.
type queue struct {
	nc   net.Conn
	mu   sync.Mutex
	cond sync.Cond // for those that wait for room
	buf  []byte
	next []byte // the buffer that is not in use
	busy bool   // a goroutine writes
	err  error
}

// maxQueued is how many bytes wait before those who write more wait as well.
const maxQueued = 1 << 20

// maxKept is the size of a buffer that is kept.
const maxKept = 256 << 10

func newQueue(nc net.Conn) *queue {
	q := &queue{nc: nc}
	q.cond.L = &q.mu
	return q
}

// send writes msg, together with what others send meanwhile. It returns when msg was written or another goroutine
// is going to write it.
func (q *queue) send(msg []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.busy && len(q.buf) > maxQueued && q.err == nil {
		q.cond.Wait()
	}
	if q.err != nil {
		return q.err
	}
	q.buf = append(q.buf, msg...)
	if q.busy {
		return nil
	}
	q.busy = true
	for len(q.buf) > 0 && q.err == nil {
		b := q.buf
		q.buf, q.next = q.next[:0], nil
		q.mu.Unlock()
		_, err := q.nc.Write(b)
		q.mu.Lock()
		if q.err == nil {
			q.err = err
		}
		if cap(b) <= maxKept {
			q.next = b[:0]
		}
		q.cond.Broadcast()
	}
	q.busy = false
	return q.err
}

// An Answerer answers messages of one connection of a server.
type Answerer struct {
	Format

	// Answer appends the reply to msg, of which it may keep the memory, to dst. It appends nothing if there is none. With
	// last the connection is closed after the reply. It runs on many goroutines.
	Answer func(ctx context.Context, dst, msg []byte) (reply []byte, last bool)

	// Refuse appends the reply to a message that is too long, of which it gets the first Head bytes; nil: there is none.
	Refuse func(dst, head []byte, err error) []byte
}

// maxAtOnce is how many messages of a connection are answered at the same time.
const maxAtOnce = 1024

// Serve answers the messages that come over nc, a connection of a server that gives it to an [rpc.ConnDialect]. Messages under
// way have together no more bytes than the longest one may have.
//
// The goroutine that reads answers messages itself, and writes the replies when no more messages have come. When an answer takes
// long, w has another goroutine go on reading.
func (w *Watchdog) Serve(ctx context.Context, nc net.Conn, s rpc.Invoker, a Answerer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &served{Answerer: a, watchdog: w, ctx: ctx, nc: nc, q: newQueue(nc), limit: s.MaxMessageBytes(), ended: make(chan error, 1)}
	c.cond.L = &c.mu
	c.r = &reader{Reader: bufio.NewReaderSize(nc, 16<<10), format: a.Format, max: s.MaxMessageBytes()}
	c.r.holder, _ = nc.(rpc.MessageHolder)
	c.timeout, _ = s.MessageTimeouts()
	go c.read()
	err := <-c.ended
	var long *TooLong
	switch {
	case errors.Is(err, io.EOF) && !isDrained(nc):
		cancel()
		err = nil
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, os.ErrDeadlineExceeded) && c.r.Buffered() == 0:
		err = nil
	case errors.As(err, &long) && a.Refuse != nil:
		if b := a.Refuse(nil, long.Head, err); len(b) > 0 {
			c.q.send(b)
		}
	case !errors.As(err, &long):
		cancel() // nobody reads the replies
	}
	c.running.Wait()
	if long != nil || c.over {
		c.linger()
	}
	return err
}

// linger reads what the client still sends, for a short time: a connection that is closed before loses what was written to it.
func (c *served) linger() {
	const (
		longest = time.Second
		most    = 64 << 20 // bytes
	)
	c.nc.SetReadDeadline(time.Now().Add(longest))
	io.CopyN(io.Discard, c.nc, most)
}

// isDrained reports whether reading from nc has ended because the server shuts down.
func isDrained(nc net.Conn) bool {
	d, ok := nc.(interface{ Drained() bool })
	return ok && d.Drained()
}

// served is a connection of a server.
type served struct {
	Answerer
	watchdog *Watchdog
	ctx      context.Context
	nc       net.Conn
	q        *queue
	limit    int // of bytes
	timeout  time.Duration
	ended    chan error // how reading has ended

	// Of the goroutine that reads, while turn is even.
	r       *reader
	out     []byte        // replies that are to be written
	average time.Duration // of an answer

	// turn is odd while the goroutine that reads answers a message, and changes when it begins and ends that. When the watchdog
	// changes it meanwhile, another goroutine reads.
	turn    atomic.Uint64
	slow    atomic.Bool // messages are answered by goroutines of their own
	watched atomic.Bool

	running sync.WaitGroup // messages that are being answered

	mu    sync.Mutex
	cond  sync.Cond
	count int // messages that are being answered
	bytes int // that they have
	over  bool
}

// read reads messages until the connection ends, or another goroutine reads.
func (c *served) read() {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for {
		if len(c.out) > maxBatch {
			c.flush()
		}
		msg, err := c.next()
		if err != nil || !c.enter(len(msg)) {
			c.flush()
			c.ended <- err
			return
		}
		if c.slow.Load() {
			c.flush()
			c.running.Go(func() { c.answer(msg) })
			continue
		}
		c.running.Add(1)
		turn := c.turn.Add(1)
		c.watchdog.watch(c)
		began := time.Now()
		reply, last := c.Answer(c.ctx, (*buf)[:0], msg)
		if cap(reply) <= maxKept {
			*buf = reply[:0]
		}
		c.exit(len(msg))
		if !c.turn.CompareAndSwap(turn, turn+1) {
			if len(reply) > 0 && c.q.send(reply) != nil || last {
				c.end()
			}
			c.running.Done()
			return
		}
		c.running.Done()
		c.took(time.Since(began))
		if c.out = append(c.out, reply...); last {
			c.flush()
			c.end()
		}
	}
}

// maxBatch is how many bytes of replies wait for others that may come.
const maxBatch = 64 << 10

// flush writes the replies of the goroutine that reads.
func (c *served) flush() {
	if len(c.out) == 0 {
		return
	}
	if c.q.send(c.out) != nil {
		c.end()
	}
	if c.out = c.out[:0]; cap(c.out) > maxKept {
		c.out = nil
	}
}

// took notes how long an answer has taken. Connections whose messages take long have goroutines for them.
func (c *served) took(d time.Duration) {
	const (
		most = 400 * time.Microsecond // that one counts
		long = 150 * time.Microsecond
	)
	if c.average += (min(d, most) - c.average) / 8; c.average > long {
		c.average = 0
		c.slow.Store(true)
	}
}

// next reads a message. It writes the replies before it waits.
func (c *served) next() ([]byte, error) {
	if c.r.Buffered() == 0 {
		c.flush()
	}
	bounded := false
	msg, err := c.r.next(func() {
		c.flush()
		if c.timeout > 0 && !bounded {
			bounded = true
			c.nc.SetReadDeadline(time.Now().Add(c.timeout))
		}
	})
	if bounded {
		c.nc.SetReadDeadline(time.Time{})
	}
	return msg, err
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// answer answers a message on a goroutine of its own.
func (c *served) answer(msg []byte) {
	defer c.exit(len(msg))
	buf := buffers.Get().(*[]byte)
	reply, last := c.Answer(c.ctx, (*buf)[:0], msg)
	if len(reply) > 0 && c.q.send(reply) != nil || last {
		c.end()
	}
	if cap(reply) <= maxKept {
		*buf = reply[:0]
		buffers.Put(buf)
	}
}

// end makes reading end.
func (c *served) end() {
	c.mu.Lock()
	c.over = true
	c.cond.Broadcast()
	c.mu.Unlock()
	c.nc.SetReadDeadline(time.Unix(1, 0))
}

// enter waits until a message of n bytes may be answered beside the others. It returns false when no more are answered.
func (c *served) enter(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.over && c.count > 0 && (c.count >= maxAtOnce || c.bytes+n > c.limit) {
		if len(c.out) > 0 {
			c.mu.Unlock()
			c.flush()
			c.mu.Lock()
			continue
		}
		c.cond.Wait()
	}
	c.count++
	c.bytes += n
	return !c.over
}

func (c *served) exit(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count--
	c.bytes -= n
	c.cond.Signal()
}
