package binary

import (
	"encoding/binary"
	"reflect"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// appendFields appends the set fields of the struct at v and the stop, part by part.
func appendFields(dst []byte, p *plan.Struct, v mem.Pointer, depth int) ([]byte, error) {
	for i := range p.Fields {
		f := &p.Fields[i]
		if f.Presence != plan.Always && !f.IsSet(v) {
			if err := plan.Unset(p.Schema, f.Schema); err != nil {
				return dst, err
			}
			continue
		}
		dst = AppendFieldHeader(dst, f.Type.Wire, f.ID)
		var err error
		if dst, err = appendTyped(dst, f.Type, v.Add(f.Offset), depth-1); err != nil {
			return dst, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
		}
	}
	if p.Unknown >= 0 {
		dst = append(dst, *mem.As[wire.UnknownFields](v.Add(uintptr(p.Unknown)))...)
	}
	return append(dst, byte(wire.Stop)), nil
}

func appendTyped(dst []byte, t *plan.Type, v mem.Pointer, depth int) ([]byte, error) {
	switch t.Op {
	case plan.OpBool:
		return AppendBool(dst, *mem.As[bool](v)), nil
	case plan.OpI8:
		return append(dst, byte(*mem.As[int8](v))), nil
	case plan.OpI16:
		return binary.BigEndian.AppendUint16(dst, uint16(*mem.As[int16](v))), nil
	case plan.OpI32:
		return binary.BigEndian.AppendUint32(dst, uint32(*mem.As[int32](v))), nil
	case plan.OpI64:
		return binary.BigEndian.AppendUint64(dst, uint64(*mem.As[int64](v))), nil
	case plan.OpDouble:
		return AppendDouble(dst, *mem.As[float64](v)), nil
	case plan.OpString:
		return AppendString(dst, *mem.As[string](v)), nil
	case plan.OpBytes:
		return AppendBytes(dst, *mem.As[[]byte](v)), nil
	case plan.OpUUID:
		return append(dst, mem.As[[16]byte](v)[:]...), nil
	case plan.OpStruct:
		return appendStruct(dst, t.Struct, v, depth)
	case plan.OpPointer:
		if v = v.Load(); v.IsNil() {
			return dst, nilPointer(t)
		}
		return appendTyped(dst, t.Elem, v, depth)
	}
	if t.IsDynamic() {
		return appendAny(dst, t, v, depth)
	}
	if depth == 0 {
		return dst, wire.TooDeep(-1)
	}
	switch t.Op {
	case plan.OpSlice:
		return appendSlice(dst, t, v, depth-1)
	case plan.OpSetMap:
		return appendSetMap(dst, t, v, depth-1)
	default:
		return appendMap(dst, t, v, depth-1)
	}
}

func appendSlice(dst []byte, t *plan.Type, v mem.Pointer, depth int) ([]byte, error) {
	n := v.SliceLen()
	dst = AppendListHeader(dst, t.Elem.Wire, n)
	if useSteps {
		if run, ok := appendRun(dst, t.Elem.Op, v); ok {
			return run, nil
		}
		if t.Elem.Op == plan.OpPointer {
			return appendPointers(dst, t.Elem, *mem.As[[]mem.Pointer](v), depth)
		}
	}
	data := v.SliceData()
	for i := range n {
		var err error
		if dst, err = appendTyped(dst, t.Elem, data.Add(uintptr(i)*t.Elem.Size), depth); err != nil {
			return dst, wire.InElement(err, i, "")
		}
	}
	return dst, nil
}

func appendSetMap(dst []byte, t *plan.Type, v mem.Pointer, depth int) ([]byte, error) {
	m := v.Value(t.Go)
	dst = AppendListHeader(dst, t.Elem.Wire, m.Len())
	key := reflect.New(t.Elem.Go)
	at := mem.Of(key)
	i := 0
	for iter := m.MapRange(); iter.Next(); i++ {
		key.Elem().SetIterKey(iter)
		var err error
		if dst, err = appendTyped(dst, t.Elem, at, depth); err != nil {
			return dst, wire.InElement(err, i, "")
		}
	}
	return dst, nil
}

func appendMap(dst []byte, t *plan.Type, v mem.Pointer, depth int) ([]byte, error) {
	switch t.Map {
	case plan.MapStringString:
		return appendStrings(dst, *mem.As[map[string]string](v)), nil
	case plan.MapStringI32:
		return appendMapOf[string, int32](dst, t, v), nil
	case plan.MapStringI64:
		return appendMapOf[string, int64](dst, t, v), nil
	case plan.MapStringDouble:
		return appendMapOf[string, float64](dst, t, v), nil
	case plan.MapI32String:
		return appendMapOf[int32, string](dst, t, v), nil
	case plan.MapI64String:
		return appendMapOf[int64, string](dst, t, v), nil
	case plan.MapI32I64:
		return appendMapOf[int32, int64](dst, t, v), nil
	case plan.MapI64I64:
		return appendMapOf[int64, int64](dst, t, v), nil
	case plan.MapI64Double:
		return appendMapOf[int64, float64](dst, t, v), nil
	case plan.MapStringPointer:
		return appendPointerMap[string](dst, t, v, depth)
	case plan.MapI32Pointer:
		return appendPointerMap[int32](dst, t, v, depth)
	case plan.MapI64Pointer:
		return appendPointerMap[int64](dst, t, v, depth)
	}
	m := v.Value(t.Go)
	dst = AppendMapHeader(dst, t.Key.Wire, t.Elem.Wire, m.Len())
	if m.Len() == 0 {
		return dst, nil
	}
	key, elem := reflect.New(t.Key.Go), reflect.New(t.Elem.Go)
	keyAt, elemAt := mem.Of(key), mem.Of(elem)
	i := 0
	for iter := m.MapRange(); iter.Next(); i++ {
		key.Elem().SetIterKey(iter)
		elem.Elem().SetIterValue(iter)
		var err error
		if dst, err = appendTyped(dst, t.Key, keyAt, depth); err != nil {
			return dst, wire.InElement(err, i, "key")
		}
		if dst, err = appendTyped(dst, t.Elem, elemAt, depth); err != nil {
			return dst, wire.InElement(err, i, "value")
		}
	}
	return dst, nil
}

// appendStrings appends a map of strings.
func appendStrings(dst []byte, m map[string]string) []byte {
	dst = AppendMapHeader(dst, wire.String, wire.String, len(m))
	for k, v := range m {
		dst = AppendString(AppendString(dst, k), v)
	}
	return dst
}

// appendAny appends what stands at v, for a type without a Go type of its own.
func appendAny(dst []byte, t *plan.Type, v mem.Pointer, depth int) ([]byte, error) {
	if t.Op == plan.OpDynStruct && depth > 0 { // as below, for most of them
		if s := *mem.As[*dynamic.Struct](v); s != nil && s.Schema() == t.Schema.Struct {
			return appendDynamic(dst, t.Dyn.Struct, s, depth-1)
		}
	}
	bound, at, err := t.Bound(v)
	if err != nil {
		return dst, err
	}
	if bound != nil {
		return appendTyped(dst, bound, at, depth)
	}
	x, err := t.Value(v)
	if err != nil {
		return dst, err
	}
	if !x.IsSet() {
		return dst, wire.Errorf(-1, wire.ErrValue, "%s is wanted, not nothing", t.Schema)
	}
	return appendValue(dst, t.Dyn, x, depth)
}

// appendValue appends a dynamic value, whose fit with t was checked when it was made.
func appendValue(dst []byte, t *plan.Dynamic, v dynamic.Value, depth int) ([]byte, error) {
	switch t.Kind {
	case schema.KindBool, schema.KindI8:
		return append(dst, byte(v.Bits())), nil
	case schema.KindI16:
		return binary.BigEndian.AppendUint16(dst, uint16(v.Bits())), nil
	case schema.KindI32, schema.KindEnum:
		return binary.BigEndian.AppendUint32(dst, uint32(v.Bits())), nil
	case schema.KindI64, schema.KindDouble:
		return binary.BigEndian.AppendUint64(dst, v.Bits()), nil
	case schema.KindString, schema.KindBinary:
		return AppendString(dst, v.Text()), nil
	case schema.KindUUID:
		id := v.UUID()
		return append(dst, id[:]...), nil
	}
	if depth == 0 {
		return dst, wire.TooDeep(-1)
	}
	switch t.Kind {
	case schema.KindStruct:
		return appendDynamic(dst, t.Struct, v.Struct(), depth-1)
	case schema.KindMap:
		return appendEntries(dst, t, v.Map(), depth-1)
	default:
		return appendElems(dst, t, v.List(), depth-1)
	}
}

func appendDynamic(dst []byte, p *plan.DynamicStruct, s *dynamic.Struct, depth int) ([]byte, error) {
	if p.Union {
		if err := plan.CheckDynamic(s); err != nil {
			return dst, err
		}
	}
	if useSteps {
		return appendSlots(dst, p, s, depth)
	}
	vals := s.Slots()
	for i := range p.Fields {
		f := &p.Fields[i]
		if !vals[i].IsSet() {
			if err := plan.Unset(p.Schema, f.Schema); err != nil {
				return dst, err
			}
			continue
		}
		dst = AppendFieldHeader(dst, f.Type.Wire, f.ID)
		var err error
		if dst, err = appendValue(dst, f.Type, vals[i], depth); err != nil {
			return dst, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
		}
	}
	dst = append(dst, s.Unknown()...)
	return append(dst, byte(wire.Stop)), nil
}

func appendElems(dst []byte, t *plan.Dynamic, l *dynamic.List, depth int) ([]byte, error) {
	dst = AppendListHeader(dst, t.Elem.Wire, l.Len())
	for i := range l.Len() {
		var err error
		if dst, err = appendValue(dst, t.Elem, l.At(i), depth); err != nil {
			return dst, wire.InElement(err, i, "")
		}
	}
	return dst, nil
}

func appendEntries(dst []byte, t *plan.Dynamic, m *dynamic.Map, depth int) ([]byte, error) {
	dst = AppendMapHeader(dst, t.Key.Wire, t.Elem.Wire, m.Len())
	entries := m.Entries()
	for i := range entries {
		var err error
		if dst, err = appendValue(dst, t.Key, entries[i].Key, depth); err != nil {
			return dst, wire.InElement(err, i, "key")
		}
		if dst, err = appendValue(dst, t.Elem, entries[i].Value, depth); err != nil {
			return dst, wire.InElement(err, i, "value")
		}
	}
	return dst, nil
}
