package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/internal/memnet"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/transport"
)

var bg = context.Background()

// A town has registries in memory that can be stopped and started again.
type town struct {
	t       testing.TB
	opts    Options
	mu      sync.Mutex
	running map[string]*running
}

type running struct {
	r      *Registry
	server *rpc.Server
	l      *memnet.Listener
}

func newTown(t testing.TB, opts Options, names ...string) *town {
	x := &town{t: t, opts: opts, running: make(map[string]*running)}
	for _, n := range names {
		x.start(n)
	}
	t.Cleanup(func() {
		for n := range x.running {
			x.kill(n)
		}
	})
	return x
}

func (x *town) start(name string) *Registry {
	x.t.Helper()
	r, err := Open(x.opts)
	if err != nil {
		x.t.Fatal(err)
	}
	up := &running{r, rpc.NewServer(rpc.ServerOptions{}), memnet.Listen()}
	if err := r.AddTo(up.server); err != nil {
		x.t.Fatal(err)
	}
	go up.server.Serve(up.l)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.running[name] = up
	return r
}

func (x *town) kill(name string) {
	x.mu.Lock()
	up := x.running[name]
	delete(x.running, name)
	x.mu.Unlock()
	if up != nil {
		up.r.Close()
		up.server.Close()
	}
}

func (x *town) connect(addrs string) *Client {
	x.t.Helper()
	c, err := Connect(addrs, ClientOptions{Client: rpc.ClientOptions{Dialer: func(ctx context.Context, t transport.Target, _ *tls.Config) (net.Conn, error) {
		x.mu.Lock()
		up := x.running[t.Address]
		x.mu.Unlock()
		if up == nil {
			return nil, fmt.Errorf("connection refused by %s", t.Address)
		}
		return up.l.Dial(ctx)
	}}})
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { c.Close() })
	return c
}

// watcher follows a service.
type watcher struct {
	mu     sync.Mutex
	list   []discovery.Instance
	cancel context.CancelFunc
	done   chan error
}

func watchService(c *Client, service string) *watcher {
	ctx, cancel := context.WithCancel(bg)
	w := &watcher{cancel: cancel, done: make(chan error, 1)}
	go func() {
		w.done <- c.Resolver(service).Watch(ctx, func(s discovery.Snapshot) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.list = s.Instances
		})
	}()
	return w
}

func (w *watcher) addrs() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return addrs(w.list)
}

func (w *watcher) stop() { w.cancel(); <-w.done }

func addrs(list []discovery.Instance) string {
	var all []string
	for _, in := range list {
		all = append(all, in.Addr)
	}
	return strings.Join(all, " ")
}

func listed(t testing.TB, c *Client, service string) string {
	t.Helper()
	list, err := c.List(bg, service)
	if err != nil {
		t.Error(err)
	}
	return addrs(list)
}

// TestRegistry registers, lists, watches and removes, over the wire.
func TestRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTown(t, Options{}, "r:1")
		c := x.connect("r:1")
		w := watchService(c, "Shop")
		defer w.stop()
		whole := discovery.Instance{
			Addr: "a:1", Weight: 200, Priority: 1, Zone: "z", Tags: []string{"canary"}, Metadata: map[string]string{"protocol": "compact"},
			Started: time.UnixMilli(1_700_000_000_123),
		}
		a, err := c.Register(bg, "Shop", whole)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Register(bg, "Shop", discovery.Instance{Addr: "b:1"}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Register(bg, "Bank", discovery.Instance{Addr: "a:1"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := w.addrs(); got != "a:1 b:1" {
			t.Errorf("watched: %s", got)
		}
		list, err := c.List(bg, "Shop")
		if err != nil || len(list) != 2 || !list[0].Equal(whole) {
			t.Errorf("%+v, %v; want %+v", list, err, whole)
		}
		if all, err := c.Services(bg); err != nil || fmt.Sprint(all) != "map[Bank:1 Shop:2]" {
			t.Errorf("services: %v, %v", all, err)
		}
		time.Sleep(10 * time.Minute) // leases are kept alive, and watches go on
		if got := w.addrs(); got != "a:1 b:1" {
			t.Errorf("after 10 minutes: %s", got)
		}
		if err := a.Deregister(bg); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if got := w.addrs(); got != "b:1" {
			t.Errorf("after a left: %s", got)
		}
		if found, err := c.Deregister(bg, "Shop", "c:1"); found || err != nil {
			t.Errorf("an instance that does not exist: %v, %v", found, err)
		}
		if found, err := c.Deregister(bg, "Shop", "b:1"); !found || err != nil {
			t.Errorf("deregister: %v, %v", found, err)
		}
		synctest.Wait()
		if got := w.addrs(); got != "" {
			t.Errorf("after b was removed: %s", got)
		}
		time.Sleep(10 * time.Second)
		if got := w.addrs(); got != "b:1" {
			t.Errorf("b, which is alive, did not come back: %s", got)
		}
	})
}

