package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/transport"
)

const probeLong = `probe finds out which dialects of Thrift a server speaks and prints a target for each, to be used with call or Dial.

It calls a method that no server has, in one dialect after the other, each on a connection of its own: none of the
server's methods is executed. A server that does not answer within --timeout does not speak the dialect. If nothing
is spoken without TLS, all is tried once more with it, without a look at the certificate.

Exit codes: 0 a dialect was found, 1 none was, 2 usage, 3 cannot connect.`

func newProbe() *cobra.Command {
	var (
		patience time.Duration
		all      bool
	)
	cmd := &cobra.Command{
		Use:               "probe [flags] TARGET",
		Short:             "Find out which dialects a server speaks",
		Long:              probeLong,
		Example:           "  thriftkit probe 127.0.0.1:9090\n  thriftkit probe --all --timeout 300ms 127.0.0.1:9090",
		Args:              needArgs(1, 1, "TARGET"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: action(func(cmd *cobra.Command, args []string) error {
			if patience <= 0 {
				return usagef("--timeout %v is not above 0", patience)
			}
			return probe(cmd.OutOrStdout(), args[0], patience, all)
		}),
	}
	cmd.Flags().DurationVar(&patience, "timeout", time.Second, "how long to wait for each answer: `D`, such as 300ms")
	cmd.Flags().BoolVar(&all, "all", false, "also print the dialects that the server does not speak, and why")
	return cmd
}

func probe(w io.Writer, target string, patience time.Duration, all bool) error {
	if _, err := transport.ParseTarget(target); err != nil {
		return &exitError{code: exitUsage, err: err}
	}
	found, err := rpc.Probe(context.Background(), target, patience, rpc.ClientOptions{})
	if err != nil {
		return callError(w, err, 0)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	spoken := 0
	for _, f := range found {
		if !f.Speaks && !all {
			continue
		}
		name, err := dialectOf(f.Target)
		if err != nil {
			return err
		}
		if f.Speaks {
			spoken++
			fmt.Fprintf(table, "%s\t%s\n", name, short(f.Target))
		} else {
			fmt.Fprintf(table, "%s\tno: %v\n", name, f.Err)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if spoken == 0 {
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
	if t.HTTP {
		name += ", http"
	} else {
		name += ", " + t.Framing.String()
	}
	if t.Compression != "" {
		name += ", " + t.Compression
	}
	if t.TLS {
		name += ", TLS"
	}
	return name, nil
}
