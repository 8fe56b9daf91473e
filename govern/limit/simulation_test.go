package limit

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A gradient is the limiter that adaptive was chosen over: the Gradient2 limit of Netflix's concurrency-limits, with its defaults. Source:
// Gradient2Limit.java of that project.
type gradient struct {
	long  float64 // moving average over about 600 calls, in seconds
	count int
	limit float64
}

func (g *gradient) ended(_ time.Time, d time.Duration, running, limit int) int {
	const tolerance, smoothing, queue, window, warm = 1.5, 0.2, 4, 600, 10
	short := d.Seconds()
	if g.limit == 0 {
		g.limit = float64(limit)
	}
	if g.count++; g.count <= warm {
		g.long += (short - g.long) / float64(g.count)
	} else {
		g.long += (short - g.long) * 2 / (window + 1)
	}
	if g.long/short > 2 {
		g.long *= 0.95
	}
	if float64(running) < g.limit/2 {
		return limit
	}
	by := max(0.5, min(1, tolerance*g.long/short))
	g.limit = max(1, g.limit*(1-smoothing)+smoothing*(g.limit*by+queue))
	return int(math.Ceil(g.limit))
}

// A phase is a time in which a simulated server has as many cores, calls of this work, and this load.
type phase struct {
	time  time.Duration
	cores int
	work  time.Duration // on average, exponentially distributed
	waits time.Duration // that a call takes beside, without a core: for another server
	load  float64       // calls a second, as a multiple of what the cores can do
}

// A figure is what came of a phase, from its middle on.
type figure struct {
	goodput float64       // answers within the patience of clients, as a part of what the cores could do, or of the load if that is less
	p99     time.Duration // of calls that were answered
	limit   int           // at the end
}

// simulate runs the phases in virtual time. Clients wait for patience; a call that has begun is worked on also when they do not any more.
func simulate(t *testing.T, q *Queue, patience time.Duration, phases []phase) []figure {
	t.Helper()
	figures := make([]figure, len(phases))
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		var wg sync.WaitGroup
		var mu sync.Mutex
		took := make([][]time.Duration, len(phases))
		wanted := make([]float64, len(phases))
		cores := make(chan struct{}, 1024) // how many are free
		have := 0
		for i, p := range phases {
			for ; have < p.cores; have++ {
				cores <- struct{}{}
			}
			for ; have > p.cores; have-- {
				wg.Go(func() { <-cores })
			}
			rate := float64(p.cores) / p.work.Seconds()
			start := time.Now()
			for time.Since(start) < p.time {
				time.Sleep(time.Duration(random.ExpFloat64() / (rate * p.load) * float64(time.Second)))
				work := time.Duration(random.ExpFloat64() * float64(p.work))
				counts := time.Since(start) > p.time/2
				wg.Go(func() {
					due := time.Now()
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					_, leave, err := q.Admit(ctx, nil, nil)
					if err != nil {
						return
					}
					<-cores
					time.Sleep(work)
					cores <- struct{}{}
					time.Sleep(p.waits)
					leave()
					if d := time.Since(due); counts && d <= patience {
						mu.Lock()
						took[i] = append(took[i], d)
						mu.Unlock()
					}
				})
			}
			wanted[i] = rate * min(1, p.load) * p.time.Seconds() / 2
			figures[i].limit = q.Stats().Limit
		}
		wg.Wait()
		for i, list := range took {
			slices.Sort(list)
			figures[i].goodput = float64(len(list)) / wanted[i]
			if len(list) > 0 {
				figures[i].p99 = list[len(list)*99/100]
			}
		}
	})
	return figures
}

// TestOverload compares what a server gets done at twice what it can do, with and without a limit, and the two ways to find one.
func TestOverload(t *testing.T) {
	// So that runs have nearly the same figures. The order in which goroutines run is still not the same on a busy machine: the bounds
	// leave room for that, and the two ways to find a limit are compared in what is logged.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const ms = time.Millisecond
	phases := []phase{
		{time: 10 * time.Second, cores: 4, work: 20 * ms, load: 0.5},
		{time: 20 * time.Second, cores: 4, work: 20 * ms, load: 2},
		{time: 20 * time.Second, cores: 2, work: 20 * ms, load: 2},  // half of the machine is gone
		{time: 20 * time.Second, cores: 4, work: 20 * ms, load: 2},  // and back
		{time: 10 * time.Second, cores: 4, work: 20 * ms, load: 10}, // everybody tries again
		{time: 60 * time.Second, cores: 4, work: 20 * ms, load: 2},  // for long
		{time: 40 * time.Second, cores: 4, work: 20 * ms, waits: 100 * ms, load: 0.8},
		{time: 10 * time.Second, cores: 4, work: 20 * ms, load: 0.5},
	}
	for _, tt := range []struct {
		name     string
		opts     QueueOptions
		auto     limiter
		phases   int
		min, max float64       // bounds of the goodput under overload
		p99      time.Duration // a bound of that, too
	}{
		{name: "none", opts: QueueOptions{InFlight: 10_000}, phases: 2, max: 0.3, p99: 2 * time.Second},
		{name: "fixed", opts: QueueOptions{InFlight: 8}, phases: 2, min: 0.85, max: 1.3, p99: 500 * ms},
		{name: "adaptive", opts: QueueOptions{Adaptive: true}, phases: len(phases), min: 0.8, max: 1.3, p99: time.Second},
		{name: "gradient", opts: QueueOptions{Adaptive: true}, auto: new(gradient), phases: len(phases), max: 2, p99: time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q, err := NewQueue(tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			if a, ok := q.auto.(*adaptive); ok {
				a.spread = rand.New(rand.NewPCG(3, 4)).Float64
			}
			if tt.auto != nil {
				q.auto = tt.auto
			}
			text := ""
			for i, f := range simulate(t, q, time.Second, phases[:tt.phases]) {
				p := phases[i]
				text += fmt.Sprintf("\n%d cores, calls of %v and %v, load %.1f: goodput %.2f, p99 %v, limit %d", p.cores, p.work, p.waits, p.load, f.goodput, f.p99.Round(ms), f.limit)
				switch {
				case p.load > 1:
					if f.goodput < tt.min || f.goodput > tt.max || f.p99 > tt.p99 {
						t.Errorf("phase %d: %+v", i, f)
					}
				case tt.name == "adaptive" && f.goodput < 0.8:
					t.Errorf("phase %d, without overload: %+v", i, f)
				}
			}
			t.Log(text)
		})
	}
}
