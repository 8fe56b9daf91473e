package dynamic

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A jsonToken is one token of RFC 8259: a scalar, a bracket, a comma or a colon.
type jsonToken struct {
	kind byte   // its first byte, but '0' for every number; 0 at the end of the text
	at   int    // where it starts
	end  int    // where it ends
	text string // of a string: what it stands for
}

// jsonScanner splits a text into tokens. The grammar is the reader's.
type jsonScanner struct {
	input string
	off   int
}

// token returns the next token, or a mistake: what is wrong and where.
func (s *jsonScanner) token() (tok jsonToken, bad string) {
	for s.off < len(s.input) && strings.IndexByte(" \t\r\n", s.input[s.off]) >= 0 {
		s.off++
	}
	tok.at = s.off
	if s.off == len(s.input) {
		tok.end = s.off
		return tok, ""
	}
	tok.kind = s.input[s.off]
	switch c := tok.kind; {
	case strings.IndexByte("{}[],:", c) >= 0:
		s.off++
	case c == '"':
		tok.text, bad = s.quoted()
	case c == '-' || '0' <= c && c <= '9':
		tok.kind = '0'
		bad = s.number()
	case c == 't' || c == 'f' || c == 'n':
		bad = s.word()
	default:
		r, _ := utf8.DecodeRuneInString(s.input[s.off:])
		bad = "a value is wanted, not " + strconv.QuoteRune(r)
	}
	tok.end = s.off
	return tok, bad
}

func (s *jsonScanner) word() string {
	for _, word := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(s.input[s.off:], word) {
			s.off += len(word)
			return ""
		}
	}
	end := s.off
	for end < len(s.input) && end < s.off+20 && isLetter(s.input[end]) {
		end++
	}
	return "a value is wanted, not " + s.input[s.off:end]
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' }

// number moves behind a number (RFC 8259, section 6).
func (s *jsonScanner) number() string {
	start := s.off
	if s.at(s.off) == '-' {
		s.off++
	}
	ok := true
	if s.at(s.off) == '0' {
		s.off++
	} else {
		ok = s.digits()
	}
	if ok && s.at(s.off) == '.' {
		s.off++
		ok = s.digits()
	}
	if ok && s.at(s.off)|0x20 == 'e' {
		s.off++
		if c := s.at(s.off); c == '+' || c == '-' {
			s.off++
		}
		ok = s.digits()
	}
	if c := s.at(s.off); ok && (isLetter(c) || c == '.' || '0' <= c && c <= '9') {
		ok = false
	}
	if ok {
		return ""
	}
	end := s.off
	for end < start+40 && (isLetter(s.at(end)) || strings.IndexByte("+-.0123456789", s.at(end)) >= 0) {
		end++
	}
	s.off = start
	return s.input[start:end] + " is not a number of JSON"
}

func (s *jsonScanner) at(i int) byte {
	if i < len(s.input) {
		return s.input[i]
	}
	return 0
}

// digits reports whether there was a digit at least.
func (s *jsonScanner) digits() bool {
	start := s.off
	for c := s.at(s.off); '0' <= c && c <= '9'; c = s.at(s.off) {
		s.off++
	}
	return s.off > start
}

// quoted reads a string. One without escapes is a part of the input; otherwise it is copied.
// On a mistake the offset is that of the mistake.
func (s *jsonScanner) quoted() (text, bad string) {
	s.off++
	start := s.off
	var b []byte
	for {
		switch c := s.at(s.off); {
		case c == '"':
			text = s.input[start:s.off]
			if b != nil {
				text = string(append(b, text...))
			}
			s.off++
			return text, ""
		case c == '\\':
			b = append(b, s.input[start:s.off]...)
			if b, bad = s.escape(b); bad != "" {
				return "", bad
			}
			start = s.off
		case s.off >= len(s.input):
			return "", "the string has no end"
		case c < ' ':
			return "", "a control character in a string must be escaped"
		case c < utf8.RuneSelf:
			s.off++
		default:
			r, n := utf8.DecodeRuneInString(s.input[s.off:])
			if r == utf8.RuneError && n == 1 {
				return "", "the string is not UTF-8"
			}
			s.off += n
		}
	}
}

const escaped = `"\/bfnrt`

// escape appends what the escape sequence at the offset stands for.
func (s *jsonScanner) escape(b []byte) ([]byte, string) {
	c := s.at(s.off + 1)
	if i := strings.IndexByte(escaped, c); i >= 0 {
		s.off += 2
		return append(b, "\"\\/\b\f\n\r\t"[i]), ""
	}
	r, ok := s.unicode(s.off)
	if c != 'u' || !ok {
		return nil, "invalid escape sequence"
	}
	n := 6
	if utf16.IsSurrogate(r) {
		low, ok := s.unicode(s.off + 6)
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return nil, "half of a surrogate pair"
		}
		n = 12
	}
	s.off += n
	return utf8.AppendRune(b, r), ""
}

// unicode returns the code unit of a \uXXXX at i.
func (s *jsonScanner) unicode(i int) (rune, bool) {
	if s.at(i) != '\\' || s.at(i+1) != 'u' || i+6 > len(s.input) {
		return 0, false
	}
	n := rune(0)
	for _, c := range []byte(s.input[i+2 : i+6]) {
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			n = n<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}
