package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/doc"
	"github.com/thriftkit/thriftkit/idl/print"
	"github.com/thriftkit/thriftkit/schema"
)

func newDescribe() *cobra.Command {
	o := &describeOptions{}
	var template, comments, list bool
	var form string
	cmd := &cobra.Command{
		Use:   "describe [flags] FILE|TARGET [NAME]",
		Short: "Print what a .thrift file defines, or a JSON text to call it with",
		Long: `describe prints a .thrift file, or what NAME stands for in it, as IDL text with its comments. In place of a file a
server can be asked: TARGET is what call takes.

NAME is a service, Service.method, a struct, union, exception, enum, typedef or constant, also of an included
file as in include.Name. A method may be named alone if only one service has it.

With --template it prints a JSON text instead: the arguments of a method, ready for "call -d", or a struct; with --comments
each field says what it is.

--format markdown and html make documentation with links between all names and to where they are used: html is one page that
needs nothing else. --format json is the same for programs. --list prints a line for each definition.`,
		Example:           "  thriftkit describe foo.thrift\n  thriftkit describe foo.thrift PingPong.login\n  thriftkit describe --template foo.thrift login\n  thriftkit describe --format html foo.thrift\n  thriftkit describe 127.0.0.1:9090 PingPong",
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
			switch {
			case template && (list || form != "idl") || list && form != "idl":
				return usagef("give one of --template, --list and --format")
			case comments && !template:
				return usagef("--comments goes with --template")
			case template:
				text, err = describeTemplate(file, name, comments)
			case list:
				text, err = describeList(file, name)
			case form == "idl":
				text, err = describe(file, name)
			default:
				text, err = describeAs(file, name, form)
			}
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		}),
	}
	addIncludeFlag(cmd, &o.includeDirs)
	o.lang.addDialectFlag(cmd)
	o.lang.addDocsFlag(cmd)
	o.dialect.addFlags(cmd)
	cmd.Flags().DurationVar(&o.timeout, "timeout", 10*time.Second, "how long a server may take to answer: `D`, such as 500ms")
	mustComplete(cmd.RegisterFlagCompletionFunc("timeout", cobra.NoFileCompletions))
	cmd.Flags().BoolVar(&template, "template", false, "print a JSON text of the method's arguments, or of a struct, to fill in")
	cmd.Flags().BoolVar(&comments, "comments", false, "with --template, say of each field what it is, in comments that call -d takes")
	cmd.Flags().BoolVar(&list, "list", false, "print a line for each definition and method, in place of the text")
	cmd.Flags().StringVar(&form, "format", "idl", "print it as `FORM`: idl, json, markdown or html")
	mustComplete(cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"idl", "json", "markdown", "html"}, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

type describeOptions struct {
	includeDirs []string
	lang        language
	dialect     dialect
	timeout     time.Duration
	hasty       bool // as in callOptions
}

