package json

import (
	"encoding/base64"
	"reflect"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/jsontext"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// consumeStruct reads a struct into the zeroed memory at v. depth is how many more levels may open.
func (p Protocol) consumeStruct(src []byte, off int, s *plan.Struct, v mem.Pointer, depth int) (int, error) {
	if depth == 0 {
		return off, wire.TooDeep(off)
	}
	off, err := jsontext.Expect(src, off, '{')
	if err != nil {
		return off, err
	}
	var seen plan.Seen
	next := 0 // the field expected: senders write them in the order of the IDL
	for n := 0; ; n++ {
		at, more, err := jsontext.Item(src, off, n, '}')
		if err != nil {
			return off, err
		}
		if !more {
			return at, s.Finish(v, &seen, at-1)
		}
		m, body, err := p.consumeMember(src, at)
		if err != nil {
			return off, err
		}
		i := next
		if i >= len(s.Fields) || !p.isField(m, s.Fields[i].Schema) {
			i = p.index(m, s)
		}
		if i < 0 || p.unfit(m, s.Fields[i].Type.Wire) {
			end, kept, err := p.skipMember(src, body, m, depth-1)
			if err != nil {
				return off, err
			}
			if i < 0 && s.Unknown >= 0 && p == Apache {
				u := mem.As[wire.UnknownFields](v.Add(uintptr(s.Unknown)))
				*u = append(*u, kept...)
			}
			off = end
			continue
		}
		f := &s.Fields[i]
		if !seen.Add(i) {
			f.Type.Zero(v.Add(f.Offset))
		}
		end, err := p.consumeTyped(src, body, f.Type, v.Add(f.Offset), depth-1)
		if err == nil {
			end, err = p.closeMember(src, end)
		}
		if err != nil {
			return off, wire.InField(err, s.Schema.Name, f.Schema.Name, f.ID)
		}
		off, next = end, i+1
	}
}

// index returns the position of the field that m is of, or -1.
func (p Protocol) index(m member, s *plan.Struct) int {
	if p == Apache {
		return s.Index(m.id)
	}
	if f := s.Schema.Field(mem.String(m.name)); f != nil {
		return s.Index(f.ID)
	}
	return -1
}

func (p Protocol) consumeTyped(src []byte, off int, t *plan.Type, v mem.Pointer, depth int) (int, error) {
	switch t.Op {
	case plan.OpBool:
		x, next, err := consumeBool(src, off)
		*mem.As[bool](v) = x
		return next, err
	case plan.OpI8:
		x, next, err := consumeInt(src, off, 8)
		*mem.As[int8](v) = int8(x)
		return next, err
	case plan.OpI16:
		x, next, err := consumeInt(src, off, 16)
		*mem.As[int16](v) = int16(x)
		return next, err
	case plan.OpI32:
		x, next, err := consumeInt(src, off, 32)
		*mem.As[int32](v) = int32(x)
		return next, err
	case plan.OpI64:
		x, next, err := consumeInt(src, off, 64)
		*mem.As[int64](v) = x
		return next, err
	case plan.OpDouble:
		x, next, err := consumeDouble(src, off)
		*mem.As[float64](v) = x
		return next, err
	case plan.OpString:
		b, next, err := consumeText(src, off, t.Schema)
		*mem.As[string](v) = mem.String(b)
		return next, err
	case plan.OpBytes:
		b, next, err := consumeText(src, off, t.Schema)
		*mem.As[[]byte](v) = b
		return next, err
	case plan.OpUUID:
		x, next, err := consumeUUID(src, off)
		*mem.As[[16]byte](v) = x.UUID()
		return next, err
	case plan.OpStruct:
		return p.consumeStruct(src, off, t.Struct, v, depth)
	case plan.OpPointer:
		elem := mem.Of(reflect.New(t.Elem.Go))
		v.Store(elem)
		return p.consumeTyped(src, off, t.Elem, elem, depth)
	}
	if t.IsDynamic() {
		x, next, err := p.consumeValue(src, off, t.Schema, depth)
		if err == nil {
			t.SetValue(v, x)
		}
		return next, err
	}
	if depth == 0 {
		return off, wire.TooDeep(off)
	}
	switch t.Op {
	case plan.OpSlice:
		return p.consumeSlice(src, off, t, v, depth-1)
	case plan.OpSetMap:
		return p.consumeSetMap(src, off, t, v, depth-1)
	case plan.OpEntries:
		return p.consumeEntrySlice(src, off, t, v, depth-1)
	default:
		return p.consumeMap(src, off, t, v, depth-1)
	}
}

// consumeText reads a string, or a binary in base64 with or without its padding.
func consumeText(src []byte, off int, t *schema.Type) ([]byte, int, error) {
	text, next, err := jsontext.String(src, off)
	if err != nil || t.Kind != schema.KindBinary {
		return text, next, err
	}
	for range 2 {
		if n := len(text); n > 0 && text[n-1] == '=' {
			text = text[:n-1]
		}
	}
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(text)))
	n, err := base64.RawStdEncoding.Decode(out, text)
	if err != nil {
		return nil, off, wire.Errorf(off, wire.ErrInvalid, "%q is not base64", jsontext.Shorten(text))
	}
	return out[:n:n], next, nil
}

