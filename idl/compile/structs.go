package compile

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/schema"
)

func (u *unit) enum(s *symbol) {
	def := s.def.(*syntax.Enum)
	values := make([]schema.EnumValue, 0, len(def.Values))
	s.enum.Values = make([]*schema.EnumValue, 0, len(def.Values))
	seen := make(map[string]syntax.Span, len(def.Values))
	next, known := int64(0), true  // known is false behind a number that was reported
	for _, v := range def.Values { // their names may have dots, as Apache Thrift's may
		if v.Name.Text == "" {
			known = false
			continue
		}
		number := next
		switch {
		case v.Number != nil:
			number, known = v.Number.Int, true
			if number < math.MinInt32 || number > math.MaxInt32 {
				r := u.error(v.Number.Span, "enum-range", "%s = %d is not a 32-bit number", v.Name.Text, number)
				if number>>32 == 0 && strings.HasPrefix(u.tree.Text(v.Number.Span), "0x") {
					r.hint("with these bits it is %d", int32(number))
				}
				known = false
			}
		case known && number > math.MaxInt32:
			u.error(v.Name.Span, "enum-range", "%s would be %d, which is not a 32-bit number", v.Name.Text, number)
			known = false
		}
		next = number + 1
		if other, ok := seen[v.Name.Text]; ok {
			u.error(v.Name.Span, "duplicate-value", "enum %s already has a value %s", def.Name.Text, v.Name.Text).
				also(u, other, "defined")
			continue
		}
		seen[v.Name.Text] = v.Name.Span
		values = append(values, schema.EnumValue{
			Name:   v.Name.Text,
			Number: int32(number),
			Meta:   u.meta(v.Doc, v.Annotations, v.Name.Span),
		})
		s.enum.Values = append(s.enum.Values, &values[len(values)-1])
	}
}

func (u *unit) structure(s *symbol) {
	def := s.def.(*syntax.Struct)
	role := roleStruct
	if def.Kind == syntax.Union {
		role = roleUnion
	}
	s.structure.Fields = u.fieldList(def.Fields, role, def.Name.Text)
}

// A role is what a list of fields stands for.
type role uint8

const (
	roleStruct role = iota // of a struct or an exception
	roleUnion
	roleArgs
	roleThrows
	roleThrowsVoid // the throws clause of a function that returns nothing
)

func (r role) noun() string {
	switch r {
	case roleUnion:
		return "member"
	case roleArgs:
		return "parameter"
	case roleThrows, roleThrowsVoid:
		return "exception"
	}
	return "field"
}

// A pending is a default value to be evaluated.
type pending struct {
	field *schema.Field
	value syntax.Value
}

// fieldList returns the fields of owner. Those with an error are returned as well, so that
// what refers to them finds them; their file is never linked.
func (u *unit) fieldList(list []*syntax.Field, role role, owner string) []*schema.Field {
	if len(list) == 0 {
		return nil
	}
	fields := make([]schema.Field, len(list))
	out := make([]*schema.Field, 0, len(list))
	check := &u.checker
	check.reset(u, role, owner, len(list))
	var firstDefault *syntax.Field // of a union
	for i, def := range list {
		f := &fields[i]
		id, idOK := check.id(def)
		if def.Name.Text == "" || def.Type == nil {
			continue
		}
		check.names(def)
		f.ID, f.Name, f.Reference, f.Index = id, def.Name.Text, def.Reference, len(out)
		f.Meta = u.meta(def.Doc, def.Annotations, def.Name.Span)
		f.Type, _ = u.typeOf(def.Type)
		f.Requiredness = u.requiredness(def, role)
		if idOK {
			check.unique(id, def)
		}
		out = append(out, f)
		if def.Default == nil {
			continue
		}
		switch {
		case role == roleThrows || role == roleThrowsVoid:
			u.warn(def.Default.Range(), "ignored-default", "the default of exception %s is ignored: an absent exception was not thrown", f.Name)
			continue
		case role == roleUnion && firstDefault != nil:
			u.error(def.Default.Range(), "union-default", "member %s is the second of union %s with a default", f.Name, owner).
				also(u, firstDefault.Name.Span, "the first is")
		case role == roleUnion:
			firstDefault = def
		}
		if f.Type != nil {
			u.defaults = append(u.defaults, pending{f, def.Default})
		}
	}
	return out
}

