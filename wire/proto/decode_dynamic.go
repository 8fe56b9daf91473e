package proto

import (
	"math"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/dynmem"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/protomap"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// An accumulator has the elements or entries of a field that have come so far.
type accumulator struct {
	vals    []dynamic.Value
	entries []dynamic.Entry
}

// load takes over what is at v already.
func (a *accumulator) load(c *value, v mem.Pointer) error {
	x, err := c.t.Value(v)
	if err != nil || !x.IsSet() {
		return err
	}
	for _, e := range x.List().All() {
		a.vals = append(a.vals, e)
	}
	a.entries = append(a.entries, x.Map().Entries()...)
	return nil
}

// value returns the list or map. Of entries with the same key the last one counts.
func (a *accumulator) value(t *protomap.Type) dynamic.Value {
	if t.Form == protomap.List {
		return dynamic.ListValue(dynmem.List(t.Schema, a.vals))
	}
	if t.IsProtoMap() {
		a.entries = lastOf(a.entries, t.Schema.Key.Kind)
	}
	return dynamic.MapValue(dynmem.Map(t.Schema, a.entries))
}

func lastOf(entries []dynamic.Entry, k schema.Kind) []dynamic.Entry {
	type key struct {
		num  int64
		text string
	}
	at := make(map[key]int, len(entries))
	kept := entries[:0]
	for _, e := range entries {
		id := key{int64(dynmem.Bits(&e.Key)), ""}
		if k == schema.KindString {
			id = key{0, e.Key.Text()}
		}
		if i, ok := at[id]; ok {
			kept[i].Value = e.Value
			continue
		}
		at[id] = len(kept)
		kept = append(kept, e)
	}
	return kept
}

// fields reads a message as a dynamic struct.
func (d *decoder) fields(off, end int, m *protomap.Struct, depth int) (*dynamic.Struct, error) {
	if depth <= 0 {
		return nil, wire.TooDeep(off)
	}
	s := dynamic.New(m.Schema)
	vals := dynmem.Slots(s)
	var acc map[int]*accumulator
	for off < end {
		at := off
		tag, body, err := consumeTag(d.src, off, end)
		if err != nil {
			return nil, err
		}
		i := m.Index(int32(tag >> 3))
		var f *protomap.Field
		if i >= 0 {
			f = &m.Fields[i]
		}
		switch {
		case f == nil, !f.IsRepeated(m) && tag&7 != f.Type.WireType():
			if off, err = skip(d.src, body, end, tag, depth-1); err != nil {
				return nil, err
			}
			continue
		case f.IsRepeated(m):
			if acc == nil {
				acc = make(map[int]*accumulator)
			}
			a := acc[i]
			if a == nil {
				a = new(accumulator)
				acc[i] = a
			}
			off, err = d.records(body, end, tag, f.Type, a, depth)
		default:
			if vals[i].IsSet() && f.Type.WireType() == wireBytes && (f.Type.Form != protomap.Single || f.Type.Kind == protomap.Message) {
				return nil, wire.InField(secondRecord(at), m.Schema.Name, f.Schema.Name, f.Schema.ID)
			}
			if m.Union {
				clear(vals)
			}
			vals[i], off, err = d.dynamic(body, end, f.Type, depth)
		}
		if err != nil {
			return nil, wire.InField(err, m.Schema.Name, f.Schema.Name, f.Schema.ID)
		}
	}
	for i, a := range acc {
		vals[i] = a.value(m.Fields[i].Type)
	}
	return s, finishDynamic(m, vals, end)
}

// finishDynamic is finish for a dynamic struct.
func finishDynamic(m *protomap.Struct, vals []dynamic.Value, off int) error {
	if m.Union {
		return nil
	}
	for i := range m.Fields {
		f := &m.Fields[i]
		switch {
		case vals[i].IsSet():
		case f.Type.Form != protomap.Single:
			if f.Schema.Requiredness != schema.Optional {
				vals[i] = zero(f.Schema.Type)
			}
		case !f.Presence:
			vals[i] = zero(f.Schema.Type)
		case f.Schema.Default != nil:
			vals[i] = dynamic.FromLiteral(f.Schema.Default)
		case f.Schema.Requiredness == schema.Required:
			return thriftimpl.Missing(off, m.Schema.Name, f.Schema.Name, f.Schema.ID)
		}
	}
	return nil
}

// dynamic reads one value.
func (d *decoder) dynamic(off, end int, t *protomap.Type, depth int) (dynamic.Value, int, error) {
	if t.Wrapped() || t.Kind == protomap.Message {
		start, stop, err := consumeLength(d.src, off, end)
		if err != nil {
			return dynamic.Value{}, off, err
		}
		if t.Wrapped() {
			v, err := d.dynamicWrapper(start, stop, t, depth-1)
			return v, stop, err
		}
		s, err := d.fields(start, stop, t.Struct, depth-1)
		return dynamic.StructValue(s), stop, err
	}
	switch t.Schema.Kind {
	case schema.KindString:
		b, next, err := d.text(off, end, t.Kind)
		return dynamic.String(mem.String(b)), next, err
	case schema.KindBinary:
		b, next, err := d.text(off, end, t.Kind)
		return dynamic.Binary(b), next, err
	case schema.KindUUID:
		id, next, err := d.uuid(off, end, t.Kind)
		return dynamic.UUID(id), next, err
	}
	x, next, err := d.number(off, end, t.Kind)
	if err == nil {
		err = fits(off, t.Schema.Kind, x)
	}
	return numberValue(t.Schema.Kind, x), next, err
}

func numberValue(k schema.Kind, x uint64) dynamic.Value {
	switch k {
	case schema.KindBool:
		return dynamic.Bool(x != 0)
	case schema.KindI8:
		return dynamic.I8(int8(x))
	case schema.KindI16:
		return dynamic.I16(int16(x))
	case schema.KindI32:
		return dynamic.I32(int32(x))
	case schema.KindEnum:
		return dynamic.Enum(int32(x))
	case schema.KindDouble:
		return dynamic.Double(math.Float64frombits(x))
	}
	return dynamic.I64(int64(x))
}

// dynamicWrapper is wrapper for a dynamic value.
func (d *decoder) dynamicWrapper(off, end int, t *protomap.Type, depth int) (dynamic.Value, error) {
	if depth <= 0 {
		return dynamic.Value{}, wire.TooDeep(off)
	}
	var acc accumulator
	v := dynamic.Value{}
	for off < end {
		tag, body, err := consumeTag(d.src, off, end)
		if err != nil {
			return v, err
		}
		switch {
		case tag>>3 != 1 || t.Form == protomap.Single && tag&7 != t.Kind.WireType():
			off, err = skip(d.src, body, end, tag, depth-1)
		case t.Form != protomap.Single:
			off, err = d.records(body, end, tag, t, &acc, depth)
		default:
			v, off, err = d.dynamic(body, end, t, depth)
		}
		if err != nil {
			return v, err
		}
	}
	switch {
	case t.Form != protomap.Single:
		return acc.value(t), nil
	case !v.IsSet():
		return zero(t.Schema), nil
	}
	return v, nil
}

// records reads the record whose tag ends at off, and those with the same tag that follow it.
func (d *decoder) records(off, end int, tag uint64, t *protomap.Type, acc *accumulator, depth int) (int, error) {
	for {
		next, err := d.record(off, end, tag, t, acc, depth)
		if err != nil {
			return off, err
		}
		again, ok := d.same(next, end, tag)
		if !ok {
			return next, nil
		}
		off = again
	}
}

func (d *decoder) record(off, end int, tag uint64, t *protomap.Type, acc *accumulator, depth int) (int, error) {
	if t.Form == protomap.Map {
		if tag&7 != wireBytes {
			return skip(d.src, off, end, tag, depth-1)
		}
		return d.dynamicEntry(off, end, t, acc, depth)
	}
	e := t.Elem
	switch {
	case tag&7 == e.WireType():
		v, next, err := d.dynamic(off, end, e, depth)
		if err != nil {
			return off, wire.InElement(err, len(acc.vals), "")
		}
		acc.vals = append(acc.vals, v)
		return next, nil
	case tag&7 != wireBytes || !e.Kind.IsPacked():
		return skip(d.src, off, end, tag, depth-1)
	}
	off, stop, err := consumeLength(d.src, off, end)
	if err != nil {
		return off, err
	}
	for off < stop {
		v, next, err := d.dynamic(off, stop, e, depth)
		if err != nil {
			return off, wire.InElement(err, len(acc.vals), "")
		}
		acc.vals = append(acc.vals, v)
		off = next
	}
	return off, nil
}

func (d *decoder) dynamicEntry(off, end int, t *protomap.Type, acc *accumulator, depth int) (int, error) {
	off, stop, err := consumeLength(d.src, off, end)
	if err != nil {
		return off, err
	}
	if depth <= 0 {
		return off, wire.TooDeep(off)
	}
	var e dynamic.Entry
	for off < stop {
		tag, body, err := consumeTag(d.src, off, stop)
		if err != nil {
			return off, wire.InElement(err, len(acc.entries), "")
		}
		switch {
		case tag == 1<<3|t.Key.WireType():
			if e.Key, off, err = d.dynamic(body, stop, t.Key, depth-1); err != nil {
				return off, wire.InElement(err, len(acc.entries), "key")
			}
		case tag == 2<<3|t.Elem.WireType():
			if e.Value, off, err = d.dynamic(body, stop, t.Elem, depth-1); err != nil {
				return off, wire.InElement(err, len(acc.entries), "value")
			}
		default:
			if off, err = skip(d.src, body, stop, tag, depth-1); err != nil {
				return off, err
			}
		}
	}
	for _, part := range []struct {
		v    *dynamic.Value
		t    *protomap.Type
		name string
	}{{&e.Key, t.Key, "key"}, {&e.Value, t.Elem, "value"}} {
		switch {
		case part.v.IsSet():
		case part.t.Form == protomap.Single && part.t.Kind == protomap.Message:
			s, err := d.fields(off, off, part.t.Struct, depth-1)
			if err != nil {
				return off, wire.InElement(err, len(acc.entries), part.name)
			}
			*part.v = dynamic.StructValue(s)
		default:
			*part.v = zero(part.t.Schema)
		}
	}
	acc.entries = append(acc.entries, e)
	return stop, nil
}
