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
// without waiting for replies, and ids are used again, nothing is paired after a gap. Where it is not known to do so, the latest
// call is paired with the next reply if it has been seen to wait for several replies, and what is paired so has a note.
type pairing struct {
	client    int // the half that sends calls; -1: not known
	pending   []*pendingCall
	repeated  bool     // an id was used for two calls at once, or again soon after
	pipelined bool     // a call was sent while another one waited
	http      bool     // the messages are those of HTTP
	waits     int      // calls that were sent alone and whose replies came next, since that was not so
	before    [2]*mark // of each half: the last message that was a call or a reply, if no byte is missing after it
	gaps      bool
	ids       [16]int32 // of the latest calls
	calls     int
	gapEnd    [2]uint32 // of each half: where its last gap ended
	hasGap    [2]bool
}

const maxPendingPerConn = 65536

// request takes a call.
func (p *pairing) request(c *conn, m *Message) {
	p.client, p.http = m.dir, m.Transport == "http"
	// Several clients may share a connection, each with ids of its own.
	if slices.Contains(p.ids[:min(p.calls, len(p.ids))], m.SeqID) || p.calls > 0 && smallID(m.SeqID) && m.SeqID < p.ids[(p.calls-1)%len(p.ids)] {
		p.repeated = true
	}
	p.ids[p.calls%len(p.ids)] = m.SeqID
	p.calls++
	a := c.a
	if m.Type == wire.Oneway {
		a.deliver(Call{Client: c.client(), Server: c.server(), Conn: c.id, Request: m, Status: StatusOneway})
		return
	}
	p.follow(m)
	for _, other := range p.pending {
		if other.request.SeqID == m.SeqID {
			p.repeated = true
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

// follow compares m with the message before it in its direction: its sender had received nothing in between. Then two calls wait
// at once: a client that waits for each reply has it before it sends the next call, and its server has the next call before it
// sends another reply.
func (p *pairing) follow(m *Message) {
	if last := p.before[m.dir]; last != nil && (!m.first.hasAck || !before(last.ack, m.first.ack)) {
		p.pipelined = true
	}
	own := m.last
	p.before[m.dir] = &own
}

// reply takes a reply.
func (p *pairing) reply(c *conn, m *Message) {
	alone, known := p.alone(m)
	p.follow(m)
	if alone {
		p.waits++
	} else if known {
		p.waits = 0
	}
	unclear := p.gaps && !p.distinct()
	if unclear {
		p.giveUpOlder(m, alone)
	}
	i := p.find(m)
	if i < 0 {
		note := "the call was not captured"
		if p.gaps {
			note = "no call that it surely answers was captured: bytes are missing"
		}
		if unclear {
			note = "it is not clear which call this answers: bytes are missing, and ids do not tell calls apart"
		}
		c.a.deliver(Call{Client: c.client(), Server: c.server(), Conn: c.id, Reply: m, Status: statusOf(m), Note: note})
		return
	}
	note := ""
	if unclear {
		note = "paired by order: bytes are missing, and ids do not tell calls apart"
	}
	request := p.take(i)
	c.a.deliver(Call{Client: c.client(), Server: c.server(), Conn: c.id, Request: request, Reply: m, Status: statusOf(m), Note: note})
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

// alone reports whether m is the first reply since its client sent the latest call, and its server had nothing after that call. So it
// is where the client waits for each reply; where it does not, now and then. known is false if bytes are missing that would tell.
func (p *pairing) alone(m *Message) (alone, known bool) {
	call := p.before[1-m.dir]
	if len(p.pending) == 0 || !m.first.hasAck || call == nil || *call != p.pending[len(p.pending)-1].request.last {
		return false, false
	}
	reply := p.before[m.dir]
	return !before(call.end, m.first.ack) && (reply == nil || !before(call.ack, reply.end)), true
}

const enoughWaits = 5 // for a client to be known to wait for each reply

// giveUpOlder gives up calls of which it is not clear any more, once m comes, which replies are theirs: all before the latest, and
// that one as well, if m is not certain enough to be its reply.
func (p *pairing) giveUpOlder(m *Message, alone bool) {
	for n := len(p.pending); n > 0; n-- {
		call := p.pending[0]
		if n == 1 && (alone && p.waits >= enoughWaits && !p.pipelined || !call.request.mayPrecede(m)) {
			return
		}
		p.giveUp(call, "it is not clear which reply answers it: bytes are missing, and ids do not tell calls apart")
	}
}

// find returns the place of the call that m answers, or -1.
func (p *pairing) find(m *Message) int {
	inOrder := -1 // if the server does not echo ids
	for i, call := range p.pending {
		r := call.request
		if !sameMethod(r.Name, m.Name) || !r.mayPrecede(m) || p.replyMayBeLost(r, m.dir) {
			continue
		}
		if r.SeqID == m.SeqID {
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
	p.before[dir] = nil
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

// distinct reports whether the client gives every call another id, as far as its calls tell: a few do not. Those of HTTP do not either:
// a connection that is kept carries the calls of several clients by turns, whose ids may be far from each other for long.
func (p *pairing) distinct() bool { return p.calls >= enoughIDs && !p.repeated && !p.http }

const enoughIDs = 8

// smallID reports whether a client that has few ids, and gives them in turn, may have this one.
func smallID(id int32) bool { return id >= 0 && id < 1<<16 }

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
	if p.gaps {
		note = "the reply may be among the missing bytes"
	}
	for len(p.pending) > 0 {
		p.giveUp(p.pending[0], note)
	}
}
