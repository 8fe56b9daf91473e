package main

import (
	"context"
	"errors"
	"flag"
	"time"

	"github.com/thriftkit/thriftkit/hardening/overload"
)

func overloadCommand(ctx context.Context, flags *flag.FlagSet, args []string) error {
	var o output
	o.registerMarkdown(flags)
	duration := flags.Duration("duration", 10*time.Second, "how long each row takes")
	flags.Parse(args)
	r, err := overload.Run(ctx, overload.Options{Duration: *duration, Log: progress})
	if r == nil {
		return err
	}
	return errors.Join(err, o.write(r.Table()), r.Faults())
}
