package binary

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

var corpus = schematest.New()

// The Go types of the corpus.
type (
	Color int32
	Point struct{ X, Y int32 }

	Scalars struct {
		Flag   bool
		Tiny   int8
		Small  int16
		Number int32
		Big    int64
		Ratio  float64
		Name   string
		Data   []byte
		ID     [16]byte
		Color  Color
	}

	Containers struct {
		Ints    []int32
		Longs   map[int64]struct{}
		Words   []string
		Points  []*Point
		Counts  map[string]int32
		Names   map[int32]string
		ByColor map[Color]Point
		ByPoint map[Point]string
		Grid    [][]bool
		Colors  []Color
		Blobs   map[string]bool
		IDs     map[[16]byte]float64 `thrift:"ids"`
		Flags   map[bool][]int64
		Ratios  map[float64]int8
		Far     []int16
	}

	Presence struct {
		Req       int32
		Opt       *int32
		Plain     int32
		ReqDef    int32
		OptDef    *int32
		PlainDef  int32
		OptList   []int32
		PlainList []int32
	}

	Shape struct {
		Point  *Point
		Radius *float64
		Label  *string
	}

	Node struct {
		Value    int32
		Next     *Node
		Children []*Node
		Named    map[string]*Node
	}

	Oops struct{ Message string }
)

// RelayShape and RelayPoint keep what they do not know.
type (
	RelayShape struct {
		Radius  *float64
		Unknown wire.UnknownFields
	}
	RelayPoint struct {
		X    int32
		Rest wire.UnknownFields
	}
)

// goTypes has the Go type of each struct of the corpus.
var goTypes = map[*schema.Struct]reflect.Type{
	corpus.Point: reflect.TypeFor[Point](), corpus.Scalars: reflect.TypeFor[Scalars](), corpus.Containers: reflect.TypeFor[Containers](),
	corpus.Presence: reflect.TypeFor[Presence](), corpus.Shape: reflect.TypeFor[Shape](), corpus.Node: reflect.TypeFor[Node](), corpus.Oops: reflect.TypeFor[Oops](),
}

func planOf(t reflect.Type, st *schema.Type) *plan.Type {
	p, err := plan.ForType(t, st)
	if err != nil {
		panic(err)
	}
	return p
}

// encode encodes *v as st.
func encode(v any, st *schema.Type) ([]byte, error) {
	rv := reflect.ValueOf(v)
	return Protocol{}.AppendValue(nil, planOf(rv.Type().Elem(), st), mem.Of(rv))
}

// decode decodes src, which must be st and nothing else, into *v.
func decode(src []byte, v any, st *schema.Type) error {
	rv := reflect.ValueOf(v)
	n, err := Protocol{}.ConsumeValue(src, 0, planOf(rv.Type().Elem(), st), mem.Of(rv))
	if err == nil && n != len(src) {
		err = fmt.Errorf("%d of %d bytes were read", n, len(src))
	}
	return err
}

func ptr[T any](v T) *T { return &v }

type fields = map[string]any

var someID = [16]byte{0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00}

