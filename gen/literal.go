package gen

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/thriftkit/thriftkit/schema"
)

// isConst reports whether Go has l as a constant.
func isConst(l *schema.Literal) bool {
	switch l.Type.Kind {
	case schema.KindBinary, schema.KindUUID, schema.KindStruct, schema.KindList, schema.KindSet, schema.KindMap:
		return false
	case schema.KindDouble:
		return !math.IsInf(l.Double, 0) && !math.IsNaN(l.Double) && (l.Double != 0 || !math.Signbit(l.Double))
	}
	return true
}

// firstPart returns what values that share their parts have in common, nil for those without parts.
func firstPart(l *schema.Literal) any {
	switch {
	case len(l.List) > 0:
		return &l.List[0]
	case len(l.Map) > 0:
		return &l.Map[0]
	case len(l.Fields) > 0:
		return &l.Fields[0]
	}
	return nil
}

// findShared counts the uses of each value with parts. Values made of constants share their parts, so
// that writing all of them out could take very much text: what is used more than once is a function of
// its own.
func (g *generator) findShared() {
	g.uses = make(map[any]int)
	var visit func(l *schema.Literal)
	visit = func(l *schema.Literal) {
		first := firstPart(l)
		if first == nil {
			return
		}
		g.uses[first]++
		if g.uses[first] > 1 {
			return
		}
		for _, x := range l.List {
			visit(x)
		}
		for _, x := range l.Map {
			visit(x.Key)
			visit(x.Value)
		}
		for _, x := range l.Fields {
			visit(x.Value)
		}
	}
	f := g.pkg.file
	for _, s := range f.Structs {
		for _, field := range s.Fields {
			if field.Default != nil {
				visit(field.Default)
			}
		}
	}
	for _, c := range f.Constants {
		visit(c.Value)
	}
}

// literal returns l as a Go expression of the type of t. at is an expression for l itself.
func (g *generator) literal(l *schema.Literal, t *schema.Type, at string) string {
	return g.value(l, t, g.goType(t), at)
}

func (g *generator) key(l *schema.Literal, t *schema.Type, at string) string {
	return g.value(l, t, g.keyType(t), at)
}

// value is literal for a Go type, which is that of t or, without a pointer, that of keys.
func (g *generator) value(l *schema.Literal, t *schema.Type, goType, at string) string {
	if first := firstPart(l); g.uses[first] > 1 {
		key := fmt.Sprintf("literal %p %s", first, goType)
		return g.helper(key, "literal"+g.label(t), func(name string) {
			g.p("func %s() %s { return %s }\n", name, goType, g.composite(l, t, goType, at))
		}) + "()"
	}
	return g.composite(l, t, goType, at)
}

func (g *generator) composite(l *schema.Literal, t *schema.Type, goType, at string) string {
	switch t.Kind {
	case schema.KindBool:
		return strconv.FormatBool(l.Bool)
	case schema.KindEnum:
		if v := t.Enum.ByNumber(int32(l.Int)); v != nil {
			p := g.pkgs[t.Enum.File]
			return g.in(p, p.value[v])
		}
		return strconv.FormatInt(l.Int, 10)
	case schema.KindI8, schema.KindI16, schema.KindI32, schema.KindI64:
		return strconv.FormatInt(l.Int, 10)
	case schema.KindDouble:
		return g.double(l.Double)
	case schema.KindString:
		return strconv.Quote(l.Text)
	case schema.KindBinary:
		if goType == "string" {
			return strconv.Quote(l.Text)
		}
		return "[]byte(" + strconv.Quote(l.Text) + ")"
	case schema.KindUUID:
		var parts []string
		for _, b := range []byte(l.Text) {
			parts = append(parts, fmt.Sprintf("%#02x", b))
		}
		return "[16]byte{" + strings.Join(parts, ", ") + "}"
	case schema.KindStruct:
		return g.structLiteral(l, t, goType, at)
	case schema.KindMap:
		if g.isDynamic(t) {
			return g.use("dynamic", "FromLiteral") + "(" + at + ").Map()"
		}
		var parts []string
		for i, x := range l.Map {
			parts = append(parts, g.key(x.Key, t.Key, fmt.Sprintf("%s.Map[%d].Key", at, i))+": "+g.literal(x.Value, t.Elem, fmt.Sprintf("%s.Map[%d].Value", at, i)))
		}
		return goType + "{" + strings.Join(parts, ", ") + "}"
	}
	var parts []string
	seen := make(map[string]bool)
	for i, x := range l.List {
		at := fmt.Sprintf("%s.List[%d]", at, i)
		if !g.isSetMap(t) {
			parts = append(parts, g.literal(x, t.Elem, at))
			continue
		}
		if text := g.key(x, t.Elem, at); !seen[text] { // Go allows no key twice
			seen[text] = true
			parts = append(parts, text+": {}")
		}
	}
	return goType + "{" + strings.Join(parts, ", ") + "}"
}

func (g *generator) double(v float64) string {
	switch {
	case math.IsNaN(v):
		return g.use("math", "NaN") + "()"
	case math.IsInf(v, 1):
		return g.use("math", "Inf") + "(1)"
	case math.IsInf(v, -1):
		return g.use("math", "Inf") + "(-1)"
	case v == 0 && math.Signbit(v):
		return g.use("math", "Copysign") + "(0, -1)"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// structLiteral writes the members that are given; the others have their defaults.
func (g *generator) structLiteral(l *schema.Literal, t *schema.Type, goType, at string) string {
	s := t.Struct
	p := g.pkgs[s.File]
	isUnion := s.Kind == schema.Union
	var names, values []string
	for i, x := range l.Fields {
		names = append(names, p.field[x.Field])
		text := g.literal(x.Value, x.Field.Type, fmt.Sprintf("%s.Fields[%d].Value", at, i))
		values = append(values, g.pointerTo(x.Field, isUnion, text))
	}
	name, isPointer := strings.CutPrefix(goType, "*")
	if !hasDefaults(s) {
		for i := range names {
			names[i] += ": " + values[i]
		}
		text := name + "{" + strings.Join(names, ", ") + "}"
		if isPointer {
			return "&" + text
		}
		return text
	}
	star := "*"
	if isPointer {
		star = ""
	}
	text := "func() " + goType + " { v := " + g.extra(s.File, "new", s) + "(); "
	for i := range names {
		text += "v." + names[i] + " = " + values[i] + "; "
	}
	return text + "return " + star + "v }()"
}
