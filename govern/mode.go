package govern

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// A Mode is a policy for calls that fail, by the name that users of Dubbo and rpcx know.
type Mode string

// The modes. All of them respect the outcome of an attempt: none executes a method twice that is not idempotent.
const (
	Failover  Mode = "failover"  // another instance, see [Retry]; the default
	Failfast  Mode = "failfast"  // one attempt
	Failtry   Mode = "failtry"   // the same instance again
	Failsafe  Mode = "failsafe"  // one attempt; a failure is reported, and the call has a zero result: see [Swallow]
	Failback  Mode = "failback"  // void methods succeed, and are made again later: see [Later]
	Forking   Mode = "forking"   // idempotent methods at two instances at once; the first answer counts: see [Fork]
	Broadcast Mode = "broadcast" // all instances; it fails if one does: see [Fleet.Broadcast]
)

// Modes are all modes.
func Modes() []Mode {
	return []Mode{Broadcast, Failback, Failfast, Failover, Failsafe, Failtry, Forking}
}

// ParseMode returns the mode with a name; the error lists the names.
func ParseMode(name string) (Mode, error) {
	if m := Mode(name); slices.Contains(Modes(), m) {
		return m, nil
	}
	return "", fmt.Errorf("unknown mode %q (known: %s)", name, strings.Trim(strings.ReplaceAll(fmt.Sprint(Modes()), " ", ", "), "[]"))
}

// interceptors returns what stands around a fleet in a mode, and the handler of the fleet.
func (m Mode) interceptors(f *Fleet, opts DialOptions) ([]rpc.Interceptor, rpc.Handler, error) {
	report := f.opts.Follow.OnError
	switch m {
	case "", Failover, Failtry:
		opts.Retry.Same = opts.Retry.Same || m == Failtry
		if opts.Config != nil {
			return []rpc.Interceptor{opts.Config.Interceptor(opts.Retry, opts.Hedge)}, f.Handle, nil
		}
		if opts.Retry.Attempts == 1 {
			return nil, f.Handle, nil
		}
		return []rpc.Interceptor{Retry(opts.Retry)}, f.Handle, nil
	case Failfast:
		return nil, f.Handle, nil
	case Failsafe:
		return []rpc.Interceptor{Swallow(report)}, f.Handle, nil
	case Failback:
		return []rpc.Interceptor{Later(LaterOptions{Idempotent: opts.Retry.Idempotent, OnError: report})}, f.Handle, nil
	case Forking:
		return []rpc.Interceptor{Fork(2, opts.Retry.Idempotent)}, f.Handle, nil
	case Broadcast:
		return nil, f.Broadcast, nil
	}
	_, err := ParseMode(string(m))
	return nil, nil, err
}

// Fallback returns an interceptor that asks f when a call failed: f may set a result ([rpc.Call.SetResult]) and return nil, or return
// what the caller is to see. Declared exceptions and cancelled calls pass by. Put it outermost.
func Fallback(f func(ctx context.Context, call *rpc.Call, err error) error) rpc.Interceptor {
	return func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, call *rpc.Call) error {
			err := next(ctx, call)
			if !isFailure(err) {
				return err
			}
			return f(ctx, call, err)
		}
	}
}

// isFailure reports whether err is neither an answer of the method nor the caller's doing.
func isFailure(err error) bool {
	var e *rpc.Error
	return errors.As(err, &e) && e.Code != rpc.CodeCanceled && e.Code != rpc.CodeArgument && e.Code != rpc.CodeClosed
}

// Swallow returns an interceptor by which failed calls succeed with a zero result, for calls that do not matter, such as those that write
// a log. report, if not nil, learns of the failures. Declared exceptions and cancelled calls are not swallowed.
func Swallow(report func(error)) rpc.Interceptor {
	return Fallback(func(_ context.Context, call *rpc.Call, err error) error {
		if report != nil {
			report(fmt.Errorf("govern: swallowed: %w", err))
		}
		return nil
	})
}

// LaterOptions say what [Later] does. The zero value is right for most.
type LaterOptions struct {
	Attempts int           // later ones of each call; 0 means 3
	Pause    time.Duration // before each of them; 0 means 1 second
	Timeout  time.Duration // of each of them; 0 means 10 seconds
	Queue    int           // calls that wait at most, above which calls fail as they do; 0 means 100

	// Idempotent is as in RetryOptions.
	Idempotent func(*schema.Method) bool

	// OnError learns of the calls that failed at last. nil drops them.
	OnError func(error)
}

