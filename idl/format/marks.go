package format

import "github.com/thriftkit/thriftkit/idl/syntax"

// A mark is what the tree says about a token and the token does not show.
type mark uint16

const (
	begins     mark = 1 << iota // an element: of the file or of the bracket that it is in
	ofValue                     // the bracket of a constant list or map
	ofFunction                  // the "(" of the parameters
	atPresence                  // the columns of Options.Align
	atType
	atName
	atValue
	keepSeparator // the "," between the types of a function's result, and the ";" of package;
	ofType        // the "{" of a value after the name of its type
	annotates     // an element that is a structured annotation of the next one
	verbatim      // part of a structured annotation
)

// alignedMarks are the marks of columns from left to right.
var alignedMarks = [...]mark{atPresence, atType, atName, atValue}

// A marker walks the tree in the order of the text, so that the token of a node is always ahead.
type marker struct {
	file   *syntax.File
	tokens []syntax.Token
	marks  []mark
	pos    int
}

// marks returns the marks of the tokens of f.
func marks(f *syntax.File) []mark {
	m := &marker{file: f, tokens: f.Tokens, marks: make([]mark, len(f.Tokens))}
	for _, h := range f.Headers {
		if p, ok := h.(*syntax.Package); ok {
			m.structured(p.Annotations)
		}
		m.mark(h.Range().Start, begins)
		switch h := h.(type) {
		case *syntax.Package:
			if h.Name == nil {
				m.markNext(h.Start, keepSeparator)
			}
		case *syntax.Namespace:
			m.annotations(h.Annotations)
		}
	}
	m.pos = 0 // headers may follow definitions in the text
	for _, d := range f.Defs {
		m.definition(d)
	}
	return m.marks
}

// mark marks the token that begins at offset.
func (m *marker) mark(offset int, k mark) {
	for m.tokens[m.pos].Range().Start < offset {
		m.pos++
	}
	m.marks[m.pos] |= k
}

// markNext marks the token after the one that begins at offset.
func (m *marker) markNext(offset int, k mark) {
	m.mark(offset, 0)
	m.marks[m.pos+1] |= k
}

func (m *marker) definition(d syntax.Def) {
	switch d := d.(type) {
	case *syntax.Const:
		m.begin(d, d.Annotations)
		m.typ(d.Type)
		m.value(d.Value)
		m.annotations(d.Annotations)
	case *syntax.Typedef:
		m.begin(d, d.Annotations)
		m.typ(d.Type)
		m.annotations(d.Annotations)
	case *syntax.Enum:
		m.begin(d, d.Annotations)
		for _, v := range d.Values {
			m.begin(v, v.Annotations)
			if v.Number != nil {
				m.markNext(v.Start, atValue)
			}
			m.annotations(v.Annotations)
		}
		m.annotations(d.Annotations)
	case *syntax.Struct:
		m.begin(d, d.Annotations)
		m.fields(d.Fields)
		m.annotations(d.Annotations)
	case *syntax.Service:
		m.begin(d, d.Annotations)
		functions := d.Functions
		for _, name := range d.Performs {
			for len(functions) > 0 && functions[0].Start < name.Start {
				m.function(functions[0])
				functions = functions[1:]
			}
			m.mark(name.Start, begins)
		}
		for _, f := range functions {
			m.function(f)
		}
		m.annotations(d.Annotations)
	case *syntax.Interaction:
		m.begin(d, d.Annotations)
		for _, f := range d.Functions {
			m.function(f)
		}
		m.annotations(d.Annotations)
	}
}

// begin marks the beginning of an element and the structured annotations before it.
func (m *marker) begin(n syntax.Node, annotations []*syntax.Annotation) {
	m.structured(annotations)
	m.mark(n.Range().Start, begins)
}

// structured marks the structured annotations of a list.
func (m *marker) structured(list []*syntax.Annotation) {
	for _, a := range list {
		if !a.Structured {
			continue
		}
		m.mark(a.Start, begins|annotates)
		starts := false // an element of its value
		for m.pos < len(m.tokens) && m.tokens[m.pos].Range().End <= a.End {
			switch text := m.text(m.pos); text {
			case ",", ";":
				starts = true
			case "{", "[", "(":
				m.element(starts, ofValue)
				starts = true
			case "}", "]", ")":
				m.element(false, 0)
				starts = false
			default:
				m.element(starts, 0)
				starts = false
			}
			m.pos++
		}
	}
}

// element marks the current token, part of a structured annotation.
func (m *marker) element(starts bool, k mark) {
	if starts {
		k |= begins
	}
	m.marks[m.pos] |= verbatim | k
}

func (m *marker) text(token int) string { return m.file.Text(m.tokens[token].Range()) }

func (m *marker) function(f *syntax.Function) {
	m.begin(f, f.Annotations)
	if f.Interaction != nil {
		m.markNext(f.Interaction.Start, keepSeparator)
	}
	if f.Result != nil {
		m.typ(f.Result)
	}
	for _, t := range []*syntax.StreamType{f.Sink, f.Stream} {
		if t != nil {
			m.stream(f, t)
		}
	}
	m.markNext(f.Name.Start, ofFunction)
	m.fields(f.Params)
	m.fields(f.Throws)
	m.annotations(f.Annotations)
}

// stream marks a stream type in the result of f, and the comma before it.
func (m *marker) stream(f *syntax.Function, t *syntax.StreamType) {
	if m.mark(t.Start, 0); t.Start > f.Start {
		m.marks[m.pos-1] |= keepSeparator
	}
	m.typ(t.Elem)
	m.fields(t.Throws)
	m.typ(t.Final)
	m.fields(t.FinalThrows)
}

func (m *marker) fields(list []*syntax.Field) {
	for _, f := range list {
		m.begin(f, f.Annotations)
		if f.Requiredness != syntax.Unspecified {
			m.mark(f.ReqSpan.Start, atPresence)
		}
		m.mark(f.Type.Range().Start, atType)
		m.typ(f.Type)
		m.mark(f.Name.Start, atName)
		if f.Default != nil {
			m.markNext(f.Name.Start, atValue)
			m.value(f.Default)
		}
		m.annotations(f.Annotations)
	}
}

func (m *marker) typ(t syntax.Type) {
	switch t := t.(type) {
	case *syntax.BaseType:
		m.annotations(t.Annotations)
	case *syntax.ListType:
		m.typ(t.Elem)
		m.annotations(t.Annotations)
	case *syntax.SetType:
		m.typ(t.Elem)
		m.annotations(t.Annotations)
	case *syntax.MapType:
		m.typ(t.Key)
		m.typ(t.Elem)
		m.annotations(t.Annotations)
	}
}

func (m *marker) value(v syntax.Value) {
	switch v := v.(type) {
	case *syntax.ListValue:
		m.mark(v.Start, ofValue)
		for _, e := range v.Elems {
			m.mark(e.Range().Start, begins)
			m.value(e)
		}
	case *syntax.MapValue:
		if v.Type.Text != "" {
			m.markNext(v.Start, ofValue|ofType)
		} else {
			m.mark(v.Start, ofValue)
		}
		for _, e := range v.Entries {
			m.mark(e.Key.Range().Start, begins)
			m.value(e.Key)
			m.value(e.Value)
		}
	}
}

func (m *marker) annotations(list []*syntax.Annotation) {
	for _, a := range list {
		if !a.Structured {
			m.mark(a.Start, begins)
		}
	}
}
