//go:build unix

package etcd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"time"

	"github.com/thriftkit/thriftkit/internal/etcdtest"
	"github.com/thriftkit/thriftkit/internal/freeport"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/govern"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// patient is how long a test waits for what takes a moment on a machine that is not busy.
const patient = etcdtest.Patient

// A cluster is etcd on loopback, in members that a test may end.
type cluster struct {
	*etcdtest.Cluster
	t *testing.T
}

func startCluster(t *testing.T, n int) *cluster {
	t.Helper()
	return &cluster{etcdtest.Start(t, n), t}
}

func (c *cluster) connect(only ...int) *clientv3.Client {
	c.t.Helper()
	client, err := clientv3.New(Config(c.Endpoints(only...)))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { client.Close() })
	return client
}

func eventually(t *testing.T, what string, f func() error) {
	t.Helper()
	for end := time.Now().Add(patient); ; time.Sleep(20 * time.Millisecond) {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// A watcher follows a service as a client of a fleet does.
type watcher struct {
	mu   sync.Mutex
	list []discovery.Instance
}

func (c *cluster) follow(client *clientv3.Client, service string, opts Options) *watcher {
	w := &watcher{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		discovery.Follow(ctx, Resolver(client, service, opts), discovery.FollowOptions{Hold: -1}, func(s discovery.Snapshot) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.list = s.Instances
		})
	}()
	c.t.Cleanup(func() { cancel(); <-done })
	return w
}

func (w *watcher) see(t *testing.T, when, want string) {
	t.Helper()
	eventually(t, when, func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		var all []string
		for _, in := range w.list {
			all = append(all, in.Addr)
		}
		if got := strings.Join(all, " "); got != want {
			return fmt.Errorf("the watcher sees %q, want %q", got, want)
		}
		return nil
	})
}

func register(t *testing.T, c *clientv3.Client, addr string, opts Options) discovery.Registration {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	r, err := NewRegistrar(c, opts).Register(ctx, "Shop", discovery.Instance{Addr: addr, Weight: 200, Zone: "a", Metadata: map[string]string{"protocol": "compact"}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestEtcd registers, watches and deregisters, and reads what is no instance.
func TestEtcd(t *testing.T) {
	c := startCluster(t, 1)
	client, ctx := c.connect(), context.Background()
	var mu sync.Mutex
	var said []string
	w := c.follow(client, "Shop", Options{OnError: func(err error) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, err.Error())
	}})
	a := register(t, client, "a:1", Options{TTL: 2 * time.Second})
	register(t, client, "b:1", Options{TTL: 2 * time.Second})
	w.see(t, "two came", "a:1 b:1")
	w.mu.Lock()
	started := w.list[0].Started // the moment of the registration, as none was given
	if want := (discovery.Instance{Addr: "a:1", Weight: 200, Zone: "a", Metadata: map[string]string{"protocol": "compact"}, Started: started}); !w.list[0].Equal(want) || started.IsZero() || time.Since(started) < 0 {
		t.Errorf("%+v, want %+v", w.list[0], want)
	}
	w.mu.Unlock()
	client.Put(ctx, "/thriftkit/Shop/x", "not JSON")
	client.Put(ctx, "/thriftkit/Shop/y", `{"addr": "nowhere"}`)
	client.Put(ctx, "/thriftkit/Shopping/z:1", `{"addr": "z:1"}`)
	client.Put(ctx, "/thriftkit/Shop/c:1", `{"addr": "c:1"}`)
	w.see(t, "keys of others", "a:1 b:1 c:1")
	mu.Lock()
	if len(said) != 2 || !strings.Contains(said[0], "skipped key /thriftkit/Shop/x: invalid character") || !strings.Contains(said[1], `instance "nowhere": missing port`) {
		t.Errorf("said: %q", said)
	}
	mu.Unlock()
	time.Sleep(4 * time.Second) // twice as long as leases last
	w.see(t, "leases are kept alive", "a:1 b:1 c:1")
	if err := a.Deregister(ctx); err != nil {
		t.Error(err)
	}
	w.see(t, "a left", "b:1 c:1")
	for _, name := range []string{"", "a/b"} {
		if _, err := NewRegistrar(client, Options{}).Register(ctx, name, discovery.Instance{Addr: "a:1"}); err == nil {
			t.Errorf("registered as %q", name)
		}
	}
	if _, err := NewRegistrar(client, Options{}).Register(ctx, "Shop", discovery.Instance{Addr: "a"}); err == nil {
		t.Error("registered an address without a port")
	}
}

// TestMembersFail kills one of three members, stops another one, and brings both back.
func TestMembersFail(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	c := startCluster(t, 3)
	client := c.connect()
	w := c.follow(client, "Shop", Options{})
	register(t, client, "a:1", Options{})
	w.see(t, "all members run", "a:1")
	c.Kill(0)
	register(t, client, "b:1", Options{})
	w.see(t, "a member was killed", "a:1 b:1")
	c.Start(0)
	c.Wait()
	c.Signal(1, syscall.SIGSTOP)
	register(t, client, "c:1", Options{})
	w.see(t, "a member hangs", "a:1 b:1 c:1")
	c.Signal(1, syscall.SIGCONT)
	register(t, client, "d:1", Options{})
	w.see(t, "it goes on", "a:1 b:1 c:1 d:1")
}

// TestLeaseEnds has a server vanish: nobody keeps its lease alive.
func TestLeaseEnds(t *testing.T) {
	c := startCluster(t, 1)
	w := c.follow(c.connect(), "Shop", Options{})
	gone := c.connect()
	register(t, gone, "a:1", Options{TTL: time.Second})
	w.see(t, "registered", "a:1")
	gone.Close()
	w.see(t, "its lease ended", "")
}

// TestCompacted has a watcher be away while its revision is compacted.
func TestCompacted(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	c := startCluster(t, 3)
	w := c.follow(c.connect(0), "Shop", Options{})
	others := c.connect(1, 2)
	a := register(t, others, "a:1", Options{})
	w.see(t, "registered", "a:1")
	c.Kill(0)
	ctx := context.Background()
	eventually(t, "another leader", func() error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		_, err := others.Put(ctx, "x", "y")
		return err
	})
	a.Deregister(ctx)
	register(t, others, "b:1", Options{})
	now, err := others.Get(ctx, "x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := others.Compact(ctx, now.Header.Revision); err != nil {
		t.Fatal(err)
	}
	c.Start(0)
	w.see(t, "the revision is compacted", "b:1")
}

