//go:build ignore

// rpcx, with msgpack, its default: go get github.com/smallnest/rpcx
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/smallnest/rpcx/client"
)

type LoginArgs struct{ Username, Password string }

type LoginReply struct{ Success string }

func main() {
	d, _ := client.NewPeer2PeerDiscovery("tcp@127.0.0.1:6000", "")
	c := client.NewXClient("PingPong", client.Failtry, client.RandomSelect, d, client.DefaultOption)
	defer c.Close()
	var reply LoginReply
	if err := c.Call(context.Background(), "Login", &LoginArgs{"rpcx", "secret"}, &reply); err != nil {
		log.Fatal(err)
	}
	fmt.Println(reply.Success)
}
