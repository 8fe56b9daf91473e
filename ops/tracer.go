package ops

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
)

// TracerOptions say what a [Tracer] records. The zero value hands ids on and records nothing.
type TracerOptions struct {
	// Sample is the part of the traces that begin here which are recorded, from 0 to 1; 0 means 0.01, negative none. Of a trace that a
	// caller began, the caller decides; if it leaves that open, as thriftpy2 does, all servers with the same Sample record the same traces.
	Sample float64

	// Export gets each span of a trace that is recorded, when it has ended: to be sent to a collector. It is called on the goroutine
	// of the call, by many at once, and must not block. The span is its own.
	Export func(*Span)
}

// A Tracer hands the ids of traces on from call to call, as W3C Trace Context has it: the metadata traceparent and tracestate, in the
// transports header, ttheader and http, and by gRPC and Connect. Bare framed and buffered connections carry none. A server also reads
// the ids of callers that send B3's headers (b3, or X-B3-TraceId and its relatives) and of those that track calls by thriftpy2.
//
//	tracer := ops.NewTracer(ops.TracerOptions{Export: collector.Add})
//	server := thriftkit.NewServer(thriftkit.WithTracer(tracer))
//	client, err := thriftkit.Dial(ctx, target, thriftkit.WithTracer(tracer))
//
// A call that a handler makes with its context belongs to the trace of the handler's call. All methods may be called by any number of
// goroutines.
type Tracer struct{ opts TracerOptions }

// NewTracer returns a Tracer.
func NewTracer(opts TracerOptions) *Tracer {
	if opts.Sample == 0 {
		opts.Sample = 0.01
	}
	return &Tracer{opts}
}

// A Trace says which trace and which span of it something belongs to.
type Trace struct {
	ID      [16]byte
	Span    [8]byte
	Sampled bool   // the trace is recorded
	State   string // the tracestate, as it came
}

// IsValid reports whether there is a trace.
func (t Trace) IsValid() bool { return t.ID != [16]byte{} && t.Span != [8]byte{} }

// String returns the traceparent; "" if there is no trace.
func (t Trace) String() string {
	if !t.IsValid() {
		return ""
	}
	b := make([]byte, 0, 55)
	b = append(b, "00-"...)
	b = hex.AppendEncode(b, t.ID[:])
	b = append(b, '-')
	b = hex.AppendEncode(b, t.Span[:])
	if t.Sampled {
		return string(append(b, "-01"...))
	}
	return string(append(b, "-00"...))
}

// ParseTrace reads a traceparent and a tracestate, and reports whether the former is valid. A tracestate that is longer than 512 bytes
// is left out, as the standard allows.
func ParseTrace(parent, state string) (t Trace, ok bool) {
	p := parseTraceparent(parent)
	if p == "" {
		return Trace{}, false
	}
	hex.Decode(t.ID[:], []byte(p[3:35])) // which are hexadecimal
	hex.Decode(t.Span[:], []byte(p[36:52]))
	t.Sampled = p.sampled()
	if len(state) <= 512 {
		t.State = state
	}
	return t, true
}

type traceKey struct{}

// TraceOf returns the trace that ctx belongs to, and whether there is one: of the call that a handler runs with it, or of the span that
// [ContextWithTrace] put there.
func TraceOf(ctx context.Context) (Trace, bool) {
	if t, ok := ctx.Value(traceKey{}).(callTrace); ok {
		return *t.trace(), true
	}
	return Trace{}, false
}

// A callTrace is a context that belongs to a trace, as a Tracer gives one to each call of a server.
type callTrace interface {
	context.Context
	String() string
	sampled() bool
	trace() *Trace
}

// A tracedContext belongs to a trace that is known.
type tracedContext struct {
	context.Context
	of      Trace
	parent  [8]byte // of an attempt: the span of the call
	attempt bool
}

// Value implements [context.Context].
func (c *tracedContext) Value(key any) any {
	if key == (traceKey{}) {
		return callTrace(c)
	}
	return c.Context.Value(key)
}

func (c *tracedContext) String() string { return c.of.String() }
func (c *tracedContext) sampled() bool  { return c.of.Sampled }
func (c *tracedContext) trace() *Trace  { return &c.of }

// A droppedContext belongs to a trace that begins with it and is not recorded, as most are: its ids are made when somebody asks.
type droppedContext struct {
	context.Context
	low  uint64 // half of the trace's id, by which it was decided
	made atomic.Pointer[Trace]
}

// Value implements [context.Context].
func (c *droppedContext) Value(key any) any {
	if key == (traceKey{}) {
		return callTrace(c)
	}
	return c.Context.Value(key)
}

func (c *droppedContext) String() string { return c.trace().String() }
func (c *droppedContext) sampled() bool  { return false }

func (c *droppedContext) trace() *Trace {
	if t := c.made.Load(); t != nil {
		return t
	}
	c.made.CompareAndSwap(nil, &Trace{ID: traceID(rand.Uint64(), c.low), Span: newSpanID()})
	return c.made.Load()
}

