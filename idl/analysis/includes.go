package analysis

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/idl/lint"
	"github.com/thriftkit/thriftkit/idl/symbols"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

// OrganizeIncludes returns the edits that put the includes of the file at path in order. What the rule INCLUDE_UNUSED reports and what is
// included twice goes. A file of the workspace comes in if it alone defines a name that is written with its prefix. Includes in neighbouring
// lines are sorted by their paths, byte by byte, as the rule INCLUDE_ORDER wants them. Comments above an include and behind it move with it,
// and stay when it goes; a comment at the start of the file stays there.
//
// There are no edits if the file is in order or not well formed, or if two of its includes have one name: their order may have a meaning.
func (w *Workspace) OrganizeIncludes(path string) []lint.Edit {
	v := w.Whole()
	f := v.File(path)
	if f == nil || slices.ContainsFunc(v.Program.Diagnostics, func(d *syntax.Diagnostic) bool { return d.File == path && d.Code == "syntax" }) {
		return nil
	}
	t := f.Tree
	findings := v.includeFindings(path)
	var groups [][]includeLine
	var last *includeLine
	for _, inc := range f.Includes {
		line, ok := newIncludeLine(t, inc)
		if !ok {
			last = nil
			continue
		}
		for _, other := range f.Includes {
			if other == inc {
				break
			}
			switch {
			case other.File != nil && other.File == inc.File:
				line.gone = true
			case other.Name == inc.Name:
				return nil
			}
		}
		line.gone = line.gone || slices.ContainsFunc(findings, func(x *lint.Finding) bool { return x.Code == "INCLUDE_UNUSED" && x.Span == inc.Node.Path.Span })
		if last == nil || strings.TrimLeft(t.Text(syntax.Span{Start: last.span.End, End: line.span.Start}), " \t\r") != "\n" {
			groups = append(groups, nil)
		}
		g := &groups[len(groups)-1]
		*g = append(*g, line)
		last = &line
	}
	newline := "\n"
	if strings.Contains(string(t.Source), "\r\n") {
		newline = "\r\n"
	}
	missing := v.missingIncludes(f, findings)
	var edits []lint.Edit
	if len(groups) == 0 && len(missing) > 0 {
		e := lint.IncludeEdit(f, missing[0])
		first := fmt.Sprintf("include %q\n", missing[0])
		rest := ""
		for _, m := range missing[1:] {
			rest += fmt.Sprintf("include %q\n", m)
		}
		e.Text = strings.ReplaceAll(strings.Replace(e.Text, first, first+rest, 1), "\n", newline)
		edits = append(edits, e)
	}
	for i, g := range groups {
		span := syntax.Span{Start: g[0].span.Start, End: g[len(g)-1].span.End}
		if i == len(groups)-1 {
			for _, m := range missing {
				g = append(g, includeLine{path: m, text: fmt.Sprintf("include %q", m)})
			}
		}
		slices.SortStableFunc(g, func(a, b includeLine) int { return cmp.Compare(a.path, b.path) })
		var lines []string
		for _, line := range g {
			if line.gone {
				line.text = line.rest
			}
			if line.text != "" {
				lines = append(lines, line.text)
			}
		}
		text := strings.Join(lines, newline)
		if text == t.Text(span) {
			continue
		}
		if text == "" {
			span = emptied(t, span)
		}
		edits = append(edits, lint.Edit{Path: path, Span: span, Text: text})
	}
	return edits
}

// An includeLine is an include with the comments that belong to it.
type includeLine struct {
	path string
	span syntax.Span // whole lines, without the newline of the last one
	text string
	rest string // what stays of the text when the include goes
	gone bool
}

