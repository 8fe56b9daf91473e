//go:build unix

package zookeeper

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-zookeeper/zk"
	"github.com/thriftkit/thriftkit/discovery"
)

// TestLayouts writes and reads the nodes of Dubbo and Motan.
func TestLayouts(t *testing.T) {
	const service = "com.acme.Shop"
	in := discovery.Instance{Addr: "10.0.0.1:9090", Weight: 200, Zone: "a", Metadata: map[string]string{"idc": "x", "protocol": "compact"}}
	for _, test := range []struct {
		name         string
		layout       *Layout
		folder, node string
		data         string
		addr         string
	}{
		{
			"Dubbo", Dubbo(ProviderOptions{Group: "g", Version: "1.0.0"}), "/dubbo/com.acme.Shop/providers",
			"dubbo://10.0.0.1:9090/com.acme.Shop?category=providers&dubbo=2.0.2&group=g&idc=x&interface=com.acme.Shop&prefer.serialization=hessian2&serialization=hessian2&side=provider&version=1.0.0&weight=200", "",
			"dubbo://10.0.0.1:9090",
		},
		{
			"Motan", Motan(ProviderOptions{Root: "/m/", Group: "g"}), "/m/g/com.acme.Shop/server", "10.0.0.1:9090",
			"\xac\xed\x00\x05t\x00\x71motan2://10.0.0.1:9090/com.acme.Shop?group=g&idc=x&nodeType=service&serialization=hessian2&version=1.0&weight=200", "motan2://10.0.0.1:9090",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.layout.folder(service); got != test.folder {
				t.Errorf("folder %s, want %s", got, test.folder)
			}
			name, data, err := test.layout.encode(service, in)
			if text, _ := url.QueryUnescape(name); err != nil || text != test.node || string(data) != test.data || strings.Contains(name, "/") {
				t.Errorf("node %s: %q, %v", name, data, err)
			}
			got, err := test.layout.decode(name, data)
			if want := (discovery.Instance{Addr: test.addr, Weight: 200, Metadata: map[string]string{"idc": "x"}}); err != nil || !got.Equal(want) {
				t.Errorf("%+v, %v, want %+v", got, err, want)
			}
			for _, addr := range []string{"unix:///run/b.sock", "tls://a:1", test.addr + "/x"} {
				if _, _, err := test.layout.encode(service, discovery.Instance{Addr: addr}); err == nil || !strings.Contains(err.Error(), "want host:port or "+test.addr[:strings.Index(test.addr, "://")]) {
					t.Errorf("%s: %v", addr, err)
				}
			}
		})
	}
	if _, _, err := Motan(ProviderOptions{}).encode(service, discovery.Instance{Addr: "a:1", Metadata: map[string]string{"k": "a&b"}}); err == nil || !strings.Contains(err.Error(), `metadata "k": "a&b": Motan's registry carries neither =, & and ? nor characters above U+FFFF`) {
		t.Error(err)
	}
}

