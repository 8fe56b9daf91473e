// Pingpong serves and calls a service that is described by foo.thrift alone, over TCP.
//
//	go run ./examples/pingpong                          server and client in one program
//	go run ./examples/pingpong -serve                   the server, on port 9000
//	go run ./examples/pingpong -connect localhost:9000  the client
package main

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"log"

	"github.com/thriftkit/thriftkit"
)

//go:embed foo.thrift
var idl string

// pingPong is the handler: plain Go methods, one for each method of the IDL.
type pingPong struct{}

func (pingPong) Ping(ctx context.Context) (string, error) { return "pong", nil }

func (pingPong) Login(ctx context.Context, username, password string) (string, error) {
	return "登录成功!", nil
}

func main() {
	serve := flag.Bool("serve", false, "run the server only")
	addr := flag.String("listen", ":9000", "where -serve listens")
	target := flag.String("connect", "", "run the client only, against the server at this `address`")
	flag.Parse()

	file, err := thriftkit.Parse("foo.thrift", idl)
	if err != nil {
		log.Fatal(err)
	}
	service := file.Service("PingPong")

	switch {
	case *serve:
		l, err := thriftkit.Listen(*addr)
		if err != nil {
			log.Fatal(err)
		}
		log.Print("listening on ", l.Addr())
		log.Fatal(thriftkit.Serve(l, service, pingPong{}))
	case *target == "":
		l, err := thriftkit.Listen("127.0.0.1:0")
		if err != nil {
			log.Fatal(err)
		}
		go func() { log.Fatal(thriftkit.Serve(l, service, pingPong{})) }()
		*target = l.Addr().String()
	}

	ctx := context.Background()
	client, err := thriftkit.Dial(ctx, *target)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	var c struct {
		Ping  func(ctx context.Context) (string, error)
		Login func(ctx context.Context, username, password string) (string, error)
	}
	if err := client.Bind(service, &c); err != nil {
		log.Fatal(err)
	}
	s, err := c.Ping(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(s)
	if s, err = c.Login(ctx, "root", "secret"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(s)
}
