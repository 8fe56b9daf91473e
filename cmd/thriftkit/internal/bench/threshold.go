package bench

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Threshold is a condition on a report.
type Threshold struct {
	text     string
	call     string // "": all of them
	metric   string
	op       string
	value    float64
	percent  bool // of all calls, for errors and unsent
	relative bool // value is percent above the earlier run
}

var thresholdForm = regexp.MustCompile(`^(?:(.+):)?([a-z][a-z0-9.]*)(?:\[(.+)\])?\s*(<=|>=|<|>)\s*(\+|-)?([0-9.]+)(\S*)$`)

// ParseThreshold reads [CALL:]METRIC OP VALUE: latencies min, mean, max and pN such as p99.9 with a time, errors and unsent with a
// number or a percentage, rate with calls per second. errors[KIND] counts one kind. A latency or rate may be compared with
// that of an earlier run: "p99<+10%".
func ParseThreshold(text string) (*Threshold, error) {
	m := thresholdForm.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return nil, fmt.Errorf("%q: want METRIC<VALUE, as in 'p99<50ms' or 'errors<1%%'", text)
	}
	t := &Threshold{text: strings.TrimSpace(text), call: m[1], metric: m[2], op: m[4]}
	number, unit := m[6], m[7]
	var err error
	if t.value, err = strconv.ParseFloat(number, 64); err != nil {
		return nil, fmt.Errorf("%q: %q is not a number", text, number)
	}
	if m[3] != "" && t.metric != "errors" {
		return nil, fmt.Errorf("%q: only errors have kinds", text)
	}
	if m[3] != "" {
		t.metric = "errors[" + m[3] + "]"
	}
	if m[5] != "" {
		if unit != "%" {
			return nil, fmt.Errorf("%q: a value relative to an earlier run must be a percentage, as in 'p99<+10%%'", text)
		}
		t.relative = true
		if m[5] == "-" {
			t.value = -t.value
		}
	}
	switch {
	case strings.HasPrefix(t.metric, "errors") || t.metric == "unsent":
		if t.percent = unit == "%"; unit != "" && !t.percent || t.relative {
			return nil, fmt.Errorf("%q: %s takes a number or a percentage of all calls", text, m[2])
		}
		if t.metric == "unsent" && t.call != "" {
			return nil, fmt.Errorf("%q: unsent is known only for all calls together", text)
		}
	case t.metric == "rate":
		if unit != "" && unit != "/s" && !t.relative {
			return nil, fmt.Errorf("%q: rate takes a number of calls per second", text)
		}
	case isLatency(t.metric):
		if t.relative {
			break
		}
		d, err := time.ParseDuration(number + unit)
		if err != nil {
			return nil, fmt.Errorf("%q: %s takes a time such as 50ms", text, t.metric)
		}
		t.value = float64(d) / 1000
	default:
		return nil, fmt.Errorf("%q: unknown %q (known: min, mean, max, pN, errors, unsent, rate)", text, m[2])
	}
	return t, nil
}

func isLatency(metric string) bool {
	switch metric {
	case "min", "mean", "max":
		return true
	}
	q, err := strconv.ParseFloat(strings.TrimPrefix(metric, "p"), 64)
	return err == nil && metric[0] == 'p' && q >= 0 && q <= 100
}

// String returns t as it was written.
func (t *Threshold) String() string { return t.text }

// IsRelative reports whether an earlier run is needed.
func (t *Threshold) IsRelative() bool { return t.relative }

// noSuccess is found in place of a latency when no call succeeded.
const noSuccess = "no successful call"

// Failure says that t failed, with what Check found.
func (t *Threshold) Failure(found string) error {
	if found != noSuccess {
		found = "was " + found
	}
	return fmt.Errorf("threshold failed: %s (%s)", t, found)
}

// Check reports whether r keeps t, and says what was found. before is the earlier run, or nil. The error is about calls of a
// name that one of them does not have.
func (t *Threshold) Check(r, before *Report) (ok bool, found string, err error) {
	s := r.find(t.call)
	if s == nil {
		return false, "", fmt.Errorf("threshold %q: there are no calls %q", t.text, t.call)
	}
	got := t.measure(r, s)
	limit := t.value
	if t.relative {
		old := before.find(t.call)
		if old == nil {
			return false, "", fmt.Errorf("threshold %q: the earlier run has no calls %q", t.text, t.call)
		}
		limit = t.measure(before, old) * (1 + t.value/100)
	}
	switch t.op {
	case "<":
		ok = got < limit
	case "<=":
		ok = got <= limit
	case ">":
		ok = got > limit
	case ">=":
		ok = got >= limit
	}
	// Without any call that went well there is no latency to be content with.
	if isLatency(t.metric) && s.Calls == s.Failed {
		return false, noSuccess, nil
	}
	found = t.show(got)
	if t.relative {
		found += ", allowed " + t.show(limit)
	}
	return ok, found, nil
}

func (t *Threshold) measure(r *Report, s *Summary) float64 {
	share := func(n int64) float64 {
		if !t.percent {
			return float64(n)
		}
		all := s.Calls
		if t.metric == "unsent" {
			all += r.Unsent
		}
		return float64(n) * 100 / float64(max(all, 1))
	}
	switch t.metric {
	case "errors":
		return share(s.Failed)
	case "unsent":
		return share(r.Unsent)
	case "rate":
		return s.PerSecond
	case "min":
		return s.Latency.Min
	case "mean":
		return s.Latency.Mean
	case "max":
		return s.Latency.Max
	}
	if kind, ok := strings.CutPrefix(t.metric, "errors["); ok {
		for _, e := range s.Errors {
			if e.Kind == kind[:len(kind)-1] {
				return share(e.Count)
			}
		}
		return 0
	}
	q, _ := strconv.ParseFloat(t.metric[1:], 64) // as ParseThreshold did
	if s.hist == nil {
		return 0
	}
	return micros(min(s.hist.ValueAtQuantile(q), s.hist.Max()))
}

func (t *Threshold) show(v float64) string {
	switch {
	case t.percent:
		return strconv.FormatFloat(v, 'f', 3, 64) + "%"
	case isLatency(t.metric):
		return showMicros(v)
	}
	return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
}
