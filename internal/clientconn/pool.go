package clientconn

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/wire"
)

// Options say how a Pool or an HTTP carries calls. All fields but Observer are required.
type Options struct {
	Framing         wire.Framing
	Headers         *msgio.HeaderCodec // of a header dialect, else nil
	Protocol        protocol.Protocol
	Protocols       *protocol.Set // of replies in Headers
	MaxMessageBytes int
	Cookies         http.CookieJar // of HTTP; nil: none
	Gzip            bool           // of HTTP: requests are compressed, and replies asked for that are
	MaxConns        int
	Exclusive       bool          // a connection carries one call at a time
	MaxAge          time.Duration // of a connection, more or less a tenth; 0: none
	MaxIdle         time.Duration // how long a connection may rest; 0: the last one as long as it likes
	Buffers         *msgio.Buffers

	// Dial makes the connection with that number. ctx bounds it.
	Dial func(ctx context.Context, id uint64) (Dialled, error)

	// Observer learns of connections; nil: nobody does.
	Observer Observer
}

// Dialled is a new connection and how it was made.
type Dialled struct {
	net.Conn
	Connect   time.Duration // without the handshake
	Handshake time.Duration // of TLS, 0 without
	TLS       *tls.ConnectionState
}

// An Observer learns of the connections of a client. Any number of goroutines may call it at once.
type Observer interface {
	ConnOpened(id uint64, d Dialled)
	ConnFailed(err error)            // none could be made
	ConnClosed(id uint64, err error) // nil: between two calls, by either side
}

// A Pool carries calls over connections that calls share. It may be used by any number of goroutines.
type Pool struct {
	opts      Options
	preferred atomic.Pointer[Conn] // takes the calls while it is not congested; nil if Exclusive

	checkTimer *time.Timer  // runs checkDeadlines
	nextCheck  atomic.Int64 // when it fires, in Unix nanoseconds; 0: it is not set
	nextUpkeep atomic.Int64 // when the connections are looked after, likewise
	goroutines sync.WaitGroup
	ids        atomic.Uint64

	anyOrder     atomic.Bool  // the server has answered calls out of order
	rtt          atomic.Int64 // the least time that a connection took to make, in nanoseconds; 0: unknown
	lastAnswered atomic.Int64 // the order of the last connection on which a call was answered

	mu      sync.Mutex
	closed  bool
	conns   []*Conn      // open ones
	all     []*Conn      // and those that drain
	dead    []*Conn      // found dead under mu; unlock closes them
	idle    []*Conn      // Exclusive: those without a call, the last used one at the end
	waiting []chan *Conn // Exclusive: calls that wait for a connection; nil sent means dial one
	freed   time.Time    // when freeServer ended a connection with calls
	made    int64        // how many connections there were
	dialing int
	changed chan struct{} // closed when a dial has ended or a method was answered first; nil if nobody waits for that
	backoff backoff

	trial      *trial // nil: there is none
	trialEvery int
	sinceTrial int // calls that seemed to be slow since the last trial
}

// congested is how long the oldest call of a connection must have waited before others avoid it, whatever was expected.
const congested = 2 * time.Millisecond

// NewPool returns a Pool without a connection. The first call dials one, or Connect does.
func NewPool(opts Options) *Pool {
	p := &Pool{opts: opts, trialEvery: trialEvery}
	p.checkTimer = time.AfterFunc(time.Hour, p.checkDeadlines)
	p.checkTimer.Stop()
	return p
}

// Connect makes the first connection.
func (p *Pool) Connect(ctx context.Context) error {
	x, err := p.dial(ctx)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.addLocked(x)
	if p.opts.Exclusive {
		p.idle = append(p.idle, x)
	} else {
		p.preferred.Store(x)
	}
	return nil
}

func (p *Pool) dial(ctx context.Context) (*Conn, error) {
	id := p.ids.Add(1)
	d, err := p.opts.Dial(ctx, id)
	if err != nil {
		if p.opts.Observer != nil {
			p.opts.Observer.ConnFailed(err)
		}
		return nil, err
	}
	if rtt, least := int64(d.Connect), p.rtt.Load(); rtt > 0 && (least == 0 || rtt < least) {
		p.rtt.Store(rtt)
	}
	x := newConn(p, id, d.Conn)
	if p.opts.Observer != nil {
		p.opts.Observer.ConnOpened(x.ID, d)
	}
	return x, nil
}

