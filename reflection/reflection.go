// Package reflection has a server hand out the schema of what it serves, and a client ask for it.
//
// What travels is IDL text, printed from the schema by package idl/print: text needs no second
// form of everything that a schema can say, compiles at the other end with the checks that all
// IDL goes through, and is less than a description in structs (for conformance.thrift, in binary,
// 6.4 KB against 19.0 KB of fbthrift's; TestSize compares them). So a server keeps no sources, and one
// whose schema came from elsewhere than files has reflection as well. Lines and columns are those of
// the text that was sent.
//
// reflection.thrift describes the service. A server answers fbthrift's getThriftServiceMetadata,
// too: metadata.thrift.
package reflection

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/print"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

//go:embed reflection.thrift
var ownText string

//go:embed metadata.thrift
var metadataText string

// method returns the only method of the only service in text.
func method(name, text string) *schema.Method {
	file, diags := compile.Compile(name, compile.Options{Source: compile.Texts{name: text}})
	if file == nil {
		panic(diags) // the embedded text is wrong
	}
	return file.Services[0].Methods[0]
}

// Services returns what a server needs in its options, as [rpc.ServerOptions].BuiltIn, to hand
// out its schema.
func Services() []rpc.BuiltIn {
	return []rpc.BuiltIn{
		builtIn(method("reflection.thrift", ownText), describe),
		builtIn(method("metadata.thrift", metadataText), metadata),
	}
}

// background returns the service of m, whose one result is worked out when it is first asked for:
// services are registered before calls come.
func builtIn(m *schema.Method, result func([]*schema.Service) map[string]any) rpc.BuiltIn {
	return rpc.BuiltIn{Service: m.Service, Handler: func(s *rpc.Server) rpc.DynamicHandler {
		value := sync.OnceValues(func() (dynamic.Value, error) { return dynamic.Of(m.Result, result(s.Services())) })
		return func(context.Context, *schema.Method, *dynamic.Struct) (any, error) {
			v, err := value()
			return v, err
		}
	}}
}

// describe returns a Schema of the services.
func describe(services []*schema.Service) map[string]any {
	files := reached(services)
	paths := flatten(files)
	needed := make(map[*schema.Service]bool)
	for _, svc := range services {
		for ; svc != nil; svc = svc.Extends {
			needed[svc] = true
		}
	}
	as := print.Variant{
		IncludePath: func(inc *schema.Include) string { return paths[inc.File] },
		Omit:        func(svc *schema.Service) bool { return !needed[svc] },
	}
	var texts, served []any
	for _, f := range files {
		texts = append(texts, map[string]any{"path": paths[f], "text": string(as.AppendFile(nil, f))})
	}
	for _, svc := range services {
		served = append(served, map[string]any{"file": paths[svc.File], "name": svc.Name})
	}
	return map[string]any{"files": texts, "services": served}
}

// reached returns the files of services and all that they include, each after its includes.
func reached(services []*schema.Service) []*schema.File {
	var list []*schema.File
	met := make(map[*schema.File]bool)
	var visit func(*schema.File)
	visit = func(f *schema.File) {
		if f == nil || met[f] {
			return
		}
		met[f] = true
		for _, inc := range f.Includes {
			visit(inc.File)
		}
		list = append(list, f)
	}
	for _, svc := range services {
		visit(svc.File)
	}
	return list
}

// flatten gives each file a path below one root, so that no include depends on directories that
// the client does not have: its base name, and where several share that, a directory of its own
// for each of them.
func flatten(files []*schema.File) map[*schema.File]string {
	count := make(map[string]int)
	for _, f := range files {
		count[f.Name]++
	}
	paths := make(map[*schema.File]string)
	for i, f := range files {
		paths[f] = f.Name + ".thrift"
		if count[f.Name] > 1 {
			paths[f] = strconv.Itoa(i) + "/" + paths[f]
		}
	}
	return paths
}

// A Schema is what a server hands out.
type Schema struct {
	// File has all services that the server serves: the file that defines them, or, if they are of
	// several, one with a service for each that extends it and has its name. It also defines what
	// the services need, or includes the files that do.
	File *schema.File
	// Services are those that the server serves, in its order.
	Services []*schema.Service
	// Texts are the files that the server sent, path to text.
	Texts map[string]string
}

// ErrUnsupported is the error of Fetch for a server that answers, but does not hand out its
// schema; test with errors.Is.
var ErrUnsupported = errors.New("the server does not hand out its schema")

// Fetch asks the server of c for its schema. An answer that does not compile is an error as well.
func Fetch(ctx context.Context, c *rpc.Client) (*Schema, error) {
	m := method("reflection.thrift", ownText)
	v, err := c.Invoke(ctx, m, dynamic.New(m.Args))
	var e *rpc.Error
	switch {
	case errors.As(err, &e) && e.Remote:
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	case err != nil:
		return nil, err
	}
	s, err := link(v.Struct())
	if err != nil {
		return nil, fmt.Errorf("the schema that the server sent: %w", err)
	}
	return s, nil
}

// link compiles what a server sent.
func link(sent *dynamic.Struct) (*Schema, error) {
	texts := make(compile.Texts)
	for _, v := range sent.Get("files").List().All() {
		texts[path.Clean(v.Struct().Get("path").Text())] = v.Struct().Get("text").Text()
	}
	type served struct{ file, name string }
	var list []served
	var roots []string // files with services that are served
	for _, v := range sent.Get("services").List().All() {
		svc := served{path.Clean(v.Struct().Get("file").Text()), v.Struct().Get("name").Text()}
		list = append(list, svc)
		if !slices.Contains(roots, svc.file) {
			roots = append(roots, svc.file)
		}
	}
	if len(list) == 0 {
		return nil, errors.New("it has no services")
	}
	load := roots
	if len(roots) > 1 {
		var join strings.Builder
		for _, root := range roots {
			fmt.Fprintf(&join, "include %q\n", root)
		}
		for _, svc := range list {
			fmt.Fprintf(&join, "service %s extends %s.%[1]s {}\n", svc.name, strings.TrimSuffix(path.Base(svc.file), ".thrift"))
		}
		name := "server.thrift"
		for texts[name] != "" {
			name = "the_" + name
		}
		texts[name] = join.String()
		load = append([]string{name}, roots...)
		defer delete(texts, name)
	}
	program := compile.Load(load, compile.Options{Source: texts, IncludeDirs: []string{"."}})
	if errs := program.Diagnostics.Errors(); len(errs) > 0 {
		return nil, errs
	}
	byPath := make(map[string]*schema.File)
	for i, name := range load {
		byPath[name] = program.Files[i]
	}
	s := &Schema{File: program.Files[0], Texts: texts}
	for _, svc := range list {
		found := byPath[svc.file].Service(svc.name)
		if found == nil {
			return nil, fmt.Errorf("%s has no service %q", svc.file, svc.name)
		}
		s.Services = append(s.Services, found)
	}
	return s, nil
}
