package json

import (
	"reflect"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// appendStruct appends the set fields of the struct at v. depth is how many more levels may open.
func (p Protocol) appendStruct(dst []byte, s *plan.Struct, v mem.Pointer, depth int) ([]byte, error) {
	if depth == 0 {
		return dst, wire.TooDeep(-1)
	}
	if err := s.CheckWritable(v); err != nil {
		return dst, err
	}
	dst = append(dst, '{')
	start := len(dst)
	for i := range s.Fields {
		f := &s.Fields[i]
		if f.Presence != plan.Always && !f.IsSet(v) {
			if err := plan.Unset(s.Schema, f.Schema); err != nil {
				return dst, err
			}
			continue
		}
		dst = p.appendFieldHead(dst, start, f.ID, f.Schema.Name, f.Type.Wire)
		var err error
		if dst, err = p.appendTyped(dst, f.Type, v.Add(f.Offset), depth-1); err != nil {
			return dst, wire.InField(err, s.Schema.Name, f.Schema.Name, f.ID)
		}
		dst = p.appendFieldTail(dst)
	}
	var unknown wire.UnknownFields
	if s.Unknown >= 0 {
		unknown = *mem.As[wire.UnknownFields](v.Add(uintptr(s.Unknown)))
	}
	return p.appendStructTail(dst, start, s.Schema, unknown, depth-1)
}

// appendStructTail appends the unknown fields, if they can be, and closes the struct whose
// first field is at start.
func (p Protocol) appendStructTail(dst []byte, start int, desc *schema.Struct, unknown wire.UnknownFields, depth int) ([]byte, error) {
	var err error
	switch {
	case len(unknown) == 0:
	case p == Apache:
		dst, err = appendUnknown(dst, start, unknown, depth)
	case desc.Kind == schema.Union && len(dst) == start:
		err = wire.Errorf(-1, wire.ErrValue, "the member of union %s is unknown, and the protocol %s has only names", desc.Name, p.Name())
	}
	return append(dst, '}'), err
}

func (p Protocol) appendTyped(dst []byte, t *plan.Type, v mem.Pointer, depth int) ([]byte, error) {
	switch t.Op {
	case plan.OpBool:
		return p.appendBool(dst, *mem.As[bool](v)), nil
	case plan.OpI8:
		return appendInt(dst, *mem.As[int8](v)), nil
	case plan.OpI16:
		return appendInt(dst, *mem.As[int16](v)), nil
	case plan.OpI32:
		return appendInt(dst, *mem.As[int32](v)), nil
	case plan.OpI64:
		return appendInt(dst, *mem.As[int64](v)), nil
	case plan.OpDouble:
		return p.appendDouble(dst, *mem.As[float64](v)), nil
	case plan.OpString:
		return p.appendText(dst, t.Schema, *mem.As[string](v)), nil
	case plan.OpBytes:
		return p.appendText(dst, t.Schema, mem.String(*mem.As[[]byte](v))), nil
	case plan.OpUUID:
		return appendUUID(dst, *mem.As[[16]byte](v)), nil
	case plan.OpStruct:
		return p.appendStruct(dst, t.Struct, v, depth)
	case plan.OpPointer:
		if v = v.Load(); v.IsNil() {
			return dst, wire.Errorf(-1, wire.ErrValue, "nil pointer to %s", t.Schema)
		}
		return p.appendTyped(dst, t.Elem, v, depth)
	}
	if t.IsDynamic() {
		return p.appendAny(dst, t, v, depth)
	}
	if depth == 0 {
		return dst, wire.TooDeep(-1)
	}
	switch t.Op {
	case plan.OpSlice:
		return p.appendSlice(dst, t, v, depth-1)
	case plan.OpSetMap:
		return p.appendSetMap(dst, t, v, depth-1)
	default:
		return p.appendMap(dst, t, v, depth-1)
	}
}

// appendText appends a string or binary, whatever Go type holds it.
func (p Protocol) appendText(dst []byte, t *schema.Type, v string) []byte {
	if t.Kind == schema.KindBinary {
		return appendBinary(dst, v)
	}
	return p.appendString(dst, v)
}

func (p Protocol) appendSlice(dst []byte, t *plan.Type, v mem.Pointer, depth int) ([]byte, error) {
	n := v.SliceLen()
	start := len(dst)
	dst = p.appendListHead(dst, t.Elem.Wire, n)
	data := v.SliceData()
	for i := range n {
		var err error
		if dst, err = p.appendTyped(p.appendElemHead(dst, i), t.Elem, data.Add(uintptr(i)*t.Elem.Size), depth); err != nil {
			return dst, wire.InElement(err, i, "")
		}
	}
	return p.appendListTail(dst, start, t.Elem.Wire), nil
}

func (p Protocol) appendSetMap(dst []byte, t *plan.Type, v mem.Pointer, depth int) ([]byte, error) {
	m := v.Value(t.Go)
	start := len(dst)
	dst = p.appendListHead(dst, t.Elem.Wire, m.Len())
	key := reflect.New(t.Elem.Go)
	at := mem.Of(key)
	i := 0
	for iter := m.MapRange(); iter.Next(); i++ {
		key.Elem().SetIterKey(iter)
		var err error
		if dst, err = p.appendTyped(p.appendElemHead(dst, i), t.Elem, at, depth); err != nil {
			return dst, wire.InElement(err, i, "")
		}
	}
	return p.appendListTail(dst, start, t.Elem.Wire), nil
}

func (p Protocol) appendMap(dst []byte, t *plan.Type, v mem.Pointer, depth int) ([]byte, error) {
	if err := p.checkKey(t.Schema, -1); err != nil {
		return dst, err
	}
	m := v.Value(t.Go)
	dst = p.appendMapHead(dst, t.Key.Wire, t.Elem.Wire, m.Len())
	if m.Len() == 0 {
		return p.appendMapTail(dst), nil
	}
	key, elem := reflect.New(t.Key.Go), reflect.New(t.Elem.Go)
	keyAt, elemAt := mem.Of(key), mem.Of(elem)
	i := 0
	for iter := m.MapRange(); iter.Next(); i++ {
		key.Elem().SetIterKey(iter)
		elem.Elem().SetIterValue(iter)
		dst = p.appendKeyHead(dst, i)
		start := len(dst)
		var err error
		if dst, err = p.appendTyped(dst, t.Key, keyAt, depth); err != nil {
			return dst, wire.InElement(err, i, "key")
		}
		if dst, err = p.appendTyped(p.appendKeyTail(dst, start), t.Elem, elemAt, depth); err != nil {
			return dst, wire.InElement(err, i, "value")
		}
		dst = p.appendEntryTail(dst)
	}
	return p.appendMapTail(dst), nil
}

// appendAny appends what stands at v, for a type without a Go type of its own.
func (p Protocol) appendAny(dst []byte, t *plan.Type, v mem.Pointer, depth int) ([]byte, error) {
	bound, at, err := t.Bound(v)
	if err != nil {
		return dst, err
	}
	if bound != nil {
		return p.appendTyped(dst, bound, at, depth)
	}
	x, err := t.Value(v)
	if err != nil {
		return dst, err
	}
	if !x.IsSet() {
		return dst, wire.Errorf(-1, wire.ErrValue, "want %s, got nothing", t.Schema)
	}
	return p.appendValue(dst, x, depth)
}
