package proto

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/internal/jsontext"
	"github.com/thriftkit/thriftkit/internal/protomap"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// A JSON converts messages of one type to their JSON form and back, without values between. The form is
// ProtoJSON: 64-bit integers are strings, binaries are Base64, enum values are names, absent fields are
// left out. A member has the name that its field has in the IDL; the name in a .proto file is accepted too, and so are
// the names that enum values have in the IDL. Unknown members are skipped.
//
// The source is "ProtoJSON Format" of the Protocol Buffers documentation
// (protobuf.dev/programming-guides/json). A JSON is safe for concurrent use.
type JSON struct{ m *jsonMessage }

type jsonKey struct{ name string }

type jsonResult struct {
	j   *JSON
	err error
}

// JSONFor returns the converter of the messages that [For] encodes for values of t, a struct.
func JSONFor(t *schema.Type) (*JSON, error) { return jsonOf(t, "") }

// JSONForField returns the converter of the messages that [ForField] encodes. name is the name of their field.
func JSONForField(t *schema.Type, name string) (*JSON, error) { return jsonOf(t, name) }

func jsonOf(t *schema.Type, name string) (*JSON, error) {
	r := t.Memo(jsonKey{name}, func() any {
		m, err := protomap.OfType(t)
		if err != nil {
			return jsonResult{err: err}
		}
		c := jsonCompiler{messages: make(map[*protomap.Struct]*jsonMessage)}
		if name == "" {
			return jsonResult{j: &JSON{c.message(m.Struct)}}
		}
		return jsonResult{j: &JSON{newJSONMessage(jsonField{names: []string{name}, number: 1, t: c.typeOf(m), repeated: m.Wrapped()})}}
	}).(jsonResult)
	return r.j, r.err
}

// AppendJSON appends the JSON form of the message msg and returns dst, extended. Records of one field must follow each
// other, as they do in what a [Codec] appends. Errors are *wire.Error.
func (j *JSON) AppendJSON(dst, msg []byte) ([]byte, error) {
	w := jsonWriter{src: msg, dst: dst}
	if err := w.message(j.m, 0, len(msg), wire.MaxDepth); err != nil {
		return nil, err
	}
	return w.dst, nil
}

// AppendMessage appends the message whose JSON form is text and returns dst, extended. Errors are *wire.Error.
func (j *JSON) AppendMessage(dst, text []byte) ([]byte, error) {
	r := jsonReader{src: text, dst: dst}
	off, err := r.message(j.m, 0, wire.MaxDepth)
	if err != nil {
		return nil, err
	}
	if off = jsontext.Blank(text, off); off < len(text) {
		return nil, jsontext.Unexpected(off, text[off], "the end")
	}
	return r.dst, nil
}

// A jsonMessage is a message with what its JSON form needs.
type jsonMessage struct {
	name     string // for errors; "" where it stands for no struct
	fields   []jsonField
	byNumber map[int32]int
	byName   map[string]int
}

type jsonField struct {
	names    []string // in JSON: the one that is written, and others that are read
	number   int32
	id       int16
	t        *jsonType
	repeated bool
}

type jsonType struct {
	form    protomap.Form
	kind    protomap.Kind
	key     *jsonType    // of a map that is one of proto3
	elem    *jsonType    // of a list, or of such a map
	entry   *jsonMessage // of another map: what it repeats
	wrapper *jsonMessage // of a list or map, where proto3 wants a single value
	message *jsonMessage
	enum    *jsonEnum
}

type jsonEnum struct {
	names   map[int32]string
	numbers map[string]int32
}

// add fills in the fields of m.
func (m *jsonMessage) add(fields ...jsonField) {
	m.fields, m.byNumber, m.byName = fields, make(map[int32]int, len(fields)), make(map[string]int, len(fields))
	for i := range fields {
		m.byNumber[fields[i].number] = i
	}
	for alias := range 2 { // a name that is written wins over one that is read
		for i := range fields {
			if names := fields[i].names; alias < len(names) {
				if _, ok := m.byName[names[alias]]; !ok {
					m.byName[names[alias]] = i
				}
			}
		}
	}
}

func newJSONMessage(fields ...jsonField) *jsonMessage {
	m := &jsonMessage{}
	m.add(fields...)
	return m
}

type jsonCompiler struct {
	messages map[*protomap.Struct]*jsonMessage
}

