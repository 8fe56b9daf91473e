package transcode

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math/bits"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/jsontext"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	wirebinary "github.com/thriftkit/thriftkit/wire/binary"
	"github.com/thriftkit/thriftkit/wire/compact"
)

// A reader turns JSON into Thrift. Its methods report false at what is rare or wrong.
type reader struct {
	text    []byte
	off     int
	dst     []byte
	compact bool
	form    dynamic.BinaryForm
	buf     []byte // for strings with escapes and for headers
	track   bool   // where the fields are: some come out of order
	parts   []part // of the open objects, the fields, if they are tracked; of the open maps, the keys
}

// A part is a field in dst: its header, and its value after it. Or a key.
type part struct{ index, head, value, end int32 }

// most is how long a text or a message may be whose parts are counted in 32 bits.
const most = 1 << 28

// appendPart makes room for the usual number at once.
func appendPart(parts []part, p part) []part {
	if parts == nil {
		parts = make([]part, 0, 32)
	}
	return append(parts, p)
}

func (r *reader) whole(o *object) bool {
	if len(r.text)+len(r.dst) > most {
		return false
	}
	start := len(r.dst)
	if r.all(o) {
		return true
	}
	if !r.track {
		return false
	}
	r.off, r.dst, r.parts = 0, r.dst[:start], r.parts[:0]
	return r.all(o)
}

func (r *reader) all(o *object) bool {
	r.blanks()
	if !r.take('{') || !r.object(o, wire.MaxDepth-1) {
		return false
	}
	r.blanks()
	return r.off == len(r.text)
}

// follows reports whether field i may come after the previous one. If not, all is to be read
// again, with the fields tracked: at most once.
func (r *reader) follows(i, previous int) bool {
	if i > previous || r.track {
		return true
	}
	r.track = true
	return false
}

func (r *reader) blanks() {
	if r.off < len(r.text) && r.text[r.off] <= ' ' {
		r.off = jsontext.Blank(r.text, r.off)
	}
}

func (r *reader) take(c byte) bool {
	if r.off < len(r.text) && r.text[r.off] == c {
		r.off++
		return true
	}
	return false
}

// more moves to the next part of an object or array that ends with end; i is how many there were.
func (r *reader) more(i int, end byte) (more, ok bool) {
	r.blanks()
	if r.take(end) {
		return false, true
	}
	if i > 0 {
		if !r.take(',') {
			return false, false
		}
		r.blanks()
	}
	return true, true
}

// colon moves past the colon of a member.
func (r *reader) colon() bool {
	if !r.take(':') {
		r.blanks()
		if !r.take(':') {
			return false
		}
	}
	r.blanks()
	return true
}

// name reads the name of a member and returns the field.
func (r *reader) name(o *object, next int) int {
	if next < len(o.members) {
		q := o.members[next].quoted
		if len(r.text)-r.off >= len(q) && string(r.text[r.off:r.off+len(q)]) == q {
			r.off += len(q)
			return next
		}
	}
	name, ok := r.plain()
	if !ok {
		return -1
	}
	if i, ok := o.byName[string(name)]; ok {
		return i
	}
	return -1
}

