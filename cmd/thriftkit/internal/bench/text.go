package bench

import (
	"fmt"
	"github.com/thriftkit/thriftkit/internal/plural"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// showMicros returns microseconds as people read them, with three digits or so.
func showMicros(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 1000:
		return fmt.Sprintf("%.3gµs", v)
	case v < 1e6:
		return fmt.Sprintf("%.3gms", v/1000)
	}
	return fmt.Sprintf("%.4gs", v/1e6)
}

func showCount(v float64) string {
	if v >= 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}

// plan returns what was done, in words.
func (r *Report) plan() string {
	switch one := r.Plan == "1"; {
	case r.Mode != "closed" && one:
		return "1 call per second"
	case r.Mode != "closed":
		return r.Plan + " calls per second"
	case one:
		return "1 worker, one call after the other"
	}
	return r.Plan + " workers, each one call after the other"
}

// Text writes r for people; with what changed since an earlier run, if before is not nil.
func (r *Report) Text(w io.Writer, before *Report) error {
	b := &strings.Builder{}
	fmt.Fprintf(b, "%s, %s, %.3gs", r.Target, r.plan(), r.Seconds)
	if r.Interrupted {
		b.WriteString(", interrupted")
	}
	fmt.Fprintf(b, "\n%s, %s per second, %s", plural.Of(r.All.Calls, "call"), showCount(r.All.PerSecond), plural.Of(r.All.Failed, "error"))
	if r.Unsent > 0 {
		fmt.Fprintf(b, ", %d were due but not sent: too many calls were pending", r.Unsent)
	}
	b.WriteString("\n\n")
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "calls\t/s\terrors\tmin\tmean\tp50\tp90\tp99\tp99.9\tmax\t  method")
	rows := r.Calls
	if len(rows) > 1 {
		all := r.All
		all.Name = "all"
		rows = append(append([]Summary{}, rows...), all)
	}
	for _, s := range rows {
		l := s.Latency
		fmt.Fprintf(table, "%d\t%s\t%d", s.Calls, showCount(s.PerSecond), s.Failed)
		for _, v := range []float64{l.Min, l.Mean, l.P50, l.P90, l.P99, l.P999, l.Max} {
			fmt.Fprintf(table, "\t%s", showMicros(v))
		}
		fmt.Fprintf(table, "\t  %s\n", s.Name)
	}
	table.Flush()
	if r.Late != nil && r.All.Calls > 0 {
		fmt.Fprintf(b, "\nlatency counts from each call's scheduled start; calls started %s late at p50, %s at p99, %s at most\n",
			showMicros(r.Late.P50), showMicros(r.Late.P99), showMicros(r.Late.Max))
	}
	if len(r.All.Errors) > 0 {
		b.WriteString("\n")
		table = tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "errors\tshare\tmean\tmax\tkind\tone of them")
		for _, e := range r.All.Errors {
			fmt.Fprintf(table, "%d\t%.3g%%\t%s\t%s\t%s\t%s\n", e.Count, float64(e.Count)*100/float64(r.All.Calls),
				showMicros(e.Mean), showMicros(e.Max), e.Kind, oneLine(e.Example))
		}
		table.Flush()
	}
	if before != nil {
		b.WriteString("\n")
		r.compare(b, before)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > 100 {
		text = string(r[:100]) + "…"
	}
	return text
}

// A change is one number in two runs.
type change struct {
	name, was, is, by string
}

// changes returns the numbers of s and of what it was before.
func changes(s, old *Summary) []change {
	row := func(name string, was, is float64, show func(float64) string) change {
		by := "-"
		if was != 0 {
			by = fmt.Sprintf("%+.1f%%", (is-was)/was*100)
		}
		return change{name, show(was), show(is), by}
	}
	share := func(s *Summary) float64 { return float64(s.Failed) * 100 / float64(max(s.Calls, 1)) }
	return []change{
		row("/s", old.PerSecond, s.PerSecond, showCount),
		row("errors", share(old), share(s), func(v float64) string { return fmt.Sprintf("%.3g%%", v) }),
		row("mean", old.Latency.Mean, s.Latency.Mean, showMicros),
		row("p50", old.Latency.P50, s.Latency.P50, showMicros),
		row("p90", old.Latency.P90, s.Latency.P90, showMicros),
		row("p99", old.Latency.P99, s.Latency.P99, showMicros),
		row("p99.9", old.Latency.P999, s.Latency.P999, showMicros),
		row("max", old.Latency.Max, s.Latency.Max, showMicros),
	}
}

func (r *Report) compare(w io.Writer, before *Report) {
	fmt.Fprintf(w, "compared with the run of %s:\n", before.Started)
	if r.Mode != before.Mode || r.Plan != before.Plan {
		fmt.Fprintf(w, "(that one was of another plan: %s, %s)\n", before.Mode, before.Plan)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\twas\tis\tchange\t  method")
	for i := range r.Calls {
		s := &r.Calls[i]
		old := before.find(s.Name)
		if old == nil {
			fmt.Fprintf(table, "\t-\t\t\t  %s\n", s.Name)
			continue
		}
		for _, c := range changes(s, old) {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t  %s\n", c.name, c.was, c.is, c.by, s.Name)
		}
	}
	table.Flush()
}

// Lines returns p in lines for a terminal of the given width.
func (p Progress) Lines(width int) []string {
	const bar = 30
	done, of := p.Elapsed.Seconds(), p.Total.Seconds()
	elapsed := p.Elapsed.Round(time.Second / 10)
	var first string
	switch {
	case !p.Warm:
		first = fmt.Sprintf("warming up, %v to go", -elapsed)
	case p.Total > 0:
		n := int(min(done/of, 1) * bar)
		first = fmt.Sprintf("[%s%s] %v of %v", strings.Repeat("#", n), strings.Repeat(".", bar-n), min(elapsed, p.Total), p.Total)
	case p.Count > 0:
		n := int(min(float64(p.Summary.Calls)/float64(p.Count), 1) * bar)
		first = fmt.Sprintf("[%s%s] %d of %s", strings.Repeat("#", n), strings.Repeat(".", bar-n), p.Summary.Calls, plural.Of(p.Count, "call"))
	default:
		first = elapsed.String()
	}
	rate := 0.0
	if p.Now.Seconds > 0 {
		rate = float64(p.Now.Calls) / p.Now.Seconds
	}
	l := p.Summary.Latency
	lines := []string{
		first,
		fmt.Sprintf("now  %s/s  p50 %s  p99 %s  max %s  %s", showCount(rate), showMicros(p.Now.P50), showMicros(p.Now.P99), showMicros(p.Now.Max), plural.Of(p.Now.Errors, "error")),
		fmt.Sprintf("all  %s/s  p50 %s  p99 %s  max %s  %s  %s", showCount(p.Summary.PerSecond), showMicros(l.P50), showMicros(l.P99),
			showMicros(l.Max), plural.Of(p.Summary.Failed, "error"), plural.Of(p.Summary.Calls, "call")),
	}
	for i, e := range p.Kinds {
		if i == 3 {
			break
		}
		lines = append(lines, fmt.Sprintf("     %d %s", e.Count, e.Kind))
	}
	for i, line := range lines {
		if r := []rune(line); len(r) >= width && width > 1 {
			lines[i] = string(r[:width-1])
		}
	}
	return lines
}
