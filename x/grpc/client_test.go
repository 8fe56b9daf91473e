package grpc_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/x/grpc"
)

// A client has the methods of Shop as funcs.
type client struct {
	Ping      func(context.Context) (string, error)
	Echo      func(context.Context, *dynamic.Struct) (*dynamic.Struct, error)
	Direct    func(context.Context, *dynamic.Struct) (*dynamic.Struct, error) `thrift:"echo_direct"`
	Add       func(ctx context.Context, a, b int32) (int64, error)
	Names     func(context.Context, int32) ([]string, error)
	Where     func(context.Context, string) (map[string]Point, error)
	Favourite func(context.Context) (int32, error)
	Nothing   func(context.Context, string) error
	Log       func(context.Context, string) error
	Metadata  func(context.Context, string) (string, error)
	Wait      func(context.Context, int32) (int32, error)
	Count     func(context.Context, int32) (*rpc.Receiver[Point], error)
	Sum       func(context.Context) (*rpc.ClientStream[Point, int32], error)
	Total     func(context.Context) (*rpc.ClientStream[int32, int32], error)
	Mirror    func(context.Context) (*rpc.BidiStream[Point, Point], error)
}

// schemes are the forms of targets. A bidirectional stream of Connect needs HTTP/2, which it has with TLS only.
var schemes = []string{"grpc://%s", "grpc://%s?protocol=json", "connect://%s", "connect://%s/?protocol=json"}

func dial(t testing.TB, target string, opts ...thriftkit.ClientOption) *thriftkit.Client {
	t.Helper()
	c, err := thriftkit.Dial(t.Context(), target, append(opts, thriftkit.WithDialects(grpc.Dialect()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func bind(t testing.TB, c *thriftkit.Client) (x client) {
	t.Helper()
	if err := c.Bind(loadShop().Service("Shop"), &x, &NotFound{}, &Plain{}); err != nil {
		t.Fatal(err)
	}
	return x
}

func TestClient(t *testing.T) {
	addr, _ := serve(t)
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			conn := dial(t, fmt.Sprintf(scheme, addr))
			c := bind(t, conn)
			ctx := t.Context()
			if s, err := c.Ping(ctx); s != "pong" || err != nil {
				t.Errorf("ping: %q, %v", s, err)
			}
			if n, err := c.Add(ctx, 2, 3); n != 5 || err != nil {
				t.Errorf("add: %d, %v", n, err)
			}
			if n, err := thriftkit.Invoke[int64](ctx, conn, loadShop().Service("Shop").Method("add"), 2); n != 7 || err != nil {
				t.Errorf("add with a default: %d, %v", n, err)
			}
			if names, err := c.Names(ctx, 2); !slices.Equal(names, []string{"n0", "n1"}) || err != nil {
				t.Errorf("names: %v, %v", names, err)
			}
			if where, err := c.Where(ctx, "me"); where["me"] != (Point{1, 2}) || err != nil {
				t.Errorf("where: %v, %v", where, err)
			}
			if n, err := c.Favourite(ctx); n != 2 || err != nil {
				t.Errorf("favourite: %v, %v", n, err)
			}
			if err := errors.Join(c.Nothing(ctx, ""), c.Log(ctx, "a")); err != nil {
				t.Error(err)
			}
			value := dynamic.New(loadShop().Struct("Everything"))
			if err := errors.Join(value.Set("ratios", map[float64]int8{0.5: 1}), value.Set("by_point", nil), value.Set("name", "é")); err != nil {
				t.Fatal(err)
			}
			for _, echo := range []func(context.Context, *dynamic.Struct) (*dynamic.Struct, error){c.Echo, c.Direct} {
				got, err := echo(ctx, value)
				if err != nil || got.Get("name").Text() != "é" || got.Get("answer").Int() != 42 || got.Get("ratios").Map().Len() != 1 {
					t.Errorf("echo: %v, %v", got, err)
				}
			}
			names := loadShop().Service("Shop").Method("names")
			if v, err := conn.Invoke(ctx, names, dynamic.New(names.Args)); err != nil || v.List().Len() != 0 {
				t.Errorf("no names: %v, %v", v, err)
			}
		})
	}
}

func TestClientErrors(t *testing.T) {
	addr, _ := serve(t)
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			c := bind(t, dial(t, fmt.Sprintf(scheme, addr)))
			value := dynamic.New(loadShop().Struct("Everything"))
			var plain *Plain
			if err := c.Nothing(t.Context(), "100% é\n"); !errors.As(err, &plain) || plain.Why != "100% é\n" {
				t.Errorf("a declared exception: %v", err)
			}
			value.Set("name", "missing")
			var missing *NotFound
			if _, err := c.Echo(t.Context(), value); !errors.As(err, &missing) || missing.Code != 7 {
				t.Errorf("a declared exception: %v", err)
			}
			for name, code := range map[string]rpc.Code{"undeclared": rpc.CodeInternal, "panic": rpc.CodeInternal} {
				value.Set("name", name)
				var e *rpc.Error
				if _, err := c.Echo(t.Context(), value); !errors.As(err, &e) || e.Code != code || !e.Remote {
					t.Errorf("%s: %v", name, err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			if _, err := c.Wait(ctx, 60_000); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("after the deadline: %v", err)
			}
			ctx, cancel = context.WithCancel(t.Context())
			time.AfterFunc(10*time.Millisecond, cancel)
			if _, err := c.Wait(ctx, 60_000); !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: %v", err)
			}
			ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if left, err := c.Wait(ctx, 0); err != nil || left < 1000 || left > 60_000 {
				t.Errorf("%d ms are left, %v", left, err)
			}
		})
	}
}

