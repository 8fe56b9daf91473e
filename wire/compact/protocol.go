package compact

import (
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/wire"
)

// A Protocol is the compact protocol as connections use it. The zero value is version 1.
type Protocol struct {
	Version2 bool // fbthrift's version, with big-endian doubles
}

func (c Protocol) version() byte {
	if c.Version2 {
		return 2
	}
	return 1
}

// Name returns "compact".
func (Protocol) Name() string { return "compact" }

// AppendHeader appends the header of a message.
func (c Protocol) AppendHeader(dst []byte, h wire.Header) []byte {
	return appendHeader(dst, h, c.version())
}

// AppendMessage appends a whole message.
func (c Protocol) AppendMessage(dst []byte, h wire.Header, t *plan.Type, at mem.Pointer) ([]byte, error) {
	return c.AppendValue(c.AppendHeader(dst, h), t, at)
}

// ConsumeHeader reads the header at the start of a message; off is where the struct begins.
func (c Protocol) ConsumeHeader(src []byte) (h wire.Header, off int, err error) {
	return consumeHeader(src, c.version())
}

// AppendValue appends the value at v, most often a struct.
func (c Protocol) AppendValue(dst []byte, t *plan.Type, v mem.Pointer) ([]byte, error) {
	if t.Op == plan.OpStruct {
		return c.appendStruct(dst, t.Struct, v, wire.MaxDepth)
	}
	return c.appendTyped(dst, t, v, wire.MaxDepth)
}

// ConsumeValue reads the value at off into the zeroed memory at v and returns the offset after
// it. What it stores shares src's memory.
func (c Protocol) ConsumeValue(src []byte, off int, t *plan.Type, v mem.Pointer) (int, error) {
	if t.Op == plan.OpStruct && (t.Struct.Flat || t.Struct.Codec != nil && !c.Version2) {
		return (*decoder)(nil).structure(c, src, off, t.Struct, v, wire.MaxDepth)
	}
	if t.Op == plan.OpDynStruct && t.Dyn.Struct.Flat {
		s := dynamic.New(t.Dyn.Struct.Schema)
		end, err := (*decoder)(nil).slots(c, src, off, t.Dyn.Struct, s, wire.MaxDepth-1)
		if err == nil {
			*mem.As[*dynamic.Struct](v) = s
		}
		return end, err
	}
	return c.consumeAlone(src, off, t, v, wire.MaxDepth)
}

// ConsumeTrailer returns off: nothing follows the value of a message.
func (Protocol) ConsumeTrailer(_ []byte, off int) (int, error) { return off, nil }

// NewSplitter returns what finds the ends of messages of at most max bytes in a stream.
func (c Protocol) NewSplitter(max int) wire.Splitter {
	return &splitter{version: c.version(), max: max, levels: wire.MaxDepth}
}

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
	dst, err := d.Protocol.appendTyped(dst, t, v, d.Depth)
	return dst, wire.AtDepth(err, d.Depth)
}

// ConsumeValue is [Protocol.ConsumeValue].
func (d Deep) ConsumeValue(src []byte, off int, t *plan.Type, v mem.Pointer) (int, error) {
	end, err := d.Protocol.consumeAlone(src, off, t, v, d.Depth)
	return end, wire.AtDepth(err, d.Depth)
}

// NewSplitter returns what finds the ends of messages of at most max bytes in a stream.
func (d Deep) NewSplitter(max int) wire.Splitter {
	return &splitter{version: d.version(), max: max, levels: d.Depth}
}
