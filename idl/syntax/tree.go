package syntax

// A Span is a range of byte offsets in a file's source: [Start, End).
type Span struct{ Start, End int }

// Range returns s itself; every node has it by embedding.
func (s Span) Range() Span { return s }

// A Node is any part of the tree.
type Node interface{ Range() Span }

// A File is the tree of one .thrift file. It is lossless: Tokens, with the trivia before
// each, give back Source byte for byte, and every node's Span points into Source. A file with
// errors has a tree all the same, without the parts that could not be understood.
type File struct {
	Path    string
	Source  []byte  // as given to Parse
	Tokens  []Token // the last one is the end of the file
	Headers []Header
	Defs    []Def
	Doc     string  // the program's doc comment, cleaned
	Dialect Dialect // in which it was read; never Auto

	text  string // Source, which every string in the tree is a part of
	lines []int  // offset of the first byte of each line
}

// A Header is an *Include, *CppInclude, *Namespace or *Package.
type Header interface {
	Node
	header()
}

// An Include is `include "path"`.
type Include struct {
	Span
	Path *StringLit
}

// A CppInclude is `cpp_include "path"`, or fbthrift's `hs_include "path"`; it has no meaning for us.
type CppInclude struct {
	Span
	Path *StringLit
}

// A Namespace is `namespace scope name`.
type Namespace struct {
	Span
	Scope       Ident // "*" for all
	Name        Ident
	Annotations []*Annotation
	Doc         string
}

// A Package is fbthrift's `package "domain/path"`. It has no meaning for plain Thrift.
type Package struct {
	Span
	Name        *StringLit // nil in `package;`
	Annotations []*Annotation
	Doc         string
}

func (*Include) header()    {}
func (*CppInclude) header() {}
func (*Namespace) header()  {}
func (*Package) header()    {}

// A Def is a *Const, *Typedef, *Enum, *Struct, *Service or *Interaction.
type Def interface {
	Node
	def()
}

// An Ident is a name with its place; it may have dots. The zero Ident is a missing name.
type Ident struct {
	Span
	Text string
}

// An Annotation is one `name = "value"` inside parentheses, or fbthrift's `@Name{field = value}` before an element,
// which comes before the Span of that. In the latter, Value has the text between the braces.
type Annotation struct {
	Span
	Name       Ident
	Value      *StringLit // nil if there is none
	Structured bool       // it is of the form @Name
}

// A Const is `const Type Name = Value`.
type Const struct {
	Span
	Doc         string
	Type        Type
	Name        Ident
	Value       Value
	Annotations []*Annotation // thriftpy2 accepts them, Apache Thrift does not
}

// A Typedef is `typedef Type Name`.
type Typedef struct {
	Span
	Doc         string
	Type        Type
	Name        Ident
	Annotations []*Annotation
}

// An Enum is `enum Name { values }`.
type Enum struct {
	Span
	Doc         string
	Name        Ident
	Values      []*EnumValue
	Annotations []*Annotation
}

// An EnumValue is `Name = Number` in an enum.
type EnumValue struct {
	Span
	Doc         string
	Name        Ident
	Number      *IntLit // nil if implicit
	Annotations []*Annotation
}

// A StructKind is the keyword of a Struct.
type StructKind uint8

// The keywords of a Struct.
const (
	PlainStruct StructKind = iota
	Union
	Exception
)

// A Struct is a struct, a union or an exception.
type Struct struct {
	Span
	Kind        StructKind
	Doc         string
	Name        Ident
	Fields      []*Field
	XsdAll      bool
	Annotations []*Annotation
}

// A Requiredness is the keyword before a field's type.
type Requiredness uint8

// The requiredness of a field.
const (
	Unspecified Requiredness = iota
	Required
	Optional
)

// A Field is a member of a struct, a parameter, or a declared exception of a function.
type Field struct {
	Span
	Doc          string
	ID           *IntLit // nil if implicit
	Requiredness Requiredness
	ReqSpan      Span // of the keyword; empty if there is none
	Type         Type
	Reference    bool // marked with &
	Name         Ident
	Default      Value // nil if none
	Annotations  []*Annotation
}