// newIncludeLine returns the lines of an include; ok is false if something else is on them.
func newIncludeLine(t *syntax.File, inc *symbols.Include) (line includeLine, ok bool) {
	n := inc.Node.Span
	span := extent(t, n)
	if t.TokenAt(n.Start) == 0 {
		span.Start = n.Start - column(t, n.Start) // what is above it belongs to the file
	}
	src := string(t.Source)
	end := len(src)
	if i := strings.IndexByte(src[span.End:], '\n'); i >= 0 {
		end = span.End + i
	}
	if span.Start > 0 && src[span.Start-1] != '\n' || strings.TrimSpace(src[span.End:end]) != "" || strings.TrimSpace(src[n.Start-column(t, n.Start):n.Start]) != "" {
		return includeLine{}, false
	}
	above, behind := src[span.Start:n.Start], strings.TrimLeft(src[n.End:span.End], " \t,;")
	line = includeLine{path: inc.Node.Path.Text, span: span, text: src[span.Start:span.End], rest: strings.TrimRight(above, " \t\r\n")}
	if behind = strings.TrimSpace(behind); behind != "" {
		line.rest = strings.TrimLeft(line.rest+"\n"+behind, "\n")
	}
	return line, true
}

// emptied adds to lines that go their newline, and an empty line if there would be two, or one at the start.
func emptied(t *syntax.File, span syntax.Span) syntax.Span {
	src := string(t.Source)
	newline := func() bool {
		rest := strings.TrimLeft(src[span.End:], " \t\r")
		if !strings.HasPrefix(rest, "\n") {
			return false
		}
		span.End = len(src) - len(rest) + 1
		return true
	}
	newline()
	if before := strings.TrimRight(src[:span.Start], " \t\r"); before == "" || strings.HasSuffix(strings.ReplaceAll(before, "\r", ""), "\n\n") {
		newline()
	}
	return span
}

// includeFindings returns what the rules about unused includes and unknown names say of a file, whatever the options have on.
func (v *View) includeFindings(path string) []*lint.Finding {
	opts := v.opts.Lint
	opts.Levels = make(map[string]lint.Level)
	for _, r := range lint.Rules() {
		opts.Levels[r.ID] = lint.Off
	}
	for _, id := range []string{"INCLUDE_UNUSED", "UNKNOWN_TYPE", "UNKNOWN_CONST", "UNKNOWN_SERVICE"} {
		opts.Levels[id] = lint.LevelWarning
	}
	opts.Only = func(p string) bool { return p == path }
	return slices.DeleteFunc(lint.RunSet(v.Program, v.Set, opts), func(x *lint.Finding) bool { return x.File != path })
}

// missingIncludes returns the paths of files that alone define a name that f writes with their prefix and does not know.
func (v *View) missingIncludes(f *symbols.File, findings []*lint.Finding) []string {
	var list []string
	for _, x := range findings {
		if !strings.HasPrefix(x.Code, "UNKNOWN_") {
			continue
		}
		name := f.Tree.Text(x.Span)
		var found []*symbols.File
		for _, other := range v.Set.Files {
			prefix := strings.TrimSuffix(path.Base(other.Tree.Path), ".thrift")
			rest, ok := strings.CutPrefix(name, prefix+".")
			if !ok || other == f || reaches(other, f, make(map[*symbols.File]bool)) || slices.ContainsFunc(f.Includes, func(inc *symbols.Include) bool { return inc.Name == prefix }) {
				continue
			}
			rest, _, _ = strings.Cut(rest, ".")
			if slices.ContainsFunc(other.Symbols, func(s *symbols.Symbol) bool { return s.Name == rest }) {
				found = append(found, other)
			}
		}
		if len(found) == 1 {
			if rel := lint.Relative(path.Dir(f.Tree.Path), found[0].Tree.Path); !slices.Contains(list, rel) {
				list = append(list, rel)
			}
		}
	}
	slices.Sort(list)
	return list
}

// reaches reports whether one file includes another, also by way of others.
func reaches(from, to *symbols.File, seen map[*symbols.File]bool) bool {
	if from == nil || seen[from] {
		return false
	}
	seen[from] = true
	return slices.ContainsFunc(from.Includes, func(inc *symbols.Include) bool { return inc.File == to || reaches(inc.File, to, seen) })
}
