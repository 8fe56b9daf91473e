package rpcx

import (
	"fmt"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/callvalues"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/muxconn"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protomap"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire/binary"
	"github.com/thriftkit/thriftkit/wire/msgpack"
	"github.com/thriftkit/thriftkit/wire/proto"
)

// argument returns the only parameter of m if that is a struct, which then is the request itself; else nil.
func argument(m *schema.Method) *schema.Struct {
	if len(m.Args.Fields) == 1 && m.Args.Fields[0].Type.Kind == schema.KindStruct {
		return m.Args.Fields[0].Type.Struct
	}
	return nil
}

// result returns the result of m if that is a struct, which then is the reply itself; else nil.
func result(m *schema.Method) *schema.Struct {
	if m.Result.Kind == schema.KindStruct {
		return m.Result.Struct
	}
	return nil
}

// A form is how payloads are encoded.
type form struct {
	serialization
	names msgpack.Options
}

// appendPayload appends the struct desc, which b has in the binary protocol.
func (f *form) appendPayload(dst, b []byte, desc *schema.Struct) ([]byte, error) {
	switch f.serialization {
	case msgPack:
		return msgpack.AppendStruct(dst, b, desc, f.names)
	case jsonText:
		return msgpack.AppendJSON(dst, b, desc, f.names)
	}
	return append(dst, b...), nil
}

// binary returns the struct desc of a payload in the binary protocol. hasGoNames is how its fields are spelled.
func (f *form) binary(payload []byte, desc *schema.Struct) (b []byte, hasGoNames bool, err error) {
	switch f.serialization {
	case msgPack:
		if len(payload) == 0 {
			break
		}
		b, err = msgpack.AppendThrift(make([]byte, 0, len(payload)+64), payload, desc, msgpack.Options{})
		return b, msgpack.HasGoNames(payload), err
	case jsonText:
		if len(payload) == 0 {
			break
		}
		return msgpack.FromJSON(make([]byte, 0, len(payload)+64), payload, desc, msgpack.Options{})
	}
	if len(payload) == 0 {
		return []byte{0}, false, nil
	}
	return payload, false, nil
}

// readArgs decodes the payload of a request into the arguments of call. It sets the spelling of f to that of the request.
func (f *form) readArgs(call *rpc.Call, payload []byte) error {
	t, at := callvalues.Arguments(call)
	if f.serialization == protobuf {
		return readProtoArgs(call, payload)
	}
	desc := argument(call.Method)
	if desc == nil {
		b, goNames, err := f.binary(payload, call.Method.Args)
		if err != nil {
			return err
		}
		f.names.GoNames = goNames
		return muxconn.Consume(b, t, at)
	}
	b, goNames, err := f.binary(payload, desc)
	if err != nil {
		return err
	}
	f.names.GoNames = goNames
	if t.Op == plan.OpStruct {
		field := &t.Struct.Fields[0]
		return muxconn.Consume(b, field.Type, at.Add(field.Offset))
	}
	v, err := muxconn.ConsumeStruct(b, desc)
	if err != nil {
		return err
	}
	return call.SetArg(0, v)
}

// appendReply appends the reply of a call: its result, or with failed the struct that has the declared exception.
func (f *form) appendReply(dst []byte, call *rpc.Call, failed bool) ([]byte, error) {
	if f.serialization == protobuf {
		return appendProtoReply(dst, call)
	}
	m := call.Method
	desc := m.Reply()
	t, at := callvalues.Reply(call)
	if m.Oneway {
		b, err := f.appendPayload(dst, []byte{0}, desc)
		return b, err
	}
	if !failed && result(m) != nil {
		desc = result(m)
		if t.Op != plan.OpStruct {
			v := (*mem.As[*dynamic.Struct](at)).At(0)
			p, rv, err := plan.ForMessage(m.Result, v)
			if err != nil {
				return dst, err
			}
			t, at = p, mem.Of(rv)
		} else {
			field := &t.Struct.Fields[0]
			t, at = field.Type, at.Add(field.Offset)
		}
	}
	return f.appendValue(dst, desc, t, at)
}