// A Service is `service Name extends Parent { functions }`.
type Service struct {
	Span
	Doc         string
	Name        Ident
	Extends     Ident   // Text is "" if there is none
	Performs    []Ident // fbthrift's interactions, each with the Span of its statement
	Functions   []*Function
	Annotations []*Annotation
}

// An Interaction is fbthrift's `interaction Name { functions }`.
type Interaction struct {
	Span
	Doc         string
	Name        Ident
	Functions   []*Function
	Annotations []*Annotation
}

// A Function is one function of a service.
type Function struct {
	Span
	Doc         string
	Oneway      bool
	OnewaySpan  Span        // of `oneway` or `async`
	Interaction *NamedType  // fbthrift's, before a comma and the rest of the result; nil if there is none
	Result      Type        // nil for void, and if a stream is all there is
	Sink        *StreamType // nil if there is none
	Stream      *StreamType // nil if there is none
	Name        Ident
	Params      []*Field
	Throws      []*Field
	ThrowsSpan  Span // of the whole clause; empty if there is none
	Annotations []*Annotation
}

// A StreamType is stream<Elem throws (…)> or sink<Elem throws (…), Final throws (…)> in the result of a
// function, as fbthrift has them. A Result of the function comes before them.
type StreamType struct {
	Span
	Elem        Type
	Throws      []*Field
	Final       Type // of a sink; nil for void, and if a stream follows
	FinalThrows []*Field
}

func (*Const) def()       {}
func (*Typedef) def()     {}
func (*Enum) def()        {}
func (*Struct) def()      {}
func (*Service) def()     {}
func (*Interaction) def() {}

// A Type is a *BaseType, *NamedType, *ListType, *SetType or *MapType.
type Type interface {
	Node
	typ()
}

// A BaseType is one of bool, byte, i8, i16, i32, i64, double, string, binary, uuid.
type BaseType struct {
	Span
	Name        string // as written
	Annotations []*Annotation
}

// A NamedType is a reference to a definition, maybe "include.Name".
type NamedType struct {
	Span
	Name        string
	Annotations []*Annotation
}

// A ListType is list<Elem>.
type ListType struct {
	Span
	Elem        Type
	CppType     *StringLit // nil if none
	Annotations []*Annotation
}

// A SetType is set<Elem>.
type SetType struct {
	Span
	Elem        Type
	CppType     *StringLit
	Annotations []*Annotation
}

// A MapType is map<Key,Elem>.
type MapType struct {
	Span
	Key, Elem   Type
	CppType     *StringLit
	Annotations []*Annotation
}

func (*BaseType) typ()  {}
func (*NamedType) typ() {}
func (*ListType) typ()  {}
func (*SetType) typ()   {}
func (*MapType) typ()   {}

// A Value is an *IntLit, *DoubleLit, *BoolLit, *StringLit, *NameValue, *ListValue or *MapValue.
type Value interface {
	Node
	value()
}

// An IntLit is a decimal or hexadecimal integer. Its spelling is Source[Start:End].
type IntLit struct {
	Span
	Int int64
}

// A DoubleLit is a number with a fraction or an exponent.
type DoubleLit struct {
	Span
	Double float64
}

// A BoolLit is true or false.
type BoolLit struct {
	Span
	Bool bool
}

// A StringLit is a quoted string; Text has its escapes resolved.
type StringLit struct {
	Span
	Text string
}

// A NameValue is a reference to a constant or an enum value.
type NameValue struct {
	Span
	Name string
}

// A ListValue is [a, b].
type ListValue struct {
	Span
	Elems []Value
}

// A MapValue is {k: v}; also the value of a struct, which fbthrift also writes as Type{k = v}.
type MapValue struct {
	Span
	Type    Ident // Text is "" if there is none
	Entries []MapEntry
}

// A MapEntry is one k: v.
type MapEntry struct{ Key, Value Value }

func (*IntLit) value()    {}
func (*DoubleLit) value() {}
func (*BoolLit) value()   {}
func (*StringLit) value() {}
func (*NameValue) value() {}
func (*ListValue) value() {}
func (*MapValue) value()  {}
