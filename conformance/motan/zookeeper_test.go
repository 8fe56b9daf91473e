package motan_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/internal/zookeepertest"
	"github.com/thriftkit/thriftkit/x/motan"
	"github.com/thriftkit/thriftkit/x/zookeeper"
)

// registerOurs registers our server where clients of Motan look.
func registerOurs(t *testing.T, z *zookeepertest.Server, metadata map[string]string) {
	t.Helper()
	port, _ := serveOurs(t, motan.Options{Group: "demo"})
	r, err := zookeeper.NewRegistrar([]string{z.Addr}, zookeeper.Options{Layout: zookeeper.Motan(zookeeper.ProviderOptions{Group: "demo"})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if _, err := r.Register(ctx, "com.example.Shop", discovery.Instance{Addr: fmt.Sprint("127.0.0.1:", port), Metadata: metadata}); err != nil {
		t.Fatal(err)
	}
}

// TestGoFindsUs has motan-go's client find our server in ZooKeeper, and our client as well.
func TestGoFindsUs(t *testing.T) {
	z := zookeepertest.Start(t)
	registerOurs(t, z, nil)
	host, port, _ := strings.Cut(z.Addr, ":")
	c := theirClient(t, "    protocol: zookeeper\n    host: "+host+"\n    port: "+port+"\n", "")
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) { // it learns of us by and by
		var text string
		err := c.Call("greet", []any{"Ann"}, &text)
		if err == nil && text == "你好, Ann" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%q, %v", text, err)
		}
	}

	ours, err := thriftkit.Dial(t.Context(), "zookeeper+motan://"+z.Addr+"/demo/com.example.Shop", thriftkit.WithResolver("zookeeper+motan", zookeeper.MotanScheme),
		thriftkit.WithDialects(motan.New(motan.Options{Group: "demo"})))
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	if got, err := thriftkit.Invoke[string](t.Context(), ours, thriftkit.MustLoad("testdata/peer.thrift").MustService("Shop").Method("greet"), "Ann"); got != "你好, Ann" || err != nil {
		t.Errorf("our client: %q, %v", got, err)
	}
}

// TestJavaFindsUs has Motan's client for Java find our server in ZooKeeper.
func TestJavaFindsUs(t *testing.T) {
	for serialization, metadata := range map[string]map[string]string{"hessian2": nil, "simple": {"serialization": "simple"}} {
		t.Run(serialization, func(t *testing.T) {
			cmd := java(t, "com.example.Client")
			z := zookeepertest.Start(t)
			registerOurs(t, z, metadata)
			cmd.Args = append(cmd.Args, "zookeeper://"+z.Addr, serialization)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "greet: 你好, Ann\n") {
				t.Errorf("%v\n%.2000s", err, out)
			}
		})
	}
}
