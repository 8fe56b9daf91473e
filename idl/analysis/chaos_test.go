package analysis

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

var chaos = flag.Duration("chaos", 0, "how long TestChaos makes random edits")

// TestChaos makes random edits in three files that include each other's neighbour, and after each compares
// what the workspace says with what a new one says of the same texts. Every question is asked
// at random places: none may panic.
//
// It makes 3000 edits, 300 with -short; -chaos 5m goes on that long, with other edits each time.
func TestChaos(t *testing.T) {
	rounds, seed := 3000, int64(1)
	if testing.Short() {
		rounds = 300
	}
	begin := time.Now()
	if *chaos > 0 {
		rounds, seed = math.MaxInt, begin.UnixNano()
		t.Logf("seed %d", seed)
	}
	rnd := rand.New(rand.NewSource(seed))
	texts := compile.Texts{
		"a.thrift": "include \"b.thrift\"\nstruct A {\n  1: b.B b,\n  2: required i32 x = b.C\n}\nservice S extends b.T { A f(1: A a) }\n",
		"b.thrift": "include \"c.thrift\"\nstruct B {\n  1: c.E e = c.E.X\n}\nconst i32 C = 1\nservice T {}\n",
		"c.thrift": "enum E { X, Y = 4 } // 漢字 😀\n/** doc */\nexception Z { 1: string m }\n",
	}
	good := maps.Clone(texts)
	disk := compile.Texts{}
	names := []string{"a.thrift", "b.thrift", "c.thrift"}
	w := NewWorkspace(Options{Source: disk, Roots: nil})
	for _, n := range names {
		w.Open(n, texts[n])
	}
	bits := []string{"{", "}", "(", ")", "<", ">", ",", ":", "\"", "struct ", "1: ", "required ", "b.", "// thrift:ignore X y\n", "\n", "/*", "*/", "😀", "\xff", "include \"c.thrift\"\n", "include \"a.thrift\"\n", "= ", "E", "enum Q {", "i32 "}
	offered := 0
	for round := range rounds {
		if *chaos > 0 && time.Since(begin) > *chaos {
			t.Logf("%d edits", round)
			break
		}
		n := names[rnd.Intn(3)]
		text := texts[n]
		if round%12 == 0 { // what is broken once mostly stays so
			text = good[n]
		}
		at := rnd.Intn(len(text) + 1)
		switch rnd.Intn(3) {
		case 0:
			text = text[:at] + bits[rnd.Intn(len(bits))] + text[at:]
		case 1:
			end := min(len(text), at+rnd.Intn(6))
			text = text[:at] + text[end:]
		case 2:
			other := texts[names[rnd.Intn(3)]]
			if len(text) < 2000 && len(other) > 0 { // else it would grow for ever
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
		v.Signature(n, at)
		offered += checkRefactorings(t, fresh, texts, n, syntax.Span{Start: at, End: min(len(texts[n]), at+rnd.Intn(20))})
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
	if offered == 0 {
		t.Error("no refactoring was offered")
	}
	t.Logf("%d refactorings", offered)
}

// checkRefactorings applies what is offered: it keeps every comment and breaks nothing.
func checkRefactorings(t *testing.T, w *Workspace, texts compile.Texts, path string, span syntax.Span) int {
	t.Helper()
	for _, p := range paths(texts) {
		w.Open(p, texts[p]) // so that they belong to the workspace
	}
	list := w.Refactorings(path, span)
	for _, r := range list {
		after := apply(t, texts, r)
		if a, b := comments(texts), comments(after); !slices.Equal(a, b) {
			t.Fatalf("%s: comments before %q, after %q\n%q\n%q", r.Title, a, b, texts, after)
		}
		errorsOf := func(texts compile.Texts) int {
			return len(compile.Load(paths(texts), compile.Options{Source: texts}).Diagnostics.Errors())
		}
		if a, b := errorsOf(texts), errorsOf(after); b > a {
			t.Fatalf("%s: %d errors before, %d after: %v\n%q\n%q", r.Title, a, b, compile.Load(paths(after), compile.Options{Source: after}).Diagnostics.Errors(), texts, after)
		}
	}
	return len(list)
}

func findings(w *Workspace, path string) []string {
	var list []string
	for _, f := range w.View(path).Findings(path) {
		list = append(list, fmt.Sprint(f.Error(), f.Span))
	}
	return list
}
