package dynamic

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/internal/jsontext"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// AppendJSON appends v, a value of type t, to dst as JSON and returns dst, extended:
//
//	bool                        true, false
//	i8 i16 i32 i64              a number, exact
//	double                      the shortest number that reads back as the same; "NaN", "Infinity", "-Infinity"
//	string                      a string; {"base64": "…"} if it is not UTF-8
//	binary                      a string as opts.Binary says; {"base64": "…"} for BinaryText that is not UTF-8
//	uuid                        a string
//	enum                        the name as a string; the number if it has no name
//	list, set                   an array
//	map                         an object if its keys are bools, numbers, strings, enums or uuids;
//	                            else, or if a key is not UTF-8, an array of {"key": …, "value": …}
//	struct, union, exception    an object of the fields that are set, by name, in the order of the IDL
//
// Of map entries with one key only the last is written, as only the last counts. Unknown
// fields have no name and are left out. Whether required fields are set is not checked, so that
// whatever a peer sent can be shown. The error is a *wire.Error: v does not fit t, or is nested
// too deep.
func AppendJSON(dst []byte, t *schema.Type, v Value, opts JSONOptions) ([]byte, error) {
	if !v.Fits(t) {
		got := "nothing"
		if v.IsSet() {
			got = v.Kind().String()
		}
		return dst, misfit(t, got)
	}
	w := jsonWriter{dst: dst, opts: opts}
	if err := w.value(t, v); err != nil {
		return dst, err
	}
	return w.dst, nil
}

type jsonWriter struct {
	dst   []byte
	opts  JSONOptions
	depth int // open structs and containers
}

func (w *jsonWriter) value(t *schema.Type, v Value) error {
	if w.opts.Redact && t.IsSensitive() {
		w.quote(Redacted)
		return nil
	}
	switch v.Kind() {
	case schema.KindBool:
		w.dst = strconv.AppendBool(w.dst, v.Bool())
		return nil
	case schema.KindI8, schema.KindI16, schema.KindI32, schema.KindI64:
		w.dst = strconv.AppendInt(w.dst, v.Int(), 10)
		return nil
	case schema.KindDouble:
		w.dst = jsontext.AppendDouble(w.dst, v.Double())
		return nil
	case schema.KindString:
		w.text(v.Bytes())
		return nil
	case schema.KindBinary:
		w.binary(v.Bytes())
		return nil
	case schema.KindUUID:
		w.quote(FormatUUID(v.UUID()))
		return nil
	case schema.KindEnum:
		if e := t.Enum.ByNumber(int32(v.Int())); e != nil {
			w.quote(e.Name)
		} else {
			w.dst = strconv.AppendInt(w.dst, v.Int(), 10)
		}
		return nil
	}
	if w.depth == wire.MaxDepth {
		return wire.TooDeep(-1)
	}
	switch v.Kind() {
	case schema.KindStruct:
		return w.fields(v.Struct())
	case schema.KindMap:
		return w.entries(v.Map())
	case schema.KindList, schema.KindSet:
		return w.elems(v.List())
	}
	return misfit(t, "nothing")
}

// open, next and close write what is around and between the parts of an object or array.
func (w *jsonWriter) open(bracket byte) {
	w.dst = append(w.dst, bracket)
	w.depth++
}

func (w *jsonWriter) next(i int) {
	if i > 0 {
		w.dst = append(w.dst, ',')
	}
	w.newline()
}

func (w *jsonWriter) close(bracket byte, n int) {
	w.depth--
	if n > 0 {
		w.newline()
	}
	w.dst = append(w.dst, bracket)
}

func (w *jsonWriter) newline() {
	if w.opts.Indent == "" {
		return
	}
	w.dst = append(w.dst, '\n')
	for range w.depth {
		w.dst = append(w.dst, w.opts.Indent...)
	}
}

func (w *jsonWriter) name(name string) {
	w.quote(name)
	w.dst = append(w.dst, ':')
	if w.opts.Indent != "" {
		w.dst = append(w.dst, ' ')
	}
}

