package format_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/format"
	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/internal/idltest"
	"github.com/thriftkit/thriftkit/schema"
)

// variants are the options under which everything is checked.
var variants = []format.Options{
	{},
	{Align: true},
	{Separator: format.Semicolon, Indent: 4},
	{Separator: format.NoSeparator, Width: 40, Align: true},
	{Width: 1, Indent: 1},
	{Separator: format.Keep, Align: true, Width: 60},
}

// check checks what holds for any text.
func check(t *testing.T, src []byte) {
	t.Helper()
	before, diags := syntax.Parse("a.thrift", src)
	for _, o := range variants {
		out, err := format.Source("a.thrift", src, o)
		if errs := diags.Errors(); errs != nil {
			var got syntax.Diagnostics
			if !errors.As(err, &got) || got.Error() != errs.Error() || out != nil {
				t.Fatalf("%q\n gives %q, %v\nwant %v", src, out, err, errs)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%q: %v", src, err)
		}
		again, err := format.Source("a.thrift", out, o)
		if err != nil || string(again) != string(out) {
			t.Fatalf("%q\n%+v gives\n%s\nand then, %v\n%s", src, o, out, err, again)
		}
		after, _ := syntax.Parse("a.thrift", out)
		if a, b := contents(before), contents(after); a != b {
			t.Fatalf("%q\n%+v gives\n%s\ntokens and comments were\n%s\nand are\n%s", src, o, out, a, b)
		}
		if d := difference(before, after); d != "" {
			t.Fatalf("%q\n%+v gives\n%s\n%s", src, o, out, d)
		}
		checkLines(t, string(out))
	}
}

func checkLines(t *testing.T, out string) {
	t.Helper()
	if out != "" && (out[0] == '\n' || !strings.HasSuffix(out, "\n") || strings.HasSuffix(out, "\n\n")) {
		t.Fatalf("the text begins or ends badly: %q", out)
	}
	for line := range strings.SplitSeq(out, "\n") {
		if strings.TrimRight(line, " \t\r") != line {
			t.Fatalf("line %q ends with blanks in %q", line, out)
		}
	}
}

// contents returns what formatting must keep, one piece a line: tokens except for separators, and
// comments between them except for the blanks around their lines.
func contents(f *syntax.File) string {
	var b strings.Builder
	for i, token := range f.Tokens {
		for _, piece := range f.Trivia(i) {
			switch piece.Kind {
			case syntax.LineComment, syntax.BlockComment, syntax.DocComment:
				for line := range strings.SplitSeq(f.Text(piece.Span), "\n") {
					fmt.Fprintf(&b, "%d %q\n", piece.Kind, strings.Trim(line, " \t\r"))
				}
			}
		}
		if text := f.Text(token.Range()); text != "," && text != ";" {
			b.WriteString(text + "\n")
		}
	}
	return b.String()
}

// difference returns the path of the first place where two trees, or two schemas, differ, positions
// aside; "" if they are equal.
func difference(a, b any) string {
	d := differ{met: make(map[[2]any]bool)}
	if f, ok := a.(*syntax.File); ok {
		g := b.(*syntax.File)
		d.compare("doc", reflect.ValueOf(f.Doc), reflect.ValueOf(g.Doc))
		d.compare("headers", reflect.ValueOf(f.Headers), reflect.ValueOf(g.Headers))
		d.compare("defs", reflect.ValueOf(f.Defs), reflect.ValueOf(g.Defs))
	} else {
		d.compare("file", reflect.ValueOf(a), reflect.ValueOf(b))
	}
	return d.found
}

type differ struct {
	met   map[[2]any]bool // pairs of pointers
	found string
}

func (d *differ) compare(path string, a, b reflect.Value) {
	switch {
	case d.found != "" || a.Type() == reflect.TypeFor[schema.Position]() || a.Type() == reflect.TypeFor[syntax.Span]():
		return
	case (a.Kind() == reflect.Pointer || a.Kind() == reflect.Interface) && !a.IsNil() && !b.IsNil() && a.Elem().Type() == b.Elem().Type():
		if a.Kind() == reflect.Pointer {
			pair := [2]any{a.Interface(), b.Interface()}
			if d.met[pair] {
				return
			}
			d.met[pair] = true
		}
		d.compare(path, a.Elem(), b.Elem())
		return
	case a.Kind() == reflect.Struct:
		for i := range a.NumField() {
			if f := a.Type().Field(i); f.IsExported() {
				d.compare(path+"."+f.Name, a.Field(i), b.Field(i))
			}
		}
		return
	case a.Kind() == reflect.Slice && a.Len() == b.Len():
		for i := range a.Len() {
			d.compare(fmt.Sprintf("%s[%d]", path, i), a.Index(i), b.Index(i))
		}
		return
	}
	if x, y := fmt.Sprintf("%#v", a), fmt.Sprintf("%#v", b); x != y {
		d.found = fmt.Sprintf("%s is %s, was %s", path, y, x)
	}
}

func TestForms(t *testing.T) {
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			got, err := format.Source("a.thrift", []byte(f.src), f.opts)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != f.want {
				t.Errorf("%s\ngives\n%s\nwant\n%s", f.src, got, f.want)
			}
			check(t, []byte(f.src))
			check(t, []byte(strings.ReplaceAll(f.src, "\n", "\r\n")))
		})
	}
}

