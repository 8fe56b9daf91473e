//go:build unix

package zookeeper

import (
	"context"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"time"

	"github.com/thriftkit/thriftkit/internal/freeport"

	"github.com/go-zookeeper/zk"
	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/internal/zookeepertest"
)

// patient is how long a test waits for what takes a moment on a machine that is not busy.
const patient = 2 * time.Minute

// A server is ZooKeeper on loopback, which a test may end.
type server struct {
	*zookeepertest.Server
	t *testing.T
}

func startServer(t *testing.T) *server {
	t.Helper()
	return &server{zookeepertest.Start(t), t}
}

var quick = Options{SessionTimeout: 3 * time.Second, ConnectTimeout: patient}

func (s *server) registrar() *Registrar {
	s.t.Helper()
	r, err := NewRegistrar([]string{s.Addr}, quick)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { r.Close() })
	return r
}

func register(t *testing.T, r *Registrar, addr string) discovery.Registration {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	x, err := r.Register(ctx, "Shop", discovery.Instance{Addr: addr, Weight: 200, Zone: "a"})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// A watcher follows a service as a client of a fleet does.
type watcher struct {
	mu   sync.Mutex
	list []discovery.Instance
	said []string
}

func (s *server) follow() *watcher {
	w := &watcher{}
	opts := quick
	opts.OnError = func(err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.said = append(w.said, err.Error())
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		discovery.Follow(ctx, Resolver([]string{s.Addr}, "Shop", opts), discovery.FollowOptions{Hold: -1}, func(s discovery.Snapshot) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.list = s.Instances
		})
	}()
	s.t.Cleanup(func() { cancel(); <-done })
	return w
}

func (w *watcher) see(t *testing.T, when, want string) {
	t.Helper()
	for end := time.Now().Add(patient); ; time.Sleep(20 * time.Millisecond) {
		w.mu.Lock()
		var all []string
		for _, in := range w.list {
			all = append(all, in.Addr)
		}
		w.mu.Unlock()
		got := strings.Join(all, " ")
		if got == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: the watcher sees %q, want %q", when, got, want)
		}
	}
}

// TestZooKeeper registers, watches and deregisters, and reads what is no instance.
func TestZooKeeper(t *testing.T) {
	s := startServer(t)
	w, r := s.follow(), s.registrar() // the watcher is there before the folder is
	a := register(t, r, "a:1")
	register(t, r, "unix:///run/b.sock")
	w.see(t, "two came", "a:1 unix:///run/b.sock")
	w.mu.Lock()
	started := w.list[0].Started // the moment of the registration, as none was given
	if want := (discovery.Instance{Addr: "a:1", Weight: 200, Zone: "a", Started: started}); !w.list[0].Equal(want) || started.IsZero() || time.Since(started) < 0 {
		t.Errorf("%+v, want %+v", w.list[0], want)
	}
	w.mu.Unlock()
	hand, err := connect([]string{s.Addr}, quick)
	if err != nil {
		t.Fatal(err)
	}
	defer hand.Close()
	for _, node := range [][2]string{{"x", "not JSON"}, {"z:1", `{"addr":"z:1"}`}} {
		if _, err := hand.Create("/thriftkit/Shop/"+node[0], []byte(node[1]), 0, zk.WorldACL(zk.PermAll)); err != nil {
			t.Fatal(err)
		}
	}
	w.see(t, "nodes of others", "a:1 unix:///run/b.sock z:1")
	w.mu.Lock()
	if len(w.said) == 0 || !strings.Contains(w.said[0], "zookeeper: skipped node /thriftkit/Shop/x: invalid character") {
		t.Errorf("said: %q", w.said)
	}
	w.mu.Unlock()
	if err := a.Deregister(context.Background()); err != nil {
		t.Error(err)
	}
	w.see(t, "a left", "unix:///run/b.sock z:1")
	if err := hand.Delete("/thriftkit/Shop/"+url.PathEscape("unix:///run/b.sock"), -1); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	w.see(t, "an instance that is alive was removed by hand", "unix:///run/b.sock z:1")
	r.Close()
	w.see(t, "the session ended", "z:1")
	if _, err := r.Register(context.Background(), "Shop", discovery.Instance{Addr: "c:1"}); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Error("registered with a closed registrar")
	}
}

// TestServerFails kills the server, has it hang for longer than sessions last, and loses all its data.
func TestServerFails(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	s := startServer(t)
	w, r := s.follow(), s.registrar()
	register(t, r, "a:1")
	w.see(t, "registered", "a:1")
	s.Kill()
	time.Sleep(time.Second)
	w.see(t, "the server was killed: the list stays", "a:1")
	s.Start()
	register(t, r, "b:1")
	w.see(t, "it is back", "a:1 b:1")
	s.Signal(syscall.SIGSTOP)
	time.Sleep(5 * time.Second)
	s.Signal(syscall.SIGCONT)
	register(t, r, "c:1")
	w.see(t, "it hung for longer than sessions last", "a:1 b:1 c:1")
	s.Kill()
	if err := os.RemoveAll(s.Data); err != nil {
		t.Fatal(err)
	}
	s.Start()
	register(t, r, "d:1")
	w.see(t, "all data is lost", "a:1 b:1 c:1 d:1")
}

// TestNobodyThere reads targets, and says when nobody is there.
func TestNobodyThere(t *testing.T) {
	for _, target := range []string{"zookeeper:///Shop", "zookeeper://a:2181", "zookeeper://a:2181/a/b"} {
		if _, err := discovery.ParseTarget(target, map[string]discovery.Scheme{"zookeeper": Scheme}); err == nil || !strings.Contains(err.Error(), "want zookeeper://host:port/Name") {
			t.Errorf("%s: %v", target, err)
		}
	}
	addr, opts := freeport.Addr(t), Options{ConnectTimeout: 300 * time.Millisecond}
	if _, err := discovery.List(context.Background(), Resolver([]string{addr}, "Shop", opts)); err == nil || !strings.Contains(err.Error(), "zookeeper: no session with 127.0.0.1:") {
		t.Errorf("nobody there: %v", err)
	}
	r, err := NewRegistrar([]string{addr}, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if _, err := r.Register(ctx, "Shop", discovery.Instance{Addr: "a:1"}); err == nil {
		t.Error("registered with nobody")
	}
	for _, in := range []discovery.Instance{{Addr: "a"}, {Addr: "a:1", Weight: -1}} {
		if _, err := r.Register(ctx, "Shop", in); err == nil || !strings.Contains(err.Error(), "instance") {
			t.Errorf("%+v: %v", in, err)
		}
	}
}