// TestInvalid reads what is said about wrong arguments.
func TestInvalid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTown(t, Options{MaxInstances: 1}, "r:1")
		c := x.connect("r:1")
		stub := c.peers[0].stub
		for _, row := range []struct {
			service string
			in      *instance
			want    string
		}{
			{"", &instance{Addr: "a:1"}, "the name of the service is missing"},
			{"a b", &instance{Addr: "a:1"}, `the name of the service is "a b", want one without spaces, slashes, ? and #`},
			{strings.Repeat("x", 257), &instance{Addr: "a:1"}, "the name of the service has 257 bytes, want at most 256"},
			{"Shop", &instance{Addr: "a"}, `instance "a": missing port in address, want host:port`},
			{"Shop", &instance{Addr: "a:1", Weight: -1}, "instance a:1: weight is -1, want 1 to 1000000"},
			{"Shop", &instance{Addr: "a:1", Zone: strings.Repeat("x", 20000)}, "instance a:1 has 20003 bytes of tags and metadata, want at most 16384"},
			{"Shop", nil, "the instance is missing"},
		} {
			_, err := stub.Register(bg, row.service, row.in, 0)
			var e *invalid
			if !errors.As(err, &e) || e.Message != row.want {
				t.Errorf("%q, %v: %v, want %s", row.service, row.in, err, row.want)
			}
		}
		if _, err := c.Register(bg, "Shop", discovery.Instance{Addr: "a:1"}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Register(bg, "Shop", discovery.Instance{Addr: "b:1"}); err == nil || !strings.Contains(err.Error(), "there are 1 instances, which is the most") {
			t.Errorf("one too many: %v", err)
		}
		if err := stub.KeepAlive(bg, 7); !errors.As(err, new(*noLease)) {
			t.Errorf("a lease that does not exist: %v", err)
		}
		if err := stub.Release(bg, 7); err != nil {
			t.Errorf("releasing it: %v", err)
		}
		if _, err := stub.Watch(bg, "Shop", 1, 0, 0); !errors.As(err, new(*compacted)) {
			t.Errorf("another epoch: %v", err)
		}
		for _, addrs := range []string{"", "a", "a:1?x=y"} {
			if _, err := Connect(addrs, ClientOptions{}); err == nil {
				t.Errorf("connected to %q", addrs)
			}
		}
	})
}

