package fleet

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/govern"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// A client makes calls at the instances of a world.
type client interface {
	call(c *call) error
	close()
}

// A policy is how a client picks instances and what it does about failures. Those of other frameworks are written here after their
// documentation and source; they have the settings that these use if nothing is set, and those that their documentation
// gives as the example where there is no such setting.
type policy struct {
	name string
	open func(w *world, number int, random *rand.Rand) client
}

func policies() []policy {
	return []policy{
		{"thriftkit: p2c", openOurs},
		{"Kitex: weighted round robin", openPeer(func(p *peer) { p.pick, p.again = p.roundRobin, kitexAgain })},
		{"gRPC: round robin", openPeer(func(p *peer) { p.pick, p.again = p.roundRobinReady, grpcAgain })},
		{"rpcx: random, failover", openPeer(func(p *peer) { p.pick, p.again = p.any, rpcxAgain })},
		{"Dubbo: least active, failover", openPeer(func(p *peer) { p.pick, p.again, p.each = p.leastActive, dubboAgain, true })},
	}
}

// ours is a client of package govern, all defaults. The method is not idempotent.
type ours struct {
	*rpc.Client
	method *schema.Method
}

func openOurs(w *world, number int, random *rand.Rand) client {
	byAddr := make(map[string]*instance)
	for _, i := range w.instances {
		byAddr[i.addr] = i
	}
	dial := func(in discovery.Instance) (*rpc.Client, error) {
		i := byAddr[in.Addr]
		return rpc.NewClient(func(ctx context.Context, _ *rpc.Call) error { return w.handle(ctx, i) }, rpc.ClientOptions{}), nil
	}
	next := numbers(random)
	f := govern.NewFleet(w.resolver(number), dial, govern.FleetOptions{Random: next})
	return &ours{method: theMethod, Client: rpc.NewClient(f.Handle, rpc.ClientOptions{
		Interceptors: []rpc.Interceptor{govern.Retry(govern.RetryOptions{Random: next})}, OnClose: f.Close,
	})}
}

func (o *ours) call(c *call) error {
	_, err := rpc.Invoke[any](c, o.Client, o.method)
	return err
}

func (o *ours) close() { o.Close() }

// A peer is a client of another framework.
type peer struct {
	w      *world
	random *rand.Rand
	cancel context.CancelFunc

	pick  func(invoked []*instance) *instance      // nil: there is none
	again func(attempt int, err error) (more bool) // after attempt, counted from 1
	each  bool                                     // the timeout is that of each attempt

	list   []*instance
	next   int
	active []int // calls, by the number of the instance
	down   map[*instance]*backoff
}

func openPeer(set func(*peer)) func(*world, int, *rand.Rand) client {
	return func(w *world, number int, random *rand.Rand) client {
		ctx, cancel := context.WithCancel(context.Background())
		p := &peer{w: w, random: random, cancel: cancel, active: make([]int, len(w.instances)), down: make(map[*instance]*backoff)}
		set(p)
		go w.watch(ctx, number, func(listed []*instance) {
			w.mu.Lock()
			defer w.mu.Unlock()
			p.list = slices.Clone(listed)
			p.random.Shuffle(len(p.list), func(i, j int) { p.list[i], p.list[j] = p.list[j], p.list[i] })
		})
		return p
	}
}

func (p *peer) close() { p.cancel() }

func (p *peer) call(c *call) error {
	var invoked []*instance
	for attempt := 1; ; attempt++ {
		p.w.mu.Lock()
		i := p.pick(invoked)
		if i != nil {
			p.active[i.number]++
		}
		p.w.mu.Unlock()
		if i == nil {
			return &rpc.Error{Code: rpc.CodeUnavailable, Outcome: rpc.OutcomeNotSent}
		}
		invoked = append(invoked, i)
		err := p.w.handle(c, i)
		p.w.mu.Lock()
		p.active[i.number]--
		p.w.mu.Unlock()
		if err == nil || !p.again(attempt, err) {
			return err
		}
		if p.each {
			again := *c
			again.until = time.Now().Add(timeout)
			c = &again
		}
	}
}

// roundRobin is Kitex's: pkg/loadbalance/weighted_balancer.go and weighted_round_robin.go, which with equal weights is one after the other.
func (p *peer) roundRobin([]*instance) *instance {
	p.next++
	return p.list[p.next%len(p.list)]
}

// kitexAgain is what client/middlewares.go does: connections that cannot be made are tried at up to 6 instances. Retries of calls are off.
func kitexAgain(attempt int, err error) bool {
	return attempt < 6 && rpc.OutcomeOf(err) == rpc.OutcomeNotSent
}

// A backoff is a connection of gRPC that is not ready.
type backoff struct {
	until time.Duration
	pause time.Duration
}

// roundRobinReady is gRPC's: balancer/roundrobin picks among the connections that are ready; a connection that ends is made again at once, and after
// a failure with the pauses of backoff.DefaultConfig: 1 s, 1.6 times longer each, up to 120 s, more or less by 20 %.
func (p *peer) roundRobinReady([]*instance) *instance {
	now := p.w.now()
	for range p.list {
		p.next++
		i := p.list[p.next%len(p.list)]
		dead := in(i.killed, now) || in(i.stopped, now)
		b := p.down[i]
		switch {
		case b != nil && now < b.until:
			continue
		case dead && b == nil:
			p.down[i] = p.waits(time.Second)
			continue
		case dead:
			p.down[i] = p.waits(min(2*time.Minute, time.Duration(1.6*float64(b.pause))))
			continue
		}
		delete(p.down, i)
		return i
	}
	return nil
}

func (p *peer) waits(pause time.Duration) *backoff {
	return &backoff{p.w.now() + time.Duration((0.8+0.4*p.random.Float64())*float64(pause)), pause}
}

// grpcAgain is what gRPC does without a retry policy in its service config: calls that never left the client are made again.
func grpcAgain(_ int, err error) bool { return rpc.OutcomeOf(err) == rpc.OutcomeNotSent }

// any is rpcx's RandomSelect, client/selector.go.
func (p *peer) any([]*instance) *instance { return p.list[p.random.IntN(len(p.list))] }

// rpcxAgain is FailMode Failover of client/xclient.go with DefaultOption, Retries 3: neither errors of the service nor deadlines are retried.
func rpcxAgain(attempt int, err error) bool {
	o := rpc.OutcomeOf(err)
	return attempt <= 3 && o != rpc.OutcomeExecuted && !errors.Is(err, context.DeadlineExceeded)
}

// leastActive is Dubbo's: cluster/loadbalance/leastactive, at random among those with equally few calls, and cluster/cluster/base, which avoids
// the ones that this call was sent to.
func (p *peer) leastActive(invoked []*instance) *instance {
	least, count, picked := math.MaxInt, 0, (*instance)(nil)
	for _, i := range p.list {
		if slices.Contains(invoked, i) {
			continue
		}
		switch a := p.active[i.number]; {
		case a < least:
			least, count, picked = a, 1, i
		case a == least:
			if count++; p.random.IntN(count) == 0 {
				picked = i
			}
		}
	}
	return picked
}

// dubboAgain is the cluster failover of dubbo-go, cluster/cluster/failover: 2 retries of whatever is no error of the service, at once.
func dubboAgain(attempt int, err error) bool {
	return attempt <= 2 && rpc.OutcomeOf(err) != rpc.OutcomeExecuted
}
