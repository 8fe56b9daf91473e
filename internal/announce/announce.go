// Package announce has what announces instances in registries that forget them unless they are renewed: a [Lease], and metadata for properties that a
// registry has no place for.
package announce

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// ErrUnknown is what Renew returns for what the registry does not have any more: it is put again.
var ErrUnknown = errors.New("the registry has lost it")

// requestTimeout bounds each request.
const requestTimeout = 5 * time.Second

// Options say how something is kept.
type Options struct {
	Put    func(ctx context.Context) error
	Renew  func(ctx context.Context) error
	Remove func(ctx context.Context) error
	Every  time.Duration // how often it is renewed
	// OnError learns of failures after which it goes on; it must not be nil.
	OnError func(error)
}

// A Lease is something that is kept.
type Lease struct {
	opts    Options
	cancel  context.CancelFunc
	running sync.WaitGroup

	put  bool // of the goroutine that runs, until that has ended
	last error
}

// Start keeps something until [Lease.Deregister]. It returns when the registry has it, or an error when ctx ends before.
func Start(ctx context.Context, opts Options) (*Lease, error) {
	keeping, cancel := context.WithCancel(context.Background())
	l := &Lease{opts: opts, cancel: cancel}
	first := make(chan struct{})
	l.running.Go(func() { l.run(keeping, sync.OnceFunc(func() { close(first) })) })
	select {
	case <-first:
		return l, nil
	case <-ctx.Done():
		l.Deregister(context.WithoutCancel(ctx))
		if l.last != nil {
			return nil, fmt.Errorf("%w: %w", ctx.Err(), l.last)
		}
		return nil, ctx.Err()
	}
}

// run puts it, and again whenever the registry has lost it, until ctx ends.
func (l *Lease) run(ctx context.Context, done func()) {
	const firstPause, longPause = 100 * time.Millisecond, 5 * time.Second
	for pause := firstPause; ctx.Err() == nil; {
		err := bounded(ctx, l.opts.Put)
		if err == nil {
			l.put, pause = true, firstPause
			done()
			err = l.renew(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		l.last = err
		wait := pause/2 + rand.N(pause/2)
		l.opts.OnError(fmt.Errorf("%w (registering again in %s)", err, wait.Round(time.Millisecond)))
		pause = min(2*pause, longPause)
		sleep(ctx, wait)
	}
}

// renew renews it until the registry has lost it or ctx ends.
func (l *Lease) renew(ctx context.Context) error {
	for {
		if sleep(ctx, l.opts.Every) != nil {
			return ctx.Err()
		}
		err := bounded(ctx, l.opts.Renew)
		if errors.Is(err, ErrUnknown) {
			return err
		}
		if err != nil && ctx.Err() == nil {
			l.opts.OnError(err)
		}
	}
}

// Deregister ends it. After an error the registry has it until its time ends.
func (l *Lease) Deregister(ctx context.Context) error {
	l.cancel()
	l.running.Wait()
	if !l.put {
		return nil
	}
	if err := bounded(ctx, l.opts.Remove); err != nil {
		return err
	}
	l.put = false
	return nil
}

func bounded(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return f(ctx)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
