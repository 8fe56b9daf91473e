package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/internal/etcdtest"
	"github.com/thriftkit/thriftkit/internal/zookeepertest"
	"github.com/thriftkit/thriftkit/x/etcd"
	"github.com/thriftkit/thriftkit/x/zookeeper"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const registryIDL = "service Api { string name() }\n"

type one struct{}

func (one) Name(context.Context) (string, error) { return "one", nil }

// startNamed starts a server, and returns its address and a file with its IDL.
func startNamed(t *testing.T) (addr, idl string) {
	t.Helper()
	idl = filepath.Join(t.TempDir(), "api.thrift")
	if err := os.WriteFile(idl, []byte(registryIDL), 0o666); err != nil {
		t.Fatal(err)
	}
	file, err := thriftkit.Load(idl)
	if err != nil {
		t.Fatal(err)
	}
	server := thriftkit.NewServer()
	if err := server.Register(file.Service("Api"), one{}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return l.Addr().String(), idl
}

// callNamed calls the server as the command line does.
func callNamed(t *testing.T, idl, target string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run([]string{"call", "--idl", idl, target, "name"}, strings.NewReader(""), &stdout, &stderr); code != 0 || stdout.String() != "\"one\"\n" {
		t.Errorf("%s: exit code %d, %s%s", target, code, stdout.String(), stderr.String())
	}
}

func TestEtcdTarget(t *testing.T) {
	c := etcdtest.Start(t, 1)
	addr, idl := startNamed(t)
	client, err := clientv3.New(etcd.Config(c.Endpoints()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), etcdtest.Patient)
	defer cancel()
	for scheme, layout := range map[string]*etcd.Layout{"etcd": nil, "etcd+kitex": etcd.Kitex(""), "etcd+rpcx": etcd.Rpcx("")} {
		registration, err := etcd.NewRegistrar(client, etcd.Options{Layout: layout}).Register(ctx, "Api", discovery.Instance{Addr: addr})
		if err != nil {
			t.Fatal(err)
		}
		callNamed(t, idl, scheme+"://"+c.Endpoints()+"/Api?protocol=compact&transport=framed")
		if err := registration.Deregister(ctx); err != nil {
			t.Error(err)
		}
	}
}

func TestZooKeeperTarget(t *testing.T) {
	s := zookeepertest.Start(t)
	addr, idl := startNamed(t)
	reg, err := zookeeper.NewRegistrar([]string{s.Addr}, zookeeper.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	registration, err := reg.Register(ctx, "Api", discovery.Instance{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	callNamed(t, idl, "zookeeper://"+s.Addr+"/Api")
	if err := registration.Deregister(ctx); err != nil {
		t.Error(err)
	}
}

// The registries with an API of HTTP are known by their schemes, and take their keys.
func TestHTTPTargets(t *testing.T) {
	addr, idl := startNamed(t)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch {
		case r.URL.Path == "/v1/health/service/Api" && q.Get("tag") == "blue":
			w.Header().Set("X-Consul-Index", "1")
			if q.Get("index") != "" {
				<-r.Context().Done() // nothing changes
				return
			}
			fmt.Fprintf(w, `[{"Service":{"ID":"a","Address":%q,"Port":%s}}]`, host, port)
		case r.URL.Path == "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices":
			if q.Get("watch") != "" {
				<-r.Context().Done()
				return
			}
			fmt.Fprintf(w, `{"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"uid":"u"},"addressType":"IPv4","endpoints":[{"addresses":[%q]}],"ports":[{"name":"thrift","port":%s}]}]}`, host, port)
		case r.URL.Path == "/nacos/v3/client/ns/instance/list" && q.Get("groupName") == "shop":
			fmt.Fprintf(w, `{"code":0,"data":[{"ip":%q,"port":%s}]}`, host, port)
		default:
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, r.URL.String())
		}
	}))
	t.Cleanup(api.Close)
	server := strings.TrimPrefix(api.URL, "http://")
	for _, target := range []string{
		"consul://" + server + "/Api?tag=blue",
		"kubernetes+http://" + server + "/shop/api:thrift",
		"nacos://" + server + "/Api?group=shop&protocol=compact&transport=framed",
	} {
		callNamed(t, idl, target)
	}
}
