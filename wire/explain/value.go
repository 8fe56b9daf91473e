package explain

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// compactTypes are the types of compact by their code; true and false are both a bool.
var compactTypes = [16]wire.Type{
	1: wire.Bool, 2: wire.Bool, 3: wire.I8, 4: wire.I16, 5: wire.I32, 6: wire.I64, 7: wire.Double, 8: wire.String,
	9: wire.List, 10: wire.Set, 11: wire.Map, 12: wire.Struct, 13: wire.UUID,
}

// structure explains the fields of a struct and its end. desc is nil if the schema does not know it.
func (x *explainer) structure(desc *schema.Struct, depth int) {
	if depth > wire.MaxDepth {
		if x.err == nil {
			x.err = wire.TooDeep(x.off)
		}
		return
	}
	name := "the struct"
	if desc != nil {
		name = desc.Name
	}
	var last int16
	for !x.done() {
		t, id, code, ok := x.fieldHeader(last)
		if x.done() {
			return
		}
		if !ok {
			x.add(depth, "end of "+name, "")
			return
		}
		last = id
		var f *schema.Field
		if desc != nil {
			f = field(desc, id)
		}
		x.field(f, t, id, code, depth)
	}
}

// field returns the field with that id. Not every struct here is linked.
func field(desc *schema.Struct, id int16) *schema.Field {
	for _, f := range desc.Fields {
		if f.ID == id {
			return f
		}
	}
	return nil
}

// fieldHeader reads the header of a field; ok is false at the end of the struct. code is compact's
// type, which has the value of a bool.
func (x *explainer) fieldHeader(last int16) (t wire.Type, id int16, code byte, ok bool) {
	first := x.byte()
	if !x.compact {
		if t = wire.Type(first); t == wire.Stop {
			return t, 0, 0, false
		}
		id = int16(x.u16())
	} else {
		code = first & 0x0f
		if t = compactTypes[code]; code == 0 {
			return wire.Stop, 0, 0, false
		}
		if delta := first >> 4; delta > 0 {
			id = last + int16(delta)
		} else {
			id = int16(unzigzag(x.varint()))
		}
	}
	x.checkType(t, first)
	return t, id, code, true
}

func (x *explainer) checkType(t wire.Type, b byte) {
	if !t.IsValue() && !x.done() {
		x.fail(wire.ErrInvalid, "type %d", b)
	}
}

// field explains a field whose header was read.
func (x *explainer) field(f *schema.Field, t wire.Type, id int16, code byte, depth int) {
	name := fmt.Sprintf("field %d (%s)", id, t)
	var declared *schema.Type
	switch {
	case f == nil:
	case wire.TypeOf(f.Type.Kind) != t:
		name = fmt.Sprintf("%s (field %d, %s, declared as %s)", f.Name, id, t, f.Type)
	default:
		name = fmt.Sprintf("%s (field %d, %s)", f.Name, id, f.Type)
		declared = f.Type
	}
	if x.compact && t == wire.Bool {
		x.add(depth, name, "%t", code == 1)
		return
	}
	x.value(declared, t, name, depth)
}

// value explains a value; declared is its type in the schema, nil if that is not known.
func (x *explainer) value(declared *schema.Type, t wire.Type, name string, depth int) {
	if depth > wire.MaxDepth {
		if x.err == nil {
			x.err = wire.TooDeep(x.off)
		}
		return
	}
	switch t {
	case wire.Struct:
		x.add(depth, name, "")
		var desc *schema.Struct
		if declared != nil {
			desc = declared.Struct
		}
		x.structure(desc, depth+1)
	case wire.List, wire.Set:
		x.list(declared, name, depth)
	case wire.Map:
		x.entries(declared, name, depth)
	default:
		text := x.scalar(declared, t)
		x.add(depth, name, "%s", text)
	}
}

func (x *explainer) list(declared *schema.Type, name string, depth int) {
	var t wire.Type
	var n int
	if x.compact {
		head := x.byte()
		t, n = compactTypes[head&0x0f], int(head>>4)
		if n == 15 {
			n = x.size()
		}
	} else {
		t, n = wire.Type(x.byte()), int(int32(x.u32()))
	}
	if !x.count(n, 1) {
		return
	}
	if n > 0 {
		x.checkType(t, byte(t))
	}
	x.add(depth, name, "%d of %s", n, t)
	var elem *schema.Type
	if declared != nil && wire.TypeOf(declared.Elem.Kind) == t {
		elem = declared.Elem
	}
	for i := 0; i < n && !x.done(); i++ {
		x.value(elem, t, "["+strconv.Itoa(i)+"]", depth+1)
	}
}

