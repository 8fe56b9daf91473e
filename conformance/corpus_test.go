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
	"github.com/thriftkit/thriftkit/idl/print"
	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/schema"
)

const generatedModule = "example.com/corpus"

// TestCorpus reads the .thrift files of public projects. testdata/corpus.tsv has the modules and versions that they are
// taken from, and the verdicts: how many files are accepted, and for the others how many have which code as their first
// error. Formatting loses nothing and has nothing to do a second time, and the Go code for accepted files compiles.
func TestCorpus(t *testing.T) {
	root := os.Getenv("THRIFTKIT_CORPUS")
	if _, err := os.Stat(root); err != nil {
		missing(t, fmt.Sprintf("THRIFTKIT_CORPUS (%q) names no folder with .thrift files", root))
	}
	table, err := os.ReadFile("testdata/corpus.tsv")
	if err != nil {
		t.Fatal(err)
	}
	source := compile.FS(os.DirFS(root))
	out := t.TempDir()
	var got strings.Builder
	got.WriteString("module\tversion\tfiles\taccepted\trejected\n")
	lines := strings.Split(strings.TrimSpace(string(table)), "\n")[1:]
	for i, line := range lines {
		cells := strings.Split(line, "\t")
		files, codes := 0, make(map[string]int)
		var accepted []*schema.File
		err := fs.WalkDir(os.DirFS(root), cells[0], func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || path.Ext(name) != ".thrift" {
				return err
			}
			files++
			file, diags := compile.Compile(name, compile.Options{Source: source})
			checkFormat(t, source, name, file)
			if file == nil {
				codes[diags.Errors()[0].Code]++
				return nil
			}
			accepted = append(accepted, file)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := generateGo(accepted, out, fmt.Sprint("m", i)); err != nil {
			t.Fatal(err)
		}
		var rejected []string
		for _, code := range slices.Sorted(maps.Keys(codes)) {
			rejected = append(rejected, fmt.Sprintf("%s %d", code, codes[code]))
		}
		if rejected == nil {
			rejected = []string{"-"}
		}
		fmt.Fprintf(&got, "%s\t%s\t%d\t%d\t%s\n", cells[0], cells[1], files, len(accepted), strings.Join(rejected, ", "))
	}
	if got.String() != string(table) {
		t.Errorf("the verdicts are not those of testdata/corpus.tsv:\n%s", &got)
	}
	library, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	mod := "module " + generatedModule + "\n\ngo 1.25\n\nrequire github.com/thriftkit/thriftkit v0.0.0\n\nreplace github.com/thriftkit/thriftkit => " + library + "\n"
	if err := os.WriteFile(filepath.Join(out, "go.mod"), []byte(mod), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "./...")
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
