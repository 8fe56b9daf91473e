package hessian2

import (
	"encoding/binary"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/wire"
)

// chunk is the most characters or bytes of a part, as Java writes them.
const chunk = 0x8000

func appendInt(dst []byte, v int32) []byte {
	switch {
	case v >= -0x10 && v <= 0x2f:
		return append(dst, byte(v+0x90))
	case v >= -0x800 && v <= 0x7ff:
		return append(dst, byte(v>>8+0xc8), byte(v))
	case v >= -0x40000 && v <= 0x3ffff:
		return append(dst, byte(v>>16+0xd4), byte(v>>8), byte(v))
	}
	return binary.BigEndian.AppendUint32(append(dst, tagInt), uint32(v))
}

func appendLong(dst []byte, v int64) []byte {
	switch {
	case v >= -0x08 && v <= 0x0f:
		return append(dst, byte(v+0xe0))
	case v >= -0x800 && v <= 0x7ff:
		return append(dst, byte(v>>8+0xf8), byte(v))
	case v >= -0x40000 && v <= 0x3ffff:
		return append(dst, byte(v>>16+0x3c), byte(v>>8), byte(v))
	case v == int64(int32(v)):
		return binary.BigEndian.AppendUint32(append(dst, tagLongInt), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, tagLong), uint64(v))
}

func appendDouble(dst []byte, v float64) []byte {
	bits := math.Float64bits(v)
	if n := int32(v); float64(n) == v && bits != 1<<63 { // minus zero is no integer
		switch {
		case n == 0:
			return append(dst, tagZero)
		case n == 1:
			return append(dst, tagOne)
		case n == int32(int8(n)):
			return append(dst, tagDoubleByte, byte(n))
		case n == int32(int16(n)):
			return append(dst, tagDoubleShort, byte(n>>8), byte(n))
		}
	}
	if mills := v * 1000; mills >= math.MinInt32 && mills <= math.MaxInt32 && bits != 1<<63 {
		if n := int32(mills); 0.001*float64(n) == v && float64(n)/1000 == v { // readers do the one or the other
			return binary.BigEndian.AppendUint32(append(dst, tagDoubleMill), uint32(n))
		}
	}
	return binary.BigEndian.AppendUint64(append(dst, tagDouble), bits)
}

// appendDate appends a date, in milliseconds after the epoch.
func appendDate(dst []byte, ms int64) []byte {
	if minutes := ms / 60_000; ms%60_000 == 0 && minutes == int64(int32(minutes)) {
		return binary.BigEndian.AppendUint32(append(dst, tagDateMinute), uint32(minutes))
	}
	return binary.BigEndian.AppendUint64(append(dst, tagDate), uint64(ms))
}

func appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, tagTrue)
	}
	return append(dst, tagFalse)
}

func appendBytes(dst []byte, b string) []byte {
	for len(b) > chunk {
		dst = append(append(dst, tagBinaryPart, chunk>>8, chunk&0xff), b[:chunk]...)
		b = b[chunk:]
	}
	switch n := len(b); {
	case n <= 0x0f:
		dst = append(dst, byte(0x20+n))
	case n <= 0x3ff:
		dst = append(dst, byte(0x34+n>>8), byte(n))
	default:
		dst = append(dst, tagBinary, byte(n>>8), byte(n))
	}
	return append(dst, b...)
}

// appendHead appends what is before the last n characters of a string.
func appendHead(dst []byte, n int) []byte {
	switch {
	case n <= 0x1f:
		return append(dst, byte(n))
	case n <= 0x3ff:
		return append(dst, byte(0x30+n>>8), byte(n))
	}
	return append(dst, tagString, byte(n>>8), byte(n))
}

