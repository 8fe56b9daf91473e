package clientconn

import (
	"math/rand/v2"
	"testing"
)

// TestPendingTable compares the table with a map and a list, over ids that wrap and some calls that stay for
// long.
func TestPendingTable(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var table pendingTable
	var order []*Pending
	c := &Conn{}
	c.seq.Store(1<<30 - 500) // so that they wrap
	refused := 0
	for range 20_000 {
		switch f := (&Pending{}); {
		case len(order) < 3 || len(order) < 100 && random.IntN(2) == 0:
			for f.seq = c.nextSequenceID(); !table.add(f); f.seq = c.nextSequenceID() {
				refused++
			}
			if f.seq < 1<<30 {
				t.Fatalf("id %d", f.seq)
			}
			order = append(order, f)
		default:
			i := 1 + random.IntN(len(order)-1) // the first one stays
			f = order[i]
			if table.get(f.seq) != f {
				t.Fatalf("the call with id %d is not found", f.seq)
			}
			if random.IntN(4) == 0 {
				seq := f.seq
				table.abandon(f)
				if f = table.get(seq); f == nil || !f.abandoned {
					t.Fatal("an abandoned call has no place")
				}
			}
			table.remove(f)
			if table.get(f.seq) != nil {
				t.Fatal("a call that was removed is found")
			}
			order = append(order[:i], order[i+1:]...)
		}
		if table.n != len(order) || table.waiting != len(order) {
			t.Fatalf("%d calls, %d wait; want %d", table.n, table.waiting, len(order))
		}
		i := 0
		for f := table.first; f != nil; f, i = f.next, i+1 {
			if f != order[i] {
				t.Fatalf("call %d in the order is another", i)
			}
		}
	}
	if refused == 0 || len(table.slots) > 512 {
		t.Errorf("%d ids were refused, %d places: a call that stays must cost others an id at times, and no more", refused, len(table.slots))
	}
}
