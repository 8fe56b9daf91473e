package syntax

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const byteOrderMark = "\ufeff"

// class says what a byte may be part of.
var class = func() (c [256]uint8) {
	for b := range c {
		switch {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', b == '_':
			c[b] = nameStart | namePart
		case '0' <= b && b <= '9':
			c[b] = digit | namePart
		case b == ' ', b == '\t', b == '\r':
			c[b] = blank
		case b == '\n':
			c[b] = newline
		case b != '*' && punctuation(byte(b)) != opEOF, b == '"', b == '\'', b == '+':
			c[b] = mark
		case b == '.', b == '-', b == '/', b == '$', b >= utf8.RuneSelf:
			c[b] = joint
		}
	}
	return c
}()

const (
	nameStart = 1 << iota
	namePart
	digit
	blank
	newline
	mark  // begins a token and nothing else
	joint // maybe inside of a name, a dot, or a mistake
)

// A lexer cuts a file's text into tokens.
type lexer struct {
	*reporter
	src  string
	pos  int
	next flags // of the next token

	comments []comment
}

// lex fills f.Tokens and returns the comments.
func lex(f *File, r *reporter) []comment {
	l := &lexer{reporter: r, src: f.text, next: startsLine}
	f.Tokens = make([]Token, 0, len(l.src)/4+8)
	for {
		l.skipTrivia(len(f.Tokens))
		t := l.token()
		f.Tokens = append(f.Tokens, t)
		if t.op == opEOF {
			return l.comments
		}
	}
}

// skipTrivia moves to the token with the given index.
func (l *lexer) skipTrivia(token int) {
	for src := l.src; ; {
		pos := l.pos
		for pos < len(src) && class[src[pos]]&(blank|newline) != 0 {
			if src[pos] == '\n' {
				l.next |= startsLine
			}
			pos++
		}
		l.pos = pos
		if pos == len(src) || class[src[pos]]&(namePart|mark) != 0 {
			return
		}
		kind, end := scanTrivia(l.src, l.pos)
		if end == l.pos {
			return
		}
		switch kind {
		case LineComment, DocComment, BlockComment:
			l.comments = append(l.comments, comment{int32(token), int32(l.pos), int32(end), kind})
			if kind != LineComment {
				l.checkComment(end)
			}
		case Stray:
			l.stray(end)
			l.next |= afterStray
		}
		l.pos = end
	}
}

// scanTrivia returns the kind and the end of the piece of trivia at pos; pos itself if a token
// begins there.
func scanTrivia(src string, pos int) (TriviaKind, int) {
	rest := src[pos:]
	switch c := rest[0]; c {
	case '\n':
		return Newline, pos + 1
	case ' ', '\t', '\r':
		if strings.HasPrefix(rest, "\r\n") {
			return Newline, pos + 2
		}
		end := pos
		for end < len(src) && class[src[end]]&blank != 0 && !strings.HasPrefix(src[end:], "\r\n") {
			end++
		}
		return Blank, end
	case '#':
		return LineComment, lineEnd(src, pos)
	case '/':
		if strings.HasPrefix(rest, "//") {
			return LineComment, lineEnd(src, pos)
		}
		if strings.HasPrefix(rest, "/*") {
			return blockComment(src, pos)
		}
	}
	if pos == 0 && strings.HasPrefix(src, byteOrderMark) {
		return Blank, len(byteOrderMark)
	}
	if closesNothing(src, pos) {
		return Stray, pos + 2
	}
	end := pos
	for end < len(src) && !beginsSomething(src, end) {
		_, size := utf8.DecodeRuneInString(src[end:])
		end += size
	}
	return Stray, end
}

// lineEnd returns the end of the line that pos is in, before its "\n" or "\r\n".
func lineEnd(src string, pos int) int {
	n := strings.IndexByte(src[pos:], '\n')
	if n < 0 {
		return len(src)
	}
	if n > 0 && src[pos+n-1] == '\r' {
		n--
	}
	return pos + n
}

// blockComment finds the end of the comment at pos: the end of the text if it has none. Apart from
// "/**/", "/***/" and so on, a comment that begins with "/**" is a doc comment.
func blockComment(src string, pos int) (TriviaKind, int) {
	end := len(src)
	if n := strings.Index(src[pos+2:], "*/"); n >= 0 {
		end = pos + 2 + n + 2
	}
	if body := src[pos+1 : end]; strings.HasPrefix(body, "**") && strings.Trim(body, "*") != "/" {
		return DocComment, end
	}
	return BlockComment, end
}

