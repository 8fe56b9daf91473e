// Package mem is the one place of the module that imports unsafe. It gives typed access to
// memory whose type was checked before, when a plan was compiled: a [Pointer] is only ever
// moved by the offset of a field or by the size of an element that reflect reported.
//
// It relies on two properties only: a pointer to a value may be converted to a pointer to
// another type of the same representation, and all slices have one header layout. Both are
// what reflect itself offers (Value.UnsafePointer, SliceHeader); no runtime internals. Maps that
// differ only in what their elements point to count as of the same representation, and so do
// funcs that differ only in what their parameters point to.
package mem

import (
	"reflect"
	"unsafe"
)

// A Pointer is the address of a Go value whose type the holder knows.
type Pointer struct{ p unsafe.Pointer }

// Of returns the pointer that v, of Kind Pointer, holds.
func Of(v reflect.Value) Pointer { return Pointer{v.UnsafePointer()} }

// To returns p as a Pointer.
func To[T any](p *T) Pointer { return Pointer{unsafe.Pointer(p)} }

// As returns p as a *T. The memory must hold a T, or a type with T's representation.
func As[T any](p Pointer) *T { return (*T)(p.p) }

// Size returns the size of a T in bytes.
func Size[T any]() uintptr {
	var v T
	return unsafe.Sizeof(v)
}

// IsNil reports whether p is nil.
func (p Pointer) IsNil() bool { return p.p == nil }

// Add returns the address offset bytes after p, inside the same object.
func (p Pointer) Add(offset uintptr) Pointer { return Pointer{unsafe.Add(p.p, offset)} }

// AllZero reports whether the n bytes at p are known to be zero, which makes the value there the
// zero value. It does not look at very many.
func (p Pointer) AllZero(n uintptr) bool {
	const zeros = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	return n <= uintptr(len(zeros)) && unsafe.String((*byte)(p.p), n) == zeros[:n]
}

// Value returns *p as an addressable reflect.Value of type t.
func (p Pointer) Value(t reflect.Type) reflect.Value { return reflect.NewAt(t, p.p).Elem() }

// Load returns the pointer stored at p, which must hold a pointer.
func (p Pointer) Load() Pointer { return Pointer{*(*unsafe.Pointer)(p.p)} }

// Store stores q at p, which must hold a pointer.
func (p Pointer) Store(q Pointer) { *(*unsafe.Pointer)(p.p) = q.p }

// SliceLen returns the length of the slice at p, whatever its element type.
func (p Pointer) SliceLen() int { return len(*(*[]struct{})(p.p)) }

// SliceIsNil reports whether the slice at p is nil, whatever its element type.
func (p Pointer) SliceIsNil() bool { return *(*[]struct{})(p.p) == nil }

// SetEmptySlice makes the slice at p, whatever its element type, empty but not nil.
func (p Pointer) SetEmptySlice() { *(*[]struct{})(p.p) = []struct{}{} }

// SetSlice makes the slice at p, whatever its element type, the n elements at data, with no spare
// capacity.
func (p Pointer) SetSlice(data Pointer, n int) {
	*(*[]struct{})(p.p) = unsafe.Slice((*struct{})(data.p), n)
}

// SliceData returns the address of the first element of the slice at p.
func (p Pointer) SliceData() Pointer {
	return Pointer{unsafe.Pointer(unsafe.SliceData(*(*[]struct{})(p.p)))}
}

// String returns b as a string that shares its memory. The caller must own b and never
// write to it again.
func String(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// StringPointer returns the address of the bytes of s; with len(s), the whole of it.
func StringPointer(s string) Pointer { return Pointer{unsafe.Pointer(unsafe.StringData(s))} }

// BytesPointer returns the address of the bytes of b.
func BytesPointer(b []byte) Pointer { return Pointer{unsafe.Pointer(unsafe.SliceData(b))} }

// MakeString returns the string of n bytes at p, the inverse of StringPointer.
func MakeString(p Pointer, n int) string { return unsafe.String((*byte)(p.p), n) }

// MakeBytes returns the slice of n bytes at p, with no spare capacity, the inverse of BytesPointer.
func MakeBytes(p Pointer, n int) []byte { return unsafe.Slice((*byte)(p.p), n) }

// An Address is a pointer to anything, where a func takes or returns one.
type Address = unsafe.Pointer

// Func returns the func fn as one of type t, which differs from that of fn only in the names of types, and in what pointers point to.
func Func(fn reflect.Value, t reflect.Type) reflect.Value {
	if fn.Type() == t {
		return fn
	}
	p := reflect.New(fn.Type())
	p.Elem().Set(fn)
	return reflect.NewAt(t, p.UnsafePointer()).Elem()
}

// A BoundMethod is a method of a value.
type BoundMethod struct {
	Receiver Address
	fn       reflect.Value // takes the Receiver as a pointer of its own type
}

// Method returns the method of v with that name. reflect's own way, v.Method, makes a func that lays out its parameters anew in
// each call. As there, the method gets a copy of a v that is no pointer. It reports false if it finds no such method.
func Method(v reflect.Value, name string) (BoundMethod, bool) {
	if v.Kind() != reflect.Pointer {
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		v = p
	}
	m, ok := v.Type().MethodByName(name)
	if !ok {
		return BoundMethod{}, false
	}
	return BoundMethod{v.UnsafePointer(), m.Func}, true
}

// MethodAs returns m as an F, a func whose first parameter is an [Address], for the receiver, and which is else like the method, as
// for [Func].
func MethodAs[F any](m BoundMethod) F { return Func(m.fn, reflect.TypeFor[F]()).Interface().(F) }
