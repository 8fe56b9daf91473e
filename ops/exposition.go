package ops

import (
	"bytes"
	"io"
	"math"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/rpc"
)

// The formats in which the numbers are written: Prometheus's text, version 0.0.4, and OpenMetrics, version 1.0.0, which has exemplars.
const (
	typeText        = "text/plain; version=0.0.4; charset=utf-8"
	typeOpenMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8"
)

// Of the buckets of a histogram those are exported that end at 1, 2 and 5 in each decade, from 10 microseconds to 50 seconds, and one
// without bound.
var exported = func() (list []int) {
	for i := range numBounds {
		if m := mantissas[i%len(mantissas)]; (m == 1 || m == 2 || m == 5) && bounds[i] >= int64(10*time.Microsecond) && bounds[i] <= int64(50*time.Second) {
			list = append(list, i)
		}
	}
	return list
}()

const numExported = 22

// exportedOf has for each bucket the exported one that holds it.
var exportedOf = func() (of [numBuckets]uint8) {
	for i := range of {
		at, _ := slices.BinarySearch(exported, i)
		of[i] = uint8(at)
	}
	return of
}()

// An exemplar is a call whose trace is recorded.
type exemplar struct {
	trace string
	value time.Duration
	time  time.Time
}

// ServeHTTP writes all numbers, in the format that the request accepts: Prometheus's text, or OpenMetrics.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "want GET", http.StatusMethodNotAllowed)
		return
	}
	open := acceptsOpenMetrics(strings.Join(r.Header.Values("Accept"), ","))
	text := m.Append(nil, open)
	h := w.Header()
	h.Set("Content-Type", typeText)
	if open {
		h.Set("Content-Type", typeOpenMetrics)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept, Accept-Encoding")
	if msgio.AcceptsGzip(strings.Join(r.Header.Values("Accept-Encoding"), ",")) {
		h.Set("Content-Encoding", "gzip")
		text = msgio.Gzip(text)
	}
	h.Set("Content-Length", strconv.Itoa(len(text)))
	io.Copy(w, bytes.NewReader(text)) // if it fails the client is gone
}

// acceptsOpenMetrics reports whether an Accept field has OpenMetrics at least as high as plain text.
func acceptsOpenMetrics(accept string) bool {
	open, text := 0.0, 0.0
	for part := range strings.SplitSeq(accept, ",") {
		name, params, _ := strings.Cut(part, ";")
		q := 1.0
		version := ""
		for p := range strings.SplitSeq(params, ";") {
			k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
			switch strings.ToLower(k) {
			case "q":
				if f, err := strconv.ParseFloat(v, 64); err == nil {
					q = f
				}
			case "version":
				version = strings.Trim(v, `"`)
			}
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "application/openmetrics-text":
			if version == "" || version == "1.0.0" || version == "0.0.1" {
				open = max(open, q)
			}
		case "text/plain":
			text = max(text, q)
		}
	}
	return open > 0 && open >= text
}

// Append appends all numbers to dst: in Prometheus's text format, or as OpenMetrics.
func (m *Metrics) Append(dst []byte, openMetrics bool) []byte {
	w := &textWriter{dst: dst, open: openMetrics}
	m.side(w, "thriftkit_server_", &m.server)
	m.side(w, "thriftkit_client_", &m.client)
	m.process(w)
	m.mu.Lock()
	funcs := slices.Clone(m.funcs)
	m.mu.Unlock()
	for _, f := range funcs {
		w.family(f.name, f.kind, f.help)
		w.sample(f.name, "", "", f.value())
	}
	if openMetrics {
		w.dst = append(w.dst, "# EOF\n"...)
	}
	return w.dst
}

