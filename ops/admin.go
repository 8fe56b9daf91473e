package ops

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
)

// AdminOptions say what an [Admin] shows, and to whom. The zero value is right for most.
type AdminOptions struct {
	// Metrics are the numbers that the pages show; nil makes new ones, which [Admin.Metrics] returns.
	Metrics *Metrics

	// Health is what /readyz says; nil: always ready.
	Health *Health

	// Hosts are names by which browsers and scrapers may ask for the pages, besides localhost, the machine's own name and all IP
	// addresses. "*" allows all. Other names are refused: a page elsewhere could have its name resolve to this address (DNS rebinding).
	Hosts []string

	// Calls is how many of the last calls, and of the last errors, are kept; 0 means 500. CallsPerSecond is how many calls are kept
	// in one second, and as many errors; 0 means 100. Of the others only the numbers are kept.
	Calls, CallsPerSecond int

	// Arguments keeps the arguments of those calls, too. What the IDL annotates as sensitive is hidden.
	Arguments bool

	// Permit says by an error who may not change settings, and else who does: it is asked for each request that changes one, besides the
	// checks that no page elsewhere made a browser send it. nil: nobody may. [PermitToken] makes one.
	Permit func(r *http.Request) (who string, err error)

	// Changed learns of each change of a setting, for an audit log; nil: nobody does.
	Changed func(SettingChange)

	// NoProfiles leaves out profiles of the CPU, the heap and goroutines, and traces.
	NoProfiles bool
}

// An Admin has pages by which a running program shows itself to its operators: for browsers HTML, for curl text, for scripts JSON.
//
//	admin := ops.NewAdmin(ops.AdminOptions{Health: health})
//	defer admin.Close()
//	server := thriftkit.NewServer(thriftkit.WithStats(admin.Server()))
//	admin.Watch(server)
//	go admin.ListenAndServe("127.0.0.1:9091")
//
// The pages are /status, /calls, /errors, /connections, /settings, /vars and /profiles; beside them are /metrics for Prometheus,
// /healthz, /readyz and /debug/pprof/ for go tool pprof. They are read-only, except settings that may change while the program runs, for those whom Permit lets. They must not face strangers: [Admin.ListenAndServe]
// listens on the loopback interface unless told otherwise. Requests that another page makes a browser send are refused.
//
// All methods may be called by any number of goroutines.
type Admin struct {
	opts    AdminOptions
	started time.Time
	handler http.Handler
	calls   callRing
	errors  callRing

	server, client *sampler

	mu        sync.Mutex
	recorders []*recorder
	watched   []*rpc.Server
	http      *http.Server
	closed    bool
	stop      chan struct{}
	done      chan struct{}
}

// NewAdmin returns an Admin, which looks at its numbers each second until Close.
func NewAdmin(opts AdminOptions) *Admin {
	if opts.Metrics == nil {
		opts.Metrics = NewMetrics()
	}
	if opts.Health == nil {
		opts.Health = NewHealth()
		opts.Health.SetReady(true)
	}
	opts.Calls = cmp.Or(max(opts.Calls, 0), 500)
	opts.CallsPerSecond = cmp.Or(max(opts.CallsPerSecond, 0), 100)
	a := &Admin{opts: opts, started: time.Now(), stop: make(chan struct{}), done: make(chan struct{})}
	a.calls.perSecond, a.errors.perSecond = int64(opts.CallsPerSecond), int64(opts.CallsPerSecond)
	a.server, a.client = newSampler(&opts.Metrics.server), newSampler(&opts.Metrics.client)
	a.handler = a.guard(a.pages())
	a.http = &http.Server{Handler: a.handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	go func() {
		defer close(a.done)
		runSamplers(a.stop, a.server.tick, a.client.tick, a.tickConns)
	}()
	return a
}

// Metrics returns the numbers that the pages show.
func (a *Admin) Metrics() *Metrics { return a.opts.Metrics }

// Server returns the listener for a server, which counts for [Admin.Metrics] as well. Each server needs one of its own.
func (a *Admin) Server() rpc.Stats { return rpc.JoinStats(a.opts.Metrics.Server(), a.recorder(false)) }

// Client returns the listener for clients, which counts for [Admin.Metrics] as well.
func (a *Admin) Client() rpc.Stats { return rpc.JoinStats(a.opts.Metrics.Client(), a.recorder(true)) }

func (a *Admin) recorder(client bool) *recorder {
	r := &recorder{a: a, client: client}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.recorders = append(a.recorders, r)
	return r
}

// Watch adds a server to those whose settings and counters the pages show.
func (a *Admin) Watch(s *rpc.Server) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.watched = append(a.watched, s)
}

