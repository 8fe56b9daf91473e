package fleet

import (
	"strings"
	"testing"
	"time"
)

// TestFleet bounds how calls end. The rows are the same in each run, so the bounds are close.
func TestFleet(t *testing.T) {
	const seed = 1
	simulated := func(_, policy string) bool {
		return strings.HasPrefix(policy, "thriftkit") || strings.HasPrefix(policy, "Kitex")
	}
	rows := Run(t, Options{Sizes: []int{10}, Seed: seed, Only: simulated})
	if err := Faults(rows); err != nil {
		t.Error(err)
	}
	bounds := map[string]struct {
		p99       time.Duration
		failed    float64 // of the calls
		ofKitex   float64 // of the calls that fail with Kitex's policy, how many at most fail with ours
		mostLoad  float64
		sentTwice float64 // attempts beyond one for each call
	}{
		"no fault":                                  {p99: 220 * time.Millisecond, mostLoad: 1.2},
		"one is 10 times slower":                    {p99: 220 * time.Millisecond, failed: 0.002, ofKitex: 0.02, mostLoad: 1.3},
		"one is killed, and back after 15 s":        {p99: 220 * time.Millisecond, failed: 0.001, mostLoad: 1.3},
		"one answers at once, with errors":          {p99: 220 * time.Millisecond, failed: 0.01, ofKitex: 0.15, mostLoad: 1.3},
		"each pauses 300 ms every 3 s":              {p99: 450 * time.Millisecond, mostLoad: 1.3},
		"one of five is 4 times slower":             {p99: 300 * time.Millisecond, failed: 0.002, ofKitex: 0.02, mostLoad: 1.4},
		"all are replaced, a tenth at a time":       {p99: 450 * time.Millisecond, failed: 0.001, ofKitex: 0.02, mostLoad: 1.3, sentTwice: 0.01},
		"the registry loses two thirds of the list": {p99: 220 * time.Millisecond, mostLoad: 1.3},
		"all stand still for 3 s":                   {p99: 900 * time.Millisecond, failed: 0.28, ofKitex: 1, mostLoad: 1.4},
	}
	failed := func(r Row) float64 { return float64(r.Failed) / float64(r.Calls) }
	seen := 0
	for i, r := range rows {
		if i%2 != 0 {
			continue
		}
		seen++
		b, ok := bounds[r.Scenario]
		if !ok || r.Calls < 4900 {
			t.Errorf("%s: no bounds, or %d calls", r.Scenario, r.Calls)
		}
		if r.P99 > b.p99 || failed(r) > b.failed || r.Load > b.mostLoad || r.Amplification > 1+b.sentTwice {
			t.Errorf("got %+v, want at most %+v", r, b)
		}
		if kitex := rows[i+1]; b.ofKitex > 0 && failed(r) > b.ofKitex*failed(kitex) {
			t.Errorf("%s: %.4f of the calls fail, with %s %.4f", r.Scenario, failed(r), kitex.Policy, failed(kitex))
		}
	}
	if seen != len(bounds) {
		t.Errorf("%d scenarios, want %d", seen, len(bounds))
	}
	again := Run(t, Options{Sizes: []int{10}, Seed: seed, Only: func(scenario, policy string) bool {
		return simulated(scenario, policy) && strings.HasPrefix(scenario, "all are")
	}})
	for _, r := range again {
		for _, first := range rows {
			if first.Scenario == r.Scenario && first.Policy == r.Policy && first != r {
				t.Errorf("got %+v, and the second time %+v", first, r)
			}
		}
	}
}
