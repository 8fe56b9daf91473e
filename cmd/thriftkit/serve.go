package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/cmd/thriftkit/internal/mock"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/gateway"
	"github.com/thriftkit/thriftkit/govern/limit"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/ops"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/x/dubbo"
	"github.com/thriftkit/thriftkit/x/grpc"
	"github.com/thriftkit/thriftkit/x/motan"
	"github.com/thriftkit/thriftkit/x/rpcx"
)

type serveOptions struct {
	includeDirs  []string
	listen       string
	services     []string
	answers      string
	echo         bool
	rules        string
	seed         uint64
	upstream     string
	upstreamUser string
	lenient      bool
	quiet        bool
	maxMessage   byteSize
	record       string
	replay       string
	log          string
	tls          transport.TLSFiles
	user         string
	dialects     []string
	proxies      []string
	reflection   bool
	admin        string
	adminHosts   []string
	adminToken   string
	policy       string
	inFlight     string
	queueTime    time.Duration

	pages  *ops.Admin // of --admin, else nil
	health *ops.Health
}

const serveLong = `serve answers the calls of the services in a .thrift file without a line of code.

A call is answered by the first of these that has an answer:

  --rules FILE      YAML or JSON: answers by method and arguments, sequences, templates, delays, errors, dropped connections.
                    The file is read again when it changes.
  --replay FILE     the recorded answer to the same call: each client gets those to a call that came several times one after the
                    other. A call that was not recorded is an error, unless one of the following answers it
  --answers FILE    JSON whose keys are Service.method, or method where only one service has it: {"PingPong.login": "welcome"}.
                    A declared exception is thrown by {"exception": NAME, "value": {…}}
  --upstream TARGET the answer of the server there
  --echo            the first argument that has the type of the result
  otherwise         the defaults of the IDL and zero values

--record FILE writes what the server of --upstream answered, for --replay; --log FILE writes every call. Both write a line of
JSON for each call. Each call is also a line on standard error, without what is annotated as sensitive. SIGINT and SIGTERM stop the server after pending calls have
been answered.

--admin ADDR serves pages there that show what the server does: /status, /calls, /errors, /connections and more for browsers and curl,
/metrics for Prometheus, /healthz and /readyz for probes. thriftkit top shows the same on a terminal.

--policy FILE has rules about who may call what: methods that are allowed or denied to principals and addresses. It is YAML, or JSON if its
name ends in .json, and read again when it changes; one with mistakes changes nothing. Calls to which no rule applies are refused unless it
says otherwise. gRPC's server reflection, which no rule covers, is off then.

--in-flight N runs at most N calls at once, --in-flight auto as many as the server turns out to get done. Those above wait for --queue-time
at most, the important ones first (metadata thrift_priority: 0 to 4), callers in turns; then they are refused as overloaded.`

