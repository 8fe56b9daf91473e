package govern

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/internal/memnet"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
)

const testIDL = `
exception Sold { 1: string what }
service Shop {
  string look(1: string key (thriftkit.hashkey)) (thriftkit.readonly = "true")
  string buy(1: string what) throws (1: Sold sold)
  void note(1: string what)
}`

func shopService(t testing.TB) *schema.Service {
	t.Helper()
	file, diags := compile.Compile("shop.thrift", compile.Options{Source: compile.Texts{"shop.thrift": testIDL}})
	if file == nil {
		t.Fatal(diags.Errors())
	}
	return file.Service("Shop")
}

// A shop is an instance that a test may disturb.
type shop struct {
	addr   string
	mu     sync.Mutex
	delay  time.Duration
	panics bool
	push   time.Duration // asked of callers, with an overload; 0: none
	calls  atomic.Int32
	server *rpc.Server
	l      *memnet.Listener
}

func (s *shop) set(f func(*shop)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func (s *shop) work(ctx context.Context) (string, error) {
	s.mu.Lock()
	delay, panics, push := s.delay, s.panics, s.push
	s.mu.Unlock()
	s.calls.Add(1)
	if push != 0 {
		rpc.PushBack(ctx, push)
		return "", rpc.Errorf(rpc.CodeOverloaded, "come later")
	}
	time.Sleep(delay) // whatever the deadline is: an answer at that moment would be a race
	if panics {
		return "", errors.New("broken")
	}
	return s.addr, nil
}

func (s *shop) Look(ctx context.Context, key string) (string, error) { return s.work(ctx) }

func (s *shop) Buy(ctx context.Context, what string) (string, error) {
	return s.work(ctx)
}

func (s *shop) Note(ctx context.Context, what string) error {
	_, err := s.work(ctx)
	return err
}

// A street is a network in memory.
type street struct {
	t     testing.TB
	svc   *schema.Service
	mu    sync.Mutex
	shops map[string]*shop
}

func newStreet(t testing.TB, names ...string) *street {
	st := &street{t: t, svc: shopService(t), shops: make(map[string]*shop)}
	for _, n := range names {
		st.open(n)
	}
	t.Cleanup(func() {
		for n := range st.shops {
			st.kill(n)
		}
	})
	return st
}

// open starts a server; a name that was killed comes back.
func (st *street) open(name string) *shop {
	s := &shop{addr: name, server: rpc.NewServer(rpc.ServerOptions{}), l: memnet.Listen()}
	if err := s.server.Register(st.svc, s); err != nil {
		st.t.Fatal(err)
	}
	go s.server.Serve(s.l)
	st.mu.Lock()
	defer st.mu.Unlock()
	st.shops[name] = s
	return s
}

// kill ends a server and its connections at once.
func (st *street) kill(name string) {
	st.mu.Lock()
	s := st.shops[name]
	delete(st.shops, name)
	st.mu.Unlock()
	if s != nil {
		s.server.Close()
	}
}

func (st *street) dial(in discovery.Instance) (*rpc.Client, error) {
	return rpc.Dial(context.Background(), in.Addr+"?transport=header", rpc.ClientOptions{Lazy: true, Dialer: func(ctx context.Context, t transport.Target, _ *tls.Config) (net.Conn, error) {
		st.mu.Lock()
		s := st.shops[t.Address]
		st.mu.Unlock()
		if s == nil {
			return nil, fmt.Errorf("connection refused by %s", t.Address)
		}
		return s.l.Dial(ctx)
	}})
}

func static(names ...string) discovery.Resolver {
	var list []discovery.Instance
	for _, n := range names {
		list = append(list, discovery.Instance{Addr: n})
	}
	return discovery.Static(list...)
}

// A buyer calls the shops.
type buyer struct {
	Look func(ctx context.Context, key string) (string, error)
	Buy  func(ctx context.Context, what string) (string, error)
	Note func(ctx context.Context, what string) error
}

func (st *street) client(f rpc.Handler, interceptors ...rpc.Interceptor) (b buyer) {
	st.t.Helper()
	if err := rpc.NewClient(f, rpc.ClientOptions{Interceptors: interceptors}).Bind(st.svc, &b); err != nil {
		st.t.Fatal(err)
	}
	return b
}

func (st *street) fleet(r discovery.Resolver, opts FleetOptions) *Fleet {
	st.t.Helper()
	f := NewFleet(r, st.dial, opts)
	st.t.Cleanup(func() { f.Close() })
	if err := f.Wait(context.Background()); err != nil {
		st.t.Fatal(err)
	}
	return f
}

// count makes n calls and returns how many each instance took.
func count(t testing.TB, n int, call func() (string, error)) map[string]int {
	t.Helper()
	all := make(map[string]int)
	for range n {
		addr, err := call()
		if err != nil {
			t.Fatal(err)
		}
		all[addr]++
	}
	return all
}

func state(f *Fleet, addr string) State {
	all, _ := f.Status()
	for _, s := range all {
		if s.Instance.Addr == addr {
			return s.State
		}
	}
	return 255
}

var bg = context.Background()

func TestDeadInstanceLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t, "a:1", "b:1", "c:1")
		f := st.fleet(static("a:1", "b:1", "c:1"), FleetOptions{})
		b := st.client(f.Handle, Retry(RetryOptions{}))
		st.kill("b:1")
		got := count(t, 100, func() (string, error) { return b.Buy(bg, "x") })
		if got["a:1"]+got["c:1"] != 100 {
			t.Errorf("got %v", got)
		}
		if state(f, "b:1") != StateDown {
			t.Errorf("b:1 is %s, want down", state(f, "b:1"))
		}
		st.open("b:1")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := count(t, 100, func() (string, error) { return b.Buy(bg, "x") }); got["b:1"] < 5 {
			t.Errorf("b:1 came back, but got %v", got)
		}
	})
}

func TestAllDownAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t)
		f := st.fleet(static("a:1", "b:1"), FleetOptions{})
		b := st.client(f.Handle, Retry(RetryOptions{}))
		for range 20 {
			_, err := b.Buy(bg, "x")
			var e *rpc.Error
			if !errors.As(err, &e) || e.Code != rpc.CodeUnavailable || e.Outcome != rpc.OutcomeNotSent {
				t.Fatalf("got %v", err)
			}
		}
		st.open("a:1")
		st.open("b:1")
		time.Sleep(time.Minute) // connections have a back-off of their own
		count(t, 20, func() (string, error) { return b.Buy(bg, "x") })
		if state(f, "a:1") != StateReady || state(f, "b:1") != StateReady {
			t.Error("they did not come back")
		}
	})
}

func TestFailingInstanceIsEjectedAndProbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t, "a:1", "b:1", "c:1")
		st.shops["b:1"].set(func(s *shop) { s.panics = true })
		f := st.fleet(static("a:1", "b:1", "c:1"), FleetOptions{Balancer: RoundRobin()})
		b := st.client(f.Handle)
		failed := 0
		for range 300 {
			if _, err := b.Look(bg, "x"); err != nil {
				failed++
			}
		}
		if failed != 5 || state(f, "b:1") != StateEjected {
			t.Errorf("%d calls failed, b:1 is %s; want 5, ejected", failed, state(f, "b:1"))
		}
		before := st.shops["b:1"].calls.Load()
		for range 60 { // one minute: the times out are 5, 10, 20, 40 seconds, at least half of each
			b.Look(bg, "x")
			time.Sleep(time.Second)
		}
		if probes := st.shops["b:1"].calls.Load() - before; probes < 2 || probes > 5 {
			t.Errorf("%d calls were let through in a minute", probes)
		}
		st.shops["b:1"].set(func(s *shop) { s.panics = false })
		time.Sleep(5 * time.Minute)
		count(t, 10, func() (string, error) { return b.Look(bg, "x") })
		if state(f, "b:1") != StateReady {
			t.Error("b:1 did not come back")
		}
	})
}

func TestAtMostHalfIsEjected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t, "a:1", "b:1", "c:1", "d:1")
		for _, s := range st.shops {
			s.set(func(s *shop) { s.panics = true })
		}
		f := st.fleet(static("a:1", "b:1", "c:1", "d:1"), FleetOptions{Balancer: RoundRobin()})
		b := st.client(f.Handle)
		for range 200 {
			b.Look(bg, "x")
		}
		all, _ := f.Status()
		out := 0
		for _, s := range all {
			if s.State == StateEjected {
				out++
			}
		}
		if out != 2 {
			t.Errorf("%d of 4 are ejected, want 2", out)
		}
	})
}

