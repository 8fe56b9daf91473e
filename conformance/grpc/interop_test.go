package grpc_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	gogrpc "google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/x/grpc"
)

type (
	Empty   struct{}
	Payload struct {
		Type int32
		Body []byte
	}
	EchoStatus struct {
		Code    int32
		Message string
	}

	SimpleRequest struct {
		ResponseType, ResponseSize int32
		Payload                    *Payload
		ResponseStatus             *EchoStatus
	}
	SimpleResponse struct{ Payload *Payload }

	StreamingInputCallRequest  struct{ Payload *Payload }
	StreamingInputCallResponse struct{ AggregatedPayloadSize int32 }

	ResponseParameters         struct{ Size, IntervalUs int32 }
	StreamingOutputCallRequest struct {
		ResponseType       int32
		ResponseParameters []ResponseParameters
		Payload            *Payload
		ResponseStatus     *EchoStatus
	}
	StreamingOutputCallResponse struct{ Payload *Payload }
)

// testService does what gRPC's description of its interoperability tests asks of a server (grpc/doc/interop-test-descriptions.md).
type testService struct{}

func (testService) EmptyCall(context.Context, *Empty) (*Empty, error) { return &Empty{}, nil }

func (testService) UnaryCall(ctx context.Context, req *SimpleRequest) (*SimpleResponse, error) {
	if err := echoMetadata(ctx); err != nil {
		return nil, err
	}
	if err := req.ResponseStatus.error(); err != nil {
		return nil, err
	}
	return &SimpleResponse{&Payload{req.ResponseType, make([]byte, req.ResponseSize)}}, nil
}

func (testService) StreamingOutputCall(ctx context.Context, req *StreamingOutputCallRequest, out *rpc.Sender[StreamingOutputCallResponse]) error {
	return answer(ctx, req, out)
}

func (testService) StreamingInputCall(_ context.Context, in *rpc.Receiver[StreamingInputCallRequest]) (*StreamingInputCallResponse, error) {
	sum := 0
	for req, err := range in.All() {
		if err != nil {
			return nil, err
		}
		sum += len(req.Payload.Body)
	}
	return &StreamingInputCallResponse{int32(sum)}, nil
}

func (testService) FullDuplexCall(ctx context.Context, in *rpc.Receiver[*StreamingOutputCallRequest], out *rpc.Sender[StreamingOutputCallResponse]) error {
	if err := echoMetadata(ctx); err != nil {
		return err
	}
	for req, err := range in.All() {
		if err == nil {
			err = req.ResponseStatus.error()
		}
		if err == nil {
			err = answer(ctx, req, out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s testService) HalfDuplexCall(ctx context.Context, in *rpc.Receiver[*StreamingOutputCallRequest], out *rpc.Sender[StreamingOutputCallResponse]) error {
	return s.FullDuplexCall(ctx, in, out)
}

func (testService) UnimplementedCall(context.Context, *Empty) (*Empty, error) {
	return nil, rpc.Errorf(rpc.CodeUnknownMethod, "not here")
}

func answer(ctx context.Context, req *StreamingOutputCallRequest, out *rpc.Sender[StreamingOutputCallResponse]) error {
	for _, p := range req.ResponseParameters {
		select {
		case <-time.After(time.Duration(p.IntervalUs) * time.Microsecond):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := out.Send(StreamingOutputCallResponse{&Payload{req.ResponseType, make([]byte, p.Size)}}); err != nil {
			return err
		}
	}
	return nil
}

func (s *EchoStatus) error() error {
	if s == nil || s.Code == 0 {
		return nil
	}
	return &rpc.BusinessError{Code: s.Code, Message: s.Message}
}

func echoMetadata(ctx context.Context) error {
	md := thriftkit.Metadata(ctx)
	if v, ok := md["x-grpc-test-echo-initial"]; ok {
		if err := grpc.SetHeader(ctx, "x-grpc-test-echo-initial", v); err != nil {
			return err
		}
	}
	if v, ok := md["x-grpc-test-echo-trailing-bin"]; ok {
		return grpc.SetTrailer(ctx, "x-grpc-test-echo-trailing-bin", v)
	}
	return nil
}

// serve serves a service of a file in testdata, and Thrift beside, and returns the address.
func serve(t testing.TB, path, service string, handler any, opts ...thriftkit.ServerOption) string {
	t.Helper()
	s := thriftkit.NewServer(append(opts, thriftkit.WithDialects(grpc.Dialect()))...)
	if err := s.Register(thriftkit.MustLoad(path).MustService(service), handler); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-done })
	return l.Addr().String()
}

func dial(t testing.TB, addr string, creds credentials.TransportCredentials) *gogrpc.ClientConn {
	t.Helper()
	cc, err := gogrpc.NewClient(addr, gogrpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close() })
	return cc
}

// serverTLS returns a certificate for the name example.com, and what trusts it.
func serverTLS(t testing.TB) (*tls.Config, *x509.CertPool) {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates}, roots
}

// TestInteropServer has grpc-go's interoperability client test our server, plain and by TLS. Where something is wrong, that
// client ends the process with a line that says what.
func TestInteropServer(t *testing.T) {
	config, roots := serverTLS(t)
	addr := serve(t, "testdata/interop.thrift", "TestService", testService{}, thriftkit.WithTLS(config))
	for name, creds := range map[string]credentials.TransportCredentials{
		"plain": insecure.NewCredentials(), "TLS": credentials.NewTLS(&tls.Config{RootCAs: roots, ServerName: "example.com"}),
	} {
		t.Run(name, func(t *testing.T) {
			cc := dial(t, addr, creds)
			interopCases(t, cc)
		})
	}
}

func interopCases(t *testing.T, cc *gogrpc.ClientConn) {
	tc := testgrpc.NewTestServiceClient(cc)
	for _, test := range []struct {
		name string
		do   func(context.Context, testgrpc.TestServiceClient, ...gogrpc.CallOption)
	}{
		{"empty_unary", interop.DoEmptyUnaryCall},
		{"large_unary", interop.DoLargeUnaryCall},
		{"client_streaming", interop.DoClientStreaming},
		{"server_streaming", interop.DoServerStreaming},
		{"ping_pong", interop.DoPingPong},
		{"empty_stream", interop.DoEmptyStream},
		{"timeout_on_sleeping_server", interop.DoTimeoutOnSleepingServer},
		{"cancel_after_begin", interop.DoCancelAfterBegin},
		{"cancel_after_first_response", interop.DoCancelAfterFirstResponse},
		{"custom_metadata", interop.DoCustomMetadata},
		{"status_code_and_message", interop.DoStatusCodeAndMessage},
		{"special_status_message", interop.DoSpecialStatusMessage},
		{"unimplemented_method", func(ctx context.Context, _ testgrpc.TestServiceClient, _ ...gogrpc.CallOption) {
			interop.DoUnimplementedMethod(ctx, cc)
		}},
		{"unimplemented_service", func(ctx context.Context, _ testgrpc.TestServiceClient, _ ...gogrpc.CallOption) {
			interop.DoUnimplementedService(ctx, testgrpc.NewUnimplementedServiceClient(cc))
		}},
	} {
		t.Run(test.name, func(t *testing.T) { test.do(t.Context(), tc) })
	}
}
