package syntax_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/syntax"
)

// dump writes a node as an expression: what it is, then its parts. It knows every kind of node.
func dump(n any) string {
	switch n := n.(type) {
	case *syntax.Include:
		return "include " + n.Path.Text
	case *syntax.CppInclude:
		return "cpp_include " + n.Path.Text
	case *syntax.Namespace:
		return "namespace " + n.Scope.Text + " " + n.Name.Text + annots(n.Annotations) + doc(n.Doc)
	case *syntax.Package:
		return "package " + n.Name.Text + annots(n.Annotations) + doc(n.Doc)
	case *syntax.Interaction:
		return "interaction " + n.Name.Text + block(n.Functions) + annots(n.Annotations) + doc(n.Doc)
	case *syntax.Const:
		return "const " + n.Name.Text + " " + dump(n.Type) + " = " + dump(n.Value) + annots(n.Annotations) + doc(n.Doc)
	case *syntax.Typedef:
		return "typedef " + n.Name.Text + " " + dump(n.Type) + annots(n.Annotations) + doc(n.Doc)
	case *syntax.Enum:
		return "enum " + n.Name.Text + block(n.Values) + annots(n.Annotations) + doc(n.Doc)
	case *syntax.EnumValue:
		s := n.Name.Text
		if n.Number != nil {
			s += " = " + dump(n.Number)
		}
		return s + annots(n.Annotations) + doc(n.Doc)
	case *syntax.Struct:
		s := [...]string{"struct", "union", "exception"}[n.Kind] + " " + n.Name.Text
		if n.XsdAll {
			s += " all"
		}
		return s + block(n.Fields) + annots(n.Annotations) + doc(n.Doc)
	case *syntax.Field:
		s := ""
		if n.ID != nil {
			s = dump(n.ID) + ": "
		}
		s += [...]string{"", "required ", "optional "}[n.Requiredness] + n.Name.Text + " " + dump(n.Type)
		if n.Reference {
			s += "&"
		}
		if n.Default != nil {
			s += " = " + dump(n.Default)
		}
		return s + annots(n.Annotations) + doc(n.Doc)
	case *syntax.Service:
		s := "service " + n.Name.Text
		if n.Extends.Text != "" {
			s += " extends " + n.Extends.Text
		}
		for _, p := range n.Performs {
			s += " performs " + p.Text
		}
		return s + block(n.Functions) + annots(n.Annotations) + doc(n.Doc)
	case *syntax.Function:
		s := n.Name.Text
		if n.Oneway {
			s = "oneway " + s
		}
		s += block(n.Params)
		if n.Interaction != nil {
			s += " " + dump(n.Interaction) + ","
		}
		if n.Result != nil {
			s += " " + dump(n.Result)
		}
		if n.Sink != nil {
			s += ", sink<" + dump(n.Sink) + ">"
		}
		if n.Stream != nil {
			s += ", stream<" + dump(n.Stream) + ">"
		}
		if n.ThrowsSpan != (syntax.Span{}) {
			s += " throws" + block(n.Throws)
		}
		return s + annots(n.Annotations) + doc(n.Doc)
	case *syntax.StreamType:
		s := dump(n.Elem)
		if n.Throws != nil {
			s += " throws" + block(n.Throws)
		}
		if n.Final != nil {
			s += ", " + dump(n.Final)
		}
		if n.FinalThrows != nil {
			s += " throws" + block(n.FinalThrows)
		}
		return s
	case *syntax.BaseType:
		return n.Name + annots(n.Annotations)
	case *syntax.NamedType:
		return "@" + n.Name + annots(n.Annotations)
	case *syntax.ListType:
		return "list<" + dump(n.Elem) + ">" + cppType(n.CppType) + annots(n.Annotations)
	case *syntax.SetType:
		return "set<" + dump(n.Elem) + ">" + cppType(n.CppType) + annots(n.Annotations)
	case *syntax.MapType:
		return "map<" + dump(n.Key) + "," + dump(n.Elem) + ">" + cppType(n.CppType) + annots(n.Annotations)
	case *syntax.IntLit:
		return strconv.FormatInt(n.Int, 10)
	case *syntax.DoubleLit:
		return strconv.FormatFloat(n.Double, 'e', -1, 64)
	case *syntax.BoolLit:
		return strconv.FormatBool(n.Bool)
	case *syntax.StringLit:
		return strconv.Quote(n.Text)
	case *syntax.NameValue:
		return "@" + n.Name
	case *syntax.ListValue:
		return "[" + join(n.Elems) + "]"
	case *syntax.MapValue:
		return n.Type.Text + "{" + join(n.Entries) + "}"
	case syntax.MapEntry:
		return dump(n.Key) + ": " + dump(n.Value)
	case *syntax.Annotation:
		if n.Structured {
			s := "@" + n.Name.Text
			if n.Value != nil {
				s += "{" + n.Value.Text + "}"
			}
			return s
		}
		if n.Value == nil {
			return n.Name.Text
		}
		return n.Name.Text + "=" + n.Value.Text
	}
	panic(fmt.Sprintf("a %T is no node", n))
}

