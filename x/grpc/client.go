package grpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/callvalues"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/muxconn"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protomap"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
	wireproto "github.com/thriftkit/thriftkit/wire/proto"
)

// Dials implements [rpc.ClientDialect].
func (*dialect) Dials(scheme string) bool {
	return scheme == "grpc" || scheme == "connect" || scheme == "tri"
}

// DialTarget implements [rpc.ClientDialect]. Calls of gRPC and Triple share connections of HTTP/2; those of Connect use HTTP/1.1, or
// HTTP/2 where TLS agrees on it.
func (*dialect) DialTarget(ctx context.Context, t transport.Target, opts rpc.ClientOptions) (rpc.Handler, func(), error) {
	c := &client{target: t, json: t.Protocol == "json", wraps: t.Foreign == "tri" && t.Protocol == ""}
	life, closeCalls := context.WithCancel(context.Background())
	c.life = life
	d := &dialer{target: t, opts: opts}
	isGRPC := t.Foreign != "connect"
	if isGRPC {
		c.opts = append(c.opts, connect.WithGRPC())
	}
	codec := rawCodec{"proto", false}
	switch {
	case c.json:
		codec = rawCodec{"json", true}
	case c.wraps:
		codec = rawCodec{goHessian, false}
	}
	c.opts = append(c.opts, connect.WithCodec(codec), connect.WithReadMaxBytes(opts.MaxMessageBytes), connect.WithSendMaxBytes(opts.MaxMessageBytes))
	tr := &http.Transport{
		DialContext: d.dial, Protocols: new(http.Protocols), DisableCompression: true,
		IdleConnTimeout: 2 * time.Minute, MaxConnsPerHost: opts.MaxConns, MaxIdleConnsPerHost: opts.MaxConns,
	}
	switch {
	case isGRPC:
		tr.Protocols.SetUnencryptedHTTP2(true)
		tr.DialTLSContext = d.dial // net/http sees no TLS: HTTP/2 by prior knowledge, inside TLS that has agreed on it
		if t.TLS {
			tr.Protocols.SetHTTP2(true)
		}
	case t.TLS:
		tr.Protocols.SetHTTP1(true)
		tr.Protocols.SetHTTP2(true)
		tr.DialTLSContext = d.dial
	default:
		tr.Protocols.SetHTTP1(true)
	}
	var transport http.RoundTripper = tr
	if c.wraps {
		transport = tripleTransport{tr}
	}
	c.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	u := t.URL()
	c.base = strings.TrimSuffix(u.String(), "/")
	if !opts.Lazy {
		nc, err := d.dial(ctx, "", "")
		if err != nil {
			closeCalls()
			return nil, nil, &rpc.Error{Code: rpc.CodeUnavailable, Outcome: rpc.OutcomeNotSent, Message: err.Error(), Cause: err}
		}
		d.keep(nc)
	}
	return c.handle, func() { closeCalls(); d.close(); tr.CloseIdleConnections() }, nil
}

// A dialer makes the connections of a client.
type dialer struct {
	target transport.Target
	opts   rpc.ClientOptions

	mu    sync.Mutex
	first net.Conn // that Dial made; nil when it is used
}

// errDial wraps the error of a connection that was not made.
type errDial struct{ error }

func (e errDial) Unwrap() error { return e.error }

// plainConn hides from net/http that a connection has TLS.
type plainConn struct{ net.Conn }

func (d *dialer) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if nc := d.take(); nc != nil {
		return nc, nil
	}
	if d.opts.DialTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.opts.DialTimeout)
		defer cancel()
	}
	dial, config := d.opts.Dialer, d.opts.TLS
	if dial == nil {
		dial = func(ctx context.Context, t transport.Target, config *tls.Config) (net.Conn, error) {
			return t.Dial(ctx, config)
		}
	}
	if d.target.TLS {
		if config = config.Clone(); config == nil {
			config = &tls.Config{}
		}
		config.NextProtos = []string{"h2"}
		if d.target.Foreign == "connect" {
			config.NextProtos = []string{"h2", "http/1.1"}
		}
	}
	nc, err := dial(ctx, d.target, config)
	switch {
	case err != nil:
		return nil, errDial{err}
	case d.target.Foreign == "connect":
		return nc, nil // net/http looks at what TLS has agreed on
	}
	return plainConn{nc}, nil
}

