package syntax

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/internal/columns"
)

// A Docs says which comments are documentation.
type Docs uint8

// What is documentation.
const (
	AllComments Docs = iota // comments of all forms, by the rules of the package documentation
	DocComments             // "/** … */" alone, as in Apache Thrift
	NoComments
)

// A comment is the place of a comment in the trivia of a token.
type comment struct {
	token, start, end int32
	kind              TriviaKind
}

// A docText is the documentation of an element as far as it stands above it.
type docText struct {
	text   string
	formal bool // from a doc comment, to which trailing comments add nothing
}

// doc returns the documentation above an element that begins here. Doc comments also count if they stand
// before the separator that ends the element before.
func (p *parser) doc() docText {
	if p.structured == nil && (len(p.comments) == 0 || p.comments[0].token > int32(p.pos)) {
		return docText{} // as for most
	}
	own := p.docHere()
	if p.structured != nil && (own.text == "" || p.held.formal && !own.formal) {
		own = p.held
	}
	return own
}

// docHere is doc for what begins here, be it a structured annotation of the element.
func (p *parser) docHere() docText {
	if len(p.comments) == 0 || p.comments[0].token > int32(p.pos) {
		return docText{}
	}
	first := int32(p.pos)
	if first > 0 && p.toks[first-1].op.isSeparator() {
		first--
	}
	from, end := 0, 0
	for ; end < len(p.comments) && p.comments[end].token <= int32(p.pos); end++ {
		if p.comments[end].token < first {
			from = end + 1
		}
	}
	list := p.comments[from:end]
	p.comments = p.comments[end:]
	return p.above(list)
}

// above returns what comments before the current token say of what begins with it.
func (p *parser) above(list []comment) docText {
	if p.options.Docs == NoComments {
		return docText{}
	}
	for i := len(list) - 1; i >= 0; i-- {
		if c := list[i]; c.kind == DocComment {
			text := p.file.text[c.start:c.end]
			if isFramed(text) {
				list = list[i+1:]
				break
			}
			if !p.isLicence(text) {
				return docText{cleanDoc(text), true}
			}
			return docText{}
		}
	}
	if p.options.Docs == DocComments {
		return docText{}
	}
	for len(list) > 0 && list[0].token < int32(p.pos) {
		list = list[1:]
	}
	list = list[p.atLineEnd(list, true):]
	from, next := len(list), p.tok().start
	for from > 0 && strings.Count(p.file.text[list[from-1].end:next], "\n") < 2 {
		from--
		next = list[from].start
	}
	return docText{text: p.plainDoc(list[from:])}
}

// trailing completes the documentation of an element that ends before the current token, or of a body that
// begins there, by the comments after it on its line.
func (p *parser) trailing(above docText) string {
	if len(p.comments) == 0 || p.comments[0].token > int32(p.pos+1) || p.options.Docs == NoComments {
		return above.text
	}
	for len(p.comments) > 0 && p.comments[0].token < int32(p.pos) {
		p.comments = p.comments[1:]
	}
	own := p.of(p.pos)
	var list []comment
	if p.op().isSeparator() {
		n := 0
		for end := p.toks[p.pos-1].end; n < len(own) && strings.IndexByte(p.file.text[end:own[n].start], '\n') < 0; n++ {
			end = own[n].end
		}
		n += p.goOn(own, n)
		list = own[:n]
		p.comments = p.comments[n:]
		if n == len(own) && !p.startsLine() {
			following := p.of(p.pos + 1)
			n = p.atLineEnd(following, true)
			list, p.comments = append(list[:len(list):len(list)], following[:n]...), p.comments[n:]
		}
	} else {
		list = own[:p.atLineEnd(own, p.toks[p.pos-1].op != opBrace)]
		p.comments = p.comments[len(list):]
	}
	if len(list) == 0 || above.formal {
		return above.text
	}
	if c := list[len(list)-1]; c.kind == DocComment {
		return above.text + cleanDoc(p.file.text[c.start:c.end])
	}
	if p.options.Docs == DocComments {
		return above.text
	}
	return above.text + p.plainDoc(list)
}

// of returns those of the comments ahead that stand before a token, if they are the first.
func (p *parser) of(token int) []comment {
	n := 0
	for n < len(p.comments) && p.comments[n].token == int32(token) {
		n++
	}
	return p.comments[:n]
}

// atLineEnd returns how many of the comments of one token belong to the line on which the token before it ends: those
// on it, if nothing else follows there, except maybe a closing bracket, and those that go on with them on the lines below.
func (p *parser) atLineEnd(list []comment, orCloser bool) int {
	if len(list) == 0 || list[0].token == 0 {
		return 0
	}
	src, next := p.file.text, p.toks[list[0].token]
	end := p.toks[list[0].token-1].end
	n := 0
	for n < len(list) && strings.IndexByte(src[end:list[n].start], '\n') < 0 {
		end = list[n].end
		n++
	}
	if n == 0 || n == len(list) && strings.IndexByte(src[end:next.start], '\n') < 0 && next.op != opEOF && !(orCloser && next.op.closes()) {
		return 0
	}
	return n + p.goOn(list, n)
}

