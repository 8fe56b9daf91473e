package fill

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Parse returns the tree of a text that is JSON or YAML. JSON is almost a part of YAML, except for some characters in strings, tabs
// and the escapes of what is beyond the first 65,536 characters: so what is JSON is read as that. The error is an *Error.
func Parse(text []byte) (*yaml.Node, error) {
	if trimmed := bytes.TrimLeft(text, " \t\r\n"); len(trimmed) > 0 && strings.IndexByte("{[", trimmed[0]) >= 0 && json.Valid(text) {
		return JSON(text)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, syntaxError(err)
	}
	if len(doc.Content) == 0 {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: 1, Column: 1}, nil
	}
	return doc.Content[0], nil
}

// syntaxError returns an error of YAML with its place, of which that tells the line alone: "yaml: line 2: message".
func syntaxError(err error) error {
	e := &Error{Place: Place{1, 1}, Message: strings.TrimPrefix(err.Error(), "yaml: ")}
	if rest, ok := strings.CutPrefix(e.Message, "line "); ok {
		if number, message, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(number); err == nil {
				e.Line, e.Message = n, message
			}
		}
	}
	return e
}

// JSON returns the tree of a JSON text, with lines and columns. The error is an *Error.
func JSON(text []byte) (*yaml.Node, error) {
	var bad *json.SyntaxError
	var whole json.RawMessage
	if err := json.Unmarshal(text, &whole); errors.As(err, &bad) {
		at := min(max(int(bad.Offset)-1, 0), len(text))
		message := bad.Error()
		if message == "unexpected end of JSON input" {
			at, message = len(text), "the text ends early"
		}
		line, column := 1+bytes.Count(text[:at], []byte("\n")), at-bytes.LastIndexByte(text[:at], '\n')
		return nil, &Error{Place: Place{line, column}, Message: message}
	}
	r := &jsonReader{text: text, dec: json.NewDecoder(bytes.NewReader(text))}
	r.dec.UseNumber()
	return r.value(0)
}

type jsonReader struct {
	text []byte
	dec  *json.Decoder

	line, start int // of the place up to which lines were counted
	counted     int
}

// place returns where the next token begins.
func (r *jsonReader) place() Place {
	at := int(r.dec.InputOffset())
	for at < len(r.text) && strings.IndexByte(" \t\r\n,:", r.text[at]) >= 0 {
		at++
	}
	for ; r.counted < at; r.counted++ {
		if r.text[r.counted] == '\n' {
			r.line++
			r.start = r.counted + 1
		}
	}
	return Place{r.line + 1, at - r.start + 1}
}

func (r *jsonReader) value(depth int) (*yaml.Node, error) {
	at := r.place()
	tok, err := r.dec.Token()
	if err != nil {
		return nil, &Error{Place: at, Message: err.Error()}
	}
	node := &yaml.Node{Kind: yaml.ScalarNode, Line: at.Line, Column: at.Column}
	switch tok := tok.(type) {
	case nil:
		node.Tag, node.Value = "!!null", "null"
	case bool:
		node.Tag, node.Value = "!!bool", fmt.Sprint(tok)
	case json.Number:
		if node.Tag, node.Value = "!!int", tok.String(); strings.ContainsAny(node.Value, ".eE") {
			node.Tag = "!!float"
		}
	case string:
		node.Tag, node.Value, node.Style = "!!str", tok, yaml.DoubleQuotedStyle
	case json.Delim:
		if depth > maxDepth {
			return nil, &Error{Place: at, Message: "nested too deep"}
		}
		node.Kind, node.Tag = yaml.SequenceNode, "!!seq"
		if tok == '{' {
			node.Kind, node.Tag = yaml.MappingNode, "!!map"
		}
		for r.dec.More() {
			child, err := r.value(depth + 1)
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, child)
		}
		if _, err := r.dec.Token(); err != nil { // the end
			return nil, &Error{Place: at, Message: err.Error()}
		}
	}
	return node, nil
}
