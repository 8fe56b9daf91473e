// Package breaking says what a change of .thrift files does to programs that run.
//
//	findings := breaking.Compare(old, new, breaking.Options{})
//
// old and new are compiled programs. Each [Finding] has both places, the consequence, who fails
// (old readers or new ones, so which of client and server), the dialects, the order in which to roll it out, and what to do instead.
//
// # What is compared
//
// Fields, arguments, results and exceptions by their ids and by their types on the wire, after typedefs; methods with
// those that services inherit. Files are matched by path, definitions by file and name, or else by name alone.
//
// The consequences are those for readers that Apache Thrift, thriftpy2, Kitex and thriftkit generate or interpret; where
// they differ, the worst one counts. docs/breaking.md has the table. The tests encode with the old schema and decode with the
// new one, and the other way round, in binary, compact and JSON.
package breaking

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/symbols"
	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/schema"
)

// A Finding is one change that breaks something.
type Finding struct {
	Rule        *Rule
	Severity    syntax.Severity
	Message     string
	Consequence Consequence
	Category    Category
	Directions  []string // "old client → new server" …
	Dialects    string   // "all", "binary", "JSON" …
	Rollout     string   // "readers first", "writers first", "needs two steps", "any order"
	Old, New    schema.Position
	Path        string // of what changed: "Shop.find.limit"
}

// Error returns "file:line:col: severity: message; … [RULE]".
func (f *Finding) Error() string { d := f.Diagnostic(); return d.Error() }

// Diagnostic returns the finding at its new place, or the old one if there is no other.
func (f *Finding) Diagnostic() *syntax.Diagnostic {
	d := &syntax.Diagnostic{Severity: f.Severity, Code: f.Rule.ID, Message: f.Message, Hint: f.Rule.Fix.English}
	place := func(p schema.Position) syntax.Place {
		return syntax.Place{File: p.File, Line: p.Line, Column: p.Column, EndLine: p.Line, EndColumn: p.Column}
	}
	d.Place = place(f.New)
	if f.New.File == "" {
		d.Place = place(f.Old)
	} else if f.Old.IsValid() {
		d.Related = []syntax.Related{{Place: place(f.Old), Message: "before"}}
	}
	d.Message += ": " + f.Consequence.String()
	if len(f.Directions) > 0 {
		d.Message += " (" + strings.Join(f.Directions, ", ") + "; " + f.Dialects + "; " + f.Rollout + ")"
	}
	return d
}

// Options change what is compared and what counts.
type Options struct {
	Categories  []Category               // that count; none: all
	Multiplexed bool                     // services are called by name on one connection
	Annotations []string                 // keys to compare, "api.*" with all that begin so; none: the default of ANNOTATION_SAME
	Key         func(path string) string // the identity of a file in both programs; nil: its path
	Name        func(path string) string // what messages call a file; nil: its path
	IgnoreFiles bool                     // definitions are matched by name alone, as those of a server's schema must be

	// Past has ids that fields had in earlier revisions: by "path:Struct" with the Key of the path, then id, the name.
	Past map[string]map[int16]string
}

// A Program is one side of a comparison.
type Program struct {
	Files    []*schema.File
	Reserved map[string][]symbols.Reservation // by "path:Name"
}

// NewProgram returns the side for a program that was compiled without errors.
func NewProgram(p *compile.Program) Program {
	out := Program{Reserved: make(map[string][]symbols.Reservation)}
	for _, f := range p.Files {
		if f != nil {
			out.Files = append(out.Files, f)
		}
	}
	for _, f := range symbols.Build(p.Trees, p.Included).Files {
		for _, s := range f.Symbols {
			if list := symbols.Reserved(s); len(list) > 0 {
				out.Reserved[f.Tree.Path+":"+s.Name] = list
			}
		}
	}
	return out
}

// use says where values of a struct go.
type use uint8

const (
	inRequests use = 1 << iota
	inReplies
)

type comparer struct {
	opts     Options
	old, new Program
	oldFiles []*schema.File
	newFiles []*schema.File
	structs  map[*schema.Struct]*schema.Struct // old to new
	enums    map[*schema.Enum]*schema.Enum
	uses     map[*schema.Struct]use
	same     map[[2]*schema.Struct]bool // structurally compatible, or being compared
	findings []*Finding
}

