// Package binary is Thrift's binary protocol (the specification "Thrift Binary protocol
// encoding"): everything big-endian, nothing compressed. It reads the strict and the old form
// of a message header and writes either.
//
// Append functions extend dst and return it. Consume functions read src at an offset and
// return the offset after what they read; offsets count from the start of the message, and
// errors are *wire.Error with the offset and the path of fields. Decoded strings and binaries
// share src's memory: the caller must own src and never write to it again.
package binary

import (
	"encoding/binary"
	"math"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/wire"
)

const (
	version     = 0x8001
	versionMask = 0xffff0000
)

// minSize is the smallest size of a value of each type; 0 for what is no type.
var minSize = [256]uint8{
	wire.Bool: 1, wire.I8: 1, wire.I16: 2, wire.I32: 4, wire.I64: 8, wire.Double: 8,
	wire.String: 4, wire.Struct: 1, wire.Map: 6, wire.Set: 5, wire.List: 5, wire.UUID: 16,
}

// fixed reports whether every value of type t has the size minSize[t].
func fixed(t wire.Type) bool {
	switch t {
	case wire.String, wire.Struct, wire.Map, wire.Set, wire.List:
		return false
	}
	return minSize[t] > 0
}

// AppendHeader appends the strict form of a message header.
func AppendHeader(dst []byte, h wire.Header) []byte {
	dst = append(dst, version>>8, version&0xff, 0, byte(h.Type))
	dst = AppendString(dst, h.Name)
	return binary.BigEndian.AppendUint32(dst, uint32(h.SeqID))
}

// AppendOldHeader appends the old, versionless form of a message header.
func AppendOldHeader(dst []byte, h wire.Header) []byte {
	dst = AppendString(dst, h.Name)
	dst = append(dst, byte(h.Type))
	return binary.BigEndian.AppendUint32(dst, uint32(h.SeqID))
}

// ConsumeHeader reads a message header of either form. The name shares src's memory.
func ConsumeHeader(src []byte) (h wire.Header, off int, err error) {
	if len(src) < 4 {
		return h, 0, wire.Truncated(len(src))
	}
	first := binary.BigEndian.Uint32(src)
	if int32(first) >= 0 { // old: the name's length
		h.Name, off, err = ConsumeString(src, 0)
		if err != nil {
			return h, 0, err
		}
		if off >= len(src) {
			return h, 0, wire.Truncated(len(src))
		}
		h.Type = wire.MessageType(src[off])
		off++
	} else {
		if first&versionMask != version<<16 {
			return h, 0, wire.Errorf(0, wire.ErrInvalid, "version %#04x, not %#04x", first>>16, version)
		}
		h.Type = wire.MessageType(first)
		if h.Name, off, err = ConsumeString(src, 4); err != nil {
			return h, 0, err
		}
	}
	if len(src)-off < 4 {
		return h, 0, wire.Truncated(len(src))
	}
	h.SeqID = int32(binary.BigEndian.Uint32(src[off:]))
	return h, off + 4, nil
}

// AppendString appends the length of v and its bytes.
func AppendString(dst []byte, v string) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(v)))
	return append(dst, v...)
}

// AppendBytes appends the length of v and its bytes.
func AppendBytes(dst, v []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(v)))
	return append(dst, v...)
}

// AppendBool appends one byte.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// AppendDouble appends the bits of v.
func AppendDouble(dst []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(v))
}

// AppendFieldHeader appends the header of a field; its value must follow.
func AppendFieldHeader(dst []byte, t wire.Type, id int16) []byte {
	return append(dst, byte(t), byte(id>>8), byte(id))
}

