package limit_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/govern/limit"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// TestQueueOrder has calls wait together, and says in which order they begin. A call takes a second.
func TestQueueOrder(t *testing.T) {
	type call struct {
		name     string // its first letter is the caller
		priority rpc.Priority
	}
	const high, normal, low = rpc.PriorityHigh, rpc.PriorityNormal, rpc.PriorityBestEffort
	for _, tt := range []struct {
		about string
		max   int
		calls []call
		want  string // in the order in which they begin
	}{
		{"first come, first served", 9, []call{{"a1", normal}, {"a2", normal}, {"a3", normal}}, "a1 a2 a3"},
		{"callers take turns", 9, []call{{"a1", normal}, {"a2", normal}, {"a3", normal}, {"b1", normal}, {"b2", normal}, {"c1", normal}}, "a1 a2 b1 c1 a3 b2"},
		{"important ones first", 9, []call{{"a1", normal}, {"a2", low}, {"a3", normal}, {"b1", high}, {"a4", high}}, "a1 b1 a4 a3 a2"},
		{"a full queue", 2, []call{{"a1", normal}, {"a2", normal}, {"a3", normal}, {"a4", normal}}, "a1 a2 a3"},
		{"the least important goes", 2, []call{{"a1", normal}, {"a2", low}, {"a3", normal}, {"b1", normal}}, "a1 a3 b1"},
		{"not for one as little important", 2, []call{{"a1", normal}, {"a2", normal}, {"b2", normal}, {"c1", low}}, "a1 a2 b2"},
		{"the last of who has most goes", 3, []call{{"a1", normal}, {"a2", normal}, {"a3", normal}, {"a4", normal}, {"b1", normal}}, "a1 a2 b1 a3"},
		{"not for who has as many", 2, []call{{"a1", normal}, {"a2", normal}, {"b1", normal}, {"a3", normal}, {"b2", normal}, {"c1", normal}}, "a1 a2 b1"},
	} {
		t.Run(tt.about, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(t, limit.QueueOptions{InFlight: 1, MaxQueue: tt.max, Key: "tenant", QueueTime: time.Minute})
				c, svc := serveGate(t, q, new(atomic.Int64))
				var wg sync.WaitGroup
				ends := make(map[time.Duration]string)
				var mu sync.Mutex
				start, refused := time.Now(), 0
				for _, call := range tt.calls {
					ctx := rpc.WithPriority(rpc.AddMetadata(t.Context(), map[string]string{"tenant": call.name[:1]}), call.priority)
					wg.Go(func() {
						_, err := rpc.Invoke[any](ctx, c, svc.Method("buy"))
						mu.Lock()
						defer mu.Unlock()
						if err == nil {
							ends[time.Since(start)] = call.name
							return
						}
						refused++
						var e *rpc.Error
						if !errors.As(err, &e) || e.Code != rpc.CodeOverloaded || e.Outcome != rpc.OutcomeRefused || e.RetryAfter != time.Minute {
							t.Errorf("%s: %+v", call.name, err)
						}
					})
					synctest.Wait()
				}
				wg.Wait()
				var order []string
				for i := range tt.calls {
					if name := ends[time.Duration(i+1)*time.Second]; name != "" {
						order = append(order, name)
					}
				}
				if got := strings.Join(order, " "); got != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
				if s := q.Stats(); s.Refused != int64(refused) || len(order)+refused != len(tt.calls) || s.Running != 0 || s.Waiting != 0 {
					t.Errorf("%d refused, %+v", refused, s)
				}
			})
		})
	}
}

// TestQueueTime has more calls than a server can do, for a while: none waits for longer than it may, and what was refused was not begun.
func TestQueueTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, limit.QueueOptions{InFlight: 100, QueueTime: 400 * time.Millisecond})
		begun := new(atomic.Int64)
		c, svc := serveGate(t, q, begun)
		var wg sync.WaitGroup
		var mu sync.Mutex
		var late []time.Duration // how long refused calls waited after the first second
		var answered int64
		start := time.Now()
		for i := range 1000 { // 200 a second, of which 100 can be done
			due := start.Add(time.Duration(i) * 5 * time.Millisecond)
			time.Sleep(time.Until(due))
			wg.Go(func() {
				_, err := rpc.Invoke[any](t.Context(), c, svc.Method("buy"))
				d := time.Since(due)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					if answered++; d > 1400*time.Millisecond {
						t.Errorf("a call waited for %v", d-time.Second)
					}
				case due.Sub(start) > 3*time.Second:
					late = append(late, d)
				}
			})
		}
		wg.Wait()
		if begun.Load() != answered || answered < 500 || q.Stats().Refused != 1000-answered {
			t.Errorf("%d begun, %d answered, %+v", begun.Load(), answered, q.Stats())
		}
		if len(late) < 100 || slices.Max(late) > 60*time.Millisecond {
			t.Errorf("%d calls were refused in a standing queue, after up to %v", len(late), slices.Max(append(late, 0)))
		}
	})
}

