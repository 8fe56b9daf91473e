// Package otel gives what package ops records to OpenTelemetry, with the attributes of its semantic conventions for RPC (version
// 1.43.0):
//
//	tracer := ops.NewTracer(ops.TracerOptions{Export: otel.Export(sdktrace.NewBatchSpanProcessor(exporter), res)})
//	metrics, err := otel.NewMetrics(meterProvider)
//	server := thriftkit.NewServer(thriftkit.WithTracer(tracer), thriftkit.WithStats(metrics.Stats()))
//
// Spans keep the ids that travel with calls (W3C Trace Context). [ContextWithSpan] joins the spans of a program's own.
package otel

import (
	"context"
	"errors"
	"net"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/thriftkit/thriftkit/ops"
	"github.com/thriftkit/thriftkit/rpc"
)

// scope is the name of the instrumentation.
const scope = "github.com/thriftkit/thriftkit/x/otel"

// Export returns a function for [ops.TracerOptions].Export that gives spans to p, such as a batch processor of the SDK. res is the
// resource that they belong to; nil is the default one. The spans of attempts are internal ones below that of their call.
func Export(p sdktrace.SpanProcessor, res *resource.Resource) func(*ops.Span) {
	if res == nil {
		res = resource.Default()
	}
	return func(s *ops.Span) { p.OnEnd(stub(s, res).Snapshot()) }
}

// stub returns a span of the SDK.
func stub(s *ops.Span, res *resource.Resource) tracetest.SpanStub {
	out := tracetest.SpanStub{
		Name: methodName(s.Service, s.Method), SpanContext: spanContext(s.Trace, s.Trace.Span, false), StartTime: s.Start, EndTime: s.Start.Add(s.Duration),
		Attributes: attributes(s.Dialect, s.Service, s.Method, s.Code, isError(s.Kind == ops.SpanServer, s.Code)), Resource: res,
		InstrumentationScope: instrumentation.Scope{Name: scope, SchemaURL: semconv.SchemaURL},
	}
	if s.Parent != [8]byte{} {
		out.Parent = spanContext(s.Trace, s.Parent, s.Kind == ops.SpanServer)
	}
	switch s.Kind {
	case ops.SpanServer:
		out.SpanKind = trace.SpanKindServer
		out.Attributes = append(out.Attributes, address(semconv.ClientAddressKey, semconv.ClientPortKey, s.Peer)...)
	case ops.SpanClient:
		out.SpanKind = trace.SpanKindClient
		out.Attributes = append(out.Attributes, address(semconv.ServerAddressKey, semconv.ServerPortKey, s.Peer)...)
	default:
		out.SpanKind = trace.SpanKindInternal
		out.Attributes = append(out.Attributes, address(semconv.ServerAddressKey, semconv.ServerPortKey, s.Peer)...)
	}
	if s.Attempt > 1 {
		out.Attributes = append(out.Attributes, attribute.Int("thriftkit.attempt", s.Attempt))
	}
	if isError(s.Kind == ops.SpanServer, s.Code) {
		out.Status = sdktrace.Status{Code: codes.Error, Description: s.Code}
	}
	return out
}

// isError reports whether a code is an error of the side: what a caller did wrong is none of the server's.
func isError(server bool, code string) bool {
	switch code {
	case "ok", "exception":
		return false
	case "business_error", "unknown_method", "invalid_message_type", "invalid_protocol", "invalid_transform", "unsupported_client_type":
		return !server
	}
	return true
}

// spanContext returns a span of a trace.
func spanContext(t ops.Trace, span [8]byte, remote bool) trace.SpanContext {
	config := trace.SpanContextConfig{TraceID: t.ID, SpanID: span, Remote: remote}
	if t.Sampled {
		config.TraceFlags = trace.FlagsSampled
	}
	if state, err := trace.ParseTraceState(t.State); err == nil { // else it is left out, as the standard says
		config.TraceState = state
	}
	return trace.NewSpanContext(config)
}

