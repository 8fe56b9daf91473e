package wire

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// A Framing is how messages follow each other in a stream.
type Framing uint8

// The framings.
const (
	Buffered      Framing = iota // no frames: the protocol finds the end of each message
	Framed                       // each message after its length, 4 bytes big-endian
	THeader                      // each message in a frame of THeader (package wire/header)
	TTHeader                     // each message in a frame of Kitex's TTHeader (package wire/ttheader)
	FramedTHeader                // each frame of THeader in a frame, as Apache's THeaderTransport over a TFramedTransport has it
)

var framingNames = [...]string{Buffered: "buffered", Framed: "framed", THeader: "header", TTHeader: "ttheader", FramedTHeader: "framed-header"}

// FramingNames lists the names of the framings, as targets and flags write them.
func FramingNames() []string { return framingNames[:len(framingNames):len(framingNames)] }

// String returns the name of f, as targets and flags write it.
func (f Framing) String() string { return framingNames[f] }

// ParseFraming returns the Framing called name; "" is Buffered.
func ParseFraming(name string) (Framing, error) {
	if name == "" {
		return Buffered, nil
	}
	if i := slices.Index(framingNames[:], name); i >= 0 {
		return Framing(i), nil
	}
	return 0, fmt.Errorf("unknown transport %q (want %s)", name, strings.Join(framingNames[:], ", "))
}

// HasHeader reports whether f carries a header of its own before each message: metadata,
// sequence id, protocol.
func (f Framing) HasHeader() bool { return f >= THeader }

// Begin appends the space that f, Buffered or Framed, needs before a message. The caller appends
// the message, and End completes both.
func (f Framing) Begin(dst []byte) []byte {
	if f == Framed {
		return append(dst, 0, 0, 0, 0)
	}
	return dst
}

// End completes the message that Begin started when dst had the length start.
func (f Framing) End(dst []byte, start int) {
	if f == Framed {
		binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	}
}
