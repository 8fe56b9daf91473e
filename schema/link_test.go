package schema_test

import (
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/schema"
)

var (
	i32  = schema.Base(schema.KindI32)
	text = schema.Base(schema.KindString)
)

func field(id int16, name string, t *schema.Type) *schema.Field {
	return &schema.Field{ID: id, Name: name, Type: t}
}

func structOf(name string, fields ...*schema.Field) *schema.Struct {
	return &schema.Struct{Name: name, Fields: fields}
}

func file(defs ...any) *schema.File {
	f := &schema.File{Path: "a.thrift", Name: "a"}
	for _, d := range defs {
		switch d := d.(type) {
		case *schema.Struct:
			f.Structs = append(f.Structs, d)
		case *schema.Enum:
			f.Enums = append(f.Enums, d)
		case *schema.Service:
			f.Services = append(f.Services, d)
		case *schema.Typedef:
			f.Typedefs = append(f.Typedefs, d)
		case *schema.Constant:
			f.Constants = append(f.Constants, d)
		case *schema.Include:
			f.Includes = append(f.Includes, d)
		}
	}
	return f
}

func nested(depth int) *schema.Type {
	t := i32
	for range depth {
		t = schema.ListOf(t)
	}
	return t
}

func TestLink(t *testing.T) {
	exception := &schema.Struct{Name: "E", Kind: schema.Exception}
	at := schema.Meta{Pos: schema.Position{File: "a.thrift", Line: 3, Column: 5}}
	loop := schema.ListOf(nil)
	loop.Elem = loop
	wide := i32
	for range 60 { // 2^60 paths
		wide = schema.MapOf(wide, wide)
	}
	base := &schema.Service{Name: "Base", Methods: []*schema.Method{{Name: "ping"}}}
	ring1, ring2 := &schema.Service{Name: "R1"}, &schema.Service{Name: "R2"}
	ring1.Extends, ring2.Extends = ring2, ring1
	tests := []struct {
		name string
		file *schema.File
		err  string // "" if it is right
	}{
		{"nothing", file(), ""},
		{"struct", file(structOf("S", field(1, "a", i32), field(2, "b", text))), ""},
		{"field id twice", file(structOf("S", field(1, "a", i32), field(1, "b", text))), "a.thrift: struct S: field id 1 is used by a and by b"},
		{"field id twice, large", file(structOf("S", field(-300, "a", i32), field(-300, "b", text))), "a.thrift: struct S: field id -300 is used by a and by b"},
		{"field name twice", file(structOf("S", field(1, "a", i32), field(2, "a", text))), "a.thrift: struct S: field a is already defined"},
		{"field without type", file(structOf("S", field(1, "a", nil))), "a.thrift: struct S: field a has no type"},
		{"field of type void", file(structOf("S", field(1, "a", schema.Base(schema.KindVoid)))), "a.thrift: struct S: field a: void is not the type of a value"},
		{"list without element type", file(structOf("S", field(1, "a", schema.ListOf(nil)))), "a.thrift: struct S: field a has no type"},
		{"map of void", file(structOf("S", field(1, "a", schema.MapOf(i32, schema.Base(schema.KindVoid))))), "a.thrift: struct S: field a: void is not the type of a value"},
		{"struct type without struct", file(structOf("S", field(1, "a", schema.Base(schema.KindStruct)))), "a.thrift: struct S: field a: a struct type without its struct"},
		{"enum type without enum", file(structOf("S", field(1, "a", schema.Base(schema.KindEnum)))), "a.thrift: struct S: field a: an enum type without its enum"},
		{"64 containers", file(structOf("S", field(1, "a", nested(64)))), ""},
		{"65 containers", file(structOf("S", field(1, "a", nested(65)))), "a.thrift: struct S: field a: containers nest deeper than 64"},
		{"a container that contains itself", file(structOf("S", field(1, "a", loop))), "a.thrift: struct S: field a: containers nest deeper than 64"},
		{"containers with many paths", file(structOf("S", field(1, "a", wide))), ""},
		{"the position of a field", file(structOf("S", field(1, "a", i32), &schema.Field{ID: 2, Name: "a", Type: i32, Meta: at})), "a.thrift:3:5: struct S: field a is already defined"},
		{"default", file(structOf("S", &schema.Field{ID: 1, Name: "a", Type: i32, Default: &schema.Literal{Type: i32, Int: 1}})), ""},
		{"default of another type", file(structOf("S", &schema.Field{ID: 1, Name: "a", Type: i32, Default: &schema.Literal{Type: text}})), "a.thrift: struct S: field a: the value is a string, the type is i32"},
		{"default without type", file(structOf("S", &schema.Field{ID: 1, Name: "a", Type: i32, Default: &schema.Literal{}})), "a.thrift: struct S: field a: a value is missing or has no type"},
		{"struct without a name", file(structOf("")), "a.thrift: a definition has no name"},
		{"two of one name", file(structOf("S"), &schema.Enum{Name: "S"}), "a.thrift: S is already defined"},
		{"constant like a struct", file(structOf("S"), &schema.Constant{Name: "S", Type: i32, Value: &schema.Literal{Type: i32}}), ""},
		{"constant twice", file(&schema.Constant{Name: "C", Type: i32, Value: &schema.Literal{Type: i32}}, &schema.Constant{Name: "C", Type: i32, Value: &schema.Literal{Type: i32}}), `a.thrift: constant "C" is already defined, or has no name`},
		{"constant without value", file(&schema.Constant{Name: "C", Type: i32}), "a.thrift: const C: a value is missing or has no type"},
		{"enum", file(&schema.Enum{Name: "E", Values: []*schema.EnumValue{{Name: "A", Number: 1}, {Name: "B", Number: 1}}}), ""},
		{"enum value twice", file(&schema.Enum{Name: "E", Values: []*schema.EnumValue{{Name: "A", Number: 1}, {Name: "A", Number: 2}}}), "a.thrift: enum E: A is already defined"},
		{"union", file(&schema.Struct{Name: "U", Kind: schema.Union, Fields: []*schema.Field{{ID: 1, Name: "a", Type: i32, Requiredness: schema.Optional}}}), ""},
		{"union with a member that is not optional", file(&schema.Struct{Name: "U", Kind: schema.Union, Fields: []*schema.Field{field(1, "a", i32)}}), "a.thrift: union U: member a must be optional"},
		{"typedef", file(&schema.Typedef{Name: "T", Type: i32}), ""},
		{"typedef of nothing", file(&schema.Typedef{Name: "T"}), "a.thrift: typedef T has no type"},
		{"include without file", file(&schema.Include{Path: "b.thrift"}), `a.thrift: include "b.thrift" has no file`},
		{"service", file(exception, &schema.Service{Name: "S", Methods: []*schema.Method{{Name: "m", Result: i32, Args: structOf("", field(1, "a", i32)), Throws: []*schema.Field{field(1, "e", exception.Type())}}}}), ""},
		{"throws no exception", file(&schema.Service{Name: "S", Methods: []*schema.Method{{Name: "m", Throws: []*schema.Field{field(1, "e", i32)}}}}), "a.thrift: method m throws i32, which is not an exception"},
		{"throws id 0, which is the result", file(exception, &schema.Service{Name: "S", Methods: []*schema.Method{{Name: "m", Result: i32, Throws: []*schema.Field{field(0, "e", exception.Type())}}}}), "a.thrift: reply S.m: field id 0 is used by success and by e"},
		{"oneway that throws", file(exception, &schema.Service{Name: "S", Methods: []*schema.Method{{Name: "m", Oneway: true, Throws: []*schema.Field{field(1, "e", exception.Type())}}}}), "a.thrift: oneway method m cannot throw: nobody waits for its reply"},
		{"streams", file(exception, &schema.Service{Name: "S", Methods: []*schema.Method{
			{Name: "a", Stream: schema.ClientStream, Args: structOf("", field(1, "a", i32))},
			{Name: "b", Stream: schema.BidiStream, Item: i32, Result: text, First: text, ItemThrows: []*schema.Field{field(1, "e", exception.Type())}},
		}}), ""},
		{"streams of what does not fit", file(&schema.Service{Name: "S", Methods: []*schema.Method{
			{Name: "a", Item: i32}, {Name: "b", Stream: schema.ClientStream}, {Name: "c", Stream: schema.ServerStream},
			{Name: "d", Stream: schema.ServerStream, Oneway: true}, {Name: "e", Stream: 4},
			{Name: "f", Stream: schema.ServerStream, Result: i32, StreamThrows: []*schema.Field{field(1, "e", i32)}},
			{Name: "g", Stream: schema.ServerStream, Result: i32, First: schema.ListOf(nil)},
		}}), "a.thrift: method a does not stream, but declares what it streams\na.thrift: method b streams its only argument, but has 0\n" +
			"a.thrift: method c streams its result, but is void\na.thrift: oneway method d cannot stream\na.thrift: method e has stream kind 4, which does not exist\n" +
			"a.thrift: method f throws i32, which is not an exception\na.thrift: method g has no type"},
		{"method twice", file(&schema.Service{Name: "S", Methods: []*schema.Method{{Name: "m"}, {Name: "m"}}}), "a.thrift: method m is already defined by service S"},
		{"method of an ancestor", file(base, &schema.Service{Name: "S", Extends: base, Methods: []*schema.Method{{Name: "ping"}}}), "a.thrift: method ping is already defined by service Base"},
		{"services that extend each other", file(ring1, ring2), "a.thrift: service R1 extends itself"},
		{"all mistakes at once", file(structOf("S", field(1, "a", nil), field(1, "a", nil))), "a.thrift: struct S: field a has no type\n" +
			"a.thrift: struct S: field id 1 is used by a and by a\na.thrift: struct S: field a is already defined\na.thrift: struct S: field a has no type"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := schema.Link(test.file)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != test.err {
				t.Errorf("%s\nwant %s", got, test.err)
			}
		})
	}
}

