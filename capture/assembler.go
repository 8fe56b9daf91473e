package capture

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/header"
)

// Options vary how packets become calls. The zero value is right for most uses.
type Options struct {
	// MaxMessageBytes is how long a message may be that is looked at as a whole; default wire.DefaultMaxMessageBytes.
	MaxMessageBytes int
	// MaxBufferedBytes bounds what is kept of all connections together: incomplete messages, packets that wait for an
	// earlier one, calls without a reply yet. What is beyond is reported as lost. Default 64 MiB.
	MaxBufferedBytes int
	// MaxConns is how many connections are followed at once; of more the one that was quiet longest is given up. Default 65 536.
	MaxConns int
	// HeadersOnly leaves Message.Bytes nil: for those that count calls and do not look into them.
	HeadersOnly bool
	// ReuseCalls says that emit keeps nothing of a call: the Call, its messages and their bytes are valid until it returns, and
	// their memory is used again. For those that look at many calls and keep none. Calls ignores it.
	ReuseCalls bool
	// Secrets decrypts TLS; nil decrypts nothing.
	Secrets *Secrets
	// Protocols are those of other frameworks to look for; none by default.
	Protocols []Protocol
}

func (o Options) withDefaults() Options {
	if o.MaxMessageBytes <= 0 {
		o.MaxMessageBytes = wire.DefaultMaxMessageBytes
	}
	if o.MaxBufferedBytes <= 0 {
		o.MaxBufferedBytes = 64 << 20
	}
	if o.MaxConns <= 0 {
		o.MaxConns = 65536
	}
	return o
}

// Counters say what an Assembler has seen, and what it could not use.
type Counters struct {
	Packets     int64
	Bytes       int64 // of packets, as captured
	OtherLinks  int64 // packets of link layers that are not understood
	Dropped     int64 // packets that a live capture has lost, by Assembler.Dropped
	Cut         int64 // packets of which the end was not captured
	Connections int64 // of TCP, and pairs of peers of UDP, that carried anything
	Thrift      int64 // of these, those with messages of Thrift, or of Options.Protocols
	Encrypted   int64 // TLS without the keys for it
	Messages    int64
	Incomplete  int64 // messages of which a part is missing
	Gaps        int64 // places where bytes of a connection are missing
	LostBytes   int64 // bytes there
	Resyncs     int64 // times that the start of a message was found again
	Overflows   int64 // times that something was given up because of MaxBufferedBytes
}

const (
	startWait     = int64(100 * time.Millisecond) // for the beginning of a connection to show up, if packets are out of order
	startSegments = 256
	gapWait       = int64(time.Second) // for a missing segment
	gapSegments   = 1024
	gapBytes      = 1 << 20
	waitPackets   = 256                     // at least so many packets come before something is given up
	idleTime      = int64(10 * time.Minute) // connections are forgotten after it
	closedTime    = int64(30 * time.Second) // and those that are closed
)

// An Assembler makes calls of packets, or of the bytes of connections. Not for concurrent use.
type Assembler struct {
	opts      Options
	emit      func(*Call)
	conns     map[connKey]*conn
	last      *conn // of the last packet
	lru       lruList
	waiting   map[*half]struct{}
	pending   pendingList
	fragments fragments
	codec     *header.Codec
	now       int64 // the latest time of a packet
	buffered  int
	slab      []byte
	names     map[string]string
	free      freeList
	counters  Counters
}

// NewAssembler returns an Assembler that calls emit with each call: once it is answered, or once it is clear that no
// answer will come.
func NewAssembler(opts Options, emit func(*Call)) *Assembler {
	return &Assembler{
		opts: opts.withDefaults(), emit: emit, conns: make(map[connKey]*conn), waiting: make(map[*half]struct{}), codec: header.NewCodec(),
	}
}

// Counters returns what has been seen so far.
func (a *Assembler) Counters() Counters { return a.counters }

// Dropped says that n packets were dropped before anybody saw them, such as Live.Dropped counts: they become part of the counters.
func (a *Assembler) Dropped(n int64) { a.counters.Dropped += n }

// Packet takes the next packet. It does not keep its data.
func (a *Assembler) Packet(p Packet) {
	a.counters.Packets++
	a.counters.Bytes += int64(len(p.Data))
	if len(p.Data) < p.Length {
		a.counters.Cut++
	}
	s, ok := a.parsePacket(p)
	if !ok {
		return
	}
	a.now = max(a.now, s.time)
	if s.udp {
		a.datagram(s)
	} else {
		a.tcp(s)
	}
	if a.counters.Packets%waitPackets == 0 {
		a.sweep(false)
	}
	if a.buffered > a.opts.MaxBufferedBytes {
		a.shrink()
	}
}

