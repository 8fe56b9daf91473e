package muxconn

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// A CaptureFormat is how a captured connection of a protocol is read.
type CaptureFormat struct {
	Format

	// IsHead reports whether what a side sends may begin with b, at least Head bytes, as peers write it.
	IsHead func(from capture.Side, b []byte) bool

	// Read returns what a whole message says, of which it may keep the memory. The error is why it is not one.
	Read func(from capture.Side, msg []byte) (m Captured, err error)
}

// A Captured is a message of a captured connection.
type Captured struct {
	ID      uint64
	Message *capture.Message // without Start, Time, Size and Whole; nil for what is neither a call nor a reply
	Reply   bool
	Status  capture.Status // of a reply
}

// The bounds of what a captured connection may make the program keep.
const (
	maxCaptured       = wire.DefaultMaxMessageBytes // bytes of a message
	maxCapturedAgain  = 256 << 10                   // and of the first one after a gap
	maxCapturedCalls  = 4096                        // that wait for replies
	maxCapturedEarly  = 1024                        // replies that wait for calls
	sizeOfCapturedOne = 512                         // bytes, about, that a call takes beside its message
)

// A capturer is the decoder of a captured connection.
type capturer struct {
	CaptureFormat
	emit  func(*capture.Call)
	sides [2]capturedSide // what the client sends, and the server
	calls map[uint64]*capturedCall
	early map[uint64]*capturedCall // replies whose calls have not come
	count uint64
	kept  int // bytes in calls and early
}

// A capturedSide is what one side sends.
type capturedSide struct {
	buf    []byte
	need   int       // bytes of buf before it is worth looking again
	start  time.Time // of the message that buf begins with
	gap    bool      // bytes were missing
	lost   bool      // where a message begins is not known
	pieces []capturedPiece
}

// A capturedPiece is where bytes that came at once begin in buf, while the side is lost.
type capturedPiece struct {
	at   int
	time time.Time
}

type capturedCall struct {
	Captured
	order uint64
}

// NewCapture returns a decoder of a captured connection. Calls and replies find each other by their ids. After a gap, reading goes on at a
// message that begins where a packet does, is right in all parts, and ends where a packet does or another message begins.
func NewCapture(f CaptureFormat, emit func(*capture.Call)) capture.Decoder {
	return &capturer{CaptureFormat: f, emit: emit, calls: make(map[uint64]*capturedCall), early: make(map[uint64]*capturedCall)}
}

// MatchMessage is that of a [capture.ResumableProtocol], for a protocol whose Match says that a message begins with b.
func (f CaptureFormat) MatchMessage(match func(b []byte) (capture.Side, bool), b []byte) (capture.Side, bool) {
	side, more := match(b)
	if side == capture.NoSide {
		return side, more
	}
	n, whole, err := f.Size(b)
	if err != nil || n > maxCapturedAgain {
		return capture.NoSide, false
	}
	if !whole || len(b) < n {
		return capture.NoSide, true
	}
	if _, err := f.Read(side, slices.Clone(b[:n])); err != nil {
		return capture.NoSide, false
	}
	switch {
	case len(b) == n:
		return side, false
	case len(b) < n+f.Head:
		return capture.NoSide, true
	case !f.IsHead(side, b[n:]):
		return capture.NoSide, false
	}
	return side, false
}

// ReadMessage is that of a [capture.MessageProtocol].
func (f CaptureFormat) ReadMessage(b []byte) (*capture.Call, int, error) {
	if len(b) < f.Head {
		return nil, 0, wire.Truncated(len(b))
	}
	n, whole, err := f.Size(b)
	switch {
	case err != nil:
		return nil, 0, err
	case !whole || n > len(b):
		return nil, 0, wire.Truncated(len(b))
	}
	side := capture.ClientSide
	if !f.IsHead(side, b) {
		if side = capture.ServerSide; !f.IsHead(side, b) {
			return nil, 0, wire.Errorf(0, wire.ErrInvalid, "the header % x is not one", b[:f.Head])
		}
	}
	m, err := f.Read(side, b[:n:n])
	if err != nil || m.Message == nil {
		return nil, n, err
	}
	m.Message.Size, m.Message.Whole = n, b[:n:n]
	switch {
	case m.Reply:
		return &capture.Call{Reply: m.Message, Status: m.Status}, n, nil
	case m.Message.Type == wire.Oneway:
		return &capture.Call{Request: m.Message, Status: capture.StatusOneway}, n, nil
	}
	return &capture.Call{Request: m.Message, Status: capture.StatusNoReply}, n, nil
}

