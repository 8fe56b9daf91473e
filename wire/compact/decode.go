package compact

import (
	"reflect"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// consumeStruct reads a struct into the zeroed memory at v. depth is how many more levels may open.
func (c Protocol) consumeStruct(src []byte, off int, p *plan.Struct, v mem.Pointer, depth int) (int, error) {
	if depth == 0 {
		return off, wire.TooDeep(off)
	}
	var seen plan.Seen
	next := 0 // the field expected: senders write them in the order of the IDL
	var last int16
	for {
		h, body, err := consumeField(src, off, last)
		if err != nil {
			return off, err
		}
		if h.t == wire.Stop {
			return body, p.Finish(v, &seen, off)
		}
		last = h.id
		i := next
		if i >= len(p.Fields) || p.Fields[i].ID != h.id {
			i = p.Index(h.id)
		}
		if i < 0 || p.Fields[i].Type.Wire != h.t {
			end, err := skipField(src, body, h, depth-1)
			if err != nil {
				return off, err
			}
			if i < 0 && p.Unknown >= 0 {
				u := mem.As[wire.UnknownFields](v.Add(uintptr(p.Unknown)))
				*u = c.keepUnknown(*u, src, body, h)
			}
			off = end
			continue
		}
		f := &p.Fields[i]
		at := v.Add(f.Offset)
		if !seen.Add(i) {
			f.Type.Zero(at)
		}
		end := body
		switch {
		case h.t != wire.Bool:
			end, err = c.consumeTyped(src, body, f.Type, at, depth-1)
		case h.bool:
			_, err = c.consumeTyped(elemTrue, 0, f.Type, at, depth-1)
		default:
			_, err = c.consumeTyped(elemFalse, 0, f.Type, at, depth-1)
		}
		if err != nil {
			return off, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
		}
		off, next = end, i+1
	}
}

// The value of a bool field as an element of a container would be written.
var elemTrue, elemFalse = []byte{cTrue}, []byte{cFalse}

func (c Protocol) consumeTyped(src []byte, off int, t *plan.Type, v mem.Pointer, depth int) (int, error) {
	if n := int(fixedSize[t.Op]); n > len(src)-off {
		return off, wire.Truncated(len(src))
	}
	switch t.Op {
	case plan.OpBool:
		*mem.As[bool](v) = src[off] == cTrue
		return off + 1, nil
	case plan.OpI8:
		*mem.As[int8](v) = int8(src[off])
		return off + 1, nil
	case plan.OpI16:
		x, next, err := consumeI16(src, off)
		*mem.As[int16](v) = x
		return next, err
	case plan.OpI32:
		x, next, err := consumeI32(src, off)
		*mem.As[int32](v) = x
		return next, err
	case plan.OpI64:
		x, next, err := consumeI64(src, off)
		*mem.As[int64](v) = x
		return next, err
	case plan.OpDouble:
		*mem.As[float64](v) = c.double(src, off)
		return off + 8, nil
	case plan.OpUUID:
		copy(mem.As[[16]byte](v)[:], src[off:])
		return off + 16, nil
	case plan.OpString:
		s, next, err := consumeString(src, off)
		*mem.As[string](v) = s
		return next, err
	case plan.OpBytes:
		b, next, err := consumeSpan(src, off)
		*mem.As[[]byte](v) = b
		return next, err
	case plan.OpStruct:
		return c.consumeStruct(src, off, t.Struct, v, depth)
	case plan.OpPointer:
		elem := mem.Of(reflect.New(t.Elem.Go))
		v.Store(elem)
		return c.consumeTyped(src, off, t.Elem, elem, depth)
	}
	if t.IsDynamic() {
		x, next, err := c.consumeValue(src, off, t.Schema, depth)
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
		return c.consumeSlice(src, off, t, v, depth-1)
	case plan.OpSetMap:
		return c.consumeSetMap(src, off, t, v, depth-1)
	default:
		return c.consumeMap(src, off, t, v, depth-1)
	}
}

// fixedSize is how many bytes a value takes, by op, where that is always the same: for one
// check in front of the switch.
var fixedSize = [...]uint8{plan.OpBool: 1, plan.OpI8: 1, plan.OpDouble: 8, plan.OpUUID: 16, plan.OpFields: 0}

func (c Protocol) consumeSlice(src []byte, off int, t *plan.Type, v mem.Pointer, depth int) (int, error) {
	elem, n, next, err := consumeListHeader(src, off)
	if err != nil {
		return off, err
	}
	if n > 0 && elem != t.Elem.Wire {
		if next, err = skipElems(src, next, n, depth, elem); err != nil {
			return off, err
		}
		n = 0
	}
	off = next
	if n == 0 {
		v.SetEmptySlice()
		return off, nil
	}
	rv := v.Value(t.Go)
	have := plan.Room(n, t.Elem.Size, len(src)-off)
	rv.Grow(have)
	rv.SetLen(have)
	data := v.SliceData()
	for i := range n {
		if i == have {
			rv.Grow(1)
			have = min(n, rv.Cap())
			rv.SetLen(have)
			data = v.SliceData()
		}
		if off, err = c.consumeTyped(src, off, t.Elem, data.Add(uintptr(i)*t.Elem.Size), depth); err != nil {
			return off, wire.InElement(err, i, "")
		}
	}
	return off, nil
}

func (c Protocol) consumeSetMap(src []byte, off int, t *plan.Type, v mem.Pointer, depth int) (int, error) {
	elem, n, next, err := consumeListHeader(src, off)
	if err != nil {
		return off, err
	}
	if n > 0 && elem != t.Elem.Wire {
		if next, err = skipElems(src, next, n, depth, elem); err != nil {
			return off, err
		}
		n = 0
	}
	off = next
	m := reflect.MakeMapWithSize(t.Go, plan.Room(n, t.Elem.Size, len(src)-off))
	v.Value(t.Go).Set(m)
	key, present := reflect.New(t.Elem.Go), reflect.Zero(t.Go.Elem())
	at := mem.Of(key)
	for i := range n {
		key.Elem().SetZero()
		if off, err = c.consumeTyped(src, off, t.Elem, at, depth); err != nil {
			return off, wire.InElement(err, i, "")
		}
		m.SetMapIndex(key.Elem(), present)
	}
	return off, nil
}

func (c Protocol) consumeMap(src []byte, off int, t *plan.Type, v mem.Pointer, depth int) (int, error) {
	keyType, elemType, n, next, err := consumeMapHeader(src, off)
	if err != nil {
		return off, err
	}
	if n > 0 && (keyType != t.Key.Wire || elemType != t.Elem.Wire) {
		if next, err = skipElems(src, next, n, depth, keyType, elemType); err != nil {
			return off, err
		}
		n = 0
	}
	off = next
	m := reflect.MakeMapWithSize(t.Go, plan.Room(n, t.Key.Size+t.Elem.Size, len(src)-off))
	v.Value(t.Go).Set(m)
	if n == 0 {
		return off, nil
	}
	key, elem := reflect.New(t.Key.Go), reflect.New(t.Elem.Go)
	keyAt, elemAt := mem.Of(key), mem.Of(elem)
	for i := range n {
		key.Elem().SetZero()
		elem.Elem().SetZero() // or the next value would be read into the memory of the last
		if off, err = c.consumeTyped(src, off, t.Key, keyAt, depth); err != nil {
			return off, wire.InElement(err, i, "key")
		}
		if off, err = c.consumeTyped(src, off, t.Elem, elemAt, depth); err != nil {
			return off, wire.InElement(err, i, "value")
		}
		m.SetMapIndex(key.Elem(), elem.Elem())
	}
	return off, nil
}

// consumeValue reads a value of type t as a dynamic one.
func (c Protocol) consumeValue(src []byte, off int, t *schema.Type, depth int) (dynamic.Value, int, error) {
	var none dynamic.Value
	if n := int(fixed[wire.TypeOf(t.Kind)]); n > len(src)-off {
		return none, off, wire.Truncated(len(src))
	}
	switch t.Kind {
	case schema.KindBool:
		return dynamic.Bool(src[off] == cTrue), off + 1, nil
	case schema.KindI8:
		return dynamic.I8(int8(src[off])), off + 1, nil
	case schema.KindI16:
		x, next, err := consumeI16(src, off)
		return dynamic.I16(x), next, err
	case schema.KindI32:
		x, next, err := consumeI32(src, off)
		return dynamic.I32(x), next, err
	case schema.KindEnum:
		x, next, err := consumeI32(src, off)
		return dynamic.Enum(x), next, err
	case schema.KindI64:
		x, next, err := consumeI64(src, off)
		return dynamic.I64(x), next, err
	case schema.KindDouble:
		return dynamic.Double(c.double(src, off)), off + 8, nil
	case schema.KindUUID:
		return dynamic.UUID([16]byte(src[off : off+16])), off + 16, nil
	case schema.KindString:
		s, next, err := consumeString(src, off)
		return dynamic.String(s), next, err
	case schema.KindBinary:
		b, next, err := consumeSpan(src, off)
		return dynamic.Binary(b), next, err
	}
	if depth == 0 {
		return none, off, wire.TooDeep(off)
	}
	switch t.Kind {
	case schema.KindStruct:
		s := dynamic.New(t.Struct)
		next, err := c.consumeFields(src, off, s, depth-1)
		return dynamic.StructValue(s), next, err
	case schema.KindMap:
		m, next, err := c.consumeEntries(src, off, t, depth-1)
		return dynamic.MapValue(m), next, err
	default:
		l, next, err := c.consumeElems(src, off, t, depth-1)
		return dynamic.ListValue(l), next, err
	}
}

func (c Protocol) consumeFields(src []byte, off int, s *dynamic.Struct, depth int) (int, error) {
	desc, vals := s.Schema(), s.Slots()
	next := 0
	var last int16
	for {
		h, body, err := consumeField(src, off, last)
		if err != nil {
			return off, err
		}
		if h.t == wire.Stop {
			return body, plan.FinishDynamic(desc, vals, off)
		}
		last = h.id
		i := next
		if i >= len(vals) || desc.Fields[i].ID != h.id {
			i = desc.Index(h.id)
		}
		if i < 0 || wire.TypeOf(desc.Fields[i].Type.Kind) != h.t {
			end, err := skipField(src, body, h, depth)
			if err != nil {
				return off, err
			}
			if i < 0 {
				s.SetUnknown(c.keepUnknown(s.Unknown(), src, body, h))
			}
			off = end
			continue
		}
		v, end := dynamic.Bool(h.bool), body
		if h.t != wire.Bool {
			if v, end, err = c.consumeValue(src, body, desc.Fields[i].Type, depth); err != nil {
				f := desc.Fields[i]
				return off, wire.InField(err, desc.Name, f.Name, f.ID)
			}
		}
		vals[i] = v
		off, next = end, i+1
	}
}

const valueSize = 24 // of a dynamic.Value, in bytes

func (c Protocol) consumeElems(src []byte, off int, t *schema.Type, depth int) (*dynamic.List, int, error) {
	elem, n, next, err := consumeListHeader(src, off)
	if err != nil {
		return nil, off, err
	}
	if n > 0 && elem != wire.TypeOf(t.Elem.Kind) {
		if next, err = skipElems(src, next, n, depth, elem); err != nil {
			return nil, off, err
		}
		n = 0
	}
	off = next
	vals := make([]dynamic.Value, 0, plan.Room(n, valueSize, len(src)-off))
	for i := range n {
		v, next, err := c.consumeValue(src, off, t.Elem, depth)
		if err != nil {
			return nil, off, wire.InElement(err, i, "")
		}
		vals = append(vals, v)
		off = next
	}
	return dynamic.MakeList(t, vals), off, nil
}

func (c Protocol) consumeEntries(src []byte, off int, t *schema.Type, depth int) (*dynamic.Map, int, error) {
	key, elem, n, next, err := consumeMapHeader(src, off)
	if err != nil {
		return nil, off, err
	}
	if n > 0 && (key != wire.TypeOf(t.Key.Kind) || elem != wire.TypeOf(t.Elem.Kind)) {
		if next, err = skipElems(src, next, n, depth, key, elem); err != nil {
			return nil, off, err
		}
		n = 0
	}
	off = next
	entries := make([]dynamic.Entry, 0, plan.Room(n, 2*valueSize, len(src)-off))
	for i := range n {
		k, next, err := c.consumeValue(src, off, t.Key, depth)
		if err != nil {
			return nil, off, wire.InElement(err, i, "key")
		}
		v, next, err := c.consumeValue(src, next, t.Elem, depth)
		if err != nil {
			return nil, off, wire.InElement(err, i, "value")
		}
		entries = append(entries, dynamic.Entry{Key: k, Value: v})
		off = next
	}
	return dynamic.MakeMap(t, entries), off, nil
}
