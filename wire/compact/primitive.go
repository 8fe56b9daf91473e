// Package compact is Thrift's compact protocol (the specification "Thrift Compact protocol
// encoding"): integers as variable-length zigzag numbers, field ids as steps, small types and
// sizes in half bytes. Version 1, Apache Thrift's, has little-endian doubles; version 2,
// fbthrift's, big-endian ones, and is otherwise the same; fbthrift's float, which has the code
// of uuid there, is not known here.
//
// Append functions extend dst and return it. Consume functions read src at an offset and
// return the offset after what they read; offsets count from the start of the message, and
// errors are *wire.Error with the offset and the path of fields. Decoded strings and binaries
// share src's memory: the caller must own src and never write to it again.
package compact

import (
	"encoding/binary"
	"math"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/wire"
)

const protocolID = 0x82

// The types in half a byte. A bool field has its value there; in containers both mean bool.
const (
	cStop   = 0
	cTrue   = 1
	cFalse  = 2
	cI8     = 3
	cI16    = 4
	cI32    = 5
	cI64    = 6
	cDouble = 7
	cString = 8
	cList   = 9
	cSet    = 10
	cMap    = 11
	cStruct = 12
	cUUID   = 13
)

// toCompact has 0 for what is no type.
var toCompact = [256]byte{
	wire.Bool: cTrue, wire.I8: cI8, wire.I16: cI16, wire.I32: cI32, wire.I64: cI64, wire.Double: cDouble,
	wire.String: cString, wire.List: cList, wire.Set: cSet, wire.Map: cMap, wire.Struct: cStruct, wire.UUID: cUUID,
}

// fromCompact has 0 for what is no type.
var fromCompact = [16]wire.Type{
	cTrue: wire.Bool, cFalse: wire.Bool, cI8: wire.I8, cI16: wire.I16, cI32: wire.I32, cI64: wire.I64, cDouble: wire.Double,
	cString: wire.String, cList: wire.List, cSet: wire.Set, cMap: wire.Map, cStruct: wire.Struct, cUUID: wire.UUID,
}

// minSize is the smallest size of an element of each type.
var minSize = [256]uint8{
	wire.Bool: 1, wire.I8: 1, wire.I16: 1, wire.I32: 1, wire.I64: 1, wire.Double: 8,
	wire.String: 1, wire.Struct: 1, wire.Map: 1, wire.Set: 1, wire.List: 1, wire.UUID: 16,
}

// fixed is the size of the elements of types whose elements all have one size, else 0.
var fixed = [256]uint8{wire.Bool: 1, wire.I8: 1, wire.Double: 8, wire.UUID: 16}

func appendHeader(dst []byte, h wire.Header, version byte) []byte {
	dst = append(dst, protocolID, byte(h.Type)<<5|version)
	dst = binary.AppendUvarint(dst, uint64(uint32(h.SeqID)))
	return AppendString(dst, h.Name)
}

// checkVersion checks the two bytes with which every message starts.
func checkVersion(src []byte, version byte) error {
	switch {
	case len(src) > 0 && src[0] != protocolID:
		return wire.Errorf(0, wire.ErrInvalid, "protocol %#02x, not %#02x", src[0], protocolID)
	case len(src) < 2:
		return wire.Truncated(len(src))
	case src[1]&0x1f != version:
		return wire.Errorf(1, wire.ErrInvalid, "version %d, not %d", src[1]&0x1f, version)
	}
	return nil
}

// consumeHeader reads a message header. The name shares src's memory.
func consumeHeader(src []byte, version byte) (h wire.Header, off int, err error) {
	if err := checkVersion(src, version); err != nil {
		return h, 0, err
	}
	h.Type = wire.MessageType(src[1] >> 5)
	seq, off, err := consumeVarint32(src, 2)
	if err != nil {
		return h, 0, err
	}
	h.SeqID = int32(seq)
	h.Name, off, err = ConsumeString(src, off)
	return h, off, err
}

