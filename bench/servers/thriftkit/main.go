// Command thriftkit serves bench.thrift with thriftkit: a handler with Go types or, with the
// argument dynamic, one without; with the argument generated, one by generated code. With the
// arguments interceptor, stats and ops there is something around the calls; with the argument rpcx it answers rpcx as well, with gateway
// POSTs of JSON; with gateway-proxy it answers those by calls of a server.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/bench/internal/child"
	"github.com/thriftkit/thriftkit/bench/internal/gen/thriftkit/bench"
	"github.com/thriftkit/thriftkit/bench/internal/payload"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/gateway"
	"github.com/thriftkit/thriftkit/ops"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/x/rpcx"
)

type handler struct{}

func (handler) Echo(_ context.Context, v []byte) ([]byte, error) { return v, nil }

func (handler) Login(_ context.Context, v *payload.Login) (*payload.Login, error) { return v, nil }

func (handler) Nested(_ context.Context, v *payload.Nested) (*payload.Nested, error) { return v, nil }

func (handler) Slow(_ context.Context, millis int32) (int32, error) {
	time.Sleep(time.Duration(millis) * time.Millisecond)
	return millis, nil
}

// generated is handler with the types of the generated code.
type generated struct{ handler }

func (generated) Login(_ context.Context, v *bench.Login) (*bench.Login, error) { return v, nil }

func (generated) Nested(_ context.Context, v *bench.Nested) (*bench.Nested, error) { return v, nil }

// echo answers without Go types: every method but slow returns its argument.
func echo(_ context.Context, m *schema.Method, args *dynamic.Struct) (any, error) {
	if m.Name == "slow" {
		return nil, fmt.Errorf("not served without Go types")
	}
	return args.Get("v"), nil
}

// service returns what is served, by the argument.
func service(args []string) (*schema.Service, any, error) {
	if len(args) > 0 && args[0] == "generated" {
		return bench.BenchService(), bench.BenchHandler(generated{}), nil
	}
	file, err := payload.Load()
	if err != nil {
		return nil, nil, err
	}
	if len(args) > 0 && args[0] == "dynamic" {
		return file.Service("Bench"), thriftkit.DynamicHandler(echo), nil
	}
	return file.Service("Bench"), handler{}, nil
}

// options returns what is around the calls, by the argument.
func options(args []string) []thriftkit.ServerOption {
	switch {
	case len(args) > 0 && args[0] == "interceptor":
		return []thriftkit.ServerOption{thriftkit.WithInterceptors(payload.Passing)}
	case len(args) > 0 && args[0] == "rpcx":
		return []thriftkit.ServerOption{thriftkit.WithDialects(rpcx.Dialect())}
	case len(args) > 0 && args[0] == "stats":
		return []thriftkit.ServerOption{thriftkit.WithStats(new(payload.Counting))}
	case len(args) > 0 && args[0] == "ops":
		log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
		return []thriftkit.ServerOption{
			thriftkit.WithStats(ops.NewMetrics().Server()),
			thriftkit.WithTracer(ops.NewTracer(ops.TracerOptions{Sample: 0.01, Export: func(*ops.Span) {}})),
			thriftkit.WithStats(ops.AccessLog(log, ops.AccessLogOptions{Sample: -1, Slow: time.Second})),
		}
	}
	return nil
}

// proxy serves a gateway to s, which listens elsewhere.
func proxy(l net.Listener, s *thriftkit.Server, svc *schema.Service, ready func()) error {
	behind, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go s.Serve(behind)
	client, err := thriftkit.Dial(context.Background(), behind.Addr().String())
	if err != nil {
		return err
	}
	h, err := gateway.New(client, []*schema.Service{svc}, gateway.Options{})
	if err != nil {
		return err
	}
	ready()
	return http.Serve(l, h)
}

func main() {
	child.Serve(func(l net.Listener, ready func()) error {
		svc, h, err := service(os.Args[1:])
		if err != nil {
			return err
		}
		opts := options(os.Args[1:])
		if len(os.Args) > 1 && os.Args[1] == "gateway" {
			rest, err := gateway.Dialect([]*schema.Service{svc}, gateway.Options{})
			if err != nil {
				return err
			}
			opts = append(opts, thriftkit.WithDialects(rest))
		}
		s := thriftkit.NewServer(opts...)
		if err := s.Register(svc, h); err != nil {
			return err
		}
		if len(os.Args) > 1 && os.Args[1] == "gateway-proxy" {
			return proxy(l, s, svc, ready)
		}
		ready()
		return s.Serve(l)
	})
}
