// Package syntax reads .thrift text into a lossless tree.
//
// [Parse] reads the bytes of one file and returns a [File] and [Diagnostics]. It never fails and
// never looks at another file: what a name means, whether a value suits its type and what an
// include brings in is the business of package compile.
//
// # Lossless
//
// File.Tokens covers the source without gaps. The text between two tokens (blanks, newlines,
// comments, a byte order mark, bytes that no token begins with) is the trivia of the token after
// it, so that printing trivia and text of every token, as [File.String] does, gives back the source
// byte for byte, whether it is valid or not. [File.Trivia] cuts the trivia into pieces, [File.TokenAt]
// finds the way from a node to its tokens, and [File.Text] gives the spelling of any node.
//
// # Recovering
//
// A mistake costs the smallest part of the tree that contains it: a field, a value, a definition
// without a name. Parsing goes on at the next "," ";" "}" or ")", at the next line that can begin
// an element, or at the next definition. Several mistakes are reported together, in the order of
// the text, and one mistake once. A node in the tree is complete: it has its name, its type and its
// value. What lacks one of them is left out.
//
// # Limits
//
// Types, constant values and xsd_attrs may be nested 64 levels deep. Files may have 64 MiB. After
// 100 errors the rest is not reported. Parsing takes time and memory linear in the length of the
// text, whatever the text is.
//
// # The grammar
//
// It is the union of what Apache Thrift 0.18 and later and thriftpy2 accept; S stands for one
// optional "," or ";".
//
//	File       = Header* Definition*
//	Header     = "include" String S | "cpp_include" String S
//	           | "namespace" Name Name Annots? S | "namespace" "*" Name S
//	Definition = Const | Typedef | Enum | Struct | Service
//	Const      = "const" Type Name "=" Value Annots? S
//	Typedef    = "typedef" Type Name Annots? S
//	Enum       = "enum" Name "{" (Name ("=" Int)? Annots? S)* "}" Annots? S
//	Struct     = ("struct" | "union") Name "xsd_all"? Fields Annots? S
//	           | "exception" Name Fields Annots? S
//	Fields     = "{" Field* "}"
//	Service    = "service" Name ("extends" Name)? "{" Function* "}" Annots? S
//	Function   = ("oneway" | "async")? Result Name Params Throws Annots? S
//	Result     = ("void" | Type) | (("void" | Type) ",")? Streams
//	Streams    = "sink" "<" Type Throws "," ("void" | Type) Throws ">"
//	           | ("sink" "<" Type Throws ">" ",")? "stream" "<" Type Throws ">"
//	Throws     = ("throws" Params)?
//	Params     = "(" Field* ")"
//	Field      = (Int ":")? ("required" | "optional")? Type "&"? FieldName ("=" Value)?
//	             "xsd_optional"? "xsd_nillable"? ("xsd_attrs" Fields)? Annots? S
//	Type       = Name | BaseType Annots?
//	           | "map" CppType? "<" Type "," Type ">" Annots?
//	           | "set" CppType? "<" Type ">" Annots?
//	           | "list" CppType? "<" Type ">" CppType? Annots?
//	BaseType   = "bool" | "byte" | "i8" | "i16" | "i32" | "i64" | "double" | "string" | "binary" | "uuid"
//	CppType    = "cpp_type" String
//	Value      = Int | Double | String | "true" | "false" | Name
//	           | "[" (Value S)* "]" | "{" (Value ":" Value S)* "}"
//	Annots     = "(" (Name ("=" String)? S)* ")"
//
// Name is [A-Za-z_] followed by letters, digits, "_" and dots before any of these. Keywords are
// not names, except that a FieldName may be any keyword but cpp_type, xsd_all, xsd_optional,
// xsd_nillable, xsd_attrs, true and false. Int is decimal or begins with 0x, may have a sign and fits
// 64 bits. Double is 1.5, .5, 5., 1e5 and the like. String has single or double quotes, stays on one
// line and knows the escapes \r \n \t \" \' and \\. Comments are //, # and /* */.
//
// Streams are of fbthrift's dialect, and so are, see [Dialect]:
//
//	Annotation  = "@" Name ("{" … "}")?      before a definition, field, parameter, enum value or function, or package
//	Header      = "package" String S | "package" ";" | "namespace" Name String S | "hs_include" String S
//	Definition  = "interaction" Name "{" Function* "}" Annots? S
//	Exception   = ("safe" | "permanent" | "transient" | "stateful" | "client" | "server")* "exception" …
//	Function    = "performs" Name S | ("readonly" | "idempotent") Function | Name "," Function
//	Type        = Name Annots
//	Value       = Name "{" (FieldName "=" Value S)* "}"
//
// Strings of several lines are of Kitex's.
//
// # Documentation
//
// Comments document the definition, field, enum value or function that they stand at. A doc comment, /** … */, above an
// element is its documentation, cleaned of its stars and indent, whatever stands between the two. Without one,
// these are, joined in this order:
//
//   - above: comments of the other forms (//, #, /* … */) on the lines directly above the element, without a blank
//     line between or below them, and a block comment before it on its line
//   - after: comments that end the line on which the element ends, before or after its separator or, of a
//     body, on the line of its "{"; and comments that go on with such a one on the lines below: see [File.Continues]. A doc
//     comment counts here too.
//
// Detached, and so no documentation, are
//
//   - what stands after the "}" of a definition's body
//   - lines of separators (// -----) and headings framed by them, also a line of text between lines of stars in /*** … ***/; IDL that is commented out, and all that stands
//     above such a line in the same comment
//   - a comment before all definitions that is about copyright or licence
//   - lines for tools: nolint, and name:word as in lint:ignore
//
// The documentation of the file is its first doc comment, if a header follows it, else what stands directly above the
// first header. [Options] limit documentation to doc comments, or turn it off.
package syntax
