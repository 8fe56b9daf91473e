package dynamic

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

func misfit(t *schema.Type, got string) error {
	return wire.Errorf(-1, wire.ErrValue, "want %s, got %s", t, got)
}

// Of converts a plain Go value to a value of type t:
//
//	bool                        bool
//	i8 i16 i32 i64              any integer in range, a json.Number
//	double                      any float or integer
//	string, binary              string, []byte
//	uuid                        [16]byte, or its text form
//	enum                        an integer, or the name of a value
//	list, set                   any slice or array; a set also map[T]struct{} or map[T]bool
//	map                         any map; map[string]T for every key type whose text form is plain
//	struct, union, exception    map[string]any by field name
//
// A Value, *Struct, *List or *Map is taken as it is if it fits; nil and nil pointers are
// unset; other pointers are followed. The error is a *wire.Error that names the path.
func Of(t *schema.Type, v any) (Value, error) { return of(t, v, wire.MaxDepth) }

func of(t *schema.Type, v any, depth int) (Value, error) {
	rv := reflect.ValueOf(v)
	for hops := 0; ; hops++ {
		if !rv.IsValid() {
			return Value{}, nil
		}
		switch x := rv.Interface().(type) {
		case Value:
			return fitting(t, x)
		case *Struct:
			return fitting(t, StructValue(x))
		case *List:
			return fitting(t, ListValue(x))
		case *Map:
			return fitting(t, MapValue(x))
		}
		if rv.Kind() != reflect.Pointer && rv.Kind() != reflect.Interface {
			break
		}
		if hops > wire.MaxDepth { // a pointer may lead back to itself
			return Value{}, wire.TooDeep(-1)
		}
		rv = rv.Elem()
	}
	switch t.Kind {
	case schema.KindStruct, schema.KindList, schema.KindSet, schema.KindMap:
		if depth == 0 {
			return Value{}, wire.TooDeep(-1)
		}
	}
	switch t.Kind {
	case schema.KindBool:
		if rv.Kind() == reflect.Bool {
			return Bool(rv.Bool()), nil
		}
	case schema.KindI8, schema.KindI16, schema.KindI32, schema.KindI64:
		return intOf(t, rv)
	case schema.KindEnum:
		return enumOf(t, rv)
	case schema.KindDouble:
		return doubleOf(t, rv)
	case schema.KindString, schema.KindBinary:
		return textOf(t, rv)
	case schema.KindUUID:
		return uuidOf(t, rv)
	case schema.KindStruct:
		return structOf(t, rv, depth)
	case schema.KindList, schema.KindSet:
		return listOf(t, rv, depth)
	case schema.KindMap:
		return mapOf(t, rv, depth)
	}
	return Value{}, misfit(t, rv.Type().String())
}

func fitting(t *schema.Type, v Value) (Value, error) {
	if v.IsSet() && !v.Fits(t) {
		return Value{}, misfit(t, v.Kind().String())
	}
	return v, nil
}

var jsonNumber = reflect.TypeFor[json.Number]()

// number returns rv as an integer, if it is one.
func number(rv reflect.Value) (int64, bool) {
	switch {
	case rv.Type() == jsonNumber:
		n, err := strconv.ParseInt(rv.String(), 10, 64)
		return n, err == nil
	case rv.CanInt():
		return rv.Int(), true
	case rv.CanUint():
		return int64(rv.Uint()), rv.Uint() <= math.MaxInt64
	}
	return 0, false
}

func intOf(t *schema.Type, rv reflect.Value) (Value, error) {
	n, ok := number(rv)
	if !ok {
		return Value{}, misfit(t, describe(rv))
	}
	return Int(t, n)
}

