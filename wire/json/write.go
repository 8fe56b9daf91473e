package json

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

func (p Protocol) appendComma(dst []byte) []byte {
	if p == ThriftPy2 {
		return append(dst, ',', ' ')
	}
	return append(dst, ',')
}

func (p Protocol) appendColon(dst []byte) []byte {
	if p == ThriftPy2 {
		return append(dst, ':', ' ')
	}
	return append(dst, ':')
}

func (p Protocol) appendBool(dst []byte, v bool) []byte {
	switch {
	case p == ThriftPy2:
		return strconv.AppendBool(dst, v)
	case v:
		return append(dst, '1')
	}
	return append(dst, '0')
}

func appendInt[T int8 | int16 | int32 | int64](dst []byte, v T) []byte {
	return strconv.AppendInt(dst, int64(v), 10)
}

// appendDouble appends the shortest number that is read as v; thriftpy2's as Python's repr has it.
func (p Protocol) appendDouble(dst []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return p.appendWord(dst, "NaN")
	case math.IsInf(v, 1):
		return p.appendWord(dst, "Infinity")
	case math.IsInf(v, -1):
		return p.appendWord(dst, "-Infinity")
	case v == 0 && math.Signbit(v):
		return append(dst, "-0.0"...) // some take -0 for an integer, which has no sign then
	case p != ThriftPy2:
		return strconv.AppendFloat(dst, v, 'g', -1, 64)
	}
	if size := math.Abs(v); size != 0 && (size < 1e-4 || size >= 1e16) {
		return strconv.AppendFloat(dst, v, 'e', -1, 64)
	}
	dst = strconv.AppendFloat(dst, v, 'f', -1, 64)
	if v == math.Trunc(v) {
		dst = append(dst, ".0"...)
	}
	return dst
}

// appendWord appends the name of a double that is no number of JSON's.
func (p Protocol) appendWord(dst []byte, word string) []byte {
	if p == ThriftPy2 {
		return append(dst, word...)
	}
	return appendPlain(dst, word)
}

// appendPlain appends a string in which nothing needs an escape.
func appendPlain(dst []byte, s string) []byte {
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// appendString appends v, of which thriftpy2 escapes all that is not ASCII. What is not UTF-8
// is appended as it is.
func (p Protocol) appendString(dst []byte, v string) []byte {
	top := byte(0xff) // the last byte that may stand for itself
	if p == ThriftPy2 {
		top = '~'
	}
	dst = append(dst, '"')
	done := 0
	for i := 0; i < len(v); {
		c := v[i]
		if c >= ' ' && c <= top && c != '"' && c != '\\' {
			i++
			continue
		}
		r, n := rune(c), 1
		if c >= utf8.RuneSelf {
			if r, n = utf8.DecodeRuneInString(v[i:]); r == utf8.RuneError && n == 1 {
				i++
				continue
			}
		}
		dst = appendEscape(append(dst, v[done:i]...), r)
		i += n
		done = i
	}
	return append(append(dst, v[done:]...), '"')
}

func appendEscape(dst []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		return appendHex4(appendHex4(dst, high), low)
	}
	return appendHex4(dst, r)
}

func appendHex4(dst []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[r>>12&0xf], digits[r>>8&0xf], digits[r>>4&0xf], digits[r&0xf])
}

func appendBinary(dst []byte, v string) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, []byte(v))
	return append(dst, '"')
}

func appendUUID(dst []byte, v [16]byte) []byte { return appendPlain(dst, dynamic.FormatUUID(v)) }

// quote makes a string of the map key that starts at start, unless it is one or has brackets.
func quote(dst []byte, start int) []byte {
	switch dst[start] {
	case '"', '{', '[':
		return dst
	}
	dst = append(dst, '"', '"')
	copy(dst[start+1:], dst[start:len(dst)-2])
	dst[start] = '"'
	return dst
}

