package govern

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/thriftkit/thriftkit/rpc"
)

// A Pick says how a [Fleet] chose the instance of an attempt.
type Pick struct {
	Addr      string // of the instance that was picked
	Reason    string // why, as a sentence without a capital letter
	Route     string // of a configuration with routes: which one was taken, and what it wants; or that none was
	Revision  uint64 // of the list
	Instances []Status
}

// ExplainPicks returns a context whose calls report how a Fleet chose their instances: once for each attempt, before it is made. It
// is for people who look at one call: it costs time in proportion to the number of instances. Several goroutines
// may call report if several use the context.
func ExplainPicks(ctx context.Context, report func(Pick)) context.Context {
	return context.WithValue(ctx, triedKey{}, &tried{report: report})
}

// tried are the instances to which earlier attempts of a call went, and who wants to know.
type tried struct {
	report func(Pick) // nil: nobody does
	once   bool       // it is of one call
	same   bool       // attempts go to the same instance
	mu     sync.Mutex
	addrs  []string
}

type triedKey struct{}

func triedOf(ctx context.Context) *tried {
	t, _ := ctx.Value(triedKey{}).(*tried)
	return t
}

// withTried returns a context for further attempts of a call, of which one went to addr.
func withTried(ctx context.Context, addr string) context.Context {
	t := &tried{once: true, addrs: []string{addr}}
	if outer := triedOf(ctx); outer != nil {
		t.report, t.same = outer.report, outer.same
		outer.mu.Lock()
		t.addrs = append(t.addrs, outer.addrs...)
		outer.mu.Unlock()
	}
	return context.WithValue(ctx, triedKey{}, t)
}

// explained reports whether somebody wants to know.
func (t *tried) explained() bool { return t != nil && t.report != nil }

// claim reports whether n was not tried yet, and notes that it is now.
func (t *tried) claim(n *Node) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if slices.Contains(t.addrs, n.addr) {
		return false
	}
	t.addrs = append(t.addrs, n.addr)
	return true
}

// bare returns the address of an instance as [rpc.Call.Instance] has it: without the scheme, and the path of HTTP.
func bare(addr string) string {
	scheme, rest, ok := strings.Cut(addr, "://")
	if !ok {
		return addr
	}
	if scheme == "http" || scheme == "https" {
		rest, _, _ = strings.Cut(rest, "/")
	}
	return rest
}

// other returns n, or a node that was not tried yet if there is one, and why.
func (t *tried) other(s *set, n *Node, ctx context.Context, call *rpc.Call) (*Node, string) {
	switch {
	case !t.once:
		return n, ""
	case t.same:
		for _, m := range s.nodes {
			if t.has(m) {
				return m, "the instance of the first attempt"
			}
		}
		return n, ""
	}
	for range 3 {
		if t.claim(n) {
			return n, notTried
		}
		n = s.picker.Pick(ctx, call)
	}
	start := n.random.below(len(s.nodes))
	for i := range s.nodes {
		if m := s.nodes[(start+i)%len(s.nodes)]; t.claim(m) {
			return m, notTried
		}
	}
	return n, "all were tried"
}

// has reports whether n was tried.
func (t *tried) has(n *Node) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Contains(t.addrs, n.addr)
}

const notTried = "not tried yet"

// explain reports a pick if somebody wants to know.
func (f *Fleet) explain(t *tried, s *set, n *Node, route, why string) {
	if !t.explained() {
		return
	}
	p := Pick{Addr: n.in.Load().Addr, Reason: why, Route: route}
	p.Instances, p.Revision = f.Status()
	if s.selector != nil {
		for i := range p.Instances {
			addr := p.Instances[i].Instance.Addr
			p.Instances[i].Considered = slices.ContainsFunc(s.nodes, func(n *Node) bool { return n.in.Load().Addr == addr })
		}
	}
	for i := range p.Instances {
		if p.Instances[i].Instance.Addr == p.Addr {
			p.Instances[i].InFlight-- // without the call itself
		}
	}
	rule := "the choice of the balancer"
	if b, ok := s.balancer.(fmt.Stringer); ok {
		rule = b.String()
	}
	if len(s.nodes) == 1 {
		rule = "no other instance is available"
	}
	switch why {
	case "":
		p.Reason = rule
	case notTried:
		p.Reason = why + "; " + rule
	}
	t.report(p)
}
