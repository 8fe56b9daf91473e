package detect

import "encoding/binary"

// An Envelope is what each message of a dialect is in.
type Envelope uint8

// The envelopes.
const (
	None     Envelope = iota
	THeader           // Apache's and fbthrift's: package wire/header
	TTHeader          // Kitex's: package wire/ttheader
	SASL              // a negotiation, and frames after it (Apache Thrift, doc/specs/thrift-sasl-spec)
)

// tHeaderMagic is what a frame of THeader begins with, after its length.
const tHeaderMagic = 0x0fff

// enveloped returns the dialect whose envelope starts with the 8 bytes of b. A frame has its
// length first and then a number of its own; a negotiation starts with the status START, the
// length of a mechanism's name, at most 20, and the name, in capital letters (RFC 4422, section
// 3.1). A message of its length would start otherwise.
func enveloped(b []byte) (Dialect, bool) {
	switch magic := binary.BigEndian.Uint16(b[4:]); {
	case magic == tHeaderMagic:
		return Dialect{Envelope: THeader}, true
	case magic == 0x1000:
		return Dialect{Envelope: TTHeader}, true
	case b[0] == 1 && b[1]|b[2]|b[3] == 0 && 0 < b[4] && b[4] <= 20 && isMechanism(b[5:]):
		return Dialect{Envelope: SASL}, true
	}
	return Dialect{}, false
}

func isMechanism(b []byte) bool {
	for _, c := range b {
		if !('A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}
