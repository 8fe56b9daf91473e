package compile

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/schema"
)

// A constant is a const definition.
type constant struct {
	unit   *unit
	def    *syntax.Const
	out    *schema.Constant // Value is nil until it is evaluated, and where that failed
	state  state
	height int // of the value
}

func (u *unit) declareConst(def *syntax.Const) {
	out := &schema.Constant{Name: def.Name.Text, File: u.out, Meta: u.meta(def.Doc, def.Annotations, def.Name.Span)}
	u.out.Constants = append(u.out.Constants, out)
	u.consts = append(u.consts, constant{unit: u, def: def, out: out})
	if !u.plainName(def.Name) {
		return
	}
	if other, ok := u.constants[def.Name.Text]; ok {
		u.error(def.Name.Span, "duplicate-definition", "%s is already defined as a constant", def.Name.Text).
			also(u, other.def.Name.Span, "defined")
		return
	}
	u.constants[def.Name.Text] = &u.consts[len(u.consts)-1]
}

// constant evaluates c unless that was done.
func (u *unit) constant(c *constant) {
	switch {
	case c.state == done:
		return
	case c.state == busy:
		u.constCycle(c)
		return
	}
	c.state = busy
	u.evals = append(u.evals, c)
	c.out.Type, _ = u.typeOf(c.def.Type)
	if len(u.evals) > maxDepth {
		u.error(c.def.Name.Span, "too-deep", "a chain of more than %d constants", maxDepth)
	} else if c.out.Type != nil && c.def.Value != nil {
		v, height := u.value(c.def.Value, c.out.Type)
		if c.state == busy {
			c.out.Value, c.height = v, height
		}
	}
	u.evals = u.evals[:len(u.evals)-1]
	c.state = done
}

// constCycle reports the cycle that ends in c, once, at its first constant in the text.
func (u *unit) constCycle(c *constant) {
	i := len(u.evals) - 1
	for u.evals[i] != c {
		i--
	}
	cycle := u.evals[i:]
	var names []string
	first := c
	for _, x := range cycle {
		names = append(names, x.def.Name.Text)
		x.state = done // the others are not reported again
		if x.def.Name.Start < first.def.Name.Start {
			first = x
		}
	}
	name := first.def.Name.Text
	r := u.error(first.def.Name.Span, "const-cycle", "constant %s is defined by itself: %s", name, strings.Join(append(names, c.def.Name.Text), " -> "))
	for _, x := range cycle {
		if x != first {
			r.also(u, x.def.Name.Span, x.def.Name.Text+" is defined")
		}
	}
}

// value evaluates v as a value of type t and returns it with its height: 0 for scalars, one
// more than its highest part otherwise. It returns nil after a report.
func (u *unit) value(v syntax.Value, t *schema.Type) (*schema.Literal, int) {
	switch v := v.(type) {
	case *syntax.IntLit:
		return u.convert(v, t, &schema.Literal{Type: u.baseOf(schema.KindI64), Int: v.Int}), 0
	case *syntax.DoubleLit:
		return u.convert(v, t, &schema.Literal{Type: u.baseOf(schema.KindDouble), Double: v.Double}), 0
	case *syntax.BoolLit:
		return u.convert(v, t, &schema.Literal{Type: u.baseOf(schema.KindBool), Bool: v.Bool}), 0
	case *syntax.StringLit:
		return u.convert(v, t, &schema.Literal{Type: u.baseOf(schema.KindString), Text: v.Text}), 0
	case *syntax.NameValue:
		return u.reference(v, t)
	case *syntax.ListValue:
		return u.list(v, t)
	case *syntax.MapValue:
		switch {
		case t.Kind == schema.KindStruct:
			return u.structValue(v, t)
		case t.Kind == schema.KindList && len(v.Entries) == 0:
			if !u.mistakeIn(v.Span) {
				u.warn(v.Span, "list-braces", "{} is an empty list").hint("write []")
			}
			fallthrough
		case t.Kind == schema.KindSet && len(v.Entries) == 0:
			return &schema.Literal{Type: t, Pos: u.pos(v.Span)}, 1
		}
		return u.mapValue(v, t)
	}
	return nil, 0
}

