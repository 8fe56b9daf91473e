package dynamic

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/thriftkit/thriftkit/internal/jsontext"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// ParseJSON reads a value of type t from a JSON text (RFC 8259). It takes what [AppendJSON]
// writes with the same opts.Binary, and besides:
//
//	double     every number
//	enum       the number, "NAME" or "Enum.NAME"
//	string     {"base64": "…"}
//	binary     {"base64": "…"} whatever opts.Binary says; base64 without padding, or URL-safe
//	map        an array of {"key": …, "value": …}, or an object, if the keys have a text
//	field      null for unset
//
// A required field that is missing takes its default; other fields without a value stay unset,
// and the peer will take their defaults.
//
// The error is a *JSONError, or several joined: mistakes of meaning do not end the reading.
// They are unknown fields, missing required ones, names and keys given twice, values that do
// not fit, unions without exactly one member. Nothing of data is kept.
func ParseJSON(t *schema.Type, data []byte, opts JSONOptions) (Value, error) {
	r := jsonReader{input: bytes.Clone(data), opts: opts}
	v, err := r.whole(t)
	if err != nil {
		r.mistakes = append(r.mistakes, err)
	}
	if len(r.mistakes) > 0 {
		return Value{}, r.verdict()
	}
	return v, nil
}

// maxMistakes is how many mistakes are reported at once.
const maxMistakes = 20

// jsonReader reads values by their type. Its methods return an error only if the text cannot be
// read on: it is no JSON, or nested too deep. Other mistakes are noted, and what is wrong comes
// back unset.
type jsonReader struct {
	input    []byte // the values share its memory
	off      int
	opts     JSONOptions
	path     []byte
	field    *schema.Field // the innermost around the value
	mistakes []*JSONError
}

func (r *jsonReader) whole(t *schema.Type) (Value, *JSONError) {
	tok, err := r.next()
	if err != nil {
		return Value{}, err
	}
	v, err := r.value(t, tok, wire.MaxDepth)
	if err != nil {
		return v, err
	}
	if tok, err = r.next(); err == nil && tok.Kind != 0 {
		err = r.errorf(tok.At, "unexpected %s after the value", r.describe(tok))
	}
	return v, err
}

