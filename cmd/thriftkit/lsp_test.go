package main

import (
	"errors"
	"path/filepath"
	"testing"

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
