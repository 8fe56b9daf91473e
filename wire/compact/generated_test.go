package compact_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"testing"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	wirebinary "github.com/thriftkit/thriftkit/wire/binary"
	"github.com/thriftkit/thriftkit/wire/compact"
)

type (
	point struct{ X, Y int32 }
	plain generated // the same fields without the methods
)

// generated is what a generator would write for the struct Parcel.
type generated struct {
	ID      int64
	Note    *string
	Fragile bool
	Weight  float64
	At      *point
	Tags    []string
	Stops   []*point
	Counts  map[string]int32
	Raw     []byte
	Hops    []int64
	Kept    wire.UnknownFields
}

func parcel() *schema.Struct {
	point := schematest.Struct("Point", schematest.Field(1, "x", schematest.I32), schematest.Field(2, "y", schematest.I32))
	weight := schematest.Field(4, "weight", schematest.Double)
	weight.Default = &schema.Literal{Type: schematest.Double, Double: 2.5}
	return schematest.Struct("Parcel",
		schematest.Required(1, "id", schematest.I64), schematest.Optional(2, "note", schematest.String), schematest.Field(3, "fragile", schematest.Bool),
		weight, schematest.Field(5, "at", point.Type()), schematest.Field(6, "tags", schema.ListOf(schematest.String)),
		schematest.Field(7, "stops", schema.ListOf(point.Type())), schematest.Field(8, "counts", schema.MapOf(schematest.String, schematest.I32)),
		schematest.Optional(9, "raw", schematest.Binary), schematest.Field(30, "hops", schema.ListOf(schematest.I64)))
}

var parcelCodec = thriftimpl.CodecOf[generated](parcel)

var pointCodec = &thriftimpl.Codec{Schema: func() *schema.Struct { return parcel().Field("at").Type.Struct }}

func (*generated) ThriftCodec() *thriftimpl.Codec { return parcelCodec }

func (p *point) appendBinary(dst []byte, depth int) ([]byte, error) {
	if depth == 0 {
		return dst, wire.TooDeep(-1)
	}
	dst = wirebinary.AppendI32Field(dst, 1, p.X)
	dst = wirebinary.AppendI32Field(dst, 2, p.Y)
	return append(dst, 0), nil
}

func (p *point) consumeBinary(src []byte, off, depth int) (int, error) {
	if depth == 0 {
		return off, wire.TooDeep(off)
	}
	for {
		head, next := wirebinary.HeadAt(src, off), off+3
		if head < 1<<16 {
			return wirebinary.ConsumeStop(src, off, pointCodec, depth)
		}
		var err error
		switch head {
		case uint32(wire.I32)<<16 | 1:
			p.X, next = wirebinary.I32At(src, next)
		case uint32(wire.I32)<<16 | 2:
			p.Y, next = wirebinary.I32At(src, next)
		default:
			if next, err = wirebinary.SkipField(src, next, head, depth); err != nil {
				return off, err
			}
		}
		if next > len(src) {
			return off, wirebinary.FieldError(nil, pointCodec, head, src)
		}
		off = next
	}
}

