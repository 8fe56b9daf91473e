package gentest

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
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

	"github.com/thriftkit/thriftkit/gen"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/schema"
)

// A typeChecker checks generated packages as the Go compiler does, without compiling them: thousands of schemas a minute.
type typeChecker struct {
	fset     *token.FileSet
	library  types.Importer // packages of this module and the standard library
	packages map[string]*types.Package
	trees    map[string][]*ast.File
}

func newTypeChecker(t testing.TB) *typeChecker {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command on this machine: the types of generated code are not checked")
	}
	list := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "github.com/thriftkit/thriftkit/gen/gentest/coded/things")
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	exports := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		if name, file, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			exports[name] = file
		}
	}
	c := &typeChecker{fset: token.NewFileSet()}
	c.library = importer.ForCompiler(c.fset, "gc", func(name string) (io.ReadCloser, error) {
		if exports[name] == "" {
			return nil, fmt.Errorf("generated code imports %s, which the packages of gentest do not", name)
		}
		return os.Open(exports[name])
	})
	return c
}

// Import returns a generated package, or one of the library.
func (c *typeChecker) Import(name string) (*types.Package, error) {
	trees := c.trees[name]
	if trees == nil {
		return c.library.Import(name)
	}
	if p := c.packages[name]; p != nil {
		return p, nil
	}
	var all []error
	conf := types.Config{Importer: c, Error: func(err error) { all = append(all, err) }}
	p, _ := conf.Check(name, c.fset, trees, nil)
	c.packages[name] = p
	return p, errors.Join(all...)
}

// check reports the first mistakes in the Go packages of files.
func (c *typeChecker) check(files []gen.File) error {
	// File sets only grow: positions of one call are of no use in the next.
	c.packages, c.trees = make(map[string]*types.Package), make(map[string][]*ast.File)
	for _, f := range files {
		tree, err := parser.ParseFile(c.fset, f.Path, f.Text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		name := path.Join(programModule, path.Dir(f.Path))
		c.trees[name] = append(c.trees[name], tree)
	}
	for name := range c.trees {
		if _, err := c.Import(name); err != nil {
			return err
		}
	}
	return nil
}

// fuzzOptions are the options by number: all combinations of those that change code.
func fuzzOptions(n uint8) gen.Options {
	o := gen.Options{ImportPath: programModule, SetsAsMaps: n&1 != 0, KeepUnknown: n&2 != 0, NoCodecs: n&4 != 0}
	if n&8 != 0 {
		o.TypePrefix = "My"
	}
	if n&16 != 0 {
		o.Package = "renamed"
	}
	return o
}

func compileText(text string) (*schema.File, syntax.Diagnostics) {
	return compile.Compile("a.thrift", compile.Options{Source: compile.Texts{"a.thrift": text, "common.thrift": commonIDL}})
}

// oddIDL are files whose names or shapes a generator stumbles over.
var oddIDL = []string{
	"struct aux {} struct Aux {} struct AUX_ {} enum con { nul, prn } service com1 { void lpt1(1: aux a) }",
	"namespace go aux.con.nul\nstruct A {}",
	"namespace go go.func.type\nstruct A { 1: A type, 2: A func_, 3: A func }",
	"namespace go context.sync\ninclude \"common.thrift\"\nstruct context { 1: common.Point sync } service rpc { context wire(1: context schema) throws (1: common.Unavailable thriftimpl) }",
	"struct S { 1: i32 error, 2: i32 append_thrift_binary, 3: i32 unknown_fields, 4: i32 ThriftCodec } exception E { 1: string message, 2: string error }",
	"enum E {} struct S { 1: E e, 2: map<E, E> m, 3: list<E> l, 4: optional E o }",
	"struct S {} union U {} exception X {} service V {}",
	"typedef S T typedef list<T> L typedef map<L, T> M struct S { 1: M m, 2: L l, 3: optional S s }",
	"service A { void a() } service B extends A { void b(), oneway void c() } service C extends B { A_ c_a() } struct A_ {}",
	"service S { stream<i32> a(1: i32 b), i32 b(), i32 c(1: i32 m) (streaming.mode = \"bidirectional\") }",
	"const i32 A = 1 const i64 B = A const double C = 1 const list<i32> D = [A, 2] const map<string, list<i32>> M = {\"a\": D} struct S { 1: i32 a = A, 2: list<i32> d = D, 3: optional map<string, list<i32>> m = M }",
	"struct Client { 1: i32 a } service S { Client client(1: Client client) } struct SClient {} struct NewSClient {} struct SHandler {} struct SService {}",
	"struct ThriftSchema {} struct NewA {} struct A { 1: i32 a = 1 } enum E { String = 1, MarshalText = 2 } enum String { A }",
	"union U { 1: string a, 2: string A, 3: string a_ } struct S { 1: i32 _a, 2: i32 a, 3: i32 A, 4: i32 _1 }",
}

// checkTypes reports IDL for which no correct Go is generated. What does not compile as IDL is left out.
func (c *typeChecker) checkTypes(t *testing.T, text string, n uint8) {
	t.Helper()
	file, _ := compileText(text)
	if file == nil {
		return
	}
	files, err := gen.Go([]*schema.File{file}, fuzzOptions(n))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if err := c.check(files); err != nil {
		t.Errorf("options %+v:\n%v\n%s", fuzzOptions(n), err, text)
	}
}

// TestMatrixTypes checks the code for the matrix of types under all options.
func TestMatrixTypes(t *testing.T) {
	c := newTypeChecker(t)
	if _, diags := compileText(Matrix()); len(diags.Errors()) > 0 {
		t.Fatal(diags.Errors())
	}
	for n := range uint8(16) {
		c.checkTypes(t, Matrix(), n)
	}
}

// FuzzRandomTypes checks the code for random schemas, which are made from a seed.
func FuzzRandomTypes(f *testing.F) {
	for i := range 64 {
		f.Add(uint64(i), uint8(i))
	}
	c := newTypeChecker(f)
	f.Fuzz(func(t *testing.T, seed uint64, n uint8) { c.checkTypes(t, Random(seed), n) })
}

// FuzzTypes generates code for any IDL that compiles, under any options: the code must be correct Go.
func FuzzTypes(f *testing.F) {
	for i, text := range oddIDL {
		if _, diags := compileText(text); len(diags.Errors()) > 0 {
			f.Fatalf("%v\n%s", diags.Errors(), text)
		}
		for n := range uint8(32) {
			if n%4 == uint8(i)%4 || !testing.Short() {
				f.Add(text, n)
			}
		}
	}
	probes, err := filepath.Glob("../../idl/compile/testdata/probes/*.thrift")
	if err != nil || len(probes) == 0 {
		f.Fatal("no probes", err)
	}
	for i, name := range probes {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), uint8(i))
	}
	c := newTypeChecker(f)
	f.Fuzz(func(t *testing.T, text string, n uint8) { c.checkTypes(t, text, n) })
}