// TestNodesOfOthers has nodes as Dubbo and Motan write them among those that are none.
func TestNodesOfOthers(t *testing.T) {
	escape := url.QueryEscape
	for _, test := range []struct {
		layout    *Layout
		name      string
		data      string
		want, err string
	}{
		{Dubbo(ProviderOptions{}), escape("dubbo://10.0.0.1:20880/com.acme.Shop?anyhost=true&application=a&group=g&interface=com.acme.Shop&methods=a,b&version=1&weight=7"), "", "dubbo://10.0.0.1:20880", ""},
		{Dubbo(ProviderOptions{Group: "*"}), escape("dubbo://[::1]:20880/com.acme.Shop?group=g"), "", "dubbo://[::1]:20880", ""},
		{Dubbo(ProviderOptions{Group: "h"}), escape("dubbo://10.0.0.1:20880/com.acme.Shop?group=g"), "", "", errOther.Error()},
		{Dubbo(ProviderOptions{Version: "2"}), escape("dubbo://10.0.0.1:20880/com.acme.Shop?version=1"), "", "", errOther.Error()},
		{Dubbo(ProviderOptions{}), escape("dubbo://10.0.0.1:20880/com.acme.Shop?disabled=true"), "", "", errOther.Error()},
		{Dubbo(ProviderOptions{}), escape("tri://10.0.0.1:50051/com.acme.Shop"), "", "", errOther.Error()},
		{Dubbo(ProviderOptions{}), "%zz", "", "", "invalid URL escape"},
		{Dubbo(ProviderOptions{}), escape("dubbo://nowhere/com.acme.Shop"), "", "", "missing port"},
		{Dubbo(ProviderOptions{}), escape("dubbo://a:1/com.acme.Shop?weight=x"), "", "", `the weight is no number: "x"`},
		{Motan(ProviderOptions{}), "10.0.0.1:8100", "motan2://10.0.0.1:8100/com.acme.Shop?group=default_rpc&nodeType=service&version=1.0&x", "motan2://10.0.0.1:8100", ""},
		{Motan(ProviderOptions{}), "10.0.0.1:8100", "\xac\xed\x00\x05t\x00\x25motan2://10.0.0.1:8100/com.acme.Shop?", "motan2://10.0.0.1:8100", ""},
		{Motan(ProviderOptions{}), "10.0.0.1:8100", "\xac\xed\x00\x05|\x00\x00\x00\x00\x00\x00\x00\x25motan2://10.0.0.1:8100/com.acme.Shop?", "motan2://10.0.0.1:8100", ""},
		{Motan(ProviderOptions{}), "10.0.0.1:8100", "", "motan2://10.0.0.1:8100", ""},
		{Motan(ProviderOptions{}), "10.0.0.1:8100", "motan://10.0.0.1:8100/com.acme.Shop?", "", errOther.Error()},
		{Motan(ProviderOptions{}), "10.0.0.1:8100", "motan2://10.0.0.1:8100/com.acme.Shop?version=2", "", errOther.Error()},
		{Motan(ProviderOptions{}), "x", "\xac\xed\x00\x05t\x00", "", "invalid"},
		{Motan(ProviderOptions{}), "x", "", "", "missing port"},
	} {
		in, err := test.layout.decode(test.name, []byte(test.data))
		if test.err == "" && (err != nil || in.Addr != test.want) || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%s %q: %+v, %v", test.name, test.data, in, err)
		}
	}
}

// TestLayoutsInZooKeeper registers and finds by these layouts.
func TestLayoutsInZooKeeper(t *testing.T) {
	s := startServer(t)
	hand, err := connect([]string{s.Addr}, quick)
	if err != nil {
		t.Fatal(err)
	}
	defer hand.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	for name, layout := range map[string]*Layout{"dubbo": Dubbo(ProviderOptions{}), "motan2": Motan(ProviderOptions{Group: "demo"})} {
		opts := quick
		opts.Layout = layout
		r, err := NewRegistrar([]string{s.Addr}, opts)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if _, err := r.Register(ctx, "com.acme.Shop", discovery.Instance{Addr: "10.0.0.1:9090"}); err != nil {
			t.Fatal(err)
		}
		other := url.QueryEscape("tri://10.0.0.2:1/com.acme.Shop")
		if _, err := hand.Create(layout.folder("com.acme.Shop")+"/"+other, []byte("tri://10.0.0.2:1/com.acme.Shop?"), 0, zk.WorldACL(zk.PermAll)); err != nil {
			t.Fatal(err)
		}
		list, err := discovery.List(ctx, Resolver([]string{s.Addr}, "com.acme.Shop", opts))
		if err != nil || len(list) != 1 || list[0].Addr != name+"://10.0.0.1:9090" {
			t.Errorf("%s: %+v, %v", name, list, err)
		}
	}
	schemes := map[string]discovery.Scheme{"zookeeper+dubbo": DubboScheme, "zookeeper+motan": MotanScheme}
	for target, want := range map[string]int{"zookeeper+dubbo://" + s.Addr + "/com.acme.Shop": 1, "zookeeper+motan://" + s.Addr + "/demo/com.acme.Shop": 1, "zookeeper+motan://" + s.Addr + "/com.acme.Shop": 0} {
		x, err := discovery.ParseTarget(target, schemes)
		if err != nil {
			t.Fatal(err)
		}
		if list, err := discovery.List(ctx, x.Resolver); err != nil || len(list) != want {
			t.Errorf("%s: %+v, %v", target, list, err)
		}
	}
	if names, _, err := hand.Children("/dubbo/com.acme.Shop/providers"); err != nil || len(names) != 2 || !slices.ContainsFunc(names, func(s string) bool { return strings.HasPrefix(s, "dubbo%3A%2F%2F10.0.0.1") }) {
		t.Errorf("%q, %v", names, err)
	}
}