func TestErrors(t *testing.T) {
	out, err := format.Source("dir/a.thrift", []byte("struct A {\n  1: i32\n}\nenum E { A B = }\nunion U {1: i32 a}"), format.Options{})
	const want = "dir/a.thrift:3:1: error: expected the name of a field, found \"}\" [syntax]\n" +
		"dir/a.thrift:4:16: error: expected an integer, found \"}\" [syntax]"
	var diags syntax.Diagnostics
	if out != nil || !errors.As(err, &diags) || err.Error() != want {
		t.Errorf("got %q, %v\nwant %s", out, err, want)
	}
	// Warnings are none of the formatter's business.
	if _, err := format.Source("a.thrift", []byte("service A { async void f() }"), format.Options{}); err != nil {
		t.Error(err)
	}
}

const probes = "../compile/testdata/probes"

// probeTexts returns the text of files of one construct each, by name.
func probeTexts(t testing.TB) map[string]string {
	files, err := os.ReadDir(probes)
	if err != nil {
		t.Fatal(err)
	}
	texts := make(map[string]string)
	for _, file := range files {
		src, err := os.ReadFile(filepath.Join(probes, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		texts[file.Name()] = string(src)
	}
	return texts
}

func TestProbes(t *testing.T) {
	formatted := 0
	for name, src := range probeTexts(t) {
		check(t, []byte(src))
		check(t, []byte(strings.ReplaceAll(src, " ", " /* a\n\tb */\t")))
		check(t, []byte(strings.ReplaceAll(src, " ", " // a\n")))
		if checkSchema(t, compile.FS(os.DirFS(probes)), name) {
			formatted++
		}
	}
	if formatted < 200 {
		t.Errorf("only %d files compile", formatted)
	}
}

// over is a source with another text for one of its files.
type over struct {
	compile.Source
	path string
	text []byte
}

func (o over) ReadFile(path string) ([]byte, error) {
	if path == o.path {
		return o.text, nil
	}
	return o.Source.ReadFile(path)
}

// checkSchema checks that a file compiles to the same when it is formatted; it reports false if it
// does not compile.
func checkSchema(t *testing.T, source compile.Source, path string) bool {
	t.Helper()
	before, _ := compile.Compile(path, compile.Options{Source: source})
	if before == nil {
		return false
	}
	src, err := source.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range variants {
		text, err := format.Source(path, src, o)
		if err != nil {
			t.Fatal(err)
		}
		after, diags := compile.Compile(path, compile.Options{Source: over{source, path, text}})
		if after == nil {
			t.Fatalf("%s\n%s", diags, text)
		}
		if d := difference(before, after); d != "" {
			t.Errorf("%s: %s\n%s", path, d, text)
		}
	}
	return true
}

// Every .thrift file of the repository except for the probes.
func TestRepository(t *testing.T) {
	root := os.DirFS("../..")
	files := 0
	err := fs.WalkDir(root, ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".thrift" && !strings.Contains(path, "probes") {
			src, err := fs.ReadFile(root, path)
			if err != nil {
				return err
			}
			check(t, src)
			checkSchema(t, compile.FS(root), path)
			files++
		}
		return err
	})
	if err != nil || files < 5 {
		t.Errorf("%d files, %v", files, err)
	}
}

func TestLarge(t *testing.T) {
	src := idltest.Large()
	check(t, src)
	checkSchema(t, compile.Texts{"large.thrift": string(src)}, "large.thrift")
}

// A text of one line with many lists on it must not take forever.
func TestManyLists(t *testing.T) {
	annotated := `i32 (a = "b")`
	for range 14 {
		annotated = "map<" + annotated + ", " + annotated + ">"
	}
	for _, src := range []string{
		"typedef " + annotated + " T",
		"const list<i32> A = [" + strings.Repeat("[1, 2, 3] ", 20000) + "]",
		strings.Repeat("struct A { 1: i32 a } ", 20000),
		"struct A {" + strings.Repeat("/* a\n */ ", 20000) + "}",
		strings.Repeat("struct A { 1: i32 a } ", 10000) + strings.Repeat("// a\n", 50000),
	} {
		for _, o := range variants {
			if _, err := format.Source("a.thrift", []byte(src), o); err != nil {
				t.Error(err)
			}
		}
	}
}
