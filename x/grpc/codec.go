package grpc

import (
	"fmt"
	"reflect"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/callvalues"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	wireproto "github.com/thriftkit/thriftkit/wire/proto"
)

// A message is one that connect moves: the bytes, which this package encodes and decodes where it knows the
// type.
type message struct {
	data []byte
	json bool // data is JSON
}

// A rawCodec hands messages through. What is not a message is one of connect's own.
type rawCodec struct {
	name string
	json bool
}

func (c rawCodec) Name() string { return c.name }

func (c rawCodec) Marshal(v any) ([]byte, error) { return c.MarshalAppend(nil, v) }

func (c rawCodec) MarshalAppend(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case *message:
		return append(dst, v.data...), nil
	case proto.Message:
		if c.json {
			return protojson.MarshalOptions{}.MarshalAppend(dst, v)
		}
		return proto.MarshalOptions{}.MarshalAppend(dst, v)
	}
	return dst, fmt.Errorf("grpc: cannot write a %T", v)
}

func (c rawCodec) Unmarshal(src []byte, v any) error {
	switch v := v.(type) {
	case *message: // src serves other messages later
		v.data, v.json = append([]byte(nil), src...), c.json
		return nil
	case proto.Message:
		if c.json {
			return protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(src, v)
		}
		return proto.Unmarshal(src, v)
	}
	return fmt.Errorf("grpc: cannot read a %T", v)
}

// binary returns the bytes of protobuf of the message, which j converts if it is JSON.
func (m *message) binary(j *wireproto.JSON) ([]byte, error) {
	if !m.json {
		return m.data, nil
	}
	return j.AppendMessage(nil, m.data)
}

// newMessage returns a message, as JSON if that is asked for. j is nil if the message has no fields.
func newMessage(b []byte, j *wireproto.JSON, json bool) (*message, error) {
	switch {
	case !json:
		return &message{data: b}, nil
	case j == nil:
		return &message{data: []byte("{}"), json: true}, nil
	}
	b, err := j.AppendJSON(nil, b)
	return &message{data: b, json: true}, err
}

// codecFor returns the codec of messages that are a value of t, or have one as their field 1.
func codecFor(t *plan.Type, alone bool) (*wireproto.Codec, error) {
	if alone {
		return wireproto.For(t)
	}
	return wireproto.ForField(t)
}

// readArgs decodes the request of a method into the arguments of call.
func (m *method) readArgs(call *rpc.Call, src []byte) error {
	t, at := callvalues.Arguments(call)
	if !m.isRequest {
		c, err := wireproto.For(t)
		if err != nil {
			return err
		}
		t.Zero(at)
		return c.Consume(src, at)
	}
	if t.Op == plan.OpStruct {
		f := &t.Struct.Fields[0]
		return consume(src, f.Type, at.Add(f.Offset), true)
	}
	var v dynamic.Value
	if err := m.consumeAny(src, m.m.Args.Fields[0].Type, &v, true); err != nil {
		return err
	}
	return call.SetArg(0, v)
}

func consume(src []byte, t *plan.Type, at mem.Pointer, alone bool) error {
	c, err := codecFor(t, alone)
	if err != nil {
		return err
	}
	t.Zero(at)
	return c.Consume(src, at)
}

// consumeAny reads a message into what into points to.
func (m *method) consumeAny(src []byte, t *schema.Type, into any, alone bool) error {
	p, v, err := plan.ForMessage(t, into)
	if err != nil {
		return err
	}
	return consume(src, p, mem.Of(v), alone)
}

// appendAny returns the message for a value, or for what it points to.
func appendAny(t *schema.Type, v any, alone bool) ([]byte, error) {
	p, rv, err := plan.ForMessage(t, v)
	if err != nil {
		return nil, err
	}
	return appendAt(p, rv, alone)
}

func appendAt(p *plan.Type, rv reflect.Value, alone bool) ([]byte, error) {
	c, err := codecFor(p, alone)
	if err != nil {
		return nil, err
	}
	return c.Append(nil, mem.Of(rv))
}

// reply encodes the result of a call.
func (m *method) reply(call *rpc.Call) ([]byte, error) {
	if m.m.Result.Kind == schema.KindVoid {
		return nil, nil
	}
	t, at := callvalues.Reply(call)
	if t.Op != plan.OpStruct {
		return appendAny(m.m.Result, (*mem.As[*dynamic.Struct](at)).At(0), m.isResponse)
	}
	f := &t.Struct.Fields[0]
	c, err := codecFor(f.Type, m.isResponse)
	if err != nil {
		return nil, err
	}
	return c.Append(nil, at.Add(f.Offset))
}
