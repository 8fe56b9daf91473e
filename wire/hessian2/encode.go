package hessian2

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/javamap"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// An Encoder appends the values of one message. Not for concurrent use.
type Encoder struct {
	dst     []byte
	maps    bool             // structs are maps, whatever their class
	classes []*schema.Struct // whose definitions have been written, by number; nil for those of others
	enums   map[*schema.Enum]int
	objects map[string]int // the definitions of other objects, by their bytes
	types   map[string]int // of lists and maps
}

// NewEncoder returns an Encoder that appends to dst, and owns it.
func NewEncoder(dst []byte) *Encoder { return &Encoder{dst: dst} }

// Bytes returns what has been written, after the bytes given to NewEncoder.
func (e *Encoder) Bytes() []byte { return e.dst }

// AsMaps makes structs travel as maps by field name, with the name of their class, if they have one, under the key "class", and enums as
// names: as generic calls of Dubbo have them.
func (e *Encoder) AsMaps() { e.maps = true }

// Value writes the value of type t at v.
func (e *Encoder) Value(t *plan.Type, v mem.Pointer) error { return e.value(t, v, wire.MaxDepth) }

func (e *Encoder) value(t *plan.Type, v mem.Pointer, depth int) (err error) {
	switch t.Op {
	case plan.OpBool:
		e.dst = appendBool(e.dst, *mem.As[bool](v))
	case plan.OpI8:
		e.dst = appendInt(e.dst, int32(*mem.As[int8](v)))
	case plan.OpI16:
		e.dst = appendInt(e.dst, int32(*mem.As[int16](v)))
	case plan.OpI32:
		if t.Schema.Kind == schema.KindEnum {
			return e.enum(t.Schema.Enum, *mem.As[int32](v))
		}
		e.dst = appendInt(e.dst, *mem.As[int32](v))
	case plan.OpI64:
		e.dst = appendLong(e.dst, *mem.As[int64](v))
	case plan.OpDouble:
		e.dst = appendDouble(e.dst, *mem.As[float64](v))
	case plan.OpString:
		e.dst, err = appendString(e.dst, *mem.As[string](v))
	case plan.OpBytes:
		e.dst = appendBytes(e.dst, mem.String(*mem.As[[]byte](v)))
	case plan.OpUUID:
		e.uuid(*mem.As[[16]byte](v))
	case plan.OpPointer:
		if v = v.Load(); v.IsNil() {
			return thriftimpl.NilPointer(t.Schema.String())
		}
		return e.value(t.Elem, v, depth)
	case plan.OpStruct:
		return e.structure(t.Struct, v, depth)
	case plan.OpSlice:
		if depth == 0 {
			return wire.TooDeep(-1)
		}
		n, data := v.SliceLen(), v.SliceData()
		e.list(n)
		for i := range n {
			if err := e.value(t.Elem, data.Add(uintptr(i)*t.Elem.Size), depth-1); err != nil {
				return wire.InElement(err, i, "")
			}
		}
	case plan.OpSetMap:
		if depth == 0 {
			return wire.TooDeep(-1)
		}
		m := v.Value(t.Go)
		e.list(m.Len())
		key, i := reflect.New(t.Elem.Go), 0
		for iter := m.MapRange(); iter.Next(); i++ {
			key.Elem().SetIterKey(iter)
			if err := e.value(t.Elem, mem.Of(key), depth-1); err != nil {
				return wire.InElement(err, i, "")
			}
		}
	case plan.OpMap, plan.OpEntries:
		if depth == 0 {
			return wire.TooDeep(-1)
		}
		e.dst = append(e.dst, tagUntypedMap)
		if err := e.entries(t, v, depth-1); err != nil {
			return err
		}
		e.dst = append(e.dst, tagEnd)
	default:
		return e.dynamicAt(t, v, depth)
	}
	return err
}

// dynamicAt writes what is at v for a type without a Go type of its own.
func (e *Encoder) dynamicAt(t *plan.Type, v mem.Pointer, depth int) error {
	bound, at, err := t.Bound(v)
	switch {
	case err != nil:
		return err
	case bound != nil:
		return e.value(bound, at, depth)
	}
	x, err := t.Value(v)
	if err == nil && !x.IsSet() {
		err = wire.Errorf(-1, wire.ErrValue, "want %s, got nothing", t.Schema)
	}
	if err != nil {
		return err
	}
	return e.dynamic(t.Schema, x, depth)
}

