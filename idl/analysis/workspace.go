// Package analysis answers what an editor asks about .thrift files: findings, completion, documentation,
// definitions, uses, renaming, outlines. It knows files, byte offsets and edits, and no editor's protocol.
//
// A [Workspace] holds the texts of open files over those of the file system. Questions about one file
// look at it and what it includes; those about uses look at all files of the workspace. What was compiled
// is kept until one of its files changes.
//
// A Workspace may be used concurrently.
package analysis

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/thriftkit/thriftkit/idl/breaking"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/format"
	"github.com/thriftkit/thriftkit/idl/lint"
	"github.com/thriftkit/thriftkit/idl/symbols"
	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/schema"
)

// Options say how a workspace is read.
type Options struct {
	Roots       []string // directories, absolute, whose .thrift files belong to it
	IncludeDirs []string
	Syntax      syntax.Options
	Source      compile.Source // of files that are not open; nil: the file system
	Lint        lint.Options
	Format      format.Options

	// Base is the earlier state that open files are compared with, nil for none: breaking changes are
	// findings too.
	Base        *breaking.Program
	BaseName    string // how people call it, such as main
	BaseOptions breaking.Options

	// Past returns what BaseOptions.Past is to have of a file; nil: nothing. It is called each time that the file is compared, from several goroutines.
	Past     func(path string) map[string]map[int16]string
	Accepted func(*breaking.Finding) bool // changes that are no findings; nil: none
}

// A Workspace is a group of files that an editor works on.
type Workspace struct {
	mu       sync.Mutex
	opts     Options
	open     map[string]string
	version  int
	changed  map[string]int // by path: the version at which it changed last
	views    map[string]*View
	whole    *View
	files    []string // of the roots; nil until they are asked for
	building sync.Mutex
}

// NewWorkspace returns a workspace without open files.
func NewWorkspace(opts Options) *Workspace {
	if opts.Source == nil {
		opts.Source = compile.OS{}
	}
	return &Workspace{opts: opts, open: make(map[string]string), changed: make(map[string]int), views: make(map[string]*View)}
}

// A View is a program as it was at one time. It does not change and may be used concurrently.
type View struct {
	Program *compile.Program
	Set     *symbols.Set
	version int
	opts    Options
	paths   []string
	lint    sync.Once
	found   map[string][]*lint.Finding // by path
	compare sync.Once
	now     breaking.Program
}

// Options returns the options that hold.
func (w *Workspace) Options() Options {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.opts
}

// SetOptions replaces the options. What was compiled is compiled anew.
func (w *Workspace) SetOptions(opts Options) {
	if opts.Source == nil {
		opts.Source = compile.OS{}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opts, w.views, w.whole, w.files = opts, make(map[string]*View), nil, nil
	w.version++
}

// Open gives a file the text of an editor's buffer; it holds until Close.
func (w *Workspace) Open(path, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open[path] = text
	w.touchLocked(path)
}

// Close goes back to the text of the file system.
func (w *Workspace) Close(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, path)
	w.touchLocked(path)
}

// Changed says that a file was changed, created or deleted by others.
func (w *Workspace) Changed(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.files = nil
	w.touchLocked(path)
}

func (w *Workspace) touchLocked(path string) {
	w.version++
	w.changed[path] = w.version
	w.whole = nil
	for p, v := range w.views {
		if p == path || v.reads(path) {
			delete(w.views, p)
		}
	}
}

// reads reports whether a change of path may change v: it is one of its files, or one that is missing in it.
func (v *View) reads(path string) bool {
	for _, t := range v.Program.Trees {
		if t.Path == path {
			return true
		}
	}
	for _, d := range v.Program.Diagnostics {
		if d.Code == "missing-include" || d.Code == "cannot-read" {
			return true
		}
	}
	return false
}

// IsOpen reports whether a file is open.
func (w *Workspace) IsOpen(path string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.open[path]
	return ok
}

// OpenFiles returns the paths of open files, sorted.
func (w *Workspace) OpenFiles() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []string
	for p := range w.open {
		list = append(list, p)
	}
	slices.Sort(list)
	return list
}

// Dependents returns the open files, path included, that a change of path concerns.
func (w *Workspace) Dependents(path string) []string {
	var list []string
	for _, p := range w.OpenFiles() {
		if p == path || w.View(p).reads(path) {
			list = append(list, p)
		}
	}
	return list
}

type overlay struct {
	compile.Source
	open map[string]string
}

func (o overlay) ReadFile(path string) ([]byte, error) {
	if text, ok := o.open[path]; ok {
		return []byte(text), nil
	}
	return o.Source.ReadFile(path)
}

// Identity keeps to paths: an open file is known by the path that the editor gave.
func (o overlay) Identity(path string) string { return path }

