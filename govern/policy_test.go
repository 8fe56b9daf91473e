package govern

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
)

// TestRolling compares percentiles with those of the sorted latencies.
func TestRolling(t *testing.T) {
	for i := 0; i < rollingBuckets-1; i++ {
		if b := bucketOf(boundOf(i)); b != i+1 {
			t.Fatalf("the bound %v of bucket %d is in bucket %d", boundOf(i), i, b)
		}
	}
	r := new(rolling)
	rnd := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for range 10000 {
		d := time.Duration(rnd.ExpFloat64() * float64(10*time.Millisecond))
		all = append(all, d)
		r.observe(0, d)
	}
	slices.Sort(all)
	for _, q := range []float64{0.5, 0.9, 0.95, 0.99} {
		got, n := r.percentile(0, q)
		want := all[int(q*10000)]
		if n != 10000 || got < want || float64(got) > 1.14*float64(want)+2000 {
			t.Errorf("percentile %v of %d: %v, want %v", q, n, got, want)
		}
	}
	if _, n := r.percentile(int64(15*time.Second), 0.5); n != 10000 {
		t.Errorf("in the next period there are %d", n)
	}
	if _, n := r.percentile(int64(25*time.Second), 0.5); n != 0 {
		t.Errorf("two periods later there are %d", n)
	}
	r.observe(int64(time.Hour), time.Second)
	if got, n := r.percentile(int64(time.Hour), 0.5); n != 1 || got < time.Second || got > 1200*time.Millisecond {
		t.Errorf("after a pause: %v of %d", got, n)
	}
}

// TestHedge has one of two instances be slow: calls of idempotent methods take no longer than the usual ones, others do.
func TestHedge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t, "a:1", "b:1")
		f := st.fleet(static("a:1", "b:1"), FleetOptions{Balancer: RoundRobin(), Failures: -1})
		for _, s := range st.shops {
			s.set(func(s *shop) { s.delay = 10 * time.Millisecond })
		}
		b := st.client(f.Handle, Hedge(HedgeOptions{Budget: NewBudget(1, 0)}))
		count(t, 100, func() (string, error) { return b.Look(bg, "x") })
		before := st.shops["a:1"].calls.Load() + st.shops["b:1"].calls.Load()
		if before != 100 {
			t.Errorf("%d attempts of 100 calls that take the same time", before)
		}
		st.shops["a:1"].set(func(s *shop) { s.delay = 10 * time.Second })
		start := time.Now()
		got := count(t, 20, func() (string, error) { return b.Look(bg, "x") })
		if took := time.Since(start); got["b:1"] != 20 || took > 20*40*time.Millisecond {
			t.Errorf("20 hedged calls took %v: %v", took, got)
		}
		start = time.Now()
		count(t, 2, func() (string, error) { return b.Buy(bg, "x") })
		if took := time.Since(start); took < 10*time.Second {
			t.Errorf("2 calls that are not idempotent took %v: they were hedged", took)
		}
		time.Sleep(time.Minute) // the losers end
	})
}

// TestHedgeBudget has all calls be slow at once: only the share of the budget is hedged.
func TestHedgeBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		attempts, slow, lost := 0, false, 0
		st := newStreet(t)
		b := st.client(func(ctx context.Context, call *rpc.Call) error {
			mu.Lock()
			attempts++
			d := 10 * time.Millisecond
			if slow {
				d = time.Second
			}
			mu.Unlock()
			select {
			case <-time.After(d):
			case <-ctx.Done():
				mu.Lock()
				lost++
				mu.Unlock()
				return &rpc.Error{Code: rpc.CodeCanceled, Cause: ctx.Err()}
			}
			return call.SetResult("ok")
		}, Hedge(HedgeOptions{Budget: NewBudget(0.1, 0)}))
		count(t, 100, func() (string, error) { return b.Look(bg, "x") })
		mu.Lock()
		attempts, slow = 0, true
		mu.Unlock()
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { b.Look(bg, "x") })
		}
		wg.Wait()
		synctest.Wait()
		if attempts < 101 || attempts > 120 {
			t.Errorf("%d attempts of 100 slow calls, want 10 to 20 more than calls", attempts)
		}
		if lost != attempts-100 {
			t.Errorf("%d losers were cancelled, want %d", lost, attempts-100)
		}
	})
}

