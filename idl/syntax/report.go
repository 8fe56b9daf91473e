package syntax

import "fmt"

// maxErrors is the number of errors after which the rest of a file is not reported.
const maxErrors = 100

// A reporter collects the findings about one file.
type reporter struct {
	file   *File
	list   Diagnostics
	errors int
}

// add notes a finding and returns it, to be completed by the caller.
func (r *reporter) add(severity Severity, code string, s Span, hint, format string, args ...any) *Diagnostic {
	d := &Diagnostic{Severity: severity, Code: code, Hint: hint}
	if severity == Error {
		if r.errors > maxErrors {
			return d
		}
		if r.errors++; r.errors > maxErrors {
			code, hint, format, args = "too-many-errors", "", "more than %d errors; the rest is not shown", []any{maxErrors}
		}
	}
	d.Place = r.file.Place(s)
	d.Code, d.Hint, d.Message = code, hint, fmt.Sprintf(format, args...)
	r.list = append(r.list, d)
	return d
}
