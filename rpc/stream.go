package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
)

// A Stream carries the messages of a call whose method streams, one side of it: what the client sends has
// the type [schema.Method.ClientItem], what the server sends ServerItem, or, once and last, the result of a
// method that only the client streams to.
//
// Sending and receiving may go on side by side, each on one goroutine. A client's Stream ends when Recv
// returns an error, or when the context of its call ends: one of the two must happen, or its resources are
// not released.
type Stream interface {
	// Send sends one message: a Go value that binds to the type in the IDL, a pointer to one, or a
	// dynamic.Value. It waits for as long as the other side is too slow. io.EOF means that the other side
	// has ended the stream; Recv says how.
	Send(item any) error

	// Recv receives one message into what into points to: a Go type that binds to the type in the IDL, or
	// a dynamic.Value. The error is io.EOF after the last message, on a client also what the handler
	// returned: a declared exception, an *Error.
	Recv(into any) error

	// CloseSend ends what a client sends. Nothing may be sent after it. On a server it does nothing: the
	// return of the handler ends what the server sends.
	CloseSend() error
}

// Stream returns the stream of a call whose method streams, else nil. On a server it is there when the
// handler runs. On a client it is there when the handler has returned nil, and lives on.
func (c *Call) Stream() Stream {
	c.check()
	return c.stream
}

// SetStream replaces the stream: for interceptors, which may wrap it, and for handlers of clients, which
// open it.
func (c *Call) SetStream(s Stream) {
	c.check()
	c.stream = s
}

type streamKey struct{}

// StreamOf returns the stream of the call that a handler of a server runs with ctx, for a
// [DynamicHandler]; nil if its method does not stream.
func StreamOf(ctx context.Context) Stream {
	s, _ := ctx.Value(streamKey{}).(Stream)
	return s
}

// OpenStream calls m, which streams, without Go types: Recv wants a *dynamic.Value. args are those of the
// IDL, nil for none; the argument of a method of Kitex's form, where that is the message that the client
// streams, is not among them. ctx bounds the stream; the client's timeouts bound the opening.
func (c *Client) OpenStream(ctx context.Context, m *schema.Method, args *dynamic.Struct) (Stream, error) {
	if m.Stream == schema.Unary {
		return nil, &Error{Outcome: OutcomeNotSent, Code: CodeArgument, Message: "the method does not stream", Method: m.String()}
	}
	if args == nil {
		args = dynamic.New(m.Args)
	}
	call := newDynamicCall(m, args)
	if err := c.open(ctx, call); err != nil {
		return nil, err
	}
	return call.stream, nil
}

// open makes a call whose method streams. The call is not used again.
func (c *Client) open(ctx context.Context, call *Call) error {
	if ctx == nil {
		ctx = context.Background()
	}
	life, cancel := context.WithCancelCause(ctx)
	if c.timeout > 0 {
		timedOut := failure(call.Method.String(), CodeTimeout, fmt.Errorf("%w: the stream was not opened in %v", context.DeadlineExceeded, c.timeout))
		timer := context.AfterFunc(&callContext{parent: life, deadline: time.Now().Add(c.timeout)}, func() { cancel(timedOut) })
		defer timer()
	}
	err := c.handler(life, call)
	if err == nil && call.stream == nil {
		err = &Error{Code: CodeArgument, Message: "the method streams, and what handles the call does not", Method: call.Method.String()}
	}
	if err != nil {
		if cause := context.Cause(life); cause != nil && ctx.Err() == nil {
			err = cause
		}
		cancel(nil)
		return err
	}
	call.stream = &openStream{Stream: call.stream, call: call, end: func() { cancel(nil) }}
	return nil
}

// An openStream is the stream of a client as its caller has it.
type openStream struct {
	Stream
	call *Call
	end  func()
}

// Recv implements [Stream].
func (s *openStream) Recv(into any) error {
	err := s.Stream.Recv(into)
	if err == nil {
		return nil
	}
	s.end()
	return s.call.adopt(err)
}

// A Sender sends the messages of a stream: a handler has one as its last parameter if its method streams
// to the client. It is for one goroutine at a time.
type Sender[T any] struct{ s Stream }

// Send sends one message; see [Stream].
func (s *Sender[T]) Send(item T) error { return s.s.Send(&item) }

// A Receiver receives the messages of a stream. It is for one goroutine at a time.
type Receiver[T any] struct{ s Stream }

// Recv receives one message. The error is io.EOF after the last one; see [Stream].
func (r *Receiver[T]) Recv() (item T, err error) {
	err = r.s.Recv(&item)
	return item, err
}

// All ranges over the messages that are left. The last pair has the error that ended the stream, unless that
// is io.EOF. A client that leaves the loop early must cancel the context of its call.
//
//	for item, err := range r.All() {
//		if err != nil {
//			return err
//		}
//		…
//	}
func (r *Receiver[T]) All() iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			item, err := r.Recv()
			if err == io.EOF || !yield(item, err) || err != nil {
				return
			}
		}
	}
}