// appendValue appends the struct desc that is at a place.
func (f *form) appendValue(dst []byte, desc *schema.Struct, t *plan.Type, at mem.Pointer) ([]byte, error) {
	if f.serialization == thriftBinary {
		return binary.Protocol{}.AppendValue(dst, t, at)
	}
	buf := payloads.Get().(*[]byte)
	defer payloads.Put(buf)
	b, err := binary.Protocol{}.AppendValue((*buf)[:0], t, at)
	if err != nil {
		return dst, err
	}
	if cap(b) <= maxKept {
		*buf = b[:0]
	}
	return f.appendPayload(dst, b, desc)
}

// appendArgs appends the request of a call.
func (f *form) appendArgs(dst []byte, call *rpc.Call) ([]byte, error) {
	if f.serialization == protobuf {
		return appendProtoArgs(dst, call)
	}
	t, at := callvalues.Arguments(call)
	desc := argument(call.Method)
	switch {
	case desc == nil:
		return f.appendValue(dst, call.Method.Args, t, at)
	case t.Op == plan.OpStruct:
		field := &t.Struct.Fields[0]
		return f.appendValue(dst, desc, field.Type, at.Add(field.Offset))
	}
	v := (*mem.As[*dynamic.Struct](at)).At(0)
	if !v.IsSet() {
		return f.appendPayload(dst, []byte{0}, desc)
	}
	p, rv, err := plan.ForMessage(desc.Type(), v)
	if err != nil {
		return dst, err
	}
	return f.appendValue(dst, desc, p, mem.Of(rv))
}

// setResult decodes the payload of a reply that is no error.
func (f *form) setResult(call *rpc.Call, payload []byte) error {
	m := call.Method
	if f.serialization == protobuf {
		return setProtoResult(call, payload)
	}
	t, at := callvalues.Reply(call)
	desc := result(m)
	if desc == nil {
		if m.Result.Kind == schema.KindVoid {
			return nil
		}
		b, _, err := f.binary(payload, m.Reply())
		if err != nil {
			return err
		}
		missing := &rpc.Error{Code: rpc.CodeMissingResult, Outcome: rpc.OutcomeExecuted, Message: "the reply has no field success", Method: m.String()}
		if t.Op == plan.OpStruct {
			if err := muxconn.Consume(b, t, at); err != nil || t.Struct.Fields[0].IsSet(at) {
				return err
			}
			return missing
		}
		v, err := muxconn.ConsumeStruct(b, m.Reply())
		switch {
		case err != nil:
			return err
		case !v.At(0).IsSet():
			return missing
		}
		return call.SetResult(v.At(0))
	}
	b, _, err := f.binary(payload, desc)
	if err != nil {
		return err
	}
	if t.Op == plan.OpStruct {
		field := &t.Struct.Fields[0]
		return muxconn.Consume(b, field.Type, at.Add(field.Offset))
	}
	v, err := muxconn.ConsumeStruct(b, desc)
	if err != nil {
		return err
	}
	return call.SetResult(v)
}

// exception returns the declared exception that an error has in its payload, nil if there is none. named is the
// name that the error gives it, "" if it gives none.
func (f *form) exception(m *schema.Method, payload []byte, named string) *rpc.Exception {
	if len(payload) == 0 || named == "" && result(m) != nil { // the payload may be a result
		return nil
	}
	if f.serialization == protobuf {
		return protoException(m, payload, named)
	}
	b, _, err := f.binary(payload, m.Reply())
	if err != nil {
		return nil
	}
	v, err := muxconn.ConsumeStruct(b, m.Reply())
	if err != nil {
		return nil
	}
	for i, field := range m.Reply().Fields {
		if field.ID != 0 && v.At(i).IsSet() && v.At(i).Struct() != nil {
			return &rpc.Exception{Value: v.At(i).Struct()}
		}
	}
	return nil
}

// What follows is protobuf, whose messages are those of the mapping of gRPC (docs/grpc.md).

func protoCodec(t *plan.Type, alone bool) (*proto.Codec, error) {
	if alone {
		return proto.For(t)
	}
	return proto.ForField(t)
}

