package gentest

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	coded "github.com/thriftkit/thriftkit/gen/gentest/coded/things"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/print"
	"github.com/thriftkit/thriftkit/internal/idltest"
	"github.com/thriftkit/thriftkit/schema"
)

// described is all that an embedded schema keeps of f, as text.
func described(f *schema.File) string {
	var b strings.Builder
	b.Write(print.AppendFile(nil, f))
	for _, s := range f.Structs {
		fmt.Fprintln(&b, s.Pos, s.Name, s.Fingerprint())
		for _, field := range s.Fields {
			fmt.Fprintln(&b, field.Pos, field.Index, field.Reference, field.Default != nil)
		}
	}
	for _, s := range f.Services {
		for _, m := range s.AllMethods() {
			fmt.Fprintln(&b, m.Pos, m, m.Oneway, m.Stream, m.Args.Fingerprint(), m.Reply().Fingerprint())
		}
	}
	return b.String()
}

// withoutDocs empties the doc comments of f, which are not embedded.
func withoutDocs(f *schema.File) {
	f.Doc = ""
	for i := range f.Namespaces {
		f.Namespaces[i].Doc = ""
	}
	for _, t := range f.Typedefs {
		t.Doc = ""
	}
	for _, c := range f.Constants {
		c.Doc = ""
	}
	for _, e := range f.Enums {
		e.Doc = ""
		for _, v := range e.Values {
			v.Doc = ""
		}
	}
	for _, s := range f.Structs {
		s.Doc = ""
		for _, field := range s.Fields {
			field.Doc = ""
		}
	}
	for _, s := range f.Services {
		s.Doc = ""
		for _, m := range s.Methods {
			m.Doc = ""
			for _, field := range slices.Concat(m.Args.Fields, m.Reply().Fields, m.Throws) {
				field.Doc = ""
			}
		}
	}
}

// decoded is f made again from its embedded form, with its includes.
func decoded(t *testing.T, f *schema.File, done map[*schema.File]*schema.File) *schema.File {
	t.Helper()
	if done[f] != nil {
		return done[f]
	}
	var includes []*schema.File
	for _, inc := range f.Includes {
		includes = append(includes, decoded(t, inc.File, done))
	}
	g, err := schema.Decode(schema.Encode(f, f.Path), includes...)
	if err != nil {
		t.Fatalf("%s: %v", f.Path, err)
	}
	done[f] = g
	return g
}

// TestEmbedded embeds the schemas of all IDL files at hand, and looks at what comes back.
func TestEmbedded(t *testing.T) {
	paths, err := filepath.Glob("../../idl/compile/testdata/probes/*.thrift")
	if err != nil || len(paths) < 100 {
		t.Fatal(len(paths), err)
	}
	paths = append(paths, "../../conformance/testdata/conformance.thrift", "things.thrift")
	files := compile.Load(paths, compile.Options{}).Files
	large, diags := compile.Compile("large.thrift", compile.Options{Source: compile.FS(fstest.MapFS{"large.thrift": {Data: idltest.Large()}})})
	if large == nil {
		t.Fatal(diags)
	}
	streams, diags := compile.Compile("streams.thrift", compile.Options{Source: compile.Texts{"streams.thrift": `exception X {}
service S {
  i32 a(1: i64 b) (streaming.mode = "client"),
  i8, sink<i16 throws (1: X x), i32 throws (2: X y)> c(1: i64 d) throws (3: X z),
  void, sink<i16>, stream<list<i32>> d()
}`}})
	if streams == nil {
		t.Fatal(diags)
	}
	for _, f := range append(files, large, streams) {
		if f == nil { // not valid
			continue
		}
		for _, inc := range append(f.Reachable(), f) {
			withoutDocs(inc)
		}
		if got, want := described(decoded(t, f, make(map[*schema.File]*schema.File))), described(f); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", f.Path, got, want)
		}
	}
}

// TestEmbeddedCut decodes what is not whole, or of other includes.
func TestEmbeddedCut(t *testing.T) {
	f := coded.ThriftSchema()
	text := schema.Encode(f, f.Path)
	include := f.Includes[0].File
	if _, err := schema.Decode(text, include); err != nil {
		t.Fatal(err)
	}
	for n := range text {
		if _, err := schema.Decode(text[:n], include); err == nil {
			t.Fatalf("%d of %d bytes are taken", n, len(text))
		}
	}
	for _, test := range []struct {
		text     string
		includes []*schema.File
		want     string
	}{
		{text + "\x00", []*schema.File{include}, "schema: the embedded schema cannot be read: more bytes than a schema has"},
		{"\x04" + text[1:], []*schema.File{include}, "schema: the embedded schema cannot be read: it has version 2, not 1: generate it again"},
		{text, nil, "schema: the embedded schema cannot be read: 0 includes, not 1"},
		{text, []*schema.File{nil}, "schema: the embedded schema cannot be read: an include is nil"},
		{text, []*schema.File{f}, "schema: the embedded schema cannot be read: the includes include others than they did"},
	} {
		if _, err := schema.Decode(test.text, test.includes...); fmt.Sprint(err) != test.want {
			t.Errorf("%v\nwant %s", err, test.want)
		}
	}
}

func FuzzDecodeSchema(f *testing.F) {
	file := coded.ThriftSchema()
	include := file.Includes[0].File
	f.Add(schema.Encode(file, file.Path))
	f.Add(schema.Encode(include, ""))
	f.Fuzz(func(t *testing.T, text string) {
		for _, includes := range [][]*schema.File{nil, {include}} {
			if got, err := schema.Decode(text, includes...); err == nil && got.Path == "" && len(got.Includes) != len(includes) {
				t.Error("other includes")
			}
		}
	})
}
