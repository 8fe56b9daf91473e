package binary

import (
	"encoding/binary"
	"math"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/wire"
)

// The functions below are for generated code, see thriftimpl.BinaryCodec; they write and read what the
// walkers do, and their errors are the same.

// AppendBoolField appends a field with its header.
func AppendBoolField(dst []byte, id int16, v bool) []byte {
	return AppendBool(append(dst, byte(wire.Bool), byte(id>>8), byte(id)), v)
}

// AppendI8Field appends a field with its header.
func AppendI8Field(dst []byte, id int16, v int8) []byte {
	return append(dst, byte(wire.I8), byte(id>>8), byte(id), byte(v))
}

// AppendI16Field appends a field with its header.
func AppendI16Field(dst []byte, id int16, v int16) []byte {
	return append(dst, byte(wire.I16), byte(id>>8), byte(id), byte(v>>8), byte(v))
}

// AppendI32Field appends a field with its header, an i32 or an enum.
func AppendI32Field(dst []byte, id int16, v int32) []byte {
	return append(dst, byte(wire.I32), byte(id>>8), byte(id), byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

// AppendI64Field appends a field with its header.
func AppendI64Field(dst []byte, id int16, v int64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, byte(wire.I64), byte(id>>8), byte(id)), uint64(v))
}

// AppendDoubleField appends a field with its header.
func AppendDoubleField(dst []byte, id int16, v float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, byte(wire.Double), byte(id>>8), byte(id)), math.Float64bits(v))
}

// AppendStringField appends a field with its header.
func AppendStringField(dst []byte, id int16, v string) []byte {
	n := len(v)
	return append(append(dst, byte(wire.String), byte(id>>8), byte(id), byte(n>>24), byte(n>>16), byte(n>>8), byte(n)), v...)
}

// AppendBytesField appends a field with its header.
func AppendBytesField(dst []byte, id int16, v []byte) []byte {
	n := len(v)
	return append(append(dst, byte(wire.String), byte(id>>8), byte(id), byte(n>>24), byte(n>>16), byte(n>>8), byte(n)), v...)
}

// AppendI16 appends an i16.
func AppendI16(dst []byte, v int16) []byte { return binary.BigEndian.AppendUint16(dst, uint16(v)) }

// AppendI32 appends an i32 or an enum.
func AppendI32(dst []byte, v int32) []byte { return binary.BigEndian.AppendUint32(dst, uint32(v)) }

// AppendI64 appends an i64.
func AppendI64(dst []byte, v int64) []byte { return binary.BigEndian.AppendUint64(dst, uint64(v)) }

// AppendI32s appends the elements of a list, after its header.
func AppendI32s(dst []byte, v []int32) []byte {
	return appendWords32(dst, *mem.As[[]uint32](mem.To(&v)))
}

// AppendI64s appends the elements of a list, after its header.
func AppendI64s(dst []byte, v []int64) []byte {
	return appendWords64(dst, *mem.As[[]uint64](mem.To(&v)))
}

// AppendDoubles appends the elements of a list, after its header.
func AppendDoubles(dst []byte, v []float64) []byte {
	return appendWords64(dst, *mem.As[[]uint64](mem.To(&v)))
}

// AppendStrings appends the elements of a list, after its header.
func AppendStrings(dst []byte, v []string) []byte { return appendTexts(dst, v) }

// Head is the header of a field in one number, for a switch: its type and its id.
func Head(t wire.Type, id int16) uint32 { return uint32(t)<<16 | uint32(uint16(id)) }

// HeadAt returns the header of the field at off, as Head returns it. Below 1<<16 it is no field's: there is
// the end of the struct, or too little for a field and its value, and ConsumeStop says which.
func HeadAt(src []byte, off int) uint32 {
	if len(src)-off < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(src[off:]) >> 8
}

// ConsumeStop reads the end of a struct that c is of, which may nest depth more levels, or returns the
// error for what is there in its place.
func ConsumeStop(src []byte, off int, c *thriftimpl.Codec, depth int) (int, error) {
	switch {
	case off < len(src) && wire.Type(src[off]) == wire.Stop:
		return off + 1, nil
	case len(src)-off < 3:
		return off, wire.Truncated(len(src))
	}
	head := Head(wire.Type(src[off]), int16(binary.BigEndian.Uint16(src[off+1:])))
	_, err := SkipField(src, off+3, head, depth) // which finds nothing
	if f := c.Schema().FieldByID(int16(head)); f != nil && wire.TypeOf(f.Type.Kind) == wire.Type(head>>16) {
		err = c.InField(err, head)
	}
	return off, err
}

// FieldError returns err, or the error for a message that ends early if it is nil, in the field with that
// head of a struct that c is of.
func FieldError(err error, c *thriftimpl.Codec, head uint32, src []byte) error {
	if err == nil {
		err = wire.Truncated(len(src))
	}
	return c.InField(err, head)
}

// ConsumeHead reads the header of a field; head is what Head returns, 0 at the end of the struct.
func ConsumeHead(src []byte, off int) (head uint32, next int, err error) {
	if len(src)-off >= 4 { // the header and a byte of the value
		if head = binary.BigEndian.Uint32(src[off:]) >> 8; head>>16 != 0 {
			return head, off + 3, nil
		}
		return 0, off + 1, nil
	}
	return consumeLastHead(src, off)
}

