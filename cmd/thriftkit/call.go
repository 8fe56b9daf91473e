package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

type callOptions struct {
	includeDirs []string
	idl         string
	dialect     dialect
	timeout     time.Duration
	data        string
	binary      string
}

const callLong = `call calls a method of a running server and prints its result as JSON.

TARGET is host:port, tcp://host:port, tls://host:port, unix:///path/of/socket, http://host:port/path or
https://host:port/path; ?protocol=P&transport=T may follow. When nothing says what to speak and the server does
not answer, it is probed, and the error says what it speaks.
METHOD is Service.method, or just the method's name if only one service of the file has it.

Each ARG is one argument, in the order of the declaration, or name=value. A string is taken as it is, unless it
begins and ends with double quotes; the name of an enum value needs no quotes either; everything else is JSON.
ARG is name=value only if the method has a parameter of that name. With -d all arguments come as one JSON object.

Exit codes: 0 ok, 1 other failure, 2 usage, 3 cannot connect or connection lost, 4 time-out, 5 declared
exception (as JSON on standard error), 64+N error N from the server (TApplicationException).`

const callExample = `  thriftkit call --idl foo.thrift 127.0.0.1:9090 PingPong.login root secret
  thriftkit call --idl foo.thrift 127.0.0.1:9090 login password=secret username=root
  thriftkit call --idl foo.thrift 127.0.0.1:9090 login -d '{"username": "root", "password": "secret"}'`

func newCall() *cobra.Command {
	o := &callOptions{}
	cmd := &cobra.Command{
		Use:               "call [flags] --idl FILE TARGET METHOD [ARG…]",
		Short:             "Call a method and print its result as JSON",
		Long:              callLong,
		Example:           callExample,
		Args:              needArgs(2, -1, "TARGET and METHOD"),
		ValidArgsFunction: completeCall(o),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			hasData := cmd.Flags().Changed("data")
			return o.run(cmd, args[0], args[1], args[2:], hasData)
		}),
	}
	addIncludeFlag(cmd, &o.includeDirs)
	f := cmd.Flags()
	f.StringVar(&o.idl, "idl", "", "the `FILE` that declares the method")
	o.dialect.addFlags(cmd)
	f.DurationVar(&o.timeout, "timeout", 10*time.Second, "how long connecting and the call may take together: `D`, such as 500ms; 0 is without end")
	f.StringVarP(&o.data, "data", "d", "", "all arguments as one `JSON` object by name; @FILE reads it from a file, @- from standard input")
	f.StringVar(&o.binary, "binary", "base64", "how binary values are written in arguments and results: `FORM` base64, hex or text")
	mustComplete(cmd.RegisterFlagCompletionFunc("idl", completeFiles))
	mustComplete(cmd.RegisterFlagCompletionFunc("binary", cobra.FixedCompletions([]string{"base64", "hex", "text"}, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

func (o *callOptions) run(cmd *cobra.Command, target, method string, words []string, hasData bool) error {
	switch {
	case o.idl == "":
		return usagef("--idl FILE is needed: the file that declares %s", method)
	case hasData && len(words) > 0:
		return usagef("give the arguments either one by one or with -d, not both")
	case o.timeout < 0:
		return usagef("--timeout %v is negative", o.timeout)
	}
	form, err := dynamic.ParseBinaryForm(o.binary)
	if err != nil {
		return usagef("--binary: %w", err)
	}
	if target, err = o.dialect.target(target); err != nil {
		return err
	}
	file, err := load(o.idl, o.includeDirs)
	if err != nil {
		return err
	}
	m, _, err := findMethod(file, method)
	if err != nil {
		return err
	}
	var args *dynamic.Struct
	if hasData {
		args, err = readData(m, o.data, cmd.InOrStdin(), form)
	} else {
		args, err = parseWords(m, words, form)
	}
	if err != nil {
		return err
	}
	result, err := o.invoke(target, m, args)
	if err != nil {
		hint := ""
		if !o.dialect.named(target) && o.dialect.user == "" {
			hint = suggestion(err, target)
		}
		return withHint(callError(cmd.ErrOrStderr(), err, form), hint)
	}
	if m.Result.Kind == schema.KindVoid {
		return nil
	}
	text, err := dynamic.AppendJSON(nil, m.Result, result, dynamic.JSONOptions{Binary: form})
	if err != nil {
		return err
	}
	_, err = cmd.OutOrStdout().Write(append(text, '\n'))
	return err
}

func (o *callOptions) invoke(target string, m *schema.Method, args *dynamic.Struct) (dynamic.Value, error) {
	ctx := context.Background()
	if o.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.timeout)
		defer cancel()
	}
	opts, err := o.dialect.options()
	if err != nil {
		return dynamic.Value{}, err
	}
	if ctx, err = o.dialect.context(ctx); err != nil {
		return dynamic.Value{}, err
	}
	client, err := thriftkit.Dial(ctx, target, opts...)
	if err != nil {
		return dynamic.Value{}, err
	}
	defer client.Close()
	return client.Invoke(ctx, m, args)
}

// readData reads what -d was given.
func readData(m *schema.Method, data string, in io.Reader, form dynamic.BinaryForm) (*dynamic.Struct, error) {
	name, isFile := strings.CutPrefix(data, "@")
	var text []byte
	var err error
	source := name
	switch {
	case !isFile:
		source, text = "-d", []byte(data)
	case name == "-":
		source = "standard input"
		text, err = io.ReadAll(in)
	default:
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, fmt.Errorf("-d: %w", err)
	}
	return parseData(m, source, text, form)
}

// withHint puts a line behind the message of err.
func withHint(err error, hint string) error {
	var exit *exitError
	if hint != "" && errors.As(err, &exit) {
		exit.err = fmt.Errorf("%w\n%s", exit.err, hint)
	}
	return err
}

// callError gives a failed call its exit code. A declared exception is printed as JSON.
func callError(w io.Writer, err error, form dynamic.BinaryForm) error {
	var exit *exitError
	if errors.As(err, &exit) {
		return err
	}
	var thrown *rpc.Exception
	var failed *rpc.Error
	switch {
	case errors.As(err, &thrown):
		text, err := exceptionJSON(thrown.Value, dynamic.JSONOptions{Binary: form})
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\n", text)
		return &exitError{code: exitException}
	case errors.As(err, &failed):
		return &exitError{code: exitCode(failed), err: err}
	}
	return &exitError{code: exitUsage, err: err} // of what Dial says about a target
}

// exitCode returns the exit code for a failed call.
func exitCode(e *rpc.Error) int {
	const most = 255 - exitRemote // an exit code has 8 bits
	switch {
	case e.Remote && e.Code >= 0 && e.Code <= most:
		return exitRemote + int(e.Code)
	case e.Remote:
		return exitRemote
	}
	switch e.Code {
	case rpc.CodeUnavailable, rpc.CodeConnectionLost:
		return exitNoServer
	case rpc.CodeTimeout:
		return exitTimeout
	case rpc.CodeArgument:
		return exitUsage
	}
	return exitFailure
}

// exceptionJSON returns {"exception":NAME,"value":{…}}.
func exceptionJSON(e *dynamic.Struct, opts dynamic.JSONOptions) ([]byte, error) {
	text := append([]byte(`{"exception":`), quoteJSON(e.Schema().Name)...)
	text = append(text, `,"value":`...)
	text, err := dynamic.AppendJSON(text, e.Schema().Type(), dynamic.StructValue(e), opts)
	return append(text, '}'), err
}
