// Oneport serves foo.thrift on one port. Nothing tells it what its clients speak: the other files
// of this folder are clients in four dialects, and curl speaks a fifth.
//
//	go run .   in this folder
//	curl -H 'trace: 43' -d '[1,"ping",1,0,{}]' http://127.0.0.1:6000/
package main

import (
	"context"
	"log"

	"github.com/thriftkit/thriftkit"
)

type pingPong struct{}

func (pingPong) Ping(ctx context.Context) (string, error) {
	log.Printf("ping, trace %q", thriftkit.Metadata(ctx)["trace"])
	return "pong", nil
}

func (pingPong) Login(ctx context.Context, username, password string) (string, error) {
	return "登录成功!", nil
}

func main() {
	foo := thriftkit.MustLoad("foo.thrift").MustService("PingPong")
	log.Fatal(thriftkit.ListenAndServe("127.0.0.1:6000", foo, pingPong{}))
}
