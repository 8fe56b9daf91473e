package grpc_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
)

// frame returns a frame of gRPC that says it has n bytes.
func frame(flag byte, n int, data string) string {
	return string(binary.BigEndian.AppendUint32([]byte{flag}, uint32(n))) + data
}

func zipped(t *testing.T, n int) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.CopyN(w, zeros{}, int64(n)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return b.String()
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// grpcStatus sends a call of Shop.add by gRPC-Web and returns its status.
func grpcStatus(t *testing.T, addr, body string, header ...string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://"+addr+"/shop.v1.Shop/add", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/grpc-web+proto")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if s := resp.Header.Get("Grpc-Status"); s != "" { // without a message the trailer is the header
		return s
	}
	_, s, _ := strings.Cut(string(b), "grpc-status: ")
	s, _, _ = strings.Cut(s, "\r")
	return s
}

// TestHostile sends what no client should, by gRPC-Web, whose framing is that of gRPC. Each is answered with a status, other calls go on, and
// memory stays bounded.
func TestHostile(t *testing.T) {
	addr, _ := serve(t, thriftkit.WithMaxMessageBytes(1<<20))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, test := range []struct {
		name, body string
		header     []string
		want       string // the number of the status
	}{
		{"a lying length", frame(0, 1<<31-1, "\x08"), nil, "8"},
		{"a length above the limit", frame(0, 2<<20, ""), nil, "8"},
		{"a frame that ends early", frame(0, 100, "\x08\x01"), nil, "13"},
		{"half a frame header", "\x00\x00", nil, "13"},
		{"no message", "", nil, "12"},
		{"two messages", frame(0, 2, "\x08\x01") + frame(0, 2, "\x08\x01"), nil, "12"},
		{"compressed without saying how", frame(1, 2, "\x08\x01"), nil, "13"},
		{"unknown compression", frame(1, 2, "\x08\x01"), []string{"Grpc-Encoding", "lz5"}, "12"},
		{"a compressed bomb", frame(1, len(zipped(t, 64<<20)), zipped(t, 64<<20)), []string{"Grpc-Encoding", "gzip"}, "8"},
		{"not compressed at all", frame(1, 2, "\x08\x01"), []string{"Grpc-Encoding", "gzip"}, "3"},
		{"a bad timeout", frame(0, 2, "\x08\x01"), []string{"Grpc-Timeout", "1y"}, "3"},
		{"a group that never ends", frame(0, 1, "\x13"), nil, "3"},
		{"a reserved wire type", frame(0, 1, "\x0f"), nil, "3"},
		{"field number 0", frame(0, 2, "\x00\x00"), nil, "3"},
		{"what is no protobuf", frame(0, 4, "\xff\xff\xff\xff"), nil, "3"},
	} {
		if got := grpcStatus(t, addr, test.body, test.header...); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
		t.Errorf("%d bytes were allocated", grown)
	}
	if status, got := post(t, addr, "/shop.v1.Shop/add", "application/json", `{"a": 1, "b": 1}`); status != 200 {
		t.Errorf("after all that: %d %s", status, got)
	}
}

// TestInvalidText sends a string that is not UTF-8.
func TestInvalidText(t *testing.T) {
	addr, _ := serve(t)
	for contentType, body := range map[string]string{"application/proto": "\x0a\x01\xff", "application/json": "{\"key\": \"\xff\"}"} {
		if status, got := post(t, addr, "/shop.v1.Shop/metadata", contentType, body); status != 400 || !strings.Contains(got, "invalid_argument") {
			t.Errorf("%s: %d %s", contentType, status, got)
		}
	}
}

// TestSlowBody sends a request that never ends: the server gives it up.
func TestSlowBody(t *testing.T) {
	addr, _ := serve(t, thriftkit.WithMessageTimeout(100*time.Millisecond))
	for _, path := range []string{"/shop.v1.Shop/add", "/shop.v1.Shop/count", "/shop.v1.Shop/gone"} {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		fmt.Fprintf(nc, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc-web+proto\r\nContent-Length: 1000\r\n\r\n\x00", path)
		nc.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := io.ReadAll(nc); err != nil {
			t.Errorf("%s: the connection is still open: %v", path, err)
		}
	}
}

// TestSlowHandler has a handler take longer than a message may: only what is on the wire counts.
func TestSlowHandler(t *testing.T) {
	addr, _ := serve(t, thriftkit.WithMessageTimeout(50*time.Millisecond))
	for range 2 { // on one connection
		if status, got := post(t, addr, "/shop.v1.Shop/wait", "application/json", `{"millis": 200}`); status != http.StatusOK || got != `{"result":200}` {
			t.Errorf("%d %s", status, got)
		}
	}
	for _, scheme := range schemes {
		c := bind(t, dial(t, fmt.Sprintf(scheme, addr)))
		if n, err := c.Wait(t.Context(), 200); n != 200 || err != nil {
			t.Errorf("%s: %d, %v", scheme, n, err)
		}
	}
}
