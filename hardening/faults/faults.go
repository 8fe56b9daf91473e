// Package faults breaks networks and servers while calls are under way, and says what became of the calls.
package faults

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/conformance"
	"github.com/thriftkit/thriftkit/hardening/attack"
	"github.com/thriftkit/thriftkit/hardening/child"
	"github.com/thriftkit/thriftkit/hardening/table"
	"github.com/thriftkit/thriftkit/thrifttest/chaos"
)

// A Result is what a scenario did to calls.
type Result struct {
	Scenario   string
	Calls, OK  int           // from before the fault until after it
	Recovery   time.Duration // from the end of the fault until the last call that failed began; 0 if none failed any more
	Limit      time.Duration // of Recovery
	Recovered  bool
	Graceful   bool // no call may fail
	Twice      int  // calls that were executed twice
	Unrecorded int  // calls that were answered and not executed
	Denied     int  // calls that were executed although their error says that they were not
	Wrong      int  // answers that were not the call's
	Goroutines int  // of this process, more than before
	Left       child.Stats
	LeftMore   bool // the server has more goroutines or descriptors than before
	Errors     string
}

// Faults returns what is wrong with the result.
func (r *Result) Faults() error {
	var errs []error
	add := func(n int, what string) {
		if n > 0 {
			errs = append(errs, fmt.Errorf("%d %s", n, what))
		}
	}
	add(r.Twice, "calls were executed twice")
	add(r.Unrecorded, "calls were answered and not executed")
	add(r.Denied, "calls were executed although their errors deny it")
	add(r.Wrong, "answers were wrong")
	add(r.Goroutines, "goroutines are left on the client's side")
	if r.LeftMore {
		errs = append(errs, fmt.Errorf("the server is left with %d goroutines and %d descriptors", r.Left.Goroutines, r.Left.Descriptors))
	}
	if !r.Recovered {
		errs = append(errs, fmt.Errorf("calls fail still %v after the fault", r.Limit))
	}
	if r.Graceful && r.OK < r.Calls {
		errs = append(errs, fmt.Errorf("%d of %d calls were lost", r.Calls-r.OK, r.Calls))
	}
	if errs == nil {
		return nil
	}
	return fmt.Errorf("%s: %w: %s", r.Scenario, errors.Join(errs...), r.Errors)
}

// Options say how much is done.
type Options struct {
	Short bool                   // less time for each fault, for tests
	Only  func(name string) bool // nil: all scenarios
	Log   func(format string, args ...any)
}

// Run makes all scenarios, one after the other.
func Run(ctx context.Context, o Options) ([]Result, error) {
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	var results []Result
	for _, s := range scenarios(callTimeout(o.Short)) {
		if o.Only != nil && !o.Only(s.name) {
			continue
		}
		if ctx.Err() != nil {
			return results, ctx.Err()
		}
		r, err := once(ctx, s, o)
		if err != nil {
			return results, fmt.Errorf("%s: %w", s.name, err)
		}
		results = append(results, r)
		o.Log("%s: %d of %d calls answered, recovered in %v, %d twice, %s", r.Scenario, r.OK, r.Calls, r.Recovery.Round(time.Millisecond), r.Twice, r.Errors)
	}
	return results, nil
}

// world is what a scenario acts on.
type world struct {
	ctx      context.Context
	dir      string
	listener *net.TCPListener // that the servers accept from, one after the other
	file     *os.File         // of listener
	options  child.ServerOptions
	server   *child.Server
	proxy    *chaos.Proxy
	fault    time.Duration // how long a fault lasts
	extra    int           // failures of connections of the scenario's own
}

// start starts a server that accepts from the listener.
func (w *world) start() (*child.Server, error) {
	o := w.options
	o.Listener = w.file
	return child.StartServer(o)
}

func (w *world) rest() { time.Sleep(w.fault) }

