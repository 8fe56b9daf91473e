package main

import (
	"encoding/json"
	"fmt"
	"testing"
)

// TestExactNumbers has the numbers that --jq must not change.
func TestExactNumbers(t *testing.T) {
	for _, text := range []string{"0", "-0", "1.5", "-9223372036854775808", "18446744073709551616", "1e+300"} {
		if got := fmt.Sprint(exactNumbers(json.Number(text))); got != text {
			t.Errorf("%s is %s", text, got)
		}
	}
}
