package codectest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// testRead has bytes that we do not write: what they are read as, by both forms alike.
func (c Codec) testRead(t *testing.T) {
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
		hex   Hex
		bound any
		dyn   fields
	}{
		{"fields in another order", corpus.Point, Hex{"08 0002 00000002  08 0001 00000001  00", "25 04  05 02 02  00"}, &Point{1, 2}, fields{"x": 1, "y": 2}},
		{"a field twice: the last counts", corpus.Point, Hex{"08 0001 00000001  08 0001 00000002  00", "15 02  05 02 04  00"}, &Point{2, 0}, fields{"x": 2}},
		{"a list twice: the last counts", corpus.Containers, Hex{"0f 0001 08 00000002 00000001 00000002  0f 0001 08 00000001 00000003  00", "19 25 02 04  09 02 15 06  00"}, &Containers{Ints: []int32{3}}, fields{"ints": []int{3}}},
		{"a field absent", corpus.Point, Hex{"00", "00"}, &Point{}, fields{}},
		{"wrong type is skipped", corpus.Point, Hex{"0a 0001 0000000000000007  08 0002 00000002  00", "16 0e  15 04  00"}, &Point{0, 2}, fields{"y": 2}},
		{"binary for a string field and the reverse", corpus.Scalars, Hex{"0b 0007 00000001 ff  0b 0008 00000001 61  00", "78 01 ff  18 01 61  00"}, &Scalars{Name: "\xff", Data: []byte("a")}, fields{"name": "\xff", "data": "a"}},
		{"a bool byte that is not 0 is true", corpus.Scalars, Hex{"02 0001 02  00", ""}, &Scalars{Flag: true}, fields{"flag": true}},
		{"elements of another type: as if none were sent", corpus.Containers, Hex{"0f 0001 0a 00000001 0000000000000007  0f 0003 0b 00000000  00", "19 16 0e  29 08  00"}, &Containers{Ints: []int32{}, Words: []string{}}, fields{"ints": []int{}, "words": []string{}}},
		{"keys of another type", corpus.Containers, Hex{"0d 0005 08 08 00000001 00000001 00000002  00", "5b 01 55 02 04  00"}, &Containers{Counts: map[string]int32{}}, fields{"counts": fields{}}},
		{"values of another type", corpus.Containers, Hex{"0d 0005 0b 0b 00000001 00000001 61 00000001 62  00", "5b 01 88 01 61 01 62  00"}, &Containers{Counts: map[string]int32{}}, fields{"counts": fields{}}},
		{"elements of another type that vary in size", corpus.Containers, Hex{"0e 0002 0c 00000002 00 08 0001 00000001 00  00", "2a 2c 00 15 02 00  00"}, &Containers{Longs: map[int64]struct{}{}}, fields{"longs": []int{}}},
		{"empty map without types", corpus.Containers, Hex{"0d 0005 00 00 00000000  00", "5b 00  00"}, &Containers{Counts: map[string]int32{}}, fields{"counts": fields{}}},
		{"empty list without type", corpus.Containers, Hex{"0f 0001 00 00000000  00", "19 00  00"}, &Containers{Ints: []int32{}}, fields{"ints": []int{}}},
		{"a list where a set is expected is skipped", corpus.Containers, Hex{"0f 0002 0a 00000001 0000000000000005  00", "29 16 0a  00"}, &Containers{}, fields{}},
		{"defaults", corpus.Presence, Hex{"08 0001 00000001  00", "15 02  00"}, &Presence{Req: 1, ReqDef: 4, OptDef: ptr(int32(5)), PlainDef: 6}, presence(fields{"req": 1})},
		{"a field with default is there", corpus.Presence, Hex{"08 0001 00000001  08 0005 00000000  00", "15 02  45 00  00"}, &Presence{Req: 1, ReqDef: 4, OptDef: ptr(int32(0)), PlainDef: 6}, presence(fields{"req": 1, "opt_def": 0})},
		{"a field with default has the wrong type", corpus.Presence, Hex{"08 0001 00000001  02 0006 00  00", "15 02  52  00"}, &Presence{Req: 1, ReqDef: 4, OptDef: ptr(int32(5)), PlainDef: 6}, presence(fields{"req": 1})},
		{"union without member", corpus.Shape, Hex{"00", "00"}, &Shape{}, fields{}},
		{"union's member twice", corpus.Shape, Hex{"04 0002 0000000000000000  04 0002 3ff8000000000000  00", "27 0000000000000000  07 04 000000000000f83f  00"}, &Shape{Radius: ptr(1.5)}, fields{"radius": 1.5}},
		{"elements of another type, of fixed size", corpus.Containers, Hex{"0f 0001 02 00000002 01 00  00", "19 21 01 02  00"}, &Containers{Ints: []int32{}}, fields{"ints": []int{}}},
		{"keys of fixed size, values of another type", corpus.Containers, Hex{"0d 000e 04 02 00000001 3fe0000000000000 01  00", "eb 01 71 000000000000e03f 01  00"}, &Containers{Ratios: map[float64]int8{}}, fields{"ratios": fields{}}},
		{"a bool where a number is expected is skipped", corpus.Point, Hex{"02 0001 01  08 0002 00000002  00", "11  15 04  00"}, &Point{0, 2}, fields{"y": 2}},
		{"a number where a bool is expected is skipped", corpus.Scalars, Hex{"08 0001 00000001  03 0002 fe  00", "15 02  13 fe  00"}, &Scalars{Tiny: -2}, fields{"tiny": -2}},
		{"elements that are bools: type 2", corpus.Containers, Hex{"", "99 19 22 01 02  00"}, &Containers{Grid: [][]bool{{true, false}}}, fields{"grid": [][]bool{{true, false}}}},
		{"elements that are bools: false as 0", corpus.Containers, Hex{"", "99 19 21 01 00  00"}, &Containers{Grid: [][]bool{{true, false}}}, fields{"grid": [][]bool{{true, false}}}},
		{"elements that are bools: only 1 is true", corpus.Containers, Hex{"", "99 19 21 03 01  00"}, &Containers{Grid: [][]bool{{false, true}}}, fields{"grid": [][]bool{{false, true}}}},
		{"keys that are bools: type 2", corpus.Containers, Hex{"", "db 01 29 01 16 02  00"}, &Containers{Flags: map[bool][]int64{true: {1}}}, fields{"flags": map[bool][]int{true: {1}}}},
		{"values that are bools: type 2", corpus.Containers, Hex{"", "bb 01 82 01 ff 00  00"}, &Containers{Blobs: map[string]bool{"\xff": false}}, fields{"blobs": map[string]bool{"\xff": false}}},
		{"an id in full where a step would do", corpus.Point, Hex{"", "05 02 02  05 04 04  00"}, &Point{1, 2}, fields{"x": 1, "y": 2}},
		{"a stop with a step", corpus.Point, Hex{"", "15 02  f0"}, &Point{1, 0}, fields{"x": 1}},
		{"a size in full that would fit half a byte", corpus.Containers, Hex{"", "19 f5 02 02 04  00"}, &Containers{Ints: []int32{1, 2}}, fields{"ints": []int{1, 2}}},
		{"an empty list with its size in full", corpus.Containers, Hex{"", "19 f5 00  00"}, &Containers{Ints: []int32{}}, fields{"ints": []int{}}},
		{"an empty list of no type", corpus.Containers, Hex{"0f 0001 07 00000000  00", "19 0e  00"}, &Containers{Ints: []int32{}}, fields{"ints": []int{}}},
		{"numbers with more bytes than they need", corpus.Point, Hex{"", "15 8200  15 8480808000  00"}, &Point{1, 2}, fields{"x": 1, "y": 2}},
		{"a size with more bytes than it needs", corpus.Containers, Hex{"", "5b 8000  00"}, &Containers{Counts: map[string]int32{}}, fields{"counts": fields{}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			src := c.bytes(test.hex)
			if len(src) == 0 {
				t.Skip("this protocol has no such bytes")
			}
			c.TestRead(t, test.desc, src, test.bound, test.dyn)
		})
	}
}

