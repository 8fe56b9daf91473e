package faults

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/conformance"
	"github.com/thriftkit/thriftkit/discovery/registry"
	"github.com/thriftkit/thriftkit/govern"
	"github.com/thriftkit/thriftkit/hardening/child"
	"github.com/thriftkit/thriftkit/hardening/table"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/thrifttest/chaos"
)

// A FleetResult is what a scenario did to calls of a service with several instances, of which one at least is well all the time.
type FleetResult struct {
	Scenario   string
	Graceful   bool // no call may fail
	Once, Many Side // calls that may be executed once, and those of idempotent methods
	Goroutines int  // of this process, more than before
	short      bool
}

// A Side is what became of the calls of one client.
type Side struct {
	Calls, OK     int
	LastFailure   time.Duration // from the beginning of the fault until the last call that failed began; 0 if none did
	Amplification float64       // attempts that were sent, for each call
	tally
	Wrong  int
	Errors string
}

// Faults returns what is wrong with the result. The short form is for machines that do other things as well: what depends on time does
// not count there.
func (r *FleetResult) Faults() error {
	var errs []error
	add := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	add(r.Once.twice > 0, "%d calls were executed twice", r.Once.twice)
	add(r.Goroutines > 0, "%d goroutines are left on the clients' side", r.Goroutines)
	for _, s := range []*Side{&r.Once, &r.Many} {
		add(s.Calls == 0, "no calls were made")
		add(s.unrecorded > 0, "%d calls were answered and not executed", s.unrecorded)
		add(s.denied > 0, "%d calls were executed although their errors deny it", s.denied)
		add(s.Wrong > 0, "%d answers were wrong", s.Wrong)
		add(r.Graceful && s.OK < s.Calls, "%d of %d calls were lost: %s", s.Calls-s.OK, s.Calls, s.Errors)
	}
	if !r.short {
		add(r.Once.OK*1000 < r.Once.Calls*999, "%d of %d calls failed: %s", r.Once.Calls-r.Once.OK, r.Once.Calls, r.Once.Errors)
		add(r.Many.OK < r.Many.Calls && r.Scenario != answersErrors, "%d of %d calls of idempotent methods failed: %s", r.Many.Calls-r.Many.OK, r.Many.Calls, r.Many.Errors)
		add(max(r.Once.Amplification, r.Many.Amplification) > 1.2, "there were %.2f and %.2f attempts for each call", r.Once.Amplification, r.Many.Amplification)
	}
	if errs == nil {
		return nil
	}
	return fmt.Errorf("fleet, %s: %w", r.Scenario, errors.Join(errs...))
}

// A fleetScenario is a fault of one of three instances, or of the registry.
type fleetScenario struct {
	name     string
	proxied  bool // clients reach instances through proxies
	graceful bool
	run      func(*fleet) error
}

// answersErrors is the scenario in which calls fail because the answer is an error: such calls were executed, and are never made again.
const answersErrors = "one answers each call with an internal error"

