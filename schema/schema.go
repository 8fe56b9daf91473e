// Package schema describes a Thrift program after everything in it has been
// resolved: files, structs, enums, services, methods, types and constant values,
// linked to each other by pointers.
//
// Descriptors are plain structs. They come from [github.com/thriftkit/thriftkit/idl/compile]
// for IDL text, or are composed by hand; either way [Link] checks a file and builds its
// indexes. After Link returns nil, the file and all it reaches are immutable: nothing in
// this module writes to them, a program must not either, and any number of goroutines may
// read them.
//
// The package knows neither text nor bytes: a program with an embedded schema links no parser.
//
// # Set, unset and default
//
// One rule holds for bound Go types and for dynamic values, and is met by the code which
// Apache Thrift generates as well as by thriftpy2:
//
//	                     writing                          reading, when the field is absent
//	required             must be set, always written      its default, else an error
//	optional             written when set                 its default, else unset
//	(no requiredness)    written when set                 its default, else unset
//
// A field that is set is written even when it equals its default. A field that took its
// default while it was read counts as set. In a Go struct a nil pointer, and in an optional
// field a nil slice or nil map, is unset; every other Go value is set, so a nil slice in a
// field without requiredness is written as an empty list. In a dynamic struct a field is
// unset until it is assigned. A union must have exactly one member set to be written, or one that is unknown; none
// is accepted when reading, because the peer may know members that this schema does not,
// and more than one is an error.
package schema

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/thriftkit/thriftkit/internal/edits"
)

// A Position is a place in IDL text. The zero Position means "not from text".
type Position struct {
	File   string // path as given to the compiler
	Line   int    // from 1
	Column int    // from 1, in bytes
}

// IsValid reports whether p names a place.
func (p Position) IsValid() bool { return p.Line > 0 }

// String returns "file:line:col", or "" for the zero Position.
func (p Position) String() string {
	if !p.IsValid() {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
}

// An Annotation is one (name = "value") pair in the order of the text.
type Annotation struct {
	Name  string
	Value string // "1" where the text gives none, as Apache Thrift has it
}

// Annotations are the annotations of one element; a name may repeat.
type Annotations []Annotation

// Get returns the value of the first annotation called name, and whether there is one.
func (a Annotations) Get(name string) (string, bool) {
	for _, x := range a {
		if x.Name == name {
			return x.Value, true
		}
	}
	return "", false
}

// Meta is what every named element carries besides its meaning.
type Meta struct {
	Doc         string // comments that document it, without their marks, each line ended by "\n"; "" if none
	Annotations Annotations
	Pos         Position // of the element's name
}

// A File is one Thrift program.
type File struct {
	Path       string // as given to the compiler; the identity of the file
	Name       string // base name without ".thrift": the prefix under which others see it
	Doc        string // the documentation of the file itself
	Includes   []*Include
	Namespaces []Namespace
	Typedefs   []*Typedef
	Constants  []*Constant
	Enums      []*Enum
	Structs    []*Struct // structs, unions and exceptions, in the order of the text
	Services   []*Service

	names     map[string]any       // every type and service by its name, built by Link
	constants map[string]*Constant // they have names of their own: a struct may be called like one
}

// An Include is one include directive.
type Include struct {
	Path string // as written
	File *File
	Pos  Position
}

// A Namespace is one namespace directive; the last one of a scope counts.
type Namespace struct {
	Scope string // target language, "*" for all
	Name  string
	Meta
}

// Namespace returns the namespace for scope, else the one for "*", else "".
func (f *File) Namespace(scope string) string {
	name := ""
	for _, n := range f.Namespaces {
		if n.Scope == scope {
			name = n.Name
		}
	}
	if name == "" && scope != "*" {
		return f.Namespace("*")
	}
	return name
}

// Service returns the service called name, also "include.Name", or nil.
func (f *File) Service(name string) *Service { s, _ := f.Lookup(name).(*Service); return s }

// MustService is Service for programs that cannot go on without it: it panics if f declares no such
// service, and says which name was probably meant.
func (f *File) MustService(name string) *Service {
	if s := f.Service(name); s != nil {
		return s
	}
	names := make([]string, 0, len(f.Services))
	for _, s := range f.Services {
		names = append(names, s.Name)
	}
	hint := fmt.Sprintf("it declares %s", strings.Join(names, ", "))
	if len(names) == 0 {
		hint = "it declares none"
	} else if near := edits.Nearest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	panic(fmt.Sprintf("%s: no service %q: %s", f.Path, name, hint))
}

// Struct returns the struct, union or exception called name, also "include.Name", or nil.
func (f *File) Struct(name string) *Struct { s, _ := f.Lookup(name).(*Struct); return s }

// Enum returns the enum called name, also "include.Name", or nil.
func (f *File) Enum(name string) *Enum { e, _ := f.Lookup(name).(*Enum); return e }

// Constant returns the constant called name, also "include.Name", or nil.
func (f *File) Constant(name string) *Constant {
	c, _ := f.lookup(name, func(f *File, name string) any {
		if c, ok := f.constants[name]; ok {
			return c
		}
		return nil
	}).(*Constant)
	return c
}

// Typedef returns the typedef called name, also "include.Name", or nil.
func (f *File) Typedef(name string) *Typedef { t, _ := f.Lookup(name).(*Typedef); return t }

// Lookup returns the definition called name: a *Struct, *Enum, *Service, *Typedef or
// *Constant, or nil. A name of the form "include.Name" is looked up in that include, and so
// on for its includes. A constant may share its name with another definition; Lookup returns
// the other one, and Constant the constant.
func (f *File) Lookup(name string) any {
	return f.lookup(name, func(f *File, name string) any {
		if d, ok := f.names[name]; ok {
			return d
		}
		if c, ok := f.constants[name]; ok {
			return c
		}
		return nil
	})
}

// lookup finds name by own, a look-up in one file, in f or in what f includes.
func (f *File) lookup(name string, own func(f *File, name string) any) any {
	if f == nil {
		return nil
	}
	if d := own(f, name); d != nil {
		return d
	}
	if strings.IndexByte(name, '.') < 0 {
		return nil
	}
	// A file name may have dots, and two includes may have one name: all that fit are asked.
	for _, inc := range f.Includes {
		if inc.File == nil {
			continue
		}
		rest, ok := strings.CutPrefix(name, inc.File.Name+".")
		if !ok {
			continue
		}
		if d := inc.File.lookup(rest, own); d != nil {
			return d
		}
	}
	return nil
}

// A Kind says what values a Type has. Typedefs are resolved: no Kind stands for them.
type Kind uint8

// The kinds. KindVoid is the result of a method that returns nothing.
const (
	KindVoid Kind = iota
	KindBool
	KindI8
	KindI16
	KindI32
	KindI64
	KindDouble
	KindString
	KindBinary
	KindUUID
	KindEnum
	KindStruct // struct, union or exception
	KindList
	KindSet
	KindMap
)

var kindNames = [...]string{"void", "bool", "i8", "i16", "i32", "i64", "double", "string", "binary", "uuid", "enum", "struct", "list", "set", "map"}

// String returns the IDL's word for k; "enum" and "struct" where the IDL would use a name.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind(" + strconv.Itoa(int(k)) + ")"
}

