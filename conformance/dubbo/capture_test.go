package dubbo_test

import (
	"testing"

	hessian "github.com/apache/dubbo-go-hessian2"

	dubboclient "dubbo.apache.org/dubbo-go/v3/client"
	"dubbo.apache.org/dubbo-go/v3/common/constant"
	"dubbo.apache.org/dubbo-go/v3/config/generic"

	"github.com/thriftkit/thriftkit/internal/muxconn/muxtest"
	"github.com/thriftkit/thriftkit/x/dubbo"
)

// TestCapture finds all calls between dubbo-go's client and its server, neither of which knows of us.
func TestCapture(t *testing.T) {
	addr := serveGo(t)
	dialOurs(t, "dubbo://"+addr) // waits until it listens

	var r muxtest.Recorder
	conn := dialGo(t, r.Serve(t, addr))
	var text string
	if err := conn.CallUnary(t.Context(), nil, &text, "ping"); err != nil {
		t.Fatal(err)
	}
	var sum int64
	if err := conn.CallUnary(t.Context(), []any{int32(2), int32(3)}, &sum, "add"); err != nil {
		t.Fatal(err)
	}
	if err := conn.CallUnary(t.Context(), []any{goEverything()}, new(Everything), "echo"); err != nil {
		t.Fatal(err)
	}
	if err := conn.CallUnary(t.Context(), []any{&Everything{Name: "missing"}}, new(Everything), "echo"); err == nil {
		t.Error("no error")
	}
	muxtest.Whole(t, dubbo.Capture(), loadShop().Service("Shop"), r.Chunks(), []string{
		`Shop.ping {} ok {"success":"pong"}`,
		`Shop.add {"a":2,"b":3} ok {"success":5}`,
		`Shop.echo {"value":{"flag":true,"tiny":-8,…bytes ok {"success":{"flag":true,"tiny":-8,…bytes`,
		`Shop.echo {"value":{…"name":"missing"… error …it is missing`,
	})

	var again muxtest.Recorder
	svc := generic.NewGenericService(shopInterface)
	cli := newGoClient(t, again.Serve(t, addr))
	if _, err := cli.DialWithService(shopInterface, svc, dubboclient.WithGeneric(), dubboclient.WithSerialization(constant.Hessian2Serialization)); err != nil {
		t.Fatal(err)
	}
	if _, err := svc.Invoke(t.Context(), "add", []string{"int", "int"}, []hessian.Object{int32(4), int32(5)}); err != nil {
		t.Fatal(err)
	}
	muxtest.Whole(t, dubbo.Capture(), loadShop().Service("Shop"), again.Chunks(), []string{`Shop.add {"a":4,"b":5} ok {"success":9}`})
}
