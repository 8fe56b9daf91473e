package govern

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// RetryOptions say what [Retry] does. The zero value is right for most.
type RetryOptions struct {
	// Attempts is how many there are at most, the first one included; 0 means 3, 1 retries nothing.
	Attempts int

	// Backoff is the pause before the second attempt, doubled for each further one up to MaxBackoff, with equal jitter: a random time
	// between half of it and all. 0 means 25 milliseconds and 1 second. A call that was not sent is made again without the first pause.
	Backoff, MaxBackoff time.Duration

	// Budget bounds retries; share one among all layers that retry. nil is NewBudget(0.2, 10).
	Budget *Budget

	// Idempotent says which methods may be executed twice; nil is [Idempotent].
	Idempotent func(*schema.Method) bool

	// Same makes further attempts at the instance of the first one, if that is available.
	Same bool

	// Local keeps the mark of a retry out of the metadata, so that servers further down may retry as well. Without it a retry
	// never retries further down: the mark is the persistent metadata "thriftkit-retry".
	Local bool

	// Random returns the random numbers of the jitter: see FleetOptions.Random.
	Random func() uint64
}

// retryMark is the metadata of attempts that are retries.
const retryMark = "thriftkit-retry"

// Idempotent reports whether the IDL says that m may be executed twice: by one of the annotations thriftkit.idempotent, thriftkit.readonly,
// idempotent and readonly, with the value "true" or none.
func Idempotent(m *schema.Method) bool {
	for _, a := range m.Annotations {
		switch a.Name {
		case "thriftkit.idempotent", "thriftkit.readonly", "idempotent", "readonly":
			return a.Value == "true" || a.Value == "1" || a.Value == ""
		}
	}
	return false
}

// Retry returns an interceptor that retries a call where that is safe:
//
//	outcome    again?
//	not sent   yes, at another instance
//	refused    yes, at another instance
//	unknown    only idempotent methods
//	executed   never: declared exceptions and internal errors are answers
//
// It does not when the budget is used up, when the time left until the deadline is less than the pause and the usual
// latency, when the call came with a retry of the caller, when the server asks for no retry (rpc.PushBack; it may also ask for a longer pause), or when the arguments, the client or the caller are the reason. The error is that of the last attempt.
//
// Put it around a [Fleet], and interceptors that are for each attempt further in.
func Retry(opts RetryOptions) rpc.Interceptor {
	if opts.Attempts == 0 {
		opts.Attempts = 3
	}
	if opts.Backoff <= 0 {
		opts.Backoff = 25 * time.Millisecond
	}
	if opts.MaxBackoff <= 0 {
		opts.MaxBackoff = time.Second
	}
	if opts.Budget == nil {
		opts.Budget = NewBudget(0.2, 10)
	}
	if opts.Idempotent == nil {
		opts.Idempotent = Idempotent
	}
	return func(next rpc.Handler) rpc.Handler {
		r := &retrier{opts: opts, next: next, epoch: time.Now()}
		return r.handle
	}
}

type retrier struct {
	opts  RetryOptions
	next  rpc.Handler
	epoch time.Time
	usual peakEWMA // latency of what succeeds
}

func (r *retrier) handle(ctx context.Context, call *rpc.Call) error {
	start := time.Now()
	r.opts.Budget.deposit(start)
	err := r.next(ctx, call)
	if err == nil {
		now := time.Now()
		r.usual.observe(int64(now.Sub(r.epoch)), int64(now.Sub(start)))
		return nil
	}
	return r.again(ctx, call, err)
}

// again makes further attempts after err.
func (r *retrier) again(ctx context.Context, call *rpc.Call, err error) error {
	if isRetry(ctx) {
		return err
	}
	for attempt := 1; attempt < r.opts.Attempts && r.mayRepeat(call.Method, err); attempt++ {
		pause := r.pause(attempt, err)
		if d, ok := ctx.Deadline(); ok && time.Until(d) <= pause+time.Duration(r.usual.at(int64(time.Since(r.epoch)))) {
			return err
		}
		if !r.opts.Budget.withdraw(time.Now()) {
			return err
		}
		if !sleep(ctx, pause) {
			return err
		}
		if attempt == 1 {
			ctx = withTried(ctx, call.Instance())
			triedOf(ctx).same = r.opts.Same
			if !r.opts.Local {
				ctx = markRetry(ctx)
			}
		}
		if err = r.next(ctx, call); err == nil {
			return nil
		}
	}
	return err
}

