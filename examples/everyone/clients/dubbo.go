//go:build ignore

// Dubbo for Go: go get dubbo.apache.org/dubbo-go/v3
package main

import (
	"context"
	"fmt"
	"log"

	"dubbo.apache.org/dubbo-go/v3/client"
	"dubbo.apache.org/dubbo-go/v3/common/constant"
	_ "dubbo.apache.org/dubbo-go/v3/imports"
)

func main() {
	c, err := client.NewClient(client.WithClientURL("dubbo://127.0.0.1:6000"), client.WithClientProtocolDubbo())
	if err != nil {
		log.Fatal(err)
	}
	conn, err := c.Dial("com.example.PingPong", client.WithSerialization(constant.Hessian2Serialization))
	if err != nil {
		log.Fatal(err)
	}
	var greeting string
	if err := conn.CallUnary(context.Background(), []any{"Dubbo for Go", "secret"}, &greeting, "login"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(greeting)
}