func once(ctx context.Context, s scenario, o Options) (r Result, err error) {
	r = Result{Scenario: s.name, Limit: s.limit, Graceful: s.graceful}
	w := &world{ctx: ctx, fault: 1500 * time.Millisecond}
	if o.Short {
		w.fault = 500 * time.Millisecond
	}
	if w.dir, err = os.MkdirTemp("", "hardening"); err != nil {
		return r, err
	}
	defer os.RemoveAll(w.dir)
	if err := child.Certificates(w.dir); err != nil {
		return r, err
	}
	record := filepath.Join(w.dir, "executed")
	w.options = child.ServerOptions{Certs: w.dir, Log: record, Files: s.files}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return r, err
	}
	w.listener = l.(*net.TCPListener)
	if w.file, err = w.listener.File(); err != nil {
		return r, err
	}
	w.listener.Close() // the servers have it
	defer w.file.Close()
	if w.file, err = inheritable(w.file); err != nil {
		return r, err
	}
	defer w.file.Close()
	if w.server, err = w.start(); err != nil {
		return r, err
	}
	defer func() { w.server.Kill() }()
	if w.proxy, err = chaos.New(l.Addr().String()); err != nil {
		return r, err
	}
	defer w.proxy.Close()
	before, err := w.server.Stats()
	if err != nil {
		return r, err
	}
	file, err := conformance.Load()
	if err != nil {
		return r, err
	}
	goroutines := runtime.NumGoroutine()
	client, err := thriftkit.Dial(ctx, s.target(w))
	if err != nil {
		return r, err
	}
	load := startLoad(client, file.Service("Conformance").Method("echoString"), "call ", callTimeout(o.Short))
	time.Sleep(300 * time.Millisecond)
	if err := s.run(w); err != nil {
		load.end()
		client.Close()
		return r, err
	}
	r.Recovery, r.Recovered = load.recovered(time.Now(), s.limit)
	load.end()
	client.Close()
	r.Calls, r.OK = load.calls()
	r.Wrong = load.wrong + w.extra
	r.Errors = summary(load)
	t, err := load.tally(record)
	if err != nil {
		return r, err
	}
	r.Twice, r.Unrecorded, r.Denied = t.twice, t.unrecorded, t.denied
	w.proxy.End(chaos.Close)
	w.proxy.Set(chaos.Faults{}, chaos.Faults{})
	r.Left, r.LeftMore, err = settle(w.server, before)
	r.Goroutines = leaked(goroutines)
	return r, err
}

// settling is how long connections and goroutines may take to end on a machine that is busy.
const settling = time.Minute

// leaked returns how many goroutines there are more than n, some time after the last call.
func leaked(n int) int {
	for end := time.Now().Add(settling); ; time.Sleep(10 * time.Millisecond) {
		if more := runtime.NumGoroutine() - n; more <= 0 || time.Now().After(end) {
			return max(0, more)
		}
	}
}

// settle waits until the server has no more goroutines and descriptors than before its first connection.
func settle(s *child.Server, before child.Stats) (now child.Stats, more bool, err error) {
	const kept = 16 // goroutines that the server may keep for later calls
	for end := time.Now().Add(settling); ; time.Sleep(50 * time.Millisecond) {
		if now, err = s.Stats(); err != nil {
			return now, false, err
		}
		more = now.Goroutines > before.Goroutines+kept || now.Descriptors > before.Descriptors+1
		if !more || time.Now().After(end) {
			return now, more, nil
		}
	}
}

// summary says which errors there were.
func summary(l *load) string {
	var parts []string
	for code, n := range l.errs {
		parts = append(parts, fmt.Sprintf("%d × %s", n, code))
	}
	if l.wrong > 0 {
		parts = append(parts, l.example.Error())
	}
	return strings.Join(parts, ", ")
}

// Table returns the results as a table.
func Table(results []Result) *table.Table {
	t := &table.Table{Head: []string{"scenario", "calls", "answered", "recovered in", "limit", "executed twice", "outcome untrue", "wrong answers", "lost gracefully", "goroutines left", "errors"}}
	for _, r := range results {
		lost := "-"
		if r.Graceful {
			lost = fmt.Sprint(r.Calls - r.OK)
		}
		recovery := r.Recovery.Round(time.Millisecond).String()
		if !r.Recovered {
			recovery = "not"
		}
		t.Add(r.Scenario, r.Calls, fmt.Sprintf("%.1f %%", 100*float64(r.OK)/float64(max(1, r.Calls))), recovery, r.Limit, r.Twice, r.Denied+r.Unrecorded, r.Wrong, lost, r.Goroutines, r.Errors)
	}
	return t
}

// plain is the dialect of most scenarios.
var plain = attack.Dialect{Protocol: "binary", Transport: "buffered"}
