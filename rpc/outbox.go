package rpc

import (
	"sync"
	"time"
)

// replyDelay is how long a reply may wait for the calls that arrived together with its own.
const replyDelay = time.Millisecond

// outbox holds replies of a connection until they are written in one go: when no more calls
// have arrived, when there are many bytes, or, because the handler of the next call may take
// long, after replyDelay.
type outbox struct {
	mu    sync.Mutex
	buf   []byte
	timer *time.Timer
	armed bool
	err   error // of a write that the timer made
}

// add puts a reply behind the others.
func (o *outbox) add(reply []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf = append(o.buf, reply...)
}

// flushSoon makes sure that what is there is written within replyDelay, at once if it is much.
func (o *outbox) flushSoon(write func([]byte) error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	const much = 64 << 10
	switch {
	case len(o.buf) == 0 || o.armed:
	case len(o.buf) >= much:
		o.flushLocked(write)
	case o.timer == nil:
		o.timer = time.AfterFunc(replyDelay, func() {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.armed = false
			o.flushLocked(write)
		})
		o.armed = true
	default:
		o.timer.Reset(replyDelay)
		o.armed = true
	}
}

// flush writes what is there. It returns the error of this or an earlier write.
func (o *outbox) flush(write func([]byte) error) error { return o.flushWith(nil, write) }

// flushWith is add and flush, without a copy where reply is alone.
func (o *outbox) flushWith(reply []byte, write func([]byte) error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.buf) == 0 && o.err == nil && len(reply) > 0 {
		o.err = write(reply)
		return o.err
	}
	o.buf = append(o.buf, reply...)
	return o.flushLocked(write)
}

func (o *outbox) flushLocked(write func([]byte) error) error {
	if len(o.buf) > 0 && o.err == nil {
		o.err = write(o.buf)
	}
	const keep = 128 << 10
	if o.buf = o.buf[:0]; cap(o.buf) > keep {
		o.buf = nil
	}
	return o.err
}

// stop ends the timer. A write that it has begun may still be under way.
func (o *outbox) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.timer != nil {
		o.timer.Stop()
	}
}
