package ops_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/ops"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

const shopThrift = `
exception SoldOut { 1: string message }
struct Card { 1: string number (thriftkit.sensitive = "true"), 2: string holder }
service Shop {
  string echo(1: string text)
  string buy(1: string item, 2: Card card, 3: string pin (thriftkit.sensitive = "true")) throws (1: SoldOut soldOut)
  oneway void note(1: string text)
}`

func shop(t testing.TB) *schema.Service {
	t.Helper()
	file, diags := compile.Compile("shop.thrift", compile.Options{Source: compile.Texts{"shop.thrift": shopThrift}})
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	return file.Service("Shop")
}

type soldOut struct{ Message string }

func (*soldOut) Error() string      { return "sold out" }
func (*soldOut) ThriftName() string { return "SoldOut" }

type card struct{ Number, Holder string }

type shopHandler struct{}

func (shopHandler) Echo(_ context.Context, text string) (string, error) { return text, nil }
func (shopHandler) Note(context.Context, string) error                  { return nil }
func (shopHandler) Buy(_ context.Context, item string, _ card, _ string) (string, error) {
	switch item {
	case "gone":
		return "", &soldOut{item}
	case "boom":
		panic(item)
	case "bad":
		return "", errors.New("secret")
	case "busy":
		return "", rpc.Errorf(rpc.CodeOverloaded, "busy")
	}
	return item, nil
}

type shopClient struct {
	Echo func(context.Context, string) (string, error)
	Buy  func(context.Context, string, card, string) (string, error)
	Note func(context.Context, string) error
}

// serve returns a client of a server in this process, both of which report to listeners.
func serve(t testing.TB, svc *schema.Service, server, client rpc.Stats) *shopClient {
	t.Helper()
	s := rpc.NewServer(rpc.ServerOptions{Stats: server})
	t.Cleanup(func() { s.Close() })
	if err := s.Register(svc, shopHandler{}); err != nil {
		t.Fatal(err)
	}
	var c shopClient
	if err := rpc.NewClient(s.Handle, rpc.ClientOptions{Stats: client}).Bind(svc, &c); err != nil {
		t.Fatal(err)
	}
	return &c
}

// series returns the samples of a text that match a pattern.
func series(text, pattern string) []string {
	return regexp.MustCompile(`(?m)^(?:`+pattern+`).*$`).FindAllString(text, -1)
}

