// Package proto reads and writes values of a schema as messages of Protocol Buffers (proto3), as
// internal/protomap maps them: bound Go values and dynamic ones, without generated code or descriptors.
//
// Fields are written in the order of their numbers, entries of Go maps in no order. A field that has no
// presence in proto3 is not written when it is zero, and is zero after reading when it was absent; a
// list or map that was absent is empty, or unset where it is optional. Unknown fields are skipped. A
// message may nest as deep as wire.MaxDepth says; nothing is allocated for what a message only claims.
//
// A field of a message that comes twice is an error; other libraries merge the two.
//
// Strings must be UTF-8. Decoded strings and binaries share the message's memory: the caller must own
// it and never write to it again. Errors are *wire.Error with the offset and the path of fields.
//
// The source is "Encoding" of the Protocol Buffers documentation (protobuf.dev/programming-guides/encoding).
package proto

import (
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protomap"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// A Codec writes and reads the messages of one type. It is safe for concurrent use.
type Codec struct {
	value  *value
	single bool // the message is the value; else it has the value as its field 1
}

type codecKey struct {
	t      *plan.Type
	single bool
}

type codecResult struct {
	c   *Codec
	err error
}

// For returns the codec of messages that stand for the struct of t. The error reports annotations that do
// not fit.
func For(t *plan.Type) (*Codec, error) { return codecOf(t, true) }

// ForField returns the codec of messages whose only field, number 1, is a value of t: the results of
// methods that are not structs. The field has no presence.
func ForField(t *plan.Type) (*Codec, error) { return codecOf(t, false) }

func codecOf(t *plan.Type, single bool) (*Codec, error) {
	r := t.Schema.Memo(codecKey{t, single}, func() any {
		m, err := protomap.OfType(t.Schema)
		if err != nil {
			return codecResult{err: err}
		}
		c := &compiler{structs: make(map[*plan.Struct]*structure)}
		return codecResult{c: &Codec{value: c.valueOf(t, m), single: single}}
	}).(codecResult)
	return r.c, r.err
}

// Append appends the message for the value at v and returns dst, extended.
func (c *Codec) Append(dst []byte, v mem.Pointer) ([]byte, error) {
	if !c.single {
		return appendField(dst, 1, c.value, v, false, wire.MaxDepth)
	}
	return appendMessage(dst, c.value, v, wire.MaxDepth)
}

// Consume reads the message src into the zeroed memory at v.
func (c *Codec) Consume(src []byte, v mem.Pointer) error {
	d := decoder{src: src}
	if c.single {
		return d.message(0, len(src), c.value, v, wire.MaxDepth)
	}
	return d.wrapper(0, len(src), c.value, v, wire.MaxDepth)
}

// A value is how Go values of one type travel.
type value struct {
	op   plan.Op
	kind protomap.Kind
	form protomap.Form
	t    *plan.Type
	m    *protomap.Type
	elem *value     // of OpPointer, a list, a map
	key  *value     // of a map
	st   *structure // of OpStruct
}

// wrapped reports whether the value needs a message around it where proto3 wants a single value.
func (v *value) wrapped() bool { return v.form != protomap.Single }

// A structure is how a Go struct travels.
type structure struct {
	plan   *plan.Struct
	m      *protomap.Struct
	fields []field // in the order of their numbers
	dense  []int16 // index+1 by number, for small numbers
	sparse map[int32]int
	check  bool // a message needs looking at after it was read
}

type field struct {
	plan     *plan.Field
	offset   uintptr
	always   bool // set whatever the value
	indirect bool // a pointer; value is what it points to
	presence bool
	repeated bool
	number   int32
	tag      uint64 // of one value, or of a packed list
	value    *value
}

type compiler struct {
	structs map[*plan.Struct]*structure
}

func (c *compiler) valueOf(t *plan.Type, m *protomap.Type) *value {
	v := &value{op: t.Op, kind: m.Kind, form: m.Form, t: t, m: m}
	switch t.Op {
	case plan.OpPointer:
		v.elem = c.valueOf(t.Elem, m)
	case plan.OpStruct:
		v.st = c.structOf(t.Struct, m.Struct)
	case plan.OpSlice, plan.OpSetMap:
		v.elem = c.valueOf(t.Elem, m.Elem)
	case plan.OpMap, plan.OpEntries:
		v.key, v.elem = c.valueOf(t.Key, m.Key), c.valueOf(t.Elem, m.Elem)
	}
	return v
}

func (c *compiler) structOf(p *plan.Struct, m *protomap.Struct) *structure {
	if s := c.structs[p]; s != nil {
		return s
	}
	s := &structure{plan: p, m: m, fields: make([]field, len(p.Fields)), sparse: make(map[int32]int)}
	c.structs[p] = s
	for i := range p.Fields {
		f := &p.Fields[i]
		mf := &m.Fields[f.Schema.Index]
		x := field{
			plan: f, offset: f.Offset, always: f.Presence == plan.Always, presence: mf.Presence, repeated: mf.IsRepeated(m), number: mf.Number,
			value: c.valueOf(f.Type, mf.Type),
		}
		if f.Type.Op == plan.OpPointer && f.Presence == plan.NotNil {
			x.indirect, x.value = true, x.value.elem
		}
		x.tag = uint64(x.number)<<3 | mf.Type.WireType()
		if f.Schema.Requiredness == schema.Required || f.Schema.Default != nil || !x.presence && f.Presence != plan.Always {
			s.check = true
		}
		s.fields[i] = x
	}
	s.sort()
	return s
}

func (s *structure) index(number int32) int {
	if uint(number) < uint(len(s.dense)) {
		return int(s.dense[number]) - 1
	}
	if i, ok := s.sparse[number]; ok {
		return i
	}
	return -1
}
