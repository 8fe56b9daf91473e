package ops

import (
	"context"
	"strings"

	"github.com/thriftkit/thriftkit/rpc"
)

// traceparentName is the metadata, and over HTTP the header field, by which W3C Trace Context names the trace of a call.
// tracestateName goes with it.
const (
	traceparentName = "traceparent"
	tracestateName  = "tracestate"
)

// A traceparent is the value of the metadata traceparent (W3C Trace Context, section 3.2), as it came; "" if it is invalid:
//
//	00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
type traceparent string

// traceOfEvent returns the trace of a call that ended or was refused: with the span of the tracer of a server, if it has one, else with
// that of the caller.
func traceOfEvent(ctx context.Context, e *rpc.CallEvent) traceparent {
	if e.Kind == rpc.AttemptEnded {
		transient, persistent := rpc.OutgoingMetadata(ctx)
		if v, ok := transient[traceparentName]; ok {
			return parseTraceparent(v)
		}
		return parseTraceparent(persistent[traceparentName])
	}
	if e.Values != nil {
		if own := e.Values.Traceparent(); own != "" {
			return parseTraceparent(own)
		}
	}
	return parseTraceparent(rpc.MetadataValue(ctx, traceparentName))
}

func parseTraceparent(v string) traceparent {
	if !validTraceparent(v) {
		return ""
	}
	return traceparent(v)
}

// validTraceparent reports whether v names a trace. Versions above 00 may go on after the flags.
func validTraceparent(v string) bool {
	const length = 55
	if len(v) < length || len(v) > 512 || v[2] != '-' || v[35] != '-' || v[52] != '-' || v[:2] == "ff" {
		return false
	}
	if len(v) > length && (v[:2] == "00" || v[length] != '-') {
		return false
	}
	for _, part := range []string{v[:2], v[3:35], v[36:52], v[53:55]} {
		if strings.Trim(part, "0123456789abcdef") != "" {
			return false
		}
	}
	return strings.Trim(v[3:35], "0") != "" && strings.Trim(v[36:52], "0") != ""
}

// id returns the trace's id, 32 hexadecimal digits; "" if there is no trace.
func (t traceparent) id() string {
	if t == "" {
		return ""
	}
	return string(t[3:35])
}

// span returns the id of the caller's span, 16 hexadecimal digits; "" if there is no trace.
func (t traceparent) span() string {
	if t == "" {
		return ""
	}
	return string(t[36:52])
}

// sampled reports whether the caller records the trace.
func (t traceparent) sampled() bool { return t != "" && strings.IndexByte("13579bdf", t[54]) >= 0 }
