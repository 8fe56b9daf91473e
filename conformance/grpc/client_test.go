package grpc_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	gogrpc "google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/x/grpc"
)

// A testClient has the methods of TestService as funcs.
type testClient struct {
	EmptyCall           func(context.Context, *Empty) (*Empty, error)
	UnaryCall           func(context.Context, *SimpleRequest) (*SimpleResponse, error)
	StreamingOutputCall func(context.Context, *StreamingOutputCallRequest) (*rpc.Receiver[*StreamingOutputCallResponse], error)
	StreamingInputCall  func(context.Context) (*rpc.ClientStream[*StreamingInputCallRequest, *StreamingInputCallResponse], error)
	FullDuplexCall      func(context.Context) (*rpc.BidiStream[*StreamingOutputCallRequest, *StreamingOutputCallResponse], error)
	UnimplementedCall   func(context.Context, *Empty) (*Empty, error)
}

// TestInteropClient does, as gRPC's description of its interoperability tests asks of a client, calls of grpc-go's server.
func TestInteropClient(t *testing.T) {
	config, _ := serverTLS(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	leaf, err := x509.ParseCertificate(config.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, opts := range map[string][]gogrpc.ServerOption{"plain": nil, "TLS": {gogrpc.Creds(credentials.NewTLS(&tls.Config{Certificates: config.Certificates}))}} {
		t.Run(name, func(t *testing.T) {
			s := gogrpc.NewServer(opts...)
			testgrpc.RegisterTestServiceServer(s, interop.NewTestServer())
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			go s.Serve(l)
			t.Cleanup(s.Stop)
			target := "grpc://" + l.Addr().String()
			if name == "TLS" {
				target = "grpcs://" + l.Addr().String() + "?servername=example.com&ca=" + url.QueryEscape(ca)
			}
			conn, err := thriftkit.Dial(t.Context(), target, thriftkit.WithDialects(grpc.Dialect()))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			var c testClient
			if err := conn.Bind(thriftkit.MustLoad("testdata/interop.thrift").MustService("TestService"), &c); err != nil {
				t.Fatal(err)
			}
			clientCases(t, c)
		})
	}
}

func clientCases(t *testing.T, c testClient) {
	payload := func(n int) *Payload { return &Payload{Body: make([]byte, n)} }
	t.Run("empty_unary", func(t *testing.T) {
		if _, err := c.EmptyCall(t.Context(), &Empty{}); err != nil {
			t.Error(err)
		}
	})
	t.Run("large_unary", func(t *testing.T) {
		got, err := c.UnaryCall(t.Context(), &SimpleRequest{ResponseSize: 314159, Payload: payload(271828)})
		if err != nil || !bytes.Equal(got.Payload.Body, make([]byte, 314159)) {
			t.Errorf("%v", err)
		}
	})
	t.Run("client_streaming", func(t *testing.T) {
		s, err := c.StreamingInputCall(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{27182, 8, 1828, 45904} {
			if err := s.Send(&StreamingInputCallRequest{payload(n)}); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := s.CloseAndRecv(); err != nil || got.AggregatedPayloadSize != 74922 {
			t.Errorf("%v, %v", got, err)
		}
	})
	sizes := []int32{31415, 9, 2653, 58979}
	t.Run("server_streaming", func(t *testing.T) {
		req := &StreamingOutputCallRequest{}
		for _, n := range sizes {
			req.ResponseParameters = append(req.ResponseParameters, ResponseParameters{Size: n})
		}
		s, err := c.StreamingOutputCall(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		var got []int32
		for item, err := range s.All() {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, int32(len(item.Payload.Body)))
		}
		if !slices.Equal(got, sizes) {
			t.Errorf("%v", got)
		}
	})
	t.Run("ping_pong", func(t *testing.T) {
		s, err := c.FullDuplexCall(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range []int{27182, 8, 1828, 45904} {
			if err := s.Send(&StreamingOutputCallRequest{Payload: payload(n), ResponseParameters: []ResponseParameters{{Size: sizes[i]}}}); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Recv(); err != nil || len(got.Payload.Body) != int(sizes[i]) {
				t.Fatal(err)
			}
		}
		if err := s.CloseSend(); err != nil {
			t.Error(err)
		}
		if _, err := s.Recv(); err != io.EOF {
			t.Errorf("the end: %v", err)
		}
	})
	t.Run("empty_stream", func(t *testing.T) {
		s, err := c.FullDuplexCall(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.CloseSend(); err != nil {
			t.Error(err)
		}
		if _, err := s.Recv(); err != io.EOF {
			t.Errorf("the end: %v", err)
		}
	})
	t.Run("timeout_on_sleeping_server", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		s, err := c.FullDuplexCall(ctx)
		if err == nil {
			if err = s.Send(&StreamingOutputCallRequest{Payload: payload(27182)}); err == nil || err == io.EOF {
				_, err = s.Recv()
			}
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	t.Run("cancel_after_begin", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s, err := c.StreamingInputCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err = s.CloseAndRecv(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Run("cancel_after_first_response", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s, err := c.FullDuplexCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Send(&StreamingOutputCallRequest{Payload: payload(27182), ResponseParameters: []ResponseParameters{{Size: 31415}}}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Recv(); err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := s.Recv(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	echo := map[string]string{"x-grpc-test-echo-initial": "test_initial_metadata_value", "x-grpc-test-echo-trailing-bin": "\x0a\x0b\x0a\x0b\x0a\x0b"}
	t.Run("custom_metadata", func(t *testing.T) {
		var reply map[string]string
		ctx := thriftkit.ReceiveMetadata(thriftkit.AddMetadata(t.Context(), echo), &reply)
		check := func() {
			t.Helper()
			for k, v := range echo {
				if reply[k] != v {
					t.Errorf("the reply came with %q", reply)
				}
			}
		}
		if _, err := c.UnaryCall(ctx, &SimpleRequest{ResponseSize: 1, Payload: payload(1)}); err != nil {
			t.Fatal(err)
		}
		check()
		reply = nil
		s, err := c.FullDuplexCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Send(&StreamingOutputCallRequest{ResponseParameters: []ResponseParameters{{Size: 1}}}), s.CloseSend()); err != nil {
			t.Fatal(err)
		}
		for _, err := range s.All() {
			if err != nil {
				t.Fatal(err)
			}
		}
		check()
	})
	const special = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
	t.Run("status_code_and_message", func(t *testing.T) {
		var e *rpc.Error
		if _, err := c.UnaryCall(t.Context(), &SimpleRequest{ResponseStatus: &EchoStatus{2, special}}); !errors.As(err, &e) || e.Code != rpc.CodeUnknown || e.Message != special {
			t.Errorf("%v", err)
		}
		var business *rpc.BusinessError
		if _, err := c.UnaryCall(t.Context(), &SimpleRequest{ResponseStatus: &EchoStatus{5, "gone"}}); !errors.As(err, &business) || business.Code != int32(codes.NotFound) || business.Message != "gone" {
			t.Errorf("%v", err)
		}
		s, err := c.FullDuplexCall(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Send(&StreamingOutputCallRequest{ResponseStatus: &EchoStatus{2, special}}); err != nil {
			t.Fatal(err)
		}
		e = nil
		if _, err := s.Recv(); !errors.As(err, &e) || e.Message != special {
			t.Errorf("%v", err)
		}
	})
	t.Run("unimplemented_method", func(t *testing.T) {
		var e *rpc.Error
		if _, err := c.UnimplementedCall(t.Context(), &Empty{}); !errors.As(err, &e) || e.Code != rpc.CodeUnknownMethod || e.Outcome != rpc.OutcomeRefused {
			t.Errorf("%v", err)
		}
	})
}