// Compare returns what breaks from old to new, sorted by place.
func Compare(old, new Program, opts Options) []*Finding {
	if opts.Key == nil {
		opts.Key = func(path string) string { return path }
	}
	if opts.Name == nil {
		opts.Name = func(path string) string { return path }
	}
	c := &comparer{opts: opts, old: old, new: new, structs: make(map[*schema.Struct]*schema.Struct), enums: make(map[*schema.Enum]*schema.Enum),
		uses: make(map[*schema.Struct]use), same: make(map[[2]*schema.Struct]bool)}
	c.oldFiles, c.newFiles = all(old.Files), all(new.Files)
	for _, f := range c.oldFiles {
		c.findUses(f)
	}
	for _, f := range c.oldFiles {
		c.match(f)
	}
	for _, f := range c.oldFiles {
		c.file(f)
	}
	if len(opts.Categories) > 0 {
		c.findings = slices.DeleteFunc(c.findings, func(f *Finding) bool { return !slices.Contains(opts.Categories, f.Category) })
	}
	slices.SortStableFunc(c.findings, func(a, b *Finding) int {
		x, y := a.Diagnostic(), b.Diagnostic()
		return cmp.Or(cmp.Compare(x.File, y.File), cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column), cmp.Compare(x.Code, y.Code))
	})
	return c.findings
}

// all returns files with those that they include, each once.
func all(files []*schema.File) []*schema.File {
	var list []*schema.File
	seen := make(map[*schema.File]bool)
	var add func(f *schema.File)
	add = func(f *schema.File) {
		if f == nil || seen[f] {
			return
		}
		seen[f] = true
		list = append(list, f)
		for _, inc := range f.Includes {
			add(inc.File)
		}
	}
	for _, f := range files {
		add(f)
	}
	return list
}

func (c *comparer) findUses(f *schema.File) {
	var mark func(t *schema.Type, u use)
	mark = func(t *schema.Type, u use) {
		if t == nil {
			return
		}
		mark(t.Key, u)
		mark(t.Elem, u)
		if t.Struct == nil || c.uses[t.Struct]&u == u {
			return
		}
		c.uses[t.Struct] |= u
		for _, f := range t.Struct.Fields {
			mark(f.Type, u)
		}
	}
	for _, s := range f.Services {
		for _, m := range s.Methods {
			c.uses[m.Args] |= inRequests
			for _, f := range m.Args.Fields {
				mark(f.Type, inRequests)
			}
			mark(m.Result, inReplies)
			mark(m.Item, inRequests)
			mark(m.First, inReplies)
			for _, f := range m.Throws {
				mark(f.Type, inReplies)
			}
		}
	}
}

// newFile returns the new file for an old one, nil if there is none.
func (c *comparer) newFile(f *schema.File) *schema.File {
	for _, n := range c.newFiles {
		if c.opts.Key(n.Path) == c.opts.Key(f.Path) {
			return n
		}
	}
	return nil
}

// find returns the new definition for an old one: in the same file, or else the only one of that name.
func find[T any](c *comparer, f *schema.File, name string, in func(*schema.File, string) T, none func(T) bool) (found T, moved bool) {
	if n := c.newFile(f); n != nil && !c.opts.IgnoreFiles {
		if d := in(n, name); !none(d) {
			return d, false
		}
	}
	count := 0
	for _, n := range c.newFiles {
		if d := in(n, name); !none(d) {
			if count++; count == 1 {
				found = d
			}
		}
	}
	if count != 1 {
		var zero T
		return zero, false
	}
	return found, !c.opts.IgnoreFiles
}

func ownStruct(f *schema.File, name string) *schema.Struct {
	for _, s := range f.Structs {
		if s.Name == name {
			return s
		}
	}
	return nil
}

func ownEnum(f *schema.File, name string) *schema.Enum {
	for _, e := range f.Enums {
		if e.Name == name {
			return e
		}
	}
	return nil
}

func ownTypedef(f *schema.File, name string) *schema.Typedef {
	for _, t := range f.Typedefs {
		if t.Name == name {
			return t
		}
	}
	return nil
}

