package analysis

import (
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/compile"
)

// TestSignature has the cursor at "|"; want is the label with the active part between "[" and "]".
func TestSignature(t *testing.T) {
	const types = "struct P {\n  1: i32 x, // across\n  2: i32 y\n}\nstruct B {\n  1: list<P> corners\n  2: map<string, P> named\n  3: P p = {|}\n}\n"
	types1, types2, _ := strings.Cut(types, "|")
	plain := types1 + types2
	for _, tt := range []struct{ text, want string }{
		{"struct A {\n  1: map<|", "map<«key», value>"},
		{"struct A {\n  1: map<i32, |> m\n}", "map<key, «value»>"},
		{"struct A {\n  1: map<i32, list<|>> m\n}", "list<«element»>"},
		{"struct A {\n  1: map<i32, list<i8>|> m\n}", "map<key, «value»>"},
		{"typedef set<|", "set<«element»>"},
		{"struct A {\n  1: i32 a (|)\n}", ""},
		{"struct A {\n  |\n}", ""},
		{"struct A {\n  1: i32 a = |\n}", ""},
		{"// map<|", ""},
		{types1 + "|" + types2, `P{"x": i32, "y": i32}`},
		{plain + `const P Q = {"x": |`, `P{«"x": i32», "y": i32}`},
		{plain + `const P Q = {"x": 1, "y": |}`, `P{"x": i32, «"y": i32»}`},
		{plain + `const P Q = {"x": 1, "y|"}`, `P{"x": i32, "y": i32}`},
		{plain + `const list<P> Q = [{"x": 1}, {"y": |`, `P{"x": i32, «"y": i32»}`},
		{plain + `const map<string, P> Q = {"x": {"y": |`, `P{"x": i32, «"y": i32»}`},
		{plain + `const B Q = {"corners": [{"y": |}]}`, `P{"x": i32, «"y": i32»}`},
		{plain + `const B Q = {"named": {"a": {"x": |}}}`, `P{«"x": i32», "y": i32}`},
		{plain + `const B Q = {"nope": {"x": |`, ""},
		{plain + `const i32 Q = {"x": |`, ""},
		{plain + `const list<i32> Q = [|`, ""},
		{"exception X {}\nservice S {\n  i32 f(1: i32 a, 2: |string b) throws (1: X x)\n}\n", "i32 f(1: i32 a, «2: string b») throws (1: X x)"},
		{"exception X {}\nservice S {\n  void f(1: i32 a) throws (|1: X x)\n}\n", "void f(1: i32 a) throws («1: X x»)"},
		{"service S {\n  void f(|)\n}\n", "void f()"},
		{"service S {\n  void f() (|)\n}\n", ""},
		{"|", ""},
		{"}}>)|", ""},
	} {
		offset := strings.IndexByte(tt.text, '|')
		w := NewWorkspace(Options{Source: compile.Texts{}})
		w.Open("a.thrift", tt.text[:offset]+tt.text[offset+1:])
		s, ok := w.View("a.thrift").Signature("a.thrift", offset)
		got := s.Label
		if ok && s.Active < len(s.Params) {
			p := s.Params[s.Active].Span
			got = got[:p.Start] + "«" + got[p.Start:p.End] + "»" + got[p.End:]
		}
		if got != tt.want {
			t.Errorf("%q:\ngot  %s\nwant %s", tt.text[max(0, offset-40):], got, tt.want)
		}
	}
	w := NewWorkspace(Options{Source: compile.Texts{}})
	w.Open("a.thrift", plain)
	if s, _ := w.View("a.thrift").Signature("a.thrift", strings.Index(plain, "= {")+3); s.Params[0].Doc != "across\n" {
		t.Errorf("documentation: %q", s.Params)
	}
}
