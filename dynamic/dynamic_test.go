package dynamic_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

type (
	myInt    int16
	myString string
	myByte   byte
	myID     [16]myByte
)

var (
	listI = schema.ListOf(schematest.I32)
	setI  = schema.SetOf(schematest.I32)
	mapSI = schema.MapOf(schematest.String, schematest.I32)
	mapPI = schema.MapOf(point, schematest.I32)
	uuid  = [16]byte{0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00}
)

const uuidText = "123e4567-e89b-12d3-a456-426614174000"

func p[T any](v T) *T { return &v }

// TestOf has what every type takes, and what comes back as plain Go.
func TestOf(t *testing.T) {
	tests := []struct {
		typ  *schema.Type
		in   any
		want any // of Interface
	}{
		{schematest.Bool, true, true},
		{schematest.I8, -128, int8(-128)},
		{schematest.I8, uint64(127), int8(127)},
		{schematest.I16, myInt(5), int16(5)},
		{schematest.I32, json.Number("7"), int32(7)},
		{schematest.I64, int64(math.MinInt64), int64(math.MinInt64)},
		{schematest.I64, p(p(3)), int64(3)},
		{schematest.Double, 1.5, 1.5},
		{schematest.Double, float32(0.5), 0.5},
		{schematest.Double, 3, 3.0},
		{schematest.Double, uint8(3), 3.0},
		{schematest.Double, json.Number("1e3"), 1000.0},
		{schematest.String, "a", "a"},
		{schematest.String, myString("a"), "a"},
		{schematest.String, []byte("a"), "a"},
		{schematest.Binary, "a", []byte("a")},
		{schematest.Binary, []myByte("a"), []byte("a")},
		{schematest.Binary, []byte(nil), []byte(nil)},
		{schematest.UUID, uuid, uuid},
		{schematest.UUID, myID{0: 1}, [16]byte{0: 1}},
		{schematest.UUID, uuidText, uuid},
		{schematest.UUID, "{" + strings.ToUpper(uuidText) + "}", uuid},
		{colors, 2, int32(2)},
		{colors, "BLUE", int32(-3)},
		{colors, "Color.BLUE", int32(-3)},
		{colors, json.Number("99"), int32(99)},
		{listI, []int{1, 2}, []any{int32(1), int32(2)}},
		{listI, [2]int8{1, 2}, []any{int32(1), int32(2)}},
		{listI, []any{1, json.Number("2")}, []any{int32(1), int32(2)}},
		{listI, []int(nil), []any{}},
		{schema.ListOf(schematest.I8), []byte{1, 2}, []any{int8(1), int8(2)}},
		{setI, map[int]struct{}{2: {}, 1: {}}, []any{int32(1), int32(2)}},
		{setI, map[int]bool{2: true, 1: false, 0: true}, []any{int32(0), int32(2)}},
		{mapSI, map[string]int{"a": 1}, map[string]any{"a": int32(1)}},
		{mapSI, map[string]any{"a": p(1)}, map[string]any{"a": int32(1)}},
		{schema.MapOf(schematest.I32, schematest.Bool), map[string]bool{"7": true}, map[any]any{int32(7): true}},
		{schema.MapOf(colors, schematest.Bool), map[string]bool{"RED": true}, map[any]any{int32(1): true}},
		{schema.MapOf(schematest.Bool, schematest.Bool), map[string]bool{"true": true}, map[any]any{true: true}},
		{schema.MapOf(schematest.Binary, schematest.Bool), map[string]bool{"a": true}, []any{map[string]any{"key": []byte("a"), "value": true}}},
		{point, map[string]any{"x": 1, "y": nil}, map[string]any{"x": int32(1)}},
		{point, map[myString]int{"y": 1}, map[string]any{"y": int32(1)}},
		{point, p(of(point, fields{"x": 1})), map[string]any{"x": int32(1)}},
		{point, p(of(point, fields{"x": 1}).Struct()), map[string]any{"x": int32(1)}},
		{listI, of(listI, []int{1}).List(), []any{int32(1)}},
		{mapSI, of(mapSI, map[string]int{"a": 1}).Map(), map[string]any{"a": int32(1)}},
		{schematest.I32, nil, nil},
		{schematest.I32, (*int)(nil), nil},
		{schematest.I32, p((*int)(nil)), nil},
		{point, (*dynamic.Struct)(nil), nil},
		{point, dynamic.Value{}, nil},
	}
	for _, test := range tests {
		v, err := dynamic.Of(test.typ, test.in)
		if err != nil || !reflect.DeepEqual(v.Interface(), test.want) {
			t.Errorf("%s of %T %v: %#v, %v; want %#v", test.typ, test.in, test.in, v.Interface(), err, test.want)
		}
		if v.IsSet() && !v.Fits(test.typ) {
			t.Errorf("%s of %T: it does not fit", test.typ, test.in)
		}
	}
}

