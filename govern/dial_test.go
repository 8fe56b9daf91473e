package govern

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/transport"
)

// dialer connects to the shops of a street.
func (st *street) dialer(ctx context.Context, t transport.Target, _ *tls.Config) (net.Conn, error) {
	st.mu.Lock()
	s := st.shops[t.Address]
	st.mu.Unlock()
	if s == nil {
		return nil, fmt.Errorf("connection refused by %s", t.Address)
	}
	return s.l.Dial(ctx)
}

func (st *street) dialTarget(target string, opts DialOptions) (*rpc.Client, error) {
	t, err := discovery.ParseTarget(target, map[string]discovery.Scheme{
		"broken": func(*url.URL) (discovery.Resolver, error) {
			return discovery.ResolverFunc(func(context.Context, func(discovery.Snapshot)) error { return errors.New("the registry burns") }), nil
		},
	})
	if err != nil {
		return nil, err
	}
	opts.Client.Dialer = st.dialer
	return Dial(context.Background(), t, opts)
}

// TestDial calls all instances of a target, and closes their connections with the client.
func TestDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t, "a:1", "b:1")
		c, err := st.dialTarget("a:1,b:1?transport=framed&protocol=compact&balance=round-robin", DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Target(); got != "a:1,b:1?transport=framed&protocol=compact&balance=round-robin" {
			t.Errorf("the target is %s", got)
		}
		var b buyer
		if err := c.Bind(st.svc, &b); err != nil {
			t.Fatal(err)
		}
		got := count(t, 10, func() (string, error) { return b.Look(context.Background(), "x") })
		if got["a:1"] != 5 || got["b:1"] != 5 {
			t.Errorf("calls: %v", got)
		}
		st.kill("a:1")
		if got := count(t, 10, func() (string, error) { return b.Buy(context.Background(), "x") }); got["b:1"] != 10 {
			t.Errorf("calls after a was killed: %v", got)
		}
		c.Close()
		_, err = b.Look(context.Background(), "x")
		var e *rpc.Error
		if !errors.As(err, &e) || e.Code != rpc.CodeClosed {
			t.Errorf("after Close: %v", err)
		}
	})
}

// TestDialErrors reads what is said about targets that cannot be.
func TestDialErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t)
		missing := filepath.Join(t.TempDir(), "none.yaml")
		for _, test := range []struct{ target, want string }{
			{"a:1,b:1?balance=best", `target "a:1,b:1?balance=best": key "balance": unknown balancer "best" (known: consistent-hash, least-in-flight, p2c, round-robin, weighted-random)`},
			{"a:1,b:1?attempts=0", `key "attempts": got "0", want a number above 0`},
			{"a:1,b:1?attempts=1&attempts=2", `key "attempts" is given twice`},
			{"a:1,b:1?colour=red", `target "a:1,b:1?colour=red": unknown key "colour" (known: compression, protocol, service, transport)`},
			{"a:1,b:1?protocol=latin", `unknown protocol "latin"`},
			{"file://" + missing, "unavailable: no list of instances from file://" + missing + ": open"},
			{"broken://x/y", "no list of instances from broken://x/y: the registry burns"},
		} {
			c, err := st.dialTarget(test.target, DialOptions{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v, want %s", test.target, err, test.want)
			}
			if err == nil {
				c.Close()
			}
		}
		if _, err := st.dialTarget("broken://x/y", DialOptions{}); rpc.OutcomeOf(err) != rpc.OutcomeNotSent {
			t.Errorf("the outcome of %v is %v", err, rpc.OutcomeOf(err))
		}
		lazy, err := st.dialTarget("broken://x/y", DialOptions{Client: rpc.ClientOptions{Lazy: true}})
		if err != nil {
			t.Fatal(err)
		}
		lazy.Close()
	})
}

