package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/detect"
)

// A mark says of bytes in which segment they came.
type mark struct {
	time     int64
	seq, end uint32 // where the segment begins and ends
	ack      uint32 // what its sender had received
	hasAck   bool
	inside   bool // the bytes begin inside of what was sent at once
}

// A layer takes the bytes of a half in place of a stream: TLS, zlib, HTTP.
type layer interface {
	data(b []byte, m mark)
	gap(n int, m mark)
	end()
}

const (
	maxSearch     = 1 << 20  // bytes that are kept while the start of a message is searched
	foreignBytes  = 64 << 10 // of which nothing was a message: the connection is not Thrift
	maxCandidates = 64       // places that are tried each time that bytes come
)

type streamState uint8

const (
	searching streamState = iota // where does a message begin, and in which dialect?
	synced                       // at the start of a message
	foreign                      // not Thrift, or not any more
)

// A stream finds the messages in one direction of a connection.
type stream struct {
	c         *conn
	dir       int
	over      string // what it came out of: tls, zlib
	transport string // if not what the dialect says: http, udp
	target    string
	fromStart bool // nothing is missing before the first byte
	layer     layer
	state     streamState
	known     bool // d is what was found before
	d         detect.Dialect
	protocol  protocol.Protocol
	codec     *msgio.HeaderCodec
	splitter  wire.Splitter

	buf      []byte
	marks    []placedMark // of buf
	need     int          // bytes in buf before it is worth looking again
	skip     int          // bytes to come of an incomplete message
	searched int          // bytes without a message
	tried    int          // of buf: no message begins before
	attempt  *stream      // that reads the first message, which has not come whole
	messages int
}

type placedMark struct {
	pos int
	mark
}

func newStream(c *conn, dir int) *stream { return &stream{c: c, dir: dir} }

// sub returns a stream for what a layer of s finds.
func (s *stream) sub(over string) *stream {
	if s.over != "" {
		over = s.over + "+" + over
	}
	return &stream{c: s.c, dir: s.dir, over: over, fromStart: true}
}

func (s *stream) account(was int) { s.c.a.buffered += cap(s.buf) - was }

func (s *stream) close() {
	if s.layer != nil {
		s.layer.end()
		s.layer = nil
	}
	s.state = foreign
	s.reset()
}

func (s *stream) end() {
	if s.layer != nil {
		s.layer.end()
		return
	}
	if len(s.buf) > 0 && s.state == synced {
		s.incomplete(s.buf)
	}
}

// reset forgets what is in buf.
func (s *stream) reset() {
	was := cap(s.buf)
	s.buf, s.marks, s.need, s.tried = nil, nil, 0, 0
	s.account(was)
}

// data takes the next bytes, which are the caller's again afterwards.
func (s *stream) data(b []byte, m mark) {
	if s.layer != nil {
		s.layer.data(b, m)
		return
	}
	if s.c.foreign != nil {
		s.attach()
		s.layer.data(b, m)
		return
	}
	if s.state == foreign {
		return
	}
	if s.skip > 0 {
		n := min(s.skip, len(b))
		s.skip -= n
		if b = b[n:]; len(b) == 0 {
			return
		}
		m.inside = true
	}
	was := cap(s.buf)
	work := b
	s.marks = append(s.marks, placedMark{len(s.buf), m})
	buffered := len(s.buf) > 0
	if buffered {
		s.buf = append(s.buf, b...)
		work = s.buf
	}
	if len(work) < s.need {
		s.account(was)
		return
	}
	s.need = 0
	used := 0
	for used < len(work) && s.state != foreign {
		was, n := s.state, 0
		if was == synced {
			n = s.next(work, used)
		} else {
			n = s.search(work, used)
		}
		if used += n; s.layer != nil {
			rest, at := append([]byte(nil), work[used:]...), s.markAt(used)
			s.reset()
			if len(rest) > 0 {
				s.layer.data(rest, at)
			}
			return
		}
		if n == 0 && s.state == was {
			break
		}
	}
	s.keep(work, used, buffered)
	s.account(was)
}