func TestOfBad(t *testing.T) {
	var self any
	self = &self
	deep := map[string]any{}
	deep["next"] = deep
	const bad = "invalid value: "
	tests := []struct {
		typ *schema.Type
		in  any
		err string
	}{
		{schematest.Bool, 1, bad + "want bool, got int"},
		{schematest.I8, 128, bad + "128 is out of range for i8"},
		{schematest.I8, -129, bad + "-129 is out of range for i8"},
		{schematest.I16, 1 << 15, bad + "32768 is out of range for i16"},
		{schematest.I64, uint64(1 << 63), bad + "want i64, got 9223372036854775808"},
		{schematest.I32, 7.0, bad + "want i32, got 7 (float64)"},
		{schematest.I32, "7", bad + `want i32, got "7"`},
		{schematest.I32, json.Number("7.5"), bad + "want i32, got 7.5"},
		{schematest.I32, true, bad + "want i32, got true"},
		{schematest.Double, "1", bad + `want double, got "1"`},
		{schematest.Double, json.Number("x"), bad + "want double, got x"},
		{schematest.String, 1, bad + "want string, got 1"},
		{schematest.String, json.Number("1"), bad + "want string, got 1"},
		{schematest.String, []string{"a"}, bad + "want string, got []string"},
		{schematest.UUID, "123", bad + `"123" is not a uuid`},
		{schematest.UUID, strings.Replace(uuidText, "1", "g", 1), bad + `"g23e4567-e89b-12d3-a456-426614174000" is not a uuid`},
		{schematest.UUID, [4]byte{}, bad + "want uuid, got [4]uint8"},
		{colors, "PINK", bad + `enum Color has no value "PINK" (it has RED, GREEN, BLUE, LEAF)`},
		{colors, int64(1 << 31), bad + "2147483648 is out of range for Color"},
		{colors, 1.5, bad + "want Color, got 1.5 (float64)"},
		{listI, map[int]struct{}{}, bad + "want list<i32>, got map[int]struct {}"},
		{listI, []any{1, "x"}, "in [1]: " + bad + `want i32, got "x"`},
		{listI, []any{nil}, "in [0]: " + bad + "want i32, got nothing"},
		{setI, map[int]int{}, bad + "want set<i32>, got map[int]int"},
		{mapSI, []int{}, bad + "want map<string,i32>, got []int"},
		{mapSI, map[int]int{1: 1}, "in [0] key: " + bad + "want string, got 1"},
		{mapSI, map[string]any{"a": nil}, "in [0] value: " + bad + "want i32, got nothing"},
		{schema.MapOf(schematest.I8, schematest.I8), map[string]int{"x": 1}, "in [0] key: " + bad + `want i8, got "x"`},
		{mapPI, map[string]int{"x": 1}, "in [0] key: " + bad + `want Point, got "x"`},
		{point, 1, bad + "want Point, got 1"},
		{point, struct{ X int }{}, bad + "want Point, got struct { X int }"},
		{point, map[string]any{"z": 1}, bad + `struct Point has no field "z"`},
		{point, map[string]any{"x": "1"}, "in Point.x (field 1): " + bad + `want i32, got "1"`},
		{point, of(shape, fields{}), bad + "want Point, got struct"},
		{listI, of(setI, []int{}), bad + "want list<i32>, got set"},
		{schematest.I32, dynamic.I64(1), bad + "want i32, got i64"},
		{node, fields{"children": []any{fields{"next": fields{"value": "x"}}}}, "in Node.children (field 3)[0] > Node.next (field 2) > Node.value (field 1): " + bad + `want i32, got "x"`},
		{node, deep, "in " + strings.Repeat("Node.next (field 2) > ", 5) + "… > " + strings.Repeat("Node.next (field 2) > ", 4) + "Node.next (field 2): nested too deep: more than 256 levels"},
		{schematest.I32, self, "nested too deep: more than 256 levels"},
	}
	for _, test := range tests {
		v, err := dynamic.Of(test.typ, test.in)
		if err == nil || err.Error() != test.err || v.IsSet() {
			t.Errorf("%s of %T: %v, %v\nwant %s", test.typ, test.in, v.Interface(), err, test.err)
		}
	}
}

