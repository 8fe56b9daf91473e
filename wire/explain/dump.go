package explain

import (
	"fmt"
	"strings"
)

// AppendDump appends the ranges of data as text: the offset and the bytes in hex, 12 a line, and
// beside them the names, indented as they nest, with the values. Of a long range only the first
// lines are shown.
func AppendDump(dst []byte, data []byte, ranges []Range) []byte {
	const perLine, maxLines = 12, 4
	for _, r := range ranges {
		label := strings.Repeat("  ", r.Depth) + r.Name
		if r.Value != "" {
			label += ": " + r.Value
		}
		b := data[r.Start:r.End]
		for i := 0; i < len(b); i += perLine {
			if i/perLine == maxLines {
				dst = fmt.Appendf(dst, "%06x  … %d more\n", r.Start+i, len(b)-i)
				break
			}
			line := fmt.Sprintf("%06x  %-*s", r.Start+i, 3*perLine, fmt.Sprintf("% x", b[i:min(i+perLine, len(b))]))
			if i == 0 {
				line += "  " + label
			}
			dst = append(append(dst, strings.TrimRight(line, " ")...), '\n')
		}
	}
	return dst
}
