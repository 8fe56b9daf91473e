package msgio

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/wire"
)

// ContentType is the media type of messages over HTTP, whatever their protocol.
const ContentType = "application/x-thrift"

// HTTPIdle is how long a client keeps a connection without a call. A server that shuts down waits a
// little longer: by then each connection of a thriftkit client has ended, by an answer that said
// so or by the client itself. HTTP/1.1 has no other way to end a connection that is between two
// requests without crossing the next one.
const HTTPIdle = 2 * time.Second

// MaxHTTPHeaderBytes bounds the header of a request or a response.
const MaxHTTPHeaderBytes = 64 << 10

// IsThrift reports whether a header Content-Type says that the body is a message.
func IsThrift(header string) bool {
	t, _, err := mime.ParseMediaType(header)
	return err == nil && t == ContentType
}

// ReadBody reads a body of at most maxBytes; length is what was announced, or less than 0. Memory
// is allocated as the bytes come, however many were announced.
func ReadBody(r io.Reader, length int64, maxBytes int) ([]byte, error) {
	if length > int64(maxBytes) {
		return nil, wire.Errorf(-1, wire.ErrTooLarge, "message of %d bytes exceeds the limit of %d", length, maxBytes)
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
			return nil, wire.Errorf(-1, wire.ErrTooLarge, "message exceeds the limit of %d bytes", maxBytes)
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return nil, err
		}
	}
}

// Metadata over HTTP is header fields, under their own names. Kitex's prefixes are removed from
// what comes, and the one for persistent metadata is added to what goes.
const (
	transientField  = "Rpc-Transit-"
	persistentField = "Rpc-Persist-"
	timeoutField    = "Client-Timeout" // milliseconds; fbthrift's client_timeout as a header field
)

// ownFields are the header fields that are not metadata: HTTP's own.
var ownFields = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "Connection": true, "Content-Encoding": true, "Content-Length": true,
	"Content-Type": true, "Date": true, "Expect": true, "Host": true, "Keep-Alive": true, "Proxy-Connection": true,
	"Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true, timeoutField: true,
}

// SetHTTPMetadata puts metadata, and a deadline unless it is zero, into the header of a request.
func SetHTTPMetadata(h http.Header, transient, persistent map[string]string, deadline time.Time) error {
	for k, v := range transient {
		if err := SetHTTPField(h, k, v); err != nil {
			return err
		}
	}
	for k, v := range persistent {
		if err := SetHTTPField(h, persistentField+k, v); err != nil {
			return err
		}
	}
	if !deadline.IsZero() {
		h.Set(timeoutField, Milliseconds(max(time.Until(deadline), 1)))
	}
	return nil
}

// SetHTTPField sets a header field (RFC 9110, section 5): CR, LF and NUL in a value would be the end
// of it for some receivers and a new field for others.
func SetHTTPField(h http.Header, name, value string) error {
	switch key := http.CanonicalHeaderKey(name); {
	case !isToken(name):
		return fmt.Errorf("metadata %.60q: not a name of a header field", name)
	case ownFields[key]:
		return fmt.Errorf("metadata %.60q: HTTP uses this header field itself", name)
	case key == "Set-Cookie" && !strings.ContainsAny(value, "\r\x00"): // whose values cannot be joined by commas (RFC 9110, section 5.3)
		h[key] = strings.Split(value, "\n")
		return nil
	case strings.ContainsAny(value, "\r\n\x00"):
		return fmt.Errorf("metadata %.60q: line break or NUL in the value", name)
	default:
		h[key] = []string{value}
		return nil
	}
}

// isToken reports whether s is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// HTTPMetadata returns the metadata in a header of HTTP, and the timeout.
func HTTPMetadata(h http.Header) *Envelope {
	e := new(Envelope)
	for k, v := range h {
		if ownFields[k] {
			continue
		}
		value := strings.Join(v, ", ")
		if k == "Set-Cookie" {
			value = strings.Join(v, "\n")
		}
		if name, ok := strings.CutPrefix(k, persistentField); ok {
			e.SetPersistent(strings.ToLower(name), value)
		} else {
			e.SetTransient(strings.ToLower(strings.TrimPrefix(k, transientField)), value)
		}
	}
	if ms, err := strconv.ParseInt(h.Get(timeoutField), 10, 32); err == nil && ms > 0 {
		e.Timeout = time.Duration(ms) * time.Millisecond
	}
	return e
}