// TestFork makes attempts side by side at different instances.
func TestFork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t, "a:1", "b:1", "c:1")
		f := st.fleet(static("a:1", "b:1", "c:1"), FleetOptions{})
		b := st.client(f.Handle, Fork(3, nil))
		st.shops["a:1"].set(func(s *shop) { s.delay = time.Second })
		st.shops["b:1"].set(func(s *shop) { s.panics = true; s.delay = 2 * time.Second })
		st.shops["c:1"].set(func(s *shop) { s.delay = 100 * time.Millisecond })
		if got, err := b.Look(bg, "x"); got != "c:1" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		for name, s := range st.shops {
			if n := s.calls.Load(); n != 1 {
				t.Errorf("%s had %d attempts", name, n)
			}
		}
		b.Buy(bg, "x")
		sum := int32(0)
		for _, s := range st.shops {
			sum += s.calls.Load()
		}
		if sum != 4 {
			t.Errorf("a call that is not idempotent made %d attempts", sum-3)
		}
		time.Sleep(time.Minute)
	})
}

// TestForkErrors checks which of several errors a call has.
func TestForkErrors(t *testing.T) {
	unknown := &rpc.Error{Code: rpc.CodeConnectionLost}
	notSent := &rpc.Error{Code: rpc.CodeUnavailable, Outcome: rpc.OutcomeNotSent}
	executed := &rpc.Error{Code: rpc.CodeInternal, Outcome: rpc.OutcomeExecuted}
	for _, row := range []struct{ first, second, want error }{
		{notSent, notSent, notSent},
		{unknown, notSent, unknown}, // it may have been executed
		{notSent, unknown, unknown},
		{notSent, executed, executed},
		{executed, nil, executed}, // the first answer
		{unknown, nil, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			st := newStreet(t)
			turn := make(chan error, 2)
			turn <- row.first
			turn <- row.second
			b := st.client(func(ctx context.Context, call *rpc.Call) error {
				err := <-turn
				if err == row.second {
					time.Sleep(time.Second)
				}
				if err == nil {
					return call.SetResult("ok")
				}
				return err
			}, Fork(2, nil))
			got, err := b.Look(bg, "x")
			if !errors.Is(err, row.want) && err != row.want || err == nil && got != "ok" {
				t.Errorf("%v, then %v: %q, %v", row.first, row.second, got, err)
			}
			time.Sleep(time.Minute)
		})
	}
}

// TestPushBack has servers ask callers to wait, or not to come again.
func TestPushBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t, "a:1")
		f := st.fleet(static("a:1"), FleetOptions{Failures: -1})
		b := st.client(f.Handle, Retry(RetryOptions{}))
		a := st.shops["a:1"]
		for _, row := range []struct {
			push     time.Duration
			attempts int32
			least    time.Duration
		}{{2 * time.Second, 3, 4 * time.Second}, {-1, 1, 0}, {time.Nanosecond, 3, 37 * time.Millisecond}} {
			a.calls.Store(0)
			a.set(func(s *shop) { s.push = row.push })
			start := time.Now()
			_, err := b.Buy(bg, "x")
			var e *rpc.Error
			if !errors.As(err, &e) || e.Code != rpc.CodeOverloaded || (e.RetryAfter < 0) != (row.push < 0) {
				t.Errorf("push back %v: %v", row.push, err)
			}
			if n, took := a.calls.Load(), time.Since(start); n != row.attempts || took < row.least || took > row.least+time.Second {
				t.Errorf("push back %v: %d attempts in %v", row.push, n, took)
			}
		}
		a.set(func(s *shop) { s.push = 2 * time.Second })
		a.calls.Store(0)
		ctx, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		if b.Buy(ctx, "x"); a.calls.Load() != 1 {
			t.Errorf("%d attempts, though the server asks for more time than there is", a.calls.Load())
		}
	})
}

