package compile

import (
	"os"
	"strings"
	"testing"
)

// docFiles are the files that the examples of docs/idl.md include.
var docFiles = Texts{
	"lib.thrift":      "struct L {}\nenum E {X}\n",
	"more/lib.thrift": "struct L {}\n",
	"back.thrift":     "include \"a.thrift\"\n",
}

// The table of codes in docs/idl.md shows a text for each code and what is said about it. Both
// must be true, and no code may be missing.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/idl.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]bool)
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 5 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		code, text, want := inline(cells[1]), inline(cells[2]), inline(cells[3])
		documented[code] = true
		if !strings.HasPrefix(cells[2], " `") { // in words
			continue
		}
		source := Texts{"a.thrift": text}
		for name, text := range docFiles {
			source[name] = text
		}
		_, diags := Compile("a.thrift", Options{Source: source})
		found := false
		for _, d := range diags {
			found = found || d.Error() == want && d.Code == code
		}
		if !found {
			t.Errorf("%s\nsays\n%v\nand not\n%s", text, diags, want)
		}
	}
	used := make(map[string]bool)
	for _, c := range checks {
		for _, line := range c.want {
			used[line[strings.LastIndexByte(line, '[')+1:len(line)-1]] = true
		}
	}
	for _, p := range readProbes(t) {
		used[p.code] = p.code != "-"
	}
	for code, ok := range used {
		if ok && !documented[code] {
			t.Errorf("docs/idl.md does not have %s", code)
		}
	}
}

// inline returns the text of a table cell that is inline code.
func inline(cell string) string { return strings.TrimSpace(strings.Trim(strings.TrimSpace(cell), "`")) }
