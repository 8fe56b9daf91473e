// Package compile turns IDL text into linked schemas: it reads files and what they include,
// gives every name its meaning, evaluates constants and defaults, and checks all of it.
//
//	file, diags := compile.Compile("shop.thrift", compile.Options{IncludeDirs: []string{"idl"}})
//	if file == nil {
//		log.Fatal(diags)
//	}
//	for _, m := range file.Service("Shop").AllMethods() { … }
//
// # What is accepted
//
// The language of Apache Thrift 0.18 and later, and of thriftpy2 where the two do not
// contradict each other; docs/idl.md lists the contradictions with the reasons for the choice.
// Names may be used before they are defined, everywhere. A name of an included file is written
// with the base name of that file, include.Name, and so is one that comes by way of it:
// a.b.Name.
//
// # Diagnostics
//
// All mistakes of all files are reported together, sorted by place. One mistake is one
// diagnostic: what follows only from another mistake is not reported, so a file with a syntax
// error gets no complaints about names that it may define where it was not understood. Codes are stable;
// docs/idl.md has an example of each. Errors make a file unusable and those that include it;
// warnings never do.
//
// # Sources
//
// An include is looked for in the directory of the file that has it, then in the include
// directories in order. Where the text comes from is a [Source]: the operating system's files,
// an [FS], or [Texts] in memory. A file reached by several paths is compiled once.
//
// # Limits
//
// Containers and constant values nest at most 64 deep; typedefs and constants that refer
// forward, and services that extend each other, form chains of at most 64. Values that constants share are shared in the schema too, so a small text never
// becomes a large schema.
package compile

import (
	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/schema"
)

// maxDepth bounds everything that nests or forms chains. schema.Link has the same bound for
// containers.
const maxDepth = 64

// Options say where files are found. The zero Options read the operating system's files and
// look for includes next to the file that includes them.
type Options struct {
	IncludeDirs []string // where else to look for included files, in order
	Source      Source   // nil: OS{}
	Syntax      syntax.Options
}

// A Program is the outcome of Load.
type Program struct {
	Files       []*schema.File     // one for each path given, linked; nil if it or a file that it includes has errors
	Trees       []*syntax.File     // every file that was read, in the order in which they were met
	Diagnostics syntax.Diagnostics // of all files, sorted

	included map[*syntax.Include]*syntax.File
}

// Included returns the tree of the file that an include directive of one of the Trees leads to; nil
// if it could not be read.
func (p *Program) Included(h *syntax.Include) *syntax.File { return p.included[h] }

// Compile reads the file at path and all it includes. It returns the linked file, or nil if
// there are errors, and all diagnostics, sorted: errors and warnings. A file that cannot be
// read is a diagnostic too.
func Compile(path string, opts Options) (*schema.File, syntax.Diagnostics) {
	p := Load([]string{path}, opts)
	return p.Files[0], p.Diagnostics
}

// Load compiles several files in one go, so that what they include in common is one
// schema.File, and hands out the trees as well. Calls share nothing: they may run concurrently
// if their Source allows it.
func Load(paths []string, opts Options) *Program {
	c := &compiler{opts: opts, source: opts.Source, units: make(map[string]*unit), byFile: make(map[*schema.File]*unit), included: make(map[*syntax.Include]*syntax.File)}
	if c.source == nil {
		c.source = OS{}
	}
	p := &Program{Files: make([]*schema.File, len(paths))}
	for i, path := range paths {
		if u := c.root(path); u != nil && !u.failed {
			p.Files[i] = u.out
		}
	}
	p.Trees = c.trees
	p.included = c.included
	p.Diagnostics = c.diags
	p.Diagnostics.Sort()
	return p
}

// A compiler holds what the files of one Load share.
type compiler struct {
	opts   Options
	source Source
	units  map[string]*unit // by identity
	byFile map[*schema.File]*unit
	trees  []*syntax.File

	included map[*syntax.Include]*syntax.File // by Program.Included

	stack []frame // the include directives that lead to the file being loaded
	diags syntax.Diagnostics

	typedefs  []*symbol   // being resolved
	evals     []*constant // being evaluated
	extending int         // services being compiled for others that extend them

	base     [schema.KindUUID + 1]*schema.Type
	typeIDs  map[*schema.Type]int // equal types have equal ids, see typeID
	typeSet  map[typeKey]int
	litIDs   map[*schema.Literal]int // equal values have equal ids, see literalID
	litSet   map[string]int
	members  map[*schema.Enum]map[string]*schema.EnumValue // of large enums, as are the numbers
	numbers  map[*schema.Enum]map[int64]bool
	fields   map[*schema.Struct]map[string]*schema.Field // of large structs
	required map[*schema.Struct][]*schema.Field          // of structs of which there are values
	endless  map[*schema.Struct]bool                     // structs of which no value can exist
	hints    int                                         // names that were looked for in vain: hints cost time
}

// compile turns the tree into u.out. Every file that u includes has been compiled before, so
// only names of u itself can still be without meaning.
func (u *unit) compile() {
	u.declare()
	for i := range u.symbols {
		if s := &u.symbols[i]; s.enum != nil {
			u.enum(s)
		}
	}
	for i := range u.symbols {
		u.resolve(&u.symbols[i])
	}
	for i := range u.symbols {
		if s := &u.symbols[i]; s.structure != nil {
			u.structure(s)
		}
	}
	for i := range u.symbols {
		if s := &u.symbols[i]; s.service != nil {
			u.service(s)
		}
	}
	for i := range u.consts {
		u.constant(&u.consts[i])
	}
	for _, d := range u.defaults {
		d.field.Default, _ = u.value(d.value, d.field.Type)
	}
	for _, check := range u.later {
		check()
	}
	u.checkEndless()
	u.checkNeeded()
	if u.failed {
		return
	}
	if err := schema.Link(u.out); err != nil {
		u.error(syntax.Span{}, "internal", "%v", err)
	}
}
