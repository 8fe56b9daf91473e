package rpc_test

import (
	"cmp"
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

// A trap is a gate that panics.
type trap struct{ atEnd bool }

func (g trap) Admit(context.Context, *schema.Service, *schema.Method) (context.Context, rpc.Leave, error) {
	if !g.atEnd {
		panic("as it is")
	}
	return nil, func(rpc.Outcome, error) { panic("as it is") }, nil
}

// TestContained has what is around handlers panic: one call fails, the server goes on, in every dialect and within the process.
func TestContained(t *testing.T) {
	leaks(t)
	svc := load(t).Service("Test")
	broken := func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, call *rpc.Call) error {
			if call.Method.Name == "echo" {
				panic("as it is")
			}
			return next(ctx, call)
		}
	}
	for _, tt := range []struct {
		about string
		opts  rpc.ServerOptions
		err   string // of echo
	}{
		{"an interceptor", rpc.ServerOptions{Interceptors: []rpc.Interceptor{broken}}, "Test.echo: internal error (from the server)"},
		{"a gate", rpc.ServerOptions{Gates: []rpc.Gate{trap{}}}, "Test.echo: internal error (from the server)"},
		{"a gate at the end", rpc.ServerOptions{Gates: []rpc.Gate{trap{atEnd: true}}}, ""},
	} {
		t.Run(tt.about, func(t *testing.T) {
			var log errorLog
			tt.opts.ErrorLog = log.add
			l := listenTCP(t)
			s, _ := serve(t, l, newHandler(), tt.opts)
			clients := map[string]*rpc.Client{"in the process": rpc.NewClient(s.Handle, rpc.ClientOptions{})}
			for _, query := range []string{"tcp://%s", "tcp://%s?transport=framed&protocol=compact", "tcp://%s?transport=ttheader", "http://%s/"} {
				clients[query] = dial(t, fmt.Sprintf(query, l.Addr()), rpc.ClientOptions{})
			}
			for name, c := range clients {
				for range 2 {
					_, err := rpc.Invoke[string](t.Context(), c, svc.Method("echo"), "x")
					if text := fmt.Sprint(err); text != cmp.Or(tt.err, "<nil>") {
						t.Errorf("%s: %s, want %s", name, text, tt.err)
					}
				}
				_, err := rpc.Invoke[string](t.Context(), c, svc.Method("ping"))
				if refused := len(tt.opts.Gates) > 0 && tt.err != ""; (err != nil) != refused {
					t.Errorf("%s: ping: %v", name, err)
				}
			}
			log.waitFor(t, "as it is")
			log.waitFor(t, "gate_test.go") // the stack
		})
	}
}