// A Type is the type of a field, an element or a result.
type Type struct {
	Kind    Kind
	Key     *Type    // of a map
	Elem    *Type    // of a list, set or map
	Struct  *Struct  // of KindStruct
	Enum    *Enum    // of KindEnum
	Typedef *Typedef // the alias by which the text named the type; nil if it named it directly

	Annotations Annotations

	memo   sync.Map
	recent atomic.Pointer[memo]
}

// Base returns a new Type of a kind that needs nothing else: void, bool, the numbers,
// string, binary, uuid.
func Base(k Kind) *Type { return &Type{Kind: k} }

// ListOf returns the type list<elem>.
func ListOf(elem *Type) *Type { return &Type{Kind: KindList, Elem: elem} }

// SetOf returns the type set<elem>.
func SetOf(elem *Type) *Type { return &Type{Kind: KindSet, Elem: elem} }

// MapOf returns the type map<key,elem>.
func MapOf(key, elem *Type) *Type { return &Type{Kind: KindMap, Key: key, Elem: elem} }

// String returns the type as the IDL writes it, by the alias where it has one.
func (t *Type) String() string {
	switch {
	case t == nil:
		return "void"
	case t.Typedef != nil:
		return t.Typedef.Name
	}
	switch t.Kind {
	case KindEnum:
		return t.Enum.Name
	case KindStruct:
		return t.Struct.Name
	case KindList, KindSet:
		return t.Kind.String() + "<" + t.Elem.String() + ">"
	case KindMap:
		return "map<" + t.Key.String() + "," + t.Elem.String() + ">"
	}
	return t.Kind.String()
}

// Memo returns what build returned for key the first time, and remembers it for the life
// of t. Packages keep there what they compile from a descriptor, so no cache outlives its
// schema. Two goroutines may both call build; they get the same result. key follows the
// rules of context.Context: use a type of your own.
func (t *Type) Memo(key any, build func() any) any {
	if m := t.recent.Load(); m != nil && m.key == key {
		return m.value
	}
	if v, ok := t.memo.Load(key); ok {
		if t.recent.Load() == nil {
			t.recent.Store(&memo{key, v})
		}
		return v
	}
	v, _ := t.memo.LoadOrStore(key, build())
	return v
}