func (c *jsonCompiler) message(s *protomap.Struct) *jsonMessage {
	if m := c.messages[s]; m != nil {
		return m
	}
	m := &jsonMessage{name: s.Schema.Name}
	c.messages[s] = m
	fields := make([]jsonField, len(s.Fields))
	for i := range s.Fields {
		f := &s.Fields[i]
		fields[i] = jsonField{
			names: []string{f.Schema.Name, protomap.Ident(f.Schema.Name)}, number: f.Number, id: f.Schema.ID,
			t: c.typeOf(f.Type), repeated: f.IsRepeated(s),
		}
	}
	m.add(fields...)
	return m
}

func (c *jsonCompiler) typeOf(t *protomap.Type) *jsonType {
	j := &jsonType{form: t.Form, kind: t.Kind}
	switch {
	case t.Form == protomap.List:
		j.elem = c.typeOf(t.Elem)
		j.wrapper = newJSONMessage(jsonField{names: []string{"items"}, number: 1, t: j, repeated: true})
	case t.Form == protomap.Map:
		j.key, j.elem = c.typeOf(t.Key), c.typeOf(t.Elem)
		if !t.IsProtoMap() {
			j.entry = newJSONMessage(jsonField{names: []string{"key"}, number: 1, t: j.key}, jsonField{names: []string{"value"}, number: 2, t: j.elem})
		}
		j.wrapper = newJSONMessage(jsonField{names: []string{"entries"}, number: 1, t: j, repeated: true})
	case t.Kind == protomap.Message:
		j.message = c.message(t.Struct)
	case t.Kind == protomap.Enum:
		j.enum = newJSONEnum(t.Schema.Enum)
	}
	return j
}

func newJSONEnum(e *schema.Enum) *jsonEnum {
	values, _ := protomap.EnumValues(e)
	x := &jsonEnum{names: make(map[int32]string, len(values)), numbers: make(map[string]int32, len(values))}
	for _, v := range values {
		if _, ok := x.names[v.Number]; !ok {
			x.names[v.Number] = v.Name
		}
		x.numbers[v.Name] = v.Number
	}
	for _, v := range e.Values {
		if _, ok := x.numbers[v.Name]; !ok {
			x.numbers[v.Name] = v.Number
		}
	}
	return x
}

// single returns the message of a value of t where proto3 wants a single value; nil if that is a scalar.
func (t *jsonType) single() *jsonMessage { return cmp.Or(t.wrapper, t.message) }

// wireType returns the wire type of a single value of t.
func (t *jsonType) wireType() uint64 {
	if t.single() != nil {
		return wireBytes
	}
	return t.kind.WireType()
}

// inField puts field f before the path of err.
func (m *jsonMessage) inField(err error, f *jsonField) error {
	if m.name == "" {
		return err
	}
	return wire.InField(err, m.name, f.names[0], f.id)
}

// A jsonWriter writes JSON for the message in src.
type jsonWriter struct {
	src, dst []byte
}

func (w *jsonWriter) message(m *jsonMessage, off, end, depth int) error {
	if depth == 0 {
		return wire.TooDeep(off)
	}
	w.dst = append(w.dst, '{')
	first := true
	seen := make([]bool, len(m.fields))
	for off < end {
		tag, next, err := consumeTag(w.src, off, end)
		if err != nil {
			return err
		}
		i, ok := m.byNumber[int32(tag>>3)]
		if !ok {
			if off, err = skip(w.src, next, end, tag, depth); err != nil {
				return err
			}
			continue
		}
		f := &m.fields[i]
		if seen[i] {
			return m.inField(wire.Errorf(off, wire.ErrInvalid, "the field comes twice"), f)
		}
		seen[i] = true
		if !first {
			w.dst = append(w.dst, ',')
		}
		first = false
		w.dst = append(jsontext.AppendString(w.dst, f.names[0]), ':')
		if f.repeated {
			off, err = w.repeated(f, off, end, depth)
		} else {
			off, err = w.value(f.t, tag, next, end, depth)
		}
		if err != nil {
			return m.inField(err, f)
		}
	}
	w.dst = append(w.dst, '}')
	return nil
}

