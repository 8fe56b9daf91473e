package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/idl/syntax"
)

// TestTextMate colours files by the TextMate grammar, as Visual Studio Code and JetBrains' editors do, and compares the places of comments, strings, numbers, keywords and
// fbthrift's annotations with those of our own lexer: of the project's files, and of the public ones where they are. Files with mistakes are left out.
func TestTextMate(t *testing.T) {
	library := editor(t, "library of Visual Studio Code", "THRIFTKIT_VSCODE")
	dirs := []string{"../.."}
	if corpus := os.Getenv("THRIFTKIT_CORPUS"); corpus != "" {
		if _, err := os.Stat(corpus); err == nil {
			dirs = append(dirs, corpus)
		}
	}
	odd := filepath.Join(t.TempDir(), "odd.thrift") // what is rare in others' files
	write(t, odd, "/***/ /**/ /* a */ /** b\n c */ const string s = \"//\" // \"x\n# 'y\nconst double d = -1.5e-3 const double e = .5 const double g = 2. const i32 h = 0xFF const double f = 1e5\n"+
		"struct struct_ { 1: string (a = \"b\") x (c = 'd\\'')\n-2: i32 i32_, 3: map<string, list<i32>> m = {\"a\": [1, -2]} }\nservice S extends a.service_ { void f () throws (1: X x) oneway void g(1: bool b = true) }\n")
	paths := []string{odd}
	for _, dir := range dirs {
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
	cmd := exec.Command("node", "testdata/editors/textmate.js", library, "../../editors/vscode/syntaxes/thrift.tmLanguage.json")
	cmd.Stdin = strings.NewReader(strings.Join(paths, "\n") + "\n")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	lines := bytes.Split(bytes.TrimSuffix(out, []byte("\n")), []byte("\n"))
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
		if len(diags.Errors()) > 0 || !utf8.Valid(text) {
			if path == odd {
				t.Fatal(diags)
			}
			continue
		}
		good++
		var coloured [][4]any
		if err := json.Unmarshal(lines[i], &coloured); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range coloured {
			got = append(got, fmt.Sprint(c[0], ":", c[1], "-", c[2], " ", c[3]))
		}
		if want := lexed(tree); !slices.Equal(got, want) {
			k := 0
			for k < len(got) && k < len(want) && got[k] == want[k] {
				k++
			}
			t.Errorf("%s: coloured are %q, want %q", path, got[k:min(k+3, len(got))], want[k:min(k+3, len(want))])
		}
	}
	if want := map[bool]int{false: 10, true: 500}[len(dirs) > 1]; good < want {
		t.Errorf("only %d files without mistakes", good)
	}
	t.Logf("%d files", good)
}

// lexed returns what textmate.js prints of a file that is coloured as our lexer reads it.
func lexed(f *syntax.File) []string {
	type part struct {
		line, from, to int
		class          string
	}
	var list []part
	add := func(s syntax.Span, class string) {
		at := s.Start
		for line := range strings.Lines(f.Text(s)) {
			place := f.Place(syntax.Span{Start: at, End: at})
			from := len(utf16.Encode([]rune(string(f.Source[at-place.Column+1 : at]))))
			to := from + len(utf16.Encode([]rune(strings.TrimRight(line, "\r\n"))))
			at += len(line)
			if n := len(list); n > 0 && list[n-1].line == place.Line-1 && list[n-1].to == from && list[n-1].class == class {
				list[n-1].to = to
			} else if from < to {
				list = append(list, part{place.Line - 1, from, to, class})
			}
		}
	}
	at := false
	for i, tok := range f.Tokens {
		for _, c := range f.Trivia(i) {
			if c.Kind == syntax.LineComment || c.Kind == syntax.BlockComment || c.Kind == syntax.DocComment {
				add(c.Span, "comment")
			}
		}
		text := f.Text(tok.Range())
		switch {
		case text == "@" || at:
			add(tok.Range(), "annotation")
		case tok.Kind() == syntax.String:
			add(tok.Range(), "string")
		case tok.Kind() == syntax.Integer || tok.Kind() == syntax.Double:
			add(tok.Range(), "number")
		case tok.Kind() == syntax.Keyword:
			add(tok.Range(), "word")
		}
		at = text == "@"
	}
	var out []string
	for _, p := range list {
		out = append(out, fmt.Sprint(p.line, ":", p.from, "-", p.to, " ", p.class))
	}
	return out
}
