package grpc_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/x/grpc"
)

const pingPongIDL = `
namespace * example.v1
service PingPong { string login(1: string username, 2: string password) }`

// A pingPong is a handler as any other.
type pingPong struct{}

func (pingPong) Login(_ context.Context, username, password string) (string, error) {
	return "welcome, " + username, nil
}

// One server answers Thrift, gRPC and, as curl would call it, Connect, on one port.
func ExampleDialect() {
	file, err := thriftkit.Parse("pingpong.thrift", pingPongIDL)
	if err != nil {
		log.Fatal(err)
	}
	svc := file.MustService("PingPong")
	server := thriftkit.NewServer(thriftkit.WithDialects(grpc.Dialect()))
	if err := server.Register(svc, pingPong{}); err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(l)
	defer server.Close()

	for _, target := range []string{"tcp://" + l.Addr().String(), "grpc://" + l.Addr().String()} {
		client, err := thriftkit.Dial(context.Background(), target, thriftkit.WithDialects(grpc.Dialect()))
		if err != nil {
			log.Fatal(err)
		}
		defer client.Close()
		s, err := thriftkit.Invoke[string](context.Background(), client, svc.Method("login"), "root", "secret")
		fmt.Println(s, err)
	}

	resp, err := http.Post("http://"+l.Addr().String()+"/example.v1.PingPong/login", "application/json", strings.NewReader(`{"username": "root"}`))
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(resp.StatusCode, string(body), err)
	// Output:
	// welcome, root <nil>
	// welcome, root <nil>
	// 200 {"result":"welcome, root"} <nil>
}

// The descriptors are those that reflection hands out: for tools of protobuf.
func ExampleDescriptors() {
	file, err := thriftkit.Parse("pingpong.thrift", pingPongIDL)
	if err != nil {
		log.Fatal(err)
	}
	files, err := grpc.Descriptors(file.Services...)
	if err != nil {
		log.Fatal(err)
	}
	d, err := files.FindDescriptorByName("example.v1.LoginRequest.username")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(d.FullName(), "in", d.ParentFile().Path())
	// Output:
	// example.v1.LoginRequest.username in pingpong.proto
}
