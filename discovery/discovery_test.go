package discovery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func addrs(list []Instance) string {
	var all []string
	for _, in := range list {
		all = append(all, in.Addr)
	}
	return strings.Join(all, " ")
}

func TestParseFile(t *testing.T) {
	full := []Instance{
		{Addr: "10.0.0.1:9090", Weight: 7, Priority: 1, Zone: "a", Tags: []string{"canary", "blue"}, Metadata: map[string]string{"protocol": "compact", "k": "v"},
			Started: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)},
		{Addr: "[::1]:9090"},
	}
	for name, text := range map[string]string{
		"yaml": "# instances\n---\n- addr: 10.0.0.1:9090  # first\n  weight: 7\n  priority: 1\n  zone: 'a'\n  tags: [canary, \"blue\"]\n" +
			"  metadata: {protocol: compact, k: v}\n  started: 2026-01-02T15:04:05Z\n\n- \"[::1]:9090\"\n",
		"yaml, indented": "  -\n    addr: 10.0.0.1:9090\n    weight: 7\n    priority: 1\n    zone: a\n    tags: [canary, blue]\n" +
			"    metadata: {protocol: compact, k: v}\n    started: 2026-01-02T15:04:05Z\r\n  - addr: \"[::1]:9090\"",
		"json": `[{"addr":"10.0.0.1:9090","weight":7,"priority":1,"zone":"a","tags":["canary","blue"],"metadata":{"protocol":"compact","k":"v"},
			"started":"2026-01-02T15:04:05Z"}, {"addr":"[::1]:9090"}]`,
	} {
		got, err := ParseFile("f", []byte(text))
		if err != nil || !reflect.DeepEqual(got, full) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	for _, text := range []string{"", "[]", "---\n", "# nothing\n"} {
		if got, err := ParseFile("f", []byte(text)); err != nil || len(got) != 0 {
			t.Errorf("%q: got %v, %v, want an empty list", text, got, err)
		}
	}
}

func TestParseFileMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"addr: a:1":                                  "f:1:1: want a list of instances: a line that begins with -",
		"- addr: a:1\n  wieght: 3":                   `f:2:3: unknown key "wieght" (known: addr, metadata, priority, started, tags, weight, zone)`,
		"- addr: a:1\n  weight: x":                   `f:2:11: want a number, got "x"`,
		"- addr: a:1\n  weight: 0":                   "f:2:11: weight is 0, want 1 to 1000000: leave out an instance that takes no calls",
		"- addr: a:1\n  weight: -1":                  "f:2:11: weight is -1, want 1 to 1000000: leave out an instance that takes no calls",
		"- addr: a:1\n  weight: 1000001":             "f:1:1: instance a:1: weight is 1000001, want 1 to 1000000",
		"- addr: a:1\n    zone: b":                   "f:2:5: want the key in column 3",
		"- addr: a:1\n  zone: b\n  zone: c":          `f:3:3: key "zone" is given twice`,
		"- a:1\n  addr: b:2":                         `f:2:3: key "addr" is given twice`,
		"- a:1\n - b:1":                              "f:2:2: want the dash in column 1",
		"- a:1\n\t- b:1":                             "f:2:1: indentation is made of spaces, got a tab",
		"- addr:":                                    "f:1:8: the value is missing",
		"- zone: a":                                  "f:1:1: instance without addr: want host:port",
		"- localhost":                                `f:1:1: instance "localhost": missing port in address, want host:port`,
		"- addr: \"a:1":                              "f:1:9: the closing quote is missing",
		"- addr: &x a:1":                             "f:1:9: want a plain or quoted value, got &x a:1",
		"- addr: a:1\n  tags: x":                     `f:2:9: want […] on one line, got "x"`,
		"- addr: a:1\n  metadata: {x}":               `f:2:13: metadata "x", want {key: value}`,
		"- addr: a:1\n  started: noon":               `f:2:12: started is "noon", want a time such as 2026-01-02T15:04:05Z`,
		`[{"addr":"a:1"},` + "\n" + ` {"addr":"b"}]`: `f:2:2: instance "b": missing port in address, want host:port`,
		`[{"addr":"a:1","weight":0}]`:                "f:1:2: weight is 0, want 1 to 1000000: leave out an instance that takes no calls",
		`[{"adr":"a:1"}]`:                            `f:1:2: json: unknown field "adr"`,
		`[] []`:                                      "f:1:5: want the end of the file after the list",
	} {
		_, err := ParseFile("f", []byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

func FuzzParseFile(f *testing.F) {
	for _, s := range []string{"- a:1\n", "- addr: a:1\n  tags: [x]\n", `[{"addr":"a:1"}]`, "- addr: \"a:1\" # x\n  metadata: {a: b}\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := ParseFile("f", text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Errorf("an error without a place: %v", err)
			}
			return
		}
		for _, in := range list {
			if err := in.Validate(); err != nil {
				t.Error(err)
			}
		}
	})
}

