package compact

import (
	"encoding/binary"
	"math"

	"github.com/thriftkit/thriftkit/wire"
	wirebinary "github.com/thriftkit/thriftkit/wire/binary"
)

// Unknown fields are kept as the binary protocol writes them, whatever protocol they came in.

// keepUnknown appends the field with the header h, whose value is at off and was skipped before
// without an error, to u.
func (c Protocol) keepUnknown(u wire.UnknownFields, src []byte, off int, h field) wire.UnknownFields {
	u = append(u, byte(h.t), byte(h.id>>8), byte(h.id))
	if h.t == wire.Bool {
		return append(u, h.binary())
	}
	u, _ = c.toBinary(u, src, off, h.t)
	return u
}

// binary is the value of a bool field in the binary protocol.
func (f field) binary() byte {
	if f.bool {
		return 1
	}
	return 0
}

// toBinary appends the element of type t at off, which is known to be whole, in the binary
// protocol.
func (c Protocol) toBinary(dst, src []byte, off int, t wire.Type) ([]byte, int) {
	switch t {
	case wire.Bool:
		return append(dst, field{bool: src[off] == cTrue}.binary()), off + 1
	case wire.I8:
		return append(dst, src[off]), off + 1
	case wire.I16:
		v, next, _ := ConsumeI16(src, off)
		return binary.BigEndian.AppendUint16(dst, uint16(v)), next
	case wire.I32:
		v, next, _ := ConsumeI32(src, off)
		return binary.BigEndian.AppendUint32(dst, uint32(v)), next
	case wire.I64:
		v, next, _ := ConsumeI64(src, off)
		return binary.BigEndian.AppendUint64(dst, uint64(v)), next
	case wire.Double:
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(c.double(src, off))), off + 8
	case wire.UUID:
		return append(dst, src[off:off+16]...), off + 16
	case wire.String:
		v, next, _ := ConsumeBytes(src, off)
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(v)))
		return append(dst, v...), next
	case wire.Struct:
		var last int16
		for {
			h, body, _ := consumeField(src, off, last)
			if h.t == wire.Stop {
				return append(dst, 0), body
			}
			dst = append(dst, byte(h.t), byte(h.id>>8), byte(h.id))
			if h.t == wire.Bool {
				dst, off = append(dst, h.binary()), body
			} else {
				dst, off = c.toBinary(dst, src, body, h.t)
			}
			last = h.id
		}
	case wire.Map:
		key, elem, n, next, _ := consumeMapHeader(src, off)
		dst = binary.BigEndian.AppendUint32(append(dst, byte(key), byte(elem)), uint32(n))
		for range n {
			dst, next = c.toBinary(dst, src, next, key)
			dst, next = c.toBinary(dst, src, next, elem)
		}
		return dst, next
	}
	elem, n, next, _ := consumeListHeader(src, off)
	dst = binary.BigEndian.AppendUint32(append(dst, byte(elem)), uint32(n))
	for range n {
		dst, next = c.toBinary(dst, src, next, elem)
	}
	return dst, next
}

// appendUnknown appends fields kept as the binary protocol writes them, after a field with the
// id last. Programs may have put anything there, so it is checked first.
func (c Protocol) appendUnknown(dst []byte, u wire.UnknownFields, last int16) ([]byte, error) {
	for off := 0; off < len(u); {
		err := wire.ErrTruncated
		if len(u)-off >= 3 {
			_, err = wirebinary.Skip(u, off+3, wire.Type(u[off]))
		}
		if err != nil {
			return dst, wire.Errorf(-1, wire.ErrValue, "unknown fields that are not in the binary protocol")
		}
		dst, off, last = c.fieldFromBinary(dst, u, off, last)
	}
	return dst, nil
}

func (c Protocol) fieldFromBinary(dst, src []byte, off int, last int16) ([]byte, int, int16) {
	t, id := wire.Type(src[off]), int16(binary.BigEndian.Uint16(src[off+1:]))
	head := len(dst)
	dst = appendField(dst, toCompact[t], id, last)
	dst, off = c.fromBinary(dst, src, off+3, t)
	if t == wire.Bool {
		dst = foldBool(dst, head)
	}
	return dst, off, id
}

// fromBinary is the inverse of toBinary.
func (c Protocol) fromBinary(dst, src []byte, off int, t wire.Type) ([]byte, int) {
	switch t {
	case wire.Bool:
		return AppendBool(dst, src[off] != 0), off + 1
	case wire.I8:
		return append(dst, src[off]), off + 1
	case wire.I16:
		return AppendI16(dst, int16(binary.BigEndian.Uint16(src[off:]))), off + 2
	case wire.I32:
		return AppendI32(dst, int32(binary.BigEndian.Uint32(src[off:]))), off + 4
	case wire.I64:
		return AppendI64(dst, int64(binary.BigEndian.Uint64(src[off:]))), off + 8
	case wire.Double:
		return c.appendDouble(dst, math.Float64frombits(binary.BigEndian.Uint64(src[off:]))), off + 8
	case wire.UUID:
		return append(dst, src[off:off+16]...), off + 16
	case wire.String:
		n := int(binary.BigEndian.Uint32(src[off:]))
		off += 4
		return append(binary.AppendUvarint(dst, uint64(n)), src[off:off+n]...), off + n
	case wire.Struct:
		var last int16
		for wire.Type(src[off]) != wire.Stop {
			dst, off, last = c.fieldFromBinary(dst, src, off, last)
		}
		return append(dst, cStop), off + 1
	case wire.Map:
		key, elem := wire.Type(src[off]), wire.Type(src[off+1])
		n := int(binary.BigEndian.Uint32(src[off+2:]))
		off += 6
		dst = AppendMapHeader(dst, key, elem, n)
		for range n {
			dst, off = c.fromBinary(dst, src, off, key)
			dst, off = c.fromBinary(dst, src, off, elem)
		}
		return dst, off
	}
	elem, n := wire.Type(src[off]), int(binary.BigEndian.Uint32(src[off+1:]))
	off += 5
	dst = AppendListHeader(dst, elem, n)
	for range n {
		dst, off = c.fromBinary(dst, src, off, elem)
	}
	return dst, off
}