// beginsSomething is whether a token, a comment or white space begins at pos.
func beginsSomething(src string, pos int) bool {
	c := src[pos]
	switch {
	case class[c]&^joint != 0, c == '-', c == '#', c == '$':
		return true
	case c == '/':
		return pos+1 < len(src) && (src[pos+1] == '/' || src[pos+1] == '*')
	case c == '.':
		return pos+1 < len(src) && class[src[pos+1]]&digit != 0
	case c == '*':
		return !closesNothing(src, pos)
	case c >= utf8.RuneSelf:
		mark, _ := foreignMark(src, pos)
		return mark != opEOF || foreignLetter(src, pos) > 0 || foreignString(src, pos) > 0
	}
	return false
}

// foreignMark returns the punctuation that a character of East Asian keyboards at pos stands for, and its length;
// opEOF for any other.
func foreignMark(src string, pos int) (op, int) {
	r, size := utf8.DecodeRuneInString(src[pos:])
	if ascii := asciiOf(r); len(ascii) == 1 {
		return punctuation(ascii[0]), size
	}
	return opEOF, size
}

// foreignString returns the length of a string in quotes of another keyboard at pos; 0 if there is none, or its line does not close it.
func foreignString(src string, pos int) int {
	r, size := utf8.DecodeRuneInString(src[pos:])
	closers := ""
	switch r {
	case '“', '”', '„', '＂':
		closers = "”“＂"
	case '‘', '’', '‚', '＇':
		closers = "’‘＇"
	case '「':
		closers = "」"
	case '『':
		closers = "』"
	case '«':
		closers = "»"
	default:
		return 0
	}
	line := src[pos+size : lineEnd(src, pos)]
	n := strings.IndexAny(line, closers)
	if n < 0 {
		return 0
	}
	_, last := utf8.DecodeRuneInString(line[n:])
	return size + n + last
}

// closesNothing is whether a "*/" outside of comments is at pos. In "*/*" and "*//" a comment follows
// a star.
func closesNothing(src string, pos int) bool {
	rest := src[pos:]
	return strings.HasPrefix(rest, "*/") && !strings.HasPrefix(rest, "*//") && !strings.HasPrefix(rest, "*/*")
}

// foreignLetter returns the length of the letter at pos that Thrift does not allow in names; 0 if
// there is none.
func foreignLetter(src string, pos int) int {
	if src[pos] == '$' {
		return 1
	}
	if src[pos] < utf8.RuneSelf {
		return 0
	}
	r, size := utf8.DecodeRuneInString(src[pos:])
	if r == utf8.RuneError || !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) {
		return 0
	}
	return size
}

func (l *lexer) checkComment(end int) {
	text := l.src[l.pos:end]
	if len(text) < 4 || !strings.HasSuffix(text, "*/") {
		l.add(Error, "unterminated-comment", Span{l.pos, l.pos + 2}, "", `comment is not closed with "*/"`)
	} else if strings.IndexByte(text, '\n') >= 0 {
		l.next |= startsLine
	}
}

// stray reports the bytes up to end, which begin no token.
func (l *lexer) stray(end int) {
	s, hint := Span{l.pos, end}, ""
	r, size := utf8.DecodeRuneInString(l.src[l.pos:])
	switch {
	case r == utf8.RuneError && size == 1:
		l.add(Error, "bad-character", s, "save the file as UTF-8", "byte 0x%02x is not text", l.src[l.pos])
		return
	case unicode.IsSpace(r) || unicode.Is(unicode.Cf, r):
		hint = "write a plain space"
	case closesNothing(l.src, l.pos):
		hint = "comments do not nest"
	case asciiOf(r) != "":
		hint = "write " + asciiOf(r)
		if rest := l.src[l.pos+size : end]; rest != "" {
			for _, r := range rest {
				if asciiOf(r) == "" {
					break
				}
				hint += " and " + asciiOf(r)
			}
		}
	case r == '.':
		hint = "a dot stands between the parts of a name or of a number"
	}
	l.add(Error, "bad-character", s, hint, "unexpected character %s", quote(l.src[l.pos:end]))
}

// foreignQuotes reports the quotes of the string up to end, which begins here.
func (l *lexer) foreignQuotes(end int) {
	_, size := utf8.DecodeRuneInString(l.src[l.pos:])
	_, last := utf8.DecodeLastRuneInString(l.src[l.pos:end])
	l.add(Error, "bad-character", Span{l.pos, end}, `write plain quotes, " or '`, "string has quotes %s%s",
		l.src[l.pos:l.pos+size], l.src[end-last:end])
}

