package hessian2

import (
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/dynmem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// Dynamic reads a value of type t without a Go type; an unset one if it is null.
func (d *Decoder) Dynamic(t *schema.Type) (dynamic.Value, error) { return d.dynamic(t, wire.MaxDepth) }

// dynamic reads a value of type t; an unset one if it is null.
func (d *Decoder) dynamic(t *schema.Type, depth int) (v dynamic.Value, err error) {
	f, err := d.definitions()
	switch {
	case err != nil:
		return v, err
	case f == formNull:
		d.off++
		return v, nil
	case f == formReference:
		if depth == 0 {
			return v, wire.TooDeep(d.off)
		}
		back, err := d.follow()
		if err == nil {
			v, err = d.dynamic(t, depth-1)
		}
		d.off = back
		return v, err
	}
	switch t.Kind {
	case schema.KindBool:
		x, err := d.boolean()
		return dynamic.Bool(x), err
	case schema.KindI8:
		x, err := d.fitting(t.Kind)
		return dynamic.I8(int8(x)), err
	case schema.KindI16:
		x, err := d.fitting(t.Kind)
		return dynamic.I16(int16(x)), err
	case schema.KindI32:
		x, err := d.fitting(t.Kind)
		return dynamic.I32(int32(x)), err
	case schema.KindI64:
		x, err := d.long(f)
		return dynamic.I64(x), err
	case schema.KindEnum:
		x, err := d.enum(t.Enum, f, depth)
		return dynamic.Enum(int32(x)), err
	case schema.KindDouble:
		x, err := d.double()
		return dynamic.Double(x), err
	case schema.KindString:
		x, err := d.text()
		return dynamic.String(x), err
	case schema.KindBinary:
		x, err := d.bytes()
		return dynamic.Binary(x), err
	case schema.KindUUID:
		x, err := d.uuid(f, depth)
		return dynamic.UUID(x), err
	case schema.KindStruct:
		x, err := d.dynamicStruct(t.Struct, f, depth)
		return dynamic.StructValue(x), err
	case schema.KindMap:
		return d.dynamicMap(t, f, depth)
	}
	return d.dynamicList(t, f, depth)
}

// dynamicElement is dynamic for what may not be null.
func (d *Decoder) dynamicElement(t *schema.Type, depth int) (dynamic.Value, error) {
	at := d.off
	v, err := d.dynamic(t, depth)
	if err == nil && !v.IsSet() {
		err = nullElement(at)
	}
	return v, err
}

func (d *Decoder) dynamicStruct(desc *schema.Struct, f form, depth int) (*dynamic.Struct, error) {
	s := dynamic.New(desc)
	vals := dynmem.Slots(s)
	var read plan.Seen
	err := d.fields(desc, f, depth, func(i int) (err error) {
		field, at := desc.Fields[i], d.off
		if !read.Add(i) {
			return wire.InField(twice(at), desc.Name, field.Name, field.ID)
		}
		if vals[i], err = d.dynamic(field.Type, depth-1); err != nil {
			return wire.InField(err, desc.Name, field.Name, field.ID)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, plan.FinishDynamic(desc, vals, d.off)
}

func (d *Decoder) dynamicList(t *schema.Type, f form, depth int) (v dynamic.Value, err error) {
	switch {
	case f != formList:
		return v, d.want("a list", f)
	case depth == 0:
		return v, wire.TooDeep(d.off)
	}
	_, n, r, err := d.list()
	if err != nil {
		return v, err
	}
	var vals []dynamic.Value
	for i := 0; ; i++ {
		more, err := d.more(i, n)
		if err != nil {
			return v, err
		}
		if !more {
			break
		}
		x, err := d.dynamicElement(t.Elem, depth-1)
		if err != nil {
			return v, wire.InElement(err, i, "")
		}
		vals = append(vals, x)
	}
	d.close(r)
	return dynamic.ListValue(dynmem.List(t, vals)), nil
}

func (d *Decoder) dynamicMap(t *schema.Type, f form, depth int) (v dynamic.Value, err error) {
	switch {
	case f != formMap:
		return v, d.want("a map", f)
	case depth == 0:
		return v, wire.TooDeep(d.off)
	}
	_, r, err := d.mapStart()
	if err != nil {
		return v, err
	}
	var entries []dynamic.Entry
	for i := 0; ; i++ {
		more, err := d.more(i, -1)
		if err != nil {
			return v, err
		}
		if !more {
			break
		}
		var e dynamic.Entry
		if e.Key, err = d.dynamicElement(t.Key, depth-1); err != nil {
			return v, wire.InElement(err, i, "key")
		}
		if e.Value, err = d.dynamicElement(t.Elem, depth-1); err != nil {
			return v, wire.InElement(err, i, "value")
		}
		entries = append(entries, e)
	}
	d.close(r)
	return dynamic.MapValue(dynmem.Map(t, entries)), nil
}
