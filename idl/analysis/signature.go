package analysis

import (
	"strconv"
	"strings"

	"github.com/thriftkit/thriftkit/idl/symbols"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

// A Signature is what an editor shows while a list of things with a fixed meaning is typed: the parts of a container's type, the fields
// of a constant, the parameters of a method.
type Signature struct {
	Label  string
	Doc    string
	Params []Param
	Active int // the index of the part at the cursor; len(Params) if it is none of them
}

// A Param is one part of a Signature.
type Param struct {
	Span syntax.Span // in Label
	Doc  string
}

// A bracket is one that is open at the cursor.
type bracket struct {
	text   string
	token  int    // its index
	commas int    // behind it, on its own level
	key    string // before the colon that came last
	colon  bool   // one came since the last comma
}

// openBrackets returns the brackets that are open at offset, the innermost last. It counts tokens, so it works in text that does not parse.
func openBrackets(t *syntax.File, offset int) []bracket {
	var open []bracket
	for i, tok := range t.Tokens {
		r := tok.Range()
		if r.End > offset || tok.Kind() == syntax.EOF {
			break
		}
		text := t.Text(r)
		if tok.Kind() == syntax.Keyword && column(t, r.Start) == 0 && len(open) > 0 {
			open = nil // the definition before is not closed
		}
		switch text {
		case "{", "[", "(", "<":
			open = append(open, bracket{text: text, token: i})
		case "}", "]", ")", ">":
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
		case ",", ";":
			if len(open) > 0 {
				b := &open[len(open)-1]
				b.commas, b.key, b.colon = b.commas+1, "", false
			}
		case ":":
			if len(open) > 0 && i > 0 {
				b := &open[len(open)-1]
				b.key, b.colon = strings.Trim(t.Text(t.Tokens[i-1].Range()), `"'`), true
			}
		}
	}
	return open
}

// containers are the parts of the types with angle brackets.
var containers = map[string][]Param{
	"map":    {{Doc: "the type of the keys: one that can be compared, such as string, i32 or an enum"}, {Doc: "the type of the values"}},
	"list":   {{Doc: "the type of the elements, in order"}},
	"set":    {{Doc: "the type of the elements: one that can be compared, such as string, i32 or an enum"}},
	"stream": {{Doc: "the type of the elements; throws (…) may follow"}},
	"sink":   {{Doc: "the type of the elements that the client sends"}, {Doc: "the type of the server's answer at the end"}},
}

var containerLabels = map[string][]string{"map": {"map<", "key", ", ", "value", ">"}, "list": {"list<", "element", ">"}, "set": {"set<", "element", ">"},
	"stream": {"stream<", "element", ">"}, "sink": {"sink<", "element", ", ", "final", ">"}}

// Signature returns what the innermost open bracket at offset belongs to; ok is false if that has no signature.
func (v *View) Signature(path string, offset int) (s Signature, ok bool) {
	f := v.File(path)
	if f == nil || inComment(f.Tree, offset) && f.Tree.Tokens[f.Tree.TokenAt(offset)].Kind() != syntax.String {
		return Signature{}, false
	}
	open := openBrackets(f.Tree, offset)
	if len(open) == 0 {
		return Signature{}, false
	}
	b := open[len(open)-1]
	switch b.text {
	case "<":
		return containerSignature(f.Tree, b)
	case "(":
		return methodSignature(f, b)
	}
	return v.constSignature(f, open)
}

func containerSignature(t *syntax.File, b bracket) (Signature, bool) {
	if b.token == 0 {
		return Signature{}, false
	}
	name := t.Text(t.Tokens[b.token-1].Range())
	params := containers[name]
	if params == nil {
		return Signature{}, false
	}
	s := Signature{Active: b.commas}
	for i, part := range containerLabels[name] {
		if i%2 == 1 {
			s.add(part, params[i/2].Doc)
		} else {
			s.Label += part
		}
	}
	return s, true
}

func (s *Signature) add(part, doc string) {
	s.Params = append(s.Params, Param{syntax.Span{Start: len(s.Label), End: len(s.Label) + len(part)}, doc})
	s.Label += part
}

// methodSignature is that of a method whose parameters or exceptions are typed.
func methodSignature(f *symbols.File, b bracket) (s Signature, ok bool) {
	t := f.Tree
	at := t.Tokens[b.token].Range().Start
	throws := b.token > 0 && t.Text(t.Tokens[b.token-1].Range()) == "throws"
	f.Each(func(m *symbols.Symbol) {
		n, isFunction := m.Node.(*syntax.Function)
		if !isFunction || ok || at < n.Start || at > n.End || m.Name == "" || !throws && t.Tokens[b.token-1].Range().End != m.Span.End {
			return
		}
		ok = true
		result := "void"
		if n.Result != nil {
			result = t.Text(n.Result.Range())
		}
		s.Label = result + " " + m.Name + "("
		s.Doc = symbols.Doc(t, n, m.Doc)
		s.list(m, symbols.Argument, !throws)
		s.Label += ")"
		if throws || len(n.Throws) > 0 {
			s.Label += " throws ("
			s.list(m, symbols.Throw, throws)
			s.Label += ")"
		}
		s.Active = b.commas
	})
	return s, ok
}

// list adds the arguments or the exceptions of a method, as parts if they are what is typed.
func (s *Signature) list(m *symbols.Symbol, kind symbols.Kind, parts bool) {
	n := 0
	for _, a := range m.Members {
		if a.Kind != kind {
			continue
		}
		if n++; n > 1 {
			s.Label += ", "
		}
		text := fieldLabel(a)
		if parts {
			s.add(text, symbols.Doc(a.File.Tree, a.Node, a.Doc))
		} else {
			s.Label += text
		}
	}
}

func fieldLabel(a *symbols.Symbol) string {
	n := a.Node.(*syntax.Field)
	text := ""
	if n.ID != nil {
		text = strconv.FormatInt(n.ID.Int, 10) + ": "
	}
	if n.Type != nil {
		text += a.File.Tree.Text(n.Type.Range()) + " "
	}
	return strings.ToValidUTF8(strings.Join(strings.Fields(text+a.Name), " "), "\uFFFD")
}

// constSignature is that of the struct whose value is typed, as a constant or a default.
func (v *View) constSignature(f *symbols.File, open []bracket) (Signature, bool) {
	// The value begins at the outermost bracket after "=".
	first := len(open) - 1
	for first >= 0 && (open[first].token == 0 || f.Tree.Text(f.Tree.Tokens[open[first].token-1].Range()) != "=") {
		first--
	}
	if first < 0 {
		return Signature{}, false
	}
	at := f.Tree.Tokens[open[first].token].Range().Start
	var typ syntax.Type
	end := -1
	f.Each(func(s *symbols.Symbol) { // the one whose type ends last before the value
		if t := typeOf(s); t != nil && t.Range().End <= at && t.Range().End > end && s.Kind != symbols.Method {
			typ, end = t, t.Range().End
		}
	})
	if typ == nil {
		return Signature{}, false
	}
	var st *symbols.Symbol
	in := f
	for i := first; i < len(open) && typ != nil; i++ {
		b := open[i]
		typ, in = in.Underlying(typ)
		st = nil
		switch t := typ.(type) {
		case *syntax.ListType:
			typ = t.Elem
		case *syntax.SetType:
			typ = t.Elem
		case *syntax.MapType:
			typ = t.Key
			if b.colon {
				typ = t.Elem
			}
		case *syntax.NamedType:
			if st = in.Type(t.Name); st == nil || st.Kind != symbols.Struct && st.Kind != symbols.Union && st.Kind != symbols.Exception {
				return Signature{}, false
			}
			in, typ = st.File, nil
			if m := st.Member(b.key); m != nil {
				typ = typeOf(m)
			}
		default:
			return Signature{}, false
		}
		if st != nil && i < len(open)-1 && typ == nil {
			return Signature{}, false // inside a field that is not known
		}
	}
	if st == nil {
		return Signature{}, false
	}
	last := open[len(open)-1]
	s := Signature{Label: st.Name + "{", Doc: symbols.Doc(st.File.Tree, st.Node, st.Doc), Active: len(st.Members)}
	for i, m := range st.Members {
		if i > 0 {
			s.Label += ", "
		}
		part := `"` + m.Name + `": `
		if t := typeOf(m); t != nil {
			part += st.File.Tree.Text(t.Range())
		}
		s.add(strings.ToValidUTF8(part, "\uFFFD"), symbols.Doc(st.File.Tree, m.Node, m.Doc))
		if m.Name == last.key {
			s.Active = i
		}
	}
	s.Label += "}"
	return s, true
}
