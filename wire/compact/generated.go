package compact

import (
	"encoding/binary"
	"math"

	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/wire"
)

// The functions below are for generated code, see thriftimpl.CompactCodec; they write and read what the
// walkers do in version 1, and their errors are the same.

// AppendFieldHeader appends the header of a field of a type other than bool; its value
// must follow. last is the id of the field before it in the struct, 0 for the first.
func AppendFieldHeader(dst []byte, t wire.Type, id, last int16) []byte {
	return appendField(dst, toCompact[t], id, last)
}

// AppendBoolField appends a bool field, whose value is in its header.
func AppendBoolField(dst []byte, id, last int16, v bool) []byte {
	return appendField(dst, boolType(v), id, last)
}

// AppendBytes appends the length of v and its bytes.
func AppendBytes(dst, v []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(v))), v...)
}

// AppendDouble appends the bits of v.
func AppendDouble(dst []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
}

// AppendUnknown appends the unknown fields u after a field with the id last.
func AppendUnknown(dst []byte, u wire.UnknownFields, last int16) ([]byte, error) {
	return Protocol{}.appendUnknown(dst, u, last)
}

// Head is the header of a field in one number, for a switch: its type and its id.
func Head(t wire.Type, id int16) uint32 { return uint32(t)<<16 | uint32(uint16(id)) }

// ConsumeHead reads the header of a field after one with the id last; head is what Head returns,
// 0 at the end of the struct, and v the value of a bool field.
func ConsumeHead(src []byte, off int, last int16) (head uint32, v bool, next int, err error) {
	f, next, err := consumeField(src, off, last)
	if err != nil || f.t == wire.Stop {
		return 0, false, next, err
	}
	return Head(f.t, f.id), f.bool, next, nil
}

// SkipField returns the offset after the value at off of a field with that head, which is in a
// struct that may nest depth more levels.
func SkipField(src []byte, off int, head uint32, depth int) (int, error) {
	return skipField(src, off, field{t: wire.Type(head >> 16)}, depth-1)
}

// KeepField appends the field with that head, whose value at off was skipped before without an
// error, to u. v is the value of a bool field.
func KeepField(u wire.UnknownFields, src []byte, off int, head uint32, v bool) wire.UnknownFields {
	return Protocol{}.keepUnknown(u, src, off, field{t: wire.Type(head >> 16), id: int16(head), bool: v})
}

// ConsumeBool reads a bool that is an element of a container.
func ConsumeBool(src []byte, off int) (v bool, next int, err error) {
	if off >= len(src) {
		return false, off, wire.Truncated(len(src))
	}
	return src[off] == cTrue, off + 1, nil
}

// ConsumeI8 reads an i8.
func ConsumeI8(src []byte, off int) (v int8, next int, err error) {
	if off >= len(src) {
		return 0, off, wire.Truncated(len(src))
	}
	return int8(src[off]), off + 1, nil
}

// ConsumeDouble reads a double.
func ConsumeDouble(src []byte, off int) (v float64, next int, err error) {
	if len(src)-off < 8 {
		return 0, off, wire.Truncated(len(src))
	}
	return Protocol{}.double(src, off), off + 8, nil
}

// ConsumeUUID reads a uuid.
func ConsumeUUID(src []byte, off int) (v [16]byte, next int, err error) {
	if len(src)-off < 16 {
		return v, off, wire.Truncated(len(src))
	}
	return [16]byte(src[off : off+16]), off + 16, nil
}

// ConsumeListHeader reads the header of a list or set that is a field or element of something that
// may nest depth more levels. The n elements after it are of type elem and the bytes that they
// take at least are there; they may nest depth-1 levels. Elements of another type count as not
// sent: they are skipped, and n is 0.
func ConsumeListHeader(src []byte, off int, elem wire.Type, depth int) (n, next int, err error) {
	if depth == 0 {
		return 0, off, wire.TooDeep(off)
	}
	return knownList(src, off, elem, depth-1)
}

// ConsumeMapHeader is ConsumeListHeader for a map with n entries.
func ConsumeMapHeader(src []byte, off int, key, elem wire.Type, depth int) (n, next int, err error) {
	if depth == 0 {
		return 0, off, wire.TooDeep(off)
	}
	return knownMap(src, off, key, elem, depth-1)
}

// ConsumeStructs reads a list or set of generated structs at off, and returns it and the offset after it. What it stores may
// share src's memory. depth is how many more levels may open, the list included.
func ConsumeStructs[T any, P thriftimpl.PointerTo[T]](src []byte, off, depth int) ([]P, int, error) {
	n, off, err := ConsumeListHeader(src, off, wire.Struct, depth)
	if err != nil {
		return nil, off, err
	}
	v := thriftimpl.MakeList[P](n, len(src)-off)
	var slab []T
	for i := range n {
		if len(slab) == 0 {
			slab = thriftimpl.MakeSlab[T](n-i, len(src)-off)
		}
		e := P(&slab[0])
		slab = slab[1:]
		if off, err = e.ConsumeThriftCompact(src, off, depth-1); err != nil {
			return v, off, wire.InElement(err, i, "")
		}
		v = append(v, e)
	}
	return v, off, nil
}
