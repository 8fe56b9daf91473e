package rpc

import (
	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/wire"
)

// GoAway implements [serverconn.Codec]; see [msgio.GoAwayID].
func (c *serverConn) GoAway() []byte {
	if !c.isThriftkit {
		return nil
	}
	b, err := c.goAway()
	if err != nil {
		return nil
	}
	return b
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
