package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
)

// Parts of arguments on the command line. What precedes the "=" may be a way into a
// parameter:
//
//	user.name=bob     a field of a struct
//	tags[]=x          one more element of a list or set
//	tags[0]=x         the element at that place: one that is there, or the next
//	prices[x]=3       the value under a key of a map
//	user:={"a": 1}    JSON, whatever the type is
//
// and any of these one after the other. After "=" follows what would follow for a parameter of the
// part's type.

// An assignment is a word that gives a parameter or a part of it.
type assignment struct {
	param *schema.Field
	steps []step
	json  bool // ":="
	text  string
	path  string // what precedes the "="
}

// A step goes from a value to a part of it.
type step struct {
	name  string // of a field; or what stands in brackets
	index bool   // in brackets
}

// splitPath reads a word as an assignment, if it begins with the name of a parameter and has the form
// of one.
func splitPath(m *schema.Method, word string) (a assignment, ok bool) {
	end := nameEnd(word)
	if a.param = m.Args.Field(word[:end]); a.param == nil {
		return a, false
	}
	for rest := word[end:]; ; {
		switch {
		case strings.HasPrefix(rest, ":="):
			a.path, a.json, a.text = word[:len(word)-len(rest)], true, rest[2:]
			return a, true
		case strings.HasPrefix(rest, "="):
			a.path, a.text = word[:len(word)-len(rest)], rest[1:]
			return a, true
		case strings.HasPrefix(rest, "."):
			n := nameEnd(rest[1:])
			if n == 0 {
				return a, false
			}
			a.steps = append(a.steps, step{name: rest[1 : 1+n]})
			rest = rest[1+n:]
		case strings.HasPrefix(rest, "["):
			inside, after, closed := strings.Cut(rest[1:], "]")
			if !closed {
				return a, false
			}
			a.steps = append(a.steps, step{name: inside, index: true})
			rest = after
		default:
			return a, false
		}
	}
}

// nameEnd returns the length of the identifier that s begins with.
func nameEnd(s string) int {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || c < '0' || c > '9') {
			return i
		}
	}
	return len(s)
}

// A part is a value that is put together of several words: a text of JSON, or parts of it.
type part struct {
	t     *schema.Type
	pos   schema.Position // of the field that it is in
	text  []byte
	names []string // of fields, or the keys of a map
	parts []*part  // of those, or of elements
}

// A pathError is a mistake in a part of a parameter.
type pathError struct {
	path string
	at   *part // the last one on the way
	err  error
}

func (e *pathError) Error() string { return e.path + ": " + e.err.Error() }
func (e *pathError) Unwrap() error { return e.err }

// assign puts the text of a where its steps lead to.
func (p *part) assign(a assignment, form dynamic.BinaryForm) error {
	at := p
	for _, s := range a.steps {
		next, err := at.step(s)
		if err != nil {
			return &pathError{a.path, at, err}
		}
		at = next
	}
	if at.text != nil || at.parts != nil {
		return &pathError{a.path, at, errors.New("given twice")}
	}
	v, err := a.value(at.t, form)
	if err == nil && !v.IsSet() {
		err = errors.New("a part of an argument cannot be null")
	}
	if err == nil {
		at.text, err = dynamic.AppendJSON(nil, at.t, v, dynamic.JSONOptions{Binary: form})
	}
	if err == nil {
		return nil
	}
	var errs []error
	for _, err := range parts(err) {
		errs = append(errs, &pathError{a.path, at, err})
	}
	return errors.Join(errs...)
}

func (a assignment) value(t *schema.Type, form dynamic.BinaryForm) (dynamic.Value, error) {
	if a.json {
		return dynamic.ParseJSON(t, []byte(a.text), dynamic.JSONOptions{Binary: form})
	}
	return parseWord(&schema.Field{Type: t}, a.text, form)
}

// step returns the part that s leads to; it is made if it is not there.
func (p *part) step(s step) (*part, error) {
	switch {
	case p.text != nil:
		return nil, errors.New("all of it is given already")
	case !s.index && p.t.Kind == schema.KindStruct:
		f := p.t.Struct.Field(s.name)
		if f == nil {
			return nil, fmt.Errorf("struct %s has no field %q%s", p.t.Struct.Name, s.name, didYouMean(s.name, fieldNames(p.t.Struct)))
		}
		return p.named(s.name, f.Type, f.Pos), nil
	case !s.index:
		return nil, fmt.Errorf(".%s is for a struct, not for %s", s.name, p.t)
	case p.t.Kind == schema.KindMap:
		if _, ok, err := dynamic.ParseKey(p.t.Key, s.name); err != nil || !ok {
			if err == nil {
				err = fmt.Errorf("%s is no key that has a name", p.t.Key)
			}
			return nil, err
		}
		return p.named(s.name, p.t.Elem, p.pos), nil
	case p.t.Kind != schema.KindList && p.t.Kind != schema.KindSet:
		return nil, fmt.Errorf("[%s] is for a list, set or map, not for %s", s.name, p.t)
	case s.name == "":
		return p.element(len(p.parts)), nil
	}
	n, err := strconv.Atoi(s.name)
	switch {
	case err != nil || n < 0:
		return nil, fmt.Errorf("[%s]: a place in a %s is a number from 0, or [] for the next", s.name, p.t.Kind)
	case n > len(p.parts):
		return nil, fmt.Errorf("[%d] comes before [%d]", n, len(p.parts))
	}
	return p.element(n), nil
}

func fieldNames(s *schema.Struct) []string {
	var names []string
	for _, f := range s.Fields {
		names = append(names, f.Name)
	}
	return names
}

func (p *part) named(name string, t *schema.Type, pos schema.Position) *part {
	for i, n := range p.names {
		if n == name {
			return p.parts[i]
		}
	}
	p.names = append(p.names, name)
	return p.add(t, pos)
}

func (p *part) element(n int) *part {
	if n < len(p.parts) {
		return p.parts[n]
	}
	return p.add(p.t.Elem, p.pos)
}

func (p *part) add(t *schema.Type, pos schema.Position) *part {
	next := &part{t: t, pos: pos}
	p.parts = append(p.parts, next)
	return next
}

// appendJSON appends p, put together, as JSON.
func (p *part) appendJSON(dst []byte) []byte {
	if p.text != nil {
		return append(dst, p.text...)
	}
	opening, closing := byte('['), byte(']')
	if p.t.Kind == schema.KindStruct || p.t.Kind == schema.KindMap {
		opening, closing = '{', '}'
	}
	dst = append(dst, opening)
	for i, q := range p.parts {
		if i > 0 {
			dst = append(dst, ',')
		}
		if opening == '{' {
			dst = append(append(dst, quoteJSON(p.names[i])...), ':')
		}
		dst = q.appendJSON(dst)
	}
	return append(dst, closing)
}

// set gives argument i of args the value that p is.
func (p *part) set(args *dynamic.Struct, i int, form dynamic.BinaryForm) error {
	v, err := dynamic.ParseJSON(p.t, p.appendJSON(nil), dynamic.JSONOptions{Binary: form})
	if err == nil {
		return args.Set(args.Schema().Fields[i].Name, v)
	}
	var errs []error
	for _, err := range parts(err) {
		var bad *dynamic.JSONError
		if errors.As(err, &bad) {
			unplaced := *bad // nobody has seen the text
			unplaced.Line, unplaced.Column = 0, 0
			err = &unplaced
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