// TestBreaker opens, lets one call through, and closes.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var err error
		attempts := 0
		st := newStreet(t)
		b := st.client(func(ctx context.Context, call *rpc.Call) error {
			if attempts++; err != nil {
				return err
			}
			return call.SetResult("ok")
		}, Breaker(BreakerOptions{MinCalls: 20}))
		call := func(n int) (made int, last error) {
			before := attempts
			for range n {
				_, last = b.Buy(bg, "x")
			}
			return attempts - before, last
		}
		call(12)
		err = &rpc.Error{Code: rpc.CodeConnectionLost}
		if n, last := call(30); n != 12 || !errors.Is(last, ErrBreakerOpen) || rpc.OutcomeOf(last) != rpc.OutcomeNotSent {
			t.Errorf("%d calls went through until half of them had failed, then %v", n, last)
		}
		if got, bad := b.Look(bg, "x"); bad != err {
			t.Errorf("another method: %q, %v", got, bad)
		}
		time.Sleep(5*time.Second + time.Millisecond)
		if n, _ := call(10); n != 1 {
			t.Errorf("%d calls went through when it was half open", n)
		}
		time.Sleep(5*time.Second + time.Millisecond)
		err = nil
		if n, last := call(10); n != 10 || last != nil {
			t.Errorf("%d calls went through when it was closed again: %v", n, last)
		}
	})
}

// TestBreakerByInstanceAndMethod has one instance fail one method: its calls go elsewhere, those of the other method stay.
func TestBreakerByInstanceAndMethod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t, "a:1", "b:1")
		f := st.fleet(static("a:1", "b:1"), FleetOptions{Balancer: RoundRobin(), Failures: 1000, Breaker: &BreakerOptions{MinCalls: 10}})
		b := st.client(f.Handle)
		st.shops["a:1"].set(func(s *shop) { s.panics = true })
		for range 40 {
			b.Buy(bg, "x")
		}
		if n := st.shops["a:1"].calls.Load(); n != 10 {
			t.Errorf("a had %d calls until its breaker opened", n)
		}
		st.shops["a:1"].set(func(s *shop) { s.panics = false })
		if got := count(t, 20, func() (string, error) { return b.Look(bg, "x") }); got["a:1"] != 10 {
			t.Errorf("the other method: %v", got)
		}
		if got := count(t, 20, func() (string, error) { return b.Buy(bg, "x") }); got["b:1"] != 20 {
			t.Errorf("while it is open: %v", got)
		}
		time.Sleep(6 * time.Second)
		if got := count(t, 20, func() (string, error) { return b.Buy(bg, "x") }); got["a:1"] < 9 {
			t.Errorf("afterwards: %v", got)
		}
		for _, s := range st.shops {
			s.set(func(s *shop) { s.panics = true })
		}
		for range 100 {
			b.Buy(bg, "x")
		}
		if _, err := b.Buy(bg, "x"); !errors.Is(err, ErrBreakerOpen) {
			t.Errorf("when all are open: %v", err)
		}
	})
}

// TestFallback gives a result in place of a failure, and leaves answers alone.
func TestFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t)
		var err error
		b := st.client(func(ctx context.Context, call *rpc.Call) error { return err }, Fallback(func(_ context.Context, call *rpc.Call, err error) error {
			return call.SetResult("instead of " + err.(*rpc.Error).Code.String())
		}))
		for _, row := range []struct {
			err  error
			want string
		}{
			{&rpc.Error{Code: rpc.CodeTimeout}, "instead of timeout"},
			{&rpc.Error{Code: rpc.CodeUnavailable, Outcome: rpc.OutcomeNotSent}, "instead of unavailable"},
			{&rpc.Error{Code: rpc.CodeCanceled}, ""},
			{errors.New("declared"), ""},
		} {
			err = row.err
			if got, bad := b.Buy(bg, "x"); got != row.want || row.want == "" && bad != row.err {
				t.Errorf("%v: %q, %v", row.err, got, bad)
			}
		}
	})
}

