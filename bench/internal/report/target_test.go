package report

import (
	"errors"
	"testing"
)

func testReport() *Report {
	row := &Row{Name: "echo"}
	row.Add("thriftkit-bound", Sample{CallsPerSec: 90, P50: 30, AllocsPerCall: 0})
	row.Add(RawGo, Sample{CallsPerSec: 100, P50: 20})
	row.Add("a", Sample{CallsPerSec: 40, P50: 50})
	row.Add("b", Sample{CallsPerSec: 50, P50: 60})
	row.Add("c", Sample{CallsPerSec: 500, P50: 1})
	row.Fail("c", errors.New("it broke |\n badly"))
	before := &Row{Name: "before"}
	before.Add("thriftkit-bound", Sample{P50: 25})
	return &Report{Rows: []*Row{row, before}}
}

func TestEvaluate(t *testing.T) {
	const own = "thriftkit-bound"
	for _, test := range []struct {
		target Target
		text   string
		want   string
	}{
		{Target{Row: "echo", Side: own, Metric: CallsPerSec, Factor: 0.85, Of: []string{RawGo}}, "calls/s ≥ 0.85 × raw-go", "0.900 of raw-go, met"},
		{Target{Row: "echo", Side: own, Metric: CallsPerSec, Factor: 0.95, Of: []string{RawGo}}, "calls/s ≥ 0.95 × raw-go", "0.900 of raw-go, not met"},
		{Target{Row: "echo", Side: own, Metric: P50, Factor: 1.5, Of: []string{RawGo}}, "p50 us ≤ 1.5 × raw-go", "1.50 of raw-go, met"},
		{Target{Row: "echo", Side: own, Metric: P50, Factor: 1.3, Of: []string{RawGo}}, "p50 us ≤ 1.3 × raw-go", "1.50 of raw-go, not met"},
		{Target{Row: "echo", Side: own, Metric: P50, Factor: 1.3, Plus: 5, Of: []string{RawGo}}, "p50 us ≤ 1.3 × raw-go + 5", "1.50 of raw-go, met"},
		{Target{Row: "echo", Side: own, Metric: CallsPerSec, Factor: 1.5, Of: []string{BestPeer}}, "calls/s ≥ 1.5 × best peer", "1.80 of b, met"},
		{Target{Row: "echo", Side: own, Metric: P50, Factor: 0.5, Of: []string{BestPeer}}, "p50 us ≤ 0.5 × best peer", "0.600 of a, not met"},
		{Target{Row: "echo", Side: own, Metric: P50, Factor: 1, Of: []string{own}, OfRow: "before", OfSide: "before"}, "p50 us ≤ 1 × before", "1.20 of thriftkit-bound, not met"},
		{Target{Row: "echo", Side: own, Metric: AllocsPerCall, Factor: 0}, "allocs/call ≤ 0", "0, met"},
		{Target{Row: "echo", Side: own, Metric: P50, Factor: 29}, "p50 us ≤ 29", "30.0, not met"},
		{Target{Row: "none", Side: own, Metric: P50, Factor: 29}, "p50 us ≤ 29", "not run: none"},
		{Target{Row: "echo", Side: "thriftkit-x", Metric: P50, Factor: 29}, "p50 us ≤ 29", "absent: no thriftkit-x"},
		{Target{Row: "echo", Side: own, Metric: P50, Factor: 1, Of: []string{"d"}}, "p50 us ≤ 1 × d", "absent: no d"},
		{Target{Row: "echo", Side: own, Metric: P50, Factor: 1, Of: []string{"c"}}, "p50 us ≤ 1 × c", "absent: no c"},
		{Target{Row: "echo", Side: own, Metric: P50, Factor: 1, Of: []string{own}, OfRow: "none"}, "p50 us ≤ 1 × thriftkit-bound", "not run: none"},
	} {
		v := test.target.Evaluate(testReport())
		if v.Target != test.text || v.String() != test.want {
			t.Errorf("got %q: %q, want %q: %q", v.Target, v, test.text, test.want)
		}
	}
}
