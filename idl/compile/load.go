package compile

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/schema"
)

// A unit is one file on its way from tree to schema.
type unit struct {
	*compiler
	path     string
	tree     *syntax.File
	out      *schema.File
	includes []include
	loading  bool // its includes are being loaded: meeting it again is a cycle
	broken   bool // has syntax errors, so a name may be unknown only because its definition was not understood
	failed   bool // has errors, or includes a file that has

	numbered    map[syntax.Value]numbered // defaults that may be meant as ids, see protobufHint
	mistakes    []int                     // offsets of syntax errors
	defined     map[string]bool           // names that a broken file may define, see lose
	lostInclude bool                      // an include may be among what the parser did not understand
	types       map[string]*symbol        // typedefs, enums, structs and services: one name space
	constants   map[string]*constant
	symbols     []symbol // all of them, in the order of the text
	consts      []constant
	defaults    []pending // of fields, evaluated when all constants are
	later       []func()  // checks that need everything else
	lines       cursor
	checker     fieldChecker
	result      syntax.Type // of the function that is compiled
}

// An include is a file as another one sees it.
type include struct {
	name string
	unit *unit // nil if it could not be read; names after its prefix are then nobody's mistake
	at   *syntax.Include
}

// load reads the file name and all it includes. data is nil for a file still to be read.
func (c *compiler) load(name, id string, data []byte) *unit {
	u := &unit{compiler: c, path: name, loading: true}
	c.units[id] = u
	tree, diags := c.opts.Syntax.Parse(name, data)
	u.tree = tree
	u.lines = cursor{tree: tree}
	c.trees = append(c.trees, tree)
	for _, d := range diags {
		c.diags = append(c.diags, d)
		if d.Severity == syntax.Error {
			u.broken, u.failed = true, true
			u.mistakes = append(u.mistakes, tree.Offset(d.Line, d.Column))
		}
	}
	u.out = &schema.File{Path: name, Name: programName(name), Doc: tree.Doc}
	c.byFile[u.out] = u
	for _, h := range tree.Headers {
		switch h := h.(type) {
		case *syntax.Include:
			u.include(h)
		case *syntax.Namespace:
			u.out.Namespaces = append(u.out.Namespaces, schema.Namespace{
				Scope: h.Scope.Text,
				Name:  h.Name.Text,
				Meta:  u.meta(h.Doc, h.Annotations, h.Name.Span),
			})
		}
	}
	u.loading = false
	u.compile()
	return u
}

// root loads one of the paths given to Load; nil if it cannot be read.
func (c *compiler) root(name string) *unit {
	if strings.Contains(name, "://") {
		c.diags = append(c.diags, &syntax.Diagnostic{
			Place:   syntax.Place{File: name},
			Code:    "cannot-read",
			Message: "cannot be read: it is a URL",
			Hint:    "fetch the file first",
		})
		return nil
	}
	name = cleanPath(name)
	id := c.identity(name)
	if u := c.units[id]; u != nil {
		return u
	}
	data, err := c.source.ReadFile(name)
	if err != nil {
		c.diags = append(c.diags, &syntax.Diagnostic{
			Place:   syntax.Place{File: name},
			Code:    "cannot-read",
			Message: "cannot be read: " + reason(err),
		})
		return nil
	}
	return c.load(name, id, data)
}

func (c *compiler) identity(name string) string {
	if i, ok := c.source.(identifier); ok {
		return i.Identity(name)
	}
	return name
}

