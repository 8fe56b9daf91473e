// Package soak keeps a server and clients busy for a long time, in all dialects at once and with a fault every few seconds, and
// looks whether anything grows.
package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/conformance"
	"github.com/thriftkit/thriftkit/hardening/attack"
	"github.com/thriftkit/thriftkit/hardening/child"
	"github.com/thriftkit/thriftkit/hardening/table"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/thrifttest/chaos"
)

// Options say how long and how much.
type Options struct {
	Duration time.Duration
	Interval time.Duration // between faults; 0 means 3 seconds
	Log      func(format string, args ...any)
}

// A Report is what there was to see.
type Report struct {
	Duration     time.Duration
	Calls        int64
	Errors       int64 // of calls that a fault hit
	Wrong        int64 // answers that are not the call's, and errors that no fault explains
	Example      string
	Disturbances int // faults of the network
	Server       Series
	Client       Series
	Panics       int64
}

// A Series is what one process had over time.
type Series struct{ HeapMiB, RSSMiB, Goroutines, Descriptors []float64 }

// A Line is the straight line through a part of a series, by least squares.
type Line struct {
	First, Last float64 // of the line
	Slope       float64 // an hour
}

// trend returns the line through the second half of what was sampled every interval: the first half is warming up.
func trend(values []float64, interval time.Duration) Line {
	y := values[len(values)/2:]
	n := float64(len(y))
	if n < 2 {
		return Line{}
	}
	var sx, sy, sxx, sxy float64
	for i, v := range y {
		x := float64(i)
		sx, sy, sxx, sxy = sx+x, sy+v, sxx+x*x, sxy+x*v
	}
	slope := (n*sxy - sx*sy) / (n*sxx - sx*sx)
	first := (sy - slope*sx) / n
	return Line{first, first + slope*(n-1), slope * float64(time.Hour/interval)}
}

// callTimeout is how long a call may take.
const callTimeout = 3 * time.Second

// sampling is the time between samples.
const sampling = time.Second

// Run soaks. The error is of what kept it from doing so.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Interval == 0 {
		o.Interval = 3 * time.Second
	}
	server, err := child.StartServer(child.ServerOptions{})
	if err != nil {
		return nil, err
	}
	defer server.Kill()
	proxy, err := chaos.New(server.Addr)
	if err != nil {
		return nil, err
	}
	defer proxy.Close()
	file, err := conformance.Load()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.Duration)
	defer cancel()
	r := &Report{Duration: o.Duration}
	l := &load{svc: file.Service("Conformance")}
	var wg sync.WaitGroup
	for _, d := range attack.All() {
		c, err := thriftkit.Dial(ctx, d.Target(proxy.Addr()), thriftkit.WithTimeout(callTimeout), thriftkit.WithMaxConns(4))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d, err)
		}
		defer c.Close()
		for i := range 2 {
			wg.Go(func() { l.run(ctx, c, d, int64(i)) })
		}
	}
	wg.Go(func() { r.Disturbances = l.disturb(ctx, proxy, o.Interval) })
	err = r.sample(ctx, server, func() {
		o.Log("%d calls, %d hit by faults, %d wrong", l.calls.Load(), l.errors.Load(), l.wrong.Load())
	})
	wg.Wait()
	r.Calls, r.Errors, r.Wrong = l.calls.Load(), l.errors.Load(), l.wrong.Load()
	if e := l.example.Load(); e != nil {
		r.Example = *e
	}
	if err != nil {
		return r, err
	}
	stats, err := server.Stats()
	r.Panics = stats.Panics
	return r, err
}

// sample looks at both processes until ctx ends.
func (r *Report) sample(ctx context.Context, server *child.Server, tell func()) error {
	ticker := time.NewTicker(sampling)
	defer ticker.Stop()
	for i := 1; ; i++ {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		stats, err := server.Stats()
		if err != nil {
			return err
		}
		r.Server.add(stats.HeapBytes, server.Pid(), stats.Goroutines)
		debug.FreeOSMemory()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		r.Client.add(int64(m.HeapAlloc), os.Getpid(), runtime.NumGoroutine())
		if i%30 == 0 {
			tell()
		}
	}
}

