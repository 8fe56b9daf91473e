package json

import (
	"strconv"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// appendValue appends a dynamic value, whose fit was checked when it was made.
func (p Protocol) appendValue(dst []byte, v dynamic.Value, depth int) ([]byte, error) {
	switch v.Kind() {
	case schema.KindBool:
		return p.appendBool(dst, v.Bool()), nil
	case schema.KindI8, schema.KindI16, schema.KindI32, schema.KindI64, schema.KindEnum:
		return strconv.AppendInt(dst, v.Int(), 10), nil
	case schema.KindDouble:
		return p.appendDouble(dst, v.Double()), nil
	case schema.KindString:
		return p.appendString(dst, v.Text()), nil
	case schema.KindBinary:
		return appendBinary(dst, v.Text()), nil
	case schema.KindUUID:
		return appendUUID(dst, v.UUID()), nil
	}
	if depth == 0 {
		return dst, wire.TooDeep(-1)
	}
	switch v.Kind() {
	case schema.KindStruct:
		return p.appendDynamic(dst, v.Struct(), depth-1)
	case schema.KindMap:
		return p.appendEntries(dst, v.Map(), depth-1)
	default:
		return p.appendElems(dst, v.List(), depth-1)
	}
}

func (p Protocol) appendDynamic(dst []byte, s *dynamic.Struct, depth int) ([]byte, error) {
	desc, vals := s.Schema(), s.Slots()
	if err := plan.CheckDynamic(s); err != nil {
		return dst, err
	}
	dst = append(dst, '{')
	start := len(dst)
	for i, f := range desc.Fields {
		if !vals[i].IsSet() {
			if err := plan.Unset(desc, f); err != nil {
				return dst, err
			}
			continue
		}
		dst = p.appendFieldHead(dst, start, f.ID, f.Name, wire.TypeOf(f.Type.Kind))
		var err error
		if dst, err = p.appendValue(dst, vals[i], depth); err != nil {
			return dst, wire.InField(err, desc.Name, f.Name, f.ID)
		}
		dst = p.appendFieldTail(dst)
	}
	return p.appendStructTail(dst, start, desc, s.Unknown(), depth)
}

func (p Protocol) appendElems(dst []byte, l *dynamic.List, depth int) ([]byte, error) {
	t, start := wire.TypeOf(l.Type().Elem.Kind), len(dst)
	dst = p.appendListHead(dst, t, l.Len())
	for i := range l.Len() {
		var err error
		if dst, err = p.appendValue(p.appendElemHead(dst, i), l.At(i), depth); err != nil {
			return dst, wire.InElement(err, i, "")
		}
	}
	return p.appendListTail(dst, start, t), nil
}

func (p Protocol) appendEntries(dst []byte, m *dynamic.Map, depth int) ([]byte, error) {
	t := m.Type()
	if err := p.checkKey(t, -1); err != nil {
		return dst, err
	}
	dst = p.appendMapHead(dst, wire.TypeOf(t.Key.Kind), wire.TypeOf(t.Elem.Kind), m.Len())
	for i, e := range m.Entries() {
		dst = p.appendKeyHead(dst, i)
		start := len(dst)
		var err error
		if dst, err = p.appendValue(dst, e.Key, depth); err != nil {
			return dst, wire.InElement(err, i, "key")
		}
		if dst, err = p.appendValue(p.appendKeyTail(dst, start), e.Value, depth); err != nil {
			return dst, wire.InElement(err, i, "value")
		}
		dst = p.appendEntryTail(dst)
	}
	return p.appendMapTail(dst), nil
}
