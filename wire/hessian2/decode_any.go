package hessian2

import (
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// Text reads a string; null is "".
func (d *Decoder) Text() (string, error) {
	if d.off < len(d.src) && d.src[d.off] == tagNull {
		d.off++
		return "", nil
	}
	return d.text()
}

// Int reads an int.
func (d *Decoder) Int() (int32, error) {
	n, err := d.fitting(schema.KindI32)
	return int32(n), err
}

// IsNull reports whether the next value is null.
func (d *Decoder) IsNull() bool { return d.off < len(d.src) && d.src[d.off] == tagNull }

// Skip reads a value and forgets it.
func (d *Decoder) Skip() error { return d.skip(wire.MaxDepth) }

// More reports whether there is another value.
func (d *Decoder) More() bool { return d.off < len(d.src) }

// Each reads a list or array and calls each before each element, which it reads by d; none if it is null.
func (d *Decoder) Each(each func(i int) error) error {
	f, err := d.definitions()
	switch {
	case err != nil:
		return err
	case f == formNull:
		d.off++
		return nil
	case f != formList:
		return d.want("a list", f)
	}
	_, n, r, err := d.list()
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		more, err := d.more(i, n)
		if err != nil {
			return err
		}
		if !more {
			d.close(r)
			return nil
		}
		if err := each(i); err != nil {
			return err
		}
	}
}

// Exception reads what stands for an exception, an object of its class, a map or a string. It returns the class, "" if there is none, and
// the text. Rewind allows it to be read as a struct of the schema then.
func (d *Decoder) Exception() (class, text string, err error) {
	f, err := d.definitions()
	switch {
	case err != nil:
		return "", "", err
	case f == formString:
		text, err = d.text()
		return "", text, err
	case f != formObject && f != formMap:
		return "", "", d.want("an exception", f)
	}
	if f == formObject {
		at := *d // object reads no more than the beginning
		c, _, err := at.object()
		if err != nil {
			return "", "", err
		}
		class = c.name
	}
	err = d.strings(f, wire.MaxDepth, func(name string) error {
		next, err := d.peek()
		if err != nil {
			return err
		}
		if (name != messageField && name != "message" && name != "exceptionMessage") || next != formString || name != "exceptionMessage" && text != "" {
			return d.skip(wire.MaxDepth - 1)
		}
		text, err = d.text()
		return err
	})
	return class, text, err
}

// Any reads a value without a schema. Each reference becomes a copy.
func (d *Decoder) Any() (any, error) { return d.any(wire.MaxDepth) }

func (d *Decoder) any(depth int) (v any, err error) {
	f, err := d.definitions()
	if err != nil {
		return nil, err
	}
	switch f {
	case formNull:
		d.off++
		return nil, nil
	case formBool:
		return d.boolean()
	case formInt:
		n, err := d.integer()
		return int32(n), err
	case formLong:
		return d.integer()
	case formDouble:
		return d.double()
	case formDate:
		ms, err := d.millis()
		return date(ms), err
	case formString:
		return d.text()
	case formBinary:
		return d.bytes()
	case formEnd:
		return nil, d.want("a value", f)
	}
	if depth == 0 {
		return nil, wire.TooDeep(d.off)
	}
	switch f {
	case formReference:
		back, err := d.follow()
		if err == nil {
			v, err = d.any(depth - 1)
		}
		d.off = back
		return v, err
	case formList:
		return d.anyList(depth - 1)
	case formMap:
		return d.anyMap(depth - 1)
	}
	c, r, err := d.object()
	if err != nil {
		return nil, err
	}
	o := &Object{Class: c.name}
	for _, name := range c.fields {
		x, err := d.any(depth - 1)
		if err != nil {
			return nil, wire.InField(err, c.name, name, int16(len(o.Fields)))
		}
		o.Fields = append(o.Fields, Field{name, x})
	}
	d.close(r)
	return o, nil
}

func (d *Decoder) anyList(depth int) (any, error) {
	typ, n, r, err := d.list()
	if err != nil {
		return nil, err
	}
	items := []any{}
	for i := 0; ; i++ {
		more, err := d.more(i, n)
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		x, err := d.any(depth)
		if err != nil {
			return nil, wire.InElement(err, i, "")
		}
		items = append(items, x)
	}
	d.close(r)
	if typ != "" {
		return &List{Type: typ, Items: items}, nil
	}
	return items, nil
}

func (d *Decoder) anyMap(depth int) (any, error) {
	typ, r, err := d.mapStart()
	if err != nil {
		return nil, err
	}
	m := &Map{Type: typ}
	for i := 0; ; i++ {
		more, err := d.more(i, -1)
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		var e Entry
		if e.Key, err = d.any(depth); err != nil {
			return nil, wire.InElement(err, i, "key")
		}
		if e.Value, err = d.any(depth); err != nil {
			return nil, wire.InElement(err, i, "value")
		}
		m.Entries = append(m.Entries, e)
	}
	d.close(r)
	return m, nil
}
