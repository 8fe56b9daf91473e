package print_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/print"
	"github.com/thriftkit/thriftkit/schema"
)

// difference returns the path of the first place where a and b differ, positions aside; "" if
// they are equal.
func difference(a, b *schema.File) string {
	d := differ{met: make(map[[2]any]bool)}
	d.compare("file", reflect.ValueOf(a), reflect.ValueOf(b))
	return d.found
}

type differ struct {
	met   map[[2]any]bool // pairs of pointers
	found string
}

func (d *differ) compare(path string, a, b reflect.Value) {
	switch {
	case d.found != "" || a.Type() == reflect.TypeFor[schema.Position]():
		return
	case a.Kind() == reflect.Pointer && a.IsNil() == b.IsNil():
		pair := [2]any{a.Interface(), b.Interface()}
		if !a.IsNil() && !d.met[pair] {
			d.met[pair] = true
			d.compare(path, a.Elem(), b.Elem())
		}
		return
	case a.Kind() == reflect.Struct:
		for i := range a.NumField() {
			if f := a.Type().Field(i); f.IsExported() {
				d.compare(path+"."+f.Name, a.Field(i), b.Field(i))
			}
		}
		return
	case a.Kind() == reflect.Slice && a.Len() == b.Len():
		for i := range a.Len() {
			d.compare(fmt.Sprintf("%s[%d]", path, i), a.Index(i), b.Index(i))
		}
		return
	}
	if x, y := fmt.Sprintf("%#v", a), fmt.Sprintf("%#v", b); x != y {
		d.found = fmt.Sprintf("%s is %s, was %s", path, y, x)
	}
}

// over is a source with another text for one of its files.
type over struct {
	compile.Source
	path, text string
}

func (o over) ReadFile(path string) ([]byte, error) {
	if path == o.path {
		return []byte(o.text), nil
	}
	return o.Source.ReadFile(path)
}

// checkRoundTrip compiles path, prints it, compiles the result and compares the two; it reports false
// if path does not compile.
func checkRoundTrip(t *testing.T, source compile.Source, path string) bool {
	t.Helper()
	before, _ := compile.Compile(path, compile.Options{Source: source})
	if before == nil {
		return false
	}
	text := string(print.AppendFile(nil, before))
	after, diags := compile.Compile(path, compile.Options{Source: over{source, path, text}})
	if after == nil {
		t.Fatalf("%s\n%s", diags, text)
	}
	if len(before.Includes)+len(before.Namespaces) == 0 {
		after.Doc = before.Doc // printed as a plain comment: only a header gives a file its own
	}
	if again := string(print.AppendFile(nil, after)); again != text {
		t.Errorf("printed again:\n%s\nthe first time:\n%s", again, text)
	}
	if diff := difference(before, after); diff != "" {
		t.Errorf("%s\n%s", diff, text)
	}
	return true
}

const probes = "../compile/testdata/probes"

func TestProbes(t *testing.T) {
	entries, err := os.ReadDir(probes)
	if err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for _, e := range entries {
		t.Run(strings.TrimSuffix(e.Name(), ".thrift"), func(t *testing.T) {
			if checkRoundTrip(t, compile.FS(os.DirFS(probes)), e.Name()) {
				accepted++
			}
		})
	}
	if accepted < 200 {
		t.Errorf("only %d of %d files compile", accepted, len(entries))
	}
}

