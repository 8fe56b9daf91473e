package json

import (
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/wire"
)

// peek returns the first byte behind white space, and where it is.
func peek(src []byte, off int) (c byte, at int, err error) {
	for ; off < len(src); off++ {
		if c := src[off]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c, off, nil
		}
	}
	return 0, off, wire.Truncated(len(src))
}

// expect moves behind c.
func expect(src []byte, off int, c byte) (int, error) {
	if off < len(src) && src[off] == c {
		return off + 1, nil
	}
	got, off, err := peek(src, off)
	if err == nil && got != c {
		err = unwanted(off, got, show(c))
	}
	return off + 1, err
}

// item moves to item i of the array or object that end closes, or behind end.
func item(src []byte, off, i int, end byte) (next int, more bool, err error) {
	c, off, err := peek(src, off)
	switch {
	case err != nil:
		return off, false, err
	case c == end:
		return off + 1, false, nil
	case i == 0:
		return off, true, nil
	case c != ',':
		return off, false, unwanted(off, c, "',' or "+show(end))
	}
	return off + 1, true, nil
}

// consumeString reads a string. It shares src's memory unless there are escapes in it.
func consumeString(src []byte, off int) ([]byte, int, error) {
	c, off, err := peek(src, off)
	if err != nil {
		return nil, off, err
	}
	if c != '"' {
		return nil, off, unwanted(off, c, "a string")
	}
	off++
	for i := off; i < len(src); i++ {
		switch src[i] {
		case '"':
			return src[off:i:i], i + 1, nil
		case '\\':
			return unescape(src, off, i)
		}
	}
	return nil, off, wire.Truncated(len(src))
}

// unescape reads the string that starts at off and has its first escape at i.
func unescape(src []byte, off, i int) ([]byte, int, error) {
	var out []byte
	for ; i < len(src); i++ {
		switch src[i] {
		case '"':
			return append(out, src[off:i]...), i + 1, nil
		case '\\':
			out = append(out, src[off:i]...)
			r, next, err := escape(src, i)
			if err != nil {
				return nil, i, err
			}
			out = utf8.AppendRune(out, r)
			off = next
			i = next - 1
		}
	}
	return nil, off, wire.Truncated(len(src))
}

// escape reads the escape at off; two, if they are the halves of one character.
func escape(src []byte, off int) (rune, int, error) {
	if len(src)-off < 2 {
		return 0, off, wire.Truncated(len(src))
	}
	switch c := src[off+1]; c {
	case '"', '\\', '/':
		return rune(c), off + 2, nil
	case 'b':
		return '\b', off + 2, nil
	case 'f':
		return '\f', off + 2, nil
	case 'n':
		return '\n', off + 2, nil
	case 'r':
		return '\r', off + 2, nil
	case 't':
		return '\t', off + 2, nil
	case 'u':
	default:
		return 0, off, wire.Errorf(off, wire.ErrInvalid, "no escape starts with %s", show(c))
	}
	r, next, err := hex4(src, off)
	if err != nil || !utf16.IsSurrogate(r) {
		return r, next, err
	}
	lone := wire.Errorf(off, wire.ErrInvalid, `\u%04x is half a character`, r)
	for i, c := range []byte(`\u`) {
		if next+i >= len(src) {
			return 0, off, wire.Truncated(len(src))
		}
		if src[next+i] != c {
			return 0, off, lone
		}
	}
	low, next, err := hex4(src, next)
	if err == nil && utf16.DecodeRune(r, low) == utf8.RuneError {
		err = lone
	}
	return utf16.DecodeRune(r, low), next, err
}

// hex4 reads the escape \uXXXX at off.
func hex4(src []byte, off int) (rune, int, error) {
	var r rune
	for i := off + 2; i < off+6; i++ {
		if i >= len(src) {
			return 0, off, wire.Truncated(len(src))
		}
		c := src[i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, off, wire.Errorf(i, wire.ErrInvalid, "%s is no hexadecimal digit", show(c))
		}
		r = r<<4 | rune(c)
	}
	return r, off + 6, nil
}

