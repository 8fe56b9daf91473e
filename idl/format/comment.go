package format

import (
	"bytes"
	"strings"
)

// blanks are those that end lines for nothing.
const blanks = " \t\r"

const tabWidth = 8

// trimLines cuts off the blanks at the ends of the lines of a comment.
func trimLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, blanks)
	}
	return strings.Join(lines, "\n")
}

// columnAt returns the number of columns before offset in its line.
func columnAt(src []byte, offset int) int {
	return columnsOf(src[bytes.LastIndexByte(src[:offset], '\n')+1 : offset])
}

func columnsOf[T string | []byte](s T) int {
	n := 0
	for i := range len(s) {
		if n++; s[i] == '\t' {
			n += (tabWidth - n%tabWidth) % tabWidth
		}
	}
	return n
}

func leadingBlanks(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

// shifted returns the text of a comment of several lines, which began in c.column, as it looks
// after indent blanks. Stars down the left side come below the first one; other lines move as far
// as the first one, but not to the left of it. The inner lines move by the same number of bytes, so that
// what package syntax makes of a doc comment is the same.
func (c *comment) shifted(indent int) string {
	if strings.IndexByte(c.text, '\r') >= 0 {
		return c.text // in the middle of a line, where it is neither a blank nor text
	}
	lines := strings.Split(c.text, "\n")
	inner := lines[1:]
	final := &inner[len(inner)-1]
	bare := strings.TrimLeft(*final, " \t") == "*/"
	if bare {
		inner = inner[:len(inner)-1]
	}
	cut, columns, stars := margin(inner)
	if stars {
		columns = int(c.column) + 1
	}
	moved := func(columns int) string { return strings.Repeat(" ", indent+max(columns-int(c.column), 0)) }
	for i, line := range inner {
		if line != "" {
			inner[i] = moved(columns) + line[cut:]
		}
	}
	if bare {
		if !stars {
			columns = columnsOf((*final)[:leadingBlanks(*final)])
		}
		*final = moved(columns) + "*/"
	}
	return strings.Join(lines, "\n")
}

// margin returns how many bytes of blanks all lines have in common, how many columns these are in the
// first one, and whether in all of them a star follows. Empty lines do not count; without any other
// stars is true.
func margin(lines []string) (cut, columns int, stars bool) {
	first := ""
	stars = true
	for _, line := range lines {
		if line == "" {
			continue
		}
		n := leadingBlanks(line)
		if first == "" {
			first, cut = line, n
		}
		stars = stars && line[n] == '*' && n == cut
		cut = min(cut, n)
	}
	return cut, columnsOf(first[:cut]), stars
}