func (u *unit) requiredness(def *syntax.Field, role role) schema.Requiredness {
	r := schema.Requiredness(def.Requiredness)
	ignored := ""
	switch {
	case role == roleUnion:
		if r == schema.Required {
			ignored = "one member of a union is set, whichever it is"
		}
		r = schema.Optional
	case role == roleArgs && r == schema.Optional:
		ignored, r = "a call gives all its arguments", schema.Unspecified
	case (role == roleThrows || role == roleThrowsVoid) && r == schema.Required:
		ignored, r = "at most one exception is thrown", schema.Unspecified
	}
	if ignored != "" {
		u.warn(def.ReqSpan, "ignored-requiredness", "%q is ignored: %s", strings.TrimSpace(u.text(def.ReqSpan)), ignored)
	}
	return r
}

// text returns the source in s.
func (u *unit) text(s syntax.Span) string {
	if s.Start < 0 || s.End > len(u.tree.Source) || s.Start > s.End {
		return ""
	}
	return string(u.tree.Source[s.Start:s.End])
}

// A fieldChecker gives the fields of one list their ids and finds duplicates. Short lists are
// searched; long ones are indexed.
type fieldChecker struct {
	u      *unit
	role   role
	owner  string
	auto   int64 // the next automatic id
	done   []seenField
	byName map[string]*syntax.Field
	byID   map[int16]*syntax.Field
	space  [16]seenField
}

type seenField struct {
	id   int16
	isID bool
	def  *syntax.Field
}

func (c *fieldChecker) reset(u *unit, role role, owner string, n int) {
	c.u, c.role, c.owner, c.auto = u, role, owner, -1
	c.done, c.byName, c.byID = c.space[:0], nil, nil
	if n > len(c.space) {
		c.byName = make(map[string]*syntax.Field, n)
		c.byID = make(map[int16]*syntax.Field, n)
	}
}

// A numbered is a field whose default may be meant as its id, and the warning that it has none.
type numbered struct {
	def     *syntax.Field
	warning *syntax.Diagnostic
}

// idHint says what to do about a field without an id, of which w warns. In protobuf the id of a field is written like a default.
func (c *fieldChecker) idHint(def *syntax.Field, w report) string {
	if n, ok := def.Default.(*syntax.IntLit); ok && n.Int > 0 && n.Int <= math.MaxInt16 {
		if c.u.numbered == nil {
			c.u.numbered = make(map[syntax.Value]numbered)
		}
		c.u.numbered[n] = numbered{def, w.d}
		return c.u.protobufHint(def)
	}
	return "give it an id: without one, a change of the order changes the wire"
}

// protobufHint returns the Thrift form of a field in protobuf's.
func (u *unit) protobufHint(def *syntax.Field) string {
	return fmt.Sprintf("an id stands first: %s: %s %s", u.text(def.Default.Range()), u.text(def.Type.Range()), def.Name.Text)
}

// id returns the id of def and whether it is one that may be used.
func (c *fieldChecker) id(def *syntax.Field) (int16, bool) {
	if def.ID == nil {
		id := c.auto
		c.auto--
		if def.Name.Text == "" {
			return 0, false
		}
		if id < math.MinInt16 {
			c.u.error(def.Name.Span, "id-range", "no ids are left for %s %s without one", c.role.noun(), def.Name.Text)
			return 0, false
		}
		w := c.u.warn(def.Name.Span, "missing-id", "%s %s has no id and gets %d", c.role.noun(), def.Name.Text, id)
		w.hint("%s", c.idHint(def, w))
		return int16(id), true
	}
	id := def.ID.Int
	switch {
	case id < math.MinInt16 || id > math.MaxInt16:
		c.u.error(def.ID.Span, "id-range", "id %d of %s %s does not fit 16 bits", id, c.role.noun(), def.Name.Text).
			hint("ids are 1 to %d", math.MaxInt16)
		return 0, false
	case id == 0 && slices.Contains(c.u.mistakes, def.ID.Span.Start): // the parser could not read it
		return 0, false
	case id == 0 && (c.role == roleThrows || c.role == roleThrowsVoid):
		c.u.error(def.ID.Span, "reply-collision", "exception %s has id 0, which is that of the result", def.Name.Text)
		return 0, false
	case id <= 0:
		c.auto = id - 1
		c.u.warn(def.ID.Span, "nonpositive-id", "id %d of %s %s is not positive", id, c.role.noun(), def.Name.Text).
			hint("Apache Thrift replaces it unless it is given --allow-neg-keys")
	}
	return int16(id), true
}