func ownConst(f *schema.File, name string) *schema.Constant {
	for _, t := range f.Constants {
		if t.Name == name {
			return t
		}
	}
	return nil
}

func ownService(f *schema.File, name string) *schema.Service {
	for _, s := range f.Services {
		if s.Name == name {
			return s
		}
	}
	return nil
}

func isNil[T any](p *T) bool { return p == nil }

func (c *comparer) match(f *schema.File) {
	for _, s := range f.Structs {
		if n, _ := find(c, f, s.Name, ownStruct, isNil[schema.Struct]); n != nil {
			c.structs[s] = n
		}
	}
	for _, e := range f.Enums {
		if n, _ := find(c, f, e.Name, ownEnum, isNil[schema.Enum]); n != nil {
			c.enums[e] = n
		}
	}
}

// report adds a finding about what old, whose values go where u says, became.
func (c *comparer) report(id, path string, old, new schema.Position, readers Reader, u use, format string, args ...any) *Finding {
	r := Find(id)
	f := &Finding{Rule: r, Message: fmt.Sprintf(format, args...), Consequence: r.Consequence, Category: r.Category, Old: old, New: new, Path: path, Dialects: "all", Rollout: "any order"}
	f.Severity = syntax.Error
	if r.Warning {
		f.Severity = syntax.Warning
	}
	if r.Category == JSON {
		f.Dialects = "JSON"
	}
	if readers&NewReader != 0 {
		if u&inRequests != 0 {
			f.Directions = append(f.Directions, "old client → new server")
		}
		if u&inReplies != 0 {
			f.Directions = append(f.Directions, "old server → new client")
		}
		f.Directions = append(f.Directions, "stored data → new reader")
	}
	if readers&OldReader != 0 {
		if u&inRequests != 0 {
			f.Directions = append(f.Directions, "new client → old server")
		}
		if u&inReplies != 0 {
			f.Directions = append(f.Directions, "new server → old client")
		}
		if u == 0 {
			f.Directions = append(f.Directions, "new data → old reader")
		}
	}
	switch readers {
	case OldReader:
		f.Rollout = "readers first"
	case NewReader:
		f.Rollout = "writers first"
	case OldReader | NewReader:
		f.Rollout = "needs two steps"
	}
	c.findings = append(c.findings, f)
	return f
}

// in replaces the directions of a finding about calls.
func (f *Finding) in(rollout string, directions ...string) *Finding {
	f.Rollout, f.Directions = rollout, directions
	return f
}

func top(f *schema.File) schema.Position { return schema.Position{File: f.Path, Line: 1, Column: 1} }

