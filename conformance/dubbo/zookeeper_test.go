package dubbo_test

import (
	"context"
	"strings"
	"testing"
	"time"

	dubboclient "dubbo.apache.org/dubbo-go/v3/client"
	"dubbo.apache.org/dubbo-go/v3/common/constant"
	"dubbo.apache.org/dubbo-go/v3/registry"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/internal/zookeepertest"
	"github.com/thriftkit/thriftkit/x/dubbo"
	"github.com/thriftkit/thriftkit/x/zookeeper"
)

// registerOurs registers our server, at an address, where consumers of Dubbo look.
func registerOurs(t *testing.T, z *zookeepertest.Server, addr string) {
	t.Helper()
	r, err := zookeeper.NewRegistrar([]string{z.Addr}, zookeeper.Options{Layout: zookeeper.Dubbo(zookeeper.ProviderOptions{})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if _, err := r.Register(ctx, shopInterface, discovery.Instance{Addr: addr, Metadata: map[string]string{"application": "ours"}}); err != nil {
		t.Fatal(err)
	}
}

// TestGoFindsUs has dubbo-go's client find our server in ZooKeeper, and our client as well.
func TestGoFindsUs(t *testing.T) {
	registerShop()
	z := zookeepertest.Start(t)
	addr, _ := serveOurs(t)
	registerOurs(t, z, addr)
	cli, err := dubboclient.NewClient(dubboclient.WithClientProtocolDubbo(), dubboclient.WithClientRetries(0), dubboclient.WithClientRegistry(
		registry.WithZookeeper(), registry.WithAddress(z.Addr), registry.WithRegisterInterface(), registry.WithoutUseAsMetaReport(), registry.WithTimeout(time.Minute)))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := cli.Dial(shopInterface, dubboclient.WithSerialization(constant.Hessian2Serialization))
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) { // it learns of us by and by
		err := conn.CallUnary(t.Context(), []any{int32(2), int32(3)}, &sum, "add")
		if err == nil && sum == 5 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d, %v", sum, err)
		}
	}

	ours, err := thriftkit.Dial(t.Context(), "zookeeper+dubbo://"+z.Addr+"/"+shopInterface, thriftkit.WithResolver("zookeeper+dubbo", zookeeper.DubboScheme), thriftkit.WithDialects(dubbo.Dialect()))
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	if got, err := thriftkit.Invoke[string](t.Context(), ours, loadShop().Service("Shop").Method("ping")); got != "pong" || err != nil {
		t.Errorf("our client: %q, %v", got, err)
	}
}

// TestJavaFindsUs has Dubbo for Java find our server in ZooKeeper.
func TestJavaFindsUs(t *testing.T) {
	cmd := java(t, "registry")
	z := zookeepertest.Start(t)
	addr, _ := serveOurs(t)
	registerOurs(t, z, strings.Replace(addr, "127.0.0.1", "2130706433", 1)) // as in TestJavaClient
	cmd.Args = append(cmd.Args, z.Addr)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "ok found") {
		t.Errorf("%v\n%s", err, out)
	}
}
