package thriftkit_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/gateway"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/x/dubbo"
	"github.com/thriftkit/thriftkit/x/motan"
	"github.com/thriftkit/thriftkit/x/rpcx"
)

// TestMaxBufferedBytes has strangers send much of messages that do not end, in everything that goes over a port: together the server
// holds no more than the bound, closes the slowest and counts them, and other clients do not notice.
func TestMaxBufferedBytes(t *testing.T) {
	foo, err := thriftkit.Parse("foo.thrift", fooThrift)
	if err != nil {
		t.Fatal(err)
	}
	svc := foo.Service("PingPong")
	rest, err := gateway.Dialect([]*schema.Service{svc}, gateway.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const bound, size, part = 24 << 20, 15 << 20, 6 << 20
	long := make([]byte, part)
	sized := func(head string, n int, rest string) []byte {
		return append(binary.BigEndian.AppendUint32([]byte(head), uint32(n)), rest...)
	}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	w.Write(long)
	w.Flush()
	post := func(path, header string) []byte {
		return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n%s\r\n", path, size, header)
	}
	for _, tt := range []struct {
		name        string
		start, rest []byte
	}{
		{"framed", sized("", size, "\x80\x01\x00\x01\x00\x00\x00\x05login\x00\x00\x00\x01\x0b\x00\x01\x00\xe0\x00\x00"), long},
		{"HTTP", post("/", "Content-Type: application/x-thrift\r\n"), long},
		{"HTTP, gzip", post("/", "Content-Type: application/x-thrift\r\nContent-Encoding: gzip\r\n"), zipped.Bytes()},
		{"REST", post("/PingPong/login", "Content-Type: application/json\r\n"), long},
		{"REST, gzip", post("/PingPong/login", "Content-Type: application/json\r\nContent-Encoding: gzip\r\n"), zipped.Bytes()},
		{"rpcx", sized("\x08\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x01", size, ""), long},
		{"rpcx over HTTP", post("/", "X-RPCX-ServicePath: PingPong\r\nX-RPCX-ServiceMethod: Login\r\nX-RPCX-SerializeType: 1\r\n"), long},
		{"motan2", sized(string(sized("\xf1\xf1\x00\x08\x30\x00\x00\x00\x00\x00\x00\x00\x01", 24, "M_p\nPingPong\nM_m\nlogin..")), size, ""), long},
		{"dubbo", sized("\xda\xbb\xc2\x00\x00\x00\x00\x00\x00\x00\x00\x01", size, ""), long},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := thriftkit.NewServer(thriftkit.WithMaxBufferedBytes(bound), thriftkit.WithErrorLog(nil),
				thriftkit.WithDialects(rest, dubbo.Dialect(), motan.Dialect(), rpcx.Dialect()))
			if err := s.Register(svc, pingPong{}); err != nil {
				t.Fatal(err)
			}
			l, err := thriftkit.Listen("127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			go s.Serve(l)
			defer s.Close()
			wait := func(what string, ok func() bool) {
				t.Helper()
				for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
					if used := s.Stats().BufferedBytes; used > bound {
						t.Fatalf("the server holds %d bytes, at most %d are allowed", used, bound)
					}
					if time.Now().After(end) {
						t.Fatalf("%s: %+v", what, s.Stats())
					}
				}
			}
			var conns []net.Conn
			for i := 0; s.Stats().SlowConns == 0; i++ {
				if i > 2*bound/part {
					t.Fatalf("nobody was closed: %+v", s.Stats())
				}
				nc, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				conns = append(conns, nc)
				before := s.Stats().BufferedBytes
				nc.Write(tt.start)
				nc.Write(tt.rest) // the server may have closed it
				wait("the server holds nothing of it", func() bool {
					now := s.Stats()
					return now.BufferedBytes >= before+part || now.SlowConns > 0
				})
			}
			client, err := thriftkit.Dial(t.Context(), l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if _, err := thriftkit.Invoke[string](t.Context(), client, svc.Method("ping")); err != nil {
				t.Errorf("another client: %v", err)
			}
			ended := make(chan struct{}, len(conns))
			for _, nc := range conns { // one of them is closed
				go func() {
					io.Copy(io.Discard, nc)
					ended <- struct{}{}
				}()
			}
			select {
			case <-ended:
			case <-time.After(time.Minute):
				t.Error("no connection was closed")
			}
			for _, nc := range conns {
				nc.Close()
			}
			wait("it is not given back", func() bool { return s.Stats().BufferedBytes == 0 })
		})
	}
}
