package gen

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/internal/idltest"
	"github.com/thriftkit/thriftkit/schema"
)

// A checker compiles generated packages as far as their types.
type checker struct {
	fset     *token.FileSet
	exported types.Importer
}

func newChecker(t *testing.T) *checker {
	t.Helper()
	args := []string{"list", "-export", "-deps", "-json=ImportPath,Export"}
	for _, std := range standard {
		args = append(args, std.path)
	}
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ ImportPath, Export string }
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		files[p.ImportPath] = p.Export
	}
	c := &checker{fset: token.NewFileSet()}
	c.exported = importer.ForCompiler(c.fset, "gc", func(path string) (io.ReadCloser, error) {
		if files[path] == "" {
			return nil, fmt.Errorf("no package %s", path)
		}
		return os.Open(files[path])
	})
	return c
}

// A program is the packages of one run of the generator.
type program struct {
	*checker
	texts map[string][]byte // by import path
	done  map[string]*types.Package
}

func (p *program) Import(path string) (*types.Package, error) {
	text, ok := p.texts[path]
	if !ok {
		return p.exported.Import(path)
	}
	if done := p.done[path]; done != nil {
		return done, nil
	}
	f, err := parser.ParseFile(p.fset, path+".go", text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var errs []error
	conf := types.Config{Importer: p, Error: func(err error) { errs = append(errs, err) }}
	pkg, err := conf.Check(path, p.fset, []*ast.File{f}, nil)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	p.done[path] = pkg
	return pkg, nil
}

// check generates code and compiles it. Twice the same must come out, in the layout of gofmt.
func (c *checker) check(t *testing.T, files []*schema.File, o Options) {
	t.Helper()
	o.ImportPath = "example.com/made"
	out, err := Go(files, o)
	if err != nil {
		t.Errorf("%s: %v", files[0].Path, err)
		return
	}
	again, err := Go(files, o)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(out) {
		t.Errorf("%s: another text the second time, %v", files[0].Path, err)
	}
	p := &program{checker: c, texts: make(map[string][]byte), done: make(map[string]*types.Package)}
	for _, f := range out {
		p.texts[path.Join(o.ImportPath, path.Dir(f.Path))] = f.Text
		if same, err := format.Source(f.Text); err != nil || !bytes.Equal(same, f.Text) {
			t.Errorf("%s: %s is not in the layout of gofmt, %v", files[0].Path, f.Path, err)
		}
	}
	for path := range p.texts {
		if _, err := p.Import(path); err != nil {
			t.Errorf("%s with %+v: %s: %v", files[0].Path, o, path, err)
		}
	}
}

// TestCompiles generates code for all IDL at hand. What the IDL's compiler takes, Go's takes.
func TestCompiles(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command")
	}
	c := newChecker(t)
	var paths []string
	for _, pattern := range []string{"../idl/compile/testdata/probes/*.thrift", "../examples/*/*.thrift", "../conformance/testdata/*.thrift", "gentest/*.thrift"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatal(pattern, err)
		}
		paths = append(paths, found...)
	}
	good := 0
	for _, f := range compile.Load(paths, compile.Options{}).Files {
		if f == nil { // not valid
			continue
		}
		good++
		for _, o := range []Options{{}, {SetsAsMaps: true, KeepUnknown: true}, {NoCodecs: true, TypePrefix: "My", Package: "mine"}} {
			c.check(t, []*schema.File{f}, o)
		}
	}
	if good < 200 {
		t.Errorf("only %d files are valid", good)
	}
	for name, texts := range map[string]compile.Texts{
		"large": {"large.thrift": string(idltest.Large())},
		"words": {"words.thrift": words()},
		"names": {"names.thrift": names},
		"namespaces": {
			"namespaces.thrift": "namespace go a.b\ninclude \"x.thrift\"\ninclude \"string.thrift\"\nstruct S { 1: x.S s, 2: string.S t, 3: T u }\nstruct T {}",
			"x.thrift":          "namespace go c\ninclude \"y.thrift\"\nstruct S { 1: y.S s, 2: set<y.S> t }",
			"y.thrift":          "namespace go a.b\nstruct S {}",
			"string.thrift":     "struct S { 1: string a }",
		},
		"doubling": {"doubling.thrift": doubling()},
		"nil": {
			"nil.thrift":   "include \"error.thrift\"\ninclude \"lib.thrift\"\nservice A extends error.S { void g() }\nservice B extends lib.S { void g() }\nservice C extends lib.S {}",
			"error.thrift": "service S { void f() }",
			"lib.thrift":   "namespace go x.nil\nservice S { i32 f() }",
		},
	} {
		f, diags := compile.Compile(name+".thrift", compile.Options{Source: texts})
		if f == nil {
			t.Fatal(diags)
		}
		c.check(t, []*schema.File{f}, Options{})
		if name != "large" { // it takes long
			c.check(t, []*schema.File{f}, Options{SetsAsMaps: true, KeepUnknown: true})
		}
	}
}

