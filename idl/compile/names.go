package compile

import (
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/schema"
)

// A symbol is a definition other than a constant. One of the pointers below is set.
type symbol struct {
	unit *unit
	name syntax.Ident
	typ  *schema.Type // of what refers to it by name; nil for services and for what could not be resolved

	typedef   *schema.Typedef
	enum      *schema.Enum
	structure *schema.Struct
	service   *schema.Service
	def       syntax.Def // an *syntax.Interaction has no schema

	state     state
	depth     int // containers inside, for typedefs
	chain     int // typedefs or services from here to the end of the chain
	parent    *symbol
	functions map[string]syntax.Span // of a service
}

// A state is how far the lazy resolution of a definition is.
type state uint8

const (
	fresh state = iota
	busy        // being resolved: meeting it again is a cycle
	done
)

// what returns the kind of definition with its article.
func (s *symbol) what() string {
	switch {
	case s.typedef != nil:
		return "a typedef"
	case s.enum != nil:
		return "an enum"
	case s.service != nil:
		return "a service"
	case s.isInteraction():
		return "an interaction"
	case s.structure.Kind == schema.Exception:
		return "an exception"
	}
	return "a " + s.structure.Kind.String()
}

// isInteraction is whether s is one of fbthrift's interactions, which plain Thrift cannot have.
func (s *symbol) isInteraction() bool {
	_, ok := s.def.(*syntax.Interaction)
	return ok
}

// declare enters all definitions of the file into its name tables.
func (u *unit) declare() {
	var nConst, nEnum, nStruct, nTypedef, nService int
	for _, def := range u.tree.Defs {
		switch def.(type) {
		case *syntax.Const:
			nConst++
		case *syntax.Enum:
			nEnum++
		case *syntax.Struct:
			nStruct++
		case *syntax.Typedef:
			nTypedef++
		case *syntax.Service:
			nService++
		}
	}
	total := len(u.tree.Defs) - nConst
	u.types = make(map[string]*symbol, total)
	u.symbols = make([]symbol, 0, total)
	u.constants = make(map[string]*constant, nConst)
	u.consts = make([]constant, 0, nConst)
	u.out.Constants = make([]*schema.Constant, 0, nConst)
	u.out.Enums = make([]*schema.Enum, 0, nEnum)
	u.out.Structs = make([]*schema.Struct, 0, nStruct)
	u.out.Typedefs = make([]*schema.Typedef, 0, nTypedef)
	u.out.Services = make([]*schema.Service, 0, nService)
	structs := make([]schema.Struct, nStruct)
	for _, def := range u.tree.Defs {
		switch def := def.(type) {
		case *syntax.Const:
			u.declareConst(def)
		case *syntax.Typedef:
			t := &schema.Typedef{Name: def.Name.Text, File: u.out, Meta: u.meta(def.Doc, def.Annotations, def.Name.Span)}
			u.out.Typedefs = append(u.out.Typedefs, t)
			u.add(def.Name, symbol{typedef: t, def: def})
		case *syntax.Enum:
			e := &schema.Enum{Name: def.Name.Text, File: u.out, Meta: u.meta(def.Doc, def.Annotations, def.Name.Span)}
			u.out.Enums = append(u.out.Enums, e)
			u.add(def.Name, symbol{enum: e, def: def, typ: e.Type(), state: done})
		case *syntax.Struct:
			s := &structs[len(u.out.Structs)]
			s.Name, s.Kind, s.File = def.Name.Text, schema.StructKind(def.Kind), u.out
			s.Meta = u.meta(def.Doc, def.Annotations, def.Name.Span)
			u.out.Structs = append(u.out.Structs, s)
			u.add(def.Name, symbol{structure: s, def: def, typ: s.Type(), state: done})
		case *syntax.Service:
			s := &schema.Service{Name: def.Name.Text, File: u.out, Meta: u.meta(def.Doc, def.Annotations, def.Name.Span)}
			u.out.Services = append(u.out.Services, s)
			u.add(def.Name, symbol{service: s, def: def})
		case *syntax.Interaction:
			u.add(def.Name, symbol{def: def, state: done})
		}
	}
}

