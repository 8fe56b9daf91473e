package main

import (
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit/idl/analysis"
	"github.com/thriftkit/thriftkit/idl/breaking"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/format"
	"github.com/thriftkit/thriftkit/idl/lsp"
)

func newLSP() *cobra.Command {
	var against string
	var stdio bool
	cmd := &cobra.Command{
		Use:   "lsp",
		Short: "Serve the Language Server Protocol to an editor",
		Long: `lsp is the language server for .thrift files. An editor starts it and talks to it on standard input and output; docs/editors.md says how to set
up each of them.

It takes include-dirs, dialect, docs, format, lint and breaking from the thriftkit.yaml in the editor's directory or above. With --against, or against in the
section breaking, changes that break something are findings as you type.`,
		Example: "  thriftkit lsp\n  thriftkit lsp --against main",
		Args:    needArgs(0, 0, "no arguments"),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			return lsp.Serve(cmd.Context(), cmd.InOrStdin(), lspOutput{cmd.OutOrStdout()}, lsp.Options{
				Version:    readVersion().String(),
				ConfigName: configName,
				Complete:   completeConfig,
				Check:      checkConfig,
				Hover:      hoverConfig,
				Configure: func(roots []string, setting string) (analysis.Options, error) {
					if setting == "" {
						setting = against
					}
					return configureLSP(roots, setting)
				},
			})
		}),
	}
	cmd.Flags().StringVar(&against, "against", "", "report what breaks since the git revision `REF`")
	cmd.Flags().BoolVar(&stdio, "stdio", true, "talk on standard input and output; there is no other way")
	mustHide(cmd.Flags().MarkHidden("stdio")) // editors' libraries add it
	return cmd
}

// checkConfig returns what is wrong with the text of a project file.
func checkConfig(path, text string) error {
	_, err := parseConfig(path, []byte(text))
	return err
}

func mustHide(err error) {
	if err != nil {
		panic(err)
	}
}

// An lspOutput is standard output as the server wants it; it is not closed.
type lspOutput struct{ io.Writer }

func (lspOutput) Close() error { return nil }

// configureLSP reads the project file that holds for the first root. What is wrong with it is the error, and
// the rest of the options holds.
func configureLSP(roots []string, against string) (analysis.Options, error) {
	o := analysis.Options{Format: format.Options{Separator: format.Keep}} // as fmt and ci
	if len(roots) == 0 {
		return o, nil
	}
	name := findConfig(filepath.FromSlash(roots[0]))
	if name != "" {
		data, err := os.ReadFile(name)
		if err != nil {
			return o, err
		}
		c, err := parseConfig(filepath.ToSlash(name), data)
		if err != nil {
			return o, err
		}
		o.IncludeDirs = c.includeDirs.value
		if o.Syntax, err = (language{c.dialect.value, c.docs.value}).parsed(); err != nil {
			return o, err
		}
		o.Format.Dialect = o.Syntax.Dialect
		o.Lint = c.lint
		take(&o.Format.Align, c.format.align, false)
		take(&o.Format.Width, c.format.width, false)
		take(&o.Format.Indent, c.format.indent, false)
		if c.format.separator.given() {
			o.Format.Separator = separators[c.format.separator.value]
		}
		if against == "" {
			against = c.breaking.against.value
		}
		o.BaseOptions.Multiplexed = c.breaking.multiplexed.value
		o.BaseOptions.Annotations = c.breaking.annotations.value
		if o.BaseOptions.Categories, err = categoriesOf(c.breaking.policy.value); err != nil {
			return o, err
		}
		if name := c.breaking.accepted.value; name != "" {
			entries, err := readAccepted(name)
			if err != nil {
				return o, err
			}
			o.Accepted = entries.have
		}
	}
	if against == "" {
		return o, nil
	}
	base, top, err := gitProgram(roots[0], against, o)
	if err != nil {
		return o, err
	}
	key := func(p string) string {
		if rest, ok := strings.CutPrefix(p, top+"/"); ok {
			return rest
		}
		return p
	}
	o.Base, o.BaseName, o.BaseOptions.Key = base, against, key
	if name != "" { // as the command calls files
		project := filepath.Dir(name)
		o.BaseOptions.Name = func(p string) string {
			if near, err := filepath.Rel(project, filepath.FromSlash(path.Join(top, key(p)))); err == nil {
				return filepath.ToSlash(near)
			}
			return p
		}
	}
	var mu sync.Mutex
	past := make(map[string]map[string]map[int16]string)
	o.Past = func(p string) map[string]map[int16]string {
		mu.Lock()
		defer mu.Unlock()
		ids, ok := past[p]
		if !ok {
			ids = pastIDs(filepath.FromSlash(top), against, key(p), key(p), defaultHistory)
			past[p] = ids
		}
		return ids
	}
	return o, nil
}

// gitProgram returns the .thrift files of a revision of the repository at dir, and its top directory as it is above dir. Files that
// have errors are left out.
func gitProgram(dir, ref string, opts analysis.Options) (*breaking.Program, string, error) {
	if strings.HasPrefix(ref, "-") {
		return nil, "", usagef("--against %q is not a revision", ref)
	}
	top, err := git("-C", filepath.FromSlash(dir), "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, "", err
	}
	root := strings.TrimSpace(string(top))
	// Git resolves links, and editors do not.
	if prefix, err := git("-C", filepath.FromSlash(dir), "rev-parse", "--show-prefix"); err == nil {
		if above, ok := strings.CutSuffix(path.Clean(dir)+"/", strings.TrimSuffix(string(prefix), "\n")); ok && strings.HasSuffix(above, "/") {
			root = path.Clean(above)
		}
	}
	archive, err := git("-C", root, "archive", "--format=tar", ref)
	if err != nil {
		return nil, "", err
	}
	texts := compile.Texts{}
	if err := readTar(strings.NewReader(string(archive)), texts); err != nil {
		return nil, "", err
	}
	var paths []string
	for name := range texts {
		paths = append(paths, path.Clean(name))
	}
	var dirs []string
	for _, d := range opts.IncludeDirs {
		if near, err := filepath.Rel(root, d); err == nil {
			dirs = append(dirs, filepath.ToSlash(near))
		}
	}
	p := breaking.NewProgram(compile.Load(paths, compile.Options{Source: texts, IncludeDirs: dirs, Syntax: opts.Syntax}))
	return &p, filepath.ToSlash(root), nil
}
