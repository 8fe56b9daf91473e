package main

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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
