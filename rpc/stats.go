package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/internal/clientconn"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
)

// Stats learns what a client or a server does, as it happens, and more than interceptors see: calls of
// unknown methods, calls that are refused, connections. Metrics, access logs and tools are made of it.
//
// Its methods are called on the goroutines that do the work, by any number of them at once, and so must
// not block. They must not keep ctx. An event is a value of the listener's own; what it points to must
// not be changed.
type Stats interface {
	HandleConn(e ConnEvent)
	HandleCall(ctx context.Context, e CallEvent)
}

// CallNeeds say what a [SelectiveStats] wants to learn of the calls of a server, besides CallRefused and CallReplied.
type CallNeeds struct {
	Received bool // the events CallReceived
	Begun    bool // the events CallBegun
	Handled  bool // CallEvent.Handled
}

// SelectiveStats is a [Stats] that wants some events of calls only. What nobody wants is not composed, and its time not taken: calls
// are a little faster.
type SelectiveStats interface {
	Stats

	// CallNeeds returns what the listener wants: always the same.
	CallNeeds() CallNeeds
}

// callNeeds returns what a listener wants: everything, unless it says otherwise.
func callNeeds(s Stats) CallNeeds {
	if s, ok := s.(SelectiveStats); ok {
		return s.CallNeeds()
	}
	return CallNeeds{Received: true, Begun: true, Handled: true}
}

// ByteStats is a [Stats] that also gets a copy of what goes over connections, above TLS and zlib: for
// tools that show it. It slows calls down.
type ByteStats interface {
	Stats

	// HandleBytes gets bytes that a client received over a connection, or is about to send; no bytes when
	// it has sent those. b is valid until it returns.
	HandleBytes(conn uint64, sent bool, b []byte)
}

// A ConnEventKind says what happened to a connection.
type ConnEventKind uint8

// The kinds of connection events. Each opened connection is closed; a server detects its dialect in between.
const (
	ConnOpened   ConnEventKind = iota + 1 // a client has dialled it, or a server accepted it
	ConnFailed                            // a client could not dial one
	ConnRefused                           // a server does not serve it: too many connections, a dialect that is unknown or not accepted, no TLS
	ConnDetected                          // a server knows what dialect it speaks
	ConnClosed                            // it has ended
)

var connEventNames = [...]string{ConnOpened: "opened", ConnFailed: "failed", ConnRefused: "refused", ConnDetected: "detected", ConnClosed: "closed"}

// String returns the name of k.
func (k ConnEventKind) String() string { return nameOf(connEventNames[:], int(k)) }

// A ConnEvent is something that happened to a connection.
type ConnEvent struct {
	Kind  ConnEventKind
	Time  time.Time
	ID    uint64 // of the connection, counted from 1 within a client or server; 0 if there is none
	Local net.Addr
	Peer  net.Addr // nil if there is none

	Dialect string               // "compact/framed", "ttheader", "http", or a [Dialect]'s name; "" until it is known
	TLS     *tls.ConnectionState // nil without TLS

	// Of a client's ConnOpened: how long connecting took, and the handshake of TLS after it. Both are 0
	// with a Dialer of the program's own.
	Connect, Handshake time.Duration

	Err error // why it failed, was refused or closed; nil for an end between two messages
}

// A CallEventKind says what happened to a call.
type CallEventKind uint8

// The kinds of call events. On a server each call is received, then refused, or begun and replied. On a
// client each attempt begins and ends.
const (
	CallReceived CallEventKind = iota + 1 // a server has read the header of a call
	CallRefused                           // its handler does not run; Err says why
	CallBegun                             // interceptors and the handler begin
	CallReplied                           // its reply is made, or its handler has returned and it is oneway
	AttemptBegun                          // a client begins an attempt
	AttemptEnded                          // the attempt has a reply, or failed
)

var callEventNames = [...]string{
	CallReceived: "received", CallRefused: "refused", CallBegun: "begun", CallReplied: "replied",
	AttemptBegun: "attempt begun", AttemptEnded: "attempt ended",
}

