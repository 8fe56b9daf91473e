package msgpack

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	wirebinary "github.com/thriftkit/thriftkit/wire/binary"
)

// AppendThrift reads one value of the struct desc from src and appends it to dst in the binary protocol. It returns dst,
// extended. nil is a struct without fields. It does not keep src.
func AppendThrift(dst, src []byte, desc *schema.Struct, o Options) ([]byte, error) {
	r := reader{src: src, dst: dst, o: o}
	if len(src) > 0 && src[0] == nilByte {
		r.off, r.dst = 1, append(dst, 0)
	} else if err := r.object(desc, wire.MaxDepth); err != nil {
		return dst, err
	}
	if r.off != len(src) {
		return dst, wire.Errorf(r.off, wire.ErrInvalid, "unexpected bytes after the %s: %d", desc.Kind, len(src)-r.off)
	}
	return r.dst, nil
}

// A reader turns MessagePack into Thrift.
type reader struct {
	src []byte
	off int
	dst []byte
	o   Options
}

// take returns the next n bytes.
func (r *reader) take(n int) ([]byte, error) {
	if n < 0 || n > len(r.src)-r.off {
		return nil, wire.Truncated(len(r.src))
	}
	b := r.src[r.off : r.off+n]
	r.off += n
	return b, nil
}

// number returns the big-endian number of n bytes.
func (r *reader) number(n int) (uint64, error) {
	b, err := r.take(n)
	if err != nil {
		return 0, err
	}
	var x uint64
	for _, c := range b {
		x = x<<8 | uint64(c)
	}
	return x, nil
}

func (r *reader) peek() (byte, error) {
	if r.off == len(r.src) {
		return 0, wire.Truncated(r.off)
	}
	return r.src[r.off], nil
}