// golden is one table for the three representations of a value: bytes (in hex, by hand from the
// specification), Go types, dynamic.
var golden = []struct {
	name  string
	desc  *schema.Struct
	bound any
	dyn   fields
	hex   string
}{
	{"i32 fields", corpus.Point, &Point{1, -2}, fields{"x": 1, "y": -2},
		"08 0001 00000001  08 0002 fffffffe  00"},
	{"scalars", corpus.Scalars,
		&Scalars{true, -2, 0x1234, math.MinInt32, math.MaxInt64, 1.5, "é", []byte{0, 0xff}, someID, 77},
		fields{"flag": true, "tiny": -2, "small": 0x1234, "number": math.MinInt32, "big": int64(math.MaxInt64), "ratio": 1.5, "name": "é", "data": []byte{0, 0xff}, "id": someID, "color": 77},
		"02 0001 01  03 0002 fe  06 0003 1234  08 0004 80000000  0a 0005 7fffffffffffffff  04 0006 3ff8000000000000" +
			"0b 0007 00000002 c3a9  0b 0008 00000002 00ff  10 0009 123e4567e89b12d3a456426614174000  08 000a 0000004d  00"},
	{"scalars that are zero", corpus.Scalars, &Scalars{Data: []byte{}},
		fields{"flag": false, "tiny": 0, "small": 0, "number": 0, "big": 0, "ratio": 0, "name": "", "data": "", "id": [16]byte{}, "color": 0},
		"02 0001 00  03 0002 00  06 0003 0000  08 0004 00000000  0a 0005 0000000000000000  04 0006 0000000000000000" +
			"0b 0007 00000000  0b 0008 00000000  10 0009 00000000000000000000000000000000  08 000a 00000000  00"},
	{"extremes", corpus.Scalars,
		&Scalars{Tiny: math.MinInt8, Small: math.MinInt16, Number: math.MaxInt32, Big: math.MinInt64, Ratio: math.Inf(-1), Name: "\xff\xfe", Data: []byte{}, Color: -3},
		fields{"flag": false, "tiny": math.MinInt8, "small": math.MinInt16, "number": math.MaxInt32, "big": int64(math.MinInt64), "ratio": math.Inf(-1), "name": "\xff\xfe", "data": "", "id": [16]byte{}, "color": "BLUE"},
		"02 0001 00  03 0002 80  06 0003 8000  08 0004 7fffffff  0a 0005 8000000000000000  04 0006 fff0000000000000" +
			"0b 0007 00000002 fffe  0b 0008 00000000  10 0009 00000000000000000000000000000000  08 000a fffffffd  00"},
	{"list of i32", corpus.Containers, &Containers{Ints: []int32{1, -1}}, fields{"ints": []int{1, -1}},
		"0f 0001 08 00000002 00000001 ffffffff  00"},
	{"set of i64", corpus.Containers, &Containers{Longs: map[int64]struct{}{5: {}}}, fields{"longs": []int{5}},
		"0e 0002 0a 00000001 0000000000000005  00"},
	{"list of string", corpus.Containers, &Containers{Words: []string{"", "ab"}}, fields{"words": []string{"", "ab"}},
		"0f 0003 0b 00000002 00000000 00000002 6162  00"},
	{"list of struct", corpus.Containers, &Containers{Points: []*Point{{1, 2}}}, fields{"points": []fields{{"x": 1, "y": 2}}},
		"0f 0004 0c 00000001  08 0001 00000001  08 0002 00000002  00  00"},
	{"map string to i32", corpus.Containers, &Containers{Counts: map[string]int32{"a": 7}}, fields{"counts": map[string]int{"a": 7}},
		"0d 0005 0b 08 00000001  00000001 61  00000007  00"},
	{"map i32 to string", corpus.Containers, &Containers{Names: map[int32]string{7: "a"}}, fields{"names": map[int]string{7: "a"}},
		"0d 0006 08 0b 00000001  00000007  00000001 61  00"},
	{"map enum to struct", corpus.Containers, &Containers{ByColor: map[Color]Point{2: {3, 4}}}, fields{"by_color": map[string]fields{"GREEN": {"x": 3, "y": 4}}},
		"0d 0007 08 0c 00000001  00000002  08 0001 00000003  08 0002 00000004  00  00"},
	{"map struct to string", corpus.Containers, &Containers{ByPoint: map[Point]string{{3, 4}: "p"}},
		fields{"by_point": mapValue(schema.MapOf(corpus.Point.Type(), schematest.String), fields{"x": 3, "y": 4}, "p")},
		"0d 0008 0c 0b 00000001  08 0001 00000003  08 0002 00000004  00  00000001 70  00"},
	{"list of lists", corpus.Containers, &Containers{Grid: [][]bool{{true, false}, {}}}, fields{"grid": [][]bool{{true, false}, {}}},
		"0f 0009 0f 00000002  02 00000002 01 00  02 00000000  00"},
	{"set of enum", corpus.Containers, &Containers{Colors: []Color{1, -3}}, fields{"colors": []string{"RED", "BLUE"}},
		"0e 000a 08 00000002 00000001 fffffffd  00"},
	{"map binary to bool", corpus.Containers, &Containers{Blobs: map[string]bool{"\xff": true}}, fields{"blobs": map[string]bool{"\xff": true}},
		"0d 000b 0b 02 00000001  00000001 ff  01  00"},
	{"map uuid to double", corpus.Containers, &Containers{IDs: map[[16]byte]float64{someID: 1}}, fields{"ids": map[[16]byte]float64{someID: 1}},
		"0d 000c 10 04 00000001  123e4567e89b12d3a456426614174000  3ff0000000000000  00"},
	{"map bool to list", corpus.Containers, &Containers{Flags: map[bool][]int64{true: {1}}}, fields{"flags": map[bool][]int{true: {1}}},
		"0d 000d 02 0f 00000001  01  0a 00000001 0000000000000001  00"},
	{"map double to i8", corpus.Containers, &Containers{Ratios: map[float64]int8{0.5: -1}}, fields{"ratios": map[float64]int{0.5: -1}},
		"0d 000e 04 03 00000001  3fe0000000000000  ff  00"},
	{"field id above 255", corpus.Containers, &Containers{Far: []int16{1}}, fields{"far": []int{1}},
		"0f 012c 06 00000001 0001  00"},
	{"containers that are empty, not absent", corpus.Containers, &Containers{Ints: []int32{}, Longs: map[int64]struct{}{}, Counts: map[string]int32{}},
		fields{"ints": []int{}, "longs": []int{}, "counts": fields{}},
		"0f 0001 08 00000000  0e 0002 0a 00000000  0d 0005 0b 08 00000000  00"},
	{"nothing set", corpus.Containers, &Containers{}, fields{}, "00"},
	{"union", corpus.Shape, &Shape{Radius: ptr(1.5)}, fields{"radius": 1.5}, "04 0002 3ff8000000000000  00"},
	{"union with a struct", corpus.Shape, &Shape{Point: &Point{1, 2}}, fields{"point": fields{"x": 1, "y": 2}},
		"0c 0001  08 0001 00000001  08 0002 00000002  00  00"},
	{"exception", corpus.Oops, &Oops{"no"}, fields{"message": "no"}, "0b 0001 00000002 6e6f  00"},
	{"nested", corpus.Node, &Node{1, &Node{Value: 2, Children: []*Node{}}, []*Node{{Value: 3, Children: []*Node{}}}, map[string]*Node{"k": {Value: 4, Children: []*Node{}}}},
		fields{"value": 1, "next": fields{"value": 2, "children": []any{}}, "children": []fields{{"value": 3, "children": []any{}}}, "named": map[string]fields{"k": {"value": 4, "children": []any{}}}},
		"08 0001 00000001  0c 0002 08 0001 00000002 0f 0003 0c 00000000 00  0f 0003 0c 00000001 08 0001 00000003 0f 0003 0c 00000000 00" +
			"0d 0004 0b 0c 00000001 00000001 6b 08 0001 00000004 0f 0003 0c 00000000 00  00"},
	{"presence: all set", corpus.Presence, &Presence{1, ptr(int32(2)), 3, 40, ptr(int32(50)), 60, []int32{}, []int32{}},
		fields{"req": 1, "opt": 2, "plain": 3, "req_def": 40, "opt_def": 50, "plain_def": 60, "opt_list": []int{}, "plain_list": []int{}},
		"08 0001 00000001  08 0002 00000002  08 0003 00000003  08 0004 00000028  08 0005 00000032  08 0006 0000003c  0f 0007 08 00000000  0f 0008 08 00000000  00"},
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

func dynOf(desc *schema.Struct, v any) dynamic.Value {
	x, err := dynamic.Of(desc.Type(), v)
	if err != nil {
		panic(err)
	}
	return x
}

func mapValue(t *schema.Type, pairs ...any) dynamic.Value {
	m := dynamic.NewMap(t)
	for i := 0; i < len(pairs); i += 2 {
		if err := m.Append(pairs[i], pairs[i+1]); err != nil {
			panic(err)
		}
	}
	return dynamic.MapValue(m)
}

func TestGolden(t *testing.T) {
	for _, test := range golden {
		t.Run(test.name, func(t *testing.T) {
			want, st := unhex(test.hex), test.desc.Type()
			got, err := encode(test.bound, st)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("bound: % x, %v; want % x", got, err, want)
			}
			dyn := dynOf(test.desc, test.dyn)
			got, err = encode(&dyn, st)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("dynamic: % x, %v; want % x", got, err, want)
			}
			boundBack := reflect.New(reflect.TypeOf(test.bound).Elem())
			if err := decode(want, boundBack.Interface(), st); err != nil || !reflect.DeepEqual(boundBack.Interface(), test.bound) {
				t.Errorf("bound: read %+v, %v; want %+v", boundBack.Elem(), err, test.bound)
			}
			var dynBack dynamic.Value
			if err := decode(want, &dynBack, st); err != nil || !dynamic.Equal(dynBack, dyn) {
				t.Errorf("dynamic: read %v, %v; want %v", dynBack.Interface(), err, dyn.Interface())
			}
			if end, err := Skip(want, 0, wire.Struct); err != nil || end != len(want) {
				t.Errorf("Skip: %d, %v; want %d", end, err, len(want))
			}
		})
	}
}

