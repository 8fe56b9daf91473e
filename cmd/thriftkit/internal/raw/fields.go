package raw

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/cmd/thriftkit/internal/fill"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/jsontext"
	"github.com/thriftkit/thriftkit/wire"
	wirebinary "github.com/thriftkit/thriftkit/wire/binary"
	"go.yaml.in/yaml/v3"
)

// typeNames are the words for types in the JSON of fields without names.
var typeNames = []struct {
	name string
	t    wire.Type
}{
	{"bool", wire.Bool}, {"i8", wire.I8}, {"i16", wire.I16}, {"i32", wire.I32}, {"i64", wire.I64}, {"double", wire.Double},
	{"string", wire.String}, {"uuid", wire.UUID}, {"struct", wire.Struct}, {"list", wire.List}, {"set", wire.Set}, {"map", wire.Map},
}

func nameOf(t wire.Type) string {
	for _, n := range typeNames {
		if n.t == t {
			return n.name
		}
	}
	return ""
}

func typeOf(name string) (wire.Type, bool) {
	for _, n := range typeNames {
		if n.name == name {
			return n.t, true
		}
	}
	return 0, false
}

// AppendJSON appends fields, of which only the ids and types are known, to dst as JSON:
//
//	{"1": {"string": "root"}, "2": {"list<i32>": [1, 2]}, "3": {"map<i32,string>": [[1, "a"]]}, "4": {"struct": {"1": {"bool": true}}}}
//
// A string that is not UTF-8 is {"base64": "…"}. Elements that are containers have their type with them, as fields do.
func AppendJSON(dst []byte, fields wire.UnknownFields) ([]byte, error) {
	w := writer{src: append(fields[:len(fields):len(fields)], byte(wire.Stop)), out: dst}
	err := w.body(wire.MaxDepth)
	if err == nil && w.off != len(w.src) {
		err = wire.Errorf(w.off, wire.ErrInvalid, "more bytes after the fields")
	}
	return w.out, err
}

type writer struct {
	src []byte
	off int
	out []byte
}

func (w *writer) take(n int) ([]byte, error) {
	if n < 0 || len(w.src)-w.off < n {
		return nil, wire.Truncated(len(w.src))
	}
	b := w.src[w.off : w.off+n]
	w.off += n
	return b, nil
}

func (w *writer) add(text string) { w.out = append(w.out, text...) }

// body writes the fields of a struct up to its stop.
func (w *writer) body(depth int) error {
	if depth == 0 {
		return wire.TooDeep(w.off)
	}
	w.add("{")
	for i := 0; ; i++ {
		t, err := w.take(1)
		if err != nil {
			return err
		}
		if wire.Type(t[0]) == wire.Stop {
			w.add("}")
			return nil
		}
		id, err := w.take(2)
		if err != nil {
			return err
		}
		if i > 0 {
			w.add(",")
		}
		w.add(`"` + strconv.Itoa(int(int16(binary.BigEndian.Uint16(id)))) + `":`)
		if err := w.typed(wire.Type(t[0]), depth); err != nil {
			return err
		}
	}
}

// typed writes a value with its type.
func (w *writer) typed(t wire.Type, depth int) error {
	switch t {
	case wire.List, wire.Set:
		return w.list(t, depth)
	case wire.Map:
		return w.entries(depth)
	}
	name := nameOf(t)
	if name == "" {
		return wire.Errorf(w.off, wire.ErrInvalid, "%v", t)
	}
	w.add(`{"` + name + `":`)
	err := w.value(t, depth)
	w.add("}")
	return err
}

// value writes a value whose type has been told; that of a container tells it itself.
func (w *writer) value(t wire.Type, depth int) error {
	switch t {
	case wire.Struct:
		return w.body(depth - 1)
	case wire.List, wire.Set, wire.Map:
		return w.typed(t, depth)
	case wire.String:
		text, next, err := wirebinary.ConsumeBytes(w.src, w.off)
		if err != nil {
			return err
		}
		w.off = next
		if utf8.Valid(text) {
			w.out = jsontext.AppendString(w.out, string(text))
		} else {
			w.add(`{"base64":"` + base64.StdEncoding.EncodeToString(text) + `"}`)
		}
		return nil
	}
	b, err := w.take(fixedSize(t))
	if err != nil {
		return err
	}
	switch t {
	case wire.Bool:
		w.out = strconv.AppendBool(w.out, b[0] != 0)
	case wire.I8:
		w.out = strconv.AppendInt(w.out, int64(int8(b[0])), 10)
	case wire.I16:
		w.out = strconv.AppendInt(w.out, int64(int16(binary.BigEndian.Uint16(b))), 10)
	case wire.I32:
		w.out = strconv.AppendInt(w.out, int64(int32(binary.BigEndian.Uint32(b))), 10)
	case wire.I64:
		w.out = strconv.AppendInt(w.out, int64(binary.BigEndian.Uint64(b)), 10)
	case wire.Double:
		w.out = jsontext.AppendDouble(w.out, math.Float64frombits(binary.BigEndian.Uint64(b)))
	case wire.UUID:
		w.add(`"` + dynamic.FormatUUID([16]byte(b)) + `"`)
	default:
		return wire.Errorf(w.off, wire.ErrInvalid, "%v", t)
	}
	return nil
}