// Every .thrift file of the repository that compiles where it is.
func TestRepository(t *testing.T) {
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".thrift" && !strings.Contains(path, "probes") {
			checkRoundTrip(t, compile.FS(root), path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

var library = compile.Texts{
	"lib.thrift":      "include \"sub/deep.thrift\"\nstruct L {1: i32 a}\nenum E {X = 1, Y = 2}\nconst list<E> ALL = [E.X, E.Y]\nservice Base {void ping()}\nexception Oops {}",
	"sub/deep.thrift": "struct D {}\ntypedef D Alias",
}

// The good side is what is printed for the other.
var forms = []struct{ name, text, want string }{
	{
		"headers keep their order",
		"include 'lib.thrift'\n/** The file. */ namespace py a.b (x = 'y') namespace * c",
		"/** The file. */\ninclude \"lib.thrift\"\nnamespace py a.b (x = \"y\")\nnamespace * c\n",
	},
	{
		"a namespace has a comment and the file has none",
		"/** */ namespace py a\n/** Java's. */ namespace java b",
		"/** */\nnamespace py a\n/** Java's. */\nnamespace java b\n",
	},
	{
		"a file has a comment and no header",
		"/** File. */ cpp_include 'a.h'\nstruct A {}",
		"/* File. */\n\nstruct A {}\n",
	},
	{
		"definitions keep their order, lines stay together",
		"struct B {} typedef i32 T const T X = 1 /** Doc. */ const T Y = 2 enum E {} struct A {} exception X {} union U {}",
		"struct B {}\n\ntypedef i32 T\nconst T X = 1\n\n/** Doc. */\nconst T Y = 2\n\nenum E {}\n\nstruct A {}\n\nexception X {}\n\nunion U {}\n",
	},
	{
		"enums",
		"/** E. */ enum E { A, /** Five.\n * Really. */ B = 5 (x) C } (y = '1')",
		"/** E. */\nenum E {\n  A = 0,\n  /**\n   * Five.\n   * Really.\n   */\n  B = 5 (x = \"1\"),\n  C = 6,\n} (y = \"1\")\n",
	},
	{
		"fields",
		"struct A { i32 a, 2: required byte b = 0x10; 3: optional list<map<string,A>> (c = 'd') c = [] (e), 4: A & d }",
		"struct A {\n  -1: i32 a,\n  2: required i8 b = 16,\n  3: optional list<map<string, A>> (c = \"d\") c = [] (e = \"1\"),\n  4: A & d,\n}\n",
	},
	{
		"members of unions are optional anyway",
		"union U { 1: optional i32 a, 2: string b = 'x' }",
		"union U {\n  1: i32 a,\n  2: string b = \"x\",\n}\n",
	},
	{
		"values",
		`const string S = 'a"\\\n\r\t\''` + " const binary B = 'b' const double D = 1 const double N = -0.0 const double I = 1e400 const double M = 1.5e-7 " +
			"const bool T = 1 const uuid U = '{00112233-4455-6677-8899-AABBCCDDEEFF}' const i64 L = -9223372036854775808",
		`const string S = "a\"\\\n\r\t'"` + "\nconst binary B = \"b\"\nconst double D = 1.0\nconst double N = -0.0\nconst double I = 1e999\nconst double M = 1.5e-07\n" +
			"const bool T = true\nconst uuid U = \"00112233-4455-6677-8899-aabbccddeeff\"\nconst i64 L = -9223372036854775808\n",
	},
	{
		"values by name",
		"include 'lib.thrift' const lib.E A = lib.E.X const list<lib.E> B = lib.ALL const map<i32, lib.L> C = {1: {'a': lib.E.Y}, 2: {}} const set<i32> D = {}",
		"include \"lib.thrift\"\n\nconst lib.E A = lib.E.X\nconst list<lib.E> B = lib.ALL\nconst map<i32, lib.L> C = {1: {\"a\": lib.E.Y}, 2: {}}\nconst set<i32> D = []\n",
	},
	{
		"names of includes of includes",
		"include 'lib.thrift' struct A { 1: lib.deep.D a, 2: lib.deep.Alias b }",
		"include \"lib.thrift\"\n\nstruct A {\n  1: lib.deep.D a,\n  2: lib.deep.Alias b,\n}\n",
	},
	{
		"services",
		"include 'lib.thrift' /** S. */ service S extends lib.Base { oneway void f(), i32 g(1: i32 a = 1, 2: lib.L b) throws (1: lib.Oops o) (x) /** H. */ string (y = 'z') h(/** A. */ 1: i32 a 2: i32 b) }",
		"include \"lib.thrift\"\n\n/** S. */\nservice S extends lib.Base {\n  oneway void f(),\n  i32 g(1: i32 a = 1, 2: lib.L b) throws (1: lib.Oops o) (x = \"1\"),\n\n" +
			"  /** H. */\n  string (y = \"z\") h(\n    /** A. */\n    1: i32 a,\n    2: i32 b,\n  ),\n}\n",
	},
	{
		"comments",
		"/**\n\n   * a\n   *   indented\n   *\n   *   * star\n   * / \n */ struct A {}\n/** a\nb */ struct B {}\n/**\n\n*/ struct C {} /***/ struct D {}",
		"/**\n *\n * a\n *   indented\n *\n *   * star\n * /\n */\nstruct A {}\n\n/**\n * a\n * b\n */\nstruct B {}\n\n/**\n *\n */\nstruct C {}\n\nstruct D {}\n",
	},
	{
		"streams of both forms",
		"exception X {} service S { i32 a(1: i64 b) (streaming.mode='server') stream<i32> b() i8, sink<i16 throws (1: X x), i32 throws (2: X y)> c(1: i64 d) throws (3: X z) " +
			"void, sink<i16>, stream<list<i32>> d() sink<i8, void> e() }",
		"exception X {}\n\nservice S {\n  i32 a(1: i64 b) (streaming.mode = \"server\"),\n  stream<i32> b(),\n" +
			"  i8, sink<i16 throws (1: X x), i32 throws (2: X y)> c(1: i64 d) throws (3: X z),\n  sink<i16>, stream<list<i32>> d(),\n  sink<i8, void> e(),\n}\n",
	},
}

func TestForms(t *testing.T) {
	for _, tt := range forms {
		t.Run(tt.name, func(t *testing.T) {
			source := over{library, "a.thrift", tt.text}
			f, diags := compile.Compile("a.thrift", compile.Options{Source: source})
			if f == nil {
				t.Fatal(diags)
			}
			if got := string(print.AppendFile(nil, f)); got != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
			}
			checkRoundTrip(t, source, "a.thrift")
		})
	}
}

// A single definition is the part of its file's text that holds it.
func TestDefinitions(t *testing.T) {
	f, diags := compile.Compile("lib.thrift", compile.Options{Source: library})
	if f == nil {
		t.Fatal(diags)
	}
	whole := string(print.AppendFile(nil, f))
	for _, name := range []string{"L", "E", "ALL", "Base", "Oops"} {
		text := string(print.AppendDefinition(nil, f.Lookup(name)))
		if text == "" || !strings.Contains(whole, text) {
			t.Errorf("%s: got:\n%s\nwhich is not part of:\n%s", name, text, whole)
		}
	}
	if got := string(print.AppendMethod([]byte(">"), f.Service("Base").Method("ping"))); got != ">void ping()\n" {
		t.Errorf("method: %q", got)
	}
	if got := print.AppendDefinition([]byte(">"), f.Lookup("Nobody")); string(got) != ">" {
		t.Errorf("nothing: %q", got)
	}
}

// A comment that was set by hand cannot end itself.
func TestCommentByHand(t *testing.T) {
	f := &schema.File{Path: "a.thrift", Name: "a", Structs: []*schema.Struct{{Name: "A", Meta: schema.Meta{Doc: "ends */ here"}}}}
	if err := schema.Link(f); err != nil {
		t.Fatal(err)
	}
	if got, want := string(print.AppendFile(nil, f)), "/** ends * / here */\nstruct A {}\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzPrint(f *testing.F) {
	for _, tt := range forms {
		f.Add(tt.text)
	}
	entries, err := os.ReadDir(probes)
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Size() > 4096 {
			continue
		}
		text, err := os.ReadFile(filepath.Join(probes, e.Name()))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		checkRoundTrip(t, over{library, "a.thrift", text}, "a.thrift")
	})
}

func ExampleAppendDefinition() {
	f, diags := compile.Compile("a.thrift", compile.Options{Source: compile.Texts{
		"a.thrift": "struct Point { /** Across. */ 1: i32 x = 0x0A 2: i32 y } typedef i32 Id",
	}})
	if f == nil {
		fmt.Println(diags)
		return
	}
	fmt.Print(string(print.AppendDefinition(nil, f.Lookup("Point"))))
	// Output:
	// struct Point {
	//   /** Across. */
	//   1: i32 x = 10,
	//   2: i32 y,
	// }
}
