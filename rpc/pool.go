package rpc

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire/header"
)

// A pool brings messages to a server over connections that calls share.
type pool struct {
	target transport.Target
	sealer *msgio.HeaderCodec // of a header dialect, else nil
	proto  protocol.Protocol
	opts   ClientOptions

	scratch   *scratch
	preferred atomic.Pointer[conn] // takes the calls while it is not congested; nil with Exclusive

	ticker   *time.Timer
	nextLook atomic.Int64 // when it runs out, in Unix nanoseconds; 0: it is not set

	mu      sync.Mutex
	conns   []*conn      // that take calls
	all     []*conn      // and those that only end theirs
	idle    []*conn      // with Exclusive: those without a call, the last used one at the end
	queue   []chan *conn // with Exclusive: calls that wait for a connection, nil for the right to dial
	dialing int
	dialed  chan struct{} // closed when dialing has ended while there was no connection; nil if nobody waits for that
	backoff backoff
	closed  bool
}

// congested is how long the oldest call on every connection must have waited before another
// connection is opened.
const congested = 2 * time.Millisecond

// dialPool returns a pool with its first connection.
func dialPool(ctx context.Context, t transport.Target, proto protocol.Protocol, opts ClientOptions, s *scratch) (*pool, error) {
	p := &pool{target: t, proto: proto, opts: opts, scratch: s}
	if t.Framing.HasHeader() {
		var err error
		if p.sealer, err = msgio.NewHeaderCodec(t.Framing, header.NewCodec(opts.Transforms...), t.Compression, opts.MaxMessageBytes); err != nil {
			return nil, err
		}
	}
	first, err := p.dial(ctx)
	if err != nil {
		return nil, err
	}
	p.ticker = time.AfterFunc(time.Hour, p.tick)
	p.ticker.Stop()
	p.addLocked(first)
	if opts.Exclusive {
		p.idle = append(p.idle, first)
	} else {
		p.preferred.Store(first)
	}
	return p, nil
}

func (p *pool) dial(ctx context.Context) (*conn, error) {
	ctx, cancel := dialContext(ctx, p.opts)
	defer cancel()
	nc, err := p.opts.Dialer(ctx, p.target, p.opts.TLS)
	if err == nil && p.opts.SASLUser != "" {
		nc, err = negotiate(ctx, nc, p.opts)
	}
	if err != nil {
		return nil, err
	}
	x := newConn(nc, p.target.Framing, p.sealer, p.proto, p.opts.MaxMessageBytes, p.scratch)
	x.onGuardable, x.onSilence = p.lookAt, p.doubt
	return x, nil
}

// negotiate runs SASL on nc, and closes it if that fails.
func negotiate(ctx context.Context, nc net.Conn, opts ClientOptions) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { nc.SetDeadline(past) })
	over, err := msgio.DialSASL(nc, opts.SASLUser, opts.SASLPassword)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		nc.Close()
	}
	return over, err
}

// dialContext bounds the making of a connection.
func dialContext(ctx context.Context, opts ClientOptions) (context.Context, context.CancelFunc) {
	if opts.DialTimeout > 0 {
		return context.WithTimeout(ctx, opts.DialTimeout)
	}
	return ctx, func() {}
}

func (p *pool) addLocked(x *conn) {
	p.all = append(slices.DeleteFunc(p.all, (*conn).ended), x)
	p.conns = append(p.conns, x)
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, x := range p.all {
		x.fail(errClosed)
	}
	p.all, p.conns, p.idle = nil, nil, nil
	p.preferred.Store(nil)
	for _, waiting := range p.queue {
		waiting <- nil
	}
	p.queue = nil
	p.ticker.Stop()
}

// conn returns a connection, claimed for one more call: the preferred one, as long as it is not
// congested.
func (p *pool) conn(f *flight) (*conn, error) {
	if p.opts.Exclusive {
		return p.exclusive(f)
	}
	if x := p.preferred.Load(); x != nil && x.tryClaim(f.start) {
		return x, nil
	}
	return p.another(f)
}

// another is conn when the preferred connection is not right: an idle one; else a new one where the
// others are congested; else the one with the least to do.
func (p *pool) another(f *flight) (*conn, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errClosed
	}
	now := f.start
	best, busy := p.bestLocked(now)
	wait := p.backoff.err(now)
	if best != nil && (!busy || wait != nil || len(p.conns)+p.dialing >= p.opts.MaxConns) {
		best.claim(now)
		p.preferred.Store(best)
		p.mu.Unlock()
		return best, nil
	}
	if best == nil && p.dialing > 0 { // one connection is enough to begin with
		if p.dialed == nil {
			p.dialed = make(chan struct{})
		}
		dialed := p.dialed
		p.mu.Unlock()
		return p.awaitDialed(f, dialed)
	}
	if best == nil && wait != nil {
		p.mu.Unlock()
		return nil, wait
	}
	p.dialing++
	p.mu.Unlock()
	x, err := p.dialFor(f)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialing--
	p.backoff.tried(f, err)
	if p.dialed != nil {
		close(p.dialed)
		p.dialed = nil
	}
	switch {
	case err != nil && best != nil:
		best.claim(now)
		return best, nil
	case err != nil:
		return nil, err
	case p.closed:
		x.fail(errClosed)
		return nil, errClosed
	}
	x.claim(now)
	p.addLocked(x)
	p.preferred.Store(x)
	return x, nil
}

