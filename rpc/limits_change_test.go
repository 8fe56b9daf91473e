package rpc

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestSetLimits changes the bounds of a server that has as many calls as it may, and one that waits.
func TestSetLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(ServerOptions{MaxCalls: 2, QueueTimeout: time.Minute})
		defer s.Close()
		for range 2 {
			s.limiter.acquire(t.Context())
		}
		waited := make(chan bool)
		go func() {
			ok, _ := s.limiter.acquire(t.Context())
			waited <- ok
		}()
		synctest.Wait()
		start := time.Now()
		l := s.Limits()
		l.MaxCalls = 3
		if err := s.SetLimits(l); err != nil || !<-waited || time.Since(start) != 0 {
			t.Errorf("%v; the third call waited for %v", err, time.Since(start))
		}
		l.MaxCalls, l.QueueTimeout = 1, time.Second
		s.SetLimits(l)
		s.limiter.release() // of the three, which are above the new bound, two are left
		if ok, _ := s.limiter.acquire(t.Context()); ok || time.Since(start) != time.Second {
			t.Errorf("a call above the lower bound: %v, after %v", ok, time.Since(start))
		}
		l.MaxCalls = -1
		s.SetLimits(l)
		for range 10 {
			if ok, _ := s.limiter.acquire(t.Context()); !ok {
				t.Error("there is a bound")
			}
		}
		if got := s.Options(); got.MaxCalls != -1 || got.QueueTimeout != time.Second || s.limiter.n.Load() != 12 {
			t.Errorf("%d calls, %v; %d run", got.MaxCalls, got.QueueTimeout, s.limiter.n.Load())
		}
		for _, bad := range []Limits{{QueueTimeout: -1, MaxBufferedBytes: l.MaxBufferedBytes}, {MaxBufferedBytes: -1}, {}} {
			if s.SetLimits(bad) == nil || s.Limits() != l {
				t.Errorf("%+v is accepted", bad)
			}
		}
	})
}