// TestModes runs each mode by its name: one of two instances is broken, in the way that the row says.
func TestModes(t *testing.T) {
	for _, row := range []struct {
		mode     string
		disturb  func(*shop)
		kill     bool
		want     string // of their errors, "" for none
		attempts int32  // at a, at least
	}{
		{mode: "failover", kill: true},
		{mode: "failfast", kill: true, want: "unavailable: connection refused by a:1"},
		{mode: "failtry", disturb: func(s *shop) { s.push = time.Nanosecond }, want: "overloaded", attempts: 3},
		{mode: "failsafe", kill: true},
		{mode: "failback", kill: true},
		{mode: "forking", disturb: func(s *shop) { s.panics = true; s.delay = time.Second }},
		{mode: "broadcast", disturb: func(s *shop) { s.panics = true }, want: "1 of 2 instances failed; a:1: Shop.look: internal error", attempts: 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			st := newStreet(t, "a:1", "b:1")
			c, err := st.dialTarget("a:1,b:1?transport=header&balance=round-robin&mode="+row.mode, DialOptions{Fleet: FleetOptions{Failures: -1}})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			var b buyer
			if err := c.Bind(st.svc, &b); err != nil {
				t.Fatal(err)
			}
			a := st.shops["a:1"]
			if row.kill {
				st.kill("a:1")
			} else {
				a.set(row.disturb)
			}
			var last error
			for range 2 { // each instance is the first one once
				call := func() error { _, err := b.Look(bg, "x"); return err }
				if row.mode == "failback" {
					call = func() error { return b.Note(bg, "x") }
				}
				if err := call(); err != nil {
					last = err
				}
			}
			if row.want == "" && last != nil || row.want != "" && (last == nil || !strings.Contains(last.Error(), row.want)) {
				t.Errorf("%s: %v, want %q", row.mode, last, row.want)
			}
			if n := a.calls.Load(); n < row.attempts {
				t.Errorf("%s: %d attempts at the broken instance, want %d", row.mode, n, row.attempts)
			}
			if row.mode == "failback" {
				before := st.shops["b:1"].calls.Load()
				time.Sleep(10 * time.Second)
				if after := st.shops["b:1"].calls.Load(); before != 1 || after != 2 {
					t.Errorf("failback: b had %d calls, and %d later", before, after)
				}
			}
			time.Sleep(time.Minute)
		})
	}
	if _, err := ParseMode("failunder"); err == nil || err.Error() != `unknown mode "failunder" (known: broadcast, failback, failfast, failover, failsafe, failtry, forking)` {
		t.Errorf("an unknown mode: %v", err)
	}
}

// TestLater bounds what waits, and reports what fails at last.
func TestLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t)
		var mu sync.Mutex
		attempts, failed := 0, 0
		b := st.client(func(ctx context.Context, call *rpc.Call) error {
			mu.Lock()
			defer mu.Unlock()
			attempts++
			return &rpc.Error{Code: rpc.CodeUnavailable, Outcome: rpc.OutcomeNotSent}
		}, Later(LaterOptions{Queue: 5, OnError: func(error) {
			mu.Lock()
			defer mu.Unlock()
			failed++
		}}))
		refused := 0
		for range 8 {
			if b.Note(bg, "x") != nil {
				refused++
			}
		}
		if _, err := b.Buy(bg, "x"); err == nil {
			t.Error("a call with a result succeeded")
		}
		time.Sleep(10 * time.Second)
		mu.Lock()
		if refused != 3 || attempts != 9+5*3 || failed != 5 {
			t.Errorf("%d calls refused, %d attempts, %d failed at last", refused, attempts, failed)
		}
		mu.Unlock()
		if b.Note(bg, "x") != nil {
			t.Error("there is no room afterwards")
		}
		time.Sleep(10 * time.Second)
	})
}
