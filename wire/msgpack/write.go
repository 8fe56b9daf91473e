package msgpack

import (
	"encoding/base64"
	"encoding/binary"
	"math"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	wirebinary "github.com/thriftkit/thriftkit/wire/binary"
)

// AppendStruct reads one value of the struct desc in the binary protocol from src and appends it to dst in MessagePack. It returns
// dst, extended. It does not keep src.
func AppendStruct(dst, src []byte, desc *schema.Struct, o Options) ([]byte, error) {
	w := writer{src: src, dst: dst, o: o}
	if err := w.object(desc, wire.MaxDepth); err != nil {
		return dst, err
	}
	return w.dst, nil
}

// A writer turns Thrift into MessagePack.
type writer struct {
	src []byte
	off int
	dst []byte
	o   Options
}

func (w *writer) take(n int) ([]byte, error) {
	if n < 0 || n > len(w.src)-w.off {
		return nil, wire.Truncated(len(w.src))
	}
	b := w.src[w.off : w.off+n]
	w.off += n
	return b, nil
}

func appendString(dst []byte, s string) []byte {
	return append(appendLength(dst, len(s)), s...)
}

// appendLength appends the header of a string.
func appendLength(dst []byte, n int) []byte {
	switch {
	case n < 32:
		return append(dst, fixStr|byte(n))
	case n <= math.MaxUint8:
		return append(dst, str8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, str16), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, str32), uint32(n))
}

func appendBin(dst, b []byte) []byte {
	switch n := len(b); {
	case n <= math.MaxUint8:
		dst = append(dst, bin8, byte(n))
	case n <= math.MaxUint16:
		dst = binary.BigEndian.AppendUint16(append(dst, bin16), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, bin32), uint32(n))
	}
	return append(dst, b...)
}

func appendInt(dst []byte, x int64) []byte {
	switch {
	case x >= -32 && x < 128:
		return append(dst, byte(x))
	case x == int64(int8(x)):
		return append(dst, int8b, byte(x))
	case x == int64(int16(x)):
		return binary.BigEndian.AppendUint16(append(dst, int16b), uint16(x))
	case x == int64(int32(x)):
		return binary.BigEndian.AppendUint32(append(dst, int32b), uint32(x))
	}
	return binary.BigEndian.AppendUint64(append(dst, int64b), uint64(x))
}

// appendCount appends the header of an array or a map.
func appendCount(dst []byte, n int, fix, of16, of32 byte) []byte {
	switch {
	case n < 16:
		return append(dst, fix|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, of16), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, of32), uint32(n))
}

func (w *writer) object(desc *schema.Struct, depth int) error {
	if depth == 0 {
		return wire.TooDeep(w.off)
	}
	o := objectOf(desc)
	start := len(w.dst)
	wide := len(o.fields) > 15
	if w.dst = append(w.dst, fixMap); wide {
		w.dst = append(append(w.dst[:start], map16), 0, 0)
	}
	n := 0
	for {
		head, err := w.take(1)
		if err != nil {
			return err
		}
		t := wire.Type(head[0])
		if t == 0 {
			break
		}
		b, err := w.take(2)
		if err != nil {
			return err
		}
		i := desc.Index(int16(binary.BigEndian.Uint16(b)))
		if i < 0 || o.fields[i].wire != t {
			if w.off, err = wirebinary.Skip(w.src, w.off, t); err != nil {
				return err
			}
			continue
		}
		f := &o.fields[i]
		if w.o.GoNames {
			w.dst = append(w.dst, f.goName...)
		} else {
			w.dst = append(w.dst, f.name...)
		}
		if n++; n > len(o.fields) {
			return wire.Errorf(w.off, wire.ErrInvalid, "fields of %s are given twice", desc.Name)
		}
		if err := w.value(f.schema.Type, depth-1); err != nil {
			return wire.InField(err, desc.Name, f.schema.Name, f.schema.ID)
		}
	}
	if wide {
		binary.BigEndian.PutUint16(w.dst[start+1:], uint16(n))
	} else {
		w.dst[start] |= byte(n)
	}
	return nil
}