// ContextWithTrace returns a context whose calls belong to a trace: for programs whose own requests have traces.
func ContextWithTrace(ctx context.Context, t Trace) context.Context {
	return &tracedContext{Context: ctx, of: t}
}

// A SpanKind says what a span is.
type SpanKind string

// The kinds of spans.
const (
	SpanServer  SpanKind = "server"  // a call that a server answered
	SpanClient  SpanKind = "client"  // a call by a client, with all its attempts
	SpanAttempt SpanKind = "attempt" // one of them
)

// A Span is something that took time in a trace.
type Span struct {
	Trace    Trace
	Parent   [8]byte // the span in which it happened; zero if none is known
	Kind     SpanKind
	Service  string
	Method   string
	Dialect  string // "" of SpanClient
	Peer     string // the address of the other side, if it is known
	Attempt  int    // of a client, counted from 1
	Start    time.Time
	Duration time.Duration
	Code     string // as the label "code" of [Metrics]
	Err      error
}

// begin returns a new span of the trace of parent, or the first one of a new trace.
func (t *Tracer) begin(parent Trace, known sampling) Trace {
	s := parent
	if !parent.IsValid() {
		s = Trace{ID: traceID(rand.Uint64(), rand.Uint64())}
	}
	switch known {
	case undecided:
		s.Sampled = t.samples(binary.BigEndian.Uint64(s.ID[8:]))
	default:
		s.Sampled = known == recorded
	}
	s.Span = newSpanID()
	return s
}

// samples decides about a trace by the low half of its id, whose last 56 bits are random (W3C Trace Context, section 3.2.2.3).
func (t *Tracer) samples(low uint64) bool {
	const bits = 56
	return float64(low&(1<<bits-1)) < t.opts.Sample*(1<<bits)
}

// traceID returns an id of a trace: of these two halves, unless both are zero.
func traceID(high, low uint64) (id [16]byte) {
	if high == 0 && low == 0 {
		high = 1
	}
	binary.BigEndian.PutUint64(id[:8], high)
	binary.BigEndian.PutUint64(id[8:], low)
	return id
}

func newSpanID() (id [8]byte) {
	for id == [8]byte{} {
		binary.BigEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}

// ServerInterceptor returns the interceptor for a server: handlers get a context of a span of the trace.
func (t *Tracer) ServerInterceptor() rpc.Interceptor {
	return func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, call *rpc.Call) error {
			traced := t.traced(ctx)
			call.SetTrace(traced)
			return next(traced, call)
		}
	}
}

// traced returns the context for the call that a server runs with ctx.
func (t *Tracer) traced(ctx context.Context) callTrace {
	if rpc.HasMetadata(ctx) {
		return &tracedContext{Context: ctx, of: t.begin(received(ctx))}
	}
	low := rand.Uint64()
	if t.samples(low) {
		return &tracedContext{Context: ctx, of: Trace{ID: traceID(rand.Uint64(), low), Span: newSpanID(), Sampled: true}}
	}
	return &droppedContext{Context: ctx, low: low}
}

// ClientInterceptor returns the interceptor for a client: its calls take the ids along. It must be around those that retry.
func (t *Tracer) ClientInterceptor() rpc.Interceptor {
	return func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, call *rpc.Call) error {
			parent, known := t.parentOf(ctx)
			span := t.begin(parent, known)
			ctx = span.outgoing(ContextWithTrace(ctx, span))
			if !span.Sampled || t.opts.Export == nil {
				return next(ctx, call)
			}
			s := &Span{Trace: span, Parent: parent.Span, Kind: SpanClient, Service: call.Service.Name, Method: call.Method.Name, Start: time.Now()}
			err := next(ctx, call)
			s.Duration, s.Err, s.Peer, s.Attempt = time.Since(s.Start), err, call.Instance(), call.Attempt()
			s.Code = CodeOf(&rpc.CallEvent{Kind: rpc.AttemptEnded, Err: err, Declared: isDeclared(err)})
			t.opts.Export(s)
			return err
		}
	}
}

// outgoing returns a context whose calls take the ids along.
func (t Trace) outgoing(ctx context.Context) context.Context {
	md := map[string]string{traceparentName: t.String()}
	if t.State != "" {
		md[tracestateName] = t.State
	}
	return rpc.AddMetadata(ctx, md)
}

// AttemptInterceptor returns the interceptor for each attempt of a client, see [rpc.ClientOptions]: the span of the server is below
// that of the attempt. Without it, it is below that of the call. What is not recorded costs nothing here.
func (t *Tracer) AttemptInterceptor() rpc.Interceptor {
	return func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, call *rpc.Call) error {
			of, ok := TraceOf(ctx)
			if !ok || !of.Sampled || t.opts.Export == nil {
				return next(ctx, call)
			}
			parent := of.Span
			of.Span = newSpanID()
			return next(of.outgoing(&tracedContext{Context: ctx, of: of, parent: parent, attempt: true}), call)
		}
	}
}