// connClosed is called when x was closed.
func (p *Pool) connClosed(x *Conn) {
	if p.opts.Observer == nil {
		return
	}
	err := x.err
	if err == errDraining || errors.Is(err, ErrClosed) || errors.Is(err, ErrGoAway) || errors.Is(err, io.EOF) {
		err = nil
	}
	p.opts.Observer.ConnClosed(x.ID, err)
}

func (p *Pool) addLocked(x *Conn) {
	p.all = append(slices.DeleteFunc(p.all, (*Conn).isClosed), x)
	p.conns = append(p.conns, x)
	p.made++
	x.order = p.made
	now := time.Now()
	if p.opts.MaxAge > 0 {
		x.retireAt = now.Add(p.opts.MaxAge - p.opts.MaxAge/10 + rand.N(p.opts.MaxAge/5+1))
		p.upkeepAt(x.retireAt)
	}
	if p.opts.MaxIdle > 0 {
		p.upkeepAt(now.Add(p.opts.MaxIdle))
	}
	if len(p.conns) > 1 {
		p.upkeepAt(now.Add(surplusTimeout))
	}
}

// unlock releases mu and then closes the connections that were found dead.
func (p *Pool) unlock() {
	dead := p.dead
	p.dead = nil
	p.mu.Unlock()
	for _, x := range dead {
		x.failIdle()
	}
}

// run runs f on a goroutine that belongs to the pool. After Close it runs f at once: the connections
// are closed, or about to be.
func (p *Pool) run(f func()) {
	p.mu.Lock()
	closed := p.closed
	if !closed {
		p.goroutines.Add(1)
	}
	p.mu.Unlock()
	if closed {
		f()
		return
	}
	go func() {
		defer p.goroutines.Done()
		f()
	}()
}

// Close closes all connections, and waits for the goroutines that write. Pending calls fail with
// ErrClosed.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	all := p.all
	p.all, p.conns, p.idle = nil, nil, nil
	p.preferred.Store(nil)
	for _, w := range p.waiting {
		w <- nil
	}
	p.waiting = nil
	p.checkTimer.Stop()
	p.mu.Unlock()
	for _, x := range all {
		x.fail(ErrClosed)
	}
	p.goroutines.Wait()
}

// Call sends f and waits for its reply; for none if f is oneway. A call that was not sent because its
// connection had ended goes over another one. The error is one of this package's, the context's,
// or what the connection said.
func (p *Pool) Call(f *Pending) error {
	tries := p.opts.MaxConns + 2 // every connection may be one of a server that has gone
	for i := 1; ; i++ {
		x, err := p.conn(f)
		if err != nil {
			return &NotSentError{err}
		}
		err = x.call(f)
		if p.opts.Exclusive {
			p.release(x)
		}
		if err == nil || !notSent(err) {
			return err
		}
		now := time.Now()
		if over := f.Over(now); over != nil {
			return &NotSentError{over}
		}
		if i >= tries && !errors.Is(err, errDraining) {
			return err
		}
		f.reset()
		f.start = now
	}
}

// conn returns a connection, reserved for f: the preferred one, as long as f may share it.
func (p *Pool) conn(f *Pending) (*Conn, error) {
	f.expect()
	if p.opts.Exclusive {
		return p.exclusive(f)
	}
	if x := p.preferred.Load(); x != nil && x.tryReserve(f) {
		return x, nil
	}
	return p.another(f)
}