func TestLookups(t *testing.T) {
	e := &schema.Struct{Name: "E", Kind: schema.Exception}
	color := &schema.Enum{Name: "Color", Values: []*schema.EnumValue{{Name: "RED", Number: 1}, {Name: "ROUGE", Number: 1}}}
	base := &schema.Service{Name: "Base", Methods: []*schema.Method{{Name: "ping"}}}
	wide := structOf("Wide")
	for i := range int16(20) {
		wide.Fields = append(wide.Fields, field(i*40-100, "f"+strings.Repeat("x", int(i)), i32))
	}
	inner := file(e, color, base, wide)
	inner.Path, inner.Name = "in.ner.thrift", "in.ner"
	if err := schema.Link(inner); err != nil {
		t.Fatal(err)
	}
	svc := &schema.Service{Name: "Svc", Extends: base, Methods: []*schema.Method{
		{Name: "get", Result: i32, Args: structOf("", field(1, "a", i32)), Throws: []*schema.Field{field(2, "e", e.Type())}}}}
	outer := file(svc, &schema.Include{Path: "in.ner.thrift", File: inner}, &schema.Constant{Name: "Svc", Type: i32, Value: &schema.Literal{Type: i32}})
	if err := schema.Link(outer); err != nil {
		t.Fatal(err)
	}
	switch {
	case outer.Service("Svc") != svc, outer.Constant("Svc") == nil, outer.Service("in.ner.Base") != base, outer.Struct("in.ner.E") != e,
		outer.Enum("in.ner.Color") != color, outer.Struct("E") != nil, outer.Lookup("in.ner.Nothing") != nil, outer.Lookup("ner.E") != nil:
		t.Error("Lookup")
	case color.ByNumber(1).Name != "RED", color.ByName("ROUGE").Number != 1, color.ByName("BLUE") != nil, color.ByNumber(2) != nil:
		t.Error("Enum")
	case svc.Method("ping") != base.Methods[0], svc.Method("get").String() != "Svc.get", svc.Method("none") != nil, len(svc.AllMethods()) != 2, svc.AllMethods()[0].Name != "ping":
		t.Error("Service")
	}
	reply := svc.Method("get").Reply()
	if reply.Kind != schema.Reply || len(reply.Fields) != 2 || reply.FieldByID(0).Name != "success" || reply.FieldByID(2).Requiredness != schema.Optional {
		t.Errorf("%+v", reply)
	}
	for i, f := range wide.Fields {
		if wide.Index(f.ID) != i || wide.Field(f.Name) != f || wide.FieldByID(f.ID) != f || f.Index != i {
			t.Errorf("field %d", i)
		}
	}
	if wide.Index(-101) != -1 || wide.Index(1) != -1 || wide.FieldByID(32767) != nil || wide.Field("g") != nil {
		t.Error("a field that is none")
	}
}

// TestMustService finds a service, and panics with what may have been meant.
func TestMustService(t *testing.T) {
	shop, orders := &schema.Service{Name: "Shop"}, &schema.Service{Name: "Orders"}
	two, none := file(shop, orders), file(structOf("Shop"))
	for _, f := range []*schema.File{two, none} {
		if err := schema.Link(f); err != nil {
			t.Fatal(err)
		}
	}
	if got := two.MustService("Shop"); got != shop {
		t.Errorf("got %v", got)
	}
	for _, test := range []struct {
		file       *schema.File
		name, want string
	}{
		{two, "shop", `a.thrift: no service "shop": did you mean "Shop"?`},
		{two, "Ordres", `a.thrift: no service "Ordres": did you mean "Orders"?`},
		{two, "Billing", `a.thrift: no service "Billing": it declares Shop, Orders`},
		{none, "Shop", `a.thrift: no service "Shop": it declares none`},
	} {
		func() {
			defer func() {
				if p := recover(); p != test.want {
					t.Errorf("%s: panic %v, want %s", test.name, p, test.want)
				}
			}()
			test.file.MustService(test.name)
		}()
	}
}
