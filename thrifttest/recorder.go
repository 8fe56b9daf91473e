package thrifttest

import (
	"context"
	"sync"

	"github.com/thriftkit/thriftkit/rpc"
)

// A Recorder is a listener for [thriftkit.WithStats] that keeps what it hears. The zero value is ready;
// it is safe for concurrent use. It does not keep contexts.
//
//	var heard thrifttest.Recorder
//	s := thrifttest.NewServer(t, svc, handler, thriftkit.WithStats(&heard))
//	…
//	for _, e := range heard.Calls() {
//		t.Log(e.Kind, e.Name, e.Err)
//	}
type Recorder struct {
	mu    sync.Mutex
	conns []rpc.ConnEvent
	calls []rpc.CallEvent
	heard chan struct{} // closed at the next event
}

// HandleConn implements [rpc.Stats].
func (r *Recorder) HandleConn(e rpc.ConnEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns = append(r.conns, e)
	r.wakeLocked()
}

// HandleCall implements [rpc.Stats].
func (r *Recorder) HandleCall(_ context.Context, e rpc.CallEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.Values = nil // they are gone when this returns
	r.calls = append(r.calls, e)
	r.wakeLocked()
}

func (r *Recorder) wakeLocked() {
	if r.heard != nil {
		close(r.heard)
		r.heard = nil
	}
}

// Conns returns the connection events so far, in their order.
func (r *Recorder) Conns() []rpc.ConnEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]rpc.ConnEvent(nil), r.conns...)
}

// Calls returns the call events so far, in their order.
func (r *Recorder) Calls() []rpc.CallEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]rpc.CallEvent(nil), r.calls...)
}

// Wait waits until done, which may use the other methods, returns true: it is asked now and after each
// event. The error is ctx's.
func (r *Recorder) Wait(ctx context.Context, done func() bool) error {
	for {
		r.mu.Lock()
		if r.heard == nil {
			r.heard = make(chan struct{})
		}
		heard := r.heard
		r.mu.Unlock()
		if done() {
			return nil
		}
		select {
		case <-heard:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