// another is conn when the preferred connection is not right: an idle one, or another that f may share; else a new one;
// else, at the limit, the one that is expected to be free first.
func (p *Pool) another(f *Pending) (*Conn, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	if x := p.joinTrialLocked(f); x != nil {
		x.reserve(f)
		p.unlock()
		return x, nil
	}
	best, load := p.bestLocked(f)
	refused := p.backoff.err(f.start)
	full := len(p.conns)+p.dialing >= p.opts.MaxConns
	switch {
	case best == nil && refused != nil:
		p.unlock()
		return nil, refused
	case best != nil && (load.shares || refused != nil || full && !p.waitsLocked(f, load)):
		best.reserve(f)
		p.preferred.Store(best)
		p.unlock()
		return best, nil
	case full || p.waitsLocked(f, load):
		changed := p.changedLocked()
		p.unlock()
		return p.awaitChange(f, changed)
	}
	p.dialing++
	p.unlock()
	x, err := p.dialFor(f)
	p.mu.Lock()
	p.dialing--
	p.backoff.dialled(f, err)
	p.wakeWaitingLocked()
	switch {
	case err != nil && best != nil:
		best.reserve(f)
		p.mu.Unlock()
		return best, nil
	case err != nil:
		p.mu.Unlock()
		return nil, err
	case p.closed:
		p.mu.Unlock()
		x.fail(ErrClosed)
		return nil, ErrClosed
	}
	f.start = time.Now()
	x.reserve(f)
	p.addLocked(x)
	p.preferred.Store(x)
	p.mu.Unlock()
	return x, nil
}

// waitsLocked reports whether f, which should not share a connection with l, had better wait for what comes of the connections
// that are being made.
func (p *Pool) waitsLocked(f *Pending, l load) bool {
	switch {
	case p.dialing == 0:
		return false
	case len(p.conns)+p.dialing >= p.opts.MaxConns: // the new ones will have fewer calls
		return l.calls != 1
	case len(p.conns) == 0 && f.speed == isQuick: // one is enough to begin with
		return true
	}
	// A first reply may show that one is enough: so not all calls dial at once, but twice as many each time.
	return p.dialing >= max(firstDials, len(p.conns))
}

// firstDials is how many connections are made at once in the beginning.
const firstDials = 4

// changedLocked returns a channel that is closed by wakeWaiting.
func (p *Pool) changedLocked() <-chan struct{} {
	if p.changed == nil {
		p.changed = make(chan struct{})
	}
	return p.changed
}

// wakeWaiting lets the calls look again that wait for others to dial.
func (p *Pool) wakeWaiting() {
	p.mu.Lock()
	p.wakeWaitingLocked()
	p.mu.Unlock()
}

func (p *Pool) wakeWaitingLocked() {
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// awaitChange is another for a call that waits for others to dial.
func (p *Pool) awaitChange(f *Pending, changed <-chan struct{}) (*Conn, error) {
	ctx, cancel := f.context()
	defer cancel()
	select {
	case <-changed:
		f.start = time.Now()
		return p.conn(f)
	case <-ctx.Done():
		return nil, contextError(ctx)
	}
}

// dialFor makes a connection for f, and gives up when f does.
func (p *Pool) dialFor(f *Pending) (*Conn, error) {
	ctx, cancel := f.context()
	defer cancel()
	return p.dial(ctx)
}

// bestLocked drops the connections that take no calls any more and returns the best one for f, nil if there is none.
func (p *Pool) bestLocked(f *Pending) (best *Conn, of load) {
	for {
		best = nil
		p.conns = slices.DeleteFunc(p.conns, func(x *Conn) bool {
			l, ok := x.load(f)
			if ok && (best == nil || l.less(of)) {
				best, of = x, l
			}
			return !ok
		})
		if best == nil || !best.stale(f.start) {
			return best, of
		}
		p.dead = append(p.dead, best)
		p.conns = slices.DeleteFunc(p.conns, func(x *Conn) bool { return x == best })
	}
}

// suspect gives up the idle connections that have shown no life in the later half of the time that a call waited which timed
// out on a silent one: when the network has lost one without a word it has lost them all, at some moment of that time, and
// each would cost a call its time.
func (p *Pool) suspect(since time.Time) {
	now := time.Now()
	half := since.Add(now.Sub(since) / 2)
	p.mu.Lock()
	defer p.unlock()
	for _, x := range p.conns {
		if used, ok := x.usedLast(now); ok && used.Before(half) {
			p.dead = append(p.dead, x)
		}
	}
}
