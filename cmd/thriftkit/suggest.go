package main

import (
	"strings"

	"github.com/thriftkit/thriftkit/internal/edits"
)

// didYouMean returns " (did you mean X?)" for the name that is nearest to a mistaken one, or "".
func didYouMean(name string, names []string) string {
	best, distance := "", min((len(name)+2)/3, 4)+1
	lower := strings.ToLower(name)
	var m edits.Measure
	for _, n := range names {
		d := m.Distance(lower, strings.ToLower(n))
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