// verdict returns the mistakes in the order of the text.
func (r *jsonReader) verdict() error {
	slices.SortStableFunc(r.mistakes, func(a, b *JSONError) int { return a.offset - b.offset })
	errs := make([]error, len(r.mistakes))
	for i, e := range r.mistakes {
		before := r.input[:e.offset]
		e.Line = 1 + bytes.Count(before, []byte("\n"))
		e.Column = len(before) - bytes.LastIndexByte(before, '\n')
		errs[i] = e
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

func (r *jsonReader) errorf(at int, format string, args ...any) *JSONError {
	return &JSONError{offset: at, Path: string(r.path), Message: fmt.Sprintf(format, args...)}
}

// mistake notes what is wrong with the value of the field that is being read.
func (r *jsonReader) mistake(at int, format string, args ...any) {
	if len(r.mistakes) == maxMistakes {
		return
	}
	e := r.errorf(at, format, args...)
	if r.field != nil {
		e.Pos = r.field.Pos
	}
	r.mistakes = append(r.mistakes, e)
}

func (r *jsonReader) next() (jsontext.Token, *JSONError) {
	tok, err := jsontext.Next(r.input, r.off)
	if err != nil {
		return tok, r.malformed(err)
	}
	r.off = tok.Next
	return tok, nil
}

const endOfText = "unexpected end of JSON text"

// malformed returns an error of package jsontext as a mistake.
func (r *jsonReader) malformed(err error) *JSONError {
	var e *wire.Error
	switch {
	case !errors.As(err, &e):
		return r.errorf(r.off, "%s", err)
	case errors.Is(err, wire.ErrInvalid):
		return r.errorf(e.Offset, "%s", e.Message)
	case errors.Is(err, wire.ErrTruncated):
		return r.errorf(e.Offset, "%s", endOfText)
	}
	return r.errorf(e.Offset, "nested deeper than %d levels", wire.MaxDepth)
}

// describe says what tok is, with its text if that is short.
func (r *jsonReader) describe(tok jsontext.Token) string {
	const short = 40
	switch {
	case tok.Kind == '{':
		return "an object"
	case tok.Kind == '[':
		return "an array"
	case tok.Kind == '"' && tok.Next-tok.At > short:
		return "a string of " + strconv.Itoa(len(tok.Text)) + " bytes"
	case tok.Next-tok.At > short:
		return string(r.input[tok.At:tok.At+short]) + "…"
	case strings.IndexByte("}],:", tok.Kind) >= 0:
		return strconv.QuoteRune(rune(tok.Kind))
	}
	return string(r.input[tok.At:tok.Next])
}

func (r *jsonReader) unexpected(tok jsontext.Token, wanted string) *JSONError {
	if tok.Kind == 0 {
		return r.errorf(tok.At, "%s", endOfText)
	}
	return r.errorf(tok.At, "want %s, got %s", wanted, r.describe(tok))
}

// skip reads over the value that starts with tok.
func (r *jsonReader) skip(tok jsontext.Token) *JSONError {
	next, err := jsontext.Skip(r.input, tok.At, 2*wire.MaxDepth, false)
	if err != nil {
		return r.malformed(err)
	}
	r.off = next
	return nil
}

func (r *jsonReader) tooDeep(tok jsontext.Token) *JSONError {
	return r.errorf(tok.At, "nested deeper than %d levels", wire.MaxDepth)
}

// members calls f for each member of the object whose { was read; f reads the value.
func (r *jsonReader) members(f func(name jsontext.Token) *JSONError) *JSONError {
	tok, err := r.next()
	if err != nil || tok.Kind == '}' {
		return err
	}
	for {
		if tok.Kind != '"' {
			return r.unexpected(tok, "the name of a member")
		}
		name := tok
		if tok, err = r.next(); err == nil && tok.Kind != ':' {
			err = r.unexpected(tok, "':'")
		}
		if err == nil {
			err = f(name)
		}
		if err == nil {
			tok, err = r.next()
		}
		switch {
		case err != nil || tok.Kind == '}':
			return err
		case tok.Kind != ',':
			return r.unexpected(tok, "',' or '}'")
		}
		if tok, err = r.next(); err != nil {
			return err
		}
	}
}

// elements calls f for each element of the array whose [ was read, with its first token.
func (r *jsonReader) elements(f func(i int, tok jsontext.Token) *JSONError) *JSONError {
	tok, err := r.next()
	if err != nil || tok.Kind == ']' {
		return err
	}
	for i := 0; ; i++ {
		if err = f(i, tok); err == nil {
			tok, err = r.next()
		}
		switch {
		case err != nil || tok.Kind == ']':
			return err
		case tok.Kind != ',':
			return r.unexpected(tok, "',' or ']'")
		}
		if tok, err = r.next(); err != nil {
			return err
		}
	}
}

// misfit notes that the value that starts with tok is not a t, and moves behind it.
func (r *jsonReader) misfit(t *schema.Type, tok jsontext.Token) *JSONError {
	err := r.skip(tok)
	if err == nil {
		r.mistake(tok.At, "want %s, got %s", wanted(t), r.describe(tok))
	}
	return err
}

// wanted says what stands for a value of type t.
func wanted(t *schema.Type) string {
	switch t.Kind {
	case schema.KindStruct:
		if t.Struct.Kind == schema.Arguments {
			return "an object for the arguments of " + t.Struct.Name
		}
		return "an object for " + t.Struct.Kind.String() + " " + t.String()
	case schema.KindList, schema.KindSet:
		return "an array for " + t.String()
	case schema.KindMap:
		if hasText(t.Key) {
			return "an object for " + t.String()
		}
		return `an array of {"key": …, "value": …} for ` + t.String()
	case schema.KindEnum:
		return "a name or number of enum " + t.String()
	}
	return t.String()
}

// value reads the value of type t that starts with tok.
func (r *jsonReader) value(t *schema.Type, tok jsontext.Token, depth int) (Value, *JSONError) {
	switch {
	case tok.Kind == '{' || tok.Kind == '[':
		return r.composite(t, tok, depth)
	case t.Kind == schema.KindBool && (tok.Kind == 't' || tok.Kind == 'f'):
		return Bool(tok.Kind == 't'), nil
	case tok.Kind == '0':
		if v, ok := r.number(t, tok); ok {
			return v, nil
		}
	case tok.Kind == '"':
		if v, ok := r.string(t, tok); ok {
			return v, nil
		}
	}
	return Value{}, r.misfit(t, tok)
}

// number reports false if a t is not a number at all.
func (r *jsonReader) number(t *schema.Type, tok jsontext.Token) (v Value, ok bool) {
	text := mem.String(r.input[tok.At:tok.Next])
	var err error
	switch t.Kind {
	case schema.KindDouble:
		var f float64
		f, err = strconv.ParseFloat(text, 64)
		v = Double(f)
	case schema.KindI8, schema.KindI16, schema.KindI32, schema.KindI64, schema.KindEnum:
		if strings.ContainsAny(text, ".eE") {
			return Value{}, false
		}
		var n int64
		if n, err = strconv.ParseInt(text, 10, 64); err == nil {
			v, err = Int(t, n)
		}
	default:
		return Value{}, false
	}
	if err != nil {
		r.mistake(tok.At, "%s is out of range for %s", r.describe(tok), t)
		return Value{}, true
	}
	return v, true
}

// string reports false if a t is not a string at all.
func (r *jsonReader) string(t *schema.Type, tok jsontext.Token) (Value, bool) {
	var v Value
	var err error
	switch t.Kind {
	case schema.KindString:
		return String(mem.String(tok.Text)), true
	case schema.KindBinary:
		v, err = r.binary(mem.String(tok.Text))
	case schema.KindUUID:
		v, err = ParseUUID(mem.String(tok.Text))
	case schema.KindEnum:
		v, err = EnumNamed(t.Enum, mem.String(tok.Text))
	case schema.KindDouble:
		if mem.String(tok.Text) != "NaN" && mem.String(tok.Text) != "Infinity" && mem.String(tok.Text) != "-Infinity" {
			return v, false
		}
		v, _, err = ParseKey(t, mem.String(tok.Text))
	default:
		return v, false
	}
	if err != nil {
		r.mistake(tok.At, "%s", plainMessage(err))
		return Value{}, true
	}
	return v, true
}

// plainMessage returns what err says without its kind, which goes without saying here.
func plainMessage(err error) string {
	var e *wire.Error
	if errors.As(err, &e) && e.Message != "" {
		return e.Message
	}
	return err.Error()
}

func (r *jsonReader) binary(text string) (Value, error) {
	switch r.opts.Binary {
	case BinaryText:
		return Binary([]byte(text)), nil
	case BinaryHex:
		b, err := hex.DecodeString(text)
		if err != nil {
			return Value{}, fmt.Errorf("the string is not hexadecimal: %s", strings.TrimPrefix(err.Error(), "encoding/hex: "))
		}
		return Binary(b), nil
	}
	b, err := decodeBase64(text)
	return Binary(b), err
}

// decodeBase64 reads the standard and the URL-safe alphabet, padded or not.
func decodeBase64(text string) ([]byte, error) {
	raw := strings.TrimRight(text, "=")
	if pad := len(text) - len(raw); pad == 0 || len(text)%4 == 0 && pad <= 2 {
		raw = strings.NewReplacer("-", "+", "_", "/").Replace(raw)
		if b, err := base64.RawStdEncoding.DecodeString(raw); err == nil && !strings.ContainsAny(raw, "\r\n") {
			return b, nil
		}
	}
	return nil, errors.New("the string is not base64")
}

// composite reads what starts with a bracket.
func (r *jsonReader) composite(t *schema.Type, tok jsontext.Token, depth int) (Value, *JSONError) {
	object := tok.Kind == '{'
	if object && (t.Kind == schema.KindString || t.Kind == schema.KindBinary) {
		return r.base64Object(t, tok)
	}
	if depth == 0 {
		return Value{}, r.tooDeep(tok)
	}
	switch {
	case object && t.Kind == schema.KindStruct:
		return r.fields(t.Struct, tok, depth-1)
	case object && t.Kind == schema.KindMap && (hasText(t.Key) || t.Key.Kind == schema.KindBinary):
		return r.textEntries(t, depth-1)
	case !object && t.Kind == schema.KindMap:
		return r.entries(t, depth-1)
	case !object && (t.Kind == schema.KindList || t.Kind == schema.KindSet):
		return r.elems(t, depth-1)
	}
	return Value{}, r.misfit(t, tok)
}

// in reads the value of type t that starts with tok as the part of a composite value that
// where names, such as ".name" or "[3]".
func (r *jsonReader) in(where string, t *schema.Type, tok jsontext.Token, depth int) (Value, *JSONError) {
	mark := len(r.path)
	if mark == 0 {
		where = strings.TrimPrefix(where, ".")
	}
	r.path = append(r.path, where...)
	v, err := r.value(t, tok, depth)
	r.path = r.path[:mark]
	return v, err
}

func (r *jsonReader) fields(desc *schema.Struct, open jsontext.Token, depth int) (Value, *JSONError) {
	s := New(desc)
	given := make([]int, len(desc.Fields)) // offset+1 of the name
	outer := r.field
	err := r.members(func(name jsontext.Token) *JSONError {
		tok, err := r.next()
		if err != nil {
			return err
		}
		f := desc.Field(mem.String(name.Text))
		if f == nil {
			r.mistake(name.At, "%s%s", noField(desc, r.describe(name)), suggestField(desc, mem.String(name.Text)))
			return r.skip(tok)
		}
		if given[f.Index] > 0 {
			r.mistake(name.At, "field %s is given twice", f.Name)
			return r.skip(tok)
		}
		given[f.Index] = name.At + 1
		if tok.Kind == 'n' {
			given[f.Index] = 0
			return nil
		}
		r.field = f
		s.vals[f.Index], err = r.in("."+f.Name, f.Type, tok, depth)
		r.field = outer
		return err
	})
	if err != nil {
		return Value{}, err
	}
	r.complete(s, given, open.At)
	return StructValue(s), nil
}

// complete checks what an object must have; given is not zero for the fields it named.
func (r *jsonReader) complete(s *Struct, given []int, at int) {
	var missing []string
	members := 0
	for i, f := range s.desc.Fields {
		switch {
		case given[i] > 0:
			members++
		case f.Requiredness != schema.Required:
		case f.Default != nil:
			s.vals[i] = FromLiteral(f.Default)
		default:
			missing = append(missing, f.Name)
		}
	}
	if s.desc.Kind == schema.Union && members != 1 {
		r.mistake(at, "union %s must have exactly one member, not %d", s.desc.Name, members)
	}
	switch len(missing) {
	case 0:
	case 1:
		r.mistake(at, "required field %s of %s is missing", missing[0], s.desc.Name)
	default:
		r.mistake(at, "required fields %s of %s are missing", strings.Join(missing, ", "), s.desc.Name)
	}
}

func (r *jsonReader) elems(t *schema.Type, depth int) (Value, *JSONError) {
	l := NewList(t)
	err := r.elements(func(i int, tok jsontext.Token) *JSONError {
		v, err := r.in("["+strconv.Itoa(i)+"]", t.Elem, tok, depth)
		l.vals = append(l.vals, v)
		return err
	})
	return ListValue(l), err
}

// textEntries reads a map from an object.
func (r *jsonReader) textEntries(t *schema.Type, depth int) (Value, *JSONError) {
	m := NewMap(t)
	seen := make(map[string]bool)
	err := r.members(func(name jsontext.Token) *JSONError {
		key := r.keyOf(t.Key, name)
		if key.IsSet() {
			r.once(t.Key, key, seen, name)
		}
		tok, err := r.next()
		if err != nil {
			return err
		}
		v, err := r.in("["+strconv.Quote(mem.String(name.Text))+"]", t.Elem, tok, depth)
		m.entries = append(m.entries, Entry{key, v})
		return err
	})
	return MapValue(m), err
}

func (r *jsonReader) keyOf(t *schema.Type, name jsontext.Token) Value {
	var key Value
	var err error
	switch {
	case t.Kind == schema.KindBinary:
		key, err = r.binary(mem.String(name.Text))
	case t.Kind == schema.KindBool && mem.String(name.Text) != "true" && mem.String(name.Text) != "false":
		err = misfit(t, r.describe(name))
	default:
		key, _, err = ParseKey(t, mem.String(name.Text))
	}
	if err != nil {
		r.mistake(name.At, "key: %s", plainMessage(err))
		return Value{}
	}
	return key
}

// once notes a key that the map has already.
func (r *jsonReader) once(t *schema.Type, key Value, seen map[string]bool, tok jsontext.Token) {
	text, err := canonicalKey(t, key)
	switch {
	case err != nil || !seen[text]:
	case tok.Kind == '{' || tok.Kind == '[':
		r.mistake(tok.At, "this key is given twice")
	default:
		r.mistake(tok.At, "the key %s is given twice", r.describe(tok))
	}
	seen[text] = true
}

// entries reads a map from an array.
func (r *jsonReader) entries(t *schema.Type, depth int) (Value, *JSONError) {
	m := NewMap(t)
	seen := make(map[string]bool)
	err := r.elements(func(i int, tok jsontext.Token) *JSONError {
		mark := len(r.path)
		r.path = append(r.path, "["+strconv.Itoa(i)+"]"...)
		e, err := r.entry(t, tok, seen, depth)
		r.path = r.path[:mark]
		m.entries = append(m.entries, e)
		return err
	})
	return MapValue(m), err
}

func (r *jsonReader) entry(t *schema.Type, open jsontext.Token, seen map[string]bool, depth int) (Entry, *JSONError) {
	var e Entry
	if open.Kind != '{' {
		err := r.skip(open)
		r.mistake(open.At, `an object {"key": …, "value": want …}, got %s`, r.describe(open))
		return e, err
	}
	parts := 0
	err := r.members(func(name jsontext.Token) *JSONError {
		tok, err := r.next()
		if err != nil {
			return err
		}
		mistakes := len(r.mistakes)
		switch {
		case mem.String(name.Text) == keyMember && parts&1 == 0:
			parts |= 1
			e.Key, err = r.in("."+keyMember, t.Key, tok, depth)
			if err == nil && len(r.mistakes) == mistakes {
				r.once(t.Key, e.Key, seen, tok)
			}
		case mem.String(name.Text) == valueMember && parts&2 == 0:
			parts |= 2
			e.Value, err = r.in("."+valueMember, t.Elem, tok, depth)
		default:
			r.mistake(name.At, "an entry of a map has one key and one value, not %s", r.describe(name))
			err = r.skip(tok)
		}
		return err
	})
	if err == nil && parts != 3 {
		r.mistake(open.At, "an entry of a map has one key and one value")
	}
	return e, err
}

// base64Object reads {"base64": "…"}, which stands for a string or binary of any bytes.
func (r *jsonReader) base64Object(t *schema.Type, open jsontext.Token) (Value, *JSONError) {
	var v Value
	good := true
	n := 0
	err := r.members(func(name jsontext.Token) *JSONError {
		tok, err := r.next()
		if err != nil {
			return err
		}
		n++
		if mem.String(name.Text) != base64Member || tok.Kind != '"' {
			good = false
			return r.skip(tok)
		}
		b, bad := decodeBase64(mem.String(tok.Text))
		if bad != nil {
			r.mistake(tok.At, "%s", bad)
		}
		v = Value{kind: t.Kind, num: Binary(b).num, ptr: Binary(b).ptr}
		return nil
	})
	if err == nil && (!good || n != 1) {
		r.mistake(open.At, `want %s, as a string or as {"base64": "…"}`, t)
	}
	return v, err
}
