package kubernetes

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/internal/discoverytest"
)

// An api answers as the documentation of Kubernetes' API says (1.31: list in pages, watch with bookmarks, 410 for versions that are too old).
type api struct {
	mu      sync.Mutex
	service string
	items   []string // JSON of slices
	page    int      // how many a page has
	events  chan string
	gone    bool // the next watch is for a version that is too old
	asked   []string
	broken  func(w http.ResponseWriter) bool
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	a.mu.Lock()
	a.asked = append(a.asked, r.URL.Path+" "+q.Get("labelSelector")+" version="+q.Get("resourceVersion")+" "+r.Header.Get("Authorization"))
	broken, items, gone := a.broken, a.items, a.gone
	a.mu.Unlock()
	switch {
	case broken != nil && broken(w):
	case r.URL.Path == "/api/v1/namespaces/shop/services/pingpong":
		io.WriteString(w, a.service)
	case r.URL.Path != "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices":
		w.WriteHeader(404)
		io.WriteString(w, `{"kind":"Status","status":"Failure","message":"the server could not find the requested resource","code":404}`)
	case q.Get("watch") == "true" && gone:
		a.mu.Lock()
		a.gone = false
		a.mu.Unlock()
		io.WriteString(w, `{"type":"ERROR","object":{"kind":"Status","status":"Failure","message":"too old resource version: 5 (9)","reason":"Expired","code":410}}`)
	case q.Get("watch") == "true":
		w.(http.Flusher).Flush()
		for {
			select {
			case <-r.Context().Done():
				return
			case e := <-a.events:
				if e == "end" {
					return
				}
				io.WriteString(w, e+"\n")
				w.(http.Flusher).Flush()
			}
		}
	default:
		from, next := 0, ""
		fmt.Sscan(q.Get("continue"), &from)
		to := len(items)
		if a.page > 0 && from+a.page < to {
			to = from + a.page
			next = fmt.Sprint(to)
		}
		fmt.Fprintf(w, `{"kind":"EndpointSliceList","metadata":{"resourceVersion":"5","continue":%q},"items":[%s]}`, next, strings.Join(items[from:to], ","))
	}
}

// sliceJSON returns a slice with endpoints, each "ADDRESS[/zone][!]", where ! is not ready.
func sliceJSON(uid, family, ports string, endpoints ...string) string {
	list := []any{}
	for _, e := range endpoints {
		e, notReady := strings.CutSuffix(e, "!")
		addr, zone, _ := strings.Cut(e, "/")
		pod := "pod-" + addr[len(addr)-1:]
		list = append(list, map[string]any{"addresses": []string{addr}, "zone": zone, "nodeName": "n1", "conditions": map[string]any{"ready": !notReady},
			"targetRef": map[string]any{"kind": "Pod", "name": pod, "uid": "uid-" + pod}})
	}
	text, _ := json.Marshal(map[string]any{"kind": "EndpointSlice", "metadata": map[string]any{"uid": uid, "name": uid, "resourceVersion": "6"},
		"addressType": family, "ports": json.RawMessage(ports), "endpoints": list})
	return string(text)
}

const thrift = `[{"name":"thrift","port":9090,"protocol":"TCP"}]`

func text(list []discovery.Instance) string {
	var all []string
	for _, in := range list {
		all = append(all, in.Addr+" "+in.Zone)
	}
	return strings.Join(all, ", ")
}