func newServe() *cobra.Command {
	o := &serveOptions{}
	cmd := &cobra.Command{
		Use:   "serve [flags] FILE...",
		Short: "Serve the services of a .thrift file without code",
		Long:  serveLong,
		Example: "  thriftkit serve foo.thrift\n" +
			"  thriftkit serve --listen 127.0.0.1:9090 --answers answers.json --echo foo.thrift\n" +
			"  thriftkit serve --listen 127.0.0.1:9090 --rules rules.yaml --log calls.jsonl foo.thrift",
		Args:              needArgs(1, -1, "FILE"),
		ValidArgsFunction: completeFiles,
		RunE: action(func(cmd *cobra.Command, args []string) error {
			return o.run(cmd, args)
		}),
	}
	addIncludeFlag(cmd, &o.includeDirs)
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:9090", "listen on `ADDR`: host:port, :port, unix:///path or udp://host:port; port 0 means any free port")
	f.StringArrayVar(&o.services, "service", nil, "serve the service `NAME` only (may be repeated; default: all of FILE)")
	f.StringVar(&o.answers, "answers", "", "read answers from this JSON `FILE`")
	f.BoolVar(&o.echo, "echo", false, "answer with the first argument that has the type of the result")
	f.StringVar(&o.rules, "rules", "", "answer by the rules in this YAML or JSON `FILE`, which is read again when it changes")
	f.Uint64Var(&o.seed, "seed", 1, "the seed `N` of the random values in rules")
	f.StringVar(&o.upstream, "upstream", "", "forward calls that nothing else answers to the server at `TARGET`, which may be a @NAME of thriftkit.yaml")
	f.StringVar(&o.upstreamUser, "upstream-user", "", "log in to the server of --upstream by SASL as `NAME:PASSWORD`")
	f.StringVar(&o.record, "record", "", "write the calls that --upstream answered to this `FILE`, for --replay")
	f.StringVar(&o.replay, "replay", "", "answer as recorded in this `FILE` by --record or --log; other calls are errors, unless something else answers them")
	f.BoolVar(&o.lenient, "replay-defaults", false, "answer calls that --replay does not have with defaults")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print no line for each call")
	addMessageFlag(f, &o.maxMessage)
	f.StringVar(&o.log, "log", "", "write a line of JSON for each call to this `FILE`; - is standard output")
	f.StringVar(&o.tls.Cert, "cert", "", "also accept TLS, with the certificate in this PEM `FILE`")
	f.StringVar(&o.tls.Key, "key", "", "the PEM `FILE` of the certificate's key")
	f.StringVar(&o.tls.CA, "client-ca", "", "accept only TLS clients with a certificate of an authority in this PEM `FILE`")
	f.StringVar(&o.tls.CRL, "client-crl", "", "refuse clients whose certificates the revocation lists in this `FILE` (PEM or DER) name, which is read again when it changes")
	f.StringSliceVar(&o.proxies, "proxy-protocol", nil, "trust the proxies in the networks `CIDR,CIDR` to say by the PROXY protocol who the client is")
	f.StringArrayVar(&o.dialects, "dialect", nil, "accept only the dialect `D`: a transport, a protocol, both as in compact/framed, or dubbo, grpc, motan2, rest, rpcx (may be repeated)")
	f.BoolVar(&o.reflection, "reflection", true, "answer clients that ask for the schema, comments included")
	f.StringVar(&o.admin, "admin", "", "serve admin pages, /metrics, /healthz and /readyz on `ADDR`, host:port; without a host on the loopback interface")
	f.StringSliceVar(&o.adminHosts, "admin-host", nil, "let browsers and scrapers ask for the admin pages by the name `HOST`, too (may be repeated; * allows all)")
	f.StringVar(&o.adminToken, "admin-token", "", "let those who know the token in this `FILE`, of 16 bytes at least, change settings on the admin pages")
	mustComplete(cmd.RegisterFlagCompletionFunc("admin", cobra.NoFileCompletions))
	mustComplete(cmd.RegisterFlagCompletionFunc("admin-host", cobra.NoFileCompletions))
	addUserFlag(f, &o.user, "take only clients that log in as `NAME:PASSWORD`, by SASL or by Basic authentication")
	f.StringVar(&o.policy, "policy", "", "let in calls by the rules in this YAML or JSON `FILE`, which is read again when it changes")
	f.StringVar(&o.inFlight, "in-flight", "", "run at most `N` calls at once; auto finds how many (default: 10,000)")
	f.DurationVar(&o.queueTime, "queue-time", 0, "let calls above --in-flight wait for the time `D` (default 100ms)")
	mustComplete(cmd.RegisterFlagCompletionFunc("in-flight", cobra.FixedCompletions([]string{"auto"}, cobra.ShellCompDirectiveNoFileComp)))
	mustComplete(cmd.MarkFlagFilename("policy", "yaml", "yml", "json"))
	mustComplete(cmd.MarkFlagFilename("answers", "json"))
	mustComplete(cmd.MarkFlagFilename("rules", "yaml", "yml", "json"))
	mustComplete(cmd.RegisterFlagCompletionFunc("service", func(_ *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		var names []string
		if len(args) > 0 {
			if file, err := loadAll(args, o.includeDirs); err == nil {
				for _, svc := range servicesOf(file) {
					names = append(names, svc.Name)
				}
			}
		}
		return withPrefix(toComplete, names), cobra.ShellCompDirectiveNoFileComp
	}))
	return cmd
}

