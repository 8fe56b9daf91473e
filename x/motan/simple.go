package motan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	wirebinary "github.com/thriftkit/thriftkit/wire/binary"
)

// The tags of the serialization "simple" (motan-go, serialize/simple.go). The values of a call are written one after the other.
const (
	tagNull      = 0
	tagString    = 1
	tagStringMap = 2 // the size, then keys and values without tags
	tagBytes     = 3
	tagStrings   = 4 // the size, then strings without tags
	tagBool      = 5
	tagByte      = 6
	tagInt16     = 7
	tagInt32     = 8 // zigzag, varint
	tagInt64     = 9
	tagFloat32   = 10
	tagFloat64   = 11
	tagMap       = 20 // the size, then keys and values
	tagArray     = 21
)

var tagNames = map[byte]string{
	tagNull: "null", tagString: "a string", tagStringMap: "a map of strings", tagBytes: "bytes", tagStrings: "an array of strings", tagBool: "a bool",
	tagByte: "a byte", tagInt16: "an int16", tagInt32: "an int32", tagInt64: "an int64", tagFloat32: "a float32", tagFloat64: "a float64",
	tagMap: "a map", tagArray: "an array",
}

// readArgs appends the struct of the arguments of a method, in the binary protocol, that src has in their order. Those that src does
// not have are unset.
func readArgs(dst, src []byte, args *schema.Struct) ([]byte, error) {
	r := reader{src: src, dst: dst}
	for _, f := range args.Fields {
		if r.off == len(src) {
			break
		}
		if err := r.field(args, f, wire.MaxDepth-1); err != nil {
			return dst, err
		}
	}
	if r.off != len(src) {
		return dst, wire.Errorf(r.off, wire.ErrInvalid, "bytes after the last argument: %d", len(src)-r.off)
	}
	return append(r.dst, 0), nil
}

// readValue appends a struct, in the binary protocol, whose only field is the value that src is.
func readValue(dst, src []byte, holder *schema.Struct, f *schema.Field) ([]byte, error) {
	r := reader{src: src, dst: dst}
	if len(src) > 0 {
		if err := r.field(holder, f, wire.MaxDepth-1); err != nil {
			return dst, err
		}
	}
	if r.off != len(src) {
		return dst, wire.Errorf(r.off, wire.ErrInvalid, "bytes after the value: %d", len(src)-r.off)
	}
	return append(r.dst, 0), nil
}

// A reader turns simple values into Thrift.
type reader struct {
	src []byte
	off int
	dst []byte
}

func (r *reader) take(n uint64) ([]byte, error) {
	if n > uint64(len(r.src)-r.off) {
		return nil, wire.Truncated(len(r.src))
	}
	b := r.src[r.off : r.off+int(n)]
	r.off += int(n)
	return b, nil
}

// sized returns the bytes after their length.
func (r *reader) sized() ([]byte, error) {
	b, err := r.take(4)
	if err != nil {
		return nil, err
	}
	at := r.off
	n := binary.BigEndian.Uint32(b)
	if uint64(n) > uint64(len(r.src)-at) {
		return nil, wire.Errorf(at-4, wire.ErrTruncated, "%d bytes claimed, %d remain", n, len(r.src)-at)
	}
	return r.take(uint64(n))
}