// words uses everything that means something in Go as a name.
func words() string {
	var b strings.Builder
	all := strings.Fields(predeclared + " " + locals + " " + methods + " break case chan const_ default_ defer else fallthrough for func go goto if " +
		"import interface package range return select struct_ switch_ type var " +
		"context math sync fmt dynamic rpc schema wire binary_ compact Args Reply Success success thriftSchema ThriftSchema UnknownFields")
	b.WriteString("struct Words {\n")
	for i, w := range all {
		fmt.Fprintf(&b, "  %d: optional list<%s> %s%s,\n", i+1, []string{"i32", "bool", "string", "Words", "set<E>"}[i%5], w, "_f")
	}
	b.WriteString("}\nenum E {\n")
	for _, w := range all {
		fmt.Fprintf(&b, "  %s_e,\n", w)
	}
	b.WriteString("}\n")
	for i, w := range all {
		fmt.Fprintf(&b, "service %s_s { i32 %s_m(%d: i32 %s_p, %d: E ctx, %d: Words err) throws (1: Oops %s_x) }\n", w, w, i+1, w, i+2, i+3, w)
	}
	b.WriteString("exception Oops { 1: string Error, 2: string message }\n")
	var bare []string // what the IDL itself allows as a name
	for _, w := range all {
		if f, _ := compile.Compile("w.thrift", compile.Options{Source: compile.Texts{"w.thrift": "struct S { 1: i32 " + w + " }"}}); f != nil {
			bare = append(bare, w)
		}
	}
	b.WriteString("struct Bare {\n")
	for i, w := range bare {
		fmt.Fprintf(&b, "  %d: i32 %s,\n", i+1, w)
	}
	b.WriteString("}\nservice OfBare {\n")
	for _, result := range []string{"i32", "Bare", "void", "list<E>"} {
		fmt.Fprintf(&b, "  %s of_%s(", result, strings.Trim(result, "<E>"))
		for i, w := range bare {
			fmt.Fprintf(&b, "%d: i32 %s, ", i+1, w)
		}
		b.WriteString(")\n")
	}
	b.WriteString("}\n")
	for _, w := range bare {
		fmt.Fprintf(&b, "service one_%s { i32 get(1: i32 %s) }\n", w, w)
	}
	return b.String()
}

const names = `
struct my_struct { 1: i32 a_b, 2: i32 aB, 3: i32 AB, 4: i32 A_B_, 5: i32 _1, 6: i32 x1 }
struct MyStruct {}
struct My_Struct {}
enum Color { red, RED, Red }
enum color { red }
const i32 Color_RED = 1
const i32 MAX_SIZE = 2
const i32 max_size = 3
const string NewWithDefault = "taken"
struct WithDefault { 1: i32 a = 1 }
typedef my_struct mystruct
typedef list<my_struct> My_structs
struct SClient {}
service s { void get_it(1: i32 type, 2: i32 Type), void getIt(1: i32 a) , void GetIt() }
service t extends s { void sClient(), i32 gET_it(1: my_struct ctx) }
service S {}
struct NewSClient {}
exception Error { 1: string error, 2: string Error }
exception Quiet { 1: list<i32> a }
union U { 1: i32 a }
union Big { 1: U u, 2: set<U> us, 3: map<U, U> by }
`

// doubling has constants each of which has the one before twice: 2 to the 40th parts, if all were
// written out.
func doubling() string {
	var b strings.Builder
	b.WriteString("typedef list<i32> T0\nconst T0 C0 = [1, 2]\n")
	for i := 1; i <= 40; i++ {
		fmt.Fprintf(&b, "typedef map<i32, T%d> T%d\nconst T%d C%d = {1: C%d, 2: C%d}\n", i-1, i, i, i, i-1, i-1)
	}
	b.WriteString("struct S { 1: T40 t = C40, 2: optional T20 u = C20 }\n")
	return b.String()
}

func TestExport(t *testing.T) {
	for _, test := range []struct{ name, want, constant, small string }{
		{"name", "Name", "Name", "name"},
		{"user_id", "UserID", "UserID", "userID"},
		{"userId", "UserId", "UserId", "userId"},
		{"id", "ID", "ID", "id"},
		{"id_card", "IDCard", "IDCard", "idCard"},
		{"HTTPServer", "HTTPServer", "HTTPServer", "httpServer"},
		{"_private", "Private", "Private", "private"},
		{"__b__", "B", "B", "b"},
		{"_1", "X1", "X1", "x1"},
		{"a_1_2", "A12", "A12", "a12"},
		{"MAX_SIZE", "MAXSIZE", "MAX_SIZE", "maxsize"},
		{"a.b", "AB", "AB", "ab"},
	} {
		if got := export(test.name); got != test.want {
			t.Errorf("export(%q) = %q, want %q", test.name, got, test.want)
		}
		if got := exportConst(test.name); got != test.constant {
			t.Errorf("exportConst(%q) = %q, want %q", test.name, got, test.constant)
		}
		if got := unexport(export(test.name)); got != test.small {
			t.Errorf("unexport(export(%q)) = %q, want %q", test.name, got, test.small)
		}
	}
}