// mistakeIn is whether the parser reported something within s, which may hold more than was understood.
func (u *unit) mistakeIn(s syntax.Span) bool {
	return slices.ContainsFunc(u.mistakes, func(offset int) bool { return s.Start <= offset && offset < s.End })
}

// mismatch reports that v cannot be a value of type t.
func (u *unit) mismatch(v syntax.Value, t *schema.Type) report {
	r := u.error(v.Range(), "type-mismatch", "%s expected, found %s", t, u.spelling(v))
	if n, ok := u.numbered[v]; ok {
		r.hint("%s", u.protobufHint(n.def))
		u.diags = slices.DeleteFunc(u.diags, func(d *syntax.Diagnostic) bool { return d == n.warning }) // it is the same mistake
	}
	return r
}

// spelling returns the text of v, shortened.
func (u *unit) spelling(v syntax.Value) string {
	text := strings.Join(strings.Fields(u.text(v.Range())), " ")
	if r := []rune(text); len(r) > 40 && !isName(v) { // names differ at their ends
		text = string(r[:37]) + "..."
	}
	return text
}

func isName(v syntax.Value) bool {
	_, ok := v.(*syntax.NameValue)
	return ok
}

// convert returns src as a value of type t, for v, which is its spelling or names it.
// It owns src: the result may be src itself. Where Apache Thrift converts between kinds,
// so does it, if nothing is lost.
func (u *unit) convert(v syntax.Value, t *schema.Type, src *schema.Literal) *schema.Literal {
	from := src.Type
	src.Type, src.Pos = t, u.pos(v.Range())
	isInt := from.Kind >= schema.KindI8 && from.Kind <= schema.KindI64
	switch t.Kind {
	case schema.KindBool:
		switch {
		case from.Kind == schema.KindBool:
			return src
		case isInt || from.Kind == schema.KindEnum:
			if src.Int != 0 && src.Int != 1 {
				u.warn(v.Range(), "int-as-bool", "%s means true", u.spelling(v)).hint("write true or false")
			}
			src.Bool, src.Int = src.Int != 0, 0
			return src
		}
	case schema.KindI8, schema.KindI16, schema.KindI32, schema.KindI64:
		switch {
		case from.Kind == schema.KindBool:
			u.boolAsNumber(v, src)
			return src
		case isInt || from.Kind == schema.KindEnum:
			return u.inRange(v, t, src)
		}
	case schema.KindDouble:
		switch {
		case from.Kind == schema.KindDouble:
			return src
		case from.Kind == schema.KindBool:
			u.boolAsNumber(v, src)
			fallthrough
		case isInt || from.Kind == schema.KindEnum:
			src.Double, src.Int = float64(src.Int), 0
			return src
		}
	case schema.KindString, schema.KindBinary:
		if from.Kind == schema.KindString || from.Kind == schema.KindBinary {
			return src
		}
	case schema.KindUUID:
		switch from.Kind {
		case schema.KindUUID:
			return src
		case schema.KindString, schema.KindBinary:
			bytes, ok := parseUUID(src.Text)
			if !ok {
				u.error(v.Range(), "bad-uuid", "%s is not a uuid", u.spelling(v)).
					hint(`write "00112233-4455-6677-8899-aabbccddeeff", with or without braces`)
				return nil
			}
			src.Text = bytes
			return src
		}
	case schema.KindEnum:
		return u.enumValue(v, t, from, src)
	case schema.KindStruct, schema.KindList, schema.KindSet, schema.KindMap:
		if u.typeID(from) == u.typeID(t) {
			return src
		}
	}
	r := u.mismatch(v, t)
	if name, ok := v.(*syntax.NameValue); ok {
		r.d.Message += ", which is " + describe(from)
		m := u.lookupValue(name.Name)
		unit, span := m.place()
		if m.member == nil {
			r.also(unit, span, "defined")
		}
	}
	return nil
}

func describe(t *schema.Type) string {
	if t.Kind == schema.KindEnum {
		return "a value of enum " + t.Enum.Name
	}
	return "of type " + t.String()
}

