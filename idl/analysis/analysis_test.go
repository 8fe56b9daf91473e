package analysis

import (
	"slices"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/lint"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

const shop = `include "lib.thrift"

enum Color { RED = 1, GREEN = 2 }

/** What is sold. */
struct Item {
  1: required string name,
  2: optional Color color = Color.RED,
  3: lib.Money price,
}

service Shop extends lib.Base {
  Item find(1: string name) throws (1: lib.NotFound missing),
}
`

const lib = "struct Money {\n  1: i64 cents\n}\nexception NotFound {}\nservice Base {\n  void ping()\n}\n"

func workspace() *Workspace {
	return NewWorkspace(Options{Source: compile.Texts{"shop.thrift": shop, "lib.thrift": lib}})
}

// TestCompleteKeywords looks for each of the language's words among what is offered somewhere, except for those that nobody should write.
func TestCompleteKeywords(t *testing.T) {
	offered := make(map[string]bool)
	for _, text := range []string{"|", "struct A {\n  1: |\n}", "service S |", "service S {\n  |\n}", "const bool B = |", "safe |"} {
		text = "package;\n" + text
		offset := strings.IndexByte(text, '|')
		w := NewWorkspace(Options{Source: compile.Texts{}})
		w.Open("a.thrift", text[:offset]+text[offset+1:])
		for _, c := range w.Complete("a.thrift", offset) {
			for word := range strings.FieldsSeq(c.Label) {
				offered[strings.TrimSuffix(word, "<>")] = true
			}
		}
	}
	obsolete := strings.Fields("async byte cpp_type xsd_all xsd_optional xsd_nillable xsd_attrs")
	for _, word := range append(syntax.Keywords(), syntax.ContextualKeywords()...) {
		if offered[word] == slices.Contains(obsolete, word) {
			t.Errorf("%s: offered %v, obsolete %v", word, offered[word], !offered[word])
		}
	}
}

// TestComplete has the cursor at "|".
func TestComplete(t *testing.T) {
	tests := []struct {
		text string
		want string // labels that must be there; those after "!" must not
	}{
		{"|", "struct service include namespace !optional"},
		{"str|", "struct !i32"},
		{"struct A {\n  |\n}", "1:  !struct i32"},
		{"struct A {\n  1: i32 a,\n  |\n}", "2:  !1: "},
		{"struct A {\n  // reserved 2\n  1: i32 a,\n  |\n}", "3:  !2: "},
		{"struct A {\n  1: |\n}", "optional required i32 list<> A !struct"},
		{"struct A {\n  1: optional |\n}", "i32 A !optional"},
		{"struct A {\n  1: list<|\n}", "i32 A"},
		{"struct A {\n  1: map<i32, |\n}", "i32 A !2: "},
		{"include \"lib.thrift\"\nstruct A {\n  1: lib.|\n}", "lib.Money !lib.NotFound lib.Base i32"},
		{"enum E { X = 1, Y = 2 }\nstruct A {\n  1: E e = |\n}", "E.X E.Y"},
		{"const bool B = |", "true false"},
		{"enum E { X = 1, Y = 2 }\nconst E B = |", "E.X E.Y"},
		{"enum E {\n  X = 1,\n  |\n}", "NAME = 2"},
		{"service S extends |", "S !struct"},
		{"service S {\n  |\n}", "void oneway|void i32"},
		{"struct A {}\nservice S {\n  void f(1: |)\n}", "A i32 !optional"},
		{"exception X {}\nstruct A {}\nservice S {\n  void f() throws (1: |)\n}", "X !A i32"},
		{"struct A {\n  1: i32 a (|)\n}", "go.tag"},
		{"// struct |", ""},
		{"namespace |", "go py *"},
		{"const i32 A = 1\nstruct B {\n  1: i32 b = |\n}", "A"},
		{"struct A {\n  1: i32 a\n}\n\n|", "struct service"},
		{"struct A {\n  1: i32 a\n\nser|", ""},
		{"package;\n|", "struct package hs_include interaction"},
		{"package;\nservice S {\n  |\n}", "void performs stream<> sink<> readonly"},
		{"service S {\n  |\n}", "void !performs stream<>"},
		{"package;\ninteraction I {\n  |\n}", "void stream<>"},
		{"package;\ninteraction I {\n  void f(1: |)\n}", "i32 !optional"},
		{"package;\nsafe |", "exception permanent"},
	}
	for _, tt := range tests {
		offset := strings.IndexByte(tt.text, '|')
		text := tt.text[:offset] + tt.text[offset+1:]
		w := NewWorkspace(Options{Source: compile.Texts{"lib.thrift": lib}})
		w.Open("a.thrift", text)
		var got []string
		for _, c := range w.Complete("a.thrift", offset) {
			got = append(got, strings.ReplaceAll(c.Label, " ", "|"))
		}
		want, not, _ := strings.Cut(tt.want, "!")
		for label := range strings.FieldsSeq(strings.ReplaceAll(strings.ReplaceAll(want, ":  ", ":| "), " = ", "|=|")) {
			if !slices.Contains(got, label) {
				t.Errorf("%q: no %q in %q", tt.text, label, got)
			}
		}
		for label := range strings.FieldsSeq(strings.ReplaceAll(not, ": ", ":| ")) {
			if slices.Contains(got, label) {
				t.Errorf("%q: %q in %q", tt.text, label, got)
			}
		}
		if tt.want == "" && strings.HasPrefix(tt.text, "//") && len(got) > 0 {
			t.Errorf("%q: %q", tt.text, got)
		}
	}
}

func at(text, word string) int { return strings.Index(text, word) + 1 }

func TestQueries(t *testing.T) {
	v := workspace().View("shop.thrift")
	for _, tt := range []struct{ word, want string }{
		{"Color color", "shop.thrift:3:6"}, {"RED,", "shop.thrift:3:14"}, {"Money price", "lib.thrift:1:8"}, {"lib.thrift\"", "lib.thrift:1:1"},
		{"Base {", "lib.thrift:5:9"}, {"NotFound missing", "lib.thrift:4:11"}, {"name)", "shop.thrift:13:23"},
	} {
		p, ok := v.Definition("shop.thrift", at(shop, tt.word))
		if !ok || p.File.Place(p.Span).String() != tt.want {
			t.Errorf("%s: got %v", tt.word, p)
		}
	}
	if p, ok := v.TypeDefinition("shop.thrift", at(shop, "price")); !ok || p.File.Place(p.Span).String() != "lib.thrift:1:8" {
		t.Errorf("type of price: %v", p)
	}
	if _, ok := v.Definition("shop.thrift", at(shop, "optional")); ok {
		t.Error("a keyword has a definition")
	}
	var places []string
	for _, p := range v.References("shop.thrift", at(shop, "Color {"), true) {
		places = append(places, p.File.Place(p.Span).String())
	}
	if got := strings.Join(places, " "); got != "shop.thrift:3:6 shop.thrift:8:15 shop.thrift:8:29" {
		t.Error(got)
	}
	hover, _, ok := v.Hover("shop.thrift", at(shop, "Item {"))
	if !ok || !strings.Contains(hover, "What is sold.") || !strings.Contains(hover, `{"name": "text", "color": "RED", "price": {"cents": 1}}`) {
		t.Error(hover)
	}
	if hover, _, _ := v.Hover("shop.thrift", at(shop, "color =")); !strings.Contains(hover, "id 2, on the wire i32 (8)") {
		t.Error(hover)
	}
}

func TestRename(t *testing.T) {
	v := workspace().View("shop.thrift")
	edits, err := v.Rename("shop.thrift", at(shop, "Color {"), "Colour")
	if err != nil {
		t.Fatal(err)
	}
	if got := string(lint.Apply([]byte(shop), edits)); got != strings.ReplaceAll(shop, "Color", "Colour") {
		t.Error(got)
	}
	edits, _ = v.Rename("shop.thrift", at(shop, "Money price"), "Amount")
	if len(edits) != 2 || edits[0].Path != "lib.thrift" {
		t.Error(edits)
	}
	for name, want := range map[string]string{"Item": "Item already names struct Item at shop.thrift:6:8", "a b": `"a b" is not a name`, "struct": `"struct" is not a name`, "a.b": `"a.b" is not a name`} {
		if _, err := v.Rename("shop.thrift", at(shop, "Color {"), name); err == nil || err.Error() != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFormatEdits(t *testing.T) {
	w := workspace()
	w.Open("a.thrift", "struct A{1:i32 a}\n\n\n// c\nstruct B {\n  1: i32 b\n}\n")
	edits, err := w.View("a.thrift").Format("a.thrift")
	if err != nil {
		t.Fatal(err)
	}
	if got := string(lint.Apply(w.View("a.thrift").File("a.thrift").Tree.Source, edits)); got != "struct A {\n  1: i32 a,\n}\n\n// c\nstruct B {\n  1: i32 b,\n}\n" {
		t.Errorf("%q", got)
	}
	w.Open("a.thrift", "struct A {")
	if _, err := w.View("a.thrift").Format("a.thrift"); err == nil {
		t.Error("broken text was formatted")
	}
}

func TestDependents(t *testing.T) {
	w := workspace()
	w.Open("shop.thrift", shop)
	w.Open("other.thrift", "struct X {}")
	if got := w.Dependents("lib.thrift"); !slices.Equal(got, []string{"shop.thrift"}) {
		t.Error(got)
	}
	before := len(w.View("shop.thrift").Findings("shop.thrift"))
	w.Open("lib.thrift", "struct Money {}")
	if after := len(w.View("shop.thrift").Findings("shop.thrift")); after <= before {
		t.Errorf("%d findings, then %d", before, after)
	}
	w.Close("lib.thrift")
	if after := len(w.View("shop.thrift").Findings("shop.thrift")); after != before {
		t.Errorf("%d findings, at last %d", before, after)
	}
}