// consumeInt reads an integer of so many bits, with or without quotes, and with zeros in front:
// Apache's Node writes negative numbers so.
func consumeInt(src []byte, off, bits int) (int64, int, error) {
	c, off, err := peek(src, off)
	if err != nil {
		return 0, off, err
	}
	i := off
	quoted := c == '"'
	if quoted {
		i++
	}
	negative := i < len(src) && src[i] == '-'
	if negative {
		i++
	}
	first := i
	var n uint64
	fits := true
	for ; i < len(src) && src[i]-'0' <= 9; i++ {
		if n > math.MaxInt64/10 {
			fits = false
			continue
		}
		n = n*10 + uint64(src[i]-'0')
	}
	limit := uint64(1) << (bits - 1)
	if !negative {
		limit--
	}
	if i == len(src) && (quoted || i == first) {
		return 0, off, wire.Truncated(len(src))
	}
	end := i
	if quoted {
		end++
	}
	switch {
	case i == first, quoted && src[i] != '"', !quoted && end < len(src) && isBare(src[end]):
		return 0, off, notInteger(src, off)
	case !fits || n > limit:
		return 0, off, wire.Errorf(off, wire.ErrInvalid, "%s is out of the range of i%d", shorten(src[off:end]), bits)
	}
	if negative {
		return -int64(n), end, nil
	}
	return int64(n), end, nil
}

// notInteger says what stands at off in place of an integer.
func notInteger(src []byte, off int) error {
	end := off + 1
	if src[off] == '"' {
		text, _, err := consumeString(src, off)
		if err != nil {
			return err
		}
		return wire.Errorf(off, wire.ErrInvalid, "an integer is wanted, not %q", shorten(text))
	}
	for end < len(src) && isBare(src[off]) && isBare(src[end]) {
		end++
	}
	return wire.Errorf(off, wire.ErrInvalid, "an integer is wanted, not %s", shorten(src[off:end]))
}

// consumeDouble reads a number, or the name of what is none, with or without quotes.
func consumeDouble(src []byte, off int) (float64, int, error) {
	c, off, err := peek(src, off)
	if err != nil {
		return 0, off, err
	}
	text, end := bare(src, off)
	switch {
	case c == '"':
		if text, end, err = consumeString(src, off); err != nil {
			return 0, off, err
		}
	case len(text) == 0:
		return 0, off, unwanted(off, c, "a number")
	}
	switch string(text) {
	case "NaN":
		return math.NaN(), end, nil
	case "Infinity":
		return math.Inf(1), end, nil
	case "-Infinity":
		return math.Inf(-1), end, nil
	}
	if !isNumber(text) {
		if c != '"' && end == len(src) {
			return 0, off, wire.Truncated(len(src))
		}
		return 0, off, wire.Errorf(off, wire.ErrInvalid, "a number is wanted, not %q", shorten(text))
	}
	f, err := strconv.ParseFloat(mem.String(text), 64)
	if err != nil {
		return 0, off, wire.Errorf(off, wire.ErrInvalid, "%s is out of the range of double", shorten(text))
	}
	return f, end, nil
}

// consumeBool reads true, false or an integer, which is true unless it is 0; with or without
// quotes.
func consumeBool(src []byte, off int) (bool, int, error) {
	c, off, err := peek(src, off)
	if err != nil {
		return false, off, err
	}
	text, end := bare(src, off)
	if c == '"' {
		if text, end, err = consumeString(src, off); err != nil {
			return false, off, err
		}
	}
	switch string(text) {
	case "true", "1":
		return true, end, nil
	case "false", "0":
		return false, end, nil
	}
	if c != '"' && end == len(src) {
		return false, off, wire.Truncated(len(src))
	}
	if len(text) == 0 && c != '"' {
		return false, off, unwanted(off, c, "a bool")
	}
	n, end, err := consumeInt(src, off, 64)
	if err != nil {
		err = wire.Errorf(off, wire.ErrInvalid, "a bool is wanted, not %q", shorten(text))
	}
	return n != 0, end, err
}

