package codectest

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/dynmem"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/schema"
)

// Maps of named types are read and written by reflection, those of the types they are made of may be not.
type (
	word   string
	number int64
	small  int32
	real   float64
	tiny   int8
	flag   bool
)

// many returns more numbers than go in one block, and some besides.
func many[T ~int32 | ~int64 | ~float64]() []T {
	v := make([]T, 19)
	for i := range v {
		v[i] = T(i*i*i) - 1000
	}
	return v
}

// testContainers has the Go maps and slices for which there are ways of their own, and beside each
// one of the same schema for which there may not be: all read each other's bytes, and so do
// dynamic values.
// The entries of a map as Go structs, in either order.
type (
	entry[K, V any] struct {
		Key   K
		Value V
	}
	valueFirst[K, V any] struct {
		Value V
		Key   K
	}
)

func (c Codec) testContainers(t *testing.T) {
	point := corpus.Point.Type()
	a, b := &Point{1, -1}, &Point{}
	x, y := "x", ""
	plain := fields{"a": fields{"x": 1, "y": -1}, "": fields{"x": 0, "y": 0}}
	str, i32, i64, double := schematest.String, schematest.I32, schematest.I64, schematest.Double
	tests := []struct {
		st     *schema.Type
		values []any // the first, or plain, is what dynamic.Of takes
		plain  any
	}{
		{schema.MapOf(str, str), []any{map[string]string{"a": "b", "": "", "长": "\xff"}, map[word]word{"a": "b", "": "", "长": "\xff"}}, nil},
		{schema.MapOf(str, i32), []any{map[string]int32{"a": 1, "b": -1 << 31}, map[word]int32{"a": 1, "b": -1 << 31}}, nil},
		{schema.MapOf(str, i64), []any{map[string]int64{"a": 1, "b": -1 << 63}, map[string]number{"a": 1, "b": -1 << 63}}, nil},
		{schema.MapOf(str, double), []any{map[string]float64{"a": 1.5, "b": -0.25}, map[word]float64{"a": 1.5, "b": -0.25}}, nil},
		{schema.MapOf(i32, str), []any{map[int32]string{1: "a", -1: ""}, map[int32]word{1: "a", -1: ""}}, nil},
		{schema.MapOf(i64, str), []any{map[int64]string{1: "a", 1 << 62: ""}, map[number]string{1: "a", 1 << 62: ""}}, nil},
		{schema.MapOf(i32, i64), []any{map[int32]int64{1: -1, 2: 1 << 62}, map[int32]number{1: -1, 2: 1 << 62}}, nil},
		{schema.MapOf(i64, i64), []any{map[int64]int64{1: -1, 1 << 62: 0}, map[number]int64{1: -1, 1 << 62: 0}}, nil},
		{schema.MapOf(str, str), []any{map[string]string{}, map[word]word{}}, nil},
		{schema.ListOf(i32), []any{[]int32{1, -1 << 31, 0}, []small{1, -1 << 31, 0}}, nil},
		{schema.ListOf(i64), []any{[]int64{1, -1 << 63, 0}, []number{1, -1 << 63, 0}}, nil},
		{schema.ListOf(double), []any{[]float64{1.5, -0.25, 0}, []real{1.5, -0.25, 0}}, nil},
		{schema.ListOf(str), []any{[]string{"a", "", "长"}, []word{"a", "", "长"}}, nil},
		{schema.MapOf(i64, double), []any{map[int64]float64{1: -1, 1 << 62: 0.5}, map[number]float64{1: -1, 1 << 62: 0.5}}, nil},
		{schema.MapOf(str, point), []any{map[string]*Point{"a": a, "": b}, map[word]*Point{"a": a, "": b}, map[string]Point{"a": *a, "": *b}}, plain},
		{schema.MapOf(str, point), []any{[]entry[string, *Point]{{"a", a}, {"", b}}, []valueFirst[string, Point]{{*a, "a"}, {*b, ""}}}, plain},
		{schema.MapOf(i64, schema.ListOf(i32)), []any{[]entry[int64, []int32]{{1, []int32{1, 2}}, {-1, []int32{}}}}, map[int][]int{1: {1, 2}, -1: {}}},
		{schema.MapOf(i64, i32), []any{[]entry[int64, int32]{}, map[int64]int32{}}, map[int]int{}},
		{schema.MapOf(i32, str), []any{map[int32]*string{1: &x, -1: &y}, map[small]*string{1: &x, -1: &y}}, map[int]string{1: x, -1: y}},
		{schema.MapOf(i64, schema.ListOf(i32)), []any{map[int64]*[]int32{1: {1, 2}, -1: {}}, map[number]*[]int32{1: {1, 2}, -1: {}}}, map[int][]int{1: {1, 2}, -1: {}}},
		{schema.ListOf(point), []any{[]*Point{a, b}, []Point{*a, *b}}, []any{plain["a"], plain[""]}},
		{schema.ListOf(str), []any{[]*string{&x, &y}, []string{x, y}}, []string{x, y}},
		{schema.ListOf(i32), []any{many[int32](), many[small]()}, nil},
		{schema.ListOf(i64), []any{many[int64](), many[number]()}, nil},
		{schema.ListOf(double), []any{many[float64](), many[real]()}, nil},
		{schema.ListOf(schematest.I8), []any{[]int8{-1, 0, 127}, []tiny{-1, 0, 127}}, nil},
		{schema.ListOf(schematest.Bool), []any{[]bool{true, false}, []flag{true, false}}, nil},
		{schema.SetOf(i64), []any{[]int64{1, 2}, []number{1, 2}}, nil},
	}
	for _, test := range tests {
		if test.plain == nil {
			test.plain = test.values[0]
		}
		want, err := dynamic.Of(test.st, test.plain)
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

// testNilPointers has pointers to nothing in containers, which have no form.
func (c Codec) testNilPointers(t *testing.T) {
	point := corpus.Point.Type()
	for _, test := range []struct {
		st   *schema.Type
		v    any
		want string
	}{
		{schema.ListOf(point), &[]*Point{{}, nil}, "in [1]: invalid value: nil pointer to Point"},
		{schema.MapOf(schematest.String, point), &map[string]*Point{"a": nil}, "in [0] value: invalid value: nil pointer to Point"},
		{schema.MapOf(schematest.String, point), &map[word]*Point{"a": nil}, "in [0] value: invalid value: nil pointer to Point"},
	} {
		if _, err := c.Encode(test.v, test.st); err == nil || err.Error() != test.want {
			t.Errorf("%T: %v, want %s", test.v, err, test.want)
		}
	}
}

// testWide has structs of so many fields that their presence does not fit in one word, and of one less.
func (c Codec) testWide(t *testing.T) {
	for _, n := range []int{63, 64, 65, 130} {
		desc := &schema.Struct{Name: "Wide"}
		var goFields []reflect.StructField
		for i := range n {
			f := schematest.Field(int16(i+1), fmt.Sprint("f", i), schematest.I32)
			if i%5 == 0 {
				f.Default = &schema.Literal{Type: f.Type, Int: 7}
			}
			desc.Fields = append(desc.Fields, f)
			goFields = append(goFields, reflect.StructField{Name: fmt.Sprint("F", i), Type: reflect.TypeFor[*int32]()})
		}
		desc = schematest.Struct("Wide", desc.Fields...)
		dyn, wide := dynamic.New(desc), reflect.New(reflect.StructOf(goFields))
		for i := range n {
			if i%3 != 0 {
				v := int32(i)
				wide.Elem().Field(i).Set(reflect.ValueOf(&v))
				dynmem.Slots(dyn)[i] = dynamic.I32(v)
			}
		}
		value := dynamic.StructValue(dyn)
		b, err := c.Encode(&value, desc.Type())
		bound, err2 := c.Encode(wide.Interface(), desc.Type())
		if err != nil || err2 != nil || !bytes.Equal(b, bound) {
			t.Errorf("%d fields: %v, %v: %s", n, err, err2, c.show(bound, b))
		}
		var back dynamic.Value
		boundBack := reflect.New(wide.Type().Elem())
		err, err2 = c.Decode(b, &back, desc.Type()), c.Decode(b, boundBack.Interface(), desc.Type())
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		for i := range n {
			want := int64(i)
			if i%3 == 0 {
				want = 7
			}
			p, _ := boundBack.Elem().Field(i).Interface().(*int32)
			set := i%3 != 0 || i%5 == 0
			if v := back.Struct().At(i); v.IsSet() != set || set && v.Int() != want || (p != nil) != set || set && int64(*p) != want {
				t.Errorf("%d fields: field %d is %v, %v", n, i, v.Interface(), p)
			}
		}
	}
}

// testRoom writes the golden values after other bytes into slices of every capacity.
func (c Codec) testRoom(t *testing.T) {
	const front = "in front"
	for _, test := range golden {
		want, ok := c.golden(test)
		if !ok {
			continue
		}
		dyn := dynOf(test.desc, test.dyn)
		for _, v := range []any{test.bound, &dyn} {
			rv := reflect.ValueOf(v)
			p := planOf(rv.Type().Elem(), test.desc.Type())
			for spare := range len(want) + 40 {
				dst := append(make([]byte, 0, len(front)+spare), front...)
				got, err := c.AppendValue(dst, p, mem.Of(rv))
				if err != nil || string(got) != front+string(want) {
					t.Fatalf("%s, %T, %d bytes of room: %v, %s", test.name, v, spare, err, c.show(got, want))
				}
			}
		}
	}
}
