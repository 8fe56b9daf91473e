package hessian2

import (
	"encoding/binary"
	"math"
	"reflect"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// A Decoder reads the values of one message, one after the other. After an error it is of no use. Not for concurrent use.
type Decoder struct {
	src     []byte
	off     int
	classes []*definition
	types   []string
	refs    []ref // the lists, maps and objects, in the order in which they begin
	mark    int   // what begins before it is in classes, types and refs
	copied  int   // bytes that references have repeated
	slab    plan.Slab
}

// A ref is where a list, map or object is. end is 0 while it is read.
type ref struct{ start, end int }

// A definition is a class definition of the message.
type definition struct {
	name     string
	fields   []string
	mappings []mapping
}

// A mapping says which fields of a struct the fields of a definition are: indexes of schema.Struct.Fields or -1.
type mapping struct {
	desc  *schema.Struct
	index []int
}

// NewDecoder returns a Decoder of the message src.
func NewDecoder(src []byte) *Decoder { return &Decoder{src: src} }

// Offset returns how many bytes have been read.
func (d *Decoder) Offset() int { return d.off }

// Rewind goes back to where a value began that has been read or skipped: it is read again.
func (d *Decoder) Rewind(offset int) { d.off = offset }

// End returns an error if something is left of the message.
func (d *Decoder) End() error {
	if d.off < len(d.src) {
		return wire.Errorf(d.off, wire.ErrInvalid, "%s after the last value", plural.Of(len(d.src)-d.off, "byte"))
	}
	return nil
}

// peek returns the form of the next value.
func (d *Decoder) peek() (form, error) {
	if d.off >= len(d.src) {
		return formBad, wire.Truncated(d.off)
	}
	f := forms[d.src[d.off]]
	if f == formBad {
		return f, wire.Errorf(d.off, wire.ErrInvalid, "no value begins with %#x", d.src[d.off])
	}
	return f, nil
}

// take returns the next n bytes.
func (d *Decoder) take(n int) ([]byte, error) {
	if n > len(d.src)-d.off {
		return nil, wire.Truncated(len(d.src))
	}
	b := d.src[d.off : d.off+n : d.off+n]
	d.off += n
	return b, nil
}

func (d *Decoder) want(what string, got form) error {
	return wire.Errorf(d.off, wire.ErrInvalid, "want %s, got %s", what, got)
}

// integer reads an int or a long.
func (d *Decoder) integer() (int64, error) {
	src := d.src[d.off:]
	if len(src) == 0 {
		return 0, wire.Truncated(d.off)
	}
	tag := src[0]
	size := 1
	switch {
	case tag >= 0x80 && tag <= 0xbf:
		d.off++
		return int64(tag) - 0x90, nil
	case tag >= 0xd8 && tag <= 0xef:
		d.off++
		return int64(tag) - 0xe0, nil
	case tag >= 0xc0 && tag <= 0xcf, tag >= 0xf0:
		size = 2
	case tag >= 0xd0 && tag <= 0xd7, tag >= 0x38 && tag <= 0x3f:
		size = 3
	case tag == tagInt, tag == tagLongInt:
		size = 5
	case tag == tagLong:
		size = 9
	default:
		f, err := d.peek()
		if err != nil {
			return 0, err
		}
		return 0, d.want("an integer", f)
	}
	if len(src) < size {
		return 0, wire.Truncated(len(d.src))
	}
	d.off += size
	switch {
	case size == 2 && tag >= 0xf0:
		return (int64(tag)-0xf8)<<8 | int64(src[1]), nil
	case size == 2:
		return (int64(tag)-0xc8)<<8 | int64(src[1]), nil
	case size == 3 && tag >= 0xd0:
		return (int64(tag)-0xd4)<<16 | int64(src[1])<<8 | int64(src[2]), nil
	case size == 3:
		return (int64(tag)-0x3c)<<16 | int64(src[1])<<8 | int64(src[2]), nil
	case size == 5:
		return int64(int32(binary.BigEndian.Uint32(src[1:]))), nil
	}
	return int64(binary.BigEndian.Uint64(src[1:])), nil
}

// count reads a number of things that take a byte at least.
func (d *Decoder) count(what string) (int, error) {
	at := d.off
	n, err := d.integer()
	switch {
	case err != nil:
		return 0, err
	case n < 0:
		return 0, wire.Errorf(at, wire.ErrInvalid, "%d %s", n, what)
	case n > int64(len(d.src)-d.off):
		return 0, wire.Errorf(at, wire.ErrTruncated, "%d %s in %s", n, what, plural.Of(len(d.src)-d.off, "byte"))
	}
	return int(n), nil
}

// double reads a double, or an integer as one.
func (d *Decoder) double() (float64, error) {
	f, err := d.peek()
	if err != nil {
		return 0, err
	}
	if f != formDouble {
		if f != formInt && f != formLong {
			return 0, d.want("a double", f)
		}
		n, err := d.integer()
		return float64(n), err
	}
	tag := d.src[d.off]
	size := 1
	switch tag {
	case tagDoubleByte:
		size = 2
	case tagDoubleShort:
		size = 3
	case tagDoubleMill:
		size = 5
	case tagDouble:
		size = 9
	}
	b, err := d.take(size)
	if err != nil {
		return 0, err
	}
	switch tag {
	case tagZero:
		return 0, nil
	case tagOne:
		return 1, nil
	case tagDoubleByte:
		return float64(int8(b[1])), nil
	case tagDoubleShort:
		return float64(int16(binary.BigEndian.Uint16(b[1:]))), nil
	case tagDoubleMill:
		return 0.001 * float64(int32(binary.BigEndian.Uint32(b[1:]))), nil
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b[1:])), nil
}