// keep keeps work from used on.
func (s *stream) keep(work []byte, used int, buffered bool) {
	rest := len(work) - used
	switch {
	case s.state == foreign:
		s.buf, s.marks = nil, nil
		return
	case rest == 0:
		if cap(s.buf) > 64<<10 {
			s.buf = nil
		}
		s.buf, s.marks = s.buf[:0], s.marks[:0]
		return
	case !buffered:
		s.buf = append(s.buf[:0], work[used:]...)
	case used > 0:
		s.buf = s.buf[:copy(s.buf, s.buf[used:])]
	}
	s.shift(used)
	if s.need > 0 {
		s.need = max(s.need-used, 0)
	}
}

// shift moves the marks by used bytes that are no longer in buf.
func (s *stream) shift(used int) {
	if used == 0 {
		return
	}
	first := 0
	for i := range s.marks {
		if s.marks[i].pos <= used {
			first = i
		}
	}
	s.marks = append(s.marks[:0], s.marks[first:]...)
	for i := range s.marks {
		if s.marks[i].pos < used {
			s.marks[i].inside = true
		}
		s.marks[i].pos = max(s.marks[i].pos-used, 0)
	}
}

// markAt returns the mark of the byte at pos of what is worked on.
func (s *stream) markAt(pos int) mark {
	for i := len(s.marks) - 1; i > 0; i-- {
		if s.marks[i].pos <= pos {
			return s.marks[i].mark
		}
	}
	if len(s.marks) == 0 {
		return mark{}
	}
	return s.marks[0].mark
}

// next reads the message at used, and returns its length; 0 if more has to come, or if the stream is not understood any more.
func (s *stream) next(work []byte, used int) int {
	b := work[used:]
	n, head, err := s.extent(b)
	if err != nil {
		s.lose()
		return 0
	}
	if n > len(b) || n == 0 {
		s.need = used + max(n, len(b)+1)
		return 0
	}
	if n == head { // an empty frame, or part of a negotiation
		return n
	}
	if !s.message(b[head:n], n, used, used+n-1) {
		s.lose()
		return 0
	}
	return n
}

// lose says that the start of the next message is not known.
func (s *stream) lose() {
	s.state, s.searched, s.need, s.tried = searching, 0, 0, 0
	s.fromStart = false
	s.splitter = nil
	if s.messages == 0 && !s.known {
		s.state = foreign
	}
}

// extent returns how long the message at the start of b is, with the frame around it, of which head bytes precede the
// message; n may be more than b has, and is 0 if that is not known yet.
func (s *stream) extent(b []byte) (n, head int, err error) {
	if s.d.Framed || s.d.Envelope != detect.None {
		if s.d.Envelope == detect.SASL && len(b) > 0 && b[0] != 0 { // the negotiation: a status before the length
			if len(b) < 5 {
				return 0, 0, nil
			}
			size := binary.BigEndian.Uint32(b[1:])
			if b[0] > 5 || size > 64<<10 {
				return 0, 0, wire.Errorf(0, wire.ErrInvalid, "not SASL")
			}
			return 5 + int(size), 5 + int(size), nil
		}
		if len(b) < 4 {
			return 0, 0, nil
		}
		size := binary.BigEndian.Uint32(b)
		if int64(size) > int64(s.c.a.opts.MaxMessageBytes) {
			return 0, 0, wire.Errorf(0, wire.ErrTooLarge, "a frame of %d bytes", size)
		}
		return 4 + int(size), 4, nil
	}
	if s.splitter == nil {
		s.splitter = s.protocol.NewSplitter(s.c.a.opts.MaxMessageBytes)
	}
	n, need, err := s.splitter.Split(b)
	if err == nil && n == 0 {
		return max(need, len(b)+1), 0, nil
	}
	return n, 0, err
}

