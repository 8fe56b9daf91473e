package grpc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"connectrpc.com/connect"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/rpc"
)

type sendingKey struct{}

// sending is the metadata that the handler of a call sends by SetHeader and SetTrailer. Of a unary call it is collected first.
type sending struct {
	mu              sync.Mutex // handlers may start goroutines
	header, trailer http.Header
	over            bool // connect has the headers
}

// invoke runs a call whose handler may set header and trailer.
func invoke(ctx context.Context, in *rpc.Invocation, header, trailer http.Header) *rpc.Result {
	s := &sending{header: header, trailer: trailer}
	r := invokerOf(ctx).Invoke(context.WithValue(ctx, sendingKey{}, s), in)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	return r
}

// SetHeader sets metadata that goes to the client before the reply, or, of a method that streams, before the first message:
// later it has no effect. A value whose name ends in -bin may hold any bytes. ctx is that of a handler. The error says that
// HTTP cannot carry the name or the value, or that the call did not come by this dialect.
//
// Where it does not matter whether the client gets it before or after the reply, thriftkit.SetReplyMetadata
// does for all dialects: it is sent in the header of a unary call, in the trailer of one that streams.
func SetHeader(ctx context.Context, name, value string) error {
	return set(ctx, name, value, func(s *sending) http.Header { return s.header })
}

// SetTrailer is SetHeader for metadata that goes to the client after the reply.
func SetTrailer(ctx context.Context, name, value string) error {
	return set(ctx, name, value, func(s *sending) http.Header { return s.trailer })
}

func set(ctx context.Context, name, value string, where func(*sending) http.Header) error {
	s, ok := ctx.Value(sendingKey{}).(*sending)
	if !ok {
		return fmt.Errorf("metadata %.60q: the call did not come by gRPC or Connect", name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return fmt.Errorf("metadata %.60q: the reply has been sent", name)
	}
	return setField(where(s), name, value)
}

// persistentPrefix is before the names of metadata that a server passes on, as Kitex has it over HTTP.
const persistentPrefix = "rpc-persist-"

// metadataOf returns the header fields that are metadata, in lower case, and those of them that are persistent, without their
// prefix. Those with several values have them joined by commas; those whose names end in -bin are decoded.
func metadataOf(header http.Header) (md, persistent map[string]string) {
	for k, values := range header {
		k = strings.ToLower(k)
		if len(values) == 0 || isReserved(k) {
			continue
		}
		v := strings.Join(values, ",")
		if strings.HasSuffix(k, "-bin") {
			b, err := connect.DecodeBinaryHeader(values[0])
			if err != nil {
				continue
			}
			v = string(b)
		}
		to := &md
		if name, ok := strings.CutPrefix(k, persistentPrefix); ok {
			k, to = name, &persistent
		}
		if *to == nil {
			*to = make(map[string]string)
		}
		(*to)[k] = v
	}
	return md, persistent
}

// setMetadata sets what a handler gave the reply along. The error names what HTTP cannot carry.
func setMetadata(header http.Header, md map[string]string) error {
	var errs []error
	for k, v := range md {
		errs = append(errs, setField(header, k, v))
	}
	return errors.Join(errs...)
}

func setField(header http.Header, name, value string) error {
	switch lower := strings.ToLower(name); {
	case isReserved(lower):
		return fmt.Errorf("metadata %.60q: the protocol uses this header field itself", name)
	case strings.HasSuffix(lower, "-bin"):
		value = connect.EncodeBinaryHeader([]byte(value))
	}
	return msgio.SetHTTPField(header, name, value)
}

// isReserved reports whether a header field, in lower case, belongs to the protocols.
func isReserved(name string) bool {
	for _, prefix := range []string{"grpc-", "connect-", "accept", "content-", "trailer"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	switch name {
	case "te", "host", "user-agent", "transfer-encoding", "connection", "keep-alive", "date":
		return true
	}
	return false
}
