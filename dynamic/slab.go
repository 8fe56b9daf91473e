package dynamic

import "github.com/thriftkit/thriftkit/schema"

// A Slab makes the composite values of one message, several at once, for codecs. What is kept of a
// message keeps what was made together with it: no more than twice of what it has itself. The
// zero Slab is ready. Not for concurrent use.
type Slab struct {
	structs pile[Struct]
	lists   pile[List]
	values  pile[Value]
}

// Struct is New.
func (s *Slab) Struct(desc *schema.Struct) *Struct {
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

// Values returns n unset values, with no spare capacity.
func (s *Slab) Values(n int) []Value {
	const most = 64 // above it there is nothing to gain
	if n > most {
		return make([]Value, n)
	}
	return s.values.take(n)
}

const useSlabs = true // false: each value is made alone

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
