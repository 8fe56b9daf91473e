package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestCommitted compares the committed files with what the templates give.
func TestCommitted(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("../../../wire", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("wire/%s differs from its template: run go generate ./wire", name)
		}
	}
}