func TestLowSuccessRateIsEjected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := []string{"a:1", "b:1", "c:1", "d:1", "e:1", "f:1"}
		st := newStreet(t, names...)
		f := st.fleet(static(names...), FleetOptions{Balancer: RoundRobin()})
		b := st.client(f.Handle)
		for i := range 6 * 200 {
			st.shops["c:1"].set(func(s *shop) { s.panics = i/6%3 == 0 }) // never five in a row
			b.Look(bg, "x")
		}
		time.Sleep(11 * time.Second)
		if state(f, "c:1") != StateEjected {
			t.Error("an instance that fails a third of its calls is still in")
		}
	})
}

func TestSlowInstanceGetsLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t, "a:1", "b:1", "c:1", "d:1")
		for _, s := range st.shops {
			s.delay = 5 * time.Millisecond
		}
		st.shops["d:1"].delay = 50 * time.Millisecond
		f := st.fleet(static("a:1", "b:1", "c:1", "d:1"), FleetOptions{})
		b := st.client(f.Handle)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for range 100 {
					if _, err := b.Look(bg, "x"); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if slow := st.shops["d:1"].calls.Load(); slow > 1600/20 {
			t.Errorf("the slow instance took %d of 1600 calls", slow)
		}
	})
}

// A feed is a Resolver whose lists a test gives.
func feed(lists chan []discovery.Instance) discovery.Resolver {
	return discovery.ResolverFunc(func(ctx context.Context, report func(discovery.Snapshot)) error {
		for {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case l := <-lists:
				report(discovery.Snapshot{Instances: l})
			}
		}
	})
}

func TestRemovedInstanceFinishesItsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t, "a:1", "b:1")
		st.shops["a:1"].delay = time.Minute
		lists := make(chan []discovery.Instance)
		f := NewFleet(feed(lists), st.dial, FleetOptions{})
		defer f.Close()
		b := st.client(f.Handle)
		done := make(chan string)
		go func() {
			addr, err := b.Buy(bg, "x") // waits for the list
			done <- fmt.Sprint(addr, err)
		}()
		lists <- []discovery.Instance{{Addr: "a:1"}}
		synctest.Wait()
		time.Sleep(time.Second)
		lists <- []discovery.Instance{{Addr: "b:1"}}
		synctest.Wait()
		if got := count(t, 10, func() (string, error) { return b.Buy(bg, "x") }); got["b:1"] != 10 {
			t.Errorf("got %v", got)
		}
		if got := <-done; got != "a:1<nil>" {
			t.Errorf("the call at the removed instance ended with %s", got)
		}
	})
}

func TestNoListAndClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t)
		f := NewFleet(feed(nil), st.dial, FleetOptions{})
		b := st.client(f.Handle)
		start := time.Now()
		_, err := b.Buy(bg, "x")
		if err == nil || !strings.Contains(err.Error(), "there is no list of instances yet") || time.Since(start) != 10*time.Second {
			t.Errorf("got %v after %s", err, time.Since(start))
		}
		f.Close()
		f.Close()
		var e *rpc.Error
		if _, err := b.Buy(bg, "x"); !errors.As(err, &e) || e.Code != rpc.CodeClosed {
			t.Errorf("got %v, want CodeClosed", err)
		}
	})
}

func TestZonesAndPriorities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t, "a:1", "b:1", "c:1", "d:1")
		f := st.fleet(discovery.Static(
			discovery.Instance{Addr: "a:1", Zone: "x"}, discovery.Instance{Addr: "b:1", Zone: "x"},
			discovery.Instance{Addr: "c:1", Zone: "y"}, discovery.Instance{Addr: "d:1", Zone: "x", Priority: 1},
		), FleetOptions{Zone: "x", Balancer: RoundRobin()})
		b := st.client(f.Handle, Retry(RetryOptions{}))
		buy := func() (string, error) { return b.Buy(bg, "x") }
		if got := count(t, 20, buy); got["a:1"] != 10 || got["b:1"] != 10 {
			t.Errorf("zone x: got %v", got)
		}
		st.kill("a:1")
		st.kill("b:1")
		time.Sleep(time.Second)
		for range 20 { // what is in flight over dead connections fails once
			b.Look(bg, "x")
		}
		if got := count(t, 20, buy); got["c:1"] != 20 {
			t.Errorf("zone x is down: got %v", got)
		}
		st.kill("c:1")
		for range 20 {
			b.Look(bg, "x")
		}
		if got := count(t, 20, buy); got["d:1"] != 20 {
			t.Errorf("priority 0 is down: got %v", got)
		}
	})
}

func TestWarmUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t, "a:1", "b:1")
		f := st.fleet(discovery.Static(discovery.Instance{Addr: "a:1"}, discovery.Instance{Addr: "b:1", Started: time.Now()}), FleetOptions{})
		for _, want := range []float64{10, 50, 100, 100} {
			all, _ := f.Status()
			if w := all[1].Weight; w < want-6 || w > want+6 || all[0].Weight != 100 {
				t.Errorf("the weights are %v and %v, want 100 and %v", all[0].Weight, w, want)
			}
			time.Sleep(15 * time.Second)
			synctest.Wait()
		}
	})
}

func TestRetryTable(t *testing.T) {
	unknown := &rpc.Error{Code: rpc.CodeConnectionLost}
	notSent := &rpc.Error{Code: rpc.CodeUnavailable, Outcome: rpc.OutcomeNotSent}
	refused := &rpc.Error{Code: rpc.CodeOverloaded, Outcome: rpc.OutcomeRefused, Remote: true}
	executed := &rpc.Error{Code: rpc.CodeInternal, Outcome: rpc.OutcomeExecuted, Remote: true}
	argument := &rpc.Error{Code: rpc.CodeArgument, Outcome: rpc.OutcomeNotSent}
	closed := &rpc.Error{Code: rpc.CodeClosed, Outcome: rpc.OutcomeNotSent}
	cancelled := &rpc.Error{Code: rpc.CodeCanceled, Cause: context.Canceled}
	for _, row := range []struct {
		name      string
		err       error
		buy, look int // attempts
	}{
		{"not sent", notSent, 3, 3},
		{"refused", refused, 3, 3},
		{"unknown", unknown, 1, 3},
		{"executed", executed, 1, 1},
		{"exception", errors.New("declared"), 1, 1},
		{"argument", argument, 1, 1},
		{"client closed", closed, 1, 1},
		{"cancelled", cancelled, 1, 1},
		{"success", nil, 1, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			st := newStreet(t)
			n := 0
			b := st.client(func(ctx context.Context, call *rpc.Call) error {
				n++
				if row.err == nil {
					return call.SetResult("ok")
				}
				return row.err
			}, Retry(RetryOptions{}))
			b.Buy(bg, "x")
			buy := n
			b.Look(bg, "x")
			if buy != row.buy || n-buy != row.look {
				t.Errorf("%s: %d attempts of buy, %d of look; want %d, %d", row.name, buy, n-buy, row.buy, row.look)
			}
		})
	}
}

func TestRetryGoesElsewhereAndBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t, "a:1", "b:1", "c:1", "d:1")
		for _, n := range []string{"a:1", "b:1", "c:1", "d:1"} {
			st.shops[n].delay = time.Hour
		}
		f := st.fleet(static("a:1", "b:1", "c:1", "d:1"), FleetOptions{Balancer: WeightedRandom()})
		var b buyer
		c := rpc.NewClient(f.Handle, rpc.ClientOptions{AttemptTimeout: time.Second, Interceptors: []rpc.Interceptor{Retry(RetryOptions{Attempts: 4})}})
		if err := c.Bind(st.svc, &b); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := b.Look(bg, "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		// Four attempts, and pauses of 12.5–25, 25–50, 50–100 ms.
		if d := time.Since(start) - 4*time.Second; d < 87*time.Millisecond || d > 190*time.Millisecond {
			t.Errorf("the pauses took %s", d)
		}
		for n, s := range st.shops {
			if s.calls.Load() != 1 {
				t.Errorf("%s got %d attempts, want 1", n, s.calls.Load())
			}
		}
		if _, err := b.Buy(bg, "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if total := st.shops["a:1"].calls.Load() + st.shops["b:1"].calls.Load() + st.shops["c:1"].calls.Load() + st.shops["d:1"].calls.Load(); total != 5 {
			t.Errorf("buy was sent %d times, want 1", total-4)
		}
		time.Sleep(2 * time.Hour) // until the handlers have returned
	})
}

func TestRetryStopsBeforeTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t)
		n := 0
		b := st.client(func(ctx context.Context, call *rpc.Call) error {
			if n++; n <= 10 {
				time.Sleep(100 * time.Millisecond)
				return call.SetResult("ok")
			}
			return &rpc.Error{Code: rpc.CodeOverloaded, Outcome: rpc.OutcomeRefused}
		}, Retry(RetryOptions{}))
		for range 10 {
			b.Look(bg, "x")
		}
		ctx, cancel := context.WithTimeout(bg, 90*time.Millisecond) // less than the usual latency
		defer cancel()
		if b.Look(ctx, "x"); n != 11 {
			t.Errorf("%d attempts, want 1", n-10)
		}
	})
}

func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(0.2, 10)
		take := func() (n int) {
			for b.withdraw(time.Now()) {
				n++
			}
			return n
		}
		if n := take(); n != 100 {
			t.Errorf("the reserve is %d retries, want 100", n)
		}
		for range 1000 {
			b.deposit(time.Now())
		}
		if n := take(); n != 200 {
			t.Errorf("1000 calls allow %d retries, want 200", n)
		}
		time.Sleep(9 * time.Second)
		if n := take(); n != 0 {
			t.Errorf("%d retries after 9 seconds, want 0", n)
		}
		time.Sleep(time.Second)
		if n := take(); n != 100 {
			t.Errorf("%d retries after 10 seconds, want 100", n)
		}
	})
}

func TestRetriesDoNotMultiply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t)
		n := 0
		b := st.client(func(context.Context, *rpc.Call) error {
			n++
			return &rpc.Error{Code: rpc.CodeOverloaded, Outcome: rpc.OutcomeRefused}
		}, Retry(RetryOptions{}))
		for range 10_000 {
			b.Buy(bg, "x")
		}
		// 20 % and 10 per second.
		if most := 10_000*1.2 + 10*(time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).Seconds()+11); float64(n) > most {
			t.Errorf("10000 calls became %d attempts, want at most %v", n, most)
		}
	})
}

// TestRetryNeverRetriesFurtherDown has a server between the client and a shop that is overloaded.
func TestRetryNeverRetriesFurtherDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t)
		var below atomic.Int32
		inner := rpc.NewClient(func(context.Context, *rpc.Call) error {
			below.Add(1)
			return &rpc.Error{Code: rpc.CodeOverloaded, Outcome: rpc.OutcomeRefused}
		}, rpc.ClientOptions{Interceptors: []rpc.Interceptor{Retry(RetryOptions{})}})
		l := memnet.Listen()
		server := rpc.NewServer(rpc.ServerOptions{Interceptors: []rpc.Interceptor{func(rpc.Handler) rpc.Handler { return inner.Handle }}})
		defer server.Close()
		if err := server.Register(st.svc, &shop{}); err != nil {
			t.Fatal(err)
		}
		go server.Serve(l)
		outer, err := rpc.Dial(bg, "m:1?transport=header", rpc.ClientOptions{
			Dialer:       func(ctx context.Context, _ transport.Target, _ *tls.Config) (net.Conn, error) { return l.Dial(ctx) },
			Interceptors: []rpc.Interceptor{Retry(RetryOptions{})},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer outer.Close()
		var b buyer
		if err := outer.Bind(st.svc, &b); err != nil {
			t.Fatal(err)
		}
		b.Buy(bg, "x")
		// The first attempt may retry below: 3. The retries of the client do not: 1 each.
		if n := below.Load(); n != 5 {
			t.Errorf("%d attempts below, want 3+1+1", n)
		}
	})
}

func nodesOf(weights ...int) []*Node {
	var nodes []*Node
	f := &Fleet{epoch: time.Now()}
	for i, w := range weights {
		n := f.newNode(&discovery.Instance{Addr: fmt.Sprintf("10.0.%d.%d:90", i/256, i%256), Weight: w}, time.Now(), true)
		n.warm(time.Now(), 0)
		nodes = append(nodes, n)
	}
	return nodes
}

