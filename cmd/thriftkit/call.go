package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/reflection"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
)

type callOptions struct {
	source  source
	dialect dialect
	output  output
	timeout time.Duration
	data    string
	repeat  int
	verbose bool
	dryRun  bool
	explain bool // how instances are picked
	hasty   bool // errors are not explained: somebody waits for a completion
}

const callLong = `call calls a method of a running server and prints its result as JSON.

TARGET is host:port, tcp://host:port, tls://host:port, unix:///path/of/socket, udp://host:port, http://host:port/path or
https://host:port/path; ?protocol=P&transport=T may follow. grpc://host:port and connect://host:port call servers of gRPC
and Connect, dubbo://host:port and tri://host:port those of Dubbo, motan2://host:port and rpcx://host:port those of Motan
and rpcx; grpcs, connects, dubbos, tris, motan2s and rpcxs by TLS; they need --idl. Several instances of one service are host:port,host:port,
dns:///name:port, dns+srv:///name or file:///path of a list: the call goes to one of them, and is retried at another one
where that is safe; --explain-routing says which and why. @NAME is a target of thriftkit.yaml, and @NAME/CALL a call that
is saved there. If no dialect is given and the server closes the connection, call asks it, as probe does, and the
error says which dialects it speaks.
METHOD is Service.method, or just the method's name if only one service has it; on a terminal it may be left out, to be
chosen from a list and to get a form for the arguments. Without --idl, and without files in thriftkit.yaml, the server
is asked for its schema.

Each ARG is one argument, in the order of the declaration, or name=value. A string is used as it is, unless it
begins and ends with double quotes; the name of an enum value needs no quotes either; everything else is JSON.
ARG is name=value only if the method has a parameter of that name; name:=value is JSON whatever the type is, and
name.field=value, name[]=value, name[0]=value, name[key]=value give a part of it. With -d all arguments come as one
JSON object, which may have comments and trailing commas.

A method that streams prints a line for each message as it comes. What is streamed to the server is given with -d, one JSON
value after the other; -d @- reads it from standard input as it comes. gRPC and Connect carry streams.

Exit codes: 0 ok, 1 other failure, 2 usage, 3 cannot connect or connection lost, 4 timeout, 5 declared
exception (as JSON on standard error), 64+N error N from the server (TApplicationException).`

const callExample = `  thriftkit call 127.0.0.1:9090 PingPong.login root secret
  thriftkit call --idl foo.thrift 127.0.0.1:9090 login password=secret username=root
  thriftkit call --idl foo.thrift 127.0.0.1:9090 login -d '{"username": "root", "password": "secret"}'
  thriftkit call --explain-routing --idl foo.thrift 127.0.0.1:9090,127.0.0.1:9091 ping
  thriftkit call --dry-run --idl foo.thrift 127.0.0.1:9090 login root secret`

func newCall() *cobra.Command {
	o := &callOptions{}
	cmd := &cobra.Command{
		Use:               "call [flags] TARGET [METHOD [ARG…]]",
		Short:             "Call a method and print its result as JSON",
		Long:              callLong,
		Example:           callExample,
		Args:              needArgs(1, -1, "TARGET and METHOD"),
		ValidArgsFunction: completeCall(o),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			return o.run(cmd, args)
		}),
	}
	o.source.addFlags(cmd)
	o.dialect.addFlags(cmd)
	o.output.addFlags(cmd)
	f := cmd.Flags()
	f.DurationVar(&o.timeout, "timeout", 10*time.Second, "timeout for connecting and the call together: `D`, such as 500ms; 0 means no limit")
	f.StringVarP(&o.data, "data", "d", "", "all arguments as one `JSON` object by name; @FILE reads it from a file, @- from standard input")
	f.IntVar(&o.repeat, "repeat", 1, "call `N` times, one after the other")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "print on standard error what was sent and received, byte by byte, and how long it took")
	f.BoolVar(&o.dryRun, "dry-run", false, "do not connect: print the bytes of the call, or with -o write them to a file")
	f.BoolVar(&o.explain, "explain-routing", false, "print on standard error which instances of TARGET were considered and why one was picked")
	mustComplete(cmd.RegisterFlagCompletionFunc("timeout", cobra.NoFileCompletions))
	mustComplete(cmd.RegisterFlagCompletionFunc("repeat", cobra.NoFileCompletions))
	return cmd
}

