package proto

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/thriftkit/thriftkit/wire"
)

// The wire types.
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wireStart  = 3 // of a group, which proto3 does not have but may be among unknown fields
	wireEnd    = 4
	wire32     = 5
)

func (s *structure) sort() {
	slices.SortFunc(s.fields, func(a, b field) int { return cmp.Compare(a.number, b.number) })
	const most = 256
	for i := range s.fields {
		n := s.fields[i].number
		if n >= most {
			s.sparse[n] = i
			continue
		}
		for int(n) >= len(s.dense) {
			s.dense = append(s.dense, 0)
		}
		s.dense[n] = int16(i + 1)
	}
}

func appendVarint(dst []byte, x uint64) []byte {
	if x < 1<<7 {
		return append(dst, byte(x))
	}
	if x < 1<<14 {
		return append(dst, byte(x)|0x80, byte(x>>7))
	}
	return binary.AppendUvarint(dst, x)
}

func sizeVarint(x uint64) int { return (bits.Len64(x|1) + 6) / 7 }

// openMessage makes room for a length before what is appended next.
func openMessage(dst []byte, number int32) (b []byte, start int) {
	dst = appendVarint(dst, uint64(number)<<3|wireBytes)
	return append(dst, 0), len(dst) + 1
}

// closeMessage writes the length of what was appended after start. Most messages are short: the room
// of one byte is right for them.
func closeMessage(dst []byte, start int) []byte {
	n := len(dst) - start
	if n < 1<<7 {
		dst[start-1] = byte(n)
		return dst
	}
	more := sizeVarint(uint64(n)) - 1
	dst = slices.Grow(dst, more)[:len(dst)+more]
	copy(dst[start+more:], dst[start:])
	binary.PutUvarint(dst[start-1:], uint64(n))
	return dst
}

// consumeVarint reads a varint before end.
func consumeVarint(src []byte, off, end int) (uint64, int, error) {
	if off < end && src[off] < 0x80 {
		return uint64(src[off]), off + 1, nil
	}
	x, n := binary.Uvarint(src[off:end])
	switch {
	case n == 0:
		return 0, off, wire.Truncated(end)
	case n < 0:
		return 0, off, wire.Errorf(off, wire.ErrInvalid, "a varint of more than 64 bits")
	}
	return x, off + n, nil
}

// consumeTag reads a tag. A field number is 1 to 2^29-1.
func consumeTag(src []byte, off, end int) (uint64, int, error) {
	tag, next, err := consumeVarint(src, off, end)
	if err != nil {
		return 0, off, err
	}
	if tag>>3 == 0 || tag>>3 >= 1<<29 {
		return 0, off, wire.Errorf(off, wire.ErrInvalid, "field number %d", tag>>3)
	}
	return tag, next, nil
}

// consumeLength reads a length, which must fit before end, and returns where what it measures begins and ends.
func consumeLength(src []byte, off, end int) (start, stop int, err error) {
	n, start, err := consumeVarint(src, off, end)
	if err != nil {
		return off, off, err
	}
	if n > uint64(end-start) {
		return off, off, wire.Truncated(end)
	}
	return start, start + int(n), nil
}

// skip returns the offset after the value at off of a field with that tag.
func skip(src []byte, off, end int, tag uint64, depth int) (int, error) {
	switch tag & 7 {
	case wireVarint:
		_, next, err := consumeVarint(src, off, end)
		return next, err
	case wire64:
		if end-off < 8 {
			return off, wire.Truncated(end)
		}
		return off + 8, nil
	case wire32:
		if end-off < 4 {
			return off, wire.Truncated(end)
		}
		return off + 4, nil
	case wireBytes:
		_, stop, err := consumeLength(src, off, end)
		return stop, err
	case wireStart:
		if depth == 0 {
			return off, wire.TooDeep(off)
		}
		for {
			inner, next, err := consumeTag(src, off, end)
			if err != nil {
				return off, err
			}
			if inner&7 == wireEnd {
				if inner>>3 != tag>>3 {
					return off, wire.Errorf(off, wire.ErrInvalid, "the end of group %d in group %d", inner>>3, tag>>3)
				}
				return next, nil
			}
			if off, err = skip(src, next, end, inner, depth-1); err != nil {
				return off, err
			}
		}
	}
	return off, wire.Errorf(off, wire.ErrInvalid, "wire type %d", tag&7)
}
