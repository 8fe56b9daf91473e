package schema

import (
	"errors"
	"fmt"
	"slices"
)

// denseIDs bounds the table by id: ids below it are found by one index, the others by a map.
const denseIDs = 256

// fewFields is up to where the fields of a struct are searched by name: an index costs more.
const fewFields = 12

// Link checks f and builds the indexes that look-ups and codecs use: names, field ids,
// inherited methods, the argument and reply structs of every method. Included files must be
// linked before. It returns all mistakes joined, or nil; a file that failed must not be used.
//
// The compiler calls Link itself, after its own checks with better positions; a program that
// composes descriptors by hand calls it once for each file.
func Link(f *File) error {
	l := linker{file: f}
	l.link()
	return errors.Join(l.errs...)
}

// A subject is what a check is about. It is put into words only if there is a mistake: most
// schemas have none.
type subject struct {
	kind, name  string
	part, field string // "field", and its name; "" for the whole
}

func (s subject) String() string {
	text := s.kind + " " + s.name
	if s.part != "" {
		text += ": " + s.part + " " + s.field
	}
	return text
}

type linker struct {
	file    *File
	errs    []error
	checked map[*Type]int // containers that are complete, with their depth
}

func (l *linker) errorf(pos Position, format string, args ...any) {
	err := fmt.Errorf(format, args...)
	if pos.IsValid() {
		err = fmt.Errorf("%s: %w", pos, err)
	} else {
		err = fmt.Errorf("%s: %w", l.file.Path, err)
	}
	l.errs = append(l.errs, err)
}

func (l *linker) link() {
	f := l.file
	f.names = make(map[string]any)
	f.constants = make(map[string]*Constant)
	for _, inc := range f.Includes {
		if inc.File == nil {
			l.errorf(inc.Pos, "include %q has no file", inc.Path)
		}
	}
	for _, e := range f.Enums {
		e.File = f
		l.declare(e.Name, e.Pos, e)
		l.linkEnum(e)
	}
	for _, s := range f.Structs {
		s.File = f
		l.declare(s.Name, s.Pos, s)
		l.linkStruct(s)
	}
	for _, t := range f.Typedefs {
		t.File = f
		l.declare(t.Name, t.Pos, t)
		l.checkType(t.Type, t.Pos, subject{kind: "typedef", name: t.Name})
	}
	for _, c := range f.Constants {
		c.File = f
		if _, ok := f.constants[c.Name]; ok || c.Name == "" {
			l.errorf(c.Pos, "constant %q is already defined, or has no name", c.Name)
		}
		f.constants[c.Name] = c
		what := subject{kind: "const", name: c.Name}
		l.checkType(c.Type, c.Pos, what)
		l.checkLiteral(c.Value, c.Type, c.Pos, what)
	}
	for _, s := range f.Services {
		s.File = f
		l.declare(s.Name, s.Pos, s)
	}
	done := make(map[*Service]bool)
	for _, s := range f.Services {
		l.linkService(s, done, nil)
	}
}

func (l *linker) declare(name string, pos Position, def any) {
	if name == "" {
		l.errorf(pos, "a definition has no name")
		return
	}
	if _, ok := l.file.names[name]; ok {
		l.errorf(pos, "%s is already defined", name)
		return
	}
	l.file.names[name] = def
}

func (l *linker) linkEnum(e *Enum) {
	e.Type()
	e.byName = make(map[string]*EnumValue, len(e.Values))
	e.byNumber = make(map[int32]*EnumValue, len(e.Values))
	for _, v := range e.Values {
		if _, ok := e.byName[v.Name]; ok {
			l.errorf(v.Pos, "enum %s: %s is already defined", e.Name, v.Name)
		}
		e.byName[v.Name] = v
		if _, ok := e.byNumber[v.Number]; !ok {
			e.byNumber[v.Number] = v
		}
	}
}

