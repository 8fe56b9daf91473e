package transcode

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/jsontext"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	wirebinary "github.com/thriftkit/thriftkit/wire/binary"
	"github.com/thriftkit/thriftkit/wire/compact"
)

// A writer turns Thrift into JSON. Its methods report false at what is rare or wrong.
type writer struct {
	src     []byte
	off     int
	dst     []byte
	compact bool
	opts    dynamic.JSONOptions
	track   bool   // where the fields are: some come out of order
	parts   []part // of the open structs, the fields, if they are tracked; of the open maps, the keys
}

func (w *writer) whole(o *object) bool {
	if len(w.src)+len(w.dst) > most {
		return false
	}
	start := len(w.dst)
	if w.all(o) {
		return true
	}
	if !w.track {
		return false
	}
	w.off, w.dst, w.parts = 0, w.dst[:start], w.parts[:0]
	return w.all(o)
}

func (w *writer) all(o *object) bool { return w.object(o, wire.MaxDepth-1) && w.off == len(w.src) }

// follows reports whether field i may come where next is the first that has not been passed. If not,
// all is to be written again, with the fields tracked: at most once.
func (w *writer) follows(i, next int) bool {
	if i >= next || w.track {
		return true
	}
	w.track = true
	return false
}

// tracked notes that field i is what dst has from at.
func (w *writer) tracked(i, at int) {
	if w.track {
		w.parts = appendPart(w.parts, part{index: int32(i), value: int32(at), end: int32(len(w.dst))})
	}
}

// object writes a struct. Each field comes with the comma before it, of which the first
// becomes the bracket.
func (w *writer) object(o *object, depth int) bool {
	if !o.direct {
		return false
	}
	start, base := len(w.dst), len(w.parts)
	var seen uint64
	var last int16
	next, ordered := 0, true
	for {
		head, value, ok := w.head(last)
		if !ok {
			return false
		}
		last = int16(head)
		i := next
		if i >= len(o.members) || o.members[i].head != head {
			if head == 0 {
				break
			}
			i = o.schema.Index(int16(head))
			if i < 0 || o.members[i].head != head {
				var err error
				if w.off, err = w.skip(w.off, head, depth+1); err != nil {
					return false
				}
				continue
			}
		}
		if seen&(1<<i) != 0 {
			return false
		}
		if !w.follows(i, next) {
			return false
		}
		seen |= 1 << i
		ordered = ordered && i >= next
		next = i + 1
		m := &o.members[i]
		at := len(w.dst)
		w.dst = append(w.dst, m.comma...)
		if w.compact && m.node.kind == schema.KindBool {
			w.dst = strconv.AppendBool(w.dst, value)
		} else if !w.value(m.node, depth) {
			return false
		}
		w.tracked(i, at)
	}
	if o.union && bits.OnesCount64(seen) > 1 {
		return false
	}
	if absent := o.absent &^ seen; absent != 0 {
		ordered = ordered && bits.TrailingZeros64(absent) >= next
		if !w.follows(bits.TrailingZeros64(absent), next) || !w.defaults(o, absent) {
			return false
		}
	}
	if !ordered {
		w.sort(start, w.parts[base:])
	}
	w.parts = w.parts[:base]
	if len(w.dst) == start {
		w.dst = append(w.dst, '{')
	}
	w.dst[start] = '{'
	w.dst = append(w.dst, '}')
	return true
}

// head reads the header of a field: its type and id. value is that of a boolean in the compact protocol.
func (w *writer) head(last int16) (head uint32, value, ok bool) {
	var err error
	if w.compact {
		head, value, w.off, err = compact.ConsumeHead(w.src, w.off, last)
	} else {
		head, w.off, err = wirebinary.ConsumeHead(w.src, w.off)
	}
	return head, value, err == nil
}

// only writes the value of the only field of a struct, if that is all there is.
func (w *writer) only(o *object) (*schema.Field, bool) {
	if !o.direct || o.absent != 0 {
		return nil, false
	}
	head, value, ok := w.head(0)
	if !ok || head == 0 {
		return nil, ok && w.off == len(w.src)
	}
	i := o.schema.Index(int16(head))
	if i < 0 || o.members[i].head != head {
		return nil, false
	}
	m := &o.members[i]
	if w.compact && m.node.kind == schema.KindBool {
		w.dst = strconv.AppendBool(w.dst, value)
	} else if !w.value(m.node, wire.MaxDepth-1) {
		return nil, false
	}
	end, _, ok := w.head(m.id)
	return m.schema, ok && end == 0 && w.off == len(w.src) && !w.track
}