func (p *generated) AppendThriftBinary(dst []byte, depth int) ([]byte, error) {
	if depth == 0 {
		return dst, wire.TooDeep(-1)
	}
	var err error
	dst = wirebinary.AppendI64Field(dst, 1, p.ID)
	if p.Note != nil {
		dst = wirebinary.AppendStringField(dst, 2, *p.Note)
	}
	dst = wirebinary.AppendBoolField(dst, 3, p.Fragile)
	dst = wirebinary.AppendDoubleField(dst, 4, p.Weight)
	if p.At != nil {
		dst = wirebinary.AppendFieldHeader(dst, wire.Struct, 5)
		if dst, err = p.At.appendBinary(dst, depth-1); err != nil {
			return dst, wire.InField(err, "Parcel", "at", 5)
		}
	}
	if depth == 1 {
		return dst, wire.InField(wire.TooDeep(-1), "Parcel", "tags", 6)
	}
	dst = wirebinary.AppendFieldHeader(dst, wire.List, 6)
	dst = wirebinary.AppendListHeader(dst, wire.String, len(p.Tags))
	dst = wirebinary.AppendStrings(dst, p.Tags)
	dst = wirebinary.AppendFieldHeader(dst, wire.List, 7)
	dst = wirebinary.AppendListHeader(dst, wire.Struct, len(p.Stops))
	for i, e := range p.Stops {
		if e == nil {
			err = thriftimpl.NilPointer("Point")
		} else {
			dst, err = e.appendBinary(dst, depth-2)
		}
		if err != nil {
			return dst, wire.InField(wire.InElement(err, i, ""), "Parcel", "stops", 7)
		}
	}
	dst = wirebinary.AppendFieldHeader(dst, wire.Map, 8)
	dst = wirebinary.AppendMapHeader(dst, wire.String, wire.I32, len(p.Counts))
	for k, v := range p.Counts {
		dst = wirebinary.AppendString(dst, k)
		dst = binary.BigEndian.AppendUint32(dst, uint32(v))
	}
	if p.Raw != nil {
		dst = wirebinary.AppendBytesField(dst, 9, p.Raw)
	}
	dst = wirebinary.AppendFieldHeader(dst, wire.List, 30)
	dst = wirebinary.AppendListHeader(dst, wire.I64, len(p.Hops))
	dst = wirebinary.AppendI64s(dst, p.Hops)
	dst = append(dst, p.Kept...)
	return append(dst, 0), nil
}

func (p *generated) ConsumeThriftBinary(src []byte, off, depth int) (int, error) {
	if depth == 0 {
		return off, wire.TooDeep(off)
	}
	var seen uint64
	for {
		head, next := wirebinary.HeadAt(src, off), off+3
		if head < 1<<16 {
			next, err := wirebinary.ConsumeStop(src, off, parcelCodec, depth)
			if err != nil {
				return off, err
			}
			if seen&1 == 0 {
				return off, thriftimpl.Missing(off, "Parcel", "id", 1)
			}
			if seen&(1<<3) == 0 {
				p.Weight = 2.5
			}
			return next, nil
		}
		var err error
		switch head {
		case uint32(wire.I64)<<16 | 1:
			seen |= 1
			if p.ID, next, err = wirebinary.ConsumeI64(src, next); err != nil {
				return off, wire.InField(err, "Parcel", "id", 1)
			}
		case uint32(wire.String)<<16 | 2:
			v := new(string)
			if *v, next, err = wirebinary.ConsumeString(src, next); err != nil {
				return off, wire.InField(err, "Parcel", "note", 2)
			}
			p.Note = v
		case uint32(wire.Bool)<<16 | 3:
			if p.Fragile, next, err = wirebinary.ConsumeBool(src, next); err != nil {
				return off, wire.InField(err, "Parcel", "fragile", 3)
			}
		case uint32(wire.Double)<<16 | 4:
			seen |= 1 << 3
			if p.Weight, next, err = wirebinary.ConsumeDouble(src, next); err != nil {
				return off, wire.InField(err, "Parcel", "weight", 4)
			}
		case uint32(wire.Struct)<<16 | 5:
			p.At = new(point)
			if next, err = p.At.consumeBinary(src, next, depth-1); err != nil {
				return off, wire.InField(err, "Parcel", "at", 5)
			}
		case uint32(wire.List)<<16 | 6:
			var n int
			if n, next, err = wirebinary.ConsumeListHeader(src, next, wire.String, depth-1); err == nil {
				p.Tags = make([]string, n)
				next, err = wirebinary.ConsumeStrings(src, next, p.Tags)
			}
			if err != nil {
				return off, wire.InField(err, "Parcel", "tags", 6)
			}
		case uint32(wire.List)<<16 | 7:
			var n int
			if n, next, err = wirebinary.ConsumeListHeader(src, next, wire.Struct, depth-1); err == nil {
				p.Stops = thriftimpl.MakeList[*point](n, len(src)-next)
				for i := 0; i < n && err == nil; i++ {
					e := new(point)
					if next, err = e.consumeBinary(src, next, depth-2); err != nil {
						err = wire.InElement(err, i, "")
					}
					p.Stops = append(p.Stops, e)
				}
			}
			if err != nil {
				return off, wire.InField(err, "Parcel", "stops", 7)
			}
		case uint32(wire.Map)<<16 | 8:
			var n int
			if n, next, err = wirebinary.ConsumeMapHeader(src, next, wire.String, wire.I32, depth-1); err == nil {
				p.Counts = thriftimpl.MakeMap[string, int32](n, len(src)-next)
				for i := 0; i < n && err == nil; i++ {
					var k string
					var v int32
					if k, next, err = wirebinary.ConsumeString(src, next); err != nil {
						err = wire.InElement(err, i, "key")
					} else if v, next, err = wirebinary.ConsumeI32(src, next); err != nil {
						err = wire.InElement(err, i, "value")
					}
					p.Counts[k] = v
				}
			}
			if err != nil {
				return off, wire.InField(err, "Parcel", "counts", 8)
			}
		case uint32(wire.String)<<16 | 9:
			if p.Raw, next, err = wirebinary.ConsumeBytes(src, next); err != nil {
				return off, wire.InField(err, "Parcel", "raw", 9)
			}
		case uint32(wire.List)<<16 | 30:
			var n int
			if n, next, err = wirebinary.ConsumeListHeader(src, next, wire.I64, depth-1); err != nil {
				return off, wire.InField(err, "Parcel", "hops", 30)
			}
			p.Hops = make([]int64, n)
			next = wirebinary.ConsumeI64s(src, next, p.Hops)
		default:
			if next, err = wirebinary.SkipField(src, next, head, depth); err != nil {
				return off, err
			}
			if known(int16(head)) {
				break
			}
			p.Kept = append(p.Kept, src[off:next]...)
		}
		off = next
	}
}

