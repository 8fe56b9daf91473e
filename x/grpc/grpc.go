// Package grpc lets a server answer gRPC, gRPC-Web and Connect on its port, next to all dialects of Thrift, from
// the same .thrift file and the same handlers, and lets a client call servers of gRPC and Connect:
//
//	server := thriftkit.NewServer(thriftkit.WithDialects(grpc.Dialect()))
//	client, err := thriftkit.Dial(ctx, "grpc://localhost:9090", thriftkit.WithDialects(grpc.Dialect()))
//
// The server's clients are the usual ones: programs of gRPC in any language with the .proto file that "thriftkit gen proto" writes,
// grpcurl, which finds the services by server reflection, curl. HTTP/2 works without TLS (prior knowledge) and with it (ALPN);
// gRPC-Web and Connect work over HTTP/1.1, too. Interceptors, limits, deadlines, metadata, statistics and shutdown are those of the
// server.
//
// Targets of a client are grpc://host:port and connect://host:port/path, and grpcs and connects by TLS, with the keys of tls targets;
// protocol=json sends JSON, service=NAME calls another service than the one that declares the methods. Calls of gRPC share
// connections. Bind, Invoke, generated clients and streams work as over Thrift. tri://host:port and tris are Triple, Dubbo's gRPC, whose
// methods are those of a Java interface and do not stream, or with protocol=proto those of a .proto file; docs/dubbo.md has more.
//
// docs/grpc.md is the specification: names, types, errors, metadata. The schema is mapped to protobuf once; messages are encoded and
// decoded straight from and to the bound Go types.
//
// It is a module of its own, for the sake of the libraries that it needs.
package grpc

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/grpcreflect"

	"github.com/thriftkit/thriftkit/internal/protomap"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// Name is the name of the dialect, for thriftkit.WithAccept.
const Name = "grpc"

// Dialect returns the dialect with the default options.
func Dialect() rpc.Dialect { return New(Options{}) }

// Options say what a dialect does. The zero value is right for most.
type Options struct {
	// NoReflection leaves server reflection out: clients need a .proto file.
	NoReflection bool
	// Group and Version are what callers of Triple, Dubbo's gRPC, must name. "" accepts all of them.
	Group, Version string
}

// New returns a dialect, which may be given to any number of servers and clients.
//
// Besides the services that are registered, a server answers gRPC's server reflection (v1 and v1alpha) and health
// checking (grpc.health.v1), in which every service is serving until the server shuts down. Interceptors see the calls of neither.
func New(o Options) rpc.Dialect { return &dialect{opts: o} }

type dialect struct {
	opts     Options
	mu       sync.Mutex
	services []*schema.Service // for which handlers are
	handlers *handlers
}

// handlers answer the requests for some services.
type handlers struct {
	desc *description
	err  error // why there are none
	mux  map[string]http.Handler
	opts Options
}

func (d *dialect) Name() string { return Name }

// MatchHTTP implements [rpc.HTTPDialect].
func (d *dialect) MatchHTTP(r *http.Request) bool {
	contentType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	switch {
	case strings.HasPrefix(contentType, "application/grpc"), strings.HasPrefix(contentType, "application/connect+"):
		return true
	case r.Method == http.MethodGet: // of Connect: the message is in the query
		q := r.URL.Query()
		return q.Has("message") && q.Has("encoding")
	case r.Method != http.MethodPost:
		return false
	case r.Header.Get("Connect-Protocol-Version") != "":
		return true
	}
	service, method, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return ok && (contentType == "application/json" || contentType == "application/proto") && strings.Contains(service, ".") &&
		method != "" && !strings.Contains(method, "/")
}

type requestKey struct{}

// A request is what calls know of the HTTP request that they come by.
type request struct {
	s  rpc.Invoker
	rc *http.ResponseController
}

// readWithin bounds the reading of a request that is one message.
func (r *request) readWithin() {
	if read, _ := r.s.MessageTimeouts(); read > 0 {
		r.rc.SetReadDeadline(time.Now().Add(read))
	}
}

// readDone ends what readWithin began: a deadline that passes later would end the call.
func (r *request) readDone() { r.rc.SetReadDeadline(time.Time{}) }

// writeWithin bounds the writing of what comes next.
func (r *request) writeWithin() {
	if _, write := r.s.MessageTimeouts(); write > 0 {
		r.rc.SetWriteDeadline(time.Now().Add(write))
	}
}

