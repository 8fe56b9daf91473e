package dynmem

import (
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
)

// A Slab makes the composite values of one message, several at once. What is kept of a
// message keeps what was made together with it: no more than twice of what it has itself. The
// zero Slab is ready. Not for concurrent use.
type Slab struct {
	structs pile[dynamic.Struct]
	lists   pile[dynamic.List]
	maps    pile[dynamic.Map]
	values  pile[dynamic.Value]
	entries pile[dynamic.Entry]
}

// Struct is [dynamic.New].
func (s *Slab) Struct(desc *schema.Struct) *dynamic.Struct {
	if useSlabs && len(s.structs.left) == 0 && s.structs.next == 0 {
		if n := len(desc.Fields); n <= small {
			s.structs.next, s.values.next = 2, max(s.values.next, 2*n)
			return dynamic.New(desc)
		}
	}
	x := &s.structs.take(1)[0]
	setStruct(x, desc, s.Values(len(desc.Fields)))
	return x
}

// List is the func List.
func (s *Slab) List(t *schema.Type, vals []dynamic.Value) *dynamic.List {
	x := &s.lists.take(1)[0]
	setList(x, t, vals)
	return x
}

// Map is the func Map.
func (s *Slab) Map(t *schema.Type, entries []dynamic.Entry) *dynamic.Map {
	x := &s.maps.take(1)[0]
	setMap(x, t, entries)
	return x
}

// Entries returns n entries of unset values, with no spare capacity.
func (s *Slab) Entries(n int) []dynamic.Entry {
	if n >= large {
		return make([]dynamic.Entry, n)
	}
	return s.entries.take(n)
}

// Reserve makes room for n structs of type desc that will be asked for, as far as remain bytes
// can hold them.
func (s *Slab) Reserve(desc *schema.Struct, n, remain int) {
	const most = 256 // above it there is nothing to gain
	n = min(n, most, remain)
	if useSlabs {
		s.structs.reserve(n)
		s.values.reserve(min(n*len(desc.Fields), most, remain))
	}
}

// Values returns n unset values, with no spare capacity.
func (s *Slab) Values(n int) []dynamic.Value {
	if n >= large && n > len(s.values.left) {
		return make([]dynamic.Value, n)
	}
	return s.values.take(n)
}

const (
	useSlabs = true // false: each value is made alone
	small    = 8    // fields of a struct that dynamic.New makes at once with its values: many messages hold no other
	large    = 8    // in a row, what is made with others would leave more unused than it saves
)

// pile is memory for more values of a type.
type pile[T any] struct {
	left []T
	next int // how many the next pile has
}

func (p *pile[T]) take(n int) []T {
	if n > len(p.left) {
		const most = 128
		size := n
		if useSlabs {
			size = max(n, min(p.next, most))
		}
		p.left = make([]T, size)
		p.next = 2 * size
	}
	taken := p.left[:n:n]
	p.left = p.left[n:]
	return taken
}

// reserve makes room for n values.
func (p *pile[T]) reserve(n int) {
	if n > len(p.left) {
		p.left = make([]T, n)
		p.next = max(p.next, n/2)
	}
}
