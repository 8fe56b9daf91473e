package binary

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/thriftkit/thriftkit/internal/codectest"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// TestGeneratedFields has each function that appends a field, and the one that reads its value.
func TestGeneratedFields(t *testing.T) {
	id := [16]byte{1, 2, 15: 3}
	tests := []struct {
		hex  string
		got  []byte
		want any
		read func(src []byte, off int) (any, int, error)
	}{
		{"02 0001 01", AppendBoolField(nil, 1, true), true, func(src []byte, off int) (any, int, error) { return back(ConsumeBool(src, off)) }},
		{"03 0002 ff", AppendI8Field(nil, 2, -1), int8(-1), func(src []byte, off int) (any, int, error) { return back(ConsumeI8(src, off)) }},
		{"06 ffff 8000", AppendI16Field(nil, -1, math.MinInt16), int16(math.MinInt16), func(src []byte, off int) (any, int, error) { return back(ConsumeI16(src, off)) }},
		{"08 0102 00000007", AppendI32Field(nil, 0x102, 7), int32(7), func(src []byte, off int) (any, int, error) { return back(ConsumeI32(src, off)) }},
		{"0a 7fff fffffffffffffffe", AppendI64Field(nil, math.MaxInt16, -2), int64(-2), func(src []byte, off int) (any, int, error) { return back(ConsumeI64(src, off)) }},
		{"04 0001 3ff8000000000000", AppendDoubleField(nil, 1, 1.5), 1.5, func(src []byte, off int) (any, int, error) { return back(ConsumeDouble(src, off)) }},
		{"0b 0001 00000002 6162", AppendStringField(nil, 1, "ab"), "ab", func(src []byte, off int) (any, int, error) { return back(ConsumeString(src, off)) }},
		{"0b 0001 00000001 ff", AppendBytesField(nil, 1, []byte{0xff}), []byte{0xff}, func(src []byte, off int) (any, int, error) { return back(ConsumeBytes(src, off)) }},
		{"10 0001 01020000000000000000000000000003", append(AppendFieldHeader(nil, wire.UUID, 1), id[:]...), id, func(src []byte, off int) (any, int, error) { return back(ConsumeUUID(src, off)) }},
	}
	for _, test := range tests {
		if want := codectest.Unhex(test.hex); !reflect.DeepEqual(test.got, want) {
			t.Errorf("%s: % x", test.hex, test.got)
		}
		head, off, err := ConsumeHead(test.got, 0)
		if want := Head(wire.Type(test.got[0]), int16(test.got[1])<<8|int16(test.got[2])); head != want || HeadAt(test.got, 0) != want || off != 3 || err != nil {
			t.Errorf("%s: %x, %x, %d, %v", test.hex, head, HeadAt(test.got, 0), off, err)
		}
		if v, next, err := test.read(test.got, off); !reflect.DeepEqual(v, test.want) || next != len(test.got) || err != nil {
			t.Errorf("%s: %v, %d, %v", test.hex, v, next, err)
		}
		if next, err := SkipField(test.got, off, head, 1); next != len(test.got) || err != nil {
			t.Errorf("%s: skipped to %d, %v", test.hex, next, err)
		}
		for n := range test.got {
			cut := test.got[:n:n]
			_, off, err := ConsumeHead(cut, 0)
			if err == nil {
				_, _, err = test.read(cut, off)
			}
			if !errors.Is(err, wire.ErrTruncated) {
				t.Errorf("%s: %d bytes: %v", test.hex, n, err)
			}
		}
	}
}

// TestAt reads each kind whole and cut off: a cut value is zero, and lies outside of the message.
func TestAt(t *testing.T) {
	id := [16]byte{1, 2, 15: 3}
	tests := []struct {
		hex  string
		want any
		read func(src []byte, off int) (any, int)
	}{
		{"01", true, func(src []byte, off int) (any, int) { return at(BoolAt(src, off)) }},
		{"00", false, func(src []byte, off int) (any, int) { return at(BoolAt(src, off)) }},
		{"ff", int8(-1), func(src []byte, off int) (any, int) { return at(I8At(src, off)) }},
		{"8000", int16(math.MinInt16), func(src []byte, off int) (any, int) { return at(I16At(src, off)) }},
		{"00000007", int32(7), func(src []byte, off int) (any, int) { return at(I32At(src, off)) }},
		{"fffffffffffffffe", int64(-2), func(src []byte, off int) (any, int) { return at(I64At(src, off)) }},
		{"3ff8000000000000", 1.5, func(src []byte, off int) (any, int) { return at(DoubleAt(src, off)) }},
		{"01020000000000000000000000000003", id, func(src []byte, off int) (any, int) { return at(UUIDAt(src, off)) }},
	}
	for _, test := range tests {
		src := append([]byte{9}, codectest.Unhex(test.hex)...)
		if v, next := test.read(src, 1); v != test.want || next != len(src) {
			t.Errorf("%s: %v, %d", test.hex, v, next)
		}
		for n := 1; n < len(src); n++ {
			if v, next := test.read(src[:n:n], 1); !reflect.ValueOf(v).IsZero() || next <= n {
				t.Errorf("%s: %d bytes: %v, %d", test.hex, n, v, next)
			}
		}
	}
}

