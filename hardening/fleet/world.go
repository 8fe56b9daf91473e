package fleet

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/rpc"
)

// What instances can do, and what is asked of them. Times of a world count from its beginning.
const (
	slots   = 2                      // calls that an instance executes at once
	work    = 40 * time.Millisecond  // of a call, on average; exponentially distributed
	network = 500 * time.Microsecond // one way
	rate    = 25                     // calls a second for each instance: half of what it can do
	timeout = time.Second

	clients = 5 // which know nothing of each other

	faultBegins = 5 * time.Second // from here on calls count
	faultEnds   = 20 * time.Second
	loadEnds    = 25 * time.Second
)

// A world is instances and clients in virtual time. Whatever happens has an instant of its own, so that one goroutine
// runs at a time and a world goes the same way each time.
type world struct {
	begin     time.Time
	instances []*instance
	lists     []list // what the registry says, in the order of time

	mu       sync.Mutex
	random   *rand.Rand // of the work that calls are
	taken    map[int64]bool
	executed []uint8 // how often, by the number of the call
	sent     int     // attempts at calls that count
}

// numbers returns the random numbers of r, for any number of goroutines.
func numbers(r *rand.Rand) func() uint64 {
	var mu sync.Mutex
	return func() uint64 {
		mu.Lock()
		defer mu.Unlock()
		return r.Uint64()
	}
}

// A list is what clients learn at a time.
type list struct {
	at     time.Duration
	listed []*instance
}

// A span is a time in which something is the case.
type span struct{ from, to time.Duration }

func (s span) has(t time.Duration) bool { return s.from <= t && t < s.to }

func in(spans []span, t time.Duration) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return s.has(t) })
}

// An instance is a server with some slots and a queue, and what happens to it.
type instance struct {
	number  int
	addr    string
	killed  []span // its calls are lost, and there are no connections
	stopped []span // there are no connections, but it finishes its calls
	pauses  []span // nothing goes on; in the order of time
	failing []span // it answers each call at once, with an error
	slow    []struct {
		span
		factor float64
	}
	started time.Duration // as the registry has it; 0: long ago

	free  [slots]time.Duration
	kills int // that free knows of
	sent  int // attempts that count
}

func (i *instance) slowed(from, to time.Duration, factor float64) {
	i.slow = append(i.slow, struct {
		span
		factor float64
	}{span{from, to}, factor})
}

func newWorld(n int, seed uint64) *world {
	w := &world{begin: time.Now(), random: rand.New(rand.NewPCG(seed, 2)), taken: make(map[int64]bool)}
	for i := range n {
		w.instances = append(w.instances, &instance{number: i, addr: fmt.Sprintf("10.0.%d.%d:9090", i/250, 1+i%250)})
	}
	w.lists = []list{{0, slices.Clone(w.instances)}}
	return w
}

// without is a list without some instances.
func (w *world) without(at time.Duration, gone func(*instance) bool) {
	w.lists = append(w.lists, list{at, slices.DeleteFunc(slices.Clone(w.instances), gone)})
}

func (w *world) now() time.Duration { return time.Since(w.begin) }

// instant returns t, or the next nanosecond in which nothing else happens.
func (w *world) instant(t time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.instantLocked(t)
}

func (w *world) instantLocked(t time.Duration) time.Duration {
	if len(w.taken) > 1<<18 {
		now := int64(w.now())
		for at := range w.taken {
			if at < now {
				delete(w.taken, at)
			}
		}
	}
	for w.taken[int64(t)] {
		t++
	}
	w.taken[int64(t)] = true
	return t
}

// until sleeps.
func (w *world) until(t time.Duration) { time.Sleep(t - w.now()) }

