package binary

import (
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/wire"
)

// A Protocol is the binary protocol as connections use it. It reads both forms of the message
// header. The zero value writes the strict one.
type Protocol struct {
	Old bool // write the old, versionless message header
}

// Name returns "binary".
func (Protocol) Name() string { return "binary" }

// AppendHeader appends the header of a message.
func (p Protocol) AppendHeader(dst []byte, h wire.Header) []byte {
	if p.Old {
		return AppendOldHeader(dst, h)
	}
	return AppendHeader(dst, h)
}

// AppendMessage appends a whole message.
func (p Protocol) AppendMessage(dst []byte, h wire.Header, t *plan.Type, at mem.Pointer) ([]byte, error) {
	return p.AppendValue(p.AppendHeader(dst, h), t, at)
}

// ConsumeHeader reads the header at the start of a message; off is where the struct begins.
func (Protocol) ConsumeHeader(src []byte) (h wire.Header, off int, err error) {
	return ConsumeHeader(src)
}

// AppendValue appends the value at v, most often a struct.
func (Protocol) AppendValue(dst []byte, t *plan.Type, v mem.Pointer) ([]byte, error) {
	if t.Op == plan.OpStruct {
		if c := t.Struct.Codec; c != nil { // as appendStruct does, a call earlier
			return c.AppendBinary(v, dst, wire.MaxDepth)
		}
		return appendStruct(dst, t.Struct, v, wire.MaxDepth)
	}
	return appendTyped(dst, t, v, wire.MaxDepth)
}

// ConsumeValue reads the value at off into the zeroed memory at v and returns the offset after
// it. What it stores shares src's memory.
func (Protocol) ConsumeValue(src []byte, off int, t *plan.Type, v mem.Pointer) (int, error) {
	if t.Op == plan.OpStruct && t.Struct.Codec != nil {
		return t.Struct.Codec.ConsumeBinary(v, src, off, wire.MaxDepth)
	}
	if t.Op == plan.OpStruct && t.Struct.Flat {
		return (*decoder)(nil).structure(src, off, t.Struct, v, wire.MaxDepth)
	}
	if t.Op == plan.OpDynStruct && t.Dyn.Struct.Flat {
		s := dynamic.New(t.Dyn.Struct.Schema)
		end, err := (*decoder)(nil).slots(src, off, t.Dyn.Struct, s, wire.MaxDepth-1)
		if err == nil {
			*mem.As[*dynamic.Struct](v) = s
		}
		return end, err
	}
	return consumeAlone(src, off, t, v, wire.MaxDepth)
}

// ConsumeTrailer returns off: nothing follows the value of a message.
func (Protocol) ConsumeTrailer(_ []byte, off int) (int, error) { return off, nil }

// NewSplitter returns what finds the ends of messages of at most max bytes in a stream.
func (Protocol) NewSplitter(max int) wire.Splitter { return NewSplitter(max) }

// Deep is a Protocol with another limit of nesting than wire.MaxDepth.
type Deep struct {
	Protocol
	Depth int // levels of structs and containers
}

// AppendMessage appends a whole message.
func (d Deep) AppendMessage(dst []byte, h wire.Header, t *plan.Type, at mem.Pointer) ([]byte, error) {
	return d.AppendValue(d.AppendHeader(dst, h), t, at)
}

// AppendValue appends the value at v, most often a struct.
func (d Deep) AppendValue(dst []byte, t *plan.Type, v mem.Pointer) ([]byte, error) {
	dst, err := appendTyped(dst, t, v, d.Depth)
	return dst, wire.AtDepth(err, d.Depth)
}

// ConsumeValue is [Protocol.ConsumeValue].
func (d Deep) ConsumeValue(src []byte, off int, t *plan.Type, v mem.Pointer) (int, error) {
	end, err := consumeAlone(src, off, t, v, d.Depth)
	return end, wire.AtDepth(err, d.Depth)
}

// NewSplitter returns what finds the ends of messages of at most max bytes in a stream.
func (d Deep) NewSplitter(max int) wire.Splitter {
	return &Splitter{max: max, levels: d.Depth}
}
