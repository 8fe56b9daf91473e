package attack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/hardening/child"
)

// A Target is the server that is attacked.
type Target struct {
	Name     string
	Addrs    map[Dialect]string // what it speaks, and where; nil: one address for all
	Addr     string             // where attacks go that need no dialect
	TLS      bool               // Addr also takes TLS
	Call     string             // the target of correct clients
	Process  *child.Process     // nil: its memory is not measured
	Settle   func()             // makes it give memory back before it is measured; may be nil
	Start    func() error       // starts it again after it has died; may be nil: then the attacks end there
	Panics   func() int64       // those that it contained; may be nil
	Foreign  bool               // a library other than thriftkit: what it does is reported, never a failure
	Motan    bool               // speaks Motan as well
	RPCX     bool               // speaks rpcx as well
	Dubbo    bool               // speaks Dubbo as well
	RPCXOnly bool               // speaks rpcx and no Thrift

	Certs      string         // the folder with its certificates; "" if there is none
	Guarded    *child.Guarded // the server that lets in only whom it should; nil if there is none
	GuardStats func() (child.GuardStats, error)
}

// addr returns where the dialect is spoken.
func (t *Target) addr(d Dialect) string {
	if t.Addrs == nil {
		return t.Addr
	}
	return t.Addrs[d]
}

// dialects returns what the target speaks.
func (t *Target) dialects() []Dialect {
	if t.RPCXOnly {
		return nil
	}
	var all []Dialect
	for _, d := range All() {
		if t.Addrs == nil || t.Addrs[d] != "" {
			all = append(all, d)
		}
	}
	return all
}

// Options say how much is done.
type Options struct {
	Conns int                              // how many connections "connect and close" makes; 0: as many as there is time for
	Short bool                             // a part of each attack, for tests
	Only  func(name string) bool           // nil: all attacks
	Log   func(format string, args ...any) // is told how it goes on; may be nil
}

// A Result is what an attack did.
type Result struct {
	Attack   string
	Short    bool
	Inputs   int           // that were tried
	Panicked bool          // the server died, or contained a panic
	Growth   int64         // of resident memory, in bytes; -1 where it could not be measured
	Bound    int64         // that Growth should keep below
	Before   time.Duration // the 99th percentile of correct clients
	During   time.Duration
	Errors   int      // calls of correct clients that failed
	Note     string   // what else was seen
	Wrong    []string // what should not have been seen
}

// What a 99th percentile is taken for that is less: so little is the scheduler's noise, not the server's doing. The short form
// is for machines that do other things as well.
const (
	slack      = 5 * time.Millisecond
	shortSlack = 500 * time.Millisecond
)

// Ratio returns During as a multiple of Before, with what is less than 5 ms taken for 5 ms, in the short form half a second.
func (r *Result) Ratio() float64 {
	least := slack
	if r.Short {
		least = shortSlack
	}
	return float64(max(r.During, least)) / float64(max(r.Before, least))
}

// Faults returns what is wrong with the result.
func (r *Result) Faults() error {
	var errs []error
	if r.Panicked {
		errs = append(errs, errors.New("the server panicked"))
	}
	if r.Growth > r.Bound {
		errs = append(errs, fmt.Errorf("its memory grew by %d MiB, the bound is %d MiB", r.Growth>>20, r.Bound>>20))
	}
	if r.Errors > 0 {
		errs = append(errs, fmt.Errorf("%d calls of correct clients failed", r.Errors))
	}
	if ratio := r.Ratio(); ratio >= 3 {
		errs = append(errs, fmt.Errorf("the 99th percentile of correct clients rose from %v to %v", r.Before, r.During))
	}
	for _, what := range r.Wrong {
		errs = append(errs, errors.New(what))
	}
	if errs == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", r.Attack, errors.Join(errs...))
}

// run is one attack under way.
type run struct {
	*Target
	Options
	ctx    context.Context
	inputs atomic.Int64
	mu     sync.Mutex
	note   string
	wrong  []string
}

// Run makes all attacks on t, one after the other. The error is of what kept it from doing so.
func Run(ctx context.Context, t *Target, o Options) ([]Result, error) {
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	if err := child.StepBack(); err != nil {
		return nil, err
	}
	rate := 400 // calls a second
	l, err := child.StartLoad(t.Call, rate)
	if err != nil {
		return nil, err
	}
	defer func() { l.Stop() }()
	var results []Result
	for _, a := range attacks() {
		if o.Only != nil && !o.Only(a.name) || a.needsTLS && !t.TLS || a.guarded && t.Guarded == nil || a.thrift && t.RPCXOnly || a.dubbo && !t.Dubbo || a.motan && !t.Motan || a.rpcx && !t.RPCX {
			continue
		}
		r, err := attackOnce(ctx, t, o, a, l)
		if err != nil {
			return results, fmt.Errorf("%s: %w", a.name, err)
		}
		results = append(results, r)
		o.Log("%s", r.line())
		if t.Process == nil || t.Process.Alive() {
			continue
		}
		if t.Start == nil {
			return results, fmt.Errorf("%s: the server has died:\n%s", a.name, t.Process.Output())
		}
		l.Stop()
		if err := t.Start(); err != nil {
			return results, err
		}
		if l, err = child.StartLoad(t.Call, rate); err != nil {
			return results, err
		}
	}
	return results, nil
}

