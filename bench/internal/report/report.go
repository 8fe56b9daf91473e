// Package report collects what was measured, holds it against the targets, and prints it.
package report

import (
	"slices"

	"github.com/thriftkit/thriftkit/bench/internal/stats"
)

// The metrics. Where Higher says so, more is better; of all others less.
const (
	NsPerOp       = "ns/op"
	BytesPerOp    = "B/op"
	AllocsPerOp   = "allocs/op"
	NsPerUnit     = "ns/unit" // of a series: a byte, a field, a connection
	CallsPerSec   = "calls/s"
	P50           = "p50 us"
	P99           = "p99 us"
	SecPerMillion = "s/M" // seconds of CPU for a million calls, client and server
	AllocsPerCall = "allocs/call"
	ServerPeak    = "server peak MB"
	ClientPeak    = "client peak MB"
	StartMs       = "start ms"
	StartRSS      = "RSS MB"
	IdleKB        = "KB/connection"
	Binary        = "binary MB"
	Stripped      = "stripped MB"
)

// Higher reports whether more of a metric is better.
func Higher(metric string) bool { return metric == CallsPerSec }

// A Sample is what one side measured in one round, by metric.
type Sample map[string]float64

// A Row is one piece of work that several sides did.
type Row struct {
	Name  string   `json:"name"` // such as "decode/binary/nested"
	About string   `json:"about"`
	Sides []*Side  `json:"sides"`
	Load  *float64 `json:"foreign_cpu"` // the part of the machine's CPU that others used meanwhile; nil if unknown
}

// A Side is one of those that did the work of a row.
type Side struct {
	Name    string                   `json:"name"`
	Failure string                   `json:"failure,omitempty"` // why there are no figures
	Metrics map[string]stats.Summary `json:"metrics"`
	rounds  map[string][]float64
}

// Side returns the side called name, or nil.
func (r *Row) Side(name string) *Side {
	i := slices.IndexFunc(r.Sides, func(s *Side) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return r.Sides[i]
}

func (r *Row) side(name string) *Side {
	s := r.Side(name)
	if s == nil {
		s = &Side{Name: name, Metrics: make(map[string]stats.Summary), rounds: make(map[string][]float64)}
		r.Sides = append(r.Sides, s)
	}
	return s
}

// Add adds a round of the side called name.
func (r *Row) Add(name string, sample Sample) {
	s := r.side(name)
	for metric, v := range sample {
		s.rounds[metric] = append(s.rounds[metric], v)
		s.Metrics[metric] = stats.Summarize(s.rounds[metric])
	}
}

// Fail notes that the side called name could not do its work: what it measured before is dropped.
func (r *Row) Fail(name string, err error) {
	s := r.side(name)
	s.Failure = err.Error()
	clear(s.Metrics)
}

// median returns a figure of the side called name, and whether there is one.
func (r *Row) median(name, metric string) (float64, bool) {
	s := r.Side(name)
	if s == nil {
		return 0, false
	}
	m, ok := s.Metrics[metric]
	return m.Median, ok
}

// A Report is a whole run.
type Report struct {
	Machine  Machine   `json:"machine"`
	Rounds   int       `json:"rounds"`
	Quick    bool      `json:"quick"`
	Rows     []*Row    `json:"rows"`
	Verdicts []Verdict `json:"targets"`
}

// Machine says where and with what a run was made.
type Machine struct {
	Time    string            `json:"time"`
	System  string            `json:"system"`
	CPU     string            `json:"cpu"`
	CPUs    int               `json:"cpus"`
	Go      string            `json:"go"`
	Modules map[string]string `json:"modules"`
}

// Row returns the row called name, or nil.
func (r *Report) Row(name string) *Row {
	i := slices.IndexFunc(r.Rows, func(row *Row) bool { return row.Name == name })
	if i < 0 {
		return nil
	}
	return r.Rows[i]
}
