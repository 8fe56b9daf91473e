package binary

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

// appendStruct appends the set fields of the struct at v and the stop. depth is how many more
// levels may open.
//
// A store of a whole word may write past what it means: what comes next writes over it, and Room
// has a word more than the fields take.
func appendStruct(dst []byte, p *plan.Struct, v mem.Pointer, depth int) ([]byte, error) {
	if depth == 0 {
		return dst, wire.TooDeep(-1)
	}
	if p.Codec != nil {
		return p.Codec.AppendBinary(v, dst, depth)
	}
	if p.Union {
		if err := p.CheckWritable(v); err != nil {
			return dst, err
		}
	}
	if !useSteps {
		return appendFields(dst, p, v, depth)
	}
	if cap(dst)-len(dst) < p.Room {
		dst = grow(dst, p.Room)
	}
	b, n := dst[:cap(dst)], len(dst)
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
		switch f.Op {
		case plan.OpBool, plan.OpI8:
			binary.BigEndian.PutUint32(b[n:n+4:n+4], f.Head<<8|uint32(*mem.As[uint8](at)))
			n += 4
		case plan.OpI16:
			binary.BigEndian.PutUint64(b[n:n+8:n+8], uint64(f.Head)<<40|uint64(*mem.As[uint16](at))<<24)
			n += 5
		case plan.OpI32:
			binary.BigEndian.PutUint64(b[n:n+8:n+8], uint64(f.Head)<<40|uint64(*mem.As[uint32](at))<<8)
			n += 7
		case plan.OpI64, plan.OpDouble:
			to := b[n : n+11 : n+11]
			binary.BigEndian.PutUint32(to, f.Head<<8)
			binary.BigEndian.PutUint64(to[3:], *mem.As[uint64](at))
			n += 11
		case plan.OpString, plan.OpBytes:
			var s string
			if f.Op == plan.OpString {
				s = *mem.As[string](at)
			} else {
				s = mem.String(*mem.As[[]byte](at))
			}
			if cap(b)-n < len(s)+8+f.Rest {
				b = grow(b[:n], len(s)+8+f.Rest)
				b = b[:cap(b)]
			}
			binary.BigEndian.PutUint64(b[n:n+8:n+8], uint64(f.Head)<<40|uint64(uint32(len(s)))<<8)
			n += 7 + copy(b[n+7:], s)
		default:
			binary.BigEndian.PutUint32(b[n:n+4:n+4], f.Head<<8)
			var err error
			if f.Op == plan.OpStruct {
				dst, err = appendStruct(b[:n+3], f.Value.Struct, at, depth-1)
			} else {
				dst, err = appendTyped(b[:n+3], f.Value, at, depth-1)
			}
			if err != nil {
				return dst, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
			}
			if cap(dst)-len(dst) < f.Rest {
				dst = grow(dst, f.Rest)
			}
			b, n = dst[:cap(dst)], len(dst)
		}
	}
	dst = b[:n]
	if p.Unknown >= 0 {
		dst = append(dst, *mem.As[wire.UnknownFields](v.Add(uintptr(p.Unknown)))...)
	}
	return append(dst, byte(wire.Stop)), nil
}

// appendSlots is appendStruct for a dynamic struct.
func appendSlots(dst []byte, p *plan.DynamicStruct, s *dynamic.Struct, depth int) ([]byte, error) {
	if cap(dst)-len(dst) < p.Room {
		dst = grow(dst, p.Room)
	}
	b, n := dst[:cap(dst)], len(dst)
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
		switch f.Kind {
		case schema.KindBool, schema.KindI8:
			binary.BigEndian.PutUint32(b[n:n+4:n+4], f.Head<<8|uint32(uint8(dynmem.Bits(v))))
			n += 4
		case schema.KindI16:
			binary.BigEndian.PutUint64(b[n:n+8:n+8], uint64(f.Head)<<40|uint64(uint16(dynmem.Bits(v)))<<24)
			n += 5
		case schema.KindI32, schema.KindEnum:
			binary.BigEndian.PutUint64(b[n:n+8:n+8], uint64(f.Head)<<40|uint64(uint32(dynmem.Bits(v)))<<8)
			n += 7
		case schema.KindI64, schema.KindDouble:
			to := b[n : n+11 : n+11]
			binary.BigEndian.PutUint32(to, f.Head<<8)
			binary.BigEndian.PutUint64(to[3:], dynmem.Bits(v))
			n += 11
		case schema.KindString, schema.KindBinary:
			s := v.Text()
			if cap(b)-n < len(s)+8+f.Rest {
				b = grow(b[:n], len(s)+8+f.Rest)
				b = b[:cap(b)]
			}
			binary.BigEndian.PutUint64(b[n:n+8:n+8], uint64(f.Head)<<40|uint64(uint32(len(s)))<<8)
			n += 7 + copy(b[n+7:], s)
		default:
			binary.BigEndian.PutUint32(b[n:n+4:n+4], f.Head<<8)
			var err error
			if dst, err = appendValue(b[:n+3], f.Type, *v, depth); err != nil {
				return dst, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
			}
			if cap(dst)-len(dst) < f.Rest {
				dst = grow(dst, f.Rest)
			}
			b, n = dst[:cap(dst)], len(dst)
		}
	}
	dst = append(b[:n], s.Unknown()...)
	return append(dst, byte(wire.Stop)), nil
}

