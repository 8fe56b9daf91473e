package compact

import (
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// A decoder reads one value with all that is in it.
type decoder struct {
	Protocol
	src  []byte
	slab plan.Slab    // of Go values
	dyn  dynamic.Slab // of the others
}

// fields reads a struct into the zeroed memory at v, part by part.
func (d *decoder) fields(src []byte, off int, p *plan.Struct, v mem.Pointer, depth int) (int, error) {
	var seen plan.Seen
	next := 0 // the field expected: senders write them in the order of the IDL
	var last int16
	for {
		h, body, err := consumeField(src, off, last)
		if err != nil {
			return off, err
		}
		if h.t == wire.Stop {
			return body, p.Finish(v, &seen, off)
		}
		last = h.id
		i := next
		if i >= len(p.Fields) || p.Fields[i].ID != h.id {
			i = p.Index(h.id)
		}
		if i < 0 || p.Fields[i].Type.Wire != h.t {
			end, err := skipField(src, body, h, depth-1)
			if err != nil {
				return off, err
			}
			if i < 0 && p.Unknown >= 0 {
				u := mem.As[wire.UnknownFields](v.Add(uintptr(p.Unknown)))
				*u = d.keepUnknown(*u, src, body, h)
			}
			off = end
			continue
		}
		f := &p.Fields[i]
		at := v.Add(f.Offset)
		if !seen.Add(i) {
			f.Type.Zero(at)
		}
		end := body
		if h.t == wire.Bool {
			err = d.boolField(f.Type, at, h.bool, depth-1)
		} else {
			end, err = d.typed(body, f.Type, at, depth-1)
		}
		if err != nil {
			return off, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
		}
		off, next = end, i+1
	}
}

// boolField stores the value of a bool field, which is in the header of the field.
func (d *decoder) boolField(t *plan.Type, at mem.Pointer, v bool, depth int) error {
	if t.Op == plan.OpBool {
		*mem.As[bool](at) = v
		return nil
	}
	elem := decoder{Protocol: d.Protocol, src: elemFalse}
	if v {
		elem.src = elemTrue
	}
	_, err := elem.typed(0, t, at, depth)
	return err
}

// The value of a bool field as an element of a container would be written.
var elemTrue, elemFalse = []byte{cTrue}, []byte{cFalse}

// fixedSize is how many bytes a value takes, by op, where that is always the same: for one
// check in front of the switch.
var fixedSize = [...]uint8{plan.OpBool: 1, plan.OpI8: 1, plan.OpDouble: 8, plan.OpUUID: 16, plan.OpFields: 0}

// slots reads a dynamic struct. d may be nil for one that is Flat.
func (d *decoder) slots(c Protocol, src []byte, off int, p *plan.DynamicStruct, s *dynamic.Struct, depth int) (int, error) {
	vals, fields := s.Slots(), p.Fields
	var seen uint64
	next := 0
	var last int16
	for {
		h, body, err := consumeField(src, off, last)
		if err != nil {
			return off, err
		}
		if h.t == wire.Stop {
			return body, p.Finish(vals, seen, off)
		}
		last = h.id
		i := next
		if i >= len(fields) || fields[i].ID != h.id {
			i = p.Schema.Index(h.id)
		}
		if i < 0 || fields[i].Type.Wire != h.t {
			end, err := skipField(src, body, h, depth)
			if err != nil {
				return off, err
			}
			if i < 0 {
				s.SetUnknown(c.keepUnknown(s.Unknown(), src, body, h))
			}
			off = end
			continue
		}
		f := &fields[i]
		next = i + 1
		seen |= 1 << (i & 63)
		switch {
		case h.t == wire.Bool:
			vals[i] = dynamic.Bool(h.bool)
			off = body
			continue
		case useSteps && f.Kind == schema.KindString && body < len(src) && src[body] < 0x80:
			if end := body + 1 + int(src[body]); end <= len(src) {
				vals[i] = dynamic.String(mem.String(src[body+1 : end]))
				off = end
				continue
			}
		}
		v, end, err := d.value(c, src, body, f.Type, depth)
		if err != nil {
			return off, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
		}
		vals[i] = v
		off = end
	}
}

const valueSize = 24 // of a dynamic.Value, in bytes
