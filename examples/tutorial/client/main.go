package main

import (
	"context"
	"fmt"
	"log"

	"github.com/thriftkit/thriftkit"
)

func main() {
	ctx := context.Background()
	foo := thriftkit.MustLoad("foo.thrift").MustService("PingPong")
	client, err := thriftkit.Dial(ctx, "127.0.0.1:6000")
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	var c struct {
		Ping  func(ctx context.Context) (string, error)
		Login func(ctx context.Context, username, password string) (string, error)
	}
	if err := client.Bind(foo, &c); err != nil {
		log.Fatal(err)
	}
	pong, err := c.Ping(ctx)
	fmt.Println(pong, err)
	greeting, err := c.Login(ctx, "root", "secret")
	fmt.Println(greeting, err)
}