func (r *reader) tag() (byte, error) {
	b, err := r.take(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

func (r *reader) misfit(at int, t *schema.Type, tag byte) error {
	name := tagNames[tag]
	if name == "" {
		name = fmt.Sprintf("the unknown tag %d", tag)
	}
	return wire.Errorf(at, wire.ErrValue, "want %s, got %s", t, name)
}

// field reads the value of a field of the struct desc. null is a field that is not set.
func (r *reader) field(desc *schema.Struct, f *schema.Field, depth int) error {
	at := r.off
	tag, err := r.tag()
	switch {
	case err != nil:
	case tag == tagNull:
		return nil
	default:
		r.dst = wirebinary.AppendFieldHeader(r.dst, wire.TypeOf(f.Type.Kind), f.ID)
		err = r.value(at, tag, f.Type, depth)
	}
	if err != nil {
		return wire.InField(err, desc.Name, f.Name, f.ID)
	}
	return nil
}

// any reads a tag and a value of t.
func (r *reader) any(t *schema.Type, depth int) error {
	at := r.off
	tag, err := r.tag()
	if err != nil {
		return err
	}
	return r.value(at, tag, t, depth)
}

// value reads a value of t whose tag, at an offset, was read.
func (r *reader) value(at int, tag byte, t *schema.Type, depth int) error {
	switch t.Kind {
	case schema.KindBool:
		if tag != tagBool {
			return r.misfit(at, t, tag)
		}
		b, err := r.take(1)
		if err == nil {
			r.dst = wirebinary.AppendBool(r.dst, b[0] == 1)
		}
		return err
	case schema.KindI8, schema.KindI16, schema.KindI32, schema.KindI64, schema.KindEnum:
		return r.int(at, tag, t)
	case schema.KindDouble:
		return r.double(at, tag, t)
	case schema.KindString, schema.KindBinary, schema.KindUUID:
		if tag != tagString && tag != tagBytes {
			return r.misfit(at, t, tag)
		}
		b, err := r.sized()
		if err != nil {
			return err
		}
		return r.text(at, b, t)
	}
	if depth == 0 {
		return wire.TooDeep(at)
	}
	switch {
	case t.Kind == schema.KindStruct && (tag == tagMap || tag == tagStringMap):
		return r.object(tag, t.Struct, depth)
	case t.Kind == schema.KindMap && (tag == tagMap || tag == tagStringMap):
		return r.mapping(tag, t, depth)
	case (t.Kind == schema.KindList || t.Kind == schema.KindSet) && (tag == tagArray || tag == tagStrings):
		return r.elements(tag, t, depth)
	}
	return r.misfit(at, t, tag)
}

// part returns a reader of the bytes that follow their length, which appends to the same memory.
func (r *reader) part() (end int, err error) {
	b, err := r.sized()
	if err != nil {
		return 0, err
	}
	end = r.off
	r.off -= len(b)
	return end, nil
}

// item reads an element, a key or a value of a container with a tag.
func (r *reader) item(tag byte, t *schema.Type, depth int) error {
	if tag == tagMap || tag == tagArray {
		return r.any(t, depth)
	}
	at := r.off
	b, err := r.sized()
	if err != nil {
		return err
	}
	switch t.Kind {
	case schema.KindString, schema.KindBinary, schema.KindUUID:
		return r.text(at, b, t)
	}
	return wire.Errorf(at, wire.ErrValue, "want %s, got a string", t)
}

// within runs read until the end of a container, with the number of the item.
func (r *reader) within(end int, read func(i int) error) (n int, err error) {
	outer := r.src
	r.src = outer[:end]
	defer func() { r.src = outer }()
	for ; r.off < end; n++ {
		if err := read(n); err != nil {
			return n, err
		}
	}
	return n, nil
}

func (r *reader) elements(tag byte, t *schema.Type, depth int) error {
	end, err := r.part()
	if err != nil {
		return err
	}
	start := len(r.dst)
	r.dst = wirebinary.AppendListHeader(r.dst, wire.TypeOf(t.Elem.Kind), 0)
	n, err := r.within(end, func(i int) error {
		if err := r.item(tag, t.Elem, depth-1); err != nil {
			return wire.InElement(err, i, "")
		}
		return nil
	})
	binary.BigEndian.PutUint32(r.dst[start+1:], uint32(n))
	return err
}

func (r *reader) mapping(tag byte, t *schema.Type, depth int) error {
	end, err := r.part()
	if err != nil {
		return err
	}
	start := len(r.dst)
	r.dst = wirebinary.AppendMapHeader(r.dst, wire.TypeOf(t.Key.Kind), wire.TypeOf(t.Elem.Kind), 0)
	n, err := r.within(end, func(i int) error {
		if err := r.item(tag, t.Key, depth-1); err != nil {
			return wire.InElement(err, i, "key")
		}
		if err := r.item(tag, t.Elem, depth-1); err != nil {
			return wire.InElement(err, i, "value")
		}
		return nil
	})
	binary.BigEndian.PutUint32(r.dst[start+2:], uint32(n))
	return err
}

// object reads a struct: a map by the names of its fields, ignoring case and underscores. Unknown names are skipped.
func (r *reader) object(tag byte, desc *schema.Struct, depth int) error {
	end, err := r.part()
	if err != nil {
		return err
	}
	_, err = r.within(end, func(int) error {
		at := r.off
		if tag == tagMap {
			key, err := r.tag()
			if err != nil {
				return err
			}
			if key != tagString {
				return wire.Errorf(at, wire.ErrValue, "want the name of a field of %s, got %s", desc.Name, tagNames[key])
			}
		}
		name, err := r.sized()
		if err != nil {
			return err
		}
		f := findField(desc, name)
		switch {
		case f == nil && tag == tagStringMap:
			_, err := r.sized()
			return err
		case f == nil:
			return r.skip(depth - 1)
		case tag == tagMap:
			return r.field(desc, f, depth-1)
		}
		r.dst = wirebinary.AppendFieldHeader(r.dst, wire.TypeOf(f.Type.Kind), f.ID)
		if err := r.item(tag, f.Type, depth-1); err != nil {
			return wire.InField(err, desc.Name, f.Name, f.ID)
		}
		return nil
	})
	r.dst = append(r.dst, 0)
	return err
}

// findField returns the field with a name, nil if there is none.
func findField(desc *schema.Struct, name []byte) *schema.Field {
	if f := desc.Field(string(name)); f != nil {
		return f
	}
	const longest = 255
	if len(name) > longest {
		return nil
	}
	i, ok := foldedFields(desc)[plan.FoldName(string(name))]
	if !ok {
		return nil
	}
	return desc.Fields[i]
}

type foldedKey struct{}

// foldedFields has the fields by their folded names.
func foldedFields(desc *schema.Struct) map[string]int {
	return desc.Type().Memo(foldedKey{}, func() any {
		m := make(map[string]int, len(desc.Fields))
		for i, f := range desc.Fields {
			if fold := plan.FoldName(f.Name); fold != "" {
				if _, twice := m[fold]; !twice {
					m[fold] = i
				}
			}
		}
		return m
	}).(map[string]int)
}

func (r *reader) int(at int, tag byte, t *schema.Type) error {
	var x int64
	switch tag {
	case tagByte:
		b, err := r.take(1)
		if err != nil {
			return err
		}
		x = int64(int8(b[0]))
	case tagInt16:
		b, err := r.take(2)
		if err != nil {
			return err
		}
		x = int64(int16(binary.BigEndian.Uint16(b)))
	case tagInt32, tagInt64:
		var err error
		if x, err = r.zigzag(); err != nil {
			return err
		}
	case tagString:
		b, err := r.sized()
		if err != nil {
			return err
		}
		if t.Kind == schema.KindEnum {
			v := t.Enum.ByName(string(b))
			if v == nil {
				return wire.Errorf(at, wire.ErrValue, "enum %s has no value %.60q", t, b)
			}
			r.dst = binary.BigEndian.AppendUint32(r.dst, uint32(v.Number))
			return nil
		}
		return r.misfit(at, t, tag)
	default:
		return r.misfit(at, t, tag)
	}
	least, most := int64(math.MinInt64), int64(math.MaxInt64)
	switch t.Kind {
	case schema.KindI8:
		least, most = math.MinInt8, math.MaxInt8
	case schema.KindI16:
		least, most = math.MinInt16, math.MaxInt16
	case schema.KindI32, schema.KindEnum:
		least, most = math.MinInt32, math.MaxInt32
	}
	if x < least || x > most {
		return wire.Errorf(at, wire.ErrValue, "%d is out of range for %s", x, t)
	}
	switch t.Kind {
	case schema.KindI8:
		r.dst = append(r.dst, byte(x))
	case schema.KindI16:
		r.dst = binary.BigEndian.AppendUint16(r.dst, uint16(x))
	case schema.KindI32, schema.KindEnum:
		r.dst = binary.BigEndian.AppendUint32(r.dst, uint32(x))
	default:
		r.dst = binary.BigEndian.AppendUint64(r.dst, uint64(x))
	}
	return nil
}

// zigzag reads a varint. Motan writes an int32 in the 32 bits that a zigzag has.
func (r *reader) zigzag() (int64, error) {
	u, n := binary.Uvarint(r.src[r.off:])
	switch {
	case n == 0:
		return 0, wire.Truncated(len(r.src))
	case n < 0:
		return 0, wire.Errorf(r.off, wire.ErrInvalid, "an integer of more than 64 bits")
	}
	r.off += n
	return int64(u>>1) ^ -int64(u&1), nil
}

func (r *reader) double(at int, tag byte, t *schema.Type) error {
	switch tag {
	case tagFloat32:
		b, err := r.take(4)
		if err == nil {
			r.dst = wirebinary.AppendDouble(r.dst, float64(math.Float32frombits(binary.BigEndian.Uint32(b))))
		}
		return err
	case tagFloat64:
		b, err := r.take(8)
		if err == nil {
			r.dst = append(r.dst, b...)
		}
		return err
	case tagInt32, tagInt64:
		x, err := r.zigzag()
		if err == nil {
			r.dst = wirebinary.AppendDouble(r.dst, float64(x))
		}
		return err
	}
	return r.misfit(at, t, tag)
}

func (r *reader) text(at int, b []byte, t *schema.Type) error {
	if t.Kind != schema.KindUUID {
		r.dst = wirebinary.AppendBytes(r.dst, b)
		return nil
	}
	if len(b) == 16 {
		r.dst = append(r.dst, b...)
		return nil
	}
	v, err := dynamic.ParseUUID(string(b))
	if err != nil {
		return wire.Errorf(at, wire.ErrValue, "%v", err)
	}
	id := v.UUID()
	r.dst = append(r.dst, id[:]...)
	return nil
}

// skip skips a value of any type.
func (r *reader) skip(depth int) error {
	at := r.off
	tag, err := r.tag()
	if err != nil {
		return err
	}
	switch tag {
	case tagNull:
		return nil
	case tagString, tagStringMap, tagBytes, tagStrings, tagMap, tagArray: // what is in it has its length
		_, err = r.sized()
	case tagBool, tagByte:
		_, err = r.take(1)
	case tagInt16:
		_, err = r.take(2)
	case tagInt32, tagInt64:
		_, err = r.zigzag()
	case tagFloat32:
		_, err = r.take(4)
	case tagFloat64:
		_, err = r.take(8)
	default:
		err = wire.Errorf(at, wire.ErrInvalid, "the unknown tag %d", tag)
	}
	return err
}

var errTooLong = errors.New("a value of more than 4 GiB")

// A writer turns Thrift, as this module has written it, into simple values.
type writer struct {
	src []byte
	off int
	dst []byte
}

func (w *writer) take(n int) ([]byte, error) {
	if n < 0 || n > len(w.src)-w.off {
		return nil, wire.Truncated(len(w.src))
	}
	b := w.src[w.off : w.off+n]
	w.off += n
	return b, nil
}

func (w *writer) number(n int) (uint64, error) {
	b, err := w.take(n)
	if err != nil {
		return 0, err
	}
	var x uint64
	for _, c := range b {
		x = x<<8 | uint64(c)
	}
	return x, nil
}

// appendArgs appends the arguments of a method in their order, which src has in the binary protocol. Those that are unset are null.
func appendArgs(dst, src []byte, args *schema.Struct) ([]byte, error) {
	w := writer{src: src, dst: dst}
	next := 0
	err := w.fields(args, func(f *schema.Field) error {
		if f.Index < next {
			return wire.Errorf(w.off, wire.ErrInvalid, "fields of %s are out of order", args.Name)
		}
		for ; next < f.Index; next++ {
			w.dst = append(w.dst, tagNull)
		}
		next++
		return w.value(f.Type, wire.MaxDepth-1)
	})
	for ; next < len(args.Fields); next++ {
		w.dst = append(w.dst, tagNull)
	}
	return w.dst, err
}

// appendValue appends the only field that the struct has that src is in the binary protocol; null, if it has none.
func appendValue(dst, src []byte, holder *schema.Struct) ([]byte, error) {
	w := writer{src: src, dst: dst}
	n := 0
	err := w.fields(holder, func(f *schema.Field) error {
		n++
		return w.value(f.Type, wire.MaxDepth-1)
	})
	switch {
	case err != nil:
		return dst, err
	case n == 0:
		return append(dst, tagNull), nil
	}
	return w.dst, nil
}

// fields calls write for each field of a struct. Fields that desc does not have are skipped.
func (w *writer) fields(desc *schema.Struct, write func(f *schema.Field) error) error {
	for {
		t, err := w.number(1)
		if err != nil || t == 0 {
			return err
		}
		id, err := w.number(2)
		if err != nil {
			return err
		}
		i := desc.Index(int16(id))
		if i < 0 || wire.TypeOf(desc.Fields[i].Type.Kind) != wire.Type(t) {
			if w.off, err = wirebinary.Skip(w.src, w.off, wire.Type(t)); err != nil {
				return err
			}
			continue
		}
		f := desc.Fields[i]
		if err := write(f); err != nil {
			return wire.InField(err, desc.Name, f.Name, f.ID)
		}
	}
}

func appendString(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(s))), s...)
}

