package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/internal/edits"
)

// A node is a value of a document of JSON, with its place.
type node struct {
	line, column int
	path         string
	value        any // string, bool, json.Number, nil, []*node or []member
}

type member struct {
	key string
	*node
}

func (n *node) kind() string {
	switch n.value.(type) {
	case string:
		return "a string"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	case []*node:
		return "a list"
	case []member:
		return "an object"
	}
	return "null"
}

// maxDepth bounds how deep a document may nest. Policies need four levels.
const maxDepth = 16

// parseJSON reads a document. Its errors are *PolicyError.
func parseJSON(text []byte) (*node, error) {
	p := &parser{text: text, d: json.NewDecoder(bytes.NewReader(text))}
	p.d.UseNumber()
	root, err := p.node("", 0)
	if err == nil {
		after := p.next()
		if _, end := p.d.Token(); end == io.EOF {
			return root, nil
		}
		line, column := p.place(after)
		return nil, &PolicyError{Line: line, Column: column, Message: "there is something after the document"}
	}
	var e *PolicyError
	if errors.As(err, &e) {
		return nil, e
	}
	at := p.next()
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		at = max(at, int(syntax.Offset)-1)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err, at = errors.New("the document ends too early"), len(text)
	}
	line, column := p.place(at)
	return nil, &PolicyError{Line: line, Column: column, Message: strings.TrimPrefix(err.Error(), "json: ")}
}

type parser struct {
	text []byte
	d    *json.Decoder
}

// next returns where the next token begins.
func (p *parser) next() int {
	i := int(p.d.InputOffset())
	for i < len(p.text) && strings.IndexByte(" \t\r\n,:", p.text[i]) >= 0 {
		i++
	}
	return i
}

func (p *parser) place(offset int) (line, column int) {
	before := p.text[:min(offset, len(p.text))]
	return 1 + bytes.Count(before, []byte("\n")), len(before) - bytes.LastIndexByte(before, '\n')
}

func (p *parser) node(path string, depth int) (*node, error) {
	n := &node{path: path}
	n.line, n.column = p.place(p.next())
	if depth > maxDepth {
		return nil, &PolicyError{n.line, n.column, path, "the document nests too deep"}
	}
	t, err := p.d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('['):
		list := []*node{}
		for p.d.More() {
			item, err := p.node(fmt.Sprintf("%s[%d]", path, len(list)), depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		n.value = list
		_, err = p.d.Token()
	case json.Delim('{'):
		members := []member{}
		for p.d.More() {
			line, column := p.place(p.next())
			key, err := p.d.Token()
			if err != nil {
				return nil, err
			}
			name := key.(string) // of an object, by the decoder
			at := strings.TrimPrefix(path+"."+name, ".")
			if slices.ContainsFunc(members, func(m member) bool { return m.key == name }) {
				return nil, &PolicyError{line, column, at, "the key is there twice"}
			}
			item, err := p.node(at, depth+1)
			if err != nil {
				return nil, err
			}
			members = append(members, member{name, item})
		}
		n.value = members
		_, err = p.d.Token()
	default:
		n.value = t
	}
	return n, err
}

// object calls f for the members of an object, and reports whether n is one.
func (r *reader) object(n *node, known []string, f func(key string, v *node)) bool {
	members, ok := n.value.([]member)
	if !ok {
		r.errorf(n, "want an object with %s, got %s", strings.Join(known, ", "), n.kind())
		return false
	}
	for _, m := range members {
		if m.key == "$schema" && n.path == "" {
			continue
		}
		if !slices.Contains(known, m.key) {
			hint := "there are " + strings.Join(known, ", ")
			if near := edits.Nearest(m.key, known); near != "" {
				hint = "did you mean " + near + "?"
			}
			r.errorf(m.node, "unknown key (%s)", hint)
			continue
		}
		f(m.key, m.node)
	}
	return true
}

// list calls f for the items of a list.
func (r *reader) list(n *node, f func(*node)) {
	items, ok := n.value.([]*node)
	if !ok {
		r.errorf(n, "want a list, got %s", n.kind())
	}
	for _, item := range items {
		f(item)
	}
}

// filled is list for a list that must have something: an empty one might mean all or none.
func (r *reader) filled(n *node, f func(*node)) {
	if items, ok := n.value.([]*node); ok && len(items) == 0 {
		r.errorf(n, "the list is empty")
	}
	r.list(n, f)
}

// text returns the text of a string that is not empty; "" after a mistake.
func (r *reader) text(n *node) string {
	s, ok := n.value.(string)
	switch {
	case !ok:
		r.errorf(n, "want a string, got %s", n.kind())
	case s == "":
		r.errorf(n, "the string is empty")
	}
	return s
}
