// Package wire holds what all Thrift protocols share: type codes, message headers, limits,
// and the error that says at which byte and in which field a message went wrong.
//
// It and the protocols below it are pure functions over []byte: no I/O, no goroutines.
package wire

//go:generate go run ../internal/cmd/walkers .

import (
	"strconv"

	"github.com/thriftkit/thriftkit/schema"
)

// A Type is the code of a value's type on the wire (Thrift binary protocol encoding,
// "Struct" and "List and set"); the other protocols map theirs to these.
type Type uint8

// The types.
const (
	Stop   Type = 0
	Void   Type = 1
	Bool   Type = 2
	I8     Type = 3
	Double Type = 4
	I16    Type = 6
	I32    Type = 8
	I64    Type = 10
	String Type = 11 // string and binary
	Struct Type = 12
	Map    Type = 13
	Set    Type = 14
	List   Type = 15
	UUID   Type = 16
)

var typeNames = [...]string{"stop", "void", "bool", "i8", "double", "", "i16", "", "i32", "", "i64", "string", "struct", "map", "set", "list", "uuid"}

// String returns the name of t.
func (t Type) String() string {
	if int(t) < len(typeNames) && typeNames[t] != "" {
		return typeNames[t]
	}
	return "type " + strconv.Itoa(int(t))
}

// IsValue reports whether t is the type of a value: known, and neither stop nor void.
func (t Type) IsValue() bool { return t > Void && int(t) < len(typeNames) && typeNames[t] != "" }

var typeOfKind = [...]Type{
	schema.KindVoid: Void, schema.KindBool: Bool, schema.KindI8: I8, schema.KindI16: I16,
	schema.KindI32: I32, schema.KindI64: I64, schema.KindDouble: Double, schema.KindString: String,
	schema.KindBinary: String, schema.KindUUID: UUID, schema.KindEnum: I32, schema.KindStruct: Struct,
	schema.KindList: List, schema.KindSet: Set, schema.KindMap: Map,
}

// TypeOf returns the type under which values of kind k travel.
func TypeOf(k schema.Kind) Type { return typeOfKind[k] }

// A MessageType says what a message is.
type MessageType uint8

// The message types.
const (
	Call      MessageType = 1
	Reply     MessageType = 2
	Exception MessageType = 3
	Oneway    MessageType = 4
)

// String returns the name of t.
func (t MessageType) String() string {
	switch t {
	case Call:
		return "call"
	case Reply:
		return "reply"
	case Exception:
		return "exception"
	case Oneway:
		return "oneway"
	}
	return "message type " + strconv.Itoa(int(t))
}

// A Header is the envelope of a message: the part before the arguments or the result.
type Header struct {
	Name  string // the method's name, with "Service:" in front where services share a connection
	Type  MessageType
	SeqID int32
}

// The limits that hold for every message on every path.
const (
	// MaxDepth is how deep structs and containers may nest, in messages and in JSON: more than a hundred structs that lie in lists
	// of each other. (Apache Thrift's limit is 64, of structs alone, in the languages that have one.)
	MaxDepth = 256
	// DefaultMaxMessageBytes is how long a message may be unless an option says otherwise.
	DefaultMaxMessageBytes = 16 << 20
)

// UnknownFields are fields that the receiver's schema does not know, kept so that they can be
// sent on: one after the other as the binary protocol writes them, without the final stop.
// A Go struct keeps them if it has a field of this type.
type UnknownFields []byte

// A Splitter finds the end of messages in a stream that has no lengths.
type Splitter interface {
	// Split looks at the bytes that have come since the last message ended; on each call buf
	// is the same bytes with more at the end. It returns the length of the first message when
	// all of it is there, and is then ready for the next. Else it returns 0 and how long buf
	// must be at least before another call can find out more: a promise of the peer's, not a
	// reason to allocate. After an error the stream cannot be understood any more.
	Split(buf []byte) (n, need int, err error)
}