// open appends a tag and room for a size, which close fills in.
func (w *writer) open(tag byte) (at int) {
	w.dst = append(w.dst, tag, 0, 0, 0, 0)
	return len(w.dst)
}

func (w *writer) close(at int) error {
	n := len(w.dst) - at
	if uint64(n) > math.MaxUint32 {
		return errTooLong
	}
	binary.BigEndian.PutUint32(w.dst[at-4:], uint32(n))
	return nil
}

func (w *writer) value(t *schema.Type, depth int) error {
	switch t.Kind {
	case schema.KindBool:
		x, err := w.number(1)
		w.dst = append(w.dst, tagBool, byte(min(x, 1)))
		return err
	case schema.KindI8:
		x, err := w.number(1)
		w.dst = append(w.dst, tagByte, byte(x))
		return err
	case schema.KindI16:
		x, err := w.number(2)
		w.dst = binary.BigEndian.AppendUint16(append(w.dst, tagInt16), uint16(x))
		return err
	case schema.KindI32, schema.KindEnum:
		x, err := w.number(4)
		w.dst = binary.AppendUvarint(append(w.dst, tagInt32), uint64(uint32(int32(x)<<1^int32(x)>>31)))
		return err
	case schema.KindI64:
		x, err := w.number(8)
		w.dst = binary.AppendUvarint(append(w.dst, tagInt64), uint64(int64(x)<<1^int64(x)>>63))
		return err
	case schema.KindDouble:
		x, err := w.number(8)
		w.dst = binary.BigEndian.AppendUint64(append(w.dst, tagFloat64), x)
		return err
	case schema.KindUUID:
		b, err := w.take(16)
		if err == nil {
			w.dst = appendString(append(w.dst, tagString), dynamic.FormatUUID([16]byte(b)))
		}
		return err
	case schema.KindString, schema.KindBinary:
		tag := byte(tagString)
		if t.Kind == schema.KindBinary {
			tag = tagBytes
		}
		w.dst = append(w.dst, tag)
		return w.sized()
	}
	if depth == 0 {
		return wire.TooDeep(w.off)
	}
	switch t.Kind {
	case schema.KindStruct:
		at := w.open(tagMap)
		err := w.fields(t.Struct, func(f *schema.Field) error {
			w.dst = appendString(append(w.dst, tagString), f.Name)
			return w.value(f.Type, depth-1)
		})
		return errors.Join(err, w.close(at))
	case schema.KindMap:
		return w.mapping(t, depth)
	}
	return w.elements(t, depth)
}

