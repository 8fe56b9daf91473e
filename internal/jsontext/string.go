package jsontext

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/wire"
)

// String reads the string at off, which white space may precede. It is loose: control characters
// and bytes that are not UTF-8 are accepted as they are. s shares src's memory unless there are
// escapes in it.
func String(src []byte, off int) (s []byte, next int, err error) {
	if off >= len(src) || src[off] != '"' {
		if off, err = quote(src, off); err != nil {
			return nil, off, err
		}
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

// quote returns the offset of the quote after white space at off.
func quote(src []byte, off int) (int, error) {
	c, off, err := Peek(src, off)
	if err == nil && c != '"' {
		err = Unexpected(off, c, "a string")
	}
	return off, err
}

// unescape reads the string whose first byte is at off and whose first escape is at i.
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

// Text reads the string at off as RFC 8259 wants it: in UTF-8, with control characters escaped. s
// shares src's memory unless there are escapes in it; then it is written over *scratch, which keeps
// it, or is allocated if scratch is nil.
func Text(src []byte, off int, scratch *[]byte) (s []byte, next int, err error) {
	if off >= len(src) || src[off] != '"' {
		if off, err = quote(src, off); err != nil {
			return nil, off, err
		}
	}
	off++
	start, valid := off, off // what stands before valid is UTF-8
	ascii, copied := true, false
	var buf []byte
	for {
		at := Special(src, off)
		if at >= len(src) {
			return nil, at, wire.Truncated(len(src))
		}
		switch c := src[at]; {
		case c == '"':
			if !ascii && !utf8.Valid(src[valid:at]) {
				return nil, at, notUTF8(src, valid)
			}
			s = src[start:at:at]
			if copied {
				s = append(buf, s...)
				if scratch != nil {
					*scratch = s
				}
			}
			return s, at + 1, nil
		case c >= utf8.RuneSelf:
			ascii = false
			for at < len(src) && src[at] >= utf8.RuneSelf {
				at++
			}
			off = at
		case c == '\\':
			if !ascii && !utf8.Valid(src[valid:at]) {
				return nil, at, notUTF8(src, valid)
			}
			r, next, err := escape(src, at)
			if err != nil {
				return nil, at, err
			}
			if !copied && scratch != nil {
				buf = (*scratch)[:0]
			}
			copied = true
			buf = utf8.AppendRune(append(buf, src[start:at]...), r)
			off, start, valid, ascii = next, next, next, true
		default:
			return nil, at, wire.Errorf(at, wire.ErrInvalid, "invalid control character %s in string", showByte(c))
		}
	}
}

// notUTF8 returns the error for the first byte at off or after it that is not UTF-8.
func notUTF8(src []byte, off int) error {
	for {
		r, n := utf8.DecodeRune(src[off:])
		if r == utf8.RuneError && n <= 1 {
			return wire.Errorf(off, wire.ErrInvalid, "invalid UTF-8 in string")
		}
		off += n
	}
}

// Special returns the offset of the first byte at off or after it that is not plain ASCII text: a
// quote, a backslash, a control character, or one that is not ASCII.
func Special(src []byte, off int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for len(src)-off >= 8 {
		w := binary.LittleEndian.Uint64(src[off:])
		quote, slash := w^('"'*ones), w^('\\'*ones)
		if found := ((w - ' '*ones) | (quote - ones) | (slash - ones) | w) & highs; found != 0 {
			break // this byte or, by a borrow, a later one
		}
		off += 8
	}
	for off < len(src) && plain[src[off]] {
		off++
	}
	return off
}

var plain = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// escape reads the escape at off; two, if they are the halves of a surrogate pair.
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
		return 0, off, wire.Errorf(off, wire.ErrInvalid, "invalid character %s in string escape", showByte(c))
	}
	r, next, err := hex4(src, off)
	if err != nil || !utf16.IsSurrogate(r) {
		return r, next, err
	}
	lone := wire.Errorf(off, wire.ErrInvalid, `unpaired surrogate \u%04x in string`, r)
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
			return 0, off, wire.Errorf(i, wire.ErrInvalid, "want a hexadecimal digit, got %s", showByte(c))
		}
		r = r<<4 | rune(c)
	}
	return r, off + 6, nil
}