// sort brings the fields of an object, which start at start, into the order of the IDL, by way of
// the room after them.
func (w *writer) sort(start int, parts []part) {
	byIndex(parts)
	end := len(w.dst)
	for _, p := range parts {
		w.dst = append(w.dst, w.dst[p.value:p.end]...)
	}
	w.dst = append(w.dst[:start], w.dst[end:]...)
}

// defaults writes the defaults of the fields that were absent.
func (w *writer) defaults(o *object, absent uint64) bool {
	for ; absent != 0; absent &= absent - 1 {
		i := bits.TrailingZeros64(absent)
		m := &o.members[i]
		if m.schema.Default == nil || m.node.nests() { // one that nests counts its levels
			return false
		}
		at := len(w.dst)
		w.dst = append(w.dst, m.comma...)
		var err error
		w.dst, err = dynamic.AppendJSON(w.dst, m.node.schema, dynamic.FromLiteral(m.schema.Default), w.opts)
		if err != nil {
			return false
		}
		w.tracked(i, at)
	}
	return true
}

func (w *writer) skip(off int, head uint32, depth int) (int, error) {
	if w.compact {
		return compact.SkipField(w.src, off, head, depth)
	}
	return wirebinary.SkipField(w.src, off, head, depth)
}

// fixed returns the next n bytes.
func (w *writer) fixed(n int) ([]byte, bool) {
	if len(w.src)-w.off < n {
		return nil, false
	}
	b := w.src[w.off : w.off+n]
	w.off += n
	return b, true
}

// int reads an integer or the number of an enum value.
func (w *writer) int(k schema.Kind) (v int64, ok bool) {
	switch {
	case k == schema.KindI8:
		b, ok := w.fixed(1)
		if !ok {
			return 0, false
		}
		return int64(int8(b[0])), true
	case w.compact:
		var err error
		switch k {
		case schema.KindI16:
			var x int16
			x, w.off, err = compact.ConsumeI16(w.src, w.off)
			v = int64(x)
		case schema.KindI64:
			v, w.off, err = compact.ConsumeI64(w.src, w.off)
		default:
			var x int32
			x, w.off, err = compact.ConsumeI32(w.src, w.off)
			v = int64(x)
		}
		return v, err == nil
	case k == schema.KindI16:
		if b, ok := w.fixed(2); ok {
			return int64(int16(binary.BigEndian.Uint16(b))), true
		}
	case k == schema.KindI64:
		if b, ok := w.fixed(8); ok {
			return int64(binary.BigEndian.Uint64(b)), true
		}
	default:
		if b, ok := w.fixed(4); ok {
			return int64(int32(binary.BigEndian.Uint32(b))), true
		}
	}
	return 0, false
}

func (w *writer) bytes() ([]byte, bool) {
	var b []byte
	var err error
	if w.compact {
		b, w.off, err = compact.ConsumeBytes(w.src, w.off)
	} else {
		b, w.off, err = wirebinary.ConsumeBytes(w.src, w.off)
	}
	return b, err == nil
}

// text appends a string that is UTF-8.
func (w *writer) text(b []byte) bool {
	w.dst = append(w.dst, '"')
	end := jsontext.Special(b, 0)
	if end == len(b) {
		w.dst = append(append(w.dst, b...), '"')
		return true
	}
	if !utf8.Valid(b[end:]) {
		return false
	}
	w.dst = jsontext.AppendString(w.dst[:len(w.dst)-1], mem.String(b))
	return true
}

