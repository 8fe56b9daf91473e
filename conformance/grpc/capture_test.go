package grpc_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gogrpc "google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/x/grpc"
)

// A tapped is a connection of a client whose bytes an Assembler reads.
type tapped struct {
	net.Conn
	mu   *sync.Mutex
	conn *capture.Conn
}

func (c tapped) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.conn.Request(b, time.Now())
	c.mu.Unlock()
	return c.Conn.Write(b)
}

func (c tapped) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	c.conn.Reply(b[:n], time.Now())
	c.mu.Unlock()
	return n, err
}

// TestCapture finds all calls between grpc-go's client and its server, neither of which knows of us.
func TestCapture(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := gogrpc.NewServer()
	testgrpc.RegisterTestServiceServer(s, interop.NewTestServer())
	go s.Serve(l)
	t.Cleanup(s.Stop)

	file := thriftkit.MustLoad("testdata/interop.thrift")
	var (
		mu    sync.Mutex
		lines []string
	)
	a := capture.NewAssembler(capture.Options{Protocols: []capture.Protocol{grpc.Capture()}}, func(c *capture.Call) {
		m := file.Service("TestService").Method(c.Method())
		if m == nil {
			lines = append(lines, c.Method()+" is not known")
			return
		}
		line := m.Name + ": " + c.Status.String()
		for _, msg := range []*capture.Message{c.Request, c.Reply} {
			if msg == nil || msg.Failure != nil {
				continue
			}
			if _, err := msg.Value(m); err != nil && !(m.Stream != 0 && len(msg.Bytes) == 0) {
				line += fmt.Sprintf(" (%s: %v)", msg.Type, err)
			}
		}
		if c.Reply != nil && c.Reply.Failure != nil {
			line += " " + c.Reply.Failure.Name
		}
		lines = append(lines, line)
	})
	var conn *capture.Conn
	cc, err := gogrpc.NewClient(l.Addr().String(), gogrpc.WithTransportCredentials(insecure.NewCredentials()), gogrpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		conn = a.Conn(netip.MustParseAddrPort(nc.LocalAddr().String()), netip.MustParseAddrPort(addr))
		return tapped{nc, &mu, conn}, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	client := testgrpc.NewTestServiceClient(cc)
	ctx := t.Context()
	interop.DoEmptyUnaryCall(ctx, client)
	interop.DoLargeUnaryCall(ctx, client)
	interop.DoClientStreaming(ctx, client)
	interop.DoServerStreaming(ctx, client)
	interop.DoPingPong(ctx, client)
	interop.DoStatusCodeAndMessage(ctx, client)
	interop.DoSpecialStatusMessage(ctx, client)
	interop.DoUnimplementedMethod(ctx, cc)
	for range 200 { // headers that refer to earlier ones
		interop.DoCustomMetadata(ctx, client)
	}
	cc.Close()
	mu.Lock()
	defer mu.Unlock()
	if conn.Close(); len(lines) < 8 {
		t.Fatal(lines)
	}
	want := []string{
		"EmptyCall: ok", "UnaryCall: ok", "StreamingInputCall: ok", "StreamingOutputCall: ok", "FullDuplexCall: ok",
		"UnaryCall: error UNKNOWN", "FullDuplexCall: error UNKNOWN", "UnaryCall: error UNKNOWN", "UnimplementedCall: error UNIMPLEMENTED",
	}
	if !slices.Equal(lines[:len(want)], want) {
		t.Errorf("%s\nwant\n%s", strings.Join(lines[:len(want)], "\n"), strings.Join(want, "\n"))
	}
	rest := make(map[string]int)
	for _, line := range lines[len(want):] {
		rest[line]++
	}
	if rest["UnaryCall: ok"] != 200 || rest["FullDuplexCall: ok"] != 200 || len(rest) != 2 {
		t.Error(rest)
	}
}
