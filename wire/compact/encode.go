package compact

import (
	"reflect"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// appendFields appends the set fields of the struct at v and the stop, part by part.
func (c Protocol) appendFields(dst []byte, p *plan.Struct, v mem.Pointer, depth int) ([]byte, error) {
	var last int16
	for i := range p.Fields {
		f := &p.Fields[i]
		if f.Presence != plan.Always && !f.IsSet(v) {
			if err := plan.Unset(p.Schema, f.Schema); err != nil {
				return dst, err
			}
			continue
		}
		head := len(dst)
		dst = appendField(dst, toCompact[f.Type.Wire], f.ID, last)
		var err error
		if dst, err = c.appendTyped(dst, f.Type, v.Add(f.Offset), depth-1); err != nil {
			return dst, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
		}
		if f.Type.Wire == wire.Bool {
			dst = foldBool(dst, head)
		}
		last = f.ID
	}
	if p.Unknown >= 0 {
		var err error
		if dst, err = c.appendUnknown(dst, *mem.As[wire.UnknownFields](v.Add(uintptr(p.Unknown))), last); err != nil {
			return dst, err
		}
	}
	return append(dst, cStop), nil
}

// foldBool moves the bool at the end of dst into the header of its field, which starts at head.
func foldBool(dst []byte, head int) []byte {
	end := len(dst) - 1
	dst[head] = dst[head]&0xf0 | dst[end]
	return dst[:end]
}

func (c Protocol) appendTyped(dst []byte, t *plan.Type, v mem.Pointer, depth int) ([]byte, error) {
	switch t.Op {
	case plan.OpBool:
		return AppendBool(dst, *mem.As[bool](v)), nil
	case plan.OpI8:
		return append(dst, byte(*mem.As[int8](v))), nil
	case plan.OpI16:
		return AppendI16(dst, *mem.As[int16](v)), nil
	case plan.OpI32:
		return AppendI32(dst, *mem.As[int32](v)), nil
	case plan.OpI64:
		return AppendI64(dst, *mem.As[int64](v)), nil
	case plan.OpDouble:
		return c.appendDouble(dst, *mem.As[float64](v)), nil
	case plan.OpString:
		return AppendString(dst, *mem.As[string](v)), nil
	case plan.OpBytes:
		return AppendString(dst, mem.String(*mem.As[[]byte](v))), nil
	case plan.OpUUID:
		return append(dst, mem.As[[16]byte](v)[:]...), nil
	case plan.OpStruct:
		return c.appendStruct(dst, t.Struct, v, depth)
	case plan.OpPointer:
		if v = v.Load(); v.IsNil() {
			return dst, nilPointer(t)
		}
		return c.appendTyped(dst, t.Elem, v, depth)
	}
	if t.IsDynamic() {
		return c.appendAny(dst, t, v, depth)
	}
	if depth == 0 {
		return dst, wire.TooDeep(-1)
	}
	switch t.Op {
	case plan.OpSlice:
		return c.appendSlice(dst, t, v, depth-1)
	case plan.OpSetMap:
		return c.appendSetMap(dst, t, v, depth-1)
	default:
		return c.appendMap(dst, t, v, depth-1)
	}
}

func (c Protocol) appendSlice(dst []byte, t *plan.Type, v mem.Pointer, depth int) ([]byte, error) {
	n := v.SliceLen()
	dst = AppendListHeader(dst, t.Elem.Wire, n)
	if useSteps {
		if run, ok := appendRun(dst, t.Elem.Op, v); ok {
			return run, nil
		}
		if t.Elem.Op == plan.OpPointer {
			return c.appendPointers(dst, t.Elem, *mem.As[[]mem.Pointer](v), depth)
		}
	}
	data := v.SliceData()
	for i := range n {
		var err error
		if dst, err = c.appendTyped(dst, t.Elem, data.Add(uintptr(i)*t.Elem.Size), depth); err != nil {
			return dst, wire.InElement(err, i, "")
		}
	}
	return dst, nil
}

func (c Protocol) appendSetMap(dst []byte, t *plan.Type, v mem.Pointer, depth int) ([]byte, error) {
	m := v.Value(t.Go)
	dst = AppendListHeader(dst, t.Elem.Wire, m.Len())
	key := reflect.New(t.Elem.Go)
	at := mem.Of(key)
	i := 0
	for iter := m.MapRange(); iter.Next(); i++ {
		key.Elem().SetIterKey(iter)
		var err error
		if dst, err = c.appendTyped(dst, t.Elem, at, depth); err != nil {
			return dst, wire.InElement(err, i, "")
		}
	}
	return dst, nil
}

func (c Protocol) appendMap(dst []byte, t *plan.Type, v mem.Pointer, depth int) ([]byte, error) {
	switch t.Map {
	case plan.MapStringString:
		return appendStrings(dst, *mem.As[map[string]string](v)), nil
	case plan.MapStringI32:
		return appendMapOf[string, int32](c, dst, t, v), nil
	case plan.MapStringI64:
		return appendMapOf[string, int64](c, dst, t, v), nil
	case plan.MapStringDouble:
		return appendMapOf[string, float64](c, dst, t, v), nil
	case plan.MapI32String:
		return appendMapOf[int32, string](c, dst, t, v), nil
	case plan.MapI64String:
		return appendMapOf[int64, string](c, dst, t, v), nil
	case plan.MapI32I64:
		return appendMapOf[int32, int64](c, dst, t, v), nil
	case plan.MapI64I64:
		return appendMapOf[int64, int64](c, dst, t, v), nil
	case plan.MapI64Double:
		return appendMapOf[int64, float64](c, dst, t, v), nil
	case plan.MapStringPointer:
		return appendPointerMap[string](c, dst, t, v, depth)
	case plan.MapI32Pointer:
		return appendPointerMap[int32](c, dst, t, v, depth)
	case plan.MapI64Pointer:
		return appendPointerMap[int64](c, dst, t, v, depth)
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
		if dst, err = c.appendTyped(dst, t.Key, keyAt, depth); err != nil {
			return dst, wire.InElement(err, i, "key")
		}
		if dst, err = c.appendTyped(dst, t.Elem, elemAt, depth); err != nil {
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
func (c Protocol) appendAny(dst []byte, t *plan.Type, v mem.Pointer, depth int) ([]byte, error) {
	if t.Op == plan.OpDynStruct && depth > 0 { // as below, for most of them
		if s := *mem.As[*dynamic.Struct](v); s != nil && s.Schema() == t.Schema.Struct {
			return c.appendDynamic(dst, t.Dyn.Struct, s, depth-1)
		}
	}
	bound, at, err := t.Bound(v)
	if err != nil {
		return dst, err
	}
	if bound != nil {
		return c.appendTyped(dst, bound, at, depth)
	}
	x, err := t.Value(v)
	if err != nil {
		return dst, err
	}
	if !x.IsSet() {
		return dst, wire.Errorf(-1, wire.ErrValue, "%s is wanted, not nothing", t.Schema)
	}
	return c.appendValue(dst, t.Dyn, x, depth)
}

// appendValue appends a dynamic value, whose fit with t was checked when it was made.
func (c Protocol) appendValue(dst []byte, t *plan.Dynamic, v dynamic.Value, depth int) ([]byte, error) {
	switch t.Kind {
	case schema.KindBool:
		return AppendBool(dst, v.Bool()), nil
	case schema.KindI8:
		return append(dst, byte(v.Bits())), nil
	case schema.KindI16, schema.KindI32, schema.KindI64, schema.KindEnum:
		return AppendI64(dst, int64(v.Bits())), nil
	case schema.KindDouble:
		return c.appendDouble(dst, v.Double()), nil
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
		return c.appendDynamic(dst, t.Struct, v.Struct(), depth-1)
	case schema.KindMap:
		return c.appendEntries(dst, t, v.Map(), depth-1)
	default:
		return c.appendElems(dst, t, v.List(), depth-1)
	}
}

func (c Protocol) appendDynamic(dst []byte, p *plan.DynamicStruct, s *dynamic.Struct, depth int) ([]byte, error) {
	if p.Union {
		if err := plan.CheckDynamic(s); err != nil {
			return dst, err
		}
	}
	if useSteps {
		return c.appendSlots(dst, p, s, depth)
	}
	vals := s.Slots()
	var last int16
	for i := range vals {
		f := &p.Fields[i]
		if !vals[i].IsSet() {
			if err := plan.Unset(p.Schema, f.Schema); err != nil {
				return dst, err
			}
			continue
		}
		head := len(dst)
		dst = appendField(dst, toCompact[f.Type.Wire], f.ID, last)
		var err error
		if dst, err = c.appendValue(dst, f.Type, vals[i], depth); err != nil {
			return dst, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
		}
		if f.Kind == schema.KindBool {
			dst = foldBool(dst, head)
		}
		last = f.ID
	}
	dst, err := c.appendUnknown(dst, s.Unknown(), last)
	return append(dst, cStop), err
}

func (c Protocol) appendElems(dst []byte, t *plan.Dynamic, l *dynamic.List, depth int) ([]byte, error) {
	dst = AppendListHeader(dst, t.Elem.Wire, l.Len())
	for i := range l.Len() {
		var err error
		if dst, err = c.appendValue(dst, t.Elem, l.At(i), depth); err != nil {
			return dst, wire.InElement(err, i, "")
		}
	}
	return dst, nil
}

func (c Protocol) appendEntries(dst []byte, t *plan.Dynamic, m *dynamic.Map, depth int) ([]byte, error) {
	dst = AppendMapHeader(dst, t.Key.Wire, t.Elem.Wire, m.Len())
	entries := m.Entries()
	for i := range entries {
		var err error
		if dst, err = c.appendValue(dst, t.Key, entries[i].Key, depth); err != nil {
			return dst, wire.InElement(err, i, "key")
		}
		if dst, err = c.appendValue(dst, t.Elem, entries[i].Value, depth); err != nil {
			return dst, wire.InElement(err, i, "value")
		}
	}
	return dst, nil
}
