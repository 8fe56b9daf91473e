package syntax

import (
	"strconv"
	"unicode/utf8"
)

// A Kind says what a Token is.
type Kind uint8

// The kinds of tokens.
const (
	EOF Kind = iota
	Name
	Keyword // one of Keywords; one of ContextualKeywords where it has its meaning
	Integer
	Double
	String
	Punctuation
)

// A Token is one lexical element. The text between the token before it and itself is its trivia.
type Token struct {
	start, end int32
	op         op
	flags      flags
}

// Range returns the place of the token, without its trivia.
func (t Token) Range() Span { return Span{int(t.start), int(t.end)} }

// Kind returns what the token is. A malformed token has the kind that it was probably meant to have.
func (t Token) Kind() Kind {
	switch {
	case t.op >= firstKeyword, t.flags&contextual != 0:
		return Keyword
	case t.op >= firstPunctuation:
		return Punctuation
	}
	return [...]Kind{opEOF: EOF, opName: Name, opInt: Integer, opDouble: Double, opString: String}[t.op]
}

type flags uint8

const (
	startsLine flags = 1 << iota // there is a newline in its trivia, or nothing before it
	escaped                      // a string with a backslash in it
	afterStray                   // there are bytes in its trivia that the lexer has reported
	malformed                    // reported by the lexer; the parser keeps quiet about it
	contextual                   // a name that the parser has understood as a keyword
)

// An op is a token's kind as the parser needs it, with one value for each keyword and punctuation mark.
type op uint8

const (
	opEOF op = iota
	opName
	opInt
	opDouble
	opString

	opComma
	opSemicolon
	opColon
	opEqual
	opStar
	opAmpersand
	opAt
	opParen
	opUnparen
	opBracket
	opUnbracket
	opBrace
	opUnbrace
	opAngle
	opUnangle

	opNamespace
	opInclude
	opCppInclude
	opConst
	opTypedef
	opEnum
	opStruct
	opUnion
	opException
	opService

	opBool
	opByte
	opI8
	opI16
	opI32
	opI64
	opDoubleType
	opStringType
	opBinary
	opUUID
	opMap
	opSet
	opList

	opVoid
	opOneway
	opAsync
	opExtends
	opThrows
	opRequired
	opOptional

	opCppType
	opXsdAll
	opXsdOptional
	opXsdNillable
	opXsdAttrs
	opTrue
	opFalse

	firstPunctuation = opComma
	firstKeyword     = opNamespace
	lastHeader       = opCppInclude
	lastDefinition   = opService
	firstBaseType    = opBool
	lastBaseType     = opUUID
	lastContainer    = opList
	firstNeverAName  = opCppType
)

func (o op) isHeader() bool { return o >= opNamespace && o <= lastHeader }

// isDefinition is true for headers too: both end whatever was open.
func (o op) isDefinition() bool { return o >= opNamespace && o <= lastDefinition }
func (o op) isBaseType() bool   { return o >= firstBaseType && o <= lastBaseType }
func (o op) isType() bool       { return o == opName || o >= firstBaseType && o <= lastContainer }
func (o op) hasBody() bool      { return o >= opEnum && o <= lastDefinition }
func (o op) isSeparator() bool  { return o == opComma || o == opSemicolon }
func (o op) isNumber() bool     { return o == opInt || o == opDouble }

func (o op) opens() bool {
	return o == opParen || o == opBracket || o == opBrace
}

func (o op) closes() bool {
	return o == opUnparen || o == opUnbracket || o == opUnbrace
}

// isFieldName reports whether a keyword may name a field or a parameter.
func (o op) isFieldName() bool {
	return o == opName || o >= firstKeyword && o < firstNeverAName
}

// Keywords returns the words that cannot name a definition.
func Keywords() []string {
	return []string{
		"namespace", "include", "cpp_include", "const", "typedef", "enum", "struct", "union", "exception", "service",
		"bool", "byte", "i8", "i16", "i32", "i64", "double", "string", "binary", "uuid", "map", "set", "list",
		"void", "oneway", "async", "extends", "throws", "required", "optional",
		"cpp_type", "xsd_all", "xsd_optional", "xsd_nillable", "xsd_attrs", "true", "false",
	}
}

// ContextualKeywords returns the words that mean something in one place only, and are names in all others. They are fbthrift's.
func ContextualKeywords() []string {
	return []string{
		"package", "hs_include", "interaction", "performs", "stream", "sink", "readonly", "idempotent",
		"safe", "permanent", "transient", "stateful", "client", "server",
	}
}

// keyword returns the op of a name: a keyword's own or opName.
func keyword(s string) op {
	switch s {
	case "namespace":
		return opNamespace
	case "include":
		return opInclude
	case "cpp_include":
		return opCppInclude
	case "const":
		return opConst
	case "typedef":
		return opTypedef
	case "enum":
		return opEnum
	case "struct":
		return opStruct
	case "union":
		return opUnion
	case "exception":
		return opException
	case "service":
		return opService
	case "bool":
		return opBool
	case "byte":
		return opByte
	case "i8":
		return opI8
	case "i16":
		return opI16
	case "i32":
		return opI32
	case "i64":
		return opI64
	case "double":
		return opDoubleType
	case "string":
		return opStringType
	case "binary":
		return opBinary
	case "uuid":
		return opUUID
	case "map":
		return opMap
	case "set":
		return opSet
	case "list":
		return opList
	case "void":
		return opVoid
	case "oneway":
		return opOneway
	case "async":
		return opAsync
	case "extends":
		return opExtends
	case "throws":
		return opThrows
	case "required":
		return opRequired
	case "optional":
		return opOptional
	case "cpp_type":
		return opCppType
	case "xsd_all":
		return opXsdAll
	case "xsd_optional":
		return opXsdOptional
	case "xsd_nillable":
		return opXsdNillable
	case "xsd_attrs":
		return opXsdAttrs
	case "true":
		return opTrue
	case "false":
		return opFalse
	}
	return opName
}

// punctuation returns the op of a byte, opEOF if it is no punctuation.
func punctuation(c byte) op {
	switch c {
	case ',':
		return opComma
	case ';':
		return opSemicolon
	case ':':
		return opColon
	case '=':
		return opEqual
	case '*':
		return opStar
	case '&':
		return opAmpersand
	case '@':
		return opAt
	case '(':
		return opParen
	case ')':
		return opUnparen
	case '[':
		return opBracket
	case ']':
		return opUnbracket
	case '{':
		return opBrace
	case '}':
		return opUnbrace
	case '<':
		return opAngle
	case '>':
		return opUnangle
	}
	return opEOF
}

// closer returns the op that closes what o opens.
func (o op) closer() op { return o + 1 }

// quote returns s for a message: in double quotes, shortened, on one line.
func quote(s string) string {
	most := 40
	if isNameOnly(s) { // names differ at their ends
		most = longestName
	}
	return quoteUpTo(s, most)
}

// longestName is how many bytes of a name are shown.
const longestName = 128

// quoteUpTo is quote for text of which other than the usual is shown.
func quoteUpTo(s string, most int) string {
	if len(s) > most {
		for !utf8.RuneStart(s[most]) && most > 0 {
			most--
		}
		s = s[:most] + "..."
	}
	q := strconv.Quote(s)
	if q == `"`+s+`"` {
		return q
	}
	for _, r := range s {
		if !strconv.IsPrint(r) {
			return q
		}
	}
	return "`" + s + "`"
}