// String returns the name of k.
func (k CallEventKind) String() string { return nameOf(callEventNames[:], int(k)) }

func nameOf(names []string, i int) string {
	if i < len(names) && names[i] != "" {
		return names[i]
	}
	return "event " + strconv.Itoa(i)
}

// A CallEvent is something that happened to a call.
type CallEvent struct {
	Kind CallEventKind
	Time time.Time
	Call uint64 // the same in all events of one call of a server, or of one attempt of a client
	Conn uint64 // the ConnEvent.ID of its connection; 0: none, HTTP on a server, or not known yet

	Service *schema.Service // nil if the method is unknown
	Method  *schema.Method  // likewise
	Name    string          // of the method, as the message has it
	Dialect string          // as in ConnEvent; "in-process" for calls that leave no process

	Attempt  int    // of a client, counted from 1
	Instance string // of a client: the address of the server

	Queue    time.Duration // CallBegun, CallReplied: from when it was received until it began
	Handled  time.Duration // CallReplied: from when it was received until its handler returned, if a listener wants it, see CallNeeds
	Duration time.Duration // CallReplied: since it was received; AttemptEnded: since it began

	// How many bytes the messages of the call have, without frames and headers: known for the request
	// from CallReceived and AttemptEnded on, for the reply in CallReplied and AttemptEnded.
	RequestBytes, ReplyBytes int

	Outcome Outcome // of AttemptEnded
	Err     error   // CallRefused, CallReplied, AttemptEnded: a declared exception, an *Error, or what the handler returned

	// Declared says that Err is an exception which the IDL declares: CallReplied, AttemptEnded.
	Declared bool

	// Values has the arguments and the result, for [Call.Arg] and [Call.Result]: CallReplied, AttemptEnded. It is valid until
	// HandleCall returns, and must not be changed.
	Values *Call
}

// callStats is what the server remembers of a call for its Stats.
type callStats struct {
	s       *Server
	event   CallEvent // with what is the same in all events
	start   time.Time
	refusal bool
}

// A clock tells the time from the monotonic clock, which takes half as long as time.Now. It looks at the wall clock each second.
type clock struct{ base atomic.Pointer[time.Time] }

func (c *clock) now() time.Time {
	if base := c.base.Load(); base != nil {
		if since := time.Since(*base); since < time.Second {
			return base.Add(since)
		}
	}
	now := time.Now()
	c.base.Store(&now)
	return now
}

// now returns the time, and how long ago the call was received.
func (t *callStats) now() (at time.Time, since time.Duration) {
	since = time.Since(t.start)
	return t.start.Add(since), since
}

// received reports a call whose header has been read: at the time at, or now if that is zero. The result is nil if nobody listens.
func (s *Server) received(ctx context.Context, from *source, m *boundMethod, name string, size int, at time.Time) *callStats {
	if s.opts.Stats == nil {
		return nil
	}
	t, _ := s.callStats.Get().(*callStats)
	if t == nil {
		t = new(callStats)
	}
	if at.IsZero() {
		at = s.clock.now()
	}
	t.s, t.start = s, at
	t.event.Call, t.event.Name, t.event.RequestBytes = s.callIDs.Add(1), name, size
	if from != nil {
		t.event.Conn, t.event.Dialect = from.conn, from.dialect
	}
	if m != nil {
		t.event.Service, t.event.Method, t.event.Name = m.svc, m.method, m.method.Name
	}
	for _, l := range s.heard.received {
		e := t.event
		e.Kind, e.Time = CallReceived, t.start
		l.HandleCall(ctx, e)
	}
	return t
}

// refused reports that the handler of the call does not run.
func (t *callStats) refused(ctx context.Context, err error) {
	if t == nil {
		return
	}
	t.refusal = true
	e := t.event
	e.Kind, e.Err = CallRefused, err
	e.Time, e.Duration = t.now()
	for _, l := range t.s.heard.all {
		l.HandleCall(ctx, e)
	}
}

