package wire

import (
	"errors"
	"fmt"
	"strings"
)

// The causes of an [Error], for errors.Is.
var (
	ErrTruncated = errors.New("unexpected end of message")
	ErrInvalid   = errors.New("invalid data")
	ErrTooDeep   = errors.New("nested too deep")
	ErrTooLarge  = errors.New("too large")
	ErrMissing   = errors.New("missing required field")
	ErrValue     = errors.New("invalid value")
)

// An Error says where a message could not be read or written, and why. Test for the cause
// with errors.Is and one of the Err variables.
type Error struct {
	Offset  int    // of the byte at which it was noticed, from the start of the message; -1 when writing
	Path    string // such as "Work.comment (field 4)"; "" outside any field; Error leaves out the middle of a long one
	Message string // what was found, or ""
	Cause   error
}

// Error returns "at byte 41, in Work.comment (field 4): unexpected end of message: …".
func (e *Error) Error() string {
	var b strings.Builder
	if e.Offset >= 0 {
		fmt.Fprintf(&b, "at byte %d", e.Offset)
	}
	if e.Path != "" {
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString("in ")
		b.WriteString(shortened(e.Path))
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(e.Cause.Error())
	if e.Message != "" {
		b.WriteString(": ")
		b.WriteString(e.Message)
	}
	return b.String()
}

// shortened returns a long path with its middle left out, as that of something nested deeply.
func shortened(path string) string {
	const each, between = 120, " > "
	if len(path) <= 3*each {
		return path
	}
	head, tail := path[:each], path[len(path)-each:]
	if i := strings.LastIndex(head, between); i > 0 {
		head = head[:i]
	}
	if i := strings.Index(tail, between); i >= 0 {
		tail = tail[i+len(between):]
	}
	return head + between + "…" + between + tail
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Errorf returns an *Error at offset (-1 when writing).
func Errorf(offset int, cause error, format string, args ...any) error {
	return &Error{Offset: offset, Cause: cause, Message: fmt.Sprintf(format, args...)}
}

// Truncated returns the error for a message that ends at offset, where more was to come.
//
//go:noinline
func Truncated(offset int) error { return &Error{Offset: offset, Cause: ErrTruncated} }

// TooDeep returns the error for nesting beyond MaxDepth.
//
//go:noinline
func TooDeep(offset int) error {
	return &Error{Offset: offset, Cause: ErrTooDeep, Message: fmt.Sprintf("more than %d levels", MaxDepth)}
}

// AtDepth returns err; if it is one of nesting, as the error for a limit of n levels in place of MaxDepth.
func AtDepth(err error, n int) error {
	var e *Error
	if err == nil || !errors.Is(err, ErrTooDeep) || !errors.As(err, &e) {
		return err
	}
	c := *e
	c.Message = fmt.Sprintf("more than %d levels", n)
	return &c
}

// InField puts a field before err's path as err passes outwards through it.
func InField(err error, structName, field string, id int16) error {
	return within(err, fmt.Sprintf("%s.%s (field %d)", structName, field, id))
}

// InElement puts an element of a container before err's path; part is "", "key" or "value".
func InElement(err error, i int, part string) error {
	if part != "" {
		part = " " + part
	}
	return within(err, fmt.Sprintf("[%d]%s", i, part))
}

func within(err error, where string) error {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Offset: -1, Cause: err}
	}
	c := *e
	switch {
	case c.Path == "":
		c.Path = where
	case c.Path[0] == '[':
		c.Path = where + c.Path
	default:
		c.Path = where + " > " + c.Path
	}
	return &c
}
