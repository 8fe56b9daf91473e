package rpcx_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/x/rpcx"
)

// TestClientConnections loses connections, closes clients, and calls nobody.
func TestClientConnections(t *testing.T) {
	file, err := thriftkit.Parse("shop.thrift", shopIDL)
	if err != nil {
		t.Fatal(err)
	}
	svc := file.MustService("Shop")
	start := func(addr string) (*thriftkit.Server, string) {
		s := thriftkit.NewServer(thriftkit.WithDialects(rpcx.Dialect()), thriftkit.WithErrorLog(nil))
		if err := s.Register(svc, shop{make(chan string, 10)}); err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		go s.Serve(l)
		t.Cleanup(func() { s.Close() })
		return s, l.Addr().String()
	}
	s, addr := start("127.0.0.1:0")
	c := dial(t, "rpcx://"+addr)
	ping := func() error {
		_, err := rpc.Invoke[string](t.Context(), c, svc.Method("ping"))
		return err
	}
	if err := ping(); err != nil {
		t.Fatal(err)
	}
	lost := make(chan error)
	go func() {
		_, err := rpc.Invoke[int32](t.Context(), c, svc.Method("wait"), 60_000)
		lost <- err
	}()
	time.Sleep(50 * time.Millisecond)
	s.Close()
	var e *rpc.Error
	if err := <-lost; !errors.As(err, &e) || e.Code != rpc.CodeConnectionLost && e.Code != rpc.CodeUnavailable {
		t.Errorf("the server closed: %v", err)
	}
	if err := ping(); !errors.As(err, &e) || e.Code != rpc.CodeUnavailable || e.Outcome != rpc.OutcomeNotSent {
		t.Errorf("nobody is there: %v", err)
	}
	start(addr)
	if err := ping(); err != nil {
		t.Errorf("a new server: %v", err)
	}
	closed := make(chan error)
	go func() {
		_, err := rpc.Invoke[int32](t.Context(), c, svc.Method("wait"), 60_000)
		closed <- err
	}()
	time.Sleep(50 * time.Millisecond)
	c.Close()
	if err := <-closed; !errors.As(err, &e) || e.Code != rpc.CodeClosed {
		t.Errorf("a pending call of a closed client: %v", err)
	}
	if err := ping(); !errors.As(err, &e) || e.Code != rpc.CodeClosed || e.Outcome != rpc.OutcomeNotSent {
		t.Errorf("a closed client: %v", err)
	}
	_, err = thriftkit.Dial(t.Context(), "rpcx://"+addr+"?protocol=compact", thriftkit.WithDialects(rpcx.Dialect()))
	if err == nil || !strings.Contains(err.Error(), `unknown protocol "compact" of rpcx (known: binary, json, msgpack, proto)`) {
		t.Error(err)
	}
	if _, err = thriftkit.Dial(t.Context(), "rpcx://"+addr); err == nil || !strings.Contains(err.Error(), "x/rpcx for dubbo, motan2 and rpcx") {
		t.Errorf("without the dialect: %v", err)
	}
}

// TestClientAtOnce makes calls of all sizes over one connection.
func TestClientAtOnce(t *testing.T) {
	addr, _, svc := serve(t, rpcx.Options{})
	conn := dial(t, "rpcx://"+addr+"?protocol=msgpack")
	var c shopClient
	if err := conn.Bind(svc, &c); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			text := strings.Repeat("x", i*i*10)
			for range 5 {
				if got, err := c.Echo(t.Context(), text); got != text || err != nil {
					t.Errorf("%d bytes, %v, want %d", len(got), err, len(text))
				}
			}
			short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			if _, err := c.Wait(short, 60_000); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a deadline: %v", err)
			}
		})
	}
	wg.Wait()
}

// TestClientLimits does not send what is too long, and does not read it.
func TestClientLimits(t *testing.T) {
	addr, _, svc := serve(t, rpcx.Options{})
	conn := dial(t, "rpcx://"+addr, thriftkit.WithMaxMessageBytes(10_000))
	var c shopClient
	if err := conn.Bind(svc, &c); err != nil {
		t.Fatal(err)
	}
	var e *rpc.Error
	if _, err := c.Echo(t.Context(), strings.Repeat("x", 20_000)); !errors.As(err, &e) || e.Code != rpc.CodeArgument || e.Outcome != rpc.OutcomeNotSent ||
		!strings.Contains(e.Message, "exceeds 10000 bytes") {
		t.Errorf("too long a call: %v", err)
	}
	many := make([]*Book, 3)
	for i := range many {
		many[i] = &Book{Title: strings.Repeat("x", 3000)}
	}
	if n, err := c.Count(t.Context(), many); n != 3 || err != nil {
		t.Error(n, err)
	}
	if got, err := c.Echo(t.Context(), "x"); got != "x" || err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestAuth refuses a token, and closes the connection as rpcx does.
func TestAuth(t *testing.T) {
	addr, _, svc := serve(t, rpcx.Options{Auth: func(_ context.Context, service, method, token string) error {
		if service != "Base" || method != "ping" || token != "secret" {
			return errors.New("invalid token")
		}
		return nil
	}})
	c := dial(t, "rpcx://"+addr)
	with := rpc.AddMetadata(t.Context(), map[string]string{rpcx.AuthMetadata: "secret"})
	if got, err := rpc.Invoke[string](with, c, svc.Method("ping")); got != "pong" || err != nil {
		t.Error(got, err)
	}
	var e *rpc.Error
	if _, err := rpc.Invoke[string](t.Context(), c, svc.Method("ping")); !errors.As(err, &e) || !e.Remote || e.Message != "invalid token" {
		t.Errorf("without a token: %v", err)
	}
}
