package rpc_test

import (
	"context"
	"testing"

	"github.com/thriftkit/thriftkit/rpc"
)

// namedHandler is a handler that says which one it is.
type namedHandler struct {
	*handler
	name string
}

func (n namedHandler) Ping(context.Context) (string, error) { return n.name, nil }

// TestForService has one service three times, and one client of all.
func TestForService(t *testing.T) {
	leaks(t)
	l := listenTCP(t)
	svc := load(t).Service("Test")
	s := rpc.NewServer(rpc.ServerOptions{})
	for _, r := range []struct{ name, as string }{{"first", "Test"}, {"second", "Second"}, {"third", "a.b/Third"}} {
		if err := s.RegisterAs(r.as, svc, namedHandler{newHandler(), r.name}); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range []string{"Second", "", "a:b"} {
		if err := s.RegisterAs(bad, svc, newHandler()); err == nil {
			t.Errorf("%q is a name", bad)
		}
	}
	if got := s.Services(); len(got) != 1 {
		t.Errorf("%d services", len(got))
	}
	go s.Serve(l)
	defer s.Close()
	for _, query := range []string{"", "?transport=framed", "?protocol=compact", "?transport=header", "?transport=ttheader", "?transport=http", "?service=Second"} {
		var conns openedConns
		c := dial(t, l.Addr().String()+query, rpc.ClientOptions{MaxConns: 1, Stats: &conns})
		plain := map[bool]string{true: "second", false: "first"}[query == "?service=Second"]
		for _, test := range []struct {
			c    *rpc.Client
			want string
		}{{c, plain}, {c.ForService("Test"), "first"}, {c.ForService("Second"), "second"}, {c.ForService("a.b/Third"), "third"}, {c, plain}} {
			for range 2 {
				if got, err := rpc.Invoke[string](t.Context(), test.c, svc.Method("ping")); got != test.want || err != nil {
					t.Errorf("%s: invoked: %q, %v; want %s", query, got, err, test.want)
				}
				if got, err := bind(t, test.c, svc).Ping(t.Context()); got != test.want || err != nil {
					t.Errorf("%s: bound: %q, %v; want %s", query, got, err, test.want)
				}
			}
			if test.c != c {
				test.c.Close()
			}
		}
		if _, err := rpc.Invoke[string](t.Context(), c.ForService("Nobody"), svc.Method("ping")); query != "?transport=ttheader" && code(err) != rpc.CodeUnknownMethod {
			t.Errorf("%s: a service that is not there: %v", query, err)
		}
		if n := conns.n.Load(); n != 1 && query != "?transport=http" { // where Dial tries one
			t.Errorf("%s: %d connections", query, n)
		}
		c.Close()
	}
	local := rpc.NewClient(s.Handle, rpc.ClientOptions{})
	if got, err := rpc.Invoke[string](t.Context(), local.ForService("Second"), svc.Method("ping")); got != "second" || err != nil {
		t.Errorf("within the process: %q, %v", got, err)
	}
}