// TestAny has the other Go forms: what takes any schema type writes the same bytes.
func TestAny(t *testing.T) {
	type anyNode struct {
		Value    any
		Next     *dynamic.Struct
		Children *dynamic.List
		Named    *dynamic.Map
	}
	type looseNode struct {
		Value    dynamic.Value
		Next     map[string]any
		Children []any
		Named    map[string]any
	}
	for _, test := range golden {
		if test.desc != corpus.Node {
			continue
		}
		want := unhex(test.hex)
		for _, v := range []any{new(anyNode), new(looseNode), new(any), new(map[string]any), new(*dynamic.Struct), ptr(&Node{})} {
			if err := decode(want, v, test.desc.Type()); err != nil {
				t.Fatalf("%T: %v", v, err)
			}
			got, err := encode(v, test.desc.Type())
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%T: % x, %v; want % x", v, got, err, want)
			}
		}
		var bound any = test.bound // a user's struct in an interface binds when it is written
		if got, err := encode(&bound, test.desc.Type()); err != nil || !bytes.Equal(got, want) {
			t.Errorf("any of %T: % x, %v; want % x", test.bound, got, err, want)
		}
	}
}

// TestRead has bytes that we do not write: what they are read as, by both forms alike.
func TestRead(t *testing.T) {
	presence := func(f fields) fields { // the defaults
		all := fields{"req_def": 4, "opt_def": 5, "plain_def": 6}
		for k, v := range f {
			all[k] = v
		}
		return all
	}
	tests := []struct {
		name  string
		desc  *schema.Struct
		hex   string
		bound any
		dyn   fields
	}{
		{"fields in another order", corpus.Point, "08 0002 00000002  08 0001 00000001  00", &Point{1, 2}, fields{"x": 1, "y": 2}},
		{"a field twice: the last counts", corpus.Point, "08 0001 00000001  08 0001 00000002  00", &Point{2, 0}, fields{"x": 2}},
		{"a list twice: the last counts", corpus.Containers, "0f 0001 08 00000002 00000001 00000002  0f 0001 08 00000001 00000003  00", &Containers{Ints: []int32{3}}, fields{"ints": []int{3}}},
		{"a field absent", corpus.Point, "00", &Point{}, fields{}},
		{"wrong type is skipped", corpus.Point, "0a 0001 0000000000000007  08 0002 00000002  00", &Point{0, 2}, fields{"y": 2}},
		{"binary for a string field and the reverse", corpus.Scalars, "0b 0007 00000001 ff  0b 0008 00000001 61  00", &Scalars{Name: "\xff", Data: []byte("a")}, fields{"name": "\xff", "data": "a"}},
		{"a bool byte that is not 0 is true", corpus.Scalars, "02 0001 02  00", &Scalars{Flag: true}, fields{"flag": true}},
		{"elements of another type: as if none were sent", corpus.Containers, "0f 0001 0a 00000001 0000000000000007  0f 0003 0b 00000000  00", &Containers{Ints: []int32{}, Words: []string{}}, fields{"ints": []int{}, "words": []string{}}},
		{"keys of another type", corpus.Containers, "0d 0005 08 08 00000001 00000001 00000002  00", &Containers{Counts: map[string]int32{}}, fields{"counts": fields{}}},
		{"values of another type", corpus.Containers, "0d 0005 0b 0b 00000001 00000001 61 00000001 62  00", &Containers{Counts: map[string]int32{}}, fields{"counts": fields{}}},
		{"elements of another type that vary in size", corpus.Containers, "0e 0002 0c 00000002 00 08 0001 00000001 00  00", &Containers{Longs: map[int64]struct{}{}}, fields{"longs": []int{}}},
		{"empty map without types", corpus.Containers, "0d 0005 00 00 00000000  00", &Containers{Counts: map[string]int32{}}, fields{"counts": fields{}}},
		{"empty list without type", corpus.Containers, "0f 0001 00 00000000  00", &Containers{Ints: []int32{}}, fields{"ints": []int{}}},
		{"a list where a set is wanted is skipped", corpus.Containers, "0f 0002 0a 00000001 0000000000000005  00", &Containers{}, fields{}},
		{"defaults", corpus.Presence, "08 0001 00000001  00", &Presence{Req: 1, ReqDef: 4, OptDef: ptr(int32(5)), PlainDef: 6}, presence(fields{"req": 1})},
		{"a field with default is there", corpus.Presence, "08 0001 00000001  08 0005 00000000  00", &Presence{Req: 1, ReqDef: 4, OptDef: ptr(int32(0)), PlainDef: 6}, presence(fields{"req": 1, "opt_def": 0})},
		{"a field with default has the wrong type", corpus.Presence, "08 0001 00000001  02 0006 00  00", &Presence{Req: 1, ReqDef: 4, OptDef: ptr(int32(5)), PlainDef: 6}, presence(fields{"req": 1})},
		{"union without member", corpus.Shape, "00", &Shape{}, fields{}},
		{"union's member twice", corpus.Shape, "04 0002 0000000000000000  04 0002 3ff8000000000000  00", &Shape{Radius: ptr(1.5)}, fields{"radius": 1.5}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			src := unhex(test.hex)
			bound := reflect.New(goTypes[test.desc])
			if err := decode(src, bound.Interface(), test.desc.Type()); err != nil || !reflect.DeepEqual(bound.Interface(), test.bound) {
				t.Errorf("bound: %+v, %v; want %+v", bound.Elem(), err, test.bound)
			}
			var dyn dynamic.Value
			if err := decode(src, &dyn, test.desc.Type()); err != nil || !dynamic.Equal(dyn, dynOf(test.desc, test.dyn)) {
				t.Errorf("dynamic: %v, %v; want %v", dyn.Interface(), err, test.dyn)
			}
		})
	}
}

