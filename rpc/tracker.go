package rpc

import (
	"errors"
	"reflect"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// The tracking of thriftpy2 (thriftpy2.contrib.tracking): a client calls a method that no IDL
// has, and if the server knows it, a struct goes before each further message: with the call
// an id, a place in the tree of calls and metadata, and with the reply, as of version 2,
// metadata. Other servers say that the method is unknown, and the client goes on without.
const (
	trackMethod     = "__thriftpy_tracing_method_name__v2"
	trackVersion    = 2
	maxTrackedBytes = 64 << 10 // of the struct before a call
)

type trackArgs struct {
	AppID   *string `thrift:"app_id"`
	Version *int32
}

type trackReply struct{ Version *int32 }

type trackRequest struct {
	RequestID *string `thrift:"request_id"`
	Seq       *string
	Meta      map[string]string
}

type trackResponse struct{ Meta map[string]string }

// trackPlans are the plans of what tracking sends.
type trackPlans struct{ args, reply, request, response *plan.Type }

// newTrackPlans composes the schema of thriftpy2's tracking.thrift.
func newTrackPlans() *trackPlans {
	text, number := schema.Base(schema.KindString), schema.Base(schema.KindI32)
	meta := schema.MapOf(text, text)
	field := func(id int16, name string, t *schema.Type) *schema.Field {
		return &schema.Field{ID: id, Name: name, Type: t, Requiredness: schema.Optional}
	}
	descs := []*schema.Struct{
		{Name: "UpgradeArgs", Fields: []*schema.Field{field(1, "app_id", text), field(2, "version", number)}},
		{Name: "UpgradeReply", Fields: []*schema.Field{field(1, "version", number)}},
		{Name: "RequestHeader", Fields: []*schema.Field{field(1, "request_id", text), field(2, "seq", text), field(3, "meta", meta)}},
		{Name: "ResponseHeader", Fields: []*schema.Field{field(1, "meta", meta)}},
	}
	if err := schema.Link(&schema.File{Structs: descs}); err != nil {
		panic(err) // the literals above are wrong
	}
	var plans []*plan.Type
	for i, v := range []any{trackArgs{}, trackReply{}, trackRequest{}, trackResponse{}} {
		p, err := plan.ForType(reflect.TypeOf(v), descs[i].Type())
		if err != nil {
			panic(err)
		}
		plans = append(plans, p)
	}
	return &trackPlans{plans[0], plans[1], plans[2], plans[3]}
}

// tracked is a connection whose client tracks its calls.
type tracked struct {
	*trackPlans
	responses bool // the client wants a struct before replies, too
}

// tracks reports whether structs can stand before messages of p: not in JSON, where thriftpy2
// would put a length and an envelope around each.
func tracks(p protocol.Protocol) bool { return p.Name() == "binary" || p.Name() == "compact" }

// upgrade answers msg if it is the call by which a client begins to track, and makes the
// connection read what the client sends from then on.
func (c *serverConn) upgrade(in *incoming, h wire.Header, off int) (done bool, err error) {
	if h.Name != trackMethod || h.Type != wire.Call || !tracks(c.proto) {
		return false, nil
	}
	var args trackArgs
	if _, err := c.proto.ConsumeValue(in.msg, off, c.s.track.args, mem.To(&args)); err != nil {
		return true, err
	}
	c.tracked = &tracked{trackPlans: c.s.track}
	var reply trackReply
	if args.Version != nil && *args.Version != 0 { // a client that does not send its version does not get this one
		c.tracked.responses = *args.Version >= trackVersion
		version := int32(trackVersion)
		reply.Version = &version
	}
	if c.framing == wire.Buffered {
		max := c.s.opts.MaxMessageBytes
		c.Reader().Start(c.framing, &trackedSplitter{t: c.tracked, proto: c.proto, rest: c.proto.NewSplitter(max)})
	}
	h.Type = wire.Reply
	in.ready, err = c.proto.AppendMessage(nil, h, c.s.track.reply, mem.To(&reply))
	return true, err
}

// decode reads what stands before a call and returns the message after it. The metadata is
// persistent: thriftpy2's trackers pass it on.
func (t *tracked) decode(p protocol.Protocol, msg []byte) (*exchange, []byte, error) {
	var r trackRequest
	end, err := p.ConsumeValue(msg, 0, t.request, mem.To(&r))
	if err != nil {
		return nil, nil, err
	}
	x := &exchange{in: &msgio.Envelope{Persistent: r.Meta}, tracked: t, proto: p}
	if r.RequestID != nil {
		x.in.SetTransient("request_id", *r.RequestID)
	}
	if r.Seq != nil {
		x.in.SetTransient("seq", *r.Seq)
	}
	return x, msg[end:], nil
}

// decodeTracked is open for a client that tracks its calls.
func (c *serverConn) decodeTracked(in *incoming) (err error) {
	if in.x, in.msg, err = c.tracked.decode(c.proto, in.msg); err != nil {
		return err
	}
	in.ctx, in.cancel = in.x.context(c.ctx)
	return c.prepare(in)
}

// begin appends what stands before a reply with the metadata md.
func (t *tracked) begin(dst []byte, p protocol.Protocol, md map[string]string) ([]byte, error) {
	if !t.responses {
		return dst, nil
	}
	return p.AppendValue(dst, t.response, mem.To(&trackResponse{md}))
}

// trackedSplitter finds the ends of calls with a struct before them.
type trackedSplitter struct {
	t     *tracked
	proto protocol.Protocol
	rest  wire.Splitter
	off   int // where the message begins, when that is known
}

// Split implements [wire.Splitter]. The struct is short, so it is read anew until all of it is there.
func (s *trackedSplitter) Split(buf []byte) (n, need int, err error) {
	if s.off == 0 {
		var r trackRequest
		end, err := s.proto.ConsumeValue(buf, 0, s.t.request, mem.To(&r))
		switch {
		case errors.Is(err, wire.ErrTruncated) && len(buf) < maxTrackedBytes:
			return 0, len(buf) + 1, nil
		case errors.Is(err, wire.ErrTruncated):
			return 0, 0, wire.Errorf(0, wire.ErrTooLarge, "more than %d bytes before a call", maxTrackedBytes)
		case err != nil:
			return 0, 0, err
		}
		s.off = end
	}
	n, need, err = s.rest.Split(buf[s.off:])
	if n == 0 || err != nil {
		return 0, s.off + need, err
	}
	n += s.off
	s.off = 0
	return n, 0, nil
}