// list begins a list of n elements.
func (e *Encoder) list(n int) {
	if n <= 7 {
		e.dst = append(e.dst, byte(0x78+n))
		return
	}
	e.dst = appendInt(append(e.dst, tagUntyped), int32(n))
}

func (e *Encoder) entry(t *plan.Type, key, elem mem.Pointer, i, depth int) error {
	if err := e.value(t.Key, key, depth); err != nil {
		return wire.InElement(err, i, "key")
	}
	if err := e.value(t.Elem, elem, depth); err != nil {
		return wire.InElement(err, i, "value")
	}
	return nil
}

func (e *Encoder) entries(t *plan.Type, v mem.Pointer, depth int) error {
	if t.Op == plan.OpEntries {
		n, data := v.SliceLen(), v.SliceData()
		for i := range n {
			at := data.Add(uintptr(i) * t.Entry.Size)
			if err := e.entry(t, at.Add(t.KeyAt), at.Add(t.ValueAt), i, depth); err != nil {
				return err
			}
		}
		return nil
	}
	switch t.Map {
	case plan.MapStringString:
		return entriesOf[string, string](e, t, v, depth)
	case plan.MapStringI32:
		return entriesOf[string, int32](e, t, v, depth)
	case plan.MapStringI64:
		return entriesOf[string, int64](e, t, v, depth)
	case plan.MapStringDouble:
		return entriesOf[string, float64](e, t, v, depth)
	case plan.MapStringPointer:
		return entriesOf[string, mem.Pointer](e, t, v, depth)
	case plan.MapI32String:
		return entriesOf[int32, string](e, t, v, depth)
	case plan.MapI32Pointer:
		return entriesOf[int32, mem.Pointer](e, t, v, depth)
	case plan.MapI64String:
		return entriesOf[int64, string](e, t, v, depth)
	case plan.MapI64I64:
		return entriesOf[int64, int64](e, t, v, depth)
	case plan.MapI64Pointer:
		return entriesOf[int64, mem.Pointer](e, t, v, depth)
	}
	key, elem, i := reflect.New(t.Key.Go), reflect.New(t.Elem.Go), 0
	for iter := v.Value(t.Go).MapRange(); iter.Next(); i++ {
		key.Elem().SetIterKey(iter)
		elem.Elem().SetIterValue(iter)
		if err := e.entry(t, mem.Of(key), mem.Of(elem), i, depth); err != nil {
			return err
		}
	}
	return nil
}

func entriesOf[K comparable, V any](e *Encoder, t *plan.Type, v mem.Pointer, depth int) error {
	x := new(struct {
		key  K
		elem V
	})
	i := 0
	for x.key, x.elem = range *mem.As[map[K]V](v) {
		if err := e.entry(t, mem.To(&x.key), mem.To(&x.elem), i, depth); err != nil {
			return err
		}
		i++
	}
	return nil
}

// object begins an object of the class of desc, and writes the definition before the first one.
func (e *Encoder) object(desc *schema.Struct, c *class) {
	n := slices.Index(e.classes, desc)
	if n < 0 {
		n = len(e.classes)
		e.classes = append(e.classes, desc)
		e.dst = append(e.dst, c.definition...)
	}
	e.instance(n)
}

func (e *Encoder) instance(n int) {
	if n <= 0x0f {
		e.dst = append(e.dst, byte(0x60+n))
		return
	}
	e.dst = appendInt(append(e.dst, tagObject), int32(n))
}

// open begins a struct, as an object or a map.
func (e *Encoder) open(desc *schema.Struct, c *class) (asMap bool) {
	if c.name != "" && !e.maps {
		e.object(desc, c)
		return false
	}
	e.dst = append(e.dst, tagUntypedMap)
	if c.name != "" {
		e.dst = appendText(appendText(e.dst, "class"), c.name)
	}
	return true
}

