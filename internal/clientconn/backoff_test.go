package clientconn

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b backoff
		f := &Pending{ctx: t.Context()}
		cause := errors.New("refused")
		for i, base := range []time.Duration{0, 10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000} {
			base *= time.Millisecond
			b.dialled(f, cause)
			wait := time.Until(b.until)
			if i == 0 {
				if b.err(time.Now()) != nil {
					t.Error("after the first failure there is a wait")
				}
				continue
			}
			if wait < base/2 || wait >= base*3/2 {
				t.Errorf("after %d failures it waits %v, want about %v", i+1, wait, base)
			}
			if err := b.err(time.Now()); !errors.Is(err, cause) {
				t.Errorf("%v", err)
			}
			time.Sleep(wait)
			if err := b.err(time.Now()); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		}
		b.dialled(f, nil)
		if b != (backoff{}) {
			t.Errorf("a connection leaves %+v", b)
		}
		// A dialer may notice the deadline of a context before the context does.
		for _, own := range []bool{true, false} {
			f.own, f.deadline = own, time.Now()
			b.dialled(f, os.ErrDeadlineExceeded)
			if b.failures != 0 {
				t.Errorf("own %v: a call that gave up counts", own)
			}
		}
		f.deadline = time.Now().Add(time.Second)
		for _, cause := range []error{os.ErrDeadlineExceeded, context.DeadlineExceeded} {
			b = backoff{}
			b.dialled(f, cause)
			b.dialled(f, cause)
			if err := b.err(time.Now()); err == nil || errors.Is(err, cause) || !strings.Contains(err.Error(), cause.Error()) {
				t.Errorf("a call that is refused for a dial that timed out: %v", err)
			}
		}
	})
}
