package grpc_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
	wireproto "github.com/thriftkit/thriftkit/wire/proto"
	"github.com/thriftkit/thriftkit/x/grpc"
)

// An oracle is protobuf's own implementation of the messages of a struct, beside ours.
type oracle struct {
	desc  protoreflect.MessageDescriptor
	s     *schema.Struct
	codec *wireproto.Codec // of *dynamic.Struct
	json  *wireproto.JSON
}

func newOracle(t testing.TB, name string) *oracle {
	t.Helper()
	files, err := grpc.Descriptors(loadShop().Service("Shop"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := files.FindDescriptorByName(protoreflect.FullName("shop.v1." + name))
	if err != nil {
		t.Fatal(err)
	}
	o := &oracle{desc: d.(protoreflect.MessageDescriptor), s: loadShop().Struct(name)}
	p, err := plan.ForType(reflect.TypeFor[*dynamic.Struct](), o.s.Type())
	if err != nil {
		t.Fatal(err)
	}
	if o.codec, err = wireproto.For(p); err != nil {
		t.Fatal(err)
	}
	if o.json, err = wireproto.JSONFor(o.s.Type()); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *oracle) marshal(v *dynamic.Struct) ([]byte, error) {
	return o.codec.Append(nil, mem.To(&v))
}

func (o *oracle) unmarshal(b []byte) (v *dynamic.Struct, err error) {
	return v, o.codec.Consume(b, mem.To(&v))
}

// check compares what both codecs make of v.
func (o *oracle) check(t testing.TB, v *dynamic.Struct) {
	t.Helper()
	ours, err := o.marshal(v)
	if err != nil {
		return // such as a string that is not UTF-8
	}
	m := dynamicpb.NewMessage(o.desc)
	if err := proto.Unmarshal(ours, m); err != nil {
		t.Fatalf("protobuf does not read what we wrote: %v\n%x", err, ours)
	}
	if u := unknown(m); len(u) > 0 {
		t.Fatalf("unknown to protobuf: %x", u)
	}
	theirs, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	o.same(t, "their bytes", theirs, m)
	text, err := o.json.AppendJSON(nil, ours)
	if err != nil {
		t.Fatalf("to JSON: %v\n%x", err, ours)
	}
	fromJSON := dynamicpb.NewMessage(o.desc)
	if err := protojson.Unmarshal(text, fromJSON); err != nil {
		t.Fatalf("protojson does not read what we wrote: %v\n%s", err, text)
	}
	if !equal(m, fromJSON) {
		t.Fatalf("our JSON means something else to protojson:\n%s", text)
	}
	back, err := o.json.AppendMessage(nil, text)
	if err != nil {
		t.Fatalf("from our JSON: %v\n%s", err, text)
	}
	o.same(t, "our JSON", back, m)
	theirText, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if back, err = o.json.AppendMessage(nil, theirText); err != nil {
		t.Fatalf("from their JSON: %v\n%s", err, theirText)
	}
	o.same(t, "their JSON", back, m)
}

// same decodes b by our codec, and fails unless the result, encoded again, means m to protobuf.
func (o *oracle) same(t testing.TB, what string, b []byte, m *dynamicpb.Message) {
	t.Helper()
	v, err := o.unmarshal(b)
	if err != nil {
		t.Fatalf("%s: we do not read them: %v\n%x", what, err, b)
	}
	again, err := o.marshal(v)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	m2 := dynamicpb.NewMessage(o.desc)
	if err := proto.Unmarshal(again, m2); err != nil {
		t.Fatalf("%s: protobuf does not read what we wrote again: %v", what, err)
	}
	if !equal(m, m2) {
		t.Fatalf("%s mean something else to us:\n%.1000v\n%.1000v", what, m, m2)
	}
}

// equal is proto.Equal for which all NaNs are equal, as they are to it, in repeated messages with the keys of a map, too.
func equal(a, b *dynamicpb.Message) bool {
	if proto.Equal(a, b) {
		return true
	}
	o := proto.MarshalOptions{Deterministic: true}
	x, err1 := o.Marshal(a)
	y, err2 := o.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

// unknown returns the fields of m that its descriptor lacks.
func unknown(m protoreflect.Message) []byte {
	u := m.GetUnknown()
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap() && f.MapValue().Message() != nil:
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				u = append(u, unknown(v.Message())...)
				return true
			})
		case f.IsList() && f.Message() != nil:
			for i := range v.List().Len() {
				u = append(u, unknown(v.List().Get(i).Message())...)
			}
		case !f.IsMap() && !f.IsList() && f.Message() != nil:
			u = append(u, unknown(v.Message())...)
		}
		return true
	})
	return u
}

// newRand returns a source of numbers.
func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// A generator makes values.
type generator struct {
	*rand.Rand
	left int // values before it stops making composite ones
}

