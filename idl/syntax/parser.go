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
// Warning if it is but means less than it says; Diagnostics.Errors tells them apart.
//
// The path is used in places only. The file keeps src, which must not be changed any more.
// The returned File is not changed by any method and may be used concurrently.
func Parse(path string, src []byte) (*File, Diagnostics) {
	text := string(src)
	f := &File{Path: path, Source: src, text: text, lines: lineStarts(text)}
	r := &reporter{file: f}
	if reason, hint := unreadable(src); reason != "" {
		// The text is all trivia of the end of the file. Offsets are 32 bits wide.
		end := int32(min(len(src), math.MaxInt32))
		f.Tokens = []Token{{start: end, end: end}}
		r.add(Error, "unreadable", Span{}, hint, "%s", reason)
		return f, r.list
	}
	p := &parser{reporter: r, docs: lex(f, r), lastError: -1}
	p.toks = f.Tokens
	p.parseFile()
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
	docs      []docComment // those that are still ahead
	lastError int          // token of the latest error: nothing more is said about it
	depth     int
	open      []bracket
	slists    []Span // uses of slist as a type

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

// Reading tokens

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

// doc returns the text of the doc comment of an element that begins here: in front of it or of the
// separator that ends the one before.
func (p *parser) doc() string {
	if len(p.docs) == 0 {
		return ""
	}
	first := p.pos
	if first > 0 && p.toks[first-1].op.isSeparator() {
		first--
	}
	text := ""
	for len(p.docs) > 0 && p.docs[0].token <= p.pos {
		if d := p.docs[0]; d.token >= first {
			text = cleanDoc(p.file.text[d.start:d.end])
		}
		p.docs = p.docs[1:]
	}
	return text
}

// Errors

// errorAt reports an error at token i, unless one was reported there or the lexer has done so.
func (p *parser) errorAt(i int, code, hint, format string, args ...any) *Diagnostic {
	if i == p.lastError || p.toks[i].flags&(malformed|behindStray) != 0 || p.behindBrokenString(i) {
		p.lastError = i
		return &Diagnostic{}
	}
	p.lastError = i
	return p.add(Error, code, p.toks[i].Range(), hint, format, args...)
}

// behindBrokenString is whether the string in front of token i has no end: then what is missing may
// be in there.
func (p *parser) behindBrokenString(i int) bool {
	return i > 0 && p.toks[i-1].op == opString && p.toks[i-1].flags&malformed != 0
}

func (p *parser) warn(s Span, code, hint, format string, args ...any) {
	p.add(Warning, code, s, hint, format, args...)
}

// expected reports that the current token is not what it should be: see describe.
func (p *parser) expected(what string) { p.expectedHint(what, "") }

func (p *parser) expectedHint(what, hint string) {
	d := p.errorAt(p.pos, "syntax", hint, "expected %s, found %s", p.describe(what), p.found())
	if len(p.open) > 0 && (p.op() == opEOF || p.op() != p.inner().closer && p.endsList()) {
		p.relateOpening(d, p.inner().token)
	}
}

func (p *parser) relateOpening(d *Diagnostic, token int) {
	place := p.file.Place(p.toks[token].Range())
	d.Related = append(d.Related, Related{place, quote(p.textAt(token)) + " opened"})
}

// found names the current token.
func (p *parser) found() string {
	switch o := p.op(); {
	case o == opEOF:
		return "end of file"
	case o >= firstKeyword:
		return "keyword " + quote(p.text())
	case o == opString:
		return "string " + quote(p.text())
	}
	return quote(p.text())
}

// Recovering

func (p *parser) inner() bracket { return p.open[len(p.open)-1] }

// item stands for an element of the list that is being read, or its end, in messages; in other
// words for messages, %s stands for an element.
const item = ""

// describe completes words for messages. It is for errors only: it makes garbage.
func (p *parser) describe(what string) string {
	switch {
	case what == item && len(p.open) == 0:
		return "a definition"
	case what == item:
		end := map[op]string{opUnparen: `")"`, opUnbracket: `"]"`, opUnbrace: `"}"`}[p.inner().closer]
		return p.inner().noun + " or " + end
	case len(p.open) > 0:
		return strings.Replace(what, "%s", p.inner().noun, 1)
	}
	return what
}

// endsList is whether the list that is being read ends here, with or without its own closer.
func (p *parser) endsList() bool {
	o := p.op()
	if o == opEOF || p.atDefinition() || p.atFunction() || p.atField() {
		return true
	}
	if o.closes() {
		for _, b := range p.open {
			if b.closer == o {
				return true
			}
		}
	}
	return false
}

// atDefinition is whether a definition or a header must have begun here, even if something is still
// open: its keyword starts a line and what belongs behind it follows on that line.
func (p *parser) atDefinition() bool {
	return p.startsLine() && p.beginsDefinition()
}

// beginsDefinition is whether there is the keyword of a definition or a header and, on the same line,
// what belongs behind it.
func (p *parser) beginsDefinition() bool {
	o := p.op()
	if !o.isDefinition() {
		return false
	}
	if after := p.toks[min(p.pos+1, len(p.toks)-1)]; after.flags&startsLine == 0 {
		switch o {
		case opInclude, opCppInclude:
			return after.op == opString
		case opConst, opTypedef:
			return after.op.isType()
		}
		return after.op == opName
	}
	return false
}

// atFunction is whether a function begins here while the parentheses of another are open.
func (p *parser) atFunction() bool {
	o := p.op()
	return (o == opVoid || o == opOneway || o == opAsync) && p.startsLine() && p.inner().closer == opUnparen
}

// atField is whether a field begins here while annotations, or on the line before a list, are open.
func (p *parser) atField() bool {
	if p.op() != opInt || p.peek(1) != opColon {
		return false
	}
	b := p.inner()
	return b.noun == annotationNoun || b.closer == opUnbracket && p.startsLine()
}

// canStartItem is whether the current token looks like the first one of a list's element.
func (p *parser) canStartItem() bool {
	o := p.op()
	return o == opName || o >= firstKeyword || o == opString || o == opInt && p.peek(1) == opColon
}

// skipItem moves to the end of an element that could not be read: to a separator or the end of the
// list, or to a line that can begin another element. It moves by at least one token if the element
// began here.
func (p *parser) skipItem(start int) {
	if p.pos == start && !p.endsList() {
		p.next()
	}
	for depth := 0; ; p.next() {
		o := p.op()
		switch {
		case o == opEOF, p.atDefinition():
			return
		case depth > 0 && o.closes():
			depth--
		case depth > 0:
			if o.opens() {
				depth++
			}
		case o.isSeparator(), p.endsList():
			return
		case p.startsLine() && p.pos > start && p.canStartItem():
			return
		case o.opens():
			depth++
		}
	}
}

// skipBalanced steps over a bracket and everything up to the one that closes it. It stays in front
// of the end of the file, and of a definition.
func (p *parser) skipBalanced() {
	for depth := 0; p.op() != opEOF; {
		switch o := p.op(); {
		case o.opens():
			depth++
		case o.closes():
			depth--
		}
		p.next()
		if depth <= 0 || p.atDefinition() {
			return
		}
	}
}

// list reads elements up to the closer of the bracket just read, and the closer.
func (p *parser) list(noun string, element func(*parser) bool) {
	opener := p.pos - 1
	closer := p.toks[opener].op.closer()
	p.open = append(p.open, bracket{opener, closer, noun})
	for p.op() != closer {
		if p.op().isSeparator() {
			p.straySeparators()
			continue
		}
		if p.op() == opAt {
			p.structuredAnnotation()
			continue
		}
		if p.endsList() {
			p.expected(item)
			p.open = p.open[:len(p.open)-1]
			return
		}
		if start := p.pos; !element(p) {
			p.skipItem(start)
		}
		p.separator()
	}
	p.next()
	p.open = p.open[:len(p.open)-1]
}

// separator reads the optional "," or ";" behind an element.
func (p *parser) separator() {
	if p.op().isSeparator() {
		p.next()
	}
}

// straySeparators reads separators that separate nothing.
func (p *parser) straySeparators() {
	hint := ""
	if p.pos > 0 && p.toks[p.pos-1].op.isSeparator() {
		hint = "one separator is enough"
	}
	p.expectedHint(item, hint)
	for p.op().isSeparator() {
		p.next()
	}
}

// structuredAnnotation reads an annotation as fbthrift has them: @Name, @Name{...}.
func (p *parser) structuredAnnotation() {
	if p.peek(1) != opName {
		p.expected(item)
		p.next()
		return
	}
	p.errorAt(p.pos, "unsupported", `write annotations in parentheses behind the element: (name = "value")`,
		"structured annotations are not part of Thrift")
	p.next()
	p.next()
	if p.op() == opBrace || p.op() == opParen {
		p.skipBalanced()
	}
}

// enter counts a level of nesting.
func (p *parser) enter() bool {
	if p.depth >= maxNesting {
		p.errorAt(p.pos, "too-deep", "", "nested deeper than %d levels", maxNesting)
		return false
	}
	p.depth++
	return true
}

func (p *parser) leave() { p.depth-- }

// Headers and definitions

func (p *parser) parseFile() {
	all := p.docs
	firstDef := -1
	for p.op() != opEOF {
		start := p.pos
		switch o := p.op(); {
		case o.isHeader():
			if firstDef >= 0 {
				p.headerBehindDefinition(firstDef)
			} else if len(all) > 0 && all[0].token <= p.pos {
				p.file.Doc = cleanDoc(p.file.text[all[0].start:all[0].end])
				if all = nil; len(p.docs) > 0 && p.docs[0].token <= p.pos {
					p.docs = p.docs[1:]
				}
			}
			p.header()
		case o.isDefinition():
			if firstDef < 0 {
				firstDef = p.pos
			}
			p.definition()
		case o.isSeparator():
			p.straySeparators()
			continue
		case o == opAt:
			p.structuredAnnotation()
			continue
		default:
			p.unknownDefinition()
		}
		if p.pos == start {
			p.next()
		}
		p.separator()
	}
	p.checkSlists()
}

func (p *parser) headerBehindDefinition(firstDef int) {
	d := p.errorAt(p.pos, "header-order", "move it to the top of the file", "%s must stand in front of all definitions", p.found())
	d.Related = append(d.Related, Related{p.file.Place(p.toks[firstDef].Range()), "the first one is"})
	p.lastError = -1 // what is wrong with the header itself is another matter
}

// removedHeader returns the scope of namespace that replaces a header of old versions, "" if name is
// none.
func removedHeader(name string) (scope string) {
	switch name {
	case "cpp_namespace":
		return "cpp"
	case "csharp_namespace":
		return "netstd"
	case "cocoa_prefix":
		return "cocoa"
	case "delphi_namespace":
		return "delphi"
	case "java_package":
		return "java"
	case "perl_package":
		return "perl"
	case "php_namespace":
		return "php"
	case "py_module":
		return "py"
	case "ruby_namespace":
		return "rb"
	case "smalltalk_category":
		return "st.category"
	case "smalltalk_prefix":
		return "st"
	case "xsd_namespace":
		return "xsd"
	}
	return ""
}

// unknownDefinition reports and skips what begins neither a header nor a definition.
func (p *parser) unknownDefinition() {
	name := p.text()
	after := "NAME"
	if p.peek(1) == opName {
		after = p.textAt(p.pos + 1)
	}
	switch scope := removedHeader(name); {
	case p.op() != opName:
		p.expected("a definition")
	case scope != "":
		p.errorAt(p.pos, "removed", "write namespace "+scope+" "+after, "%s is no longer part of Thrift", quote(name))
	case name == "senum" && p.peek(1) == opName:
		p.errorAt(p.pos, "removed", "use the type string, or an enum", "%s is no longer part of Thrift", quote(name))
	default:
		p.expectedHint("a definition", definitionHint(name))
	}
	p.skipDefinition()
}

// definitionHint guesses which keyword was meant.
func definitionHint(name string) string {
	switch lower := strings.ToLower(name); lower {
	case "c_include", "hs_include":
		return `did you mean "cpp_include"?`
	case "import", "require":
		return `did you mean "include"?`
	case "interface", "interaction":
		return `did you mean "service"?`
	case "message", "class", "record":
		return `did you mean "struct"?`
	case "package", "module":
		return `did you mean "namespace"?`
	default:
		if keyword(lower).isDefinition() {
			return "did you mean " + quote(lower) + "?"
		}
	}
	return ""
}

// skipDefinition moves behind the current token to the next one that begins a header or a
// definition.
func (p *parser) skipDefinition() {
	depth := 0
	for first := true; p.op() != opEOF; first = false {
		o := p.op()
		if !first && (depth == 0 && o.isDefinition() || p.atDefinition()) {
			return
		}
		switch {
		case o.opens():
			depth++
		case o.closes() && depth > 0:
			depth--
		}
		p.next()
	}
}

func (p *parser) header() {
	start, doc := p.pos, p.doc()
	switch o := p.op(); o {
	case opInclude, opCppInclude:
		p.next()
		path := p.headerPath()
		if path == nil {
			return
		}
		s := p.since(start)
		p.noAnnotations(quote(p.textAt(start)))
		if o == opInclude {
			p.file.Headers = append(p.file.Headers, &Include{s, path})
		} else {
			p.file.Headers = append(p.file.Headers, &CppInclude{s, path})
		}
	default:
		p.namespace(start, doc)
	}
}

func (p *parser) headerPath() *StringLit {
	if p.op() == opString {
		return p.stringLit()
	}
	hint := ""
	if p.op() == opName && !p.startsLine() {
		hint = "write it in quotes"
	}
	p.expectedHint("a file name", hint)
	p.skipHeader()
	return nil
}

// skipHeader steps over the rest of the line, as far as no definition begins.
func (p *parser) skipHeader() {
	for p.op() != opEOF && !p.startsLine() && !p.op().isDefinition() && !p.op().isSeparator() {
		p.next()
	}
}

func (p *parser) namespace(start int, doc string) {
	n := &Namespace{Doc: doc}
	p.next()
	star := p.op() == opStar
	if star {
		n.Scope = p.ident()
	} else if n.Scope = p.headerName("a language or \"*\"", "a language"); n.Scope.Text == "" {
		return
	}
	if n.Name = p.headerName("the name of a namespace", "the name of a namespace"); n.Name.Text == "" {
		return
	}
	if star {
		p.noAnnotations(`"namespace *"`)
	} else {
		n.Annotations = p.annots()
	}
	n.Span = p.since(start)
	p.file.Headers = append(p.file.Headers, n)
}

// headerName reads one name of a namespace: what may stand here, and in which role.
func (p *parser) headerName(what, role string) Ident {
	if p.op() == opName {
		return p.ident()
	}
	if p.op() >= firstKeyword && !p.startsLine() {
		return p.reserved(role)
	}
	hint := ""
	if p.op() == opString {
		hint = "write it without quotes"
	}
	p.expectedHint(what, hint)
	p.skipHeader()
	return Ident{}
}

// noAnnotations reports annotations where there cannot be any, and steps over them.
func (p *parser) noAnnotations(what string) {
	if p.op() == opParen && !p.startsLine() {
		p.errorAt(p.pos, "misplaced-annotation", "", "%s takes no annotations", what)
		p.skipBalanced()
	}
}

func (p *parser) definition() {
	start, doc := p.pos, p.doc()
	o := p.op()
	p.next()
	var d Def
	ok := false
	switch o {
	case opConst:
		d, ok = p.constant(start, doc)
	case opTypedef:
		d, ok = p.typedef(start, doc)
	case opEnum:
		d, ok = p.enum(start, doc)
	case opService:
		d, ok = p.service(start, doc)
	default:
		d, ok = p.structure(start, doc, o)
	}
	if ok {
		p.file.Defs = append(p.file.Defs, d)
	} else if o := p.op(); !o.isSeparator() && o != opEOF && !(o.isDefinition() && p.startsLine()) && !p.beginsDefinition() {
		p.skipDefinition()
	}
}

func (p *parser) constant(start int, doc string) (*Const, bool) {
	c := &Const{Doc: doc}
	if c.Type = p.typ("the type of a constant"); c.Type == nil {
		return nil, false
	}
	if c.Name = p.definedName("the name of a constant"); c.Name.Text == "" {
		return nil, false
	}
	if !p.got(opEqual) {
		p.expected(`"="`)
		return nil, false
	}
	if c.Value = p.value(); c.Value == nil {
		p.finishValue()
		return nil, false
	}
	c.Annotations = p.annots()
	c.Span = p.since(start)
	return c, true
}

// finishValue steps over the rest of a value that could not be read.
func (p *parser) finishValue() {
	for p.op() != opEOF && !p.op().isDefinition() && !p.op().isSeparator() {
		if p.op().opens() {
			p.skipBalanced()
		} else {
			p.next()
		}
	}
}

func (p *parser) typedef(start int, doc string) (*Typedef, bool) {
	t := &Typedef{Doc: doc}
	if t.Type = p.typ("the type of a typedef"); t.Type == nil && p.pos == start+1 {
		return nil, false
	}
	if t.Name = p.definedName("the name of a typedef"); t.Name.Text == "" {
		return nil, false
	}
	t.Annotations = p.annots()
	t.Span = p.since(start)
	return t, t.Type != nil
}

func (p *parser) enum(start int, doc string) (*Enum, bool) {
	e := &Enum{Doc: doc}
	if e.Name = p.definedName("the name of an enum"); e.Name.Text == "" && p.op() != opBrace {
		return nil, false
	}
	if p.body() {
		mark := p.enumValues.mark()
		p.list("an enum value", (*parser).enumValue)
		e.Values = p.enumValues.cut(mark)
		e.Annotations = p.annots()
	}
	e.Span = p.since(start)
	return e, e.Name.Text != ""
}

// body reads the "{" of a definition. If something else comes first, it is reported and skipped.
func (p *parser) body() bool {
	if p.got(opBrace) {
		return true
	}
	hint := ""
	if p.op() == opComma && p.toks[p.pos-1].op == opName && p.toks[p.pos-2].op == opExtends {
		hint = "a service extends one other"
	} else if p.op() == opExtends {
		hint = "only a service extends another"
	}
	p.expectedHint(`"{"`, hint)
	const lookahead = 16
	for i := 0; i < lookahead; i++ {
		switch o := p.peek(i); {
		case o == opBrace:
			p.pos += i + 1
			return true
		case o == opEOF, o == opSemicolon, o.closes(), o.isDefinition():
			return false
		}
	}
	return false
}

func (p *parser) enumValue() bool {
	start := p.pos
	v := p.enumSlab.alloc()
	v.Doc = p.doc()
	if p.op() >= firstKeyword {
		v.Name = p.reserved("the name of %s")
	} else if v.Name = p.newName(item); v.Name.Text == "" {
		return false
	}
	ok := true
	if p.got(opEqual) {
		if v.Number = p.intLit("an integer"); v.Number == nil {
			if ok = p.canBeValue(); ok {
				p.next()
			}
		}
	} else {
		p.checkDots(v.Name) // with a number, Apache Thrift takes dots
	}
	v.Annotations = p.annots()
	v.Span = p.since(start)
	p.enumValues.push(v)
	return ok
}

func (p *parser) structure(start int, doc string, o op) (*Struct, bool) {
	s := &Struct{Doc: doc}
	what := "the name of a struct"
	switch o {
	case opUnion:
		s.Kind, what = Union, "the name of a union"
	case opException:
		s.Kind, what = Exception, "the name of an exception"
	}
	if s.Name = p.definedName(what); s.Name.Text == "" && p.op() != opBrace {
		return nil, false
	}
	if p.op() == opXsdAll {
		if s.Kind == Exception {
			p.expected(`"{"`)
		} else {
			p.noEffect()
		}
		s.XsdAll = true
		p.next()
	}
	if p.body() {
		s.Fields = p.fieldList("a field")
		s.Annotations = p.annots()
	}
	s.Span = p.since(start)
	return s, s.Name.Text != ""
}

// noEffect warns of the current token, which is accepted and ignored.
func (p *parser) noEffect() {
	p.warn(p.tok().Range(), "no-effect", "", "%s has no effect", quote(p.text()))
}

func (p *parser) fieldList(noun string) []*Field {
	mark := p.fields.mark()
	p.list(noun, (*parser).field)
	return p.fields.cut(mark)
}

func (p *parser) field() bool {
	start := p.pos
	f := p.fieldSlab.alloc()
	f.Doc = p.doc()
	if (p.op().isNumber() || p.op() == opTrue || p.op() == opFalse) && !p.fieldID(f) {
		return false
	}
	switch p.op() {
	case opRequired, opOptional:
		p.requiredness(f)
	}
	from := p.pos
	what := item
	if from > start {
		what = "the type of %s"
	}
	if f.Type = p.typ(what); f.Type == nil && p.pos == from {
		return false
	}
	f.Reference = p.got(opAmpersand)
	if f.Name = p.fieldName(); f.Name.Text == "" {
		return false
	}
	ok := true
	if p.got(opEqual) {
		f.Default = p.defaultValue()
		ok = f.Default != nil
	}
	if ok && p.op() >= opXsdOptional && p.op() <= opXsdAttrs {
		p.xsd()
	}
	if ok {
		f.Annotations = p.annots()
		if p.op() == opEqual && len(f.Annotations) > 0 && f.Default == nil {
			p.errorAt(p.pos, "misplaced-annotation", "write the annotations behind the default", "a default must stand in front of the annotations")
			p.next()
			f.Default = p.defaultValue()
			ok = f.Default != nil
		}
	}
	f.Span = p.since(start)
	if f.Type != nil {
		p.fields.push(f)
	}
	return ok
}

// defaultValue is a value, but not the id of the next field.
func (p *parser) defaultValue() Value {
	if p.op() == opInt && p.peek(1) == opColon {
		p.expected("a value")
		return nil
	}
	return p.value()
}

func (p *parser) fieldID(f *Field) bool {
	if p.peek(1) != opColon && p.tok().flags&malformed == 0 {
		if p.op() == opInt {
			p.next()
			p.expected(`":" behind the field id`)
		} else {
			p.expected(item)
		}
		return false
	}
	f.ID = p.intLit("a field id")
	if f.ID == nil {
		p.next() // a double
	}
	if !p.got(opColon) {
		p.expected(`":" behind the field id`)
		return false
	}
	return true
}

func (p *parser) requiredness(f *Field) {
	f.Requiredness = Required
	if p.op() == opOptional {
		f.Requiredness = Optional
	}
	f.ReqSpan = p.tok().Range()
	p.next()
	if p.op() == opRequired || p.op() == opOptional {
		p.expectedHint("the type of %s", "a field is either required or optional")
		for p.op() == opRequired || p.op() == opOptional {
			p.next()
		}
		p.lastError = p.pos
	}
}

func (p *parser) fieldName() Ident {
	if p.op().isFieldName() && !p.atDefinition() {
		return p.simpleName()
	}
	const what = "the name of %s"
	if p.op() >= firstNeverAName {
		return p.reserved(what)
	}
	hint := ""
	if i := p.pos - 3; i >= 0 {
		if s := strings.ToLower(p.textAt(i)); s != p.textAt(i) && (s == "required" || s == "optional") {
			hint = "did you mean " + quote(s) + " for " + quote(p.textAt(i)) + "?"
		}
	}
	p.expectedHint(what, hint)
	return Ident{}
}

// xsd reads what once described XML schemas. It has no meaning, but an order.
func (p *parser) xsd() {
	for last := opXsdAll; p.op() >= opXsdOptional && p.op() <= opXsdAttrs; {
		o := p.op()
		if o <= last {
			p.errorAt(p.pos, "syntax", "", "%s must stand once and in front of %s", quote(p.text()), quote(p.textAt(p.pos-1)))
		} else {
			p.noEffect()
		}
		last = o
		p.next()
		if o != opXsdAttrs {
			continue
		}
		if p.op() != opBrace {
			p.expected(`"{"`)
			return
		}
		if !p.enter() {
			p.skipBalanced()
			return
		}
		p.next()
		p.fieldList("a field")
		p.leave()
		return
	}
}

func (p *parser) service(start int, doc string) (*Service, bool) {
	s := &Service{Doc: doc}
	if s.Name = p.definedName("the name of a service"); s.Name.Text == "" && p.op() != opBrace {
		return nil, false
	}
	if p.got(opExtends) {
		switch o := p.op(); {
		case o == opName:
			s.Extends = p.ident()
		case o >= firstKeyword && !p.startsLine():
			p.reserved("the name of a service")
		default:
			p.expected("the name of a service")
		}
	}
	if p.body() {
		mark := p.functions.mark()
		p.list("a function", (*parser).function)
		s.Functions = p.functions.cut(mark)
		s.Annotations = p.annots()
	}
	s.Span = p.since(start)
	return s, s.Name.Text != ""
}

func (p *parser) function() bool {
	start := p.pos
	f := p.functionSlab.alloc()
	f.Doc = p.doc()
	switch p.op() {
	case opAsync:
		p.warn(p.tok().Range(), "deprecated", `write "oneway"`, `"async" is deprecated`)
		fallthrough
	case opOneway:
		f.Oneway, f.OnewaySpan = true, p.tok().Range()
		p.next()
	}
	understood := true
	if !p.got(opVoid) {
		from := p.pos
		what := item
		if from > start {
			what = "the result type of %s"
		}
		if f.Result = p.typ(what); f.Result == nil && p.pos == from {
			return false
		}
		understood = f.Result != nil
	}
	ok := true
	if f.Name = p.functionName(); f.Name.Text == "" {
		return false
	}
	if !p.got(opParen) {
		p.expected(`"("`)
		return false
	}
	f.Params = p.fieldList("a parameter")
	if p.throws() {
		from := p.pos
		p.next()
		if p.got(opParen) {
			f.Throws = p.fieldList("an exception")
			f.ThrowsSpan = p.since(from)
		} else {
			p.expected(`"("`)
			ok = false
		}
	}
	f.Annotations = p.annots()
	f.Span = p.since(start)
	if understood {
		p.functions.push(f)
	}
	return ok
}

// functionName is a name in front of a "(".
func (p *parser) functionName() Ident {
	const what = "the name of %s"
	switch o := p.op(); {
	case (o == opOneway || o == opAsync) && p.peek(1) == opName:
		p.expectedHint(what, quote(p.text())+" stands in front of the result type")
		p.next()
	case o == opParen && p.toks[p.pos-1].op == opName:
		p.expectedHint(what, "is the result type missing?")
		return Ident{}
	}
	n := p.newName(what)
	p.checkDots(n)
	return n
}

// throws is whether a throws clause follows, maybe misspelt.
func (p *parser) throws() bool {
	if p.op() == opThrows {
		return true
	}
	if p.op() == opName && p.peek(1) == opParen && !p.startsLine() {
		if s := strings.ToLower(p.text()); s == "throw" || s == "throws" || s == "raises" {
			p.expectedHint(`"throws"`, "")
			return true
		}
	}
	return false
}

// Names

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
	case t.op >= firstKeyword && !p.atDefinition() && (len(p.open) > 0 || !p.startsLine()):
		return p.reserved(what)
	}
	p.expected(what)
	return Ident{}
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

