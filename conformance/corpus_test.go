package conformance

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/gen"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/format"
	"github.com/thriftkit/thriftkit/idl/lint"
	"github.com/thriftkit/thriftkit/idl/print"
	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/schema"
)

const generatedModule = "example.com/corpus"

// TestCorpus reads the .thrift files of public packages. testdata/corpus.tsv has the packages, their versions and checksums, and the
// verdicts: how many files are accepted, and for the others how many have which code as their first error. Formatting
// loses nothing and has nothing to do a second time, and linting keeps what accepted files mean. The Go code for accepted files compiles; of files that are in several
// packages with the same text and the same includes, one is compiled.
func TestCorpus(t *testing.T) {
	root := os.Getenv("THRIFTKIT_CORPUS")
	table, err := os.ReadFile("testdata/corpus.tsv")
	if err != nil {
		t.Fatal(err)
	}
	const head = "source\tpackage\tversion\tsum\tfiles\taccepted\trejected"
	lines := strings.Split(strings.TrimSpace(string(table)), "\n")
	if lines[0] != head {
		t.Fatalf("testdata/corpus.tsv begins with %q, want %q", lines[0], head)
	}
	packages := make(map[string][]string)
	for _, line := range lines[1:] {
		source, _, _ := strings.Cut(line, "\t")
		packages[source] = append(packages[source], line)
	}
	out := t.TempDir()
	seen := make(map[string]bool)
	for _, source := range slices.Sorted(maps.Keys(packages)) {
		t.Run(source, func(t *testing.T) {
			dir := filepath.Join(root, source)
			if _, err := os.Stat(dir); root == "" || err != nil {
				missing(t, fmt.Sprintf("THRIFTKIT_CORPUS (%q) names no folder with the .thrift files of %s", root, source))
			}
			for i, line := range packages[source] {
				cells := strings.Split(line, "\t")
				verdicts, accepted := checkPackage(t, dir, cells[1], seen)
				if len(accepted) > 0 {
					if err := generateGo(accepted, out, fmt.Sprint(source, i)); err != nil {
						t.Error(err)
					}
				}
				if got := strings.Join(cells[:4], "\t") + "\t" + verdicts; got != line {
					t.Errorf("the verdicts are not those of testdata/corpus.tsv\n got: %s\nwant: %s", got, line)
				}
			}
		})
	}
	if len(seen) > 0 {
		t.Run("compile", func(t *testing.T) { compileGo(t, out) })
	}
}