// AppendString appends the length of v and its bytes.
func AppendString(dst []byte, v string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(v)))
	return append(dst, v...)
}

// AppendI16 appends an i16.
func AppendI16(dst []byte, v int16) []byte { return AppendI64(dst, int64(v)) }

// AppendI32 appends an i32 or an enum.
func AppendI32(dst []byte, v int32) []byte { return AppendI64(dst, int64(v)) }

// AppendI64 appends an i64.
func AppendI64(dst []byte, v int64) []byte {
	return binary.AppendUvarint(dst, uint64(v)<<1^uint64(v>>63))
}

func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

func (p Protocol) appendDouble(dst []byte, v float64) []byte {
	if p.Version2 {
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(v))
	}
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
}

// double reads the 8 bytes at off, which are there.
func (p Protocol) double(src []byte, off int) float64 {
	if p.Version2 {
		return math.Float64frombits(binary.BigEndian.Uint64(src[off:]))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(src[off:]))
}

// AppendBool appends a bool as an element of a container.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, cTrue)
	}
	return append(dst, cFalse)
}

// appendField appends a field header of compact type ct: a step from the last id, or the id itself.
func appendField(dst []byte, ct byte, id, last int16) []byte {
	if step := int(id) - int(last); step > 0 && step <= 15 {
		return append(dst, byte(step)<<4|ct)
	}
	return AppendI16(append(dst, ct), id)
}

// AppendListHeader appends the header of a list or set; its n elements must follow.
func AppendListHeader(dst []byte, elem wire.Type, n int) []byte {
	if n < 15 {
		return append(dst, byte(n)<<4|toCompact[elem])
	}
	return binary.AppendUvarint(append(dst, 0xf0|toCompact[elem]), uint64(n))
}

// AppendMapHeader appends the header of a map; its n entries must follow, key and value in turn.
func AppendMapHeader(dst []byte, key, elem wire.Type, n int) []byte {
	if n == 0 {
		return append(dst, 0)
	}
	return append(binary.AppendUvarint(dst, uint64(n)), toCompact[key]<<4|toCompact[elem])
}

// consumeVarint reads a number of at most 64 bits in at most 10 bytes. Most numbers take one.
func consumeVarint(src []byte, off int) (uint64, int, error) {
	if off < len(src) && src[off] < 0x80 {
		return uint64(src[off]), off + 1, nil
	}
	return consumeLong(src, off)
}

func consumeLong(src []byte, off int) (uint64, int, error) {
	var v uint64
	rest := src[off:]
	for i, b := range rest[:min(len(rest), binary.MaxVarintLen64)] {
		if b < 0x80 {
			if i == binary.MaxVarintLen64-1 && b > 1 {
				break
			}
			return v | uint64(b)<<(7*i&63), off + i + 1, nil
		}
		v |= uint64(b&0x7f) << (7 * i & 63)
	}
	if len(rest) < binary.MaxVarintLen64 {
		return 0, off, wire.Truncated(len(src))
	}
	return 0, off, wire.Errorf(off, wire.ErrInvalid, "a number of more than 64 bits")
}

// consumeVarint32 reads a number of at most 32 bits in at most 5 bytes.
func consumeVarint32(src []byte, off int) (uint32, int, error) {
	if off < len(src) && src[off] < 0x80 {
		return uint32(src[off]), off + 1, nil
	}
	return consumeLong32(src, off)
}

func consumeLong32(src []byte, off int) (uint32, int, error) {
	v, next, err := consumeLong(src, off)
	switch {
	case err != nil && len(src)-off < 5:
		return 0, off, err
	case err != nil || v > math.MaxUint32 || next-off > 5:
		return 0, off, wire.Errorf(off, wire.ErrInvalid, "a number of more than 32 bits")
	}
	return uint32(v), next, nil
}

