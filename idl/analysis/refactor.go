package analysis

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/thriftkit/thriftkit/idl/format"
	"github.com/thriftkit/thriftkit/idl/lint"
	"github.com/thriftkit/thriftkit/idl/symbols"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

// A Refactoring is a change that an editor offers at a place.
type Refactoring struct {
	Title   string
	Extract bool // it makes a definition of a part of another
	Edits   []lint.Edit

	// NewFile is a file that does not exist yet, "" for none; its text is Text.
	NewFile, Text string
}

// Refactorings returns what can be done with the text in span of the file at path. All files of the workspace are looked at, so that
// no use of what moves is missed.
func (w *Workspace) Refactorings(file string, span syntax.Span) []Refactoring {
	v := w.Whole()
	f := v.File(file)
	if f == nil || slices.ContainsFunc(v.Program.Diagnostics, func(d *syntax.Diagnostic) bool { return d.File == file && d.Severity == syntax.Error }) {
		return nil // what a broken file means is not known
	}
	var list []Refactoring
	for _, s := range f.Symbols {
		if n := s.Node.Range(); span.End < n.Start || span.Start > n.End {
			continue
		}
		switch s.Kind {
		case symbols.Struct, symbols.Exception:
			list = append(list, v.extractFields(s, span)...)
		case symbols.Service:
			for _, m := range s.Members {
				if n := m.Node.Range(); n.Start <= span.Start && span.End <= n.End {
					list = append(list, v.extractParams(m)...)
				}
			}
		}
		if s.Span.Start <= span.Start && span.End <= s.Span.End {
			list = append(list, v.assignIDs(s)...)
			if s.Kind.IsType() {
				list = append(list, w.move(v, s)...)
			}
		}
	}
	return list
}

// Above returns where a definition begins, with the comments and the annotations that are directly above it.
func Above(s *symbols.Symbol) int {
	return extent(s.File.Tree, annotated(s)).Start
}

// annotated is the range of a definition with fbthrift's annotations before it.
func annotated(s *symbols.Symbol) syntax.Span {
	span := s.Node.Range()
	var list []*syntax.Annotation
	switch n := s.Node.(type) {
	case *syntax.Const:
		list = n.Annotations
	case *syntax.Typedef:
		list = n.Annotations
	case *syntax.Enum:
		list = n.Annotations
	case *syntax.Struct:
		list = n.Annotations
	case *syntax.Service:
		list = n.Annotations
	case *syntax.Field:
		list = n.Annotations
	}
	for _, a := range list {
		span.Start = min(span.Start, a.Start)
	}
	return span
}

// extent adds to a definition or a field what belongs to it: comments directly above it, the separator and the comment behind it.
// It is whole lines, without the last newline, unless something else is on the same lines.
func extent(t *syntax.File, n syntax.Span) syntax.Span {
	i := t.TokenAt(n.Start)
	trivia := t.Trivia(i)
	if i == 0 || strings.Contains(t.Text(syntax.Span{Start: t.Tokens[i-1].Range().End, End: n.Start}), "\n") {
		newlines := 0
		for k := len(trivia) - 1; k >= 0 && newlines < 2; k-- {
			switch trivia[k].Kind {
			case syntax.Newline:
				newlines++
			case syntax.LineComment, syntax.BlockComment, syntax.DocComment:
				if i > 0 && !strings.Contains(t.Text(syntax.Span{Start: t.Tokens[i-1].Range().End, End: trivia[k].Start}), "\n") {
					newlines = 2 // it belongs to what is before it
					break
				}
				newlines, n.Start = 0, trivia[k].Start
			}
		}
		n.Start -= column(t, n.Start)
	}
	i = t.TokenAt(n.End)
	if text := t.Text(t.Tokens[i].Range()); text == "," || text == ";" {
		n.End = t.Tokens[i].Range().End
		i++
	}
	if i >= len(t.Tokens) {
		return n
	}
	for _, c := range t.Trivia(i) {
		if c.Start < n.End {
			continue
		}
		if c.Kind == syntax.Newline {
			return n
		}
		if c.Kind != syntax.Blank && strings.Contains(t.Text(syntax.Span{Start: c.Start, End: t.Tokens[i].Range().Start}), "\n") {
			n.End = c.End
		}
	}
	return n
}

