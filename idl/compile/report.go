package compile

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/schema"
)

// A report is a diagnostic to which related places and a hint may be added.
type report struct{ d *syntax.Diagnostic }

func (u *unit) error(s syntax.Span, code, format string, args ...any) report {
	u.failed = true
	return u.report(syntax.Error, s, code, format, args)
}

// errorAt is error for a place of the schema, whose end is not known.
func (u *unit) errorAt(pos schema.Position, code, format string, args ...any) report {
	u.failed = true
	return u.warnAt(pos, code, format, args...).severity(syntax.Error)
}

// warnAt is warn for a place of the schema, whose end is not known.
func (u *unit) warnAt(pos schema.Position, code, format string, args ...any) report {
	r := u.warn(syntax.Span{}, code, format, args...)
	r.d.Place = syntax.Place{File: pos.File, Line: pos.Line, Column: pos.Column, EndLine: pos.Line, EndColumn: pos.Column}
	return r
}

func (r report) severity(s syntax.Severity) report {
	r.d.Severity = s
	return r
}

func (u *unit) warn(s syntax.Span, code, format string, args ...any) report {
	return u.report(syntax.Warning, s, code, format, args)
}

func (u *unit) report(sev syntax.Severity, s syntax.Span, code, format string, args []any) report {
	d := &syntax.Diagnostic{Place: u.tree.Place(s), Severity: sev, Code: code, Message: oneLine(fmt.Sprintf(format, args...))}
	u.diags = append(u.diags, d)
	return report{d}
}

// also adds another place, in u. It reads as "message at place".
func (r report) also(u *unit, s syntax.Span, message string) report {
	r.d.Related = append(r.d.Related, syntax.Related{Place: u.tree.Place(s), Message: message})
	return r
}

func (r report) alsoAt(pos schema.Position, message string) report {
	p := syntax.Place{File: pos.File, Line: pos.Line, Column: pos.Column, EndLine: pos.Line, EndColumn: pos.Column}
	r.d.Related = append(r.d.Related, syntax.Related{Place: p, Message: message})
	return r
}

// hint sets what to do about it; the empty hint is none.
func (r report) hint(format string, args ...any) report {
	r.d.Hint = oneLine(fmt.Sprintf(format, args...))
	return r
}

// oneLine replaces control characters, which string literals bring into messages.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, text)
}

func (u *unit) meta(doc string, annotations []*syntax.Annotation, name syntax.Span) schema.Meta {
	return schema.Meta{Doc: doc, Annotations: convertAnnotations(annotations), Pos: u.pos(name)}
}

func convertAnnotations(list []*syntax.Annotation) schema.Annotations {
	if len(list) == 0 {
		return nil
	}
	out := make(schema.Annotations, len(list))
	for i, a := range list {
		out[i] = schema.Annotation{Name: a.Name.Text, Value: "1"}
		if a.Value != nil {
			out[i].Value = a.Value.Text
		}
	}
	return out
}

func (u *unit) pos(s syntax.Span) schema.Position { return u.lines.pos(u.path, s.Start) }

// A cursor turns offsets into positions. Most are asked for in the order of the text, so it
// goes on from the last one; for the others it starts anew from the tree's table.
type cursor struct {
	tree      *syntax.File
	offset    int
	line      int
	lineStart int
}

func (c *cursor) pos(path string, offset int) schema.Position {
	if c.line == 0 || offset < c.lineStart {
		p := c.tree.Place(syntax.Span{Start: offset, End: offset})
		c.offset, c.line, c.lineStart = offset, p.Line, offset-p.Column+1
		return schema.Position{File: path, Line: p.Line, Column: p.Column}
	}
	if offset > c.offset {
		between := c.tree.Source[c.offset:offset]
		if i := bytes.LastIndexByte(between, '\n'); i >= 0 {
			c.line += bytes.Count(between, []byte{'\n'})
			c.lineStart = c.offset + i + 1
		}
		c.offset = offset
	}
	return schema.Position{File: path, Line: c.line, Column: offset - c.lineStart + 1}
}
