package columns_test

import (
	"testing"

	"github.com/thriftkit/thriftkit/internal/columns"
)

func TestAdvance(t *testing.T) {
	for _, c := range []struct {
		text                 string
		editor, tab4, narrow int
	}{
		{"", 0, 0, 0},
		{"a b", 3, 3, 3},
		{"\ta", 9, 5, 9},
		{"a\t\t", 16, 8, 16},
		{"é", 1, 1, 1},
		{"中文", 4, 4, 2},
		{"中\t", 8, 4, 8},
		{"한ｱＡ、", 7, 7, 4}, // halfwidth and fullwidth forms
		{"\xff\xe4", 2, 2, 2},
		{"\U00020000\U0003FFFD", 4, 4, 2}, // the ends of the planes of ideographs
		{"\U00040000", 1, 1, 1},
	} {
		for _, m := range []struct {
			columns.Measure
			want int
		}{{columns.Editor, c.editor}, {columns.Measure{Tab: 4}, c.tab4}, {columns.Measure{Tab: 8, Narrow: true}, c.narrow}} {
			if got := m.Advance(0, c.text); got != m.want {
				t.Errorf("%q by %+v: %d columns, want %d", c.text, m.Measure, got, m.want)
			}
		}
	}
}
