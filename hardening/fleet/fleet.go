// Package fleet simulates clients of many instances, in virtual time: those of package govern, and the algorithms of other frameworks.
// Instances and network are simulated; of our client, what balances, ejects and retries is the code that runs in programs.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/hardening/table"
	"github.com/thriftkit/thriftkit/schema"
)

// Options say how much is simulated.
type Options struct {
	Sizes []int // numbers of instances
	Seed  uint64
	Only  func(scenario, policy string) bool // nil: all
	Log   func(format string, args ...any)
}

// A Row is what became of the calls of all clients with one policy.
type Row struct {
	Scenario, Policy string
	Instances        int

	Calls, Failed int
	P50, P99      time.Duration // of calls that were answered
	Load          float64       // attempts at the busiest instance, as a multiple of the mean
	Amplification float64       // attempts that were sent, for each call
	Twice         int           // calls that were executed more than once
}

// theMethod is not idempotent.
var theMethod = func() *schema.Method {
	svc := &schema.Service{Name: "Service", Methods: []*schema.Method{{Name: "work", Result: schema.Base(schema.KindVoid), Args: &schema.Struct{Name: "work_args"}}}}
	if err := schema.Link(&schema.File{Path: "service.thrift", Services: []*schema.Service{svc}}); err != nil {
		panic(err)
	}
	return svc.Methods[0]
}()

// Run simulates all scenarios with all policies. It is for the goroutine of a test: virtual time belongs to package testing.
func Run(t *testing.T, o Options) (rows []Row) {
	var mu sync.Mutex
	t.Run("fleet", func(t *testing.T) {
		for si, s := range scenarios() {
			for pi, p := range policies() {
				if o.Only != nil && !o.Only(s.name, p.name) {
					continue
				}
				for ni, n := range o.Sizes {
					at := len(rows)
					rows = append(rows, Row{})
					t.Run(fmt.Sprint(si, pi, ni), func(t *testing.T) {
						t.Parallel()
						r := once(t, s, p, n, o.Seed)
						mu.Lock()
						defer mu.Unlock()
						rows[at] = r
						if o.Log != nil {
							o.Log("%+v", r)
						}
					})
				}
			}
		}
	})
	return rows
}

// once simulates one scenario with one policy.
func once(t *testing.T, s scenario, p policy, n int, seed uint64) (r Row) {
	synctest.Test(t, func(*testing.T) { r = simulate(s, p, n, seed) })
	return r
}

func simulate(s scenario, p policy, n int, seed uint64) Row {
	w := newWorld(n, seed)
	s.set(w)
	var all []client
	for i := range clients {
		all = append(all, p.open(w, i, rand.New(rand.NewPCG(seed, uint64(100+i)))))
	}
	synctest.Wait() // they have the list
	r := Row{Scenario: s.name, Policy: p.name, Instances: n}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var took []time.Duration
	arrivals := rand.New(rand.NewPCG(seed, 1))
	for due := time.Duration(0); ; {
		due += time.Duration(arrivals.ExpFloat64() / float64(n*rate) * float64(time.Second))
		if due >= loadEnds {
			break
		}
		due = w.instant(due)
		w.until(due)
		c := &call{Context: context.Background(), number: len(w.executed), counts: due >= faultBegins, until: w.begin.Add(w.instant(due + timeout))}
		by := all[arrivals.IntN(clients)]
		w.mu.Lock()
		w.executed = append(w.executed, 0)
		w.mu.Unlock()
		wg.Go(func() {
			err := by.call(c)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case !c.counts:
				return
			case err == nil:
				took = append(took, w.now()-due)
			default:
				r.Failed++
			}
			r.Calls++
		})
	}
	wg.Wait()
	for _, c := range all {
		c.close()
	}
	if slices.Sort(took); len(took) > 0 {
		r.P50, r.P99 = took[len(took)/2], took[len(took)*99/100]
	}
	most := 0
	for _, i := range w.instances {
		most = max(most, i.sent)
	}
	r.Load = float64(most) * float64(n) / float64(w.sent)
	r.Amplification = float64(w.sent) / float64(r.Calls)
	for _, times := range w.executed {
		if times > 1 {
			r.Twice++
		}
	}
	return r
}

// Faults returns an error if our client does what it must not, whatever happens.
func Faults(rows []Row) error {
	var errs []error
	for _, r := range rows {
		switch {
		case !strings.HasPrefix(r.Policy, "thriftkit"):
		case r.Twice > 0:
			errs = append(errs, fmt.Errorf("%s, %d instances: %d calls were executed twice", r.Scenario, r.Instances, r.Twice))
		case r.Amplification > 1.2:
			errs = append(errs, fmt.Errorf("%s, %d instances: %.2f attempts for each call", r.Scenario, r.Instances, r.Amplification))
		}
	}
	return errors.Join(errs...)
}

// Table returns the rows as a table: those that differ in the number of instances alone as one, with their figures side by side.
func Table(rows []Row) *table.Table {
	t := &table.Table{Head: []string{"scenario", "policy", "p50, ms", "p99, ms", "most / mean load", "attempts per call", "executed twice", "failed, %"}}
	for len(rows) > 0 {
		same := 1
		for same < len(rows) && rows[same].Scenario == rows[0].Scenario && rows[same].Policy == rows[0].Policy {
			same++
		}
		cell := func(f func(Row) string) string {
			var cells []string
			for _, r := range rows[:same] {
				cells = append(cells, f(r))
			}
			return strings.Join(cells, " · ")
		}
		ms := func(d time.Duration) string {
			if d == 0 {
				return "-" // none was answered
			}
			return fmt.Sprint(d.Round(time.Millisecond).Milliseconds())
		}
		t.Add(rows[0].Scenario, rows[0].Policy,
			cell(func(r Row) string { return ms(r.P50) }), cell(func(r Row) string { return ms(r.P99) }),
			cell(func(r Row) string { return fmt.Sprintf("%.2f", r.Load) }), cell(func(r Row) string { return fmt.Sprintf("%.3f", r.Amplification) }),
			cell(func(r Row) string { return fmt.Sprint(r.Twice) }), cell(func(r Row) string { return fmt.Sprintf("%.2f", 100*float64(r.Failed)/float64(r.Calls)) }))
		rows = rows[same:]
	}
	return t
}
