package msgio

import (
	"errors"
	"net"
	"os"
	"time"
)

// aliveWait is how long a look at a connection waits for bytes that may not be there.
const aliveWait = 50 * time.Microsecond

// readRecord reads from an idle connection for a moment, and reports whether it neither ended nor brought a byte, which on
// an idle connection is a fault of the peer. A timeout leaves a stream of TLS intact when it is reading.
func readRecord(c net.Conn, wait time.Duration) bool {
	c.SetReadDeadline(time.Now().Add(wait))
	defer c.SetReadDeadline(time.Time{})
	var b [1]byte
	n, err := c.Read(b[:])
	return n == 0 && errors.Is(err, os.ErrDeadlineExceeded)
}
