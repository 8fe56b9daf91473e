package govern

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/rpc"
)

func config(t testing.TB, text string) *Config {
	t.Helper()
	c, err := ParseConfig([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestConfigMistakes reads what is said of documents that are wrong.
func TestConfigMistakes(t *testing.T) {
	shop := "services:\n  Shop:\n    "
	for text, want := range map[string]string{
		"":                              "1:1: the document is empty",
		"- x":                           "1:1: want an object with services, got a list",
		"service: {}":                   "1:10: service: unknown key (did you mean services?)",
		"services:\n  Shop: 3":          "2:9: services.Shop: want an object with timeout, attempt-timeout, idempotent, retry, hedge, breaker, balancer, routes, methods, got a number",
		shop + "timout: 3s":             "3:13: services.Shop.timout: unknown key (did you mean timeout?)",
		shop + "timeout: 3":             "3:14: services.Shop.timeout: want a time with its unit, such as 150ms, got a number",
		shop + "timeout: -3s":           `3:14: services.Shop.timeout: want a time above 0 with its unit, such as 150ms, got "-3s"`,
		shop + "retry: true":            "3:12: services.Shop.retry: want an object with attempts, backoff, max-backoff, budget, got true or false",
		shop + "retry: {attempts: 0}":   "3:23: services.Shop.retry.attempts: want a number from 1 to 100, got 0",
		shop + "retry: {attempts: 1.5}": "3:23: services.Shop.retry.attempts: want a whole number, got 1.5",
		shop + "retry: {backoff: 2s, max-backoff: 1s}":                                         "3:12: services.Shop.retry: max-backoff is 1s, less than backoff, 2s",
		shop + "hedge: {percentile: 100}":                                                      "3:25: services.Shop.hedge.percentile: want a number from 50 to 99.99, got 100",
		shop + "breaker: {ratio: 0}":                                                           "3:22: services.Shop.breaker.ratio: want a number from 0.01 to 1, got 0",
		shop + "balancer: best":                                                                `3:15: services.Shop.balancer: unknown balancer "best" (known: consistent-hash, least-in-flight, p2c, round-robin, weighted-random)`,
		shop + "methods:\n      buy: {methods: {}}":                                            "4:22: services.Shop.methods.buy.methods: unknown key (there are timeout, attempt-timeout, idempotent, retry, hedge, breaker, balancer, routes)",
		shop + "routes:\n    - to: {}":                                                         "4:7: services.Shop.routes[0]: a route needs a name",
		shop + "routes:\n    - name: a":                                                        "4:7: services.Shop.routes[0]: a route has either to, which says what instances, or split",
		shop + "routes: [{name: a, to: {}}, {name: a, to: {}}]":                                `3:33: services.Shop.routes[1]: another route is called "a", too`,
		shop + "routes: [{name: a, to: {tag: x}}]":                                             "3:34: services.Shop.routes[0].to.tag: unknown key (did you mean tags?)",
		shop + "routes: [{name: a, to: {tags: []}}]":                                           "3:35: services.Shop.routes[0].to.tags: the list is empty",
		shop + "routes: [{name: a, to: {tags: x, without-tags: [x]}}]":                         `3:28: services.Shop.routes[0].to: no instance has the tag "x" and is without it`,
		shop + "routes: [{name: a, match: {metadata: {}}, to: {}}]":                            "3:31: services.Shop.routes[0].match: there is no condition: a route without match takes every call",
		shop + "routes:\n    - name: a\n      split:\n      - percent: 90\n      - percent: 9": "6:7: services.Shop.routes[0].split: the percentages sum to 99, want 100",
		shop + "routes: [{name: a, split: [{percent: 0}, {percent: 100}]}]":                    "3:42: services.Shop.routes[0].split[0].percent: percent is 0, want more than 0: leave out what takes no calls",
		shop + "routes: [{name: a, split: [{percent: -1}, {percent: 101}]}]":                   "3:42: services.Shop.routes[0].split[0].percent: want a number from 0 to 100, got -1\n3:57: services.Shop.routes[0].split[1].percent: want a number from 0 to 100, got 101",
		shop + "routes: [{name: a, split: [{to: {}}]}]":                                        "3:32: services.Shop.routes[0].split[0]: percent is missing",
		`{"services": {"Shop": {"timeout": "3s",}}}`:                                           "1:40: invalid character '}' looking for beginning of object key string",
		strings.Repeat("#", maxConfigBytes+1):                                                  "1:1: the document is longer than 1048576 bytes",
	} {
		_, err := ParseConfig([]byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("%.100q:\n%v, want\n%s", text, err, want)
		}
		var e *ConfigError
		if !errors.As(err, &e) {
			t.Errorf("%.100q: %#v is no *ConfigError", text, err)
		}
	}
}

// TestConfigSchema holds the JSON Schema to what the parser knows.
func TestConfigSchema(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal([]byte(ConfigSchema), &doc); err != nil {
		t.Fatal(err)
	}
	var all []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			if p, ok := v["properties"].(map[string]any); ok && v["additionalProperties"] == false {
				all = append(all, strings.Join(slices.Sorted(maps.Keys(p)), " "))
			}
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(doc)
	var want []string
	for _, keys := range [][]string{append([]string{"$schema"}, configKeys...), settingsKeys, serviceKeys, retryKeys, {"ratio", "per-second"}, hedgeKeys, breakerKeys, routeKeys, matchKeys, shareKeys, selectKeys} {
		want = append(want, strings.Join(slices.Sorted(slices.Values(keys)), " "))
	}
	slices.Sort(all)
	slices.Sort(want)
	if !slices.Equal(all, want) {
		t.Errorf("the schema has\n%s\nthe parser\n%s", strings.Join(all, "\n"), strings.Join(want, "\n"))
	}
	names := doc["$defs"].(map[string]any)["balancer"].(map[string]any)["enum"]
	if got, want := fmt.Sprint(names), fmt.Sprint(slices.Sorted(maps.Keys(builtins()))); got != want {
		t.Errorf("balancers: %s, want %s", got, want)
	}
}

// instances are a:1 and b:1 of the stable version, c:1 of the canary in another zone.
var instances = discovery.Static(
	discovery.Instance{Addr: "a:1", Tags: []string{"stable"}, Zone: "x", Metadata: map[string]string{"version": "1"}},
	discovery.Instance{Addr: "b:1", Tags: []string{"stable"}, Zone: "x", Metadata: map[string]string{"version": "1"}},
	discovery.Instance{Addr: "c:1", Tags: []string{"canary", "blue"}, Zone: "y", Metadata: map[string]string{"version": "2"}})

func TestRoutes(t *testing.T) {
	for _, test := range []struct {
		name, routes string
		metadata     map[string]string
		want         map[string]int // calls of 300, by what takes them; ±40
		why          string
		unsent       map[string]string
	}{
		{"by tag", "[{name: canary, to: {tags: [canary, blue]}}]", nil, map[string]int{"c:1": 300}, "canary: instances with the tags canary, blue", nil},
		{"without a tag", "[{name: old, to: {without-tags: canary}}]", nil, map[string]int{"a:1": 150, "b:1": 150}, "old: instances without the tags canary", nil},
		{"by metadata of instances", "[{name: v2, to: {metadata: {version: ['2', '3']}}}]", nil, map[string]int{"c:1": 300}, "v2: instances with version=2|3", nil},
		{"by zone", "[{name: y, to: {zone: y}}]", nil, map[string]int{"c:1": 300}, "y: instances in the zone y", nil},
		{"by metadata of the call", "[{name: beta, match: {metadata: {group: [beta, staff]}}, to: {tags: canary}}]", map[string]string{"group": "staff"}, map[string]int{"c:1": 300}, "beta: instances with the tags canary", nil},
		{"of another call", "[{name: beta, match: {metadata: {group: beta}}, to: {tags: canary}}]", map[string]string{"group": "x"}, map[string]int{"a:1": 100, "b:1": 100, "c:1": 100}, "no route takes the call: all instances", nil},
		{"by what is not sent", "[{name: beta, match: {metadata: {group: staff, x: y}}, to: {tags: canary}}]", map[string]string{"group": "x"}, map[string]int{"c:1": 300}, "beta: instances with the tags canary", map[string]string{"group": "staff"}},
		{"percentages", "[{name: roll-out, split: [{percent: 20, to: {tags: canary}}, {percent: 80, to: {tags: stable}}]}]", nil, map[string]int{"a:1": 120, "b:1": 120, "c:1": 60}, "", nil},
		{"no such instance", "[{name: gone, to: {tags: red}}, {name: canary, to: {tags: canary}}]", nil, map[string]int{"c:1": 300}, "gone has no instance available (it wants instances with the tags red); canary: instances with the tags canary", nil},
		{"strict", "[{name: gone, to: {tags: red}, strict: true}]", nil, map[string]int{`unavailable: the route "gone" has no instance: it wants instances with the tags red`: 300}, "", nil},
		{"none", "[]", nil, map[string]int{"a:1": 100, "b:1": 100, "c:1": 100}, "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := newStreet(t, "a:1", "b:1", "c:1")
				live := NewLiveConfig(config(t, "services: {Shop: {balancer: round-robin, routes: "+test.routes+"}}"))
				f := st.fleet(instances, FleetOptions{Config: live, WarmUp: -1})
				b := st.client(f.Handle)
				why := ""
				ctx := rpc.AddMetadata(context.Background(), test.metadata)
				if test.unsent != nil {
					ctx = WithRouting(WithRouting(ctx, map[string]string{"group": "beta", "x": "y"}), test.unsent)
				}
				ctx = ExplainPicks(ctx, func(p Pick) { why = p.Route })
				got := make(map[string]int)
				for range 300 {
					by, err := b.Buy(ctx, "x")
					if err != nil {
						_, by, _ = strings.Cut(err.Error(), ": ")
					}
					got[by]++
				}
				for by, n := range got {
					if d := n - test.want[by]; d < -40 || d > 40 {
						t.Errorf("calls: %v, want %v", got, test.want)
					}
				}
				if test.why != "" && why != test.why {
					t.Errorf("why: %s, want %s", why, test.why)
				}
			})
		})
	}
}

