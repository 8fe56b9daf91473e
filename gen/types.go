package gen

import (
	"strings"

	"github.com/thriftkit/thriftkit/schema"
)

// goType returns the Go type that stands for t, as the package at hand writes it.
func (g *generator) goType(t *schema.Type) string {
	if t.Typedef != nil {
		name := g.of(t.Typedef.File, t.Typedef)
		if t.Kind == schema.KindStruct {
			return "*" + name
		}
		return name
	}
	return g.bareType(t)
}

// bareType is goType without the alias that t may have.
func (g *generator) bareType(t *schema.Type) string {
	switch t.Kind {
	case schema.KindEnum:
		return g.of(t.Enum.File, t.Enum)
	case schema.KindStruct:
		return "*" + g.of(t.Struct.File, t.Struct)
	case schema.KindList:
		return "[]" + g.goType(t.Elem)
	case schema.KindSet:
		if g.isSetMap(t) {
			return "map[" + g.keyType(t.Elem) + "]struct{}"
		}
		return "[]" + g.goType(t.Elem)
	case schema.KindMap:
		if g.isDynamic(t) {
			return "*" + g.use("dynamic", "Map")
		}
		return "map[" + g.keyType(t.Key) + "]" + g.goType(t.Elem)
	}
	return baseTypes[t.Kind]
}

var baseTypes = [...]string{
	schema.KindBool: "bool", schema.KindI8: "int8", schema.KindI16: "int16", schema.KindI32: "int32", schema.KindI64: "int64",
	schema.KindDouble: "float64", schema.KindString: "string", schema.KindBinary: "[]byte", schema.KindUUID: "[16]byte", schema.KindMap: "",
}

// keyType is goType for keys, which are compared by value.
func (g *generator) keyType(t *schema.Type) string {
	if t.Kind == schema.KindBinary {
		return "string"
	}
	return strings.TrimPrefix(g.goType(t), "*")
}

// isSetMap reports whether t is a set that is a Go map.
func (g *generator) isSetMap(t *schema.Type) bool {
	return t.Kind == schema.KindSet && g.SetsAsMaps && g.isKey(t.Elem)
}

// isDynamic reports whether no Go map can stand for t, a map.
func (g *generator) isDynamic(t *schema.Type) bool {
	return t.Kind == schema.KindMap && !g.isKey(t.Key)
}

// isKey reports whether Go compares what stands for t by its value.
func (g *generator) isKey(t *schema.Type) bool {
	switch t.Kind {
	case schema.KindList, schema.KindSet, schema.KindMap:
		return false
	case schema.KindStruct:
		if g.KeepUnknown { // a slice is in it
			return false
		}
		for _, f := range t.Struct.Fields {
			switch f.Type.Kind {
			case schema.KindBinary, schema.KindStruct, schema.KindList, schema.KindSet, schema.KindMap:
				return false
			}
			if f.Requiredness == schema.Optional {
				return false
			}
		}
	}
	return true
}

// leadsToDynamic reports whether a dynamic value is part of values of t, except for those in structs.
func (g *generator) leadsToDynamic(t *schema.Type) bool {
	switch t.Kind {
	case schema.KindMap:
		if known, ok := g.dynamic[t]; ok {
			return known
		}
		g.dynamic[t] = g.isDynamic(t) || g.leadsToDynamic(t.Elem)
		return g.dynamic[t]
	case schema.KindList, schema.KindSet:
		if known, ok := g.dynamic[t]; ok {
			return known
		}
		g.dynamic[t] = g.leadsToDynamic(t.Elem)
		return g.dynamic[t]
	}
	return false
}

// fieldType returns the Go type of a field.
func (g *generator) fieldType(f *schema.Field, isUnion bool) string {
	t := g.goType(f.Type)
	if g.isPointer(f, isUnion) {
		return "*" + t
	}
	return t
}

// isPointer reports whether a field is a pointer to what its type is by itself, nil when unset.
func (g *generator) isPointer(f *schema.Field, isUnion bool) bool {
	switch f.Type.Kind {
	case schema.KindBinary, schema.KindStruct, schema.KindList, schema.KindSet, schema.KindMap:
		return false
	}
	return isUnion || f.Requiredness == schema.Optional
}

// mayBeNil reports whether a field can be unset: it is nil then.
func (g *generator) mayBeNil(f *schema.Field, isUnion bool) bool {
	return isUnion || f.Requiredness == schema.Optional || f.Type.Kind == schema.KindStruct || g.isDynamic(f.Type)
}

// findCodecs decides which structs write and read themselves: those that lead to no dynamic value.
func (g *generator) findCodecs() {
	g.codecs = make(map[*schema.Struct]bool)
	if g.NoCodecs {
		return
	}
	users := make(map[*schema.Struct][]*schema.Struct)
	var without []*schema.Struct
	for _, p := range g.order {
		for _, s := range p.file.Structs {
			g.codecs[s] = true
			for _, f := range s.Fields {
				if g.leadsToDynamic(f.Type) && g.codecs[s] {
					g.codecs[s] = false
					without = append(without, s)
				}
				for _, part := range structsOf(f.Type) {
					users[part] = append(users[part], s)
				}
			}
		}
	}
	for len(without) > 0 {
		s := without[len(without)-1]
		without = without[:len(without)-1]
		for _, user := range users[s] {
			if g.codecs[user] {
				g.codecs[user] = false
				without = append(without, user)
			}
		}
	}
}

// structsOf returns the structs that are in values of t itself.
func structsOf(t *schema.Type) []*schema.Struct {
	var found []*schema.Struct
	seen := make(map[*schema.Type]bool)
	var visit func(t *schema.Type)
	visit = func(t *schema.Type) {
		if t == nil || seen[t] {
			return
		}
		seen[t] = true
		if t.Kind == schema.KindStruct {
			found = append(found, t.Struct)
		}
		visit(t.Key)
		visit(t.Elem)
	}
	visit(t)
	return found
}

// label names t in names of functions.
func (g *generator) label(t *schema.Type) string {
	switch {
	case t.Typedef != nil:
		return g.pkgs[t.Typedef.File].of[t.Typedef]
	case t.Kind == schema.KindEnum:
		return g.pkgs[t.Enum.File].of[t.Enum]
	case t.Kind == schema.KindStruct:
		return g.pkgs[t.Struct.File].of[t.Struct]
	case t.Kind == schema.KindList:
		return "ListOf" + g.label(t.Elem)
	case t.Kind == schema.KindSet:
		return "SetOf" + g.label(t.Elem)
	case t.Kind == schema.KindMap:
		return "MapOf" + g.label(t.Key) + "To" + g.label(t.Elem)
	}
	return export(t.Kind.String())
}
