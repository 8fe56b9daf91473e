package rpc_test

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/wire"
)

// pipes is a listener whose connections stay in this process, so that time can be virtual.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.done:
	default:
		close(p.done)
	}
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

// TestTimes has peers that do nothing more, at every point of a connection's life, and looks in virtual time when servers
// with their defaults end it.
func TestTimes(t *testing.T) {
	ca := newAuthority(t, "authority")
	ca.sign(t, "foo.test", "server")
	ping := message("ping", wire.Call, 1, "00")
	for _, tt := range []struct {
		what string
		do   func(net.Conn)
		want time.Duration
	}{
		{"says nothing", func(net.Conn) {}, 10 * time.Minute},
		{"begins a message", func(c net.Conn) { c.Write(ping[:7]) }, time.Minute},
		{"stops within the first word", func(c net.Conn) { c.Write(ping[:2]) }, time.Minute},
		{"begins a handshake", func(c net.Conn) { c.Write([]byte{22, 3, 1, 2, 0, 1, 0, 1, 0xfc}) }, 10 * time.Second},
		{"begins to negotiate", func(c net.Conn) { c.Write([]byte{1, 0, 0, 0, 5, 'P', 'L', 'A'}) }, 10 * time.Second},
		{"rests after a call", func(c net.Conn) {
			c.Write(ping)
			io.ReadFull(c, make([]byte, len(pong("pong", 1))))
		}, 10 * time.Minute},
		{"sends a byte a second", func(c net.Conn) {
			for i := 0; ; i++ {
				if _, err := c.Write([]byte{0x80, 1, 0, 1, 0, 1, 0, 0}[min(i, 7):][:1]); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}, time.Minute},
		{"does not read its reply", func(c net.Conn) { c.Write(ping); time.Sleep(time.Minute + time.Second) }, time.Minute + time.Second},
	} {
		t.Run(tt.what, func(t *testing.T) {
			config := ca.serverTLS(t, "server", "")
			synctest.Test(t, func(t *testing.T) {
				s := rpc.NewServer(rpc.ServerOptions{TLS: config, SASLPlain: func(context.Context, string, string) error { return nil }})
				if err := s.Register(load(t).Service("Test"), newHandler()); err != nil {
					t.Fatal(err)
				}
				l := newPipes()
				served := make(chan struct{})
				go func() { s.Serve(l); close(served) }()
				c := l.dial()
				start := time.Now()
				tt.do(c)
				io.Copy(io.Discard, c)
				took := time.Since(start)
				if took < tt.want || took > tt.want+tt.want/8+2*time.Second {
					t.Errorf("it ended after %v, want %v", took, tt.want)
				}
				c.Close()
				if err := s.Shutdown(context.Background()); err != nil {
					t.Error(err)
				}
				<-served
			})
		})
	}
}