// names checks the name of def.
func (c *fieldChecker) names(def *syntax.Field) {
	if !c.u.plainName(def.Name) {
		return
	}
	name := def.Name.Text
	if c.role == roleThrows && name == "success" {
		c.u.error(def.Name.Span, "reply-collision", "exception %s has the name of the result", name)
		return
	}
	other := c.byName[name]
	for i := range c.done {
		if c.done[i].def.Name.Text == name {
			other = c.done[i].def
			break
		}
	}
	if other != nil {
		c.u.error(def.Name.Span, "duplicate-field", "%s already has %s %s", c.owner, c.role.noun(), name).
			also(c.u, other.Name.Span, "defined")
	}
	if c.byName != nil {
		if other == nil {
			c.byName[name] = def
		}
		return
	}
	c.done = append(c.done, seenField{def: def})
}

// unique checks that no other field has the id of def.
func (c *fieldChecker) unique(id int16, def *syntax.Field) {
	other := c.byID[id]
	for i := range c.done {
		if c.done[i].isID && c.done[i].id == id {
			other = c.done[i].def
			break
		}
	}
	if other != nil {
		s := def.Name.Span
		if def.ID != nil {
			s = def.ID.Span
		}
		c.u.error(s, "duplicate-id", "id %d of %s %s is already used by %s", id, c.role.noun(), def.Name.Text, other.Name.Text).
			also(c.u, other.Name.Span, "defined")
		return
	}
	if c.byID != nil {
		c.byID[id] = def
		return
	}
	if n := len(c.done); n > 0 && c.done[n-1].def == def {
		c.done[n-1].id, c.done[n-1].isID = id, true
		return
	}
	c.done = append(c.done, seenField{id: id, isID: true, def: def})
}

// checkEndless finds structs of which no finite value exists, because they require themselves.
// Fields without requiredness may be absent, so only required fields count, and unions of which
// every member leads back.
func (u *unit) checkEndless() {
	// A struct is good if a value of it can be built from good ones. Everything is good that is
	// found so until nothing changes; what remains is not. Files that u includes are good, or
	// have their reports.
	bad := make(map[*schema.Struct]*symbol)
	for i := range u.symbols {
		if s := &u.symbols[i]; s.structure != nil && hasStructField(s.structure) {
			bad[s.structure] = s
		}
	}
	if len(bad) == 0 {
		return
	}
	users := make(map[*schema.Struct][]*schema.Struct)
	var good []*schema.Struct
	mark := func(s *schema.Struct) {
		if bad[s] != nil && endlessField(s, bad) == nil {
			delete(bad, s)
			good = append(good, s)
		}
	}
	for i := range u.symbols {
		s := u.symbols[i].structure
		if bad[s] == nil {
			continue
		}
		for _, f := range s.Fields {
			if t := f.Type; t != nil && t.Kind == schema.KindStruct {
				users[t.Struct] = append(users[t.Struct], s)
			}
		}
	}
	for i := range u.symbols {
		mark(u.symbols[i].structure)
	}
	for len(good) > 0 {
		s := good[len(good)-1]
		good = good[:len(good)-1]
		for _, user := range users[s] {
			mark(user)
		}
	}
	reported := make(map[*schema.Struct]bool)
	for i := range u.symbols {
		if s := u.symbols[i].structure; s != nil && bad[s] != nil && !reported[s] {
			u.reportEndless(s, bad, reported)
		}
	}
	if u.endless == nil {
		u.endless = make(map[*schema.Struct]bool)
	}
	for s := range bad {
		u.endless[s] = true
	}
}

