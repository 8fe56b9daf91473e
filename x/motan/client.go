package motan

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"strings"

	"github.com/thriftkit/thriftkit/internal/callvalues"
	"github.com/thriftkit/thriftkit/internal/gonames"
	"github.com/thriftkit/thriftkit/internal/muxconn"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
	wirebinary "github.com/thriftkit/thriftkit/wire/binary"
	"github.com/thriftkit/thriftkit/wire/hessian2"
)

// Dials implements [rpc.ClientDialect].
func (*dialect) Dials(scheme string) bool { return scheme == Name }

// DialTarget implements [rpc.ClientDialect]. Calls share one connection.
func (d *dialect) DialTarget(ctx context.Context, t transport.Target, opts rpc.ClientOptions) (rpc.Handler, func(), error) {
	conns, err := muxconn.NewClient(ctx, t, opts, format, idOf)
	if err != nil {
		return nil, nil, err
	}
	c := &client{conns: conns, opts: d.opts, path: t.Service, gzip: t.Compression == "gzip", max: opts.MaxMessageBytes, serialization: simple}
	if t.Protocol == "hessian2" {
		c.serialization = hessian
	}
	return c.handle, conns.Close, nil
}

// idOf returns the id of a message, and whether it is a reply.
func idOf(b []byte) (uint64, bool) {
	return binary.BigEndian.Uint64(b[5:]), b[2]&(typeResponse|typeHeartbeat) == typeResponse
}

// A client makes the calls for a target.
type client struct {
	conns *muxconn.Client
	opts  Options
	path  string // "": that of the service of the call
	gzip  bool
	max   int

	serialization byte
}

// pathOf returns the path of a service: with the namespace for Java before it, if it has one.
func pathOf(svc *schema.Service) string {
	if svc.File != nil {
		for _, ns := range svc.File.Namespaces {
			if ns.Scope == "java" {
				return ns.Name + "." + svc.Name
			}
		}
	}
	return svc.Name
}

// methodName returns the name of a method as Java and Go have it: getUser for get_user.
func methodName(name string) string {
	if !strings.Contains(name, "_") {
		return name
	}
	parts := strings.SplitAfterN(strings.TrimLeft(name, "_"), "_", 2)
	if len(parts) < 2 {
		return name
	}
	return strings.TrimSuffix(parts[0], "_") + gonames.Export(parts[1])
}

// handle makes a call.
func (c *client) handle(ctx context.Context, call *rpc.Call) error {
	method := call.Method
	if method.Stream != schema.Unary {
		return muxconn.NotSent(method, errStreams)
	}
	m := &message{serialization: c.serialization, metadata: muxconn.OutgoingMetadata(ctx, timeoutMetadata)}
	if err := checkMetadata(m.metadata); err != nil {
		return muxconn.NotSent(method, err)
	}
	if m.metadata == nil {
		m.metadata = make(map[string]string)
	}
	path := c.path
	if path == "" && call.Service != nil {
		path = pathOf(call.Service)
	}
	for k, v := range map[string]string{
		pathMetadata: path, methodMetadata: methodName(method.Name), proxyMetadata: Name,
		GroupMetadata: c.opts.Group, VersionMetadata: c.opts.Version, ModuleMetadata: c.opts.Module, ApplicationMetadata: c.opts.Application,
	} {
		if v != "" && m.metadata[k] == "" {
			m.metadata[k] = v
		}
	}
	var err error
	if m.body, err = c.args(call); err != nil {
		return muxconn.NotSent(method, err)
	}
	if c.gzip {
		m.compress()
	}
	if method.Oneway {
		m.kind |= typeOneway
	}
	reply, err := c.conns.Call(ctx, method.Oneway, func(dst []byte, id uint64) ([]byte, error) {
		m.id = id
		return m.append(dst), nil
	})
	switch {
	case err != nil:
		return muxconn.InMethod(method, err)
	case method.Oneway:
		return nil
	}
	return c.result(ctx, call, reply)
}