func TestWeights(t *testing.T) {
	for name, b := range map[string]Balancer{"round robin": RoundRobin(), "weighted random": WeightedRandom()} {
		nodes := nodesOf(1, 2, 3, 10, 100, 100)
		p := b.Picker(nodes)
		got := make(map[*Node]int)
		const picks = 216 * 1000
		for range picks {
			got[p.Pick(bg, nil)]++
		}
		for i, n := range nodes {
			want := n.Weight() / 216 * picks
			if d := float64(got[n]) - want; d < -0.1*want-50 || d > 0.1*want+50 {
				t.Errorf("%s: node %d with weight %v got %d of %d picks, want about %.0f", name, i, n.Weight(), got[n], picks, want)
			}
		}
	}
	nodes := nodesOf(5, 5, 5)
	p := RoundRobin().Picker(nodes)
	first := []*Node{p.Pick(bg, nil), p.Pick(bg, nil), p.Pick(bg, nil)}
	if first[0] == first[1] || first[1] == first[2] || p.Pick(bg, nil) != first[0] {
		t.Error("round robin with equal weights does not go round")
	}
}

func TestConsistentHash(t *testing.T) {
	key := ""
	b := ConsistentHash(HashOptions{Key: func(context.Context, *rpc.Call) string { return key }})
	place := func(nodes []*Node) map[string]string {
		p, at := b.Picker(nodes), make(map[string]string)
		for i := range 10_000 {
			key = fmt.Sprint("user ", i)
			at[key] = p.Pick(bg, nil).Instance().Addr
		}
		return at
	}
	nodes := nodesOf(make([]int, 20)...)
	before, after := place(nodes), place(nodes[:19])
	gone, moved := nodes[19].Instance().Addr, 0
	load := make(map[string]int)
	for k, a := range before {
		load[a]++
		if a != gone && after[k] != a {
			moved++
		}
	}
	if moved != 0 {
		t.Errorf("%d keys of instances that stay have moved", moved)
	}
	for a, n := range load {
		if n < 300 || n > 750 {
			t.Errorf("%s has %d of 10000 keys, want about 500", a, n)
		}
	}
	// An instance with more than its share passes calls on.
	key = "hot"
	p := b.Picker(nodes)
	used := make(map[*Node]bool)
	for range 200 {
		n := p.Pick(bg, nil)
		n.inFlight.Add(1)
		used[n] = true
	}
	if len(used) < 16 {
		t.Errorf("200 calls in flight with one key are on %d of 20 instances", len(used))
	}
}

func TestHashKeyOfArgumentAndContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t, "a:1", "b:1", "c:1", "d:1")
		f := st.fleet(static("a:1", "b:1", "c:1", "d:1"), FleetOptions{Balancer: ConsistentHash(HashOptions{})})
		b := st.client(f.Handle)
		if got := count(t, 20, func() (string, error) { return b.Look(bg, "one") }); len(got) != 1 {
			t.Errorf("one key went to %v", got)
		}
		ctx := WithHashKey(bg, "mine")
		if got := count(t, 20, func() (string, error) { return b.Buy(ctx, "x") }); len(got) != 1 {
			t.Errorf("one key went to %v", got)
		}
		if got := count(t, 100, func() (string, error) { return b.Buy(bg, "x") }); len(got) != 4 {
			t.Errorf("calls without a key went to %v", got)
		}
	})
}

func TestSubset(t *testing.T) {
	var list []discovery.Instance
	for i := range 100 {
		list = append(list, discovery.Instance{Addr: fmt.Sprintf("h%d:1", i)})
	}
	a := subset(list, 10, "client 1")
	b := subset(list[1:], 10, "client 1")
	same := 0
	for _, in := range a {
		if slices.ContainsFunc(b, in.Equal) {
			same++
		}
	}
	if len(a) != 10 || same < 9 {
		t.Errorf("one instance less moved %d of 10", 10-same)
	}
	load := make(map[string]int)
	for i := range 1000 {
		for _, in := range subset(list, 10, fmt.Sprint("client ", i)) {
			load[in.Addr]++
		}
	}
	for addr, n := range load {
		if n < 60 || n > 145 {
			t.Errorf("%s is used by %d of 1000 clients, want about 100", addr, n)
		}
	}
}

