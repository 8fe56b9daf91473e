// Package motan lets a server answer clients of Motan (github.com/weibocom/motan, motan-go) by the protocol Motan2 on its port, next
// to all dialects of Thrift, from the same .thrift file and the same handlers, and lets a client call servers of Motan:
//
//	server := thriftkit.NewServer(thriftkit.WithDialects(motan.Dialect()))
//	client, err := thriftkit.Dial(ctx, "motan2://localhost:8100", thriftkit.WithDialects(motan.Dialect()))
//
// The serializations are "simple" and hessian2, each call is answered in its own; breeze is refused by an exception that says so, and the
// protocol's first version by the end of the connection. Heartbeats, gzip, oneway calls, deadlines (M_tmo), groups, versions and modules are supported.
// Interceptors, limits, metadata, statistics and shutdown are those of the server.
//
// Targets of a client are motan2://host:port, and motan2s by TLS, with the keys of tls targets; compression=gzip compresses long
// requests; protocol=hessian2 is that serialization; service=NAME is the path that is called. Calls share one connection.
//
// docs/frameworks.md is the specification: names, types, errors, metadata.
package motan

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/internal/callvalues"
	"github.com/thriftkit/thriftkit/internal/muxconn"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/wire/binary"
)

// Name is the name of the dialect, for thriftkit.WithAccept, and the scheme of its targets.
const Name = "motan2"

// Dialect returns the dialect with the default options.
func Dialect() rpc.Dialect { return New(Options{}) }

// Options say what a dialect does. The zero value is right for most.
type Options struct {
	// Group, Version and Module are what a client sends with its calls, and what a server wants: a call that names another one is
	// refused. With "" a client names none, and a server takes all.
	Group, Version, Module string

	// Application is how a client calls itself.
	Application string
}

// New returns a dialect, which may be given to any number of servers and clients.
func New(o Options) rpc.Dialect { return &dialect{opts: o} }

type dialect struct {
	opts     Options
	names    muxconn.Names
	watchdog muxconn.Watchdog
}

func (d *dialect) Name() string { return Name }

// Match implements [rpc.ConnDialect].
func (d *dialect) Match(first []byte) bool {
	return len(first) > 1 && first[0] == 0xf1 && first[1] == 0xf1
}

// ServeConn implements [rpc.ConnDialect].
func (d *dialect) ServeConn(ctx context.Context, nc net.Conn, s rpc.Invoker) error {
	h := &handler{d, s}
	return d.watchdog.Serve(ctx, nc, s, muxconn.Answerer{Format: format, Answer: h.answer, Refuse: h.refuse})
}

// A handler answers the calls of a connection.
type handler struct {
	d *dialect
	s rpc.Invoker
}

// answer is the Answer of a muxconn.Answerer.
func (h *handler) answer(ctx context.Context, dst, b []byte) (reply []byte, last bool) {
	m, err := parse(b)
	switch {
	case m.kind&typeResponse != 0:
		return dst, true // a server makes no calls
	case m.kind&typeHeartbeat != 0:
		return (&message{kind: typeHeartbeat | typeProxy | typeResponse, serialization: simple, id: m.id}).append(dst), false
	case err != nil:
		return h.failure(m, rpc.Errorf(rpc.CodeProtocol, "%v", err)).append(dst), false
	}
	out := h.call(ctx, m, len(b))
	if m.kind&typeOneway != 0 {
		return dst, false
	}
	return out.append(dst), false
}

// refuse is the Refuse of a muxconn.Answerer.
func (h *handler) refuse(dst, head []byte, err error) []byte {
	m := parseHead(head)
	if m.kind&(typeOneway|typeResponse) != 0 {
		return dst
	}
	return h.failure(m, rpc.Errorf(rpc.CodeProtocol, "%v", err)).append(dst)
}

// exception is the JSON of the metadata M_e. The other members are for clients of thriftkit.
type exception struct {
	Code    int               `json:"errcode"`
	Message string            `json:"errmsg"`
	Type    int               `json:"errtype"`
	More    map[string]string `json:"thriftkit,omitempty"`
}

// The types of exceptions. After one of the service, clients call another server, and count it against this one.
const (
	serviceException  = 0
	businessException = 1
)

// exceptionOf returns what a client is to learn of err.
func exceptionOf(err error) *exception {
	x := &exception{Code: 500, Type: businessException}
	x.Message, x.More = muxconn.ErrorMetadata(err)
	var (
		business *rpc.BusinessError
		e        *rpc.Error
	)
	switch {
	case errors.As(err, &business):
		x.Code = int(business.Code)
	case errors.As(err, &e):
		switch e.Code {
		case rpc.CodeUnknownMethod:
			x.Code, x.Type = 404, serviceException
		case rpc.CodeProtocol, rpc.CodeInvalidProtocol, rpc.CodeInvalidMessageType:
			x.Code, x.Type = 400, serviceException
		case rpc.CodeUnauthenticated, rpc.CodePermissionDenied:
			x.Code, x.Type = int(e.Code), serviceException
		case rpc.CodeOverloaded, rpc.CodeUnavailable:
			x.Code, x.Type = 503, serviceException
		}
	}
	return x
}

