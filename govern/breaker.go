package govern

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// ErrBreakerOpen is the cause of the *rpc.Error, with CodeUnavailable and OutcomeNotSent, of a call that a circuit breaker did not
// let through; test with errors.Is.
var ErrBreakerOpen = errors.New("the circuit breaker is open")

// BreakerOptions say when a circuit breaker opens. The zero value is right for most.
type BreakerOptions struct {
	// Ratio of the calls of the last 10 seconds that must fail; 0 means 0.5. What counts as a failure is as for [Fleet].
	Ratio float64

	// MinCalls is how many calls there must have been in that time; 0 means 200.
	MinCalls int

	// OpenTime is how long no call is let through; 0 means 5 seconds. Then one is, which decides.
	OpenTime time.Duration
}

func (opts BreakerOptions) withDefaults() BreakerOptions {
	if opts.Ratio <= 0 {
		opts.Ratio = 0.5
	}
	if opts.MinCalls <= 0 {
		opts.MinCalls = 200
	}
	if opts.OpenTime <= 0 {
		opts.OpenTime = 5 * time.Second
	}
	return opts
}

// Breaker returns an interceptor with a circuit breaker for each method: when many calls of a method fail, its calls fail at once for a
// while, without load for the servers. Put it around [Retry], to count calls, or within, to count attempts. For breakers by instance
// and method see [FleetOptions].Breaker.
func Breaker(opts BreakerOptions) rpc.Interceptor {
	opts = opts.withDefaults()
	return func(next rpc.Handler) rpc.Handler {
		var breakers sync.Map // by *schema.Method
		epoch := time.Now()
		return func(ctx context.Context, call *rpc.Call) error {
			found, ok := breakers.Load(call.Method)
			if !ok {
				found, _ = breakers.LoadOrStore(call.Method, &breaker{opts: &opts, epoch: epoch})
			}
			b := found.(*breaker)
			if !b.allow(time.Now()) {
				return unavailable(call, ErrBreakerOpen.Error(), ErrBreakerOpen)
			}
			err := next(ctx, call)
			b.finished(time.Now(), judge(err))
			return err
		}
	}
}

// A breaker counts the calls of a method.
type breaker struct {
	opts  *BreakerOptions
	epoch time.Time

	mu      sync.Mutex
	seconds [breakerSeconds]struct{ second, ok, bad int64 }
	until   time.Time // it is open until then, and one call is let through after; zero: it is closed
	probing time.Time // when the call was let through; zero: none is under way
}

// breakerSeconds are the seconds that a breaker looks back.
const breakerSeconds = 10

// allow reports whether a call is let through.
func (b *breaker) allow(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.until.IsZero():
		return true
	case now.Before(b.until):
		return false
	case b.probing.IsZero() || now.Sub(b.probing) > b.opts.OpenTime: // a call that is lost must not keep it open
		b.probing = now
		return true
	}
	return false
}

// finished takes the result of a call.
func (b *breaker) finished(now time.Time, v verdict) {
	if v == neutral {
		return
	}
	failed := v != healthy
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.until.IsZero():
		b.countLocked(now, failed)
	case b.probing.IsZero(): // a call from before it opened
	case failed:
		b.openLocked(now)
	default:
		b.until, b.probing = time.Time{}, time.Time{}
		clear(b.seconds[:])
	}
}

func (b *breaker) countLocked(now time.Time, failed bool) {
	second := int64(now.Sub(b.epoch)/time.Second) + 1
	s := &b.seconds[second%breakerSeconds]
	if s.second != second {
		s.second, s.ok, s.bad = second, 0, 0
	}
	if !failed {
		s.ok++
		return
	}
	s.bad++
	var ok, bad int64
	for _, s := range b.seconds {
		if second-s.second < breakerSeconds {
			ok, bad = ok+s.ok, bad+s.bad
		}
	}
	if ok+bad >= int64(b.opts.MinCalls) && float64(bad) >= b.opts.Ratio*float64(ok+bad) {
		b.openLocked(now)
	}
}

func (b *breaker) openLocked(now time.Time) {
	b.until, b.probing = now.Add(b.opts.OpenTime), time.Time{}
}

// closedBreaker returns a node whose breaker lets a call of m through, or nil.
func closedBreaker(s *set, m *schema.Method, opts *BreakerOptions) *Node {
	start, now := randomOf(s.nodes).below(len(s.nodes)), time.Now()
	for i := range s.nodes {
		if n := s.nodes[(start+i)%len(s.nodes)]; n.breaker(m, opts).allow(now) {
			return n
		}
	}
	return nil
}