// reserved reports that the current token is a keyword where a name is needed, and takes it for one.
func (p *parser) reserved(what string) Ident {
	p.errorAt(p.pos, "reserved-word", "try "+quote(p.text()+"_"),
		"%s is a reserved word and cannot be %s", quote(p.text()), p.describe(what))
	return p.ident()
}

// Annotations

const annotationNoun = "an annotation"

func (p *parser) annots() []*Annotation {
	if p.op() != opParen {
		return nil
	}
	p.next()
	mark := p.annotations.mark()
	p.list(annotationNoun, (*parser).annotation)
	return p.annotations.cut(mark)
}

func (p *parser) annotation() bool {
	start := p.pos
	a := p.annSlab.alloc()
	switch o := p.op(); {
	case o == opName:
		a.Name = p.ident()
	case o >= firstKeyword:
		a.Name = p.reserved("the name of %s")
	case o == opString:
		p.expectedHint(item, "names of annotations have no quotes")
		a.Name = p.ident()
	default:
		p.expected(item)
		return false
	}
	if p.got(opEqual) {
		switch o := p.op(); {
		case o == opString:
			a.Value = p.stringLit()
		case o.isNumber(), o == opName, o >= firstKeyword:
			p.expectedHint("a string", "values of annotations are quoted")
			p.next()
		default:
			p.expected("a string")
			return false
		}
	}
	a.Span = p.since(start)
	p.annotations.push(a)
	return true
}

