package grpc_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"testing"

	gogrpc "google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

// An echoService answers with the payload of the request.
type echoService struct{ testService }

func (echoService) UnaryCall(_ context.Context, req *SimpleRequest) (*SimpleResponse, error) {
	return &SimpleResponse{req.Payload}, nil
}

type goEcho struct {
	testgrpc.UnimplementedTestServiceServer
}

func (goEcho) UnaryCall(_ context.Context, req *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	return &testgrpc.SimpleResponse{Payload: req.Payload}, nil
}

// BenchmarkServer calls our server and grpc-go's with grpc-go's client.
func BenchmarkServer(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := gogrpc.NewServer()
	testgrpc.RegisterTestServiceServer(s, goEcho{})
	go s.Serve(l)
	defer s.Stop()
	for _, size := range []int{0, 1024} {
		for _, callers := range []int{1, 16, 100} {
			for _, server := range []struct{ name, addr string }{{"thriftkit", serve(b, "testdata/interop.thrift", "TestService", echoService{})}, {"grpc-go", l.Addr().String()}} {
				b.Run(fmt.Sprintf("%dB/%d/%s", size, callers, server.name), func(b *testing.B) {
					tc := testgrpc.NewTestServiceClient(dial(b, server.addr, insecure.NewCredentials()))
					req := &testgrpc.SimpleRequest{Payload: &testgrpc.Payload{Body: bytes.Repeat([]byte("x"), size)}}
					call := func() {
						got, err := tc.UnaryCall(b.Context(), req)
						if err != nil || len(got.Payload.GetBody()) != size {
							b.Error(err)
						}
					}
					call()
					b.ReportAllocs()
					b.ResetTimer()
					parallel(b, callers, call)
				})
			}
		}
	}
}

// parallel calls f b.N times, from so many goroutines.
func parallel(b *testing.B, callers int, f func()) {
	turns := make(chan struct{}, callers)
	done := make(chan struct{})
	for range callers {
		go func() {
			for range turns {
				f()
			}
			done <- struct{}{}
		}()
	}
	for range b.N {
		turns <- struct{}{}
	}
	close(turns)
	for range callers {
		<-done
	}
}