// known reports whether Parcel has a field with that id: one of another type is not kept.
func known(id int16) bool { return id >= 1 && id <= 9 || id == 30 }

func (p *point) appendCompact(dst []byte, depth int) ([]byte, error) {
	if depth == 0 {
		return dst, wire.TooDeep(-1)
	}
	dst = compact.AppendI32(compact.AppendFieldHeader(dst, wire.I32, 1, 0), p.X)
	dst = compact.AppendI32(compact.AppendFieldHeader(dst, wire.I32, 2, 1), p.Y)
	return append(dst, 0), nil
}

func (p *point) consumeCompact(src []byte, off, depth int) (int, error) {
	if depth == 0 {
		return off, wire.TooDeep(off)
	}
	var last int16
	for {
		head, _, next, err := compact.ConsumeHead(src, off, last)
		if err != nil {
			return off, err
		}
		last = int16(head)
		switch head {
		case 0:
			return next, nil
		case uint32(wire.I32)<<16 | 1:
			if p.X, next, err = compact.ConsumeI32(src, next); err != nil {
				return off, wire.InField(err, "Point", "x", 1)
			}
		case uint32(wire.I32)<<16 | 2:
			if p.Y, next, err = compact.ConsumeI32(src, next); err != nil {
				return off, wire.InField(err, "Point", "y", 2)
			}
		default:
			if next, err = compact.SkipField(src, next, head, depth); err != nil {
				return off, err
			}
		}
		off = next
	}
}

