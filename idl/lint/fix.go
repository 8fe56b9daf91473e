package lint

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/symbols"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

// compiledFixes returns fixes for what the compiler has found.
func (p *pass) compiledFixes(d *syntax.Diagnostic, span syntax.Span) []Fix {
	f := &Finding{Diagnostic: *d}
	t := p.file.Tree
	switch d.Code {
	case "duplicate-include":
		for _, inc := range p.file.Includes {
			if inc.Node.Path.Span == span {
				f.fix("remove the include", true, removeLine(t, inc.Node.Span))
			}
		}
	case "oneway-result":
		f.fix("write void", true, Edit{Span: span, Text: "void"})
	case "oneway-throws":
		f.fix("remove throws", false, removeBefore(t, span))
	case "missing-id":
		p.assignID(f, span, false)
	case "duplicate-id":
		p.assignID(f, span, true)
	case "unknown-type", "unknown-service", "unknown-name", "unknown-enum-value", "unknown-field":
		if name, ok := strings.CutPrefix(d.Hint, "did you mean "); ok {
			name = strings.TrimSuffix(name, "?")
			f.fix("write "+name, false, Edit{Span: nameSpan(t, span), Text: name})
		}
		if d.Code == "unknown-type" || d.Code == "unknown-service" {
			p.addInclude(f, nameSpan(t, span))
		}
	}
	return f.Fixes
}

func nameSpan(t *syntax.File, s syntax.Span) syntax.Span {
	text := t.Text(s)
	if len(text) > 1 && (text[0] == '"' || text[0] == '\'') {
		return syntax.Span{Start: s.Start + 1, End: s.End - 1}
	}
	return s
}

// removeBefore removes what is in s and the blanks before it.
func removeBefore(t *syntax.File, s syntax.Span) Edit {
	for s.Start > 0 && (t.Source[s.Start-1] == ' ' || t.Source[s.Start-1] == '\t') {
		s.Start--
	}
	return Edit{Span: s}
}

// assignID gives the field at span the next free id of its list. That changes what is on the wire.
func (p *pass) assignID(f *Finding, span syntax.Span, replace bool) {
	var field *symbols.Symbol
	p.file.Each(func(s *symbols.Symbol) {
		if d, ok := s.Node.(*syntax.Field); ok && (s.Span == span || d.ID != nil && d.ID.Span == span) {
			field = s
		}
	})
	if field == nil {
		return
	}
	id, ok := NextID(field.Parent, field)
	if !ok {
		return
	}
	d := field.Node.(*syntax.Field)
	if replace && d.ID != nil {
		f.fix(fmt.Sprintf("give it the id %d", id), false, Edit{Span: d.ID.Span, Text: fmt.Sprint(id)})
	} else {
		at := syntax.Span{Start: d.Start, End: d.Start}
		f.fix(fmt.Sprintf("give it the id %d", id), false, Edit{Span: at, Text: fmt.Sprintf("%d: ", id)})
	}
}

// NextID returns an id for a field of owner: for fields without ids the ones that come before in the text
// are given first, so that each gets its own. except is the field that is to get it, or nil.
func NextID(owner, except *symbols.Symbol) (int64, bool) {
	used := make(map[int64]bool)
	most, before := int64(0), int64(0)
	seen := false
	kind := symbols.Field
	if except != nil {
		kind = except.Kind
	} else if owner.Kind == symbols.Method {
		kind = symbols.Argument
	}
	for _, m := range owner.Members {
		if m.Kind != kind {
			continue
		}
		if m == except {
			seen = true
			continue
		}
		if d, ok := m.Node.(*syntax.Field); ok && d.ID != nil {
			used[d.ID.Int] = true
			most = max(most, d.ID.Int)
		} else if !seen {
			before++
		}
	}
	reserved := symbols.Reserved(owner)
	for id := most + 1; id <= 32767; id++ {
		if used[id] || slices.ContainsFunc(reserved, func(r symbols.Reservation) bool { return r.Holds(id, "") }) {
			continue
		}
		if before == 0 {
			return id, true
		}
		before--
	}
	return 0, false
}

