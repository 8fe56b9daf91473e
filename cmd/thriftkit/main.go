// Command thriftkit checks, describes, calls, serves and generates code for Thrift services that are described by
// .thrift files. docs/cli.md is its reference.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func main() {
	log.SetOutput(io.Discard) // net/http writes there what the errors say as well
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run runs the program and returns its exit code.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	root := newRoot()
	root.SetArgs(shieldNumbers(args))
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	return report(errOut, root.Execute())
}

const rootExample = `  thriftkit check foo.thrift
  thriftkit describe foo.thrift PingPong.login
  thriftkit serve --listen 127.0.0.1:9090 foo.thrift
  thriftkit call --idl foo.thrift 127.0.0.1:9090 login root secret`

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "thriftkit",
		Short:         "Check, describe, call and serve Thrift services from their .thrift files, and generate code",
		Long:          "thriftkit checks, describes, calls and serves Thrift services, and generates code for them. It needs only their .thrift file.",
		Example:       rootExample,
		Version:       readVersion().String(),
		SilenceErrors: true, // run reports them
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs, // RunE says what is wrong with them
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	root.Flags().Bool("version", false, "print the version") // without cobra's -v
	root.SetVersionTemplate("thriftkit {{.Version}}\n")
	root.SetHelpFunc(printHelp)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(&cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(cmd.Root(), strings.Join(args, " "))
			}
			return about.Help()
		},
	})
	root.AddCommand(newCheck(), newFmt(), newLint(), newBreaking(), newCI(), newLSP(), newDescribe(), newGen(), newCall(), newProbe(), newServe(), newGateway(), newRegistry(), newConfig(), newBench(), newDecode(), newEncode(), newCapture(), newTap(), newTop(), newVersion(), newManual())
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.Args = cobra.ArbitraryArgs
		completion.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown shell %q (known: bash, fish, powershell, zsh)", args[0])
			}
			return cmd.Help()
		}
	}
	return root
}

// Exit codes; docs/cli.md has the table. check also ends with exitFailure if it found errors.
const (
	exitFailure   = 1
	exitUsage     = 2
	exitNoServer  = 3 // cannot connect, or connection lost
	exitTimeout   = 4
	exitException = 5  // a declared exception
	exitRemote    = 64 // and the code of a TApplicationException on top
)

// An exitError ends the program with a code.
type exitError struct {
	code int
	err  error // nil if everything has been said
	bare bool  // err is printed as it is: its lines say where they come from
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usagef returns an error about how the program was called.
func usagef(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// report prints err and returns the exit code for it.
func report(w io.Writer, err error) int {
	if err == nil {
		return 0
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		exit = &exitError{code: exitUsage, err: err} // one of cobra's own, about the command line
	}
	if exit.err != nil {
		prefix := "thriftkit: "
		if exit.bare {
			prefix = ""
		}
		for line := range strings.SplitSeq(strings.TrimSpace(exit.err.Error()), "\n") {
			fmt.Fprintln(w, prefix+line)
		}
	}
	return exit.code
}

// action makes a cobra action of f: what it returns without a code is a failure, and args come
// as they were given.
func action(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		for i, a := range args {
			args[i] = strings.TrimPrefix(a, shield)
		}
		err := f(cmd, args)
		var exit *exitError
		if err != nil && !errors.As(err, &exit) {
			err = &exitError{code: exitFailure, err: err}
		}
		return err
	}
}

// shield precedes arguments that begin with a minus sign and a digit, so that
// pflag, which would take -2 for a flag, does not see it. No argument of a program has a NUL.
const shield = "\x00"

func shieldNumbers(args []string) []string {
	out := make([]string, len(args))
	before := ""
	for i, a := range args {
		out[i] = a
		if isNumber(a) && !takesValue(before) {
			out[i] = shield + a
		}
		before = a
	}
	return out
}

func isNumber(arg string) bool {
	return len(arg) > 1 && arg[0] == '-' && '0' <= arg[1] && arg[1] <= '9'
}

// takesValue reports whether arg may be a flag with its value in the next argument. The flags
// that have none are of commands that take no numbers.
func takesValue(arg string) bool {
	name, long := strings.CutPrefix(arg, "--")
	if long {
		return name != "" && !strings.Contains(name, "=")
	}
	return len(arg) == 2 && arg[0] == '-' && !isNumber(arg)
}

func unknownCommand(root *cobra.Command, name string) error {
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return usagef("unknown command %q%s", name, didYouMean(name, names))
}

// flagError adds to an error of pflag what may have been meant.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	hint := ""
	if errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1 {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		hint = didYouMean("--"+unknown.GetSpecifiedName(), names)
	}
	return usagef("%w%s", err, hint)
}

// needArgs returns a check of the number of arguments; the message names what is missing.
func needArgs(least, most int, names string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usagef("%s needs %s (see thriftkit %s --help)", cmd.Name(), names, cmd.Name())
		case most >= 0 && len(args) > most:
			if most == 1 {
				names = "one " + names
			}
			return usagef("%s takes %s; unexpected %q", cmd.Name(), names, strings.TrimPrefix(args[most], shield))
		}
		return nil
	}
}
