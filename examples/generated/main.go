package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/examples/generated/pingpong"
)

//go:generate go run github.com/thriftkit/thriftkit/cmd/thriftkit gen go foo.thrift

type handler struct{}

func (handler) Ping(ctx context.Context) (string, error) { return "pong", nil }

func (handler) Login(ctx context.Context, username, password string) (string, error) {
	if password != "secret" {
		return "", &pingpong.Denied{Username: username}
	}
	return "登录成功!", nil
}

func main() {
	l, err := thriftkit.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go thriftkit.Serve(l, pingpong.PingPongService(), pingpong.PingPongHandler(handler{}))

	ctx := context.Background()
	conn, err := thriftkit.Dial(ctx, l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	client := pingpong.NewPingPongClient(conn)
	fmt.Println(client.Ping(ctx))
	fmt.Println(client.Login(ctx, "root", "secret"))
	_, err = client.Login(ctx, "root", "guess")
	var denied *pingpong.Denied
	fmt.Println(errors.As(err, &denied), err)
}
