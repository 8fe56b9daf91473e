// Package detect tells which dialect of Thrift a peer speaks, from the first bytes it sends.
package detect

import (
	"encoding/binary"

	"github.com/thriftkit/thriftkit/wire"
)

// Size is how many bytes Bytes looks at. No dialect has a shorter message.
const Size = 8

// A Dialect is what the first bytes tell.
type Dialect struct {
	Framed   bool   // each message has its length in front
	Protocol string // "binary"
	Old      bool   // binary without a version
}

// Bytes returns the dialect that starts with b, of which the first Size bytes must be there,
// and whether there is one. maxFrame is the longest frame that would be taken.
//
// A strict binary message starts with 80 01. A frame starts with its length, below 0x80000000,
// and the message follows. What is left is old binary, which starts with the length of a
// method's name: unframed, the name itself follows, whose first byte is not zero; framed, it is
// again a length, whose first byte is.
func Bytes(b []byte, maxFrame int) (Dialect, bool) {
	first, second := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	const strict = 0x8001
	switch {
	case first>>16 == strict:
		return Dialect{Protocol: "binary"}, true
	case int32(first) < 0:
		return Dialect{}, false
	case second>>16 == strict && first <= uint32(maxFrame):
		return Dialect{Framed: true, Protocol: "binary"}, true
	case b[4] == 0 && second > 0 && second < first && first <= uint32(maxFrame):
		return Dialect{Framed: true, Protocol: "binary", Old: true}, true
	case first > 0 && first <= maxName && isName(b[4:min(Size, 4+int(first))]) && restIsHeader(b, int(first)):
		return Dialect{Protocol: "binary", Old: true}, true
	}
	return Dialect{}, false
}

// maxName is the longest method name that is believed of a stream which names no version.
const maxName = 1024

func isName(b []byte) bool {
	for i, c := range b {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || !(c == '.' || c == ':' || '0' <= c && c <= '9')) {
			return false
		}
	}
	return true
}

// restIsHeader checks what can be seen of the message type behind a short name.
func restIsHeader(b []byte, name int) bool {
	if 4+name >= Size {
		return true
	}
	t := wire.MessageType(b[4+name])
	return t >= wire.Call && t <= wire.Oneway
}
