// Package rpcx lets a server answer clients of rpcx (github.com/smallnest/rpcx) on its port, next to all dialects of Thrift, from the
// same .thrift file and the same handlers, and lets a client call servers of rpcx:
//
//	server := thriftkit.NewServer(thriftkit.WithDialects(rpcx.Dialect()))
//	client, err := thriftkit.Dial(ctx, "rpcx://localhost:8972", thriftkit.WithDialects(rpcx.Dialect()))
//
// A server answers the serializations Thrift, msgpack, protobuf and JSON, each request in its own, gzip, oneway calls and heartbeats;
// by HTTP, rpcx's gateway (X-RPCX-…) and JSON-RPC 2.0. Interceptors, limits, deadlines, metadata, statistics and shutdown are those
// of the server. Metadata is rpcx's; the token of a client is [AuthMetadata].
//
// Targets of a client are rpcx://host:port, and rpcxs by TLS, with the keys of tls targets; protocol is the serialization: binary, which is
// the default and Thrift's, msgpack, json or proto; compression=gzip compresses long requests; service=NAME calls another service than the
// one that declares the methods. Calls share one connection.
//
// docs/frameworks.md is the specification: names, types, errors, metadata.
package rpcx

import (
	"context"
	"errors"
	"maps"
	"net"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/internal/muxconn"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/wire/msgpack"
)

// Name is the name of the dialect, for thriftkit.WithAccept.
const Name = "rpcx"

// Dialect returns the dialect with the default options.
func Dialect() rpc.Dialect { return New(Options{}) }

// Options say what a dialect does. The zero value is right for most.
type Options struct {
	// Auth is asked by a server before each call whether the client with that token, "" if it sends none, may make it. Its error
	// is what the client gets, and its connection is closed, as rpcx does. nil: all may.
	Auth func(ctx context.Context, service, method, token string) error

	// EnumNames writes enums in JSON and msgpack by name: Go types with MarshalText, such as those that Apache's compiler generates, read
	// names; others read numbers, which are the default. Both are accepted.
	EnumNames bool

	// IDLNames makes a client write methods, and the fields of msgpack, as the IDL spells them. By default they are spelled as Go
	// exports them, GetUser for get_user, as servers of rpcx have them. Fields of JSON are always as in the IDL: generated Go types
	// have tags with these names.
	IDLNames bool
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
	return len(first) > 1 && first[0] == magic && first[1] == 0
}

// ServeConn implements [rpc.ConnDialect].
func (d *dialect) ServeConn(ctx context.Context, nc net.Conn, s rpc.Invoker) error {
	h := &handler{d, s}
	return d.watchdog.Serve(ctx, nc, s, muxconn.Answerer{Format: format, Answer: h.answer, Refuse: h.refuse})
}

// A handler answers the calls of a connection, or of an HTTP request.
type handler struct {
	d *dialect
	s rpc.Invoker
}

// answer is the Answer of a muxconn.Answerer.
func (h *handler) answer(ctx context.Context, dst, b []byte) (reply []byte, last bool) {
	m, err := parse(b)
	switch {
	case m.flags&flagResponse != 0:
		return dst, true // a server makes no calls
	case err != nil:
		return h.failure(m, rpc.Errorf(rpc.CodeProtocol, "%v", err)).append(dst), true
	case m.flags&flagHeartbeat != 0:
		m.flags |= flagResponse
		return m.append(dst), false
	}
	buf := payloads.Get().(*[]byte)
	defer payloads.Put(buf)
	out, denied := h.call(ctx, m, len(b), (*buf)[:0])
	if m.flags&flagOneway == 0 {
		dst = out.append(dst)
	}
	if cap(out.payload) > cap(*buf) && cap(out.payload) <= maxKept {
		*buf = out.payload[:0]
	}
	return dst, denied
}

// payloads has memory for the payloads of replies, up to maxKept bytes each.
var payloads = sync.Pool{New: func() any { return new([]byte) }}

