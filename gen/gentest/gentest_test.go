package gentest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestUpToDate generates the code in the folders below again.
func TestUpToDate(t *testing.T) {
	files, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range files {
		got, err := os.ReadFile(filepath.FromSlash(path))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what is generated (%v): run go generate in gen/gentest", path, err)
		}
	}
}
