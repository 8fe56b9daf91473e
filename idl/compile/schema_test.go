package compile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/internal/idltest"
	"github.com/thriftkit/thriftkit/schema"
)

func mustCompile(t testing.TB, text string) *schema.File {
	t.Helper()
	f, diags := Compile("a.thrift", Options{Source: texts(text)})
	if f == nil {
		t.Fatal(diags)
	}
	return f
}

// literal prints a value with the names through which it was given.
func literal(v *schema.Literal) string {
	var text string
	switch v.Type.Kind {
	case schema.KindBool:
		text = fmt.Sprint(v.Bool)
	case schema.KindDouble:
		text = fmt.Sprint(v.Double)
	case schema.KindString, schema.KindBinary:
		text = fmt.Sprintf("%q", v.Text)
	case schema.KindUUID:
		text = fmt.Sprintf("%x", v.Text)
	case schema.KindList, schema.KindSet:
		var parts []string
		for _, e := range v.List {
			parts = append(parts, literal(e))
		}
		text = "[" + strings.Join(parts, " ") + "]"
	case schema.KindMap:
		var parts []string
		for _, p := range v.Map {
			parts = append(parts, literal(p.Key)+":"+literal(p.Value))
		}
		text = "{" + strings.Join(parts, " ") + "}"
	case schema.KindStruct:
		var parts []string
		for _, f := range v.Fields {
			parts = append(parts, f.Field.Name+"="+literal(f.Value))
		}
		text = "(" + strings.Join(parts, " ") + ")"
	default:
		text = fmt.Sprint(v.Int)
	}
	if v.Ref != "" {
		text = v.Ref + "=" + text
	}
	return text
}

func TestConstants(t *testing.T) {
	f := mustCompile(t, `
include "lib.thrift"
enum E {A = 3, B}
typedef E T
struct P {1: i32 x = 1, 2: optional string name, 3: P next}
typedef map<string, list<E>> Table
const bool Yes = 1
const i8 Low = -128
const i64 Big = -9223372036854775808
const i32 FromEnum = E.B
const double FromInt = Low
const double Tiny = 1e-3
const binary Bytes = "é\n"
const uuid ID = "{00112233-4455-6677-8899-AABBCCDDEEFF}"
const E ByNumber = 3
const T ByAlias = T.B
const lib.E Far = lib.E.X
const lib.E Further = lib.far
const i64 FarLimit = lib.LIMIT
const Table Rows = {"a": [E.A, 4], "b": [ByAlias], "a": []}
const set<P> Set = [{"name": "n", "x": 2}, {"x": 2, "name": "n"}, {"next": {"x": 3}}]
const set<list<P>> Sets = [[Point], [{"x": 9}], [Point, Point]]
const P Point = {"x": 9}
const list<P> Points = [Point, {"next": Point}]
-- lib.thrift --
enum E {X = 5}
const E far = E.X
const i32 LIMIT = 7
`)
	want := map[string]string{
		"Yes":      "true",
		"Low":      "-128",
		"Big":      "-9223372036854775808",
		"FromEnum": "E.B=4",
		"FromInt":  "Low=-128",
		"Tiny":     "0.001",
		"Bytes":    `"é\n"`,
		"ID":       "00112233445566778899aabbccddeeff",
		"ByNumber": "3",
		"ByAlias":  "T.B=4",
		"Far":      "lib.E.X=5",
		"Further":  "lib.far=5",
		"FarLimit": "lib.LIMIT=7",
		"Rows":     `{"a":[] "b":[ByAlias=4]}`,
		"Set":      `[(x=2 name="n") (next=(x=3))]`,
		"Sets":     `[[Point=(x=9)] [Point=(x=9) Point=(x=9)]]`,
		"Point":    "(x=9)",
		"Points":   "[Point=(x=9) (next=Point=(x=9))]",
	}
	for _, c := range f.Constants {
		if got := literal(c.Value); got != want[c.Name] {
			t.Errorf("%s = %s, want %s", c.Name, got, want[c.Name])
		}
		if c.Value.Type != c.Type {
			t.Errorf("%s has type %s, its value %s", c.Name, c.Type, c.Value.Type)
		}
	}
	if len(f.Constants) != len(want) {
		t.Errorf("%d constants, want %d", len(f.Constants), len(want))
	}
	if pos := f.Constant("FromEnum").Value.Pos.String(); pos != "a.thrift:10:22" {
		t.Errorf("the value is at %s", pos)
	}
}