func (u *unit) boolAsNumber(v syntax.Value, src *schema.Literal) {
	if src.Bool {
		src.Int = 1
	}
	src.Bool = false
	u.warn(v.Range(), "bool-as-int", "%s means the number %d", u.spelling(v), src.Int).hint("write the number")
}

func (u *unit) inRange(v syntax.Value, t *schema.Type, src *schema.Literal) *schema.Literal {
	bits := 8 << (t.Kind - schema.KindI8)
	lo, hi := int64(math.MinInt64)>>(64-bits), int64(math.MaxInt64)>>(64-bits)
	if src.Int >= lo && src.Int <= hi {
		return src
	}
	what := u.spelling(v)
	if n := strconv.FormatInt(src.Int, 10); n != what {
		what += " = " + n
	}
	r := u.error(v.Range(), "value-range", "%s does not fit %s, which holds %d to %d", what, t, lo, hi)
	if n := src.Int << (64 - bits) >> (64 - bits); src.Int > hi && src.Int>>bits == 0 && strings.HasPrefix(u.spelling(v), "0x") {
		r.hint("with these bits it is %d", n)
	}
	return nil
}

func (u *unit) enumValue(v syntax.Value, t, from *schema.Type, src *schema.Literal) *schema.Literal {
	switch {
	case from.Kind == schema.KindEnum && from.Enum == t.Enum:
		return src
	case from.Kind == schema.KindEnum:
		u.otherEnum(v, t, from, src)
		if from.Enum.Name == t.Enum.Name && u.sameMember(t.Enum, from.Enum, src) {
			return src
		}
		return nil
	case from.Kind >= schema.KindI8 && from.Kind <= schema.KindI64:
		if u.hasNumber(t.Enum, src.Int) {
			return src
		}
		if !u.mayLack(t.Enum.File, t.Enum.Pos) {
			u.error(v.Range(), "unknown-enum-value", "enum %s has no value %d", t.Enum.Name, src.Int).
				alsoAt(t.Enum.Pos, "defined")
		}
		return nil
	}
	r := u.mismatch(v, t)
	if s, ok := v.(*syntax.StringLit); ok && u.member(t.Enum, s.Text) != nil {
		r.hint("write %s", u.qualify(t.Enum, s.Text))
	}
	return nil
}

// otherEnum reports a value of another enum. One of the same name in another file is a warning if it
// has the same names for the same number, as Apache Thrift and thriftpy2 accept it.
func (u *unit) otherEnum(v syntax.Value, t, from *schema.Type, src *schema.Literal) {
	if from.Enum.Name != t.Enum.Name {
		u.error(v.Range(), "wrong-enum", "%s is a value of enum %s, not of %s", u.spelling(v), from.Enum.Name, t.Enum.Name).
			alsoAt(t.Enum.Pos, t.Enum.Name+" is defined")
		return
	}
	report := u.error
	if u.sameMember(t.Enum, from.Enum, src) {
		report = u.warn
	}
	report(v.Range(), "wrong-enum", "%s is a value of enum %s of %s, not of that of %s", u.spelling(v), from.Enum.Name, from.Enum.File.Path, t.Enum.File.Path).
		alsoAt(t.Enum.Pos, t.Enum.Name+" is defined")
}

// sameMember reports whether the value that src has in enum b has the same name in a.
func (u *unit) sameMember(a, b *schema.Enum, src *schema.Literal) bool {
	for _, v := range b.Values {
		if int64(v.Number) == src.Int {
			if other := u.member(a, v.Name); other != nil && other.Number == v.Number {
				return true
			}
		}
	}
	return false
}

// mayLack reports whether members of the definition whose name is at pos of f may have been lost with a syntax error:
// one before the next definition begins.
func (c *compiler) mayLack(f *schema.File, pos schema.Position) bool {
	u := c.byFile[f]
	if u == nil || !u.broken {
		return false
	}
	at := u.tree.Offset(pos.Line, pos.Column)
	from, to := 0, len(u.tree.Source)
	for _, d := range u.tree.Defs {
		start := d.Range().Start
		if start > at {
			to = start
			break
		}
		from = start
	}
	for _, offset := range u.mistakes {
		if offset >= from && offset <= to {
			return true
		}
	}
	return false
}

