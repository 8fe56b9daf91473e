package grpc_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/ops"
)

// Traces go along with calls of gRPC and Connect.
func TestTracer(t *testing.T) {
	var mu sync.Mutex
	var spans []*ops.Span
	tracer := ops.NewTracer(ops.TracerOptions{Sample: 1, Export: func(s *ops.Span) {
		mu.Lock()
		defer mu.Unlock()
		spans = append(spans, s)
	}})
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			addr, _ := serve(t, thriftkit.WithTracer(tracer))
			mu.Lock()
			spans = nil
			mu.Unlock()
			c := bind(t, dial(t, fmt.Sprintf(scheme, addr), thriftkit.WithTracer(tracer)))
			if got, err := c.Metadata(t.Context(), "traceparent"); len(got) != 55 || err != nil {
				t.Fatalf("the handler has traceparent %q, %v", got, err)
			}
			mu.Lock()
			defer mu.Unlock()
			for end := time.Now().Add(time.Minute); len(spans) < 3 && time.Now().Before(end); { // the server's may be the last
				mu.Unlock()
				time.Sleep(time.Millisecond)
				mu.Lock()
			}
			kinds := make(map[ops.SpanKind]*ops.Span)
			for _, s := range spans {
				kinds[s.Kind] = s
			}
			server, attempt, client := kinds[ops.SpanServer], kinds[ops.SpanAttempt], kinds[ops.SpanClient]
			if server == nil || attempt == nil || client == nil || len(spans) != 3 {
				t.Fatalf("spans %v", kinds)
			}
			if server.Trace.ID != client.Trace.ID || server.Parent != attempt.Trace.Span || attempt.Parent != client.Trace.Span || server.Method != "metadata" || server.Code != "ok" {
				t.Errorf("server %+v\nattempt %+v\nclient %+v", server, attempt, client)
			}
		})
	}
}
