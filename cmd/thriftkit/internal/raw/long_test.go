package raw

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/thriftkit/thriftkit/wire"
)

// TestLongMessage reads a message that is longer than what is accepted from networks: it is here already.
func TestLongMessage(t *testing.T) {
	text := bytes.Repeat([]byte("x"), wire.DefaultMaxMessageBytes+1)
	msg := []byte("\x80\x01\x00\x02\x00\x00\x00\x04ping\x00\x00\x00\x01\x0b\x00\x00")
	msg = binary.BigEndian.AppendUint32(msg, uint32(len(text)))
	msg = append(append(msg, text...), 0)
	framed := append(binary.BigEndian.AppendUint32(nil, uint32(len(msg))), msg...)
	for transport, stream := range map[string][]byte{"buffered": msg, "framed": framed} {
		n := 0
		err := Messages(stream, func(m *Message) error {
			if n++; m.Transport != transport || !bytes.Equal(m.Bytes, msg) {
				t.Errorf("%s: %d bytes over %s", transport, len(m.Bytes), m.Transport)
			}
			return nil
		})
		if n != 1 || err != nil {
			t.Errorf("%s: %d messages, %v", transport, n, err)
		}
	}
}
