package plan

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// A Mismatch is one reason why a Go type cannot stand for a schema type.
type Mismatch = schema.Mismatch

type structKey struct{ t reflect.Type }

// result is what a memo holds: a finished plan, or why there is none.
type result struct {
	typ *Type
	st  *Struct
	err error
}

// For returns the plan for values of the Go struct type t as desc. The error joins a
// *Mismatch for everything that does not fit.
func For(t reflect.Type, desc *schema.Struct) (*Struct, error) {
	r := desc.Type().Memo(structKey{t}, func() any {
		c := newCompiler()
		s := c.structPlan(t, desc, GoName(t))
		return c.finish(result{st: s})
	}).(result)
	return r.st, r.err
}

// ForType returns the plan for values of the Go type t as st; see For.
func ForType(t reflect.Type, st *schema.Type) (*Type, error) {
	r := st.Memo(t, func() any { // any other key would be allocated for each call
		c := newCompiler()
		typ := c.typePlan(t, st, site{idl: st.String(), goPath: t.String()})
		return c.finish(result{typ: typ})
	}).(result)
	return r.typ, r.err
}

// Tuple returns the plan for a struct made for the purpose, with one Go field of type types[i]
// for each desc.Fields[i]: the arguments or the reply of a method. In a reply the result, field
// id 0, is a pointer to the Go result. goPaths name the Go side in errors.
func Tuple(desc *schema.Struct, types []reflect.Type, goPaths []string) (*Struct, error) {
	fields := make([]reflect.StructField, len(types))
	for i, t := range types {
		fields[i] = reflect.StructField{Name: "F" + strconv.Itoa(i), Type: t}
	}
	goStruct := reflect.StructOf(fields)
	c := newCompiler()
	p := &Struct{Schema: desc, Go: goStruct, Unknown: -1}
	for i, f := range desc.Fields {
		at := site{pos: f.Pos, idl: desc.Name + "." + f.Name, goPath: goPaths[i]}
		typ := c.tupleType(types[i], f, desc.Kind, at)
		if typ == nil {
			continue
		}
		p.Fields = append(p.Fields, Field{ID: f.ID, Offset: goStruct.Field(i).Offset, Type: typ, Schema: f, Presence: presenceOf(typ, false)})
	}
	p.index()
	r := c.finish(result{st: p})
	return r.st, r.err
}

// tupleType is typePlan, but allows what stands for the result in a reply to be a pointer to
// any type that the result may have, a pointer as well: nil means that there is no result.
func (c *compiler) tupleType(t reflect.Type, f *schema.Field, kind schema.StructKind, at site) *Type {
	if kind != schema.Reply || f.ID != 0 {
		return c.typePlan(t, f.Type, at)
	}
	elem := c.typePlan(t.Elem(), f.Type, at)
	if elem == nil {
		return nil
	}
	p := c.newType(t, f.Type)
	p.Op, p.Elem = OpPointer, elem
	return p
}

// compiler holds one compilation: plans refer to each other in circles, so they are entered
// before they are complete, and published only when all are.
type compiler struct {
	structs map[structPair]*Struct
	types   map[reflect.Type]*Type // the first of each Go type
	errs    []error
}

type structPair struct {
	t    reflect.Type
	desc *schema.Struct
}

// site is where a type occurs, for messages.
type site struct {
	pos    schema.Position
	idl    string
	goPath string
}

func newCompiler() *compiler {
	return &compiler{structs: make(map[structPair]*Struct), types: make(map[reflect.Type]*Type)}
}

func (c *compiler) finish(r result) result {
	if len(c.errs) > 0 {
		return result{err: errors.Join(c.errs...)}
	}
	for k, s := range c.structs {
		k.desc.Type().Memo(structKey{k.t}, func() any { return result{st: s} })
	}
	return r
}

func (c *compiler) mismatch(at site, st *schema.Type, t reflect.Type, format string, args ...any) {
	m := &Mismatch{Pos: at.pos, IDL: at.idl, Go: at.goPath, Message: fmt.Sprintf(format, args...)}
	if st != nil && st.String() != at.idl {
		m.IDL += " (" + st.String() + ")"
	}
	if t != nil && GoName(t) != at.goPath {
		m.Go += " (" + t.String() + ")"
	}
	c.errs = append(c.errs, m)
}

