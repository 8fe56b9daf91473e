// Command apache serves bench.thrift with Apache's library, over buffered transports or, with the
// argument framed, over framed ones that are buffered below.
package main

import (
	"context"
	"net"
	"os"
	"time"

	"github.com/apache/thrift/lib/go/thrift"

	"github.com/thriftkit/thriftkit/bench/internal/child"
	"github.com/thriftkit/thriftkit/bench/internal/gen/apache/bench"
)

type handler struct{}

func (handler) Echo(_ context.Context, v []byte) ([]byte, error) { return v, nil }

func (handler) Login(_ context.Context, v *bench.Login) (*bench.Login, error) { return v, nil }

func (handler) Nested(_ context.Context, v *bench.Nested) (*bench.Nested, error) { return v, nil }

func (handler) Slow(_ context.Context, millis int32) (int32, error) {
	time.Sleep(time.Duration(millis) * time.Millisecond)
	return millis, nil
}

// listener is Apache's kind of listener on one that exists.
type listener struct{ net.Listener }

func (listener) Listen() error { return nil }

func (l listener) Accept() (thrift.TTransport, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return thrift.NewTSocketFromConnConf(conn, nil), nil
}

func (l listener) Interrupt() error { return l.Close() }

func main() {
	child.Serve(func(l net.Listener, ready func()) error {
		var transport thrift.TTransportFactory = thrift.NewTBufferedTransportFactory(8 << 10)
		if len(os.Args) > 1 && os.Args[1] == "framed" {
			transport = thrift.NewTFramedTransportFactoryConf(transport, nil)
		}
		s := thrift.NewTSimpleServer4(bench.NewBenchProcessor(handler{}), listener{l}, transport, thrift.NewTBinaryProtocolFactoryConf(nil))
		ready()
		return s.Serve()
	})
}