const maxKept = 256 << 10

// refuse is the Refuse of a muxconn.Answerer.
func (h *handler) refuse(dst, head []byte, err error) []byte {
	m := parseHead(head)
	if m.flags&(flagOneway|flagResponse) != 0 {
		return dst
	}
	return h.failure(m, rpc.Errorf(rpc.CodeProtocol, "%v", err)).append(dst)
}

// reply returns the message that answers m.
func reply(m *message) *message {
	return &message{flags: m.flags&^(maskStatus|maskCompress) | flagResponse, serialization: m.serialization, id: m.id, path: m.path, method: m.method}
}

// failure returns the reply that is an error.
func (h *handler) failure(m *message, err error) *message {
	out := reply(m)
	out.flags |= flagError
	out.metadata = errorFields(err)
	return out
}

// call makes a call, with a message of so many bytes, and returns its reply, whose payload may be in buf. denied says that the client may not
// make it.
func (h *handler) call(ctx context.Context, m *message, bytes int, buf []byte) (out *message, denied bool) {
	method := h.d.names.Method(h.s, m.path, m.method)
	if auth := h.d.opts.Auth; auth != nil {
		if err := auth(ctx, m.path, method, m.metadata[AuthMetadata]); err != nil {
			return h.failure(m, rpc.Errorf(rpc.CodeUnknown, "%v", err)), true
		}
	}
	gzip := m.flags&maskCompress == flagGzip
	f := &form{serialization: m.serialization, names: msgpack.Options{EnumNames: h.d.opts.EnumNames}}
	in := &rpc.Invocation{Service: m.path, Method: method, Bytes: bytes, Timeout: muxconn.Timeout(m.metadata[timeoutMetadata])}
	in.Metadata, in.PersistentMetadata = muxconn.SplitMetadata(m.metadata, func(name string) bool { return name == timeoutMetadata })
	in.Args = func(call *rpc.Call) error {
		if err := m.serialization.check(); err != nil {
			return err
		}
		if err := m.decompress(h.s.MaxMessageBytes()); err != nil {
			return err
		}
		return f.readArgs(call, m.payload)
	}
	began := time.Now()
	r := h.s.Invoke(ctx, in)
	defer r.Release()
	out = h.result(buf, m, f, r, muxconn.Outcome(r, began, in.Timeout))
	if gzip {
		out.compress()
	}
	r.Bytes = headSize + leastRest + len(out.path) + len(out.method) + len(out.payload)
	if r.Bytes > h.s.MaxMessageBytes() {
		out = h.failure(m, rpc.Errorf(rpc.CodeInternal, "the reply has %d bytes, which exceeds %d bytes", r.Bytes, h.s.MaxMessageBytes()))
	}
	return out, false
}

// result returns the reply, with a payload that may be in buf, for a call that has ended with r, and of which the client is to learn err.
func (h *handler) result(buf []byte, m *message, f *form, r *rpc.Result, err error) *message {
	out := reply(m)
	if err == nil {
		out.payload, err = f.appendReply(buf, r.Call, false)
		if err != nil {
			err = rpc.Errorf(rpc.CodeInternal, "the result cannot be sent: %v", err)
		}
	}
	if err != nil {
		out = h.failure(m, err)
		var x *rpc.Exception
		if errors.As(err, &x) && x.Value != nil {
			if f.serialization == protobuf {
				out.payload, err = appendProtoAny(nil, x.Value.Schema().Type(), x.Value, true)
			} else {
				out.payload, err = f.appendReply(buf, r.Call, true)
			}
			if err != nil {
				out = h.failure(m, rpc.Errorf(rpc.CodeInternal, "the exception cannot be sent: %v", err))
			}
		}
	}
	if len(r.Metadata) > 0 {
		md := maps.Clone(r.Metadata)
		maps.Copy(md, out.metadata)
		out.metadata = md
	}
	return out
}
