// Package protocol names the protocols that connections may speak.
package protocol

import (
	"fmt"
	"strings"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/binary"
	"github.com/thriftkit/thriftkit/wire/compact"
	"github.com/thriftkit/thriftkit/wire/detect"
	"github.com/thriftkit/thriftkit/wire/json"
)

// A Protocol turns messages into bytes and back. Implementations have no state and may be used
// by many goroutines. Offsets count from the start of the message; what is read shares its memory.
//
// A message is written at once, and read as its header, its value and its trailer, which closes
// what the header opened. AppendValue, and ConsumeValue at the offset 0, are for a value alone.
type Protocol interface {
	Name() string
	AppendMessage(dst []byte, h wire.Header, t *plan.Type, v mem.Pointer) ([]byte, error)
	ConsumeHeader(src []byte) (h wire.Header, off int, err error)
	AppendValue(dst []byte, t *plan.Type, v mem.Pointer) ([]byte, error)
	ConsumeValue(src []byte, off int, t *plan.Type, v mem.Pointer) (int, error)
	ConsumeTrailer(src []byte, off int) (int, error)
	NewSplitter(maxBytes int) wire.Splitter
}

// Of is [Set.Of] with the usual limit of nesting.
func Of(d detect.Dialect) Protocol { return usual.Of(d) }

// ByName is [Set.ByName] with the usual limit of nesting.
func ByName(name string) (Protocol, error) { return usual.ByName(name) }

// InHeader is [Set.InHeader] with the usual limit of nesting.
func InHeader(name string, msg []byte) Protocol { return usual.InHeader(name, msg) }

// A Set is all protocols with a limit of nesting; those of JSON have the usual one.
type Set struct {
	binary, old       Protocol
	compact, compact2 Protocol
}

var usual = &Set{
	binary: binary.Protocol{}, old: binary.Protocol{Old: true},
	compact: compact.Protocol{}, compact2: compact.Protocol{Version2: true},
}

// WithDepth returns the protocols in which structs and containers may nest n levels deep; 0 means wire.MaxDepth.
func WithDepth(n int) *Set {
	if n == 0 || n == wire.MaxDepth {
		return usual
	}
	return &Set{
		binary: binary.Deep{Depth: n}, old: binary.Deep{Protocol: binary.Protocol{Old: true}, Depth: n},
		compact: compact.Deep{Depth: n}, compact2: compact.Deep{Protocol: compact.Protocol{Version2: true}, Depth: n},
	}
}

func (s *Set) binaryOf(old bool) Protocol {
	if old {
		return s.old
	}
	return s.binary
}

func (s *Set) compactOf(version2 bool) Protocol {
	if version2 {
		return s.compact2
	}
	return s.compact
}

// Of returns the protocol of a dialect that was detected, in the version in which the peer speaks
// it and wants to be answered.
func (s *Set) Of(d detect.Dialect) Protocol {
	switch d.Protocol {
	case "compact":
		return s.compactOf(d.Version2)
	case "json":
		return json.Apache
	case "thriftpy2-json":
		return json.ThriftPy2
	case "simple-json":
		return json.Simple
	}
	return s.binaryOf(d.Old)
}

// Names lists what ByName knows.
func Names() []string {
	return []string{"binary", "compact", "json", "thriftpy2-json", "simple-json"}
}

// ByName returns the protocol called name; "" is binary, the default of every Thrift library.
func (s *Set) ByName(name string) (Protocol, error) {
	switch name {
	case "", "binary":
		return s.binary, nil
	case "compact":
		return s.compact, nil
	case "json":
		return json.Apache, nil
	case "thriftpy2-json":
		return json.ThriftPy2, nil
	case "simple-json":
		return json.Simple, nil
	}
	return nil, fmt.Errorf("unknown protocol %q (known: %s)", name, strings.Join(Names(), ", "))
}

// InHeader returns the protocol called name in the version in which msg, which came in the envelope
// of a header dialect, was written.
func (s *Set) InHeader(name string, msg []byte) Protocol {
	if name == "compact" {
		return s.compactOf(len(msg) > 1 && msg[1]&0x1f == 2)
	}
	return s.binaryOf(len(msg) > 0 && msg[0] < 0x80)
}
