package rpc_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/thriftkit/thriftkit/internal/memnet"
	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/transport"
)

// The tests make their calls in memory. Those whose subject is a socket, TLS or what net/http does with connections
// take listenTCP.

// listeners has the listeners in memory by address.
var (
	listeners    sync.Map
	listenersNum atomic.Int64
)

// memoryListener is a listener with an address of its own.
type memoryListener struct {
	*memnet.Listener
	address memoryAddr
}

type memoryAddr string

func (memoryAddr) Network() string  { return "memory" }
func (a memoryAddr) String() string { return string(a) }

func (l memoryListener) Addr() net.Addr { return l.address }

// listen returns a listener in memory. Clients made by dial, or with the options that inMemory returns, find it by its
// address; so does connectTo.
func listen(t testing.TB) net.Listener {
	l := memoryListener{memnet.Listen(), memoryAddr(fmt.Sprintf("memory:%d", listenersNum.Add(1)))}
	listeners.Store(string(l.address), l.Listener)
	t.Cleanup(func() { listeners.Delete(string(l.address)) })
	return l
}

// listenTCP returns a listener on a free port.
func listenTCP(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// inMemory returns opts with a Dialer that finds listeners in memory, unless there is one.
func inMemory(opts rpc.ClientOptions) rpc.ClientOptions {
	if opts.Dialer != nil {
		return opts
	}
	opts.Dialer = func(ctx context.Context, target transport.Target, config *tls.Config) (net.Conn, error) {
		l, ok := listeners.Load(target.Address)
		if !ok {
			return target.Dial(ctx, config)
		}
		nc, err := l.(*memnet.Listener).Dial(ctx)
		if err == nil && target.IsCompressed() {
			nc = msgio.Zlib(nc)
		}
		return nc, err
	}
	return opts
}

// connectTo returns a connection to l, of any kind.
func connectTo(t testing.TB, l net.Listener) net.Conn {
	t.Helper()
	var nc net.Conn
	var err error
	if m, ok := l.(memoryListener); ok {
		nc, err = m.Dial(context.Background())
	} else {
		nc, err = net.Dial("tcp", l.Addr().String())
	}
	if err != nil {
		t.Fatal(err)
	}
	return nc
}