// Buffered implements [capture.Decoder].
func (c *capturer) Buffered() int {
	n := c.kept
	for i := range c.sides {
		n += cap(c.sides[i].buf) + 32*cap(c.sides[i].pieces)
	}
	return n
}

// Gap implements [capture.Decoder].
func (c *capturer) Gap(from capture.Side) {
	c.sides[from-capture.ClientSide] = capturedSide{gap: true, lost: true}
}

// Data implements [capture.Decoder].
func (c *capturer) Data(from capture.Side, b []byte, at time.Time) {
	s := &c.sides[from-capture.ClientSide]
	if len(s.buf) == 0 {
		s.start = at
	}
	if s.lost {
		s.pieces = append(s.pieces, capturedPiece{len(s.buf), at})
	}
	if s.buf = append(s.buf, b...); len(s.buf) < s.need {
		return
	}
	if s.lost && !c.find(from, s) {
		return
	}
	used := 0
	for {
		n, whole := c.next(s, s.buf[used:])
		if n < 0 {
			c.Gap(from)
			return
		}
		if !whole {
			s.need = n
			break
		}
		msg := slices.Clone(s.buf[used : used+n])
		m, err := c.Read(from, msg)
		if err != nil {
			c.Gap(from)
			return
		}
		if m.Message != nil && m.Reply == (from == capture.ServerSide) {
			m.Message.Start, m.Message.Time, m.Message.Size, m.Message.Whole = s.start, at, n, msg
			c.message(m)
		}
		used += n
		s.start = at
	}
	if s.buf = s.buf[:copy(s.buf, s.buf[used:])]; len(s.buf) == 0 && cap(s.buf) > maxKept {
		s.buf = nil
	}
}

// next returns how long the message is that b begins with, or with whole false how many bytes say more; -1 if it is none.
func (c *capturer) next(s *capturedSide, b []byte) (n int, whole bool) {
	if len(b) < c.Head {
		return c.Head, false
	}
	n, whole, err := c.Size(b)
	if err != nil || n > maxCaptured || s.lost && n > maxCapturedAgain {
		return -1, false
	}
	return n, whole && len(b) >= n
}

// find looks for a message where a piece of a lost side begins, and reports whether buf begins with one.
func (c *capturer) find(from capture.Side, s *capturedSide) bool {
	for len(s.pieces) > 0 {
		found, need := c.isMessage(from, s)
		if need > 0 {
			s.need = need
			return false
		}
		s.need = 0
		if found {
			s.start, s.lost, s.pieces = s.pieces[0].time, false, nil
			return true
		}
		s.pieces = s.pieces[1:]
		if len(s.pieces) == 0 {
			break
		}
		skip := s.pieces[0].at
		s.buf = s.buf[:copy(s.buf, s.buf[skip:])]
		for i := range s.pieces {
			s.pieces[i].at -= skip
		}
	}
	s.buf, s.pieces = s.buf[:0], nil
	return false
}

// isMessage reports whether a lost side begins with a message, as far as that is certain. need is how many bytes tell, if it takes more.
func (c *capturer) isMessage(from capture.Side, s *capturedSide) (found bool, need int) {
	b := s.buf
	if len(b) < c.Head {
		return false, c.Head
	}
	n, whole := c.next(s, b)
	if n < 0 || !c.IsHead(from, b) {
		return false, 0
	}
	if !whole {
		return false, n
	}
	if _, err := c.Read(from, slices.Clone(b[:n])); err != nil {
		return false, 0
	}
	_, ends := slices.BinarySearchFunc(s.pieces, n, func(p capturedPiece, n int) int { return cmp.Compare(p.at, n) })
	switch {
	case ends || n == len(b):
		return true, 0
	case len(b) < n+c.Head:
		return false, n + c.Head
	}
	return c.IsHead(from, b[n:]), 0
}

