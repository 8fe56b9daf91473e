package msgio

import "github.com/thriftkit/thriftkit/wire"

// A server that closes a connection of a thriftkit client, because it shuts down or because the
// connection was idle for long, sends a GOAWAY message first: an exception with a sequence id that
// no call has. Every call that the server began is answered before it, so the calls that are not
// answered were not begun, and the client sends them again over another connection. Without it, a
// call that crosses the end of its connection is lost, and nobody knows whether it was executed.
// (RFC 9113, section 6.8, is the model.) Other clients get none: they could not understand it. [Sequence] tells which are.
const (
	GoAwayID   = firstID
	GoAwayName = "goodbye"
)

// IsGoAway reports whether a reply with the header h is a GOAWAY message.
func IsGoAway(h wire.Header) bool {
	return h.SeqID == GoAwayID && h.Type == wire.Exception && h.Name == GoAwayName
}
