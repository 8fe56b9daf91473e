// Package lint looks for what is allowed in .thrift files and yet a mistake waiting to happen: names
// that collide in generated code, required fields, implicit numbers, missing documentation.
//
//	program := compile.Load(paths, compile.Options{})
//	for _, f := range lint.Run(program, lint.Options{}) {
//		fmt.Println(f)
//	}
//
// [Rules] is the table of all rules, docs/lint.md the same for readers. The mistakes that package
// compile reports are rules too, so that one list says all about a file. Errors of the compiler stay errors, whatever
// the options say: the file cannot be used.
//
// # Suppression
//
// A comment at the end of a line concerns the line, one on a line of its own the definition, field or
// method below it:
//
//	// thrift:ignore STRUCT_NAME_CASE the name is in stored data
//	struct my_struct { … }
//
// thrift:ignore-file does the same for the file. The annotation (nolint = "…") and @nolint(…) in a doc
// comment are read as thriftcheck reads them, with its names of checks or those of this package.
package lint

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/symbols"
	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/internal/edits"
)

// A Set is a group of rules.
type Set uint8

// The sets. Standard contains Minimal, Strict contains Standard; Comments stands alone.
const (
	Minimal Set = iota
	Standard
	Strict
	Comments
)

var setNames = [...]string{"minimal", "standard", "strict", "comments"}

// String returns the name that options use.
func (s Set) String() string { return setNames[s] }

// ParseSet is the inverse of String.
func ParseSet(name string) (Set, error) {
	if i := slices.Index(setNames[:], name); i >= 0 {
		return Set(i), nil
	}
	return 0, fmt.Errorf("unknown set %q (known: %s)", name, strings.Join(setNames[:], ", "))
}

// A Level is a severity, or Off.
type Level uint8

// The levels of a rule.
const (
	Off Level = iota
	LevelError
	LevelWarning
	LevelNote
)

// ParseLevel reads off, error, warning or note.
func ParseLevel(word string) (Level, error) {
	if i := slices.Index([]string{"off", "error", "warning", "note"}, word); i >= 0 {
		return Level(i), nil
	}
	return 0, fmt.Errorf("unknown severity %q (known: off, error, warning, note)", word)
}

// An Override turns rules off below a path.
type Override struct {
	Path  string   // a file or a directory, with forward slashes
	Rules []string // none: all
}

// A Restriction forbids includes: files whose path matches From must not include paths that match To.
type Restriction struct{ From, To string }

// Options say which rules hold. The zero Options are the set standard.
type Options struct {
	Sets   []Set            // none: Standard
	Levels map[string]Level // by rule; counts more than Sets
	Ignore []Override

	Languages          []string          // for RESERVED_WORD and RESERVED_WORD_ELSEWHERE; none: those of the namespaces of each file
	RequiredNamespaces []string          // languages, for NAMESPACE_REQUIRED
	Namespaces         map[string]string // language to regular expression, for NAMESPACE_PATTERN
	FieldCase          string            // snake, camel, or "" for what most names have
	ArgumentCase       string            // the same
	MethodCase         string            // the same
	EnumSize           int               // 500 if not positive
	StructSize         int               // 100 if not positive
	TypeNesting        int               // 2 if not positive
	ServiceSuffix      string            // "Service" if empty
	ExceptionSuffix    []string          // Exception and Error if empty
	RestrictedIncludes []Restriction
	Annotations        []string // names of annotations that are known besides those of generators
	Dialect            string   // apache, fbthrift or kitex; "" accepts all

	// Only limits the rules of style to some files; nil: all files of the program. Errors of the
	// compiler are reported in any case.
	Only func(path string) bool
}