// Types

// typ reads a type; what names it in messages.
func (p *parser) typ(what string) Type {
	start := p.pos
	switch o := p.op(); {
	case o == opName:
		return p.namedType()
	case o.isBaseType():
		t := p.baseSlab.alloc()
		t.Name = p.text()
		p.next()
		t.Annotations = p.annots()
		t.Span = p.since(start)
		return t
	case o == opMap, o == opSet, o == opList:
		return p.containerType()
	case o == opVoid && p.peek(1) != opParen:
		p.expectedHint(what, `only the result of a function can be "void"`)
		p.next()
	default:
		p.expected(what)
	}
	return nil
}

func (p *parser) namedType() Type {
	t := p.namedSlab.alloc()
	t.Span, t.Name = p.tok().Range(), p.text()
	p.next()
	if t.Name == "slist" {
		p.slists = append(p.slists, t.Span)
	}
	switch p.op() {
	case opAngle:
		p.errorAt(p.pos, "syntax", "", `%s takes no types in "<>"; only list, set and map do`, quote(t.Name))
		p.next()
		p.closeAngle()
	case opParen:
		if p.peek(1) == opName && p.peek(2) == opEqual {
			p.errorAt(p.pos, "misplaced-annotation", "write them behind the name of the field, or on a typedef",
				"the name of a type takes no annotations")
			t.Annotations = p.annots()
			t.End = int(p.toks[p.pos-1].end)
		}
	}
	return t
}

