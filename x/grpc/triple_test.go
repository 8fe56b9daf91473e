package grpc_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/x/grpc"
)

// A pair is a field of a wrapper of Triple.
type pair struct {
	number int
	value  string
}

func wrap(fields ...pair) string {
	var b []byte
	for _, f := range fields {
		b = protowire.AppendString(protowire.AppendTag(b, protowire.Number(f.number), protowire.BytesType), f.value)
	}
	return string(b)
}

// triple sends a call by gRPC-Web, whose framing is that of gRPC, and returns the status and the message.
func triple(t *testing.T, addr, path, contentType, msg string) (status, body string) {
	t.Helper()
	resp, err := http.Post("http://"+addr+path, contentType, strings.NewReader(frame(0, len(msg), msg)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if s := resp.Header.Get("Grpc-Status"); s != "" {
		return s, ""
	}
	if len(b) >= 5 && b[0] == 0 {
		n := 5 + int(binary.BigEndian.Uint32(b[1:]))
		body, b = string(b[5:n]), b[n:]
	}
	_, s, _ := strings.Cut(string(b), "grpc-status: ")
	s, _, _ = strings.Cut(s, "\r")
	return s, body
}

type adder struct{}

func (adder) Add(_ context.Context, a, b int32) (int64, error) { return int64(a) + int64(b), nil }

// TestTriple has requests of Dubbo's clients that have no .proto file. Real ones are in conformance/dubbo.
func TestTriple(t *testing.T) {
	idl := filepath.Join(t.TempDir(), "adder.thrift")
	if err := os.WriteFile(idl, []byte("namespace java com.acme\nnamespace * acme.v1\nservice Adder { i64 add(1: i32 a, 2: i32 b) }"), 0o666); err != nil {
		t.Fatal(err)
	}
	addr, s := serve(t)
	if err := s.Register(thriftkit.MustLoad(idl).Service("Adder"), adder{}); err != nil {
		t.Fatal(err)
	}
	const two, three, text = "\x92", "\x93", "\x01x" // in Hessian
	const proto, hessian = "application/grpc-web+proto", "application/grpc-web+hessian2"
	call := []pair{{1, "hessian4"}, {2, two}, {2, three}, {3, "int"}, {3, "int"}}
	ofGo := append([]pair{{1, "hessian2"}}, call[1:]...)
	long := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 2) // an argument of the mapping to protobuf
	for _, test := range []struct {
		name, path, contentType, msg string
		status, body                 string
	}{
		{"Dubbo for Java", "/acme.v1.Adder/add", proto, wrap(call...), "0", wrap(pair{1, "hessian4"}, pair{2, "\xe5"}, pair{3, "long"})},
		{"dubbo-go", "/acme.v1.Adder/add", hessian, wrap(ofGo...), "0", wrap(pair{1, "hessian2"}, pair{2, "\xe5"}, pair{3, "long"})},
		{"a message of the mapping", "/acme.v1.Adder/add", proto, string(long), "0", "\x08\x02"},
		{"the path of the Java interface", "/com.acme.Adder/add", proto, wrap(call...), "0", wrap(pair{1, "hessian4"}, pair{2, "\xe5"}, pair{3, "long"})},
		{"another type", "/com.acme.Adder/add", proto, wrap(pair{1, "hessian4"}, pair{2, text}, pair{2, three}, pair{3, "x"}, pair{3, "int"}), "3", ""},
		{"bytes after an argument", "/com.acme.Adder/add", proto, wrap(pair{1, "hessian4"}, pair{2, two + two}, pair{2, three}, pair{3, "int"}, pair{3, "int"}), "3", ""},
		{"too few arguments", "/com.acme.Adder/add", proto, wrap(call[0], call[1], call[3]), "3", ""},
		{"too few types", "/com.acme.Adder/add", proto, wrap(call[:4]...), "3", ""},
		{"another serialization", "/com.acme.Adder/add", proto, wrap(append([]pair{{1, "fastjson2"}}, call[1:]...)...), "3", ""},
		{"no wrapper", "/com.acme.Adder/add", proto, "\xff\xff", "3", ""},
		{"too many arguments", "/com.acme.Adder/add", proto, strings.Repeat(wrap(pair{2, ""}), 300), "3", ""},
		{"an unknown field", "/com.acme.Adder/add", proto, wrap(append(call, pair{9, "x"})...), "0", wrap(pair{1, "hessian4"}, pair{2, "\xe5"}, pair{3, "long"})},
		{"no method", "/com.acme.Adder/nope", proto, wrap(call...), "12", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if status, body := triple(t, addr, test.path, test.contentType, test.msg); status != test.status || body != test.body {
				t.Errorf("status %s, %q, want %s, %q", status, body, test.status, test.body)
			}
		})
	}
	whole := wrap(call...)
	for n := range len(whole) {
		if status, _ := triple(t, addr, "/com.acme.Adder/add", proto, whole[:n]); status != "3" {
			t.Errorf("%d bytes: status %s", n, status)
		}
	}
}

