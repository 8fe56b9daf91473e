package compile

import (
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/print"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

// What fbthrift has and plain Thrift can express is compiled; the rest is left out with a warning.
func TestFBThrift(t *testing.T) {
	const text = `package "x.com/y"
namespace hack "a.b"
include "scope.thrift"
@thrift.Uri{value = "x/A"}
@Plain
struct A {
  @cpp.Ref{type=cpp.RefType.Unique} 1: optional A (x = "1") next (y = "2");
}
enum E { @Old{since="1"} V = 1 }
safe permanent client exception X {}
interaction I { i32 f(); }
const A C = A{next = A{}}
service S {
  performs I;
  I make();
  I, i32 both();
  I, stream<A> more();
  I, i32, stream<A> most();
  scope.J theirs();
  @Fast readonly i32 get(@P 1: i32 a, @Q 2: i32 b);
}
`
	source := Texts{"a.thrift": text, "scope.thrift": "interaction J {}"}
	f, diags := Compile("a.thrift", Options{Source: source, Syntax: syntax.Options{Dialect: syntax.FBThrift}})
	want := `a.thrift:14:12: warning: interaction I is left out of service S: it needs fbthrift's Rocket transport [unsupported]
a.thrift:15:3: warning: interaction I is left out of function make: it needs fbthrift's Rocket transport [unsupported]
a.thrift:16:3: warning: interaction I is left out of function both: it needs fbthrift's Rocket transport [unsupported]
a.thrift:17:3: warning: interaction I is left out of function more: it needs fbthrift's Rocket transport [unsupported]
a.thrift:18:3: warning: interaction I is left out of function most: it needs fbthrift's Rocket transport [unsupported]
a.thrift:19:3: warning: interaction scope.J is left out of function theirs: it needs fbthrift's Rocket transport [unsupported]`
	if f == nil || diags.Error() != want {
		t.Fatalf("got %v\nwant %s", diags, want)
	}
	if f.Service("S").Method("get") == nil || len(f.Service("S").Methods) != 1 {
		t.Errorf("methods %v", f.Service("S").Methods)
	}
	got := string(print.AppendFile(nil, f))
	for _, part := range []string{
		`(thrift.Uri = "value = \"x/A\"", Plain = "1")`, `(cpp.Ref = "type = cpp.RefType.Unique", y = "2")`, `(Old = "since = \"1\"")`, `(Fast = "1")`, "exception X {}",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("%s\nhas no %s", got, part)
		}
	}
	_, diags = Compile("a.thrift", Options{Source: Texts{"a.thrift": "interaction I {} struct A {1: I i}"}})
	if want := "a.thrift:1:1: note: interaction is fbthrift's: the file is read in that dialect [dialect]\n" +
		"a.thrift:1:31: error: I is an interaction, not a type; defined at a.thrift:1:13 [wrong-kind]"; diags.Error() != want {
		t.Errorf("got %v\nwant %s", diags, want)
	}
}

// Each form is found without an option, and refused where the dialect is another.
func TestForeignForms(t *testing.T) {
	for _, c := range []struct{ text, what string }{
		{`package "a.b/c"`, "package"},
		{`@A struct B {}`, "the annotation @A"},
		{`struct B { @A 1: i32 b }`, "the annotation @A"},
		{`interaction I {}`, "interaction"},
		{`service S { readonly i32 f() }`, "the qualifier readonly"},
		{`safe exception X {}`, "the qualifier safe"},
		{`struct A {1: i32 a} const A B = A{a = 1}`, "a value with its type"},
		{`struct A {1: i32 a} const A B = A{}`, "a value with its type"},
		{`package;`, "package"},
		{`hs_include "x"`, "hs_include"},
	} {
		f, diags := Compile("a.thrift", Options{Source: Texts{"a.thrift": c.text}})
		if f == nil || !strings.Contains(diags.Error(), "note: "+c.what+" is fbthrift's: the file is read in that dialect [dialect]") {
			t.Errorf("%s: %v", c.text, diags)
		}
		for _, d := range []syntax.Dialect{syntax.Apache, syntax.Kitex} {
			f, diags := Compile("a.thrift", Options{Source: Texts{"a.thrift": c.text}, Syntax: syntax.Options{Dialect: d}})
			if want := "error: " + c.what + " is not part of Thrift (fbthrift has it: choose that dialect) [unsupported]"; f != nil || !strings.Contains(diags.Error(), want) || len(diags) != 1 {
				t.Errorf("%s in %v: %v", c.text, d, diags)
			}
		}
		if f, diags := Compile("a.thrift", Options{Source: Texts{"a.thrift": c.text}, Syntax: syntax.Options{Dialect: syntax.FBThrift}}); f == nil || len(diags) > 0 {
			t.Errorf("%s: %v", c.text, diags)
		}
	}
}

