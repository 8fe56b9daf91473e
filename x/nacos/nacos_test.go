package nacos_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/internal/discoverytest"
	"github.com/thriftkit/thriftkit/x/nacos"
)

// A server answers as the documentation of Nacos' HTTP API says: version 3 (client API) or version 1.
type server struct {
	*httptest.Server
	version  int
	password string // "" asks for none

	mu        sync.Mutex
	instances map[string]map[string]any // by ip:port
	readOnly  bool
	token     string
	logins    int
	beats     int
	asked     []string
	broken    func(w http.ResponseWriter) bool
}

func newServer(t *testing.T, version int) *server {
	s := &server{version: version, instances: map[string]map[string]any{}, token: "t1"}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	s.asked = append(s.asked, r.Method+" "+r.URL.Path+" "+q.Get("namespaceId")+" "+q.Get("groupName")+" "+q.Get("clusterName")+q.Get("clusters"))
	if s.broken != nil && s.broken(w) {
		return
	}
	login, base := "/nacos/v3/auth/user/login", "/nacos/v3/client/ns/instance"
	if s.version == 1 {
		login, base = "/nacos/v1/auth/login", "/nacos/v1/ns/instance"
	}
	switch {
	case !strings.HasPrefix(r.URL.Path, base) && r.URL.Path != login:
		w.WriteHeader(404)
		fmt.Fprintf(w, `{"status":404,"error":"Not Found","path":%q}`, r.URL.Path)
	case r.URL.Path == login:
		if r.PostFormValue("username") != "nacos" || r.PostFormValue("password") != s.password {
			w.WriteHeader(403)
			io.WriteString(w, "unknown user!")
			return
		}
		s.logins++
		fmt.Fprintf(w, `{"accessToken":%q,"tokenTtl":18000,"globalAdmin":true}`, s.token)
	case s.password != "" && q.Get("accessToken") != s.token:
		w.WriteHeader(403)
		io.WriteString(w, `{"code":403,"message":"token invalid"}`)
	case s.readOnly && r.Method != "GET":
		w.WriteHeader(503)
		io.WriteString(w, "server is DOWN now")
	case s.version == 1:
		s.v1(w, r, q)
	default:
		s.v3(w, r, q)
	}
}

func (s *server) register(q url.Values) {
	var metadata map[string]string
	json.Unmarshal([]byte(q.Get("metadata")), &metadata)
	s.instances[q.Get("ip")+":"+q.Get("port")] = map[string]any{"ip": q.Get("ip"), "port": json.Number(q.Get("port")), "weight": json.Number(q.Get("weight")),
		"healthy": true, "enabled": true, "ephemeral": true, "clusterName": "DEFAULT", "serviceName": q.Get("groupName") + "@@" + q.Get("serviceName"), "metadata": metadata}
}

func (s *server) all() []any {
	list := []any{}
	for _, in := range s.instances {
		list = append(list, in)
	}
	return list
}

func (s *server) v3(w http.ResponseWriter, r *http.Request, q url.Values) {
	ok := func(data any) {
		json.NewEncoder(w).Encode(map[string]any{"code": 0, "message": "success", "data": data})
	}
	key := q.Get("ip") + ":" + q.Get("port")
	switch {
	case r.Method == "GET" && strings.HasSuffix(r.URL.Path, "/list"):
		ok(s.all())
	case r.Method == "POST" && q.Get("heartBeat") == "true":
		s.beats++
		if s.instances[key] == nil {
			w.WriteHeader(404)
			io.WriteString(w, `{"code":21003,"message":"instance not found","data":"no such instance"}`)
			return
		}
		ok("ok")
	case r.Method == "POST":
		s.register(q)
		ok("ok")
	case r.Method == "DELETE":
		delete(s.instances, key)
		ok("ok")
	}
}

