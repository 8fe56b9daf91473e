package main

import (
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

// A language is how .thrift files are read: in words, as flags and thriftkit.yaml have them. "" is the default.
type language struct{ dialect, docs string }

var (
	languages = map[string]syntax.Dialect{"auto": syntax.Auto, "apache": syntax.Apache, "fbthrift": syntax.FBThrift, "kitex": syntax.Kitex}
	docs      = map[string]syntax.Docs{"all": syntax.AllComments, "doc": syntax.DocComments, "none": syntax.NoComments}
)

func wordsOf[T any](all map[string]T) []string { return slices.Sorted(maps.Keys(all)) }

// addDialectFlag adds --dialect to cmd, which has not the flag of that name for what is on the wire.
func (l *language) addDialectFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.dialect, "dialect", "auto", "read files in the variant `D` of the language: apache, fbthrift, kitex, or auto: what the file looks like")
	mustComplete(cmd.RegisterFlagCompletionFunc("dialect", cobra.FixedCompletions(wordsOf(languages), cobra.ShellCompDirectiveNoFileComp)))
}

// addDocsFlag adds --docs to cmd.
func (l *language) addDocsFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.docs, "docs", "all", "which comments are documentation: `WHICH` all, doc (/** … */ only) or none")
	mustComplete(cmd.RegisterFlagCompletionFunc("docs", cobra.FixedCompletions(wordsOf(docs), cobra.ShellCompDirectiveNoFileComp)))
}

// options returns how files are read by the flags of cmd, if it has those of l, else nil, and by thriftkit.yaml.
func (l language) options(cmd *cobra.Command) (syntax.Options, error) {
	c, err := loadConfig()
	if err != nil {
		return syntax.Options{}, err
	}
	if c != nil {
		changed := func(flag string) bool { return cmd != nil && cmd.Flags().Changed(flag) }
		take(&l.dialect, c.dialect, changed("dialect"))
		take(&l.docs, c.docs, changed("docs"))
	}
	return l.parsed()
}

// parsed returns what the words mean.
func (l language) parsed() (syntax.Options, error) {
	var o syntax.Options
	var ok bool
	if o.Dialect, ok = languages[l.dialect]; !ok && l.dialect != "" {
		return o, usagef("unknown dialect %q (known: %s)", l.dialect, strings.Join(wordsOf(languages), ", "))
	}
	if o.Docs, ok = docs[l.docs]; !ok && l.docs != "" {
		return o, usagef("--docs %s: there is %s", l.docs, strings.Join(wordsOf(docs), ", "))
	}
	return o, nil
}

// stdinName is the path of the text of standard input.
const stdinName = "<stdin>"

// withStdin is the system's files and standard input, which includes files of the working directory.
type withStdin struct {
	compile.OS
	text []byte
}

// readStdin returns paths with standard input for "-", and the source that has it.
func readStdin(in io.Reader, paths []string) ([]string, compile.Source, error) {
	if !slices.Contains(paths, "-") {
		return paths, nil, nil
	}
	text, err := io.ReadAll(in)
	if err != nil {
		return nil, nil, err
	}
	paths = slices.Clone(paths)
	for i, path := range paths {
		if path == "-" {
			paths[i] = stdinName
		}
	}
	return paths, withStdin{text: text}, nil
}

// ReadFile reads the file, or standard input.
func (s withStdin) ReadFile(path string) ([]byte, error) {
	if path == stdinName {
		return s.text, nil
	}
	return s.OS.ReadFile(path)
}

// Identity is that of compile.OS.
func (s withStdin) Identity(path string) string {
	if path == stdinName {
		return path
	}
	return s.OS.Identity(path)
}