func TestSchema(t *testing.T) {
	f := mustCompile(t, `/** The program. */
namespace go shop.items (private, level = "3")
namespace * shop
namespace go shop.goods
include "lib.thrift"

/** A unit. */
enum Unit {
  /** By the piece. */ PIECE (short = "pc"),
  KILO = 0x10,
  GRAM
}
typedef list<i64 (js = "string")> (cpp = "vec") Ids (x)
typedef Ids Keys
typedef lib.Base Base
/**
 * An item.
 */
struct Item {
  /** Its id. */
  1: required i64 id (key, key = "2"),
  3: optional Keys keys,
  2: Unit unit = Unit.GRAM,
  4: Base & base,
  5: byte b
} (final)
union Any {1: Item item, 2: string text}
exception Gone {1: string why} (message = "why")
/** Sells. */
service Shop extends lib.Root {
  /** Gets. */
  Item get(1: required i64 id, 2: Unit unit = 16) throws (1: Gone gone) (read),
  oneway void put(1: Item item),
  Keys keys()
} (port = "80")
-- lib.thrift --
struct Base {}
service Root {void ping()}
`)
	check := func(what string, got, want any) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	check("name", f.Name, "a")
	check("doc", f.Doc, "The program.\n")
	check("namespace go", f.Namespace("go"), "shop.goods")
	check("namespace py", f.Namespace("py"), "shop")
	check("annotations of a namespace", f.Namespaces[0].Annotations, "[{private 1} {level 3}]")
	check("position of a namespace", f.Namespaces[1].Pos, "a.thrift:3:13")
	check("include", f.Includes[0].Path+" "+f.Includes[0].File.Name+" "+f.Includes[0].Pos.String(), "lib.thrift lib a.thrift:5:9")

	unit := f.Enum("Unit")
	check("doc of an enum", unit.Doc, "A unit.\n")
	check("doc of a value", unit.Values[0].Doc, "By the piece.\n")
	check("annotations of a value", unit.Values[0].Annotations, "[{short pc}]")
	check("GRAM", unit.ByName("GRAM").Number, 17)
	check("position of a value", unit.Values[1].Pos, "a.thrift:10:3")

	ids := f.Typedef("Ids")
	check("type of Ids", ids.Type, "list<i64>")
	check("annotations of its type", ids.Type.Annotations, "[{cpp vec}]")
	check("annotations of its element", ids.Type.Elem.Annotations, "[{js string}]")
	check("annotations of Ids", ids.Annotations, "[{x 1}]")

	item := f.Struct("Item")
	check("doc of a struct", item.Doc, "An item.\n")
	check("annotations of a struct", item.Annotations, "[{final 1}]")
	var fields []string
	for _, x := range item.Fields {
		fields = append(fields, fmt.Sprintf("%d:%s:%s:%s:%s", x.ID, x.Requiredness, x.Type, x.Name, x.Pos))
	}
	check("fields", strings.Join(fields, " "), "1:required:i64:id:a.thrift:21:19 3:optional:Keys:keys:a.thrift:22:20 2::Unit:unit:a.thrift:23:11 4::Base:base:a.thrift:24:13 5::i8:b:a.thrift:25:11")
	check("annotations of a field", item.Fields[0].Annotations, "[{key 1} {key 2}]")
	check("doc of a field", item.Fields[0].Doc, "Its id.\n")
	check("default", literal(item.Field("unit").Default), "Unit.GRAM=17")
	check("reference", item.Field("base").Reference, true)
	keys := item.Field("keys").Type
	if keys.Kind != schema.KindList || keys.Elem != ids.Type.Elem || keys.Typedef != f.Typedef("Keys") || f.Typedef("Keys").Type.Typedef != ids {
		t.Errorf("an alias of an alias is %+v", keys)
	}
	if base := item.Field("base").Type; base.Struct != f.Struct("lib.Base") || base.Typedef.Name != "Base" {
		t.Errorf("an alias of a struct is %+v", base)
	}
	for _, m := range f.Struct("Any").Fields {
		check("member of a union", m.Requiredness, "optional")
	}
	check("kind", f.Struct("Gone").Kind, "exception")

	shop := f.Service("Shop")
	check("parent", shop.Extends == f.Service("lib.Root"), true)
	check("methods", len(shop.AllMethods()), 4)
	check("doc of a service", shop.Doc+fmt.Sprint(shop.Annotations, shop.Pos), "Sells.\n[{port 80}] a.thrift:30:9")
	get := shop.Method("get")
	check("doc of a method", get.Doc+fmt.Sprint(get.Annotations, get.Pos), "Gets.\n[{read 1}] a.thrift:32:8")
	check("arguments", get.Args.Name+" "+get.Args.Pos.String()+" "+literal(get.Args.Field("unit").Default), "Shop.get a.thrift:32:8 16")
	check("reply", get.Reply().FieldByID(1).Type, "Gone")
	check("oneway", shop.Method("put").Oneway, true)
	if keys := shop.Method("keys").Result; keys != item.Field("keys").Type {
		t.Error("uses of an alias do not share their type")
	}
}

