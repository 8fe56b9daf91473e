package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/thriftkit/thriftkit/hardening/attack"
	"github.com/thriftkit/thriftkit/hardening/child"
)

func attackCommand(ctx context.Context, flags *flag.FlagSet, args []string) error {
	var o output
	o.register(flags)
	peers := flags.Bool("peers", false, "attack the servers of other libraries too, which scripts/peers.sh sets up")
	target := flags.String("target", "", "attack the server at `HOST:PORT` of this machine, which serves conformance.thrift")
	dialects := flags.String("dialects", "binary/framed", "what -target speaks, a `list` with commas")
	pid := flags.Int("pid", 0, "the process of -target, whose memory is measured")
	conns := flags.Int("connections", 0, "`how many` connections \"connect and close\" makes; 0: as many as there is time for")
	flags.Parse(args)
	only, err := o.chosen()
	if err != nil {
		return err
	}
	opts := attack.Options{Conns: *conns, Short: o.short, Only: only, Log: progress}
	switch {
	case *target != "":
		t, err := external(*target, *dialects, *pid)
		if err != nil {
			return err
		}
		results, err := attack.Run(ctx, t, opts)
		return errors.Join(err, o.write(attack.Table(results)))
	case *peers:
		return comparePeers(ctx, &o, opts)
	}
	results, err := attackOurs(ctx, opts)
	return errors.Join(err, o.write(attack.Table(results)), wrong(results))
}

// wrong joins what is wrong with the results.
func wrong(results []attack.Result) error {
	var errs []error
	for _, r := range results {
		errs = append(errs, r.Faults())
	}
	return errors.Join(errs...)
}

func attackOurs(ctx context.Context, opts attack.Options) ([]attack.Result, error) {
	certs, err := os.MkdirTemp("", "hardening")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(certs)
	if err := child.Certificates(certs); err != nil {
		return nil, err
	}
	t, stop, err := attack.Thriftkit(certs)
	if err != nil {
		return nil, err
	}
	results, err := attack.Run(ctx, t, opts)
	if err == nil {
		err = stop()
	}
	if err != nil {
		return results, err
	}
	replies, err := attack.Clients(ctx, opts)
	return append(results, replies...), err
}

// external is a server that somebody else started.
func external(addr, dialects string, pid int) (*attack.Target, error) {
	t := &attack.Target{Name: addr, Addr: addr, Addrs: make(map[attack.Dialect]string)}
	for _, name := range strings.Split(dialects, ",") {
		d, err := attack.ParseDialect(name)
		if err != nil {
			return nil, err
		}
		t.Addrs[d] = addr
		if t.Call == "" {
			t.Call = d.Target(addr)
		}
	}
	if pid != 0 {
		t.Process = child.Attach(pid)
	}
	return t, nil
}

// comparePeers attacks ours and theirs, each library's server with its own defaults.
func comparePeers(ctx context.Context, o *output, opts attack.Options) error {
	results := make(map[string][]attack.Result)
	names := []string{"thriftkit"}
	var err error
	if results["thriftkit"], err = attackOurs(ctx, opts); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "hardening")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := child.Certificates(dir); err != nil {
		return err
	}
	args := []string{"server", "--tls", dir, "--unix", "{new}"}
	for _, p := range []struct {
		variable string
		attack.Peer
	}{
		{"THRIFTKIT_APACHEGO", attack.Peer{Name: "Apache Thrift for Go", Args: args}},
		{"THRIFTKIT_KITEX", attack.Peer{Name: "Kitex", Args: args}},
		{"THRIFTKIT_RPCX", attack.Peer{Name: "rpcx", RPCX: true}},
	} {
		place := os.Getenv(p.variable)
		if place == "" {
			return fmt.Errorf("%s is not set: scripts/peers.sh sets the peers up", p.variable)
		}
		p.Program, p.Dir = place+"/peer", dir
		t, err := p.Target()
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		progress("%s", p.Name)
		names = append(names, p.Name)
		if results[p.Name], err = attack.Run(ctx, t, opts); err != nil {
			progress("%s: %v", p.Name, err)
		}
		t.Process.Kill()
	}
	return errors.Join(o.write(attack.Compare(names, results)), wrong(results["thriftkit"]))
}
