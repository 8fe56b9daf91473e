package lint

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/idl/symbols"
	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/internal/edits"
	"github.com/thriftkit/thriftkit/internal/plural"
)

// each calls do for every symbol of the file of one of the kinds.
func (p *pass) each(do func(*symbols.Symbol), kinds ...symbols.Kind) {
	p.file.Each(func(s *symbols.Symbol) {
		if s.Name != "" && slices.Contains(kinds, s.Kind) {
			do(s)
		}
	})
}

// fields calls do for every field, argument and exception of the file.
func (p *pass) fields(do func(s *symbols.Symbol, d *syntax.Field), kinds ...symbols.Kind) {
	p.each(func(s *symbols.Symbol) { do(s, s.Node.(*syntax.Field)) }, kinds...)
}

// types calls do for every type that the file writes, outermost first. depth counts the containers around it.
func (p *pass) types(do func(t syntax.Type, in *symbols.Symbol, depth int)) {
	var walk func(t syntax.Type, in *symbols.Symbol, depth int)
	walk = func(t syntax.Type, in *symbols.Symbol, depth int) {
		if t == nil {
			return
		}
		do(t, in, depth)
		switch t := t.(type) {
		case *syntax.ListType:
			walk(t.Elem, in, depth+1)
		case *syntax.SetType:
			walk(t.Elem, in, depth+1)
		case *syntax.MapType:
			walk(t.Key, in, depth+1)
			walk(t.Elem, in, depth+1)
		}
	}
	p.file.Each(func(s *symbols.Symbol) {
		switch n := s.Node.(type) {
		case *syntax.Field:
			walk(n.Type, s, 0)
		case *syntax.Typedef:
			walk(n.Type, s, 0)
		case *syntax.Const:
			walk(n.Type, s, 0)
		case *syntax.Function:
			walk(n.Result, s, 0)
		}
	})
}

// symbolOf returns the definition that a type leads to after typedefs, nil for base types and containers.
func (p *pass) symbolOf(t syntax.Type) (syntax.Type, *symbols.Symbol) {
	t, at := p.file.Underlying(t)
	if named, ok := t.(*syntax.NamedType); ok {
		return t, at.Type(named.Name)
	}
	return t, nil
}

func includeUnused(p *pass) {
	if p.hasSyntaxErrors() {
		return
	}
	for _, inc := range p.file.Includes {
		if inc.File == nil || inc.Used || p.duplicate(inc) {
			continue
		}
		p.report(inc.Node.Path.Span, "nothing of %s is used", inc.Node.Path.Text).
			fix("remove the include", true, removeLine(p.file.Tree, inc.Node.Span))
	}
}

func (p *pass) duplicate(inc *symbols.Include) bool {
	for _, other := range p.file.Includes {
		if other == inc {
			return false
		}
		if other.File == inc.File {
			return true
		}
	}
	return false
}

func (p *pass) hasSyntaxErrors() bool {
	for _, f := range p.findings {
		if f.Code == "SYNTAX" && f.Severity == syntax.Error && f.File == p.file.Tree.Path {
			return true
		}
	}
	return false
}

// removeLine removes what is in s, with its separator, and the line if nothing else is on it.
func removeLine(t *syntax.File, s syntax.Span) Edit {
	src := string(t.Source)
	i := strings.LastIndexByte(src[:s.Start], '\n') + 1
	end := len(src)
	if n := strings.IndexByte(src[s.End:], '\n'); n >= 0 {
		end = s.End + n + 1
	}
	if strings.TrimSpace(src[i:s.Start]) == "" && strings.Trim(src[s.End:end], " \t\r\n,;") == "" {
		return Edit{Span: syntax.Span{Start: i, End: end}}
	}
	return Edit{Span: s}
}

