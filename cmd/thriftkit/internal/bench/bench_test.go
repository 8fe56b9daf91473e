package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/cmd/thriftkit/internal/fill"
)

func TestParseSchedule(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"100", "[{100 100 10s}]"},
		{"0.5", "[{0.5 0.5 10s}]"},
		{"100@2s", "[{100 100 2s}]"},
		{"1..5", "[{1 5 10s}]"},
		{"1..5@1m, 5@1s", "[{1 5 1m0s} {5 5 1s}]"},
		{"10..30/10@3s", "[{10 10 1s} {20 20 1s} {30 30 1s}]"},
		{"30..10/10@3s", "[{30 30 1s} {20 20 1s} {10 10 1s}]"},
		{"1..2/5@3s", "[{1 1 3s}]"},

		{"", `"": "" is not a number from 0 to 1000000000`},
		{"-1", `"-1": "-1" is not a number from 0 to 1000000000`},
		{"NaN", `"NaN": "NaN" is not a number from 0 to 1000000000`},
		{"1e99", `"1e99": "1e99" is not a number from 0 to 1000000000`},
		{"0", `"0": there would be no calls`},
		{"1,2", `"1": how long? (as in 1@10s)`},
		{"1@soon", `"1@soon": "soon" is not a time such as 10s`},
		{"1@-1s", `"1@-1s": "-1s" is not a time such as 10s`},
		{"1/2", `"1/2": stairs go from one value to another, as in 100..500/100@50s`},
		{"1..2/0", `"1..2/0": more than 10000 stairs`},
		{"1..99999/1", `"1..99999/1": more than 10000 stairs`},
	} {
		s, err := ParseSchedule(test.text, 10*time.Second)
		got := fmt.Sprint(s)
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%q: got %s, want %s", test.text, got, test.want)
		}
	}
	if _, err := ParseSchedule("1..5", 0); err == nil || err.Error() != `"1..5": how long? (as in 1..5@10s)` {
		t.Errorf("a ramp without end: %v", err)
	}
}

// The calls of a clock are what the integral of the rate says.
func TestClock(t *testing.T) {
	for _, test := range []struct {
		text  string
		calls int
	}{
		{"100@2s", 200}, {"0..100@2s", 100}, {"100..0@2s", 100}, {"50..150@2s", 200}, {"10@1s,20..40@1s,5@2s", 50}, {"0.5@4s", 2}, {"10..30/10@3s", 60},
	} {
		s, err := ParseSchedule(test.text, 0)
		if err != nil {
			t.Fatal(err)
		}
		c := clock{phases: s}
		n, last := 0, time.Duration(-1)
		for {
			at, ok := c.next()
			if !ok {
				break
			}
			if at < last || at > s.Duration() {
				t.Fatalf("%s: call %d is due at %v, behind %v", test.text, n, at, last)
			}
			// As many as the rate has summed up to by then.
			if want := s.until(at); math.Abs(want-float64(n)) > 0.01 {
				t.Fatalf("%s: call %d is due at %v, where %.3f are", test.text, n, at, want)
			}
			n, last = n+1, at
		}
		if n != test.calls {
			t.Errorf("%s: %d calls, want %d", test.text, n, test.calls)
		}
	}
}

// until is the number of calls of s up to a time, by the mean rate of each phase.
func (s Schedule) until(t time.Duration) float64 {
	n := 0.0
	for _, p := range s {
		d := min(t, p.For)
		mid := p.From + (p.To-p.From)*d.Seconds()/2/p.For.Seconds()
		n += mid * d.Seconds()
		if t -= d; t <= 0 {
			break
		}
	}
	return n
}

func TestInterleave(t *testing.T) {
	if got := fmt.Sprint(interleave([]Call{{Weight: 3}, {Weight: 1}})); got != "[0 0 1 0]" {
		t.Errorf("got %s", got)
	}
}

func options(t *testing.T, schedule string, call func(n uint64) error) Options {
	t.Helper()
	s, err := ParseSchedule(schedule, 0)
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		Calls: []Call{{Name: "c", Weight: 1, Prepare: func(d *fill.Data) (func(context.Context) error, error) {
			n := d.Number
			return func(context.Context) error { return call(n) }, nil
		}}},
		Schedule: s, Most: 1000, Seed: 1, Interval: 20 * time.Millisecond,
		Kind:  func(err error) string { return err.Error() },
		pause: time.Sleep,
	}
}

