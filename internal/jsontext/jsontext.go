// Package jsontext reads the tokens of JSON (RFC 8259) from contiguous memory.
//
// Its functions are pure: they take a text and an offset, and return what they read and the offset
// after it. Errors are of type *wire.Error: their Offset is that of the byte at which the text goes
// wrong, and wire.ErrTruncated is the cause if the text ends early. Functions that report a bool
// instead are for callers that find the error by another way, or have a better one.
//
// Peers do not always write JSON as the RFC wants it. Where a function has a loose form, its comment
// says what that accepts.
package jsontext

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/wire"
)

// Blank returns the offset after white space at off.
func Blank(src []byte, off int) int {
	const blanks uint64 = 1<<' ' | 1<<'\t' | 1<<'\n' | 1<<'\r'
	for off < len(src) && src[off] <= ' ' && blanks>>src[off]&1 != 0 {
		off++
	}
	return off
}

// Peek returns the first byte after white space, and where it is.
func Peek(src []byte, off int) (c byte, at int, err error) {
	if off < len(src) && src[off] > ' ' {
		return src[off], off, nil
	}
	return peekAfterBlank(src, off)
}

func peekAfterBlank(src []byte, off int) (c byte, at int, err error) {
	if off = Blank(src, off); off < len(src) {
		return src[off], off, nil
	}
	return 0, off, wire.Truncated(len(src))
}

// Expect returns the offset after c, which white space may precede.
func Expect(src []byte, off int, c byte) (int, error) {
	if off < len(src) && src[off] == c {
		return off + 1, nil
	}
	got, off, err := Peek(src, off)
	if err == nil && got != c {
		err = Unexpected(off, got, showByte(c))
	}
	return off + 1, err
}

// Item returns the offset of item i of the array or object that end closes, which white space may
// precede; more is false, and next the offset after end, if there is none. The caller read items 0
// to i-1.
func Item(src []byte, off, i int, end byte) (next int, more bool, err error) {
	c, off, err := Peek(src, off)
	switch {
	case err != nil:
		return off, false, err
	case c == end:
		return off + 1, false, nil
	case i == 0:
		return off, true, nil
	case c != ',':
		return off, false, Unexpected(off, c, "',' or "+showByte(end))
	}
	return off + 1, true, nil
}

// Key reads the name of a member of an object, and the colon. The name is read like [String] does.
func Key(src []byte, off int) ([]byte, int, error) {
	name, off, err := String(src, off)
	if err != nil {
		return nil, off, err
	}
	off, err = Expect(src, off, ':')
	return name, off, err
}

// Bare returns the run of bytes at off that numbers and words consist of.
func Bare(src []byte, off int) (text []byte, next int) {
	next = off
	for next < len(src) && IsBare(src[next]) {
		next++
	}
	return src[off:next], next
}

// IsBare reports whether c may be in a number or a word.
func IsBare(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '-' || c == '+' || c == '.' || c == '_'
}

// Word reads the word w; ok is false if something else is there.
func Word(src []byte, off int, w string) (next int, ok bool) {
	next = off + len(w)
	if next > len(src) || string(src[off:next]) != w || next < len(src) && IsBare(src[next]) {
		return off, false
	}
	return next, true
}

// Skip returns the offset after the value at off, in which at most depth brackets are open at once.
// The loose form accepts also NaN, Infinity and -Infinity, and strings like [String] does.
func Skip(src []byte, off, depth int, loose bool) (int, error) {
	c, off, err := Peek(src, off)
	switch {
	case err != nil:
		return off, err
	case c == '"' && loose:
		_, next, err := String(src, off)
		return next, err
	case c == '"':
		_, next, err := Text(src, off, nil)
		return next, err
	case c == '{', c == '[':
		if depth == 0 {
			return off, wire.TooDeep(off)
		}
		return skipItems(src, off+1, c+2, depth-1, loose)
	}
	text, next := Bare(src, off)
	switch string(text) {
	case "true", "false", "null":
		return next, nil
	case "NaN", "Infinity", "-Infinity":
		if loose {
			return next, nil
		}
	case "":
		return off, Unexpected(off, c, "a value")
	}
	if n := scanNumber(src, off); !n.ok {
		return off, unexpectedBare(src, off, "a value")
	}
	return next, nil
}

// skipItems returns the offset after end, which closes the array or object whose first item is at off.
func skipItems(src []byte, off int, end byte, depth int, loose bool) (int, error) {
	for i := 0; ; i++ {
		next, more, err := Item(src, off, i, end)
		if err != nil || !more {
			return next, err
		}
		off = next
		if end == '}' {
			if loose {
				_, off, err = String(src, off)
			} else {
				_, off, err = Text(src, off, nil)
			}
			if err == nil {
				off, err = Expect(src, off, ':')
			}
			if err != nil {
				return off, err
			}
		}
		if off, err = Skip(src, off, depth, loose); err != nil {
			return off, err
		}
	}
}

// Unexpected returns the error for c at off.
func Unexpected(off int, c byte, want string) error {
	return wire.Errorf(off, wire.ErrInvalid, "want %s, got %s", want, showByte(c))
}

// unexpectedBare returns the error for the run of bytes at off that is no number and no word: that
// the text ends early, if more bytes could have completed it.
func unexpectedBare(src []byte, off int, want string) error {
	text, next := Bare(src, off)
	if next == len(src) && isStart(text) {
		return wire.Truncated(next)
	}
	return wire.Errorf(off, wire.ErrInvalid, "want %s, got %s", want, Shorten(text))
}

// isStart reports whether a word or a number starts with text.
func isStart(text []byte) bool {
	for _, word := range [...]string{"true", "false", "null", "NaN", "Infinity", "-Infinity"} {
		if len(text) < len(word) && word[:len(text)] == string(text) {
			return true
		}
	}
	return scanNumber(append(text[:len(text):len(text)], '0'), 0).ok
}

// showByte returns c as errors show it: 'c', or 0xc3.
func showByte(c byte) string {
	if c < utf8.RuneSelf {
		return strconv.QuoteRune(rune(c))
	}
	return fmt.Sprintf("%#02x", c)
}

// Shorten returns text as errors show it, the first 40 bytes: a message may be long.
func Shorten(text []byte) string {
	const most = 40
	if len(text) > most {
		return string(text[:most]) + "…"
	}
	return string(text)
}
