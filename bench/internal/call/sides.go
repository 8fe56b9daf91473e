package call

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/smallnest/rpcx/client"
	"github.com/smallnest/rpcx/log"
	"github.com/smallnest/rpcx/protocol"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"storj.io/drpc/drpcconn"

	"github.com/thriftkit/thriftkit"
	apachegen "github.com/thriftkit/thriftkit/bench/internal/gen/apache/bench"
	drpcgen "github.com/thriftkit/thriftkit/bench/internal/gen/drpc"
	grpcgen "github.com/thriftkit/thriftkit/bench/internal/gen/grpc"
	"github.com/thriftkit/thriftkit/bench/internal/gen/pb"
	"github.com/thriftkit/thriftkit/bench/internal/payload"
	"github.com/thriftkit/thriftkit/bench/internal/raw"
	"github.com/thriftkit/thriftkit/bench/internal/report"
)

// sides are all of them, in the order of the tables.
func sides() []side {
	all := []string{Echo, Login, Nested}
	structs := []string{Login, Nested}
	return []side{
		{name: "thriftkit-bound", server: "thriftkit", methods: all, slow: true, late: true, dial: dialBound},
		{name: "thriftkit-interceptor", server: "thriftkit", args: []string{"interceptor"}, around: true, dial: dialAround(thriftkit.WithInterceptors(payload.Passing))},
		{name: "thriftkit-stats", server: "thriftkit", args: []string{"stats"}, around: true, dial: dialAround(thriftkit.WithStats(new(payload.Counting)))},
		{name: "thriftkit-ops", server: "thriftkit", args: []string{"ops"}, around: true, dial: dialBound},
		{name: "thriftkit-exclusive", server: "thriftkit", late: true, dial: dialExclusive},
		{name: "thriftkit-generated", server: "thriftkit", args: []string{"generated"}, methods: all, late: true, dial: dialGenerated},
		{name: "thriftkit-bound-without", server: "thriftkit", compare: true, dial: dialBound},
		{name: "thriftkit-dynamic", server: "thriftkit", args: []string{"dynamic"}, late: true, dial: dialDynamic},
		{name: "thriftkit-dynamic-client", server: "thriftkit", methods: structs, dial: dialDynamic},
		{name: "kitex-framed", server: "kitex", methods: all, late: true, dial: dialKitex(framed)},
		{name: "kitex-ttheader", server: "kitex", late: true, dial: dialKitex(ttheader)},
		{name: "kitex-mux", server: "kitex", args: []string{"mux"}, slow: true, late: true, dial: dialKitex(mux)},
		{name: "kitex-map", server: "kitex", methods: structs, dial: dialKitexMap},
		{name: "kitex-JSON", server: "kitex", methods: structs, dial: dialKitexJSON},
		{name: "apache-buffered", server: "apache", late: true, dial: dialApache(false)},
		{name: "apache-framed", server: "apache", args: []string{"framed"}, late: true, dial: dialApache(true)},
		{name: "grpc-go", server: "grpc", late: true, dial: dialGRPC},
		{name: "rpcx", server: "rpcx", methods: []string{Echo, RPCXThrift, RPCXMsgpack}, late: true, dial: dialRPCX},
		{name: "thriftkit-rpcx", server: "thriftkit", args: []string{"rpcx"}, methods: []string{RPCXThrift, RPCXMsgpack}, dial: dialRPCX},
		{name: "thriftkit-gateway", server: "thriftkit", args: []string{"gateway"}, methods: []string{Gateway}, dial: dialHTTP("/Bench/login", `{"v":`, "}")},
		{name: "grpc-gateway", server: "grpcgateway", methods: []string{Gateway}, dial: dialHTTP("/bench.gateway.Bench/Login", "", "")},
		{name: "thriftkit-gateway-proxy", server: "thriftkit", args: []string{"gateway-proxy"}, methods: []string{GatewayProxy}, dial: dialHTTP("/Bench/login", `{"v":`, "}")},
		{name: "grpc-gateway-proxy", server: "grpcgateway", args: []string{"proxy"}, methods: []string{GatewayProxy}, dial: dialHTTP("/bench.gateway.Bench/Login", "", "")},
		{name: report.RawHTTP, server: "raw", args: []string{"http"}, methods: []string{Gateway, GatewayProxy}, dial: dialHTTP("/", "", "")},
		{name: "net/rpc", server: "netrpc", dial: dialNetRPC},
		{name: "drpc", server: "drpc", late: true, dial: dialDRPC},
		{name: report.RawGo, server: "raw", late: true, dial: dialRaw},
		{name: report.RawMux, server: "raw", args: []string{"mux"}, dial: dialRawMux},
	}
}

// contexts returns what a side whose deadlines come with the context calls with.
func contexts(deadline bool) func() (context.Context, context.CancelFunc) {
	if deadline {
		return func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), timeout)
		}
	}
	return func() (context.Context, context.CancelFunc) { return context.Background(), func() {} }
}

// dialApache makes a connection a caller: Apache's client is not safe for concurrent use. Its
// deadline is the socket's timeout.
func dialApache(framed bool) func(Spec) (*session, error) {
	return func(s Spec) (*session, error) {
		conf := &thrift.TConfiguration{}
		if s.Deadline {
			conf.SocketTimeout = timeout
		}
		var sockets []io.Closer
		v := make([]byte, s.Size)
		callers, err := each(s.Callers, func(int) (caller, error) {
			var t thrift.TTransport = thrift.NewTBufferedTransport(thrift.NewTSocketConf(s.Addr, conf), 8<<10)
			if framed {
				t = thrift.NewTFramedTransportConf(t, conf)
			}
			if err := t.Open(); err != nil {
				return nil, err
			}
			sockets = append(sockets, t)
			p := thrift.NewTBinaryProtocolConf(t, conf)
			c := apachegen.NewBenchClientProtocol(t, p, p)
			return func() error {
				got, err := c.Echo(context.Background(), v)
				return errors.Join(err, checkLen(len(got), s.Size))
			}, nil
		})
		return &session{callers: callers, close: closeAll(&sockets)}, err
	}
}