// unused returns name, or name with a number after it, as a name that is not taken.
func unused(name string, taken func(string) bool) string {
	for i, base := 2, name; taken(name); i++ {
		name = fmt.Sprint(base, i)
	}
	return name
}

func typeTaken(f *symbols.File) func(string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(f.Symbols, func(s *symbols.Symbol) bool { return s.Name == name })
	}
}

// newStruct returns the definition of a struct with fields as they are written, laid out.
func (v *View) newStruct(f *symbols.File, name, fields string) string {
	text := "struct " + name + " {\n" + fields + "\n}\n"
	opts := v.opts.Format
	opts.Dialect = f.Tree.Dialect
	if out, err := format.Source(f.Tree.Path, []byte(text), opts); err == nil {
		text = string(out)
	}
	return text + "\n"
}

// extractFields offers a struct of its own for the fields that are selected.
func (v *View) extractFields(s *symbols.Symbol, span syntax.Span) []Refactoring {
	t := s.File.Tree
	var chosen []*symbols.Symbol
	for _, m := range s.Members {
		if n := m.Node.Range(); n.Start < span.End && span.Start < n.End {
			chosen = append(chosen, m)
		}
	}
	if len(chosen) == 0 || span.Start == span.End {
		return nil
	}
	for _, m := range chosen {
		used := m.Node.(*syntax.Field).ID == nil // another id would be implied
		v.Set.References(m, func(*symbols.File, *symbols.Ref) { used = true })
		if used {
			return nil // a constant has it
		}
	}
	id, ok := lint.NextID(s, nil)
	if !ok {
		return nil
	}
	first, last := extent(t, annotated(chosen[0])), extent(t, annotated(chosen[len(chosen)-1]))
	whole := syntax.Span{Start: first.Start, End: last.End}
	text := t.Text(whole)
	name := unused(s.Name+"Part", typeTaken(s.File))
	member := unused("part", func(name string) bool { return s.Member(name) != nil })
	indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
	field := fmt.Sprintf("%s%d: optional %s %s%s", indent, id, name, member, separatorAfter(t, chosen[len(chosen)-1]))
	at := Above(s)
	return []Refactoring{{
		Title: "extract struct " + name + ", which changes what is sent", Extract: true,
		Edits: []lint.Edit{{Path: t.Path, Span: syntax.Span{Start: at, End: at}, Text: v.newStruct(s.File, name, text)}, {Path: t.Path, Span: whole, Text: field}},
	}}
}

func separatorAfter(t *syntax.File, m *symbols.Symbol) string {
	if text := t.Text(t.Tokens[t.TokenAt(m.Node.Range().End)].Range()); text == "," || text == ";" {
		return text
	}
	return ""
}

// extractParams offers a struct for the parameters of a method.
func (v *View) extractParams(m *symbols.Symbol) []Refactoring {
	n := m.Node.(*syntax.Function)
	t := m.File.Tree
	id, ok := lint.NextID(m, nil)
	if m.Name == "" || len(n.Params) == 0 || !ok || slices.ContainsFunc(n.Params, func(p *syntax.Field) bool { return p.ID == nil }) {
		return nil
	}
	// From behind the parenthesis after the name to before the one that closes it.
	open := t.TokenAt(m.Span.End)
	last := t.TokenAt(n.Params[len(n.Params)-1].End)
	for last < len(t.Tokens) && t.Text(t.Tokens[last].Range()) != ")" {
		last++ // a separator, annotations
	}
	if t.Text(t.Tokens[open].Range()) != "(" || last >= len(t.Tokens) {
		return nil
	}
	inside := syntax.Span{Start: t.Tokens[open].Range().End, End: t.Tokens[last].Range().Start}
	name := unused(strings.ToUpper(m.Name[:1])+m.Name[1:]+"Request", typeTaken(m.File))
	at := Above(m.Parent)
	return []Refactoring{{
		Title: "extract parameters into struct " + name + ", which changes what is sent", Extract: true,
		Edits: []lint.Edit{{Path: t.Path, Span: syntax.Span{Start: at, End: at}, Text: v.newStruct(m.File, name, t.Text(inside))},
			{Path: t.Path, Span: inside, Text: fmt.Sprintf("%d: %s request", id, name)}},
	}}
}

