package main

import (
	"context"
	"errors"
	"flag"

	"github.com/thriftkit/thriftkit/hardening/faults"
)

func faultsCommand(ctx context.Context, flags *flag.FlagSet, args []string) error {
	var o output
	o.register(flags)
	flags.Parse(args)
	only, err := o.chosen()
	if err != nil {
		return err
	}
	results, err := faults.Run(ctx, faults.Options{Short: o.short, Only: only, Log: progress})
	if err != nil {
		return err
	}
	fleets, err := faults.RunFleet(ctx, faults.Options{Short: o.short, Only: only, Log: progress})
	errs := []error{err, o.write(faults.Table(results), faults.FleetTable(fleets))}
	for _, r := range results {
		errs = append(errs, r.Faults())
	}
	for _, r := range fleets {
		errs = append(errs, r.Faults())
	}
	return errors.Join(errs...)
}
