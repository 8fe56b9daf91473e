package payload

import (
	"context"
	"sync/atomic"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/rpc"
)

// Passing is an interceptor that does nothing.
func Passing(next thriftkit.Handler) thriftkit.Handler {
	return func(ctx context.Context, call *thriftkit.Call) error { return next(ctx, call) }
}

// Counting is a listener that counts.
type Counting struct{ conns, calls atomic.Int64 }

// HandleConn implements [thriftkit.Stats].
func (c *Counting) HandleConn(rpc.ConnEvent) { c.conns.Add(1) }

// HandleCall implements [thriftkit.Stats].
func (c *Counting) HandleCall(context.Context, rpc.CallEvent) { c.calls.Add(1) }