func (u *unit) include(h *syntax.Include) {
	if h.Path == nil {
		return
	}
	inc := include{name: programName(h.Path.Text), at: h}
	var left bool
	if inc.unit, left = u.find(h); left {
		return
	}
	if inc.unit != nil {
		u.included[h] = inc.unit.tree
	}
	for _, other := range u.includes {
		switch {
		case inc.unit == nil || other.unit == nil:
		case inc.unit == other.unit:
			u.warn(h.Path.Span, "duplicate-include", "%s is already included", inc.unit.path).
				also(u, other.at.Path.Span, "included")
			return
		case inc.name == other.name:
			u.warn(h.Path.Span, "include-name", "both %s and %s are seen here as %s", other.unit.path, inc.unit.path, inc.name).
				also(u, other.at.Path.Span, "the other is included").
				hint("rename one of the files: other compilers see one of them only")
		}
	}
	u.includes = append(u.includes, inc)
	if inc.unit == nil {
		u.failed = true
		return
	}
	u.failed = u.failed || inc.unit.failed
	u.out.Includes = append(u.out.Includes, &schema.Include{
		Path: h.Path.Text,
		File: inc.unit.out,
		Pos:  u.pos(h.Path.Span),
	})
}

// annotationFolder is where fbthrift's compiler has the files that declare its annotations. They are part of it, so most
// projects have no copy; annotations are kept as they are written, whether their declarations are found or not.
const annotationFolder = "thrift/annotation/"

// find returns the unit of an included file, loading it if it is new; nil, after a report, if that fails. The directory of
// the including file comes first, then the include directories. left is whether the include is left out: it is one of
// annotationFolder and not there.
func (u *unit) find(h *syntax.Include) (found *unit, left bool) {
	name := h.Path.Text
	if name == "" {
		u.error(h.Path.Span, "missing-include", "the include has no path")
		return nil, false
	}
	if scheme, _, ok := strings.Cut(name, "://"); ok && scheme != "" {
		u.error(h.Path.Span, "missing-include", "%s is a URL, and includes are files", name).
			hint("download the file and include its path")
		return nil, false
	}
	candidates := []string{cleanPath(name)}
	if !isAbs(name) {
		candidates[0] = cleanPath(path.Join(path.Dir(u.path), name))
		for _, dir := range u.opts.IncludeDirs {
			candidates = append(candidates, cleanPath(path.Join(cleanPath(dir), name)))
		}
	}
	var unreadable error
	for _, name := range candidates {
		id := u.identity(name)
		if known := u.units[id]; known != nil {
			if known.loading {
				u.reportCycle(h, known)
				return nil, false
			}
			return known, false
		}
		data, err := u.source.ReadFile(name)
		if err == nil {
			u.stack = append(u.stack, frame{u, h})
			known := u.load(name, id, data)
			u.stack = u.stack[:len(u.stack)-1]
			return known, false
		}
		if unreadable == nil && !errors.Is(err, fs.ErrNotExist) {
			unreadable = fmt.Errorf("%s cannot be read: %s", name, reason(err))
		}
	}
	if unreadable != nil {
		u.error(h.Path.Span, "cannot-read", "%v", unreadable)
		return nil, false
	}
	if u.tree.Dialect == syntax.FBThrift && strings.HasPrefix(name, annotationFolder) {
		return nil, true
	}
	r := u.error(h.Path.Span, "missing-include", "no file %s; looked for %s", name, strings.Join(candidates, ", "))
	if !isAbs(name) {
		r.hint("add the directory that holds it to the include directories")
	}
	return nil, false
}

// A frame is an include directive that is being followed.
type frame struct {
	unit *unit
	at   *syntax.Include
}

func (u *unit) reportCycle(h *syntax.Include, first *unit) {
	if first == u {
		u.error(h.Path.Span, "include-cycle", "%s includes itself", u.path)
		return
	}
	i := len(u.stack)
	for i > 0 && u.stack[i-1].unit != first {
		i--
	}
	chain := []string{first.path}
	for _, f := range u.stack[i:] {
		chain = append(chain, f.unit.path)
	}
	chain = append(chain, u.path, first.path)
	r := u.error(h.Path.Span, "include-cycle", "include cycle: %s", strings.Join(chain, " -> "))
	for _, f := range u.stack[i-1:] {
		r.also(f.unit, f.at.Path.Span, f.unit.path+" includes the next")
	}
}