// TestReadBad has bytes that neither form takes; the errors are the same.
func TestReadBad(t *testing.T) {
	tests := []struct {
		name string
		desc *schema.Struct
		hex  string
		err  string
		is   error
	}{
		{"nothing", corpus.Point, "", "at byte 0: the message ends early", wire.ErrTruncated},
		{"no stop", corpus.Point, "08 0001 00000001", "at byte 7: the message ends early", wire.ErrTruncated},
		{"half a field header", corpus.Point, "08 00", "at byte 2: the message ends early", wire.ErrTruncated},
		{"half a number", corpus.Point, "08 0001 0000", "at byte 5, in Point.x (field 1): the message ends early", wire.ErrTruncated},
		{"unknown field of no type", corpus.Point, "05 0063 00", "at byte 3: invalid data: type 5 is not the type of a value", wire.ErrInvalid},
		{"unknown field of type void", corpus.Point, "01 0063 00", "at byte 3: invalid data: void is not the type of a value", wire.ErrInvalid},
		{"string longer than the message", corpus.Oops, "0b 0001 00000005 6e6f 00", "at byte 3, in Oops.message (field 1): the message ends early: length 5, but 3 bytes remain", wire.ErrTruncated},
		{"negative length", corpus.Oops, "0b 0001 ffffffff 00", "at byte 3, in Oops.message (field 1): invalid data: length -1", wire.ErrInvalid},
		{"negative count", corpus.Containers, "0f 0001 08 80000000 00", "at byte 3, in Containers.ints (field 1): invalid data: count -2147483648", wire.ErrInvalid},
		{"count larger than the message", corpus.Containers, "0f 0001 08 00000002 00000001 00", "at byte 3, in Containers.ints (field 1): the message ends early: count 2, but 5 bytes remain", wire.ErrTruncated},
		{"elements of no type", corpus.Containers, "0f 0001 00 00000001 00", "at byte 3, in Containers.ints (field 1): invalid data: stop is not the type of a value", wire.ErrInvalid},
		{"keys of no type", corpus.Containers, "0d 0005 07 08 00000001 00", "at byte 3, in Containers.counts (field 5): invalid data: type 7 is not the type of a value", wire.ErrInvalid},
		{"element in depth", corpus.Node, "0f 0003 0c 00000002  00  08 0001 00", "at byte 13, in Node.children (field 3)[1] > Node.value (field 1): the message ends early", wire.ErrTruncated},
		{"required field", corpus.Presence, "00", "at byte 0, in Presence.req (field 1): a required field is missing", wire.ErrMissing},
		{"required field of another type", corpus.Presence, "0a 0001 0000000000000001 00", "at byte 11, in Presence.req (field 1): a required field is missing", wire.ErrMissing},
		{"union with two members", corpus.Shape, "04 0002 0000000000000000  0b 0003 00000000  00", "at byte 18: invalid data: union Shape has more than one member", wire.ErrInvalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			src := unhex(test.hex)
			bound := reflect.New(goTypes[test.desc])
			for _, into := range []any{bound.Interface(), new(dynamic.Value)} {
				err := decode(src, into, test.desc.Type())
				if err == nil || err.Error() != test.err || !errors.Is(err, test.is) {
					t.Errorf("%T: %v\nwant %s", into, err, test.err)
				}
			}
		})
	}
}