// millis reads a date, in milliseconds after the epoch.
func (d *Decoder) millis() (int64, error) {
	if d.src[d.off] == tagDateMinute {
		b, err := d.take(5)
		if err != nil {
			return 0, err
		}
		return int64(int32(binary.BigEndian.Uint32(b[1:]))) * 60_000, nil
	}
	b, err := d.take(9)
	if err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint64(b[1:])), nil
}

// boolean reads a bool.
func (d *Decoder) boolean() (bool, error) {
	f, err := d.peek()
	if err != nil {
		return false, err
	}
	if f != formBool {
		return false, d.want("a boolean", f)
	}
	d.off++
	return d.src[d.off-1] == tagTrue, nil
}

// part reads the length of a part of a string or binary, in characters or bytes, and whether it is the last one.
func (d *Decoder) part(want form) (n int, last bool, err error) {
	f, err := d.peek()
	switch {
	case err != nil:
		return 0, false, err
	case f != want:
		return 0, false, d.want(want.String(), f)
	}
	tag := d.src[d.off]
	size := 1
	switch {
	case tag <= 0x2f:
	case tag <= 0x37:
		size = 2
	default:
		size = 3
	}
	b, err := d.take(size)
	if err != nil {
		return 0, false, err
	}
	switch {
	case tag <= 0x1f:
		return int(tag), true, nil
	case tag <= 0x2f:
		return int(tag) - 0x20, true, nil
	case tag <= 0x33:
		return int(tag-0x30)<<8 | int(b[1]), true, nil
	case tag <= 0x37:
		return int(tag-0x34)<<8 | int(b[1]), true, nil
	}
	return int(binary.BigEndian.Uint16(b[1:])), tag == tagString || tag == tagBinary, nil
}

// text reads a string.
func (d *Decoder) text() (string, error) {
	start := d.off
	var all []byte
	half := false
	for first := true; ; first = false {
		n, last, err := d.part(formString)
		if err != nil {
			return "", err
		}
		size, surrogates, err := unitsIn(d.src[d.off:], n, d.off)
		if err != nil {
			return "", err
		}
		half = half || surrogates
		b, err := d.take(size)
		if err != nil {
			return "", err
		}
		if first && last {
			all = b
			break
		}
		if all = append(all, b...); last {
			break
		}
	}
	if half {
		return joinSurrogates(all, start)
	}
	return mem.String(all), nil
}

// bytes reads a binary.
func (d *Decoder) bytes() ([]byte, error) {
	var all []byte
	for first := true; ; first = false {
		n, last, err := d.part(formBinary)
		if err != nil {
			return nil, err
		}
		b, err := d.take(n)
		if err != nil {
			return nil, err
		}
		switch {
		case first && last:
			return b, nil
		case first:
			all = make([]byte, 0, len(b)+d.rest())
		}
		if all = append(all, b...); last {
			return all, nil
		}
	}
}