// handle is one attempt at an instance, with what a client of it would return.
func (w *world) handle(ctx context.Context, i *instance) error {
	call := ctx.Value(callKey{}).(*call)
	now := w.now()
	if in(i.killed, now) || in(i.stopped, now) {
		return &rpc.Error{Code: rpc.CodeUnavailable, Outcome: rpc.OutcomeNotSent, Message: "connection refused"}
	}
	deadline := time.Duration(math.MaxInt64)
	if d, ok := ctx.Deadline(); ok {
		deadline = d.Sub(w.begin)
	}
	reply, lost, err := w.serve(i, call, now)
	switch first := min(reply, lost, deadline); first {
	case reply:
		w.until(w.instant(reply))
		return err
	case deadline:
		w.until(w.instant(deadline))
		return &rpc.Error{Code: rpc.CodeTimeout, Outcome: rpc.OutcomeUnknown, Cause: context.DeadlineExceeded}
	default:
		w.until(w.instant(lost))
		return &rpc.Error{Code: rpc.CodeConnectionLost, Outcome: rpc.OutcomeUnknown}
	}
}

// serve returns when the reply to an attempt comes, and the error in it, and when the connection is lost.
func (w *world) serve(i *instance, c *call, now time.Duration) (reply, lost time.Duration, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.counts {
		w.sent++
		i.sent++
	}
	lost = math.MaxInt64
	for k, s := range i.killed {
		if s.from > now {
			lost = s.from
			break
		}
		if i.kills <= k { // it has started anew
			i.kills, i.free = k+1, [slots]time.Duration{}
		}
	}
	arrives := now + network
	if in(i.failing, arrives) {
		w.executed[c.number]++
		return arrives + network, lost, &rpc.Error{Code: rpc.CodeInternal, Outcome: rpc.OutcomeExecuted, Remote: true}
	}
	slot := 0
	for k := range i.free {
		if i.free[k] < i.free[slot] {
			slot = k
		}
	}
	begins := max(arrives, i.free[slot])
	takes := time.Duration(w.random.ExpFloat64() * float64(work))
	for _, s := range i.slow {
		if s.has(begins) {
			takes = time.Duration(float64(takes) * s.factor)
		}
	}
	ends := begins
	for _, p := range i.pauses {
		if p.to <= ends {
			continue
		}
		if p.from >= ends+takes {
			break
		}
		takes -= max(0, p.from-ends)
		ends = p.to
	}
	ends += takes
	i.free[slot] = ends
	if begins < lost {
		w.executed[c.number]++
	}
	return ends + network, lost, nil
}

// A call is one of a client, as a context: with its number and its deadline.
type call struct {
	context.Context
	number int
	counts bool
	until  time.Time
}

type callKey struct{}

func (c *call) Deadline() (time.Time, bool) { return c.until, true }

func (c *call) Err() error {
	if !time.Now().Before(c.until) {
		return context.DeadlineExceeded
	}
	return nil
}

func (c *call) Value(key any) any {
	if _, ok := key.(callKey); ok {
		return c
	}
	return c.Context.Value(key)
}

// watch calls update with each list when clients learn it; client is the number of the one that does.
func (w *world) watch(ctx context.Context, client int, update func(listed []*instance)) {
	for _, l := range w.lists {
		if l.at > 0 {
			select {
			case <-time.After(w.instant(l.at+time.Duration(client)*time.Millisecond) - w.now()):
			case <-ctx.Done():
				return
			}
		}
		update(l.listed)
	}
	<-ctx.Done()
}

// resolver is the registry as one of our clients sees it.
func (w *world) resolver(client int) discovery.Resolver {
	return discovery.ResolverFunc(func(ctx context.Context, report func(discovery.Snapshot)) error {
		w.watch(ctx, client, func(listed []*instance) {
			var s discovery.Snapshot
			for _, i := range listed {
				d := discovery.Instance{Addr: i.addr, Started: w.begin.Add(-time.Hour)}
				if i.started > 0 && i.started <= w.now() {
					d.Started = w.begin.Add(i.started)
				}
				s.Instances = append(s.Instances, d)
			}
			report(s)
		})
		return ctx.Err()
	})
}