func (o *serveOptions) run(cmd *cobra.Command, paths []string) error {
	out, errOut := cmd.OutOrStdout(), cmd.ErrOrStderr()
	if err := checkListen(o.listen); err != nil {
		return err
	}
	file, err := loadAll(paths, o.includeDirs)
	if err != nil {
		return err
	}
	services, err := o.chosen(file)
	if err != nil {
		return err
	}
	m := &answerer{echo: o.echo, strict: o.replay != "" && !o.lenient}
	if o.answers != "" {
		if m.answers, err = loadAnswers(o.answers, file); err != nil {
			return err
		}
	}
	log := &callLog{w: errOut, quiet: o.quiet}
	opts, err := o.options(services, log)
	if err != nil {
		return err
	}
	policy, err := o.openPolicy()
	if err != nil {
		return err
	}
	if policy != nil {
		opts = append(opts, thriftkit.WithGate(policy.guard))
	}
	queue, err := o.queue()
	if err != nil {
		return err
	}
	if queue != nil {
		opts = append(opts, thriftkit.WithGate(queue)) // after the policy: what that refuses needs no turn
	}
	closeAdmin, err := o.openAdmin(errOut)
	if err != nil {
		return err
	}
	defer closeAdmin()
	if o.pages != nil {
		opts = append(opts, thriftkit.WithStats(o.pages.Server()), thriftkit.WithHealth(o.health))
	}
	done, err := o.furnish(cmd, m, file, log)
	if err != nil {
		return err
	}
	defer done()
	server := thriftkit.NewServer(append(opts, thriftkit.WithInterceptors(log.intercept), thriftkit.WithErrorLog(log.error))...)
	for _, svc := range services {
		if err := server.Register(svc, m.handler(svc)); err != nil {
			return err
		}
	}
	if err := policy.watch(server, log); err != nil {
		return err
	}
	defer policy.close()
	l, err := thriftkit.Listen(o.listen)
	if err != nil {
		return err
	}
	_, packets := l.(*transport.PacketListener)
	if m.rules != nil && !packets {
		m.conns = &trackedListener{Listener: l, open: make(map[string]net.Conn)}
		l = m.conns
	}
	said := out
	if o.log == "-" { // whoever reads the log reads nothing else
		said = errOut
	}
	if !o.quiet && o.log != "-" && !packets {
		fmt.Fprintf(errOut, "accepting %s\n", accepted(server.Accepts()))
	}
	if o.pages == nil {
		return serveUntilSignal(server, l, said, func() {})
	}
	o.pages.Watch(server)
	if queue != nil {
		m := o.pages.Metrics()
		m.Gauge("serve_queue_limit", "Calls that may run at once.", func() float64 { return float64(queue.Stats().Limit) })
		m.Gauge("serve_queue_waiting", "Calls that wait for their turn.", func() float64 { return float64(queue.Stats().Waiting) })
		m.Counter("serve_queue_refused_total", "Calls that were refused by the queue.", func() float64 { return float64(queue.Stats().Refused) })
	}
	o.health.SetReady(true)
	return serveUntilSignal(server, l, said, func() { o.health.SetReady(false) })
}

// queue returns the queue of --in-flight; nil if there is none.
func (o *serveOptions) queue() (*limit.Queue, error) {
	if o.queueTime < 0 || o.queueTime > 0 && o.inFlight == "" {
		return nil, usagef("--queue-time takes a time above 0, and needs --in-flight")
	}
	switch o.inFlight {
	case "":
		return nil, nil
	case "auto":
		return limit.NewQueue(limit.QueueOptions{Adaptive: true, QueueTime: o.queueTime})
	}
	n, err := strconv.Atoi(o.inFlight)
	if err != nil || n < 1 {
		return nil, usagef("--in-flight: want a number above 0, or auto, got %q", o.inFlight)
	}
	return limit.NewQueue(limit.QueueOptions{InFlight: n, QueueTime: o.queueTime})
}

// openAdmin serves the pages of --admin, if it was given.
func (o *serveOptions) openAdmin(errOut io.Writer) (done func(), err error) {
	if o.admin == "" {
		if len(o.adminHosts) > 0 {
			return nil, usagef("--admin-host is for the pages of --admin")
		}
		if o.adminToken != "" {
			return nil, usagef("--admin-token is for the pages of --admin")
		}
		return func() {}, nil
	}
	if _, _, err := net.SplitHostPort(o.admin); err != nil {
		return nil, usagef("--admin: want host:port or :port, got %q", o.admin)
	}
	opts := ops.AdminOptions{Hosts: o.adminHosts, Arguments: true}
	if o.adminToken != "" {
		text, err := os.ReadFile(o.adminToken)
		if err != nil {
			return nil, fmt.Errorf("--admin-token: %w", err)
		}
		token := strings.TrimSpace(string(text))
		if len(token) < 16 {
			return nil, usagef("--admin-token: the token in %s has %s, want 16 at least", o.adminToken, plural.Of(len(token), "byte"))
		}
		opts.Permit = ops.PermitToken(token)
		opts.Changed = func(c ops.SettingChange) {
			fmt.Fprintf(errOut, "%s changed %s from %s to %s\n", c.Who, c.Name, c.From, c.To)
		}
	}
	l, err := ops.ListenAdmin(o.admin)
	if err != nil {
		return nil, err
	}
	o.health = ops.NewHealth()
	opts.Health = o.health
	o.pages = ops.NewAdmin(opts)
	go o.pages.Serve(l)
	fmt.Fprintf(errOut, "admin pages on http://%s\n", l.Addr())
	return func() { o.pages.Close() }, nil
}