// ConsumeI16 reads an i16.
func ConsumeI16(src []byte, off int) (int16, int, error) {
	u, next, err := consumeVarint32(src, off)
	v := unzigzag(uint64(u))
	if err == nil && v != int64(int16(v)) {
		err = wire.Errorf(off, wire.ErrInvalid, "%d is not an i16", v)
	}
	return int16(v), next, err
}

// ConsumeI32 reads an i32 or an enum.
func ConsumeI32(src []byte, off int) (int32, int, error) {
	u, next, err := consumeVarint32(src, off)
	return int32(unzigzag(uint64(u))), next, err
}

// ConsumeI64 reads an i64.
func ConsumeI64(src []byte, off int) (int64, int, error) {
	u, next, err := consumeVarint(src, off)
	return unzigzag(u), next, err
}

// consumeSize reads a length or a count and checks that it is not negative as a signed number.
func consumeSize(src []byte, off int) (n, next int, err error) {
	u, next, err := consumeVarint32(src, off)
	if err == nil && u > math.MaxInt32 {
		err = wire.Errorf(off, wire.ErrInvalid, "size %d", int32(u))
	}
	return int(u), next, err
}

// ConsumeBytes reads a binary, which shares src's memory.
func ConsumeBytes(src []byte, off int) ([]byte, int, error) {
	if off < len(src) && src[off] < 0x80 { // as below, for most lengths
		at := off + 1
		if end := at + int(src[off]); end <= len(src) {
			return src[at:end:end], end, nil
		}
	}
	n, at, err := consumeSize(src, off)
	switch {
	case err != nil:
		return nil, off, err
	case n > len(src)-at:
		return nil, off, wire.Errorf(off, wire.ErrTruncated, "length %d, but only %s left", n, plural.Of(len(src)-at, "byte"))
	}
	return src[at : at+n : at+n], at + n, nil
}

// ConsumeString reads a string, which shares src's memory.
func ConsumeString(src []byte, off int) (string, int, error) {
	b, next, err := ConsumeBytes(src, off)
	return mem.String(b), next, err
}

// field is a field header. Of a bool field it holds the value.
type field struct {
	t    wire.Type // Stop at the end of the struct
	id   int16
	bool bool
}

func consumeField(src []byte, off int, last int16) (f field, next int, err error) {
	if off >= len(src) {
		return f, off, wire.Truncated(len(src))
	}
	b := src[off]
	ct := b & 0x0f
	if ct == cStop {
		return f, off + 1, nil
	}
	f.t, f.bool = fromCompact[ct], ct == cTrue
	if f.t == 0 {
		return f, off, badType(off, ct)
	}
	if step := int(b >> 4); step != 0 {
		id := int(last) + step
		if id > math.MaxInt16 {
			return f, off, wire.Errorf(off, wire.ErrInvalid, "field id %d", id)
		}
		f.id = int16(id)
		return f, off + 1, nil
	}
	f.id, next, err = ConsumeI16(src, off+1)
	return f, next, err
}

// listHeader reads the header of a list or set.
func listHeader(src []byte, off int) (elem wire.Type, n, next int, err error) {
	if off >= len(src) {
		return 0, 0, off, wire.Truncated(len(src))
	}
	b := src[off]
	n, next = int(b>>4), off+1
	if n == 15 {
		if n, next, err = consumeSize(src, next); err != nil {
			return 0, 0, off, err
		}
	}
	elem = fromCompact[b&0x0f]
	if elem == 0 && n > 0 { // an empty one may name any type
		return 0, 0, off, badType(off, b&0x0f)
	}
	return elem, n, next, nil
}

// consumeListHeader is listHeader with a check of the count against what remains.
func consumeListHeader(src []byte, off int) (elem wire.Type, n, next int, err error) {
	elem, n, next, err = listHeader(src, off)
	if err == nil {
		err = checkCount(off, n, int(minSize[elem]), len(src)-next)
	}
	return elem, n, next, err
}