// repeated writes the records of f from off on that follow each other.
func (w *jsonWriter) repeated(f *jsonField, off, end, depth int) (int, error) {
	isMap := f.t.form == protomap.Map && f.t.entry == nil
	open, end1 := byte('['), byte(']')
	if isMap {
		open, end1 = '{', '}'
	}
	w.dst = append(w.dst, open)
	start := len(w.dst)
	comma := func() {
		if len(w.dst) > start {
			w.dst = append(w.dst, ',')
		}
	}
	for off < end {
		tag, next, err := consumeTag(w.src, off, end)
		if err != nil {
			return off, err
		}
		if int32(tag>>3) != f.number {
			break
		}
		switch elem := f.t.elem; {
		case f.t.form == protomap.Map:
			comma()
			off, err = w.entry(f.t, tag, next, end, depth)
		case tag&7 == wireBytes && elem.single() == nil && elem.kind.IsPacked():
			var at, stop int
			if at, stop, err = consumeLength(w.src, next, end); err != nil {
				return off, err
			}
			for at < stop {
				comma()
				if at, err = w.scalar(elem, elem.wireType(), at, stop); err != nil {
					return at, err
				}
			}
			off = stop
		default:
			comma()
			off, err = w.value(elem, tag, next, end, depth)
		}
		if err != nil {
			return off, err
		}
	}
	w.dst = append(w.dst, end1)
	return off, nil
}

// entry writes an entry of a map.
func (w *jsonWriter) entry(t *jsonType, tag uint64, off, end, depth int) (int, error) {
	if tag&7 != wireBytes {
		return off, wire.Errorf(off, wire.ErrInvalid, "wire type %d of an entry of a map", tag&7)
	}
	off, stop, err := consumeLength(w.src, off, end)
	if err != nil {
		return off, err
	}
	if t.entry != nil {
		return stop, w.message(t.entry, off, stop, depth-1)
	}
	type part struct {
		tag     uint64
		off     int
		present bool
	}
	var parts [2]part
	for at := off; at < stop; {
		tag, next, err := consumeTag(w.src, at, stop)
		if err != nil {
			return at, err
		}
		if n := tag >> 3; n == 1 || n == 2 {
			parts[n-1] = part{tag, next, true}
		}
		if at, err = skip(w.src, next, stop, tag, depth); err != nil {
			return at, err
		}
	}
	key := len(w.dst)
	if p := parts[0]; p.present {
		_, err = w.value(t.key, p.tag, p.off, stop, depth)
	} else {
		w.zero(t.key)
	}
	if err != nil {
		return off, err
	}
	if w.dst[key] != '"' { // numbers and bools are strings as keys
		w.dst = append(w.dst, '"')
		w.dst = append(slices.Insert(w.dst, key, '"')[:len(w.dst)+1], ':')
	} else {
		w.dst = append(w.dst, ':')
	}
	if p := parts[1]; p.present {
		_, err = w.value(t.elem, p.tag, p.off, stop, depth)
	} else {
		w.zero(t.elem)
	}
	return stop, err
}

// zero writes the value that proto3 does not: an absent key or value of a map.
func (w *jsonWriter) zero(t *jsonType) {
	switch {
	case t.single() != nil:
		w.dst = append(w.dst, "{}"...)
	case t.kind == protomap.Bool:
		w.dst = append(w.dst, "false"...)
	case t.kind == protomap.String, t.kind == protomap.Bytes:
		w.dst = append(w.dst, `""`...)
	case t.kind == protomap.Enum:
		w.enum(t, 0)
	case is64(t.kind):
		w.dst = append(w.dst, `"0"`...)
	default:
		w.dst = append(w.dst, '0')
	}
}

func is64(k protomap.Kind) bool {
	return k == protomap.Int64 || k == protomap.Sint64 || k == protomap.Sfixed64
}

// value writes a single value.
func (w *jsonWriter) value(t *jsonType, tag uint64, off, end, depth int) (int, error) {
	m := t.single()
	if m == nil {
		return w.scalar(t, tag&7, off, end)
	}
	if tag&7 != wireBytes {
		return off, wire.Errorf(off, wire.ErrInvalid, "wire type %d of a message", tag&7)
	}
	start, stop, err := consumeLength(w.src, off, end)
	if err != nil {
		return off, err
	}
	return stop, w.message(m, start, stop, depth-1)
}

