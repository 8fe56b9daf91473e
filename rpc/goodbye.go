package rpc

import (
	"errors"
	"io"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/wire"
)

// A server that closes a connection of a client of ours, because it shuts down or because the connection has been idle for long,
// says goodbye: the last message is an exception with a sequence id that no call has. It means that every call
// which was begun has been answered, so those which are not were not begun, and the client sends them again over
// another connection. Without it a call that crosses the end of its connection is lost, and nobody knows whether it was
// executed. (GOAWAY of HTTP/2, RFC 9113, section 6.8, is the model.) Other peers are not told: they could not understand it.
const (
	goodbyeID   = firstSequenceID
	goodbyeName = "goodbye"
)

// errGoodbye is the error of a call that crossed a goodbye.
var errGoodbye = errors.New("the server closed the connection and had not begun the call")

// isGoodbye reports whether a reply is one.
func isGoodbye(h wire.Header) bool {
	return h.SeqID == goodbyeID && h.Type == wire.Exception && h.Name == goodbyeName
}

// lingering is how long a server reads on, to no purpose, after a goodbye: a connection that is closed while bytes
// arrive is reset, and then the goodbye might not be read.
const lingering = 250 * time.Millisecond

// sayGoodbye ends a connection on which nothing is under way any more.
func (c *serverConn) sayGoodbye() {
	b, err := c.goodbye()
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

// goodbye returns the message as it goes over the connection.
func (c *serverConn) goodbye() ([]byte, error) {
	h := wire.Header{Name: goodbyeName, SeqID: goodbyeID}
	e := Errorf(CodeUnknown, "the server closes the connection: what it has not answered it did not begin")
	if c.sealer == nil {
		b := c.framing.Begin(nil)
		b = exceptionMessage(b, c.proto, c.s.app, h, e)
		c.framing.End(b, 0)
		return b, nil
	}
	p, err := protocol.ByName("")
	if err != nil {
		return nil, err
	}
	envelope := c.sealer.Envelope(goodbyeID, p.Name())
	envelope.Reply, envelope.CloseSoon = true, true
	b, payload, err := c.sealer.Begin(nil, envelope)
	if err != nil {
		return nil, err
	}
	b = exceptionMessage(b, p, c.s.app, h, e)
	return c.sealer.End(b, 0, payload, envelope)
}

// parts reports whether the connection ends because the server wants it to, and not in the middle of anything. Other
// errors may be those of a reply, to a call that was begun.
func (c *serverConn) parts(err error) bool {
	return msgio.IsTimeout(err) && (c.draining.Load() || c.greeted && c.r.Unread() == 0)
}
