// Package dynmem reaches into the memory of dynamic values, for codecs: it makes values several at
// once and stores without the checks of package dynamic, whose invariants the caller answers for. What
// is stored must fit the type of what it is stored in.
//
// It knows the layout of the types of package dynamic; a test compares the two. In return package
// dynamic exports nothing that only codecs should use, and codecs pay nothing: every func here
// compiles to one load or store.
package dynmem

import (
	"math/bits"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// The layouts, field for field those of the types of package dynamic.
type (
	valueLayout struct {
		//lint:ignore U1000 part of the layout
		ptr mem.Pointer
		num uint64
		//lint:ignore U1000 part of the layout
		kind schema.Kind
	}
	structLayout struct {
		desc *schema.Struct
		vals []dynamic.Value
		//lint:ignore U1000 part of the layout
		unknown wire.UnknownFields
	}
	listLayout struct {
		typ  *schema.Type
		vals []dynamic.Value
	}
	mapLayout struct {
		typ     *schema.Type
		entries []dynamic.Entry
	}
)

// ValueSize is the size of a dynamic.Value in bytes: the number, and a word each for the pointer and
// the kind.
const ValueSize = 8 + 2*bits.UintSize/8

// Bits returns a number as it is held: sign-extended, the bits of a double, 1 for true.
func Bits(v *dynamic.Value) uint64 { return mem.As[valueLayout](mem.To(v)).num }

// Slots returns the values of the fields of s, by schema.Field.Index. They may be set.
func Slots(s *dynamic.Struct) []dynamic.Value { return mem.As[structLayout](mem.To(s)).vals }

// List returns a list or set of type t that owns vals.
func List(t *schema.Type, vals []dynamic.Value) *dynamic.List {
	l := new(dynamic.List)
	setList(l, t, vals)
	return l
}

// Map returns a map of type t that owns entries.
func Map(t *schema.Type, entries []dynamic.Entry) *dynamic.Map {
	m := new(dynamic.Map)
	setMap(m, t, entries)
	return m
}

func setStruct(s *dynamic.Struct, desc *schema.Struct, vals []dynamic.Value) {
	*mem.As[structLayout](mem.To(s)) = structLayout{desc: desc, vals: vals}
}

func setList(l *dynamic.List, t *schema.Type, vals []dynamic.Value) {
	*mem.As[listLayout](mem.To(l)) = listLayout{t, vals}
}

func setMap(m *dynamic.Map, t *schema.Type, entries []dynamic.Entry) {
	*mem.As[mapLayout](mem.To(m)) = mapLayout{t, entries}
}
