package contract

import (
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// sets are the fields whose slices, or those inside of their maps, are sets: Go's types do not say so.
var sets = []string{"intSet", "stringSet", "pointSet", "deep", "optionalSet", "aSet"}

// Text returns the text form of a generated value that conformance.thrift defines.
func Text(v any) string { return text(reflect.ValueOf(v), false) }

// SetText is Text for a slice that is a set, or a map with such slices.
func SetText(v any) string { return text(reflect.ValueOf(v), true) }

func text(v reflect.Value, isSet bool) string {
	switch v.Kind() {
	case reflect.Pointer:
		return text(v.Elem(), isSet)
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Float64:
		if math.IsNaN(v.Float()) {
			return "nan"
		}
		return fmt.Sprintf("%016x", math.Float64bits(v.Float()))
	case reflect.String:
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v.String()) + `"`
	case reflect.Slice:
		return sliceText(v, isSet)
	case reflect.Map:
		return mapText(v, isSet)
	case reflect.Struct:
		return structText(v)
	}
	return strconv.FormatInt(v.Int(), 10)
}

func sliceText(v reflect.Value, isSet bool) string {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return "x'" + hex.EncodeToString(v.Bytes()) + "'"
	}
	var elems []string
	for i := range v.Len() {
		elems = append(elems, text(v.Index(i), false))
	}
	if isSet {
		slices.Sort(elems)
		return "{" + strings.Join(elems, ",") + "}"
	}
	return "[" + strings.Join(elems, ",") + "]"
}

func mapText(v reflect.Value, isSet bool) string {
	type pair struct{ key, value string }
	var pairs []pair
	for iter := v.MapRange(); iter.Next(); {
		pairs = append(pairs, pair{text(iter.Key(), false), text(iter.Value(), isSet)})
	}
	slices.SortFunc(pairs, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	var elems []string
	for _, p := range pairs {
		elems = append(elems, p.key+":"+p.value)
	}
	return "{" + strings.Join(elems, ",") + "}"
}

// declared is the order of the fields of Scrambled, which Apache's compiler sorts by their ids.
var declared = []string{"last", "first", "middle", "zeroth"}

func structText(v reflect.Value) string {
	var fields []string
	all := reflect.VisibleFields(v.Type())
	slices.SortStableFunc(all, func(a, b reflect.StructField) int {
		return slices.Index(declared, thriftName(a)) - slices.Index(declared, thriftName(b))
	})
	for _, field := range all {
		name, f := thriftName(field), v.FieldByIndex(field.Index)
		switch f.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			if f.IsNil() {
				continue
			}
		}
		fields = append(fields, name+"="+text(f, slices.Contains(sets, name)))
	}
	return v.Type().Name() + "{" + strings.Join(fields, ",") + "}"
}

func thriftName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("thrift"), ",")
	return name
}
