package rpc_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/wire"
)

// TestServerLog makes calls that fail on the server in all ways that the caller does not learn of, or not alone.
func TestServerLog(t *testing.T) {
	leaks(t)
	l := listenTCP(t)
	var log errorLog
	fails := func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, call *rpc.Call) error {
			if call.Method.Name == "greet" {
				return errors.New("one\ntwo\x1b[31m")
			}
			return next(ctx, call)
		}
	}
	_, svc := serve(t, l, newHandler(), rpc.ServerOptions{ErrorLog: log.add, Interceptors: []rpc.Interceptor{fails}})
	c := dial(t, l.Addr().String(), rpc.ClientOptions{})
	rpc.Invoke[any](t.Context(), c, svc.Method("greet"), "x")
	rpc.Invoke[any](t.Context(), c, svc.Method("get"), 0)
	for _, send := range [][]byte{
		message("no\x07thing", wire.Call, 1, "00"),
		message("echo", wire.Call, 2, "08 0001 00000007 00"),
		message("echo", wire.Call, 3, "0b 0001 00000001 61 00 ff"),
	} {
		nc := connectTo(t, l)
		nc.Write(append([]byte{0, 0, 0, byte(len(send))}, send...))
		io.ReadFull(nc, make([]byte, 5))
		nc.Close()
	}
	resp, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	resp, err = http.Post("http://"+l.Addr().String(), "application/x-thrift", strings.NewReader("junk of some length"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	for _, want := range []string{
		`rpc: Test.greet: one\ntwo\x1b[31m (called from 127.0.0.1:`,
		"rpc: Test.get: the handler returned neither a result nor an error (called from 127.0.0.1:",
		"unknown method \"no\\athing\"",
		"rpc: call from 127.0.0.1:",
		"the arguments of Test.echo: ",
		"1 byte after the arguments",
		"over HTTP: a call is a POST, not a GET",
		"over HTTP: the body is not a Thrift message",
	} {
		log.waitFor(t, want)
	}
}

// TestServerLogBound has a client that causes more lines than a log can have.
func TestServerLogBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines atomic.Int64
		var last atomic.Pointer[string]
		l := listen(t)
		_, svc := serve(t, l, newHandler(), rpc.ServerOptions{ErrorLog: func(err error) {
			lines.Add(1)
			text := err.Error()
			if strings.Contains(text, "left out") {
				last.Store(&text)
			}
		}})
		c := dial(t, l.Addr().String(), rpc.ClientOptions{})
		other := *svc.Method("ping")
		other.Name = "nothing"
		flood := func(n int) {
			for range n {
				rpc.Invoke[any](t.Context(), c, &other)
			}
		}
		flood(1000)
		if n := lines.Load(); n != 100 {
			t.Errorf("%d lines in a moment, want 100", n)
		}
		time.Sleep(time.Second)
		flood(1)
		if n, text := lines.Load(), last.Load(); n != 102 || text == nil || *text != "rpc: 900 lines like the next were left out: clients cause more than 100 in a second" {
			t.Errorf("%d lines, %v", n, text)
		}
	})
}

// TestHealthPath asks a server over HTTP whether it accepts calls.
func TestHealthPath(t *testing.T) {
	leaks(t)
	l := listenTCP(t)
	s, _ := serve(t, l, newHandler(), rpc.ServerOptions{HealthPath: "/healthz"})
	for _, test := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/healthz", 200, "ok\n"}, {"HEAD", "/healthz", 200, ""}, {"GET", "/", 405, "a call is a POST\n"}, {"PUT", "/healthz", 405, "a call is a POST\n"},
	} {
		req, err := http.NewRequest(test.method, "http://"+l.Addr().String()+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != test.status || string(body) != test.body {
			t.Errorf("%s %s: %d %q, want %d %q", test.method, test.path, resp.StatusCode, body, test.status, test.body)
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Shutdown(context.Background()) }()
	waitFor(t, "the shutdown", func() bool { return !s.Stats().Serving })
	resp, err := http.Get("http://" + l.Addr().String() + "/healthz") // over the connection that there is
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 503 {
		t.Errorf("while it shuts down: %s", resp.Status)
	}
	http.DefaultClient.CloseIdleConnections()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
