package syntax

import (
	"math"
	"strconv"
	"strings"
)

const (
	maxNesting     = 64
	maxSourceBytes = 64 << 20
)

// Parse reads one file. It never fails: the tree holds what could be understood, and the
// Diagnostics, sorted, what could not. They are of severity Error if the text is not Thrift, and
// Warning if it is but means less than it says; Diagnostics.Errors separates them.
//
// The path is used in places only. The file keeps src, which must not be changed any more.
// The returned File is not changed by any method and may be used concurrently.
func Parse(path string, src []byte) (*File, Diagnostics) { return Options{}.Parse(path, src) }

// Options say how a file is read. With the zero Options the dialect is found out from the file.
type Options struct {
	Dialect Dialect
	Docs    Docs
}

// A Dialect is a variant of the language. What all dialects have in common is Apache Thrift's.
type Dialect uint8

// The dialects.
const (
	Auto     Dialect = iota // FBThrift where a file has what only FBThrift has, else Apache
	Apache                  // Apache Thrift and thriftpy2
	FBThrift                // fbthrift, as far as it maps to plain Thrift
	Kitex                   // thriftgo and Kitex
)

// String returns "auto", "apache", "fbthrift" or "kitex".
func (d Dialect) String() string { return [...]string{"auto", "apache", "fbthrift", "kitex"}[d] }

// Parse is the function Parse with options.
func (o Options) Parse(path string, src []byte) (*File, Diagnostics) {
	text := string(src)
	f := &File{Path: path, Source: src, Dialect: o.Dialect, text: text, lines: lineStarts(text)}
	r := &reporter{file: f}
	if reason, hint := unreadable(src); reason != "" {
		// The text is all trivia of the end of the file. Offsets are 32 bits wide.
		end := int32(min(len(src), math.MaxInt32))
		f.Tokens = []Token{{start: end, end: end}}
		r.add(Error, "unreadable", Span{}, hint, "%s", reason)
		return f, r.list
	}
	p := &parser{reporter: r, options: o, comments: lex(f, r), lastError: -1}
	p.toks = f.Tokens
	p.parseFile()
	if f.Dialect == Auto {
		f.Dialect = Apache
	}
	r.list.Sort()
	return f, r.list
}

func lineStarts(text string) []int {
	lines := make([]int, strings.Count(text, "\n")+1)
	for i := 1; i < len(lines); i++ {
		start := lines[i-1]
		lines[i] = start + strings.IndexByte(text[start:], '\n') + 1
	}
	return lines
}

// unreadable returns why src is not worth being looked at, "" if it is.
func unreadable(src []byte) (reason, hint string) {
	switch {
	case len(src) > maxSourceBytes:
		return "file is larger than " + strconv.Itoa(maxSourceBytes>>20) + " MiB", ""
	case len(src) >= 2 && (src[0] == 0xff && src[1] == 0xfe || src[0] == 0xfe && src[1] == 0xff):
		return "file is UTF-16", "save the file as UTF-8"
	}
	return "", ""
}

// A parser reads tokens by recursive descent, one method a production. A method that returns false,
// or nil, has reported why.
type parser struct {
	*reporter
	toks      []Token
	pos       int
	options   Options
	comments  []comment // those that are still ahead
	lastError int       // token of the latest error: nothing more is said about it
	depth     int
	open      []bracket
	slists    []Span // uses of slist as a type

	structured []*Annotation // before the element that comes next
	held       docText       // what stands above the first of them

	fields       lists[*Field]
	enumValues   lists[*EnumValue]
	functions    lists[*Function]
	annotations  lists[*Annotation]
	values       lists[Value]
	entries      lists[MapEntry]
	fieldSlab    slab[Field]
	enumSlab     slab[EnumValue]
	functionSlab slab[Function]
	annSlab      slab[Annotation]
	baseSlab     slab[BaseType]
	namedSlab    slab[NamedType]
	listSlab     slab[ListType]
	mapSlab      slab[MapType]
	intSlab      slab[IntLit]
	stringSlab   slab[StringLit]
}

// A bracket is a list that is being read.
type bracket struct {
	token  int // the one that opened it
	closer op
	noun   string // what it consists of, for messages: "a field"
}

func (p *parser) op() op           { return p.toks[p.pos].op }
func (p *parser) tok() Token       { return p.toks[p.pos] }
func (p *parser) next()            { p.pos = min(p.pos+1, len(p.toks)-1) }
func (p *parser) text() string     { return p.textAt(p.pos) }
func (p *parser) startsLine() bool { return p.tok().flags&startsLine != 0 }

// peek returns the op n tokens ahead.
func (p *parser) peek(n int) op { return p.toks[min(p.pos+n, len(p.toks)-1)].op }

func (p *parser) textAt(i int) string {
	t := p.toks[i]
	return p.file.text[t.start:t.end]
}

// got steps over a token of kind o, if there is one.
func (p *parser) got(o op) bool {
	if p.op() != o {
		return false
	}
	p.next()
	return true
}

// since returns the range from the token start up to the last one read.
func (p *parser) since(start int) Span {
	return Span{int(p.toks[start].start), int(p.toks[max(p.pos-1, start)].end)}
}

func (p *parser) ident() Ident {
	id := Ident{p.tok().Range(), p.text()}
	p.next()
	return id
}

// definedName is the name of a definition.
func (p *parser) definedName(what string) Ident {
	n := p.newName(what)
	p.checkDots(n)
	return n
}

// newName is a name that may not be a keyword. The zero Ident stands for none.
func (p *parser) newName(what string) Ident {
	t := p.tok()
	switch {
	case t.op == opName, t.flags&malformed != 0 && t.op.isNumber():
		return p.ident()
	case t.op == opExtends: // only of a service whose name is missing
	case t.op >= firstKeyword && !p.atDefinition() && (len(p.open) > 0 || !p.startsLine()):
		if p.nameFollows() {
			p.expected(what)
			p.next()
			return p.ident()
		}
		return p.reserved(what)
	}
	p.expected(what)
	return Ident{}
}

// nameFollows is whether the current token, a keyword, is one too many: the name that should be here stands after it.
func (p *parser) nameFollows() bool {
	after := p.toks[min(p.pos+1, len(p.toks)-1)]
	return after.op == opName && after.flags&startsLine == 0
}

// simpleName is a name without dots.
func (p *parser) simpleName() Ident {
	n := p.ident()
	p.checkDots(n)
	return n
}

func (p *parser) checkDots(n Ident) {
	if strings.IndexByte(n.Text, '.') >= 0 {
		p.errorAt(p.pos-1, "dotted-name", "", "%s has a dot, which a new name cannot have", quote(n.Text))
	}
}

// reserved reports that the current token is a keyword where a name is needed, and uses it as one.
func (p *parser) reserved(what string) Ident {
	p.errorAt(p.pos, "reserved-word", "try "+quote(p.text()+"_"),
		"%s is a reserved word and cannot be %s", quote(p.text()), p.describe(what))
	return p.ident()
}
