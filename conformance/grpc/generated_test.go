package grpc_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/gen/gentest/coded/streams"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/x/grpc"
)

type flows struct{ streams.Flows }

func (flows) Up(_ context.Context, in *rpc.Receiver[*streams.Part]) (sum int32, err error) {
	for part, err := range in.All() {
		if err != nil {
			return 0, err
		}
		sum += part.N
	}
	return sum, nil
}

func (flows) Down(_ context.Context, n int32, out *rpc.Sender[*streams.Part]) error {
	for i := range n {
		if err := out.Send(&streams.Part{N: i}); err != nil {
			return err
		}
	}
	return &streams.Gone{Why: "no more"}
}

func (flows) Both(_ context.Context, in *rpc.Receiver[*streams.Part], out *rpc.Sender[*streams.Part]) error {
	for part, err := range in.All() {
		if err != nil {
			return err
		}
		if err := out.Send(part); err != nil {
			return err
		}
	}
	return nil
}

// TestGeneratedStreams has generated code at both ends of gRPC and Connect.
func TestGeneratedStreams(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := thriftkit.NewServer(thriftkit.WithDialects(grpc.Dialect()))
	if err := s.Register(streams.FlowsService(), streams.FlowsHandler(flows{})); err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	defer s.Close()
	for _, scheme := range []string{"grpc", "connect"} {
		t.Run(scheme, func(t *testing.T) {
			conn, err := thriftkit.Dial(t.Context(), scheme+"://"+l.Addr().String(), thriftkit.WithDialects(grpc.Dialect()))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			c := streams.NewFlowsClient(conn)
			up, err := c.Up(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for i := range 4 {
				if err := up.Send(&streams.Part{N: int32(i)}); err != nil {
					t.Fatal(err)
				}
			}
			if sum, err := up.CloseAndRecv(); sum != 6 || err != nil {
				t.Error(sum, err)
			}
			down, err := c.Down(t.Context(), 3)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, err = range down.All() {
				if err == nil {
					n++
				}
			}
			var gone *streams.Gone
			if n != 3 || !errors.As(err, &gone) || gone.Why != "no more" {
				t.Error(n, err)
			}
			if scheme == "connect" {
				return // over HTTP/1.1 there are no streams in both directions
			}
			both, err := c.Both(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				if err := both.Send(&streams.Part{N: int32(i)}); err != nil {
					t.Fatal(err)
				}
				if part, err := both.Recv(); err != nil || part.N != int32(i) {
					t.Fatal(part, err)
				}
			}
			both.CloseSend()
		})
	}
}
