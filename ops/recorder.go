package ops

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
)

// A recorder is the listener of an Admin: it keeps the last calls and the open connections of a server or of clients.
type recorder struct {
	a      *Admin
	client bool

	shards [16]connShard
}

// connShard has some of the connections, by id.
type connShard struct {
	mu    sync.RWMutex
	conns map[uint64][]*liveConn // mostly one of an id; the slices are replaced, never changed
}

// A liveConn is an open connection.
type liveConn struct {
	id          uint64
	client      bool
	opened      time.Time
	local, peer net.Addr
	peerText    string // of a client, to tell connections with the same id apart

	dialect   atomic.Pointer[string]
	tls       atomic.Pointer[tls.ConnectionState]
	principal atomic.Pointer[string] // nil until the first call

	calls, bytesIn, bytesOut atomic.Uint64

	mu        sync.Mutex // of what the sampler finds
	was       [3]uint64
	perSecond [3]float64
}

func (r *recorder) shard(id uint64) *connShard { return &r.shards[id%uint64(len(r.shards))] }

// HandleConn implements [rpc.Stats].
func (r *recorder) HandleConn(e rpc.ConnEvent) {
	switch e.Kind {
	case rpc.ConnOpened:
		c := &liveConn{id: e.ID, client: r.client, opened: e.Time, local: e.Local, peer: e.Peer}
		if r.client {
			c.peerText = addrText(e.Peer)
		}
		c.learn(&e)
		s := r.shard(e.ID)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.conns == nil {
			s.conns = make(map[uint64][]*liveConn)
		}
		s.conns[e.ID] = append(slices.Clone(s.conns[e.ID]), c) // several clients may share the listener
	case rpc.ConnDetected:
		if c := r.conn(e.ID, ""); c != nil {
			c.learn(&e)
		}
	case rpc.ConnClosed:
		r.remove(e.ID, addrText(e.Peer))
		if e.Err != nil {
			r.a.connFailed(&e, r.client)
		}
	case rpc.ConnRefused, rpc.ConnFailed:
		r.a.connFailed(&e, r.client)
	}
}

func (c *liveConn) learn(e *rpc.ConnEvent) {
	c.dialect.Store(&e.Dialect)
	c.tls.Store(e.TLS)
}

// conn returns a connection, nil if there is none of that id. Among those with the same id peer decides.
func (r *recorder) conn(id uint64, peer string) *liveConn {
	s := r.shard(id)
	s.mu.RLock()
	list := s.conns[id]
	s.mu.RUnlock()
	if len(list) == 0 {
		return nil
	}
	return list[max(0, indexOfPeer(list, peer))]
}

func indexOfPeer(list []*liveConn, peer string) int {
	if len(list) == 1 {
		return 0
	}
	return slices.IndexFunc(list, func(c *liveConn) bool { return c.peerText == peer })
}

func (r *recorder) remove(id uint64, peer string) {
	s := r.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.conns[id]
	if len(list) <= 1 {
		delete(s.conns, id)
	} else if i := indexOfPeer(list, peer); i >= 0 {
		s.conns[id] = slices.Delete(slices.Clone(list), i, i+1)
	}
}

// list returns all open connections.
func (r *recorder) list() (list []*liveConn) {
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.RLock()
		for _, same := range s.conns {
			list = append(list, same...)
		}
		s.mu.RUnlock()
	}
	return list
}

// tick works out what the connections carried in the last second.
func (r *recorder) tick() {
	for _, c := range r.list() {
		c.mu.Lock()
		for i, now := range [...]uint64{c.calls.Load(), c.bytesIn.Load(), c.bytesOut.Load()} {
			c.perSecond[i], c.was[i] = float64(now-min(now, c.was[i])), now
		}
		c.mu.Unlock()
	}
}

// CallNeeds implements [rpc.SelectiveStats].
func (r *recorder) CallNeeds() rpc.CallNeeds { return rpc.CallNeeds{Handled: true} }

// HandleCall implements [rpc.Stats].
func (r *recorder) HandleCall(ctx context.Context, e rpc.CallEvent) {
	switch e.Kind {
	case rpc.CallReplied, rpc.CallRefused, rpc.AttemptEnded:
	default:
		return
	}
	if c := r.conn(e.Conn, e.Instance); c != nil && e.Conn != 0 {
		c.calls.Add(1)
		in, out := e.RequestBytes, e.ReplyBytes
		if r.client {
			in, out = out, in
		}
		c.bytesIn.Add(uint64(in))
		c.bytesOut.Add(uint64(out))
		if !r.client && c.principal.Load() == nil {
			if peer, ok := rpc.PeerOf(ctx); ok {
				name := ""
				if list := peer.Principals(); len(list) > 0 {
					name = list[0].String()
				}
				c.principal.Store(&name)
			}
		}
	}
	r.a.record(ctx, &e, r.client)
}

