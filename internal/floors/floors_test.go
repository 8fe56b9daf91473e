package floors

import (
	_ "embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"math"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

//go:embed floors.txt
var floorsText string

// unsafePackage is the one package that may import unsafe.
const unsafePackage = "internal/mem"

// A rule places a package on a floor, or a folder with everything below it.
type rule struct {
	dir   string
	tree  bool // "dir/..."
	floor int  // 0 is the lowest
}

func (r rule) matches(dir string) bool {
	return dir == r.dir || r.tree && strings.HasPrefix(dir, r.dir+"/")
}

func (r rule) String() string {
	if r.tree {
		return r.dir + "/..."
	}
	return r.dir
}

// parseRules reads the format that floors.txt describes.
func parseRules(text string) ([]rule, error) {
	var rules []rule
	floor := 0
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		names := strings.Fields(line)
		for _, name := range names {
			r := rule{floor: floor}
			r.dir, r.tree = strings.CutSuffix(name, "/...")
			for _, other := range rules {
				if r.matches(other.dir) || other.matches(r.dir) {
					return nil, fmt.Errorf("floors.txt:%d: %s is on a floor already, as %s", i+1, r, other)
				}
			}
			rules = append(rules, r)
		}
		if len(names) > 0 {
			floor++
		}
	}
	return rules, nil
}

func findRule(rules []rule, dir string) (rule, bool) {
	i := slices.IndexFunc(rules, func(r rule) bool { return r.matches(dir) })
	if i < 0 {
		return rule{}, false
	}
	return rules[i], true
}

// A checker collects what is wrong with the packages of one repository.
type checker struct {
	fsys     fs.FS
	rules    []rule
	module   string // path of the root module
	fset     *token.FileSet
	problems []string
}

// check applies the rules to the non-test files below fsys, whose root has a go.mod, and returns
// what it finds as "file:line: problem". An error means that a file could not be read or parsed.
func check(fsys fs.FS, rules []rule) ([]string, error) {
	c := &checker{fsys: fsys, rules: rules, fset: token.NewFileSet()}
	gomod, err := fs.ReadFile(fsys, "go.mod")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(gomod)) {
		if name, ok := strings.CutPrefix(line, "module "); ok {
			c.module = strings.TrimSpace(name)
		}
	}
	if err := c.walk(".", true); err != nil {
		return nil, err
	}
	return c.problems, nil
}