// object reads an object whose { was read.
func (r *reader) object(o *object, depth int) bool {
	if !o.direct {
		return false
	}
	start, base := len(r.dst), len(r.parts)
	var seen uint64
	var last int16
	previous, ordered := -1, true
	for n := 0; ; n++ {
		more, ok := r.more(n, '}')
		if !ok {
			return false
		}
		if !more {
			break
		}
		i := r.name(o, previous+1)
		if i < 0 || seen&(1<<i) != 0 || !r.colon() || r.off >= len(r.text) {
			return false
		}
		if r.text[r.off] == 'n' {
			if !r.word("null") {
				return false
			}
			continue
		}
		if !r.follows(i, previous) {
			return false
		}
		m := &o.members[i]
		seen |= 1 << i
		head := len(r.dst)
		switch {
		case !r.compact:
			r.dst = append(r.dst, byte(m.head>>16), byte(m.head>>8), byte(m.head))
		case m.node.kind == schema.KindBool:
			v, ok := r.bool()
			if !ok {
				return false
			}
			r.dst = compact.AppendBoolField(r.dst, m.id, last, v)
		default:
			r.dst = compact.AppendFieldHeader(r.dst, m.node.wire, m.id, last)
		}
		last = m.id
		value := len(r.dst)
		if !(r.compact && m.node.kind == schema.KindBool) && !r.value(m.node, depth) {
			return false
		}
		if r.track {
			r.parts = appendPart(r.parts, part{int32(i), int32(head), int32(value), int32(len(r.dst))})
			ordered = ordered && i > previous
		}
		previous = i
	}
	if o.must&^seen != 0 || o.union && bits.OnesCount64(seen) != 1 {
		return false
	}
	if !ordered {
		r.sort(start, r.parts[base:], o)
	}
	r.parts = r.parts[:base]
	r.dst = append(r.dst, 0)
	return true
}

// sort brings the fields of an object, which start at start, into the order of the IDL, by way of
// the room after them.
func (r *reader) sort(start int, parts []part, o *object) {
	byIndex(parts)
	end := len(r.dst)
	var last int16
	for _, p := range parts {
		m := &o.members[p.index]
		switch {
		case !r.compact:
			r.dst = append(r.dst, r.dst[p.head:p.end]...)
		case m.node.kind == schema.KindBool:
			r.dst = compact.AppendBoolField(r.dst, m.id, last, r.dst[p.head]&0x0f == 1)
		default:
			r.dst = append(compact.AppendFieldHeader(r.dst, m.node.wire, m.id, last), r.dst[p.value:p.end]...)
		}
		last = m.id
	}
	r.dst = append(r.dst[:start], r.dst[end:]...)
}

// byIndex sorts parts, which are few.
func byIndex(parts []part) {
	for i := 1; i < len(parts); i++ {
		for j := i; j > 0 && parts[j].index < parts[j-1].index; j-- {
			parts[j], parts[j-1] = parts[j-1], parts[j]
		}
	}
}

func (r *reader) word(w string) bool {
	next, ok := jsontext.Word(r.text, r.off, w)
	r.off = next
	return ok
}

func (r *reader) bool() (v, ok bool) {
	if r.off < len(r.text) && r.text[r.off] == 't' {
		return true, r.word("true")
	}
	return false, r.word("false")
}

// value reads a value and appends it.
func (r *reader) value(n *node, depth int) bool {
	if r.off >= len(r.text) {
		return false
	}
	switch n.kind {
	case schema.KindBool:
		v, ok := r.bool()
		r.appendBool(v)
		return ok
	case schema.KindI8, schema.KindI16, schema.KindI32, schema.KindI64:
		v, ok := r.int()
		return ok && r.appendInt(n.kind, v)
	case schema.KindDouble:
		v, ok := r.double()
		r.appendDouble(v)
		return ok
	case schema.KindString:
		s, ok := r.string()
		r.appendText(s)
		return ok
	case schema.KindBinary:
		return r.binary()
	case schema.KindUUID, schema.KindEnum:
		if n.kind == schema.KindEnum && r.text[r.off] != '"' {
			v, ok := r.int()
			return ok && r.appendInt(schema.KindI32, v)
		}
		s, ok := r.plain()
		return ok && r.named(n, s)
	}
	if depth == 0 {
		return false
	}
	switch n.kind {
	case schema.KindStruct:
		return r.take('{') && r.object(n.object, depth-1)
	case schema.KindMap:
		return r.take('{') && r.entries(n, depth-1)
	default:
		return r.take('[') && r.elems(n, depth-1)
	}
}