// options returns what the flags say about connections.
func (o *serveOptions) options(services []*schema.Service, log *callLog) (opts []thriftkit.ServerOption, err error) {
	if (o.tls.Cert == "") != (o.tls.Key == "") || o.tls.CA != "" && o.tls.Cert == "" {
		return nil, usagef("--cert and --key go together, and --client-ca with them")
	}
	if o.tls.CRL != "" && o.tls.CA == "" {
		return nil, usagef("--client-crl goes with --client-ca")
	}
	if o.tls.Cert != "" {
		config, err := transport.ServerTLS(o.tls)
		if err != nil {
			return nil, err
		}
		if opts = append(opts, thriftkit.WithTLS(config)); o.tls.CA != "" {
			opts = append(opts, thriftkit.WithTLSOnly())
		}
	}
	opts = append(opts, o.maxMessage.option())
	switch rest, err := gateway.Dialect(services, gateway.Options{}); {
	case err == nil:
		opts = append(opts, thriftkit.WithDialects(rest))
	case slices.Contains(o.dialects, gateway.Name):
		return nil, &exitError{code: exitFailure, err: err}
	default: // Thrift needs none of it
		log.print("thriftkit: HTTP with JSON is not answered: %v", err)
	}
	opts = append(opts, thriftkit.WithDialects(dubbo.Dialect(), grpc.New(grpc.Options{NoReflection: !o.reflection || o.policy != ""}), motan.Dialect(), rpcx.Dialect()))
	for _, text := range o.proxies {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, usagef("--proxy-protocol takes networks such as 10.0.0.0/8 or 192.0.2.1/32, not %s", text)
		}
		opts = append(opts, thriftkit.WithProxyProtocol(network))
	}
	if o.reflection {
		opts = append(opts, thriftkit.WithReflection())
	}
	if len(o.dialects) > 0 {
		opts = append(opts, thriftkit.WithAccept(o.dialects...))
	}
	if o.user != "" {
		name, password, err := splitUser(o.user)
		if err != nil {
			return nil, err
		}
		opts = append(opts, thriftkit.WithSASLUsers(func(_ context.Context, n, p string) error {
			if n != name || p != password {
				return errors.New("not the user of --user")
			}
			return nil
		}, true))
	}
	return opts, nil
}

// chosen returns the services to be served.
func (o *serveOptions) chosen(file *schema.File) ([]*schema.Service, error) {
	if len(o.services) == 0 {
		all := servicesOf(file)
		if len(all) == 0 {
			return nil, fmt.Errorf("%s has no services", file.Path)
		}
		return all, nil
	}
	var list []*schema.Service
	for _, name := range o.services {
		svc, err := findService(file, name)
		if err != nil {
			return nil, err
		}
		list = append(list, svc)
	}
	return list, nil
}

// drainTime is how long pending calls may take once the server is to end.
const drainTime = 10 * time.Second

// serveUntilSignal serves on l until SIGINT or SIGTERM, after which it calls beforeShutdown; a second signal ends the program at once.
func serveUntilSignal(server *thriftkit.Server, l net.Listener, out io.Writer, beforeShutdown func()) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	fmt.Fprintf(out, "listening on %s\n", listenTarget(l.Addr()))
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	stop()
	beforeShutdown()
	drain, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		return fmt.Errorf("calls were still running %v after the signal", drainTime)
	}
	if err := <-served; !errors.Is(err, rpc.ErrServerClosed) {
		return err
	}
	return nil
}

// checkListen checks the form of an address to listen on.
func checkListen(addr string) error {
	if !strings.Contains(addr, "://") {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return usagef("--listen: want host:port, :port, unix:///path or udp://host:port, got %q", addr)
		}
		return nil
	}
	if strings.HasPrefix(addr, "tcp://:") || strings.HasPrefix(addr, "udp://:") {
		return nil
	}
	t, err := transport.ParseTarget(addr)
	if err != nil {
		return usagef("--listen: %w", err)
	}
	// A dialect is the client's to choose, and a certificate would be needed for TLS.
	if t != (transport.Target{Network: t.Network, Address: t.Address}) {
		return usagef("--listen: want a tcp, udp or unix address without a query, got %q", addr)
	}
	return nil
}

