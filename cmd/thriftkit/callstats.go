package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/internal/plural"
)

// callStats adds up the calls of a capture.
type callStats struct {
	byPeer bool
	groups map[string]*callGroup
	all    *callGroup
	first  time.Time
	last   time.Time
}

// A callGroup is the calls of one method, or of one peer and method.
type callGroup struct {
	Name       string  `json:"name"`
	Peer       string  `json:"peer,omitempty"`
	Calls      int64   `json:"calls"`
	OK         int64   `json:"ok"`
	Oneway     int64   `json:"oneway"`
	Exceptions int64   `json:"exceptions"`
	Errors     int64   `json:"errors"`
	NoReply    int64   `json:"no_reply"`
	NoCall     int64   `json:"no_call"` // replies whose call was not captured
	Unknown    int64   `json:"unknown"`
	P50        float64 `json:"p50_micros"`
	P90        float64 `json:"p90_micros"`
	P99        float64 `json:"p99_micros"`
	P999       float64 `json:"p99.9_micros"`
	Max        float64 `json:"max_micros"`
	Request    int64   `json:"request_bytes"`
	Reply      int64   `json:"reply_bytes"`

	latency *hdrhistogram.Histogram // microseconds times 10
}

const (
	latencyUnit = 100 * time.Nanosecond
	latencyMost = int64(time.Hour / latencyUnit)
)

func newCallGroup(name, peer string) *callGroup {
	return &callGroup{Name: name, Peer: peer, latency: hdrhistogram.New(1, latencyMost, 3)}
}

func newCallStats(byPeer bool) *callStats {
	return &callStats{byPeer: byPeer, groups: make(map[string]*callGroup), all: newCallGroup("all", "")}
}

// maxGroups bounds how many methods and peers are told apart.
const maxGroups = 5000

func (s *callStats) add(name string, c *capture.Call) {
	peer := ""
	key := name
	if s.byPeer {
		peer = c.Client.Addr().String() + " > " + c.Server.String()
		key = peer + " " + name
	}
	g := s.groups[key]
	if g == nil {
		if len(s.groups) >= maxGroups {
			name, peer, key = "others", "", ""
			g = s.groups[key]
		}
		if g == nil {
			g = newCallGroup(name, peer)
			s.groups[key] = g
		}
	}
	t := c.Time()
	if s.first.IsZero() || t.Before(s.first) {
		s.first = t
	}
	if t.After(s.last) {
		s.last = t
	}
	g.add(c)
	s.all.add(c)
}

func (g *callGroup) add(c *capture.Call) {
	if c.Request == nil {
		g.NoCall++
		g.Reply += int64(c.Reply.Size)
		return
	}
	g.Calls++
	g.Request += int64(c.Request.Size)
	g.Reply += int64(bytesOf(c.Reply))
	switch c.Status {
	case capture.StatusOK:
		g.OK++
	case capture.StatusOneway:
		g.Oneway++
	case capture.StatusException:
		g.Exceptions++
	case capture.StatusError:
		g.Errors++
	case capture.StatusNoReply:
		g.NoReply++
	default:
		g.Unknown++
	}
	if d, ok := c.Latency(); ok {
		_ = g.latency.RecordValue(min(max(int64(d/latencyUnit), 1), latencyMost)) // it is in range
	}
}

// settle works out the percentiles.
func (g *callGroup) settle() {
	at := func(p float64) float64 {
		return float64(g.latency.ValueAtQuantile(p)) * latencyUnit.Seconds() * 1e6
	}
	if g.latency.TotalCount() > 0 {
		g.P50, g.P90, g.P99, g.P999, g.Max = at(50), at(90), at(99), at(99.9), at(100)
	}
}

// sorted returns the groups, those with most calls first, and the sum of all last.
func (s *callStats) sorted() []*callGroup {
	var list []*callGroup
	for _, g := range s.groups {
		list = append(list, g)
	}
	slices.SortFunc(list, func(a, b *callGroup) int {
		switch {
		case a.Peer != b.Peer:
			return strings.Compare(a.Peer, b.Peer)
		case a.Calls != b.Calls:
			return int(max(min(b.Calls-a.Calls, 1), -1))
		}
		return strings.Compare(a.Name, b.Name)
	})
	for _, g := range append(list, s.all) {
		g.settle()
	}
	return list
}

func microsText(v float64) string {
	if v == 0 {
		return "-"
	}
	return brief(time.Duration(v * float64(time.Microsecond))).String()
}