// The tests of Run are in virtual time: what they count does not depend on the machine.

// A server that stands still makes all calls slow that are due meanwhile, not one.
func TestNoCoordinatedOmission(t *testing.T) {
	const still = 300 * time.Millisecond
	// run returns how many percent of the calls took more than half of still.
	run := func(t *testing.T, change func(*Options), schedule string) (slow float64, r *Report) {
		gate := make(chan struct{}, 1) // the server does one call at a time
		o := options(t, schedule, func(n uint64) error {
			gate <- struct{}{}
			defer func() { <-gate }()
			if n == 50 {
				time.Sleep(still)
			}
			return nil
		})
		change(&o)
		r = Run(t.Context(), o)
		for q := 0.0; q <= 100; q += 0.5 {
			if time.Duration(r.All.hist.ValueAtQuantile(q)) > still/2 {
				return 100 - q, r
			}
		}
		return 0, r
	}
	for _, most := range []int{1, 1000} { // however many may be pending
		synctest.Test(t, func(t *testing.T) {
			slow, r := run(t, func(o *Options) { o.Open, o.Most = true, most }, "500@1s")
			if r.All.Calls != 500 || r.Unsent != 0 {
				t.Errorf("most %d: %d calls, %d unsent, want 500 and 0", most, r.All.Calls, r.Unsent)
			}
			// 300 ms of 500 a second are 150 calls, of which half waited for more than half of the time.
			if slow < 14.5 || slow > 15.5 {
				t.Errorf("most %d: %.1f%% of the calls took more than %v, want 15%%", most, slow, still/2)
			}
		})
	}
	// A closed loop of one worker sees one slow call: that is why it is not for this.
	synctest.Test(t, func(t *testing.T) {
		slow, r := run(t, func(o *Options) { o.Count = 500 }, "1@1h")
		if slow > 0.5 || r.All.Calls != 500 {
			t.Errorf("the closed loop: %.1f%% of %d calls took more than %v, want one", slow, r.All.Calls, still/2)
		}
	})
}

func TestOpen(t *testing.T) { synctest.Test(t, testOpen) }

func testOpen(t *testing.T) {
	errOdd := errors.New("odd")
	o := options(t, "200..600@500ms", func(n uint64) error {
		if n%4 == 3 {
			return errOdd
		}
		return nil
	})
	o.Open = true
	var shown atomic.Int64
	o.Progress = func(Progress) { shown.Add(1) }
	r := Run(t.Context(), o)
	if r.All.Calls != 200 || r.All.Failed != 50 || len(r.All.Errors) != 1 || r.All.Errors[0].Kind != "odd" || r.All.Errors[0].Count != 50 {
		t.Errorf("got %+v", r.All)
	}
	if r.All.hist.TotalCount() != 150 {
		t.Errorf("%d latencies", r.All.hist.TotalCount())
	}
	n, errs := int64(0), int64(0)
	for _, p := range r.Points {
		n, errs = n+p.Calls, errs+p.Errors
	}
	// Every 20 ms, and at the end, where the two may come together.
	if points := len(r.Points); n != 200 || errs != 50 || points < 25 || points > 26 || shown.Load() != int64(points) {
		t.Errorf("%d calls and %d errors in %d points, shown %d times", n, errs, points, shown.Load())
	}
}

func TestOverload(t *testing.T) { synctest.Test(t, testOverload) }

func testOverload(t *testing.T) {
	o := options(t, "1000@300ms", func(uint64) error { time.Sleep(20 * time.Millisecond); return nil })
	o.Open, o.Most = true, 2
	r := Run(t.Context(), o)
	// Two workers make 100 calls a second, and begin what they begin until the end.
	if r.All.Calls < 30 || r.All.Calls > 33 || r.All.Calls+r.Unsent != 300 {
		t.Errorf("%d calls, %d unsent", r.All.Calls, r.Unsent)
	}
}

func TestClosed(t *testing.T) { synctest.Test(t, testClosed) }