func TestWatch(t *testing.T) {
	a := &api{items: []string{sliceJSON("a", "IPv4", thrift, "10.0.0.1/z1", "10.0.0.2!"), sliceJSON("b", "IPv4", thrift, "10.0.0.3/z2")}, page: 1, events: make(chan string)}
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	r, err := Resolver("shop", "pingpong:thrift", Options{Server: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	lists := discoverytest.Follow(t, r)
	want := func(want string) {
		t.Helper()
		if got := text(<-lists); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	want("10.0.0.1:9090 z1, 10.0.0.3:9090 z2")
	a.events <- `{"type":"MODIFIED","object":` + sliceJSON("a", "IPv4", thrift, "10.0.0.1/z1", "10.0.0.2") + `}`
	want("10.0.0.1:9090 z1, 10.0.0.2:9090 , 10.0.0.3:9090 z2")
	a.events <- `{"type":"BOOKMARK","object":{"kind":"EndpointSlice","metadata":{"resourceVersion":"8"}}}`
	a.events <- `{"type":"LATER","object":{}}`
	a.events <- "end" // the API ends watches: it is asked for what came after the bookmark
	a.events <- `{"type":"DELETED","object":` + sliceJSON("b", "IPv4", thrift) + `}`
	want("10.0.0.1:9090 z1, 10.0.0.2:9090 ")
	a.mu.Lock()
	a.gone = true // and lists again where it does not have that any more
	a.items = []string{sliceJSON("c", "IPv4", thrift, "10.0.0.9")}
	if last := a.asked[len(a.asked)-1]; !strings.Contains(last, "version=8") {
		t.Errorf("the second watch was %s", last)
	}
	a.mu.Unlock()
	a.events <- "end"
	want("10.0.0.9:9090 ")
	a.events <- `{"type":"ADDED","object":` + sliceJSON("d", "IPv6", thrift, "fd00::9", "fd00::7") + `}`
	want("10.0.0.9:9090 , [fd00::7]:9090 ") // pod-9 is there by IPv4
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, line := range a.asked {
		if !strings.Contains(line, "kubernetes.io/service-name=pingpong") {
			t.Errorf("asked %s", line)
		}
	}
}

func TestPorts(t *testing.T) {
	const two = `[{"name":"http","port":8080},{"name":"thrift","port":9091}]`
	for _, test := range []struct {
		service, ports, want, err string
	}{
		{service: "pingpong", ports: thrift, want: "10.0.0.1:9090 "},
		{service: "pingpong", ports: `[{"port":9090}]`, want: "10.0.0.1:9090 "},
		{service: "pingpong:thrift", ports: two, want: "10.0.0.1:9091 "},
		{service: "pingpong:80", ports: two, want: "10.0.0.1:9091 "}, // the Service's 80 is the pods' thrift
		{service: "pingpong", ports: two, err: "kubernetes: service pingpong has 2 ports, name one: pingpong:PORT (it has: http, thrift)"},
		{service: "pingpong:81", ports: two, err: "kubernetes: service pingpong has no port 81 (it has: 80, 8081)"},
		{service: "pingpong:grpc", ports: two, want: ""},
		{service: "absent:80", err: "kubernetes: the Service, for the name of its port 80: "},
	} {
		a := &api{items: []string{sliceJSON("a", "IPv4", test.ports, "10.0.0.1")}, service: `{"spec":{"ports":[{"name":"thrift","port":80,"targetPort":9091},{"name":"http","port":8081}]}}`}
		if test.ports == "" {
			a.items = nil
		}
		srv := httptest.NewServer(a)
		var skipped error
		r, err := Resolver("shop", test.service, Options{Server: srv.URL, OnError: func(err error) { skipped = err }})
		if err != nil {
			t.Fatal(err)
		}
		got, err := discovery.List(t.Context(), r)
		srv.Close()
		if test.err != "" {
			if err == nil || !strings.HasPrefix(err.Error(), test.err) {
				t.Errorf("%s: got %v, want error %s", test.service, err, test.err)
			}
			continue
		}
		if err != nil || text(got) != test.want {
			t.Errorf("%s: got %q, %v, want %q", test.service, text(got), err, test.want)
		}
		if test.want == "" && (skipped == nil || !strings.Contains(skipped.Error(), `service pingpong has no port "grpc" (it has: http, thrift)`)) {
			t.Errorf("%s: skipped %v", test.service, skipped)
		}
	}
}

// In a pod the address, authority and token are those of the pod.
func TestInCluster(t *testing.T) {
	a := &api{items: []string{sliceJSON("a", "IPv4", thrift, "10.0.0.1")}}
	srv := httptest.NewTLSServer(a)
	defer srv.Close()
	dir := t.TempDir()
	for name, text := range map[string][]byte{
		"token":  []byte("abc\n"),
		"ca.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", u.Hostname())
	t.Setenv("KUBERNETES_SERVICE_PORT", u.Port())
	r, err := Resolver("shop", "pingpong", Options{account: dir})
	if err != nil {
		t.Fatal(err)
	}
	got, err := discovery.List(t.Context(), r)
	if err != nil || text(got) != "10.0.0.1:9090 " || got[0].Metadata["pod"] != "pod-1" || got[0].Metadata["node"] != "n1" {
		t.Errorf("got %+v, %v", got, err)
	}
	if !strings.HasSuffix(a.asked[0], " Bearer abc") {
		t.Errorf("asked %s", a.asked[0])
	}
}

func TestBadAnswers(t *testing.T) {
	answer := func(status int, body string) func(w http.ResponseWriter) bool {
		return func(w http.ResponseWriter) bool { w.WriteHeader(status); io.WriteString(w, body); return true }
	}
	for _, test := range []struct {
		broken func(w http.ResponseWriter) bool
		want   string
	}{
		{answer(200, "<html>"), "the answer is not what the API has"},
		{answer(403, `{"kind":"Status","message":"endpointslices.discovery.k8s.io is forbidden: User \"system:serviceaccount:shop:default\" cannot list","code":403}`),
			`403 Forbidden: endpointslices.discovery.k8s.io is forbidden: User "system:serviceaccount:shop:default" cannot list`},
		{answer(500, "etcdserver: request timed out"), "500 Internal Server Error: etcdserver: request timed out"},
	} {
		srv := httptest.NewServer(&api{broken: test.broken})
		r, err := Resolver("shop", "pingpong", Options{Server: srv.URL})
		discoverytest.Fails(t, r, err, "kubernetes: ", test.want)
		srv.Close()
	}
}

func TestScheme(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	discoverytest.CheckTargets(t, Scheme, []discoverytest.Target{
		{Target: "kubernetes+http://127.0.0.1:8001/shop/pingpong:thrift"},
		{Target: "kubernetes://api:6443/shop/pingpong"},
		{Target: "kubernetes:///shop/pingpong", Err: "not in a pod: KUBERNETES_SERVICE_HOST"},
		{Target: "kubernetes+http:///shop/pingpong", Err: "want kubernetes+http://host:port/namespace/service:port"},
		{Target: "kubernetes://api:6443/pingpong", Err: "want kubernetes:///namespace/service:port"},
		{Target: "kubernetes://api:6443/shop/Ping", Err: `kubernetes: "Ping" in namespace "shop": want the names of a namespace and a Service, and its port (the form is`},
		{Target: "kubernetes://api:6443/shop/ping:", Err: `kubernetes: "ping:" in namespace "shop"`},
		{Target: "kubernetes://api:6443/../ping", Err: `kubernetes: "ping" in namespace ".."`},
	})
}