func (w *jsonWriter) scalar(t *jsonType, wireType uint64, off, end int) (int, error) {
	if wireType != t.kind.WireType() {
		return off, wire.Errorf(off, wire.ErrInvalid, "wire type %d of %s", wireType, t.kind)
	}
	var x uint64
	var err error
	switch wireType {
	case wireBytes:
		start, stop, err := consumeLength(w.src, off, end)
		if err != nil {
			return off, err
		}
		b := w.src[start:stop]
		if t.kind == protomap.Bytes {
			w.dst = append(w.dst, '"')
			w.dst = append(base64.StdEncoding.AppendEncode(w.dst, b), '"')
			return stop, nil
		}
		if !utf8.Valid(b) {
			return off, wire.Errorf(start, wire.ErrInvalid, "a string that is not UTF-8")
		}
		w.dst = jsontext.AppendString(w.dst, string(b))
		return stop, nil
	case wireVarint:
		x, off, err = consumeVarint(w.src, off, end)
	case wire64:
		if end-off < 8 {
			return off, wire.Truncated(end)
		}
		x, off = binary.LittleEndian.Uint64(w.src[off:]), off+8
	case wire32:
		if end-off < 4 {
			return off, wire.Truncated(end)
		}
		x, off = uint64(binary.LittleEndian.Uint32(w.src[off:])), off+4
	}
	if err != nil {
		return off, err
	}
	switch t.kind {
	case protomap.Bool:
		w.dst = strconv.AppendBool(w.dst, x != 0)
	case protomap.Int32, protomap.Sfixed32:
		w.dst = strconv.AppendInt(w.dst, int64(int32(x)), 10)
	case protomap.Sint32:
		w.dst = strconv.AppendInt(w.dst, int64(int32(uint32(x)>>1)^-int32(x&1)), 10)
	case protomap.Int64, protomap.Sfixed64:
		w.quoted(int64(x))
	case protomap.Sint64:
		w.quoted(int64(x>>1) ^ -int64(x&1))
	case protomap.Double:
		w.dst = jsontext.AppendDouble(w.dst, math.Float64frombits(x))
	case protomap.Enum:
		w.enum(t, int32(x))
	}
	return off, nil
}

func (w *jsonWriter) quoted(n int64) {
	w.dst = append(w.dst, '"')
	w.dst = append(strconv.AppendInt(w.dst, n, 10), '"')
}

func (w *jsonWriter) enum(t *jsonType, n int32) {
	if name, ok := t.enum.names[n]; ok {
		w.dst = jsontext.AppendString(w.dst, name)
		return
	}
	w.dst = strconv.AppendInt(w.dst, int64(n), 10)
}

// A jsonReader appends to dst the message of the JSON in src.
type jsonReader struct {
	src, dst []byte
}

func (r *jsonReader) message(m *jsonMessage, off, depth int) (int, error) {
	if depth == 0 {
		return off, wire.TooDeep(off)
	}
	off, err := jsontext.Expect(r.src, off, '{')
	if err != nil {
		return off, err
	}
	seen := make([]bool, len(m.fields))
	for n := 0; ; n++ {
		next, more, err := jsontext.Item(r.src, off, n, '}')
		if err != nil || !more {
			return next, err
		}
		name, at, err := r.name(next)
		if err != nil {
			return at, err
		}
		i, known := m.byName[string(name)]
		if !known {
			if off, err = jsontext.Skip(r.src, jsontext.Blank(r.src, at), depth, false); err != nil {
				return off, err
			}
			continue
		}
		f := &m.fields[i]
		if seen[i] {
			return next, m.inField(wire.Errorf(next, wire.ErrInvalid, "the member comes twice"), f)
		}
		seen[i] = true
		at = jsontext.Blank(r.src, at)
		var isNull bool
		if off, isNull = jsontext.Word(r.src, at, "null"); isNull {
			continue
		}
		switch {
		case !f.repeated:
			off, err = r.single(f.t, f.number, at, depth)
		case f.t.form == protomap.Map && f.t.entry == nil:
			off, err = r.entries(f.t, f.number, at, depth)
		default:
			off, err = r.list(f.t, f.number, at, depth)
		}
		if err != nil {
			return off, m.inField(err, f)
		}
	}
}

// name reads the name of a member, and the colon.
func (r *jsonReader) name(off int) (name []byte, next int, err error) {
	if name, off, err = jsontext.Text(r.src, jsontext.Blank(r.src, off), nil); err != nil {
		return nil, off, err
	}
	next, err = jsontext.Expect(r.src, off, ':')
	return name, next, err
}

// single appends a value with its tag.
func (r *jsonReader) single(t *jsonType, number int32, off, depth int) (int, error) {
	m := t.single()
	if m == nil {
		r.dst = appendVarint(r.dst, uint64(number)<<3|t.wireType())
		return r.scalar(t, off)
	}
	return r.nested(m, number, off, depth)
}

