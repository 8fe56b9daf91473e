package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/thriftkit/thriftkit/internal/clientconn"
	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/header"
)

// A carrier brings calls to a server: connections that calls share, or HTTP.
type carrier interface {
	Connect(ctx context.Context) error
	Call(f *clientconn.Pending) error
	Close()
}

// newCarrier returns the carrier for t, without a connection.
func newCarrier(t transport.Target, p protocol.Protocol, opts ClientOptions, observer *clientObserver) (carrier, error) {
	o := clientconn.Options{
		Framing: t.Framing, Protocol: p, Protocols: protocol.WithDepth(opts.MaxDepth), MaxMessageBytes: opts.MaxMessageBytes,
		MaxConns: opts.MaxConns, Exclusive: opts.Exclusive, Buffers: new(msgio.Buffers),
		Gzip: t.HTTP && t.Compression != "", Cookies: opts.Cookies,
		MaxAge: opts.MaxConnAge, MaxIdle: opts.MaxConnIdle,
	}
	config := opts.TLS
	bytesTo, _ := opts.Stats.(ByteStats)
	if t.HTTP {
		config = msgio.SecureTLS(opts.TLS)
		config.NextProtos = []string{"h2", "http/1.1"}
		if bytesTo != nil {
			config.NextProtos = []string{"http/1.1"} // HTTP/2 is not readable
		}
	}
	if observer != nil {
		o.Observer = observer
	}
	o.Dial = func(ctx context.Context, id uint64) (clientconn.Dialled, error) {
		if opts.DialTimeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, opts.DialTimeout)
			defer cancel()
		}
		d, err := dial(ctx, t, config, opts.Dialer)
		if err == nil && bytesTo != nil {
			d.Conn = &tappedConn{Conn: d.Conn, id: id, stats: bytesTo}
		}
		if err == nil && opts.SASLUser != "" {
			d.Conn, err = clientconn.NegotiateSASL(ctx, d.Conn, opts.SASLUser, opts.SASLPassword)
		}
		return d, err
	}
	if t.Framing.HasHeader() {
		transform := t.Compression
		if t.IsCompressed() || t.HTTP {
			transform = ""
		}
		var err error
		if o.Headers, err = msgio.NewHeaderCodec(t.Framing, header.NewCodec(opts.Transforms...), transform, opts.MaxMessageBytes); err != nil {
			return nil, failure("", CodeUnavailable, err)
		}
	}
	if t.Network == "udp" {
		return clientconn.NewDatagrams(o), nil
	}
	if t.HTTP {
		return clientconn.NewHTTP(t.URL(), o), nil
	}
	return clientconn.NewPool(o), nil
}

// dial connects to t by dialer, or as [transport.Target.Dial] does, and times it.
func dial(ctx context.Context, t transport.Target, config *tls.Config, dialer func(context.Context, transport.Target, *tls.Config) (net.Conn, error)) (d clientconn.Dialled, err error) {
	if dialer != nil {
		d.Conn, err = dialer(ctx, t, config)
		return d, err
	}
	start := time.Now()
	if d.Conn, err = (transport.Target{Network: t.Network, Address: t.Address}).Dial(ctx, nil); err != nil {
		return d, err
	}
	connected := time.Now()
	d.Connect = connected.Sub(start)
	if t.TLS {
		if err := secure(ctx, &d, t, config); err != nil {
			d.Conn.Close()
			return d, err
		}
		d.Handshake = time.Since(connected)
	}
	if t.IsCompressed() {
		d.Conn = msgio.Zlib(d.Conn)
	}
	return d, nil
}

// secure runs the handshake of TLS.
func secure(ctx context.Context, d *clientconn.Dialled, t transport.Target, config *tls.Config) error {
	config, err := t.ClientTLS(config)
	if err != nil {
		return err
	}
	c := tls.Client(d.Conn, config)
	if err := c.HandshakeContext(ctx); err != nil {
		return err
	}
	state := c.ConnectionState()
	d.Conn, d.TLS = c, &state
	return nil
}

