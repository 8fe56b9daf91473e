package compile

import (
	"os"
	"strings"
	"testing"
)

// A probe is a row of testdata/probes.tsv: what Apache Thrift 0.25 says to a file that shows one
// thing (its JSON generator, or the Go one where only the JSON generator gives up), what we say,
// and why we differ.
type probe struct {
	file, apache, ours, code, reason string
}

func readProbes(t testing.TB) []probe {
	t.Helper()
	data, err := os.ReadFile("testdata/probes.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var probes []probe
	for i, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		cells := strings.Split(line, "\t")
		if len(cells) != 5 {
			t.Fatalf("probes.tsv:%d: %d columns", i+1, len(cells))
		}
		if i > 0 {
			probes = append(probes, probe{cells[0], cells[1], cells[2], cells[3], cells[4]})
		}
	}
	return probes
}

func TestProbes(t *testing.T) {
	source := FS(os.DirFS("testdata/probes"))
	rows := make(map[string]bool)
	for _, p := range readProbes(t) {
		if rows[p.file] {
			t.Errorf("%s has two rows", p.file)
		}
		rows[p.file] = true
		t.Run(strings.TrimSuffix(p.file, ".thrift"), func(t *testing.T) {
			file, diags := Compile(p.file, Options{Source: source})
			verdict, code := "accept", "-"
			shown := diags
			if file == nil {
				verdict, shown = "reject", diags.Errors()
			}
			if len(shown) > 0 {
				code = shown[0].Code
			}
			if verdict != p.ours || code != p.code {
				t.Errorf("%s %s, want %s %s\n%v", verdict, code, p.ours, p.code, diags)
			}
			if (p.ours != p.apache) != (p.reason != "-") {
				t.Errorf("Apache Thrift: %s, ours: %s, reason: %q", p.apache, p.ours, p.reason)
			}
			for _, d := range diags {
				if d.Code == "internal" {
					t.Error(d)
				}
			}
		})
	}
	entries, err := os.ReadDir("testdata/probes")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !rows[e.Name()] {
			t.Errorf("%s has no row in probes.tsv", e.Name())
		}
		delete(rows, e.Name())
	}
	for name := range rows {
		t.Errorf("probes.tsv has a row for %s, which is not there", name)
	}
}
