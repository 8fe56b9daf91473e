package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/cmd/thriftkit/internal/bench"
	"github.com/thriftkit/thriftkit/cmd/thriftkit/internal/fill"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"golang.org/x/term"
)

type benchOptions struct {
	source   source
	dialect  dialect
	binary   string
	data     string
	dataFile string
	scenario string

	rate, concurrency string
	duration, warmup  time.Duration
	timeout           time.Duration
	count             int64
	inFlight          int
	connections       int
	exclusive         bool
	seed              uint64

	live, jsonFile, htmlFile, compare string
	fail                              []string
}

const benchLong = `bench calls methods of a running server over and over, and reports how long the calls took.

With --rate calls start at a steady rate, whatever the server does, and the latency of each counts from its scheduled
start (an open loop): this is what users of a service experience. With --concurrency, or without either, a number of
workers make one call after the other (a closed loop): this is the most that the server can do.

A rate or a concurrency is one value, or phases: "100@10s,100..1000@1m,1000@30s" is 100 for 10 seconds, then a linear ramp
to 1000 within a minute, then 1000 for 30 seconds; "100..500/100@50s" goes up in steps of 100.

TARGET, METHOD and --idl are as for call. So are ARG and -d, but strings with "{{" are templates: {{.Number}} of the call,
{{.Worker}}, {{.UUID}}, {{.Int 1 6}}, {{.Text 8}}, {{.Float}}, {{.Pick "a" "b"}}, {{.Now.UnixMilli}}, {{.Fake.Email}} and everything
else in gofakeit. --data-file has one object of arguments on each line, or a JSON array of them; the calls use them in turn.
--scenario calls several methods.

Thresholds: --fail 'p99<50ms' --fail 'errors<1%' --fail 'login:p99.9<=1s' --fail 'rate>1000' --fail 'errors[timeout]<=3'
--fail 'p99<+10%'; the last compares with the run of --compare.

Exit codes: 0 ok, 1 other failure, 2 usage, 3 cannot connect, 6 a threshold failed.`

const benchExample = `  thriftkit bench --idl foo.thrift --duration 1s 127.0.0.1:9090 ping
  thriftkit bench --idl foo.thrift --rate 500 --duration 1s --fail 'errors<1%' 127.0.0.1:9090 login 'user-{{.Number}}' secret
  thriftkit bench --idl foo.thrift --concurrency 5..20/5@1s --html report.html 127.0.0.1:9090 ping`

// exitThreshold is the exit code of bench when a threshold failed.
const exitThreshold = 6

func newBench() *cobra.Command {
	o := &benchOptions{}
	cmd := &cobra.Command{
		Use:     "bench [flags] TARGET (METHOD [ARG…] | --scenario FILE)",
		Short:   "Call methods over and over, and measure how long it takes",
		Long:    benchLong,
		Example: benchExample,
		Args:    needArgs(0, -1, ""),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			return o.run(cmd, args)
		}),
	}
	o.source.addFlags(cmd)
	o.dialect.addFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.binary, "binary", "base64", "how binary values are written in arguments: `FORM` base64, hex or text")
	f.StringVarP(&o.data, "data", "d", "", "all arguments as one `JSON` object by name; @FILE reads it from a file, @- from standard input")
	f.StringVar(&o.dataFile, "data-file", "", "use the arguments in this `FILE` in turn: a JSON object on each line, or an array of them")
	f.StringVar(&o.scenario, "scenario", "", "read methods, weights, data and settings from this YAML or JSON `FILE`")
	f.StringVar(&o.rate, "rate", "", "make calls at a rate of `R` per second: a number, or phases such as 100..1000@1m")
	f.StringVar(&o.concurrency, "concurrency", "", "have `N` workers make one call after the other (default 50 without --rate): a number, or phases")
	f.DurationVar(&o.duration, "duration", 0, "end after `D`, such as 30s (default 10s without --count)")
	f.Int64Var(&o.count, "count", 0, "end after `N` calls")
	f.DurationVar(&o.warmup, "warmup", 0, "first make calls for `D` that do not count")
	f.DurationVar(&o.timeout, "timeout", 10*time.Second, "timeout of a call: `D`, such as 500ms; 0 means no limit")
	f.IntVar(&o.inFlight, "max-in-flight", 10000, "with --rate, have at most `N` pending calls; further calls wait, and their waiting counts")
	f.IntVar(&o.connections, "connections", 0, "open `N` connections, which the calls share (default: as many as are useful, up to 128)")
	f.BoolVar(&o.exclusive, "exclusive", false, "give each pending call a connection of its own, as most Thrift clients do")
	f.Uint64Var(&o.seed, "seed", 1, "the seed `N` of the random values in templates")
	f.StringVar(&o.live, "live", "auto", "show progress on standard error: `WHEN` auto (on a terminal), always or never")
	f.StringVar(&o.jsonFile, "json", "", "write the report as JSON to this `FILE`; - is standard output, in place of the text")
	f.StringVar(&o.htmlFile, "html", "", "write the report as one HTML page to this `FILE`")
	f.StringVar(&o.compare, "compare", "", "report what changed since the run whose --json is in this `FILE`")
	f.StringArrayVar(&o.fail, "fail", nil, "end with exit code 6 unless `CONDITION` holds, such as 'p99<50ms' or 'errors<1%' (may be repeated)")
	mustComplete(cmd.RegisterFlagCompletionFunc("binary", cobra.FixedCompletions([]string{"base64", "hex", "text"}, cobra.ShellCompDirectiveNoFileComp)))
	mustComplete(cmd.RegisterFlagCompletionFunc("live", cobra.FixedCompletions([]string{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp)))
	mustComplete(cmd.MarkFlagFilename("scenario", "yaml", "yml", "json"))
	mustComplete(cmd.MarkFlagFilename("compare", "json"))
	cmd.ValidArgsFunction = completeBench(o)
	return cmd
}