func (e *Encoder) structure(s *plan.Struct, v mem.Pointer, depth int) error {
	if depth == 0 {
		return wire.TooDeep(-1)
	}
	if err := s.CheckWritable(v); err != nil {
		return err
	}
	c := classOf(s.Schema)
	asMap := e.open(s.Schema, c)
	next := 0 // of the fields in an object
	for i := range s.Fields {
		f := &s.Fields[i]
		for ; !asMap && next < f.Schema.Index; next++ { // the Go struct lacks these
			e.dst = append(e.dst, tagNull)
		}
		next++
		if f.Presence != plan.Always && !f.IsSet(v) {
			if err := plan.Unset(s.Schema, f.Schema); err != nil {
				return err
			}
			if !asMap {
				e.dst = append(e.dst, tagNull)
			}
			continue
		}
		if asMap {
			e.dst = append(e.dst, c.keys[f.Schema.Index]...)
		}
		if err := e.value(f.Type, v.Add(f.Offset), depth-1); err != nil {
			return wire.InField(err, s.Schema.Name, f.Schema.Name, f.ID)
		}
	}
	for ; !asMap && next < len(s.Schema.Fields); next++ {
		e.dst = append(e.dst, tagNull)
	}
	return e.closeStruct(c, asMap, func() string { return exceptionText(s, v) })
}

// closeStruct ends what open began.
func (e *Encoder) closeStruct(c *class, asMap bool, text func() string) error {
	if asMap {
		e.dst = append(e.dst, tagEnd)
		return nil
	}
	for _, name := range c.throwable {
		if err := e.throwable(name, text); err != nil {
			return err
		}
	}
	return nil
}

// throwable writes a field of Throwable.
func (e *Encoder) throwable(name string, text func() string) (err error) {
	switch name {
	case messageField:
		e.dst, err = appendString(e.dst, strings.ToValidUTF8(text(), "\ufffd"))
	case "stackTrace": // null would do harm
		e.typed(0, "[java.lang.StackTraceElement")
	default:
		e.Null()
	}
	return err
}

// Exception writes an exception of a class that no struct of the schema has. Fields come before those of Throwable.
func (e *Encoder) Exception(class, text string, fields ...Field) error {
	var names []string
	for _, f := range fields {
		names = append(names, f.Name)
	}
	e.define(class, append(names, throwableFields...))
	for _, f := range fields {
		if err := e.Any(f.Value); err != nil {
			return err
		}
	}
	for _, name := range throwableFields {
		if err := e.throwable(name, func() string { return text }); err != nil {
			return err
		}
	}
	return nil
}

// Fields writes the fields of the struct at v one after the other, null for those that are unset: the arguments of a method.
func (e *Encoder) Fields(s *plan.Struct, v mem.Pointer) error {
	for i := range s.Fields {
		f := &s.Fields[i]
		if f.Presence != plan.Always && !f.IsSet(v) {
			e.Null()
			continue
		}
		if err := e.value(f.Type, v.Add(f.Offset), wire.MaxDepth); err != nil {
			return wire.InField(err, s.Schema.Name, f.Schema.Name, f.ID)
		}
	}
	return nil
}

// Dynamic writes a value of type t.
func (e *Encoder) Dynamic(t *schema.Type, v dynamic.Value) error {
	return e.dynamic(t, v, wire.MaxDepth)
}

// textFields are the fields of exceptions that say in words what is wrong.
var textFields = []string{"message", "msg", "why", "reason"}

// exceptionText returns what an exception says in words.
func exceptionText(s *plan.Struct, v mem.Pointer) string {
	for _, name := range textFields {
		for i := range s.Fields {
			f := &s.Fields[i]
			if f.Schema.Name != name || !f.IsSet(v) {
				continue
			}
			at, t := v.Add(f.Offset), f.Type
			if t.Op == plan.OpPointer {
				at, t = at.Load(), t.Elem
			}
			if t.Op == plan.OpString {
				return *mem.As[string](at)
			}
		}
	}
	return s.Schema.Name
}

// enum writes a value of an enum. A zero that has no name is what Go programs leave unset: null.
func (e *Encoder) enum(desc *schema.Enum, n int32) error {
	value := desc.ByNumber(n)
	switch {
	case value == nil && n == 0:
		e.Null()
		return nil
	case value == nil:
		return wire.Errorf(-1, wire.ErrValue, "enum %s has no value %d, and Java no enums without a name", desc.Name, n)
	}
	class := javamap.EnumClass(desc)
	if class == "" || e.maps {
		e.dst = appendText(e.dst, value.Name)
		return nil
	}
	at, ok := e.enums[desc]
	if !ok {
		at = len(e.classes)
		e.classes = append(e.classes, nil)
		if e.enums == nil {
			e.enums = make(map[*schema.Enum]int)
		}
		e.enums[desc] = at
		e.dst = appendText(appendInt(appendText(append(e.dst, tagClass), class), 1), "name")
	}
	e.instance(at)
	e.dst = appendText(e.dst, value.Name)
	return nil
}