var (
	unknownType   = reflect.TypeFor[wire.UnknownFields]()
	valueType     = reflect.TypeFor[dynamic.Value]()
	dynStructType = reflect.TypeFor[*dynamic.Struct]()
	dynListType   = reflect.TypeFor[*dynamic.List]()
	dynMapType    = reflect.TypeFor[*dynamic.Map]()
	fieldsType    = reflect.TypeFor[map[string]any]()
	anyType       = reflect.TypeFor[any]()
)

// goKinds has the Go kind of each schema kind that needs no more than that.
var goKinds = map[schema.Kind]struct {
	kind reflect.Kind
	op   Op
	hint string
}{
	schema.KindBool:   {reflect.Bool, OpBool, "bool"},
	schema.KindI8:     {reflect.Int8, OpI8, "int8"},
	schema.KindI16:    {reflect.Int16, OpI16, "int16"},
	schema.KindI32:    {reflect.Int32, OpI32, "int32"},
	schema.KindEnum:   {reflect.Int32, OpI32, "int32, or a type made of it"},
	schema.KindI64:    {reflect.Int64, OpI64, "int64"},
	schema.KindDouble: {reflect.Float64, OpDouble, "float64"},
}

func (c *compiler) newType(t reflect.Type, st *schema.Type) *Type {
	p := &Type{Wire: wire.TypeOf(st.Kind), Schema: st, Go: t, Size: t.Size(), sliceOf: reflect.SliceOf(t)}
	if p.same = c.types[t]; p.same == nil {
		p.same, p.slot = p, uint8(len(c.types)%slabTypes)
		c.types[t] = p
	}
	return p
}

// typePlan returns nil after it reported a mismatch.
func (c *compiler) typePlan(t reflect.Type, st *schema.Type, at site) *Type {
	p := c.shapePlan(t, st, at)
	if p != nil && p.IsDynamic() {
		p.Dyn = dynamicOf(st)
	}
	return p
}

func (c *compiler) shapePlan(t reflect.Type, st *schema.Type, at site) *Type {
	p := c.newType(t, st)
	switch t {
	case anyType:
		p.Op = OpAny
		return p
	case valueType:
		p.Op = OpValue
		return p
	}
	if t.Kind() == reflect.Pointer && t != dynStructType && t != dynListType && t != dynMapType {
		if e := t.Elem(); e.Kind() == reflect.Pointer && e != dynStructType && e != dynListType && e != dynMapType {
			c.mismatch(at, st, t, "pointer to a pointer")
			return nil
		}
		p.Op = OpPointer
		p.Elem = c.typePlan(t.Elem(), st, at)
		if p.Elem == nil {
			return nil
		}
		return p
	}
	if k, ok := goKinds[st.Kind]; ok {
		if t.Kind() != k.kind {
			c.mismatch(at, st, t, "the Go type must be %s", k.hint)
			return nil
		}
		p.Op = k.op
		return p
	}
	switch st.Kind {
	case schema.KindString, schema.KindBinary:
		switch {
		case t.Kind() == reflect.String:
			p.Op = OpString
			return p
		case isBytes(t):
			p.Op = OpBytes
			return p
		}
		c.mismatch(at, st, t, "the Go type must be string or []byte")
	case schema.KindUUID:
		if t.Kind() == reflect.Array && t.Len() == 16 && t.Elem().Kind() == reflect.Uint8 {
			p.Op = OpUUID
			return p
		}
		c.mismatch(at, st, t, "the Go type must be [16]byte")
	case schema.KindStruct:
		return c.structType(p, t, st, at)
	case schema.KindList, schema.KindSet:
		return c.listType(p, t, st, at)
	case schema.KindMap:
		return c.mapType(p, t, st, at)
	default:
		c.mismatch(at, st, t, "void has no Go type")
	}
	return nil
}

func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

func (c *compiler) structType(p *Type, t reflect.Type, st *schema.Type, at site) *Type {
	switch {
	case t == dynStructType:
		p.Op = OpDynStruct
		return p
	case t == fieldsType:
		p.Op = OpFields
		return p
	case t.Kind() != reflect.Struct:
		c.mismatch(at, st, t, "the Go type must be a struct, a pointer to one, *dynamic.Struct or map[string]any")
		return nil
	}
	p.Op = OpStruct
	p.Struct = c.structPlan(t, st.Struct, GoName(t))
	return p
}