// A connector makes the attempts of a client of Dial.
type connector struct {
	target  transport.Target
	opts    ClientOptions
	app     *plan.Type
	carrier carrier

	latencies clientconn.Latencies // by *schema.Method

	observer *clientObserver // nil: nobody listens
}

// handle sends the call and reads its reply.
func (x *connector) handle(ctx context.Context, call *Call) error {
	if call.Method.Stream != schema.Unary {
		return notSent(&Error{Code: CodeArgument, Message: "the method streams, which connections of Thrift do not carry", Method: call.Method.String()})
	}
	call.begin(x.target.Address)
	call.outcome = OutcomeExecuted
	e := x.observer.attemptBegun(ctx, call)
	err := x.exchange(ctx, call, e)
	if err != nil {
		call.outcome = OutcomeOf(err)
	}
	x.observer.attemptEnded(ctx, call, e, err)
	return err
}

func (x *connector) exchange(ctx context.Context, call *Call, e *CallEvent) error {
	m := call.Method
	f := call.pending
	if call.pending = nil; f == nil {
		f = clientconn.NewPending()
	}
	now := time.Now()
	x.start(ctx, f, now, call.timeout)
	if err := f.Over(now); err != nil {
		return notSent(failure(m.String(), CodeUnknown, err))
	}
	f.Header = wire.Header{Name: m.Name, Type: wire.Call}
	f.Service, f.Method = call.Service.Name, m.Name
	service := x.target.Service
	if call.as != "" {
		service = call.as
	}
	if service != "" {
		f.Service = service
		if x.target.Framing != wire.TTHeader { // whose header names the service
			f.Header.Name = f.Service + ":" + m.Name
		}
	}
	if f.Oneway = m.Oneway; f.Oneway {
		f.Header.Type = wire.Oneway
	}
	f.Args, f.ArgsAt, f.Latency = call.sig.args, call.args, x.latency(call)
	switch carries := x.target.HTTP || x.target.Framing.HasHeader(); {
	case carries:
		o := outgoingFor(ctx)
		f.Transient, f.Persistent = o.transient, o.persistent
	case x.opts.RequireMetadata:
		if outgoingFor(ctx).required() {
			return &Error{Outcome: OutcomeNotSent, Code: CodeArgument, Message: fmt.Sprintf("transport %s does not carry metadata", x.target.Transport()), Method: m.String()}
		}
	}
	err := x.carrier.Call(f)
	reply, deadline := f.Reply, f.Deadline()
	if e != nil {
		e.Conn, e.RequestBytes, e.ReplyBytes = f.Conn, f.Sent, f.Received
	}
	f.Release()
	call.pending = f
	if err != nil {
		return sendFailure(m.String(), err)
	}
	if e := reply.Envelope; e != nil {
		o := outgoingOf(ctx)
		o.received(e.Transient)
		if e.Status != nil {
			return &BusinessError{Code: e.Status.Code, Message: e.Status.Message, Extra: e.Status.Extra}
		}
	}
	if m.Oneway {
		return nil
	}
	err = ofAnswer(readReply(call, x.app, reply.Message, reply.Protocol))
	if err != nil && reply.Envelope != nil {
		pushedBack(err, reply.Envelope.Transient)
	}
	return tooLate(deadline, m, err)
}

// latency returns what is known of the method of call.
func (x *connector) latency(call *Call) *clientconn.Latency {
	if call.latencyOf != x {
		call.latency, call.latencyOf = x.latencies.Of(call.Method), x
	}
	return call.latency
}

// start sets the deadline of an attempt: that of the whole call, which is ctx's or timeout from now,
// or that of the attempt, whichever is earlier.
func (x *connector) start(ctx context.Context, f *clientconn.Pending, now time.Time, timeout time.Duration) {
	if d := x.opts.AttemptTimeout; d > 0 && (timeout == 0 || d < timeout) {
		timeout = d
	}
	// A context of Client.run has a timer only when somebody waits for its end; an attempt need not.
	if c, ok := ctx.(*callContext); ok && c.x == nil && c.parent.Done() == nil && c.parent.Err() == nil {
		deadline, _ := c.Deadline()
		if timeout > 0 && now.Add(timeout).Before(deadline) {
			deadline = now.Add(timeout)
		}
		f.StartUntil(c.parent, now, deadline)
		return
	}
	f.Start(ctx, now, timeout)
}

