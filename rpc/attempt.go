package rpc

import (
	"context"
	"errors"
	"fmt"
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
func newCarrier(t transport.Target, p protocol.Protocol, opts ClientOptions) (carrier, error) {
	o := clientconn.Options{
		Framing: t.Framing, Protocol: p, MaxMessageBytes: opts.MaxMessageBytes,
		MaxConns: opts.MaxConns, Exclusive: opts.Exclusive, Buffers: new(msgio.Buffers),
	}
	config := opts.TLS
	if t.HTTP {
		config = msgio.SecureTLS(opts.TLS)
		config.NextProtos = []string{"h2", "http/1.1"}
	}
	o.Dial = func(ctx context.Context) (clientconn.Dialled, error) {
		if opts.DialTimeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, opts.DialTimeout)
			defer cancel()
		}
		nc, err := opts.Dialer(ctx, t, config)
		if err == nil && opts.SASLUser != "" {
			nc, err = clientconn.NegotiateSASL(ctx, nc, opts.SASLUser, opts.SASLPassword)
		}
		return clientconn.Dialled{Conn: nc}, err
	}
	if t.HTTP {
		return clientconn.NewHTTP(t.URL().String(), o), nil
	}
	if t.Framing.HasHeader() {
		var err error
		if o.Headers, err = msgio.NewHeaderCodec(t.Framing, header.NewCodec(opts.Transforms...), t.Compression, opts.MaxMessageBytes); err != nil {
			return nil, failure("", CodeUnavailable, err)
		}
	}
	return clientconn.NewPool(o), nil
}

// A connector makes the attempts of a client of Dial.
type connector struct {
	target  transport.Target
	opts    ClientOptions
	app     *plan.Type
	calls   clientconn.Calls
	carrier carrier
}

// handle sends the call and reads its reply.
func (x *connector) handle(ctx context.Context, call *Call) error {
	call.begin(x.target.Address)
	err := x.exchange(ctx, call)
	call.outcome = OutcomeOf(err)
	return err
}

func (x *connector) exchange(ctx context.Context, call *Call) error {
	m := call.Method
	f := x.calls.Get()
	x.start(f, ctx, call.timeout)
	if err := f.Over(time.Now()); err != nil {
		return notSent(failure(m.String(), CodeUnknown, err))
	}
	f.Header = wire.Header{Name: m.Name, Type: wire.Call}
	f.Service, f.Method = call.Service.Name, m.Name
	if x.target.Service != "" {
		f.Service = x.target.Service
		if x.target.Framing != wire.TTHeader { // whose header names the service
			f.Header.Name = f.Service + ":" + m.Name
		}
	}
	if f.Oneway = m.Oneway; f.Oneway {
		f.Header.Type = wire.Oneway
	}
	f.Args, f.ArgsAt = call.sig.args, call.args
	switch carries := x.target.HTTP || x.target.Framing.HasHeader(); {
	case carries:
		o := outgoingFor(ctx)
		f.Transient, f.Persistent = o.transient, o.persistent
	case x.opts.RequireMetadata:
		if o := outgoingFor(ctx); len(o.transient)+len(o.persistent) > 0 {
			return &Error{Outcome: OutcomeNotSent, Code: CodeArgument, Message: fmt.Sprintf("transport %s does not carry metadata", x.target.Framing), Method: m.String()}
		}
	}
	err := x.carrier.Call(f)
	reply, deadline := f.Reply, f.Deadline()
	x.calls.Put(f)
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
	return tooLate(deadline, m, err)
}

// start sets the deadline of an attempt: that of the whole call, which is ctx's or timeout from now,
// or that of the attempt, whichever is earlier.
func (x *connector) start(f *clientconn.Pending, ctx context.Context, timeout time.Duration) {
	now := time.Now()
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
func attempt(h Handler, timeout time.Duration) Handler {
	return func(ctx context.Context, call *Call) error {
		bound := timeout
		if d := call.timeout; d > 0 && (bound == 0 || d < bound) {
			bound = d
		}
		if bound > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, bound)
			defer cancel()
		}
		call.begin("")
		err := call.adopt(h(ctx, call))
		call.outcome = OutcomeOf(err)
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
	}
	return failure(method, CodeConnectionLost, err)
}

// httpFailure returns the error for an answer over HTTP that is not a reply.
func httpFailure(method string, answer *clientconn.HTTPError) *Error {
	e := &Error{Code: CodeProtocol, Message: answer.Message, Method: method, Cause: answer.Err}
	switch answer.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		e.Code, e.Outcome = CodeUnavailable, OutcomeRefused
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		e.Code = CodeConnectionLost
	}
	return e
}
