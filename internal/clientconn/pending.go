package clientconn

import (
	"context"
	"time"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/wire"
)

// A Pending is one call of a client: what to send, and then its reply. The caller sets the fields
// of the first group and calls [Pool.Call] or [HTTP.Call], which set those of the second.
type Pending struct {
	Header     wire.Header // the sequence id is set for each try
	Oneway     bool
	Args       *plan.Type
	ArgsAt     mem.Pointer
	Service    string            // where the dialect says it
	Method     string            // of Service
	Transient  map[string]string // metadata, where the dialect carries it
	Persistent map[string]string
	Latency    *Latency // of the method; nil: of a method of which nothing is known

	Reply    Reply
	Conn     uint64 // the connection that the call went over, 0 if it went over none
	Sent     int    // bytes written for the call, framing included
	Received int    // bytes of the reply's message

	ctx      context.Context
	deadline time.Time // zero: none
	own      bool      // the deadline is earlier than ctx's, or ctx cannot end
	start    time.Time
	seq      int32
	expected time.Duration // how long the server is expected to work on it
	speed    speed         // what that is taken for

	// What follows is guarded by the mutex of the connection, until the caller is woken. A pending
	// call is woken once when it is done, unless it is the reader then, and once to become the reader.
	waits     bool // its caller does nothing but wait
	abandoned bool // it stands for a call that gave up
	done      bool
	err       error
	stopTimer func() // nil: it has no deadline timer
	hasTimer  bool   // it has a deadline timer, or is getting one
	prev      *Pending
	next      *Pending
	wake      chan struct{} // of capacity 1
}

// A Reply is what a server answered. Its receiver owns it.
type Reply struct {
	Message  []byte
	Protocol protocol.Protocol
	Envelope *msgio.Envelope // of a header dialect and of HTTP, else nil
}

// Start says when the call began and when it must end: at ctx's deadline, or, if it is not 0, timeout
// after now, whichever is earlier.
func (f *Pending) Start(ctx context.Context, now time.Time, timeout time.Duration) {
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

// StartUntil is Start for a deadline that ctx does not know.
func (f *Pending) StartUntil(ctx context.Context, now, deadline time.Time) {
	f.ctx, f.start, f.deadline, f.own = ctx, now, deadline, true
}

// Deadline returns when the call must end, zero if there is no deadline.
func (f *Pending) Deadline() time.Time { return f.deadline }

// Over returns why the call must end at the time now, nil if it need not. It does not wait for the timer of the context.
func (f *Pending) Over(now time.Time) error {
	if err := f.ctx.Err(); err != nil {
		return err
	}
	if !f.deadline.IsZero() && !now.Before(f.deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// canEnd reports whether anything may end the call before its reply.
func (f *Pending) canEnd() bool { return f.own || f.ctx.Done() != nil }

// context returns a context that ends when the call must, for what takes long anyway.
func (f *Pending) context() (context.Context, context.CancelFunc) {
	if f.own {
		return context.WithDeadline(f.ctx, f.deadline)
	}
	return f.ctx, func() {}
}

// reset prepares f for another try.
func (f *Pending) reset() {
	f.waits, f.done, f.hasTimer, f.stopTimer, f.Reply, f.err = false, false, false, nil, Reply{}, nil
}

// encode appends the message of f.
func (f *Pending) encode(dst []byte, p protocol.Protocol) ([]byte, error) {
	f.Header.SeqID = f.seq
	return p.AppendMessage(dst, f.Header, f.Args, f.ArgsAt)
}

// NewPending returns a Pending. It may be used for one call after the other: see Release.
func NewPending() *Pending { return &Pending{wake: make(chan struct{}, 1)} }

// Release lets go of what f has of a call that has ended.
func (f *Pending) Release() {
	f.ctx, f.ArgsAt, f.Transient, f.Persistent, f.Latency = nil, mem.Pointer{}, nil, nil, nil
	f.Conn, f.Sent, f.Received = 0, 0, 0
	f.reset()
}

// A pendingTable holds the calls of a connection that were sent and not answered yet: by sequence
// id, in a table whose slot for an id is its remainder, and in the order in which they were sent.
type pendingTable struct {
	slots       []*Pending // a power of two, at least twice as many as calls
	first, last *Pending
	n           int
	waiting     int // of them not abandoned
}

// add enters f as the last call. It reports false if f needs another sequence id.
func (t *pendingTable) add(f *Pending) bool {
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

// grow doubles the table: ids that had slots of their own have so in the larger one.
func (t *pendingTable) grow() {
	const least = 8
	t.slots = make([]*Pending, max(least, 2*len(t.slots)))
	for f := t.first; f != nil; f = f.next {
		t.slots[int(f.seq)&(len(t.slots)-1)] = f
	}
}

// get returns the call with that sequence id, nil if there is none.
func (t *pendingTable) get(seq int32) *Pending {
	if len(t.slots) == 0 {
		return nil
	}
	if f := t.slots[int(seq)&(len(t.slots)-1)]; f != nil && f.seq == seq {
		return f
	}
	return nil
}

func (t *pendingTable) remove(f *Pending) {
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

// abandon replaces f by an entry that nobody waits for, so that its late reply is recognised.
func (t *pendingTable) abandon(f *Pending) {
	x := &Pending{seq: f.seq, start: f.start, expected: f.expected, speed: f.speed, abandoned: true, prev: f.prev, next: f.next}
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

// A pendingList is a list of calls that are in no table any more.
type pendingList struct{ first, last *Pending }

func (l *pendingList) add(f *Pending) {
	if l.last == nil {
		l.first = f
	} else {
		l.last.next = f
	}
	l.last = f
}

// wake wakes all callers and empties the list.
func (l *pendingList) wake() {
	for f := l.first; f != nil; {
		next := f.next // when f is woken, it is its caller's
		f.next = nil
		f.wake <- struct{}{}
		f = next
	}
	*l = pendingList{}
}