// Tick says that it is now so late, for captures that are under way: what waits for packets that are overdue is given up.
func (a *Assembler) Tick(now time.Time) {
	a.now = max(a.now, now.UnixNano())
	a.sweep(true)
}

// Flush ends all connections, as at the end of a file: calls without a reply are emitted.
func (a *Assembler) Flush() {
	for _, h := range a.waiters() {
		h.c.settle()
	}
	for a.lru.oldest() != nil {
		a.remove(a.lru.oldest())
	}
}

// A connKey names the two ends of a connection, the lower one first.
type connKey struct {
	a, b netip.AddrPort
	udp  bool
}

// A conn is a connection of TCP, or the datagrams between two addresses.
type conn struct {
	key          connKey
	a            *Assembler
	id           int64
	ends         [2]netip.AddrPort // halves[i] is what ends[i] sends
	halves       [2]half
	pairing      pairing
	proxied      netip.AddrPort // the client, if a proxy says so
	tls          *tlsConn
	foreign      *foreignConn  // nil for Thrift
	httpRequests []httpRequest // that wait for their responses
	httpLost     bool          // which response is whose is not clear any more
	isThrift     bool
	closed       bool
	reset        bool
	lastSeen     int64
	prev, next   *conn // in the list by lastSeen
}

// A half is one direction of a connection.
type half struct {
	c             *conn
	dir           int
	started       bool // next is valid
	synced        bool // from the first byte of the connection on
	first         uint32
	next          uint32
	queue         []queued // sorted by seq
	bytes         int      // in queue
	since         int64    // when it began to wait
	packets       int64
	fin           bool
	finAt         uint32
	done          bool // everything up to the FIN was delivered
	absent, heard bool // of its segments none is captured; at least one was
	silent        int  // how often others waited for it in vain
	stream        *stream
}

type queued struct {
	seq     uint32
	data    []byte
	missing int
	mark    mark
}

func before(a, b uint32) bool { return int32(a-b) < 0 }

// conn returns the connection of s and the direction of s in it; nil if there is none, and create is not set.
func (a *Assembler) conn(s *segment, create bool) (*conn, int) {
	key, dir := connKey{s.from, s.to, s.udp}, 0
	if s.to.Compare(s.from) < 0 {
		key.a, key.b, dir = s.to, s.from, 1
	}
	c := a.last
	if c == nil || c.key != key {
		if c = a.conns[key]; c == nil && create {
			c = a.newConn(key)
		}
	}
	if c != nil {
		a.last = c
		c.lastSeen = max(c.lastSeen, s.time)
		a.lru.touch(c)
	}
	return c, dir
}

func (a *Assembler) newConn(key connKey) *conn {
	if len(a.conns) >= a.opts.MaxConns {
		a.counters.Overflows++
		a.remove(a.lru.oldest())
	}
	a.counters.Connections++
	c := &conn{key: key, a: a, id: a.counters.Connections, ends: [2]netip.AddrPort{key.a, key.b}}
	c.pairing.client = -1
	for i := range c.halves {
		c.halves[i] = half{c: c, dir: i}
		c.halves[i].stream = newStream(c, i)
	}
	a.conns[key] = c
	a.lru.add(c)
	return c
}

// remove ends c and forgets it.
func (a *Assembler) remove(c *conn) {
	c.finish()
	for i := range c.halves {
		c.halves[i].drop()
	}
	delete(a.conns, c.key)
	a.lru.remove(c)
	if a.last == c {
		a.last = nil
	}
}

func (a *Assembler) tcp(s segment) {
	syn := s.flags&flagSYN != 0
	n := len(s.payload) + s.missing
	c, dir := a.conn(&s, syn || n > 0)
	if c == nil {
		return // a late ACK
	}
	h := &c.halves[dir]
	if syn && h.isOther(s.seq+1) || !syn && n > 0 && h.started && int32(s.seq-h.next) < -16<<20 {
		a.remove(c)
		c, dir = a.conn(&s, true)
		h = &c.halves[dir]
	}
	if syn {
		if s.flags&flagACK == 0 {
			c.pairing.client = dir
		} else {
			c.pairing.client = 1 - dir
			c.halves[1-dir].begin(s.ack, true)
		}
		s.seq++
		h.begin(s.seq, true)
	}
	if s.flags&flagRST != 0 {
		c.reset = true
	}
	if n > 0 {
		h.add(queued{s.seq, s.payload, s.missing, mark{time: s.time, seq: s.seq, end: s.seq + uint32(n), ack: s.ack, hasAck: s.flags&flagACK != 0}})
	}
	if s.flags&flagFIN != 0 && !h.fin {
		h.fin, h.finAt = true, s.seq+uint32(n)
	}
	h.checkDone()
	c.pump()
	c.checkDone()
}

