package thriftkit

import (
	"fmt"
	"reflect"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// Marshal returns v, a value of the struct desc, in the binary protocol or the one that an option
// names, without a message header. v is anything that a field of that type may hold: a Go struct
// that binds to desc or a pointer to one, a *dynamic.Struct, a map[string]any. The error says what
// does not fit: *rpc.Mismatch for the Go type, *wire.Error for the value.
func Marshal(desc *schema.Struct, v any, opts ...EncodingOption) ([]byte, error) {
	return MarshalValue(desc.Type(), v, opts...)
}

// MarshalValue is [Marshal] for a value of any type: a list, a set, a map, a scalar. Such a value
// does not say what it is: the reader must know the type.
func MarshalValue(t *schema.Type, v any, opts ...EncodingOption) ([]byte, error) {
	p, err := encodingProtocol(opts)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, fmt.Errorf("thriftkit: Marshal of nil as %s", t)
	}
	rv := reflect.New(reflect.TypeOf(v))
	rv.Elem().Set(reflect.ValueOf(v))
	bound, err := plan.ForType(rv.Type().Elem(), t)
	if err != nil {
		return nil, err
	}
	const usual = 128 // bytes
	return p.AppendValue(make([]byte, 0, usual), bound, mem.Of(rv))
}

// Unmarshal reads data, which holds one value of the struct desc as Marshal writes it, into
// what v points to; what that held before is lost, also after an error. Fields that desc does
// not know are skipped, or kept where the Go struct has a field of type wire.UnknownFields.
// Strings and []byte share data's memory, which must not be changed any more. The error says
// what does not fit: *rpc.Mismatch for the Go type, *wire.Error for the bytes. Bytes after the
// value are an error; UnmarshalNext returns them.
func Unmarshal(desc *schema.Struct, data []byte, v any, opts ...EncodingOption) error {
	return UnmarshalValue(desc.Type(), data, v, opts...)
}

// UnmarshalValue is [Unmarshal] for a value of any type, as [MarshalValue] writes it.
func UnmarshalValue(t *schema.Type, data []byte, v any, opts ...EncodingOption) error {
	rest, err := unmarshal(t, data, v, "Unmarshal", opts)
	if err == nil && len(rest) > 0 {
		what := t.String()
		if t.Kind == schema.KindStruct {
			what = t.Struct.Kind.String()
		}
		err = wire.Errorf(len(data)-len(rest), wire.ErrInvalid, "unexpected bytes after the %s: %d", what, len(rest))
	}
	return err
}

// UnmarshalNext is [UnmarshalValue] for data that goes on after the value: it returns the rest,
// which shares data's memory. With desc.Type() it reads structs that follow each other. After an
// error there is no rest.
func UnmarshalNext(t *schema.Type, data []byte, v any, opts ...EncodingOption) (rest []byte, err error) {
	return unmarshal(t, data, v, "UnmarshalNext", opts)
}

func unmarshal(t *schema.Type, data []byte, v any, caller string, opts []EncodingOption) (rest []byte, err error) {
	p, err := encodingProtocol(opts)
	if err != nil {
		return nil, err
	}
	bound, at, err := destination(t, v, caller)
	if err != nil {
		return nil, err
	}
	bound.Zero(at)
	end, err := p.ConsumeValue(data, 0, bound, at)
	if err != nil {
		return nil, err
	}
	return data[end:], nil
}

func encodingProtocol(opts []EncodingOption) (protocol.Protocol, error) {
	name := ""
	for _, o := range opts {
		if p, ok := o.(protocolOption); ok {
			name = string(p)
		}
	}
	return protocol.ByName(name)
}

// SetDefaults sets every field that has a default in the IDL, of the Go struct that v points
// to and that binds to desc, to its default. A struct that is composed in Go has zero values
// where the IDL has defaults; fields that were read from a peer have them already.
func SetDefaults(desc *schema.Struct, v any) error {
	t, at, err := destination(desc.Type(), v, "SetDefaults")
	if err != nil {
		return err
	}
	if t.Struct == nil {
		return fmt.Errorf("thriftkit: SetDefaults: %T is not a pointer to a struct of Go's", v)
	}
	t.Struct.SetDefaults(at)
	return nil
}

// destination returns the plan and the address of what v, a pointer, points to.
func destination(st *schema.Type, v any, caller string) (*plan.Type, mem.Pointer, error) {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return nil, mem.Pointer{}, fmt.Errorf("thriftkit: %s: want a pointer, got %T", caller, v)
	}
	t, err := plan.ForType(rv.Type().Elem(), st)
	return t, mem.Of(rv), err
}