func (c *comparer) file(old *schema.File) {
	n := c.newFile(old)
	if n == nil && !c.opts.IgnoreFiles {
		c.report("FILE_NO_DELETE", c.opts.Name(old.Path), top(old), schema.Position{}, 0, 0, "file %s is gone", c.opts.Name(old.Path))
	}
	if n != nil && !c.opts.IgnoreFiles {
		for _, ns := range old.Namespaces {
			if now := n.Namespace(ns.Scope); now != old.Namespace(ns.Scope) {
				c.report("NAMESPACE_SAME", ns.Scope, ns.Pos, top(n), 0, 0, "namespace %s was %s and is %q", ns.Scope, ns.Name, now)
			}
		}
		for _, inc := range old.Includes {
			if !slices.ContainsFunc(n.Includes, func(i *schema.Include) bool { return c.opts.Key(i.File.Path) == c.opts.Key(inc.File.Path) }) {
				c.report("INCLUDE_REMOVED", inc.Path, inc.Pos, top(n), 0, 0, "%s no longer includes %s", c.opts.Name(n.Path), inc.Path)
			}
		}
	}
	gone := func(what, name string, pos schema.Position) {
		c.report("TYPE_NO_DELETE", name, pos, fileOf(n), 0, 0, "%s %s is gone", what, name)
	}
	moved := func(name string, old, new schema.Position) {
		c.report("TYPE_MOVED_FILE", name, old, new, 0, 0, "%s moved to %s", name, c.opts.Name(new.File))
	}
	for _, s := range old.Structs {
		now, elsewhere := find(c, old, s.Name, ownStruct, isNil[schema.Struct])
		if now == nil {
			gone(s.Kind.String(), s.Name, s.Pos)
			continue
		}
		if elsewhere {
			moved(s.Name, s.Pos, now.Pos)
		}
		c.structure(s, now)
	}
	for _, e := range old.Enums {
		now, elsewhere := find(c, old, e.Name, ownEnum, isNil[schema.Enum])
		if now == nil {
			gone("enum", e.Name, e.Pos)
			continue
		}
		if elsewhere {
			moved(e.Name, e.Pos, now.Pos)
		}
		c.enum(e, now)
	}
	for _, t := range old.Typedefs {
		now, elsewhere := find(c, old, t.Name, ownTypedef, isNil[schema.Typedef])
		if now == nil {
			if s, _ := find(c, old, t.Name, ownStruct, isNil[schema.Struct]); s == nil {
				gone("typedef", t.Name, t.Pos)
			}
		} else if elsewhere {
			moved(t.Name, t.Pos, now.Pos)
		}
	}
	for _, k := range old.Constants {
		now, _ := find(c, old, k.Name, ownConst, isNil[schema.Constant])
		switch {
		case now == nil:
			c.report("CONST_NO_DELETE", k.Name, k.Pos, fileOf(n), 0, 0, "constant %s is gone", k.Name)
		case plain(k.Type) != plain(now.Type):
			c.report("CONST_SAME_TYPE", k.Name, k.Pos, now.Pos, 0, 0, "constant %s was %s and is %s", k.Name, k.Type, now.Type)
		case literal(k.Value) != literal(now.Value):
			c.report("CONST_SAME_VALUE", k.Name, k.Pos, now.Pos, 0, 0, "constant %s has another value", k.Name)
		}
	}
	for _, s := range old.Services {
		c.service(old, s)
	}
}

func fileOf(f *schema.File) schema.Position {
	if f == nil {
		return schema.Position{}
	}
	return top(f)
}

// plain returns a type without its aliases.
func plain(t *schema.Type) string {
	switch t.Kind {
	case schema.KindEnum:
		return t.Enum.Name
	case schema.KindStruct:
		return t.Struct.Name
	case schema.KindList, schema.KindSet:
		return t.Kind.String() + "<" + plain(t.Elem) + ">"
	case schema.KindMap:
		return "map<" + plain(t.Key) + "," + plain(t.Elem) + ">"
	}
	return t.Kind.String()
}

func literal(l *schema.Literal) string {
	if l == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprint(&b, l.Type.Kind, l.Bool, l.Int, l.Double, l.Text)
	for _, e := range l.List {
		b.WriteString("[" + literal(e) + "]")
	}
	for _, e := range l.Map {
		b.WriteString("{" + literal(e.Key) + ":" + literal(e.Value) + "}")
	}
	for _, f := range l.Fields {
		b.WriteString("(" + f.Field.Name + literal(f.Value) + ")")
	}
	return b.String()
}

func (c *comparer) service(file *schema.File, old *schema.Service) {
	now, _ := find(c, file, old.Name, ownService, isNil[schema.Service])
	if now == nil {
		f := c.report("SERVICE_NO_DELETE", old.Name, old.Pos, fileOf(c.newFile(file)), 0, 0, "service %s is gone", old.Name)
		if c.opts.Multiplexed {
			f.Category, f.Consequence = Wire, Rejects
			f.in("clients first", "old client → new server")
		}
		return
	}
	if name(old.Extends) != name(now.Extends) {
		c.report("SERVICE_EXTENDS_CHANGED", old.Name, old.Pos, now.Pos, 0, 0, "service %s extended %s and extends %s", old.Name, name(old.Extends), name(now.Extends))
	}
	for _, m := range old.AllMethods() {
		n := now.Method(m.Name)
		switch {
		case n == nil && m.Service != old && old.Extends != nil && c.lost(old.Extends, m.Name):
			// reported for the service that declares it
		case n == nil:
			c.report("METHOD_NO_DELETE", old.Name+"."+m.Name, m.Pos, now.Pos, 0, 0, "method %s.%s is gone", old.Name, m.Name).in("clients first", "old client → new server")
		case m.Service == old || m.Service.File != n.Service.File || m.Service.Name != n.Service.Name:
			c.method(old, m, n)
		}
	}
}

