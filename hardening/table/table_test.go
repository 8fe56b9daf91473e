package table

import (
	"strings"
	"testing"
	"time"
)

func TestWrite(t *testing.T) {
	tab := &Table{Head: []string{"what", "how long", ""}}
	tab.Add("a|b", time.Second, "")
	tab.Add("longer", 2, "note")
	for _, tt := range []struct {
		markdown bool
		want     string
	}{
		{false, "what    how long\na|b     1s\nlonger  2         note\n"},
		{true, "| what | how long |  |\n| --- | --- | --- |\n| a\\|b | 1s |  |\n| longer | 2 | note |\n"},
	} {
		var b strings.Builder
		if err := tab.Write(&b, tt.markdown); err != nil || b.String() != tt.want {
			t.Errorf("%q, %v\nwant %q", b.String(), err, tt.want)
		}
	}
}