// TestWriteBad has values that may not be written.
func TestWriteBad(t *testing.T) {
	loop := &Node{}
	loop.Next = loop
	type mistyped struct{ X, Y any }
	tests := []struct {
		name string
		desc *schema.Struct
		v    any
		err  string
	}{
		{"required field of a dynamic struct", corpus.Presence, ptr(dynOf(corpus.Presence, fields{})), "in Presence.req (field 1): a required field is missing: it must be set"},
		{"union with none", corpus.Shape, &Shape{}, "the value does not fit: union Shape must have exactly one member set, it has 0"},
		{"union with none, dynamic", corpus.Shape, ptr(dynOf(corpus.Shape, fields{})), "the value does not fit: union Shape must have exactly one member set, it has 0"},
		{"union with two", corpus.Shape, &Shape{Radius: ptr(1.0), Label: ptr("")}, "the value does not fit: union Shape must have exactly one member set, it has 2"},
		{"union with two, dynamic", corpus.Shape, ptr(dynOf(corpus.Shape, fields{"radius": 1, "label": ""})), "the value does not fit: union Shape must have exactly one member set, it has 2"},
		{"nil element", corpus.Node, &Node{Children: []*Node{nil}}, "in Node.children (field 3)[0]: the value does not fit: nil pointer to Node"},
		{"nil entry", corpus.Node, &Node{Named: map[string]*Node{"a": nil}}, "in Node.named (field 4)[0] value: the value does not fit: nil pointer to Node"},
		{"the wrong thing in an interface", corpus.Point, &mistyped{X: "1", Y: 2}, `in Point.x (field 1): the value does not fit: i32 is wanted, not "1"`},
		{"out of range in an interface", corpus.Point, &mistyped{X: int64(1 << 40)}, "in Point.x (field 1): the value does not fit: 1099511627776 is out of the range of i32"},
		{"another struct in an interface", corpus.Point, ptr(any(&Oops{})), "the value does not fit: corpus.thrift:10:8: struct Point and Go binary.Oops.Message (string): the IDL has no such field: use a tag such as `thrift:\"name\"` for another name, or `thrift:\"-\"` to leave it out\n" +
			"corpus.thrift:11:3: Point.x (i32) and Go binary.Oops: the Go struct has no field for it (a field of type wire.UnknownFields would keep what has none)\n" +
			"corpus.thrift:12:3: Point.y (i32) and Go binary.Oops: the Go struct has no field for it (a field of type wire.UnknownFields would keep what has none)"},
		{"nothing", corpus.Point, new(dynamic.Value), "the value does not fit: Point is wanted, not nothing"},
		{"a value of another struct", corpus.Point, ptr(dynOf(corpus.Oops, fields{})), "the value does not fit: Point is wanted, not struct"},
		{"contains itself", corpus.Node, loop, "in " + strings.Repeat("Node.next (field 2) > ", 63) + "Node.next (field 2): nested too deep: more than 64 levels"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := encode(test.v, test.desc.Type())
			if err == nil || err.Error() != test.err {
				t.Errorf("%v\nwant %s", err, test.err)
			}
		})
	}
}

