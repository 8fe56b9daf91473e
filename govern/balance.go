package govern

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/rpc"
)

// A Balancer decides which instance takes a call.
type Balancer interface {
	// Picker returns what picks among nodes, of which there is at least one. A fleet asks for a new one whenever an instance
	// comes, goes, changes its weight, or is taken out because it fails. nodes must not be changed.
	Picker(nodes []*Node) Picker
}

// A Picker picks a node for a call. Any number of goroutines call Pick.
type Picker interface {
	Pick(ctx context.Context, call *rpc.Call) *Node
}

// A BalancerFunc is a func as a Balancer.
type BalancerFunc func(nodes []*Node) Picker

// Picker implements [Balancer].
func (f BalancerFunc) Picker(nodes []*Node) Picker { return f(nodes) }

// A PickerFunc is a func as a Picker.
type PickerFunc func(ctx context.Context, call *rpc.Call) *Node

// Pick implements [Picker].
func (f PickerFunc) Pick(ctx context.Context, call *rpc.Call) *Node { return f(ctx, call) }

// A builtin is a Balancer of this package, with its name in targets and documents, and its rule for people.
type builtin struct {
	BalancerFunc
	name, rule string
}

// String returns the rule.
func (b builtin) String() string { return b.name + ": " + b.rule }

// builtins are the balancers that have names.
func builtins() map[string]Balancer {
	all := make(map[string]Balancer)
	for _, b := range []Balancer{P2C(), LeastInFlight(), RoundRobin(), WeightedRandom(), ConsistentHash(HashOptions{})} {
		all[b.(builtin).name] = b
	}
	return all
}

