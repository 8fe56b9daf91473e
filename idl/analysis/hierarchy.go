package analysis

import (
	"github.com/thriftkit/thriftkit/idl/symbols"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

// A Use is a definition that uses another one, or is used by it, with the places of the uses. These are in the
// file of the user.
type Use struct {
	Symbol *symbols.Symbol
	Spans  []syntax.Span
}

// Node returns what the hierarchies have at offset: a type, a service, a method or a constant, nil if none is named there.
func (v *View) Node(path string, offset int) *symbols.Symbol {
	f := v.File(path)
	if f == nil {
		return nil
	}
	s, _ := f.At(offset)
	if s == nil || s != user(s) {
		return nil
	}
	return s
}

// user returns the definition that s is a part of: a method, or one of the top level.
func user(s *symbols.Symbol) *symbols.Symbol {
	for s.Parent != nil && s.Kind != symbols.Method {
		s = s.Parent
	}
	return s
}

// UsedBy returns the definitions that use s or a member of it, in the order of files and texts.
func (v *View) UsedBy(s *symbols.Symbol) []Use {
	var list uses
	v.eachUse(func(from, to *symbols.Symbol, span syntax.Span) {
		if to == s {
			list.add(from, span)
		}
	})
	return list
}

// Uses returns the definitions that s, or a method of it, uses.
func (v *View) Uses(s *symbols.Symbol) []Use {
	var list uses
	v.eachUse(func(from, to *symbols.Symbol, span syntax.Span) {
		if from == s || from.Parent == s {
			list.add(to, span)
		}
	})
	return list
}

// eachUse calls do for each use of a definition in another one.
func (v *View) eachUse(do func(from, to *symbols.Symbol, span syntax.Span)) {
	for _, f := range v.Set.Files {
		for i := range f.Refs {
			if r := &f.Refs[i]; r.Symbol != nil && r.In != nil {
				do(user(r.In), user(r.Symbol), r.Span)
			}
		}
	}
}

type uses []Use

func (list *uses) add(s *symbols.Symbol, span syntax.Span) {
	for i := range *list {
		if u := &(*list)[i]; u.Symbol == s {
			u.Spans = append(u.Spans, span)
			return
		}
	}
	*list = append(*list, Use{s, []syntax.Span{span}})
}

// Supertypes returns the service that the service s extends.
func (v *View) Supertypes(s *symbols.Symbol) []*symbols.Symbol {
	var list []*symbols.Symbol
	v.eachExtends(func(child, parent *symbols.Symbol) {
		if child == s {
			list = append(list, parent)
		}
	})
	return list
}

// Subtypes returns the services that extend the service s.
func (v *View) Subtypes(s *symbols.Symbol) []*symbols.Symbol {
	var list []*symbols.Symbol
	v.eachExtends(func(child, parent *symbols.Symbol) {
		if parent == s {
			list = append(list, child)
		}
	})
	return list
}

func (v *View) eachExtends(do func(child, parent *symbols.Symbol)) {
	for _, f := range v.Set.Files {
		for i := range f.Refs {
			if r := &f.Refs[i]; r.Role == symbols.ExtendsRef && r.Symbol != nil && r.In != nil {
				do(user(r.In), r.Symbol)
			}
		}
	}
}