// named appends the uuid or enum value with that text.
func (r *reader) named(n *node, s []byte) bool {
	if n.kind == schema.KindEnum {
		e := n.enum.ByName(mem.String(s))
		return e != nil && r.appendInt(schema.KindI32, int64(e.Number))
	}
	v, err := dynamic.ParseUUID(string(s))
	id := v.UUID()
	r.dst = append(r.dst, id[:]...)
	return err == nil
}

func (r *reader) appendBool(v bool) {
	if r.compact {
		r.dst = compact.AppendBool(r.dst, v)
	} else {
		r.dst = wirebinary.AppendBool(r.dst, v)
	}
}

func (r *reader) appendDouble(v float64) {
	if r.compact {
		r.dst = compact.AppendDouble(r.dst, v)
	} else {
		r.dst = wirebinary.AppendDouble(r.dst, v)
	}
}

// appendInt reports whether v is in the range of the kind.
func (r *reader) appendInt(k schema.Kind, v int64) bool {
	switch k {
	case schema.KindI8:
		r.dst = append(r.dst, byte(v))
		return v == int64(int8(v))
	case schema.KindI16:
		if r.compact {
			r.dst = compact.AppendI16(r.dst, int16(v))
		} else {
			r.dst = binary.BigEndian.AppendUint16(r.dst, uint16(v))
		}
		return v == int64(int16(v))
	case schema.KindI32:
		if r.compact {
			r.dst = compact.AppendI32(r.dst, int32(v))
		} else {
			r.dst = binary.BigEndian.AppendUint32(r.dst, uint32(v))
		}
		return v == int64(int32(v))
	}
	if r.compact {
		r.dst = compact.AppendI64(r.dst, v)
	} else {
		r.dst = binary.BigEndian.AppendUint64(r.dst, uint64(v))
	}
	return true
}

// int reads a number without fraction and exponent.
func (r *reader) int() (v int64, ok bool) {
	v, r.off, ok = jsontext.Int(r.text, r.off)
	return v, ok
}

func (r *reader) double() (v float64, ok bool) {
	v, r.off, ok = jsontext.Float(r.text, r.off)
	return v, ok
}

// plain reads a string of ASCII without escapes, which most names and texts of other types are.
func (r *reader) plain() ([]byte, bool) {
	if !r.take('"') {
		return nil, false
	}
	start := r.off
	r.off = jsontext.Special(r.text, start)
	end := r.off
	return r.text[start:end], r.take('"')
}

// string reads a string. What it returns is part of r.text or of r.buf.
func (r *reader) string() ([]byte, bool) {
	s, next, err := jsontext.Text(r.text, r.off, &r.buf)
	r.off = next
	return s, err == nil
}

func (r *reader) appendText(s []byte) {
	if r.compact {
		r.dst = compact.AppendBytes(r.dst, s)
	} else {
		r.dst = wirebinary.AppendBytes(r.dst, s)
	}
}

func (r *reader) binary() bool {
	s, ok := r.string()
	return ok && r.appendBinary(s)
}

// appendBinary appends the binary with that text.
func (r *reader) appendBinary(s []byte) bool {
	switch r.form {
	case dynamic.BinaryText:
		r.appendText(s)
		return true
	case dynamic.BinaryBase64:
		if len(s)%4 != 0 {
			return false
		}
		n := len(s) / 4 * 3
		for i := len(s) - 1; i >= 0 && i >= len(s)-2 && s[i] == '='; i-- {
			n--
		}
		if r.compact {
			r.dst = binary.AppendUvarint(r.dst, uint64(n))
		} else {
			r.dst = binary.BigEndian.AppendUint32(r.dst, uint32(n))
		}
		want := len(r.dst) + n
		var err error
		r.dst, err = base64.StdEncoding.AppendDecode(r.dst, s)
		return err == nil && len(r.dst) == want // it passes over line ends
	}
	return false
}

