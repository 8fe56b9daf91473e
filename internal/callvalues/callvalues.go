// Package callvalues gives the dialects of this project the values of a call where they lie in memory, for their walkers. Other programs
// have the methods of rpc.Call.
package callvalues

import (
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
)

var arguments, reply func(call any) (*plan.Type, mem.Pointer)

// Provide sets what Arguments and Reply return, and returns nothing of use. Package rpc, which alone knows what a call has, calls it in the
// declaration of a variable.
func Provide(argumentsOf, replyOf func(call any) (*plan.Type, mem.Pointer)) struct{} {
	arguments, reply = argumentsOf, replyOf
	return struct{}{}
}

// Arguments returns where the arguments of an *rpc.Call are, and their plan.
func Arguments(call any) (*plan.Type, mem.Pointer) { return arguments(call) }

// Reply returns where the reply of an *rpc.Call is, a struct of the result and the exceptions, and its plan.
func Reply(call any) (*plan.Type, mem.Pointer) { return reply(call) }
