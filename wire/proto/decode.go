package proto

import (
	"encoding/binary"
	"reflect"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/internal/protomap"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// A decoder reads one message.
type decoder struct {
	src  []byte
	slab plan.Slab
}

// message reads the fields between off and end into the struct at v. depth is how many more levels may open.
func (d *decoder) message(off, end int, c *value, v mem.Pointer, depth int) error {
	switch c.op {
	case plan.OpStruct:
		return d.structure(off, end, c.st, v, depth)
	case plan.OpPointer:
		elem := v.Load()
		if elem.IsNil() {
			elem = d.slab.New(c.elem.t)
			v.Store(elem)
		}
		return d.message(off, end, c.elem, elem, depth)
	}
	s, err := d.fields(off, end, c.m.Struct, depth)
	if err == nil {
		c.t.SetValue(v, dynamic.StructValue(s))
	}
	return err
}

func (d *decoder) structure(off, end int, s *structure, v mem.Pointer, depth int) error {
	if depth == 0 {
		return wire.TooDeep(off)
	}
	src := d.src
	var seen plan.Seen
	next, member := 0, -1
	for off < end {
		at := off
		tag, body, err := consumeTag(src, off, end)
		if err != nil {
			return err
		}
		if next >= len(s.fields) || s.fields[next].tag != tag {
			next = s.index(int32(tag >> 3))
			if next < 0 {
				next = 0
				if off, err = skip(src, body, end, tag, depth-1); err != nil {
					return err
				}
				continue
			}
		}
		f := &s.fields[next]
		to := v.Add(f.offset)
		if f.repeated {
			seen.Add(int(f.plan.Schema.Index))
			if f.indirect {
				to = d.pointee(f, to)
			}
			if off, err = d.repeated(body, end, tag, f.value, to, depth); err != nil {
				return wire.InField(err, s.plan.Schema.Name, f.plan.Schema.Name, f.plan.ID)
			}
			next++
			continue
		}
		if tag != f.tag { // another wire type: an unknown field
			if off, err = skip(src, body, end, tag, depth-1); err != nil {
				return err
			}
			continue
		}
		if s.plan.Union {
			if member >= 0 && member != next { // the last one counts
				old := &s.fields[member]
				old.plan.Type.Zero(v.Add(old.offset))
			}
			member = next
		}
		if !seen.Add(f.plan.Schema.Index) {
			if f.value.kind == protomap.Message || f.value.wrapped() {
				return wire.InField(secondRecord(at), s.plan.Schema.Name, f.plan.Schema.Name, f.plan.ID)
			}
		}
		if f.indirect {
			to = d.pointee(f, to)
		}
		if off, err = d.single(body, end, f.value, to, depth); err != nil {
			return wire.InField(err, s.plan.Schema.Name, f.plan.Schema.Name, f.plan.ID)
		}
		next++
	}
	if s.check {
		return s.finish(v, &seen, end)
	}
	return nil
}

// pointee returns where the value of a field is to which the field at v points.
func (d *decoder) pointee(f *field, v mem.Pointer) mem.Pointer {
	p := v.Load()
	if p.IsNil() {
		p = d.slab.New(f.value.t)
		v.Store(p)
	}
	return p
}

// finish looks after the fields that were absent.
func (s *structure) finish(v mem.Pointer, seen *plan.Seen, off int) error {
	for i := range s.fields {
		f := &s.fields[i]
		desc := f.plan.Schema
		if s.plan.Union || !seen.Add(desc.Index) {
			continue
		}
		switch {
		case f.repeated:
			if desc.Requiredness != schema.Optional {
				f.setZero(v)
			}
		case !f.presence:
			f.setZero(v)
		case desc.Default != nil:
			plan.Assign(f.plan.Type, v.Add(f.offset), dynamic.FromLiteral(desc.Default))
		case desc.Requiredness == schema.Required:
			return thriftimpl.Missing(off, s.plan.Schema.Name, desc.Name, desc.ID)
		}
	}
	return nil
}

// zero returns the value of an absent field without presence. The zero of an enum is 0, also where the enum
// does not name it.
func zero(t *schema.Type) dynamic.Value {
	if t.Kind == schema.KindEnum {
		return dynamic.Enum(0)
	}
	return dynamic.Zero(t)
}

// setZero makes a field count as set.
func (f *field) setZero(v mem.Pointer) {
	if !f.always {
		plan.Assign(f.plan.Type, v.Add(f.offset), zero(f.plan.Schema.Type))
	}
}

// secondRecord returns the error for a field of a message that comes twice. Libraries of protobuf merge the
// two; nothing writes such messages.
func secondRecord(off int) error {
	return wire.Errorf(off, wire.ErrInvalid, "a second record of a field that is one message")
}

// number reads a number of that kind.
func (d *decoder) number(off, end int, kind protomap.Kind) (uint64, int, error) {
	switch kind {
	case protomap.Sfixed32:
		if end-off < 4 {
			return 0, off, wire.Truncated(end)
		}
		return uint64(int32(binary.LittleEndian.Uint32(d.src[off:]))), off + 4, nil
	case protomap.Sfixed64, protomap.Double:
		if end-off < 8 {
			return 0, off, wire.Truncated(end)
		}
		return binary.LittleEndian.Uint64(d.src[off:]), off + 8, nil
	}
	x, next, err := consumeVarint(d.src, off, end)
	switch kind {
	case protomap.Bool:
		if x != 0 {
			x = 1
		}
	case protomap.Int32, protomap.Enum:
		x = uint64(int32(x))
	case protomap.Sint32:
		x = uint64(int32(uint32(x)>>1) ^ -int32(x&1))
	case protomap.Sint64:
		x = x>>1 ^ -(x & 1)
	}
	return x, next, err
}

// fits returns an error if a number is out of the range of k.
func fits(off int, k schema.Kind, x uint64) error {
	if k == schema.KindI8 && int64(x) != int64(int8(x)) || k == schema.KindI16 && int64(x) != int64(int16(x)) {
		return wire.Errorf(off, wire.ErrInvalid, "%d does not fit %s", int64(x), k)
	}
	return nil
}

func store(op plan.Op, v mem.Pointer, x uint64) {
	switch op {
	case plan.OpBool:
		*mem.As[bool](v) = x != 0
	case plan.OpI8:
		*mem.As[int8](v) = int8(x)
	case plan.OpI16:
		*mem.As[int16](v) = int16(x)
	case plan.OpI32:
		*mem.As[int32](v) = int32(x)
	default:
		*mem.As[uint64](v) = x
	}
}

// text reads a string or bytes.
func (d *decoder) text(off, end int, kind protomap.Kind) ([]byte, int, error) {
	start, stop, err := consumeLength(d.src, off, end)
	if err != nil {
		return nil, off, err
	}
	b := d.src[start:stop:stop]
	if kind == protomap.String && !utf8.Valid(b) {
		return nil, off, wire.Errorf(start, wire.ErrInvalid, "a string that is not UTF-8")
	}
	return b, stop, nil
}

func (d *decoder) uuid(off, end int, kind protomap.Kind) (id [16]byte, next int, err error) {
	b, next, err := d.text(off, end, kind)
	switch {
	case err != nil || len(b) == 0:
		return id, next, err
	case kind == protomap.String:
		v, err := dynamic.ParseUUID(string(b))
		if err != nil {
			return id, off, wire.Errorf(off, wire.ErrInvalid, "%q is not a uuid", b)
		}
		return v.UUID(), next, nil
	case len(b) != 16:
		return id, off, wire.Errorf(off, wire.ErrInvalid, "a uuid of %s, want 16", plural.Of(len(b), "byte"))
	}
	return [16]byte(b), next, nil
}

// single reads one value into the memory at v, which is zero.
func (d *decoder) single(off, end int, c *value, v mem.Pointer, depth int) (int, error) {
	if c.wrapped() || c.kind == protomap.Message {
		start, stop, err := consumeLength(d.src, off, end)
		if err != nil {
			return off, err
		}
		if c.wrapped() {
			return stop, d.wrapper(start, stop, c, v, depth-1)
		}
		return stop, d.message(start, stop, c, v, depth-1)
	}
	switch c.op {
	case plan.OpPointer:
		elem := d.slab.New(c.elem.t)
		v.Store(elem)
		return d.single(off, end, c.elem, elem, depth)
	case plan.OpString:
		b, next, err := d.text(off, end, c.kind)
		*mem.As[string](v) = mem.String(b)
		return next, err
	case plan.OpBytes:
		b, next, err := d.text(off, end, c.kind)
		*mem.As[[]byte](v) = b
		return next, err
	case plan.OpUUID:
		id, next, err := d.uuid(off, end, c.kind)
		*mem.As[[16]byte](v) = id
		return next, err
	}
	if c.op < plan.OpString {
		x, next, err := d.number(off, end, c.kind)
		if err == nil {
			err = fits(off, c.t.Schema.Kind, x)
		}
		store(c.op, v, x)
		return next, err
	}
	x, next, err := d.dynamic(off, end, c.m, depth)
	if err == nil {
		c.t.SetValue(v, x)
	}
	return next, err
}

// wrapper reads the message with one field, number 1, that a value of c has around it.
func (d *decoder) wrapper(off, end int, c *value, v mem.Pointer, depth int) error {
	if depth <= 0 {
		return wire.TooDeep(off)
	}
	if c.t.IsDynamic() {
		x, err := d.dynamicWrapper(off, end, c.m, depth)
		if err == nil {
			c.t.SetValue(v, x)
		}
		return err
	}
	if c.op == plan.OpPointer {
		elem := d.slab.New(c.elem.t)
		v.Store(elem)
		return d.wrapper(off, end, c.elem, elem, depth)
	}
	if c.op == plan.OpSlice && v.SliceIsNil() {
		v.SetEmptySlice()
	}
	seen := false
	for off < end {
		tag, body, err := consumeTag(d.src, off, end)
		if err != nil {
			return err
		}
		switch {
		case tag>>3 != 1 || c.form == protomap.Single && tag&7 != c.kind.WireType():
			off, err = skip(d.src, body, end, tag, depth-1)
		case c.form != protomap.Single:
			off, err = d.repeated(body, end, tag, c, v, depth)
		default:
			if seen && c.kind == protomap.Message {
				return secondRecord(off)
			}
			seen = true
			off, err = d.single(body, end, c, v, depth)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// repeated reads the record whose tag ends at off, and those with the same tag that follow it, into the list or map at v.
func (d *decoder) repeated(off, end int, tag uint64, c *value, v mem.Pointer, depth int) (int, error) {
	switch c.op {
	case plan.OpPointer:
		elem := v.Load()
		if elem.IsNil() {
			elem = d.slab.New(c.elem.t)
			v.Store(elem)
		}
		return d.repeated(off, end, tag, c.elem, elem, depth)
	case plan.OpSlice:
		return d.slice(off, end, tag, c, v, depth)
	case plan.OpSetMap:
		return d.setMap(off, end, tag, c, v, depth)
	case plan.OpMap, plan.OpEntries:
		return d.mapOf(off, end, tag, c, v, depth)
	}
	var acc accumulator
	if err := acc.load(c, v); err != nil {
		return off, err
	}
	off, err := d.records(off, end, tag, c.m, &acc, depth)
	if err == nil {
		c.t.SetValue(v, acc.value(c.m))
	}
	return off, err
}

// same returns the offset after the tag at off, if that is tag.
func (d *decoder) same(off, end int, tag uint64) (int, bool) {
	if off >= end {
		return off, false
	}
	t, next, err := consumeVarint(d.src, off, end)
	return next, err == nil && t == tag
}

// count returns how many records with that tag follow one another, of which the first has its tag before off.
func (d *decoder) count(off, end int, tag uint64) int {
	for n := 1; ; n++ {
		_, stop, err := consumeLength(d.src, off, end)
		if err != nil {
			return n
		}
		next, ok := d.same(stop, end, tag)
		if !ok {
			return n
		}
		off = next
	}
}

// extend makes the slice at v longer by n and returns where the new elements begin.
func extend(v mem.Pointer, t *plan.Type, n int) mem.Pointer {
	have := v.SliceLen()
	switch t.Elem.Op {
	case plan.OpPointer:
		s := mem.As[[]mem.Pointer](v)
		*s = append(*s, make([]mem.Pointer, n)...)
	case plan.OpString:
		s := mem.As[[]string](v)
		*s = append(*s, make([]string, n)...)
	case plan.OpI32:
		s := mem.As[[]uint32](v)
		*s = append(*s, make([]uint32, n)...)
	case plan.OpI64, plan.OpDouble:
		s := mem.As[[]uint64](v)
		*s = append(*s, make([]uint64, n)...)
	default:
		rv := v.Value(t.Go)
		rv.Grow(n)
		rv.SetLen(have + n)
	}
	return v.SliceData().Add(uintptr(have) * t.Elem.Size)
}

const runMost = 1 << 10 // elements that are made at once

func (d *decoder) slice(off, end int, tag uint64, c *value, v mem.Pointer, depth int) (int, error) {
	e := c.elem
	if v.SliceIsNil() {
		v.SetEmptySlice()
	}
	if e.form == protomap.Single && e.kind.IsPacked() {
		return d.numbers(off, end, tag, c, v, depth)
	}
	if tag&7 != wireBytes {
		return skip(d.src, off, end, tag, depth-1)
	}
	left := d.count(off, end, tag)
	base := v.SliceLen()
	for i := 0; left > 0; {
		n := min(left, runMost)
		left -= n
		at := extend(v, c.t, n)
		for j := range n {
			if i > 0 {
				off, _ = d.same(off, end, tag)
			}
			var err error
			if off, err = d.single(off, end, e, at.Add(uintptr(j)*e.t.Size), depth); err != nil {
				return off, wire.InElement(err, base+i, "")
			}
			i++
		}
	}
	return off, nil
}

// numbers reads a list of numbers, packed or not.
func (d *decoder) numbers(off, end int, tag uint64, c *value, v mem.Pointer, depth int) (int, error) {
	e := c.elem
	base := v.SliceLen()
	if tag&7 == e.kind.WireType() {
		at := extend(v, c.t, 1)
		next, err := d.single(off, end, e, at, depth)
		if err != nil {
			return off, wire.InElement(err, base, "")
		}
		return next, nil
	}
	if tag&7 != wireBytes {
		return skip(d.src, off, end, tag, depth-1)
	}
	start, stop, err := consumeLength(d.src, off, end)
	if err != nil {
		return off, err
	}
	n := countNumbers(d.src[start:stop], e.kind)
	at := extend(v, c.t, n)
	off = start
	for i := range n {
		var next int
		to := at.Add(uintptr(i) * e.t.Size)
		if e.op < plan.OpString {
			var x uint64
			if x, next, err = d.number(off, stop, e.kind); err == nil {
				err = fits(off, e.t.Schema.Kind, x)
			}
			store(e.op, to, x)
		} else {
			next, err = d.single(off, stop, e, to, depth)
		}
		if err != nil {
			return off, wire.InElement(err, base+i, "")
		}
		off = next
	}
	if off != stop {
		return off, wire.Truncated(stop)
	}
	return stop, nil
}

// countNumbers returns how many numbers are in a packed record.
func countNumbers(b []byte, kind protomap.Kind) int {
	switch kind.WireType() {
	case wire32:
		return len(b) / 4
	case wire64:
		return len(b) / 8
	}
	n := 0
	for _, x := range b {
		n += int(^x >> 7)
	}
	return n
}

func (d *decoder) setMap(off, end int, tag uint64, c *value, v mem.Pointer, depth int) (int, error) {
	m := v.Value(c.t.Go)
	if m.IsNil() {
		m.Set(reflect.MakeMap(c.t.Go))
	}
	e := c.elem
	key, present := reflect.New(e.t.Go), reflect.Zero(c.t.Go.Elem())
	add := func(off, end int) (int, error) {
		key.Elem().SetZero()
		next, err := d.single(off, end, e, mem.Of(key), depth)
		if err != nil {
			return off, wire.InElement(err, m.Len(), "")
		}
		m.SetMapIndex(key.Elem(), present)
		return next, nil
	}
	switch {
	case tag&7 == e.m.WireType():
		return add(off, end)
	case tag&7 != wireBytes || !e.kind.IsPacked():
		return skip(d.src, off, end, tag, depth-1)
	}
	off, stop, err := consumeLength(d.src, off, end)
	for err == nil && off < stop {
		off, err = add(off, stop)
	}
	return off, err
}

func (d *decoder) mapOf(off, end int, tag uint64, c *value, v mem.Pointer, depth int) (int, error) {
	if tag&7 != wireBytes {
		return skip(d.src, off, end, tag, depth-1)
	}
	n := d.count(off, end, tag)
	if c.op == plan.OpMap {
		switch c.t.Map {
		case plan.MapStringString:
			return entriesOf[string, string](d, off, end, n, tag, c, v, depth)
		case plan.MapStringI32:
			return entriesOf[string, int32](d, off, end, n, tag, c, v, depth)
		case plan.MapStringI64:
			return entriesOf[string, int64](d, off, end, n, tag, c, v, depth)
		case plan.MapStringDouble:
			return entriesOf[string, float64](d, off, end, n, tag, c, v, depth)
		case plan.MapI32String:
			return entriesOf[int32, string](d, off, end, n, tag, c, v, depth)
		case plan.MapI64String:
			return entriesOf[int64, string](d, off, end, n, tag, c, v, depth)
		case plan.MapI64I64:
			return entriesOf[int64, int64](d, off, end, n, tag, c, v, depth)
		case plan.MapStringPointer:
			return entriesOf[string, mem.Pointer](d, off, end, n, tag, c, v, depth)
		case plan.MapI32Pointer:
			return entriesOf[int32, mem.Pointer](d, off, end, n, tag, c, v, depth)
		case plan.MapI64Pointer:
			return entriesOf[int64, mem.Pointer](d, off, end, n, tag, c, v, depth)
		}
	}
	to := v.Value(c.t.Go)
	if c.op == plan.OpMap && to.IsNil() {
		to.Set(reflect.MakeMapWithSize(c.t.Go, min(n, runMost)))
	}
	key, elem := reflect.New(c.key.t.Go), reflect.New(c.elem.t.Go)
	for i := range n {
		if i > 0 {
			off, _ = d.same(off, end, tag)
		}
		key.Elem().SetZero()
		elem.Elem().SetZero()
		var err error
		if off, err = d.entry(off, end, c, mem.Of(key), mem.Of(elem), i, depth); err != nil {
			return off, err
		}
		if c.op == plan.OpMap {
			to.SetMapIndex(key.Elem(), elem.Elem())
			continue
		}
		at := extend(v, &plan.Type{Go: c.t.Go, Elem: c.t.Entry, Op: plan.OpSlice}, 1)
		at.Add(c.t.KeyAt).Value(c.key.t.Go).Set(key.Elem())
		at.Add(c.t.ValueAt).Value(c.elem.t.Go).Set(elem.Elem())
	}
	return off, nil
}

func entriesOf[K comparable, V any](d *decoder, off, end, n int, tag uint64, c *value, v mem.Pointer, depth int) (int, error) {
	m := mem.As[map[K]V](v)
	if *m == nil {
		*m = make(map[K]V, min(n, runMost))
	}
	e := new(entry[K, V])
	for i := range n {
		if i > 0 {
			off, _ = d.same(off, end, tag)
		}
		*e = entry[K, V]{}
		var err error
		if off, err = d.entry(off, end, c, mem.To(&e.key), mem.To(&e.elem), i, depth); err != nil {
			return off, err
		}
		(*m)[e.key] = e.elem
	}
	return off, nil
}

// entry reads an entry of a map into a key and an element that are zero.
func (d *decoder) entry(off, end int, c *value, key, elem mem.Pointer, i, depth int) (int, error) {
	off, stop, err := consumeLength(d.src, off, end)
	if err != nil {
		return off, err
	}
	if depth == 0 {
		return off, wire.TooDeep(off)
	}
	haveKey, haveElem := false, false
	for off < stop {
		tag, body, err := consumeTag(d.src, off, stop)
		if err != nil {
			return off, wire.InElement(err, i, "")
		}
		switch {
		case tag == 1<<3|c.key.m.WireType():
			haveKey = true
			if off, err = d.again(body, stop, c.key, key, depth-1); err != nil {
				return off, wire.InElement(err, i, "key")
			}
		case tag == 2<<3|c.elem.m.WireType():
			haveElem = true
			if off, err = d.again(body, stop, c.elem, elem, depth-1); err != nil {
				return off, wire.InElement(err, i, "value")
			}
		default:
			if off, err = skip(d.src, body, stop, tag, depth-1); err != nil {
				return off, err
			}
		}
	}
	if !haveKey {
		err = d.absent(off, c.key, key, depth)
	}
	if !haveElem && err == nil {
		err = d.absent(off, c.elem, elem, depth)
	}
	if err != nil {
		return off, wire.InElement(err, i, "")
	}
	return stop, nil
}

// again reads a value that may be the second one in its place: the last one counts.
func (d *decoder) again(off, end int, c *value, v mem.Pointer, depth int) (int, error) {
	if c.op == plan.OpPointer || c.t.IsDynamic() || c.wrapped() || c.kind == protomap.Message {
		c.t.Zero(v)
	}
	return d.single(off, end, c, v, depth)
}

// absent makes the key or value at v what an entry without one has: an empty message or zero.
func (d *decoder) absent(off int, c *value, v mem.Pointer, depth int) error {
	if c.kind == protomap.Message {
		return d.message(off, off, c, v, depth-1)
	}
	if c.op == plan.OpPointer || c.t.IsDynamic() {
		plan.Assign(c.t, v, zero(c.t.Schema))
	}
	return nil
}