// checkDone notes whether all up to the FIN was delivered.
func (h *half) checkDone() {
	if h.fin && h.started && !before(h.next, h.finAt) {
		h.done = true
	}
}

// checkDone ends a connection that both sides have closed.
func (c *conn) checkDone() {
	if c.halves[0].done && c.halves[1].done {
		c.finish()
	}
}

// isOther reports whether a SYN with the number before seq begins another connection than the one that h is of.
func (h *half) isOther(seq uint32) bool {
	if !h.started || h.first == seq {
		return false
	}
	// The capture, or what is left of it, began later than the connection: its SYN comes out of order.
	return h.synced || before(h.first, seq) || h.first-seq > 1<<20
}

// begin says that the stream begins at seq: synced, with the first byte of the connection.
func (h *half) begin(seq uint32, synced bool) {
	if h.started {
		return
	}
	h.started, h.synced, h.first, h.next = true, synced, seq, seq
	h.stream.fromStart = synced
	if !synced {
		h.c.pairing.gap(h.dir, seq)
	}
}

// add takes a segment.
func (h *half) add(q queued) {
	if h.started {
		if !h.trim(&q) {
			return
		}
		if q.seq == h.next && len(h.queue) == 0 && !h.mustWait(&q) {
			h.deliver(q)
			return
		}
	}
	h.insert(q)
	a := h.c.a
	if _, ok := a.waiting[h]; !ok {
		a.waiting[h] = struct{}{}
		h.since, h.packets = a.now, a.counters.Packets
	}
}

// mustWait reports whether the sender of q had received bytes before it that were not delivered yet. So calls are seen before
// their replies, however the packets come.
func (h *half) mustWait(q *queued) bool {
	other := &h.c.halves[1-h.dir]
	if !q.mark.hasAck || other.absent {
		return false
	}
	if !other.started {
		return h.synced || len(other.queue) > 0
	}
	next := other.next
	if other.done {
		next++
	}
	return before(next, q.mark.ack)
}

// full reports whether no more may wait.
func (h *half) full() bool {
	return len(h.queue) > gapSegments || h.bytes > gapBytes || !h.started && len(h.queue) > startSegments
}

// pump delivers what has become due in either direction.
func (c *conn) pump() {
	for {
		for c.halves[0].drain() || c.halves[1].drain() {
		}
		switch {
		case c.halves[0].full():
			c.a.release(&c.halves[0])
		case c.halves[1].full():
			c.a.release(&c.halves[1])
		default:
			return
		}
	}
}

// trim cuts off what has been delivered, and reports whether there is more.
func (h *half) trim(q *queued) bool {
	old := int(int32(h.next - q.seq))
	if old <= 0 {
		return true
	}
	if old >= len(q.data)+q.missing {
		return false
	}
	if old >= len(q.data) {
		q.missing -= old - len(q.data)
		q.data = nil
	} else {
		q.data = q.data[old:]
	}
	q.seq = h.next
	return true
}

// insert puts a copy of q into the queue.
func (h *half) insert(q queued) {
	at := len(h.queue)
	for at > 0 && before(q.seq, h.queue[at-1].seq) {
		at--
	}
	for i := at - 1; i >= 0 && h.queue[i].seq == q.seq; i-- {
		if len(h.queue[i].data) >= len(q.data) && len(h.queue[i].data)+h.queue[i].missing >= len(q.data)+q.missing {
			return // a copy
		}
	}
	q.data = append([]byte(nil), q.data...)
	h.queue = append(h.queue, queued{})
	copy(h.queue[at+1:], h.queue[at:])
	h.queue[at] = q
	h.account(len(q.data))
}

func (h *half) account(n int) {
	h.bytes += n
	h.c.a.buffered += n
}

