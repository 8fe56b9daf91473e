package bench

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Report is what a run found out. Latencies are in microseconds.
type Report struct {
	Format  int    `json:"format"` // 1
	Target  string `json:"target"`
	Started string `json:"started"` // RFC 3339
	Mode    string `json:"mode"`    // "open" or "closed"
	Plan    string `json:"plan"`    // the schedule as it was given

	Seconds     float64 `json:"seconds"` // after the warm-up
	Interrupted bool    `json:"interrupted"`
	// Unsent counts calls that were due before the end and never begun, because too many were pending.
	Unsent int64 `json:"unsent"`
	// Late tells how long after they were due calls were begun: what the load generator, or the bound of calls
	// pending, adds to the latencies of an open loop.
	Late *Latencies `json:"late,omitempty"`

	All    Summary   `json:"all"`
	Calls  []Summary `json:"calls"`
	Points []Point   `json:"points"`
}

// A Summary is what became of calls.
type Summary struct {
	Name      string      `json:"name"`
	Calls     int64       `json:"calls"` // with and without errors
	PerSecond float64     `json:"perSecond"`
	Failed    int64       `json:"failed"`
	Errors    []ErrorKind `json:"errors"`
	Latency   Latencies   `json:"latency"`             // of calls without errors
	Histogram string      `json:"histogram,omitempty"` // the same, in nanoseconds: HdrHistogram's V2 format, compressed, in base64

	hist *hdrhistogram.Histogram
}

// An ErrorKind counts errors of one kind.
type ErrorKind struct {
	Kind    string  `json:"kind"`
	Count   int64   `json:"count"`
	Example string  `json:"example"`
	Mean    float64 `json:"mean"`
	Max     float64 `json:"max"`
}

// Latencies are a distribution.
type Latencies struct {
	Min  float64 `json:"min"`
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P75  float64 `json:"p75"`
	P90  float64 `json:"p90"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Max  float64 `json:"max"`
}

// A Point is what happened in one interval.
type Point struct {
	At      float64 `json:"at"` // its end, in seconds
	Seconds float64 `json:"seconds"`
	Calls   int64   `json:"calls"`
	Errors  int64   `json:"errors"`
	P50     float64 `json:"p50"`
	P99     float64 `json:"p99"`
	Max     float64 `json:"max"`
}

func micros(ns int64) float64 { return math.Round(float64(ns)) / 1000 }

func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }

func latencies(h *hdrhistogram.Histogram) Latencies {
	if h == nil || h.TotalCount() == 0 {
		return Latencies{}
	}
	at := func(q float64) float64 { return micros(min(h.ValueAtQuantile(q), h.Max())) }
	return Latencies{
		Min: micros(h.Min()), Mean: math.Round(h.Mean()) / 1000, Max: micros(h.Max()),
		P50: at(50), P75: at(75), P90: at(90), P95: at(95), P99: at(99), P999: at(99.9),
	}
}

func summary(name string, t *tally, elapsed time.Duration) Summary {
	s := Summary{Name: name, Calls: t.done() + t.failed, Failed: t.failed, Errors: []ErrorKind{}, Latency: latencies(t.ok), hist: t.ok}
	if elapsed > 0 {
		s.PerSecond = math.Round(float64(s.Calls)/elapsed.Seconds()*100) / 100
	}
	for kind, f := range t.failures {
		s.Errors = append(s.Errors, ErrorKind{
			Kind: kind, Count: f.count, Example: f.example, Mean: micros(int64(f.sum) / f.count), Max: micros(int64(f.max)),
		})
	}
	slices.SortFunc(s.Errors, func(a, b ErrorKind) int {
		return cmp.Or(-cmp.Compare(a.Count, b.Count), cmp.Compare(a.Kind, b.Kind))
	})
	return s
}

func (r *run) report(elapsed time.Duration) *Report {
	elapsed = max(elapsed, 0)
	out := &Report{
		Format: 1, Started: r.start.UTC().Format(time.RFC3339), Mode: "closed",
		Seconds: seconds(elapsed), Unsent: r.unsent,
		All: summary("", sum(r.total), elapsed), Points: r.points,
	}
	if r.o.Open {
		out.Mode = "open"
		late := latencies(r.late)
		out.Late = &late
	}
	for i, c := range r.o.Calls {
		s := summary(c.Name, &r.total[i], elapsed)
		s.Histogram = encode(s.hist)
		out.Calls = append(out.Calls, s)
	}
	out.All.Histogram = encode(out.All.hist)
	return out
}

func encode(h *hdrhistogram.Histogram) string {
	if h == nil || h.TotalCount() == 0 {
		return ""
	}
	data, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return "" // it has nothing that cannot be encoded
	}
	return string(data)
}

// JSON returns r as an indented JSON text, which Read reads.
func (r *Report) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	return append(text, '\n'), err
}

// Read reads a file that JSON wrote.
func Read(path string) (*Report, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &Report{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s is not the report of a run: %w", path, err)
	}
	if r.Format != 1 || r.Mode == "" {
		return nil, fmt.Errorf("%s is not the report of a run, format 1", path)
	}
	for _, s := range append([]*Summary{&r.All}, pointers(r.Calls)...) {
		if s.Histogram == "" {
			continue
		}
		if s.hist, err = hdrhistogram.Decode([]byte(s.Histogram)); err != nil {
			return nil, fmt.Errorf("%s: the histogram of %q: %w", path, s.Name, err)
		}
	}
	return r, nil
}

func pointers(list []Summary) []*Summary {
	var out []*Summary
	for i := range list {
		out = append(out, &list[i])
	}
	return out
}

// find returns what r has of the calls called name, of all for "", or nil.
func (r *Report) find(name string) *Summary {
	if name == "" {
		return &r.All
	}
	for i := range r.Calls {
		if r.Calls[i].Name == name {
			return &r.Calls[i]
		}
	}
	return nil
}
