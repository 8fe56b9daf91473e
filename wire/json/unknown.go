package json

import (
	"encoding/binary"
	"math"

	"github.com/thriftkit/thriftkit/internal/jsontext"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/wire"
	wirebinary "github.com/thriftkit/thriftkit/wire/binary"
)

// Unknown fields of Apache's form are kept as the binary protocol writes them.

func appendBinaryField(dst []byte, m member) []byte {
	return append(dst, byte(m.t), byte(m.id>>8), byte(m.id))
}

// toBinary appends the value of type t at off in the binary protocol, and returns the offset
// behind it.
func toBinary(dst, src []byte, off int, t wire.Type, depth int) ([]byte, int, error) {
	switch t {
	case wire.Bool:
		v, next, err := consumeBool(src, off)
		if v {
			return append(dst, 1), next, err
		}
		return append(dst, 0), next, err
	case wire.I8:
		v, next, err := consumeInt(src, off, 8)
		return append(dst, byte(v)), next, err
	case wire.I16:
		v, next, err := consumeInt(src, off, 16)
		return binary.BigEndian.AppendUint16(dst, uint16(v)), next, err
	case wire.I32:
		v, next, err := consumeInt(src, off, 32)
		return binary.BigEndian.AppendUint32(dst, uint32(v)), next, err
	case wire.I64:
		v, next, err := consumeInt(src, off, 64)
		return binary.BigEndian.AppendUint64(dst, uint64(v)), next, err
	case wire.Double:
		v, next, err := consumeDouble(src, off)
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(v)), next, err
	case wire.String:
		v, next, err := jsontext.String(src, off)
		return wirebinary.AppendString(dst, mem.String(v)), next, err
	case wire.UUID:
		v, next, err := consumeUUID(src, off)
		id := v.UUID()
		return append(dst, id[:]...), next, err
	}
	if depth == 0 {
		return dst, off, wire.TooDeep(off)
	}
	switch t {
	case wire.Struct:
		return structToBinary(dst, src, off, depth-1)
	case wire.Map:
		return mapToBinary(dst, src, off, depth-1)
	default:
		return listToBinary(dst, src, off, depth-1)
	}
}

func structToBinary(dst, src []byte, off, depth int) ([]byte, int, error) {
	off, err := jsontext.Expect(src, off, '{')
	if err != nil {
		return dst, off, err
	}
	for i := 0; ; i++ {
		next, more, err := jsontext.Item(src, off, i, '}')
		if err != nil || !more {
			return append(dst, byte(wire.Stop)), next, err
		}
		m, next, err := Apache.consumeMember(src, next)
		if err != nil {
			return dst, next, err
		}
		if dst, next, err = toBinary(appendBinaryField(dst, m), src, next, m.t, depth); err != nil {
			return dst, next, err
		}
		if off, err = Apache.closeMember(src, next); err != nil {
			return dst, off, err
		}
	}
}

func listToBinary(dst, src []byte, off, depth int) ([]byte, int, error) {
	off, err := jsontext.Expect(src, off, '[')
	if err != nil {
		return dst, off, err
	}
	elem, off, err := consumeTag(src, off)
	if err != nil {
		return dst, off, err
	}
	if off, err = jsontext.Expect(src, off, ','); err != nil {
		return dst, off, err
	}
	l := list{counted: true}
	if l.n, off, err = consumeCount(src, off, elemBytes); err != nil {
		return dst, off, err
	}
	dst = binary.BigEndian.AppendUint32(append(dst, byte(elem)), uint32(l.n))
	for i := 0; ; i++ {
		next, more, err := l.next(src, off, i)
		if err != nil || !more {
			return dst, next, err
		}
		if dst, off, err = toBinary(dst, src, next, elem, depth); err != nil {
			return dst, off, err
		}
	}
}

func mapToBinary(dst, src []byte, off, depth int) ([]byte, int, error) {
	key, elem, n, off, err := consumeMapHead(src, off)
	if err != nil {
		return dst, off, err
	}
	dst = binary.BigEndian.AppendUint32(append(dst, byte(key), byte(elem)), uint32(n))
	off, err = Apache.consumeEntries(src, off, n, partsToBinary(&dst, src, key, elem, depth), func() {})
	return dst, off, err
}

// partsToBinary returns what appends keys and values to dst.
func partsToBinary(dst *[]byte, src []byte, key, elem wire.Type, depth int) func(off int, part string) (int, error) {
	return func(off int, part string) (_ int, err error) {
		t := key
		if part == valuePart {
			t = elem
		}
		*dst, off, err = toBinary(*dst, src, off, t, depth)
		return off, err
	}
}

