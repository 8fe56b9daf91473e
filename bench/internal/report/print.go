package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// metricOrder is the order of columns.
var metricOrder = [...]string{NsPerOp, NsPerUnit, AllocsPerOp, BytesPerOp, CallsPerSec, P50, P99, SecPerMillion, AllocsPerCall, ServerPeak, ClientPeak,
	StartMs, StartRSS, IdleKB, Binary, Stripped}

// format writes three significant digits; k and M stand for thousands and millions.
func format(v float64) string {
	switch a := math.Abs(v); {
	case v == 0:
		return "0"
	case a >= 1e6:
		return format(v/1e6) + "M"
	case a >= 1e4:
		return format(v/1e3) + "k"
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	case a >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

// columns returns the metrics that any side of the row has.
func (r *Row) columns() []string {
	var columns []string
	for _, metric := range metricOrder {
		if slices.ContainsFunc(r.Sides, func(s *Side) bool { _, ok := s.Metrics[metric]; return ok }) {
			columns = append(columns, metric)
		}
	}
	return columns
}

// load says what Load is.
func (r *Row) load() string {
	if r.Load == nil {
		return "foreign CPU unknown"
	}
	return fmt.Sprintf("foreign CPU %.0f %%", *r.Load*100)
}

// oneLine makes a cell of a text that may have come from a process that broke.
func oneLine(s string) string {
	const enough = 120
	s = strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", "/")
	if len(s) > enough {
		s = strings.ToValidUTF8(s[:enough], "") + "…"
	}
	return s
}

// table returns the row as a table, with its head.
func (r *Report) table(row *Row) [][]string {
	columns := row.columns()
	lines := [][]string{slices.Concat([]string{"side"}, columns, []string{"target", "is"})}
	line := func(side string, cells []string, verdicts []Verdict) {
		first := len(lines)
		lines = append(lines, slices.Concat([]string{side}, cells, []string{"", ""}))
		for i, v := range verdicts {
			if i > 0 {
				lines = append(lines, make([]string, len(columns)+3))
			}
			l := lines[first+i]
			l[len(l)-2], l[len(l)-1] = v.Target, v.String()
		}
	}
	shown := make(map[string]bool)
	for _, s := range row.Sides {
		shown[s.Name] = true
		cells := make([]string, len(columns))
		for i, metric := range columns {
			if m, ok := s.Metrics[metric]; ok {
				cells[i] = format(m.Median)
				if m.Rounds > 1 {
					cells[i] += fmt.Sprintf(" ±%.0f%%", m.Spread()*100)
				}
			}
		}
		name := s.Name
		if s.Failure != "" {
			name += " failed: " + oneLine(s.Failure)
		}
		line(name, cells, r.verdicts(row.Name, s.Name))
	}
	for _, v := range r.Verdicts { // of sides that do not exist
		if v.Row == row.Name && !shown[v.Side] {
			shown[v.Side] = true
			line(v.Side, make([]string, len(columns)), r.verdicts(row.Name, v.Side))
		}
	}
	return lines
}

func (r *Report) verdicts(row, side string) []Verdict {
	var of []Verdict
	for _, v := range r.Verdicts {
		if v.Row == row && v.Side == side {
			of = append(of, v)
		}
	}
	return of
}

// Text writes the report for a terminal.
func (r *Report) Text(w io.Writer) error {
	out := bufio.NewWriter(w)
	for _, line := range r.head() {
		fmt.Fprintln(out, line)
	}
	for _, row := range r.Rows {
		fmt.Fprintf(out, "\n%s: %s (%s)\n", row.Name, row.About, row.load())
		var table strings.Builder
		tw := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
		for _, line := range r.table(row) {
			fmt.Fprintf(tw, "  %s\n", strings.Join(line, "\t"))
		}
		tw.Flush()
		for line := range strings.Lines(table.String()) {
			fmt.Fprintln(out, strings.TrimRight(line, " \n"))
		}
	}
	fmt.Fprintf(out, "\n%s\n", r.count())
	return out.Flush()
}

// Markdown writes the report as a page.
func (r *Report) Markdown(w io.Writer) error {
	out := bufio.NewWriter(w)
	for _, line := range r.head() {
		fmt.Fprintf(out, "- %s\n", line)
	}
	for _, row := range r.Rows {
		fmt.Fprintf(out, "\n### %s\n\n%s; %s.\n\n", row.Name, row.About, row.load())
		for i, line := range r.table(row) {
			fmt.Fprintf(out, "| %s |\n", strings.Join(line, " | "))
			if i == 0 {
				fmt.Fprintf(out, "|%s\n", strings.Repeat("---|", len(line)))
			}
		}
	}
	fmt.Fprintf(out, "\n%s\n", r.count())
	return out.Flush()
}

// JSON writes the report for programs.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

func (r *Report) head() []string {
	m := r.Machine
	var modules []string
	for _, path := range slices.Sorted(maps.Keys(m.Modules)) {
		modules = append(modules, path+" "+m.Modules[path])
	}
	rounds := fmt.Sprintf("medians of %d rounds, ± half the distance of the extremes", r.Rounds)
	if r.Quick {
		rounds += "; a quick run"
	}
	return []string{
		fmt.Sprintf("%s: %s, %d CPUs (%s), %s", m.Time, m.System, m.CPUs, m.CPU, m.Go),
		strings.Join(modules, ", "),
		rounds,
	}
}

// count says how many targets are met.
func (r *Report) count() string {
	n := make(map[State]int)
	for _, v := range r.Verdicts {
		n[v.State]++
	}
	s := fmt.Sprintf("Targets: %d met, %d not met, %d absent", n[Met], n[NotMet], n[Absent])
	if n[NotRun] > 0 {
		s += fmt.Sprintf(", %d of rows that were not run", n[NotRun])
	}
	return s + "."
}