// message takes a call or a reply.
func (c *capturer) message(m Captured) {
	x := &capturedCall{m, c.count}
	c.count++
	switch {
	case !m.Reply && m.Message.Type == wire.Oneway:
		c.emit(&capture.Call{Request: m.Message, Status: capture.StatusOneway})
	case !m.Reply:
		if reply := c.take(c.early, m.ID); reply != nil {
			c.pair(m, reply.Captured)
			return
		}
		if old := c.take(c.calls, m.ID); old != nil {
			c.unanswered(old, "another call has the same id")
		}
		c.keep(c.calls, x, maxCapturedCalls, func(old *capturedCall) { c.unanswered(old, "too many calls wait for replies") })
	default:
		if call := c.take(c.calls, m.ID); call != nil {
			c.pair(call.Captured, m)
			return
		}
		c.take(c.early, m.ID)
		c.keep(c.early, x, maxCapturedEarly, c.alone)
	}
}

// keep adds x to list, after it has given up the oldest of one that is full.
func (c *capturer) keep(list map[uint64]*capturedCall, x *capturedCall, most int, giveUp func(*capturedCall)) {
	if len(list) >= most {
		for _, old := range inOrder(list)[:most/4] {
			giveUp(c.take(list, old.ID))
		}
	}
	list[x.ID] = x
	c.kept += x.size()
}

func (c *capturer) take(list map[uint64]*capturedCall, id uint64) *capturedCall {
	x := list[id]
	if x != nil {
		delete(list, id)
		c.kept -= x.size()
	}
	return x
}

func (x *capturedCall) size() int { return sizeOfCapturedOne + x.Message.Size }

func inOrder(list map[uint64]*capturedCall) []*capturedCall {
	return slices.SortedFunc(maps.Values(list), func(a, b *capturedCall) int { return cmp.Compare(a.order, b.order) })
}

// pair emits a call with its reply.
func (c *capturer) pair(request, reply Captured) {
	if reply.Message.Name == "" {
		reply.Message.Name = request.Message.Name
	}
	c.emit(&capture.Call{Request: request.Message, Reply: reply.Message, Status: reply.Status})
}

func (c *capturer) unanswered(x *capturedCall, why string) {
	c.emit(&capture.Call{Request: x.Message, Status: capture.StatusNoReply, Note: why})
}

// alone emits a reply without a call, if it says what it replies to.
func (c *capturer) alone(x *capturedCall) {
	if x.Message.Name != "" {
		c.emit(&capture.Call{Reply: x.Message, Status: x.Status, Note: "the call was not captured"})
	}
}

// End implements [capture.Decoder].
func (c *capturer) End(why string) {
	if c.sides[1].gap {
		why = "bytes that the server sent are missing"
	}
	for _, x := range inOrder(c.early) {
		c.alone(x)
	}
	for _, x := range inOrder(c.calls) {
		c.unanswered(x, why)
	}
	c.calls, c.early, c.kept = nil, nil, 0
	c.sides = [2]capturedSide{}
}

// FailureOf returns what the reply of an error says. code is what it is of a server that has no [CodeMetadata].
func FailureOf(md map[string]string, code rpc.Code, text string) *capture.Failure {
	if n, err := strconv.ParseInt(md[businessStatus], 10, 32); err == nil && n != 0 {
		return &capture.Failure{Code: int(n), Name: "business error", Text: md[businessMessage]}
	}
	if n, err := strconv.ParseInt(md[CodeMetadata], 10, 32); err == nil {
		code = rpc.Code(n)
	}
	return &capture.Failure{Code: int(code), Name: code.String(), Text: text}
}

// IsFailure reports whether the metadata of a reply says that it is an error that [FailureOf] describes: not a declared exception.
func IsFailure(md map[string]string) bool { return md[businessStatus] != "" || md[CodeMetadata] != "" }

// UnreadValue returns the error of a captured message whose value cannot be read, as a *wire.Error.
func UnreadValue(err error) error {
	var e *wire.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return &wire.Error{Cause: err}
}

// Thrown returns the reply of a method that has thrown a declared exception.
func Thrown(method *schema.Method, x *dynamic.Struct) (*dynamic.Struct, error) {
	for _, f := range method.Throws {
		if f.Type.Struct == x.Schema() {
			s := dynamic.New(method.Reply())
			return s, s.Set(f.Name, x)
		}
	}
	return nil, wire.Errorf(0, wire.ErrValue, "%s throws no %s", method, x.Schema().Name)
}
