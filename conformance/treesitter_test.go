package conformance

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/syntax"
)

// TestTreeSitter compares the grammar in editors/tree-sitter-thrift with our own parser, over the public files of TestCorpus and the project's: what our parser
// reads without mistakes, that of the grammar reads, too, and the words that are coloured as keywords and comments are those that are.
func TestTreeSitter(t *testing.T) {
	place := os.Getenv("THRIFTKIT_TREESITTER")
	corpus := os.Getenv("THRIFTKIT_CORPUS")
	for _, dir := range []string{place, corpus} {
		if _, err := os.Stat(dir); err != nil {
			missing(t, "no parser of the grammar for tree-sitter, or no public files")
		}
	}
	var paths []string
	for _, dir := range []string{corpus, ".."} {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() && filepath.Ext(path) == ".thrift" {
				paths = append(paths, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(filepath.Join(filepath.Dir(place), "treesitter"), "parse", filepath.Join(place, "thrift.so"), "../editors/tree-sitter-thrift/queries/highlights.scm")
	cmd.Stdin = strings.NewReader(strings.Join(paths, "\n") + "\n")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if err != nil || len(lines) != len(paths) {
		t.Fatalf("%v: %d files, %d lines\n%s", err, len(paths), len(lines), stderr.String())
	}
	good := 0
	for i, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tree, diags := syntax.Parse(path, text)
		if len(diags.Errors()) > 0 || bytes.IndexByte(text, 0) >= 0 { // tree-sitter ends at a NUL
			continue
		}
		good++
		words := strings.Split(lines[i], "\t")
		if words[0] != "ok" {
			t.Errorf("%s: %s", path, words[0])
			continue
		}
		if got, want := coloured(words[1:]), keywordsAndComments(tree); !slices.Equal(got, want) {
			k := 0
			for k < len(got) && k < len(want) && got[k] == want[k] {
				k++
			}
			t.Errorf("%s: coloured are %q, want %q", path, got[k:min(k+3, len(got))], want[k:min(k+3, len(want))])
		}
	}
	if good < 500 {
		t.Errorf("only %d files without mistakes", good)
	}
}

// coloured returns the keywords and comments of captures, "capture=word". A keyword may be coloured as a name, where it is one.
func coloured(captures []string) []string {
	var list []string
	for _, c := range captures {
		capture, word, _ := strings.Cut(c, "=")
		if capture == "comment" || capture != "string" && slices.Contains(syntax.Keywords(), word) {
			list = append(list, strings.TrimSpace(word))
		}
	}
	return list
}

func keywordsAndComments(f *syntax.File) []string {
	var list []string
	for i, tok := range f.Tokens {
		for _, c := range f.Trivia(i) {
			if c.Kind == syntax.LineComment || c.Kind == syntax.BlockComment || c.Kind == syntax.DocComment {
				list = append(list, strings.TrimSpace(strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(strings.ToValidUTF8(f.Text(c.Span), "\uFFFD"))))
			}
		}
		if tok.Kind() == syntax.Keyword && slices.Contains(syntax.Keywords(), f.Text(tok.Range())) {
			list = append(list, f.Text(tok.Range()))
		}
	}
	return list
}
