package otel_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/ops"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/x/otel"
)

type pingPong struct{ tracer trace.Tracer }

// Ping has a span of its own.
func (p pingPong) Ping(ctx context.Context) (string, error) {
	_, span := p.tracer.Start(otel.ContextOf(ctx), "inner")
	defer span.End()
	return "pong", nil
}

func (pingPong) Login(context.Context, string) (string, error) {
	return "", thriftkit.Errorf(thriftkit.CodeOverloaded, "busy")
}

// setup serves over THeader and returns a client.
func setup(t *testing.T, h any, opts ...thriftkit.Option) (*thriftkit.Client, *schema.Service) {
	t.Helper()
	file, err := thriftkit.Parse("foo.thrift", `service PingPong { string ping() string login(1: string user) }`)
	if err != nil {
		t.Fatal(err)
	}
	svc := file.MustService("PingPong")
	serverOpts := []thriftkit.ServerOption{thriftkit.WithErrorLog(nil)}
	var clientOpts []thriftkit.ClientOption
	for _, o := range opts {
		serverOpts, clientOpts = append(serverOpts, o), append(clientOpts, o)
	}
	s := thriftkit.NewServer(serverOpts...)
	if err := s.Register(svc, h); err != nil {
		t.Fatal(err)
	}
	l, err := thriftkit.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Shutdown(context.Background()) })
	c, err := thriftkit.Dial(t.Context(), l.Addr().String()+"?transport=header", clientOpts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, svc
}

// Spans of thriftkit and of OpenTelemetry are one tree.
func TestExport(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	processor := sdktrace.NewSimpleSpanProcessor(spans)
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(processor))
	tracer := provider.Tracer("test")
	c, svc := setup(t, pingPong{tracer}, thriftkit.WithTracer(ops.NewTracer(ops.TracerOptions{Sample: -1, Export: otel.Export(processor, nil)})))
	ctx, outer := tracer.Start(t.Context(), "outer")
	ctx = otel.ContextWithSpan(ctx)
	if _, err := thriftkit.Invoke[string](ctx, c, svc.Method("ping")); err != nil {
		t.Fatal(err)
	}
	if _, err := thriftkit.Invoke[string](ctx, c, svc.Method("login"), "root"); err == nil {
		t.Fatal("no error")
	}
	outer.End()
	var got []string
	all := spans.GetSpans()
	for _, s := range all {
		parent := "none"
		for _, p := range all {
			if p.SpanContext.SpanID() == s.Parent.SpanID() {
				parent = p.SpanKind.String() + " " + p.Name
			}
		}
		got = append(got, fmt.Sprintf("%s %s < %s", s.SpanKind, s.Name, parent))
		if s.SpanContext.TraceID() != outer.SpanContext().TraceID() {
			t.Errorf("%s is of another trace", s.Name)
		}
		if want := strings.HasSuffix(s.Name, "login"); (s.Status.Code == codes.Error) != want {
			t.Errorf("%s has the status %v", s.Name, s.Status)
		}
		if s.Name == "PingPong/login" {
			set := attribute.NewSet(s.Attributes...)
			for key, want := range map[attribute.Key]string{"rpc.system.name": "thrift", "rpc.method": "PingPong/login", "rpc.response.status_code": "overloaded", "error.type": "overloaded"} {
				if v, _ := set.Value(key); v.AsString() != want {
					t.Errorf("%s of %s is %q, want %q", key, s.Name, v.AsString(), want)
				}
			}
			key := attribute.Key("server.address")
			if s.SpanKind == trace.SpanKindServer {
				key = "client.address"
			}
			if v, _ := set.Value(key); v.AsString() != "127.0.0.1" {
				t.Errorf("%s of %s is %q", key, s.Name, v.AsString())
			}
		}
	}
	slices.Sort(got)
	want := []string{
		"client PingPong/login < internal outer", "client PingPong/ping < internal outer",
		"internal PingPong/login < client PingPong/login", "internal PingPong/ping < client PingPong/ping",
		"internal inner < server PingPong/ping", "internal outer < none",
		"server PingPong/login < internal PingPong/login", "server PingPong/ping < internal PingPong/ping",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestMetrics(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	m, err := otel.NewMetrics(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
	if err != nil {
		t.Fatal(err)
	}
	c, svc := setup(t, pingPong{sdktrace.NewTracerProvider().Tracer("")}, thriftkit.WithStats(m.Stats()))
	for range 3 {
		if _, err := thriftkit.Invoke[string](t.Context(), c, svc.Method("ping")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := thriftkit.Invoke[string](t.Context(), c, svc.Method("login"), "root"); err == nil {
		t.Fatal("no error")
	}
	other, err := thriftkit.Parse("other.thrift", `service Other { string unheard() }`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := thriftkit.Invoke[string](t.Context(), c, other.Service("Other").Method("unheard")); err == nil {
		t.Fatal("no error")
	}
	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range data.ScopeMetrics[0].Metrics {
		for _, p := range x.Data.(metricdata.Histogram[float64]).DataPoints {
			method, _ := p.Attributes.Value("rpc.method")
			code, _ := p.Attributes.Value("rpc.response.status_code")
			got = append(got, fmt.Sprintf("%s %s %s %d", x.Name, method.AsString(), code.AsString(), p.Count))
		}
	}
	slices.Sort(got)
	want := []string{
		"rpc.client.call.duration Other/unheard unknown_method 1", "rpc.client.call.duration PingPong/login overloaded 1", "rpc.client.call.duration PingPong/ping ok 3",
		"rpc.server.call.duration PingPong/login overloaded 1", "rpc.server.call.duration PingPong/ping ok 3", "rpc.server.call.duration _OTHER unknown_method 1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
