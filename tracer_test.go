package thriftkit_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/ops"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// A collector keeps spans.
type collector struct {
	mu    sync.Mutex
	spans []*ops.Span
}

func (c *collector) add(s *ops.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spans = append(c.spans, s)
}

// tree returns the spans as "child < parent" with their kinds, methods and codes, sorted.
func (c *collector) tree(t *testing.T, trace [16]byte) (list []string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	name := func(s *ops.Span) string { return fmt.Sprintf("%s %s %s", s.Kind, s.Method, s.Code) }
	for _, s := range c.spans {
		if s.Trace.ID != trace {
			t.Errorf("%s is of another trace: %v", name(s), s.Trace)
		}
		parent := "the caller"
		for _, p := range c.spans {
			if p.Trace.Span == s.Parent {
				parent = name(p)
			}
		}
		list = append(list, name(s)+" < "+parent)
	}
	slices.Sort(list)
	return list
}

// relay passes calls of ping on to login of another server.
type relay struct {
	next  *thriftkit.Client
	login *schema.Method
	log   *slog.Logger
}

func (r *relay) Ping(ctx context.Context) (string, error) {
	r.log.InfoContext(ctx, "relayed")
	return thriftkit.Invoke[string](ctx, r.next, r.login, "root", "pwd")
}

func (r *relay) Login(context.Context, string, string) (string, error) {
	return "", thriftkit.Errorf(thriftkit.CodeOverloaded, "busy")
}

// A trace goes from a caller by way of one server to another, in every transport that carries metadata.
func TestTracer(t *testing.T) {
	foo, err := thriftkit.Parse("foo.thrift", fooThrift)
	if err != nil {
		t.Fatal(err)
	}
	svc := foo.Service("PingPong")
	const traceID, state = "0af7651916cd43dd8448eb211c80319c", "vendor=1,other=2"
	for _, transport := range []string{"header", "ttheader", "http"} {
		for _, sampled := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/%v", transport, sampled), func(t *testing.T) {
				var spans collector
				var logged bytes.Buffer
				tracer := ops.NewTracer(ops.TracerOptions{Sample: -1, Export: spans.add})
				r := &relay{login: svc.Method("login"), log: slog.New(ops.TraceLogHandler(slog.NewTextHandler(&logged, nil)).WithAttrs([]slog.Attr{slog.Int("a", 1)}))}
				s := thriftkit.NewServer(thriftkit.WithTracer(tracer), thriftkit.WithErrorLog(nil))
				if err := s.Register(svc, r); err != nil {
					t.Fatal(err)
				}
				l, err := thriftkit.Listen("127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				go s.Serve(l)
				target := "tcp://" + l.Addr().String() + "?transport=" + transport
				if transport == "http" {
					target = "http://" + l.Addr().String()
				}
				if r.next, err = thriftkit.Dial(t.Context(), target, thriftkit.WithTracer(tracer)); err != nil {
					t.Fatal(err)
				}
				defer r.next.Close()
				parent, ok := ops.ParseTrace("00-"+traceID+"-b7ad6b7169203331-"+map[bool]string{true: "01", false: "00"}[sampled], state)
				if !ok || parent.Sampled != sampled || parent.State != state {
					t.Fatalf("%v, %v", parent, ok)
				}
				_, err = thriftkit.Invoke[string](ops.ContextWithTrace(t.Context(), parent), r.next, svc.Method("ping"))
				if err == nil {
					t.Fatal("no error")
				}
				s.Shutdown(t.Context()) // all spans have ended
				want := []string{
					"attempt login overloaded < client login overloaded", "attempt ping internal < client ping internal",
					"client login overloaded < server ping internal", "client ping internal < the caller",
					"server login overloaded < attempt login overloaded", "server ping internal < attempt ping internal",
				}
				if !sampled {
					want = nil
				}
				if got := spans.tree(t, parent.ID); !slices.Equal(got, want) {
					t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
				for _, s := range spans.spans {
					if s.Trace.State != state || s.Duration <= 0 || s.Service != "PingPong" || (s.Peer == "" && s.Kind != ops.SpanClient) || (s.Err == nil) != (s.Code == "ok") {
						t.Errorf("%+v", s)
					}
				}
				if text := logged.String(); !strings.Contains(text, "msg=relayed a=1 trace_id="+traceID+" span_id=") {
					t.Errorf("logged %s", text)
				}
			})
		}
	}
}

