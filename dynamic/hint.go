package dynamic

import (
	"strings"

	"github.com/thriftkit/thriftkit/schema"
)

// suggestField returns ": did you mean X?" for the field of desc whose name is nearest to a
// mistaken one, or "".
func suggestField(desc *schema.Struct, name string) string {
	const longest = 64 // or a long text would take time by the square of its length
	best, least := "", min(len(name)/3, 4)+1
	for _, f := range desc.Fields {
		if len(name) > longest || len(f.Name) > longest {
			continue
		}
		d := edits(strings.ToLower(name), strings.ToLower(f.Name))
		if d < least {
			best, least = f.Name, d
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "?"
}

// edits returns how many bytes must be changed, added, dropped or swapped with a neighbour to
// make b of a (the restricted Damerau-Levenshtein distance).
func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