func bytesText(n int64) string {
	switch {
	case n < 10<<10:
		return fmt.Sprintf("%d B", n)
	case n < 10<<20:
		return fmt.Sprintf("%.1f KB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
}

// print prints a table, with the distribution of latencies if they are wanted.
func (s *callStats) print(w io.Writer, histogram bool, counters capture.Counters) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if s.byPeer {
		fmt.Fprint(t, "peer\t")
	}
	fmt.Fprintln(t, "method\tcalls\texceptions\terrors\tno reply\tp50\tp90\tp99\tp99.9\tmax\trequests\treplies")
	list := s.sorted()
	if len(list) > 1 {
		list = append(list, s.all)
	}
	for _, g := range list {
		if s.byPeer {
			fmt.Fprintf(t, "%s\t", g.Peer)
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", g.Name, g.Calls, g.Exceptions, g.Errors, g.NoReply,
			microsText(g.P50), microsText(g.P90), microsText(g.P99), microsText(g.P999), microsText(g.Max), bytesText(g.Request), bytesText(g.Reply))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if histogram {
		if err := s.printHistogram(w); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, countersText(counters, s.all.NoCall))
	return err
}

// A bar is a part of a distribution: the calls that took at most Most, and longer than the bar before.
type bar struct {
	Most  string
	Calls int64
	Share float64 // of the longest bar
}

// bars returns the distribution of latencies in steps of 1, 2, 5, 10.
func (s *callStats) bars() []bar {
	var list []bar
	limits := []int64{}
	for base := int64(100); base < latencyMost; base *= 10 { // from 10 microseconds
		limits = append(limits, base, 2*base, 5*base)
	}
	counts := make([]int64, len(limits)+1)
	var longest int64
	for _, b := range s.all.latency.Distribution() {
		if b.Count > 0 {
			i, _ := slices.BinarySearch(limits, b.From)
			counts[i] += b.Count
			longest = max(longest, counts[i])
		}
	}
	for i, n := range counts {
		most := "longer"
		if i < len(limits) {
			most = (time.Duration(limits[i]) * latencyUnit).String()
		}
		list = append(list, bar{most, n, float64(n) / float64(max(longest, 1))})
	}
	first, last := 0, len(list)
	for first < last && list[first].Calls == 0 {
		first++
	}
	for last > first && list[last-1].Calls == 0 {
		last--
	}
	return list[first:last]
}

func (s *callStats) printHistogram(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "\nlatency\tcalls\n")
	for _, b := range s.bars() {
		fmt.Fprintf(t, "≤ %s\t%d\t%s\n", b.Most, b.Calls, strings.Repeat("#", int(b.Share*50+0.99)))
	}
	return t.Flush()
}

// countersText says what could not be used of a capture; "" if there is nothing to say.
func countersText(c capture.Counters, noCall int64) string {
	var parts []string
	add := func(n int64, one, many string) {
		switch {
		case n == 1:
			parts = append(parts, one)
		case n > 1:
			parts = append(parts, fmt.Sprintf(many, n))
		}
	}
	add(c.Dropped, "1 packet was dropped by the kernel: it was not read in time", "%d packets were dropped by the kernel: they were not read in time")
	if c.Gaps > 0 {
		parts = append(parts, fmt.Sprintf("%s missing in %s", plural.Of(c.LostBytes, "byte"), plural.Of(c.Gaps, "gap")))
	}
	add(c.Cut, "1 packet was cut when it was captured", "%d packets were cut when they were captured")
	add(c.Incomplete, "1 message is incomplete", "%d messages are incomplete")
	add(noCall, "1 reply is without its call", "%d replies are without their call")
	add(c.Encrypted, "1 connection is encrypted, without the keys", "%d connections are encrypted, without the keys")
	add(c.OtherLinks, "1 packet is of an unknown link layer", "%d packets are of an unknown link layer")
	add(c.Overflows, "gave up once to bound memory", "gave up %d times to bound memory")
	if len(parts) == 0 {
		return ""
	}
	return "* " + strings.Join(parts, "; ") + "\n"
}

// json writes the statistics as one JSON object.
func (s *callStats) json(w io.Writer, counters capture.Counters) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	groups := s.sorted()
	return enc.Encode(struct {
		From     time.Time        `json:"from"`
		To       time.Time        `json:"to"`
		Methods  []*callGroup     `json:"methods"`
		All      *callGroup       `json:"all"`
		Counters capture.Counters `json:"capture"`
	}{s.first.UTC(), s.last.UTC(), groups, s.all, counters})
}

//go:embed calls.html
var callsPage string

// html writes the report, with the slowest calls and those that failed.
func (s *callStats) html(w io.Writer, title string, counters capture.Counters, slow, failed []string) error {
	t, err := template.New("calls").Funcs(template.FuncMap{"micros": microsText, "bytes": bytesText, "percent": func(f float64) string { return fmt.Sprintf("%.1f%%", f*100) }}).Parse(callsPage)
	if err != nil {
		return err
	}
	groups := s.sorted()
	return t.Execute(w, struct {
		Title        string
		From, To     string
		Seconds      float64
		Groups       []*callGroup
		All          *callGroup
		Bars         []bar
		Note         string
		ByPeer       bool
		Slow, Failed []string
	}{title, s.first.Format(time.RFC3339Nano), s.last.Format(time.RFC3339Nano), s.last.Sub(s.first).Seconds(), groups, s.all, s.bars(),
		strings.TrimPrefix(countersText(counters, s.all.NoCall), "* "), s.byPeer, slow, failed})
}
