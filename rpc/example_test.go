package rpc_test

import (
	"context"
	"fmt"
	"log"
	"net"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// clock is a service, composed from text here; the root package loads files.
func clock() *schema.Service {
	file, diags := compile.Compile("clock.thrift", compile.Options{Source: compile.Texts{
		"clock.thrift": `
exception Stopped { 1: string since }
service Clock { i32 hour(1: bool afternoon) throws (1: Stopped stopped) }`,
	}})
	if file == nil {
		log.Fatal(diags)
	}
	return file.Service("Clock")
}

type clockHandler struct{}

// Stopped stands for the exception of that name.
type Stopped struct{ Since string }

func (s *Stopped) Error() string { return "stopped since " + s.Since }

func (clockHandler) Hour(ctx context.Context, afternoon bool) (int32, error) {
	if afternoon {
		return 0, &Stopped{"noon"}
	}
	return 9, nil
}

func Example() {
	svc := clock()
	server := rpc.NewServer(rpc.ServerOptions{})
	if err := server.Register(svc, clockHandler{}); err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(l)
	defer server.Close()

	client, err := rpc.Dial(context.Background(), l.Addr().String(), rpc.ClientOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	var c struct {
		Hour func(ctx context.Context, afternoon bool) (int32, error)
	}
	if err := client.Bind(svc, &c, &Stopped{}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Hour(context.Background(), false))
	fmt.Println(c.Hour(context.Background(), true))

	// The same without Go types.
	args := dynamic.New(svc.Method("hour").Args)
	if err := args.Set("afternoon", false); err != nil {
		log.Fatal(err)
	}
	v, err := client.Invoke(context.Background(), svc.Method("hour"), args)
	fmt.Println(v.Int(), err)
	// Output:
	// 9 <nil>
	// 0 stopped since noon
	// 9 <nil>
}