func join[T any](list []T) string {
	parts := make([]string, len(list))
	for i, n := range list {
		parts[i] = dump(n)
	}
	return strings.Join(parts, ", ")
}

func block[T any](list []T) string { return " {" + join(list) + "}" }

func annots(list []*syntax.Annotation) string {
	if list == nil {
		return ""
	}
	return " (" + join(list) + ")"
}

func cppType(s *syntax.StringLit) string {
	if s == nil {
		return ""
	}
	return "/" + s.Text
}

func doc(s string) string {
	if s == "" {
		return ""
	}
	return " " + strconv.Quote(s)
}

func dumpFile(f *syntax.File) []string {
	var lines []string
	for _, h := range f.Headers {
		lines = append(lines, dump(h))
	}
	for _, d := range f.Defs {
		lines = append(lines, dump(d))
	}
	return lines
}

func TestTree(t *testing.T) {
	for _, c := range []struct {
		src  string
		want string // lines joined by " | "
	}{
		{`include "a" include 'b'; cpp_include "<c>"`, `include a | include b | cpp_include <c>`},
		{`namespace * a namespace py.twisted b.c (d = "e")`, `namespace * a | namespace py.twisted b.c (d=e)`},

		{`const i32 A = 1`, `const A i32 = 1`},
		{`const list<i32> A = [0x10, -0x10 +1; 007 -9223372036854775808,]`, `const A list<i32> = [16, -16, 1, 7, -9223372036854775808]`},
		{`const list<double> A = [5. .5 -1.5e-3 1E+5 +0.0 1.e2]`, `const A list<double> = [5e+00, 5e-01, -1.5e-03, 1e+05, 0e+00, 1e+02]`},
		{`const list<X> A = [true false a.b.c [] {}]`, `const A list<@X> = [true, false, @a.b.c, [], {}]`},
		{`const M A = {"a": 1, 'b': {C: [2]} 3: "";}`, `const A @M = {"a": 1, "b": {@C: [2]}, 3: ""}`},
		{`const string A = "\r\n\t\"\'\\ é 'x'" const string B = '"\''`, `const A string = "\r\n\t\"'\\ é 'x'" | const B string = "\"'"`},
		{`const i32 A = 1 (b = "c", d);`, `const A i32 = 1 (b=c, d)`},

		{`typedef i32 (a = "b") T (c = "d"), typedef x.Y T;`, `typedef T i32 (a=b) (c=d) | typedef T @x.Y`},
		{`typedef map<string (a), list<set<uuid>> (b)> (c) T`, `typedef T map<string (a),list<set<uuid>> (b)> (c)`},
		{`typedef map cpp_type 'a' <i8, byte> A typedef set cpp_type 'b' <i16> B`, `typedef A map<i8,byte>/a | typedef B set<i16>/b`},
		{`typedef list cpp_type 'a' <i64> A typedef list<bool> cpp_type 'b' B`, `typedef A list<i64>/a | typedef B list<bool>/b`},

		{`enum E { A, B = 2; C = -0x1 (d) F (g = "h") } (i)`, `enum E {A, B = 2, C = -1 (d), F (g=h)} (i)`},
		{`enum E {}; enum F { A B C }`, `enum E {} | enum F {A, B, C}`},

		{`struct A { 1: i32 a, 2: required B b = {}; 3: optional list<C> & c -0x1: d.E e }`,
			`struct A {1: a i32, 2: required b @B = {}, 3: optional c list<@C>&, -1: e @d.E}`},
		{`union U xsd_all { i32 a } (b) exception X { 1: string message = "m" (c, d = "e") }`,
			`union U all {a i32} (b) | exception X {1: message string = "m" (c, d=e)}`},
		{`struct A { 1: i32 namespace 2: map<i32,i32> map, 3: required required optional }`,
			`struct A {1: namespace i32, 2: map map<i32,i32>}`},
		{`struct A { 1: i32 a = 1 xsd_optional xsd_nillable xsd_attrs { 2: i32 b } (c) 3: i32 d }`,
			`struct A {1: a i32 = 1 (c), 3: d i32}`},

		{`service S {} service T extends a.S { void f() } (a)`, `service S {} | service T extends a.S {f {}} (a)`},
		{`service S { oneway void f(1: i32 a), list<i32> g(x.Y y; 2: i32 b = 5 (c)) throws (1: X x 2: Y y) (d) async void h() throws () }`,
			`service S {oneway f {1: a i32}, g {y @x.Y, 2: b i32 = 5 (c)} list<i32> throws {1: x @X, 2: y @Y} (d), oneway h {} throws {}}`},

		// A mistake costs no more than it has to.
		{`struct A { 1: i32 a, 2: void b, 3: list<i32 c, 4: d, 5: i32 e = , 6: i32 f }`,
			`struct A {1: a i32, 3: c list<i32>, 5: e i32, 6: f i32}`},
		{"struct A {\n 1: i32 a\n 2:\n 3: i32 c\nstruct B { 1: i32 d }", `struct A {1: a i32, 3: c i32} | struct B {1: d i32}`},
		{"service S {\n void f(1: i32 a\n void g(\n oneway void h(1: i32 b) throw (1: X x)\n i()\n}",
			`service S {f {1: a i32}, g {}, oneway h {1: b i32} throws {1: x @X}}`},
		{`enum E { A = x, B = 2, 3, struct }`, `enum E {A, B = 2, struct}`},
		{"const i32 A\nconst i32 B = 2\nfoo bar\nstruct C {}", `const B i32 = 2 | struct C {}`},
		{`const M A = {"a": 1, "b", "c": [1, , 2, {]}`, `const A @M = {"a": 1}`},
		{`struct A {} namespace py b`, `namespace py b | struct A {}`},
		{`struct string { 1: i32 true } struct x.y {}`, `struct string {1: true i32} | struct x.y {}`},
	} {
		f, _ := syntax.Parse("a.thrift", []byte(c.src))
		if got := strings.Join(dumpFile(f), " | "); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.src, got, c.want)
		}
	}
}

