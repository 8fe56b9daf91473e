package rpc_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// leaves is a gate that notes how the calls ended that it let in.
type leaves struct{ list []string }

func (g *leaves) Admit(context.Context, *schema.Service, *schema.Method) (context.Context, rpc.Leave, error) {
	return nil, func(outcome rpc.Outcome, err error) {
		g.list = append(g.list, fmt.Sprintf("%s %v", outcome, err != nil))
	}, nil
}

// closed is a gate that lets nobody in.
type closed struct{}

func (closed) Admit(context.Context, *schema.Service, *schema.Method) (context.Context, rpc.Leave, error) {
	return nil, nil, rpc.Errorf(rpc.CodeOverloaded, "closed")
}

// TestLeave has what a gate learns of the end of a call.
func TestLeave(t *testing.T) {
	leaks(t)
	svc := load(t).Service("Test")
	for _, tt := range []struct {
		about, want string
		handle      rpc.Handler
		gates       []rpc.Gate
	}{
		{"a result", "executed false", func(_ context.Context, call *rpc.Call) error { return nil }, nil},
		{"an error", "executed true", func(context.Context, *rpc.Call) error { return rpc.Errorf(rpc.CodeInternal, "bad") }, nil},
		{"the end of its goroutine", "executed true", func(context.Context, *rpc.Call) error { runtime.Goexit(); return nil }, nil},
		{"refused by the next gate", "refused true", nil, []rpc.Gate{closed{}}},
	} {
		t.Run(tt.about, func(t *testing.T) {
			gate := new(leaves)
			s := rpc.NewServer(rpc.ServerOptions{Gates: append([]rpc.Gate{gate}, tt.gates...), Interceptors: []rpc.Interceptor{func(next rpc.Handler) rpc.Handler {
				return tt.handle
			}}})
			defer s.Close()
			if err := s.Register(svc, newHandler()); err != nil {
				t.Fatal(err)
			}
			c := rpc.NewClient(s.Handle, rpc.ClientOptions{})
			done := make(chan struct{})
			go func() { // which the handler may end
				defer close(done)
				rpc.Invoke[string](t.Context(), c, svc.Method("ping"))
			}()
			<-done
			if !slices.Equal(gate.list, []string{tt.want}) {
				t.Errorf("got %q, want %q", gate.list, tt.want)
			}
		})
	}
}
