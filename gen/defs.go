package gen

import (
	"fmt"
	"strings"

	"github.com/thriftkit/thriftkit/schema"
)

func (g *generator) doc(m schema.Meta, indent string) { g.body.WriteString(comment(m.Doc, indent)) }

// docOr writes the doc comment of a definition, or what else there is to say.
func (g *generator) docOr(m schema.Meta, format string, args ...any) {
	if c := comment(m.Doc, ""); c != "" {
		g.body.WriteString(c)
		return
	}
	g.p("// "+format, args...)
}

func (g *generator) enums() {
	for _, e := range g.pkg.file.Enums {
		name := g.pkg.of[e]
		g.docOr(e.Meta, "%s is the enum %s. It may have values without a name.", name, e.Name)
		g.p("type %s int32\n", name)
		if len(e.Values) > 0 {
			g.p("const (")
			for _, v := range e.Values {
				g.doc(v.Meta, "")
				g.p("%s %s = %d", g.pkg.value[v], name, v.Number)
			}
			g.p(")\n")
		}
		desc := fmt.Sprintf("%s().Enum(%q)", g.pkg.schemaFunc, e.Name)
		g.p("// String returns the name of v in the IDL, or its number.")
		g.p("func (v %s) String() string { return %s.NameOf(int32(v)) }\n", name, desc)
		g.p("// MarshalText returns what String returns.")
		g.p("func (v %s) MarshalText() ([]byte, error) { return []byte(v.String()), nil }\n", name)
		g.p("// UnmarshalText accepts a name of the IDL, or a number.")
		g.p("func (v *%s) UnmarshalText(text []byte) error {", name)
		g.p("n, err := %s.NumberOf(string(text))\nif err == nil {\n*v = %s(n)\n}\nreturn err\n}\n", desc, name)
	}
}

func (g *generator) typedefs() {
	for _, t := range g.pkg.file.Typedefs {
		name := g.pkg.of[t]
		g.docOr(t.Meta, "%s is the typedef %s.", name, t.Name)
		target := g.goType(t.Type)
		if t.Type.Kind == schema.KindStruct {
			target = strings.TrimPrefix(target, "*")
		}
		g.p("type %s = %s\n", name, target)
	}
}

func (g *generator) constants() {
	for _, c := range g.pkg.file.Constants {
		name := g.pkg.of[c]
		text := g.literal(c.Value, c.Type, fmt.Sprintf("%s().Constant(%q).Value", g.pkg.schemaFunc, c.Name))
		if isConst(c.Value) {
			g.docOr(c.Meta, "%s is the constant %s.", name, c.Name)
			g.p("const %s %s = %s\n", name, g.goType(c.Type), text)
			continue
		}
		g.docOr(c.Meta, "%s returns the constant %s, a new value each time.", name, c.Name)
		g.p("func %s() %s { return %s }\n", name, g.goType(c.Type), text)
	}
}

// structs writes the types of structs, unions and exceptions, with their codecs.
func (g *generator) structs() {
	for _, s := range g.pkg.file.Structs {
		name := g.pkg.of[s]
		switch s.Kind {
		case schema.Union:
			g.docOr(s.Meta, "%s is the union %s: one field is set.", name, s.Name)
		default:
			g.docOr(s.Meta, "%s is the %s %s.", name, s.Kind, s.Name)
		}
		g.p("type %s struct {", name)
		for _, f := range s.Fields {
			g.doc(f.Meta, "\t")
			g.p("%s %s `thrift:%q`", g.pkg.field[f], g.fieldType(f, s.Kind == schema.Union), f.Name)
		}
		if g.KeepUnknown {
			g.p("UnknownFields %s // what came and the IDL does not have; it is sent on", g.use("wire", "UnknownFields"))
		}
		g.p("}\n")
		if hasDefaults(s) {
			g.constructor(s)
		}
		if s.Kind == schema.Exception {
			g.errorMethod(s)
			g.nameMethod(s)
		}
		if g.codecs[s] {
			g.codec(s)
		}
		g.flush(flushAt)
	}
}

func hasDefaults(s *schema.Struct) bool {
	if s.Kind == schema.Union {
		return false
	}
	for _, f := range s.Fields {
		if f.Default != nil {
			return true
		}
	}
	return false
}

func (g *generator) constructor(s *schema.Struct) {
	name := g.pkg.extra[about{"new", s}]
	g.p("// %s returns a %s with the defaults of the IDL.", name, g.pkg.of[s])
	g.p("func %s() *%s {\np := new(%s)", name, g.pkg.of[s], g.pkg.of[s])
	for _, f := range s.Fields {
		if f.Default != nil {
			g.setDefault(s, f)
		}
	}
	g.p("return p\n}\n")
}

// setDefault assigns the default of a field of the struct p.
func (g *generator) setDefault(s *schema.Struct, f *schema.Field) {
	text := g.literal(f.Default, f.Type, fmt.Sprintf("%s().Struct(%q).Field(%q).Default", g.pkg.schemaFunc, s.Name, f.Name))
	g.p("p.%s = %s", g.pkg.field[f], g.pointerTo(f, false, text))
}

// pointerTo returns text, a value of f's type, as what a field is.
func (g *generator) pointerTo(f *schema.Field, isUnion bool, text string) string {
	if !g.isPointer(f, isUnion) {
		return text
	}
	ptr := g.helper("ptr", "pointerTo", func(name string) { g.p("func %s[T any](v T) *T { return &v }\n", name) })
	return fmt.Sprintf("%s[%s](%s)", ptr, g.goType(f.Type), text)
}

// nameMethod tells the name of an exception whose Go name is another one, by a prefix, say: package rpc finds exceptions by name.
func (g *generator) nameMethod(s *schema.Struct) {
	name := g.pkg.of[s]
	joined := func(name string) string { return strings.ReplaceAll(name, "_", "") }
	if !strings.EqualFold(joined(name), joined(s.Name)) {
		g.p("// ThriftName returns the name of the exception in the IDL.")
		g.p("func (*%s) ThriftName() string { return %q }\n", name, s.Name)
	}
}

// errorMethod makes an exception an error, whose text is its name and, if it has one, its message.
func (g *generator) errorMethod(s *schema.Struct) {
	name := g.pkg.of[s]
	g.p("// Error returns the name of the exception and what is in it.")
	var formats, args []string
	for _, f := range s.Fields {
		value := "p." + g.pkg.field[f]
		if f.Type.Kind == schema.KindString && strings.EqualFold(f.Name, "message") && !g.isPointer(f, false) {
			g.p("func (p *%s) Error() string { return %q + p.%s }\n", name, s.Name+": ", g.pkg.field[f])
			return
		}
		switch f.Type.Kind {
		case schema.KindString, schema.KindEnum, schema.KindBool, schema.KindI8, schema.KindI16, schema.KindI32, schema.KindI64, schema.KindDouble:
			if !g.isPointer(f, false) {
				formats, args = append(formats, f.Name+": %v"), append(args, ", "+value)
			}
		}
	}
	if len(args) == 0 {
		g.p("func (p *%s) Error() string { return %q }\n", name, s.Name)
		return
	}
	g.p("func (p *%s) Error() string {\nreturn %s(%q%s)\n}\n", name, g.use("fmt", "Sprintf"), s.Name+"("+strings.Join(formats, ", ")+")", strings.Join(args, ""))
}