func (d *dialer) keep(nc net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.first = nc
}

func (d *dialer) take() net.Conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	nc := d.first
	d.first = nil
	return nc
}

// close closes the connection that no call has used.
func (d *dialer) close() {
	if nc := d.take(); nc != nil {
		nc.Close()
	}
}

// A client makes the calls for a target.
type client struct {
	target  transport.Target
	json    bool
	wraps   bool // requests and replies are wrappers of Triple
	http    *http.Client
	base    string
	opts    []connect.ClientOption
	methods sync.Map        // *clientMethod by methodKey
	life    context.Context // ends when the client is closed
}

type methodKey struct {
	svc *schema.Service
	m   *schema.Method
}

// A clientMethod is a method of a service as a client calls it.
type clientMethod struct {
	method
	call       *connect.Client[message, message]
	exceptions map[string]*schema.Struct // the declared ones, by the full names of their messages
}

var errClosed = &rpc.Error{Code: rpc.CodeClosed, Outcome: rpc.OutcomeNotSent, Message: "client is closed"}

// methodFor returns what is known of a method, found out once.
func (c *client) methodFor(svc *schema.Service, m *schema.Method) (*clientMethod, error) {
	if svc == nil {
		svc = m.Service
	}
	key := methodKey{svc, m}
	if x, ok := c.methods.Load(key); ok {
		return x.(*clientMethod), nil
	}
	if c.wraps {
		x, err := c.wrappedMethod(svc, m)
		if err != nil {
			return nil, err
		}
		got, _ := c.methods.LoadOrStore(key, x)
		return got.(*clientMethod), nil
	}
	if why := protomap.Unmapped(m); why != "" {
		return nil, errors.New("the method cannot be called by gRPC: " + why)
	}
	set, err := protomap.FilesOf(svc.File, m.Service.File)
	if err != nil {
		return nil, err
	}
	x := &clientMethod{method: method{svc: svc, m: m, isRequest: protomap.Request(m) != nil, isResponse: protomap.IsResponse(m)}, exceptions: make(map[string]*schema.Struct)}
	if err := x.setJSON(); err != nil {
		return nil, err
	}
	for _, list := range [][]*schema.Field{m.Throws, m.StreamThrows} {
		for _, f := range list {
			x.exceptions[set.Structs[f.Type.Struct]] = f.Type.Struct
		}
	}
	name := protomap.FullName(svc)
	if s := c.target.Service; strings.Contains(s, ".") {
		name = s
	} else if s != "" {
		name = protomap.Package(svc.File) + "." + s
	}
	x.call = connect.NewClient[message, message](c.http, c.base+"/"+name+"/"+protomap.Ident(m.Name), c.opts...)
	got, _ := c.methods.LoadOrStore(key, x)
	return got.(*clientMethod), nil
}

// handle makes a call.
func (c *client) handle(ctx context.Context, call *rpc.Call) error {
	m, err := c.methodFor(call.Service, call.Method)
	if err != nil {
		return notSent(call.Method, err)
	}
	if c.life.Err() != nil {
		return errClosed
	}
	if m.m.Stream != schema.Unary {
		return c.open(ctx, m, call)
	}
	msg, err := c.request(m, call)
	if err != nil {
		return notSent(m.m, err)
	}
	ctx, end := c.untilClosed(ctx)
	defer end()
	req := connect.NewRequest(msg)
	if err := c.setHeader(ctx, req.Header()); err != nil {
		return notSent(m.m, err)
	}
	resp, err := m.call.CallUnary(ctx, req)
	if err != nil {
		return m.failure(ctx, err)
	}
	rpc.SetReceivedMetadata(ctx, received(resp.Header(), resp.Trailer()))
	if c.wraps {
		return m.unwrap(call, resp)
	}
	if m.m.Oneway || m.output == nil {
		return nil
	}
	b, err := resp.Msg.binary(m.output)
	if err == nil {
		err = m.setResult(call, b)
	}
	if err != nil {
		return &rpc.Error{Code: rpc.CodeProtocol, Outcome: rpc.OutcomeExecuted, Message: err.Error(), Method: m.m.String(), Cause: err}
	}
	return nil
}