func (c Codec) testNaN(t *testing.T) {
	const bits = 0x7ff8000000abcdef // the payload must survive
	src := c.bytes(Hex{"04 0006 7ff8000000abcdef 00", "67 efcdab000000f87f 00"})
	var bound Scalars
	var dyn dynamic.Value
	if err := errors.Join(c.Decode(src, &bound, corpus.Scalars.Type()), c.Decode(src, &dyn, corpus.Scalars.Type())); err != nil {
		t.Fatal(err)
	}
	if math.Float64bits(bound.Ratio) != bits || math.Float64bits(dyn.Struct().Get("ratio").Double()) != bits {
		t.Error("the bits of a NaN are lost")
	}
	if got, err := c.Encode(&dyn, corpus.Scalars.Type()); err != nil || !bytes.Equal(got, src) {
		t.Errorf("% x, %v", got, err)
	}
}

func (c Codec) testUnknownFields(t *testing.T) {
	// y, field 9 and field 10 are not in the Go struct. They are kept as the binary protocol writes
	// them, whatever the protocol.
	src := c.bytes(Hex{"08 0001 00000001  0b 0009 00000001 61  08 0002 00000002  0f 000a 0c 00000001 00  00",
		"15 02  88 01 61  05 04 04  89 1c 00  00"})
	var p RelayPoint
	if err := c.Decode(src, &p, corpus.Point.Type()); err != nil {
		t.Fatal(err)
	}
	rest := Unhex("0b 0009 00000001 61  08 0002 00000002  0f 000a 0c 00000001 00")
	if p.X != 1 || !bytes.Equal(p.Rest, rest) {
		t.Errorf("%+v", p)
	}
	if got, err := c.Encode(&p, corpus.Point.Type()); err != nil || !bytes.Equal(got, src) {
		t.Errorf("sent on: % x, %v", got, err)
	}
	var dyn dynamic.Value
	if err := c.Decode(src, &dyn, corpus.Point.Type()); err != nil {
		t.Fatal(err)
	}
	if want := Unhex("0b 0009 00000001 61  0f 000a 0c 00000001 00"); !bytes.Equal(dyn.Struct().Unknown(), want) {
		t.Errorf("dynamic: % x", dyn.Struct().Unknown())
	}
	sentOn := c.bytes(Hex{"08 0001 00000001  08 0002 00000002  0b 0009 00000001 61  0f 000a 0c 00000001 00  00",
		"15 02  15 04  78 01 61  19 1c 00  00"})
	if got, err := c.Encode(&dyn, corpus.Point.Type()); err != nil || !bytes.Equal(got, sentOn) {
		t.Errorf("dynamic, sent on: % x, %v", got, err)
	}
	var plain Point
	if err := c.Decode(src, &plain, corpus.Point.Type()); err != nil || plain != (Point{1, 2}) {
		t.Errorf("skipped: %+v, %v", plain, err)
	}
}