func (c *compiler) listType(p *Type, t reflect.Type, st *schema.Type, at site) *Type {
	elemSite := site{at.pos, at.idl + "[]", at.goPath + "[]"}
	switch {
	case t == dynListType:
		p.Op = OpDynList
		return p
	case t.Kind() == reflect.Slice:
		p.Op = OpSlice
		p.Elem = c.typePlan(t.Elem(), st.Elem, elemSite)
	case t.Kind() == reflect.Map && st.Kind == schema.KindSet && t.Elem().Kind() == reflect.Struct && t.Elem().NumField() == 0:
		p.Op = OpSetMap
		p.Elem = c.keyPlan(t.Key(), st.Elem, elemSite, "a slice for the set")
	case st.Kind == schema.KindSet:
		c.mismatch(at, st, t, "the Go type must be a slice, or a map with elements struct{}")
	default:
		c.mismatch(at, st, t, "the Go type must be a slice")
	}
	if p.Elem == nil {
		return nil
	}
	return p
}

func (c *compiler) mapType(p *Type, t reflect.Type, st *schema.Type, at site) *Type {
	if t == dynMapType {
		p.Op = OpDynMap
		return p
	}
	keySite, elemSite := site{at.pos, at.idl + "{key}", at.goPath + "{key}"}, site{at.pos, at.idl + "{value}", at.goPath + "{value}"}
	if key, value, ok := entryOf(t); ok {
		p.Op, p.KeyAt, p.ValueAt = OpEntries, key.Offset, value.Offset
		p.Entry = c.newType(t.Elem(), st)
		p.Key, p.Elem = c.typePlan(key.Type, st.Key, keySite), c.typePlan(value.Type, st.Elem, elemSite)
		if p.Key == nil || p.Elem == nil {
			return nil
		}
		return p
	}
	if t.Kind() != reflect.Map {
		c.mismatch(at, st, t, "the Go type must be a map, or a slice of structs of a Key and a Value")
		return nil
	}
	p.Op = OpMap
	p.Key = c.keyPlan(t.Key(), st.Key, keySite, "a slice of structs of a Key and a Value for the map")
	p.Elem = c.typePlan(t.Elem(), st.Elem, elemSite)
	if p.Key == nil || p.Elem == nil {
		return nil
	}
	if p.Map = mapTypeOf(t); t.Elem().Kind() == reflect.Pointer && p.Elem.Op != OpPointer {
		p.Map = OtherMap // a *dynamic.Map is not read as what it points to
	}
	return p
}

// entryOf returns the fields of the entries, if t is a slice of such: structs of two fields called
// Key and Value. A map whose keys Go cannot compare is one of these.
func entryOf(t reflect.Type) (key, value reflect.StructField, ok bool) {
	if t.Kind() != reflect.Slice || t.Elem().Kind() != reflect.Struct || t.Elem().NumField() != 2 {
		return key, value, false
	}
	key, isKey := t.Elem().FieldByName("Key")
	value, isValue := t.Elem().FieldByName("Value")
	return key, value, isKey && isValue
}

// keyPlan is typePlan for what must be comparable by value: pointers would make every key of
// a message a different one, and an interface might hold what cannot be compared. other is the Go type
// that holds such keys.
func (c *compiler) keyPlan(t reflect.Type, st *schema.Type, at site, other string) *Type {
	if !isPlain(t) {
		c.mismatch(at, st, t, "a key must be compared by its value: use a plain type, or %s", other)
		return nil
	}
	return c.typePlan(t, st, at)
}

// isPlain reports whether == compares values of t by all that is in them.
func isPlain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.UnsafePointer:
		return false
	case reflect.Array:
		return isPlain(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !isPlain(t.Field(i).Type) {
				return false
			}
		}
	}
	return true
}

