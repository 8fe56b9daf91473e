package json

import (
	"github.com/thriftkit/thriftkit/internal/jsontext"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// The readers of what structs, lists and maps have around their values: here the protocols
// differ.

// tags are the names of types in Apache's form.
var tags = [...]string{
	wire.Bool: "tf", wire.I8: "i8", wire.I16: "i16", wire.I32: "i32", wire.I64: "i64", wire.Double: "dbl", wire.String: "str",
	wire.Struct: "rec", wire.Map: "map", wire.Set: "set", wire.List: "lst", wire.UUID: "uid",
}

// typeOf is the inverse of tags; Stop if tag is not there.
func typeOf(tag []byte) wire.Type {
	switch string(tag) {
	case "tf":
		return wire.Bool
	case "i8":
		return wire.I8
	case "i16":
		return wire.I16
	case "i32":
		return wire.I32
	case "i64":
		return wire.I64
	case "dbl":
		return wire.Double
	case "str":
		return wire.String
	case "rec":
		return wire.Struct
	case "map":
		return wire.Map
	case "set":
		return wire.Set
	case "lst":
		return wire.List
	case "uid":
		return wire.UUID
	}
	return wire.Stop
}

// consumeTag reads the name of a type.
func consumeTag(src []byte, off int) (wire.Type, int, error) {
	tag, next, err := jsontext.String(src, off)
	if err != nil {
		return 0, off, err
	}
	t := typeOf(tag)
	if t == wire.Stop {
		return 0, off, wire.Errorf(off, wire.ErrInvalid, "%q is not the name of a type", jsontext.Shorten(tag))
	}
	return t, next, nil
}

// A member is what precedes a field's value: the id and the type in Apache's form, in
// the others the name.
type member struct {
	id   int16
	t    wire.Type
	name []byte
	null bool
}

// consumeMember reads what precedes a field's value.
func (p Protocol) consumeMember(src []byte, off int) (m member, next int, err error) {
	if p != Apache {
		m.name, off, err = jsontext.Key(src, off)
		if err == nil {
			m.null = isNull(src, off)
		}
		return m, off, err
	}
	id, off, err := consumeInt(src, off, 16)
	if err != nil {
		return m, off, err
	}
	m.id = int16(id)
	if off, err = jsontext.Expect(src, off, ':'); err != nil {
		return m, off, err
	}
	if off, err = jsontext.Expect(src, off, '{'); err != nil {
		return m, off, err
	}
	if m.t, off, err = consumeTag(src, off); err != nil {
		return m, off, err
	}
	off, err = jsontext.Expect(src, off, ':')
	return m, off, err
}

// closeMember reads what follows a field's value.
func (p Protocol) closeMember(src []byte, off int) (int, error) {
	if p != Apache {
		return off, nil
	}
	return jsontext.Expect(src, off, '}')
}

func (p Protocol) isField(m member, f *schema.Field) bool {
	if p == Apache {
		return f.ID == m.id
	}
	return f.Name == string(m.name)
}

// unfit reports whether the value of m counts as not sent, where want is expected.
func (p Protocol) unfit(m member, want wire.Type) bool {
	if p == Apache {
		return m.t != want
	}
	return m.null
}

// skipMember moves past the value of m. kept is the field in the binary protocol, in Apache's
// form.
func (p Protocol) skipMember(src []byte, off int, m member, depth int) (next int, kept wire.UnknownFields, err error) {
	if p != Apache {
		next, err = jsontext.Skip(src, off, 2*depth, true)
		return next, nil, err
	}
	kept, next, err = toBinary(appendBinaryField(nil, m), src, off, m.t, depth)
	if err == nil {
		next, err = p.closeMember(src, next)
	}
	return next, kept, err
}

// A list is one that is being read.
type list struct {
	counted bool // as in Apache's form
	n       int
}

// openList reads what precedes the elements of a list or set. Elements of another
// type than want count as not sent: they are skipped.
func (p Protocol) openList(src []byte, off int, want wire.Type, depth int) (l list, next int, err error) {
	if off, err = jsontext.Expect(src, off, '['); err != nil || p == ThriftPy2 {
		return l, off, err
	}
	if p == Simple {
		if isGoList(src[off:], want) {
			err = goForm(off-1, want.String()+" elements", "[type,count,element,…]")
		}
		return l, off, err
	}
	l.counted = true
	elem, off, err := consumeTag(src, off)
	if err != nil {
		return l, off, err
	}
	if off, err = jsontext.Expect(src, off, ','); err != nil {
		return l, off, err
	}
	if l.n, off, err = consumeCount(src, off, elemBytes); err != nil || elem == want {
		return l, off, err
	}
	for i := range l.n {
		if off, _, err = l.next(src, off, i); err != nil {
			return l, off, err
		}
		if _, off, err = toBinary(nil, src, off, elem, depth); err != nil {
			return l, off, err
		}
	}
	l.n = 0
	return l, off, nil
}

// next moves to element i of l, or past l.
func (l list) next(src []byte, off, i int) (next int, more bool, err error) {
	if !l.counted {
		return jsontext.Item(src, off, i, ']')
	}
	next, more, err = jsontext.Item(src, off, i+1, ']')
	if err == nil && more != (i < l.n) {
		err = wrongCount(off, l.n, more)
	}
	return next, more, err
}

// wrongCount says that there are more or less than n elements, as has been seen at off.
func wrongCount(off, n int, more bool) error {
	there := "less"
	if more {
		there = "more"
	}
	return wire.Errorf(off, wire.ErrInvalid, "count %d, but there are %s", n, there)
}

// How many bytes an element and an entry take at least, with a comma.
const (
	elemBytes  = len(`,1`)
	entryBytes = len(`{}:1`)
)

// consumeCount reads the count of elements that have at least size bytes each.
func consumeCount(src []byte, off, size int) (n, next int, err error) {
	count, next, err := consumeInt(src, off, 32)
	switch remain := len(src) - next; {
	case err != nil:
	case count < 0:
		err = wire.Errorf(off, wire.ErrInvalid, "count %d", count)
	case count*int64(size) > int64(remain):
		err = wire.Errorf(off, wire.ErrTruncated, "count %d, but only %s left", count, plural.Of(remain, "byte"))
	}
	return int(count), next, err
}

// The parts of an entry of a map, and the names of the members that ThriftPy2 has for them.
const (
	keyPart   = "key"
	valuePart = "value"
)

// openMap reads what precedes the entries of a map, and returns how many there are,
// or -1. Entries of another type than t count as not sent: they are skipped.
func (p Protocol) openMap(src []byte, off int, t *schema.Type, depth int) (n, next int, err error) {
	if err := p.checkKey(t, off); err != nil {
		return 0, off, err
	}
	switch p {
	case ThriftPy2:
		off, err = jsontext.Expect(src, off, '[')
		return -1, off, err
	case Simple:
		if c, at, err := jsontext.Peek(src, off); err == nil && c == '[' {
			return 0, at, goForm(at, "entries", "[keytype,valuetype,count,key,value,…]")
		}
		off, err = jsontext.Expect(src, off, '{')
		return -1, off, err
	}
	key, elem, n, off, err := consumeMapHead(src, off)
	if err != nil || key == wire.TypeOf(t.Key.Kind) && elem == wire.TypeOf(t.Elem.Kind) {
		return n, off, err
	}
	var skipped []byte
	read := partsToBinary(&skipped, src, key, elem, depth)
	for i := 0; i < n && err == nil; i++ {
		if off, _, err = p.nextEntry(src, off, i, n); err == nil {
			off, err = consumeEntry(src, off, i, read)
		}
	}
	return 0, off, err
}

// consumeMapHead reads what precedes the entries of a map in Apache's form.
func consumeMapHead(src []byte, off int) (key, elem wire.Type, n, next int, err error) {
	if off, err = jsontext.Expect(src, off, '['); err != nil {
		return 0, 0, 0, off, err
	}
	for _, t := range []*wire.Type{&key, &elem} {
		if *t, off, err = consumeTag(src, off); err != nil {
			return 0, 0, 0, off, err
		}
		if off, err = jsontext.Expect(src, off, ','); err != nil {
			return 0, 0, 0, off, err
		}
	}
	if n, off, err = consumeCount(src, off, entryBytes); err != nil {
		return 0, 0, 0, off, err
	}
	if off, err = jsontext.Expect(src, off, ','); err == nil {
		off, err = jsontext.Expect(src, off, '{')
	}
	return key, elem, n, off, err
}

// consumeEntries reads the entries of a map and what closes it. n is their count, or -1. read
// reads the key or the value that is at an offset, and put puts the two into the map.
func (p Protocol) consumeEntries(src []byte, off, n int, read func(off int, part string) (int, error), put func()) (int, error) {
	for i := 0; ; i++ {
		next, more, err := p.nextEntry(src, off, i, n)
		if err != nil || !more {
			return next, err
		}
		if p == ThriftPy2 {
			off, err = consumePair(src, next, i, read)
		} else {
			off, err = consumeEntry(src, next, i, read)
		}
		if err != nil {
			return off, err
		}
		put()
	}
}

// nextEntry moves to entry i of n, or -1, or past the map.
func (p Protocol) nextEntry(src []byte, off, i, n int) (next int, more bool, err error) {
	if p == ThriftPy2 {
		return jsontext.Item(src, off, i, ']')
	}
	next, more, err = jsontext.Item(src, off, i, '}')
	if err == nil && p == Apache {
		switch {
		case more != (i < n):
			err = wrongCount(off, n, more)
		case !more:
			next, err = jsontext.Expect(src, next, ']')
		}
	}
	return next, more, err
}

// consumeEntry reads a key, a colon and a value.
func consumeEntry(src []byte, off, i int, read func(off int, part string) (int, error)) (int, error) {
	off, err := read(off, keyPart)
	if err != nil {
		return off, wire.InElement(err, i, keyPart)
	}
	if off, err = jsontext.Expect(src, off, ':'); err != nil {
		return off, err
	}
	if off, err = read(off, valuePart); err != nil {
		return off, wire.InElement(err, i, valuePart)
	}
	return off, nil
}

// consumePair reads an object with the members key and value, in any order.
func consumePair(src []byte, off, i int, read func(off int, part string) (int, error)) (int, error) {
	off, err := jsontext.Expect(src, off, '{')
	if err != nil {
		return off, err
	}
	var key, value bool
	for j := 0; ; j++ {
		next, more, err := jsontext.Item(src, off, j, '}')
		if err == nil && !more && !(key && value) {
			err = wire.InElement(wire.Errorf(off, wire.ErrInvalid, "want a key and a value"), i, "")
		}
		if err != nil || !more {
			return next, err
		}
		name, next, err := jsontext.Key(src, next)
		if err != nil {
			return next, err
		}
		switch string(name) {
		case keyPart:
			key = true
			off, err = read(next, keyPart)
		case valuePart:
			value = true
			off, err = read(next, valuePart)
		default:
			off, err = jsontext.Skip(src, next, maxSkip, true)
		}
		if err != nil {
			return off, wire.InElement(err, i, string(name))
		}
	}
}