func (p *generated) AppendThriftCompact(dst []byte, depth int) ([]byte, error) {
	if depth == 0 {
		return dst, wire.TooDeep(-1)
	}
	var err error
	dst = compact.AppendI64(compact.AppendFieldHeader(dst, wire.I64, 1, 0), p.ID)
	last := int16(1)
	if p.Note != nil {
		dst = compact.AppendString(compact.AppendFieldHeader(dst, wire.String, 2, last), *p.Note)
		last = 2
	}
	dst = compact.AppendBoolField(dst, 3, last, p.Fragile)
	dst = compact.AppendDouble(compact.AppendFieldHeader(dst, wire.Double, 4, 3), p.Weight)
	last = 4
	if p.At != nil {
		dst = compact.AppendFieldHeader(dst, wire.Struct, 5, last)
		if dst, err = p.At.appendCompact(dst, depth-1); err != nil {
			return dst, wire.InField(err, "Parcel", "at", 5)
		}
		last = 5
	}
	if depth == 1 {
		return dst, wire.InField(wire.TooDeep(-1), "Parcel", "tags", 6)
	}
	dst = compact.AppendFieldHeader(dst, wire.List, 6, last)
	dst = compact.AppendListHeader(dst, wire.String, len(p.Tags))
	for _, e := range p.Tags {
		dst = compact.AppendString(dst, e)
	}
	dst = compact.AppendFieldHeader(dst, wire.List, 7, 6)
	dst = compact.AppendListHeader(dst, wire.Struct, len(p.Stops))
	for i, e := range p.Stops {
		if e == nil {
			err = thriftimpl.NilPointer("Point")
		} else {
			dst, err = e.appendCompact(dst, depth-2)
		}
		if err != nil {
			return dst, wire.InField(wire.InElement(err, i, ""), "Parcel", "stops", 7)
		}
	}
	dst = compact.AppendFieldHeader(dst, wire.Map, 8, 7)
	dst = compact.AppendMapHeader(dst, wire.String, wire.I32, len(p.Counts))
	for k, v := range p.Counts {
		dst = compact.AppendI32(compact.AppendString(dst, k), v)
	}
	last = 8
	if p.Raw != nil {
		dst = compact.AppendBytes(compact.AppendFieldHeader(dst, wire.String, 9, last), p.Raw)
		last = 9
	}
	dst = compact.AppendFieldHeader(dst, wire.List, 30, last)
	dst = compact.AppendListHeader(dst, wire.I64, len(p.Hops))
	for _, e := range p.Hops {
		dst = compact.AppendI64(dst, e)
	}
	if dst, err = compact.AppendUnknown(dst, p.Kept, 30); err != nil {
		return dst, err
	}
	return append(dst, 0), nil
}

