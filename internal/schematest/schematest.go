// Package schematest has a schema with every kind of type in it, for the tests of packages
// that do not read IDL text.
package schematest

import (
	"fmt"

	"github.com/thriftkit/thriftkit/schema"
)

// Path is the file of every position in the schema.
const Path = "corpus.thrift"

// Base types, for short schemas.
var (
	Bool   = schema.Base(schema.KindBool)
	I8     = schema.Base(schema.KindI8)
	I16    = schema.Base(schema.KindI16)
	I32    = schema.Base(schema.KindI32)
	I64    = schema.Base(schema.KindI64)
	Double = schema.Base(schema.KindDouble)
	String = schema.Base(schema.KindString)
	Binary = schema.Base(schema.KindBinary)
	UUID   = schema.Base(schema.KindUUID)
)

// Field returns a field without requiredness.
func Field(id int16, name string, t *schema.Type) *schema.Field {
	return &schema.Field{ID: id, Name: name, Type: t}
}

// Required returns a required field.
func Required(id int16, name string, t *schema.Type) *schema.Field {
	return &schema.Field{ID: id, Name: name, Type: t, Requiredness: schema.Required}
}

// Optional returns an optional field.
func Optional(id int16, name string, t *schema.Type) *schema.Field {
	return &schema.Field{ID: id, Name: name, Type: t, Requiredness: schema.Optional}
}

// Default returns f with a default.
func Default(f *schema.Field, value *schema.Literal) *schema.Field {
	value.Type = f.Type
	f.Default = value
	return f
}

// Int returns a literal for Default.
func Int(n int64) *schema.Literal { return &schema.Literal{Int: n} }

// Text returns a literal for Default.
func Text(s string) *schema.Literal { return &schema.Literal{Text: s} }

// Struct returns a linked struct: field i of n stands at line 2+i, column 3 of Path.
func Struct(name string, fields ...*schema.Field) *schema.Struct {
	s := &schema.Struct{Name: name, Fields: fields}
	Link(s)
	return s
}

// Union returns a linked union; its members become optional.
func Union(name string, fields ...*schema.Field) *schema.Struct {
	for _, f := range fields {
		f.Requiredness = schema.Optional
	}
	s := &schema.Struct{Name: name, Kind: schema.Union, Fields: fields}
	Link(s)
	return s
}

// Link links structs as one file. It panics if they are not right.
func Link(structs ...*schema.Struct) {
	line := 1
	for _, s := range structs {
		s.Pos = schema.Position{File: Path, Line: line, Column: 8}
		line++
		for _, f := range s.Fields {
			f.Pos = schema.Position{File: Path, Line: line, Column: 3}
			line++
		}
		line++
	}
	link(&schema.File{Path: Path, Name: "corpus", Structs: structs})
}

func link(f *schema.File) {
	if err := schema.Link(f); err != nil {
		panic(fmt.Sprintf("schematest: %v", err))
	}
}

// A Corpus is the schema. The Go types that bind to it are in the tests.
type Corpus struct {
	File       *schema.File
	Color      *schema.Enum
	Point      *schema.Struct
	Scalars    *schema.Struct // a field of each type that is not composite
	Containers *schema.Struct // optional containers of many types
	Presence   *schema.Struct // a field of each requiredness, with and without default
	Shape      *schema.Struct // a union
	Node       *schema.Struct // contains itself
	Oops       *schema.Struct // an exception
	Steps      *schema.Struct // field ids that are far apart, go back, and are negative
}