// untilClosed returns ctx, ended by the closing of the client as well.
func (c *client) untilClosed(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(c.life, func() { cancel(errClosed) })
	return ctx, func() { stop(); cancel(nil) }
}

func notSent(m *schema.Method, err error) error {
	return &rpc.Error{Code: rpc.CodeArgument, Outcome: rpc.OutcomeNotSent, Message: err.Error(), Method: m.String(), Cause: err}
}

// setOutgoing sets the metadata that a call takes along.
func setOutgoing(ctx context.Context, header http.Header) error {
	transient, persistent := rpc.OutgoingMetadata(ctx)
	err := setMetadata(header, transient)
	for k, v := range persistent {
		err = errors.Join(err, setField(header, persistentPrefix+k, v))
	}
	return err
}

// setHeader sets what a call takes along.
func (c *client) setHeader(ctx context.Context, header http.Header) error {
	for name, value := range map[string]string{groupHeader: c.target.Group, versionHeader: c.target.Version} {
		if value != "" {
			header.Set(name, value)
		}
	}
	return setOutgoing(ctx, header)
}

// received returns the metadata of a reply.
func received(header, trailer http.Header) map[string]string {
	md, _ := metadataOf(header)
	after, _ := metadataOf(trailer)
	for k, v := range after {
		if md == nil {
			md = make(map[string]string)
		}
		md[k] = v
	}
	return md
}

// request encodes the arguments of a call.
func (c *client) request(m *clientMethod, call *rpc.Call) (*message, error) {
	if c.wraps {
		return wrapArgs(call)
	}
	if m.m.ClientItem() != nil {
		return nil, nil
	}
	b, err := m.appendArgs(call)
	if err != nil {
		return nil, err
	}
	return newMessage(b, m.input, c.json)
}

func (m *method) appendArgs(call *rpc.Call) ([]byte, error) {
	t, at := callvalues.Arguments(call)
	if !m.isRequest {
		c, err := wireproto.For(t)
		if err != nil {
			return nil, err
		}
		return c.Append(nil, at)
	}
	if t.Op != plan.OpStruct {
		v := (*mem.As[*dynamic.Struct](at)).At(0)
		if !v.IsSet() {
			return nil, nil
		}
		return appendAny(m.m.Args.Fields[0].Type, v, true)
	}
	f := &t.Struct.Fields[0]
	c, err := wireproto.For(f.Type)
	if err != nil {
		return nil, err
	}
	return c.Append(nil, at.Add(f.Offset))
}

// setResult decodes the result of a call.
func (m *method) setResult(call *rpc.Call, b []byte) error {
	t, at := callvalues.Reply(call)
	if t.Op == plan.OpStruct {
		f := &t.Struct.Fields[0]
		return consume(b, f.Type, at.Add(f.Offset), m.isResponse)
	}
	var v dynamic.Value
	if err := m.consumeAny(b, m.m.Result, &v, m.isResponse); err != nil {
		return err
	}
	return call.SetResult(v)
}