// Check returns an error for what is wrong with o: unknown rules, bad regular expressions.
func (o *Options) Check() error {
	var errs []string
	for id := range o.Levels {
		if Find(id) == nil {
			errs = append(errs, fmt.Sprintf("there is no rule %s%s", id, suggest(id)))
		}
	}
	for _, v := range o.Ignore {
		for _, id := range v.Rules {
			if Find(id) == nil {
				errs = append(errs, fmt.Sprintf("there is no rule %s%s", id, suggest(id)))
			}
		}
	}
	for lang, pattern := range o.Namespaces {
		if _, err := regexp.Compile(pattern); err != nil {
			errs = append(errs, fmt.Sprintf("namespaces: %s: %v", lang, err))
		}
	}
	for _, r := range o.RestrictedIncludes {
		for _, pattern := range []string{r.From, r.To} {
			if _, err := regexp.Compile(pattern); err != nil {
				errs = append(errs, fmt.Sprintf("restricted-includes: %v", err))
			}
		}
	}
	for _, c := range []string{o.FieldCase, o.ArgumentCase, o.MethodCase} {
		if c != "" && c != "snake" && c != "camel" {
			errs = append(errs, fmt.Sprintf("unknown case %q (known: snake, camel)", c))
		}
	}
	if !slices.Contains([]string{"", "apache", "fbthrift", "kitex"}, o.Dialect) {
		errs = append(errs, fmt.Sprintf("unknown dialect %q (known: apache, fbthrift, kitex)", o.Dialect))
	}
	if errs == nil {
		return nil
	}
	slices.Sort(errs)
	return fmt.Errorf("%s", strings.Join(errs, "; "))
}

// suggest returns " (did you mean X?)" for an unknown rule, or "".
func suggest(id string) string {
	var m edits.Measure
	best, distance := "", len(id)/3+1
	for _, r := range Rules() {
		if d := m.Distance(strings.ToUpper(id), r.ID); d < distance {
			best, distance = r.ID, d
		}
	}
	if best == "" {
		return ""
	}
	return " (did you mean " + best + "?)"
}

func (o *Options) level(r *Rule) Level {
	if l, ok := o.Levels[r.ID]; ok {
		return l
	}
	on := false
	for _, s := range o.Sets {
		on = on || s == r.Set || s != Comments && r.Set != Comments && r.Set <= s
	}
	if len(o.Sets) == 0 {
		on = r.Set <= Standard
	}
	if !on {
		return Off
	}
	return Level(r.Severity) + 1
}

// An Edit replaces a part of a file.
type Edit struct {
	Path string
	Span syntax.Span
	Text string
}

// A Fix is a way to mend a finding.
type Fix struct {
	Title string
	Safe  bool // the meaning stays, on the wire and in generated code
	Edits []Edit
}

// A Finding is one place that breaks a rule. Its Code is the id of the rule.
type Finding struct {
	syntax.Diagnostic
	Span  syntax.Span
	Fixes []Fix
	Cause string // the code of package compile that caused it; "" if there is none
}

// A run is one call of Run.
type run struct {
	opts       Options
	set        *symbols.Set
	findings   []*Finding
	suppressed map[*symbols.File]*suppressions
	styles     map[string]string // by rule: snake or camel
	patterns   map[string]*regexp.Regexp
	reached    map[*symbols.Symbol]bool // from services; made once
	services   bool
}

// A pass is one rule on one file.
type pass struct {
	*run
	rule  *Rule
	level Level
	file  *symbols.File
}

// Run looks at all files of p, which must have been compiled with the options' Dialect left open.
// The findings are sorted by place. Calls may run concurrently, on one program too.
func Run(p *compile.Program, opts Options) []*Finding {
	return RunSet(p, symbols.Build(p.Trees, p.Included), opts)
}

// RunSet is Run for a program whose symbols are known.
func RunSet(p *compile.Program, set *symbols.Set, opts Options) []*Finding {
	r := &run{opts: opts, set: set, suppressed: make(map[*symbols.File]*suppressions), styles: make(map[string]string), patterns: make(map[string]*regexp.Regexp)}
	cached.once.Do(fillTable)
	byPath := make(map[string]*symbols.File, len(set.Files))
	for _, f := range set.Files {
		byPath[f.Tree.Path] = f
		r.suppressed[f] = findSuppressions(f)
	}
	broken := make(map[*symbols.File]bool)
	for _, d := range p.Diagnostics {
		f := byPath[d.File]
		if d.Severity == syntax.Error && f != nil && d.Code == "syntax" {
			broken[f] = true
		}
		r.compiled(d, f)
	}
	for _, rule := range Rules() {
		if rule.check == nil {
			continue
		}
		level := opts.level(rule)
		if level == Off {
			continue
		}
		for _, f := range set.Files {
			if opts.Only == nil || opts.Only(f.Tree.Path) {
				rule.check(&pass{run: r, rule: rule, level: level, file: f})
			}
		}
	}
	r.unusedSuppressions()
	slices.SortStableFunc(r.findings, func(a, b *Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Code, b.Code))
	})
	return slices.CompactFunc(r.findings, func(a, b *Finding) bool {
		return a.Place == b.Place && a.Code == b.Code && a.Message == b.Message
	})
}