// TestClientTLS calls by TLS: there Connect has HTTP/2, and streams in both directions.
func TestClientTLS(t *testing.T) {
	https := httptest.NewTLSServer(nil)
	defer https.Close()
	roots := x509.NewCertPool()
	roots.AddCert(https.Certificate())
	addr, _ := serve(t, thriftkit.WithTLS(&tls.Config{Certificates: https.TLS.Certificates}), thriftkit.WithTLSOnly())
	for _, scheme := range []string{"grpcs://%s?servername=example.com", "connects://%s?servername=example.com", "connects://%s/?protocol=json&servername=example.com"} {
		t.Run(scheme, func(t *testing.T) {
			c := bind(t, dial(t, fmt.Sprintf(scheme, addr), thriftkit.WithTLS(&tls.Config{RootCAs: roots})))
			if n, err := c.Add(t.Context(), 2, 3); n != 5 || err != nil {
				t.Errorf("add: %d, %v", n, err)
			}
			both, err := c.Mirror(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for i := range int32(3) {
				if err := both.Send(Point{i, 7}); err != nil {
					t.Fatal(err)
				}
				if p, err := both.Recv(); p != (Point{7, i}) || err != nil {
					t.Errorf("mirror: %v, %v", p, err)
				}
			}
			both.CloseSend()
			if _, err := both.Recv(); err != io.EOF {
				t.Errorf("mirror ends with %v", err)
			}
		})
		_, err := thriftkit.Dial(t.Context(), fmt.Sprintf(scheme, addr), thriftkit.WithDialects(grpc.Dialect()))
		if err == nil || !strings.Contains(err.Error(), "unknown authority") {
			t.Errorf("%s, of an authority that is not known: %v", scheme, err)
		}
	}
}

// nobody returns an address where nobody listens: that of the client's end of a connection, which nobody else gets as long
// as the test runs.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc.LocalAddr().String()
}

// TestClientNobody calls where nobody listens, and after Close.
func TestClientNobody(t *testing.T) {
	addr := nobody(t)
	for _, scheme := range schemes {
		target := fmt.Sprintf(scheme, addr)
		_, err := thriftkit.Dial(t.Context(), target, thriftkit.WithDialects(grpc.Dialect()))
		var e *rpc.Error
		if !errors.As(err, &e) || e.Code != rpc.CodeUnavailable || e.Outcome != rpc.OutcomeNotSent {
			t.Errorf("%s: %v", target, err)
		}
		c := dial(t, target, thriftkit.WithLazyDial())
		e = nil
		if _, err := bind(t, c).Ping(t.Context()); !errors.As(err, &e) || e.Code != rpc.CodeUnavailable || e.Outcome != rpc.OutcomeNotSent {
			t.Errorf("%s, lazy: %v", target, err)
		}
		c.Close()
		e = nil
		if _, err := bind(t, c).Ping(t.Context()); !errors.As(err, &e) || e.Code != rpc.CodeClosed {
			t.Errorf("%s, closed: %v", target, err)
		}
	}
	if _, err := thriftkit.Dial(t.Context(), "grpc://"+addr); err == nil || !strings.Contains(err.Error(), "module x/grpc") {
		t.Errorf("without the dialect: %v", err)
	}
}

