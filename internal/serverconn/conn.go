package serverconn

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
)

// A Group is what the connections of one server share. Its fields are set before the first New.
type Group struct {
	MaxMessageBytes int
	MaxCalls        int // of one connection under way at once, replies that wait for others included; not above 0: no bound

	IdleTimeout, ReadTimeout, WriteTimeout time.Duration // 0: none

	// WaitGroup counts connections and the watchdog. It must not be 0 when New is called.
	WaitGroup *sync.WaitGroup

	// Budget bounds what the connections hold together of messages that have not come whole; nil: nothing does.
	Budget *msgio.Budget

	watchdog watchdog
	buffers  msgio.Buffers // for replies
}

// An Owner is notified of the errors of a Conn.
type Owner interface {
	// Failed is called with an error that ends the connection, except for the ways in which connections end.
	Failed(err error)

	// Gone is called when the peer has ended the connection, while calls may be under way whose replies nobody reads. Any
	// goroutine may call it, and more than once.
	Gone()

	// Closed is called last, once. err is the first one that Failed was called with, or nil.
	Closed(err error)
}

// A Codec decodes the messages of one connection and encodes replies.
type Codec interface {
	NewCall() Call

	// Refuse returns a call that is answered with err, for a message that cannot be read to its end: head is what has come of
	// it. It returns nil if that does not tell which call it is, or nobody waits for an answer. The connection ends then.
	Refuse(head []byte, err error) Call

	// GoAway returns the message by which the server says that the connection ends between two messages;
	// nil if the peer knows no such message.
	GoAway() []byte
}

// A Call is one call of a connection. It is used for one after the other: Decode begins each.
type Call interface {
	// Decode reads the message. The connection ends if it fails.
	Decode(msg []byte) error

	// Slow counts how often the method may still be quick until it counts as quick again. It is nil for a
	// call that runs no handler.
	Slow() *atomic.Int32

	Execute()

	// AppendReply appends the reply, as it goes over the connection; nothing for a oneway call. If it fails
	// the connection ends after what was appended before.
	AppendReply(dst []byte) ([]byte, error)
}

// A Conn is one connection of a server. What belongs together is apart: the reading, the handler that runs in place, the writing;
// mu guards the rest, which goroutines share.
type Conn struct {
	// MayRest is whether the peer is between two messages when nothing of one has arrived, and not in the
	// middle of a handshake. It is for the goroutine that reads.
	MayRest bool

	group *Group
	owner Owner
	codec Codec

	nc    net.Conn                 // below TLS
	out   net.Conn                 // what the calls come over: nc, or what lies above it: TLS, zlib, SASL
	in    atomic.Pointer[net.Conn] // the same, for Drain
	state atomic.Int32             // a connState

	read  readHalf
	run   running
	write writeHalf

	mu       sync.Mutex
	users    int // goroutines that serve the connection: the last one closes it
	queue    replyQueue
	capacity sync.Cond // calls under way have become fewer
	cause    error     // why it ends
}

// A readHalf is what the goroutine that reads has.
type readHalf struct {
	r       *msgio.Reader
	begun   atomic.Bool // a message has come
	follows bool        // see Follows
	lingers bool        // the last reply was to a message that was not read to its end
	bound   TimeBound
}

// running is which handler runs on the goroutine that reads, for the watchdog.
type running struct {
	// turn is odd while a handler runs, and changes when it starts and when it returns. When the watchdog changes it
	// meanwhile, that goroutine no longer reads.
	turn      atomic.Uint32
	slow      *atomic.Int32 // of the method that runs then
	watched   atomic.Bool
	lastTurn  uint32 // of the watchdog
	idleTicks int    // of the watchdog
}

// A writeHalf is what is to be written, and what was.
type writeHalf struct {
	// Replies that are to be written, in one of the group's buffers; of the goroutine that reads.
	replies []byte
	buf     *[]byte

	mu    sync.Mutex // before the connection's
	bound TimeBound
	err   error
}

// A connState is a state of a Conn; see the package comment.
type connState int32

const (
	connOpen connState = iota
	connDraining
	connGoingAway
	connClosed
)

