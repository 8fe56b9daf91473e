package plural

import "testing"

func TestOf(t *testing.T) {
	for n, want := range map[int]string{0: "0 calls", 1: "1 call", 2: "2 calls", 21: "21 calls"} {
		if got := Of(n, "call"); got != want {
			t.Errorf("Of(%d): got %q, want %q", n, got, want)
		}
	}
}