func fleetScenarios() []fleetScenario {
	first := func(f func(w *fleet, m *member) error) func(*fleet) error {
		return func(w *fleet) error { return f(w, w.members[0]) }
	}
	during := func(faults chaos.Faults) func(*fleet) error {
		return first(func(w *fleet, m *member) error {
			m.proxy.Set(faults, faults)
			w.rest()
			m.proxy.Set(chaos.Faults{}, chaos.Faults{})
			return nil
		})
	}
	ends := func(how chaos.Ending) func(*fleet) error {
		return first(func(w *fleet, m *member) error {
			for range 4 {
				m.proxy.End(how)
				time.Sleep(w.fault / 4)
			}
			return nil
		})
	}
	fails := func(how string) func(*fleet) error {
		return first(func(w *fleet, m *member) error {
			if err := m.server.Fail(how); err != nil {
				return err
			}
			w.rest()
			return m.server.Fail("")
		})
	}
	return []fleetScenario{
		{name: "no fault", graceful: true, run: func(w *fleet) error { w.rest(); return nil }},
		{name: "one is killed (SIGKILL), another one comes", run: first(func(w *fleet, m *member) (err error) {
			m.server.Kill()
			w.rest()
			w.members[0], err = w.start()
			return err
		})},
		{name: "one is stopped (SIGSTOP)", run: first(func(w *fleet, m *member) error { return standStill(m.server, w.rest) })},
		{name: "connections to one are reset, four times", proxied: true, run: ends(chaos.Reset)},
		{name: "connections to one become half-open, four times", proxied: true, run: ends(chaos.Abandon)},
		{name: "a black hole in front of one", proxied: true, run: during(chaos.Faults{Drop: true})},
		{name: "latency of one 10 times that of the others", proxied: true, graceful: true, run: func(w *fleet) error {
			for _, m := range w.members[1:] {
				m.proxy.Set(chaos.Faults{Latency: time.Millisecond}, chaos.Faults{Latency: time.Millisecond})
			}
			return during(chaos.Faults{Latency: 10 * time.Millisecond})(w)
		}},
		{name: answersErrors, run: fails("internal")},
		{name: "one refuses each call as overloaded", graceful: true, run: fails("overloaded")},
		{name: "the registry is killed, and another one comes", graceful: true, run: func(w *fleet) (err error) {
			w.registry.Kill()
			w.rest()
			w.registry, err = w.startRegistry()
			return err
		}},
		{name: "the registry has an empty list", graceful: true, run: func(w *fleet) error {
			c, err := registry.Connect(w.registry.Addr, registry.ClientOptions{})
			if err != nil {
				return err
			}
			defer c.Close()
			list, err := c.List(w.ctx, "Conformance")
			if err != nil || len(list) != len(w.members) {
				return fmt.Errorf("the registry has %v: %w", list, err)
			}
			for _, in := range list {
				if _, err := c.Deregister(w.ctx, "Conformance", in.Addr); err != nil {
					return err
				}
			}
			w.rest()
			return nil
		}},
		{name: "all are replaced, one by one", graceful: true, run: func(w *fleet) error {
			for i, old := range w.members {
				if err := old.end(); err != nil {
					return err
				}
				next, err := w.start()
				if err != nil {
					return err
				}
				w.members[i] = next
				time.Sleep(w.fault / 3)
			}
			return nil
		}},
	}
}

// A fleet is the processes of a scenario.
type fleet struct {
	ctx          context.Context
	record       string
	proxied      bool
	fault        time.Duration
	registryFile *os.File // the listener of the registries, one after the other
	registry     *child.Server
	members      []*member
}

func (w *fleet) rest() { time.Sleep(w.fault) }

func (w *fleet) startRegistry() (*child.Server, error) {
	return child.StartServer(child.ServerOptions{Registry: true, Listener: w.registryFile})
}

// A member is an instance, and the proxy in front of it, if there is one.
type member struct {
	server *child.Server
	proxy  *chaos.Proxy
}

func (w *fleet) start() (m *member, err error) {
	m = new(member)
	if m.server, err = child.StartServer(child.ServerOptions{Log: w.record}); err != nil {
		return nil, err
	}
	addr := m.server.Addr
	if w.proxied {
		if m.proxy, err = chaos.New(addr); err != nil {
			m.server.Kill()
			return nil, err
		}
		addr = m.proxy.Addr()
	}
	if err := m.server.Register(w.registry.Addr, "Conformance", addr); err != nil {
		m.kill()
		return nil, err
	}
	return m, nil
}

// end lets the instance leave: it deregisters, and answers what it has.
func (m *member) end() error {
	_, err := m.server.Shutdown()
	return errors.Join(err, m.server.Stop())
}

func (m *member) kill() {
	m.server.Kill()
	if m.proxy != nil {
		m.proxy.Close()
	}
}

// RunFleet makes the scenarios of several instances, one after the other.
func RunFleet(ctx context.Context, o Options) (results []FleetResult, err error) {
	for _, s := range fleetScenarios() {
		if o.Only != nil && !o.Only(s.name) {
			continue
		}
		if ctx.Err() != nil {
			return results, ctx.Err()
		}
		goroutines := runtime.NumGoroutine()
		r, err := onceFleet(ctx, s, o)
		if err != nil {
			return results, fmt.Errorf("fleet, %s: %w", s.name, err)
		}
		r.Goroutines = leaked(goroutines)
		results = append(results, r)
		o.Log("fleet, %s: %d of %d, idempotent %d of %d calls answered, %d twice, %s, idempotent: %s", r.Scenario, r.Once.OK, r.Once.Calls, r.Many.OK, r.Many.Calls, r.Once.twice, r.Once.Errors, r.Many.Errors)
	}
	return results, nil
}