// The name of a namespace is quoted in fbthrift's dialect, and where no other is given.
func TestQuotedNamespace(t *testing.T) {
	source := Texts{"a.thrift": "namespace go 'a/b'\nstruct A {}"}
	for d, want := range map[syntax.Dialect]string{
		syntax.Auto:     "a.thrift:1:14: note: the quoted name of a namespace is fbthrift's: the file is read in that dialect [dialect]",
		syntax.FBThrift: "",
		syntax.Apache:   `a.thrift:1:14: error: expected the name of a namespace, found string "'a/b'" (write it without quotes) [syntax]`,
	} {
		if _, diags := Compile("a.thrift", Options{Source: source, Syntax: syntax.Options{Dialect: d}}); diags.Error() != want {
			t.Errorf("%v: got %v\nwant %s", d, diags, want)
		}
	}
}

// An interaction that a service uses is one that there is.
func TestUnknownInteraction(t *testing.T) {
	const text = `package;
service S {
  performs Nope
  performs S
  None, i32 f()
}
`
	_, diags := Compile("a.thrift", Options{Source: Texts{"a.thrift": text}, Syntax: syntax.Options{Dialect: syntax.FBThrift}})
	want := `a.thrift:3:12: error: unknown interaction Nope [unknown-name]
a.thrift:4:12: error: S is a service, not an interaction; defined at a.thrift:2:9 [wrong-kind]
a.thrift:5:3: error: unknown interaction None [unknown-name]`
	if diags.Error() != want {
		t.Errorf("got %v\nwant %s", diags, want)
	}
}

// A doc comment above an annotation stays the documentation, whatever comment stands below it.
func TestDocAboveAnnotation(t *testing.T) {
	const text = "struct A {\n  /** a */\n  @Bar\n  // between\n  1: i32 a;\n  // b\n  @Bar\n  /** own */\n  2: i32 b;\n  @Bar\n  // c\n  3: i32 c;\n}"
	f, diags := Compile("a.thrift", Options{Source: Texts{"a.thrift": text}, Syntax: syntax.Options{Dialect: syntax.FBThrift}})
	if f == nil {
		t.Fatal(diags)
	}
	for i, want := range []string{"a\n", "own\n", "c\n"} {
		if got := f.Structs[0].Fields[i].Doc; got != want {
			t.Errorf("field %d: %q, want %q", i+1, got, want)
		}
	}
}

// Strings of several lines are one error, and accepted in the dialect of Kitex.
func TestStringsOfLines(t *testing.T) {
	const text = "struct U {\n  1: string name (openapi.property = '{\n    title: \"Name\",\n    type: \"string\"\n  }')\n  2: i32 n\n}\n"
	_, diags := Compile("a.thrift", Options{Source: Texts{"a.thrift": text}})
	if want := "a.thrift:2:38: error: string goes on over 4 lines (write \\n for a newline, or read the file in the dialect kitex) [multiline-string]"; diags.Error() != want {
		t.Errorf("got %v\nwant %s", diags, want)
	}
	f, diags := Compile("a.thrift", Options{Source: Texts{"a.thrift": text}, Syntax: syntax.Options{Dialect: syntax.Kitex}})
	if f == nil || len(diags) > 0 {
		t.Fatal(diags)
	}
	if got := f.Structs[0].Fields[0].Annotations[0].Value; got != "{\n    title: \"Name\",\n    type: \"string\"\n  }" {
		t.Errorf("got %q", got)
	}
}

// fbthrift's compiler has the declarations of its own annotations, so that a copy of them is rarely there.
func TestAnnotationIncludes(t *testing.T) {
	const missing = `include "thrift/annotation/cpp.thrift"` + "\n"
	for _, c := range []struct{ text, want string }{
		{missing + "@cpp.Ref\nstruct A {}", ""},
		{missing + "struct A { 1: cpp.Ref r }", "a.thrift:2:15: error: unknown type cpp.Ref (no include is seen here as cpp) [unknown-type]"},
		{"include \"thrift/other/cpp.thrift\"\nstruct A {}", "a.thrift:1:9: error: no file thrift/other/cpp.thrift; looked for thrift/other/cpp.thrift (add the directory that holds it to the include directories) [missing-include]"},
		{"@Foo{a = }\nstruct S {}", `a.thrift:1:10: error: expected a value, found "}" [syntax]`},
		{"@Foo{a = 1, b}\nstruct S {}", `a.thrift:1:14: error: expected "=" after the name of a field, found "}" [syntax]`},
		{"@Foo{1: 2}\nstruct S {}", `a.thrift:1:6: error: expected a field of the annotation or "}", found "1" [syntax]`},
		{"@A @Foo{a = [1, 2]; b = {'x': Foo{a = -1}},} @B{} struct S { @A{x = true} @B 1: i32 a }", ""},
	} {
		f, diags := Compile("a.thrift", Options{Source: Texts{"a.thrift": c.text}, Syntax: syntax.Options{Dialect: syntax.FBThrift}})
		if diags.Error() != c.want || (f == nil) != (c.want != "") {
			t.Errorf("%s\ngot  %v\nwant %s", c.text, diags, c.want)
		}
	}
}
