package capture

import (
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/wire"
)

// A pendingCall is a call whose reply has not been seen.
type pendingCall struct {
	request    *Message
	conn       *conn
	prev, next *pendingCall // in the list of all, by age
	bytes      int
}

// A pendingList has the calls of all connections that have no reply yet, the oldest one first.
type pendingList struct{ head, tail *pendingCall }

func (l *pendingList) oldest() *pendingCall { return l.head }

func (l *pendingList) add(p *pendingCall) {
	p.prev = l.tail
	if l.tail != nil {
		l.tail.next = p
	} else {
		l.head = p
	}
	l.tail = p
}

func (l *pendingList) remove(p *pendingCall) {
	if p.prev != nil {
		p.prev.next = p.next
	} else {
		l.head = p.next
	}
	if p.next != nil {
		p.next.prev = p.prev
	} else {
		l.tail = p.prev
	}
	p.prev, p.next = nil, nil
}

// A pairing finds the call that a reply of a connection answers.
//
// A reply has the sequence id and the method of its call. Where a client gives every call another id, that is enough. Many
// give all calls the same; their replies come in the order of the calls, which is of use only as long as no message is
// missing. What TCP acknowledges tells more: a reply that its client had received before it sent a call does not answer it,
// and neither does one that was sent before the server had the call. So after a gap between the replies the calls that
// were sent before the client had all of it are given up, unless their ids tell them apart. Where the client sends calls
// without waiting for replies, and all with the same id, nothing is paired after a gap.
type pairing struct {
	client    int // the half that sends calls; -1: not known
	pending   []*pendingCall
	repeated  bool // an id was used for two calls at once, or again soon after
	pipelined bool // a call was sent while another one waited, and the client had got nothing in between
	gaps      bool
	ids       [16]int32 // of the latest calls
	calls     int
	gapEnd    [2]uint32 // of each half: where its last gap ended
	hasGap    [2]bool
}

const maxPendingPerConn = 65536

// request takes a call.
func (p *pairing) request(c *conn, m *Message) {
	p.client = m.dir
	if slices.Contains(p.ids[:min(p.calls, len(p.ids))], m.SeqID) { // several clients may share a connection, each with ids of its own
		p.repeated = true
	}
	p.ids[p.calls%len(p.ids)] = m.SeqID
	p.calls++
	a := c.a
	if m.Type == wire.Oneway {
		a.deliver(Call{Client: c.client(), Server: c.server(), Conn: c.id, Request: m, Status: StatusOneway})
		return
	}
	for _, other := range p.pending {
		if other.request.SeqID == m.SeqID {
			p.repeated = true
			if !m.last.hasAck || other.request.last.ack == m.last.ack {
				p.pipelined = true
			}
		}
	}
	if len(p.pending) >= maxPendingPerConn {
		p.giveUp(p.pending[0], "too many calls wait for replies")
	}
	call := a.newPending(c, m)
	a.buffered += call.bytes
	a.pending.add(call)
	p.pending = append(p.pending, call)
}

// reply takes a reply.
func (p *pairing) reply(c *conn, m *Message) {
	i := p.find(m)
	if i < 0 {
		note := "the call was not captured"
		if p.gaps && !p.distinct() {
			note = "it is not clear which call this answers: bytes are missing, and ids do not tell calls apart"
		}
		c.a.deliver(Call{Client: c.client(), Server: c.server(), Conn: c.id, Reply: m, Status: statusOf(m), Note: note})
		return
	}
	request := p.take(i)
	c.a.deliver(Call{Client: c.client(), Server: c.server(), Conn: c.id, Request: request, Reply: m, Status: statusOf(m)})
}

// take takes a call from those that wait, and returns its request.
func (p *pairing) take(i int) *Message {
	call := p.pending[i]
	switch {
	case len(p.pending) == 1:
		p.pending[0], p.pending = nil, p.pending[:0] // keeps its memory
	case i == 0:
		p.pending = p.pending[1:]
	default:
		p.pending = append(p.pending[:i], p.pending[i+1:]...)
	}
	a, request := call.conn.a, call.request
	a.buffered -= call.bytes
	a.pending.remove(call)
	if a.opts.ReuseCalls && len(a.free.pending) < maxFree {
		a.free.pending = append(a.free.pending, call)
	}
	return request
}

// find returns the place of the call that m answers, or -1.
func (p *pairing) find(m *Message) int {
	ordered := !p.distinct() && p.gaps && p.pipelined
	inOrder := -1 // if the server does not echo ids
	for i, call := range p.pending {
		r := call.request
		if !sameMethod(r.Name, m.Name) || !r.mayPrecede(m) || p.replyMayBeLost(r, m.dir) {
			continue
		}
		if r.SeqID == m.SeqID {
			if ordered {
				return -1
			}
			return i
		}
		if inOrder < 0 {
			inOrder = i
		}
	}
	if p.gaps || inOrder != 0 { // only the oldest one
		return -1
	}
	return inOrder
}

// sameMethod compares the name in a call, which may have a service before it, and that in a reply.
func sameMethod(call, reply string) bool {
	if call == reply {
		return true
	}
	_, method, ok := strings.Cut(call, ":")
	return ok && method == reply
}

// mayPrecede reports whether m may be the reply to r, by what TCP acknowledged when they were sent.
func (r *Message) mayPrecede(m *Message) bool {
	if !r.last.hasAck || !m.first.hasAck {
		return true
	}
	return before(r.last.ack, m.last.end) && // the client did not have it before the call
		before(r.last.seq, m.first.ack) // the server had at least a part of what the call ended in
}

// gap says that bytes of the half dir are missing up to end.
func (p *pairing) gap(dir int, end uint32) {
	p.gaps = true
	p.gapEnd[dir], p.hasGap[dir] = end, true
	if dir == p.client || p.distinct() {
		return
	}
	for i := 0; i < len(p.pending); {
		if p.replyMayBeLost(p.pending[i].request, dir) {
			p.giveUp(p.pending[i], "the reply may be among the missing bytes")
		} else {
			i++
		}
	}
}

// distinct reports whether the client gives every call another id, as far as its calls tell: a few do not.
func (p *pairing) distinct() bool { return p.calls >= 4 && !p.repeated }

// replyMayBeLost reports whether the reply to r, which the half dir sends, may be among missing bytes, and another one be taken for it.
func (p *pairing) replyMayBeLost(r *Message, dir int) bool {
	return !p.distinct() && p.hasGap[dir] && r.last.hasAck && before(r.last.ack, p.gapEnd[dir])
}

// giveUp emits a call without its reply.
func (p *pairing) giveUp(call *pendingCall, note string) {
	for i := range p.pending {
		if p.pending[i] == call {
			c := call.conn
			c.a.deliver(Call{Client: c.client(), Server: c.server(), Conn: c.id, Request: p.take(i), Status: StatusNoReply, Note: note})
			return
		}
	}
}

// finish emits all calls that wait.
func (p *pairing) finish(note string) {
	for len(p.pending) > 0 {
		p.giveUp(p.pending[0], note)
	}
}
