package dynamic

import (
	"slices"

	"github.com/thriftkit/thriftkit/schema"
)

// Skeleton returns an example of desc as indented JSON, to be filled in: every field with its
// default, else with a zero value; one element in every container; one member of a union; the
// first name of an enum. Where a struct would contain itself, the field is left out, or the
// container is empty. [ParseJSON] takes it.
func Skeleton(desc *schema.Struct) []byte {
	b := skeletonBuilder{left: maxSkeleton}
	text, err := AppendJSON(nil, desc.Type(), b.structOf(desc), JSONOptions{Indent: "  "})
	if err != nil { // it requires itself, or is deeper than a message may be
		return []byte("{}")
	}
	return text
}

// maxSkeleton bounds the structs of one skeleton: structs that have each other twice double
// at every level.
const maxSkeleton = 1000

type skeletonBuilder struct {
	path []*schema.Struct // the structs around
	left int              // structs that may still be made
}

// structOf returns unset where desc is inside of itself.
func (b *skeletonBuilder) structOf(desc *schema.Struct) Value {
	if slices.Contains(b.path, desc) || b.left == 0 {
		return Value{}
	}
	b.left--
	b.path = append(b.path, desc)
	defer func() { b.path = b.path[:len(b.path)-1] }()
	s := New(desc)
	for i, f := range desc.Fields {
		if f.Default != nil {
			s.vals[i] = FromLiteral(f.Default)
		} else {
			s.vals[i] = b.value(f.Type)
		}
		switch {
		case s.vals[i].IsSet() && desc.Kind == schema.Union:
			return StructValue(s)
		case !s.vals[i].IsSet() && f.Requiredness == schema.Required:
			return Value{} // it cannot be complete here
		}
	}
	if desc.Kind == schema.Union {
		return Value{}
	}
	return StructValue(s)
}

func (b *skeletonBuilder) value(t *schema.Type) Value {
	switch t.Kind {
	case schema.KindStruct:
		return b.structOf(t.Struct)
	case schema.KindList, schema.KindSet:
		l := NewList(t)
		if v := b.value(t.Elem); v.IsSet() {
			l.vals = append(l.vals, v)
		}
		return ListValue(l)
	case schema.KindMap:
		m := NewMap(t)
		if k, v := b.value(t.Key), b.value(t.Elem); k.IsSet() && v.IsSet() {
			m.entries = append(m.entries, Entry{k, v})
		}
		return MapValue(m)
	}
	return Zero(t)
}
