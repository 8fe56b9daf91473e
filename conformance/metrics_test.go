package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/ops"
)

const traceID = "0af7651916cd43dd8448eb211c80319c"

// pinger pings, and fails for whoever is nobody.
type pinger struct{}

func (pinger) Ping(context.Context) (string, error) { return "pong", nil }
func (pinger) Login(_ context.Context, username, _ string) (string, error) {
	if username == "nobody" {
		return "", thriftkit.Errorf(thriftkit.CodeOverloaded, "busy")
	}
	return "welcome", nil
}

// measured returns the metrics of a server and a client that have made some calls: 5 of ping, 2 of login that fail, and one that no
// server knows.
func measured(t *testing.T) *ops.Metrics {
	t.Helper()
	m := ops.NewMetrics()
	file, err := thriftkit.Load("testdata/foo.thrift")
	if err != nil {
		t.Fatal(err)
	}
	foo := file.MustService("PingPong")
	s := thriftkit.NewServer(thriftkit.WithStats(m.Server()), thriftkit.WithErrorLog(nil))
	if err := s.Register(foo, pinger{}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	conn, err := thriftkit.Dial(t.Context(), l.Addr().String()+"?transport=header", thriftkit.WithStats(m.Client()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ctx := thriftkit.AddMetadata(t.Context(), map[string]string{"traceparent": "00-" + traceID + "-b7ad6b7169203331-01"})
	for range 5 {
		if _, err := thriftkit.Invoke[string](ctx, conn, foo.Method("ping")); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := thriftkit.Invoke[string](ctx, conn, foo.Method("login"), "nobody", ""); err == nil {
			t.Fatal("no error")
		}
	}
	other, err := thriftkit.Parse("other.thrift", `service Other { void unheard() }`)
	if err != nil {
		t.Fatal(err)
	}
	unheard := other.Service("Other").Method("unheard")
	if _, err := conn.Invoke(ctx, unheard, dynamic.New(unheard.Args)); err == nil {
		t.Fatal("no error")
	}
	return m
}

// The parser of Prometheus's own libraries reads what /metrics says.
func TestMetricsParse(t *testing.T) {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(measured(t).Append(nil, false)))
	if err != nil {
		t.Fatal(err)
	}
	for name, kind := range map[string]string{
		"thriftkit_server_calls_total": "COUNTER", "thriftkit_server_call_duration_seconds": "HISTOGRAM", "thriftkit_server_queue_duration_seconds": "HISTOGRAM",
		"thriftkit_server_calls_in_flight": "GAUGE", "thriftkit_server_connections": "GAUGE", "thriftkit_client_attempts_total": "COUNTER",
		"thriftkit_client_attempt_duration_seconds": "HISTOGRAM", "thriftkit_client_retries_total": "COUNTER", "process_start_time_seconds": "GAUGE",
	} {
		f := families[name]
		if f == nil {
			t.Errorf("no %s", name)
			continue
		}
		if got := f.GetType().String(); got != kind || f.GetHelp() == "" {
			t.Errorf("%s is a %s, want %s; help %q", name, got, kind, f.GetHelp())
		}
	}
	for _, metric := range families["thriftkit_server_call_duration_seconds"].GetMetric() {
		h := metric.GetHistogram()
		last := h.GetBucket()[len(h.GetBucket())-1]
		if last.GetCumulativeCount() != h.GetSampleCount() || h.GetSampleCount() > 0 && h.GetSampleSum() <= 0 {
			t.Errorf("%v", metric)
		}
	}
}

// A real Prometheus scrapes a program, with exemplars.
func TestPrometheusScrapes(t *testing.T) {
	program := os.Getenv("THRIFTKIT_PROMETHEUS")
	if _, err := exec.LookPath(program); err != nil {
		missing(t, fmt.Sprintf("THRIFTKIT_PROMETHEUS (%q) names no Prometheus", program))
	}
	accepted := make(chan string, 1)
	m := measured(t)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case accepted <- r.Header.Get("Accept"):
		default:
		}
		m.ServeHTTP(w, r)
	}))
	defer page.Close()
	dir := t.TempDir()
	config := fmt.Sprintf("global: {scrape_interval: 200ms, scrape_timeout: 200ms}\nscrape_configs:\n- job_name: thriftkit\n  scrape_timeout: 200ms\n  static_configs: [{targets: [%q]}]\n",
		page.Listener.Addr())
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:0", "--enable-feature=exemplar-storage")
	base := "http://" + p.logged(regexp.MustCompile(`"Listening on" address=(\S+)`))
	t.Logf("Prometheus accepts %s", <-accepted)
	for query, want := range map[string]string{
		`thriftkit_server_calls_total{code="ok"}`:                                                    "PingPong.ping 5",
		`thriftkit_server_calls_total{code="overloaded"}`:                                            "PingPong.login 2",
		`thriftkit_server_calls_total{code="unknown_method"}`:                                        "._other 1",
		`thriftkit_client_attempts_total{code="overloaded",outcome="refused"}`:                       "PingPong.login 2",
		`sum by (service,method) (thriftkit_server_call_duration_seconds_count{method="ping"})`:      "PingPong.ping 5",
		`thriftkit_server_call_duration_seconds_bucket{method="ping",le="+Inf"}`:                     "PingPong.ping 5",
		`count by (service,method) (thriftkit_server_call_duration_seconds_bucket{method="ping"})`:   "PingPong.ping 22",
		`histogram_quantile(0.5,thriftkit_server_call_duration_seconds_bucket{method="ping"}) < 100`: "PingPong.ping",
	} {
		poll(t, query, want, func() string {
			var answer struct {
				Data struct {
					Result []struct {
						Metric struct{ Service, Method string }
						Value  [2]any
					}
				}
			}
			getJSON(t, base+"/api/v1/query?query="+url.QueryEscape(query), &answer)
			var got []string
			for _, r := range answer.Data.Result {
				got = append(got, fmt.Sprintf("%s.%s %v", r.Metric.Service, r.Metric.Method, r.Value[1]))
			}
			text := strings.Join(got, ", ")
			if strings.HasPrefix(query, "histogram_quantile") {
				text, _, _ = strings.Cut(text, " ")
			}
			return text
		})
	}
	for _, expr := range dashboardQueries(t) {
		var answer struct{ Status, Error string }
		getJSON(t, base+"/api/v1/query?query="+url.QueryEscape(expr), &answer)
		if answer.Status != "success" {
			t.Errorf("the dashboard asks %s: %s", expr, answer.Error)
		}
	}
	poll(t, "exemplars", traceID, func() string {
		var answer struct {
			Data []struct {
				Exemplars []struct {
					Labels struct {
						TraceID string `json:"trace_id"`
					}
				}
			}
		}
		now := time.Now()
		getJSON(t, fmt.Sprintf("%s/api/v1/query_exemplars?query=%s&start=%d&end=%d", base, url.QueryEscape(`thriftkit_server_call_duration_seconds_bucket{method="ping"}`),
			now.Add(-time.Hour).Unix(), now.Add(time.Hour).Unix()), &answer)
		for _, s := range answer.Data {
			for _, e := range s.Exemplars {
				return e.Labels.TraceID
			}
		}
		return ""
	})
}

// dashboardQueries returns what the dashboard for Grafana asks Prometheus.
func dashboardQueries(t *testing.T) (list []string) {
	text, err := os.ReadFile("../docs/grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	vars := strings.NewReplacer("$service", ".*", "$method", ".*", "$job", ".*", "$__rate_interval", "1m")
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			list = append(list, vars.Replace(target.Expr))
		}
	}
	if len(list) < 10 {
		t.Fatalf("%d queries", len(list))
	}
	return list
}

// poll waits until get returns want.
func poll(t *testing.T, about, want string, get func() string) {
	t.Helper()
	got := ""
	for end := time.Now().Add(patient); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if got = get(); got == want {
			return
		}
	}
	t.Errorf("%s: got %q, want %q", about, got, want)
}

func getJSON(t *testing.T, url string, v any) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		t.Logf("%s: %v", url, err) // it may not be ready yet
	}
}
