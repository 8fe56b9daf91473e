package dynamic

import "github.com/thriftkit/thriftkit/schema"

// A Slab makes the composite values of one message, several at once, for codecs. What is kept of a
// message keeps what was made together with it: no more than twice of what it has itself. The
// zero Slab is ready. Not for concurrent use.
type Slab struct {
	structs pile[Struct]
	lists   pile[List]
	maps    pile[Map]
	values  pile[Value]
	entries pile[Entry]
}

// Struct is New.
func (s *Slab) Struct(desc *schema.Struct) *Struct {
	if useSlabs && len(s.structs.left) == 0 && s.structs.next == 0 {
		if x := alone(desc); x != nil {
			s.structs.next, s.values.next = 2, max(s.values.next, 2*len(desc.Fields))
			return x
		}
	}
	x := &s.structs.take(1)[0]
	*x = Struct{desc: desc, vals: s.Values(len(desc.Fields))}
	return x
}

// List is MakeList.
func (s *Slab) List(t *schema.Type, vals []Value) *List {
	x := &s.lists.take(1)[0]
	*x = List{typ: t, vals: vals}
	return x
}

// alone makes a small struct at once with its values: many messages hold no other.
func alone(desc *schema.Struct) *Struct {
	switch n := len(desc.Fields); {
	case n <= 2:
		x := new(struct {
			Struct
			vals [2]Value
		})
		x.Struct = Struct{desc: desc, vals: x.vals[:n:n]}
		return &x.Struct
	case n <= 4:
		x := new(struct {
			Struct
			vals [4]Value
		})
		x.Struct = Struct{desc: desc, vals: x.vals[:n:n]}
		return &x.Struct
	case n <= 8:
		x := new(struct {
			Struct
			vals [8]Value
		})
		x.Struct = Struct{desc: desc, vals: x.vals[:n:n]}
		return &x.Struct
	}
	return nil
}

// Map is MakeMap.
func (s *Slab) Map(t *schema.Type, entries []Entry) *Map {
	x := &s.maps.take(1)[0]
	*x = Map{typ: t, entries: entries}
	return x
}

// Entries returns n entries of unset values, with no spare capacity.
func (s *Slab) Entries(n int) []Entry {
	if n >= large {
		return make([]Entry, n)
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
func (s *Slab) Values(n int) []Value {
	if n >= large && n > len(s.values.left) {
		return make([]Value, n)
	}
	return s.values.take(n)
}

const (
	useSlabs = true // false: each value is made alone
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
