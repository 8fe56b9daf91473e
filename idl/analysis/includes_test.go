package analysis

import (
	"slices"
	"testing"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/lint"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

// TestOrganizeIncludes has a.thrift as it is afterwards, "" for a file that stays as it is, in a workspace with a.thrift, b.thrift, c.thrift and d/e.thrift, which
// define B, C and E, and user.thrift, which uses a.c.C.
func TestOrganizeIncludes(t *testing.T) {
	const useBC = "struct A {\n  1: b.B b\n  2: c.C c\n}\n"
	for _, tt := range []struct{ name, text, want string }{
		{"in order", "include \"b.thrift\"\ninclude \"c.thrift\"\n\n" + useBC, ""},
		{"sorted", "include \"c.thrift\"\ninclude \"b.thrift\"\n" + useBC, "include \"b.thrift\"\ninclude \"c.thrift\"\n" + useBC},
		{"groups stay", "include \"c.thrift\"\n\ninclude \"b.thrift\"\n" + useBC, ""},
		{"comments move", "/* Legal. */\ninclude \"c.thrift\" // for C\n// All of\n// the bees.\ninclude 'b.thrift' # for B\n" + useBC,
			"/* Legal. */\n// All of\n// the bees.\ninclude 'b.thrift' # for B\ninclude \"c.thrift\" // for C\n" + useBC},
		{"unused", "include \"b.thrift\"\ninclude \"d/e.thrift\"\n\nstruct A {\n  1: b.B b\n}\n", "include \"b.thrift\"\n\nstruct A {\n  1: b.B b\n}\n"},
		{"used by another file", "include \"c.thrift\"\n\nstruct A {}\n", ""},
		{"all unused", "include \"b.thrift\"\n\nstruct A {}\n", "struct A {}\n"},
		{"unused between empty lines", "namespace go a\n\ninclude \"b.thrift\"\n\nstruct A {}\n", "namespace go a\n\nstruct A {}\n"},
		{"comments stay", "namespace go a\n// Above.\ninclude \"b.thrift\" // behind\nstruct A {}\n", "namespace go a\n// Above.\n// behind\nstruct A {}\n"},
		{"kept by a comment", "// thrift:ignore INCLUDE_UNUSED others read it\ninclude \"b.thrift\"\nstruct A {}\n", ""},
		{"twice", "include \"b.thrift\"\ninclude \"./b.thrift\"\nstruct A {\n  1: b.B b\n}\n", "include \"b.thrift\"\nstruct A {\n  1: b.B b\n}\n"},
		{"missing", "include \"c.thrift\"\n\nstruct A {\n  1: b.B b\n  2: c.C c\n  3: e.E e = e.DEFAULT\n}\n",
			"include \"b.thrift\"\ninclude \"c.thrift\"\ninclude \"d/e.thrift\"\n\nstruct A {\n  1: b.B b\n  2: c.C c\n  3: e.E e = e.DEFAULT\n}\n"},
		{"the first ones", "// About A.\n" + useBC, "include \"b.thrift\"\ninclude \"c.thrift\"\n\n// About A.\n" + useBC},
		{"missing service", "service S extends e.Base {}\n", "include \"d/e.thrift\"\n\nservice S extends e.Base {}\n"},
		{"would be a cycle", "struct A {\n  1: user.U u\n}\n", ""},
		{"defined nowhere", "struct A {\n  1: b.Nope n\n}\n", ""},
		{"not found", "include \"z.thrift\"\ninclude \"b.thrift\"\nstruct A {\n  1: b.B b\n}\n", "include \"b.thrift\"\ninclude \"z.thrift\"\nstruct A {\n  1: b.B b\n}\n"},
		{"two of one name", "include \"d/b.thrift\"\ninclude \"b.thrift\"\nstruct A {\n  1: b.B b\n}\n", ""},
		{"on one line", "include \"c.thrift\" include \"b.thrift\"\n" + useBC, ""},
		{"carriage returns", "include \"c.thrift\"\r\ninclude \"b.thrift\"\r\n" + useBC, "include \"b.thrift\"\r\ninclude \"c.thrift\"\r\n" + useBC},
		{"no newline at the end", "struct A {}\ninclude \"b.thrift\"", ""},
		{"broken", "include \"c.thrift\"\ninclude \"b.thrift\"\nstruct A {", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			texts := compile.Texts{"a.thrift": tt.text, "b.thrift": "struct B {}\n", "c.thrift": "struct C {}\n", "d/b.thrift": "struct D {}\n",
				"d/e.thrift": "struct E {}\nconst E DEFAULT = {}\nservice Base {}\n", "user.thrift": "include \"a.thrift\"\nstruct U {\n  1: a.c.C c\n}\n"}
			w := NewWorkspace(Options{Source: texts})
			for name, text := range texts {
				w.Open(name, text)
			}
			want := tt.want
			if want == "" {
				want = tt.text
			}
			edits := w.OrganizeIncludes("a.thrift")
			got := string(lint.Apply([]byte(tt.text), edits))
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if tt.want == "" && len(edits) > 0 {
				t.Errorf("edits: %v", edits)
			}
			if a, b := comments(compile.Texts{"a.thrift": tt.text}), comments(compile.Texts{"a.thrift": got}); !slices.Equal(a, b) {
				t.Errorf("comments %q became %q", a, b)
			}
			w.Open("a.thrift", got)
			if again := w.OrganizeIncludes("a.thrift"); len(again) > 0 {
				t.Errorf("a second time: %v", again)
			}
			if _, diags := syntax.Parse("a.thrift", []byte(got)); tt.name != "broken" && tt.name != "no newline at the end" && len(diags.Errors()) > 0 {
				t.Error(diags)
			}
		})
	}
}
