package rpc

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/protocol"
)

// Metadata returns the names and values that came with the call which a handler, or an
// interceptor of a server, runs with ctx; nil if there are none. They must not be changed.
//
// Metadata travels in the transports header (THeader), ttheader (Kitex's) and http. On bare framed
// and buffered connections there is no room for it: a client does not send it, or refuses to
// make the call, see [ClientOptions]. Names that differ in case are different, except over HTTP, where they
// are names of header fields, they come in lower case.
func Metadata(ctx context.Context) map[string]string {
	x, ok := ctx.Value(exchangeKey{}).(*exchange)
	if !ok {
		return nil
	}
	return x.incoming()
}

// MetadataValue returns one value of what [Metadata] returns, "" if there is none, without composing the rest.
func MetadataValue(ctx context.Context, name string) string {
	x, ok := ctx.Value(exchangeKey{}).(*exchange)
	if !ok {
		return ""
	}
	if v, ok := x.in.Transient[name]; ok {
		return v
	}
	return x.in.Persistent[name]
}

// HasMetadata reports whether names and values could come with the call that a handler runs with ctx: not on bare framed and buffered
// connections.
func HasMetadata(ctx context.Context) bool {
	_, ok := ctx.Value(exchangeKey{}).(*exchange)
	return ok
}

// Tracking returns by what names the tracker of thriftpy2 (thriftpy2.contrib.tracking) knows the call that a handler runs with ctx: the
// id of the request to which it belongs, most often a UUID, and its place in the tree of calls, such as 1.2.1. ok is false if the
// client does not track its calls.
func Tracking(ctx context.Context) (requestID, seq string, ok bool) {
	x, ok := ctx.Value(exchangeKey{}).(*exchange)
	if !ok || x.tracked == nil {
		return "", "", false
	}
	return x.in.Transient["request_id"], x.in.Transient["seq"], true
}

