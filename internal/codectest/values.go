package codectest

import (
	"encoding/hex"
	"math"
	"reflect"
	"strings"

	"github.com/thriftkit/thriftkit/dynamic"
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

	// Steps has field ids that are far apart, go back, and are negative.
	Steps struct {
		A *bool
		B *int32
		C *bool
		D *int32
		E *bool
		F *int8
		G *bool
		H *bool
	}

	Oops struct{ Message string }
)

// These keep what they do not know.
type (
	Relay struct { // knows nothing
		Unknown wire.UnknownFields
	}
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
	corpus.Steps: reflect.TypeFor[Steps](),
}

func ptr[T any](v T) *T { return &v }

type fields = map[string]any

var someID = [16]byte{0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00}

type goldenValue struct {
	name  string
	desc  *schema.Struct
	bound any
	dyn   fields
	hex   Hex
}

// golden is one table for the representations of a value: Go types, dynamic, and the bytes of each
// protocol, by hand from the specifications.
var golden = []goldenValue{
	{"i32 fields", corpus.Point, &Point{1, -2}, fields{"x": 1, "y": -2},
		Hex{"08 0001 00000001  08 0002 fffffffe  00",
			"15 02  15 03  00"}},
	{"scalars", corpus.Scalars,
		&Scalars{true, -2, 0x1234, math.MinInt32, math.MaxInt64, 1.5, "é", []byte{0, 0xff}, someID, 77},
		fields{"flag": true, "tiny": -2, "small": 0x1234, "number": math.MinInt32, "big": int64(math.MaxInt64), "ratio": 1.5, "name": "é", "data": []byte{0, 0xff}, "id": someID, "color": 77},
		Hex{"02 0001 01  03 0002 fe  06 0003 1234  08 0004 80000000  0a 0005 7fffffffffffffff  04 0006 3ff8000000000000" +
			"0b 0007 00000002 c3a9  0b 0008 00000002 00ff  10 0009 123e4567e89b12d3a456426614174000  08 000a 0000004d  00",
			"11  13 fe  14 e848  15 ffffffff0f  16 feffffffffffffffff01  17 000000000000f83f  18 02 c3a9  18 02 00ff  1d 123e4567e89b12d3a456426614174000  15 9a01  00"}},
	{"scalars that are zero", corpus.Scalars, &Scalars{Data: []byte{}},
		fields{"flag": false, "tiny": 0, "small": 0, "number": 0, "big": 0, "ratio": 0, "name": "", "data": "", "id": [16]byte{}, "color": 0},
		Hex{"02 0001 00  03 0002 00  06 0003 0000  08 0004 00000000  0a 0005 0000000000000000  04 0006 0000000000000000" +
			"0b 0007 00000000  0b 0008 00000000  10 0009 00000000000000000000000000000000  08 000a 00000000  00",
			"12  13 00  14 00  15 00  16 00  17 0000000000000000  18 00  18 00  1d 00000000000000000000000000000000  15 00  00"}},
	{"extremes", corpus.Scalars,
		&Scalars{Tiny: math.MinInt8, Small: math.MinInt16, Number: math.MaxInt32, Big: math.MinInt64, Ratio: math.Inf(-1), Name: "\xff\xfe", Data: []byte{}, Color: -3},
		fields{"flag": false, "tiny": math.MinInt8, "small": math.MinInt16, "number": math.MaxInt32, "big": int64(math.MinInt64), "ratio": math.Inf(-1), "name": "\xff\xfe", "data": "", "id": [16]byte{}, "color": "BLUE"},
		Hex{"02 0001 00  03 0002 80  06 0003 8000  08 0004 7fffffff  0a 0005 8000000000000000  04 0006 fff0000000000000" +
			"0b 0007 00000002 fffe  0b 0008 00000000  10 0009 00000000000000000000000000000000  08 000a fffffffd  00",
			"12  13 80  14 ffff03  15 feffffff0f  16 ffffffffffffffffff01  17 000000000000f0ff  18 02 fffe  18 00  1d 00000000000000000000000000000000  15 05  00"}},
	{"list of i32", corpus.Containers, &Containers{Ints: []int32{1, -1}}, fields{"ints": []int{1, -1}},
		Hex{"0f 0001 08 00000002 00000001 ffffffff  00",
			"19 25 02 01  00"}},
	{"set of i64", corpus.Containers, &Containers{Longs: map[int64]struct{}{5: {}}}, fields{"longs": []int{5}},
		Hex{"0e 0002 0a 00000001 0000000000000005  00",
			"2a 16 0a  00"}},
	{"list of string", corpus.Containers, &Containers{Words: []string{"", "ab"}}, fields{"words": []string{"", "ab"}},
		Hex{"0f 0003 0b 00000002 00000000 00000002 6162  00",
			"39 28 00 02 6162  00"}},
	{"list of struct", corpus.Containers, &Containers{Points: []*Point{{1, 2}}}, fields{"points": []fields{{"x": 1, "y": 2}}},
		Hex{"0f 0004 0c 00000001  08 0001 00000001  08 0002 00000002  00  00",
			"49 1c  15 02 15 04 00  00"}},
	{"map string to i32", corpus.Containers, &Containers{Counts: map[string]int32{"a": 7}}, fields{"counts": map[string]int{"a": 7}},
		Hex{"0d 0005 0b 08 00000001  00000001 61  00000007  00",
			"5b 01 85  01 61  0e  00"}},
	{"map i32 to string", corpus.Containers, &Containers{Names: map[int32]string{7: "a"}}, fields{"names": map[int]string{7: "a"}},
		Hex{"0d 0006 08 0b 00000001  00000007  00000001 61  00",
			"6b 01 58  0e  01 61  00"}},
	{"map enum to struct", corpus.Containers, &Containers{ByColor: map[Color]Point{2: {3, 4}}}, fields{"by_color": map[string]fields{"GREEN": {"x": 3, "y": 4}}},
		Hex{"0d 0007 08 0c 00000001  00000002  08 0001 00000003  08 0002 00000004  00  00",
			"7b 01 5c  04  15 06 15 08 00  00"}},
	{"map struct to string", corpus.Containers, &Containers{ByPoint: map[Point]string{{3, 4}: "p"}},
		fields{"by_point": mapValue(schema.MapOf(corpus.Point.Type(), schematest.String), fields{"x": 3, "y": 4}, "p")},
		Hex{"0d 0008 0c 0b 00000001  08 0001 00000003  08 0002 00000004  00  00000001 70  00",
			"8b 01 c8  15 06 15 08 00  01 70  00"}},
	{"list of lists", corpus.Containers, &Containers{Grid: [][]bool{{true, false}, {}}}, fields{"grid": [][]bool{{true, false}, {}}},
		Hex{"0f 0009 0f 00000002  02 00000002 01 00  02 00000000  00",
			"99 29  21 01 02  01  00"}},
	{"set of enum", corpus.Containers, &Containers{Colors: []Color{1, -3}}, fields{"colors": []string{"RED", "BLUE"}},
		Hex{"0e 000a 08 00000002 00000001 fffffffd  00",
			"aa 25 02 05  00"}},
	{"map binary to bool", corpus.Containers, &Containers{Blobs: map[string]bool{"\xff": true}}, fields{"blobs": map[string]bool{"\xff": true}},
		Hex{"0d 000b 0b 02 00000001  00000001 ff  01  00",
			"bb 01 81  01 ff  01  00"}},
	{"map uuid to double", corpus.Containers, &Containers{IDs: map[[16]byte]float64{someID: 1}}, fields{"ids": map[[16]byte]float64{someID: 1}},
		Hex{"0d 000c 10 04 00000001  123e4567e89b12d3a456426614174000  3ff0000000000000  00",
			"cb 01 d7  123e4567e89b12d3a456426614174000  000000000000f03f  00"}},
	{"map bool to list", corpus.Containers, &Containers{Flags: map[bool][]int64{true: {1}}}, fields{"flags": map[bool][]int{true: {1}}},
		Hex{"0d 000d 02 0f 00000001  01  0a 00000001 0000000000000001  00",
			"db 01 19  01  16 02  00"}},
	{"map double to i8", corpus.Containers, &Containers{Ratios: map[float64]int8{0.5: -1}}, fields{"ratios": map[float64]int{0.5: -1}},
		Hex{"0d 000e 04 03 00000001  3fe0000000000000  ff  00",
			"eb 01 73  000000000000e03f  ff  00"}},
	{"field id above 255", corpus.Containers, &Containers{Far: []int16{1}}, fields{"far": []int{1}},
		Hex{"0f 012c 06 00000001 0001  00",
			"09 d804 14 02  00"}},
	{"containers that are empty, not absent", corpus.Containers, &Containers{Ints: []int32{}, Longs: map[int64]struct{}{}, Counts: map[string]int32{}},
		fields{"ints": []int{}, "longs": []int{}, "counts": fields{}},
		Hex{"0f 0001 08 00000000  0e 0002 0a 00000000  0d 0005 0b 08 00000000  00",
			"19 05  1a 06  3b 00  00"}},
	{"nothing set", corpus.Containers, &Containers{}, fields{},
		Hex{"00",
			"00"}},
	{"union", corpus.Shape, &Shape{Radius: ptr(1.5)}, fields{"radius": 1.5},
		Hex{"04 0002 3ff8000000000000  00",
			"27 000000000000f83f  00"}},
	{"union with a struct", corpus.Shape, &Shape{Point: &Point{1, 2}}, fields{"point": fields{"x": 1, "y": 2}},
		Hex{"0c 0001  08 0001 00000001  08 0002 00000002  00  00",
			"1c 15 02 15 04 00  00"}},
	{"exception", corpus.Oops, &Oops{"no"}, fields{"message": "no"},
		Hex{"0b 0001 00000002 6e6f  00",
			"18 02 6e6f  00"}},
	{"nested", corpus.Node, &Node{1, &Node{Value: 2, Children: []*Node{}}, []*Node{{Value: 3, Children: []*Node{}}}, map[string]*Node{"k": {Value: 4, Children: []*Node{}}}},
		fields{"value": 1, "next": fields{"value": 2, "children": []any{}}, "children": []fields{{"value": 3, "children": []any{}}}, "named": map[string]fields{"k": {"value": 4, "children": []any{}}}},
		Hex{"08 0001 00000001  0c 0002 08 0001 00000002 0f 0003 0c 00000000 00  0f 0003 0c 00000001 08 0001 00000003 0f 0003 0c 00000000 00" +
			"0d 0004 0b 0c 00000001 00000001 6b 08 0001 00000004 0f 0003 0c 00000000 00  00",
			"15 02  1c 15 04 29 0c 00  19 1c 15 06 29 0c 00  1b 01 8c 01 6b 15 08 29 0c 00  00"}},
	{"presence: all set", corpus.Presence, &Presence{1, ptr(int32(2)), 3, 40, ptr(int32(50)), 60, []int32{}, []int32{}},
		fields{"req": 1, "opt": 2, "plain": 3, "req_def": 40, "opt_def": 50, "plain_def": 60, "opt_list": []int{}, "plain_list": []int{}},
		Hex{"08 0001 00000001  08 0002 00000002  08 0003 00000003  08 0004 00000028  08 0005 00000032  08 0006 0000003c  0f 0007 08 00000000  0f 0008 08 00000000  00",
			"15 02  15 04  15 06  15 50  15 64  15 78  19 05  19 05  00"}},
	{"list of 14: the last size in half a byte", corpus.Containers, &Containers{Ints: make([]int32, 14)}, fields{"ints": make([]int, 14)},
		Hex{"0f 0001 08 0000000e" + strings.Repeat("00000000", 14) + "00",
			"19 e5" + strings.Repeat("00", 14) + "00"}},
	{"list of 15", corpus.Containers, &Containers{Ints: make([]int32, 15)}, fields{"ints": make([]int, 15)},
		Hex{"0f 0001 08 0000000f" + strings.Repeat("00000000", 15) + "00",
			"19 f5 0f" + strings.Repeat("00", 15) + "00"}},
	{"string of 128", corpus.Oops, &Oops{strings.Repeat("a", 128)}, fields{"message": strings.Repeat("a", 128)},
		Hex{"0b 0001 00000080" + strings.Repeat("61", 128) + "00",
			"18 8001" + strings.Repeat("61", 128) + "00"}},
	{"steps of ids: 15, 16, back, negative", corpus.Steps,
		&Steps{ptr(true), ptr(int32(1)), ptr(false), ptr(int32(2)), ptr(true), ptr(int8(-1)), ptr(true), ptr(false)},
		fields{"a": true, "b": 1, "c": false, "d": 2, "e": true, "f": -1, "g": true, "h": false},
		Hex{"02 0005 01  08 0014 00000001  02 0024 00  08 0002 00000002  02 fff9 01  03 0008 ff  02 7fff 01  02 8000 00  00",
			"51  f5 02  02 48  05 04 04  01 0d  f3 ff  01 feff03  02 ffff03  00"}},
}

// Unhex returns the bytes of s, in which blanks mean nothing.
func Unhex(s string) []byte {
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
