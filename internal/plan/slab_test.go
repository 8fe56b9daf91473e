package plan_test

import (
	"math/rand"
	"reflect"
	"runtime"
	"testing"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/schema"
)

// TestSlab asks for values of several types in turn: all are zero, and none overlaps another,
// also while memory is collected.
func TestSlab(t *testing.T) {
	type given struct {
		at    mem.Pointer
		n     int
		value int32
	}
	types := []*plan.Type{planOf(t, typeOf[Point](), corpus.Point.Type()), planOf(t, typeOf[int32](), schematest.I32), planOf(t, typeOf[Empty](), emptyType(t))}
	points, ints, empty := types[0], types[1], types[2]
	r := rand.New(rand.NewSource(1))
	var s plan.Slab
	var all []given
	for i := range 2000 {
		n := 1 + r.Intn(5)
		if r.Intn(100) == 0 {
			n *= 1000
		}
		if r.Intn(10) == 0 {
			s.Reserve(points, n)
		}
		s.Values(empty, n)
		at := s.Values(points, n)
		for j := range n {
			p := mem.As[Point](at.Add(uintptr(j) * points.Size))
			if *p != (Point{}) {
				t.Fatalf("value %d: %+v", i, *p)
			}
			p.X, p.Y = int32(i), int32(j)
		}
		all = append(all, given{at, n, int32(i)})
		if one := mem.As[int32](s.New(ints)); *one != 0 {
			t.Fatalf("value %d: %d", i, *one)
		} else {
			*one = -1
		}
		if i%500 == 0 {
			runtime.GC()
		}
	}
	for _, g := range all {
		for j := range g.n {
			if p := *mem.As[Point](g.at.Add(uintptr(j) * points.Size)); p.X != g.value || p.Y != int32(j) {
				t.Fatalf("values %d: %+v", g.value, p)
			}
		}
	}
}

// TestSlabGrows counts allocations: the first value is made alone, the later ones by ever more.
func TestSlabGrows(t *testing.T) {
	points := planOf(t, typeOf[Point](), corpus.Point.Type())
	for n, want := range map[int]float64{1: 1, 3: 3, 31: 9, 100: 13} {
		if got := testing.AllocsPerRun(10, func() {
			var s plan.Slab
			for range n {
				s.New(points)
			}
		}); got > want {
			t.Errorf("%d values: %v allocations, want %v", n, got, want)
		}
	}
	if got := testing.AllocsPerRun(10, func() {
		var s plan.Slab
		s.Reserve(points, 100)
		for range 100 {
			s.New(points)
		}
	}); got > 2 {
		t.Errorf("100 values that were announced: %v allocations", got)
	}
}

func emptyType(t *testing.T) *schema.Type {
	t.Helper()
	desc := &schema.Struct{Name: "Empty"}
	if err := schema.Link(&schema.File{Structs: []*schema.Struct{desc}}); err != nil {
		t.Fatal(err)
	}
	return desc.Type()
}

func planOf(t *testing.T, g reflect.Type, st *schema.Type) *plan.Type {
	t.Helper()
	p, err := plan.ForType(g, st)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
