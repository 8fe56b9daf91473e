package overload

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/internal/memnet"
)

// TestOverload measures in virtual time: with a limit nine tenths of what is possible are answered at twice the capacity, and without one
// almost nothing.
func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := Run(t.Context(), Options{Duration: 2 * time.Second, Log: t.Logf, listen: func() (net.Listener, func(context.Context) (net.Conn, error), error) {
			l := memnet.Listen()
			return named{l}, l.Dial, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		if want := slots / work.Seconds(); r.capacity < 0.99*want || r.capacity > 1.01*want {
			t.Errorf("the capacity is %.0f calls a second, want %.0f", r.capacity, want)
		}
		if err := r.Faults(); err != nil {
			t.Error(err)
		}
		if len(r.rows) != 6 {
			t.Fatalf("%d rows", len(r.rows))
		}
		for _, w := range r.rows {
			switch {
			case w.limit == "none" && w.load > 1 && w.answered > 0.1*r.capacity:
				t.Errorf("without a limit %.0f calls a second are answered", w.answered)
			case w.limit != "none" && w.load > 1 && w.refused < 0.8*r.capacity:
				t.Errorf("limit %s refuses %.0f calls a second, want about %.0f", w.limit, w.refused, r.capacity)
			case w.load < 1 && w.refused+w.late > 0.1*w.offered:
				t.Errorf("limit %s, load %.1f: %.0f refused, %.0f given up", w.limit, w.load, w.refused, w.late)
			}
		}
	})
}

// named is a listener with an address in the form of TCP's.
type named struct{ net.Listener }

func (named) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
