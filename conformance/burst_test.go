package conformance

import (
	"sync"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
)

// burst makes n calls of sleep at once, with a client as it is by default, and returns how long all took.
func burst(t *testing.T, f *funcs, n int, ms int32) time.Duration {
	t.Helper()
	start := time.Now()
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			if err := f.Sleep(t.Context(), ms); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	return time.Since(start)
}

// TestBurst makes slow calls at the same time to servers most of which answer the calls of a connection one after the other: none may
// wait for the others. In a row they would take 10 s.
func TestBurst(t *testing.T) {
	const calls, ms, most = 20, 500, 7 * time.Second
	file := mustLoad(t)
	check := func(t *testing.T, target string) {
		_, f := dial(t, file, target, thriftkit.WithTimeout(patient))
		for _, what := range []string{"the method is new", "it was slow"} {
			if took := burst(t, f, calls, ms); took > most {
				t.Errorf("%s: %d calls of %d ms took %v", what, calls, ms, took)
			}
		}
		for i := range int32(200) { // another method, which is quick
			if got, err := f.EchoI32(t.Context(), i); got != i || err != nil {
				t.Fatalf("%d, %v", got, err)
			}
		}
		if took := burst(t, f, calls, ms); took > most {
			t.Errorf("after quick calls: %d calls of %d ms took %v", calls, ms, took)
		}
	}
	t.Run("thriftpy2", func(t *testing.T) {
		t.Parallel()
		w := route{"binary", "framed", "tcp", false}
		_, addr := servePython(t, w)
		check(t, w.target(addr))
	})
	for _, p := range peers() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			certs := certificates(t)
			c := cell{protocol: "binary", transport: "framed", socket: "tcp"}
			addr, has := p.serve(t, certs)[c.String()]
			if !has {
				t.Skip(p.why(c))
			}
			check(t, c.target(addr, certs))
		})
	}
}

// TestOneConnectionAtATime calls a server that accepts a connection when the one before has ended: all calls are answered,
// though each that comes while another runs has a connection of its own.
func TestOneConnectionAtATime(t *testing.T) {
	w := route{"binary", "framed", "tcp", false}
	_, addr := servePython(t, w, "--simple")
	_, f := dial(t, mustLoad(t), w.target(addr), thriftkit.WithTimeout(patient))
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			if err := f.Sleep(t.Context(), 50); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(10 * time.Millisecond)
	}
	group.Wait()
}
