package rpc

import (
	"errors"
	"io"
	"mime"
	"time"

	"github.com/thriftkit/thriftkit/wire"
)

// contentType is the media type of messages over HTTP, whatever their protocol.
const contentType = "application/x-thrift"

// httpIdle is how long a client keeps a connection without a call. A server that shuts down waits a little longer: by then each
// connection of a client of ours has ended by an answer that said so, or by the client itself. HTTP/1.1 has no other way to end
// one that is between two requests without crossing the next.
const httpIdle = 2 * time.Second

// maxHeaderBytes is how much the header of a request or a response may have.
const maxHeaderBytes = 64 << 10

// isThrift reports whether a header Content-Type says that the body is a message.
func isThrift(header string) bool {
	t, _, err := mime.ParseMediaType(header)
	return err == nil && t == contentType
}

// readBody reads a body of at most maxBytes; length is what was announced, or less than 0. Room
// is made as the bytes come, however many were announced.
func readBody(r io.Reader, length int64, maxBytes int) ([]byte, error) {
	if length > int64(maxBytes) {
		return nil, wire.Errorf(-1, wire.ErrTooLarge, "a message of %d bytes, at most %d are taken", length, maxBytes)
	}
	const trusted = 64 << 10
	if length < 0 {
		length = 512
	}
	buf := make([]byte, 0, min(length, trusted)+1) // the one byte is for the read that finds the end
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case len(buf) > maxBytes:
			return nil, wire.Errorf(-1, wire.ErrTooLarge, "a message of more than %d bytes, which is what is taken", maxBytes)
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return nil, err
		}
	}
}
