package main

import "strings"

// didYouMean returns " (did you mean X?)" for the name that is nearest to a mistaken one, or "".
func didYouMean(name string, names []string) string {
	best, distance := "", min((len(name)+2)/3, 4)+1
	lower := strings.ToLower(name)
	for _, n := range names {
		d := edits(lower, strings.ToLower(n))
		if strings.HasSuffix(n, "."+name) {
			d = 0
		}
		if d < distance && d < len(n) {
			best, distance = n, d
		}
	}
	if best == "" {
		return ""
	}
	return " (did you mean " + best + "?)"
}

// edits returns how many bytes must be changed, added, dropped or swapped with a neighbour to
// make b of a: the restricted Damerau-Levenshtein distance. Names far apart in length, or long
// beyond reason, are simply far apart.
func edits(a, b string) int {
	const far = 1 << 10
	if len(a) > 128 || len(b) > 128 {
		return far
	}
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
