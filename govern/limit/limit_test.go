package limit_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/govern/limit"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// shop is a service whose methods take a second.
type shop struct{ begun *atomic.Int64 }

func (s shop) Buy(context.Context) error  { return s.work() }
func (s shop) Sell(context.Context) error { return s.work() }

func (s shop) work() error {
	s.begun.Add(1)
	time.Sleep(time.Second)
	return nil
}

// serve returns a client of a server with the rules, in this process.
func serve(t *testing.T, rules ...limit.Rule) (c *rpc.Client, svc *schema.Service, l *limit.Limiter, begun *atomic.Int64) {
	t.Helper()
	l, err := limit.New(rules...)
	if err != nil {
		t.Fatal(err)
	}
	begun = new(atomic.Int64)
	c, svc = serveGate(t, l, begun)
	return c, svc, l, begun
}

// burst makes n calls of a method at once, by a tenant, and returns how many were answered, and the error of one that was refused.
func burst(t *testing.T, c *rpc.Client, m *schema.Method, tenant string, n int) (answered int64, refusal *rpc.Error) {
	t.Helper()
	var ok atomic.Int64
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			_, err := rpc.Invoke[any](rpc.AddMetadata(t.Context(), map[string]string{"tenant": tenant}), c, m)
			var e *rpc.Error
			switch {
			case err == nil:
				ok.Add(1)
			case errors.As(err, &e) && e.Code == rpc.CodeOverloaded && e.Outcome == rpc.OutcomeRefused:
				mu.Lock()
				refusal = e
				mu.Unlock()
			default:
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	return ok.Load(), refusal
}

func TestLimits(t *testing.T) {
	type step struct {
		method, tenant string
		calls          int
		want           int64
		pause          time.Duration // after it; a burst takes a second already, if any call is answered
	}
	for _, tt := range []struct {
		about string
		rules []limit.Rule
		steps []step
	}{
		{"in flight", []limit.Rule{{Methods: "Shop.buy", InFlight: 3}}, []step{{"buy", "", 10, 3, 0}, {"buy", "", 3, 3, 0}, {"sell", "", 10, 10, 0}}},
		{"rate", []limit.Rule{{Methods: "Shop.*", Rate: 5}}, []step{{"buy", "", 9, 5, 0}, {"sell", "", 9, 5, 0}}},
		{"burst", []limit.Rule{{Methods: "*", Rate: 2, Burst: 6}}, []step{{"buy", "", 9, 6, 0}, {"buy", "", 9, 2, time.Minute}, {"buy", "", 9, 6, 0}}},
		{"by tenant", []limit.Rule{{Methods: "*", InFlight: 2, PerCaller: true, Key: "tenant"}}, []step{{"buy", "a", 100, 2, 0}, {"buy", "b", 2, 2, 0}}},
		{"both", []limit.Rule{{Methods: "*", InFlight: 4}, {Methods: "Shop.b*", InFlight: 9}}, []step{{"buy", "", 8, 4, 0}, {"sell", "", 8, 4, 0}}},
		{"one refuses", []limit.Rule{{Methods: "*", Rate: 5, Burst: 5}, {Methods: "Shop.buy", InFlight: 1}}, []step{{"buy", "", 9, 1, 0}, {"sell", "", 5, 5, 0}}},
		{"none fits", []limit.Rule{{Methods: "Shop.bu", InFlight: 1}, {Methods: "Other.*", InFlight: 1}}, []step{{"buy", "", 8, 8, 0}}},
	} {
		t.Run(tt.about, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, svc, l, begun := serve(t, tt.rules...)
				var calls, answered int64
				for _, s := range tt.steps {
					got, refusal := burst(t, c, svc.Method(s.method), s.tenant, s.calls)
					if got != s.want {
						t.Errorf("%+v: %d were answered", s, got)
					}
					if refusal != nil && refusal.RetryAfter <= 0 {
						t.Errorf("%+v: there is no push-back in %+v", s, refusal)
					}
					calls, answered = calls+int64(s.calls), answered+got
					time.Sleep(s.pause)
				}
				if begun.Load() != answered || l.Refused() != calls-answered {
					t.Errorf("%d of %d calls were answered, %d begun, %d refused", answered, calls, begun.Load(), l.Refused())
				}
			})
		})
	}
}