func (s *server) v1(w http.ResponseWriter, r *http.Request, q url.Values) {
	key := q.Get("ip") + ":" + q.Get("port")
	switch {
	case r.Method == "GET" && strings.HasSuffix(r.URL.Path, "/list"):
		json.NewEncoder(w).Encode(map[string]any{"name": q.Get("serviceName"), "hosts": s.all(), "cacheMillis": 10000})
	case r.Method == "PUT" && strings.HasSuffix(r.URL.Path, "/beat"):
		s.beats++
		var beat struct {
			ServiceName, IP, Cluster string
			Port                     int
			Weight                   float64
		}
		if err := json.Unmarshal([]byte(q.Get("beat")), &beat); err != nil || beat.IP != q.Get("ip") || beat.ServiceName != q.Get("groupName")+"@@"+q.Get("serviceName") {
			http.Error(w, "caused: beat", 400)
			return
		}
		code := 10200
		if s.instances[key] == nil {
			code = 20404
		}
		fmt.Fprintf(w, `{"clientBeatInterval":5000,"code":%d,"lightBeatEnabled":true}`, code)
	case r.Method == "POST":
		s.register(q)
		io.WriteString(w, "ok")
	case r.Method == "DELETE":
		delete(s.instances, key)
		io.WriteString(w, "ok")
	}
}

func (s *server) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func TestRegisterAndResolve(t *testing.T) {
	for _, version := range []int{1, 3} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			s := newServer(t, version)
			s.password = "secret"
			opts := nacos.Options{Namespace: "ns", Group: "shop", Cluster: "c1", Username: "nacos", Password: "secret", Refresh: time.Millisecond, Heartbeat: time.Millisecond}
			resolver, err := nacos.Resolver([]string{s.URL}, "PingPong", opts)
			if err != nil {
				t.Fatal(err)
			}
			lists := discoverytest.Follow(t, resolver)
			if got := <-lists; len(got) != 0 {
				t.Fatalf("got %v, want none", got)
			}
			reg, err := nacos.NewRegistrar([]string{s.URL}, opts)
			if err != nil {
				t.Fatal(err)
			}
			in := discovery.Instance{Addr: "tls://10.0.0.1:9090", Weight: 150, Priority: 1, Zone: "a", Tags: []string{"blue", "green"},
				Metadata: map[string]string{"protocol": "compact"}, Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
			x, err := reg.Register(t.Context(), "PingPong", in)
			if err != nil {
				t.Fatal(err)
			}
			if got := <-lists; len(got) != 1 || !got[0].Equal(in) {
				t.Fatalf("got %+v, want %+v", got, in)
			}
			// One that was lost is registered again, and so it is with a token that is not known any more.
			s.change(func() { s.readOnly = true; clear(s.instances) })
			discoverytest.Until(lists, 0)
			s.change(func() { s.readOnly = false; s.token = "t2" })
			discoverytest.Until(lists, 1)
			// Those that are not healthy, not enabled or without weight are left out.
			for key, value := range map[string]any{"healthy": false, "enabled": false, "weight": 0} {
				s.change(func() { s.readOnly = true; s.instances["10.0.0.1:9090"][key] = value })
				discoverytest.Until(lists, 0)
				s.change(func() { s.readOnly = false; clear(s.instances) })
				discoverytest.Until(lists, 1)
			}
			if err := x.Deregister(t.Context()); err != nil {
				t.Fatal(err)
			}
			discoverytest.Until(lists, 0)
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.beats == 0 || s.logins < 2 {
				t.Errorf("%d heartbeats, %d logins", s.beats, s.logins)
			}
			for _, line := range s.asked {
				if strings.Contains(line, "/ns/instance") && !strings.HasSuffix(line, " ns shop c1") {
					t.Errorf("asked %s", line)
				}
			}
		})
	}
}