func attackOnce(ctx context.Context, t *Target, o Options, a attack, l *child.Load) (Result, error) {
	r := Result{Attack: a.name, Short: o.Short, Bound: a.bound, Growth: -1}
	if r.Bound == 0 {
		r.Bound = 64 << 20
	}
	quiet := 2 * time.Second
	if o.Short {
		quiet = 500 * time.Millisecond
	}
	if _, err := l.Report(); err != nil {
		return r, err
	}
	time.Sleep(quiet)
	before, err := l.Report()
	if err != nil {
		return r, err
	}
	var rss, panics int64
	if t.Process != nil {
		if t.Settle != nil {
			t.Settle()
		}
		t.Process.Peak()
		rss = t.Process.Peak()
	}
	if t.Panics != nil {
		panics = t.Panics()
	}
	x := &run{Target: t, Options: o, ctx: ctx}
	l.Report()
	start := time.Now()
	if err := a.run(x); err != nil {
		return r, err
	}
	if rest := quiet - time.Since(start); rest > 0 { // for enough calls
		time.Sleep(rest)
	}
	during, err := l.Report()
	if err != nil {
		return r, err
	}
	r.Inputs, r.Note, r.Wrong = int(x.inputs.Load()), x.note, x.wrong
	r.Before, r.During, r.Errors = before.P99, during.P99, during.Errors
	if during.Errors > 0 {
		r.Note += " " + during.Error
	}
	if t.Process != nil && rss > 0 {
		r.Growth = max(0, t.Process.Peak()-rss)
	}
	r.Panicked = t.Process != nil && (!t.Process.Alive() || t.Process.Panicked()) || t.Panics != nil && t.Panics() > panics
	return r, nil
}

// dial connects to the server from one of many addresses of the loopback network, where the system has them: one
// alone has too few ports for all attacks.
func (x *run) dial(addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second}
	if runtime.GOOS == "linux" {
		d.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+x.inputs.Load()%200))}
	}
	nc, err := d.DialContext(x.ctx, "tcp", addr)
	if tcp, ok := nc.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	return nc, err
}

// patience is how long an attacker waits for the server to answer or to hang up.
const patience = 300 * time.Millisecond

// throw sends b on a connection of its own, says that nothing more will come, and waits for the end.
func (x *run) throw(addr string, b []byte) {
	x.inputs.Add(1)
	nc, err := x.dial(addr)
	if err != nil {
		return // the server has other worries: correct clients will tell
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience + 2*time.Second))
	if _, err := nc.Write(b); err != nil {
		return // it hung up already
	}
	if half, ok := nc.(*net.TCPConn); ok {
		half.CloseWrite()
	}
	nc.SetReadDeadline(time.Now().Add(patience))
	io.Copy(io.Discard, nc)
}

// workers is how many connections of short attacks there are at once.
const workers = 8

// throwAll throws every input.
func (x *run) throwAll(addr string, all []input) {
	var wg sync.WaitGroup
	next := make(chan input)
	for range workers {
		wg.Go(func() {
			for in := range next {
				x.throw(addr, in.bytes)
			}
		})
	}
	for _, in := range all {
		if x.ctx.Err() != nil {
			break
		}
		next <- in
	}
	close(next)
	wg.Wait()
}

// eachDialect throws the inputs that make returns for each dialect.
func (x *run) eachDialect(make func(Dialect) ([]input, error)) error {
	for _, d := range x.dialects() {
		all, err := make(d)
		if err != nil {
			return err
		}
		if x.Short {
			all = sample(all, 60)
		}
		x.throwAll(x.addr(d), all)
	}
	return x.ctx.Err()
}

// sample returns about n of all, evenly spread, the first and the last among them.
func sample(all []input, n int) []input {
	if len(all) <= n {
		return all
	}
	var some []input
	for i := range n {
		some = append(some, all[i*(len(all)-1)/(n-1)])
	}
	return some
}

// say adds to the note of the result.
func (x *run) say(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.note != "" {
		x.note += "; "
	}
	x.note += fmt.Sprintf(format, args...)
}

// fault notes what the server should not have done.
func (x *run) fault(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.wrong) < 10 {
		x.wrong = append(x.wrong, fmt.Sprintf(format, args...))
	}
}

// hold keeps an attack up for so long, less in the short form.
func (x *run) hold() time.Duration {
	if x.Short {
		return time.Second
	}
	return 5 * time.Second
}

// flood writes b again and again, with a breath between, until d is over, and returns how many bytes the server took.
func flood(nc net.Conn, b []byte, d time.Duration) (n int64) {
	nc.SetWriteDeadline(time.Now().Add(d))
	for {
		m, err := nc.Write(b)
		n += int64(m)
		if err != nil {
			return n
		}
		time.Sleep(d / 100)
	}
}
