package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/discovery/registry"
	"github.com/thriftkit/thriftkit/internal/plural"
)

const registryLong = `registry runs a registry of instances, and shows and changes what registries have. Servers register with it, and clients
find them by the target registry://host:port/Service.

REGISTRY is host:port, or several with commas between them; ?protocol=P&transport=T may follow each. Registries do not know each
other: what is registered is registered with all, and what is shown is what any of them has.`

func newRegistry() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "registry",
		Short:   "Run a registry of instances, and show what is in one",
		Long:    registryLong,
		Example: "  thriftkit registry ls 127.0.0.1:9000",
		Args:    cobra.NoArgs,
		RunE:    action(func(cmd *cobra.Command, args []string) error { return cmd.Help() }),
	}
	cmd.AddCommand(newRegistryServe(), newRegistryLs(), newRegistryWatch(), newRegistryRegister(), newRegistryDeregister())
	return cmd
}

func newRegistryServe() *cobra.Command {
	var (
		opts   registry.Options
		listen string
	)
	cmd := &cobra.Command{
		Use:   "serve [flags]",
		Short: "Run a registry",
		Long: `serve runs a registry until SIGINT or SIGTERM. With --data what was acknowledged survives a crash: a snapshot and a log of changes,
with checksums. What a crash tore from the end of the log is cut, reported, and kept in the file log.cut.`,
		Example: "  thriftkit registry serve --listen 127.0.0.1:9000 --data registry.d",
		Args:    needArgs(0, 0, "no arguments"),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			if err := checkListen(listen); err != nil {
				return err
			}
			return serveRegistry(listen, opts, cmd.OutOrStdout(), cmd.ErrOrStderr())
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", "127.0.0.1:9000", "listen on `ADDRESS`, host:port or unix:///path")
	f.StringVar(&opts.Dir, "data", "", "keep instances in `DIR` (default: in memory)")
	f.DurationVar(&opts.TTL, "ttl", 10*time.Second, "leases last for `D`, unless who registers asks for another time")
	f.Float64Var(&opts.Protect, "protect", 0.5, "keep instances when more than this `SHARE` of all leases ends at once; negative never does")
	mustComplete(cmd.MarkFlagDirname("data"))
	for _, flag := range []string{"listen", "ttl", "protect"} {
		mustComplete(cmd.RegisterFlagCompletionFunc(flag, cobra.NoFileCompletions))
	}
	return cmd
}

func serveRegistry(listen string, opts registry.Options, out, errOut io.Writer) error {
	opts.OnError = func(err error) { fmt.Fprintf(errOut, "thriftkit: %v\n", err) }
	r, err := registry.Open(opts)
	if err != nil {
		return &exitError{code: exitFailure, err: err}
	}
	defer r.Close()
	server := thriftkit.NewServer(thriftkit.WithReflection())
	if err := r.AddTo(server); err != nil {
		return err
	}
	l, err := thriftkit.Listen(listen)
	if err != nil {
		return err
	}
	return serveUntilSignal(server, l, out, func() { r.Close() }) // so that watchers do not hold up the end
}

// registryTimeout bounds what asks registries.
const registryTimeout = 10 * time.Second

// withRegistry runs f with a client of registries.
func withRegistry(cmd *cobra.Command, addrs string, opts registry.ClientOptions, f func(c *registry.Client) error) error {
	opts.OnError = func(err error) { fmt.Fprintf(cmd.ErrOrStderr(), "thriftkit: %v\n", err) }
	c, err := registry.Connect(addrs, opts)
	if err != nil {
		return &exitError{code: exitUsage, err: err}
	}
	defer c.Close()
	return registryError(cmd, f(c))
}

// registryError gives err its exit code.
func registryError(cmd *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	return callError(cmd.ErrOrStderr(), err, 0)
}

func newRegistryLs() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "ls [flags] REGISTRY [SERVICE]",
		Short:   "List services, or the instances of one",
		Long:    "ls lists the services that have instances, or the instances of SERVICE.",
		Example: "  thriftkit registry ls 127.0.0.1:9000\n  thriftkit registry ls --json 127.0.0.1:9000 PingPong",
		Args:    needArgs(1, 2, "REGISTRY"),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(context.Background(), registryTimeout)
			defer cancel()
			return withRegistry(cmd, args[0], registry.ClientOptions{}, func(c *registry.Client) error {
				if len(args) == 1 {
					all, err := c.Services(ctx)
					return errors.Join(printServices(cmd.OutOrStdout(), all, asJSON), err)
				}
				list, err := c.List(ctx, args[1])
				return errors.Join(printInstances(cmd.OutOrStdout(), list, asJSON), err)
			})
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, a line for each service or instance")
	return cmd
}