func (r *jsonReader) nested(m *jsonMessage, number int32, off, depth int) (int, error) {
	var start int
	r.dst, start = openMessage(r.dst, number)
	off, err := r.message(m, off, depth-1)
	if err == nil {
		r.dst = closeMessage(r.dst, start)
	}
	return off, err
}

func (r *jsonReader) list(t *jsonType, number int32, off, depth int) (int, error) {
	off, err := jsontext.Expect(r.src, off, '[')
	if err != nil {
		return off, err
	}
	packed := t.entry == nil && t.elem.single() == nil && t.elem.kind.IsPacked()
	before, start := len(r.dst), 0
	if packed {
		r.dst, start = openMessage(r.dst, number)
	}
	for i := 0; ; i++ {
		next, more, err := jsontext.Item(r.src, off, i, ']')
		if err != nil {
			return next, err
		}
		if !more {
			switch {
			case packed && i == 0:
				r.dst = r.dst[:before]
			case packed:
				r.dst = closeMessage(r.dst, start)
			}
			return next, nil
		}
		switch {
		case packed:
			off, err = r.scalar(t.elem, next)
		case t.entry != nil:
			off, err = r.nested(t.entry, number, next, depth)
		default:
			off, err = r.single(t.elem, number, next, depth)
		}
		if err != nil {
			return off, wire.InElement(err, i, "")
		}
	}
}

// entries appends the entries of a map that is an object.
func (r *jsonReader) entries(t *jsonType, number int32, off, depth int) (int, error) {
	off, err := jsontext.Expect(r.src, off, '{')
	if err != nil {
		return off, err
	}
	keys := make(map[string]bool)
	for i := 0; ; i++ {
		next, more, err := jsontext.Item(r.src, off, i, '}')
		if err != nil || !more {
			return next, err
		}
		key, at, err := r.name(next)
		if err != nil {
			return at, err
		}
		if keys[string(key)] {
			return next, wire.Errorf(next, wire.ErrInvalid, "the key %q comes twice", jsontext.Shorten(key))
		}
		keys[string(key)] = true
		var start int
		r.dst, start = openMessage(r.dst, number)
		r.dst = appendVarint(r.dst, 1<<3|t.key.wireType())
		if err = r.key(t.key, key, next); err != nil {
			return next, wire.InElement(err, i, "key")
		}
		if off, err = r.single(t.elem, 2, jsontext.Blank(r.src, at), depth); err != nil {
			return off, wire.InElement(err, i, "value")
		}
		r.dst = closeMessage(r.dst, start)
	}
}

// key appends the key of a map. It is at off.
func (r *jsonReader) key(t *jsonType, key []byte, off int) error {
	switch t.kind {
	case protomap.String:
		return r.text(key, off)
	case protomap.Bool:
		if s := string(key); s == "true" || s == "false" {
			r.dst = append(r.dst, byte(len(s)&1)^1)
			return nil
		}
		return wire.Errorf(off, wire.ErrInvalid, "want \"true\" or \"false\", got %q", jsontext.Shorten(key))
	}
	return r.integer(t, key, off)
}

func (r *jsonReader) text(s []byte, off int) error {
	if !utf8.Valid(s) {
		return wire.Errorf(off, wire.ErrInvalid, "a string that is not UTF-8")
	}
	r.dst = append(appendVarint(r.dst, uint64(len(s))), s...)
	return nil
}

// scalar appends the scalar at off, which white space may precede.
func (r *jsonReader) scalar(t *jsonType, off int) (int, error) {
	tok, err := jsontext.Next(r.src, off)
	if err != nil {
		return off, err
	}
	text := tok.Text
	if tok.Kind == '0' {
		text = r.src[tok.At:tok.Next]
	}
	isString, isNumber := tok.Kind == '"', tok.Kind == '0'
	switch {
	case tok.Kind == 0:
		return off, wire.Truncated(len(r.src))
	case t.kind == protomap.Bool:
		if tok.Kind != 't' && tok.Kind != 'f' {
			return off, jsontext.Unexpected(tok.At, tok.Kind, "true or false")
		}
		x := byte(0)
		if tok.Kind == 't' {
			x = 1
		}
		r.dst = append(r.dst, x)
	case t.kind == protomap.String && isString:
		err = r.text(text, tok.At)
	case t.kind == protomap.Bytes && isString:
		err = r.base64(text, tok.At)
	case t.kind == protomap.String, t.kind == protomap.Bytes:
		return off, jsontext.Unexpected(tok.At, r.src[tok.At], "a string")
	case t.kind == protomap.Enum && isString:
		n, ok := t.enum.numbers[string(text)]
		if !ok {
			return off, wire.Errorf(tok.At, wire.ErrInvalid, "unknown enum value %q", jsontext.Shorten(text))
		}
		r.dst = appendVarint(r.dst, uint64(int64(n)))
	case !isNumber && !isString:
		return off, jsontext.Unexpected(tok.At, r.src[tok.At], "a number")
	case t.kind == protomap.Double:
		err = r.double(text, isString, tok.At)
	default:
		err = r.integer(t, text, tok.At)
	}
	return tok.Next, err
}

