// Package thrifttest helps to test services and their clients: a server and clients in memory,
// without ports. It works in virtual time (package testing/synctest). Package chaos below it
// disturbs connections.
package thrifttest

import (
	"context"
	"crypto/tls"
	"net"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/internal/memnet"
	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
)

// A Server is a server that listens in memory. Messages go over connections and through a dialect,
// as over a network.
type Server struct {
	*thriftkit.Server
	t testing.TB
	l *memnet.Listener
}

// NewServer returns a server of svc with handler, anything that Server.Register accepts, which serves
// until the test ends; then it is closed. A handler that does not fit ends the test.
//
//	s := thrifttest.NewServer(t, svc, handler{})
//	var c struct {
//		Ping func(ctx context.Context) (string, error)
//	}
//	err := s.Client().Bind(svc, &c)
func NewServer(t testing.TB, svc *schema.Service, handler any, opts ...thriftkit.ServerOption) *Server {
	t.Helper()
	s := &Server{Server: thriftkit.NewServer(opts...), t: t, l: memnet.Listen()}
	if err := s.Register(svc, handler); err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		s.Serve(s.l)
	}()
	t.Cleanup(func() {
		s.Close()
		<-served
	})
	return s
}

// Client returns a client of s, which is closed when the test ends.
func (s *Server) Client(opts ...thriftkit.ClientOption) *thriftkit.Client {
	s.t.Helper()
	return s.Dial("", opts...)
}

// Dial is Client in the dialect that query names, as targets do: "protocol=compact&transport=framed".
func (s *Server) Dial(query string, opts ...thriftkit.ClientOption) *thriftkit.Client {
	s.t.Helper()
	target := "memory:0"
	if query != "" {
		target += "?" + query
	}
	dialer := thriftkit.WithDialer(func(ctx context.Context, t transport.Target, _ *tls.Config) (net.Conn, error) {
		nc, err := s.l.Dial(ctx)
		if err == nil && t.IsCompressed() {
			nc = msgio.Zlib(nc)
		}
		return nc, err
	})
	c, err := thriftkit.Dial(context.Background(), target, append(opts, dialer)...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c
}
