package analysis

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/idl/lint"
	"github.com/thriftkit/thriftkit/idl/symbols"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

// A CompletionKind says what a Completion is.
type CompletionKind uint8

// The kinds of completions.
const (
	CompleteKeyword CompletionKind = iota
	CompleteSymbol
	CompletePath
	CompleteText // an id, an annotation
)

// A Completion is one text that fits at a place.
type Completion struct {
	Label  string
	Kind   CompletionKind
	Symbol *symbols.Symbol // of CompleteSymbol
	Detail string
	Text   string      // to insert in place of Span
	Span   syntax.Span // the word that is there
	Edits  []lint.Edit // besides: an include
}

// A slot is what may stand at a place.
type slot struct {
	scope  string // top, struct, union, exception, enum, service, interaction, args, throws, annotation, const
	before string // the token before the word, "" at the beginning
	prior  string // the one before that
	owner  string // the name of the definition
}

// leading are the words that begin a header or a definition.
var leading = []string{"struct", "union", "exception", "enum", "service", "const", "typedef", "include", "namespace", "cpp_include", "hs_include", "package", "interaction"}

// slotAt finds out from the tokens what may stand at offset: it works in text that does not parse.
func slotAt(t *syntax.File, offset int) slot {
	type level struct{ scope, open string }
	stack := []level{{"top", ""}}
	s := slot{}
	keyword, owner := "", ""
	for _, tok := range t.Tokens {
		r := tok.Range()
		if r.End > offset || r.End == offset && (tok.Kind() == syntax.Name || tok.Kind() == syntax.Keyword) || tok.Kind() == syntax.EOF {
			break
		}
		text := t.Text(r)
		scope := stack[len(stack)-1].scope
		switch {
		case tok.Kind() == syntax.Keyword && slices.Contains(leading, text) && s.before != ":" && (scope == "top" || tok.Kind() == syntax.Keyword && startsLine(t, r.Start) && column(t, r.Start) == 0):
			stack = stack[:1]
			keyword, owner = text, ""
		case owner == "" && tok.Kind() == syntax.Name && s.before == keyword:
			owner = text
		case text == "{" && scope == "top" && keyword != "const":
			stack = append(stack, level{keyword, text})
		case text == "{" || text == "[":
			stack = append(stack, level{"const", text})
		case text == "(":
			next := "annotation"
			functions := scope == "service" || scope == "interaction"
			if functions && s.before == "throws" {
				next = "throws"
			} else if functions && s.before != ")" {
				next = "args"
			}
			stack = append(stack, level{next, text})
		case (text == "}" || text == "]" || text == ")") && len(stack) > 1:
			stack = stack[:len(stack)-1]
		}
		s.prior, s.before = s.before, text
	}
	s.scope, s.owner = stack[len(stack)-1].scope, owner
	return s
}

func startsLine(t *syntax.File, offset int) bool {
	line := string(t.Source[:offset])
	return strings.TrimSpace(line[strings.LastIndexByte(line, '\n')+1:]) == ""
}

func column(t *syntax.File, offset int) int {
	return offset - strings.LastIndexByte(string(t.Source[:offset]), '\n') - 1
}

var baseTypes = strings.Fields("bool i8 i16 i32 i64 double string binary uuid list<> set<> map<>")