// memo is what was asked for twice first: most types are asked for one thing again and again.
type memo struct{ key, value any }

// A Typedef is a second name for a type.
type Typedef struct {
	Name string
	File *File
	Type *Type // the target as written; its Kind is the resolved one
	Meta
}

// A Constant is a named value.
type Constant struct {
	Name  string
	File  *File
	Type  *Type
	Value *Literal
	Meta
}

// An Enum is a set of named 32-bit numbers. Values that it does not name are legal on the wire.
type Enum struct {
	Name   string
	File   *File
	Values []*EnumValue
	Meta

	typ      *Type
	byName   map[string]*EnumValue
	byNumber map[int32]*EnumValue
}

// An EnumValue is one name of an enum.
type EnumValue struct {
	Name   string
	Number int32
	Meta
}

// Type returns the type of e's values; always the same pointer once e is linked.
func (e *Enum) Type() *Type {
	if e.typ == nil {
		e.typ = &Type{Kind: KindEnum, Enum: e}
	}
	return e.typ
}

// ByName returns the value called name, or nil.
func (e *Enum) ByName(name string) *EnumValue { return e.byName[name] }

// ByNumber returns the first value with that number, or nil.
func (e *Enum) ByNumber(n int32) *EnumValue { return e.byNumber[n] }

// NameOf returns the name of n in e, or n itself in digits if it has none.
func (e *Enum) NameOf(n int32) string {
	if v := e.byNumber[n]; v != nil {
		return v.Name
	}
	return strconv.Itoa(int(n))
}

// NumberOf is the inverse of NameOf: it takes a name of e, or a number. The error tells of a text that
// is neither.
func (e *Enum) NumberOf(text string) (int32, error) {
	if v := e.byName[text]; v != nil {
		return v.Number, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, errors.New("enum " + e.Name + " has no value " + strconv.Quote(text))
	}
	return int32(n), nil
}

// A StructKind tells apart what shares the shape of a struct.
type StructKind uint8

// The kinds of Struct. Arguments and Reply are made by Link for each method; they appear in no file.
const (
	PlainStruct StructKind = iota
	Union
	Exception
	Arguments // of a method: its parameters
	Reply     // of a method: field 0 "success" and the declared exceptions
)

// String returns the IDL's keyword; "arguments" and "reply" for the kinds without one.
func (k StructKind) String() string {
	return [...]string{"struct", "union", "exception", "arguments", "reply"}[k]
}

// A Struct is a struct, union or exception, the arguments of a method, or its reply.
type Struct struct {
	Name   string
	Kind   StructKind
	File   *File
	Fields []*Field // in the order of declaration: the order on the wire, and of positional arguments
	Meta

	typ    *Type
	dense  []int16        // index+1 of the field with that id, for small ids
	sparse map[int16]int  // the others
	byName map[string]int // nil if the fields are few
}

// Type returns the type of s's values; always the same pointer once s is linked.
func (s *Struct) Type() *Type {
	if s.typ == nil {
		s.typ = &Type{Kind: KindStruct, Struct: s}
	}
	return s.typ
}

// Index returns the position in s.Fields of the field with that id, or -1.
func (s *Struct) Index(id int16) int {
	if uint(id) < uint(len(s.dense)) {
		return int(s.dense[id]) - 1
	}
	if i, ok := s.sparse[id]; ok {
		return i
	}
	return -1
}

// Field returns the field called name, or nil.
func (s *Struct) Field(name string) *Field {
	if i := s.fieldIndex(name, len(s.Fields)); i >= 0 {
		return s.Fields[i]
	}
	return nil
}

// fieldIndex returns the position among the first n fields of the one called name, or -1.
func (s *Struct) fieldIndex(name string, n int) int {
	if s.byName != nil {
		if i, ok := s.byName[name]; ok {
			return i
		}
		return -1
	}
	for i, f := range s.Fields[:n] {
		if f.Name == name {
			return i
		}
	}
	return -1
}

// FieldByID returns the field with that id, or nil.
func (s *Struct) FieldByID(id int16) *Field {
	if i := s.Index(id); i >= 0 {
		return s.Fields[i]
	}
	return nil
}

// Requiredness is what the IDL says about a field's presence; see the package comment.
type Requiredness uint8

// The three kinds of presence. Unspecified is a field for which the IDL says nothing.
const (
	Unspecified Requiredness = iota
	Required
	Optional
)

// String returns the IDL's keyword, "" for Unspecified.
func (r Requiredness) String() string { return [...]string{"", "required", "optional"}[r] }

