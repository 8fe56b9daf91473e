package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/wire"
)

// TestHeaderOverHTTP calls with THeader in the bodies of HTTP, as Apache's clients in Python and Ruby have it.
func TestHeaderOverHTTP(t *testing.T) {
	leaks(t)
	l := listenTCP(t)
	svc := loadCarrier(t)
	s := rpc.NewServer(rpc.ServerOptions{})
	if err := s.Register(svc, carrier{svc}); err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	defer s.Close()
	for _, query := range []string{"", "&protocol=compact", "&compression=gzip"} {
		c := dial(t, "http://"+l.Addr().String()+"/x?transport=header"+query, rpc.ClientOptions{})
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		ctx = rpc.AddPersistentMetadata(rpc.AddMetadata(ctx, map[string]string{"Trace": "值"}), map[string]string{"Tenant": "a"})
		var back map[string]string
		long := strings.Repeat("long 长 ", 10_000)
		got, err := rpc.Invoke[map[string]string](rpc.ReceiveMetadata(ctx, &back), c, svc.Method("metadata"), map[string]string{"By": long})
		delete(got, "user-agent")
		if err != nil || !maps.Equal(got, map[string]string{"Trace": "值", "Tenant": "a"}) || back["By"] != long {
			t.Errorf("%s: metadata %v, %v, back %d bytes", query, got, err, len(back["By"]))
		}
		if ms, err := rpc.Invoke[int32](ctx, c, svc.Method("deadline")); err != nil || ms < 30_000 || ms > 60_001 {
			t.Errorf("%s: a deadline of a minute: %d, %v", query, ms, err)
		}
		var business *rpc.BusinessError
		if _, err := rpc.Invoke[string](ctx, c, svc.Method("business"), int32(7)); !errors.As(err, &business) || business.Code != 7 {
			t.Errorf("%s: a business error: %v", query, err)
		}
	}

	addr := l.Addr().String()
	for body, want := range map[string]string{
		"\x00\x00\x00\x40\x0f\xff\x00\x00\x00\x00\x00\x01\x00\x00":                                 "the body has a frame of 64 bytes, and 10 more",
		"\x00\x00\x00\x0e\x0f\xff\x00\x00\x00\x00\x00\x01\x00\x01\x07\x00\x00\x00":                 "unknown protocol in the header: 7",
		"\x00\x00\x00\x12\x00\x00\x00\x0e\x0f\xff\x00\x00\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00": "the body is a framed message: over HTTP there are no frames",
		"\x00\x00\x00\x0e\x10\x00\x00\x00\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00":                 "the body is in an envelope: over HTTP there is only THeader",
	} {
		if resp, text := post(t, addr, fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", len(body)), []byte(body)); resp.StatusCode != 400 || !strings.Contains(text, want) {
			t.Errorf("%x: %d %s, want %s", body, resp.StatusCode, text, want)
		}
	}
	oneway := append([]byte("\x00\x00\x00\x21\x0f\xff\x00\x00\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00"), message("none", wire.Oneway, 1, "00")...)
	oneway[3] = byte(len(oneway) - 4)
	if resp, text := post(t, addr, fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", len(oneway)), oneway); resp.StatusCode != 200 || text != "" {
		t.Errorf("a oneway call of an unknown method: %d %q", resp.StatusCode, text)
	}
}