func TestClientMetadata(t *testing.T) {
	addr, _ := serve(t)
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			c := bind(t, dial(t, fmt.Sprintf(scheme, addr)))
			var reply map[string]string
			ctx := thriftkit.ReceiveMetadata(thriftkit.AddMetadata(t.Context(), map[string]string{"x-a": "1, 2", "x-b-bin": "a\x00b"}), &reply)
			if v, err := c.Metadata(ctx, "x-a"); v != "1, 2" || err != nil {
				t.Errorf("%q, %v", v, err)
			}
			if v, err := c.Metadata(ctx, "x-b-bin"); v != "a\x00b" || err != nil {
				t.Errorf("%q, %v", v, err)
			}
			if reply["x-reply"] != "r" || reply["x-reply-bin"] != "\x00\xff" || len(reply) != 2 {
				t.Errorf("the reply came with %q", reply)
			}
			if _, err := c.Ping(thriftkit.AddMetadata(t.Context(), map[string]string{"grpc-timeout": "1S"})); err == nil {
				t.Error("metadata overwrote a header of the protocol")
			}
		})
	}
}

func TestClientStreams(t *testing.T) {
	addr, _ := serve(t)
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			c := bind(t, dial(t, fmt.Sprintf(scheme, addr)))
			in, err := c.Count(t.Context(), 3)
			if err != nil {
				t.Fatal(err)
			}
			var got []int32
			for p, err := range in.All() {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, p.X)
			}
			if !slices.Equal(got, []int32{0, 1, 2}) {
				t.Errorf("count: %v", got)
			}
			if in, err = c.Count(t.Context(), 2000); err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, err = range in.All() {
				n++
			}
			var plain *Plain
			if n != 1001 || !errors.As(err, &plain) {
				t.Errorf("count: %d items and %v", n, err)
			}
			out, err := c.Sum(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for i := range int32(4) {
				if err := out.Send(Point{X: i}); err != nil {
					t.Fatal(err)
				}
			}
			if sum, err := out.CloseAndRecv(); sum != 6 || err != nil {
				t.Errorf("sum: %d, %v", sum, err)
			}
			numbers, err := c.Total(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(numbers.Send(1), numbers.Send(0), numbers.Send(5)); err != nil {
				t.Error(err)
			}
			if sum, err := numbers.CloseAndRecv(); sum != 6 || err != nil {
				t.Errorf("total: %d, %v", sum, err)
			}
			if strings.HasPrefix(scheme, "connect") {
				var e *rpc.Error
				if _, err := c.Mirror(t.Context()); !errors.As(err, &e) || e.Outcome != rpc.OutcomeNotSent || !strings.Contains(err.Error(), "needs HTTP/2") {
					t.Errorf("mirror: %v", err)
				}
				return
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			both, err := c.Mirror(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for i := range int32(3) {
				if err := both.Send(Point{i, 7}); err != nil {
					t.Fatal(err)
				}
				if p, err := both.Recv(); p != (Point{7, i}) || err != nil {
					t.Errorf("mirror: %v, %v", p, err)
				}
			}
			if err := both.CloseSend(); err != nil {
				t.Error(err)
			}
			if _, err := both.Recv(); err != io.EOF {
				t.Errorf("mirror ends with %v", err)
			}
			if both, err = c.Mirror(ctx); err != nil {
				t.Fatal(err)
			}
			if err := both.Send(Point{-1, 0}); err != nil {
				t.Error(err)
			}
			if _, err := both.Recv(); !errors.As(err, &plain) {
				t.Errorf("mirror of what it refuses: %v", err)
			}
			if both, err = c.Mirror(ctx); err != nil {
				t.Fatal(err)
			}
			cancel()
			if _, err := both.Recv(); !errors.Is(err, context.Canceled) {
				t.Errorf("mirror, cancelled: %v", err)
			}
		})
	}
}
