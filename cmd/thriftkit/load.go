package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/schema"
)

// addIncludeFlag adds -I to cmd.
func addIncludeFlag(cmd *cobra.Command, dirs *[]string) {
	cmd.Flags().StringArrayVarP(dirs, "include-dir", "I", nil, "look for included files in `DIR`, too (may be repeated)")
	mustComplete(cmd.MarkFlagDirname("include-dir"))
}

// load reads an IDL file. The diagnostics of one that has errors are the error.
func load(path string, includeDirs []string) (*schema.File, error) {
	opts, err := language{}.options(nil)
	if err != nil {
		return nil, err
	}
	return loadAs(path, includeDirs, opts)
}

// loadAs is load for a file that is read with opts.
func loadAs(path string, includeDirs []string, opts syntax.Options) (*schema.File, error) {
	return mistakes(thriftkit.Load(path, thriftkit.WithIncludeDirs(includeDirs...), thriftkit.WithSyntax(opts)))
}

// parse is load for a text that is in no file.
func parse(name, text string, includeDirs []string) (*schema.File, error) {
	opts, err := language{}.options(nil)
	if err != nil {
		return nil, err
	}
	return mistakes(thriftkit.Parse(name, text, thriftkit.WithIncludeDirs(includeDirs...), thriftkit.WithSyntax(opts)))
}

func mistakes(file *schema.File, err error) (*schema.File, error) {
	var diags syntax.Diagnostics
	if errors.As(err, &diags) {
		return nil, &exitError{code: exitFailure, err: diags, bare: true}
	}
	return file, err
}

// loadAll reads IDL files as one: as a file that includes them all would be read.
func loadAll(paths, includeDirs []string) (*schema.File, error) {
	if len(paths) == 1 {
		return load(paths[0], includeDirs)
	}
	var text strings.Builder
	for _, path := range paths {
		if _, err := load(path, includeDirs); err != nil { // its mistakes in its own name
			return nil, err
		}
		path, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		if strings.ContainsAny(path, "\"\n") {
			return nil, usagef("%s: a file that is served beside others cannot have a quote or a new line in its name", path)
		}
		fmt.Fprintf(&text, "include \"%s\"\n", filepath.ToSlash(path))
	}
	return parse(strings.Join(paths, " "), text.String(), includeDirs)
}

// servicesOf returns the services of a file, or if it has none those of the files that it includes.
func servicesOf(file *schema.File) []*schema.Service {
	if len(file.Services) > 0 {
		return file.Services
	}
	var list []*schema.Service
	for _, inc := range file.Includes {
		list = append(list, inc.File.Services...)
	}
	return list
}

// findService returns the service of file called name, also "include.Name".
func findService(file *schema.File, name string) (*schema.Service, error) {
	if svc := file.Service(name); svc != nil {
		return svc, nil
	}
	var names []string
	for _, svc := range servicesOf(file) {
		if svc.Name == name {
			return svc, nil
		}
		names = append(names, svc.Name)
	}
	return nil, usagef("%s has no service %q%s", file.Path, name, didYouMean(name, names))
}

// findMethod returns the method called name and the service by which it was named: as in
// "Service.method", or "method" if only one service of file declares or inherits one of this
// name. A method that several services inherit is one; its service is then the declaring one.
func findMethod(file *schema.File, name string) (*schema.Method, *schema.Service, error) {
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		svc, err := findService(file, name[:dot])
		if err != nil {
			return nil, nil, err
		}
		if m := svc.Method(name[dot+1:]); m != nil {
			return m, svc, nil
		}
		return nil, nil, usagef("service %s has no method %q%s", svc.Name, name[dot+1:], didYouMean(name[dot+1:], methodNames(svc)))
	}
	var found []*schema.Method
	var names []string
	for _, svc := range servicesOf(file) {
		if m := svc.Method(name); m != nil && !slices.Contains(found, m) {
			found = append(found, m)
		}
		names = append(names, methodNames(svc)...)
	}
	switch svc := file.Service(name); {
	case len(found) == 1:
		return found[0], found[0].Service, nil
	case len(found) > 1:
		var full []string
		for _, m := range found {
			full = append(full, m.String())
		}
		return nil, nil, usagef("several services have a method %q: write %s", name, strings.Join(full, " or "))
	case len(servicesOf(file)) == 0:
		return nil, nil, usagef("%s has no services", file.Path)
	case svc != nil && len(svc.AllMethods()) > 0:
		return nil, nil, usagef("%s is a service: name one of its methods, such as %s.%s", name, name, svc.AllMethods()[0].Name)
	}
	return nil, nil, usagef("%s has no method %q%s", file.Path, name, didYouMean(name, names))
}

func methodNames(svc *schema.Service) []string {
	var names []string
	for _, m := range svc.AllMethods() {
		names = append(names, m.Name)
	}
	return names
}
