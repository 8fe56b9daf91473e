// Package protomap maps schemas to Protocol Buffers: which number, type and presence of proto3 each
// part of a schema has. The codec, descriptors and generated .proto files are to come from here, so that
// they cannot differ.
//
// The source for proto3 is the Protocol Buffers Language
// Specification (proto3) and "Encoding" of protobuf.dev.
package protomap

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/schema"
)

// A Kind is a type of proto3 that a single value has.
type Kind uint8

// The kinds.
const (
	Bool Kind = iota + 1
	Int32
	Sint32
	Sfixed32
	Int64
	Sint64
	Sfixed64
	Double
	String
	Bytes
	Enum
	Message
)

var kindNames = [...]string{"", "bool", "int32", "sint32", "sfixed32", "int64", "sint64", "sfixed64", "double", "string", "bytes", "enum", "message"}

// String returns the word of proto3 for k.
func (k Kind) String() string { return kindNames[k] }

// IsPacked reports whether a repeated field of the kind has its values in one record.
func (k Kind) IsPacked() bool { return k < String || k == Enum }

// WireType returns the wire type of a value of the kind: 0 varint, 1 64 bits, 2 length, 5 32 bits.
func (k Kind) WireType() uint64 {
	switch k {
	case Sfixed64, Double:
		return 1
	case String, Bytes, Message:
		return 2
	case Sfixed32:
		return 5
	}
	return 0
}

// A Form tells a single value from what a field repeats.
type Form uint8

// The forms.
const (
	Single Form = iota
	List        // repeated: a list or set
	Map         // repeated entries of a key and a value: a map
)

// A Type is how values of a schema type travel. An element of a List, and a value of a Map, that is a
// list or a map itself is wrapped in a message with that one field, number 1.
type Type struct {
	Form   Form
	Kind   Kind // of a Single
	Schema *schema.Type
	Struct *Struct // of a Message
	Key    *Type   // of a Map
	Elem   *Type   // of a List or a Map
}

// Wrapped reports whether a value of t needs a message around it where proto3 wants a single value.
func (t *Type) Wrapped() bool { return t.Form != Single }

// WireType returns the wire type of one value of t where proto3 wants a single value.
func (t *Type) WireType() uint64 {
	if t.Form != Single {
		return 2
	}
	return t.Kind.WireType()
}

// IsProtoMap reports whether a map is map<K, V> of proto3, whose keys are integers, bools and strings.
// Other maps are repeated messages of the same two fields: on the wire there is no difference.
func (t *Type) IsProtoMap() bool {
	switch t.Key.Kind {
	case Bool, Int32, Sint32, Sfixed32, Int64, Sint64, Sfixed64, String:
		return t.Form == Map && t.Key.Form == Single
	}
	return false
}

// A Struct is a message that stands for a struct, union or exception, the arguments or the reply of a method.
type Struct struct {
	Schema *schema.Struct
	Fields []Field // by schema.Field.Index
	Union  bool    // the fields are members of one oneof

	byNumber map[int32]int
}

// Index returns the position in Fields of the field with that number, or -1.
func (s *Struct) Index(number int32) int {
	if i, ok := s.byNumber[number]; ok {
		return i
	}
	return -1
}

// A Field is a field of a message.
type Field struct {
	Number   int32
	Schema   *schema.Field
	Type     *Type
	Presence bool // "optional", or a member of a oneof, or a message: an absent field is not the same as a zero one
}

// IsRepeated reports whether the field is repeated or a map: a member of a oneof is never.
func (f *Field) IsRepeated(s *Struct) bool { return f.Type.Form != Single && !s.Union }

// Number returns the field number for a field id: the same, except for numbers that proto3 does not have.
func Number(id int16) int32 {
	if id <= 0 || id >= 19000 && id <= 19999 { // 19000 to 19999 are reserved for the implementations
		return 100000 + int32(uint16(id))
	}
	return int32(id)
}

type structKey struct{}

type mapped struct {
	s   *Struct
	err error
}

// Of returns the message for desc. The error joins one for each annotation that is wrong, with its position.
func Of(desc *schema.Struct) (*Struct, error) {
	m := desc.Type().Memo(structKey{}, func() any {
		c := compiler{structs: make(map[*schema.Struct]*Struct)}
		s := c.structOf(desc)
		return mapped{s, errors.Join(c.errs...)}
	}).(mapped)
	return m.s, m.err
}

