package grpc

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"connectrpc.com/connect"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// stream runs a call whose server streams. req is the request of a client that does not.
func (h *handlers) stream(ctx context.Context, m *method, conn connect.StreamingHandlerConn, req *message) error {
	if err := h.opts.selects(conn.RequestHeader(), false); err != nil {
		return err
	}
	in := invocation(ctx, m, conn.RequestHeader())
	s := &stream{m: m, conn: conn, req: requestOf(ctx)}
	in.Stream = s
	if req != nil {
		requestOf(ctx).readDone()
		s.json.Store(req.json)
		m.arguments(in, req)
	}
	r := invoke(ctx, in, conn.ResponseHeader(), conn.ResponseTrailer())
	defer r.Release()
	if err := setMetadata(conn.ResponseTrailer(), r.Metadata); err != nil && r.Err == nil {
		return connect.NewError(connect.CodeInternal, err)
	}
	if r.Err != nil {
		return h.failure(ctx, r.Err)
	}
	return nil
}

// clientStream runs a call whose client streams and whose server answers once.
func (h *handlers) clientStream(ctx context.Context, m *method, conn connect.StreamingHandlerConn) (*connect.Response[message], error) {
	if err := h.opts.selects(conn.RequestHeader(), false); err != nil {
		return nil, err
	}
	in := invocation(ctx, m, conn.RequestHeader())
	s := &stream{m: m, conn: conn, req: requestOf(ctx)}
	in.Stream = s
	r := invoke(ctx, in, conn.ResponseHeader(), conn.ResponseTrailer())
	defer r.Release()
	if err := setMetadata(conn.ResponseTrailer(), r.Metadata); err != nil && r.Err == nil {
		return nil, connect.NewError(connect.CodeInternal, err)
	}
	if r.Err != nil {
		return nil, h.failure(ctx, r.Err)
	}
	msg, err := m.response(r, s.json.Load())
	if err != nil {
		return nil, connect.NewError(connect.CodeInternal, err)
	}
	return connect.NewResponse(msg), nil
}

// A stream is the server's side of the streams of a call.
type stream struct {
	m    *method
	conn connect.StreamingHandlerConn
	req  *request
	json atomic.Bool // the client speaks JSON: known after its first message
}

func (s *stream) Send(item any) error {
	m := s.m.m
	if !m.Stream.ServerStreams() {
		return &rpc.Error{Code: rpc.CodeArgument, Message: "the server of the method does not stream", Method: m.String()}
	}
	var b []byte
	if m.Result.Kind != schema.KindVoid {
		var err error
		if b, err = appendAny(m.Result, item, s.m.isResponse); err != nil {
			return &rpc.Error{Code: rpc.CodeArgument, Message: err.Error(), Method: m.String(), Cause: err}
		}
	}
	msg, err := newMessage(b, s.m.output, s.json.Load())
	if err == nil {
		s.req.writeWithin() // a client that does not read would hold the handler for ever
		err = s.conn.Send(msg)
	}
	return streamFailure(m, err)
}

func (s *stream) Recv(into any) error {
	m := s.m.m
	t := m.ClientItem()
	if t == nil {
		return io.EOF
	}
	var msg message
	if err := s.conn.Receive(&msg); err != nil {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return streamFailure(m, err)
	}
	if msg.json {
		s.json.Store(true)
	}
	b, err := msg.binary(s.m.input)
	if err == nil {
		err = s.m.consumeAny(b, t, into, s.m.isRequest)
	}
	if err != nil {
		return &rpc.Error{Code: rpc.CodeProtocol, Message: err.Error(), Method: m.String(), Cause: err}
	}
	return nil
}

func (s *stream) CloseSend() error { return nil }

// streamFailure returns how a stream failed, in the terms of package rpc.
func streamFailure(m *schema.Method, err error) error {
	if err == nil {
		return nil
	}
	code := rpc.CodeConnectionLost
	switch connect.CodeOf(err) {
	case connect.CodeCanceled:
		code = rpc.CodeCanceled
	case connect.CodeDeadlineExceeded:
		code = rpc.CodeTimeout
	case connect.CodeInvalidArgument, connect.CodeResourceExhausted:
		code = rpc.CodeProtocol
	}
	return &rpc.Error{Code: code, Message: err.Error(), Method: m.String(), Cause: err}
}