// checkSlists reports the old type slist, unless the file defines a type of that name.
func (p *parser) checkSlists() {
	if len(p.slists) == 0 {
		return
	}
	for _, d := range p.file.Defs {
		switch d := d.(type) {
		case *Struct:
			if d.Name.Text == "slist" {
				return
			}
		case *Typedef:
			if d.Name.Text == "slist" {
				return
			}
		case *Enum:
			if d.Name.Text == "slist" {
				return
			}
		}
	}
	for _, s := range p.slists {
		p.add(Error, "removed", s, "use the type string", `"slist" is no longer part of Thrift`)
	}
}

// containerType reads map<K,V>, set<T> or list<T>.
func (p *parser) containerType() Type {
	start, o := p.pos, p.op()
	if !p.enter() {
		p.skipType()
		return nil
	}
	defer p.leave()
	p.next()
	cppType := p.cppType()
	if !p.got(opAngle) {
		p.expected(`"<"`)
		return nil
	}
	var key, elem Type
	if o == opMap {
		key = p.typ("the type of the keys")
		if !p.mapComma() {
			return nil
		}
	}
	elem = p.typ("the type of the elements")
	if !p.got(opUnangle) {
		p.unclosedAngle(start)
		p.closeAngle()
	}
	if p.op() == opCppType {
		if trailing := p.trailingCppType(o); cppType == nil {
			cppType = trailing
		}
	}
	annotations := p.annots()
	if elem == nil || o == opMap && key == nil {
		return nil
	}
	s := p.since(start)
	switch o {
	case opMap:
		t := p.mapSlab.alloc()
		*t = MapType{s, key, elem, cppType, annotations}
		return t
	case opSet:
		return &SetType{s, elem, cppType, annotations}
	}
	t := p.listSlab.alloc()
	*t = ListType{s, elem, cppType, annotations}
	return t
}