func closeAll(closers *[]io.Closer) func() {
	return func() {
		for _, c := range *closers {
			c.Close()
		}
	}
}

// dialGRPC has all callers share a client.
func dialGRPC(s Spec) (*session, error) {
	const most = 16 << 20
	conn, err := grpc.NewClient("passthrough:///"+s.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(most)))
	if err != nil {
		return nil, err
	}
	c := grpcgen.NewBenchClient(conn)
	newContext := contexts(s.Deadline)
	v := &pb.Blob{V: make([]byte, s.Size)}
	callers, err := each(s.Callers, func(int) (caller, error) {
		return func() error {
			ctx, cancel := newContext()
			defer cancel()
			got, err := c.Echo(ctx, v)
			return errors.Join(err, checkLen(len(got.GetV()), s.Size))
		}, nil
	})
	return &session{callers: callers, close: func() { conn.Close() }}, err
}

// dialDRPC makes a connection a caller: drpc's carry one call at a time.
func dialDRPC(s Spec) (*session, error) {
	var conns []io.Closer
	newContext := contexts(s.Deadline)
	v := &pb.Blob{V: make([]byte, s.Size)}
	callers, err := each(s.Callers, func(int) (caller, error) {
		conn, err := net.Dial("tcp", s.Addr)
		if err != nil {
			return nil, err
		}
		dc := drpcconn.New(conn)
		conns = append(conns, dc)
		c := drpcgen.NewDRPCBenchClient(dc)
		return func() error {
			ctx, cancel := newContext()
			defer cancel()
			got, err := c.Echo(ctx, v)
			return errors.Join(err, checkLen(len(got.GetV()), s.Size))
		}, nil
	})
	return &session{callers: callers, close: closeAll(&conns)}, err
}

// dialRPCX has all callers share a client, with messages of Protocol Buffers unless the method says otherwise.
func dialRPCX(s Spec) (*session, error) {
	log.SetDummyLogger()
	option := client.DefaultOption
	option.SerializeType = protocol.ProtoBuffer
	switch s.Method {
	case RPCXThrift:
		option.SerializeType = protocol.Thrift
	case RPCXMsgpack:
		option.SerializeType = protocol.MsgPack
	}
	c := client.NewClient(option)
	if err := c.Connect("tcp", s.Addr); err != nil {
		return nil, err
	}
	newContext := contexts(s.Deadline)
	if s.Method != Echo {
		args := &apachegen.BenchEchoArgs{V: make([]byte, s.Size)}
		callers, err := each(s.Callers, func(int) (caller, error) {
			return func() error {
				got := apachegen.NewBenchEchoResult()
				err := c.Call(context.Background(), "BenchThrift", "Echo", args, got)
				return errors.Join(err, checkLen(len(got.Success), s.Size))
			}, nil
		})
		return &session{callers: callers, close: func() { c.Close() }}, err
	}
	v := &pb.Blob{V: make([]byte, s.Size)}
	callers, err := each(s.Callers, func(int) (caller, error) {
		return func() error {
			ctx, cancel := newContext()
			defer cancel()
			var got pb.Blob
			err := c.Call(ctx, "Bench", "Echo", v, &got)
			return errors.Join(err, checkLen(len(got.V), s.Size))
		}, nil
	})
	return &session{callers: callers, close: func() { c.Close() }}, err
}

// dialNetRPC has all callers share a client. There are no deadlines.
func dialNetRPC(s Spec) (*session, error) {
	c, err := rpc.Dial("tcp", s.Addr)
	if err != nil {
		return nil, err
	}
	v := make([]byte, s.Size)
	callers, err := each(s.Callers, func(int) (caller, error) {
		return func() error {
			var got []byte
			err := c.Call("Bench.Echo", v, &got)
			return errors.Join(err, checkLen(len(got), s.Size))
		}, nil
	})
	return &session{callers: callers, close: func() { c.Close() }}, err
}

func dialRaw(s Spec) (*session, error) {
	var conns []io.Closer
	limit := time.Duration(0)
	if s.Deadline {
		limit = timeout
	}
	v := make([]byte, s.Size)
	callers, err := each(s.Callers, func(int) (caller, error) {
		c, err := raw.Dial(s.Addr)
		if err != nil {
			return nil, err
		}
		conns = append(conns, c)
		return func() error {
			got, err := c.Call(v, limit)
			return errors.Join(err, checkLen(len(got), s.Size))
		}, nil
	})
	return &session{callers: callers, close: closeAll(&conns)}, err
}

func dialRawMux(s Spec) (*session, error) {
	m, err := raw.DialMux(s.Addr, s.Callers)
	if err != nil {
		return nil, err
	}
	v := make([]byte, s.Size)
	callers, err := each(s.Callers, func(i int) (caller, error) {
		return func() error {
			got, err := m.Call(i, v)
			return errors.Join(err, checkLen(len(got), s.Size))
		}, nil
	})
	return &session{callers: callers, close: func() { m.Close() }}, err
}

// structs returns what login and nested are called with.
func structs(method string) (any, error) {
	switch method {
	case Login:
		return payload.NewLogin(), nil
	case Nested:
		return payload.NewNested(1), nil
	}
	return nil, fmt.Errorf("no method %q", method)
}
