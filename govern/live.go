package govern

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// A LiveConfig is a [Config] that may be replaced while calls are made: those that are under way end as they began, and those that
// begin later go by the new one. What a new one does not change goes on: budgets, latencies and circuit breakers are kept. Any number of
// clients may share one: see [DialOptions].Config.
type LiveConfig struct {
	current atomic.Pointer[Config]

	mu      sync.Mutex
	status  ConfigStatus
	budgets map[budgetKey]*Budget

	cancel context.CancelFunc // of what OpenConfig began
	done   chan struct{}
}

// A ConfigStatus is what a LiveConfig knows of its configuration.
type ConfigStatus struct {
	Applied  int       // how many configurations were applied
	At       time.Time // when the one that holds was applied
	Err      error     // why the last one that came was refused, or the source failed; nil: the last one holds
	FailedAt time.Time // when Err came
}

// NewLiveConfig returns a LiveConfig that begins with c; nil says nothing.
func NewLiveConfig(c *Config) *LiveConfig {
	l := &LiveConfig{budgets: make(map[budgetKey]*Budget)}
	if c == nil {
		c = &Config{}
	}
	l.Set(c)
	return l
}

// OpenConfig returns a LiveConfig of what src reports, and goes on with what it reports later, until Close. It waits for the first
// document; if that is wrong, or does not come before ctx ends or the source fails, that is the error. A later one that is wrong is refused as a
// whole: the one before stays, onError, if not nil, learns why, and so does Status.
func OpenConfig(ctx context.Context, src discovery.Source, onError func(error)) (*LiveConfig, error) {
	following, cancel := context.WithCancel(context.Background())
	l := NewLiveConfig(nil)
	l.cancel, l.done = cancel, make(chan struct{})
	first := make(chan error, 1)
	go func() {
		defer close(l.done)
		l.follow(following, src, func(err error) {
			select {
			case first <- err:
			default:
			}
			if err != nil && onError != nil && l.Status().Applied > 1 {
				onError(err)
			}
		})
	}()
	var err error
	select {
	case err = <-first:
	case <-ctx.Done():
		err = fmt.Errorf("no configuration from %s: %w", sourceName(src), ctx.Err())
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Close ends what OpenConfig began. The configuration stays.
func (l *LiveConfig) Close() error {
	if l.cancel != nil {
		l.cancel()
		<-l.done
	}
	return nil
}

// Set makes c the configuration.
func (l *LiveConfig) Set(c *Config) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.current.Store(c)
	l.status.Applied++
	l.status.At, l.status.Err = time.Now(), nil
}

// Config returns the configuration that holds.
func (l *LiveConfig) Config() *Config { return l.current.Load() }

// Status says which configuration holds since when, and what was refused since.
func (l *LiveConfig) Status() ConfigStatus {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status
}

// Follow applies what src reports, until ctx ends. A document that is wrong is refused as a whole: the one before stays. onError, if not
// nil, learns of that, and of failures of src; so does Status.
func (l *LiveConfig) Follow(ctx context.Context, src discovery.Source, onError func(error)) {
	l.follow(ctx, src, func(err error) {
		if err != nil && onError != nil {
			onError(err)
		}
	})
}

// follow reports what came of each document, and the failures of src.
func (l *LiveConfig) follow(ctx context.Context, src discovery.Source, came func(error)) {
	failed := func(err error) {
		l.mu.Lock()
		l.status.Err, l.status.FailedAt = err, time.Now()
		l.mu.Unlock()
		came(err)
	}
	discovery.FollowSource(ctx, src, failed, func(text []byte) {
		if text == nil {
			failed(fmt.Errorf("%s: there is no configuration", sourceName(src)))
			return
		}
		c, err := ParseConfig(text)
		if err != nil {
			failed(configErrorAt(sourceName(src), err))
			return
		}
		l.Set(c)
		came(nil)
	})
}

func sourceName(src discovery.Source) string {
	if s, ok := src.(fmt.Stringer); ok {
		return s.String()
	}
	return "the configuration"
}

func (l *LiveConfig) settings(call *rpc.Call) *settings {
	return l.current.Load().settingsOf(call.Service, call.Method)
}

// budget returns the budget of a key; nil is base.
func (l *LiveConfig) budget(key *budgetKey, base *Budget) *Budget {
	if key == nil {
		return base
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.budgets[*key]
	if b == nil {
		b = NewBudget(key.ratio, key.perSecond)
		l.budgets[*key] = b
	}
	return b
}

// Interceptor returns what makes calls by the time-outs, retries and hedging of the configuration. What that does not say is as in retry and
// hedge, of which nil does not hedge. The rest of the configuration is for [FleetOptions].Config; [Dial] joins both.
func (l *LiveConfig) Interceptor(retry RetryOptions, hedge *HedgeOptions) rpc.Interceptor {
	if retry.Budget == nil {
		retry.Budget = NewBudget(0.2, 10)
	}
	hedging := hedge != nil
	if !hedging {
		hedge = &HedgeOptions{}
	}
	base := *hedge
	if base.Budget == nil {
		base.Budget = NewBudget(0.02, 0)
	}
	return func(next rpc.Handler) rpc.Handler {
		return (&chains{live: l, retry: retry, hedge: base, hedging: hedging, next: next}).handle
	}
}

// chains are what the calls of each method pass through.
type chains struct {
	live    *LiveConfig
	retry   RetryOptions
	hedge   HedgeOptions
	hedging bool
	next    rpc.Handler
	made    sync.Map // *sync.Map of *chain by *schema.Method, by *schema.Service
}

type chain struct {
	of     *settings
	handle rpc.Handler
}

func (c *chains) handle(ctx context.Context, call *rpc.Call) error {
	s := c.live.settings(call)
	methods, ok := c.made.Load(call.Service)
	if !ok {
		methods, _ = c.made.LoadOrStore(call.Service, new(sync.Map))
	}
	found, ok := methods.(*sync.Map).Load(call.Method)
	if !ok || found.(*chain).of != s {
		x := &chain{of: s}
		if ok && reflect.DeepEqual(found.(*chain).of.chainSettings, s.chainSettings) {
			x.handle = found.(*chain).handle
		} else {
			x.handle = c.build(s)
		}
		if ok {
			methods.(*sync.Map).CompareAndSwap(call.Method, found, x)
		} else if other, loaded := methods.(*sync.Map).LoadOrStore(call.Method, x); loaded && other.(*chain).of == s {
			x = other.(*chain)
		}
		found = x
	}
	return found.(*chain).handle(ctx, call)
}

// build returns what calls with the settings s pass through.
func (c *chains) build(s *settings) rpc.Handler {
	retry, hedge, hedging := c.retry, c.hedge, c.hedging
	if b := s.idempotent; b != nil {
		f := func(*schema.Method) bool { return *b }
		retry.Idempotent, hedge.Idempotent = f, f
	}
	if r := s.retry; r != nil {
		replace(&retry.Attempts, r.attempts)
		replace(&retry.Backoff, r.backoff)
		replace(&retry.MaxBackoff, r.maxBackoff)
		retry.Budget = c.live.budget(r.budget, retry.Budget)
		if r.off {
			retry.Attempts = 1
		}
	}
	if h := s.hedge; h != nil {
		hedging = !h.off
		replace(&hedge.Percentile, h.percentile)
		replace(&hedge.After, h.after)
		replace(&hedge.MinCalls, h.minCalls)
		hedge.Budget = c.live.budget(h.budget, hedge.Budget)
	}
	h := within(c.next, s.attemptTimeout)
	if hedging {
		h = Hedge(hedge)(h)
	}
	if retry.Attempts != 1 {
		h = Retry(retry)(h)
	}
	return within(h, s.timeout)
}

func replace[T comparable](v *T, by T) {
	if zero := *new(T); by != zero {
		*v = by
	}
}

// within bounds the calls of h, but for streams; 0 bounds nothing.
func within(h rpc.Handler, d time.Duration) rpc.Handler {
	if d <= 0 {
		return h
	}
	return func(ctx context.Context, call *rpc.Call) error {
		if call.Method.Stream != schema.Unary {
			return h(ctx, call)
		}
		ctx, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		return h(ctx, call)
	}
}