// checkNeeded reports methods that need a value of a struct of which none can exist. Such a struct is a warning otherwise:
// files in use have some. So is the method if an empty union would end the circle: peers send those, although no member is set.
func (u *unit) checkNeeded() {
	for i := range u.symbols {
		s := &u.symbols[i]
		if s.service == nil {
			continue
		}
		for _, m := range s.service.Methods {
			needs := []*schema.Type{m.Result, m.First, m.Item}
			for _, f := range m.Args.Fields {
				needs = append(needs, f.Type)
			}
			reported := make(map[*schema.Struct]bool)
			for _, t := range needs {
				if t == nil || t.Kind != schema.KindStruct || reported[t.Struct] {
					continue
				}
				empty := t.Struct.Kind == schema.Union && len(t.Struct.Fields) == 0 && !u.mayLack(t.Struct.File, t.Struct.Pos)
				if !empty && !u.endless[t.Struct] {
					continue
				}
				reported[t.Struct] = true
				at := u.errorAt
				if empty || !requiresItself(t.Struct, make(map[*schema.Struct]bool)) {
					at = u.warnAt
				}
				r := at(m.Pos, "endless-struct", "method %s needs a value of %s, and none can exist", m.Name, t.Struct.Name)
				r.alsoAt(t.Struct.Pos, t.Struct.Name+" is defined")
				if empty {
					r.hint("add a member to it")
				}
			}
		}
	}
}

// requiresItself is whether required fields lead from s back to a struct on the way, without a union among them. seen holds
// the structs met: true for those on the way.
func requiresItself(s *schema.Struct, seen map[*schema.Struct]bool) bool {
	if way, met := seen[s]; met {
		return way
	}
	if s.Kind == schema.Union {
		return false
	}
	seen[s] = true
	for _, f := range s.Fields {
		if f.Requiredness == schema.Required && f.Type != nil && f.Type.Kind == schema.KindStruct && requiresItself(f.Type.Struct, seen) {
			return true
		}
	}
	seen[s] = false
	return false
}

func hasStructField(s *schema.Struct) bool {
	for _, f := range s.Fields {
		if f.Type != nil && f.Type.Kind == schema.KindStruct && (f.Requiredness == schema.Required || s.Kind == schema.Union) {
			return true
		}
	}
	return false
}

// endlessField returns a field that keeps s from having a value; nil if it can have one.
func endlessField(s *schema.Struct, bad map[*schema.Struct]*symbol) *schema.Field {
	var field *schema.Field
	for _, f := range s.Fields {
		leads := f.Type != nil && f.Type.Kind == schema.KindStruct && bad[f.Type.Struct] != nil
		switch {
		case s.Kind == schema.Union && !leads:
			return nil
		case leads && field == nil && (s.Kind == schema.Union || f.Requiredness == schema.Required):
			field = f
		}
	}
	return field
}

// reportEndless reports the cycle to which s leads, unless it was reported. All structs on the
// way are marked: that they lead into a cycle is no mistake of theirs.
func (u *unit) reportEndless(s *schema.Struct, bad map[*schema.Struct]*symbol, reported map[*schema.Struct]bool) {
	var path []*schema.Struct
	at := make(map[*schema.Struct]int)
	for {
		if i, ok := at[s]; ok {
			path = path[i:]
			break
		}
		if reported[s] {
			return
		}
		at[s] = len(path)
		path = append(path, s)
		reported[s] = true
		s = endlessField(s, bad).Type.Struct
	}
	var chain strings.Builder
	const shown = 16 // of a longer cycle, the beginning is enough
	for i, s := range path {
		if i == shown {
			chain.WriteString("... -> ")
			break
		}
		chain.WriteString(s.Name + "." + endlessField(s, bad).Name + " -> ")
	}
	first := path[0]
	sym := bad[first]
	r := u.warn(sym.name.Span, "endless-struct", "no value of %s can exist: it requires itself, %s%s", first.Name, chain.String(), first.Name)
	if slices.ContainsFunc(path, func(s *schema.Struct) bool { return s.Kind != schema.Union }) {
		r.hint("make one of the fields optional")
	} else {
		r.hint("add a member that does not lead back")
	}
	for _, s := range path[:min(len(path), shown)] {
		r.alsoAt(endlessField(s, bad).Pos, endlessField(s, bad).Name+" is defined")
	}
}
