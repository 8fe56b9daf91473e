// Package format lays out IDL text in one way, as gofmt does for Go.
//
// [Source] changes white space and separators, and nothing else: the names, numbers and strings of a
// file, their spelling, their order and the comments between them stay. Formatting what is formatted
// changes nothing, and the text means what it meant.
//
// # The layout
//
// It is the one in which package print writes schemas, close to that of Apache's tutorial:
//
//	include "shared.thrift"
//	namespace py shop
//
//	const list<string> NAMES = ["a", "b"]
//
//	/** Something to buy. */
//	struct Item {
//	  1: required string name (max = "10"),
//	  2: optional map<string, i32> sizes = {"m": 1}, // in stock
//	}
//
//	service Shop extends shared.Base {
//	  Item find(1: string name, 2: i32 limit = 10) throws (1: NotFound missing),
//	}
//
// Definitions, headers, fields, enum values and functions have lines of their own. A separator stands
// after each field, enum value and function; Options say which. There is none after headers and definitions with a body,
// where Apache Thrift does not accept one, and after constants and typedefs only the ";" of a file that has them after most, with
// the separator Keep. Elsewhere it is the comma, after the last element
// only if that ends a line.
//
// Parameters, exceptions, annotations, and the elements of constant lists and maps follow each other on
// one line. They get lines of their own if the line would be too long, or if there is a comment between
// them, and those of a constant list or map also if one of them began a line. Of several lists on a line the widest is broken first, or those
// before it if they do not fit on the line either. Names and strings are never
// broken, so that a line may be longer all the same, and comments after a line do not count.
//
// Single blank lines are kept, several become one, and there is none at the beginning or the end
// of a file or a list. One is put between headers and definitions and around definitions with a
// body that is not empty.
//
// fbthrift's structured annotations have lines of their own before what they annotate, in parentheses they stand before it.
//
// # Comments
//
// A comment stays between the two tokens between which it stood, apart from separators, which go
// directly after the token that they follow. It stays after a line if it stood there, and on lines of
// its own if it had some. Comments below one after a line that go on with it ([syntax.File.Continues]) stay with it, and come into its column. A comment of several lines on lines of its own is moved as a whole, with the stars
// down its left side in one column; the documentation that is made of it is the same.
//
// # Text
//
// CRLF becomes LF. A byte order mark is dropped: it says nothing, and thriftpy2 does not accept it. The last line ends
// with a newline. Blanks at the ends of lines go, also those in comments. Bytes that are not UTF-8, which
// can stand in comments and strings only, pass through as they are.
package format

import "github.com/thriftkit/thriftkit/idl/syntax"

// A Separator is what stands after fields, enum values and functions.
type Separator uint8

// The separators. What stands in parentheses, and in constant values, is separated by commas always.
const (
	Comma       Separator = iota // 1: i32 a,
	Semicolon                    // 1: i32 a;
	NoSeparator                  // 1: i32 a
	Keep                         // what most of those elements of the file have, the comma if as many have either; a last one without a separator does not count
)

// Options change details of the layout. The zero Options are the usual one.
type Options struct {
	Width     int       // columns that a line should have at most, where wide characters of East Asia are two; 100 if not positive
	Indent    int       // blanks for each level; 2 if not positive
	Separator Separator // Comma if not set

	// Align puts types, names and default values of fields that follow each other line by line into columns,
	// the numbers of enum values, and the comments after them and after constants and typedefs. A blank line begins new columns, and
	// so does a field of several lines, or one whose list would not fit on its line in its column: it has none then. Lines without
	// such a list may get longer than Width.
	Align bool

	Dialect syntax.Dialect // in which the text is read
}

// Source returns src formatted, in new memory. The path is used in errors only.
//
// Text with mistakes in its form is not formatted: the error is a [syntax.Diagnostics] with all of them.
// What names and values mean is not looked at. Source may be used concurrently.
func Source(path string, src []byte, opts Options) ([]byte, error) {
	f, diags := syntax.Options{Dialect: opts.Dialect, Docs: syntax.NoComments}.Parse(path, src)
	if errs := diags.Errors(); errs != nil {
		return nil, errs
	}
	if opts.Width <= 0 {
		opts.Width = 100
	}
	if opts.Indent <= 0 {
		opts.Indent = 2
	}
	list, prevailing, semicolons := items(f, marks(f))
	semicolons = semicolons && opts.Separator == Keep
	if opts.Separator == Keep {
		opts.Separator = prevailing
	}
	p := printer{Options: opts, items: list, semicolons: semicolons, out: make([]byte, 0, len(src)+len(src)/8)}
	if opts.Align {
		p.pads = make([]int, len(p.items))
		p.tails = make([]int, len(p.items))
	}
	p.file()
	return p.out, nil
}
