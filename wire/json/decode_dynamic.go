package json

import (
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/dynmem"
	"github.com/thriftkit/thriftkit/internal/jsontext"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// consumeValue reads a value of type t as a dynamic one.
func (p Protocol) consumeValue(src []byte, off int, t *schema.Type, depth int) (dynamic.Value, int, error) {
	switch t.Kind {
	case schema.KindBool:
		x, next, err := consumeBool(src, off)
		return dynamic.Bool(x), next, err
	case schema.KindI8:
		x, next, err := consumeInt(src, off, 8)
		return dynamic.I8(int8(x)), next, err
	case schema.KindI16:
		x, next, err := consumeInt(src, off, 16)
		return dynamic.I16(int16(x)), next, err
	case schema.KindI32:
		x, next, err := consumeInt(src, off, 32)
		return dynamic.I32(int32(x)), next, err
	case schema.KindEnum:
		x, next, err := consumeInt(src, off, 32)
		return dynamic.Enum(int32(x)), next, err
	case schema.KindI64:
		x, next, err := consumeInt(src, off, 64)
		return dynamic.I64(x), next, err
	case schema.KindDouble:
		x, next, err := consumeDouble(src, off)
		return dynamic.Double(x), next, err
	case schema.KindUUID:
		return consumeUUID(src, off)
	case schema.KindString:
		b, next, err := consumeText(src, off, t)
		return dynamic.String(mem.String(b)), next, err
	case schema.KindBinary:
		b, next, err := consumeText(src, off, t)
		return dynamic.Binary(b), next, err
	}
	if depth == 0 {
		return dynamic.Value{}, off, wire.TooDeep(off)
	}
	switch t.Kind {
	case schema.KindStruct:
		s := dynamic.New(t.Struct)
		next, err := p.consumeFields(src, off, s, depth-1)
		return dynamic.StructValue(s), next, err
	case schema.KindMap:
		m, next, err := p.consumeDynamicMap(src, off, t, depth-1)
		return dynamic.MapValue(m), next, err
	default:
		l, next, err := p.consumeElems(src, off, t, depth-1)
		return dynamic.ListValue(l), next, err
	}
}

func (p Protocol) consumeFields(src []byte, off int, s *dynamic.Struct, depth int) (int, error) {
	desc, vals := s.Schema(), dynmem.Slots(s)
	off, err := jsontext.Expect(src, off, '{')
	if err != nil {
		return off, err
	}
	next := 0
	for n := 0; ; n++ {
		at, more, err := jsontext.Item(src, off, n, '}')
		if err != nil {
			return off, err
		}
		if !more {
			return at, plan.FinishDynamic(desc, vals, at-1)
		}
		m, body, err := p.consumeMember(src, at)
		if err != nil {
			return off, err
		}
		i := next
		if i >= len(vals) || !p.isField(m, desc.Fields[i]) {
			i = p.schemaIndex(m, desc)
		}
		if i < 0 || p.unfit(m, wire.TypeOf(desc.Fields[i].Type.Kind)) {
			end, kept, err := p.skipMember(src, body, m, depth)
			if err != nil {
				return off, err
			}
			if i < 0 && p == Apache {
				s.SetUnknown(append(s.Unknown(), kept...))
			}
			off = end
			continue
		}
		f := desc.Fields[i]
		v, end, err := p.consumeValue(src, body, f.Type, depth)
		if err == nil {
			end, err = p.closeMember(src, end)
		}
		if err != nil {
			return off, wire.InField(err, desc.Name, f.Name, f.ID)
		}
		vals[i] = v
		off, next = end, i+1
	}
}

// schemaIndex is index for a dynamic struct.
func (p Protocol) schemaIndex(m member, desc *schema.Struct) int {
	if p == Apache {
		return desc.Index(m.id)
	}
	if f := desc.Field(mem.String(m.name)); f != nil {
		return f.Index
	}
	return -1
}

func (p Protocol) consumeElems(src []byte, off int, t *schema.Type, depth int) (*dynamic.List, int, error) {
	l, off, err := p.openList(src, off, wire.TypeOf(t.Elem.Kind), depth)
	if err != nil {
		return nil, off, err
	}
	vals := make([]dynamic.Value, 0, thriftimpl.Room(max(l.n, 0), dynmem.ValueSize, len(src)-off))
	for i := 0; ; i++ {
		at, more, err := l.next(src, off, i)
		if err != nil {
			return nil, off, err
		}
		if !more {
			return dynmem.List(t, vals), at, nil
		}
		v, next, err := p.consumeValue(src, at, t.Elem, depth)
		if err != nil {
			return nil, off, wire.InElement(err, i, "")
		}
		vals = append(vals, v)
		off = next
	}
}

func (p Protocol) consumeDynamicMap(src []byte, off int, t *schema.Type, depth int) (*dynamic.Map, int, error) {
	n, off, err := p.openMap(src, off, t, depth)
	if err != nil {
		return nil, off, err
	}
	entries := make([]dynamic.Entry, 0, thriftimpl.Room(max(n, 0), 2*dynmem.ValueSize, len(src)-off))
	var e dynamic.Entry
	off, err = p.consumeEntries(src, off, n, func(off int, part string) (int, error) {
		var err error
		if part == keyPart {
			e.Key, off, err = p.consumeValue(src, off, t.Key, depth)
		} else {
			e.Value, off, err = p.consumeValue(src, off, t.Elem, depth)
		}
		return off, err
	}, func() { entries = append(entries, e) })
	if err != nil {
		return nil, off, err
	}
	return dynmem.Map(t, entries), off, nil
}
