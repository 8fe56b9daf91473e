package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/cmd/thriftkit/internal/filter"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
	"golang.org/x/crypto/chacha20poly1305"
)

// A viewOptions says how calls are shown: the flags that capture and tap share.
type viewOptions struct {
	source  source
	reflect string
	filter  string
	binary  string
	redact  string
	count   int64

	full, explain, json, asCall, args, record bool
	stats, histogram, byPeer                  bool
	watch                                     bool
	html                                      string
}

func (o *viewOptions) addFlags(cmd *cobra.Command) {
	addIncludeFlag(cmd, &o.source.includeDirs)
	f := cmd.Flags()
	f.StringArrayVar(&o.source.idl, "idl", nil, "the `FILE` that declares the methods (may be repeated; default: fields have their ids)")
	f.StringVar(&o.reflect, "reflect", "", "ask the running server `TARGET` for its schema, in place of --idl")
	f.StringVarP(&o.filter, "filter", "f", "", "only calls for which `EXPR` holds, such as 'method=login && latency>10ms && exception'")
	f.StringVar(&o.binary, "binary", "base64", "how binary values are written: `FORM` base64, hex or text")
	f.StringVar(&o.redact, "redact", "auto", "hide fields annotated as sensitive: `WHEN` auto (in reports), always, never")
	f.Int64VarP(&o.count, "count", "n", 0, "end after `N` calls")
	f.BoolVar(&o.full, "full", false, "print all values, indented")
	f.BoolVar(&o.explain, "explain", false, "print every range of bytes with its meaning")
	f.BoolVar(&o.json, "json", false, "print a JSON object for each call, or for the statistics")
	f.BoolVar(&o.asCall, "as-call", false, "print the thriftkit call that repeats each call")
	f.BoolVar(&o.args, "args", false, "print the arguments of each call as JSON: for bench --data-file")
	f.BoolVar(&o.record, "record", false, "print the calls that were answered as a record for serve --replay")
	f.BoolVar(&o.stats, "stats", false, "print statistics for each method in place of calls")
	f.BoolVar(&o.histogram, "histogram", false, "print statistics with the distribution of latencies")
	f.BoolVar(&o.byPeer, "by-peer", false, "print statistics for each pair of client and server")
	f.BoolVar(&o.watch, "watch", false, "show calls on the terminal as they come, with keys to pause, filter and look into them")
	f.StringVar(&o.html, "html", "", "write a report as one HTML page to this `FILE`")
	mustComplete(cmd.RegisterFlagCompletionFunc("idl", completeFiles))
	mustComplete(cmd.RegisterFlagCompletionFunc("binary", cobra.FixedCompletions([]string{"base64", "hex", "text"}, cobra.ShellCompDirectiveNoFileComp)))
	mustComplete(cmd.RegisterFlagCompletionFunc("redact", cobra.FixedCompletions([]string{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp)))
	mustComplete(cmd.RegisterFlagCompletionFunc("filter", func(_ *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		file, _ := o.source.load() // without it there are fewer
		return completeFilter(file, toComplete), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}))
	mustComplete(cmd.RegisterFlagCompletionFunc("reflect", cobra.NoFileCompletions))
}

// A callView shows calls as flags say.
type callView struct {
	o       *viewOptions
	r       *callReader
	filter  *filter.Filter
	out     *bufio.Writer
	title   string
	stats   *callStats
	watched *inbox // of the live view; else nil
	shown   int64
	err     error // the first one of writing

	slow   []slowCall // the slowest calls, for a report
	failed []string
}

type slowCall struct {
	latency time.Duration
	line    string
}

// errEnough ends a capture of which enough was shown.
var errEnough = errors.New("enough")

// view checks the flags and returns the view that they describe.
func (o *viewOptions) view(ctx context.Context, out io.Writer, title string) (*callView, error) {
	form, err := dynamic.ParseBinaryForm(o.binary)
	if err != nil {
		return nil, usagef("--binary: %w", err)
	}
	if o.redact != "auto" && o.redact != "always" && o.redact != "never" {
		return nil, usagef("--redact: want auto, always or never, got %q", o.redact)
	}
	forms := 0
	for _, set := range []bool{o.full, o.explain, o.json && !o.statistics(), o.asCall, o.args, o.record, o.statistics(), o.watch} {
		if set {
			forms++
		}
	}
	switch {
	case forms > 1:
		return nil, usagef("give one of --full, --explain, --json, --as-call, --args, --record, --watch and the statistics")
	case o.count < 0:
		return nil, usagef("--count must not be negative")
	case o.reflect != "" && len(o.source.idl) > 0:
		return nil, usagef("give either --idl or --reflect")
	case (o.asCall || o.args || o.record) && o.reflect == "" && len(o.source.idl) == 0:
		return nil, usagef("--as-call, --args and --record need --idl FILE or --reflect TARGET")
	}
	v := &callView{o: o, r: &callReader{}, out: bufio.NewWriterSize(out, 64<<10), title: title}
	v.r.form = form
	v.r.redact = o.redact == "always" || o.redact == "auto" && o.html != ""
	if v.filter, err = parseFilter(o.filter); err != nil {
		return nil, err
	}
	if v.r.file, err = o.schema(ctx); err != nil {
		return nil, err
	}
	if o.watch {
		v.watched = &inbox{}
	}
	if o.statistics() || o.html != "" {
		v.stats = newCallStats(o.byPeer)
	}
	return v, nil
}

func (o *viewOptions) statistics() bool { return o.stats || o.histogram || o.byPeer }

// headersOnly reports whether nobody looks into messages.
func (o *viewOptions) headersOnly() bool {
	return o.statistics() && o.html == "" && o.filter == ""
}

// schema returns what is known of the methods; nil for nothing.
func (o *viewOptions) schema(ctx context.Context) (*schema.File, error) {
	if o.reflect == "" {
		return o.source.load()
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	client, found, err := thriftkit.DialReflect(ctx, o.reflect)
	if err != nil {
		return nil, noSchema(err, o.reflect)
	}
	defer client.Close()
	return found.File, nil
}

// add shows a call. The error is errEnough once there were as many as wanted.
func (v *callView) add(c *capture.Call) error {
	if v.err != nil {
		return v.err
	}
	// Apache's Go library sends oneway calls as calls: the IDL knows better.
	if m := v.r.methodOf(c); m != nil && m.Oneway && c.Status == capture.StatusNoReply {
		c.Status, c.Note = capture.StatusOneway, ""
	}
	if !v.r.matches(v.filter, c) {
		return nil
	}
	v.shown++
	if v.err = v.show(c); v.err == nil && v.shown == v.o.count {
		v.err = errEnough
	}
	return v.err
}

const reported = 20 // calls of a kind in a report

func (v *callView) show(c *capture.Call) (err error) {
	if v.stats != nil {
		v.stats.add(v.r.fullName(c), c)
		if v.o.html != "" {
			v.report(c)
		}
	}
	switch {
	case v.watched != nil:
		v.watched.add(c)
		return nil
	case v.o.statistics():
		return nil
	case v.o.full:
		return v.r.printFull(v.out, c)
	case v.o.explain:
		return v.r.printExplained(v.out, c)
	case v.o.asCall:
		return v.r.printCommand(v.out, c, v.o.source.idl)
	case v.o.args:
		if text, err := v.r.args(c); err == nil && text != nil && v.r.methodOf(c) != nil {
			_, err = v.out.Write(append(text, '\n'))
			return err
		}
		return nil
	case v.o.record:
		if c.Request == nil || c.Reply == nil || c.Request.Missing+c.Reply.Missing > 0 || v.r.methodOf(c) == nil {
			return nil
		}
		fallthrough
	case v.o.json:
		_, err = v.out.Write(v.r.appendJSONLine(v.out.AvailableBuffer(), c))
		return err
	case v.o.html != "":
		return nil
	}
	_, err = v.out.Write(v.r.appendLine(v.out.AvailableBuffer(), c))
	return err
}

// report keeps what a report shows of single calls.
func (v *callView) report(c *capture.Call) {
	switch c.Status {
	case capture.StatusException, capture.StatusError, capture.StatusNoReply:
		if len(v.failed) < reported {
			v.failed = append(v.failed, string(v.r.appendLine(nil, c)))
		}
	}
	d, ok := c.Latency()
	if !ok || len(v.slow) == reported && d <= v.slow[len(v.slow)-1].latency {
		return
	}
	i, _ := slices.BinarySearchFunc(v.slow, d, func(s slowCall, d time.Duration) int { return int(d - s.latency) })
	v.slow = slices.Insert(v.slow, i, slowCall{d, string(v.r.appendLine(nil, c))})
	v.slow = v.slow[:min(len(v.slow), reported)]
}

// finish writes what comes at the end. errOut gets what is missing in the capture, if nothing else says it.
func (v *callView) finish(counters capture.Counters, errOut io.Writer) error {
	if v.err != nil && !errors.Is(v.err, errEnough) {
		return v.err
	}
	switch {
	case v.o.statistics() && v.o.json:
		if err := v.stats.json(v.out, counters); err != nil {
			return err
		}
	case v.o.statistics():
		if err := v.stats.print(v.out, v.o.histogram, counters); err != nil {
			return err
		}
	default:
		fmt.Fprint(errOut, countersText(counters, 0))
	}
	if v.o.html != "" {
		var page bytes.Buffer
		var slow []string
		for _, s := range v.slow {
			slow = append(slow, s.line)
		}
		if err := v.stats.html(&page, v.title, counters, slow, v.failed); err != nil {
			return err
		}
		if err := os.WriteFile(v.o.html, page.Bytes(), 0o666); err != nil {
			return err
		}
	}
	return v.out.Flush()
}

type captureOptions struct {
	view   viewOptions
	iface  string
	keyLog string
	write  string
	replay replayOptions
}

const captureLong = `capture shows the calls in captured packets: who called what with which arguments, what came back, and how long it took.

FILE is a capture of tcpdump or Wireshark, pcap or pcapng, also compressed by gzip; - is standard input. With --interface packets
are captured live, on Linux, by root; elsewhere pipe them: tcpdump -i en0 -U -w - | thriftkit capture -

Every dialect that thriftkit serve accepts is recognized, on any port: framed and buffered, THeader, TTHeader, HTTP, zlib; binary,
compact and the forms of JSON; over UDP, too. Packets may be out of order, doubled, lost or cut, and the capture may begin in the
middle of connections: what is missing is reported as missing. TLS is decrypted with --keylog, a file that clients write if
the variable SSLKEYLOGFILE names it, and with keys that a pcapng file holds.

With --idl, or --reflect, values have the names of the file. Without them fields have their ids and types.

Filters compare fields by =, !=, <, <=, >, >=, and ~ for regular expressions, joined by &&, || and !: method, service, client, server,
status, latency, exception, error, message, oneway, args, result, value, size, request_bytes, reply_bytes, protocol, transport,
over, conn, seqid, metadata, path, note, missing. args.user.name and result.tags[0] are parts of values.

--replay sends the calls to another server and compares what it answers. Fields annotated as sensitive are hidden in reports, and
with --redact always everywhere.`

const captureExample = `  thriftkit capture --idl foo.thrift trace.pcap
  thriftkit capture --idl foo.thrift -f 'method=login && latency>10ms' --full trace.pcap
  thriftkit capture --stats trace.pcap
  thriftkit capture --idl foo.thrift --watch --interface any
  thriftkit capture --idl foo.thrift --as-call trace.pcap
  thriftkit capture --idl foo.thrift --replay 127.0.0.1:9090 --speed 2 trace.pcap`

func newCapture() *cobra.Command {
	o := &captureOptions{}
	cmd := &cobra.Command{
		Use:     "capture [flags] (FILE | - | --interface NAME)",
		Short:   "Show the calls in captured packets",
		Long:    captureLong,
		Example: captureExample,
		Args:    needArgs(0, 1, "FILE"),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			return o.run(cmd, args)
		}),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"pcap", "pcapng", "cap", "gz"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	o.view.addFlags(cmd)
	f := cmd.Flags()
	f.StringVarP(&o.iface, "interface", "i", "", "capture live from the interface `NAME`; any is all of them (Linux, root)")
	f.StringVar(&o.keyLog, "keylog", "", "decrypt TLS with the keys in this `FILE`, as SSLKEYLOGFILE names one")
	f.StringVarP(&o.write, "write", "w", "", "write the packets of --interface to this pcap `FILE` as well")
	f.StringVar(&o.replay.target, "replay", "", "send the calls to the server `TARGET` and compare its answers")
	f.Float64Var(&o.replay.speed, "speed", 1, "with --replay, send `X` times as fast as recorded; 0 is as fast as possible")
	mustComplete(cmd.RegisterFlagCompletionFunc("interface", cobra.NoFileCompletions))
	mustComplete(cmd.RegisterFlagCompletionFunc("replay", cobra.NoFileCompletions))
	return cmd
}

func (o *captureOptions) run(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0 && o.iface == "":
		return usagef("capture needs FILE, - or --interface (see thriftkit capture --help)")
	case len(args) > 0 && o.iface != "":
		return usagef("give either FILE or --interface")
	case o.write != "" && o.iface == "":
		return usagef("--write is for --interface")
	case o.replay.target != "" && o.view.reflect == "" && len(o.view.source.idl) == 0:
		return usagef("--replay needs --idl FILE or --reflect TARGET")
	case o.replay.target != "" && o.view.watch:
		return usagef("give either --replay or --watch")
	case o.replay.speed < 0:
		return usagef("--speed must not be negative")
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	title := o.iface
	if len(args) > 0 {
		title = filepath.Base(args[0])
	}
	v, err := o.view.view(ctx, cmd.OutOrStdout(), title)
	if err != nil {
		return err
	}
	opts := capture.Options{HeadersOnly: o.view.headersOnly(), Secrets: &capture.Secrets{}, Protocols: capturedProtocols(), ReuseCalls: o.replay.target == "" && !o.view.watch}
	if o.keyLog != "" {
		f, err := os.Open(o.keyLog)
		if err != nil {
			return err
		}
		opts.Secrets, err = capture.ReadKeyLog(f)
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", o.keyLog, err)
		}
	}
	opts.Secrets.NewChaCha20Poly1305 = chacha20poly1305.New
	// Every call is short-lived memory, and little is kept: collecting it less often is faster, in some more megabytes.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	show := v.add
	var replay *replayer
	if o.replay.target != "" {
		if replay, err = o.replay.start(ctx, v, cmd.OutOrStdout()); err != nil {
			return err
		}
		show = replay.add
	}
	var full error
	a := capture.NewAssembler(opts, func(c *capture.Call) {
		if full == nil {
			full = show(c)
		}
	})
	source := func(errOut io.Writer) (err error) {
		if o.iface != "" {
			err = o.live(ctx, a, v, &full, errOut)
		} else {
			err = readCapture(ctx, args[0], cmd.InOrStdin(), a, v, &full)
		}
		a.Flush()
		return err
	}
	if o.view.watch {
		in, err := terminal(cmd.InOrStdin(), cmd.ErrOrStderr(), len(args) > 0 && args[0] == "-")
		if err != nil {
			return err
		}
		returned, err := v.watch(func() error { return source(io.Discard) }, stop, in, cmd.ErrOrStderr())
		if err != nil || !returned {
			return err
		}
	} else {
		err = source(cmd.ErrOrStderr())
	}
	if full != nil && !errors.Is(full, errEnough) {
		return full
	}
	if replay != nil {
		if err2 := replay.finish(); err == nil {
			err = err2
		}
		return err
	}
	if finishErr := v.finish(a.Counters(), cmd.ErrOrStderr()); err == nil {
		err = finishErr
	}
	return err
}

// readCapture hands the packets of a file to a, until full is set.
func readCapture(ctx context.Context, name string, in io.Reader, a *capture.Assembler, v *callView, full *error) error {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	r, err := capture.Open(in)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	r.KeepSecrets(a)
	flushed := time.Now()
	for *full == nil && ctx.Err() == nil {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		a.Packet(p)
		if name == "-" && time.Since(flushed) > 100*time.Millisecond { // it may be under way
			flushed = time.Now()
			if err := v.out.Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}