// use makes d the dialect of the stream.
func (s *stream) use(d detect.Dialect) {
	if s.known && d == s.d {
		s.splitter = nil
		return
	}
	s.known, s.d, s.splitter, s.codec = true, d, nil, nil
	switch d.Envelope {
	case detect.None:
		s.protocol = protocol.Of(d)
	case detect.THeader, detect.TTHeader:
		framing := wire.THeader
		if d.Envelope == detect.TTHeader {
			framing = wire.TTHeader
		}
		s.codec, _ = msgio.NewHeaderCodec(framing, s.c.a.codec, "", s.c.a.opts.MaxMessageBytes) // without compression it cannot fail
	}
}

// open undoes the envelope of a message of s.d.
func (s *stream) open(b []byte) (p protocol.Protocol, e *msgio.Envelope, msg []byte, err error) {
	switch {
	case s.codec != nil:
		if s.d.Framed { // the frame has another one in it
			if len(b) < 4 || binary.BigEndian.Uint32(b) != uint32(len(b)-4) {
				return nil, nil, nil, wire.Errorf(0, wire.ErrInvalid, "not a frame in a frame")
			}
			b = b[4:]
		}
		if e, msg, err = s.codec.Decode(b); err != nil {
			return nil, nil, nil, err
		}
		return protocol.InHeader(e.Protocol, msg), e, msg, nil
	case s.d.Envelope == detect.SASL:
		d, ok := detect.Bytes(b, len(b))
		if !ok || d.Framed || d.Envelope != detect.None {
			return nil, nil, nil, wire.Errorf(0, wire.ErrInvalid, "not a message")
		}
		return protocol.Of(d), nil, b, nil
	}
	return s.protocol, nil, b, nil
}

// plausible is the func of this name, which need not look at names that are known.
func (a *Assembler) plausible(h wire.Header) bool {
	if _, ok := a.names[h.Name]; ok {
		return h.Type >= wire.Call && h.Type <= wire.Oneway
	}
	return plausible(h)
}

// plausible reports whether a header may be one. Method names are text without blanks in all libraries.
func plausible(h wire.Header) bool {
	if h.Type < wire.Call || h.Type > wire.Oneway || len(h.Name) == 0 || len(h.Name) > 1024 {
		return false
	}
	for i := range len(h.Name) {
		if c := h.Name[i]; c <= ' ' || c == 0x7f {
			return false
		}
	}
	return utf8.ValidString(h.Name)
}

// message takes a message, without its frame, of size bytes with it; first and last are the places of its first and last byte.
func (s *stream) message(b []byte, size, first, last int) bool {
	p, e, msg, err := s.open(b)
	if err != nil {
		if e == nil && s.codec != nil && s.messages > 0 { // a transform or a protocol that is not known
			s.c.a.counters.Incomplete++
			return true
		}
		return false
	}
	h, off, err := p.ConsumeHeader(msg)
	if err != nil || !s.c.a.plausible(h) {
		return false
	}
	m := s.newMessage(h, p, e, size, first, last)
	m.Offset = off
	if h.Type == wire.Reply {
		m.status = max(m.status, resultStatus(m.Protocol, msg, off))
	}
	s.c.a.setBytes(m, msg)
	s.give(m)
	return true
}

func (s *stream) newMessage(h wire.Header, p protocol.Protocol, e *msgio.Envelope, size, first, last int) *Message {
	m := s.c.a.newMessage()
	m.Header, m.Protocol, m.Transport, m.Over, m.Size, m.Target = h, p.Name(), s.transport, s.over, size, s.target
	m.codec, m.dir = p, s.dir
	m.Name = s.c.a.intern(h.Name)
	m.first, m.last = s.markAt(first), s.markAt(last)
	m.Start, m.Time = at(m.first.time), at(m.last.time)
	switch {
	case m.Transport != "":
	case s.d.Envelope == detect.SASL:
		m.Transport = "sasl"
	case s.d.Envelope == detect.THeader && s.d.Framed:
		m.Transport = wire.FramedTHeader.String()
	case s.d.Envelope == detect.THeader:
		m.Transport = wire.THeader.String()
	case s.d.Envelope == detect.TTHeader:
		m.Transport = wire.TTHeader.String()
	case s.d.Framed:
		m.Transport = wire.Framed.String()
	default:
		m.Transport = wire.Buffered.String()
	}
	if e != nil {
		m.service = e.Service
		m.Metadata = metadata(e)
		if e.Status != nil {
			m.status = StatusException
		}
	}
	return m
}

