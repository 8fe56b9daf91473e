package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// A form asks for the arguments of a method: a tree of fields, of which those that are shown make
// its rows.
type form struct {
	method *schema.Method
	binary dynamic.BinaryForm
	root   *field
}

// A field is a place for a value. Its parts are made when it is opened, as a type may contain itself.
type field struct {
	label  string
	t      *schema.Type
	decl   *schema.Field // nil for elements
	depth  int
	open   bool     // its parts are shown, and count
	parts  []*field // of a struct: its fields; of containers: elements; of an entry: key and value
	entry  bool     // of a map: a key and a value
	text   []rune   // of what has no parts
	cursor int
	given  bool // the text was typed or chosen, so that "" is a value
}

func newForm(m *schema.Method, binary dynamic.BinaryForm) *form {
	f := &form{method: m, binary: binary, root: &field{t: m.Args.Type(), depth: -1}}
	f.root.expand()
	for _, p := range f.root.parts { // what must be given is there from the start
		if p.decl.Default == nil && p.decl.Requiredness != schema.Optional {
			p.expand()
		}
	}
	return f
}

// expand opens f. A container is empty then.
func (f *field) expand() {
	if !isComposite(f.t) {
		return
	}
	f.open = true
	if f.t.Kind != schema.KindStruct || f.parts != nil {
		return
	}
	for _, d := range f.t.Struct.Fields {
		f.parts = append(f.parts, &field{label: d.Name, t: d.Type, decl: d, depth: f.depth + 1})
	}
}

// collapse takes the value of f away.
func (f *field) collapse() { f.open, f.parts, f.text, f.cursor, f.given = false, nil, nil, 0, false }

// grow adds an element or an entry to a container and returns the field to go on with.
func (f *field) grow() *field {
	f.expand()
	label := "[" + strconv.Itoa(len(f.parts)) + "]"
	if f.t.Kind != schema.KindMap {
		e := &field{label: label, t: f.t.Elem, depth: f.depth + 1}
		e.expand()
		f.parts = append(f.parts, e)
		return e
	}
	e := &field{label: label, t: f.t, depth: f.depth + 1, entry: true, open: true}
	key := &field{label: "key", t: f.t.Key, depth: f.depth + 2}
	value := &field{label: "value", t: f.t.Elem, depth: f.depth + 2}
	key.expand()
	value.expand()
	e.parts = []*field{key, value}
	f.parts = append(f.parts, e)
	return key
}

func (f *field) isContainer() bool {
	return !f.entry && (f.t.Kind == schema.KindList || f.t.Kind == schema.KindSet || f.t.Kind == schema.KindMap)
}

// rows returns the fields that are shown.
func (f *form) rows() []*field { return f.root.appendShown(nil) }

func (f *field) appendShown(rows []*field) []*field {
	if f.depth >= 0 {
		rows = append(rows, f)
	}
	if f.open {
		for _, p := range f.parts {
			rows = p.appendShown(rows)
		}
	}
	return rows
}

// parent returns the field that has f among its parts.
func (f *form) parent(of *field) *field {
	for _, p := range append([]*field{f.root}, f.rows()...) {
		for _, part := range p.parts {
			if part == of {
				return p
			}
		}
	}
	return nil
}

// remove takes an element out of its container, or the value of a field away.
func (f *form) remove(at *field) {
	p := f.parent(at)
	if p != nil && p.entry {
		at, p = p, f.parent(p)
	}
	if p == nil || !p.isContainer() {
		at.collapse()
		return
	}
	var rest []*field
	for _, part := range p.parts {
		if part != at {
			part.label = "[" + strconv.Itoa(len(rest)) + "]"
			rest = append(rest, part)
		}
	}
	p.parts = rest
}

// cycle goes to the next or previous name of a value.
func (f *field) cycle(by int) {
	names := valueNames(f.t)
	if len(names) == 0 {
		return
	}
	at := -1
	for i, n := range names {
		if n == string(f.text) {
			at = i
		}
	}
	if at < 0 && by < 0 {
		at = 0
	}
	f.setText(names[(at+by+len(names))%len(names)])
}

func (f *field) setText(s string) {
	f.text, f.given = []rune(s), true
	f.cursor = len(f.text)
}

// insert types s at the cursor.
func (f *field) insert(s string) {
	typed := []rune(strings.Map(func(r rune) rune {
		if r < ' ' {
			return -1
		}
		return r
	}, s))
	f.text = append(f.text[:f.cursor], append(typed, f.text[f.cursor:]...)...)
	f.cursor += len(typed)
	f.given = true
}

// backspace removes what is before the cursor.
func (f *field) backspace() {
	if f.cursor > 0 {
		f.text = append(f.text[:f.cursor-1], f.text[f.cursor:]...)
		f.cursor--
	}
	if len(f.text) == 0 && f.t.Kind != schema.KindString && f.t.Kind != schema.KindBinary {
		f.given = false
	}
}