// drain delivers what has become due, and reports whether there was any.
func (h *half) drain() bool {
	n := 0
	for n < len(h.queue) && h.started && !before(h.next, h.queue[n].seq) {
		q := h.queue[n]
		if h.trim(&q) {
			if h.mustWait(&q) {
				break
			}
			h.deliver(q)
		}
		h.account(-len(h.queue[n].data))
		n++
	}
	if n == 0 {
		return false
	}
	h.queue = append(h.queue[:0], h.queue[n:]...)
	if len(h.queue) == 0 {
		h.queue = nil
		delete(h.c.a.waiting, h)
	}
	return true
}

// deliver hands q to the stream; q.seq is h.next.
func (h *half) deliver(q queued) {
	h.heard = true
	h.next += uint32(len(q.data) + q.missing)
	if len(q.data) > 0 {
		h.stream.data(q.data, q.mark)
	}
	if q.missing > 0 {
		h.gap(q.missing, q.mark)
	}
	h.checkDone()
}

// gap says that n bytes before h.next are missing.
func (h *half) gap(n int, m mark) {
	h.c.a.counters.Gaps++
	h.c.a.counters.LostBytes += int64(n)
	h.c.pairing.gap(h.dir, h.next)
	h.stream.gap(n, m)
}

func (h *half) drop() {
	h.account(-h.bytes)
	h.queue = nil
	delete(h.c.a.waiting, h)
	if h.stream != nil {
		h.stream.close()
	}
}

// release gives up waiting for what precedes the queue of h, and goes one step further.
func (a *Assembler) release(h *half) {
	if len(h.queue) == 0 {
		delete(a.waiting, h)
		return
	}
	h.since, h.packets = a.now, a.counters.Packets
	first := h.queue[0]
	if !h.started {
		h.begin(first.seq, false)
		return
	}
	h.skipTo(first.seq, first.mark.time)
	if !h.trim(&first) || !h.mustWait(&first) {
		return
	}
	other := &h.c.halves[1-h.dir]
	if len(other.queue) > 0 && before(other.queue[0].seq, first.mark.ack) {
		q := other.queue[0]
		if !other.started {
			other.begin(q.seq, false)
		}
		other.skipTo(q.seq, q.mark.time)
		other.account(-len(q.data))
		other.queue = other.queue[1:]
		if other.trim(&q) {
			other.deliver(q)
		}
		if len(other.queue) == 0 {
			delete(a.waiting, other)
		}
		return
	}
	if !other.started {
		other.begin(first.mark.ack, false)
	} else {
		other.skipTo(first.mark.ack, first.mark.time)
	}
	if other.silent++; other.silent > 2 && !other.heard {
		other.absent = true // it is not captured at all
	}
}

// skipTo declares what precedes seq missing.
func (h *half) skipTo(seq uint32, time int64) {
	n := int32(seq - h.next)
	if n <= 0 {
		return
	}
	h.next = seq
	if h.fin && h.next-1 == h.finAt { // which an ACK counts as a byte
		h.checkDone()
		if n--; n == 0 {
			return
		}
	}
	h.gap(int(n), mark{time: time})
}

// sweep gives up what has waited for too long. overdue says that time alone decides, not how many packets came meanwhile.
func (a *Assembler) sweep(overdue bool) {
	for _, h := range a.waiters() {
		limit := gapWait
		if !h.started {
			limit = startWait
		}
		if a.now-h.since >= limit && (overdue || a.counters.Packets-h.packets >= waitPackets) {
			a.release(h)
			h.c.pump()
			h.c.checkDone()
		}
	}
	for c := a.lru.oldest(); c != nil; c = a.lru.oldest() {
		if age := a.now - c.lastSeen; age < closedTime || !c.closed && !c.reset && age < idleTime {
			break
		}
		a.remove(c)
	}
}

// shrink gives up enough to be below the limit again.
func (a *Assembler) shrink() {
	a.counters.Overflows++
	goal := a.opts.MaxBufferedBytes / 2
	for _, h := range a.waiters() {
		if a.buffered <= goal {
			return
		}
		h.c.settle()
	}
	for a.buffered > goal && a.pending.oldest() != nil {
		p := a.pending.oldest()
		p.conn.pairing.giveUp(p, "no room to wait for the reply")
	}
	for c := a.lru.oldest(); c != nil && a.buffered > goal; c = a.lru.oldest() {
		a.remove(c)
	}
}

// waiters returns the halves that wait, in a fixed order.
func (a *Assembler) waiters() []*half {
	list := slices.Collect(maps.Keys(a.waiting))
	slices.SortFunc(list, func(x, y *half) int { return cmp.Or(cmp.Compare(x.c.id, y.c.id), cmp.Compare(x.dir, y.dir)) })
	return list
}

