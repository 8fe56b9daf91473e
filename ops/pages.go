package ops

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"runtime/trace"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

//go:embed pages/pages.html
var pagesHTML string

//go:embed pages/style.css
var styleCSS string

// pageNames are the pages, in the order of their links.
var pageNames = []string{"status", "calls", "errors", "connections", "settings", "vars", "profiles"}

// A page is what a template gets.
type page struct {
	Title string
	Name  string // of the program
	Where string // the machine
	Pages []string
	Build Build
	Host  string
	Query string
	Data  any
}

// pages returns the handler of all pages.
func (a *Admin) pages() http.Handler {
	mux := http.NewServeMux()
	where, _ := os.Hostname()
	templates := template.Must(template.New("").Funcs(template.FuncMap{
		"micros": microsText, "seconds": secondsText, "rate": rateText, "plot": plot, "highest": highest, "timeline": timeline, "steps": steps,
	}).Parse(pagesHTML))
	show := func(name, layout string, data func(*http.Request) any, text func(io.Writer, any)) {
		mux.HandleFunc("/"+name, func(w http.ResponseWriter, r *http.Request) {
			if n, err := strconv.Atoi(r.URL.Query().Get("refresh")); err == nil && n > 0 {
				w.Header().Set("Refresh", strconv.Itoa(n))
			}
			w.Header().Set("Vary", "Accept")
			p := page{Title: name, Name: programName(), Where: where, Pages: pageNames, Build: buildInfo(), Host: r.Host, Query: r.URL.Query().Get("name"), Data: data(r)}
			a.write(w, r, &p, templates.Lookup(layout), text)
		})
	}
	show("status", "status", func(r *http.Request) any { return a.Status(r.Context()) }, statusText)
	show("calls", "calls", func(r *http.Request) any { return chosenCalls(r, a.Calls) }, callsText)
	show("errors", "calls", func(r *http.Request) any { return chosenCalls(r, a.Errors) }, callsText)
	show("connections", "connections", func(*http.Request) any { return a.Connections() }, connectionsText)
	mux.HandleFunc("POST /settings", a.changeSetting)
	show("settings", "settings", func(*http.Request) any { return a.Settings() }, settingsText)
	show("vars", "vars", func(r *http.Request) any { return a.Vars(r.URL.Query().Get("name")) }, varsText)
	show("profiles", "profiles", func(*http.Request) any { return a.profiles() }, profilesText)
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/status", http.StatusFound) })
	mux.HandleFunc("/style.css", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		io.WriteString(w, styleCSS)
	})
	mux.Handle("/metrics", a.opts.Metrics)
	mux.Handle("/healthz", a.opts.Health.Live())
	mux.Handle("/readyz", a.opts.Health.Ready())
	if !a.opts.NoProfiles {
		mux.HandleFunc("/debug/pprof/{name}", serveProfile)
	}
	return mux
}

// programName returns the name of the file that runs.
func programName() string {
	if len(os.Args) == 0 {
		return "unknown"
	}
	return strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
}

// write writes a page in the form that the request asks for: by the query format, or else by what it accepts. Programs that say
// nothing, such as curl, get text.
func (a *Admin) write(w http.ResponseWriter, r *http.Request, p *page, layout *template.Template, text func(io.Writer, any)) {
	form := r.URL.Query().Get("format")
	if accept := r.Header.Get("Accept"); form == "" {
		switch {
		case strings.Contains(accept, "text/html"):
			form = "html"
		case strings.Contains(accept, "application/json"):
			form = "json"
		}
	}
	var out bytes.Buffer
	kind := "text/plain; charset=utf-8"
	switch form {
	case "html":
		kind = "text/html; charset=utf-8"
		if err := layout.Execute(&out, p); err != nil {
			plainText(w, http.StatusInternalServerError, "the page cannot be shown\n")
			return
		}
	case "json":
		kind = "application/json"
		e := json.NewEncoder(&out)
		e.SetIndent("", "  ")
		e.Encode(p.Data) // plain structs: they can be encoded
	case "", "text":
		t := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		text(t, p.Data)
		t.Flush()
	default:
		plainText(w, http.StatusBadRequest, "unknown format: want html, json or text\n")
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(out.Len()))
	w.Write(out.Bytes()) // if it fails the client is gone
}

// callsPage is what the pages /calls and /errors show.
type callsPage struct {
	Method string `json:"-"`
	Code   string `json:"-"`
	Missed uint64 `json:"missed"` // that were too many in their second
	Calls  []Call `json:"calls"`
}

func chosenCalls(r *http.Request, get func() ([]Call, uint64)) any {
	q := r.URL.Query()
	p := callsPage{Method: q.Get("method"), Code: q.Get("code")}
	p.Calls, p.Missed = get()
	p.Calls = slices.DeleteFunc(p.Calls, func(c Call) bool {
		return !matches(p.Method, c.Method) || p.Code != "" && p.Code != c.Code
	})
	if p.Calls == nil {
		p.Calls = []Call{}
	}
	return p
}

