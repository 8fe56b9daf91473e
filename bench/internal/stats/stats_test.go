package stats

import (
	"math"
	"slices"
	"testing"
)

func TestSummarize(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   Summary
		spread float64
	}{
		{nil, Summary{}, 0},
		{[]float64{3}, Summary{3, 3, 3, 1}, 0},
		{[]float64{9, 1, 2}, Summary{2, 1, 9, 3}, 2},
		{[]float64{4, 1, 3, 2}, Summary{2.5, 1, 4, 4}, 0.6},
		{[]float64{0, 0, 0}, Summary{0, 0, 0, 3}, 0},
	} {
		got := Summarize(test.values)
		if got != test.want || math.Abs(got.Spread()-test.spread) > 1e-9 {
			t.Errorf("Summarize(%v) = %+v with a spread of %v, want %+v and %v", test.values, got, got.Spread(), test.want, test.spread)
		}
	}
}

func TestRotate(t *testing.T) {
	for _, test := range []struct {
		round int
		want  []int
	}{
		{0, []int{0, 1, 2}},
		{1, []int{1, 2, 0}},
		{5, []int{2, 0, 1}},
	} {
		if got := Rotate(3, test.round); !slices.Equal(got, test.want) {
			t.Errorf("round %d: got %v, want %v", test.round, got, test.want)
		}
	}
}