func isWordByte(c byte) bool {
	return c == '_' || c == '.' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// Complete returns what fits at offset, best first.
func (w *Workspace) Complete(path string, offset int) []Completion {
	v := w.View(path)
	f := v.File(path)
	if f == nil {
		return nil
	}
	t := f.Tree
	offset = min(max(offset, 0), len(t.Source))
	start := offset
	for start > 0 && isWordByte(t.Source[start-1]) {
		start--
	}
	c := &completer{w: w, v: v, f: f, span: syntax.Span{Start: start, End: offset}, word: string(t.Source[start:offset])}
	line := string(t.Source[strings.LastIndexByte(string(t.Source[:offset]), '\n')+1 : offset])
	if trimmed := strings.TrimSpace(line); strings.HasPrefix(trimmed, "include ") && strings.Count(trimmed, `"`)+strings.Count(trimmed, "'") == 1 {
		return c.paths(line, offset)
	}
	if inComment(t, offset) {
		return nil
	}
	c.slot = slotAt(t, start)
	c.complete()
	return c.list
}

func inComment(t *syntax.File, offset int) bool {
	i := t.TokenAt(offset)
	for _, c := range t.Trivia(i) {
		if (c.Kind == syntax.LineComment || c.Kind == syntax.BlockComment || c.Kind == syntax.DocComment) && c.Start < offset && (offset < c.End || c.Kind == syntax.LineComment && offset == c.End) {
			return true
		}
	}
	return t.Tokens[i].Kind() == syntax.String && t.Tokens[i].Range().Start < offset
}

type completer struct {
	w    *Workspace
	v    *View
	f    *symbols.File
	span syntax.Span
	word string
	slot slot
	list []Completion
}

func (c *completer) add(x Completion) {
	x.Span = c.span
	if x.Text == "" {
		x.Text = x.Label
	}
	c.list = append(c.list, x)
}

func (c *completer) keywords(words ...string) {
	if strings.Contains(c.word, ".") {
		return
	}
	for _, w := range words {
		c.add(Completion{Label: w, Kind: CompleteKeyword})
	}
}

// fbthrift is whether the file is read in fbthrift's dialect.
func (c *completer) fbthrift() bool { return c.f.Tree.Dialect == syntax.FBThrift }

func isExceptionQualifier(word string) bool {
	return slices.Contains([]string{"safe", "permanent", "transient", "stateful", "client", "server"}, word)
}

func (c *completer) complete() {
	before := c.slot.before
	separated := before == "," || before == ";" || before == "{" || before == "("
	switch c.slot.scope {
	case "top":
		switch {
		case before == "extends":
			c.types(symbols.Service)
		case before == "namespace":
			c.keywords("*", "go", "java", "py", "cpp", "js", "rs", "rb", "php", "netstd", "swift", "kotlin", "dart")
		case before == "=":
			c.values(c.constType())
		case before == "const" || before == "typedef" || before == "<":
			c.keywords(baseTypes...)
			c.types(symbols.Struct, symbols.Union, symbols.Exception, symbols.Enum, symbols.Typedef)
		case c.slot.prior == "service":
			c.keywords("extends")
		case before == "" || startsLine(c.f.Tree, c.span.Start):
			c.keywords("include", "namespace", "struct", "enum", "service", "exception", "union", "typedef", "const", "cpp_include")
			if c.fbthrift() {
				c.keywords("package", "interaction", "hs_include", "safe", "permanent", "transient", "stateful", "client", "server")
			}
		case c.fbthrift() && isExceptionQualifier(before):
			c.keywords("exception", "safe", "permanent", "transient", "stateful", "client", "server")
		}
	case "struct", "union", "exception", "args", "throws":
		c.field(separated)
	case "enum":
		if separated || startsLine(c.f.Tree, c.span.Start) {
			c.nextNumber()
		}
	case "service", "interaction":
		if separated || before == ")" || startsLine(c.f.Tree, c.span.Start) {
			c.keywords("void", "oneway void", "throws")
			c.keywords(baseTypes...)
			c.types(symbols.Struct, symbols.Union, symbols.Enum, symbols.Typedef)
			if c.fbthrift() {
				c.keywords("performs", "stream<>", "sink<>", "readonly", "idempotent")
			}
		} else if before == "<" || before == "oneway" {
			c.keywords(append(baseTypes, "void")...)
			c.types(symbols.Struct, symbols.Union, symbols.Enum, symbols.Typedef)
		}
	case "annotation":
		if before == "(" || before == "," {
			for _, name := range []string{"go.tag", "go.name", "cpp.type", "java.swift.name", "py.type", "api.get", "api.post", "api.body", "api.query", "api.path", "api.header", "vt.max_size", "deprecated", "nolint", "streaming.mode", "thrift.reserved"} {
				c.add(Completion{Label: name, Kind: CompleteText, Text: name + ` = ""`})
			}
		}
	case "const":
		c.values(nil)
	}
}

// field completes in a list of fields.
func (c *completer) field(separated bool) {
	before := c.slot.before
	kinds := []symbols.Kind{symbols.Struct, symbols.Union, symbols.Enum, symbols.Typedef}
	if c.slot.scope == "throws" {
		kinds = []symbols.Kind{symbols.Exception}
	}
	typesToo := func() {
		if c.slot.scope != "throws" {
			c.keywords(baseTypes...)
		}
		c.types(kinds...)
	}
	switch {
	case before == ":":
		if c.slot.scope == "struct" || c.slot.scope == "exception" {
			c.keywords("optional", "required")
		}
		typesToo()
	case before == "required" || before == "optional" || before == "<":
		typesToo()
	case before == "," && c.insideAngles():
		typesToo()
	case before == "=":
		c.values(c.fieldType())
	case separated || startsLine(c.f.Tree, c.span.Start):
		c.nextID()
	}
}

// insideAngles reports whether a "<" on the line is still open.
func (c *completer) insideAngles() bool {
	src := string(c.f.Tree.Source[:c.span.Start])
	line := src[strings.LastIndexByte(src, '\n')+1:]
	return strings.Count(line, "<") > strings.Count(line, ">")
}

// nextID offers the next free id of the list.
func (c *completer) nextID() {
	for _, s := range c.f.Symbols {
		n := s.Node.Range()
		if c.span.Start < n.Start || c.span.Start > n.End {
			continue
		}
		owner := s
		for _, m := range s.Members {
			if r := m.Node.Range(); s.Kind == symbols.Service && r.Start <= c.span.Start && c.span.Start <= r.End {
				owner = m
			}
		}
		if owner.Kind == symbols.Service || owner.Kind == symbols.Enum {
			continue
		}
		if id, ok := lint.NextID(owner, nil); ok {
			c.add(Completion{Label: fmt.Sprintf("%d: ", id), Kind: CompleteText, Detail: "next free id"})
			return
		}
	}
	c.add(Completion{Label: "1: ", Kind: CompleteText, Detail: "next free id"})
}

func (c *completer) nextNumber() {
	for _, s := range c.f.Symbols {
		n := s.Node.Range()
		if s.Kind != symbols.Enum || c.span.Start < n.Start || c.span.Start > n.End {
			continue
		}
		most := int64(-1)
		next := int64(0)
		for _, m := range s.Members {
			if d := m.Node.(*syntax.EnumValue); d.Number != nil {
				next = d.Number.Int
			}
			most = max(most, next)
			next++
		}
		c.add(Completion{Label: fmt.Sprintf("NAME = %d", most+1), Kind: CompleteText, Detail: "next free number"})
	}
}

// types offers definitions of the kinds: of this file, of includes, and of other files with their include.
func (c *completer) types(kinds ...symbols.Kind) {
	c.each(kinds, true)
}

func (c *completer) each(kinds []symbols.Kind, others bool) {
	if prefix, _, dotted := strings.Cut(c.word, "."); dotted {
		for _, inc := range c.f.Includes {
			if inc.File != nil && inc.Name == prefix {
				for _, s := range inc.File.Symbols {
					if slices.Contains(kinds, s.Kind) {
						c.symbol(inc.Name+"."+s.Name, s, nil)
					}
				}
			}
		}
		return
	}
	seen := map[string]bool{c.f.Tree.Path: true}
	for _, s := range c.f.Symbols {
		if slices.Contains(kinds, s.Kind) {
			c.symbol(s.Name, s, nil)
		}
	}
	for _, inc := range c.f.Includes {
		if inc.File == nil || seen[inc.File.Tree.Path] {
			continue
		}
		seen[inc.File.Tree.Path] = true
		for _, s := range inc.File.Symbols {
			if slices.Contains(kinds, s.Kind) {
				c.symbol(inc.Name+"."+s.Name, s, nil)
			}
		}
	}
	if !others || c.word == "" {
		return
	}
	for _, f := range c.w.Whole().Set.Files {
		if seen[f.Tree.Path] {
			continue
		}
		rel := lint.Relative(path.Dir(c.f.Tree.Path), f.Tree.Path)
		prefix := strings.TrimSuffix(path.Base(rel), ".thrift")
		for _, s := range f.Symbols {
			if slices.Contains(kinds, s.Kind) && subsequence(strings.ToLower(c.word), strings.ToLower(s.Name)) {
				c.symbol(prefix+"."+s.Name, s, []lint.Edit{lint.IncludeEdit(c.f, rel)})
			}
		}
	}
}

func (c *completer) symbol(label string, s *symbols.Symbol, edits []lint.Edit) {
	if s.Name == "" {
		return
	}
	detail := s.Kind.String()
	if edits != nil {
		detail += ", adds " + strings.TrimSpace(edits[0].Text)
	}
	c.add(Completion{Label: label, Kind: CompleteSymbol, Symbol: s, Detail: detail, Edits: edits})
}

// values offers constants and enum values; those of the enum first if the type is one.
func (c *completer) values(t syntax.Type) {
	if t != nil {
		if u, at := c.f.Underlying(t); u != nil {
			if named, ok := u.(*syntax.NamedType); ok {
				if e := at.Type(named.Name); e != nil && e.Kind == symbols.Enum {
					name := e.Name
					if written, ok := t.(*syntax.NamedType); ok {
						name = written.Name
					}
					for _, m := range e.Members {
						c.symbol(name+"."+m.Name, m, nil)
					}
					return
				}
			}
			if b, ok := u.(*syntax.BaseType); ok && b.Name == "bool" {
				c.keywords("true", "false")
			}
		}
	}
	c.each([]symbols.Kind{symbols.Const}, false)
	enums := func(prefix string, f *symbols.File) {
		for _, s := range f.Symbols {
			if s.Kind == symbols.Enum {
				for _, m := range s.Members {
					c.symbol(prefix+s.Name+"."+m.Name, m, nil)
				}
			}
		}
	}
	enums("", c.f)
	for _, inc := range c.f.Includes {
		if inc.File != nil {
			enums(inc.Name+".", inc.File)
		}
	}
}

// written returns the type that the text before "=" names: the word before the last one.
func (c *completer) written() syntax.Type {
	src := string(c.f.Tree.Source[:c.span.Start])
	line := strings.TrimRight(src[strings.LastIndexAny(src, "\n,;({")+1:], "= \t")
	words := strings.Fields(line)
	if len(words) < 2 {
		return nil
	}
	name := words[len(words)-2]
	if name == "bool" {
		return &syntax.BaseType{Name: name}
	}
	return &syntax.NamedType{Name: name}
}

func (c *completer) fieldType() syntax.Type { return c.written() }
func (c *completer) constType() syntax.Type { return c.written() }

// paths completes the path of an include.
func (c *completer) paths(line string, offset int) []Completion {
	quote := strings.LastIndexAny(line, `"'`)
	typed := line[quote+1:]
	c.span = syntax.Span{Start: offset - len(typed), End: offset}
	dir := path.Dir(c.f.Tree.Path)
	for _, file := range c.w.Files() {
		if file == c.f.Tree.Path {
			continue
		}
		if rel := lint.Relative(dir, file); strings.HasPrefix(rel, typed) {
			c.add(Completion{Label: rel, Kind: CompletePath})
		}
	}
	return c.list
}
