package limit

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
)

// TestAdaptiveFailures has handlers that fail at once among those that work: the limit does not take them for quick ones. Calls that
// were refused after the queue say nothing at all.
func TestAdaptiveFailures(t *testing.T) {
	for _, tt := range []struct {
		about    string
		others   func(leave rpc.Leave)
		min, max int // of the limit
	}{
		{"none", nil, 4, 40},
		{"refused", func(leave rpc.Leave) { leave(rpc.OutcomeRefused, errTooMany) }, 4, 40},
		{"failed", func(leave rpc.Leave) { leave(rpc.OutcomeExecuted, errors.New("no database")) }, 4, 40},
	} {
		t.Run(tt.about, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q, err := NewQueue(QueueOptions{Adaptive: true})
				if err != nil {
					t.Fatal(err)
				}
				for range 2000 { // 8 at a time of 20 ms each, of which the limit is about 8 to 11
					var leaves []rpc.Leave
					for range 8 {
						if q.begin() {
							leaves = append(leaves, q.leave())
						}
					}
					for range 20 {
						if tt.others != nil && q.begin() {
							tt.others(q.leave())
						}
					}
					time.Sleep(20 * time.Millisecond)
					for _, leave := range leaves {
						leave(rpc.OutcomeExecuted, nil)
					}
				}
				if n := q.Stats().Limit; n < tt.min || n > tt.max {
					t.Errorf("the limit is %d, want %d to %d", n, tt.min, tt.max)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // nothing works: the limit falls
		q, err := NewQueue(QueueOptions{Adaptive: true})
		if err != nil {
			t.Fatal(err)
		}
		for range 2000 {
			if q.begin() {
				leave := q.leave()
				time.Sleep(time.Millisecond)
				leave(rpc.OutcomeExecuted, errors.New("no database"))
			}
		}
		if n := q.Stats().Limit; n != 4 {
			t.Errorf("the limit is %d, want the least, 4", n)
		}
	})
}
