package rpcx

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/thriftkit/thriftkit/internal/gonames"
	"github.com/thriftkit/thriftkit/internal/muxconn"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire/msgpack"
)

// serializations has the serialization of each protocol of targets.
var serializations = map[string]serialization{"": thriftBinary, "binary": thriftBinary, "json": jsonText, "msgpack": msgPack, "proto": protobuf}

// Dials implements [rpc.ClientDialect].
func (*dialect) Dials(scheme string) bool { return scheme == Name }

// DialTarget implements [rpc.ClientDialect]. Calls share one connection.
func (d *dialect) DialTarget(ctx context.Context, t transport.Target, opts rpc.ClientOptions) (rpc.Handler, func(), error) {
	s, ok := serializations[t.Protocol]
	if !ok {
		return nil, nil, fmt.Errorf("target %q: rpcx has no protocol %q", t, t.Protocol)
	}
	conns, err := muxconn.NewClient(ctx, t, opts, format, idOf)
	if err != nil {
		return nil, nil, err
	}
	c := &client{
		conns: conns, service: t.Service, gzip: t.Compression == "gzip", max: opts.MaxMessageBytes, idlNames: d.opts.IDLNames,
		form: form{s, msgpack.Options{GoNames: s == msgPack && !d.opts.IDLNames, EnumNames: d.opts.EnumNames}},
	}
	return c.handle, conns.Close, nil
}

// idOf returns the id of a message, and whether it is a reply.
func idOf(b []byte) (uint64, bool) { return binary.BigEndian.Uint64(b[4:]), b[2]&flagResponse != 0 }

// A client makes the calls for a target.
type client struct {
	conns    *muxconn.Client
	service  string // "": that of the call
	form     form
	gzip     bool
	idlNames bool
	max      int
}

// handle makes a call.
func (c *client) handle(ctx context.Context, call *rpc.Call) error {
	method := call.Method
	if method.Stream != schema.Unary {
		return muxconn.NotSent(method, errors.New("the method streams, which rpcx does not carry"))
	}
	f := c.form
	m := &message{serialization: f.serialization, path: c.service, method: method.Name}
	if m.path == "" && call.Service != nil {
		m.path = call.Service.Name
	}
	if !c.idlNames {
		m.method = gonames.Export(method.Name)
	}
	var err error
	if m.payload, err = f.appendArgs(nil, call); err != nil {
		return muxconn.NotSent(method, err)
	}
	if c.gzip {
		m.compress()
	}
	if method.Oneway {
		m.flags |= flagOneway
	}
	m.metadata = muxconn.OutgoingMetadata(ctx, timeoutMetadata)
	b, err := c.conns.Call(ctx, method.Oneway, func(dst []byte, id uint64) ([]byte, error) {
		m.id = id
		return m.append(dst), nil
	})
	if err != nil {
		return muxconn.InMethod(method, err)
	}
	if method.Oneway {
		return nil
	}
	return c.result(ctx, call, &f, b)
}

// result reads the reply to a call.
func (c *client) result(ctx context.Context, call *rpc.Call, f *form, b []byte) error {
	m, err := parse(b)
	if err == nil {
		err = m.decompress(c.max)
	}
	if err != nil {
		return muxconn.BadReply(call.Method, err)
	}
	if len(m.metadata) > 0 {
		rpc.SetReceivedMetadata(ctx, muxconn.Received(m.metadata, isOwn))
	}
	f.serialization = m.serialization
	if m.flags&maskStatus == flagError {
		if x := f.exception(call.Method, m.payload, m.metadata[muxconn.ExceptionMetadata]); x != nil {
			return x
		}
		return failureOf(call.Method, m)
	}
	if err := m.serialization.check(); err != nil {
		return muxconn.BadReply(call.Method, err)
	}
	if err := f.setResult(call, m.payload); err != nil {
		return muxconn.BadReply(call.Method, err)
	}
	return nil
}