func at[T any](v T, next int) (any, int) { return v, next }

// TestConsumeStop has the ends of structs, and what may be there in place of one.
func TestConsumeStop(t *testing.T) {
	desc := schematest.Struct("S", schematest.Field(1, "a", schematest.I32), schematest.Field(2, "b", schema.ListOf(schematest.I32)))
	c := &thriftimpl.Codec{Schema: func() *schema.Struct { return desc }}
	for _, test := range []struct {
		hex   string
		depth int
		want  string
	}{
		{"00", 1, "1 <nil>"},
		{"00 0001 00", 1, "1 <nil>"},
		{"", 1, "0 at byte 0: unexpected end of message"},
		{"08 00", 1, "0 at byte 2: unexpected end of message"},
		{"08 0001", 1, "0 at byte 3, in S.a (field 1): unexpected end of message"},
		{"0f 0002", 2, "0 at byte 3, in S.b (field 2): unexpected end of message"},
		{"0f 0002", 1, "0 at byte 3, in S.b (field 2): nested too deep: more than 256 levels"},
		{"0a 0001", 1, "0 at byte 3: unexpected end of message"},
		{"08 0003", 1, "0 at byte 3: unexpected end of message"},
		{"07 0001", 1, "0 at byte 3: invalid data: type 7 is not the type of a value"},
	} {
		src := codectest.Unhex(test.hex)
		if head := HeadAt(src, 0); head >= 1<<16 {
			t.Errorf("%s: a field with the head %x", test.hex, head)
		}
		next, err := ConsumeStop(src, 0, c, test.depth)
		if got := fmt.Sprint(next, " ", err); got != test.want {
			t.Errorf("%s: %s\nwant %s", test.hex, got, test.want)
		}
	}
}

func back[T any](v T, next int, err error) (any, int, error) { return v, next, err }

// TestGeneratedLists reads lists of numbers of every small length back.
func TestGeneratedLists(t *testing.T) {
	for n := range 20 {
		i32s, i64s, doubles := make([]int32, n), make([]int64, n), make([]float64, n)
		for i := range n {
			i32s[i], i64s[i], doubles[i] = int32(-i), int64(i)<<40, float64(i)/3
		}
		src := AppendDoubles(AppendI64s(AppendI32s([]byte{1}, i32s), i64s), doubles)
		if len(src) != 1+20*n {
			t.Fatalf("%d elements: %d bytes", n, len(src))
		}
		a, b, c := make([]int32, n), make([]int64, n), make([]float64, n)
		off := ConsumeDoubles(src, ConsumeI64s(src, ConsumeI32s(src, 1, a), b), c)
		if off != len(src) || !reflect.DeepEqual(a, i32s) || !reflect.DeepEqual(b, i64s) || !reflect.DeepEqual(c, doubles) {
			t.Errorf("%d elements: %v, %v, %v", n, a, b, c)
		}
	}
}

func TestGeneratedDepth(t *testing.T) {
	for _, test := range []func(depth int) error{
		func(depth int) error {
			_, _, err := ConsumeListHeader([]byte{byte(wire.I32), 0, 0, 0, 0}, 0, wire.I32, depth)
			return err
		},
		func(depth int) error {
			_, _, err := ConsumeMapHeader(make([]byte, 6), 0, wire.I32, wire.I32, depth)
			return err
		},
	} {
		if err := test(1); err != nil {
			t.Error(err)
		}
		if err := test(0); !errors.Is(err, wire.ErrTooDeep) {
			t.Error(err)
		}
	}
}
