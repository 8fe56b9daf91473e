package fill

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Parse returns the tree of a text that is JSON or YAML. JSON is almost a part of YAML, but for some characters in strings, tabs
// and the escapes of what is beyond the first 65,536 characters: so what is JSON is read as that. The error of JSON is an *Error.
func Parse(text []byte) (*yaml.Node, error) {
	if trimmed := bytes.TrimLeft(text, " \t\r\n"); len(trimmed) > 0 && strings.IndexByte("{[", trimmed[0]) >= 0 && json.Valid(text) {
		return JSON(text)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) == 0 {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: 1, Column: 1}, nil
	}
	return doc.Content[0], nil
}

// JSON returns the tree of a JSON text, with lines and columns.
func JSON(text []byte) (*yaml.Node, error) {
	r := &jsonReader{text: text, dec: json.NewDecoder(bytes.NewReader(text))}
	r.dec.UseNumber()
	node, err := r.value(0)
	if err == nil {
		if _, end := r.dec.Token(); end != io.EOF {
			err = r.fail(errors.New("the text goes on behind the value"))
		}
	}
	return node, err
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

func (r *jsonReader) fail(err error) error {
	var bad *json.SyntaxError
	message := strings.TrimPrefix(err.Error(), "json: ")
	at := r.place()
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		message = "the text ends too soon"
	case errors.As(err, &bad):
		before := r.text[:min(max(int(bad.Offset)-1, 0), len(r.text))]
		at = Place{1 + bytes.Count(before, []byte("\n")), len(before) - bytes.LastIndexByte(before, '\n')}
	}
	return &Error{Place: at, Message: message}
}

func (r *jsonReader) value(depth int) (*yaml.Node, error) {
	at := r.place()
	tok, err := r.dec.Token()
	if err != nil {
		return nil, r.fail(err)
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
		if _, err := r.dec.Token(); err != nil {
			return nil, r.fail(err)
		}
	}
	return node, nil
}
