// Package plan compiles a Go type and a schema type into the table that the protocols' walkers
// interpret: where each field lies, what is done to it, when it counts as set.
//
// All checking of Go types against the IDL happens here, once; walkers trust a plan and touch
// memory by offset. Plans are immutable and kept with the descriptor they were compiled from.
package plan

import (
	"reflect"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// An Op says what a walker finds at an address.
type Op uint8

// The ops. The dynamic ones need no Go type: the walker goes on by the schema.
const (
	OpBool Op = iota
	OpI8
	OpI16
	OpI32 // also enums
	OpI64
	OpDouble
	OpString  // a Go string
	OpBytes   // a Go []byte
	OpUUID    // a [16]byte
	OpStruct  // a struct in place
	OpPointer // a pointer to Elem
	OpSlice   // a slice of Elem: list or set
	OpSetMap  // a map[Elem]struct{}: set
	OpMap
	OpEntries   // a slice of structs of a Key and a Value: map
	OpValue     // a dynamic.Value
	OpDynStruct // a *dynamic.Struct
	OpDynList   // a *dynamic.List
	OpDynMap    // a *dynamic.Map
	OpAny       // an interface without methods
	OpFields    // a map[string]any that stands for a struct
)

// A Type is how values of one Go type travel as values of one schema type.
type Type struct {
	Op     Op
	Wire   wire.Type
	Schema *schema.Type
	Go     reflect.Type
	Size   uintptr // of the Go type
	Key    *Type
	Elem   *Type // of OpPointer, OpSlice, OpSetMap, OpMap, OpEntries
	Struct *Struct
	Map    MapType  // of OpMap
	Dyn    *Dynamic // of a dynamic Op

	Entry          *Type   // of OpEntries, the Go struct: only its Go type, its Size and memory for it
	KeyAt, ValueAt uintptr // of OpEntries, the offsets in Entry

	sliceOf reflect.Type // []Go
	same    *Type        // the first of those of the plan with the same Go type
	slot    uint8        // of same in a Slab
}

// Zero clears the value at the address at.
func (t *Type) Zero(at mem.Pointer) {
	if !at.AllZero(t.Size) {
		at.Value(t.Go).SetZero()
	}
}

// A Room is memory for a value that is used again.
type Room struct {
	at    mem.Pointer
	size  uintptr
	value reflect.Value // at at
}

// NewRoom returns a Room for values of type t, with its zero value.
func (t *Type) NewRoom() Room {
	v := reflect.New(t.Go)
	return Room{mem.Of(v), t.Size, v.Elem()}
}

// At returns where the value is.
func (r *Room) At() mem.Pointer { return r.at }

// Empty clears the value, as Type.Zero does, and in half of its time.
func (r *Room) Empty() {
	if !r.at.AllZero(r.size) {
		r.value.SetZero()
	}
}

// A Presence says when a Go field counts as set.
type Presence uint8

// The presences.
const (
	Always     Presence = iota
	NotNil              // a pointer, map, interface or dynamic pointer that is not nil
	NotNilList          // a slice that is not nil
	NotZero             // not the zero value: the field is tagged omitzero
	NotUnset            // a dynamic.Value that is set
)

// A Field is one field of a Struct.
type Field struct {
	ID       int16
	Presence Presence
	Offset   uintptr
	Type     *Type
	Schema   *schema.Field

	// For walkers that do a field in one step.
	Value    *Type  // Type, or what it points to
	Op       Op     // of Value
	Indirect bool   // Type is a pointer
	Head     uint32 // the header in the binary protocol: type, id
	Rest     int    // Room for what follows the field in the struct
}

// A Struct is how one Go struct travels as one schema struct.
type Struct struct {
	Schema  *schema.Struct
	Go      reflect.Type
	Fields  []Field // in the order of the IDL: the order on the wire
	Unknown int     // offset of the field that keeps unknown fields, -1 if there is none
	Union   bool
	Codec   *thriftimpl.Codec // of the Go struct for this schema, or nil
	Flat    bool              // to read it takes no memory except for binaries and strings
	Absent  uint64            // which of the first 64 fields want attention when a message lacks them
	Room    int               // more bytes than the struct takes without its strings and composite fields, in any protocol but JSON

	dense  []int16       // index+1 by id, for small ids
	sparse map[int16]int // the others
	absent []uint64      // which fields want attention when a message lacks them
}

// Index returns the position in Fields of the field with that id, or -1.
func (s *Struct) Index(id int16) int {
	if uint(id) < uint(len(s.dense)) {
		return int(s.dense[id]) - 1
	}
	if i, ok := s.sparse[id]; ok {
		return i
	}
	return -1
}

// IsSet reports whether the field of the struct at v is set.
func (f *Field) IsSet(v mem.Pointer) bool {
	at := v.Add(f.Offset)
	switch f.Presence {
	case NotNil:
		return !at.Load().IsNil()
	case NotNilList:
		return !at.SliceIsNil()
	case NotZero:
		if f.Type.Op == OpDouble { // for IsZero, minus zero is zero
			return *mem.As[uint64](at) != 0
		}
		return !at.Value(f.Type.Go).IsZero()
	case NotUnset:
		return mem.As[dynamic.Value](at).IsSet()
	}
	return true
}

// A Seen is the set of fields that a message held, by position in Struct.Fields.
type Seen struct {
	low  [4]uint64
	high []uint64
	n    int
}

// Add puts field i into the set and reports whether it is new.
func (s *Seen) Add(i int) bool {
	word := s.word(i >> 6)
	bit := uint64(1) << (i & 63)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	s.n++
	return true
}

// Len returns the number of fields in the set.
func (s *Seen) Len() int { return s.n }

func (s *Seen) word(i int) *uint64 {
	if i < len(s.low) {
		return &s.low[i]
	}
	i -= len(s.low)
	for i >= len(s.high) {
		s.high = append(s.high, 0)
	}
	return &s.high[i]
}

// Finish does what the package comment of schema says about absent fields to the struct at v:
// defaults are filled in, a missing required field or more than one member of a union is an
// error. offset is where the struct ended.
func (s *Struct) Finish(v mem.Pointer, seen *Seen, offset int) error {
	if s.Union && seen.n > 1 {
		return tooManyMembers(s.Schema, offset)
	}
	for w, mask := range s.absent {
		missing := mask &^ *seen.word(w)
		for i := w * 64; missing != 0; i, missing = i+1, missing>>1 {
			if missing&1 == 0 {
				continue
			}
			f := &s.Fields[i]
			if f.Schema.Default == nil {
				return missingField(s.Schema, f.Schema, offset)
			}
			f.setDefault(v)
		}
	}
	return nil
}

// FinishDynamic is Finish for a dynamic struct.
func FinishDynamic(desc *schema.Struct, vals []dynamic.Value, offset int) error {
	set := 0
	for i, f := range desc.Fields {
		switch {
		case vals[i].IsSet():
			set++
		case f.Default != nil && desc.Kind != schema.Union:
			vals[i] = dynamic.FromLiteral(f.Default)
		case f.Requiredness == schema.Required:
			return missingField(desc, f, offset)
		}
	}
	if desc.Kind == schema.Union && set > 1 {
		return tooManyMembers(desc, offset)
	}
	return nil
}

func missingField(desc *schema.Struct, f *schema.Field, offset int) error {
	return thriftimpl.Missing(offset, desc.Name, f.Name, f.ID)
}

func tooManyMembers(desc *schema.Struct, offset int) error {
	return thriftimpl.ManyMembers(offset, desc.Name)
}

// CheckWritable returns an error if the struct at v may not be written: an unset required
// field, or a union without exactly one member.
func (s *Struct) CheckWritable(v mem.Pointer) error {
	if !s.Union {
		return nil
	}
	set := 0
	for i := range s.Fields {
		if s.Fields[i].IsSet(v) {
			set++
		}
	}
	var unknown wire.UnknownFields
	if s.Unknown >= 0 {
		unknown = *mem.As[wire.UnknownFields](v.Add(uintptr(s.Unknown)))
	}
	return thriftimpl.CheckMembers(s.Schema.Name, set, unknown)
}

// CheckDynamic is CheckWritable for a dynamic struct.
func CheckDynamic(s *dynamic.Struct) error {
	desc := s.Schema()
	if desc.Kind != schema.Union {
		return nil
	}
	set := 0
	for range s.Fields() {
		set++
	}
	return thriftimpl.CheckMembers(desc.Name, set, s.Unknown())
}

// Unset returns the error for an unset required field, nil for any other unset field.
func Unset(desc *schema.Struct, f *schema.Field) error {
	if f.Requiredness != schema.Required {
		return nil
	}
	return thriftimpl.Unset(desc.Name, f.Name, f.ID)
}