// microsText returns a number of microseconds for people.
func microsText(us int64) string {
	switch d := time.Duration(us) * time.Microsecond; {
	case us == 0:
		return "–"
	case d < time.Millisecond:
		return strconv.FormatInt(us, 10) + " µs"
	case d < time.Second:
		return strconv.FormatFloat(d.Seconds()*1000, 'g', 3, 64) + " ms"
	default:
		return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + " s"
	}
}

func secondsText(s float64) string {
	return time.Duration(s * float64(time.Second)).Truncate(time.Second).String()
}

func rateText(f float64) string {
	if f >= 100 || f == 0 {
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	return strconv.FormatFloat(f, 'f', 1, 64)
}

// plot draws points, as they would be in the right part of n: bars of calls and errors, and a line of the 99th percentile.
func plot(points []Point, n int) template.HTML {
	const width, height = 240, 48
	var most uint64 = 1
	var slowest int64 = 1
	for _, p := range points {
		most, slowest = max(most, p.Calls), max(slowest, p.P99)
	}
	step := float64(width) / float64(n)
	var b, line strings.Builder
	fmt.Fprintf(&b, `<svg class="plot" viewBox="0 0 %d %d" preserveAspectRatio="none" role="img" aria-label="calls, errors and p99">`, width, height)
	bar := func(class string, x float64, value uint64) {
		if h := float64(value) / float64(most) * (height - 4); value > 0 {
			fmt.Fprintf(&b, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, class, x, height-h, step, h)
		}
	}
	for i, p := range points {
		x := float64(n-len(points)+i) * step
		bar("calls", x, p.Calls)
		bar("errors", x, p.Errors)
		fmt.Fprintf(&line, "%.1f,%.1f ", x+step/2, height-1-float64(p.P99)/float64(slowest)*(height-4))
	}
	fmt.Fprintf(&b, `<polyline class="latency" points="%s"/></svg>`, line.String())
	return template.HTML(b.String()) // numbers alone
}

// highest says what the tops of a plot are.
func highest(points []Point) string {
	var most uint64
	var slowest int64
	for _, p := range points {
		most, slowest = max(most, p.Calls), max(slowest, p.P99)
	}
	if most == 0 {
		return ""
	}
	return fmt.Sprintf(": up to %d calls, p99 %s", most, microsText(slowest))
}

// parts returns how long a call waited, ran, and took to have its reply composed, in microseconds.
func (c *Call) parts() (queue, handler, reply float64) {
	if c.Client || c.Returned == 0 {
		return 0, c.Ended, 0
	}
	return c.Begun, max(0, c.Returned-c.Begun), max(0, c.Ended-c.Returned)
}

func timeline(c Call) template.HTML {
	queue, handler, reply := c.parts()
	whole := max(0.1, queue+handler+reply)
	q, h := queue/whole*100, handler/whole*100
	return template.HTML(fmt.Sprintf(`<svg class="timeline" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect class="queue" width="%.1f" height="4"/><rect class="handler" x="%.1f" width="%.1f" height="4"/><rect class="reply" x="%.1f" width="%.1f" height="4"/></svg>`,
		q, q, h, q+h, 100-q-h)) // numbers alone
}

// steps returns the times of a call in words.
func steps(c Call) string {
	if c.Client || c.Returned == 0 {
		return ""
	}
	queue, handler, reply := c.parts()
	return fmt.Sprintf("%.1f + %.1f + %.1f µs", queue, handler, reply)
}

func statusText(w io.Writer, data any) {
	s := data.(*Status)
	ready := "ready"
	if len(s.NotReady) > 0 {
		ready = "not ready: " + strings.Join(s.NotReady, "; ")
	}
	fmt.Fprintf(w, "%s %s, thriftkit %s, %s, up %s, %s\n\n", s.Build.Program, s.Build.Version, s.Build.Thriftkit, s.Build.Go, secondsText(s.Uptime), ready)
	fmt.Fprintf(w, "outside any handler: %d calls of unknown methods, %d refused calls, %d refused connections, %d connection errors, %d failed connections\n",
		s.Outside.UnknownMethods, s.Outside.RefusedCalls, s.Outside.RefusedConnections, s.Outside.ConnectionErrors, s.Outside.FailedConnections)
	for _, side := range []struct {
		name    string
		methods []MethodStatus
	}{{"server", s.Server}, {"client", s.Client}} {
		if len(side.methods) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n%s\tcalls\terrors\tin flight\tcalls/s\terrors/s\tmean\tp50\tp90\tp99\tp99.9\n", side.name)
		for _, m := range side.methods {
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Name(), m.Calls, m.Errors, m.InFlight, rateText(m.CallsPerSecond), rateText(m.ErrorsPerSecond),
				microsText(m.Mean), microsText(m.P50), microsText(m.P90), microsText(m.P99), microsText(m.P999))
		}
	}
}