// appendUnknown appends fields kept as the binary protocol writes them. Programs may have put
// anything there, so it is checked first.
func appendUnknown(dst []byte, start int, u wire.UnknownFields, depth int) ([]byte, error) {
	for off := 0; off < len(u); {
		err := wire.ErrTruncated
		if len(u)-off >= 3 {
			_, err = wirebinary.Skip(u, off+3, wire.Type(u[off]))
		}
		if err != nil {
			return dst, wire.Errorf(-1, wire.ErrValue, "unknown fields that are not in the binary protocol")
		}
		if dst, off, err = fieldFromBinary(dst, start, u, off, depth); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func fieldFromBinary(dst []byte, start int, src []byte, off, depth int) ([]byte, int, error) {
	t, id := wire.Type(src[off]), int16(binary.BigEndian.Uint16(src[off+1:]))
	dst, off, err := fromBinary(Apache.appendFieldHead(dst, start, id, "", t), src, off+3, t, depth)
	return Apache.appendFieldTail(dst), off, err
}

// fromBinary is the inverse of toBinary; what it reads is known to be whole.
func fromBinary(dst, src []byte, off int, t wire.Type, depth int) ([]byte, int, error) {
	switch t {
	case wire.Bool:
		return Apache.appendBool(dst, src[off] != 0), off + 1, nil
	case wire.I8:
		return appendInt(dst, int8(src[off])), off + 1, nil
	case wire.I16:
		return appendInt(dst, int16(binary.BigEndian.Uint16(src[off:]))), off + 2, nil
	case wire.I32:
		return appendInt(dst, int32(binary.BigEndian.Uint32(src[off:]))), off + 4, nil
	case wire.I64:
		return appendInt(dst, int64(binary.BigEndian.Uint64(src[off:]))), off + 8, nil
	case wire.Double:
		return Apache.appendDouble(dst, math.Float64frombits(binary.BigEndian.Uint64(src[off:]))), off + 8, nil
	case wire.UUID:
		return appendUUID(dst, [16]byte(src[off:])), off + 16, nil
	case wire.String:
		n := int(binary.BigEndian.Uint32(src[off:]))
		off += 4
		return Apache.appendString(dst, mem.String(src[off:off+n])), off + n, nil
	}
	if depth == 0 {
		return dst, off, wire.TooDeep(-1)
	}
	switch t {
	case wire.Struct:
		return structFromBinary(dst, src, off, depth-1)
	case wire.Map:
		return mapFromBinary(dst, src, off, depth-1)
	default:
		return listFromBinary(dst, src, off, depth-1)
	}
}

func structFromBinary(dst, src []byte, off, depth int) (_ []byte, _ int, err error) {
	dst = append(dst, '{')
	start := len(dst)
	for wire.Type(src[off]) != wire.Stop {
		if dst, off, err = fieldFromBinary(dst, start, src, off, depth); err != nil {
			return dst, off, err
		}
	}
	return append(dst, '}'), off + 1, nil
}

func listFromBinary(dst, src []byte, off, depth int) (_ []byte, _ int, err error) {
	elem, n := wire.Type(src[off]), int(binary.BigEndian.Uint32(src[off+1:]))
	off += 5
	dst = Apache.appendListHead(dst, emptyAs(elem), n)
	for i := range n {
		if dst, off, err = fromBinary(Apache.appendElemHead(dst, i), src, off, elem, depth); err != nil {
			return dst, off, err
		}
	}
	return append(dst, ']'), off, nil
}

func mapFromBinary(dst, src []byte, off, depth int) (_ []byte, _ int, err error) {
	key, elem, n := wire.Type(src[off]), wire.Type(src[off+1]), int(binary.BigEndian.Uint32(src[off+2:]))
	off += 6
	dst = Apache.appendMapHead(dst, emptyAs(key), emptyAs(elem), n)
	for i := range n {
		dst = Apache.appendKeyHead(dst, i)
		start := len(dst)
		if dst, off, err = fromBinary(dst, src, off, key, depth); err != nil {
			return dst, off, err
		}
		if dst, off, err = fromBinary(Apache.appendKeyTail(dst, start), src, off, elem, depth); err != nil {
			return dst, off, err
		}
	}
	return Apache.appendMapTail(dst), off, nil
}

// emptyAs returns a type that has a name: in an empty container t may be any byte.
func emptyAs(t wire.Type) wire.Type {
	if t.IsValue() {
		return t
	}
	return wire.I8
}
