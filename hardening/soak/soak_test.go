package soak

import (
	"strings"
	"testing"
	"time"
)

func TestTrend(t *testing.T) {
	rising := make([]float64, 100)
	for i := range rising {
		rising[i] = 10 + float64(i)
	}
	for _, tt := range []struct {
		what   string
		values []float64
		want   Line
	}{
		{"nothing", nil, Line{}},
		{"one", []float64{5}, Line{}},
		{"flat", []float64{9, 9, 7, 7, 7, 7}, Line{7, 7, 0}},
		{"rising by one a second", rising, Line{60, 109, 3600}},
	} {
		if got := trend(tt.values, time.Second); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.what, got, tt.want)
		}
	}
}

func TestFaults(t *testing.T) {
	rising := make([]float64, 1000)
	for i := range rising {
		rising[i] = float64(i)
	}
	for _, tt := range []struct {
		what string
		r    Report
		want string
	}{
		{"nothing", Report{Calls: 1}, ""},
		{"no calls", Report{}, "no calls were made"},
		{"wrong answers", Report{Calls: 1, Wrong: 2, Example: "x"}, "2 answers were wrong: x"},
		{"a panic", Report{Calls: 1, Panics: 1}, "1 panics"},
		{"goroutines", Report{Calls: 1, Server: Series{Goroutines: rising}}, "goroutines of the server rises by 3600.0 an hour"},
		{"memory", Report{Calls: 1, Client: Series{HeapMiB: rising}}, "heap in use, MiB of the client rises by 3600.0 an hour"},
	} {
		switch err := tt.r.Faults(); {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.what, err)
		case tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %s", tt.what, err, tt.want)
		}
	}
}