// TestLeases lets leases end, one alone and many at once.
func TestLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var said []string
		r, err := Open(Options{OnError: func(err error) {
			mu.Lock()
			defer mu.Unlock()
			said = append(said, err.Error())
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		leases := make([]int64, 10)
		for i := range leases {
			if leases[i], _, err = r.add("Shop", discovery.Instance{Addr: fmt.Sprintf("a%d:1", i)}, 0); err != nil {
				t.Fatal(err)
			}
		}
		alive := func(n int, d time.Duration) int {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Second) {
				for _, l := range leases[:n] {
					r.renew(l)
				}
			}
			_, _, list, _ := r.list("Shop")
			return len(list)
		}
		if n := alive(9, 9*time.Second); n != 10 {
			t.Errorf("%d before the first lease ends", n)
		}
		if n := alive(9, 2*time.Second); n != 9 {
			t.Errorf("%d after one lease ended", n)
		}
		if n := alive(2, time.Minute); n != 9 {
			t.Errorf("%d after 7 of 9 leases ended at once: they are to be kept", n)
		}
		if n := alive(5, time.Second); n != 5 {
			t.Errorf("%d when 4 of 9 are overdue: they are to be removed", n)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(said) != 1 || !strings.Contains(said[0], "7 of 9 leases are overdue at once: their instances are kept") {
			t.Errorf("said: %q", said)
		}
	})
}

// TestSeveralRegistries has one of two be down, empty, and back.
func TestSeveralRegistries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTown(t, Options{}, "r:1", "s:1")
		c := x.connect("r:1,s:1")
		w := watchService(c, "Shop")
		defer w.stop()
		for _, addr := range []string{"a:1", "b:1"} {
			if _, err := c.Register(bg, "Shop", discovery.Instance{Addr: addr}); err != nil {
				t.Fatal(err)
			}
		}
		check := func(when, want string) {
			t.Helper()
			time.Sleep(20 * time.Second)
			if got := w.addrs(); got != want {
				t.Errorf("%s: %q, want %q", when, got, want)
			}
		}
		check("both", "a:1 b:1")
		x.kill("r:1")
		check("one is down", "a:1 b:1")
		if _, err := c.Register(bg, "Shop", discovery.Instance{Addr: "c:1"}); err != nil {
			t.Fatal(err)
		}
		check("one is down, and c comes", "a:1 b:1 c:1")
		x.kill("s:1")
		check("both are down", "a:1 b:1 c:1")
		x.start("r:1") // empty
		check("one is back", "a:1 b:1 c:1")
		for _, name := range []string{"r:1"} {
			if got := listed(t, x.connect(name), "Shop"); got != "a:1 b:1 c:1" {
				t.Errorf("%s, which was empty, has %q", name, got)
			}
		}
		ctx, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		if _, err := x.connect("none:1").Register(ctx, "Shop", discovery.Instance{Addr: "d:1"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("no registry: %v", err)
		}
		if err := x.connect("none:1").Resolver("Shop").Watch(bg, func(discovery.Snapshot) {}); err == nil || !strings.Contains(err.Error(), "registry none:1: ") {
			t.Errorf("watching where there is no registry: %v", err)
		}
	})
}