func printServices(w io.Writer, all map[string]int, asJSON bool) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if asJSON {
			text, err := json.Marshal(map[string]any{"service": name, "instances": all[name]})
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%s\n", text)
			continue
		}
		fmt.Fprintf(table, "%s\t%s\n", name, plural.Of(all[name], "instance"))
	}
	return table.Flush()
}

func printInstances(w io.Writer, list []discovery.Instance, asJSON bool) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, in := range list {
		if asJSON {
			text, err := json.Marshal(in)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%s\n", text)
			continue
		}
		fmt.Fprintln(table, strings.Join(describeInstance(in), "\t"))
	}
	return table.Flush()
}

// describeInstance returns the address and what is not the default.
func describeInstance(in discovery.Instance) []string {
	cells := []string{in.Addr, fmt.Sprintf("weight %d", in.EffectiveWeight())}
	var more []string
	if in.Priority != 0 {
		more = append(more, fmt.Sprintf("priority %d", in.Priority))
	}
	if in.Zone != "" {
		more = append(more, "zone "+in.Zone)
	}
	if len(in.Tags) > 0 {
		more = append(more, "tags "+strings.Join(in.Tags, " "))
	}
	for _, k := range slices.Sorted(maps.Keys(in.Metadata)) {
		more = append(more, k+"="+in.Metadata[k])
	}
	if len(more) > 0 {
		cells = append(cells, strings.Join(more, ", "))
	}
	return cells
}

