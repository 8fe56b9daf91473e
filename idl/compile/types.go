package compile

import (
	"strings"

	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/schema"
)

// typeOf returns the type that t names and how deep its containers nest; nil, after a report,
// if it has none.
func (u *unit) typeOf(t syntax.Type) (*schema.Type, int) {
	switch t := t.(type) {
	case *syntax.BaseType:
		return u.baseType(t), 0
	case *syntax.NamedType:
		return u.namedType(t)
	case *syntax.ListType:
		return u.container(t.Span, schema.KindList, nil, t.Elem, t.Annotations)
	case *syntax.SetType:
		return u.container(t.Span, schema.KindSet, nil, t.Elem, t.Annotations)
	case *syntax.MapType:
		return u.container(t.Span, schema.KindMap, t.Key, t.Elem, t.Annotations)
	}
	return nil, 0 // a type that the parser reported
}

func (u *unit) container(s syntax.Span, kind schema.Kind, key, elem syntax.Type, annotations []*syntax.Annotation) (*schema.Type, int) {
	t := &schema.Type{Kind: kind, Annotations: convertAnnotations(annotations)}
	depth, ok := 0, true
	if kind == schema.KindMap {
		t.Key, depth = u.typeOf(key)
		ok = t.Key != nil
	}
	var d int
	t.Elem, d = u.typeOf(elem)
	if !ok || t.Elem == nil {
		return nil, 0
	}
	depth = max(depth, d) + 1
	if depth > maxDepth {
		u.error(s, "too-deep", "containers nest deeper than %d", maxDepth)
		return nil, 0
	}
	return t, depth
}

func (u *unit) baseType(t *syntax.BaseType) *schema.Type {
	kind := baseKind(t.Name)
	if kind == schema.KindVoid {
		return nil
	}
	if len(t.Annotations) > 0 {
		return &schema.Type{Kind: kind, Annotations: convertAnnotations(t.Annotations)}
	}
	return u.baseOf(kind)
}

// baseOf returns the type of that kind that all files share.
func (c *compiler) baseOf(kind schema.Kind) *schema.Type {
	if c.base[kind] == nil {
		c.base[kind] = schema.Base(kind)
	}
	return c.base[kind]
}

func baseKind(name string) schema.Kind {
	switch name {
	case "bool":
		return schema.KindBool
	case "byte", "i8":
		return schema.KindI8
	case "i16":
		return schema.KindI16
	case "i32":
		return schema.KindI32
	case "i64":
		return schema.KindI64
	case "double":
		return schema.KindDouble
	case "string":
		return schema.KindString
	case "binary":
		return schema.KindBinary
	case "uuid":
		return schema.KindUUID
	}
	return schema.KindVoid
}

func (u *unit) namedType(t *syntax.NamedType) (*schema.Type, int) {
	m := u.lookupType(t.Name)
	switch {
	case m.clash != nil:
		u.ambiguous(t.Span, t.Name, m)
		return nil, 0
	case m.symbol == nil && m.lost:
		return nil, 0
	case m.symbol == nil && t.Name == "slist": // reported by the parser
		return nil, 0
	case m.symbol == nil:
		r := u.error(t.Span, "unknown-type", "unknown type %s", t.Name)
		if c := u.lookupValue(t.Name); c.found() {
			unit, span := c.place()
			r.d.Code, r.d.Message = "wrong-kind", t.Name+" is "+c.what()+", not a type"
			r.also(unit, span, "defined")
			return nil, 0
		}
		r.hint("%s", u.suggestType(t.Name, t == u.result))
		return nil, 0
	case m.symbol.service != nil:
		u.error(t.Span, "wrong-kind", "%s is a service, not a type", t.Name).also(m.symbol.unit, m.symbol.name.Span, "defined")
		return nil, 0
	}
	if m.symbol.isInteraction() {
		u.error(t.Span, "wrong-kind", "%s is an interaction, not a type", t.Name).also(m.symbol.unit, m.symbol.name.Span, "defined")
		return nil, 0
	}
	u.resolve(m.symbol)
	typ := m.symbol.typ
	if typ != nil && len(t.Annotations) > 0 {
		typ = &schema.Type{
			Kind: typ.Kind, Key: typ.Key, Elem: typ.Elem, Struct: typ.Struct, Enum: typ.Enum, Typedef: typ.Typedef,
			Annotations: convertAnnotations(t.Annotations),
		}
	}
	return typ, m.symbol.depth
}

// resolve gives a typedef its type. It does nothing for other symbols and for those of files
// that are compiled already.
func (u *unit) resolve(s *symbol) {
	def, ok := s.def.(*syntax.Typedef)
	switch {
	case !ok || s.state == done:
		return
	case s.state == busy:
		u.typedefCycle(s)
		return
	}
	s.state = busy
	u.typedefs = append(u.typedefs, s)
	if len(u.typedefs) > maxDepth {
		u.error(def.Name.Span, "too-deep", "a chain of more than %d typedefs", maxDepth)
	} else if target, depth := u.typeOf(def.Type); target != nil && s.state == busy {
		s.typedef.Type = target
		s.depth = depth
		s.typ = &schema.Type{
			Kind: target.Kind, Key: target.Key, Elem: target.Elem, Struct: target.Struct, Enum: target.Enum,
			Typedef: s.typedef,
		}
	}
	u.typedefs = u.typedefs[:len(u.typedefs)-1]
	s.state = done
}

// typedefCycle reports the cycle that ends in s, once, at its first typedef in the text.
func (u *unit) typedefCycle(s *symbol) {
	i := len(u.typedefs) - 1
	for u.typedefs[i] != s {
		i--
	}
	cycle := u.typedefs[i:]
	var names []string
	first := s
	for _, t := range cycle {
		names = append(names, t.name.Text)
		t.state = done // the others are not reported again
		if t.name.Start < first.name.Start {
			first = t
		}
	}
	r := u.error(first.name.Span, "typedef-cycle", "typedef %s stands for itself: %s", first.name.Text, strings.Join(append(names, s.name.Text), " -> "))
	for _, t := range cycle {
		if t != first {
			r.also(u, t.name.Span, t.name.Text+" is defined")
		}
	}
}

// A typeKey is what makes two types equal, aliases and annotations aside.
type typeKey struct {
	kind      schema.Kind
	def       any
	key, elem int
}

// typeID returns a number that equal types share. Comparing types part by part could take time
// exponential in the length of the text: map<T,T> has its T twice.
func (c *compiler) typeID(t *schema.Type) int {
	if t == nil {
		return -1
	}
	if id, ok := c.typeIDs[t]; ok {
		return id
	}
	k := typeKey{kind: t.Kind}
	switch t.Kind {
	case schema.KindStruct:
		k.def = t.Struct
	case schema.KindEnum:
		k.def = t.Enum
	case schema.KindList, schema.KindSet:
		k.elem = c.typeID(t.Elem)
	case schema.KindMap:
		k.key, k.elem = c.typeID(t.Key), c.typeID(t.Elem)
	}
	id, ok := c.typeSet[k]
	if !ok {
		if c.typeSet == nil {
			c.typeSet = make(map[typeKey]int)
			c.typeIDs = make(map[*schema.Type]int)
		}
		id = len(c.typeSet)
		c.typeSet[k] = id
	}
	c.typeIDs[t] = id
	return id
}
