package syntax

import "strings"

// inMistake is whether the current token stands behind one that an error was reported at, on the same line and with nothing between
// them that ends an element: then it is a part of the same mistake.
func (p *parser) inMistake() bool {
	if p.lastError < 0 || p.lastError >= p.pos {
		return false
	}
	for i := p.lastError; i < p.pos; i++ {
		o := p.toks[i].op
		isEnd := o.isSeparator() && (i > p.lastError || len(p.open) > 0) || o == opUnbrace || i > p.lastError && o == opBrace
		if isEnd || p.toks[i+1].flags&startsLine != 0 {
			return false
		}
	}
	return true
}

// errorAt reports an error at token i, unless one was reported there or the lexer has done so.
func (p *parser) errorAt(i int, code, hint, format string, args ...any) *Diagnostic {
	if i == p.lastError || p.toks[i].flags&(malformed|afterStray) != 0 || p.afterBrokenString(i) {
		p.lastError = i
		return &Diagnostic{}
	}
	p.lastError = i
	return p.add(Error, code, p.toks[i].Range(), hint, format, args...)
}

// afterBrokenString is whether the string before token i has no end: then what is missing may
// be in there.
func (p *parser) afterBrokenString(i int) bool {
	return i > 0 && p.toks[i-1].op == opString && p.toks[i-1].flags&malformed != 0
}

// warn reports what is accepted but means less than it seems to.
func (p *parser) warn(s Span, code, hint, format string, args ...any) {
	p.add(Warning, code, s, hint, format, args...)
}

// expected reports that the current token is not what it should be: see describe.
func (p *parser) expected(what string) { p.expectedHint(what, "") }

// expectedHint is expected with a guess at what to do.
func (p *parser) expectedHint(what, hint string) {
	if what == item && p.inMistake() {
		p.lastError = p.pos
		return
	}
	d := p.errorAt(p.pos, "syntax", hint, "expected %s, found %s", p.describe(what), p.found())
	if len(p.open) > 0 && (p.op() == opEOF || p.op() != p.inner().closer && p.endsList()) {
		p.relateOpening(d, p.inner().token)
	}
}

func (p *parser) relateOpening(d *Diagnostic, token int) {
	if token == missing {
		return
	}
	place := p.file.Place(p.toks[token].Range())
	d.Related = append(d.Related, Related{place, quote(p.textAt(token)) + " opened"})
}

// foreign notes that token i begins what only fbthrift has. It is accepted, unless the dialect is given
// and another one.
func (p *parser) foreign(i int, what string) {
	switch p.file.Dialect {
	case Auto:
		p.file.Dialect = FBThrift
		p.add(Note, "dialect", p.toks[i].Range(), "", "%s is fbthrift's: the file is read in that dialect", what)
	case Apache, Kitex:
		p.errorAt(i, "unsupported", "fbthrift has it: choose that dialect", "%s is not part of Thrift", what)
		p.lastError = -1 // what is wrong with it is another matter
	}
}

// foreignWord is foreign for one of ContextualKeywords.
func (p *parser) foreignWord(i int, what string) {
	p.toks[i].flags |= contextual
	p.foreign(i, what)
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
	if o == opEOF || p.atDefinition() || p.atFunction() || p.atField() || o == opThrows && p.inner().noun == parameterNoun {
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
// open: its keyword starts a line and what belongs after it follows on that line.
func (p *parser) atDefinition() bool {
	return p.startsLine() && p.beginsDefinition()
}

// beginsDefinition is whether there is the keyword of a definition or a header and, on the same line,
// what belongs after it.
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
		case o == opComma && p.insideAngles():
		case o.isSeparator(), p.endsList():
			return
		case p.startsLine() && p.pos > start && p.canStartItem():
			return
		case o.opens():
			depth++
		}
	}
}

// insideAngles is whether the current token, a comma, is within a type whose "<" was not understood: its ">" follows.
func (p *parser) insideAngles() bool {
	const lookahead = 32
	depth := 0
	for i := 1; i <= lookahead; i++ {
		t := p.toks[min(p.pos+i, len(p.toks)-1)]
		switch {
		case t.op == opAngle:
			depth++
		case t.op == opUnangle && depth == 0:
			return true
		case t.op == opUnangle:
			depth--
		case t.op != opComma && !t.op.isType(), t.flags&startsLine != 0:
			return false
		}
	}
	return false
}

// skipBalanced steps over a bracket and everything up to the one that closes it. It stays before
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
	p.listOf(p.pos-1, p.toks[p.pos-1].op.closer(), noun, element)
}

// missing stands for the token of a bracket that was left out.
const missing = -1

// listOf reads elements up to the closer of a bracket, and the closer. The bracket is a token before, or missing.
func (p *parser) listOf(opener int, closer op, noun string, element func(*parser) bool) {
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
			p.structured = nil
			p.open = p.open[:len(p.open)-1]
			return
		}
		if start := p.pos; !element(p) {
			p.skipItem(start)
		}
		p.structured = nil
		p.separator()
	}
	p.annotatesNothing()
	p.next()
	p.open = p.open[:len(p.open)-1]
}

// separator reads the optional "," or ";" after an element.
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

// structuredAnnotation reads an annotation as fbthrift has them: @Name, @Name{...}. It is kept for the element that
// follows.
func (p *parser) structuredAnnotation() {
	if p.peek(1) != opName {
		p.expected(item)
		p.next()
		return
	}
	start := p.pos
	if doc := p.docHere(); p.structured == nil {
		p.held = doc
	}
	p.foreign(start, "the annotation @"+p.textAt(start+1))
	p.next()
	a := p.annSlab.alloc()
	a.Structured, a.Name = true, p.ident()
	if from := p.pos; p.op() == opBrace && p.annotationFields() {
		a.Value = &StringLit{p.since(from), p.spaced(from+1, p.pos-1)}
	}
	a.Span = p.since(start)
	p.structured = append(p.structured, a)
}

// annotationFields reads the fields of a structured annotation, {name = value, ...}, of which the text is kept; false if they
// are not closed.
func (p *parser) annotationFields() bool {
	before := p.structured // a list begins with none
	p.structured = nil
	defer func() { p.structured = before }()
	if !p.enter() {
		p.skipBalanced()
		return false
	}
	defer p.leave()
	p.next()
	mark := p.entries.mark()
	p.list("a field of the annotation", (*parser).structEntry)
	p.entries.cut(mark)
	return p.toks[p.pos-1].op == opUnbrace
}

// spaced returns the text of tokens lo to hi with blanks in the usual places and commas between elements, whatever they are in
// the file.
func (p *parser) spaced(lo, hi int) string {
	var b strings.Builder
	for i := lo; i < hi; i++ {
		if p.toks[i].op.isSeparator() {
			if i+1 < hi && !p.toks[i+1].op.closes() && !p.toks[i+1].op.isSeparator() {
				b.WriteByte(',')
			}
			continue
		}
		switch o := p.toks[i].op; {
		case o == opEqual:
			b.WriteByte(' ')
		case i > lo && !o.closes() && (p.toks[i-1].op == opEqual || p.toks[i-1].op == opComma || p.toks[i-1].op == opSemicolon || p.toks[i-1].op == opColon):
			b.WriteByte(' ')
		}
		b.WriteString(p.textAt(i))
	}
	return b.String()
}

// annotated returns the structured annotations of the element that begins here.
func (p *parser) annotated() []*Annotation {
	list := p.structured
	p.structured = nil
	return list
}

// annotatesNothing reports structured annotations that no element follows.
func (p *parser) annotatesNothing() {
	if p.structured != nil {
		p.expected(item)
		p.structured = nil
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