// mapHeader reads the header of a map.
func mapHeader(src []byte, off int) (key, elem wire.Type, n, next int, err error) {
	n, next, err = consumeSize(src, off)
	if err != nil || n == 0 {
		return 0, 0, 0, next, err
	}
	if next >= len(src) {
		return 0, 0, 0, off, wire.Truncated(len(src))
	}
	b := src[next]
	key, elem = fromCompact[b>>4], fromCompact[b&0x0f]
	switch {
	case key == 0:
		return 0, 0, 0, off, badType(next, b>>4)
	case elem == 0:
		return 0, 0, 0, off, badType(next, b&0x0f)
	}
	return key, elem, n, next + 1, nil
}

// consumeMapHeader is mapHeader with a check of the count against what remains.
func consumeMapHeader(src []byte, off int) (key, elem wire.Type, n, next int, err error) {
	key, elem, n, next, err = mapHeader(src, off)
	if err == nil {
		err = checkCount(off, n, int(minSize[key])+int(minSize[elem]), len(src)-next)
	}
	return key, elem, n, next, err
}

// checkCount refuses a count of elements that cannot be there, before anything is allocated for them.
func checkCount(off, n, size, remain int) error {
	if int64(n)*int64(size) > int64(remain) {
		return wire.Errorf(off, wire.ErrTruncated, "count %d, but only %s left", n, plural.Of(remain, "byte"))
	}
	return nil
}

func badType(off int, ct byte) error {
	return wire.Errorf(off, wire.ErrInvalid, "type %d is not the type of a value", ct)
}

// Skip returns the offset after the element of type t at off.
func Skip(src []byte, off int, t wire.Type) (int, error) { return skip(src, off, t, wire.MaxDepth) }

// skip skips an element; a bool field has nothing after its header, see skipField.
func skip(src []byte, off int, t wire.Type, depth int) (int, error) {
	if n := int(fixed[t]); n > 0 {
		if len(src)-off < n {
			return off, wire.Truncated(len(src))
		}
		return off + n, nil
	}
	switch t {
	case wire.I16:
		_, next, err := ConsumeI16(src, off)
		return next, err
	case wire.I32:
		_, next, err := consumeVarint32(src, off)
		return next, err
	case wire.I64:
		_, next, err := consumeVarint(src, off)
		return next, err
	case wire.String:
		_, next, err := ConsumeBytes(src, off)
		return next, err
	}
	if depth == 0 {
		return off, wire.TooDeep(off)
	}
	switch t {
	case wire.Struct:
		return skipFields(src, off, depth-1)
	case wire.Map:
		key, elem, n, next, err := consumeMapHeader(src, off)
		if err != nil {
			return off, err
		}
		return skipElems(src, next, n, depth-1, key, elem)
	default:
		elem, n, next, err := consumeListHeader(src, off)
		if err != nil {
			return off, err
		}
		return skipElems(src, next, n, depth-1, elem)
	}
}

func skipElems(src []byte, off, n, depth int, types ...wire.Type) (int, error) {
	if len(types) == 1 && fixed[types[0]] > 0 {
		return off + n*int(fixed[types[0]]), nil // the count was checked against what remains
	}
	for range n {
		for _, t := range types {
			next, err := skip(src, off, t, depth)
			if err != nil {
				return off, err
			}
			off = next
		}
	}
	return off, nil
}

func skipFields(src []byte, off, depth int) (int, error) {
	var last int16
	for {
		f, next, err := consumeField(src, off, last)
		if err != nil {
			return off, err
		}
		if f.t == wire.Stop {
			return next, nil
		}
		if off, err = skipField(src, next, f, depth); err != nil {
			return off, err
		}
		last = f.id
	}
}

func skipField(src []byte, off int, f field, depth int) (int, error) {
	if f.t == wire.Bool {
		return off, nil
	}
	return skip(src, off, f.t, depth)
}