func consumeLastHead(src []byte, off int) (head uint32, next int, err error) {
	switch {
	case off < len(src) && wire.Type(src[off]) == wire.Stop:
		return 0, off + 1, nil
	case len(src)-off < 3:
		return 0, off, wire.Truncated(len(src))
	}
	return Head(wire.Type(src[off]), int16(binary.BigEndian.Uint16(src[off+1:]))), off + 3, nil
}

// SkipField returns the offset after the value at off of a field with that head, which is in a
// struct that may nest depth more levels.
func SkipField(src []byte, off int, head uint32, depth int) (int, error) {
	return skip(src, off, wire.Type(head>>16), depth-1)
}

// The functions below return the value at off and the offset after it. That lies outside src if the
// message ends early, which is for the caller to see: it is one check for many kinds.

// BoolAt returns the bool at off.
func BoolAt(src []byte, off int) (v bool, next int) {
	return off < len(src) && src[off] != 0, off + 1
}

// I8At returns the i8 at off.
func I8At(src []byte, off int) (v int8, next int) {
	if off < len(src) {
		v = int8(src[off])
	}
	return v, off + 1
}

// I16At returns the i16 at off.
func I16At(src []byte, off int) (v int16, next int) {
	if len(src)-off >= 2 {
		v = int16(binary.BigEndian.Uint16(src[off:]))
	}
	return v, off + 2
}

// I32At returns the i32 or the number of the enum value at off.
func I32At(src []byte, off int) (v int32, next int) {
	if len(src)-off >= 4 {
		v = int32(binary.BigEndian.Uint32(src[off:]))
	}
	return v, off + 4
}

// I64At returns the i64 at off.
func I64At(src []byte, off int) (v int64, next int) {
	if len(src)-off >= 8 {
		v = int64(binary.BigEndian.Uint64(src[off:]))
	}
	return v, off + 8
}

// DoubleAt returns the double at off.
func DoubleAt(src []byte, off int) (v float64, next int) {
	if len(src)-off >= 8 {
		v = math.Float64frombits(binary.BigEndian.Uint64(src[off:]))
	}
	return v, off + 8
}

// UUIDAt returns the uuid at off.
func UUIDAt(src []byte, off int) (v [16]byte, next int) {
	if len(src)-off >= 16 {
		v = [16]byte(src[off : off+16])
	}
	return v, off + 16
}

// ConsumeBool reads one byte.
func ConsumeBool(src []byte, off int) (v bool, next int, err error) {
	if off >= len(src) {
		return false, off, wire.Truncated(len(src))
	}
	return src[off] != 0, off + 1, nil
}

// ConsumeI8 reads an i8.
func ConsumeI8(src []byte, off int) (v int8, next int, err error) {
	if off >= len(src) {
		return 0, off, wire.Truncated(len(src))
	}
	return int8(src[off]), off + 1, nil
}

// ConsumeI16 reads an i16.
func ConsumeI16(src []byte, off int) (v int16, next int, err error) {
	if len(src)-off < 2 {
		return 0, off, wire.Truncated(len(src))
	}
	return int16(binary.BigEndian.Uint16(src[off:])), off + 2, nil
}

// ConsumeI32 reads an i32 or an enum.
func ConsumeI32(src []byte, off int) (v int32, next int, err error) {
	if len(src)-off < 4 {
		return 0, off, wire.Truncated(len(src))
	}
	return int32(binary.BigEndian.Uint32(src[off:])), off + 4, nil
}

// ConsumeI64 reads an i64.
func ConsumeI64(src []byte, off int) (v int64, next int, err error) {
	if len(src)-off < 8 {
		return 0, off, wire.Truncated(len(src))
	}
	return int64(binary.BigEndian.Uint64(src[off:])), off + 8, nil
}

// ConsumeDouble reads a double.
func ConsumeDouble(src []byte, off int) (v float64, next int, err error) {
	if len(src)-off < 8 {
		return 0, off, wire.Truncated(len(src))
	}
	return math.Float64frombits(binary.BigEndian.Uint64(src[off:])), off + 8, nil
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

// ConsumeI32s reads len(to) elements of a list whose header was read.
func ConsumeI32s(src []byte, off int, to []int32) int {
	swap32(*mem.As[[]uint32](mem.To(&to)), src[off:off+4*len(to)])
	return off + 4*len(to)
}

// ConsumeI64s reads len(to) elements of a list whose header was read.
func ConsumeI64s(src []byte, off int, to []int64) int {
	swap64(*mem.As[[]uint64](mem.To(&to)), src[off:off+8*len(to)])
	return off + 8*len(to)
}

// ConsumeDoubles reads len(to) elements of a list whose header was read.
func ConsumeDoubles(src []byte, off int, to []float64) int {
	swap64(*mem.As[[]uint64](mem.To(&to)), src[off:off+8*len(to)])
	return off + 8*len(to)
}

// ConsumeStrings reads len(to) elements of a list whose header was read.
func ConsumeStrings(src []byte, off int, to []string) (int, error) {
	for i := range to {
		s, next, err := ConsumeString(src, off)
		if err != nil {
			return off, wire.InElement(err, i, "")
		}
		to[i], off = s, next
	}
	return off, nil
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
		if off, err = e.ConsumeThriftBinary(src, off, depth-1); err != nil {
			return v, off, wire.InElement(err, i, "")
		}
		v = append(v, e)
	}
	return v, off, nil
}
