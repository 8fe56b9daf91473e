package codec

import (
	"fmt"
	"reflect"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	wireproto "github.com/thriftkit/thriftkit/wire/proto"

	pbgen "github.com/thriftkit/thriftkit/bench/internal/gen/protobuf/bench"
)

// protoRows have the sides that encode whole values in Protocol Buffers.
func protoRows() ([]Row, error) {
	all, err := values()
	if err != nil {
		return nil, err
	}
	news := []func() proto.Message{
		func() proto.Message { return new(pbgen.Login) }, func() proto.Message { return new(pbgen.Simple) },
		func() proto.Message { return new(pbgen.Nested) }, func() proto.Message { return new(pbgen.Large) },
	}
	var rows []Row
	for i, v := range all {
		c, err := protoCodec(v, reflect.TypeOf(v.bound).Elem())
		if err != nil {
			return nil, err
		}
		if v.bytes, err = c.Append(nil, mem.Of(reflect.ValueOf(v.bound))); err != nil {
			return nil, err
		}
		encode, decode, err := ops(v, protoBound, protoDynamic, protobufGo("protobuf-go", news[i]), protobufGo("dynamicpb", func() proto.Message {
			return dynamicpb.NewMessage(news[i]().ProtoReflect().Descriptor())
		}))
		if err != nil {
			return nil, err
		}
		rows = append(rows, pair("proto", v, abouts(v.name), encode, decode)...)
	}
	return rows, nil
}

func protoCodec(v value, t reflect.Type) (*wireproto.Codec, error) {
	p, err := plan.ForType(t, v.desc.Type())
	if err != nil {
		return nil, err
	}
	return wireproto.For(p)
}

// protoBound is thriftkit with plain Go structs.
func protoBound(v value) (encode, decode Op, err error) {
	c, err := protoCodec(v, reflect.TypeOf(v.bound).Elem())
	if err != nil {
		return encode, decode, err
	}
	var dst []byte
	var got any
	at := mem.Of(reflect.ValueOf(v.bound))
	encode = Op{Side: "thriftkit-bound", Check: wantLen(&dst, len(v.bytes)), Run: func() (err error) {
		dst, err = c.Append(dst[:0], at)
		return err
	}}
	decode = Op{Side: "thriftkit-bound", Run: func() error {
		got = v.empty()
		return c.Consume(v.bytes, mem.Of(reflect.ValueOf(got)))
	}, Check: func() error { return wantSame(got, v.bound) }}
	return encode, decode, nil
}

// protoDynamic is thriftkit without Go types.
func protoDynamic(v value) (encode, decode Op, err error) {
	c, err := protoCodec(v, reflect.TypeFor[*dynamic.Struct]())
	if err != nil {
		return encode, decode, err
	}
	var from, got *dynamic.Struct
	if err := c.Consume(v.bytes, mem.To(&from)); err != nil {
		return encode, decode, err
	}
	var dst []byte
	encode = Op{Side: "thriftkit-dynamic", Check: wantLen(&dst, len(v.bytes)), Run: func() (err error) {
		dst, err = c.Append(dst[:0], mem.To(&from))
		return err
	}}
	decode = Op{Side: "thriftkit-dynamic", Run: func() error {
		got = nil
		return c.Consume(v.bytes, mem.To(&got))
	}, Check: func() error {
		if !dynamic.Equal(dynamic.StructValue(got), dynamic.StructValue(from)) {
			return fmt.Errorf("decoded another value")
		}
		return nil
	}}
	return encode, decode, nil
}

// protobufGo is google.golang.org/protobuf, with the messages that empty returns.
func protobufGo(name string, empty func() proto.Message) side {
	return func(v value) (encode, decode Op, err error) {
		from := empty()
		if err := proto.Unmarshal(v.bytes, from); err != nil {
			return encode, decode, err
		}
		var dst []byte
		var got proto.Message
		encode = Op{Side: name, Check: wantLen(&dst, len(v.bytes)), Run: func() (err error) {
			dst, err = proto.MarshalOptions{}.MarshalAppend(dst[:0], from)
			return err
		}}
		decode = Op{Side: name, Run: func() error {
			got = empty()
			return proto.Unmarshal(v.bytes, got)
		}, Check: func() error {
			if !proto.Equal(got, from) {
				return fmt.Errorf("decoded another value")
			}
			return nil
		}}
		return encode, decode, nil
	}
}
