package symbols

import (
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/idl/syntax"
)

// declare makes the symbols of one tree.
func declare(t *syntax.File) *File {
	f := &File{Tree: t, types: make(map[string]*Symbol), consts: make(map[string]*Symbol)}
	for _, def := range t.Defs {
		switch d := def.(type) {
		case *syntax.Const:
			f.top(Const, d.Name, d, d.Doc)
		case *syntax.Typedef:
			f.top(Typedef, d.Name, d, d.Doc)
		case *syntax.Enum:
			s := f.top(Enum, d.Name, d, d.Doc)
			for _, v := range d.Values {
				s.add(EnumValue, v.Name, v, v.Doc)
			}
		case *syntax.Struct:
			s := f.top([...]Kind{Struct, Union, Exception}[d.Kind], d.Name, d, d.Doc)
			for _, field := range d.Fields {
				s.add(Field, field.Name, field, field.Doc)
			}
		case *syntax.Service:
			s := f.top(Service, d.Name, d, d.Doc)
			for _, fn := range d.Functions {
				m := s.add(Method, fn.Name, fn, fn.Doc)
				for _, p := range fn.Params {
					m.add(Argument, p.Name, p, p.Doc)
				}
				for _, p := range fn.Throws {
					m.add(Throw, p.Name, p, p.Doc)
				}
			}
		}
	}
	return f
}

func (f *File) top(kind Kind, name syntax.Ident, node syntax.Node, doc string) *Symbol {
	s := &Symbol{Kind: kind, Name: name.Text, Span: name.Span, Node: node, File: f, Doc: doc}
	f.Symbols = append(f.Symbols, s)
	table := f.types
	if kind == Const {
		table = f.consts
	}
	if table[s.Name] == nil && s.Name != "" {
		table[s.Name] = s
	}
	return s
}

func (s *Symbol) add(kind Kind, name syntax.Ident, node syntax.Node, doc string) *Symbol {
	m := &Symbol{Kind: kind, Name: name.Text, Span: name.Span, Node: node, File: s.File, Parent: s, Doc: doc}
	s.Members = append(s.Members, m)
	return m
}

// link finds what the names of f refer to.
func (f *File) link() {
	if f.linked {
		return
	}
	f.linked = true
	for _, s := range f.Symbols {
		switch d := s.Node.(type) {
		case *syntax.Const:
			f.typ(s, d.Type, TypeRef)
			f.value(s, d.Value, d.Type, f)
		case *syntax.Typedef:
			f.typ(s, d.Type, TypeRef)
		case *syntax.Struct:
			for _, m := range s.Members {
				f.field(m, TypeRef)
			}
		case *syntax.Service:
			if d.Extends.Text != "" {
				f.ref(s, d.Extends.Span, d.Extends.Text, ExtendsRef)
			}
			for _, m := range s.Members {
				f.method(m)
			}
		}
	}
	slices.SortStableFunc(f.Refs, func(a, b Ref) int { return a.Span.Start - b.Span.Start })
}

func (f *File) method(m *Symbol) {
	fn := m.Node.(*syntax.Function)
	if fn.Result != nil {
		f.typ(m, fn.Result, ResultRef)
	}
	for _, st := range []*syntax.StreamType{fn.Sink, fn.Stream} {
		if st == nil {
			continue
		}
		f.typ(m, st.Elem, ResultRef)
		f.typ(m, st.Final, ResultRef)
		for _, t := range append(slices.Clone(st.Throws), st.FinalThrows...) {
			f.typ(m, t.Type, ThrowsRef)
		}
	}
	for _, p := range m.Members {
		role := TypeRef
		if p.Kind == Throw {
			role = ThrowsRef
		}
		f.field(p, role)
	}
}

func (f *File) field(s *Symbol, role Role) {
	d := s.Node.(*syntax.Field)
	f.typ(s, d.Type, role)
	if d.Default != nil {
		f.value(s, d.Default, d.Type, f)
	}
}

func (f *File) typ(in *Symbol, t syntax.Type, role Role) {
	switch t := t.(type) {
	case *syntax.NamedType:
		f.ref(in, syntax.Span{Start: t.Start, End: t.Start + len(t.Name)}, t.Name, role)
	case *syntax.ListType:
		f.typ(in, t.Elem, role)
	case *syntax.SetType:
		f.typ(in, t.Elem, role)
	case *syntax.MapType:
		f.typ(in, t.Key, role)
		f.typ(in, t.Elem, role)
	}
}

// ref adds a reference to a type or a service.
func (f *File) ref(in *Symbol, span syntax.Span, name string, role Role) {
	s, inc := f.lookup(name, 0, func(f *File, n string) *Symbol { return f.types[n] })
	f.addRef(Ref{Span: last(span, name), Whole: span, Name: name, Role: role, Symbol: s, Include: inc, In: in})
}

func (f *File) addRef(r Ref) {
	f.Refs = append(f.Refs, r)
	// A name that is unknown is meant to lead through its include all the same.
	if r.Include != nil || r.Symbol == nil {
		f.use(r.Name)
	}
}

// use marks the includes that a dotted name leads through.
func (f *File) use(name string) {
	for range maxIncludes {
		i := slices.IndexFunc(f.Includes, func(inc *Include) bool {
			return inc.File != nil && strings.HasPrefix(name, inc.Name+".")
		})
		if i < 0 {
			return
		}
		// Of two includes of one name both count as used: either may be meant.
		for _, inc := range f.Includes {
			if inc.Name == f.Includes[i].Name {
				inc.Used = true
			}
		}
		name = name[len(f.Includes[i].Name)+1:]
		f = f.Includes[i].File
	}
}

