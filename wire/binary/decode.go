package binary

import (
	"encoding/binary"
	"math"
	"reflect"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// A decoder reads one value with all that is in it.
type decoder struct {
	src  []byte
	slab plan.Slab    // of Go values
	dyn  dynamic.Slab // of the others
}

// fields reads a struct into the zeroed memory at v, part by part.
func (d *decoder) fields(src []byte, off int, p *plan.Struct, v mem.Pointer, depth int) (int, error) {
	var seen plan.Seen
	next := 0 // the field expected: senders write them in the order of the IDL
	for {
		if len(src)-off < 3 {
			if off < len(src) && wire.Type(src[off]) == wire.Stop {
				return off + 1, p.Finish(v, &seen, off)
			}
			return off, wire.Truncated(len(src))
		}
		t := wire.Type(src[off])
		if t == wire.Stop {
			return off + 1, p.Finish(v, &seen, off)
		}
		id := int16(binary.BigEndian.Uint16(src[off+1:]))
		i := next
		if i >= len(p.Fields) || p.Fields[i].ID != id {
			i = p.Index(id)
		}
		if i < 0 || p.Fields[i].Type.Wire != t {
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
		f := &p.Fields[i]
		if !seen.Add(i) {
			f.Type.Zero(v.Add(f.Offset))
		}
		end, err := d.typed(off+3, f.Type, v.Add(f.Offset), depth-1)
		if err != nil {
			return off, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
		}
		off, next = end, i+1
	}
}

// typed reads a value of type t into the zeroed memory at v.
func (d *decoder) typed(off int, t *plan.Type, v mem.Pointer, depth int) (int, error) {
	src := d.src
	if n := int(fixedSize[t.Op]); n > len(src)-off {
		return off, wire.Truncated(len(src))
	}
	switch t.Op {
	case plan.OpBool:
		*mem.As[bool](v) = src[off] != 0
		return off + 1, nil
	case plan.OpI8:
		*mem.As[int8](v) = int8(src[off])
		return off + 1, nil
	case plan.OpI16:
		*mem.As[int16](v) = int16(binary.BigEndian.Uint16(src[off:]))
		return off + 2, nil
	case plan.OpI32:
		*mem.As[int32](v) = int32(binary.BigEndian.Uint32(src[off:]))
		return off + 4, nil
	case plan.OpI64:
		*mem.As[int64](v) = int64(binary.BigEndian.Uint64(src[off:]))
		return off + 8, nil
	case plan.OpDouble:
		*mem.As[float64](v) = math.Float64frombits(binary.BigEndian.Uint64(src[off:]))
		return off + 8, nil
	case plan.OpUUID:
		copy(mem.As[[16]byte](v)[:], src[off:])
		return off + 16, nil
	case plan.OpString:
		s, next, err := ConsumeString(src, off)
		*mem.As[string](v) = s
		return next, err
	case plan.OpBytes:
		b, next, err := ConsumeBytes(src, off)
		*mem.As[[]byte](v) = b
		return next, err
	case plan.OpStruct:
		return d.structure(src, off, t.Struct, v, depth)
	case plan.OpPointer:
		elem := d.slab.New(t.Elem)
		v.Store(elem)
		return d.typed(off, t.Elem, elem, depth)
	}
	if t.IsDynamic() {
		x, next, err := d.value(d.src, off, t.Dyn, depth)
		if err == nil {
			t.SetValue(v, x)
		}
		return next, err
	}
	if depth == 0 {
		return off, wire.TooDeep(off)
	}
	switch t.Op {
	case plan.OpSlice:
		return d.slice(off, t, v, depth-1)
	case plan.OpSetMap:
		return d.setMap(off, t, v, depth-1)
	default:
		return d.mapping(off, t, v, depth-1)
	}
}

// fixedSize is how many bytes a value takes at least, by op, for one check in front of the switch.
var fixedSize = [...]uint8{
	plan.OpBool: 1, plan.OpI8: 1, plan.OpI16: 2, plan.OpI32: 4, plan.OpI64: 8, plan.OpDouble: 8,
	plan.OpUUID: 16, plan.OpFields: 0,
}

// skipElems moves behind n elements whose type is not the schema's; they count as not sent.
func skipElems(src []byte, off, n int, depth int, types ...wire.Type) (int, error) {
	for range n {
		for _, t := range types {
			next, err := skip(src, off, t, depth)
			if err != nil {
				return off, err
			}
			off = next
		}
	}
	return off, nil
}

// listHeader reads the header of a list or set of elements of type t; n is 0 for elements of
// another type, which are skipped.
func listHeader(src []byte, off int, t wire.Type, depth int) (n, next int, err error) {
	elem, n, next, err := consumeListHeader(src, off)
	if err != nil || n == 0 || elem == t {
		return n, next, err
	}
	next, err = skipElems(src, next, n, depth, elem)
	return 0, next, err
}

// mapHeader is listHeader for a map.
func mapHeader(src []byte, off int, key, elem wire.Type, depth int) (n, next int, err error) {
	keyType, elemType, n, next, err := consumeMapHeader(src, off)
	if err != nil || n == 0 || keyType == key && elemType == elem {
		return n, next, err
	}
	next, err = skipElems(src, next, n, depth, keyType, elemType)
	return 0, next, err
}

func (d *decoder) slice(off int, t *plan.Type, v mem.Pointer, depth int) (int, error) {
	n, off, err := listHeader(d.src, off, t.Elem.Wire, depth)
	switch {
	case err != nil:
		return off, err
	case n == 0:
		v.SetEmptySlice()
		return off, nil
	}
	have := wire.Room(n, t.Elem.Size, len(d.src)-off)
	if useRuns && n == have {
		if next, ok, err := d.run(off, n, t, v, depth); ok {
			return next, err
		}
	}
	data := d.slab.Values(t.Elem, have)
	v.SetSlice(data, have)
	for i := range n {
		if i == have {
			have, data = plan.GrowSlice(v, t, n)
		}
		if off, err = d.typed(off, t.Elem, data.Add(uintptr(i)*t.Elem.Size), depth); err != nil {
			return off, wire.InElement(err, i, "")
		}
	}
	return off, nil
}

func (d *decoder) setMap(off int, t *plan.Type, v mem.Pointer, depth int) (int, error) {
	n, off, err := listHeader(d.src, off, t.Elem.Wire, depth)
	if err != nil {
		return off, err
	}
	m := reflect.MakeMapWithSize(t.Go, wire.Room(n, t.Elem.Size, len(d.src)-off))
	v.Value(t.Go).Set(m)
	if n == 0 {
		return off, nil
	}
	key, present := reflect.New(t.Elem.Go), reflect.Zero(t.Go.Elem())
	at := mem.Of(key)
	for i := range n {
		key.Elem().SetZero()
		if off, err = d.typed(off, t.Elem, at, depth); err != nil {
			return off, wire.InElement(err, i, "")
		}
		m.SetMapIndex(key.Elem(), present)
	}
	return off, nil
}

func (d *decoder) mapping(off int, t *plan.Type, v mem.Pointer, depth int) (int, error) {
	n, off, err := mapHeader(d.src, off, t.Key.Wire, t.Elem.Wire, depth)
	if err != nil {
		return off, err
	}
	switch t.Map {
	case plan.MapStringString:
		return mapOf[string, string](d, off, n, t, v)
	case plan.MapStringI32:
		return mapOf[string, int32](d, off, n, t, v)
	case plan.MapStringI64:
		return mapOf[string, int64](d, off, n, t, v)
	case plan.MapStringDouble:
		return mapOf[string, float64](d, off, n, t, v)
	case plan.MapI32String:
		return mapOf[int32, string](d, off, n, t, v)
	case plan.MapI64String:
		return mapOf[int64, string](d, off, n, t, v)
	case plan.MapI32I64:
		return mapOf[int32, int64](d, off, n, t, v)
	case plan.MapI64I64:
		return mapOf[int64, int64](d, off, n, t, v)
	case plan.MapI64Double:
		return mapOf[int64, float64](d, off, n, t, v)
	case plan.MapStringPointer:
		return pointerMap[string](d, off, n, t, v, depth)
	case plan.MapI32Pointer:
		return pointerMap[int32](d, off, n, t, v, depth)
	case plan.MapI64Pointer:
		return pointerMap[int64](d, off, n, t, v, depth)
	}
	m := reflect.MakeMapWithSize(t.Go, wire.Room(n, t.Key.Size+t.Elem.Size, len(d.src)-off))
	v.Value(t.Go).Set(m)
	if n == 0 {
		return off, nil
	}
	key, elem := reflect.New(t.Key.Go), reflect.New(t.Elem.Go)
	keyAt, elemAt := mem.Of(key), mem.Of(elem)
	for i := range n {
		key.Elem().SetZero()
		elem.Elem().SetZero() // or the next value would be read into the memory of the last
		if off, err = d.typed(off, t.Key, keyAt, depth); err != nil {
			return off, wire.InElement(err, i, "key")
		}
		if off, err = d.typed(off, t.Elem, elemAt, depth); err != nil {
			return off, wire.InElement(err, i, "value")
		}
		m.SetMapIndex(key.Elem(), elem.Elem())
	}
	return off, nil
}

// value reads a value of type t as a dynamic one. d may be nil if t is not composite.
func (d *decoder) value(src []byte, off int, t *plan.Dynamic, depth int) (dynamic.Value, int, error) {
	if off+int(fixedKind[t.Kind]) > len(src) {
		return dynamic.Value{}, off, wire.Truncated(len(src))
	}
	switch t.Kind {
	case schema.KindBool:
		return dynamic.Bool(src[off] != 0), off + 1, nil
	case schema.KindI8:
		return dynamic.I8(int8(src[off])), off + 1, nil
	case schema.KindI16:
		return dynamic.I16(int16(binary.BigEndian.Uint16(src[off:]))), off + 2, nil
	case schema.KindI32:
		return dynamic.I32(int32(binary.BigEndian.Uint32(src[off:]))), off + 4, nil
	case schema.KindEnum:
		return dynamic.Enum(int32(binary.BigEndian.Uint32(src[off:]))), off + 4, nil
	case schema.KindI64:
		return dynamic.I64(int64(binary.BigEndian.Uint64(src[off:]))), off + 8, nil
	case schema.KindDouble:
		return dynamic.Double(math.Float64frombits(binary.BigEndian.Uint64(src[off:]))), off + 8, nil
	case schema.KindUUID:
		return dynamic.UUID([16]byte(src[off : off+16])), off + 16, nil
	case schema.KindString:
		s, next, err := ConsumeString(src, off)
		return dynamic.String(s), next, err
	case schema.KindBinary:
		b, next, err := ConsumeBytes(src, off)
		return dynamic.Binary(b), next, err
	}
	return d.composite(off, t, depth)
}

// fixedKind is how many bytes a value takes, by kind, where that is always the same.
var fixedKind = [...]uint8{
	schema.KindBool: 1, schema.KindI8: 1, schema.KindI16: 2, schema.KindI32: 4, schema.KindEnum: 4, schema.KindI64: 8,
	schema.KindDouble: 8, schema.KindUUID: 16, schema.KindMap: 0,
}

func (d *decoder) composite(off int, t *plan.Dynamic, depth int) (dynamic.Value, int, error) {
	if depth == 0 {
		return dynamic.Value{}, off, wire.TooDeep(off)
	}
	switch t.Kind {
	case schema.KindStruct:
		s := d.dyn.Struct(t.Struct.Schema)
		next, err := d.slots(d.src, off, t.Struct, s, depth-1)
		return dynamic.StructValue(s), next, err
	case schema.KindMap:
		m, next, err := d.entries(off, t, depth-1)
		return dynamic.MapValue(m), next, err
	default:
		l, next, err := d.elems(off, t, depth-1)
		return dynamic.ListValue(l), next, err
	}
}

// slots reads a dynamic struct. d may be nil for one that is Flat.
func (d *decoder) slots(src []byte, off int, p *plan.DynamicStruct, s *dynamic.Struct, depth int) (int, error) {
	vals, fields := s.Slots(), p.Fields
	var seen uint64
	next := 0 // the field expected: senders write them in the order of the IDL
	for {
		if len(src)-off < 4 {
			if off < len(src) && wire.Type(src[off]) == wire.Stop {
				return off + 1, p.Finish(vals, seen, off)
			}
			if len(src)-off < 3 {
				return off, wire.Truncated(len(src))
			}
		}
		i := next
		if !useSteps || i >= len(fields) || len(src)-off < 4 || binary.BigEndian.Uint32(src[off:])>>8 != fields[i].Head {
			t := wire.Type(src[off])
			if t == wire.Stop {
				return off + 1, p.Finish(vals, seen, off)
			}
			i = p.Schema.Index(int16(binary.BigEndian.Uint16(src[off+1:])))
			if i < 0 || fields[i].Type.Wire != t {
				end, err := skip(src, off+3, t, depth)
				if err != nil {
					return off, err
				}
				if i < 0 {
					s.SetUnknown(append(s.Unknown(), src[off:end]...))
				}
				off = end
				continue
			}
		}
		f := &fields[i]
		next = i + 1
		seen |= 1 << (i & 63)
		if useSteps {
			if f.Kind == schema.KindString && len(src)-off >= 7 {
				if n := int(int32(binary.BigEndian.Uint32(src[off+3:]))); uint(n) <= uint(len(src)-off-7) {
					vals[i] = dynamic.String(mem.String(src[off+7 : off+7+n]))
					off += 7 + n
					continue
				}
			}
		}
		v, end, err := d.value(src, off+3, f.Type, depth)
		if err != nil {
			return off, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
		}
		vals[i] = v
		off = end
	}
}

const valueSize = 24 // of a dynamic.Value, in bytes

func (d *decoder) elems(off int, t *plan.Dynamic, depth int) (*dynamic.List, int, error) {
	n, off, err := listHeader(d.src, off, t.Elem.Wire, depth)
	if err != nil {
		return nil, off, err
	}
	room := wire.Room(n, valueSize, len(d.src)-off)
	if t.Elem.Kind == schema.KindStruct && room == n {
		d.dyn.Reserve(t.Elem.Struct.Schema, n, len(d.src)-off)
	}
	vals := d.dyn.Values(room)[:0]
	for i := range n {
		v, next, err := d.value(d.src, off, t.Elem, depth)
		if err != nil {
			return nil, off, wire.InElement(err, i, "")
		}
		vals = append(vals, v)
		off = next
	}
	return d.dyn.List(t.Schema, vals), off, nil
}

func (d *decoder) entries(off int, t *plan.Dynamic, depth int) (*dynamic.Map, int, error) {
	n, off, err := mapHeader(d.src, off, t.Key.Wire, t.Elem.Wire, depth)
	if err != nil {
		return nil, off, err
	}
	room := wire.Room(n, 2*valueSize, len(d.src)-off)
	if t.Elem.Kind == schema.KindStruct && room == n {
		d.dyn.Reserve(t.Elem.Struct.Schema, n, len(d.src)-off)
	}
	entries := d.dyn.Entries(room)[:0]
	for i := range n {
		k, next, err := d.value(d.src, off, t.Key, depth)
		if err != nil {
			return nil, off, wire.InElement(err, i, "key")
		}
		v, next, err := d.value(d.src, next, t.Elem, depth)
		if err != nil {
			return nil, off, wire.InElement(err, i, "value")
		}
		entries = append(entries, dynamic.Entry{Key: k, Value: v})
		off = next
	}
	return d.dyn.Map(t.Schema, entries), off, nil
}