// A source is a Resolver that a test drives.
type source struct {
	lists chan []Instance
	fail  chan error
}

func newSource() *source {
	return &source{make(chan []Instance), make(chan error)}
}

func (s *source) Watch(ctx context.Context, report func(Snapshot)) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case list := <-s.lists:
			report(Snapshot{Instances: list})
		case err := <-s.fail:
			return err
		}
	}
}

// A log keeps what a follower reports.
type log struct {
	mu     sync.Mutex
	lists  []Snapshot
	errors []string
}

func (l *log) report(s Snapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lists = append(l.lists, s)
}

func (l *log) failed(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errors = append(l.errors, err.Error())
}

func (l *log) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lists) == 0 {
		return "nothing"
	}
	return addrs(l.lists[len(l.lists)-1].Instances)
}

// follow runs Follow in a bubble of virtual time until the test's func returns.
func follow(t *testing.T, opts FollowOptions, f func(s *source, l *log)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, l := newSource(), new(log)
		opts.OnError = l.failed
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); Follow(ctx, s, opts, l.report) }()
		f(s, l)
		cancel()
		<-done
	})
}

func list(names ...string) (all []Instance) {
	for _, n := range names {
		all = append(all, Instance{Addr: n + ":1"})
	}
	return all
}

func expect(t *testing.T, l *log, want string) {
	t.Helper()
	synctest.Wait()
	if got := l.last(); got != want {
		t.Errorf("the last list is %q, want %q", got, want)
	}
}

func TestFollowHoldsShrunkenLists(t *testing.T) {
	follow(t, FollowOptions{}, func(s *source, l *log) {
		s.lists <- list("a", "b", "c", "d")
		expect(t, l, "a:1 b:1 c:1 d:1")
		s.lists <- list("a", "b") // half is believed
		expect(t, l, "a:1 b:1")
		s.lists <- nil
		expect(t, l, "a:1 b:1")
		time.Sleep(29 * time.Second)
		s.lists <- list("a", "b", "c", "d", "e") // it was a hiccup
		expect(t, l, "a:1 b:1 c:1 d:1 e:1")
		time.Sleep(time.Minute)
		expect(t, l, "a:1 b:1 c:1 d:1 e:1")
		s.lists <- list("x") // new ones are used at once, the old ones stay
		expect(t, l, "x:1 a:1 b:1 c:1 d:1 e:1")
		time.Sleep(29 * time.Second)
		s.lists <- list("y") // the time runs from the first
		expect(t, l, "y:1 a:1 b:1 c:1 d:1 e:1")
		time.Sleep(2 * time.Second)
		expect(t, l, "y:1")
		s.lists <- nil
		time.Sleep(31 * time.Second)
		expect(t, l, "")
	})
	follow(t, FollowOptions{Hold: -1}, func(s *source, l *log) {
		s.lists <- list("a", "b", "c", "d")
		s.lists <- nil
		expect(t, l, "")
	})
}

func TestFollowSkipsBadInstancesAndRepeats(t *testing.T) {
	follow(t, FollowOptions{}, func(s *source, l *log) {
		s.lists <- []Instance{{Addr: "a:1"}, {Addr: "nonsense"}, {Addr: "b:1", Weight: -1}, {Addr: "a:1"}}
		s.lists <- list("a")
		expect(t, l, "a:1")
		if len(l.lists) != 1 || l.lists[0].Revision != 1 {
			t.Errorf("the same list was reported twice: %v", l.lists)
		}
		want := []string{
			`discovery: skipped: instance "nonsense": missing port in address, want host:port`,
			"discovery: skipped: instance b:1: weight is -1, want 1 to 1000000",
			"discovery: skipped: instance a:1 is listed twice",
		}
		if !slices.Equal(l.errors, want) {
			t.Errorf("got errors %q, want %q", l.errors, want)
		}
	})
}