func (m *Metrics) side(w *textWriter, prefix string, s *side) {
	methods := s.list()
	totals := make([]*methodTotal, len(methods))
	labels := make([]string, len(methods))
	for i, x := range methods {
		totals[i] = x.total()
		labels[i] = label("service", x.service) + "," + label("method", x.method)
	}
	if s == &m.server {
		writeCalls(w, prefix+"calls", "Calls that were answered or refused, by code and outcome.", methods, totals, labels)
		writeDurations(w, prefix+"call_duration_seconds", "Time from the arrival of a call until its reply was composed.", methods, totals, labels, func(t *methodTotal) *distribution { return &t.latency })
		writeDurations(w, prefix+"queue_duration_seconds", "Time from the arrival of a call until its handler began.", nil, totals, labels, func(t *methodTotal) *distribution { return &t.queue })
		writeEach(w, prefix+"calls_in_flight", "gauge", "Calls whose handlers run.", totals, labels, (*methodTotal).inFlight)
	} else {
		writeCalls(w, prefix+"attempts", "Attempts of calls, by code and outcome.", methods, totals, labels)
		writeDurations(w, prefix+"attempt_duration_seconds", "Time that attempts of calls took.", methods, totals, labels, func(t *methodTotal) *distribution { return &t.latency })
		writeEach(w, prefix+"attempts_in_flight", "gauge", "Attempts without a reply so far.", totals, labels, (*methodTotal).inFlight)
		w.family(prefix+"retries_total", "counter", "Attempts after the first one of a call.")
		for i, x := range methods {
			w.sample(prefix+"retries_total", labels[i], "", float64(x.retries.Load()))
		}
	}
	writeEach(w, prefix+"request_bytes_total", "counter", "Bytes of the messages of calls, without frames and headers.", totals, labels, func(t *methodTotal) uint64 { return t.requestBytes })
	writeEach(w, prefix+"reply_bytes_total", "counter", "Bytes of the messages of replies, without frames and headers.", totals, labels, func(t *methodTotal) uint64 { return t.replyBytes })
	s.connections(w, prefix)
}

// writeCalls writes how calls ended.
func writeCalls(w *textWriter, name, help string, methods []*methodMetrics, totals []*methodTotal, labels []string) {
	name += "_total"
	w.family(name, "counter", help)
	for i, x := range methods {
		if n := totals[i].succeeded; n > 0 || totals[i].failed == 0 {
			w.sample(name, labels[i]+`,code="ok",outcome="executed"`, "", float64(n))
		}
		for c := range x.failures {
			for o := range x.failures[c] {
				if n := x.failures[c][o].Load(); n > 0 {
					w.sample(name, labels[i]+","+label("code", result(c).String())+","+label("outcome", outcomeLabel(rpc.Outcome(o))), "", float64(n))
				}
			}
		}
	}
}

func outcomeLabel(o rpc.Outcome) string { return strings.ReplaceAll(o.String(), " ", "_") }

func writeEach(w *textWriter, name, kind, help string, totals []*methodTotal, labels []string, value func(*methodTotal) uint64) {
	w.family(name, kind, help)
	for i, t := range totals {
		w.sample(name, labels[i], "", float64(value(t)))
	}
}

// writeDurations writes a histogram for each method, with exemplars if methods is not nil.
func writeDurations(w *textWriter, name, help string, methods []*methodMetrics, totals []*methodTotal, labels []string, of func(*methodTotal) *distribution) {
	w.family(name, "histogram", help)
	for i, t := range totals {
		d := of(t)
		sum, next := uint64(0), 0
		for e := range numExported {
			le := math.Inf(1)
			end := numBuckets
			if e < len(exported) {
				end = exported[e] + 1
				le = time.Duration(bounds[exported[e]]).Seconds()
			}
			for ; next < end; next++ {
				sum += d.counts[next]
			}
			note := ""
			if methods != nil && w.open {
				note = methods[i].exemplars[e].Load().String()
			}
			w.sample(name+"_bucket", labels[i]+`,le="`+boundText(le)+`"`, note, float64(sum))
		}
		w.sample(name+"_sum", labels[i], "", d.sum.Seconds())
		w.sample(name+"_count", labels[i], "", float64(sum))
	}
}

// boundText returns the bound of a bucket as OpenMetrics wants it, so that the series have one name in both formats.
func boundText(f float64) string {
	s := number(f)
	if strings.Trim(s, "0123456789") == "" {
		s += ".0"
	}
	return s
}

// String returns the exemplar as it stands after a sample; "" for nil.
func (x *exemplar) String() string {
	if x == nil {
		return ""
	}
	at := strconv.FormatFloat(float64(x.time.UnixMilli())/1000, 'f', 3, 64)
	return " # {" + label("trace_id", x.trace) + "} " + number(x.value.Seconds()) + " " + at
}

// connections writes the numbers of connections.
func (s *side) connections(w *textWriter, prefix string) {
	s.connMu.Lock()
	defer s.connMu.Unlock()
	var names []string
	for name := range s.conns {
		names = append(names, name)
	}
	slices.Sort(names)
	w.family(prefix+"connections", "gauge", "Open connections, by dialect.")
	for _, name := range names {
		c := s.conns[name]
		w.sample(prefix+"connections", label("dialect", dialectLabel(name)), "", float64(c.opened-min(c.opened, c.closed)))
	}
	w.family(prefix+"connections_opened_total", "counter", "Connections that were opened, by dialect.")
	for _, name := range names {
		if name != "" { // those have shown their dialect since, or are failures
			w.sample(prefix+"connections_opened_total", label("dialect", name), "", float64(s.conns[name].opened))
		}
	}
	w.family(prefix+"connection_errors_total", "counter", "Connections that ended with an error.")
	w.sample(prefix+"connection_errors_total", "", "", float64(s.broken))
	if strings.Contains(prefix, "server") {
		w.family(prefix+"connections_refused_total", "counter", "Connections that were not served: too many, a dialect that is unknown or not accepted, or a revoked certificate.")
		w.sample(prefix+"connections_refused_total", "", "", float64(s.refused))
		return
	}
	w.family(prefix+"connections_failed_total", "counter", "Connections that could not be made.")
	w.sample(prefix+"connections_failed_total", "", "", float64(s.failed))
}

