// Package stats sums up what several rounds measured.
package stats

import (
	"math"
	"slices"
)

// A Summary is one figure over all rounds.
type Summary struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Rounds int     `json:"rounds"`
}

// Summarize sums up vs, a value for each round. Of none the summary is zero.
func Summarize(vs []float64) Summary {
	if len(vs) == 0 {
		return Summary{}
	}
	s := slices.Sorted(slices.Values(vs))
	mid := len(s) / 2
	median := s[mid]
	if len(s)%2 == 0 {
		median = (s[mid-1] + s[mid]) / 2
	}
	return Summary{Median: median, Min: s[0], Max: s[len(s)-1], Rounds: len(s)}
}

// Spread is half the distance of the extremes as a part of the median: 0.05 stands for ±5 %. It is
// 0 where the median is.
func (s Summary) Spread() float64 {
	if s.Median == 0 {
		return 0
	}
	return (s.Max - s.Min) / 2 / math.Abs(s.Median)
}

// Rotate returns the order in which n sides take their turns in a round: each round begins with
// the next one, so that none always follows the same state of the machine.
func Rotate(n, round int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = (i + round) % n
	}
	return order
}
