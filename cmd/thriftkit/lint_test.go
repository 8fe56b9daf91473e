package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
)

// What --format sarif writes is valid by the schema of SARIF 2.1.0.
func TestSARIF(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, filepath.Join(dir, "a b.thrift"), "struct my_struct {\n  1: required byte a,\n  1: Colour 颜色\n}\nenum Color { A, B }\nstruct A {1: i32 a_b, 2: i32 aB}\n")
	for _, args := range [][]string{{"a b.thrift"}, {"--set", "strict,comments", "a b.thrift"}, {"nope.thrift"}} {
		var out, errOut bytes.Buffer
		run(append([]string{"lint", "--format", "sarif"}, args...), os.Stdin, &out, &errOut)
		report, err := sarif.FromBytes(out.Bytes())
		if err != nil {
			t.Fatal(err, errOut.String())
		}
		if err := report.Validate(); err != nil {
			t.Errorf("%v: %v", args, err)
		}
		if len(report.Runs) != 1 || len(report.Runs[0].Results) == 0 {
			t.Errorf("%v: no results", args)
		}
	}
}