// TestSetUpAnew loses all data: servers register again, and watchers notice that revisions began anew.
func TestSetUpAnew(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	c := startCluster(t, 1)
	client, ctx := c.connect(), context.Background()
	for i := range 50 { // so that the revision of the watch is not reached soon
		client.Put(ctx, "x", fmt.Sprint(i))
	}
	register(t, client, "a:1", Options{TTL: 2 * time.Second})
	w := c.follow(client, "Shop", Options{})
	w.see(t, "registered", "a:1")
	c.Kill(0)
	if err := os.RemoveAll(c.Data(0)); err != nil {
		t.Fatal(err)
	}
	c.Start(0)
	register(t, client, "b:1", Options{TTL: 2 * time.Second})
	w.see(t, "all data is lost", "a:1 b:1")
}

// TestKitexLayout reads and writes what Kitex's registry-etcd does; the literals are those of its version 0.2.6.
func TestKitexLayout(t *testing.T) {
	c := startCluster(t, 1)
	client, ctx := c.connect(), context.Background()
	opts := Options{Layout: Kitex("")}
	w := c.follow(client, "Shop", opts)
	client.Put(ctx, "kitex/registry-etcd/Shop/10.0.0.1:8888", `{"network":"tcp","address":"10.0.0.1:8888","weight":20,"tags":{"idc":"x"}}`)
	w.see(t, "a server of Kitex", "10.0.0.1:8888")
	w.mu.Lock()
	if want := (discovery.Instance{Addr: "10.0.0.1:8888", Weight: 200, Metadata: map[string]string{"idc": "x"}}); !w.list[0].Equal(want) {
		t.Errorf("%+v, want %+v", w.list[0], want)
	}
	w.mu.Unlock()
	register(t, client, "a:1", opts)
	got, err := client.Get(ctx, "kitex/registry-etcd/Shop/a:1")
	if err != nil || len(got.Kvs) != 1 || string(got.Kvs[0].Value) != `{"network":"tcp","address":"a:1","weight":20,"tags":{"protocol":"compact"}}` {
		t.Errorf("%v, %v", got, err)
	}
}

