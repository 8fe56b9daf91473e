package govern

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/rpc"
)

// FleetOptions say how a Fleet behaves. The zero value is right for most.
type FleetOptions struct {
	// Balancer picks the instance of each attempt; nil is [P2C].
	Balancer Balancer

	// Follow says which lists of the resolver are believed. Its OnError learns of everything that has no caller.
	Follow discovery.FollowOptions

	// ListTimeout is how long a call waits for the first list of instances; 0 means 10 seconds.
	ListTimeout time.Duration

	// Zone is where this client runs: instances there take its calls as long as half of them are available. "" makes no difference
	// between zones.
	Zone string

	// Subset is how many instances this client uses of a large fleet; 0 means all. Which ones depends on
	// SubsetID alone, the name of the client, and moves little when the list changes. An empty SubsetID draws one.
	Subset   int
	SubsetID string

	// WarmUp is how long the weight of an instance that has just started grows from a tenth to its full value: counted from
	// its start, or from when it was first seen if that is unknown and it was not in the first list. 0 means 30 seconds,
	// negative no warm-up.
	WarmUp time.Duration

	// Failures is how many calls in a row an instance fails until it is ejected; 0 means 5, negative never ejects.
	// An instance to which no connection can be made is ejected at once.
	Failures int

	// EjectTime is how long an instance is out the first time; it doubles up to MaxEjectTime, with equal jitter. 0
	// means 5 seconds and 5 minutes. Then one call is let through, which decides. After failed connections the times are 1 second and
	// 30 seconds at most.
	EjectTime, MaxEjectTime time.Duration

	// Breaker keeps calls of a method away from an instance that fails them, while its other methods go on. nil has none.
	Breaker *BreakerOptions

	// Config says by service and method where calls go, by which balancer, and with which circuit breakers. It comes before Balancer and
	// Breaker, and may change at any time. nil says nothing.
	Config *LiveConfig

	// Random returns the random numbers by which instances are picked and times out are jittered, uniformly distributed; any number of
	// goroutines call it. It is for simulations and tests that go the same way each time. nil is rand.Uint64 of math/rand/v2.
	Random func() uint64
}

// A State says whether an instance takes calls.
type State uint8

// The states.
const (
	StateReady   State = iota
	StateEjected       // it failed calls, and waits for the one that is let through
	StateDown          // no connection could be made
)

// String returns the name of s.
func (s State) String() string { return [...]string{"ready", "ejected", "down"}[s] }

// A Fleet is a client of many instances as one [rpc.Handler]: each attempt goes to an instance that the Balancer picks. It
// makes no attempt on its own account: put [Retry] around it.
//
// Connections are made when an instance gets its first call. An instance that leaves the list gets no new calls, and its
// connections end with the last one.
//
// An instance is ejected, for a growing time, when it fails several calls in a row, when it fails clearly more calls than the others
// do, or when no connection can be made. What counts as a failure: no reply, a refusal because of
// overload, and an internal error; not declared exceptions, and not the caller's cancellation. At most half of the instances are out for
// failed calls: above, and when fewer than half of those that can be reached are left, all that can be reached take calls (panic mode).
type Fleet struct {
	opts    FleetOptions
	dial    func(discovery.Instance) (*rpc.Client, error)
	epoch   time.Time
	cancel  context.CancelFunc
	stopped chan struct{}
	ready   chan struct{} // closed with the first list
	failed  chan struct{} // closed with the first failure of the resolver
	failure atomic.Pointer[error]
	set     atomic.Pointer[set]
	due     atomic.Int32 // length of probes

	mu       sync.Mutex
	closed   bool
	nodes    map[string]*Node
	order    []*Node // of the list
	probes   []*Node // whose time out is over
	revision uint64
	warming  *time.Timer
	compare  *time.Timer
}

// A set is what calls pick from. It is replaced as a whole.
type set struct {
	picker   Picker
	balancer Balancer
	selector *selector // which instances are meant; nil: all
	nodes    []*Node
	out      bool // none of nodes can be reached, as far as is known
	closed   bool // the fleet is
	groups   groups
}

// NewFleet returns a Fleet of the instances that r reports. dial makes the client of an instance, without a connection: see
// [rpc.ClientOptions].Lazy. Close ends it.
func NewFleet(r discovery.Resolver, dial func(discovery.Instance) (*rpc.Client, error), opts FleetOptions) *Fleet {
	opts = opts.withDefaults()
	ctx, cancel := context.WithCancel(context.Background())
	f := &Fleet{
		opts: opts, dial: dial, epoch: time.Now(), cancel: cancel, stopped: make(chan struct{}), ready: make(chan struct{}),
		failed: make(chan struct{}), nodes: make(map[string]*Node),
	}
	f.mu.Lock()
	f.compare = time.AfterFunc(compareEvery, f.compareAll)
	f.mu.Unlock()
	go func() {
		defer close(f.stopped)
		discovery.Follow(ctx, f.watched(r), opts.Follow, f.update)
	}()
	return f
}