func (x *explainer) entries(declared *schema.Type, name string, depth int) {
	var k, v wire.Type
	var n int
	if x.compact {
		if n = x.size(); n > 0 {
			types := x.byte()
			k, v = compactTypes[types>>4], compactTypes[types&0x0f]
		}
	} else {
		k, v = wire.Type(x.byte()), wire.Type(x.byte())
		n = int(int32(x.u32()))
	}
	if !x.count(n, 2) {
		return
	}
	if n > 0 {
		x.checkType(k, byte(k))
		x.checkType(v, byte(v))
		x.add(depth, name, "%d of %s to %s", n, k, v)
	}
	x.add(depth, name, "empty")
	var key, elem *schema.Type
	if declared != nil && wire.TypeOf(declared.Key.Kind) == k && wire.TypeOf(declared.Elem.Kind) == v {
		key, elem = declared.Key, declared.Elem
	}
	for i := 0; i < n && !x.done(); i++ {
		x.value(key, k, fmt.Sprintf("key %d", i), depth+1)
		x.value(elem, v, fmt.Sprintf("value %d", i), depth+1)
	}
}

// count checks the number of elements, each of least bytes at least.
func (x *explainer) count(n, least int) bool {
	if x.done() {
		return false
	}
	if n < 0 || n > (len(x.src)-x.off)/least {
		x.fail(wire.ErrInvalid, "%d elements in %d bytes", n, len(x.src)-x.off)
		return false
	}
	return true
}

// scalar reads a value that has no parts and returns it as text.
func (x *explainer) scalar(declared *schema.Type, t wire.Type) string {
	switch t {
	case wire.Bool:
		b := x.byte()
		if x.compact {
			return strconv.FormatBool(b == 1)
		}
		return strconv.FormatBool(b != 0)
	case wire.I8:
		return strconv.Itoa(int(int8(x.byte())))
	case wire.I16, wire.I32, wire.I64:
		n := x.integer(t)
		if declared != nil && declared.Kind == schema.KindEnum {
			if v := declared.Enum.ByNumber(int32(n)); v != nil {
				return fmt.Sprintf("%s (%d)", v.Name, n)
			}
		}
		return strconv.FormatInt(n, 10)
	case wire.Double:
		b := x.take(8)
		if b == nil {
			return ""
		}
		bits := binary.BigEndian.Uint64(b)
		if x.compact && !x.bigEnd {
			bits = binary.LittleEndian.Uint64(b)
		}
		return strconv.FormatFloat(math.Float64frombits(bits), 'g', -1, 64)
	case wire.UUID:
		if b := x.take(16); b != nil {
			return dynamic.FormatUUID([16]byte(b))
		}
		return ""
	}
	n := 0
	if x.compact {
		n = x.size()
	} else {
		n = int(int32(x.u32()))
	}
	b := x.take(n)
	if declared != nil && declared.Kind == schema.KindBinary {
		return shortHex(b)
	}
	return quoted(b)
}

func (x *explainer) integer(t wire.Type) int64 {
	switch {
	case x.compact:
		return unzigzag(x.varint())
	case t == wire.I16:
		return int64(int16(x.u16()))
	case t == wire.I32:
		return int64(int32(x.u32()))
	}
	if b := x.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

const longest = 60 // bytes of a string in a value

// quoted returns b as a quoted string, or in hex if it is no text; the beginning of a long one.
func quoted(b []byte) string {
	if !utf8.Valid(b) {
		return shortHex(b)
	}
	if len(b) <= longest {
		return strconv.Quote(string(b))
	}
	n := longest
	for n > 0 && !utf8.RuneStart(b[n]) {
		n--
	}
	return fmt.Sprintf("%s… (%d bytes)", strconv.Quote(string(b[:n])), len(b))
}

func shortHex(b []byte) string {
	if len(b) <= longest/2 {
		return "0x" + hex.EncodeToString(b)
	}
	return fmt.Sprintf("0x%s… (%d bytes)", hex.EncodeToString(b[:longest/2]), len(b))
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func quoteIfNeeded(s string) string {
	for _, r := range s {
		if r <= ' ' || r == '"' || r == '=' || r == ',' || r > '~' {
			return strconv.Quote(s)
		}
	}
	return s
}