// begun reports that the handler of the call runs now. A call that has not waited since it was received needs no look at the clock.
func (t *callStats) begun(ctx context.Context, waited bool) {
	if t == nil {
		return
	}
	e := &t.event
	if e.Time = t.start; waited {
		e.Time, e.Queue = t.now()
	}
	e.Kind = CallBegun
	for _, l := range t.s.heard.begun {
		l.HandleCall(ctx, *e)
	}
}

// handled notes that the handler of the call has returned.
func (t *callStats) handled() {
	if t != nil && t.s.heard.needs.Handled {
		t.event.Handled = time.Since(t.start)
	}
}

// replied reports that the reply to the call, of size bytes, has been made, and returns when. A refused one was reported
// already. It is the last use of t.
func (t *callStats) replied(ctx context.Context, call *Call, size int, err error, declared bool) (at time.Time) {
	if t == nil {
		return at
	}
	s := t.s
	if !t.refusal {
		e := &t.event
		e.Kind, e.ReplyBytes, e.Err, e.Declared, e.Values = CallReplied, size, err, declared, call
		e.Time, e.Duration = t.now()
		at = e.Time
		for _, l := range s.heard.all {
			l.HandleCall(ctx, *e)
		}
	}
	*t = callStats{}
	s.callStats.Put(t)
	return at
}

// source is where calls come from, for Stats.
type source struct {
	conn    uint64
	dialect string
}

// A clientObserver reports what a client does. nil reports nothing.
type clientObserver struct {
	stats   Stats
	dialect string
	calls   atomic.Uint64

	mu   sync.Mutex
	open map[uint64]ConnEvent
}

func newClientObserver(stats Stats, t transport.Target) *clientObserver {
	o := &clientObserver{stats: stats, open: make(map[uint64]ConnEvent)}
	name := t.Protocol
	if name == "" {
		name = "binary"
	}
	o.dialect = name + "/" + t.Transport()
	return o
}

// ConnOpened implements [clientconn.Observer].
func (o *clientObserver) ConnOpened(id uint64, d clientconn.Dialled) {
	e := ConnEvent{
		Kind: ConnOpened, Time: time.Now(), ID: id, Local: d.LocalAddr(), Peer: d.RemoteAddr(),
		Dialect: o.dialect, TLS: d.TLS, Connect: d.Connect, Handshake: d.Handshake,
	}
	o.mu.Lock()
	o.open[id] = e
	o.mu.Unlock()
	o.stats.HandleConn(e)
}

// ConnFailed implements [clientconn.Observer].
func (o *clientObserver) ConnFailed(err error) {
	o.stats.HandleConn(ConnEvent{Kind: ConnFailed, Time: time.Now(), Dialect: o.dialect, Err: err})
}

// ConnClosed implements [clientconn.Observer].
func (o *clientObserver) ConnClosed(id uint64, err error) {
	o.mu.Lock()
	e := o.open[id]
	delete(o.open, id)
	o.mu.Unlock()
	e.Kind, e.Time, e.Err = ConnClosed, time.Now(), err
	o.stats.HandleConn(e)
}

// attemptBegun reports that an attempt begins; nil if nobody listens.
func (o *clientObserver) attemptBegun(ctx context.Context, call *Call) *CallEvent {
	if o == nil {
		return nil
	}
	e := &CallEvent{
		Kind: AttemptBegun, Time: time.Now(), Call: o.calls.Add(1), Service: call.Service, Method: call.Method,
		Name: call.Method.Name, Dialect: o.dialect, Attempt: call.attempt, Instance: call.instance,
	}
	o.stats.HandleCall(ctx, *e)
	return e
}

// attemptEnded reports that the attempt which began with e has ended.
func (o *clientObserver) attemptEnded(ctx context.Context, call *Call, e *CallEvent, err error) {
	if o == nil {
		return
	}
	now := time.Now()
	e.Kind, e.Time, e.Duration = AttemptEnded, now, now.Sub(e.Time)
	e.Instance, e.Outcome, e.Err, e.Values = call.instance, call.outcome, err, call
	e.Declared = err != nil && isDeclared(err)
	o.stats.HandleCall(ctx, *e)
}