// watched returns r, of which the last failure is kept.
func (f *Fleet) watched(r discovery.Resolver) discovery.Resolver {
	return discovery.ResolverFunc(func(ctx context.Context, report func(discovery.Snapshot)) error {
		err := r.Watch(ctx, report)
		if err != nil && ctx.Err() == nil {
			if f.failure.Swap(&err) == nil {
				close(f.failed)
			}
		}
		return err
	})
}

func (opts FleetOptions) withDefaults() FleetOptions {
	if opts.Balancer == nil {
		opts.Balancer = P2C()
	}
	if opts.ListTimeout <= 0 {
		opts.ListTimeout = 10 * time.Second
	}
	if opts.WarmUp == 0 {
		opts.WarmUp = 30 * time.Second
	}
	if opts.Failures == 0 {
		opts.Failures = 5
	}
	if opts.EjectTime <= 0 {
		opts.EjectTime = 5 * time.Second
	}
	if opts.MaxEjectTime <= 0 {
		opts.MaxEjectTime = 5 * time.Minute
	}
	if opts.SubsetID == "" {
		opts.SubsetID = fmt.Sprint(random(opts.Random).uint64())
	}
	if opts.Breaker != nil {
		b := opts.Breaker.withDefaults()
		opts.Breaker = &b
	}
	if opts.Follow.OnError == nil {
		opts.Follow.OnError = func(error) {}
	}
	return opts
}

// Close ends the fleet and the connections of its instances. Pending calls fail with CodeClosed.
func (f *Fleet) Close() error {
	f.cancel()
	<-f.stopped
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	if f.set.Load() == nil {
		close(f.ready)
	}
	f.compare.Stop()
	if f.warming != nil {
		f.warming.Stop()
	}
	f.set.Store(&set{closed: true})
	for _, n := range f.nodes {
		if n.timer != nil {
			n.timer.Stop()
		}
		n.removed.Store(true)
		n.close()
	}
	return nil
}

