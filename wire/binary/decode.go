package binary

import (
	"encoding/binary"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// A decoder reads one value with all that is in it.
type decoder struct {
	src  []byte
	slab plan.Slab    // of Go values
	dyn  dynamic.Slab // of the others
}

// fields reads a struct into the zeroed memory at v, part by part.
func (d *decoder) fields(src []byte, off int, p *plan.Struct, v mem.Pointer, depth int) (int, error) {
	var seen plan.Seen
	next := 0 // the field expected: senders write them in the order of the IDL
	for {
		if len(src)-off < 3 {
			if off < len(src) && wire.Type(src[off]) == wire.Stop {
				return off + 1, p.Finish(v, &seen, off)
			}
			return off, wire.Truncated(len(src))
		}
		t := wire.Type(src[off])
		if t == wire.Stop {
			return off + 1, p.Finish(v, &seen, off)
		}
		id := int16(binary.BigEndian.Uint16(src[off+1:]))
		i := next
		if i >= len(p.Fields) || p.Fields[i].ID != id {
			i = p.Index(id)
		}
		if i < 0 || p.Fields[i].Type.Wire != t {
			end, err := skip(src, off+3, t, depth-1)
			if err != nil {
				return off, err
			}
			if i < 0 && p.Unknown >= 0 {
				u := mem.As[wire.UnknownFields](v.Add(uintptr(p.Unknown)))
				*u = append(*u, src[off:end]...)
			}
			off = end
			continue
		}
		f := &p.Fields[i]
		if !seen.Add(i) {
			f.Type.Zero(v.Add(f.Offset))
		}
		end, err := d.typed(off+3, f.Type, v.Add(f.Offset), depth-1)
		if err != nil {
			return off, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
		}
		off, next = end, i+1
	}
}

// fixedSize is how many bytes a value takes at least, by op, for one check in front of the switch.
var fixedSize = [...]uint8{
	plan.OpBool: 1, plan.OpI8: 1, plan.OpI16: 2, plan.OpI32: 4, plan.OpI64: 8, plan.OpDouble: 8,
	plan.OpUUID: 16, plan.OpFields: 0,
}

// skipElems moves behind n elements whose type is not the schema's; they count as not sent.
func skipElems(src []byte, off, n int, depth int, types ...wire.Type) (int, error) {
	for range n {
		for _, t := range types {
			next, err := skip(src, off, t, depth)
			if err != nil {
				return off, err
			}
			off = next
		}
	}
	return off, nil
}

// fixedKind is how many bytes a value takes, by kind, where that is always the same.
var fixedKind = [...]uint8{
	schema.KindBool: 1, schema.KindI8: 1, schema.KindI16: 2, schema.KindI32: 4, schema.KindEnum: 4, schema.KindI64: 8,
	schema.KindDouble: 8, schema.KindUUID: 16, schema.KindMap: 0,
}

// slots reads a dynamic struct. d may be nil for one that is Flat.
func (d *decoder) slots(src []byte, off int, p *plan.DynamicStruct, s *dynamic.Struct, depth int) (int, error) {
	vals, fields := s.Slots(), p.Fields
	var seen uint64
	next := 0 // the field expected: senders write them in the order of the IDL
	for {
		if len(src)-off < 4 {
			if off < len(src) && wire.Type(src[off]) == wire.Stop {
				return off + 1, p.Finish(vals, seen, off)
			}
			if len(src)-off < 3 {
				return off, wire.Truncated(len(src))
			}
		}
		i := next
		if !useSteps || i >= len(fields) || len(src)-off < 4 || binary.BigEndian.Uint32(src[off:])>>8 != fields[i].Head {
			t := wire.Type(src[off])
			if t == wire.Stop {
				return off + 1, p.Finish(vals, seen, off)
			}
			i = p.Schema.Index(int16(binary.BigEndian.Uint16(src[off+1:])))
			if i < 0 || fields[i].Type.Wire != t {
				end, err := skip(src, off+3, t, depth)
				if err != nil {
					return off, err
				}
				if i < 0 {
					s.SetUnknown(append(s.Unknown(), src[off:end]...))
				}
				off = end
				continue
			}
		}
		f := &fields[i]
		next = i + 1
		seen |= 1 << (i & 63)
		if useSteps {
			if f.Kind == schema.KindString && len(src)-off >= 7 {
				if n := int(int32(binary.BigEndian.Uint32(src[off+3:]))); uint(n) <= uint(len(src)-off-7) {
					vals[i] = dynamic.String(mem.String(src[off+7 : off+7+n]))
					off += 7 + n
					continue
				}
			}
		}
		v, end, err := d.value(src, off+3, f.Type, depth)
		if err != nil {
			return off, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
		}
		vals[i] = v
		off = end
	}
}

const valueSize = 24 // of a dynamic.Value, in bytes
