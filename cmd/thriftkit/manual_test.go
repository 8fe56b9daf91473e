package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// The pages in the tree are those of this program, and no others.
func TestManual(t *testing.T) {
	pages, err := manual()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range pages {
		got, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n")), want) {
			t.Errorf("%s is not what the program says of itself: run go generate ./cmd/thriftkit", name)
		}
	}
	files, err := filepath.Glob("../../docs/man/*")
	if err != nil {
		t.Fatal(err)
	}
	// The other pages are the reference of commands and the rules of lint and breaking in two languages each.
	if len(files) != len(pages)-5 || len(files) < 10 {
		t.Errorf("%d man pages in the tree, and %d commands", len(files), len(pages)-5)
	}
}