// is reports whether the connection is in the state s or a later one.
func (c *Conn) is(s connState) bool { return connState(c.state.Load()) >= s }

// enter makes the connection enter the state s, unless it is in a later one.
func (c *Conn) enter(s connState) {
	for {
		now := c.state.Load()
		if connState(now) >= s || c.state.CompareAndSwap(now, int32(s)) {
			return
		}
	}
}

// New returns a Conn over nc. The goroutine that calls Serve or Leave next has it.
func New(g *Group, nc net.Conn, owner Owner) *Conn {
	c := &Conn{group: g, owner: owner, nc: nc, out: nc, users: 1}
	c.capacity.L = &c.mu
	c.queue.ordered = true
	c.in.Store(&nc)
	c.read.r = msgio.NewReader(nc, g.MaxMessageBytes)
	c.read.r.Charge(g.Budget.NewAccount(c.failAsync))
	g.WaitGroup.Add(1)
	return c
}

// NetConn returns the connection below TLS.
func (c *Conn) NetConn() net.Conn { return c.nc }

// Upper returns what calls come over: the connection, or what lies above it.
func (c *Conn) Upper() net.Conn { return c.out }

// Reader returns what calls are read from.
func (c *Conn) Reader() *msgio.Reader { return c.read.r }

// Over makes the connection go on over nc, which has what was read and not used. Read deadlines are set
// on nc from then on: one that passes below would end a stream of zlib.
func (c *Conn) Over(nc net.Conn) {
	c.out = nc
	c.in.Store(&nc)
	c.nc.SetReadDeadline(time.Time{})
	if c.read.bound = (TimeBound{}); c.is(connDraining) {
		c.Cut()
	}
	c.read.r.Discharge()
	c.read.r = msgio.NewReader(nc, c.group.MaxMessageBytes)
	c.read.r.Charge(c.group.Budget.NewAccount(c.failAsync))
}

// AcceptAnyOrder says that the peer accepts replies in any order. It is for the first Decode.
func (c *Conn) AcceptAnyOrder() { c.queue.ordered = false }

// KeepOrder takes AcceptAnyOrder back. It waits for the calls that are under way, and is for Decode.
func (c *Conn) KeepOrder() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.queue.calls > 0 && !c.queue.broken {
		c.mu.Unlock()
		c.flush()
		c.mu.Lock()
		if c.queue.calls > 0 && !c.queue.broken {
			c.capacity.Wait()
		}
	}
	c.queue.ordered = true
}

// Drain makes the connection drain. Cut ends the reading.
func (c *Conn) Drain() { c.enter(connDraining) }

// IsDraining reports whether the connection drains.
func (c *Conn) IsDraining() bool { return c.is(connDraining) }

// Close closes the connection below whoever has it: pending reads and writes fail.
func (c *Conn) Close() { c.nc.Close() }

// Cut ends the reading of a connection that drains: at once, but the first call of a new one may arrive.
func (c *Conn) Cut() {
	if c.read.begun.Load() {
		c.top().SetReadDeadline(past)
	} else {
		c.top().SetReadDeadline(time.Now().Add(lingering))
	}
}

// Uncut takes back what Cut or SetReadDeadline did, for who reads in other ways.
func (c *Conn) Uncut() { c.top().SetReadDeadline(time.Time{}) }

// top returns the connection on which read deadlines are set.
func (c *Conn) top() net.Conn { return *c.in.Load() }

// past is a deadline that ends a read at once.
var past = time.Unix(1, 0)

// SetReadDeadline bounds the next read, unless the connection drains. Drain may come at any
// point: whichever of the two is later sees what the other did.
func (c *Conn) SetReadDeadline(d time.Duration) {
	now := time.Now()
	if c.is(connDraining) || c.read.bound.Holds(now, d) {
		return
	}
	c.top().SetReadDeadline(c.read.bound.Set(now, d))
	if c.is(connDraining) {
		c.Cut()
	}
}

// A TimeBound remembers a deadline, so that it need not be set anew for every message: one that
// is short by an eighth of its time will do.
type TimeBound struct {
	at time.Time
	d  time.Duration
}

