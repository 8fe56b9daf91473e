package dynamic

import (
	"fmt"
	"strconv"

	"github.com/thriftkit/thriftkit/schema"
)

// A BinaryForm is how the bytes of a binary are written as a JSON string.
type BinaryForm uint8

// The forms. BinaryText is for binaries that hold text: the string is the bytes themselves.
const (
	BinaryBase64 BinaryForm = iota // RFC 4648, section 4, padded; read in every variant of it
	BinaryHex                      // two digits a byte, lower case; read in either case
	BinaryText
)

// ParseBinaryForm returns the form called name: base64, hex or text; "" is base64.
func ParseBinaryForm(name string) (BinaryForm, error) {
	switch name {
	case "", "base64":
		return BinaryBase64, nil
	case "hex":
		return BinaryHex, nil
	case "text":
		return BinaryText, nil
	}
	return 0, fmt.Errorf("unknown form of binaries %q (known: base64, hex, text)", name)
}

// String returns the name that ParseBinaryForm reads.
func (f BinaryForm) String() string { return [...]string{"base64", "hex", "text"}[f] }

// JSONOptions vary the JSON form. The zero value is right for most uses.
type JSONOptions struct {
	Binary BinaryForm // of binaries, in both directions; default base64
	Indent string     // one level of indentation when writing, such as two spaces; default "": one line

	// Redact writes the text "[redacted]" in place of what is sensitive, see [schema.Field.IsSensitive]: for logs and reports.
	// It does not matter when reading.
	Redact bool
}

// Redacted is what stands in place of a value that must not be shown.
const Redacted = "[redacted]"

// A JSONError is one mistake in a JSON text that was to be a value.
type JSONError struct {
	Line    int             // from 1
	Column  int             // from 1, in bytes
	Path    string          // such as "user.tags[3]"; "" for the whole value
	Message string          // what was wanted and what was found
	Pos     schema.Position // of the field in the IDL; zero if there is none or the schema is not from text

	offset int
}

// Error returns "3:14: user.tags[3]: want i32, got true (declared at foo.thrift:5:7)".
func (e *JSONError) Error() string {
	s := strconv.Itoa(e.Line) + ":" + strconv.Itoa(e.Column) + ": "
	if e.Path != "" {
		s += e.Path + ": "
	}
	s += e.Message
	if e.Pos.IsValid() {
		s += " (declared at " + e.Pos.String() + ")"
	}
	return s
}

// hasText reports whether values of type t are keys of JSON objects: every scalar but binary.
func hasText(t *schema.Type) bool {
	switch t.Kind {
	case schema.KindBinary, schema.KindStruct, schema.KindList, schema.KindSet, schema.KindMap:
		return false
	}
	return true
}

// The names in the two objects that are not structs: a string that is no text, and an entry of
// a map whose keys are no text.
const (
	base64Member = "base64"
	keyMember    = "key"
	valueMember  = "value"
)