// Wait waits for the first list of instances, until ctx ends.
func (f *Fleet) Wait(ctx context.Context) error {
	select {
	case <-f.ready:
		return nil
	default:
	}
	select {
	case <-f.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Handle makes one attempt at an instance. It is an [rpc.Handler].
func (f *Fleet) Handle(ctx context.Context, call *rpc.Call) error {
	breaker, config := f.opts.Breaker, (*settings)(nil)
	if f.opts.Config != nil {
		config = f.opts.Config.settings(call)
		if config.breaker != nil {
			breaker = config.breaker.opts
		}
	}
	n, probe, err := f.pick(ctx, call, config, breaker)
	if err != nil {
		return err
	}
	start := int64(time.Since(f.epoch))
	err = n.handle(ctx, call)
	if breaker != nil {
		n.breaker(call.Method, breaker).finished(time.Now(), judge(err))
	}
	f.finished(n, probe, start, err)
	n.release()
	return err
}

// pick returns a node, acquired, and whether the call decides about its return.
func (f *Fleet) pick(ctx context.Context, call *rpc.Call, config *settings, breaker *BreakerOptions) (*Node, bool, error) {
	s := f.set.Load()
	if s == nil {
		waiting, cancel := context.WithTimeout(ctx, f.opts.ListTimeout)
		err := f.Wait(waiting)
		cancel()
		if s = f.set.Load(); err != nil && s == nil {
			why := "there is no list of instances yet"
			if failure := f.failure.Load(); failure != nil {
				why += ": " + (*failure).Error()
			}
			return nil, false, unavailable(call, why, err)
		}
	}
	t := triedOf(ctx)
	for round := range 1000 { // each round but the first, a removed node was picked from a set that was replaced meanwhile
		if s.closed {
			return nil, false, &rpc.Error{Code: rpc.CodeClosed, Outcome: rpc.OutcomeNotSent, Method: call.Method.String()}
		}
		route := ""
		if config != nil {
			var err error
			if s, route, err = f.route(ctx, call, config, s, t.explained()); err != nil {
				return nil, false, err
			}
		}
		if round == 0 && f.due.Load() > 0 {
			if n := f.takeProbe(s.selector); n != nil {
				if t != nil && t.once {
					t.claim(n)
				}
				f.explain(t, s, n, route, "it was out, and this call decides whether it takes calls again")
				return n, true, nil
			}
		}
		if len(s.nodes) == 0 {
			return nil, false, unavailable(call, "there are no instances", nil)
		}
		n, why := s.picker.Pick(ctx, call), ""
		if t != nil {
			n, why = t.other(s, n, ctx, call)
		}
		if breaker != nil && !n.breaker(call.Method, breaker).allow(time.Now()) {
			if n = closedBreaker(s, call.Method, breaker); n == nil {
				return nil, false, unavailable(call, "the circuit breakers of all instances are open for the method", ErrBreakerOpen)
			}
			why = "the circuit breaker of another one is open"
		}
		if n.acquire() {
			f.explain(t, s, n, route, why)
			return n, false, nil
		}
		s = f.set.Load()
	}
	return nil, false, unavailable(call, "the balancer picks instances that were removed", nil)
}

func unavailable(call *rpc.Call, why string, cause error) error {
	return &rpc.Error{Code: rpc.CodeUnavailable, Outcome: rpc.OutcomeNotSent, Method: call.Method.String(), Message: why, Cause: cause}
}

// takeProbe returns a node whose time out is over, of those that are meant, acquired.
func (f *Fleet) takeProbe(sel *selector) *Node {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := 0; i < len(f.probes); {
		n := f.probes[i]
		if sel != nil && !sel.fits(n) {
			i++
			continue
		}
		f.probes = slices.Delete(f.probes, i, i+1)
		f.due.Store(int32(len(f.probes)))
		if n.state != StateReady && n.acquire() {
			return n
		}
	}
	return nil
}

// A verdict says what an attempt tells about its instance.
type verdict uint8

const (
	healthy verdict = iota
	neutral
	failing
	unreachable
)

func judge(err error) verdict {
	if err == nil {
		return healthy
	}
	var e *rpc.Error
	if errors.Is(err, ErrBreakerOpen) {
		return neutral
	}
	if !errors.As(err, &e) {
		if errors.Is(err, context.Canceled) {
			return neutral
		}
		return healthy
	}
	switch e.Code {
	case rpc.CodeCanceled, rpc.CodeArgument, rpc.CodeClosed:
		return neutral
	case rpc.CodeUnavailable:
		if e.Outcome == rpc.OutcomeNotSent {
			return unreachable
		}
		return failing
	case rpc.CodeTimeout:
		if e.Outcome == rpc.OutcomeNotSent {
			return neutral // there was no time left
		}
		return failing
	case rpc.CodeConnectionLost, rpc.CodeOverloaded, rpc.CodeInternal, rpc.CodeProtocol, rpc.CodeBadSequenceID:
		return failing
	}
	return healthy
}

// finished takes the result of an attempt.
func (f *Fleet) finished(n *Node, probe bool, start int64, err error) {
	now := int64(time.Since(f.epoch))
	v := judge(err)
	n.calls.Add(1)
	switch v {
	case healthy:
		n.latency.observe(now, now-start)
		n.ok.Add(1)
		if n.streak.Load() != 0 {
			n.streak.Store(0)
		}
	case failing, unreachable:
		n.latency.observe(now, max(now-start, int64(n.latency.at(now))))
		n.failures.Add(1)
		n.bad.Add(1)
		n.streak.Add(1)
	}
	if probe {
		f.probed(n, v)
		return
	}
	switch {
	case v == healthy:
		if out := n.out.Load(); out != 0 && start > out {
			f.probed(n, v) // it was called because there was nothing else
		}
	case v == unreachable:
		f.eject(n, StateDown, err)
	case v == failing && f.opts.Failures > 0 && int(n.streak.Load()) >= f.opts.Failures:
		f.eject(n, StateEjected, err)
	}
}

// eject takes n out for a while.
func (f *Fleet) eject(n *Node, why State, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.opts.Failures < 0 || n.removed.Load() || n.state != StateReady {
		return
	}
	if why == StateEjected && 2*(f.countLocked(StateEjected)+1) > len(f.order) {
		return // at most half
	}
	f.ejectLocked(n, why)
	f.opts.Follow.OnError(fmt.Errorf("govern: instance %s is %s: %w", n.in.Load().Addr, why, err))
	f.rebuildLocked()
}

func (f *Fleet) countLocked(s State) (count int) {
	for _, n := range f.order {
		if n.state == s {
			count++
		}
	}
	return count
}

// ejectLocked sets the state and the timer for the return.
func (f *Fleet) ejectLocked(n *Node, why State) {
	first, most := f.opts.EjectTime, f.opts.MaxEjectTime
	if why == StateDown {
		first, most = min(first, time.Second), min(most, 30*time.Second)
	}
	n.state = why
	n.ejections++
	n.out.Store(max(1, int64(time.Since(f.epoch))))
	out := min(time.Duration(float64(first)*math.Pow(2, float64(min(n.ejections, 32)-1))), most)
	out = n.random.jitter(out)
	n.timer = time.AfterFunc(out, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if !f.closed && n.state != StateReady && !n.removed.Load() {
			f.probes = append(f.probes, n)
			f.due.Store(int32(len(f.probes)))
		}
	})
}

// probed takes the result of the call that decides about the return of n.
func (f *Fleet) probed(n *Node, v verdict) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed || n.removed.Load() || n.state == StateReady:
	case v == neutral: // it says nothing: the next call decides
		f.probes = append(f.probes, n)
		f.due.Store(int32(len(f.probes)))
	case v == healthy:
		n.state = StateReady
		n.out.Store(0)
		n.timer.Stop()
		n.ok.Store(0)
		n.bad.Store(0)
		f.rebuildLocked()
	case v == unreachable:
		f.ejectLocked(n, StateDown)
	default:
		f.ejectLocked(n, StateEjected)
	}
}

