// Package dynamic holds Thrift values for which there is no Go type: what a schema describes,
// built, read and sent by programs that learn the schema when they run.
//
// A [Value] is any Thrift value in three words. [Struct], [List] and [Map] are its composite
// forms; each knows its type and takes only what fits. [Of] makes values of plain Go ones,
// [Value.Interface] goes back, and [AppendJSON] and [ParseJSON] are the JSON form.
//
// Values may be read by many goroutines at once. A Struct, List or Map that is being changed
// belongs to one.
package dynamic

import (
	"bytes"
	"math"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/schema"
)

// A Value is one Thrift value, or none: the zero Value is "unset".
//
// Its accessors return the zero value of their result when the Value is of another kind.
// Strings and binaries that were read from a message share the message's memory, which is
// never reused; to keep a small part of a large message, clone it.
type Value struct { // internal/dynmem knows the layout
	ptr  mem.Pointer // bytes, or *[16]byte, *Struct, *List, *Map
	num  uint64      // number, or length of the bytes
	kind schema.Kind // KindVoid: unset
}

// Bool returns a bool.
func Bool(v bool) Value {
	if v {
		return Value{kind: schema.KindBool, num: 1}
	}
	return Value{kind: schema.KindBool}
}

// I8 returns an i8.
func I8(v int8) Value { return Value{kind: schema.KindI8, num: uint64(v)} }

// I16 returns an i16.
func I16(v int16) Value { return Value{kind: schema.KindI16, num: uint64(v)} }

// I32 returns an i32.
func I32(v int32) Value { return Value{kind: schema.KindI32, num: uint64(v)} }

// I64 returns an i64.
func I64(v int64) Value { return Value{kind: schema.KindI64, num: uint64(v)} }

// Double returns a double.
func Double(v float64) Value { return Value{kind: schema.KindDouble, num: math.Float64bits(v)} }

// String returns a string. Thrift strings should be UTF-8, but any bytes are kept.
func String(v string) Value {
	return Value{kind: schema.KindString, ptr: mem.StringPointer(v), num: uint64(len(v))}
}

// Binary returns a binary that shares v's memory.
func Binary(v []byte) Value {
	return Value{kind: schema.KindBinary, ptr: mem.BytesPointer(v), num: uint64(len(v))}
}

// UUID returns a uuid.
func UUID(v [16]byte) Value { return Value{kind: schema.KindUUID, ptr: mem.To(&v)} }

// Enum returns the value with that number of whatever enum it is assigned to; any number is legal.
func Enum(v int32) Value { return Value{kind: schema.KindEnum, num: uint64(v)} }

// StructValue returns s as a Value; unset if s is nil.
func StructValue(s *Struct) Value {
	if s == nil {
		return Value{}
	}
	return Value{kind: schema.KindStruct, ptr: mem.To(s)}
}

// ListValue returns l, a list or a set, as a Value; unset if l is nil.
func ListValue(l *List) Value {
	if l == nil {
		return Value{}
	}
	return Value{kind: l.typ.Kind, ptr: mem.To(l)}
}

// MapValue returns m as a Value; unset if m is nil.
func MapValue(m *Map) Value {
	if m == nil {
		return Value{}
	}
	return Value{kind: schema.KindMap, ptr: mem.To(m)}
}

// Kind returns the kind of v, KindVoid if v is unset.
func (v Value) Kind() schema.Kind { return v.kind }

// IsSet reports whether v is a value at all.
func (v Value) IsSet() bool { return v.kind != schema.KindVoid }

// Bool returns the bool.
func (v Value) Bool() bool { return v.kind == schema.KindBool && v.num != 0 }

// Int returns the i8, i16, i32, i64, or the number of the enum value.
func (v Value) Int() int64 {
	switch v.kind {
	case schema.KindI8, schema.KindI16, schema.KindI32, schema.KindI64, schema.KindEnum:
		return int64(v.num)
	}
	return 0
}

// Double returns the double.
func (v Value) Double() float64 {
	if v.kind != schema.KindDouble {
		return 0
	}
	return math.Float64frombits(v.num)
}

// Text returns the bytes of a string or binary as a string.
func (v Value) Text() string {
	if v.kind != schema.KindString && v.kind != schema.KindBinary {
		return ""
	}
	return mem.MakeString(v.ptr, int(v.num))
}