func onceFleet(ctx context.Context, s fleetScenario, o Options) (r FleetResult, err error) {
	r = FleetResult{Scenario: s.name, Graceful: s.graceful, short: o.Short}
	w := &fleet{ctx: ctx, proxied: s.proxied, fault: 4 * time.Second}
	// An attempt gives up early enough for two more.
	attempt, whole, well := 500*time.Millisecond, 3*time.Second, 2*time.Second
	if o.Short {
		w.fault, attempt, whole, well = 600*time.Millisecond, 3*time.Second, time.Minute, 300*time.Millisecond
		if s.graceful {
			attempt = whole // no machine is so slow
		}
	}
	dir, err := os.MkdirTemp("", "hardening")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	w.record = filepath.Join(dir, "executed")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return r, err
	}
	file, err := l.(*net.TCPListener).File()
	l.Close() // the registries have it
	if err != nil {
		return r, err
	}
	defer file.Close()
	if w.registryFile, err = inheritable(file); err != nil {
		return r, err
	}
	defer w.registryFile.Close()
	if w.registry, err = w.startRegistry(); err != nil {
		return r, err
	}
	defer func() { w.registry.Kill() }()
	defer func() {
		for _, m := range w.members {
			m.kill()
		}
	}()
	for range 3 {
		m, err := w.start()
		if err != nil {
			return r, err
		}
		w.members = append(w.members, m)
	}
	loaded, err := conformance.Load()
	if err != nil {
		return r, err
	}
	method := loaded.Service("Conformance").Method("echoString")
	begin := func(prefix string, opts ...thriftkit.ClientOption) (*clientSide, error) {
		c := new(clientSide)
		opts = append(opts, thriftkit.WithAttemptTimeout(attempt), thriftkit.WithStats(c))
		client, err := thriftkit.Dial(ctx, "registry://"+w.registry.Addr+"/Conformance", opts...)
		if err != nil {
			return nil, err
		}
		c.load = startLoad(client, method, prefix, whole)
		return c, nil
	}
	one, err := begin("once ")
	if err != nil {
		return r, err
	}
	two, err := begin("many ", thriftkit.WithRetry(govern.RetryOptions{Idempotent: func(*schema.Method) bool { return true }}))
	if err != nil {
		one.end()
		return r, err
	}
	time.Sleep(well)
	start := time.Now()
	err = s.run(w)
	time.Sleep(well)
	one.end()
	two.end()
	if err != nil {
		return r, err
	}
	if r.Once, err = one.side(start, w.record); err != nil {
		return r, err
	}
	r.Many, err = two.side(start, w.record)
	return r, err
}

// A clientSide is a client with its load. As rpc.Stats it counts the attempts that are sent.
type clientSide struct {
	*load
	sent atomic.Int64
}

func (c *clientSide) HandleConn(rpc.ConnEvent) {}

func (c *clientSide) HandleCall(_ context.Context, e rpc.CallEvent) {
	if e.Kind == rpc.AttemptEnded && e.Outcome != rpc.OutcomeNotSent {
		c.sent.Add(1)
	}
}

func (c *clientSide) end() {
	c.load.end()
	c.client.Close()
}

func (c *clientSide) side(start time.Time, record string) (s Side, err error) {
	s.Calls, s.OK = c.calls()
	s.Wrong, s.Errors = c.wrong, summary(c.load)
	if began := c.began.Load(); began != 0 {
		s.LastFailure = time.Unix(0, began).Sub(start)
	}
	s.Amplification = float64(c.sent.Load()) / float64(max(1, s.Calls))
	s.tally, err = c.tally(record)
	return s, err
}

// FleetTable returns the results as a table.
func FleetTable(results []FleetResult) *table.Table {
	t := &table.Table{Head: []string{"scenario, of three instances", "calls", "answered", "last failure after", "attempts per call", "executed twice", "idempotent: calls", "answered", "attempts per call", "outcome untrue", "lost gracefully", "errors"}}
	ratio := func(s Side) string {
		if s.OK == s.Calls {
			return "100 %"
		}
		return fmt.Sprintf("%.3f %%", 100*float64(s.OK)/float64(max(1, s.Calls)))
	}
	for _, r := range results {
		lost, last := "-", "-"
		if r.Graceful {
			lost = fmt.Sprint(r.Once.Calls - r.Once.OK + r.Many.Calls - r.Many.OK)
		}
		if r.Once.OK < r.Once.Calls {
			last = r.Once.LastFailure.Round(10 * time.Millisecond).String()
		}
		t.Add(r.Scenario, r.Once.Calls, ratio(r.Once), last, fmt.Sprintf("%.3f", r.Once.Amplification), r.Once.twice,
			r.Many.Calls, ratio(r.Many), fmt.Sprintf("%.3f", r.Many.Amplification), r.Once.denied+r.Once.unrecorded+r.Many.denied+r.Many.unrecorded, lost, r.Once.Errors)
	}
	return t
}
