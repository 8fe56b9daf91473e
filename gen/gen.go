// Package gen writes Go code for schemas: types, codecs, clients and servers.
//
// The code uses the same types and interfaces that a program which binds at run time has by hand: the types are those
// that package thriftkit describes, and the interface of a service has the methods of a handler. Either side may be
// generated while the other is bound. docs/gen.md lists what is generated for each part of the IDL.
package gen

import (
	"bytes"
	"fmt"
	"go/format"
	"go/token"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/thriftkit/thriftkit/schema"
)

// Options say what the code is like. With the zero Options each IDL file becomes a package in a
// folder that is named as its namespace for Go, or as the file.
type Options struct {
	Package     string // the name of the package for the files given, whose folder is then the output folder itself
	ImportPath  string // of the output folder; needed for files with includes
	TypePrefix  string // before all names of types; it begins with a capital
	SetsAsMaps  bool   // a set is a map[T]struct{} where Go allows it; else a []T
	KeepUnknown bool   // structs keep the fields that the schema does not know
	NoCodecs    bool   // structs do not write and read themselves: the code is shorter and slower
}

// A File is a Go file.
type File struct {
	Path string // below the output folder, with slashes
	Text []byte // formatted
}

// Go returns the Go files for files, which are linked, and for all that they include, sorted by
// path. The same files and options give the same text. The error says what in o is wrong, or
// that a file has includes and o no ImportPath.
func Go(files []*schema.File, o Options) ([]File, error) {
	g := &generator{Options: o, pkgs: make(map[*schema.File]*goPackage), dynamic: make(map[*schema.Type]bool), formatters: make(chan struct{}, runtime.GOMAXPROCS(0))}
	if err := g.check(files); err != nil {
		return nil, err
	}
	g.packages(files)
	g.base(files[0].Path)
	named := make(map[*schema.File]bool)
	for _, p := range g.order {
		for _, f := range append(p.file.Reachable(), p.file) {
			if !named[f] {
				named[f] = true
				g.name(g.pkgs[f])
				for _, s := range inherited(f.Services) {
					g.methods(s)
				}
			}
		}
	}
	g.findCodecs()
	var out []File
	seen := make(map[string]*schema.File)
	for _, p := range g.order {
		name := path.Join(p.dir, fileName(p.file))
		if other := seen[name]; other != nil {
			return nil, fmt.Errorf("both %s and %s would become %s", other.Path, p.file.Path, name)
		}
		seen[name] = p.file
		text, err := g.text(p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.file.Path, err)
		}
		out = append(out, File{name, text})
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// check reports what is wrong with the options.
func (g *generator) check(files []*schema.File) error {
	switch {
	case len(files) == 0:
		return fmt.Errorf("no files")
	case g.Package != "" && (!token.IsIdentifier(g.Package) || g.Package == "_"):
		return fmt.Errorf("%q is not the name of a package", g.Package)
	case g.Package != "" && len(files) > 1:
		return fmt.Errorf("a package has one IDL file: with a name for it, give one")
	case g.TypePrefix != "" && (!token.IsIdentifier(g.TypePrefix) || !token.IsExported(g.TypePrefix)):
		return fmt.Errorf("the prefix %q does not begin the name of a type that others see", g.TypePrefix)
	}
	for _, f := range files {
		if len(f.Includes) > 0 && g.ImportPath == "" {
			return fmt.Errorf("%s: the import path of the output folder is needed to import what is included", f.Includes[0].Pos)
		}
	}
	return nil
}

// inherited returns services in such an order that each stands after what it extends.
func inherited(services []*schema.Service) []*schema.Service {
	var out []*schema.Service
	var add func(s *schema.Service)
	add = func(s *schema.Service) {
		if s.Extends != nil && s.Extends.File == s.File {
			add(s.Extends)
		}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for _, s := range services {
		add(s)
	}
	return out
}

type generator struct {
	Options
	pkgs  map[*schema.File]*goPackage
	order []*goPackage
	dir   string // of the first file

	dynamic map[*schema.Type]bool   // types that no Go type but a dynamic one stands for, as far as asked
	codecs  map[*schema.Struct]bool // which structs write and read themselves

	// Of the file at hand.
	pkg     *goPackage
	body    bytes.Buffer
	done    []*chunk          // what came before body
	imports map[string]string // path to name
	used    map[string]bool   // of them, by path
	aliases scope
	helpers []func() // functions to be written at the end
	known   map[string]string
	uses    map[any]int // of values that share their parts

	formatters chan struct{} // as many as may format at the same time
}

// module is the import path of what generated code uses.
const module = "github.com/thriftkit/thriftkit"

// base sets the folder to which paths of files in the code are relative.
func (g *generator) base(first string) { g.dir = path.Dir(strings.ReplaceAll(first, "\\", "/")) }

// shownPath is the path of f in the code: the same wherever the generator runs.
func (g *generator) shownPath(f *schema.File) string {
	p := strings.ReplaceAll(f.Path, "\\", "/")
	if g.dir == "." {
		return p
	}
	if rest, ok := strings.CutPrefix(p, g.dir+"/"); ok {
		return rest
	}
	return path.Base(p)
}

// reserved are the names that packages imported by p may have.
func reserved() string {
	names := predeclared
	for _, std := range standard {
		names += " " + std.name
	}
	return names + " " + locals
}

// standard are the packages that generated code may import, with the names that they have there.
var standard = []struct{ path, name string }{
	{"context", "context"}, {"math", "math"}, {"sync", "sync"}, {"fmt", "fmt"},
	{module + "/dynamic", "dynamic"}, {module + "/rpc", "rpc"}, {module + "/runtime/thriftimpl", "thriftimpl"}, {module + "/schema", "schema"},
	{module + "/wire", "wire"}, {module + "/wire/binary", "binary"}, {module + "/wire/compact", "compact"},
}

// use returns name after the package that has it, and imports that.
func (g *generator) use(name, ident string) string {
	for _, std := range standard {
		if std.name == name {
			g.imports[std.path] = name
			g.used[std.path] = true
		}
	}
	return name + "." + ident
}

// in returns a name of p as code of the package at hand writes it.
func (g *generator) in(p *goPackage, ident string) string {
	if p == g.pkg {
		return ident
	}
	alias, ok := g.imports[p.path]
	if !ok {
		alias = g.aliases.pick(p.name)
		g.imports[p.path] = alias
	}
	g.used[p.path] = true
	return alias + "." + ident
}

// of returns the Go name of a definition in f.
func (g *generator) of(f *schema.File, def any) string { p := g.pkgs[f]; return g.in(p, p.of[def]) }

// extra returns a name that comes with a definition in f.
func (g *generator) extra(f *schema.File, what string, def any) string {
	p := g.pkgs[f]
	return g.in(p, p.extra[about{what, def}])
}

func (g *generator) p(format string, args ...any) { fmt.Fprintf(&g.body, format+"\n", args...) }

// helper returns the name of a function that write writes, once for each key, under that name.
func (g *generator) helper(key, name string, write func(name string)) string {
	if known, ok := g.known[key]; ok {
		return known
	}
	const longest = 60
	if len(name) > longest {
		name = name[:longest]
	}
	name = g.pkg.names.pick(name)
	g.known[key] = name
	g.helpers = append(g.helpers, func() { write(name) })
	return name
}

// text returns the Go file for p.
func (g *generator) text(p *goPackage) ([]byte, error) {
	g.pkg, g.imports, g.used, g.known, g.helpers = p, make(map[string]string), make(map[string]bool), make(map[string]string), nil
	g.body.Reset()
	g.done = nil
	g.aliases = scopeOf(reserved())
	for name := range p.names {
		g.aliases[name] = true
	}
	// The aliases of includes are picked before helpers get their names.
	for _, inc := range p.file.Reachable() {
		other := g.pkgs[inc]
		g.imports[other.path] = g.aliases.pick(other.name)
	}
	for _, alias := range g.imports {
		p.names[alias] = true
	}
	g.findShared()
	g.schema()
	g.enums()
	g.typedefs()
	g.constants()
	g.structs()
	for _, s := range p.file.Services {
		g.service(s)
		g.flush(flushAt)
	}
	for len(g.helpers) > 0 {
		write := g.helpers[0]
		g.helpers = g.helpers[1:]
		write()
		g.flush(flushAt)
	}
	g.flush(1)
	var out bytes.Buffer
	fmt.Fprintf(&out, "// Code generated by thriftkit gen go from %s. DO NOT EDIT.\n\n", path.Base(g.shownPath(p.file)))
	out.WriteString(comment(p.file.Doc, ""))
	fmt.Fprintf(&out, "package %s\n\n", p.name)
	g.writeImports(&out)
	head, err := format.Source(out.Bytes())
	if err != nil {
		return nil, notGo(err)
	}
	return joined(append(bytes.TrimSpace(head), "\n\n"...), g.done)
}

// flushAt is how much code is formatted at a time: the syntax tree of a whole package could take
// gigabytes.
const flushAt = 64 << 10

// A chunk is a part of a file that is formatted while the next ones are written.
type chunk struct {
	text []byte
	err  error
	done chan struct{} // closed when text and err are there; nil: they are
}

// flush formats what is in body, if that is at least size bytes. It ends with a blank line.
func (g *generator) flush(size int) {
	if g.body.Len() < size {
		return
	}
	c := &chunk{text: bytes.Clone(g.body.Bytes()), done: make(chan struct{})}
	g.done = append(g.done, c)
	g.body.Reset()
	g.formatters <- struct{}{}
	go func() {
		c.text, c.err = format.Source(c.text)
		c.text = append(bytes.TrimSpace(c.text), "\n\n"...)
		<-g.formatters
		close(c.done)
	}()
}

// joined waits for chunks and returns head with their text behind it, or the first error.
func joined(head []byte, chunks []*chunk) ([]byte, error) {
	size := len(head)
	var err error
	for _, c := range chunks {
		if c.done != nil {
			<-c.done
		}
		if err == nil && c.err != nil {
			err = notGo(c.err)
		}
		size += len(c.text)
	}
	if err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, size), head...)
	for _, c := range chunks {
		out = append(out, c.text...)
		c.text = nil // a package may have a hundred megabytes
	}
	return append(bytes.TrimSpace(out), '\n'), nil
}

