package conformance

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// FuzzAgainstApache reads the same bytes with thriftkit and, as its generated code does, with Apache's library: both take them
// and find the same, or both refuse them, or apacheReader says why they may differ.
func FuzzAgainstApache(f *testing.F) {
	file, err := Load()
	if err != nil {
		f.Fatal(err)
	}
	desc := file.Struct("AllTypes")
	for _, compact := range []bool{false, true} {
		for _, v := range []*AllTypes{{}, allTypes()} {
			b, err := thriftkit.Marshal(desc, v, thriftkit.WithProtocol(protocolName(compact)))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(compact, b)
			for i := 0; i < len(b); i += 11 {
				c := bytes.Clone(b)
				c[i] ^= 0x15
				f.Add(compact, c)
				f.Add(compact, b[:i])
			}
		}
	}
	f.Fuzz(func(t *testing.T, compact bool, b []byte) {
		r := newApacheReader(compact, b)
		theirs, theirErr := r.structure(desc, 0)
		if r.excuse != "" {
			return
		}
		if theirErr == nil && r.left() > 0 {
			return // what lies behind the value is nobody's business there, and an error here
		}
		var ours *dynamic.Struct
		err := thriftkit.Unmarshal(desc, bytes.Clone(b), &ours, thriftkit.WithProtocol(protocolName(compact)))
		switch {
		case (err == nil) != (theirErr == nil):
			t.Errorf("%s % x\nthriftkit: %v\nApache:    %v", protocolName(compact), b, err, theirErr)
		case err == nil && Text(dynamic.StructValue(ours)) != Text(dynamic.StructValue(theirs)):
			t.Errorf("%s % x\nthriftkit: %s\nApache:    %s", protocolName(compact), b, Text(dynamic.StructValue(ours)), Text(dynamic.StructValue(theirs)))
		}
	})
}

func protocolName(compact bool) string {
	if compact {
		return "compact"
	}
	return "binary"
}

// apacheReader reads values as the code does that Apache's compiler generates for Go, but for what such code trusts
// and this one looks at, to know of differences that are meant to be.
type apacheReader struct {
	compact bool
	buf     *thrift.TMemoryBuffer
	p       thrift.TProtocol
	excuse  string
}

func newApacheReader(compact bool, b []byte) *apacheReader {
	buf := thrift.NewTMemoryBufferLen(len(b))
	buf.Write(b)
	r := &apacheReader{compact: compact, buf: buf}
	if r.p = thrift.NewTBinaryProtocolConf(buf, nil); compact {
		r.p = thrift.NewTCompactProtocolConf(buf, nil)
	}
	return r
}

func (r *apacheReader) left() int { return r.buf.Len() }

// excused ends the comparison.
func (r *apacheReader) excused(why string) error {
	r.excuse = why
	return errors.New(why)
}

var background = context.Background()

func (r *apacheReader) structure(desc *schema.Struct, depth int) (*dynamic.Struct, error) {
	const nearLimit = 50 // Apache's limit is 64 levels, and where exactly it lies differs by a few
	if depth > nearLimit {
		return nil, r.excused("nested near the limit")
	}
	if _, err := r.p.ReadStructBegin(background); err != nil {
		return nil, err
	}
	s := dynamic.New(desc)
	for {
		_, t, id, err := r.p.ReadFieldBegin(background)
		if err != nil {
			return nil, err
		}
		if t == thrift.STOP {
			break
		}
		i := desc.Index(id)
		if i < 0 || wire.TypeOf(desc.Fields[i].Type.Kind) != wire.Type(t) {
			if err := r.skip(t); err != nil {
				return nil, err
			}
			continue
		}
		v, err := r.value(desc.Fields[i].Type, true, depth+1)
		if err != nil {
			return nil, err
		}
		if err := s.Set(desc.Fields[i].Name, v); err != nil {
			return nil, err
		}
		if err := r.p.ReadFieldEnd(background); err != nil {
			return nil, err
		}
	}
	if err := r.p.ReadStructEnd(background); err != nil {
		return nil, err
	}
	set := 0
	for i, f := range desc.Fields {
		switch {
		case s.At(i).IsSet():
			set++
		case f.Default != nil && desc.Kind != schema.Union:
			s.Set(f.Name, dynamic.FromLiteral(f.Default))
		case f.Requiredness == schema.Required:
			return nil, errors.New("missing required field")
		}
	}
	if desc.Kind == schema.Union && set > 1 {
		return nil, r.excused("generated code takes unions with several members")
	}
	return s, nil
}