// Int returns n as a value of t: an i8, i16, i32, i64 or enum. It fails if n is out of range.
func Int(t *schema.Type, n int64) (Value, error) {
	bits := 64
	switch t.Kind {
	case schema.KindI8:
		bits = 8
	case schema.KindI16:
		bits = 16
	case schema.KindI32, schema.KindEnum:
		bits = 32
	case schema.KindI64:
	default:
		return Value{}, misfit(t, "an integer")
	}
	if n<<(64-bits)>>(64-bits) != n {
		return Value{}, wire.Errorf(-1, wire.ErrValue, "%d is out of range for %s", n, t)
	}
	return Value{kind: t.Kind, num: uint64(n)}, nil
}

func enumOf(t *schema.Type, rv reflect.Value) (Value, error) {
	if n, ok := number(rv); ok {
		return Int(t, n)
	}
	if rv.Kind() == reflect.String && rv.Type() != jsonNumber {
		return EnumNamed(t.Enum, rv.String())
	}
	return Value{}, misfit(t, describe(rv))
}

// EnumNamed returns the value of e called name, also "Enum.name". The error lists the names there are.
func EnumNamed(e *schema.Enum, name string) (Value, error) {
	if v := e.ByName(strings.TrimPrefix(name, e.Name+".")); v != nil {
		return Enum(v.Number), nil
	}
	var names []string
	for _, v := range e.Values {
		names = append(names, v.Name)
	}
	const most = 12
	if len(names) > most {
		names = append(names[:most], "…")
	}
	return Value{}, wire.Errorf(-1, wire.ErrValue, "enum %s has no value %q (it has %s)", e.Name, name, strings.Join(names, ", "))
}

func doubleOf(t *schema.Type, rv reflect.Value) (Value, error) {
	switch {
	case rv.Type() == jsonNumber:
		if f, err := strconv.ParseFloat(rv.String(), 64); err == nil {
			return Double(f), nil
		}
	case rv.CanFloat():
		return Double(rv.Float()), nil
	case rv.CanInt():
		return Double(float64(rv.Int())), nil
	case rv.CanUint():
		return Double(float64(rv.Uint())), nil
	}
	return Value{}, misfit(t, describe(rv))
}

func textOf(t *schema.Type, rv reflect.Value) (Value, error) {
	switch {
	case rv.Kind() == reflect.String && rv.Type() != jsonNumber:
		v := String(rv.String())
		v.kind = t.Kind
		return v, nil
	case rv.Kind() == reflect.Slice && rv.Type().Elem().Kind() == reflect.Uint8:
		v := Binary(rv.Bytes())
		v.kind = t.Kind
		return v, nil
	}
	return Value{}, misfit(t, describe(rv))
}

func uuidOf(t *schema.Type, rv reflect.Value) (Value, error) {
	switch {
	case rv.Kind() == reflect.Array && rv.Len() == 16 && rv.Type().Elem().Kind() == reflect.Uint8:
		var id [16]byte
		for i := range id { // reflect.Copy would want elements of the type byte itself
			id[i] = byte(rv.Index(i).Uint())
		}
		return UUID(id), nil
	case rv.Kind() == reflect.String:
		return ParseUUID(rv.String())
	}
	return Value{}, misfit(t, describe(rv))
}

// ParseUUID reads the text form of a uuid, 8-4-4-4-12 hexadecimal digits of either case,
// with or without braces (RFC 9562, section 4).
func ParseUUID(s string) (Value, error) {
	text := s
	if len(text) == 38 && text[0] == '{' && text[37] == '}' {
		text = text[1:37]
	}
	var id [16]byte
	ok := len(text) == 36 && text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-'
	if ok {
		digits := text[:8] + text[9:13] + text[14:18] + text[19:23] + text[24:]
		_, err := hex.Decode(id[:], []byte(digits))
		ok = err == nil
	}
	if !ok {
		return Value{}, wire.Errorf(-1, wire.ErrValue, "%q is not a uuid", s)
	}
	return UUID(id), nil
}

