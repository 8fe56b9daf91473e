package rpc

import (
	"context"
	"runtime/debug"

	"github.com/thriftkit/thriftkit/schema"
)

// A Gate decides whether a server begins a call, in every dialect: after the method is known, before MaxCalls, before the arguments are
// read and before interceptors. So a refused call costs little, was not begun, and counts as refused.
type Gate interface {
	// Admit returns nil to let the call in, or why it is refused: an *[Error] reaches the caller as it is, such as one with
	// CodePermissionDenied; any other as an internal error. svc is the service that was registered with the method, or a built-in one.
	//
	// The context that it returns is the call's from then on, also if the call is refused; nil leaves it as it is. leave is called
	// when the call has ended, if it was let in; nil is not. Admit is called by many goroutines at once. It may block.
	Admit(ctx context.Context, svc *schema.Service, m *schema.Method) (_ context.Context, leave Leave, err error)
}

// A Leave learns how a call ended that a [Gate] let in: outcome is OutcomeExecuted if its handler ran, and OutcomeRefused if it did not,
// since a later gate or MaxCalls refused it, its time was over or its arguments cannot be read. err says why, or is what the handler
// returned: nil also for an exception that the IDL declares.
type Leave func(outcome Outcome, err error)

// admit asks a gate. One that panics refuses the call.
func (in *incoming) admit(g Gate) (ctx context.Context, leave Leave, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{method: "the gate of " + in.m.method.String(), value: p, stack: debug.Stack()}
		}
	}()
	return g.Admit(in.ctx, in.m.svc, in.m.method)
}

// leaveGate tells a gate how the call ended. One that panics does not change that.
func (in *incoming) leaveGate(leave Leave, outcome Outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			in.s.report(in.ctx, in.m, &panicError{method: "the gate of " + in.m.method.String(), value: p, stack: debug.Stack()})
		}
	}()
	leave(outcome, err)
}

// pass asks the gates from the one with number i on, and runs the call if all let it in.
func (in *incoming) pass(i int) error {
	if i == len(in.s.opts.Gates) {
		return in.runAdmitted()
	}
	ctx, leave, err := in.admit(in.s.opts.Gates[i])
	if ctx != nil {
		in.ctx = ctx
	}
	if err != nil {
		in.stats.refused(in.ctx, err)
		return err
	}
	if leave == nil {
		return in.pass(i + 1)
	}
	err = errEnded // unless it returns
	defer func() {
		outcome := OutcomeRefused
		if in.ran {
			outcome = OutcomeExecuted
		}
		if err != nil {
			if i, _ := in.m.declared(err); i >= 0 {
				err = nil
			}
		}
		in.leaveGate(leave, outcome, err)
	}()
	err = in.pass(i + 1)
	return err
}
