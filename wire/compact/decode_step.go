package compact

import (
	"math/bits"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/wire"
)

const maxSteps = 64 // fields of a struct that is read step by step

// structure reads a struct into the zeroed memory at v. depth is how many more levels may open.
//
// For a plan that is Flat, d may be nil: a decoder takes time to be made.
func (d *decoder) structure(c Protocol, src []byte, off int, p *plan.Struct, v mem.Pointer, depth int) (int, error) {
	if depth == 0 {
		return off, wire.TooDeep(off)
	}
	if p.Codec != nil && !c.Version2 {
		return p.Codec.ConsumeCompact(v, src, off, depth)
	}
	if !useSteps || len(p.Fields) > maxSteps {
		if d != nil {
			return d.fields(src, off, p, v, depth)
		}
		return c.consumeFields(src, off, p, v, depth)
	}
	fields := p.Fields
	var seen uint64
	next := 0 // the field expected: senders write them in the order of the IDL
	var last int16
	for {
		var h field
		var body int
		var err error
		if off < len(src) && next < len(fields) && isNext(src[off], &fields[next], last) { // most fields
			h = field{t: wire.Type(fields[next].Head >> 16), id: fields[next].ID, bool: src[off]&0x0f == cTrue}
			body = off + 1
		} else if h, body, err = consumeField(src, off, last); err != nil {
			return off, err
		}
		if h.t == wire.Stop {
			return body, finish(p, v, seen, off)
		}
		last = h.id
		if next >= len(fields) || fields[next].ID != h.id {
			next = p.Index(h.id)
		}
		if next < 0 || fields[next].Type.Wire != h.t {
			end, err := skipField(src, body, h, depth-1)
			if err != nil {
				return off, err
			}
			if next < 0 && p.Unknown >= 0 {
				u := mem.As[wire.UnknownFields](v.Add(uintptr(p.Unknown)))
				*u = c.keepUnknown(*u, src, body, h)
			}
			off, next = end, max(next, 0)
			continue
		}
		f := &fields[next]
		at := v.Add(f.Offset)
		bit := uint64(1) << (next & 63)
		if seen&bit != 0 {
			f.Type.Zero(at)
		}
		seen |= bit
		next++
		if f.Indirect {
			elem := d.slab.New(f.Value)
			at.Store(elem)
			at = elem
		}
		switch f.Op {
		case plan.OpBool:
			*mem.As[bool](at) = h.bool
			off = body
			continue
		case plan.OpI8:
			if body < len(src) {
				*mem.As[uint8](at) = src[body]
				off = body + 1
				continue
			}
		case plan.OpI32:
			var u uint32
			if u, off, err = consumeVarint32(src, body); err == nil {
				*mem.As[int32](at) = int32(unzigzag(uint64(u)))
				continue
			}
		case plan.OpI64:
			var u uint64
			if u, off, err = consumeVarint(src, body); err == nil {
				*mem.As[int64](at) = unzigzag(u)
				continue
			}
		case plan.OpDouble:
			if len(src)-body >= 8 {
				*mem.As[float64](at) = c.double(src, body)
				off = body + 8
				continue
			}
		case plan.OpString:
			if body < len(src) && src[body] < 0x80 {
				if end := body + 1 + int(src[body]); end <= len(src) {
					*mem.As[string](at) = mem.String(src[body+1 : end])
					off = end
					continue
				}
			}
		case plan.OpStruct:
			if off, err = d.structure(c, src, body, f.Value.Struct, at, depth-1); err != nil {
				return off, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
			}
			continue
		}
		switch { // the others, and what ends early
		case h.t == wire.Bool:
			off, err = body, d.boolField(f.Value, at, h.bool, depth-1)
		case d != nil:
			off, err = d.typed(body, f.Value, at, depth-1)
		default:
			off, err = c.consumeAlone(src, body, f.Value, at, depth-1)
		}
		if err != nil {
			return off, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
		}
	}
}

// isNext reports whether b is the header of f after a field with the id last.
func isNext(b byte, f *plan.Field, last int16) bool {
	return b>>4 != 0 && int(last)+int(b>>4) == int(f.ID) && fromCompact[b&0x0f] == wire.Type(f.Head>>16)
}

// consumeFields is fields with a decoder of its own.
//
//go:noinline
func (c Protocol) consumeFields(src []byte, off int, p *plan.Struct, v mem.Pointer, depth int) (int, error) {
	d := decoder{Protocol: c, src: src}
	return d.fields(src, off, p, v, depth)
}

// consumeAlone reads a value with a decoder of its own.
//
//go:noinline
func (c Protocol) consumeAlone(src []byte, off int, t *plan.Type, v mem.Pointer, depth int) (int, error) {
	d := decoder{Protocol: c, src: src}
	return d.typed(off, t, v, depth)
}

// finish looks after what was absent.
func finish(p *plan.Struct, v mem.Pointer, seen uint64, off int) error {
	if p.Absent&^seen == 0 && !p.Union {
		return nil
	}
	var s plan.Seen
	for rest := seen; rest != 0; rest &= rest - 1 {
		s.Add(bits.TrailingZeros64(rest))
	}
	return p.Finish(v, &s, off)
}

