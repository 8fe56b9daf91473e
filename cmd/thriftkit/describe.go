package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/print"
	"github.com/thriftkit/thriftkit/schema"
)

func newDescribe() *cobra.Command {
	o := &describeOptions{}
	var template bool
	cmd := &cobra.Command{
		Use:   "describe [flags] FILE|TARGET [NAME]",
		Short: "Print what a .thrift file defines, or a JSON text to call it with",
		Long: `describe prints a .thrift file, or what NAME stands for in it, as IDL text with its comments. In place of a file a
server can be asked: TARGET is what call takes.

NAME is a service, Service.method, a struct, union, exception, enum, typedef or constant, also of an included
file as in include.Name. A method may be named alone if only one service has it.

With --template it prints a JSON text instead: the arguments of a method, ready for "call -d", or a struct.`,
		Example:           "  thriftkit describe foo.thrift\n  thriftkit describe foo.thrift PingPong.login\n  thriftkit describe --template foo.thrift login\n  thriftkit describe 127.0.0.1:9090 PingPong",
		Args:              needArgs(1, 2, "FILE or TARGET, and NAME"),
		ValidArgsFunction: completeDescribe(o),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			file, err := o.schema(cmd, args[0])
			if err != nil {
				return err
			}
			name := ""
			if len(args) == 2 {
				name = args[1]
			}
			var text []byte
			if template {
				text, err = describeTemplate(file, name)
			} else {
				text, err = describe(file, name)
			}
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		}),
	}
	addIncludeFlag(cmd, &o.includeDirs)
	o.dialect.addFlags(cmd)
	cmd.Flags().DurationVar(&o.timeout, "timeout", 10*time.Second, "how long a server may take to answer: `D`, such as 500ms")
	mustComplete(cmd.RegisterFlagCompletionFunc("timeout", cobra.NoFileCompletions))
	cmd.Flags().BoolVar(&template, "template", false, "print a JSON text of the method's arguments, or of a struct, to fill in")
	return cmd
}

type describeOptions struct {
	includeDirs []string
	dialect     dialect
	timeout     time.Duration
	hasty       bool // as in callOptions
}

// schema returns what arg, a file or a target, has.
func (o *describeOptions) schema(cmd *cobra.Command, arg string) (*schema.File, error) {
	if !isTarget(arg) {
		return load(arg, o.includeDirs)
	}
	call := callOptions{dialect: o.dialect, timeout: o.timeout, hasty: o.hasty}
	return call.told(cmd, arg)
}

// describe returns the IDL text of what name stands for; of all of file for "".
func describe(file *schema.File, name string) ([]byte, error) {
	if name == "" {
		return print.AppendFile(nil, file), nil
	}
	var text []byte
	def := file.Lookup(name)
	text = print.AppendDefinition(text, def)
	if c := file.Constant(name); c != nil && def != any(c) { // constants have names of their own
		text = print.AppendDefinition(append(text, '\n'), c)
	}
	if len(text) > 0 {
		return text, nil
	}
	m, err := describedMethod(file, name)
	if err != nil {
		return nil, err
	}
	return print.AppendMethod(nil, m), nil
}

func describeTemplate(file *schema.File, name string) ([]byte, error) {
	var desc *schema.Struct
	switch def := file.Lookup(name).(type) {
	case *schema.Struct:
		desc = def
	case nil:
		if name == "" {
			return nil, usagef("--template needs the NAME of a method or struct")
		}
		m, err := describedMethod(file, name)
		if err != nil {
			return nil, err
		}
		desc = m.Args
	case *schema.Typedef:
		desc = def.Type.Struct
	}
	if desc == nil {
		return nil, usagef("--template needs the name of a method or struct, which %s is not", name)
	}
	return append(dynamic.Skeleton(desc), '\n'), nil
}

// describedMethod finds the method called name. The error speaks of definitions, too, since name could
// have been meant for one.
func describedMethod(file *schema.File, name string) (*schema.Method, error) {
	m, _, err := findMethod(file, name)
	if err == nil {
		return m, nil
	}
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 && file.Service(name[:dot]) != nil || len(methodsCalled(file, name)) > 1 {
		return nil, err
	}
	return nil, usagef("%s defines no %q%s", file.Path, name, didYouMean(name, definedNames(file)))
}

func methodsCalled(file *schema.File, name string) []*schema.Method {
	var list []*schema.Method
	for _, svc := range file.Services {
		if m := svc.Method(name); m != nil {
			list = append(list, m)
		}
	}
	return list
}

// definedNames returns all that describe takes as a NAME.
func definedNames(file *schema.File) []string {
	names := ownNames(file, "")
	for _, inc := range file.Includes {
		names = append(names, ownNames(inc.File, inc.File.Name+".")...)
	}
	return names
}

func ownNames(file *schema.File, prefix string) []string {
	var names []string
	for _, d := range file.Services {
		names = append(names, prefix+d.Name)
		for _, m := range d.AllMethods() {
			names = append(names, prefix+d.Name+"."+m.Name)
		}
	}
	for _, d := range file.Structs {
		names = append(names, prefix+d.Name)
	}
	for _, d := range file.Enums {
		names = append(names, prefix+d.Name)
	}
	for _, d := range file.Typedefs {
		names = append(names, prefix+d.Name)
	}
	for _, d := range file.Constants {
		names = append(names, prefix+d.Name)
	}
	return names
}
