package proto

import (
	"encoding/binary"
	"reflect"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protomap"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/wire"
)

// appendMessage appends the fields of the struct at v. depth is how many more levels may open.
func appendMessage(dst []byte, c *value, v mem.Pointer, depth int) ([]byte, error) {
	switch c.op {
	case plan.OpStruct:
		return appendStruct(dst, c.st, v, depth)
	case plan.OpPointer:
		if v = v.Load(); v.IsNil() {
			return dst, thriftimpl.NilPointer(c.t.Schema.String())
		}
		return appendMessage(dst, c.elem, v, depth)
	}
	bound, at, x, err := c.dynamic(v)
	switch {
	case err != nil:
		return dst, err
	case bound != nil:
		return appendMessage(dst, bound, at, depth)
	}
	return appendDynamic(dst, c.m.Struct, x.Struct(), depth)
}

// dynamic returns what is at v for a type without a Go type of its own: a value that binds, and its
// address, or a dynamic one.
func (c *value) dynamic(v mem.Pointer) (bound *value, at mem.Pointer, x dynamic.Value, err error) {
	t, at, err := c.t.Bound(v)
	if err != nil {
		return nil, at, x, err
	}
	if t != nil {
		codec, err := For(t)
		if err != nil {
			return nil, at, x, err
		}
		return codec.value, at, x, nil
	}
	if x, err = c.t.Value(v); err == nil && !x.IsSet() {
		err = wire.Errorf(-1, wire.ErrValue, "want %s, got nothing", c.t.Schema)
	}
	return nil, at, x, err
}

func appendStruct(dst []byte, s *structure, v mem.Pointer, depth int) ([]byte, error) {
	if depth == 0 {
		return dst, wire.TooDeep(-1)
	}
	if s.plan.Union {
		if err := s.plan.CheckWritable(v); err != nil {
			return dst, err
		}
	}
	for i := range s.fields {
		f := &s.fields[i]
		at := v.Add(f.offset)
		if !f.always {
			set := false
			if f.indirect {
				at = at.Load()
				set = !at.IsNil()
			} else {
				set = f.plan.IsSet(v)
			}
			if !set {
				if err := plan.Unset(s.plan.Schema, f.plan.Schema); err != nil {
					return dst, err
				}
				continue
			}
		}
		switch f.value.op {
		case plan.OpBool:
			if x := *mem.As[uint8](at); x != 0 || f.presence {
				dst = append(appendVarint(dst, f.tag), x)
			}
			continue
		case plan.OpI32:
			if f.value.kind == protomap.Int32 || f.value.kind == protomap.Enum {
				if x := *mem.As[int32](at); x != 0 || f.presence {
					dst = appendVarint(appendVarint(dst, f.tag), uint64(x))
				}
				continue
			}
		case plan.OpI64:
			if f.value.kind == protomap.Int64 {
				if x := *mem.As[uint64](at); x != 0 || f.presence {
					dst = appendVarint(appendVarint(dst, f.tag), x)
				}
				continue
			}
		case plan.OpDouble:
			if x := *mem.As[uint64](at); x != 0 || f.presence {
				dst = binary.LittleEndian.AppendUint64(appendVarint(dst, f.tag), x)
			}
			continue
		}
		var err error
		if f.repeated {
			dst, err = appendField(dst, f.number, f.value, at, false, depth)
		} else {
			dst, err = appendSingle(dst, f.number, f.value, at, f.presence, depth)
		}
		if err != nil {
			return dst, wire.InField(err, s.plan.Schema.Name, f.plan.Schema.Name, f.plan.ID)
		}
	}
	return dst, nil
}

// appendField appends a field: the records of a list or a map, or a single value.
func appendField(dst []byte, number int32, c *value, v mem.Pointer, presence bool, depth int) ([]byte, error) {
	if c.form == protomap.Single {
		return appendSingle(dst, number, c, v, presence, depth)
	}
	switch c.op {
	case plan.OpSlice:
		return appendSlice(dst, number, c, v, depth)
	case plan.OpSetMap:
		return appendSetMap(dst, number, c, v, depth)
	case plan.OpMap:
		return appendMap(dst, number, c, v, depth)
	case plan.OpEntries:
		n, data := v.SliceLen(), v.SliceData()
		for i := range n {
			entry := data.Add(uintptr(i) * c.t.Entry.Size)
			var err error
			if dst, err = appendEntry(dst, number, c, entry.Add(c.t.KeyAt), entry.Add(c.t.ValueAt), i, depth); err != nil {
				return dst, err
			}
		}
		return dst, nil
	case plan.OpPointer:
		if v = v.Load(); v.IsNil() {
			return dst, thriftimpl.NilPointer(c.t.Schema.String())
		}
		return appendField(dst, number, c.elem, v, presence, depth)
	}
	bound, at, x, err := c.dynamic(v)
	switch {
	case err != nil:
		return dst, err
	case bound != nil:
		return appendField(dst, number, bound, at, presence, depth)
	}
	return appendDynamicField(dst, number, c.m, x, presence, depth)
}

