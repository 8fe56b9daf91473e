package binary

import (
	"encoding/binary"

	"github.com/thriftkit/thriftkit/wire"
)

// A Splitter finds the end of messages in a stream without lengths. It keeps its place between
// calls, so a message that arrives in many pieces is scanned once. The zero value is not ready:
// use NewSplitter.
type Splitter struct {
	max    int // bytes of one message
	levels int // of structs and containers
	off    int // everything before it has been understood
	state  splitState
	stack  []splitFrame // of open structs and containers; only the first depth ones
	depth  int
}

type splitState uint8

const (
	splitHeader splitState = iota
	splitBody
)

// splitFrame is an open struct (fields) or container (n values to come, of types t and, in a
// map, alternating with other).
type splitFrame struct {
	fields   bool
	t, other wire.Type
	n        int64
}

// NewSplitter returns a Splitter that refuses messages of more than max bytes.
func NewSplitter(max int) *Splitter { return &Splitter{max: max, levels: wire.MaxDepth} }

// Split implements [wire.Splitter].
func (s *Splitter) Split(buf []byte) (n, need int, err error) {
	if s.state == splitHeader {
		if n, err := s.header(buf); n > 0 || err != nil {
			return 0, n, err
		}
	}
	for s.depth > 0 {
		need, err := s.step(buf)
		if err == nil && max(need, s.off) > s.max {
			err = wire.Errorf(s.off, wire.ErrTooLarge, "the message has more than %d bytes", s.max)
		}
		if need > 0 || err != nil {
			return 0, need, err
		}
	}
	if s.off > len(buf) {
		return 0, s.off, nil
	}
	n = s.off
	s.off, s.state = 0, splitHeader
	return n, 0, nil
}

// header returns how many bytes it needs, 0 when it has moved past the header.
func (s *Splitter) header(buf []byte) (need int, err error) {
	if len(buf) < 8 {
		return 8, nil
	}
	first := binary.BigEndian.Uint32(buf)
	nameAt, tail := 0, 5 // old: name, type byte, sequence id
	if int32(first) < 0 {
		if first&versionMask != version<<16 {
			return 0, wire.Errorf(0, wire.ErrInvalid, "version %#04x, not %#04x", first>>16, version)
		}
		nameAt, tail = 4, 4
	}
	n := int64(int32(binary.BigEndian.Uint32(buf[nameAt:])))
	end := int64(nameAt) + 4 + n + int64(tail)
	switch {
	case n < 0:
		return 0, wire.Errorf(nameAt, wire.ErrInvalid, "length %d", n)
	case end >= int64(s.max):
		return 0, wire.Errorf(nameAt, wire.ErrTooLarge, "the message has more than %d bytes", s.max)
	}
	s.off = int(end)
	s.state = splitBody
	s.depth = 0
	s.push(splitFrame{fields: true})
	return 0, nil
}

// step goes one field or one run of values further.
func (s *Splitter) step(buf []byte) (need int, err error) {
	f := &s.stack[s.depth-1]
	if f.fields {
		s.plainFields(buf)
		if s.off >= len(buf) {
			return s.off + 1, nil
		}
		t := wire.Type(buf[s.off])
		if t == wire.Stop {
			s.off++
			s.depth--
			return 0, nil
		}
		if s.off+3 > len(buf) {
			return s.off + 3, nil
		}
		return s.value(buf, t, 3)
	}
	if f.n == 0 {
		s.depth--
		return 0, nil
	}
	at := s.depth - 1
	need, err = s.value(buf, f.t, 0)
	if need == 0 && err == nil {
		f := &s.stack[at] // which value may have moved
		f.n--
		f.t, f.other = f.other, f.t
	}
	return need, err
}

// plainFields moves past the fields at s.off that hold no other values, most fields of most messages, as far as nothing is wrong.
func (s *Splitter) plainFields(buf []byte) {
	const head, length = 3, 4
	off := s.off
	for off+head+length <= len(buf) {
		t := wire.Type(buf[off])
		next := off + head + int(minSize[t])
		if t == wire.String {
			n := int32(binary.BigEndian.Uint32(buf[off+head:]))
			if n < 0 || int(n) > s.max-next {
				break
			}
			next += int(n)
		} else if !fixed(t) || next > s.max {
			break
		}
		off = next
	}
	s.off = off
}

// value moves past the value of type t that starts skip bytes after s.off, or opens it.
func (s *Splitter) value(buf []byte, t wire.Type, skip int) (need int, err error) {
	at := s.off + skip
	size := int(minSize[t])
	if size == 0 {
		return 0, badType(s.off, t)
	}
	if fixed(t) {
		s.off = at + size
		return 0, nil
	}
	if t != wire.String && s.depth == s.levels {
		return 0, wire.AtDepth(wire.TooDeep(s.off), s.levels)
	}
	if t != wire.Struct && at+size > len(buf) {
		return at + size, nil
	}
	switch t {
	case wire.String:
		n := int64(int32(binary.BigEndian.Uint32(buf[at:])))
		if n < 0 {
			return 0, wire.Errorf(at, wire.ErrInvalid, "length %d", n)
		}
		return 0, s.advance(at, 4+n)
	case wire.Struct:
		s.off = at
		s.push(splitFrame{fields: true})
		return 0, nil
	case wire.Map:
		key, elem := wire.Type(buf[at]), wire.Type(buf[at+1])
		n := int64(int32(binary.BigEndian.Uint32(buf[at+2:])))
		if n != 0 && minSize[key] == 0 {
			return 0, badType(at, key)
		}
		if err := s.count(at, n, elem, minSize[key]); err != nil {
			return 0, err
		}
		if n == 0 || fixed(key) && fixed(elem) {
			return 0, s.advance(at, 6+n*int64(minSize[key]+minSize[elem]))
		}
		s.off = at + 6
		s.push(splitFrame{t: key, other: elem, n: 2 * n})
		return 0, nil
	}
	elem := wire.Type(buf[at])
	n := int64(int32(binary.BigEndian.Uint32(buf[at+1:])))
	if err := s.count(at, n, elem, 0); err != nil {
		return 0, err
	}
	if n == 0 || fixed(elem) {
		return 0, s.advance(at, 5+n*int64(minSize[elem]))
	}
	s.off = at + 5
	s.push(splitFrame{t: elem, other: elem, n: n})
	return 0, nil
}

// count is checkCount against what the message may still hold.
func (s *Splitter) count(at int, n int64, elem wire.Type, keySize uint8) error {
	err := checkCount(at, int(n), s.max-at, elem, keySize)
	if err != nil && n > 0 && minSize[elem] > 0 {
		return wire.Errorf(at, wire.ErrTooLarge, "count %d in a message of at most %d bytes", n, s.max)
	}
	return err
}

func (s *Splitter) advance(at int, n int64) error {
	if int64(at)+n > int64(s.max) {
		return wire.Errorf(at, wire.ErrTooLarge, "the message has more than %d bytes", s.max)
	}
	s.off = at + int(n)
	return nil
}

// push opens a struct or container, one level deeper; value has seen to it that there is room.
// A closed frame is popped by step, so the parent counts this value as done at once.
func (s *Splitter) push(f splitFrame) {
	s.stack = append(s.stack[:s.depth], f)
	s.depth++
}