// tripleClient has methods of the service that Dubbo's peers call.
type tripleClient struct {
	Ping    func(context.Context) (string, error)
	Echo    func(context.Context, map[string]any) (map[string]any, error)
	Add     func(context.Context, int32, int32) (int64, error)
	Names   func(context.Context, int32) ([]string, error)
	Where   func(context.Context, string) (map[string]dubboPoint, error)
	Unique  func(context.Context, []int32) ([]int32, error)
	Nothing func(context.Context) error
	Log     func(context.Context, string) error
	Wait    func(context.Context, int32) (int32, error)

	Metadata func(context.Context, map[string]string) (map[string]string, error)
}

// serveDubboShop serves it, and returns the address.
func serveDubboShop(t *testing.T, o grpc.Options) string {
	t.Helper()
	s := thriftkit.NewServer(thriftkit.WithDialects(grpc.New(o)), thriftkit.WithErrorLog(nil))
	if err := s.Register(thriftkit.MustLoad("../dubbo/testdata/shop.thrift").MustService("Shop"), dubboShop{}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-done })
	return l.Addr().String()
}

func dialTriple(t *testing.T, target string) *tripleClient {
	t.Helper()
	conn, err := thriftkit.Dial(t.Context(), target, thriftkit.WithDialects(grpc.Dialect()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := new(tripleClient)
	if err := conn.Bind(thriftkit.MustLoad("../dubbo/testdata/shop.thrift").MustService("Shop"), c, &dubboMissing{}); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestTripleClient makes calls of a Java interface.
func TestTripleClient(t *testing.T) {
	addr := serveDubboShop(t, grpc.Options{})
	for _, target := range []string{"tri://" + addr, "tri://" + addr + "/com.acme.shop.Shop?protocol=hessian2", "tri://" + addr + "?protocol=proto"} {
		t.Run(strings.TrimPrefix(target, "tri://"+addr), func(t *testing.T) { tripleCalls(t, dialTriple(t, target), true) })
	}
}

// tripleCalls makes calls of all kinds, of a server of ours or of another one, which says what is wrong in errors that are not declared.
func tripleCalls(t *testing.T, c *tripleClient, ours bool) {
	ctx := thriftkit.AddMetadata(t.Context(), map[string]string{"trace": "a b"})
	if text, err := c.Ping(ctx); err != nil || text != "pong" {
		t.Fatalf("ping: %q, %v", text, err)
	}
	if n, err := c.Add(ctx, 2, -300); err != nil || n != -298 {
		t.Errorf("add: %d, %v", n, err)
	}
	if v, err := c.Echo(ctx, map[string]any{"name": "é", "longs": []int64{1 << 40}, "point": map[string]any{"x": 3, "y": 4}}); err != nil || v["name"] != "é" {
		t.Errorf("echo: %v, %v", v, err)
	}
	if names, err := c.Names(ctx, 3); err != nil || len(names) != 3 {
		t.Errorf("names: %q, %v", names, err)
	}
	if m, err := c.Where(ctx, "me"); err != nil || m["me"] != (dubboPoint{1, 2}) {
		t.Errorf("where: %v, %v", m, err)
	}
	if all, err := c.Unique(ctx, []int32{2, 2, 1}); err != nil || len(all) != 2 {
		t.Errorf("unique: %v, %v", all, err)
	}
	if err := c.Nothing(ctx); err != nil {
		t.Errorf("nothing: %v", err)
	}
	if err := c.Log(ctx, "it"); err != nil {
		t.Errorf("log: %v", err)
	}
	if md, err := c.Metadata(ctx, nil); err != nil || md["trace"] != "a b" {
		t.Errorf("metadata: %q, %v", md, err)
	}
	_, err := c.Echo(ctx, map[string]any{"name": "missing"})
	if missing := (*dubboMissing)(nil); !errors.As(err, &missing) || *missing != (dubboMissing{"missing", 7}) {
		t.Errorf("a declared exception: %v", err)
	}
	_, err = c.Echo(ctx, map[string]any{"name": "undeclared"})
	if e := (*thriftkit.Error)(nil); !errors.As(err, &e) || e.Code != thriftkit.CodeInternal || strings.Contains(e.Message, "secret") || ours == strings.Contains(e.Message, "no good") {
		t.Errorf("an undeclared error: %v", err)
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := c.Wait(short, 60_000); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a timeout: %v", err)
	}
}

// TestTripleSelects has servers that are for a group and a version.
func TestTripleSelects(t *testing.T) {
	addr := serveDubboShop(t, grpc.Options{Group: "g", Version: "1.0"})
	for _, test := range []struct{ target, want string }{
		{"tri://" + addr + "?group=g&version=1.0", ""},
		{"tri://" + addr + "?group=g&version=1.0&protocol=proto", ""},
		{"grpc://" + addr, ""}, // which has no names for them
		{"tri://" + addr, `the services are served in the group g, not in ""`},
		{"tri://" + addr + "?group=h&version=1.0", `the services are served in the group g, not in "h"`},
		{"tri://" + addr + "?group=g&version=2.0&protocol=proto", `the services are served in the version 1.0, not in "2.0"`},
	} {
		_, err := dialTriple(t, test.target).Ping(t.Context())
		var e *thriftkit.Error
		if test.want == "" && err != nil || test.want != "" && (!errors.As(err, &e) || e.Code != thriftkit.CodeUnknownMethod || e.Message != test.want) {
			t.Errorf("%s: %v, want %q", test.target, err, test.want)
		}
	}
}

// TestTripleReplies has replies as Dubbo's servers write them, and broken ones.
func TestTripleReplies(t *testing.T) {
	const null = "N"
	data := wrap(pair{1, "hessian4"}, pair{2, "\x04pong"}, pair{3, "java.lang.String"})
	for _, test := range []struct{ name, contentType, body, status, want string }{
		{"Dubbo for Java", "application/grpc+proto", data, "0", "pong"},
		{"dubbo-go", "application/grpc+hessian2", data, "0", "pong"},
		{"no type", "application/grpc", wrap(pair{2, "\x04pong"}), "0", "pong"},
		{"null", "application/grpc+proto", wrap(pair{1, "hessian4"}, pair{2, null}), "0", ""},
		{"no data", "application/grpc+proto", "", "0", ""},
		{"another type", "application/grpc+proto", wrap(pair{2, "\x92"}), "0", "protocol"},
		{"cut", "application/grpc+proto", wrap(pair{2, "\x05pong"}), "0", "protocol"},
		{"no wrapper", "application/grpc+proto", "\xff", "0", "TripleResponseWrapper"},
		{"an error of dubbo-go", "application/grpc+hessian2", "", "17", "internal error"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				if r.URL.Path != "/com.acme.shop.Shop/ping" || r.Header.Get("Content-Type") != "application/grpc+hessian2" {
					t.Errorf("%s, %v", r.URL.Path, r.Header)
				}
				w.Header().Set("Content-Type", test.contentType)
				w.Header().Set("Trailer", "Grpc-Status")
				if test.status == "0" {
					io.WriteString(w, frame(0, len(test.body), test.body))
				}
				w.Header().Set("Grpc-Status", test.status)
			})
			s := &http.Server{Handler: h, Protocols: new(http.Protocols)}
			s.Protocols.SetUnencryptedHTTP2(true)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			go s.Serve(l)
			defer s.Close()
			text, err := dialTriple(t, "tri://"+l.Addr().String()).Ping(t.Context())
			if got := text; err != nil {
				if got = err.Error(); !strings.Contains(got, test.want) {
					t.Errorf("%v, want %q", err, test.want)
				}
			} else if got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
