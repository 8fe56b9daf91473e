package thriftimpl

import (
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// A BinaryCodec is a pointer to a Go struct that writes and reads itself in the binary protocol:
// what generated code has besides the fields, in place of the walkers that interpret a plan. It must
// do the same as they, and all that the schema's package says of set, unset and default; the
// functions of package binary that it is made of do.
type BinaryCodec interface {
	// AppendThriftBinary appends the fields and the stop and returns dst, extended. depth is how
	// many more levels may open, this struct included: 0 is TooDeep(-1).
	AppendThriftBinary(dst []byte, depth int) ([]byte, error)

	// ConsumeThriftBinary reads the struct at off into the receiver, which is zero, and returns the
	// offset after it. What it stores may share src's memory. depth is as in
	// AppendThriftBinary: 0 is TooDeep(off).
	ConsumeThriftBinary(src []byte, off, depth int) (int, error)
}

// A CompactCodec is what a BinaryCodec is, in version 1 of the compact protocol.
type CompactCodec interface {
	AppendThriftCompact(dst []byte, depth int) ([]byte, error)
	ConsumeThriftCompact(src []byte, off, depth int) (int, error)
}

// A Generated is a pointer to a Go struct with both codecs. ThriftCodec returns what [CodecOf] made
// of it, always the same; it does not look at the receiver, which may be nil.
type Generated interface{ ThriftCodec() *Codec }

// A PointerTo is a pointer to the generated struct T.
type PointerTo[T any] interface {
	*T
	Generated
	BinaryCodec
	CompactCodec
}

// A Codec leads to the methods of a Generated. It is used where the Go struct stands for the schema
// that its code was made of, and passed over where it stands for any other.
type Codec struct {
	Schema func() *schema.Struct // what its code was made of

	AppendBinary   func(v mem.Pointer, dst []byte, depth int) ([]byte, error)
	ConsumeBinary  func(v mem.Pointer, src []byte, off, depth int) (int, error)
	AppendCompact  func(v mem.Pointer, dst []byte, depth int) ([]byte, error)
	ConsumeCompact func(v mem.Pointer, src []byte, off, depth int) (int, error)
}

// InField is [wire.InField] for the field with that head, as the Head functions of the protocols return it.
func (c *Codec) InField(err error, head uint32) error {
	desc := c.Schema()
	f := desc.FieldByID(int16(head))
	return wire.InField(err, desc.Name, f.Name, f.ID)
}

// CodecOf returns the Codec of the Go struct T, whose code was made of the struct that desc returns, or
// of one with the same fingerprint. desc is called when it is needed.
func CodecOf[T any, P interface {
	*T
	BinaryCodec
	CompactCodec
}](desc func() *schema.Struct) *Codec {
	return &Codec{
		Schema: desc,
		AppendBinary: func(v mem.Pointer, dst []byte, depth int) ([]byte, error) {
			return P(mem.As[T](v)).AppendThriftBinary(dst, depth)
		},
		ConsumeBinary: func(v mem.Pointer, src []byte, off, depth int) (int, error) {
			return P(mem.As[T](v)).ConsumeThriftBinary(src, off, depth)
		},
		AppendCompact: func(v mem.Pointer, dst []byte, depth int) ([]byte, error) {
			return P(mem.As[T](v)).AppendThriftCompact(dst, depth)
		},
		ConsumeCompact: func(v mem.Pointer, src []byte, off, depth int) (int, error) {
			return P(mem.As[T](v)).ConsumeThriftCompact(src, off, depth)
		},
	}
}

// Room bounds what is allocated for n promised elements of size bytes by a multiple of the bytes
// that remain to be read; more grows as it is read.
func Room(n int, size uintptr, remain int) int {
	const factor = 4
	if size == 0 {
		return n
	}
	return min(n, max(1, int(uintptr(remain)*factor/size)))
}

// MakeList returns an empty slice with room for n promised elements, as far as remain bytes can
// hold them.
func MakeList[T any](n, remain int) []T { return make([]T, 0, Room(n, mem.Size[T](), remain)) }

// MakeSlab returns zero structs for some of n promised elements, one at least, as far as remain bytes
// can hold them: memory for several at once.
func MakeSlab[T any](n, remain int) []T { return make([]T, Room(n, mem.Size[T](), remain)) }

// MakeMap returns an empty map with room for n promised entries, as far as remain bytes can hold
// them.
func MakeMap[K comparable, V any](n, remain int) map[K]V {
	return make(map[K]V, Room(n, mem.Size[K]()+mem.Size[V](), remain))
}

// Unset returns the error for a required field that is unset and cannot be written so.
func Unset(structName, field string, id int16) error {
	return wire.InField(&wire.Error{Offset: -1, Cause: wire.ErrMissing, Message: "it must be set"}, structName, field, id)
}

// Missing returns the error for a required field that the struct that ends at offset lacks.
func Missing(offset int, structName, field string, id int16) error {
	return wire.InField(&wire.Error{Offset: offset, Cause: wire.ErrMissing}, structName, field, id)
}

// ManyMembers returns the error for a union of which a message has more than one member.
func ManyMembers(offset int, union string) error {
	return wire.Errorf(offset, wire.ErrInvalid, "union %s has more than one member", union)
}

// CheckMembers returns the error for a union that may not be written: it must have one member set,
// or unknown fields in place of it.
func CheckMembers(union string, set int, unknown wire.UnknownFields) error {
	if set == 1 || set == 0 && len(unknown) > 0 {
		return nil
	}
	return wire.Errorf(-1, wire.ErrValue, "union %s must have exactly one member set, it has %d", union, set)
}

// CheckUnion is CheckMembers with a bool for each member, which says whether it is set.
func CheckUnion(union string, unknown wire.UnknownFields, members ...bool) error {
	set := 0
	for _, isSet := range members {
		if isSet {
			set++
		}
	}
	return CheckMembers(union, set, unknown)
}

// NilPointer returns the error for an element of a container that is nil in place of a value of
// type t.
func NilPointer(t string) error { return wire.Errorf(-1, wire.ErrValue, "nil pointer to %s", t) }
