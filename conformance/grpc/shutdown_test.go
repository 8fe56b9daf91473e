package grpc_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	gogrpc "google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/x/grpc"
)

// A slowService answers calls when it may.
type slowService struct {
	testService
	begun   chan struct{}
	release chan struct{}
}

func (s slowService) UnaryCall(context.Context, *SimpleRequest) (*SimpleResponse, error) {
	s.begun <- struct{}{}
	<-s.release
	return &SimpleResponse{&Payload{Body: []byte("late")}}, nil
}

// TestShutdown shuts a server down while a call is under way and a stream of health is watched: the call is answered, the watcher
// learns of it, and grpc-go gets neither a broken connection nor a call that it cannot tell the fate of.
func TestShutdown(t *testing.T) {
	slow := slowService{begun: make(chan struct{}), release: make(chan struct{})}
	s := thriftkit.NewServer(thriftkit.WithDialects(grpc.Dialect()))
	if err := s.Register(thriftkit.MustLoad("testdata/interop.thrift").MustService("TestService"), slow); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	cc := dial(t, l.Addr().String(), insecure.NewCredentials())
	tc, health := testgrpc.NewTestServiceClient(cc), grpc_health_v1.NewHealthClient(cc)

	watch, err := health.Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: "grpc.testing.TestService"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := watch.Recv(); err != nil || got.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Fatalf("watch: %v, %v", got, err)
	}
	answer := make(chan error, 1)
	go func() {
		got, err := tc.UnaryCall(t.Context(), &testgrpc.SimpleRequest{})
		if err == nil && string(got.Payload.Body) != "late" {
			t.Errorf("got %v", got)
		}
		answer <- err
	}()
	<-slow.begun
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(t.Context()) }()
	if got, err := watch.Recv(); err != nil || got.Status != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("watch: %v, %v", got, err)
	}
	if _, err := watch.Recv(); err != io.EOF {
		t.Errorf("watch ends with %v", err)
	}
	close(slow.release)
	if err := <-answer; err != nil {
		t.Errorf("the call under way: %v", err)
	}
	start := time.Now()
	if err := <-down; err != nil {
		t.Error(err)
	}
	t.Logf("shutdown ended %v after the last call", time.Since(start))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := tc.EmptyCall(ctx, &testgrpc.Empty{}, gogrpc.WaitForReady(false)); status.Code(err) != codes.Unavailable {
		t.Errorf("after the shutdown: %v", err)
	}
	<-served
}

// TestHealth asks for the health of what is there, and of what is not.
func TestHealth(t *testing.T) {
	cc := dial(t, serve(t, "testdata/interop.thrift", "TestService", testService{}), insecure.NewCredentials())
	health := grpc_health_v1.NewHealthClient(cc)
	for name, want := range map[string]codes.Code{"": codes.OK, "grpc.testing.TestService": codes.OK, "gone": codes.NotFound} {
		got, err := health.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: name})
		if status.Code(err) != want || err == nil && got.Status != grpc_health_v1.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v, %v", name, got, err)
		}
	}
	w, err := health.Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: "gone"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := w.Recv(); err != nil || got.Status != grpc_health_v1.HealthCheckResponse_SERVICE_UNKNOWN {
		t.Errorf("watch of a service that is not there: %v, %v", got, err)
	}
}