// isASCII reports whether all bytes are characters of ASCII.
func isASCII[T string | []byte](s T) bool {
	for len(s) >= 8 {
		if (s[0]|s[1]|s[2]|s[3]|s[4]|s[5]|s[6]|s[7])&0x80 != 0 {
			return false
		}
		s = s[8:]
	}
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// appendString appends a string. It must be UTF-8.
func appendString(dst []byte, s string) ([]byte, error) {
	if len(s) <= chunk && isASCII(s) {
		return append(appendHead(dst, len(s)), s...), nil
	}
	if !utf8.ValidString(s) {
		return dst, wire.Errorf(-1, wire.ErrValue, "a string of Java must be UTF-8, got %.40q: binary holds other bytes", s)
	}
	return appendText(dst, s), nil
}

// appendText is appendString for what is UTF-8.
func appendText(dst []byte, s string) []byte {
	for {
		end, units, wide := part(s)
		if end == len(s) {
			return appendUnits(appendHead(dst, units), s, wide)
		}
		dst = append(dst, tagStringPart, byte(units>>8), byte(units))
		dst = appendUnits(dst, s[:end], wide)
		s = s[end:]
	}
}

// part returns how many bytes of s make a part, how many characters of Java that is, and whether there are some that Java has two for.
func part(s string) (end, units int, wide bool) {
	for i, r := range s {
		n := 1
		if r > 0xffff {
			n, wide = 2, true
		}
		if units+n > chunk {
			return i, units, wide
		}
		units += n
	}
	return len(s), units, wide
}

func appendUnits(dst []byte, s string, wide bool) []byte {
	if !wide {
		return append(dst, s...)
	}
	for _, r := range s {
		if r > 0xffff {
			r -= 0x10000
			dst = appendSurrogate(appendSurrogate(dst, 0xd800+r>>10), 0xdc00+r&0x3ff)
			continue
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

func appendSurrogate(dst []byte, r rune) []byte {
	return append(dst, byte(0xe0|r>>12), byte(0x80|r>>6&0x3f), byte(0x80|r&0x3f))
}

// unitsIn returns how many bytes n characters of Java take at the beginning of src, and whether there are surrogates among them. at is the
// offset of src.
func unitsIn(src []byte, n, at int) (size int, surrogates bool, err error) {
	if n <= len(src) && isASCII(src[:n]) {
		return n, false, nil
	}
	i := 0
	for n > 0 {
		if i >= len(src) {
			return 0, false, wire.Truncated(at + len(src))
		}
		b := src[i]
		size := 1
		switch {
		case b < utf8.RuneSelf:
			i++
			n--
			continue
		case b >= 0xc2 && b < 0xe0:
			size = 2
		case b >= 0xe0 && b < 0xf0:
			size = 3
		case b >= 0xf0 && b < 0xf5 && n >= 2:
			size = 4
			n--
		default:
			return 0, false, notText(at + i)
		}
		if i+size > len(src) {
			return 0, false, wire.Truncated(at + len(src))
		}
		if b == 0xed && src[i+1] >= 0xa0 && src[i+1] <= 0xbf && src[i+2]&0xc0 == 0x80 {
			surrogates = true
		} else if !utf8.Valid(src[i : i+size]) {
			return 0, false, notText(at + i)
		}
		i += size
		n--
	}
	return i, surrogates, nil
}

func notText(off int) error { return wire.Errorf(off, wire.ErrInvalid, "a string that is not UTF-8") }

// joinSurrogates returns text with each pair of surrogates as one character.
func joinSurrogates(b []byte, at int) (string, error) {
	var s strings.Builder
	s.Grow(len(b))
	for i := 0; i < len(b); {
		if b[i] != 0xed || b[i+1] < 0xa0 {
			_, n := utf8.DecodeRune(b[i:])
			s.Write(b[i : i+n])
			i += n
			continue
		}
		high := surrogate(b[i:])
		if high >= 0xdc00 || i+6 > len(b) || b[i+3] != 0xed || surrogate(b[i+3:]) < 0xdc00 {
			return "", wire.Errorf(at, wire.ErrInvalid, "a string with half a character: the surrogate %#x is alone", high)
		}
		s.WriteRune((high-0xd800)<<10 + surrogate(b[i+3:]) - 0xdc00 + 0x10000)
		i += 6
	}
	return s.String(), nil
}

func surrogate(b []byte) rune { return rune(b[0]&0xf)<<12 | rune(b[1]&0x3f)<<6 | rune(b[2]&0x3f) }
