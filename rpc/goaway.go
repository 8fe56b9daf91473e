package rpc

import (
	"io"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/wire"
)

// lingering is how long a server reads on, to no purpose, after a GOAWAY message: a connection that is closed while bytes
// arrive is reset, and then that might not be read.
const lingering = 250 * time.Millisecond

// sendGoAway tells a thriftkit client that the connection ends; see [msgio.GoAwayID].
func (c *serverConn) sendGoAway() {
	b, err := c.goAway()
	if err != nil || c.send(b) != nil {
		return
	}
	closeWrite(c.out)
	if c.out != c.nc {
		closeWrite(c.nc)
	}
	c.nc.SetReadDeadline(time.Now().Add(lingering))
	io.Copy(io.Discard, c.nc)
}

func closeWrite(nc any) {
	if half, ok := nc.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}

// goAway returns the GOAWAY message as it goes over the connection.
func (c *serverConn) goAway() ([]byte, error) {
	h := wire.Header{Name: msgio.GoAwayName, SeqID: msgio.GoAwayID}
	e := Errorf(CodeUnknown, "server closes the connection; calls without an answer were not begun")
	if c.headers == nil {
		b := c.framing.Begin(nil)
		b = exceptionMessage(b, c.proto, c.s.app, h, e)
		c.framing.End(b, 0)
		return b, nil
	}
	p, err := protocol.ByName("")
	if err != nil {
		return nil, err
	}
	envelope := c.headers.Envelope(msgio.GoAwayID, p.Name())
	envelope.Reply, envelope.CloseSoon = true, true
	b, payload, err := c.headers.Begin(nil, envelope)
	if err != nil {
		return nil, err
	}
	b = exceptionMessage(b, p, c.s.app, h, e)
	return c.headers.End(b, 0, payload, envelope)
}

// parts reports whether the connection ends because the server wants it to, and not in the middle of anything. Other
// errors may be those of a reply, to a call that was begun.
func (c *serverConn) endsByServer(err error) bool {
	return msgio.IsTimeout(err) && (c.is(connDraining) || c.mayRest && c.r.Unread() == 0)
}
