package compile

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var kebab = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)

// FuzzCompile compiles any text, cut into files: it must come to an end, an outcome without
// errors must be linked, and every diagnostic must be fit to be shown.
func FuzzCompile(f *testing.F) {
	for _, c := range checks {
		f.Add(c.bad)
		f.Add(c.good)
	}
	paths, err := filepath.Glob("testdata/probes/*.thrift")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		files := texts(text)
		file, diags := Compile("a.thrift", Options{Source: files, IncludeDirs: []string{"lib"}})
		if (file == nil) != (len(diags.Errors()) > 0) {
			t.Errorf("file: %v\n%v", file != nil, diags)
		}
		sorted := slices.Clone(diags)
		sorted.Sort()
		if !slices.Equal(sorted, diags) {
			t.Error("the diagnostics are not sorted")
		}
		for _, d := range diags {
			if d.Code == "internal" || !kebab.MatchString(d.Code) || d.Message == "" || strings.Contains(d.Error(), "\n") {
				t.Errorf("%q", d.Error())
			}
			source, ok := files[d.File]
			if ok && (d.Line < 1 || d.Column < 1 || d.EndLine < d.Line || d.EndLine > strings.Count(source, "\n")+1) {
				t.Errorf("%+v", d)
			}
		}
		if file == nil {
			return
		}
		for _, s := range file.Structs {
			if file.Struct(s.Name) != s {
				t.Errorf("struct %s is not found", s.Name)
			}
			for i, field := range s.Fields {
				if s.Field(field.Name) != field || s.Index(field.ID) != i {
					t.Errorf("field %s.%s is not found", s.Name, field.Name)
				}
			}
		}
		for _, c := range file.Constants {
			if c.Value == nil || file.Constant(c.Name) != c {
				t.Errorf("constant %s is not found", c.Name)
			}
		}
		for _, s := range file.Services {
			for _, m := range s.AllMethods() {
				if m.Args == nil || m.Result == nil || m.Reply() == nil || s.Method(m.Name) != m {
					t.Errorf("method %s is not linked", m)
				}
			}
		}
	})
}
