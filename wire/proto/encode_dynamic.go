package proto

import (
	"cmp"
	"slices"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/dynmem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protomap"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

type orderKey struct{}

// order returns the positions of the fields of m in the order of their numbers.
func order(m *protomap.Struct) []int {
	return m.Schema.Type().Memo(orderKey{}, func() any {
		at := make([]int, len(m.Fields))
		for i := range at {
			at[i] = i
		}
		slices.SortFunc(at, func(a, b int) int { return cmp.Compare(m.Fields[a].Number, m.Fields[b].Number) })
		return at
	}).([]int)
}

// appendDynamic is appendStruct for a dynamic struct.
func appendDynamic(dst []byte, m *protomap.Struct, s *dynamic.Struct, depth int) ([]byte, error) {
	if depth == 0 {
		return dst, wire.TooDeep(-1)
	}
	if s == nil {
		return dst, thriftimpl.NilPointer(m.Schema.Name)
	}
	if err := plan.CheckDynamic(s); err != nil {
		return dst, err
	}
	vals := dynmem.Slots(s)
	for _, i := range order(m) {
		f := &m.Fields[i]
		if !vals[i].IsSet() {
			if err := plan.Unset(m.Schema, f.Schema); err != nil {
				return dst, err
			}
			continue
		}
		var err error
		if m.Union {
			dst, err = appendDynamicSingle(dst, f.Number, f.Type, vals[i], true, depth)
		} else {
			dst, err = appendDynamicField(dst, f.Number, f.Type, vals[i], f.Presence, depth)
		}
		if err != nil {
			return dst, wire.InField(err, m.Schema.Name, f.Schema.Name, f.Schema.ID)
		}
	}
	return dst, nil
}

// appendDynamicField is appendField for a dynamic value.
func appendDynamicField(dst []byte, number int32, t *protomap.Type, v dynamic.Value, presence bool, depth int) ([]byte, error) {
	switch t.Form {
	case protomap.List:
		l := v.List()
		if l.Len() == 0 {
			return dst, nil
		}
		if e := t.Elem; e.Form == protomap.Single && e.Kind.IsPacked() {
			dst, start := openMessage(dst, number)
			for i := range l.Len() {
				x := l.At(i)
				dst = appendNumber(dst, e.Kind, dynmem.Bits(&x))
			}
			return closeMessage(dst, start), nil
		}
		for i := range l.Len() {
			var err error
			if dst, err = appendDynamicSingle(dst, number, t.Elem, l.At(i), true, depth); err != nil {
				return dst, wire.InElement(err, i, "")
			}
		}
		return dst, nil
	case protomap.Map:
		if depth == 0 {
			return dst, wire.TooDeep(-1)
		}
		for i, e := range v.Map().Entries() {
			var start int
			var err error
			dst, start = openMessage(dst, number)
			if dst, err = appendDynamicSingle(dst, 1, t.Key, e.Key, true, depth-1); err != nil {
				return dst, wire.InElement(err, i, "key")
			}
			if dst, err = appendDynamicSingle(dst, 2, t.Elem, e.Value, true, depth-1); err != nil {
				return dst, wire.InElement(err, i, "value")
			}
			dst = closeMessage(dst, start)
		}
		return dst, nil
	}
	return appendDynamicSingle(dst, number, t, v, presence, depth)
}

// appendDynamicSingle is appendSingle for a dynamic value.
func appendDynamicSingle(dst []byte, number int32, t *protomap.Type, v dynamic.Value, presence bool, depth int) ([]byte, error) {
	if t.Wrapped() {
		if depth == 0 {
			return dst, wire.TooDeep(-1)
		}
		dst, start := openMessage(dst, number)
		dst, err := appendDynamicField(dst, 1, t, v, false, depth-1)
		return closeMessage(dst, start), err
	}
	switch t.Schema.Kind {
	case schema.KindStruct:
		dst, start := openMessage(dst, number)
		dst, err := appendDynamic(dst, t.Struct, v.Struct(), depth-1)
		return closeMessage(dst, start), err
	case schema.KindString, schema.KindBinary:
		return appendText(dst, number, t.Kind, v.Text(), presence)
	case schema.KindUUID:
		return appendUUID(dst, number, t.Kind, v.UUID(), presence), nil
	}
	x := dynmem.Bits(&v)
	if x == 0 && !presence {
		return dst, nil
	}
	return appendNumber(appendVarint(dst, uint64(number)<<3|t.Kind.WireType()), t.Kind, x), nil
}
