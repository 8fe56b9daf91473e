package analysis

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/lint"
	"github.com/thriftkit/thriftkit/idl/symbols"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

// apply returns the files of a workspace after a refactoring.
func apply(t *testing.T, texts compile.Texts, r Refactoring) compile.Texts {
	t.Helper()
	out := maps.Clone(texts)
	byPath := make(map[string][]lint.Edit)
	for _, e := range r.Edits {
		byPath[e.Path] = append(byPath[e.Path], e)
	}
	for p, edits := range byPath {
		out[p] = string(lint.Apply([]byte(texts[p]), edits))
	}
	if r.NewFile != "" {
		if _, ok := out[r.NewFile]; ok {
			t.Errorf("%s exists", r.NewFile)
		}
		out[r.NewFile] = r.Text
	}
	return out
}

func comments(texts compile.Texts) []string {
	var list []string
	for name, text := range texts {
		tree, _ := syntax.Parse(name, []byte(text))
		for i := range tree.Tokens {
			for _, c := range tree.Trivia(i) {
				if c.Kind != syntax.Blank && c.Kind != syntax.Newline {
					list = append(list, strings.Join(strings.Fields(tree.Text(c.Span)), " "))
				}
			}
		}
	}
	slices.Sort(list)
	return list
}

func paths(texts compile.Texts) []string { return slices.Sorted(maps.Keys(texts)) }