func testClosed(t *testing.T) {
	var now, most atomic.Int64
	o := options(t, "1@100ms,8@100ms,2@100ms", func(uint64) error {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(5 * time.Millisecond)
		now.Add(-1)
		return nil
	})
	r := Run(t.Context(), o)
	if most.Load() != 8 || r.Mode != "closed" || r.Late != nil {
		t.Errorf("%d workers at most, %+v", most.Load(), r.Mode)
	}
	// 20 + 160 + 40, give or take a call of each worker at each change.
	if r.All.Calls < 205 || r.All.Calls > 235 {
		t.Errorf("%d calls, want about 220", r.All.Calls)
	}
}

func TestCountAndWarmup(t *testing.T) {
	for _, open := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var all atomic.Int64
			o := options(t, "5", func(uint64) error { all.Add(1); time.Sleep(time.Millisecond); return nil })
			want := int64(5*50 + 40) // five workers that make a call in a millisecond
			if open {
				o.Schedule = Schedule{{From: 1000, To: 1000}}
				want = 50 + 40
			}
			o.Open, o.Count, o.Warmup = open, 40, 50*time.Millisecond
			r := Run(t.Context(), o)
			if r.All.Calls != 40 {
				t.Errorf("open %v: %d calls, want 40", open, r.All.Calls)
			}
			if got := all.Load(); got < want-5 || got > want+5 {
				t.Errorf("open %v: %d calls with the warm-up, want about %d", open, got, want)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	for _, open := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			o := options(t, "50@1h", func(uint64) error { time.Sleep(time.Millisecond); return nil })
			o.Open = open
			start := time.Now()
			r := Run(ctx, o)
			if d := time.Since(start); d < 100*time.Millisecond || d > 151*time.Millisecond || r.All.Calls == 0 || r.Unsent != 0 {
				t.Errorf("open %v: %v, %d calls, %d unsent", open, d, r.All.Calls, r.Unsent)
			}
		})
	}
}

// runs returns two runs of which the second is twice as slow.
func runs(t *testing.T) (before, after *Report) {
	t.Helper()
	for i, r := range []**Report{&before, &after} {
		total := []tally{{}, {}}
		for ms := 1; ms <= 1000; ms++ {
			total[0].add(time.Duration((i+1)*ms)*time.Millisecond, "", "")
		}
		total[1].add(time.Millisecond, "timeout", "too <late>")
		run := &run{o: Options{Calls: []Call{{Name: "a"}, {Name: "b"}}}, total: total, late: newHistogram()}
		run.points = []Point{{At: 1, Seconds: 1, Calls: 500, P50: 1, P99: 2, Max: 3}, {At: 2, Seconds: 1, Calls: 501, Errors: 1}}
		*r = run.report(time.Duration(i+1) * time.Second)
		(*r).Target, (*r).Plan = "x", "50"
	}
	return before, after
}