// mapComma reads the "," between the types of a map.
func (p *parser) mapComma() bool {
	if p.got(opComma) {
		return true
	}
	p.expected(`","`)
	if p.got(opSemicolon) {
		return true
	}
	p.closeAngle()
	return false
}

func (p *parser) unclosedAngle(start int) {
	d := p.errorAt(p.pos, "syntax", "", `expected ">", found %s`, p.found())
	for i := start; i < p.pos; i++ {
		if p.toks[i].op == opAngle {
			p.relateOpening(d, i)
			return
		}
	}
}

// closeAngle steps behind the ">" that closes the current "<", if it is near.
func (p *parser) closeAngle() {
	const lookahead = 32
	depth := 1
	for i := 0; i < lookahead; i++ {
		switch o := p.peek(i); {
		case o == opAngle:
			depth++
		case o == opUnangle:
			if depth--; depth == 0 {
				p.pos += i + 1
				return
			}
		case o == opEOF, o == opSemicolon, o == opEqual, o == opColon, o.closes(), o.isDefinition():
			return
		}
	}
}

// skipType steps over a container type, however deep it is.
func (p *parser) skipType() {
	p.next()
	for depth := 0; ; p.next() {
		for p.op() == opParen {
			p.skipBalanced()
		}
		switch o := p.op(); {
		case o == opAngle:
			depth++
		case o == opUnangle:
			if depth--; depth <= 0 {
				p.next()
				if p.op() == opParen {
					p.skipBalanced()
				}
				return
			}
		case depth == 0 && o != opCppType && o != opString:
			return
		case o == opEOF, o == opSemicolon, o == opColon, o == opUnbrace, o.isDefinition():
			return
		}
	}
}