// lost reports whether the new service for old has no method of that name.
func (c *comparer) lost(old *schema.Service, method string) bool {
	now, _ := find(c, old.File, old.Name, ownService, isNil[schema.Service])
	return now != nil && now.Method(method) == nil
}

func name(s *schema.Service) string {
	if s == nil {
		return "none"
	}
	return s.Name
}

func (c *comparer) method(svc *schema.Service, old, now *schema.Method) {
	path := svc.Name + "." + old.Name
	if old.Oneway != now.Oneway {
		f := c.report("METHOD_SAME_ONEWAY", path, old.Pos, now.Pos, 0, 0, "method %s is %s", path, map[bool]string{true: "oneway now", false: "no longer oneway"}[now.Oneway])
		if now.Oneway {
			f.in("needs two steps", "old client → new server")
		} else {
			f.Consequence = Corrupts // the reply meets the next call
			f.in("needs two steps", "old client → new server", "new client → old server")
		}
	} else if change, what := c.change(old.Result, now.Result); change != noChange {
		f := c.fieldChange("METHOD_SAME_RETURN_TYPE", path, old.Pos, now.Pos, change, inReplies, fmt.Sprintf("the result of %s %s", path, what))
		if change == otherType {
			f.Consequence = Rejects // MISSING_RESULT
			if now.Result.Kind == schema.KindVoid {
				f.Consequence = Drops
			}
		}
	}
	c.fields(path, old.Args, now.Args, inRequests)
	for _, x := range old.Throws {
		same := byID(now.Throws, x.ID)
		named := byName(now.Throws, x.Name)
		switch {
		case same == nil && named != nil:
			c.report("THROWS_SAME_ID", path+"."+x.Name, x.Pos, named.Pos, OldReader|NewReader, inReplies, "exception %s of %s had id %d and has %d", x.Name, path, x.ID, named.ID)
		case same == nil:
			c.report("METHOD_THROWS_DELETED", path+"."+x.Name, x.Pos, now.Pos, 0, 0, "%s no longer throws %s", path, x.Type)
		default:
			if change, what := c.change(x.Type, same.Type); change > jsonChange {
				c.report("THROWS_SAME_TYPE", path+"."+x.Name, x.Pos, same.Pos, OldReader|NewReader, inReplies, "exception %d of %s %s", x.ID, path, what)
			} else if change != noChange {
				c.report("THROWS_SAME_TYPE", path+"."+x.Name, x.Pos, same.Pos, 0, 0, "exception %d of %s %s", x.ID, path, what).Consequence = SourceOnly
			}
		}
	}
	for _, x := range now.Throws {
		if byID(old.Throws, x.ID) == nil && byName(old.Throws, x.Name) == nil {
			f := c.report("METHOD_THROWS_ADDED", path+"."+x.Name, old.Pos, x.Pos, OldReader, inReplies, "%s also throws %s", path, x.Type)
			f.in("clients first", "new server → old client")
			if old.Result.Kind != schema.KindVoid {
				f.Consequence = Rejects
			}
		}
	}
	c.annotations(path, old.Meta, now.Meta)
}

func byID(list []*schema.Field, id int16) *schema.Field {
	for _, f := range list {
		if f.ID == id {
			return f
		}
	}
	return nil
}

func byName(list []*schema.Field, name string) *schema.Field {
	for _, f := range list {
		if f.Name == name {
			return f
		}
	}
	return nil
}

