package rpc

import (
	"context"

	"github.com/thriftkit/thriftkit/schema"
)

// A Gate decides whether a server begins a call, in every dialect: after the method is known, before MaxCalls, before the arguments are
// read and before interceptors. So a refused call costs little, was not begun, and counts as refused.
type Gate interface {
	// Admit returns nil to let the call in, or why it is refused: an *[Error] reaches the caller as it is, such as one with
	// CodePermissionDenied; any other as an internal error. svc is the service that was registered with the method, or a built-in one.
	//
	// The context that it returns is the call's from then on, also if the call is refused; nil leaves it as it is. leave is called
	// when the handler has returned, if the call was let in; nil is not. Admit is called by many goroutines at once. It may block.
	Admit(ctx context.Context, svc *schema.Service, m *schema.Method) (_ context.Context, leave func(), err error)
}

// pass asks the gates from the one with number i on, and runs the call if all let it in.
func (in *incoming) pass(i int) error {
	if i == len(in.s.opts.Gates) {
		return in.runAdmitted()
	}
	ctx, leave, err := in.s.opts.Gates[i].Admit(in.ctx, in.m.svc, in.m.method)
	if ctx != nil {
		in.ctx = ctx
	}
	if err != nil {
		in.stats.refused(in.ctx, err)
		return err
	}
	if leave != nil {
		defer leave() // also when the handler ends its goroutine
	}
	return in.pass(i + 1)
}