// attempt wraps a Handler that is not of this package as the attempts of a client.
func attempt(h Handler, timeout time.Duration, stats Stats) Handler {
	var o *clientObserver
	if stats != nil {
		o = &clientObserver{stats: stats}
	}
	return func(ctx context.Context, call *Call) error {
		bound := timeout
		if d := call.timeout; d > 0 && (bound == 0 || d < bound) {
			bound = d
		}
		if bound > 0 && call.Method.Stream == schema.Unary { // a stream outlives its opening
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, bound)
			defer cancel()
		}
		call.begin("")
		e := o.attemptBegun(ctx, call)
		err := call.adopt(h(ctx, call))
		call.outcome = OutcomeOf(err)
		o.attemptEnded(ctx, call, e, err)
		return err
	}
}

// tooLate returns err, except for an internal error of a server that had the deadline of the call and
// noticed a moment earlier that it passed: that is a timeout like any other.
func tooLate(deadline time.Time, m *schema.Method, err error) error {
	e, ok := err.(*Error)
	if !ok || !e.Remote || e.Code != CodeInternal {
		return err
	}
	if !deadline.IsZero() && !time.Now().Before(deadline) {
		late := failure(m.String(), CodeTimeout, fmt.Errorf("%w: %s", context.DeadlineExceeded, e.Message))
		late.Outcome = OutcomeExecuted
		return late
	}
	return err
}

// notSent marks the error of a call that never left.
func notSent(e *Error) *Error {
	e.Outcome = OutcomeNotSent
	return e
}

// sendFailure returns the error for a call that got no reply.
func sendFailure(method string, err error) error {
	var (
		argument *clientconn.ArgumentError
		unsent   *clientconn.NotSentError
		unknown  *clientconn.UnknownReplyError
		answer   *clientconn.HTTPError
		reply    *clientconn.UnreadableReplyError
		sasl     *clientconn.SASLWantedError
	)
	switch {
	case errors.As(err, &argument):
		return notSent(failure(method, CodeArgument, argument.Err))
	case errors.Is(err, clientconn.ErrGoAway):
		e := failure(method, CodeUnavailable, clientconn.ErrGoAway)
		e.Outcome = OutcomeRefused
		return e
	case errors.As(err, &unsent) && errors.Is(err, clientconn.ErrClosed):
		return &Error{Code: CodeClosed, Method: method, Outcome: OutcomeNotSent}
	case errors.Is(err, clientconn.ErrClosed):
		return &Error{Code: CodeClosed, Method: method}
	case errors.As(err, &unsent):
		return notSent(failure(method, CodeUnavailable, unsent.Err))
	case errors.As(err, &unknown):
		return &Error{Code: CodeBadSequenceID, Message: unknown.Error(), Method: method}
	case errors.As(err, &answer):
		return httpFailure(method, answer)
	case errors.As(err, &reply):
		return ofAnswer(failure(method, CodeProtocol, reply))
	case errors.As(err, &sasl):
		e := failure(method, CodeUnavailable, sasl)
		e.Outcome = OutcomeRefused
		return e
	}
	return failure(method, CodeConnectionLost, err)
}

// httpFailure returns the error for an answer over HTTP that is not a reply.
func httpFailure(method string, answer *clientconn.HTTPError) *Error {
	e := &Error{Code: CodeProtocol, Message: answer.Message, Method: method, Cause: answer.Err}
	if answer.Status != 0 {
		e.Cause = &HTTPError{Status: answer.Status, Header: answer.Header, Body: answer.Body, Err: answer.Err}
	}
	switch answer.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		e.Code, e.Outcome = CodeUnavailable, OutcomeRefused
	case http.StatusUnauthorized:
		e.Code, e.Outcome = CodeUnauthenticated, OutcomeRefused
	case http.StatusForbidden:
		e.Code, e.Outcome = CodePermissionDenied, OutcomeRefused
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		e.Code = CodeConnectionLost
	}
	return e
}