func dialectLabel(name string) string {
	if name == "" {
		return "undetected"
	}
	return name
}

// process writes the numbers of the process.
func (m *Metrics) process(w *textWriter) {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	info := buildInfo()
	w.family("thriftkit_build_info", "gauge", "The version of thriftkit, and of the program that uses it.")
	w.sample("thriftkit_build_info", label("version", info.Thriftkit)+","+label("program", info.Program)+","+label("program_version", info.Version), "", 1)
	w.family("go_info", "gauge", "The version of Go.")
	w.sample("go_info", label("version", runtime.Version()), "", 1)
	w.family("go_goroutines", "gauge", "Goroutines.")
	w.sample("go_goroutines", "", "", float64(runtime.NumGoroutine()))
	w.family("go_memstats_heap_alloc_bytes", "gauge", "Bytes of the heap in use.")
	w.sample("go_memstats_heap_alloc_bytes", "", "", float64(mem.HeapAlloc))
	w.family("go_memstats_sys_bytes", "gauge", "Bytes obtained from the system.")
	w.sample("go_memstats_sys_bytes", "", "", float64(mem.Sys))
	w.family("go_gc_cycles_total", "counter", "Cycles of the garbage collector.")
	w.sample("go_gc_cycles_total", "", "", float64(mem.NumGC))
	w.family("process_start_time_seconds", "gauge", "When the process began, in seconds since 1970.")
	w.sample("process_start_time_seconds", "", "", float64(m.started.UnixMilli())/1000)
}

// Build says what the program was built from.
type Build struct {
	Program   string `json:"program"` // the path of its module
	Version   string `json:"version"`
	Thriftkit string `json:"thriftkit"` // the version of thriftkit
	Go        string `json:"go"`
}

func buildInfo() Build {
	const path = "github.com/thriftkit/thriftkit"
	b := Build{Program: "unknown", Version: "unknown", Thriftkit: "unknown", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Program, b.Version = info.Main.Path, info.Main.Version
	for _, d := range append(info.Deps, &info.Main) {
		if d.Path == path {
			b.Thriftkit = d.Version
		}
	}
	return b
}

// A textWriter writes samples.
type textWriter struct {
	dst  []byte
	open bool
}

// family begins a family of samples. In OpenMetrics a family of counters has no suffix.
func (w *textWriter) family(name, kind, help string) {
	if w.open && kind == "counter" {
		name = strings.TrimSuffix(name, "_total")
	}
	w.dst = append(w.dst, "# HELP "...)
	w.dst = append(w.dst, name...)
	w.dst = append(w.dst, ' ')
	help = strings.ReplaceAll(strings.ReplaceAll(help, `\`, `\\`), "\n", `\n`)
	if w.open {
		help = strings.ReplaceAll(help, `"`, `\"`)
	}
	w.dst = append(w.dst, help...)
	w.dst = append(w.dst, "\n# TYPE "...)
	w.dst = append(w.dst, name...)
	w.dst = append(w.dst, ' ')
	w.dst = append(w.dst, kind...)
	w.dst = append(w.dst, '\n')
}

func (w *textWriter) sample(name, labels, note string, value float64) {
	w.dst = append(w.dst, name...)
	if labels != "" {
		w.dst = append(w.dst, '{')
		w.dst = append(w.dst, labels...)
		w.dst = append(w.dst, '}')
	}
	w.dst = append(w.dst, ' ')
	w.dst = append(w.dst, number(value)...)
	w.dst = append(w.dst, note...)
	w.dst = append(w.dst, '\n')
}

// number returns f as both formats have it.
func number(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "+Inf"
	case math.IsInf(f, -1):
		return "-Inf"
	case math.IsNaN(f):
		return "NaN"
	case f == math.Trunc(f) && math.Abs(f) < 1<<53:
		return strconv.FormatInt(int64(f), 10)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

var labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func label(name, value string) string {
	return name + `="` + labelEscapes.Replace(strings.ToValidUTF8(value, "\ufffd")) + `"`
}