func requestOf(ctx context.Context) *request { return ctx.Value(requestKey{}).(*request) }

// ServeHTTP implements [rpc.HTTPDialect].
func (d *dialect) ServeHTTP(w http.ResponseWriter, r *http.Request, s rpc.Invoker) {
	h := d.handlersFor(s)
	req := &request{s, http.NewResponseController(w)}
	ctx := context.WithValue(r.Context(), requestKey{}, req)
	req.rc.SetWriteDeadline(time.Time{}) // the last answer on this connection may have set one
	if m := h.method(r.URL.Path); m == nil && !strings.HasPrefix(r.URL.Path, "/grpc.reflection.") || m != nil && !m.m.Stream.ClientStreams() {
		req.readWithin()
	}
	next := h.mux[r.URL.Path]
	if next == nil {
		next = h.unimplemented(r.URL.Path)
	}
	next.ServeHTTP(w, r.WithContext(ctx))
}

// handlersFor returns the handlers for the services of s.
func (d *dialect) handlersFor(s rpc.Invoker) *handlers {
	services := s.Services()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.handlers == nil || !slices.Equal(d.services, services) {
		d.services, d.handlers = slices.Clone(services), newHandlers(services, s.MaxMessageBytes(), d.opts)
	}
	return d.handlers
}

func newHandlers(services []*schema.Service, max int, o Options) *handlers {
	h := &handlers{mux: make(map[string]http.Handler), opts: o}
	if h.desc, h.err = describe(services); h.err != nil {
		return h
	}
	opts := []connect.HandlerOption{
		connect.WithCodec(rawCodec{"proto", false}), connect.WithCodec(rawCodec{"json", true}), connect.WithCodec(rawCodec{"json; charset=utf-8", true}),
		connect.WithCodec(rawCodec{"hessian2", false}), // of dubbo-go, for wrappers
		connect.WithReadMaxBytes(max), connect.WithSendMaxBytes(max), connect.WithCompressMinBytes(1024),
	}
	for path, m := range h.desc.methods {
		h.mux[path] = h.handler(path, m, opts)
	}
	file := newHealthFile()
	names := append(slices.Clone(h.desc.names), healthName)
	reflector := grpcreflect.NewReflector(grpcreflect.NamerFunc(func() []string { return names }),
		grpcreflect.WithDescriptorResolver(withHealth{h.desc.files, file}))
	limit := connect.WithReadMaxBytes(64 << 10) // of names
	if !o.NoReflection {
		for _, reflect := range []func(*grpcreflect.Reflector, ...connect.HandlerOption) (string, http.Handler){grpcreflect.NewHandlerV1, grpcreflect.NewHandlerV1Alpha} {
			prefix, x := reflect(reflector, limit)
			h.mux[prefix+"ServerReflectionInfo"] = x
		}
	}
	check := &health{h.desc.names}
	for path, x := range check.handlers(append(slices.Clone(opts), limit)...) {
		h.mux[path] = x
	}
	return h
}

// method returns the method at a path, nil if the path is not one of a service of ours.
func (h *handlers) method(path string) *method {
	if h.desc == nil {
		return nil
	}
	return h.desc.methods[path]
}

// unimplemented answers a call of a method that does not exist, in whatever protocol it comes.
func (h *handlers) unimplemented(path string) http.Handler {
	return connect.NewUnaryHandler(path, func(context.Context, *connect.Request[message]) (*connect.Response[message], error) {
		if h.err != nil {
			return nil, connect.NewError(connect.CodeInternal, h.err)
		}
		return nil, connect.NewError(connect.CodeUnimplemented, errUnknownMethod(path))
	}, connect.WithCodec(rawCodec{"proto", false}), connect.WithCodec(rawCodec{"json", true}), connect.WithCodec(rawCodec{"hessian2", false}), connect.WithReadMaxBytes(1<<20))
}

type errUnknownMethod string

func (e errUnknownMethod) Error() string { return "unknown method " + string(e) }