// A uuid travels as Java's library of Dubbo has it; that of Hessian itself has two longs.
const (
	uuidClass = "java.util.UUID"
	uuidText  = "value"
	uuidHigh  = "mostSigBits"
	uuidLow   = "leastSigBits"
)

// uuid writes a uuid.
func (e *Encoder) uuid(id [16]byte) {
	if e.maps {
		e.dst = appendText(e.dst, dynamic.FormatUUID(id))
		return
	}
	e.define(uuidClass, []string{uuidText})
	e.dst = appendText(e.dst, dynamic.FormatUUID(id))
}

// define begins an object of a class that no struct of the schema has.
func (e *Encoder) define(name string, fields []string) {
	start := len(e.dst)
	e.dst = appendInt(appendText(append(e.dst, tagClass), name), int32(len(fields)))
	for _, f := range fields {
		e.dst = appendText(e.dst, f)
	}
	definition := e.dst[start:]
	n, ok := e.objects[string(definition)]
	if ok {
		e.dst = e.dst[:start]
	} else {
		n = len(e.classes)
		e.classes = append(e.classes, nil)
		if e.objects == nil {
			e.objects = make(map[string]int)
		}
		e.objects[string(definition)] = n
	}
	e.instance(n)
}

// dynamic writes a dynamic value.
func (e *Encoder) dynamic(t *schema.Type, v dynamic.Value, depth int) (err error) {
	switch t.Kind {
	case schema.KindBool:
		e.dst = appendBool(e.dst, v.Bool())
	case schema.KindI8, schema.KindI16, schema.KindI32:
		e.dst = appendInt(e.dst, int32(v.Int()))
	case schema.KindI64:
		e.dst = appendLong(e.dst, v.Int())
	case schema.KindDouble:
		e.dst = appendDouble(e.dst, v.Double())
	case schema.KindString:
		e.dst, err = appendString(e.dst, v.Text())
	case schema.KindBinary:
		e.dst = appendBytes(e.dst, v.Text())
	case schema.KindUUID:
		e.uuid(v.UUID())
	case schema.KindEnum:
		return e.enum(t.Enum, int32(v.Int()))
	case schema.KindStruct:
		return e.dynamicStruct(v.Struct(), depth)
	case schema.KindList, schema.KindSet:
		if depth == 0 {
			return wire.TooDeep(-1)
		}
		l := v.List()
		e.list(l.Len())
		for i := range l.Len() {
			if err := e.dynamic(t.Elem, l.At(i), depth-1); err != nil {
				return wire.InElement(err, i, "")
			}
		}
	case schema.KindMap:
		if depth == 0 {
			return wire.TooDeep(-1)
		}
		e.dst = append(e.dst, tagUntypedMap)
		for i, x := range v.Map().Entries() {
			if err := e.dynamic(t.Key, x.Key, depth-1); err != nil {
				return wire.InElement(err, i, "key")
			}
			if err := e.dynamic(t.Elem, x.Value, depth-1); err != nil {
				return wire.InElement(err, i, "value")
			}
		}
		e.dst = append(e.dst, tagEnd)
	}
	return err
}

func (e *Encoder) dynamicStruct(s *dynamic.Struct, depth int) error {
	if depth == 0 {
		return wire.TooDeep(-1)
	}
	if err := plan.CheckDynamic(s); err != nil {
		return err
	}
	desc := s.Schema()
	c := classOf(desc)
	asMap := e.open(desc, c)
	for i, f := range desc.Fields {
		v := s.At(i)
		if !v.IsSet() {
			if err := plan.Unset(desc, f); err != nil {
				return err
			}
			if !asMap {
				e.dst = append(e.dst, tagNull)
			}
			continue
		}
		if asMap {
			e.dst = append(e.dst, c.keys[i]...)
		}
		if err := e.dynamic(f.Type, v, depth-1); err != nil {
			return wire.InField(err, desc.Name, f.Name, f.ID)
		}
	}
	return e.closeStruct(c, asMap, func() string {
		for _, name := range textFields {
			if v := s.Get(name); v.Kind() == schema.KindString {
				return v.Text()
			}
		}
		return desc.Name
	})
}

