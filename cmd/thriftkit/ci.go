package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/format"
	forms "github.com/thriftkit/thriftkit/idl/report"
)

func newCI() *cobra.Command {
	l := &lintOptions{failOn: "warning"}
	b := &breakingOptions{failOn: "error", history: 100}
	var form, against string
	cmd := &cobra.Command{
		Use:   "ci [flags] [FILE…]",
		Short: "Run check, fmt --check, lint and breaking in one go",
		Long: `ci runs what a build server should: check, fmt --check, lint, and breaking where an earlier state is named by --against or in thriftkit.yaml. All of
them run, whatever the ones before have found.

A FILE may be a directory; without FILE, the working directory is meant. The exit code is 0 if nothing was found, 1 if something was, and 2
for usage errors.`,
		Example:           "  thriftkit ci\n  thriftkit ci --against origin/main --format github-actions idl",
		ValidArgsFunction: completeFiles,
		RunE: action(func(cmd *cobra.Command, args []string) error {
			l.format, b.form, b.against, b.lang = form, form, against, l.lang
			if err := l.configure(cmd); err != nil {
				return err
			}
			paths, err := thriftFiles(args)
			if err != nil {
				return err
			}
			errOut := cmd.ErrOrStderr()
			failed := false
			step := func(name string, err error) error {
				var exit *exitError
				switch {
				case err == nil:
					fmt.Fprintf(errOut, "%s: ok\n", name)
					return nil
				case errors.As(err, &exit) && exit.code == exitFailure:
					if exit.err != nil {
						report(errOut, err)
					}
					fmt.Fprintf(errOut, "%s: failed\n", name)
					failed = true
					return nil
				}
				return err
			}
			// The compiler's errors are lint's too: they are printed once.
			if errs := compile.Load(paths, compile.Options{IncludeDirs: l.includeDirs, Syntax: l.syntax}).Diagnostics.Errors(); errs != nil {
				err = &exitError{code: exitFailure}
			}
			if err := step("check", err); err != nil {
				return err
			}
			f := &fmtOptions{check: true, separator: "keep", format: format.Options{Width: 100, Indent: 2, Dialect: l.syntax.Dialect}}
			if err := f.configure(func(string) bool { return false }); err != nil {
				return err
			}
			if err := step("fmt", f.run(cmd.InOrStdin(), errOut, errOut, paths)); err != nil {
				return err
			}
			if err := step("lint", l.run(cmd.OutOrStdout(), errOut, args)); err != nil {
				return err
			}
			c, err := loadConfig()
			if err != nil {
				return err
			}
			if against != "" || c != nil && c.breaking.against.given() {
				if err := b.configure(cmd); err != nil {
					return err
				}
				if err := step("breaking", b.run(cmd, args)); err != nil {
					return err
				}
			}
			if failed {
				return &exitError{code: exitFailure}
			}
			return nil
		}),
	}
	addIncludeFlag(cmd, &l.includeDirs)
	l.lang.addDialectFlag(cmd)
	cmd.Flags().StringVar(&against, "against", "", "the earlier state for breaking: `REF` a git revision, a directory, a file, an archive or a server")
	cmd.Flags().StringVar(&form, "format", "text", "the form of the findings: `FORM` "+strings.Join(forms.Formats[:3], ", "))
	mustComplete(cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(forms.Formats[:3], cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}