// value writes a value.
func (w *writer) value(n *node, depth int) bool {
	switch n.kind {
	case schema.KindBool:
		b, ok := w.fixed(1)
		if ok {
			w.dst = strconv.AppendBool(w.dst, b[0] == 1 || b[0] != 0 && !w.compact)
		}
		return ok
	case schema.KindI8, schema.KindI16, schema.KindI32, schema.KindI64:
		v, ok := w.int(n.kind)
		w.dst = strconv.AppendInt(w.dst, v, 10)
		return ok
	case schema.KindEnum:
		v, ok := w.int(n.kind)
		if e := n.enum.ByNumber(int32(v)); e != nil {
			w.dst = jsontext.AppendString(w.dst, e.Name)
		} else {
			w.dst = strconv.AppendInt(w.dst, v, 10)
		}
		return ok
	case schema.KindDouble:
		b, ok := w.fixed(8)
		if ok {
			w.dst = jsontext.AppendDouble(w.dst, w.double(b))
		}
		return ok
	case schema.KindString:
		b, ok := w.bytes()
		return ok && w.text(b)
	case schema.KindBinary, schema.KindUUID:
		return w.opaque(n)
	}
	if depth == 0 {
		return false
	}
	switch n.kind {
	case schema.KindStruct:
		return w.object(n.object, depth-1)
	case schema.KindMap:
		return w.entries(n, depth-1)
	default:
		return w.elems(n, depth-1)
	}
}

func (w *writer) double(b []byte) float64 {
	if w.compact {
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b))
}

// opaque writes a binary or a uuid.
func (w *writer) opaque(n *node) bool {
	var v dynamic.Value
	var b []byte
	var ok bool
	if n.kind == schema.KindUUID {
		if b, ok = w.fixed(16); ok {
			v = dynamic.UUID([16]byte(b))
		}
	} else if b, ok = w.bytes(); ok {
		v = dynamic.Binary(b)
	}
	if !ok {
		return false
	}
	var err error
	w.dst, err = dynamic.AppendJSON(w.dst, n.schema, v, w.opts)
	return err == nil
}

// listHeader reads the header of a list or set of n; elements of another type are skipped.
func (w *writer) listHeader(n *node, depth int) (count int, ok bool) {
	var err error
	if w.compact {
		count, w.off, err = compact.ConsumeListHeader(w.src, w.off, n.elem.wire, depth+1)
	} else {
		count, w.off, err = wirebinary.ConsumeListHeader(w.src, w.off, n.elem.wire, depth+1)
	}
	return count, err == nil
}

func (w *writer) elems(n *node, depth int) bool {
	count, ok := w.listHeader(n, depth)
	if !ok {
		return false
	}
	w.dst = append(w.dst, '[')
	for i := range count {
		if i > 0 {
			w.dst = append(w.dst, ',')
		}
		if !w.value(n.elem, depth) {
			return false
		}
	}
	w.dst = append(w.dst, ']')
	return true
}

func (w *writer) entries(n *node, depth int) bool {
	if !n.key.isKey() {
		return false
	}
	var count int
	var err error
	if w.compact {
		count, w.off, err = compact.ConsumeMapHeader(w.src, w.off, n.key.wire, n.elem.wire, depth+1)
	} else {
		count, w.off, err = wirebinary.ConsumeMapHeader(w.src, w.off, n.key.wire, n.elem.wire, depth+1)
	}
	if err != nil {
		return false
	}
	base := len(w.parts)
	w.dst = append(w.dst, '{')
	for i := range count {
		if i > 0 {
			w.dst = append(w.dst, ',')
		}
		at := len(w.dst)
		if !w.key(n.key) {
			return false
		}
		w.parts = appendPart(w.parts, part{value: int32(at), end: int32(len(w.dst))})
		w.dst = append(w.dst, ':')
		if !w.value(n.elem, depth) {
			return false
		}
	}
	w.dst = append(w.dst, '}')
	ok := distinct(w.dst, w.parts[base:])
	w.parts = w.parts[:base]
	return ok
}

// key writes a key as the name of a member.
func (w *writer) key(n *node) bool {
	at := len(w.dst)
	if n.kind != schema.KindString {
		w.dst = append(w.dst, '"')
		at++
	}
	if !w.value(n, 0) {
		return false
	}
	switch {
	case n.kind == schema.KindString:
	case w.dst[at] == '"': // it is quoted as a value too
		w.dst = append(w.dst[:at-1], w.dst[at:]...)
	default:
		w.dst = append(w.dst, '"')
	}
	return true
}