// asciiOf returns the ASCII character for punctuation of East Asian keyboards, "" for other characters.
func asciiOf(r rune) string {
	switch r {
	case '“', '”', '„', '＂', '‘', '’', '‚', '＇', '「', '」', '『', '』', '«', '»':
		return `a plain quote, " or '`
	case '。':
		return "."
	case '、':
		return ","
	case '【', '〔':
		return "["
	case '】', '〕':
		return "]"
	case '《', '〈':
		return "<"
	case '》', '〉':
		return ">"
	}
	if r > 0xff00 && r < 0xff5f { // the full-width forms of U+0021 and so on
		return string(r - 0xff00 + ' ')
	}
	return ""
}

// token returns the token at the current place, which is not trivia, and steps over it.
func (l *lexer) token() Token {
	start := l.pos
	t := Token{start: int32(start), flags: l.next}
	l.next = 0
	switch {
	case start == len(l.src):
	case class[l.src[start]]&nameStart != 0:
		t.op = l.name(&t.flags)
	case class[l.src[start]]&digit != 0:
		t.op = l.number(&t.flags)
	case l.src[start] == '"' || l.src[start] == '\'':
		t.op = l.stringLit(&t.flags)
	default:
		if t.op = punctuation(l.src[start]); t.op != opEOF {
			l.pos++
		} else if c := l.src[start]; c == '+' || c == '-' || c == '.' {
			t.op = l.number(&t.flags)
		} else if mark, size := foreignMark(l.src, start); mark != opEOF {
			t.op, t.flags = mark, t.flags|malformed
			l.stray(start + size)
			l.pos += size
		} else if n := foreignString(l.src, start); n > 0 {
			t.op = opString
			l.foreignQuotes(start + n)
			l.pos += n
		} else {
			t.op = l.name(&t.flags)
		}
	}
	if t.op == opEOF && l.unterminated() {
		t.flags |= malformed
	}
	t.end = int32(l.pos)
	return t
}

// unterminated is whether the text has ended in the middle of a comment: then everything that the
// parser could miss is in there.
func (l *lexer) unterminated() bool {
	n := len(l.list)
	return n > 0 && l.list[n-1].Code == "unterminated-comment"
}

func (l *lexer) name(fl *flags) op {
	start := l.pos
	for {
		src, pos := l.src, l.pos
		for pos < len(src) && class[src[pos]]&namePart != 0 {
			pos++
		}
		l.pos = pos
		if pos == len(src) || class[l.src[l.pos]]&joint == 0 {
			break
		}
		if l.pos+1 < len(l.src) && l.src[l.pos] == '.' && class[l.src[l.pos+1]]&namePart != 0 {
			l.pos++
			continue
		}
		n := l.mistake()
		if n == 0 {
			break
		}
		l.pos += n
		*fl |= malformed
	}
	text := l.src[start:l.pos]
	if *fl&malformed != 0 {
		hint := "a name has letters a-z, digits, \"_\" and single dots between its parts"
		if narrow := narrowed(text); narrow != "" {
			hint = "write " + narrow
		}
		l.add(Error, "bad-name", Span{start, l.pos}, hint, "%s is not a name", quoteUpTo(text, longestName))
		if narrow := narrowed(text); narrow != "" && skipDigits(narrow) == "" {
			return opInt
		}
		return opName
	}
	return keyword(text)
}

// narrowed returns text with ASCII letters and digits for full-width ones; "" if it has others that cannot be in names or numbers.
func narrowed(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r > 0xff00 && r < 0xff5f {
			r -= 0xff00 - ' '
		}
		if r >= utf8.RuneSelf || class[r]&namePart == 0 && r != '.' {
			return ""
		}
		b.WriteRune(r)
	}
	s := b.String()
	if strings.Contains(s, "..") || strings.HasSuffix(s, ".") || class[s[0]]&nameStart == 0 && skipDigits(s) != "" {
		return ""
	}
	return s
}

// mistake returns the length of what stands here as if it were part of a name, but cannot be: a
// foreign letter, a dot without a part after it, a "-" or "/" followed by a letter.
func (l *lexer) mistake() int {
	switch c := l.src[l.pos]; c {
	case '.':
		n := 1
		for l.pos+n < len(l.src) && l.src[l.pos+n] == '.' {
			n++
		}
		return n
	case '-', '/':
		if l.pos+1 < len(l.src) && class[l.src[l.pos+1]]&nameStart != 0 {
			return 1
		}
		return 0
	}
	return foreignLetter(l.src, l.pos)
}

