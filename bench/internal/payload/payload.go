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

// The functions below are the graph floor: they allocate what decoding such a value must
// allocate at the least, with one slab for the structs of a list or a map, presized maps and
// slices, and strings and bytes that share the memory of the message. The maps' entries are
// set; nothing is read.

// BuildLogin builds what v is.
func BuildLogin(v *Login) *Login { return &Login{v.Username, v.Password} }

// BuildSimple builds what v is.
func BuildSimple(v *Simple) *Simple {
	s := *v
	return &s
}

// BuildNested builds what v is.
func BuildNested(v *Nested) *Nested {
	n := new(Nested)
	buildNested(n, v)
	return n
}

func buildNested(n, v *Nested) {
	n.Name, n.Ratio, n.Blob, n.First = v.Name, v.Ratio, v.Blob, BuildSimple(v.First)
	items := make([]Simple, len(v.Items))
	n.Items = make([]*Simple, len(v.Items))
	for i := range items {
		items[i] = *v.Items[i]
		n.Items[i] = &items[i]
	}
	n.Numbers = make([]int32, len(v.Numbers))
	copy(n.Numbers, v.Numbers)
	n.Labels = make(map[string]string, len(v.Labels))
	for k, e := range v.Labels {
		n.Labels[k] = e
	}
	n.Totals = make(map[int32]int64, len(v.Totals))
	for k, e := range v.Totals {
		n.Totals[k] = e
	}
	n.Notes = make([]string, len(v.Notes))
	copy(n.Notes, v.Notes)
	n.IDs = make([]int64, len(v.IDs))
	copy(n.IDs, v.IDs)
	named := make([]Simple, 0, len(v.Named))
	n.Named = make(map[string]*Simple, len(v.Named))
	for k, e := range v.Named {
		named = append(named, *e)
		n.Named[k] = &named[len(named)-1]
	}
}

// BuildLarge builds what v is.
func BuildLarge(v *Large) *Large {
	l := &Large{Parts: make([]*Nested, len(v.Parts)), Named: make(map[string]*Nested, len(v.Named))}
	parts := make([]Nested, len(v.Parts))
	for i := range parts {
		buildNested(&parts[i], v.Parts[i])
		l.Parts[i] = &parts[i]
	}
	named := make([]Nested, 0, len(v.Named))
	for k, e := range v.Named {
		named = append(named, Nested{})
		n := &named[len(named)-1]
		buildNested(n, e)
		l.Named[k] = n
	}
	return l
}
