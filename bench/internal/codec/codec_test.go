package codec

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/bench/internal/payload"
	"github.com/thriftkit/thriftkit/gen"
	"github.com/thriftkit/thriftkit/schema"
)

// TestGenerated generates thriftkit's own code again, and compares its length with that of Kitex's.
func TestGenerated(t *testing.T) {
	file, err := payload.Load()
	if err != nil {
		t.Fatal(err)
	}
	files, err := gen.Go([]*schema.File{file}, gen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, f := range files {
		path := filepath.Join("../gen/thriftkit", f.Path)
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, f.Text) {
			t.Errorf("%s is not what is generated (%v): run bench/generate.sh", path, err)
		}
		lines += bytes.Count(f.Text, []byte("\n"))
	}
	kitex := 0
	for _, pattern := range []string{"../gen/kitex/bench/*.go", "../gen/kitex/bench/bench/*.go"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatal(pattern, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			kitex += bytes.Count(text, []byte("\n"))
		}
	}
	if t.Logf("%d lines, Kitex %d", lines, kitex); lines > kitex/2 {
		t.Errorf("%d lines are more than half of Kitex's %d", lines, kitex)
	}
}

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
