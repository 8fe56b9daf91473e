package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/analysis"
	"github.com/thriftkit/thriftkit/idl/breaking"
	"github.com/thriftkit/thriftkit/idl/format"
	"github.com/thriftkit/thriftkit/idl/lsp"
)

// Formatting in an editor and by fmt must agree, with and without a project file.
func TestLSPFormatsAsFmt(t *testing.T) {
	for _, c := range []struct {
		name, config string
		want         format.Separator
	}{
		{"no project file", "", format.Keep},
		{"no section format", "include-dirs: [idl]\n", format.Keep},
		{"other keys", "format:\n  width: 80\n", format.Keep},
		{"keep", "format:\n  separator: keep\n", format.Keep},
		{"comma", "format:\n  separator: comma\n", format.Comma},
		{"none", "format:\n  separator: none\n", format.NoSeparator},
	} {
		dir := t.TempDir()
		if c.config != "" {
			write(t, filepath.Join(dir, "thriftkit.yaml"), c.config)
		}
		o, err := configureLSP([]string{filepath.ToSlash(dir)}, "")
		if err != nil || o.Format.Separator != c.want {
			t.Errorf("%s: separator %d, %v; want %d", c.name, o.Format.Separator, err, c.want)
		}
	}
	if o, err := configureLSP(nil, ""); err != nil || o.Format.Separator != format.Keep {
		t.Errorf("no directory: separator %d, %v", o.Format.Separator, err)
	}
}

// Mistakes in the project file have their places in it.
func TestLSPConfigErrors(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "thriftkit.yaml")
	write(t, name, "dialect: klingon\nformat:\n  widht: 80\n")
	_, err := configureLSP([]string{filepath.ToSlash(dir)}, "")
	var e *lsp.ConfigError
	if !errors.As(err, &e) || e.Path != filepath.ToSlash(name) || e.Line != 1 || e.Column != 10 {
		t.Errorf("got %#v of %v", e, err)
	}
}

// What the section breaking accepts and leaves out holds in the editor as well.
func TestLSPBreakingConfig(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "thriftkit.yaml"), "breaking:\n  policy: [wire, json]\n  accepted: accepted.json\n")
	write(t, filepath.Join(dir, "accepted.json"), `[{"rule": "FIELD_NO_DELETE", "path": "A.b", "message": "gone", "reason": "nobody has it"}]`)
	o, err := configureLSP([]string{filepath.ToSlash(dir)}, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := o.BaseOptions.Categories; !slices.Equal(got, []breaking.Category{breaking.Wire, breaking.JSON}) {
		t.Errorf("categories %v", got)
	}
	for path, want := range map[string]bool{"A.b": true, "A.c": false} {
		if got := o.Accepted(&breaking.Finding{Rule: breaking.Find("FIELD_NO_DELETE"), Path: path, Message: "gone"}); got != want {
			t.Errorf("%s accepted: %v", path, got)
		}
	}
	for _, c := range []struct{ config, want string }{
		{"breaking:\n  policy: bytes\n", "want one of file, json, source, wire"},
		{"breaking:\n  accepted: nowhere.json\n", "nowhere.json"},
	} {
		write(t, filepath.Join(dir, "thriftkit.yaml"), c.config)
		if _, err := configureLSP([]string{filepath.ToSlash(dir)}, ""); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.config, err)
		}
	}
}

// TestLSPBreakingAsCommand accepts everything that the command finds, also of includes and of ids in the history, in two working directories; the editor, which
// found it before, finds nothing then.
func TestLSPBreakingAsCommand(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	top := t.TempDir()
	project := filepath.Join(top, "project")
	file := func(name string) string { return filepath.Join(project, filepath.FromSlash(name)) }
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", top, "-c", "user.name=Dev", "-c", "user.email=dev@example.com"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	for _, dir := range []string{"idl", "shared"} {
		if err := os.MkdirAll(file(dir), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	run("init", "-q")
	write(t, file("shared/lib.thrift"), "struct L {}\n")
	write(t, file("idl/other.thrift"), "struct O {}\n")
	write(t, file("idl/a.thrift"), "include \"lib.thrift\"\nstruct A {\n  1: lib.L l\n  7: string gone\n}\n")
	run("add", ".")
	run("commit", "-qm", "one")
	write(t, file("idl/a.thrift"), "include \"lib.thrift\"\nstruct A {\n  // reserved 9\n  1: lib.L l\n}\nstruct M {}\n")
	run("commit", "-qam", "two")
	write(t, file("idl/a.thrift"), "include \"other.thrift\"\nstruct A {\n  2: other.O o\n  7: i32 b\n}\n")
	write(t, file("idl/other.thrift"), "struct O {}\nstruct M {}\n")
	write(t, file("thriftkit.yaml"), "include-dirs: [shared]\nbreaking:\n  against: HEAD\n")
	findings := func() []string {
		t.Helper()
		o, err := configureLSP([]string{filepath.ToSlash(project)}, "")
		if err != nil {
			t.Fatal(err)
		}
		o.Roots = []string{filepath.ToSlash(project)}
		a := filepath.ToSlash(file("idl/a.thrift"))
		var list []string
		for _, f := range analysis.NewWorkspace(o).View(a).Breaking(a) {
			list = append(list, f.Code)
		}
		slices.Sort(list)
		return slices.Compact(list)
	}
	if got, want := findings(), []string{"FIELD_ID_REUSED", "FIELD_NO_DELETE", "INCLUDE_REMOVED", "RESERVED_NO_DELETE"}; !slices.Equal(got, want) {
		t.Errorf("the editor finds %v, want %v", got, want)
	}
	for _, dir := range []string{"", "idl"} {
		t.Chdir(file(dir))
		os.Remove(file("accepted.json"))
		files := map[string]string{"": "idl", "idl": "."}[dir]
		if code, _, stderr := runHere(t, "", "breaking", "--accepted", file("accepted.json"), "--write-accepted", files); code != 0 {
			t.Fatalf("code %d\n%s", code, stderr)
		}
		write(t, file("thriftkit.yaml"), "include-dirs: [shared]\nbreaking:\n  against: HEAD\n  accepted: accepted.json\n")
		if got := findings(); len(got) > 0 {
			text, _ := os.ReadFile(file("accepted.json"))
			t.Errorf("accepted in %q, and the editor finds %v\n%s", dir, got, text)
		}
	}
}
