package govern

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"sync/atomic"

	"github.com/thriftkit/thriftkit/rpc"
)

// A route says which instances take the calls that match.
type route struct {
	name   string
	match  []condition // of the metadata of the call, all of which must hold
	sticky string      // name of metadata: calls with one value go one way
	strict bool        // without such instances the call fails
	shares []*target
	bounds []float64 // upper bounds of the shares, in percent
}

// A condition is that metadata has one of some values.
type condition struct {
	name   string
	values []string
}

// A selector says which instances are meant; the zero value means all.
type selector struct {
	tags, without []string
	metadata      []condition
	zone          string
}

// fits reports whether n is meant.
func (s *selector) fits(n *Node) bool {
	in := n.in.Load()
	if s.zone != "" && in.Zone != s.zone {
		return false
	}
	for _, t := range s.tags {
		if !slices.Contains(in.Tags, t) {
			return false
		}
	}
	for _, t := range s.without {
		if slices.Contains(in.Tags, t) {
			return false
		}
	}
	for _, c := range s.metadata {
		if v, ok := in.Metadata[c.name]; !ok || !slices.Contains(c.values, v) {
			return false
		}
	}
	return true
}

// A target is where calls go: to some instances, picked by the value of some metadata or by the balancer of the settings.
type target struct {
	selector *selector
	key      string // the same for targets that are alike
	sticky   Balancer
}

func newTarget(s *selector, sticky string) *target {
	t := &target{selector: s, key: fmt.Sprintf("%q %q", *s, sticky)}
	if sticky != "" {
		t.sticky = ConsistentHash(HashOptions{Key: func(ctx context.Context, _ *rpc.Call) string { return outgoingValue(ctx, sticky) }})
	}
	return t
}

// everywhere is the target of calls that no route takes.
var everywhere = newTarget(&selector{}, "")

type routingKey struct{}

// WithRouting returns a context by whose values the routes of a [Config] choose as if they were metadata of the call. They come before
// metadata, and are not sent: for connections without room for metadata, and for servers that need not know.
func WithRouting(ctx context.Context, values map[string]string) context.Context {
	all := maps.Clone(values)
	if outer, ok := ctx.Value(routingKey{}).(map[string]string); ok {
		all = maps.Clone(outer)
		maps.Copy(all, values)
	}
	return context.WithValue(ctx, routingKey{}, all)
}

// outgoingValue returns a value that routes choose by.
func outgoingValue(ctx context.Context, name string) string {
	if values, ok := ctx.Value(routingKey{}).(map[string]string); ok {
		if v, ok := values[name]; ok {
			return v
		}
	}
	transient, persistent := rpc.OutgoingMetadata(ctx)
	if v, ok := transient[name]; ok {
		return v
	}
	return persistent[name]
}

// takes reports whether the route is for a call.
func (r *route) takes(ctx context.Context) bool {
	for _, c := range r.match {
		if v := outgoingValue(ctx, c.name); v == "" || !slices.Contains(c.values, v) {
			return false
		}
	}
	return true
}

// share returns the number of the share that takes a call.
func (r *route) share(ctx context.Context, random random) int {
	if len(r.shares) == 1 {
		return 0
	}
	x := random.float64() * 100
	if r.sticky != "" {
		if v := outgoingValue(ctx, r.sticky); v != "" {
			x = float64(mix(hashString(r.name)^hashString(v))>>11) / (1 << 53) * 100
		}
	}
	return min(sort.Search(len(r.bounds), func(i int) bool { return x < r.bounds[i] }), len(r.shares)-1)
}

// groups are the sets of targets, made when a call first needs them. They belong to a set, and go with it.
type groups struct {
	made atomic.Pointer[map[groupKey]*set]
}

// A groupKey is the key of a target, and the balancer by name.
type groupKey struct{ target, balancer string }

// route returns what a call picks from, of the whole set s, and what to say of it to people who want to know.
func (f *Fleet) route(ctx context.Context, call *rpc.Call, c *settings, s *set, explained bool) (*set, string, error) {
	passed := ""
	for _, r := range c.routes {
		if !r.takes(ctx) {
			continue
		}
		i := r.share(ctx, f.opts.Random)
		t := r.shares[i]
		g := f.group(s, t, c.balancer)
		if r.strict && len(g.nodes) == 0 {
			return nil, "", unavailable(call, fmt.Sprintf("the route %q has no instance: it wants %s", r.name, t.selector), nil)
		}
		if !g.out || r.strict || f.due.Load() > 0 && f.isDue(t.selector) {
			if !explained {
				return g, "", nil
			}
			how := r.name
			if len(r.shares) > 1 {
				how += fmt.Sprintf(", share %d of %d", i+1, len(r.shares))
			}
			return g, passed + how + ": " + t.selector.String(), nil
		}
		if explained {
			passed += fmt.Sprintf("%s has no instance available (it wants %s); ", r.name, t.selector)
		}
	}
	if explained && len(c.routes) > 0 {
		passed += "no route takes the call: all instances"
	}
	if c.balancer == nil {
		return s, passed, nil
	}
	return f.group(s, everywhere, c.balancer), passed, nil
}

// isDue reports whether the time out is over of a node that sel means.
func (f *Fleet) isDue(sel *selector) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.probes, sel.fits)
}

// group returns the set of the instances that t means.
func (f *Fleet) group(s *set, t *target, b Balancer) *set {
	key := groupKey{target: t.key}
	if named, ok := b.(builtin); ok {
		key.balancer = named.name
	}
	if made := s.groups.made.Load(); made != nil {
		if g := (*made)[key]; g != nil {
			return g
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	made := make(map[groupKey]*set)
	if old := s.groups.made.Load(); old != nil {
		if g := (*old)[key]; g != nil {
			return g
		}
		if len(*old) < maxGroups {
			maps.Copy(made, *old)
		}
	}
	if t.sticky != nil {
		b = t.sticky
	}
	g := f.newSetLocked(t.selector, b)
	g.closed = s.closed
	made[key] = g
	s.groups.made.Store(&made)
	return g
}

// maxGroups bounds the groups of a set, which configurations that change leave behind.
const maxGroups = 1000

// newSetLocked returns what picks from the instances that sel means; nil means all. b nil is the fleet's.
func (f *Fleet) newSetLocked(sel *selector, b Balancer) *set {
	nodes := f.order
	if sel != nil {
		nodes = nil
		for _, n := range f.order {
			if sel.fits(n) {
				nodes = append(nodes, n)
			}
		}
	}
	s := &set{selector: sel}
	s.nodes, s.out = f.availableLocked(nodes)
	if s.balancer = b; b == nil {
		s.balancer = f.opts.Balancer
	}
	if len(s.nodes) > 0 {
		s.picker = s.balancer.Picker(s.nodes)
	}
	return s
}
