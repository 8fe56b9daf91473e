package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/capture/pcapfile"
	"github.com/thriftkit/thriftkit/internal/plural"
)

// live captures from an interface until ctx ends or full is set.
func (o *captureOptions) live(ctx context.Context, a *capture.Assembler, v *callView, full *error, errOut io.Writer) (err error) {
	l, err := capture.OpenLive(o.iface)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return usagef("live capture works on Linux only; elsewhere: tcpdump -i %s -U -w - | thriftkit capture -", o.iface)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("capturing from %s needs root or CAP_NET_RAW (%w); or: sudo tcpdump -i %[1]s -U -w - | thriftkit capture -", o.iface, err)
	case err != nil:
		return err
	}
	defer l.Close()
	var file *pcapfile.Writer
	if o.write != "" {
		f, err := os.Create(o.write)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		file = pcapfile.NewWriter(f, capture.LinkRaw)
	}
	fmt.Fprintf(errOut, "* capturing from %s; Ctrl-C ends\n", o.iface)
	ticked := time.Now()
	var dropped int64
	count := func() error {
		n, err := l.Dropped()
		if n > dropped {
			a.Dropped(n - dropped)
			if v.watched != nil {
				v.watched.dropped(n - dropped)
			}
			fmt.Fprintf(errOut, "* %s: dropped %s, which were not read in time\n", time.Now().Format(time.TimeOnly), plural.Of(n-dropped, "packet"))
			dropped = n
		}
		return err
	}
	for *full == nil && ctx.Err() == nil {
		p, err := l.Next()
		switch {
		case errors.Is(err, capture.ErrQuiet):
		case err != nil:
			return err
		default:
			a.Packet(p)
			if file != nil {
				if err := file.Write(p); err != nil {
					return err
				}
			}
		}
		if now := time.Now(); err != nil || now.Sub(ticked) > 100*time.Millisecond {
			ticked = now
			a.Tick(now)
			if err := count(); err != nil {
				return err
			}
			if err := v.out.Flush(); err != nil {
				return err
			}
		}
	}
	if err := count(); err != nil {
		return err
	}
	fmt.Fprintf(errOut, "* %d packets captured, %d dropped\n", a.Counters().Packets, dropped)
	return nil
}
