package rpc

import (
	"context"
	"errors"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// errServerClosed refuses calls within the process after Shutdown.
var errServerClosed = &Error{Code: CodeUnavailable, Outcome: OutcomeRefused, Message: "server is closed"}

// Handle answers a call made in this process, without a connection: a server is a [Handler], and
// NewClient(server.Handle, …) a client of it. The call goes through everything that it would meet
// over a network except the dialect: arguments and reply are encoded and decoded, so that each
// side has values of its own; interceptors, limits, metadata and deadlines work; values of ctx do
// not reach the handler. [PeerOf] knows no peer. Shutdown waits for such calls.
func (s *Server) Handle(ctx context.Context, call *Call) error {
	m := call.Method
	if err := ctx.Err(); err != nil {
		return notSent(failure(m.String(), CodeUnknown, err))
	}
	if m.Stream != schema.Unary {
		return s.openLocal(ctx, call)
	}
	p, err := protocol.ByName("")
	if err != nil {
		return err
	}
	h := wire.Header{Name: m.Name, Type: wire.Call, SeqID: 1}
	if m.Oneway {
		h.Type = wire.Oneway
	}
	msg, err := p.AppendMessage(nil, h, call.sig.args, call.args)
	if err == nil && len(msg) > s.opts.MaxMessageBytes {
		err = msgio.TooLarge(len(msg), s.opts.MaxMessageBytes)
	}
	if err != nil {
		return notSent(failure(m.String(), CodeArgument, err))
	}
	if !s.begin() {
		return failure(m.String(), CodeUnavailable, errServerClosed)
	}
	o := outgoingFor(ctx)
	x := &exchange{in: &msgio.Envelope{Service: call.serviceName(), Transient: o.transient, Persistent: o.persistent}}
	deadline, ok := ctx.Deadline()
	if ok {
		x.in.Timeout = max(time.Until(deadline), 1)
	}
	caller := ctx
	if m.Oneway {
		caller = context.Background() // nobody waits
	}
	answered := make(chan localReply, 1)
	go func() {
		defer s.wg.Done()
		defer close(answered) // the handler may end its goroutine
		reply, err := s.answerLocal(caller, p, msg, x)
		answered <- localReply{reply, err}
	}()
	if m.Oneway {
		return nil
	}
	select {
	case r, ok := <-answered:
		switch {
		case !ok:
			return failure(m.String(), CodeConnectionLost, errors.New("handler ended its goroutine"))
		case r.err != nil:
			return failure(m.String(), CodeProtocol, r.err)
		}
		md := x.replyMetadata()
		o.received(md)
		err := ofAnswer(readReply(call, s.app, r.message, p))
		pushedBack(err, md)
		return tooLate(deadline, m, err)
	case <-ctx.Done():
		return failure(m.String(), CodeUnknown, ctx.Err())
	}
}

var inProcess = source{dialect: "in-process"}

type localReply struct {
	message []byte
	err     error
}

// answerLocal answers the call in msg, whose caller gives up when ctx ends.
func (s *Server) answerLocal(ctx context.Context, p protocol.Protocol, msg []byte, x *exchange) (reply []byte, err error) {
	callCtx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	callCtx, stop := x.context(callCtx)
	defer stop()
	return s.answer(callCtx, nil, p, msg, x, &inProcess)
}
