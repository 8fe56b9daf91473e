package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit/schema"
)

// mustComplete panics on the mistake of registering a completion for a flag that does not exist.
func mustComplete(err error) {
	if err != nil {
		panic(err)
	}
}

// completeFiles completes names of .thrift files.
func completeFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"thrift"}, cobra.ShellCompDirectiveFilterFileExt
}

// completeDescribe completes FILE, then NAME.
func completeDescribe(includeDirs *[]string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		switch len(args) {
		case 0:
			return completeFiles(cmd, args, toComplete)
		case 1:
			if file, err := load(args[0], *includeDirs); err == nil {
				return withPrefix(toComplete, definedNames(file)), cobra.ShellCompDirectiveNoFileComp
			}
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeCall completes METHOD, then the names of parameters that are not given yet, each with
// its "=", and the names of enum values behind that.
func completeCall(o *callOptions) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		if o.idl == "" || len(args) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		file, err := load(o.idl, o.includeDirs)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		if len(args) == 1 {
			return withPrefix(toComplete, callableNames(file)), cobra.ShellCompDirectiveNoFileComp
		}
		m, _, err := findMethod(file, args[1])
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return completeArgument(m, args[2:], toComplete)
	}
}

// callableNames returns the full name of every method and, where it is enough, its name alone.
func callableNames(file *schema.File) []string {
	var names, full []string
	seen := make(map[string]bool)
	for _, svc := range file.Services {
		for _, m := range svc.AllMethods() {
			full = append(full, svc.Name+"."+m.Name)
			if _, _, err := findMethod(file, m.Name); err == nil && !seen[m.Name] {
				seen[m.Name] = true
				names = append(names, m.Name)
			}
		}
	}
	return append(names, full...)
}

func completeArgument(m *schema.Method, given []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	var words []string
	if name, _, ok := strings.Cut(toComplete, "="); ok {
		if f := m.Args.Field(name); f != nil && f.Type.Kind == schema.KindEnum {
			for _, v := range f.Type.Enum.Values {
				words = append(words, name+"="+v.Name)
			}
		}
		return withPrefix(toComplete, words), cobra.ShellCompDirectiveNoFileComp
	}
	taken := make(map[string]bool)
	for i, word := range given {
		if f, _, ok := namedArgument(m, word); ok {
			taken[f.Name] = true
		} else if i < len(m.Args.Fields) {
			taken[m.Args.Fields[i].Name] = true
		}
	}
	next := true // the first that is not given may also stand without its name
	for _, f := range m.Args.Fields {
		if taken[f.Name] {
			continue
		}
		if next && f.Type.Kind == schema.KindEnum {
			for _, v := range f.Type.Enum.Values {
				words = append(words, v.Name)
			}
		}
		next = false
		words = append(words, f.Name+"=")
	}
	return withPrefix(toComplete, words), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

func withPrefix(prefix string, words []string) []string {
	var out []string
	for _, w := range words {
		if strings.HasPrefix(w, prefix) {
			out = append(out, w)
		}
	}
	return out
}
