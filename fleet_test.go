package thriftkit_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/discovery/registry"
	"github.com/thriftkit/thriftkit/govern"
	"github.com/thriftkit/thriftkit/rpc"
)

// The examples of this file are those of docs/governance.md: its Go code is theirs, line by line.

func ExampleDial_fleet() {
	foo, a := start()
	_, b := start()
	ctx := context.Background()
	target := a + "," + b

	client, err := thriftkit.Dial(ctx, target+"?balance=round-robin", thriftkit.WithTimeout(3*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	var c struct {
		Ping func(ctx context.Context) (string, error)
	}
	if err := client.Bind(foo, &c); err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Ping(ctx))
	// Output: pong <nil>
}

func ExampleWithFleet() {
	foo, a := start()
	_, b := start()
	ctx, target := context.Background(), a+","+b

	client, err := thriftkit.Dial(ctx, target,
		thriftkit.WithFleet(govern.FleetOptions{
			Balancer: govern.LeastInFlight(),
			Failures: 3,
			Follow:   discovery.FollowOptions{OnError: func(err error) { log.Print(err) }},
		}),
		thriftkit.WithRetry(govern.RetryOptions{Attempts: 2}))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println(thriftkit.Invoke[string](ctx, client, foo.Method("ping")))
	// Output: pong <nil>
}

func ExampleWithConfig() {
	foo, a := start()
	_, b := start()
	ctx, target := context.Background(), a+","+b
	dir, err := os.MkdirTemp("", "config")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	defer func(was string) { os.Chdir(was) }(func() string { was, _ := os.Getwd(); return was }())
	os.Chdir(dir)
	os.WriteFile("fleet.yaml", []byte("services: {PingPong: {timeout: 3s, balancer: round-robin}}"), 0o666)

	config, err := govern.OpenConfig(ctx, discovery.FileSource("fleet.yaml", 0), func(err error) { log.Print(err) })
	if err != nil {
		log.Fatal(err)
	}
	defer config.Close()
	client, err := thriftkit.Dial(ctx, target, thriftkit.WithConfig(config))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println(thriftkit.Invoke[string](ctx, client, foo.Method("ping")))
	// Output: pong <nil>
}

func ExampleWithResolver() {
	foo, a := start()
	ctx := context.Background()

	team := func(u *url.URL) (discovery.Resolver, error) {
		return discovery.Static(discovery.Instance{Addr: a, Metadata: map[string]string{"transport": "framed"}}), nil
	}
	client, err := thriftkit.Dial(ctx, "team://registry/PingPong", thriftkit.WithResolver("team", team))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println(thriftkit.Invoke[string](ctx, client, foo.Method("ping")))
	// Output: pong <nil>
}

func ExampleDial_registry() {
	foo, a := start()
	server := thriftkit.NewServer()
	l, err := thriftkit.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	addr, ctx := l.Addr().String(), context.Background()

	r, err := registry.Open(registry.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	if err := r.AddTo(server); err != nil {
		log.Fatal(err)
	}
	go server.Serve(l)
	defer server.Close()

	reg, err := registry.Connect(addr, registry.ClientOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer reg.Close()
	registration, err := reg.Register(ctx, "PingPong", discovery.Instance{Addr: a})
	if err != nil {
		log.Fatal(err)
	}
	defer registration.Deregister(ctx)

	client, err := thriftkit.Dial(ctx, "registry://"+addr+"/PingPong")
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println(thriftkit.Invoke[string](ctx, client, foo.Method("ping")))
	// Output: pong <nil>
}

// TestGovernancePages checks that the code of docs/governance.md and of the README runs, and that the Chinese pages have the same.
func TestGovernancePages(t *testing.T) {
	source, err := os.ReadFile("fleet_test.go")
	if err != nil {
		t.Fatal(err)
	}
	examples, _, _ := strings.Cut(string(source), "\nfunc Test")
	lines := make(map[string]bool)
	for line := range strings.Lines(examples) {
		lines[strings.TrimSpace(line)] = true
	}
	check := func(file, block string) {
		for line := range strings.Lines(regexp.MustCompile(` +//.*`).ReplaceAllString(block, "")) {
			if line = strings.TrimSpace(line); line != "" && !lines[line] {
				t.Errorf("%s: %q is in no example", file, line)
			}
		}
	}
	english, chinese := readPage(t, "docs/governance.md"), readPage(t, "docs/governance.zh-CN.md")
	for _, b := range english.blocks("go") {
		check("docs/governance.md", b)
	}
	if e, c := english.blocks(""), chinese.blocks(""); !slices.Equal(e, c) {
		t.Errorf("blocks of code: %q in English, %q in Chinese", e, c)
	}
	same(t, "in code font, English and Chinese", spans(english.text), spans(chinese.text))
	for _, file := range []string{"README.md", "README.zh-CN.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, shown, ok := strings.Cut(string(text), "```go\nclient, err := thriftkit.Dial(ctx, target+")
		shown, _, _ = strings.Cut("client, err := thriftkit.Dial(ctx, target+"+shown, "```")
		if !ok {
			t.Errorf("%s does not show a client of several instances", file)
		}
		check(file, shown)
	}
}

// TestDialFleet reads errors of targets with several instances, and closes the fleet with its client.
func TestDialFleet(t *testing.T) {
	ctx := t.Context()
	foo, a := start()
	for target, want := range map[string]string{
		a + "," + a:            "is listed twice",
		a + ",b:1?transport=x": `unknown transport "x"`,
		"dns:///nowhere":       "want name:port",
	} {
		if _, err := thriftkit.Dial(ctx, target); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", target, err, want)
		}
	}
	// The client's end of a connection: nobody listens there, and nobody else gets the port.
	nc, err := net.Dial("tcp", a)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	target := a + "," + nc.LocalAddr().String()
	client, err := thriftkit.Dial(ctx, target, thriftkit.WithMetadataRequired())
	if err != nil {
		t.Fatal(err)
	}
	for range 20 { // half of them meet the instance that is down
		if s, err := thriftkit.Invoke[string](ctx, client, foo.Method("ping")); s != "pong" || err != nil {
			t.Fatalf("%q, %v", s, err)
		}
	}
	if got := client.Target(); got != target {
		t.Errorf("the target is %s", got)
	}
	client.Close()
	var e *rpc.Error
	if _, err := thriftkit.Invoke[string](ctx, client, foo.Method("ping")); !errors.As(err, &e) || e.Code != rpc.CodeClosed {
		t.Errorf("after Close: %v", err)
	}
}