// testUnknownMember sends on a union whose member only the peers know.
func (c Codec) testUnknownMember(t *testing.T) {
	src := c.bytes(Hex{"08 0063 00000001  00", "05 c601 02  00"})
	for _, v := range []any{new(RelayShape), new(dynamic.Value)} {
		if err := c.Decode(src, v, corpus.Shape.Type()); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Encode(v, corpus.Shape.Type()); err != nil || !bytes.Equal(got, src) {
			t.Errorf("%T: % x, %v", v, got, err)
		}
	}
}

// testOwnership overwrites what was decoded: strings and binaries share its memory, and nothing else does.
func (c Codec) testOwnership(t *testing.T) {
	src := c.bytes(Hex{"08 0004 00000001  0b 0007 00000001 61  0b 0008 00000001 62  10 0009 123e4567e89b12d3a456426614174000  00",
		"45 02  38 01 61  18 01 62  1d 123e4567e89b12d3a456426614174000  00"})
	var v Scalars
	if err := c.Decode(src, &v, corpus.Scalars.Type()); err != nil {
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

// testDepth nests every kind of thing: 64 levels pass everywhere, 65 nowhere.
func (c Codec) testDepth(t *testing.T) {
	tests := []struct {
		name        string
		open, close Hex // of one level around the next
		leaf        Hex // the innermost level
		per         int // levels that open stands for
	}{
		{"structs", Hex{"0c 0002", "2c"}, Hex{"00", "00"}, Hex{"08 0001 00000001 00", "15 02 00"}, 1},
		{"structs in lists", Hex{"0f 0003 0c 00000001", "39 1c"}, Hex{"00", "00"}, Hex{"00", "00"}, 2},
		{"structs in maps", Hex{"0d 0004 0b 0c 00000001 00000000", "4b 01 8c 00"}, Hex{"00", "00"}, Hex{"00", "00"}, 2},
	}
	for _, test := range tests {
		for _, n := range []int{wire.MaxDepth, wire.MaxDepth + 1} {
			levels, leaf := n-1, test.leaf
			if test.per == 2 && levels%2 == 1 { // end with an empty list
				leaf = Hex{"0f 0003 0c 00000000 00", "39 0c 00"}
			}
			src := slices.Concat(bytes.Repeat(c.bytes(test.open), levels/test.per), c.bytes(leaf), bytes.Repeat(c.bytes(test.close), levels/test.per))
			want := n <= wire.MaxDepth
			check := func(what string, err error) {
				t.Helper()
				if (err == nil) != want || err != nil && !errors.Is(err, wire.ErrTooDeep) {
					t.Errorf("%s, %d levels: %s: %v", test.name, n, what, err)
				}
			}
			_, err := c.Skip(src, 0, wire.Struct)
			check("skip", err)
			check("skip as an unknown field", c.Decode(append(c.bytes(Hex{"08 0001 00000001", "15 02"}), src...), new(Point), corpus.Point.Type()))
			bound, dyn := new(Node), new(dynamic.Value)
			check("bound", c.Decode(src, bound, corpus.Node.Type()))
			check("dynamic", c.Decode(src, dyn, corpus.Node.Type()))
			_, _, err = c.NewSplitter(1 << 20).Split(append(c.appendHeader(nil, wire.Header{}), src...))
			check("split", err)
		}
	}
}

func (c Codec) testTruncated(t *testing.T) {
	for _, test := range golden {
		src, _ := c.golden(test)
		for i := range src {
			for _, into := range []any{reflect.New(goTypes[test.desc]).Interface(), new(dynamic.Value)} {
				if err := c.Decode(src[:i:i], into, test.desc.Type()); !errors.Is(err, wire.ErrTruncated) {
					t.Errorf("%s: %T: %d of %d bytes: %v", test.name, into, i, len(src), err)
				}
			}
			if c.Skip == nil {
				continue
			}
			if _, err := c.Skip(src[:i:i], 0, wire.Struct); !errors.Is(err, wire.ErrTruncated) {
				t.Errorf("%s: skip: %d of %d bytes: %v", test.name, i, len(src), err)
			}
		}
	}
}

// testFlipped changes every byte: an error or a value, and the same for both forms.
func (c Codec) testFlipped(t *testing.T) {
	for _, test := range golden {
		src, _ := c.golden(test)
		for i, was := range src {
			values := []byte{^was, byte(wire.UUID)} // all bits, each bit, every type
			for bit := range 8 {
				values = append(values, was^1<<bit)
			}
			if c.Texts != nil {
				values = append(values, `"\{}[],:-0n `...)
			} else {
				for n := range byte(16) {
					values = append(values, n, was&0xf0|n, was&0x0f|n<<4)
				}
			}
			for _, x := range values {
				src[i] = x
				bound := c.Decode(src, reflect.New(goTypes[test.desc]).Interface(), test.desc.Type())
				dyn := c.Decode(src, new(dynamic.Value), test.desc.Type())
				if fmt.Sprint(bound) != fmt.Sprint(dyn) {
					t.Fatalf("%s: byte %d is %#x: bound %v, dynamic %v", test.name, i, x, bound, dyn)
				}
			}
			src[i] = was
		}
	}
}

// testClaims sends counts and lengths of 2^26 with nothing after them.
func (c Codec) testClaims(t *testing.T) {
	tests := []struct {
		name string
		hex  Hex
	}{
		{"list of i32", Hex{"0f 0001 08 04000000 0000", "19 f5 80808020 0000"}},
		{"set", Hex{"0e 0002 0a 04000000 0000", "2a f6 80808020 0000"}},
		{"list of string", Hex{"0f 0003 0b 04000000 0000", "39 f8 80808020 0000"}},
		{"list of struct", Hex{"0f 0004 0c 04000000 0000", "49 fc 80808020 0000"}},
		{"map", Hex{"0d 0005 0b 08 04000000 0000", "5b 80808020 85 0000"}},
		{"map of structs", Hex{"0d 0008 0c 0b 04000000 0000", "8b 80808020 c8 0000"}},
		{"list of lists", Hex{"0f 0009 0f 04000000 0000", "99 f9 80808020 0000"}},
		{"elements of another type", Hex{"0f 0001 0c 04000000 0000", "19 fc 80808020 0000"}},
		{"unknown field", Hex{"0f 0063 02 04000000 0000", "09 c601 f1 80808020 0000"}},
		{"map of bool and list", Hex{"0d 000d 02 0f 04000000 0000", "db 80808020 19 0000"}},
	}
	for _, test := range tests {
		src := c.bytes(test.hex)
		for _, into := range []any{new(Containers), new(dynamic.Value)} {
			if n := allocated(func() {
				if err := c.Decode(src, into, corpus.Containers.Type()); !errors.Is(err, wire.ErrTruncated) {
					t.Errorf("%s: %v", test.name, err)
				}
			}); n > 16<<10 {
				t.Errorf("%s: %T: %d bytes allocated for %d", test.name, into, n, len(src))
			}
		}
	}
	src := c.bytes(Hex{"0b 0001 04000000 0000", "18 80808020 0000"})
	if n := allocated(func() { c.Decode(src, new(Oops), corpus.Oops.Type()) }); n > 16<<10 {
		t.Errorf("string: %d bytes allocated", n)
	}
}

// testClaimsInside sends many elements that claim much: what is allocated stays a small multiple.
func (c Codec) testClaimsInside(t *testing.T) {
	const n = 100_000 // grid: a list of n empty lists
	src := c.bytes(Hex{"0f 0009 0f 000186a0", "99 f9 a08d06"})
	src = append(src, bytes.Repeat(c.bytes(Hex{"02 00000000", "01"}), n)...)
	src = append(src, 0)
	for _, into := range []any{new(Containers), new(dynamic.Value)} {
		got := allocated(func() {
			if err := c.Decode(src, into, corpus.Containers.Type()); err != nil {
				t.Error(err)
			}
		})
		if got > 150*n {
			t.Errorf("%T: %d bytes allocated for %d", into, got, len(src))
		}
	}
}