func (u *unit) add(name syntax.Ident, s symbol) {
	s.unit, s.name = u, name
	u.symbols = append(u.symbols, s)
	p := &u.symbols[len(u.symbols)-1]
	if !u.plainName(name) {
		return
	}
	if other, ok := u.types[name.Text]; ok {
		u.error(name.Span, "duplicate-definition", "%s is already defined as %s", name.Text, other.what()).
			also(u, other.name.Span, "defined")
		return
	}
	u.types[name.Text] = p
}

// plainName reports whether name can be declared. One that is missing or has a dot was reported
// by the parser.
func (u *unit) plainName(name syntax.Ident) bool {
	return name.Text != "" && strings.IndexByte(name.Text, '.') < 0
}

// A match is what a name stands for: one of symbol, constant and member. The zero match is an
// unknown name. lost says that the name leads to a file that could not be read, or that its
// definition may be one that the parser did not understand.
type match struct {
	symbol   *symbol
	constant *constant
	member   *schema.EnumValue // of symbol, an enum
	clash    *match            // another one under the same name
	lost     bool
}

func (m match) found() bool { return m.symbol != nil || m.constant != nil }

func (m match) same(n match) bool {
	return m.symbol == n.symbol && m.constant == n.constant && m.member == n.member
}

// place returns the unit and the span of the definition.
func (m match) place() (*unit, syntax.Span) {
	if m.constant != nil {
		return m.constant.unit, m.constant.def.Name.Span
	}
	return m.symbol.unit, m.symbol.name.Span
}

func (m match) what() string {
	switch {
	case m.constant != nil:
		return "a constant"
	case m.member != nil:
		return "an enum value"
	}
	return m.symbol.what()
}

// lookupType returns the typedef, enum, struct or service called name.
func (u *unit) lookupType(name string) match {
	if s := u.types[name]; s != nil {
		return match{symbol: s}
	}
	return u.lookupInclude(name, (*unit).lookupType)
}

// lookupValue returns the constant or the enum value called name.
func (u *unit) lookupValue(name string) match {
	if c := u.constants[name]; c != nil {
		return match{constant: c}
	}
	dot := strings.IndexByte(name, '.')
	if dot < 0 {
		return match{lost: u.mayBeLost(name)}
	}
	if s := u.types[name[:dot]]; s != nil {
		u.resolve(s)
		if s.typ == nil && s.service == nil && !s.isInteraction() {
			return match{lost: true}
		}
		if s.typ != nil && s.typ.Enum != nil {
			if v := u.member(s.typ.Enum, name[dot+1:]); v != nil {
				return match{symbol: s, member: v}
			}
		}
	}
	return u.lookupInclude(name, (*unit).lookupValue)
}

// mayBeLost reports whether the definition of a name that is unknown may be one that the parser did not
// understand: see lose.
func (u *unit) mayBeLost(name string) bool {
	if !u.broken {
		return false
	}
	if u.defined == nil {
		u.defined = make(map[string]bool)
		u.lose()
	}
	if dot := strings.IndexByte(name, '.'); dot >= 0 { // of an enum, or of an include
		prefix := name[:dot]
		return u.types[prefix] == nil && !u.hasInclude(name) && (u.defined[prefix] || u.lostInclude)
	}
	lower := strings.ToLower(name) // a keyword in capitals was reported as such
	return u.defined[name] || lower == "required" || lower == "optional"
}

// lose enters into u.defined the names that what the parser did not understand may define. They follow the keyword of a
// definition, stand in a typedef or constant that is not in the tree, or, where no keyword was understood, behind another
// name or a type.
func (u *unit) lose() {
	understood := make([]syntax.Span, 0, len(u.tree.Headers)+len(u.tree.Defs))
	for _, h := range u.tree.Headers {
		understood = append(understood, h.Range())
	}
	for _, d := range u.tree.Defs {
		understood = append(understood, d.Range())
	}
	slices.SortFunc(understood, func(a, b syntax.Span) int { return a.Start - b.Start })
	before, afterKeyword := "", false
	for _, t := range u.tree.Tokens {
		at := t.Range()
		for len(understood) > 0 && understood[0].End <= at.Start {
			understood = understood[1:]
		}
		outside := len(understood) == 0 || at.Start < understood[0].Start
		text := u.tree.Text(at)
		switch t.Kind() {
		case syntax.Name:
			if afterKeyword || outside && !strings.Contains(": < , ; required optional { (", before) {
				u.defined[text] = true
			}
		case syntax.String:
			u.lostInclude = u.lostInclude || outside && before != "="
		}
		switch text {
		case "enum", "struct", "union", "exception", "service":
			afterKeyword = t.Kind() == syntax.Keyword
		case "include":
			u.lostInclude = u.lostInclude || outside
			afterKeyword = false
		default:
			afterKeyword = false
		}
		before = text
	}
}

