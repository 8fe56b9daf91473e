package govern

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// A Node is an instance as a [Balancer] sees it. Its methods may be called by any number of goroutines.
type Node struct {
	// What a pick reads and a call writes comes first: the 60 bytes share a cache line where the allocator aligns the node to one.
	weight   atomic.Uint64 // bits of a float64; with warm-up
	inFlight atomic.Int64
	latency  peakEWMA

	calls, failures atomic.Uint64 // since the node exists
	ok, bad         atomic.Uint32 // since the last comparison with the others
	streak          atomic.Int32  // consecutive failures

	in     atomic.Pointer[discovery.Instance]
	addr   string    // of in, as rpc.Call.Instance has it
	epoch  time.Time // of the fleet
	random random    // likewise
	since  time.Time // warm-up counts from it; zero: it is warm

	dial    func(discovery.Instance) (*rpc.Client, error)
	dialled sync.Once
	client  *rpc.Client
	dialErr error

	removed atomic.Bool
	closed  sync.Once

	breakers sync.Map // *breaker by *schema.Method

	out atomic.Int64 // when it was ejected, in nanoseconds of the fleet; 0: it is ready

	// Guarded by the fleet's mutex.
	state     State
	ejections int // in a row
	timer     *time.Timer
}

// Instance returns the instance as the resolver reported it last.
func (n *Node) Instance() discovery.Instance { return *n.in.Load() }

// InFlight returns the number of calls that the instance is handling for this fleet.
func (n *Node) InFlight() int { return int(n.inFlight.Load()) }

// Weight returns the weight of the instance, which is lower while it warms up.
func (n *Node) Weight() float64 { return math.Float64frombits(n.weight.Load()) }

// Latency returns the peak-sensitive moving average of latencies: it rises at once and decays with a time constant of 10
// seconds. 0 before the first call.
func (n *Node) Latency() time.Duration {
	return time.Duration(n.latency.at(int64(time.Since(n.epoch))))
}

// cheaper reports whether a further call would wait less for n than for m, relative to their weights. Both latencies decay at one
// rate, so what counts is how much older one is than the other: the moment of the pick, and with it the clock, is not needed.
func (n *Node) cheaper(m *Node) bool {
	ln, lm := n.latency.load(), m.latency.load()
	if ln == 0 || lm == 0 {
		now := int64(time.Since(n.epoch))
		return n.cost(now) < m.cost(now)
	}
	if age := n.latency.stamp.Load() - m.latency.stamp.Load(); age > 0 {
		lm *= decayed(age)
	} else {
		ln *= decayed(-age)
	}
	return ln*float64(n.inFlight.Load()+1)*m.Weight() < lm*float64(m.inFlight.Load()+1)*n.Weight()
}

// cost is what a further call would wait for, relative to the weight.
func (n *Node) cost(now int64) float64 {
	l, pending := n.latency.at(now), float64(n.inFlight.Load())
	if l == 0 && pending > 0 {
		l = float64(unknownLatency) // not measured yet: one call at a time
	}
	return l * (pending + 1) / n.Weight()
}

// unknownLatency stands for the latency of an instance that has calls and no replies.
const unknownLatency = time.Second

// warm sets the weight for the moment now, and reports whether it is not the full one yet.
func (n *Node) warm(now time.Time, over time.Duration) bool {
	w, warming := float64(n.in.Load().EffectiveWeight()), false
	if age := now.Sub(n.since); !n.since.IsZero() && over > 0 && age < over {
		w, warming = w*max(0.1, float64(age)/float64(over)), true
	}
	n.weight.Store(math.Float64bits(w))
	return warming
}

// handle makes one attempt. The node was acquired.
func (n *Node) handle(ctx context.Context, call *rpc.Call) error {
	call.SetInstance(n.addr) // clients over handlers do not know it
	n.dialled.Do(func() { n.client, n.dialErr = n.dial(n.Instance()) })
	if n.dialErr != nil {
		return &rpc.Error{Code: rpc.CodeUnavailable, Outcome: rpc.OutcomeNotSent, Method: call.Method.String(), Message: n.dialErr.Error(), Cause: n.dialErr}
	}
	return n.client.Handle(ctx, call)
}

// breaker returns the circuit breaker of a method.
func (n *Node) breaker(m *schema.Method, opts *BreakerOptions) *breaker {
	b, ok := n.breakers.Load(m)
	if !ok {
		b, _ = n.breakers.LoadOrStore(m, &breaker{opts: opts, epoch: n.epoch})
	}
	if was := b.(*breaker); was.opts != opts && *was.opts != *opts { // a configuration changed it
		x := &breaker{opts: opts, epoch: n.epoch}
		n.breakers.CompareAndSwap(m, b, x)
		return x
	}
	return b.(*breaker)
}

// acquire counts a call in, unless n has been removed.
func (n *Node) acquire() bool {
	n.inFlight.Add(1)
	if n.removed.Load() {
		n.release()
		return false
	}
	return true
}

func (n *Node) release() {
	if n.inFlight.Add(-1) == 0 && n.removed.Load() {
		n.close()
	}
}

// remove takes n out: its connections end with its last call.
func (n *Node) remove() {
	n.removed.Store(true)
	if n.inFlight.Load() == 0 {
		n.close()
	}
}

func (n *Node) close() {
	n.closed.Do(func() {
		n.dialled.Do(func() { n.dialErr = errors.New("the instance was removed") })
		if n.client != nil {
			n.client.Close()
		}
	})
}

// A peakEWMA is a moving average of latencies, in nanoseconds, that follows a peak at once and forgets
// it slowly (Finagle's peak EWMA). Updates that collide may lose one of the two.
type peakEWMA struct {
	value atomic.Uint64 // bits of a float64
	stamp atomic.Int64
}

// decay is the time constant of a peakEWMA.
const decay = 10 * time.Second

func (e *peakEWMA) load() float64 { return math.Float64frombits(e.value.Load()) }

// at returns the average at now, as if it had gone on towards 0.
func (e *peakEWMA) at(now int64) float64 {
	return e.load() * decayed(now-e.stamp.Load())
}

func (e *peakEWMA) observe(now, latency int64) {
	v, l := e.load(), float64(latency)
	if l < v {
		w := decayed(now - e.stamp.Load())
		l = v*w + l*(1-w)
	}
	e.value.Store(math.Float64bits(l))
	e.stamp.Store(now)
}

// decayed returns exp(-age/decay), with age in nanoseconds, to 1e-6 of its value; 1 for a negative age. It is a power of 2, whose
// whole part is an exponent and whose fraction is interpolated between the powers of a table, which takes less time than math.Exp.
func decayed(age int64) float64 {
	if age <= 0 {
		return 1
	}
	x := float64(age) * (math.Log2E / float64(decay))
	if x >= 1000 {
		return 0
	}
	whole := uint64(x)
	x = (x - float64(whole)) * powerSteps
	i := uint64(x) % powerSteps
	f := powers[i] + (powers[i+1]-powers[i])*(x-float64(i))
	return f * math.Float64frombits((1023-whole)<<52)
}

const powerSteps = 256

// powers are the values of 2^-x for x from 0 to 1.
var powers = func() (p [powerSteps + 1]float64) {
	for i := range p {
		p[i] = math.Exp2(-float64(i) / powerSteps)
	}
	return p
}()
