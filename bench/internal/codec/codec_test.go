package codec

import (
	"regexp"
	"testing"
	"time"
)

// TestSmoke runs every side of every row once and checks what it did.
func TestSmoke(t *testing.T) {
	if testing.Short() {
		t.Skip("makes large values")
	}
	rows, err := Rows()
	if err != nil {
		t.Fatal(err)
	}
	if err := Smoke(rows); err != nil {
		t.Error(err)
	}
}

func TestMeasure(t *testing.T) {
	n := 0
	rows := []Row{{Name: "a", Units: 10, Ops: []Op{{Side: "x", Run: func() error { n++; time.Sleep(100 * time.Microsecond); return nil }}}}, {Name: "b"}}
	got := Measure(rows, regexp.MustCompile("a"), 3, 2*time.Millisecond, func(string) {})
	if len(got) != 1 || len(got[0].Sides) != 1 {
		t.Fatalf("got %+v", got)
	}
	m := got[0].Sides[0].Metrics
	if ns := m["ns/op"]; ns.Rounds != 3 || ns.Min < 100_000 || m["ns/unit"].Median != ns.Median/10 || n < 4 {
		t.Errorf("after %d turns: %+v", n, m)
	}
}
