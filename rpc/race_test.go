//go:build race

package rpc_test

import (
	"context"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/callvalues"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// raced says that the race detector is on, which makes pools forget at times.
const raced = true

// TestCallTooLate uses the Call of a server, and that of a client, after its handler returned: with
// the race detector, that panics.
func TestCallTooLate(t *testing.T) {
	svc := retryService(t)
	dynamicHandler := rpc.DynamicHandler(func(context.Context, *schema.Method, *dynamic.Struct) (any, error) { return "name 1", nil })
	for _, test := range []struct {
		side, face string
		handler    any
	}{
		{"server", "bound", &turnstile{turns: []string{"ok"}}},
		{"server", "bound", dynamicHandler},
		{"client", "bound", &turnstile{turns: []string{"ok"}}},
		{"client", "generated", &turnstile{turns: []string{"ok"}}},
		{"client", "dynamic", &turnstile{turns: []string{"ok"}}},
		{"client", "any", &turnstile{turns: []string{"ok"}}},
	} {
		var kept *rpc.Call
		keep := func(next rpc.Handler) rpc.Handler {
			return func(ctx context.Context, call *rpc.Call) error {
				kept = call
				return next(ctx, call)
			}
		}
		var so rpc.ServerOptions
		var co rpc.ClientOptions
		if test.side == "server" {
			so.Interceptors = []rpc.Interceptor{keep}
		} else {
			co.Interceptors = []rpc.Interceptor{keep}
		}
		s := rpc.NewServer(so)
		if err := s.Register(svc, test.handler); err != nil {
			t.Fatal(err)
		}
		l := listen(t)
		go s.Serve(l)
		c := dial(t, l.Addr().String(), co)
		if got := faces(t, c, svc)["name"][test.face](); got != "name 1" {
			t.Fatalf("%s, %s: %q", test.side, test.face, got)
		}
		c.Close()
		if err := s.Shutdown(t.Context()); err != nil { // which waits for the server's end of the call
			t.Fatal(err)
		}
		for what, use := range map[string]func(){
			"Arg":       func() { kept.Arg(0) },
			"SetArg":    func() { kept.SetArg(0, "x") },
			"Result":    func() { kept.Result() },
			"SetResult": func() { kept.SetResult("x") },
			"Arguments": func() { callvalues.Arguments(kept) },
			"Reply":     func() { callvalues.Reply(kept) },
			"Clone":     func() { kept.Clone() },
			"Adopt":     func() { kept.Adopt(kept) },
			"Stream":    func() { kept.Stream() },
			"SetStream": func() { kept.SetStream(nil) },
		} {
			func() {
				defer func() {
					if p := recover(); p != "rpc: use of a Call of Retry.name after its handler returned" {
						t.Errorf("%s, %s, %s: panic %v", test.side, test.face, what, p)
					}
				}()
				use()
			}()
		}
	}
}
