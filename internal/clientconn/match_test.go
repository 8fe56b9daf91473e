package clientconn

import (
	"reflect"
	"testing"

	"github.com/thriftkit/thriftkit/wire"
)

// TestMatch has three calls pending, 0, 1 and 2, and gives replies to those that they match; -1 is no
// match, which ends the connection. An id is that of a call, or one that no call has.
func TestMatch(t *testing.T) {
	const base, damaged = 1<<30 + 1, 7
	for _, tt := range []struct {
		what string
		ids  []int32
		want []int
	}{
		{"in order", []int32{base, base + 1, base + 2}, []int{0, 1, 2}},
		{"out of order", []int32{base + 2, base, base + 1}, []int{2, 0, 1}},
		{"a server that repeats no ids", []int32{0, 0, 0}, []int{0, 1, 2}},
		{"a server that counts by itself", []int32{1, 2, 3}, []int{0, 1, 2}},
		{"a damaged id after a good one", []int32{base, damaged}, []int{0, -1}},
		{"a damaged id first, then in order", []int32{damaged, base + 1, base + 2}, []int{0, 1, 2}},
		{"a damaged id first, then out of order", []int32{damaged, base + 2}, []int{0, -1}},
		{"two damaged ids, a good one between", []int32{damaged, base + 1, damaged}, []int{0, 1, -1}},
	} {
		c := newTestConn(nil)
		c.seq.Store(3)
		var calls []*Pending
		for i := range int32(3) {
			calls = append(calls, &Pending{seq: base + i})
			c.pending.add(calls[i])
		}
		var got []int
		for _, id := range tt.ids {
			x := c.matchLocked(wire.Header{Type: wire.Reply, SeqID: id})
			n := -1
			for i, f := range calls {
				if f == x {
					n = i
				}
			}
			if got = append(got, n); x != nil {
				c.pending.remove(x)
			}
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.what, got, tt.want)
		}
	}
}
