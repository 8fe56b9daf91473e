package call

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/bench/internal/report"
)

// clientEnv makes this test a client process.
const clientEnv = "THRIFTKIT_BENCH_CLIENT"

func TestMain(m *testing.M) {
	if os.Getenv(clientEnv) != "" {
		ClientMain()
	}
	os.Exit(m.Run())
}

// TestSmoke has every side make calls, of every kind that it takes part in, with few callers and for a
// moment, so that none can rot.
func TestSmoke(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs all servers")
	}
	dir := t.TempDir()
	if err := Build("go", "../..", dir, ""); err != nil {
		t.Fatal(err)
	}
	t.Setenv(clientEnv, "1")
	r := Runner{Servers: dir, Client: []string{os.Args[0]}, Rounds: 1, Window: 20 * time.Millisecond, Warmup: 5 * time.Millisecond}
	seen := make(map[string]bool)
	rows := Rows()
	for _, name := range []string{"echo/1KB/16", "echo/100KB/1", "echo-deadline/0B/1", "echo-around/0B/1", "structs/60B/1", "structs/4.5KB/1", "slow/beside", "rpcx-thrift/1KB/16", "rpcx-msgpack/1KB/16", "gateway/60B/16", "gateway-proxy/60B/16"} {
		got := r.Measure(rows, regexp.MustCompile("^"+name+"$"), func(string) {})
		if len(got) != 1 {
			t.Fatalf("%d rows are called %s", len(got), name)
		}
		for _, s := range got[0].Sides {
			seen[s.Name] = true
			m := s.Metrics
			if s.Failure != "" || m[report.CallsPerSec].Median <= 0 || m[report.P99].Median < m[report.P50].Median || m[report.SecPerMillion].Median < 0 {
				t.Errorf("%s: %s: %s %+v", name, s.Name, s.Failure, m)
			}
		}
	}
	for _, row := range r.MeasureRest(dir, regexp.MustCompile("^(start|idle/100)$"), func(string) {}) {
		for _, s := range row.Sides {
			if s.Failure != "" {
				t.Errorf("%s: %s: %s", row.Name, s.Name, s.Failure)
			}
		}
	}
	for _, s := range sides() {
		if !seen[s.name] {
			t.Errorf("%s took part in nothing", s.name)
		}
	}
}

// TestFailures shows that a side which cannot start says why; the row goes on.
func TestFailures(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a client that fails")
	}
	t.Setenv(clientEnv, "1")
	r := Runner{Servers: t.TempDir(), Client: []string{os.Args[0]}, Rounds: 1, Window: time.Millisecond, Warmup: time.Millisecond}
	row := r.measure(Row{Name: "x", Spec: Spec{Method: Echo, Callers: 1}})
	if len(row.Sides) == 0 {
		t.Fatal("no sides")
	}
	for _, s := range row.Sides {
		if !strings.Contains(s.Failure, "no such file") || len(s.Metrics) != 0 {
			t.Errorf("%s without its server: %q, %v", s.Name, s.Failure, s.Metrics)
		}
	}
}

// TestClientRefuses shows what a client process does with a wrong spec.
func TestClientRefuses(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", "EOF"},
		{"x\n", "invalid character 'x' looking for beginning of value"},
		{`{"side":"nobody"}` + "\n", `no side "nobody"`},
	} {
		if err := Client(strings.NewReader(test.in), io.Discard); fmt.Sprint(err) != test.want {
			t.Errorf("%q: got %v, want %s", test.in, err, test.want)
		}
	}
}
