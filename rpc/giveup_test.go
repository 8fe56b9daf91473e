package rpc_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire"
)

// dialTo returns a dialer for one connection to what it returns.
func dialTo(nc net.Conn) func(context.Context, transport.Target, *tls.Config) (net.Conn, error) {
	return func(context.Context, transport.Target, *tls.Config) (net.Conn, error) {
		if nc == nil {
			return nil, errors.New("there is one connection only")
		}
		defer func() { nc = nil }()
		return nc, nil
	}
}

// TestOnewayGivesUp has a oneway call give up while the server does not read it: that it was begun is no harm to
// the call beside it, which is answered when the server goes on.
func TestOnewayGivesUp(t *testing.T) {
	for _, network := range []string{"tcp", "pipe"} {
		t.Run(network, func(t *testing.T) {
			leaks(t)
			for !onewayGivesUp(t, network) {
			}
		})
	}
}

// onewayGivesUp reports false if the oneway call found the other call still writing: then it is only
// queued, and has nothing to give up.
func onewayGivesUp(t *testing.T, network string) bool {
	here, there := net.Pipe()
	if network == "tcp" {
		l := listenTCP(t)
		var err error
		if here, err = net.Dial("tcp", l.Addr().String()); err == nil {
			there, err = l.Accept()
		}
		if err != nil {
			t.Fatal(err)
		}
		// Without these the kernel may hold all of the message.
		const small = 64 << 10
		here.(*net.TCPConn).SetWriteBuffer(small)
		there.(*net.TCPConn).SetReadBuffer(small)
	}
	defer there.Close()
	client := dial(t, "nowhere.test:1", rpc.ClientOptions{Dialer: dialTo(here)})
	c := bind(t, client, load(t).Service("Test"))
	text := strings.Repeat("x", 15<<20)
	pinged := make(chan error, 1)
	go func() {
		got, err := c.Ping(context.Background())
		if err == nil && got != "pong" {
			err = errors.New(got)
		}
		pinged <- err
	}()
	ping := make([]byte, len(message("ping", wire.Call, 1, "00")))
	if _, err := io.ReadFull(there, ping); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	err := c.Notify(ctx, text)
	if err == nil {
		client.Close()
		<-pinged
		return false
	}
	if code(err) != rpc.CodeTimeout {
		t.Errorf("the oneway call: %v", err)
	}
	there.SetDeadline(time.Now().Add(time.Minute)) // only against hanging
	n := len(message("notify", wire.Oneway, 1, "0b0001 00000000 00")) + len(text)
	if m, err := io.CopyN(io.Discard, there, int64(n)); err != nil {
		t.Errorf("%d bytes of %d of the oneway call, then %v", m, n, err)
	}
	there.Write(pong("pong", int32(binary.BigEndian.Uint32(ping[12:]))))
	if err := <-pinged; err != nil {
		t.Errorf("the call beside it: %v", err)
	}
	if n, err := there.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("the connection goes on: %d, %v", n, err)
	}
	return true
}

// TestGivenUpWriteEnds has a call give up that a server does not read. In virtual time: what is left of it is
// written for a while, and then the connection ends, for which nobody waits.
func TestGivenUpWriteEnds(t *testing.T) {
	for _, method := range []string{"ping", "notify"} {
		t.Run(method, func(t *testing.T) {
			svc := load(t).Service("Test")
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				c, err := rpc.Dial(context.Background(), "nowhere.test:1", rpc.ClientOptions{Dialer: dialTo(here), Timeout: time.Second})
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if _, err := rpc.Invoke[any](context.Background(), c, svc.Method(method)); code(err) != rpc.CodeTimeout {
					t.Errorf("%v", err)
				}
				time.Sleep(11 * time.Second)
				if n, err := there.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Errorf("it is still being written: %d, %v", n, err)
				}
			})
		})
	}
}