// FormatUUID returns the text form of a uuid, in lower case.
func FormatUUID(id [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

func structOf(t *schema.Type, rv reflect.Value, depth int) (Value, error) {
	if rv.Kind() != reflect.Map || rv.Type().Key().Kind() != reflect.String {
		return Value{}, misfit(t, describe(rv))
	}
	s := New(t.Struct)
	keys := rv.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, k := range keys {
		f := t.Struct.Field(k.String())
		if f == nil {
			return Value{}, wire.Errorf(-1, wire.ErrValue, "%s", noField(t.Struct, strconv.Quote(k.String())))
		}
		v, err := of(f.Type, rv.MapIndex(k).Interface(), depth-1)
		if err != nil {
			return Value{}, wire.InField(err, t.Struct.Name, f.Name, f.ID)
		}
		s.vals[f.Index] = v
	}
	return StructValue(s), nil
}

func listOf(t *schema.Type, rv reflect.Value, depth int) (Value, error) {
	l := NewList(t)
	add := func(v any) error {
		x, err := of(t.Elem, v, depth-1)
		if err == nil && !x.IsSet() {
			err = misfit(t.Elem, "nothing")
		}
		if err != nil {
			return wire.InElement(err, len(l.vals), "")
		}
		l.vals = append(l.vals, x)
		return nil
	}
	switch rv.Kind() {
	case reflect.Slice, reflect.Array:
		for i := range rv.Len() {
			if err := add(rv.Index(i).Interface()); err != nil {
				return Value{}, err
			}
		}
		return ListValue(l), nil
	case reflect.Map:
		elem := rv.Type().Elem()
		isSet := elem.Kind() == reflect.Struct && elem.NumField() == 0 || elem.Kind() == reflect.Bool
		if t.Kind != schema.KindSet || !isSet {
			break
		}
		for _, k := range sortedKeys(rv) {
			if elem.Kind() == reflect.Bool && !rv.MapIndex(k).Bool() {
				continue
			}
			if err := add(k.Interface()); err != nil {
				return Value{}, err
			}
		}
		return ListValue(l), nil
	}
	return Value{}, misfit(t, describe(rv))
}

func mapOf(t *schema.Type, rv reflect.Value, depth int) (Value, error) {
	if rv.Kind() != reflect.Map {
		return Value{}, misfit(t, describe(rv))
	}
	m := &Map{typ: t, entries: make([]Entry, 0, rv.Len())}
	for _, k := range sortedKeys(rv) {
		key, err := keyOf(t.Key, k, depth-1)
		if err == nil && !key.IsSet() {
			err = misfit(t.Key, "nothing")
		}
		if err != nil {
			return Value{}, wire.InElement(err, len(m.entries), "key")
		}
		val, err := of(t.Elem, rv.MapIndex(k).Interface(), depth-1)
		if err == nil && !val.IsSet() {
			err = misfit(t.Elem, "nothing")
		}
		if err != nil {
			return Value{}, wire.InElement(err, len(m.entries), "value")
		}
		m.entries = append(m.entries, Entry{key, val})
	}
	return MapValue(m), nil
}

// keyOf is of, but takes the text of a number or a bool where the type wants one, because the
// keys of map[string]any are always strings.
func keyOf(t *schema.Type, k reflect.Value, depth int) (Value, error) {
	if k.Kind() == reflect.String && k.Type() != jsonNumber {
		if v, ok, err := ParseKey(t, k.String()); ok {
			return v, err
		}
	}
	return of(t, k.Interface(), depth)
}

// ParseKey reads the plain text form of a map key: a bool, a number, a string, the name or
// number of an enum value, a uuid. It reports false for types that have none.
func ParseKey(t *schema.Type, text string) (v Value, ok bool, err error) {
	switch t.Kind {
	case schema.KindBool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return Value{}, true, misfit(t, strconv.Quote(text))
		}
		return Bool(b), true, nil
	case schema.KindI8, schema.KindI16, schema.KindI32, schema.KindI64, schema.KindEnum:
		n, err := strconv.ParseInt(text, 10, 64)
		if err == nil {
			v, err := Int(t, n)
			return v, true, err
		}
		if t.Kind == schema.KindEnum {
			v, err := EnumNamed(t.Enum, text)
			return v, true, err
		}
		return Value{}, true, misfit(t, strconv.Quote(text))
	case schema.KindDouble:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return Value{}, true, misfit(t, strconv.Quote(text))
		}
		return Double(f), true, nil
	case schema.KindString:
		return String(text), true, nil
	case schema.KindUUID:
		v, err := ParseUUID(text)
		return v, true, err
	}
	return Value{}, false, nil
}