// The comparison of instances with each other, as gRPC's proposal A50 has it: those whose success rate is more than
// 1.9 standard deviations below the mean are ejected, if there are at least 5 with at least 100 calls in 10 seconds.
const (
	compareEvery     = 10 * time.Second
	compareDeviation = 1.9
	compareNodes     = 5
	compareCalls     = 100
)

func (f *Fleet) compareAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.compare.Reset(compareEvery)
	type rated struct {
		n    *Node
		rate float64
	}
	var all []rated
	sum := 0.0
	for _, n := range f.order {
		ok, bad := n.ok.Swap(0), n.bad.Swap(0)
		if bad == 0 && n.state == StateReady && n.ejections > 0 && ok > 0 {
			n.ejections-- // it has been well for a while
		}
		if n.state == StateReady && ok+bad >= compareCalls {
			r := rated{n, float64(ok) / float64(ok+bad)}
			all = append(all, r)
			sum += r.rate
		}
	}
	if len(all) < compareNodes || f.opts.Failures < 0 {
		return
	}
	mean, square := sum/float64(len(all)), 0.0
	for _, r := range all {
		square += (r.rate - mean) * (r.rate - mean)
	}
	limit := mean - compareDeviation*math.Sqrt(square/float64(len(all)))
	changed := false
	for _, r := range all {
		if r.rate < limit && 2*(f.countLocked(StateEjected)+1) <= len(f.order) {
			f.ejectLocked(r.n, StateEjected)
			f.opts.Follow.OnError(fmt.Errorf("govern: instance %s is ejected: %.1f %% of its calls succeed, of all %.1f %%", r.n.in.Load().Addr, 100*r.rate, 100*mean))
			changed = true
		}
	}
	if changed {
		f.rebuildLocked()
	}
}

// update takes a list of the resolver: nodes that stay keep their connections and what is known of them.
func (f *Fleet) update(s discovery.Snapshot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.revision = s.Revision
	list := s.Instances
	if f.opts.Subset > 0 && len(list) > f.opts.Subset {
		list = subset(list, f.opts.Subset, f.opts.SubsetID)
	}
	first := f.set.Load() == nil
	gone := f.nodes
	f.nodes = make(map[string]*Node, len(list))
	f.order = make([]*Node, 0, len(list))
	now := time.Now()
	for i := range list {
		in := &list[i]
		n := gone[in.Addr]
		switch {
		case n == nil:
			n = f.newNode(in, now, first)
		case !sameTarget(n.in.Load(), in):
			n = f.newNode(in, now, true)
		default:
			delete(gone, in.Addr)
			n.in.Store(in)
		}
		f.nodes[in.Addr] = n
		f.order = append(f.order, n)
	}
	for _, n := range gone {
		if n.timer != nil {
			n.timer.Stop()
		}
	}
	f.rebuildLocked()
	for _, n := range gone { // after they cannot be picked any more
		n.remove()
	}
	if first {
		close(f.ready)
	}
}

func (f *Fleet) newNode(in *discovery.Instance, now time.Time, warm bool) *Node {
	n := &Node{addr: bare(in.Addr), dial: f.dial, epoch: f.epoch, random: f.opts.Random, since: in.Started}
	n.in.Store(in)
	if in.Started.IsZero() && !warm {
		n.since = now
	}
	if n.since.After(now) { // of a clock that is ahead
		n.since = now
	}
	return n
}