// ContextWithSpan returns a context whose calls by thriftkit belong to the span of OpenTelemetry that ctx has.
func ContextWithSpan(ctx context.Context) context.Context {
	s := trace.SpanContextFromContext(ctx)
	if !s.IsValid() {
		return ctx
	}
	return ops.ContextWithTrace(ctx, ops.Trace{ID: s.TraceID(), Span: s.SpanID(), Sampled: s.IsSampled(), State: s.TraceState().String()})
}

// ContextOf returns a context in which spans of OpenTelemetry begin below the span of thriftkit that ctx has: for handlers.
func ContextOf(ctx context.Context) context.Context {
	t, ok := ops.TraceOf(ctx)
	if !ok {
		return ctx
	}
	return trace.ContextWithRemoteSpanContext(ctx, spanContext(t, t.Span, true))
}

// methodName returns rpc.method, the name of the method in full.
func methodName(service, method string) string {
	if service == "" {
		return method
	}
	return service + "/" + method
}

// system returns rpc.system.name.
func system(dialect string) attribute.KeyValue {
	switch dialect {
	case "grpc", "grpc-web":
		return semconv.RPCSystemNameGRPC
	case "connect":
		return semconv.RPCSystemNameConnectrpc
	}
	return semconv.RPCSystemNameKey.String("thrift")
}

func attributes(dialect, service, method, code string, failed bool) []attribute.KeyValue {
	list := []attribute.KeyValue{system(dialect), semconv.RPCMethodKey.String(methodName(service, method)), semconv.RPCResponseStatusCodeKey.String(code)}
	if failed {
		list = append(list, semconv.ErrorTypeKey.String(code))
	}
	return list
}

// address returns an address as attributes.
func address(host, port attribute.Key, text string) []attribute.KeyValue {
	if text == "" {
		return nil
	}
	h, p, err := net.SplitHostPort(text)
	if err != nil {
		return []attribute.KeyValue{host.String(text)}
	}
	n, err := strconv.Atoi(p)
	if err != nil {
		return []attribute.KeyValue{host.String(h)}
	}
	return []attribute.KeyValue{host.String(h), port.Int(n)}
}

// Metrics records the durations of calls: rpc.server.call.duration and rpc.client.call.duration, in seconds, the latter of each
// attempt. Names that clients invent do not get in: calls of unknown methods have the method "_OTHER".
type Metrics struct{ server, client metric.Float64Histogram }

// buckets are those that the semantic conventions advise.
var buckets = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

// NewMetrics returns a Metrics that records by a provider.
func NewMetrics(provider metric.MeterProvider) (*Metrics, error) {
	meter := provider.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
	server, err1 := meter.Float64Histogram("rpc.server.call.duration", metric.WithUnit("s"), metric.WithDescription("Duration of calls that a server answers."), metric.WithExplicitBucketBoundaries(buckets...))
	client, err2 := meter.Float64Histogram("rpc.client.call.duration", metric.WithUnit("s"), metric.WithDescription("Duration of calls by a client."), metric.WithExplicitBucketBoundaries(buckets...))
	return &Metrics{server, client}, errors.Join(err1, err2)
}

// Stats returns the listener for servers and clients.
func (m *Metrics) Stats() rpc.Stats { return stats{m} }

type stats struct{ m *Metrics }

// CallNeeds implements [rpc.SelectiveStats].
func (stats) CallNeeds() rpc.CallNeeds { return rpc.CallNeeds{} }

// HandleConn implements [rpc.Stats].
func (stats) HandleConn(rpc.ConnEvent) {}

// HandleCall implements [rpc.Stats].
func (s stats) HandleCall(ctx context.Context, e rpc.CallEvent) {
	h := s.m.server
	switch e.Kind {
	case rpc.AttemptEnded:
		h = s.m.client
	case rpc.CallReplied, rpc.CallRefused:
	default:
		return
	}
	service, method := "", "_OTHER"
	if e.Method != nil {
		method = e.Method.Name
	}
	if e.Service != nil {
		service = e.Service.Name
	}
	code := ops.CodeOf(&e)
	set := attribute.NewSet(attributes(e.Dialect, service, method, code, isError(e.Kind != rpc.AttemptEnded, code))...)
	h.Record(ContextOf(ctx), e.Duration.Seconds(), metric.WithAttributeSet(set))
}
