package govern

import (
	"context"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// HedgeOptions say what [Hedge] does. The zero value is right for most.
type HedgeOptions struct {
	// Percentile of the latencies of the method, over the last 10 to 20 seconds, after which a second attempt is made; 0 means 0.95.
	Percentile float64

	// After is the least time before the second attempt, whatever the latencies are; 0 means 1 millisecond.
	After time.Duration

	// MinCalls is how many calls there must have been in that time; 0 means 20. Without them no second attempt is made.
	MinCalls int

	// Budget bounds second attempts; nil is NewBudget(0.02, 0): one of fifty calls has one.
	Budget *Budget

	// Idempotent says which methods may be executed twice; nil is [Idempotent]. No other method has a second attempt.
	Idempotent func(*schema.Method) bool
}

// Hedge returns an interceptor that makes a second attempt, at another instance, when the first one takes longer than most calls of the
// method do. The first answer counts, and the other attempt is cancelled. Only idempotent methods are hedged.
//
// Put it between [Retry] and a [Fleet]. It costs some allocations for each call of an idempotent method.
func Hedge(opts HedgeOptions) rpc.Interceptor {
	if opts.Percentile <= 0 || opts.Percentile >= 1 {
		opts.Percentile = 0.95
	}
	if opts.After <= 0 {
		opts.After = time.Millisecond
	}
	if opts.MinCalls <= 0 {
		opts.MinCalls = 20
	}
	if opts.Budget == nil {
		opts.Budget = NewBudget(0.02, 0)
	}
	if opts.Idempotent == nil {
		opts.Idempotent = Idempotent
	}
	return func(next rpc.Handler) rpc.Handler {
		h := &hedger{opts: opts, next: next, epoch: time.Now()}
		return h.handle
	}
}

type hedger struct {
	opts      HedgeOptions
	next      rpc.Handler
	epoch     time.Time
	latencies sync.Map // *rolling by *schema.Method
}

func (h *hedger) handle(ctx context.Context, call *rpc.Call) error {
	m := call.Method
	if m.Stream != schema.Unary || m.Oneway || !h.opts.Idempotent(m) || isRetry(ctx) {
		return h.next(ctx, call)
	}
	start := time.Now()
	now := int64(start.Sub(h.epoch))
	found, ok := h.latencies.Load(m)
	if !ok {
		found, _ = h.latencies.LoadOrStore(m, new(rolling))
	}
	latencies := found.(*rolling)
	h.opts.Budget.deposit(start)
	after, calls := latencies.percentile(now, h.opts.Percentile)
	after = max(after, h.opts.After)
	if d, ok := ctx.Deadline(); calls < int64(h.opts.MinCalls) || ok && time.Until(d) <= after {
		err := h.next(ctx, call)
		h.observe(latencies, start, err)
		return err
	}
	err := race(ctx, call, h.next, after, 1, func() bool { return h.opts.Budget.withdraw(time.Now()) })
	h.observe(latencies, start, err)
	return err
}

func (h *hedger) observe(latencies *rolling, start time.Time, err error) {
	if rpc.OutcomeOf(err) == rpc.OutcomeExecuted {
		now := time.Now()
		latencies.observe(int64(now.Sub(h.epoch)), now.Sub(start))
	}
}

// Fork returns an interceptor that makes attempts attempts of each idempotent call at once, at different instances if there are enough, and takes the first
// answer. It multiplies the load: for few calls that must be quick. Other methods have one attempt.
func Fork(attempts int, idempotent func(*schema.Method) bool) rpc.Interceptor {
	if idempotent == nil {
		idempotent = Idempotent
	}
	return func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, call *rpc.Call) error {
			if m := call.Method; attempts < 2 || m.Stream != schema.Unary || m.Oneway || !idempotent(m) || isRetry(ctx) {
				return next(ctx, call)
			}
			return race(ctx, call, next, 0, attempts-1, func() bool { return true })
		}
	}
}

// race makes an attempt, and more beside it after a while, if that is allowed then. The first answer counts: an error that is none
// only if no attempt has one.
func race(ctx context.Context, call *rpc.Call, next rpc.Handler, after time.Duration, more int, allowed func() bool) error {
	ctx, cancel := context.WithCancel(withTried(ctx, ""))
	defer cancel()
	type result struct {
		call *rpc.Call
		err  error
	}
	results := make(chan result, 1+more)
	clones := make([]*rpc.Call, 1+more) // now: later the first attempt uses the call
	for i := range clones {
		clones[i] = call.Clone()
	}
	attempt := func(ctx context.Context, c *rpc.Call) {
		go func() { results <- result{c, next(ctx, c)} }()
	}
	attempt(ctx, clones[0])
	pending := 1
	others := func() {
		if allowed() {
			for _, c := range clones[1:] {
				attempt(markRetry(ctx), c)
				pending++
			}
		}
	}
	var later <-chan time.Time
	if after > 0 {
		timer := time.NewTimer(after)
		defer timer.Stop()
		later = timer.C
	} else {
		others() // at once: the first attempt may fail before a timer fires
	}
	unknown := error(nil)
	for {
		select {
		case r := <-results:
			pending--
			switch outcome := rpc.OutcomeOf(r.err); {
			case outcome == rpc.OutcomeExecuted:
				call.Adopt(r.call)
				return r.err
			case outcome == rpc.OutcomeUnknown:
				unknown = r.err
			}
			if pending == 0 {
				call.Adopt(r.call)
				if unknown != nil {
					return unknown // one of them may have been executed
				}
				return r.err
			}
		case <-later:
			others()
		}
	}
}