// rest returns how long the parts of a binary are that follow, as far as they are there.
func (d *Decoder) rest() (n int) {
	at := d.off
	for last := false; !last; {
		var size int
		var err error
		if size, last, err = d.part(formBinary); err != nil {
			break
		}
		if _, err = d.take(size); err != nil {
			break
		}
		n += size
	}
	d.off = at
	return n
}

// open notes that a list, map or object begins at start; close that it has ended.
func (d *Decoder) open(start int) int {
	if start < d.mark {
		return -1 // it is read again
	}
	d.mark = start + 1
	d.refs = append(d.refs, ref{start: start})
	return len(d.refs) - 1
}

func (d *Decoder) close(r int) {
	if r >= 0 {
		d.refs[r].end = d.off
	}
}

// follow reads a reference and goes to where its value begins. It returns where to go on.
func (d *Decoder) follow() (back int, err error) {
	start := d.off
	d.off++
	n, err := d.integer()
	if err != nil {
		return 0, err
	}
	if n < 0 || n >= int64(len(d.refs)) {
		return 0, wire.Errorf(start, wire.ErrInvalid, "a reference to value %d of %d", n, len(d.refs))
	}
	r := d.refs[n]
	if r.end == 0 || start >= r.start && start < r.end {
		return 0, wire.Errorf(start, wire.ErrInvalid, "a cycle: a reference to the value that began at byte %d", r.start)
	}
	most := maxCopied + min(maxCopiedX*len(d.src), maxCopiedAll)
	if d.copied += refCost + r.end - r.start; d.copied > most {
		return 0, wire.Errorf(start, wire.ErrTooLarge, "references repeat more than %d bytes", most)
	}
	back, d.off = d.off, r.start
	return back, nil
}

// typeName reads the type of a list or map.
func (d *Decoder) typeName() (string, error) {
	start := d.off
	f, err := d.peek()
	if err != nil {
		return "", err
	}
	if f == formInt {
		n, err := d.integer()
		if err == nil && (n < 0 || n >= int64(len(d.types))) {
			err = wire.Errorf(start, wire.ErrInvalid, "type %d of %d", n, len(d.types))
		}
		if err != nil {
			return "", err
		}
		return d.types[n], nil
	}
	name, err := d.text()
	if err != nil || start < d.mark {
		return name, err
	}
	if len(d.types) == maxClasses {
		return "", wire.Errorf(start, wire.ErrTooLarge, "more than %d types", maxClasses)
	}
	d.mark = start + 1
	d.types = append(d.types, name)
	return name, nil
}

// class reads a class definition.
func (d *Decoder) class() error {
	start := d.off
	d.off++
	name, err := d.text()
	if err != nil {
		return err
	}
	n, err := d.count("fields")
	switch {
	case err != nil:
		return err
	case n > maxFields:
		return wire.Errorf(start, wire.ErrTooLarge, "a class with %d fields, at most %d are accepted", n, maxFields)
	}
	c := &definition{name: name, fields: make([]string, n)}
	for i := range c.fields {
		if c.fields[i], err = d.text(); err != nil {
			return err
		}
	}
	if start < d.mark {
		return nil // it is read again
	}
	if len(d.classes) == maxClasses {
		return wire.Errorf(start, wire.ErrTooLarge, "more than %d class definitions", maxClasses)
	}
	d.mark = start + 1
	d.classes = append(d.classes, c)
	return nil
}

// object reads the beginning of an object, and the definitions before it.
func (d *Decoder) object() (c *definition, r int, err error) {
	start := d.off
	tag := d.src[d.off]
	d.off++
	n := int64(tag) - 0x60
	if tag == tagObject {
		if n, err = d.integer(); err != nil {
			return nil, 0, err
		}
	}
	if n < 0 || n >= int64(len(d.classes)) {
		return nil, 0, wire.Errorf(start, wire.ErrInvalid, "an object of class %d of %d", n, len(d.classes))
	}
	return d.classes[n], d.open(start), nil
}

// definitions reads the class definitions before an object, and returns the form of what follows.
func (d *Decoder) definitions() (form, error) {
	f, err := d.peek()
	for err == nil && f == formClass {
		if err = d.class(); err == nil {
			if f, err = d.peek(); err == nil && f != formClass && f != formObject {
				err = d.want("an object after its class", f)
			}
		}
	}
	return f, err
}