func (l *linker) linkStruct(s *Struct) {
	s.Type()
	s.byName, s.sparse = nil, nil
	if len(s.Fields) > fewFields {
		s.byName = make(map[string]int, len(s.Fields))
	}
	maxDense := int16(-1)
	for _, f := range s.Fields {
		if f.ID >= 0 && f.ID < denseIDs {
			maxDense = max(maxDense, f.ID)
		}
	}
	s.dense = make([]int16, maxDense+1)
	for i, f := range s.Fields {
		what := subject{kind: s.Kind.String(), name: s.Name}
		f.Index = i
		if s.Index(f.ID) >= 0 {
			l.errorf(f.Pos, "%s: field id %d is used by %s and by %s", what, f.ID, s.FieldByID(f.ID).Name, f.Name)
		}
		if s.fieldIndex(f.Name, i) >= 0 {
			l.errorf(f.Pos, "%s: field %s is already defined", what, f.Name)
		}
		if s.byName != nil {
			s.byName[f.Name] = i
		}
		if f.ID >= 0 && f.ID < denseIDs {
			s.dense[f.ID] = int16(i + 1)
		} else {
			if s.sparse == nil {
				s.sparse = make(map[int16]int)
			}
			s.sparse[f.ID] = i
		}
		if s.Kind == Union && f.Requiredness != Optional {
			l.errorf(f.Pos, "%s: member %s must be optional", what, f.Name)
		}
		what.part, what.field = "field", f.Name
		l.checkType(f.Type, f.Pos, what)
		if f.Default != nil {
			l.checkLiteral(f.Default, f.Type, f.Pos, what)
		}
	}
}

func (l *linker) linkService(s *Service, done map[*Service]bool, path []*Service) {
	if s.File != l.file || done[s] {
		return
	}
	if slices.Contains(path, s) {
		l.errorf(s.Pos, "service %s extends itself", s.Name)
		s.Extends = nil
		return
	}
	if s.Extends != nil {
		l.linkService(s.Extends, done, append(path, s))
	}
	if done[s] {
		return
	}
	done[s] = true
	s.byName = make(map[string]*Method)
	s.all = nil
	if s.Extends != nil {
		s.all = slices.Clone(s.Extends.all)
	}
	for _, m := range s.all {
		s.byName[m.Name] = m
	}
	for _, m := range s.Methods {
		m.Service = s
		if other, ok := s.byName[m.Name]; ok {
			l.errorf(m.Pos, "method %s is already defined by service %s", m.Name, other.Service.Name)
			continue
		}
		s.byName[m.Name] = m
		s.all = append(s.all, m)
		l.linkMethod(m)
	}
}

func (l *linker) linkMethod(m *Method) {
	if m.Result == nil {
		m.Result = Base(KindVoid)
	}
	if m.Args == nil {
		m.Args = &Struct{}
	}
	name := m.String()
	m.Args.Name, m.Args.Kind, m.Args.File = name, Arguments, l.file
	if !m.Args.Pos.IsValid() {
		m.Args.Pos = m.Pos
	}
	l.linkStruct(m.Args)
	m.reply = &Struct{Name: name, Kind: Reply, File: l.file, Meta: Meta{Pos: m.Pos}}
	if m.Result.Kind != KindVoid {
		l.checkType(m.Result, m.Pos, subject{kind: "method", name: m.Name})
		m.reply.Fields = append(m.reply.Fields, &Field{ID: 0, Name: "success", Type: m.Result, Requiredness: Optional, Meta: Meta{Pos: m.Pos}})
	}
	for _, t := range m.Throws {
		if !l.throws(m, t) {
			continue
		}
		c := *t
		c.Requiredness = Optional
		m.reply.Fields = append(m.reply.Fields, &c)
	}
	if m.Oneway && len(m.Throws) > 0 {
		l.errorf(m.Pos, "oneway method %s cannot throw: nobody waits for its reply", m.Name)
	}
	l.linkStruct(m.reply)
	for _, list := range [][]*Field{m.Throws, m.ItemThrows, m.StreamThrows} {
		for i, t := range list {
			t.Index = i
		}
	}
	l.checkStream(m)
}