// isDeclared reports whether err, with which an attempt ended, is a declared exception: all other errors of attempts are *Error or
// *BusinessError, or the end of a context.
func isDeclared(err error) bool {
	var e *Error
	var business *BusinessError
	return !errors.As(err, &e) && !errors.As(err, &business) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// JoinStats returns a listener that reports everything to each of list, in its order, leaving out those that are nil; nil if none is
// left. It is a [ByteStats] if one of them is.
func JoinStats(list ...Stats) Stats {
	var all []Stats
	for _, s := range list {
		switch s := s.(type) {
		case nil:
		case *joinedStats:
			all = append(all, s.all...)
		case joinedByteStats:
			all = append(all, s.all...)
		default:
			all = append(all, s)
		}
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	j := &joinedStats{newCallListeners(all)}
	for _, s := range all {
		if _, ok := s.(ByteStats); ok {
			return joinedByteStats{j}
		}
	}
	return j
}

// callListeners are those who listen to the calls of a server.
type callListeners struct {
	all, received, begun []Stats // the latter: those that want such events
	needs                CallNeeds
}

func newCallListeners(all []Stats) callListeners {
	l := callListeners{all: all}
	for _, s := range all {
		needs := callNeeds(s)
		l.needs = CallNeeds{l.needs.Received || needs.Received, l.needs.Begun || needs.Begun, l.needs.Handled || needs.Handled}
		if needs.Received {
			l.received = append(l.received, s)
		}
		if needs.Begun {
			l.begun = append(l.begun, s)
		}
	}
	return l
}

// callListenersOf returns the listeners that s, which may be nil, consists of.
func callListenersOf(s Stats) callListeners {
	switch s := s.(type) {
	case nil:
		return callListeners{}
	case *joinedStats:
		return s.callListeners
	case joinedByteStats:
		return s.callListeners
	}
	return newCallListeners([]Stats{s})
}

// joinedStats are the listeners of JoinStats.
type joinedStats struct{ callListeners }

// CallNeeds implements [SelectiveStats].
func (j *joinedStats) CallNeeds() CallNeeds { return j.needs }

// HandleConn implements [Stats].
func (j *joinedStats) HandleConn(e ConnEvent) {
	for _, s := range j.all {
		s.HandleConn(e)
	}
}

// HandleCall implements [Stats].
func (j *joinedStats) HandleCall(ctx context.Context, e CallEvent) {
	list := j.all
	switch e.Kind {
	case CallReceived:
		list = j.received
	case CallBegun:
		list = j.begun
	}
	for _, s := range list {
		s.HandleCall(ctx, e)
	}
}

// joinedByteStats are joinedStats of which at least one is a ByteStats.
type joinedByteStats struct{ *joinedStats }

// HandleBytes implements [ByteStats].
func (j joinedByteStats) HandleBytes(conn uint64, sent bool, b []byte) {
	for _, s := range j.all {
		if s, ok := s.(ByteStats); ok {
			s.HandleBytes(conn, sent, b)
		}
	}
}

// A tappedConn hands what goes over it to a ByteStats.
type tappedConn struct {
	net.Conn
	id    uint64
	stats ByteStats
}

// Unwrap returns the connection below; see [msgio.Alive].
func (c *tappedConn) Unwrap() net.Conn { return c.Conn }

// Write implements [net.Conn]. What is written is reported before: afterwards the reply may be there.
func (c *tappedConn) Write(b []byte) (int, error) {
	c.stats.HandleBytes(c.id, true, b)
	n, err := c.Conn.Write(b)
	c.stats.HandleBytes(c.id, true, nil)
	return n, err
}

// Read implements [net.Conn].
func (c *tappedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.stats.HandleBytes(c.id, false, b[:n])
	}
	return n, err
}