// structPlan pairs the fields of a Go struct with those of desc.
func (c *compiler) structPlan(t reflect.Type, desc *schema.Struct, goPath string) *Struct {
	pair := structPair{t, desc}
	if s, ok := c.structs[pair]; ok {
		return s
	}
	p := &Struct{Schema: desc, Go: t, Unknown: -1, Union: desc.Kind == schema.Union}
	c.structs[pair] = p
	at := site{pos: desc.Pos, idl: desc.Kind.String() + " " + desc.Name, goPath: goPath}
	if t.Kind() != reflect.Struct {
		c.mismatch(at, nil, t, "the Go type must be a struct")
		return p
	}
	p.Codec = codecOf(t, desc)
	matched := make(map[*schema.Field]reflect.StructField)
	names := &fieldNames{desc: desc}
	for _, gf := range reflect.VisibleFields(t) {
		if len(gf.Index) > 1 || !gf.IsExported() || gf.Tag.Get("thrift") == "-" {
			continue
		}
		if gf.Type == unknownType {
			p.Unknown = int(gf.Offset)
			continue
		}
		c.matchField(matched, names, gf, at)
	}
	for _, f := range desc.Fields {
		gf, ok := matched[f]
		switch {
		case ok:
			c.field(p, f, gf, goPath)
		case p.Unknown < 0:
			c.mismatch(site{f.Pos, desc.Name + "." + f.Name, goPath}, f.Type, t,
				"the Go struct has no field for it (a field of type wire.UnknownFields would keep what has none)")
		}
	}
	p.index()
	return p
}

const useCodecs = true // false: structs that write and read themselves are interpreted as others

// codecOf asks a Go struct whether it writes and reads itself, for just this schema.
func codecOf(t reflect.Type, desc *schema.Struct) *thriftimpl.Codec {
	g, ok := reflect.Zero(reflect.PointerTo(t)).Interface().(thriftimpl.Generated)
	if !useCodecs || !ok {
		return nil
	}
	c := g.ThriftCodec()
	if c == nil {
		return nil
	}
	if own := c.Schema(); own != desc && own.Fingerprint() != desc.Fingerprint() {
		return nil
	}
	return c
}

func (c *compiler) matchField(matched map[*schema.Field]reflect.StructField, names *fieldNames, gf reflect.StructField, at site) {
	name, _ := splitTag(gf)
	f, err := names.find(name, gf.Name)
	goAt := site{at.pos, at.idl, at.goPath + "." + gf.Name}
	if err != "" {
		c.mismatch(goAt, nil, gf.Type, "%s", err)
		return
	}
	if other, ok := matched[f]; ok {
		c.mismatch(goAt, nil, gf.Type, "field %s stands for %s already", other.Name, f.Name)
		return
	}
	matched[f] = gf
}

func splitTag(gf reflect.StructField) (name string, omitzero bool) {
	name, opts, _ := strings.Cut(gf.Tag.Get("thrift"), ",")
	return name, opts == "omitzero"
}

// fieldNames finds the fields of a struct by what Go calls them.
type fieldNames struct {
	desc   *schema.Struct
	folded map[string][]*schema.Field // made when first needed
}

// find returns the field for a Go field: by the tag's name or id, else by the same name, else by the one name that differs in case
// and underscores only.
func (n *fieldNames) find(tag, goName string) (*schema.Field, string) {
	if tag != "" {
		if f := n.desc.Field(tag); f != nil {
			return f, ""
		}
		if id, err := strconv.ParseInt(tag, 10, 16); err == nil {
			if f := n.desc.FieldByID(int16(id)); f != nil {
				return f, ""
			}
		}
		return nil, fmt.Sprintf("its tag names %q, which the IDL does not have", tag)
	}
	if f := n.desc.Field(goName); f != nil {
		return f, ""
	}
	if n.folded == nil {
		n.folded = make(map[string][]*schema.Field, len(n.desc.Fields))
		for _, f := range n.desc.Fields {
			key := FoldName(f.Name)
			n.folded[key] = append(n.folded[key], f)
		}
	}
	switch found := n.folded[FoldName(goName)]; len(found) {
	case 0:
		return nil, "the IDL has no such field: use a tag such as `thrift:\"name\"` for another name, or `thrift:\"-\"` to leave it out"
	case 1:
		return found[0], ""
	default:
		return nil, fmt.Sprintf("it could be %s or %s: use a tag such as `thrift:%q`", found[0].Name, found[1].Name, found[1].Name)
	}
}