// failure returns the reply that is an error.
func (h *handler) failure(m *message, err error) *message {
	text, _ := json.Marshal(exceptionOf(err)) // of strings and numbers: it does not fail
	return &message{
		kind: typeResponse, status: statusException, serialization: simple, id: m.id,
		metadata: map[string]string{exceptionMetadata: string(text)},
	}
}

// call makes a call and returns its reply.
func (h *handler) call(ctx context.Context, m *message, bytes int) *message {
	start := time.Now()
	service := serviceOf(h.s, m.metadata[pathMetadata])
	in := &rpc.Invocation{Service: service, Method: h.d.names.Method(h.s, service, m.metadata[methodMetadata]), Bytes: bytes}
	in.Timeout = muxconn.Timeout(m.metadata[timeoutMetadata])
	in.Metadata, in.PersistentMetadata = muxconn.SplitMetadata(m.metadata, isOwn)
	in.Args = func(call *rpc.Call) error { return h.readArgs(call, m) }
	if err := h.check(m); err != nil {
		in.Args = func(*rpc.Call) error { return err }
	}
	r := h.s.Invoke(ctx, in)
	defer r.Release()
	out := h.result(m, r, muxconn.Outcome(r, start, in.Timeout))
	if m.kind&typeGzip != 0 {
		out.compress()
	}
	if out.metadata == nil {
		out.metadata = make(map[string]string)
	}
	out.metadata[processMetadata] = strconv.FormatInt(time.Since(start).Milliseconds(), 10)
	r.Bytes = headSize + 4 + len(out.body)
	if r.Bytes > h.s.MaxMessageBytes() {
		out = h.failure(m, rpc.Errorf(rpc.CodeInternal, "the reply has %d bytes, which exceeds %d bytes", r.Bytes, h.s.MaxMessageBytes()))
	}
	return out
}

// serviceOf returns the name of the service with a path, which is that of a Java interface: the part after the last dot, if a
// service has it.
func serviceOf(s rpc.Invoker, path string) string {
	short := path[strings.LastIndexByte(path, '.')+1:]
	for _, svc := range s.Services() {
		if svc.Name == short {
			return short
		}
	}
	return path
}

// check returns an error for a call that is not for this server, or that it cannot read.
func (h *handler) check(m *message) error {
	o := &h.d.opts
	for _, x := range []struct{ what, want, name string }{
		{"group", o.Group, GroupMetadata}, {"version", o.Version, VersionMetadata}, {"module", o.Module, ModuleMetadata},
	} {
		if got := m.metadata[x.name]; x.want != "" && got != "" && got != x.want {
			return rpc.Errorf(rpc.CodeUnknownMethod, "this server has the %s %q, not %.60q", x.what, x.want, got)
		}
	}
	switch m.serialization {
	case simple, hessian:
		return nil
	case breeze:
		return rpc.Errorf(rpc.CodeInvalidProtocol, "the serialization breeze is not supported: have the client use simple or hessian2")
	}
	return rpc.Errorf(rpc.CodeInvalidProtocol, "unknown serialization %d (known: 0 hessian2, 6 simple)", m.serialization)
}

func (h *handler) readArgs(call *rpc.Call, m *message) error {
	gzip := m.kind & typeGzip
	if err := m.decompress(h.s.MaxMessageBytes()); err != nil {
		return err
	}
	m.kind |= gzip // the reply is compressed as well
	if m.serialization == hessian {
		return readHessianArgs(call, m.body)
	}
	b, err := readArgs(make([]byte, 0, len(m.body)+64), m.body, call.Method.Args)
	if err != nil {
		return err
	}
	t, at := callvalues.Arguments(call)
	return muxconn.Consume(b, t, at)
}

// result returns the reply for a call that has ended with r, and of which the client is to learn err.
func (h *handler) result(m *message, r *rpc.Result, err error) *message {
	out := &message{kind: typeResponse, serialization: m.serialization, id: m.id}
	var declared *rpc.Exception
	isException := errors.As(err, &declared) && declared.Value != nil
	if err != nil {
		out = h.failure(m, err)
	}
	if err == nil || isException {
		out.serialization = m.serialization
		if m.serialization == hessian {
			out.body, err = appendHessianReply(r.Call, declared)
		} else {
			out.body, err = appendReply(r.Call)
		}
		if err != nil {
			out = h.failure(m, rpc.Errorf(rpc.CodeInternal, "the result cannot be sent: %v", err))
		}
	}
	if len(r.Metadata) > 0 {
		if err := checkMetadata(r.Metadata); err != nil {
			return h.failure(m, rpc.Errorf(rpc.CodeInternal, "%v", err))
		}
		md := maps.Clone(r.Metadata)
		maps.Copy(md, out.metadata)
		out.metadata = md
	}
	return out
}

// appendReply returns the body for the result of a call, or for its declared exception.
func appendReply(call *rpc.Call) ([]byte, error) {
	if call.Method.Oneway {
		return []byte{tagNull}, nil
	}
	t, at := callvalues.Reply(call)
	b, err := binary.Protocol{}.AppendValue(nil, t, at)
	if err != nil {
		return nil, err
	}
	return appendValue(make([]byte, 0, len(b)), b, call.Method.Reply())
}

var errStreams = errors.New("the method streams, which Motan does not carry")
