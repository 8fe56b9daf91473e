package syntax

import (
	"bytes"
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/internal/edits"
)

// parseFile reads headers and definitions up to the end.
func (p *parser) parseFile() {
	firstDef, documented := -1, false
	for p.op() != opEOF {
		start := p.pos
		switch o := p.op(); {
		case o.isHeader():
			if firstDef >= 0 {
				p.headerBehindDefinition(firstDef)
			} else if !documented {
				documented = p.fileDoc()
			}
			p.header()
		case o.isDefinition(), o == opName && p.atQualifier():
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
		case p.atPackage():
			p.packageHeader()
		case p.atHSInclude():
			p.hsInclude()
		case p.atInteraction():
			if firstDef < 0 {
				firstDef = p.pos
			}
			p.interaction()
		default:
			p.unknownDefinition()
		}
		p.structured = nil
		if p.pos == start {
			p.next()
		}
		p.separator()
	}
	p.annotatesNothing()
	p.checkSlists()
}

// headerBehindDefinition reports a header that comes too late. It is read all the same.
func (p *parser) headerBehindDefinition(firstDef int) {
	d := p.errorAt(p.pos, "header-order", "move it to the top of the file", "%s must stand before all definitions", p.found())
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
	if p.inMistake() {
		p.lastError = p.pos
		p.skipDefinition()
		return
	}
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
		hint := definitionHint(name)
		p.expectedHint("a definition", hint)
		if word, ok := strings.CutPrefix(hint, `did you mean "`); ok && p.readAs(keyword(strings.TrimSuffix(word, `"?`))) {
			return
		}
	}
	p.skipDefinition()
}

// readAs reads what begins at the current token, a misspelt keyword, as if that were o, if what follows looks like it.
func (p *parser) readAs(o op) bool {
	after := p.peek(1)
	if p.toks[min(p.pos+1, len(p.toks)-1)].flags&startsLine != 0 {
		return false
	}
	switch {
	case o.hasBody() && after == opName:
		p.definitionAs(o)
	case (o == opConst || o == opTypedef) && after.isType():
		p.definitionAs(o)
	case o == opNamespace && (after == opName || after == opStar) && p.peek(2) == opName && p.toks[p.pos+2].flags&startsLine == 0:
		p.namespace(p.pos, p.doc())
	case o == opInclude && after == opString && strings.HasSuffix(strings.Trim(p.textAt(p.pos+1), `"'`), ".thrift"):
		start := p.pos
		p.next()
		path := p.headerPath()
		p.file.Headers = append(p.file.Headers, &Include{p.since(start), path})
	default:
		return false
	}
	return true
}

// definitionHint guesses which keyword was meant.
func definitionHint(name string) string {
	switch lower := strings.ToLower(name); lower {
	case "c_include":
		return `did you mean "cpp_include"?`
	case "import", "require":
		return `did you mean "include"?`
	case "extend":
		return "nothing is added to a definition elsewhere: write the fields into it, or a service with extends"
	case "interface":
		return `did you mean "service"?`
	case "interaction":
		return "interactions are fbthrift's: write a service"
	case "syntax", "edition", "option":
		return "this is Protocol Buffers' language, not Thrift"
	case "message", "class", "record":
		return `did you mean "struct"?`
	case "module":
		return `did you mean "namespace"?`
	case "package":
		return "packages are fbthrift's: write a namespace"
	default:
		if keyword(lower).isDefinition() {
			return "did you mean " + quote(lower) + "?"
		}
		return misspelt(lower)
	}
}

// misspelt returns a hint for a name that is nearly the keyword of a definition.
func misspelt(name string) string {
	best := nearest(name, "namespace", "include", "cpp_include", "const", "typedef", "enum", "struct", "union", "exception", "service")
	if best == "" {
		return ""
	}
	return "did you mean " + quote(best) + "?"
}

// nearest returns the one of words that name, in any case, is nearly or equal to; "" if it is none.
func nearest(name string, words ...string) string {
	if len(name) > edits.Longest {
		return ""
	}
	name = strings.ToLower(name)
	var m edits.Measure
	best, least := "", min(len(name)/3, 2)+1
	for _, word := range words {
		d := m.Distance(name, word)
		if d < least || best == "" && d == 2 && len(name) > 3 && isAnagram(name, word) {
			best, least = word, d
		}
	}
	return best
}

