// Package detect tells which dialect of Thrift a peer speaks, from the first bytes it sends.
package detect

import (
	"encoding/binary"

	"github.com/thriftkit/thriftkit/wire"
)

// compactID is the first byte of every compact message.
const compactID = 0x82

// Size is how many bytes Bytes looks at, given those that have come, at least one. It is 2, 8, or, where 8 have come and
// begin a frame in a frame, 10. No dialect has a shorter message that starts with them: the shortest compact one has 5
// bytes, one in two frames at least 18, all others at least 8.
func Size(b []byte) int {
	switch {
	case b[0] == compactID:
		return 2
	case len(b) >= 8 && nested(b):
		return 10
	}
	return 8
}

// nested reports whether b begins with two lengths, of a frame and of another one that fills it. THeader has 10 bytes at least.
func nested(b []byte) bool {
	first, second := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	return second >= 10 && first == second+4
}

// A Dialect is what the first bytes tell.
type Dialect struct {
	Framed   bool     // each message has its length in front
	Protocol string   // "binary", "compact", "json", "thriftpy2-json", "simple-json"
	Old      bool     // binary without a version
	Version2 bool     // compact with big-endian doubles
	Envelope Envelope // then nothing is reported but Framed, of THeader: the envelope names the protocol
}

// Bytes returns the dialect that starts with b, and whether there is one; there is none if b has
// less than Size bytes. maxFrame is the longest frame that is believed of a message without a version.
//
// A compact message starts with 82 and a byte whose lower 5 bits are the version, 1 or 2; a
// strict binary one starts with 80 01. A message of JSON starts with [1 or [" (Apache's two
// forms), or with its length and { (thriftpy2's). A frame starts with its length, below
// 0x80000000, and the message follows. What is left is old binary, which starts with the length
// of a method's name: unframed, the name itself follows, whose first byte is a letter; framed,
// it is again a length, whose first byte is zero.
func Bytes(b []byte, maxFrame int) (Dialect, bool) {
	if len(b) == 0 || len(b) < Size(b) {
		return Dialect{}, false
	}
	if d, ok := versioned(b); ok || b[0] >= 0x80 {
		return d, ok
	}
	if d, ok := enveloped(b); ok {
		return d, true
	}
	if nested(b) && binary.BigEndian.Uint16(b[8:]) == tHeaderMagic {
		return Dialect{Framed: true, Envelope: THeader}, true
	}
	first, second := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	fits := first <= uint32(maxFrame)
	if d, ok := versioned(b[4:]); ok { // however long: who reads it can say what is wrong
		d.Framed = true
		return d, true
	}
	if d, ok := text(b[:8], maxFrame); ok {
		return d, true
	}
	old := Dialect{Protocol: "binary", Old: true}
	switch {
	case b[4] == 0 && second > 0 && second < first && fits:
		old.Framed = true
		return old, true
	case first > 0 && first <= maxName && isName(b[4:min(8, 4+int(first))]) && restIsHeader(b, int(first)):
		return old, true
	}
	return Dialect{}, false
}

// versioned returns the dialect of a message that starts with b and names its version.
func versioned(b []byte) (Dialect, bool) {
	switch {
	case b[0] == 0x80 && b[1] == 1:
		return Dialect{Protocol: "binary"}, true
	case b[0] == compactID && (b[1]&0x1f == 1 || b[1]&0x1f == 2):
		return Dialect{Protocol: "compact", Version2: b[1]&0x1f == 2}, true
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

// restIsHeader checks what can be seen of the message type after a short name.
func restIsHeader(b []byte, name int) bool {
	if 4+name >= 8 {
		return true
	}
	t := wire.MessageType(b[4+name])
	return t >= wire.Call && t <= wire.Oneway
}