// Raw writes a value as it is. It must not refer to anything before it, nor anything after it to what it defines.
func (e *Encoder) Raw(b []byte) { e.dst = append(e.dst, b...) }

// Null writes null.
func (e *Encoder) Null() { e.dst = append(e.dst, tagNull) }

// Any writes a value without a schema.
func (e *Encoder) Any(v any) error { return e.any(v, wire.MaxDepth) }

func (e *Encoder) any(v any, depth int) (err error) {
	switch v := v.(type) {
	case nil:
		e.Null()
	case bool:
		e.dst = appendBool(e.dst, v)
	case int32:
		e.dst = appendInt(e.dst, v)
	case int:
		e.dst = appendLong(e.dst, int64(v))
	case int64:
		e.dst = appendLong(e.dst, v)
	case float64:
		e.dst = appendDouble(e.dst, v)
	case string:
		e.dst, err = appendString(e.dst, v)
	case []byte:
		e.dst = appendBytes(e.dst, mem.String(v))
	case time.Time:
		e.dst = appendDate(e.dst, v.UnixMilli())
	case []string:
		e.typed(len(v), "[string")
		for _, s := range v {
			if e.dst, err = appendString(e.dst, s); err != nil {
				return err
			}
		}
	default:
		return e.composite(v, depth)
	}
	return err
}

// typed begins a list of n elements with a type.
func (e *Encoder) typed(n int, typ string) {
	if n <= 7 {
		e.dst = append(e.dst, byte(0x70+n))
		e.typeName(typ)
		return
	}
	e.dst = append(e.dst, tagListTyped)
	e.typeName(typ)
	e.dst = appendInt(e.dst, int32(n))
}

// typeName writes the type of a list or map: the name the first time, then its number.
func (e *Encoder) typeName(name string) {
	if n, ok := e.types[name]; ok {
		e.dst = appendInt(e.dst, int32(n))
		return
	}
	if e.types == nil {
		e.types = make(map[string]int)
	}
	e.types[name] = len(e.types)
	e.dst = appendText(e.dst, name)
}

func (e *Encoder) composite(v any, depth int) error {
	if depth == 0 {
		return wire.TooDeep(-1)
	}
	switch v := v.(type) {
	case []any:
		e.list(len(v))
		return e.items(v, depth-1)
	case *List:
		e.typed(len(v.Items), v.Type)
		return e.items(v.Items, depth-1)
	case *Map:
		if v.Type == "" {
			e.dst = append(e.dst, tagUntypedMap)
		} else {
			e.dst = append(e.dst, tagMap)
			e.typeName(v.Type)
		}
		for i, x := range v.Entries {
			if err := e.any(x.Key, depth-1); err != nil {
				return wire.InElement(err, i, "key")
			}
			if err := e.any(x.Value, depth-1); err != nil {
				return wire.InElement(err, i, "value")
			}
		}
		e.dst = append(e.dst, tagEnd)
		return nil
	case map[string]string:
		return stringMap(e, v, depth)
	case map[string]any:
		return stringMap(e, v, depth)
	case *Object:
		names := make([]string, len(v.Fields))
		for i, f := range v.Fields {
			names[i] = f.Name
		}
		e.define(v.Class, names)
		for _, f := range v.Fields {
			if err := e.any(f.Value, depth-1); err != nil {
				return wire.InField(err, v.Class, f.Name, 0)
			}
		}
		return nil
	}
	return wire.Errorf(-1, wire.ErrValue, "a %T has no form in Hessian", v)
}

func (e *Encoder) items(items []any, depth int) error {
	for i, x := range items {
		if err := e.any(x, depth); err != nil {
			return wire.InElement(err, i, "")
		}
	}
	return nil
}

// stringMap writes a map in the order of its keys.
func stringMap[V any](e *Encoder, m map[string]V, depth int) error {
	e.dst = append(e.dst, tagUntypedMap)
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if err := e.any(k, depth-1); err != nil {
			return wire.InElement(err, 0, fmt.Sprintf("key %.60q", k))
		}
		if err := e.any(m[k], depth-1); err != nil {
			return wire.InElement(err, 0, fmt.Sprintf("value of %.60q", k))
		}
	}
	e.dst = append(e.dst, tagEnd)
	return nil
}
