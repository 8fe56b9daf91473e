package motan_test

import (
	"context"
	"fmt"
	"log"
	"net"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/x/motan"
)

const pingPongIDL = `service PingPong { string login(1: string username, 2: string password) }`

// A pingPong is a handler as any other.
type pingPong struct{}

func (pingPong) Login(_ context.Context, username, password string) (string, error) {
	return "welcome, " + username, nil
}

// One server answers Thrift and Motan, on one port.
func ExampleDialect() {
	file, err := thriftkit.Parse("pingpong.thrift", pingPongIDL)
	if err != nil {
		log.Fatal(err)
	}
	svc := file.MustService("PingPong")
	server := thriftkit.NewServer(thriftkit.WithDialects(motan.Dialect()))
	if err := server.Register(svc, pingPong{}); err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(l)
	defer server.Close()

	for _, target := range []string{"tcp://%s", "motan2://%s"} {
		client, err := thriftkit.Dial(context.Background(), fmt.Sprintf(target, l.Addr()), thriftkit.WithDialects(motan.Dialect()))
		if err != nil {
			log.Fatal(err)
		}
		defer client.Close()
		s, err := thriftkit.Invoke[string](context.Background(), client, svc.Method("login"), "root", "secret")
		fmt.Println(s, err)
	}
	// Output:
	// welcome, root <nil>
	// welcome, root <nil>
}