func TestFollowRetries(t *testing.T) {
	follow(t, FollowOptions{}, func(s *source, l *log) {
		s.lists <- list("a")
		start := time.Now()
		for range 10 {
			s.fail <- errors.New("down")
		}
		s.lists <- list("b")
		expect(t, l, "b:1")
		// 0.5 s doubled up to 30 s, with half of each at random: 10 pauses.
		if d := time.Since(start); d < 60*time.Second || d > 160*time.Second {
			t.Errorf("10 pauses took %s", d)
		}
	})
}

func TestFollowCache(t *testing.T) {
	name := filepath.Join(t.TempDir(), "cache.json")
	opts := FollowOptions{CacheFile: name}
	follow(t, opts, func(s *source, l *log) {
		s.lists <- list("a", "b")
		expect(t, l, "a:1 b:1")
	})
	follow(t, opts, func(s *source, l *log) {
		s.fail <- errors.New("the registry is down")
		time.Sleep(900 * time.Millisecond)
		expect(t, l, "nothing")
		time.Sleep(200 * time.Millisecond)
		expect(t, l, "a:1 b:1")
		s.lists <- nil // the list of the file is protected as any other
		expect(t, l, "a:1 b:1")
	})
	os.WriteFile(name, []byte("{"), 0o600)
	follow(t, opts, func(s *source, l *log) {
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(l.errors) != 1 || !strings.Contains(l.errors[0], "cache.json: not a list of instances") {
			t.Errorf("got errors %q", l.errors)
		}
	})
}

func TestFileIsReadAgain(t *testing.T) {
	name := filepath.Join(t.TempDir(), "instances.yaml")
	write := func(text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("- a:1\n")
	synctest.Test(t, func(t *testing.T) {
		l := new(log)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			Follow(ctx, File(name, 0), FollowOptions{OnError: l.failed}, l.report)
		}()
		expect(t, l, "a:1")
		write("- a:1\n- b:1\n")
		time.Sleep(1100 * time.Millisecond)
		expect(t, l, "a:1 b:1")
		write("- a:1\n- b")
		time.Sleep(1100 * time.Millisecond)
		expect(t, l, "a:1 b:1")
		if len(l.errors) == 0 || !strings.Contains(l.errors[0], "instances.yaml:2:1: ") {
			t.Errorf("got errors %q", l.errors)
		}
		write("- c:1\n- b:1\n")
		time.Sleep(time.Minute)
		expect(t, l, "c:1 b:1")
		cancel()
		<-done
	})
}

// names is DNS for tests.
type names struct {
	mu    sync.Mutex
	hosts []string
	srv   []*net.SRV
	err   error
}

func (n *names) LookupHost(context.Context, string) ([]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.hosts, n.err
}

func (n *names) set(err error, hosts ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts, n.err = hosts, err
}

func (n *names) LookupSRV(context.Context, string, string, string) (string, []*net.SRV, error) {
	return "", n.srv, n.err
}

func TestDNS(t *testing.T) {
	n := &names{
		hosts: []string{"10.0.0.2", "10.0.0.1", "fe80::1"},
		srv:   []*net.SRV{{Target: "b.example.", Port: 2, Weight: 5, Priority: 1}, {Target: "a.example.", Port: 1}},
	}
	first := func(r Resolver, err error) (list []Instance) {
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		r.Watch(ctx, func(s Snapshot) { list = s.Instances; cancel() })
		return list
	}
	if got := addrs(first(DNS("x:9090", DNSOptions{Lookup: n}))); got != "10.0.0.1:9090 10.0.0.2:9090 [fe80::1]:9090" {
		t.Errorf("DNS: %s", got)
	}
	want := []Instance{{Addr: "a.example:1", Weight: 1}, {Addr: "b.example:2", Weight: 5, Priority: 1}}
	if got := first(SRV("x", DNSOptions{Lookup: n})); !reflect.DeepEqual(got, want) {
		t.Errorf("SRV: %+v", got)
	}
	synctest.Test(t, func(t *testing.T) {
		r, _ := DNS("x:1", DNSOptions{Lookup: n})
		l := new(log)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); Follow(ctx, r, FollowOptions{}, l.report) }()
		expect(t, l, "10.0.0.1:1 10.0.0.2:1 [fe80::1]:1")
		n.set(nil, "10.0.0.3", "10.0.0.1")
		time.Sleep(31 * time.Second)
		expect(t, l, "10.0.0.1:1 10.0.0.3:1")
		n.set(errors.New("SERVFAIL"))
		time.Sleep(10 * time.Minute)
		expect(t, l, "10.0.0.1:1 10.0.0.3:1")
		cancel()
		<-done
	})
}