func (c *comparer) structure(old, now *schema.Struct) {
	if old.Kind != now.Kind {
		f := c.report("STRUCT_KIND_CHANGED", old.Name, old.Pos, now.Pos, 0, 0, "%s %s is a %s now", old.Kind, old.Name, now.Kind)
		if old.Kind == schema.Union || now.Kind == schema.Union {
			f.Category, f.Consequence = Wire, Rejects
			f.in("needs two steps", "stored data → new reader")
		}
	}
	c.fields(old.Name, old, now, c.uses[old])
	c.annotations(old.Name, old.Meta, now.Meta)
	before, after := c.old.Reserved[old.File.Path+":"+old.Name], c.new.Reserved[now.File.Path+":"+now.Name]
	for _, r := range before {
		kept := slices.ContainsFunc(after, func(n symbols.Reservation) bool {
			return r.Name == n.Name && n.First <= r.First && r.Last <= n.Last
		})
		if !kept {
			what := r.Name
			if r.Name == "" {
				what = fmt.Sprint(r.First)
				if r.Last != r.First {
					what += fmt.Sprintf("-%d", r.Last)
				}
			}
			c.report("RESERVED_NO_DELETE", old.Name, old.Pos, now.Pos, 0, 0, "%s no longer reserves %s", old.Name, what)
		}
	}
}

// fields compares two lists of fields.
func (c *comparer) fields(path string, old, now *schema.Struct, u use) {
	union := old.Kind == schema.Union && now.Kind == schema.Union
	args := old.Kind == schema.Arguments
	for _, f := range old.Fields {
		n := byID(now.Fields, f.ID)
		at := path + "." + f.Name
		if n == nil {
			c.deleted(at, old, now, f, u, union)
			continue
		}
		if f.Name != n.Name && byName(now.Fields, f.Name) == nil && byName(old.Fields, n.Name) == nil {
			g := c.report("FIELD_SAME_NAME", at, f.Pos, n.Pos, OldReader|NewReader, u, "field %d of %s was %s and is %s", f.ID, path, f.Name, n.Name)
			if args {
				g.Consequence, g.Category, g.Rollout, g.Directions, g.Dialects = SourceOnly, Source, "any order", nil, ""
			}
		} else if f.Name != n.Name {
			c.report("FIELD_SAME_ID", at, f.Pos, n.Pos, OldReader|NewReader, u, "id %d of %s was %s and is %s", f.ID, path, f.Name, n.Name).Consequence = Corrupts
		}
		if change, what := c.change(f.Type, n.Type); change != noChange {
			c.fieldChange("FIELD_SAME_TYPE", at, f.Pos, n.Pos, change, u, fmt.Sprintf("field %s %s", at, what))
		}
		if !union {
			c.requiredness(at, f, n, u)
		}
		if literal(f.Default) != literal(n.Default) {
			c.report("FIELD_SAME_DEFAULT", at, f.Pos, n.Pos, OldReader|NewReader, u, "field %s has another default", at).Rollout = "any order"
		}
		c.annotations(at, f.Meta, n.Meta)
	}
	for _, n := range now.Fields {
		if byID(old.Fields, n.ID) == nil && (byName(old.Fields, n.Name) == nil || byID(now.Fields, byName(old.Fields, n.Name).ID) != nil) {
			c.added(path, old, now, n, u, union)
		}
	}
}

func (c *comparer) deleted(at string, old, now *schema.Struct, f *schema.Field, u use, union bool) {
	if n := byName(now.Fields, f.Name); n != nil && byID(old.Fields, n.ID) == nil {
		g := c.report("FIELD_SAME_ID", at, f.Pos, n.Pos, OldReader|NewReader, u, "field %s had id %d and has %d", at, f.ID, n.ID)
		if f.Requiredness == schema.Required || n.Requiredness == schema.Required {
			g.Consequence = Rejects
		}
		return
	}
	switch {
	case union:
		c.report("UNION_MEMBER_DELETED", at, f.Pos, now.Pos, NewReader, u, "union member %s is gone", at)
	case f.Requiredness == schema.Required:
		c.report("FIELD_NO_DELETE_REQUIRED", at, f.Pos, now.Pos, OldReader, u, "required field %s is gone", at)
	default:
		reserved := now.File != nil && slices.ContainsFunc(c.new.Reserved[now.File.Path+":"+now.Name], func(r symbols.Reservation) bool { return r.Holds(int64(f.ID), "") })
		if !reserved {
			c.report("FIELD_NO_DELETE", at, f.Pos, now.Pos, NewReader, u, "field %s is gone, and its id %d is not reserved", at, f.ID).Rollout = "any order"
		}
	}
}

