package rpc_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// priorities is a gate that keeps the priority of the last call.
type priorities struct{ last rpc.Priority }

func (g *priorities) Admit(ctx context.Context, _ *schema.Service, _ *schema.Method) (context.Context, rpc.Leave, error) {
	g.last = rpc.PriorityOf(ctx)
	return nil, nil, nil
}

// TestPriority sends priorities in each transport that carries metadata, and in one that does not.
func TestPriority(t *testing.T) {
	leaks(t)
	l, svc, gate := listenTCP(t), loadCarrier(t), new(priorities)
	s := rpc.NewServer(rpc.ServerOptions{Gates: []rpc.Gate{gate}})
	if err := s.Register(svc, carrier{svc}); err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	defer s.Close()
	addr := l.Addr().String()
	clients := map[string]*rpc.Client{"in the process": rpc.NewClient(s.Handle, rpc.ClientOptions{})}
	for _, target := range []string{"tcp://" + addr + "?transport=header", "tcp://" + addr + "?transport=ttheader", "http://" + addr + "/", "tcp://" + addr + "?transport=framed"} {
		clients[target] = dial(t, target, rpc.ClientOptions{RequireMetadata: true})
	}
	for target, c := range clients {
		for p := rpc.PriorityHighImportant; p <= rpc.PriorityBestEffort; p++ {
			want := p
			if target == "tcp://"+addr+"?transport=framed" {
				want = rpc.PriorityNormal
			}
			if _, err := rpc.Invoke[int32](rpc.WithPriority(t.Context(), p), c, svc.Method("deadline")); err != nil || gate.last != want {
				t.Errorf("%s: got %s, %v, want %s", target, gate.last, err, want)
			}
		}
	}
	for text, want := range map[string]string{"0": "high-important", "1": "high", "2": "important", "3": "normal", "4": "best-effort", "5": "normal", "-1": "normal", "": "normal", "01": "normal", "high": "normal"} {
		ctx := rpc.AddMetadata(t.Context(), map[string]string{"thrift_priority": text})
		if _, err := rpc.Invoke[int32](ctx, clients["in the process"], svc.Method("deadline")); err != nil || gate.last.String() != want {
			t.Errorf("%q is %s, %v, want %s", text, gate.last, err, want)
		}
	}
	for text, want := range map[string]string{
		`void m() (thriftkit.priority = "high")`:                                "high true",
		`void m() (thriftkit.priority = "HIGH_IMPORTANT")`:                      "high-important true",
		`void m() (priority = "BEST_EFFORT")`:                                   "best-effort true",
		`void m() (priority = "high", thriftkit.priority = "important")`:        "important true",
		`void m() } (thriftkit.priority = "important") service T {`:             "important true",
		`void m() (priority = "best-effort") } (priority = "high") service T {`: "best-effort true",
		`void m() (priority = "5")`:                                             "normal false",
		`void m() (priority = "5") } (thriftkit.priority = "high") service T {`: "high true",
		`void m()`: "normal false",
		`void m() (thriftkit.priority = "normal") } (priority = "high") service T { `: "normal true",
	} {
		file, diags := compile.Compile("foo.thrift", compile.Options{Source: compile.Texts{"foo.thrift": "service S { " + text + " }"}})
		if file == nil {
			t.Fatal(diags)
		}
		svc := file.Service("S")
		if p, ok := rpc.DeclaredPriority(svc, svc.Methods[0]); fmt.Sprint(p, " ", ok) != want {
			t.Errorf("%s: %s, %v, want %s", text, p, ok, want)
		}
	}
	if got := rpc.Priority(100).Rank(); got != 3 {
		t.Errorf("a priority that does not exist has the rank %d", got)
	}
}

// TestBadPriority registers a service whose priorities do not exist.
func TestBadPriority(t *testing.T) {
	for text, want := range map[string]string{
		`void m() (thriftkit.priority = "hihg")`:               `foo.thrift:1:18: S.m: thriftkit.priority "hihg": want high-important, high, important, normal or best-effort`,
		`void m() } (thriftkit.priority = "") service T {`:     `foo.thrift:1:9: S: thriftkit.priority "": want high-important, high, important, normal or best-effort`,
		`void m() (priority = "5")`:                            "<nil>", // of another tool
		`void m() (thriftkit.priority = "High_Important")`:     "<nil>",
		`void m() (deprecated, thriftkit.priority = "normal")`: "<nil>",
	} {
		file, diags := compile.Compile("foo.thrift", compile.Options{Source: compile.Texts{"foo.thrift": "service S { " + text + " }"}})
		if file == nil {
			t.Fatal(diags)
		}
		s := rpc.NewServer(rpc.ServerOptions{})
		if err := s.Register(file.Service("S"), rpc.DynamicHandler(nil)); fmt.Sprint(err) != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