func notGo(err error) error { return fmt.Errorf("the code is not Go: %w", err) }

// writeImports writes the imports that the body uses: includes may be there for constants only.
func (g *generator) writeImports(out *bytes.Buffer) {
	var std, other []string
	for p, alias := range g.imports {
		if !g.used[p] {
			continue
		}
		line := strconv.Quote(p)
		if path.Base(p) != alias {
			line = alias + " " + line
		}
		if strings.Contains(p, ".") || strings.Contains(p, "/") || g.isPackage(p) {
			other = append(other, line)
		} else {
			std = append(std, line)
		}
	}
	byPath := func(a, b string) int { return strings.Compare(a[strings.Index(a, `"`):], b[strings.Index(b, `"`):]) }
	slices.SortFunc(std, byPath)
	slices.SortFunc(other, byPath)
	fmt.Fprintf(out, "import (\n%s\n\n%s\n)\n\n", strings.Join(std, "\n"), strings.Join(other, "\n"))
}

func (g *generator) isPackage(importPath string) bool {
	for _, p := range g.order {
		if p.path == importPath {
			return true
		}
	}
	return false
}

// schema writes the embedded schema. Its text is not formatted with the rest, which would take time by the
// square of its length.
func (g *generator) schema() {
	f := g.pkg.file
	var includes string
	for _, inc := range f.Includes {
		other := g.pkgs[inc.File]
		includes += ", " + g.in(other, other.schemaFunc) + "()"
	}
	name := g.pkg.names.pick("thriftSchema")
	g.p("// %s returns what %s describes, without its comments. It must not be changed.", g.pkg.schemaFunc, path.Base(g.shownPath(f)))
	g.p("func %s() *%s { return %s() }\n", g.pkg.schemaFunc, g.use("schema", "File"), name)
	g.flush(1)
	plus := " +"
	if includes != "" { // gofmt has no blank there in lists of arguments
		plus = "+"
	}
	text := fmt.Sprintf("var %s = %s(func() *%s {\n\treturn %s(%s%s)\n})\n\n", name, g.use("sync", "OnceValue"), g.use("schema", "File"),
		g.use("schema", "MustDecode"), quote(schema.Encode(f, g.shownPath(f)), plus+"\n\t\t"), includes)
	g.done = append(g.done, &chunk{text: []byte(text)})
}

// quote returns s as Go literals of which none is a very long line, with plus between them.
func quote(s, plus string) string {
	const width = 100
	var parts []string
	for len(s) > width {
		parts = append(parts, strconv.Quote(s[:width]))
		s = s[width:]
	}
	return strings.Join(append(parts, strconv.Quote(s)), plus)
}