// parentOf returns the trace to which a call with ctx belongs: that of the handler or of the program, of metadata that the program
// gave, or of the call that a server without a tracer runs.
func (t *Tracer) parentOf(ctx context.Context) (Trace, sampling) {
	if parent, ok := TraceOf(ctx); ok {
		if !parent.IsValid() {
			return Trace{}, undecided
		}
		return parent, parent.sampling()
	}
	transient, persistent := rpc.OutgoingMetadata(ctx)
	for _, md := range []map[string]string{transient, persistent} {
		if parent, ok := ParseTrace(md[traceparentName], md[tracestateName]); ok {
			return parent, parent.sampling()
		}
	}
	return received(ctx)
}

// isDeclared reports whether the error of a call by a client is an exception that the IDL declares: all others are *rpc.Error or
// *rpc.BusinessError, or the end of a context.
func isDeclared(err error) bool {
	var coded *rpc.Error
	var business *rpc.BusinessError
	return err != nil && !errors.As(err, &coded) && !errors.As(err, &business) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// CodeOf returns how the call of an event ended, as the label "code" of [Metrics] has it: CallReplied, CallRefused, AttemptEnded.
func CodeOf(e *rpc.CallEvent) string {
	if e.Err == nil {
		return "ok"
	}
	return resultOfEvent(e).String()
}

// Stats returns the listener that exports the spans of servers and of attempts.
func (t *Tracer) Stats() rpc.Stats { return tracerStats{t} }

type tracerStats struct{ t *Tracer }

// traceOfCall returns the trace that a Tracer gave a call of a server; nil if none did.
func traceOfCall(call *rpc.Call) callTrace {
	if call == nil {
		return nil
	}
	t, _ := call.Trace().(callTrace)
	return t
}

// CallNeeds implements [rpc.SelectiveStats].
func (tracerStats) CallNeeds() rpc.CallNeeds { return rpc.CallNeeds{} }

// HandleConn implements [rpc.Stats].
func (tracerStats) HandleConn(rpc.ConnEvent) {}

// HandleCall implements [rpc.Stats].
func (s tracerStats) HandleCall(ctx context.Context, e rpc.CallEvent) {
	if s.t.opts.Export == nil {
		return
	}
	if own := traceOfCall(e.Values); e.Kind == rpc.CallReplied && (own == nil || !own.sampled()) { // most, for which nothing is composed
		return
	}
	span := Span{Service: serviceName(&e), Method: methodLabel(&e), Dialect: e.Dialect, Attempt: e.Attempt, Start: e.Time.Add(-e.Duration), Duration: e.Duration, Err: e.Err}
	switch e.Kind {
	case rpc.CallReplied:
		caller, _ := received(ctx)
		span.Kind, span.Trace, span.Parent = SpanServer, *traceOfCall(e.Values).trace(), caller.Span
		if peer, ok := rpc.PeerOf(ctx); ok {
			span.Peer = addrText(peer.Addr)
		}
	case rpc.AttemptEnded:
		of, ok := ctx.Value(traceKey{}).(callTrace)
		if !ok || !of.sampled() {
			return
		}
		span.Kind, span.Trace, span.Peer = SpanAttempt, *of.trace(), e.Instance
		if own, ok := of.(*tracedContext); ok && own.attempt {
			span.Parent = own.parent
		} else {
			span.Parent, span.Trace.Span = span.Trace.Span, newSpanID()
		}
	default:
		return
	}
	span.Code = CodeOf(&e)
	s.t.opts.Export(&span)
}

func serviceName(e *rpc.CallEvent) string {
	if e.Service == nil {
		return ""
	}
	return e.Service.Name
}

func methodLabel(e *rpc.CallEvent) string {
	if e.Method == nil {
		return other
	}
	return e.Method.Name
}

// TraceLogHandler returns a handler for log/slog that adds trace_id and span_id to what is logged with the context of a handler, or
// any that belongs to a trace, and leaves the rest to h:
//
//	slog.SetDefault(slog.New(ops.TraceLogHandler(slog.NewJSONHandler(os.Stderr, nil))))
//	slog.InfoContext(ctx, "sold")
func TraceLogHandler(h slog.Handler) slog.Handler { return traceHandler{h} }

type traceHandler struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h traceHandler) Handle(ctx context.Context, r slog.Record) error {
	if t, ok := TraceOf(ctx); ok && t.IsValid() {
		r = r.Clone()
		r.AddAttrs(slog.String("trace_id", hex.EncodeToString(t.ID[:])), slog.String("span_id", hex.EncodeToString(t.Span[:])))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h traceHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return traceHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h traceHandler) WithGroup(name string) slog.Handler {
	return traceHandler{h.Handler.WithGroup(name)}
}