func includeOrder(p *pass) {
	t := p.file.Tree
	var group []*syntax.Include
	flush := func() {
		sorted := slices.Clone(group)
		slices.SortStableFunc(sorted, func(a, b *syntax.Include) int { return cmp.Compare(a.Path.Text, b.Path.Text) })
		for i := range group {
			if group[i] == sorted[i] {
				continue
			}
			var edits []Edit
			for k := i; k < len(group); k++ {
				if group[k] != sorted[k] {
					edits = append(edits, Edit{Span: group[k].Path.Span, Text: t.Text(sorted[k].Path.Span)})
				}
			}
			first := syntax.Span{Start: group[0].Start, End: group[len(group)-1].End}
			f := p.report(group[i].Path.Span, "includes are not sorted: %s comes first", sorted[i].Path.Text)
			if !strings.ContainsAny(t.Text(first), "#") && !strings.Contains(t.Text(first), "//") && !strings.Contains(t.Text(first), "/*") && firstComment(t, first.End) == "" {
				f.fix("sort the includes", true, edits...)
			}
			break
		}
		group = nil
	}
	for _, h := range t.Headers {
		inc, ok := h.(*syntax.Include)
		if !ok || inc.Path == nil {
			flush()
			continue
		}
		if n := len(group); n > 0 && strings.Count(t.Text(syntax.Span{Start: group[n-1].End, End: inc.Start}), "\n") > 1 {
			flush()
		}
		group = append(group, inc)
	}
	flush()
}

// firstComment returns the comment on the rest of the line.
func firstComment(t *syntax.File, offset int) string {
	line, _, _ := strings.Cut(string(t.Source[offset:]), "\n")
	if i := strings.IndexAny(line, "#/"); i >= 0 {
		return line[i:]
	}
	return ""
}

func (p *pass) pattern(text string) *regexp.Regexp {
	re, ok := p.patterns[text]
	if !ok {
		re, _ = regexp.Compile(text) // Options.Check has reported it
		p.patterns[text] = re
	}
	return re
}

func includeRestricted(p *pass) {
	for _, r := range p.opts.RestrictedIncludes {
		from, to := p.pattern(r.From), p.pattern(r.To)
		if from == nil || to == nil || !from.MatchString(p.file.Tree.Path) {
			continue
		}
		for _, inc := range p.file.Includes {
			if to.MatchString(inc.Node.Path.Text) {
				p.report(inc.Node.Path.Span, "%s must not include %s (restricted-includes: %s to %s)", p.file.Tree.Path, inc.Node.Path.Text, r.From, r.To)
			}
		}
	}
}