func (s *Series) add(heap int64, pid, goroutines int) {
	rss, _ := child.RSS(pid)
	descriptors, _ := child.Descriptors(pid)
	s.HeapMiB = append(s.HeapMiB, float64(heap)/(1<<20))
	s.RSSMiB = append(s.RSSMiB, float64(rss)/(1<<20))
	s.Goroutines = append(s.Goroutines, float64(goroutines))
	s.Descriptors = append(s.Descriptors, float64(descriptors))
}

// load makes calls of all kinds and checks their answers.
type load struct {
	svc                  *schema.Service
	calls, errors, wrong atomic.Int64
	example              atomic.Pointer[string]
	disturbed            atomic.Int64 // when the last fault ended, in Unix nanoseconds; while there is one, a time to come
}

// disturb lets faults begin and end.
func (l *load) disturb(ctx context.Context, proxy *chaos.Proxy, interval time.Duration) (faults int) {
	kinds := []func(){
		func() { proxy.End(chaos.Reset) },
		func() { proxy.End(chaos.Close) },
		func() {
			f := chaos.Faults{Latency: 20 * time.Millisecond, Jitter: 20 * time.Millisecond}
			proxy.Set(f, f)
		},
		func() { proxy.Set(chaos.Faults{ChunkBytes: 1}, chaos.Faults{ChunkBytes: 7}) },
		func() { proxy.Set(chaos.Faults{Coalesce: 10 * time.Millisecond}, chaos.Faults{}) },
		func() { proxy.Set(chaos.Faults{Drop: true}, chaos.Faults{}) },
		func() { proxy.Set(chaos.Faults{}, chaos.Faults{Stall: true}) },
		func() { proxy.End(chaos.Abandon) },
		func() { proxy.Set(chaos.Faults{CutAfter: 500}, chaos.Faults{}); proxy.End(chaos.Reset) },
		func() { proxy.Refuse(true); proxy.End(chaos.Reset) },
	}
	for ; ; faults++ {
		select {
		case <-ctx.Done():
			return faults
		case <-time.After(interval):
		}
		l.disturbed.Store(time.Now().Add(time.Hour).UnixNano())
		kinds[faults%len(kinds)]()
		select {
		case <-ctx.Done():
		case <-time.After(interval / 3):
		}
		proxy.Set(chaos.Faults{}, chaos.Faults{})
		proxy.Refuse(false)
		l.disturbed.Store(time.Now().UnixNano())
	}
}

// excused reports whether a call that began then may fail because of a fault: it takes a call's time until clients have noticed
// that connections are dead.
func (l *load) excused(begin time.Time) bool {
	const noticing = 2*callTimeout + time.Second
	return begin.Sub(time.Unix(0, l.disturbed.Load())) < noticing
}

func (l *load) run(ctx context.Context, c *thriftkit.Client, d attack.Dialect, seed int64) {
	random := rand.New(rand.NewSource(seed))
	for n := 0; ctx.Err() == nil; n++ {
		begin := time.Now()
		err := l.call(ctx, c, d, random, n)
		if ctx.Err() != nil {
			return
		}
		l.calls.Add(1)
		var e *rpc.Error
		switch {
		case err == nil:
		case errors.As(err, &e) && !e.Remote && l.excused(begin):
			l.errors.Add(1)
			time.Sleep(time.Millisecond)
		default:
			l.wrong.Add(1)
			text := fmt.Sprintf("%s: %v", d, err)
			l.example.CompareAndSwap(nil, &text)
		}
		time.Sleep(time.Duration(random.Intn(int(4 * time.Millisecond))))
	}
}

