package compile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/thriftkit/thriftkit/schema"
)

// tree is one program in several folders. "lib.thrift" is there twice: the one next to the
// including file comes first.
var tree = map[string]string{
	"main.thrift":      "include \"sub/mid.thrift\"\ninclude \"shared.thrift\"\nstruct Main {1: mid.Mid m, 2: shared.S s}",
	"sub/mid.thrift":   "include \"lib.thrift\"\ninclude \"../sub/./other.thrift\"\nstruct Mid {1: lib.Near n, 2: other.O o}",
	"sub/lib.thrift":   "struct Near {}",
	"sub/other.thrift": "include \"lib.thrift\"\nstruct O {1: lib.Near n}",
	"inc1/lib.thrift":  "struct Far {}",
	"inc2/shared.thrift": "include \"lib.thrift\"\n" +
		"struct S {1: lib.Far f}", // by way of inc1: it is not next to this file
}

func checkTree(t *testing.T, f *schema.File, diags error) {
	t.Helper()
	if f == nil {
		t.Fatal(diags)
	}
	mid := f.Struct("mid.Mid")
	if mid == nil || f.Struct("Main").Fields[0].Type.Struct != mid {
		t.Fatalf("mid.Mid is %v", mid)
	}
	near := f.Struct("mid.lib.Near")
	if near == nil || near != f.Struct("mid.other.lib.Near") || near != mid.Fields[0].Type.Struct {
		t.Errorf("one file by two paths gave %p and %p", near, f.Struct("mid.other.lib.Near"))
	}
	if f.Struct("shared.lib.Far") == nil {
		t.Error("no shared.lib.Far")
	}
}

func TestSourceMemory(t *testing.T) {
	f, diags := Compile("main.thrift", Options{Source: Texts(tree), IncludeDirs: []string{"inc1", "./inc2/"}})
	checkTree(t, f, diags)
	if len(diags) > 0 {
		t.Error(diags)
	}
	if got := f.Struct("mid.other.O").Pos.String(); got != "sub/other.thrift:2:8" {
		t.Errorf("position %s", got)
	}
}

func TestSourceFS(t *testing.T) {
	fsys := make(fstest.MapFS)
	for name, text := range tree {
		fsys["idl/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	f, diags := Compile("idl/main.thrift", Options{Source: FS(fsys), IncludeDirs: []string{"idl/inc1", "idl/sub/../inc2"}})
	checkTree(t, f, diags)

	fsys["idl/climb.thrift"] = &fstest.MapFile{Data: []byte(`include "../../climb.thrift"`)}
	_, diags = Compile("idl/climb.thrift", Options{Source: FS(fsys)})
	want := `idl/climb.thrift:1:9: error: no file ../../climb.thrift; looked for ../climb.thrift (add the directory that holds it to the include directories) [missing-include]`
	if diags.Error() != want {
		t.Errorf("got  %v\nwant %s", diags, want)
	}
}

func writeTree(t *testing.T) string {
	dir := t.TempDir()
	for name, text := range tree {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSourceOS(t *testing.T) {
	dir := writeTree(t)
	dirs := []string{filepath.Join(dir, "inc1"), filepath.Join(dir, "inc2")}
	f, diags := Compile(filepath.Join(dir, "main.thrift"), Options{IncludeDirs: dirs})
	checkTree(t, f, diags)

	t.Chdir(dir)
	abs := filepath.ToSlash(filepath.Join(dir, "sub", "lib.thrift"))
	if err := os.WriteFile("abs.thrift", []byte("include \"sub/lib.thrift\"\ninclude \""+abs+"\"\nstruct A {1: lib.Near n}"), 0o666); err != nil {
		t.Fatal(err)
	}
	p := Load([]string{"abs.thrift", "./sub/../main.thrift", filepath.Join(dir, "main.thrift")}, Options{IncludeDirs: dirs})
	if err := p.Diagnostics.Errors(); err != nil {
		t.Fatal(err)
	}
	if p.Files[1] != p.Files[2] || p.Files[0].Struct("lib.Near") != p.Files[1].Struct("mid.lib.Near") {
		t.Error("relative and absolute paths gave different files")
	}
	if len(p.Diagnostics) != 1 || p.Diagnostics[0].Code != "duplicate-include" {
		t.Error(p.Diagnostics)
	}

	if err := os.Symlink("lib.thrift", filepath.Join("sub", "link.thrift")); err != nil {
		if runtime.GOOS == "windows" {
			t.Skip(err) // links are a privilege there
		}
		t.Fatal(err)
	}
	p = Load([]string{"sub/lib.thrift", "sub/link.thrift"}, Options{})
	if p.Files[0] == nil || p.Files[0] != p.Files[1] {
		t.Errorf("a link gave another file: %v", p.Diagnostics)
	}
}

// overlay is what an editor does with texts that are not saved yet.
type overlay struct {
	OS
	texts Texts
}

func (o overlay) ReadFile(path string) ([]byte, error) {
	if data, err := o.texts.ReadFile(path); err == nil {
		return data, nil
	}
	return o.OS.ReadFile(path)
}

func TestSourceOverlay(t *testing.T) {
	dir := filepath.ToSlash(writeTree(t))
	o := overlay{texts: Texts{dir + "/sub/lib.thrift": "struct Near {1: string unsaved}"}}
	f, diags := Compile(dir+"/sub/mid.thrift", Options{Source: o})
	if f == nil || f.Struct("lib.Near").Field("unsaved") == nil {
		t.Error("the text on top was not read", diags)
	}
}

func TestCannotRead(t *testing.T) {
	dir := filepath.ToSlash(t.TempDir())
	if err := os.Mkdir(dir+"/folder.thrift", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/a.thrift", []byte("include \"folder.thrift\"\nstruct A {1: folder.X x}"), 0o666); err != nil {
		t.Fatal(err)
	}
	_, diags := Compile(dir+"/none.thrift", Options{})
	if got, want := diags.Error(), dir+"/none.thrift: error: cannot be read: it does not exist [cannot-read]"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	_, diags = Compile(dir+"/a.thrift", Options{})
	got := diags.Error()
	if !strings.HasPrefix(got, dir+"/a.thrift:1:9: error: "+dir+"/folder.thrift cannot be read: ") || len(diags) != 1 {
		t.Errorf("got %s", got)
	}
	_, err := FS(fstest.MapFS{}).ReadFile("/etc/passwd")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
