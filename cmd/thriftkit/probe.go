package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/transport"
)

const probeLong = `probe finds out which Thrift dialects a server speaks, and whether it speaks Dubbo, gRPC, Motan2 and rpcx, and prints a
target for each, for use with call or Dial. Triple of Dubbo is gRPC: which interfaces it serves, it does not say.

It calls a method that no server has, in one dialect after the other, each on its own connection: none of the server's
methods is executed. A server that does not answer within --timeout does not speak the dialect. If no dialect works
without TLS, probe tries all of them again with TLS and does not verify the certificate. Of a target with several
instances, such as host:port,host:port or dns:///name:port, each is probed. @NAME is a target of
thriftkit.yaml; probe ignores its dialect.

Exit codes: 0 a dialect was found, 1 none was, 2 usage, 3 cannot connect.`

func newProbe() *cobra.Command {
	o := &probeOptions{}
	cmd := &cobra.Command{
		Use:               "probe [flags] TARGET",
		Short:             "Find out which dialects a server speaks",
		Long:              probeLong,
		Example:           "  thriftkit probe 127.0.0.1:9090\n  thriftkit probe --all --timeout 300ms 127.0.0.1:9090",
		Args:              needArgs(1, 1, "TARGET"),
		ValidArgsFunction: completeTarget,
		RunE: action(func(cmd *cobra.Command, args []string) error {
			return o.run(cmd, args[0])
		}),
	}
	o.call.dialect.addConnectionFlags(cmd)
	cmd.Flags().DurationVar(&o.patience, "timeout", time.Second, "how long to wait for each answer: `D`, such as 300ms")
	cmd.Flags().BoolVar(&o.all, "all", false, "also print the dialects that the server does not speak, and why")
	return cmd
}

type probeOptions struct {
	call     callOptions // of which the dialect matters, but for its name
	patience time.Duration
	all      bool

	ctx    context.Context // with what --header says
	client rpc.ClientOptions
}

func (o *probeOptions) run(cmd *cobra.Command, target string) error {
	if o.patience <= 0 {
		return usagef("--timeout %v is not above 0", o.patience)
	}
	if strings.HasPrefix(target, "@") && strings.Contains(target, "/") {
		return usagef("%q is a call: probe takes a target, as in @NAME", target)
	}
	d, r := &o.call.dialect, request{target: target}
	if err := o.call.resolve(cmd, &r); err != nil {
		return err
	}
	target, err := d.target(r.target)
	if err != nil {
		return err
	}
	if o.ctx, err = d.context(cmd.Context()); err != nil {
		return err
	}
	o.client.MaxMessageBytes, o.client.Dialects = int(d.maxMessage), clientDialects()
	if d.insecure {
		o.client.TLS = &tls.Config{InsecureSkipVerify: true}
	}
	if d.user != "" && !d.basic {
		if o.client.SASLUser, o.client.SASLPassword, err = splitUser(d.user); err != nil {
			return err
		}
	}
	return o.probe(cmd.OutOrStdout(), target)
}

func (o *probeOptions) probe(w io.Writer, target string) error {
	listing, cancel := context.WithTimeout(o.ctx, 10*time.Second)
	defer cancel()
	instances, err := instancesOf(listing, target)
	switch {
	case err != nil:
		return callError(w, err, 0)
	case groupOf(target) == nil:
		return o.probeServer(w, target)
	}
	failures, code := 0, exitFailure
	for i, t := range instances {
		if i > 0 {
			fmt.Fprintln(w)
		}
		address, _, _ := strings.Cut(short(t), "?")
		fmt.Fprintf(w, "%s:\n", address)
		if err := o.probeServer(w, t); err != nil {
			fmt.Fprintf(w, "%v\n", err)
			failures++
			if exit := (*exitError)(nil); errors.As(err, &exit) {
				code = exit.code
			}
		}
	}
	if failures > 0 {
		return &exitError{code: code, err: fmt.Errorf("%d of %s speak no dialect, or do not answer", failures, plural.Of(len(instances), "instance"))}
	}
	return nil
}

// probeServer probes one server.
func (o *probeOptions) probeServer(w io.Writer, target string) error {
	found, err := rpc.Probe(o.ctx, target, o.patience, o.client)
	if err != nil {
		return callError(w, err, 0)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	supported := 0
	for _, f := range found {
		if !f.Speaks && !o.all {
			continue
		}
		name, err := dialectOf(f.Target)
		if err != nil {
			return err
		}
		if f.Speaks {
			supported++
			fmt.Fprintf(table, "%s\t%s\n", name, short(f.Target))
		} else {
			fmt.Fprintf(table, "%s\tno: %v\n", name, f.Err)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if supported == 0 {
		return &exitError{code: exitFailure, err: fmt.Errorf("%s listens, but speaks none of the %d dialects that were tried (--all says what happened)", target, len(found))}
	}
	return nil
}

// dialectOf names the dialect of a target, as in "compact, framed".
func dialectOf(target string) (string, error) {
	t, err := transport.ParseTarget(target)
	if err != nil {
		return "", err
	}
	name := t.Protocol
	if name == "" {
		name = "binary"
	}
	if t.Foreign != "" {
		name = t.Foreign
	} else {
		name += ", " + t.Transport()
	}
	if t.Compression != "" {
		name += ", " + t.Compression
	}
	if t.TLS {
		name += ", TLS"
	}
	return name, nil
}