// New returns a new, linked Corpus.
func New() *Corpus {
	c := &Corpus{
		Color: &schema.Enum{Name: "Color", Values: []*schema.EnumValue{
			{Name: "RED", Number: 1}, {Name: "GREEN", Number: 2}, {Name: "BLUE", Number: -3}, {Name: "LEAF", Number: 2},
		}},
		Point:      &schema.Struct{Name: "Point"},
		Scalars:    &schema.Struct{Name: "Scalars"},
		Containers: &schema.Struct{Name: "Containers"},
		Presence:   &schema.Struct{Name: "Presence"},
		Shape:      &schema.Struct{Name: "Shape", Kind: schema.Union},
		Node:       &schema.Struct{Name: "Node"},
		Oops:       &schema.Struct{Name: "Oops", Kind: schema.Exception},
		Steps:      &schema.Struct{Name: "Steps"},
	}
	color, point, node := c.Color.Type(), c.Point.Type(), c.Node.Type()
	c.Point.Fields = []*schema.Field{Field(1, "x", I32), Field(2, "y", I32)}
	c.Scalars.Fields = []*schema.Field{
		Field(1, "flag", Bool), Field(2, "tiny", I8), Field(3, "small", I16), Field(4, "number", I32), Field(5, "big", I64),
		Field(6, "ratio", Double), Field(7, "name", String), Field(8, "data", Binary), Field(9, "id", UUID), Field(10, "color", color),
	}
	c.Containers.Fields = []*schema.Field{
		Optional(1, "ints", schema.ListOf(I32)),
		Optional(2, "longs", schema.SetOf(I64)),
		Optional(3, "words", schema.ListOf(String)),
		Optional(4, "points", schema.ListOf(point)),
		Optional(5, "counts", schema.MapOf(String, I32)),
		Optional(6, "names", schema.MapOf(I32, String)),
		Optional(7, "by_color", schema.MapOf(color, point)),
		Optional(8, "by_point", schema.MapOf(point, String)),
		Optional(9, "grid", schema.ListOf(schema.ListOf(Bool))),
		Optional(10, "colors", schema.SetOf(color)),
		Optional(11, "blobs", schema.MapOf(Binary, Bool)),
		Optional(12, "ids", schema.MapOf(UUID, Double)),
		Optional(13, "flags", schema.MapOf(Bool, schema.ListOf(I64))),
		Optional(14, "ratios", schema.MapOf(Double, I8)),
		Optional(300, "far", schema.ListOf(I16)),
	}
	c.Presence.Fields = []*schema.Field{
		Required(1, "req", I32), Optional(2, "opt", I32), Field(3, "plain", I32),
		Default(Required(4, "req_def", I32), Int(4)), Default(Optional(5, "opt_def", I32), Int(5)), Default(Field(6, "plain_def", I32), Int(6)),
		Optional(7, "opt_list", schema.ListOf(I32)), Field(8, "plain_list", schema.ListOf(I32)),
	}
	c.Shape.Fields = []*schema.Field{
		Optional(1, "point", point), Optional(2, "radius", Double), Default(Optional(3, "label", String), Text("none")),
	}
	c.Node.Fields = []*schema.Field{
		Field(1, "value", I32), Optional(2, "next", node), Field(3, "children", schema.ListOf(node)), Optional(4, "named", schema.MapOf(String, node)),
	}
	c.Oops.Fields = []*schema.Field{Field(1, "message", String)}
	c.Steps.Fields = []*schema.Field{
		Optional(5, "a", Bool), Optional(20, "b", I32), Optional(36, "c", Bool), Optional(2, "d", I32),
		Optional(-7, "e", Bool), Optional(8, "f", I8), Optional(32767, "g", Bool), Optional(-32768, "h", Bool),
	}
	structs := []*schema.Struct{c.Point, c.Scalars, c.Containers, c.Presence, c.Shape, c.Node, c.Oops, c.Steps}
	line := 10
	for _, s := range structs {
		s.Pos = schema.Position{File: Path, Line: line, Column: 8}
		for _, f := range s.Fields {
			line++
			f.Pos = schema.Position{File: Path, Line: line, Column: 3}
		}
		line += 10 - line%10
	}
	c.File = &schema.File{Path: Path, Name: "corpus", Enums: []*schema.Enum{c.Color}, Structs: structs}
	link(c.File)
	return c
}
