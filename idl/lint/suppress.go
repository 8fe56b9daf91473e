package lint

import (
	"regexp"
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/idl/symbols"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

// A suppression turns rules off in a part of a file.
type suppression struct {
	rules   []string // none: all
	span    syntax.Span
	comment syntax.Span // empty for annotations
	reason  string
	used    bool
}

type suppressions struct{ list []*suppression }

// covers reports whether rule is turned off at offset.
func (s *suppressions) covers(rule string, offset int) bool {
	found := false
	for _, x := range s.list {
		if x.span.Start <= offset && offset <= x.span.End && (len(x.rules) == 0 || slices.Contains(x.rules, rule)) &&
			rule != "IGNORE_COMMENT" && rule != "IGNORE_UNUSED" {
			x.used, found = true, true
		}
	}
	return found
}

// thriftcheck has the names of thriftcheck's checks, and what they are here.
var thriftcheck = map[string][]string{
	"enum.size":          {"ENUM_SIZE"},
	"field.doc.missing":  {"COMMENT_FIELD"},
	"field.id.missing":   {"FIELD_ID_REQUIRED"},
	"field.id.negative":  {"FIELD_ID_POSITIVE"},
	"field.id.zero":      {"FIELD_ID_POSITIVE"},
	"field.optional":     {"FIELD_NOT_REQUIRED"},
	"field.requiredness": {"FIELD_REQUIREDNESS_EXPLICIT"},
	"include.path":       {"INCLUDE_NOT_FOUND"},
	"include.restricted": {"INCLUDE_RESTRICTED"},
	"int.64bit":          {"CONST_64BIT"},
	"map.key.type":       {"MAP_KEY_TYPE"},
	"map.value.type":     {"TYPE_NESTING"},
	"names.reserved":     {"RESERVED_WORD"},
	"namespace.patterns": {"NAMESPACE_PATTERN"},
	"set.value.type":     {"SET_ELEM_TYPE"},
	"types":              {"TYPE_DEPRECATED"},
	"constant.ref":       {"UNKNOWN_CONST"},
}

// rulesOf returns the rules that a name in nolint means: ours, thriftcheck's, or a prefix of the latter.
func rulesOf(name string) []string {
	if r := Find(strings.ToUpper(name)); r != nil {
		return []string{r.ID}
	}
	list := []string{"?"} // never none, which would be all
	for check, ids := range thriftcheck {
		if check == name || strings.HasPrefix(check, name+".") {
			list = append(list, ids...)
		}
	}
	return list
}

func parseNolint(value string) []string {
	var list []string
	for name := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ',' || r == ' ' }) {
		list = append(list, rulesOf(strings.Trim(name, `"'`))...)
	}
	return list
}

var nolintDoc = regexp.MustCompile(`@nolint\b(?:\(([^)]*)\))?`)

const ignoreWord = "thrift:ignore"

func findSuppressions(f *symbols.File) *suppressions {
	s := &suppressions{}
	text := string(f.Tree.Source)
	if strings.Contains(text, ignoreWord) {
		for i := range f.Tree.Tokens {
			for _, t := range f.Tree.Trivia(i) {
				if t.Kind == syntax.LineComment || t.Kind == syntax.BlockComment || t.Kind == syntax.DocComment {
					s.comment(f, i, t)
				}
			}
		}
	}
	if strings.Contains(text, "nolint") {
		f.Each(func(x *symbols.Symbol) {
			node := x.Node.Range()
			for _, a := range annotationsOf(x.Node) {
				if a.Name.Text != "nolint" {
					continue
				}
				var list []string
				if a.Value != nil {
					list = parseNolint(a.Value.Text)
				}
				s.list = append(s.list, &suppression{rules: list, span: node, used: true})
			}
			for _, m := range nolintDoc.FindAllStringSubmatch(x.Doc, -1) {
				s.list = append(s.list, &suppression{rules: parseNolint(m[1]), span: node, used: true})
			}
		})
	}
	return s
}