// TestTracerFleet has calls of which some attempts reach a server that lets nobody in.
func TestTracerFleet(t *testing.T) {
	foo, err := thriftkit.Parse("foo.thrift", fooThrift)
	if err != nil {
		t.Fatal(err)
	}
	svc := foo.Service("PingPong")
	var spans collector
	tracer := ops.NewTracer(ops.TracerOptions{Sample: 1, Export: spans.add})
	var addrs []string
	for _, opts := range [][]thriftkit.ServerOption{nil, {thriftkit.WithGate(closedGate{})}} {
		s := thriftkit.NewServer(append(opts, thriftkit.WithTracer(tracer), thriftkit.WithErrorLog(nil))...)
		if err := s.Register(svc, new(relay)); err != nil {
			t.Fatal(err)
		}
		l, err := thriftkit.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go s.Serve(l)
		defer s.Close()
		addrs = append(addrs, l.Addr().String())
	}
	c, err := thriftkit.Dial(t.Context(), strings.Join(addrs, ",")+"?transport=header", thriftkit.WithTracer(tracer))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for refused := false; !refused; {
		spans.spans = nil // the spans of a call have ended when it has
		if _, err := thriftkit.Invoke[string](t.Context(), c, svc.Method("login"), "a", "b"); err == nil {
			t.Fatal("no error")
		}
		for _, attempt := range spans.spans {
			if attempt.Kind != ops.SpanAttempt {
				continue
			}
			var below []string
			for _, s := range spans.spans {
				if s.Parent == attempt.Trace.Span {
					below = append(below, string(s.Kind))
				}
			}
			want := []string{"server"}
			if attempt.Peer == addrs[1] {
				want, refused = nil, true
			}
			if !slices.Equal(below, want) {
				t.Errorf("below the attempt at %s: %v, want %v", attempt.Peer, below, want)
			}
		}
	}
}

type closedGate struct{}

func (closedGate) Admit(context.Context, *schema.Service, *schema.Method) (context.Context, rpc.Leave, error) {
	return nil, nil, thriftkit.Errorf(thriftkit.CodeOverloaded, "closed")
}

