// Package syntax reads .thrift text into a lossless tree.
package syntax

// A Token is one lexical element.
type Token struct {
	Span
}

// Parse reads one file. It never fails: the tree holds what could be understood, and the
// Diagnostics, sorted, what could not.
func Parse(path string, src []byte) (*File, Diagnostics) { panic("placeholder") }

// Place returns the lines and columns of s.
func (f *File) Place(s Span) Place { panic("placeholder") }