func TestMetricsCountCalls(t *testing.T) {
	m := ops.NewMetrics()
	c := serve(t, shop(t), m.Server(), m.Client())
	ctx := t.Context()
	for range 3 {
		c.Echo(ctx, "hello")
	}
	for _, item := range []string{"pen", "gone", "gone", "boom", "bad", "busy"} {
		c.Buy(ctx, item, card{}, "")
	}
	text := string(m.Append(nil, false))
	for _, test := range []struct {
		pattern string
		want    []string
	}{
		{"thriftkit_server_calls_total", []string{
			`thriftkit_server_calls_total{service="Shop",method="buy",code="ok",outcome="executed"} 1`,
			`thriftkit_server_calls_total{service="Shop",method="buy",code="exception",outcome="executed"} 2`,
			`thriftkit_server_calls_total{service="Shop",method="buy",code="internal",outcome="executed"} 2`,
			`thriftkit_server_calls_total{service="Shop",method="buy",code="overloaded",outcome="executed"} 1`,
			`thriftkit_server_calls_total{service="Shop",method="echo",code="ok",outcome="executed"} 3`,
		}},
		{"thriftkit_client_attempts_total", []string{
			`thriftkit_client_attempts_total{service="Shop",method="buy",code="ok",outcome="executed"} 1`,
			`thriftkit_client_attempts_total{service="Shop",method="buy",code="exception",outcome="executed"} 2`,
			`thriftkit_client_attempts_total{service="Shop",method="buy",code="internal",outcome="executed"} 2`,
			`thriftkit_client_attempts_total{service="Shop",method="buy",code="overloaded",outcome="refused"} 1`,
			`thriftkit_client_attempts_total{service="Shop",method="echo",code="ok",outcome="executed"} 3`,
		}},
		{`\w+_in_flight`, []string{
			`thriftkit_server_calls_in_flight{service="Shop",method="buy"} 0`,
			`thriftkit_server_calls_in_flight{service="Shop",method="echo"} 0`,
			`thriftkit_client_attempts_in_flight{service="Shop",method="buy"} 0`,
			`thriftkit_client_attempts_in_flight{service="Shop",method="echo"} 0`,
		}},
		{`thriftkit_server_(call|queue)_duration_seconds_(count|bucket\{[^}]*le="\+Inf"\}).*`, []string{
			`thriftkit_server_call_duration_seconds_bucket{service="Shop",method="buy",le="+Inf"} 6`,
			`thriftkit_server_call_duration_seconds_count{service="Shop",method="buy"} 6`,
			`thriftkit_server_call_duration_seconds_bucket{service="Shop",method="echo",le="+Inf"} 3`,
			`thriftkit_server_call_duration_seconds_count{service="Shop",method="echo"} 3`,
			`thriftkit_server_queue_duration_seconds_bucket{service="Shop",method="buy",le="+Inf"} 6`,
			`thriftkit_server_queue_duration_seconds_count{service="Shop",method="buy"} 6`,
			`thriftkit_server_queue_duration_seconds_bucket{service="Shop",method="echo",le="+Inf"} 3`,
			`thriftkit_server_queue_duration_seconds_count{service="Shop",method="echo"} 3`,
		}},
	} {
		if got := series(text, test.pattern); !slices.Equal(got, test.want) {
			t.Errorf("%s:\n%s\nwant\n%s", test.pattern, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
		}
	}
}

// Whatever names clients call and dialects they speak, the series are those of the IDL.
func TestMetricsAreBounded(t *testing.T) {
	m := ops.NewMetrics()
	s := m.Server()
	for i := range 1000 {
		s.HandleCall(t.Context(), rpc.CallEvent{
			Kind: rpc.CallRefused, Name: fmt.Sprintf("method%d\n\"\\", i), Err: rpc.Errorf(rpc.CodeUnknownMethod, "unknown"),
		})
	}
	s.HandleCall(t.Context(), rpc.CallEvent{Kind: rpc.CallRefused, Err: rpc.Errorf(rpc.Code(12345), "of another program")})
	svc := shop(t)
	for range 3 { // a schema that is loaded again is the same service
		c := serve(t, shop(t), s, nil)
		c.Echo(t.Context(), "")
	}
	_ = svc
	want := []string{
		`thriftkit_server_calls_total{service="",method="_other",code="other",outcome="refused"} 1`,
		`thriftkit_server_calls_total{service="",method="_other",code="unknown_method",outcome="refused"} 1000`,
		`thriftkit_server_calls_total{service="Shop",method="echo",code="ok",outcome="executed"} 3`,
	}
	if got := series(string(m.Append(nil, false)), "thriftkit_server_calls_total"); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestMetricsCountConnections(t *testing.T) {
	m := ops.NewMetrics()
	s, c := m.Server(), m.Client()
	for _, e := range []rpc.ConnEvent{
		{Kind: rpc.ConnOpened}, {Kind: rpc.ConnDetected, Dialect: "binary/framed"},
		{Kind: rpc.ConnOpened}, {Kind: rpc.ConnDetected, Dialect: "binary/framed"}, {Kind: rpc.ConnClosed, Dialect: "binary/framed", Err: errors.New("reset")},
		{Kind: rpc.ConnOpened},
		{Kind: rpc.ConnOpened}, {Kind: rpc.ConnRefused, Err: errors.New("unknown")}, {Kind: rpc.ConnClosed},
	} {
		s.HandleConn(e)
	}
	for _, e := range []rpc.ConnEvent{
		{Kind: rpc.ConnOpened, Dialect: "compact/header"}, {Kind: rpc.ConnFailed, Dialect: "compact/header"},
	} {
		c.HandleConn(e)
	}
	want := []string{
		`thriftkit_server_connections{dialect="undetected"} 1`,
		`thriftkit_server_connections{dialect="binary/framed"} 1`,
		`thriftkit_server_connections_opened_total{dialect="binary/framed"} 2`,
		`thriftkit_server_connection_errors_total 1`,
		`thriftkit_server_connections_refused_total 1`,
		`thriftkit_client_connections{dialect="compact/header"} 1`,
		`thriftkit_client_connections_opened_total{dialect="compact/header"} 1`,
		`thriftkit_client_connection_errors_total 0`,
		`thriftkit_client_connections_failed_total 1`,
	}
	if got := series(string(m.Append(nil, false)), `thriftkit_\w+_connection`); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestMetricsFormats(t *testing.T) {
	m := ops.NewMetrics()
	c := serve(t, shop(t), m.Server(), nil)
	const trace = "0af7651916cd43dd8448eb211c80319c"
	for _, flags := range []string{"00", "01"} {
		c.Echo(rpc.AddMetadata(t.Context(), map[string]string{"traceparent": "00-" + trace + "-b7ad6b7169203331-" + flags}), "")
	}
	for _, test := range []struct {
		accept string
		open   bool
	}{
		{"", false},
		{"*/*", false},
		{"text/plain", false},
		{"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", true},
		{"application/openmetrics-text; version=1.0.0; q=0.2, text/plain; q=0.9", false},
		{"application/openmetrics-text; version=7.0.0", false},
		{"application/openmetrics-text; q=0", false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.Header.Set("Accept", test.accept)
		w := httptest.NewRecorder()
		m.ServeHTTP(w, r)
		text := w.Body.String()
		kind := "text/plain; version=0.0.4; charset=utf-8"
		if test.open {
			kind = "application/openmetrics-text; version=1.0.0; charset=utf-8"
		}
		if got := w.Header().Get("Content-Type"); got != kind {
			t.Errorf("Accept %q: Content-Type %q, want %q", test.accept, got, kind)
		}
		if open := strings.HasSuffix(text, "# EOF\n"); open != test.open {
			t.Errorf("Accept %q: EOF is %v", test.accept, open)
		}
		exemplars := regexp.MustCompile(`_bucket\{[^}]*\} \d+ # \{trace_id="`+trace+`"\} \S+ \d+\.\d{3}\n`).FindAllString(text, -1)
		if want := map[bool]int{true: 1}[test.open]; len(exemplars) != want {
			t.Errorf("Accept %q: %d exemplars, want %d", test.accept, len(exemplars), want)
		}
	}
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/metrics", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d", w.Code)
	}
}

func TestMetricsOfTheProgram(t *testing.T) {
	m := ops.NewMetrics()
	m.Gauge("queue_length", "Jobs \\ that\nwait.", func() float64 { return 1.5 })
	m.Counter("jobs_total", "Jobs.", func() float64 { return 7 })
	text := string(m.Append(nil, true))
	for _, want := range []string{"# HELP queue_length Jobs \\\\ that\\nwait.\n# TYPE queue_length gauge\nqueue_length 1.5\n", "# TYPE jobs counter\njobs_total 7\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, bad := range []func(){
		func() { m.Gauge("queue length", "", nil) },
		func() { m.Gauge("queue_length", "", nil) },
		func() { m.Gauge("go_goroutines", "", nil) },
		func() { m.Counter("jobs", "", nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			bad()
		}()
	}
}

// Counting allocates nothing.
func TestMetricsAllocateNothing(t *testing.T) {
	svc := shop(t)
	begun := rpc.CallEvent{Kind: rpc.CallBegun, Call: 1, Conn: 1, Service: svc, Method: svc.Method("echo"), Queue: time.Microsecond}
	replied := begun
	replied.Kind, replied.Duration = rpc.CallReplied, time.Millisecond
	m := ops.NewMetrics().Server()
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		m.HandleCall(ctx, begun)
		m.HandleCall(ctx, replied)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMetrics(b *testing.B) {
	svc := shop(b)
	m := ops.NewMetrics().Server()
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		begun := rpc.CallEvent{Kind: rpc.CallBegun, Call: 1, Conn: 1, Service: svc, Method: svc.Method("echo"), Queue: time.Microsecond}
		replied := begun
		replied.Kind, replied.Duration = rpc.CallReplied, time.Millisecond
		for p.Next() {
			m.HandleCall(b.Context(), begun)
			m.HandleCall(b.Context(), replied)
		}
	})
}

// The dashboard for Grafana asks for series that there are.
func TestDashboard(t *testing.T) {
	board, err := os.ReadFile("../docs/grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	m := ops.NewMetrics()
	c := serve(t, shop(t), m.Server(), m.Client())
	c.Echo(t.Context(), "")
	text := string(m.Append(nil, false))
	names := regexp.MustCompile(`\b(?:thriftkit|go|process)_\w+`).FindAllString(string(board), -1)
	if len(names) < 20 {
		t.Fatal(names)
	}
	for _, name := range names {
		family := strings.TrimSuffix(name, "_bucket")
		if !strings.Contains(text, "# TYPE "+family+" ") {
			t.Errorf("no metric %s", name)
		}
	}
}
