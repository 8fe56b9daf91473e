//go:build ignore

// Motan, with motan.yaml: go get github.com/weibocom/motan-go
package main

import (
	"fmt"
	"log"

	motan "github.com/weibocom/motan-go"
)

func main() {
	context := motan.GetClientContext("clients/motan.yaml")
	context.Start(nil)
	var greeting string
	if err := context.GetClient("pingpong").Call("login", []any{"Motan", "secret"}, &greeting); err != nil {
		log.Fatal(err)
	}
	fmt.Println(greeting)
}
