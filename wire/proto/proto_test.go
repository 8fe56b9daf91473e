package proto_test

import (
	"bytes"
	"encoding/hex"
	"errors"
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
	"github.com/thriftkit/thriftkit/wire/proto"
)

var corpus = schematest.New()

type (
	Color   int32
	Point   struct{ X, Y int32 }
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
		ByPoint []struct {
			Key   *Point
			Value string
		}
		Grid   [][]bool
		Colors []Color
		Blobs  map[string]bool
		IDs    map[[16]byte]float64 `thrift:"ids"`
		Flags  map[bool][]int64
		Ratios map[float64]int8
		Far    []int16
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

func ptr[T any](v T) *T { return &v }

// unhex reads hexadecimal digits with blanks between.
func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

func encode(t testing.TB, v any, st *schema.Type) ([]byte, error) {
	t.Helper()
	rv := reflect.ValueOf(v)
	c := codecOf(t, rv.Type().Elem(), st)
	return c.Append(nil, mem.Of(rv))
}

func decode(t testing.TB, src []byte, v any, st *schema.Type) error {
	t.Helper()
	rv := reflect.ValueOf(v)
	return codecOf(t, rv.Type().Elem(), st).Consume(src, mem.Of(rv))
}

func codecOf(t testing.TB, g reflect.Type, st *schema.Type) *proto.Codec {
	t.Helper()
	p, err := plan.ForType(g, st)
	if err != nil {
		t.Fatal(err)
	}
	of := proto.For
	if st.Kind != schema.KindStruct {
		of = proto.ForField
	}
	c, err := of(p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var someID = [16]byte{0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00}

// golden has values and their bytes, by hand from the specification.
var golden = []struct {
	name  string
	t     *schema.Type
	bound any
	hex   string
}{
	{"point", corpus.Point.Type(), &Point{1, -2}, "08 01  10 feffffffffffffffff01"},
	{"zero is absent", corpus.Point.Type(), &Point{}, ""},
	{"scalars", corpus.Scalars.Type(), &Scalars{true, -2, 0x1234, math.MinInt32, math.MaxInt64, 1.5, "é", []byte{0, 0xff}, someID, 77},
		"08 01  10 feffffffffffffffff01  18 b424  20 80808080f8ffffffff01  28 ffffffffffffffff7f  31 000000000000f83f  3a 02 c3a9  42 02 00ff" +
			"4a 10 123e4567e89b12d3a456426614174000  50 4d"},
	{"minus zero is not zero", corpus.Scalars.Type(), &Scalars{Ratio: math.Copysign(0, -1), Data: []byte{}}, "31 0000000000000080"},
	{"packed i32", corpus.Containers.Type(), &Containers{Ints: []int32{1, -1, 300}}, "0a 0d 01 ffffffffffffffffff01 ac02"},
	{"set of i64", corpus.Containers.Type(), &Containers{Longs: map[int64]struct{}{5: {}}}, "12 01 05"},
	{"strings", corpus.Containers.Type(), &Containers{Words: []string{"", "ab"}}, "1a 00 1a 02 6162"},
	{"messages", corpus.Containers.Type(), &Containers{Points: []*Point{{1, 2}, {}}}, "22 04 0801 1002  22 00"},
	{"map string to i32", corpus.Containers.Type(), &Containers{Counts: map[string]int32{"a": 0}}, "2a 05 0a0161 1000"},
	{"map i32 to string", corpus.Containers.Type(), &Containers{Names: map[int32]string{7: "a"}}, "32 05 0807 120161"},
	{"map enum to struct", corpus.Containers.Type(), &Containers{ByColor: map[Color]Point{2: {3, 4}}}, "3a 08 0802 1204 0803 1004"},
	{"map struct to string", corpus.Containers.Type(), &Containers{ByPoint: []struct {
		Key   *Point
		Value string
	}{{&Point{3, 4}, "p"}}}, "42 09 0a04 0803 1004 120170"},
	{"list of lists", corpus.Containers.Type(), &Containers{Grid: [][]bool{{true, false}, {}}}, "4a 04 0a02 0100  4a 00"},
	{"enums", corpus.Containers.Type(), &Containers{Colors: []Color{1, -3}}, "52 0b 01 fdffffffffffffffff01"},
	{"map binary to bool", corpus.Containers.Type(), &Containers{Blobs: map[string]bool{"\xff": true}}, "5a 05 0a01ff 1001"},
	{"map uuid to double", corpus.Containers.Type(), &Containers{IDs: map[[16]byte]float64{someID: 1}}, "62 1b 0a10 123e4567e89b12d3a456426614174000 11 000000000000f03f"},
	{"map bool to list", corpus.Containers.Type(), &Containers{Flags: map[bool][]int64{true: {1}}}, "6a 07 0801 1203 0a0101"},
	{"map double to i8", corpus.Containers.Type(), &Containers{Ratios: map[float64]int8{0.5: -1}}, "72 14 09 000000000000e03f 10 ffffffffffffffffff01"},
	{"number above 255", corpus.Containers.Type(), &Containers{Far: []int16{1}}, "e212 01 01"},
	{"presence: all set", corpus.Presence.Type(), &Presence{1, ptr(int32(2)), 3, 40, ptr(int32(50)), 60, nil, []int32{}},
		"0801 1002 1803 2028 2832 303c"},
	{"presence: zeros", corpus.Presence.Type(), &Presence{Opt: ptr(int32(0)), OptDef: ptr(int32(0)), PlainList: []int32{}}, "0800 1000 2000 2800 3000"},
	{"union", corpus.Shape.Type(), &Shape{Radius: ptr(0.0)}, "11 0000000000000000"},
	{"union with a struct", corpus.Shape.Type(), &Shape{Point: &Point{1, 2}}, "0a 04 0801 1002"},
	{"nested", corpus.Node.Type(), &Node{Value: 1, Next: &Node{Value: 2, Children: []*Node{}}, Children: []*Node{{Value: 3, Children: []*Node{}}}, Named: map[string]*Node{"k": {Children: []*Node{}}}},
		"0801 12020802 1a020803 22050a016b1200"},
	{"reserved and negative ids", corpus.Steps.Type(), &Steps{A: ptr(true), E: ptr(true), G: ptr(false), H: ptr(true)},
		"2801 f8ff0f00 80ea4001 c8e95001"},
	{"exception", corpus.Oops.Type(), &Oops{"no"}, "0a026e6f"},
	{"a list alone", schema.ListOf(schematest.String), &[]string{"a", "b"}, "0a0161 0a0162"},
	{"a string alone", schematest.String, ptr("a"), "0a0161"},
	{"a number alone", schematest.I32, ptr(int32(0)), ""},
}

// TestGolden writes and reads the values, bound and dynamic.
func TestGolden(t *testing.T) {
	for _, test := range golden {
		t.Run(test.name, func(t *testing.T) {
			want := unhex(test.hex)
			got, err := encode(t, test.bound, test.t)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("bound: %x, %v, want %x", got, err, want)
			}
			var v dynamic.Value
			if err := decode(t, bytes.Clone(want), &v, test.t); err != nil {
				t.Fatal(err)
			}
			if got, err = encode(t, &v, test.t); err != nil || !bytes.Equal(got, want) {
				t.Errorf("dynamic: %x, %v, want %x", got, err, want)
			}
			back := reflect.New(reflect.TypeOf(test.bound).Elem())
			if err := decode(t, bytes.Clone(want), back.Interface(), test.t); err != nil {
				t.Fatal(err)
			}
			if got, err = encode(t, back.Interface(), test.t); err != nil || !bytes.Equal(got, want) {
				t.Errorf("read and written: %x, %v, want %x", got, err, want)
			}
			for n := range want { // no panic, whatever is cut off
				decode(t, want[:n:n], reflect.New(reflect.TypeOf(test.bound).Elem()).Interface(), test.t)
				decode(t, want[:n:n], new(dynamic.Value), test.t)
			}
		})
	}
}

// TestRead reads what other writers may write.
func TestRead(t *testing.T) {
	for _, test := range []struct {
		name string
		hex  string
		want any
		t    *schema.Type
	}{
		{"the last number counts", "0801 0802 1003", &Point{2, 3}, corpus.Point.Type()},
		{"unknown fields, a group among them", "9a0602 6162 a006 05 a306 0801 a406 0801 b906 0000000000000000 bd06 00000000", &Point{1, 0}, corpus.Point.Type()},
		{"another wire type", "0d 01000000 1002", &Point{0, 2}, corpus.Point.Type()},
		{"not packed", "0801 0802", &Containers{Ints: []int32{1, 2}}, corpus.Containers.Type()},
		{"packed and not, with others between", "0a0101 1a0161 0802 1a0162 0a020304", &Containers{Ints: []int32{1, 2, 3, 4}, Words: []string{"a", "b"}}, corpus.Containers.Type()},
		{"an entry without its parts", "2a00 3202 0807", &Containers{Counts: map[string]int32{"": 0}, Names: map[int32]string{7: ""}}, corpus.Containers.Type()},
		{"an entry twice", "2a050a01611001 2a050a01611002", &Containers{Counts: map[string]int32{"a": 2}}, corpus.Containers.Type()},
		{"the last member of a union", "110000000000000000 0a00", &Shape{Point: &Point{}}, corpus.Shape.Type()},
		{"i32 of more bits", "08 81808080f0ffffffff01", &Point{1, 0}, corpus.Point.Type()},
		{"defaults", "0801", &Presence{Req: 1, ReqDef: 4, OptDef: ptr(int32(5)), PlainDef: 6}, corpus.Presence.Type()},
		{"an empty uuid", "4a00", &Scalars{}, corpus.Scalars.Type()},
	} {
		t.Run(test.name, func(t *testing.T) {
			back := reflect.New(reflect.TypeOf(test.want).Elem())
			if err := decode(t, unhex(test.hex), back.Interface(), test.t); err != nil || !reflect.DeepEqual(back.Interface(), test.want) {
				t.Errorf("%+v, %v, want %+v", back.Elem(), err, test.want)
			}
			var v dynamic.Value
			err := decode(t, unhex(test.hex), &v, test.t)
			want, _ := encode(t, test.want, test.t)
			got, err2 := encode(t, &v, test.t)
			if err != nil || err2 != nil || !bytes.Equal(got, want) {
				t.Errorf("dynamic: %x, %v, %v, want %x", got, err, err2, want)
			}
		})
	}
}

// TestReadBad reads what is wrong, bound and dynamic.
func TestReadBad(t *testing.T) {
	var b []byte
	for range wire.MaxDepth + 6 {
		b = append(append([]byte{0x12}, byteLength(len(b))...), b...)
	}
	deep := hex.EncodeToString(b)
	for _, test := range []struct {
		hex   string
		bound any
		t     *schema.Type
		want  string
	}{
		{"08", new(Point), corpus.Point.Type(), "at byte 1, in Point.x (field 1): unexpected end of message"},
		{"1a05 61", new(Containers), corpus.Containers.Type(), "at byte 3, in Containers.words (field 3)[0]: unexpected end of message"},
		{"0001", new(Point), corpus.Point.Type(), "at byte 0: invalid data: field number 0"},
		{"0f", new(Point), corpus.Point.Type(), "at byte 1: invalid data: wire type 7"},
		{"08 ffffffffffffffffffff01", new(Point), corpus.Point.Type(), "at byte 1, in Point.x (field 1): invalid data: a varint of more than 64 bits"},
		{"10ac02", new(Scalars), corpus.Scalars.Type(), "at byte 1, in Scalars.tiny (field 2): invalid data: 300 does not fit i8"},
		{"3a01ff", new(Scalars), corpus.Scalars.Type(), "at byte 2, in Scalars.name (field 7): invalid data: a string that is not UTF-8"},
		{"4a0100", new(Scalars), corpus.Scalars.Type(), "at byte 1, in Scalars.id (field 9): invalid data: a uuid of 1 byte, want 16"},
		{"1002", new(Presence), corpus.Presence.Type(), "at byte 2, in Presence.req (field 1): missing required field"},
		{"0a00 0a00", new(Shape), corpus.Shape.Type(), "at byte 2, in Shape.point (field 1): invalid data: a second record of a field that is one message"},
		{"a306 08", new(Point), corpus.Point.Type(), "at byte 3: unexpected end of message"},
		{"a306 ac06", new(Point), corpus.Point.Type(), "at byte 2: invalid data: the end of group 101 in group 100"},
		{deep, new(Node), corpus.Node.Type(), "nested too deep"},
	} {
		for _, into := range []any{test.bound, new(dynamic.Value)} {
			err := decode(t, unhex(test.hex), into, test.t)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s into %T: %v\nwant %s", test.hex, into, err, test.want)
			}
			var e *wire.Error
			if !errors.As(err, &e) {
				t.Errorf("%T", err)
			}
		}
	}
}

func byteLength(n int) []byte {
	if n < 128 {
		return []byte{byte(n)}
	}
	return []byte{byte(n) | 0x80, byte(n >> 7)}
}

// TestWriteBad writes what has no form.
func TestWriteBad(t *testing.T) {
	loop := &Node{}
	loop.Next = loop
	for want, v := range map[string]struct {
		bound any
		t     *schema.Type
	}{
		"a string of protobuf must be UTF-8": {&Oops{"\xff"}, corpus.Oops.Type()},
		"exactly one member":                 {&Shape{}, corpus.Shape.Type()},
		"nested too deep":                    {loop, corpus.Node.Type()},
		"nil pointer to Point":               {&Containers{Points: []*Point{nil}}, corpus.Containers.Type()},
	} {
		if _, err := encode(t, v.bound, v.t); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// FuzzDecode reads bytes bound and dynamic: both must agree, and what is read must be written and read again.
func FuzzDecode(f *testing.F) {
	types := []struct {
		t *schema.Type
		g reflect.Type
	}{
		{corpus.Scalars.Type(), reflect.TypeFor[Scalars]()}, {corpus.Containers.Type(), reflect.TypeFor[Containers]()},
		{corpus.Presence.Type(), reflect.TypeFor[Presence]()}, {corpus.Shape.Type(), reflect.TypeFor[Shape]()},
		{corpus.Node.Type(), reflect.TypeFor[Node]()}, {corpus.Steps.Type(), reflect.TypeFor[Steps]()},
	}
	for i := range types {
		for _, g := range golden {
			f.Add(uint8(i), unhex(g.hex))
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, src []byte) {
		x := types[int(i)%len(types)]
		bound := reflect.New(x.g)
		var v dynamic.Value
		err1 := decode(t, bytes.Clone(src), bound.Interface(), x.t)
		err2 := decode(t, bytes.Clone(src), &v, x.t)
		if (err1 == nil) != (err2 == nil) {
			t.Fatalf("bound: %v, dynamic: %v", err1, err2)
		}
		if err1 != nil || x.t.Struct.Kind == schema.Union && len(src) == 0 {
			return
		}
		again, err := encode(t, bound.Interface(), x.t)
		if err != nil {
			if x.t.Struct.Kind == schema.Union {
				return // without a member
			}
			t.Fatal(err)
		}
		back := reflect.New(x.g)
		if err := decode(t, bytes.Clone(again), back.Interface(), x.t); err != nil {
			t.Fatal(err)
		}
		third, err := encode(t, back.Interface(), x.t)
		if err != nil || !bytes.Equal(byteCounts(third), byteCounts(again)) {
			t.Errorf("written %x, read and written %x, %v", again, third, err)
		}
	})
}

// byteCounts returns how often each byte is in b: entries of maps have no order.
func byteCounts(b []byte) []byte {
	var n [256]int
	for _, x := range b {
		n[x]++
	}
	var out []byte
	for i, c := range n {
		if c > 0 {
			out = append(out, byte(i), byte(c))
		}
	}
	return out
}