func (c *comparer) added(path string, old, now *schema.Struct, n *schema.Field, u use, union bool) {
	at := path + "." + n.Name
	if old.File != nil {
		reserved := c.old.Reserved[old.File.Path+":"+old.Name]
		past, had := c.opts.Past[c.opts.Key(old.File.Path)+":"+old.Name][n.ID]
		switch {
		case had && past != n.Name:
			c.report("FIELD_ID_REUSED", at, old.Pos, n.Pos, OldReader|NewReader, u, "field %s has id %d, which was that of %s", at, n.ID, past)
		case slices.ContainsFunc(reserved, func(r symbols.Reservation) bool { return r.Holds(int64(n.ID), "") }):
			c.report("FIELD_ID_REUSED", at, old.Pos, n.Pos, OldReader|NewReader, u, "field %s has id %d, which was reserved", at, n.ID)
		}
	}
	switch {
	case union:
		c.report("UNION_MEMBER_ADDED", at, old.Pos, n.Pos, OldReader, u, "union member %s is new", at)
	case n.Requiredness == schema.Required && n.Default == nil:
		c.report("FIELD_NO_ADD_REQUIRED", at, old.Pos, n.Pos, NewReader, u, "required field %s is new", at)
	}
}

func (c *comparer) requiredness(at string, f, n *schema.Field, u use) {
	switch {
	case f.Requiredness == n.Requiredness:
	case n.Requiredness == schema.Required && n.Default == nil:
		c.report("FIELD_OPTIONAL_TO_REQUIRED", at, f.Pos, n.Pos, NewReader, u, "field %s is required now", at)
	case f.Requiredness == schema.Required:
		c.report("FIELD_REQUIRED_TO_OPTIONAL", at, f.Pos, n.Pos, OldReader, u, "field %s is no longer required", at)
	case n.Requiredness != schema.Required:
		c.report("FIELD_OPTIONAL_DEFAULT_SWAP", at, f.Pos, n.Pos, 0, 0, "field %s is %s now", at, map[bool]string{true: "optional", false: "not optional"}[n.Requiredness == schema.Optional])
	}
}

func (c *comparer) fieldChange(id, at string, old, new schema.Position, change change, u use, message string) *Finding {
	if change == structChange && id == "FIELD_SAME_TYPE" {
		return c.report("FIELD_SAME_STRUCT", at, old, new, 0, 0, "%s", message)
	}
	if change == jsonChange && id == "FIELD_SAME_TYPE" {
		id = "FIELD_SAME_JSON_TYPE"
	}
	if change == elementType && id == "FIELD_SAME_TYPE" {
		id = "FIELD_ELEMENT_SAME_TYPE"
	}
	f := c.report(id, at, old, new, OldReader|NewReader, u, "%s", message)
	switch change {
	case structChange:
		f.Category, f.Consequence, f.Rollout, f.Directions = Source, SourceOnly, "any order", nil
	case jsonChange:
		f.Category, f.Consequence, f.Dialects = JSON, Rejects, "JSON"
	case elementType:
		f.Consequence = Corrupts
	}
	return f
}

// A change is how far apart two types are.
type change uint8

const (
	noChange     change = iota
	structChange        // another definition, the same on the wire
	jsonChange          // the same bytes, another JSON
	otherType           // the type byte of the field differs
	elementType         // that of an element of a container
)

// wireType returns the kind that is on the wire.
func wireType(k schema.Kind) schema.Kind {
	switch k {
	case schema.KindEnum:
		return schema.KindI32
	case schema.KindBinary:
		return schema.KindString
	}
	return k
}