// walk checks the package in dir and the folders below it. inRoot says that dir belongs to the
// root module: a folder with a go.mod of its own, and everything below it, does not.
func (c *checker) walk(dir string, inRoot bool) error {
	entries, err := fs.ReadDir(c.fsys, dir)
	if err != nil {
		return err
	}
	var files, dirs []string
	for _, e := range entries {
		name := e.Name()
		switch {
		case strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_"): // the go command skips these too
		case e.IsDir():
			if name != "testdata" && name != "vendor" {
				dirs = append(dirs, path.Join(dir, name))
			}
		case name == "go.mod":
			inRoot = inRoot && dir == "."
		case strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			files = append(files, path.Join(dir, name))
		}
	}
	if len(files) > 0 {
		if err := c.checkPackage(dir, files, inRoot); err != nil {
			return err
		}
	}
	for _, d := range dirs {
		if err := c.walk(d, inRoot); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) checkPackage(dir string, files []string, inRoot bool) error {
	own, ok := findRule(c.rules, dir)
	if !ok {
		c.problems = append(c.problems, fmt.Sprintf("%s: the package has no floor: add it to floors.txt", dir))
		return nil
	}
	for _, name := range files {
		src, err := fs.ReadFile(c.fsys, name)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(c.fset, name, src, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return err
		}
		// Code of others' generators, which only other modules have, is as they make it.
		foreign := !inRoot && ast.IsGenerated(f)
		for _, spec := range f.Imports {
			if !foreign || spec.Path.Value != `"unsafe"` {
				c.checkImport(dir, own, spec, inRoot)
			}
		}
		if inRoot && own.dir != "examples" {
			c.checkLibrary(f)
		}
		// The modules that compare us with others hold what others generate.
		if own.dir != "bench" && own.dir != "conformance" {
			c.checkInit(f)
		}
	}
	return nil
}

func (c *checker) checkImport(dir string, own rule, spec *ast.ImportSpec, inRoot bool) {
	name, _ := strconv.Unquote(spec.Path.Value) // the parser has checked it
	target, ours := strings.CutPrefix(name+"/", c.module+"/")
	if !ours {
		switch first, _, _ := strings.Cut(name, "/"); {
		case name == "unsafe" && dir != unsafePackage:
			c.errorf(spec.Pos(), "%s imports unsafe: only %s may", dir, unsafePackage)
		case inRoot && (strings.Contains(first, ".") || name == "C"):
			c.errorf(spec.Pos(), "%s imports %s: the root module needs nothing but the standard library", dir, name)
		}
		return
	}
	if target = strings.TrimSuffix(target, "/"); target == "" {
		target = "."
	}
	to, ok := findRule(c.rules, target)
	switch {
	case !ok:
		c.errorf(spec.Pos(), "%s imports %s, which has no floor", dir, target)
	case to.dir == own.dir: // packages of one tree
	case to.floor == own.floor:
		c.errorf(spec.Pos(), "%s imports %s, which is on the same floor", dir, target)
	case to.floor > own.floor:
		c.errorf(spec.Pos(), "%s imports %s, which is on a higher floor", dir, target)
	}
}

// checkLibrary reports output that a library must leave to the program that uses it.
func (c *checker) checkLibrary(f *ast.File) {
	fmtName := ""
	for _, spec := range f.Imports {
		switch spec.Path.Value {
		case `"log"`:
			c.errorf(spec.Pos(), "a library does not log: hand out a func(error)")
		case `"fmt"`:
			fmtName = "fmt"
			if spec.Name != nil {
				fmtName = spec.Name.Name
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == fmtName && strings.HasPrefix(n.Sel.Name, "Print") {
				c.errorf(n.Pos(), "a library does not print: fmt.%s", n.Sel.Name)
			}
		case *ast.CallExpr:
			if fun, ok := n.Fun.(*ast.Ident); ok && (fun.Name == "print" || fun.Name == "println") {
				c.errorf(n.Pos(), "a library does not print: %s", fun.Name)
			}
		}
		return true
	})
}

func (c *checker) checkInit(f *ast.File) {
	for _, decl := range f.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			c.errorf(fn.Pos(), "func init: build values where they are asked for")
		}
	}
}

func (c *checker) errorf(pos token.Pos, format string, args ...any) {
	p := c.fset.Position(pos)
	c.problems = append(c.problems, fmt.Sprintf("%s:%d: %s", p.Filename, p.Line, fmt.Sprintf(format, args...)))
}

// TestFloors holds the repository to floors.txt.
func TestFloors(t *testing.T) {
	rules, err := parseRules(floorsText)
	if err != nil {
		t.Fatal(err)
	}
	problems, err := check(os.DirFS("../.."), rules)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}

// TestPages finds every package in the tables of docs/architecture.md and its translation, in the order of
// the floors.
func TestPages(t *testing.T) {
	rules, err := parseRules(floorsText)
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"architecture.md", "architecture.zh-CN.md"} {
		text, err := os.ReadFile("../../docs/" + page)
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range checkTable(string(text), rules) {
			t.Errorf("docs/%s: %s", page, problem)
		}
	}
}

// unlisted are the packages that tests and code generators consist of.
var unlisted = []string{
	"internal/capturetest", "internal/certtest", "internal/codectest", "internal/discoverytest", "internal/etcdtest", "internal/freeport", "internal/idltest", "internal/schematest", "internal/zookeepertest", "internal/floors", "internal/cmd/walkers", "gen/gentest",
}

