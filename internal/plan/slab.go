package plan

import (
	"reflect"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/schema"
)

// A Slab makes the values that the pointers and slices of one message point to, several of a Go
// type at once. What is kept of a message keeps what was made together with it: no more than
// twice of what it has itself, as much again as the message, whose strings do the same. The zero
// Slab is ready. Not for concurrent use.
type Slab struct {
	chunks   [slabTypes]chunk
	strings  pile[string]
	pointers pile[mem.Pointer]
	words32  pile[uint32]
	words64  pile[uint64]
}

// Strings returns n empty strings in a row, n > 0.
func (s *Slab) Strings(n int) []string { return s.strings.take(n) }

// Pointers returns n nil pointers in a row, n > 0.
func (s *Slab) Pointers(n int) []mem.Pointer { return s.pointers.take(n) }

// Words32 returns n zeros in a row, n > 0: numbers of 32 bits, whatever their type.
func (s *Slab) Words32(n int) []uint32 { return s.words32.take(n) }

// Words64 is Words32 for 64 bits.
func (s *Slab) Words64(n int) []uint64 { return s.words64.take(n) }

// pile is memory for more values of a type that is known here.
type pile[T any] struct {
	left []T
	next int // how many the next pile has
}

// take returns n values with no spare capacity.
func (p *pile[T]) take(n int) []T {
	if n > len(p.left) {
		const most = 256 // above it there is nothing to gain
		if !useSlabs || n > most/4 {
			return make([]T, n)
		}
		size := max(n, min(p.next, most))
		p.left = make([]T, size)
		p.next = 2 * size
	}
	taken := p.left[:n:n]
	p.left = p.left[n:]
	return taken
}

// chunk is memory for more values of a type: left of them, at the address at.
type chunk struct {
	t    *Type
	at   mem.Pointer
	left int
	next int // how many the next chunk has
}

const (
	slabTypes = 8       // how many types a Slab remembers
	slabBytes = 4 << 10 // of a chunk, unless more is asked for
	useSlabs  = true    // false: each value is made alone
)

// New returns the address of a new value of t.
func (s *Slab) New(t *Type) mem.Pointer { return s.Values(t, 1) }

// Values returns the address of n new values of t in a row, n > 0.
func (s *Slab) Values(t *Type, n int) mem.Pointer {
	t = t.same
	c := &s.chunks[t.slot]
	if c.t == t && n <= c.left {
		at := c.at
		c.left -= n
		c.at = mem.Pointer{}
		if c.left > 0 { // else it would point past the memory
			c.at = at.Add(uintptr(n) * t.Size)
		}
		return at
	}
	return c.fill(t, n)
}

// fill makes the values, and others after them when it has made some of the type before.
func (c *chunk) fill(t *Type, n int) mem.Pointer {
	if !useSlabs || t.Size == 0 {
		return t.makeValues(n)
	}
	if c.t != t {
		*c = chunk{t: t}
	}
	make := max(n, min(c.next, slabBytes/int(t.Size)))
	c.next = 2 * make
	at := t.makeValues(make)
	if c.left = make - n; c.left > 0 {
		c.at = at.Add(uintptr(n) * t.Size)
	}
	return at
}

// Reserve makes room for n values of t that will be asked for.
func (s *Slab) Reserve(t *Type, n int) {
	t = t.same
	c := &s.chunks[t.slot]
	if !useSlabs || t.Size == 0 || c.t == t && c.left >= n {
		return
	}
	*c = chunk{t: t, at: t.makeValues(n), left: n, next: n - n/4}
}

// ReserveAll makes room for n values of t, a struct's, and for the structs that their fields point
// to, as far as remain bytes can hold them.
func (s *Slab) ReserveAll(t *Type, n, remain int) {
	s.reserve(t, n, remain)
	if t.Op != OpStruct {
		return
	}
	for i := range t.Struct.Fields {
		f := &t.Struct.Fields[i]
		if f.Type.Op == OpPointer && f.Type.Elem.Op == OpStruct && f.Schema.Requiredness != schema.Optional && f.Type.Elem.same.slot != t.same.slot {
			s.reserve(f.Type.Elem, n, remain)
		}
	}
}

// reserve reserves no more than is worth while: claims are many before one is found out.
func (s *Slab) reserve(t *Type, n, remain int) {
	const most = 16 << 10 // bytes
	if t.Size > 0 {
		s.Reserve(t, min(thriftimpl.Room(n, t.Size, remain), max(1, most/int(t.Size))))
	}
}

// makeValues allocates once: reflect.MakeSlice would allocate a header as well.
func (t *Type) makeValues(n int) mem.Pointer {
	if n == 1 {
		return mem.Of(reflect.New(t.Go))
	}
	var s []struct{} // room for the header of a []Go
	at := mem.To(&s)
	at.Value(t.sliceOf).Grow(n)
	return at.SliceData()
}