func (a *Admin) servers() []*rpc.Server {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.watched)
}

func (a *Admin) recorderList() []*recorder {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.recorders)
}

func (a *Admin) tickConns() {
	for _, r := range a.recorderList() {
		r.tick()
	}
}

// ServeHTTP answers a request for a page. It refuses requests for unknown hosts and from other origins.
func (a *Admin) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// ListenAndServe serves the pages on addr, host:port, until Close, after which it returns http.ErrServerClosed. Without a host, as in
// ":9091", it listens on the loopback interface alone.
func (a *Admin) ListenAndServe(addr string) error {
	l, err := ListenAdmin(addr)
	if err != nil {
		return err
	}
	return a.Serve(l)
}

// ListenAdmin listens on addr as [Admin.ListenAndServe] does.
func ListenAdmin(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("ops: admin address: %w", err)
	}
	return net.Listen("tcp", net.JoinHostPort(cmp.Or(host, "127.0.0.1"), port))
}

// Serve serves the pages on l, until Close.
func (a *Admin) Serve(l net.Listener) error { return a.http.Serve(l) }

// Close ends what ListenAndServe, Serve and NewAdmin began.
func (a *Admin) Close() error {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return nil
	}
	a.closed = true
	a.mu.Unlock()
	close(a.stop)
	<-a.done
	return a.http.Close()
}

// Status is the page /status.
type Status struct {
	Time     time.Time      `json:"time"`
	Uptime   float64        `json:"uptime_seconds"`
	Build    Build          `json:"build"`
	NotReady []string       `json:"not_ready"` // why the program wants no calls; empty if it does
	Outside  Outside        `json:"outside"`
	Server   []MethodStatus `json:"server"`
	Client   []MethodStatus `json:"client"`
}

// Outside are errors that no handler saw, since the program began.
type Outside struct {
	UnknownMethods     uint64 `json:"unknown_methods"`     // calls of methods that there are not
	RefusedCalls       uint64 `json:"refused_calls"`       // other calls whose handlers did not run: too many, arguments that cannot be read
	RefusedConnections uint64 `json:"refused_connections"` // too many, or a dialect that is unknown or not accepted
	ConnectionErrors   uint64 `json:"connection_errors"`   // connections that ended with an error
	FailedConnections  uint64 `json:"failed_connections"`  // those that clients could not make
}

// A MethodStatus is how one method does. Latencies are those of the last minute, in microseconds.
type MethodStatus struct {
	Service string            `json:"service"`
	Method  string            `json:"method"`
	Calls   uint64            `json:"calls"`  // since the program began
	Errors  uint64            `json:"errors"` // among them, other than declared exceptions
	Codes   map[string]uint64 `json:"codes"`  // by code; "ok" is not among them

	InFlight        uint64  `json:"in_flight"`
	CallsPerSecond  float64 `json:"calls_per_second"` // over the last 10 seconds
	ErrorsPerSecond float64 `json:"errors_per_second"`

	Mean int64 `json:"mean_us"`
	P50  int64 `json:"p50_us"`
	P80  int64 `json:"p80_us"`
	P90  int64 `json:"p90_us"`
	P99  int64 `json:"p99_us"`
	P999 int64 `json:"p999_us"`

	Seconds []Point `json:"seconds"` // the last 60, the oldest first
	Minutes []Point `json:"minutes"` // the last 60
	Hours   []Point `json:"hours"`   // the last 24
}

// Name returns Service.method.
func (m *MethodStatus) Name() string {
	if m.Service == "" {
		return m.Method
	}
	return m.Service + "." + m.Method
}

