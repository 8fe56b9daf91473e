// Package payload holds what every side of the benchmarks encodes, decodes and calls: the
// schema, Go types for it without tags or generated code, and values of four sizes.
package payload

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/schema"
)

// IDL is the text of bench.thrift, which the generated code of the peers was made of.
//
//go:embed idl/bench.thrift
var IDL string

// Load returns the schema of IDL.
func Load() (*schema.File, error) { return thriftkit.Parse("bench.thrift", IDL) }

// The structs of bench.thrift.
type (
	// Login is two strings.
	Login struct{ Username, Password string }

	// Simple has a field of most kinds.
	Simple struct {
		Small  int8
		Medium int16
		Number int32
		ID     int64
		Ratio  float64
		Name   string
		Blob   []byte
	}

	// Nested has lists and maps.
	Nested struct {
		Name    string
		Items   []*Simple
		Ratio   float64
		Numbers []int32
		Labels  map[string]string
		First   *Simple
		Totals  map[int32]int64
		Notes   []string
		Blob    []byte
		IDs     []int64
		Named   map[string]*Simple
	}

	// Large is many of Nested.
	Large struct {
		Parts []*Nested
		Named map[string]*Nested
	}

	// Longs is a list of numbers.
	Longs struct{ Values []int64 }
)

// NewLogin returns a Login that takes 60 bytes in the binary protocol.
func NewLogin() *Login {
	return &Login{strings.Repeat("u", 21), strings.Repeat("p", 24)}
}

// NewSimple returns a Simple that takes 89 bytes. i tells it from others.
func NewSimple(i int) *Simple {
	return &Simple{int8(i), int16(i * 3), int32(i * 1000), int64(i) << 32, float64(i) + 0.25, fmt.Sprintf("name of it %09d", i), []byte("0123456789abcdef")}
}

// NewNested returns a Nested of about 4.5 KB.
func NewNested(i int) *Nested {
	n := &Nested{
		Name: fmt.Sprintf("nested %04d", i), Ratio: 1.5, First: NewSimple(i), Blob: []byte(strings.Repeat("b", 480)),
		Labels: make(map[string]string), Totals: make(map[int32]int64), Named: make(map[string]*Simple),
	}
	for j := range 16 {
		n.Items = append(n.Items, NewSimple(j))
		n.Labels[fmt.Sprintf("label %02d", j)] = "the value of a label"
		n.Totals[int32(j)] = int64(j) * 100
		n.Notes = append(n.Notes, fmt.Sprintf("a note of some words, %d", j))
		n.Numbers = append(n.Numbers, int32(j), int32(-j))
		n.IDs = append(n.IDs, int64(j)<<40, int64(j))
	}
	for j := range 8 {
		n.Named[fmt.Sprintf("simple %d", j)] = NewSimple(j)
	}
	return n
}

// NewLarge returns a Large of about 120 KB.
func NewLarge() *Large {
	l := &Large{Named: make(map[string]*Nested)}
	for i := range 16 {
		l.Parts = append(l.Parts, NewNested(i))
	}
	for i := range 10 {
		l.Named[fmt.Sprintf("part %d", i)] = NewNested(i)
	}
	return l
}

// NewLongs returns n numbers.
func NewLongs(n int) *Longs {
	l := &Longs{Values: make([]int64, n)}
	for i := range l.Values {
		l.Values[i] = int64(i) * 1_000_003
	}
	return l
}

// The floors below return what allocates a copy of a value: what decoding must allocate at the
// least, with one slab for the structs of a list or a map, presized maps and slices, and strings
// and bytes that share memory, as decoded ones may share that of the message. Nothing is read but slices:
// maps are laid out as such beforehand, for walking a map is not a decoder's work.

// FloorLogin is the floor of a Login.
func FloorLogin(v *Login) func() *Login {
	return func() *Login { return &Login{v.Username, v.Password} }
}

// FloorSimple is the floor of a Simple.
func FloorSimple(v *Simple) func() *Simple {
	return func() *Simple {
		s := *v
		return &s
	}
}

// FloorNested is the floor of a Nested.
func FloorNested(v *Nested) func() *Nested {
	f := newNestedFloor(v)
	return func() *Nested {
		n := new(Nested)
		f.build(n)
		return n
	}
}

// FloorLarge is the floor of a Large.
func FloorLarge(v *Large) func() *Large {
	parts := make([]nestedFloor, len(v.Parts))
	for i, p := range v.Parts {
		parts[i] = newNestedFloor(p)
	}
	var names []string
	var named []nestedFloor
	for name, p := range v.Named {
		names, named = append(names, name), append(named, newNestedFloor(p))
	}
	return func() *Large {
		l := &Large{Parts: make([]*Nested, len(parts)), Named: make(map[string]*Nested, len(named))}
		slab := make([]Nested, len(parts))
		for i := range parts {
			parts[i].build(&slab[i])
			l.Parts[i] = &slab[i]
		}
		slab = make([]Nested, len(named))
		for i := range named {
			named[i].build(&slab[i])
			l.Named[names[i]] = &slab[i]
		}
		return l
	}
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

func entries[K comparable, V any](m map[K]V) []entry[K, V] {
	all := make([]entry[K, V], 0, len(m))
	for k, v := range m {
		all = append(all, entry[K, V]{k, v})
	}
	return all
}

type nestedFloor struct {
	v      *Nested
	labels []entry[string, string]
	totals []entry[int32, int64]
	named  []entry[string, *Simple]
}

func newNestedFloor(v *Nested) nestedFloor {
	return nestedFloor{v, entries(v.Labels), entries(v.Totals), entries(v.Named)}
}

func (f *nestedFloor) build(n *Nested) {
	v := f.v
	first := *v.First
	n.Name, n.Ratio, n.Blob, n.First = v.Name, v.Ratio, v.Blob, &first
	n.Items = make([]*Simple, len(v.Items))
	slab := make([]Simple, len(v.Items))
	for i, item := range v.Items {
		slab[i] = *item
		n.Items[i] = &slab[i]
	}
	n.Numbers = append(make([]int32, 0, len(v.Numbers)), v.Numbers...)
	n.Notes = append(make([]string, 0, len(v.Notes)), v.Notes...)
	n.IDs = append(make([]int64, 0, len(v.IDs)), v.IDs...)
	n.Labels = make(map[string]string, len(f.labels))
	for _, e := range f.labels {
		n.Labels[e.key] = e.value
	}
	n.Totals = make(map[int32]int64, len(f.totals))
	for _, e := range f.totals {
		n.Totals[e.key] = e.value
	}
	n.Named = make(map[string]*Simple, len(f.named))
	slab = make([]Simple, len(f.named))
	for i, e := range f.named {
		slab[i] = *e.value
		n.Named[e.key] = &slab[i]
	}
}