// appendSingle appends a record with one value, unless that is zero and has no presence.
func appendSingle(dst []byte, number int32, c *value, v mem.Pointer, presence bool, depth int) ([]byte, error) {
	if c.wrapped() {
		if depth == 0 {
			return dst, wire.TooDeep(-1)
		}
		dst, start := openMessage(dst, number)
		dst, err := appendField(dst, 1, c, v, false, depth-1)
		return closeMessage(dst, start), err
	}
	switch c.op {
	case plan.OpPointer:
		if v = v.Load(); v.IsNil() {
			return dst, thriftimpl.NilPointer(c.t.Schema.String())
		}
		return appendSingle(dst, number, c.elem, v, presence, depth)
	case plan.OpStruct:
		dst, start := openMessage(dst, number)
		dst, err := appendStruct(dst, c.st, v, depth-1)
		return closeMessage(dst, start), err
	case plan.OpString:
		return appendText(dst, number, c.kind, *mem.As[string](v), presence)
	case plan.OpBytes:
		return appendText(dst, number, c.kind, mem.String(*mem.As[[]byte](v)), presence)
	case plan.OpUUID:
		return appendUUID(dst, number, c.kind, *mem.As[[16]byte](v), presence), nil
	}
	if c.op < plan.OpString {
		x := load(c.op, v)
		if x == 0 && !presence {
			return dst, nil
		}
		return appendNumber(appendVarint(dst, uint64(number)<<3|c.kind.WireType()), c.kind, x), nil
	}
	bound, at, x, err := c.dynamic(v)
	switch {
	case err != nil:
		return dst, err
	case bound != nil:
		return appendSingle(dst, number, bound, at, presence, depth)
	}
	return appendDynamicSingle(dst, number, c.m, x, presence, depth)
}

// load returns the number at v, sign-extended; the bits of a double, 1 for true.
func load(op plan.Op, v mem.Pointer) uint64 {
	switch op {
	case plan.OpBool:
		return uint64(*mem.As[uint8](v))
	case plan.OpI8:
		return uint64(*mem.As[int8](v))
	case plan.OpI16:
		return uint64(*mem.As[int16](v))
	case plan.OpI32:
		return uint64(*mem.As[int32](v))
	}
	return *mem.As[uint64](v)
}

func appendNumber(dst []byte, kind protomap.Kind, x uint64) []byte {
	switch kind {
	case protomap.Sint32, protomap.Sint64:
		return appendVarint(dst, x<<1^uint64(int64(x)>>63))
	case protomap.Sfixed32:
		return binary.LittleEndian.AppendUint32(dst, uint32(x))
	case protomap.Sfixed64, protomap.Double:
		return binary.LittleEndian.AppendUint64(dst, x)
	}
	return appendVarint(dst, x)
}

func sizeNumber(kind protomap.Kind, x uint64) int {
	switch kind {
	case protomap.Sint32, protomap.Sint64:
		return sizeVarint(x<<1 ^ uint64(int64(x)>>63))
	case protomap.Sfixed32:
		return 4
	case protomap.Sfixed64, protomap.Double:
		return 8
	}
	return sizeVarint(x)
}

func appendText(dst []byte, number int32, kind protomap.Kind, s string, presence bool) ([]byte, error) {
	if s == "" && !presence {
		return dst, nil
	}
	if kind == protomap.String && !utf8.ValidString(s) {
		return dst, wire.Errorf(-1, wire.ErrValue, `a string of protobuf must be UTF-8: annotate the field with (%s = "bytes") for other bytes`, protomap.Annotation)
	}
	dst = appendVarint(dst, uint64(number)<<3|wireBytes)
	return append(appendVarint(dst, uint64(len(s))), s...), nil
}

func appendUUID(dst []byte, number int32, kind protomap.Kind, id [16]byte, presence bool) []byte {
	if id == ([16]byte{}) && !presence {
		return dst
	}
	dst = appendVarint(dst, uint64(number)<<3|wireBytes)
	if kind == protomap.String {
		return append(append(dst, 36), dynamic.FormatUUID(id)...)
	}
	return append(append(dst, 16), id[:]...)
}

func appendSlice(dst []byte, number int32, c *value, v mem.Pointer, depth int) ([]byte, error) {
	n, data := v.SliceLen(), v.SliceData()
	if n == 0 {
		return dst, nil
	}
	e := c.elem
	if !e.kind.IsPacked() || e.wrapped() || e.op >= plan.OpString {
		if e.form == protomap.Single && e.kind.IsPacked() { // pointers to numbers, or values of any type
			return appendLoose(dst, number, c, n, data, depth)
		}
		var err error
		for i := range n {
			if dst, err = appendSingle(dst, number, e, data.Add(uintptr(i)*e.t.Size), true, depth); err != nil {
				return dst, wire.InElement(err, i, "")
			}
		}
		return dst, nil
	}
	dst = appendVarint(dst, uint64(number)<<3|wireBytes)
	size := 0
	switch e.kind {
	case protomap.Bool:
		dst = appendVarint(dst, uint64(n))
		return append(dst, *mem.As[[]byte](v)...), nil
	case protomap.Double, protomap.Sfixed64:
		size = 8 * n
	case protomap.Sfixed32:
		size = 4 * n
	default:
		for i := range n {
			size += sizeNumber(e.kind, load(e.op, data.Add(uintptr(i)*e.t.Size)))
		}
	}
	dst = appendVarint(dst, uint64(size))
	for i := range n {
		dst = appendNumber(dst, e.kind, load(e.op, data.Add(uintptr(i)*e.t.Size)))
	}
	return dst, nil
}