// TestWriteUnset is the writing half of the rule in the package comment of schema.
func TestWriteUnset(t *testing.T) {
	bound, err := encode(&Presence{}, corpus.Presence.Type())
	if want := unhex("08 0001 00000000  08 0003 00000000  08 0004 00000000  08 0006 00000000  0f 0008 08 00000000  00"); err != nil || !bytes.Equal(bound, want) {
		t.Errorf("bound: % x, %v; want % x", bound, err, want)
	}
	dyn := dynOf(corpus.Presence, fields{"req": 0, "req_def": 0})
	got, err := encode(&dyn, corpus.Presence.Type())
	if want := unhex("08 0001 00000000  08 0004 00000000  00"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("dynamic: % x, %v; want % x", got, err, want)
	}
}

func TestNaN(t *testing.T) {
	const bits = 0x7ff8000000abcdef // the payload must survive
	src := unhex("04 0006 7ff8000000abcdef 00")
	var bound Scalars
	var dyn dynamic.Value
	if err := errors.Join(decode(src, &bound, corpus.Scalars.Type()), decode(src, &dyn, corpus.Scalars.Type())); err != nil {
		t.Fatal(err)
	}
	if math.Float64bits(bound.Ratio) != bits || math.Float64bits(dyn.Struct().Get("ratio").Double()) != bits {
		t.Error("the bits of a NaN are lost")
	}
	if got, err := encode(&dyn, corpus.Scalars.Type()); err != nil || !bytes.Equal(got, src) {
		t.Errorf("% x, %v", got, err)
	}
}

func TestUnknownFields(t *testing.T) {
	// y, field 9 and field 10 are not in the Go struct.
	src := unhex("08 0001 00000001  0b 0009 00000001 61  08 0002 00000002  0f 000a 0c 00000001 00  00")
	var p RelayPoint
	if err := decode(src, &p, corpus.Point.Type()); err != nil {
		t.Fatal(err)
	}
	rest := unhex("0b 0009 00000001 61  08 0002 00000002  0f 000a 0c 00000001 00")
	if p.X != 1 || !bytes.Equal(p.Rest, rest) {
		t.Errorf("%+v", p)
	}
	if got, err := encode(&p, corpus.Point.Type()); err != nil || !bytes.Equal(got, src) {
		t.Errorf("sent on: % x, %v", got, err)
	}
	var dyn dynamic.Value
	if err := decode(src, &dyn, corpus.Point.Type()); err != nil {
		t.Fatal(err)
	}
	if want := unhex("0b 0009 00000001 61  0f 000a 0c 00000001 00"); !bytes.Equal(dyn.Struct().Unknown(), want) {
		t.Errorf("dynamic: % x", dyn.Struct().Unknown())
	}
	sentOn := unhex("08 0001 00000001  08 0002 00000002  0b 0009 00000001 61  0f 000a 0c 00000001 00  00")
	if got, err := encode(&dyn, corpus.Point.Type()); err != nil || !bytes.Equal(got, sentOn) {
		t.Errorf("dynamic, sent on: % x, %v", got, err)
	}
	var plain Point
	if err := decode(src, &plain, corpus.Point.Type()); err != nil || plain != (Point{1, 2}) {
		t.Errorf("skipped: %+v, %v", plain, err)
	}
}

// TestUnknownMember sends on a union whose member only the peers know.
func TestUnknownMember(t *testing.T) {
	src := unhex("08 0063 00000001  00")
	for _, v := range []any{new(RelayShape), new(dynamic.Value)} {
		if err := decode(src, v, corpus.Shape.Type()); err != nil {
			t.Fatal(err)
		}
		if got, err := encode(v, corpus.Shape.Type()); err != nil || !bytes.Equal(got, src) {
			t.Errorf("%T: % x, %v", v, got, err)
		}
	}
}

// TestOwnership overwrites what was decoded: strings and binaries share its memory, and nothing else does.
func TestOwnership(t *testing.T) {
	src := unhex("08 0004 00000001  0b 0007 00000001 61  0b 0008 00000001 62  10 0009 123e4567e89b12d3a456426614174000  00")
	var v Scalars
	if err := decode(src, &v, corpus.Scalars.Type()); err != nil {
		t.Fatal(err)
	}
	if cap(v.Data) != 1 {
		t.Errorf("an append to the binary would write into the message: cap %d", cap(v.Data))
	}
	for i := range src {
		src[i] = 'z'
	}
	if v.Name != "z" || string(v.Data) != "z" || v.Number != 1 || v.ID != someID {
		t.Errorf("%+v", v)
	}
}

