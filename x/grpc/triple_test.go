package grpc_test

import (
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/thriftkit/thriftkit"
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
		{"Dubbo for Java", "/acme.v1.Adder/add", proto, wrap(call...), "0", wrap(pair{1, "hessian4"}, pair{2, "\xe5"}, pair{3, "J"})},
		{"dubbo-go", "/acme.v1.Adder/add", hessian, wrap(ofGo...), "0", wrap(pair{1, "hessian2"}, pair{2, "\xe5"}, pair{3, "J"})},
		{"a message of the mapping", "/acme.v1.Adder/add", proto, string(long), "0", "\x08\x02"},
		{"the path of the Java interface", "/com.acme.Adder/add", proto, wrap(call...), "0", wrap(pair{1, "hessian4"}, pair{2, "\xe5"}, pair{3, "J"})},
		{"another type", "/com.acme.Adder/add", proto, wrap(pair{1, "hessian4"}, pair{2, text}, pair{2, three}, pair{3, "x"}, pair{3, "int"}), "3", ""},
		{"bytes after an argument", "/com.acme.Adder/add", proto, wrap(pair{1, "hessian4"}, pair{2, two + two}, pair{2, three}, pair{3, "int"}, pair{3, "int"}), "3", ""},
		{"too few arguments", "/com.acme.Adder/add", proto, wrap(call[0], call[1], call[3]), "3", ""},
		{"too few types", "/com.acme.Adder/add", proto, wrap(call[:4]...), "3", ""},
		{"another serialization", "/com.acme.Adder/add", proto, wrap(append([]pair{{1, "fastjson2"}}, call[1:]...)...), "3", ""},
		{"no wrapper", "/com.acme.Adder/add", proto, "\xff\xff", "3", ""},
		{"too many arguments", "/com.acme.Adder/add", proto, strings.Repeat(wrap(pair{2, ""}), 300), "3", ""},
		{"an unknown field", "/com.acme.Adder/add", proto, wrap(append(call, pair{9, "x"})...), "0", wrap(pair{1, "hessian4"}, pair{2, "\xe5"}, pair{3, "J"})},
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