func (w *writer) value(t *schema.Type, depth int) error {
	switch t.Kind {
	case schema.KindBool:
		b, err := w.take(1)
		if err != nil {
			return err
		}
		w.dst = append(w.dst, falseBit+min(b[0], 1))
		return nil
	case schema.KindI8, schema.KindI16, schema.KindI32, schema.KindI64, schema.KindEnum:
		return w.int(t)
	case schema.KindDouble:
		b, err := w.take(8)
		if err != nil {
			return err
		}
		w.dst = append(append(w.dst, float64b), b...)
		return nil
	case schema.KindUUID:
		b, err := w.take(16)
		if err != nil {
			return err
		}
		if w.o.text {
			w.dst = appendString(w.dst, dynamic.FormatUUID([16]byte(b)))
		} else {
			w.dst = appendBin(w.dst, b)
		}
		return nil
	case schema.KindString, schema.KindBinary:
		return w.text(t)
	case schema.KindStruct:
		return w.object(t.Struct, depth)
	}
	if depth == 0 {
		return wire.TooDeep(w.off)
	}
	head := 5
	if t.Kind == schema.KindMap {
		head = 6
	}
	b, err := w.take(head)
	if err != nil {
		return err
	}
	n := int(int32(binary.BigEndian.Uint32(b[head-4:])))
	if n < 0 || n > len(w.src)-w.off {
		return wire.Errorf(w.off-4, wire.ErrInvalid, "%d elements claimed, %d bytes remain", n, len(w.src)-w.off)
	}
	if t.Kind != schema.KindMap {
		if n > 0 && wire.Type(b[0]) != wire.TypeOf(t.Elem.Kind) {
			return wire.Errorf(w.off-head, wire.ErrInvalid, "want elements of %s, got %s", t.Elem, wire.Type(b[0]))
		}
		w.dst = appendCount(w.dst, n, fixArray, array16, array32)
		for i := range n {
			if err := w.value(t.Elem, depth-1); err != nil {
				return wire.InElement(err, i, "")
			}
		}
		return nil
	}
	if n > 0 && (wire.Type(b[0]) != wire.TypeOf(t.Key.Kind) || wire.Type(b[1]) != wire.TypeOf(t.Elem.Kind)) {
		return wire.Errorf(w.off-head, wire.ErrInvalid, "want %s, got a map of %s and %s", t, wire.Type(b[0]), wire.Type(b[1]))
	}
	w.dst = appendCount(w.dst, n, fixMap, map16, map32)
	for i := range n {
		if err := w.value(t.Key, depth-1); err != nil {
			return wire.InElement(err, i, "key")
		}
		if err := w.value(t.Elem, depth-1); err != nil {
			return wire.InElement(err, i, "value")
		}
	}
	return nil
}

func (w *writer) int(t *schema.Type) error {
	size := 8
	switch t.Kind {
	case schema.KindI8:
		size = 1
	case schema.KindI16:
		size = 2
	case schema.KindI32, schema.KindEnum:
		size = 4
	}
	b, err := w.take(size)
	if err != nil {
		return err
	}
	var x uint64
	for _, c := range b {
		x = x<<8 | uint64(c)
	}
	shift := 64 - 8*size
	v := int64(x<<shift) >> shift
	if t.Kind == schema.KindEnum && w.o.EnumNames {
		if e := t.Enum.ByNumber(int32(v)); e != nil {
			w.dst = appendString(w.dst, e.Name)
			return nil
		}
	}
	w.dst = appendInt(w.dst, v)
	return nil
}

func (w *writer) text(t *schema.Type) error {
	b, err := w.take(4)
	if err != nil {
		return err
	}
	n := int(int32(binary.BigEndian.Uint32(b)))
	if b, err = w.take(n); err != nil {
		return err
	}
	switch {
	case t.Kind == schema.KindString:
		w.dst = append(appendLength(w.dst, n), b...)
	case w.o.text:
		w.dst = appendLength(w.dst, base64.StdEncoding.EncodedLen(n))
		w.dst = base64.StdEncoding.AppendEncode(w.dst, b)
	default:
		w.dst = appendBin(w.dst, b)
	}
	return nil
}