func newRegistryWatch() *cobra.Command {
	var (
		asJSON bool
		count  int
	)
	cmd := &cobra.Command{
		Use:   "watch [flags] REGISTRY SERVICE",
		Short: "Print changes of the instances of a service",
		Long: `watch prints a line for each instance of SERVICE, and then for each change: + for one that came, - for one that left, ~ for one that
changed. It ends with SIGINT or SIGTERM.`,
		Example: "  thriftkit registry watch --count 1 127.0.0.1:9000 PingPong",
		Args:    needArgs(2, 2, "REGISTRY and SERVICE"),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			if count < 0 {
				return usagef("--count %d is negative", count)
			}
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return withRegistry(cmd, args[0], registry.ClientOptions{}, func(c *registry.Client) error {
				return watchRegistry(ctx, c, args[1], cmd.OutOrStdout(), asJSON, count)
			})
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print each list as a line of JSON")
	cmd.Flags().IntVar(&count, "count", 0, "end after `N` lists; 0 means no limit")
	mustComplete(cmd.RegisterFlagCompletionFunc("count", cobra.NoFileCompletions))
	return cmd
}

func watchRegistry(ctx context.Context, c *registry.Client, service string, w io.Writer, asJSON bool, count int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	before := make(map[string]discovery.Instance)
	seen := 0
	var failed error
	err := c.Resolver(service).Watch(ctx, func(s discovery.Snapshot) {
		if failed != nil || count > 0 && seen >= count {
			return
		}
		if seen++; asJSON {
			failed = json.NewEncoder(w).Encode(s)
		} else {
			failed = printChanges(w, before, s.Instances)
		}
		if failed != nil || seen == count {
			cancel()
		}
	})
	if failed != nil || ctx.Err() != nil {
		return failed
	}
	return err
}

// printChanges prints how list differs from before, which it updates.
func printChanges(w io.Writer, before map[string]discovery.Instance, list []discovery.Instance) error {
	var lines []string
	now := make(map[string]bool)
	for _, in := range list {
		now[in.Addr] = true
		old, had := before[in.Addr]
		if had && old.Equal(in) {
			continue
		}
		mark := "+"
		if had {
			mark = "~"
		}
		lines = append(lines, mark+" "+strings.Join(describeInstance(in), "  "))
		before[in.Addr] = in
	}
	for _, addr := range slices.Sorted(maps.Keys(before)) {
		if !now[addr] {
			lines = append(lines, "- "+addr)
			delete(before, addr)
		}
	}
	for _, l := range lines {
		if _, err := fmt.Fprintln(w, l); err != nil {
			return err
		}
	}
	return nil
}

func newRegistryRegister() *cobra.Command {
	var (
		in       discovery.Instance
		metadata []string
		ttl      time.Duration
	)
	cmd := &cobra.Command{
		Use:   "register [flags] REGISTRY SERVICE ADDRESS",
		Short: "Register an instance for as long as the command runs",
		Long: `register registers the instance at ADDRESS, for servers that do not do it themselves, and keeps it registered until SIGINT or SIGTERM; then
it deregisters it. It does not look whether there is a server.`,
		Example: "  thriftkit registry register --zone a --weight 200 127.0.0.1:9000 PingPong 127.0.0.1:9090",
		Args:    needArgs(3, 3, "REGISTRY, SERVICE and ADDRESS"),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			in.Addr = args[2]
			for _, pair := range metadata {
				k, v, ok := strings.Cut(pair, "=")
				if !ok || k == "" {
					return usagef("--metadata: want NAME=VALUE, got %q", pair)
				}
				if in.Metadata == nil {
					in.Metadata = make(map[string]string)
				}
				in.Metadata[k] = v
			}
			if err := in.Validate(); err != nil {
				return &exitError{code: exitUsage, err: err}
			}
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return withRegistry(cmd, args[0], registry.ClientOptions{TTL: ttl}, func(c *registry.Client) error {
				r, err := c.Register(ctx, args[1], in)
				if err != nil {
					if ctx.Err() != nil {
						return nil // it was asked to end
					}
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "registered %s as %s\n", in.Addr, args[1])
				<-ctx.Done()
				stop()
				bounded, cancel := context.WithTimeout(context.Background(), registryTimeout)
				defer cancel()
				return r.Deregister(bounded)
			})
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := cmd.Flags()
	f.IntVar(&in.Weight, "weight", discovery.DefaultWeight, "the share of calls compared with other instances: `N`")
	f.IntVar(&in.Priority, "priority", 0, "takes calls only when no instance with a lower `N` is available")
	f.StringVar(&in.Zone, "zone", "", "where the instance runs: `NAME`")
	f.StringArrayVar(&in.Tags, "tag", nil, "a `TAG` (may be repeated)")
	f.StringArrayVar(&metadata, "metadata", nil, "a `NAME=VALUE`, such as protocol=compact (may be repeated)")
	f.DurationVar(&ttl, "ttl", 0, "the lease lasts for `D` if it is not kept alive (default: the registry's)")
	for _, flag := range []string{"weight", "priority", "zone", "tag", "metadata", "ttl"} {
		mustComplete(cmd.RegisterFlagCompletionFunc(flag, cobra.NoFileCompletions))
	}
	return cmd
}

func newRegistryDeregister() *cobra.Command {
	return &cobra.Command{
		Use:     "deregister REGISTRY SERVICE ADDRESS",
		Short:   "Remove an instance, whoever registered it",
		Long:    "deregister removes the instance at ADDRESS from all registries. A server that runs registers itself again.",
		Example: "  thriftkit registry deregister 127.0.0.1:9000 PingPong 127.0.0.1:9090",
		Args:    needArgs(3, 3, "REGISTRY, SERVICE and ADDRESS"),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(context.Background(), registryTimeout)
			defer cancel()
			return withRegistry(cmd, args[0], registry.ClientOptions{}, func(c *registry.Client) error {
				found, err := c.Deregister(ctx, args[1], args[2])
				if err == nil && !found {
					return &exitError{code: exitFailure, err: fmt.Errorf("%s has no instance %s", args[1], args[2])}
				}
				return err
			})
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
}