// comment reads a comment in the trivia of token i.
func (s *suppressions) comment(f *symbols.File, i int, t syntax.Trivia) {
	text := strings.Trim(f.Tree.Text(t.Span), "/*# \t\r\n")
	rest, ok := strings.CutPrefix(text, ignoreWord)
	if !ok {
		return
	}
	x := &suppression{comment: t.Span}
	rest, whole := strings.CutPrefix(rest, "-file")
	rest = strings.TrimSpace(rest)
	names, reason, _ := strings.Cut(rest, " ")
	x.reason = strings.TrimSpace(reason)
	for name := range strings.SplitSeq(names, ",") {
		x.rules = append(x.rules, strings.TrimSpace(name))
	}
	src := f.Tree.Source
	lineStart := strings.LastIndexByte(string(src[:t.Start]), '\n') + 1
	switch {
	case whole:
		x.span = syntax.Span{Start: 0, End: len(src)}
	case strings.TrimSpace(string(src[lineStart:t.Start])) != "": // after something
		end := strings.IndexByte(string(src[t.End:]), '\n')
		if end < 0 {
			end = len(src) - t.End
		}
		x.span = syntax.Span{Start: lineStart, End: t.End + end}
	default:
		x.span = nodeAt(f, f.Tree.Tokens[i].Range())
	}
	s.list = append(s.list, x)
}

// nodeAt returns the span of the outermost node that begins with a token.
func nodeAt(f *symbols.File, token syntax.Span) syntax.Span {
	best := token
	consider := func(s syntax.Span) {
		if s.Start == token.Start && s.End > best.End {
			best = s
		}
	}
	for _, h := range f.Tree.Headers {
		consider(h.Range())
	}
	f.Each(func(s *symbols.Symbol) { consider(s.Node.Range()) })
	return best
}

func ignoreComment(p *pass) {
	for _, x := range p.suppressed[p.file].list {
		if x.comment.End == 0 {
			continue
		}
		for _, id := range x.rules {
			if id == "" {
				p.report(x.comment, "%s names no rule", ignoreWord).hint("write %s RULE reason", ignoreWord)
			} else if Find(id) == nil {
				p.report(x.comment, "there is no rule %s%s", id, suggest(id))
			}
		}
		if x.reason == "" && x.rules[0] != "" {
			p.report(x.comment, "%s gives no reason", ignoreWord).hint("write %s %s reason", ignoreWord, strings.Join(x.rules, ","))
		}
	}
}

// unusedSuppressions runs after all other rules.
func (r *run) unusedSuppressions() {
	rule := Find("IGNORE_UNUSED")
	level := r.opts.level(rule)
	if level == Off {
		return
	}
	for _, f := range r.set.Files {
		if r.opts.Only != nil && !r.opts.Only(f.Tree.Path) {
			continue
		}
		p := &pass{run: r, rule: rule, level: level, file: f}
		for _, x := range r.suppressed[f].list {
			on := slices.ContainsFunc(x.rules, func(id string) bool { rule := Find(id); return rule != nil && r.opts.level(rule) != Off })
			if !x.used && x.comment.End > 0 && on {
				p.report(x.comment, "%s suppresses nothing: no finding of %s here", ignoreWord, strings.Join(x.rules, ", "))
			}
		}
	}
}

// annotationsOf returns the annotations of a definition, a field, an enum value or a method.
func annotationsOf(n syntax.Node) []*syntax.Annotation {
	switch n := n.(type) {
	case *syntax.Const:
		return n.Annotations
	case *syntax.Typedef:
		return n.Annotations
	case *syntax.Enum:
		return n.Annotations
	case *syntax.EnumValue:
		return n.Annotations
	case *syntax.Struct:
		return n.Annotations
	case *syntax.Field:
		return n.Annotations
	case *syntax.Service:
		return n.Annotations
	case *syntax.Function:
		return n.Annotations
	}
	return nil
}