// awaitDialed is another for a call that finds another one connecting.
func (p *pool) awaitDialed(f *flight, dialed <-chan struct{}) (*conn, error) {
	ctx, cancel := f.context()
	defer cancel()
	select {
	case <-dialed:
		return p.another(f)
	case <-ctx.Done():
		return nil, contextError(ctx)
	}
}

// dialFor makes a connection for f, and gives up when f does.
func (p *pool) dialFor(f *flight) (*conn, error) {
	ctx, cancel := f.context()
	defer cancel()
	return p.dial(ctx)
}

// bestLocked drops the connections that are of no use any more and returns the one with the
// fewest calls, nil if there is none, and whether all are congested.
func (p *pool) bestLocked(now time.Time) (best *conn, busy bool) {
	busy = true
	fewest := 0
	p.conns = slices.DeleteFunc(p.conns, func(x *conn) bool {
		calls, congested, ok := x.load(now)
		if ok && x.stale(now) {
			x.fail(errRetired)
			ok = false
		}
		if !ok {
			return true
		}
		if best == nil || calls < fewest {
			best, fewest = x, calls
		}
		busy = busy && congested
		return false
	})
	return best, busy
}

// exclusive returns a connection for f alone, which release takes back.
func (p *pool) exclusive(f *flight) (*conn, error) {
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, errClosed
		}
		if n := len(p.idle); n > 0 {
			x := p.idle[n-1]
			p.idle = p.idle[:n-1]
			p.mu.Unlock()
			if x.tryClaim(f.start) {
				return x, nil
			}
			if x.stale(f.start) {
				x.fail(errRetired)
			}
			if _, _, ok := x.load(f.start); ok {
				x.claim(f.start)
				return x, nil
			}
			p.drop(x)
			continue
		}
		if len(p.conns)+p.dialing < p.opts.MaxConns {
			if wait := p.backoff.err(f.start); wait != nil {
				p.mu.Unlock()
				return nil, wait
			}
			p.dialing++
			p.mu.Unlock()
			return p.dialExclusive(f)
		}
		waiting := make(chan *conn, 1)
		p.queue = append(p.queue, waiting)
		p.mu.Unlock()
		if x, err := p.await(f, waiting); x != nil || err != nil {
			return x, err
		}
	}
}

// dialExclusive makes a connection for f, for which dialing was counted.
func (p *pool) dialExclusive(f *flight) (*conn, error) {
	x, err := p.dialFor(f)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialing--
	p.backoff.tried(f, err)
	switch {
	case err != nil:
		p.nextLocked(nil)
		return nil, err
	case p.closed:
		x.fail(errClosed)
		return nil, errClosed
	}
	x.claim(f.start)
	p.addLocked(x)
	return x, nil
}

// await waits for a connection that another call gives back; nil means that it is worth while to
// look again.
func (p *pool) await(f *flight, waiting chan *conn) (*conn, error) {
	ctx, cancel := f.context()
	defer cancel()
	select {
	case x := <-waiting:
		if x != nil {
			x.claim(f.start)
		}
		return x, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.queue, waiting); i >= 0 {
		p.queue = slices.Delete(p.queue, i, i+1)
	} else if x := <-waiting; x != nil {
		p.releaseLocked(x)
	} else {
		p.nextLocked(nil)
	}
	return nil, ctx.Err()
}

// release takes back a connection that exclusive returned.
func (p *pool) release(x *conn) {
	if _, _, ok := x.load(time.Time{}); !ok {
		p.drop(x)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.releaseLocked(x)
}

func (p *pool) releaseLocked(x *conn) {
	if !p.nextLocked(x) && !p.closed {
		p.idle = append(p.idle, x)
	}
}

// nextLocked gives x, or with nil the chance to dial, to the call that waits longest, and reports
// whether one does.
func (p *pool) nextLocked(x *conn) bool {
	if len(p.queue) == 0 {
		return false
	}
	p.queue[0] <- x
	p.queue = slices.Delete(p.queue, 0, 1)
	return true
}

// doubt gives up connections that nobody has used since a call began that timed out on a silent one: when the network has lost
// one without a word it has lost them all, and each would cost a call its time.
func (p *pool) doubt(since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, x := range p.conns {
		if x.unproven(since) {
			x.fail(errRetired)
		}
	}
}

// drop takes a connection out that takes no more calls.
func (p *pool) drop(x *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.conns, x); i >= 0 {
		p.conns = slices.Delete(p.conns, i, i+1)
	}
	p.nextLocked(nil)
}

// send sends f over a connection, and over another one if the first turns out to have
// ended before anything was sent.
func (p *pool) send(f *flight) error {
	tries := p.opts.MaxConns + 2 // every connection may be one of a server that has gone
	for i := 1; ; i++ {
		x, err := p.conn(f)
		if err != nil {
			return errNotSent{err}
		}
		err = x.call(f)
		if p.opts.Exclusive {
			p.release(x)
		}
		if err == nil || !errors.As(err, new(errNotSent)) {
			return err
		}
		now := time.Now()
		if over := f.over(now); over != nil {
			return errNotSent{over}
		}
		if i >= tries && !errors.Is(err, errRetired) {
			return err
		}
		f.reset()
		f.start = now
	}
}