// assignIDs offers ids for all fields that have none.
func (v *View) assignIDs(s *symbols.Symbol) []Refactoring {
	var edits []lint.Edit
	for _, m := range s.Members {
		n, ok := m.Node.(*syntax.Field)
		if !ok || n.ID != nil {
			continue
		}
		id, ok := lint.NextID(s, m)
		if !ok {
			return nil
		}
		edits = append(edits, lint.Edit{Path: s.File.Tree.Path, Span: syntax.Span{Start: n.Start, End: n.Start}, Text: fmt.Sprintf("%d: ", id)})
	}
	if len(edits) == 0 {
		return nil
	}
	return []Refactoring{{Title: "give all fields of " + s.Name + " an id, which changes what is sent", Edits: edits}}
}

// move offers to move a type to a file of its own beside the one that it is in. It is not offered if the files would then include each other.
func (w *Workspace) move(v *View, s *symbols.Symbol) []Refactoring {
	old := s.File
	prefix := snake(s.Name)
	dir := path.Dir(old.Tree.Path)
	name := path.Join(dir, prefix+".thrift")
	if s.Name == "" || v.File(name) != nil || slices.Contains(w.Files(), name) || strings.Contains(old.Tree.Path, "://") {
		return nil
	}
	oldPrefix := strings.TrimSuffix(path.Base(old.Tree.Path), ".thrift")
	whole := extent(old.Tree, annotated(s))
	within := func(r *symbols.Ref) bool { return whole.Start <= r.Span.Start && r.Span.End <= whole.End }

	// What the definition needs: of the old file, or of what that includes.
	var inner []lint.Edit
	var includes []string
	needs := func(include string) {
		if !slices.Contains(includes, include) {
			includes = append(includes, include)
		}
	}
	needsOld := false
	for i := range old.Refs {
		r := &old.Refs[i]
		switch {
		case !within(r) || r.Symbol == nil || r.Symbol == s || r.Symbol.Parent != nil:
		case r.Include != nil:
			needs(old.Tree.Text(r.Include.Node.Span))
		default:
			needsOld = true
			inner = append(inner, lint.Edit{Span: syntax.Span{Start: r.Whole.Start - whole.Start, End: r.Whole.End - whole.Start}, Text: oldPrefix + "." + r.Name})
		}
	}
	if needsOld {
		needs(fmt.Sprintf("include %q", path.Base(old.Tree.Path)))
	}

	// Who uses it.
	var edits []lint.Edit
	possible := true
	for _, f := range v.Set.Files {
		uses := false
		for i := range f.Refs {
			r := &f.Refs[i]
			if r.Symbol != s || f == old && within(r) {
				continue
			}
			uses = true
			edits = append(edits, lint.Edit{Path: f.Tree.Path, Span: r.Whole, Text: prefix + "." + s.Name})
		}
		if !uses {
			continue
		}
		if f == old && needsOld || slices.ContainsFunc(f.Includes, func(inc *symbols.Include) bool { return inc.Name == prefix }) ||
			slices.ContainsFunc(f.Symbols, func(d *symbols.Symbol) bool { return d.Name == prefix }) {
			possible = false
			break
		}
		edits = append(edits, lint.IncludeEdit(f, lint.Relative(path.Dir(f.Tree.Path), name)))
	}
	if !possible {
		return nil
	}
	cut := whole
	if rest := old.Tree.Text(syntax.Span{Start: cut.End, End: len(old.Tree.Source)}); strings.HasPrefix(rest, "\r\n") {
		cut.End += 2
	} else if strings.HasPrefix(rest, "\n") {
		cut.End++
	}
	edits = append(edits, lint.Edit{Path: old.Tree.Path, Span: cut})

	var text strings.Builder
	for _, inc := range includes {
		text.WriteString(inc + "\n")
	}
	for _, h := range old.Tree.Headers {
		switch h.(type) {
		case *syntax.Namespace, *syntax.Package:
			text.WriteString(old.Tree.Text(h.Range()) + "\n")
		}
	}
	if text.Len() > 0 {
		text.WriteString("\n")
	}
	text.Write(lint.Apply([]byte(old.Tree.Text(whole)), inner))
	text.WriteString("\n")
	return []Refactoring{{Title: fmt.Sprintf("move %s to %s.thrift", s.Name, prefix), Edits: edits, NewFile: name, Text: text.String()}}
}

// snake returns the name of a type as that of a file: NotFound, not_found.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) {
			if i > 0 && runes[i-1] != '_' && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
				b.WriteByte('_')
			}
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}
