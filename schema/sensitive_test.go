package schema_test

import (
	"testing"

	"github.com/thriftkit/thriftkit/schema"
)

func TestIsSensitive(t *testing.T) {
	text := schema.Base(schema.KindString)
	with := func(name, value string) schema.Annotations {
		return schema.Annotations{{Name: "a", Value: "1"}, {Name: name, Value: value}}
	}
	secret := &schema.Type{Kind: schema.KindString, Annotations: with("redact", "1")}
	card := &schema.Struct{Name: "Card", Meta: schema.Meta{Annotations: with("sensitive", "1")}}
	for _, test := range []struct {
		about string
		field schema.Field
		want  bool
	}{
		{"plain", schema.Field{Type: text}, false},
		{"annotated", schema.Field{Type: text, Meta: schema.Meta{Annotations: with("thriftkit.sensitive", "true")}}, true},
		{"without a value", schema.Field{Type: text, Meta: schema.Meta{Annotations: with("sensitive", "1")}}, true},
		{"false", schema.Field{Type: text, Meta: schema.Meta{Annotations: with("thriftkit.sensitive", "false")}}, false},
		{"another annotation", schema.Field{Type: text, Meta: schema.Meta{Annotations: with("insensitive", "1")}}, false},
		{"its type", schema.Field{Type: secret}, true},
		{"a typedef", schema.Field{Type: &schema.Type{Kind: schema.KindString, Typedef: &schema.Typedef{Type: text, Meta: schema.Meta{Annotations: with("go.redact", "1")}}}}, true},
		{"a typedef of a typedef", schema.Field{Type: &schema.Type{Kind: schema.KindString, Typedef: &schema.Typedef{Type: secret}}}, true},
		{"a struct", schema.Field{Type: card.Type()}, true},
		{"elements", schema.Field{Type: schema.ListOf(secret)}, true},
		{"keys", schema.Field{Type: schema.MapOf(secret, text)}, true},
		{"values", schema.Field{Type: schema.MapOf(text, schema.SetOf(card.Type()))}, true},
	} {
		if got := test.field.IsSensitive(); got != test.want {
			t.Errorf("%s: %v", test.about, got)
		}
	}
}

func TestHoldsSensitive(t *testing.T) {
	text := schema.Base(schema.KindString)
	leaf := &schema.Struct{Name: "Leaf", Fields: []*schema.Field{{ID: 1, Name: "pin", Type: text, Meta: schema.Meta{Annotations: schema.Annotations{{Name: "sensitive", Value: "1"}}}}}}
	tree := &schema.Struct{Name: "Tree"} // holds itself
	tree.Fields = []*schema.Field{{ID: 1, Name: "more", Type: schema.ListOf(tree.Type())}, {ID: 2, Name: "leaf", Type: schema.MapOf(text, leaf.Type())}}
	bare := &schema.Struct{Name: "Bare"}
	bare.Fields = []*schema.Field{{ID: 1, Name: "more", Type: schema.ListOf(bare.Type())}}
	for _, test := range []struct {
		s    *schema.Struct
		want bool
	}{{leaf, true}, {tree, true}, {bare, false}} {
		if got := test.s.HoldsSensitive(); got != test.want {
			t.Errorf("%s: %v", test.s.Name, got)
		}
	}
}
