// Package document reads documents of settings, as JSON or as YAML, and keeps the place of each value, so that a mistake in one is
// reported with its line and column.
//
// Of YAML it reads what people write into such documents: block and flow maps and lists, plain and quoted scalars, comments. Anchors, tags,
// block scalars, scalars of several lines and several documents in one are refused. JSON is read as JSON (RFC 8259).
package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A Node is a value of a document, with its place.
type Node struct {
	Line, Column int    // from 1; columns count characters
	Path         string // such as rules[2].allow[0]; "" for the document
	Value        any    // string, bool, json.Number, nil, []*Node or []Member
}

// A Member is a key of an object, and its value.
type Member struct {
	Key string
	*Node
}

// Kind says what kind of value n is, in words.
func (n *Node) Kind() string {
	switch n.Value.(type) {
	case string:
		return "a string"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	case []*Node:
		return "a list"
	case []Member:
		return "an object"
	}
	return "null"
}

// An Error is a mistake in a document.
type Error struct {
	Line, Column int
	Path         string
	Message      string
}

// Error implements error.
func (e *Error) Error() string {
	path := e.Path
	if path != "" {
		path += ": "
	}
	return fmt.Sprintf("%d:%d: %s%s", e.Line, e.Column, path, e.Message)
}

// maxDepth bounds how deep a document may nest.
const maxDepth = 16

// Parse reads a document: as JSON if it begins with { or [, else as YAML. Its errors are *Error.
func Parse(text []byte) (*Node, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if t := bytes.TrimLeft(text, " \t\r\n"); len(t) > 0 && (t[0] == '{' || t[0] == '[') {
		return ParseJSON(text)
	}
	return parseYAML(text)
}

// ParseJSON reads a document of JSON. Its errors are *Error.
func ParseJSON(text []byte) (*Node, error) {
	p := &parser{placer: placer{text: string(text)}, d: json.NewDecoder(bytes.NewReader(text))}
	p.d.UseNumber()
	root, err := p.node("", 0)
	if err == nil {
		after := p.next()
		if _, end := p.d.Token(); end == io.EOF {
			return root, nil
		}
		line, column := p.place(after)
		return nil, &Error{Line: line, Column: column, Message: "there is something after the document"}
	}
	var e *Error
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
	return nil, &Error{Line: line, Column: column, Message: strings.TrimPrefix(err.Error(), "json: ")}
}

type parser struct {
	placer
	d *json.Decoder
}

// next returns where the next token begins.
func (p *parser) next() int {
	i := int(p.d.InputOffset())
	for i < len(p.text) && strings.IndexByte(" \t\r\n,:", p.text[i]) >= 0 {
		i++
	}
	return i
}

// A placer says where offsets of a text are. It goes on from the last one, so that a document is passed over once.
type placer struct {
	text         string
	at           int
	line, column int // before at, from 0
}

// place returns the line and the column of an offset.
func (p *placer) place(offset int) (line, column int) {
	if offset < p.at {
		p.at, p.line, p.column = 0, 0, 0
	}
	for offset = min(offset, len(p.text)); p.at < offset; {
		r, size := utf8.DecodeRuneInString(p.text[p.at:])
		if p.at += size; r == '\n' {
			p.line, p.column = p.line+1, 0
		} else {
			p.column++
		}
	}
	return p.line + 1, p.column + 1
}

func (p *parser) node(path string, depth int) (*Node, error) {
	n := &Node{Path: path}
	n.Line, n.Column = p.place(p.next())
	if depth > maxDepth {
		return nil, &Error{n.Line, n.Column, path, tooDeep}
	}
	t, err := p.d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('['):
		list := []*Node{}
		for p.d.More() {
			item, err := p.node(itemPath(path, len(list)), depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		n.Value = list
		_, err = p.d.Token()
	case json.Delim('{'):
		members, seen := []Member{}, make(map[string]bool)
		for p.d.More() {
			line, column := p.place(p.next())
			key, err := p.d.Token()
			if err != nil {
				return nil, err
			}
			name := key.(string) // of an object, by the decoder
			at := memberPath(path, name)
			if seen[name] {
				return nil, &Error{line, column, at, twice}
			}
			seen[name] = true
			item, err := p.node(at, depth+1)
			if err != nil {
				return nil, err
			}
			members = append(members, Member{name, item})
		}
		n.Value = members
		_, err = p.d.Token()
	default:
		n.Value = t
	}
	return n, err
}

const (
	tooDeep = "the document nests too deep"
	twice   = "the key is there twice"
)

func itemPath(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

func memberPath(path, key string) string { return strings.TrimPrefix(path+"."+key, ".") }