// addInclude offers the includes of files of the program that define an unknown name.
func (p *pass) addInclude(f *Finding, span syntax.Span) {
	name := p.file.Tree.Text(span)
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	}
	for _, other := range p.set.Files {
		if other == p.file || other.Type(name) == nil {
			continue
		}
		rel := Relative(path.Dir(p.file.Tree.Path), other.Tree.Path)
		prefix := strings.TrimSuffix(path.Base(rel), ".thrift")
		list := []Edit{{Span: span, Text: prefix + "." + name}}
		if !slices.ContainsFunc(p.file.Includes, func(inc *symbols.Include) bool { return inc.File == other }) {
			list = append(list, IncludeEdit(p.file, rel))
		}
		f.fix(fmt.Sprintf("include %q and write %s.%s", rel, prefix, name), false, list...)
	}
}

// IncludeEdit returns the edit that adds an include to a file.
func IncludeEdit(f *symbols.File, include string) Edit {
	text := fmt.Sprintf("include %q\n", include)
	if n := len(f.Includes); n > 0 {
		end := f.Includes[n-1].Node.End
		src := string(f.Tree.Source)
		if i := strings.IndexByte(src[end:], '\n'); i >= 0 {
			return Edit{Path: f.Tree.Path, Span: syntax.Span{Start: end + i + 1, End: end + i + 1}, Text: text}
		}
		return Edit{Path: f.Tree.Path, Span: syntax.Span{Start: end, End: end}, Text: "\n" + strings.TrimSuffix(text, "\n")}
	}
	at := 0
	switch {
	case len(f.Tree.Headers) > 0:
		at = f.Tree.Headers[0].Range().Start
	case len(f.Tree.Defs) > 0:
		at = f.Tree.Tokens[0].Range().Start
		// The comment of the first definition stays with it.
		for _, c := range f.Tree.Trivia(0) {
			if c.Kind != syntax.Blank && c.Kind != syntax.Newline {
				at = c.Start
				break
			}
		}
		text += "\n"
	}
	return Edit{Path: f.Tree.Path, Span: syntax.Span{Start: at, End: at}, Text: text}
}

// Relative returns the path of name as seen from dir. Both have forward slashes.
func Relative(dir, name string) string {
	dir, name = path.Clean(dir), path.Clean(name)
	if dir == "." {
		return name
	}
	up := ""
	for {
		if rest, ok := strings.CutPrefix(name, strings.TrimSuffix(dir, "/")+"/"); ok {
			return up + rest
		}
		if parent := path.Dir(dir); parent != dir && dir != "." {
			dir, up = parent, up+"../"
			if dir == "." && !path.IsAbs(name) {
				return up + name
			}
			continue
		}
		return name
	}
}

// maxRounds bounds how often fixes are applied one after the other.
const maxRounds = 20

// Fixed is the outcome of FixAll.
type Fixed struct {
	Texts   map[string][]byte // of the files that changed
	Applied int               // fixes
	Left    []*Finding        // what is still found
}

// FixAll applies the fixes of the findings in the files at paths until nothing changes, without
// writing any file: Texts has what they are to be. Only safe fixes are applied, unless unsafe is set.
// Of fixes that overlap one is applied in each round. A fix that would lose a comment, or bring an error with
// it, is left out.
func FixAll(paths []string, from compile.Options, opts Options, unsafe bool) (*Fixed, error) {
	source := from.Source
	if source == nil {
		source = compile.OS{}
	}
	out := &Fixed{Texts: make(map[string][]byte)}
	from.Source = overlay{source, out.Texts}
	refused := make(map[string]bool)
	for range maxRounds {
		program := compile.Load(paths, from)
		findings := Run(program, opts)
		out.Left = findings
		errors := len(program.Diagnostics.Errors())
		texts := make(map[string][]byte)
		for _, t := range program.Trees {
			texts[t.Path] = t.Source
		}
		chosen := choose(findings, unsafe, refused)
		if len(chosen) == 0 {
			break
		}
		changed := apply(texts, chosen)
		keep := comments(texts, changed, from.Syntax)
		if trial := compile.Load(paths, compile.Options{IncludeDirs: from.IncludeDirs, Syntax: from.Syntax, Source: overlay{from.Source, changed}}); !keep || len(trial.Diagnostics.Errors()) > errors {
			// One of them is to blame: they are tried one by one.
			if len(chosen) == 1 {
				refused[chosen[0].key] = true
				continue
			}
			applied := false
			for _, c := range chosen {
				one := apply(texts, []choice{c})
				trial := compile.Load(paths, compile.Options{IncludeDirs: from.IncludeDirs, Syntax: from.Syntax, Source: overlay{from.Source, one}})
				if !comments(texts, one, from.Syntax) || len(trial.Diagnostics.Errors()) > errors {
					refused[c.key] = true
				} else if !applied {
					maps.Copy(out.Texts, one)
					out.Applied++
					applied = true
				}
			}
			continue
		}
		maps.Copy(out.Texts, changed)
		out.Applied += len(chosen)
	}
	for name, text := range out.Texts {
		if old, err := source.ReadFile(name); err == nil && string(old) == string(text) {
			delete(out.Texts, name)
		}
	}
	return out, nil
}