func (f *field) move(by int) { f.cursor = max(0, min(len(f.text), f.cursor+by)) }

// arguments returns what the form says. Every mistake is reported.
func (f *form) arguments() (*dynamic.Struct, error) {
	var errs []error
	text := f.root.appendJSON(nil, "", f.binary, &errs)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	args, err := parseData(f.method, "form", text, f.binary)
	if err != nil {
		for _, err := range parts(errors.Unwrap(err)) {
			var bad *dynamic.JSONError
			if errors.As(err, &bad) && bad.Path != "" {
				err = fmt.Errorf("%s: %s", bad.Path, bad.Message)
			} else if errors.As(err, &bad) {
				err = errors.New(bad.Message)
			}
			errs = append(errs, err)
		}
		return nil, errors.Join(errs...)
	}
	return args, nil
}

// has reports whether f is a value at all.
func (f *field) has() bool {
	if isComposite(f.t) {
		return f.open
	}
	if f.given {
		return true
	}
	// An empty text is what a string that nobody touched must be, if there has to be one.
	must := f.decl == nil || f.decl.Default == nil && (f.decl.Requiredness == schema.Required || f.depth == 0)
	return must && (f.t.Kind == schema.KindString || f.t.Kind == schema.KindBinary)
}

func (f *field) appendJSON(dst []byte, path string, binary dynamic.BinaryForm, errs *[]error) []byte {
	if !isComposite(f.t) {
		v, err := parseWord(&schema.Field{Type: f.t}, string(f.text), binary)
		if err == nil && !v.IsSet() && f.depth == 0 {
			return append(dst, "null"...) // which leaves a parameter out
		}
		if err == nil && !v.IsSet() {
			err = fmt.Errorf("want %s, got null", f.t)
		}
		if err == nil {
			dst, err = dynamic.AppendJSON(dst, f.t, v, dynamic.JSONOptions{Binary: binary})
		}
		if err != nil {
			var bad *dynamic.JSONError
			var unfit *wire.Error
			switch {
			case errors.As(err, &bad):
				err = errors.New(bad.Message)
			case errors.As(err, &unfit) && unfit.Message != "":
				err = errors.New(unfit.Message)
			}
			*errs = append(*errs, fmt.Errorf("%s: %w", path, err))
		}
		return dst
	}
	brackets := "{}"
	isMap := f.t.Kind == schema.KindMap
	if f.t.Kind != schema.KindStruct {
		brackets = "[]"
	}
	dst = append(dst, brackets[0])
	first := true
	for _, p := range f.parts {
		if f.t.Kind == schema.KindStruct && !p.has() {
			continue // if it must be there, parseData says so
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		switch {
		case isMap: // as entries, which any key has
			dst = append(dst, `{"key":`...)
			dst = p.parts[0].appendJSON(dst, path+p.label+".key", binary, errs)
			dst = append(dst, `,"value":`...)
			dst = p.parts[1].appendJSON(dst, path+p.label+".value", binary, errs)
			dst = append(dst, '}')
		case f.t.Kind == schema.KindStruct:
			dst = append(append(dst, quoteJSON(p.label)...), ':')
			dst = p.appendJSON(dst, strings.TrimPrefix(path+"."+p.label, "."), binary, errs)
		default:
			dst = p.appendJSON(dst, path+p.label, binary, errs)
		}
	}
	return append(dst, brackets[1])
}

// fill puts v into f.
func (f *field) fill(v dynamic.Value, binary dynamic.BinaryForm) {
	if !v.IsSet() {
		return
	}
	f.expand()
	switch f.t.Kind {
	case schema.KindStruct:
		for _, p := range f.parts {
			if got := v.Struct().At(p.decl.Index); got.IsSet() {
				p.fill(got, binary)
			}
		}
	case schema.KindList, schema.KindSet:
		for _, e := range v.List().All() {
			f.grow().fill(e, binary)
		}
	case schema.KindMap:
		for _, e := range v.Map().Entries() {
			f.grow()
			entry := f.parts[len(f.parts)-1]
			entry.parts[0].fill(e.Key, binary)
			entry.parts[1].fill(e.Value, binary)
		}
	default:
		f.setText(wordOf(f.t, v, binary))
	}
}

// wordOf returns the text that parseWord makes v of.
func wordOf(t *schema.Type, v dynamic.Value, binary dynamic.BinaryForm) string {
	text, err := dynamic.AppendJSON(nil, t, v, dynamic.JSONOptions{Binary: binary})
	if err != nil {
		return ""
	}
	var s string
	if json.Unmarshal(text, &s) != nil || t.Kind == schema.KindString && strings.HasPrefix(s, `"`) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' }) {
		return string(text)
	}
	return s
}
