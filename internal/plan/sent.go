package plan

import "github.com/thriftkit/thriftkit/schema"

type withoutDefaultsKey struct{}

// WithoutDefaults returns desc, and the structs that it leads to, as they are without defaults: what is read by it has the fields that
// were sent and no others. It is desc itself if there are no defaults, else a copy, the same each time.
func WithoutDefaults(desc *schema.Struct) *schema.Struct {
	return desc.Type().Memo(withoutDefaultsKey{}, func() any { return copyWithoutDefaults(desc) }).(*schema.Struct)
}

func copyWithoutDefaults(desc *schema.Struct) *schema.Struct {
	copies := make(map[*schema.Struct]*schema.Struct)
	file, found := new(schema.File), false
	names := make(map[string]bool) // files that include each other may have the same
	var structOf func(s *schema.Struct) *schema.Struct
	var typeOf func(t *schema.Type) *schema.Type
	typeOf = func(t *schema.Type) *schema.Type {
		switch t.Kind {
		case schema.KindStruct:
			return &schema.Type{Kind: t.Kind, Struct: structOf(t.Struct), Typedef: t.Typedef, Annotations: t.Annotations}
		case schema.KindMap:
			return &schema.Type{Kind: t.Kind, Key: typeOf(t.Key), Elem: typeOf(t.Elem), Typedef: t.Typedef, Annotations: t.Annotations}
		case schema.KindList, schema.KindSet:
			return &schema.Type{Kind: t.Kind, Elem: typeOf(t.Elem), Typedef: t.Typedef, Annotations: t.Annotations}
		}
		return t
	}
	structOf = func(s *schema.Struct) *schema.Struct {
		if c := copies[s]; c != nil {
			return c
		}
		name := s.Name
		for names[name] {
			name += "_"
		}
		c := &schema.Struct{Name: name, Kind: s.Kind, Meta: s.Meta}
		copies[s], names[name] = c, true
		file.Structs = append(file.Structs, c)
		for _, f := range s.Fields {
			found = found || f.Default != nil
			c.Fields = append(c.Fields, &schema.Field{ID: f.ID, Name: f.Name, Type: typeOf(f.Type), Requiredness: f.Requiredness,
				Reference: f.Reference, Meta: f.Meta})
		}
		return c
	}
	c := structOf(desc)
	if !found || schema.Link(file) != nil {
		return desc
	}
	return c
}