// sized copies bytes with their length.
func (w *writer) sized() error {
	n, err := w.number(4)
	if err != nil {
		return err
	}
	b, err := w.take(int(int32(n)))
	w.dst = append(binary.BigEndian.AppendUint32(w.dst, uint32(n)), b...)
	return err
}

// item writes an element, a key or a value of a container with a tag.
func (w *writer) item(tag byte, t *schema.Type, depth int) error {
	if tag == tagStrings || tag == tagStringMap {
		return w.sized()
	}
	return w.value(t, depth)
}

func (w *writer) elements(t *schema.Type, depth int) error {
	if _, err := w.take(1); err != nil {
		return err
	}
	n, err := w.number(4)
	if err != nil {
		return err
	}
	tag := byte(tagArray)
	if t.Elem.Kind == schema.KindString {
		tag = tagStrings
	}
	at := w.open(tag)
	for i := range int(int32(n)) {
		if err := w.item(tag, t.Elem, depth-1); err != nil {
			return wire.InElement(err, i, "")
		}
	}
	return w.close(at)
}

func (w *writer) mapping(t *schema.Type, depth int) error {
	if _, err := w.take(2); err != nil {
		return err
	}
	n, err := w.number(4)
	if err != nil {
		return err
	}
	tag := byte(tagMap)
	if t.Key.Kind == schema.KindString && t.Elem.Kind == schema.KindString {
		tag = tagStringMap
	}
	at := w.open(tag)
	for i := range int(int32(n)) {
		if err := w.item(tag, t.Key, depth-1); err != nil {
			return wire.InElement(err, i, "key")
		}
		if err := w.item(tag, t.Elem, depth-1); err != nil {
			return wire.InElement(err, i, "value")
		}
	}
	return w.close(at)
}
