//go:build darwin || freebsd || linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFmtCannotWrite is about modes of files.
func TestFmtCannotWrite(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, dir := range []string{"closed", "open"} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		write(t, dir+"/a.thrift", "struct A{}")
	}
	for name, mode := range map[string]os.FileMode{"closed": 0o555, "open/a.thrift": 0o444} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(name, 0o777)
	}
	if os.Getuid() == 0 {
		// Modes are no hindrance for root: be somebody else.
		for _, d := range []string{filepath.Dir(dir), dir} {
			if err := os.Chmod(d, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		const nobody = 65534
		if err := syscall.Setreuid(-1, nobody); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := syscall.Setreuid(-1, 0); err != nil {
				t.Fatal(err)
			}
		}()
	}
	for _, dir := range []string{"closed", "open"} {
		code, _, errOut := runHere(t, "", "fmt", "-w", dir)
		if code != 1 || !strings.HasPrefix(errOut, "thriftkit: open "+dir+"/") || strings.Count(errOut, "\n") != 1 {
			t.Errorf("exit code %d, %s", code, errOut)
		}
		checkFile(t, dir+"/a.thrift", "struct A{}", 0)
		if rest, err := filepath.Glob(dir + "/.*"); len(rest) > 0 {
			t.Errorf("left behind: %v, %v", rest, err)
		}
	}
}
