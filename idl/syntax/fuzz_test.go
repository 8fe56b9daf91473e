package syntax_test

import "testing"

// FuzzParse checks that whatever the text is, parsing ends, and the tokens give the text back.
func FuzzParse(f *testing.F) {
	f.Add([]byte(rich))
	for _, p := range pairs {
		f.Add([]byte(p.good))
		f.Add([]byte(p.bad))
	}
	for _, src := range probes(f) {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) { roundTrip(t, src) })
}