// appendFieldHead appends what precedes a field's value. The struct's first field
// would start at start.
func (p Protocol) appendFieldHead(dst []byte, start int, id int16, name string, t wire.Type) []byte {
	if len(dst) > start {
		dst = p.appendComma(dst)
	}
	if p != Apache {
		return p.appendColon(p.appendString(dst, name))
	}
	dst = appendInt(append(dst, '"'), id)
	dst = append(dst, `":{"`...)
	dst = append(dst, tags[t]...)
	return append(dst, `":`...)
}

func (p Protocol) appendFieldTail(dst []byte) []byte {
	if p == Apache {
		dst = append(dst, '}')
	}
	return dst
}

func (p Protocol) appendListHead(dst []byte, elem wire.Type, n int) []byte {
	dst = append(dst, '[')
	if p == Apache {
		dst = append(appendPlain(dst, tags[elem]), ',')
		dst = strconv.AppendInt(dst, int64(n), 10)
	}
	return dst
}

// appendElemHead appends what precedes element i.
func (p Protocol) appendElemHead(dst []byte, i int) []byte {
	if i > 0 || p == Apache {
		dst = p.appendComma(dst)
	}
	return dst
}

func (p Protocol) appendMapHead(dst []byte, key, elem wire.Type, n int) []byte {
	switch p {
	case ThriftPy2:
		return append(dst, '[')
	case Apache:
		dst = append(appendPlain(append(dst, '['), tags[key]), ',')
		dst = append(appendPlain(dst, tags[elem]), ',')
		dst = append(strconv.AppendInt(dst, int64(n), 10), ',')
	}
	return append(dst, '{')
}

// appendKeyHead appends what precedes the key of entry i.
func (p Protocol) appendKeyHead(dst []byte, i int) []byte {
	if i > 0 {
		dst = p.appendComma(dst)
	}
	if p == ThriftPy2 {
		dst = append(dst, `{"key": `...)
	}
	return dst
}

// appendKeyTail appends what stands between the key that starts at start and its value.
func (p Protocol) appendKeyTail(dst []byte, start int) []byte {
	if p == ThriftPy2 {
		return append(dst, `, "value": `...)
	}
	return append(quote(dst, start), ':')
}

func (p Protocol) appendEntryTail(dst []byte) []byte {
	if p == ThriftPy2 {
		dst = append(dst, '}')
	}
	return dst
}

func (p Protocol) appendMapTail(dst []byte) []byte {
	switch p {
	case ThriftPy2:
		return append(dst, ']')
	case Apache:
		return append(dst, '}', ']')
	}
	return append(dst, '}')
}

// checkKey refuses the map type t if p has no form for its keys.
func (p Protocol) checkKey(t *schema.Type, off int) error {
	if p != Simple {
		return nil
	}
	switch t.Key.Kind {
	case schema.KindStruct, schema.KindList, schema.KindSet, schema.KindMap:
		return wire.Errorf(off, wire.ErrValue, "the protocol %s has no form for the keys of %s", p.Name(), t)
	}
	return nil
}

// appendHeader appends what precedes the value of a message.
func (p Protocol) appendHeader(dst []byte, h wire.Header) []byte {
	start := `[1,`
	switch p {
	case ThriftPy2:
		start = "\x00\x00\x00\x00" + `{"metadata": {"version": 1, "name": `
	case Simple:
		start = `[`
	}
	dst = p.appendString(append(dst, start...), h.Name)
	dst = p.appendComma(dst)
	if p == ThriftPy2 {
		dst = append(dst, `"ttype": `...)
	}
	dst = p.appendComma(strconv.AppendUint(dst, uint64(h.Type), 10))
	if p == ThriftPy2 {
		dst = append(dst, `"seqid": `...)
	}
	dst = appendInt(dst, h.SeqID)
	if p == ThriftPy2 {
		dst = append(dst, '}')
	}
	dst = p.appendComma(dst)
	if p == ThriftPy2 {
		dst = append(dst, `"payload": `...)
	}
	return dst
}

// appendTrailer closes the message that starts at start.
func (p Protocol) appendTrailer(dst []byte, start int) []byte {
	if p != ThriftPy2 {
		return append(dst, ']')
	}
	dst = append(dst, '}')
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}
