package codectest

import (
	"reflect"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/schema"
)

// Maps of named types are read and written by reflection, those of the types they are made of may be not.
type (
	word   string
	number int64
	small  int32
	real   float64
)

// testContainers has the Go maps and slices for which there are ways of their own, and beside each
// one of the same schema for which there may not be: all read each other's bytes, and so do
// dynamic values.
func (c Codec) testContainers(t *testing.T) {
	str, i32, i64, double := schematest.String, schematest.I32, schematest.I64, schematest.Double
	tests := []struct {
		st     *schema.Type
		values []any
	}{
		{schema.MapOf(str, str), []any{map[string]string{"a": "b", "": "", "长": "\xff"}, map[word]word{"a": "b", "": "", "长": "\xff"}}},
		{schema.MapOf(str, i32), []any{map[string]int32{"a": 1, "b": -1 << 31}, map[word]int32{"a": 1, "b": -1 << 31}}},
		{schema.MapOf(str, i64), []any{map[string]int64{"a": 1, "b": -1 << 63}, map[string]number{"a": 1, "b": -1 << 63}}},
		{schema.MapOf(str, double), []any{map[string]float64{"a": 1.5, "b": -0.25}, map[word]float64{"a": 1.5, "b": -0.25}}},
		{schema.MapOf(i32, str), []any{map[int32]string{1: "a", -1: ""}, map[int32]word{1: "a", -1: ""}}},
		{schema.MapOf(i64, str), []any{map[int64]string{1: "a", 1 << 62: ""}, map[number]string{1: "a", 1 << 62: ""}}},
		{schema.MapOf(i32, i64), []any{map[int32]int64{1: -1, 2: 1 << 62}, map[int32]number{1: -1, 2: 1 << 62}}},
		{schema.MapOf(i64, i64), []any{map[int64]int64{1: -1, 1 << 62: 0}, map[number]int64{1: -1, 1 << 62: 0}}},
		{schema.MapOf(str, str), []any{map[string]string{}, map[word]word{}}},
		{schema.ListOf(i32), []any{[]int32{1, -1 << 31, 0}, []small{1, -1 << 31, 0}}},
		{schema.ListOf(i64), []any{[]int64{1, -1 << 63, 0}, []number{1, -1 << 63, 0}}},
		{schema.ListOf(double), []any{[]float64{1.5, -0.25, 0}, []real{1.5, -0.25, 0}}},
		{schema.ListOf(str), []any{[]string{"a", "", "长"}, []word{"a", "", "长"}}},
		{schema.SetOf(i64), []any{[]int64{1, 2}, []number{1, 2}}},
	}
	for _, test := range tests {
		want, err := dynamic.Of(test.st, test.values[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, from := range test.values {
			v := reflect.New(reflect.TypeOf(from))
			v.Elem().Set(reflect.ValueOf(from))
			b, err := c.Encode(v.Interface(), test.st)
			if err != nil {
				t.Errorf("%T: %v", from, err)
				continue
			}
			for _, to := range test.values {
				got := reflect.New(reflect.TypeOf(to))
				if err := c.Decode(b, got.Interface(), test.st); err != nil || !reflect.DeepEqual(got.Elem().Interface(), to) {
					t.Errorf("%T as %T: %v, %v", from, to, got.Elem(), err)
				}
				if err := c.Decode(b[:len(b)-1], got.Interface(), test.st); err == nil {
					t.Errorf("%T as %T: a byte is missing", from, to)
				}
			}
			var dyn dynamic.Value
			if err := c.Decode(b, &dyn, test.st); err != nil || !dynamic.Equal(dyn, want) {
				t.Errorf("%T: %v, %v", from, dyn.Interface(), err)
			}
		}
	}
}
