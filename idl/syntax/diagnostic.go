package syntax

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// A Severity says how bad a Diagnostic is.
type Severity uint8

// The severities. A file with an Error cannot be used; Warnings never stop anything; Notes are no
// complaints.
const (
	Error Severity = iota
	Warning
	Note
)

// String returns "error", "warning" or "note".
func (s Severity) String() string { return [...]string{"error", "warning", "note"}[s] }

// A Place is a range of text in a file, for people: lines and columns count from 1,
// columns in bytes. End is the place just after the range.
type Place struct {
	File               string
	Line, Column       int
	EndLine, EndColumn int
}

// String returns "file:line:col", and the file alone if there is no line.
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
}

// A Related is another place that a Diagnostic is about.
type Related struct {
	Place
	Message string
}

// A Diagnostic is one finding about IDL text.
type Diagnostic struct {
	Place
	Severity Severity
	Code     string // stable, such as "syntax" or "duplicate-id"; documented in docs/idl.md
	Message  string // one line, no final stop
	Hint     string // what to do about it; "" if unknown
	Related  []Related
}

// Error returns "file:line:col: error: message [CODE]", the line that the command line prints,
// followed by the hint, if any.
func (d *Diagnostic) Error() string {
	var b strings.Builder
	b.WriteString(d.Place.String())
	b.WriteString(": ")
	b.WriteString(d.Severity.String())
	b.WriteString(": ")
	b.WriteString(d.Message)
	for _, r := range d.Related {
		b.WriteString("; ")
		b.WriteString(r.Message)
		b.WriteString(" at ")
		b.WriteString(r.Place.String())
	}
	if d.Hint != "" {
		b.WriteString(" (")
		b.WriteString(d.Hint)
		b.WriteString(")")
	}
	b.WriteString(" [")
	b.WriteString(d.Code)
	b.WriteString("]")
	return b.String()
}

// Diagnostics is a list of findings. As an error it stands for those of severity Error.
type Diagnostics []*Diagnostic

// Error returns one finding a line, errors and warnings in the order of the list.
func (l Diagnostics) Error() string {
	lines := make([]string, len(l))
	for i, d := range l {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find a *Diagnostic.
func (l Diagnostics) Unwrap() []error {
	errs := make([]error, len(l))
	for i, d := range l {
		errs[i] = d
	}
	return errs
}

// Errors returns the findings of severity Error, nil if there are none.
func (l Diagnostics) Errors() Diagnostics {
	var errs Diagnostics
	for _, d := range l {
		if d.Severity == Error {
			errs = append(errs, d)
		}
	}
	return errs
}

// Sort orders l by file, line, column and code.
func (l Diagnostics) Sort() {
	slices.SortStableFunc(l, func(a, b *Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Code, b.Code))
	})
}
