package clientconn

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
)

// A backoff limits how often a client dials a server that is down. After the second failure in a row,
// calls that would have to dial fail at once, for a time that doubles with each further failure up
// to a second, with a jitter of half, so that the clients of a server which comes back do not all
// come at once.
type backoff struct {
	failures int
	until    time.Time
	cause    error
}

const (
	firstBackoff = 10 * time.Millisecond
	maxBackoff   = time.Second
)

// err returns why no connection is dialled now, nil if one may be. That the server did not answer a dial in time is no timeout
// of the call that is refused for it.
func (b *backoff) err(now time.Time) error {
	wait := b.until.Sub(now)
	if wait <= 0 {
		return nil
	}
	format := "%w (failed %d times; next attempt in %v)"
	if errors.Is(b.cause, context.DeadlineExceeded) || msgio.IsTimeout(b.cause) {
		format = "%v (failed %d times; next attempt in %v)"
	}
	return fmt.Errorf(format, b.cause, b.failures, wait.Round(time.Millisecond))
}

// dialled records the result of dialling for f. That f gave up says nothing about the server.
func (b *backoff) dialled(f *Pending, err error) {
	now := time.Now()
	switch {
	case err == nil:
		*b = backoff{}
	case f.Over(now) == nil:
		b.failures++
		b.cause = err
		if b.failures > 1 {
			wait := min(firstBackoff<<min(b.failures-2, 10), maxBackoff)
			b.until = now.Add(wait/2 + rand.N(wait))
		}
	}
}
