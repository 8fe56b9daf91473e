package rpc

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// backoff keeps a client from connecting again and again to a server that is not there. After the second failure in
// a row calls that would have to connect fail at once, for a time that doubles with each further one up to a second, and that is
// longer or shorter by up to half, so that the clients of a server which comes back do not all come at once.
type backoff struct {
	failures int
	until    time.Time
	cause    error
}

const (
	firstBackoff = 10 * time.Millisecond
	mostBackoff  = time.Second
)

// err returns why no connection is to be made now, nil if one may.
func (b *backoff) err(now time.Time) error {
	if wait := b.until.Sub(now); wait > 0 {
		return fmt.Errorf("%w (%d tries; the next one in %v)", b.cause, b.failures, wait.Round(time.Millisecond))
	}
	return nil
}

// tried notes how it went to make a connection for f. That f gave up says nothing about the server.
func (b *backoff) tried(f *flight, err error) {
	now := time.Now()
	switch {
	case err == nil:
		*b = backoff{}
	case f.over(now) == nil:
		b.failures++
		b.cause = err
		if b.failures > 1 {
			wait := min(firstBackoff<<min(b.failures-2, 10), mostBackoff)
			b.until = now.Add(wait/2 + rand.N(wait))
		}
	}
}