func TestHeader(t *testing.T) {
	tests := []struct {
		name string
		h    wire.Header
		hex  string
		old  string
	}{
		{"call", wire.Header{Name: "ping", Type: wire.Call, SeqID: 1}, "8001 0001 00000004 70696e67 00000001", "00000004 70696e67 01 00000001"},
		{"reply, negative sequence id", wire.Header{Name: "é", Type: wire.Reply, SeqID: -1}, "8001 0002 00000002 c3a9 ffffffff", "00000002 c3a9 02 ffffffff"},
		{"exception", wire.Header{Name: "a", Type: wire.Exception}, "8001 0003 00000001 61 00000000", "00000001 61 03 00000000"},
		{"oneway, no name", wire.Header{Type: wire.Oneway, SeqID: math.MaxInt32}, "8001 0004 00000000 7fffffff", "00000000 04 7fffffff"},
	}
	for _, test := range tests {
		for _, form := range []struct {
			p   Protocol
			hex string
		}{{Protocol{}, test.hex}, {Protocol{Old: true}, test.old}} {
			want := unhex(form.hex)
			if got := form.p.AppendHeader(nil, test.h); !bytes.Equal(got, want) {
				t.Errorf("%s: % x, want % x", test.name, got, want)
			}
			h, off, err := Protocol{}.ConsumeHeader(append(want, 0xff))
			if h != test.h || off != len(want) || err != nil {
				t.Errorf("%s: %+v, %d, %v", test.name, h, off, err)
			}
			for i := range want {
				if _, _, err := ConsumeHeader(want[:i]); !errors.Is(err, wire.ErrTruncated) {
					t.Errorf("%s: %d bytes: %v", test.name, i, err)
				}
			}
		}
	}
	// The byte between version and type means nothing.
	if h, _, err := ConsumeHeader(unhex("8001 ff01 00000000 00000000")); err != nil || h.Type != wire.Call {
		t.Errorf("%+v, %v", h, err)
	}
	for _, test := range []struct{ hex, err string }{
		{"8002 0001 00000000 00000000", "at byte 0: invalid data: version 0x8002, not 0x8001"},
		{"8001 0001 ffffffff 00000000", "at byte 4: invalid data: length -1"},
		{"8001 0001 00000009 61 00000000", "at byte 4: the message ends early: length 9, but 5 bytes remain"},
		{"7fffffff 61 01 00000000", "at byte 0: the message ends early: length 2147483647, but 6 bytes remain"},
	} {
		if _, _, err := ConsumeHeader(unhex(test.hex)); err == nil || err.Error() != test.err {
			t.Errorf("%s: %v, want %s", test.hex, err, test.err)
		}
	}
}

// TestDepth nests every kind of thing: 64 levels pass everywhere, 65 nowhere.
func TestDepth(t *testing.T) {
	tests := []struct {
		name        string
		open, close string // of one level around the next
		leaf        string // the innermost level
		per         int    // levels that open stands for
	}{
		{"structs", "0c 0002", "00", "08 0001 00000001 00", 1},
		{"structs in lists", "0f 0003 0c 00000001", "00", "00", 2},
		{"structs in maps", "0d 0004 0b 0c 00000001 00000000", "00", "00", 2},
	}
	for _, test := range tests {
		for _, n := range []int{wire.MaxDepth, wire.MaxDepth + 1} {
			levels, leaf := n-1, test.leaf
			if test.per == 2 && levels%2 == 1 { // end with an empty list
				leaf = "0f 0003 0c 00000000 00"
			}
			src := unhex(strings.Repeat(test.open, levels/test.per) + leaf + strings.Repeat(test.close, levels/test.per))
			want := n <= wire.MaxDepth
			check := func(what string, err error) {
				t.Helper()
				if (err == nil) != want || err != nil && !errors.Is(err, wire.ErrTooDeep) {
					t.Errorf("%s, %d levels: %s: %v", test.name, n, what, err)
				}
			}
			_, err := Skip(src, 0, wire.Struct)
			check("skip", err)
			check("skip as an unknown field", decode(append(unhex("08 0001 00000001"), src...), new(Point), corpus.Point.Type()))
			bound, dyn := new(Node), new(dynamic.Value)
			check("bound", decode(src, bound, corpus.Node.Type()))
			check("dynamic", decode(src, dyn, corpus.Node.Type()))
			_, _, err = NewSplitter(1 << 20).Split(append(AppendHeader(nil, wire.Header{}), src...))
			check("split", err)
		}
	}
}