// open opens the stream of a call.
func (c *client) open(ctx context.Context, m *clientMethod, call *rpc.Call) error {
	if m.m.Stream == schema.BidiStream && c.target.Foreign == "connect" && !c.target.TLS {
		return notSent(m.m, errors.New("the method streams in both directions, for which Connect needs HTTP/2: use a connects or grpc target"))
	}
	msg, err := c.request(m, call)
	if err != nil {
		return notSent(m.m, err)
	}
	ctx, end := c.untilClosed(ctx)
	context.AfterFunc(ctx, end) // of a stream that its caller leaves by cancelling
	s := &clientStream{m: m, ctx: ctx, end: end, json: c.json}
	header := make(http.Header)
	if err := c.setHeader(ctx, header); err != nil {
		end()
		return notSent(m.m, err)
	}
	switch m.m.Stream {
	case schema.ServerStream:
		req := connect.NewRequest(msg)
		copyHeader(req.Header(), header)
		x, err := m.call.CallServerStream(ctx, req)
		if err != nil {
			err = m.failure(ctx, err)
			end()
			return err
		}
		if s.conn, err = x.Conn(); err != nil {
			end()
			return notSent(m.m, err)
		}
	case schema.ClientStream:
		x := m.call.CallClientStream(ctx)
		copyHeader(x.RequestHeader(), header)
		s.conn, err = x.Conn()
	default:
		x := m.call.CallBidiStream(ctx)
		copyHeader(x.RequestHeader(), header)
		s.conn, err = x.Conn()
	}
	if err != nil {
		end()
		return notSent(m.m, err)
	}
	if m.m.Stream != schema.ServerStream {
		if err := s.conn.Send(nil); err != nil { // only the header: the server may speak first
			err = s.failure(err)
			end()
			return err
		}
	}
	call.SetStream(s)
	return nil
}

func copyHeader(to, from http.Header) {
	for k, v := range from {
		to[k] = v
	}
}

// A clientStream is the client's side of the streams of a call.
type clientStream struct {
	m    *clientMethod
	ctx  context.Context
	end  func()
	json bool
	conn connect.StreamingClientConn

	single bool  // the result of a method to which only the client streams has come
	over   error // that ended what is received
}

// Send implements [rpc.Stream].
func (s *clientStream) Send(item any) error {
	t := s.m.m.ClientItem()
	if t == nil {
		return &rpc.Error{Code: rpc.CodeArgument, Message: "the client of the method does not stream", Method: s.m.m.String()}
	}
	b, err := appendAny(t, item, s.m.isRequest)
	var msg *message
	if err == nil {
		msg, err = newMessage(b, s.m.input, s.json)
	}
	if err != nil {
		return &rpc.Error{Code: rpc.CodeArgument, Message: err.Error(), Method: s.m.m.String(), Cause: err}
	}
	if err := s.conn.Send(msg); err != nil {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return s.m.failure(s.ctx, err)
	}
	return nil
}

// CloseSend implements [rpc.Stream].
func (s *clientStream) CloseSend() error {
	if s.m.m.ClientItem() == nil {
		return nil // the request has ended
	}
	if err := s.conn.CloseRequest(); err != nil && !errors.Is(err, io.EOF) {
		return s.m.failure(s.ctx, err)
	}
	return nil
}

// Recv implements [rpc.Stream].
func (s *clientStream) Recv(into any) error {
	if s.over != nil {
		return s.over
	}
	err := s.receive(into)
	if err == nil {
		return nil
	}
	if err == io.EOF {
		rpc.SetReceivedMetadata(s.ctx, received(s.conn.ResponseHeader(), s.conn.ResponseTrailer()))
	}
	s.over = err
	s.conn.CloseResponse()
	s.end()
	return err
}

func (s *clientStream) receive(into any) error {
	void := s.m.m.Result.Kind == schema.KindVoid
	for {
		var msg message
		if err := s.conn.Receive(&msg); err != nil {
			return s.failure(err)
		}
		switch {
		case s.single:
			return &rpc.Error{Code: rpc.CodeProtocol, Outcome: rpc.OutcomeExecuted, Message: "the stream has a second result", Method: s.m.m.String()}
		case s.m.m.Stream == schema.ClientStream:
			s.single = true
		}
		if void && s.m.m.Stream == schema.ClientStream {
			continue
		}
		if void {
			return nil
		}
		b, err := msg.binary(s.m.output)
		if err == nil {
			err = s.m.consumeAny(b, s.m.m.Result, into, s.m.isResponse)
		}
		if err != nil {
			return &rpc.Error{Code: rpc.CodeProtocol, Outcome: rpc.OutcomeExecuted, Message: err.Error(), Method: s.m.m.String(), Cause: err}
		}
		return nil
	}
}

func (s *clientStream) failure(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return s.m.failure(s.ctx, err)
}

