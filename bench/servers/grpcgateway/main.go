// Command grpcgateway answers POSTs of JSON with grpc-gateway, which calls the handler itself or, with the argument proxy, a server of
// grpc-go.
package main

import (
	"context"
	"net"
	"net/http"
	"os"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/thriftkit/thriftkit/bench/internal/child"
	gen "github.com/thriftkit/thriftkit/bench/internal/gen/gateway"
	"github.com/thriftkit/thriftkit/bench/internal/gen/protobuf/bench"
)

type handler struct{ gen.UnimplementedBenchServer }

func (handler) Login(_ context.Context, v *bench.Login) (*bench.Login, error) { return v, nil }

func main() {
	child.Serve(func(l net.Listener, ready func()) error {
		mux := runtime.NewServeMux()
		register := func() error { return gen.RegisterBenchHandlerServer(context.Background(), mux, handler{}) }
		if len(os.Args) > 1 && os.Args[1] == "proxy" {
			register = func() error { return proxy(mux) }
		}
		if err := register(); err != nil {
			return err
		}
		ready()
		return http.Serve(l, mux)
	})
}

// proxy has mux call a server.
func proxy(mux *runtime.ServeMux) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := grpc.NewServer()
	gen.RegisterBenchServer(s, handler{})
	go s.Serve(l)
	options := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	return gen.RegisterBenchHandlerFromEndpoint(context.Background(), mux, l.Addr().String(), options)
}
