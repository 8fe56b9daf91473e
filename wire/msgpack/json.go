package msgpack

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/internal/jsontext"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// FromJSON is [AppendThrift] for JSON as Go's encoding/json writes it: binaries are base64, keys of maps strings. The offsets of errors
// are those in the text for what is no JSON, else -1. hasGoNames says whether the first field has a name as Go exports it.
func FromJSON(dst, text []byte, desc *schema.Struct, o Options) (out []byte, hasGoNames bool, err error) {
	j := jsonReader{text: text, dst: make([]byte, 0, len(text))}
	if err := j.value(wire.MaxDepth); err != nil {
		return dst, false, err
	}
	if at := jsontext.Blank(text, j.off); at != len(text) {
		return dst, false, wire.Errorf(at, wire.ErrInvalid, "unexpected bytes after the value")
	}
	o.text = true
	out, err = AppendThrift(dst, j.dst, desc, o)
	if e, ok := err.(*wire.Error); ok {
		c := *e
		c.Offset, err = -1, &c
	}
	return out, HasGoNames(j.dst), err
}

// AppendJSON is [AppendStruct] for JSON as Go's encoding/json reads it. A string that is not UTF-8 has U+FFFD for what is not; NaN and
// infinite numbers are strings.
func AppendJSON(dst, src []byte, desc *schema.Struct, o Options) ([]byte, error) {
	o.text = true
	b, err := AppendStruct(nil, src, desc, o)
	if err != nil {
		return dst, err
	}
	w := jsonWriter{reader{src: b, dst: dst}}
	err = w.value()
	return w.dst, err
}

// A jsonReader turns JSON into MessagePack.
type jsonReader struct {
	text []byte
	off  int
	dst  []byte
}

func (j *jsonReader) next() (jsontext.Token, error) {
	tok, err := jsontext.Next(j.text, j.off)
	if err == nil && tok.Kind == 0 {
		err = wire.Truncated(tok.At)
	}
	j.off = tok.Next
	return tok, err
}

func (j *jsonReader) value(depth int) error {
	tok, err := j.next()
	if err != nil {
		return err
	}
	switch tok.Kind {
	case '{':
		return j.members(depth, map32, '}')
	case '[':
		return j.members(depth, array32, ']')
	case '"':
		j.dst = append(appendLength(j.dst, len(tok.Text)), tok.Text...)
	case 't':
		j.dst = append(j.dst, trueBit)
	case 'f':
		j.dst = append(j.dst, falseBit)
	case 'n':
		j.dst = append(j.dst, nilByte)
	case '0':
		text := string(j.text[tok.At:tok.Next])
		if !strings.ContainsAny(text, ".eE") {
			if x, err := strconv.ParseInt(text, 10, 64); err == nil && text != "-0" {
				j.dst = appendInt(j.dst, x)
				return nil
			}
			if u, err := strconv.ParseUint(text, 10, 64); err == nil {
				j.dst = binary.BigEndian.AppendUint64(append(j.dst, uint64b), u)
				return nil
			}
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return wire.Errorf(tok.At, wire.ErrValue, "the number %.40s is out of range", text)
		}
		j.dst = binary.BigEndian.AppendUint64(append(j.dst, float64b), math.Float64bits(f))
	default:
		return jsontext.Unexpected(tok.At, tok.Kind, "a value")
	}
	return nil
}

func (j *jsonReader) members(depth int, head, end byte) error {
	if depth == 0 {
		return wire.TooDeep(j.off)
	}
	start := len(j.dst)
	j.dst = append(j.dst, head, 0, 0, 0, 0)
	for n := 0; ; n++ {
		next, more, err := jsontext.Item(j.text, j.off, n, end)
		if err != nil {
			return err
		}
		j.off = next
		if !more {
			binary.BigEndian.PutUint32(j.dst[start+1:], uint32(n))
			return nil
		}
		if end == '}' {
			tok, err := j.next()
			if err != nil {
				return err
			}
			if tok.Kind != '"' {
				return jsontext.Unexpected(tok.At, tok.Kind, "a name")
			}
			j.dst = append(appendLength(j.dst, len(tok.Text)), tok.Text...)
			if j.off, err = jsontext.Expect(j.text, j.off, ':'); err != nil {
				return err
			}
		}
		if err := j.value(depth - 1); err != nil {
			return err
		}
	}
}

// A jsonWriter turns MessagePack, as this package has written it, into JSON.
type jsonWriter struct{ reader }

func (w *jsonWriter) value() error {
	c, err := w.peek()
	if err != nil {
		return err
	}
	if n, ok, err := w.count(fixMap, map16, map32); ok || err != nil {
		w.dst = append(w.dst, '{')
		for i := range n {
			if i > 0 {
				w.dst = append(w.dst, ',')
			}
			if err := w.key(); err != nil {
				return err
			}
			w.dst = append(w.dst, ':')
			if err := w.value(); err != nil {
				return err
			}
		}
		w.dst = append(w.dst, '}')
		return err
	}
	if n, ok, err := w.count(fixArray, array16, array32); ok || err != nil {
		w.dst = append(w.dst, '[')
		for i := range n {
			if i > 0 {
				w.dst = append(w.dst, ',')
			}
			if err := w.value(); err != nil {
				return err
			}
		}
		w.dst = append(w.dst, ']')
		return err
	}
	if b, ok, err := w.text(); ok || err != nil {
		w.string(b)
		return err
	}
	if x, _, ok, err := w.integer(); ok || err != nil {
		w.dst = strconv.AppendInt(w.dst, x, 10)
		return err
	}
	w.off++
	switch c {
	case trueBit:
		w.dst = append(w.dst, "true"...)
	case falseBit:
		w.dst = append(w.dst, "false"...)
	case float64b:
		u, err := w.number(8)
		if err != nil {
			return err
		}
		w.dst = jsontext.AppendDouble(w.dst, math.Float64frombits(u))
	default:
		return wire.Errorf(w.off-1, wire.ErrInvalid, "%s", formatName(c))
	}
	return nil
}

func (w *jsonWriter) string(b []byte) {
	if utf8.Valid(b) {
		w.dst = jsontext.AppendString(w.dst, mem.String(b))
	} else {
		w.dst = jsontext.AppendString(w.dst, strings.ToValidUTF8(string(b), "\ufffd"))
	}
}

// key writes a key of a map as a string.
func (w *jsonWriter) key() error {
	c, err := w.peek()
	if err != nil {
		return err
	}
	if b, ok, err := w.text(); ok || err != nil {
		w.string(b)
		return err
	}
	if c&0xf0 == fixMap || c&0xf0 == fixArray || c >= array16 && c <= map32 {
		return wire.Errorf(w.off, wire.ErrValue, "JSON has no keys that are structs or containers")
	}
	if c != float64b {
		w.dst = append(w.dst, '"')
		err = w.value()
		w.dst = append(w.dst, '"')
		return err
	}
	start := len(w.dst)
	if err := w.value(); err != nil {
		return err
	}
	if text := w.dst[start:]; text[0] != '"' {
		w.dst = append(w.dst[:start], strconv.Quote(string(text))...)
	}
	return nil
}
