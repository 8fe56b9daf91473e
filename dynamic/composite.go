package dynamic

import (
	"errors"
	"iter"
	"slices"
	"strconv"

	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// A Struct is a value of a struct, union or exception, or the arguments of a method.
type Struct struct {
	desc    *schema.Struct
	vals    []Value // by Field.Index
	unknown wire.UnknownFields
}

// New returns a struct with all its fields unset. The peer reads the IDL's defaults for
// those that have one; SetDefaults fills them in here.
func New(desc *schema.Struct) *Struct {
	if s := alone(desc); s != nil {
		return s
	}
	return &Struct{desc: desc, vals: make([]Value, len(desc.Fields))}
}

// Schema returns the type of s.
func (s *Struct) Schema() *schema.Struct { return s.desc }

// Get returns the field called name; an unset Value if it is unset or there is none.
func (s *Struct) Get(name string) Value {
	if f := s.desc.Field(name); f != nil {
		return s.vals[f.Index]
	}
	return Value{}
}

// Has reports whether the field called name is set.
func (s *Struct) Has(name string) bool { return s.Get(name).IsSet() }

// At returns the field with index i of the schema's Fields.
func (s *Struct) At(i int) Value { return s.vals[i] }

// Set sets the field called name to v, which is converted as by [Of]; nil unsets it. The
// error names the field; s is unchanged then.
func (s *Struct) Set(name string, v any) error {
	f := s.desc.Field(name)
	if f == nil {
		return errors.New(noField(s.desc, strconv.Quote(name)))
	}
	x, err := Of(f.Type, v)
	if err != nil {
		return wire.InField(err, s.desc.Name, f.Name, f.ID)
	}
	s.vals[f.Index] = x
	return nil
}

// noField says that desc has no field of that name, which is quoted.
func noField(desc *schema.Struct, name string) string {
	if desc.Kind == schema.Arguments {
		return "method " + desc.Name + " has no parameter " + name
	}
	return desc.Kind.String() + " " + desc.Name + " has no field " + name
}

// SetAt sets the field with index i of the schema's Fields, or unsets it if v is unset.
// It fails if v does not fit.
func (s *Struct) SetAt(i int, v Value) error {
	f := s.desc.Fields[i]
	if v.IsSet() && !v.Fits(f.Type) {
		return wire.InField(misfit(f.Type, v.Kind().String()), s.desc.Name, f.Name, f.ID)
	}
	s.vals[i] = v
	return nil
}

// SetDefaults gives every unset field that has a default its default. In a union it does
// nothing: a default there says nothing about which member is set.
func (s *Struct) SetDefaults() {
	if s.desc.Kind == schema.Union {
		return
	}
	for i, f := range s.desc.Fields {
		if f.Default != nil && !s.vals[i].IsSet() {
			s.vals[i] = FromLiteral(f.Default)
		}
	}
}

// Fields ranges over the fields that are set, in the order of the IDL.
func (s *Struct) Fields() iter.Seq2[*schema.Field, Value] {
	return func(yield func(*schema.Field, Value) bool) {
		for i, v := range s.vals {
			if v.IsSet() && !yield(s.desc.Fields[i], v) {
				return
			}
		}
	}
}

// Slots returns the fields' values by Field.Index, for codecs: a codec that stores there
// answers for the fit of what it stores.
func (s *Struct) Slots() []Value { return s.vals }

// Unknown returns the fields that the sender knew and this schema does not.
func (s *Struct) Unknown() wire.UnknownFields { return s.unknown }

// SetUnknown replaces the unknown fields.
func (s *Struct) SetUnknown(u wire.UnknownFields) { s.unknown = u }

// A List is a value of a list or a set. A set's elements keep the order in which they came.
type List struct {
	typ  *schema.Type
	vals []Value
}

// NewList returns an empty list or set of type t.
func NewList(t *schema.Type) *List { return &List{typ: t} }

// MakeList returns a list or set of type t that owns vals, for codecs: the caller answers for
// their fit.
func MakeList(t *schema.Type, vals []Value) *List { return &List{typ: t, vals: vals} }

// Type returns the type of l.
func (l *List) Type() *schema.Type { return l.typ }

// Len returns the number of elements.
func (l *List) Len() int { return len(l.vals) }

// At returns element i.
func (l *List) At(i int) Value { return l.vals[i] }

// All ranges over the elements.
func (l *List) All() iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		for i, v := range l.vals {
			if !yield(i, v) {
				return
			}
		}
	}
}

// Append adds v, which is converted as by [Of].
func (l *List) Append(v any) error {
	x, err := Of(l.typ.Elem, v)
	if err == nil && !x.IsSet() {
		err = misfit(l.typ.Elem, "nothing")
	}
	if err != nil {
		return wire.InElement(err, len(l.vals), "")
	}
	l.vals = append(l.vals, x)
	return nil
}

// A Map is a value of a map. Entries keep the order in which they came, and a message may hold
// a key twice; the last one counts.
type Map struct {
	typ     *schema.Type
	entries []Entry
}

// An Entry is one key and its value.
type Entry struct{ Key, Value Value }

// NewMap returns an empty map of type t.
func NewMap(t *schema.Type) *Map { return &Map{typ: t} }

// MakeMap returns a map of type t that owns entries, for codecs: the caller answers for their fit.
func MakeMap(t *schema.Type, entries []Entry) *Map { return &Map{typ: t, entries: entries} }

// Type returns the type of m.
func (m *Map) Type() *schema.Type { return m.typ }

// Len returns the number of entries.
func (m *Map) Len() int { return len(m.entries) }

