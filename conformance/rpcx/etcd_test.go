package rpcx_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/rpcxio/libkv/store"
	etcdclient "github.com/rpcxio/rpcx-etcd/client"
	"github.com/rpcxio/rpcx-etcd/serverplugin"
	rpcxclient "github.com/smallnest/rpcx/client"
	"github.com/smallnest/rpcx/protocol"
	"github.com/smallnest/rpcx/server"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/conformance/rpcx/internal/peer"
	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/internal/freeport"
	"github.com/thriftkit/thriftkit/x/etcd"
	"github.com/thriftkit/thriftkit/x/rpcx"
)

// patient is how long a test waits for what takes a moment on a machine that is not busy.
const patient = 2 * time.Minute

// startEtcd starts etcd for the time of the test.
func startEtcd(t *testing.T) (endpoint string, client *clientv3.Client) {
	t.Helper()
	program := os.Getenv("THRIFTKIT_ETCD")
	if program == "" || exec.Command(program, "--version").Run() != nil {
		if os.Getenv("THRIFTKIT_PEERS") == "required" {
			t.Fatalf("THRIFTKIT_ETCD (%q) names no etcd", program)
		}
		t.Skipf("THRIFTKIT_ETCD (%q) names no etcd (make test-all sets it up)", program)
	}
	endpoint = freeport.Addr(t)
	peers := "http://" + freeport.Addr(t)
	cmd := exec.Command(program, "--data-dir", t.TempDir(), "--listen-client-urls", "http://"+endpoint, "--advertise-client-urls", "http://"+endpoint,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default="+peers, "--log-level", "error", "--logger", "zap")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	config := etcd.Config(endpoint)
	config.Logger = zap.NewNop()
	client, err := clientv3.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	eventually(t, "etcd answers", func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := client.Get(ctx, "x")
		return err
	})
	return endpoint, client
}

func eventually(t *testing.T, what string, f func() error) {
	t.Helper()
	for end := time.Now().Add(patient); ; time.Sleep(50 * time.Millisecond) {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// TestEtcdClient has a client of rpcx find our server by rpcx-etcd, and notice another one.
func TestEtcdClient(t *testing.T) {
	endpoint, client := startEtcd(t)
	opts := etcd.Options{Layout: etcd.Rpcx("/rpcx_test")}
	reg := etcd.NewRegistrar(client, opts)
	register := func() discovery.Registration {
		addr, _ := serveOurs(t, rpcx.Options{})
		r, err := reg.Register(t.Context(), "Shop", discovery.Instance{Addr: addr})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := register()
	found, err := etcdclient.NewEtcdV3Discovery("/rpcx_test", "Shop", []string{endpoint}, false, &store.Config{ConnectionTimeout: patient})
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	o := rpcxclient.DefaultOption
	o.SerializeType = protocol.Thrift
	c := rpcxclient.NewXClient("Shop", rpcxclient.Failtry, rpcxclient.RoundRobin, found, o)
	defer c.Close()
	call := func() error {
		reply := new(peer.ShopAddUpResult)
		err := c.Call(t.Context(), "AddUp", &peer.ShopAddUpArgs{A: 2, B: 3}, reply)
		if err == nil && reply.GetSuccess() != 5 {
			t.Errorf("got %d", reply.GetSuccess())
		}
		return err
	}
	if err := call(); err != nil {
		t.Fatal(err)
	}
	register()
	if err := first.Deregister(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the client finds the other one", call)
}

// TestEtcdServer has our client find a server of rpcx by what its plugin registers.
func TestEtcdServer(t *testing.T) {
	endpoint, client := startEtcd(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	plugin := &serverplugin.EtcdV3RegisterPlugin{ServiceAddress: "tcp@" + l.Addr().String(), EtcdServers: []string{endpoint}, BasePath: "/rpcx_test", UpdateInterval: time.Minute}
	if err := plugin.Start(); err != nil {
		t.Fatal(err)
	}
	defer plugin.Stop()
	s := server.NewServer()
	s.Plugins.Add(plugin)
	if err := s.RegisterName("Shop", new(theirShop), "weight=7"); err != nil {
		t.Fatal(err)
	}
	go s.ServeListener("tcp", l)
	defer s.Close()
	opts := etcd.Options{Layout: etcd.Rpcx("/rpcx_test")}
	list, err := discovery.List(t.Context(), etcd.Resolver(client, "Shop", opts))
	if err != nil || len(list) != 1 || list[0].Addr != l.Addr().String() || list[0].Weight != 7 {
		t.Fatalf("%+v, %v", list, err)
	}
	conn, err := thriftkit.Dial(t.Context(), "rpcx://"+list[0].Addr, thriftkit.WithDialects(rpcx.Dialect()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got, err := thriftkit.Invoke[int32](t.Context(), conn, thriftkit.MustLoad("testdata/peer.thrift").MustService("Shop").Method("add_up"), 2, 3); got != 5 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
}
