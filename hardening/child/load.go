package child

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/conformance"
)

// A Load is correct clients in a child, which call ping at a steady rate and measure.
type Load struct{ *Process }

// StartLoad starts clients of the server at target, which make so many calls a second together.
func StartLoad(target string, rate int) (*Load, error) {
	cmd, err := role("load", nil, "-target", target, "-rate", fmt.Sprint(rate))
	if err != nil {
		return nil, err
	}
	p, err := Start(cmd)
	if err != nil {
		return nil, err
	}
	if _, err := p.Line(time.Minute); err != nil {
		p.Kill()
		return nil, err
	}
	return &Load{p}, nil
}

// A Report is how calls went since the report before.
type Report struct {
	Calls, Errors int
	Error         string        // one of them
	P50, P99, Max time.Duration // of the calls that were answered, from when they were due
}

// Report asks, and begins a new period.
func (l *Load) Report() (Report, error) {
	var r Report
	err := l.ask("report", time.Minute, &r)
	return r, err
}

// period collects what a Report says.
type period struct {
	mu    sync.Mutex
	took  []time.Duration
	fails int
	err   error
}

func (p *period) add(took time.Duration, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.fails++
		p.err = err
		return
	}
	p.took = append(p.took, took)
}

func (p *period) report() Report {
	p.mu.Lock()
	took, fails, err := p.took, p.fails, p.err
	p.took, p.fails, p.err = nil, 0, nil
	p.mu.Unlock()
	slices.Sort(took)
	r := Report{Calls: len(took) + fails, Errors: fails}
	if err != nil {
		r.Error = err.Error()
	}
	if n := len(took); n > 0 {
		r.P50, r.P99, r.Max = took[n/2], took[n*99/100], took[n-1]
	}
	return r
}

// clients is how many connections correct clients have.
const clients = 4

// load is the role load.
func load(args []string) error {
	flags := flag.NewFlagSet("load", flag.ExitOnError)
	target := flags.String("target", "", "")
	rate := flags.Int("rate", 400, "")
	flags.Parse(args)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var p period
	var wg sync.WaitGroup
	for range clients {
		call, hangUp, err := caller(ctx, *target)
		if err != nil {
			return err
		}
		defer hangUp()
		wg.Go(func() { steady(ctx, time.Second*clients/time.Duration(*rate), &p, call) })
	}
	fmt.Println("READY")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		b, err := json.Marshal(p.report())
		if err != nil {
			return err
		}
		fmt.Println(string(b))
	}
	cancel()
	wg.Wait()
	return nil
}

// caller returns what makes one call of the server at target.
func caller(ctx context.Context, target string) (call func() error, hangUp func(), err error) {
	if addr, ok := strings.CutPrefix(target, "rpcx://"); ok {
		return rpcxCaller(addr)
	}
	file, err := conformance.Load()
	if err != nil {
		return nil, nil, err
	}
	c, err := thriftkit.Dial(ctx, target, thriftkit.WithTimeout(callTimeout), thriftkit.WithMaxConns(1))
	if err != nil {
		return nil, nil, err
	}
	m := file.Service("Conformance").Method("ping")
	return func() error {
		got, err := thriftkit.Invoke[string](ctx, c, m)
		if err == nil && got != "pong" {
			err = fmt.Errorf("ping answers %q", got)
		}
		return err
	}, func() { c.Close() }, nil
}

const callTimeout = 5 * time.Second

// steady makes a call each interval until ctx ends. A call that is late because the one before it took long counts
// from when it was due.
func steady(ctx context.Context, interval time.Duration, p *period, call func() error) {
	due := time.Now()
	for {
		due = due.Add(interval)
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			return
		}
		err := call()
		if ctx.Err() != nil {
			return
		}
		p.add(time.Since(due), err)
	}
}
