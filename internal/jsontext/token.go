package jsontext

import "github.com/thriftkit/thriftkit/wire"

// A Token is a scalar, a bracket, a comma or a colon. The zero Kind is the end of the text.
type Token struct {
	Kind byte   // the first byte of the token, but '0' for every number
	At   int    // offset of the first byte
	Next int    // offset after the last byte
	Text []byte // of a string: what it stands for; see [Text]
}

// Next reads the token at off, which white space may precede, without regard to what preceded it:
// the grammar is the caller's.
func Next(src []byte, off int) (tok Token, err error) {
	off = Blank(src, off)
	tok.At, tok.Next = off, off
	if off == len(src) {
		return tok, nil
	}
	tok.Kind = src[off]
	switch c := tok.Kind; {
	case c == '{', c == '}', c == '[', c == ']', c == ',', c == ':':
		tok.Next = off + 1
	case c == '"':
		tok.Text, tok.Next, err = Text(src, off, nil)
	case c == '-' || c-'0' <= 9:
		tok.Kind = '0'
		tok.Next, err = Number(src, off)
	case c == 't' || c == 'f' || c == 'n':
		text, next := Bare(src, off)
		tok.Next = next
		switch string(text) {
		case "true", "false", "null":
		default:
			err = unexpectedBare(src, off, "a value")
		}
	default:
		err = wire.Errorf(off, wire.ErrInvalid, "want a value, got %s", showByte(c))
	}
	return tok, err
}