// throws reports whether t may be thrown by m.
func (l *linker) throws(m *Method, t *Field) bool {
	if t.Type == nil || t.Type.Kind != KindStruct || t.Type.Struct == nil || t.Type.Struct.Kind != Exception {
		l.errorf(t.Pos, "method %s throws %s, which is not an exception", m.Name, t.Type)
		return false
	}
	return true
}

// checkStream reports what does not suit the kind of m.
func (l *linker) checkStream(m *Method) {
	switch {
	case m.Stream > BidiStream:
		l.errorf(m.Pos, "method %s has stream kind %d, which does not exist", m.Name, m.Stream)
		return
	case m.Stream == Unary && (m.First != nil || len(m.StreamThrows) > 0), !m.Stream.ClientStreams() && (m.Item != nil || len(m.ItemThrows) > 0):
		l.errorf(m.Pos, "method %s does not stream, but declares what it streams", m.Name)
	case m.Stream != Unary && m.Oneway:
		l.errorf(m.Pos, "oneway method %s cannot stream", m.Name)
	case m.Stream.ClientStreams() && m.Item == nil && len(m.Args.Fields) != 1:
		l.errorf(m.Pos, "method %s streams its only argument, but has %d", m.Name, len(m.Args.Fields))
	case m.Stream.ServerStreams() && m.Result.Kind == KindVoid:
		l.errorf(m.Pos, "method %s streams its result, but is void", m.Name)
	}
	for _, t := range []*Type{m.First, m.Item} {
		if t != nil {
			l.checkType(t, m.Pos, subject{kind: "method", name: m.Name})
		}
	}
	for _, t := range slices.Concat(m.ItemThrows, m.StreamThrows) {
		l.throws(m, t)
	}
}

// maxDepth bounds the nesting of containers.
const maxDepth = 64

// checkType reports a type that lacks a part. It does not follow structs: their fields are
// checked where they are defined.
func (l *linker) checkType(t *Type, pos Position, what subject) {
	if depth := l.checkPart(t, pos, what, 0); depth > maxDepth {
		l.errorf(pos, "%s: containers nest deeper than %d", what, maxDepth)
	}
}

// checkPart checks t, around which there are outer containers, and returns how deep containers
// nest in it. Each container is checked once: map<T,T> has its T twice, so following every
// path could take time exponential in the depth.
func (l *linker) checkPart(t *Type, pos Position, what subject, outer int) int {
	if t == nil {
		l.errorf(pos, "%s has no type", what)
		return 0
	}
	switch t.Kind {
	case KindStruct:
		if t.Struct == nil {
			l.errorf(pos, "%s: a struct type without its struct", what)
		}
	case KindEnum:
		if t.Enum == nil {
			l.errorf(pos, "%s: an enum type without its enum", what)
		}
	case KindVoid:
		l.errorf(pos, "%s: void is not the type of a value", what)
	case KindMap, KindList, KindSet:
		if outer > maxDepth { // it may even contain itself
			return 0
		}
		if depth, ok := l.checked[t]; ok {
			return depth
		}
		depth := 1
		if t.Kind == KindMap {
			depth += l.checkPart(t.Key, pos, what, outer+1)
		}
		depth = max(depth, 1+l.checkPart(t.Elem, pos, what, outer+1))
		if l.checked == nil {
			l.checked = make(map[*Type]int)
		}
		l.checked[t] = depth
		return depth
	}
	return 0
}

func (l *linker) checkLiteral(v *Literal, t *Type, pos Position, what subject) {
	switch {
	case v == nil || v.Type == nil:
		l.errorf(pos, "%s: a value is missing or has no type", what)
	case t != nil && v.Type.Kind != t.Kind:
		l.errorf(pos, "%s: the value is a %s, the type is %s", what, v.Type.Kind, t)
	}
}
