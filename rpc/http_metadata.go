package rpc

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
)

// Metadata over HTTP is header fields, under their own names. Kitex's prefixes are taken off
// what comes, and the one for persistent metadata is put on what goes.
const (
	transientField  = "Rpc-Transit-"
	persistentField = "Rpc-Persist-"
	timeoutField    = "Client-Timeout" // milliseconds; fbthrift's client_timeout as a header field
)

// ownFields are the header fields that are not metadata: those of the exchange itself.
var ownFields = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "Connection": true, "Content-Encoding": true, "Content-Length": true,
	"Content-Type": true, "Date": true, "Expect": true, "Host": true, "Keep-Alive": true, "Proxy-Connection": true,
	"Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true, timeoutField: true,
}

// addMetadata puts the metadata of calls with ctx, and their deadline, into the header of a request.
func addMetadata(ctx context.Context, h http.Header) error {
	o := outgoingFor(ctx)
	for k, v := range o.transient {
		if err := setField(h, k, v); err != nil {
			return err
		}
	}
	for k, v := range o.persistent {
		if err := setField(h, persistentField+k, v); err != nil {
			return err
		}
	}
	if deadline, ok := ctx.Deadline(); ok {
		h.Set(timeoutField, msgio.Milliseconds(max(time.Until(deadline), 1)))
	}
	return nil
}

// setField sets a header field (RFC 9110, section 5): CR, LF and NUL in a value would be the end
// of it for some receivers and a new field for others.
func setField(h http.Header, name, value string) error {
	switch key := http.CanonicalHeaderKey(name); {
	case !isToken(name):
		return fmt.Errorf("metadata %.60q: not the name of a header field", name)
	case ownFields[key]:
		return fmt.Errorf("metadata %.60q: the header field is HTTP's own", name)
	case strings.ContainsAny(value, "\r\n\x00"):
		return fmt.Errorf("metadata %.60q: a line break or NUL in the value", name)
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

// metadataOf returns what a header has as metadata.
func metadataOf(h http.Header) *msgio.Envelope {
	e := new(msgio.Envelope)
	for k, v := range h {
		if ownFields[k] {
			continue
		}
		value := strings.Join(v, ", ")
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