// listenTarget returns a in the form that "thriftkit call" takes.
func listenTarget(a net.Addr) string {
	if a.Network() != "tcp" {
		return transport.Target{Network: a.Network(), Address: a.String()}.String()
	}
	return a.String()
}

// sameType reports whether a and b are one type, aliases and annotations aside. met has the
// pairs that were compared: map<T,T> has its T twice, so following every path could take time
// exponential in the depth.
func sameType(a, b *schema.Type, met map[[2]*schema.Type]bool) bool {
	pair := [2]*schema.Type{a, b}
	switch {
	case a == b || met[pair]:
		return true
	case a.Kind != b.Kind:
		return false
	}
	met[pair] = true
	switch a.Kind {
	case schema.KindEnum:
		return a.Enum == b.Enum
	case schema.KindStruct:
		return a.Struct == b.Struct
	case schema.KindMap:
		return sameType(a.Key, b.Key, met) && sameType(a.Elem, b.Elem, met)
	case schema.KindList, schema.KindSet:
		return sameType(a.Elem, b.Elem, met)
	}
	return true
}

// A callLog writes a line a call.
type callLog struct {
	mu    sync.Mutex // a line is written in one go
	w     io.Writer
	quiet bool // there are lines of JSON at most

	all, upstream *mock.Log // lines of JSON, of all calls and of those that another server answered; nil: none
}

func (l *callLog) print(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, format+"\n", args...)
}

func (l *callLog) error(err error) { l.print("thriftkit: %v", err) }

func (l *callLog) intercept(next thriftkit.Handler) thriftkit.Handler {
	return func(ctx context.Context, call *thriftkit.Call) error {
		start := time.Now()
		by := ""
		err := next(context.WithValue(ctx, answeredByKey{}, &by), call)
		took := time.Since(start)
		if !l.quiet {
			l.print("%s %s %s.%s %s → %s %v%s", start.Format("15:04:05.000"), peerName(ctx), call.Service.Name, call.Method.Name,
				argsJSON(call), outcome(call, err), took.Round(time.Microsecond), origin(by))
		}
		l.entries(ctx, call, start, took, by, err)
		return err
	}
}

// peerName returns where a call comes from; the clients of a unix socket have no address.
func peerName(ctx context.Context) string {
	switch peer, ok := thriftkit.PeerOf(ctx); {
	case !ok:
		return "-"
	case peer.Addr.Network() == "unix":
		return "unix"
	default:
		return peer.Addr.String()
	}
}

// longestJSON is how many bytes of JSON a line of the log has of the arguments, and of the result.
const longestJSON = 200

func argsJSON(call *thriftkit.Call) string {
	args := dynamic.New(call.Method.Args)
	for i := range call.NumArgs() {
		if v, ok := call.Arg(i).(dynamic.Value); ok && args.Set(args.Schema().Fields[i].Name, v) != nil {
			return "?"
		}
	}
	return compactJSON(call.Method.Args.Type(), dynamic.StructValue(args))
}

func compactJSON(t *schema.Type, v dynamic.Value) string {
	text, err := dynamic.AppendJSON(nil, t, v, dynamic.JSONOptions{Redact: true})
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return truncate(string(text), longestJSON)
}

func outcome(call *thriftkit.Call, err error) string {
	var thrown *thriftkit.Exception
	switch {
	case errors.As(err, &thrown):
		return "exception " + thrown.Value.Schema().Name + " " + compactJSON(thrown.Value.Schema().Type(), dynamic.StructValue(thrown.Value))
	case err != nil:
		return "error " + err.Error()
	case call.Method.Oneway:
		return "oneway"
	}
	if v, ok := call.Result().(dynamic.Value); ok && v.IsSet() {
		return compactJSON(call.Method.Result, v)
	}
	return "void"
}

// accepted writes what a server accepts, for a listener of connections: its protocols and transports, and what else there is.
func accepted(names []string) string {
	var protocols, transports, rest []string
	for _, name := range names {
		switch {
		case slices.Contains(protocol.Names(), name):
			protocols = append(protocols, name)
		case name == "udp":
		case slices.Contains(transport.Names(), name):
			transports = append(transports, name)
		default:
			rest = append(rest, name)
		}
	}
	if len(protocols) == 0 || len(transports) == 0 {
		rest = slices.Concat(protocols, transports, rest)
	} else {
		rest = slices.Concat([]string{strings.Join(protocols, ", ") + " over " + strings.Join(transports, ", ")}, rest)
		if len(rest) > 1 {
			return rest[0] + "; " + strings.Join(rest[1:], ", ")
		}
	}
	return strings.Join(rest, ", ")
}