// cppType reads cpp_type and its string, if there is one.
func (p *parser) cppType() *StringLit {
	if !p.got(opCppType) {
		return nil
	}
	if p.op() == opString {
		return p.stringLit()
	}
	p.expected(`a string behind "cpp_type"`)
	if p.canBeValue() && p.peek(1) == opAngle {
		p.next()
	}
	return nil
}

// trailingCppType reads a cpp_type behind ">", which is an old way to write it for lists.
func (p *parser) trailingCppType(container op) *StringLit {
	if container == opList {
		p.warn(p.tok().Range(), "deprecated", `write it in front of "<"`, `"cpp_type" behind a list is deprecated`)
	} else {
		p.errorAt(p.pos, "syntax", "", `"cpp_type" must stand in front of "<"`)
	}
	return p.cppType()
}

// Values

// value reads a constant value; nil if there is none.
func (p *parser) value() Value {
	start := p.pos
	switch o := p.op(); o {
	case opInt:
		return p.intLit("")
	case opDouble:
		return p.doubleLit()
	case opString:
		return p.stringLit()
	case opTrue, opFalse:
		p.next()
		return &BoolLit{p.since(start), o == opTrue}
	case opName:
		id := p.ident()
		return &NameValue{id.Span, id.Text}
	case opBracket, opBrace:
		if !p.enter() {
			p.skipBalanced()
			return nil
		}
		defer p.leave()
		p.next()
		if o == opBracket {
			mark := p.values.mark()
			p.list("a value", (*parser).listElem)
			return &ListValue{Elems: p.values.cut(mark), Span: p.since(start)}
		}
		mark := p.entries.mark()
		p.list("a key", (*parser).mapEntry)
		return &MapValue{Entries: p.entries.cut(mark), Span: p.since(start)}
	}
	p.expected("a value")
	return nil
}