// A request is what is to be called, once the command line and thriftkit.yaml are understood.
type request struct {
	target string
	method *string // nil: none is given
	words  []string
	data   *string // nil: words
	origin string  // of data, for messages
}

func (o *callOptions) run(cmd *cobra.Command, args []string) error {
	r := request{target: args[0], words: args[1:]}
	if err := o.resolve(cmd, &r); err != nil {
		return err
	}
	if r.method == nil && len(r.words) > 0 {
		r.method, r.words = &r.words[0], r.words[1:]
	}
	if cmd.Flags().Changed("data") {
		r.data, r.origin = &o.data, "-d"
	}
	interactive := r.method == nil && r.data == nil && isInteractive(cmd.InOrStdin(), cmd.ErrOrStderr())
	if err := o.check(&r, interactive); err != nil {
		return err
	}
	var err error
	if r.target, err = o.dialect.target(r.target); err != nil {
		return err
	}
	file, err := o.source.load()
	if err != nil {
		return err
	}
	if t, err := transport.ParseTarget(r.target); err == nil && t.Foreign != "" && o.dryRun && foreignNamed(t.Foreign) == nil {
		return usagef("--dry-run shows messages of Thrift, Dubbo, Motan and rpcx, and %s is a target of %s", r.target, t.Foreign)
	}
	c := &caller{o: o, target: r.target, tap: o.newTap(r.target), err: cmd.ErrOrStderr()}
	defer c.close()
	if file == nil {
		if file, err = c.reflect(); err != nil {
			return err
		}
	}
	if interactive {
		m, values, err := o.pick(file, args[0], cmd.InOrStdin(), cmd.ErrOrStderr())
		if m == nil || err != nil {
			return err
		}
		if err := o.output.fits(m); err != nil {
			return err
		}
		c.close() // while somebody thought, the server may have given it up
		return c.call(m, values, cmd.OutOrStdout())
	}
	m, svc, err := findMethod(file, *r.method)
	if err != nil {
		return err
	}
	if err := o.output.fits(m); err != nil {
		return err
	}
	c.aim(svc, m)
	if m.Stream != schema.Unary {
		return c.streamed(m, r, cmd.InOrStdin(), cmd.OutOrStdout())
	}
	values, err := o.arguments(m, r, cmd.InOrStdin())
	if err != nil {
		return err
	}
	if r.data == nil {
		for _, w := range mistypedNames(m, r.words) {
			fmt.Fprintf(cmd.ErrOrStderr(), "thriftkit: %s\n", w)
		}
	}
	return c.call(m, values, cmd.OutOrStdout())
}

// aim has the target name the service where that is part of the address of a method, which another service declares.
func (c *caller) aim(svc *schema.Service, m *schema.Method) {
	t, err := transport.ParseTarget(c.target)
	if err != nil || t.Foreign == "" || t.Service != "" || svc == m.Service {
		return
	}
	c.close()
	t.Service = svc.Name
	c.target = t.String()
}

// check looks for what is wrong with the command line as far as that can be told without a schema.
func (o *callOptions) check(r *request, interactive bool) error {
	switch {
	case r.method == nil && !interactive:
		return usagef("call needs TARGET and METHOD (see thriftkit call --help)")
	case r.data != nil && len(r.words) > 0:
		return usagef("give the arguments either one by one or with -d, not both")
	case o.timeout < 0:
		return usagef("--timeout %v is negative", o.timeout)
	case o.repeat < 1:
		return usagef("--repeat %d is not above 0", o.repeat)
	case o.dryRun && o.dialect.user != "":
		return usagef("--dry-run does not go with --user: without a server there is no negotiation")
	}
	return o.output.check()
}

