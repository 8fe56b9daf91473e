package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit/idl/format"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

type fmtOptions struct {
	write, diff, check bool
	separator          string
	lang               language
	format             format.Options
}

func newFmt() *cobra.Command {
	o := &fmtOptions{}
	cmd := &cobra.Command{
		Use:   "fmt [flags] [FILE…]",
		Short: "Format .thrift files",
		Long: `fmt prints .thrift files in the usual layout. It changes white space and separators only; comments stay where they are.

A FILE may be a directory: then all .thrift files in it and below are meant, except for those in directories whose names
begin with a dot. Without FILE, or for -, standard input is formatted. Files with mistakes in their form are left alone.

The section format of thriftkit.yaml has align, width, indent and separator; flags go before it.`,
		Example: "  thriftkit fmt -w foo.thrift idl\n  thriftkit fmt --check .\n  thriftkit fmt -d --align foo.thrift",
		RunE: action(func(cmd *cobra.Command, args []string) error {
			opts, err := o.lang.options(cmd)
			if err != nil {
				return err
			}
			o.format.Dialect = opts.Dialect
			if err := o.configure(cmd.Flags().Changed); err != nil {
				return err
			}
			return o.run(cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr(), args)
		}),
		ValidArgsFunction: completeFiles,
	}
	f := cmd.Flags()
	f.BoolVarP(&o.write, "write", "w", false, "write files that change back, instead of printing them")
	f.BoolVarP(&o.diff, "diff", "d", false, "print what changes, as a unified diff")
	f.BoolVar(&o.check, "check", false, "print the names of files that would change; exit code 1 if there are any")
	f.BoolVar(&o.format.Align, "align", false, "put types, names and values of fields, and the comments after them, into columns")
	f.IntVar(&o.format.Width, "width", 100, "break lists that make a line longer than `N` columns")
	f.IntVar(&o.format.Indent, "indent", 2, "indent by `N` blanks")
	f.StringVar(&o.separator, "separator", "keep", "what stands after fields, enum values and functions: `S` comma, semicolon, none, or keep: what most in the file have")
	mustComplete(cmd.RegisterFlagCompletionFunc("separator", cobra.FixedCompletions(wordsOf(separators), cobra.ShellCompDirectiveNoFileComp)))
	o.lang.addDialectFlag(cmd)
	return cmd
}

func (o *fmtOptions) run(in io.Reader, out, errOut io.Writer, args []string) error {
	if err := o.complete(args); err != nil {
		return err
	}
	if len(args) == 0 || len(args) == 1 && args[0] == "-" {
		src, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		changed, err := o.text(out, stdinName, src)
		return o.result(changed, err)
	}
	failed, changes := false, false
	each := func(path string, err error) {
		changed := false
		if err == nil {
			changed, err = o.file(out, path)
		}
		if err != nil {
			failed = true
			report(errOut, o.result(false, err))
		}
		changes = changes || changed
	}
	for _, arg := range args {
		walkThrift(arg, each)
	}
	if failed {
		return &exitError{code: exitFailure}
	}
	return o.result(changes, nil)
}

// separators are the words for what stands after fields.
var separators = map[string]format.Separator{"comma": format.Comma, "semicolon": format.Semicolon, "none": format.NoSeparator, "keep": format.Keep}

// configure takes what thriftkit.yaml says and no flag does.
func (o *fmtOptions) configure(changed func(flag string) bool) error {
	c, err := loadConfig()
	if c == nil || err != nil {
		return err
	}
	take(&o.format.Align, c.format.align, changed("align"))
	take(&o.format.Width, c.format.width, changed("width"))
	take(&o.format.Indent, c.format.indent, changed("indent"))
	take(&o.separator, c.format.separator, changed("separator"))
	return nil
}

func take[T any](to *T, s setting[T], changed bool) {
	if s.given() && !changed {
		*to = s.value
	}
}

// complete checks the flags and takes over those that are words.
func (o *fmtOptions) complete(args []string) error {
	var ok bool
	if o.format.Separator, ok = separators[o.separator]; !ok {
		return usagef("unknown separator %q (known: %s)", o.separator, strings.Join(wordsOf(separators), ", "))
	}
	switch {
	case o.format.Width < 1:
		return usagef("--width %d: a line has at least one column", o.format.Width)
	case o.format.Indent < 1 || o.format.Indent > 16:
		return usagef("--indent %d: there are 1 to 16 blanks", o.format.Indent)
	case o.write && o.check:
		return usagef("-w changes files and --check does not: give one of them")
	case len(args) > 1 && slices.Contains(args, "-"):
		return usagef("- is standard input, which is formatted alone")
	case o.write && (len(args) == 0 || args[0] == "-"):
		return usagef("-w needs FILE: there is nothing to write standard input to")
	}
	return nil
}

// result returns the error to end with when the text of a file, or of any, has changed or could not be
// formatted.
func (o *fmtOptions) result(changed bool, err error) error {
	var diags syntax.Diagnostics
	switch {
	case errors.As(err, &diags):
		return &exitError{code: exitFailure, err: diags, bare: true}
	case err != nil:
		return &exitError{code: exitFailure, err: err}
	case changed && o.check:
		return &exitError{code: exitFailure}
	}
	return nil
}

// walkThrift calls f for the file at path, or for each .thrift file below it.
func walkThrift(path string, f func(path string, err error)) {
	if strings.Contains(path, "://") {
		f(path, fmt.Errorf("%s is a URL (fetch the file first)", path))
		return
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		f(path, nil) // which meets the error again
		return
	}
	path += string(filepath.Separator) // so that a link to a directory is followed if it is named itself
	filepath.WalkDir(path, func(at string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			f(at, err)
		case e.IsDir():
			if at != path && strings.HasPrefix(e.Name(), ".") {
				return filepath.SkipDir
			}
		case e.Type().IsRegular() && filepath.Ext(at) == ".thrift":
			f(at, nil)
		}
		return nil
	})
}

// file formats one file and reports whether it was not formatted.
func (o *fmtOptions) file(out io.Writer, path string) (changed bool, err error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	return o.text(out, path, src)
}

// text formats the text of a file and does with it what the flags say.
func (o *fmtOptions) text(out io.Writer, path string, src []byte) (changed bool, err error) {
	text, err := format.Source(path, src, o.format)
	if err != nil {
		return false, err
	}
	changed = !bytes.Equal(src, text)
	if !o.write && !o.diff && !o.check {
		_, err = out.Write(text)
		return changed, err
	}
	if !changed {
		return false, nil
	}
	switch {
	case o.diff:
		_, err = out.Write(diff.Diff(path+".orig", src, path, text))
	case o.check:
		_, err = fmt.Fprintln(out, path)
	}
	if err == nil && o.write {
		err = replaceFile(path, text)
	}
	return changed, err
}

// replaceFile gives the file at path another text, all at once: who reads it sees either the old
// one or the new one. Its mode stays, and a link to it stays one. It must be a file that may be
// written to, although that is not what happens.
func replaceFile(path string, text []byte) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file: it cannot be replaced", path)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return err
	}
	old, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	old.Close()
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	_, err = temp.Write(text)
	if err == nil {
		err = temp.Chmod(info.Mode())
	}
	if closeErr := temp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		os.Remove(temp.Name())
	}
	return err
}