// checkTable returns what the first table of a page has wrong: a row is "| name | `package`, … | text |", and
// the highest floor of its packages is not above that of the row before it.
func checkTable(page string, rules []rule) (problems []string) {
	_, table, _ := strings.Cut(page, "|---|---|---|\n")
	named := make(map[string]bool)
	floor := math.MaxInt
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 {
			break
		}
		highest := -1
		for i, dir := range strings.Split(cells[2], "`") {
			if i%2 == 0 {
				continue
			}
			r, ok := findRule(rules, dir)
			switch {
			case !ok || r.dir != dir:
				problems = append(problems, dir+" is not in floors.txt")
			case named[dir]:
				problems = append(problems, dir+" is named twice")
			}
			named[dir] = true
			highest = max(highest, r.floor)
		}
		if highest > floor {
			problems = append(problems, "the row of"+cells[1]+"is below a lower floor")
		}
		floor = highest
	}
	for _, r := range rules {
		if !named[r.dir] && !slices.Contains(unlisted, r.dir) {
			problems = append(problems, r.dir+" is not named")
		}
	}
	return problems
}

func TestCheckTable(t *testing.T) {
	rules := []rule{{dir: "a", floor: 0}, {dir: "b", floor: 1}, {dir: "c", tree: true, floor: 1}}
	const head = "| floor | folders | knows |\n|---|---|---|\n"
	for _, test := range []struct {
		rows string
		want []string
	}{
		{"| x | `b`, `c` | – |\n| y | `a` | – |\n\n| z | `d` | – |\n", nil},
		{"| y | `a` | – |\n| x | `b`, `c` | – |\n", []string{"the row of x is below a lower floor"}},
		{"| x | `b`, `d` | – |\n| y | `a`, `b` | – |\n", []string{"d is not in floors.txt", "b is named twice", "c is not named"}},
	} {
		if got := checkTable(head+test.rows, rules); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.rows, got, test.want)
		}
	}
}