func TestSpans(t *testing.T) {
	const src = "namespace py a (b)\n" +
		"struct S { 1: required list<i32> & a = [1] (c), } (d);\n" +
		"service T extends U { oneway void f(1: i32 a) throws (1: X x) (e), }"
	f, diags := syntax.Parse("a.thrift", []byte(src))
	if diags != nil {
		t.Fatal(diags)
	}
	s, v := f.Defs[0].(*syntax.Struct), f.Defs[1].(*syntax.Service)
	for _, c := range []struct {
		node syntax.Node
		want string
	}{
		{f.Headers[0], "namespace py a (b)"},
		{f.Headers[0].(*syntax.Namespace).Annotations[0], "b"},
		{s, "struct S { 1: required list<i32> & a = [1] (c), } (d)"},
		{s.Name, "S"},
		{s.Fields[0], "1: required list<i32> & a = [1] (c)"},
		{s.Fields[0].ID, "1"},
		{s.Fields[0].ReqSpan, "required"},
		{s.Fields[0].Type, "list<i32>"},
		{s.Fields[0].Type.(*syntax.ListType).Elem, "i32"},
		{s.Fields[0].Default, "[1]"},
		{v, "service T extends U { oneway void f(1: i32 a) throws (1: X x) (e), }"},
		{v.Extends, "U"},
		{v.Functions[0], "oneway void f(1: i32 a) throws (1: X x) (e)"},
		{v.Functions[0].OnewaySpan, "oneway"},
		{v.Functions[0].ThrowsSpan, "throws (1: X x)"},
		{v.Functions[0].Params[0], "1: i32 a"},
	} {
		if got := f.Text(c.node.Range()); got != c.want {
			t.Errorf("%T spans %q, want %q", c.node, got, c.want)
		}
	}
	if got, want := fmt.Sprint(f.Place(s.Fields[0].Range())), "a.thrift:2:12"; got != want {
		t.Errorf("the field is at %s, want %s", got, want)
	}
	if p := f.Place(v.Range()); p.Line != 3 || p.Column != 1 || p.EndLine != 3 || p.EndColumn != 69 {
		t.Errorf("the service is at %+v", p)
	}
}
