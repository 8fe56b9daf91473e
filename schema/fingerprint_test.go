package schema_test

import (
	"testing"

	"github.com/thriftkit/thriftkit/schema"
)

func TestFingerprint(t *testing.T) {
	link := func(structs ...any) *schema.Struct {
		t.Helper()
		if err := schema.Link(file(structs...)); err != nil {
			t.Fatal(err)
		}
		return structs[0].(*schema.Struct)
	}
	base := func() *schema.Struct {
		inner := structOf("T", field(1, "x", i32))
		return link(structOf("S", field(1, "a", i32), field(2, "t", inner.Type()), field(3, "l", schema.ListOf(text))), inner)
	}
	want := base().Fingerprint()
	if len(want) != 32 || base().Fingerprint() != want {
		t.Errorf("%q, then %q", want, base().Fingerprint())
	}
	doc := base()
	doc.Fields[0].Doc = "not to be seen in the bytes"
	doc.Fields[0].Annotations = schema.Annotations{{Name: "a", Value: "1"}}
	if doc.Fingerprint() != want {
		t.Error("documentation counts")
	}
	changes := map[string]func(s *schema.Struct){
		"name of the struct": func(s *schema.Struct) { s.Name = "R" },
		"kind":               func(s *schema.Struct) { s.Kind = schema.Exception },
		"id":                 func(s *schema.Struct) { s.Fields[0].ID = 9 },
		"name of a field":    func(s *schema.Struct) { s.Fields[0].Name = "b" },
		"type":               func(s *schema.Struct) { s.Fields[0].Type = text },
		"element type":       func(s *schema.Struct) { s.Fields[2].Type = schema.ListOf(i32) },
		"set":                func(s *schema.Struct) { s.Fields[2].Type = schema.SetOf(text) },
		"requiredness":       func(s *schema.Struct) { s.Fields[0].Requiredness = schema.Required },
		"default":            func(s *schema.Struct) { s.Fields[0].Default = &schema.Literal{Type: i32, Int: 1} },
		"order":              func(s *schema.Struct) { s.Fields[0], s.Fields[2] = s.Fields[2], s.Fields[0] },
		"inner struct":       func(s *schema.Struct) { s.Fields[1].Type.Struct.Fields[0].ID = 2 },
		"a field less":       func(s *schema.Struct) { s.Fields = s.Fields[:2] },
	}
	seen := map[string]string{want: "nothing"}
	for name, change := range changes {
		s := base()
		change(s)
		got := s.Fingerprint()
		if other, ok := seen[got]; ok {
			t.Errorf("a change of %s is the same as of %s", name, other)
		}
		seen[got] = name
	}
	loop := structOf("Loop")
	loop.Fields = []*schema.Field{field(1, "next", loop.Type())}
	if got := link(loop).Fingerprint(); len(got) != 32 {
		t.Errorf("%q", got)
	}
}
