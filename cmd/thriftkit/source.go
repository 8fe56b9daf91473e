package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit/reflection"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
)

// A source is where a schema comes from: files, or else the server itself.
type source struct {
	includeDirs []string
	idl         []string
}

func (s *source) addFlags(cmd *cobra.Command) {
	addIncludeFlag(cmd, &s.includeDirs)
	cmd.Flags().StringArrayVar(&s.idl, "idl", nil, "the `FILE` that declares the method (may be repeated; default: those of thriftkit.yaml, else the server is asked)")
	mustComplete(cmd.RegisterFlagCompletionFunc("idl", completeFiles))
}

// load reads the files, if there are any. Of several the result is one that includes them and has all
// of their services.
func (s *source) load() (*schema.File, error) {
	paths := make([]string, 0, len(s.idl))
	for _, path := range s.idl { // cobra reads flags twice when it completes
		if path = filepath.Clean(path); !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	switch len(paths) {
	case 0:
		return nil, nil
	case 1:
		return load(s.idl[0], s.includeDirs)
	}
	var text, services strings.Builder
	var dirs []string
	for _, path := range paths {
		file, err := load(path, s.includeDirs)
		if err != nil {
			return nil, err
		}
		dirs = append(dirs, filepath.Dir(path))
		fmt.Fprintf(&text, "include %q\n", filepath.Base(path))
		for _, svc := range servicesOf(file) {
			fmt.Fprintf(&services, "service %s extends %s.%[1]s {}\n", svc.Name, file.Name)
		}
	}
	return parse("all of "+strings.Join(paths, " and "), text.String()+services.String(), append(dirs, s.includeDirs...))
}

// noSchema says what to do about a server that does not tell its schema.
func noSchema(err error, target string) error {
	var e *rpc.Error
	if t, parseErr := transport.ParseTarget(target); parseErr == nil && t.Foreign != "" {
		return usagef("%s targets need --idl FILE, or files in thriftkit.yaml: servers hand out their schema over Thrift's dialects only", t.Foreign)
	}
	switch {
	case errors.Is(err, reflection.ErrUnsupported):
		return &exitError{code: exitUsage, err: fmt.Errorf("the server at %s does not hand out its schema: name the file that declares the method with --idl FILE or in thriftkit.yaml, "+
			"or have the server do it (thriftkit.WithReflection)", short(target))}
	case errors.As(err, &e) && (e.Code == rpc.CodeConnectionLost || e.Code == rpc.CodeTimeout || e.Code == rpc.CodeProtocol):
		return fmt.Errorf("without --idl FILE the server is asked for its schema: %w", err)
	}
	return err
}

// isTarget reports whether an argument that may be a file or a target is a target.
func isTarget(arg string) bool {
	if strings.HasPrefix(arg, "@") {
		return true
	}
	if strings.HasSuffix(arg, ".thrift") {
		return false
	}
	if _, err := os.Stat(arg); err == nil {
		return false
	}
	return checkTarget(arg) == nil
}

// schemaOf returns what is known of target: files, else what the server says.
func (o *callOptions) schemaOf(cmd *cobra.Command, target string) (*schema.File, error) {
	r := request{target: target}
	if err := o.resolve(cmd, &r); err != nil {
		return nil, err
	}
	if file, err := o.source.load(); file != nil || err != nil {
		return file, err
	}
	return o.ask(cmd, r.target)
}

// reflected returns the schema that the server at target hands out, whatever files there are.
func (o *callOptions) reflected(cmd *cobra.Command, target string) (*schema.File, error) {
	r := request{target: target}
	if err := o.resolve(cmd, &r); err != nil {
		return nil, err
	}
	return o.ask(cmd, r.target)
}

func (o *callOptions) ask(cmd *cobra.Command, target string) (*schema.File, error) {
	if o.hasty {
		o.timeout = patience // whatever flags and thriftkit.yaml say
	}
	if o.timeout < 0 {
		return nil, usagef("--timeout %v is negative", o.timeout)
	}
	target, err := o.dialect.target(target)
	if err != nil {
		return nil, err
	}
	c := &caller{o: o, target: target, tap: o.newTap(target), err: cmd.ErrOrStderr()}
	defer c.close()
	return c.reflect()
}