// fixedSize returns how many bytes a value of type t has; 0 if that depends, or if there is no such type.
func fixedSize(t wire.Type) int {
	switch t {
	case wire.Bool, wire.I8:
		return 1
	case wire.I16:
		return 2
	case wire.I32:
		return 4
	case wire.I64, wire.Double:
		return 8
	case wire.UUID:
		return 16
	}
	return 0
}

func (w *writer) list(t wire.Type, depth int) error {
	if depth == 0 {
		return wire.TooDeep(w.off)
	}
	h, err := w.take(5)
	if err != nil {
		return err
	}
	elem, n := wire.Type(h[0]), int(int32(binary.BigEndian.Uint32(h[1:])))
	if nameOf(elem) == "" {
		if n != 0 {
			return wire.Errorf(w.off, wire.ErrInvalid, "elements of %v", elem)
		}
		elem = wire.Bool // an empty list may say anything
	}
	w.add(`{"` + nameOf(t) + "<" + nameOf(elem) + `>":[`)
	for i := range max(n, 0) {
		if i > 0 {
			w.add(",")
		}
		if err := w.value(elem, depth-1); err != nil {
			return err
		}
	}
	w.add("]}")
	return nil
}

func (w *writer) entries(depth int) error {
	if depth == 0 {
		return wire.TooDeep(w.off)
	}
	h, err := w.take(6)
	if err != nil {
		return err
	}
	key, elem, n := wire.Type(h[0]), wire.Type(h[1]), int(int32(binary.BigEndian.Uint32(h[2:])))
	if n == 0 && (nameOf(key) == "" || nameOf(elem) == "") { // compact's empty map has no types
		key, elem = wire.String, wire.String
	}
	if nameOf(key) == "" || nameOf(elem) == "" {
		return wire.Errorf(w.off, wire.ErrInvalid, "entries of %v and %v", key, elem)
	}
	w.add(`{"map<` + nameOf(key) + "," + nameOf(elem) + `>":[`)
	for i := range max(n, 0) {
		if i > 0 {
			w.add(",")
		}
		w.add("[")
		if err := w.value(key, depth-1); err != nil {
			return err
		}
		w.add(",")
		if err := w.value(elem, depth-1); err != nil {
			return err
		}
		w.add("]")
	}
	w.add("]}")
	return nil
}

// ParseJSON reads what AppendJSON writes. The error is a *fill.Error.
func ParseJSON(node *yaml.Node) (wire.UnknownFields, error) { return body(nil, node, wire.MaxDepth) }