// A ClientStream is a call of a method to which only the client streams messages of the type T, and which
// returns an R; struct{} for void.
type ClientStream[T, R any] struct{ s Stream }

// Send sends one message; see [Stream].
func (c *ClientStream[T, R]) Send(item T) error { return c.s.Send(&item) }

// CloseAndRecv ends the stream and returns the result of the call.
func (c *ClientStream[T, R]) CloseAndRecv() (result R, err error) {
	if err = c.s.CloseSend(); err != nil {
		return result, err
	}
	if _, void := any(result).(struct{}); !void {
		if err = c.s.Recv(&result); err == nil || err != io.EOF {
			if err == nil {
				err = drained(c.s)
			}
			return result, err
		}
		return result, &Error{Code: CodeMissingResult, Message: "the stream ended without a result"}
	}
	return result, drained(c.s)
}

// drained waits for the end of a stream that has no more messages.
func drained(s Stream) error {
	var rest dynamic.Value
	switch err := s.Recv(&rest); err {
	case io.EOF:
		return nil
	case nil:
		return &Error{Code: CodeProtocol, Message: "the stream has a second result"}
	default:
		return err
	}
}

// A BidiStream is a call of a method that streams in both directions: the client sends messages of the type
// T and receives those of the type R. One goroutine may send while another receives.
type BidiStream[T, R any] struct{ s Stream }

// Send sends one message; see [Stream].
func (b *BidiStream[T, R]) Send(item T) error { return b.s.Send(&item) }

// Recv receives one message. The error is io.EOF after the last one; see [Stream].
func (b *BidiStream[T, R]) Recv() (item R, err error) {
	err = b.s.Recv(&item)
	return item, err
}

// All ranges over the messages that are left, as [Receiver.All] does.
func (b *BidiStream[T, R]) All() iter.Seq2[R, error] { return (&Receiver[R]{b.s}).All() }

// CloseSend ends what is sent.
func (b *BidiStream[T, R]) CloseSend() error { return b.s.CloseSend() }

// A streamFace is one of the types by which bound funcs have a stream.
type streamFace interface {
	attach(s Stream)
	items() (sent, received reflect.Type) // nil: none
}

func (s *Sender[T]) attach(to Stream)          { s.s = to }
func (r *Receiver[T]) attach(to Stream)        { r.s = to }
func (c *ClientStream[T, R]) attach(to Stream) { c.s = to }
func (b *BidiStream[T, R]) attach(to Stream)   { b.s = to }

func (*Sender[T]) items() (sent, received reflect.Type)   { return reflect.TypeFor[T](), nil }
func (*Receiver[T]) items() (sent, received reflect.Type) { return nil, reflect.TypeFor[T]() }
func (*ClientStream[T, R]) items() (sent, received reflect.Type) {
	return reflect.TypeFor[T](), reflect.TypeFor[R]()
}
func (*BidiStream[T, R]) items() (sent, received reflect.Type) {
	return reflect.TypeFor[T](), reflect.TypeFor[R]()
}

// face returns a new value of t, a pointer to one of the types of streams; nil if t is something else.
func face(t reflect.Type) streamFace {
	if t.Kind() != reflect.Pointer {
		return nil
	}
	f, _ := reflect.New(t.Elem()).Interface().(streamFace)
	return f
}

// noStream returns why m, which streams, cannot be bound or called; nil if it can.
func noStream(m *schema.Method) error {
	if m.First != nil {
		return errors.New("it has a response before its stream, which no protocol here carries")
	}
	return nil
}

// bindStream pairs a Go func type, without receiver, with m, which streams. On a server the streams are its
// last parameters, on a client its first result.
func bindStream(m *schema.Method, t reflect.Type, goPath string, exceptionType func(*schema.Field) reflect.Type, server bool) (*signature, error) {
	mismatch := func(format string, args ...any) (*signature, error) {
		return nil, &Mismatch{Pos: m.Pos, IDL: m.String(), Go: goPath + " (" + t.String() + ")", Message: fmt.Sprintf(format, args...)}
	}
	if err := noStream(m); err != nil {
		return mismatch("%v", err)
	}
	sent := len(m.Sent())
	streams := streamTypes(m, t, server)
	if streams == nil {
		return mismatch("its method streams: want %s", wantStream(m, sent, server))
	}
	var errs []error
	check := func(g reflect.Type, item *schema.Type, what string) {
		if g != nil && item.Kind != schema.KindVoid {
			if _, err := plan.ForType(g, item); err != nil {
				errs = append(errs, fmt.Errorf("%s: %s: %w", goPath, what, err))
			}
		}
	}
	result := reflect.TypeFor[any]()
	for _, f := range streams {
		toServer, toClient := f.items()
		if server {
			toServer, toClient = toClient, toServer
		}
		check(toServer, m.ClientItem(), "streamed by the client")
		check(toClient, m.Result, "streamed by the server")
	}
	if server && m.Stream == schema.ClientStream && m.Result.Kind != schema.KindVoid {
		result = t.Out(0)
	}
	if m.Result.Kind == schema.KindVoid {
		result = nil
	}
	var params []reflect.Type
	var paths []string
	for i := range m.Args.Fields {
		params, paths = append(params, reflect.TypeFor[any]()), append(paths, fmt.Sprintf("%s: parameter %d", goPath, i+1))
		if i < sent {
			params[i] = t.In(i + 1)
		}
	}
	args, err1 := tuple(m.Args, params, paths)
	reply, err2 := replyTuple(m, result, goPath, exceptionType)
	if err := errors.Join(append(errs, err1, err2)...); err != nil {
		return nil, err
	}
	return &signature{method: m, args: args, reply: reply, holds: true}, nil
}

