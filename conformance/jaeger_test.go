package conformance

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/wire"
)

// What Jaeger's client sends, as far as the test looks at it.
type (
	jaegerTag struct {
		Key  string `thrift:"key"`
		VStr *string
		Rest wire.UnknownFields
	}
	jaegerSpan struct {
		TraceIDLow, SpanID, ParentSpanID int64
		OperationName                    string
		Tags                             []jaegerTag
		Rest                             wire.UnknownFields
	}
	jaegerProcess struct {
		ServiceName string
		Tags        []jaegerTag
	}
	jaegerBatch struct {
		Process jaegerProcess
		Spans   []jaegerSpan
	}
)

// agent is one of Jaeger's agents.
type agent struct {
	mu      sync.Mutex
	batches []jaegerBatch
}

func (a *agent) EmitBatch(_ context.Context, batch jaegerBatch) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.batches = append(a.batches, batch)
	return nil
}

// spans returns how many spans of each operation have come, and whether each has what belongs to it.
func (a *agent) spans(t *testing.T) map[string]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	names := make(map[string]int)
	for _, b := range a.batches {
		if b.Process.ServiceName != "reporter" {
			t.Errorf("of the service %q", b.Process.ServiceName)
		}
		place := ""
		for _, tag := range b.Process.Tags {
			if tag.Key == "place" && tag.VStr != nil {
				place = *tag.VStr
			}
		}
		if place != "长沙" {
			t.Errorf("the tag place is %q", place)
		}
		for _, s := range b.Spans {
			names[s.OperationName]++
			if (s.ParentSpanID != 0) != (s.OperationName == "inner") || s.TraceIDLow == 0 || s.SpanID == 0 {
				t.Errorf("%+v", s)
			}
		}
	}
	return names
}

// TestJaegerClient has Jaeger's client report to a server by UDP.
func TestJaegerClient(t *testing.T) {
	python := os.Getenv("THRIFTKIT_JAEGER")
	if _, err := os.Stat(python); err != nil {
		missing(t, fmt.Sprintf("THRIFTKIT_JAEGER (%q) names no Python with Jaeger's client", python))
	}
	file, err := thriftkit.Load("jaeger/agent.thrift")
	if err != nil {
		t.Fatal(err)
	}
	for _, protocol := range []string{"compact", "binary"} {
		t.Run(protocol, func(t *testing.T) {
			a := new(agent)
			server := thriftkit.NewServer(thriftkit.WithAccept(protocol+"/udp"), thriftkit.WithErrorLog(func(err error) { t.Error(err) }))
			if err := server.Register(file.MustService("Agent"), a); err != nil {
				t.Fatal(err)
			}
			l, err := thriftkit.Listen("udp://127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			go server.Serve(l)
			host, port, err := net.SplitHostPort(l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			client := start(t, python, "jaeger/report.py", protocol, host, port)
			if lines, code := client.rest(); code != 0 || len(lines) != 1 || lines[0] != "reported" {
				t.Fatalf("the client printed %q and ended with %d", lines, code)
			}
			if err := server.Shutdown(t.Context()); err != nil { // which answers what has come
				t.Error(err)
			}
			if got := a.spans(t); got["outer"] != 20 || got["inner"] != 20 || len(got) != 2 {
				t.Errorf("spans: %v", got)
			}
		})
	}
}
