package machine

import (
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	for _, test := range []struct {
		text string
		want time.Duration
		ok   bool
	}{
		{"cpu  100 1 20 9999 500 3 4 5 0 0\ncpu0 1 2 3\n", 1330 * time.Millisecond, true},
		{"cpu  100 1 20 9999\n", 0, false},
		{"cpu  100 1 x 9999 500 3 4 5\n", 0, false},
		{"intr 100 1 20 9999 500 3 4 5\n", 0, false},
		{"", 0, false},
	} {
		if got, ok := parseStat(test.text); got != test.want || ok != test.ok {
			t.Errorf("parseStat(%q) = %v, %v, want %v, %v", test.text, got, ok, test.want, test.ok)
		}
	}
}

func TestForeign(t *testing.T) {
	for _, test := range []struct {
		busy, own time.Duration
		want      float64
	}{
		{2 * time.Second, time.Second, 0.5},
		{time.Second, time.Second, 0},
		{time.Second, 1010 * time.Millisecond, 0},
	} {
		if got := foreign(test.busy, test.own, time.Second, 2); got != test.want {
			t.Errorf("busy %v, own %v: got %v, want %v", test.busy, test.own, got, test.want)
		}
	}
}