func callsText(w io.Writer, data any) {
	p := data.(callsPage)
	fmt.Fprint(w, "received\tmethod\tcode\tµs\tqueue + handler + reply\tpeer\tdialect\trequest\treply\ttrace\terror\n")
	for _, c := range p.Calls {
		fmt.Fprintf(w, "%s\t%s\t%s\t%.1f\t%s\t%s\t%s\t%d\t%d\t%s\t%s\n", c.Time.Format("15:04:05.000000"), c.Method, c.Code, c.Ended, steps(c), c.Peer, c.Dialect, c.RequestBytes, c.ReplyBytes, c.Trace,
			strings.TrimSpace(c.Error+" "+c.Arguments))
	}
	if p.Missed > 0 {
		fmt.Fprintf(w, "%d were too many in their second and are not kept\n", p.Missed)
	}
}

func connectionsText(w io.Writer, data any) {
	fmt.Fprint(w, "peer\tdialect\tprincipal\tTLS\tcalls/s\tin B/s\tout B/s\tcalls\tin\tout\topened\tlocal\n")
	for _, c := range data.([]Connection) {
		peer := c.Peer
		if c.Client {
			peer = "→ " + peer
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\n", peer, c.Dialect, c.Principal, c.TLS, rateText(c.CallsPerSecond), rateText(c.BytesInPerSecond), rateText(c.BytesOutPerSecond),
			c.Calls, c.BytesIn, c.BytesOut, c.Opened.Format("2006-01-02 15:04:05"), c.Local)
	}
}

func settingsText(w io.Writer, data any) {
	fmt.Fprint(w, "server\tname\tvalue\tdefault\n")
	for _, s := range data.([]Setting) {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", s.Server, s.Name, s.Value, s.Default)
	}
}

func varsText(w io.Writer, data any) {
	for _, v := range data.([]Var) {
		fmt.Fprintf(w, "%s %s\n", v.Name, v.Value)
	}
}

// A profile is one that can be had.
type profile struct {
	Name  string `json:"name"`
	Path  string `json:"path"`
	Count int    `json:"count,omitempty"`
	About string `json:"about"`
}

var profileAbout = map[string]string{
	"allocs": "all allocations since the program began", "block": "where goroutines wait for each other, if runtime.SetBlockProfileRate was called",
	"goroutine": "what all goroutines are doing", "heap": "memory in use", "mutex": "who holds locks, if runtime.SetMutexProfileFraction was called",
	"threadcreate": "what made new threads of the system",
}

func (a *Admin) profiles() []profile {
	list := []profile{}
	if a.opts.NoProfiles {
		return list
	}
	list = append(list, profile{"cpu", "/debug/pprof/profile?seconds=10", 0, "where the time of the processors goes, for 10 seconds"},
		profile{"trace", "/debug/pprof/trace?seconds=1", 0, "what the scheduler does, for one second: go tool trace"})
	for _, p := range pprof.Profiles() {
		list = append(list, profile{p.Name(), "/debug/pprof/" + p.Name() + "?debug=1", p.Count(), profileAbout[p.Name()]})
	}
	return list
}

func profilesText(w io.Writer, data any) {
	for _, p := range data.([]profile) {
		fmt.Fprintf(w, "%s\t%s\t%s\n", p.Name, p.Path, p.About)
	}
}

// maxProfileSeconds bounds how long a profile may take.
const maxProfileSeconds = 60

// serveProfile answers as net/http/pprof does, which would enter itself into the default mux of every program.
func serveProfile(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+strings.Map(fileRune, name)+`"`)
	switch name {
	case "profile":
		runProfile(w, r, 30, pprof.StartCPUProfile, pprof.StopCPUProfile)
		return
	case "trace":
		runProfile(w, r, 1, trace.Start, trace.Stop)
		return
	}
	p := pprof.Lookup(name)
	if p == nil {
		h.Del("Content-Disposition")
		plainText(w, http.StatusNotFound, "unknown profile\n")
		return
	}
	debug, _ := strconv.Atoi(r.URL.Query().Get("debug"))
	if debug > 0 {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Del("Content-Disposition")
	}
	p.WriteTo(w, debug) // if it fails the client is gone
}

func fileRune(r rune) rune {
	if r >= 'a' && r <= 'z' {
		return r
	}
	return -1
}

// runProfile profiles for as long as the request says. There can be one at a time.
func runProfile(w http.ResponseWriter, r *http.Request, seconds int, start func(io.Writer) error, stop func()) {
	if text := r.URL.Query().Get("seconds"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxProfileSeconds {
			w.Header().Del("Content-Disposition")
			plainText(w, http.StatusBadRequest, fmt.Sprintf("seconds: want 1 to %d\n", maxProfileSeconds))
			return
		}
		seconds = n
	}
	if err := start(w); err != nil {
		w.Header().Del("Content-Disposition")
		plainText(w, http.StatusConflict, err.Error()+"\n")
		return
	}
	defer stop()
	select {
	case <-time.After(time.Duration(seconds) * time.Second):
	case <-r.Context().Done():
	}
}