func TestOfDepth(t *testing.T) {
	v := fields{"value": 1}
	for range wire.MaxDepth - 1 {
		v = fields{"next": v}
	}
	if _, err := dynamic.Of(node, v); err != nil {
		t.Errorf("%d levels: %v", wire.MaxDepth, err)
	}
}

func TestStruct(t *testing.T) {
	s := dynamic.New(corpus.Presence)
	if err := s.Set("opt", 1); err != nil || s.Get("opt").Int() != 1 {
		t.Error(err)
	}
	for _, test := range []struct {
		name string
		v    any
		err  string
	}{
		{"nope", 1, `struct Presence has no field "nope"`},
		{"opt", "x", `in Presence.opt (field 2): invalid value: want i32, got "x"`},
	} {
		if err := s.Set(test.name, test.v); err == nil || err.Error() != test.err {
			t.Errorf("%v, want %s", err, test.err)
		}
	}
	if s.Get("opt").Int() != 1 || s.Get("nope").IsSet() {
		t.Error("a failed Set changed something")
	}
	if err := s.Set("req", dynamic.String("x")); err == nil || err.Error() != "in Presence.req (field 1): invalid value: want i32, got string" {
		t.Error(err)
	}
	s.SetDefaults()
	if err := s.Set("opt", nil); err != nil || s.Get("opt").IsSet() {
		t.Error("nil does not unset")
	}
	var names []string
	for f := range s.Fields() {
		names = append(names, f.Name)
	}
	if got := strings.Join(names, " "); got != "req_def opt_def plain_def" {
		t.Error(got)
	}
	union := dynamic.New(corpus.Shape)
	if union.SetDefaults(); union.Get("label").IsSet() {
		t.Error("the default of a member set it")
	}
}

func TestEqual(t *testing.T) {
	set := schema.SetOf(schematest.String)
	tests := []struct {
		name string
		a, b dynamic.Value
		want bool
	}{
		{"unset", dynamic.Value{}, dynamic.Value{}, true},
		{"set and unset", dynamic.I32(0), dynamic.Value{}, false},
		{"kinds", dynamic.I32(0), dynamic.I64(0), false},
		{"NaN", dynamic.Double(math.NaN()), dynamic.Double(math.NaN()), true},
		{"zeros", dynamic.Double(0), dynamic.Double(math.Copysign(0, -1)), false},
		{"strings", dynamic.String("a"), dynamic.String("a"), true},
		{"string and binary", dynamic.String("a"), dynamic.Binary([]byte("a")), false},
		{"uuid", dynamic.UUID(uuid), dynamic.UUID(uuid), true},
		{"lists have an order", of(listI, []int{1, 2}), of(listI, []int{2, 1}), false},
		{"sets have none", of(setI, []int{1, 2}), of(setI, []int{2, 1}), true},
		{"sets count", of(set, []string{"a", "a", "b"}), of(set, []string{"a", "b", "b"}), false},
		{"maps have no order", entries(mapSI, "a", 1, "b", 2), entries(mapSI, "b", 2, "a", 1), true},
		{"maps, other value", entries(mapSI, "a", 1), entries(mapSI, "a", 2), false},
		{"maps, other key", entries(mapSI, "a", 1), entries(mapSI, "b", 1), false},
		{"maps that repeat a key: the last counts", entries(mapSI, "a", 1, "a", 2), entries(mapSI, "a", 2), true},
		{"maps that repeat a key, another last", entries(mapSI, "a", 1, "b", 3, "a", 2), entries(mapSI, "a", 1, "b", 3), false},
		{"maps that repeat a key, another key", entries(mapSI, "a", 1, "a", 1), entries(mapSI, "a", 1, "b", 1), false},
		{"maps by struct", entries(mapPI, fields{"x": 1}, 1), entries(mapPI, fields{"x": 1}, 1), true},
		{"structs", of(point, fields{"x": 1}), of(point, fields{"x": 1}), true},
		{"structs, one field unset", of(point, fields{"x": 1}), of(point, fields{"x": 1, "y": 0}), false},
		{"other structs", of(point, fields{}), of(shape, fields{}), false},
	}
	for _, test := range tests {
		if dynamic.Equal(test.a, test.b) != test.want || dynamic.Equal(test.b, test.a) != test.want {
			t.Errorf("%s: not %v", test.name, test.want)
		}
	}
}