// arguments returns the arguments of a request.
func (o *callOptions) arguments(m *schema.Method, r request, in io.Reader) (*dynamic.Struct, error) {
	if r.data == nil {
		return parseWords(m, r.words, o.output.form)
	}
	return readData(m, r.origin, *r.data, in, o.output.form)
}

func (o *callOptions) newTap(target string) *tap {
	made := &tap{address: target, group: groupOf(target) != nil}
	if t, err := transport.ParseTarget(target); err == nil && !made.group {
		made.address, made.foreign, made.codec = t.Address, t.Foreign != "", foreignNamed(t.Foreign)
	}
	const enough, explained = 64, 1 << 20
	switch {
	case o.dryRun:
		made.dry, made.keep = true, 1<<30
	case o.verbose:
		made.keep = explained
	default:
		made.keep = enough // to tell what an answer is that is none
	}
	return made
}

// A caller makes the calls of one command.
type caller struct {
	o      *callOptions
	target string
	tap    *tap
	err    io.Writer
	client *thriftkit.Client
	ctx    context.Context // of the first call; with its deadline
	cancel context.CancelFunc
	start  time.Time

	answered bool // the server has answered a call
}

// close ends the connection. The next call makes another one.
func (c *caller) close() {
	if c.cancel != nil {
		c.cancel()
	}
	if c.client != nil {
		c.client.Close()
	}
	c.client = nil
}

// begin starts the time that a call may take.
func (c *caller) begin() {
	if c.cancel != nil {
		c.cancel()
	}
	c.start = time.Now()
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if c.o.timeout > 0 {
		c.cancel()
		c.ctx, c.cancel = context.WithTimeout(context.Background(), c.o.timeout)
	}
}

// dial connects, if that was not done yet.
func (c *caller) dial() error {
	if c.client != nil {
		return nil
	}
	opts, err := c.o.dialect.options()
	if err != nil {
		return err
	}
	c.begin()
	client, err := thriftkit.Dial(c.ctx, c.target, append(opts, c.tap.options()...)...)
	if err != nil {
		return err
	}
	c.client = client
	if c.o.verbose && groupOf(c.target) == nil {
		c.tap.printConnection(c.err)
	}
	return nil
}

// reflect asks the server what it has.
func (c *caller) reflect() (*schema.File, error) {
	if c.o.dryRun {
		return nil, usagef("--dry-run needs --idl FILE: no server is asked")
	}
	err := c.dial()
	if err != nil {
		return nil, c.failure(err)
	}
	ctx, err := c.o.dialect.context(c.ctx)
	if err != nil {
		return nil, err
	}
	fetched, err := reflection.Fetch(ctx, c.client)
	if err != nil {
		return nil, c.failure(noSchema(err, c.target))
	}
	c.answered = true
	return fetched.File, nil
}

// call makes the calls and writes their results.
func (c *caller) call(m *schema.Method, args *dynamic.Struct, std io.Writer) error {
	if err := c.dial(); err != nil {
		return c.failure(err)
	}
	if c.o.dryRun {
		return c.dry(m, args, std)
	}
	out, done, err := c.o.output.open(std) // before the call, which may have effects and must not be lost
	if err != nil {
		return err
	}
	defer done()
	for i := range c.o.repeat {
		if i > 0 {
			c.begin()
		}
		result, err := c.invoke(m, args)
		if err != nil {
			return c.failure(err)
		}
		if err := c.o.output.write(out, m.Result, result); err != nil {
			return err
		}
	}
	return done()
}