// Bytes returns the bytes of a string or binary; they must not be changed.
func (v Value) Bytes() []byte {
	if v.kind != schema.KindString && v.kind != schema.KindBinary {
		return nil
	}
	return mem.MakeBytes(v.ptr, int(v.num))
}

// UUID returns the uuid.
func (v Value) UUID() [16]byte {
	if v.kind != schema.KindUUID {
		return [16]byte{}
	}
	return *mem.As[[16]byte](v.ptr)
}

// Struct returns the struct, union or exception, else nil.
func (v Value) Struct() *Struct {
	if v.kind != schema.KindStruct {
		return nil
	}
	return mem.As[Struct](v.ptr)
}

// List returns the list or set, else nil.
func (v Value) List() *List {
	if v.kind != schema.KindList && v.kind != schema.KindSet {
		return nil
	}
	return mem.As[List](v.ptr)
}

// Map returns the map, else nil.
func (v Value) Map() *Map {
	if v.kind != schema.KindMap {
		return nil
	}
	return mem.As[Map](v.ptr)
}

// Fits reports whether v may stand where the schema says t: the same kind, and for composite
// values the same struct, element and key types. What it contains is not looked at again: a
// Struct, List or Map takes only what fits.
func (v Value) Fits(t *schema.Type) bool {
	if v.kind != t.Kind {
		return false
	}
	switch v.kind {
	case schema.KindStruct:
		return v.Struct().desc == t.Struct
	case schema.KindList, schema.KindSet:
		return sameType(v.List().typ, t)
	case schema.KindMap:
		return sameType(v.Map().typ, t)
	}
	return v.kind != schema.KindVoid
}

// sameType reports whether a and b have the same values, by whatever alias they go.
func sameType(a, b *schema.Type) bool {
	if a == b {
		return true
	}
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case schema.KindStruct:
		return a.Struct == b.Struct
	case schema.KindEnum:
		return a.Enum == b.Enum
	case schema.KindList, schema.KindSet:
		return sameType(a.Elem, b.Elem)
	case schema.KindMap:
		return sameType(a.Key, b.Key) && sameType(a.Elem, b.Elem)
	}
	return true
}

// Equal reports whether a and b are the same value: doubles by their bits, so that NaN equals
// itself; sets and maps without regard to order, and of entries with one key the last; structs
// by their set fields.
func Equal(a, b Value) bool {
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case schema.KindString, schema.KindBinary:
		return bytes.Equal(a.Bytes(), b.Bytes())
	case schema.KindUUID:
		return a.UUID() == b.UUID()
	case schema.KindStruct:
		return equalStruct(a.Struct(), b.Struct())
	case schema.KindList:
		return equalList(a.List(), b.List())
	case schema.KindSet:
		return equalSet(a.List(), b.List())
	case schema.KindMap:
		return equalMap(a.Map(), b.Map())
	}
	return a.num == b.num
}

func equalStruct(a, b *Struct) bool {
	if a.desc != b.desc || !bytes.Equal(a.unknown, b.unknown) {
		return false
	}
	for i := range a.vals {
		if !Equal(a.vals[i], b.vals[i]) {
			return false
		}
	}
	return true
}

func equalList(a, b *List) bool {
	if len(a.vals) != len(b.vals) {
		return false
	}
	for i := range a.vals {
		if !Equal(a.vals[i], b.vals[i]) {
			return false
		}
	}
	return true
}

func equalSet(a, b *List) bool {
	if len(a.vals) != len(b.vals) {
		return false
	}
	used := make([]bool, len(b.vals))
next:
	for i, x := range a.vals {
		if Equal(x, b.vals[i]) && !used[i] {
			used[i] = true
			continue
		}
		for j, y := range b.vals {
			if !used[j] && Equal(x, y) {
				used[j] = true
				continue next
			}
		}
		return false
	}
	return true
}

// equalMap compares the entries that count. Those at the same place in both need no search: if
// the last entry with some key is not at one place in both, the two differ at the later place.
func equalMap(a, b *Map) bool { return mapWithin(a, b) && mapWithin(b, a) }

// mapWithin reports whether b has every key of a, with the same value.
func mapWithin(a, b *Map) bool {
	for i, e := range a.entries {
		if i < len(b.entries) && Equal(e.Key, b.entries[i].Key) && Equal(e.Value, b.entries[i].Value) {
			continue
		}
		v, _ := a.Get(e.Key)
		if w, ok := b.Get(e.Key); !ok || !Equal(v, w) {
			return false
		}
	}
	return true
}
