package main

import (
	"context"
	"log"

	"github.com/thriftkit/thriftkit"
)

type pingPong struct{}

func (pingPong) Ping(ctx context.Context) (string, error) { return "pong", nil }

func (pingPong) Login(ctx context.Context, username, password string) (string, error) {
	log.Printf("login of %s", username)
	return "登录成功!", nil
}

func main() {
	foo := thriftkit.MustLoad("foo.thrift").MustService("PingPong")
	log.Fatal(thriftkit.ListenAndServe("127.0.0.1:6000", foo, pingPong{}))
}