// hasInclude reports whether name begins with the name of an include.
func (u *unit) hasInclude(name string) bool {
	for _, inc := range u.includes {
		if rest, ok := strings.CutPrefix(name, inc.name); ok && strings.HasPrefix(rest, ".") {
			return true
		}
	}
	return false
}

// maxDots bounds the ways in which a name can be cut into the names of includes.
const maxDots = 16

// lookupInclude looks for a name in the includes that its prefix names. A file name may itself
// have dots, and two includes may have one name, so all that fit are asked.
func (u *unit) lookupInclude(name string, lookup func(*unit, string) match) match {
	m := match{lost: u.mayBeLost(name)}
	if strings.Count(name, ".") > maxDots {
		return m
	}
	for _, inc := range u.includes {
		rest, ok := strings.CutPrefix(name, inc.name)
		if !ok || len(rest) < 2 || rest[0] != '.' {
			continue
		}
		if inc.unit == nil {
			m.lost = true
			continue
		}
		n := lookup(inc.unit, rest[1:])
		switch {
		case !n.found():
			m.lost = m.lost || n.lost
		case !m.found():
			m = n
		case !m.same(n):
			m.clash = &n
		}
	}
	return m
}

// member returns the value of e called name. It does not need e to be linked.
func (c *compiler) member(e *schema.Enum, name string) *schema.EnumValue {
	if len(e.Values) <= 16 {
		for _, v := range e.Values {
			if v.Name == name {
				return v
			}
		}
		return nil
	}
	index := c.members[e]
	if index == nil {
		index = make(map[string]*schema.EnumValue, len(e.Values))
		for _, v := range e.Values {
			index[v.Name] = v
		}
		if c.members == nil {
			c.members = make(map[*schema.Enum]map[string]*schema.EnumValue)
		}
		c.members[e] = index
	}
	return index[name]
}

// field returns the field of s called name. It does not need s to be linked.
func (c *compiler) field(s *schema.Struct, name string) *schema.Field {
	if len(s.Fields) <= 16 {
		for _, f := range s.Fields {
			if f.Name == name {
				return f
			}
		}
		return nil
	}
	index := c.fields[s]
	if index == nil {
		index = make(map[string]*schema.Field, len(s.Fields))
		for _, f := range s.Fields {
			index[f.Name] = f
		}
		if c.fields == nil {
			c.fields = make(map[*schema.Struct]map[string]*schema.Field)
		}
		c.fields[s] = index
	}
	return index[name]
}

// hasNumber reports whether a value of e has that number.
func (c *compiler) hasNumber(e *schema.Enum, n int64) bool {
	if len(e.Values) <= 16 {
		for _, v := range e.Values {
			if int64(v.Number) == n {
				return true
			}
		}
		return false
	}
	index := c.numbers[e]
	if index == nil {
		index = make(map[int64]bool, len(e.Values))
		for _, v := range e.Values {
			index[int64(v.Number)] = true
		}
		if c.numbers == nil {
			c.numbers = make(map[*schema.Enum]map[int64]bool)
		}
		c.numbers[e] = index
	}
	return index[n]
}

// requiredFields returns the required fields of s.
func (c *compiler) requiredFields(s *schema.Struct) []*schema.Field {
	list, ok := c.required[s]
	if !ok {
		for _, f := range s.Fields {
			if f.Requiredness == schema.Required {
				list = append(list, f)
			}
		}
		if c.required == nil {
			c.required = make(map[*schema.Struct][]*schema.Field)
		}
		c.required[s] = list
	}
	return list
}

// ambiguous reports a name that two includes of one name both define.
func (u *unit) ambiguous(s syntax.Span, name string, m match) {
	r := u.error(s, "ambiguous-name", "%s may be either of two definitions", name)
	for _, m := range []match{m, *m.clash} {
		unit, span := m.place()
		r.also(unit, span, "one is")
	}
}