// goOn returns how many comments after the first n of a list, which end a line, go on with these.
func (p *parser) goOn(list []comment, n int) int {
	if n == 0 {
		return 0
	}
	at := func(i int) Trivia { return Trivia{Span{int(list[i].start), int(list[i].end)}, list[i].kind} }
	end := n
	for end < len(list) && list[end].token == list[n-1].token && p.file.Continues(int(list[end].token), at(n-1), at(end-1), at(end)) {
		end++
	}
	return end - n
}

// Continues reports whether next, a comment before a token, goes on with the comment before it: first stands at the end of the line
// on which the token before ends, and before is first or goes on with it.
//
// Both are line comments, or both block comments of one line, next is alone on the line directly below, and by one way to count columns
// it begins at most 3 columns left or right of first, nearer to it than to the indentation of the element and of what follows, and right of
// these. Tabs may be 2, 4 or 8 columns wide, and wide characters of East Asia one or two.
func (f *File) Continues(token int, first, before, next Trivia) bool {
	const most = 3
	src := f.text
	gap := src[before.End:next.Start]
	if first.Kind != next.Kind || next.Kind != LineComment && next.Kind != BlockComment || token == 0 || strings.Trim(gap, " \t\r\n") != "" ||
		strings.Count(gap, "\n") != 1 || strings.IndexByte(src[first.Start:first.End]+src[next.Start:next.End], '\n') >= 0 {
		return false
	}
	if rest, _, _ := strings.Cut(src[next.End:], "\n"); strings.Trim(rest, " \t\r") != "" {
		return false
	}
	line := lineStart(src, first.Start)
	of := token // the first token of its line
	for of > 0 && int(f.Tokens[of-1].start) >= line {
		of--
	}
	if of == token || !isBlank(src[line:f.Tokens[of].start]) {
		return false
	}
	member := src[line:f.Tokens[of].start]
	follows := ""
	switch t := f.Tokens[token]; {
	case t.op.closes() && f.Tokens[token-1].op.opens():
		return false
	case t.op != opEOF && !t.op.closes() && !t.op.isSeparator():
		follows = src[lineStart(src, int(t.start)):t.start]
		follows = follows[:indent(follows)]
	}
	for _, m := range columns.All {
		column := m.Advance(0, src[lineStart(src, next.Start):next.Start])
		off := column - m.Advance(0, src[line:first.Start])
		off = max(off, -off)
		if off <= most && column-max(m.Advance(0, member), m.Advance(0, follows)) > off {
			return true
		}
	}
	return false
}

// lineStart returns where the line of offset begins.
func lineStart(src string, offset int) int { return strings.LastIndexByte(src[:offset], '\n') + 1 }

// plainDoc returns the documentation in comments that are no doc comments: each line without the marks of a
// comment and the indent that they share. What stands above a line of separators or of code is detached.
func (p *parser) plainDoc(list []comment) string {
	src := p.file.text
	switch len(list) {
	case 0:
		return ""
	case 1:
		if c := list[0]; c.kind == LineComment {
			line := lineText(src[c.start:c.end])
			trimmed := strings.Trim(line, " \t\r")
			if trimmed == "" || isDetached(line, src[c.start:c.end]) || isDirective(trimmed) || p.isLicence(line) {
				return ""
			}
			if strings.HasPrefix(src[c.end:], "\n") && strings.HasSuffix(line, trimmed) {
				return src[int(c.end)-len(trimmed) : c.end+1]
			}
			return trimmed + "\n"
		}
	}
	if p.isLicence(src[list[0].start:list[len(list)-1].end]) {
		return ""
	}
	var lines []string
	for _, c := range list {
		text := src[c.start:c.end]
		if c.kind != LineComment {
			if strings.Trim(text, "/*") == "" {
				continue
			}
			clean := cleanBlock(text[2:])
			if c.kind == DocComment {
				clean = cleanDoc(text)
			}
			for line := range strings.Lines(clean) {
				lines = appendLine(lines, strings.TrimSuffix(line, "\n"), line)
			}
			continue
		}
		lines = appendLine(lines, strings.TrimPrefix(strings.TrimRight(lineText(text), " \t\r"), " "), text)
	}
	for len(lines) > 0 && isBlank(lines[0]) {
		lines = lines[1:]
	}
	for len(lines) > 0 && isBlank(lines[len(lines)-1]) {
		lines = lines[:len(lines)-1]
	}
	if len(lines) == 0 {
		return ""
	}
	cut(lines, commonIndent(lines))
	return strings.Join(lines, "\n") + "\n"
}

