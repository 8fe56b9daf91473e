package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestPrint(t *testing.T) {
	r := testReport()
	r.Rounds = 1
	r.Rows[0].About = "an echo"
	r.Rows[0].Add("a", Sample{CallsPerSec: 60})
	load := 0.12
	r.Rows[0].Load = &load
	r.Machine = Machine{Time: "today", System: "linux/amd64", CPU: "fast", CPUs: 2, Go: "go1.26", Modules: map[string]string{"x": "v1"}}
	r.Judge([]Target{
		{Row: "echo", Side: "thriftkit-bound", Metric: CallsPerSec, Factor: 0.85, Of: []string{RawGo}},
		{Row: "echo", Side: "thriftkit-bound", Metric: P50, Factor: 1},
		{Row: "echo", Side: "thriftkit-generated", Metric: P50, Factor: 1},
	})
	var text, markdown, j bytes.Buffer
	if err := r.Text(&text); err != nil {
		t.Fatal(err)
	}
	if err := r.Markdown(&markdown); err != nil {
		t.Fatal(err)
	}
	if err := r.JSON(&j); err != nil || !json.Valid(j.Bytes()) {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(text.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	words := strings.Join(lines, "\n")
	for _, want := range []string{
		"today: linux/amd64, 2 CPUs (fast), go1.26\nx v1\nmedians of 1 rounds, ± half the distance of the extremes\n",
		"echo: an echo (foreign CPU 12 %)\nside calls/s p50 us allocs/call target is\n",
		"\nthriftkit-bound 90.0 30.0 0 calls/s ≥ 0.85 × raw-go 0.900 of raw-go, met\np50 us ≤ 1 30.0, not met\nraw-go 100 20.0\na 50.0 ±20% 50.0\n",
		"\nc failed: it broke / badly\nthriftkit-generated p50 us ≤ 1 absent: no thriftkit-generated\n",
		"\nTargets: 1 met, 1 not met, 1 absent.",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("no %q in\n%s", want, words)
		}
	}
	for _, want := range []string{
		"### echo\n\nan echo; foreign CPU 12 %.\n\n| side | calls/s | p50 us | allocs/call | target | is |\n|---|---|---|---|---|---|\n",
		"| thriftkit-bound | 90.0 | 30.0 | 0 | calls/s ≥ 0.85 × raw-go | 0.900 of raw-go, met |\n|  |  |  |  | p50 us ≤ 1 | 30.0, not met |\n| raw-go | 100 | 20.0 |  |  |  |\n",
		"| a | 50.0 ±20% | 50.0 |  |  |  |\n",
		"| c failed: it broke / badly |  |  |  |  |  |\n",
		"| thriftkit-generated |  |  |  | p50 us ≤ 1 | absent: no thriftkit-generated |\n",
		"### before\n\n; foreign CPU unknown.\n",
		"Targets: 1 met, 1 not met, 1 absent.\n",
	} {
		if !strings.Contains(markdown.String(), want) {
			t.Errorf("no %q in\n%s", want, markdown.String())
		}
	}
}

func TestFormat(t *testing.T) {
	for _, test := range []struct {
		v    float64
		want string
	}{{0, "0"}, {0.1234, "0.123"}, {1.234, "1.23"}, {12.34, "12.3"}, {123.4, "123"}, {9996, "9996"}, {10_000, "10.0k"}, {123_456, "123k"}, {1e6, "1.00M"}, {33_833_413, "33.8M"}} {
		if got := format(test.v); got != test.want {
			t.Errorf("format(%v) = %s, want %s", test.v, got, test.want)
		}
	}
}