// call makes one call and checks the answer.
func (l *load) call(ctx context.Context, c *thriftkit.Client, d attack.Dialect, random *rand.Rand, n int) error {
	switch n % 10 {
	case 0: // a long one
		text := strings.Repeat("x", random.Intn(100<<10))
		return expect(ctx, c, l.svc.Method("echoString"), text, text)
	case 1: // a declared exception
		_, err := thriftkit.Invoke[any](ctx, c, l.svc.Method("divide"), 1, 0)
		var thrown *conformance.DivisionByZero
		if errors.As(err, &thrown) {
			return nil
		}
		return orWrong(err, "no exception")
	case 2:
		_, err := thriftkit.Invoke[any](ctx, c, l.svc.Method("notify"), "soak")
		return err
	case 3: // an error
		_, err := thriftkit.Invoke[any](ctx, c, l.svc.Method("fail"), "undeclared")
		var e *rpc.Error
		if errors.As(err, &e) && e.Remote && e.Code == rpc.CodeInternal {
			return nil
		}
		return orWrong(err, "no error")
	case 4: // one that gives up
		ctx, cancel := context.WithTimeout(ctx, 2*time.Millisecond)
		defer cancel()
		_, err := thriftkit.Invoke[any](ctx, c, l.svc.Method("sleep"), 5)
		var e *rpc.Error
		if err == nil || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &e) && e.Remote && e.Code == rpc.CodeOverloaded { // its time was over before it began
			return nil
		}
		return err
	case 5:
		items := []any{map[string]any{"name": d.String(), "count": int32(n)}, map[string]any{"name": "", "price": 0.5}}
		got, err := thriftkit.Invoke[[]conformance.Item](ctx, c, l.svc.Method("echoItems"), items)
		if err == nil && (len(got) != 2 || got[0].Count == nil || *got[0].Count != int32(n)) {
			return fmt.Errorf("echoItems answers %v", got)
		}
		return err
	}
	text := fmt.Sprint(d, " ", n, " 红楼梦")
	return expect(ctx, c, l.svc.Method("echoString"), text, text)
}

func expect(ctx context.Context, c *thriftkit.Client, m *schema.Method, arg, want string) error {
	got, err := thriftkit.Invoke[string](ctx, c, m, arg)
	if err == nil && got != want {
		return fmt.Errorf("%s answers %.40q to %.40q", m, got, want)
	}
	return err
}

func orWrong(err error, what string) error {
	if err == nil {
		return errors.New(what)
	}
	return err
}

// What may grow in an hour, by the lines. A short run sees noise for growth: the absolute growth counts as well.
const (
	heapSlope = 30  // MiB an hour
	heapNoise = 8   // MiB
	slope     = 120 // goroutines or descriptors an hour
	noise     = 40
)

// Faults returns what is wrong with the report.
func (r *Report) Faults() error {
	var errs []error
	if r.Wrong > 0 {
		errs = append(errs, fmt.Errorf("%d answers were wrong: %s", r.Wrong, r.Example))
	}
	if r.Panics > 0 {
		errs = append(errs, fmt.Errorf("%d panics", r.Panics))
	}
	if r.Calls == 0 {
		errs = append(errs, errors.New("no calls were made"))
	}
	for _, p := range r.processes() {
		for _, q := range p.quantities() {
			line := trend(q.values, sampling)
			if line.Slope > q.slope && line.Last-line.First > q.noise {
				errs = append(errs, fmt.Errorf("%s of the %s rises by %.1f an hour, from %.1f to %.1f", q.name, p.name, line.Slope, line.First, line.Last))
			}
		}
	}
	return errors.Join(errs...)
}

type process struct {
	name   string
	series *Series
}

func (r *Report) processes() []process {
	return []process{{"server", &r.Server}, {"client", &r.Client}}
}

type quantity struct {
	name         string
	values       []float64
	slope, noise float64
}

func (p process) quantities() []quantity {
	s := p.series
	return []quantity{
		{"heap in use, MiB", s.HeapMiB, heapSlope, heapNoise},
		{"resident memory, MiB", s.RSSMiB, 4 * heapSlope, 4 * heapNoise},
		{"goroutines", s.Goroutines, slope, noise},
		{"descriptors", s.Descriptors, slope, noise},
	}
}

// Table returns the report as a table.
func (r *Report) Table() *table.Table {
	t := &table.Table{Head: []string{"what", "of", "begins with", "ends with", "an hour"}}
	for _, p := range r.processes() {
		for _, q := range p.quantities() {
			line := trend(q.values, sampling)
			t.Add(q.name, p.name, fmt.Sprintf("%.1f", line.First), fmt.Sprintf("%.1f", line.Last), fmt.Sprintf("%+.1f", line.Slope))
		}
	}
	t.Add("calls", "clients", "", r.Calls, "")
	t.Add("calls that faults hit", "clients", "", r.Errors, "")
	t.Add("wrong answers", "clients", "", r.Wrong, "")
	t.Add("panics", "server", "", r.Panics, "")
	t.Add("faults", "network", "", r.Disturbances, "")
	return t
}