// appendLine adds a line, given also as it is written, to those above it.
func appendLine(lines []string, line, written string) []string {
	switch {
	case isDetached(line, written):
		return lines[:0]
	case isDirective(strings.TrimSpace(line)):
		return lines
	}
	return append(lines, line)
}

// lineText returns a line comment without "//", "///", "//!", "#" and the like.
func lineText(comment string) string {
	text := strings.TrimLeft(comment, comment[:1])
	if comment[0] == '/' {
		text = strings.TrimPrefix(text, "!")
	}
	return strings.TrimPrefix(text, "<") // Doxygen's, for what stands after an element
}

// isDetached is whether a line of a comment separates what stands above it: a line of separators, a
// heading between them, or code that is commented out.
func isDetached(line, written string) bool {
	return isSeparator(strings.TrimSpace(written)) || isCode(strings.Trim(line, " \t\r"))
}

// isSeparator is whether a line, with the marks of the comment, has no text or is a heading in a frame.
func isSeparator(line string) bool {
	const least, many = 5, 9                           // of them with the marks of a comment, such as // ---
	if len(line) > 3 && class[line[3]]&namePart != 0 { // nearly all
		return false
	}
	n, text := 0, ""
	for i, r := range line {
		if !isRule(r) {
			text = line[i:]
			break
		}
		if r != ' ' && r != '\t' {
			n++
		}
	}
	if n < least || text == "" {
		return n >= least
	}
	rest := text[len(strings.TrimRightFunc(text, isRule)):]
	return n >= many || len(strings.TrimSpace(rest)) >= 3
}

// isRule is whether separators are made of r.
func isRule(r rune) bool {
	switch r {
	case ' ', '\t', '-', '=', '*', '#', '/', '~', '+', '_', '<', '>', '!', '─', '━', '═':
		return true
	}
	return false
}

// isDirective is whether a line is meant for a tool: nolint, or name:word as in lint:ignore.
func isDirective(line string) bool {
	if strings.HasPrefix(line, "nolint") || strings.HasPrefix(line, "NOLINT") {
		return true
	}
	i := 0
	for i < len(line) && (line[i] >= 'a' && line[i] <= 'z' || line[i] == '-') {
		i++
	}
	return i > 0 && i+1 < len(line) && line[i] == ':' && line[i+1] >= 'a' && line[i+1] <= 'z'
}

// isLicence is whether a comment before the first definition is about the rights in the file.
func (p *parser) isLicence(text string) bool {
	if len(p.file.Defs) > 0 || len(p.open) > 0 {
		return false
	}
	lower := strings.ToLower(text)
	for _, words := range []string{"spdx-license-identifier", "licensed under ", "licensed to the ", "licensed to you", "all rights reserved",
		"public license", "apache license", "mit license", "bsd license", "bsd-style license", "copyright (c)", "copyright:", "©"} {
		if strings.Contains(lower, words) {
			return true
		}
	}
	if strings.Contains(lower, "licen") {
		for _, words := range []string{"distributed under ", "released under ", "governed by "} {
			if strings.Contains(lower, words) {
				return true
			}
		}
	}
	return yearFollows(lower, "(c) ") || yearFollows(lower, "copyright ") || holderFollows(text)
}

// yearFollows is whether a digit stands after words.
func yearFollows(text, words string) bool {
	_, after, ok := strings.Cut(text, words)
	return ok && after != "" && class[after[0]]&digit != 0
}

// holderFollows is whether a line of a comment begins with Copyright and a name: a word with a capital letter.
func holderFollows(text string) bool {
	for line := range strings.Lines(text) {
		after, ok := strings.CutPrefix(strings.TrimLeft(line, "/*#! \t"), "Copyright ")
		if r, _ := utf8.DecodeRuneInString(after); ok && unicode.IsUpper(r) {
			return true
		}
	}
	return false
}

// isFramed is whether a doc comment is a heading: one line of text between lines of stars.
func isFramed(comment string) bool {
	const least = 5 // stars
	lines := strings.Split(strings.ReplaceAll(comment, "\r", ""), "\n")
	first, final := strings.TrimPrefix(strings.TrimRight(lines[0], " \t"), "/"), strings.TrimSuffix(strings.Trim(lines[len(lines)-1], " \t"), "/")
	if len(lines) < 3 || len(first) < least || len(final) < least || strings.Trim(first+final, "*") != "" {
		return false
	}
	texts := 0
	for _, line := range lines[1 : len(lines)-1] {
		if strings.Trim(line, "* \t") != "" {
			texts++
		}
	}
	return texts <= 1
}