// TestDialUsesTheCache starts while the registry is down: the list of the file is used.
func TestDialUsesTheCache(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "last.json")
	if err := os.WriteFile(cache, []byte(`{"revision": 3, "instances": [{"addr": "a:1"}]}`), 0o666); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t, "a:1")
		c, err := st.dialTarget("broken://x/y?cache="+url.QueryEscape(cache), DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got, err := rpc.Invoke[string](context.Background(), c, st.svc.Method("look"), "x"); got != "a:1" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// TestExplainPicks reads why instances were picked.
func TestExplainPicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t, "b:1")
		c, err := st.dialTarget("a:1,b:1?balance=round-robin", DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var picks []string
		ctx := ExplainPicks(context.Background(), func(p Pick) {
			var states []string
			for _, s := range p.Instances {
				states = append(states, fmt.Sprint(s.Instance.Addr, " ", s.State, " ", s.InFlight))
			}
			picks = append(picks, p.Addr+": "+p.Reason+" ("+strings.Join(states, ", ")+")")
		})
		for range 2 { // one of them meets a, which is down
			if got, err := rpc.Invoke[string](ctx, c, st.svc.Method("buy"), "x"); got != "b:1" || err != nil {
				t.Fatalf("%q, %v", got, err)
			}
		}
		slices.Sort(picks)
		want := []string{
			"a:1: round-robin: one after the other, as often as the weight says (a:1 ready 0, b:1 ready 0)",
			"b:1: not tried yet; no other instance is available (a:1 down 0, b:1 ready 0)",
		}
		for _, w := range want {
			if !slices.Contains(picks, w) {
				t.Errorf("no pick is %q: %q", w, picks)
			}
		}
		time.Sleep(time.Minute)
		picks = nil
		st.open("a:1")
		if _, err := rpc.Invoke[string](ctx, c, st.svc.Method("buy"), "x"); err != nil {
			t.Fatal(err)
		}
		if want := []string{"a:1: it was out, and this call decides whether it takes calls again (a:1 down 0, b:1 ready 0)"}; !slices.Equal(picks, want) {
			t.Errorf("picks %q, want %q", picks, want)
		}
	})
}

// TestRetryGoesElsewhereWithSchemes retries where the addresses of instances are whole targets.
func TestRetryGoesElsewhereWithSchemes(t *testing.T) {
	for addr, want := range map[string]string{
		"a:1": "a:1", "tcp://a:1": "a:1", "tls://a:1": "a:1", "unix:///run/a.sock": "/run/a.sock", "http://a:80/path": "a:80",
	} {
		if got := bare(addr); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
		target, err := transport.ParseTarget(addr)
		if err != nil || target.Address != want {
			t.Errorf("%s: the address of the transport is %s, %v", addr, target.Address, err)
		}
	}
}

// TestRetryGoesElsewhereOverHandlers retries where the clients of instances are over handlers, as those of other frameworks are.
func TestRetryGoesElsewhereOverHandlers(t *testing.T) {
	tried := make(map[string]int)
	f := NewFleet(static("a:1", "b:1", "c:1"), func(in discovery.Instance) (*rpc.Client, error) {
		return rpc.NewClient(func(context.Context, *rpc.Call) error {
			tried[in.Addr]++
			return rpc.Errorf(rpc.CodeOverloaded, "come later")
		}, rpc.ClientOptions{}), nil
	}, FleetOptions{Failures: -1, Balancer: BalancerFunc(func(nodes []*Node) Picker {
		return PickerFunc(func(context.Context, *rpc.Call) *Node { return nodes[0] })
	})})
	defer f.Close()
	st := &street{t: t, svc: shopService(t)}
	refused := func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, call *rpc.Call) error {
			if err := next(ctx, call); err != nil {
				return &rpc.Error{Code: rpc.CodeOverloaded, Outcome: rpc.OutcomeRefused, Cause: err}
			}
			return nil
		}
	}
	b := st.client(f.Handle, Retry(RetryOptions{Backoff: time.Millisecond}), refused)
	for i := range 20 {
		if _, err := b.Buy(bg, "x"); err == nil {
			t.Fatal("no error")
		}
		for addr, n := range tried {
			if n != i+1 {
				t.Fatalf("after %d calls %s got %d attempts", i+1, addr, n)
			}
		}
	}
}

// TestRandom makes the same choices with the same numbers.
func TestRandom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		picked := func(b Balancer) (all []string) {
			r := rand.New(rand.NewPCG(1, 2))
			st := newStreet(t, "a:1", "b:1", "c:1", "d:1")
			f := st.fleet(static("a:1", "b:1", "c:1", "d:1"), FleetOptions{Balancer: b, Random: r.Uint64})
			c := st.client(f.Handle)
			for range 50 {
				addr, err := c.Look(bg, "")
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, addr)
			}
			return all
		}
		for name, b := range builtins() {
			if one, two := picked(b), picked(b); !slices.Equal(one, two) {
				t.Errorf("%s: %v and %v", name, one, two)
			}
		}
	})
}
