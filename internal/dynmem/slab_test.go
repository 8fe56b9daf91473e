package dynmem

import (
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/schema"
)

// TestSlab makes many values in turn: all are unset, none overlaps another, and an append to one
// does not reach the next.
func TestSlab(t *testing.T) {
	corpus := schematest.New()
	listType := schema.ListOf(schematest.I32)
	var s Slab
	var structs []*dynamic.Struct
	var lists []*dynamic.List
	for i := range 1000 {
		x := s.Struct(corpus.Point)
		if x.Schema() != corpus.Point || x.At(0).IsSet() || x.At(1).IsSet() {
			t.Fatalf("struct %d: %v", i, dynamic.StructValue(x).Interface())
		}
		vals := s.Values(i % 100)
		if len(vals) != i%100 || cap(vals) != len(vals) {
			t.Fatalf("%d values: len %d, cap %d", i%100, len(vals), cap(vals))
		}
		for j := range vals {
			if vals[j].IsSet() {
				t.Fatalf("value %d of %d is set", j, i)
			}
			vals[j] = dynamic.I32(int32(i))
		}
		Slots(x)[0], Slots(x)[1] = dynamic.I32(int32(i)), dynamic.I32(int32(-i))
		structs, lists = append(structs, x), append(lists, s.List(listType, append(vals, dynamic.I32(-1))))
	}
	for i, x := range structs {
		if x.At(0).Int() != int64(i) || x.At(1).Int() != int64(-i) {
			t.Fatalf("struct %d: %v", i, dynamic.StructValue(x).Interface())
		}
		if n := lists[i].Len(); n != i%100+1 || lists[i].At(0).Int() != int64(i) && n > 1 {
			t.Fatalf("list %d: %v", i, dynamic.ListValue(lists[i]).Interface())
		}
	}
}

func TestSlabGrows(t *testing.T) {
	corpus := schematest.New()
	for n, want := range map[int]float64{1: 2, 31: 10, 100: 14} {
		if got := testing.AllocsPerRun(10, func() {
			var s Slab
			for range n {
				s.Struct(corpus.Point)
			}
		}); got > want {
			t.Errorf("%d structs: %v allocations, want %v", n, got, want)
		}
	}
}