func (p *parser) listElem() bool {
	if !p.canBeValue() {
		p.expected(item)
		return false
	}
	v := p.value()
	if v != nil {
		p.values.push(v)
	}
	return v != nil
}

// canBeValue is whether the current token may begin a value.
func (p *parser) canBeValue() bool {
	switch o := p.op(); o {
	case opInt, opDouble, opString, opTrue, opFalse, opName, opBracket, opBrace:
		return true
	}
	return false
}

func (p *parser) mapEntry() bool {
	if !p.canBeValue() {
		p.expected(item)
		return false
	}
	var e MapEntry
	if e.Key = p.value(); e.Key == nil {
		return false
	}
	if !p.got(opColon) {
		hint := ""
		if p.op().isSeparator() || p.op() == opUnbrace {
			hint = "sets are written with [ and ]"
		}
		p.expectedHint(`":" behind the key`, hint)
		if hint != "" {
			p.skipSet()
		}
		return false
	}
	if e.Value = p.value(); e.Value == nil {
		return false
	}
	p.entries.push(e)
	return true
}

// skipSet steps over the rest of a set in braces, so that it is reported once.
func (p *parser) skipSet() {
	for p.op() != opUnbrace && !p.endsList() {
		if p.op().opens() {
			p.skipBalanced()
		} else {
			p.next()
		}
	}
}