// Entries returns the entries in their order. The caller must not change the slice.
func (m *Map) Entries() []Entry { return m.entries }

// Get returns the value of key, and whether there is one. It takes time in proportion to Len.
func (m *Map) Get(key Value) (Value, bool) {
	if i := m.index(key); i >= 0 {
		return m.entries[i].Value, true
	}
	return Value{}, false
}

// index returns the position of the entry that counts for key, or -1.
func (m *Map) index(key Value) int {
	for i := len(m.entries) - 1; i >= 0; i-- {
		if Equal(m.entries[i].Key, key) {
			return i
		}
	}
	return -1
}

// Append adds an entry at the end, without regard to the others; key and value are converted as by
// [Of].
func (m *Map) Append(key, value any) error {
	e, err := m.entry(key, value, len(m.entries))
	if err == nil {
		m.entries = append(m.entries, e)
	}
	return err
}

// Set gives key the value: in its place if m has the key, else at the end. Both are converted as by
// [Of]; if one does not fit, the error says so and m is unchanged. It takes time in proportion to Len.
func (m *Map) Set(key, value any) error {
	e, err := m.entry(key, value, len(m.entries))
	if err != nil {
		return err
	}
	if i := m.index(e.Key); i >= 0 {
		m.entries[i].Value = e.Value
	} else {
		m.entries = append(m.entries, e)
	}
	return nil
}

// Delete removes every entry with that key, which is converted as by [Of], and reports whether
// there was one. A key that does not fit is in no map. It takes time in proportion to Len.
func (m *Map) Delete(key any) bool {
	k, err := Of(m.typ.Key, key)
	if err != nil {
		return false
	}
	n := len(m.entries)
	m.entries = slices.DeleteFunc(m.entries, func(e Entry) bool { return Equal(e.Key, k) })
	return len(m.entries) < n
}

// entry converts the parts of entry i.
func (m *Map) entry(key, value any, i int) (e Entry, err error) {
	e.Key, err = Of(m.typ.Key, key)
	if err == nil && !e.Key.IsSet() {
		err = misfit(m.typ.Key, "nothing")
	}
	if err != nil {
		return e, wire.InElement(err, i, "key")
	}
	e.Value, err = Of(m.typ.Elem, value)
	if err == nil && !e.Value.IsSet() {
		err = misfit(m.typ.Elem, "nothing")
	}
	if err != nil {
		return e, wire.InElement(err, i, "value")
	}
	return e, nil
}

// FromLiteral returns a constant as a Value; each call makes new composite values.
func FromLiteral(l *schema.Literal) Value {
	switch l.Type.Kind {
	case schema.KindBool:
		return Bool(l.Bool)
	case schema.KindI8, schema.KindI16, schema.KindI32, schema.KindI64, schema.KindEnum:
		return Value{kind: l.Type.Kind, num: uint64(l.Int)}
	case schema.KindDouble:
		return Double(l.Double)
	case schema.KindString:
		return String(l.Text)
	case schema.KindBinary:
		return Binary([]byte(l.Text))
	case schema.KindUUID:
		return UUID([16]byte([]byte(l.Text)))
	case schema.KindStruct:
		s := New(l.Type.Struct)
		for _, f := range l.Fields {
			s.vals[f.Field.Index] = FromLiteral(f.Value)
		}
		s.SetDefaults()
		return StructValue(s)
	case schema.KindList, schema.KindSet:
		vals := make([]Value, len(l.List))
		for i, e := range l.List {
			vals[i] = FromLiteral(e)
		}
		return ListValue(MakeList(l.Type, vals))
	case schema.KindMap:
		entries := make([]Entry, len(l.Map))
		for i, e := range l.Map {
			entries[i] = Entry{FromLiteral(e.Key), FromLiteral(e.Value)}
		}
		return MapValue(MakeMap(l.Type, entries))
	}
	return Value{}
}

// Zero returns what a value of type t is when nothing is known of it: false, 0, "", an empty
// container, the enum's first value (0 if it has none), a struct with its defaults and its
// required fields, a union with its first member.
func Zero(t *schema.Type) Value {
	switch t.Kind {
	case schema.KindVoid:
		return Value{}
	case schema.KindUUID:
		return UUID([16]byte{})
	case schema.KindEnum:
		if len(t.Enum.Values) > 0 {
			return Enum(t.Enum.Values[0].Number)
		}
		return Enum(0)
	case schema.KindStruct:
		left := maxZero
		return StructValue(zeroStruct(t.Struct, wire.MaxDepth, &left))
	case schema.KindList, schema.KindSet:
		return ListValue(NewList(t))
	case schema.KindMap:
		return MapValue(NewMap(t))
	}
	return Value{kind: t.Kind}
}

// maxZero bounds the structs of one zero value: structs that require each other twice double
// at every level.
const maxZero = 1000

// zeroStruct fills what must be there: defaults, required fields, one member of a union. left
// is how many more structs may be made.
func zeroStruct(desc *schema.Struct, depth int, left *int) *Struct {
	s := New(desc)
	s.SetDefaults()
	*left--
	if depth == 0 || *left <= 0 {
		return s
	}
	for i, f := range desc.Fields {
		first := desc.Kind == schema.Union && i == 0
		if s.vals[i].IsSet() || !first && f.Requiredness != schema.Required {
			continue
		}
		switch {
		case first && f.Default != nil:
			s.vals[i] = FromLiteral(f.Default)
		case f.Type.Kind == schema.KindStruct:
			s.vals[i] = StructValue(zeroStruct(f.Type.Struct, depth-1, left))
		default:
			s.vals[i] = Zero(f.Type)
		}
	}
	return s
}
