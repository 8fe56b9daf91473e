package binary

import (
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/wire"
)

// appendFields appends the set fields of the struct at v and the stop, part by part.
func appendFields(dst []byte, p *plan.Struct, v mem.Pointer, depth int) ([]byte, error) {
	for i := range p.Fields {
		f := &p.Fields[i]
		if f.Presence != plan.Always && !f.IsSet(v) {
			if err := plan.Unset(p.Schema, f.Schema); err != nil {
				return dst, err
			}
			continue
		}
		dst = AppendFieldHeader(dst, f.Type.Wire, f.ID)
		var err error
		if dst, err = appendTyped(dst, f.Type, v.Add(f.Offset), depth-1); err != nil {
			return dst, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
		}
	}
	if p.Unknown >= 0 {
		dst = append(dst, *mem.As[wire.UnknownFields](v.Add(uintptr(p.Unknown)))...)
	}
	return append(dst, byte(wire.Stop)), nil
}

func appendDynamic(dst []byte, p *plan.DynamicStruct, s *dynamic.Struct, depth int) ([]byte, error) {
	if p.Union {
		if err := plan.CheckDynamic(s); err != nil {
			return dst, err
		}
	}
	if useSteps {
		return appendSlots(dst, p, s, depth)
	}
	vals := s.Slots()
	for i := range p.Fields {
		f := &p.Fields[i]
		if !vals[i].IsSet() {
			if err := plan.Unset(p.Schema, f.Schema); err != nil {
				return dst, err
			}
			continue
		}
		dst = AppendFieldHeader(dst, f.Type.Wire, f.ID)
		var err error
		if dst, err = appendValue(dst, f.Type, vals[i], depth); err != nil {
			return dst, wire.InField(err, p.Schema.Name, f.Schema.Name, f.ID)
		}
	}
	dst = append(dst, s.Unknown()...)
	return append(dst, byte(wire.Stop)), nil
}
