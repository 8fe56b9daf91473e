package gen

import (
	"go/token"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/internal/gonames"
	"github.com/thriftkit/thriftkit/schema"
)

// export returns the Go name of what the IDL calls name.
func export(name string) string { return gonames.Export(name) }

func isLetter(r rune) bool { return gonames.IsLetter(r) }
func isDigit(r rune) bool  { return gonames.IsDigit(r) }

// exportConst is export, but a name in capitals keeps its underscores.
func exportConst(name string) string {
	if strings.ToUpper(name) != name || !isLetter(rune(name[0])) {
		return export(name)
	}
	return ident(name)
}

// ident returns name with underscores for what Go has not in names.
func ident(name string) string {
	return strings.Map(func(r rune) rune {
		if isLetter(r) || isDigit(r) {
			return r
		}
		return '_'
	}, name)
}

// unexport returns a Go name, which begins with a capital, with a small letter in front.
func unexport(name string) string {
	n := 1
	for n < len(name) && 'A' <= name[n] && name[n] <= 'Z' && (n+1 == len(name) || 'A' <= name[n+1] && name[n+1] <= 'Z') {
		n++
	}
	return strings.ToLower(name[:n]) + name[n:]
}

// A scope has the names that are in use.
type scope map[string]bool

// scopeOf returns a scope in which names, separated by blanks, are in use.
func scopeOf(names string) scope {
	s := make(scope)
	for _, n := range strings.Fields(names) {
		s[n] = true
	}
	return s
}

// pick reserves and returns name, with as many underscores after it as it needs to be unused.
func (s scope) pick(name string) string {
	for s[name] || token.IsKeyword(name) {
		name += "_"
	}
	s[name] = true
	return name
}

// Names that are something else where generated code has one of its own.
const (
	locals      = "a b body c call ctx depth dst e err h head i k last many n next off p r result s seen slab src text v x y"
	predeclared = "any append bool byte cap clear close comparable complex complex128 complex64 copy delete error false float32 float64 imag " +
		"init int int16 int32 int64 int8 iota len main make max min new nil panic print println real recover rune string true uint uint16 " +
		"uint32 uint64 uint8 uintptr"
	methods = "AppendThriftBinary AppendThriftCompact ConsumeThriftBinary ConsumeThriftCompact Error ThriftCodec ThriftName"
)

// A goPackage is the Go package of one IDL file, with the names in it.
type goPackage struct {
	file  *schema.File
	name  string // in its package clause
	dir   string // of its file, below the output folder; "" is that
	path  string // by which others import it
	names scope
	of    map[any]string // the Go name of a definition
	value map[*schema.EnumValue]string
	extra map[any]string            // names that the IDL does not have, by what they are about
	field map[*schema.Field]string  // of structs
	meth  map[*schema.Method]string // as it is called in interfaces and clients

	schemaFunc string // returns the schema
}

// An about keys a name in goPackage.extra.
type about struct {
	what string
	def  any
}

// packages are those of all files that roots reach, roots first.
func (g *generator) packages(roots []*schema.File) {
	dirs := make(map[string]bool)
	add := func(f *schema.File, root bool) {
		if g.pkgs[f] != nil {
			return
		}
		p := &goPackage{file: f, of: make(map[any]string), value: make(map[*schema.EnumValue]string), extra: make(map[any]string),
			field: make(map[*schema.Field]string), meth: make(map[*schema.Method]string)}
		if root && g.Package != "" {
			p.name = g.Package
		} else {
			p.dir = packageDir(f)
			for dirs[p.dir] {
				p.dir = path.Join(p.dir, plain(f.Name))
			}
			dirs[p.dir] = true
			p.name = path.Base(p.dir)
		}
		p.path = path.Join(g.ImportPath, p.dir)
		g.pkgs[f] = p
		g.order = append(g.order, p)
	}
	for _, f := range roots {
		add(f, true)
	}
	for _, f := range roots {
		for _, inc := range f.Reachable() {
			add(inc, false)
		}
	}
}

// packageDir returns the folder that the file's namespace for Go asks for.
func packageDir(f *schema.File) string {
	ns := f.Namespace("go")
	if ns == "" {
		return plain(f.Name)
	}
	var parts []string
	for part := range strings.SplitSeq(ns, ".") {
		parts = append(parts, plain(part))
	}
	return path.Join(parts...)
}