// TestSticky: calls with one value take one share and one instance; a larger share takes values from the others, and gives none.
func TestSticky(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t, "a:1", "b:1", "c:1")
		routes := func(percent int) *Config {
			return config(t, fmt.Sprintf("services: {'*': {routes: [{name: roll-out, sticky: user, split: [{percent: %d, to: {tags: canary}}, {percent: %d, to: {tags: stable}}]}]}}", percent, 100-percent))
		}
		live := NewLiveConfig(routes(20))
		b := st.client(st.fleet(instances, FleetOptions{Config: live, WarmUp: -1}).Handle)
		where := func() map[string]string {
			all := make(map[string]string)
			for u := range 200 {
				user := fmt.Sprint("u", u)
				ctx := rpc.AddPersistentMetadata(context.Background(), map[string]string{"user": user})
				for range 3 {
					by, err := b.Buy(ctx, "x")
					if err != nil || all[user] != "" && all[user] != by {
						t.Fatalf("%s: %s and %s, %v", user, all[user], by, err)
					}
					all[user] = by
				}
			}
			return all
		}
		shares := func(all map[string]string) map[string]int {
			n := make(map[string]int)
			for _, by := range all {
				n[by]++
			}
			return n
		}
		before := where()
		if n := shares(before); n["c:1"] < 20 || n["c:1"] > 60 || n["a:1"] < 40 || n["b:1"] < 40 {
			t.Errorf("users: %v", n)
		}
		live.Set(routes(50))
		after := where()
		if n := shares(after); n["c:1"] < 70 || n["c:1"] > 130 {
			t.Errorf("users: %v", n)
		}
		for user, by := range before {
			if by == "c:1" && after[user] != by || after[user] != "c:1" && after[user] != by {
				t.Errorf("%s went from %s to %s", user, by, after[user])
			}
		}
	})
}