// handler returns the handler of a method.
func (h *handlers) handler(path string, m *method, opts []connect.HandlerOption) http.Handler {
	opts = slices.Clone(opts)
	if m.desc != nil {
		opts = append(opts, connect.WithSchema(m.desc))
	}
	if protomap.Idempotency(m.m) == "NO_SIDE_EFFECTS" { // Connect has a GET for these
		opts = append(opts, connect.WithIdempotency(connect.IdempotencyNoSideEffects))
	}
	switch m.m.Stream {
	case schema.ServerStream:
		return connect.NewServerStreamHandler(path, func(ctx context.Context, req *connect.Request[message], s *connect.ServerStream[message]) error {
			return h.stream(ctx, m, s.Conn(), req.Msg)
		}, opts...)
	case schema.ClientStream:
		return connect.NewClientStreamHandler(path, func(ctx context.Context, s *connect.ClientStream[message]) (*connect.Response[message], error) {
			return h.clientStream(ctx, m, s.Conn())
		}, opts...)
	case schema.BidiStream:
		return connect.NewBidiStreamHandler(path, func(ctx context.Context, s *connect.BidiStream[message, message]) error {
			return h.stream(ctx, m, s.Conn(), nil)
		}, opts...)
	}
	return connect.NewUnaryHandler(path, func(ctx context.Context, req *connect.Request[message]) (*connect.Response[message], error) {
		return h.unary(ctx, m, req)
	}, opts...)
}

// invocation returns the call of a method, without its arguments.
func invocation(ctx context.Context, m *method, header http.Header) *rpc.Invocation {
	in := &rpc.Invocation{Service: m.svc.Name, Method: m.m.Name}
	in.Metadata, in.PersistentMetadata = metadataOf(header)
	if deadline, ok := ctx.Deadline(); ok {
		in.Timeout = max(time.Until(deadline), 1)
	}
	return in
}

// arguments makes in read the request.
func (m *method) arguments(in *rpc.Invocation, req *message) {
	in.Bytes = len(req.data)
	in.Args = func(call *rpc.Call) error {
		b, err := req.binary(m.input)
		if err != nil {
			return err
		}
		return m.readArgs(call, b)
	}
}

func (h *handlers) unary(ctx context.Context, m *method, req *connect.Request[message]) (*connect.Response[message], error) {
	requestOf(ctx).readDone()
	defer requestOf(ctx).writeWithin()
	in := invocation(ctx, m, req.Header())
	w, err := m.wrapper(req.Msg)
	if err != nil {
		return nil, connect.NewError(connect.CodeInvalidArgument, err)
	}
	if err := h.opts.selects(req.Header(), w != nil); err != nil {
		return nil, err
	}
	switch {
	case w != nil:
		in.Bytes, in.Args = len(req.Msg.data), w.readArgs
	default:
		m.arguments(in, req.Msg)
	}
	reply := connect.NewResponse[message](nil)
	r := invoke(ctx, in, reply.Header(), reply.Trailer())
	defer r.Release()
	failed := r.Err != nil
	var failure *connect.Error
	if failed && w != nil && ctx.Err() == nil {
		reply.Msg, failure = w.exception(reply.Header(), r.Err)
	}
	if failed && reply.Msg == nil {
		err := failure
		if err == nil {
			err = h.failure(ctx, r.Err)
		}
		maps.Copy(err.Meta(), reply.Header())
		maps.Copy(err.Meta(), reply.Trailer())
		if e := setMetadata(err.Meta(), r.Metadata); e != nil {
			err = connect.NewError(connect.CodeInternal, e)
		}
		return nil, err
	}
	switch {
	case failed:
	case w != nil:
		reply.Msg, err = w.response(r)
	default:
		reply.Msg, err = m.response(r, req.Msg.json)
	}
	if err != nil {
		return nil, connect.NewError(connect.CodeInternal, err)
	}
	if err := setMetadata(reply.Header(), r.Metadata); err != nil {
		return nil, connect.NewError(connect.CodeInternal, err)
	}
	return reply, nil
}

// failure returns what a client learns of err.
func (h *handlers) failure(ctx context.Context, err error) *connect.Error {
	if ctx.Err() == context.DeadlineExceeded { // whatever a handler makes of it
		return connect.NewError(connect.CodeDeadlineExceeded, ctx.Err())
	}
	return h.desc.connectError(err)
}

// response returns the reply of a call that has a result, or of a oneway method.
func (m *method) response(r *rpc.Result, json bool) (*message, error) {
	var b []byte
	if !m.m.Oneway {
		var err error
		if b, err = m.reply(r.Call); err != nil {
			return nil, err
		}
	}
	r.Bytes = len(b)
	return newMessage(b, m.output, json)
}

func invokerOf(ctx context.Context) rpc.Invoker { return requestOf(ctx).s }