// args returns the body of a call.
func (c *client) args(call *rpc.Call) ([]byte, error) {
	if c.serialization == hessian {
		e := hessian2.NewEncoder(nil)
		err := muxconn.AppendHessianArgs(e, call)
		return e.Bytes(), err
	}
	t, at := callvalues.Arguments(call)
	b, err := wirebinary.Protocol{}.AppendValue(nil, t, at)
	if err != nil {
		return nil, err
	}
	return appendArgs(make([]byte, 0, len(b)), b, call.Method.Args)
}

// result reads the reply to a call.
func (c *client) result(ctx context.Context, call *rpc.Call, b []byte) error {
	m, err := parse(b)
	if err == nil {
		err = m.decompress(c.max)
	}
	if err != nil {
		return muxconn.BadReply(call.Method, err)
	}
	if md := muxconn.Received(m.metadata, isOwn); md != nil {
		rpc.SetReceivedMetadata(ctx, md)
	}
	switch {
	case m.status != 0:
		return failureOf(call.Method, m)
	case m.serialization != simple && m.serialization != hessian && len(m.body) > 0:
		return muxconn.BadReply(call.Method, rpc.Errorf(rpc.CodeInvalidProtocol, "the reply has the serialization %d, want 6 simple or 0 hessian2", m.serialization))
	case call.Method.Result.Kind == schema.KindVoid:
		return nil
	}
	if m.serialization == hessian {
		err = setHessianResult(call, m.body)
	} else {
		err = setResult(call, m.body)
	}
	if err != nil {
		return muxconn.BadReply(call.Method, err)
	}
	return nil
}

// setResult decodes the body of a reply that is no error.
func setResult(call *rpc.Call, body []byte) error {
	m := call.Method
	b, err := readValue(make([]byte, 0, len(body)+64), body, m.Reply(), m.Reply().Fields[0])
	if err != nil {
		return err
	}
	if t, at := callvalues.Reply(call); t.Op == plan.OpStruct {
		if err := muxconn.Consume(b, t, at); err != nil || t.Struct.Fields[0].IsSet(at) {
			return err
		}
		return isNull(m)
	}
	v, err := muxconn.ConsumeStruct(b, m.Reply())
	switch {
	case err != nil:
		return err
	case !v.At(0).IsSet():
		return isNull(m)
	}
	return call.SetResult(v.At(0))
}

func isNull(m *schema.Method) error {
	return &rpc.Error{Code: rpc.CodeMissingResult, Outcome: rpc.OutcomeExecuted, Message: "the reply is null", Method: m.String()}
}

// failureOf returns the error that a reply of a server is.
func failureOf(method *schema.Method, m *message) error {
	x, code := exceptionIn(m)
	if f := thrownField(method, x.More[muxconn.ExceptionMetadata]); f != nil {
		if m.serialization == hessian {
			v, err := hessian2.NewDecoder(m.body).Dynamic(f.Type)
			if err != nil {
				return muxconn.BadReply(method, err)
			}
			return &rpc.Exception{Value: v.Struct()}
		}
		b, err := readValue(nil, m.body, method.Reply(), f)
		if err != nil {
			return muxconn.BadReply(method, err)
		}
		if v, err := muxconn.ConsumeStruct(b, method.Reply()); err == nil && v.Get(f.Name).Struct() != nil {
			return &rpc.Exception{Value: v.Get(f.Name).Struct()}
		}
	}
	return muxconn.ErrorOf(method, x.More, code, x.Message)
}

// exceptionIn returns what a reply says of an error, and its code of a server that is not one of thriftkit.
func exceptionIn(m *message) (x exception, code rpc.Code) {
	x.Message = m.metadata[exceptionMetadata]
	if err := json.Unmarshal([]byte(x.Message), &x); err != nil {
		x.Code = 0
	}
	if x.Type == serviceException && x.Code == 404 || strings.HasSuffix(x.Message, " is not found in provider.") {
		return x, rpc.CodeUnknownMethod
	}
	return x, rpc.CodeUnknown
}

// thrownField returns the field of the reply that has the declared exception of a name; nil if there is none.
func thrownField(method *schema.Method, name string) *schema.Field {
	for _, f := range method.Throws {
		if f.Type.Struct.Name == name {
			return f
		}
	}
	return nil
}