// skip moves behind a value that nobody wants.
func (r *apacheReader) skip(t thrift.TType) error {
	if thrift.TType(wire.UUID) < t || t == thrift.VOID || t == 5 || t == 7 || t == 9 {
		return r.excused("a type that does not exist is an error here, and not always there")
	}
	if err := r.p.Skip(background, t); err != nil {
		// Skipping in Apache's library refuses some of what is well-formed, such as an empty map in compact of types that do not exist.
		return r.excused("skipping failed: " + err.Error())
	}
	return nil
}

// value reads a value. field says that it is one of a struct, where compact has a bool within the field's header.
func (r *apacheReader) value(t *schema.Type, field bool, depth int) (dynamic.Value, error) {
	switch t.Kind {
	case schema.KindBool:
		return r.boolean(field)
	case schema.KindI8:
		x, err := r.p.ReadByte(background)
		return dynamic.I8(x), err
	case schema.KindI16:
		x, err := r.p.ReadI16(background)
		return dynamic.I16(x), err
	case schema.KindI32:
		x, err := r.p.ReadI32(background)
		return dynamic.I32(x), err
	case schema.KindEnum:
		x, err := r.p.ReadI32(background)
		return dynamic.Enum(x), err
	case schema.KindI64:
		x, err := r.p.ReadI64(background)
		return dynamic.I64(x), err
	case schema.KindDouble:
		x, err := r.p.ReadDouble(background)
		return dynamic.Double(x), err
	case schema.KindString:
		x, err := r.p.ReadString(background)
		return dynamic.String(x), err
	case schema.KindBinary:
		x, err := r.p.ReadBinary(background)
		return dynamic.Binary(x), err
	case schema.KindStruct:
		s, err := r.structure(t.Struct, depth)
		return dynamic.StructValue(s), err
	case schema.KindMap:
		m, err := r.mapping(t, depth)
		return dynamic.MapValue(m), err
	}
	l, err := r.list(t, depth)
	return dynamic.ListValue(l), err
}

// boolean reads a bool. As a byte it is anything: Apache's Go takes 1 alone for true, thriftkit, as C++ and Python do, all but 0.
func (r *apacheReader) boolean(field bool) (dynamic.Value, error) {
	if field && r.compact {
		x, err := r.p.ReadBool(background)
		return dynamic.Bool(x), err
	}
	x, err := r.p.ReadByte(background)
	if err == nil && (x < 0 || x > 2 || !r.compact && x == 2) {
		err = r.excused("a bool that is neither true nor false")
	}
	return dynamic.Bool(x == 1), err
}

func (r *apacheReader) list(t *schema.Type, depth int) (*dynamic.List, error) {
	begin := r.p.ReadListBegin
	if t.Kind == schema.KindSet {
		begin = r.p.ReadSetBegin
	}
	elem, n, err := begin(background)
	if err != nil {
		return nil, err
	}
	if elem != thrift.TType(wire.TypeOf(t.Elem.Kind)) {
		return nil, r.excused("generated code trusts the types of elements")
	}
	l := dynamic.NewList(t)
	for range n {
		v, err := r.value(t.Elem, false, depth+1)
		if err != nil {
			return nil, err
		}
		if err := l.Append(v); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (r *apacheReader) mapping(t *schema.Type, depth int) (*dynamic.Map, error) {
	key, elem, n, err := r.p.ReadMapBegin(background)
	if err != nil {
		return nil, err
	}
	wantKey, wantElem := thrift.TType(wire.TypeOf(t.Key.Kind)), thrift.TType(wire.TypeOf(t.Elem.Kind))
	if (n > 0 || !r.compact) && (key != wantKey || elem != wantElem) {
		return nil, r.excused("generated code trusts the types of keys and values")
	}
	m := dynamic.NewMap(t)
	for range n {
		k, err := r.value(t.Key, false, depth+1)
		if err != nil {
			return nil, err
		}
		v, err := r.value(t.Elem, false, depth+1)
		if err != nil {
			return nil, err
		}
		if err := m.Append(k, v); err != nil {
			return nil, err
		}
	}
	return m, nil
}