// Later returns an interceptor by which failed calls of void methods succeed, and are made again later, for notifications that may
// be late: where the outcome and the IDL say that it is safe, see [Retry]. Calls that wait are lost when the program ends.
func Later(opts LaterOptions) rpc.Interceptor {
	if opts.Attempts <= 0 {
		opts.Attempts = 3
	}
	if opts.Pause <= 0 {
		opts.Pause = time.Second
	}
	if opts.Timeout <= 0 {
		opts.Timeout = 10 * time.Second
	}
	if opts.Queue <= 0 {
		opts.Queue = 100
	}
	if opts.Idempotent == nil {
		opts.Idempotent = Idempotent
	}
	if opts.OnError == nil {
		opts.OnError = func(error) {}
	}
	return func(next rpc.Handler) rpc.Handler {
		var waiting atomic.Int64
		var again func(ctx context.Context, call *rpc.Call, left int)
		again = func(ctx context.Context, call *rpc.Call, left int) {
			time.AfterFunc(opts.Pause, func() {
				bounded, cancel := context.WithTimeout(ctx, opts.Timeout)
				err := next(bounded, call)
				cancel()
				if left--; err != nil && left > 0 && mayRepeat(call.Method, err, opts.Idempotent) {
					again(ctx, call, left)
					return
				}
				waiting.Add(-1)
				if err != nil {
					opts.OnError(fmt.Errorf("govern: a call failed for the last time: %w", err))
				}
			})
		}
		return func(ctx context.Context, call *rpc.Call) error {
			if call.Method.Result.Kind != schema.KindVoid || isRetry(ctx) {
				return next(ctx, call)
			}
			err := next(ctx, call)
			if !isFailure(err) || !mayRepeat(call.Method, err, opts.Idempotent) {
				return err
			}
			if waiting.Add(1) > int64(opts.Queue) {
				waiting.Add(-1)
				return err
			}
			again(markRetry(context.WithoutCancel(ctx)), call.Clone(), opts.Attempts)
			return nil
		}
	}
}

// Broadcast makes a call at every instance that is available, at once, and returns when all have answered. It is an [rpc.Handler]. The
// result is that of one of them. If any of them fails, the error is an *rpc.Error that names it and how many failed;
// its outcome is unknown unless no instance can have executed the call.
func (f *Fleet) Broadcast(ctx context.Context, call *rpc.Call) error {
	s := f.set.Load()
	if s == nil { // as a single attempt would wait
		if err := f.first(ctx, false); err != nil {
			return unavailable(call, "there is no list of instances yet: "+err.Error(), err)
		}
		s = f.set.Load()
	}
	switch {
	case s.closed:
		return &rpc.Error{Code: rpc.CodeClosed, Outcome: rpc.OutcomeNotSent, Method: call.Method.String()}
	case len(s.nodes) == 0:
		return unavailable(call, "there are no instances", nil)
	}
	var wg sync.WaitGroup
	clones, errs := make([]*rpc.Call, len(s.nodes)), make([]error, len(s.nodes))
	for i := range s.nodes {
		clones[i] = call.Clone()
	}
	for i, n := range s.nodes {
		if !n.acquire() {
			continue // it was removed meanwhile
		}
		wg.Go(func() {
			defer n.release()
			start := int64(time.Since(f.epoch))
			errs[i] = n.handle(ctx, clones[i])
			f.finished(n, false, start, errs[i])
		})
	}
	wg.Wait()
	failed, first, harmless := 0, -1, true
	for i, err := range errs {
		if err == nil {
			call.Adopt(clones[i])
		}
		if o := rpc.OutcomeOf(err); o != rpc.OutcomeNotSent && o != rpc.OutcomeRefused {
			harmless = false
		}
		if err != nil {
			if failed++; first < 0 {
				first = i
			}
		}
	}
	if failed == 0 {
		return nil
	}
	e := &rpc.Error{Code: rpc.CodeUnknown, Method: call.Method.String(), Cause: errs[first]}
	var inner *rpc.Error
	if errors.As(errs[first], &inner) {
		e.Code = inner.Code
	}
	if harmless {
		e.Outcome = rpc.OutcomeNotSent
	}
	e.Message = fmt.Sprintf("%d of %d instances failed; %s: %v", failed, len(s.nodes), s.nodes[first].in.Load().Addr, errs[first])
	return e
}