// TestRouteOfTheDead: what a route wants is down, so calls go on to the others, and a probe only goes where the route says.
func TestRouteOfTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t, "a:1", "b:1", "c:1")
		live := NewLiveConfig(config(t, `
services:
  Shop:
    methods:
      look: {routes: [{name: canary, to: {tags: canary}}, {name: stable, to: {tags: stable}}]}
      buy: {routes: [{name: stable, to: {tags: stable}, strict: true}]}
`))
		b := st.client(st.fleet(instances, FleetOptions{Config: live, WarmUp: -1}).Handle, live.Interceptor(RetryOptions{}, nil))
		bg := context.Background()
		st.kill("c:1")
		look := func() (string, error) { return b.Look(bg, "x") }
		if got := count(t, 100, look); got["c:1"] > 0 {
			t.Errorf("calls: %v", got)
		}
		st.open("c:1")
		time.Sleep(5 * time.Second) // its time out is over
		if got := count(t, 100, func() (string, error) { return b.Buy(bg, "x") }); got["c:1"] > 0 {
			t.Errorf("the canary took calls of another route: %v", got)
		}
		look() // which decides whether it takes calls again
		if got := count(t, 100, look); got["c:1"] != 100 {
			t.Errorf("calls after it came back: %v", got)
		}
	})
}