// list reads the beginning of a list. n is -1 if the end says how many elements it has.
func (d *Decoder) list() (typ string, n, r int, err error) {
	tag := d.src[d.off]
	r = d.open(d.off)
	d.off++
	n = -1
	switch {
	case tag >= 0x78:
		n = int(tag) - 0x78
	case tag >= 0x70:
		n = int(tag) - 0x70
		typ, err = d.typeName()
	case tag == tagListOpen:
		typ, err = d.typeName()
	case tag == tagListTyped:
		if typ, err = d.typeName(); err == nil {
			n, err = d.count("elements")
		}
	case tag == tagUntyped:
		n, err = d.count("elements")
	}
	return typ, n, r, err
}

// more reports whether element i of a list or map follows, and reads its end. n is -1 if it is the end that says so.
func (d *Decoder) more(i, n int) (bool, error) {
	if n >= 0 {
		return i < n, nil
	}
	if d.off >= len(d.src) {
		return false, wire.Truncated(d.off)
	}
	if d.src[d.off] == tagEnd {
		d.off++
		return false, nil
	}
	return true, nil
}

// mapStart reads the beginning of a map.
func (d *Decoder) mapStart() (typ string, r int, err error) {
	tag := d.src[d.off]
	r = d.open(d.off)
	d.off++
	if tag == tagMap {
		typ, err = d.typeName()
	}
	return typ, r, err
}

// Value reads a value of type t into the memory at v, and reports whether it was not null: if it was, the memory is as before.
func (d *Decoder) Value(t *plan.Type, v mem.Pointer) (bool, error) {
	if d.off < len(d.src) && d.src[d.off] != tagNull {
		t.Zero(v)
	}
	return d.value(t, v, wire.MaxDepth)
}

// value is Value for memory that is zero.
func (d *Decoder) value(t *plan.Type, v mem.Pointer, depth int) (bool, error) {
	f, err := d.definitions()
	switch {
	case err != nil:
		return false, err
	case f == formNull:
		d.off++
		return false, nil
	case f == formReference:
		if depth == 0 {
			return false, wire.TooDeep(d.off)
		}
		back, err := d.follow()
		if err == nil {
			_, err = d.value(t, v, depth-1)
		}
		d.off = back
		return true, err
	}
	switch t.Op {
	case plan.OpBool:
		*mem.As[bool](v), err = d.boolean()
	case plan.OpI8:
		var n int64
		n, err = d.fitting(schema.KindI8)
		*mem.As[int8](v) = int8(n)
	case plan.OpI16:
		var n int64
		n, err = d.fitting(schema.KindI16)
		*mem.As[int16](v) = int16(n)
	case plan.OpI32:
		var n int64
		if t.Schema.Kind == schema.KindEnum {
			n, err = d.enum(t.Schema.Enum, f, depth)
		} else {
			n, err = d.fitting(schema.KindI32)
		}
		*mem.As[int32](v) = int32(n)
	case plan.OpI64:
		*mem.As[int64](v), err = d.long(f)
	case plan.OpDouble:
		*mem.As[float64](v), err = d.double()
	case plan.OpString:
		*mem.As[string](v), err = d.text()
	case plan.OpBytes:
		*mem.As[[]byte](v), err = d.bytes()
	case plan.OpUUID:
		*mem.As[[16]byte](v), err = d.uuid(f, depth)
	case plan.OpPointer:
		elem := d.slab.New(t.Elem)
		v.Store(elem)
		_, err = d.value(t.Elem, elem, depth)
	case plan.OpStruct:
		err = d.structure(t.Struct, v, f, depth)
	case plan.OpSlice:
		err = d.slice(t, v, f, depth)
	case plan.OpSetMap:
		err = d.setMap(t, v, f, depth)
	case plan.OpMap, plan.OpEntries:
		err = d.mapOf(t, v, f, depth)
	default:
		var x dynamic.Value
		if x, err = d.dynamic(t.Schema, depth); err == nil {
			t.SetValue(v, x)
		}
	}
	return true, err
}

// element is value for what may not be null.
func (d *Decoder) element(t *plan.Type, v mem.Pointer, depth int) error {
	at := d.off
	ok, err := d.value(t, v, depth)
	if err == nil && !ok {
		err = nullElement(at)
	}
	return err
}

func nullElement(at int) error {
	return wire.Errorf(at, wire.ErrInvalid, "null in a list, set or map, which Thrift has no form for")
}