type typeKey struct{}

type mappedType struct {
	t   *Type
	err error
}

// OfType returns how values of t travel.
func OfType(t *schema.Type) (*Type, error) {
	m := t.Memo(typeKey{}, func() any {
		c := compiler{structs: make(map[*schema.Struct]*Struct)}
		p := c.typeOf(t, nil, schema.Position{})
		return mappedType{p, errors.Join(c.errs...)}
	}).(mappedType)
	return m.t, m.err
}

type compiler struct {
	structs map[*schema.Struct]*Struct // made or being made: they refer to each other in circles
	errs    []error
}

func (c *compiler) structOf(desc *schema.Struct) *Struct {
	if s, ok := c.structs[desc]; ok {
		return s
	}
	s := &Struct{Schema: desc, Fields: make([]Field, len(desc.Fields)), Union: desc.Kind == schema.Union, byNumber: make(map[int32]int, len(desc.Fields))}
	c.structs[desc] = s
	for i, f := range desc.Fields {
		t := c.typeOf(f.Type, f.Annotations, f.Pos)
		s.Fields[i] = Field{Number: Number(f.ID), Schema: f, Type: t, Presence: s.Union || hasPresence(f, t)}
		s.byNumber[s.Fields[i].Number] = i
	}
	return s
}

// hasPresence reports whether the message must tell an absent field from a zero one.
func hasPresence(f *schema.Field, t *Type) bool {
	if t.Form != Single {
		return false
	}
	return t.Kind == Message || f.Requiredness != schema.Unspecified || f.Default != nil && !isZero(f.Default)
}

func isZero(l *schema.Literal) bool {
	return !l.Bool && l.Int == 0 && l.Double == 0 && strings.Trim(l.Text, "\x00") == "" && (l.Text == "" || l.Type.Kind == schema.KindUUID)
}

// scalars has the kind of each scalar type, and those that the annotation proto.type may choose.
var scalars = map[schema.Kind][]Kind{
	schema.KindBool:   {Bool},
	schema.KindI8:     {Int32, Sint32, Sfixed32},
	schema.KindI16:    {Int32, Sint32, Sfixed32},
	schema.KindI32:    {Int32, Sint32, Sfixed32},
	schema.KindI64:    {Int64, Sint64, Sfixed64},
	schema.KindDouble: {Double},
	schema.KindString: {String, Bytes},
	schema.KindBinary: {Bytes},
	schema.KindUUID:   {Bytes, String},
	schema.KindEnum:   {Enum},
	schema.KindStruct: {Message},
}

// Annotation chooses the type of a scalar in proto3, on a field, a type or a typedef.
const Annotation = "proto.type"

// typeOf maps t, whose field, if it is that of one, has annotations.
func (c *compiler) typeOf(t *schema.Type, annotations schema.Annotations, pos schema.Position) *Type {
	p := &Type{Schema: t}
	name, chosen := annotations.Get(Annotation)
	if !chosen {
		name, chosen = t.Annotations.Get(Annotation)
	}
	if !chosen && t.Typedef != nil {
		name, chosen = t.Typedef.Annotations.Get(Annotation)
		pos = t.Typedef.Pos
	}
	switch t.Kind {
	case schema.KindList, schema.KindSet:
		p.Form = List
		p.Elem = c.typeOf(t.Elem, nil, pos)
	case schema.KindMap:
		p.Form = Map
		p.Key, p.Elem = c.typeOf(t.Key, nil, pos), c.typeOf(t.Elem, nil, pos)
	case schema.KindStruct:
		p.Kind = Message
		p.Struct = c.structOf(t.Struct)
	default:
		p.Kind = scalars[t.Kind][0]
	}
	if chosen {
		kinds := scalars[t.Kind]
		i := slices.IndexFunc(kinds, func(k Kind) bool { return k.String() == name })
		if i < 0 {
			var names []string
			for _, k := range kinds {
				names = append(names, k.String())
			}
			if p.Form != Single {
				names = []string{"no annotation: annotate the element"}
			}
			c.errs = append(c.errs, fmt.Errorf("%s: %s = %q does not fit %s: want %s", pos, Annotation, name, t, strings.Join(names, ", ")))
			return p
		}
		p.Kind = kinds[i]
	}
	return p
}
