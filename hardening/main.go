// Command hardening shows what thriftkit withstands: hostile bytes, faults of networks and processes, load for a long time.
//
//	go run ./hardening attack              the list of attacks, on a server of thriftkit with all defaults
//	go run ./hardening attack -peers       the same on the servers of other libraries, side by side
//	go run ./hardening attack -target 127.0.0.1:9090 -dialects binary/framed -pid 4711
//	go run ./hardening faults              what happens to calls when networks and servers fail
//	go run ./hardening soak -duration 10m  mixed load, a fault every few seconds
//	go run ./hardening overload            twice the calls that a server can do, with and without a limit
//	go run ./hardening fleet               clients of 10 to 1,000 instances, simulated: ours and the algorithms of others
//
// The exit code is 1 if something is not as it should be, 2 for wrong flags.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"regexp"

	"github.com/thriftkit/thriftkit/hardening/child"
	"github.com/thriftkit/thriftkit/hardening/table"
)

func main() {
	child.Main()
	log.SetOutput(io.Discard) // net/http tells there of answers that nobody asked for, and attacks are full of them
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	commands := map[string]func(context.Context, *flag.FlagSet, []string) error{"attack": attackCommand, "faults": faultsCommand, "soak": soakCommand, "overload": overloadCommand, "fleet": fleetCommand}
	name := append(os.Args, "")[1]
	run := commands[name]
	if run == nil {
		fmt.Fprintln(os.Stderr, "usage: hardening attack|faults|soak|overload|fleet [flags]")
		os.Exit(2)
	}
	if err := run(ctx, flag.NewFlagSet(name, flag.ExitOnError), os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// output are the flags that all commands have.
type output struct {
	markdown string
	only     string
	short    bool
}

func (o *output) register(flags *flag.FlagSet) {
	o.registerMarkdown(flags)
	flags.StringVar(&o.only, "run", "", "only what matches the regular `expression`")
	flags.BoolVar(&o.short, "short", false, "a part of each, for less time")
}

func (o *output) registerMarkdown(flags *flag.FlagSet) {
	flags.StringVar(&o.markdown, "markdown", "", "also write the table to `FILE`, as Markdown")
}

// chosen returns what -run lets through.
func (o *output) chosen() (func(string) bool, error) {
	if o.only == "" {
		return nil, nil
	}
	re, err := regexp.Compile(o.only)
	if err != nil {
		return nil, fmt.Errorf("-run: %w", err)
	}
	return re.MatchString, nil
}

// write prints the tables that have rows, and writes them where -markdown says.
func (o *output) write(tables ...*table.Table) error {
	all := func(w io.Writer, markdown bool) (err error) {
		between := ""
		for _, t := range tables {
			if len(t.Rows) > 0 {
				fmt.Fprint(w, between)
				err, between = errors.Join(err, t.Write(w, markdown)), "\n"
			}
		}
		return err
	}
	err := all(os.Stdout, false)
	if o.markdown == "" || err != nil {
		return err
	}
	f, err := os.Create(o.markdown)
	if err != nil {
		return err
	}
	return errors.Join(all(f, true), f.Close())
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