// AppendListHeader appends the header of a list or set; its n elements must follow.
func AppendListHeader(dst []byte, t wire.Type, n int) []byte {
	return append(dst, byte(t), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// AppendMapHeader appends the header of a map; its n entries must follow, key and value in turn.
func AppendMapHeader(dst []byte, k, v wire.Type, n int) []byte {
	return append(dst, byte(k), byte(v), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// ConsumeBytes reads a binary, which shares src's memory.
func ConsumeBytes(src []byte, off int) (v []byte, next int, err error) {
	if len(src)-off < 4 {
		return nil, off, wire.Truncated(len(src))
	}
	n := int(int32(binary.BigEndian.Uint32(src[off:])))
	if uint(n) > uint(len(src)-off-4) {
		return nil, off, badLength(off, n, len(src)-off-4)
	}
	off += 4
	return src[off : off+n : off+n], off + n, nil
}

func badLength(off, n, remain int) error {
	if n < 0 {
		return wire.Errorf(off, wire.ErrInvalid, "length %d", n)
	}
	return wire.Errorf(off, wire.ErrTruncated, "length %d, but only %s left", n, plural.Of(remain, "byte"))
}

// ConsumeString reads a string, which shares src's memory.
func ConsumeString(src []byte, off int) (string, int, error) {
	if len(src)-off >= 4 { // as below, without another call
		if n, at := int(int32(binary.BigEndian.Uint32(src[off:]))), off+4; uint(n) <= uint(len(src)-at) {
			return mem.String(src[at : at+n]), at + n, nil
		}
	}
	b, next, err := ConsumeBytes(src, off)
	return mem.String(b), next, err
}

// consumeListHeader reads the header of a list or set and checks the count against what remains.
func consumeListHeader(src []byte, off int) (elem wire.Type, n, next int, err error) {
	if len(src)-off < 5 {
		return 0, 0, off, wire.Truncated(len(src))
	}
	elem = wire.Type(src[off])
	n = int(int32(binary.BigEndian.Uint32(src[off+1:])))
	if err := checkCount(off, n, len(src)-off-5, elem, 0); err != nil {
		return 0, 0, off, err
	}
	return elem, n, off + 5, nil
}

func consumeMapHeader(src []byte, off int) (key, elem wire.Type, n, next int, err error) {
	if len(src)-off < 6 {
		return 0, 0, 0, off, wire.Truncated(len(src))
	}
	key, elem = wire.Type(src[off]), wire.Type(src[off+1])
	n = int(int32(binary.BigEndian.Uint32(src[off+2:])))
	if n != 0 && minSize[key] == 0 {
		return 0, 0, 0, off, badType(off, key)
	}
	if err := checkCount(off, n, len(src)-off-6, elem, minSize[key]); err != nil {
		return 0, 0, 0, off, err
	}
	return key, elem, n, off + 6, nil
}

// checkCount refuses a count of elements that cannot be there, before anything is allocated
// for them. An empty container may name any element type: peers write 0 there.
func checkCount(off, n, remain int, elem wire.Type, keySize uint8) error {
	switch {
	case n == 0:
		return nil
	case n < 0:
		return wire.Errorf(off, wire.ErrInvalid, "count %d", n)
	case minSize[elem] == 0:
		return badType(off, elem)
	case int64(n)*int64(minSize[elem]+keySize) > int64(remain):
		return wire.Errorf(off, wire.ErrTruncated, "count %d, but only %s left", n, plural.Of(remain, "byte"))
	}
	return nil
}

func badType(off int, t wire.Type) error {
	return wire.Errorf(off, wire.ErrInvalid, "%s is not the type of a value", t)
}

// Skip returns the offset after the value of type t at off.
func Skip(src []byte, off int, t wire.Type) (int, error) { return skip(src, off, t, wire.MaxDepth) }

func skip(src []byte, off int, t wire.Type, depth int) (int, error) {
	size := int(minSize[t])
	switch {
	case size == 0:
		return off, badType(off, t)
	case fixed(t):
		if len(src)-off < size {
			return off, wire.Truncated(len(src))
		}
		return off + size, nil
	case t == wire.String:
		_, next, err := ConsumeBytes(src, off)
		return next, err
	case depth == 0:
		return off, wire.TooDeep(off)
	case t == wire.Struct:
		return skipFields(src, off, depth-1)
	case t == wire.Map:
		key, elem, n, next, err := consumeMapHeader(src, off)
		if err == nil && fixed(key) && fixed(elem) {
			return next + n*int(minSize[key]+minSize[elem]), nil
		}
		for range n {
			if next, err = skip(src, next, key, depth-1); err != nil {
				return off, err
			}
			if next, err = skip(src, next, elem, depth-1); err != nil {
				return off, err
			}
		}
		return next, err
	}
	elem, n, next, err := consumeListHeader(src, off)
	if err == nil && fixed(elem) {
		return next + n*int(minSize[elem]), nil
	}
	for range n {
		if next, err = skip(src, next, elem, depth-1); err != nil {
			return off, err
		}
	}
	return next, err
}

func skipFields(src []byte, off, depth int) (int, error) {
	for {
		if off >= len(src) {
			return off, wire.Truncated(len(src))
		}
		t := wire.Type(src[off])
		if t == wire.Stop {
			return off + 1, nil
		}
		if len(src)-off < 3 {
			return off, wire.Truncated(len(src))
		}
		next, err := skip(src, off+3, t, depth)
		if err != nil {
			return off, err
		}
		off = next
	}
}
