package wire

import "testing"

func TestFraming(t *testing.T) {
	for f, want := range map[Framing]string{Buffered: "> abc", Framed: "> \x00\x00\x00\x03abc"} {
		dst := []byte("> ")
		start := len(dst)
		dst = append(f.Begin(dst), "abc"...)
		if f.End(dst, start); string(dst) != want {
			t.Errorf("%v: %q", f, dst)
		}
		if g, err := ParseFraming(f.String()); g != f || err != nil {
			t.Errorf("%v: %v, %v", f, g, err)
		}
	}
	if f, err := ParseFraming(""); f != Buffered || err != nil {
		t.Errorf("%v, %v", f, err)
	}
	if _, err := ParseFraming("fast"); err == nil || err.Error() != `unknown transport "fast" (want buffered, framed, header, ttheader, framed-header)` {
		t.Error(err)
	}
}
