package compact

import (
	"encoding/binary"
	"slices"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/dynmem"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// useSteps writes a field with its header in one step, into room that was made once for the whole
// struct; else by the functions for each part, in appendFields.
const useSteps = true

// grow makes room for n more bytes.
//
//go:noinline
func grow(dst []byte, n int) []byte { return slices.Grow(dst, n) }

func zigzag(v int64) uint64 { return uint64(v)<<1 ^ uint64(v>>63) }

// putUvarint stores u at b[n:] and returns the offset after it.
func putUvarint(b []byte, n int, u uint64) int {
	for u >= 0x80 {
		b[n] = byte(u) | 0x80
		u >>= 7
		n++
	}
	b[n] = byte(u)
	return n + 1
}

// putField is appendField.
func putField(b []byte, n int, ct byte, id, last int16) int {
	if step := int(id) - int(last); step > 0 && step <= 15 {
		b[n] = byte(step)<<4 | ct
		return n + 1
	}
	b[n] = ct
	return putUvarint(b, n+1, zigzag(int64(id)))
}

func (c Protocol) putDouble(b []byte, bits uint64) {
	if c.Version2 {
		binary.BigEndian.PutUint64(b, bits)
	} else {
		binary.LittleEndian.PutUint64(b, bits)
	}
}

// boolType is the compact type of a bool field, which is its value.
func boolType(v bool) byte {
	if v {
		return cTrue
	}
	return cFalse
}

// appendStruct appends the set fields of the struct at v and the stop. depth is how many more
// levels may open.
func (c Protocol) appendStruct(dst []byte, p *plan.Struct, v mem.Pointer, depth int) ([]byte, error) {
	if depth == 0 {
		return dst, wire.TooDeep(-1)
	}
	if p.Codec != nil && !c.Version2 {
		return p.Codec.AppendCompact(v, dst, depth)
	}
	if p.Union {
		if err := p.CheckWritable(v); err != nil {
			return dst, err
		}
	}
	if !useSteps {
		return c.appendFields(dst, p, v, depth)
	}
	if cap(dst)-len(dst) < p.Room {
		dst = grow(dst, p.Room)
	}
	b, n := dst[:cap(dst)], len(dst)
	var last int16
	fields := p.Fields
	for i := range fields {
		f := &fields[i]
		at := v.Add(f.Offset)
		if f.Presence != plan.Always {
			set := false
			if f.Indirect {
				at = at.Load()
				set = !at.IsNil()
			} else {
				set = f.IsSet(v)
			}
			if !set {
				if err := plan.Unset(p.Schema, f.Schema); err != nil {
					return b[:n], err
				}
				continue
			}
		}
		head := n
		if f.Op == plan.OpBool {
			n = putField(b, n, boolType(*mem.As[bool](at)), f.ID, last)
			last = f.ID
			continue
		}
		n = putField(b, n, toCompact[f.Type.Wire], f.ID, last)
		last = f.ID
		switch f.Op {
		case plan.OpI8:
			b[n] = *mem.As[uint8](at)
			n++
		case plan.OpI16:
			n = putUvarint(b, n, zigzag(int64(*mem.As[int16](at))))
		case plan.OpI32:
			n = putUvarint(b, n, zigzag(int64(*mem.As[int32](at))))
		case plan.OpI64:
			n = putUvarint(b, n, zigzag(*mem.As[int64](at)))
		case plan.OpDouble:
			c.putDouble(b[n:n+8], *mem.As[uint64](at))
			n += 8
		case plan.OpString, plan.OpBytes:
			var s string
			if f.Op == plan.OpString {
				s = *mem.As[string](at)
			} else {
				s = mem.String(*mem.As[[]byte](at))
			}
			if cap(b)-n < len(s)+binary.MaxVarintLen32+f.Rest {
				b = grow(b[:n], len(s)+binary.MaxVarintLen32+f.Rest)
				b = b[:cap(b)]
			}
			n = putUvarint(b, n, uint64(len(s)))
			n += copy(b[n:], s)
		default:
			var err error
			if f.Op == plan.OpStruct {
				dst, err = c.appendStruct(b[:n], f.Value.Struct, at, depth-1)
			} else {
				dst, err = c.appendTyped(b[:n], f.Value, at, depth-1)
			}
			if err != nil {
				return dst, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
			}
			if f.Type.Wire == wire.Bool {
				dst = foldBool(dst, head)
			}
			if cap(dst)-len(dst) < f.Rest {
				dst = grow(dst, f.Rest)
			}
			b, n = dst[:cap(dst)], len(dst)
		}
	}
	dst = b[:n]
	if p.Unknown >= 0 {
		var err error
		if dst, err = c.appendUnknown(dst, *mem.As[wire.UnknownFields](v.Add(uintptr(p.Unknown))), last); err != nil {
			return dst, err
		}
	}
	return append(dst, cStop), nil
}

// appendSlots is appendStruct for a dynamic struct.
func (c Protocol) appendSlots(dst []byte, p *plan.DynamicStruct, s *dynamic.Struct, depth int) ([]byte, error) {
	if cap(dst)-len(dst) < p.Room {
		dst = grow(dst, p.Room)
	}
	b, n := dst[:cap(dst)], len(dst)
	var last int16
	vals := dynmem.Slots(s)
	fields := p.Fields[:len(vals)]
	for i := range fields {
		f, v := &fields[i], &vals[i]
		if !v.IsSet() {
			if err := plan.Unset(p.Schema, f.Schema); err != nil {
				return b[:n], err
			}
			continue
		}
		if f.Kind == schema.KindBool {
			n = putField(b, n, boolType(v.Bool()), f.ID, last)
			last = f.ID
			continue
		}
		n = putField(b, n, toCompact[f.Type.Wire], f.ID, last)
		last = f.ID
		switch f.Kind {
		case schema.KindI8:
			b[n] = byte(dynmem.Bits(v))
			n++
		case schema.KindI16, schema.KindI32, schema.KindI64, schema.KindEnum:
			n = putUvarint(b, n, zigzag(int64(dynmem.Bits(v))))
		case schema.KindDouble:
			c.putDouble(b[n:n+8], dynmem.Bits(v))
			n += 8
		case schema.KindString, schema.KindBinary:
			s := v.Text()
			if cap(b)-n < len(s)+binary.MaxVarintLen32+f.Rest {
				b = grow(b[:n], len(s)+binary.MaxVarintLen32+f.Rest)
				b = b[:cap(b)]
			}
			n = putUvarint(b, n, uint64(len(s)))
			n += copy(b[n:], s)
		default:
			var err error
			if dst, err = c.appendValue(b[:n], f.Type, *v, depth); err != nil {
				return dst, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
			}
			if cap(dst)-len(dst) < f.Rest {
				dst = grow(dst, f.Rest)
			}
			b, n = dst[:cap(dst)], len(dst)
		}
	}
	dst, err := c.appendUnknown(b[:n], s.Unknown(), last)
	return append(dst, cStop), err
}

// appendRun appends a list of numbers or strings without a call for each element, and reports
// whether elements of that op have such a run.
func appendRun(dst []byte, op plan.Op, v mem.Pointer) ([]byte, bool) {
	switch op {
	case plan.OpI8:
		return append(dst, *mem.As[[]uint8](v)...), true
	case plan.OpI32:
		x := *mem.As[[]int32](v)
		dst = slices.Grow(dst, len(x)*binary.MaxVarintLen32)
		b, n := dst[:cap(dst)], len(dst)
		for _, e := range x {
			n = putUvarint(b, n, zigzag(int64(e)))
		}
		return b[:n], true
	case plan.OpI64:
		for _, e := range *mem.As[[]int64](v) {
			dst = AppendI64(dst, e)
		}
		return dst, true
	case plan.OpString:
		b, n := dst[:cap(dst)], len(dst)
		for _, s := range *mem.As[[]string](v) {
			if len(b)-n < binary.MaxVarintLen32+len(s) {
				b = grow(b[:n], binary.MaxVarintLen32+len(s))
				b = b[:cap(b)]
			}
			n = putUvarint(b, n, uint64(len(s)))
			n += copy(b[n:], s)
		}
		return b[:n], true
	}
	return dst, false
}

// A key and an element of the Go maps that are read as what they are. The address of one must not
// leak: it would have to be allocated.
type entry[K comparable, V any] struct {
	key  K
	elem V
}

// appendScalar appends the number or string at v.
func (c Protocol) appendScalar(dst []byte, op plan.Op, v mem.Pointer) []byte {
	switch op {
	case plan.OpI32:
		return AppendI64(dst, int64(*mem.As[int32](v)))
	case plan.OpI64:
		return AppendI64(dst, *mem.As[int64](v))
	case plan.OpDouble:
		return c.appendDouble(dst, *mem.As[float64](v))
	default: // OpString
		return AppendString(dst, *mem.As[string](v))
	}
}

// appendMapOf appends a map of Go type map[K]V, numbers or strings.
func appendMapOf[K comparable, V any](c Protocol, dst []byte, t *plan.Type, v mem.Pointer) []byte {
	m := *mem.As[map[K]V](v)
	dst = AppendMapHeader(dst, t.Key.Wire, t.Elem.Wire, len(m))
	var e entry[K, V]
	for e.key, e.elem = range m {
		dst = c.appendScalar(dst, t.Key.Op, mem.To(&e.key))
		dst = c.appendScalar(dst, t.Elem.Op, mem.To(&e.elem))
	}
	return dst
}

// appendPointerMap appends a map whose elements are pointers.
func appendPointerMap[K comparable](c Protocol, dst []byte, t *plan.Type, v mem.Pointer, depth int) ([]byte, error) {
	m := *mem.As[map[K]mem.Pointer](v)
	dst = AppendMapHeader(dst, t.Key.Wire, t.Elem.Wire, len(m))
	var e entry[K, mem.Pointer]
	i := 0
	for e.key, e.elem = range m {
		dst = c.appendScalar(dst, t.Key.Op, mem.To(&e.key))
		var err error
		if dst, err = c.appendPointee(dst, t.Elem, e.elem, depth); err != nil {
			return dst, wire.InElement(err, i, "value")
		}
		i++
	}
	return dst, nil
}

// appendPointers appends a list of pointers.
func (c Protocol) appendPointers(dst []byte, t *plan.Type, v []mem.Pointer, depth int) ([]byte, error) {
	for i, p := range v {
		var err error
		if dst, err = c.appendPointee(dst, t, p, depth); err != nil {
			return dst, wire.InElement(err, i, "")
		}
	}
	return dst, nil
}

// appendPointee appends what p, a value of t, points to.
func (c Protocol) appendPointee(dst []byte, t *plan.Type, p mem.Pointer, depth int) ([]byte, error) {
	switch {
	case p.IsNil():
		return dst, nilPointer(t)
	case t.Elem.Op == plan.OpStruct:
		return c.appendStruct(dst, t.Elem.Struct, p, depth)
	}
	return c.appendTyped(dst, t.Elem, p, depth)
}

func nilPointer(t *plan.Type) error {
	return thriftimpl.NilPointer(t.Schema.String())
}
