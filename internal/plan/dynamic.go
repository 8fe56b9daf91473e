package plan

import (
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// A Dynamic is what walkers of dynamic values ask of a schema type for each value, found out once.
type Dynamic struct {
	Kind   schema.Kind
	Wire   wire.Type
	Schema *schema.Type
	Key    *Dynamic       // of a map
	Elem   *Dynamic       // of a list, set or map
	Struct *DynamicStruct // of a struct
}

// A DynamicStruct is a struct of which a walker makes or reads a dynamic.Struct.
type DynamicStruct struct {
	Schema *schema.Struct
	Fields []dynamicField // by schema.Field.Index
	Union  bool
	Flat   bool   // no field is composite
	Absent uint64 // which of the first 64 fields want attention when a message lacks them
	Room   int    // as in Struct
}

// A dynamicField is one field of a DynamicStruct.
type dynamicField struct {
	Head   uint32 // the header in the binary protocol: type, id
	ID     int16
	Kind   schema.Kind
	Rest   int // Room for what follows the field in the struct
	Type   *Dynamic
	Schema *schema.Field
}

type dynamicKey struct{}

// dynamicOf returns what is known of t.
func dynamicOf(t *schema.Type) *Dynamic {
	return t.Memo(dynamicKey{}, func() any {
		return dynamicType(t, make(map[*schema.Struct]*DynamicStruct))
	}).(*Dynamic)
}

// dynamicType takes from structs those that are made or being made: they refer to each other in circles.
func dynamicType(t *schema.Type, structs map[*schema.Struct]*DynamicStruct) *Dynamic {
	if t == nil {
		return nil
	}
	d := &Dynamic{Kind: t.Kind, Wire: wire.TypeOf(t.Kind), Schema: t}
	d.Key, d.Elem = dynamicType(t.Key, structs), dynamicType(t.Elem, structs)
	if t.Kind != schema.KindStruct {
		return d
	}
	if d.Struct = structs[t.Struct]; d.Struct != nil {
		return d
	}
	s := &DynamicStruct{Schema: t.Struct, Fields: make([]dynamicField, len(t.Struct.Fields)), Union: t.Struct.Kind == schema.Union}
	d.Struct, structs[t.Struct] = s, s
	s.Room = stopRoom
	s.Flat = true
	for i := len(s.Fields) - 1; i >= 0; i-- {
		f := t.Struct.Fields[i]
		typ := dynamicType(f.Type, structs)
		s.Fields[i] = dynamicField{Head: uint32(typ.Wire)<<16 | uint32(uint16(f.ID)), ID: f.ID, Kind: typ.Kind, Rest: s.Room, Type: typ, Schema: f}
		s.Room += headRoom + longest
		s.Flat = s.Flat && typ.Kind < schema.KindStruct
		if i < 64 && (f.Requiredness == schema.Required || f.Default != nil && !s.Union) {
			s.Absent |= 1 << i
		}
	}
	return d
}

const longest = 16 // of room

// Finish is FinishDynamic with what is known of the fields that were there: a bit for each of the first 64.
func (s *DynamicStruct) Finish(vals []dynamic.Value, seen uint64, offset int) error {
	if s.Absent&^seen == 0 && !s.Union && len(s.Fields) <= 64 {
		return nil
	}
	return FinishDynamic(s.Schema, vals, offset)
}
