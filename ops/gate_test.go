package ops_test

import (
	"context"
	"slices"
	"testing"

	"github.com/thriftkit/thriftkit/ops"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// door lets in calls of Shop.echo, and knows who makes them.
type door struct{}

func (door) Admit(ctx context.Context, _ *schema.Service, m *schema.Method) (context.Context, rpc.Leave, error) {
	ctx = rpc.ContextWithCaller(ctx, rpc.Caller{Token: rpc.Principal{Kind: rpc.PrincipalToken, Name: "ci\nforged"}, Rule: m.Name + "ing"})
	switch m.Name {
	case "echo":
		return ctx, nil, nil
	case "note":
		return ctx, nil, rpc.Errorf(rpc.CodeUnauthenticated, "who?")
	}
	return ctx, nil, rpc.Errorf(rpc.CodePermissionDenied, "no")
}

// TestRefusedByGate has calls that a gate refuses in the metrics and in the access log, with who made them and the rule.
func TestRefusedByGate(t *testing.T) {
	var out lockedBuffer
	m := ops.NewMetrics()
	svc := shop(t)
	s := rpc.NewServer(rpc.ServerOptions{Stats: rpc.JoinStats(m.Server(), ops.AccessLog(logger(&out), ops.AccessLogOptions{})), Gates: []rpc.Gate{door{}}})
	defer s.Close()
	if err := s.Register(svc, shopHandler{}); err != nil {
		t.Fatal(err)
	}
	var c shopClient
	if err := rpc.NewClient(s.Handle, rpc.ClientOptions{}).Bind(svc, &c); err != nil {
		t.Fatal(err)
	}
	c.Echo(t.Context(), "hello")
	for range 2 {
		if _, err := c.Buy(t.Context(), "pen", card{}, ""); rpc.OutcomeOf(err) != rpc.OutcomeRefused {
			t.Errorf("a refused call: %v", err)
		}
	}
	got := series(string(m.Append(nil, false)), `thriftkit_server_calls_total\{`)
	if want := []string{
		`thriftkit_server_calls_total{service="Shop",method="buy",code="permission_denied",outcome="refused"} 2`,
		`thriftkit_server_calls_total{service="Shop",method="echo",code="ok",outcome="executed"} 1`,
	}; !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	check(t, "log", out.lines(), `
level=INFO msg=call method=Shop.echo dialect=in-process principal="token:ci�forged" rule=echoing code=ok outcome=executed request_bytes=29 reply_bytes=29
level=WARN msg=call method=Shop.buy dialect=in-process principal="token:ci�forged" rule=buying code=permission_denied outcome=refused request_bytes=51 reply_bytes=0 error="permission denied: no"
level=WARN msg=call method=Shop.buy dialect=in-process principal="token:ci�forged" rule=buying code=permission_denied outcome=refused request_bytes=51 reply_bytes=0 error="permission denied: no"`)
}