func plainName(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

func nameCaseClash(p *pass) {
	scope := func(list []*symbols.Symbol, kinds ...symbols.Kind) {
		seen := make(map[string]*symbols.Symbol)
		for _, s := range list {
			if s.Name == "" || len(kinds) > 0 && !slices.Contains(kinds, s.Kind) {
				continue
			}
			key := plainName(s.Name)
			other := seen[key]
			switch {
			case other == nil:
				seen[key] = s
			case other.Name != s.Name && (other.Kind == symbols.Const) == (s.Kind == symbols.Const):
				p.report(s.Span, "%s and %s differ only in case and underscores", s.Name, other.Name).also(p.file, other.Span, "defined")
			}
		}
	}
	scope(p.file.Symbols)
	for _, s := range p.file.Symbols {
		scope(s.Members)
		for _, m := range s.Members {
			scope(m.Members, symbols.Argument)
			scope(m.Members, symbols.Throw)
		}
	}
}

func fieldIDAscending(p *pass) {
	p.file.Each(func(s *symbols.Symbol) {
		for _, kind := range []symbols.Kind{symbols.Field, symbols.Argument, symbols.Throw} {
			last := int64(-1 << 31)
			for _, m := range s.Members {
				if m.Kind != kind {
					continue
				}
				d := m.Node.(*syntax.Field)
				if d.ID == nil {
					continue
				}
				if d.ID.Int < last {
					p.report(d.ID.Span, "id %d comes after %d", d.ID.Int, last)
				}
				last = d.ID.Int
			}
		}
	})
}

func fieldIDReserved(p *pass) {
	for _, s := range p.file.Symbols {
		reserved := symbols.Reserved(s)
		if len(reserved) == 0 {
			continue
		}
		numbers := enumNumbers(s)
		for i, m := range s.Members {
			id, at := int64(-1<<40), m.Span
			switch d := m.Node.(type) {
			case *syntax.Field:
				if d.ID != nil {
					id, at = d.ID.Int, d.ID.Span
				}
			case *syntax.EnumValue:
				id = numbers[i]
			}
			for _, r := range reserved {
				if !r.Holds(id, m.Name) {
					continue
				}
				if r.Name != "" {
					p.report(m.Span, "the name %s is reserved in %s", m.Name, s.Name).also(p.file, r.Span, "reserved")
				} else {
					p.report(at, "%d is reserved in %s", id, s.Name).also(p.file, r.Span, "reserved")
				}
				break
			}
		}
	}
}

// enumNumbers returns the numbers of the values of an enum, implicit ones too.
func enumNumbers(s *symbols.Symbol) []int64 {
	if s.Kind != symbols.Enum {
		return nil
	}
	list := make([]int64, len(s.Members))
	next := int64(0)
	for i, m := range s.Members {
		if d := m.Node.(*syntax.EnumValue); d.Number != nil {
			next = d.Number.Int
		}
		list[i] = next
		next++
	}
	return list
}

func fieldNotRequired(p *pass) {
	p.fields(func(s *symbols.Symbol, d *syntax.Field) {
		if d.Requiredness == syntax.Required && s.Parent.Kind != symbols.Union {
			p.report(d.ReqSpan, "field %s is required: it can never be removed or left out", s.Path())
		}
	}, symbols.Field)
}

func fieldRequiredness(p *pass) {
	p.fields(func(s *symbols.Symbol, d *syntax.Field) {
		if d.Requiredness == syntax.Unspecified && s.Parent.Kind != symbols.Union && d.Type != nil {
			at := d.Type.Range().Start
			p.report(s.Span, "field %s is neither required nor optional", s.Path()).
				fix("make it optional", false, Edit{Span: syntax.Span{Start: at, End: at}, Text: "optional "})
		}
	}, symbols.Field)
}

// removeWord removes a word and the blanks after it.
func removeWord(t *syntax.File, s syntax.Span) Edit {
	for s.End < len(t.Source) && (t.Source[s.End] == ' ' || t.Source[s.End] == '\t') {
		s.End++
	}
	return Edit{Span: s}
}

func (p *pass) qualified(kind symbols.Kind, when func(s *symbols.Symbol, d *syntax.Field) bool, format string) {
	p.fields(func(s *symbols.Symbol, d *syntax.Field) {
		if d.Requiredness != syntax.Unspecified && when(s, d) {
			word := p.file.Tree.Text(d.ReqSpan)
			p.report(d.ReqSpan, format, s.Name, word).fix("remove "+word, true, removeWord(p.file.Tree, d.ReqSpan))
		}
	}, kind)
}

func argumentQualified(p *pass) {
	p.qualified(symbols.Argument, func(_ *symbols.Symbol, d *syntax.Field) bool { return d.Requiredness == syntax.Optional },
		"argument %s is %s, which is ignored: a call gives all its arguments")
}

func unionQualified(p *pass) {
	p.qualified(symbols.Field, func(s *symbols.Symbol, _ *syntax.Field) bool { return s.Parent.Kind == symbols.Union },
		"member %s is %s: exactly one member of a union is set")
}

func throwsQualified(p *pass) {
	p.qualified(symbols.Throw, func(*symbols.Symbol, *syntax.Field) bool { return true },
		"exception %s is %s, which is ignored: at most one is thrown")
}

func exceptionAsValue(p *pass) {
	p.types(func(t syntax.Type, in *symbols.Symbol, depth int) {
		if in.Kind == symbols.Throw && depth == 0 {
			return
		}
		if named, ok := t.(*syntax.NamedType); ok {
			if s := p.file.Type(named.Name); s != nil && s.Kind == symbols.Exception && in.Kind != symbols.Typedef {
				p.report(syntax.Span{Start: named.Start, End: named.Start + len(named.Name)}, "exception %s is used as a value", named.Name).
					hint("use a struct")
			}
		}
	})
}

func defaultOnOptional(p *pass) {
	p.fields(func(s *symbols.Symbol, d *syntax.Field) {
		if d.Default != nil && d.Requiredness == syntax.Optional {
			p.report(d.Default.Range(), "optional field %s has a default", s.Path())
		}
	}, symbols.Field)
}

func const64(p *pass) {
	const limit = 1 << 53
	var walk func(v syntax.Value)
	walk = func(v syntax.Value) {
		switch v := v.(type) {
		case *syntax.IntLit:
			if v.Int > limit || v.Int < -limit {
				p.report(v.Span, "%s is beyond 2^53", p.file.Tree.Text(v.Span)).hint("JavaScript and double lose its last digits")
			}
		case *syntax.ListValue:
			for _, e := range v.Elems {
				walk(e)
			}
		case *syntax.MapValue:
			for _, e := range v.Entries {
				walk(e.Key)
				walk(e.Value)
			}
		}
	}
	p.file.Each(func(s *symbols.Symbol) {
		switch n := s.Node.(type) {
		case *syntax.Const:
			walk(n.Value)
		case *syntax.Field:
			if n.Default != nil {
				walk(n.Default)
			}
		}
	})
}

// badKey says why a type is not one for keys, "" if it is.
func (p *pass) badKey(t syntax.Type) string {
	u, s := p.symbolOf(t)
	switch u := u.(type) {
	case *syntax.BaseType:
		if u.Name == "double" {
			return "double"
		}
		return ""
	case *syntax.NamedType:
		if s == nil || s.Kind == symbols.Enum {
			return ""
		}
		return s.Kind.String() + " " + s.Name
	case nil:
		return ""
	}
	return "a container"
}

func mapKeyType(p *pass) {
	p.types(func(t syntax.Type, _ *symbols.Symbol, _ int) {
		if m, ok := t.(*syntax.MapType); ok && m.Key != nil {
			if what := p.badKey(m.Key); what != "" {
				p.report(m.Key.Range(), "the key of a map is %s", what).hint("use a base type other than double, or an enum")
			}
		}
	})
}

func setElemType(p *pass) {
	p.types(func(t syntax.Type, _ *symbols.Symbol, _ int) {
		if s, ok := t.(*syntax.SetType); ok && s.Elem != nil {
			if what := p.badKey(s.Elem); what != "" {
				p.report(s.Elem.Range(), "the element of a set is %s", what).hint("use a list, or a base type other than double, or an enum")
			}
		}
	})
}

func typeDeprecated(p *pass) {
	p.types(func(t syntax.Type, _ *symbols.Symbol, _ int) {
		switch t := t.(type) {
		case *syntax.BaseType:
			if t.Name == "byte" {
				at := syntax.Span{Start: t.Start, End: t.Start + len(t.Name)}
				p.report(at, "byte is the old name of i8").fix("write i8", true, Edit{Span: at, Text: "i8"})
			}
		case *syntax.ListType:
			if e, ok := t.Elem.(*syntax.BaseType); ok && (e.Name == "byte" || e.Name == "i8") {
				p.report(t.Span, "list<%s> sends each byte as an element", e.Name).hint("binary is the type for bytes; it is another type on the wire")
			}
		}
	})
	p.each(func(s *symbols.Symbol) {
		fn := s.Node.(*syntax.Function)
		if fn.Oneway && p.file.Tree.Text(fn.OnewaySpan) == "async" {
			p.report(fn.OnewaySpan, "async is the old word for oneway").fix("write oneway", true, Edit{Span: fn.OnewaySpan, Text: "oneway"})
		}
	}, symbols.Method)
}

func recursionDirect(p *pass) {
	p.fields(func(s *symbols.Symbol, d *syntax.Field) {
		if _, target := p.symbolOf(d.Type); target != nil && target == s.Parent && d.Requiredness == syntax.Unspecified && !d.Reference && target.Kind != symbols.Union {
			p.report(d.Type.Range(), "field %s holds its own struct and is not optional", s.Path())
		}
	}, symbols.Field)
}

func enumValueExplicit(p *pass) {
	for _, s := range p.file.Symbols {
		numbers := enumNumbers(s)
		for i, m := range s.Members {
			if s.Kind != symbols.Enum || m.Node.(*syntax.EnumValue).Number != nil || m.Name == "" {
				continue
			}
			at := syntax.Span{Start: m.Span.End, End: m.Span.End}
			p.report(m.Span, "%s has no number and gets %d", m.Path(), numbers[i]).
				fix(fmt.Sprintf("write %s = %d", m.Name, numbers[i]), true, Edit{Span: at, Text: fmt.Sprintf(" = %d", numbers[i])})
		}
	}
}

func enumValueDuplicate(p *pass) {
	for _, s := range p.file.Symbols {
		if s.Kind != symbols.Enum {
			continue
		}
		seen := make(map[int64]*symbols.Symbol)
		for i, n := range enumNumbers(s) {
			m := s.Members[i]
			if other := seen[n]; other != nil && other.Name != m.Name {
				p.report(m.Span, "%s and %s are both %d", m.Name, other.Name, n).also(p.file, other.Span, "defined")
			} else {
				seen[n] = m
			}
		}
	}
}

func enumValueNegative(p *pass) {
	for _, s := range p.file.Symbols {
		for i, n := range enumNumbers(s) {
			if n < 0 {
				p.report(s.Members[i].Span, "%s is %d, which is negative", s.Members[i].Path(), n)
			}
		}
	}
}

func enumZeroValue(p *pass) {
	p.each(func(s *symbols.Symbol) {
		if len(s.Members) > 0 && !slices.Contains(enumNumbers(s), 0) {
			p.report(s.Span, "enum %s has no value 0", s.Name).hint("add one such as UNKNOWN = 0")
		}
	}, symbols.Enum)
}

func positive(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}

func enumSize(p *pass) {
	most := positive(p.opts.EnumSize, 500)
	p.each(func(s *symbols.Symbol) {
		if len(s.Members) > most {
			p.report(s.Span, "enum %s has %s; enum-size is %d", s.Name, plural.Of(len(s.Members), "value"), most)
		}
	}, symbols.Enum)
}

func structSize(p *pass) {
	most := positive(p.opts.StructSize, 100)
	p.each(func(s *symbols.Symbol) {
		if len(s.Members) > most {
			p.report(s.Span, "%s %s has %s; struct-size is %d", s.Kind, s.Name, plural.Of(len(s.Members), "field"), most)
		}
	}, symbols.Struct, symbols.Union, symbols.Exception)
}

// emptyCheck returns the check of a rule about what is empty.
func emptyCheck(id string) func(*pass) {
	return func(p *pass) {
		if id == "FILE_EMPTY" {
			if len(p.file.Tree.Defs) == 0 && !p.hasSyntaxErrors() {
				p.report(syntax.Span{}, "the file defines nothing")
			}
			return
		}
		for _, s := range p.file.Symbols {
			empty := len(s.Members) == 0 && s.Name != ""
			switch s.Kind {
			case symbols.Enum:
				empty = empty && id == "ENUM_EMPTY"
			case symbols.Service:
				empty = empty && id == "SERVICE_EMPTY" && s.Node.(*syntax.Service).Extends.Text == ""
			case symbols.Struct, symbols.Union, symbols.Exception:
				empty = empty && id == "STRUCT_EMPTY"
			default:
				empty = false
			}
			if empty {
				p.report(s.Span, "%s %s is empty", s.Kind, s.Name)
			}
		}
	}
}

func (p *pass) namespaces(do func(n *syntax.Namespace)) {
	for _, h := range p.file.Tree.Headers {
		if n, ok := h.(*syntax.Namespace); ok {
			do(n)
		}
	}
}

func namespaceRequired(p *pass) {
	for _, lang := range p.opts.RequiredNamespaces {
		found := false
		p.namespaces(func(n *syntax.Namespace) { found = found || n.Scope.Text == lang || n.Scope.Text == "*" })
		if !found {
			p.report(syntax.Span{}, "the file has no namespace for %s", lang).hint("add: namespace %s NAME", lang)
		}
	}
}

func namespaceDuplicate(p *pass) {
	seen := make(map[string]*syntax.Namespace)
	p.namespaces(func(n *syntax.Namespace) {
		if other := seen[n.Scope.Text]; other != nil {
			p.report(n.Scope.Span, "there are two namespaces for %s; the last one counts", n.Scope.Text).also(p.file, other.Scope.Span, "the first is")
		}
		seen[n.Scope.Text] = n
	})
}

func namespacePattern(p *pass) {
	p.namespaces(func(n *syntax.Namespace) {
		pattern, ok := p.opts.Namespaces[n.Scope.Text]
		if re := p.pattern(pattern); ok && re != nil && !re.MatchString(n.Name.Text) {
			p.report(n.Name.Span, "namespace %s does not match %s", n.Name.Text, pattern)
		}
	})
}

func namespaceSameInDir(p *pass) {
	dir := path.Dir(p.file.Tree.Path)
	p.namespaces(func(n *syntax.Namespace) {
		if n.Scope.Text != "go" && n.Scope.Text != "java" {
			return
		}
		for _, other := range p.set.Files {
			if other == p.file {
				return // the first file sets the name
			}
			if path.Dir(other.Tree.Path) != dir {
				continue
			}
			for _, h := range other.Tree.Headers {
				if m, ok := h.(*syntax.Namespace); ok && m.Scope.Text == n.Scope.Text && m.Name.Text != n.Name.Text {
					p.report(n.Name.Span, "namespace %s is %s here and %s in %s", n.Scope.Text, n.Name.Text, m.Name.Text, other.Tree.Path).
						also(other, m.Name.Span, "the other is")
					return
				}
			}
		}
	})
}

func namespaceLanguage(p *pass) {
	p.namespaces(func(n *syntax.Namespace) {
		scope := n.Scope.Text
		lang, _, _ := strings.Cut(scope, ".")
		if scope == "*" || slices.Contains(languages, lang) || slices.Contains(p.opts.Languages, scope) {
			return
		}
		f := p.report(n.Scope.Span, "no generator has a language %s", scope)
		var m edits.Measure
		for _, l := range languages {
			if m.Distance(lang, l) <= 2 && len(l) > 2 || lang == "python" && l == "py" {
				f.Hint = "did you mean " + l + "?"
				if l == "python" {
					f.Hint = "did you mean py?"
				}
				break
			}
		}
	})
}

func reservedWord(p *pass) {
	langs := p.languages()
	p.file.Each(func(s *symbols.Symbol) {
		if apacheWords[s.Name] {
			p.report(s.Span, "%s is a reserved word of older Apache Thrift and of thriftpy2", s.Name)
		} else if lang := reservedIn(langs, s); lang != "" {
			p.report(s.Span, "%s is a reserved word in %s", s.Name, lang)
		}
	})
}

func reservedElsewhere(p *pass) {
	langs := p.languages()
	p.file.Each(func(s *symbols.Symbol) {
		if apacheWords[s.Name] || reservedIn(langs, s) != "" { // RESERVED_WORD reports it
			return
		}
		var others []string
		for _, lang := range slices.Sorted(maps.Keys(languageWords)) {
			if reservedIn([]string{lang}, s) != "" {
				others = append(others, lang)
			}
		}
		if len(others) > 0 {
			p.report(s.Span, "%s is a reserved word in %s", s.Name, strings.Join(others, ", "))
		}
	})
}

// languages are those for which code is generated, as far as it is known.
func (p *pass) languages() []string {
	langs := p.opts.Languages
	if len(langs) == 0 {
		p.namespaces(func(n *syntax.Namespace) { langs = append(langs, n.Scope.Text) })
	}
	return langs
}

// reservedIn returns the first of langs in which the name of s is a reserved word, or "".
func reservedIn(langs []string, s *symbols.Symbol) string {
	for _, lang := range langs {
		if wordsOf(lang)[s.Name] && !exported(lang, s.Kind) {
			return lang
		}
	}
	return ""
}

func fileNameCase(p *pass) {
	base := path.Base(p.file.Tree.Path)
	name := strings.TrimSuffix(base, path.Ext(base))
	if !snakeFile.MatchString(name) {
		p.report(syntax.Span{}, "the file name %s is not snake_case", base)
	}
}

var snakeFile = regexp.MustCompile(`^[a-z0-9]+(?:[_.][a-z0-9]+)*$`)

func enumValuePrefix(p *pass) {
	p.each(func(s *symbols.Symbol) {
		if prefix := upperSnake(s.Parent.Name) + "_"; !strings.HasPrefix(s.Name, prefix) {
			p.report(s.Span, "%s does not begin with %s", s.Path(), prefix)
		}
	}, symbols.EnumValue)
}

func serviceSuffix(p *pass) {
	suffix := p.opts.ServiceSuffix
	if suffix == "" {
		suffix = "Service"
	}
	p.each(func(s *symbols.Symbol) {
		if !strings.HasSuffix(s.Name, suffix) {
			p.report(s.Span, "service %s does not end with %s", s.Name, suffix)
		}
	}, symbols.Service)
}

func exceptionSuffix(p *pass) {
	suffixes := p.opts.ExceptionSuffix
	if len(suffixes) == 0 {
		suffixes = []string{"Exception", "Error"}
	}
	p.each(func(s *symbols.Symbol) {
		if !slices.ContainsFunc(suffixes, func(suffix string) bool { return strings.HasSuffix(s.Name, suffix) }) {
			p.report(s.Span, "exception %s does not end with %s", s.Name, strings.Join(suffixes, " or "))
		}
	}, symbols.Exception)
}

func (p *pass) isStruct(t syntax.Type) bool {
	if t == nil {
		return false
	}
	_, s := p.symbolOf(t)
	return s != nil && (s.Kind == symbols.Struct || s.Kind == symbols.Union)
}

func methodRequestResponse(p *pass) {
	p.each(func(s *symbols.Symbol) {
		fn := s.Node.(*syntax.Function)
		switch {
		case len(fn.Params) > 1:
			p.report(s.Span, "method %s has %d arguments", s.Path(), len(fn.Params)).hint("put them into one struct")
		case len(fn.Params) == 1 && !p.isStruct(fn.Params[0].Type):
			p.report(s.Span, "the argument of method %s is not a struct", s.Path())
		case fn.Result != nil && !p.isStruct(fn.Result):
			p.report(s.Span, "the result of method %s is not a struct", s.Path())
		}
	}, symbols.Method)
}

func methodReturnsBase(p *pass) {
	p.each(func(s *symbols.Symbol) {
		if fn := s.Node.(*syntax.Function); fn.Result != nil && !p.isStruct(fn.Result) && fn.Stream == nil && fn.Sink == nil {
			p.report(fn.Result.Range(), "method %s returns %s, which cannot grow", s.Path(), p.file.Tree.Text(fn.Result.Range()))
		}
	}, symbols.Method)
}

// reach marks what services lead to.
func (r *run) reach() {
	if r.reached != nil {
		return
	}
	r.reached = make(map[*symbols.Symbol]bool)
	refs := make(map[*symbols.Symbol][]*symbols.Symbol) // top level to top level
	var queue []*symbols.Symbol
	for _, f := range r.set.Files {
		for i := range f.Refs {
			if ref := &f.Refs[i]; ref.Symbol != nil && ref.In != nil {
				refs[top(ref.In)] = append(refs[top(ref.In)], top(ref.Symbol))
			}
		}
		for _, s := range f.Symbols {
			if s.Kind == symbols.Service {
				r.services = true
				queue = append(queue, s)
			}
			if s.Kind == symbols.Const {
				queue = append(queue, s)
			}
		}
	}
	for len(queue) > 0 {
		s := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if r.reached[s] {
			continue
		}
		r.reached[s] = true
		queue = append(queue, refs[s]...)
	}
}

func top(s *symbols.Symbol) *symbols.Symbol {
	for s.Parent != nil {
		s = s.Parent
	}
	return s
}

func typeUnused(p *pass) {
	if p.reach(); !p.services {
		return
	}
	p.each(func(s *symbols.Symbol) {
		if !p.reached[s] {
			p.report(s.Span, "no service leads to %s %s", s.Kind, s.Name)
		}
	}, symbols.Struct, symbols.Union, symbols.Exception, symbols.Enum)
}

func typedefUnused(p *pass) {
	if p.reach(); !p.services {
		return
	}
	p.each(func(s *symbols.Symbol) {
		if !p.reached[s] {
			p.report(s.Span, "nothing uses typedef %s", s.Name)
		}
	}, symbols.Typedef)
}

func typeNesting(p *pass) {
	most := positive(p.opts.TypeNesting, 2)
	p.types(func(t syntax.Type, _ *symbols.Symbol, depth int) {
		switch t.(type) {
		case *syntax.ListType, *syntax.SetType, *syntax.MapType:
			if depth == most {
				p.report(t.Range(), "containers nest deeper than %d", most)
			}
		}
	})
}

var commentKinds = map[string][]symbols.Kind{
	"COMMENT_SERVICE": {symbols.Service}, "COMMENT_METHOD": {symbols.Method}, "COMMENT_ARGUMENT": {symbols.Argument},
	"COMMENT_STRUCT": {symbols.Struct, symbols.Union}, "COMMENT_FIELD": {symbols.Field}, "COMMENT_ENUM": {symbols.Enum},
	"COMMENT_ENUM_VALUE": {symbols.EnumValue}, "COMMENT_EXCEPTION": {symbols.Exception}, "COMMENT_CONST": {symbols.Const},
}

func commentMissing(p *pass) {
	p.each(func(s *symbols.Symbol) {
		if symbols.Doc(p.file.Tree, s.Node, s.Doc) == "" {
			p.report(s.Span, "%s %s has no comment", s.Kind, s.Path())
		}
	}, commentKinds[p.rule.ID]...)
}

func commentDetached(p *pass) {
	t := p.file.Tree
	starts := make(map[int]bool)
	p.file.Each(func(s *symbols.Symbol) {
		if s.Doc != "" {
			starts[s.Node.Range().Start] = true
		}
	})
	for _, h := range t.Headers {
		if n, ok := h.(*syntax.Namespace); ok && n.Doc != "" {
			starts[n.Start] = true
		}
	}
	program := t.Doc != ""
	for i := range t.Tokens {
		var docs []syntax.Span
		for _, c := range t.Trivia(i) {
			if c.Kind == syntax.DocComment {
				docs = append(docs, c.Span)
			}
		}
		for k, d := range docs {
			if program { // the first comment is that of the file
				program = false
				continue
			}
			text := strings.Trim(t.Text(d), "/* \t\r\n")
			if text == "" || k == len(docs)-1 && starts[t.Tokens[i].Range().Start] {
				continue
			}
			p.report(d, "this doc comment documents nothing").hint("put it directly above a definition, or begin it with /*")
		}
	}
}

func deprecatedUsed(p *pass) {
	for i := range p.file.Refs {
		r := &p.file.Refs[i]
		if r.Symbol == nil || r.In != nil && top(r.In) == top(r.Symbol) {
			continue
		}
		for _, a := range annotationsOf(r.Symbol.Node) {
			if strings.EqualFold(a.Name.Text, "deprecated") {
				f := p.report(r.Span, "%s is deprecated", r.Symbol.Path()).also(r.Symbol.File, r.Symbol.Span, "defined")
				if a.Value != nil && a.Value.Text != "" && a.Value.Text != "1" {
					f.Hint = oneLine(a.Value.Text)
				}
				break
			}
		}
	}
}

func annotationUnknown(p *pass) {
	p.file.Each(func(s *symbols.Symbol) {
		for _, a := range annotationsOf(s.Node) {
			name := a.Name.Text
			if knownAnnotation(name) || slices.Contains(p.opts.Annotations, name) {
				continue
			}
			f := p.report(a.Name.Span, "no known generator reads the annotation %s", name)
			var m edits.Measure
			for _, known := range annotationNames {
				if m.Distance(name, known) <= min(2, len(name)/3) {
					f.Hint = "did you mean " + known + "?"
					f.fix("write "+known, false, Edit{Span: a.Name.Span, Text: known})
					break
				}
			}
		}
	})
}

func annotationDuplicate(p *pass) {
	p.file.Each(func(s *symbols.Symbol) {
		list := annotationsOf(s.Node)
		for i, a := range list {
			for _, other := range list[:i] {
				if other.Name.Text == a.Name.Text {
					p.report(a.Name.Span, "annotation %s is given twice", a.Name.Text).also(p.file, other.Name.Span, "the first is")
					break
				}
			}
		}
	})
}

func dialectCheck(p *pass) {
	if p.opts.Dialect == "" || p.file.Tree.Dialect == syntax.Apache || p.file.Tree.Dialect.String() == p.opts.Dialect {
		return
	}
	p.report(syntax.Span{}, "the file is in the dialect %s; the project's is %s", p.file.Tree.Dialect, p.opts.Dialect)
}
