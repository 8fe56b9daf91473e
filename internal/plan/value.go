package plan

import (
	"fmt"
	"reflect"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

func (f *Field) setDefault(v mem.Pointer) {
	Assign(f.Type, v.Add(f.Offset), dynamic.FromLiteral(f.Schema.Default))
}

// ForMessage returns the plan by which a message of the type t of a stream travels, and a pointer to it: of
// a value that is sent, or of what is received.
func ForMessage(t *schema.Type, v any) (*Type, reflect.Value, error) {
	rv := reflect.ValueOf(v)
	if !rv.IsValid() {
		return nil, rv, fmt.Errorf("want a message of type %s, got nil", t)
	}
	if rv.Kind() != reflect.Pointer || rv.Type() == dynStructType {
		p := reflect.New(rv.Type())
		p.Elem().Set(rv)
		rv = p
	}
	if rv.IsNil() {
		return nil, rv, fmt.Errorf("want a message of type %s, got a nil %s", t, rv.Type())
	}
	p, err := ForType(rv.Type().Elem(), t)
	return p, rv, err
}

// SetDefaults gives every field of the struct at v that has a default its default, whatever
// the field held.
func (s *Struct) SetDefaults(v mem.Pointer) {
	for i := range s.Fields {
		if s.Fields[i].Schema.Default != nil && !s.Union {
			s.Fields[i].setDefault(v)
		}
	}
}

// Assign stores v, which must fit t.Schema, at the address at. Composite Go values are made
// anew; binaries are copied.
func Assign(t *Type, at mem.Pointer, v dynamic.Value) {
	if !v.IsSet() {
		return
	}
	switch t.Op {
	case OpBool:
		*mem.As[bool](at) = v.Bool()
	case OpI8:
		*mem.As[int8](at) = int8(v.Int())
	case OpI16:
		*mem.As[int16](at) = int16(v.Int())
	case OpI32:
		*mem.As[int32](at) = int32(v.Int())
	case OpI64:
		*mem.As[int64](at) = v.Int()
	case OpDouble:
		*mem.As[float64](at) = v.Double()
	case OpString:
		*mem.As[string](at) = v.Text()
	case OpBytes:
		*mem.As[[]byte](at) = []byte(v.Text())
	case OpUUID:
		*mem.As[[16]byte](at) = v.UUID()
	case OpPointer:
		p := mem.Of(reflect.New(t.Elem.Go))
		Assign(t.Elem, p, v)
		at.Store(p)
	case OpStruct:
		t.Zero(at)
		assignStruct(t.Struct, at, v.Struct())
	case OpSlice:
		l := v.List()
		rv := reflect.MakeSlice(t.Go, l.Len(), l.Len())
		at.Value(t.Go).Set(rv)
		data := at.SliceData()
		for i, e := range l.All() {
			Assign(t.Elem, data.Add(uintptr(i)*t.Elem.Size), e)
		}
	case OpSetMap:
		m := reflect.MakeMapWithSize(t.Go, v.List().Len())
		for _, e := range v.List().All() {
			m.SetMapIndex(newValue(t.Elem, e), reflect.Zero(t.Go.Elem()))
		}
		at.Value(t.Go).Set(m)
	case OpMap:
		m := reflect.MakeMapWithSize(t.Go, v.Map().Len())
		for _, e := range v.Map().Entries() {
			m.SetMapIndex(newValue(t.Key, e.Key), newValue(t.Elem, e.Value))
		}
		at.Value(t.Go).Set(m)
	case OpEntries:
		n := v.Map().Len()
		at.Value(t.Go).Set(reflect.MakeSlice(t.Go, n, n))
		data := at.SliceData()
		for i, e := range v.Map().Entries() {
			entry := data.Add(uintptr(i) * t.Entry.Size)
			Assign(t.Key, entry.Add(t.KeyAt), e.Key)
			Assign(t.Elem, entry.Add(t.ValueAt), e.Value)
		}
	default:
		assignDynamic(t, at, v)
	}
}

func newValue(t *Type, v dynamic.Value) reflect.Value {
	rv := reflect.New(t.Go)
	Assign(t, mem.Of(rv), v)
	return rv.Elem()
}

func assignStruct(s *Struct, at mem.Pointer, v *dynamic.Struct) {
	for i := range s.Fields {
		f := &s.Fields[i]
		Assign(f.Type, at.Add(f.Offset), v.At(f.Schema.Index))
	}
	if s.Unknown >= 0 && len(v.Unknown()) > 0 {
		*mem.As[wire.UnknownFields](at.Add(uintptr(s.Unknown))) = v.Unknown()
	}
}

// assignDynamic stores v where the Go type takes any value of the schema.
func assignDynamic(t *Type, at mem.Pointer, v dynamic.Value) {
	switch t.Op {
	case OpValue:
		*mem.As[dynamic.Value](at) = v
	case OpDynStruct:
		*mem.As[*dynamic.Struct](at) = v.Struct()
	case OpDynList:
		*mem.As[*dynamic.List](at) = v.List()
	case OpDynMap:
		*mem.As[*dynamic.Map](at) = v.Map()
	case OpAny:
		*mem.As[any](at) = v.Interface()
	case OpFields:
		*mem.As[map[string]any](at) = v.Struct().Interface()
	}
}

// IsDynamic reports whether values of t carry no Go type of the user's: walkers read and write
// them by the schema alone, with Value and SetValue.
func (t *Type) IsDynamic() bool { return t.Op >= OpValue }

// Value returns the dynamic value at the address at, for a dynamic t. Plain Go values in an
// interface are converted; the error says what does not fit.
func (t *Type) Value(at mem.Pointer) (dynamic.Value, error) {
	var v dynamic.Value
	switch t.Op {
	case OpValue:
		v = *mem.As[dynamic.Value](at)
	case OpDynStruct:
		v = dynamic.StructValue(*mem.As[*dynamic.Struct](at))
	case OpDynList:
		v = dynamic.ListValue(*mem.As[*dynamic.List](at))
	case OpDynMap:
		v = dynamic.MapValue(*mem.As[*dynamic.Map](at))
	case OpFields:
		return dynamic.Of(t.Schema, *mem.As[map[string]any](at))
	case OpAny:
		return dynamic.Of(t.Schema, *mem.As[any](at))
	}
	if v.IsSet() && !v.Fits(t.Schema) {
		return v, wire.Errorf(-1, wire.ErrValue, "want %s, got %s", t.Schema, v.Kind())
	}
	return v, nil
}

// SetValue stores v, which was read by t.Schema, at the address at, for a dynamic t.
func (t *Type) SetValue(at mem.Pointer, v dynamic.Value) { assignDynamic(t, at, v) }

// Bound returns the plan and the address of the value in the interface at the address at, if
// its Go type is one that binds to t.Schema by fields: a struct, or a pointer or container
// that leads to one. Everything else goes through Value.
func (t *Type) Bound(at mem.Pointer) (*Type, mem.Pointer, error) {
	if t.Op != OpAny {
		return nil, mem.Pointer{}, nil
	}
	v := *mem.As[any](at)
	if v == nil || !leadsToStruct(reflect.TypeOf(v), wire.MaxDepth) {
		return nil, mem.Pointer{}, nil
	}
	p, err := ForType(reflect.TypeOf(v), t.Schema)
	if err != nil {
		return nil, mem.Pointer{}, &wire.Error{Offset: -1, Cause: wire.ErrValue, Message: err.Error()}
	}
	rv := reflect.New(p.Go)
	rv.Elem().Set(reflect.ValueOf(v))
	return p, mem.Of(rv), nil
}

func leadsToStruct(t reflect.Type, depth int) bool {
	if depth == 0 {
		return false
	}
	switch t {
	case valueType, dynStructType, dynListType, dynMapType:
		return false
	}
	switch t.Kind() {
	case reflect.Struct:
		return t.NumField() > 0
	case reflect.Pointer, reflect.Slice:
		return leadsToStruct(t.Elem(), depth-1)
	case reflect.Map:
		return leadsToStruct(t.Elem(), depth-1) || leadsToStruct(t.Key(), depth-1)
	}
	return false
}
