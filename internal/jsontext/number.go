package jsontext

import (
	"strconv"

	"github.com/thriftkit/thriftkit/internal/mem"
)

// A number is what scanNumber found: mantissa is digits decimal digits of which places follow the
// point, exact if they are at most 19.
type number struct {
	mantissa       uint64
	digits, places int
	next           int
	exponent       bool
	ok             bool
}

// scanNumber reads a number (RFC 8259, section 6).
func scanNumber(src []byte, off int) (n number) {
	i := off
	if i < len(src) && src[i] == '-' {
		i++
	}
	first := i
	for ; i < len(src) && src[i]-'0' <= 9; i++ {
		n.mantissa = n.mantissa*10 + uint64(src[i]-'0')
	}
	n.digits = i - first
	if n.digits == 0 || n.digits > 1 && src[first] == '0' {
		return n
	}
	if i < len(src) && src[i] == '.' {
		i++
		point := i
		for ; i < len(src) && src[i]-'0' <= 9; i++ {
			n.mantissa = n.mantissa*10 + uint64(src[i]-'0')
		}
		n.places = i - point
		if n.places == 0 {
			return n
		}
		n.digits += n.places
	}
	if i < len(src) && src[i]|0x20 == 'e' {
		n.exponent = true
		i++
		if i < len(src) && (src[i] == '+' || src[i] == '-') {
			i++
		}
		from := i
		for ; i < len(src) && src[i]-'0' <= 9; i++ {
		}
		if i == from {
			return n
		}
	}
	n.next = i
	n.ok = i >= len(src) || !IsBare(src[i])
	return n
}

// Number returns the offset after the number at off.
func Number(src []byte, off int) (next int, err error) {
	n := scanNumber(src, off)
	if n.ok {
		return n.next, nil
	}
	return off, unexpectedBare(src, off, "a number")
}

var powers = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// Float reads a number as strconv.ParseFloat does. If ok is false, it is out of range, or next is
// off: there is no number.
//
// A mantissa of few digits is exact, and so is the power of ten that it is divided by: the quotient
// is the nearest double (Clinger, "How to read floating point numbers accurately").
func Float(src []byte, off int) (f float64, next int, ok bool) {
	n := scanNumber(src, off)
	switch {
	case !n.ok:
		return 0, off, false
	case n.digits <= 15 && !n.exponent:
		f = float64(n.mantissa) / powers[n.places]
		if src[off] == '-' {
			f = -f // minus zero for -0
		}
		return f, n.next, true
	}
	f, err := strconv.ParseFloat(mem.String(src[off:n.next]), 64)
	return f, n.next, err == nil
}

// Int reads a number that has neither a fraction nor an exponent. If ok is false, it is out of
// range, or next is off: there is no such number.
func Int(src []byte, off int) (v int64, next int, ok bool) { return readInt(src, off, false) }

// LooseInt is Int that accepts leading zeros, and anything after the last digit.
func LooseInt(src []byte, off int) (v int64, next int, ok bool) { return readInt(src, off, true) }

func readInt(src []byte, off int, loose bool) (v int64, next int, ok bool) {
	i := off
	negative := i < len(src) && src[i] == '-'
	if negative {
		i++
	}
	first := i
	var u uint64
	for i < len(src) {
		d := src[i] - '0'
		if d > 9 {
			break
		}
		u = u*10 + uint64(d)
		i++
	}
	digits := i - first
	switch {
	case digits == 0, !loose && (digits > 1 && src[first] == '0' || i < len(src) && IsBare(src[i])):
		return 0, off, false
	case digits > 18: // it may not fit
		v, err := strconv.ParseInt(mem.String(src[off:i]), 10, 64)
		return v, i, err == nil
	case negative:
		return -int64(u), i, true
	}
	return int64(u), i, true
}
