// Package symbols says which definition each name in .thrift files refers to.
//
// It works on trees with mistakes as well as on good ones, and reports none: a name that stands for
// nothing is a [Ref] without a [Symbol], and package compile says why. What lint rules, editors and
// renaming need is here; types and values of constants are in package schema.
package symbols

import (
	"strings"

	"github.com/thriftkit/thriftkit/idl/syntax"
)

// A Kind says what a Symbol is.
type Kind uint8

// The kinds of symbols.
const (
	Typedef Kind = iota
	Enum
	EnumValue
	Struct
	Union
	Exception
	Field
	Service
	Method
	Argument
	Throw // a declared exception
	Const
)

var kindNames = [...]string{"typedef", "enum", "enum value", "struct", "union", "exception", "field", "service", "method", "argument", "exception", "constant"}

// String returns the word for messages, such as "enum value".
func (k Kind) String() string { return kindNames[k] }

// IsType reports whether a symbol of this kind can be the type of a field.
func (k Kind) IsType() bool {
	return k == Typedef || k == Enum || k == Struct || k == Union || k == Exception
}

// A Symbol is one definition.
type Symbol struct {
	Kind    Kind
	Name    string
	Span    syntax.Span // of the name
	Node    syntax.Node // *syntax.Struct, *syntax.Field …
	Parent  *Symbol     // what it is a member of; nil at the top level
	File    *File
	Doc     string
	Members []*Symbol // fields, enum values, methods; of a method its arguments and exceptions
}