// Status returns what the page /status shows.
func (a *Admin) Status(ctx context.Context) *Status {
	now := time.Now()
	s := &Status{Time: now, Uptime: now.Sub(a.started).Seconds(), Build: buildInfo(), NotReady: []string{}}
	if err := a.opts.Health.Err(ctx); err != nil {
		s.NotReady = strings.Split(printableLines(err.Error()), "\n")
	}
	s.Server, s.Client = a.server.status(), a.client.status()
	for _, m := range s.Server {
		if m.Method == other {
			s.Outside.UnknownMethods += m.Errors
		}
	}
	m := a.opts.Metrics
	for _, x := range m.server.list() {
		if x.method != other {
			s.Outside.RefusedCalls += x.refusedCalls()
		}
	}
	m.server.connMu.Lock()
	s.Outside.RefusedConnections, s.Outside.ConnectionErrors = m.server.refused, m.server.broken
	m.server.connMu.Unlock()
	m.client.connMu.Lock()
	s.Outside.ConnectionErrors += m.client.broken
	s.Outside.FailedConnections = m.client.failed
	m.client.connMu.Unlock()
	s.Server = slices.DeleteFunc(s.Server, func(m MethodStatus) bool { return m.Method == other && m.Calls == m.Errors })
	return s
}

func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// refusedCalls returns how many calls were refused before a handler ran.
func (x *methodMetrics) refusedCalls() (n uint64) {
	for i := range x.failures {
		n += x.failures[i][rpc.OutcomeRefused].Load()
	}
	return n
}

// status returns how all methods do.
func (s *sampler) status() []MethodStatus {
	list := []MethodStatus{}
	for _, x := range s.side.list() {
		list = append(list, s.of(x))
	}
	return list
}

func (s *sampler) of(x *methodMetrics) MethodStatus {
	t := x.total()
	m := MethodStatus{
		Service: x.service, Method: x.method, Calls: t.succeeded + t.failed, Errors: t.failed - t.exceptions, InFlight: t.inFlight(),
		Codes: make(map[string]uint64), Seconds: []Point{}, Minutes: []Point{}, Hours: []Point{},
	}
	for c := range x.failures {
		for o := range x.failures[c] {
			if n := x.failures[c][o].Load(); n > 0 {
				m.Codes[result(c).String()] += n
			}
		}
	}
	latency := &t.latency
	s.mu.Lock()
	if h := s.methods[x]; h != nil {
		latency = h.lastMinute(t)
		m.CallsPerSecond, m.ErrorsPerSecond = h.callsPerSecond, h.errorsPerSecond
		m.Seconds, m.Minutes, m.Hours = append(m.Seconds, h.seconds.points...), append(m.Minutes, h.minutes.points...), append(m.Hours, h.hours.points...)
	}
	s.mu.Unlock()
	m.Mean = latency.mean().Microseconds()
	for _, q := range []struct {
		to *int64
		q  float64
	}{{&m.P50, 0.5}, {&m.P80, 0.8}, {&m.P90, 0.9}, {&m.P99, 0.99}, {&m.P999, 0.999}} {
		*q.to = latency.quantile(q.q).Microseconds()
	}
	return m
}

// Calls returns the last calls that were kept, the newest first, and how many were not kept because there were too many.
func (a *Admin) Calls() (list []Call, missed uint64) { return a.calls.newest(), a.calls.missed.Load() }

// Errors returns the last errors that were kept, the newest first: of calls and of connections.
func (a *Admin) Errors() (list []Call, missed uint64) {
	return a.errors.newest(), a.errors.missed.Load()
}

// A Connection is one that is open.
type Connection struct {
	ID        uint64    `json:"id"`
	Client    bool      `json:"client"` // this program connected
	Opened    time.Time `json:"opened"`
	Dialect   string    `json:"dialect"`
	Peer      string    `json:"peer"`
	Local     string    `json:"local"`
	Principal string    `json:"principal,omitempty"`
	TLS       string    `json:"tls,omitempty"` // the version

	Calls    uint64 `json:"calls"`
	BytesIn  uint64 `json:"bytes_in"` // of messages, without frames and headers
	BytesOut uint64 `json:"bytes_out"`

	CallsPerSecond    float64 `json:"calls_per_second"` // in the last second
	BytesInPerSecond  float64 `json:"bytes_in_per_second"`
	BytesOutPerSecond float64 `json:"bytes_out_per_second"`
}

// Connections returns the open connections, the busiest first.
func (a *Admin) Connections() []Connection {
	list := []Connection{}
	for _, r := range a.recorderList() {
		for _, c := range r.list() {
			list = append(list, c.describe())
		}
	}
	slices.SortFunc(list, func(x, y Connection) int {
		return cmp.Or(cmp.Compare(y.CallsPerSecond, x.CallsPerSecond), cmp.Compare(y.Calls, x.Calls), cmp.Compare(x.ID, y.ID))
	})
	return list
}

