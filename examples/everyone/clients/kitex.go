//go:build ignore

// Kitex, in the module example: go install github.com/cloudwego/kitex/tool/cmd/kitex@latest; kitex -module example foo.thrift
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/pkg/transmeta"
	"github.com/cloudwego/kitex/transport"

	"example/kitex_gen/foo/pingpong"
)

func main() {
	c, err := pingpong.NewClient("PingPong", client.WithHostPorts("127.0.0.1:6000"),
		client.WithTransportProtocol(transport.TTHeader), client.WithMetaHandler(transmeta.ClientTTHeaderHandler))
	if err != nil {
		log.Fatal(err)
	}
	greeting, err := c.Login(context.Background(), "Kitex", "secret")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(greeting)
}