func consumeProto(b []byte, t *plan.Type, at mem.Pointer, alone bool) error {
	c, err := protoCodec(t, alone)
	if err != nil {
		return err
	}
	t.Zero(at)
	return c.Consume(b, at)
}

// consumeProtoAny reads a message as a dynamic value.
func consumeProtoAny(b []byte, t *schema.Type, alone bool) (v dynamic.Value, err error) {
	p, rv, err := plan.ForMessage(t, &v)
	if err != nil {
		return v, err
	}
	err = consumeProto(b, p, mem.Of(rv), alone)
	return v, err
}

func appendProto(dst []byte, t *plan.Type, at mem.Pointer, alone bool) ([]byte, error) {
	c, err := protoCodec(t, alone)
	if err != nil {
		return dst, err
	}
	return c.Append(dst, at)
}

func appendProtoAny(dst []byte, t *schema.Type, v any, alone bool) ([]byte, error) {
	p, rv, err := plan.ForMessage(t, v)
	if err != nil {
		return dst, err
	}
	return appendProto(dst, p, mem.Of(rv), alone)
}

func readProtoArgs(call *rpc.Call, payload []byte) error {
	t, at := callvalues.Arguments(call)
	desc := protomap.Request(call.Method)
	switch {
	case desc == nil:
		return consumeProto(payload, t, at, true)
	case t.Op == plan.OpStruct:
		field := &t.Struct.Fields[0]
		return consumeProto(payload, field.Type, at.Add(field.Offset), true)
	}
	v, err := consumeProtoAny(payload, desc.Type(), true)
	if err != nil {
		return err
	}
	return call.SetArg(0, v)
}

func appendProtoArgs(dst []byte, call *rpc.Call) ([]byte, error) {
	t, at := callvalues.Arguments(call)
	desc := protomap.Request(call.Method)
	switch {
	case desc == nil:
		return appendProto(dst, t, at, true)
	case t.Op == plan.OpStruct:
		field := &t.Struct.Fields[0]
		return appendProto(dst, field.Type, at.Add(field.Offset), true)
	}
	if v := (*mem.As[*dynamic.Struct](at)).At(0); v.IsSet() {
		return appendProtoAny(dst, desc.Type(), v, true)
	}
	return dst, nil
}

func appendProtoReply(dst []byte, call *rpc.Call) ([]byte, error) {
	m := call.Method
	if m.Oneway || m.Result.Kind == schema.KindVoid {
		return dst, nil
	}
	t, at := callvalues.Reply(call)
	if t.Op != plan.OpStruct {
		return appendProtoAny(dst, m.Result, (*mem.As[*dynamic.Struct](at)).At(0), protomap.IsResponse(m))
	}
	field := &t.Struct.Fields[0]
	return appendProto(dst, field.Type, at.Add(field.Offset), protomap.IsResponse(m))
}

func setProtoResult(call *rpc.Call, payload []byte) error {
	m := call.Method
	if m.Result.Kind == schema.KindVoid {
		return nil
	}
	if t, at := callvalues.Reply(call); t.Op == plan.OpStruct {
		field := &t.Struct.Fields[0]
		return consumeProto(payload, field.Type, at.Add(field.Offset), protomap.IsResponse(m))
	}
	v, err := consumeProtoAny(payload, m.Result, protomap.IsResponse(m))
	if err != nil {
		return err
	}
	return call.SetResult(v)
}

func protoException(m *schema.Method, payload []byte, named string) *rpc.Exception {
	for _, f := range m.Throws {
		if f.Type.Struct.Name != named {
			continue
		}
		if v, err := consumeProtoAny(payload, f.Type, true); err == nil {
			return &rpc.Exception{Value: v.Struct()}
		}
	}
	return nil
}

// check returns an error that says why payloads of a serialization are refused.
func (s serialization) check() error {
	switch {
	case s == rawBytes:
		return fmt.Errorf("serialization 0, raw bytes, has no types: use 4 Thrift, 3 msgpack, 2 protobuf or 1 JSON")
	case s > thriftBinary:
		return fmt.Errorf("unknown serialization %d (known: 1 JSON, 2 protobuf, 3 msgpack, 4 Thrift)", s)
	}
	return nil
}