// TestCompacted has a watcher be further behind than changes are kept.
func TestCompacted(t *testing.T) {
	r, err := Open(Options{Changes: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	epoch, at, _, _ := r.list("Shop")
	for i := range 100 {
		r.add("Shop", discovery.Instance{Addr: fmt.Sprintf("a%d:1", i%3)}, 0)
	}
	if _, _, err := r.watch(bg, "Shop", epoch, at, 0); !errors.As(err, new(*compactedError)) {
		t.Errorf("100 changes behind: %v", err)
	}
	_, now, _, _ := r.list("Shop")
	if to, found, err := r.watch(bg, "Shop", epoch, now-5, 0); err != nil || len(found) != 5 || to != now {
		t.Errorf("5 changes behind: %d changes to %d, %v", len(found), to, err)
	}
	if to, found, err := r.watch(bg, "Bank", epoch, now-5, time.Millisecond); err != nil || len(found) != 0 || to != now {
		t.Errorf("another service: %v to %d, %v", found, to, err)
	}
	if len(r.services) != 1 {
		t.Errorf("watching made %d services", len(r.services))
	}
}

// TestSurvivesCrash opens what a registry left that was never closed.
func TestSurvivesCrash(t *testing.T) {
	dir := t.TempDir()
	r, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i := range 20 {
		if _, _, err := r.add("Shop", discovery.Instance{Addr: fmt.Sprintf("a%02d:1", i), Zone: "z"}, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	r.remove("Shop", "a07:1")
	_, revision, want, _ := r.list("Shop")
	if _, err := Open(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "another registry uses it") {
		t.Errorf("two registries in one directory: %v", err)
	}
	copied := copyDir(t, dir)
	again, err := Open(Options{Dir: copied})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, at, got, _ := again.list("Shop"); at != revision || !slices.EqualFunc(got, want, discovery.Instance.Equal) {
		t.Errorf("revision %d, %v; want %d, %v", at, got, revision, want)
	}
}

func copyDir(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestTornLog cuts and damages a log at every byte: what comes before is there, and what was cut is reported and kept.
func TestTornLog(t *testing.T) {
	dir := t.TempDir()
	r, err := Open(Options{Dir: dir, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	ends := []int64{r.store.size}
	for i := range 5 {
		r.add("Shop", discovery.Instance{Addr: fmt.Sprintf("a%d:1", i)}, time.Minute)
		ends = append(ends, r.store.size)
	}
	r.Close()
	whole, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	open := func(text []byte) (n int, said []error, cut []byte) {
		d := t.TempDir()
		if err := os.WriteFile(filepath.Join(d, "log"), text, 0o666); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time nothing is wrong any more
			r, err := Open(Options{Dir: d, NoSync: true, OnError: func(err error) { said = append(said, err) }})
			if err != nil {
				t.Fatal(err)
			}
			_, _, list, _ := r.list("Shop")
			n = len(list)
			r.Close()
		}
		cut, _ = os.ReadFile(filepath.Join(d, "log.cut"))
		return n, said, cut
	}
	for size := int64(0); size <= int64(len(whole)); size++ {
		want, good := 0, int64(0)
		for i, e := range ends {
			if e <= size {
				want, good = i, e
			}
		}
		n, said, cut := open(whole[:size])
		if torn := size > ends[0] && size != good; n != want || (len(said) == 1) != torn || torn && string(cut) != string(whole[good:size]) {
			t.Fatalf("%d of %d bytes: %d instances, want %d; said %v; cut %d bytes", size, len(whole), n, want, said, len(cut))
		}
	}
	for at := ends[0]; at < int64(len(whole)); at += 3 {
		damaged := slices.Clone(whole)
		damaged[at] ^= 0x40
		want := 0
		for i, e := range ends {
			if e <= at {
				want = i
			}
		}
		if n, said, _ := open(damaged); n != want || len(said) != 1 || !strings.Contains(said[0].Error(), fmt.Sprintf("after record %d", want)) {
			t.Fatalf("byte %d damaged: %d instances, want %d; said %v", at, n, want, said)
		}
	}
	bad := t.TempDir()
	os.WriteFile(filepath.Join(bad, "log"), []byte("this is the shopping list of somebody"), 0o666)
	if _, err := Open(Options{Dir: bad}); err == nil || !strings.Contains(err.Error(), "not a log of a registry") {
		t.Errorf("a foreign file: %v", err)
	}
	bad = t.TempDir()
	os.WriteFile(filepath.Join(bad, "snapshot"), []byte(snapshotHeader+"12345678"), 0o666)
	if _, err := Open(Options{Dir: bad}); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged snapshot: %v", err)
	}
}

// TestSnapshots makes so many changes that the log is replaced, also by a crash before it is emptied.
func TestSnapshots(t *testing.T) {
	dir := t.TempDir()
	r, err := Open(Options{Dir: dir, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	var old []byte
	for i := range compactAfter + 100 {
		if i == compactAfter-1 {
			old, _ = os.ReadFile(filepath.Join(dir, "log"))
		}
		if _, _, err := r.add("Shop", discovery.Instance{Addr: fmt.Sprintf("a%02d:1", i%50), Weight: i%900 + 1}, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	_, revision, want, _ := r.list("Shop")
	if n := r.store.records; n != 100 {
		t.Errorf("%d records in the log", n)
	}
	r.Close()
	check := func(when string, want []discovery.Instance, revision int64) {
		t.Helper()
		again, err := Open(Options{Dir: dir, NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if _, at, got, _ := again.list("Shop"); at != revision || !slices.EqualFunc(got, want, discovery.Instance.Equal) {
			t.Errorf("%s: revision %d of %d, %d instances", when, at, revision, len(got))
		}
	}
	check("reopened", want, revision)
	snap, err := readSnapshot(filepath.Join(dir, "snapshot"))
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(dir, "log"), old, 0o666) // as if it had not been emptied
	var before []discovery.Instance
	for _, one := range snap.Records {
		before = append(before, one.Instance)
	}
	slices.SortFunc(before, func(a, b discovery.Instance) int { return strings.Compare(a.Addr, b.Addr) })
	check("a log that the snapshot has", before, snap.Revision)
}

// TestWatchersAgree makes random changes while registries crash and come back: after all is quiet, every watcher sees the list.
func TestWatchersAgree(t *testing.T) {
	seeds := uint64(4)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			x := newTown(t, Options{Changes: 20}, "r:1", "s:1")
			c := x.connect("r:1,s:1")
			var watchers []*watcher
			for range 5 {
				w := watchService(x.connect("r:1,s:1"), "Shop")
				defer w.stop()
				watchers = append(watchers, w)
			}
			alive := make(map[string]discovery.Registration)
			for range 120 {
				addr := fmt.Sprintf("a%d:1", rnd.IntN(10))
				switch n := rnd.IntN(20); {
				case n == 0:
					x.kill("r:1")
				case n == 1 && x.running["r:1"] == nil:
					x.start("r:1")
				case n == 2 && x.running["r:1"] != nil:
					x.kill("s:1")
					x.start("s:1")
				case alive[addr] != nil:
					alive[addr].Deregister(bg)
					delete(alive, addr)
				default:
					r, err := c.Register(bg, "Shop", discovery.Instance{Addr: addr, Weight: 1 + rnd.IntN(100)})
					if err != nil {
						t.Fatal(err)
					}
					alive[addr] = r
				}
				time.Sleep(time.Duration(rnd.IntN(300)) * time.Millisecond)
			}
			if x.running["r:1"] == nil {
				x.start("r:1")
			}
			time.Sleep(30 * time.Second)
			var want []string
			for addr := range alive {
				want = append(want, addr)
			}
			slices.Sort(want)
			if got := listed(t, c, "Shop"); got != strings.Join(want, " ") {
				t.Errorf("seed %d: listed %s, alive are %v", seed, got, want)
			}
			for i, w := range watchers {
				if got := w.addrs(); got != strings.Join(want, " ") {
					t.Errorf("seed %d: watcher %d sees %s, alive are %v", seed, i, got, want)
				}
			}
			for _, r := range alive {
				r.Deregister(bg)
			}
		})
	}
}

// FuzzLog opens logs with anything in them: no panic, and what is accepted is accepted again.
func FuzzLog(f *testing.F) {
	block, _ := appendBlock([]byte(logHeader), record{Revision: 1, Service: "Shop", Instance: discovery.Instance{Addr: "a:1"}, Lease: 7, TTL: 1000})
	f.Add(block)
	f.Add(block[:len(block)-3])
	f.Add([]byte(logHeader + "\xff\xff\xff\xff\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "log"), text, 0o666); err != nil {
			t.Fatal(err)
		}
		counts := []int{}
		for range 2 {
			s, _, records, err := openStore(dir, false, func(error) {})
			if err != nil {
				return
			}
			s.close()
			counts = append(counts, len(records))
		}
		if counts[0] != counts[1] {
			t.Errorf("%d records, then %d", counts[0], counts[1])
		}
	})
}