// fitting reads an integer that must fit k.
func (d *Decoder) fitting(k schema.Kind) (int64, error) {
	at := d.off
	n, err := d.integer()
	if err != nil {
		return 0, err
	}
	if k == schema.KindI8 && n != int64(int8(n)) || k == schema.KindI16 && n != int64(int16(n)) || k == schema.KindI32 && n != int64(int32(n)) {
		return 0, wire.Errorf(at, wire.ErrInvalid, "%d does not fit %s", n, k)
	}
	return n, nil
}

// long reads an integer, or a date in milliseconds.
func (d *Decoder) long(f form) (int64, error) {
	if f == formDate {
		return d.millis()
	}
	return d.integer()
}

// enum reads a value of an enum: an object with a name, the name, or the number.
func (d *Decoder) enum(desc *schema.Enum, f form, depth int) (int64, error) {
	at := d.off
	var name string
	var err error
	switch f {
	case formInt, formLong:
		return d.fitting(schema.KindI32)
	case formString:
		name, err = d.text()
	case formObject, formMap:
		err = d.strings(f, depth, func(field string) error {
			if field == "name" {
				name, err = d.text()
				return err
			}
			return d.skip(depth - 1)
		})
	default:
		err = d.want("a value of "+desc.Name, f)
	}
	if err != nil {
		return 0, err
	}
	for _, v := range desc.Values {
		if v.Name == name {
			return int64(v.Number), nil
		}
	}
	return 0, wire.Errorf(at, wire.ErrInvalid, "enum %s has no value %.60q", desc.Name, name)
}

// strings reads an object, or a map whose keys are strings, and calls each before each field or value, which it reads. Other keys are
// skipped with their values.
func (d *Decoder) strings(f form, depth int, each func(name string) error) error {
	if depth == 0 {
		return wire.TooDeep(d.off)
	}
	if f == formObject {
		c, r, err := d.object()
		if err != nil {
			return err
		}
		for _, name := range c.fields {
			if err := each(name); err != nil {
				return err
			}
		}
		d.close(r)
		return nil
	}
	_, r, err := d.mapStart()
	if err != nil {
		return err
	}
	for {
		more, err := d.more(0, -1)
		if err != nil {
			return err
		}
		if !more {
			d.close(r)
			return nil
		}
		key, err := d.peek()
		if err != nil {
			return err
		}
		if key != formString {
			if err = d.skip(depth - 1); err == nil {
				err = d.skip(depth - 1)
			}
		} else {
			var name string
			if name, err = d.text(); err == nil {
				err = each(name)
			}
		}
		if err != nil {
			return err
		}
	}
}

// uuid reads a java.util.UUID, or its text form.
func (d *Decoder) uuid(f form, depth int) (id [16]byte, err error) {
	at := d.off
	switch f {
	case formString:
		return d.uuidText()
	case formObject, formMap:
		halves := 0
		err = d.strings(f, depth, func(name string) error {
			half := id[:8]
			switch name {
			case uuidText:
				halves = 2
				id, err = d.uuidText()
				return err
			case uuidLow:
				half = id[8:]
			case uuidHigh:
			default:
				return d.skip(depth - 1)
			}
			halves++
			n, err := d.integer()
			binary.BigEndian.PutUint64(half, uint64(n))
			return err
		})
		if err == nil && halves != 2 {
			err = wire.Errorf(at, wire.ErrInvalid, "a uuid without a value")
		}
		return id, err
	}
	return id, d.want("a uuid", f)
}

func (d *Decoder) uuidText() (id [16]byte, err error) {
	at := d.off
	text, err := d.text()
	if err != nil {
		return id, err
	}
	v, err := dynamic.ParseUUID(text)
	if err != nil {
		return id, wire.Errorf(at, wire.ErrInvalid, "%.60q is not a uuid", text)
	}
	return v.UUID(), nil
}

// mappingFor returns which fields of desc the fields of c are.
func (c *definition) mappingFor(desc *schema.Struct) []int {
	for i := range c.mappings {
		if c.mappings[i].desc == desc {
			return c.mappings[i].index
		}
	}
	m := mapping{desc, make([]int, len(c.fields))}
	of := classOf(desc)
	for i, name := range c.fields {
		m.index[i] = of.index(name)
	}
	c.mappings = append(c.mappings, m)
	return m.index
}

