package gen_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/thriftkit/thriftkit/gen"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/schema"
)

func ExampleGo() {
	texts := compile.Texts{"shop.thrift": `
namespace go example.shop
/** An Item is sold. */
struct Item {
  1: string name,
  2: optional i32 user_id,
}`}
	file, diags := compile.Compile("shop.thrift", compile.Options{Source: texts})
	if file == nil {
		log.Fatal(diags)
	}
	files, err := gen.Go([]*schema.File{file}, gen.Options{NoCodecs: true})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range files {
		fmt.Println(f.Path)
		_, code, _ := strings.Cut(string(f.Text), "// An Item")
		fmt.Print("// An Item", code)
	}
	// Output:
	// example/shop/shop_thrift.go
	// // An Item is sold.
	// type Item struct {
	// 	Name   string `thrift:"name"`
	// 	UserID *int32 `thrift:"user_id"`
	// }
}