// Holds reports whether the deadline that was set last will do for one of d from now.
func (t *TimeBound) Holds(now time.Time, d time.Duration) bool {
	return !t.at.IsZero() && t.d == d && (d == 0 || now.Sub(t.at) <= d/8)
}

// Set returns the deadline d from now; none if d is 0.
func (t *TimeBound) Set(now time.Time, d time.Duration) (deadline time.Time) {
	t.at, t.d = now, d
	if d > 0 {
		deadline = now.Add(d)
	}
	return deadline
}

// Serve replies to calls until the connection ends or another goroutine reads it. The caller leaves it
// by that.
func (c *Conn) Serve(codec Codec) {
	c.codec = codec
	c.serve()
}

func (c *Conn) serve() {
	returned := false
	defer func() { c.quit(returned) }()
	if offloaded, err := c.loop(); !offloaded {
		if c.endsByServer(err) {
			c.enter(connGoingAway)
		} else if endedByPeer(err) {
			c.owner.Gone()
		}
		c.Fail(err)
	}
	returned = true
}

// quit is Leave for a goroutine that runs handlers. One that has not returned has ended its goroutine
// (runtime.Goexit): there is no reply, so the connection ends.
func (c *Conn) quit(returned bool) {
	if !returned {
		c.nc.Close()
		c.mu.Lock()
		c.queue.broken = true
		c.capacity.Broadcast()
		c.mu.Unlock()
	}
	c.Leave()
}

// Fail notes and reports why the connection ends, unless err is how connections end.
func (c *Conn) Fail(err error) {
	if c.endsQuietly(err) {
		return
	}
	c.mu.Lock()
	if c.cause == nil {
		c.cause = err
	}
	c.mu.Unlock()
	c.owner.Failed(err)
}

// Leave closes the connection when no other goroutine serves it: then all calls have their replies.
func (c *Conn) Leave() {
	c.mu.Lock()
	c.users--
	last := c.users == 0
	c.mu.Unlock()
	if !last {
		return
	}
	c.read.r.Discharge()
	switch goesAway := c.codec != nil && connState(c.state.Load()) == connGoingAway; {
	case (goesAway || c.read.lingers) && c.sendGoAway():
	case c.read.lingers:
		c.linger()
	}
	c.enter(connClosed)
	c.out.Close() // first: TLS says that the stream ends, so that nobody need take it for cut off
	c.nc.Close()
	c.mu.Lock()
	cause := c.cause // others than those that serve it may set it, see failAsync
	c.mu.Unlock()
	c.owner.Closed(cause)
	c.group.WaitGroup.Done()
}

// endsQuietly reports whether err is how connections end: closed between messages by either
// side, or idle for too long.
func (c *Conn) endsQuietly(err error) bool {
	between := c.MayRest && c.read.r.Unread() == 0 && (errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ECONNRESET))
	return between || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed)
}

// endedByPeer reports whether err says that the peer has closed the connection, or that it was lost.
func endedByPeer(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// endsByServer reports whether the connection ends because the server wants it to, and not in the middle of
// anything. Other errors may be those of a reply, to a call that was begun.
func (c *Conn) endsByServer(err error) bool {
	return msgio.IsTimeout(err) && (c.is(connDraining) || c.MayRest && c.read.r.Unread() == 0)
}

// lingering is how long a connection reads on, to no purpose, after its last message: one that is closed
// while bytes arrive is reset, and then the message might not be read.
const lingering = 250 * time.Millisecond

// sendGoAway says that the connection ends, to a peer that understands, and reports whether there is one.
func (c *Conn) sendGoAway() bool {
	b := c.codec.GoAway()
	if b == nil || c.send(b) != nil {
		return false
	}
	c.linger()
	return true
}

// linger lets the peer read what was written last.
func (c *Conn) linger() {
	closeWrite(c.out)
	if c.out != c.nc {
		closeWrite(c.nc)
	}
	c.nc.SetReadDeadline(time.Now().Add(lingering))
	io.Copy(io.Discard, c.nc)
}

func closeWrite(nc any) {
	if half, ok := nc.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}
