package analysis

import (
	"fmt"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/symbols"
)

func TestHierarchies(t *testing.T) {
	texts := map[string]string{
		"a.thrift": "struct Item {1: Color color, 2: list<Item> parts}\nenum Color {RED}\nconst Color C = Color.RED\n" +
			"service Base {void ping()}\nservice Shop extends Base {Item find(1: Color c, 2: Color d) throws (1: Gone e)}\nexception Gone {}",
		"b.thrift": "include \"a.thrift\"\nservice Big extends a.Shop {}\nservice Other extends a.Shop {}\nservice Lone {}\nunion U {1: a.Item i}",
	}
	w := NewWorkspace(Options{Source: compile.Texts(texts)})
	for name, text := range texts {
		w.Open(name, text)
	}
	v := w.Whole()
	for _, tt := range []struct{ file, name, usedBy, uses, super, sub string }{
		{"a.thrift", "Item {", "Item 1, find 1, U 1", "Color 1, Item 1", "", ""},
		{"a.thrift", "Color {", "Item 1, C 3, find 2", "", "", ""},
		{"a.thrift", "C =", "", "Color 3", "", ""},
		{"a.thrift", "find", "", "Item 1, Color 2, Gone 1", "", ""},
		{"a.thrift", "Base {", "Shop 1", "", "", "Shop"},
		{"a.thrift", "Shop ", "Big 1, Other 1", "Base 1, Item 1, Color 2, Gone 1", "Base", "Big Other"},
		{"b.thrift", "Shop {}\nservice Other", "Big 1, Other 1", "Base 1, Item 1, Color 2, Gone 1", "Base", "Big Other"},
		{"b.thrift", "Lone", "", "", "", ""},
		{"b.thrift", "U {", "", "Item 1", "", ""},
		{"a.thrift", "color,", "none", "", "", ""}, // a field is no node
	} {
		s := v.Node(tt.file, strings.Index(texts[tt.file], tt.name))
		if s == nil {
			if tt.usedBy != "none" {
				t.Errorf("%s: no node", tt.name)
			}
			continue
		}
		got := []string{counted(v.UsedBy(s)), counted(v.Uses(s)), named(v.Supertypes(s)), named(v.Subtypes(s))}
		if want := []string{tt.usedBy, tt.uses, tt.super, tt.sub}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, want)
		}
	}
}

func counted(list []Use) string {
	var out []string
	for _, u := range list {
		out = append(out, fmt.Sprintf("%s %d", u.Symbol.Name, len(u.Spans)))
	}
	return strings.Join(out, ", ")
}

func named(list []*symbols.Symbol) string {
	var out []string
	for _, s := range list {
		out = append(out, s.Name)
	}
	return strings.Join(out, " ")
}