// TestWriteDepth nests what is to be written.
func TestWriteDepth(t *testing.T) {
	type bare struct {
		Next     *bare
		Children []*bare          `thrift:"children,omitzero"`
		Named    map[string]*bare `thrift:"named"`
		Rest     wire.UnknownFields
	}
	wraps := map[string]struct {
		per  int
		wrap func(*bare) *bare
	}{
		"structs": {1, func(b *bare) *bare { return &bare{Next: b} }},
		"lists":   {2, func(b *bare) *bare { return &bare{Children: []*bare{b}} }},
		"maps":    {2, func(b *bare) *bare { return &bare{Named: map[string]*bare{"": b}} }},
	}
	for name, w := range wraps {
		v := &bare{}
		levels := 1
		for ; levels+w.per <= wire.MaxDepth; levels += w.per {
			v = w.wrap(v)
		}
		good, err := encode(v, corpus.Node.Type())
		if err != nil {
			t.Fatalf("%s: %d levels: %v", name, levels, err)
		}
		if _, err := encode(w.wrap(v), corpus.Node.Type()); !errors.Is(err, wire.ErrTooDeep) {
			t.Errorf("%s: more levels: %v", name, err)
		}
		var dyn dynamic.Value
		if err := decode(good, &dyn, corpus.Node.Type()); err != nil {
			t.Fatal(err)
		}
		outer := dynamic.New(corpus.Node)
		switch w.per {
		case 1:
			err = outer.Set("next", dyn)
		default:
			err = outer.Set("children", []any{dyn})
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := encode(ptr(dynamic.StructValue(outer)), corpus.Node.Type()); !errors.Is(err, wire.ErrTooDeep) {
			t.Errorf("%s: more levels, dynamic: %v", name, err)
		}
	}
}

// messages are the golden values as whole messages.
func messages() [][]byte {
	var all [][]byte
	for i, test := range golden {
		h := wire.Header{Name: "m" + strings.Repeat("x", i), Type: wire.Call, SeqID: int32(i)}
		all = append(all, append(AppendHeader(nil, h), unhex(test.hex)...))
		all = append(all, append(AppendOldHeader(nil, h), unhex(test.hex)...))
	}
	return all
}

func TestTruncated(t *testing.T) {
	for _, test := range golden {
		src := unhex(test.hex)
		for i := range src {
			for _, into := range []any{reflect.New(goTypes[test.desc]).Interface(), new(dynamic.Value)} {
				if err := decode(src[:i:i], into, test.desc.Type()); !errors.Is(err, wire.ErrTruncated) {
					t.Errorf("%s: %T: %d of %d bytes: %v", test.name, into, i, len(src), err)
				}
			}
			if _, err := Skip(src[:i:i], 0, wire.Struct); !errors.Is(err, wire.ErrTruncated) {
				t.Errorf("%s: skip: %d of %d bytes: %v", test.name, i, len(src), err)
			}
		}
	}
}

// TestFlipped changes every byte: an error or a value, and the same for both forms.
func TestFlipped(t *testing.T) {
	for _, test := range golden {
		src := unhex(test.hex)
		for i, was := range src {
			values := []byte{^was} // all bits, each bit, every type
			for bit := range 8 {
				values = append(values, was^1<<bit)
			}
			for t := range byte(wire.UUID) + 1 {
				values = append(values, t)
			}
			for _, c := range values {
				src[i] = c
				bound := decode(src, reflect.New(goTypes[test.desc]).Interface(), test.desc.Type())
				dyn := decode(src, new(dynamic.Value), test.desc.Type())
				if fmt.Sprint(bound) != fmt.Sprint(dyn) {
					t.Fatalf("%s: byte %d is %#x: bound %v, dynamic %v", test.name, i, c, bound, dyn)
				}
			}
			src[i] = was
		}
	}
}

// TestClaims sends counts and lengths of 2^26 with nothing behind them.
func TestClaims(t *testing.T) {
	tests := []struct{ name, hex string }{
		{"list of i32", "0f 0001 08 04000000 0000"}, {"set", "0e 0002 0a 04000000 0000"}, {"list of string", "0f 0003 0b 04000000 0000"},
		{"list of struct", "0f 0004 0c 04000000 0000"}, {"map", "0d 0005 0b 08 04000000 0000"}, {"map of structs", "0d 0008 0c 0b 04000000 0000"},
		{"list of lists", "0f 0009 0f 04000000 0000"}, {"elements of another type", "0f 0001 0c 04000000 0000"}, {"unknown field", "0f 0063 02 04000000 0000"},
		{"map of bool and list", "0d 000d 02 0f 04000000 0000"},
	}
	for _, test := range tests {
		src := unhex(test.hex)
		for _, into := range []any{new(Containers), new(dynamic.Value)} {
			if n := allocated(func() {
				if err := decode(src, into, corpus.Containers.Type()); !errors.Is(err, wire.ErrTruncated) {
					t.Errorf("%s: %v", test.name, err)
				}
			}); n > 16<<10 {
				t.Errorf("%s: %T: %d bytes allocated for %d", test.name, into, n, len(src))
			}
		}
	}
	src := unhex("0b 0001 04000000 0000")
	if n := allocated(func() { decode(src, new(Oops), corpus.Oops.Type()) }); n > 16<<10 {
		t.Errorf("string: %d bytes allocated", n)
	}
}

// TestClaimsInside sends many elements that claim much: what is allocated stays a small multiple.
func TestClaimsInside(t *testing.T) {
	const n = 100_000
	src := unhex("0f 0009 0f") // grid: a list of n empty lists
	src = append(src, byte(n>>24), byte(n>>16&0xff), byte(n>>8&0xff), byte(n&0xff))
	for range n {
		src = append(src, unhex("02 00000000")...)
	}
	src = append(src, 0)
	for _, into := range []any{new(Containers), new(dynamic.Value)} {
		got := allocated(func() {
			if err := decode(src, into, corpus.Containers.Type()); err != nil {
				t.Error(err)
			}
		})
		if got > uint64(30*len(src)) {
			t.Errorf("%T: %d bytes allocated for %d", into, got, len(src))
		}
	}
}