// metadata returns what a header says besides the message.
func metadata(e *msgio.Envelope) map[string]string {
	all := make(map[string]string, len(e.Transient)+len(e.Persistent))
	for k, v := range e.Persistent {
		all[k] = v
	}
	for k, v := range e.Transient {
		all[k] = v
	}
	if e.Status != nil {
		all["biz-status"], all["biz-message"] = strconv.Itoa(int(e.Status.Code)), e.Status.Message
	}
	if e.Timeout > 0 {
		all["timeout"] = e.Timeout.String()
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

func at(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos)
}

// give hands a message to the pairing.
func (s *stream) give(m *Message) {
	s.messages++
	c := s.c
	c.a.counters.Messages++
	if m.Missing > 0 {
		c.a.counters.Incomplete++
	}
	if !c.isThrift {
		c.isThrift = true
		c.a.counters.Thrift++
	}
	if other := c.halves[1-s.dir].stream; other != nil && other.state == foreign && other.layer == nil && !c.closed && other.messages == 0 {
		other.state, other.fromStart, other.searched = searching, false, 0 // it speaks Thrift after all
	}
	if m.Type == wire.Call || m.Type == wire.Oneway {
		c.pairing.request(c, m)
	} else {
		c.pairing.reply(c, m)
	}
}

// gap says that n bytes are missing here.
func (s *stream) gap(n int, m mark) {
	if s.layer != nil {
		s.layer.gap(n, m)
		return
	}
	if s.state == foreign {
		return
	}
	if s.skip > 0 {
		if n <= s.skip {
			s.skip -= n
			return
		}
		s.skip = 0
		s.lose()
		return
	}
	if s.state == searching && len(s.buf) > s.tried {
		// What came may be the beginning of a message that is cut here.
		if d, ok := detect.Bytes(s.buf[s.tried:], s.c.a.opts.MaxMessageBytes); ok && s.beginsAt(s.tried) && (!s.known || sameDialect(d, s.d)) && strong(d) {
			s.use(d)
			s.dropFirst(s.tried)
			s.state = synced
		}
	}
	if s.state == synced && len(s.buf) > 0 {
		total, head, err := s.extent(s.buf)
		framed := head == 4
		found := err == nil && s.incomplete(s.buf)
		if have := len(s.buf); found && framed && total >= have+n {
			s.reset()
			s.splitter = nil
			s.skip = total - have - n
			return
		}
	}
	s.reset()
	if s.messages == 0 && s.fromStart {
		s.fromStart = false
	}
	known := s.known
	s.lose()
	s.state, s.known = searching, known
}

func (s *stream) dropFirst(n int) {
	s.buf = append(s.buf[:0], s.buf[n:]...)
	s.shift(n)
	s.tried = 0
}

// beginsAt reports whether what was sent at once begins at pos of buf.
func (s *stream) beginsAt(pos int) bool {
	for _, m := range s.marks {
		if m.pos == pos {
			return !m.inside
		}
	}
	return false
}

// strong reports whether the header of a message in d is enough to recognize one: its version and its type are in fixed places.
func strong(d detect.Dialect) bool {
	return d.Envelope == detect.None && !d.Old && (d.Protocol == "binary" || d.Protocol == "compact")
}

// incomplete takes the beginning b of a message, of which more will not come, and reports whether that tells which message it is.
func (s *stream) incomplete(b []byte) bool {
	size, head := 0, 0
	if s.d.Framed || s.d.Envelope != detect.None {
		if len(b) < 8 {
			return false
		}
		head = 4
		size = 4 + int(binary.BigEndian.Uint32(b))
	}
	if s.codec != nil || s.d.Envelope == detect.SASL || !strong(s.d) && s.messages == 0 {
		return false
	}
	h, off, err := s.protocol.ConsumeHeader(b[head:])
	if err != nil || !plausible(h) {
		return false
	}
	m := s.newMessage(h, s.protocol, nil, max(size, len(b)), 0, len(b)-1)
	m.Offset = off
	m.Missing = max(size-len(b), 1)
	if h.Type == wire.Reply {
		m.status = resultStatus(m.Protocol, b[head:], off)
	}
	s.c.a.setBytes(m, b[head:])
	s.give(m)
	return true
}

func sameDialect(a, b detect.Dialect) bool {
	return a.Framed == b.Framed && a.Protocol == b.Protocol && a.Envelope == b.Envelope
}

// search looks for the start of a message in work from used on, and returns how many bytes precede it, if it is found, or are
// of no use. The rest is looked at again when more comes.
func (s *stream) search(work []byte, used int) int {
	b := work[used:]
	if s.fromStart {
		return s.start(b, used)
	}
	candidates := 0
	for pos := s.tried; pos < len(b); {
		boundary := false
		next := len(b)
		for _, m := range s.marks {
			if at := m.pos - used; at >= pos && !m.inside && at < next {
				next, boundary = at, true
			}
		}
		if s.known {
			if at := s.magic(b, pos); at >= 0 && at < next {
				next, boundary = at, false
			}
		}
		if next == len(b) {
			break
		}
		pos = next
		if candidates++; candidates > maxCandidates {
			break
		}
		if boundary && s.inHTTP(b[pos:]) {
			s.found()
			return pos
		}
		wait := false
		if boundary && !s.known {
			var ok bool
			if ok, wait = s.resumesForeign(b[pos:]); ok {
				s.c.a.counters.Resyncs++
				return pos
			}
		}
		d, n, more := s.try(b[pos:])
		more = more || wait
		if n > 0 && !boundary {
			// In the middle of other bytes two messages have to follow each other.
			_, second, again := s.try(b[pos+n:])
			n, more = min(n, second), again || pos+n == len(b)
		}
		switch {
		case n > 0:
			s.use(d)
			s.found()
			return pos
		case more && len(b)-pos < maxSearch:
			s.tried = pos
			if pos > maxSearch/2 {
				s.tried = 0
				return pos
			}
			return 0
		}
		pos++
	}
	s.searched += len(b) - s.tried
	if s.searched > foreignBytes && !s.known {
		s.state = foreign
		return 0
	}
	s.tried = 0
	keep := 0
	if s.known {
		keep = min(len(b), 7) // a start may be cut in two
	}
	return len(b) - keep
}

func (s *stream) found() {
	s.state, s.searched, s.tried, s.need = synced, 0, 0, 0
	s.c.a.counters.Resyncs++
}

// magic returns the first place from pos on where a message in the known dialect may begin, by the bytes that name its version; -1
// if there is none, or if the dialect has no such bytes.
func (s *stream) magic(b []byte, pos int) int {
	if !strong(s.d) {
		return -1
	}
	frame := 0
	if s.d.Framed {
		frame = 4
	}
	for at := pos + frame; at < len(b); at++ {
		var i int
		if s.d.Protocol == "binary" {
			i = bytes.Index(b[at:], []byte{0x80, 1, 0})
		} else {
			i = bytes.IndexByte(b[at:], 0x82)
		}
		if i < 0 {
			return -1
		}
		if at += i; s.d.Protocol == "binary" || at+1 < len(b) && (b[at+1]&0x1f == 1 || b[at+1]&0x1f == 2) {
			return at - frame
		}
	}
	return -1
}

// try reports whether a whole message begins with b, how long it is, and whether more bytes have to come to tell.
func (s *stream) try(b []byte) (d detect.Dialect, n int, more bool) {
	return s.tryFurther(b, new(*stream))
}

// tryFurther is try. What attempt points to keeps how far b was looked at, for when there is more of it.
func (s *stream) tryFurther(b []byte, attempt **stream) (d detect.Dialect, n int, more bool) {
	if len(b) == 0 || len(b) < detect.Size(b) {
		return d, 0, true
	}
	d, ok := detect.Bytes(b, s.c.a.opts.MaxMessageBytes)
	if !ok || s.known && !sameDialect(d, s.d) {
		return d, 0, false
	}
	t := *attempt
	if t == nil || !sameDialect(t.d, d) {
		t = &stream{c: s.c, dir: s.dir}
		t.use(d)
		*attempt = t
	}
	n, head, err := t.extent(b)
	if err != nil {
		return d, 0, false
	}
	if d.Envelope == detect.SASL && n == head {
		return d, n, false
	}
	if n > len(b) {
		if d.Envelope != detect.None || len(b) <= head+4 {
			return d, 0, true
		}
		h, _, err := t.protocol.ConsumeHeader(b[head:])
		if errors.Is(err, wire.ErrTruncated) && (t.d.Protocol == "thriftpy2-json" || t.d.Protocol == "simple-json") {
			return d, 0, true // the name may come after the arguments
		}
		return d, 0, err == nil && plausible(h) || err != nil && len(b) < head+1100
	}
	p, _, msg, err := t.open(b[head:n])
	if err != nil || n == head {
		return d, 0, false
	}
	h, _, err := p.ConsumeHeader(msg)
	if err != nil || !plausible(h) {
		return d, 0, false
	}
	if head > 0 { // the frame has to end where the message does
		whole, _, err := p.NewSplitter(len(msg) + 1).Split(msg)
		if err != nil || whole != len(msg) {
			return d, 0, false
		}
	}
	return d, n, false
}

// start recognizes what a connection begins with.
func (s *stream) start(b []byte, used int) int {
	if ok, more := s.isForeign(b); ok {
		return 0
	} else if more {
		s.need = used + len(b) + 1
		return 0
	}
	switch {
	case len(b) >= 3 && msgio.IsTLS(b):
		if s.over == "" || !strings.Contains(s.over, "tls") {
			s.layer = newTLSLayer(s)
			return 0
		}
	case msgio.IsZlib(b):
		s.layer = newZlibLayer(s)
		return 0
	case s.inHTTP(b):
		return 0
	}
	if n, more := s.proxyHeader(b); n > 0 || more {
		if more {
			s.need = used + len(b) + 1
		}
		return n
	}
	if other := s.c.halves[1-s.dir].stream; other.known && other.d.Envelope == detect.SASL && b[0] > 1 && b[0] <= 5 {
		s.use(other.d) // the server's part of the negotiation
		s.state = synced
		return 0
	}
	d, n, more := s.tryFurther(b, &s.attempt)
	if n > 0 || !more {
		s.attempt = nil
	}
	switch {
	case n > 0:
		s.use(d)
		s.state = synced
		return 0
	case more && len(b) <= s.c.a.opts.MaxMessageBytes:
		s.need = used + len(b) + 1
		return 0
	}
	s.state = foreign
	return 0
}

// inHTTP makes HTTP the layer of s if b begins with a request or a response.
func (s *stream) inHTTP(b []byte) bool {
	if s.transport == "http" || !(len(b) >= 8 && msgio.IsHTTP(b) || bytes.HasPrefix(b, []byte("HTTP/1."))) || bytes.HasPrefix(b, []byte("PRI ")) {
		return false
	}
	s.layer = newHTTPLayer(s)
	return true
}

const maxInterned = 4096

// intern returns name in memory of its own, the same for the same name.
func (a *Assembler) intern(name string) string {
	if known, ok := a.names[name]; ok {
		return known
	}
	if a.names == nil || len(a.names) >= maxInterned {
		a.names = make(map[string]string)
	}
	own := strings.Clone(name)
	a.names[own] = own
	return own
}
