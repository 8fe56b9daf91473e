package registry_test

import (
	"context"
	"fmt"
	"log"
	"net"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/discovery/registry"
	"github.com/thriftkit/thriftkit/rpc"
)

func Example() {
	r, err := registry.Open(registry.Options{}) // with Dir it keeps what it has
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	server := rpc.NewServer(rpc.ServerOptions{})
	if err := r.AddTo(server); err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(l)
	defer server.Close()

	ctx := context.Background()
	c, err := registry.Connect(l.Addr().String(), registry.ClientOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	registration, err := c.Register(ctx, "Shop", discovery.Instance{Addr: "10.0.0.1:9090", Zone: "a"})
	if err != nil {
		log.Fatal(err)
	}
	list, err := c.List(ctx, "Shop")
	fmt.Println(len(list), list[0].Addr, list[0].Zone, err)
	fmt.Println(registration.Deregister(ctx))
	// Output:
	// 1 10.0.0.1:9090 a <nil>
	// <nil>
}