func last(span syntax.Span, name string) syntax.Span {
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		span.Start += dot + 1
	}
	return span
}

// value adds what a value refers to. Its type is one of file at.
func (f *File) value(in *Symbol, v syntax.Value, t syntax.Type, at *File) {
	switch v := v.(type) {
	case *syntax.NameValue:
		f.name(in, v)
	case *syntax.ListValue:
		var elem syntax.Type
		t, at := underlying(t, at)
		switch t := t.(type) {
		case *syntax.ListType:
			elem = t.Elem
		case *syntax.SetType:
			elem = t.Elem
		}
		for _, e := range v.Elems {
			f.value(in, e, elem, at)
		}
	case *syntax.MapValue:
		t, at := underlying(t, at)
		switch t := t.(type) {
		case *syntax.MapType:
			for _, e := range v.Entries {
				f.value(in, e.Key, t.Key, at)
				f.value(in, e.Value, t.Elem, at)
			}
		case *syntax.NamedType:
			f.members(in, v, at.Type(t.Name))
		default:
			for _, e := range v.Entries {
				f.value(in, e.Key, nil, at)
				f.value(in, e.Value, nil, at)
			}
		}
	}
}

// members adds the fields that the value of a struct names.
func (f *File) members(in *Symbol, v *syntax.MapValue, s *Symbol) {
	for _, e := range v.Entries {
		key, ok := e.Key.(*syntax.StringLit)
		var field *Symbol
		if ok && s != nil {
			field = s.Member(key.Text)
		}
		if field == nil {
			f.value(in, e.Key, nil, f)
			f.value(in, e.Value, nil, f)
			continue
		}
		span := syntax.Span{Start: key.Start + 1, End: key.End - 1}
		f.addRef(Ref{Span: span, Whole: span, Name: key.Text, Role: KeyRef, Symbol: field, In: in})
		f.value(in, e.Value, field.Node.(*syntax.Field).Type, field.File)
	}
}

// underlying follows typedefs.
func underlying(t syntax.Type, at *File) (syntax.Type, *File) {
	for range 64 {
		named, ok := t.(*syntax.NamedType)
		if !ok {
			break
		}
		s := at.Type(named.Name)
		if s == nil || s.Kind != Typedef {
			break
		}
		t, at = s.Node.(*syntax.Typedef).Type, s.File
	}
	return t, at
}

// Underlying returns the type that t stands for after typedefs, and the file in which it is written.
func (f *File) Underlying(t syntax.Type) (syntax.Type, *File) { return underlying(t, f) }

// name adds a reference to a constant, or to an enum and its value.
func (f *File) name(in *Symbol, v *syntax.NameValue) {
	span := syntax.Span{Start: v.Start, End: v.Start + len(v.Name)}
	ref := Ref{Span: last(span, v.Name), Whole: span, Name: v.Name, Role: ValueRef, In: in}
	if s, inc := f.lookup(v.Name, 0, func(f *File, n string) *Symbol { return f.consts[n] }); s != nil {
		ref.Symbol, ref.Include = s, inc
		f.addRef(ref)
		return
	}
	for dot := strings.LastIndexByte(v.Name, '.'); dot > 0; dot = strings.LastIndexByte(v.Name[:dot], '.') {
		s, inc := f.lookup(v.Name[:dot], 0, func(f *File, n string) *Symbol { return f.types[n] })
		if s == nil {
			continue
		}
		enum := s
		if t, at := underlying(&syntax.NamedType{Name: s.Name}, s.File); s.Kind == Typedef {
			if named, ok := t.(*syntax.NamedType); ok {
				enum = at.Type(named.Name)
			}
		}
		if enum == nil || enum.Kind != Enum {
			continue
		}
		part := syntax.Span{Start: span.Start, End: span.Start + dot}
		f.addRef(Ref{Span: last(part, v.Name[:dot]), Whole: part, Name: v.Name[:dot], Role: ValueRef, Symbol: s, Include: inc, In: in})
		ref.Symbol, ref.Include = enum.Member(v.Name[dot+1:]), inc
		ref.Span = syntax.Span{Start: span.Start + dot + 1, End: span.End}
		f.addRef(ref)
		return
	}
	f.addRef(ref)
}

// At returns the symbol whose name is at offset, defined or used there, and its place; nil if there is none.
func (f *File) At(offset int) (*Symbol, syntax.Span) {
	for i := range f.Refs {
		if r := &f.Refs[i]; r.Symbol != nil && r.Span.Start <= offset && offset <= r.Span.End {
			return r.Symbol, r.Span
		}
	}
	var found *Symbol
	f.Each(func(s *Symbol) {
		if s.Span.Start <= offset && offset <= s.Span.End && s.Name != "" {
			found = s
		}
	})
	if found != nil {
		return found, found.Span
	}
	return nil, syntax.Span{}
}

// Each calls do for every symbol of f, parents first.
func (f *File) Each(do func(*Symbol)) {
	var walk func([]*Symbol)
	walk = func(list []*Symbol) {
		for _, s := range list {
			do(s)
			walk(s.Members)
		}
	}
	walk(f.Symbols)
}

// References calls do for every use of s in the files of the set.
func (set *Set) References(s *Symbol, do func(f *File, r *Ref)) {
	for _, f := range set.Files {
		for i := range f.Refs {
			if f.Refs[i].Symbol == s {
				do(f, &f.Refs[i])
			}
		}
	}
}