// compiled adds what the compiler has found.
func (r *run) compiled(d *syntax.Diagnostic, f *symbols.File) {
	rule := cached.byCode[d.Code]
	switch {
	case d.Code == "ignored-requiredness", d.Code == "dialect": // rules of their own, which see more
		return
	case d.Code == "duplicate-function" && d.Hint != "": // one that is inherited
		rule = Find("NAME_METHOD_SHADOWS_BASE")
	case rule == nil:
		rule = Find("SYNTAX")
	}
	span := syntax.Span{}
	if f != nil {
		span = offsets(f.Tree, d.Place)
		if rule.ID == "CONST_TYPE_MISMATCH" {
			if s := enclosing(f, span.Start); s == nil || s.Kind != symbols.Const {
				rule = Find("DEFAULT_TYPE_MISMATCH")
			}
		}
	}
	level := r.opts.level(rule)
	if d.Severity == syntax.Error {
		level = LevelError
	} else {
		if r.opts.Only != nil && !r.opts.Only(d.File) || level == Off {
			return
		}
		if _, set := r.opts.Levels[rule.ID]; !set && rule.ID == "SYNTAX" {
			level = Level(d.Severity) + 1
		}
	}
	p := &pass{run: r, rule: rule, level: level, file: f}
	finding := p.finding(d.Place, span, d.Message)
	finding.Hint, finding.Related, finding.Cause = d.Hint, d.Related, d.Code
	if f != nil {
		finding.Fixes = p.compiledFixes(d, span)
	}
	if d.Severity == syntax.Error {
		r.findings = append(r.findings, finding)
		return
	}
	p.add(finding)
}

// offsets turns a place back into offsets.
func offsets(t *syntax.File, p syntax.Place) syntax.Span {
	return syntax.Span{Start: t.Offset(p.Line, p.Column), End: t.Offset(p.EndLine, p.EndColumn)}
}

// enclosing returns the definition at the top level that contains offset, nil if there is none.
func enclosing(f *symbols.File, offset int) *symbols.Symbol {
	for _, s := range f.Symbols {
		if n := s.Node.Range(); n.Start <= offset && offset <= n.End {
			return s
		}
	}
	return nil
}

func (p *pass) finding(at syntax.Place, span syntax.Span, message string) *Finding {
	return &Finding{
		Diagnostic: syntax.Diagnostic{Place: at, Severity: syntax.Severity(p.level - 1), Code: p.rule.ID, Message: message},
		Span:       span,
	}
}

// report adds a finding, unless a comment or an option suppresses it.
func (p *pass) report(span syntax.Span, format string, args ...any) *Finding {
	f := p.finding(p.file.Tree.Place(span), span, oneLine(fmt.Sprintf(format, args...)))
	p.add(f)
	return f
}

func (p *pass) add(f *Finding) {
	for _, o := range p.opts.Ignore {
		if (len(o.Rules) == 0 || slices.Contains(o.Rules, f.Code)) && below(f.File, o.Path) {
			return
		}
	}
	if p.file != nil && p.suppressed[p.file].covers(f.Code, f.Span.Start) {
		return
	}
	p.findings = append(p.findings, f)
}

// below reports whether name is dir or in it.
func below(name, dir string) bool {
	name, dir = path.Clean(name), path.Clean(dir)
	return dir == "." || name == dir || strings.HasPrefix(name, dir+"/")
}

func (f *Finding) hint(format string, args ...any) *Finding {
	f.Hint = fmt.Sprintf(format, args...)
	return f
}

func (f *Finding) also(file *symbols.File, span syntax.Span, message string) *Finding {
	f.Related = append(f.Related, syntax.Related{Place: file.Tree.Place(span), Message: message})
	return f
}

// fix adds a fix that edits the file of the finding.
func (f *Finding) fix(title string, safe bool, edits ...Edit) *Finding {
	for i := range edits {
		if edits[i].Path == "" {
			edits[i].Path = f.File
		}
	}
	f.Fixes = append(f.Fixes, Fix{title, safe, edits})
	return f
}

func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, text)
}
