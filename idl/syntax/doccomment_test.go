package syntax_test

import (
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/syntax"
)

func TestDocText(t *testing.T) {
	for _, c := range []struct{ comment, want string }{
		{"/** one line */", "one line\n"},
		{"/**one line*/", "one line\n"},
		{"/** */", ""},
		{"/**\n */", ""},
		{"/**\n * a\n * b\n */", "a\nb\n"},
		{"/** a\n * b */", "a\nb\n"},
		{"/**\r\n * a\r\n * b\r\n */", "a\nb\n"},
		{"/**\n * a\n *   b\n *\n * c\n */", "a\n  b\n\nc\n"},
		{"/**\n   a\n     b\n   c\n */", "a\n  b\nc\n"},
		{"/**\n * a\n   b\n */", "* a\n  b\n"}, // not all lines have a star
		{"/**\n * a\n  * b\n */", "* a\n * b\n"},
		{"/**\n\t * a  \n\n\t * b\t\n\t */", "a\n\nb\n"},
		{"/** a **/", "a *\n"},
		{"/*** a */", "* a\n"},
	} {
		f, diags := syntax.Parse("a.thrift", []byte(c.comment+"\nstruct A {}"))
		if diags != nil {
			t.Fatal(diags)
		}
		if got := f.Defs[0].(*syntax.Struct).Doc; got != c.want {
			t.Errorf("%q means %q, want %q", c.comment, got, c.want)
		}
	}
}

func TestDocPlace(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"/** a */ struct A {}", `struct A {} "a\n"`},
		{"/** a */ /** b */ struct A {}", `struct A {} "b\n"`},
		{"/** a */\n\n// c\n/* d */ struct A {}", `struct A {} "a\n"`},
		{"// a\n# b\n/* c */ /***/ struct A {}", `struct A {}`},
		{"struct /** a */ A {}", `struct A {}`},
		{"struct A {} /** a */ ; struct B {}", `struct A {} | struct B {} "a\n"`},
		{"/** a */ const i32 A = 1 /** b */ typedef i32 T /** c */ enum E {} /** d */ service S {}",
			`const A i32 = 1 "a\n" | typedef T i32 "b\n" | enum E {} "c\n" | service S {} "d\n"`},
		{"struct A { /** a */ 1: i32 b /** c */, /** d */ 2: i32 e /** f */ 3: i32 g /** lost */ }",
			`struct A {1: b i32 "a\n", 2: e i32 "d\n", 3: g i32 "f\n"}`},
		{"struct A { 1: i32 b, /** of c */\n 2: i32 c }", `struct A {1: b i32, 2: c i32 "of c\n"}`},
		{"enum E { /** a */ A /** b */ B = 1, /** c */ C }", `enum E {A "a\n", B = 1 "b\n", C "c\n"}`},
		{"service S { /** a */ void f(/** b */ 1: i32 x) throws (/** c */ 1: X y) /** d */ void g() }",
			`service S {f {1: x i32 "b\n"} throws {1: y @X "c\n"} "a\n", g {} "d\n"}`},

		// The first doc comment is the file's if a header follows it.
		{"/** a */ namespace py b", `"a\n" | namespace py b`},
		{"/** a */ /** b */ namespace py c", `"a\n" | namespace py c "b\n"`},
		{"namespace py b /** a */ namespace go c", `"a\n" | namespace py b | namespace go c`},
		{"/** a */ include 'x' /** b */ struct A {}", `"a\n" | include x | struct A {} "b\n"`},
		{"namespace py b /** a */ struct A {}", `namespace py b | struct A {} "a\n"`},
		{"/* a */ namespace py b /** c */", `namespace py b`},
	} {
		f, diags := syntax.Parse("a.thrift", []byte(c.src))
		if diags != nil {
			t.Fatal(diags)
		}
		lines := dumpFile(f)
		if f.Doc != "" {
			lines = append([]string{doc(f.Doc)[1:]}, lines...)
		}
		if got := strings.Join(lines, " | "); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.src, got, c.want)
		}
	}
}
