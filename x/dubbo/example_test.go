package dubbo_test

import (
	"context"
	"fmt"
	"net"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/x/dubbo"
)

type adder struct{}

func (adder) Add(_ context.Context, a, b int32) (int64, error) { return int64(a) + int64(b), nil }

func Example() {
	file, err := thriftkit.Parse("calc.thrift", `
		namespace java com.acme
		service Calculator { i64 add(1: i32 a, 2: i32 b) }`)
	if err != nil {
		fmt.Println(err)
		return
	}
	calculator := file.Service("Calculator")

	server := thriftkit.NewServer(thriftkit.WithDialects(dubbo.Dialect()))
	if err := server.Register(calculator, adder{}); err != nil {
		fmt.Println(err)
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go server.Serve(l)
	defer server.Close()

	ctx := context.Background()
	client, err := thriftkit.Dial(ctx, "dubbo://"+l.Addr().String()+"/com.acme.Calculator", thriftkit.WithDialects(dubbo.Dialect()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	fmt.Println(thriftkit.Invoke[int64](ctx, client, calculator.Method("add"), 2, 3))
	// Output:
	// 5 <nil>
}
