package rpc

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire/header"
)

// A pool brings messages to a server over connections that calls share.
type pool struct {
	target transport.Target
	sealer *transport.Sealer // of a header dialect, else nil
	proto  protocol.Protocol
	opts   ClientOptions

	scratch scratch

	mu      sync.Mutex
	conns   []*conn
	dialing int
	closed  bool
}

// congested is how long the oldest call on every connection must have waited before another
// connection is opened.
const congested = 2 * time.Millisecond

// dialPool returns a pool with its first connection.
func dialPool(ctx context.Context, t transport.Target, proto protocol.Protocol, opts ClientOptions) (*pool, error) {
	p := &pool{target: t, proto: proto, opts: opts}
	if t.Framing.HasEnvelope() {
		var err error
		if p.sealer, err = transport.NewSealer(t.Framing, header.NewCodec(opts.Transforms...), t.Compression, opts.MaxMessageBytes); err != nil {
			return nil, err
		}
	}
	first, err := p.dial(ctx)
	if err != nil {
		return nil, err
	}
	p.conns = append(p.conns, first)
	return p, nil
}

func (p *pool) dial(ctx context.Context) (*conn, error) {
	ctx, cancel := dialContext(ctx, p.opts)
	defer cancel()
	nc, err := p.target.Dial(ctx, p.opts.TLS)
	if err == nil && p.opts.SASLUser != "" {
		nc, err = negotiate(ctx, nc, p.opts)
	}
	if err != nil {
		return nil, err
	}
	return newConn(nc, p.target.Framing, p.sealer, p.proto, p.opts.MaxMessageBytes, &p.scratch), nil
}

// negotiate runs SASL on nc, and closes it if that fails.
func negotiate(ctx context.Context, nc net.Conn, opts ClientOptions) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { nc.SetDeadline(past) })
	over, err := transport.DialSASL(nc, opts.SASLUser, opts.SASLPassword)
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

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, x := range p.conns {
		x.fail(errClosed)
	}
	p.conns = nil
}

// conn returns a connection, claimed for one more call: an idle one; else a new one where the others
// are congested; else the one with the least to do.
func (p *pool) conn(ctx context.Context, now time.Time) (*conn, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errClosed
	}
	best, busy := p.bestLocked(now)
	if best != nil && (!busy || len(p.conns)+p.dialing >= p.opts.MaxConns) {
		best.claim(now)
		p.mu.Unlock()
		return best, nil
	}
	p.dialing++
	p.mu.Unlock()
	x, err := p.dial(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialing--
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
	p.conns = append(p.conns, x)
	return x, nil
}

// bestLocked drops the connections that are of no use any more and returns the one with the
// fewest calls, nil if there is none, and whether all are congested.
func (p *pool) bestLocked(now time.Time) (best *conn, busy bool) {
	busy = true
	fewest, dead := 0, 0
	for i, x := range p.conns {
		calls, since, ok := x.load()
		if ok && x.stale(now) {
			x.fail(errRetired)
			ok = false
		}
		if !ok {
			p.conns[i] = nil
			dead++
			continue
		}
		if best == nil || calls < fewest {
			best, fewest = x, calls
		}
		if calls == 0 || now.Sub(since) < congested {
			busy = false
		}
	}
	if dead > 0 {
		p.conns = slices.DeleteFunc(p.conns, func(x *conn) bool { return x == nil })
	}
	return best, busy
}

// send sends a message over a connection, and over another one if the first turns out to have
// ended before anything was sent.
func (p *pool) send(ctx context.Context, r request, encode encoder) (response, error) {
	const tries = 3
	for i := 1; ; i++ {
		now := time.Now()
		x, err := p.conn(ctx, now)
		if err != nil {
			return response{}, errNotSent{err}
		}
		reply, err := x.call(ctx, now, r, encode)
		switch {
		case err == nil || !errors.As(err, new(errNotSent)):
			return reply, err
		case ctx.Err() != nil:
			return response{}, errNotSent{ctx.Err()}
		case i >= tries && !errors.Is(err, errRetired):
			return response{}, err
		}
	}
}