// isAnagram is whether b has the bytes of a in another order, as emun those of enum.
func isAnagram(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	x, y := []byte(a), []byte(b)
	slices.Sort(x)
	slices.Sort(y)
	return bytes.Equal(x, y)
}

// skipDefinition moves past the current token to the next one that begins a header or a
// definition.
func (p *parser) skipDefinition() {
	depth := 0
	statement := p.atForeignStatement()
	for first := true; p.op() != opEOF; first = false {
		o := p.op()
		if !first && (depth == 0 && (o.isDefinition() || p.startsLine() && p.likeDefinition()) || p.atDefinition()) {
			return
		}
		if statement && depth == 0 && o.isSeparator() {
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

// atForeignStatement is whether one of other languages' statements without a body begins here: name "…", option name = …
func (p *parser) atForeignStatement() bool {
	if p.op() != opName {
		return false
	}
	switch p.text() {
	case "syntax", "edition":
		return p.peek(1) == opEqual && p.peek(2) == opString
	case "import", "option", "package":
		return p.peek(1) == opString || p.peek(1) == opName || p.peek(1) == opParen
	}
	return p.peek(1) == opString && definitionHint(p.text()) != ""
}

// likeDefinition is whether a definition seems to begin here, be its keyword misspelt or of another language.
func (p *parser) likeDefinition() bool {
	if p.atForeignStatement() || p.atInteraction() || p.op() == opAt && p.peek(1) == opName {
		return true
	}
	if p.op() != opName || p.toks[min(p.pos+1, len(p.toks)-1)].flags&startsLine != 0 || definitionHint(p.text()) == "" {
		return false
	}
	switch after := p.peek(1); {
	case after == opName:
		return p.peek(2) != opParen // a function's
	case after == opStar, after.isType():
		return p.peek(2) == opName || p.peek(2) == opAngle
	}
	return false
}

// atPackage is whether fbthrift's package "name" or package; begins here.
func (p *parser) atPackage() bool {
	return p.op() == opName && (p.peek(1) == opString || p.peek(1) == opSemicolon) && p.text() == "package"
}

func (p *parser) packageHeader() {
	start := p.pos
	h := &Package{Doc: p.doc().text, Annotations: p.annotated()}
	p.foreignWord(start, "package")
	p.next()
	if p.op() == opString {
		h.Name = p.stringLit()
	}
	h.Span = p.since(start)
	p.file.Headers = append(p.file.Headers, h)
}

// atHSInclude is whether fbthrift's hs_include "path" begins here.
func (p *parser) atHSInclude() bool {
	return p.op() == opName && p.peek(1) == opString && p.text() == "hs_include"
}

func (p *parser) hsInclude() {
	start := p.pos
	p.foreignWord(start, "hs_include")
	p.next()
	path := p.stringLit()
	p.file.Headers = append(p.file.Headers, &CppInclude{p.since(start), path})
}

// atInteraction is whether fbthrift's interaction Name {…} begins here.
func (p *parser) atInteraction() bool {
	return p.op() == opName && p.peek(1) == opName && p.peek(2) == opBrace && p.text() == "interaction"
}

func (p *parser) interaction() {
	start := p.pos
	d := &Interaction{Doc: p.doc().text, Annotations: p.annotated()}
	p.foreignWord(start, "interaction")
	p.next()
	d.Name = p.definedName("the name of an interaction")
	if opener, ok := p.body((*parser).beginsFunction); ok {
		mark := p.functions.mark()
		p.listOf(opener, opUnbrace, "a function", (*parser).function)
		d.Functions = p.functions.cut(mark)
		d.Annotations = append(d.Annotations, p.annots()...)
	}
	d.Span = p.since(start)
	p.file.Defs = append(p.file.Defs, d)
}

// atQualifier is whether one of fbthrift's qualifiers of exceptions stands before exception or another one.
func (p *parser) atQualifier() bool {
	if p.op() != opName || p.peek(1) != opName && p.peek(1) != opException {
		return false
	}
	switch p.text() {
	case "safe", "permanent", "transient", "stateful", "client", "server":
		for i := 1; i < 4; i++ {
			if p.peek(i) == opException {
				return true
			}
		}
	}
	return false
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

// isFBThrift is whether the file is known to be read in fbthrift's dialect.
func (p *parser) isFBThrift() bool { return p.file.Dialect == FBThrift }

func (p *parser) headerPath() *StringLit {
	if p.op() == opString {
		path := p.stringLit()
		if p.toks[p.pos-1].flags&malformed != 0 {
			return nil // where it ends is not known
		}
		return path
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

func (p *parser) namespace(start int, doc docText) {
	n := &Namespace{Doc: doc.text}
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
		if what != role && p.nameFollows() && p.peek(2) == opName { // there is one word too many
			p.expected(what)
			p.next()
			return p.ident()
		}
		return p.reserved(role)
	}
	hint := ""
	if p.op() == opString {
		if d := p.file.Dialect; d == FBThrift || d == Auto && what == role {
			p.foreign(p.pos, "the quoted name of a namespace")
			s := p.stringLit()
			return Ident{s.Span, s.Text}
		}
		hint = "write it without quotes"
	}
	p.expectedHint(what, hint)
	p.skipHeader()
	return Ident{}
}

// noAnnotations reports annotations where there cannot be any, and steps over them.
func (p *parser) noAnnotations(what string) {
	if p.op() == opParen && !p.startsLine() {
		p.errorAt(p.pos, "misplaced-annotation", "", "%s cannot have annotations", what)
		p.skipBalanced()
	}
}

func (p *parser) definition() {
	start, doc := p.pos, p.doc()
	for p.op() == opName { // of an exception
		p.foreignWord(p.pos, "the qualifier "+p.text())
		p.next()
	}
	o := p.op()
	p.next()
	p.define(start, doc, o)
}

// definitionAs reads a definition whose keyword, the current token, is misspelt.
func (p *parser) definitionAs(o op) {
	start, doc := p.pos, p.doc()
	p.next()
	p.define(start, doc, o)
}

// define reads what follows the keyword of a definition.
func (p *parser) define(start int, doc docText, o op) {
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

func (p *parser) constant(start int, doc docText) (*Const, bool) {
	c := &Const{Doc: doc.text, Annotations: p.annotated()}
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
	c.Annotations = p.joined(c.Annotations)
	c.Span = p.since(start)
	c.Doc = p.trailing(doc)
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

func (p *parser) typedef(start int, doc docText) (*Typedef, bool) {
	t := &Typedef{Doc: doc.text, Annotations: p.annotated()}
	if t.Type = p.typ("the type of a typedef"); t.Type == nil && p.pos == start+1 {
		return nil, false
	}
	if t.Name = p.definedName("the name of a typedef"); t.Name.Text == "" {
		return nil, false
	}
	t.Annotations = p.joined(t.Annotations)
	t.Span = p.since(start)
	t.Doc = p.trailing(doc)
	return t, t.Type != nil
}

func (p *parser) enum(start int, doc docText) (*Enum, bool) {
	e := &Enum{Doc: doc.text, Annotations: p.annotated()}
	if e.Name = p.definedName("the name of an enum"); e.Name.Text == "" && p.op() != opBrace {
		return nil, false
	}
	if opener, ok := p.body((*parser).beginsEnumValue); ok {
		e.Doc = p.trailing(doc)
		mark := p.enumValues.mark()
		p.listOf(opener, opUnbrace, "an enum value", (*parser).enumValue)
		e.Values = p.enumValues.cut(mark)
		e.Annotations = p.joined(e.Annotations)
	}
	e.Span = p.since(start)
	return e, e.Name.Text != ""
}

// body reads the "{" of a definition. If something else comes first, it is reported and skipped, unless the "{" was
// left out: then the body begins here, and opener is missing. The func begins tells whether the token n ahead begins an element.
func (p *parser) body(begins func(p *parser, n int) bool) (opener int, ok bool) {
	if p.got(opBrace) {
		return p.pos - 1, true
	}
	hint := ""
	if p.op() == opComma && p.toks[p.pos-1].op == opName && p.toks[p.pos-2].op == opExtends {
		hint = "a service extends one other"
	} else if p.op() == opExtends {
		hint = "only a service extends another"
	} else if p.op() == opName && p.peek(1) == opName && nearest(p.text(), "extends") != "" {
		hint = `did you mean "extends"?`
	}
	p.expectedHint(`"{"`, hint)
	if begins(p, 0) {
		return missing, true
	}
	const lookahead = 16
	for i := 0; i < lookahead; i++ {
		switch o := p.peek(i); {
		case o == opBrace:
			p.pos += i + 1
			return p.pos - 1, true
		case o == opEOF, o == opSemicolon, o.closes(), o.isDefinition():
			return 0, false
		}
	}
	return 0, false
}

// beginsField is whether an id and a ":" are n tokens ahead.
func (p *parser) beginsField(n int) bool { return p.peek(n) == opInt && p.peek(n+1) == opColon }

// beginsEnumValue is whether a name and what follows one in an enum are n tokens ahead.
func (p *parser) beginsEnumValue(n int) bool {
	after := p.peek(n + 1)
	return p.peek(n) == opName && (after == opEqual || after == opComma)
}

// beginsFunction is whether a result, a name and a "(" are n tokens ahead.
func (p *parser) beginsFunction(n int) bool {
	if o := p.peek(n); o == opOneway {
		n++
	}
	o := p.peek(n)
	return (o == opVoid || o.isType()) && p.peek(n+1) == opName && p.peek(n+2) == opParen
}

func (p *parser) enumValue() bool {
	start := p.pos
	v := p.enumSlab.alloc()
	doc := p.doc()
	if p.structured != nil {
		v.Annotations = p.annotated()
	}
	if hint, ok := p.atProtobuf(); ok {
		p.protobuf(hint)
		return true
	}
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
		p.checkDots(v.Name) // with a number, Apache Thrift accepts dots
	}
	v.Annotations = p.joined(v.Annotations)
	v.Span = p.since(start)
	v.Doc = p.trailing(doc)
	p.enumValues.push(v)
	return ok
}

func (p *parser) structure(start int, doc docText, o op) (*Struct, bool) {
	s := &Struct{Doc: doc.text, Annotations: p.annotated()}
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
	if opener, ok := p.body((*parser).beginsField); ok {
		s.Doc = p.trailing(doc)
		mark := p.fields.mark()
		p.listOf(opener, opUnbrace, "a field", (*parser).field)
		s.Fields = p.fields.cut(mark)
		s.Annotations = p.joined(s.Annotations)
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
	doc := p.doc()
	if p.structured != nil {
		f.Annotations = p.annotated()
	}
	if (p.op().isNumber() || p.op() == opTrue || p.op() == opFalse) && !p.fieldID(f) {
		return false
	}
	switch p.op() {
	case opRequired, opOptional:
		p.requiredness(f)
	}
	if p.op() == opName && p.peek(1).isType() {
		p.misspeltRequiredness()
	}
	if hint, ok := p.atProtobuf(); ok {
		p.protobuf(hint)
		return true
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
	if ok && p.op() == opParen {
		f.Annotations = p.joined(f.Annotations)
		if p.op() == opEqual && p.toks[p.pos-1].op == opUnparen && len(f.Annotations) > 0 && f.Default == nil {
			p.errorAt(p.pos, "misplaced-annotation", "write the annotations after the default", "a default must stand before the annotations")
			p.next()
			f.Default = p.defaultValue()
			ok = f.Default != nil
		}
	}
	f.Span = p.since(start)
	f.Doc = p.trailing(doc)
	if f.Type != nil {
		p.fields.push(f)
	}
	return ok
}

// misspeltRequiredness reports the current token, a name before that of a type, where only "required" or "optional" can
// stand: if another name follows. In other languages other words stand there.
func (p *parser) misspeltRequiredness() {
	if p.toks[p.pos+1].flags&startsLine != 0 {
		return
	}
	if after := p.peek(2); p.peek(1) == opName && after != opName || after != opName && after != opAngle {
		return
	}
	switch word := nearest(p.text(), "required", "optional"); {
	case word != "":
		p.expectedHint("the type of %s", "did you mean "+quote(word)+"?")
		p.next()
	case p.text() == "repeated":
		element := p.textAt(p.pos + 1)
		if p.peek(2) == opAngle {
			element = "…"
		}
		p.expectedHint("the type of %s", "write list<"+element+">")
		p.next()
	case p.peek(1) != opName:
		p.expected("the type of %s")
		p.next()
	}
}

// atProtobuf is whether something begins here that the fields of a message of Protocol Buffers have among them and that is no field:
// oneof name {…}, reserved 1, 2; extensions 100 to 199; option (name) = value;. The hint says what to write.
func (p *parser) atProtobuf() (hint string, ok bool) {
	if p.op() != opName {
		return "", false
	}
	switch after := p.peek(1); {
	case after == opName && p.peek(2) == opBrace && p.text() == "oneof":
		return "write a union, and a field of its type", true
	case (after == opInt && p.peek(2) != opColon || after == opString) && p.text() == "reserved":
		return "write a comment: // reserved 2, 4-6", true
	case after == opInt && p.peek(2) == opName && p.text() == "extensions":
		return "Thrift has no extensions", true
	case after == opParen && p.text() == "option":
		return "write an annotation after the fields", true
	}
	return "", false
}

// protobuf reports what atProtobuf has found and steps over it.
func (p *parser) protobuf(hint string) {
	p.expectedHint(item, hint)
	p.next()
	for p.op() != opEOF && !p.startsLine() && p.op() != opUnbrace && p.op() != opSemicolon {
		if p.op() == opBrace {
			p.skipBalanced()
			return
		}
		p.next()
	}
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
			p.expected(`":" after the field id`)
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
		p.expected(`":" after the field id`)
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
			p.errorAt(p.pos, "syntax", "", "%s must stand once and before %s", quote(p.text()), quote(p.textAt(p.pos-1)))
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

func (p *parser) service(start int, doc docText) (*Service, bool) {
	s := &Service{Doc: doc.text, Annotations: p.annotated()}
	if s.Name = p.definedName("the name of a service"); s.Name.Text == "" && p.op() != opBrace && p.op() != opExtends {
		return nil, false
	}
	if p.got(opExtends) {
		switch o := p.op(); {
		case o == opName:
			s.Extends = p.ident()
		case o >= firstKeyword && !p.startsLine() && p.nameFollows():
			p.expected("the name of a service")
			p.next()
			s.Extends = p.ident()
		case o >= firstKeyword && !p.startsLine():
			p.reserved("the name of a service")
		default:
			p.expected("the name of a service")
		}
	}
	if opener, ok := p.body((*parser).beginsFunction); ok {
		s.Doc = p.trailing(doc)
		mark := p.functions.mark()
		p.listOf(opener, opUnbrace, "a function", p.performs(s))
		s.Functions = p.functions.cut(mark)
		s.Annotations = p.joined(s.Annotations)
	}
	s.Span = p.since(start)
	return s, s.Name.Text != ""
}

func (p *parser) function() bool {
	if p.atRPC() {
		p.rpc()
		return true
	}
	start := p.pos
	f := p.functionSlab.alloc()
	doc := p.doc()
	if p.structured != nil {
		f.Annotations = p.annotated()
	}
	for p.atFunctionQualifier() {
		p.foreignWord(p.pos, "the qualifier "+p.text())
		p.next()
	}
	switch p.op() {
	case opAsync:
		p.warn(p.tok().Range(), "deprecated", `write "oneway"`, `"async" is deprecated`)
		fallthrough
	case opOneway:
		f.Oneway, f.OnewaySpan = true, p.tok().Range()
		p.next()
	}
	if p.atStrayWord() {
		if nearest(p.text(), "oneway") != "" {
			p.expectedHint(item, `did you mean "oneway"?`)
			f.Oneway, f.OnewaySpan = true, p.tok().Range()
		} else {
			p.expected(item)
		}
		p.next()
		p.lastError = -1
	}
	understood := true
	if streams := p.atStream(0); !streams && !p.got(opVoid) {
		from := p.pos
		what := item
		if from > start {
			what = "the result type of %s"
		}
		if f.Result = p.typ(what); f.Result == nil && p.pos == from {
			return false
		}
		understood = f.Result != nil
		if p.atSecondResult() {
			p.foreign(p.pos, "an interaction before the result")
			f.Interaction, _ = f.Result.(*NamedType)
			f.Result = nil
			p.next()
			if !p.atStream(0) && !p.got(opVoid) {
				f.Result = p.typ("the result type of %s")
				understood = f.Result != nil
			}
		}
	}
	if p.op() == opComma && p.atStream(1) {
		p.next()
	}
	if p.atStream(0) && !p.streams(f) {
		return false
	}
	ok := true
	if f.Name = p.functionName(); f.Name.Text == "" {
		return false
	}
	if f.Params, ok = p.params(parameterNoun); !ok {
		return false
	}
	f.Throws, f.ThrowsSpan, ok = p.throwsClause()
	f.Annotations = p.joined(f.Annotations)
	f.Span = p.since(start)
	f.Doc = p.trailing(doc)
	if understood {
		p.functions.push(f)
	}
	return ok
}

// atStrayWord is whether a word stands before the result of a function that is none of Thrift's, such as public.
func (p *parser) atStrayWord() bool {
	if p.op() != opName || p.toks[min(p.pos+1, len(p.toks)-1)].flags&startsLine != 0 {
		return false
	}
	o := p.peek(1)
	if o == opName && p.textAt(p.pos+1) == p.textAt(p.pos+2) {
		return false // the name of a function is there twice
	}
	return (o == opVoid || o.isBaseType()) && p.peek(2) == opName || p.beginsFunction(1)
}

// atRPC is whether a method of Protocol Buffers begins here: rpc Name (Type) or rpc Name (stream Type) returns (…).
func (p *parser) atRPC() bool {
	if p.op() != opName || p.text() != "rpc" || p.peek(1) != opName || p.peek(2) != opParen || p.peek(3) != opName {
		return false
	}
	return p.peek(4) == opUnparen ||
		p.peek(4) == opName && p.peek(5) == opUnparen && p.peek(7) == opParen && p.textAt(p.pos+6) == "returns"
}

// rpc reports a method of Protocol Buffers and steps over it.
func (p *parser) rpc() {
	start := p.pos
	p.doc()
	p.annotated()
	name := p.textAt(start + 1)
	p.pos += 2
	request, result := p.messageType(), "void"
	if p.op() == opName && p.text() == "returns" && p.peek(1) == opParen {
		p.next()
		if t := p.messageType(); t != "" {
			result = t
		}
	}
	if p.op() == opBrace && !p.startsLine() {
		p.skipBalanced()
	}
	p.errorAt(start, "syntax", "write "+result+" "+name+"(1: "+request+" request)", `expected %s, found "rpc"`, p.describe(item))
}

// messageType steps over the type of a message in parentheses and returns its name.
func (p *parser) messageType() string {
	from := p.pos
	p.skipBalanced()
	if last := p.pos - 2; last > from && p.toks[last].op == opName {
		return p.textAt(last)
	}
	return ""
}

// atSecondResult is whether a comma and the result follow fbthrift's interaction, whose name was read.
func (p *parser) atSecondResult() bool {
	if p.op() != opComma || p.toks[p.pos-1].op != opName || p.startsLine() {
		return false
	}
	o := p.peek(1)
	if o > lastBaseType && o <= lastContainer {
		return p.peek(2) == opAngle
	}
	return (o.isBaseType() || o == opVoid || o == opName) && (p.peek(2) == opName && p.peek(3) == opParen || p.peek(2) == opComma && p.atStream(3))
}

// atFunctionQualifier is whether one of fbthrift's qualifiers stands before the result of a function.
func (p *parser) atFunctionQualifier() bool {
	if p.op() != opName || p.peek(1) != opName && p.peek(1) < firstKeyword || p.peek(2) == opParen {
		return false
	}
	return p.text() == "readonly" || p.text() == "idempotent"
}

// performs reads fbthrift's performs Interaction.
func (p *parser) performs(s *Service) func(*parser) bool {
	return func(p *parser) bool {
		if p.op() != opName || p.text() != "performs" || p.peek(1) != opName || p.peek(2) == opParen {
			return p.function()
		}
		start := p.pos
		p.doc()
		p.annotated()
		p.foreignWord(start, "performs")
		p.next()
		name := p.ident()
		name.Span = p.since(start)
		s.Performs = append(s.Performs, name)
		return true
	}
}

// params reads fields in parentheses. A "(" that is missing, or another bracket in its place, is reported, and the
// fields are read if there is what closes them.
func (p *parser) params(noun string) (fields []*Field, ok bool) {
	if p.got(opParen) {
		return p.fieldList(noun), true
	}
	p.expected(`"("`)
	opener, closer := missing, opUnparen
	if p.op().opens() && p.beginsField(1) {
		opener, closer = p.pos, p.op().closer()
		p.next()
	}
	if !p.closedBy(closer) {
		return nil, false
	}
	mark := p.fields.mark()
	p.listOf(opener, closer, noun, (*parser).field)
	return p.fields.cut(mark), true
}

// closedBy is whether a closer without its bracket follows before something else begins.
func (p *parser) closedBy(closer op) bool {
	const lookahead = 256
	start, depth := p.pos, 0
	defer func() { p.pos = start }()
	for p.op() != opEOF && p.pos < start+lookahead && !p.atDefinition() && !p.startsFunction() {
		switch o := p.op(); {
		case o.opens():
			depth++
		case o == closer && depth == 0:
			return true
		case o.closes() && depth == 0:
			return false
		case o.closes():
			depth--
		}
		p.next()
	}
	return false
}

// startsFunction is whether the current line seems to begin with a function.
func (p *parser) startsFunction() bool {
	if !p.startsLine() {
		return false
	}
	switch o := p.op(); {
	case o == opVoid, o == opOneway, o == opAsync:
		return true
	case !o.isType():
		return false
	case p.peek(1) == opAngle:
		return true
	}
	return p.peek(1) == opName && p.peek(2) == opParen && !(p.peek(3) == opName && p.peek(4) == opEqual)
}

// atStream is whether a stream type of fbthrift begins n tokens ahead.
func (p *parser) atStream(n int) bool {
	if p.peek(n) != opName || p.peek(n+1) != opAngle {
		return false
	}
	text := p.textAt(p.pos + n)
	return text == "stream" || text == "sink"
}

// streams reads sink<…>, stream<…> or both.
func (p *parser) streams(f *Function) bool {
	for p.atStream(0) {
		isSink := p.text() == "sink"
		switch {
		case f.Stream != nil:
			p.expectedHint("the name of %s", "a function has a sink, a stream, or a sink and then a stream")
			return false
		case f.Sink != nil && isSink:
			p.expectedHint("the name of %s", "a function has one sink")
			return false
		}
		t := p.streamType(isSink)
		if t == nil {
			return false
		}
		if isSink {
			f.Sink = t
		} else {
			f.Stream = t
		}
		if p.op() == opComma && p.atStream(1) {
			p.next()
		}
	}
	return true
}

// streamType reads stream<T throws (…)> or sink<T throws (…), U throws (…)>.
func (p *parser) streamType(isSink bool) *StreamType {
	start := p.pos
	p.foreignWord(start, "the type "+p.text()+"<…>")
	t := &StreamType{}
	p.next()
	p.next()
	if t.Elem = p.typ("the type of the messages"); t.Elem == nil {
		return nil
	}
	ok := true
	if t.Throws, _, ok = p.throwsClause(); !ok {
		return nil
	}
	if isSink && p.got(opComma) {
		if !p.got(opVoid) {
			if t.Final = p.typ("the type of the final response"); t.Final == nil {
				return nil
			}
		}
		if t.FinalThrows, _, ok = p.throwsClause(); !ok {
			return nil
		}
	}
	if !p.got(opUnangle) {
		p.unclosedAngle(start)
		return nil
	}
	t.Span = p.since(start)
	return t
}

// throwsClause reads throws (…), if it is there.
func (p *parser) throwsClause() (list []*Field, clause Span, ok bool) {
	if !p.throws() {
		return nil, Span{}, true
	}
	from := p.pos
	p.next()
	list, ok = p.params("an exception")
	return list, p.since(from), ok
}

// functionName is a name before a "(".
func (p *parser) functionName() Ident {
	const what = "the name of %s"
	switch o := p.op(); {
	case (o == opOneway || o == opAsync) && p.peek(1) == opName:
		p.expectedHint(what, quote(p.text())+" stands before the result type")
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
		if s := strings.ToLower(p.text()); s == "raises" || nearest(s, "throws") != "" {
			p.expectedHint(`"throws"`, "")
			return true
		}
	}
	return false
}

const (
	annotationNoun = "an annotation"
	parameterNoun  = "a parameter"
)

// joined returns the structured annotations of an element with those that follow it.
func (p *parser) joined(structured []*Annotation) []*Annotation {
	if structured == nil {
		return p.annots()
	}
	return append(structured, p.annots()...)
}

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
