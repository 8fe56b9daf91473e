package msgio

import (
	"encoding/binary"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/wire"
)

// TestSASLLimit negotiates with a message of the most that is taken, and with one byte more.
func TestSASLLimit(t *testing.T) {
	const most = 64 << 10
	for n, tooLarge := range map[uint32]bool{most: false, most + 1: true, 1<<32 - 1: true} {
		here, there := net.Pipe()
		here.SetDeadline(time.Now().Add(5 * time.Second))
		there.SetDeadline(time.Now().Add(5 * time.Second))
		go func() {
			there.Write(binary.BigEndian.AppendUint32([]byte{saslStart}, n))
			there.Write(make([]byte, min(n, most)))
			there.Close()
		}()
		_, _, err := ServeSASL(here, func(string, string) error { return nil })
		if err == nil || errors.Is(err, wire.ErrTooLarge) != tooLarge {
			t.Errorf("%d bytes: %v", n, err)
		}
		here.Close()
	}
}
