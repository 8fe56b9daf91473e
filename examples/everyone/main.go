// Everyone serves foo.thrift on one port to the clients of many frameworks. The folder clients has one for each, as its users
// write it; each logs in by the name of its framework. The server prints what a connection spoke, and the call.
//
//	go run .                              in this folder
//	python3 clients/thriftpy2_client.py   and the other clients, whose first lines say what they need
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/x/dubbo"
	"github.com/thriftkit/thriftkit/x/grpc"
	"github.com/thriftkit/thriftkit/x/motan"
	"github.com/thriftkit/thriftkit/x/rpcx"
)

type pingPong struct{}

func (pingPong) Ping(ctx context.Context) (string, error) { return "pong", nil }

func (pingPong) Login(ctx context.Context, username, password string) (string, error) {
	return "登录成功!", nil
}

// printer prints a line for each call of login.
type printer struct{}

func (printer) HandleConn(rpc.ConnEvent) {}

func (printer) HandleCall(_ context.Context, e rpc.CallEvent) {
	if e.Kind == rpc.CallReplied && e.Name == "login" && e.Err == nil {
		fmt.Printf("%-15s %-16s login → %s\n", e.Values.Arg(0), e.Dialect, e.Values.Result())
	}
}

func main() {
	addr := flag.String("listen", "127.0.0.1:6000", "the address of the server")
	flag.Parse()
	server := thriftkit.NewServer(
		thriftkit.WithDialects(dubbo.Dialect(), grpc.Dialect(), motan.Dialect(), rpcx.Dialect()),
		thriftkit.WithStats(printer{}))
	if err := server.Register(thriftkit.MustLoad("foo.thrift").MustService("PingPong"), pingPong{}); err != nil {
		log.Fatal(err)
	}
	l, err := thriftkit.Listen(*addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on %s\n", l.Addr())
	log.Fatal(server.Serve(l))
}