func (p *generated) ConsumeThriftCompact(src []byte, off, depth int) (int, error) {
	if depth == 0 {
		return off, wire.TooDeep(off)
	}
	var seen uint64
	var last int16
	for {
		head, v, next, err := compact.ConsumeHead(src, off, last)
		if err != nil {
			return off, err
		}
		last = int16(head)
		switch head {
		case 0:
			if seen&1 == 0 {
				return off, thriftimpl.Missing(off, "Parcel", "id", 1)
			}
			if seen&(1<<3) == 0 {
				p.Weight = 2.5
			}
			return next, nil
		case uint32(wire.I64)<<16 | 1:
			seen |= 1
			if p.ID, next, err = compact.ConsumeI64(src, next); err != nil {
				return off, wire.InField(err, "Parcel", "id", 1)
			}
		case uint32(wire.String)<<16 | 2:
			v := new(string)
			if *v, next, err = compact.ConsumeString(src, next); err != nil {
				return off, wire.InField(err, "Parcel", "note", 2)
			}
			p.Note = v
		case uint32(wire.Bool)<<16 | 3:
			p.Fragile = v
		case uint32(wire.Double)<<16 | 4:
			seen |= 1 << 3
			if p.Weight, next, err = compact.ConsumeDouble(src, next); err != nil {
				return off, wire.InField(err, "Parcel", "weight", 4)
			}
		case uint32(wire.Struct)<<16 | 5:
			p.At = new(point)
			if next, err = p.At.consumeCompact(src, next, depth-1); err != nil {
				return off, wire.InField(err, "Parcel", "at", 5)
			}
		case uint32(wire.List)<<16 | 6:
			var n int
			if n, next, err = compact.ConsumeListHeader(src, next, wire.String, depth-1); err == nil {
				p.Tags = thriftimpl.MakeList[string](n, len(src)-next)
				for i := 0; i < n && err == nil; i++ {
					var e string
					if e, next, err = compact.ConsumeString(src, next); err != nil {
						err = wire.InElement(err, i, "")
					}
					p.Tags = append(p.Tags, e)
				}
			}
			if err != nil {
				return off, wire.InField(err, "Parcel", "tags", 6)
			}
		case uint32(wire.List)<<16 | 7:
			var n int
			if n, next, err = compact.ConsumeListHeader(src, next, wire.Struct, depth-1); err == nil {
				p.Stops = thriftimpl.MakeList[*point](n, len(src)-next)
				for i := 0; i < n && err == nil; i++ {
					e := new(point)
					if next, err = e.consumeCompact(src, next, depth-2); err != nil {
						err = wire.InElement(err, i, "")
					}
					p.Stops = append(p.Stops, e)
				}
			}
			if err != nil {
				return off, wire.InField(err, "Parcel", "stops", 7)
			}
		case uint32(wire.Map)<<16 | 8:
			var n int
			if n, next, err = compact.ConsumeMapHeader(src, next, wire.String, wire.I32, depth-1); err == nil {
				p.Counts = thriftimpl.MakeMap[string, int32](n, len(src)-next)
				for i := 0; i < n && err == nil; i++ {
					var k string
					var v int32
					if k, next, err = compact.ConsumeString(src, next); err != nil {
						err = wire.InElement(err, i, "key")
					} else if v, next, err = compact.ConsumeI32(src, next); err != nil {
						err = wire.InElement(err, i, "value")
					}
					p.Counts[k] = v
				}
			}
			if err != nil {
				return off, wire.InField(err, "Parcel", "counts", 8)
			}
		case uint32(wire.String)<<16 | 9:
			if p.Raw, next, err = compact.ConsumeBytes(src, next); err != nil {
				return off, wire.InField(err, "Parcel", "raw", 9)
			}
		case uint32(wire.List)<<16 | 30:
			var n int
			if n, next, err = compact.ConsumeListHeader(src, next, wire.I64, depth-1); err == nil {
				p.Hops = thriftimpl.MakeList[int64](n, len(src)-next)
				for i := 0; i < n && err == nil; i++ {
					var e int64
					if e, next, err = compact.ConsumeI64(src, next); err != nil {
						err = wire.InElement(err, i, "")
					}
					p.Hops = append(p.Hops, e)
				}
			}
			if err != nil {
				return off, wire.InField(err, "Parcel", "hops", 30)
			}
		default:
			body := next
			if next, err = compact.SkipField(src, next, head, depth); err != nil {
				return off, err
			}
			if !known(int16(head)) {
				p.Kept = compact.KeepField(p.Kept, src, body, head, v)
			}
		}
		off = next
	}
}

type protocol interface {
	Name() string
	AppendValue(dst []byte, t *plan.Type, v mem.Pointer) ([]byte, error)
	ConsumeValue(src []byte, off int, t *plan.Type, v mem.Pointer) (int, error)
}