// Member returns the member called name, nil if there is none.
func (s *Symbol) Member(name string) *Symbol {
	for _, m := range s.Members {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// Path returns the name with that of its parents: "Shop.find".
func (s *Symbol) Path() string {
	if s.Parent == nil {
		return s.Name
	}
	return s.Parent.Path() + "." + s.Name
}

// A Role says what a Ref is used for.
type Role uint8

// The roles of references.
const (
	TypeRef    Role = iota // the type of a field, an element, a typedef or a constant
	ResultRef              // the result of a method
	ThrowsRef              // a declared exception
	ExtendsRef             // the service that another extends
	ValueRef               // a constant, an enum value, or the enum in front of it
	KeyRef                 // a field in the value of a struct, in quotes
)

// A Ref is one use of a name.
type Ref struct {
	Span    syntax.Span // what stands for Symbol: the last part of a dotted name
	Whole   syntax.Span // with what is before it
	Name    string      // as written, with dots
	Role    Role
	Symbol  *Symbol  // nil if unknown
	Include *Include // by which Symbol is seen; nil if it is of this file
	In      *Symbol  // the definition that contains the use
}

// An Include is an include directive and the file that it leads to.
type Include struct {
	Node *syntax.Include
	Name string // the prefix of its names
	File *File  // nil if it was not found
	Used bool   // a name of this file, or of one that includes it, leads through it
}

// A File has the symbols of one tree.
type File struct {
	Tree     *syntax.File
	Includes []*Include
	Symbols  []*Symbol // of the top level, in the order of the text
	Refs     []Ref     // in the order of the text

	types  map[string]*Symbol
	consts map[string]*Symbol
	linked bool
}

// A Set is a group of files that were read together.
type Set struct {
	Files  []*File
	byTree map[*syntax.File]*File
}

// Build makes the symbols of trees. included returns the tree of an included file, nil if there is
// none; [compile.Program.Included] is one.
func Build(trees []*syntax.File, included func(*syntax.Include) *syntax.File) *Set {
	s := &Set{byTree: make(map[*syntax.File]*File, len(trees))}
	for _, t := range trees {
		f := declare(t)
		s.Files = append(s.Files, f)
		s.byTree[t] = f
	}
	for _, f := range s.Files {
		for _, h := range f.Tree.Headers {
			if h, ok := h.(*syntax.Include); ok && h.Path != nil {
				inc := &Include{Node: h, Name: programName(h.Path.Text)}
				if t := included(h); t != nil {
					inc.File = s.byTree[t]
				}
				f.Includes = append(f.Includes, inc)
			}
		}
	}
	for _, f := range s.Files {
		f.link()
	}
	return s
}

// File returns the symbols of a tree, nil if it is not in the set.
func (s *Set) File(t *syntax.File) *File { return s.byTree[t] }

// ByPath returns the file at path, nil if it is not in the set.
func (s *Set) ByPath(path string) *File {
	for _, f := range s.Files {
		if f.Tree.Path == path {
			return f
		}
	}
	return nil
}

// Type returns the type or service called name, as this file writes it; nil if there is none.
func (f *File) Type(name string) *Symbol {
	s, _ := f.lookup(name, 0, func(f *File, n string) *Symbol { return f.types[n] })
	return s
}

// Const returns the constant called name, as this file writes it; nil if there is none.
func (f *File) Const(name string) *Symbol {
	s, _ := f.lookup(name, 0, func(f *File, n string) *Symbol { return f.consts[n] })
	return s
}

// maxIncludes bounds how many includes a dotted name leads through.
const maxIncludes = 16

func (f *File) lookup(name string, depth int, own func(*File, string) *Symbol) (*Symbol, *Include) {
	if s := own(f, name); s != nil {
		return s, nil
	}
	if depth > maxIncludes || strings.IndexByte(name, '.') < 0 {
		return nil, nil
	}
	for _, inc := range f.Includes {
		rest, ok := strings.CutPrefix(name, inc.Name+".")
		if !ok || inc.File == nil {
			continue
		}
		if s, _ := inc.File.lookup(rest, depth+1, own); s != nil {
			return s, inc
		}
	}
	return nil, nil
}

func programName(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	if dot := strings.LastIndexByte(name, '.'); dot > 0 {
		name = name[:dot]
	}
	return name
}

// Doc returns the documentation before n: its doc comment, or else the comments on the lines
// directly above it, or after it on its last line.
func Doc(f *syntax.File, n syntax.Node, doc string) string {
	if doc != "" {
		return doc
	}
	if text := above(f, n.Range().Start); text != "" {
		return text
	}
	return commentAfter(f, n.Range().End)
}

// above returns the text of the comments that end on the line before offset, without gaps.
func above(f *syntax.File, offset int) string {
	i := f.TokenAt(offset)
	trivia := f.Trivia(i)
	start := len(trivia)
	newlines := 0
	for k := len(trivia) - 1; k >= 0; k-- {
		switch trivia[k].Kind {
		case syntax.Newline:
			if newlines++; newlines > 1 {
				k = -1
			}
		case syntax.LineComment, syntax.BlockComment, syntax.DocComment:
			// A comment on the line of what is before it belongs to that.
			if i > 0 && sameLine(f, f.Tokens[i-1].Range().End, trivia[k].Start) {
				k = -1
				break
			}
			newlines, start = 0, k
		}
	}
	var b strings.Builder
	for _, t := range trivia[start:] {
		writeComment(&b, f.Text(t.Span), t.Kind)
	}
	return b.String()
}

// commentAfter returns the text of a comment on the line on which a definition ends.
func commentAfter(f *syntax.File, end int) string {
	i := f.TokenAt(end)
	if i < len(f.Tokens) && f.Tokens[i].Kind() == syntax.Punctuation {
		if t := f.Text(f.Tokens[i].Range()); (t == "," || t == ";") && sameLine(f, end, f.Tokens[i].Range().Start) {
			if text := firstComment(f, i); text != "" {
				return text
			}
			i++
		}
	}
	if i >= len(f.Tokens) {
		return ""
	}
	return firstComment(f, i)
}

func firstComment(f *syntax.File, i int) string {
	var b strings.Builder
	for _, t := range f.Trivia(i) {
		if t.Kind == syntax.Newline {
			break
		}
		writeComment(&b, f.Text(t.Span), t.Kind)
	}
	return b.String()
}

func sameLine(f *syntax.File, a, b int) bool {
	return !strings.Contains(f.Text(syntax.Span{Start: a, End: max(a, b)}), "\n")
}

func writeComment(b *strings.Builder, text string, kind syntax.TriviaKind) {
	switch kind {
	case syntax.LineComment:
		text = strings.TrimLeft(text, "/#")
		b.WriteString(strings.TrimSpace(text) + "\n")
	case syntax.BlockComment, syntax.DocComment:
		text = strings.TrimSuffix(strings.TrimPrefix(text, "/*"), "*/")
		for line := range strings.SplitSeq(text, "\n") {
			line = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(line), "*"))
			if line != "" {
				b.WriteString(line + "\n")
			}
		}
	}
}
