package conformance

import (
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
)

var quotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// Text returns v in the text form of conformance.thrift, "" if it is unset.
func Text(v dynamic.Value) string {
	switch v.Kind() {
	case schema.KindBool:
		return strconv.FormatBool(v.Bool())
	case schema.KindI8, schema.KindI16, schema.KindI32, schema.KindI64, schema.KindEnum:
		return strconv.FormatInt(v.Int(), 10)
	case schema.KindDouble:
		if math.IsNaN(v.Double()) {
			return "nan"
		}
		return fmt.Sprintf("%016x", math.Float64bits(v.Double()))
	case schema.KindString:
		return `"` + quotes.Replace(v.Text()) + `"`
	case schema.KindBinary:
		return "x'" + hex.EncodeToString(v.Bytes()) + "'"
	case schema.KindList:
		return "[" + strings.Join(texts(v.List()), ",") + "]"
	case schema.KindSet:
		elems := texts(v.List())
		slices.Sort(elems)
		return "{" + strings.Join(elems, ",") + "}"
	case schema.KindMap:
		return mapText(v.Map())
	case schema.KindStruct:
		return structText(v.Struct())
	}
	return ""
}

func texts(l *dynamic.List) []string {
	var elems []string
	for _, e := range l.All() {
		elems = append(elems, Text(e))
	}
	return elems
}

func mapText(m *dynamic.Map) string {
	type pair struct{ key, value string }
	var pairs []pair
	for _, e := range m.Entries() {
		pairs = append(pairs, pair{Text(e.Key), Text(e.Value)})
	}
	slices.SortFunc(pairs, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	var elems []string
	for _, p := range pairs {
		elems = append(elems, p.key+":"+p.value)
	}
	return "{" + strings.Join(elems, ",") + "}"
}

func structText(s *dynamic.Struct) string {
	var fields []string
	for f, v := range s.Fields() {
		fields = append(fields, f.Name+"="+Text(v))
	}
	return s.Schema().Name + "{" + strings.Join(fields, ",") + "}"
}

// ValueOf returns v, one of this package's types or a plain Go value, as a value of type t;
// unset for nil. It is written without the library's own binding of types, so that a test can
// tell what the library made of a value by comparing texts. It panics if v does not fit.
func ValueOf(t *schema.Type, v any) dynamic.Value {
	x, err := valueOf(t, reflect.ValueOf(v))
	if err != nil {
		panic(fmt.Sprintf("conformance: %T as %s: %v", v, t, err))
	}
	return x
}

func valueOf(t *schema.Type, v reflect.Value) (dynamic.Value, error) {
	for v.IsValid() && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) {
		v = v.Elem()
	}
	if !v.IsValid() {
		return dynamic.Value{}, nil
	}
	if x, ok := v.Interface().(dynamic.Value); ok {
		return x, nil
	}
	switch t.Kind {
	case schema.KindList, schema.KindSet:
		l := dynamic.NewList(t)
		err := appendAll(l, v)
		return dynamic.ListValue(l), err
	case schema.KindMap:
		m := dynamic.NewMap(t)
		for iter := v.MapRange(); iter.Next(); {
			key, err1 := valueOf(t.Key, iter.Key())
			value, err2 := valueOf(t.Elem, iter.Value())
			if err := firstError(err1, err2, m.Append(key, value)); err != nil {
				return dynamic.Value{}, err
			}
		}
		return dynamic.MapValue(m), nil
	case schema.KindStruct:
		s, err := structOf(t.Struct, v)
		return dynamic.StructValue(s), err
	}
	return dynamic.Of(t, v.Interface())
}

// appendAll appends the elements of a slice, or the keys of a map, to l.
func appendAll(l *dynamic.List, v reflect.Value) error {
	var elems []reflect.Value
	if v.Kind() == reflect.Map {
		elems = v.MapKeys()
	} else {
		for i := range v.Len() {
			elems = append(elems, v.Index(i))
		}
	}
	for _, e := range elems {
		x, err := valueOf(l.Type().Elem, e)
		if err := firstError(err, l.Append(x)); err != nil {
			return err
		}
	}
	return nil
}

func structOf(desc *schema.Struct, v reflect.Value) (*dynamic.Struct, error) {
	s := dynamic.New(desc)
	if v.NumField() > len(desc.Fields) {
		return nil, fmt.Errorf("%s has more fields than %s", v.Type(), desc.Name)
	}
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		at := slices.IndexFunc(desc.Fields, func(f *schema.Field) bool { return strings.EqualFold(f.Name, name) })
		if at < 0 {
			return nil, fmt.Errorf("%s has no field %s", desc.Name, name)
		}
		f := desc.Fields[at]
		isNil := (v.Field(i).Kind() == reflect.Slice || v.Field(i).Kind() == reflect.Map) && v.Field(i).IsNil()
		if isNil && (f.Requiredness == schema.Optional || desc.Kind == schema.Union) {
			continue
		}
		x, err := valueOf(f.Type, v.Field(i))
		if err := firstError(err, s.Set(f.Name, x)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