func TestZero(t *testing.T) {
	twice := schematest.Struct("L0", schematest.Required(1, "leaf", schematest.I8))
	for range 40 { // 2^40 structs if nothing stopped it
		twice = schematest.Struct("L", schematest.Required(1, "a", twice.Type()), schematest.Required(2, "b", twice.Type()))
	}
	dynamic.Zero(twice.Type())
	tests := []struct {
		typ  *schema.Type
		want any
	}{
		{schema.Base(schema.KindVoid), nil},
		{schematest.Bool, false}, {schematest.I8, int8(0)}, {schematest.I64, int64(0)}, {schematest.Double, 0.0},
		{schematest.String, ""}, {schematest.Binary, []byte(nil)}, {schematest.UUID, [16]byte{}},
		{colors, int32(1)}, {(&schema.Enum{Name: "None"}).Type(), int32(0)},
		{listI, []any{}}, {setI, []any{}}, {mapSI, map[string]any{}},
		{point, map[string]any{}},
		{present, map[string]any{"req": int32(0), "req_def": int32(4), "opt_def": int32(5), "plain_def": int32(6)}},
		{shape, map[string]any{"point": map[string]any{}}},
		{schematest.Union("WithDefault", schematest.Default(schematest.Field(1, "a", schematest.I32), schematest.Int(7)), schematest.Field(2, "b", schematest.I32)).Type(), map[string]any{"a": int32(7)}},
	}
	for _, test := range tests {
		if got := dynamic.Zero(test.typ).Interface(); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %#v, want %#v", test.typ, got, test.want)
		}
	}
}

func TestFromLiteral(t *testing.T) {
	str := func(s string) *schema.Literal { return &schema.Literal{Type: schematest.String, Text: s} }
	i32 := func(n int64) *schema.Literal { return &schema.Literal{Type: schematest.I32, Int: n} }
	tests := []struct {
		l    *schema.Literal
		want any
	}{
		{&schema.Literal{Type: schematest.Bool, Bool: true}, true},
		{&schema.Literal{Type: schematest.I8, Int: -1}, int8(-1)},
		{&schema.Literal{Type: schematest.I64, Int: math.MaxInt64}, int64(math.MaxInt64)},
		{&schema.Literal{Type: colors, Int: -3}, int32(-3)},
		{&schema.Literal{Type: schematest.Double, Double: 0.5}, 0.5},
		{str("a"), "a"},
		{&schema.Literal{Type: schematest.Binary, Text: "a"}, []byte("a")},
		{&schema.Literal{Type: schematest.UUID, Text: string(uuid[:])}, uuid},
		{&schema.Literal{Type: listI, List: []*schema.Literal{i32(1), i32(2)}}, []any{int32(1), int32(2)}},
		{&schema.Literal{Type: mapSI, Map: []schema.LiteralPair{{Key: str("a"), Value: i32(1)}}}, map[string]any{"a": int32(1)}},
		{&schema.Literal{Type: point, Fields: []schema.LiteralField{{Field: corpus.Point.Fields[1], Value: i32(2)}}}, map[string]any{"y": int32(2)}},
		{&schema.Literal{Type: present}, map[string]any{"req_def": int32(4), "opt_def": int32(5), "plain_def": int32(6)}},
		{&schema.Literal{Type: shape, Fields: []schema.LiteralField{{Field: corpus.Shape.Fields[1], Value: &schema.Literal{Type: schematest.Double, Double: 1}}}}, map[string]any{"radius": 1.0}},
	}
	for _, test := range tests {
		v := dynamic.FromLiteral(test.l)
		if !reflect.DeepEqual(v.Interface(), test.want) || !v.Fits(test.l.Type) {
			t.Errorf("%s: %#v, want %#v", test.l.Type, v.Interface(), test.want)
		}
	}
}

func TestParseKey(t *testing.T) {
	tests := []struct {
		typ  *schema.Type
		text string
		want any
		err  string
	}{
		{schematest.Bool, "true", true, ""},
		{schematest.Bool, "yes", nil, `invalid value: want bool, got "yes"`},
		{schematest.I8, "-128", int8(-128), ""},
		{schematest.I8, "128", nil, "invalid value: 128 is out of range for i8"},
		{schematest.I64, "9223372036854775807", int64(math.MaxInt64), ""},
		{schematest.I64, "9223372036854775808", nil, `invalid value: want i64, got "9223372036854775808"`},
		{schematest.Double, "1e3", 1000.0, ""},
		{schematest.Double, "-Infinity", math.Inf(-1), ""},
		{schematest.Double, "x", nil, `invalid value: want double, got "x"`},
		{schematest.String, "", "", ""},
		{colors, "RED", int32(1), ""},
		{colors, "-7", int32(-7), ""},
		{colors, "PINK", nil, `invalid value: enum Color has no value "PINK" (it has RED, GREEN, BLUE, LEAF)`},
		{schematest.UUID, uuidText, uuid, ""},
		{schematest.UUID, "x", nil, `invalid value: "x" is not a uuid`},
	}
	for _, test := range tests {
		v, ok, err := dynamic.ParseKey(test.typ, test.text)
		if !ok || v.Interface() != test.want || (err != nil || test.err != "") && (err == nil || err.Error() != test.err) {
			t.Errorf("%s %q: %v, %v, %v", test.typ, test.text, v.Interface(), ok, err)
		}
	}
	for _, typ := range []*schema.Type{schematest.Binary, point, listI, setI, mapSI} {
		if _, ok, err := dynamic.ParseKey(typ, "x"); ok || err != nil {
			t.Errorf("%s has no text form", typ)
		}
	}
}