// sameTarget reports whether a client of a serves b as well.
func sameTarget(a, b *discovery.Instance) bool {
	if len(a.Metadata) != len(b.Metadata) {
		return false
	}
	for k, v := range a.Metadata {
		if w, ok := b.Metadata[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// rebuildLocked replaces the set that calls pick from.
func (f *Fleet) rebuildLocked() {
	now, warming := time.Now(), false
	for _, n := range f.order {
		warming = n.warm(now, f.opts.WarmUp) || warming
	}
	f.set.Store(f.newSetLocked(nil, nil))
	if f.warming != nil {
		f.warming.Stop()
		f.warming = nil
	}
	if warming {
		f.warming = time.AfterFunc(max(f.opts.WarmUp/20, 10*time.Millisecond), func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			if !f.closed {
				f.rebuildLocked()
			}
		})
	}
}

// availableLocked returns those of nodes that take calls: of the lowest priority that has any, and of this zone if that has enough. If
// none can be reached, it returns all of them, and true.
func (f *Fleet) availableLocked(nodes []*Node) ([]*Node, bool) {
	byPriority := make(map[int][]*Node)
	var priorities []int
	for _, n := range nodes {
		p := n.in.Load().Priority
		if byPriority[p] == nil {
			priorities = append(priorities, p)
		}
		byPriority[p] = append(byPriority[p], n)
	}
	slices.Sort(priorities)
	for _, p := range priorities {
		all := byPriority[p]
		if f.opts.Zone != "" {
			local := inZone(all, f.opts.Zone)
			if ready := withState(local, StateReady); len(ready) > 0 && 2*len(ready) >= len(local) {
				return ready, false
			}
		}
		if able := usable(all); len(able) > 0 {
			return able, false
		}
	}
	return nodes, true // one of them may have come back
}

// usable returns those of nodes that are ready, or all that can be reached if fewer than half of these are.
func usable(nodes []*Node) []*Node {
	ready := withState(nodes, StateReady)
	if len(ready) == len(nodes) {
		return ready
	}
	var reachable []*Node
	for _, n := range nodes {
		if n.state != StateDown {
			reachable = append(reachable, n)
		}
	}
	if 2*len(ready) < len(reachable) {
		return reachable
	}
	return ready
}

func withState(nodes []*Node, s State) []*Node {
	picked := make([]*Node, 0, len(nodes))
	for _, n := range nodes {
		if n.state == s {
			picked = append(picked, n)
		}
	}
	return picked
}

func inZone(nodes []*Node, zone string) (local []*Node) {
	for _, n := range nodes {
		if n.in.Load().Zone == zone {
			local = append(local, n)
		}
	}
	return local
}

// subset returns count instances of list: those with the highest hash of their address and id (rendezvous hashing).
func subset(list []discovery.Instance, count int, id string) []discovery.Instance {
	type ranked struct {
		hash uint64
		at   int
	}
	seed := hashString(id)
	all := make([]ranked, len(list))
	for i := range list {
		all[i] = ranked{mix(hashString(list[i].Addr) ^ seed), i}
	}
	slices.SortFunc(all, func(a, b ranked) int {
		switch {
		case a.hash > b.hash:
			return -1
		case a.hash < b.hash:
			return 1
		}
		return strings.Compare(list[a.at].Addr, list[b.at].Addr)
	})
	all = all[:count]
	slices.SortFunc(all, func(a, b ranked) int { return a.at - b.at })
	picked := make([]discovery.Instance, count)
	for i, r := range all {
		picked[i] = list[r.at]
	}
	return picked
}

// A Status is what a Fleet knows of an instance.
type Status struct {
	Instance        discovery.Instance
	State           State
	Considered      bool          // calls may go to it now: see Fleet about states, zones and priorities
	Weight          float64       // with warm-up
	InFlight        int           // calls
	Latency         time.Duration // peak EWMA; 0 is unknown
	Calls, Failures uint64        // attempts so far
}

// Status returns what is known of each instance, in the order of the list, and the revision of the list.
func (f *Fleet) Status() ([]Status, uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	considered := make(map[*Node]bool)
	if s := f.set.Load(); s != nil {
		for _, n := range s.nodes {
			considered[n] = true
		}
	}
	all := make([]Status, 0, len(f.order))
	for _, n := range f.order {
		all = append(all, Status{
			Instance: n.Instance(), State: n.state, Considered: considered[n], Weight: n.Weight(), InFlight: n.InFlight(), Latency: n.Latency(),
			Calls: n.calls.Load(), Failures: n.failures.Load(),
		})
	}
	return all, f.revision
}
