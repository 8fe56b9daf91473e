package report

import (
	"fmt"
	"slices"
	"strings"
)

// The sides that are not peers: floors say what is possible at all, and the project's own.
const (
	RawGo      = "raw-go"
	RawMux     = "raw-mux"
	RawHTTP    = "raw-http"
	Memcpy     = "memcpy"
	GraphFloor = "graph-floor"
	Own        = "thriftkit" // begins the names of the project's own sides
)

// BestPeer in Target.Of stands for all peers of the row.
const BestPeer = "best peer"

func isPeer(side string) bool {
	return !strings.HasPrefix(side, Own) && !slices.Contains([]string{RawGo, RawMux, RawHTTP, Memcpy, GraphFloor}, side)
}

// A Target is what one figure of the project's own is to be: at most Factor times the best of
// others in the same row of the same run, or at least where more is better.
type Target struct {
	Row    string
	Side   string
	Metric string
	Factor float64  // with no Of, the figure itself
	Plus   float64  // added to the limit, in the unit of the metric
	Of     []string // sides, or BestPeer; the best of those present counts
	OfRow  string   // where Of is measured; "" is Row
	OfSide string   // how Of is called in the table, where that is shorter; "" is what Of says
}

// String returns the target as the tables quote it: "≤ 0.85 × raw-go".
func (t Target) String() string {
	sign := "≤"
	if Higher(t.Metric) {
		sign = "≥"
	}
	s := fmt.Sprintf("%s %s %g", t.Metric, sign, t.Factor)
	if len(t.Of) == 0 {
		return s
	}
	s += " × "
	if t.OfSide != "" {
		s += t.OfSide
	} else {
		s += strings.Join(t.Of, ", ")
	}
	if t.Plus != 0 {
		s += fmt.Sprintf(" + %g", t.Plus)
	}
	return s
}

// A State is how a target stands.
type State string

// The states. Absent: a figure is missing, because the side does not exist yet or failed. NotRun:
// the whole row, or the one to compare it with, was not selected.
const (
	Met    State = "met"
	NotMet State = "not met"
	Absent State = "absent"
	NotRun State = "not run"
)

// A Verdict is a target held against what was measured.
type Verdict struct {
	Row    string  `json:"row"`
	Side   string  `json:"side"`
	Target string  `json:"target"`
	State  State   `json:"state"`
	Got    float64 `json:"got"`               // as a multiple of Against where there is one, else the figure; 0 if there is none
	Than   string  `json:"against,omitempty"` // the side that was the best of those compared with
	Why    string  `json:"why,omitempty"`     // what is absent or was not run
}

// String returns "1.23, met", "1.23 of kitex-mux, not met" or "absent: no thriftkit-generated".
func (v Verdict) String() string {
	if v.Why != "" {
		return string(v.State) + ": " + v.Why
	}
	s := format(v.Got)
	if v.Than != "" {
		s += " of " + v.Than
	}
	return s + ", " + string(v.State)
}

// Evaluate holds t against r.
func (t Target) Evaluate(r *Report) Verdict {
	v := Verdict{Row: t.Row, Side: t.Side, Target: t.String(), State: Absent}
	row := r.Row(t.Row)
	if row == nil {
		v.State, v.Why = NotRun, t.Row
		return v
	}
	got, ok := row.median(t.Side, t.Metric)
	if !ok {
		v.Why = "no " + t.Side
		return v
	}
	if len(t.Of) == 0 {
		v.Got = got
		v.State = state(got <= t.Factor)
		if Higher(t.Metric) {
			v.State = state(got >= t.Factor)
		}
		return v
	}
	if t.OfRow != "" {
		if row = r.Row(t.OfRow); row == nil {
			v.State, v.Why = NotRun, t.OfRow
			return v
		}
	}
	base, than := t.best(row)
	if than == "" {
		v.Why = "no " + strings.Join(t.Of, ", ")
		return v
	}
	v.Than = than
	if base != 0 {
		v.Got = got / base
	}
	limit := t.Factor*base + t.Plus
	v.State = state(got <= limit)
	if Higher(t.Metric) {
		v.State = state(got >= limit)
	}
	return v
}

// best returns the best figure of the sides that t is compared with, and whose it is: "" if
// there is none.
func (t Target) best(row *Row) (figure float64, side string) {
	for _, s := range row.Sides {
		if !slices.Contains(t.Of, s.Name) && !(slices.Contains(t.Of, BestPeer) && isPeer(s.Name)) {
			continue
		}
		m, ok := s.Metrics[t.Metric]
		if !ok {
			continue
		}
		if side == "" || Higher(t.Metric) && m.Median > figure || !Higher(t.Metric) && m.Median < figure {
			figure, side = m.Median, s.Name
		}
	}
	return figure, side
}

func state(met bool) State {
	if met {
		return Met
	}
	return NotMet
}

// Judge holds all targets against r.
func (r *Report) Judge(targets []Target) {
	for _, t := range targets {
		r.Verdicts = append(r.Verdicts, t.Evaluate(r))
	}
}