// number reads what begins like a number up to where nobody would think that it ends.
func (l *lexer) number(fl *flags) op {
	start := l.pos
	if c := l.src[l.pos]; c == '+' || c == '-' {
		l.pos++
	}
	first := l.pos
	if l.plainInt() {
		return opInt
	}
	hex := strings.HasPrefix(l.src[first:], "0x")
	for ; l.pos < len(l.src); l.pos++ {
		c := l.src[l.pos]
		exponentSign := (c == '+' || c == '-') && !hex && l.pos > first && l.src[l.pos-1]|0x20 == 'e'
		if class[c]&namePart == 0 && c != '.' && !exponentSign {
			break
		}
	}
	text := l.src[start:l.pos]
	if l.pos == first || class[l.src[first]]&nameStart != 0 {
		l.bareSign(start, first, fl)
		return opInt
	}
	o, ok := numberOp(l.src[first:l.pos])
	if !ok {
		*fl |= malformed
		l.add(Error, "bad-number", Span{start, l.pos}, numberHint(text), "%s is not a number", quote(text))
	}
	return o
}

// plainInt reads digits, if there is nothing else to the number.
func (l *lexer) plainInt() bool {
	src, pos := l.src, l.pos
	for pos < len(src) && class[src[pos]]&digit != 0 {
		pos++
	}
	if pos == l.pos || pos < len(src) && (class[src[pos]]&namePart != 0 || src[pos] == '.') {
		return false
	}
	l.pos = pos
	return true
}

// bareSign reports a sign without a number. Digits after a blank count as its own.
func (l *lexer) bareSign(start, end int, fl *flags) {
	*fl |= malformed
	l.pos = end
	hint := ""
	for end < len(l.src) && class[l.src[end]]&blank != 0 {
		end++
	}
	if end < len(l.src) && class[l.src[end]]&digit != 0 {
		for end < len(l.src) && class[l.src[end]]&digit != 0 {
			end++
		}
		l.pos = end
		hint = "leave no blank after the sign"
	}
	l.add(Error, "bad-number", Span{start, l.pos}, hint, "sign %s without a number", quote(l.src[start:start+1]))
}

// numberOp reports whether s, without its sign, is an integer or a double, or neither.
func numberOp(s string) (o op, ok bool) {
	if len(s) > 2 && s[:2] == "0x" {
		return opInt, strings.Trim(s[2:], "0123456789abcdefABCDEF") == ""
	}
	rest := skipDigits(s)
	if rest == "" {
		return opInt, true
	}
	if rest[0] == '.' {
		fraction := skipDigits(rest[1:])
		if len(s) == len(rest) && len(fraction) == len(rest)-1 {
			return opDouble, false // no digit on either side of the dot
		}
		rest = fraction
	}
	if rest != "" && rest[0]|0x20 == 'e' {
		rest = rest[1:]
		if rest != "" && (rest[0] == '+' || rest[0] == '-') {
			rest = rest[1:]
		}
		if rest == "" {
			return opDouble, false
		}
		rest = skipDigits(rest)
	}
	if rest != "" {
		return opInt, false
	}
	return opDouble, true
}

func skipDigits(s string) string {
	i := 0
	for i < len(s) && class[s[i]]&digit != 0 {
		i++
	}
	return s[i:]
}

// numberHint guesses what was meant by a malformed number.
func numberHint(s string) string {
	unsigned := strings.TrimLeft(s, "+-")
	plain := strings.ReplaceAll(s, "_", "")
	switch {
	case strings.HasPrefix(unsigned, "0X"):
		return `hexadecimal numbers begin with a small "0x"`
	case strings.HasPrefix(unsigned, "0x"), strings.HasPrefix(unsigned, "0b"), strings.HasPrefix(unsigned, "0o"):
		return "numbers are decimal, or 0x and hexadecimal digits"
	case len(plain) < len(s) && skipDigits(strings.TrimLeft(plain, "+-")) == "":
		return "write " + plain
	case strings.IndexByte("eE+-", s[len(s)-1]) >= 0:
		return "an exponent has digits"
	case strings.IndexByte(s, '.') < 0 && class[s[0]]&digit != 0:
		return "a name cannot begin with a digit, and a blank separates a number from a name"
	}
	return ""
}

func (l *lexer) stringLit(fl *flags) op {
	start, delimiter := l.pos, l.src[l.pos]
	for l.pos++; l.pos < len(l.src); l.pos++ {
		switch l.src[l.pos] {
		case delimiter:
			l.pos++
			return opString
		case '\\':
			*fl |= escaped
			if l.pos+1 < len(l.src) && l.src[l.pos+1] != '\n' && l.src[l.pos+1] != '\r' {
				l.escape()
			}
		case '\n':
			if l.severalLines(start, delimiter) {
				return opString
			}
			l.brokenString(start, delimiter, fl)
			return opString
		}
	}
	l.brokenString(start, delimiter, fl)
	return opString
}