func (c *liveConn) describe() Connection {
	d := Connection{
		ID: c.id, Client: c.client, Opened: c.opened, Dialect: *c.dialect.Load(), Peer: addrText(c.peer), Local: addrText(c.local),
		Calls: c.calls.Load(), BytesIn: c.bytesIn.Load(), BytesOut: c.bytesOut.Load(),
	}
	if name := c.principal.Load(); name != nil {
		d.Principal = *name
	}
	if state := c.tls.Load(); state != nil {
		d.TLS = tlsVersion(state.Version)
	}
	c.mu.Lock()
	d.CallsPerSecond, d.BytesInPerSecond, d.BytesOutPerSecond = c.perSecond[0], c.perSecond[1], c.perSecond[2]
	c.mu.Unlock()
	return d
}

// A Setting is an option of a server.
type Setting struct {
	Server  int    `json:"server"` // which of the servers, counted from 1 in the order of Watch
	Name    string `json:"name"`   // as in rpc.ServerOptions
	Value   string `json:"value"`
	Default string `json:"default"`

	Changeable bool `json:"changeable"` // by a POST of server, name and value to /settings, with permission
}

// Settings returns the options of the servers that are watched, those that can be shown.
func (a *Admin) Settings() []Setting {
	list := []Setting{}
	defaults := reflect.ValueOf(rpc.NewServer(rpc.ServerOptions{}).Options())
	for i, s := range a.servers() {
		options := reflect.ValueOf(s.Options())
		for f := range options.NumField() {
			value, ok := settingText(options.Field(f))
			if !ok {
				continue
			}
			dflt, _ := settingText(defaults.Field(f))
			name := options.Type().Field(f).Name
			list = append(list, Setting{i + 1, name, value, dflt, a.opts.Permit != nil && limitSetters[name] != nil})
		}
	}
	return list
}

// settingText returns a value as text; functions and the like only as whether they are set.
func settingText(v reflect.Value) (string, bool) {
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		return v.Interface().(time.Duration).String(), true
	case v.Kind() == reflect.Int:
		return fmt.Sprint(v.Int()), true
	case v.Kind() == reflect.Bool:
		return fmt.Sprint(v.Bool()), true
	case v.Kind() == reflect.String:
		return v.String(), true
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.String:
		return strings.Join(v.Interface().([]string), ", "), true
	case v.Kind() == reflect.Slice:
		return fmt.Sprint(v.Len()), true
	case v.Kind() == reflect.Pointer, v.Kind() == reflect.Func, v.Kind() == reflect.Interface:
		if v.IsNil() {
			return "none", true
		}
		return "set", true
	}
	return "", false
}

// A Var is one number.
type Var struct {
	Name  string `json:"name"` // with its labels, as Prometheus has it
	Value string `json:"value"`
}

// Vars returns all numbers whose names match the pattern of [path.Match], or contain it if it has no wildcard; "" is all of them. The
// buckets of histograms are left out.
func (a *Admin) Vars(pattern string) []Var {
	list := []Var{}
	for line := range strings.SplitSeq(string(a.opts.Metrics.Append(nil, false)), "\n") {
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || line[0] == '#' || strings.Contains(line[:at], "_bucket{") || !matches(pattern, line[:at]) {
			continue
		}
		list = append(list, Var{line[:at], line[at+1:]})
	}
	for i, s := range a.servers() {
		n := s.Stats()
		for _, v := range []struct {
			name  string
			value int64
		}{
			{"connections", int64(n.Connections)}, {"unknown_starts", n.UnknownStarts}, {"refused_dialects", n.RefusedDialects},
			{"refused_connections", n.RefusedConns}, {"refused_calls", n.RefusedCalls},
		} {
			if name := fmt.Sprintf("server_%s{server=\"%d\"}", v.name, i+1); matches(pattern, name) {
				list = append(list, Var{name, fmt.Sprint(v.value)})
			}
		}
	}
	return list
}

// matches reports whether a name matches a pattern with * and ?, or contains it if it has neither.
func matches(pattern, name string) bool {
	if !strings.ContainsAny(pattern, "*?") {
		return strings.Contains(name, pattern)
	}
	// Both ends of the last * and of what it stands for: at most so many steps as both are long, multiplied.
	p, n, star, mark := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n] && pattern[p] != '*'):
			p, n = p+1, n+1
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
		case star >= 0:
			mark++
			p, n = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