func (w *jsonWriter) fields(s *Struct) error {
	n := 0
	w.open('{')
	for f, v := range s.Fields() {
		w.next(n)
		w.name(f.Name)
		n++
		if w.opts.Redact && f.IsSensitive() {
			w.quote(Redacted)
			continue
		}
		if err := w.value(f.Type, v); err != nil {
			return wire.InField(err, s.desc.Name, f.Name, f.ID)
		}
	}
	w.close('}', n)
	return nil
}

func (w *jsonWriter) elems(l *List) error {
	w.open('[')
	for i, v := range l.vals {
		w.next(i)
		if err := w.value(l.typ.Elem, v); err != nil {
			return wire.InElement(err, i, "")
		}
	}
	w.close(']', len(l.vals))
	return nil
}

func (w *jsonWriter) entries(m *Map) error {
	keys, err := distinctKeys(m)
	if err != nil {
		return err
	}
	object := hasText(m.typ.Key) && !slices.ContainsFunc(m.entries, func(e Entry) bool {
		return e.Key.Kind() == schema.KindString && !utf8.Valid(e.Key.Bytes())
	})
	brackets := "[]"
	if object {
		brackets = "{}"
	}
	w.open(brackets[0])
	for n, i := range keys {
		e := m.entries[i]
		w.next(n)
		if object {
			w.name(keyText(m.typ.Key, e.Key))
		} else {
			w.dst = append(w.dst, '{')
			w.name(keyMember)
			if err := w.value(m.typ.Key, e.Key); err != nil {
				return wire.InElement(err, i, "key")
			}
			w.dst = append(w.dst, ',')
			if w.opts.Indent != "" {
				w.dst = append(w.dst, ' ')
			}
			w.name(valueMember)
		}
		if err := w.value(m.typ.Elem, e.Value); err != nil {
			return wire.InElement(err, i, "value")
		}
		if !object {
			w.dst = append(w.dst, '}')
		}
	}
	w.close(brackets[1], len(keys))
	return nil
}

// distinctKeys returns the positions of the entries that count: of each key the last.
func distinctKeys(m *Map) ([]int, error) {
	last := make(map[string]int, len(m.entries))
	names := make([]string, len(m.entries))
	for i, e := range m.entries {
		name, err := canonicalKey(m.typ.Key, e.Key)
		if err != nil {
			return nil, wire.InElement(err, i, "key")
		}
		names[i], last[name] = name, i
	}
	keys := make([]int, 0, len(last))
	for i, name := range names {
		if last[name] == i {
			keys = append(keys, i)
		}
	}
	return keys, nil
}

// canonicalKey returns a text that two keys have in common only if they are the same.
func canonicalKey(t *schema.Type, key Value) (string, error) {
	if hasText(t) {
		return keyText(t, key), nil
	}
	text, err := AppendJSON(nil, t, key, JSONOptions{})
	return string(text), err
}

// keyText returns the plain text of a key that has one; ParseKey reads it.
func keyText(t *schema.Type, key Value) string {
	switch key.Kind() {
	case schema.KindBool:
		return strconv.FormatBool(key.Bool())
	case schema.KindDouble:
		return string(jsontext.AppendBareDouble(nil, key.Double()))
	case schema.KindString:
		return key.Text()
	case schema.KindUUID:
		return FormatUUID(key.UUID())
	case schema.KindEnum:
		if e := t.Enum.ByNumber(int32(key.Int())); e != nil {
			return e.Name
		}
	}
	return strconv.FormatInt(key.Int(), 10)
}

func (w *jsonWriter) binary(b []byte) {
	switch w.opts.Binary {
	case BinaryHex:
		w.dst = append(w.dst, '"')
		w.dst = hex.AppendEncode(w.dst, b)
		w.dst = append(w.dst, '"')
	case BinaryText:
		w.text(b)
	default:
		w.base64(b)
	}
}

func (w *jsonWriter) base64(b []byte) {
	w.dst = append(w.dst, '"')
	w.dst = base64.StdEncoding.AppendEncode(w.dst, b)
	w.dst = append(w.dst, '"')
}

func (w *jsonWriter) text(b []byte) {
	if utf8.Valid(b) {
		w.quote(string(b))
		return
	}
	w.dst = append(w.dst, '{')
	w.name(base64Member)
	w.base64(b)
	w.dst = append(w.dst, '}')
}

func (w *jsonWriter) quote(s string) { w.dst = jsontext.AppendString(w.dst, s) }