// settle gives up everything that c waits for.
func (c *conn) settle() {
	c.pump()
	for len(c.halves[0].queue)+len(c.halves[1].queue) > 0 {
		h := &c.halves[0]
		if other := &c.halves[1]; len(h.queue) == 0 || len(other.queue) > 0 && other.queue[0].mark.time < h.queue[0].mark.time {
			h = other
		}
		c.a.release(h)
		c.pump()
	}
}

// finish ends a connection, which stays known so that late copies of its packets are recognized.
func (c *conn) finish() {
	if c.closed {
		return
	}
	c.settle()
	c.closed = true
	for i := range c.halves {
		c.halves[i].stream.end()
	}
	why := "the connection ended without a reply"
	switch {
	case c.reset:
		why = "the connection was reset without a reply"
	case !c.halves[0].done && !c.halves[1].done:
		why = "no reply was captured"
	}
	c.pairing.finish(why)
	if c.foreign != nil {
		c.foreign.end(c.a, why)
	}
	c.dropHTTP(why)
	for i := range c.halves {
		c.halves[i].stream.close()
	}
}

// A freeList has memory of calls that are over, with Options.ReuseCalls.
type freeList struct {
	call     Call // the one that emit gets
	messages []*Message
	pending  []*pendingCall
}

const (
	maxFree      = 1024    // of each kind
	maxFreeBytes = 4 << 10 // of the bytes of a message
)

// deliver hands over a call of Thrift.
func (a *Assembler) deliver(c Call) {
	if !a.opts.ReuseCalls {
		a.emit(&c)
		return
	}
	a.free.call = c
	a.emit(&a.free.call)
	a.recycle(c.Request)
	a.recycle(c.Reply)
	a.free.call = Call{}
}

// recycle takes back a message that nobody looks at any more; nil for none.
func (a *Assembler) recycle(m *Message) {
	if m == nil || len(a.free.messages) == maxFree {
		return
	}
	own := m.own[:0]
	if cap(own) > maxFreeBytes {
		own = nil
	}
	*m = Message{own: own}
	a.free.messages = append(a.free.messages, m)
}

// newMessage returns an empty message.
func (a *Assembler) newMessage() *Message {
	n := len(a.free.messages)
	if n == 0 {
		return &Message{}
	}
	m := a.free.messages[n-1]
	a.free.messages = a.free.messages[:n-1]
	return m
}

// newPending returns a call that waits for its reply.
func (a *Assembler) newPending(c *conn, m *Message) *pendingCall {
	var p *pendingCall
	if n := len(a.free.pending); n > 0 {
		p = a.free.pending[n-1]
		a.free.pending = a.free.pending[:n-1]
	} else {
		p = new(pendingCall)
	}
	*p = pendingCall{request: m, conn: c, bytes: len(m.Bytes) + 256}
	return p
}

// setBytes makes b, which others will write to, the bytes of m.
func (a *Assembler) setBytes(m *Message, b []byte) {
	switch {
	case a.opts.HeadersOnly:
	case !a.opts.ReuseCalls:
		m.Bytes = a.own(b)
	case m.Type == wire.Call: // it waits for its reply
		m.own = append(m.own[:0], b...)
		m.Bytes = m.own
	default: // it is delivered at once
		m.Bytes = b
	}
}

// own returns a copy of b.
func (a *Assembler) own(b []byte) []byte {
	const size = 64 << 10
	if len(b) > size/8 {
		return append([]byte(nil), b...)
	}
	if len(a.slab)+len(b) > cap(a.slab) {
		a.slab = make([]byte, 0, size)
	}
	start := len(a.slab)
	a.slab = append(a.slab, b...)
	return a.slab[start:len(a.slab):len(a.slab)]
}

// An lruList has connections by when they were last seen.
type lruList struct{ head, tail *conn } // head: the latest

func (l *lruList) oldest() *conn { return l.tail }

func (l *lruList) add(c *conn) {
	c.prev, c.next = nil, l.head
	if l.head != nil {
		l.head.prev = c
	} else {
		l.tail = c
	}
	l.head = c
}

func (l *lruList) remove(c *conn) {
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		l.head = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		l.tail = c.prev
	}
	c.prev, c.next = nil, nil
}

func (l *lruList) touch(c *conn) {
	if l.head != c {
		l.remove(c)
		l.add(c)
	}
}