// reference returns the value of the constant or enum value that v names. Lists, maps and
// structs are not copied: the result shares its parts with the constant, so that constants
// made of constants do not grow.
func (u *unit) reference(v *syntax.NameValue, t *schema.Type) (*schema.Literal, int) {
	m := u.lookupValue(v.Name)
	switch {
	case m.clash != nil:
		u.ambiguous(v.Span, v.Name, m)
		return nil, 0
	case !m.found():
		return u.unknownValue(v, t, m), 0
	case m.member != nil:
		src := &schema.Literal{Type: m.symbol.typ, Int: int64(m.member.Number), Ref: v.Name}
		return u.convert(v, t, src), 0
	}
	c := m.constant
	if c.unit == u {
		u.constant(c)
	}
	if c.out.Value == nil {
		return nil, 0
	}
	src := *c.out.Value
	src.Ref = v.Name
	return u.convert(v, t, &src), c.height
}

// unknownValue reports a name that stands for no value. It returns a value nevertheless where
// the name is the short form of an enum value of an included file, which Apache Thrift accepts.
func (u *unit) unknownValue(v *syntax.NameValue, t *schema.Type, m match) *schema.Literal {
	dot := strings.LastIndexByte(v.Name, '.')
	if t.Kind == schema.KindEnum && dot > 0 && v.Name[:dot] == t.Enum.Name && u.lookupType(t.Enum.Name).symbol == nil {
		if member := u.member(t.Enum, v.Name[dot+1:]); member != nil {
			u.warn(v.Span, "unqualified-enum", "enum %s is not of this file", t.Enum.Name).
				hint("write %s", u.qualify(t.Enum, member.Name))
			return &schema.Literal{Type: t, Int: int64(member.Number), Ref: v.Name, Pos: u.pos(v.Span)}
		}
	}
	if lit := u.valueOfInclude(v, t); lit != nil {
		return lit
	}
	if m.lost {
		return nil
	}
	if s := u.lookupType(v.Name); s.symbol != nil {
		u.error(v.Span, "wrong-kind", "%s is %s, not a value", v.Name, s.symbol.what()).also(s.symbol.unit, s.symbol.name.Span, "defined")
		return nil
	}
	if dot > 0 {
		if s := u.lookupType(v.Name[:dot]).symbol; s != nil && s.typ != nil && s.typ.Enum != nil {
			if u.mayLack(s.typ.Enum.File, s.typ.Enum.Pos) {
				return nil
			}
			u.error(v.Span, "unknown-enum-value", "enum %s has no value %s", v.Name[:dot], v.Name[dot+1:]).
				also(s.unit, s.name.Span, "defined").
				hint("%s", u.suggestMember(s.typ.Enum, v.Name[:dot], v.Name[dot+1:]))
			return nil
		}
	}
	u.error(v.Span, "unknown-name", "unknown name %s", v.Name).hint("%s", u.suggestValue(v.Name, t))
	return nil
}

// valueOfInclude returns the value of enum t that v names by its include alone, include.VALUE, with a
// warning; nil if v does not.
func (u *unit) valueOfInclude(v *syntax.NameValue, t *schema.Type) *schema.Literal {
	if t.Kind != schema.KindEnum {
		return nil
	}
	for _, inc := range u.includes {
		name, ok := strings.CutPrefix(v.Name, inc.name+".")
		if !ok || inc.unit == nil || inc.unit.out != t.Enum.File {
			continue
		}
		if member := u.member(t.Enum, name); member != nil {
			u.warn(v.Span, "unqualified-enum", "%s is a value of enum %s", name, t.Enum.Name).hint("write %s", u.qualify(t.Enum, name))
			return &schema.Literal{Type: t, Int: int64(member.Number), Ref: v.Name, Pos: u.pos(v.Span)}
		}
	}
	return nil
}

