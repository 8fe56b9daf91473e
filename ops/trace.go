package ops

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
		if own := e.Values.Trace(); own != nil {
			return parseTraceparent(own.String())
		}
	}
	if v := rpc.MetadataValue(ctx, traceparentName); v != "" || !rpc.HasMetadata(ctx) {
		return parseTraceparent(v)
	}
	t, _ := received(ctx)
	return traceparent(t.String())
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

// A sampling says whether a trace is recorded.
type sampling uint8

const (
	undecided sampling = iota // whoever reads it decides
	recorded
	dropped
)

// received returns the trace of the call that a server runs with ctx, as its caller has it: by W3C Trace Context, else by B3, else by
// the tracker of thriftpy2. The sampling may be known without a trace.
func received(ctx context.Context) (Trace, sampling) {
	if !rpc.HasMetadata(ctx) {
		return Trace{}, undecided
	}
	if t, ok := ParseTrace(rpc.MetadataValue(ctx, traceparentName), rpc.MetadataValue(ctx, tracestateName)); ok {
		return t, t.sampling()
	}
	if t, s, ok := receivedB3(ctx); ok {
		return t, s
	}
	if id, seq, ok := rpc.Tracking(ctx); ok && id != "" {
		return trackedTrace(id, seq), undecided
	}
	return Trace{}, undecided
}

func (t Trace) sampling() sampling {
	if t.Sampled {
		return recorded
	}
	return dropped
}

// receivedB3 returns the trace that B3 (github.com/openzipkin/b3-propagation) names, in one header or in several. Names are those of
// header fields, which have no case over HTTP and, as a rule, this one elsewhere.
func receivedB3(ctx context.Context) (Trace, sampling, bool) {
	if single := rpc.MetadataValue(ctx, "b3"); single != "" {
		return parseB3(single)
	}
	value := func(name string) string {
		if v := rpc.MetadataValue(ctx, strings.ToLower(name)); v != "" {
			return v
		}
		return rpc.MetadataValue(ctx, name)
	}
	s := undecided
	switch value("X-B3-Sampled") {
	case "1", "true":
		s = recorded
	case "0", "false":
		s = dropped
	}
	if value("X-B3-Flags") == "1" { // debug
		s = recorded
	}
	t, ok := b3Trace(value("X-B3-TraceId"), value("X-B3-SpanId"), s)
	return t, s, ok || s != undecided
}

// parseB3 reads the header b3: TRACE-SPAN, TRACE-SPAN-SAMPLING, TRACE-SPAN-SAMPLING-PARENT, or SAMPLING alone.
func parseB3(v string) (t Trace, s sampling, ok bool) {
	samplings := map[string]sampling{"1": recorded, "d": recorded, "0": dropped}
	if s, ok := samplings[v]; ok {
		return Trace{}, s, true
	}
	parts := strings.Split(v, "-")
	if len(parts) < 2 || len(parts) > 4 {
		return Trace{}, undecided, false
	}
	if len(parts) > 2 {
		if s, ok = samplings[parts[2]]; !ok {
			return Trace{}, undecided, false
		}
	}
	if len(parts) == 4 && !isHex(parts[3], 16) {
		return Trace{}, undecided, false
	}
	t, ok = b3Trace(parts[0], parts[1], s)
	if !ok {
		s = undecided
	}
	return t, s, ok
}

// b3Trace returns the trace with these ids. One of 64 bits has zeros before it.
func b3Trace(id, span string, s sampling) (t Trace, ok bool) {
	if !isHex(span, 16) || !isHex(id, 32) && !isHex(id, 16) {
		return Trace{}, false
	}
	hex.Decode(t.ID[len(t.ID)-len(id)/2:], []byte(id))
	hex.Decode(t.Span[:], []byte(span))
	t.Sampled = s == recorded
	if !t.IsValid() {
		return Trace{}, false
	}
	return t, true
}

// isHex reports whether v is so many hexadecimal digits in lower case.
func isHex(v string, n int) bool { return len(v) == n && strings.Trim(v, "0123456789abcdef") == "" }

// trackedTrace returns the trace for a request of thriftpy2's tracker. Its id is that of the request, if that is a UUID, else made of
// it, and so is the span of the caller, as the tracker has no ids for these: all who read it come to the same.
func trackedTrace(requestID, seq string) (t Trace) {
	if digits := strings.ReplaceAll(strings.ToLower(requestID), "-", ""); isHex(digits, 32) {
		hex.Decode(t.ID[:], []byte(digits))
	} else {
		sum := sha256.Sum256([]byte(requestID))
		copy(t.ID[:], sum[:])
	}
	sum := sha256.Sum256([]byte(requestID + "/" + seq))
	copy(t.Span[:], sum[:])
	return t
}