// checkPackage reads the files of one package and returns its verdicts as they stand in the table, and the accepted files whose
// text, with that of their includes, is not among those seen.
func checkPackage(t *testing.T, dir, pkg string, seen map[string]bool) (verdicts string, fresh []*schema.File) {
	source := compile.FS(os.DirFS(dir))
	files, accepted, codes := 0, 0, make(map[string]int)
	err := fs.WalkDir(os.DirFS(dir), pkg, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || path.Ext(name) != ".thrift" {
			return err
		}
		files++
		file, diags := compile.Compile(name, compile.Options{Source: source})
		checkFormat(t, source, name, file)
		if file == nil {
			checkLint(t, source, name, nil)
			codes[diags.Errors()[0].Code]++
			return nil
		}
		accepted++
		text, err := allText(source, file)
		if err == nil && !seen[text] {
			seen[text] = true
			fresh = append(fresh, file)
			checkLint(t, source, name, file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var rejected []string
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		rejected = append(rejected, fmt.Sprintf("%s %d", code, codes[code]))
	}
	if rejected == nil {
		rejected = []string{"-"}
	}
	return fmt.Sprintf("%d\t%d\t%s", files, accepted, strings.Join(rejected, ", ")), fresh
}

// allText returns the text of a file and of all that it includes, each with the base name of its file.
func allText(source compile.Source, file *schema.File) (string, error) {
	var all strings.Builder
	for _, f := range append(file.Reachable(), file) {
		text, err := source.ReadFile(f.Path)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&all, "%s\n%s\n", path.Base(f.Path), text)
	}
	return all.String(), nil
}

// compileGo builds what generateGo has written to a folder.
func compileGo(t *testing.T, out string) {
	library, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	mod := "module " + generatedModule + "\n\ngo 1.25\n\nrequire github.com/thriftkit/thriftkit v0.0.0\n\nreplace github.com/thriftkit/thriftkit => " + library + "\n"
	if err := os.WriteFile(filepath.Join(out, "go.mod"), []byte(mod), 0o666); err != nil {
		t.Fatal(err)
	}
	// Without optimizations: what matters is that it compiles.
	cmd := exec.Command("go", "build", "-gcflags=-N -l", "./...")
	cmd.Dir = out
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	if text, err := cmd.CombinedOutput(); err != nil {
		const enough = 4000
		t.Errorf("the generated code does not compile: %v\n%.*s", err, enough, text)
	}
}

// generateGo writes the Go code for files and their includes into a folder.
func generateGo(files []*schema.File, out, folder string) error {
	code, err := gen.Go(files, gen.Options{ImportPath: path.Join(generatedModule, folder)})
	if err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	for _, f := range code {
		name := filepath.Join(out, folder, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(name, f.Text, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// checkFormat formats a file: the tokens, comments and the schema stay, and formatting again changes nothing.
func checkFormat(t *testing.T, source compile.Source, name string, file *schema.File) {
	t.Helper()
	src, err := source.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, diags := syntax.Parse(name, src)
	if before.String() != string(src) {
		t.Errorf("%s: the tokens are not the text", name)
	}
	for _, o := range []format.Options{{}, {Align: true, Separator: format.Keep}} {
		text, err := format.Source(name, src, o)
		if len(diags.Errors()) > 0 {
			if err == nil {
				t.Errorf("%s: formatted in spite of %v", name, diags)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if again, err := format.Source(name, text, o); err != nil || !bytes.Equal(again, text) {
			t.Errorf("%s: formatting twice differs, %v", name, err)
		}
		after, _ := syntax.Parse(name, text)
		if a, b := pieces(before), pieces(after); !slices.Equal(a, b) {
			i := 0
			for i < min(len(a), len(b)) && a[i] == b[i] {
				i++
			}
			t.Errorf("%s: after formatting, token or comment %d is not what it was:\n%q\n%q", name, i, a[i:min(i+3, len(a))], b[i:min(i+3, len(b))])
		}
		if file == nil {
			continue
		}
		formatted, diags := compile.Compile(name, compile.Options{Source: replaced{source, name, text}})
		if formatted == nil || !bytes.Equal(print.AppendFile(nil, formatted), print.AppendFile(nil, file)) {
			t.Errorf("%s: formatting changes what the file means: %v", name, diags.Errors())
		}
	}
}

// checkLint lints a file by all rules and applies what fixes are safe: the file means the same afterwards, and there is nothing to fix a second time.
func checkLint(t *testing.T, source compile.Source, name string, file *schema.File) {
	t.Helper()
	opts := lint.Options{Sets: []lint.Set{lint.Strict, lint.Comments}, Only: func(p string) bool { return p == name }}
	fixed, err := lint.FixAll([]string{name}, compile.Options{Source: source}, opts, false)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	for other := range fixed.Texts {
		if other != name {
			t.Errorf("%s: a fix changes %s", name, other)
		}
	}
	text, changed := fixed.Texts[name]
	if !changed {
		return
	}
	now := replaced{source, name, text}
	if again, err := lint.FixAll([]string{name}, compile.Options{Source: now}, opts, false); err != nil || len(again.Texts) > 0 {
		t.Errorf("%s: fixing twice differs, %v\n%s", name, err, again.Texts[name])
	}
	if file == nil {
		return
	}
	after, diags := compile.Compile(name, compile.Options{Source: now})
	if after == nil {
		t.Errorf("%s: not accepted after fixing: %v", name, diags.Errors())
		return
	}
	if a, b := meaning(file), meaning(after); !slices.Equal(a, b) {
		i := 0
		for i < min(len(a), len(b)) && a[i] == b[i] {
			i++
		}
		t.Errorf("%s: fixing changes what the file means:\n%q\n%q", name, a[i:min(i+3, len(a))], b[i:min(i+3, len(b))])
	}
}

// meaning returns the definitions of a file line by line, without its includes.
func meaning(f *schema.File) []string {
	return slices.DeleteFunc(strings.Split(string(print.AppendFile(nil, f)), "\n"), func(line string) bool { return line == "" || strings.HasPrefix(line, "include ") })
}

// pieces are the tokens of a file, without separators, and its comments, without the blanks around their lines.
func pieces(f *syntax.File) []string {
	var out []string
	for i, token := range f.Tokens {
		for _, p := range f.Trivia(i) {
			switch p.Kind {
			case syntax.LineComment, syntax.BlockComment, syntax.DocComment:
				for line := range strings.SplitSeq(f.Text(p.Span), "\n") {
					out = append(out, strings.Trim(line, " \t\r"))
				}
			}
		}
		if text := f.Text(token.Range()); text != "," && text != ";" {
			out = append(out, text)
		}
	}
	return out
}

// replaced is a source in which one file has another text.
type replaced struct {
	compile.Source
	name string
	text []byte
}

func (r replaced) ReadFile(name string) ([]byte, error) {
	if name == r.name {
		return r.text, nil
	}
	return r.Source.ReadFile(name)
}