// completeBench completes METHOD.
func completeBench(o *benchOptions) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 1 {
			if file, err := o.source.load(); file != nil && err == nil {
				return withPrefix(toComplete, callableNames(file)), cobra.ShellCompDirectiveNoFileComp
			}
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// run runs the command.
func (o *benchOptions) run(cmd *cobra.Command, args []string) error {
	form, err := dynamic.ParseBinaryForm(o.binary)
	if err != nil {
		return usagef("--binary: %w", err)
	}
	var sc *scenario
	if o.scenario != "" {
		if len(args) > 1 || o.data != "" || o.dataFile != "" {
			return usagef("with --scenario the methods and their arguments are in the file")
		}
		if sc, err = readScenario(o.scenario); err != nil {
			return err
		}
		sc.settle(o, cmd.Flags().Changed)
		if sc.Target != "" && len(args) == 0 {
			args = []string{sc.Target}
		}
	}
	switch {
	case len(args) == 0:
		return usagef("bench needs TARGET and METHOD (see thriftkit bench --help)")
	case len(args) == 1 && sc == nil:
		return usagef("bench needs METHOD, or --scenario FILE (see thriftkit bench --help)")
	}
	plan, err := o.plan()
	if err != nil {
		return err
	}
	limits, before, err := o.thresholds()
	if err != nil {
		return err
	}
	target, file, err := o.schema(cmd, args[0])
	if err != nil {
		return err
	}
	var calls []benchCall
	if sc != nil {
		calls, err = sc.calls(file, form)
	} else {
		calls, err = o.single(cmd, file, args[1], args[2:], form)
	}
	if err != nil {
		return err
	}
	view, err := o.view(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	clients, err := o.dial(target, plan)
	if err != nil {
		return callError(cmd.ErrOrStderr(), err, form)
	}
	defer func() {
		for _, c := range clients {
			c.Close()
		}
	}()
	base, err := o.dialect.context(context.Background())
	if err != nil {
		return err
	}
	for _, c := range calls {
		plan.options.Calls = append(plan.options.Calls, c.loadCall(base, clients))
	}
	plan.options.Kind = errorKind
	if view != nil {
		plan.options.Progress = view.show
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r := bench.Run(ctx, plan.options)
	r.Interrupted = ctx.Err() != nil
	stop()
	r.Target, r.Plan = short(target), plan.text
	if view != nil {
		view.clear()
	}
	return o.report(cmd.OutOrStdout(), r, before, limits)
}

// schema returns where the calls go and what is known of it, as call finds it out.
func (o *benchOptions) schema(cmd *cobra.Command, target string) (string, *schema.File, error) {
	call := &callOptions{source: o.source, dialect: o.dialect, timeout: o.timeout}
	r := request{target: target}
	if err := call.resolve(cmd, &r); err != nil {
		return "", nil, err
	}
	o.dialect, o.timeout = call.dialect, call.timeout
	whole, err := o.dialect.target(r.target)
	if err != nil {
		return "", nil, err
	}
	file, err := call.source.load()
	if file == nil && err == nil {
		file, err = call.ask(cmd, r.target)
	}
	return whole, file, err
}

// A benchPlan is what the flags say about when calls are made.
type benchPlan struct {
	options bench.Options
	text    string
}

func (o *benchOptions) plan() (*benchPlan, error) {
	switch {
	case o.rate != "" && o.concurrency != "":
		return nil, usagef("give either --rate or --concurrency: --max-in-flight bounds the calls of a rate")
	case o.duration < 0 || o.warmup < 0 || o.timeout < 0:
		return nil, usagef("a time cannot be negative")
	case o.count < 0:
		return nil, usagef("--count %d is negative", o.count)
	case o.inFlight < 1:
		return nil, usagef("--max-in-flight %d: must be at least 1", o.inFlight)
	case o.connections < 0:
		return nil, usagef("--connections %d is negative", o.connections)
	case o.connections > 0 && o.exclusive:
		return nil, usagef("give either --connections or --exclusive")
	case o.dataFile != "" && o.data != "":
		return nil, usagef("give either -d or --data-file")
	}
	p := &benchPlan{text: o.rate}
	flag := "--rate"
	if o.rate == "" {
		flag = "--concurrency"
		if p.text = o.concurrency; p.text == "" {
			p.text = "50"
		}
	}
	lasts := o.duration
	if lasts == 0 && o.count == 0 {
		lasts = 10 * time.Second
	}
	s, err := bench.ParseSchedule(p.text, lasts)
	if err != nil {
		return nil, usagef("%s %w", flag, err)
	}
	if o.duration > 0 && strings.Contains(p.text, "@") {
		return nil, usagef("%s says how long it takes: leave --duration out", flag)
	}
	if o.rate == "" {
		for _, ph := range s {
			if most := 100000.0; ph.From > most || ph.To > most {
				return nil, usagef("--concurrency %s: more than %.0f workers", p.text, most)
			}
		}
	}
	interval := 500 * time.Millisecond
	if d := s.Duration(); d > 0 {
		interval = min(max(d/20, 50*time.Millisecond), interval)
		interval = max(interval, d/1200)
	}
	p.options = bench.Options{
		Open: o.rate != "", Schedule: s, Most: o.inFlight, Count: o.count, Warmup: o.warmup, Seed: o.seed, Interval: interval,
	}
	return p, nil
}

// thresholds reads --fail and --compare.
func (o *benchOptions) thresholds() (limits []*bench.Threshold, before *bench.Report, err error) {
	if o.compare != "" {
		if before, err = bench.Read(o.compare); err != nil {
			return nil, nil, err
		}
	}
	for _, text := range o.fail {
		t, err := bench.ParseThreshold(text)
		if err != nil {
			return nil, nil, usagef("--fail %w", err)
		}
		if t.IsRelative() && before == nil {
			return nil, nil, usagef("--fail %q needs --compare FILE", text)
		}
		limits = append(limits, t)
	}
	return limits, before, nil
}

// dial returns clients that the workers share.
func (o *benchOptions) dial(target string, plan *benchPlan) ([]*thriftkit.Client, error) {
	opts, err := o.dialect.options()
	if err != nil {
		return nil, err
	}
	if o.timeout > 0 {
		opts = append(opts, thriftkit.WithTimeout(o.timeout))
	}
	n := 1
	switch {
	case o.exclusive:
		most := o.inFlight
		if !plan.options.Open {
			most = 1
			for _, ph := range plan.options.Schedule {
				most = max(most, int(max(ph.From, ph.To)+0.5))
			}
		}
		opts = append(opts, thriftkit.WithExclusiveConns(), thriftkit.WithMaxConns(most))
	case o.connections > 0:
		n = o.connections
		opts = append(opts, thriftkit.WithMaxConns(1))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var clients []*thriftkit.Client
	for range n {
		c, err := thriftkit.Dial(ctx, target, opts...)
		if err != nil {
			for _, c := range clients {
				c.Close()
			}
			return nil, err
		}
		clients = append(clients, c)
	}
	return clients, nil
}

// report writes r where it is wanted and checks the thresholds.
func (o *benchOptions) report(out io.Writer, r, before *bench.Report, limits []*bench.Threshold) error {
	if o.jsonFile != "" {
		text, err := r.JSON()
		if err != nil {
			return err
		}
		if o.jsonFile == "-" {
			_, err = out.Write(text)
		} else {
			err = os.WriteFile(o.jsonFile, text, 0o666)
		}
		if err != nil {
			return err
		}
	}
	if o.htmlFile != "" {
		var page bytes.Buffer
		if err := r.HTML(&page, before); err != nil {
			return err
		}
		if err := os.WriteFile(o.htmlFile, page.Bytes(), 0o666); err != nil {
			return err
		}
	}
	if o.jsonFile != "-" {
		if err := r.Text(out, before); err != nil {
			return err
		}
	}
	var broken []error
	for _, t := range limits {
		ok, found, err := t.Check(r, before)
		if err != nil {
			return usagef("--fail %w", err)
		}
		if !ok {
			broken = append(broken, t.Failure(found))
		}
	}
	if len(broken) > 0 {
		return &exitError{code: exitThreshold, err: errors.Join(broken...)}
	}
	return nil
}

// A benchCall is a method with arguments.
type benchCall struct {
	name   string
	weight int
	method *schema.Method
	form   dynamic.BinaryForm
	data   []*benchData // taken in turn
}

// benchData is the arguments of a call: the same ones always, or a template.
type benchData struct {
	args   *dynamic.Struct
	tmpl   *fill.Template
	source string // in messages
}

// prepare makes sure that d's arguments fit, by those of the first call.
func (d *benchData) prepare(m *schema.Method, form dynamic.BinaryForm) error {
	text, err := d.tmpl.Append(nil, fill.NewData(1, 0))
	if err != nil {
		return usagef("%s: %w", d.source, err)
	}
	args, err := parseData(m, d.source, text, form)
	if err != nil {
		if !d.tmpl.IsStatic() {
			err = fmt.Errorf("%w\n(of the arguments %s)", err, shorten(string(text)))
			return &exitError{code: exitUsage, err: err}
		}
		return err
	}
	if d.tmpl.IsStatic() {
		d.args = args
	}
	return nil
}

// get returns the arguments of one call.
func (d *benchData) get(m *schema.Method, form dynamic.BinaryForm, with *fill.Data) (*dynamic.Struct, error) {
	if d.args != nil {
		return d.args, nil // a value may be read by many at once
	}
	text, err := d.tmpl.Append(nil, with)
	if err != nil {
		return nil, &dataError{err}
	}
	args, err := parseData(m, d.source, text, form)
	if err != nil {
		return nil, &dataError{err}
	}
	return args, nil
}

// A dataError is about arguments that a template made.
type dataError struct{ error }

func (c *benchCall) loadCall(base context.Context, clients []*thriftkit.Client) bench.Call {
	var turn atomic.Uint64
	return bench.Call{Name: c.name, Weight: c.weight, Prepare: func(with *fill.Data) (func(context.Context) error, error) {
		d := c.data[0]
		if len(c.data) > 1 {
			d = c.data[(turn.Add(1)-1)%uint64(len(c.data))]
		}
		args, err := d.get(c.method, c.form, with)
		if err != nil {
			return nil, err
		}
		client := clients[with.Worker%len(clients)]
		return func(context.Context) error {
			_, err := client.Invoke(base, c.method, args)
			return err
		}, nil
	}}
}

// single returns the call that the command line names.
func (o *benchOptions) single(cmd *cobra.Command, file *schema.File, method string, words []string, form dynamic.BinaryForm) ([]benchCall, error) {
	m, _, err := findMethod(file, method)
	if err != nil {
		return nil, err
	}
	c := benchCall{name: m.String(), weight: 1, method: m, form: form}
	switch given := cmd.Flags().Changed("data"); {
	case (given || o.dataFile != "") && len(words) > 0:
		return nil, usagef("give the arguments either one by one or with -d or --data-file, not both")
	case o.dataFile != "":
		c.data, err = readDataFile(o.dataFile)
	case given:
		var text []byte
		var source string
		if source, text, err = dataText(o.data, cmd.InOrStdin()); err == nil {
			c.data, err = dataOf(source, string(text))
		}
	default:
		var d *benchData
		d, err = wordData(m, words, form)
		c.data = []*benchData{d}
	}
	if err != nil {
		return nil, err
	}
	return []benchCall{c}, c.prepare()
}

func (c *benchCall) prepare() error {
	var errs []error
	for _, d := range c.data {
		if d.args == nil {
			if err := d.prepare(c.method, c.form); err != nil {
				errs = append(errs, err)
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return &exitError{code: exitUsage, err: err}
	}
	return nil
}

func dataOf(source, text string) ([]*benchData, error) {
	tmpl, err := fill.Text(text)
	if err != nil {
		return nil, usagef("%s: %w", source, err)
	}
	return []*benchData{{tmpl: tmpl, source: source}}, nil
}

// dataText returns the text that -d was given, and where it is from.
func dataText(data string, in io.Reader) (source string, text []byte, err error) {
	name, isFile := strings.CutPrefix(data, "@")
	switch {
	case !isFile:
		return "-d", []byte(data), nil
	case name == "-":
		source = "standard input"
		text, err = io.ReadAll(in)
	default:
		source = name
		text, err = os.ReadFile(name)
	}
	if err != nil {
		err = fmt.Errorf("-d: %w", err)
	}
	return source, text, err
}

// readDataFile reads the arguments of several calls: objects one after the other or in one array.
func readDataFile(path string) ([]*benchData, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	var list []json.RawMessage
	if trimmed := bytes.TrimLeft(text, " \t\r\n"); bytes.HasPrefix(trimmed, []byte("[")) {
		if err = dec.Decode(&list); err == nil && dec.More() {
			err = errors.New("more text after the array")
		}
	} else {
		for err == nil {
			var one json.RawMessage
			if err = dec.Decode(&one); err == nil {
				list = append(list, one)
			}
		}
		if err == io.EOF {
			err = nil
		}
	}
	if err != nil {
		line, _ := position(text, int(min(dec.InputOffset(), int64(len(text)))))
		return nil, fmt.Errorf("%s: after line %d: %w", path, line, err)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s has no arguments", path)
	}
	var out []*benchData
	for i, one := range list {
		data, err := dataOf(fmt.Sprintf("%s, object %d", path, i+1), string(one))
		if err != nil {
			return nil, err
		}
		out = append(out, data...)
	}
	return out, nil
}

// wordData returns the arguments that words give; templates are those with "{{".
func wordData(m *schema.Method, words []string, form dynamic.BinaryForm) (*benchData, error) {
	if !strings.Contains(strings.Join(words, ""), "{{") {
		args, err := parseWords(m, words, form)
		return &benchData{args: args}, err
	}
	var names []string
	var values []*fill.Template
	byName := false
	for i, word := range words {
		f, text, named := namedArgument(m, word)
		switch {
		case !named && byName:
			return nil, usagef("%s: %s follows a named argument: name it too", m, shorten(word))
		case !named && i >= len(m.Args.Fields):
			return nil, usagef("%s takes %s, not %d", m, parameterList(m), len(words))
		case !named:
			f, text = m.Args.Fields[i], word
		}
		byName = byName || named
		tmpl, err := wordTemplate(f, text, form)
		if err != nil {
			return nil, usagef("%s: argument %s: %w", m, f.Name, err)
		}
		names, values = append(names, f.Name), append(values, tmpl)
	}
	return &benchData{tmpl: fill.Object(names, values), source: m.String()}, nil
}

func wordTemplate(f *schema.Field, text string, form dynamic.BinaryForm) (*fill.Template, error) {
	if strings.Contains(text, "{{") {
		return fill.Word(f.Type, text)
	}
	v, err := parseWord(f, text, form)
	if err != nil {
		return nil, err
	}
	if !v.IsSet() {
		return fill.Text("null")
	}
	json, err := dynamic.AppendJSON(nil, f.Type, v, dynamic.JSONOptions{Binary: form})
	if err != nil {
		return nil, err
	}
	return fill.Text(string(json))
}

// errorKind names the kind of an error of a call.
func errorKind(err error) string {
	var thrown *rpc.Exception
	var failed *rpc.Error
	var bad *dataError
	var business *rpc.BusinessError
	switch {
	case errors.As(err, &bad):
		return "data"
	case errors.As(err, &thrown):
		return "exception " + thrown.Value.Schema().Name
	case errors.As(err, &business):
		return fmt.Sprintf("business error %d", business.Code)
	case errors.As(err, &failed) && failed.Remote:
		return "remote " + failed.Code.String()
	case errors.As(err, &failed):
		return failed.Code.String()
	}
	return "other"
}

// A liveView shows how a run goes, on a few lines that it writes over and over.
type liveView struct {
	w     io.Writer
	width func() int
	lines int // on the screen now
}

func (o *benchOptions) view(w io.Writer) (*liveView, error) {
	terminal := isTerminal(w)
	switch o.live {
	case "auto":
		if !terminal {
			return nil, nil
		}
	case "never":
		return nil, nil
	case "always":
	default:
		return nil, usagef("unknown --live %q (known: auto, always, never)", o.live)
	}
	return &liveView{w: w, width: func() int {
		if f, ok := w.(*os.File); ok && terminal {
			if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
				return width
			}
		}
		return 80
	}}, nil
}

// The control sequences of ECMA-48: CUU goes up, ED erases what is below.
func (v *liveView) show(p bench.Progress) {
	v.clear()
	lines := p.Lines(v.width())
	fmt.Fprint(v.w, strings.Join(lines, "\n")+"\n")
	v.lines = len(lines)
}

func (v *liveView) clear() {
	if v.lines > 0 {
		fmt.Fprintf(v.w, "\x1b[%dA\r\x1b[J", v.lines)
	}
	v.lines = 0
}
