package clientconn

import (
	"context"
	"errors"
	"fmt"

	"github.com/thriftkit/thriftkit/wire"
)

// The errors of connections.
var (
	// ErrClosed is the error of calls after Close.
	ErrClosed = errors.New("client is closed")

	// ErrGoAway is the error of a call that was sent while the server closed the connection, and that
	// the server has not begun.
	ErrGoAway = errors.New("server closed the connection before it began the call")

	// errDraining is the error of a call that chose a connection which takes no more calls.
	errDraining = errors.New("connection takes no more calls")
)

// A NotSentError is the error of a call that never left the process.
type NotSentError struct{ Err error }

func (e *NotSentError) Error() string { return e.Err.Error() }
func (e *NotSentError) Unwrap() error { return e.Err }

// An ArgumentError is the error of a call whose message cannot be encoded.
type ArgumentError struct{ Err error }

func (e *ArgumentError) Error() string { return e.Err.Error() }
func (e *ArgumentError) Unwrap() error { return e.Err }

// An UnreadableReplyError is the error of a call whose reply began as one, and cannot be read to its end: because it is above the
// limit, or wrong.
type UnreadableReplyError struct{ Err error }

func (e *UnreadableReplyError) Error() string {
	var inMessage *wire.Error
	if errors.As(e.Err, &inMessage) && errors.Is(e.Err, wire.ErrTooLarge) {
		return fmt.Sprintf("the reply is too large: %s (MaxMessageBytes)", inMessage.Message)
	}
	return fmt.Sprintf("the reply cannot be read: %v", e.Err)
}
func (e *UnreadableReplyError) Unwrap() error { return e.Err }

// A SASLWantedError is the error of a connection whose server wants SASL. Text is what it said.
type SASLWantedError struct{ Text string }

func (e *SASLWantedError) Error() string {
	return fmt.Sprintf("the server wants SASL (a user and a password): %q", e.Text)
}

// An UnknownReplyError is the error of a connection on which a reply came that no call waits for.
type UnknownReplyError struct{ SeqID int32 }

func (e *UnknownReplyError) Error() string {
	return fmt.Sprintf("reply with unknown sequence id %d", e.SeqID)
}

// errGaveUp is the error of a oneway call that gave up while its message was being written. A
// goroutine finishes the write.
type errGaveUp struct{ error }

// contextError returns why ctx ended. The timer of a call may fire a moment before the context's.
func contextError(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return context.DeadlineExceeded
}

func notSent(err error) bool {
	var e *NotSentError
	return errors.As(err, &e)
}