func (g *generator) value(t *schema.Type, depth int) dynamic.Value {
	g.left--
	small := g.IntN(2) == 0
	integer := func(bits int) int64 {
		if small {
			return g.Int64N(5) - 2
		}
		return int64(g.Uint64()) >> (64 - bits)
	}
	count := 0
	if depth > 0 && g.left > 0 {
		count = g.IntN(4)
	}
	switch t.Kind {
	case schema.KindBool:
		return dynamic.Bool(small)
	case schema.KindI8:
		return dynamic.I8(int8(integer(8)))
	case schema.KindI16:
		return dynamic.I16(int16(integer(16)))
	case schema.KindI32:
		return dynamic.I32(int32(integer(32)))
	case schema.KindI64:
		return dynamic.I64(integer(64))
	case schema.KindEnum:
		return dynamic.Enum(int32(g.Int64N(9) - 4))
	case schema.KindDouble:
		return dynamic.Double([]float64{0, math.Copysign(0, -1), 1.5, -1e300, math.Inf(1), math.Inf(-1), math.NaN(), math.Float64frombits(g.Uint64()), 0.1, 1e21, 5e-324}[g.IntN(11)])
	case schema.KindString:
		return dynamic.String([]string{"", "a", "é\x00\n\"\\\u2028", "登录成功", "😈", strings.Repeat("x", g.IntN(300))}[g.IntN(6)])
	case schema.KindBinary:
		b := make([]byte, g.IntN(20))
		for i := range b {
			b[i] = byte(g.Uint32())
		}
		return dynamic.Binary(b)
	case schema.KindUUID:
		var id [16]byte
		for i := range id {
			id[i] = byte(g.Uint32())
		}
		return dynamic.UUID(id)
	case schema.KindList, schema.KindSet:
		l := dynamic.NewList(t)
		for range count {
			l.Append(g.value(t.Elem, depth-1))
		}
		return dynamic.ListValue(l)
	case schema.KindMap:
		m := dynamic.NewMap(t)
		for range count {
			m.Set(g.value(t.Key, depth-1), g.value(t.Elem, depth-1))
		}
		return dynamic.MapValue(m)
	}
	return dynamic.StructValue(g.structure(t.Struct, depth-1))
}

func (g *generator) structure(desc *schema.Struct, depth int) *dynamic.Struct {
	s := dynamic.New(desc)
	if desc.Kind == schema.Union {
		f := desc.Fields[g.IntN(len(desc.Fields))]
		s.Set(f.Name, g.value(f.Type, depth))
		return s
	}
	for _, f := range desc.Fields {
		isComposite := f.Type.Kind == schema.KindStruct
		if f.Default != nil || g.left > 0 && g.IntN(3) > 0 && (depth > 0 || !isComposite) { // what is absent has its default after reading
			s.Set(f.Name, g.value(f.Type, depth))
		}
	}
	return s
}

// TestOracle compares wire/proto with protobuf's own implementation over values of every type.
func TestOracle(t *testing.T) {
	o := newOracle(t, "Everything")
	values := uint64(1000)
	if testing.Short() {
		values = 200
	}
	for seed := range values {
		g := &generator{newRand(seed), 200}
		o.check(t, g.structure(o.s, 4))
	}
}

// FuzzOracle has both implementations read bytes.
func FuzzOracle(f *testing.F) {
	o := newOracle(f, "Everything")
	for seed := range uint64(20) {
		g := &generator{newRand(seed + 1e6), 20}
		b, err := o.marshal(g.structure(o.s, 3))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := o.unmarshal(b)
		if err != nil {
			return // stricter than protobuf: ranges, fields that come twice
		}
		m := dynamicpb.NewMessage(o.desc)
		if err := unmarshal(b, m); err != nil {
			t.Fatalf("we read what protobuf refuses: %v\n%x", err, b)
		}
		o.check(t, v)
	})
}

// unmarshal is proto.Unmarshal, which panics where the key of a map comes twice, the second time with another wire type.
func unmarshal(b []byte, m proto.Message) error {
	defer func() {
		if p := recover(); p != nil && !strings.Contains(fmt.Sprint(p), "cannot convert nil to map key") {
			panic(p)
		}
	}()
	return proto.Unmarshal(b, m)
}

// FuzzJSON reads JSON, which protobuf's own implementation reads too if it is right.
func FuzzJSON(f *testing.F) {
	o := newOracle(f, "Everything")
	for _, s := range []string{
		`{}`, `{"number": 1e2, "big": "-5", "ratio": "NaN", "data": "-_8=", "flag": true}`, `{"counts": {"a": 1}, "names": {"-1": ""}, "flags": {"true": {"items": ["1"]}}}`,
		`{"byPoint": [], "by_point": [{"key": {"x": 1}, "value": "a"}], "shape": {"labels": {"items": []}}}`, `{"color": "COLOR_RED", "colors": [1, "COLOR_GREEN", 77], "self": {"self": null}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := o.json.AppendMessage(nil, text)
		m := dynamicpb.NewMessage(o.desc)
		theirs := protojson.Unmarshal(text, m)
		if err != nil {
			return
		}
		if theirs != nil {
			for _, difference := range []string{
				"unknown field", // we skip them
				"enum",          // we know the names in the IDL, too
				"oneof",         // a union of two members is refused where its bytes are decoded
			} {
				if strings.Contains(theirs.Error(), difference) {
					return
				}
			}
			t.Fatalf("protojson refuses what we read: %v\n%s", theirs, text)
		}
		x := dynamicpb.NewMessage(o.desc)
		if err := proto.Unmarshal(b, x); err != nil {
			t.Fatalf("protobuf does not read what we made of JSON: %v\n%s\n%x", err, text, b)
		}
		if !equal(m, x) {
			t.Fatalf("JSON means something else to protojson:\n%s\n%v\n%v", text, m, x)
		}
	})
}
