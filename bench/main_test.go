package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/bench/internal/call"
	"github.com/thriftkit/thriftkit/bench/internal/codec"
	"github.com/thriftkit/thriftkit/bench/internal/report"
)

// TestRun makes a whole report, of one row.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	c := config{match: regexp.MustCompile("^IDL/3KB$"), rounds: 2, quick: true, json: filepath.Join(dir, "r.json"), markdown: filepath.Join(dir, "r.md")}
	var out, progress bytes.Buffer
	if err := run(c, &out, &progress); err != nil {
		t.Fatal(err)
	}
	if want := "IDL/3KB\n"; progress.String() != want {
		t.Errorf("progress is %q, want %q", &progress, want)
	}
	text, err := os.ReadFile(c.json)
	if err != nil {
		t.Fatal(err)
	}
	var r report.Report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	row := r.Row("IDL/3KB")
	if row == nil || len(r.Rows) != 1 || r.Rounds != 2 || len(r.Verdicts) != len(targets()) {
		t.Fatalf("got %s", text)
	}
	for _, side := range []string{"thriftkit", "thriftrw", "thriftgo", "kitex-provider"} {
		if s := row.Side(side); s == nil || s.Metrics[report.NsPerOp].Rounds != 2 {
			t.Errorf("%s: %+v", side, s)
		}
	}
	markdown, err := os.ReadFile(c.markdown)
	if err != nil || !strings.Contains(string(markdown), "\n### IDL/3KB\n") || !strings.Contains(out.String(), "\nIDL/3KB: ") {
		t.Errorf("%v: %s\n%s", err, markdown, &out)
	}
}

// TestTargets makes sure that every target is about a row that there is: a name that is wrong
// would never be met nor missed.
func TestTargets(t *testing.T) {
	if testing.Short() {
		t.Skip("makes the values of all rows")
	}
	var names []string
	rows, err := codec.Rows()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		names = append(names, row.Name)
	}
	names = append(names, call.Names()...)
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			t.Errorf("two rows are called %s", name)
		}
	}
	for _, target := range targets() {
		if !slices.Contains(names, target.Row) || target.OfRow != "" && !slices.Contains(names, target.OfRow) {
			t.Errorf("no row %s of the target %s", target.Row, target)
		}
	}
}