func consumeUUID(src []byte, off int) (dynamic.Value, int, error) {
	text, next, err := jsontext.String(src, off)
	if err != nil {
		return dynamic.Value{}, off, err
	}
	v, err := dynamic.ParseUUID(mem.String(text))
	if err != nil {
		return v, off, wire.Errorf(off, wire.ErrInvalid, "%q is not a uuid", jsontext.Shorten(text))
	}
	return v, next, nil
}

func (p Protocol) consumeSlice(src []byte, off int, t *plan.Type, v mem.Pointer, depth int) (int, error) {
	l, off, err := p.openList(src, off, t.Elem.Wire, depth)
	if err != nil {
		return off, err
	}
	v.SetEmptySlice()
	rv := v.Value(t.Go)
	have := 0
	for i := 0; ; i++ {
		at, more, err := l.next(src, off, i)
		if err != nil {
			return off, err
		}
		if !more {
			if i > 0 {
				rv.SetLen(i)
			}
			return at, nil
		}
		if i == have {
			rv.Grow(max(1, thriftimpl.Room(l.n, t.Elem.Size, len(src)-off)-have))
			have = rv.Cap()
			rv.SetLen(have)
		}
		if off, err = p.consumeTyped(src, at, t.Elem, v.SliceData().Add(uintptr(i)*t.Elem.Size), depth); err != nil {
			return off, wire.InElement(err, i, "")
		}
	}
}

func (p Protocol) consumeSetMap(src []byte, off int, t *plan.Type, v mem.Pointer, depth int) (int, error) {
	l, off, err := p.openList(src, off, t.Elem.Wire, depth)
	if err != nil {
		return off, err
	}
	m := reflect.MakeMapWithSize(t.Go, thriftimpl.Room(l.n, t.Elem.Size, len(src)-off))
	v.Value(t.Go).Set(m)
	key, present := reflect.New(t.Elem.Go), reflect.Zero(t.Go.Elem())
	at := mem.Of(key)
	for i := 0; ; i++ {
		next, more, err := l.next(src, off, i)
		if err != nil || !more {
			return next, err
		}
		key.Elem().SetZero()
		if off, err = p.consumeTyped(src, next, t.Elem, at, depth); err != nil {
			return off, wire.InElement(err, i, "")
		}
		m.SetMapIndex(key.Elem(), present)
	}
}

func (p Protocol) consumeMap(src []byte, off int, t *plan.Type, v mem.Pointer, depth int) (int, error) {
	n, off, err := p.openMap(src, off, t.Schema, depth)
	if err != nil {
		return off, err
	}
	m := reflect.MakeMapWithSize(t.Go, thriftimpl.Room(max(n, 0), t.Key.Size+t.Elem.Size, len(src)-off))
	v.Value(t.Go).Set(m)
	key, elem := reflect.New(t.Key.Go), reflect.New(t.Elem.Go)
	return p.consumeEntries(src, off, n, func(off int, part string) (int, error) {
		if part == keyPart {
			key.Elem().SetZero()
			return p.consumeTyped(src, off, t.Key, mem.Of(key), depth)
		}
		elem.Elem().SetZero() // or the next value would be read into the memory of the last
		return p.consumeTyped(src, off, t.Elem, mem.Of(elem), depth)
	}, func() { m.SetMapIndex(key.Elem(), elem.Elem()) })
}

func (p Protocol) consumeEntrySlice(src []byte, off int, t *plan.Type, v mem.Pointer, depth int) (int, error) {
	n, off, err := p.openMap(src, off, t.Schema, depth)
	if err != nil {
		return off, err
	}
	slice := v.Value(t.Go)
	slice.Set(reflect.MakeSlice(t.Go, 0, thriftimpl.Room(max(n, 0), t.Entry.Size, len(src)-off)))
	entry := reflect.New(t.Entry.Go)
	at := mem.Of(entry)
	return p.consumeEntries(src, off, n, func(off int, part string) (int, error) {
		if part == keyPart {
			t.Key.Zero(at.Add(t.KeyAt))
			return p.consumeTyped(src, off, t.Key, at.Add(t.KeyAt), depth)
		}
		t.Elem.Zero(at.Add(t.ValueAt))
		return p.consumeTyped(src, off, t.Elem, at.Add(t.ValueAt), depth)
	}, func() { slice.Set(reflect.Append(slice, entry.Elem())) })
}
