package gentest

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/gen"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/schema"
)

//go:embed testdata/roundtrip.go.txt
var roundTripSource string

// programVariants are the options with which programs are made.
var programVariants = []struct {
	name string
	gen.Options
}{
	{"plain", gen.Options{}},
	{"sets", gen.Options{SetsAsMaps: true}},
	{"unknown", gen.Options{KeepUnknown: true, TypePrefix: "My"}},
	{"all", gen.Options{SetsAsMaps: true, KeepUnknown: true}},
	{"bare", gen.Options{NoCodecs: true, SetsAsMaps: true, TypePrefix: "My"}},
}

// A programMaker writes a module of generated packages and a program that sends values through their types.
type programMaker struct {
	t    *testing.T
	dir  string
	main strings.Builder
	pkgs []string
}

const programModule = "example.com/made"

func (m *programMaker) add(name, text string, o gen.Options) {
	m.t.Helper()
	f, diags := compile.Compile(name+".thrift", compile.Options{Source: compile.Texts{name + ".thrift": text}})
	if f == nil {
		m.t.Fatalf("%v\n%s", diags.Errors(), text)
	}
	o.ImportPath = programModule
	files, err := gen.Go([]*schema.File{f}, o)
	if err != nil {
		m.t.Fatalf("%v\n%s", err, text)
	}
	for _, file := range files {
		m.write(file.Path, string(file.Text))
		m.pkgs = append(m.pkgs, path.Dir(file.Path))
	}
	fmt.Fprintf(&m.main, "\tcheck(%s.ThriftSchema(), map[string]func() any{\n", name)
	for _, s := range f.Structs {
		fmt.Fprintf(&m.main, "\t\t%q: func() any { return new(%s.%s%s) },\n", s.Name, name, o.TypePrefix, s.Name)
	}
	m.main.WriteString("\t})\n")
	for _, s := range f.Services {
		service := o.TypePrefix + s.Name
		fmt.Fprintf(&m.main, "\tcheckCalls(%s.%sService(), func(c *thriftkit.Client) any { return %s.%sHandler(%s.New%sClient(c)) })\n",
			name, service, name, service, name, service)
	}
}

func (m *programMaker) write(name, text string) {
	m.t.Helper()
	name = filepath.Join(m.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		m.t.Fatal(err)
	}
}

func (m *programMaker) goCommand(args ...string) {
	m.t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	if out, err := cmd.CombinedOutput(); err != nil {
		const enough = 4000
		m.t.Fatalf("go %s: %v\n%.*s", strings.Join(args, " "), err, enough, out)
	}
}

func (m *programMaker) run() {
	m.t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		m.t.Fatal(err)
	}
	m.write("go.mod", "module "+programModule+"\n\ngo 1.25\n\nrequire github.com/thriftkit/thriftkit v0.0.0\n\nreplace github.com/thriftkit/thriftkit => "+root+"\n")
	m.write("roundtrip.go", roundTripSource)
	imports := "import \"github.com/thriftkit/thriftkit\"\n"
	for _, p := range m.pkgs {
		imports += "import " + strconv.Quote(programModule+"/"+p) + "\n"
	}
	m.write("main.go", "package main\n\n"+imports+"\nfunc main() {\n"+m.main.String()+"\tfinish()\n}\n")
	m.goCommand("vet", "./...")
	m.goCommand("run", ".")
}

// TestPrograms compiles and vets generated packages, and sends random values through their types: the
// matrix of types under all options, and random schemas. THRIFTKIT_GEN_PROGRAMS is the number of the latter (10), for
// long runs.
func TestPrograms(t *testing.T) {
	if testing.Short() {
		t.Skip("compiling takes seconds")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command on this machine: generated programs are not compiled")
	}
	random := 10
	if n := os.Getenv("THRIFTKIT_GEN_PROGRAMS"); n != "" {
		var err error
		if random, err = strconv.Atoi(n); err != nil {
			t.Fatal(err)
		}
	}
	m := &programMaker{t: t, dir: t.TempDir()}
	for _, v := range programVariants {
		m.add("matrix"+v.name, Matrix(), v.Options)
	}
	for i := range random {
		v := programVariants[i%len(programVariants)]
		m.add(fmt.Sprint("random", i, v.name), Random(uint64(i)), v.Options)
	}
	m.run()
}

// A map whose elements are maps that Go has no type for: a pointer in Go, and not one that is followed.
func TestDynamicMapInMap(t *testing.T) {
	f, diags := compile.Compile("a.thrift", compile.Options{Source: compile.Texts{"a.thrift": "struct A {1: map<string, map<list<i32>, i32>> m}"}})
	if f == nil {
		t.Fatal(diags)
	}
	s := f.Struct("A")
	inner := dynamic.NewMap(s.Fields[0].Type.Elem)
	if err := inner.Append([]int32{1, 2}, int32(3)); err != nil {
		t.Fatal(err)
	}
	type bound struct {
		M map[string]*dynamic.Map `thrift:"m"`
	}
	for _, protocol := range []string{"binary", "compact"} {
		data, err := thriftkit.Marshal(s, bound{map[string]*dynamic.Map{"x": inner}}, thriftkit.WithProtocol(protocol))
		if err != nil {
			t.Fatal(err)
		}
		var got bound
		if err := thriftkit.Unmarshal(s, data, &got, thriftkit.WithProtocol(protocol)); err != nil {
			t.Fatal(err)
		}
		if !dynamic.Equal(dynamic.MapValue(got.M["x"]), dynamic.MapValue(inner)) {
			t.Errorf("%s: got %v", protocol, got.M["x"].Entries())
		}
	}
}
