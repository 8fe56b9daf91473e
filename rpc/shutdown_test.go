package rpc_test

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/wire"
)

// queueListener is a listener as the system has it: connections that it has made wait until they are accepted, and are reset when it is
// closed.
type queueListener struct {
	queue    chan net.Conn
	stopping func() // runs with the first SetDeadline

	deadline chan struct{} // closed when the deadline is over
	once     sync.Once
}

func (l *queueListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.queue:
		return nc, nil
	default:
	}
	select {
	case nc := <-l.queue:
		return nc, nil
	case <-l.deadline:
		return nil, os.ErrDeadlineExceeded
	}
}

func (l *queueListener) SetDeadline(t time.Time) error {
	l.once.Do(func() {
		l.stopping()
		time.AfterFunc(time.Until(t), func() { close(l.deadline) })
	})
	return nil
}

func (l *queueListener) Close() error {
	for {
		select {
		case nc := <-l.queue:
			nc.Close()
		default:
			return nil
		}
	}
}

func (l *queueListener) Addr() net.Addr { return &net.TCPAddr{} }

// TestShutdownQueue has a connection, with a call on it, that was made before Shutdown closed the listener, and was not accepted yet.
func TestShutdownQueue(t *testing.T) {
	leaks(t)
	for _, what := range []struct{ send, want []byte }{
		{message("ping", wire.Call, 5, "00"), message("ping", wire.Reply, 5, "0b0000 00000004 706f6e67 00")},
		{[]byte("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18\r\n\r\n[1,\"ping\",1,5,{}] "), []byte("HTTP/1.1 200 OK\r\n")},
	} {
		l := &queueListener{queue: make(chan net.Conn, 1), deadline: make(chan struct{})}
		s := rpc.NewServer(rpc.ServerOptions{})
		if err := s.Register(load(t).Service("Test"), newHandler()); err != nil {
			t.Fatal(err)
		}
		served, client := net.Pipe()
		defer client.Close()
		l.stopping = func() { l.queue <- served }
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(l) }()
		waitFor(t, "Serve", func() bool { return s.Stats().Serving })
		answer := make(chan []byte, 1)
		go func() {
			client.SetDeadline(time.Now().Add(20 * time.Second))
			client.Write(what.send)
			b := make([]byte, len(what.want))
			n, _ := client.Read(b)
			answer <- b[:n]
			client.Close()
		}()
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, rpc.ErrServerClosed) {
			t.Error(err)
		}
		if got := <-answer; string(got) != string(what.want) {
			t.Errorf("%q, want %q", got, what.want)
		}
	}
}

// TestShutdownUndetected has a connection that has not said yet that it speaks HTTP when the server begins to shut down.
func TestShutdownUndetected(t *testing.T) {
	leaks(t)
	l := listenTCP(t)
	s, _ := serve(t, l, newHandler(), rpc.ServerOptions{})
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	waitFor(t, "the connection", func() bool { return s.Stats().Connections == 1 })
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(context.Background()) }()
	waitFor(t, "Shutdown", func() bool { return !s.Stats().Serving })
	time.Sleep(60 * time.Millisecond) // well within the time that a new connection has
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := nc.Write([]byte("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18\r\n\r\n[1,\"ping\",1,5,{}] ")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 15)
	if n, err := nc.Read(b); string(b[:n]) != "HTTP/1.1 200 OK" {
		t.Errorf("%q, %v", b[:n], err)
	}
	nc.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
