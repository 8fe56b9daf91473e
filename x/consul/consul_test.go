package consul_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/internal/discoverytest"
	"github.com/thriftkit/thriftkit/x/consul"
)

// An agent answers as the documentation of Consul's HTTP API says (1.20: agent/service, agent/check, health, kv, blocking queries).
type agent struct {
	*httptest.Server
	mu       sync.Mutex
	changed  chan struct{} // closed by each change
	index    uint64
	services map[string]map[string]any // by id
	failing  map[string]bool           // checks by id of the service
	keys     map[string][]byte
	asked    []string
	broken   func(w http.ResponseWriter) bool // answers in its place
	readOnly bool                             // it takes no registrations and renewals
}

func newAgent(t *testing.T) *agent {
	a := &agent{index: 7, changed: make(chan struct{}), services: map[string]map[string]any{}, failing: map[string]bool{}, keys: map[string][]byte{}}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

// change does f, and wakes those who wait.
func (a *agent) change(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.index++
	f()
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	a.asked = append(a.asked, r.Method+" "+r.URL.Path+" token="+r.Header.Get("X-Consul-Token")+" dc="+r.URL.Query().Get("dc")+" tag="+r.URL.Query().Get("tag"))
	broken, readOnly := a.broken, a.readOnly
	a.mu.Unlock()
	if readOnly && r.Method == "PUT" {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	if broken != nil && broken(w) {
		return
	}
	id, _ := strings.CutPrefix(r.URL.Path, "/v1/agent/service/deregister/")
	switch {
	case r.Method == "PUT" && r.URL.Path == "/v1/agent/service/register":
		var s map[string]any
		if err := json.Unmarshal(body, &s); err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		a.change(func() { a.services[s["ID"].(string)] = s })
	case r.Method == "PUT" && strings.HasPrefix(r.URL.Path, "/v1/agent/check/pass/service:"):
		id := strings.TrimPrefix(r.URL.Path, "/v1/agent/check/pass/service:")
		a.mu.Lock()
		_, ok := a.services[id]
		a.mu.Unlock()
		if !ok {
			http.Error(w, fmt.Sprintf("Unknown check ID %q", "service:"+id), 404)
		}
	case r.Method == "PUT" && id != r.URL.Path:
		a.change(func() { delete(a.services, id) })
	case r.Method == "GET" && strings.HasPrefix(r.URL.Path, "/v1/health/service/"):
		a.block(w, r, func() (any, int) {
			list := []any{}
			for id, s := range a.services {
				if s["Name"] == strings.TrimPrefix(r.URL.Path, "/v1/health/service/") && !a.failing[id] {
					list = append(list, map[string]any{"Node": map[string]any{"Node": "n1", "Address": "10.9.9.9"}, "Service": s, "Checks": []any{}})
				}
			}
			return list, 200
		})
	case r.Method == "GET" && strings.HasPrefix(r.URL.Path, "/v1/kv/"):
		a.block(w, r, func() (any, int) {
			v, ok := a.keys[strings.TrimPrefix(r.URL.Path, "/v1/kv/")]
			if !ok {
				return nil, 404
			}
			return []any{map[string]any{"LockIndex": 0, "Key": "x", "Flags": 0, "Value": v}}, 200
		})
	default:
		http.Error(w, "no such path", 404)
	}
}

// block answers when the index is not the one asked for, or the time has passed.
func (a *agent) block(w http.ResponseWriter, r *http.Request, answer func() (any, int)) {
	index, _ := strconv.ParseUint(r.URL.Query().Get("index"), 10, 64)
	wait, err := time.ParseDuration(r.URL.Query().Get("wait"))
	if err != nil {
		wait = 5 * time.Minute
	}
	end := time.After(wait)
	for {
		a.mu.Lock()
		changed, now := a.changed, a.index
		if index == 0 || now != index {
			break
		}
		a.mu.Unlock()
		select {
		case <-r.Context().Done():
			return
		case <-changed:
			continue
		case <-end:
		}
		a.mu.Lock()
		break
	}
	defer a.mu.Unlock()
	w.Header().Set("X-Consul-Index", strconv.FormatUint(a.index, 10))
	v, status := answer()
	w.WriteHeader(status)
	if v != nil {
		json.NewEncoder(w).Encode(v)
	}
}

func TestRegisterAndResolve(t *testing.T) {
	a := newAgent(t)
	resolver, err := consul.Resolver([]string{a.URL}, "PingPong", consul.Options{Token: "secret", Datacenter: "dc2", Tag: "blue"})
	if err != nil {
		t.Fatal(err)
	}
	lists := discoverytest.Follow(t, resolver)
	if got := <-lists; len(got) != 0 {
		t.Fatalf("got %v, want none", got)
	}
	reg, err := consul.NewRegistrar(strings.TrimPrefix(a.URL, "http://"), consul.Options{Token: "secret", TTL: 30 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	in := discovery.Instance{
		Addr: "tls://10.0.0.1:9090", Weight: 150, Priority: 1, Zone: "a", Tags: []string{"blue"}, Metadata: map[string]string{"protocol": "compact"},
		Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	x, err := reg.Register(t.Context(), "PingPong", in)
	if err != nil {
		t.Fatal(err)
	}
	if got := <-lists; len(got) != 1 || !got[0].Equal(in) {
		t.Fatalf("got %+v, want %+v", got, in)
	}
	a.mu.Lock()
	check := a.services["PingPong-10.0.0.1:9090"]["Check"]
	a.mu.Unlock()
	if want := map[string]any{"CheckID": "service:PingPong-10.0.0.1:9090", "TTL": "30ms", "Status": "passing", "DeregisterCriticalServiceAfter": "1m"}; !reflect.DeepEqual(check, want) {
		t.Errorf("registered with check %v, want %v", check, want)
	}

	// An agent that lost it has it again.
	a.change(func() { a.readOnly = true; clear(a.services) })
	discoverytest.Until(lists, 0)
	a.change(func() { a.readOnly = false })
	discoverytest.Until(lists, 1)
	// One whose check fails is not listed.
	a.change(func() { a.failing["PingPong-10.0.0.1:9090"] = true })
	discoverytest.Until(lists, 0)
	a.change(func() { clear(a.failing) })
	discoverytest.Until(lists, 1)
	// Consul's state was set up anew: the index goes back.
	a.change(func() { a.index = 1; a.readOnly = true; clear(a.services) })
	discoverytest.Until(lists, 0)
	a.change(func() { a.readOnly = false })
	discoverytest.Until(lists, 1)
	if err := x.Deregister(t.Context()); err != nil {
		t.Fatal(err)
	}
	discoverytest.Until(lists, 0)
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, line := range a.asked {
		if !strings.Contains(line, "token=secret") || strings.HasPrefix(line, "GET") && !strings.HasSuffix(line, "dc=dc2 tag=blue") {
			t.Errorf("asked %s", line)
		}
	}
}

// What other programs register is read as Consul has it.
func TestInstances(t *testing.T) {
	for _, test := range []discoverytest.Entry{
		{Text: `{"ID":"a","Name":"S","Address":"10.0.0.1","Port":80,"Weights":{"Passing":1,"Warning":1}}`, Want: discovery.Instance{Addr: "10.0.0.1:80", Weight: 100}},
		{Text: `{"ID":"a","Name":"S","Address":"","Port":80,"Weights":{"Passing":3}}`, Want: discovery.Instance{Addr: "10.9.9.9:80", Weight: 300}},
		{Text: `{"ID":"a","Name":"S","Address":"fd00::1","Port":80,"Tags":["x"],"Meta":{"k":"v"},"Locality":{"Region":"r","Zone":"z"}}`,
			Want: discovery.Instance{Addr: "[fd00::1]:80", Zone: "z", Tags: []string{"x"}, Metadata: map[string]string{"k": "v"}}},
		{Text: `{"ID":"a","Name":"S","Address":"h","Port":80,"Weights":{"Passing":65535}}`, Want: discovery.Instance{Addr: "h:80", Weight: discovery.MaxWeight}},
		{Text: `{"ID":"a","Name":"S","Address":"h","Port":0}`, Skipped: `skipped service "a": it has no port`},
		{Text: `{"ID":"a","Name":"S","Address":"h","Port":80,"Meta":{"thriftkit-weight":"many"}}`, Skipped: "metadata thriftkit-weight: "},
		{Text: `{"ID":"a","Name":"S","Address":"h","Port":80,"Meta":{"thriftkit-weight":"-1"}}`, Skipped: "weight is -1"},
	} {
		a := newAgent(t)
		var service map[string]any
		if err := json.Unmarshal([]byte(test.Text), &service); err != nil {
			t.Fatal(err)
		}
		a.services["a"] = service
		test.Check(t, func(onError func(error)) (discovery.Resolver, error) {
			return consul.Resolver([]string{a.URL}, "S", consul.Options{OnError: onError})
		})
	}
}

func TestBadAnswers(t *testing.T) {
	answer := func(status int, index, body string) func(w http.ResponseWriter) bool {
		return func(w http.ResponseWriter) bool {
			if index != "" {
				w.Header().Set("X-Consul-Index", index)
			}
			w.WriteHeader(status)
			io.WriteString(w, body)
			return true
		}
	}
	for _, test := range []struct {
		broken func(w http.ResponseWriter) bool
		want   string
	}{
		{answer(200, "", "[]"), "the header X-Consul-Index is \"\", want a number: is this Consul?"},
		{answer(200, "x", "[]"), "the header X-Consul-Index is \"x\""},
		{answer(200, "1", "<html>"), "the answer is not what the API has"},
		{answer(200, "1", `{"a":1}`), "the answer is not a list of services"},
		{answer(403, "", "Permission denied"), "403 Forbidden: Permission denied"},
		{answer(500, "", "No cluster leader"), "500 Internal Server Error: No cluster leader"},
	} {
		a := newAgent(t)
		a.broken = test.broken
		resolver, err := consul.Resolver([]string{a.URL}, "S", consul.Options{})
		discoverytest.Fails(t, resolver, err, "consul: ", test.want)
	}
}

// The next server is asked where one cannot be reached.
func TestServers(t *testing.T) {
	down := httptest.NewServer(nil)
	down.Close()
	a := newAgent(t)
	resolver, err := consul.Resolver([]string{down.URL, a.URL}, "S", consul.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := discovery.List(t.Context(), resolver); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestRegisterMistakes(t *testing.T) {
	a := newAgent(t)
	reg, err := consul.NewRegistrar(a.URL, consul.Options{})
	if err != nil {
		t.Fatal(err)
	}
	discoverytest.CheckMistakes(t, reg, []discoverytest.Mistake{
		{Service: "a b", Instance: discovery.Instance{Addr: "h:1"}, Err: `the name of the service is "a b"`},
		{Service: "S", Instance: discovery.Instance{Addr: "h"}, Err: "missing port in address"},
		{Service: "S", Instance: discovery.Instance{Addr: "unix:///run/a.sock"}, Err: "this registry keeps instances that have a host and a port"},
		{Service: "S", Instance: discovery.Instance{Addr: "h:http"}, Err: "this registry wants the port as a number"},
		{Service: "S", Instance: discovery.Instance{Addr: "h:1", Metadata: map[string]string{"a.b": ""}}, Err: `metadata "a.b": Consul wants keys of letters`},
	})
	a.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := reg.Register(ctx, "S", discovery.Instance{Addr: "h:1"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without an agent: %v", err)
	}
}

func TestSource(t *testing.T) {
	a := newAgent(t)
	source, err := consul.Source([]string{a.URL}, "fleet/settings", consul.Options{})
	if err != nil {
		t.Fatal(err)
	}
	documents := make(chan []byte, 10)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- source.Watch(ctx, func(text []byte) { documents <- text }) }()
	if got := <-documents; got != nil {
		t.Errorf("got %q, want none", got)
	}
	for _, want := range []string{"a: 1\n", ""} {
		a.change(func() { a.keys["fleet/settings"] = []byte(want) })
		if got := <-documents; got == nil || string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	a.change(func() { clear(a.keys) })
	if got := <-documents; got != nil {
		t.Errorf("got %q, want none", got)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Watch: %v", err)
	}
}

func TestScheme(t *testing.T) {
	discoverytest.CheckTargets(t, consul.Scheme, []discoverytest.Target{
		{Target: "consul://a:8500,b:8500/S?tag=blue&dc=x&protocol=compact", Keys: "protocol=compact"},
		{Target: "consul+https://a:8501/S"},
		{Target: "consul:///S", Err: "want consul://host:8500/Name"},
		{Target: "consul://a:8500/", Err: "want consul://host:8500/Name"},
		{Target: "consul://a:8500/x/S", Err: "want consul://host:8500/Name"},
	})
}
