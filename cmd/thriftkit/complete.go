package main

import (
	"strings"
	"time"

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
func completeDescribe(o *describeOptions) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		switch len(args) {
		case 0:
			return completeFiles(cmd, args, toComplete)
		case 1:
			o.hasty = true
			if file, err := o.schema(cmd, args[0]); err == nil && file != nil {
				return withPrefix(toComplete, definedNames(file)), cobra.ShellCompDirectiveNoFileComp
			}
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeCall completes METHOD, then the names of parameters that are not given yet, each with
// its "=", and the names of enum values after that.
func completeCall(o *callOptions) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return withPrefix(toComplete, targetNames(true)), cobra.ShellCompDirectiveNoFileComp
		}
		o.hasty = true
		file, err := o.schemaOf(cmd, args[0])
		if err != nil || file == nil {
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

// patience is how long a server may take to tell its schema when somebody has pressed the tab key.
const patience = 2 * time.Second

// callableNames returns the full name of every method and, where it is enough, its name alone.
func callableNames(file *schema.File) []string {
	var names, full []string
	seen := make(map[string]bool)
	for _, svc := range servicesOf(file) {
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
	if a, ok := splitPath(m, toComplete); ok {
		if t := a.target(); t != nil && !a.json {
			for _, v := range valueNames(t) {
				words = append(words, a.path+"="+v)
			}
		}
		return withPrefix(toComplete, words), cobra.ShellCompDirectiveNoFileComp
	}
	if dot := strings.LastIndexByte(toComplete, '.'); dot >= 0 {
		if a, ok := splitPath(m, toComplete[:dot]+"="); ok {
			if t := a.target(); t != nil && t.Kind == schema.KindStruct {
				for _, f := range t.Struct.Fields {
					words = append(words, a.path+"."+f.Name+"=")
				}
			}
			return withPrefix(toComplete, words), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		}
	}
	named := make(map[string]bool)
	for i, word := range given {
		if f, _, ok := namedArgument(m, word); ok {
			named[f.Name] = true
		} else if _, ok := splitPath(m, word); ok {
			continue // a part, and there may be more of it
		} else if i < len(m.Args.Fields) {
			named[m.Args.Fields[i].Name] = true
		}
	}
	next := true // the first that is not given may also stand without its name
	for _, f := range m.Args.Fields {
		if named[f.Name] {
			continue
		}
		if next {
			words = append(words, valueNames(f.Type)...)
		}
		next = false
		words = append(words, f.Name+"=")
	}
	return withPrefix(toComplete, words), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// valueNames returns the values of t, if they have names.
func valueNames(t *schema.Type) (names []string) {
	switch t.Kind {
	case schema.KindEnum:
		for _, v := range t.Enum.Values {
			names = append(names, v.Name)
		}
	case schema.KindBool:
		names = []string{"false", "true"}
	}
	return names
}

// target returns the type of what a gives, nil if its way leads nowhere.
func (a assignment) target() *schema.Type {
	t := a.param.Type
	for _, s := range a.steps {
		switch {
		case !s.index && t.Kind == schema.KindStruct:
			f := t.Struct.Field(s.name)
			if f == nil {
				return nil
			}
			t = f.Type
		case s.index && t.Elem != nil:
			t = t.Elem
		default:
			return nil
		}
	}
	return t
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