// bare returns the run of bytes at off that numbers and words are made of.
func bare(src []byte, off int) (text []byte, end int) {
	end = off
	for end < len(src) && isBare(src[end]) {
		end++
	}
	return src[off:end], end
}

func isBare(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '-' || c == '+' || c == '.'
}

// isNumber reports whether b is a number of JSON's (RFC 8259, section 6).
func isNumber(b []byte) bool {
	i := 0
	is := func(chars ...byte) bool {
		for _, c := range chars {
			if i < len(b) && b[i] == c {
				i++
				return true
			}
		}
		return false
	}
	digits := func() int {
		start := i
		for i < len(b) && b[i]-'0' <= 9 {
			i++
		}
		return i - start
	}
	is('-')
	zero := i < len(b) && b[i] == '0'
	if n := digits(); n == 0 || zero && n > 1 {
		return false
	}
	if is('.') && digits() == 0 {
		return false
	}
	if is('e', 'E') {
		is('+', '-')
		if digits() == 0 {
			return false
		}
	}
	return i == len(b)
}

// isNull reports whether there is a null at off.
func isNull(src []byte, off int) bool {
	c, off, err := peek(src, off)
	if err != nil || c != 'n' {
		return false
	}
	text, _ := bare(src, off)
	return string(text) == "null"
}

// skipAny moves behind a value of JSON's, in which brackets are at most depth levels deep.
func skipAny(src []byte, off, depth int) (int, error) {
	c, off, err := peek(src, off)
	switch {
	case err != nil:
		return off, err
	case c == '"':
		_, end, err := consumeString(src, off)
		return end, err
	case c == '{', c == '[':
		if depth == 0 {
			return off, wire.TooDeep(off)
		}
		return skipItems(src, off+1, c+2, depth-1)
	}
	text, end := bare(src, off)
	switch string(text) {
	case "true", "false", "null", "NaN", "Infinity", "-Infinity":
		return end, nil
	case "":
		return off, unwanted(off, c, "a value")
	}
	if !isNumber(text) {
		if end == len(src) {
			return off, wire.Truncated(end)
		}
		return off, wire.Errorf(off, wire.ErrInvalid, "a value is wanted, not %q", shorten(text))
	}
	return end, nil
}

// skipItems moves behind end, which closes the array or object whose first item is at off.
func skipItems(src []byte, off int, end byte, depth int) (int, error) {
	for i := 0; ; i++ {
		next, more, err := item(src, off, i, end)
		if err != nil || !more {
			return next, err
		}
		off = next
		if end == '}' {
			if _, off, err = consumeKey(src, off); err != nil {
				return off, err
			}
		}
		if off, err = skipAny(src, off, depth); err != nil {
			return off, err
		}
	}
}

// consumeKey reads the name of a member of an object, and the colon.
func consumeKey(src []byte, off int) ([]byte, int, error) {
	name, off, err := consumeString(src, off)
	if err != nil {
		return nil, off, err
	}
	off, err = expect(src, off, ':')
	return name, off, err
}

// unwanted says that c stands at off where something else is wanted.
func unwanted(off int, c byte, want string) error {
	return wire.Errorf(off, wire.ErrInvalid, "%s is wanted, not %s", want, show(c))
}

// show returns c as errors show it.
func show(c byte) string {
	if c < utf8.RuneSelf {
		return strconv.QuoteRune(rune(c))
	}
	return fmt.Sprintf("%#02x", c)
}

// shorten returns text as errors show it: a message may be long.
func shorten(text []byte) string {
	const most = 40
	if len(text) > most {
		return string(text[:most]) + "…"
	}
	return string(text)
}
