package schema

import (
	"strings"
	"testing"
)

func TestLookup(t *testing.T) {
	leaf := &File{Path: "leaf.thrift", Name: "leaf", Structs: []*Struct{{Name: "A"}}, Constants: []*Constant{
		{Name: "A", Type: Base(KindI32), Value: &Literal{Type: Base(KindI32), Int: 1}},
	}}
	dotted := &File{Path: "x.y.thrift", Name: "x.y", Includes: []*Include{{Path: "leaf.thrift", File: leaf}}}
	other := &File{Path: "sub/x.y.thrift", Name: "x.y", Structs: []*Struct{{Name: "B"}}}
	root := &File{Path: "root.thrift", Name: "root", Includes: []*Include{{File: dotted}, {File: other}}}
	for _, f := range []*File{leaf, dotted, other, root} {
		if err := Link(f); err != nil {
			t.Fatal(err)
		}
	}
	if s := root.Struct("x.y.leaf.A"); s != leaf.Structs[0] {
		t.Errorf("x.y.leaf.A is %v", s)
	}
	if c := root.Constant("x.y.leaf.A"); c != leaf.Constants[0] {
		t.Errorf("the constant x.y.leaf.A is %v", c)
	}
	if s := root.Struct("x.y.B"); s != other.Structs[0] {
		t.Errorf("x.y.B is %v", s)
	}
	for _, name := range []string{"", ".", "A", "x.A", "x.y.A", "x.y.leaf.", "x.y.leaf.A.", "leaf.A"} {
		if d := root.Lookup(name); d != nil {
			t.Errorf("%q is %v", name, d)
		}
	}
}

func TestLinkDepth(t *testing.T) {
	link := func(typ *Type) string {
		err := Link(&File{Path: "a.thrift", Typedefs: []*Typedef{{Name: "T", Type: typ}}})
		if err == nil {
			return ""
		}
		return err.Error()
	}
	wide := Base(KindI32) // its parts are met 2 to the power of 64 times
	for range 64 {
		wide = MapOf(wide, wide)
	}
	if got := link(wide); got != "" {
		t.Error(got)
	}
	const want = "a.thrift: typedef T: containers nest deeper than 64"
	if got := link(ListOf(wide)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	endless := ListOf(nil)
	endless.Elem = endless
	if got := link(endless); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := link(MapOf(nil, Base(KindVoid))); strings.Count(got, "\n") != 1 {
		t.Errorf("got %q, want two mistakes", got)
	}
}