func TestValueAccessors(t *testing.T) {
	v := dynamic.String("a")
	if v.Int() != 0 || v.Bool() || v.Double() != 0 || v.UUID() != [16]byte{} || v.Struct() != nil || v.List() != nil || v.Map() != nil {
		t.Error("a string is also something else")
	}
	if n := dynamic.I32(1); n.Text() != "" || n.Bytes() != nil {
		t.Error("a number is also a text")
	}
	if dynamic.StructValue(nil).IsSet() || dynamic.ListValue(nil).IsSet() || dynamic.MapValue(nil).IsSet() {
		t.Error("nil is set")
	}
}

func TestContainers(t *testing.T) {
	l := dynamic.NewList(listI)
	if err := l.Append(1); err != nil || l.Len() != 1 {
		t.Error(err)
	}
	for v, want := range map[any]string{
		nil: "in [1]: invalid value: want i32, got nothing",
		"x": `in [1]: invalid value: want i32, got "x"`,
	} {
		if err := l.Append(v); err == nil || err.Error() != want || l.Len() != 1 {
			t.Errorf("%v, want %s", err, want)
		}
	}
	m := entries(mapSI, "a", 1, "b", 2, "a", 3).Map()
	if v, ok := m.Get(dynamic.String("a")); !ok || v.Int() != 3 {
		t.Errorf("the last entry counts, not %v", v.Interface())
	}
	if _, ok := m.Get(dynamic.String("c")); ok {
		t.Error("there is no c")
	}
	if err := m.Append(1, 1); err == nil || err.Error() != "in [3] key: invalid value: want string, got 1" {
		t.Error(err)
	}
	if err := m.Append("c", nil); err == nil || err.Error() != "in [3] value: invalid value: want i32, got nothing" || m.Len() != 3 {
		t.Error(err)
	}
}

// TestMapSet sets and deletes in a map that holds a key twice, as a message may.
func TestMapSet(t *testing.T) {
	m := dynamic.NewMap(schema.MapOf(schematest.I32, schematest.String))
	show := func() string {
		var b strings.Builder
		for _, e := range m.Entries() {
			fmt.Fprintf(&b, "%d:%s ", e.Key.Int(), e.Value.Text())
		}
		return b.String()
	}
	for _, tt := range []struct {
		do   func() any
		want any
		m    string
	}{
		{func() any { return m.Append(1, "a") }, nil, "1:a "},
		{func() any { return m.Append(2, "b") }, nil, "1:a 2:b "},
		{func() any { return m.Append(1, "c") }, nil, "1:a 2:b 1:c "},
		{func() any { return m.Set(1, "d") }, nil, "1:a 2:b 1:d "},
		{func() any { return m.Set(2, "e") }, nil, "1:a 2:e 1:d "},
		{func() any { return m.Set(3, "f") }, nil, "1:a 2:e 1:d 3:f "},
		{func() any { return m.Set("x", "f").Error() }, `in [4] key: invalid value: want i32, got "x"`, "1:a 2:e 1:d 3:f "},
		{func() any { return m.Set(4, 4).Error() }, "in [4] value: invalid value: want string, got 4", "1:a 2:e 1:d 3:f "},
		{func() any { return m.Set(4, nil).Error() }, "in [4] value: invalid value: want string, got nothing", "1:a 2:e 1:d 3:f "},
		{func() any { return m.Delete(4) }, false, "1:a 2:e 1:d 3:f "},
		{func() any { return m.Delete("x") }, false, "1:a 2:e 1:d 3:f "},
		{func() any { return m.Delete(nil) }, false, "1:a 2:e 1:d 3:f "},
		{func() any { return m.Delete(int8(1)) }, true, "2:e 3:f "},
		{func() any { return m.Delete(1) }, false, "2:e 3:f "},
	} {
		if got := tt.do(); got != tt.want || show() != tt.m {
			t.Errorf("got %v, %s; want %v, %s", got, show(), tt.want, tt.m)
		}
	}
}
