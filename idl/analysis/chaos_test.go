package analysis

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/thriftkit/thriftkit/idl/compile"
)

// TestChaos makes random edits in three files that include each other's neighbour, and after each compares
// what the workspace says with what a new one says of the same texts. Every question is asked
// at random places: none may panic.
func TestChaos(t *testing.T) {
	rounds := 3000
	if testing.Short() {
		rounds = 300
	}
	rnd := rand.New(rand.NewSource(1))
	texts := compile.Texts{
		"a.thrift": "include \"b.thrift\"\nstruct A {\n  1: b.B b,\n  2: required i32 x = b.C\n}\nservice S extends b.T { A f(1: A a) }\n",
		"b.thrift": "include \"c.thrift\"\nstruct B {\n  1: c.E e = c.E.X\n}\nconst i32 C = 1\nservice T {}\n",
		"c.thrift": "enum E { X, Y = 4 } // 漢字 😀\n/** doc */\nexception Z { 1: string m }\n",
	}
	disk := compile.Texts{}
	names := []string{"a.thrift", "b.thrift", "c.thrift"}
	w := NewWorkspace(Options{Source: disk, Roots: nil})
	for _, n := range names {
		w.Open(n, texts[n])
	}
	bits := []string{"{", "}", "(", ")", "<", ">", ",", ":", "\"", "struct ", "1: ", "required ", "b.", "// thrift:ignore X y\n", "\n", "/*", "*/", "😀", "\xff", "include \"c.thrift\"\n", "include \"a.thrift\"\n", "= ", "E", "enum Q {", "i32 "}
	for round := range rounds {
		n := names[rnd.Intn(3)]
		text := texts[n]
		at := rnd.Intn(len(text) + 1)
		switch rnd.Intn(3) {
		case 0:
			text = text[:at] + bits[rnd.Intn(len(bits))] + text[at:]
		case 1:
			end := min(len(text), at+rnd.Intn(6))
			text = text[:at] + text[end:]
		case 2:
			other := texts[names[rnd.Intn(3)]]
			if len(text) < 2000 && len(other) > 0 {
				from := rnd.Intn(len(other))
				text = text[:at] + other[from:min(len(other), from+20)] + text[at:]
			}
		}
		texts[n] = text
		w.Open(n, text)
		fresh := NewWorkspace(Options{Source: texts})
		for _, n := range names {
			if got, want := findings(w, n), findings(fresh, n); !slices.Equal(got, want) {
				t.Fatalf("round %d, %s:\ngot  %v\nwant %v\n%q", round, n, got, want, texts)
			}
		}
		n = names[rnd.Intn(3)]
		at = rnd.Intn(len(texts[n]) + 1)
		v := w.View(n)
		w.Complete(n, at)
		v.Hover(n, at)
		v.Definition(n, at)
		v.TypeDefinition(n, at)
		v.References(n, at, true)
		v.Rename(n, at, "NewName")
		v.Format(n)
		v.Tokens(n)
		v.Outline(n)
		v.Folds(n)
		v.Selections(n, at)
		v.Hints(n)
		v.Links(n)
		w.Whole().Find("a", 10)
	}
}

func findings(w *Workspace, path string) []string {
	var list []string
	for _, f := range w.View(path).Findings(path) {
		list = append(list, fmt.Sprint(f.Error(), f.Span))
	}
	return list
}