func (u *unit) list(v *syntax.ListValue, t *schema.Type) (*schema.Literal, int) {
	if t.Kind != schema.KindList && t.Kind != schema.KindSet {
		r := u.mismatch(v, t)
		if t.Kind == schema.KindMap || t.Kind == schema.KindStruct {
			r.hint("write {key: value}")
		}
		return nil, 0
	}
	lit := &schema.Literal{Type: t, Pos: u.pos(v.Span)}
	if len(v.Elems) > 0 {
		lit.List = make([]*schema.Literal, 0, len(v.Elems))
	}
	height, ok := 0, true
	var seen map[int]syntax.Value
	if t.Kind == schema.KindSet {
		seen = make(map[int]syntax.Value, len(v.Elems))
	}
	for _, e := range v.Elems {
		elem, h := u.value(e, t.Elem)
		if elem == nil {
			ok = false
			continue
		}
		height = max(height, h)
		if seen != nil {
			id := u.literalID(elem)
			if other, dup := seen[id]; dup {
				u.warn(e.Range(), "duplicate-element", "%s is already in the set", u.spelling(e)).also(u, other.Range(), "found")
				continue
			}
			seen[id] = e
		}
		lit.List = append(lit.List, elem)
	}
	return u.composed(v, lit, height, ok)
}

func (u *unit) mapValue(v *syntax.MapValue, t *schema.Type) (*schema.Literal, int) {
	if t.Kind != schema.KindMap {
		r := u.mismatch(v, t)
		if t.Kind == schema.KindList || t.Kind == schema.KindSet {
			r.hint("write [value, value]")
		}
		return nil, 0
	}
	lit := &schema.Literal{Type: t, Pos: u.pos(v.Span)}
	if len(v.Entries) > 0 {
		lit.Map = make([]schema.LiteralPair, 0, len(v.Entries))
	}
	type entry struct {
		index int
		key   syntax.Value
	}
	seen := make(map[int]entry, len(v.Entries))
	height, ok := 0, true
	for _, e := range v.Entries {
		key, h1 := u.value(e.Key, t.Key)
		value, h2 := u.value(e.Value, t.Elem)
		if key == nil || value == nil {
			ok = false
			continue
		}
		height = max(height, h1, h2)
		id := u.literalID(key)
		if other, dup := seen[id]; dup {
			u.warn(e.Key.Range(), "duplicate-key", "key %s is already in the map; the last value counts", u.spelling(e.Key)).
				also(u, other.key.Range(), "found")
			lit.Map[other.index].Value = value
			continue
		}
		seen[id] = entry{len(lit.Map), e.Key}
		lit.Map = append(lit.Map, schema.LiteralPair{Key: key, Value: value})
	}
	return u.composed(v, lit, height, ok)
}

// composed returns lit, whose highest part has that height, if its parts are right and it is
// not too deep.
func (u *unit) composed(v syntax.Value, lit *schema.Literal, height int, ok bool) (*schema.Literal, int) {
	if !ok {
		return nil, 0
	}
	if height++; height > maxDepth {
		u.error(v.Range(), "too-deep", "values nest deeper than %d", maxDepth)
		return nil, 0
	}
	return lit, height
}