// TestFairness has one tenant call as fast as it can: another one has its share nonetheless.
func TestFairness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, svc, _, _ := serve(t, limit.Rule{Methods: "*", InFlight: 2, PerCaller: true, Key: "tenant"})
		var wg sync.WaitGroup
		stop := time.Now().Add(time.Minute)
		wg.Go(func() {
			for time.Now().Before(stop) {
				burst(t, c, svc.Method("buy"), "greedy", 20)
			}
		})
		for range 30 {
			if got, _ := burst(t, c, svc.Method("buy"), "modest", 2); got != 2 {
				t.Errorf("%d of 2 calls were answered", got)
			}
		}
		wg.Wait()
	})
}

// TestManyCallers has more callers than are told apart: they cost no more memory, and those above share.
func TestManyCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, svc, _, _ := serve(t, limit.Rule{Methods: "*", Rate: 1, PerCaller: true, Key: "tenant"})
		var answered int64
		var wg sync.WaitGroup
		for i := range limit.MaxCallers + 500 {
			wg.Go(func() {
				got, _ := burst(t, c, svc.Method("buy"), fmt.Sprint(i), 1)
				atomic.AddInt64(&answered, got)
			})
		}
		wg.Wait()
		if answered != limit.MaxCallers+1 {
			t.Errorf("%d were answered, want %d", answered, limit.MaxCallers+1)
		}
		time.Sleep(time.Minute)
		if got, _ := burst(t, c, svc.Method("buy"), "new", 2); got != 1 {
			t.Errorf("after a pause: %d were answered, want 1", got)
		}
	})
}

// TestSet changes rules while calls run.
func TestSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, svc, l, _ := serve(t, limit.Rule{Methods: "*", InFlight: 1})
		if err := l.Set(limit.Rule{Methods: "*", InFlight: 5}); err != nil {
			t.Fatal(err)
		}
		if got, _ := burst(t, c, svc.Method("buy"), "", 9); got != 5 {
			t.Errorf("%d were answered, want 5", got)
		}
		if err := l.Set(limit.Rule{Methods: "*"}); err == nil {
			t.Error("a rule without bounds is accepted")
		}
		if got, _ := burst(t, c, svc.Method("buy"), "", 9); got != 5 {
			t.Errorf("after a mistake %d were answered, want 5", got)
		}
	})
}

func TestMistakes(t *testing.T) {
	for _, tt := range []struct {
		rule limit.Rule
		want string
	}{
		{limit.Rule{InFlight: 1}, `limit: rule 0: want Service.method, Service.* or *, got ""`},
		{limit.Rule{Methods: "buy", InFlight: 1}, `limit: rule 0: want Service.method, Service.* or *, got "buy"`},
		{limit.Rule{Methods: "*.buy", InFlight: 1}, `limit: rule 0: want Service.method, Service.* or *, got "*.buy"`},
		{limit.Rule{Methods: "*"}, "limit: rule 0 bounds neither InFlight nor Rate"},
		{limit.Rule{Methods: "*", InFlight: -1}, "limit: rule 0: a bound is less than 0, or no number"},
		{limit.Rule{Methods: "*", Rate: math.NaN()}, "limit: rule 0: a bound is less than 0, or no number"},
		{limit.Rule{Methods: "*", InFlight: 1, Burst: 1}, "limit: rule 0 has a Burst without a Rate"},
		{limit.Rule{Methods: "*", InFlight: 1, Key: "tenant"}, "limit: rule 0 has a Key, which is for PerCaller"},
	} {
		if _, err := limit.New(tt.rule); err == nil || err.Error() != tt.want {
			t.Errorf("%+v: %v, want %s", tt.rule, err, tt.want)
		}
	}
}

// A server on which reports are few at a time, and no caller begins more than 100 calls in a second.
func ExampleNew() {
	limits, err := limit.New(
		limit.Rule{Methods: "Shop.report", InFlight: 4},
		limit.Rule{Methods: "*", Rate: 100, PerCaller: true},
	)
	if err != nil {
		panic(err)
	}
	server := rpc.NewServer(rpc.ServerOptions{Gates: []rpc.Gate{limits}})
	defer server.Close()
	_, err = limit.New(limit.Rule{Methods: "Shop.report"})
	fmt.Println(err)
	// Output: limit: rule 0 bounds neither InFlight nor Rate
}