// A Field is a member of a Struct.
type Field struct {
	ID           int16
	Name         string
	Type         *Type
	Requiredness Requiredness
	Default      *Literal // the default value; nil if none
	Reference    bool     // marked with &
	Index        int      // position in Struct.Fields, set by Link
	Meta
}

// A Service is a set of methods under one name.
type Service struct {
	Name    string
	File    *File
	Extends *Service
	Methods []*Method // its own, in the order of the text
	Meta

	byName map[string]*Method // with those of its ancestors
	all    []*Method
}

// Method returns the method called name, inherited ones included, or nil.
func (s *Service) Method(name string) *Method {
	if s == nil {
		return nil
	}
	return s.byName[name]
}

// AllMethods returns the methods of s and of all its ancestors, the ancestors' first.
// The caller must not change the slice.
func (s *Service) AllMethods() []*Method { return s.all }

// A StreamKind says which sides of a method send a stream of messages instead of one.
type StreamKind uint8

// The kinds of methods.
const (
	Unary        StreamKind = iota // one request, one reply; also a oneway method
	ClientStream                   // the client streams, the server replies once at the end
	ServerStream                   // one request, the server streams
	BidiStream                     // both stream
)

// ClientStreams reports whether the client sends a stream.
func (k StreamKind) ClientStreams() bool { return k == ClientStream || k == BidiStream }

// ServerStreams reports whether the server sends a stream.
func (k StreamKind) ServerStreams() bool { return k == ServerStream || k == BidiStream }

// String returns the word that Kitex's annotation streaming.mode has for k: "unary", "client",
// "server" or "bidirectional".
func (k StreamKind) String() string {
	return [...]string{"unary", "client", "server", "bidirectional"}[k]
}

// A Method is one function of a service.
//
// A method that streams comes from one of two forms of IDL. Kitex annotates a method of one
// parameter with (streaming.mode = "client"): the messages of a stream are then the values of
// that parameter, or of Result, and there is no request or reply besides. fbthrift has types of
// their own, as in
//
//	First, sink<Item throws ItemThrows, Result throws StreamThrows> method(Args) throws Throws
//	First, stream<Result throws StreamThrows> method(Args) throws Throws
//
// where the arguments open the call in any case and First, if there is one, answers them before
// the streams begin.
type Method struct {
	Name    string
	Service *Service // the service that declares it
	Oneway  bool
	Stream  StreamKind
	Args    *Struct  // Kind Arguments; Link names it "Service.method"
	Result  *Type    // of the reply, or of each message that the server streams; KindVoid for none
	Throws  []*Field // the declared exceptions

	First        *Type    // of the response before the streams; nil if there is none
	Item         *Type    // of each message that the client streams after Args; nil if its only argument is the message
	ItemThrows   []*Field // exceptions by which the client ends its stream
	StreamThrows []*Field // exceptions by which the server ends its stream, or answers that of the client
	Meta

	reply *Struct
}

// Reply returns the struct that answers m: field 0 "success" unless m is void, then the
// declared exceptions. It is built by Link.
func (m *Method) Reply() *Struct { return m.reply }

// ClientItem returns the type of each message that the client streams: Item, or the type of the
// only argument; nil if the client does not stream.
func (m *Method) ClientItem() *Type {
	switch {
	case !m.Stream.ClientStreams():
		return nil
	case m.Item == nil && len(m.Args.Fields) == 1:
		return m.Args.Fields[0].Type
	}
	return m.Item
}

// Sent returns the parameters that go with the call: Args, unless they are the message that the client streams.
func (m *Method) Sent() []*Field {
	if m.Stream.ClientStreams() && m.Item == nil {
		return nil
	}
	return m.Args.Fields
}

// ServerItem returns the type of each message that the server streams, which is Result; nil if
// the server does not stream.
func (m *Method) ServerItem() *Type {
	if m.Stream.ServerStreams() {
		return m.Result
	}
	return nil
}

// String returns "Service.method".
func (m *Method) String() string { return m.Service.Name + "." + m.Name }

// A Literal is a constant value that has been checked against its type.
// The field that counts follows from Type.Kind.
type Literal struct {
	Type   *Type
	Bool   bool
	Int    int64          // i8, i16, i32, i64, enum
	Double float64        // double
	Text   string         // string, binary; uuid as its 16 bytes
	List   []*Literal     // list, set
	Map    []LiteralPair  // map, in the order of the text, keys distinct
	Fields []LiteralField // struct: the members given, in the order of declaration
	Ref    string         // the constant or enum value that was named, as written; "" if spelt out
	Pos    Position
}

// A LiteralPair is one entry of a map.
type LiteralPair struct{ Key, Value *Literal }

// A LiteralField is one member of a struct value.
type LiteralField struct {
	Field *Field
	Value *Literal
}
