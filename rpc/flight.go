package rpc

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/wire"
)

// A flight is a call of a client on its way: what is to be sent, and then its reply. One flight
// is made for a call; it is entered in a connection for each try to send it.
type flight struct {
	ctx      context.Context
	deadline time.Time // zero: none
	own      bool      // the deadline is earlier than ctx's
	start    time.Time
	service  string
	method   string // of service
	oneway   bool
	head     wire.Header // but for the sequence id
	args     *plan.Type
	at       mem.Pointer // where the arguments are

	seq int32

	// What follows is guarded by the mutex of the connection, until the caller is woken. A flight
	// that was entered is woken once when it is done, unless it reads then, and once when it is to
	// read.
	waits     bool // its caller does nothing but wait
	abandoned bool // it stands for one that gave up
	done      bool
	reply     response
	err       error
	unguard   func() // nil: it has no guard
	watched   bool   // it has a guard, or is getting one
	prev      *flight
	next      *flight
	woken     chan struct{} // of capacity 1
	answers   uint64        // of the connection, when it was entered
}

// reset makes f ready for another try, or to be used again.
func (f *flight) reset() {
	f.waits, f.done, f.watched, f.unguard, f.reply, f.err = false, false, false, nil, response{}, nil
}

// encode appends the message of f.
func (f *flight) encode(dst []byte, p protocol.Protocol) ([]byte, error) {
	f.head.SeqID = f.seq
	return p.AppendMessage(dst, f.head, f.args, f.at)
}

// bound gives f the deadline that is earlier: ctx's or, if it is not 0, timeout from now.
func (f *flight) bound(ctx context.Context, now time.Time, timeout time.Duration) {
	f.ctx, f.start = ctx, now
	deadline, ok := ctx.Deadline()
	f.own = ok && ctx.Done() == nil
	if timeout > 0 {
		if own := now.Add(timeout); !ok || own.Before(deadline) {
			deadline, f.own = own, true
		}
	}
	f.deadline = deadline
}

// guardable reports whether anything may make f give up.
func (f *flight) guardable() bool { return f.own || f.ctx.Done() != nil }

// over returns why f is to give up, nil if it is not.
func (f *flight) over(now time.Time) error {
	if err := f.ctx.Err(); err != nil {
		return err
	}
	if f.own && !now.Before(f.deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// context returns a context that ends when f is to give up, for what takes a while anyway.
func (f *flight) context() (context.Context, context.CancelFunc) {
	if f.own {
		return context.WithDeadline(f.ctx, f.deadline)
	}
	return f.ctx, func() {}
}

// A flightTable holds the calls of a connection that were sent and not answered yet: by sequence id
// in a table whose place for an id is its remainder, and in the order in which they were sent.
type flightTable struct {
	slots       []*flight // a power of two, at least twice as many as flights
	first, last *flight
	n           int
	waiting     int // of them not abandoned
}

// add enters f as the last one. It reports false if f needs another sequence id.
func (t *flightTable) add(f *flight) bool {
	if 2*(t.n+1) > len(t.slots) {
		t.grow()
	}
	slot := &t.slots[int(f.seq)&(len(t.slots)-1)]
	if *slot != nil {
		return false
	}
	*slot = f
	if f.prev, f.next = t.last, nil; t.last == nil {
		t.first = f
	} else {
		t.last.next = f
	}
	t.last = f
	t.n++
	t.waiting++
	return true
}

// grow doubles the table: ids that had places of their own have so in the larger one.
func (t *flightTable) grow() {
	const least = 8
	t.slots = make([]*flight, max(least, 2*len(t.slots)))
	for f := t.first; f != nil; f = f.next {
		t.slots[int(f.seq)&(len(t.slots)-1)] = f
	}
}

// get returns the call with that sequence id, nil if there is none.
func (t *flightTable) get(seq int32) *flight {
	if len(t.slots) == 0 {
		return nil
	}
	if f := t.slots[int(seq)&(len(t.slots)-1)]; f != nil && f.seq == seq {
		return f
	}
	return nil
}

func (t *flightTable) remove(f *flight) {
	t.slots[int(f.seq)&(len(t.slots)-1)] = nil
	if f.prev == nil {
		t.first = f.next
	} else {
		f.prev.next = f.next
	}
	if f.next == nil {
		t.last = f.prev
	} else {
		f.next.prev = f.prev
	}
	f.prev, f.next = nil, nil
	t.n--
	if !f.abandoned {
		t.waiting--
	}
}

// abandon puts a flight that nobody waits for in the place of f.
func (t *flightTable) abandon(f *flight) {
	x := &flight{seq: f.seq, start: f.start, abandoned: true, prev: f.prev, next: f.next}
	t.slots[int(f.seq)&(len(t.slots)-1)] = x
	if x.prev == nil {
		t.first = x
	} else {
		x.prev.next = x
	}
	if x.next == nil {
		t.last = x
	} else {
		x.next.prev = x
	}
	f.prev, f.next = nil, nil
	t.waiting--
}

// A flightList is a list of flights that are in no table any more.
type flightList struct{ first, last *flight }

func (l *flightList) add(f *flight) {
	if l.last == nil {
		l.first = f
	} else {
		l.last.next = f
	}
	l.last = f
}

// wake wakes them all and empties the list.
func (l *flightList) wake() {
	for f := l.first; f != nil; {
		next := f.next // when f is woken, it is its caller's
		f.next = nil
		f.woken <- struct{}{}
		f = next
	}
	*l = flightList{}
}

// scratch is what calls of a client use again.
type scratch struct {
	flights sync.Pool // of *flight, with nothing in their channels
	buffers sync.Pool // of *[]byte, for messages that are made
	typical atomic.Int64
}

func (s *scratch) flight() *flight {
	if f, ok := s.flights.Get().(*flight); ok {
		return f
	}
	return &flight{woken: make(chan struct{}, 1)}
}

func (s *scratch) putFlight(f *flight) {
	f.ctx, f.at = nil, mem.Pointer{}
	f.reset()
	s.flights.Put(f)
}

func (s *scratch) buffer() *[]byte {
	if b, ok := s.buffers.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, 512)
	return &b
}

// putBuffer takes back a buffer. One that is much larger than what was sent lately is dropped.
func (s *scratch) putBuffer(b *[]byte) {
	const (
		always = 64 << 10
		never  = 4 << 20
	)
	if n := int64(len(*b)); cap(*b) > always {
		t := s.typical.Load()
		t = max(n, t-t/64)
		s.typical.Store(t)
		if int64(cap(*b)) > 4*t || cap(*b) > never {
			return
		}
	}
	s.buffers.Put(b)
}