func TestBadOptions(t *testing.T) {
	source := compile.Texts{"a.thrift": "include \"b.thrift\"\nstruct A { 1: b.B b }", "b.thrift": "struct B {}"}
	files := compile.Load([]string{"a.thrift", "b.thrift"}, compile.Options{Source: source}).Files
	for _, test := range []struct {
		files []*schema.File
		o     Options
		want  string
	}{
		{nil, Options{}, "no files"},
		{files[1:], Options{Package: "a-b"}, `"a-b" is not the name of a package`},
		{files[1:], Options{Package: "type"}, `"type" is not the name of a package`},
		{files, Options{Package: "a", ImportPath: "x"}, "a package has one IDL file: with a name for it, give one"},
		{files[1:], Options{TypePrefix: "my"}, `the prefix "my" does not begin the name of a type that others see`},
		{files[:1], Options{}, "a.thrift:1:9: the import path of the output folder is needed to import what is included"},
	} {
		if _, err := Go(test.files, test.o); fmt.Sprint(err) != test.want {
			t.Errorf("%+v: %v\nwant %s", test.o, err, test.want)
		}
	}
}

// TestPlaces looks at where files go, and at how they begin.
func TestPlaces(t *testing.T) {
	source := compile.Texts{
		"idl/a.thrift":          "/** What A is. */\nnamespace go shop.Orders\ninclude \"sub/b_test.thrift\"\ninclude \"c.thrift\"\ninclude \"type.thrift\"\nstruct A { 1: b_test.B b, 2: c.C c, 3: type.T t }",
		"idl/sub/b_test.thrift": "struct B {}",
		"idl/c.thrift":          "namespace * shop.orders\nstruct C {}",
		"idl/type.thrift":       "struct T {}",
	}
	for _, test := range []struct {
		o    Options
		want string
	}{
		{Options{ImportPath: "example.com/x"}, "b_test/b_test_thrift.go package b_test; shop/orders/a_thrift.go package orders; shop/orders/c/c_thrift.go package c; type_/type__thrift.go package type_; "},
		{Options{ImportPath: "example.com/x", Package: "mine"}, "a_thrift.go package mine; b_test/b_test_thrift.go package b_test; shop/orders/c_thrift.go package orders; type_/type__thrift.go package type_; "},
	} {
		f, diags := compile.Compile("idl/a.thrift", compile.Options{Source: source})
		if f == nil {
			t.Fatal(diags)
		}
		out, err := Go([]*schema.File{f}, test.o)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range out {
			header, rest, _ := strings.Cut(string(f.Text), "\n")
			if !strings.HasPrefix(header, "// Code generated by thriftkit gen go from ") || !strings.HasSuffix(header, ".thrift. DO NOT EDIT.") {
				t.Errorf("%s begins with %q", f.Path, header)
			}
			_, clause, _ := strings.Cut(rest, "\npackage ")
			clause, _, _ = strings.Cut(clause, "\n")
			got += f.Path + " package " + clause + "; "
			if bytes.Contains(f.Text, []byte("idl/")) {
				t.Errorf("%s tells in which folder the generator ran", f.Path)
			}
		}
		if got != test.want {
			t.Errorf("%+v:\n%s\nwant\n%s", test.o, got, test.want)
		}
	}
}

func TestComment(t *testing.T) {
	for _, test := range []struct{ doc, want string }{
		{"", ""},
		{"One.", "// One.\n"},
		{"One.\n\n  two\x00\r", "// One.\n//\n//   two\n"},
		{"+build ignore", "// Build: +build ignore\n"},
		{"go:build ignore", "// go:build ignore\n"},
		{"\xff\uFEFFa", "// a\n"},
	} {
		if got := comment(test.doc, ""); got != test.want {
			t.Errorf("%q: %q, want %q", test.doc, got, test.want)
		}
	}
}

// Names that cannot be elements of an import path, on any system, get an underscore.
func TestPackageNames(t *testing.T) {
	for name, want := range map[string]string{
		"aux": "aux_", "CON": "con_", "nul": "nul_", "prn": "prn_", "com1": "com1_", "lpt9": "lpt9_", "com": "com", "com10": "com10", "comx": "comx",
		"internal": "internal_", "type": "type_", "7": "p7", "a-b": "ab",
	} {
		if got := plain(name); got != want {
			t.Errorf("%s becomes %s, want %s", name, got, want)
		}
	}
}

// A large file takes memory by the size of its definitions, and time by that of its text: what comes out
// of ten times as many structs is ten times as long.
func TestLinear(t *testing.T) {
	size := func(n int) int {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "struct S%05d {1: i32 a, 2: list<S%05d> b}\n", i, max(i-1, 0))
		}
		f, diags := compile.Compile("a.thrift", compile.Options{Source: compile.Texts{"a.thrift": b.String()}})
		if f == nil {
			t.Fatal(diags)
		}
		files, err := Go([]*schema.File{f}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return len(files[0].Text)
	}
	if small, large := size(20), size(200); large > 11*small {
		t.Errorf("%d bytes for 20 structs, %d for 200", small, large)
	}
}