// TestQueueSet changes the settings while calls wait, and has calls whose callers give up.
func TestQueueSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, limit.QueueOptions{InFlight: 1, QueueTime: time.Minute})
		c, svc := serveGate(t, q, new(atomic.Int64))
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if _, err := rpc.Invoke[any](t.Context(), c, svc.Method("buy")); err != nil {
					t.Error(err)
				}
			})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		synctest.Wait()
		if _, _, err := q.Admit(ctx, svc, svc.Method("buy")); err == nil || time.Now().Before(deadlineOf(ctx)) {
			t.Errorf("a caller that gives up: %v", err)
		}
		if s := q.Stats(); s.Running != 1 || s.Waiting != 4 {
			t.Errorf("%+v", s)
		}
		if err := q.Set(limit.QueueOptions{InFlight: 4}); err != nil {
			t.Fatal(err)
		}
		if err := q.Set(limit.QueueOptions{InFlight: -1}); err == nil {
			t.Error("the queue has a limit below 0")
		}
		if s := q.Stats(); s.Running != 4 || s.Waiting != 1 || s.Limit != 4 {
			t.Errorf("%+v", s)
		}
		wg.Wait()
	})
}

func TestQueueOptions(t *testing.T) {
	for _, tt := range []struct {
		opts limit.QueueOptions
		want string
	}{
		{limit.QueueOptions{}, "limit: the queue has no InFlight, and is not Adaptive"},
		{limit.QueueOptions{InFlight: -1}, "limit: a bound of the queue is less than 0"},
		{limit.QueueOptions{InFlight: 1, QueueTime: -1}, "limit: a bound of the queue is less than 0"},
		{limit.QueueOptions{InFlight: 1, MaxInFlight: 9}, "limit: MinInFlight and MaxInFlight are for an Adaptive queue"},
		{limit.QueueOptions{Adaptive: true, MinInFlight: 9, MaxInFlight: 8}, "limit: MinInFlight is more than MaxInFlight"},
	} {
		if _, err := limit.NewQueue(tt.opts); err == nil || err.Error() != tt.want {
			t.Errorf("%+v: %v, want %s", tt.opts, err, tt.want)
		}
	}
	q := newQueue(t, limit.QueueOptions{Adaptive: true, MinInFlight: 50})
	if got := q.Stats().Limit; got != 50 {
		t.Errorf("the adaptive limit begins with %d", got)
	}
}

func newQueue(t *testing.T, opts limit.QueueOptions) *limit.Queue {
	t.Helper()
	q, err := limit.NewQueue(opts)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func deadlineOf(ctx context.Context) time.Time {
	at, _ := ctx.Deadline()
	return at
}

// serveGate returns a client of a shop in this process, whose server has a gate. begun counts its calls.
func serveGate(t *testing.T, gate rpc.Gate, begun *atomic.Int64) (*rpc.Client, *schema.Service) {
	t.Helper()
	svc := &schema.Service{Name: "Shop"}
	for _, name := range []string{"buy", "sell"} {
		svc.Methods = append(svc.Methods, &schema.Method{Name: name, Result: schema.Base(schema.KindVoid), Args: &schema.Struct{Name: name + "_args"}})
	}
	if err := schema.Link(&schema.File{Path: "shop.thrift", Services: []*schema.Service{svc}}); err != nil {
		t.Fatal(err)
	}
	s := rpc.NewServer(rpc.ServerOptions{Gates: []rpc.Gate{gate}})
	t.Cleanup(func() { s.Close() })
	if err := s.Register(svc, shop{begun}); err != nil {
		t.Fatal(err)
	}
	return rpc.NewClient(s.Handle, rpc.ClientOptions{}), svc
}
