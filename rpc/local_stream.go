package rpc

import (
	"context"
	"errors"
	"io"
	"reflect"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/schema"
)

// streamWindow is how many messages of a stream in this process wait to be received before Send waits.
const streamWindow = 16

// A localCall is a call within the process whose method streams. Messages are encoded and decoded, so that
// each side has values of its own.
type localCall struct {
	method *schema.Method // of the client's schema
	served *schema.Method // of the server's
	proto  protocol.Protocol
	max    int // bytes of a message
	meta   outgoing

	toServer, toClient chan []byte
	sent               chan struct{} // closed when the client sends no more
	ended              chan struct{} // closed when the handler has returned
	closeSent          sync.Once

	// Set before ended is closed.
	err       error // that the client is to get; nil: none
	replyMeta map[string]string
}

// openLocal is Handle for a method that streams. It returns when the server has begun the call or refused
// it.
func (s *Server) openLocal(ctx context.Context, call *Call) error {
	m := call.Method
	p, err := protocol.ByName("")
	if err != nil {
		return err
	}
	var args []byte
	if len(m.Sent()) > 0 {
		if args, err = p.AppendValue(nil, call.sig.args, call.args); err != nil {
			return notSent(failure(m.String(), CodeArgument, err))
		}
	}
	if !s.begin() {
		return failure(m.String(), CodeUnavailable, errServerClosed)
	}
	x := &localCall{
		method: m, served: m, proto: p, max: s.opts.MaxMessageBytes, meta: outgoingFor(ctx),
		toServer: make(chan []byte, streamWindow), toClient: make(chan []byte, streamWindow),
		sent: make(chan struct{}), ended: make(chan struct{}),
	}
	if b, unknown := s.lookup(call.serviceName(), m.Name); unknown == nil {
		x.served = b.method
	}
	begun := make(chan struct{})
	serverCtx, cancel := context.WithCancel(s.ctx)
	in := &Invocation{
		Service: call.serviceName(), Method: m.Name, Bytes: len(args), Stream: &localServer{x, serverCtx},
		Metadata: x.meta.transient, PersistentMetadata: x.meta.persistent,
		Args: func(call *Call) error {
			if len(args) > 0 {
				if _, err := p.ConsumeValue(args, 0, call.sig.args, call.args); err != nil {
					return err
				}
			}
			close(begun)
			return nil
		},
	}
	if deadline, ok := ctx.Deadline(); ok {
		in.Timeout = max(time.Until(deadline), 1)
	}
	stop := context.AfterFunc(ctx, cancel)
	go func() {
		defer s.wg.Done()
		defer cancel()
		defer stop()
		x.serve(serverCtx, s, in)
	}()
	select {
	case <-begun:
	case <-x.ended:
		select {
		case <-begun:
		default:
			return x.err
		}
	case <-ctx.Done():
		return failure(m.String(), CodeUnknown, ctx.Err())
	}
	call.stream = &localClient{x, ctx}
	return nil
}

// serve runs the handler and ends the stream to the client with what it returned.
func (x *localCall) serve(ctx context.Context, s *Server, in *Invocation) {
	x.err = failure(x.method.String(), CodeConnectionLost, errors.New("handler ended its goroutine"))
	defer close(x.ended)
	r := s.invoke(ctx, &inProcess, in)
	defer r.Release()
	x.replyMeta = r.Metadata
	var e *Error
	if x.err = r.Err; errors.As(r.Err, &e) {
		remote := *e
		remote.Remote, remote.Method, remote.Cause = true, x.method.String(), nil
		x.err = ofAnswer(&remote)
	}
	if x.err == nil && x.served.Stream == schema.ClientStream && x.served.Result.Kind != schema.KindVoid {
		if err := x.send(ctx, x.toClient, nil, x.served.Result, r.Call.Result()); err != nil {
			x.err = failure(x.method.String(), CodeInternal, err)
		}
	}
}

// send sends a message of the type t, unless over is closed before there is room: then it returns io.EOF.
func (x *localCall) send(ctx context.Context, to chan<- []byte, over <-chan struct{}, t *schema.Type, item any) error {
	p, v, err := plan.ForMessage(t, item)
	if err != nil {
		return &Error{Code: CodeArgument, Message: err.Error(), Method: x.method.String(), Cause: err}
	}
	b, err := x.proto.AppendValue(nil, p, mem.Of(v))
	if err == nil && len(b) > x.max {
		err = msgio.TooLarge(len(b), x.max)
	}
	if err != nil {
		return failure(x.method.String(), CodeArgument, err)
	}
	select {
	case <-over:
		return io.EOF
	default:
	}
	select {
	case to <- b:
		return nil
	case <-over:
		return io.EOF
	case <-ctx.Done():
		return failure(x.method.String(), CodeUnknown, ctx.Err())
	}
}

// receive receives a message of the type t. The error is io.EOF after the last one, when over is closed.
func (x *localCall) receive(ctx context.Context, from <-chan []byte, over <-chan struct{}, t *schema.Type, into any) error {
	var (
		p   *plan.Type
		v   reflect.Value
		err error
	)
	if t.Kind != schema.KindVoid { // of which there are no messages
		if p, v, err = plan.ForMessage(t, into); err != nil {
			return &Error{Code: CodeArgument, Message: err.Error(), Method: x.method.String(), Cause: err}
		}
	}
	var b []byte
	select {
	case b = <-from:
	case <-over:
		select { // both may have been ready
		case b = <-from:
		default:
			return io.EOF
		}
	case <-ctx.Done():
		return failure(x.method.String(), CodeUnknown, ctx.Err())
	}
	if _, err = x.proto.ConsumeValue(b, 0, p, mem.Of(v)); err != nil {
		return failure(x.method.String(), CodeProtocol, err)
	}
	return nil
}

// A localClient is the client's side.
type localClient struct {
	*localCall
	ctx context.Context
}

func (c *localClient) Send(item any) error {
	t := c.method.ClientItem()
	if t == nil {
		return &Error{Code: CodeArgument, Message: "the client of the method does not stream", Method: c.method.String()}
	}
	return c.send(c.ctx, c.toServer, c.ended, t, item)
}

func (c *localClient) CloseSend() error {
	c.closeSent.Do(func() { close(c.sent) })
	return nil
}

func (c *localClient) Recv(into any) error {
	err := c.receive(c.ctx, c.toClient, c.ended, c.method.Result, into)
	if err != io.EOF {
		return err
	}
	c.meta.received(c.replyMeta)
	if c.err != nil {
		if err := c.ctx.Err(); err != nil { // what a handler returns because its caller left is nobody's
			return failure(c.method.String(), CodeUnknown, err)
		}
		return c.err
	}
	return io.EOF
}

// A localServer is the server's side.
type localServer struct {
	*localCall
	ctx context.Context
}

func (s *localServer) Send(item any) error {
	if !s.served.Stream.ServerStreams() {
		return &Error{Code: CodeArgument, Message: "the server of the method does not stream", Method: s.served.String()}
	}
	return s.send(s.ctx, s.toClient, nil, s.served.Result, item)
}

func (s *localServer) Recv(into any) error {
	t := s.served.ClientItem()
	if t == nil {
		return io.EOF
	}
	return s.receive(s.ctx, s.toServer, s.sent, t, into)
}

func (s *localServer) CloseSend() error { return nil }