// schema returns what arg, a file or a target, has.
func (o *describeOptions) schema(cmd *cobra.Command, arg string) (*schema.File, error) {
	if !isTarget(arg) {
		opts, err := o.lang.options(cmd)
		if err != nil {
			return nil, err
		}
		return loadAs(arg, o.includeDirs, opts)
	}
	call := callOptions{dialect: o.dialect, timeout: o.timeout, hasty: o.hasty}
	return call.reflected(cmd, arg)
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

// describeAs returns the documentation of what name stands for, of all for "".
func describeAs(file *schema.File, name, form string) ([]byte, error) {
	d := doc.Of(file)
	if name != "" {
		full := name
		if d.Only(name) == nil {
			m, err := describedMethod(file, name)
			if err != nil {
				return nil, err
			}
			if full = m.String(); m.Service.File != file {
				full = m.Service.File.Name + "." + full
			}
		}
		if d = d.Only(full); d == nil {
			return nil, usagef("%s is not described here: name the service that declares it", name)
		}
	}
	switch form {
	case "json":
		return d.AppendJSON(nil), nil
	case "markdown":
		return d.AppendMarkdown(nil), nil
	case "html":
		return d.AppendHTML(nil)
	}
	return nil, usagef("unknown format %q (known: idl, json, markdown, html)", form)
}

// describeList returns a line for each definition, and for each method of a service.
func describeList(file *schema.File, name string) ([]byte, error) {
	if name != "" {
		return nil, usagef("--list is of all that there is: leave %s out", name)
	}
	var out bytes.Buffer
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for i, f := range doc.Of(file).Files {
		prefix := ""
		if i > 0 {
			prefix = f.Name + "."
		}
		for _, d := range f.Definitions {
			fmt.Fprintf(table, "%s\t%s%s\t%s\n", d.Kind, prefix, d.Name, firstLine(d.Doc))
			for _, m := range d.Methods {
				fmt.Fprintf(table, "method\t%s%s.%s\t%s\n", prefix, d.Name, m.Name, firstLine(m.Doc))
			}
		}
	}
	err := table.Flush()
	text := regexp.MustCompile(` +\n`).ReplaceAll(out.Bytes(), []byte("\n"))
	return text, err
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

func describeTemplate(file *schema.File, name string, comments bool) ([]byte, error) {
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
	text := dynamic.Skeleton(desc)
	if comments {
		text = commentSkeleton(text, desc)
	}
	return append(text, '\n'), nil
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
	for _, svc := range servicesOf(file) {
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

// commentSkeleton says after each field of a text of dynamic.Skeleton what it is. The text has a line for each, and nests as the
// schema does.
func commentSkeleton(text []byte, desc *schema.Struct) []byte {
	var out []byte
	nest := []*schema.Type{} // what the brackets that are open belong to
	next := desc.Type()      // what the next bracket opens
	for i, line := range strings.Split(string(text), "\n") {
		if i > 0 {
			out = append(out, '\n')
		}
		body := strings.TrimSpace(line)
		comment := ""
		if name, ok := memberName(body); ok && len(nest) > 0 {
			next = nil
			switch t := nest[len(nest)-1]; {
			case t == nil:
			case t.Kind == schema.KindStruct:
				if f := t.Struct.Field(name); f != nil {
					next, comment = f.Type, fieldComment(f)
				}
			case t.Kind == schema.KindMap && name == "key":
				next = t.Key
			case t.Kind == schema.KindMap:
				next = t.Elem
			}
		} else if len(nest) > 0 && nest[len(nest)-1] != nil && !strings.HasPrefix(body, "}") && !strings.HasPrefix(body, "]") {
			t := nest[len(nest)-1]
			if next = t.Elem; t.Kind == schema.KindMap {
				next = t // an array of entries, each an object with key and value
			}
		}
		out = append(out, line...)
		if comment != "" {
			out = append(out, " // "+comment...)
		}
		switch {
		case strings.HasSuffix(body, "{") || strings.HasSuffix(body, "["):
			nest = append(nest, next)
		case (strings.HasPrefix(body, "}") || strings.HasPrefix(body, "]")) && len(nest) > 0:
			nest = nest[:len(nest)-1]
		}
	}
	return out
}

// memberName returns the name at the beginning of a line of JSON, if there is one.
func memberName(line string) (string, bool) {
	if !strings.HasPrefix(line, `"`) {
		return "", false
	}
	end := strings.Index(line, `": `)
	if end < 1 {
		return "", false
	}
	return line[1:end], true
}

func fieldComment(f *schema.Field) string {
	parts := []string{f.Type.String()}
	if f.Requiredness != schema.Unspecified {
		parts = append(parts, f.Requiredness.String())
	}
	if f.Type.Kind == schema.KindEnum {
		var names []string
		for _, v := range f.Type.Enum.Values {
			names = append(names, v.Name)
		}
		const most = 12
		if len(names) > most {
			names = append(names[:most], "…")
		}
		parts = append(parts, "one of "+strings.Join(names, ", "))
	}
	if f.Default != nil {
		parts = append(parts, "with a default")
	}
	text := strings.Join(parts, ", ")
	if f.Doc != "" {
		text += ": " + strings.Join(strings.Fields(f.Doc), " ")
	}
	return text
}
