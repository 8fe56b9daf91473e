package idltest

import (
	"bytes"
	"testing"
)

func TestLarge(t *testing.T) {
	text := Large()
	if n := len(text); n < 100<<10 || n > 116<<10 {
		t.Errorf("%d bytes", n)
	}
	for what, want := range map[string]int{"\nstruct ": 280, "\nexception ": 20, "\nservice ": 20} {
		if n := bytes.Count(text, []byte(what)); n != want {
			t.Errorf("%d of %q, want %d", n, what, want)
		}
	}
}