// What other programs register is read as Nacos has it.
func TestInstances(t *testing.T) {
	for _, test := range []discoverytest.Entry{
		{Text: `{"ip":"10.0.0.1","port":80,"weight":1.0,"healthy":true,"enabled":true,"metadata":{}}`, Want: discovery.Instance{Addr: "10.0.0.1:80", Weight: 100}},
		{Text: `{"ip":"10.0.0.1","port":80}`, Want: discovery.Instance{Addr: "10.0.0.1:80"}},
		{Text: `{"ip":"fd00::1","port":80,"weight":0.001,"metadata":{"k":"v"}}`, Want: discovery.Instance{Addr: "[fd00::1]:80", Weight: 1, Metadata: map[string]string{"k": "v"}}},
		{Text: `{"ip":"h","port":80,"weight":1e30}`, Want: discovery.Instance{Addr: "h:80", Weight: discovery.MaxWeight}},
		{Text: `{"ip":"h","port":0}`, Skipped: "skipped instance h:0 of S: it has no port"},
		{Text: `{"ip":"","port":1}`, Skipped: "want host:port"},
		{Text: `{"ip":"h","port":80,"metadata":{"thriftkit-priority":"high"}}`, Skipped: "metadata thriftkit-priority: "},
	} {
		s := newServer(t, 3)
		s.broken = func(w http.ResponseWriter) bool {
			fmt.Fprintf(w, `{"code":0,"message":"success","data":[%s]}`, test.Text)
			return true
		}
		test.Check(t, func(onError func(error)) (discovery.Resolver, error) {
			return nacos.Resolver([]string{s.URL}, "S", nacos.Options{OnError: onError})
		})
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
		{answer(200, `{"code":0,"data":{"hosts":1}}`), "the answer is not a list of instances"},
		{answer(200, `{"code":20002,"message":"parameter validate error","data":"serviceName is illegal"}`), "code 20002: parameter validate error \"serviceName is illegal\""},
		{answer(400, `{"code":10000,"message":"parameter missing","data":"serviceName"}`), "code 10000: parameter missing"},
		{answer(404, "nothing here"), "404 Not Found: nothing here"}, // of both versions
		{answer(503, "server is STARTING now"), "503 Service Unavailable: server is STARTING now"},
	} {
		s := newServer(t, 3)
		s.broken = test.broken
		resolver, err := nacos.Resolver([]string{s.URL}, "S", nacos.Options{})
		discoverytest.Fails(t, resolver, err, "nacos: ", test.want)
	}
	s := newServer(t, 3)
	s.password = "secret"
	resolver, err := nacos.Resolver([]string{s.URL}, "S", nacos.Options{Username: "nacos", Password: "wrong"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := discovery.List(t.Context(), resolver); err == nil || !strings.Contains(err.Error(), "403 Forbidden: unknown user!") || strings.Contains(err.Error(), "wrong") {
		t.Errorf("with a wrong password: %v", err)
	}
}

func TestRegisterMistakes(t *testing.T) {
	reg, err := nacos.NewRegistrar([]string{"127.0.0.1:1"}, nacos.Options{})
	if err != nil {
		t.Fatal(err)
	}
	discoverytest.CheckMistakes(t, reg, []discoverytest.Mistake{
		{Service: "g@@S", Instance: discovery.Instance{Addr: "h:1"}, Err: `the name of the service is "g@@S"`},
		{Service: "S", Instance: discovery.Instance{Addr: "h"}, Err: "missing port in address"},
		{Service: "S", Instance: discovery.Instance{Addr: "unix:///run/a.sock"}, Err: "this registry keeps instances that have a host and a port"},
		{Service: "S", Instance: discovery.Instance{Addr: "h:1", Tags: []string{"a,b"}}, Err: `tag "a,b"`},
	})
}

func TestScheme(t *testing.T) {
	discoverytest.CheckTargets(t, nacos.Scheme, []discoverytest.Target{
		{Target: "nacos://a:8848,b:8848/S?namespace=n&group=g&cluster=c&protocol=compact", Keys: "protocol=compact"},
		{Target: "nacos+https://a/S"},
		{Target: "nacos:///S", Err: "want nacos://host:8848/Name"},
		{Target: "nacos://a:8848/", Err: "want nacos://host:8848/Name"},
	})
}
