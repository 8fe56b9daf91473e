package rpcx_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/x/rpcx"
)

const pingPongIDL = `service PingPong { string login(1: string username, 2: string password) }`

// A pingPong is a handler as any other.
type pingPong struct{}

func (pingPong) Login(_ context.Context, username, password string) (string, error) {
	return "welcome, " + username, nil
}

// One server answers Thrift, rpcx and, as curl would call it, JSON-RPC 2.0, on one port.
func ExampleDialect() {
	file, err := thriftkit.Parse("pingpong.thrift", pingPongIDL)
	if err != nil {
		log.Fatal(err)
	}
	svc := file.MustService("PingPong")
	server := thriftkit.NewServer(thriftkit.WithDialects(rpcx.Dialect()))
	if err := server.Register(svc, pingPong{}); err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(l)
	defer server.Close()

	for _, target := range []string{"tcp://%s", "rpcx://%s", "rpcx://%s?protocol=msgpack"} {
		client, err := thriftkit.Dial(context.Background(), fmt.Sprintf(target, l.Addr()), thriftkit.WithDialects(rpcx.Dialect()))
		if err != nil {
			log.Fatal(err)
		}
		defer client.Close()
		s, err := thriftkit.Invoke[string](context.Background(), client, svc.Method("login"), "root", "secret")
		fmt.Println(s, err)
	}

	req, err := http.NewRequest("POST", "http://"+l.Addr().String(), strings.NewReader(`{"jsonrpc": "2.0", "method": "PingPong.login", "params": {"username": "root"}, "id": 1}`))
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("X-JSONRPC-2.0", "true")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(resp.StatusCode, strings.TrimSpace(string(body)), err)
	// Output:
	// welcome, root <nil>
	// welcome, root <nil>
	// welcome, root <nil>
	// 200 {"jsonrpc":"2.0","result":{"success":"welcome, root"},"id":1} <nil>
}