// TestRefactorings has what is selected in a.thrift between "«" and "»"; want is the text of each file that differs.
func TestRefactorings(t *testing.T) {
	for _, tt := range []struct {
		name, text, other string
		title             string // its beginning; "" if nothing of the kind is offered
		want              string
	}{
		{"fields", "/** A. */\nstruct A {\n  1: i32 a, // first\n  // second\n«  2: required i32 b; // of b\n  /* c */ 3: i32 c» // of c\n  4: i32 d\n}\n", "", "extract struct APart",
			"-- a.thrift\nstruct APart {\n  // second\n  2: required i32 b, // of b\n  /* c */ 3: i32 c, // of c\n}\n\n/** A. */\nstruct A {\n  1: i32 a, // first\n  5: optional APart part\n  4: i32 d\n}\n"},
		{"fields on one line", "struct A { 1: i32 a, «2: i32 b», 3: i32 c }\nstruct APart {}", "", "extract struct APart2",
			"-- a.thrift\nstruct APart2 {\n  2: i32 b,\n}\n\nstruct A { 1: i32 a, 4: optional APart2 part, 3: i32 c }\nstruct APart {}"},
		{"fields that a constant has", "struct A {\n  «1: i32 a»\n}\nconst A X = {\"a\": 1}\n", "", "", ""},
		{"fields of a union", "union A {\n  «1: i32 a»\n}\n", "", "", ""},
		{"nothing selected", "struct A {\n  1: i32 «»a\n}\n", "", "", ""},
		{"parameters", "/** S. */\nservice S {\n  i32 find(1: i32 a, /* b */ 2: string «»b) throws (1: X x),\n}\nexception X {}\n", "", "extract parameters into struct FindRequest",
			"-- a.thrift\nstruct FindRequest {\n  1: i32 a,\n  /* b */ 2: string b,\n}\n\n/** S. */\nservice S {\n  i32 find(3: FindRequest request) throws (1: X x),\n}\nexception X {}\n"},
		{"no parameters", "service S {\n  i32 find(«»)\n}\n", "", "", ""},
		{"ids", "struct «»A {\n  i32 a\n  4: i32 b\n  i32 c\n}\n", "", "give all fields of A an id",
			"-- a.thrift\nstruct A {\n  5: i32 a\n  4: i32 b\n  6: i32 c\n}\n"},
		{"move", "namespace go x\n\n/** Of A. */\nstruct B«» { 1: i32 b } // B\n\nstruct A {\n  1: B b\n}\n", "include \"a.thrift\"\nstruct C { 1: list<a.B> b, 2: a.A a }\n", "move B to b.thrift",
			"-- a.thrift\ninclude \"b.thrift\"\nnamespace go x\n\n\nstruct A {\n  1: b.B b\n}\n-- b.thrift\nnamespace go x\n\n/** Of A. */\nstruct B { 1: i32 b } // B\n-- c.thrift\ninclude \"a.thrift\"\ninclude \"b.thrift\"\nstruct C { 1: list<b.B> b, 2: a.A a }\n"},
		{"move an enum", "enum Co«»lorRGB { RED }\nconst ColorRGB C = ColorRGB.RED\n", "", "move ColorRGB to color_rgb.thrift",
			"-- a.thrift\ninclude \"color_rgb.thrift\"\n\nconst color_rgb.ColorRGB C = color_rgb.ColorRGB.RED\n-- color_rgb.thrift\nenum ColorRGB { RED }\n"},
		{"move what needs the rest", "const i32 N = 1\nstruct B«» {\n  1: i32 b = N,\n  2: optional B next,\n}\n", "", "move B to b.thrift",
			"-- a.thrift\nconst i32 N = 1\n-- b.thrift\ninclude \"a.thrift\"\n\nstruct B {\n  1: i32 b = a.N,\n  2: optional B next,\n}\n"},
		{"files that would include each other", "struct A {\n  1: optional B b\n}\nstruct B«» {\n  1: optional A a\n}\n", "", "", ""},
		{"a file of that name", "struct «»C {}\n", "struct X {}\n", "", ""},
		{"a broken file", "struct «»B {\n", "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			start, end := strings.Index(tt.text, "«"), strings.Index(tt.text, "»")-len("«")
			texts := compile.Texts{"a.thrift": strings.NewReplacer("«", "", "»", "").Replace(tt.text)}
			if tt.other != "" {
				texts["c.thrift"] = tt.other
			}
			w := NewWorkspace(Options{Source: texts})
			w.files = paths(texts)
			var got string
			for _, r := range w.Refactorings("a.thrift", syntax.Span{Start: start, End: end}) {
				if tt.title == "" {
					t.Errorf("offered: %s", r.Title)
				}
				if !strings.HasPrefix(r.Title, tt.title) {
					continue
				}
				after := apply(t, texts, r)
				for _, name := range paths(after) {
					if after[name] != texts[name] {
						got += "-- " + name + "\n" + after[name]
					}
				}
				if errs := compile.Load(paths(after), compile.Options{Source: after}).Diagnostics.Errors(); errs != nil {
					t.Error(errs)
				}
				if a, b := comments(texts), comments(after); !slices.Equal(a, b) {
					t.Errorf("comments before %q, after %q", a, b)
				}
			}
			if got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// TestRefactoringsEverywhere applies all that is offered at every definition and every member of the project's own files: each result keeps
// the comments and compiles.
func TestRefactoringsEverywhere(t *testing.T) {
	offered := make(map[string]int)
	for _, pattern := range []string{"../../conformance/testdata/*.thrift", "../../gen/gentest/*.thrift", "../../examples/*/*.thrift", "../../idl/*/testdata/*.thrift"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			texts := compile.Texts{"a.thrift": string(text)}
			if compile.Load([]string{"a.thrift"}, compile.Options{Source: texts}).Diagnostics.Errors() != nil {
				continue // it includes others
			}
			w := NewWorkspace(Options{Source: texts})
			w.Open("a.thrift", texts["a.thrift"])
			w.View("a.thrift").File("a.thrift").Each(func(s *symbols.Symbol) {
				span := s.Span
				if s.Kind == symbols.Field {
					span = s.Node.Range()
				}
				for _, r := range w.Refactorings("a.thrift", span) {
					word, _, _ := strings.Cut(r.Title, " ")
					offered[word]++
				}
				checkRefactorings(t, w, texts, "a.thrift", span)
			})
		}
	}
	for _, word := range []string{"extract", "move"} {
		if offered[word] < 5 {
			t.Errorf("%s: only %d times", word, offered[word])
		}
	}
	t.Log(offered)
}