// SameName reports whether an IDL name and a Go name are the same, ignoring case and underscores.
func SameName(idl, goName string) bool { return FoldName(idl) == FoldName(goName) }

// GoName returns the name of t for messages, short for structs that have none: theirs are as long as they are.
func GoName(t reflect.Type) string {
	if t.Kind() == reflect.Struct && t.Name() == "" {
		return "struct"
	}
	return t.String()
}

// FoldName returns what names have in common that are the same, ignoring case and underscores.
func FoldName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '_':
			return -1
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case r < utf8.RuneSelf:
			return r
		}
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return unicode.ToLower(least)
	}, name)
}

func (c *compiler) field(p *Struct, f *schema.Field, gf reflect.StructField, goPath string) {
	at := site{f.Pos, p.Schema.Name + "." + f.Name, goPath + "." + gf.Name}
	typ := c.typePlan(gf.Type, f.Type, at)
	if typ == nil {
		return
	}
	_, omitzero := splitTag(gf)
	mayBeUnset := p.Union || f.Requiredness == schema.Optional
	presence := presenceOf(typ, mayBeUnset)
	switch {
	case presence == Always && omitzero && !p.Union:
		presence = NotZero
	case presence == Always && mayBeUnset:
		hint := "use a pointer, or the tag `thrift:\",omitzero\"` if the zero value may mean unset"
		if p.Union {
			hint = "use a pointer"
		}
		c.mismatch(at, f.Type, gf.Type, "%s", "the Go type cannot tell whether it is set: "+hint)
		return
	}
	p.Fields = append(p.Fields, Field{ID: f.ID, Offset: gf.Offset, Type: typ, Schema: f, Presence: presence})
}

// presenceOf is the rule of the package comment of schema for Go values.
func presenceOf(t *Type, mayBeUnset bool) Presence {
	switch t.Op {
	case OpPointer, OpDynStruct, OpDynList, OpDynMap, OpAny, OpFields:
		return NotNil
	case OpValue:
		return NotUnset
	case OpMap, OpSetMap:
		if mayBeUnset {
			return NotNil
		}
	case OpSlice, OpBytes, OpEntries:
		if mayBeUnset {
			return NotNilList
		}
	}
	return Always
}

const denseIDs = 256

// room is how many bytes the value of a field takes at most, by op, in the protocols that are not
// text; of a string, its length.
var room = [...]int{
	OpBool: 1, OpI8: 1, OpI16: 3, OpI32: 5, OpI64: 10, OpDouble: 8, OpString: 5, OpBytes: 5, OpUUID: 16, OpFields: 0,
}

const (
	headRoom = 4 // of the header of a field
	stopRoom = 8 // of the stop, stored as part of a word
)

// steps fills in what lets walkers do a field in one step.
func (s *Struct) steps() {
	s.Room = stopRoom
	s.Flat = true
	for i := len(s.Fields) - 1; i >= 0; i-- {
		f := &s.Fields[i]
		f.Value, f.Indirect = f.Type, f.Type.Op == OpPointer
		if f.Indirect {
			f.Value = f.Type.Elem
		}
		f.Op = f.Value.Op
		f.Head = uint32(f.Type.Wire)<<16 | uint32(uint16(f.ID))
		f.Rest = s.Room
		s.Flat = s.Flat && f.Type.Op <= OpUUID
		s.Room += headRoom + room[f.Op]
	}
}

func (s *Struct) index() {
	s.steps()
	s.absent = make([]uint64, (len(s.Fields)+63)/64)
	for i := range s.Fields {
		f := &s.Fields[i]
		if f.Schema.Requiredness == schema.Required || f.Schema.Default != nil && !s.Union {
			s.absent[i/64] |= 1 << (i % 64)
		}
		if f.ID >= 0 && f.ID < denseIDs {
			for int(f.ID) >= len(s.dense) {
				s.dense = append(s.dense, 0)
			}
			s.dense[f.ID] = int16(i + 1)
			continue
		}
		if s.sparse == nil {
			s.sparse = make(map[int16]int)
		}
		s.sparse[f.ID] = i
	}
	if len(s.absent) > 0 {
		s.Absent = s.absent[0]
	}
}