// sortedKeys returns the keys of a Go map in an order that does not change from run to run,
// for the kinds of key that have one.
func sortedKeys(rv reflect.Value) []reflect.Value {
	keys := rv.MapKeys()
	slices.SortStableFunc(keys, func(a, b reflect.Value) int {
		switch {
		case a.Kind() == reflect.String && b.Kind() == reflect.String:
			return strings.Compare(a.String(), b.String())
		case a.CanInt() && b.CanInt():
			return cmp.Compare(a.Int(), b.Int())
		case a.CanUint() && b.CanUint():
			return cmp.Compare(a.Uint(), b.Uint())
		case a.CanFloat() && b.CanFloat():
			return cmp.Compare(a.Float(), b.Float())
		case a.Kind() == reflect.Bool && b.Kind() == reflect.Bool && a.Bool() != b.Bool():
			if b.Bool() {
				return -1
			}
			return 1
		}
		return 0
	})
	return keys
}

// describe names what was found, with its text if that is short.
func describe(rv reflect.Value) string {
	switch rv.Kind() {
	case reflect.String:
		if s := rv.String(); len(s) <= 40 {
			if rv.Type() == jsonNumber {
				return s
			}
			return strconv.Quote(s)
		}
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprint(rv.Interface())
	case reflect.Float32, reflect.Float64: // 7 would not look like one
		return fmt.Sprintf("%v (%s)", rv.Interface(), rv.Type())
	}
	return rv.Type().String()
}

// Interface returns v as plain Go: bool, int8, int16, int32, int64, float64, string, []byte,
// [16]byte, int32 for an enum, []any for lists and sets, map[string]any for a struct (its set
// fields), and for a map map[string]any if its keys are strings, map[any]any if they are
// comparable, else a []any of map[string]any with "key" and "value". Unset is nil.
func (v Value) Interface() any {
	switch v.kind {
	case schema.KindBool:
		return v.Bool()
	case schema.KindI8:
		return int8(v.num)
	case schema.KindI16:
		return int16(v.num)
	case schema.KindI32, schema.KindEnum:
		return int32(v.num)
	case schema.KindI64:
		return int64(v.num)
	case schema.KindDouble:
		return v.Double()
	case schema.KindString:
		return v.Text()
	case schema.KindBinary:
		return v.Bytes()
	case schema.KindUUID:
		return v.UUID()
	case schema.KindStruct:
		return v.Struct().Interface()
	case schema.KindList, schema.KindSet:
		out := make([]any, v.List().Len())
		for i, e := range v.List().vals {
			out[i] = e.Interface()
		}
		return out
	case schema.KindMap:
		return v.Map().plain()
	}
	return nil
}

// Interface returns the set fields of s as plain Go values by name; see [Value.Interface].
func (s *Struct) Interface() map[string]any {
	out := make(map[string]any, len(s.vals))
	for f, v := range s.Fields() {
		out[f.Name] = v.Interface()
	}
	return out
}

func (m *Map) plain() any {
	switch m.typ.Key.Kind {
	case schema.KindString:
		out := make(map[string]any, len(m.entries))
		for _, e := range m.entries {
			out[e.Key.Text()] = e.Value.Interface()
		}
		return out
	case schema.KindStruct, schema.KindList, schema.KindSet, schema.KindMap, schema.KindBinary:
		out := make([]any, len(m.entries))
		for i, e := range m.entries {
			out[i] = map[string]any{"key": e.Key.Interface(), "value": e.Value.Interface()}
		}
		return out
	}
	out := make(map[any]any, len(m.entries))
	for _, e := range m.entries {
		out[e.Key.Interface()] = e.Value.Interface()
	}
	return out
}