// appendLoose appends numbers that are not in the slice itself.
func appendLoose(dst []byte, number int32, c *value, n int, data mem.Pointer, depth int) ([]byte, error) {
	l := dynamic.NewList(c.t.Schema)
	for i := range n {
		at := data.Add(uintptr(i) * c.elem.t.Size)
		var err error
		if c.elem.op == plan.OpPointer {
			if at.Load().IsNil() {
				err = thriftimpl.NilPointer(c.elem.t.Schema.String())
			}
		}
		if err == nil {
			err = l.Append(at.Value(c.elem.t.Go).Interface())
		}
		if err != nil {
			return dst, wire.InElement(err, i, "")
		}
	}
	return appendDynamicField(dst, number, c.m, dynamic.ListValue(l), false, depth)
}

func appendSetMap(dst []byte, number int32, c *value, v mem.Pointer, depth int) ([]byte, error) {
	m := v.Value(c.t.Go)
	if m.Len() == 0 {
		return dst, nil
	}
	key := reflect.New(c.elem.t.Go)
	at := mem.Of(key)
	packed := c.elem.form == protomap.Single && c.elem.kind.IsPacked()
	start := 0
	if packed {
		dst, start = openMessage(dst, number)
	}
	i := 0
	for iter := m.MapRange(); iter.Next(); i++ {
		key.Elem().SetIterKey(iter)
		if packed {
			dst = appendNumber(dst, c.elem.kind, load(c.elem.op, at))
			continue
		}
		var err error
		if dst, err = appendSingle(dst, number, c.elem, at, true, depth); err != nil {
			return dst, wire.InElement(err, i, "")
		}
	}
	if packed {
		dst = closeMessage(dst, start)
	}
	return dst, nil
}

func appendEntry(dst []byte, number int32, c *value, key, elem mem.Pointer, i, depth int) ([]byte, error) {
	if depth == 0 {
		return dst, wire.TooDeep(-1)
	}
	dst, start := openMessage(dst, number)
	dst, err := appendSingle(dst, 1, c.key, key, true, depth-1)
	if err != nil {
		return dst, wire.InElement(err, i, "key")
	}
	if dst, err = appendSingle(dst, 2, c.elem, elem, true, depth-1); err != nil {
		return dst, wire.InElement(err, i, "value")
	}
	return closeMessage(dst, start), nil
}

type entry[K comparable, V any] struct {
	key  K
	elem V
}

func appendMap(dst []byte, number int32, c *value, v mem.Pointer, depth int) ([]byte, error) {
	switch c.t.Map {
	case plan.MapStringString:
		return appendMapOf[string, string](dst, number, c, v, depth)
	case plan.MapStringI32:
		return appendMapOf[string, int32](dst, number, c, v, depth)
	case plan.MapStringI64:
		return appendMapOf[string, int64](dst, number, c, v, depth)
	case plan.MapStringDouble:
		return appendMapOf[string, float64](dst, number, c, v, depth)
	case plan.MapI32String:
		return appendMapOf[int32, string](dst, number, c, v, depth)
	case plan.MapI64String:
		return appendMapOf[int64, string](dst, number, c, v, depth)
	case plan.MapI64I64:
		return appendMapOf[int64, int64](dst, number, c, v, depth)
	case plan.MapStringPointer:
		return appendMapOf[string, mem.Pointer](dst, number, c, v, depth)
	case plan.MapI32Pointer:
		return appendMapOf[int32, mem.Pointer](dst, number, c, v, depth)
	case plan.MapI64Pointer:
		return appendMapOf[int64, mem.Pointer](dst, number, c, v, depth)
	}
	m := v.Value(c.t.Go)
	if m.Len() == 0 {
		return dst, nil
	}
	key, elem := reflect.New(c.key.t.Go), reflect.New(c.elem.t.Go)
	i := 0
	for iter := m.MapRange(); iter.Next(); i++ {
		key.Elem().SetIterKey(iter)
		elem.Elem().SetIterValue(iter)
		var err error
		if dst, err = appendEntry(dst, number, c, mem.Of(key), mem.Of(elem), i, depth); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func appendMapOf[K comparable, V any](dst []byte, number int32, c *value, v mem.Pointer, depth int) ([]byte, error) {
	e := new(entry[K, V])
	i := 0
	for e.key, e.elem = range *mem.As[map[K]V](v) {
		var err error
		if dst, err = appendEntry(dst, number, c, mem.To(&e.key), mem.To(&e.elem), i, depth); err != nil {
			return dst, err
		}
		i++
	}
	return dst, nil
}