// A server begins a trace where the caller has none, and the access log and the exemplars know it.
func TestTracerBegins(t *testing.T) {
	foo, err := thriftkit.Parse("foo.thrift", fooThrift)
	if err != nil {
		t.Fatal(err)
	}
	var spans collector
	var logged bytes.Buffer
	tracer := ops.NewTracer(ops.TracerOptions{Sample: 1, Export: spans.add})
	m := ops.NewMetrics()
	s := thriftkit.NewServer(thriftkit.WithTracer(tracer), thriftkit.WithStats(m.Server()), thriftkit.WithStats(ops.AccessLog(slog.New(slog.NewTextHandler(&logged, nil)), ops.AccessLogOptions{})))
	if err := s.Register(foo.Service("PingPong"), &relay{log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	c := thriftkit.NewClient(s.Handle)
	if _, err := thriftkit.Invoke[string](t.Context(), c, foo.Service("PingPong").Method("login"), "", ""); err == nil {
		t.Fatal("no error")
	}
	s.Shutdown(t.Context())
	if len(spans.spans) != 1 || spans.spans[0].Parent != [8]byte{} || !spans.spans[0].Trace.Sampled {
		t.Fatalf("%+v", spans.spans)
	}
	id := fmt.Sprintf("%x", spans.spans[0].Trace.ID)
	if !strings.Contains(logged.String(), "trace_id="+id) || !strings.Contains(string(m.Append(nil, true)), `# {trace_id="`+id+`"}`) {
		t.Errorf("trace %s is not in\n%s\n%s", id, logged.String(), m.Append(nil, true))
	}
}

// A server reads the ids of callers that send B3's headers. What is no trace begins a new one.
func TestTracerReadsB3(t *testing.T) {
	foo, err := thriftkit.Parse("foo.thrift", fooThrift)
	if err != nil {
		t.Fatal(err)
	}
	svc := foo.Service("PingPong")
	const id, span = "80f198ee56343ba864fe8b2a57d3eff7", "e457b5a2e4d86bd1"
	const w3c = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, transport := range []string{"header", "ttheader", "http"} {
		for _, test := range []struct {
			about, want string // the trace and the parent; "new": of the server's own; "": no span is recorded
			md          map[string]string
		}{
			{"single", id + " " + span, map[string]string{"b3": id + "-" + span + "-1"}},
			{"single, not sampled", "", map[string]string{"b3": id + "-" + span + "-0"}},
			{"single, undecided", "", map[string]string{"b3": id + "-" + span}}, // the server samples nothing
			{"single, sampling alone", "new", map[string]string{"b3": "1"}},
			{"single, wrong", "", map[string]string{"b3": "x"}},
			{"several", id + " " + span, map[string]string{"X-B3-TraceId": id, "X-B3-SpanId": span, "X-B3-Sampled": "1", "X-B3-ParentSpanId": span}},
			{"several, in lower case", id + " " + span, map[string]string{"x-b3-traceid": id, "x-b3-spanid": span, "x-b3-sampled": "true"}},
			{"several, debug", id + " " + span, map[string]string{"X-B3-TraceId": id, "X-B3-SpanId": span, "X-B3-Flags": "1"}},
			{"several, not sampled", "", map[string]string{"X-B3-TraceId": id, "X-B3-SpanId": span, "X-B3-Sampled": "0"}},
			{"several, without a span", "new", map[string]string{"X-B3-TraceId": id, "X-B3-Sampled": "1"}},
			{"W3C goes before", w3c[3:35] + " " + w3c[36:52], map[string]string{"traceparent": w3c, "b3": id + "-" + span + "-1"}},
		} {
			t.Run(transport+"/"+test.about, func(t *testing.T) {
				var spans collector
				s := thriftkit.NewServer(thriftkit.WithTracer(ops.NewTracer(ops.TracerOptions{Sample: -1, Export: spans.add})))
				if err := s.Register(svc, &relay{}); err != nil {
					t.Fatal(err)
				}
				l, err := thriftkit.Listen("127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				go s.Serve(l)
				c, err := thriftkit.Dial(t.Context(), "tcp://"+l.Addr().String()+"?transport="+transport)
				if err != nil {
					t.Fatal(err)
				}
				thriftkit.Invoke[string](thriftkit.AddMetadata(t.Context(), test.md), c, svc.Method("login"), "", "") // an error
				c.Close()
				s.Shutdown(t.Context())
				got := ""
				for _, s := range spans.spans {
					if got += fmt.Sprintf("%x %x", s.Trace.ID, s.Parent); s.Parent == [8]byte{} && s.Trace.IsValid() {
						got = "new"
					}
				}
				if got != test.want {
					t.Errorf("got %q, want %q", got, test.want)
				}
			})
		}
	}
}

// What others send as a trace.
func TestParseTrace(t *testing.T) {
	for _, test := range []struct {
		parent string
		ok     bool
	}{
		{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true},
		{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", true},
		{"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", true}, // of a later version
		{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", false},
		{"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more", false},
		{"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
		{"00-00000000000000000000000000000000-b7ad6b7169203331-01", false},
		{"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false},
		{"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false},
		{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0", false},
		{"00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
		{"", false},
		{strings.Repeat("0", 10_000), false},
	} {
		trace, ok := ops.ParseTrace(test.parent, "")
		if ok != test.ok || ok != trace.IsValid() {
			t.Errorf("%.80s: %v", test.parent, ok)
		}
		if ok && strings.HasPrefix(test.parent, "00") && trace.String() != test.parent {
			t.Errorf("%s is %s", test.parent, trace)
		}
	}
	if trace, _ := ops.ParseTrace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", strings.Repeat("x", 513)); trace.State != "" {
		t.Error("a state that is too long")
	}
}
