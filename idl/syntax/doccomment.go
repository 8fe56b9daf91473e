package syntax

import "strings"

// cleanDoc returns the text of a doc comment, which comes with its delimiters, as Apache Thrift
// cleans it (clean_up_doctext in its main.cc): without the stars down the left side, if all lines
// have them in one column, without the indent that the lines share, every line closed by "\n".
// The first line, which stands after "/**", has no say in the indent.
func cleanDoc(comment string) string {
	return cleanBlock(strings.TrimPrefix(strings.TrimPrefix(comment, "/**"), "<"))
}

// cleanBlock is cleanDoc for what follows the opening delimiter.
func cleanBlock(text string) string {
	text = strings.TrimSuffix(text, "*/")
	lines := strings.Split(strings.ReplaceAll(text, "\r", ""), "\n")
	if last := len(lines) - 1; isBlank(lines[last]) {
		lines = lines[:last]
	}
	if len(lines) == 0 {
		return ""
	}
	lines[0] = strings.TrimLeft(lines[0], " \t")
	rest := lines[1:]
	if n, ok := starColumn(rest); ok {
		cut(rest, n+1)
	}
	cut(rest, commonIndent(rest))
	if lines[0] = strings.TrimRight(lines[0], " \t"); lines[0] == "" {
		lines = rest
	}
	var b strings.Builder
	b.Grow(len(text) + 1)
	for _, line := range lines {
		b.WriteString(strings.TrimRight(line, " \t"))
		b.WriteByte('\n')
	}
	return b.String()
}

func isBlank(line string) bool { return strings.Trim(line, " \t") == "" }

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

// starColumn returns the column in which all lines that are not blank have their first star.
func starColumn(lines []string) (column int, ok bool) {
	for _, line := range lines {
		n := indent(line)
		switch {
		case n == len(line):
		case line[n] != '*' || ok && n != column:
			return 0, false
		default:
			column, ok = n, true
		}
	}
	return column, ok
}

// commonIndent returns the smallest indent of the lines that are not blank.
func commonIndent(lines []string) int {
	least := -1
	for _, line := range lines {
		if n := indent(line); n < len(line) && (least < 0 || n < least) {
			least = n
		}
	}
	return max(least, 0)
}

// cut removes the first n bytes of every line. Only a blank line may be shorter.
func cut(lines []string, n int) {
	for i, line := range lines {
		lines[i] = line[min(n, len(line)):]
	}
}