// TestConfigChangesUnderLoad applies configurations while calls are made: none fails, and those of the new one go where it says.
func TestConfigChangesUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t, "a:1", "b:1", "c:1")
		name := filepath.Join(t.TempDir(), "fleet.yaml")
		write := func(text string) { // at once: half of a document is a wrong one
			if err := os.WriteFile(name+".new", []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(name+".new", name); err != nil {
				t.Fatal(err)
			}
		}
		to := func(tag string) string {
			return "services:\n  Shop:\n    timeout: 5s\n    routes:\n    - {name: all, to: {tags: " + tag + "}, strict: true}\n"
		}
		write(to("stable"))
		var mu sync.Mutex
		var said []string
		live, err := OpenConfig(context.Background(), discovery.FileSource(name, 0), func(err error) {
			mu.Lock()
			defer mu.Unlock()
			said = append(said, err.Error())
		})
		if err != nil {
			t.Fatal(err)
		}
		defer live.Close()
		for _, s := range st.shops {
			s.set(func(s *shop) { s.delay = 20 * time.Millisecond })
		}
		b := st.client(st.fleet(instances, FleetOptions{Config: live}).Handle, live.Interceptor(RetryOptions{}, nil))
		ctx, stop := context.WithCancel(context.Background())
		var running sync.WaitGroup
		var calls atomic.Int32
		var last atomic.Value
		for range 10 {
			running.Go(func() {
				for ctx.Err() == nil {
					by, err := b.Buy(context.Background(), "x")
					if err != nil {
						t.Error(err)
						return
					}
					calls.Add(1)
					last.Store(by)
				}
			})
		}
		for i := range 20 {
			tag, want := "stable", "a:1 b:1"
			if i%2 == 1 {
				tag, want = "canary", "c:1"
			}
			write(to(tag))
			time.Sleep(1500 * time.Millisecond)
			if got := last.Load().(string); !strings.Contains(want, got) {
				t.Errorf("with the tag %s: %s", tag, got)
			}
		}
		write("services:\n  Shop:\n    timeout: 5s\n    rotes: []\n")
		time.Sleep(1500 * time.Millisecond)
		if got := last.Load(); got != "c:1" {
			t.Errorf("after a wrong document: %s", got)
		}
		mu.Lock()
		if want := []string{name + ":4:12: services.Shop.rotes: unknown key (did you mean routes?)"}; !slices.Equal(said, want) {
			t.Errorf("said: %q, want %q", said, want)
		}
		mu.Unlock()
		if s := live.Status(); s.Err == nil || s.Applied < 20 {
			t.Errorf("status: %+v", s)
		}
		stop()
		running.Wait()
		if calls.Load() < 5000 {
			t.Errorf("%d calls", calls.Load())
		}
	})
}

// TestConfigOfCalls changes time-outs, retries and breakers while they are used.
func TestConfigOfCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t, "a:1", "b:1")
		live := NewLiveConfig(nil)
		f := st.fleet(static("a:1", "b:1"), FleetOptions{Config: live, Failures: -1})
		b := st.client(f.Handle, live.Interceptor(RetryOptions{}, nil))
		bg := context.Background()
		all := func(set func(*shop)) (calls int32) {
			for _, s := range st.shops {
				s.set(set)
				calls += s.calls.Swap(0)
			}
			return calls
		}
		took := func(call func(context.Context, string) (string, error)) (time.Duration, error) {
			start := time.Now()
			_, err := call(bg, "x")
			return time.Since(start), err
		}
		all(func(s *shop) { s.delay = time.Second })
		if d, err := took(b.Buy); d != time.Second || err != nil {
			t.Errorf("without a configuration: %v, %v", d, err)
		}
		live.Set(config(t, "services: {Shop: {timeout: 300ms, methods: {look: {timeout: 2s, attempt-timeout: 100ms, retry: {attempts: 2}}}}}"))
		if d, err := took(b.Buy); d != 300*time.Millisecond || err == nil {
			t.Errorf("timeout: %v, %v", d, err)
		}
		time.Sleep(2 * time.Second)
		all(func(*shop) {})
		if d, err := took(b.Look); d < 200*time.Millisecond || d > 230*time.Millisecond || err == nil {
			t.Errorf("attempt-timeout: %v, %v", d, err)
		}
		time.Sleep(2 * time.Second)
		if n := all(func(*shop) {}); n != 2 {
			t.Errorf("%d attempts of look", n)
		}
		live.Set(config(t, "services: {Shop: {attempt-timeout: 100ms, idempotent: true, methods: {look: {retry: false}}}}"))
		took(b.Buy)
		time.Sleep(2 * time.Second)
		if n := all(func(*shop) {}); n != 3 {
			t.Errorf("%d attempts of buy, which is idempotent now", n)
		}
		took(b.Look)
		time.Sleep(2 * time.Second)
		if n := all(func(s *shop) { s.delay = 0; s.panics = true }); n != 1 {
			t.Errorf("%d attempts of look", n)
		}
		live.Set(config(t, "services: {Shop: {breaker: {min-calls: 10, open-time: 1m}}}"))
		for range 40 {
			took(b.Buy)
		}
		if _, err := took(b.Buy); !errors.Is(err, ErrBreakerOpen) {
			t.Errorf("breaker: %v", err)
		}
		all(func(s *shop) { s.panics = false })
		live.Set(config(t, "services: {Shop: {breaker: false}}"))
		if _, err := took(b.Buy); err != nil {
			t.Errorf("without breaker: %v", err)
		}
	})
}