func TestThresholds(t *testing.T) {
	before, after := runs(t)
	for _, test := range []struct {
		text  string
		ok    bool
		found string
	}{
		{"p99<3s", true, "1.981s"},
		{"p99<1s", false, "1.981s"},
		{"a:p50<=1.1s", true, "1s"},
		{"min>=1ms", true, "2ms"},
		{"max<2s", false, "2.001s"},
		{"mean<1s", false, "1.001s"},
		{"p99.9 < 2s", true, "1.999s"},
		{"errors<1%", true, "0.100%"},
		{"errors<1", false, "1"},
		{"errors[timeout]<=1", true, "1"},
		{"errors[other]<1", true, "0"},
		{"b:errors<100%", false, "100.000%"},
		{"b:p99<1h", false, "no successful call"},
		{"rate>500", true, "500.5"},
		{"unsent<=0", true, "0"},
		{"p99<+10%", false, "1.981s, allowed 1.089s"},
		{"p99<=+101%", true, "1.981s, allowed 1.991s"},
		{"rate>-60%", true, "500.5, allowed 400.4"},
	} {
		th, err := ParseThreshold(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		ok, found, err := th.Check(after, before)
		if ok != test.ok || found != test.found || err != nil {
			t.Errorf("%s: got %v, %q, %v, want %v, %q", test.text, ok, found, err, test.ok, test.found)
		}
	}
	for text, want := range map[string]string{
		"p99":         `"p99": want METRIC<VALUE, as in 'p99<50ms' or 'errors<1%'`,
		"p99<5":       `"p99<5": p99 takes a time such as 50ms`,
		"p101<5ms":    `"p101<5ms": unknown "p101" (known: min, mean, max, pN, errors, unsent, rate)`,
		"speed<5":     `"speed<5": unknown "speed" (known: min, mean, max, pN, errors, unsent, rate)`,
		"errors<5ms":  `"errors<5ms": errors takes a number or a percentage of all calls`,
		"errors<+5%":  `"errors<+5%": errors takes a number or a percentage of all calls`,
		"p99[x]<5ms":  `"p99[x]<5ms": only errors have kinds`,
		"p99<+5ms":    `"p99<+5ms": a value relative to an earlier run must be a percentage, as in 'p99<+10%'`,
		"rate>1k":     `"rate>1k": rate takes a number of calls per second`,
		"a:unsent<1":  `"a:unsent<1": unsent is known only for all calls together`,
		"p99<1.2.3ms": `"p99<1.2.3ms": "1.2.3" is not a number`,
	} {
		if _, err := ParseThreshold(text); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	th, _ := ParseThreshold("c:p99<1s")
	if _, _, err := th.Check(after, nil); err == nil || err.Error() != `threshold "c:p99<1s": there are no calls "c"` {
		t.Errorf("got %v", err)
	}
}

// What is written as JSON is read as the same, histograms included.
func TestReportAgain(t *testing.T) {
	before, after := runs(t)
	path := filepath.Join(t.TempDir(), "r.json")
	text, err := after.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o666); err != nil {
		t.Fatal(err)
	}
	again, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if !again.All.hist.Equals(after.All.hist) || !again.Calls[0].hist.Equals(after.Calls[0].hist) {
		t.Error("the histograms differ")
	}
	var one, two strings.Builder
	if err := errors.Join(after.Text(&one, before), again.Text(&two, before)); err != nil {
		t.Fatal(err)
	}
	if one.String() != two.String() || !strings.Contains(one.String(), "+100.0%") {
		t.Errorf("got\n%s\nand\n%s", &one, &two)
	}
	for name, bad := range map[string]string{"none": "{}", "cut": "{", "old": `{"format": 2, "mode": "open"}`, "histogram": `{"format":1,"mode":"open","all":{"histogram":"AAAA"}}`} {
		if err := os.WriteFile(path, []byte(bad), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// The page loads nothing, and what it shows is escaped.
func TestHTML(t *testing.T) {
	before, after := runs(t)
	after.Calls[0].Name = "<b>a"
	var page strings.Builder
	if err := after.HTML(&page, before); err != nil {
		t.Fatal(err)
	}
	text := page.String()
	for _, bad := range []string{"src=", "href=", "url(", "@import", "http", "<script", "<b>a", "<late>", "NaN", "Inf"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, want := range []string{"<svg", "<polyline", "&lt;b&gt;a", "99.9%", "calls per second", "too &lt;late&gt;"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(text, "<svg"); n != 3 {
		t.Errorf("%d plots", n)
	}
	var empty strings.Builder
	if err := (&Report{Mode: "open"}).HTML(&empty, nil); err != nil || strings.Contains(empty.String(), "NaN") {
		t.Errorf("of an empty run: %v", err)
	}
}

func TestLines(t *testing.T) {
	p := Progress{Elapsed: time.Second, Total: 2 * time.Second, Warm: true, Now: Point{Seconds: 0.5, Calls: 50, P50: 10, P99: 20, Max: 30}}
	p.Kinds = []ErrorKind{{Kind: "timeout", Count: 2}}
	want := "[###############...............] 1s of 2s\n" +
		"now  100/s  p50 10µs  p99 20µs  max 30µs  0 errors\n" +
		"all  0/s  p50 0  p99 0  max 0  0 errors  0 calls\n" +
		"     2 timeout"
	if got := strings.Join(p.Lines(80), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, line := range p.Lines(10) {
		if len([]rune(line)) > 9 {
			t.Errorf("%q is too long for 10 columns", line)
		}
	}
}