// intLit reads an integer. Apache Thrift has it that true is 1 and false is 0.
func (p *parser) intLit(what string) *IntLit {
	n := p.intSlab.alloc()
	n.Span = p.tok().Range()
	switch o := p.op(); o {
	case opInt:
		if p.tok().flags&malformed == 0 {
			var ok bool
			if n.Int, ok = parseInt(p.text()); !ok {
				p.errorAt(p.pos, "int-range", "", "%s does not fit 64 bits", quote(p.text()))
			}
		}
	case opTrue, opFalse:
		if o == opTrue {
			n.Int = 1
		}
		p.warn(n.Span, "bool-as-int", "write "+strconv.FormatInt(n.Int, 10), "%s stands for %s", quote(p.text()), what)
	default:
		p.expected(what)
		return nil
	}
	p.next()
	return n
}

// parseInt reads digits, or 0x and hexadecimal digits, with an optional sign.
func parseInt(s string) (int64, bool) {
	if len(s) <= 4 && s[0] != '-' && s[0] != '+' && strings.IndexByte(s, 'x') < 0 { // nearly all
		n := 0
		for i := range len(s) {
			n = n*10 + int(s[i]-'0')
		}
		return int64(n), true
	}
	sign, digits, base := "", s, 10
	if s[0] == '-' || s[0] == '+' {
		sign, digits = s[:1], s[1:]
	}
	if strings.HasPrefix(digits, "0x") {
		digits, base = digits[2:], 16
	}
	n, err := strconv.ParseInt(sign+digits, base, 64)
	return n, err == nil
}

func (p *parser) doubleLit() *DoubleLit {
	d := &DoubleLit{Span: p.tok().Range()}
	if p.tok().flags&malformed == 0 {
		var err error
		if d.Double, err = strconv.ParseFloat(p.text(), 64); err != nil {
			p.warn(d.Span, "double-range", "", "%s is too large for a double and becomes infinite", quote(p.text()))
		}
	}
	p.next()
	return d
}

func (p *parser) stringLit() *StringLit {
	s := p.stringSlab.alloc()
	t := p.tok()
	s.Span, s.Text = t.Range(), stringText(p.text(), t.flags)
	p.next()
	return s
}
