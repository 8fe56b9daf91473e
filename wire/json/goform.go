package json

import (
	"slices"

	"github.com/thriftkit/thriftkit/internal/jsontext"
	"github.com/thriftkit/thriftkit/wire"
)

// Apache's Go library writes the containers of simple JSON as flat arrays that start with the type
// codes and the count, without white space: the list 1, 2 of i32 is [8,2,1,2], the map 1: 2 is
// [8,8,1,1,2]. Java writes [1,2] and {"1":2}, and so does this package. A map in Go's form is an
// array, and a list of strings starts with a number; but a list of numbers may be either. Go's form
// is refused, rather than read as what it may not be. White space after the bracket says that a list
// is not in Go's form: appendListTail writes some where there would be doubt.

// goForm returns the error for a container in the form of Apache's Go library at off.
func goForm(off int, what, form string) error {
	return wire.Errorf(off, wire.ErrInvalid, "want %s, got what looks like the simple JSON of Apache's Go library, %s, "+
		"which is not supported: use the binary, compact or json protocol", what, form)
}

// isGoList reports whether src, which follows the bracket of a list of elements of type t, may be in
// the form of Apache's Go library: it starts with t and the count of what follows.
func isGoList(src []byte, t wire.Type) bool {
	code, off, ok := jsontext.Int(src, 0)
	if !ok || code != int64(t) || off == len(src) || src[off] != ',' {
		return false
	}
	n, off, ok := jsontext.Int(src, off+1)
	if !ok || n < 0 {
		return false
	}
	if !isNumeric(t) {
		return true // an element of such a type does not start with a digit
	}
	for i := int64(1); ; i++ {
		next, more, err := jsontext.Item(src, off, int(i), ']')
		if err != nil || !more || i > n {
			return err == nil && !more && i == n+1
		}
		if off, err = jsontext.Skip(src, next, 1, true); err != nil {
			return false
		}
	}
}

func isNumeric(t wire.Type) bool {
	switch t {
	case wire.I8, wire.I16, wire.I32, wire.I64, wire.Double:
		return true
	}
	return false
}

// appendListTail closes the list of elements of type t whose bracket is at start.
func (p Protocol) appendListTail(dst []byte, start int, t wire.Type) []byte {
	dst = append(dst, ']')
	if p == Simple && isNumeric(t) && isGoList(dst[start+1:], t) {
		dst = slices.Insert(dst, start+1, ' ')
	}
	return dst
}