// base64 appends the bytes of Base64 text, in the standard alphabet or the one for URLs, with padding or without.
func (r *jsonReader) base64(s []byte, off int) error {
	enc := base64.RawStdEncoding
	if strings.ContainsAny(string(s), "-_") {
		enc = base64.RawURLEncoding
	}
	if len(s)%4 == 0 {
		for range 2 {
			if len(s) > 0 && s[len(s)-1] == '=' {
				s = s[:len(s)-1]
			}
		}
	}
	b, err := enc.AppendDecode(nil, s)
	if err != nil {
		return wire.Errorf(off, wire.ErrInvalid, "not Base64: %v", err)
	}
	r.dst = append(appendVarint(r.dst, uint64(len(b))), b...)
	return nil
}

func (r *jsonReader) double(s []byte, isString bool, off int) error {
	var f float64
	switch text := string(s); {
	case isString && text == "NaN":
		f = math.NaN()
	case isString && text == "Infinity":
		f = math.Inf(1)
	case isString && text == "-Infinity":
		f = math.Inf(-1)
	default:
		x, next, ok := jsontext.Float(s, 0)
		if !ok || next != len(s) {
			return wire.Errorf(off, wire.ErrInvalid, "%q is no number for a double", jsontext.Shorten(s))
		}
		f = x
	}
	r.dst = binary.LittleEndian.AppendUint64(r.dst, math.Float64bits(f))
	return nil
}

// integer appends an integer, which may be written with a fraction of zeros or with an exponent.
func (r *jsonReader) integer(t *jsonType, s []byte, off int) error {
	n, next, ok := jsontext.Int(s, 0)
	if !ok || next != len(s) {
		if n, ok = wholeNumber(s); !ok {
			return wire.Errorf(off, wire.ErrInvalid, "%q is no number for %s", jsontext.Shorten(s), t.kind)
		}
	}
	if !is64(t.kind) && int64(int32(n)) != n {
		return wire.Errorf(off, wire.ErrInvalid, "%d does not fit %s", n, t.kind)
	}
	switch t.kind {
	case protomap.Sint32, protomap.Sint64:
		r.dst = appendVarint(r.dst, uint64(n)<<1^uint64(n>>63))
	case protomap.Sfixed32:
		r.dst = binary.LittleEndian.AppendUint32(r.dst, uint32(n))
	case protomap.Sfixed64:
		r.dst = binary.LittleEndian.AppendUint64(r.dst, uint64(n))
	default:
		r.dst = appendVarint(r.dst, uint64(n))
	}
	return nil
}

// wholeNumber returns the integer that s, a number with a fraction or an exponent, is exactly.
func wholeNumber(s []byte) (n int64, ok bool) {
	if next, err := jsontext.Number(s, 0); err != nil || next != len(s) {
		return 0, false
	}
	text := string(s)
	mantissa, exponent := text, 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa = text[:i]
		e, err := strconv.Atoi(text[i+1:])
		if err != nil || e > 1000 || e < -1000 {
			return 0, false
		}
		exponent = e
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	fraction = strings.TrimRight(fraction, "0")
	digits := whole + fraction
	exponent -= len(fraction)
	for exponent < 0 && len(digits) > 1 && digits[len(digits)-1] == '0' {
		digits, exponent = digits[:len(digits)-1], exponent+1
	}
	if zero := strings.Trim(digits, "-0") == ""; zero {
		return 0, true
	}
	if exponent < 0 || exponent > 19 {
		return 0, false
	}
	n, err := strconv.ParseInt(digits+strings.Repeat("0", exponent), 10, 64)
	return n, err == nil
}
