package edits

import (
	"strings"
	"testing"
)

func TestDistance(t *testing.T) {
	var m Measure
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"login", "login", 0},
		{"logn", "login", 1},
		{"loogin", "login", 1},
		{"lagin", "login", 1},
		{"logni", "login", 1},
		{"nigol", "login", 4},
		{"abc", "xyz", 3},
		{strings.Repeat("x", Longest+1), "x", Longest},
		{strings.Repeat("x", Longest+2), "x", Far},
		{strings.Repeat("x", Longest), strings.Repeat("y", Longest), Longest},
		{strings.Repeat("x", Longest+1), strings.Repeat("y", Longest+1), Far},
		{strings.Repeat("x", 100) + "ab" + strings.Repeat("y", 100), strings.Repeat("x", 100) + "ba" + strings.Repeat("y", 100), 1},
		{strings.Repeat("x", 4*Longest), strings.Repeat("x", 4*Longest), 0},
		{strings.Repeat("x", 4*Longest+1), strings.Repeat("x", 4*Longest+1), Far},
	} {
		if got := m.Distance(test.a, test.b); got != test.want {
			t.Errorf("%q, %q: %d, want %d", test.a, test.b, got, test.want)
		}
		if got := m.Distance(test.b, test.a); got != test.want {
			t.Errorf("%q, %q: %d, want %d", test.b, test.a, got, test.want)
		}
	}
}