func planOf(t *testing.T, v any, desc *schema.Struct) *plan.Type {
	t.Helper()
	p, err := plan.ForType(reflect.TypeOf(v).Elem(), desc.Type())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestGenerated has the same values in a struct that writes and reads itself and in one that does
// not: both must write the same, and make the same of it, whole, cut off anywhere and changed anywhere.
func TestGenerated(t *testing.T) {
	desc := parcel()
	note := "a note"
	values := []plain{
		{Tags: []string{}, Stops: []*point{}, Counts: map[string]int32{}, Hops: []int64{}},
		{ID: 1 << 40, Note: &note, Fragile: true, Weight: 1.5, At: &point{1, -2}, Tags: []string{"a", ""}, Stops: []*point{{3, 4}, {}},
			Counts: map[string]int32{"n": 5}, Raw: []byte{0, 1}, Hops: []int64{1, -1, 1 << 50}},
		{ID: -1, Raw: []byte{}, Kept: wire.UnknownFields("\x08\x00\x63\x00\x00\x00\x07\x02\x00\x64\x01")},
		{ID: 2, Stops: []*point{nil}},
	}
	plainPlan, plan := planOf(t, &plain{}, desc), planOf(t, &generated{}, desc)
	if plan.Struct.Codec != parcelCodec || plainPlan.Struct.Codec != nil {
		t.Fatal("which structs write and read themselves")
	}
	for _, proto := range []protocol{wirebinary.Protocol{}, compact.Protocol{}, compact.Protocol{Version2: true}} {
		read := func(src []byte) {
			t.Helper()
			var a plain
			var b generated
			endA, errA := proto.ConsumeValue(src, 0, plainPlan, mem.To(&a))
			endB, errB := proto.ConsumeValue(src, 0, plan, mem.To(&b))
			if fmt.Sprint(errA) != fmt.Sprint(errB) {
				t.Errorf("%s: % x: %v, generated %v", proto.Name(), src, errA, errB)
			}
			if errA == nil && (endA != endB || fmt.Sprint(dump(a)) != fmt.Sprint(dump(plain(b)))) {
				t.Errorf("%s: % x: %d %v, generated %d %v", proto.Name(), src, endA, dump(a), endB, dump(plain(b)))
			}
		}
		for i := range values {
			same := generated(values[i])
			a, errA := proto.AppendValue(nil, plainPlan, mem.To(&values[i]))
			b, errB := proto.AppendValue(nil, plan, mem.To(&same))
			if fmt.Sprint(errA) != fmt.Sprint(errB) || errA == nil && !bytes.Equal(a, b) {
				t.Errorf("%s: value %d: % x, %v; generated % x, %v", proto.Name(), i, a, errA, b, errB)
			}
			if errA != nil {
				continue
			}
			for n := range len(a) + 1 {
				read(a[:n:n])
			}
			for n := range a {
				for _, flip := range []byte{1, 4, 0x10, 0x80, 0xff} {
					c := bytes.Clone(a)
					c[n] ^= flip
					read(c)
				}
			}
		}
	}
}

func dump(p plain) []any {
	note := ""
	if p.Note != nil {
		note = "&" + *p.Note
	}
	var at any = p.At
	if p.At != nil {
		at = *p.At
	}
	var stops []any
	for _, s := range p.Stops {
		stops = append(stops, *s)
	}
	return []any{p.ID, note, p.Fragile, p.Weight, at, p.Tags == nil, p.Tags, p.Stops == nil, stops, p.Counts == nil, p.Counts, p.Raw == nil, p.Raw, p.Hops == nil, p.Hops, p.Kept}
}

// TestGeneratedElsewhere binds such a struct to a schema that it was not made of: it is interpreted.
func TestGeneratedElsewhere(t *testing.T) {
	changed := parcel()
	changed.Fields[3].Default.Double = 3
	for _, test := range []struct {
		name string
		desc *schema.Struct
		want bool
	}{{"the same", parcel(), true}, {"another default", changed, false}} {
		p := planOf(t, &generated{}, test.desc)
		if (p.Struct.Codec != nil) != test.want {
			t.Errorf("%s: it writes itself: %v", test.name, !test.want)
		}
		var v generated
		src, err := wirebinary.Protocol{}.AppendValue(nil, p, mem.To(&generated{ID: 1}))
		if err == nil {
			_, err = wirebinary.Protocol{}.ConsumeValue(src, 0, p, mem.To(&v))
		}
		if err != nil || v.ID != 1 {
			t.Errorf("%s: %+v, %v", test.name, v, err)
		}
	}
}