// streamTypes returns a value of each type of stream that t has, nil if t has not the form that m needs.
func streamTypes(m *schema.Method, t reflect.Type, server bool) []streamFace {
	kinds := streamForm(m, server)
	results := 1
	switch {
	case !server, m.Stream == schema.ClientStream && m.Result.Kind != schema.KindVoid:
		results = 2
	}
	params := 1 + len(m.Sent())
	at := t.In
	first := params
	if !server {
		at, first = t.Out, 0
	} else {
		params += len(kinds)
	}
	if t.IsVariadic() || t.NumIn() != params || t.NumOut() != results || t.In(0) != contextType || t.Out(results-1) != errorType {
		return nil
	}
	var faces []streamFace
	for i, kind := range kinds {
		f := face(at(first + i))
		if f == nil || streamName(f) != kind {
			return nil
		}
		faces = append(faces, f)
	}
	return faces
}

// streamForm returns the names of the types of streams that a func for m has, in their order.
func streamForm(m *schema.Method, server bool) []string {
	switch {
	case m.Stream == schema.ServerStream && server:
		return []string{"Sender"}
	case m.Stream == schema.ServerStream, m.Stream == schema.ClientStream && server:
		return []string{"Receiver"}
	case m.Stream == schema.ClientStream:
		return []string{"ClientStream"}
	case server:
		return []string{"Receiver", "Sender"}
	}
	return []string{"BidiStream"}
}

func streamName(f streamFace) string {
	name := reflect.TypeOf(f).Elem().Name()
	name, _, _ = strings.Cut(name, "[")
	return name
}

// wantStream describes the func that m needs.
func wantStream(m *schema.Method, sent int, server bool) string {
	params := []string{"context.Context"}
	for _, f := range m.Args.Fields[:sent] {
		params = append(params, f.Type.String())
	}
	var streams []string
	for _, kind := range streamForm(m, server) {
		items := m.Result.String()
		switch {
		case kind == "ClientStream" || kind == "BidiStream":
			items = m.ClientItem().String() + ", " + items
		case kind == "Receiver" && server:
			items = m.ClientItem().String()
		}
		streams = append(streams, "*rpc."+kind+"["+items+"]")
	}
	var results []string
	if server {
		params = append(params, streams...)
		if m.Stream == schema.ClientStream && m.Result.Kind != schema.KindVoid {
			results = append(results, m.Result.String())
		}
	} else {
		results = streams
	}
	results = append(results, "error")
	return "func(" + strings.Join(params, ", ") + ") (" + strings.Join(results, ", ") + ")"
}

// streamCaller returns a Handler that calls fn, which takes its streams last and, if first is 0, its receiver first; if that is 1 it has
// none.
func streamCaller(m *schema.Method, fn reflect.Value, first int) Handler {
	sent := len(m.Sent())
	var faces []reflect.Type
	for i := 2 + sent - first; i < fn.Type().NumIn(); i++ {
		faces = append(faces, fn.Type().In(i).Elem())
	}
	return func(ctx context.Context, call *Call) error {
		x := call.bound
		x.ctx = ctx
		in := slices.Clone(x.in[first : 2+sent])
		for _, t := range faces {
			f := reflect.New(t)
			f.Interface().(streamFace).attach(call.stream)
			in = append(in, f)
		}
		out := fn.Call(in)
		x.ctx = nil
		if err, _ := out[len(out)-1].Interface().(error); err != nil {
			return err
		}
		if len(out) > 1 {
			x.storeResult(call, out[0])
		}
		return nil
	}
}

// streamStub returns a func of type t that calls sig's method, which streams, over c.
func (c *Client) streamStub(svc *schema.Service, sig *signature, t reflect.Type) reflect.Value {
	sent := len(sig.method.Sent())
	return reflect.MakeFunc(t, func(in []reflect.Value) []reflect.Value {
		x := newStubCall(svc, sig)
		for i, v := range in[1 : 1+sent] {
			x.args[i].Set(v)
		}
		ctx, _ := in[0].Interface().(context.Context)
		if err := c.open(ctx, &x.call); err != nil {
			return []reflect.Value{reflect.Zero(t.Out(0)), reflect.ValueOf(&err).Elem()}
		}
		f := reflect.New(t.Out(0).Elem())
		f.Interface().(streamFace).attach(x.call.stream)
		return []reflect.Value{f, reflect.Zero(errorType)}
	})
}