func TestConstantLikeStruct(t *testing.T) {
	f := mustCompile(t, "struct A {}\nconst i32 A = 1\nservice B {}\nconst i32 B = A")
	if f.Struct("A") == nil || f.Constant("A") == nil || f.Service("B") == nil || f.Constant("B").Value.Int != 1 {
		t.Error("a constant and another definition of one name do not live side by side")
	}
}

// One file with errors costs only those that include it.
func TestLoad(t *testing.T) {
	p := Load([]string{"bad.thrift", "a.thrift", "user.thrift", "none.thrift"}, Options{Source: texts(`
struct A {}
-- bad.thrift --
struct B {1: Nope n}
-- user.thrift --
include "bad.thrift"
struct C {1: bad.B b}
`)})
	var got []bool
	for _, f := range p.Files {
		got = append(got, f != nil)
	}
	if fmt.Sprint(got) != "[false true false false]" {
		t.Errorf("usable: %v", got)
	}
	var trees []string
	for _, tree := range p.Trees {
		trees = append(trees, tree.Path)
	}
	if fmt.Sprint(trees) != "[bad.thrift a.thrift user.thrift]" {
		t.Errorf("trees: %v", trees)
	}
	want := "bad.thrift:1:14: error: unknown type Nope [unknown-type]\n" +
		"none.thrift: error: cannot be read: it does not exist [cannot-read]"
	if p.Diagnostics.Error() != want {
		t.Errorf("got %v", p.Diagnostics)
	}
}

func TestPlaceEnds(t *testing.T) {
	_, diags := Compile("a.thrift", Options{Source: texts("struct A {1: map<Key, i32> m}")})
	if want := (syntax.Place{File: "a.thrift", Line: 1, Column: 18, EndLine: 1, EndColumn: 21}); len(diags) != 1 || diags[0].Place != want {
		t.Errorf("%+v", diags)
	}
}

// Texts whose meaning is exponential in their length must compile at once and share what they
// repeat.
func TestSharing(t *testing.T) {
	var b strings.Builder
	b.WriteString("typedef map<i32, i32> T0\ntypedef map<i32, i32> U0\nconst list<i32> C0 = [1]\n")
	typ := "list<i32>"
	for i := 1; i < 60; i++ {
		typ = "list<" + typ + ">"
		fmt.Fprintf(&b, "typedef map<T%d, T%d> T%d\ntypedef map<U%d, U%d> U%d\n", i-1, i-1, i, i-1, i-1, i)
		fmt.Fprintf(&b, "const %s C%d = [C%d, C%d, C%d]\n", typ, i, i-1, i-1, i-1)
	}
	b.WriteString("const U59 E = {}\nconst T59 F = E\n")
	fmt.Fprintf(&b, "const set<%s> G = [C59, C59]\n", typ)
	f, diags := Compile("a.thrift", Options{Source: texts(b.String())})
	if f == nil || len(diags) != 1 || diags[0].Code != "duplicate-element" {
		t.Fatal(diags)
	}
	c59, c58 := f.Constant("C59").Value, f.Constant("C58").Value
	if &c59.List[0].List[0] != &c58.List[0] || &c59.List[1].List[0] != &c58.List[0] {
		t.Error("a constant was copied")
	}
}

func TestDepth(t *testing.T) {
	chain := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i, i+1)
		}
		return b.String()
	}
	for _, c := range []struct{ name, format, last string }{
		{"typedefs", "typedef T%[2]d T%[1]d\n", "typedef i32 T%d\n"},
		{"containers", "typedef list<T%[2]d> T%[1]d\n", "typedef i32 T%d\n"},
		{"constants", "const i32 C%[1]d = C%[2]d\n", "const i32 C%d = 1\n"},
		{"services", "service S%[1]d extends S%[2]d {}\n", "service S%d {}\n"},
	} {
		for n, want := range map[int]string{63: "", 100: "too-deep"} {
			_, diags := Compile("a.thrift", Options{Source: texts(chain(c.format, n) + fmt.Sprintf(c.last, n))})
			got := ""
			for _, d := range diags {
				got = d.Code
			}
			if got != want || len(diags) > 1 {
				t.Errorf("%d %s: %v, want %q", n, c.name, diags, want)
			}
		}
	}
}

func TestLarge(t *testing.T) {
	f, diags := Compile("large.thrift", Options{Source: Texts{"large.thrift": string(idltest.Large())}})
	if f == nil || len(diags) > 0 {
		t.Fatal(diags)
	}
	if len(f.Structs) != 300 || len(f.Services) != 20 {
		t.Errorf("%d structs, %d services", len(f.Structs), len(f.Services))
	}
}