// An overlay is a source with other texts for some files.
type overlay struct {
	compile.Source
	texts map[string][]byte
}

func (o overlay) ReadFile(name string) ([]byte, error) {
	if text, ok := o.texts[name]; ok {
		return text, nil
	}
	return o.Source.ReadFile(name)
}

// Identity passes on what the source knows of links.
func (o overlay) Identity(name string) string {
	if i, ok := o.Source.(interface{ Identity(string) string }); ok {
		return i.Identity(name)
	}
	return name
}

type choice struct {
	key   string
	edits []Edit
}

// choose returns fixes that do not overlap, the first one of each finding.
func choose(findings []*Finding, unsafe bool, refused map[string]bool) []choice {
	taken := make(map[string][]Edit)
	var list []choice
	for _, f := range findings {
		for _, fix := range f.Fixes {
			key := f.Code + " " + f.File + " " + f.Message + " " + fix.Title
			if !fix.Safe && !unsafe || refused[key] {
				continue
			}
			if slices.ContainsFunc(fix.Edits, func(e Edit) bool {
				return slices.ContainsFunc(taken[e.Path], func(other Edit) bool { return overlap(e, other) })
			}) {
				break
			}
			for _, e := range fix.Edits {
				taken[e.Path] = append(taken[e.Path], e)
			}
			list = append(list, choice{key, fix.Edits})
			break
		}
	}
	return list
}

func overlap(a, b Edit) bool {
	if a.Span.Start == a.Span.End && b.Span.Start == b.Span.End {
		return a.Span.Start == b.Span.Start
	}
	return a.Span.Start <= b.Span.End && b.Span.Start <= a.Span.End
}

// apply returns the texts that change.
func apply(texts map[string][]byte, chosen []choice) map[string][]byte {
	edits := make(map[string][]Edit)
	for _, c := range chosen {
		for _, e := range c.edits {
			edits[e.Path] = append(edits[e.Path], e)
		}
	}
	out := make(map[string][]byte)
	for name, list := range edits {
		out[name] = Apply(texts[name], list)
	}
	return out
}

// Apply returns text with edits that do not overlap. Edits that lie outside of it are left out.
func Apply(text []byte, list []Edit) []byte {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Edit) int { return cmp.Compare(a.Span.Start, b.Span.Start) })
	var out []byte
	at := 0
	for _, e := range list {
		if e.Span.Start < at || e.Span.End > len(text) || e.Span.End < e.Span.Start {
			continue
		}
		out = append(append(out, text[at:e.Span.Start]...), e.Text...)
		at = e.Span.End
	}
	return append(out, text[at:]...)
}

// comments reports whether the changed texts are well formed and have the comments that the old ones have.
func comments(old, changed map[string][]byte, opts syntax.Options) bool {
	for name, text := range changed {
		before, _ := opts.Parse(name, old[name])
		after, diags := opts.Parse(name, text)
		if len(diags.Errors()) > 0 || !slices.Equal(commentsOf(before), commentsOf(after)) {
			return false
		}
	}
	return true
}

func commentsOf(t *syntax.File) []string {
	var list []string
	for i := range t.Tokens {
		for _, c := range t.Trivia(i) {
			if c.Kind == syntax.LineComment || c.Kind == syntax.BlockComment || c.Kind == syntax.DocComment {
				list = append(list, t.Text(c.Span))
			}
		}
	}
	slices.Sort(list)
	return list
}