// useRuns reads lists of numbers, strings and pointers in loops of their own; else element by element.
const useRuns = true

// run reads n elements of a list into a new slice at v, and reports whether elements of the type
// have such a run.
func (d *decoder) run(off, n int, t *plan.Type, v mem.Pointer, depth int) (next int, ok bool, err error) {
	switch t.Elem.Op {
	case plan.OpI32:
		x := mem.As[[]int32](v)
		*mem.As[[]uint32](v) = d.slab.Words32(n)
		next, err = d.i32s(off, *x)
		return next, true, err
	case plan.OpI64:
		*mem.As[[]uint64](v) = d.slab.Words64(n)
		next, err = d.i64s(off, *mem.As[[]int64](v))
		return next, true, err
	case plan.OpString:
		x := d.slab.Strings(n)
		*mem.As[[]string](v) = x
		next, err = d.strings(off, x)
		return next, true, err
	case plan.OpPointer:
		x := d.slab.Pointers(n)
		*mem.As[[]mem.Pointer](v) = x
		d.slab.ReserveAll(t.Elem.Elem, n, len(d.src)-off)
		next, err = d.pointers(off, t.Elem.Elem, x, depth)
		return next, true, err
	}
	return off, false, nil
}

func (d *decoder) i32s(off int, to []int32) (int, error) {
	for i := range to {
		x, next, err := ConsumeI32(d.src, off)
		if err != nil {
			return off, wire.InElement(err, i, "")
		}
		to[i], off = x, next
	}
	return off, nil
}

func (d *decoder) i64s(off int, to []int64) (int, error) {
	for i := range to {
		x, next, err := ConsumeI64(d.src, off)
		if err != nil {
			return off, wire.InElement(err, i, "")
		}
		to[i], off = x, next
	}
	return off, nil
}

func (d *decoder) strings(off int, to []string) (int, error) {
	for i := range to {
		s, next, err := ConsumeString(d.src, off)
		if err != nil {
			return off, wire.InElement(err, i, "")
		}
		to[i], off = s, next
	}
	return off, nil
}

// pointers reads values of t and stores where they are.
func (d *decoder) pointers(off int, t *plan.Type, to []mem.Pointer, depth int) (int, error) {
	for i := range to {
		elem := d.slab.New(t)
		to[i] = elem
		var err error
		if t.Op == plan.OpStruct {
			off, err = d.structure(d.Protocol, d.src, off, t.Struct, elem, depth)
		} else {
			off, err = d.typed(off, t, elem, depth)
		}
		if err != nil {
			return off, wire.InElement(err, i, "")
		}
	}
	return off, nil
}

// scalar reads the number or string of that op into the memory at v, which must not leak.
func (d *decoder) scalar(off int, op plan.Op, v mem.Pointer) (int, error) {
	src := d.src
	switch op {
	case plan.OpI32:
		x, next, err := ConsumeI32(src, off)
		*mem.As[int32](v) = x
		return next, err
	case plan.OpI64:
		x, next, err := ConsumeI64(src, off)
		*mem.As[int64](v) = x
		return next, err
	case plan.OpDouble:
		if len(src)-off < 8 {
			return off, wire.Truncated(len(src))
		}
		*mem.As[float64](v) = d.double(src, off)
		return off + 8, nil
	default: // OpString
		s, next, err := ConsumeString(src, off)
		*mem.As[string](v) = s
		return next, err
	}
}

// mapOf reads the n entries of a map of Go type map[K]V, numbers or strings.
func mapOf[K comparable, V any](d *decoder, off, n int, t *plan.Type, v mem.Pointer) (int, error) {
	m := make(map[K]V, thriftimpl.Room(n, t.Key.Size+t.Elem.Size, len(d.src)-off))
	*mem.As[map[K]V](v) = m
	key, elem := t.Key.Op, t.Elem.Op
	var e entry[K, V]
	var err error
	for i := range n {
		if off, err = d.scalar(off, key, mem.To(&e.key)); err != nil {
			return off, wire.InElement(err, i, "key")
		}
		if off, err = d.scalar(off, elem, mem.To(&e.elem)); err != nil {
			return off, wire.InElement(err, i, "value")
		}
		m[e.key] = e.elem
	}
	return off, nil
}

// pointerMap reads the n entries of a map whose elements are pointers.
func pointerMap[K comparable](d *decoder, off, n int, t *plan.Type, v mem.Pointer, depth int) (int, error) {
	m := make(map[K]mem.Pointer, thriftimpl.Room(n, t.Key.Size+t.Elem.Size, len(d.src)-off))
	*mem.As[map[K]mem.Pointer](v) = m
	d.slab.ReserveAll(t.Elem.Elem, n, len(d.src)-off)
	var e entry[K, mem.Pointer]
	var err error
	for i := range n {
		if off, err = d.scalar(off, t.Key.Op, mem.To(&e.key)); err != nil {
			return off, wire.InElement(err, i, "key")
		}
		e.elem = d.slab.New(t.Elem.Elem)
		if off, err = d.typed(off, t.Elem.Elem, e.elem, depth); err != nil {
			return off, wire.InElement(err, i, "value")
		}
		m[e.key] = e.elem
	}
	return off, nil
}