// change compares two types and says what changed.
func (c *comparer) change(old, now *schema.Type) (change, string) {
	what := fmt.Sprintf("was %s and is %s", show(old), show(now))
	if wireType(old.Kind) != wireType(now.Kind) {
		return otherType, what
	}
	switch old.Kind {
	case schema.KindStruct:
		switch {
		case c.structs[old.Struct] == now.Struct:
			return noChange, ""
		case c.compatible(old.Struct, now.Struct):
			return structChange, what
		}
		return otherType, what
	case schema.KindEnum:
		if now.Kind == schema.KindEnum {
			if c.enums[old.Enum] == now.Enum {
				return noChange, ""
			}
			return structChange, what
		}
		return jsonChange, what
	case schema.KindList, schema.KindSet, schema.KindMap:
		worst := noChange
		pairs := [][2]*schema.Type{{old.Elem, now.Elem}}
		if old.Kind == schema.KindMap {
			pairs = append(pairs, [2]*schema.Type{old.Key, now.Key})
		}
		for _, p := range pairs {
			if g, _ := c.change(p[0], p[1]); g == otherType {
				worst = elementType
			} else {
				worst = max(worst, g)
			}
		}
		return worst, what
	}
	if old.Kind != now.Kind {
		return jsonChange, what
	}
	return noChange, ""
}

func show(t *schema.Type) string {
	if t.Typedef != nil {
		return t.String() + " (" + plain(t) + ")"
	}
	return t.String()
}

// compatible reports whether values of a are values of b and the other way round, on the wire.
func (c *comparer) compatible(a, b *schema.Struct) bool {
	key := [2]*schema.Struct{a, b}
	if v, ok := c.same[key]; ok {
		return v
	}
	c.same[key] = true // of a cycle that is being compared
	ok := (a.Kind == schema.Union) == (b.Kind == schema.Union)
	for _, f := range a.Fields {
		n := byID(b.Fields, f.ID)
		if n == nil {
			ok = ok && f.Requiredness != schema.Required
			continue
		}
		g, _ := c.change(f.Type, n.Type)
		ok = ok && g < otherType && (f.Requiredness == schema.Required) == (n.Requiredness == schema.Required)
	}
	for _, n := range b.Fields {
		ok = ok && (byID(a.Fields, n.ID) != nil || n.Requiredness != schema.Required)
	}
	c.same[key] = ok
	return ok
}

func (c *comparer) enum(old, now *schema.Enum) {
	number := func(e *schema.Enum, n int32) *schema.EnumValue {
		for _, v := range e.Values {
			if v.Number == n {
				return v
			}
		}
		return nil
	}
	named := func(e *schema.Enum, name string) *schema.EnumValue {
		for _, v := range e.Values {
			if v.Name == name {
				return v
			}
		}
		return nil
	}
	for _, v := range old.Values {
		at := old.Name + "." + v.Name
		n := named(now, v.Name)
		switch same := number(now, v.Number); {
		case n != nil && n.Number != v.Number:
			c.report("ENUM_VALUE_SAME_NUMBER", at, v.Pos, n.Pos, OldReader|NewReader, 0, "%s was %d and is %d", at, v.Number, n.Number)
		case n == nil && same != nil && named(old, same.Name) == nil:
			c.report("ENUM_VALUE_SAME_NAME", at, v.Pos, same.Pos, OldReader|NewReader, 0, "%d of %s was %s and is %s", v.Number, old.Name, v.Name, same.Name)
		case n == nil:
			c.report("ENUM_VALUE_NO_DELETE", at, v.Pos, now.Pos, NewReader, 0, "%s is gone", at)
		}
	}
	for _, n := range now.Values {
		if named(old, n.Name) == nil && number(old, n.Number) == nil {
			c.report("ENUM_VALUE_ADDED", old.Name+"."+n.Name, old.Pos, n.Pos, OldReader, 0, "%s.%s is new", old.Name, n.Name)
		}
	}
}

func (c *comparer) annotations(at string, old, now schema.Meta) {
	keys := c.opts.Annotations
	if len(keys) == 0 {
		keys = []string{"go.tag", "cpp.type", "streaming.mode", "api.*"}
	}
	counts := func(name string) bool {
		return slices.ContainsFunc(keys, func(k string) bool {
			prefix, all := strings.CutSuffix(k, "*")
			return k == name || all && strings.HasPrefix(name, prefix)
		})
	}
	for _, a := range old.Annotations {
		if value, ok := now.Annotations.Get(a.Name); counts(a.Name) && (!ok || value != a.Value) {
			c.report("ANNOTATION_SAME", at, old.Pos, now.Pos, 0, 0, "annotation %s of %s was %q and is %q", a.Name, at, a.Value, value)
		}
	}
}