// elems reads an array whose [ was read.
func (r *reader) elems(n *node, depth int) bool {
	head := len(r.dst)
	if r.compact {
		r.dst = compact.AppendListHeader(r.dst, n.elem.wire, 0)
	} else {
		r.dst = wirebinary.AppendListHeader(r.dst, n.elem.wire, 0)
	}
	for i := 0; ; i++ {
		more, ok := r.more(i, ']')
		if !ok {
			return false
		}
		if !more {
			if r.compact {
				r.widen(head, 1, compact.AppendListHeader(r.buf[:0], n.elem.wire, i))
			} else {
				binary.BigEndian.PutUint32(r.dst[head+1:], uint32(i))
			}
			return true
		}
		if !r.value(n.elem, depth) {
			return false
		}
	}
}

// widen puts a header in place of the one of n bytes at head, which may be longer.
func (r *reader) widen(head, n int, header []byte) {
	r.buf = header
	if extra := len(header) - n; extra > 0 {
		r.dst = append(r.dst, header[:extra]...)
		copy(r.dst[head+len(header):], r.dst[head+n:len(r.dst)-extra])
	}
	copy(r.dst[head:], header)
}

// entries reads a map from an object whose { was read.
func (r *reader) entries(n *node, depth int) bool {
	head, base := len(r.dst), len(r.parts)
	if r.compact {
		r.dst = append(r.dst, 0)
	} else {
		r.dst = wirebinary.AppendMapHeader(r.dst, n.key.wire, n.elem.wire, 0)
	}
	for i := 0; ; i++ {
		more, ok := r.more(i, '}')
		if !ok {
			return false
		}
		if !more {
			if !distinct(r.dst, r.parts[base:]) {
				return false
			}
			r.parts = r.parts[:base]
			if r.compact {
				r.widen(head, 1, compact.AppendMapHeader(r.buf[:0], n.key.wire, n.elem.wire, i))
			} else {
				binary.BigEndian.PutUint32(r.dst[head+2:], uint32(i))
			}
			return true
		}
		at := len(r.dst)
		if !r.key(n.key) {
			return false
		}
		r.parts = appendPart(r.parts, part{value: int32(at), end: int32(len(r.dst))})
		if !r.colon() || !r.value(n.elem, depth) {
			return false
		}
	}
}

// key reads the name of a member as a key.
func (r *reader) key(n *node) bool {
	switch n.kind {
	case schema.KindString:
		s, ok := r.string()
		r.appendText(s)
		return ok
	case schema.KindBinary:
		return r.binary()
	}
	s, ok := r.plain()
	if !ok || !n.isKey() {
		return false
	}
	inner := reader{text: s, dst: r.dst, compact: r.compact}
	switch n.kind {
	case schema.KindUUID:
		ok = inner.named(n, s)
	case schema.KindEnum:
		if e := n.enum.ByName(mem.String(s)); e != nil {
			ok = inner.appendInt(schema.KindI32, int64(e.Number))
			break
		}
		v, isInt := inner.int()
		ok = isInt && inner.off == len(s) && inner.appendInt(schema.KindI32, v)
	default:
		ok = inner.value(n, 0) && inner.off == len(s)
	}
	r.dst = inner.dst
	return ok
}

// distinct reports whether no two keys are the same.
func distinct(dst []byte, keys []part) bool {
	const few = 16
	if len(keys) <= few {
		for i, a := range keys {
			for _, b := range keys[:i] {
				if sameKey(dst[a.value:a.end], dst[b.value:b.end]) {
					return false
				}
			}
		}
		return true
	}
	seen := make(map[string]struct{}, len(keys))
	for _, k := range keys {
		seen[mem.String(dst[k.value:k.end])] = struct{}{}
	}
	return len(seen) == len(keys)
}

// sameKey looks at the ends first, where most keys differ.
func sameKey(a, b []byte) bool {
	n := len(a)
	if n != len(b) {
		return false
	}
	if n >= 2 && (a[n-1] != b[n-1] || a[n-2] != b[n-2]) {
		return false
	}
	return bytes.Equal(a, b)
}