// SetReplyMetadata adds a name and a value to the reply of the call that a handler runs with ctx.
// It reports whether there is room for them: not on bare framed and buffered connections.
func SetReplyMetadata(ctx context.Context, name, value string) bool {
	x, ok := ctx.Value(exchangeKey{}).(*exchange)
	if !ok {
		return false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.reply == nil {
		x.reply = make(map[string]string)
	}
	x.reply[name] = value
	return true
}

// AddMetadata returns a context for calls of clients that takes names and values along, for
// the server that is called. They come on top of those that ctx has already.
func AddMetadata(ctx context.Context, md map[string]string) context.Context {
	return withOutgoing(ctx, func(o *outgoing) { o.transient = merge(o.transient, md) })
}

// AddPersistentMetadata is AddMetadata for names and values that the server passes on to those
// that it calls, and so on: a thriftkit server does so for every call that a handler makes with
// its context. Kitex calls such metadata persistent as well, and so does fbthrift; other peers
// do not know it.
func AddPersistentMetadata(ctx context.Context, md map[string]string) context.Context {
	return withOutgoing(ctx, func(o *outgoing) { o.persistent = merge(o.persistent, md) })
}

// ReceiveMetadata returns a context for one call, which sets *md to the metadata of the reply
// before it returns: nil if there is none.
func ReceiveMetadata(ctx context.Context, md *map[string]string) context.Context {
	return withOutgoing(ctx, func(o *outgoing) { o.reply = md })
}

// outgoing is what contexts have for the calls of clients.
type outgoing struct {
	transient, persistent map[string]string
	reply                 *map[string]string
}

type outgoingKey struct{}

func withOutgoing(ctx context.Context, change func(*outgoing)) context.Context {
	o := outgoingOf(ctx)
	change(&o)
	return context.WithValue(ctx, outgoingKey{}, &o)
}

func outgoingOf(ctx context.Context) outgoing {
	if o, ok := ctx.Value(outgoingKey{}).(*outgoing); ok {
		return *o
	}
	return outgoing{}
}

// retryAfterName is the metadata of a reply by which a server pushes back: milliseconds, negative for never.
const retryAfterName = hintPrefix + "retry-after"

// PushBack tells the caller of the call that a handler or an interceptor runs with ctx how long to wait before it makes the call again;
// a negative d asks not to. It goes with an error, such as one with CodeOverloaded, whose RetryAfter it becomes on the side of the
// caller. It reports whether there is room for it, as [SetReplyMetadata] does.
func PushBack(ctx context.Context, d time.Duration) bool {
	ms := int64(-1)
	if d >= 0 {
		ms = max(1, d.Milliseconds())
	}
	return SetReplyMetadata(ctx, retryAfterName, strconv.FormatInt(ms, 10))
}

// pushedBack puts what the metadata of a reply says about further attempts into err.
func pushedBack(err error, md map[string]string) {
	text := md[retryAfterName]
	e, ok := err.(*Error)
	if !ok || text == "" {
		return
	}
	if ms, bad := strconv.ParseInt(text, 10, 64); bad == nil && ms < int64(maxRetryAfter/time.Millisecond) {
		e.RetryAfter = time.Duration(max(ms, -1)) * time.Millisecond
	}
}

// maxRetryAfter bounds what a server may ask for.
const maxRetryAfter = 24 * time.Hour

// hintPrefix begins the names of metadata that thriftkit adds on its own account: hints, which are not sent where there is no
// room for them. So is the priority of a call.
const hintPrefix = "thriftkit-"

// required reports whether there is metadata that the program asked to send.
func (o outgoing) required() bool {
	for _, md := range []map[string]string{o.transient, o.persistent} {
		for name := range md {
			if !strings.HasPrefix(name, hintPrefix) && name != priorityName {
				return true
			}
		}
	}
	return false
}

// merge returns both; over wins.
func merge(under, over map[string]string) map[string]string {
	if len(under) == 0 {
		return maps.Clone(over)
	}
	both := maps.Clone(under)
	maps.Copy(both, over)
	return both
}

// outgoingFor returns what a call with ctx takes along: what is to be passed on of the call that
// ctx belongs to is under what the program said.
func outgoingFor(ctx context.Context) outgoing {
	o := outgoingOf(ctx)
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok && len(x.in.Persistent) > 0 {
		o.persistent = merge(x.in.Persistent, o.persistent)
	}
	return o
}

// OutgoingMetadata returns the metadata that a call with ctx takes along: for a [Handler] that is a client of another protocol.
// persistent is what the server is to pass on.
func OutgoingMetadata(ctx context.Context) (transient, persistent map[string]string) {
	o := outgoingFor(ctx)
	return o.transient, o.persistent
}

// SetReceivedMetadata hands the metadata of a reply to whoever asked for it by [ReceiveMetadata]: for such a Handler.
func SetReceivedMetadata(ctx context.Context, md map[string]string) {
	o := outgoingOf(ctx)
	o.received(md)
}

// received hands the metadata of a reply to the caller.
func (o *outgoing) received(md map[string]string) {
	if o.reply != nil {
		*o.reply = md
	}
}

// exchange is what a call has beside its message on a server: for the handler what came, and
// what is to go with the reply.
type exchange struct {
	in *msgio.Envelope

	headers *msgio.HeaderCodec // nil over HTTP
	answer  *msgio.Envelope
	payload int // where the message begins in the answer

	tracked *tracked // of a client of thriftpy2 that tracks its calls, in the protocol proto
	proto   protocol.Protocol

	mu    sync.Mutex // handlers may start goroutines
	reply map[string]string
}

type exchangeKey struct{}

// context returns ctx with x, and with the deadline that the caller has.
func (x *exchange) context(ctx context.Context) (context.Context, context.CancelFunc) {
	c := &callContext{parent: ctx, x: x}
	if x.in.Timeout <= 0 {
		return c, func() {}
	}
	c.deadline = time.Now().Add(x.in.Timeout)
	return c, c.end
}

// callContext is the context of a call that has something beside its message. It makes a timer only when
// somebody wants to wait for its end.
type callContext struct {
	parent   context.Context
	x        *exchange
	deadline time.Time // zero: that of parent

	mu     sync.Mutex
	timed  context.Context // nil: not made yet
	cancel context.CancelFunc
	ended  bool
}

// Deadline implements [context.Context].
func (c *callContext) Deadline() (time.Time, bool) {
	d, ok := c.parent.Deadline()
	if !c.deadline.IsZero() && (!ok || c.deadline.Before(d)) {
		return c.deadline, true
	}
	return d, ok
}

// Value implements [context.Context].
func (c *callContext) Value(key any) any {
	if key == (exchangeKey{}) && c.x != nil { // else it bounds a call of a client, which passes on what came to the caller
		return c.x
	}
	if !c.deadline.IsZero() {
		c.mu.Lock()
		timed := c.timed
		c.mu.Unlock()
		if timed != nil { // package context looks here for what ends c
			return timed.Value(key)
		}
	}
	return c.parent.Value(key)
}

// Done implements [context.Context].
func (c *callContext) Done() <-chan struct{} {
	if c.deadline.IsZero() {
		return c.parent.Done()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timed == nil {
		c.timed, c.cancel = context.WithDeadline(c.parent, c.deadline)
		if c.ended {
			c.cancel()
		}
	}
	return c.timed.Done()
}

// Err implements [context.Context].
func (c *callContext) Err() error {
	if c.deadline.IsZero() {
		return c.parent.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.timed != nil:
		return c.timed.Err()
	case c.parent.Err() != nil:
		return c.parent.Err()
	case !time.Now().Before(c.deadline):
		return context.DeadlineExceeded
	case c.ended:
		return context.Canceled
	}
	return nil
}

// end ends c when its call has ended.
func (c *callContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.cancel != nil {
		c.cancel()
	}
}

func (x *exchange) incoming() map[string]string {
	if len(x.in.Persistent) == 0 {
		return x.in.Transient
	}
	return merge(x.in.Persistent, x.in.Transient)
}

func (x *exchange) replyMetadata() map[string]string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.reply
}

// service returns the service that the envelope names, "" if there is no envelope or no name.
func (x *exchange) service() string {
	if x == nil {
		return ""
	}
	return x.in.Service
}

// begin appends what stands before the reply: nothing if there is no envelope.
func (x *exchange) begin(dst []byte) (out []byte, err error) {
	switch {
	case x == nil:
		return dst, nil
	case x.tracked != nil:
		return x.tracked.begin(dst, x.proto, x.replyMetadata())
	case x.headers == nil:
		return dst, nil
	}
	x.answer.Transient = x.replyMetadata()
	out, x.payload, err = x.headers.Begin(dst, x.answer)
	return out, err
}

// beginBare is begin without what the handler wanted to send along.
func (x *exchange) beginBare(dst []byte) []byte {
	if x == nil || x.headers == nil {
		return dst
	}
	x.answer.Transient, x.answer.Status = nil, nil
	dst, x.payload, _ = x.headers.Begin(dst, x.answer) // nothing is left that could be too much
	return dst
}

// end completes the reply, which began when dst had the length start.
func (x *exchange) end(dst []byte, start int) ([]byte, error) {
	return x.headers.End(dst, start, x.payload, x.answer)
}

// take puts err into the answer if it is a BusinessError and there is room for it.
func (x *exchange) putStatus(err error) bool {
	if x == nil || x.headers == nil || err == nil {
		return false
	}
	var e *BusinessError
	if !errors.As(err, &e) || e.Code == 0 {
		return false
	}
	x.answer.Status = &msgio.Status{Code: e.Code, Message: e.Message, Extra: e.Extra}
	return true
}