// plain returns name as the name of a package and its folder.
func plain(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		if isLetter(r) || isDigit(r) || r == '_' && b.Len() > 0 {
			b.WriteRune(r)
		}
	}
	s := b.String()
	switch {
	case s == "" || isDigit(rune(s[0])):
		s = "p" + s
	case token.IsKeyword(s) || s == "main" || s == "vendor" || s == "internal" || s == "testdata" || s == "init" || isDevice(s):
		s += "_"
	}
	return s
}

// isDevice reports whether name is that of a device on Windows: Go refuses import paths with such an element on all systems.
func isDevice(name string) bool {
	switch name {
	case "con", "prn", "aux", "nul":
		return true
	}
	return len(name) == 4 && (name[:3] == "com" || name[:3] == "lpt") && isDigit(rune(name[3]))
}

// fileName returns the name of the Go file for f. The ending keeps the words by which Go would leave
// a file out, such as _test and _linux, from its end.
func fileName(f *schema.File) string { return plain(f.Name) + "_thrift.go" }

// name gives all definitions of p, and what comes with them, their Go names: first those that the
// IDL has, in its order, so that the others give way.
func (g *generator) name(p *goPackage) {
	p.names = scopeOf(reserved())
	f := p.file
	for _, s := range f.Structs {
		p.of[s] = p.names.pick(g.TypePrefix + export(s.Name))
	}
	for _, e := range f.Enums {
		p.of[e] = p.names.pick(g.TypePrefix + export(e.Name))
	}
	for _, t := range f.Typedefs {
		p.of[t] = p.names.pick(g.TypePrefix + export(t.Name))
	}
	for _, s := range f.Services {
		p.of[s] = p.names.pick(g.TypePrefix + export(s.Name))
	}
	for _, e := range f.Enums {
		for _, v := range e.Values {
			p.value[v] = p.names.pick(p.of[e] + "_" + ident(v.Name))
		}
	}
	for _, c := range f.Constants {
		p.of[c] = p.names.pick(exportConst(c.Name))
	}
	p.schemaFunc = p.names.pick("ThriftSchema")
	for _, s := range f.Structs {
		p.fields(s.Fields)
		if hasDefaults(s) {
			p.extra[about{"new", s}] = p.names.pick("New" + p.of[s])
		}
	}
	for _, s := range f.Services {
		for _, suffix := range []string{"Client", "Handler", "Service"} {
			p.extra[about{suffix, s}] = p.names.pick(p.of[s] + suffix)
		}
		p.extra[about{"NewClient", s}] = p.names.pick("New" + p.extra[about{"Client", s}])
		p.extra[about{"ClientOf", s}] = p.names.pick("New" + p.extra[about{"Client", s}] + "Of")
	}
}

// fields names fields of one struct.
func (p *goPackage) fields(fields []*schema.Field) {
	names := scopeOf(methods + " UnknownFields")
	for _, f := range fields {
		p.field[f] = names.pick(export(f.Name))
	}
}

// methods names the methods of s and of those that it extends, which were named before.
func (g *generator) methods(s *schema.Service) {
	p := g.pkgs[s.File]
	names := make(scope)
	if s.Extends != nil {
		parent := g.pkgs[s.Extends.File]
		names[parent.extra[about{"Client", s.Extends}]] = true // the field by which clients have those of the parent
		names[parent.of[s.Extends]] = true
	}
	for _, m := range s.AllMethods() {
		if m.Service == s {
			p.meth[m] = names.pick(export(m.Name))
		} else {
			names[g.pkgs[m.Service.File].meth[m]] = true
			if anc := m.Service.Extends; anc != nil {
				names[g.pkgs[anc.File].extra[about{"Client", anc}]] = true
			}
		}
	}
}

// comment returns doc as a Go comment, "" for none.
func comment(doc, indent string) string {
	doc = strings.Map(func(r rune) rune {
		if r == 0 || r == '\r' || r == '\uFEFF' || r == utf8.RuneError {
			return -1
		}
		return r
	}, strings.TrimSpace(doc))
	if doc == "" {
		return ""
	}
	var b strings.Builder
	for line := range strings.SplitSeq(doc, "\n") {
		line = strings.TrimRight(line, " \t")
		if strings.HasPrefix(strings.TrimSpace(line), "+build") { // it would mean something to Go
			line = "Build: " + strings.TrimSpace(line)
		}
		b.WriteString(indent + strings.TrimRight("// "+line, " ") + "\n")
	}
	return b.String()
}
