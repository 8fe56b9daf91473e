// Package overload measures what a server gets done when more is asked of it than it can do, with and without a limit, over sockets.
package overload

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/govern/limit"
	"github.com/thriftkit/thriftkit/hardening/table"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
)

// Options say how long, and how much.
type Options struct {
	Duration time.Duration // of each row, of which the second half counts
	Log      func(format string, args ...any)

	listen func() (l net.Listener, dial func(context.Context) (net.Conn, error), err error) // nil: a port of this machine
}

// A server is a service whose handlers share a few slots, as those of a database, for 5 ms each: what it can do depends on them, not on the
// machine.
const (
	slots    = 8
	work     = 5 * time.Millisecond
	patience = time.Second // of clients
	conns    = 32
)

// A row is one measurement.
type row struct {
	limit             string
	load              float64 // as a multiple of the capacity
	offered, answered float64 // calls a second
	refused, late     float64 // likewise: refused, and given up by their clients
	p50, p99          time.Duration
}

// A Result has the rows.
type Result struct {
	capacity float64
	rows     []row
}

// Run measures.
func Run(ctx context.Context, opts Options) (*Result, error) {
	r := new(Result)
	var err error
	if r.capacity, err = opts.measureCapacity(ctx); err != nil {
		return nil, err
	}
	opts.Log("capacity: %.0f calls a second", r.capacity)
	for _, limits := range []struct {
		name string
		opts limit.QueueOptions
	}{
		{"none", limit.QueueOptions{}},
		{"16 in flight", limit.QueueOptions{InFlight: 16}},
		{"adaptive", limit.QueueOptions{Adaptive: true}},
	} {
		for _, load := range []float64{0.8, 2} {
			row, err := opts.measure(ctx, limits.opts, load*r.capacity)
			if err != nil {
				return r, err
			}
			row.limit, row.load = limits.name, load
			r.rows = append(r.rows, *row)
			opts.Log("limit %s, load %.1f: %.0f answers a second", row.limit, row.load, row.answered)
		}
	}
	return r, nil
}

// Table returns the rows.
func (r *Result) Table() *table.Table {
	t := &table.Table{Head: []string{"limit", "load", "calls/s", "answered/s", "of what is possible", "refused/s", "given up/s", "p50", "p99"}}
	for _, w := range r.rows {
		t.Add(w.limit, fmt.Sprintf("%.1f×", w.load), fmt.Sprintf("%.0f", w.offered), fmt.Sprintf("%.0f", w.answered),
			fmt.Sprintf("%.0f %%", 100*w.answered/min(w.offered, r.capacity)), fmt.Sprintf("%.0f", w.refused), fmt.Sprintf("%.0f", w.late),
			w.p50.Round(100*time.Microsecond), w.p99.Round(100*time.Microsecond))
	}
	return t
}

// Faults returns an error if a limit does not do what it is for.
func (r *Result) Faults() error {
	var errs []error
	for _, w := range r.rows {
		if w.limit != "none" && w.answered < 0.9*min(w.offered, r.capacity) {
			errs = append(errs, fmt.Errorf("limit %s, load %.1f: %.0f of %.0f calls a second are answered, less than nine tenths", w.limit, w.load, w.answered, r.capacity))
		}
	}
	return errors.Join(errs...)
}

type service struct{ free chan struct{} }

func (s service) Work(context.Context) error {
	s.free <- struct{}{}
	time.Sleep(work)
	<-s.free
	return nil
}

// serve starts a server and connects clients to it.
func (o Options) serve(ctx context.Context, opts limit.QueueOptions) (clients []*rpc.Client, m *schema.Method, stop func(), err error) {
	svc := &schema.Service{Name: "Service", Methods: []*schema.Method{{Name: "work", Result: schema.Base(schema.KindVoid), Args: &schema.Struct{Name: "work_args"}}}}
	if err := schema.Link(&schema.File{Path: "service.thrift", Services: []*schema.Service{svc}}); err != nil {
		return nil, nil, nil, err
	}
	var gates []rpc.Gate
	if opts.InFlight > 0 || opts.Adaptive {
		q, err := limit.NewQueue(opts)
		if err != nil {
			return nil, nil, nil, err
		}
		gates = append(gates, q)
	}
	s := rpc.NewServer(rpc.ServerOptions{Gates: gates})
	if err := s.Register(svc, service{make(chan struct{}, slots)}); err != nil {
		return nil, nil, nil, err
	}
	client := rpc.ClientOptions{}
	var l net.Listener
	if o.listen == nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	} else {
		var dial func(context.Context) (net.Conn, error)
		l, dial, err = o.listen()
		client.Dialer = func(ctx context.Context, _ transport.Target, _ *tls.Config) (net.Conn, error) { return dial(ctx) }
	}
	if err != nil {
		return nil, nil, nil, err
	}
	go s.Serve(l)
	stop = func() {
		for _, c := range clients {
			c.Close()
		}
		s.Close()
	}
	for range conns {
		c, err := rpc.Dial(ctx, "tcp://"+l.Addr().String()+"?transport=header", client)
		if err != nil {
			stop()
			return nil, nil, nil, err
		}
		clients = append(clients, c)
	}
	return clients, svc.Methods[0], stop, nil
}

// measureCapacity returns how many calls a second are answered when just enough are under way.
func (o Options) measureCapacity(ctx context.Context) (float64, error) {
	clients, m, stop, err := o.serve(ctx, limit.QueueOptions{})
	if err != nil {
		return 0, err
	}
	defer stop()
	var n atomic.Int64
	var wg sync.WaitGroup
	const atLeast = 3 * time.Second
	start := time.Now()
	for i := range 2 * slots {
		wg.Go(func() {
			for time.Since(start) < atLeast && ctx.Err() == nil {
				if _, err := rpc.Invoke[any](ctx, clients[i%len(clients)], m); err == nil {
					n.Add(1)
				}
			}
		})
	}
	wg.Wait()
	return float64(n.Load()) / time.Since(start).Seconds(), ctx.Err()
}

// measure makes calls at a rate, however they end.
func (o Options) measure(ctx context.Context, opts limit.QueueOptions, rate float64) (*row, error) {
	duration := o.Duration
	clients, m, stop, err := o.serve(ctx, opts)
	if err != nil {
		return nil, err
	}
	defer stop()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var took []time.Duration
	w := new(row)
	seconds := (duration / 2).Seconds()
	random := rand.New(rand.NewPCG(1, 2))
	start := time.Now()
	for due := time.Duration(0); due < duration && ctx.Err() == nil; due += time.Duration(random.ExpFloat64() / rate * float64(time.Second)) {
		time.Sleep(time.Until(start.Add(due)))
		counts, at, client := due >= duration/2, start.Add(due), clients[random.IntN(len(clients))]
		wg.Go(func() {
			ctx, cancel := context.WithDeadline(ctx, at.Add(patience))
			defer cancel()
			_, err := rpc.Invoke[any](ctx, client, m)
			if !counts {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			var e *rpc.Error
			w.offered += 1 / seconds
			switch {
			case err == nil:
				w.answered += 1 / seconds
				took = append(took, time.Since(at))
			case errors.As(err, &e) && e.Code == rpc.CodeOverloaded:
				w.refused += 1 / seconds
			default:
				w.late += 1 / seconds
			}
		})
	}
	wg.Wait()
	if slices.Sort(took); len(took) > 0 {
		w.p50, w.p99 = took[len(took)/2], took[len(took)*99/100]
	}
	return w, ctx.Err()
}