// count reads the header of an array or a map, whose elements or pairs take a byte at least. ok is false if something else is there.
func (r *reader) count(fix, of16, of32 byte) (n int, ok bool, err error) {
	c, err := r.peek()
	if err != nil {
		return 0, false, err
	}
	at := r.off
	var x uint64
	switch {
	case c&0xf0 == fix:
		r.off++
		x = uint64(c & 0x0f)
	case c == of16, c == of32:
		r.off++
		x, err = r.number(2 << (c - of16))
	default:
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	least := uint64(1)
	if fix == fixMap {
		least = 2
	}
	if remain := uint64(len(r.src) - r.off); x*least > remain {
		return 0, false, wire.Errorf(at, wire.ErrInvalid, "%d elements claimed, %d bytes remain", x, remain)
	}
	return int(x), true, nil
}

// text reads a str or a bin. ok is false if something else is there.
func (r *reader) text() (b []byte, ok bool, err error) {
	c, err := r.peek()
	if err != nil {
		return nil, false, err
	}
	var n uint64
	switch {
	case c&0xe0 == fixStr:
		r.off++
		n = uint64(c & 0x1f)
	case c >= str8 && c <= str32:
		r.off++
		n, err = r.number(1 << (c - str8))
	case c >= bin8 && c <= bin32:
		r.off++
		n, err = r.number(1 << (c - bin8))
	default:
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if n > uint64(len(r.src)) {
		return nil, false, wire.Truncated(len(r.src))
	}
	b, err = r.take(int(n))
	return b, err == nil, err
}

// integer reads an integer. ok is false if something else is there. big says that it is above the range of int64.
func (r *reader) integer() (x int64, big, ok bool, err error) {
	c, err := r.peek()
	if err != nil {
		return 0, false, false, err
	}
	switch {
	case c < 0x80 || c >= 0xe0:
		r.off++
		return int64(int8(c)), false, true, nil
	case c >= uint8b && c <= uint64b:
		r.off++
		u, err := r.number(1 << (c - uint8b))
		return int64(u), u > math.MaxInt64, err == nil, err
	case c >= int8b && c <= int64b:
		r.off++
		size := 1 << (c - int8b)
		u, err := r.number(size)
		shift := 64 - 8*size
		return int64(u<<shift) >> shift, false, err == nil, err
	}
	return 0, false, false, nil
}

// misfit is the error for what is at off, where a value of t was to be.
func (r *reader) misfit(off int, t *schema.Type) error {
	return wire.Errorf(off, wire.ErrValue, "want %s, got %s", t, formatName(r.src[off]))
}

// formatName says what begins with c.
func formatName(c byte) string {
	switch {
	case c < 0x80, c >= 0xe0, c >= uint8b && c <= int64b:
		return "an integer"
	case c < fixArray, c == map16, c == map32:
		return "a map"
	case c < fixStr, c == array16, c == array32:
		return "an array"
	case c < nilByte, c >= str8 && c <= str32:
		return "a string"
	case c == nilByte:
		return "nil"
	case c == falseBit, c == trueBit:
		return "a bool"
	case c >= bin8 && c <= bin32:
		return "bytes"
	case c == float32b, c == float64b:
		return "a float"
	case c == unused:
		return "the byte 0xc1, which is no value"
	}
	return "an extension"
}

// object reads a struct.
func (r *reader) object(desc *schema.Struct, depth int) error {
	if depth == 0 {
		return wire.TooDeep(r.off)
	}
	at := r.off
	n, ok, err := r.count(fixMap, map16, map32)
	if err != nil {
		return err
	}
	if !ok {
		return r.misfit(at, desc.Type())
	}
	o := objectOf(desc)
	for range n {
		i, err := r.name(o)
		if err != nil {
			return err
		}
		c, err := r.peek()
		if err != nil {
			return err
		}
		if i < 0 {
			if err := r.skip(depth - 1); err != nil {
				return err
			}
			continue
		}
		f := &o.fields[i]
		isContainer := f.wire == wire.List || f.wire == wire.Set || f.wire == wire.Map
		if c == nilByte && !(isContainer && f.schema.Requiredness == schema.Required) { // which Go writes for an empty one as well
			r.off++
			continue
		}
		r.dst = wirebinary.AppendFieldHeader(r.dst, f.wire, f.schema.ID)
		if err := r.value(f.schema.Type, depth-1); err != nil {
			return wire.InField(err, desc.Name, f.schema.Name, f.schema.ID)
		}
	}
	r.dst = append(r.dst, 0)
	return nil
}

// name reads the key of a pair of a struct and returns its field, -1 if there is none.
func (r *reader) name(o *object) (int, error) {
	at := r.off
	name, ok, err := r.text()
	switch {
	case err != nil:
		return -1, err
	case ok:
		return o.find(name), nil
	}
	id, big, ok, err := r.integer()
	if err != nil {
		return -1, err
	}
	if !ok {
		return -1, wire.Errorf(at, wire.ErrValue, "want the name of a field of %s, got %s", o.schema.Name, formatName(r.src[at]))
	}
	if big || id != int64(int16(id)) {
		return -1, nil
	}
	return o.schema.Index(int16(id)), nil
}

// value reads a value of t. depth is how many more levels may open.
func (r *reader) value(t *schema.Type, depth int) error {
	at := r.off
	c, err := r.peek()
	if err != nil {
		return err
	}
	switch t.Kind {
	case schema.KindBool:
		if c != trueBit && c != falseBit {
			return r.misfit(at, t)
		}
		r.off++
		r.dst = wirebinary.AppendBool(r.dst, c == trueBit)
		return nil
	case schema.KindI8, schema.KindI16, schema.KindI32, schema.KindI64, schema.KindEnum:
		return r.int(t)
	case schema.KindDouble:
		return r.double(t, c)
	case schema.KindString, schema.KindBinary, schema.KindUUID:
		return r.string(t)
	case schema.KindStruct:
		return r.object(t.Struct, depth)
	}
	if depth == 0 {
		return wire.TooDeep(at)
	}
	if t.Kind == schema.KindMap {
		return r.mapping(t, depth)
	}
	n, ok, err := r.count(fixArray, array16, array32)
	switch {
	case err != nil:
		return err
	case !ok && c == nilByte:
		r.off++
	case !ok:
		return r.misfit(at, t)
	}
	r.dst = wirebinary.AppendListHeader(r.dst, wire.TypeOf(t.Elem.Kind), n)
	for i := range n {
		if err := r.value(t.Elem, depth-1); err != nil {
			return wire.InElement(err, i, "")
		}
	}
	return nil
}

func (r *reader) mapping(t *schema.Type, depth int) error {
	at := r.off
	n, ok, err := r.count(fixMap, map16, map32)
	switch {
	case err != nil:
		return err
	case !ok && r.src[at] == nilByte:
		r.off++
	case !ok:
		return r.misfit(at, t)
	}
	r.dst = wirebinary.AppendMapHeader(r.dst, wire.TypeOf(t.Key.Kind), wire.TypeOf(t.Elem.Kind), n)
	for i := range n {
		if r.o.text {
			err = r.textKey(t.Key)
		} else {
			err = r.value(t.Key, depth-1)
		}
		if err != nil {
			return wire.InElement(err, i, "key")
		}
		if err := r.value(t.Elem, depth-1); err != nil {
			return wire.InElement(err, i, "value")
		}
	}
	return nil
}

// textKey reads a key of a map that comes from JSON: a string, whatever the type.
func (r *reader) textKey(t *schema.Type) error {
	at := r.off
	b, ok, err := r.text()
	if err != nil {
		return err
	}
	if !ok {
		return r.misfit(at, t)
	}
	text := mem.String(b)
	switch t.Kind {
	case schema.KindString:
		r.dst = wirebinary.AppendBytes(r.dst, b)
		return nil
	case schema.KindBool:
		if text == "true" || text == "false" {
			r.dst = wirebinary.AppendBool(r.dst, text == "true")
			return nil
		}
	case schema.KindDouble:
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			r.dst = wirebinary.AppendDouble(r.dst, f)
			return nil
		}
	case schema.KindI8, schema.KindI16, schema.KindI32, schema.KindI64, schema.KindEnum:
		if x, err := strconv.ParseInt(text, 10, 64); err == nil {
			return r.appendInt(at, t, x, false)
		}
		if t.Kind == schema.KindEnum {
			return r.enumNamed(at, t, text)
		}
	default:
		r.off = at
		return r.value(t, 1)
	}
	return wire.Errorf(at, wire.ErrValue, "want %s, got the string %.40q", t, text)
}

func (r *reader) int(t *schema.Type) error {
	at := r.off
	x, big, ok, err := r.integer()
	switch {
	case err != nil:
		return err
	case ok:
		return r.appendInt(at, t, x, big)
	case t.Kind != schema.KindEnum:
		return r.misfit(at, t)
	}
	name, ok, err := r.text()
	switch {
	case err != nil:
		return err
	case !ok:
		return r.misfit(at, t)
	}
	return r.enumNamed(at, t, string(name))
}

func (r *reader) enumNamed(at int, t *schema.Type, name string) error {
	v := t.Enum.ByName(name)
	if v == nil {
		return wire.Errorf(at, wire.ErrValue, "enum %s has no value %.60q", t, name)
	}
	r.dst = binary.BigEndian.AppendUint32(r.dst, uint32(v.Number))
	return nil
}

func (r *reader) appendInt(at int, t *schema.Type, x int64, big bool) error {
	size := 8
	switch t.Kind {
	case schema.KindI8:
		size = 1
	case schema.KindI16:
		size = 2
	case schema.KindI32, schema.KindEnum:
		size = 4
	}
	if shift := 64 - 8*size; big || x<<shift>>shift != x {
		if big {
			return wire.Errorf(at, wire.ErrValue, "%d is out of range for %s", uint64(x), t)
		}
		return wire.Errorf(at, wire.ErrValue, "%d is out of range for %s", x, t)
	}
	switch size {
	case 1:
		r.dst = append(r.dst, byte(x))
	case 2:
		r.dst = binary.BigEndian.AppendUint16(r.dst, uint16(x))
	case 4:
		r.dst = binary.BigEndian.AppendUint32(r.dst, uint32(x))
	default:
		r.dst = binary.BigEndian.AppendUint64(r.dst, uint64(x))
	}
	return nil
}

func (r *reader) double(t *schema.Type, c byte) error {
	at := r.off
	switch c {
	case float32b, float64b:
		r.off++
		u, err := r.number(4 << (c - float32b))
		if err != nil {
			return err
		}
		f := math.Float64frombits(u)
		if c == float32b {
			f = float64(math.Float32frombits(uint32(u)))
		}
		r.dst = wirebinary.AppendDouble(r.dst, f)
		return nil
	}
	x, big, ok, err := r.integer()
	switch {
	case err != nil:
		return err
	case ok && big:
		r.dst = wirebinary.AppendDouble(r.dst, float64(uint64(x)))
		return nil
	case ok:
		r.dst = wirebinary.AppendDouble(r.dst, float64(x))
		return nil
	case r.o.text:
		if b, ok, _ := r.text(); ok {
			switch string(b) { // JSON has no numbers for these
			case "NaN", "Infinity", "-Infinity":
				f, _ := strconv.ParseFloat(string(b), 64)
				r.dst = wirebinary.AppendDouble(r.dst, f)
				return nil
			}
		}
	}
	return r.misfit(at, t)
}

func (r *reader) string(t *schema.Type) error {
	at := r.off
	b, ok, err := r.text()
	switch {
	case err != nil:
		return err
	case !ok:
		return r.misfit(at, t)
	}
	switch {
	case t.Kind == schema.KindUUID:
		if len(b) == 16 && !r.o.text {
			r.dst = append(r.dst, b...)
			return nil
		}
		v, err := dynamic.ParseUUID(string(b))
		if err != nil {
			return wire.Errorf(at, wire.ErrValue, "%v", err)
		}
		id := v.UUID()
		r.dst = append(r.dst, id[:]...)
	case t.Kind == schema.KindBinary && r.o.text:
		start := len(r.dst)
		r.dst = binary.BigEndian.AppendUint32(r.dst, 0)
		if r.dst, err = base64.StdEncoding.AppendDecode(r.dst, b); err != nil {
			return wire.Errorf(at, wire.ErrValue, "want %s in base64: %v", t, err)
		}
		binary.BigEndian.PutUint32(r.dst[start:], uint32(len(r.dst)-start-4))
	default:
		r.dst = wirebinary.AppendBytes(r.dst, b)
	}
	return nil
}

// skip skips a value of any type.
func (r *reader) skip(depth int) error {
	c, err := r.peek()
	if err != nil {
		return err
	}
	at := r.off
	n, ok, err := r.count(fixArray, array16, array32)
	if err == nil && !ok {
		if n, ok, err = r.count(fixMap, map16, map32); ok {
			n *= 2
		}
	}
	switch {
	case err != nil:
		return err
	case ok && depth == 0:
		return wire.TooDeep(at)
	case ok:
		for range n {
			if err := r.skip(depth - 1); err != nil {
				return err
			}
		}
		return nil
	}
	if _, ok, err := r.text(); ok || err != nil {
		return err
	}
	if _, _, ok, err := r.integer(); ok || err != nil {
		return err
	}
	r.off++
	size := 0
	switch {
	case c == float32b:
		size = 4
	case c == float64b:
		size = 8
	case c >= ext8 && c <= ext32:
		n, err := r.number(1 << (c - ext8))
		if err != nil {
			return err
		}
		if n >= uint64(len(r.src)) {
			return wire.Truncated(len(r.src))
		}
		size = int(n) + 1
	case c >= fixExt1 && c <= fixExt16:
		size = 1 + 1<<(c-fixExt1)
	case c == unused:
		return wire.Errorf(at, wire.ErrInvalid, "%s", formatName(c))
	}
	_, err = r.take(size)
	return err
}
