package main

import (
	"context"
	"errors"
	"flag"
	"time"

	"github.com/thriftkit/thriftkit/hardening/soak"
)

func soakCommand(ctx context.Context, flags *flag.FlagSet, args []string) error {
	var o output
	o.registerMarkdown(flags)
	duration := flags.Duration("duration", 10*time.Minute, "how long")
	flags.Parse(args)
	r, err := soak.Run(ctx, soak.Options{Duration: *duration, Log: progress})
	if r == nil {
		return err
	}
	return errors.Join(err, o.write(r.Table()), r.Faults())
}