func TestCheck(t *testing.T) {
	const rules = `
low other
high
.
examples/... cmd/tool/... bench/...
`
	tests := []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"down", map[string]string{
			"low/a.go":  `package low; import _ "fmt"`,
			"high/a.go": `package high; import _ "example.org/m/low"`,
			"a.go":      `package m; import ( _ "example.org/m/low"; _ "example.org/m/high" )`,
		}, nil},
		{"up", map[string]string{
			"low/a.go": "package low\n\nimport _ \"example.org/m/high\"",
		}, []string{"low/a.go:3: low imports high, which is on a higher floor"}},
		{"the root from below", map[string]string{
			"high/a.go": `package high; import _ "example.org/m"`,
		}, []string{"high/a.go:1: high imports ., which is on a higher floor"}},
		{"same floor", map[string]string{
			"low/a.go": `package low; import _ "example.org/m/other"`,
		}, []string{"low/a.go:1: low imports other, which is on the same floor"}},
		{"within a tree", map[string]string{
			"cmd/tool/a.go":   `package main; import _ "example.org/m/cmd/tool/x"`,
			"cmd/tool/x/a.go": `package x; import _ "example.org/m/cmd/tool/y"`,
			"cmd/tool/y/a.go": `package y; import _ "example.org/m/bench"`,
		}, []string{"cmd/tool/y/a.go:1: cmd/tool/y imports bench, which is on the same floor"}},
		{"no floor", map[string]string{
			"new/a.go":  `package new`,
			"high/a.go": `package high; import _ "example.org/m/new"`,
		}, []string{
			"high/a.go:1: high imports new, which has no floor",
			"new: the package has no floor: add it to floors.txt",
		}},
		{"unsafe", map[string]string{
			"internal/mem/a.go": `package mem; import _ "unsafe"`,
			"bench/go.mod":      "module example.org/m/bench\n",
			"bench/a.go":        `package bench; import _ "unsafe"`,
			"bench/gen/a.go":    "// Code generated by protoc-gen-go. DO NOT EDIT.\n\npackage gen\n\nimport _ \"unsafe\"\n",
		}, []string{"bench/a.go:1: bench imports unsafe: only internal/mem may"}},
		{"a module with a similar path is not ours", map[string]string{
			"low/a.go": `package low; import _ "example.org/mother"`,
		}, []string{"low/a.go:1: low imports example.org/mother: the root module needs nothing but the standard library"}},
		{"requirements of another module", map[string]string{
			"low/a.go":          `package low; import _ "C"`,
			"bench/go.mod":      `module example.org/m/bench`,
			"bench/a.go":        `package bench; import _ "example.net/x"`,
			"bench/peer/a.go":   `package peer; import _ "example.net/x"`,
			"examples/pp/a.go":  `package main; import _ "example.net/x"`,
			"examples/pp/go.md": ``,
		}, []string{
			"examples/pp/a.go:1: examples/pp imports example.net/x: the root module needs nothing but the standard library",
			"low/a.go:1: low imports C: the root module needs nothing but the standard library",
		}},
		{"init", map[string]string{
			"low/a.go":      "package low; type t int; func (t) init() {}\n\nfunc init() {}",
			"cmd/tool/a.go": `package main; func init() {}`,
			"bench/a.go":    `package bench; func init() {}`,
		}, []string{
			"cmd/tool/a.go:1: func init: build values where they are asked for",
			"low/a.go:3: func init: build values where they are asked for",
		}},
		{"output", map[string]string{
			"low/a.go":        "package low\nimport \"log\"\nfunc f() { log.Print(); println() }",
			"high/a.go":       "package high\nimport f \"fmt\"\nvar _ = f.Println\nfunc g() { f.Fprintln(nil) }",
			"examples/x/a.go": `package main; import ( "fmt"; "log" ); func main() { fmt.Println(); log.Print() }`,
			"cmd/tool/go.mod": `module example.org/m/cmd/tool`,
			"cmd/tool/a.go":   `package main; import "fmt"; func main() { fmt.Println() }`,
		}, []string{
			"high/a.go:3: a library does not print: fmt.Println",
			"low/a.go:2: a library does not log: hand out a func(error)",
			"low/a.go:3: a library does not print: println",
		}},
		{"what is not looked at", map[string]string{
			"low/a_test.go":         `package low_test; import ( _ "example.org/m/high"; _ "unsafe" )`,
			"low/testdata/a.go":     `package nonsense; import _ "example.org/m/high"`,
			"low/_old/a.go":         `package nonsense; import _ "example.org/m/high"`,
			"low/.hidden.go":        `not Go`,
			"unheard_of/b_test.go":  `package b`,
			"unheard_of/readme.txt": ``,
		}, nil},
	}
	parsed, err := parseRules(rules + unsafePackage)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fsys := fstest.MapFS{"go.mod": {Data: []byte("module example.org/m\n\ngo 1.25\n")}}
			for name, src := range tt.files {
				fsys[name] = &fstest.MapFile{Data: []byte(src)}
			}
			got, err := check(fsys, parsed)
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(got)
			if !slices.Equal(got, tt.want) {
				t.Errorf("got:\n\t%s\nwant:\n\t%s", strings.Join(got, "\n\t"), strings.Join(tt.want, "\n\t"))
			}
		})
	}
}

func TestParseRules(t *testing.T) {
	rules, err := parseRules("# words\n\na b/... # and more\nc\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []rule{{"a", false, 0}, {"b", true, 0}, {"c", false, 1}}
	if !slices.Equal(rules, want) {
		t.Errorf("got %v, want %v", rules, want)
	}
	for text, want := range map[string]string{
		"a\nb a":     "floors.txt:2: a is on a floor already, as a",
		"a/...\na/b": "floors.txt:2: a/b is on a floor already, as a/...",
		"a/b\na/...": "floors.txt:2: a/... is on a floor already, as a/b",
	} {
		if _, err := parseRules(text); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}
