package main

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestFmtReplacesFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes and links are another matter there")
	}
	t.Chdir(t.TempDir())
	const rough, fine = "struct A{1:i32 a,}", "struct A {\n  1: i32 a,\n}\n"
	for _, dir := range []string{"dir", "elsewhere"} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	write(t, "dir/a.thrift", rough)
	write(t, "dir/b.thrift", fine)
	write(t, "elsewhere/c.thrift", rough)
	for name, target := range map[string]string{"dir/link.thrift": "a.thrift", "dir/sub": "../elsewhere", "all": "dir"} {
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"dir/a.thrift": 0o640, "dir/b.thrift": 0o444} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	formatted, err := os.Stat("dir/b.thrift")
	if err != nil {
		t.Fatal(err)
	}

	// A link to a directory that is named is followed, those in it are not.
	if code, out, errOut := runHere(t, "", "fmt", "-w", "all"); code != 0 || out+errOut != "" {
		t.Fatalf("exit code %d, %s%s", code, out, errOut)
	}
	checkFile(t, "dir/a.thrift", fine, 0o640)
	checkFile(t, "elsewhere/c.thrift", rough, 0)
	if now, err := os.Stat("dir/b.thrift"); err != nil || !os.SameFile(now, formatted) {
		t.Errorf("a formatted file was replaced: %v", err)
	}

	// A link to a file stays one.
	write(t, "dir/a.thrift", rough)
	if code, out, errOut := runHere(t, "", "fmt", "-w", "dir/link.thrift"); code != 0 || out+errOut != "" {
		t.Fatalf("exit code %d, %s%s", code, out, errOut)
	}
	checkFile(t, "dir/a.thrift", fine, 0o640)
	if target, err := os.Readlink("dir/link.thrift"); target != "a.thrift" {
		t.Errorf("the link is to %q: %v", target, err)
	}
	if rest, err := filepath.Glob("dir/.*"); len(rest) > 0 {
		t.Errorf("left behind: %v, %v", rest, err)
	}
}

// checkFile checks what a file has and, unless it is 0, its mode.
func checkFile(t *testing.T, path, want string, mode os.FileMode) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s has %q, %v\nwant %q", path, got, err, want)
	}
	if info, err := os.Stat(path); err != nil || mode != 0 && info.Mode() != mode {
		t.Errorf("%s has mode %v, want %v; %v", path, info.Mode(), mode, err)
	}
}