func TestDecayed(t *testing.T) {
	for age := int64(1); age < int64(6000*time.Second); age += 1 + age/1000 {
		want := math.Exp(-float64(age) / float64(decay))
		if got := decayed(age); math.Abs(got-want) > 1e-6*want {
			t.Fatalf("after %s: got %v, want %v", time.Duration(age), got, want)
		}
		// A call each age must still bring the average down: what is forgotten must not be lost in the interpolation.
		if got, want := 1-decayed(age), -math.Expm1(-float64(age)/float64(decay)); age > 1000 && math.Abs(got-want) > 0.002*want {
			t.Fatalf("%s forget %v, want %v", time.Duration(age), got, want)
		}
	}
	for age, want := range map[int64]float64{0: 1, -5: 1, math.MinInt64: 1, math.MaxInt64: 0} {
		if got := decayed(age); got != want {
			t.Errorf("decayed(%d) is %v, want %v", age, got, want)
		}
	}
}

// TestCheaperIsTheLowerCost compares what needs no clock with the costs at one moment.
func TestCheaperIsTheLowerCost(t *testing.T) {
	var nodes []*Node
	for _, latency := range []time.Duration{0, time.Millisecond, 3 * time.Millisecond, time.Second} {
		for _, stamp := range []time.Duration{0, time.Second, 37 * time.Second} {
			for _, weight := range []int{1, 100} {
				for _, inFlight := range []int64{0, 1, 7} {
					n := nodesOf(weight)[0]
					n.epoch = time.Now().Add(-time.Minute)
					if latency > 0 {
						n.latency.observe(int64(stamp), int64(latency))
					}
					n.inFlight.Store(inFlight)
					nodes = append(nodes, n)
				}
			}
		}
	}
	now := int64(time.Minute)
	for _, a := range nodes {
		for _, b := range nodes {
			x, y := a.cost(now), b.cost(now)
			if math.Abs(x-y) <= 0.01*max(x, y) && x != 0 {
				continue // as good as equal
			}
			if got := a.cheaper(b); got != (x < y) {
				t.Fatalf("cheaper is %v with the costs %v and %v", got, x, y)
			}
		}
	}
}

func TestPicksDoNotAllocate(t *testing.T) {
	nodes := nodesOf(make([]int, 1000)...)
	for name, b := range balancers {
		p := b.Picker(nodes)
		if n := testing.AllocsPerRun(1000, func() { p.Pick(bg, nil) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

var balancers = map[string]Balancer{
	"p2c": P2C(), "round robin": RoundRobin(), "weighted random": WeightedRandom(), "least in flight": LeastInFlight(),
	"consistent hash": ConsistentHash(HashOptions{Key: func(context.Context, *rpc.Call) string { return "some key" }}),
}

func BenchmarkPick(b *testing.B) {
	nodes := nodesOf(make([]int, 1000)...)
	for i, n := range nodes { // last called within the last 10 seconds, and busy
		n.latency.observe(int64(i)*int64(10*time.Millisecond), int64(time.Millisecond))
		n.inFlight.Store(int64(i % 4))
	}
	for name, balancer := range balancers {
		b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			p := balancer.Picker(nodes)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					p.Pick(bg, nil)
				}
			})
		})
	}
}

func BenchmarkUpdate10000(b *testing.B) {
	for name, balancer := range balancers {
		b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			lists := make([][]discovery.Instance, 2)
			for i := range 10_100 {
				in := discovery.Instance{Addr: fmt.Sprintf("10.1.%d.%d:90", i/256, i%256), Zone: "x", Tags: []string{"t"}, Metadata: map[string]string{"k": "v"}}
				if i < 10_000 {
					lists[0] = append(lists[0], in)
				}
				if i >= 100 {
					lists[1] = append(lists[1], in)
				}
			}
			f := NewFleet(discovery.Static(), func(discovery.Instance) (*rpc.Client, error) { return nil, errors.New("nobody") },
				FleetOptions{Balancer: balancer, WarmUp: -1})
			defer f.Close()
			f.Wait(bg)
			b.ResetTimer()
			for i := range b.N {
				f.update(discovery.Snapshot{Instances: lists[i%2]})
			}
		})
	}
}