// received codes: what of rpc stands for a status code. The other codes are business errors.
var clientCodes = map[connect.Code]rpc.Error{
	connect.CodeCanceled:          {Code: rpc.CodeCanceled, Cause: context.Canceled},
	connect.CodeUnknown:           {Code: rpc.CodeUnknown, Outcome: rpc.OutcomeExecuted},
	connect.CodeDeadlineExceeded:  {Code: rpc.CodeTimeout, Cause: context.DeadlineExceeded},
	connect.CodeResourceExhausted: {Code: rpc.CodeOverloaded},
	connect.CodeUnimplemented:     {Code: rpc.CodeUnknownMethod, Outcome: rpc.OutcomeRefused},
	connect.CodeInternal:          {Code: rpc.CodeInternal, Outcome: rpc.OutcomeExecuted},
	connect.CodeUnavailable:       {Code: rpc.CodeUnavailable},
}

// failure returns what a failed call is in the terms of package rpc.
func (m *clientMethod) failure(ctx context.Context, err error) error {
	var (
		status *connect.Error
		dial   errDial
	)
	e := &rpc.Error{Code: rpc.CodeConnectionLost, Message: err.Error(), Method: m.m.String(), Cause: err}
	if !errors.As(err, &status) {
		return e
	}
	e.Message = status.Message()
	if !connect.IsWireError(err) {
		cause := context.Cause(ctx)
		switch {
		case errors.Is(cause, errClosed):
			closed := *errClosed
			closed.Method, closed.Outcome = m.m.String(), rpc.OutcomeUnknown
			return &closed
		case errors.As(err, &dial):
			e.Code, e.Outcome, e.Message = rpc.CodeUnavailable, rpc.OutcomeNotSent, dial.Error()
			if ctx.Err() == nil {
				return e
			}
		}
		switch {
		case status.Code() == connect.CodeDeadlineExceeded, errors.Is(cause, context.DeadlineExceeded):
			e.Code, e.Message, e.Cause = rpc.CodeTimeout, context.DeadlineExceeded.Error(), errors.Join(context.DeadlineExceeded, err)
		case status.Code() == connect.CodeCanceled && ctx.Err() != nil:
			e.Code, e.Message, e.Cause = rpc.CodeCanceled, context.Canceled.Error(), errors.Join(context.Canceled, err)
		case status.Code() == connect.CodeResourceExhausted, status.Code() == connect.CodeInvalidArgument:
			e.Code = rpc.CodeProtocol
		case status.Code() == connect.CodeUnauthenticated: // of HTTP, 401; as a status it would be of the method
			e.Code, e.Outcome = rpc.CodeUnauthenticated, rpc.OutcomeRefused
		case status.Code() == connect.CodePermissionDenied: // 403
			e.Code, e.Outcome = rpc.CodePermissionDenied, rpc.OutcomeRefused
		}
		return e
	}
	rpc.SetReceivedMetadata(ctx, received(status.Meta(), nil))
	if x := m.exception(status); x != nil {
		return x
	}
	if x := receivedBusiness(status); x != nil {
		return x
	}
	if m.wrapped && status.Code() == codeBizError {
		return muxconn.ErrorOf(m.m, received(status.Meta(), nil), rpc.CodeInternal, status.Message())
	}
	known, ok := clientCodes[status.Code()]
	if !ok {
		return &rpc.BusinessError{Code: int32(status.Code()), Message: status.Message()}
	}
	known.Remote, known.Message, known.Method = true, status.Message(), m.m.String()
	return &known
}

// exception returns the declared exception that is in the details of a status, nil if there is none.
func (m *clientMethod) exception(status *connect.Error) error {
	for _, d := range status.Details() {
		desc := m.exceptions[d.Type()]
		if desc == nil {
			continue
		}
		var v dynamic.Value
		if err := m.consumeAny(d.Bytes(), desc.Type(), &v, true); err != nil {
			return &rpc.Error{Code: rpc.CodeProtocol, Outcome: rpc.OutcomeExecuted, Message: fmt.Sprintf("exception %s: %v", desc.Name, err), Method: m.m.String(), Cause: err}
		}
		return &rpc.Exception{Value: v.Struct()}
	}
	return nil
}
