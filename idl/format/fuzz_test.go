package format_test

import "testing"

// FuzzFormat checks that formatting keeps what it must, and that it has nothing to do afterwards,
// whatever the text is.
func FuzzFormat(f *testing.F) {
	for _, form := range forms {
		f.Add([]byte(form.src))
	}
	for _, src := range probeTexts(f) {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) { check(t, src) })
}
