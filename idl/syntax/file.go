package syntax

import (
	"sort"
	"strings"
)

// String returns the source, put together from the trivia and the text of every token.
func (f *File) String() string {
	var b strings.Builder
	b.Grow(len(f.text))
	for i, t := range f.Tokens {
		b.WriteString(f.Text(f.triviaSpan(i)))
		b.WriteString(f.Text(t.Range()))
	}
	return b.String()
}

// Text returns the source in s, such as the spelling of a literal.
func (f *File) Text(s Span) string { return f.text[s.Start:s.End] }

// Place returns the lines and columns of s.
func (f *File) Place(s Span) Place {
	p := Place{File: f.Path}
	p.Line, p.Column = f.lineColumn(s.Start)
	p.EndLine, p.EndColumn = f.lineColumn(s.End)
	return p
}

func (f *File) lineColumn(offset int) (line, column int) {
	line = sort.SearchInts(f.lines, offset+1) // the first line that begins after offset
	return line, offset - f.lines[line-1] + 1
}

// TokenAt returns the index of the token that contains offset, in its text or in its trivia.
func (f *File) TokenAt(offset int) int {
	i := sort.Search(len(f.Tokens), func(i int) bool { return int(f.Tokens[i].end) > offset })
	return min(i, len(f.Tokens)-1)
}

func (f *File) triviaSpan(i int) Span {
	s := Span{End: int(f.Tokens[i].start)}
	if i > 0 {
		s.Start = int(f.Tokens[i-1].end)
	}
	return s
}

// A TriviaKind says what a Trivia is.
type TriviaKind uint8

// The kinds of trivia.
const (
	Blank        TriviaKind = iota // spaces and tabs, a byte order mark, a carriage return on its own
	Newline                        // one "\n" or "\r\n"
	LineComment                    // "// …" or "# …", without the newline
	BlockComment                   // "/* … */"
	DocComment                     // "/** … */"
	Stray                          // bytes that are no token and no white space
)

// A Trivia is one piece of the text between two tokens.
type Trivia struct {
	Span
	Kind TriviaKind
}

// Trivia returns the pieces of text between token i and the token before it, in order and without
// gaps. Which comments are documentation is another matter: see the package documentation.
func (f *File) Trivia(i int) []Trivia {
	var list []Trivia
	for s := f.triviaSpan(i); s.Start < s.End; {
		kind, end := scanTrivia(f.text[:s.End], s.Start)
		if end == s.Start { // looks like a token in text that is not UTF-8
			kind, end = Stray, s.End
		}
		list = append(list, Trivia{Span{s.Start, end}, kind})
		s.Start = end
	}
	return list
}

// Offset returns the byte offset of a line and a column, which count from 1, columns in bytes. It is the
// inverse of Place. What is outside of the text is moved to the nearest place in it.
func (f *File) Offset(line, column int) int {
	if line < 1 {
		return 0
	}
	if line > len(f.lines) {
		return len(f.text)
	}
	end := len(f.text)
	if line < len(f.lines) {
		end = f.lines[line]
	}
	return min(f.lines[line-1]+max(column-1, 0), end)
}

// LineCount returns the number of lines.
func (f *File) LineCount() int { return len(f.lines) }
