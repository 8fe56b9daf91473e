package compact

import (
	"errors"

	"github.com/thriftkit/thriftkit/wire"
)

// splitter finds the end of messages in a stream without lengths. It keeps its place between
// calls, so a message that arrives in many pieces is scanned once.
type splitter struct {
	version byte
	max     int // bytes of one message
	levels  int // of structs and containers
	off     int // everything before it has been understood
	inBody  bool
	stack   []frame // of open structs and containers; only the first depth ones
	depth   int
}

// frame is an open struct (fields), or a container with n values to come, of type t and, in a
// map, alternating with other.
type frame struct {
	fields   bool
	last     int16
	t, other wire.Type
	n        int64
}

// Split implements [wire.Splitter].
func (s *splitter) Split(buf []byte) (n, need int, err error) {
	if !s.inBody {
		if ok, err := s.header(buf); !ok || err != nil {
			return s.wait(buf, err)
		}
	}
	for s.depth > 0 {
		ok, err := s.step(buf)
		if err == nil && s.off > s.max {
			err = s.tooLarge(s.off)
		}
		if !ok || err != nil {
			return s.wait(buf, err)
		}
	}
	if s.off > len(buf) {
		return 0, s.off, nil
	}
	n = s.off
	s.off, s.inBody = 0, false
	return n, 0, nil
}

// wait asks for one byte more than has come or, past a string whose length is known, is understood.
func (s *splitter) wait(buf []byte, err error) (int, int, error) {
	need := max(s.off, len(buf)) + 1
	if err == nil && need > s.max {
		err = s.tooLarge(s.off)
	}
	return 0, need, err
}

// header moves past the message header and opens the struct after it.
func (s *splitter) header(buf []byte) (ok bool, err error) {
	if err := checkVersion(buf, s.version); err != nil {
		return s.more(err)
	}
	_, at, err := consumeVarint32(buf, 2)
	var n int
	if err == nil {
		n, at, err = consumeSize(buf, at)
	}
	if err != nil {
		return s.more(err)
	}
	if n >= s.max-at {
		return false, s.tooLarge(at)
	}
	s.inBody, s.depth = true, 0
	return true, s.push(at+n, frame{fields: true})
}

// step goes one field or one run of values further, if enough has come.
func (s *splitter) step(buf []byte) (ok bool, err error) {
	top := s.depth - 1
	f := &s.stack[top]
	if !f.fields {
		if f.n == 0 {
			s.depth--
			return true, nil
		}
		if size := int64(fixed[f.t]); size > 0 && f.t == f.other {
			return true, s.advance(s.off, f.takeAll()*size)
		}
		ok, err := s.value(buf, s.off, f.t)
		if ok && err == nil {
			f := &s.stack[top] // which value may have moved
			f.n--
			f.t, f.other = f.other, f.t
		}
		return ok, err
	}
	if s.off >= len(buf) {
		return false, nil
	}
	h, at, err := consumeField(buf, s.off, f.last)
	switch {
	case err != nil:
		return s.more(err)
	case h.t == wire.Stop:
		s.off = at
		s.depth--
		return true, nil
	case h.t == wire.Bool:
		s.off, ok = at, true
	default:
		ok, err = s.value(buf, at, h.t)
	}
	if ok {
		s.stack[top].last = h.id // value may have moved f
	}
	return ok, err
}

func (f *frame) takeAll() int64 {
	n := f.n
	f.n = 0
	return n
}

// value moves past the value of type t at the offset at, or opens it.
func (s *splitter) value(buf []byte, at int, t wire.Type) (ok bool, err error) {
	switch size := int64(fixed[t]); {
	case t == wire.String && at < len(buf) && buf[at] < 0x80: // as below, for most lengths
		return true, s.advance(at+1, int64(buf[at]))
	case size > 0:
		return true, s.advance(at, size)
	case t == wire.Struct:
		return true, s.push(at, frame{fields: true})
	case at >= len(buf):
		return false, nil
	}
	switch t {
	case wire.I16, wire.I32, wire.I64:
		next, err := skip(buf, at, t, 0)
		if err != nil {
			return s.more(err)
		}
		return true, s.advance(at, int64(next-at))
	case wire.String:
		n, next, err := consumeSize(buf, at)
		if err != nil {
			return s.more(err)
		}
		return true, s.advance(next, int64(n))
	case wire.Map:
		key, elem, n, next, err := mapHeader(buf, at)
		if err == nil && checkCount(at, n, int(minSize[key])+int(minSize[elem]), s.max-next) != nil {
			return false, s.tooLarge(at)
		}
		if err != nil {
			return s.more(err)
		}
		return true, s.push(next, frame{t: key, other: elem, n: 2 * int64(n)})
	}
	elem, n, next, err := listHeader(buf, at)
	if err == nil && checkCount(at, n, int(minSize[elem]), s.max-next) != nil {
		return false, s.tooLarge(at)
	}
	if err != nil {
		return s.more(err)
	}
	return true, s.push(next, frame{t: elem, other: elem, n: int64(n)})
}

func (s *splitter) advance(at int, n int64) error {
	if int64(at)+n > int64(s.max) {
		return s.tooLarge(at)
	}
	s.off = at + int(n)
	return nil
}

// push opens a struct or container whose inside starts at the offset at. The parent counts it
// as done at once.
func (s *splitter) push(at int, f frame) error {
	if s.depth == s.levels {
		return wire.AtDepth(wire.TooDeep(at), s.levels)
	}
	s.off = at
	s.stack = append(s.stack[:s.depth], f)
	s.depth++
	return nil
}

func (s *splitter) tooLarge(at int) error {
	return wire.Errorf(at, wire.ErrTooLarge, "the message has more than %d bytes", s.max)
}

// more turns the end of what has come into "not yet".
func (s *splitter) more(err error) (bool, error) {
	if errors.Is(err, wire.ErrTruncated) {
		return false, nil
	}
	return false, err
}
