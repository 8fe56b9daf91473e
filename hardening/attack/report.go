package attack

import (
	"fmt"
	"time"

	"github.com/thriftkit/thriftkit/hardening/table"
)

// Table returns the results as a table.
func Table(results []Result) *table.Table {
	t := &table.Table{Head: []string{"attack", "inputs", "panics", "memory grew by", "p99 of correct clients before", "during", "ratio", "their errors", ""}}
	for _, r := range results {
		before, during, ratio := "-", "-", "-" // of attacks on clients
		if r.Before > 0 {
			before, during, ratio = show(r.Before), show(r.During), fmt.Sprintf("%.1f", r.Ratio())
		}
		t.Add(r.Attack, r.Inputs, panics(r), mebibytes(r.Growth), before, during, ratio, r.Errors, r.Note)
	}
	return t
}

// line is a result in one line.
func (r *Result) line() string {
	return fmt.Sprintf("%s: %d inputs, panics: %s, memory +%s, p99 %s -> %s, %d errors %s",
		r.Attack, r.Inputs, panics(*r), mebibytes(r.Growth), show(r.Before), show(r.During), r.Errors, r.Note)
}

func panics(r Result) string {
	if r.Panicked {
		return "yes"
	}
	return "no"
}

func mebibytes(n int64) string {
	if n < 0 {
		return "unknown"
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

func show(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }

// Compare returns a table with the results of several targets side by side: the growth of memory, and what else
// went wrong.
func Compare(names []string, results map[string][]Result) *table.Table {
	t := &table.Table{Head: append([]string{"attack"}, names...)}
	for _, a := range attacks() {
		row := []any{a.name}
		any := false
		for _, name := range names {
			cell := "-"
			for _, r := range results[name] {
				if r.Attack == a.name {
					cell, any = verdict(r), true
				}
			}
			row = append(row, cell)
		}
		if any {
			t.Add(row...)
		}
	}
	return t
}

// verdict is a result in few words.
func verdict(r Result) string {
	s := "+" + mebibytes(r.Growth)
	if r.Panicked {
		s += ", dead"
	}
	if r.Errors > 0 {
		s += fmt.Sprintf(", %d calls failed", r.Errors)
	}
	if ratio := r.Ratio(); ratio >= 3 {
		s += fmt.Sprintf(", p99 × %.0f", ratio)
	}
	return s
}
