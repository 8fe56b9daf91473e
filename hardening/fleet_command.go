package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/hardening/fleet"
)

// fleetCommand exits by itself: virtual time belongs to package testing, whose Main does.
func fleetCommand(_ context.Context, flags *flag.FlagSet, args []string) error {
	var o output
	o.registerMarkdown(flags)
	flags.StringVar(&o.only, "run", "", "only rows whose scenario and policy match the regular `expression`")
	sizes := flags.String("instances", "10,100,1000", "the numbers of instances")
	seed := flags.Uint64("seed", 1, "of the random numbers")
	flags.Parse(args)
	opts := fleet.Options{Seed: *seed, Log: progress}
	for text := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 10 {
			return fmt.Errorf("-instances: got %q, want numbers of 10 or more", text)
		}
		opts.Sizes = append(opts.Sizes, n)
	}
	only, err := o.chosen()
	if err != nil {
		return err
	}
	if only != nil {
		opts.Only = func(scenario, policy string) bool { return only(scenario + ", " + policy) }
	}
	all := func(string, string) (bool, error) { return true, nil }
	testing.Main(all, []testing.InternalTest{{Name: "fleet", F: func(t *testing.T) {
		rows := fleet.Run(t, opts)
		if err := errors.Join(o.write(fleet.Table(rows)), fleet.Faults(rows)); err != nil {
			t.Error(err)
		}
	}}}, nil, nil)
	return nil
}