func body(dst []byte, node *yaml.Node, depth int) ([]byte, error) {
	switch {
	case depth == 0:
		return nil, fill.Errorf(node, "nested too deep")
	case node.Kind != yaml.MappingNode:
		return nil, fill.Errorf(node, `want an object of fields by id, as in {"1": {"i32": 5}}`)
	}
	for i := 0; i < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		id, err := strconv.ParseInt(key.Value, 10, 16)
		if err != nil {
			return nil, fill.Errorf(key, "%q is not the id of a field", key.Value)
		}
		name, content, err := single(value)
		if err != nil {
			return nil, err
		}
		t, elems, err := parseType(content, name)
		if err != nil {
			return nil, err
		}
		dst = append(dst, byte(t), byte(id>>8), byte(id))
		if dst, err = appendTyped(dst, t, elems, content, depth); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// single returns the one member of an object.
func single(node *yaml.Node) (string, *yaml.Node, error) {
	if node.Kind != yaml.MappingNode || len(node.Content) != 2 {
		return "", nil, fill.Errorf(node, `want a value with its type, as in {"i32": 5}`)
	}
	return node.Content[0].Value, node.Content[1], nil
}

// parseType reads the name of a type, with those of elements.
func parseType(node *yaml.Node, name string) (t wire.Type, elems []wire.Type, err error) {
	base, rest, generic := strings.Cut(name, "<")
	t, ok := typeOf(base)
	want := map[wire.Type]int{wire.List: 1, wire.Set: 1, wire.Map: 2}[t]
	if generic {
		for e := range strings.SplitSeq(strings.TrimSuffix(rest, ">"), ",") {
			elem, known := typeOf(strings.TrimSpace(e))
			ok = ok && known
			elems = append(elems, elem)
		}
	}
	if !ok || len(elems) != want || generic && !strings.HasSuffix(rest, ">") {
		return 0, nil, fill.Errorf(node, "%q is not a type (known: bool, i8, i16, i32, i64, double, string, uuid, struct, list<T>, set<T>, map<K,V>)", name)
	}
	return t, elems, nil
}

func appendTyped(dst []byte, t wire.Type, elems []wire.Type, node *yaml.Node, depth int) ([]byte, error) {
	if len(elems) == 0 {
		return appendValue(dst, t, node, depth)
	}
	if depth == 0 {
		return nil, fill.Errorf(node, "nested too deep")
	}
	if node.Kind != yaml.SequenceNode {
		return nil, fill.Errorf(node, "want an array")
	}
	for _, e := range elems {
		dst = append(dst, byte(e))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(node.Content)))
	var err error
	for _, child := range node.Content {
		parts := []*yaml.Node{child}
		if t == wire.Map {
			if parts = child.Content; child.Kind != yaml.SequenceNode || len(parts) != 2 {
				return nil, fill.Errorf(child, "want an entry [key, value]")
			}
		}
		for i, part := range parts {
			if dst, err = appendValue(dst, elems[i], part, depth-1); err != nil {
				return nil, err
			}
		}
	}
	return dst, nil
}

func appendValue(dst []byte, t wire.Type, node *yaml.Node, depth int) ([]byte, error) {
	number := func(bits int) (int64, error) {
		n, err := strconv.ParseInt(node.Value, 10, bits)
		if err != nil || node.Kind != yaml.ScalarNode {
			return 0, fill.Errorf(node, "want an %s, got %s", nameOf(t), shown(node))
		}
		return n, nil
	}
	switch t {
	case wire.Struct:
		dst, err := body(dst, node, depth-1)
		return append(dst, byte(wire.Stop)), err
	case wire.List, wire.Set, wire.Map:
		name, content, err := single(node)
		if err != nil {
			return nil, err
		}
		inner, elems, err := parseType(content, name)
		if err == nil && inner != t {
			err = fill.Errorf(content, "want a %s, got %s", nameOf(t), name)
		}
		if err != nil {
			return nil, err
		}
		return appendTyped(dst, inner, elems, content, depth-1)
	case wire.Bool:
		if node.ShortTag() != "!!bool" {
			return nil, fill.Errorf(node, "want true or false, got %s", shown(node))
		}
		if strings.EqualFold(node.Value, "true") {
			return append(dst, 1), nil
		}
		return append(dst, 0), nil
	case wire.I8:
		n, err := number(8)
		return append(dst, byte(n)), err
	case wire.I16:
		n, err := number(16)
		return binary.BigEndian.AppendUint16(dst, uint16(n)), err
	case wire.I32:
		n, err := number(32)
		return binary.BigEndian.AppendUint32(dst, uint32(n)), err
	case wire.I64:
		n, err := number(64)
		return binary.BigEndian.AppendUint64(dst, uint64(n)), err
	case wire.Double:
		f, err := strconv.ParseFloat(node.Value, 64)
		if err != nil || node.Kind != yaml.ScalarNode {
			return nil, fill.Errorf(node, "want a double, got %s", shown(node))
		}
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(f)), nil
	case wire.UUID:
		v, err := dynamic.ParseUUID(node.Value)
		if err != nil {
			return nil, fill.Errorf(node, "%v", err)
		}
		id := v.UUID()
		return append(dst, id[:]...), nil
	}
	if node.Kind == yaml.MappingNode {
		name, content, err := single(node)
		text, bad := base64.StdEncoding.DecodeString(content64(content))
		if err != nil || name != "base64" || bad != nil {
			return nil, fill.Errorf(node, `want a string or {"base64": "…"}`)
		}
		return wirebinary.AppendBytes(dst, text), nil
	}
	if node.ShortTag() != "!!str" {
		return nil, fill.Errorf(node, "want a string, got %s", shown(node))
	}
	return wirebinary.AppendString(dst, node.Value), nil
}

func content64(node *yaml.Node) string {
	if node == nil || node.Kind != yaml.ScalarNode {
		return "?" // which is not base64
	}
	return node.Value
}

func shown(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "an object"
	case yaml.SequenceNode:
		return "an array"
	}
	return fmt.Sprintf("%.40q", node.Value)
}
