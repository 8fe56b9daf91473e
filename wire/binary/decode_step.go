package binary

import (
	"encoding/binary"
	"math/bits"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/wire"
)

const maxSteps = 64 // fields of a struct that is read step by step

// structure reads a struct into the zeroed memory at v. depth is how many more levels may open.
//
// It expects the fields in the order of the IDL, as senders write them: one comparison tells that
// the next one is there, with the type of the schema.
//
// For a plan that is Flat, d may be nil: a decoder takes time to be made.
func (d *decoder) structure(src []byte, off int, p *plan.Struct, v mem.Pointer, depth int) (int, error) {
	if depth == 0 {
		return off, wire.TooDeep(off)
	}
	if p.Codec != nil {
		return p.Codec.ConsumeBinary(v, src, off, depth)
	}
	if !useSteps || len(p.Fields) > maxSteps {
		if d != nil {
			return d.fields(src, off, p, v, depth)
		}
		return consumeFields(src, off, p, v, depth)
	}
	fields := p.Fields
	var seen uint64
	next := 0
	for {
		var f *plan.Field
		if uint(off)+4 > uint(len(src)) {
			if off < len(src) && wire.Type(src[off]) == wire.Stop {
				return off + 1, finish(p, v, seen, off)
			}
			if len(src)-off < 3 {
				return off, wire.Truncated(len(src))
			}
		} else if next < len(fields) && binary.BigEndian.Uint32(src[off:])>>8 == fields[next].Head {
			f = &fields[next]
		}
		if f == nil {
			t := wire.Type(src[off])
			if t == wire.Stop {
				return off + 1, finish(p, v, seen, off)
			}
			i := p.Index(int16(binary.BigEndian.Uint16(src[off+1:])))
			if i < 0 || fields[i].Type.Wire != t {
				end, err := skip(src, off+3, t, depth-1)
				if err != nil {
					return off, err
				}
				if i < 0 && p.Unknown >= 0 {
					u := mem.As[wire.UnknownFields](v.Add(uintptr(p.Unknown)))
					*u = append(*u, src[off:end]...)
				}
				off = end
				continue
			}
			next = i
			f = &fields[i]
		}
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
		body := src[off+3:]
		switch f.Op {
		case plan.OpBool:
			if len(body) >= 1 {
				*mem.As[bool](at) = body[0] != 0
				off += 4
				continue
			}
		case plan.OpI8:
			if len(body) >= 1 {
				*mem.As[uint8](at) = body[0]
				off += 4
				continue
			}
		case plan.OpI16:
			if len(body) >= 2 {
				*mem.As[uint16](at) = binary.BigEndian.Uint16(body)
				off += 5
				continue
			}
		case plan.OpI32:
			if len(body) >= 4 {
				*mem.As[uint32](at) = binary.BigEndian.Uint32(body)
				off += 7
				continue
			}
		case plan.OpI64, plan.OpDouble:
			if len(body) >= 8 {
				*mem.As[uint64](at) = binary.BigEndian.Uint64(body)
				off += 11
				continue
			}
		case plan.OpString:
			if len(body) >= 4 {
				if n := int(int32(binary.BigEndian.Uint32(body))); uint(n) <= uint(len(body)-4) {
					*mem.As[string](at) = mem.String(body[4 : 4+n])
					off += 7 + n
					continue
				}
			}
		case plan.OpBytes:
			if len(body) >= 4 {
				if n := int(int32(binary.BigEndian.Uint32(body))); uint(n) <= uint(len(body)-4) {
					*mem.As[[]byte](at) = body[4 : 4+n : 4+n]
					off += 7 + n
					continue
				}
			}
		case plan.OpStruct:
			end, err := d.structure(src, off+3, f.Value.Struct, at, depth-1)
			if err != nil {
				return off, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
			}
			off = end
			continue
		}
		var end int
		var err error
		if d != nil {
			end, err = d.typed(off+3, f.Value, at, depth-1)
		} else {
			end, err = consumeAlone(src, off+3, f.Value, at, depth-1)
		}
		if err != nil {
			return off, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
		}
		off = end
	}
}