// isRetry reports whether ctx is that of a call which came with a retry of its caller.
func isRetry(ctx context.Context) bool { return rpc.Metadata(ctx)[retryMark] != "" }

// markRetry returns a context whose calls are marked as retries.
func markRetry(ctx context.Context) context.Context {
	return rpc.AddPersistentMetadata(ctx, map[string]string{retryMark: "1"})
}

// mayRepeat reports whether a call that returned err may be made again.
func (r *retrier) mayRepeat(m *schema.Method, err error) bool {
	return mayRepeat(m, err, r.opts.Idempotent)
}

func mayRepeat(m *schema.Method, err error, idempotent func(*schema.Method) bool) bool {
	if m.Stream != schema.Unary || errors.Is(err, context.Canceled) {
		return false
	}
	var e *rpc.Error
	if errors.As(err, &e) {
		switch e.Code {
		case rpc.CodeArgument, rpc.CodeClosed, rpc.CodeUnauthenticated, rpc.CodePermissionDenied:
			return false
		}
		if e.RetryAfter < 0 {
			return false
		}
	}
	switch rpc.OutcomeOf(err) {
	case rpc.OutcomeNotSent, rpc.OutcomeRefused:
		return true
	case rpc.OutcomeUnknown:
		return idempotent(m)
	}
	return false
}

// pause returns how long to wait before attempt + 1.
func (r *retrier) pause(attempt int, err error) time.Duration {
	var asked time.Duration
	if e := (*rpc.Error)(nil); errors.As(err, &e) {
		asked = e.RetryAfter
	}
	if rpc.OutcomeOf(err) == rpc.OutcomeNotSent {
		attempt--
	}
	if attempt == 0 {
		return asked
	}
	d := min(r.opts.Backoff<<min(attempt-1, 20), r.opts.MaxBackoff)
	return max(random(r.opts.Random).jitter(d), asked)
}

// sleep waits for d, and reports whether ctx goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// A Budget bounds retries to a share of the calls of the last 10 seconds and a number per second, so that retries never
// multiply the load of servers that fail. It may be shared.
type Budget struct {
	share, reserve int64 // in thousandths of a retry: for each call, and for 10 seconds
	epoch          time.Time
	slots          [budgetSlots]budgetSlot
}

// budgetSlots are the seconds that a Budget looks back.
const budgetSlots = 10

type budgetSlot struct {
	second  atomic.Int64
	balance atomic.Int64
}

// NewBudget returns a budget of ratio retries for each call, and perSecond retries per second besides. Finagle's
// defaults, and those of Retry, are 0.2 and 10.
func NewBudget(ratio float64, perSecond int) *Budget {
	return &Budget{epoch: time.Now(), share: int64(ratio * 1000), reserve: int64(perSecond) * budgetSlots * 1000}
}

// second numbers seconds from 1, so that a slot that was never used is of none.
func (b *Budget) second(now time.Time) int64 { return int64(now.Sub(b.epoch)/time.Second) + 1 }

// slot returns the slot of the second of now, emptied if it was of an earlier one.
func (b *Budget) slot(now time.Time) *budgetSlot {
	second := b.second(now)
	s := &b.slots[second%budgetSlots]
	if old := s.second.Load(); old != second && s.second.CompareAndSwap(old, second) {
		s.balance.Store(0)
	}
	return s
}

func (b *Budget) deposit(now time.Time) { b.slot(now).balance.Add(b.share) }

// withdraw takes one retry, and reports whether there was one.
func (b *Budget) withdraw(now time.Time) bool {
	s := b.slot(now)
	s.balance.Add(-1000)
	if b.left(now) >= 0 {
		return true
	}
	s.balance.Add(1000)
	return false
}

// left returns what the last seconds left.
func (b *Budget) left(now time.Time) int64 {
	second, left := b.second(now), b.reserve
	for i := range b.slots {
		if s := &b.slots[i]; second-s.second.Load() < budgetSlots {
			left += s.balance.Load()
		}
	}
	return left
}
