package json

import (
	"math"

	"github.com/thriftkit/thriftkit/internal/jsontext"
	"github.com/thriftkit/thriftkit/wire"
)

// The readers of scalars. Each accepts every form in which some peer writes the type.

// consumeInt reads an integer of so many bits, with or without quotes, and with leading zeros:
// Apache's Node writes negative numbers so.
func consumeInt(src []byte, off, bits int) (int64, int, error) {
	c, off, err := jsontext.Peek(src, off)
	if err != nil {
		return 0, off, err
	}
	first := off
	quoted := c == '"'
	if quoted {
		first++
	}
	n, end, fits := jsontext.LooseInt(src, first)
	if end == len(src) && (quoted || end == first) || end == first && len(src)-first == 1 && src[first] == '-' {
		return 0, off, wire.Truncated(len(src))
	}
	isInt := end > first && (quoted && src[end] == '"' || !quoted && (end == len(src) || !jsontext.IsBare(src[end])))
	if quoted {
		end++
	}
	switch limit := int64(1) << (bits - 1); {
	case !isInt:
		return 0, off, notInteger(src, off)
	case !fits, bits < 64 && (n < -limit || n >= limit):
		return 0, off, wire.Errorf(off, wire.ErrInvalid, "%s is out of range for i%d", jsontext.Shorten(src[off:end]), bits)
	}
	return n, end, nil
}

// notInteger returns the error for what is at off, which is no integer.
func notInteger(src []byte, off int) error {
	if src[off] == '"' {
		text, _, err := jsontext.String(src, off)
		if err != nil {
			return err
		}
		return wire.Errorf(off, wire.ErrInvalid, "want an integer, got %q", jsontext.Shorten(text))
	}
	text, _ := jsontext.Bare(src, off)
	if len(text) == 0 {
		return jsontext.Unexpected(off, src[off], "an integer")
	}
	return wire.Errorf(off, wire.ErrInvalid, "want an integer, got %s", jsontext.Shorten(text))
}

// consumeDouble reads a number, or the name of what is none, with or without quotes.
func consumeDouble(src []byte, off int) (float64, int, error) {
	c, off, err := jsontext.Peek(src, off)
	if err != nil {
		return 0, off, err
	}
	if f, end, ok := jsontext.Float(src, off); ok {
		return f, end, nil
	}
	text, end := jsontext.Bare(src, off)
	switch {
	case c == '"':
		if text, end, err = jsontext.String(src, off); err != nil {
			return 0, off, err
		}
	case len(text) == 0:
		return 0, off, jsontext.Unexpected(off, c, "a number")
	}
	switch string(text) {
	case "NaN":
		return math.NaN(), end, nil
	case "Infinity":
		return math.Inf(1), end, nil
	case "-Infinity":
		return math.Inf(-1), end, nil
	}
	f, n, ok := jsontext.Float(text, 0)
	switch {
	case n == len(text) && ok:
		return f, end, nil
	case n == len(text) && n > 0:
		return 0, off, wire.Errorf(off, wire.ErrInvalid, "%s is out of range for double", jsontext.Shorten(text))
	case c != '"' && end == len(src):
		return 0, off, wire.Truncated(len(src))
	}
	return 0, off, wire.Errorf(off, wire.ErrInvalid, "want a number, got %q", jsontext.Shorten(text))
}

// consumeBool reads true, false or an integer, which is true unless it is 0; with or without
// quotes.
func consumeBool(src []byte, off int) (bool, int, error) {
	c, off, err := jsontext.Peek(src, off)
	if err != nil {
		return false, off, err
	}
	text, end := jsontext.Bare(src, off)
	if c == '"' {
		if text, end, err = jsontext.String(src, off); err != nil {
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
		return false, off, jsontext.Unexpected(off, c, "a bool")
	}
	n, end, err := consumeInt(src, off, 64)
	if err != nil {
		err = wire.Errorf(off, wire.ErrInvalid, "want a bool, got %q", jsontext.Shorten(text))
	}
	return n != 0, end, err
}

// isNull reports whether there is a null at off.
func isNull(src []byte, off int) bool {
	c, off, err := jsontext.Peek(src, off)
	if err != nil || c != 'n' {
		return false
	}
	text, _ := jsontext.Bare(src, off)
	return string(text) == "null"
}
