package gen_test

import (
	"os"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/gen"
	"github.com/thriftkit/thriftkit/internal/javamap"
	"github.com/thriftkit/thriftkit/schema"
)

// javaTypes are what the rows of the documentation use.
const javaTypes = `namespace java com.acme
enum Color { RED = 1 }
enum Tone { LOW = 1 } (java.class = "")
struct Point { 1: i32 x }
struct Loose { 1: i32 x } (java.class = "")
typedef i64 ID
`

// javaOf returns the sources by path.
func javaOf(t *testing.T, text string) (map[string]string, error) {
	t.Helper()
	files, err := gen.JavaInterface([]*schema.File{compileText(t, text)})
	all := make(map[string]string)
	for _, f := range files {
		all[f.Path] = string(f.Text)
	}
	return all, err
}

// TestJavaRows generates each row of the table of types in the documentation.
func TestJavaRows(t *testing.T) {
	for _, page := range []string{"../docs/dubbo.md", "../docs/dubbo.zh-CN.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		rows := 0
		for line := range strings.Lines(string(text)) {
			cells := strings.Split(strings.TrimSpace(line), "|")
			if len(cells) != 6 || !strings.HasPrefix(cells[1], " `1: ") {
				continue
			}
			field, want, descriptor := strings.Trim(cells[1], " `"), strings.Trim(cells[2], " `"), strings.Trim(cells[3], " `")
			idl := javaTypes + "struct S { " + field + " }"
			all, err := javaOf(t, idl)
			if err != nil {
				t.Errorf("%s: %v", field, err)
				continue
			}
			if !strings.Contains(all["com/acme/S.java"], "\n    private "+want+";\n") {
				t.Errorf("%s: %s:\n%s\nwant %s", page, field, all["com/acme/S.java"], want)
			}
			if got := javamap.Descriptor(compileText(t, idl).Struct("S").Fields[0].Type); got != descriptor {
				t.Errorf("%s: %s: %s, want %s", page, field, got, descriptor)
			}
			rows++
		}
		if rows != 23 {
			t.Errorf("%s has %d rows", page, rows)
		}
	}
}

func TestJavaInterface(t *testing.T) {
	all, err := javaOf(t, `namespace java com.acme
exception Gone { 1: string message, 2: optional Color color = Color.RED } (java.class = "org.other.Missing")
exception Loose { 1: i32 code } (java.class = "")
enum Color { /** of blood */ RED = 1, GREEN = 2 }
service Base { void ping() }
service Shop extends Base {
  list<i16> find(1: i8 tiny, 2: string class) throws (1: Gone gone, 2: Loose loose)
  oneway void log(1: string line)
  i32 count() (streaming.mode = "server")
}`)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][]string{
		"com/acme/Shop.java": {
			"package com.acme;\n", "public interface Shop extends com.acme.Base {", "    java.util.List<Integer> find(byte tiny, String class_) throws org.other.Missing;", "    void log(String line);",
			"    // count streams: Dubbo's classic protocol has no streams.",
		},
		"com/acme/Base.java":     {"    void ping();"},
		"org/other/Missing.java": {"public class Missing extends Exception {", "    private String message;", "    private com.acme.Color color = com.acme.Color.RED;", "    public String getMessage() {", "    public void setColor(com.acme.Color color) {"},
		"com/acme/Color.java":    {"    /**\n     * of blood\n     */\n    RED(1),\n    GREEN(2);", "    public int getValue() {"},
	} {
		for _, text := range want {
			if !strings.Contains(all[path], text+"\n") && !strings.Contains(all[path], text) {
				t.Errorf("%s lacks %q:\n%s", path, text, all[path])
			}
		}
	}
	if len(all) != 4 {
		t.Errorf("%d files", len(all))
	}
}

func TestJavaInterfaceBad(t *testing.T) {
	for _, test := range []struct{ idl, err string }{
		{`struct A { 1: i32 int } (java.class = "A")`, `foo.thrift:1:19: int is a reserved word of Java: annotate the field with (java.name = "…")`},
		{`struct A { 1: i32 x } (java.class = "a.new.A")`, `foo.thrift:1:8: "a.new.A" is not the name of a Java class: annotate the definition with (java.class = "…")`},
		{`exception A { 1: i32 message } (java.class = "A")`, `foo.thrift:1:22: an exception of Java has a message of its own: annotate the field with (java.name = "…")`},
		{"struct A { } (java.class = \"x.A\")\nstruct B { } (java.class = \"x.A\")", "foo.thrift:2:8: the Java class x.A is defined at foo.thrift:1:8 as well"},
		{`service A { void wait(1: i64 ms) }`, "foo.thrift:1:18: every object of Java has a method wait"},
		{`service A { void for() }`, "foo.thrift:1:18: for is a reserved word of Java"},
	} {
		if _, err := javaOf(t, test.idl); err == nil || err.Error() != test.err {
			t.Errorf("%s: %v, want %s", test.idl, err, test.err)
		}
	}
	if _, err := javaOf(t, `struct A { 1: i32 int (java.name = "number") } (java.class = "A")`); err != nil {
		t.Error(err)
	}
}