// fields reads the fields of an object or a map that stands for desc. read reads the one with an index of desc.Fields.
func (d *Decoder) fields(desc *schema.Struct, f form, depth int, read func(i int) error) error {
	switch {
	case depth == 0:
		return wire.TooDeep(d.off)
	case f == formMap:
		of := classOf(desc)
		return d.strings(f, depth, func(name string) error {
			if i := of.index(name); i >= 0 {
				return read(i)
			}
			return d.skip(depth - 1)
		})
	case f != formObject:
		return d.want(desc.Kind.String()+" "+desc.Name, f)
	}
	c, r, err := d.object()
	if err != nil {
		return err
	}
	for _, i := range c.mappingFor(desc) {
		if i < 0 {
			err = d.skip(depth - 1)
		} else {
			err = read(i)
		}
		if err != nil {
			return err
		}
	}
	d.close(r)
	return nil
}

func (d *Decoder) structure(s *plan.Struct, v mem.Pointer, f form, depth int) error {
	var seen plan.Seen
	var read plan.Seen
	err := d.fields(s.Schema, f, depth, func(i int) error {
		desc := s.Schema.Fields[i]
		at := d.off
		if !read.Add(i) {
			return wire.InField(twice(at), s.Schema.Name, desc.Name, desc.ID)
		}
		p := s.Index(desc.ID)
		if p < 0 {
			return d.skip(depth - 1)
		}
		f := &s.Fields[p]
		set, err := d.value(f.Type, v.Add(f.Offset), depth-1)
		if err != nil {
			return wire.InField(err, s.Schema.Name, desc.Name, desc.ID)
		}
		if set {
			seen.Add(p)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.Finish(v, &seen, d.off)
}

func twice(at int) error { return wire.Errorf(at, wire.ErrInvalid, "the field is there twice") }

func (d *Decoder) slice(t *plan.Type, v mem.Pointer, f form, depth int) error {
	switch {
	case f != formList:
		return d.want("a list", f)
	case depth == 0:
		return wire.TooDeep(d.off)
	}
	_, n, r, err := d.list()
	if err != nil {
		return err
	}
	have, data := 0, mem.Pointer{}
	i := 0
	for ; ; i++ {
		more, err := d.more(i, n)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		switch {
		case have == 0:
			have = 4
			if n >= 0 {
				have = thriftimpl.Room(n, t.Elem.Size, len(d.src)-d.off)
			}
			data = d.slab.Values(t.Elem, have)
			v.SetSlice(data, have)
		case i == have:
			most := n
			if n < 0 {
				most = math.MaxInt
			}
			have, data = plan.GrowSlice(v, t, most)
		}
		if err := d.element(t.Elem, data.Add(uintptr(i)*t.Elem.Size), depth-1); err != nil {
			return wire.InElement(err, i, "")
		}
	}
	if i == 0 {
		v.SetEmptySlice()
	} else {
		v.SetSlice(data, i)
	}
	d.close(r)
	return nil
}

func (d *Decoder) setMap(t *plan.Type, v mem.Pointer, f form, depth int) error {
	switch {
	case f != formList:
		return d.want("a list", f)
	case depth == 0:
		return wire.TooDeep(d.off)
	}
	_, n, r, err := d.list()
	if err != nil {
		return err
	}
	m := reflect.MakeMap(t.Go)
	v.Value(t.Go).Set(m)
	present := reflect.Zero(t.Go.Elem())
	for i := 0; ; i++ {
		more, err := d.more(i, n)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		key := reflect.New(t.Elem.Go)
		if err := d.element(t.Elem, mem.Of(key), depth-1); err != nil {
			return wire.InElement(err, i, "")
		}
		m.SetMapIndex(key.Elem(), present)
	}
	d.close(r)
	return nil
}

func (d *Decoder) mapOf(t *plan.Type, v mem.Pointer, f form, depth int) error {
	switch {
	case f != formMap:
		return d.want("a map", f)
	case depth == 0:
		return wire.TooDeep(d.off)
	}
	_, r, err := d.mapStart()
	if err == nil {
		err = d.entries(t, v, depth-1)
	}
	if err == nil {
		d.close(r)
	}
	return err
}

func (d *Decoder) entries(t *plan.Type, v mem.Pointer, depth int) error {
	if t.Op == plan.OpMap {
		switch t.Map {
		case plan.MapStringString:
			return readEntries[string, string](d, t, v, depth)
		case plan.MapStringI32:
			return readEntries[string, int32](d, t, v, depth)
		case plan.MapStringI64:
			return readEntries[string, int64](d, t, v, depth)
		case plan.MapStringDouble:
			return readEntries[string, float64](d, t, v, depth)
		case plan.MapStringPointer:
			return readEntries[string, mem.Pointer](d, t, v, depth)
		case plan.MapI32String:
			return readEntries[int32, string](d, t, v, depth)
		case plan.MapI32Pointer:
			return readEntries[int32, mem.Pointer](d, t, v, depth)
		case plan.MapI64String:
			return readEntries[int64, string](d, t, v, depth)
		case plan.MapI64I64:
			return readEntries[int64, int64](d, t, v, depth)
		case plan.MapI64Pointer:
			return readEntries[int64, mem.Pointer](d, t, v, depth)
		}
	}
	to := v.Value(t.Go)
	if t.Op == plan.OpMap {
		to.Set(reflect.MakeMap(t.Go))
	} else {
		v.SetEmptySlice()
	}
	have := 0
	for i := 0; ; i++ {
		more, err := d.more(i, -1)
		if err != nil {
			return err
		}
		if !more {
			if t.Op == plan.OpEntries && i > 0 {
				v.SetSlice(v.SliceData(), i)
			}
			return nil
		}
		if t.Op == plan.OpMap {
			key, elem := reflect.New(t.Key.Go), reflect.New(t.Elem.Go)
			if err := d.entry(t, mem.Of(key), mem.Of(elem), i, depth); err != nil {
				return err
			}
			to.SetMapIndex(key.Elem(), elem.Elem())
			continue
		}
		if i == have {
			have, _ = plan.GrowSlice(v, t, math.MaxInt)
		}
		at := v.SliceData().Add(uintptr(i) * t.Entry.Size)
		if err := d.entry(t, at.Add(t.KeyAt), at.Add(t.ValueAt), i, depth); err != nil {
			return err
		}
	}
}

func (d *Decoder) entry(t *plan.Type, key, elem mem.Pointer, i, depth int) error {
	if err := d.element(t.Key, key, depth); err != nil {
		return wire.InElement(err, i, "key")
	}
	if err := d.element(t.Elem, elem, depth); err != nil {
		return wire.InElement(err, i, "value")
	}
	return nil
}

func readEntries[K comparable, V any](d *Decoder, t *plan.Type, v mem.Pointer, depth int) error {
	m := make(map[K]V)
	*mem.As[map[K]V](v) = m
	x := new(struct {
		key  K
		elem V
	})
	for i := 0; ; i++ {
		more, err := d.more(i, -1)
		if err != nil || !more {
			return err
		}
		var key K
		var elem V
		x.key, x.elem = key, elem
		if err := d.entry(t, mem.To(&x.key), mem.To(&x.elem), i, depth); err != nil {
			return err
		}
		m[x.key] = x.elem
	}
}

// skip reads a value and forgets it. References in it may lead anywhere.
func (d *Decoder) skip(depth int) error {
	f, err := d.definitions()
	if err != nil {
		return err
	}
	switch f {
	case formNull, formBool:
		d.off++
	case formInt, formLong:
		_, err = d.integer()
	case formDouble:
		_, err = d.double()
	case formDate:
		_, err = d.millis()
	case formString:
		_, err = d.text()
	case formBinary:
		_, err = d.bytes()
	case formReference:
		at := d.off
		d.off++
		var n int64
		if n, err = d.integer(); err == nil && (n < 0 || n >= int64(len(d.refs))) {
			err = wire.Errorf(at, wire.ErrInvalid, "a reference to value %d of %d", n, len(d.refs))
		}
	case formEnd:
		return d.want("a value", f)
	default:
		return d.skipComposite(f, depth)
	}
	return err
}

func (d *Decoder) skipComposite(f form, depth int) error {
	if depth <= 0 {
		return wire.TooDeep(d.off)
	}
	var n, r int
	var err error
	switch f {
	case formObject:
		var c *definition
		if c, r, err = d.object(); err == nil {
			n = len(c.fields)
		}
	case formMap:
		n = -1
		_, r, err = d.mapStart()
	case formList:
		_, n, r, err = d.list()
	}
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		more, err := d.more(i, n)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if err = d.skip(depth - 1); err == nil && f == formMap {
			err = d.skip(depth - 1)
		}
		if err != nil {
			return err
		}
	}
	d.close(r)
	return nil
}
