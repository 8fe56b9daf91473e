package compact

import (
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// appendFields appends the set fields of the struct at v and the stop, part by part.
func (c Protocol) appendFields(dst []byte, p *plan.Struct, v mem.Pointer, depth int) ([]byte, error) {
	var last int16
	for i := range p.Fields {
		f := &p.Fields[i]
		if f.Presence != plan.Always && !f.IsSet(v) {
			if err := plan.Unset(p.Schema, f.Schema); err != nil {
				return dst, err
			}
			continue
		}
		head := len(dst)
		dst = appendField(dst, toCompact[f.Type.Wire], f.ID, last)
		var err error
		if dst, err = c.appendTyped(dst, f.Type, v.Add(f.Offset), depth-1); err != nil {
			return dst, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
		}
		if f.Type.Wire == wire.Bool {
			dst = foldBool(dst, head)
		}
		last = f.ID
	}
	if p.Unknown >= 0 {
		var err error
		if dst, err = c.appendUnknown(dst, *mem.As[wire.UnknownFields](v.Add(uintptr(p.Unknown))), last); err != nil {
			return dst, err
		}
	}
	return append(dst, cStop), nil
}

// foldBool moves the bool at the end of dst into the header of its field, which starts at head.
func foldBool(dst []byte, head int) []byte {
	end := len(dst) - 1
	dst[head] = dst[head]&0xf0 | dst[end]
	return dst[:end]
}

func (c Protocol) appendDynamic(dst []byte, p *plan.DynamicStruct, s *dynamic.Struct, depth int) ([]byte, error) {
	if p.Union {
		if err := plan.CheckDynamic(s); err != nil {
			return dst, err
		}
	}
	if useSteps {
		return c.appendSlots(dst, p, s, depth)
	}
	vals := s.Slots()
	var last int16
	for i := range vals {
		f := &p.Fields[i]
		if !vals[i].IsSet() {
			if err := plan.Unset(p.Schema, f.Schema); err != nil {
				return dst, err
			}
			continue
		}
		head := len(dst)
		dst = appendField(dst, toCompact[f.Type.Wire], f.ID, last)
		var err error
		if dst, err = c.appendValue(dst, f.Type, vals[i], depth); err != nil {
			return dst, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
		}
		if f.Kind == schema.KindBool {
			dst = foldBool(dst, head)
		}
		last = f.ID
	}
	dst, err := c.appendUnknown(dst, s.Unknown(), last)
	return append(dst, cStop), err
}