// ParseBalancer returns the Balancer of this package with a name: p2c, least-in-flight, round-robin, weighted-random or
// consistent-hash. The error lists the names.
func ParseBalancer(name string) (Balancer, error) {
	all := builtins()
	if b := all[name]; b != nil {
		return b, nil
	}
	return nil, fmt.Errorf("unknown balancer %q (known: %s)", name, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
}

// P2C returns the default Balancer: of two random instances it takes the one with the lower product of latency and calls in flight
// (power of two choices on peak EWMA), relative to its weight. A slow instance gets few calls, and gets more when it has recovered.
func P2C() Balancer {
	return builtin{func(nodes []*Node) Picker { return &twoChoices{nodes, randomOf(nodes), (*Node).cheaper} }, "p2c", "of two random instances the one with the lower latency × calls in flight / weight"}
}

// twoChoices picks the better of two random instances.
type twoChoices struct {
	nodes  []*Node
	random random
	better func(b, a *Node) bool // b than a
}

func (p *twoChoices) Pick(context.Context, *rpc.Call) *Node {
	if len(p.nodes) == 1 {
		return p.nodes[0]
	}
	a, b := two(p.nodes, p.random)
	if p.better(b, a) {
		return b
	}
	return a
}

// two returns two different nodes.
func two(nodes []*Node, r random) (a, b *Node) {
	x, count := r.uint64(), uint64(len(nodes)) // one number for both: its halves as fractions of 2^32
	i, j := (x>>32)*count>>32, (x&math.MaxUint32)*(count-1)>>32
	if j >= i {
		j++
	}
	return nodes[i], nodes[j]
}

// LeastInFlight returns a Balancer that takes the instance with the fewest calls in flight, relative to its weight, of two random ones.
func LeastInFlight() Balancer {
	return builtin{func(nodes []*Node) Picker { return &twoChoices{nodes, randomOf(nodes), fewerInFlight} }, "least-in-flight", "of two random instances the one with fewer calls in flight / weight"}
}

func fewerInFlight(b, a *Node) bool {
	return float64(b.InFlight()+1)*a.Weight() < float64(a.InFlight()+1)*b.Weight()
}

// RoundRobin returns a Balancer that takes one instance after the other, each as often as its weight says.
func RoundRobin() Balancer {
	return builtin{func(nodes []*Node) Picker {
		r := &roundRobin{nodes: nodes, weights: make([]uint64, len(nodes))}
		most := 0.0
		for _, n := range nodes {
			most = max(most, n.Weight())
		}
		for i, n := range nodes {
			r.weights[i] = max(1, uint64(n.Weight()/most*stride))
		}
		r.next.Store(randomOf(nodes).uint64() >> 32)
		return r
	}, "round-robin", "one after the other, as often as the weight says"}
}

// stride is the weight of the heaviest instance of a roundRobin.
const stride = 1 << 16

// A roundRobin goes round its nodes; in each round a node is passed over unless its weights of all rounds so far
// add up to another whole stride. That spreads the picks of one node evenly, and needs no lock.
type roundRobin struct {
	nodes   []*Node
	weights []uint64
	next    atomic.Uint64
}

func (r *roundRobin) Pick(context.Context, *rpc.Call) *Node {
	count := uint64(len(r.nodes))
	for {
		turn := r.next.Add(1)
		i, round := turn%count, turn/count
		w := r.weights[i]
		// The offset keeps nodes of one weight from having their turns in the same round.
		if (w*round+i*(stride/3))%stride >= stride-w {
			return r.nodes[i]
		}
	}
}

// WeightedRandom returns a Balancer that takes instances at random, each as often as its weight says.
func WeightedRandom() Balancer {
	return builtin{func(nodes []*Node) Picker { return newAlias(nodes) }, "weighted-random", "at random, as often as the weight says"}
}

// An alias picks by Vose's alias method: one random number says which slot, and which of the two nodes of the slot.
type alias struct {
	nodes  []*Node
	keep   []float64
	other  []int32
	random random
}

func newAlias(nodes []*Node) *alias {
	a := &alias{nodes: nodes, keep: make([]float64, len(nodes)), other: make([]int32, len(nodes)), random: randomOf(nodes)}
	sum := 0.0
	for i, n := range nodes {
		a.keep[i] = n.Weight()
		sum += a.keep[i]
	}
	var small, large []int32
	for i := range nodes {
		a.keep[i] *= float64(len(nodes)) / sum
		a.other[i] = int32(i)
		if a.keep[i] < 1 {
			small = append(small, int32(i))
		} else {
			large = append(large, int32(i))
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		a.other[s] = l
		if a.keep[l] -= 1 - a.keep[s]; a.keep[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	return a
}

func (a *alias) Pick(context.Context, *rpc.Call) *Node {
	x := a.random.float64() * float64(len(a.nodes))
	i := int(x)
	if x-float64(i) >= a.keep[i] {
		i = int(a.other[i])
	}
	return a.nodes[i]
}

// HashOptions say how [ConsistentHash] picks. The zero value is right for most.
type HashOptions struct {
	// Key returns what calls for one instance have in common; "" leaves the choice to chance. nil takes the key of [WithHashKey], else the
	// argument that the IDL annotates with thriftkit.hashkey.
	Key func(ctx context.Context, call *rpc.Call) string

	// Bound is how many times the average calls in flight an instance takes before calls go to its neighbour; 0 means
	// 1.25. See Mirrokni and others, Consistent Hashing with Bounded Loads.
	Bound float64
}

type hashKey struct{}

// WithHashKey returns a context whose calls go to the instance that [ConsistentHash] picks for key.
func WithHashKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, hashKey{}, key)
}

// ConsistentHash returns a Balancer that sends calls with one key to one instance as long as that is available and not
// overloaded. When an instance comes or goes, only its share of the keys moves.
func ConsistentHash(opts HashOptions) Balancer {
	if opts.Key == nil {
		opts.Key = defaultKey
	}
	if opts.Bound <= 0 {
		opts.Bound = 1.25
	}
	return builtin{func(nodes []*Node) Picker { return newRing(nodes, opts) }, "consistent-hash", "by the hash of the key; at random without one"}
}

func defaultKey(ctx context.Context, call *rpc.Call) string {
	if k, ok := ctx.Value(hashKey{}).(string); ok {
		return k
	}
	for i := range call.Method.Args.Fields {
		if _, ok := call.Method.Args.Fields[i].Annotations.Get("thriftkit.hashkey"); ok {
			arg := call.Arg(i)
			if v, ok := arg.(dynamic.Value); ok {
				arg = v.Interface()
			}
			return fmt.Sprint(arg)
		}
	}
	return ""
}

// A ring has points on a circle of hashes, more for nodes of more weight.
type ring struct {
	nodes  []*Node
	points []point
	opts   HashOptions
	random random
}

type point struct {
	at   uint64
	node int32
}

// ringPoints bounds the points of a ring, and nodePoints those of a node of average weight.
const (
	ringPoints = 1 << 15
	nodePoints = 160
)

func newRing(nodes []*Node, opts HashOptions) *ring {
	r := &ring{nodes: nodes, opts: opts, random: randomOf(nodes)}
	sum := 0.0
	for _, n := range nodes {
		sum += n.Weight()
	}
	per := min(nodePoints, max(4, ringPoints/len(nodes)))
	for i, n := range nodes {
		h := hashString(n.in.Load().Addr)
		for range max(1, int(float64(per)*n.Weight()*float64(len(nodes))/sum)) {
			h = mix(h)
			r.points = append(r.points, point{h, int32(i)})
		}
	}
	slices.SortFunc(r.points, func(a, b point) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return int(a.node - b.node)
	})
	return r
}

func (r *ring) Pick(ctx context.Context, call *rpc.Call) *Node {
	key := r.opts.Key(ctx, call)
	if key == "" {
		return r.nodes[r.random.below(len(r.nodes))]
	}
	at := hashString(key)
	i, _ := slices.BinarySearchFunc(r.points, at, func(p point, at uint64) int { return cmp.Compare(p.at, at) })
	first := r.nodes[r.points[i%len(r.points)].node]
	if first.inFlight.Load() == 0 {
		return first
	}
	most := r.most()
	for k := range len(r.points) {
		n := r.nodes[r.points[(i+k)%len(r.points)].node]
		if n.inFlight.Load() < most {
			return n
		}
	}
	return first
}

// most returns how many calls a node may have in flight. Of more than 64 nodes it looks at 64 that it draws.
func (r *ring) most() int64 {
	var total int64
	looked := min(64, len(r.nodes))
	for i := range looked {
		if looked < len(r.nodes) {
			i = r.random.below(len(r.nodes))
		}
		total += r.nodes[i].inFlight.Load()
	}
	return int64(r.opts.Bound*float64(total+1)/float64(looked)) + 1
}

// hashString is FNV-1a, mixed: the same in every process, so that all clients agree.
func hashString(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

// mix is the step of SplitMix64.
func mix(h uint64) uint64 {
	h += 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