// TestRpcxLayout reads and writes what rpcx's registry for etcd does; the literals are those of rpcx-etcd 0.2.0.
func TestRpcxLayout(t *testing.T) {
	c := startCluster(t, 1)
	client, ctx := c.connect(), context.Background()
	opts := Options{Layout: Rpcx("/services")}
	w := c.follow(client, "Shop", opts)
	for key, value := range map[string]string{
		"/services": "rpcx_path", "/services/Shop": "Shop", "/services/Shop/tcp@10.0.0.2:1": "state=inactive", "/services/Shop/quic@10.0.0.3:1": "", "/services/Shop/tcp@10.0.0.4:1": "weight=x",
		"/services/Shop/tcp@10.0.0.1:8972": "group=test&weight=7",
	} {
		if _, err := client.Put(ctx, key, value); err != nil {
			t.Fatal(err)
		}
	}
	w.see(t, "a server of rpcx", "10.0.0.1:8972")
	w.mu.Lock()
	if want := (discovery.Instance{Addr: "10.0.0.1:8972", Weight: 7, Metadata: map[string]string{"group": "test"}}); !w.list[0].Equal(want) {
		t.Errorf("%+v, want %+v", w.list[0], want)
	}
	w.mu.Unlock()
	register(t, client, "a:1", opts)
	got, err := client.Get(ctx, "/services/Shop/tcp@a:1")
	if err != nil || len(got.Kvs) != 1 || string(got.Kvs[0].Value) != "protocol=compact&weight=200" {
		t.Errorf("%v, %v", got, err)
	}
}

// TestScheme reads targets, and says when nobody is there.
func TestScheme(t *testing.T) {
	schemes := map[string]discovery.Scheme{"etcd": Scheme, "etcd+kitex": KitexScheme, "etcd+rpcx": RpcxScheme}
	for _, target := range []string{"etcd:///Shop", "etcd://a:2379", "etcd+kitex://a:2379/", "etcd+rpcx://a:2379/"} {
		if _, err := discovery.ParseTarget(target, schemes); err == nil || !strings.Contains(err.Error(), "://host:port/Name") {
			t.Errorf("%s: %v", target, err)
		}
	}
	u, _ := url.Parse("etcd://" + freeport.Addr(t) + "/Shop")
	r, err := Scheme(u)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := discovery.List(context.Background(), r); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody there: %v", err)
	}
}

// TestSource has a configuration of clients in etcd: it changes, is wrong, is deleted, and comes back after a member was killed.
func TestSource(t *testing.T) {
	c := startCluster(t, 3)
	ctx := context.Background()
	others := c.connect(1, 2)
	const key = "/thriftkit/config/Shop"
	put := func(text string) {
		t.Helper()
		eventually(t, "a put", func() error {
			ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			_, err := others.Put(ctx, key, text)
			return err
		})
	}
	bounded, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	if _, err := govern.OpenConfig(bounded, Source(c.connect(), key), nil); err == nil || err.Error() != "etcd "+key+": there is no configuration" {
		t.Errorf("without a key: %v", err)
	}
	put("services: {Shop: {timeout: 1s}}")
	live, err := govern.OpenConfig(bounded, Source(c.connect(), key), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	see := func(what string, applied int, wrong string) {
		t.Helper()
		eventually(t, what, func() error {
			s := live.Status()
			if s.Applied < applied || (s.Err != nil) != (wrong != "") || s.Err != nil && !strings.Contains(s.Err.Error(), wrong) {
				return fmt.Errorf("%+v, want %d applied and %q", s, applied, wrong)
			}
			return nil
		})
	}
	first := live.Status().Applied
	put("services: {Shop: {timeout: 2s}}")
	see("a change", first+1, "")
	put("services: {Shop: {timeout: 0s}}")
	see("a mistake", first+1, "etcd "+key+":1:28: services.Shop.timeout: want a time above 0")
	if _, err := others.Delete(ctx, key); err != nil {
		t.Fatal(err)
	}
	see("deleted", first+1, "there is no configuration")
	c.Kill(0)
	put("services: {Shop: {timeout: 3s}}")
	see("a member was killed", first+2, "")
}