func TestParseTarget(t *testing.T) {
	registry := map[string]Scheme{}
	for _, s := range []string{"a:1,b:2", "tls://a:1,b:2?ca=x", "dns:///x:1", "dns://1.2.3.4/x:1", "dns+srv:///_a._tcp.x", "file:///x.yaml?refresh=5s&cache=/tmp/x"} {
		if !IsTarget(s, registry) {
			t.Errorf("IsTarget(%q) is false", s)
		}
		if _, err := ParseTarget(s, registry); err != nil {
			t.Error(err)
		}
	}
	for _, s := range []string{"a:1", "tls://a:1", "http://a/b,c", "unix:///a,b", "a:1?x=y,z"} {
		if IsTarget(s, registry) {
			t.Errorf("IsTarget(%q) is true", s)
		}
	}
	for s, want := range map[string]string{
		"a:1,b":             `target "a:1,b": instance "b": missing port in address, want host:port`,
		"a:1,a:1":           `target "a:1,a:1": instance a:1 is listed twice`,
		"a:1,":              `target "a:1,": instance without addr: want host:port`,
		"dns:///x":          `target "dns:///x": DNS name "x": want name:port`,
		"dns+srv:///":       `target "dns+srv:///": SRV name is missing: want a name such as _thrift._tcp.example.com`,
		"file://x/y":        `target "file://x/y": a file is on no host: want file:///path`,
		"file:///":          `target "file:///": the path is missing: want file:///path`,
		"file:///x?hold=1":  `target "file:///x?hold=1": key "hold": got "1", want a time such as 10s`,
		"file:///x?tls=yes": `target "file:///x?tls=yes": key "tls": got "yes", want true or false`,
		"foo:///x":          `target "foo:///x": unknown scheme "foo" (known: dns, dns+srv, file)`,
	} {
		if _, err := ParseTarget(s, registry); fmt.Sprint(err) != want {
			t.Errorf("%s:\n got %v\nwant %s", s, err, want)
		}
	}
}

func TestInstanceTarget(t *testing.T) {
	x, err := ParseTarget("a:1,b:2?transport=framed&tls=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	for want, in := range map[string]Instance{
		"tls://a:1?transport=framed":                  {Addr: "a:1"},
		"tls://a:1?protocol=compact&transport=header": {Addr: "a:1", Metadata: map[string]string{"protocol": "compact", "transport": "header", "owner": "x"}},
		"unix:///run/x?transport=framed":              {Addr: "unix:///run/x"},
	} {
		if got := x.InstanceTarget(in); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if x.Keys.Get("protocol") != "" {
		t.Error("the keys of the group have changed")
	}
}

// TestList looks once.
func TestList(t *testing.T) {
	list, err := List(context.Background(), Static(Instance{Addr: "a:1"}, Instance{Addr: "b:1", Weight: -1}))
	if err != nil || len(list) != 1 || list[0].Addr != "a:1" {
		t.Errorf("%v, %v", list, err)
	}
	broken := errors.New("the registry burns")
	if _, err := List(context.Background(), ResolverFunc(func(context.Context, func(Snapshot)) error { return broken })); err != broken {
		t.Errorf("a resolver that fails: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := List(ctx, ResolverFunc(func(ctx context.Context, _ func(Snapshot)) error { <-ctx.Done(); return ctx.Err() })); !errors.Is(err, context.Canceled) {
		t.Errorf("without time: %v", err)
	}
}

// TestFileSource reports a file, its changes, and that it cannot be read, and goes on.
func TestFileSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "x.yaml")
		write := func(text string) {
			if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		var texts, errs []string
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			FollowSource(ctx, FileSource(name, 0), func(err error) { errs = append(errs, err.Error()) }, func(text []byte) { texts = append(texts, string(text)) })
		}()
		synctest.Wait()
		if len(errs) != 1 || !strings.HasPrefix(errs[0], "discovery: open "+name) {
			t.Errorf("without a file: %q", errs)
		}
		for _, text := range []string{"a", "a", "b"} {
			write(text)
			time.Sleep(1500 * time.Millisecond)
		}
		cancel()
		<-done
		if got := strings.Join(texts, " "); got != "a b" {
			t.Errorf("reported: %s", got)
		}
	})
}
