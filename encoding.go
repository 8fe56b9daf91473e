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
// names, without the header of a message. v is anything that a field of that type may hold: a Go struct that binds to desc
// or a pointer to one, a *dynamic.Struct, a map[string]any. The error says what does not fit:
// *rpc.Mismatch for the Go type, *wire.Error for the value.
func Marshal(desc *schema.Struct, v any, opts ...EncodingOption) ([]byte, error) {
	p, err := encodingProtocol(opts)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, fmt.Errorf("thriftkit: Marshal of nothing as %s", desc.Name)
	}
	rv := reflect.New(reflect.TypeOf(v))
	rv.Elem().Set(reflect.ValueOf(v))
	t, err := plan.ForType(rv.Type().Elem(), desc.Type())
	if err != nil {
		return nil, err
	}
	const usual = 128 // bytes
	return p.AppendValue(make([]byte, 0, usual), t, mem.Of(rv))
}

// Unmarshal reads data, which holds one value of the struct desc as Marshal writes it, into
// what v points to; what that held before is lost, also after an error. Fields that desc does
// not know are skipped, or kept where the Go struct has a field of type wire.UnknownFields.
// Strings and []byte share data's memory, which must not be changed any more. The error says
// what does not fit: *rpc.Mismatch for the Go type, *wire.Error for the bytes.
func Unmarshal(desc *schema.Struct, data []byte, v any, opts ...EncodingOption) error {
	p, err := encodingProtocol(opts)
	if err != nil {
		return err
	}
	t, at, err := destination(desc, v, "Unmarshal")
	if err != nil {
		return err
	}
	t.Zero(at)
	end, err := p.ConsumeValue(data, 0, t, at)
	if err == nil && end != len(data) {
		err = wire.Errorf(end, wire.ErrInvalid, "%d bytes behind the %s", len(data)-end, desc.Kind)
	}
	return err
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
	t, at, err := destination(desc, v, "SetDefaults")
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
func destination(desc *schema.Struct, v any, caller string) (*plan.Type, mem.Pointer, error) {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return nil, mem.Pointer{}, fmt.Errorf("thriftkit: %s: want a pointer, got %T", caller, v)
	}
	t, err := plan.ForType(rv.Type().Elem(), desc.Type())
	return t, mem.Of(rv), err
}