// consumeFields is fields with a decoder of its own.
//
//go:noinline
func consumeFields(src []byte, off int, p *plan.Struct, v mem.Pointer, depth int) (int, error) {
	d := decoder{src: src}
	return d.fields(src, off, p, v, depth)
}

// consumeAlone reads a value with a decoder of its own.
//
//go:noinline
func consumeAlone(src []byte, off int, t *plan.Type, v mem.Pointer, depth int) (int, error) {
	d := decoder{src: src}
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
// have such a run. The bytes of numbers are all there: the header was checked against what remains.
func (d *decoder) run(off, n int, t *plan.Type, v mem.Pointer, depth int) (next int, ok bool, err error) {
	src := d.src[off:]
	switch t.Elem.Op {
	case plan.OpI8:
		x := make([]byte, n)
		copy(x, src)
		*mem.As[[]byte](v) = x
		return off + n, true, nil
	case plan.OpI32:
		x := d.slab.Words32(n)
		swap32(x, src[:4*n])
		*mem.As[[]uint32](v) = x
		return off + 4*n, true, nil
	case plan.OpI64, plan.OpDouble:
		x := d.slab.Words64(n)
		swap64(x, src[:8*n])
		*mem.As[[]uint64](v) = x
		return off + 8*n, true, nil
	case plan.OpString:
		x := d.slab.Strings(n)
		*mem.As[[]string](v) = x
		next, err = ConsumeStrings(d.src, off, x)
		return next, true, err
	case plan.OpPointer:
		x := d.slab.Pointers(n)
		*mem.As[[]mem.Pointer](v) = x
		d.slab.ReserveAll(t.Elem.Elem, n, len(src))
		next, err = d.pointers(off, t.Elem.Elem, x, depth)
		return next, true, err
	}
	return off, false, nil
}

func swap32(to []uint32, src []byte) {
	for len(to) >= 4 && len(src) >= 16 {
		to[0] = binary.BigEndian.Uint32(src[0:4])
		to[1] = binary.BigEndian.Uint32(src[4:8])
		to[2] = binary.BigEndian.Uint32(src[8:12])
		to[3] = binary.BigEndian.Uint32(src[12:16])
		to, src = to[4:], src[16:]
	}
	for i := range to {
		to[i] = binary.BigEndian.Uint32(src[4*i:])
	}
}

func swap64(to []uint64, src []byte) {
	for len(to) >= 4 && len(src) >= 32 {
		to[0] = binary.BigEndian.Uint64(src[0:8])
		to[1] = binary.BigEndian.Uint64(src[8:16])
		to[2] = binary.BigEndian.Uint64(src[16:24])
		to[3] = binary.BigEndian.Uint64(src[24:32])
		to, src = to[4:], src[32:]
	}
	for i := range to {
		to[i] = binary.BigEndian.Uint64(src[8*i:])
	}
}

// pointers reads values of t and stores where they are.
func (d *decoder) pointers(off int, t *plan.Type, to []mem.Pointer, depth int) (int, error) {
	for i := range to {
		elem := d.slab.New(t)
		to[i] = elem
		var err error
		if t.Op == plan.OpStruct {
			off, err = d.structure(d.src, off, t.Struct, elem, depth)
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
	if n := int(fixedSize[op]); n > len(src)-off {
		return off, wire.Truncated(len(src))
	}
	switch op {
	case plan.OpI32:
		*mem.As[uint32](v) = binary.BigEndian.Uint32(src[off:])
		return off + 4, nil
	case plan.OpString:
		s, next, err := ConsumeString(src, off)
		*mem.As[string](v) = s
		return next, err
	default: // OpI64, OpDouble
		*mem.As[uint64](v) = binary.BigEndian.Uint64(src[off:])
		return off + 8, nil
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
	room := thriftimpl.Room(n, t.Key.Size+t.Elem.Size, len(d.src)-off)
	m := make(map[K]mem.Pointer, room)
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
