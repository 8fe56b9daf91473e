package codec

import (
	"context"
	"fmt"
	"reflect"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/cloudwego/frugal"
	fast "github.com/cloudwego/gopkg/protocol/thrift"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/bench/internal/payload"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/schema"

	apachegen "github.com/thriftkit/thriftkit/bench/internal/gen/apache/bench"
	kitexgen "github.com/thriftkit/thriftkit/bench/internal/gen/kitex/bench"
	ourgen "github.com/thriftkit/thriftkit/bench/internal/gen/thriftkit/bench"
)

// A value is one struct in the forms of all sides.
type value struct {
	name      string // in names of rows
	desc      *schema.Struct
	bound     any                   // a pointer to a struct of package payload
	empty     func() any            // a new one
	floor     func() any            // the graph floor of bound
	generated func() any            // a new one, of thriftkit's own generator
	kitex     func() fast.FastCodec // a new one; also what frugal works on
	apache    func() thrift.TStruct // a new one
	bytes     []byte                // in the binary protocol
}

// values returns the four values that the tables are about.
func values() ([]value, error) {
	file, err := payload.Load()
	if err != nil {
		return nil, err
	}
	login, simple, nested, large := payload.NewLogin(), payload.NewSimple(7), payload.NewNested(1), payload.NewLarge()
	all := []value{
		{name: "60B", desc: file.Struct("Login"), bound: login, empty: func() any { return new(payload.Login) },
			generated: func() any { return new(ourgen.Login) },
			floor:     anyOf(payload.FloorLogin(login)),
			kitex:     func() fast.FastCodec { return new(kitexgen.Login) }, apache: func() thrift.TStruct { return new(apachegen.Login) }},
		{name: "89B", desc: file.Struct("Simple"), bound: simple, empty: func() any { return new(payload.Simple) },
			generated: func() any { return new(ourgen.Simple) },
			floor:     anyOf(payload.FloorSimple(simple)),
			kitex:     func() fast.FastCodec { return new(kitexgen.Simple) }, apache: func() thrift.TStruct { return new(apachegen.Simple) }},
		{name: "4.5KB", desc: file.Struct("Nested"), bound: nested, empty: func() any { return new(payload.Nested) },
			generated: func() any { return new(ourgen.Nested) },
			floor:     anyOf(payload.FloorNested(nested)),
			kitex:     func() fast.FastCodec { return new(kitexgen.Nested) }, apache: func() thrift.TStruct { return new(apachegen.Nested) }},
		{name: "120KB", desc: file.Struct("Large"), bound: large, empty: func() any { return new(payload.Large) },
			generated: func() any { return new(ourgen.Large) },
			floor:     anyOf(payload.FloorLarge(large)),
			kitex:     func() fast.FastCodec { return new(kitexgen.Large) }, apache: func() thrift.TStruct { return new(apachegen.Large) }},
	}
	for i := range all {
		if all[i].bytes, err = thriftkit.Marshal(all[i].desc, all[i].bound); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func anyOf[T any](f func() *T) func() any { return func() any { return f() } }

// longs returns a list of n i64.
func longs(n int) (value, error) {
	file, err := payload.Load()
	if err != nil {
		return value{}, err
	}
	v := value{
		name: "longs", desc: file.Struct("Longs"), bound: payload.NewLongs(n), empty: func() any { return new(payload.Longs) },
		generated: func() any { return new(ourgen.Longs) },
		kitex:     func() fast.FastCodec { return new(kitexgen.Longs) }, apache: func() thrift.TStruct { return new(apachegen.Longs) },
	}
	v.bytes, err = thriftkit.Marshal(v.desc, v.bound)
	return v, err
}

// A side encodes and decodes a value: it returns an Op for each. Encoding is into a buffer that
// is used again, decoding into a new value.
type side func(v value) (encode, decode Op, err error)

// ops returns the ops of sides for v.
func ops(v value, sides ...side) (encode, decode []Op, err error) {
	for _, s := range sides {
		e, d, err := s(v)
		if err != nil {
			return nil, nil, err
		}
		encode, decode = append(encode, e), append(decode, d)
	}
	return encode, decode, nil
}

// wantLen is a check of what was encoded. Maps come in any order, so that lengths are compared.
func wantLen(got *[]byte, want int) func() error {
	return func() error {
		if len(*got) != want {
			return fmt.Errorf("encoded %d bytes, want %d", len(*got), want)
		}
		return nil
	}
}

// in returns v with bytes in another protocol.
func (v value) in(protocol string) (value, error) {
	var err error
	v.bytes, err = thriftkit.Marshal(v.desc, v.bound, thriftkit.WithProtocol(protocol))
	return v, err
}

// bound is thriftkit with plain Go structs: what calls do when all has been made ready for them,
// without the look-up of the plan that Marshal and Unmarshal do.
func bound(protocolName string) side {
	return func(v value) (encode, decode Op, err error) {
		return typed("thriftkit-bound", protocolName, v, v.bound, v.empty)
	}
}

// generated is the same with the structs that thriftkit generates.
func generated(protocolName string) side {
	return func(v value) (encode, decode Op, err error) {
		from := v.generated()
		if err := thriftkit.Unmarshal(v.desc, v.bytes, from, thriftkit.WithProtocol(protocolName)); err != nil {
			return encode, decode, err
		}
		return typed("thriftkit-generated", protocolName, v, from, v.generated)
	}
}

// typed encodes from, and decodes what empty returns.
func typed(name, protocolName string, v value, from any, empty func() any) (encode, decode Op, err error) {
	proto, err := protocol.ByName(protocolName)
	if err != nil {
		return encode, decode, err
	}
	p, err := plan.ForType(reflect.TypeOf(from).Elem(), v.desc.Type())
	if err != nil {
		return encode, decode, err
	}
	var dst []byte
	var got any
	at := mem.Of(reflect.ValueOf(from))
	encode = Op{Side: name, Check: wantLen(&dst, len(v.bytes)), Run: func() (err error) {
		dst, err = proto.AppendValue(dst[:0], p, at)
		return err
	}}
	decode = Op{Side: name, Run: func() error {
		got = empty()
		_, err := proto.ConsumeValue(v.bytes, 0, p, mem.Of(reflect.ValueOf(got)))
		return err
	}, Check: func() error { return wantSame(got, from) }}
	return encode, decode, nil
}

// public is the same through the public functions, which encode into a new buffer.
func public(v value) (encode, decode Op, err error) {
	var dst []byte
	var got any
	encode = Op{Side: "thriftkit-Marshal", Check: wantLen(&dst, len(v.bytes)), Run: func() (err error) {
		dst, err = thriftkit.Marshal(v.desc, v.bound)
		return err
	}}
	decode = Op{Side: "thriftkit-Marshal", Run: func() error {
		got = v.empty()
		return thriftkit.Unmarshal(v.desc, v.bytes, got)
	}, Check: func() error { return wantSame(got, v.bound) }}
	return encode, decode, nil
}

// dyn is thriftkit without Go types, made ready alike.
func dyn(protocolName string) side {
	return func(v value) (encode, decode Op, err error) {
		proto, err := protocol.ByName(protocolName)
		if err != nil {
			return encode, decode, err
		}
		p, err := plan.ForType(reflect.TypeFor[*dynamic.Struct](), v.desc.Type())
		if err != nil {
			return encode, decode, err
		}
		var value, got *dynamic.Struct
		if _, err := proto.ConsumeValue(v.bytes, 0, p, mem.To(&value)); err != nil {
			return encode, decode, err
		}
		var dst []byte
		encode = Op{Side: "thriftkit-dynamic", Check: wantLen(&dst, len(v.bytes)), Run: func() (err error) {
			dst, err = proto.AppendValue(dst[:0], p, mem.To(&value))
			return err
		}}
		decode = Op{Side: "thriftkit-dynamic", Run: func() error {
			got = nil
			_, err := proto.ConsumeValue(v.bytes, 0, p, mem.To(&got))
			return err
		}, Check: func() error {
			if !dynamic.Equal(dynamic.StructValue(got), dynamic.StructValue(value)) {
				return fmt.Errorf("decoded another value")
			}
			return nil
		}}
		return encode, decode, nil
	}
}

// kitexFast is the code that Kitex generates.
func kitexFast(v value) (encode, decode Op, err error) {
	from := v.kitex()
	if _, err := from.FastRead(v.bytes); err != nil {
		return encode, decode, err
	}
	var dst []byte
	var got fast.FastCodec
	encode = Op{Side: "kitex-fastcodec", Check: wantLen(&dst, len(v.bytes)), Run: func() error {
		n := from.BLength()
		if cap(dst) < n {
			dst = make([]byte, n)
		}
		dst = dst[:n]
		dst = dst[:from.FastWriteNocopy(dst, nil)]
		return nil
	}}
	decode = Op{Side: "kitex-fastcodec", Run: func() error {
		got = v.kitex()
		_, err := got.FastRead(v.bytes)
		return err
	}, Check: func() error { return wantSame(got, from) }}
	return encode, decode, nil
}

// frugalReflect is frugal, on the structs that Kitex generates.
func frugalReflect(v value) (encode, decode Op, err error) {
	from := v.kitex()
	if _, err := frugal.DecodeObject(v.bytes, from); err != nil {
		return encode, decode, err
	}
	var dst []byte
	var got fast.FastCodec
	encode = Op{Side: "frugal", Check: wantLen(&dst, len(v.bytes)), Run: func() error {
		n := frugal.EncodedSize(from)
		if cap(dst) < n {
			dst = make([]byte, n)
		}
		dst = dst[:n]
		n, err := frugal.EncodeObject(dst, nil, from)
		dst = dst[:n]
		return err
	}}
	decode = Op{Side: "frugal", Run: func() error {
		got = v.kitex()
		_, err := frugal.DecodeObject(v.bytes, got)
		return err
	}, Check: func() error { return wantSame(got, from) }}
	return encode, decode, nil
}

func wantSame(got, want any) error {
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("decoded another value")
	}
	return nil
}

// apache is the code that Apache's compiler generates, with one of its protocols.
func apache(protocolName string) side {
	return func(v value) (encode, decode Op, err error) {
		ctx := context.Background()
		open := func() (*thrift.TMemoryBuffer, thrift.TProtocol) {
			buf := thrift.NewTMemoryBufferLen(len(v.bytes))
			switch protocolName {
			case "compact":
				return buf, thrift.NewTCompactProtocolConf(buf, nil)
			case "json":
				return buf, thrift.NewTJSONProtocol(buf)
			}
			return buf, thrift.NewTBinaryProtocolConf(buf, nil)
		}
		name := "apache-" + protocolName
		from, got := v.apache(), v.apache()
		in, reader := open()
		read := func(into thrift.TStruct) error {
			in.Reset()
			in.Write(v.bytes)
			return into.Read(ctx, reader)
		}
		if err := read(from); err != nil {
			return encode, decode, err
		}
		out, writer := open()
		var dst []byte
		encode = Op{Side: name, Check: wantLen(&dst, len(v.bytes)), Run: func() error {
			out.Reset()
			if err := from.Write(ctx, writer); err != nil {
				return err
			}
			if err := writer.Flush(ctx); err != nil {
				return err
			}
			dst = out.Bytes()
			return nil
		}}
		decode = Op{Side: name, Run: func() error {
			got = v.apache()
			return read(got)
		}, Check: func() error { return wantSame(got, from) }}
		return encode, decode, nil
	}
}