func (c *caller) invoke(m *schema.Method, args *dynamic.Struct) (dynamic.Value, error) {
	ctx, err := c.o.dialect.context(c.ctx)
	if err != nil {
		return dynamic.Value{}, err
	}
	c.tap.reset()
	if c.o.explain {
		ctx = explainRouting(ctx, c.err, c.target)
	}
	result, err := c.client.Invoke(ctx, m, args)
	c.answered = c.answered || err == nil && !m.Oneway
	switch t, _ := transport.ParseTarget(c.target); {
	case !c.o.verbose:
	case t.Foreign != "" && c.tap.codec == nil:
		fmt.Fprintf(c.err, "* answered in %s\n", brief(time.Since(c.start)))
	default:
		if groupOf(c.target) != nil {
			c.tap.printConnection(c.err)
		}
		c.tap.printCall(c.err, m, c.protocol())
	}
	return result, err
}

// protocol returns what bare messages of the target are in.
func (c *caller) protocol() string {
	name := ""
	if g := groupOf(c.target); g != nil {
		name = g.Keys.Get("protocol")
	} else if t, err := transport.ParseTarget(c.target); err == nil {
		name = t.Protocol
	}
	if name == "" {
		return "binary"
	}
	return name
}

// dry shows the bytes of the call.
func (c *caller) dry(m *schema.Method, args *dynamic.Struct, std io.Writer) error {
	ctx, err := c.o.dialect.context(c.ctx)
	if err != nil {
		return err
	}
	c.tap.reset()
	_, err = c.client.Invoke(ctx, m, args) // which nobody answers
	sent := c.tap.all()
	if len(sent) == 0 {
		return callError(c.err, err, c.o.output.form)
	}
	if c.o.output.file != "" {
		return os.WriteFile(c.o.output.file, sent, 0o666)
	}
	text, err := c.tap.dump(sent, m, c.protocol())
	if err != nil {
		return err
	}
	_, err = std.Write(text)
	return err
}

// failure gives a failed call its exit code, and says what can be said: where, after how long, and what
// the server seems to speak.
func (c *caller) failure(err error) error {
	var e *rpc.Error
	var exit *exitError
	if !errors.As(err, &e) || e.Remote || errors.As(err, &exit) && errors.Is(err, reflection.ErrUnsupported) {
		return callError(c.err, err, c.o.output.form)
	}
	elapsed := brief(time.Since(c.start))
	switch e.Code {
	case rpc.CodeUnavailable:
		err = fmt.Errorf("%w (%s, after %v)", err, c.tap.address, elapsed)
	case rpc.CodeTimeout:
		err = fmt.Errorf("%w (after %v: %s)", err, elapsed, c.progress())
	case rpc.CodeConnectionLost:
		err = fmt.Errorf("%w (after %v)", err, elapsed)
	}
	hint := ""
	if groupOf(c.target) == nil && !c.o.hasty { // of a group nobody knows which server it was
		f := failure{
			err: e, target: c.target, connected: c.tap.connected, answered: c.answered, named: c.o.dialect.named(c.target),
			user: c.o.dialect.user != "", received: c.tap.beginning(),
		}
		hint = f.next(c.ctx, c.err)
	}
	return withHint(callError(c.err, err, c.o.output.form), hint)
}

// progress says how far a call got that took too long.
func (c *caller) progress() string {
	c.tap.mu.Lock()
	defer c.tap.mu.Unlock()
	switch {
	case !c.tap.connected:
		return "not connected to " + c.tap.address
	case len(c.tap.received) > 0:
		return fmt.Sprintf("%s took the call and began to answer", c.tap.address)
	}
	return fmt.Sprintf("%s accepted the connection and did not answer", c.tap.address)
}

// readData reads what -d was given.
func readData(m *schema.Method, origin, data string, in io.Reader, form dynamic.BinaryForm) (*dynamic.Struct, error) {
	name, isFile := strings.CutPrefix(data, "@")
	var text []byte
	var err error
	switch {
	case !isFile:
		text = []byte(data)
	case name == "-":
		origin = "standard input"
		text, err = io.ReadAll(in)
	default:
		origin = name
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, fmt.Errorf("-d: %w", err)
	}
	return parseData(m, origin, slices.Clip(text), form)
}

// withHint puts a line after the message of err.
func withHint(err error, hint string) error {
	var exit *exitError
	if hint != "" && errors.As(err, &exit) && exit.err != nil {
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