func (u *unit) structValue(v *syntax.MapValue, t *schema.Type) (*schema.Literal, int) {
	s := t.Struct
	lit := &schema.Literal{Type: t, Pos: u.pos(v.Span)}
	seen := make(map[*schema.Field]syntax.Value, len(v.Entries))
	height, ok := 0, true
	for _, e := range v.Entries {
		key, isString := e.Key.(*syntax.StringLit)
		if !isString {
			if e.Key == nil {
				return nil, 0
			}
			r := u.error(e.Key.Range(), "type-mismatch", "the name of a field of %s expected, found %s", s.Name, u.spelling(e.Key))
			if name, isName := e.Key.(*syntax.NameValue); isName && u.field(s, name.Name) != nil {
				r.hint("write %q", name.Name)
			}
			ok = false
			continue
		}
		f := u.field(s, key.Text)
		if f == nil {
			ok = false
			if !u.mayLack(s.File, s.Pos) {
				u.error(key.Span, "unknown-field", "%s %s has no field %q", s.Kind, s.Name, key.Text).
					alsoAt(s.Pos, "defined").
					hint("%s", u.suggestField(s, key.Text))
			}
			continue
		}
		if other, dup := seen[f]; dup {
			u.error(key.Span, "duplicate-field", "field %s is already given", f.Name).also(u, other.Range(), "found")
			ok = false
			continue
		}
		seen[f] = key
		if f.Type == nil {
			ok = false
			continue
		}
		value, h := u.value(e.Value, f.Type)
		if value == nil {
			ok = false
			continue
		}
		height = max(height, h)
		lit.Fields = append(lit.Fields, schema.LiteralField{Field: f, Value: value})
	}
	if s.Kind == schema.Union && len(seen) != 1 && (ok || len(seen) > 1) {
		u.error(v.Span, "union-members", "a value of union %s has exactly one member, not %d", s.Name, len(seen)).alsoAt(s.Pos, "defined")
		ok = false
	}
	slices.SortFunc(lit.Fields, func(a, b schema.LiteralField) int { return cmp.Compare(a.Field.Index, b.Field.Index) })
	for _, f := range u.requiredFields(s) {
		if ok && seen[f] == nil {
			u.later = append(u.later, func() {
				if f.Default == nil {
					u.warn(v.Span, "missing-required", "required field %s of %s is missing", f.Name, s.Name).alsoAt(f.Pos, "defined")
				}
			})
		}
	}
	return u.composed(v, lit, height, ok)
}

// literalID returns a number that equal values share. The values have the same type. As with
// types, comparing part by part could take too long.
func (c *compiler) literalID(lit *schema.Literal) int {
	if id, ok := c.litIDs[lit]; ok {
		return id
	}
	var b strings.Builder
	b.WriteByte(byte(lit.Type.Kind))
	var parts []string
	switch lit.Type.Kind {
	case schema.KindBool:
		b.WriteString(strconv.FormatBool(lit.Bool))
	case schema.KindDouble:
		b.WriteString(strconv.FormatFloat(lit.Double+0, 'g', -1, 64)) // -0 equals 0
	case schema.KindString, schema.KindBinary, schema.KindUUID:
		b.WriteString(lit.Text)
	case schema.KindList, schema.KindSet:
		for _, e := range lit.List {
			parts = append(parts, fmt.Sprint(c.literalID(e)))
		}
	case schema.KindMap:
		for _, p := range lit.Map {
			parts = append(parts, fmt.Sprint(c.literalID(p.Key), ":", c.literalID(p.Value)))
		}
	case schema.KindStruct:
		for _, f := range lit.Fields {
			parts = append(parts, fmt.Sprint(f.Field.Index, ":", c.literalID(f.Value)))
		}
	default:
		b.WriteString(strconv.FormatInt(lit.Int, 10))
	}
	if lit.Type.Kind != schema.KindList {
		slices.Sort(parts)
	}
	b.WriteString(strings.Join(parts, ","))
	if c.litSet == nil {
		c.litSet = make(map[string]int)
		c.litIDs = make(map[*schema.Literal]int)
	}
	key := b.String()
	id, ok := c.litSet[key]
	if !ok {
		id = len(c.litSet)
		c.litSet[key] = id
	}
	c.litIDs[lit] = id
	return id
}

// parseUUID returns the 16 bytes of a uuid in its canonical form, maybe in braces.
func parseUUID(s string) (string, bool) {
	if len(s) == 38 && s[0] == '{' && s[37] == '}' {
		s = s[1:37]
	}
	if len(s) != 36 {
		return "", false
	}
	var out [16]byte
	n := 0
	for i := 0; i < len(s); i++ {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return "", false
			}
			continue
		}
		d := strings.IndexByte("0123456789abcdef", s[i]|0x20)
		if d < 0 || s[i] < '0' {
			return "", false
		}
		out[n/2] = out[n/2]<<4 | byte(d)
		n++
	}
	return string(out[:]), true
}
