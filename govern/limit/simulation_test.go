package limit

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
)

// A gradient is the limiter that adaptive was chosen over: the Gradient2 limit of Netflix's concurrency-limits, with its defaults. Source:
// Gradient2Limit.java of that project.
type gradient struct {
	long  float64 // moving average over about 600 calls, in seconds
	count int
	limit float64
}

func (g *gradient) ended(_ time.Time, d time.Duration, _ bool, running, limit int) int {
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

// A simulation is a server with a queue, and its clients, in virtual time. All of it is done by one goroutine, event after event, so that
// it goes the same way wherever it runs.
type simulation struct {
	q           *Queue
	events      events
	cores, busy int
	ready       []*simulated // have begun and wait for a core
	waiting     []*simulated // in the queue
}

// A simulated is a call.
type simulated struct {
	work, waits time.Duration
	waiter      *waiter
	leave       rpc.Leave
	ended       func()
}

// An event is something that happens at a time.
type event struct {
	at    time.Time
	order int // among those of one time
	do    func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at.Before(e[j].at) || e[i].at.Equal(e[j].at) && e[i].order < e[j].order
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(v any)   { *e = append(*e, v.(event)) }

func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// after has do done in d.
func (s *simulation) after(d time.Duration, order int, do func()) {
	heap.Push(&s.events, event{time.Now().Add(d), order, do})
}

// run does what happens, until nothing more does.
func (s *simulation) run() {
	for len(s.events) > 0 {
		next := heap.Pop(&s.events).(event)
		time.Sleep(time.Until(next.at))
		next.do()
		s.answer()
	}
}

// answer has calls begin whose turn it is.
func (s *simulation) answer() {
	for i := 0; i < len(s.waiting); {
		select {
		case ok := <-s.waiting[i].waiter.answer:
			c := s.waiting[i]
			if s.waiting = slices.Delete(s.waiting, i, i+1); ok {
				s.begin(c)
			}
		default:
			i++
		}
	}
}

// arrive has a call of a client come that waits for patience.
func (s *simulation) arrive(c *simulated, order int, patience time.Duration) {
	const caller = ""
	rank := rpc.PriorityNormal.Rank()
	if s.q.begin() {
		s.begin(c)
		return
	}
	if c.waiter = s.q.enter(rank, caller); c.waiter == nil {
		return
	}
	s.waiting = append(s.waiting, c)
	s.after(min(patience, s.q.opts.QueueTime), order, func() {
		if i := slices.Index(s.waiting, c); i >= 0 {
			if s.waiting = slices.Delete(s.waiting, i, i+1); s.q.abandon(c.waiter, rank, caller) {
				s.begin(c)
			}
		}
	})
}

// begin has a call take a core, once there is one.
func (s *simulation) begin(c *simulated) {
	c.leave = s.q.leave()
	s.ready = append(s.ready, c)
	s.schedule()
}

// schedule gives free cores to calls.
func (s *simulation) schedule() {
	for s.busy < s.cores && len(s.ready) > 0 {
		c := s.ready[0]
		s.ready = s.ready[1:]
		s.busy++
		s.after(c.work, 0, func() {
			s.busy--
			s.schedule()
			s.after(c.waits, 0, func() {
				c.leave(rpc.OutcomeExecuted, nil)
				c.ended()
			})
		})
	}
}

// simulate runs the phases in virtual time. Clients wait for patience; a call that has begun is worked on also when they do not any more.
func simulate(t *testing.T, q *Queue, seed uint64, patience time.Duration, phases []phase) []figure {
	t.Helper()
	figures := make([]figure, len(phases))
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(seed, 2))
		s := &simulation{q: q}
		took := make([][]time.Duration, len(phases))
		wanted := make([]float64, len(phases))
		begins := time.Duration(0)
		for i, p := range phases {
			rate := float64(p.cores) / p.work.Seconds()
			wanted[i] = rate * min(1, p.load) * p.time.Seconds() / 2
			s.after(begins, 0, func() {
				s.cores = p.cores
				s.schedule()
			})
			for at := time.Duration(0); ; {
				if at += time.Duration(random.ExpFloat64() / (rate * p.load) * float64(time.Second)); at >= p.time {
					break
				}
				c := &simulated{work: time.Duration(random.ExpFloat64() * float64(p.work)), waits: p.waits}
				counts := at > p.time/2
				s.after(begins+at, 1, func() {
					due := time.Now()
					c.ended = func() {
						if d := time.Since(due); counts && d <= patience {
							took[i] = append(took[i], d)
						}
					}
					s.arrive(c, 2, patience)
				})
			}
			begins += p.time
			s.after(begins, 3, func() { figures[i].limit = q.Stats().Limit })
		}
		s.run()
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
	worst := make(map[string]time.Duration) // p99 under overload
	for _, tt := range []struct {
		name     string
		opts     QueueOptions
		auto     limiter
		phases   int
		min, max float64       // bounds of the goodput under overload
		p99      time.Duration // a bound of that, too
	}{
		{name: "none", opts: QueueOptions{InFlight: 10_000}, phases: 2, max: 0.1, p99: time.Second},
		{name: "fixed", opts: QueueOptions{InFlight: 8}, phases: 2, min: 0.95, max: 1.1, p99: 250 * ms},
		{name: "adaptive", opts: QueueOptions{Adaptive: true}, phases: len(phases), min: 0.9, max: 1.1, p99: 500 * ms},
		{name: "gradient", opts: QueueOptions{Adaptive: true}, auto: new(gradient), phases: len(phases), max: 1.1, p99: time.Second},
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
			for i, f := range simulate(t, q, 1, time.Second, phases[:tt.phases]) {
				p := phases[i]
				text += fmt.Sprintf("\n%d cores, calls of %v and %v, load %.1f: goodput %.2f, p99 %v, limit %d", p.cores, p.work, p.waits, p.load, f.goodput, f.p99.Round(ms), f.limit)
				switch {
				case p.load > 1:
					if worst[tt.name] = max(worst[tt.name], f.p99); f.goodput < 0.5 {
						worst[tt.name] = time.Hour
					}
					if f.goodput < tt.min || f.goodput > tt.max || f.p99 > tt.p99 {
						t.Errorf("phase %d: %+v", i, f)
					}
				case tt.name == "adaptive" && f.goodput < 0.9:
					t.Errorf("phase %d, without overload: %+v", i, f)
				}
			}
			t.Log(text)
		})
	}
	if worst["adaptive"] > worst["gradient"] {
		t.Errorf("the limit that is offered has calls wait longer than the gradient: %v", worst)
	}
}