// TestConfigKeepsWhatItDoesNotChange: a budget goes on, and so does the chain of a method.
func TestConfigKeepsWhatItDoesNotChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStreet(t)
		text := "services: {Shop: {retry: {attempts: 5, backoff: 1ns, budget: {ratio: 0, per-second: 1}}%s}}"
		live := NewLiveConfig(config(t, fmt.Sprintf(text, "")))
		attempts := 0
		b := st.client(func(context.Context, *rpc.Call) error {
			attempts++
			return &rpc.Error{Code: rpc.CodeOverloaded, Outcome: rpc.OutcomeRefused}
		}, live.Interceptor(RetryOptions{}, nil))
		for i, more := range []string{"", ", routes: []", ", timeout: 1s", ", hedge: {}"} {
			live.Set(config(t, fmt.Sprintf(text, more)))
			for range 10 {
				b.Buy(context.Background(), "x")
			}
			if want := 10*(i+1) + 10; attempts != want { // 10 retries in 10 seconds
				t.Errorf("%d attempts after %q, want %d", attempts, more, want)
			}
		}
	})
}

func TestOpenConfigFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "fleet.yaml")
		open := func() error {
			_, err := OpenConfig(context.Background(), discovery.FileSource(name, 0), nil)
			return err
		}
		if err := open(); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("no file: %v", err)
		}
		os.WriteFile(name, []byte("services: {Shop: {timeout: x}}"), 0o666)
		if err := open(); err == nil || !strings.HasPrefix(err.Error(), name+":1:28: services.Shop.timeout: want a time") {
			t.Errorf("a wrong file: %v", err)
		}
		st := newStreet(t, "a:1")
		if _, err := st.dialTarget("a:1,b:1?config="+name, DialOptions{}); err == nil || !strings.Contains(err.Error(), `key "config": `+name+":1:28: ") {
			t.Errorf("a target with a wrong file: %v", err)
		}
		os.WriteFile(name, []byte("services: {Shop: {retry: {attempts: 2}}}"), 0o666)
		if _, err := st.dialTarget("a:1,b:1?mode=failfast&config="+name, DialOptions{}); err == nil || !strings.Contains(err.Error(), "a configuration does not go with the mode failfast") {
			t.Errorf("another mode: %v", err)
		}
		c, err := st.dialTarget("a:1,b:1?transport=header&config="+name, DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var b buyer
		if err := c.Bind(st.svc, &b); err != nil {
			t.Fatal(err)
		}
		count(t, 20, func() (string, error) { return b.Buy(context.Background(), "x") })
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		silent := discovery.SourceFunc(func(ctx context.Context, _ func([]byte)) error { <-ctx.Done(); return ctx.Err() })
		if _, err := OpenConfig(ctx, silent, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a source that says nothing: %v", err)
		}
	})
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte("services:\n  Shop:\n    timeout: 3s\n    retry: {attempts: 2, budget: {ratio: 0.1}}\n    routes:\n    - name: a\n      match: {metadata: {x: [y]}}\n      split: [{percent: 5, to: {tags: c}}, {percent: 95}]\n"))
	f.Add([]byte(`{"services": {"*": {"hedge": false, "breaker": {}, "balancer": "p2c"}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseConfig(text)
		if (c == nil) != (err != nil) {
			t.Errorf("%v, %v", c, err)
		}
	})
}

// TestConfigInDocs reads the documents of the documentation.
func TestConfigInDocs(t *testing.T) {
	for _, name := range []string{"governance.md", "governance.zh-CN.md"} {
		text, err := os.ReadFile(filepath.Join("..", "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), "```yaml\nservices:")
		doc, _, ok := strings.Cut(rest, "```")
		if !ok {
			t.Fatalf("%s has no configuration", name)
		}
		if _, err := ParseConfig([]byte("services:" + doc)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