// A Call is one of the last calls of a server or attempts of a client.
type Call struct {
	Time      time.Time `json:"time"` // when it was received, or begun
	Client    bool      `json:"client,omitempty"`
	Method    string    `json:"method"`
	Dialect   string    `json:"dialect,omitempty"`
	Peer      string    `json:"peer,omitempty"`
	Principal string    `json:"principal,omitempty"`
	Conn      uint64    `json:"conn,omitempty"`
	Attempt   int       `json:"attempt,omitempty"`
	Code      string    `json:"code"`
	Outcome   string    `json:"outcome"`
	Error     string    `json:"error,omitempty"`
	Trace     string    `json:"trace_id,omitempty"`

	// When the handler began and returned, and when the reply was composed or the attempt had ended, in microseconds since Time.
	Begun    float64 `json:"begun_us"`
	Returned float64 `json:"returned_us"`
	Ended    float64 `json:"ended_us"`

	RequestBytes int    `json:"request_bytes"`
	ReplyBytes   int    `json:"reply_bytes"`
	Arguments    string `json:"args,omitempty"`
}

// callRing keeps the last calls, and no more than a number of them in a second.
type callRing struct {
	perSecond int64

	second atomic.Int64
	taken  atomic.Int64
	missed atomic.Uint64

	mu   sync.Mutex
	list []Call
	next int
}

// admit reports whether a call is to be kept. It costs two reads when there are too many.
func (r *callRing) admit(now time.Time) bool {
	if s := now.Unix(); r.second.Load() != s {
		r.second.Store(s)
		r.taken.Store(0)
	}
	if r.taken.Load() < r.perSecond && r.taken.Add(1) <= r.perSecond {
		return true
	}
	r.missed.Add(1)
	return false
}

func (r *callRing) add(c Call, size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.list) < size {
		r.list = append(r.list, c)
		return
	}
	r.list[r.next] = c
	r.next = (r.next + 1) % size
}

// newest returns the calls, the newest first.
func (r *callRing) newest() []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := append(slices.Clone(r.list[r.next:]), r.list[:r.next]...)
	slices.Reverse(list)
	return list
}

// record keeps a call, if it is one of those to keep.
func (a *Admin) record(ctx context.Context, e *rpc.CallEvent, client bool) {
	failed := e.Err != nil && !e.Declared
	keepCall, keepError := a.calls.admit(e.Time), failed && a.errors.admit(e.Time)
	if !keepCall && !keepError {
		return
	}
	c := Call{
		Time: e.Time.Add(-e.Duration), Client: client, Method: methodName(e), Dialect: e.Dialect, Conn: e.Conn, Attempt: e.Attempt,
		Code: "ok", Outcome: outcomeLabel(outcomeOfEvent(e)),
		Begun: toMicros(e.Queue), Returned: toMicros(e.Handled), Ended: toMicros(e.Duration),
		RequestBytes: e.RequestBytes, ReplyBytes: e.ReplyBytes, Trace: traceOfEvent(ctx, e).id(),
	}
	if client {
		c.Peer = e.Instance
	} else {
		if peer, ok := rpc.PeerOf(ctx); ok {
			c.Peer = addrText(peer.Addr)
		}
		c.Principal = rpc.PrincipalOf(ctx).String()
	}
	if e.Err != nil {
		c.Code, c.Error = resultOfEvent(e).String(), errorText(e)
	}
	if a.opts.Arguments && e.Values != nil {
		c.Arguments = argsText(e.Values, 1024)
	}
	if keepCall {
		a.calls.add(c, a.opts.Calls)
	}
	if keepError {
		a.errors.add(c, a.opts.Calls)
	}
}

// toMicros returns d in microseconds, to a tenth.
func toMicros(d time.Duration) float64 { return float64(d/100) / 10 }

// connFailed keeps the error of a connection.
func (a *Admin) connFailed(e *rpc.ConnEvent, client bool) {
	if !a.errors.admit(e.Time) {
		return
	}
	text := ""
	if e.Err != nil {
		text = cut(printable(e.Err.Error()), maxText)
	}
	a.errors.add(Call{
		Time: e.Time, Client: client, Method: "(connection " + e.Kind.String() + ")", Dialect: e.Dialect, Peer: addrText(e.Peer), Conn: e.ID,
		Code: "connection", Error: text,
	}, a.opts.Calls)
}
