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
			return msg, nil
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

// close makes senders fail with err.
func (q *queue) close(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = err
	}
	q.cond.Broadcast()
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
func Serve(ctx context.Context, nc net.Conn, s rpc.Invoker, a Answerer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &served{Answerer: a, q: newQueue(nc), limit: s.MaxMessageBytes()}
	c.cond.L = &c.mu
	r := &reader{bufio.NewReaderSize(nc, 16<<10), a.Format, s.MaxMessageBytes()}
	timeout, _ := s.MessageTimeouts()
	err := c.read(ctx, nc, r, timeout)
	var long *TooLong
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, os.ErrDeadlineExceeded) && r.Buffered() == 0:
		err = nil
	case errors.As(err, &long) && a.Refuse != nil:
		if b := a.Refuse(nil, long.Head, err); len(b) > 0 {
			c.q.send(b)
		}
	case !errors.As(err, &long):
		cancel() // nobody reads the replies
	}
	c.running.Wait()
	return err
}

// served is a connection of a server.
type served struct {
	Answerer
	q       *queue
	limit   int // of bytes
	running sync.WaitGroup

	mu    sync.Mutex
	cond  sync.Cond
	count int // messages that are being answered
	bytes int // that they have
	over  bool
}

func (c *served) read(ctx context.Context, nc net.Conn, r *reader, timeout time.Duration) error {
	for {
		bounded := false
		msg, err := r.next(func() {
			if timeout > 0 && !bounded {
				bounded = true
				nc.SetReadDeadline(time.Now().Add(timeout))
			}
		})
		if bounded {
			nc.SetReadDeadline(time.Time{})
		}
		if err != nil {
			return err
		}
		if !c.enter(len(msg)) {
			return nil
		}
		c.running.Go(func() {
			defer c.exit(len(msg))
			c.answer(ctx, nc, msg)
		})
	}
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

func (c *served) answer(ctx context.Context, nc net.Conn, msg []byte) {
	buf := buffers.Get().(*[]byte)
	reply, last := c.Answer(ctx, (*buf)[:0], msg)
	if len(reply) > 0 && c.q.send(reply) != nil || last {
		c.mu.Lock()
		c.over = true
		c.cond.Broadcast()
		c.mu.Unlock()
		nc.SetReadDeadline(time.Unix(1, 0))
	}
	if cap(reply) <= maxKept {
		*buf = reply[:0]
		buffers.Put(buf)
	}
}

// enter waits until a message of n bytes may be answered beside the others. It returns false when no more are answered.
func (c *served) enter(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.over && c.count > 0 && (c.count >= maxAtOnce || c.bytes+n > c.limit) {
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