// appendRun appends a list of numbers or strings without a call for each element, and reports
// whether elements of that op have such a run.
func appendRun(dst []byte, op plan.Op, v mem.Pointer) ([]byte, bool) {
	switch op {
	case plan.OpBool, plan.OpI8:
		return append(dst, *mem.As[[]uint8](v)...), true
	case plan.OpI32:
		return appendWords32(dst, *mem.As[[]uint32](v)), true
	case plan.OpI64, plan.OpDouble:
		return appendWords64(dst, *mem.As[[]uint64](v)), true
	case plan.OpString:
		return appendTexts(dst, *mem.As[[]string](v)), true
	}
	return dst, false
}

// The words go in blocks whose bounds are checked once.

func appendWords32(dst []byte, v []uint32) []byte {
	end := len(dst) + 4*len(v)
	dst = slices.Grow(dst, 4*len(v))
	b := dst[len(dst):end]
	for len(v) >= 4 && len(b) >= 16 {
		binary.BigEndian.PutUint32(b[0:4], v[0])
		binary.BigEndian.PutUint32(b[4:8], v[1])
		binary.BigEndian.PutUint32(b[8:12], v[2])
		binary.BigEndian.PutUint32(b[12:16], v[3])
		v, b = v[4:], b[16:]
	}
	for i, x := range v {
		binary.BigEndian.PutUint32(b[4*i:], x)
	}
	return dst[:end]
}

func appendWords64(dst []byte, v []uint64) []byte {
	end := len(dst) + 8*len(v)
	dst = slices.Grow(dst, 8*len(v))
	b := dst[len(dst):end]
	for len(v) >= 8 && len(b) >= 64 {
		binary.BigEndian.PutUint64(b[0:8], v[0])
		binary.BigEndian.PutUint64(b[8:16], v[1])
		binary.BigEndian.PutUint64(b[16:24], v[2])
		binary.BigEndian.PutUint64(b[24:32], v[3])
		binary.BigEndian.PutUint64(b[32:40], v[4])
		binary.BigEndian.PutUint64(b[40:48], v[5])
		binary.BigEndian.PutUint64(b[48:56], v[6])
		binary.BigEndian.PutUint64(b[56:64], v[7])
		v, b = v[8:], b[64:]
	}
	for i, x := range v {
		binary.BigEndian.PutUint64(b[8*i:], x)
	}
	return dst[:end]
}

func appendTexts(dst []byte, v []string) []byte {
	b, n := dst[:cap(dst)], len(dst)
	for _, s := range v {
		if len(b)-n < 4+len(s) {
			b = grow(b[:n], 4+len(s))
			b = b[:cap(b)]
		}
		binary.BigEndian.PutUint32(b[n:], uint32(len(s)))
		n += 4 + copy(b[n+4:], s)
	}
	return b[:n]
}

// A key and an element of the Go maps that are read as what they are. The address of one must not
// leak: it would have to be allocated.
type entry[K comparable, V any] struct {
	key  K
	elem V
}

// appendScalar appends the number or string at v.
func appendScalar(dst []byte, op plan.Op, v mem.Pointer) []byte {
	switch op {
	case plan.OpI32:
		return binary.BigEndian.AppendUint32(dst, *mem.As[uint32](v))
	case plan.OpString:
		return AppendString(dst, *mem.As[string](v))
	default: // OpI64, OpDouble
		return binary.BigEndian.AppendUint64(dst, *mem.As[uint64](v))
	}
}

// appendMapOf appends a map of Go type map[K]V, numbers or strings.
func appendMapOf[K comparable, V any](dst []byte, t *plan.Type, v mem.Pointer) []byte {
	m := *mem.As[map[K]V](v)
	dst = AppendMapHeader(dst, t.Key.Wire, t.Elem.Wire, len(m))
	var e entry[K, V]
	for e.key, e.elem = range m {
		dst = appendScalar(dst, t.Key.Op, mem.To(&e.key))
		dst = appendScalar(dst, t.Elem.Op, mem.To(&e.elem))
	}
	return dst
}

// appendPointerMap appends a map whose elements are pointers.
func appendPointerMap[K comparable](dst []byte, t *plan.Type, v mem.Pointer, depth int) ([]byte, error) {
	m := *mem.As[map[K]mem.Pointer](v)
	dst = AppendMapHeader(dst, t.Key.Wire, t.Elem.Wire, len(m))
	var e entry[K, mem.Pointer]
	i := 0
	for e.key, e.elem = range m {
		dst = appendScalar(dst, t.Key.Op, mem.To(&e.key))
		var err error
		if dst, err = appendPointee(dst, t.Elem, e.elem, depth); err != nil {
			return dst, wire.InElement(err, i, "value")
		}
		i++
	}
	return dst, nil
}

// appendPointers appends a list of pointers.
func appendPointers(dst []byte, t *plan.Type, v []mem.Pointer, depth int) ([]byte, error) {
	for i, p := range v {
		var err error
		if dst, err = appendPointee(dst, t, p, depth); err != nil {
			return dst, wire.InElement(err, i, "")
		}
	}
	return dst, nil
}

// appendPointee appends what p, a value of t, points to.
func appendPointee(dst []byte, t *plan.Type, p mem.Pointer, depth int) ([]byte, error) {
	switch {
	case p.IsNil():
		return dst, nilPointer(t)
	case t.Elem.Op == plan.OpStruct:
		return appendStruct(dst, t.Elem.Struct, p, depth)
	}
	return appendTyped(dst, t.Elem, p, depth)
}

func nilPointer(t *plan.Type) error {
	return thriftimpl.NilPointer(t.Schema.String())
}
