// Package edits tells how far a mistyped name is from one that exists.
package edits

import "strings"

// Longest is how many bytes the part of a name may have in which it differs from another one, to be compared at all: the time
// grows with the product of the lengths. Names of more than four times as many bytes are not compared.
const Longest = 64

// Far is the distance of names that are not compared.
const Far = 1 << 10

// Nearest returns the one of names that a mistyped name was probably meant to be, whatever its case, "" if none is near.
func Nearest(name string, names []string) string {
	var m Measure
	best, most := "", max(2, len(name)/3)+1
	for _, n := range names {
		if d := m.Distance(strings.ToLower(name), strings.ToLower(n)); d < most {
			best, most = n, d
		}
	}
	return best
}

// A Measure takes distances and reuses its memory. The zero Measure is ready.
type Measure struct{ rows [3][Longest + 1]int }

// Distance returns how many bytes must be changed, added, dropped or swapped with a neighbour
// to make b of a (the restricted Damerau-Levenshtein distance).
func (m *Measure) Distance(a, b string) int {
	if len(a) > 4*Longest || len(b) > 4*Longest {
		return Far
	}
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) > Longest || len(b) > Longest {
		return Far
	}
	before, last, row := &m.rows[0], &m.rows[1], &m.rows[2]
	for j := range len(b) + 1 {
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