// severalLines reads the rest of a string that goes on over the end of its line, which dialects other than Apache's
// allow, and reports whether it is one. Where the dialect does not say so, a string whose quote has been forgotten
// is likelier, unless what stands after the next quote can follow a string.
func (l *lexer) severalLines(start int, delimiter byte) bool {
	allowed := l.file.Dialect == Kitex
	end := l.pos
	for {
		n := strings.IndexByte(l.src[end:], delimiter)
		if n < 0 {
			return false
		}
		end += n + 1
		if l.src[end-2] != '\\' {
			break
		}
	}
	if !allowed {
		if after := strings.TrimLeft(l.src[end:min(end+80, len(l.src))], " \t\r"); after != "" && strings.IndexByte("),;]}\n", after[0]) < 0 {
			return false
		}
		lines := strings.Count(l.src[start:end], "\n") + 1
		l.add(Error, "multiline-string", Span{start, lineEnd(l.src, start)}, `write \n for a newline, or read the file in the dialect kitex`,
			"string goes on over %d lines", lines)
	}
	l.pos = end
	return true
}

// escape checks the escape at the current place and stops on its last byte.
func (l *lexer) escape() {
	if unescape(l.src[l.pos+1]) != 0 {
		l.pos++
		return
	}
	_, size := utf8.DecodeRuneInString(l.src[l.pos+1:])
	s := Span{l.pos, l.pos + 1 + size}
	l.add(Error, "bad-escape", s, `the escapes are \r \n \t \" \' and \\; other characters are written as they are`,
		"%s is not an escape", "`"+l.src[s.Start:s.End]+"`")
	l.pos += size
}

// unescape returns the meaning of c after a backslash, 0 if it has none.
func unescape(c byte) byte {
	switch c {
	case 'r':
		return '\r'
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case '"', '\'', '\\':
		return c
	}
	return 0
}

// brokenString reports a string that its line, or the file, does not close. Where the next line has an odd number of the same
// quotes, the string is assumed to go on to the first of them, so that what follows is not read inside out; and where its line
// ends with an opening bracket, as JSON of several lines does, to the one that closes it, if an annotation can end there.
func (l *lexer) brokenString(start int, delimiter byte, fl *flags) {
	end := lineEnd(l.src, start)
	*fl |= malformed
	hint := ""
	l.pos = end
	if n := strings.IndexByte(l.src[end:], '\n'); n >= 0 {
		next := end + n + 1
		line := l.src[next:lineEnd(l.src, next)]
		if quotes := strings.Count(line, string(delimiter)); quotes%2 == 1 {
			hint = `a string stays on one line; write \n for a newline`
			l.pos = next + strings.IndexByte(line, delimiter) + 1
		} else if balanced := closingBracket(l.src, start, end); balanced >= 0 {
			hint = `a string stays on one line; write \n for a newline`
			l.pos = balanced
		}
	}
	l.add(Error, "unterminated-string", Span{start, end}, hint, "string is not closed with %s", closingQuote(delimiter))
}

// closingBracket returns the end of the bracket that closes the one with which src[start:end], the first line of a string, ends, if
// what ends an annotation follows it; else -1.
func closingBracket(src string, start, end int) int {
	const most = 4 << 10 // bytes
	text := strings.TrimRight(src[start:end], " \t\r")
	if !strings.HasSuffix(text, "{") && !strings.HasSuffix(text, "[") {
		return -1
	}
	depth := strings.Count(text, "{") + strings.Count(text, "[") - strings.Count(text, "}") - strings.Count(text, "]")
	for i := end; i < min(len(src), end+most); i++ {
		switch src[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		default:
			continue
		}
		if depth <= 0 {
			if after := strings.TrimLeft(src[i+1:min(i+81, len(src))], " \t\r\n"); after != "" && (after[0] == ')' || after[0] == ',') {
				return i + 1
			}
			return -1
		}
	}
	return -1
}

func closingQuote(delimiter byte) string {
	if delimiter == '"' {
		return `'"'`
	}
	return `"'"`
}

// stringText returns the meaning of a string token's text.
func stringText(s string, fl flags) string {
	if s[0] >= utf8.RuneSelf {
		_, first := utf8.DecodeRuneInString(s)
		_, last := utf8.DecodeLastRuneInString(s)
		return s[first : len(s)-last]
	}
	s = s[1:]
	if fl&malformed == 0 {
		s = s[:len(s)-1]
	}
	if fl&escaped == 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) && unescape(s[i+1]) != 0 {
			i++
			c = unescape(s[i])
		}
		b.WriteByte(c)
	}
	return b.String()
}