// View returns the program of one file and what it includes.
func (w *Workspace) View(path string) *View {
	w.mu.Lock()
	if v := w.views[path]; v != nil {
		w.mu.Unlock()
		return v
	}
	version := w.version
	v := w.newViewLocked(path)
	w.mu.Unlock()
	v.build()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.version == version {
		w.views[path] = v
	}
	return v
}

func (w *Workspace) newViewLocked(paths ...string) *View {
	v := &View{opts: w.opts, version: w.version, paths: paths}
	open := make(map[string]string, len(w.open))
	for p, t := range w.open {
		open[p] = t
	}
	v.opts.Source = overlay{w.opts.Source, open}
	return v
}

func (v *View) build() {
	v.Program = compile.Load(v.paths, compile.Options{Source: v.opts.Source, IncludeDirs: v.opts.IncludeDirs, Syntax: v.opts.Syntax})
	v.Set = symbols.Build(v.Program.Trees, v.Program.Included)
}

// Whole returns the program of all files of the workspace.
func (w *Workspace) Whole() *View {
	w.building.Lock() // one at a time: it is the expensive one
	defer w.building.Unlock()
	w.mu.Lock()
	if w.whole != nil {
		defer w.mu.Unlock()
		return w.whole
	}
	version := w.version
	paths := slices.Clone(w.filesLocked())
	for p := range w.open {
		if !slices.Contains(paths, p) {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	v := w.newViewLocked(paths...)
	w.mu.Unlock()
	v.build()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.version == version {
		w.whole = v
	}
	return v
}

// Files returns the .thrift files of the roots.
func (w *Workspace) Files() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.filesLocked())
}

func (w *Workspace) filesLocked() []string {
	if w.files != nil {
		return w.files
	}
	w.files = []string{}
	for _, root := range w.opts.Roots {
		filepath.WalkDir(filepath.FromSlash(root), func(at string, e fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return nil // it vanished, or may not be read: the rest is still of use
			case e.IsDir() && at != root && (strings.HasPrefix(e.Name(), ".") || e.Name() == "node_modules"):
				return filepath.SkipDir
			case e.Type().IsRegular() && filepath.Ext(at) == ".thrift":
				if p := filepath.ToSlash(at); !slices.Contains(w.files, p) {
					w.files = append(w.files, p)
				}
			}
			return nil
		})
	}
	return w.files
}

// File returns the symbols of a file of the view, nil if it is not part of it.
func (v *View) File(path string) *symbols.File { return v.Set.ByPath(path) }

// Schema returns the linked file at path, nil if it has errors or was not one of those asked for.
func (v *View) Schema(path string) *schema.File {
	for _, f := range v.Program.Files {
		if f != nil && f.Path == path {
			return f
		}
	}
	return nil
}

// Findings returns what is wrong with the file at path: mistakes, lint, and breaking changes.
func (v *View) Findings(path string) []*lint.Finding {
	v.lint.Do(func() {
		opts := v.opts.Lint
		opts.Only = func(p string) bool { return slices.Contains(v.paths, p) }
		v.found = make(map[string][]*lint.Finding)
		for _, f := range lint.RunSet(v.Program, v.Set, opts) {
			v.found[f.File] = append(v.found[f.File], f)
		}
	})
	return append(slices.Clip(v.found[path]), v.Breaking(path)...)
}

// Breaking returns what the file at path breaks since the Base of the options.
func (v *View) Breaking(path string) []*lint.Finding {
	if v.opts.Base == nil || v.Schema(path) == nil {
		return nil
	}
	base := breaking.Program{Reserved: v.opts.Base.Reserved}
	key := v.opts.BaseOptions.Key
	if key == nil {
		key = func(p string) string { return p }
	}
	for _, f := range v.opts.Base.Files {
		if key(f.Path) == key(path) {
			base.Files = []*schema.File{f}
		}
	}
	var list []*lint.Finding
	if base.Files == nil {
		return nil // a new file breaks nothing
	}
	v.compare.Do(func() { v.now = breaking.NewProgram(v.Program) })
	now := v.now
	now.Files = []*schema.File{v.Schema(path)}
	tree := v.File(path).Tree
	opts := v.opts.BaseOptions
	if v.opts.Past != nil {
		opts.Past = v.opts.Past(path)
	}
	for _, f := range breaking.Compare(base, now, opts) {
		d := f.Diagnostic()
		if d.File != path || v.opts.Accepted != nil && v.opts.Accepted(f) {
			continue
		}
		offset := tree.Offset(d.Line, d.Column)
		span := tree.Tokens[tree.TokenAt(offset)].Range()
		d.Place = tree.Place(span)
		list = append(list, &lint.Finding{Diagnostic: *d, Span: span})
	}
	return list
}

// A Place is a range in a file.
type Place struct {
	File *syntax.File
	Span syntax.Span
}