// isCode is whether a line looks like IDL: a definition, a header, an enum value, a field or a function.
// Prose with some of its words is not meant: a guess that is wrong loses documentation.
func isCode(line string) bool {
	switch {
	case line == "":
		return false
	case strings.IndexByte("{}()[]", line[0]) >= 0:
		return strings.Trim(line, "{}()[],; \t") == ""
	case class[line[0]]&namePart == 0:
		return false
	}
	body := strings.TrimRight(line, ",; \t")
	ended := body != line
	if digits := len(line) - len(skipDigits(line)); digits > 0 {
		field, ok := strings.CutPrefix(strings.TrimLeft(line[digits:], " \t"), ":")
		return ok && isFieldCode(strings.TrimSpace(field), ended)
	}
	word, rest := firstWord(body)
	switch o := keyword(word); {
	case o == opStruct, o == opUnion, o == opException, o == opEnum, o == opService:
		return strings.IndexByte(rest, '{') >= 0
	case o == opInclude, o == opCppInclude:
		return rest != "" && (rest[0] == '"' || rest[0] == '\'')
	case o == opNamespace:
		return len(strings.Fields(rest)) == 2
	case o == opConst:
		return strings.IndexByte(rest, '=') > 0
	case o == opTypedef:
		typ, name := firstWord(rest)
		return isNameOnly(name) && (keyword(typ).isType() && keyword(typ) != opName || ended || unicode.IsUpper(rune(typ[0])))
	case o == opRequired, o == opOptional:
		return isFieldCode(body, ended)
	case o == opOneway, o == opVoid, o.isType() && o != opName:
		return isFunctionCode(body) || ended && isFieldCode(body, true)
	}
	if value, ok := strings.CutPrefix(rest, "="); ok && isNameOnly(word) {
		value = strings.TrimPrefix(strings.TrimSpace(value), "-")
		return value != "" && skipDigits(value) == "" && (ended || word == strings.ToUpper(word))
	}
	return isFunctionCode(body)
}

// isFieldCode is whether text, a field without its id, is code. A closing separator makes it likelier.
func isFieldCode(text string, ended bool) bool {
	word, rest := firstWord(text)
	given := word == "required" || word == "optional"
	if given {
		word, rest = firstWord(rest)
	}
	if word == "" {
		return false
	}
	if o := keyword(word); o > lastBaseType && o <= lastContainer { // up to the ">"
		return strings.HasPrefix(rest, "<") && strings.IndexByte(rest, '>') > 0
	}
	name, _, _ := strings.Cut(rest, "=")
	name, _, _ = strings.Cut(name, "(")
	name, _, _ = strings.Cut(name, "//")
	return isNameOnly(strings.TrimRight(name, ",; \t")) && (ended || keyword(word).isBaseType() || given && unicode.IsUpper(rune(word[0])))
}

// isFunctionCode is whether text has a name and, after it, parameters: "(" and ")" or the id of one.
func isFunctionCode(text string) bool {
	before, after, ok := strings.Cut(text, "(")
	if !ok || before == "" || class[before[len(before)-1]]&namePart == 0 || len(strings.Fields(before)) < 2 {
		return false
	}
	after = strings.TrimLeft(after, " \t")
	if rest := skipDigits(after); len(rest) < len(after) {
		return strings.HasPrefix(strings.TrimLeft(rest, " \t"), ":")
	}
	word, _ := firstWord(before)
	return after == ")" && (len(strings.Fields(before)) == 2 || word == "oneway")
}

// firstWord returns the name that text begins with, and the rest after blanks.
func firstWord(text string) (word, rest string) {
	n := 0
	for n < len(text) && (class[text[n]]&namePart != 0 || text[n] == '.') {
		n++
	}
	return text[:n], strings.TrimLeft(text[n:], " \t")
}

func isNameOnly(s string) bool {
	word, rest := firstWord(s)
	return word != "" && rest == ""
}

// fileDoc reads the documentation of the file from the comments before a header, and reports whether there is
// any: the first doc comment of the file, or what stands directly above the first header.
func (p *parser) fileDoc() bool {
	end := 0
	for ; end < len(p.comments) && p.comments[end].token <= int32(p.pos); end++ {
		if c := p.comments[end]; c.kind == DocComment && p.options.Docs != NoComments {
			text := p.file.text[c.start:c.end]
			if isFramed(text) {
				continue
			}
			if !p.isLicence(text) {
				p.file.Doc = cleanDoc(text)
			}
			p.comments = p.comments[end+1:]
			return true
		}
	}
	if p.pos == 0 {
		p.file.Doc = p.above(p.comments[:end]).text
		p.comments = p.comments[end:]
	}
	return p.file.Doc != ""
}
